"""Patterns in time: the hours of the day and the days of the week to which a restriction keeps (trap C12)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wallwatch.detect.votes import UNITS

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

#: How much likelier, in natural logarithms, the votes must be with the pattern than without it.
GAIN = 12.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pattern in time.

    Attributes:
        hours: Hours of the day, UTC; all 24 where it keeps to days only.
        weekdays: Days of the week, 0 is Monday; all 7 where it keeps to hours only.
        days: Days on which it was seen.
        rate_inside: Share of votes against the target inside the pattern.
        rate_outside: The same outside.
        votes_inside: Votes inside.
        votes_outside: Votes outside.
    """

    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    days: int
    rate_inside: float
    rate_outside: float
    votes_inside: float
    votes_outside: float

    @property
    def gain(self) -> float:
        """How much likelier the votes are with the pattern than without it, in natural logarithms."""
        return _gain(
            self.rate_inside * self.votes_inside,
            self.votes_inside,
            self.rate_outside * self.votes_outside,
            self.votes_outside,
        )

    @property
    def surprise(self) -> float:
        """The gain, less what it is worth to choose hours and days at will.

        That is the logarithm of how many sets there are with as many stretches around the clock and around the week.
        """
        ways = math.comb(24, 2 * _stretches(self.hours, 24)) * math.comb(7, 2 * _stretches(self.weekdays, 7))
        return self.gain - math.log(ways)

    @property
    def text(self) -> str:
        """The pattern in words: `weekdays, 05:00–08:00 and 11:00–14:00 UTC`."""
        return f"{_days_in_words(self.weekdays)}, {_hours_in_words(self.hours)}"

    def record(self) -> dict[str, object]:
        """The pattern as the schema's JSON object."""
        return {
            "text": self.text,
            "hours_utc": list(self.hours),
            "weekdays": [DAYS[day] for day in self.weekdays],
            "days": self.days,
            "rate_inside": round(self.rate_inside, 3),
            "rate_outside": round(self.rate_outside, 3),
            "votes_inside": round(self.votes_inside, 1),
            "votes_outside": round(self.votes_outside, 1),
        }


def recurrence(
    hour: npt.NDArray[np.int64], k: npt.NDArray[np.int64], n: npt.NDArray[np.int64]
) -> Recurrence | None:
    """The pattern that explains when votes are against the target, where there is one.

    Looks for the set of hours of the day, then of days of the week, that raises the binomial likelihood most, by
    turns until neither changes. A pattern must hold on three days or more, be likelier by `GAIN` than none, and
    separate: most votes against inside, few outside.

    Args:
        hour: Hours since 1970-01-01 00:00 UTC.
        k: Votes against the target, in parts of 1 / `UNITS`.
        n: All votes, likewise.
    """
    against, total = k / UNITS, n / UNITS
    clock = (hour % 24).astype(np.int64)
    weekday = (hour // 24 + 3) % 7  # 1970-01-01 was a Thursday.
    hours, days = np.ones(24, dtype=bool), np.ones(7, dtype=bool)
    for _ in range(4):
        was = (hours.copy(), days.copy())
        on = days[weekday]
        hours = _best(_sums(clock[on], against[on], 24), _sums(clock[on], total[on], 24), circle=True)
        on = hours[clock]
        days = _best(_sums(weekday[on], against[on], 7), _sums(weekday[on], total[on], 7), circle=False)
        if (was[0] == hours).all() and (was[1] == days).all():
            break
    inside = hours[clock] & days[weekday]
    if not inside.any():
        return None
    k_in, n_in = float(against[inside].sum()), float(total[inside].sum())
    k_out, n_out = float(against[~inside].sum()), float(total[~inside].sum())
    if n_in == 0 or n_out == 0:
        return None
    rate_in, rate_out = k_in / n_in, k_out / n_out
    seen = np.unique(hour[inside & (k > 0)] // 24)
    if len(seen) < 3 or _gain(k_in, n_in, k_out, n_out) < GAIN or rate_in < 0.5 or rate_out > 0.4 * rate_in:
        return None
    return Recurrence(
        tuple(np.flatnonzero(hours).tolist()),
        tuple(np.flatnonzero(days).tolist()),
        len(seen),
        rate_in,
        rate_out,
        n_in,
        n_out,
    )


def _stretches(chosen: tuple[int, ...], size: int) -> int:
    """Unbroken stretches of the chosen around a circle; none where all of it is chosen."""
    return 0 if len(chosen) == size else sum((at - 1) % size not in chosen for at in chosen)


def _sums(index: npt.NDArray[np.int64], values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(index, weights=values, minlength=size), dtype=np.float64)


def _gain(k_in: float, n_in: float, k_out: float, n_out: float) -> float:
    apart = _log_likelihood(k_in, n_in) + _log_likelihood(k_out, n_out)
    return apart - _log_likelihood(k_in + k_out, n_in + n_out)


def _log_likelihood(k: float, n: float) -> float:
    """Of k of n at their own rate."""
    return sum(part * math.log(part / n) for part in (k, n - k) if part > 1e-9)


def _best(k: Floats, n: Floats, *, circle: bool) -> npt.NDArray[np.bool_]:
    """The classes with the highest rates whose separation from the others is likeliest; all where none gains.

    An hour of the day without votes follows its neighbours; a day of the week without votes is not claimed.
    """
    rate = (k + 0.5 * k.sum() / max(n.sum(), 1e-9)) / (n + 0.5)
    measured = np.flatnonzero(n > 0)
    order = measured[np.argsort(-rate[measured], kind="stable")]
    whole = _log_likelihood(float(k.sum()), float(n.sum()))
    best, gain = len(order), 2.0  # Fewer classes must be worth their choice.
    for size in range(1, len(order)):
        chosen = order[:size]
        k_in, n_in = float(k[chosen].sum()), float(n[chosen].sum())
        apart = (
            _log_likelihood(k_in, n_in)
            + _log_likelihood(float(k.sum()) - k_in, float(n.sum()) - n_in)
            - whole
        )
        if apart > gain + 1e-9:
            best, gain = size, apart
    found = np.zeros(len(n), dtype=np.bool_)
    found[order[:best]] = True
    if not circle:
        # A day without votes is claimed only where it would be the odd one out.
        if best == len(measured) >= 6:
            found[:] = True
        return found
    for at in np.flatnonzero(n == 0).tolist():
        left = next(
            (found[(at - back) % len(n)] for back in range(1, len(n)) if n[(at - back) % len(n)] > 0), True
        )
        right = next(
            (found[(at + on) % len(n)] for on in range(1, len(n)) if n[(at + on) % len(n)] > 0), True
        )
        found[at] = bool(left and right)
    return found


def _hours_in_words(hours: tuple[int, ...]) -> str:
    if len(hours) == 24:
        return "all day"
    spans = []
    for start in hours:
        if (start - 1) % 24 in hours:
            continue
        stop = start
        while (stop + 1) % 24 in hours:
            stop += 1
        spans.append(f"{start:02d}:00–{(stop + 1) % 24:02d}:00")
    listed = " and ".join([", ".join(spans[:-1]), spans[-1]]) if len(spans) > 1 else spans[0]
    return f"{listed} UTC"


def _days_in_words(days: tuple[int, ...]) -> str:
    if len(days) == 7:
        return "every day"
    if days == (0, 1, 2, 3, 4):
        return "weekdays"
    if days == (5, 6):
        return "weekends"
    names = [DAYS[day] + "s" for day in days]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
