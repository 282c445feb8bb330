"""From places to regions, countries and networks: one track each, with the probability of loss in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from wallwatch.detect.outages_baseline import INDEXES, Expected, expected, median, ratio
from wallwatch.detect.outages_faults import Fault, faults, masked
from wallwatch.detect.outages_filter import Smoothed, scatter, smooth
from wallwatch.detect.outages_series import Grid
from wallwatch.detect.outages_threads import in_threads

#: The scatter that counting fifty has: with fewer, it cannot be told whether a series scatters less than that.
_FEW = 0.14

#: Series that are compared to their past together.
_BLOCK = 512

#: Country, region, network; region and network are null for the whole country.
Scope = tuple[str, str | None, int | None]


@dataclass(frozen=True, slots=True)
class Track:
    """One scope in one source.

    Attributes:
        scope: Country, region, network.
        rows: The series of the grid that it is made of.
        share: Per bin: share of the ordinary that is left; NaN where unknown.
        lost: Per bin: probability of loss.
        began: Per bin: probability that a loss began.
        ended: Per bin: probability that a loss ended.
        scale: How its share scatters on ordinary days.
        least_depth: Losses smaller than this are not told from days that differ.
        holidays: What is added where people's days may be the reason.
        chance: What is added for what scatter takes by itself from a few bins.
        even: What is added to the mean of so many bins, times the root of their number.
    """

    scope: Scope
    rows: np.ndarray
    share: np.ndarray
    lost: np.ndarray
    began: np.ndarray
    ended: np.ndarray
    scale: float
    least_depth: float
    holidays: float
    chance: float
    even: float


@dataclass(frozen=True, slots=True)
class Look:
    """One source, looked at.

    Attributes:
        grid: Its series.
        usual: What is expected of them.
        share: Series × bins: share of the ordinary that is left; NaN where unknown or not to be believed.
        up: For latency: whether it lies above the ordinary.
        faults: Where the instrument speaks of itself.
        tracks: One for each scope.
    """

    grid: Grid
    usual: Expected
    share: np.ndarray
    up: np.ndarray
    faults: list[Fault]
    tracks: list[Track]


def scopes(grid: Grid) -> list[tuple[Scope, np.ndarray]]:
    """The scopes of a grid, sorted, and the rows of each.

    A country is its own series where the source has one, and otherwise the mean over its places.
    """
    members: dict[tuple[str, str, int], list[int]] = {}
    own: set[str] = set()
    for row, (country, region, place, network) in enumerate(grid.keys):
        if network is not None:
            members.setdefault((country, "", network), []).append(row)
            continue
        if region is not None:
            members.setdefault((country, region, -1), []).append(row)
        elif place is None:
            own.add(country)
            members[country, "", -1] = [row]
        if country not in own:
            members.setdefault((country, "", -1), []).append(row)
    return [
        ((country, region or None, network if network >= 0 else None), np.array(rows))
        for (country, region, network), rows in sorted(members.items())
    ]


def together(share: np.ndarray, usual: Expected, unit: str, rows: np.ndarray) -> np.ndarray:
    """The mean share over rows: each place alike for an index, by what is expected of it for a count.

    NaN where fewer than half of the places have a value.
    """
    if len(rows) == 1:
        alone: np.ndarray = share[rows[0]]
        return alone
    some = share[rows]
    weight = (
        np.ones_like(some) if unit in INDEXES or unit == "latency_100" else np.nan_to_num(usual.middle[rows])
    )
    known = ~np.isnan(some)
    total = np.where(known, weight, 0).sum(0)
    mean = np.where(known, some * weight, 0).sum(0) / np.maximum(total, 1e-12)
    ever = max(int(known.any(axis=1).sum()), 1)
    return np.where((known.sum(0) * 2 >= ever) & (total > 0), mean, np.nan)


def look(grid: Grid, *, probabilities: bool = True) -> Look:
    """The tracks and faults of one source.

    Args:
        grid: Its series.
        probabilities: Whether to compute the probabilities of loss, which take most of the time; without
            them they are NaN.
    """
    usual, share = _compared(grid)
    found = faults(grid, share)
    share = masked(grid, share, found)
    with np.errstate(invalid="ignore"):
        up = grid.values > usual.high if grid.unit == "latency_100" else np.zeros(grid.values.shape, bool)
    listed = scopes(grid)
    seen = grid.last + 1
    shares = np.array([together(share, usual, grid.unit, rows) for _, rows in listed])[:, :seen]
    counting = np.zeros(len(shares), bool)
    if grid.unit in ("count", "users"):
        least = _counting(usual, listed)
        scale, memory = scatter(shares, least)
        # Announced routes are counted, too, and hardly scatter; of few values that cannot be told.
        least = np.where((scale < 0.5 * least) & (least < _FEW), 0.0, least)
        counting = scale <= 1.2 * least
        scale = np.maximum(scale, least)
    else:
        scale, memory = scatter(shares)
    smoothed = smooth(shares, scale, memory, grid.hours, counting) if probabilities else _unknown(shares)
    doubt = _doubt(grid, usual, listed, shares, scale, memory)
    tracks = [
        Track(
            scope,
            rows,
            shares[i],
            smoothed.lost[i],
            smoothed.began[i],
            smoothed.ended[i],
            float(scale[i]),
            float(doubt.least_depth[i]),
            float(doubt.holidays[i]),
            float(doubt.chance[i]),
            float(doubt.even[i]),
        )
        for i, (scope, rows) in enumerate(listed)
    ]
    return Look(grid, usual, share, up, found, tracks)


def _compared(grid: Grid) -> tuple[Expected, np.ndarray]:
    """What is expected of each series, and what is left of it: block by block, for no series asks for another."""

    def block(first: int) -> tuple[Expected, np.ndarray]:
        values = grid.values[first : first + _BLOCK]
        usual = expected(values, grid.a_day, grid.unit)
        return usual, ratio(values, usual, grid.unit)

    found = in_threads(block, range(0, len(grid.values), _BLOCK))
    usual = Expected(
        *(
            np.concatenate([getattr(part, field.name) for part, _ in found])
            for field in dataclasses.fields(Expected)
        )
    )
    return usual, np.concatenate([share for _, share in found])


def _unknown(shares: np.ndarray) -> Smoothed:
    """What stands where no probabilities are computed."""
    nothing = np.full(shares.shape, np.nan)
    return Smoothed(nothing, nothing, nothing)


def _counting(usual: Expected, listed: list[tuple[Scope, np.ndarray]]) -> np.ndarray:
    """The scatter that counting itself has: the root of what is expected."""
    middle = np.nan_to_num(usual.middle).mean(axis=1)
    totals = np.array([middle[rows].sum() for _, rows in listed])
    found: np.ndarray = np.minimum(1 / np.sqrt(np.maximum(totals, 1.0)), 0.6)
    return found


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What a loss must exceed, of each track; see the attributes of `Track`."""

    least_depth: np.ndarray
    holidays: np.ndarray
    chance: np.ndarray
    even: np.ndarray


def _doubt(
    grid: Grid,
    usual: Expected,
    listed: list[tuple[Scope, np.ndarray]],
    shares: np.ndarray,
    scale: np.ndarray,
    memory: np.ndarray,
) -> _Doubt:
    """Less than this is not called a loss; what people's days add to it, and what chance adds to few bins and to many.

    Traffic that sinks every night by half also sinks on holidays; answers to probes do not. So the more a
    series follows people's days, and the more its own days differ, the deeper a loss must be.
    """
    amplitude = np.array(
        [
            float(usual.amplitude[rows[0]] if len(rows) == 1 else np.median(usual.amplitude[rows]))
            for _, rows in listed
        ]
    )
    whole_days = shares.shape[1] // grid.a_day
    wander = np.zeros(len(shares))
    if whole_days:
        by_day = shares[:, : whole_days * grid.a_day].reshape(len(shares), whole_days, grid.a_day)
        levels, _ = median(by_day, 2)
        ordinary = np.where(np.nan_to_num(levels) > 0.8, levels, np.nan)
        middle, _ = median(ordinary, 1)
        wander, _ = median(np.abs(ordinary - middle[:, None]), 1)
    wander = np.nan_to_num(wander) * 1.4826
    # A mean over so many bins differs by chance by this over their root; a median by a quarter more.
    apart = 1.41 * scale * ((1 + memory) / (1 - memory)) ** 0.5
    wander = np.sqrt(np.maximum(wander**2 - (1.25 * apart) ** 2 / grid.a_day, 0.0))
    base = 0.25 if grid.unit == "latency_100" else 0.18
    return _Doubt(
        np.minimum(base + 3 * wander, 0.7),
        np.maximum(0.15 + 0.4 * np.maximum(0.0, amplitude - 0.1) - base, 0.0),
        np.clip(2 * (scale - 0.06), 0.0, 0.5),
        1.2 * apart,
    )
