"""Series of hourly votes: for each network, target and layer, how many independent sources saw what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: Votes are counted in whole parts of this many to one, so that sums do not depend on the order of the rows.
UNITS = 16

#: What counts against a target, by kind of event, in terms of `detect_rows`.
AGAINST = {"blocking": "rank <= 2", "throttling": "throttled = 1"}

#: A series with fewer measurements against its target is not looked at: it cannot carry or join an event.
LEAST = 2


def repeats(of: str, says: str = "2 * k >= n") -> str:
    """An SQL expression over hourly rows: what a source's vote is divided by.

    The r-th hour of a day in which a source says the same counts r ** -0.5: repeats tell less than new sources, and less
    than the same source changing its mind.

    Args:
        of: The columns that tell series apart.
        says: Whether it speaks against the target.
    """
    return (
        f"sqrt(row_number() OVER (PARTITION BY {of}, source, hour_index // 24, {says} ORDER BY hour_index))"
    )


def weight(of: str, says: str = "2 * k >= n") -> str:
    """An SQL expression over hourly rows: what a source's vote counts.

    A probe's credential is heard again, each time less (`repeats`). A session without one is heard once for all that it
    says against the target, and once for what it says in its favour: nothing tells how many hours of it one forger made
    up, and honest sessions look at a target once (trap C2).

    Args:
        of: The columns that tell series apart.
        says: Whether it speaks against the target.
    """
    first = f"row_number() OVER (PARTITION BY {of}, source, {says} ORDER BY hour_index) = 1"
    return f"CASE WHEN known THEN 1 / {repeats(of, says)} WHEN {first} THEN 1.0 ELSE 0.0 END"


def in_units(votes: str) -> str:
    """An SQL aggregate: the sum of votes, in whole parts of which `UNITS` are one."""
    return f"CAST(sum(CAST(round({UNITS} * {votes}) AS BIGINT)) AS BIGINT)"


_VOTES = f"""
WITH accused AS (
  SELECT country, service, target, network, layer FROM detect_rows
  WHERE layer <> 'service' AND (AGAINST) AND (WHERE_CLAUSE)
  GROUP BY ALL HAVING count(*) >= {LEAST}
),
spoke AS (
  SELECT r.country, r.service, r.target, r.network, r.layer, r.source, r.hour_index, r.session,
    r.probe_id IS NOT NULL AS known, count(*) AS n, count(*) FILTER (AGAINST) AS k
  FROM detect_rows r SEMI JOIN accused USING (country, service, target, network, layer)
  WHERE rank IN (1, 2, 5) OR (AGAINST)
  GROUP BY ALL
),
hourly AS (
  SELECT country, service, target, network, layer, source, known, hour_index,
    max(CASE WHEN s.session IS NULL THEN 1.0 ELSE 0.25 END) AS standing,
    sum(k) AS k, sum(n) AS n
  FROM spoke LEFT JOIN detect_sick s USING (country, session)
  GROUP BY ALL
),
weighed AS (
  SELECT *, standing * {weight("country, service, target, network, layer")} AS weight
  FROM hourly
),
summed AS (
  SELECT country, service, target, network, layer, hour_index,
    {in_units("weight")} AS n, {in_units("weight * k / n")} AS k
  FROM weighed GROUP BY ALL HAVING sum(CAST(round({UNITS} * weight) AS BIGINT)) > 0
)
SELECT country, service, target, network, layer, hour_index, n, k
FROM summed
QUALIFY max(k) OVER (PARTITION BY country, service, target, network, layer) > 0
ORDER BY country, service, target, network, layer, hour_index
"""


@dataclass(frozen=True, slots=True)
class Series:
    """Hourly votes of many series, one after the other, each in the order of its hours.

    Attributes:
        keys: For each series: country, service, target, network, layer.
        start: Index of each series' first hour in the arrays, and one more for the end; [series + 1].
        hour: Hours since 1970-01-01 00:00 UTC that have votes; [hours].
        n: Votes, in parts of 1 / `UNITS`; [hours].
        k: The part of them that is against the target; [hours].
    """

    keys: list[tuple[str, str, str, int, str]]
    start: npt.NDArray[np.int64]
    hour: npt.NDArray[np.int32]
    n: npt.NDArray[np.int32]
    k: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def series(self) -> npt.NDArray[np.int64]:
        """For each hour the index of its series."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))

    def only(self, chosen: npt.NDArray[np.int64]) -> tuple[Series, npt.NDArray[np.bool_]]:
        """Some of the series, by rising index, and which hours are theirs."""
        lengths = np.diff(self.start)
        inside = np.zeros(len(self), dtype=np.bool_)
        inside[chosen] = True
        inside = np.repeat(inside, lengths)
        part = Series(
            [self.keys[index] for index in chosen],
            np.concatenate([[0], np.cumsum(lengths[chosen])]),
            self.hour[inside],
            self.n[inside],
            self.k[inside],
        )
        return part, inside

    @classmethod
    def together(cls, parts: Sequence[Series]) -> Series:
        """All series of some parts, sorted by their keys."""
        named = sorted(
            (key, number, index) for number, part in enumerate(parts) for index, key in enumerate(part.keys)
        )
        where = [
            (parts[number], int(parts[number].start[index]), int(parts[number].start[index + 1]))
            for _, number, index in named
        ]
        lengths = [hi - lo for _, lo, hi in where]

        def joined(name: str) -> npt.NDArray[np.int32]:
            columns = [getattr(part, name)[lo:hi] for part, lo, hi in where]
            return np.concatenate([np.zeros(0, dtype=np.int32), *columns])

        return cls(
            [key for key, _, _ in named],
            np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
            joined("hour"),
            joined("n"),
            joined("k"),
        )

    def groups(self) -> Iterator[tuple[tuple[str, str], int, int]]:
        """Runs of series that share country and service: both, first series, and one after the last."""
        first = 0
        for index in range(1, len(self) + 1):
            if index == len(self) or self.keys[index][:2] != self.keys[first][:2]:
                yield self.keys[first][:2], first, index
                first = index


def from_table(table: pa.Table) -> Series:
    """The series of a table with the columns of the keys, `hour_index`, `n` and `k`, sorted by the first six."""
    hour, n, k = (table.column(name).to_numpy().astype(np.int32) for name in ("hour_index", "n", "k"))
    columns = [
        table.column(name).combine_chunks().to_numpy(zero_copy_only=False)
        for name in ("country", "service", "target", "network", "layer")
    ]
    changed = np.ones(len(hour), dtype=np.bool_)
    if len(hour):
        changed[1:] = False
        for column in columns:
            changed[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(changed)
    names = [
        (str(country), str(service), str(target), int(network), str(layer))
        for country, service, target, network, layer in zip(
            *(column[first] for column in columns), strict=True
        )
    ]
    return Series(names, np.append(first, len(hour)), hour, n, k)


def votes(
    con: duckdb.DuckDBPyConnection,
    kind: str = "blocking",
    country: str | None = None,
    service: str | None = None,
    piece: tuple[int, int] = (0, 1),
) -> Series:
    """The series in which at least `LEAST` measurements are against the target.

    `blocking` counts `blocked` and `likely_blocked` against `ok`; `down`, `impaired` and `insufficient` say nothing
    about blocking and are no votes. An hour without votes is not in the series: silence is no evidence (C7, C9).

    Args:
        con: Has the tables `detect_rows` and `detect_sick` (`rows.prepare`).
        kind: A key of `AGAINST`.
        country: Only this country.
        service: Only this service.
        piece: Number of a piece and how many there are; all networks and layers of a service are in one piece.

    Raises:
        KeyError: An unknown kind.
    """
    where, parameters = "true", {}
    if piece[1] > 1:
        where = f"hash(country, service) % {int(piece[1])} = {int(piece[0])}"
    if country is not None and service is not None:
        where, parameters = (
            "country = $country AND service = $service",
            {"country": country, "service": service},
        )
    query = _VOTES.replace("WHERE_CLAUSE", where).replace("AGAINST", AGAINST[kind])
    return from_table(con.sql(query, params=parameters).to_arrow_table())
