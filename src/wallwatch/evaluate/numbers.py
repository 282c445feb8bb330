"""Numbers with their denominators, and the times between which something is so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; null where there is nothing to share."""
        return self.part / self.whole if self.whole else None

    def as_dict(self) -> dict[str, Any]:
        """Share, part and whole."""
        value = self.value
        return {"share": None if value is None else round(value, 4), "part": self.part, "whole": self.whole}

    def __str__(self) -> str:
        """The share in per cent, and what it is a share of."""
        value = self.value
        return f"{'–' if value is None else f'{value:.1%}'} ({self.part:,} of {self.whole:,})"


@dataclass(frozen=True, slots=True)
class Errors:
    """Distances in hours: how many, the one in the middle, the greatest."""

    hours: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Count, median and greatest."""
        if not self.hours:
            return {"count": 0, "median_hours": None, "greatest_hours": None}
        return {
            "count": len(self.hours),
            "median_hours": round(median(self.hours), 2),
            "greatest_hours": round(max(self.hours), 2),
        }

    def __str__(self) -> str:
        """The same in words."""
        if not self.hours:
            return "– (0)"
        return f"median {median(self.hours):.1f} h, greatest {max(self.hours):.1f} h ({len(self.hours)})"


def outside(when: datetime, first: datetime, last: datetime) -> float:
    """How many hours a moment lies outside an interval; 0 within."""
    if when < first:
        return (first - when).total_seconds() / 3600
    return max((when - last).total_seconds() / 3600, 0.0)


def expand(paths: Iterable[str]) -> frozenset[str]:
    """The paths with all their ancestors: `tls.reset.sni` brings `tls.reset` and `tls`."""
    return frozenset(
        ".".join(labels[:depth])
        for labels in (path.split(".") for path in paths if path)
        for depth in range(1, len(labels) + 1)
    )
