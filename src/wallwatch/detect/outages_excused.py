"""Losses that are none, seen over weeks: days whose hours moved, and rises that have come to their end (trap S5)."""

from __future__ import annotations

import numpy as np

from wallwatch.detect.outages_tracks import Look, Track

#: Weeks that are looked back.
_WEEKS = 8

#: What is lost so deeply is lost, whatever other hours and weeks show.
_DEEPEST = 0.75

#: A day's hours moved where the day as a whole lacks at most this share of what is missing in the loss.
_LACKS = 0.4

#: Longer than this part of a day, and there are no other hours that could make up for it.
_PART_OF_DAY = 0.85

#: Growth from week to week that is allowed for.
_MOST_GROWTH = 1.3

#: A rise is undone where what came in is within this of what was ordinary in an earlier week.
_NEAR, _ORDINARY = 1.1, 0.95

#: A change of level is looked at over so many days of it.
_LEVEL_DAYS = 14


def excused(look: Look, track: Track, first: int, last: int, depth: float) -> bool:
    """Whether what counts as a loss from bin `first` to `last` is only another rhythm, or the end of a rise.

    Of counts only: an index of reachability has a highest value, and answers to probes do not follow people's days.
    """
    if look.grid.unit not in ("count", "users") or depth >= _DEEPEST:
        return False
    if last - first + 1 <= _PART_OF_DAY * look.grid.a_day:
        return _moved(look, track, first, last)
    return last - first + 1 >= look.grid.a_day and _undone(look, track, first, last)


def _moved(look: Look, track: Track, first: int, last: int) -> bool:
    """Whether the hours around made up for it: the 24 hours bring what they brought in the best of the weeks before.

    So go the weeks of Ramadan, nights of great matches, and changes of the clock of several hours.
    """
    a_day = look.grid.a_day
    begin = min(first - (a_day - (last - first + 1)) // 2, look.grid.last + 1 - a_day)
    if begin < 0:
        return False
    whole = [_total(look, track, begin - week * 7 * a_day, a_day) for week in range(_WEEKS + 1)]
    before = [total for total in whole[1:] if total is not None]
    if whole[0] is None or len(before) < 2:
        return False
    growth = min(max(before[0] / max(before[1], 1e-9), 1.0), _MOST_GROWTH)
    inside = slice(first, last + 1)
    values, usual = look.grid.values[track.rows, inside], look.usual.low[track.rows, inside]
    missing = float(np.nansum(np.maximum(usual - values, 0.0)))
    return max(before) * growth - whole[0] <= _LACKS * missing


def _undone(look: Look, track: Track, first: int, last: int) -> bool:
    """Whether it fell to what was ordinary in one of the weeks before: the rise since then has ended."""
    week = 7 * look.grid.a_day
    length = min(last - first + 1, _LEVEL_DAYS * look.grid.a_day)
    now = _total(look, track, first, length)
    if now is None:
        return False
    for at in range(first - week, first - (_WEEKS + 1) * week, -week):
        then = slice(at, min(at + length, first))
        if at < 0 or then.stop - then.start < length // 2:
            continue
        usual = float(np.nansum(look.usual.middle[track.rows, then])) * length / (then.stop - then.start)
        share = track.share[then]
        if 0 < usual <= _NEAR * now and not np.isnan(share).all() and np.nanmean(share) >= _ORDINARY:
            return True
    return False


def _total(look: Look, track: Track, begin: int, bins: int) -> float | None:
    """What came in over so many bins; null where a tenth of it is not known."""
    if begin < 0:
        return None
    values = look.grid.values[track.rows, begin : begin + bins]
    known = ~np.isnan(values)
    if known.sum() < 0.9 * len(track.rows) * bins:
        return None
    return float(np.nansum(values) / known.mean())
