"""Service outages: the same service failing in many countries at once is no national restriction (trap C10)."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from wallwatch.detect.runs import Run, runs
from wallwatch.detect.smooth import smooth
from wallwatch.detect.votes import UNITS, from_table

#: Countries that must fail together, and the share of those measured at the time.
COUNTRIES = 3
MOST = 0.5

#: A country fails where at least this share of its sessions does, and where outside that time fewer than `RARELY` do:
#: a country that blocks the service all the time is no witness.
MAINLY = 0.5
RARELY = 0.3

#: What fails, in terms of `detect_rows`. What could not be judged did not work either, but may say more of the helper
#: than of the service: in so many countries the failure must have been judged.
FAILS = "rank <> 5"
JUDGED = 2

#: Days around the failure that are "outside that time".
AROUND_DAYS = 7

#: Hours by which a failure that is part of it may stick out.
SLACK = 3

#: Country of an event that is of no country: `ZZ` is ISO 3166's user-assigned code for "unknown or unspecified".
NOWHERE = "ZZ"

# One series a service, in which each country is a source, so that none outvotes the others.
_FAILING = f"""
WITH hourly AS (
  SELECT service, country, hour_index, count(*) AS n, count(*) FILTER ({FAILS}) AS k
  FROM detect_rows WHERE layer = 'all' GROUP BY ALL
),
weighed AS (
  SELECT *, 1 / sqrt(row_number() OVER (PARTITION BY service, country, hour_index // 24, 2 * k >= n ORDER BY hour_index))
    AS weight
  FROM hourly
)
SELECT '' AS country, service, '' AS target, 0 AS network, 'all' AS layer, hour_index,
  CAST(sum(CAST(round({UNITS} * weight) AS BIGINT)) AS BIGINT) AS n,
  CAST(sum(CAST(round({UNITS} * weight * k / n) AS BIGINT)) AS BIGINT) AS k
FROM weighed
GROUP BY service, hour_index
QUALIFY max(sum(k)) OVER (PARTITION BY service) > 0
ORDER BY service, hour_index
"""


@dataclass(frozen=True, slots=True)
class ServiceOutage:
    """One failure of one service in many countries.

    Attributes:
        service: The service.
        run: When it failed, over all countries.
        countries: Where it failed, sorted.
        measured: Countries measured at the time in which it usually works.
    """

    service: str
    run: Run
    countries: tuple[str, ...]
    measured: int

    def explains(self, country: str, service: str, first: int, last: int) -> bool:
        """Whether failures of a service in a country, in these hours, are part of it."""
        return (
            service == self.service
            and country in self.countries
            and first >= self.run.first - SLACK
            and last <= self.run.last + SLACK
        )


def service_outages(con: duckdb.DuckDBPyConnection) -> list[ServiceOutage]:
    """The outages, by service and first hour.

    Args:
        con: Has the table `detect_rows` (`rows.prepare`).
    """
    several = con.sql("SELECT count(DISTINCT country) FROM detect_rows").fetchall()[0][0]
    if several < COUNTRIES:
        return []
    series = from_table(con.sql(_FAILING).to_arrow_table())
    found = []
    for run in runs(series, smooth(series)):
        states = con.execute(
            f"""
            SELECT country, count(DISTINCT session) FILTER (inside) AS n,
              count(DISTINCT session) FILTER (inside AND {FAILS}) AS k,
              count(DISTINCT session) FILTER (NOT inside) AS n_outside,
              count(DISTINCT session) FILTER (NOT inside AND {FAILS}) AS k_outside,
              count(*) FILTER (inside AND rank <= 4) AS judged
            FROM (
              SELECT country, session, rank, hour_index BETWEEN $first AND $last AS inside FROM detect_rows
              WHERE layer = 'all' AND service = $service
                AND hour_index BETWEEN $first - $around AND $last + $around
            ) GROUP BY country ORDER BY country
            """,
            {"service": run.key[1], "first": run.first, "last": run.last, "around": 24 * AROUND_DAYS},
        ).fetchall()
        usual = [row for row in states if row[1] and row[3] and row[4] < RARELY * row[3]]
        failing = [row for row in usual if row[2] >= MAINLY * row[1]]
        judged = sum(1 for row in failing if row[5])
        if judged >= JUDGED and len(failing) >= max(COUNTRIES, MOST * len(usual)):
            found.append(ServiceOutage(run.key[1], run, tuple(row[0] for row in failing), len(usual)))
    return found
