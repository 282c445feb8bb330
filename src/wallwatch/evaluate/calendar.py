"""Restrictions against a calendar that somebody published: exams, elections, nightly curfews.

A calendar is a CSV file with the columns `start` and `end` (UTC, ISO 8601). For each network of each event in its time:
how much of the event's pattern lies in the calendar's hours and how much of these it covers, and what share of the
measurements failed inside and outside.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch.evaluate.numbers import Share


@dataclass(frozen=True, slots=True)
class Overlap:
    """One network of one event against the calendar.

    Attributes:
        event_id: The event.
        service: Its service.
        network: The network.
        pattern: Its pattern in words; null where it has none.
        in_calendar: Hours of the pattern that are in the calendar, of all hours of the pattern.
        covered: Hours of the calendar that are in the pattern, of all hours of the calendar in the network's time.
        inside: Measurements that failed in the calendar's hours, of all in these.
        outside: The same in other hours between the network's first and last failing one.
    """

    event_id: str
    service: str
    network: int
    pattern: str | None
    in_calendar: Share
    covered: Share
    inside: Share
    outside: Share

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        shares = {
            name: getattr(self, name).as_dict() for name in ("in_calendar", "covered", "inside", "outside")
        }
        return {
            "event_id": self.event_id,
            "service": self.service,
            "network": self.network,
            "pattern": self.pattern,
            **shares,
        }

    def as_text(self) -> str:
        """As lines."""
        lines = [f"{self.service} on AS{self.network}: {self.pattern or 'no pattern in time'}"]
        if self.pattern:
            lines.append(f"  of the pattern's hours in the calendar  {self.in_calendar}")
            lines.append(f"  of the calendar's hours in the pattern  {self.covered}")
        lines.append(f"  failing in the calendar's hours         {self.inside}")
        lines.append(f"  failing in other hours                  {self.outside}")
        return "\n".join(lines)


def read(path: Path) -> frozenset[int]:
    """The hours since 1970-01-01 00:00 UTC that a calendar touches.

    Raises:
        WallwatchError: The file cannot be read, lacks a column, or has a time that is none.
    """
    hours: set[int] = set()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file), start=2):
                start, end = (_time(row, name, path, line) for name in ("start", "end"))
                if end <= start or end - start > 366 * 24 * 3600:
                    raise WallwatchError(f"{path}, line {line}: it ends before it starts, or after a year")
                hours.update(range(int(start // 3600), int(-(-end // 3600))))
    except (OSError, UnicodeDecodeError) as error:
        raise WallwatchError(f"{path} cannot be read: {error}") from error
    if not hours:
        raise WallwatchError(f"{path} names no time: it needs lines below `start,end`")
    return frozenset(hours)


def _time(row: Mapping[str, str | None], name: str, path: Path, line: int) -> float:
    try:
        when = datetime.fromisoformat((row.get(name) or "").strip().replace("Z", "+00:00"))
    except ValueError as error:
        raise WallwatchError(f"{path}, line {line}: `{name}` is no time in ISO 8601") from error
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def overlaps(con: duckdb.DuckDBPyConnection, hours: frozenset[int]) -> list[Overlap]:
    """Every network of every restriction that has an hour in common with the calendar.

    Args:
        con: Shows `events` and `verdicts`.
        hours: Hours since 1970-01-01 00:00 UTC.
    """
    rows = con.sql(
        "SELECT event_id, country, service, details FROM events WHERE kind IN ('blocking', 'throttling') "
        "ORDER BY event_id"
    ).fetchall()
    found = []
    for event_id, country, service, details in rows:
        for part in json.loads(details):
            first, last = _hour(part["first_seen"]), _hour(part["last_seen"])
            wanted = {hour for hour in hours if first <= hour < last}
            if wanted:
                found.append(_overlap(con, (event_id, country, service), part, (first, last), wanted))
    return found


def _hour(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() // 3600)


def _overlap(
    con: duckdb.DuckDBPyConnection,
    event: tuple[str, str, str],
    part: Mapping[str, Any],
    span: tuple[int, int],
    wanted: set[int],
) -> Overlap:
    pattern = part["recurrence"]
    kept = _kept(pattern, span) if pattern else set()
    counted = con.execute(
        """
        SELECT CAST(floor(epoch(time) / 3600) AS BIGINT) AS hour, count(*),
          count(*) FILTER (state IN ('blocked', 'likely_blocked') OR array_to_string(mechanisms, ' ') LIKE '%.throttle%')
        FROM verdicts
        WHERE layer = 'all' AND len(flags) = 0 AND country = $country AND service = $service AND network = $network
          AND state <> 'insufficient' AND epoch(time) >= $first * 3600 AND epoch(time) < $last * 3600
        GROUP BY hour
        """,
        {
            "country": event[1],
            "service": event[2],
            "network": part["network"],
            "first": span[0],
            "last": span[1],
        },
    ).fetchall()
    return Overlap(
        event[0],
        event[2],
        part["network"],
        pattern["text"] if pattern else None,
        Share(len(kept & wanted), len(kept)),
        Share(len(kept & wanted), len(wanted)),
        _failing(counted, wanted, inside=True),
        _failing(counted, wanted, inside=False),
    )


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _kept(pattern: Mapping[str, Any], span: tuple[int, int]) -> set[int]:
    # 1970-01-01 was a Thursday.
    return {
        hour
        for hour in range(*span)
        if hour % 24 in pattern["hours_utc"] and _DAYS[(hour // 24 + 3) % 7] in pattern["weekdays"]
    }


def _failing(counted: Sequence[tuple[int, int, int]], wanted: set[int], *, inside: bool) -> Share:
    chosen = [(n, k) for hour, n, k in counted if (hour in wanted) == inside]
    return Share(sum(k for _, k in chosen), sum(n for n, _ in chosen))
