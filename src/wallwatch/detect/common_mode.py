"""Service outages: the same service failing in many countries at once is no national restriction (trap C10)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from wallwatch.detect.runs import Run, runs
from wallwatch.detect.smooth import smooth
from wallwatch.detect.votes import votes

#: Countries that must fail together.
COUNTRIES = 3

#: Hours by which their beginnings may differ.
TOGETHER = 3

#: Share of the countries measured at the time that must fail.
MOST = 0.5

#: Country of an event that is of no country: `ZZ` is ISO 3166's user-assigned code for "unknown or unspecified".
NOWHERE = "ZZ"


@dataclass(frozen=True, slots=True)
class ServiceOutage:
    """One failure of one service in many countries.

    Attributes:
        service: The service.
        first: First hour.
        last: Last hour.
        runs: One a country.
        measured: Countries measured at the time.
    """

    service: str
    first: int
    last: int
    runs: tuple[Run, ...]
    measured: int

    @property
    def countries(self) -> tuple[str, ...]:
        """The countries, sorted."""
        return tuple(sorted({run.key[0] for run in self.runs}))

    def explains(self, country: str, service: str, first: int, last: int) -> bool:
        """Whether failures of a service in a country, in these hours, are part of it."""
        return (
            service == self.service
            and country in self.countries
            and first >= self.first - TOGETHER
            and last <= self.last + TOGETHER
        )


def service_outages(con: duckdb.DuckDBPyConnection) -> list[ServiceOutage]:
    """The outages, by service and first hour.

    Args:
        con: Shows `verdicts`.
    """
    measured = dict(
        con.sql(
            "SELECT service, count(DISTINCT country) FROM detect_rows WHERE layer = 'all' AND rank <= 5 "
            f"GROUP BY service HAVING count(DISTINCT country) >= {COUNTRIES}"
        ).fetchall()
    )
    if not measured:
        return []
    failing = votes(con, "failing")
    by_service: dict[str, list[Run]] = {}
    for run in runs(failing, smooth(failing)):
        if run.key[1] in measured and run.against >= 0.5 * run.votes:
            by_service.setdefault(run.key[1], []).append(run)
    found: list[ServiceOutage] = []
    for service in sorted(by_service):
        found += _clusters(con, service, by_service[service])
    return found


def _clusters(con: duckdb.DuckDBPyConnection, service: str, found: Sequence[Run]) -> list[ServiceOutage]:
    waiting = sorted(found, key=lambda run: (run.first, run.key))
    outages: list[ServiceOutage] = []
    while waiting:
        seed = waiting[0]
        together = [run for run in waiting if run.first <= seed.first + TOGETHER]
        countries = {run.key[0] for run in together}
        if len(countries) < COUNTRIES:
            waiting.pop(0)
            continue
        # Where a restriction runs on after the others have ended, the outage is only the part in common.
        lasts = sorted(run.last for run in together)
        last = lasts[len(lasts) // 2]
        measured = con.execute(
            "SELECT count(DISTINCT country) FROM detect_rows WHERE layer = 'all' AND rank <= 5 AND service = ? "
            "AND hour_index BETWEEN ? AND ?",
            [service, seed.first, last],
        ).fetchall()[0][0]
        if len(countries) >= MOST * measured:
            outages.append(ServiceOutage(service, seed.first, last, tuple(together), int(measured)))
        waiting = [run for run in waiting if run not in together]
    return outages
