"""From probabilities to losses: when each began and ended, how deep it was, how it fell and came back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wallwatch.detect.outages_excused import excused
from wallwatch.detect.outages_faults import runs
from wallwatch.detect.outages_tracks import Look, Scope, Track

#: A loss is told of when its probability reaches this in some bin.
SURE = 0.95

#: The same of a loss of nearly everything: less deep ones are what chance and people's days make more often.
DEEP, SURE_OF_DEEP = 0.75, 0.8

#: Shallow dips of a few hours come by chance: a loss of less than the share must take away so many hours' worth.
LEAST_LOST = ((0.3, 1.5), (0.5, 0.9))

#: Share of the ordinary at which the old level counts as reached again.
BACK = 0.9

#: Clean days after which weekdays are known.
_WEEK = 7

Interval = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Loss:
    """One loss in one track. Times are epoch seconds; intervals are best, earliest, latest.

    Attributes:
        signal: The source.
        unit: The unit of its values.
        step: Length of a bin in seconds.
        scope: Country, region, network.
        begins: Start of its first bin.
        ends: End of its last bin.
        onset: When it began; null where the data begin with it.
        end: When it ended; null while it lasts.
        depth: Share lost at the lowest sustained level.
        plateau: Share left in its last hours.
        probability: The highest probability of loss in it.
        fall_hours: From a quarter of the loss to three quarters; zero within one bin.
        rise_hours: The same on the way back; null while it lasts.
        places: Places measured.
        places_hit: Of these, that lost at least half of what the whole did.
        at_once: Share of the hit places that fell within the same two hours (or bin).
        strokes: Share of the hit places that fell within two hours (or one bin) each, whenever that was.
        alike: Whether all places showed exactly the same value at the bottom.
        latency_up: Whether it is a latency that rose.
        history_days: Clean days before it.
    """

    signal: str
    unit: str
    step: int
    scope: Scope
    begins: int
    ends: int
    onset: Interval | None
    end: Interval | None
    depth: float
    plateau: float
    probability: float
    fall_hours: float
    rise_hours: float | None
    places: int
    places_hit: int
    at_once: float
    strokes: float
    alike: bool
    latency_up: bool
    history_days: int

    @property
    def hours(self) -> float:
        """How long it lasted, or has lasted."""
        return (self.ends - self.begins) / 3600

    @property
    def sharp(self) -> bool:
        """Whether it fell within two hours (or one bin)."""
        return self.fall_hours <= max(2.0, self.step / 3600)

    @property
    def slow_return(self) -> bool:
        """Whether it came back over many hours."""
        return self.rise_hours is not None and self.rise_hours > max(4.0, 2 * self.step / 3600)


def losses(look: Look) -> list[Loss]:
    """The losses of every track, by scope and time."""
    return [
        loss
        for track in look.tracks
        if float(track.lost.max(initial=0.0)) >= SURE_OF_DEEP
        for first, last in _stretches(look, track)
        if (loss := _loss(look, track, first, last))
    ]


def _stretches(look: Look, track: Track) -> list[tuple[int, int]]:
    """Bins of loss; short gaps are bridged, and a return to the old level for three hours parts two losses."""
    bridge = max(1, round(2 / look.grid.hours))
    lost = track.lost >= 0.5
    known = track.share[~np.isnan(track.share)]
    if not len(known):
        return []
    with np.errstate(invalid="ignore"):
        back = track.share >= BACK
    least = max(2, round(3 / look.grid.hours))
    for a, b in runs(back | np.isnan(track.share)):
        if back[a : b + 1].sum() >= least:
            inside = np.flatnonzero(back[a : b + 1])
            lost[a + inside[0] : a + inside[-1] + 1] = False
    for a, b in runs(~lost):
        if a > 0 and b < len(lost) - 1 and b - a + 1 <= bridge and not (back[a : b + 1].sum() >= least):
            lost[a : b + 1] = True
    return runs(lost)


def _loss(look: Look, track: Track, first: int, last: int) -> Loss | None:
    grid = look.grid
    inside = track.share[first : last + 1]
    known = np.flatnonzero(~np.isnan(inside))
    if len(known) < 2:
        return None
    last = first + int(known[-1])
    inside = track.share[first : last + 1]
    depth = _depth(inside, grid.hours)
    if track.lost[first : last + 1].max() < (SURE_OF_DEEP if depth >= DEEP else SURE):
        return None
    history = int(np.median(look.usual.history_days[track.rows, first]))
    lost_hours = depth * len(inside) * grid.hours
    if any(depth < share and lost_hours < least for share, least in LEAST_LOST):
        return None
    if not _deep_enough(track, first, last, depth, history) or excused(look, track, first, last, depth):
        return None
    seen = np.flatnonzero(~np.isnan(track.share))
    ongoing = last >= seen[-1]
    tail = inside[-max(2, round(6 / grid.hours)) :]
    places, hit, at_once, strokes, alike = _places(look, track, first, last, depth)
    up = look.up[track.rows, first : last + 1]
    return Loss(
        signal=grid.signal,
        unit=grid.unit,
        step=grid.step,
        scope=track.scope,
        begins=grid.seconds(first),
        ends=grid.seconds(last + 1),
        onset=_onset(look, track, first, last, depth, int(seen[0])),
        end=None if ongoing else _end(look, track, first, last, depth),
        depth=round(depth, 4),
        plateau=round(float(np.clip(np.nanmean(tail), 0, 1)), 4),
        probability=float(track.lost[first : last + 1].max()),
        fall_hours=_fall(track.share, first, last, depth) * grid.hours,
        rise_hours=None if ongoing else _rise(track.share, first, last, depth) * grid.hours,
        places=places,
        places_hit=hit,
        at_once=at_once,
        strokes=strokes,
        alike=alike,
        latency_up=grid.unit == "latency_100" and bool(up.mean() > 0.4),
        history_days=history,
    )


def _deep_enough(track: Track, first: int, last: int, depth: float, history: int) -> bool:
    """Whether so deep a loss is told from rhythm, holidays and chance.

    Either at its lowest, or by the mean of its whole length, in which chance evens out. Holidays come with the day and
    go with it: what falls at a stroke may be shallower, once a week has shown what weekends do.
    """
    inside = track.share[first : last + 1]
    known = int((~np.isnan(inside)).sum())
    least = track.least_depth
    if history < _WEEK or not _stroke(track, first, last, depth):
        least += track.holidays
    mean = 1.0 - float(np.nanmean(inside))
    return bool(depth - track.chance >= least or mean - track.even / known**0.5 >= least)


def _stroke(track: Track, first: int, last: int, depth: float) -> bool:
    """Whether a loss fell, and came back if it did, within a bin and its half: far faster than people's days go."""
    least = max(0.85 * depth, 5 * track.scale)
    share = track.share
    fell = _steepest(-share, first)
    lasts = bool(np.isnan(share[last + 1 :]).all())
    return fell >= least and (lasts or _steepest(share, last + 1) >= least)


def _steepest(share: np.ndarray, at: int) -> float:
    """The greatest rise over two bins near a bin; zero where nothing is known there."""
    near = share[max(at - 3, 0) : at + 4]
    rises = near[2:] - near[:-2]
    return float(np.nanmax(rises)) if len(rises) and not np.isnan(rises).all() else 0.0


def _depth(inside: np.ndarray, hours: float) -> float:
    """How deep it was where it lasted: six hours, or as long as it did. One bin of nonsense does not count.

    One minus the median of the bins that come near the lowest median of so many in a row.
    """
    values = inside[~np.isnan(inside)]
    width = min(max(2, round(6 / hours)), len(values))
    lowest = float(np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1).min())
    near = values[values <= lowest + 0.25 * (1 - lowest)]
    return float(np.clip(1 - np.median(near), 0, 1)) if len(near) else 1 - lowest


def _onset(look: Look, track: Track, first: int, last: int, depth: float, begin: int) -> Interval | None:
    if first <= begin:
        return None
    reach = max(3, round(6 / look.grid.hours))
    a, b = max(first - reach, begin + 1), min(first + reach, len(track.share) - 1)
    # A fall that the filter cannot date lies between the last ordinary bin and the one at half of the loss.
    half = first + int(np.nanargmax(track.share[first : last + 1] <= 1 - depth / 2))
    low, best, high = _spread(track.began[a : b + 1], a, (first, first, max(half - 1, first)))
    seconds, step = look.grid.seconds, look.grid.step
    return seconds(best), seconds(low) - round(step * _unseen(track, depth)), seconds(high) + step


def _end(look: Look, track: Track, first: int, last: int, depth: float) -> Interval:
    reach = max(3, round(6 / look.grid.hours))
    a, b = max(last + 1 - reach, 1), min(last + 1 + reach, len(track.share) - 1)
    under = np.flatnonzero(track.share[first : last + 1] <= 1 - depth / 2)
    half = first + int(under[-1]) if len(under) else last
    low, best, high = _spread(track.ended[a : b + 1], a, (min(half + 1, last + 1), last + 1, last + 1))
    seconds, step = look.grid.seconds, look.grid.step
    return seconds(best), seconds(low) - step, seconds(high) + round(step * _unseen(track, depth))


def _unseen(track: Track, depth: float) -> float:
    """The part of a bin that a loss may have taken without being seen in its mean."""
    return min(1.0, max(0.08, 2 * track.scale) / depth)


def _spread(weight: np.ndarray, begin: int, guess: tuple[int, int, int]) -> tuple[int, int, int]:
    """The bins that hold 5, the most, and 95 of 100 parts of the weight; the guess where there is little weight."""
    total = float(weight.sum())
    if total < 0.3:
        return guess
    passed = np.cumsum(weight) / total
    low = int(np.searchsorted(passed, 0.05))
    high = min(int(np.searchsorted(passed, 0.95)), len(weight) - 1)
    return begin + low, begin + int(weight.argmax()), begin + high


def _fall(share: np.ndarray, first: int, last: int, depth: float) -> int:
    """Bins from the last at a quarter of the loss to the first at three quarters of it, less one."""
    low = np.flatnonzero(share[first : last + 1] <= 1 - 0.75 * depth)
    if not len(low):
        return last - first + 1
    bottom = first + int(low[0])
    high = np.flatnonzero(share[max(first - 12, 0) : bottom] >= 1 - 0.25 * depth)
    top = max(first - 12, 0) + int(high[-1]) if len(high) else first
    return max(bottom - top - 1, 0)


def _rise(share: np.ndarray, first: int, last: int, depth: float) -> int:
    low = np.flatnonzero(share[first : last + 1] <= 1 - 0.75 * depth)
    if not len(low):
        return last - first + 1
    bottom = first + int(low[-1])
    high = np.flatnonzero(share[bottom + 1 :] >= 1 - 0.25 * depth)
    return int(high[0]) if len(high) else last - bottom


def _places(
    look: Look, track: Track, first: int, last: int, depth: float
) -> tuple[int, int, float, float, bool]:
    """Places measured and hit; shares of these that fell together and at a stroke; whether all ended at one value."""
    inside = look.share[track.rows, first : last + 1]
    known = ~np.isnan(inside).all(axis=1)
    rows = track.rows[known]
    if not len(rows):
        return 0, 0, 0.0, 0.0, False
    inside = inside[known]
    width = min(max(1, round(3 / look.grid.hours)), inside.shape[1])
    filled = np.where(np.isnan(inside), 1.0, inside)
    sums = np.cumsum(np.pad(filled, ((0, 0), (1, 0))), axis=1)
    lowest = ((sums[:, width:] - sums[:, :-width]) / width).min(axis=1)
    hit = lowest <= 1 - depth / 2
    before = max(first - round(12 / look.grid.hours), 0)
    window = look.share[rows[hit], before : last + 1]
    with np.errstate(invalid="ignore"):
        fallen = window <= (1 + lowest[hit, None]) / 2
    falls = fallen.argmax(axis=1)
    span = max(1, round(2 / look.grid.hours))
    at_once = max((int(((falls >= t) & (falls <= t + span)).sum()) for t in np.unique(falls)), default=0)
    strokes = sum(
        _fall(look.share[row], first, last, float(1 - low)) <= span
        for row, low in zip(rows[hit], lowest[hit], strict=True)
    )
    bottom = look.grid.values[rows, first : last + 1]
    settled = bottom[:, min(1, bottom.shape[1] - 1) :]
    alike = len(rows) > 1 and bool(np.nanmax(settled) == np.nanmin(settled))
    number = int(hit.sum())
    return len(rows), number, at_once / max(number, 1), strokes / max(number, 1), alike
