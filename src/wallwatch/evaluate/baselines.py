"""Two ways of finding restrictions that others have published, to be compared to. The product uses neither.

`cusum` follows the description of OONI's changepoint detection: per series, a two-sided cumulative sum over hourly
medians of a blocked score. `trailing_median` follows IODA's alert rule: a value under a fraction of the median of the
seven days before it.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stretch that a baseline calls restricted; hours since the start of the history.

    Attributes:
        first: The hour in which it raised the alarm: all that it says about the onset.
        last: The last hour in which it stood.
    """

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Hourly:
    """One series by the hours in which it was measured.

    Attributes:
        hour: Hours since the start of the history, rising; [hours].
        n: Measurements; [hours].
        k: Of these, blocked; [hours].
    """

    hour: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    k: npt.NDArray[np.int64]


def hourly(hours: npt.NDArray[np.float64], blocked: npt.NDArray[np.bool_]) -> Hourly:
    """Counts the measurements of one series by the hour."""
    hour, at = np.unique(np.floor(hours).astype(np.int64), return_inverse=True)
    n = np.bincount(at, minlength=len(hour))
    k = np.bincount(at, weights=blocked, minlength=len(hour)).astype(np.int64)
    return Hourly(hour, n.astype(np.int64), k)


def cusum(series: Hourly, edd: float = 10.0) -> list[Alarm]:
    """A cumulative sum for each direction on the hourly median of 0 (fine) and 1 (blocked).

    The means before and after are 0 and 0.7, the threshold is 0.35 times the expected delay in hours. The state is
    unknown, fine or blocked; after a gap of more than a day both sums halve for every two days, and after ten days all
    is forgotten.
    """
    middle, threshold = 0.35, 0.35 * edd + 1e-9  # sums of fractions
    up = down = 0.0
    state = "unknown"
    found: list[Alarm] = []
    first = before = 0
    for hour, n, k in zip(series.hour.tolist(), series.n.tolist(), series.k.tolist(), strict=True):
        gap = hour - before
        if gap > 240:
            if state == "blocked":
                found.append(Alarm(first, before))
            up, down, state = 0.0, 0.0, "unknown"
        elif gap > 24:
            up, down = up * 0.5 ** (gap / 48), down * 0.5 ** (gap / 48)
        score = 1.0 if 2 * k > n else 0.5 if 2 * k == n else 0.0
        up, down = max(up + score - middle, 0.0), max(down + middle - score, 0.0)
        if state != "blocked" and up > threshold:
            state, first, up, down = "blocked", hour, 0.0, 0.0
        elif state != "fine" and down > threshold:
            if state == "blocked":
                found.append(Alarm(first, hour))
            state, up, down = "fine", 0.0, 0.0
        before = hour
    if state == "blocked":
        found.append(Alarm(first, before))
    return found


def trailing_median(series: Hourly, fraction: float) -> list[Alarm]:
    """The hours in which the share that works is under a fraction of the median of the seven days before."""
    window: list[float] = []
    oldest = 0
    found: list[Alarm] = []
    first: int | None = None
    before = 0
    values = (1 - series.k / series.n).tolist()
    hours = series.hour.tolist()
    for hour, value in zip(hours, values, strict=True):
        while hours[oldest] < hour - 168:
            del window[bisect_left(window, values[oldest])]
            oldest += 1
        size = len(window)
        usual = (window[(size - 1) // 2] + window[size // 2]) / 2 if size else math.nan
        alarmed = value < fraction * usual
        if alarmed and first is None:
            first = hour
        elif not alarmed and first is not None:
            found.append(Alarm(first, before))
            first = None
        insort(window, value)
        before = hour
    if first is not None:
        found.append(Alarm(first, before))
    return found
