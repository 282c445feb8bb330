"""How probable it is, bin by bin, that a series has lost some of its level.

A hidden level on a grid of shares of the ordinary: a few that count as normal, the rest as loss. It stays
where it is, or moves with a small chance an hour. What is seen scatters around it with Student's t (four
degrees of freedom) and an AR(1) memory: a value that only repeats the last deviation adds little, a change
counts in full. Exact forward-backward smoothing; bins without a value change nothing but the chances.
Many series at once, as arrays.

After Adams and MacKay, "Bayesian Online Changepoint Detection" (2007), with a fixed grid of levels, which
bounds the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wallwatch.detect.outages_baseline import HIGHEST
from wallwatch.detect.outages_threads import in_threads

_NORMAL = np.array([0.92, 0.96, 1.0, 1.05, 1.12])
_NORMAL_PRIOR = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
_LOST = np.array([0.86, 0.79, 0.71, 0.62, 0.53, 0.44, 0.35, 0.26, 0.18, 0.1, 0.04, 0.0])
_LEVELS = np.concatenate([_NORMAL, _LOST])
_N = len(_NORMAL)

#: Chances an hour: of a loss beginning, of it ending, of a new level within normal and within loss.
ONSET, END, DRIFT, STEP = 1 / 2000, 1 / 48, 1 / 720, 1 / 12

#: Bins × series that are smoothed together, and most series: bounds the memory, and keeps a step within the cache.
_TOGETHER, _WIDTH = 600_000, 512

#: Series whose scatter is measured together.
_BLOCK = 128

#: Shares below this may be a loss, above it they never are one that is told.
LOW = 0.86

#: Series that scatter by more than this are looked at on the scale of the square root.
NOISY = 0.08


#: Short lows a bin, from which on lasting ones may be of the same scatter: seven in forty days of hours.
_OFTEN = 0.007

#: Lasting lows from which on it is known how deep they usually are.
_SEVERAL = 5


@dataclass(frozen=True, slots=True)
class Smoothed:
    """What the whole series says of each bin (series × bins).

    Attributes:
        lost: Probability that the level is one of loss.
        began: Probability that a loss began with this bin.
        ended: Probability that a loss had ended with this bin.
    """

    lost: np.ndarray
    began: np.ndarray
    ended: np.ndarray


def scatter(share: np.ndarray, counting: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """How each series scatters on ordinary days: scale of Student's t, and memory from bin to bin.

    The scale is that of the tails (95 of 100 deviations lie within 2.78 of it), so that a series with
    frequent stray values is believed less. Lasting lows (three bins and more below 0.85) do not count, unless
    shorter ones that go half as deep are as frequent, or the series swings upwards as well.

    Args:
        share: Series × bins of shares of the ordinary; NaN where there is none.
        counting: Of each series: the scatter that counting alone has; none where not given.

    Returns:
        The scale, at least 0.02, and the lag-1 correlation, 0 to 0.8; one of each a series.
    """

    def block(first: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(first, first + _BLOCK)
        return _scatter(share[rows], None if counting is None else counting[rows])

    found = in_threads(block, range(0, max(len(share), 1), _BLOCK))
    return np.concatenate([scale for scale, _ in found]), np.concatenate([memory for _, memory in found])


def _scatter(share: np.ndarray, counting: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """What `scatter` says of some series; few enough to stay in the cache."""
    with np.errstate(invalid="ignore"):
        low = share < 0.85
    inner = low[:, 1:-1] & low[:, :-2] & low[:, 2:]
    lasting = np.zeros_like(low)
    for shift in (0, 1, 2):
        lasting[:, shift : shift + inner.shape[1]] |= inner
    # Where there are many short lows, at least as many as lasting ones, these are scatter as well: chance makes
    # more of the short, and a loss that comes every night leaves the hours between in peace.
    # So they are where the series swings as far upwards again and again, which no loss does.
    long = _beginnings(lasting)
    edge = np.full(len(share), 0.85)
    if counting is not None:  # small counts are low by counting; what is lower than that is meant
        edge = 1 - np.clip(2.5 * counting, 0.15, 0.98)
    with np.errstate(invalid="ignore"):
        short = _beginnings(share < edge[:, None]) - long
    often = _OFTEN * share.shape[1]
    # Of the same scatter are only those that go half as deep: not the edges of weekends beside the nights of a curfew.
    for row in np.flatnonzero((long > 0) & (short >= np.maximum(long, often))):
        short[row] -= _shallow(share[row], lasting[row], float(edge[row]))
    with np.errstate(invalid="ignore"):
        high = share >= HIGHEST
    swings = (_beginnings(high) >= often) & (high.sum(axis=1) >= low.sum(axis=1) / 3)
    lasting &= ((short < np.maximum(long, often)) & ~swings)[:, None]
    deviation = np.where(lasting, np.nan, share - 1)
    size = np.sort(np.abs(deviation), axis=1)
    count = np.sum(~np.isnan(deviation), axis=1)
    at = np.clip(np.ceil(0.95 * count).astype(int) - 1, 0, max(share.shape[1] - 1, 0))
    tail = np.take_along_axis(size, at[:, None], 1)[:, 0] / 2.776
    scale = np.where(count >= 24, np.nan_to_num(tail), 0.06)
    pairs = deviation[:, 1:] * deviation[:, :-1]
    both = ~np.isnan(pairs)
    number = np.maximum(both.sum(1), 1)
    covariance = np.where(both, pairs, 0).sum(1) / number
    power = np.where(both, np.nan_to_num(deviation[:, 1:]) ** 2, 0).sum(1) / number
    memory = np.clip(covariance / np.maximum(power, 1e-9), 0.0, 0.8)
    return np.clip(scale, 0.02, 0.6), np.where(count >= 24, memory, 0.3)


def _shallow(share: np.ndarray, lasting: np.ndarray, edge: float) -> int:
    """How many short lows of one series go less than half as deep as its lasting ones begin, by their median."""
    begins = np.flatnonzero(lasting[1:] & ~lasting[:-1]) + 2
    if len(begins) < _SEVERAL:
        return 0
    depth = 1 - float(np.median(share[begins]))
    alone = np.where(lasting, np.nan, share)[None]
    with np.errstate(invalid="ignore"):
        return int((_beginnings(alone < edge) - _beginnings(alone < min(1 - depth / 2, edge)))[0])


def _beginnings(flags: np.ndarray) -> np.ndarray:
    """How many stretches of true values each row has."""
    found: np.ndarray = flags[:, 0].astype(int) + (flags[:, 1:] & ~flags[:, :-1]).sum(axis=1)
    return found


def smooth(
    share: np.ndarray,
    scale: np.ndarray,
    memory: np.ndarray,
    hours: float,
    counting: np.ndarray | None = None,
) -> Smoothed:
    """Forward-backward over all series.

    Series that never lie low in two bins have lost nothing, and are not looked at further.

    Args:
        share: Series × bins of shares of the ordinary (1 is normal); NaN where there is no value.
        scale: Of each series: how it scatters.
        memory: Of each series: correlation of one bin's deviation with the next, 0 to 0.8.
        hours: Length of a bin.
        counting: Of each series: whether it scatters as counting alone does, and has no heavier tails; none where
            not given.
    """
    found = Smoothed(*(np.zeros(share.shape, np.float32) for _ in range(3)))
    with np.errstate(invalid="ignore"):
        low = (share < LOW).sum(axis=1) >= 2
    light = np.zeros(len(share), bool) if counting is None else counting & (scale > NOISY)
    width = max(1, min(_WIDTH, _TOGETHER // max(share.shape[1], 1)))
    blocks = [
        (freedom, chosen[i : i + width])
        for freedom, chosen in ((_HEAVY, np.flatnonzero(low & ~light)), (_LIGHT, np.flatnonzero(low & light)))
        for i in range(0, len(chosen), width)
    ]

    def block(given: tuple[int, np.ndarray]) -> None:
        freedom, rows = given
        parts = _smooth(share[rows], scale[rows], memory[rows], hours, freedom)
        for whole, part in zip((found.lost, found.began, found.ended), parts, strict=True):
            whole[rows] = part.T

    in_threads(block, blocks)
    return found


def _evened(share: np.ndarray, noisy: np.ndarray) -> np.ndarray:
    """Shares of noisy series on the scale of the square root, on which the scatter of counts is the same at all levels.

    One stays one, and what is near one stays near it: 2√share - 1.
    """
    found: np.ndarray = np.where(noisy, 2 * np.sqrt(np.maximum(share, 0)) - 1, share)
    return found


#: Degrees of freedom: of what may show nonsense at any time, and of what scatters as counting does.
_HEAVY, _LIGHT = 4, 16


class _Student:
    """Densities of Student's t around each level; levels × series, in place.

    Args:
        spread: The scale of each.
        freedom: Degrees of freedom, a power of two. The density is (1 + e²/n) to the power -(n + 1)/2.
    """

    def __init__(self, spread: np.ndarray, freedom: int) -> None:
        self._part = (1 / (spread * freedom**0.5)).astype(spread.dtype)
        self._top = 1 / spread
        self._squarings = freedom.bit_length() - 2
        self._e = np.empty_like(spread)
        self._root = np.empty_like(spread)

    def of(self, deviation: np.ndarray, out: np.ndarray) -> None:
        """Writes the densities of deviations to `out`."""
        e, root = self._e, self._root
        np.multiply(deviation, self._part, out=e)
        np.multiply(e, e, out=e)
        e += 1
        np.sqrt(e, out=root)
        for _ in range(self._squarings):
            np.multiply(e, e, out=e)
        np.multiply(e, root, out=e)
        np.divide(self._top, e, out=out)


def _smooth(
    share: np.ndarray, scale: np.ndarray, memory: np.ndarray, hours: float, freedom: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lost, began and ended as bins × series. Within, a level is a row and a series a column: loops run along series."""
    series, bins = share.shape
    small = np.float32  # densities are ratios near one: single precision is enough, and faster
    noisy = scale > NOISY
    x = np.ascontiguousarray(_evened(share, noisy[:, None]).T, small)
    levels = _evened(_LEVELS[:, None], noisy[None, :]).astype(small)
    spread = np.where(noisy, scale, scale * (0.4 + 0.6 * _LEVELS[:, None])).astype(small)
    normal_prior = _NORMAL_PRIOR.astype(small)[:, None]
    # a level that lies within the scatter of normal ones cannot be told from them, and would never end
    plain = _LOST[:, None] <= 1 - np.maximum(0.14, 1.5 * scale)
    plain[-1] = True
    lost_prior = (plain / plain.sum(0)).astype(small)
    on, off, drift, step = (small(1 - np.exp(-rate * hours)) for rate in (ONSET, END, DRIFT, STEP))
    stay = np.concatenate([np.full(_N, 1 - on - drift), np.full(len(_LOST), 1 - off - step)])
    stay = np.maximum(stay, 0.0).astype(small)[:, None]
    calm = np.sqrt(1 - memory**2)
    fresh_of, kept_of = _Student(spread, freedom), _Student((spread * calm).astype(small), freedom)
    missing = np.isnan(x)
    # What the last bin deviated by is carried on, as far as it was seen.
    carried = np.where(np.concatenate([np.ones((1, series), bool), missing[:-1]]), 0.0, memory).astype(small)
    whole = np.asarray(~missing.any(axis=1))
    alone = carried == 0

    shape = (len(_LEVELS), series)
    fresh, kept = np.empty((bins, *shape), small), np.empty((bins, *shape), small)
    forward = np.empty((bins, *shape), small)
    alpha = np.concatenate([np.tile(0.98 * normal_prior, (1, series)), 0.02 * lost_prior]).astype(small)
    deviation, before, moved = np.zeros(shape, small), np.zeros(shape, small), np.empty(shape, small)
    for t in range(bins):
        np.subtract(x[t], levels, out=deviation)
        np.multiply(before, carried[t], out=moved)
        np.subtract(deviation, moved, out=moved)
        fresh_of.of(deviation, fresh[t])
        kept_of.of(moved, kept[t])
        if alone[t].any():  # nothing is known of the bin before: the level is seen as if it were new
            np.copyto(kept[t], fresh[t], where=alone[t])
        if not whole[t]:
            np.copyto(fresh[t], 1, where=missing[t])
            np.copyto(kept[t], 1, where=missing[t])
            np.copyto(deviation, 0, where=missing[t])
        deviation, before = before, deviation
        if t == 0:
            alpha *= fresh[t]
        else:
            normal, lost = alpha[:_N].sum(0), alpha[_N:].sum(0)
            alpha *= stay
            alpha *= kept[t]
            np.multiply(normal_prior, drift * normal + off * lost, out=moved[:_N])
            np.multiply(lost_prior, on * normal + step * lost, out=moved[_N:])
            moved *= fresh[t]
            alpha += moved
        alpha /= alpha.sum(0)
        forward[t] = alpha

    gone = np.empty((bins, series), small)
    began, ended = np.zeros((bins, series), small), np.zeros((bins, series), small)
    beta = np.ones(shape, small)
    for t in range(bins - 1, -1, -1):
        np.multiply(forward[t], beta, out=moved)
        lost = moved[_N:].sum(0)
        gone[t] = lost / (lost + moved[:_N].sum(0))
        if t == 0:
            break
        new = fresh[t]
        new *= beta
        new_normal = (new[:_N] * normal_prior).sum(0)
        new_lost = (new[_N:] * lost_prior).sum(0)
        beta *= kept[t]
        beta *= stay
        beta[:_N] += drift * new_normal + on * new_lost
        beta[_N:] += step * new_lost + off * new_normal
        last = forward[t - 1]
        all_ways = np.einsum("ls,ls->s", last, beta)
        began[t] = last[:_N].sum(0) * on * new_lost / all_ways
        ended[t] = last[_N:].sum(0) * off * new_normal / all_ways
        beta /= beta.sum(0)
    return gone, began, ended
