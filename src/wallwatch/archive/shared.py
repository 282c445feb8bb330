"""Memory that one process fills with lines and others read, so that large files need not go through pipes."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from wallwatch.sources.stretch import Aside, Line, Stretch


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stretch's lines lie.

    Attributes:
        number: See `Stretch`.
        offset: See `Stretch`.
        start: Where the first of its lines begins.
        lengths: How long each of them is, in bytes.
        documents: See `Stretch`.
        aside: See `Stretch`.
    """

    number: int
    offset: int
    start: int
    lengths: Sequence[int]
    documents: Sequence[Line]
    aside: Sequence[Aside]


_numbers = count(1)


class Room:
    """Memory to fill.

    Args:
        size: In bytes.

    Attributes:
        name: What another process opens it by.
        number: Tells it from an earlier one of that name.
        size: How much there is room for, in bytes.
    """

    def __init__(self, size: int) -> None:
        self.size = max(size, 1)
        self.number = next(_numbers)
        self._file = None
        if hasattr(os, "memfd_create"):
            # In no folder, so nothing is left behind, and no limit of /dev/shm (64 MB in many containers) applies.
            self._handle = os.memfd_create("wallwatch")
            self.name = f"/proc/{os.getpid()}/fd/{self._handle}"
        else:
            self._handle, self.name = tempfile.mkstemp(prefix="wallwatch-")
            self._file = Path(self.name)
        os.ftruncate(self._handle, self.size)
        self._memory = mmap.mmap(self._handle, self.size)

    def fill(self, stretches: Iterable[Stretch]) -> list[Place]:
        """Puts the lines of some stretches in place of those that were there.

        Raises:
            ValueError: There is not room for all of them.
        """
        places = []
        at = 0
        memory = self._memory
        for stretch in stretches:
            lengths = [len(content) for content in stretch.contents]
            places.append(
                Place(stretch.number, stretch.offset, at, lengths, stretch.documents, stretch.aside)
            )
            for content, length in zip(stretch.contents, lengths, strict=True):
                memory[at : at + length] = content
                at += length
        return places

    def close(self) -> None:
        """Gives the memory back."""
        self._memory.close()
        os.close(self._handle)
        if self._file is not None:
            self._file.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Placed:
    """A stretch as another process sees it: each line is copied as it is asked for."""

    place: Place
    memory: mmap.mmap

    @property
    def aside(self) -> Sequence[Aside]:
        """See `Stretch`."""
        return self.place.aside

    def lines(self) -> Iterator[Line]:
        """See `Stretch`."""
        place, memory = self.place, self.memory
        yield from place.documents
        number, offset, start = place.number, place.offset, place.start
        for length in place.lengths:
            yield Line(number, offset, memory[start : start + length])
            number, offset, start = number + 1, offset + length + 1, start + length


def opened(name: str, size: int) -> mmap.mmap:
    """The memory of a room of another process.

    Raises:
        OSError: It is not there any more.
    """
    handle = os.open(name, os.O_RDONLY)
    try:
        return mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
