"""What was measured, counted once for all pages: temporary tables that the pages read.

"Now" is the newest time in the data, for the whole report and for each country; never the clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.detect.events import FINE_SESSIONS
from wallwatch.report.places import is_country

#: Fewer independent sessions than this in all say nothing about a network (trap C13).
FEW_SESSIONS: Final = FINE_SESSIONS

#: What counts as new: the last week of the data.
WEEK: Final = timedelta(days=7)

_TABLES: Final[Mapping[str, str]] = {
    # Measurements whose time is trusted; the others are counted on the page about the data.
    "report_measured": """
        SELECT country, network, count(*) AS measurements, count(DISTINCT session) AS sessions,
          count(DISTINCT target) AS targets, min(time) AS first, max(time) AS last
        FROM measurements
        WHERE time IS NOT NULL AND time_flag IS NULL AND ($country IS NULL OR country = $country)
        GROUP BY GROUPING SETS ((country), (country, network))
        HAVING country IS NOT NULL
    """,
    # By day, so that no page reads the measurements again.
    "report_days": """
        SELECT country, network, time_bucket(INTERVAL 1 DAY, time) AS day, count(*) AS n
        FROM measurements
        WHERE time IS NOT NULL AND time_flag IS NULL AND country IS NOT NULL
          AND ($country IS NULL OR country = $country)
        GROUP BY ALL
    """,
    "report_names": """
        SELECT country, network, arg_max(network_name, (n, network_name)) AS name
        FROM (
          SELECT country, network, network_name, count(*) AS n FROM measurements
          WHERE network IS NOT NULL AND network_name IS NOT NULL AND network_name <> ''
            AND ($country IS NULL OR country = $country)
          GROUP BY ALL
        )
        GROUP BY ALL
    """,
    "report_signals": """
        SELECT country, signal, count(*) AS rows, count(DISTINCT (region, place)) AS places,
          min(time) AS first, max(time + to_seconds(step_seconds)) AS last
        FROM signals WHERE value IS NOT NULL AND country IS NOT NULL
          AND ($country IS NULL OR country = $country)
        GROUP BY ALL
    """,
    "report_states": """
        SELECT country, network, service, target,
          sum(blocked) AS blocked, sum(likely_blocked) AS likely_blocked, sum(impaired) AS impaired,
          sum(down) AS down, sum(ok) AS ok, sum(insufficient) AS insufficient,
          min(hour) AS first, max(hour) AS last
        FROM cells WHERE layer = 'all' AND ($country IS NULL OR country = $country)
        GROUP BY ALL
    """,
    # Networks of which nothing can be said: hardly measured, or never with a result; unless an event was found there.
    "report_few": f"""
        SELECT country, network FROM report_measured
        WHERE network IS NOT NULL AND sessions < {FEW_SESSIONS} AND ($country IS NULL OR country = $country)
        UNION
        SELECT country, network FROM report_measured ANTI JOIN (
          SELECT country, network FROM report_states GROUP BY ALL
          HAVING sum(blocked + likely_blocked + impaired + down + ok) > 0
        ) USING (country, network)
        WHERE network IS NOT NULL
        EXCEPT
        SELECT country, unnest(networks) FROM events
    """,
}


@dataclass(frozen=True, slots=True)
class Country:
    """What there is about one country.

    Attributes:
        code: ISO 3166-1 alpha-2.
        measurements: How many.
        networks: Known networks that were measured.
        networks_few: Of these, measured too little to say anything.
        targets: How many were measured.
        sessions: Independent sessions.
        signal_rows: Values of signals.
        first: The oldest measurement or signal value.
        last: The newest.
    """

    code: str
    measurements: int
    networks: int
    networks_few: int
    targets: int
    sessions: int
    signal_rows: int
    first: datetime
    last: datetime


def rows(con: duckdb.DuckDBPyConnection, query: str, values: object = None) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    cursor = con.execute(query, values)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def counted(con: duckdb.DuckDBPyConnection, country: str | None) -> Iterator[None]:
    """The temporary tables that pages read; dropped when the block ends.

    Args:
        con: A connection with the views of a workspace.
        country: Only this country, or every one.
    """
    con.execute("SET TimeZone = 'UTC'")
    try:
        for name, query in _TABLES.items():
            con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}", {"country": country})
        yield
    finally:
        for name in _TABLES:
            con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def countries(con: duckdb.DuckDBPyConnection) -> dict[str, Country]:
    """Every country with data, by its code, sorted.

    Args:
        con: Inside `counted`.
    """
    found = rows(
        con,
        """
        WITH whole AS (SELECT * FROM report_measured WHERE network IS NULL),
        nets AS (
          SELECT country, count(*) AS networks, count(f.network) AS networks_few
          FROM report_measured m LEFT JOIN report_few f USING (country, network)
          WHERE m.network IS NOT NULL GROUP BY country
        ),
        signalled AS (
          SELECT country, sum(rows) AS rows, min(first) AS first, max(last) AS last
          FROM report_signals GROUP BY country
        ),
        measured AS (
          SELECT country, max(measurements) AS measurements, max(targets) AS targets,
            max(sessions) AS sessions, min(first) AS first, max(last) AS last
          FROM whole GROUP BY country
        )
        SELECT country AS code, coalesce(measurements, 0) AS measurements, coalesce(networks, 0) AS networks,
          coalesce(networks_few, 0) AS networks_few, coalesce(targets, 0) AS targets,
          coalesce(sessions, 0) AS sessions, coalesce(rows, 0)::BIGINT AS signal_rows,
          least(m.first, s.first) AS first, greatest(m.last, s.last) AS last
        FROM measured m FULL JOIN signalled s USING (country) LEFT JOIN nets USING (country)
        ORDER BY country
        """,
    )
    return {row["code"]: Country(**row) for row in found if is_country(row["code"])}


def network_names(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, int], str]:
    """(Country, network) to the name that most measurements give it.

    Args:
        con: Inside `counted`.
    """
    found = con.execute("SELECT country, network, name FROM report_names").fetchall()
    return {(country, network): name for country, network, name in found}


def measured_networks(con: duckdb.DuckDBPyConnection) -> set[tuple[str, int]]:
    """(Country, network) of every network that there is a page for.

    Args:
        con: Inside `counted`.
    """
    found = con.execute("SELECT country, network FROM report_measured WHERE network IS NOT NULL").fetchall()
    return {(country, network) for country, network in found if is_country(country)}
