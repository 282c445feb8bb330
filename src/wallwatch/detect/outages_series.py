"""Signals as matrices: one row a place, one column a bin, whole days from midnight UTC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch._text import safe_text

#: A silence of this many days ends a series: what comes after is looked at by itself.
LONGEST_GAP_DAYS = 45

#: Cells (places × bins) that are looked at together; more are split by country.
MOST_CELLS = 3_000_000

_DAY = 86_400

Key = tuple[str, str | None, str | None, int | None]


@dataclass(frozen=True, slots=True)
class Grid:
    """Series of one source that have the same bins.

    Attributes:
        signal: The source.
        unit: The unit of its values.
        step: Length of a bin in seconds.
        start: Epoch seconds of the first bin: midnight UTC.
        keys: Country, region, place and network of each series.
        values: Series × bins; NaN where there is no value.
        last: Index of the last bin in which any series has a value.
    """

    signal: str
    unit: str
    step: int
    start: int
    keys: tuple[Key, ...]
    values: np.ndarray
    last: int

    @property
    def a_day(self) -> int:
        """Bins in a day; one where a bin is a day or longer."""
        return max(_DAY // self.step, 1)

    @property
    def hours(self) -> float:
        """Length of a bin in hours."""
        return self.step / 3600

    def seconds(self, bin_: int) -> int:
        """Epoch seconds at which a bin begins."""
        return self.start + bin_ * self.step


def grids(
    con: duckdb.DuckDBPyConnection, where: str = "true", values: list[object] | None = None
) -> Iterator[Grid]:
    """The signals about countries, as matrices.

    Args:
        con: A connection with the view `signals`.
        where: An SQL condition on its columns, with `?` for `values`.
        values: What the `?` stand for.
    """
    sources = con.execute(
        f"""
        SELECT signal, unit, step_seconds, country, count(*)
        FROM signals WHERE country IS NOT NULL AND step_seconds > 0 AND {where}
        GROUP BY ALL ORDER BY ALL
        """,
        values or [],
    ).fetchall()
    waiting: list[str] = []
    cells = 0
    for i, (signal, unit, step, country, rows) in enumerate(sources):
        waiting.append(country)
        cells += rows
        following = sources[i + 1][:3] if i + 1 < len(sources) else None
        if following != (signal, unit, step) or cells > MOST_CELLS:
            yield from _load(con, where, values or [], signal, unit, step, waiting)
            waiting, cells = [], 0


def _load(
    con: duckdb.DuckDBPyConnection,
    where: str,
    values: list[object],
    signal: str,
    unit: str,
    step: int,
    countries: list[str],
) -> Iterator[Grid]:
    chosen = f"country IN (SELECT unnest(?)) AND signal = ? AND unit = ? AND step_seconds = ? AND isfinite(value) AND {where}"
    parameters = [countries, signal, unit, step, *values]
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE outage_keys AS
        SELECT *, row_number() OVER (ORDER BY country, region, place, network) - 1 AS series
        FROM (SELECT DISTINCT country, region, place, network FROM signals WHERE {chosen})
        """,
        parameters,
    )
    try:
        names = con.execute(
            "SELECT country, region, place, network FROM outage_keys ORDER BY series"
        ).fetchall()
        columns: pa.Table = con.sql(
            f"""
            SELECT series, CAST(floor(epoch(time)) AS BIGINT) AS second, value
            FROM (SELECT * FROM signals WHERE {chosen}) AS s JOIN outage_keys AS k
              ON s.country = k.country AND s.region IS NOT DISTINCT FROM k.region
             AND s.place IS NOT DISTINCT FROM k.place AND s.network IS NOT DISTINCT FROM k.network
            """,
            params=parameters,
        ).to_arrow_table()
    finally:
        con.execute("DROP TABLE IF EXISTS temp.outage_keys")
    if not names:
        return
    keys = [(country, _name(region), _name(place), network) for country, region, place, network in names]
    second = columns.column("second").to_numpy()
    series = columns.column("series").to_numpy()
    value = columns.column("value").to_numpy()
    stretches = _stretches(second)
    bins = sum(int(end - begin) // step for begin, end in stretches)
    if len(countries) > 1 and len(names) * bins > 3 * MOST_CELLS:  # few values over a long time
        for half in (countries[: len(countries) // 2], countries[len(countries) // 2 :]):
            yield from _load(con, where, values, signal, unit, step, half)
        return
    a_day = max(_DAY // step, 1)
    for begin, end in stretches:
        inside = (second >= begin) & (second < end) if len(stretches) > 1 else np.ones(len(second), bool)
        present = np.bincount(series[inside], minlength=len(keys)) > 0
        row = (np.cumsum(present) - 1)[series[inside]]
        at = (second[inside] - begin) // step
        days = int(at.max()) // a_day + 1
        size = int(present.sum()) * days * a_day
        matrix = _means(row * (days * a_day) + at, value[inside], size).reshape(-1, days * a_day)
        used = tuple(keys[i] for i in np.flatnonzero(present))
        yield Grid(signal, unit, int(step), begin, used, matrix, int(at.max()))


def _stretches(second: np.ndarray) -> list[tuple[int, int]]:
    """Midnights before and after each stretch of days that no gap of `LONGEST_GAP_DAYS` parts."""
    day = second // _DAY
    first = int(day.min())
    days = np.flatnonzero(np.bincount(day - first)) + first
    cuts = np.flatnonzero(np.diff(days) > LONGEST_GAP_DAYS)
    begins, ends = days[np.r_[0, cuts + 1]], days[np.r_[cuts, len(days) - 1]]
    return [(int(begin) * _DAY, (int(end) + 1) * _DAY) for begin, end in zip(begins, ends, strict=True)]


def _means(cell: np.ndarray, value: np.ndarray, size: int) -> np.ndarray:
    """The mean of the values in each cell, whatever their order; NaN where there are none."""
    count = np.bincount(cell, minlength=size)
    if count.max(initial=0) <= 1:
        found = np.full(size, np.nan)
        found[cell] = value
        return found
    order = np.lexsort((value, cell))  # a sum depends on the order of what is added
    total = np.bincount(cell[order], weights=value[order], minlength=size)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _name(text: str | None) -> str | None:
    return None if text is None else safe_text(text)
