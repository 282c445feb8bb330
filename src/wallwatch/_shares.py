"""What is worked on at once: things that follow one another, as many as are not too much together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

_Thing = TypeVar("_Thing")


def in_shares(sizes: Iterable[tuple[_Thing, int]], most: int) -> list[list[_Thing]]:
    """Things in their order, in shares that are together not larger than that, where a single one is not.

    Args:
        sizes: Each thing with its size.
        most: Of a share, in the unit of the sizes.
    """
    found: list[list[_Thing]] = []
    held = 0
    for thing, size in sizes:
        if not found or held + size > most:
            found.append([])
            held = 0
        found[-1].append(thing)
        held += size
    return found
