"""Names of countries and services, and names of the pages about them."""

from __future__ import annotations

import csv
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import Final

from wallwatch.schema import words

_CODE = re.compile(r"[A-Z]{2}")
_MEASUREMENT = re.compile(r"[A-Za-z0-9_.-]{1,79}")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

#: How services are written whose name in the tables is not a host name.
_SERVICES: Final = {
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
    "signal": "Signal",
    "facebook_messenger": "Facebook Messenger",
    "tor": "Tor",
    "torsf": "Tor Snowflake",
    "vanilla_tor": "Tor without bridges",
    "psiphon": "Psiphon",
    "openvpn": "OpenVPN",
    "riseupvpn": "RiseupVPN",
}


@cache
def _names() -> dict[str, str]:
    text = files("wallwatch.report").joinpath("data/countries.csv").read_text(encoding="utf-8")
    return {row["code"]: row["name"] for row in csv.DictReader(text.splitlines())}


def is_country(code: object) -> bool:
    """Whether it has the form of a country code; only then is there a page for it."""
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


def country_name(code: str) -> str:
    """The country's English name; the code where there is none."""
    return _names().get(code, code)


def is_made_up(code: str) -> bool:
    """Whether the code is one that ISO 3166-1 leaves to users: no real country has it."""
    return words.is_made_up(code)


def service_name(service: str) -> str:
    """The service as it is written."""
    return _SERVICES.get(service, service)


def _file(id_: str) -> str:
    # An id from elsewhere may hold anything; what cannot be a file name is replaced by its hash.
    return id_ if _ID.fullmatch(id_) else hashlib.sha256(id_.encode("utf-8", "replace")).hexdigest()[:16]


def country_page(code: str) -> str:
    """The page's path from the report's folder."""
    return f"country/{code}.html"


def works_page(code: str) -> str:
    """The page's path from the report's folder."""
    return f"works/{code}.html"


def network_page(country: str, network: int) -> str:
    """The page's path from the report's folder."""
    return f"network/{country}-{int(network)}.html"


def event_page(event_id: str) -> str:
    """The page's path from the report's folder."""
    return f"event/{_file(event_id)}.html"


def outage_page(outage_id: str) -> str:
    """The page's path from the report's folder."""
    return f"outage/{_file(outage_id)}.html"


def service_page(service: str) -> str:
    """The page's path from the report's folder."""
    plain = len(service) <= 70 and _HOST.fullmatch(service) is not None
    return f"service/{service if plain else hashlib.sha256(service.encode('utf-8', 'replace')).hexdigest()[:16]}.html"


def record_page(country: str) -> str:
    """The page's path from the report's folder."""
    return f"record/{country}.html"


def measurement_page(measurement_id: str) -> str | None:
    """The page's path from the report's folder, where pages are served; null for an id that no address can hold."""
    return f"measurement/{measurement_id}.html" if _MEASUREMENT.fullmatch(measurement_id) else None
