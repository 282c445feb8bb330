"""The grid of levels that a series moves on, and how likely votes are at each of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import betaln

from wallwatch.detect.votes import UNITS

#: Share of votes against a target: the first `NULL` without a restriction (stray failures), the others under one.
LEVELS = np.array([0.001, 0.005, 0.015, 0.04, 0.09, 0.16, 0.26, 0.40, 0.60, 0.80, 0.93, 0.99])
NULL = 6

#: Where a series starts, and where it goes when a restriction begins or ends.
START_NULL = np.array([0.32, 0.24, 0.20, 0.12, 0.08, 0.04])
START_BLOCKED = np.array([0.03, 0.07, 0.10, 0.15, 0.25, 0.40])

#: Correlation of votes within an hour: however many there are, they tell no more than about 1 / `RHO` would.
RHO = 0.05


def likelihoods(k: npt.NDArray[np.int64], n: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """How likely the votes of each hour are at each level, relative to the likeliest level.

    The distribution is the beta-binomial with correlation `RHO`, continued to fractions of votes.

    Args:
        k: Votes against the target, in parts of 1 / `UNITS`; [hours].
        n: All votes, likewise; [hours].

    Returns:
        In (0, 1]; [hours, levels].
    """
    span = int(n.max(initial=0)) + 1
    pairs, inverse = np.unique(k * span + n, return_inverse=True)
    against, total = (pairs // span)[:, None] / UNITS, (pairs % span)[:, None] / UNITS
    weight = 1 / RHO - 1
    a, b = LEVELS * weight, (1 - LEVELS) * weight
    log = betaln(against + a, total - against + b) - betaln(a, b)
    table = np.maximum(np.exp(log - log.max(axis=1, keepdims=True)), 1e-12)
    found: npt.NDArray[np.float64] = table[inverse]
    return found
