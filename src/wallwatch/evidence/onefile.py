"""A folder as one zip file of reproducible bytes, and the way back, which trusts nothing (traps X2, X7).

The format's headers are written here, because then every byte of them is known beforehand: a reader can tell a
changed one although nothing is signed there (APPNOTE.TXT 4.3; neither ZIP64 nor extra fields are needed).
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from wallwatch._files import atomic_path
from wallwatch.evidence.bag import folded, unsafe_name

_CHUNK: Final = 1 << 20
#: Fixed: the same folder gives the same bytes (of one version of zlib).
_LEVEL: Final = 6
#: The day of all entries, 1 January 1980: the first that the format can say, for a file's own time is no evidence.
_DAY: Final = 0x21
_MODE: Final = stat.S_IFREG | 0o644
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_END: Final = struct.Struct("<4s4H2LH")
#: What the format can say without ZIP64.
_LARGEST: Final = 0xFFFFFFFE
_MOST: Final = 0xFFFE


class Entry(NamedTuple):
    """One file in the zip file: name, check sum, size packed and unpacked, and where it begins."""

    name: str
    crc: int
    packed: int
    size: int
    offset: int

    def local(self) -> bytes:
        """The header before its content."""
        name = self.name.encode()
        sizes = (self.crc, self.packed, self.size)
        return _LOCAL.pack(b"PK\3\4", 20, _flags(name), 8, 0, _DAY, *sizes, len(name), 0) + name

    def central(self) -> bytes:
        """What the list at the end says of it; made on Unix, so that the mode counts."""
        name = self.name.encode()
        head = (b"PK\1\2", 3 << 8 | 20, 20, _flags(name), 8, 0, _DAY, self.crc, self.packed, self.size)
        return _CENTRAL.pack(*head, len(name), 0, 0, 0, 0, _MODE << 16, self.offset) + name


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else 0x800  # the name is UTF-8


def _list(entries: Sequence[Entry], at: int) -> bytes:
    """The list at the end, which begins at `at`."""
    listed = b"".join(entry.central() for entry in entries)
    return listed + _END.pack(b"PK\5\6", 0, 0, len(entries), len(entries), len(listed), at, 0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask of disk and time; beyond it, it is refused.

    Attributes:
        entries: Files in it.
        total: Bytes of all of them, unpacked.
        ratio: How many times larger than packed one may become …
        ratio_from: … once it has become this large, in bytes.
    """

    entries: int = 50_000
    total: int = 8 << 30
    ratio: int = 250
    ratio_from: int = 64 << 20


class RefusedError(Exception):
    """Why a file is not packed or unpacked."""


def pack(folder: Path, name: str, out: Path) -> None:
    """Writes a folder as a zip file, atomically.

    Args:
        folder: What is packed.
        name: The folder's name in the zip file.
        out: The file.

    Raises:
        RefusedError: It is larger than the format can say.
        OSError: It cannot be written.
    """
    paths = {
        f"{name}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*") if path.is_file()
    }
    if len(paths) > _MOST:
        raise RefusedError(f"more than {_MOST:,} files")
    entries: list[Entry] = []
    with atomic_path(out) as temporary, temporary.open("wb") as file:
        for entry_name in sorted(paths):
            at = file.tell()
            file.write(Entry(entry_name, 0, 0, 0, 0).local())
            crc = packed = size = 0
            deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -15)
            with paths[entry_name].open("rb") as source:
                while chunk := source.read(_CHUNK):
                    crc, size = zlib.crc32(chunk, crc), size + len(chunk)
                    packed += file.write(deflate.compress(chunk))
            packed += file.write(deflate.flush())
            if file.tell() > _LARGEST or size > _LARGEST:
                raise RefusedError("more than 4 GiB")
            entry = Entry(entry_name, crc, packed, size, at)
            file.seek(at)
            file.write(entry.local())
            file.seek(0, 2)
            entries.append(entry)
        file.write(_list(entries, file.tell()))


def unpack(path: Path, into: Path, limits: Limits | None = None) -> Path:
    """Unpacks a bundle into an empty folder.

    Returns:
        The one folder in it.

    Raises:
        RefusedError: It is no zip file, damaged, or has what a bundle never has: names that lead out of it, links,
            two entries of one name, several folders, entries that expand beyond the limits, changed headers.
        OSError: It cannot be read or written.
    """
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(path) as zipped:
            found = zipped.infolist()
            root = _look(found, limits)
            _as_written(path, found)
            left = limits.total
            for entry in found:
                left -= _extract(zipped, entry, into / entry.filename, left, limits)
            return into / root
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise RefusedError(f"not a whole zip file: {error}") from None


def _look(entries: Sequence[zipfile.ZipInfo], limits: Limits) -> str:
    """Refuses by what the list of entries says; gives the one folder."""
    if not entries:
        raise RefusedError("an empty zip file")
    if len(entries) > limits.entries:
        raise RefusedError(f"{len(entries):,} entries; the limit is {limits.entries:,}")
    if sum(entry.file_size for entry in entries) > limits.total:
        raise RefusedError(f"it would unpack to more than {limits.total:,} bytes")
    seen: set[str] = set()
    roots = set()
    for entry in entries:
        # As it stands in the file: Python's own name has slashes turned and ends at a NUL.
        name = entry.orig_filename
        if (why := unsafe_name(name)) is not None:
            raise RefusedError(f"the name of the entry {name!r} {why}")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise RefusedError(f"{name} is a link or no regular file")
        if entry.flag_bits & 0x1:
            raise RefusedError(f"{name} is encrypted")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedError(f"{name} is compressed in a way that is not read")
        if folded(name) in seen:
            raise RefusedError(f"there are two entries of the name {name}")
        seen.add(folded(name))
        roots.add(name.partition("/")[0])
        if entry.file_size > limits.ratio_from and entry.file_size > limits.ratio * max(
            entry.compress_size, 1
        ):
            raise RefusedError(f"{name} expands to more than {limits.ratio} times its packed size")
    if len(roots) != 1 or any("/" not in entry.orig_filename for entry in entries):
        raise RefusedError("a bundle is one folder, and this is not")
    return next(iter(roots))


def _as_written(path: Path, found: Sequence[zipfile.ZipInfo]) -> None:
    """Holds every byte beside the contents against how `pack` writes it: nothing hides before, between or behind.

    An archive that another program packed again has the same contents and other bytes: it is checked unpacked.
    """
    entries = [Entry(e.orig_filename, e.CRC, e.compress_size, e.file_size, e.header_offset) for e in found]
    at = 0
    with path.open("rb") as file:
        for entry in entries:
            wanted = entry.local()
            file.seek(at)
            if entry.offset != at or file.read(len(wanted)) != wanted:
                raise RefusedError(f"changed: the archive's header of {entry.name}{_AGAIN}")
            at += len(wanted) + entry.packed
        wanted = _list(entries, at)
        file.seek(at)
        if file.read(len(wanted) + 1) != wanted:
            raise RefusedError(f"changed: the archive's list of entries{_AGAIN}")


_AGAIN = "; if another program packed it again, unpack it and verify the folder"


def _extract(zipped: zipfile.ZipFile, entry: zipfile.ZipInfo, to: Path, left: int, limits: Limits) -> int:
    """Unpacks one entry; its size is counted as it comes, whatever the archive says of it."""
    to.parent.mkdir(parents=True, exist_ok=True)
    size = 0
    with zipped.open(entry) as source, to.open("xb") as target:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise RefusedError("it unpacks to more than the limit")
            if size > limits.ratio_from and size > limits.ratio * max(entry.compress_size, 1):
                raise RefusedError(
                    f"{entry.filename} expands to more than {limits.ratio} times its packed size"
                )
            target.write(chunk)
    return size
