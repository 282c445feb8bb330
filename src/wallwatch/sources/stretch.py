"""Lines, stretches of whole lines, and the limits that hostile files meet (traps X1, X2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask of memory and time; beyond it, the rest is set aside.

    Attributes:
        line: Longest line, document or archive member, in bytes.
        stretch: Bytes after which a stretch ends, at the next line end: few enough that its lines are still
            in the processor's cache when they are decoded.
        batch: Bytes of stretches that become rows together: enough that what Arrow costs for each column is
            little. Both are fixed, so that what is read together never depends on the machine.
        ratio: How many times larger than its compressed form a file may become …
        ratio_from: … once it has become this large, in bytes: a single long line may shrink as far as a bomb
            does, and must not cost the lines behind it.
        members: Members of one archive.
    """

    line: int = 64 << 20
    stretch: int = 1 << 19
    batch: int = 32 << 20
    ratio: int = 250
    ratio_from: int = 2 << 30
    members: int = 1_000_000


class Line(NamedTuple):
    """One line of a file, or one document of an archive.

    Attributes:
        number: From 1.
        offset: Where it begins in the decompressed file, in bytes.
        content: Its bytes, without the line end.
        name: The name that its container gives it, without folder and suffix; null for plain lines.
    """

    number: int
    offset: int
    content: bytes
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Aside:
    """A line, or the rest of a file, that the container could not give.

    Attributes:
        number: The line, from 1.
        offset: Where it begins in the decompressed file, in bytes.
        reason: Why, in a sentence.
        excerpt: Its first bytes.
    """

    number: int
    offset: int
    reason: str
    excerpt: bytes = b""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Whole lines that are read together, and what had to be set aside between them.

    Attributes:
        number: The number of the first of `contents`.
        offset: Where it begins, in bytes.
        contents: Lines that follow each other, without their ends.
        documents: Lines that do not, instead.
        aside: What was set aside.
    """

    number: int
    offset: int
    contents: Sequence[bytes] = ()
    documents: Sequence[Line] = ()
    aside: Sequence[Aside] = ()

    @classmethod
    def of_block(cls, number: int, offset: int, block: bytes) -> Stretch:
        """The lines of a block that ends with a line, or its end."""
        contents = split_lines(block)
        if not contents[-1]:
            contents.pop()
        return cls(number, offset, contents)

    @property
    def size(self) -> int:
        """Bytes of its lines."""
        return sum(map(len, self.contents)) + sum(len(line.content) for line in self.documents)

    def lines(self) -> Iterator[Line]:
        """Its lines, blank ones too."""
        yield from self.documents
        number, offset = self.number, self.offset
        new = tuple.__new__  # a third of what calling the class costs
        for content in self.contents:
            yield new(Line, (number, offset, content, None))
            number += 1
            offset += len(content) + 1


class Lines(Protocol):
    """What is read of a stretch."""

    @property
    def aside(self) -> Sequence[Aside]:
        """What was set aside."""

    def lines(self) -> Iterator[Line]:
        """Its lines, blank ones too."""


def split_lines(text: bytes) -> list[bytes]:
    """The lines of a text without their ends; behind the last line end, what it begins."""
    # Searching is several times as fast as `split`, which looks at every byte on its own.
    parts = []
    begin = 0
    find = text.find
    while (end := find(b"\n", begin)) >= 0:
        parts.append(text[begin:end])
        begin = end + 1
    parts.append(text[begin:])
    return parts


def portions(stretches: Iterable[Stretch], size: int) -> Iterator[Iterator[Stretch]]:
    """Stretches that are read together: as many as it takes to have `size` bytes, or those that are left.

    Each portion must be used up before the next one is asked for.
    """
    rest = iter(stretches)
    for first in rest:
        yield _portion(first, rest, size)


def _portion(first: Stretch, rest: Iterator[Stretch], size: int) -> Iterator[Stretch]:
    for stretch in chain((first,), rest):
        size -= stretch.size
        yield stretch
        if size <= 0:
            return
