"""Which of many patterns occur in a text, in time that is linear in it: Hyperscan where installed, RE2 else.

RE2 says what a pattern means. Hyperscan, several times faster on large sets, only looks for literals: the text
that is looked for itself, or a piece that a regular expression cannot match without; there RE2 has the last
word. So both find the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import re2

try:
    import hyperscan
except ImportError:  # an extra, and not there for every platform
    hyperscan = None  # type: ignore[assignment]

_MEMORY = 32 << 20
#: Of fewer patterns, a second engine is not worth its memory.
_MANY = 32
#: A regular expression that is only characters, escaped marks, and dots that may be repeated. To RE2, a brace
#: that no number follows is a character.
_PLAIN = re.compile(rb"(?:[^\\.*+?|()\[\]{^$]|\{(?![0-9])|\\[^0-9A-Za-z\x80-\xff]|\.\*?)+", re.DOTALL)
_DOTS = re.compile(rb"\.\*?|((?:[^\\.]|\\.)+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Searched:
    """One pattern.

    Attributes:
        regex: It as RE2 writes it, of bytes.
        literal: Bytes that occur wherever it matches; none where it has no such part.
        exact: Whether it matches wherever they occur.
    """

    regex: bytes
    literal: bytes = b""
    exact: bool = False

    @classmethod
    def contains(cls, text: bytes) -> Searched:
        """The text anywhere."""
        return cls(re2.escape(text), text, exact=True)

    @classmethod
    def prefix(cls, text: bytes) -> Searched:
        """The text at the beginning."""
        return cls(b"\\A" + re2.escape(text), text)

    @classmethod
    def regexp(cls, pattern: bytes) -> Searched:
        """A regular expression anywhere; a dot is any byte."""
        return cls(pattern, _needed(pattern))


def _needed(pattern: bytes) -> bytes:
    """The longest literal of a plain regular expression; none of others, rather than a wrong one."""
    if not _PLAIN.fullmatch(pattern):
        return b""
    literals = [re.sub(rb"\\(.)", rb"\1", part, flags=re.DOTALL) for part in _DOTS.findall(pattern)]
    return max(literals, key=len, default=b"")


def refused(pattern: bytes) -> str | None:
    """Why RE2 does not take a regular expression; null where it does."""
    try:
        re2.compile(pattern, _options())
    except re2.error as error:
        return str(error)
    return None


class Automaton(Protocol):
    """What finds patterns."""

    def find(self, text: bytes) -> Sequence[int]:
        """The positions, among the patterns, of those that match, in any order."""


def automaton(patterns: Sequence[Searched], *, fast: bool | None = None) -> Automaton:
    """What finds them.

    Args:
        patterns: Them.
        fast: Whether to use Hyperscan; by default where it is installed and there are many.
    """
    if fast is None:
        fast = hyperscan is not None and len(patterns) >= _MANY
    return _Hyperscan(patterns) if fast else _RE2(patterns)


def _options() -> Any:
    options = re2.Options()
    options.max_mem = _MEMORY
    # Bodies are bytes in whatever charset: a dot is any byte.
    options.encoding = re2.Options.Encoding.LATIN1
    options.dot_nl = True
    options.log_errors = False
    return options


class _RE2:
    """All patterns in one automaton of RE2."""

    def __init__(self, patterns: Sequence[Searched]) -> None:
        self._set = None
        if patterns:
            self._set = re2.Set.SearchSet(_options())
            for pattern in patterns:
                self._set.Add(pattern.regex)
            self._set.Compile()

    def find(self, text: bytes) -> Sequence[int]:
        return () if self._set is None else self._set.Match(text) or ()


class _Hyperscan:
    """All literals in one automaton of Hyperscan; patterns without one go to RE2."""

    def __init__(self, patterns: Sequence[Searched]) -> None:
        options = _options()
        self._confirm = [None if one.exact else re2.compile(one.regex, options) for one in patterns]
        self._other = [position for position, one in enumerate(patterns) if not one.literal]
        self._rest = _RE2([patterns[position] for position in self._other])
        places = [position for position, one in enumerate(patterns) if one.literal]
        self._database = None
        if places:
            self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
            self._database.compile(
                # Every byte by its number, NUL too.
                expressions=["".join(f"\\x{byte:02x}" for byte in patterns[p].literal) for p in places],
                ids=places,
                flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(places),
            )

    def find(self, text: bytes) -> Sequence[int]:
        found: list[int] = []
        if self._database is not None and text:
            self._database.scan(text, match_event_handler=lambda which, *_: found.append(which))
        confirm = self._confirm
        hits = [
            position
            for position in found
            if (regex := confirm[position]) is None or regex.search(text) is not None
        ]
        return hits + [self._other[place] for place in self._rest.find(text)]
