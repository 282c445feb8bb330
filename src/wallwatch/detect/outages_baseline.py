"""What a series would show on an ordinary day: its level of late, times the rhythm of its hours.

The level is the median of the last seven days; the rhythm is the median, hour by hour, of the last
fourteen; both from clean bins alone, so that an outage does not become the new normal, however long it
lasts. A series' first days, which have no past, are compared to the best of its first week.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Units whose highest value is the normal one.
INDEXES = ("index_100", "index_10", "share")

#: Shares are cut here.
HIGHEST = 1.2

_WEEK = 7
_RHYTHM_DAYS = 14
#: A bin that falls below this share of what is expected is no longer learned from.
_UNCLEAN = 0.85
#: A weekend leaves at least this share of the level, and takes so many days of a week at most.
_LOWEST_DAY, _MOST_LOW_DAYS = 0.65, 3
#: No natural rhythm takes an index of reachability below this share of its level; a count may sink further.
_LOWEST_RHYTHM = {"index": 0.3, "other": 0.1}
#: An expected value below this is too small to lose anything from.
_LEAST = {"index_100": 5.0, "index_10": 0.5, "share": 0.05, "latency_100": 5.0, "count": 2.0, "users": 20.0}


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of each series in each bin.

    Attributes:
        low: The lower edge of what is ordinary: the hour and its neighbours (a clock change moves a
            rhythm by an hour), the weekday if earlier weeks had it.
        high: The upper edge.
        amplitude: How much of its level each series' daily rhythm takes away at its lowest, 0–1.
        history_days: Clean days that each series had before a bin's day.
    """

    low: np.ndarray
    high: np.ndarray
    amplitude: np.ndarray
    history_days: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The middle of what is ordinary."""
        middle: np.ndarray = (self.low + self.high) / 2
        return middle


def median(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The median over an axis without the NaN, and how many values it is of; NaN where none."""
    ordered = np.sort(values, axis=axis)  # NaN go last
    count = np.sum(~np.isnan(values), axis=axis)
    low = np.take_along_axis(ordered, np.expand_dims(np.maximum(count - 1, 0) // 2, axis), axis)
    high = np.take_along_axis(
        ordered, np.expand_dims(np.minimum(count // 2, ordered.shape[axis] - 1), axis), axis
    )
    middle = np.squeeze((low + high) / 2, axis)
    return np.where(count > 0, middle, np.nan), count


def expected(values: np.ndarray, a_day: int, unit: str) -> Expected:
    """The baseline of each series, from its own past.

    Args:
        values: Series × bins; NaN where there is no value; whole days.
        a_day: Bins in a day.
        unit: Their unit (`schema`, `signals.unit`).
    """
    series, bins = values.shape
    days = bins // a_day
    daily = values.reshape(series, days, a_day)
    level, rhythm = _first(daily, unit)
    floor = _LOWEST_RHYTHM["index" if unit in INDEXES else "other"]
    # Single precision: medians of thousands of values are what takes the time.
    clean = np.full(daily.shape, np.nan, np.float32)  # values, each divided by the rhythm of its hour
    shapes = np.full(daily.shape, np.nan, np.float32)  # values, each divided by the level of its day
    day_levels = np.full((series, days), np.nan)
    low, high = np.empty_like(daily), np.empty_like(daily)
    history = np.zeros((series, days), np.int64)
    known = np.zeros(series, np.int64)
    amplitude = np.zeros(series)
    for day in range(days):
        history[:, day] = known
        past = clean[:, max(day - _WEEK, 0) : day].reshape(series, -1)
        if past.shape[1]:
            found, count = median(past, 1)
            level = np.where((count >= 2 * a_day) & (known >= 3), found, level)
            found, count = median(shapes[:, max(day - _RHYTHM_DAYS, 0) : day], 1)
            rhythm = np.where((count >= 3) & (known >= 3)[:, None], np.maximum(found, floor), rhythm)
        weekday = _weekday(day_levels, day)
        sides = (
            np.stack([np.roll(rhythm, 1, 1), rhythm, np.roll(rhythm, -1, 1)]) if a_day > 2 else rhythm[None]
        )
        low[:, day] = level[:, None] * sides.min(0) * np.minimum(weekday, 1)[:, None]
        high[:, day] = level[:, None] * sides.max(0) * np.maximum(weekday, 1)[:, None]
        amplitude = np.maximum(amplitude, 1 - rhythm.min(1) / np.maximum(rhythm.max(1), 1e-9))
        today = daily[:, day]
        with np.errstate(invalid="ignore"):
            ordinary = today >= low[:, day] * _clean_share(low[:, day], unit)
        clean[:, day] = np.where(ordinary, today / rhythm, np.nan)
        shapes[:, day] = np.where(ordinary & (level > 0)[:, None], today / _divisor(level)[:, None], np.nan)
        enough = ordinary.sum(1) >= (a_day + 1) // 2
        present = (~np.isnan(today)).sum(1) >= (a_day + 1) // 2
        found, _ = median(today / rhythm, 1)
        day_levels[:, day] = np.where(present & (level > 0), found / _divisor(level), np.nan)
        known += enough
    shape = (series, bins)
    low, high = low.reshape(shape), high.reshape(shape)
    too_small = low < _LEAST.get(unit, 0.0)
    low[too_small], high[too_small] = np.nan, np.nan
    return Expected(low, high, amplitude, np.repeat(history, a_day, axis=1))


def _divisor(level: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(level > 0, level, 1.0)
    return found


def _clean_share(low: np.ndarray, unit: str) -> np.ndarray:
    share = np.full_like(low, _UNCLEAN)
    if unit in ("count", "users"):  # small counts scatter by themselves
        # … but nothing at all is never learned as ordinary, or a curfew of some weeks would be.
        share = np.minimum(share, np.maximum(1 - 2.5 / np.sqrt(np.maximum(low, 1.0)), 0.1))
    return share


def _first(daily: np.ndarray, unit: str) -> tuple[np.ndarray, np.ndarray]:
    """Level and rhythm to begin with: of the days of a series' own first week that come near its best day."""
    begins = (~np.isnan(daily)).any(axis=2).argmax(axis=1)
    days = begins[:, None] + np.arange(min(_WEEK, daily.shape[1]))
    inside = days < daily.shape[1]
    week = daily[np.arange(len(daily))[:, None], np.where(inside, days, 0)]
    week = np.where(inside[:, :, None], week, np.nan)
    medians, count = median(week, 2)
    medians = np.where(count >= max(week.shape[2] // 4, 1), medians, np.nan)
    ordered = -np.sort(-np.nan_to_num(medians, nan=-1.0), axis=1)
    best = ordered[:, 0]
    if unit not in INDEXES and ordered.shape[1] > 2:  # a count may have one day that is far too high
        best = np.where(best > 1.4 * ordered[:, 1], ordered[:, 1], best)
    with np.errstate(invalid="ignore"):
        near = (medians >= 0.75 * best[:, None]) & (best[:, None] > 0)
    level, _ = median(np.where(near, medians, np.nan), 1)
    level = np.nan_to_num(level)
    shape = np.where(near[:, :, None], week / _divisor(medians)[:, :, None], np.nan)
    rhythm, _ = median(shape, 1)
    floor = _LOWEST_RHYTHM["index" if unit in INDEXES else "other"]
    return level, np.maximum(np.nan_to_num(rhythm, nan=1.0), floor)


def _weekday(day_levels: np.ndarray, day: int) -> np.ndarray:
    """How the same day of earlier weeks stood to its level, 0.65 to 1.2; one where it is not known.

    A week of which more than three days are low is no week with a weekend, and a day that lost more than a weekend
    takes is none: neither teaches what is ordinary.
    """
    weeks = []
    for week in (1, 2, 3):
        at = day - 7 * week
        if at < 0:
            break
        around = day_levels[:, max(at - 3, 0) : min(at + 4, day)]
        with np.errstate(invalid="ignore"):
            low_days = (around < _UNCLEAN).sum(axis=1)
            weekend = (low_days <= _MOST_LOW_DAYS) & (day_levels[:, at] >= _LOWEST_DAY)
        weeks.append(np.where(weekend, day_levels[:, at], np.nan))
    if not weeks:
        return np.ones(len(day_levels))
    found, _ = median(np.stack(weeks, axis=1), 1)
    factor: np.ndarray = np.minimum(np.nan_to_num(found, nan=1.0), 1.2)
    return factor


def ratio(values: np.ndarray, usual: Expected, unit: str) -> np.ndarray:
    """The share of the ordinary that each bin shows: 1 within what is ordinary, 0 at nothing, at most `HIGHEST`.

    A latency counts against itself in both directions: twice the ordinary is 0.5, and so is half of it
    (an answer cannot come in no time: such an index has lost its measurements).
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(
            values < usual.low, values / usual.low, np.where(values > usual.high, values / usual.high, 1.0)
        )
        if unit == "latency_100":
            share = np.where(share > 1, 1 / share, share)
    share = np.where(np.isnan(values) | np.isnan(usual.low), np.nan, share)
    return np.clip(share, 0.0, HIGHEST)
