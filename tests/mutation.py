"""The same happening elsewhere: a measurement with other names, addresses, networks, country, times and field order.

What a verdict rests on stays: which addresses and names are the same, what kind of address each is (a bogon stays a
bogon, of another range), what failed and how, and how long it took.
"""

from __future__ import annotations

import ipaddress
import json
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}")
_NETWORK_KEYS = {"asn", "probe_asn", "resolver_asn"}
_NAME_KEYS = {"hostname", "server_name", "Host"}
_URL = re.compile(r"^[a-z0-9]+://([^/:?#]+)", re.IGNORECASE)
_ENDINGS = ("example", "test", "com", "org", "net", "co.ke", "info", "xn--p1ai")
#: Ranges of each kind that cannot be public, for the families.
_BOGONS_4 = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
)
_BOGONS_6 = ("fc00::/7", "fe80::/10")


@dataclass
class Mutation:
    """One way of changing a measurement, the same for everything that occurs in it twice.

    Attributes:
        seed: Which way.
        document: The measurement.
    """

    seed: int
    document: dict[str, Any]
    names: dict[str, str] = field(default_factory=dict)
    _addresses: dict[str, str] = field(default_factory=dict)
    _networks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.shift = timedelta(days=self.random.randint(-700, 700), seconds=self.random.randint(0, 86_399))
        for name in sorted(self._hosts(), key=lambda name: (-len(name), name)):
            self.names.setdefault(name, self._new_name(name))

    def apply(self) -> dict[str, Any]:
        """The changed measurement."""
        changed = self._value(self.document, "")
        assert isinstance(changed, dict)
        number = self.random.randint(1, 10**6)
        begun = re.sub(r"\D", "", str(changed["test_start_time"]))
        changed |= {
            "probe_cc": self.random.choice(("XW", "KE", "IR", "BR", "DE")),
            "report_id": f"{begun[:8]}T{begun[8:]}Z_webconnectivity_XX_{number}_n1_{'q' * 16}",
            "probe_network_name": "Some Network",
            "resolver_network_name": "Some Network",
        }
        return changed

    def _hosts(self) -> Iterator[str]:
        for key, value in _leaves(self.document):
            if key in _NAME_KEYS and isinstance(value, str) and value:
                yield value.partition(":")[0]
            elif isinstance(value, str) and (match := _URL.match(value)):
                yield match[1]

    def _new_name(self, old: str) -> str:
        if not re.search(r"[^\d.:\[\]]", old):
            return old  # an address, which has its own mapping
        if not old.isascii():
            # Written in its own letters: the punycode of the same measurement has to be the same name.
            return self._unicode(old)
        label = "".join(self.random.choice(string.ascii_lowercase) for _ in range(self.random.randint(4, 14)))
        sub = self.random.choice(("", "", "www.", "m."))
        return f"{sub}{label}.{self.random.choice(_ENDINGS)}"

    def _unicode(self, old: str) -> str:
        letters = "абвгдежзиклмнопрстуфхцчш"
        lower = old.lower()
        made = "".join(self.random.choice(letters) if c not in ".-" else c for c in lower)
        punycode = lower.encode("idna").decode()
        self.names[punycode] = made.encode("idna").decode()
        self.names[lower] = made
        return made if old == lower else made[0].upper() + made[1:]

    def _value(self, value: Any, key: str) -> Any:
        if isinstance(value, dict):
            changed = [(self._text(name), self._value(inner, name)) for name, inner in value.items()]
            self.random.shuffle(changed)
            return dict(changed)
        if isinstance(value, list):
            return [self._value(inner, key) for inner in value]
        if key in _NETWORK_KEYS and value:
            number = int(str(value).removeprefix("AS"))
            return f"AS{self._network(number)}" if isinstance(value, str) else self._network(number)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        if _TIME.fullmatch(text):
            return f"{datetime.fromisoformat(text) + self.shift:%Y-%m-%d %H:%M:%S}"
        for old, new in self.names.items():
            if old in text:
                text = re.sub(rf"(?<![\w.-]){re.escape(old)}(?![\w-])", new, text)
        return _IPV6.sub(self._address, _IPV4.sub(self._address, text))

    def _network(self, number: int) -> int:
        if number not in self._networks:
            self._networks[number] = 0 if number == 0 else self.random.randint(10_000, 4_000_000)
        return self._networks[number]

    def _address(self, match: re.Match[str]) -> str:
        try:
            old = ipaddress.ip_address(match[0])
        except ValueError:
            return match[0]
        if match[0] not in self._addresses:
            new = old
            while new == old or str(new) in self._addresses.values():
                new = self._bogon(old) if not old.is_global else self._public(old)
            self._addresses[match[0]] = str(new)
        return self._addresses[match[0]]

    def _bogon(self, old: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Any:
        ranges = [ipaddress.ip_network(text) for text in (_BOGONS_4 if old.version == 4 else _BOGONS_6)]
        others = [chosen for chosen in ranges if old not in chosen] or ranges
        chosen = self.random.choice(others)
        return chosen[self.random.randrange(1, min(chosen.num_addresses, 1 << 20) - 1)]

    def _public(self, old: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Any:
        while True:
            new: Any = (
                ipaddress.IPv4Address(self.random.getrandbits(32))
                if old.version == 4
                else ipaddress.IPv6Address((0x2A00 << 112) | self.random.getrandbits(100))
            )
            if new.is_global and not new.is_multicast:
                return new


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def mutated(document: dict[str, Any], seed: int) -> tuple[dict[str, Any], Callable[[str | None], str | None]]:
    """The measurement changed in the way of that seed, and what a name or address of it became."""
    mutation = Mutation(seed, json.loads(json.dumps(document)))
    changed = mutation.apply()
    return changed, lambda name: None if name is None else mutation._text(name)
