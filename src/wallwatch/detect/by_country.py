"""Events told country by country, so that memory has to hold one country; the same as `events` tells of all together.

The way: what faulty software says (`FAULTY`, from all verdicts), what each country says of the services that others
measure, too (`said`), the failures that all have in common (`together`), and each country's restrictions
(`restrictions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.detect import events, rows
from wallwatch.detect.common_mode import ServiceOutage, service_outages
from wallwatch.detect.events import everywhere, in_order, of_countries

#: Verdicts of whole countries that are looked at together: what is not more is looked at in one piece.
ROWS_AT_ONCE = 1_000_000

#: The columns of `verdicts` that detection reads.
COLUMNS = (
    *"measurement_id layer host country network network_name service target session probe_id".split(),
    *"resolver_network software time received state evidence mechanisms flags".split(),
)

#: Statements that read `verdicts`, and the query of what is faulty, for any engine.
FAULTY = (rows.FAULTY_STEPS, "SELECT target, software FROM detect_faulty")

#: What a country says to all: the rows of `detect_rows` that speak of services as wholes.
SAID = pa.schema(
    [
        ("measurement_id", pa.string()),
        ("layer", pa.string()),
        ("country", pa.string()),
        ("network", pa.int64()),
        ("service", pa.string()),
        ("target", pa.string()),
        ("session", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("hour_index", pa.int64()),
        ("rank", pa.int32()),
    ]
)
_SAID = ", ".join(SAID.names)


def events_and_doubts(
    con: duckdb.DuckDBPyConnection, rows_at_once: int = ROWS_AT_ONCE
) -> tuple[pa.Table, pa.Table]:
    """The events, and what looks like one and may be forged: schemas `EVENTS` and `DOUBTS`, in the order of their keys.

    Where there are many verdicts, those of some countries are looked at after those of others, so that memory has to hold
    the largest country, and not all.

    Args:
        con: Shows `verdicts`; gains temporary views and tables named `detect_…`.
        rows_at_once: About how many verdicts are looked at together.

    Raises:
        duckdb.Error: `verdicts` is missing, or lacks a column.
    """
    shares = _shares(con, rows_at_once)
    if len(shares) < 2:
        return events.events_and_doubts(con)
    faulty = rows.find_faulty(con, shares)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_said AS FROM detect_rows LIMIT 0")
    for countries in shares:
        rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
        con.execute(f"INSERT INTO detect_said ({_SAID}) SELECT {_SAID} FROM detect_rows WHERE layer = 'all'")
    con.execute("DROP TABLE detect_rows")
    con.execute("ALTER TABLE detect_said RENAME TO detect_rows")
    outages, fine, found = together(con, faulty)
    doubts: list[dict[str, Any]] = []
    for countries in shares:
        more, doubted = restrictions(con, faulty, outages, fine, countries)
        found, doubts = found + more, doubts + doubted
    return in_order(found, doubts)


def _shares(con: duckdb.DuckDBPyConnection, rows_at_once: int) -> list[list[str]]:
    """The countries, those together whose verdicts are not more than so many."""
    found: list[list[str]] = []
    held = 0
    for country, count in con.sql(
        "SELECT country, count(*) FROM verdicts WHERE country IS NOT NULL GROUP BY country ORDER BY country"
    ).fetchall():
        if not found or held + count > rows_at_once:
            found.append([])
            held = 0
        found[-1].append(country)
        held += count
    return found


def said(con: duckdb.DuckDBPyConnection, faulty: pa.Table) -> pa.RecordBatchReader:
    """What the countries that a connection shows say to all, with the columns of `SAID`.

    Args:
        con: Shows `verdicts`, with `COLUMNS`, of whole countries.
        faulty: Targets and software, as `FAULTY` gives them.
    """
    rows.prepare(con, trusted=True, faulty=faulty)
    fields = ", ".join(f"CAST({name} AS INTEGER) AS rank" if name == "rank" else name for name in SAID.names)
    return con.sql(f"SELECT {fields} FROM detect_rows WHERE layer = 'all'").to_arrow_reader()


def together(
    con: duckdb.DuckDBPyConnection, faulty: pa.Table
) -> tuple[list[ServiceOutage], pa.Table, list[dict[str, Any]]]:
    """What is told from all countries together.

    Args:
        con: Shows `verdicts`, and as `detect_rows` what all countries said.
        faulty: Targets and software, as `FAULTY` gives them.

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
    faulty: pa.Table,
    outages: list[ServiceOutage],
    fine: pa.Table,
    countries: Sequence[str] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The restrictions in the countries that a connection shows, and what may be forged, as rows of events and of doubts.

    Args:
        con: Shows `verdicts`, with `COLUMNS`, of whole countries.
        faulty: Targets and software, as `FAULTY` gives them.
        outages: As `together` gives them.
        fine: As `together` gives it.
        countries: Only these.
    """
    rows.prepare(con, trusted=True, faulty=faulty, countries=countries)
    con.register("detect_fine_given", fine)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_fine AS SELECT * FROM detect_fine_given")
    con.unregister("detect_fine_given")
    return of_countries(con, outages)
