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

_NORMAL = np.array([0.92, 0.96, 1.0, 1.05, 1.12])
_NORMAL_PRIOR = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
_LOST = np.array([0.86, 0.79, 0.71, 0.62, 0.53, 0.44, 0.35, 0.26, 0.18, 0.1, 0.04, 0.0])
_LEVELS = np.concatenate([_NORMAL, _LOST])
_N = len(_NORMAL)

#: Chances an hour: of a loss beginning, of it ending, of a new level within normal and within loss.
ONSET, END, DRIFT, STEP = 1 / 2000, 1 / 48, 1 / 720, 1 / 12

#: Bins × series that are smoothed together; bounds the memory at about 200 MB.
_TOGETHER = 600_000


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


def scatter(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How each series scatters on ordinary days: scale of Student's t, and memory from bin to bin.

    The scale is that of the tails (95 of 100 deviations lie within 2.78 of it), so that a series with
    frequent stray values is believed less. Lasting lows (three bins and more below 0.85) do not count.

    Args:
        share: Series × bins of shares of the ordinary; NaN where there is none.

    Returns:
        The scale, at least 0.02, and the lag-1 correlation, 0 to 0.8; one of each a series.
    """
    with np.errstate(invalid="ignore"):
        low = share < 0.85
    inner = low[:, 1:-1] & low[:, :-2] & low[:, 2:]
    lasting = np.zeros_like(low)
    for shift in (0, 1, 2):
        lasting[:, shift : shift + inner.shape[1]] |= inner
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


def smooth(share: np.ndarray, scale: np.ndarray, memory: np.ndarray, hours: float) -> Smoothed:
    """Forward-backward over all series.

    Args:
        share: Series × bins of shares of the ordinary (1 is normal); NaN where there is no value.
        scale: Of each series: how it scatters.
        memory: Of each series: correlation of one bin's deviation with the next, 0 to 0.8.
        hours: Length of a bin.
    """
    width = max(1, _TOGETHER // max(share.shape[1], 1))
    parts = [
        _smooth(share[i : i + width], scale[i : i + width], memory[i : i + width], hours)
        for i in range(0, len(share), width)
    ]
    if not parts:
        none = np.zeros(share.shape)
        return Smoothed(none, none, none)
    return Smoothed(
        np.concatenate([part.lost for part in parts]),
        np.concatenate([part.began for part in parts]),
        np.concatenate([part.ended for part in parts]),
    )


def _student(deviation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    e = deviation / scale
    density = 1 + e * e / 4
    found: np.ndarray = 1 / (density * density * np.sqrt(density) * scale)
    return found


def _smooth(share: np.ndarray, scale: np.ndarray, memory: np.ndarray, hours: float) -> Smoothed:
    series, bins = share.shape
    small = np.float32  # densities are ratios near one: single precision is enough, and faster
    share, scale, memory = share.astype(small), scale.astype(small), memory.astype(small)
    levels, normal_prior = _LEVELS.astype(small), _NORMAL_PRIOR.astype(small)
    on, off, drift, step = (small(1 - np.exp(-rate * hours)) for rate in (ONSET, END, DRIFT, STEP))
    stay = np.concatenate([np.full(_N, 1 - on - drift), np.full(len(_LOST), 1 - off - step)])
    stay = np.maximum(stay, 0.0).astype(small)
    # a level that lies within the scatter of normal ones cannot be told from them, and would never end
    plain = _LOST[None] <= 1 - np.maximum(0.14, 1.5 * scale)[:, None]
    plain[:, -1] = True
    lost_prior = (plain / plain.sum(1, keepdims=True)).astype(small)
    spread = scale[:, None] * (0.4 + 0.6 * levels)
    calm = np.sqrt(1 - memory**2)[:, None]

    def seen(t: int) -> tuple[np.ndarray, np.ndarray]:
        """Densities of what bin `t` shows: at a new level, and where the level stayed."""
        x = share[:, t, None]
        fresh = _student(x - levels, spread)
        before = np.zeros_like(x) if t == 0 else np.nan_to_num(share[:, t - 1, None] - levels)
        carried = np.where(np.isnan(share[:, t - 1, None]) if t else True, 0.0, memory[:, None])
        kept = _student(x - levels - carried * before, spread * np.where(carried > 0, calm, 1.0))
        missing = np.isnan(x)
        return np.where(missing, 1.0, fresh), np.where(missing, 1.0, kept)

    forward = np.empty((bins, series, len(_LEVELS)), np.float32)
    densities = np.empty((2, bins, series, len(_LEVELS)), np.float32)
    alpha = np.concatenate([np.tile(0.98 * normal_prior, (series, 1)), 0.02 * lost_prior], axis=1)
    for t in range(bins):
        fresh, kept = seen(t)
        densities[0, t], densities[1, t] = fresh, kept
        if t == 0:
            alpha = alpha * fresh
        else:
            normal = alpha[:, :_N].sum(1, keepdims=True)
            lost = alpha[:, _N:].sum(1, keepdims=True)
            to_normal = (drift * normal + off * lost) * normal_prior
            to_lost = (on * normal + step * lost) * lost_prior
            alpha = alpha * stay * kept + np.concatenate([to_normal, to_lost], axis=1) * fresh
        alpha = alpha / alpha.sum(1, keepdims=True)
        forward[t] = alpha

    gone = np.empty((series, bins))
    began, ended = np.zeros((series, bins)), np.zeros((series, bins))
    beta = np.ones((series, len(_LEVELS)), small)
    for t in range(bins - 1, -1, -1):
        here = forward[t] * beta
        here /= here.sum(1, keepdims=True)
        gone[:, t] = here[:, _N:].sum(1)
        if t == 0:
            break
        fresh, kept = densities[0, t], densities[1, t]
        new = fresh * beta
        new_normal = new[:, :_N] @ normal_prior
        new_lost = (new[:, _N:] * lost_prior).sum(1)
        before = stay * kept * beta
        before[:, :_N] += (drift * new_normal + on * new_lost)[:, None]
        before[:, _N:] += (step * new_lost + off * new_normal)[:, None]
        all_ways = (forward[t - 1] * before).sum(1)
        began[:, t] = forward[t - 1][:, :_N].sum(1) * on * new_lost / all_ways
        ended[:, t] = forward[t - 1][:, _N:].sum(1) * off * new_normal / all_ways
        beta = before / before.sum(1, keepdims=True)
    return Smoothed(gone, began, ended)
