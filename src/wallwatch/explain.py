"""What `wallwatch explain` prints: how one verdict, event or outage came about, and what speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from wallwatch import detect, history, judge
from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.schema.words import LOCI, MECHANISMS
from wallwatch.show import Filters, iso, records

#: The heading above the published states.
PUBLISHED = "How it was published"


@dataclass(frozen=True, slots=True)
class Answer:
    """An explanation, as a record for scripts and as lines for people."""

    record: dict[str, Any]
    lines: list[str]


def explain(con: duckdb.DuckDBPyConnection, id_: str, *, days: bool = True) -> Answer:
    """Explains what an id, or the unique beginning of one, stands for.

    Args:
        con: A connection with the workspace's views.
        id_: A measurement, event or outage id; one that was published stands for what it has become.
        days: Whether the numbers of an event have its days and rules, for which all verdicts are read again.

    Raises:
        WallwatchError: Nothing has that id, or several things begin with it.
    """
    known = find(con, id_)
    states = history.revisions_of(con, id_ if known is None else known[1])
    if known is None:
        if not states:
            raise WallwatchError(
                f"no measurement, event or outage has the id {id_}; `wallwatch show events` lists ids"
            )
        if states[-1]["change"] == "withdrawn":
            return revision(con, id_, states[-1]["revision"])
        known = states[-1]["what"], states[-1]["computed_id"]
    kind, found = known
    if kind == "verdict":
        return _verdict(con, found)
    answer = _event(con, found, days) if kind == "event" else _outage(con, found)
    if not states:
        return answer
    as_of_old = (
        f"  published as {states[0]['id']}, which keeps its name: late data moved what the tables call it"
    )
    lines = [
        *answer.lines,
        *_heading(PUBLISHED),
        *([as_of_old] if states[0]["id"] != found else []),
        *(_published(state) for state in states[-8:]),
        f"  wallwatch explain {states[0]['id']} --revision {states[-1]['revision']} shows one as it was",
    ]
    shown = [
        {
            "revision": s["revision"],
            "published": iso(s["published"]),
            "change": s["change"],
            "changes": s["changes"],
        }
        for s in states
    ]
    return Answer({**answer.record, "published_as": states[0]["id"], "revisions": shown}, lines)


def _published(state: dict[str, Any]) -> str:
    word = state["change"] if state["material"] else "more data"
    return f"  {state['revision']}. {iso(state['published'])} {word}: {' '.join(state['changes'])}"


def revision(con: duckdb.DuckDBPyConnection, id_: str, number: int) -> Answer:
    """One published state of an event or outage, with what it rested on.

    Args:
        con: A connection with the workspace's views.
        id_: Its id.
        number: Which of its states, from 1.

    Raises:
        WallwatchError: It has no such state.
    """
    found = history.revision_of(con, id_, number)
    if found is None:
        last = len(history.revisions_of(con, id_))
        raise WallwatchError(
            f"{id_} has no revision {number}; it has {last}"
            if last
            else f"nothing was published under the id {id_}; `wallwatch show revisions` lists what was"
        )
    state = found["state"]
    lines = [
        f"{found['what'].capitalize()} {found['id']}, revision {number}, published {iso(found['published'])}",
        f"  {history.headline(found['what'], state)}",
        *_heading(f"What changed ({found['change']})"),
        *_listed(found["changes"], "nothing"),
        *([f"  see: wallwatch explain {found['superseded_by']}"] if found["superseded_by"] else []),
        *([f"  before, it was a part of {found['split_from']}"] if found["split_from"] else []),
        *_heading("Why"),
        *_listed(found["why"], "nothing"),
        *_heading("What it rested on"),
        f"  {len(found['files']):,} file(s); the SHA-256 of their ids is {found['inputs']}",
        f"  rules {found['rule_set']}, reference data {found['reference_set']}, code {found['code']}",
        *_heading("What was said then" if found["change"] != "withdrawn" else "What was said last"),
        *(
            f"  {name}: {_plainly(value)}"
            for name, value in state.items()
            if name not in ("details", "witnesses")
        ),
    ]
    record = {name: iso(value) if name == "published" else value for name, value in found.items()}
    return Answer({"explains": "revision", **record}, lines)


def _plainly(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(str(one) for one in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return "none" if value is None else str(value)


def find(con: duckdb.DuckDBPyConnection, id_: str) -> tuple[str, str] | None:
    """What an id of the tables stands for: `event`, `outage` or `verdict`, and the whole id; null where it is none.

    Raises:
        WallwatchError: Several things begin with it.
    """
    places = (
        ("event", "events", "event_id"),
        ("outage", "outages", "outage_id"),
        ("verdict", "verdicts", "measurement_id"),
    )
    for exact in (True, False):
        # The bounds let statistics of the tables say where to look.
        test = "{0} = $1" if exact else "starts_with({0}, $1) AND {0} >= $1 AND {0} <= $1 || chr(1114111)"
        found = [
            (kind, row[0])
            for kind, table, column in places
            for row in con.execute(
                f"SELECT DISTINCT {column} FROM {table} WHERE {test.format(column)} ORDER BY 1 LIMIT 6", [id_]
            ).fetchall()
        ]
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(name for _, name in found[:5])
            raise WallwatchError(f"several ids begin with {id_}: {several}{' …' if len(found) > 5 else ''}")
    return None


def _heading(title: str) -> list[str]:
    return ["", title]


def _listed(items: Sequence[str], none: str) -> list[str]:
    return [f"  - {safe_text(item)}" for item in items] or [f"  {none}"]


def _paths(mechanisms: Sequence[str]) -> list[str]:
    """Mechanism paths with what they mean; the beginning of a path means any of those that begin so."""
    lines = []
    for path in mechanisms:
        closer = [known for known in MECHANISMS if known.startswith(path + ".")]
        meaning = MECHANISMS.get(path) or f"one of {', '.join(closer)}; which of them was not shown"
        lines.append(f"{path}: {meaning}")
    return lines


def _fired(rules: Sequence[judge.FiredRule]) -> list[str]:
    """Each rule with what it means, what it says and what it was seen by."""
    lines = []
    for rule in rules:
        lines.append(
            safe_text(
                f"  - {rule.id} ({rule.host or 'whole'}): {rule.sentence} {rule.says}"
                f"{', which decided this layer' if rule.decides else ''} [{rule.source}]"
            )
        )
        if rule.decides:
            lines += [f"      {safe_text(sentence)}" for sentence in rule.because]
    return lines


def _verdict(con: duckdb.DuckDBPyConnection, id_: str) -> Answer:
    found = judge.explain(con, id_)
    shown = _one(con, "verdicts", id_)
    record = {"explains": "verdict", **found.as_json(), "verdict": shown}
    lines = [
        f"Measurement {id_}",
        f"  {found.summary}",
        (
            f"  read from {shown['source']}, {shown['time'] or 'at an unknown time'}, "
            f"{shown['probe_cc'] or 'unknown country'}, AS{shown['probe_asn'] or '?'}"
        ),
        *_heading("How it was judged"),
        f"  state: {found.state}; evidence: {found.evidence}; where the cause lies: {LOCI.get(shown['locus'], '?')}",
        *(f"  {line}" for line in _paths(found.mechanisms)),
        *(
            f"  {row.host or 'as a whole'}, {row.layer}: {row.state}"
            f"{', ' + ', '.join(row.mechanisms) if row.mechanisms else ''}"
            f"{' (' + row.decided_by + ')' if row.decided_by else ''}"
            for row in found.layers
        ),
        *_heading("What the probe saw, in order"),
        *_listed(found.seen, "nothing that could be read"),
        *_heading("What the control saw"),
        *_listed(found.control, "there is no control"),
        *_heading("Rules that fired"),
        *(_fired(found.rules) or ["  none"]),
        *_heading("What speaks against it"),
        *_listed([*found.against, *found.flags], "nothing that was looked for"),
        *_heading("What would change it"),
        *_listed(found.would_change, "nothing"),
        *_heading("How to check by hand"),
        *(f"  {command}" for command in found.check),
    ]
    if found.link:
        lines += [*_heading("The original"), f"  {found.link}"]
    lines += ["", f"rules {found.rule_set}, reference data {found.reference_set}"]
    return Answer(record, lines)


def _when(interval: dict[str, str | None] | None, missing: str) -> str:
    if not interval or not interval["best"]:
        return missing
    best, earliest, latest = (interval[part] or "?" for part in ("best", "earliest", "latest"))
    return f"{best} (between {earliest} and {latest})" if earliest != latest else best


def _one(con: duckdb.DuckDBPyConnection, what: str, id_: str) -> dict[str, Any]:
    return next(records(con, what, Filters(id=id_)))


def _event(con: duckdb.DuckDBPyConnection, id_: str, days: bool) -> Answer:
    record = _one(con, "events", id_)
    numbers = detect.explain(con, id_, days=days)
    networks = []
    for part in record["details"]:
        if "network" not in part:  # a service that failed in many countries has no networks of its own
            continue
        pattern = (part.get("recurrence") or {}).get("text")
        networks.append(
            f"AS{part['network']} {part.get('name') or ''}: "
            f"{', '.join(part.get('mechanisms') or []) or 'mechanism unclear'}; "
            f"from {_when(part.get('onset'), 'before the data')} to {_when(part.get('end'), 'not seen to end')}"
            + (f"; {pattern}" if pattern else "")
            + f"; probability {part['probability']:.3f}"
        )
    restricts = record["kind"] in ("blocking", "throttling")
    why = numbers.get("why", [])
    lines = [
        f"Event {id_}: {record['kind']} of {record['service']} in {record['country']}",
        (
            f"  probability {record['probability']:.3f}; found on {len(record['networks'])} of "
            f"{len(record['networks']) + len(record['networks_ok'])} networks that were measured enough; "
            f"{len(record['networks_insufficient'])} more were measured too little"
        ),
        f"  began {_when(record['onset'], 'before the data')}",
        f"  ended {_when(record['end'], 'not seen to end')}",
        (
            f"  {record['measurements_blocked']} of {record['measurements']} measurements, "
            f"{record['sessions_blocked']} of {record['sessions']} independent sessions "
            + ("found it blocked" if restricts else "look as if it was blocked, each by itself")
        ),
    ]
    if restricts:
        lines += [
            *_heading("By which mechanism"),
            *_listed(_paths(record["mechanisms"]), "unclear"),
            *_heading("On which networks"),
            *_listed(networks, "none"),
            *_heading("Measured at the time and found fine"),
            f"  {', '.join(f'AS{n}' for n in record['networks_ok']) or 'no network'}",
            *_heading("Measured too little to say"),
            f"  {', '.join(f'AS{n}' for n in record['networks_insufficient']) or 'no network'}",
        ]
    lines += [
        *_heading("Why this is claimed"),
        *_listed(why, "see the numbers with --format json"),
        *_heading("What speaks against it"),
        *_listed([said for said in record["against"] if said not in why], "nothing that was looked for"),
        *_heading("How to check by hand"),
        *(f"  wallwatch explain {witness}" for witness in record["witnesses"][:3]),
    ]
    return Answer({"explains": "event", **record, "numbers": numbers}, lines)


def _outage(con: duckdb.DuckDBPyConnection, id_: str) -> Answer:
    record = _one(con, "outages", id_)
    place = record["region"] or (f"AS{record['network']}" if record["network"] else "the whole country")
    parts = con.execute(
        "SELECT outage_id, region, onset_best, depth FROM outages WHERE parent = ? ORDER BY onset_best, region",
        [id_],
    ).fetchall()
    left = "" if record["plateau"] is None else f"; {record['plateau']:.0%} of the normal level at the end"
    lines = [
        f"Outage {id_}: {record['kind']} in {record['country']}, {place}",
        f"  probability {record['probability']:.3f}; {record['depth']:.0%} of the normal level lost{left}",
        f"  began {_when(record['onset'], 'before the data')}",
        f"  ended {_when(record['end'], 'not seen to end in the data')}",
        *([f"  it came and went: {record['recurrence']['text']}"] if record["recurrence"] else []),
        (
            f"  {record['regions']} of {record['regions_measured']} regions or places with data; "
            f"signals: {', '.join(record['signals'])}"
        ),
        *_heading("Why this kind"),
        *([f"  {detect.kind_rule(record['rule'])}"] if record["rule"] else []),
        *_listed(record["reasons"], "no reason was noted"),
        *_heading("What speaks against it"),
        *_listed(record["against"], "nothing that was looked for"),
    ]
    if record["parent"]:
        lines += [*_heading("Part of"), f"  wallwatch explain {record['parent']}"]
    if parts:
        lines += [
            *_heading("Its parts"),
            *(
                f"  {region or '?'}: from {iso(onset) or '?'}, {depth:.0%} lost ({part})"
                for part, region, onset, depth in parts
            ),
        ]
    inside = [
        {"outage_id": part, "region": region, "onset": iso(onset), "depth": depth}
        for part, region, onset, depth in parts
    ]
    return Answer({"explains": "outage", **record, "parts": inside}, lines)
