"""Two threads beside the one that reads: one that unpacks what comes, one that writes what was read.

Decompressing, hashing and writing Parquet need no interpreter, nor does most of what the extension reads, so that a
second core is used without a second process, which takes half a second to start.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self, TypeVar

_T = TypeVar("_T")
_END = object()


def ahead(items: Iterable[_T], most: int) -> Iterator[_T]:
    """The items, made by a thread of their own before they are asked for.

    Args:
        items: Used by that thread alone.
        most: How many wait to be asked for.

    Raises:
        Exception: What making them raised, at its place.
    """
    waiting: queue.Queue[Any] = queue.Queue(most)
    over = threading.Event()
    trouble: list[BaseException] = []

    def put(item: object) -> bool:
        while not over.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def make() -> None:
        try:
            for item in items:
                if not put(item):
                    return
        except BaseException as error:  # it is raised where the items are used
            trouble.append(error)
        finally:
            put(_END)

    thread = threading.Thread(target=make, name="ahead", daemon=True)
    thread.start()
    try:
        while (item := waiting.get()) is not _END:
            yield item
        if trouble:
            raise trouble[0]
    finally:
        over.set()
        thread.join()


class Behind:
    """Does one thing after the other in a thread, while the next is prepared: at most one waits."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "behind")
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def do(self, work: Callable[..., None], *arguments: object) -> None:
        """Gives it the next thing to do, once it has done the one before.

        Raises:
            Exception: What that raised.
        """
        self.wait()
        self._last = self._thread.submit(work, *arguments)

    def wait(self) -> None:
        """Waits until it has done everything.

        Raises:
            Exception: What the last thing raised.
        """
        if self._last is not None:
            last, self._last = self._last, None
            last.result()

    def forget(self) -> None:
        """The same, where it does not matter any more how it went."""
        if self._last is not None:
            self._last.exception()
            self._last = None
