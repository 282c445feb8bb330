"""Service outages: the same service failing in many countries at once is no national restriction (trap C10).

In most of those that are measured; or in some, where it begins and ends in all of them together, as when a server that
serves them, or a path that they share, fails. Orders of several countries do not keep to each other's hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from wallwatch.detect.runs import Moment, Run, runs
from wallwatch.detect.smooth import smooth
from wallwatch.detect.votes import from_table, in_units, repeats

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

#: A country with fewer sessions that found it failing is no witness of that.
SESSIONS = 3

#: Beginnings, or ends, that are so many hours apart at most are one, where their intervals meet.
TOGETHER = 24

#: A country is no witness of what begins and ends elsewhere, too, where so large a share of what fails left an artefact.
ARTEFACTS = 0.1

#: Country of an event that is of no country: `ZZ` is ISO 3166's user-assigned code for "unknown or unspecified".
NOWHERE = "ZZ"


def _failing(source: str, country: str, which: str = "true") -> str:
    """A query of one series a service, or a service and country, in which no source outvotes the others.

    Args:
        source: The column that tells sources apart.
        country: The column of the series' country, or an empty string.
        which: Which rows of `detect_rows`.
    """
    return f"""
WITH hourly AS (
  SELECT service, {country} AS country, {source} AS source, hour_index, count(*) AS n, count(*) FILTER ({FAILS}) AS k
  FROM detect_rows WHERE layer = 'all' AND {which} GROUP BY ALL
),
weighed AS (
  SELECT *, 1 / {repeats("service, country")} AS weight
  FROM hourly
)
SELECT country, service, '' AS target, 0 AS network, 'all' AS layer, hour_index,
  {in_units("weight")} AS n, {in_units("weight * k / n")} AS k
FROM weighed
GROUP BY country, service, hour_index
QUALIFY max(sum(k)) OVER (PARTITION BY country, service) > 0
ORDER BY country, service, hour_index
"""


_FAILING = _failing("country", "''")
_BY_COUNTRY = _failing(
    "network",
    "country",
    f"""(service, country) IN (
    SELECT service, country FROM (
      SELECT service, country FROM detect_rows WHERE layer = 'all' AND rank BETWEEN 2 AND 4
      GROUP BY service, country HAVING count(DISTINCT session) >= {SESSIONS}
    ) QUALIFY count(*) OVER (PARTITION BY service) >= {COUNTRIES})""",
)

Row = tuple[Any, ...]


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
    found: list[ServiceOutage] = []
    series = from_table(con.sql(_FAILING).to_arrow_table())
    for run in runs(series, smooth(series)):
        usual, failing = _countries(con, run)
        judged = sum(1 for row in failing if row[5])
        if judged >= JUDGED and len(failing) >= max(COUNTRIES, MOST * len(usual)):
            found.append(ServiceOutage(run.key[1], run, tuple(row[0] for row in failing), len(usual)))
    series = from_table(con.sql(_BY_COUNTRY).to_arrow_table())
    for run, countries in _together(runs(series, smooth(series))):
        usual, failing = _countries(con, run)
        plain = [row for row in failing if row[0] in countries and row[5] and row[6] <= ARTEFACTS * row[2]]
        known = any(
            outage.explains(row[0], run.key[1], run.first, run.last) for row in plain for outage in found
        )
        if len(plain) >= COUNTRIES and not known:
            found.append(ServiceOutage(run.key[1], run, tuple(row[0] for row in plain), len(usual)))
    return sorted(found, key=lambda outage: (outage.service, outage.run.first, outage.countries))


def _countries(con: duckdb.DuckDBPyConnection, run: Run) -> tuple[list[Row], list[Row]]:
    """The countries measured during a run in which its service usually works, and those of them in which it failed.

    Each with sessions inside and those that failed, outside and those that failed, and how many inside were judged, and
    left an artefact.
    """
    states: list[Row] = con.execute(
        f"""
        SELECT country, count(DISTINCT session) FILTER (inside) AS n,
          count(DISTINCT session) FILTER (inside AND {FAILS}) AS k,
          count(DISTINCT session) FILTER (NOT inside) AS n_outside,
          count(DISTINCT session) FILTER (NOT inside AND {FAILS}) AS k_outside,
          count(*) FILTER (inside AND rank <= 4) AS judged,
          count(DISTINCT session) FILTER (inside AND rank = 1) AS artefacts
        FROM (
          SELECT country, session, rank, hour_index BETWEEN $first AND $last AS inside FROM detect_rows
          WHERE layer = 'all' AND service = $service
            AND hour_index BETWEEN $first - $around AND $last + $around
        ) GROUP BY country ORDER BY country
        """,
        {"service": run.key[1], "first": run.first, "last": run.last, "around": 24 * AROUND_DAYS},
    ).fetchall()
    usual = [row for row in states if row[1] and row[3] and row[4] < RARELY * row[3]]
    return usual, [row for row in usual if row[2] >= MAINLY * row[1]]


def _together(found: Sequence[Run]) -> Iterator[tuple[Run, set[str]]]:
    """Runs of one service in several countries that begin together and end together, as one, and these countries."""
    left = sorted(found, key=lambda run: (run.key[1], run.first, run.last, run.key[0]))
    while left:
        seed = left.pop(0)
        group = [seed]
        group += [
            run
            for run in left
            if run.key[1] == seed.key[1] and _meet(run.onset, seed.onset) and _meet(run.end, seed.end)
        ]
        countries = {run.key[0] for run in group}
        if len(countries) >= COUNTRIES:
            left = [run for run in left if run not in group]
            yield (
                replace(
                    max(group, key=lambda run: run.probability),
                    first=min(run.first for run in group),
                    last=max(run.last for run in group),
                    alarm=min(run.alarm for run in group),
                ),
                countries,
            )


def _meet(one: Moment, other: Moment) -> bool:
    """Whether two moments that are known may be one."""
    known = [(at.earliest, at.best, at.latest) for at in (one, other)]
    (a, b, c), (d, e, f) = known
    if a is None or b is None or c is None or d is None or e is None or f is None:
        return False
    return a <= f and d <= c and abs(b - e) <= TOGETHER
