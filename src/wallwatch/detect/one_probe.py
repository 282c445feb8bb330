"""Restriction, or broken probes? Who found it blocked, and who, at the same time, did not (trap C18).

A probe that fails for hours looks like a partial restriction on a network of few probes, and where probes carry no
credentials it does so in many sessions. But a restriction meets all kinds of probe alike, or all behind one resolver,
while a broken probe has one software and one resolver. So the votes are counted by *look*: by credential where there
is one, else by software and resolver. Two explanations are compared: that all looks fail at one rate (of a resolver
all or none), and that each look is fine or, with a small chance that falls with time, broken on its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaln

from wallwatch.detect.levels import LEVELS, NULL

#: Chance that a look is broken in a stretch of up to a day, and the hours in which it falls to 1/e in longer ones: a
#: probe that was broken for a week would be rare.
BROKEN = 0.05
BROKEN_HOURS = 36.0
_BROKEN_AT_LEAST = 1e-4

#: Correlation of the votes of one look under a restriction, and without one.
_RHO_RESTRICTED = 0.1
_RHO_FINE = 0.05

#: What it costs, in natural logarithms, to say that a restriction spares a resolver; chance that it spares a look; what
#: it costs to say that forgers call it working, and the chance that they then speak for a look.
_SPARED = 3.0
_LOOK_SPARED = 0.05
_FORGERS = 3.0
_LOOK_FORGED = 0.5

#: The rate of stray failures is taken as no less and no more.
_STRAY = (0.01, 0.2)


@dataclass(frozen=True, slots=True)
class Look:
    """The votes of those who look alike.

    Attributes:
        resolver: Network of their resolver; null where unknown.
        against: Votes against the target.
        votes: All votes.
    """

    resolver: int | None
    against: float
    votes: float


def log_ratio(looks: Sequence[Look], stray: float, hours: int) -> float:
    """How much likelier a restriction makes the votes than broken probes do, in natural logarithms.

    Args:
        looks: The votes.
        stray: Share of votes against the target at other times, 0 to 1.
        hours: How long it lasts.
    """
    if not looks:
        return 0.0
    k, n, behind = _columns(looks)
    broken_by_chance = max(BROKEN * math.exp(-max(hours - 24, 0) / BROKEN_HOURS), _BROKEN_AT_LEAST)
    fine = _beta_binomial(k, n, _within(stray), _RHO_FINE)
    broken = np.asarray(betaln(k + 1, n - k + 1))
    alone = np.logaddexp(math.log1p(-broken_by_chance) + fine, math.log(broken_by_chance) + broken)
    spared = np.bincount(behind, weights=alone) - _SPARED
    # That all but one look are forgers' is no way: it is the one that is broken.
    several = int(((2 * k > n) & (k >= 2)).sum()) > 1
    ways = ((_LOOK_SPARED, 0.0), (_LOOK_FORGED, _FORGERS)) if several else ((_LOOK_SPARED, 0.0),)
    best = -math.inf
    for level in LEVELS[NULL:]:
        at_level = _beta_binomial(k, n, float(level), _RHO_RESTRICTED)
        for chance, cost in ways:
            met = np.logaddexp(math.log1p(-chance) + at_level, math.log(chance) + fine)
            met = np.bincount(behind, weights=met)
            best = max(best, math.fsum(np.maximum(met, spared).tolist()) - cost)
    return best - math.fsum(alone.tolist())


def of_their_like(looks: Sequence[Look]) -> tuple[float, float]:
    """How often the like of those who found it working found it blocked: votes against, and all votes.

    Each vote in favour asks all others of its look. Under a restriction that stops some, these fail as often as any;
    where forgers say that it is blocked, beside probes that are broken, those who say that it works are the rest, and
    hardly any of their like fail.
    """
    asked = [look for look in looks if look.votes > 1 and look.against < look.votes]
    return (
        math.fsum((one.votes - one.against) * min(one.against / (one.votes - 1), 1.0) for one in asked),
        math.fsum(one.votes - one.against for one in asked),
    )


def _columns(
    looks: Sequence[Look],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Votes against and all votes of each look, and the number of its resolver."""
    resolvers = sorted({look.resolver or 0 for look in looks})
    return (
        np.array([look.against for look in looks]),
        np.array([look.votes for look in looks]),
        np.array([resolvers.index(look.resolver or 0) for look in looks]),
    )


def _within(stray: float) -> float:
    return min(max(stray, _STRAY[0]), _STRAY[1])


def _beta_binomial(
    k: npt.NDArray[np.float64], n: npt.NDArray[np.float64], mean: float, rho: float
) -> npt.NDArray[np.float64]:
    """Logarithm of the beta-binomial, without the number of orders."""
    weight = 1 / rho - 1
    a, b = mean * weight, (1 - mean) * weight
    found: npt.NDArray[np.float64] = betaln(k + a, n - k + b) - betaln(a, b)
    return found
