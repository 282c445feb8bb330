"""A file's bytes without its compression, which is recognised by its first bytes and never by its name."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import zstandard
from isal import isal_zlib

from wallwatch.sources.stretch import Limits

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
BZIP2 = b"BZh"
XZ = b"\xfd7zXZ\x00"
#: Containers that are not read, and what a person can do about it.
REFUSED = {
    b"PK\x03\x04": "a zip archive, which is not read; unpack it first",
    b"PK\x05\x06": "an empty zip archive",
    b"\x04\x22\x4d\x18": "LZ4 data, which are not read; unpack them first with `lz4 -d`",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, which is not read; unpack it first",
    b"Rar!": "a RAR archive, which is not read; unpack it first",
}

#: `isal` raises its own error; its types do not say that it is one.
_DAMAGED: tuple[type[Exception], ...] = (isal_zlib.IsalError,)  # type: ignore[assignment]
_CHUNK = 1 << 16
#: Small enough to stay in the processor's cache, and in memory that the allocator keeps.
_PIECE = 1 << 18


class TornError(Exception):
    """The compressed data end too soon or are damaged; what came before is good."""


class BombError(Exception):
    """The data expand beyond the limits."""


class RefusedError(Exception):
    """The container is of a kind that is not read."""


def pieces(path: Path, limits: Limits) -> Iterator[bytes]:
    """The decompressed bytes, at most about 256 KiB at a time.

    Raises:
        TornError: The file is truncated or damaged; every good byte was given before.
        BombError: It expands beyond the limits.
        RefusedError: It is a container that is not read.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        for magic, reason in REFUSED.items():
            if head.startswith(magic):
                raise RefusedError(reason)
        if head.startswith(GZIP):
            source = _gzip(file, path)
        elif head.startswith(ZSTD):
            source = _zstd(file)
        elif head.startswith(BZIP2):
            source = _standard(file, bz2.BZ2Decompressor)
        elif head.startswith(XZ):
            source = _standard(file, lambda: lzma.LZMADecompressor(memlimit=256 << 20))
        else:
            yield from iter(lambda: file.read(_PIECE), b"")
            return
        yield from _limited(source, path.stat().st_size, limits)


def _limited(source: Iterator[bytes], size: int, limits: Limits) -> Iterator[bytes]:
    total = 0
    for piece in source:
        total += len(piece)
        if total > limits.ratio_from and total > size * limits.ratio:
            raise BombError(
                f"the data expand to more than {limits.ratio} times their compressed size, "
                f"after {total >> 20} MiB"
            )
        yield piece


def _gzip(file: BinaryIO, path: Path) -> Iterator[bytes]:
    """All members of a gzip file (RFC 1952)."""
    given = 0
    pending = b""
    size = _CHUNK  # of the first piece: many readers want no more than the beginning
    decompressor: Any = isal_zlib.decompressobj(31)
    started = False
    try:
        while True:
            chunk = pending or file.read(_CHUNK)
            if not chunk:
                break
            started = True
            piece = decompressor.decompress(chunk, size)
            size = _PIECE
            pending = decompressor.unconsumed_tail
            given += len(piece)
            if piece:
                yield piece
            if decompressor.eof:
                pending = decompressor.unused_data
                # Padding of zeros after the last member is common on tapes and object stores.
                rest = pending or file.read(_CHUNK)
                while rest and not rest.strip(b"\0"):
                    rest = file.read(_CHUNK)
                if not rest:
                    return
                if not GZIP.startswith(rest[:2]):
                    raise TornError("other data follow the gzip data")
                pending, decompressor, started = rest, isal_zlib.decompressobj(31), False
    except _DAMAGED as error:
        yield from _salvage(path, given)
        raise TornError(f"the gzip data are damaged ({error})") from None
    if started:
        raise TornError("the gzip data end too soon")


def _salvage(path: Path, given: int) -> Iterator[bytes]:
    """What lies between the last piece given and the damage: a failed call gives none of its output."""
    seen = 0
    with path.open("rb") as file:
        decompressor = zlib.decompressobj(31)
        pending = b""
        try:
            while chunk := pending or file.read(16_384):
                piece = decompressor.decompress(chunk, 4_096)
                pending = decompressor.unconsumed_tail
                if decompressor.eof:
                    pending = decompressor.unused_data
                    decompressor = zlib.decompressobj(31)
                seen += len(piece)
                if seen > given:
                    yield piece[-(seen - given) :]
                    given = seen
        except zlib.error:
            return


def _zstd(file: BinaryIO) -> Iterator[bytes]:
    """All frames of a Zstandard file (RFC 8878)."""
    reader = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
        file, read_across_frames=True, closefd=False
    )
    try:
        while piece := reader.read(_PIECE):
            yield piece
    except zstandard.ZstdError as error:
        raise TornError(f"the zstd data are damaged ({error})") from None


def _standard(file: BinaryIO, make: Any) -> Iterator[bytes]:
    """All streams of a format of the standard library."""
    decompressor = make()
    fresh = True
    try:
        while True:
            if decompressor.eof:
                rest = decompressor.unused_data or file.read(_CHUNK)
                if not rest.strip(b"\0"):
                    return
                decompressor = make()
            else:
                rest = file.read(_CHUNK) if decompressor.needs_input else b""
                if decompressor.needs_input and not rest:
                    break
            fresh = False
            if piece := decompressor.decompress(rest, _PIECE):
                yield piece
    except (OSError, lzma.LZMAError, ValueError, EOFError) as error:
        raise TornError(f"the compressed data are damaged ({error})") from None
    if not fresh:
        raise TornError("the compressed data end too soon")


class Pieces(io.RawIOBase):
    """Pieces of bytes as a stream that can be read, and asked why it ended.

    Attributes:
        trouble: Why the data ended before their end; null where they did not.
    """

    def __init__(self, source: Iterator[bytes]) -> None:
        super().__init__()
        self._source, self._left, self._at = source, memoryview(b""), 0
        self.trouble: str | None = None

    def readable(self) -> bool:
        """It can."""
        return True

    def tell(self) -> int:
        """How many bytes were given."""
        return self._at

    def piece(self) -> bytes:
        """The next bytes, as many as come at once; none at the end, or where the data tear."""
        if self._left:
            piece = bytes(self._left)
            self._left = memoryview(b"")
        else:
            piece = self._next()
        self._at += len(piece)
        return piece

    def _next(self) -> bytes:
        try:
            return next(self._source, b"")
        except (TornError, BombError) as error:
            self.trouble = str(error)
            self._source = iter(())
            return b""

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer as far as one piece does; 0 at the end, or where the data tear."""
        if not self._left:
            self._left = memoryview(self._next())
        size = min(len(buffer), len(self._left))  # 0 at the end
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        self._at += size
        return size
