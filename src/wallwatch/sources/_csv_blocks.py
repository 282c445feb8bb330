"""CSV read in bounded blocks of whole lines: every line's number and place is known, none is lost."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from wallwatch._text import safe_bytes

#: Bytes read at a time.
BLOCK = 1 << 20

#: A longer line is set aside: no row of numbers and names has it.
LONGEST_LINE = 1 << 20

_BOM = b"\xef\xbb\xbf"
_DELIMITERS = (",", ";", "\t")


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


@dataclass(frozen=True, slots=True)
class Aside:
    """One line that could not be read.

    Attributes:
        line: Its number, from 1.
        byte_offset: Where it begins in the decompressed file.
        reason: Why, in a few words.
        excerpt: Its first 200 bytes, made safe to show.
    """

    line: int
    byte_offset: int
    reason: str
    excerpt: str


@dataclass(frozen=True, slots=True)
class Rows:
    """The well-formed rows of a stretch of lines.

    Attributes:
        columns: One array of bytes for each column of the header; the arrays have one item a row.
        lines: Each row's line number.
        offsets: Where each row's line begins, in bytes.
        data: The stretch itself, and `start`, where it begins in the file: for excerpts.
        aside: The lines of the stretch that have too few or too many fields.
        size: Bytes of the stretch.
    """

    columns: list[pa.Array]
    lines: np.ndarray
    offsets: np.ndarray
    data: bytes
    start: int
    aside: list[Aside]
    size: int

    def excerpt(self, row: int) -> str:
        """The beginning of a row's line, made safe to show."""
        begin = int(self.offsets[row]) - self.start
        return safe_bytes(self.data[begin : begin + 200].split(b"\n", 1)[0].rstrip(b"\r"))


@dataclass(frozen=True, slots=True)
class Header:
    """The first line that is no comment: lower-case column names, and the delimiter."""

    names: tuple[str, ...]
    delimiter: str


def parse_header(line: bytes) -> Header:
    """The header in a line; the delimiter is the one of `,` `;` and tab that occurs most."""
    text = line.removeprefix(_BOM).rstrip(b"\r\n").decode("utf-8", "replace")
    delimiter = max(_DELIMITERS, key=text.count)
    try:
        names = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        names = []
    return Header(tuple(name.strip().lower() for name in names), delimiter)


def head_header(head: bytes, comment: bytes = b"") -> Header:
    """The header of a file that begins with `head`; lines that begin with `comment` are passed over."""
    for line in head.removeprefix(_BOM).split(b"\n"):
        if line.strip() and not (comment and line.startswith(comment)):
            return parse_header(line) if len(line) < 8192 else Header((), ",")
    return Header((), ",")


def read_rows(stream: Readable, comment: bytes = b"") -> tuple[Header, Iterator[Rows]]:
    """The header, and the rows after it.

    Args:
        stream: The decompressed file.
        comment: Lines before the header that begin so are passed over.

    Raises:
        OSError: What the stream raises.
    """
    lines = _Lines(stream)
    header = Header((), ",")
    while line := lines.first():
        if line.strip() and not (comment and line.removeprefix(_BOM).startswith(comment)):
            header = parse_header(line)
            break
    return header, _rows(lines, header)


class _Lines:
    """Whole lines of a stream, in blocks; a line that is too long is given as its beginning alone."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._rest = b""
        self._ended = False
        self.line = 1
        self.offset = 0

    def _more(self) -> None:
        data = self._stream.read(BLOCK)
        self._ended = not data
        self._rest += data

    def first(self) -> bytes:
        """The next line alone, of at most `BLOCK` bytes; empty at the end."""
        while b"\n" not in self._rest and not self._ended and len(self._rest) < BLOCK:
            self._more()
        line, newline, self._rest = self._rest.partition(b"\n")
        self.line += 1
        self.offset += len(line) + len(newline)
        return line + newline

    def block(self) -> tuple[bytes, Aside | None, int]:
        """Whole lines; or nothing and the line that is too long; and the bytes passed. Zero bytes at the end."""
        while True:
            cut = self._rest.rfind(b"\n")
            if cut >= 0:
                data, self._rest = self._rest[: cut + 1], self._rest[cut + 1 :]
                return data, None, len(data)
            if len(self._rest) > LONGEST_LINE:
                return self._too_long()
            if self._ended:
                data, self._rest = self._rest, b""
                return (data + b"\n", None, len(data)) if data else (b"", None, 0)
            self._more()

    def _too_long(self) -> tuple[bytes, Aside, int]:
        aside = Aside(
            self.line,
            self.offset,
            f"a line of more than {LONGEST_LINE:,} bytes",
            safe_bytes(self._rest[:200]),
        )
        passed = 0
        while True:
            line, newline, rest = self._rest.partition(b"\n")
            passed += len(line) + len(newline)
            self._rest = rest
            if newline or self._ended:
                return b"", aside, passed
            self._more()


def _rows(lines: _Lines, header: Header) -> Iterator[Rows]:
    none = np.empty(0, np.int64)
    while True:
        data, aside, size = lines.block()
        if not size:
            return
        if aside is not None:
            yield Rows([], none, none, b"", lines.offset, [aside], size)
            lines.line += 1
        else:
            yield _parse(data, size, lines.line, lines.offset, header)
            lines.line += data.count(b"\n")
        lines.offset += size


def _parse(data: bytes, size: int, first_line: int, start: int, header: Header) -> Rows:
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == 0x0A).astype(np.int64)
    begins = np.concatenate([np.zeros(1, np.int64), ends[:-1] + 1])
    parsed = _parse_fast(data, header, len(ends))
    columns, kept, wrong = parsed if parsed is not None else _parse_slow(data, begins, ends, header)
    aside = [
        Aside(
            first_line + i,
            start + int(begins[i]),
            reason,
            safe_bytes(data[begins[i] : ends[i]][:200].rstrip()),
        )
        for i, reason in wrong
        if data[begins[i] : ends[i]].strip()
    ]
    return Rows(columns, kept + first_line, begins[kept] + start, data, start, aside, size)


_Parsed = tuple[list[pa.Array], np.ndarray, list[tuple[int, str]]]


def _parse_fast(data: bytes, header: Header, lines: int) -> _Parsed | None:
    """The whole block at once; null where not every line is one row (torn lines, odd quotes)."""
    names = [str(i) for i in range(len(header.names))]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            pa_csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
            pa_csv.ParseOptions(delimiter=header.delimiter, ignore_empty_lines=False),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines:
        return None
    return [column.combine_chunks() for column in table.columns], np.arange(lines), []


def _parse_slow(data: bytes, begins: np.ndarray, ends: np.ndarray, header: Header) -> _Parsed:
    """Line by line: a damaged line costs only itself."""
    kept: list[int] = []
    rows: list[list[bytes]] = []
    wrong: list[tuple[int, str]] = []
    for i, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        text = data[begin:end].rstrip(b"\r").decode("utf-8", "surrogateescape")
        try:
            fields = next(csv.reader([text], delimiter=header.delimiter, strict=True), [])
        except csv.Error as error:
            wrong.append((i, str(error)))
            continue
        if len(fields) == len(header.names):
            kept.append(i)
            rows.append([field.encode("utf-8", "surrogateescape") for field in fields])
        else:
            wrong.append((i, f"{len(fields)} fields where the header has {len(header.names)}"))
    columns = [pa.array([row[i] for row in rows], pa.binary()) for i in range(len(header.names))]
    return columns, np.array(kept, np.int64), wrong
