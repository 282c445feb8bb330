"""Events: each restriction as one row, with what speaks for it and against it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.detect import rows, spans
from wallwatch.detect.common_mode import FAILS, MOST, NOWHERE, ServiceOutage, service_outages
from wallwatch.detect.episodes import Episode
from wallwatch.detect.find import Found, find, pattern
from wallwatch.detect.recurrence import Recurrence
from wallwatch.detect.restrictions import Restriction, contradicted, doubt, event_id, probability
from wallwatch.detect.runs import Moment
from wallwatch.detect.spans import Counts, Span
from wallwatch.detect.votes import AGAINST
from wallwatch.schema import DOUBTS, EVENTS

#: Nothing is surer than this.
MOST_SURE = 0.999

#: A layer or mechanism belongs to an event where this share of the measurements against the target shows it.
NOTABLE = 0.05

#: A network was measured enough and found fine with so many sessions, one for every two days or more of the
#: restriction, and at most this share of them against the target.
FINE_SESSIONS = 5
FINE_SHARE = 0.2

#: So many sessions without credentials that contradict an event in its own time, and so large a share of all, are named
#: as a doubt (trap C2).
DISAGREE_SESSIONS = 5
DISAGREE_SHARE = 0.1


_SHARED = (
    "it began in them together and ended in them together, as when a server or a path that they share fails"
)


def events_and_doubts(con: duckdb.DuckDBPyConnection) -> tuple[pa.Table, pa.Table]:
    """What `by_country.events_and_doubts` tells, of all countries together.

    Args:
        con: Shows `verdicts`; gains temporary views and tables named `detect_…`.

    Raises:
        duckdb.Error: `verdicts` is missing, or lacks a column.
    """
    rows.prepare(con, trusted=True)
    outages = service_outages(con)
    found, doubts = of_countries(con, outages)
    return in_order(everywhere(con, outages) + found, doubts)


def everywhere(con: duckdb.DuckDBPyConnection, outages: Sequence[ServiceOutage]) -> list[dict[str, Any]]:
    """The events that are told from all countries together, as rows: failures of services and of software.

    Args:
        con: Shows `verdicts`, and has the tables `detect_rows` and `detect_faulty` (`rows.prepare`).
        outages: The failures of services.
    """
    return [_outage_row(con, outage) for outage in outages] + _instrument_rows(con)


def of_countries(
    con: duckdb.DuckDBPyConnection, outages: Sequence[ServiceOutage]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The restrictions in the countries that a connection shows, and what may be forged, as rows of events and of doubts.

    Each country's are told from its own rows, and from what `detect_fine` and the outages say of all.

    Args:
        con: Shows `verdicts`, and has the tables `detect_rows` and `detect_fine` (`rows.prepare`).
        outages: The failures of services everywhere: what they explain is no restriction.
    """
    seen = {kind: find(con, kind, outages) for kind in AGAINST}
    return (
        [row for found in seen.values() for row in _restriction_rows(con, found)],
        [row for kind, found in seen.items() for row in _doubt_rows(kind, found)],
    )


def in_order(found: Iterable[dict[str, Any]], doubts: Iterable[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """Rows of events and of doubts as tables, in the order of their keys."""
    ordered = sorted(
        found,
        key=lambda row: (
            row["country"],
            row["service"],
            row["onset_earliest"] is not None,
            row["onset_earliest"] or 0,
            row["event_id"],
        ),
    )
    doubted = sorted(
        doubts,
        key=lambda row: tuple(row[name] for name in ("country", "service", "network", "first_seen", "kind")),
    )
    return EVENTS.from_rows(ordered), DOUBTS.from_rows(doubted)


def _doubt_rows(kind: str, found: Found) -> list[dict[str, Any]]:
    told = {episode for restriction in found.restrictions for episode in restriction.episodes}
    result = []
    for episode in found.episodes:
        support = found.supports[episode]
        if episode in told or not contradicted(episode, support):
            continue
        against, votes, beside = episode.tells_most
        target, layer = episode.speaks
        result.append(
            {
                "kind": kind,
                "country": episode.country,
                "network": episode.network,
                "service": episode.service,
                "target": target,
                "layer": layer,
                "first_seen": moment(episode.first),
                "last_seen": moment(episode.last + 1),
                "votes": round(votes, 1),
                "votes_blocked": round(against, 1),
                "share_beside": round(beside, 3),
                "probability": round(min(probability(episode, support), MOST_SURE), 4),
                "reason": doubt(episode, support),
            }
        )
    return result


def moment(hour: int | None) -> datetime | None:
    """An hour since 1970-01-01 00:00 UTC as a time."""
    return None if hour is None else datetime.fromtimestamp(hour * 3600, UTC)


def _iso(hour: int | None) -> str | None:
    return None if hour is None else datetime.fromtimestamp(hour * 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _interval(at: Moment) -> dict[str, str | None]:
    return {"best": _iso(at.best), "earliest": _iso(at.earliest), "latest": _iso(at.latest)}


def _restriction_rows(con: duckdb.DuckDBPyConnection, found: Found) -> list[dict[str, Any]]:
    members = [(number, episode) for number, r in enumerate(found.restrictions) for episode in r.episodes]
    if not members:
        return []
    kind = found.restrictions[0].kind
    measured = [Span(i, e.country, e.service, e.network, e.first, e.last) for i, (_, e) in enumerate(members)]
    counted = spans.counts(con, kind, measured)
    witnessed = spans.witnesses(con, [number for number, _ in members])
    patterns = [_Patterns.of(found, restriction) for restriction in found.restrictions]
    # A network that was measured only when nobody was restricted was not found fine.
    whole = [
        Span(i, r.country, r.service, 0, r.first, r.last, *patterns[i].when)
        for i, r in enumerate(found.restrictions)
    ]
    beside = spans.bystanders(con, kind, whole)
    result = []
    for number, restriction in enumerate(found.restrictions):
        own = [counted[i] for i, (of, _) in enumerate(members) if of == number]
        others = [row for row in beside if row["span"] == number]
        result.append(_row(restriction, patterns[number], own, others, witnessed.get(number, [])))
    return result


@dataclass(frozen=True, slots=True)
class _Patterns:
    """Patterns in time of an event.

    Attributes:
        each: Of each of its episodes.
        whole: Of the event; where no episode has one alone, of all together.
        networks: The networks that keep to it.
        everywhere: Whether these are all.
    """

    each: tuple[Recurrence | None, ...]
    whole: Recurrence | None
    networks: tuple[int, ...]
    everywhere: bool

    @classmethod
    def of(cls, found: Found, restriction: Restriction) -> _Patterns:
        """The patterns of an event."""
        each = tuple(pattern(found.series, episode) for episode in restriction.episodes)
        repeating = [
            (one.votes_inside, -episode.network, one)
            for episode, one in zip(restriction.episodes, each, strict=True)
            if one is not None
        ]
        networks = {episode.network for episode in restriction.episodes}
        if not repeating:
            together = pattern(found.series, *restriction.episodes)
            return cls(each, together, tuple(sorted(networks)) if together else (), together is not None)
        whole = max(repeating, key=lambda item: item[:2])[2]
        keeping = sorted({-negative for _, negative, _ in repeating})
        return cls(each, whole, tuple(keeping), len(keeping) == len(networks))

    @property
    def when(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Hours and days in which other networks are compared with it: those of its pattern where all keep to it."""
        if self.whole is None or not self.everywhere:
            return (), ()
        return self.whole.hours, self.whole.weekdays

    def record(self) -> str | None:
        """As the schema's JSON object."""
        if self.whole is None:
            return None
        record = self.whole.record()
        record["networks"] = list(self.networks)
        if not self.everywhere:
            named = ", ".join(f"AS{network}" for network in self.networks)
            record["text"] = f"on {named}: {self.whole.text}"
        return json.dumps(record, ensure_ascii=False, sort_keys=True)


def _row(
    restriction: Restriction,
    patterns: _Patterns,
    own: Sequence[Counts],
    beside: Sequence[dict[str, Any]],
    witnesses: list[str],
) -> dict[str, Any]:
    networks = sorted({episode.network for episode in restriction.episodes})
    others = [row for row in beside if row["network"] not in networks]
    enough = max(FINE_SESSIONS, (restriction.last - restriction.first) / 48)
    fine = [
        row
        for row in others
        if row["sessions"] >= enough and row["sessions_against"] <= FINE_SHARE * row["sessions"]
    ]
    unclear = [row for row in others if row not in fine]
    onset, end = restriction.onset, restriction.end
    against = sum(count.against for count in own)
    mechanisms = _mechanisms(
        [{m["path"]: m["measurements"] for m in count.mechanisms} for count in own], against
    )
    return {
        "event_id": restriction.event_id,
        "kind": restriction.kind,
        "country": restriction.country,
        "service": restriction.service,
        "networks": networks,
        "networks_ok": sorted(row["network"] for row in fine),
        "networks_insufficient": sorted(row["network"] for row in unclear),
        "targets": _notable([count.targets for count in own], against),
        "layers": _notable([count.layers for count in own], against),
        "mechanisms": mechanisms,
        "onset_best": moment(onset.best),
        "onset_earliest": moment(onset.earliest),
        "onset_latest": moment(onset.latest),
        "end_best": moment(end.best),
        "end_earliest": moment(end.earliest),
        "end_latest": moment(end.latest),
        "recurrence": patterns.record(),
        "probability": round(min(restriction.probability, MOST_SURE), 4),
        "measurements": sum(count.measurements for count in own),
        "measurements_blocked": against,
        "sessions": sum(count.sessions for count in own),
        "sessions_blocked": sum(count.sessions_against for count in own),
        "witnesses": witnesses,
        "against": _speaks_against(restriction, own, fine, unclear, mechanisms),
        "details": json.dumps(
            [
                _detail(episode, sure, count, repeats)
                for episode, sure, count, repeats in zip(
                    restriction.episodes, restriction.each, own, patterns.each, strict=True
                )
            ],
            ensure_ascii=False,
            sort_keys=True,
        ),
    }


def _notable(words: Sequence[dict[str, int]], against: int) -> list[str]:
    """The words that are found often enough, most frequent first."""
    sums: dict[str, int] = {}
    for counted in words:
        for word, seen in counted.items():
            sums[word] = sums.get(word, 0) + seen
    ranked = sorted(sums, key=lambda word: (-sums[word], word))
    return [word for word in ranked if sums[word] >= NOTABLE * against] or ranked[:1]


def _mechanisms(words: Sequence[dict[str, int]], against: int) -> list[str]:
    """The paths that are notable in the event or on one of its networks; those that a deeper one says better go."""
    paths = _notable(words, against)
    for counted in words:
        paths += [path for path in _notable([counted], sum(counted.values())) if path not in paths]
    return [path for path in paths if not any(other.startswith(path + ".") for other in paths)]


def _detail(episode: Episode, sure: float, count: Counts, repeats: Recurrence | None) -> dict[str, Any]:
    return {
        "network": episode.network,
        "name": count.name,
        "layers": _notable([count.layers], count.against),
        "targets": _notable([count.targets], count.against),
        "mechanisms": _mechanisms([{m["path"]: m["measurements"] for m in count.mechanisms}], count.against),
        # When each was seen first and last: a block that moves from one to another shows here (trap C16).
        "mechanisms_seen": count.mechanisms,
        "onset": _interval(episode.onset),
        "end": _interval(episode.end),
        "first_seen": _iso(episode.first),
        "last_seen": _iso(episode.last + 1),
        "recurrence": None if repeats is None else repeats.record(),
        "probability": round(min(sure, MOST_SURE), 4),
        "measurements": count.measurements,
        "measurements_blocked": count.against,
        "sessions": count.sessions,
        "sessions_blocked": count.sessions_against,
        "insufficient": count.insufficient,
        "left_out": count.flagged,
    }


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _speaks_against(
    restriction: Restriction,
    own: Sequence[Counts],
    fine: Sequence[dict[str, Any]],
    unclear: Sequence[dict[str, Any]],
    mechanisms: Sequence[str],
) -> list[str]:
    said = [
        f"AS{row['network']} was measured {_many(row['measurements'], 'time')} and found fine"
        for row in fine[:5]
    ]
    if len(fine) > 5:
        said.append(f"{_many(len(fine) - 5, 'more network')} measured and found fine")
    if unclear:
        said.append(
            f"{_many(len(unclear), 'network')} measured too little, or with too mixed results, to say"
        )
    for episode, count in zip(restriction.episodes, own, strict=True):
        name = f"AS{episode.network}"
        if count.sessions_against < 10:
            said.append(f"only {_many(count.sessions_against, 'session')} on {name} found it blocked")
        share = count.against / max(count.measurements, 1)
        if share < 0.8:
            said.append(f"{share:.0%} of the measurements on {name} in that time found it blocked, not all")
        disagree = count.sessions - count.sessions_against
        if disagree >= max(DISAGREE_SESSIONS, DISAGREE_SHARE * count.sessions) and not count.credentialed:
            said.append(
                f"{_many(disagree, 'session')} on {name} found it working in the same time, and no probe carries a "
                "credential: that forged sessions are among either kind cannot be ruled out"
            )
        if not count.artefacts:
            said.append(
                f"no measurement on {name} shows what only interference leaves behind, such as a block page"
            )
        if episode.end.best is None:
            said.append(f"on {name} nothing after {_iso(episode.last + 1)} tells whether it ended")
        if count.flagged:
            said.append(f"{_many(count.flagged, 'measurement')} on {name} left out for doubts about them")
    if not fine and not any(count.artefacts for count in own) and _by_servers_too(mechanisms):
        said.append(
            "a server that itself cuts the connections of a whole country would look the same: no network there was "
            "found fine, and nothing shows that a name is what is acted upon"
        )
    if restriction.onset.best is None:
        said.append("it was there when the data begin: when it started is unknown")
    return said


def _by_servers_too(mechanisms: Sequence[str]) -> bool:
    """Whether servers could do it all to those whom they refuse: nothing with names, and no shown trigger."""
    return bool(mechanisms) and not any(
        path.startswith("dns") or path.endswith((".sni", ".host")) or "throttle" in path
        for path in mechanisms
    )


def _outage_row(con: duckdb.DuckDBPyConnection, outage: ServiceOutage) -> dict[str, Any]:
    run = outage.run
    where = (
        "service = $service AND list_contains($countries, country) AND hour_index BETWEEN $first AND $last "
        "AND layer = 'all'"
    )
    given = {
        "service": outage.service,
        "countries": list(outage.countries),
        "first": run.first,
        "last": run.last,
    }
    totals = con.execute(
        "SELECT count(*), count(*) FILTER (rank <= 2), count(DISTINCT session), count(DISTINCT session) "
        f"FILTER (rank <= 2), list(DISTINCT network ORDER BY network) FILTER ({FAILS}), "
        f"list(DISTINCT target ORDER BY target) FILTER ({FAILS}) FROM detect_rows WHERE {where}",
        given,
    ).fetchall()[0]
    ids = con.execute(
        "SELECT measurement_id FROM (SELECT measurement_id, row_number() OVER (PARTITION BY country, network "
        f"ORDER BY time, measurement_id) AS turn FROM detect_rows WHERE {where} AND {FAILS}) "
        f"ORDER BY turn, measurement_id LIMIT {spans.WITNESSES}",
        given,
    ).fetchall()
    countries = con.execute(
        f"SELECT country, count(*), count(*) FILTER ({FAILS}) "
        f"FROM detect_rows WHERE {where} GROUP BY country ORDER BY country",
        given,
    ).fetchall()
    said = (
        f"it failed in {len(outage.countries)} of {outage.measured} countries where it usually works and was measured "
        f"then ({', '.join(outage.countries)}): no national restriction"
    )
    return {
        "event_id": event_id("service_outage", NOWHERE, outage.service, run.alarm),
        "kind": "service_outage",
        "country": NOWHERE,
        "service": outage.service,
        "networks": totals[4],
        "networks_ok": [],
        "networks_insufficient": [],
        "targets": totals[5],
        "layers": [],
        "mechanisms": [],
        "onset_best": moment(run.onset.best),
        "onset_earliest": moment(run.onset.earliest),
        "onset_latest": moment(run.onset.latest),
        "end_best": moment(run.end.best),
        "end_earliest": moment(run.end.earliest),
        "end_latest": moment(run.end.latest),
        "probability": round(min(run.probability, MOST_SURE), 4),
        "measurements": totals[0],
        "measurements_blocked": totals[1],
        "sessions": totals[2],
        "sessions_blocked": totals[3],
        "witnesses": sorted(id_ for (id_,) in ids),
        "against": [said] if len(outage.countries) >= MOST * outage.measured else [said, _SHARED],
        "details": json.dumps(
            [{"country": name, "measurements": n, "failing": k} for name, n, k in countries], sort_keys=True
        ),
    }


def _instrument_rows(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    faulty = con.sql(
        """
        SELECT v.service, f.software, count(DISTINCT v.country) AS countries, min(v.country) AS country,
          list(DISTINCT v.network ORDER BY v.network) AS networks, list(DISTINCT v.target ORDER BY v.target) AS targets,
          CAST(floor(min(epoch(v.time)) / 3600) AS BIGINT) AS first,
          CAST(floor(max(epoch(v.time)) / 3600) AS BIGINT) AS last,
          count(*) AS measurements, count(*) FILTER (v.state IN ('blocked', 'likely_blocked')) AS blocked,
          count(DISTINCT v.session) AS sessions,
          count(DISTINCT v.session) FILTER (v.state IN ('blocked', 'likely_blocked')) AS sessions_blocked,
          list_sort(list(v.measurement_id))[1:200] AS witnesses
        FROM detect_faulty f JOIN verdicts v ON v.target = f.target AND v.software = f.software
        WHERE v.layer = 'all' AND len(v.flags) = 0 AND v.time IS NOT NULL AND v.country IS NOT NULL
          AND v.network IS NOT NULL AND v.state IN ('blocked', 'likely_blocked', 'impaired', 'down')
        GROUP BY v.service, f.software ORDER BY v.service, f.software
        """
    ).to_arrow_table()
    result = []
    for row in faulty.to_pylist():
        country = row["country"] if row["countries"] == 1 else NOWHERE
        result.append(
            {
                "event_id": event_id("instrument " + row["software"], country, row["service"], row["first"]),
                "kind": "instrument",
                "country": country,
                "service": row["service"],
                "networks": row["networks"],
                "networks_ok": [],
                "networks_insufficient": [],
                "targets": row["targets"],
                "layers": [],
                "mechanisms": [],
                "onset_best": moment(row["first"]),
                "onset_earliest": None,
                "onset_latest": moment(row["first"] + 1),
                "end_earliest": moment(row["last"]),
                "probability": MOST_SURE,
                "measurements": row["measurements"],
                "measurements_blocked": row["blocked"],
                "sessions": row["sessions"],
                "sessions_blocked": row["sessions_blocked"],
                "witnesses": row["witnesses"],
                "against": [
                    f"the failures follow {row['software']}: other software on the same networks and days finds it fine"
                ],
                "details": json.dumps([{"software": row["software"]}], ensure_ascii=False),
            }
        )
    return result
