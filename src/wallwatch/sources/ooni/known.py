"""What finds fingerprints, and what was found out about bodies, answers and certificates before."""

from __future__ import annotations

import hashlib
from typing import Protocol

from wallwatch.sources.ooni import certificates, http
from wallwatch.sources.ooni.remembered import Remembered

#: Facts of so many different bodies are remembered: block pages and front pages repeat.
_BODIES = 8_192
#: So many certificates likewise.
_LEAVES = 16_384


class Matcher(Protocol):
    """What finds fingerprints; see `wallwatch.sources.fingerprints.Fingerprints`."""

    @property
    def header_names(self) -> frozenset[str]:
        """The headers that any fingerprint is about, in lower case."""

    def match_body(self, body: bytes) -> list[str]:
        """Names of the fingerprints that a body matches, as `scope:name`."""

    def match_header(self, name: str, value: str) -> list[str]:
        """The same of one header."""

    def match_dns(self, answer: str) -> list[str]:
        """The same of one DNS answer."""


class NoFingerprints:
    """Finds none."""

    header_names: frozenset[str] = frozenset()

    def match_body(self, body: bytes) -> list[str]:
        """None."""
        return []

    def match_header(self, name: str, value: str) -> list[str]:
        """None."""
        return []

    def match_dns(self, answer: str) -> list[str]:
        """None."""
        return []


class Known:
    """What was found out before; it saves work and never changes what is read.

    Attributes:
        matcher: What finds fingerprints.
        answers: Of a DNS answer the fingerprints that it matches; null where it matches none.
        leaves: Of a certificate in base64 its facts (null where it is no base64), and whether it is for a name.
        telling: Of a response's header names the places and names of those that a fingerprint is about.
    """

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.answers: Remembered[str, list[str] | None] = Remembered(
            lambda value: matcher.match_dns(value) or None
        )
        self.leaves: Remembered[str, tuple[certificates.Leaf | None, Remembered[str | None, bool | None]]] = (
            Remembered(_leaf, _LEAVES)
        )
        told = matcher.header_names
        self.telling: Remembered[tuple[str, ...], tuple[tuple[int, str], ...]] = Remembered(
            lambda names: tuple((place, name) for place, name in enumerate(names) if name in told), _BODIES
        )
        self._bodies: dict[bytes, tuple[str, str | None, list[str]]] = {}

    def body(self, body: bytes) -> tuple[str, str | None, list[str]]:
        """A body's hash in hex, its title, and the fingerprints that it matches."""
        digest = hashlib.sha256(body).digest()
        facts = self._bodies.get(digest)
        if facts is None:
            facts = digest.hex(), http.title(body), self.matcher.match_body(body)
            if len(self._bodies) >= _BODIES:
                self._bodies.clear()
            self._bodies[digest] = facts
        return facts


def _leaf(text: str) -> tuple[certificates.Leaf | None, Remembered[str | None, bool | None]]:
    found = certificates.leaf(text)
    names = found.names if found is not None else ()
    return found, Remembered(lambda server: certificates.matches(names, server) if names else None, 64)
