"""Runs: unbroken stretches of a series in which a restriction is likelier than not, with onset and end."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from wallwatch.detect.smooth import Floats, Smoothed
from wallwatch.detect.votes import UNITS, Series

#: A run is looked at where its best hour is at least this sure.
LIKELY = 0.8

#: The same where fewer than two votes are against the target in it: one alone rests on what others show.
LIKELY_OF_ONE = 0.95

#: Hours before a run in which it is counted how many votes are usual.
WEEK = 168


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment known as an interval; hours since 1970-01-01 00:00 UTC, null where unknown or not yet.

    Attributes:
        best: The best guess.
        earliest: Start of the interval that holds it with probability 0.9.
        latest: End of that interval.
    """

    best: int | None
    earliest: int | None
    latest: int | None


@dataclass(frozen=True, slots=True)
class Run:
    """One stretch of one series.

    Attributes:
        key: Country, service, target, network, layer.
        first: First hour with votes in it.
        last: Last hour with votes in it.
        onset: When it began; all null where it began before the data, but for `latest`.
        end: When it ended; `best` and `latest` null while it lasts.
        probability: That of its surest hour.
        alarm: First hour in which the votes so far gave 0.9.
        against: Votes against the target in it.
        votes: All votes in it.
        tally: Hours with votes against the target, and these votes.
        beside: Share of the series' votes that is against the target outside all such stretches, pulled to nothing
            where there are few.
        votes_beside: All votes of the series outside all such stretches.
        votes_before: All votes of the series in the week before it.
    """

    key: tuple[str, str, str, int, str]
    first: int
    last: int
    onset: Moment
    end: Moment
    probability: float
    alarm: int
    against: float
    votes: float
    tally: tuple[tuple[int, float], ...] = ()
    beside: float = 0.0
    votes_beside: float = math.inf
    votes_before: float = 0.0


def runs(series: Series, smoothed: Smoothed) -> list[Run]:
    """The runs of all series that are sure enough (`LIKELY`), by the votes so far and by all votes; in the order of the series."""
    found: list[Run] = []
    inside = smoothed.blocked >= 0.5
    if not inside.any():
        return found
    of = series.series
    edge = np.ones(len(inside), dtype=bool)
    edge[1:] = of[1:] != of[:-1]
    before = np.zeros(len(inside), dtype=bool)
    before[1:] = inside[:-1]
    firsts = np.flatnonzero(inside & (~before | edge))
    after = np.zeros(len(inside), dtype=bool)
    after[:-1] = inside[1:] & ~edge[1:]
    lasts = np.flatnonzero(inside & ~after)
    outside = np.where(inside, 0, np.stack([series.k, series.n])) / UNITS
    k_outside, n_outside = (np.bincount(of, weights=part, minlength=len(series)) for part in outside)
    beside = (k_outside + 0.25) / (n_outside + 10)
    for index, (a, b) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        sure = smoothed.blocked[a : b + 1]
        alarmed = np.flatnonzero(smoothed.so_far[a : b + 1] >= LIKELY)
        least = LIKELY if series.k[a : b + 1].sum() >= 2 * UNITS else LIKELY_OF_ONE
        if sure.max() < least or not len(alarmed):
            continue
        which = int(of[a])
        start, stop = int(series.start[which]), int(series.start[which + 1])
        # The nearest stretches of the same series bound where it can have begun and ended.
        lower = lasts[index - 1] + 1 if index and of[lasts[index - 1]] == which else start
        upper = firsts[index + 1] if index + 1 < len(firsts) and of[firsts[index + 1]] == which else stop
        core = np.flatnonzero(sure >= min(0.95, float(sure.max()))) + a
        found.append(
            Run(
                series.keys[which],
                int(series.hour[a]),
                int(series.hour[b]),
                _onset(series, smoothed, int(lower), int(core[0]), lower == start),
                _end(series, smoothed, int(core[-1]), int(upper), upper == stop),
                float(sure.max()),
                int(series.hour[a + alarmed[0]]),
                float(series.k[a : b + 1].sum()) / UNITS,
                float(series.n[a : b + 1].sum()) / UNITS,
                tuple(
                    (int(hour), float(k) / UNITS)
                    for hour, k in zip(series.hour[a : b + 1], series.k[a : b + 1], strict=True)
                    if k
                ),
                float(beside[which]),
                float(n_outside[which]),
                float(
                    series.n[start + np.searchsorted(series.hour[start:a], series.hour[a] - WEEK) : a].sum()
                )
                / UNITS,
            )
        )
    return found


def _quantiles(edges: Floats, mass: Floats) -> tuple[float, float, float]:
    """The times below which 0.05, 0.5 and 0.95 of a mass lie that is even between the edges; [masses, 2]."""
    total = np.cumsum(mass)
    at = []
    for share in (0.05, 0.5, 0.95):
        i = int(np.searchsorted(total, share * total[-1]))
        i = min(i, len(mass) - 1)
        part = (share * total[-1] - (total[i] - mass[i])) / mass[i] if mass[i] > 0 else 0.5
        at.append(float(edges[i, 0] + (edges[i, 1] - edges[i, 0]) * min(max(part, 0.0), 1.0)))
    return at[0], at[1], at[2]


def _between(series: Series, lo: int, hi: int) -> Floats:
    """For each hour from lo to hi - 1: the middle of the hour with votes before it, and its own."""
    middles = np.stack([series.hour[lo - 1 : hi - 1], series.hour[lo:hi]], axis=1) + 0.5
    return middles.astype(np.float64)


def _lasts(smoothed: Smoothed, lo: int, hi: int) -> Floats:
    """For each step from lo to hi - 1: how likely a restriction that was in force before it was after it."""
    before = np.maximum(smoothed.blocked[lo - 1 : hi - 1].astype(np.float64), 1e-9)
    return np.clip(1 - smoothed.ended[lo:hi] / before, 0.0, 1.0)


def _onset(series: Series, smoothed: Smoothed, lower: int, core: int, from_start: bool) -> Moment:
    """When it began: at one of the steps up to `core` from which on it lasted to there, or before the first hour."""
    lo = max(lower, 1) if not from_start else lower + 1
    # What began earlier and ended again, as stray failures nearly do, is not this restriction.
    still = np.append(np.cumprod(_lasts(smoothed, lo, core + 1)[::-1])[::-1], 1.0)
    open_mass = float(smoothed.blocked[lower] * still[0]) if from_start else 0.0
    mass = smoothed.began[lo : core + 1] * still[1:]
    total = float(mass.sum()) + open_mass
    if total <= 0 or open_mass >= 0.5 * total:
        return Moment(None, None, int(series.hour[core]) + (0 if core == lower else 1))
    first, middle, last = _quantiles(_between(series, lo, core + 1), mass)
    earliest = None if open_mass > 0.05 * total else math.floor(first)
    return Moment(round(middle), earliest, math.ceil(last))


def _end(series: Series, smoothed: Smoothed, core: int, upper: int, to_stop: bool) -> Moment:
    """When it ended: at the first such step after `core`, or not within the data."""
    hi = upper if to_stop else min(upper + 1, len(series.hour))
    still = np.append(1.0, np.cumprod(_lasts(smoothed, core + 1, hi)))
    open_mass = float(still[-1]) if to_stop else 0.0
    mass = smoothed.ended[core + 1 : hi] / np.maximum(smoothed.blocked[core : hi - 1], 1e-9) * still[:-1]
    total = float(mass.sum()) + open_mass
    if total <= 0 or open_mass >= 0.5 * total:
        return Moment(None, int(series.hour[core]) + 1, None)
    first, middle, last = _quantiles(_between(series, core + 1, hi), mass)
    return Moment(round(middle), math.floor(first), None if open_mass > 0.05 * total else math.ceil(last))
