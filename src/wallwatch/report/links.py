"""Links that lead out, and commands to check by hand: made only from values of a safe form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from wallwatch.report.places import is_country, is_made_up

_UID = re.compile(r"\d{14}\.\d+_([A-Z]{2})_[a-z0-9]+_[0-9a-f]{16}")
_HOST = re.compile(r"(?=.{4,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")
_NETTESTS = frozenset(("telegram", "whatsapp", "signal", "facebook_messenger", "tor", "psiphon"))
#: Names that the judge gives to pools of addresses; nothing resolves them.
_POOL = ".endpoint"
#: Likewise to the ways of tools.
_WAY = re.compile(
    r"(tor|torsf|openvpn|riseupvpn)\.(obfs\d|udp|tcp|api|openvpn|meek|snowflake|webtunnel|scramblesuit|unknown)"
)


def is_host(text: object) -> bool:
    """Whether it is a host name that may stand in a command as it is."""
    if not isinstance(text, str) or _HOST.fullmatch(text) is None:
        return False
    return not text.endswith(_POOL) and _WAY.fullmatch(text) is None


def measurement(id_: str) -> str | None:
    """The measurement's public page; null where the id is not OONI's or the country is made up."""
    found = _UID.fullmatch(id_)
    if found is None or is_made_up(found[1]):
        return None
    return f"https://explorer.ooni.org/m/{id_}"


def search(country: str, service: str, targets: Sequence[str], first: date, last: date) -> str | None:
    """OONI Explorer's list of the measurements concerned; null for made-up countries."""
    if not is_country(country) or is_made_up(country):
        return None
    asked = {"probe_cc": country, "since": first.isoformat(), "until": (last + timedelta(days=1)).isoformat()}
    host = next((target for target in targets if is_host(target)), None)
    if service in _NETTESTS:
        asked["test_name"] = service
    elif host is not None:
        asked |= {"test_name": "web_connectivity", "domain": host}
    else:
        return None
    return f"https://explorer.ooni.org/search?{urlencode(asked)}"


def commands(hosts: Sequence[str], layers: Sequence[str]) -> list[str]:
    """Commands that try the hosts by hand, at the layers concerned."""
    found = []
    for host in [host for host in hosts if is_host(host)][:2]:
        found += [f"dig +short {host}", f"dig +short {host} @1.1.1.1"]
        if "tcp" in layers:
            found.append(f"nc -vz -w 10 {host} 443")
        if {"tls", "tcp", "dns", "all", "service"} & set(layers):
            found.append(f"openssl s_client -connect {host}:443 -servername {host} </dev/null")
        found.append(f"curl -sv -o /dev/null https://{host}/")
    return found
