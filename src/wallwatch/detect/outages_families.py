"""Which kind of looking a source is: two sources of one family are one witness."""

from __future__ import annotations

import re

#: Beginning of a source's name to its family; the first that fits counts.
FAMILIES: tuple[tuple[str, str], ...] = (
    ("ioda.bgp", "routes"),
    ("ioda.ping", "probing"),
    ("monash.connectivity", "probing"),
    ("monash.latency", "latency"),
    ("ioda.merit", "telescope"),
    ("ioda.ucsd", "telescope"),
    ("ioda.gtr", "traffic"),
    ("tor.users", "users"),
    ("measurements", "measurements"),
)

#: Words in the names that people give to series of their own. A source without one is its own family.
NAMED = {
    "bgp": "routes",
    "routes": "routes",
    "prefixes": "routes",
    "ping": "probing",
    "icmp": "probing",
    "probing": "probing",
    "trinocular": "probing",
    "latency": "latency",
    "rtt": "latency",
    "telescope": "telescope",
    "darknet": "telescope",
    "traffic": "traffic",
}

#: What each family shows, in words.
WORDS = {
    "routes": "announced routes",
    "probing": "answers to probes from outside",
    "latency": "latency",
    "telescope": "background traffic that a telescope sees",
    "traffic": "traffic to a large service",
    "users": "users of Tor",
    "measurements": "measurements that volunteers upload",
}

#: Families that may support a finding but make none: users of one service also leave when just it is blocked.
SUPPORT = ("users", "measurements")

#: Families whose silence speaks against nothing: routes stay announced in many shutdowns (trap S2), latency
#: is measured where something still answers, and users and volunteers have reasons of their own.
NOT_AGAINST = ("routes", "latency", "users", "measurements")


def family(signal: str, unit: str = "") -> str:
    """The family of a source."""
    if unit == "latency_100":
        return "latency"
    known = next((name for prefix, name in FAMILIES if signal.startswith(prefix)), None)
    said = (NAMED[word] for word in re.split(r"[\W_]+", signal.lower()) if word in NAMED)
    return known or next(said, signal)


def words(name: str) -> str:
    """What a family shows, in words; the source's own name where it is its own family."""
    return WORDS.get(name, f"the series {name}")
