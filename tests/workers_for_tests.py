"""What worker processes do in tests: work, and die in the middle of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

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
