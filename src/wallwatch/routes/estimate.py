"""From tries to what still works: estimates per network and country, pooled where there is little, ranked, explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch.routes import belief
from wallwatch.routes.attempts import attempts
from wallwatch.routes.belief import Floats
from wallwatch.routes.catalogue import BY_ID, JUDGED, ROUTES
from wallwatch.schema import TABLES

#: Independent sessions under which nothing is said; may be raised, never lowered (docs/do-no-harm.md).
FLOOR: Final = 5

#: Days whose sessions count towards the floor and the grade.
RECENT: Final = 28

#: Days that the filter looks back.
HISTORY: Final = 120

#: Mass of the intervals.
MASS: Final = 0.9

_BANDS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Series:
    """One way in one network.

    Attributes:
        country, network, route: Which.
        worked, failed: Votes by day, shape (days,).
        sessions: Distinct sources of the last `RECENT` days.
        votes: Independent votes of these days.
        last: The last day on which it worked; null where it never did.
        starts: Seconds until it was ready, one for each source and day of these days.
        now, before: Distributions of the level, today and a week ago.
        known_before: Distinct sources in the `RECENT` days that ended a week ago.
    """

    country: str
    network: int
    route: str
    worked: Floats
    failed: Floats
    sessions: set[str] = field(default_factory=set)
    votes: float = 0.0
    last: int | None = None
    starts: list[float] = field(default_factory=list)
    now: Floats = field(default_factory=lambda: np.zeros(0))
    before: Floats = field(default_factory=lambda: np.zeros(0))
    known_before: set[str] = field(default_factory=set)


def routes(con: duckdb.DuckDBPyConnection, as_of: datetime | None = None) -> pa.Table:
    """What still works, by the measurements that a connection shows.

    Args:
        con: Shows `measurements`, `observations` and `verdicts`.
        as_of: The moment of which it is said; the last measurement's where not given. Later ones are left out.

    Returns:
        A table of schema `ROUTES`.
    """
    if as_of is None:
        as_of = con.execute("SELECT max(time) FROM measurements WHERE time_flag IS NULL").fetchall()[0][0]
    if as_of is None:
        return TABLES["routes"].empty()
    latest = max(as_of.astimezone(UTC), _EPOCH + timedelta(HISTORY))
    tries = attempts(con, (latest - timedelta(HISTORY)).date())
    names = {
        (country, network): name
        for country, network, name in con.execute(
            "SELECT country, network, max(network_name) FROM measurements "
            "WHERE network_name IS NOT NULL AND network IS NOT NULL GROUP BY ALL"
        ).fetchall()
    }
    return estimate(tries, as_of, names)


def estimate(
    tries: pa.Table, as_of: datetime | None, names: dict[tuple[str, int], str] | None = None
) -> pa.Table:
    """The estimates that follow from tries.

    Args:
        tries: A table of `attempts.SCHEMA`.
        as_of: The moment of which it is said; null where there are no data.
        names: Names of networks.
    """
    table = TABLES["routes"]
    if as_of is None or tries.num_rows == 0:
        return table.empty()
    today = (as_of.astimezone(UTC) - _EPOCH).days
    series = _series(tries, today)
    if not series:
        return table.empty()
    _believe(series)
    rows: list[dict[str, Any]] = []
    for country in sorted({one.country for one in series}):
        inside = [one for one in series if one.country == country]
        rows += _ranked(list(_nation(country, inside)))
        for network in sorted({one.network for one in inside}):
            found = [_row(one) for one in inside if one.network == network and _told(one)]
            rows += _ranked(found)
    for row in rows:
        row["as_of"] = as_of
        row["route_kind"] = BY_ID[row["route"]].kind
        row["network_name"] = (names or {}).get((row["country"], row["network"])) if row["network"] else None
    return table.from_rows(rows)


def _series(tries: pa.Table, today: int) -> list[Series]:
    found: dict[tuple[str, int, str], Series] = {}
    first = today - HISTORY + 1
    for country, network, route, day, source, worked, weight, seconds in zip(
        *(tries.column(name).to_pylist() for name in tries.column_names), strict=True
    ):
        if not first <= day <= today:
            continue
        one = found.get((country, network, route))
        if one is None:
            one = Series(country, network, route, np.zeros(HISTORY), np.zeros(HISTORY))
            found[country, network, route] = one
        place = day - first
        one.worked[place] += worked * weight
        one.failed[place] += (1 - worked) * weight
        if worked > 0.5:
            one.last = max(one.last or 0, day)
        if day > today - RECENT:
            one.sessions.add(source)
            one.votes += weight
            if seconds is not None and worked > 0.5:
                one.starts.append(seconds)
        if today - RECENT - 7 < day <= today - 7:
            one.known_before.add(source)
    return [found[key] for key in sorted(found)]


def _believe(series: list[Series]) -> None:
    """Two passes: each series by itself, then with what comparable networks show as what is usual."""
    usual = belief.usual()
    worked = np.stack([one.worked for one in series])
    failed = np.stack([one.failed for one in series])
    alone = belief.follow(worked, failed, np.tile(usual, (len(series), 1)))[:, -1]
    priors = _pooled(series, alone, usual)
    levels = belief.follow(worked, failed, priors)
    for one, distribution in zip(series, levels, strict=True):
        one.now, one.before = distribution[-1], distribution[-8]


def _pooled(series: list[Series], alone: Floats, usual: Floats) -> Floats:
    """What is usual for each series: half what nothing is known of, half what comparable networks show.

    Networks of the same country are comparable, more so where the other ways that both were measured for fare alike;
    networks elsewhere only as far as these do.
    """
    networks = sorted({(one.country, one.network) for one in series})
    ways = sorted({one.route for one in series})
    place = {network: n for n, network in enumerate(networks)}
    column = {way: n for n, way in enumerate(ways)}
    levels = np.full((len(networks), len(ways)), np.nan)
    votes = np.zeros((len(networks), len(ways)))
    index = np.full((len(networks), len(ways)), -1)
    for n, one in enumerate(series):
        row, col = place[one.country, one.network], column[one.route]
        votes[row, col] = one.votes
        index[row, col] = n
        if one.votes >= 3:
            levels[row, col] = belief.mean(alone[n])
    home = np.array([country for country, _ in networks])
    priors = np.empty((len(series), len(usual)))
    known = ~np.isnan(levels)
    filled = np.where(known, levels, 0.0)
    for n, one in enumerate(series):
        row, col = place[one.country, one.network], column[one.route]
        both = known & known[row]
        both[:, col] = False
        shared = both.sum(axis=1)
        apart = np.where(both, np.abs(filled - filled[row]), 0.0).sum(axis=1) / np.maximum(shared, 1)
        alike = np.exp(-((apart / 0.2) ** 2)) * shared / (shared + 1)
        weight = np.where(home == one.country, 0.3 + alike, 0.2 * alike)
        weight *= votes[:, col] / (votes[:, col] + 4)
        weight[row] = 0.0
        total = weight.sum()
        if total <= 0:
            priors[n] = usual
            continue
        others = np.nonzero(weight)[0]
        pool = (weight[others] / total) @ alone[index[others, col]]
        share = 0.6 * total / (total + 0.5)
        priors[n] = (1 - share) * usual + share * pool
    return priors


def _told(one: Series) -> bool:
    return len(one.sessions) >= FLOOR


def _band(sessions: int) -> int:
    return max((band for band in _BANDS if band <= sessions), default=0)


def _grade(votes: float, sessions: int, width: float) -> str:
    """How good the evidence is: by independent votes, sessions, and by how narrow the interval is."""
    if sessions >= 20 and votes >= 15 and width <= 0.35:
        return "good"
    if sessions >= 10 and votes >= 6 and width <= 0.6:
        return "fair"
    return "weak"


def _row(one: Series) -> dict[str, Any]:
    rate = float(belief.mean(one.now))
    low, high = belief.quantile(one.now, (1 - MASS) / 2), belief.quantile(one.now, (1 + MASS) / 2)
    before = float(belief.mean(one.before)) if len(one.known_before) >= FLOOR else None
    trend = "new"
    if before is not None:
        better = belief.exceeds(one.now, one.before)
        trend = _trend(rate, before, better)
    return {
        "country": one.country,
        "network": one.network,
        "route": one.route,
        "grade": _grade(one.votes, len(one.sessions), high - low),
        "rate": rate,
        "rate_low": low,
        "rate_high": high,
        "score": belief.quantile(one.now, 0.2),
        "rate_week_ago": before,
        "trend": trend,
        "start_seconds": float(np.median(one.starts)) if len(one.starts) >= FLOOR else None,
        "last_success": _day(one.last),
        "sessions_at_least": _band(len(one.sessions)),
    }


def _trend(rate: float, before: float, better: float) -> str:
    if rate - before >= 0.15 and better >= 0.9:
        return "better"
    if before - rate >= 0.15 and better <= 0.1:
        return "worse"
    return "steady"


def _nation(country: str, inside: list[Series]) -> Iterator[dict[str, Any]]:
    """The country's rows: the average over its networks, which weigh the more the better they are known."""
    for route in (route.id for route in ROUTES):
        found = [one for one in inside if one.route == route]
        if not found:
            continue
        sessions = len({source for one in found for source in one.sessions})
        if sessions < FLOOR:
            yield {"country": country, "network": None, "route": route, "grade": "insufficient"}
            continue
        now = np.stack([one.now for one in found])
        weights = np.array([one.votes / (one.votes + 4) for one in found])
        rate, deviation = belief.average(now, weights)
        low, high = belief.interval(rate, deviation, MASS)
        before, deviation_before = belief.average(np.stack([one.before for one in found]), weights)
        known_before = len({source for one in found for source in one.known_before}) >= FLOOR
        told = [one for one in found if _told(one)]
        starts = [seconds for one in found for seconds in one.starts]
        last = max((one.last for one in found if one.last is not None), default=None)
        spread = float(np.hypot(deviation, deviation_before)) or 1e-9
        better = 1.0 if rate - before > 1.3 * spread else 0.0 if before - rate > 1.3 * spread else 0.5
        yield {
            "country": country,
            "network": None,
            "route": route,
            "grade": _grade(sum(one.votes for one in found), sessions, high - low),
            "rate": rate,
            "rate_low": low,
            "rate_high": high,
            "score": belief.interval(rate, deviation, 0.6)[0],
            "rate_week_ago": before if known_before else None,
            "trend": _trend(rate, before, better) if known_before else "new",
            "start_seconds": float(np.median(starts)) if len(starts) >= FLOOR else None,
            "last_success": _day(last),
            "sessions_at_least": _band(sessions),
            "networks": len(told),
            "networks_working": sum(float(belief.mean(one.now)) >= 0.5 for one in told),
        }


def _day(day: int | None) -> datetime | None:
    return None if day is None else _EPOCH + timedelta(days=day)


def _ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their places: within a kind, a tool that was ready for use before a part that was reachable."""
    kinds: dict[str, int] = {}
    for row in sorted(rows, key=_order):
        kind = BY_ID[row["route"]].kind
        if row["grade"] != "insufficient":
            kinds[kind] = kinds.get(kind, 0) + 1
            row["rank"] = kinds[kind]
        row["reasons"] = reasons(row)
    return rows


def _order(row: dict[str, Any]) -> tuple[bool, bool, float, float, str]:
    known = row["grade"] != "insufficient"
    return (
        not known,
        not BY_ID[row["route"]].whole,
        -round(row["score"], 3) if known else 0.0,
        row.get("start_seconds") or 1e9 if known else 0.0,
        row["route"],
    )


def reasons(row: dict[str, Any]) -> list[str]:
    """What an estimate rests on, in sentences."""
    if row["grade"] == "insufficient":
        return [f"Fewer than {FLOOR} independent sessions in the last {RECENT} days: nothing is said."]
    said = [
        (
            f"About {row['rate']:.0%} of tries work now; between {row['rate_low']:.0%} and {row['rate_high']:.0%} with "
            f"probability {MASS:.0%}, from {row['sessions_at_least']} or more independent sessions in {RECENT} days."
        ),
        (
            f"The order goes by the share that is exceeded with probability 80%: {row['score']:.0%}. Evidence loses its "
            "weight with age, so old or little evidence lowers it."
        ),
    ]
    if row.get("networks"):
        said.append(
            f"It mostly works on {row['networks_working']} of {row['networks']} networks with enough evidence."
        )
    if row["last_success"] is None:
        said.append("No try of the period got through.")
    else:
        said.append(f"Last seen to work on {row['last_success']:%Y-%m-%d} (UTC).")
    if row["trend"] in ("better", "worse"):
        said.append(f"A week before it was {row['rate_week_ago']:.0%}.")
    said.append(BY_ID[row["route"]].sentence or JUDGED)
    return said
