"""What was measured, counted once for all pages: summaries that the pages read, and no page reads what they are of.

A run stores them beside the tables (`store`); what is not stored, or by other queries than these, is counted anew.

"Now" is the newest time in the data, for the whole report and for each country; never the clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from wallwatch.detect.events import FINE_SESSIONS
from wallwatch.engine import Workspace, views
from wallwatch.judge import judged_days
from wallwatch.report.places import is_country

#: Fewer independent sessions than this in all say nothing about a network (trap C13).
FEW_SESSIONS: Final = FINE_SESSIONS

#: What counts as new: the last week of the data.
WEEK: Final = timedelta(days=7)

#: The most rows of a table of the page about the data.
MOST_LISTED: Final = 200

#: What the summaries ask of measurements, read once: opening every file is what costs most where files are many and small.
#: Sessions and targets are told apart by numbers.
_EVERY: Final = """
SELECT country, network, network_name, nettest, time, time_flag, observations = 0 AS empty,
  helper_failure IS NOT NULL AS no_control, CASE WHEN session IS NOT NULL THEN hash(session) END AS session,
  CASE WHEN target IS NOT NULL THEN hash(target) END AS target
FROM measurements
"""

_TABLES: Final[Mapping[str, str]] = {
    # Measurements whose time is trusted; the others are counted on the page about the data.
    "report_measured": """
        SELECT country, network, count(*) AS measurements, count(DISTINCT session) AS sessions,
          count(DISTINCT target) AS targets, min(time) AS first, max(time) AS last
        FROM report_every
        WHERE time IS NOT NULL AND time_flag IS NULL AND ($country IS NULL OR country = $country)
        GROUP BY GROUPING SETS ((country), (country, network))
        HAVING country IS NOT NULL
    """,
    # By day, so that no page reads the measurements again.
    "report_days": """
        SELECT country, network, time_bucket(INTERVAL 1 DAY, time) AS day, count(*) AS n
        FROM report_every
        WHERE time IS NOT NULL AND time_flag IS NULL AND country IS NOT NULL
          AND ($country IS NULL OR country = $country)
        GROUP BY ALL
    """,
    "report_names": """
        SELECT country, network, arg_max(network_name, (n, network_name)) AS name
        FROM (
          SELECT country, network, network_name, count(*) AS n FROM report_every
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
    "report_versions": "SELECT DISTINCT rule_set, reference_set FROM verdicts ORDER BY ALL LIMIT 5",
    "report_totals": """
        SELECT count(DISTINCT file_id) AS files, (SELECT count(*) FROM report_every) AS measurements,
          (SELECT count(*) FROM signals) AS signals, (SELECT count(*) FROM quarantine) AS set_aside
        FROM files
    """,
    "report_files": f"""
        SELECT min(path) AS path, file_id, kind, max(size) AS size, max(measurements) AS measurements,
          max(signals) AS signals, max(set_aside) AS set_aside, count(*) AS names
        FROM files GROUP BY file_id, kind ORDER BY set_aside DESC, path, file_id LIMIT {MOST_LISTED}
    """,
    "report_kinds": """
        SELECT kind, count(DISTINCT file_id) AS files, sum(measurements)::BIGINT AS measurements,
          sum(signals)::BIGINT AS signals, sum(set_aside)::BIGINT AS set_aside
        FROM (SELECT DISTINCT file_id, kind, measurements, signals, set_aside FROM files)
        GROUP BY kind ORDER BY kind
    """,
    "report_reasons": f"""
        SELECT reason, count(*) AS n, count(DISTINCT file_id) AS files FROM quarantine
        GROUP BY reason ORDER BY n DESC, reason LIMIT {MOST_LISTED}
    """,
    "report_quarantine": f"""
        SELECT coalesce(n.path, q.file_id) AS path, q.line, q.byte_offset, q.reason, q.excerpt
        FROM quarantine q LEFT JOIN (SELECT file_id, min(path) AS path FROM files GROUP BY file_id) n
          USING (file_id)
        ORDER BY ALL LIMIT {MOST_LISTED}
    """,
    "report_nettests": f"""
        SELECT nettest, count(*) AS measurements, count(DISTINCT session) AS sessions,
          count(DISTINCT target) AS targets, count(DISTINCT country) AS countries,
          count(*) FILTER (empty) AS empty,
          count(*) FILTER (no_control) AS no_control,
          min(time) FILTER (time_flag IS NULL) AS first, max(time) FILTER (time_flag IS NULL) AS last
        FROM report_every GROUP BY nettest ORDER BY measurements DESC, nettest LIMIT {MOST_LISTED}
    """,
    "report_times": """
        SELECT CASE WHEN time IS NULL THEN 'missing' ELSE time_flag END AS flag, count(*) AS n
        FROM report_every WHERE time_flag IS NOT NULL OR time IS NULL GROUP BY flag ORDER BY n DESC, flag
    """,
    "report_flags": """
        SELECT flag, count(DISTINCT measurement_id) AS n
        FROM (SELECT measurement_id, unnest(flags) AS flag FROM verdicts WHERE layer = 'all')
        GROUP BY flag ORDER BY n DESC, flag
    """,
    # How each service came out in each country, week by week.
    "report_weeks": """
        SELECT service, country, time_bucket(INTERVAL 7 DAY, hour, TIMESTAMPTZ '1970-01-05') AS week,
          sum(votes) AS sessions, sum(votes_blocked) AS blocked,
          sum(blocked + likely_blocked + impaired + down + ok)::BIGINT AS measurements,
          sum(blocked + likely_blocked)::BIGINT AS measurements_blocked
        FROM cells WHERE layer = 'all' AND ($country IS NULL OR country = $country)
        GROUP BY ALL
    """,
    # The rules that fired in the measurements of an event on its networks.
    "report_rules": """
        SELECT country, event_id, rule, count(DISTINCT measurement_id) AS measurements
        FROM (
          SELECT w.country, w.event_id, v.measurement_id, unnest(v.rules) AS rule
          FROM verdicts v JOIN report_windows w
            ON v.country = w.country AND v.service = w.service AND list_contains(w.networks, v.network)
            AND list_contains(w.targets, v.target) AND v.time >= w.onset AND v.time <= w.finish
          WHERE len(v.flags) = 0
        )
        GROUP BY ALL
    """,
    # The hosts that were found blocked in them.
    "report_hosts": """
        SELECT w.country, w.event_id, v.host, v.layer, count(DISTINCT v.measurement_id) AS measurements
        FROM verdicts v JOIN report_windows w
          ON v.country = w.country AND v.service = w.service AND list_contains(w.networks, v.network)
          AND list_contains(w.targets, v.target) AND v.time >= w.onset AND v.time <= w.finish
        WHERE v.layer NOT IN ('all', 'part') AND v.host IS NOT NULL AND v.state IN ('blocked', 'likely_blocked')
          AND len(v.flags) = 0
        GROUP BY ALL
    """,
}

_WINDOWS = pa.schema(
    [
        ("event_id", pa.string()),
        ("country", pa.string()),
        ("service", pa.string()),
        ("targets", pa.list_(pa.string())),
        ("networks", pa.list_(pa.int64())),
        ("onset", pa.timestamp("us", tz="UTC")),
        ("finish", pa.timestamp("us", tz="UTC")),
    ]
)


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
    """The summaries as temporary tables that pages read; dropped when the block ends.

    Args:
        con: A connection with the views of a workspace.
        country: Only this country, or every one.
    """
    try:
        count(con, country, temporary=True)
        yield
    finally:
        for name in (*_TABLES, "report_windows"):
            con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def count(con: duckdb.DuckDBPyConnection, country: str | None = None, *, temporary: bool = False) -> None:
    """Makes the summaries as tables: copied from what is stored beside the workspace, or counted.

    Args:
        con: A connection with the views of a workspace.
        country: Only this country, or every one.
        temporary: Tables of this connection alone; otherwise of all cursors of its database.
    """
    con.execute("SET TimeZone = 'UTC'")
    there = _views(con)
    kind = "TEMP TABLE" if temporary else "TABLE"
    if any("report_every" in query and _stored(name) not in there for name, query in _TABLES.items()):
        con.execute(f"CREATE OR REPLACE TEMP TABLE report_every AS {_EVERY}")
    for name, query in _TABLES.items():
        if name == "report_rules" and _stored(name) not in there:
            _windows(con, kind, country)
        made = query
        if _stored(name) in there:
            narrowed = " WHERE $country IS NULL OR country = $country" if "$country" in query else ""
            made = f"SELECT * FROM {_stored(name)}{narrowed}"
        con.execute(
            f"CREATE OR REPLACE {kind} {name} AS {made}", {"country": country} if "$country" in made else None
        )
    con.execute("DROP TABLE IF EXISTS temp.report_every")


def store(workspace: Workspace, con: duckdb.DuckDBPyConnection) -> None:
    """Stores the summaries beside the tables of a workspace, for as long as these stay as they are."""
    with counted(con, None):
        queries = {_stored(name): f"SELECT * FROM {name} ORDER BY ALL" for name in _TABLES}
        judged = judged_days(workspace.layout.table("verdicts"))
        workspace.keep(con, queries, {name: one.digest for name, one in judged.items()})


def are_stored(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether the summaries of a workspace are stored, and none of its tables has changed since."""
    return {*map(_stored, _TABLES), views.KEPT_JUDGED} <= _views(con)


def _views(con: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in con.execute("SELECT view_name FROM duckdb_views()").fetchall()}


def _stored(name: str) -> str:
    """A name that another query would not have: what an older version stored is not read."""
    return f"{name}_{hashlib.sha256(''.join((_EVERY, *_TABLES.values())).encode()).hexdigest()[:8]}"


def window(row: Mapping[str, Any], country: Country) -> tuple[datetime, datetime]:
    """The span of an event, as far as the data of its country reach."""
    onset = row["onset_earliest"] or row["onset_best"] or country.first
    finish = row["end_latest"] or row["end_best"] or country.last
    onset = max(onset, country.first)
    return onset, max(min(finish, country.last), onset)


def _windows(con: duckdb.DuckDBPyConnection, kind: str, country: str | None) -> None:
    """Makes the table of the spans of events."""
    known = countries(con)
    found = rows(
        con,
        "SELECT event_id, country, service, targets, networks, onset_earliest, onset_best, end_latest, end_best "
        "FROM events WHERE $country IS NULL OR country = $country",
        {"country": country},
    )
    spans = [(row, window(row, known[row["country"]])) for row in found if row["country"] in known]
    given = [
        {**{name: row.get(name) for name in _WINDOWS.names}, "onset": onset, "finish": finish}
        for row, (onset, finish) in spans
    ]
    con.register("report_windows_given", pa.Table.from_pylist(given, schema=_WINDOWS))
    con.execute(f"CREATE OR REPLACE {kind} report_windows AS SELECT * FROM report_windows_given")
    con.unregister("report_windows_given")


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
