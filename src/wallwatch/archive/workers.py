"""Processes that read: calls are given out in order and their results come back in order, also past a killed one."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

#: So often in a row are processes started anew after one was killed, without any result in between.
_ATTEMPTS = 3


@dataclass(slots=True)
class _Waiting:
    """A call that was given out: by which pool, and what will come of it."""

    arguments: tuple[Any, ...]
    pool: ProcessPoolExecutor | None = None
    future: Future[Any] | None = None


def _context() -> multiprocessing.context.BaseContext:
    """How processes are started: not forked from this one, since Arrow's threads do not survive that.

    They are forked from one that has loaded what they need and started no threads, where the system has such a thing:
    what takes a third of a second is then done once, and its memory is shared.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["wallwatch.archive.take_in"])
    return context


class Workers:
    """So many processes.

    When one is killed (for want of memory, or by a person), all are started anew and get the calls that have not
    come back. A call must therefore be one that can be repeated.

    Args:
        count: How many.
        start: Called in each process when it starts.
        arguments: With these.

    Attributes:
        restarts: How often they were started anew.
    """

    def __init__(self, count: int, start: Callable[..., None], *arguments: Any) -> None:
        self._count, self._start, self._arguments = count, start, arguments
        self._pool: ProcessPoolExecutor | None = None
        self._failed = 0
        self.restarts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=kind is not None)
            self._pool = None

    def ordered(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], ahead: int
    ) -> Iterator[Any]:
        """What the function gives for the arguments of each call, in their order.

        Args:
            function: Runs in a process; it must be at the top of a module, and repeating it must do no harm.
            calls: Arguments; they are asked for as there is room.
            ahead: How many calls are given out at most.

        Raises:
            BrokenProcessPool: Processes were killed again and again.
        """
        waiting: deque[_Waiting] = deque()
        for arguments in calls:
            waiting.append(_Waiting(arguments))
            self._give(function, waiting[-1])
            if len(waiting) >= ahead:
                yield self._take(function, waiting)
        while waiting:
            yield self._take(function, waiting)

    def shared(
        self, function: Callable[..., Any], calls: Iterable[tuple[Any, ...]], own: Callable[..., Any]
    ) -> Iterator[Any]:
        """What the function gives for the arguments of each call, in any order; this process takes its part of them.

        Args:
            function: See `ordered`.
            calls: Arguments.
            own: Does here what the function does in a process.

        Raises:
            BrokenProcessPool: Processes were killed again and again.
        """
        left = deque(calls)
        waiting: deque[_Waiting] = deque()
        while left or waiting:
            # The last one is for this process, which would wait for another to have done two.
            while len(left) > 1 and len(waiting) < 2 * self._count:
                waiting.append(_Waiting(left.popleft()))
                self._give(function, waiting[-1])
            yield own(*left.popleft()) if left else self._take(function, waiting)
            while waiting and _came(waiting[0]):
                yield self._take(function, waiting)

    def _give(self, function: Callable[..., Any], call: _Waiting) -> None:
        while True:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(self._count, _context(), self._start, self._arguments)
            try:
                call.future = self._pool.submit(function, *call.arguments)
                call.pool = self._pool
                return
            except BrokenProcessPool:
                self._broken(self._pool)

    def _take(self, function: Callable[..., Any], waiting: deque[_Waiting]) -> Any:
        first = waiting[0]
        while True:
            if first.future is None:
                raise AssertionError("a call was not given out")
            try:
                found = first.future.result()
            except (BrokenProcessPool, CancelledError):
                self._broken(first.pool)
                for call in waiting:
                    # Those that were still under way are lost with their pool.
                    if call.pool is not self._pool and not _came(call):
                        self._give(function, call)
            else:
                self._failed = 0
                waiting.popleft()
                return found

    def _broken(self, pool: ProcessPoolExecutor | None) -> None:
        if pool is not self._pool or pool is None:
            return  # it was replaced already
        self._failed += 1
        self.restarts += 1
        pool.shutdown(wait=False, cancel_futures=True)
        self._pool = None
        if self._failed > _ATTEMPTS:
            raise BrokenProcessPool("processes were killed again and again")


def _came(call: _Waiting) -> bool:
    """Whether the call's result is there."""
    future = call.future
    return future is not None and future.done() and not future.cancelled() and future.exception() is None
