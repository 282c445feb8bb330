"""Memory that processes share, so that large files and their tables need not go through pipes.

The parent fills a room with lines; a worker reads them and puts the tables behind them. What the worker was given stays
as it was, so that another can repeat its work.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

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


class Key(NamedTuple):
    """What a room is opened by.

    Attributes:
        name: The path of its memory.
        number: Tells it from an earlier one of that name.
        size: In bytes.
    """

    name: str
    number: int
    size: int


class Result(NamedTuple):
    """Where a table lies in a room.

    Attributes:
        name: Of the table.
        start: Where it begins, in bytes.
        size: How long its Arrow stream is, in bytes.
    """

    name: str
    start: int
    size: int


_numbers = count(1)


class Room:
    """Memory to fill.

    Args:
        lines: How many bytes of lines it takes.
        tables: How many bytes of tables.

    Attributes:
        key: What another process opens it by, and what tells it from an earlier one of that name.
        lines: How many bytes of lines it takes.
        size: How many bytes in all.
    """

    def __init__(self, lines: int, tables: int) -> None:
        # What the system gives is in pages, so that a page more costs nothing.
        self.lines, self.size = lines, lines + tables + mmap.PAGESIZE
        self._file = None
        if hasattr(os, "memfd_create"):
            # In no folder, so nothing is left behind, and no limit of /dev/shm (64 MB in many containers) applies.
            self._handle = os.memfd_create("wallwatch")
            name = f"/proc/{os.getpid()}/fd/{self._handle}"
        else:
            self._handle, name = tempfile.mkstemp(prefix="wallwatch-")
            self._file = Path(name)
        self.key = Key(name, next(_numbers), self.size)
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

    def taken(self, tables: Sequence[Result]) -> dict[str, pa.Table]:
        """The tables that a worker put there, out of the room."""
        return {
            found.name: pa.ipc.open_stream(
                pa.py_buffer(self._memory[found.start : found.start + found.size])
            ).read_all()
            for found in tables
        }

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


class Opened:
    """A room of another process.

    Raises:
        OSError: It is not there any more.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        handle = os.open(key.name, os.O_RDWR)
        try:
            self.memory = mmap.mmap(handle, key.size)
        finally:
            os.close(handle)

    def put(self, tables: Mapping[str, pa.Table], start: int) -> list[Result] | None:
        """Puts tables behind the first `start` bytes; null where there is not room for them."""
        found = []
        for name, table in tables.items():
            start = -(-start // 64) * 64
            mock = pa.MockOutputStream()
            with pa.ipc.new_stream(mock, table.schema) as writer:
                writer.write_table(table)
            size = mock.size()
            if start + size > self.key.size:
                return None
            target = pa.FixedSizeBufferWriter(pa.py_buffer(memoryview(self.memory)[start : start + size]))
            with pa.ipc.new_stream(target, table.schema) as writer:
                writer.write_table(table)
            found.append(Result(name, start, size))
            start += size
        return found

    def close(self) -> None:
        """Forgets it."""
        self.memory.close()
