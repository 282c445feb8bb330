"""Members of a tar archive, one after the other, never written to disk (POSIX.1-2001, pax; GNU long names).

Written here because only regular files with harmless names are wanted, in bounded memory: links, devices,
absolute names and names that climb out of their folder are refused (trap X2).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from wallwatch.sources.bytestream import Pieces
from wallwatch.sources.stretch import Aside, Limits

_BLOCK = 512
_LONGEST_HEADER = 1 << 20
_LINKS = {b"1": "a hard link", b"2": "a symbolic link", b"3": "a device", b"4": "a device", b"6": "a pipe"}


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of the archive.

    Attributes:
        name: As the archive has it.
        position: From 1, among all its entries.
        offset: Where its content begins in the archive, in bytes.
        content: Its bytes.
    """

    name: str
    position: int
    offset: int
    content: bytes


def is_tar(head: bytes) -> bool:
    """Whether a decompressed file that begins with `head` is a tar archive."""
    return len(head) >= _BLOCK and head[257:262] == b"ustar" and _checksum_fits(head[:_BLOCK])


def members(stream: Pieces, limits: Limits) -> Iterator[Member | Aside]:
    """The members, and what was refused, in their order; ends at the archive's end or where it tears."""
    source = _Source(stream)
    position = 0
    long_name: str | None = None
    while True:
        start = source.at
        header = source.take(_BLOCK)
        if len(header) < _BLOCK or not header.strip(b"\0"):
            if header and len(header) < _BLOCK:
                yield Aside(position + 1, start, "the archive ends within a header")
            return
        if not _checksum_fits(header):
            yield Aside(position + 1, start, "the archive is damaged: a header's checksum is wrong", header)
            return
        size = _number(header[124:136])
        if size is None:
            yield Aside(position + 1, start, "the archive is damaged: a size is no number", header)
            return
        kind = header[156:157]
        if kind in (b"L", b"K", b"x", b"g"):
            if size > _LONGEST_HEADER:
                yield Aside(position + 1, start, "the archive has a header of unreasonable length", header)
                return
            extra = source.take(size)
            source.skip(-size % _BLOCK)
            if kind == b"L":
                long_name = extra.rstrip(b"\0").decode("utf-8", "backslashreplace")
            elif kind == b"x":
                long_name = _pax_path(extra) or long_name
            continue
        position += 1
        name = long_name or _name(header)
        long_name = None
        if position > limits.members:
            yield Aside(position, start, f"the archive has more than {limits.members:,} members")
            return
        refusal = _refusal(name, kind, size, limits)
        if refusal is not None or kind == b"5":
            if refusal is not None:
                yield Aside(position, start, refusal, name.encode())
            source.skip(size + -size % _BLOCK if kind not in _LINKS else 0)
            continue
        offset = source.at
        content = source.take(size)
        if len(content) < size:
            yield Aside(position, offset, "the archive ends within this member", content[:200])
            return
        source.skip(-size % _BLOCK)
        yield Member(name, position, offset, content)


def _refusal(name: str, kind: bytes, size: int, limits: Limits) -> str | None:
    if kind in _LINKS:
        return f"a member that is {_LINKS[kind]} is refused"
    if name.startswith("/") or ".." in PurePosixPath(name.replace("\\", "/")).parts:
        return "a member whose name leads out of the archive is refused"
    if kind == b"5":
        return None
    if kind not in (b"0", b"\0", b"7"):
        return "a member of an unknown kind is refused"
    if size > limits.line:
        return f"a member of {size:,} bytes; the limit is {limits.line:,}"
    return None


def _name(header: bytes) -> str:
    name = header[:100].split(b"\0")[0]
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "backslashreplace")


def _pax_path(records: bytes) -> str | None:
    at = 0
    while at < len(records):
        length, _, rest = records[at : at + 32].partition(b" ")
        if not length.isdigit() or not rest or int(length) <= len(length):
            return None
        key, _, value = records[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        if key == b"path":
            return value.decode("utf-8", "backslashreplace")
        at += int(length)
    return None


def _number(field: bytes) -> int | None:
    if field[:1] == b"\x80":  # GNU: binary, for what octal digits cannot hold
        return int.from_bytes(field[1:], "big")
    text = field.strip(b"\0 ")
    try:
        return int(text or b"0", 8)
    except ValueError:
        return None


def _checksum_fits(header: bytes) -> bool:
    wanted = _number(header[148:156])
    return wanted == sum(header[:148]) + 8 * 32 + sum(header[156:])


class _Source:
    """Reads exact amounts from a stream and counts them."""

    def __init__(self, stream: Pieces) -> None:
        self._stream, self.at = stream, 0

    def take(self, size: int) -> bytes:
        """So many bytes, or fewer where the stream ends."""
        parts, left = [], size
        while left:
            part = self._stream.read(min(left, 1 << 20))
            if not part:
                break
            parts.append(part)
            left -= len(part)
        self.at += size - left
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Passes over so many bytes."""
        while size > 0 and (part := self._stream.read(min(size, 1 << 20))):
            size -= len(part)
            self.at += len(part)
