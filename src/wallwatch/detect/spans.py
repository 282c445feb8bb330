"""What the measurements within spans of time say: counts, sources, mechanisms, layers, witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.detect.one_probe import Look
from wallwatch.detect.votes import AGAINST, UNITS, in_units, weight

#: An episode of at most so many hours can be the work of one broken probe (trap C18).
ONE_PROBE_HOURS = 36

#: Hours around it in which other kinds of probe are looked for.
AROUND_HOURS = 72

#: Witnesses named for an event.
WITNESSES = 200


@dataclass(frozen=True, slots=True)
class Span:
    """Where and when to look.

    Attributes:
        span: Its number.
        country: The country.
        service: The service.
        network: The network.
        first: First hour since 1970-01-01 00:00 UTC.
        last: Last hour, itself within.
        hours: Look only at these hours of the day; all where empty.
        weekdays: Look only at these days of the week, 0 is Monday; all where empty.
    """

    span: int
    country: str
    service: str
    network: int
    first: int
    last: int
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()


def _register(con: duckdb.DuckDBPyConnection, spans: Sequence[Span]) -> None:
    table = pa.table(
        {
            "span": pa.array([s.span for s in spans], pa.int64()),
            "country": pa.array([s.country for s in spans], pa.string()),
            "service": pa.array([s.service for s in spans], pa.string()),
            "network": pa.array([s.network for s in spans], pa.int64()),
            "first": pa.array([s.first for s in spans], pa.int64()),
            "last": pa.array([s.last for s in spans], pa.int64()),
            "hours": pa.array([s.hours for s in spans], pa.list_(pa.int64())),
            "weekdays": pa.array([s.weekdays for s in spans], pa.list_(pa.int64())),
        }
    )
    con.register("detect_spans_rows", table)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_spans AS SELECT * FROM detect_spans_rows")
    con.unregister("detect_spans_rows")


def _dicts(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    return con.sql(query).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Sources:
    """Who found it blocked in a span.

    Attributes:
        count: Distinct sources.
        alone: The span is short, all of them share software and resolver, and sources with others found nothing around
            that time.
        everywhere: Nobody on any network of any country found the service working in that time, and no artefact or
            control speaks for a restriction.
        credentialed: Four fifths of them or more carry a credential.
        one_look: All of them share software and resolver, and no two credentials are among them.
        down: More than twice as many find the service failing as it fails elsewhere, and nobody saw an artefact.
    """

    count: int = 0
    alone: bool = False
    everywhere: bool = False
    credentialed: bool = False
    one_look: bool = False
    down: bool = False


def sources(con: duckdb.DuckDBPyConnection, kind: str, spans: Sequence[Span]) -> dict[int, Sources]:
    """The sources of each span that has any."""
    _register(con, spans)
    against = AGAINST[kind]
    rows = _dicts(
        con,
        f"""
        WITH fine AS (
          SELECT s.span FROM detect_spans s JOIN detect_fine f
            ON f.service = s.service AND f.hour_index BETWEEN s.first AND s.last
          GROUP BY s.span
        ),
        near AS (
          SELECT s.span, r.contrasted, r.probe_id, s.last - s.first + 1 AS hours, r.source, {against} AS against,
            r.layer, r.rank, r.hour_index BETWEEN s.first AND s.last AS within,
            concat_ws(' / ', coalesce(r.software, '?'), coalesce(CAST(r.resolver_network AS VARCHAR), '?')) AS look
          FROM detect_spans s JOIN detect_rows r
            ON r.country = s.country AND r.service = s.service AND r.network = s.network
            AND r.hour_index BETWEEN s.first - {AROUND_HOURS} AND s.last + {AROUND_HOURS}
        ),
        looks AS (
          SELECT span, min(look) AS look, count(DISTINCT look) AS looks, count(DISTINCT source) AS sources,
            max(contrasted) AS contrasted, count(DISTINCT probe_id) AS probes, min(rank) AS surest,
            count(DISTINCT source) FILTER (probe_id IS NOT NULL) AS credentialed
          FROM near WHERE within AND against GROUP BY span
        )
        SELECT l.span, l.sources AS count,
          l.looks = 1 AND max(n.hours) <= {ONE_PROBE_HOURS}
            AND count(DISTINCT n.source) FILTER (n.look <> l.look AND n.layer = 'all' AND n.rank = 5) >= 3 AS alone,
          l.contrasted = 0 AND l.span NOT IN (SELECT span FROM fine) AS everywhere,
          5 * l.credentialed >= 4 * l.sources AS credentialed, l.looks = 1 AND l.probes < 2 AS one_look,
          l.surest > 1
            AND count(DISTINCT n.source) FILTER (n.within AND n.layer = 'all' AND n.rank = 4) > 2 * l.sources AS down
        FROM looks l JOIN near n ON n.span = l.span
        GROUP BY l.span, l.sources, l.looks, l.look, l.contrasted, l.credentialed, l.probes, l.surest ORDER BY l.span
        """,
    )
    return {row.pop("span"): Sources(**row) for row in rows}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one series; several may have one number.

    Attributes:
        span: Its number.
        country: The country.
        service: The service.
        network: The network.
        target: The target.
        layer: The layer.
        first: First hour since 1970-01-01 00:00 UTC.
        last: Last hour, itself within.
    """

    span: int
    country: str
    service: str
    network: int
    target: str
    layer: str
    first: int
    last: int


def looks(con: duckdb.DuckDBPyConnection, kind: str, parts: Sequence[Part]) -> dict[int, list[Look]]:
    """Votes by look in the parts of each number: by credential, else by software and resolver.

    Votes are those of `votes`: one a source and hour, counted by `votes.weight`.
    """
    con.register(
        "detect_parts",
        pa.table(
            {
                name: pa.array([getattr(part, name) for part in parts], type_)
                for name, type_ in (
                    ("span", pa.int64()),
                    ("country", pa.string()),
                    ("service", pa.string()),
                    ("network", pa.int64()),
                    ("target", pa.string()),
                    ("layer", pa.string()),
                    ("first", pa.int64()),
                    ("last", pa.int64()),
                )
            }
        ),
    )
    against = AGAINST[kind]
    rows = _dicts(
        con,
        f"""
        WITH hourly AS (
          SELECT p.span, r.source, r.hour_index, count(*) FILTER ({against}) / count(*) AS share,
            min(min(r.probe_id)) OVER whose AS probe_id, min(min(r.software)) OVER whose AS software,
            min(min(r.resolver_network)) OVER whose AS resolver
          FROM detect_parts p JOIN detect_rows r
            ON r.country = p.country AND r.service = p.service AND r.network = p.network AND r.target = p.target
            AND r.layer = p.layer AND r.hour_index BETWEEN p.first AND p.last
          WHERE r.rank IN (1, 2, 5) OR ({against})
          GROUP BY p.span, r.source, r.hour_index
          WINDOW whose AS (PARTITION BY p.span, r.source)
        ),
        weighed AS (
          SELECT *, {weight("span", "share >= 0.5")} AS weight
          FROM (SELECT *, probe_id IS NOT NULL AS known FROM hourly)
        )
        SELECT span, resolver, {in_units("weight * share")} / {UNITS} AS against,
          {in_units("weight")} / {UNITS} AS votes
        FROM weighed GROUP BY span, probe_id, CASE WHEN probe_id IS NULL THEN software END, resolver
        ORDER BY span, votes DESC, against DESC, resolver
        """,
    )
    con.unregister("detect_parts")
    found: dict[int, list[Look]] = {}
    for row in rows:
        found.setdefault(row["span"], []).append(Look(row["resolver"], row["against"], row["votes"]))
    return found


@dataclass(frozen=True, slots=True)
class Counts:
    """What was measured within a span.

    Attributes:
        name: The network's name; null where no measurement gives it.
        measurements: Measurements of the service that say something.
        against: Of these, against the target.
        artefacts: Of these, settled by an artefact.
        sessions: Independent sessions among all of them.
        sessions_against: Independent sessions against the target.
        insufficient: Measurements with too little evidence.
        credentialed: Distinct probes with a credential against the target.
        flagged: Measurements left out for doubts about them.
        targets: Target to measurements against it, most first.
        layers: Layer to measurements against the target on it, most first.
        mechanisms: For each path: measurements, first and last time seen; most measurements first.
    """

    name: str | None
    measurements: int
    against: int
    artefacts: int
    sessions: int
    sessions_against: int
    insufficient: int
    credentialed: int
    flagged: int
    targets: dict[str, int]
    layers: dict[str, int]
    mechanisms: list[dict[str, Any]]


def counts(con: duckdb.DuckDBPyConnection, kind: str, spans: Sequence[Span]) -> dict[int, Counts]:
    """The counts of each span."""
    _register(con, spans)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE detect_within AS
        SELECT s.span, r.*, {AGAINST[kind]} AS against
        FROM detect_spans s JOIN detect_rows r
          ON r.country = s.country AND r.service = s.service AND r.network = s.network
          AND r.hour_index BETWEEN s.first AND s.last
        """
    )
    # A measurement is against the target where its whole is, or a layer of it while the whole says nothing.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE detect_measured AS
        SELECT span, measurement_id, min(target) AS target, min(session) AS session, min(probe_id) AS probe_id,
          min(network) AS network, min(time) AS time, bool_or(against) AS against, min(rank) AS best,
          coalesce(min(rank) FILTER (layer = 'all'), 6) AS whole
        FROM detect_within GROUP BY span, measurement_id
        """
    )
    totals = _dicts(
        con,
        """
        SELECT span, count(*) FILTER (whole <= 5 OR against) AS measurements,
          count(*) FILTER (against) AS against, count(*) FILTER (against AND best = 1) AS artefacts,
          count(DISTINCT session) FILTER (whole <= 5 OR against) AS sessions,
          count(DISTINCT session) FILTER (against) AS sessions_against,
          count(*) FILTER (whole = 6 AND NOT against) AS insufficient,
          count(DISTINCT probe_id) FILTER (against) AS credentialed
        FROM detect_measured GROUP BY span ORDER BY span
        """,
    )
    about = _dicts(
        con,
        """
        SELECT s.span, min(v.network_name) AS name, count(DISTINCT v.measurement_id) FILTER (len(v.flags) > 0) AS flagged
        FROM detect_spans s JOIN verdicts v ON v.country = s.country AND v.service = s.service AND v.network = s.network
          AND v.time >= make_timestamptz(s.first * 3600000000) AND v.time < make_timestamptz((s.last + 1) * 3600000000)
        GROUP BY s.span
        """,
    )
    names = {row["span"]: row for row in about}
    targets = _dicts(
        con,
        "SELECT span, target AS word, count(*) AS seen FROM detect_measured WHERE against GROUP BY ALL "
        "ORDER BY span, seen DESC, word",
    )
    layers = _dicts(
        con,
        "SELECT span, layer AS word, count(DISTINCT measurement_id) AS seen FROM detect_within "
        "WHERE against AND layer NOT IN ('all', 'service') GROUP BY ALL ORDER BY span, seen DESC, word",
    )
    mechanisms = _dicts(
        con,
        """
        SELECT span, path, count(DISTINCT measurement_id) AS measurements,
          strftime(min(time) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS first,
          strftime(max(time) AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS last
        FROM (SELECT span, measurement_id, time, unnest(mechanisms) AS path FROM detect_within WHERE against)
        GROUP BY span, path ORDER BY span, measurements DESC, path
        """,
    )
    result: dict[int, Counts] = {}
    for row in totals:
        span = row.pop("span")
        more = names.get(span, {"name": None, "flagged": 0})
        result[span] = Counts(
            name=more["name"],
            flagged=more["flagged"],
            targets={r["word"]: r["seen"] for r in targets if r["span"] == span},
            layers={r["word"]: r["seen"] for r in layers if r["span"] == span},
            mechanisms=[{k: v for k, v in r.items() if k != "span"} for r in mechanisms if r["span"] == span],
            **row,
        )
    return result


def witnesses(con: duckdb.DuckDBPyConnection, of: Sequence[int]) -> dict[int, list[str]]:
    """For each event, measurements that witness it, spread over networks and days; after `counts`.

    Args:
        con: The connection on which `counts` was called last.
        of: For each span, in the order of their numbers, the event that it belongs to.
    """
    con.register(
        "detect_of_rows",
        pa.table({"span": pa.array(range(len(of)), pa.int64()), "event": pa.array(of, pa.int64())}),
    )
    rows = _dicts(
        con,
        f"""
        SELECT event, measurement_id FROM (
          SELECT o.event, m.measurement_id, m.network, m.time,
            row_number() OVER (PARTITION BY o.event, m.network, m.time // 86400 ORDER BY m.time, m.measurement_id) AS turn
          FROM (SELECT DISTINCT span, measurement_id, network, CAST(floor(epoch(time)) AS BIGINT) AS time
            FROM detect_measured WHERE against) m
          JOIN detect_of_rows o ON o.span = m.span
        )
        QUALIFY row_number() OVER (PARTITION BY event ORDER BY turn, time, measurement_id) <= {WITNESSES}
        ORDER BY event, time, measurement_id
        """,
    )
    con.unregister("detect_of_rows")
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row["event"], []).append(row["measurement_id"])
    return found


def bystanders(con: duckdb.DuckDBPyConnection, kind: str, spans: Sequence[Span]) -> list[dict[str, Any]]:
    """For each span (its network is not looked at): the networks measured in it, with counts.

    Returns:
        Rows of span, network, measurements, sessions and sessions_against; `span`, then most sessions first.
    """
    _register(con, spans)
    return _dicts(
        con,
        f"""
        SELECT span, network, count(*) AS measurements, count(DISTINCT source) AS sessions,
          count(DISTINCT source) FILTER (against) AS sessions_against
        FROM (
          SELECT s.span, r.network, r.measurement_id, min(r.source) AS source, bool_or({AGAINST[kind]}) AS against,
            coalesce(min(r.rank) FILTER (r.layer = 'all'), 6) AS whole
          FROM detect_spans s JOIN detect_rows r ON r.country = s.country AND r.service = s.service
            AND r.hour_index BETWEEN s.first AND s.last
            AND (len(s.hours) = 0 OR list_contains(s.hours, r.hour_index % 24))
            AND (len(s.weekdays) = 0 OR list_contains(s.weekdays, (r.hour_index // 24 + 3) % 7))
          GROUP BY s.span, r.network, r.measurement_id
        )
        WHERE against OR whole <= 5
        GROUP BY span, network ORDER BY span, sessions DESC, network
        """,
    )
