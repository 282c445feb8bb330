"""The sticky filter: the probability, in each hour with votes, that a restriction is in force.

A hidden Markov model with the states of `levels.LEVELS`: within its class (without or under a restriction) a level
drifts slowly; restrictions begin at a hazard that is raised by the series' own recent past and by other series, and
end at a constant hazard. Only hours with votes are visited, and the steps between them follow the hours that passed,
so cost is in the data and not in the calendar, and silence moves nothing but the uncertainty. Forward-backward
(Rabiner 1989, section III) over many series at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wallwatch.detect.levels import LEVELS, NULL, START_BLOCKED, START_NULL, likelihoods
from wallwatch.detect.votes import Series

Floats = npt.NDArray[np.float64]

#: Per hour: a restriction begins, ends, and a level drifts within its class.
ONSET = 1 / 1000
END = 1 / 48
DRIFT = 1 / 720

#: How much a restriction of the same series in the recent past raises the onset hazard, and how fast that fades.
OWN_PAST = 20.0
OWN_HALF_LIFE = 168.0

#: How much a restriction of other series at the time raises it.
OTHERS = 40.0

#: Numbers held at once for a batch of series.
_BATCH = 4_000_000


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What the filter says of each hour with votes, in the order of `Series`.

    Attributes:
        blocked: Probability that a restriction is in force, given all votes; [hours].
        so_far: The same given the votes up to the hour: later data never change it; [hours].
        began: Probability that one began between the hour before and this one; [hours].
        ended: Probability that one ended between the hour before and this one; [hours].
        level: Expected share of votes against the target; [hours].
    """

    blocked: Floats
    so_far: Floats
    began: Floats
    ended: Floats
    level: Floats


def smooth(series: Series, others: Floats | None = None) -> Smoothed:
    """Runs the filter over all series.

    Args:
        series: The votes.
        others: Probability that others are under the same restriction at the time; [hours]. None is none.
    """
    size = len(series.hour)
    result = Smoothed(*(np.zeros(size) for _ in range(5)))
    lengths = np.diff(series.start)
    order = np.argsort(-lengths, kind="stable")
    done = 0
    while done < len(order):
        longest = int(lengths[order[done]])
        width = max(1, _BATCH // (longest * len(LEVELS)))
        chosen = order[done : done + width]
        done += len(chosen)
        _batch(series, chosen, others, result)
    return result


def _batch(series: Series, chosen: npt.NDArray[np.int64], others: Floats | None, result: Smoothed) -> None:
    """Fills the result for some series, of falling length: at each step the first so many are still running."""
    starts = series.start[chosen]
    lengths = series.start[chosen + 1] - starts
    steps, width = int(lengths[0]), len(chosen)
    running = np.searchsorted(-lengths, -np.arange(1, steps + 1), side="right")
    place = np.minimum(starts + np.arange(steps)[:, None], len(series.hour) - 1)
    inside = np.arange(steps)[:, None] < lengths

    hours = series.hour[place]
    gap = np.ones((steps, width))
    gap[1:] = np.where(inside[1:], hours[1:] - hours[:-1], 1)
    like = np.ones((steps, width, len(LEVELS)))
    like[inside] = likelihoods(series.k[place[inside]], series.n[place[inside]])
    push = np.zeros((steps, width)) if others is None else others[place]

    stay = (1 - DRIFT) ** gap
    fade = 0.5 ** (gap / OWN_HALF_LIFE)
    forward = np.empty((steps, width, len(LEVELS)))
    scale = np.ones((steps, width))
    on, off = np.zeros((steps, width)), np.zeros((steps, width))
    so_far = np.zeros((steps, width))

    usual = ONSET / (ONSET + END)
    own = np.zeros(width)
    state = np.concatenate([START_NULL * (1 - usual), START_BLOCKED * usual]) * np.ones((width, 1))
    for t in range(steps):
        r = running[t]
        if t:
            own[:r] = np.maximum(own[:r], so_far[t - 1, :r]) * fade[t, :r]
            hazard = np.minimum(ONSET * (1 + OWN_PAST * own[:r] + OTHERS * push[t, :r]), 0.5)
            both = hazard + END
            turned = (1 - (1 - both) ** gap[t, :r]) / both
            on[t, :r], off[t, :r] = hazard * turned, END * turned
            state = _step(forward[t - 1, :r], on[t, :r], off[t, :r], stay[t, :r])
        seen = state[:r] * like[t, :r]
        total = seen.sum(axis=1)
        scale[t, :r] = total
        forward[t, :r] = seen / total[:, None]
        so_far[t, :r] = forward[t, :r, NULL:].sum(axis=1)

    blocked, level = np.zeros((steps, width)), np.zeros((steps, width))
    began, ended = np.zeros((steps, width)), np.zeros((steps, width))
    ahead = np.ones((width, len(LEVELS)))
    for t in range(steps - 1, -1, -1):
        r = running[t]
        both_ways = forward[t, :r] * ahead[:r]
        both_ways /= both_ways.sum(axis=1, keepdims=True)
        blocked[t, :r] = both_ways[:, NULL:].sum(axis=1)
        level[t, :r] = both_ways @ LEVELS
        if t:
            came = like[t, :r] * ahead[:r] / scale[t, :r, None]
            into_null = came[:, :NULL] @ START_NULL
            into_blocked = came[:, NULL:] @ START_BLOCKED
            before = so_far[t - 1, :r]
            began[t, :r] = (1 - before) * on[t, :r] * into_blocked
            ended[t, :r] = before * off[t, :r] * into_null
            ahead[:r, :NULL] = (1 - on[t, :r, None]) * (
                stay[t, :r, None] * came[:, :NULL] + ((1 - stay[t, :r]) * into_null)[:, None]
            ) + (on[t, :r] * into_blocked)[:, None]
            ahead[:r, NULL:] = (1 - off[t, :r, None]) * (
                stay[t, :r, None] * came[:, NULL:] + ((1 - stay[t, :r]) * into_blocked)[:, None]
            ) + (off[t, :r] * into_null)[:, None]

    at = place[inside]
    for name, values in (
        ("blocked", blocked),
        ("so_far", so_far),
        ("began", began),
        ("ended", ended),
        ("level", level),
    ):
        getattr(result, name)[at] = values[inside]


def _step(state: Floats, on: Floats, off: Floats, stay: Floats) -> Floats:
    """The states after the hours that passed."""
    null, blocked = state[:, :NULL], state[:, NULL:]
    some_null, some_blocked = null.sum(axis=1), blocked.sum(axis=1)
    moved = np.empty_like(state)
    moved[:, :NULL] = ((1 - on) * stay)[:, None] * null
    moved[:, :NULL] += ((1 - on) * (1 - stay) * some_null + off * some_blocked)[:, None] * START_NULL
    moved[:, NULL:] = ((1 - off) * stay)[:, None] * blocked
    moved[:, NULL:] += ((1 - off) * (1 - stay) * some_blocked + on * some_null)[:, None] * START_BLOCKED
    return moved


def others_at_the_time(series: Series, so_far: Floats) -> Floats:
    """For each hour, how surely other networks of the country are under a restriction of the same service.

    Looks at this hour and the two before, so that it never knows the future.

    Args:
        series: The votes.
        so_far: `Smoothed.so_far` of a first pass.

    Returns:
        The greatest such probability; [hours].
    """
    result = np.zeros(len(series.hour))
    of = series.series
    networks = np.array([key[3] for key in series.keys], dtype=np.int64)
    for _, first, last in series.groups():
        lo, hi = int(series.start[first]), int(series.start[last])
        sure = np.flatnonzero(so_far[lo:hi] >= 0.5) + lo
        names, column = np.unique(networks[of[lo:hi]], return_inverse=True)
        if len(names) < 2 or not len(sure):
            continue
        hours, row = np.unique(series.hour[lo:hi], return_inverse=True)
        best = np.zeros((len(hours), len(names)))
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
