"""Progress on standard error: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What long work reports to."""

    def stage(self, name: str, total: int | None = None) -> None:
        """A new stage begins, of `total` units where that is known."""

    def advance(self, units: int = 1) -> None:
        """So many more units of the stage are done."""

    def say(self, message: str) -> None:
        """A line that a person should see."""


class Silent:
    """Reports nothing."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Does nothing."""

    def advance(self, units: int = 1) -> None:
        """Does nothing."""

    def say(self, message: str) -> None:
        """Does nothing."""


class PlainLines:
    """A line at each stage's start and at most one every `every` seconds after."""

    def __init__(self, write: Callable[[str], object] | None = None, every: float = 10.0) -> None:
        self._write = write or (lambda text: print(text, file=sys.stderr, flush=True))
        self._every = every
        self._name, self._total, self._done, self._said = "", 0, 0, 0.0

    def stage(self, name: str, total: int | None = None) -> None:
        """Says the stage's name."""
        self._name, self._total, self._done, self._said = name, total or 0, 0, time.monotonic()
        self._write(f"{name} ...")

    def advance(self, units: int = 1) -> None:
        """Says how far it is, now and then."""
        self._done += units
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            of = f" of {self._total:,}" if self._total else ""
            self._write(f"{self._name}: {self._done:,}{of}")

    def say(self, message: str) -> None:
        """Says it at once."""
        self._write(message)


class _Bar:
    """A Rich progress bar, one task a stage."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as RichProgress

        self._rich = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._rich.add_task("", visible=False)

    def __enter__(self) -> _Bar:
        self._rich.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._rich.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        self._rich.remove_task(self._task)
        self._task = self._rich.add_task(name, total=total)

    def advance(self, units: int = 1) -> None:
        self._rich.advance(self._task, units)

    def say(self, message: str) -> None:
        self._rich.console.print(message, markup=False, highlight=False)


@contextmanager
def on_stderr() -> Iterator[Progress]:
    """The progress that fits standard error: a bar on a terminal, plain lines elsewhere."""
    if sys.stderr.isatty():
        with _Bar() as bar:
            yield bar
    else:
        yield PlainLines()
