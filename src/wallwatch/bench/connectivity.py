"""How fast outages are looked for in series of connectivity, and that the cost is linear in series and in hours.

The whole of `detect.outages` is measured, the query that reads the signals included.
"""

from __future__ import annotations

import time

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch.bench.measure import peak_bytes
from wallwatch.detect import outages
from wallwatch.schema import SIGNALS

_START = 1_893_974_400  # a Monday, midnight UTC
_REGIONS = 20
#: One in so many series loses some of its level for three hours to three days.
_LOSSES = 10


def make(series: int, days: int, losses: int = _LOSSES, seed: int = 1) -> pa.Table:
    """Hourly values of so many regions, twenty a country, as rows of `SIGNALS`: a daily rhythm, and noise.

    Args:
        series: How many.
        days: How long.
        losses: One in so many has a loss.
        seed: Of all chance.
    """
    rng = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    ordinary = 97 * (1 - 0.08 * (0.5 + 0.5 * np.cos((hours - 3) / 12 * np.pi)))
    values = ordinary + rng.standard_t(4, (series, len(hours))) * 2
    for row in range(0, series, losses):
        begins = int(rng.integers(len(hours) // 3, len(hours) - 6))
        values[row, begins : begins + int(rng.integers(3, 72))] *= rng.choice([0.05, 0.4, 0.65])
    number = np.repeat(np.arange(series), len(hours))
    rows = len(number)

    def label(names: list[str], index: np.ndarray) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(names))

    nothing = np.zeros(rows, np.int64)
    return SIGNALS.from_columns(
        {
            "file_id": label(["0" * 16], nothing),
            "line": np.arange(rows) + 1,
            "signal": label(["probing"], nothing),
            "country": label([f"C{n}" for n in range(series // _REGIONS + 1)], number // _REGIONS),
            "region": label([f"Region {n}" for n in range(_REGIONS)], number % _REGIONS),
            "time": pa.array(np.tile(_START + hours * 3600, series) * 1_000_000).cast(
                pa.timestamp("us", tz="UTC")
            ),
            "step_seconds": np.full(rows, 3600),
            "value": np.clip(values, 0, 100).ravel(),
            "unit": label(["index_100"], nothing),
        },
        rows,
    )


def measure(series: int, days: int, losses: int = _LOSSES) -> dict[str, float]:
    """Wall and processor seconds of looking for outages in so many series, and how many there were."""
    table = make(series, days, losses)
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("signals", table)
        start, used = time.perf_counter(), time.process_time()
        found = outages(con)
        wall, cpu = time.perf_counter() - start, time.process_time() - used
    finally:
        con.close()
    return {
        "series": series,
        "hours": days * 24,
        "one_loss_in": losses,
        "outages": found.num_rows,
        "seconds": wall,
        "cpu_seconds": cpu,
        "series_per_second": series / wall,
        "peak_mb": peak_bytes() / 1e6,
    }


def curve(series: int, days: int = 40) -> list[dict[str, float]]:
    """The cost of a quarter, a half and all of the series, and of a quarter and a half of the days.

    The last row has a loss in every series: none is passed over by the filter.
    """
    found = [measure(max(series // part, 1), days) for part in (4, 2, 1)]
    found += [measure(series, max(days // part, 1)) for part in (4, 2)]
    found.append(measure(max(series // 4, 1), days, 1))
    return found
