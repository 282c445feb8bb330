"""Atomic writes: a reader sees the old file or the new one, never a part of either (trap X6)."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_all(paths: Sequence[Path]) -> None:
    """Brings files and their names to the disk, many at once: a disk takes hardly longer for them than for one."""
    with ThreadPoolExecutor(16) as pool:
        for each in (paths, sorted({path.parent for path in paths})):
            for _ in pool.map(_sync, each):
                pass


@contextmanager
def atomic_path(path: Path, later: list[Path] | None = None) -> Iterator[Path]:
    """A temporary path beside `path` to write to; renamed over it when the block ends well.

    When the block raises, the temporary file is removed and `path` is as it was.

    Args:
        path: Where it is to be.
        later: Gets the path, and the caller brings it to the disk with others (`sync_all`); done here where not given.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    os.close(fd)
    temporary = Path(name)
    try:
        yield temporary
        if later is None:
            _sync(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
        if later is None:
            _sync(path.parent)
        else:
            later.append(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes a whole file, atomically; text as UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; it takes the place of `path` when the block ends well.

    Between the two renames a crash can leave `path` absent and its old content in a folder whose
    name begins with a dot and ends with `.old`; the next call removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent, path.name)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    old = path.with_name(f".{path.name}.old")
    try:
        yield temporary
        temporary.chmod(0o755)
        if path.exists():
            path.replace(old)
        temporary.replace(path)
        _sync(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def link(old: Path, new: Path) -> bool:
    """Gives a file a second name, or copies it where the disk knows no links; false where it is not there."""
    try:
        os.link(old, new)
    except FileNotFoundError:
        return False
    except OSError:
        shutil.copyfile(old, new)
    return True


def sweep(folder: Path, name: str = "") -> None:
    """Removes what killed runs left behind: temporary files and folders of `name`, or of every name."""
    for left in folder.glob(f".{name}*"):
        if left.name.endswith((".tmp", ".old")):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
