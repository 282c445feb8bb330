"""One file: continued where an earlier try stopped, checked, and moved into place only when whole."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from wallwatch._text import safe_text

_BLOCK = 1 << 20
_MD5 = re.compile(r'"?([0-9a-f]{32})"?', re.IGNORECASE)
# Names that any file system and any shell can live with; no leading dot or dash.
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+=@,~ -]{0,199}")


class RefusedError(Exception):
    """A name from outside that must not become a path here."""


class BrokenError(Exception):
    """A file that could not be brought whole."""


@dataclass(frozen=True, slots=True)
class Item:
    """One file upstream.

    Attributes:
        key: Its path there.
        size: Its length in bytes.
        etag: The mark of its content; its MD5 where it is 32 hexadecimal digits; empty where not given.
    """

    key: str
    size: int
    etag: str

    @property
    def md5(self) -> str | None:
        """The MD5 of its content, where upstream says it (a multipart upload has none)."""
        match = _MD5.fullmatch(self.etag)
        return match[1].lower() if match else None


def safe_path(into: Path, key: str) -> Path:
    """The path below `into` for a key from outside.

    Raises:
        RefusedError: The key is absolute, leads upwards, or has characters or lengths that no honest key has.
    """
    parts = key.split("/")
    if (
        not all(_SEGMENT.fullmatch(part) and not part.endswith((".", " ")) for part in parts)
        or len(key) > 900
    ):
        raise RefusedError(f"the name {safe_text(key, 200)!r} is refused: it could not be a plain path")
    return into.joinpath(*PurePosixPath(key).parts)


def digest(path: Path) -> str:
    """The MD5 of a file's content, as stores say it."""
    found = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def is_whole(item: Item, path: Path) -> bool:
    """Whether the file is here with the right length and, where upstream gives one, checksum."""
    if not path.is_file() or path.stat().st_size != item.size:
        return False
    return item.md5 is None or digest(path) == item.md5


def download(
    item: Item,
    target: Path,
    open_at: Callable[[int], Iterator[bytes]],
    *,
    pause: Callable[[float], None],
    attempts: int = 4,
) -> int:
    """Brings one file; returns the bytes that came over the network: zero where it was here already.

    What has come is kept in a hidden file beside the target, named by the content's mark, so that a later
    call goes on from there; a file that changed upstream begins anew.

    Args:
        item: What is to come.
        target: Where to put it.
        open_at: Gives the content from a byte on.
        pause: Waits so many seconds between tries.
        attempts: How often to try.

    Raises:
        BrokenError: It did not come whole, in all tries.
        OSError: It cannot be written here.
    """
    if is_whole(item, target):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    mark = hashlib.sha256(f"{item.key}\n{item.size}\n{item.etag}".encode()).hexdigest()[:12]
    part = target.with_name(f".{target.name[:180]}.{mark}.part")
    if not part.exists() and item.md5 is not None and target.is_file() and target.stat().st_size < item.size:
        target.replace(part)  # torn by another tool, perhaps: the checksum will tell
    came, reason = 0, ""
    for attempt in range(attempts):
        if attempt:
            pause(min(0.5 * 2**attempt, 30.0))
        have = part.stat().st_size if part.exists() else 0
        if have > item.size:
            part.unlink()
            have = 0
        try:
            came += _append(part, open_at(have), item.size - have) if have < item.size else 0
        except OSError as error:
            if error.errno is not None and error.filename is not None:
                raise  # ours: no space, no permission
            reason = _first_line(error)
            continue
        except Exception as error:
            # The stores' clients raise classes of their own, and not all are public.
            reason = _first_line(error)
            continue
        if not part.exists():
            part.touch()
        if part.stat().st_size != item.size:
            reason = f"{part.stat().st_size:,} of {item.size:,} bytes came"
            continue
        if item.md5 is not None and digest(part) != item.md5:
            part.unlink()
            reason = "the content does not have the checksum that its source gives"
            continue
        _settle(part, target)
        return came
    raise BrokenError(f"{safe_text(item.key, 200)}: {reason} (after {attempts} tries)")


def _append(part: Path, blocks: Iterator[bytes], most: int) -> int:
    came = 0
    with part.open("ab") as file:
        for block in blocks:
            came += len(block)
            if came > most:
                raise BrokenError("more bytes came than the source said it has")
            try:
                file.write(block)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(part)) from error
    return came


def _settle(part: Path, target: Path) -> None:
    fd = os.open(part, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    part.replace(target)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return safe_text(lines[0] if lines else type(error).__name__, 300)
