"""What the networks of events showed over time: one query for all events, small results for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import pyarrow as pa

from wallwatch.detect.episodes import ENOUGH
from wallwatch.report.charts import Bin
from wallwatch.report.facts import Country, rows
from wallwatch.report.findings import Finding

#: Lengths of stretches that a chart may have, in hours.
_WIDTHS: Final = (1, 3, 6, 24, 168, 672)
#: The most stretches beside each other that an eye, and a page, can take.
_MOST_BINS: Final = 90

_WINDOWS = pa.schema(
    [
        ("event_id", pa.string()),
        ("kind", pa.string()),
        ("country", pa.string()),
        ("service", pa.string()),
        ("targets", pa.list_(pa.string())),
        ("networks", pa.list_(pa.int64())),
        ("first", pa.timestamp("us", tz="UTC")),
        ("last", pa.timestamp("us", tz="UTC")),
        ("onset", pa.timestamp("us", tz="UTC")),
        ("finish", pa.timestamp("us", tz="UTC")),
    ]
)

#: What counts as finding it, by kind of event: measurements, in terms of `cells`.
_FOUND: Final = {
    "throttling": "c.impaired",
    "service_outage": "c.down",
}

# Whole measurements (layer `all`): a block that stops DNS leaves nothing to see at later layers (trap C9).
# A session that measured several of an event's targets counts for each.
_HOURS: Final = f"""
    WITH near AS (
      SELECT w.event_id, c.network, c.hour, c.votes, c.insufficient,
        c.blocked + c.likely_blocked + c.impaired + c.down + c.ok AS judged,
        CASE w.kind {" ".join(f"WHEN '{kind}' THEN {count}" for kind, count in _FOUND.items())}
          ELSE c.blocked + c.likely_blocked END AS found,
        CASE w.kind {" ".join(f"WHEN '{kind}' THEN NULL" for kind in _FOUND)} ELSE c.votes_blocked END AS votes_found,
        c.hour >= date_trunc('hour', w.onset) AND c.hour <= w.finish AS inside
      FROM cells c JOIN report_windows w
        ON c.country = w.country AND c.service = w.service AND list_contains(w.targets, c.target)
      WHERE c.layer = 'all' AND c.hour >= w.first AND c.hour <= w.last
    )
    SELECT event_id, network, hour, inside, sum(votes) AS sessions,
      sum(coalesce(votes_found, CASE WHEN judged > 0 THEN votes * found / judged ELSE 0 END)) AS blocked,
      sum(judged)::BIGINT AS measurements, sum(found)::BIGINT AS measurements_blocked,
      sum(insufficient)::BIGINT AS insufficient
    FROM near GROUP BY event_id, network, hour, inside ORDER BY event_id, network, hour
"""


@dataclass(frozen=True, slots=True)
class Timeline:
    """What a network showed around an event.

    Attributes:
        network: ASN.
        bins: Stretches with data, sorted.
        hours: (weekday, hour) to (sessions, the part that found it blocked), during the event.
        inside: Everything during the event, as one bin.
        insufficient: Measurements during the event with too little evidence.
    """

    network: int
    bins: Sequence[Bin]
    hours: dict[tuple[int, int], tuple[float, float]]
    inside: Bin
    insufficient: int


@dataclass(frozen=True, slots=True)
class Course:
    """What all networks showed around an event.

    Attributes:
        first: Where charts begin.
        last: Where they end.
        step: Length of a stretch.
        span: The event itself, as far as the data know it.
        networks: By network.
    """

    first: datetime
    last: datetime
    step: timedelta
    span: tuple[datetime, datetime]
    networks: dict[int, Timeline]


def window(finding: Finding, country: Country) -> tuple[datetime, datetime, datetime, datetime]:
    """Where its charts begin and end, and the span of the event between them."""
    row = finding.row
    onset = row["onset_earliest"] or row["onset_best"] or country.first
    finish = row["end_latest"] or row["end_best"] or country.last
    onset, finish = max(onset, country.first), max(min(finish, country.last), onset)
    margin = max(timedelta(days=3), (finish - onset) / 3)
    return max(country.first, onset - margin), min(country.last, finish + margin), onset, finish


@contextmanager
def prepared(
    con: duckdb.DuckDBPyConnection, findings: Sequence[Finding], known: dict[str, Country]
) -> Iterator[None]:
    """The temporary tables that `course` reads; dropped when the block ends."""
    windows = []
    for finding in findings:
        if finding.sort != "event" or finding.country not in known:
            continue
        first, last, onset, finish = window(finding, known[finding.country])
        row = finding.row
        windows.append(
            {
                **{
                    name: row[name]
                    for name in ("event_id", "kind", "country", "service", "targets", "networks")
                },
                "first": _floor(first, timedelta(hours=1)),
                "last": last,
                "onset": onset,
                "finish": finish,
            }
        )
    try:
        con.register("report_windows_given", pa.Table.from_pylist(windows, schema=_WINDOWS))
        con.execute("CREATE OR REPLACE TEMP TABLE report_windows AS SELECT * FROM report_windows_given")
        con.execute(f"CREATE OR REPLACE TEMP TABLE report_hours AS {_HOURS}")
        yield
    finally:
        con.unregister("report_windows_given")
        for name in ("report_windows", "report_hours"):
            con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def course(con: duckdb.DuckDBPyConnection, finding: Finding, country: Country) -> Course:
    """What the networks showed around an event.

    Args:
        con: Inside `prepared`.
        finding: An event.
        country: Its country.
    """
    first, last, onset, finish = window(finding, country)
    event_id = finding.row["event_id"]
    hours = _step(con, event_id, list(finding.row["networks"]), last - first)
    step = timedelta(hours=hours)
    origin = datetime(1970, 1, 5, tzinfo=first.tzinfo)  # a Monday: weeks begin on Mondays
    found = rows(
        con,
        """
        SELECT network, time_bucket(to_hours($step), hour, $origin) AS start,
          sum(sessions) AS sessions, sum(blocked) AS blocked, sum(measurements)::BIGINT AS measurements,
          sum(measurements_blocked)::BIGINT AS measurements_blocked
        FROM report_hours
        WHERE event_id = $event GROUP BY ALL ORDER BY network, start
        """,
        {"event": event_id, "step": hours, "origin": origin},
    )
    weekly = rows(
        con,
        """
        SELECT network, isodow(hour) - 1 AS weekday, hour(hour) AS of_day,
          sum(sessions) AS sessions, sum(blocked) AS blocked, sum(measurements)::BIGINT AS measurements,
          sum(measurements_blocked)::BIGINT AS measurements_blocked, sum(insufficient)::BIGINT AS insufficient
        FROM report_hours
        WHERE event_id = $event AND inside GROUP BY ALL ORDER BY network, weekday, of_day
        """,
        {"event": event_id},
    )
    networks = {}
    for network in sorted({row["network"] for row in found}):
        mine = [row for row in weekly if row["network"] == network]
        bins = [
            Bin(
                row["start"],
                row["sessions"],
                row["blocked"],
                row["measurements"],
                row["measurements_blocked"],
            )
            for row in found
            if row["network"] == network and row["sessions"]
        ]
        inside = Bin(
            onset,
            sum(row["sessions"] for row in mine),
            sum(row["blocked"] for row in mine),
            sum(row["measurements"] for row in mine),
            sum(row["measurements_blocked"] for row in mine),
        )
        networks[network] = Timeline(
            network=network,
            bins=bins,
            hours={(row["weekday"], row["of_day"]): (row["sessions"], row["blocked"]) for row in mine},
            inside=inside,
            insufficient=sum(row["insufficient"] for row in mine),
        )
    start = _floor(first, step)
    return Course(start, max(last, start + step), step, (onset, finish), networks)


def _floor(moment: datetime, step: timedelta) -> datetime:
    origin = datetime(1970, 1, 5, tzinfo=moment.tzinfo)
    return origin + (moment - origin) // step * step


def _step(con: duckdb.DuckDBPyConnection, event_id: str, networks: list[int], length: timedelta) -> int:
    """Hours of a stretch: few enough to draw, and long enough that most have something to say."""
    fitting = [hours for hours in _WIDTHS if length / timedelta(hours=hours) <= _MOST_BINS] or [_WIDTHS[-1]]
    if len(fitting) == 1:
        return fitting[0]
    found = con.execute(
        """
        WITH binned AS (
          SELECT w.hours, network, time_bucket(to_hours(w.hours), hour) AS start, sum(sessions) AS sessions
          FROM report_hours,
            (SELECT unnest($widths) AS hours) AS w
          WHERE event_id = $event AND list_contains($networks, network)
          GROUP BY ALL
        )
        SELECT hours FROM binned WHERE sessions > 0
        GROUP BY hours HAVING median(sessions) >= $enough ORDER BY hours
        """,
        {"event": event_id, "widths": fitting, "networks": networks, "enough": ENOUGH},
    ).fetchone()
    # Where not even a week says enough, days still show when somebody looked.
    return int(found[0]) if found else (24 if 24 in fitting else fitting[0])


def hosts_found(con: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Event id to the hosts that were found blocked: `host`, `layer`, `measurements`, most frequent first.

    Args:
        con: Inside `prepared`.
    """
    found = rows(
        con,
        """
        SELECT w.event_id, v.host, v.layer, count(DISTINCT v.measurement_id) AS measurements
        FROM verdicts v JOIN report_windows w
          ON v.country = w.country AND v.service = w.service AND list_contains(w.networks, v.network)
          AND list_contains(w.targets, v.target) AND v.time >= w.onset AND v.time <= w.finish
        WHERE v.layer NOT IN ('all', 'part') AND v.host IS NOT NULL AND v.state IN ('blocked', 'likely_blocked')
          AND len(v.flags) = 0
        GROUP BY ALL ORDER BY w.event_id, measurements DESC, v.host, v.layer
        """,
    )
    return _grouped(found)


def _grouped(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    by_event: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_event.setdefault(row["event_id"], []).append(row)
    return by_event


def rules_fired(con: duckdb.DuckDBPyConnection) -> dict[str, list[dict[str, Any]]]:
    """Event id to the rules that fired in its measurements on its networks: `rule`, `measurements`.

    Args:
        con: Inside `prepared`.
    """
    found = rows(
        con,
        """
        SELECT event_id, rule, count(DISTINCT measurement_id) AS measurements
        FROM (
          SELECT w.event_id, v.measurement_id, unnest(v.rules) AS rule
          FROM verdicts v JOIN report_windows w
            ON v.country = w.country AND v.service = w.service AND list_contains(w.networks, v.network)
            AND list_contains(w.targets, v.target)
            AND v.time >= w.onset AND v.time <= w.finish
          WHERE len(v.flags) = 0
        )
        GROUP BY ALL ORDER BY event_id, measurements DESC, rule
        """,
    )
    return _grouped(found)


def inside(
    con: duckdb.DuckDBPyConnection, country: str, network: int | None, first: datetime, last: datetime
) -> tuple[timedelta, list[Bin]]:
    """Whether anything answered to those who measured from inside, and how many did: length of a stretch, stretches.

    Args:
        con: A connection with the views of a workspace.
        country: Whose volunteers.
        network: Of one network alone, or of all.
        first: From when.
        last: Until when.

    Returns:
        Bins whose `blocked` are the sessions that found their target not working, for whatever reason.
    """
    hours = next(
        (hours for hours in _WIDTHS if (last - first) / timedelta(hours=hours) <= _MOST_BINS), _WIDTHS[-1]
    )
    found = con.execute(
        """
        SELECT time_bucket(to_hours($step), hour, $origin) AS start, sum(votes) AS sessions,
          sum(votes * (judged - ok) / judged) AS failed, sum(judged)::BIGINT AS measurements,
          sum(judged - ok)::BIGINT AS measurements_failed
        FROM (
          SELECT hour, votes, ok, blocked + likely_blocked + impaired + down + ok AS judged FROM cells
          WHERE layer = 'all' AND country = $country AND ($network IS NULL OR network = $network)
            AND hour >= $first AND hour <= $last
        )
        WHERE judged > 0 GROUP BY start ORDER BY start
        """,
        {
            "step": hours,
            "origin": datetime(1970, 1, 5, tzinfo=first.tzinfo),
            "country": country,
            "network": network,
            "first": _floor(first, timedelta(hours=hours)),
            "last": last,
        },
    ).fetchall()
    return timedelta(hours=hours), [Bin(*row) for row in found]
