"""How fast blocking series are scanned, and that the cost is linear in series and in hours.

Votes are made straight from numbers: what is measured is the filter in both directions, its second pass on what other
networks say, and the search for stretches, as detection runs them. Reading and counting rows is in the whole run.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from wallwatch.bench.measure import peak_bytes
from wallwatch.detect.find import scan
from wallwatch.detect.votes import UNITS, Series

#: Measurements an hour: a fifth of the series each. The last fill every hour.
RATES = (1 / 24, 0.2, 1.0, 5.0, 200 / 24)
#: Series that are held at once.
_PIECE = 10_000
_NETWORKS = 5


def make(series: int, hours: int, seed: int = 1, rates: tuple[float, ...] = RATES) -> Iterator[Series]:
    """Votes of so many series of so many hours, five networks a service, in pieces.

    Every series has stray failures, one in thirty a restriction of a day to half of its time. Hours without votes are
    left out, and so are series with nothing against their target, as detection leaves them out.
    """
    for first in range(0, series, _PIECE):
        rng = np.random.default_rng([seed, first])
        numbers = np.arange(first, min(first + _PIECE, series))
        rate = np.array(rates)[numbers % len(rates)]
        n = rng.poisson(rate[:, None], (len(numbers), hours)).astype(np.int32)
        share = np.minimum(rng.beta(0.5, 25, len(numbers)), 0.15).astype(np.float32)
        shares = np.repeat(share[:, None], hours, axis=1)
        for row in np.flatnonzero(rng.random(len(numbers)) < 1 / 30):
            begins = int(rng.integers(0, hours))
            shares[row, begins : begins + int(rng.integers(24, max(hours // 2, 25)))] = rng.choice(
                [0.5, 0.75, 1]
            )
        k = rng.binomial(n, shares).astype(np.int32)
        n[~k.any(axis=1)] = 0
        measured = n > 0
        used = np.flatnonzero(measured.any(axis=1))
        keys = [
            ("XA", f"s{number // _NETWORKS:07d}", f"s{number // _NETWORKS:07d}", number % _NETWORKS, "all")
            for number in numbers[used].tolist()
        ]
        lengths = measured[used].sum(axis=1)
        yield Series(
            keys,
            np.concatenate([[0], np.cumsum(lengths)]),
            np.nonzero(measured)[1].astype(np.int32),
            n[measured] * np.int32(UNITS),
            k[measured] * np.int32(UNITS),
        )


def measure(series: int, hours: int, rates: tuple[float, ...] = RATES) -> dict[str, float]:
    """Wall and processor seconds of scanning so many series, and what was in them."""
    wall = cpu = 0.0
    votes = runs = 0
    for piece in make(series, hours, rates=rates):
        start, used = time.perf_counter(), time.process_time()
        found, _ = scan(piece)
        wall += time.perf_counter() - start
        cpu += time.process_time() - used
        votes += len(piece.hour)
        runs += len(found)
    return {
        "series": series,
        "hours": hours,
        "hours_with_votes": votes,
        "runs": runs,
        "seconds": wall,
        "cpu_seconds": cpu,
        "series_per_second": series / wall,
        "peak_mb": peak_bytes() / 1e6,
    }


def curve(series: int, hours: int = 720) -> list[dict[str, float]]:
    """The cost of a quarter, a half and all of the series, and of a quarter and a half of the hours.

    The last row has votes in every hour of every series: the most that a series can cost.
    """
    found = [measure(max(series // part, 1), hours) for part in (4, 2, 1)]
    found += [measure(series, max(hours // part, 1)) for part in (4, 2)]
    found.append(measure(max(series // 4, 1), hours, RATES[-1:]))
    return found
