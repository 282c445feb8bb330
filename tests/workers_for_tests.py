"""What worker processes do in tests: work, and die in the middle of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_state: dict[str, Path] = {}


def start(folder: str) -> None:
    """Remembers where it is noted who died."""
    _state["folder"] = Path(folder)


def square(number: int) -> int:
    """The square; the process is killed the first time that it is asked for those of 5 and 13."""
    if number in (5, 13):
        noted = _state["folder"] / f"died-{number}"
        if not noted.exists():
            noted.touch()
            die(number)
    return number * number


def die(_: int) -> None:
    """Kills the process as the kernel does when memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


class Deadly:
    """A matcher of fingerprints that finds none, and kills the Spark executor in which it is first asked.

    Args:
        folder: Where it is noted which process died; all executors reach it.
    """

    header_names: frozenset[str] = frozenset()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def match_body(self, body: bytes) -> list[str]:
        """Nothing, after the first time."""
        kill_executor(self.folder)
        return []

    def match_header(self, name: str, value: str) -> list[str]:
        """Nothing."""
        return []

    def match_dns(self, answer: str) -> list[str]:
        """Nothing."""
        return []


class DeadlyWriter:
    """Writes a table as another does, and kills the Spark executor in which it has done so first.

    Args:
        write: The other.
        folder: Where it is noted which process died; all executors reach it.
    """

    def __init__(self, write: Callable[[Path, Iterable[Any]], int], folder: Path) -> None:
        self.write, self.folder = write, folder

    def __call__(self, path: Path, pieces: Iterable[Any]) -> int:
        """The number of rows, after the first time."""
        rows = self.write(path, pieces)
        kill_executor(self.folder)
        return rows


def kill_executor(folder: Path) -> None:
    """Kills the Spark executor that this process belongs to, the first time that any is asked to."""
    process = os.getpid()
    while b"CoarseGrainedExecutorBackend" not in Path(f"/proc/{process}/cmdline").read_bytes():
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    try:
        (folder / "killed").open("x").close()
    except FileExistsError:
        return
    os.kill(process, signal.SIGKILL)
    signal.pause()  # what is killed with its executor gets no further
