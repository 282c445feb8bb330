"""Fingerprints of block pages and injected answers: the community's format, matched in linear time.

The format is that of github.com/ooni/blocking-fingerprints: a CSV whose rows say where to look
(`body`, `header.<name>`, `dns`), how (`full`, `prefix`, `contains`, `regexp`) and for what. All bodies go
through one automaton of all patterns (`wallwatch.sources.automata`), so neither a hostile body nor a hostile pattern can make
matching slow (trap X5).
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError
from wallwatch.sources.automata import Searched, automaton, refused
from wallwatch.sources.ooni.values import address

#: Bodies are searched this far: probes cut them at 1 MiB or before, and block pages are short.
_LONGEST_BODY = 1 << 20
#: Text of fewer characters occurs in pages by chance.
_SPECIFIC = 16
#: What a pattern is worth that is the whole text.
_WHOLE = 1_000
#: Characters of regular expressions that need not be there.
_SPECIAL = re.compile(r"\\[A-Za-z]|\[[^\]]*\]|[.*+?|()^$\\]|\{[^}]*\}")
_PATTERN_TYPES = ("full", "prefix", "contains", "regexp")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One row of the format.

    Attributes:
        name: Its name.
        scope: How far a match reaches: `nat`ional, `isp`, `prod`uct, `inst`itution, `vbw` (vague blocking
            word), or `fp`: a page that only looks like a block page.
        location: `body`, `header.<name>` or `dns`.
        pattern_type: `full`, `prefix`, `contains` or `regexp`.
        pattern: What is looked for.
        countries: Where it is to be expected; empty where it may occur anywhere.
    """

    name: str
    scope: str
    location: str
    pattern_type: str
    pattern: str
    countries: tuple[str, ...] = ()

    @property
    def hit(self) -> str:
        """How a match is written in the tables."""
        return f"{self.scope}:{self.name}"

    @property
    def strength(self) -> int:
        """How much a match says, so that of contradicting ones the more specific counts.

        The number of characters that must be there. A few characters anywhere in a page of any country (“Access
        Denied”, “redirect”) say next to nothing: zero.
        """
        length = len(_SPECIAL.sub("", self.pattern) if self.pattern_type == "regexp" else self.pattern)
        if self.pattern_type == "full":
            return max(length, 1) + _WHOLE
        broad = self.location == "body" and not self.countries and length < _SPECIFIC
        return 0 if broad else length


class _Patterns:
    """The patterns of one location, matched together."""

    def __init__(self, fingerprints: Sequence[Fingerprint], fast: bool | None) -> None:
        self._names: list[str] = [fingerprint.hit for fingerprint in fingerprints]
        self._full: dict[bytes, list[int]] = {}
        self._places: list[int] = []
        searched: list[Searched] = []
        for position, fingerprint in enumerate(fingerprints):
            text = fingerprint.pattern.encode("utf-8", "surrogatepass")
            if fingerprint.pattern_type == "full":
                self._full.setdefault(text, []).append(position)
                continue
            self._places.append(position)
            if fingerprint.pattern_type == "prefix":
                searched.append(Searched.prefix(text))
            elif fingerprint.pattern_type == "contains":
                searched.append(Searched.contains(text))
            else:
                self._check(text, position)
                searched.append(Searched.regexp(text))
        self._longest_full = max(map(len, self._full), default=-1)
        self._automaton = automaton(searched, fast=fast)

    def _check(self, pattern: bytes, position: int) -> None:
        if (why_not := refused(pattern)) is not None:
            raise WallwatchError(
                f"fingerprint {self._names[position]}: the pattern is not one that RE2 knows ({why_not})"
            )

    def match(self, text: bytes) -> list[str]:
        """Names of all that match, in the order of the files."""
        positions = [self._places[index] for index in self._automaton.find(text)]
        # Looking a long body up would hash all of it.
        if len(text) <= self._longest_full and text in self._full:
            positions += self._full[text]
        return [self._names[position] for position in sorted(positions)] if positions else []


class Fingerprints:
    """All fingerprints of some files, ready to match.

    Args:
        fingerprints: In the order in which matches are reported.
        fast: Whether to use Hyperscan, which finds the same; see `wallwatch.sources.automata`.

    Attributes:
        fingerprints: Them.
        version: Hash of all of them: results with the same version come from the same patterns.
    """

    def __init__(self, fingerprints: Iterable[Fingerprint], *, fast: bool | None = None) -> None:
        self.fingerprints = tuple(dict.fromkeys(fingerprints))
        digest = hashlib.sha256()
        by_location: dict[str, list[Fingerprint]] = {}
        for one in self.fingerprints:
            digest.update(
                repr((one.hit, one.location, one.pattern_type, one.pattern, one.countries)).encode()
            )
            by_location.setdefault(one.location, []).append(one)
        self.version = digest.hexdigest()[:16]
        self._body = _Patterns(by_location.pop("body", []), fast)
        self._dns = _Patterns([_canonical(one) for one in by_location.pop("dns", [])], fast)
        self._headers = {
            location.removeprefix("header."): _Patterns(found, fast)
            for location, found in sorted(by_location.items())
            if location.startswith("header.")
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Compiled automata do not travel between processes; the rows do."""
        return Fingerprints, (self.fingerprints,)

    @classmethod
    def from_csv(cls, paths: Iterable[Path]) -> Fingerprints:
        """Those of some files.

        Raises:
            WallwatchError: A file cannot be read, or is not of the format.
        """
        return cls(one for path in paths for one in _read(path))

    @classmethod
    def builtin(cls) -> Fingerprints:
        """A few well-known ones, each with its public source, that come with the package."""
        return cls(_packaged())

    @classmethod
    def load(cls, paths: Iterable[Path] = ()) -> Fingerprints:
        """The packaged ones and those of some files.

        Raises:
            WallwatchError: A file cannot be read, or is not of the format.
        """
        return cls([*_packaged(), *(one for path in paths for one in _read(path))])

    @property
    def header_names(self) -> frozenset[str]:
        """The headers that any of them is about, in lower case."""
        return frozenset(self._headers)

    def match_body(self, body: bytes) -> list[str]:
        """Names of the fingerprints that a body matches, as `scope:name`; only its first MiB is searched."""
        return self._body.match(body if len(body) <= _LONGEST_BODY else body[:_LONGEST_BODY])

    def match_header(self, name: str, value: str) -> list[str]:
        """The same of one header, given by its name in lower case."""
        patterns = self._headers.get(name)
        return [] if patterns is None else patterns.match(value.encode("utf-8", "surrogatepass"))

    def match_dns(self, answer: str) -> list[str]:
        """The same of one DNS answer, an address or a name in canonical form."""
        return self._dns.match(answer.encode("utf-8", "surrogatepass"))

    def expected_countries(self) -> dict[str, tuple[str, ...]]:
        """`scope:name` to the countries in which a match is to be expected; empty: anywhere."""
        return {one.hit: one.countries for one in self.fingerprints}

    def strengths(self) -> dict[str, int]:
        """`scope:name` to how much a match says; of several patterns by one name the least."""
        found: dict[str, int] = {}
        for one in self.fingerprints:
            found[one.hit] = min(found.get(one.hit, one.strength), one.strength)
        return found


def _canonical(one: Fingerprint) -> Fingerprint:
    """Addresses are compared in canonical form."""
    pattern = address(one.pattern) if one.pattern_type == "full" else None
    return (
        one
        if pattern is None
        else Fingerprint(one.name, one.scope, one.location, one.pattern_type, pattern, one.countries)
    )


def _packaged() -> list[Fingerprint]:
    text = (resources.files("wallwatch.sources") / "data" / "fingerprints.csv").read_text("utf-8")
    return _parse(text, "the packaged fingerprints")


def _read(path: Path) -> list[Fingerprint]:
    try:
        return _parse(path.read_text("utf-8-sig"), str(path))
    except OSError as error:
        raise WallwatchError(f"the fingerprints {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WallwatchError(f"the fingerprints {path} are not UTF-8 text (byte {error.start})") from error


def _parse(text: str, where: str) -> list[Fingerprint]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    wanted = {"name", "scope", "location_found", "pattern_type", "pattern"}
    if missing := wanted - set(reader.fieldnames or ()):
        raise WallwatchError(
            f"{where}: no fingerprints, the columns {', '.join(sorted(missing))} are missing"
        )
    found = []
    try:
        for row in reader:
            if row["pattern_type"] not in _PATTERN_TYPES or not row["pattern"]:
                raise WallwatchError(
                    f"{where}, line {reader.line_num}: pattern_type must be one of "
                    f"{', '.join(_PATTERN_TYPES)}, and pattern must not be empty"
                )
            countries = (row.get("expected_countries") or "").replace(";", ",").split(",")
            found.append(
                Fingerprint(
                    row["name"],
                    row["scope"],
                    row["location_found"].lower(),
                    row["pattern_type"],
                    row["pattern"],
                    tuple(sorted(country.strip().upper() for country in countries if country.strip())),
                )
            )
    except csv.Error as error:
        raise WallwatchError(f"{where}, line {reader.line_num}: {error}") from error
    return found
