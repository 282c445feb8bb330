"""Blocks of arrays on all cores: NumPy lets other threads run while it works on one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Given = TypeVar("_Given")
_Found = TypeVar("_Found")


def in_threads(work: Callable[[_Given], _Found], blocks: Sequence[_Given]) -> list[_Found]:
    """What the work gives for each block, in the order of the blocks, on any number of cores.

    Args:
        work: Must touch nothing that the work on another block touches.
        blocks: What it is called with.
    """
    if len(blocks) < 2:
        return [work(block) for block in blocks]
    with ThreadPoolExecutor(max_workers=min(len(blocks), os.cpu_count() or 1)) as pool:
        return list(pool.map(work, blocks))
