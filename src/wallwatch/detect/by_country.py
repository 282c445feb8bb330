"""Events told country by country, for engines that hold one at a time; the same as `events` tells of all together.

The way: what faulty software says (`FAULTY`, from all verdicts), what each country says of the services that others
measure, too (`said`), the failures that all have in common (`together`), and each country's restrictions
(`restrictions`).
"""

from __future__ import annotations

from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.detect import rows
from wallwatch.detect.common_mode import ServiceOutage, service_outages
from wallwatch.detect.events import everywhere, of_countries

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
    con: duckdb.DuckDBPyConnection, faulty: pa.Table, outages: list[ServiceOutage], fine: pa.Table
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The restrictions in the countries that a connection shows, and what may be forged, as rows of events and of doubts.

    Args:
        con: Shows `verdicts`, with `COLUMNS`, of whole countries.
        faulty: Targets and software, as `FAULTY` gives them.
        outages: As `together` gives them.
        fine: As `together` gives it.
    """
    rows.prepare(con, trusted=True, faulty=faulty)
    con.register("detect_fine_given", fine)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_fine AS SELECT * FROM detect_fine_given")
    con.unregister("detect_fine_given")
    return of_countries(con, outages)
