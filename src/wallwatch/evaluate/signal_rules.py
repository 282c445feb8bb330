"""The alert rule that IODA describes, to be compared to; the product does not use it.

A value raises a warning below one fraction of the median of the values before it, and a critical alert below a smaller
one; both fractions and the length of the median depend on the source (`ioda-ui`, Help; `watchtower-sentry`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rule:
    """Fractions of the trailing median, and its length.

    Attributes:
        warning: Below this share of the median it warns.
        critical: Below this share it is critical.
        days: Length of the median.
    """

    warning: float
    critical: float
    days: int


PROBING = Rule(0.8, 0.5, 7)
TELESCOPE = Rule(0.25, 0.1, 7)
ROUTES = Rule(0.99, 0.5, 1)


def rule_of(signal: str) -> Rule:
    """The rule for a source; that for active probing where none was published."""
    if signal.startswith(("ioda.merit", "ioda.ucsd")):
        return TELESCOPE
    return ROUTES if signal.startswith("ioda.bgp") else PROBING


def trailing_median(values: Floats, bins: int) -> Floats:
    """The median of the so many values before each; NaN before there are twelve of them.

    Args:
        values: Series × bins; NaN where there is none.
        bins: Length of the window.
    """
    padded = np.concatenate([np.full((len(values), bins), np.nan), values], axis=1)[:, :-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, bins, axis=1)
    known = (~np.isnan(windows)).sum(axis=2)
    with np.errstate(invalid="ignore"):
        ordered = np.sort(windows, axis=2)
    at = np.maximum(known - 1, 0)
    low = np.take_along_axis(ordered, (at // 2)[:, :, None], 2)[:, :, 0]
    high = np.take_along_axis(ordered, np.minimum(known // 2, bins - 1)[:, :, None], 2)[:, :, 0]
    found: Floats = np.where(known >= 12, (low + high) / 2, np.nan)
    return found


def alarms(values: Floats, fraction: float, bins: int) -> list[list[tuple[int, int]]]:
    """First and last bin of each alert of each series: of the stretches below the fraction of the trailing median."""
    usual = trailing_median(values, bins)
    with np.errstate(invalid="ignore"):
        under = values < fraction * usual
    found = []
    for row, present in zip(under, ~np.isnan(values), strict=True):
        seen = np.flatnonzero(present)
        flags = np.concatenate([[0], row[seen].astype(np.int8), [0]])
        edges = np.flatnonzero(np.diff(flags)).reshape(-1, 2)
        found.append([(int(seen[a]), int(seen[b - 1])) for a, b in edges])
    return found
