"""Sites, apps and services as texts name them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

#: A host name; at least one dot, a letter in its last part, not an abbreviation or a number.
_HOST = re.compile(
    r"(?<![\w@.-])(?:https?://)?((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,8}[a-z]{2,24})(?![\w.-]*\w@)(?![\w-])",
    re.IGNORECASE,
)
#: The one-letter name of a service, where the words before it leave no doubt.
_X = re.compile(
    r"\b(?:social (?:network|platform|media platform|media site)|platform|(?:un)?block(?:ed|ing|s)?|bans?|banned|ban on|access to|"
    r"suspend(?:ed|ing)?|restrict(?:ed|ing)?|throttl(?:ed|ing)|slow(?:ed|ing)) (?P<x>X)\b(?![-.’'\w])"
)
_NOT_HOSTS = re.compile(r"(?:[a-z]\.)+[a-z]{1,2}|.*\.(?:html?|php|pdf|txt|csv|jpe?g|png)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Service:
    """A service: how it is called, and the targets that measure it."""

    name: str
    names: tuple[str, ...]
    hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceMention:
    """A service or host in a text.

    Attributes:
        name: The service's id, or the host.
        start: Place of its first character.
        end: Place after its last.
    """

    name: str
    start: int
    end: int


@cache
def services() -> dict[str, Service]:
    """The services that are known by name, by their ids."""
    text = files("wallwatch.record").joinpath("data/services.csv").read_text(encoding="utf-8")
    return {
        row["service"]: Service(
            row["service"], tuple(row["names"].split("|")), tuple(row["hosts"].split("|"))
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def _pattern() -> tuple[re.Pattern[str], dict[str, str]]:
    ids = {name: one.name for one in services().values() for name in one.names}
    names = sorted(ids, key=lambda name: (-len(name), name))
    return re.compile(r"(?<![\w.-])(?:" + "|".join(re.escape(name) for name in names) + r")(?![\w-])"), ids


@cache
def _hosts() -> frozenset[str]:
    return frozenset(host for one in services().values() for host in one.hosts)


def find_services(text: str) -> list[ServiceMention]:
    """The services and hosts that a text names, in order."""
    pattern, ids = _pattern()
    found = [ServiceMention(ids[match[0]], match.start(), match.end()) for match in pattern.finditer(text)]
    found += [ServiceMention("twitter", match.start("x"), match.end("x")) for match in _X.finditer(text)]
    for match in _HOST.finditer(text):
        host = match[1].lower()
        if (host in _hosts() or not _NOT_HOSTS.fullmatch(host)) and not any(
            one.start < match.end() and match.start() < one.end for one in found
        ):
            found.append(ServiceMention(host, match.start(), match.end()))
    return sorted(found, key=lambda one: one.start)


def shown(service: str) -> str:
    """The service as it is written."""
    known = services().get(service)
    return known.names[0] if known else service
