"""Where an instrument speaks of itself: values that freeze, days that repeat, sources that fall silent (trap S8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wallwatch.detect.outages_series import Grid

#: A stretch without any change is a fault when this many changes would have been expected in it.
_MISSED_CHANGES = 15.0
#: ... and when chance makes one that long in fewer than one of so many series.
_SERIES = 1000
#: How often stretches are still seen, so that how they go on can be told from them.
_SEEN_STRETCHES = 20
_FEWEST_BINS = 3
_FEWEST_HOURS = 3.0


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of bins in which all series of a country in one source are not to be believed.

    Attributes:
        country: The country.
        first: Its first bin.
        last: Its last bin.
        what: What is wrong, in a sentence.
        silent: Whether there are no values at all.
    """

    country: str
    first: int
    last: int
    what: str
    silent: bool


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each stretch of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]


def faults(grid: Grid, share: np.ndarray) -> list[Fault]:
    """The faults of each country's series, in order.

    Args:
        grid: The series.
        share: Their shares of the ordinary: where little is left, values repeat by themselves.
    """
    found: list[Fault] = []
    countries = np.array([key[0] for key in grid.keys])
    for country in sorted(set(countries.tolist())):
        values = grid.values[countries == country, : grid.last + 1]
        found += _silent(grid, country, values)
        alive = np.nan_to_num(share[countries == country, : grid.last + 1]) >= 0.5
        found += _frozen(country, values, alive)
        found += _repeated(grid, country, values, alive)
    return found


def _silent(grid: Grid, country: str, values: np.ndarray) -> list[Fault]:
    some = ~np.isnan(values).all(axis=0)
    if not some.any():
        return []
    # What comes before its first value and after its last is not in the data: nothing says that it was not measured.
    begin, last = (int(np.flatnonzero(some)[i]) for i in (0, -1))
    some = some[begin : last + 1]
    if some.mean() < 0.5:  # a source that speaks now and then has no silence to speak of
        return []
    least = max(_FEWEST_BINS, _FEWEST_HOURS / grid.hours)
    return [
        Fault(country, a + begin, b + begin, "the source has no values from any region", True)
        for a, b in runs(~some)
        if b - a + 1 >= least
    ]


def _frozen(country: str, values: np.ndarray, alive: np.ndarray) -> list[Fault]:
    if values.shape[1] < 3:
        return []
    before, after = values[:, :-1], values[:, 1:]
    both = ~np.isnan(before) & ~np.isnan(after)
    changed = (both & (before != after)).sum(axis=0)
    usual = float(np.median(changed[both.any(axis=0)])) if both.any() else 0.0
    most = (both & alive[:, 1:]).sum(axis=0) > 0.5 * max(1, int(np.median(both.sum(axis=0))))
    least = (
        max(_FEWEST_BINS, _MISSED_CHANGES / usual, _by_chance(changed[both.any(axis=0)] == 0))
        if usual
        else np.inf
    )
    return [
        Fault(country, a + 1, b + 1, f"no value changes in any region for {b - a + 1} bins", False)
        for a, b in runs((changed == 0) & most)
        if b - a + 1 >= least
    ]


def _by_chance(still: np.ndarray) -> float:
    """How long a stretch without change must be before chance is no explanation, in bins.

    Values near the middle of a whole number stay longer than others, routes can stay for hours: how stretches go on is
    told from those of the series itself, the longer ones among them, as far as these are many.
    """
    lengths = np.array([b - a + 1 for a, b in runs(still)])
    goes_on = float(still.mean())
    for length in range(1, int(lengths.max(initial=0)) + 1):
        reached = int((lengths >= length).sum())
        if reached < _SEEN_STRETCHES:
            break
        goes_on = max(goes_on, int((lengths > length).sum()) / reached)
    return float(np.log(_SERIES * len(still)) / -np.log(goes_on)) if 0 < goes_on < 1 else 0.0


def _repeated(grid: Grid, country: str, values: np.ndarray, alive: np.ndarray) -> list[Fault]:
    day = grid.a_day
    if day < 4 or values.shape[1] < 4 * day:
        return []
    before, after = values[:, :-day], values[:, day:]
    both = ~np.isnan(before) & ~np.isnan(after)
    different = (both & (before != after)).sum(axis=0)
    usual = float(np.median(different[both.any(axis=0)])) if both.any() else 0.0
    most = (both & alive[:, day:]).sum(axis=0) > 0.5 * max(1, int(np.median(both.sum(axis=0))))
    least = max(day // 2, _MISSED_CHANGES / usual) if usual else np.inf
    found = []
    for a, b in runs((different == 0) & most):
        varied = (
            values[:, a + day : b + day + 1].max(axis=1) > values[:, a + day : b + day + 1].min(axis=1)
        ).any()
        if b - a + 1 >= least and varied:
            what = f"the values of the day before come again, in every region, for {b - a + 1} bins"
            found.append(Fault(country, a + day, b + day, what, False))
    return found


def masked(grid: Grid, share: np.ndarray, found: list[Fault]) -> np.ndarray:
    """The shares without those that a fault covers."""
    countries = np.array([key[0] for key in grid.keys])
    share = share.copy()
    for fault in found:
        rows = np.flatnonzero(countries == fault.country)
        share[rows, fault.first : fault.last + 1] = np.nan
    return share
