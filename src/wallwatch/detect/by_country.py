"""Events told country by country, so that memory has to hold one country; the same as `events` tells of all together.

The way: what faulty software says (from all verdicts), what each country says of the services that others measure, too
(`said`), the failures that all have in common (`together`), and each country's restrictions (`restrictions`). Of these all
but the third are asked of some countries at a time, by whatever hands; of a country that is too large by itself some
days, and some services, at a time (`large`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from wallwatch._shares import in_shares
from wallwatch.detect import events, large, rows
from wallwatch.detect.common_mode import COUNTRIES, ServiceOutage, service_outages
from wallwatch.detect.events import everywhere, in_order, of_countries

_Result = TypeVar("_Result")

#: Verdicts of whole countries that are looked at together: what is not more is looked at in one piece.
ROWS_AT_ONCE = 1_000_000

#: What a country says to all: the rows of `detect_rows` that speak of services as wholes.
_SAID = (
    "SELECT measurement_id, layer, country, network, service, target, session, time, hour_index, rank "
    "FROM detect_rows WHERE layer = 'all'"
)

#: Where there are too few countries for failures that they have in common: when which services were found working.
_FINE_SAID = "SELECT DISTINCT country, service, hour_index, layer, rank FROM detect_rows WHERE layer = 'all' AND rank = 5"


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
        prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], Iterator[str]],
        shares: Sequence[Sequence[str]],
    ) -> Iterator[str]:
        """Queries of what is prepared for each share, any number, each of which holds until the next is asked for."""


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
        prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], Iterator[str]],
        shares: Sequence[Sequence[str]],
    ) -> Iterator[str]:
        return (query for countries in shares for query in prepare(self._con, countries))


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
    sizes: list[tuple[str, int]] = con.sql(
        "SELECT country, count(*) FROM verdicts WHERE country IS NOT NULL GROUP BY country ORDER BY country"
    ).fetchall()
    shares = in_shares(sizes, rows_at_once)
    if sum(size for _, size in sizes) <= rows_at_once:
        ((found, doubts),) = hands.each(_all_together, shares or [()])
        return found, doubts
    cut = {country: rows_at_once for country, size in sizes if size > rows_at_once}
    faulty = rows.find_faulty(con, hands.queries(partial(daily, cut=cut), shares))
    query = _FINE_SAID if len(sizes) < COUNTRIES else _SAID
    rows.gather(con, "detect_said", hands.queries(partial(said, query=query, faulty=faulty, cut=cut), shares))
    con.execute("DROP TABLE IF EXISTS detect_rows")
    con.execute("ALTER TABLE detect_said RENAME TO detect_rows")
    outages, fine, told = together(con, faulty)
    doubted: list[dict[str, Any]] = []
    work = partial(restrictions, faulty=faulty, outages=outages, fine=fine, cut=cut)
    for more, doubtful in hands.each(work, shares):
        told, doubted = told + more, doubted + doubtful
    return in_order(told, doubted)


def _all_together(con: duckdb.DuckDBPyConnection, _: Sequence[str]) -> tuple[pa.Table, pa.Table]:
    return events.events_and_doubts(con)


def daily(
    con: duckdb.DuckDBPyConnection, countries: Sequence[str], *, cut: Mapping[str, int]
) -> Iterator[str]:
    """Prepares what `detect_faulty` rests on in some countries; the queries of it.

    Args:
        con: Shows `verdicts`.
        countries: Only these.
        cut: Countries that are too large, each with about how many of its verdicts are looked at together.
    """
    if countries[0] in cut:
        yield from large.daily(con, countries[0], cut[countries[0]])
    else:
        yield rows.daily(con, countries)


def said(
    con: duckdb.DuckDBPyConnection,
    countries: Sequence[str],
    *,
    query: str,
    faulty: pa.Table,
    cut: Mapping[str, int],
) -> Iterator[str]:
    """Prepares what some countries say to all; the queries of it.

    Args:
        con: Shows `verdicts`.
        countries: Only these.
        query: What is asked.
        faulty: Targets and software, as `rows.find_faulty` gives them.
        cut: As in `daily`.
    """
    if countries[0] in cut:
        rows.put_faulty(con, faulty)
        for _ in large.trusted(con, countries[0], cut[countries[0]]):
            yield query
    else:
        rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
        yield query


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
    fine = con.sql(f"{rows.FINE} ORDER BY ALL").to_arrow_table()
    return outages, fine, everywhere(con, outages)


def restrictions(
    con: duckdb.DuckDBPyConnection,
    countries: Sequence[str],
    *,
    faulty: pa.Table,
    outages: list[ServiceOutage],
    fine: pa.Table,
    cut: Mapping[str, int],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The restrictions in some countries, and what may be forged, as rows of events and of doubts.

    Args:
        con: Shows `verdicts`.
        countries: Only these.
        faulty: Targets and software, as `rows.find_faulty` gives them.
        outages: As `together` gives them.
        fine: As `together` gives it.
        cut: As in `daily`.
    """
    told: list[dict[str, Any]] = []
    doubted: list[dict[str, Any]] = []
    for _ in _prepared(con, countries, faulty, cut):
        con.register("detect_fine_given", fine)
        con.execute("CREATE OR REPLACE TEMP TABLE detect_fine AS SELECT * FROM detect_fine_given")
        con.unregister("detect_fine_given")
        more, doubtful = of_countries(con, outages)
        told, doubted = told + more, doubted + doubtful
    return told, doubted


def _prepared(
    con: duckdb.DuckDBPyConnection, countries: Sequence[str], faulty: pa.Table, cut: Mapping[str, int]
) -> Iterator[None]:
    """Makes the tables of `rows.prepare` of some countries: at once, or of some services at a time."""
    if countries[0] in cut:
        rows.put_faulty(con, faulty)
        yield from large.by_service(con, countries[0], cut[countries[0]])
    else:
        rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
        yield
