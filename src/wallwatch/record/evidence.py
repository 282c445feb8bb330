"""What was measured in the place and time of a claim: the rows that an answer rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.record.claims import SOCIAL, Claim, Known
from wallwatch.record.services import services

#: The greatest time that a claim may span.
_EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class NetworkSeen:
    """What one network showed of the targets in the time asked for.

    Attributes:
        network: ASN.
        votes: Independent sessions that had a result.
        against: Of these, those that found it blocked.
        days: Days with a result.
    """

    network: int
    votes: float
    against: float
    days: int


@dataclass(frozen=True, slots=True)
class Level:
    """How the connectivity that a signal shows compares with the usual, over the time asked for.

    Attributes:
        signal: Its name.
        bins: Bins with a value.
        wanted: Bins that the time has.
        lowest: The lowest share of the usual level.
        lowest_at: When that was.
    """

    signal: str
    bins: int
    wanted: int
    lowest: float
    lowest_at: datetime


def known(con: duckdb.DuckDBPyConnection) -> Known:
    """What the data name.

    Args:
        con: A connection with the workspace's views.
    """
    con.execute("SET TimeZone = 'UTC'")
    names = con.execute(
        """
        SELECT country, network, arg_max(coalesce(network_name, ''), (n, network_name)) FROM (
            SELECT country, network, network_name, count(*) AS n FROM measurements
            WHERE country IS NOT NULL AND network IS NOT NULL GROUP BY ALL
        ) GROUP BY ALL
        """
    ).fetchall()
    regions: dict[str, set[str]] = {}
    for country, region in con.execute(
        "SELECT DISTINCT country, region FROM signals WHERE region IS NOT NULL AND country IS NOT NULL"
    ).fetchall():
        regions.setdefault(country, set()).add(region)
    codes = con.execute(
        "SELECT DISTINCT country FROM measurements WHERE country IS NOT NULL UNION SELECT DISTINCT country FROM signals WHERE country IS NOT NULL"
    ).fetchall()
    measured = con.execute(
        "SELECT DISTINCT service FROM cells UNION SELECT DISTINCT target FROM cells"
    ).fetchall()
    first, last = con.execute(
        """
        SELECT min(a), max(b) FROM (
            SELECT min(time) AS a, max(time) AS b FROM measurements WHERE time_flag IS NULL
            UNION ALL SELECT min(time), max(time + to_seconds(step_seconds)) FROM signals
        )
        """
    ).fetchall()[0]
    return Known(
        frozenset(code for (code,) in codes),
        frozenset(name for (name,) in measured),
        {(country, network): name for country, network, name in names},
        {country: frozenset(found) for country, found in regions.items()},
        first,
        last,
    )


def window(claim: Claim) -> tuple[datetime, datetime]:
    """The time of a claim; all of time where it names none."""
    return claim.since or _EVER[0], claim.until or _EVER[1]


def names_of(target: str) -> list[str]:
    """The names that a service or host may have in the tables."""
    one = services().get(target)
    if one is not None:
        return [target, *one.hosts]
    # A host of a service is that host alone: the service as a whole is not claimed.
    bare = target.removeprefix("www.")
    return [bare, f"www.{bare}"]


def _names(claim: Claim, target: str | None) -> list[str] | None:
    if target is not None:
        return names_of(target)
    if claim.social:
        return [name for one in SOCIAL for name in names_of(one)]
    return None


def rows(
    con: duckdb.DuckDBPyConnection, query: str, values: Sequence[object] | dict[str, object] = ()
) -> list[dict[str, Any]]:
    """The rows of a query as dictionaries."""
    cursor = con.execute(query, values if isinstance(values, dict) else list(values))
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def events(
    con: duckdb.DuckDBPyConnection, claim: Claim, country: str, target: str | None
) -> list[dict[str, Any]]:
    """The events that concern a claim in one country, those in its time first."""
    names = _names(claim, target)
    return rows(
        con,
        """
        SELECT * FROM events
        WHERE country = ? AND (? IS NULL OR list_contains(?, service) OR list_has_any(?, targets))
        ORDER BY onset_earliest NULLS FIRST, event_id
        """,
        [country, None if names is None else 1, names or [""], names or [""]],
    )


def overlaps(row: dict[str, Any], span: tuple[datetime, datetime]) -> bool:
    """Whether an event or outage lies in the time, by its best guesses of onset and end."""
    onset = row["onset_best"] or row["onset_earliest"] or _EVER[0]
    end = row["end_best"] or row["end_latest"] or _EVER[1]
    return bool(onset < span[1] and span[0] < end)


def per_network(row: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """What an event says of each of its networks."""
    try:
        listed = json.loads(row["details"] or "[]")
    except (TypeError, ValueError):
        listed = []
    return {
        one["network"]: one for one in listed if isinstance(one, dict) and isinstance(one.get("network"), int)
    }


def interval(detail: dict[str, Any], row: dict[str, Any]) -> tuple[datetime, datetime]:
    """From when to when an event was on one network; as the whole event where that is not told."""

    def moment(name: str, whole: datetime | None, open_: datetime) -> datetime:
        found = detail.get(name)
        best = found.get("best") if isinstance(found, dict) else None
        if isinstance(best, str):
            return datetime.fromisoformat(best)
        return (whole or open_) if name == "onset" or row["end_best"] or not detail else open_

    return (
        moment("onset", row["onset_best"] or row["onset_earliest"], _EVER[0]),
        moment("end", row["end_best"] or row["end_latest"], _EVER[1]),
    )


def networks(
    con: duckdb.DuckDBPyConnection,
    claim: Claim,
    country: str,
    target: str | None,
    span: tuple[datetime, datetime],
) -> dict[int, NetworkSeen]:
    """What each network showed of the targets in a time."""
    names = _names(claim, target)
    found = rows(
        con,
        """
        SELECT network, sum(votes) AS votes, sum(votes_blocked) AS against, count(DISTINCT date_trunc('day', hour)) AS days
        FROM cells
        WHERE layer = 'all' AND country = ? AND hour < ? AND hour + INTERVAL 1 HOUR > ? AND votes > 0
          AND (? IS NULL OR list_contains(?, service) OR list_contains(?, target))
        GROUP BY network ORDER BY network
        """,
        [country, span[1], span[0], None if names is None else 1, names or [""], names or [""]],
    )
    return {
        row["network"]: NetworkSeen(row["network"], float(row["votes"]), float(row["against"]), row["days"])
        for row in found
    }


def outages(con: duckdb.DuckDBPyConnection, country: str) -> list[dict[str, Any]]:
    """The outages of a country, national ones first."""
    return rows(
        con,
        "SELECT * FROM outages WHERE country = ? ORDER BY scope <> 'country', onset_earliest NULLS FIRST, region, network, outage_id",
        [country],
    )


def signal_range(con: duckdb.DuckDBPyConnection, country: str) -> tuple[datetime | None, datetime | None]:
    """The first and the last time of a country's signals of connectivity."""
    found = con.execute(
        "SELECT min(time), max(time + to_seconds(step_seconds)) FROM signals WHERE country = ? AND value IS NOT NULL AND unit <> 'users'",
        [country],
    ).fetchall()[0]
    return found[0], found[1]


def levels(
    con: duckdb.DuckDBPyConnection, country: str, region: str, span: tuple[datetime, datetime]
) -> list[Level]:
    """How connectivity compares with the usual of the same hour of the day, for each signal.

    The usual is the median over all data of the signal in that place; a national series is the mean of its places
    where the source has no national one.
    """
    found = rows(
        con,
        """
        WITH series AS (
            SELECT signal, time, any_value(step_seconds) AS step, avg(value) AS value
            FROM signals
            WHERE country = $country AND value IS NOT NULL AND unit <> 'users' AND network IS NULL
              AND (CASE WHEN $region = '' THEN true ELSE region = $region END)
            GROUP BY signal, time
        ), usual AS (
            SELECT signal, date_part('hour', time) AS clock, median(value) AS usual, count(*) AS n FROM series GROUP BY ALL
        )
        SELECT s.signal, count(*) AS bins, any_value(s.step) AS step,
          min(s.value / u.usual) AS lowest, arg_min(s.time, s.value / u.usual) AS lowest_at
        FROM series s JOIN usual u ON s.signal = u.signal AND date_part('hour', s.time) = u.clock
        WHERE s.time >= $first AND s.time < $last AND u.usual > 0
        GROUP BY s.signal ORDER BY s.signal
        """,
        {"country": country, "region": region, "first": span[0], "last": span[1]},
    )
    seconds = (span[1] - span[0]).total_seconds()
    return [
        Level(
            row["signal"],
            row["bins"],
            max(int(seconds // row["step"]), 1),
            float(row["lowest"]),
            row["lowest_at"],
        )
        for row in found
    ]


def quietest(
    con: duckdb.DuckDBPyConnection, country: str, span: tuple[datetime, datetime], hours: int
) -> tuple[int, int]:
    """Of all stretches of so many hours in a time, the fewest networks with a success, and the number of stretches.

    Args:
        con: A connection with the workspace's views.
        country: Code.
        span: The time.
        hours: Length of a stretch.
    """
    count = int((span[1] - span[0]) / timedelta(hours=hours))
    if count < 1 or count > 24 * 366:
        return 0, max(count, 0)
    found = con.execute(
        """
        SELECT bucket, count(DISTINCT network) FROM (
            SELECT network, floor(date_diff('second', ?::TIMESTAMPTZ, hour) / (3600 * ?))::BIGINT AS bucket
            FROM cells WHERE layer = 'all' AND country = ? AND ok > 0 AND hour >= ? AND hour < ?
        ) WHERE bucket < ? GROUP BY bucket
        """,
        [span[0], hours, country, span[0], span[1], count],
    ).fetchall()
    return (min(n for _, n in found) if len(found) == count else 0), count
