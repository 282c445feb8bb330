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


#: Up to so many possible pairs of votes, those that occur are marked in a table; more are sorted.
_MARKED = 1 << 24


def likelihoods(
    k: npt.NDArray[np.int32], n: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32]]:
    """How likely the votes of each hour are at each level, relative to the likeliest level.

    The distribution is the beta-binomial with correlation `RHO`, continued to fractions of votes.

    Args:
        k: Votes against the target, in parts of 1 / `UNITS`; [hours].
        n: All votes, likewise; [hours].

    Returns:
        A table of values in (0, 1], [levels, pairs of k and n that occur], and the column of each hour; [hours].
    """
    span = int(n.max(initial=0)) + 1
    code = k.astype(np.int64) * span + n
    if span * span <= _MARKED:
        marked = np.zeros(span * span, dtype=np.bool_)
        marked[code] = True
        pairs = np.flatnonzero(marked)
        column = np.cumsum(marked, dtype=np.int32)
        column -= 1
        index = column[code]
    else:
        pairs, inverse = np.unique(code, return_inverse=True)
        index = inverse.astype(np.int32)
    against, total = pairs // span / UNITS, pairs % span / UNITS
    weight = 1 / RHO - 1
    a, b = (LEVELS * weight)[:, None], ((1 - LEVELS) * weight)[:, None]
    log = betaln(against + a, total - against + b) - betaln(a, b)
    table = np.maximum(np.exp(log - log.max(axis=0, keepdims=True)), 1e-12)
    return table.astype(np.float32), index
