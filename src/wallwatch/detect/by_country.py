"""Events told country by country, so that memory has to hold one country; the same as `events` tells of all together.

The way: what faulty software says (from all verdicts), what each country says of the services that others measure, too
(`said`), the failures that all have in common (`together`), and each country's restrictions (`restrictions`). Of these all
but the third are asked of some countries at a time, by whatever hands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from wallwatch._shares import in_shares
from wallwatch.detect import events, rows
from wallwatch.detect.common_mode import ServiceOutage, service_outages
from wallwatch.detect.events import everywhere, in_order, of_countries

_Result = TypeVar("_Result")

#: Verdicts of whole countries that are looked at together: what is not more is looked at in one piece.
ROWS_AT_ONCE = 1_000_000

#: What a country says to all: columns of the rows of `detect_rows` that speak of services as wholes.
_SAID = "measurement_id, layer, country, network, service, target, session, time, hour_index, rank"


class Hands(Protocol):
    """Who looks at shares of the countries: a connection, or processes elsewhere."""

    def each(
        self,
        work: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], _Result],
        shares: Sequence[Sequence[str]],
    ) -> Iterable[_Result]:
        """What some work gives for each share, in their order; it gets a connection that shows `verdicts`."""

    def queries(
        self,
        prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], str],
        shares: Sequence[Sequence[str]],
    ) -> Iterator[str]:
        """Queries of what is prepared for each share, each of which holds until the next is asked for."""


class _Here:
    """`Hands` of the connection itself: one share after the other."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def each(
        self,
        work: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], _Result],
        shares: Sequence[Sequence[str]],
    ) -> Iterable[_Result]:
        return (work(self._con, countries) for countries in shares)

    def queries(
        self,
        prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], str],
        shares: Sequence[Sequence[str]],
    ) -> Iterator[str]:
        return (prepare(self._con, countries) for countries in shares)


def events_and_doubts(
    con: duckdb.DuckDBPyConnection, rows_at_once: int = ROWS_AT_ONCE, hands: Hands | None = None
) -> tuple[pa.Table, pa.Table]:
    """The events, and what looks like one and may be forged: schemas `EVENTS` and `DOUBTS`, in the order of their keys.

    Where there are many verdicts, those of some countries are looked at after those of others, so that memory has to hold
    the largest country, and not all.

    Args:
        con: Shows `verdicts`; gains temporary views and tables named `detect_…`.
        rows_at_once: About how many verdicts are looked at together.
        hands: Who looks at them; this connection where not given.

    Raises:
        duckdb.Error: `verdicts` is missing, or lacks a column.
    """
    hands = hands or _Here(con)
    shares = _shares(con, rows_at_once)
    if len(shares) < 2:
        ((found, doubts),) = hands.each(_all_together, shares or [()])
        return found, doubts
    faulty = rows.find_faulty(con, hands.queries(rows.daily, shares))
    rows.gather(con, "detect_said", hands.queries(partial(said, faulty=faulty), shares))
    con.execute("DROP TABLE IF EXISTS detect_rows")
    con.execute("ALTER TABLE detect_said RENAME TO detect_rows")
    outages, fine, told = together(con, faulty)
    doubted: list[dict[str, Any]] = []
    work = partial(restrictions, faulty=faulty, outages=outages, fine=fine)
    for more, doubtful in hands.each(work, shares):
        told, doubted = told + more, doubted + doubtful
    return in_order(told, doubted)


def _all_together(con: duckdb.DuckDBPyConnection, _: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    return events.events_and_doubts(con)


def _shares(con: duckdb.DuckDBPyConnection, rows_at_once: int) -> list[list[str]]:
    """The countries, those together whose verdicts are not more than so many."""
    sizes = con.sql(
        "SELECT country, count(*) FROM verdicts WHERE country IS NOT NULL GROUP BY country ORDER BY country"
    ).fetchall()
    return in_shares(sizes, rows_at_once)


def said(con: duckdb.DuckDBPyConnection, countries: Sequence[str] | None = None, *, faulty: pa.Table) -> str:
    """Prepares what some countries, or all that a connection shows, say to all; the query of it.

    Args:
        con: Shows `verdicts`.
        countries: Only these.
        faulty: Targets and software, as `rows.find_faulty` gives them.
    """
    rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
    return f"SELECT {_SAID} FROM detect_rows WHERE layer = 'all'"


def together(
    con: duckdb.DuckDBPyConnection, faulty: pa.Table
) -> tuple[list[ServiceOutage], pa.Table, list[dict[str, Any]]]:
    """What is told from all countries together.

    Args:
        con: Shows `verdicts`, and as `detect_rows` what all countries said.
        faulty: Targets and software, as `rows.find_faulty` gives them.

    Returns:
        The failures of services, the rows of `detect_fine`, and the rows of events that are of no single country.
    """
    rows.put_faulty(con, faulty)
    outages = service_outages(con)
    con.execute(rows.FINE)
    fine = con.sql("SELECT service, hour_index FROM detect_fine ORDER BY ALL").to_arrow_table()
    return outages, fine, everywhere(con, outages)


def restrictions(
    con: duckdb.DuckDBPyConnection,
    countries: Sequence[str] | None = None,
    *,
    faulty: pa.Table,
    outages: list[ServiceOutage],
    fine: pa.Table,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The restrictions in the countries that a connection shows, and what may be forged, as rows of events and of doubts.

    Args:
        con: Shows `verdicts`.
        countries: Only these.
        faulty: Targets and software, as `rows.find_faulty` gives them.
        outages: As `together` gives them.
        fine: As `together` gives it.
    """
    rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
    con.register("detect_fine_given", fine)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_fine AS SELECT * FROM detect_fine_given")
    con.unregister("detect_fine_given")
    return of_countries(con, outages)
