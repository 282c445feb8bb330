"""What the networks of an event showed over time, hour by hour, put together to what a chart can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import duckdb

from wallwatch.detect.episodes import ENOUGH
from wallwatch.report.charts import Bin
from wallwatch.report.facts import Country, rows, window
from wallwatch.report.findings import Finding

#: Lengths of stretches that a chart may have, in hours.
_WIDTHS: Final = (1, 3, 6, 24, 168, 672)
#: The most stretches beside each other that an eye, and a page, can take.
_MOST_BINS: Final = 90

#: What counts as finding it, by kind of event: measurements, in terms of `cells`.
_FOUND: Final = {
    "throttling": "impaired",
    "service_outage": "down",
}

# Whole measurements (layer `all`): a block that stops DNS leaves nothing to see at later layers (trap C9).
# A session that measured several of an event's targets counts for each.
_HOURS: Final = f"""
    CREATE OR REPLACE TEMP TABLE report_hours AS
    WITH near AS (
      SELECT network, hour, votes, insufficient,
        blocked + likely_blocked + impaired + down + ok AS judged,
        CASE $kind {" ".join(f"WHEN '{kind}' THEN {count}" for kind, count in _FOUND.items())}
          ELSE blocked + likely_blocked END AS found,
        CASE $kind {" ".join(f"WHEN '{kind}' THEN NULL" for kind in _FOUND)} ELSE votes_blocked END AS votes_found,
        hour >= date_trunc('hour', $onset::TIMESTAMPTZ) AND hour <= $finish AS inside
      FROM cells
      WHERE country = $country AND service = $service AND list_contains($targets, target)
        AND layer = 'all' AND hour >= $first AND hour <= $last
    )
    SELECT network, hour, inside, sum(votes) AS sessions,
      sum(coalesce(votes_found, CASE WHEN judged > 0 THEN votes * found / judged ELSE 0 END)) AS blocked,
      sum(judged)::BIGINT AS measurements, sum(found)::BIGINT AS measurements_blocked,
      sum(insufficient)::BIGINT AS insufficient
    FROM near GROUP BY network, hour, inside
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


def course(con: duckdb.DuckDBPyConnection, finding: Finding, country: Country) -> Course:
    """What the networks showed around an event.

    Args:
        con: Shows `cells`.
        finding: An event.
        country: Its country.
    """
    row = finding.row
    onset, finish = window(row, country)
    margin = max(timedelta(days=3), (finish - onset) / 3)
    first, last = max(country.first, onset - margin), min(country.last, finish + margin)
    given = {"first": _floor(first, timedelta(hours=1)), "last": last, "onset": onset, "finish": finish}
    con.execute(_HOURS, {**given, **{name: row[name] for name in ("kind", "country", "service", "targets")}})
    hours = _step(con, list(row["networks"]), last - first)
    step = timedelta(hours=hours)
    origin = datetime(1970, 1, 5, tzinfo=first.tzinfo)  # a Monday: weeks begin on Mondays
    found = rows(
        con,
        """
        SELECT network, time_bucket(to_hours($step), hour, $origin) AS start,
          sum(sessions) AS sessions, sum(blocked) AS blocked, sum(measurements)::BIGINT AS measurements,
          sum(measurements_blocked)::BIGINT AS measurements_blocked
        FROM report_hours GROUP BY ALL ORDER BY network, start
        """,
        {"step": hours, "origin": origin},
    )
    weekly = rows(
        con,
        """
        SELECT network, isodow(hour) - 1 AS weekday, hour(hour) AS of_day,
          sum(sessions) AS sessions, sum(blocked) AS blocked, sum(measurements)::BIGINT AS measurements,
          sum(measurements_blocked)::BIGINT AS measurements_blocked, sum(insufficient)::BIGINT AS insufficient
        FROM report_hours WHERE inside GROUP BY ALL ORDER BY network, weekday, of_day
        """,
    )
    con.execute("DROP TABLE report_hours")
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


def _step(con: duckdb.DuckDBPyConnection, networks: list[int], length: timedelta) -> int:
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
          WHERE list_contains($networks, network)
          GROUP BY ALL
        )
        SELECT hours FROM binned WHERE sessions > 0
        GROUP BY hours HAVING median(sessions) >= $enough ORDER BY hours
        """,
        {"widths": fitting, "networks": networks, "enough": ENOUGH},
    ).fetchone()
    # Where not even a week says enough, days still show when somebody looked.
    return int(found[0]) if found else (24 if 24 in fitting else fitting[0])


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
