"""Time axes: where marks stand and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from wallwatch.report.charts.svg import label, line
from wallwatch.report.language import Language

_HOUR = timedelta(hours=1)
_STEPS = (_HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, *(timedelta(days=n) for n in (1, 2, 4, 7, 14)))


@dataclass(frozen=True, slots=True)
class Axis:
    """Times to places.

    Attributes:
        start: The time at `left`.
        stop: The time at `right`; where it is no later than `start`, everything stands at `left`.
        left: A coordinate.
        right: A coordinate.
    """

    start: datetime
    stop: datetime
    left: float
    right: float

    def x(self, moment: datetime) -> float:
        """Where a moment stands; what lies outside stands at the edge."""
        if self.stop <= self.start:
            return self.left
        share = (moment - self.start) / (self.stop - self.start)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)


def ticks(start: datetime, stop: datetime, most: int, language: Language) -> list[tuple[datetime, str]]:
    """Round moments within a stretch, at most so many, each with its label."""
    length = stop - start
    for step in _STEPS:
        if length / step <= most:
            return _even(start, stop, step, language)
    found: list[tuple[datetime, str]] = []
    months = max(1, round(length / timedelta(days=30) / most + 0.5))
    moment = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    number = moment.year * 12 + moment.month - 1
    number += -number % months
    while (moment := moment.replace(year=number // 12, month=number % 12 + 1)) <= stop:
        if moment >= start:
            found.append((moment, language.month(moment)))
        number += months
    return found


def _even(start: datetime, stop: datetime, step: timedelta, language: Language) -> list[tuple[datetime, str]]:
    # Counted from a Monday, so that weekly marks stand on Mondays.
    origin = datetime(1970, 1, 5, tzinfo=UTC)
    first = origin + -(-(start - origin) // step) * step
    say: Callable[[datetime], str] = language.short_day
    found = []
    while first <= stop:
        found.append(
            (first, language.clock(first) if step < timedelta(days=1) and first.hour else say(first))
        )
        first += step
    return found


def drawn(axis: Axis, top: float, bottom: float, language: Language, most: int = 8) -> str:
    """The marks of a time axis, with their labels below."""
    pieces = []
    for moment, words in ticks(axis.start, axis.stop, most, language):
        x = axis.x(moment)
        pieces.append(line(x, top, x, bottom, "rule"))
        near_end = x > axis.right - 24
        pieces.append(
            label(x + (0 if near_end else 2), bottom + 12, words, "tick", "end" if near_end else "start")
        )
    return "".join(pieces)
