"""How often a way works now: a filter over days, in which old evidence fades because ways get blocked and unblocked.

The share of tries that work is a hidden level. Each day it stays with probability 1 - `CHANGE`, or is drawn anew from
what is usual (a prior with most mass near working and near blocked, or what is known of comparable networks). Tries
are Bernoulli votes. The forward pass of this hidden Markov model (Rabiner 1989, III.A) gives the distribution of the
level on the last day: fresh evidence counts in full, what is weeks old hardly, and silence widens the interval.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, betaln, xlog1py, xlogy

Floats = NDArray[np.float64]

#: Levels: shares of tries that work.
LEVELS: Final[Floats] = (np.arange(80) + 0.5) / 80

#: Probability that a way's level changes from one day to the next.
CHANGE: Final = 1 / 30

#: What a vote counts: tries of one day on one network are not wholly independent of each other.
_VOTE: Final = 0.85

#: Correlation of the errors of one country's networks.
TOGETHER: Final = 0.2

#: How much a day's drift spreads a level among its neighbours, as a share of its probability.
_DRIFT: Final = 0.02


def usual() -> Floats:
    """The prior of a level that nothing is known of; shape (levels,)."""
    parts = 0.3 * _density(0.8, 16) + 0.4 * _density(14, 1.4) + 0.3 * _density(1, 1)
    return np.asarray(parts / parts.sum(), dtype=np.float64)


def _density(a: float, b: float) -> Floats:
    """The density of a Beta distribution at the levels; `scipy.stats` has it too, and takes half a second to load."""
    log = xlogy(a - 1, LEVELS) + xlog1py(b - 1, -LEVELS) - betaln(a, b)
    return np.asarray(np.exp(log), dtype=np.float64)


def follow(worked: Floats, failed: Floats, priors: Floats) -> Floats:
    """The distribution of the level after each day.

    Args:
        worked: Votes that a way works, shape (series, days), in days without gaps.
        failed: Votes that it does not, the same shape.
        priors: What is usual for each series, shape (series, levels).

    Returns:
        Shape (series, days, levels); each row sums to 1.
    """
    series, days = worked.shape
    found = np.empty((series, days, len(LEVELS)))
    yes, no = np.log(LEVELS), np.log1p(-LEVELS)
    now = priors.copy()
    for day in range(days):
        if day:
            spread = now.copy()
            spread[:, 1:-1] += _DRIFT * (now[:, :-2] + now[:, 2:] - 2 * now[:, 1:-1])
            spread[:, 0] += _DRIFT * (now[:, 1] - now[:, 0])
            spread[:, -1] += _DRIFT * (now[:, -2] - now[:, -1])
            now = (1 - CHANGE) * spread + CHANGE * priors
        seen = _VOTE * (np.outer(worked[:, day], yes) + np.outer(failed[:, day], no))
        now = now * np.exp(seen - seen.max(axis=1, keepdims=True))
        now /= now.sum(axis=1, keepdims=True)
        found[:, day] = now
    return found


def mean(distribution: Floats) -> Floats:
    """The expected level; the last axis is that of levels."""
    return np.asarray(distribution @ LEVELS, dtype=np.float64)


def quantile(distribution: Floats, q: float) -> float:
    """The level below which the share `q` of a distribution lies, between the levels' edges."""
    edges = np.linspace(0.0, 1.0, len(LEVELS) + 1)
    return float(np.interp(q, np.concatenate([[0.0], np.cumsum(distribution)]), edges))


def exceeds(now: Floats, before: Floats) -> float:
    """The probability that a level of the first distribution is above one of the second, both independent."""
    below = np.cumsum(before) - before / 2
    return float(now @ below)


def average(distributions: Floats, weights: Floats) -> tuple[float, float]:
    """The expectation and the standard deviation of a weighted average of levels.

    Levels of one country err together, since each rests on what the others show: `TOGETHER` is their correlation.

    Args:
        distributions: Shape (series, levels).
        weights: Shape (series,); need not sum to 1.
    """
    shares = weights / weights.sum()
    means = distributions @ LEVELS
    spread = distributions @ LEVELS**2 - means**2
    apart, together = shares**2 @ spread, (shares @ np.sqrt(spread)) ** 2
    return float(shares @ means), float(np.sqrt((1 - TOGETHER) * apart + TOGETHER * together))


def interval(expected: float, deviation: float, mass: float) -> tuple[float, float]:
    """A central interval of a Beta distribution with that expectation and standard deviation."""
    expected = min(max(expected, 1e-3), 1 - 1e-3)
    variance = min(max(deviation**2, 1e-6), expected * (1 - expected) * 0.95)
    size = expected * (1 - expected) / variance - 1
    low, high = betaincinv(expected * size, (1 - expected) * size, [(1 - mass) / 2, (1 + mass) / 2])
    return float(low), float(high)
