"""What a person gave: files and folders, as a sorted list of files with the names that the tables keep."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wallwatch._errors import WallwatchError


@dataclass(frozen=True, slots=True)
class Given:
    """One file that was given.

    Attributes:
        path: Where it lies.
        name: Its path below the folder that was given, or its base name; never more (no home folders).
        size: In bytes.
        address: Where it lies where that is no path of this machine.
    """

    path: Path
    name: str
    size: int
    address: str = ""

    @property
    def place(self) -> str:
        """Its address, or its path from the root on."""
        return self.address or str(self.path.absolute())


def given_files(
    inputs: Sequence[Path], workspace: Path, wanted: Callable[[Path], bool] | None = None
) -> list[Given]:
    """All files of the inputs, in the order of their names; hidden ones are left out.

    The workspace itself is left out where it lies below an input.

    Args:
        inputs: Files and folders.
        workspace: The workspace's folder.
        wanted: Says of each file whether it is looked at; every one where not given.

    Raises:
        WallwatchError: An input does not exist, cannot be read, or is what the workspace keeps itself.
    """
    root = workspace.resolve()
    found: dict[Path, Given] = {}
    for given in inputs:
        resolved = given.resolve()
        if any(
            own == resolved or own in resolved.parents
            for own in (root / "raw", root / "tables", root / "history")
        ) or (resolved == root):
            raise WallwatchError(f"{given} is the workspace's own; give the files it was made from")
        if given.is_dir():
            for path in _walk(given, root):
                found.setdefault(path, _file(path, path.relative_to(given).as_posix()))
        elif given.is_file():
            found.setdefault(given, _file(given, given.name))
        else:
            raise WallwatchError(f"{given} does not exist, or is neither a file nor a folder")
    if wanted is not None:
        found = {path: file for path, file in found.items() if wanted(path)}
    return sorted(found.values(), key=lambda file: (file.name, str(file.path)))


def _walk(folder: Path, workspace: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise WallwatchError(f"{error.filename} cannot be read: {error.strerror}") from error

    for at, folders, names in os.walk(folder, onerror=fail):
        here = Path(at)
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (here / name).resolve() != workspace
        )
        for name in sorted(names):
            path = here / name
            if not name.startswith(".") and path.is_file():
                yield path


def _file(path: Path, name: str) -> Given:
    # A name that is not UTF-8 could not be written to a table.
    plain = os.fsencode(name).decode("utf-8", "backslashreplace")
    return Given(path, plain, path.stat().st_size)
