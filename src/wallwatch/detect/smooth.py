"""The sticky filter: the probability, in each hour with votes, that a restriction is in force.

A hidden Markov model with the states of `levels.LEVELS`: within its class (without or under a restriction) a level
drifts slowly; restrictions begin at a hazard that is raised by the series' own recent past and by other series, and
end at a constant hazard. Only hours with votes are visited, and the steps between them follow the hours that passed,
so cost is in the data and not in the calendar, and silence moves nothing but the uncertainty. Forward-backward
(Rabiner 1989, section III) over many series at once.

Each number of a series is made from that series alone, by the same additions in the same order, whatever else is in its
batch: what is found does not depend on what it is found with, nor on the number of threads.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wallwatch.detect.levels import LEVELS, NULL, START_BLOCKED, START_NULL, likelihoods
from wallwatch.detect.votes import Series

#: Single precision: the posterior differs in the sixth digit, in half of the time and memory.
Floats = npt.NDArray[np.float32]

#: Per hour: a restriction begins, ends, and a level drifts within its class.
ONSET = 1 / 1000
END = 1 / 48
DRIFT = 1 / 720

#: How much a restriction of the same series in the recent past raises the onset hazard, and how fast that fades.
OWN_PAST = 20.0
OWN_HALF_LIFE = 168.0

#: How much a restriction of other series at the time raises it.
OTHERS = 40.0

#: How surely a series returns, when a restriction ends, to the stray failures that it had before.
RETURNS = 0.9

#: Hours held at once for a batch of series, and the most series in it: what one step of it touches stays in the cache.
_BATCH = 750_000
_WIDTH = 1024


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What the filter says of each hour with votes, in the order of `Series`.

    Attributes:
        blocked: Probability that a restriction is in force, given all votes; [hours].
        so_far: The same given the votes up to the hour: later data never change it; [hours].
        began: Probability that one began between the hour before and this one; [hours].
        ended: Probability that one ended between the hour before and this one; [hours].
    """

    blocked: Floats
    so_far: Floats
    began: Floats
    ended: Floats


def smooth(series: Series, others: Floats | None = None) -> Smoothed:
    """Runs the filter over all series.

    Args:
        series: The votes.
        others: Probability that others are under the same restriction at the time; [hours]. None is none.
    """
    result = Smoothed(*(np.zeros(len(series.hour), dtype=np.float32) for _ in range(4)))
    lengths = np.diff(series.start)
    order = np.argsort(-lengths, kind="stable")
    batches = []
    done = 0
    while done < len(order):
        width = min(max(1, _BATCH // int(lengths[order[done]])), _WIDTH)
        batches.append(order[done : done + width])
        done += width
    table, index = likelihoods(series.k, series.n)

    def one(chosen: npt.NDArray[np.int64]) -> None:
        _batch(series, chosen, table, index, others, result)

    # Batches write to hours of their own, and NumPy works outside the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for _ in pool.map(one, batches):
            pass
    return result


def _batch(
    series: Series,
    chosen: npt.NDArray[np.int64],
    table: Floats,
    index: npt.NDArray[np.int32],
    others: Floats | None,
    result: Smoothed,
) -> None:
    """Fills the result for some series, of falling length: at each step the first so many are still running."""
    starts = series.start[chosen]
    lengths = series.start[chosen + 1] - starts
    steps, width, levels = int(lengths[0]), len(chosen), len(LEVELS)
    running = np.searchsorted(-lengths, -np.arange(1, steps + 1), side="right").tolist()
    place = np.minimum(starts + np.arange(steps)[:, None], len(series.hour) - 1)
    inside = np.arange(steps)[:, None] < lengths

    hours = series.hour[place]
    gap = np.ones((steps, width), dtype=np.float32)
    gap[1:] = np.where(inside[1:], hours[1:] - hours[:-1], 1)
    which = index[place]
    push = None if others is None else np.float32(OTHERS) * others[place]

    stay = np.exp(gap * np.float32(np.log1p(-DRIFT)))
    fade = np.exp(gap * np.float32(-np.log(2) / OWN_HALF_LIFE))
    like = np.empty((steps, levels, width), dtype=np.float32)
    forward = np.empty((steps, levels, width), dtype=np.float32)
    scale = np.empty((steps, width), dtype=np.float32)
    on, off = np.zeros((steps, width), dtype=np.float32), np.zeros((steps, width), dtype=np.float32)
    so_far = np.zeros((steps, width), dtype=np.float32)
    into_null_from, into_blocked_from = _column(START_NULL), _column(START_BLOCKED)
    # Where a restriction that ends before the next step leads to, as far as the steps before tell.
    back = np.empty((steps, NULL, width), dtype=np.float32)
    usually = np.repeat(into_null_from, width, axis=1)

    usual = ONSET / (ONSET + END)
    first = _column(np.concatenate([START_NULL * (1 - usual), START_BLOCKED * usual]))
    own = np.zeros(width, dtype=np.float32)
    for t, r in enumerate(running):
        np.take(table, which[t, :r], axis=1, out=like[t, :, :r], mode="clip")
        state = forward[t, :, :r]
        if t:
            was, before = forward[t - 1, :, :r], so_far[t - 1, :r]
            np.maximum(own[:r], before, out=own[:r])
            own[:r] *= fade[t, :r]
            hazard = np.float32(ONSET * OWN_PAST) * own[:r]
            hazard += np.float32(ONSET)
            if push is not None:
                hazard += np.float32(ONSET) * push[t, :r]
            np.minimum(hazard, np.float32(0.5), out=hazard)
            both = hazard + np.float32(END)
            turned = (1 - (1 - both) ** gap[t, :r]) / both
            np.multiply(hazard, turned, out=on[t, :r])
            np.multiply(np.float32(END), turned, out=off[t, :r])
            starts_at = (into_null_from, back[t, :, :r], into_blocked_from)
            _step(was, before, on[t, :r], off[t, :r], stay[t, :r], starts_at, state)
            state *= like[t, :, :r]
        else:
            np.multiply(first, like[t, :, :r], out=state)
        some_null, some_blocked = state[:NULL].sum(axis=0), state[NULL:].sum(axis=0)
        total = some_null + some_blocked
        np.divide(1, total, out=scale[t, :r])
        state *= scale[t, :r]
        np.multiply(some_blocked, scale[t, :r], out=so_far[t, :r])
        if t + 1 < steps:
            usually[:, :r] *= so_far[t, :r]
            usually[:, :r] += state[:NULL]
            np.multiply(usually[:, :r], np.float32(RETURNS), out=back[t + 1, :, :r])
            back[t + 1, :, :r] += np.float32(1 - RETURNS) * into_null_from

    blocked = np.zeros((steps, width), dtype=np.float32)
    began = np.zeros((steps, width), dtype=np.float32)
    ended = np.zeros((steps, width), dtype=np.float32)
    ahead = np.ones((levels, width), dtype=np.float32)
    work = np.empty((levels, width), dtype=np.float32)
    for t in range(steps - 1, -1, -1):
        r = running[t]
        came = work[:, :r]
        np.multiply(forward[t, :, :r], ahead[:, :r], out=came)
        some_blocked = came[NULL:].sum(axis=0)
        np.divide(some_blocked, came[:NULL].sum(axis=0) + some_blocked, out=blocked[t, :r])
        if not t:
            break
        np.multiply(like[t, :, :r], ahead[:, :r], out=came)
        came *= scale[t, :r]
        null, restricted = came[:NULL], came[NULL:]
        ahead_null, ahead_blocked = ahead[:NULL, :r], ahead[NULL:, :r]
        into_null = np.multiply(null, into_null_from, out=ahead_null).sum(axis=0)
        returned = np.multiply(null, back[t, :, :r], out=ahead_null).sum(axis=0)
        into_blocked = np.multiply(restricted, into_blocked_from, out=ahead_blocked).sum(axis=0)
        begins, stops, stays = on[t, :r], off[t, :r], stay[t, :r]
        before = so_far[t - 1, :r]
        np.multiply((1 - before) * begins, into_blocked, out=began[t, :r])
        np.multiply(before * stops, returned, out=ended[t, :r])
        kept, moved = (1 - begins) * stays, (1 - begins) * (1 - stays)
        np.multiply(null, kept, out=ahead_null)
        ahead_null += moved * into_null + begins * into_blocked
        kept, moved = (1 - stops) * stays, (1 - stops) * (1 - stays)
        np.multiply(restricted, kept, out=ahead_blocked)
        ahead_blocked += moved * into_blocked + stops * returned

    at = place[inside]
    for to, values in (
        (result.blocked, blocked),
        (result.so_far, so_far),
        (result.began, began),
        (result.ended, ended),
    ):
        to[at] = values[inside]


def _column(values: npt.NDArray[np.float64]) -> Floats:
    return values.astype(np.float32)[:, None]


def _step(
    was: Floats,
    blocked: Floats,
    on: Floats,
    off: Floats,
    stay: Floats,
    start: tuple[Floats, Floats, Floats],
    out: Floats,
) -> None:
    """Writes the states after the hours that passed.

    Args:
        was: The states before; [levels, series].
        blocked: The sum of those under a restriction.
        on: Probability that one began.
        off: Probability that one ended.
        stay: Probability that the level did not drift.
        start: Where a level drifts to without a restriction, where it returns to when one ends, and where one begins.
        out: Where to write.
    """
    drifted, returned, begun = start
    fine = 1 - blocked
    np.multiply(was[:NULL], (1 - on) * stay, out=out[:NULL])
    out[:NULL] += drifted * ((1 - on) * (1 - stay) * fine)
    out[:NULL] += returned * (off * blocked)
    np.multiply(was[NULL:], (1 - off) * stay, out=out[NULL:])
    out[NULL:] += begun * ((1 - off) * (1 - stay) * blocked + on * fine)


def others_at_the_time(series: Series, so_far: Floats) -> Floats:
    """For each hour, how surely other networks of the country are under a restriction of the same service.

    Looks at this hour and the two before, so that it never knows the future.

    Args:
        series: The votes.
        so_far: `Smoothed.so_far` of a first pass.

    Returns:
        The greatest such probability; [hours].
    """
    result = np.zeros(len(series.hour), dtype=np.float32)
    of = series.series
    networks = np.array([key[3] for key in series.keys], dtype=np.int64)
    for _, first, last in series.groups():
        lo, hi = int(series.start[first]), int(series.start[last])
        sure = np.flatnonzero(so_far[lo:hi] >= 0.5) + lo
        names, column = np.unique(networks[of[lo:hi]], return_inverse=True)
        if len(names) < 2 or not len(sure):
            continue
        hours, row = np.unique(series.hour[lo:hi], return_inverse=True)
        best = np.zeros((len(hours), len(names)), dtype=np.float32)
        np.maximum.at(best, (row[sure - lo], column[sure - lo]), so_far[sure])
        recent = best.copy()
        for back in (1, 2):
            was = np.searchsorted(hours, hours - back)
            there = (was < len(hours)) & (hours[np.minimum(was, len(hours) - 1)] == hours - back)
            recent[there] = np.maximum(recent[there], best[was[there]])
        top = np.sort(recent, axis=1)[:, -2:]
        mine = recent[row, column]
        result[lo:hi] = np.where(mine >= top[row, 1], top[row, 0], top[row, 1])
    return result
