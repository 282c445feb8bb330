"""Whether a claim still follows: what was claimed, beside what the lines give when they are judged again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from wallwatch.show import Filters, Record, records

#: By so much may a probability or a depth be smaller.
SLACK = 0.05


@dataclass(slots=True)
class Outcome:
    """What came of judging again.

    Attributes:
        record: What was found in the claim's place; null where nothing was.
        broken: Why the claim does not follow, in sentences; empty where it does.
        differs: What else is not the same, in sentences.
    """

    record: Record | None = None
    broken: list[str] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)

    @property
    def follows(self) -> bool:
        """Whether the claim follows."""
        return self.record is not None and not self.broken


def compare(con: duckdb.DuckDBPyConnection, kind: str, claim: Record) -> Outcome:
    """Looks for a claim in a workspace.

    Args:
        con: A connection with the views of the workspace that was made again.
        kind: `event`, `outage` or `verdict`.
        claim: The claim's record.
    """
    if kind == "verdict":
        return _verdict(con, claim)
    return _event(con, claim) if kind == "event" else _outage(con, claim)


def _verdict(con: duckdb.DuckDBPyConnection, claim: Record) -> Outcome:
    outcome = Outcome(next(records(con, "verdicts", Filters(id=claim["measurement_id"])), None))
    found = outcome.record
    if found is None:
        outcome.broken.append(f"measurement {claim['measurement_id']} is not among the enclosed lines")
        return outcome
    for name in ("state", "mechanisms", "locus", "evidence", "layers", "flags"):
        if found[name] != claim[name]:
            outcome.broken.append(f"{name}: {_said(claim[name])} was claimed, {_said(found[name])} is found")
    for name in ("rules", "against", "input", "target", "probe_cc", "probe_asn", "time"):
        if found[name] != claim[name]:
            outcome.differs.append(f"{name}: {_said(claim[name])} was noted, {_said(found[name])} is found")
    return outcome


def _event(con: duckdb.DuckDBPyConnection, claim: Record) -> Outcome:
    same = (
        record
        for record in records(con, "events", Filters(country=claim["country"]))
        if record["kind"] == claim["kind"] and record["service"] == claim["service"]
    )
    found = _best(same, claim, "event_id")
    outcome = Outcome(found)
    if found is None:
        outcome.broken.append(
            f"no {claim['kind']} of {claim['service']} in {claim['country']} is found at that time"
        )
        return outcome
    lost = sorted(set(claim["networks"]) - set(found["networks"]))
    if lost:
        outcome.broken.append("not found any more on " + ", ".join(f"AS{network}" for network in lost))
    gained = sorted(set(found["networks"]) - set(claim["networks"]))
    if gained:
        outcome.differs.append("found on more networks: " + ", ".join(f"AS{network}" for network in gained))
    _times(claim, found, outcome)
    for path in claim["mechanisms"]:
        if not any(_related(path, other) for other in found["mechanisms"]):
            outcome.broken.append(f"mechanism {path} is not found any more")
    if found["probability"] < claim["probability"] - SLACK:
        outcome.broken.append(
            f"probability {found['probability']:.3f} is found, {claim['probability']:.3f} was claimed"
        )
    if (found["recurrence"] is None) != (claim["recurrence"] is None):
        outcome.broken.append(
            f"pattern in time: {_said(claim['recurrence'])} was claimed, {_said(found['recurrence'])} is found"
        )
    _others(
        claim,
        found,
        outcome,
        "networks_ok measurements measurements_blocked sessions sessions_blocked recurrence witnesses against",
    )
    return outcome


def _outage(con: duckdb.DuckDBPyConnection, claim: Record) -> Outcome:
    same = (
        record
        for record in records(con, "outages", Filters(country=claim["country"]))
        if all(record[name] == claim[name] for name in ("kind", "scope", "region", "network"))
    )
    found = _best(same, claim, "outage_id")
    outcome = Outcome(found)
    if found is None:
        place = claim["region"] or claim["country"]
        outcome.broken.append(f"no outage of the kind {claim['kind']} in {place} is found at that time")
        return outcome
    _times(claim, found, outcome)
    if found["depth"] < claim["depth"] - SLACK:
        outcome.broken.append(f"depth {found['depth']:.2f} is found, {claim['depth']:.2f} was claimed")
    if found["probability"] < claim["probability"] - SLACK:
        outcome.broken.append(
            f"probability {found['probability']:.3f} is found, {claim['probability']:.3f} was claimed"
        )
    lost = sorted(set(claim["signals"]) - set(found["signals"]))
    if lost:
        outcome.broken.append("not shown any more by " + ", ".join(lost))
    _others(claim, found, outcome, "plateau regions regions_measured against reasons")
    return outcome


def _best(found: Any, claim: Record, key: str) -> Record | None:
    """The one with the claim's id, else the one whose time is nearest among those that overlap it."""
    candidates: list[Record] = list(found)
    for record in candidates:
        if record[key] == claim[key]:
            return record
    overlapping = [record for record in candidates if _overlap(record, claim)]
    return min(overlapping, key=lambda record: (_apart(record, claim), record[key]), default=None)


def _apart(one: Record, other: Record) -> float:
    """Seconds between two onsets; one before the data is farthest."""
    moments = [record["onset"]["best"] for record in (one, other)]
    if None in moments:
        return float("inf")
    first, second = (datetime.fromisoformat(moment) for moment in moments)
    return abs((first - second).total_seconds())


def _overlap(one: Record, other: Record) -> bool:
    def begin(record: Record) -> str:
        return record["onset"]["earliest"] or ""

    def end(record: Record) -> str:
        return (record["end"] or {}).get("latest") or "9999"

    return begin(one) <= end(other) and begin(other) <= end(one)


def _times(claim: Record, found: Record, outcome: Outcome) -> None:
    for name, word in (("onset", "beginning"), ("end", "end")):
        was, is_ = claim[name] or {}, found[name] or {}
        best, again = was.get("best"), is_.get("best")
        if best == again:
            continue
        inside = bool(again and was.get("earliest") and was["earliest"] <= again <= (was.get("latest") or ""))
        sentence = f"{word}: {best or 'none seen'} was claimed, {again or 'none seen'} is found"
        (outcome.differs if inside and best else outcome.broken).append(sentence)


def _others(claim: Record, found: Record, outcome: Outcome, names: str) -> None:
    for name in names.split():
        if found[name] != claim[name]:
            outcome.differs.append(f"{name}: {_said(claim[name])} was noted, {_said(found[name])} is found")


def _related(path: str, other: str) -> bool:
    return path == other or path.startswith(other + ".") or other.startswith(path + ".")


def _said(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    if isinstance(value, list):
        return f"{len(value)} items" if len(value) > 6 else ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return str(value["text"]) if "text" in value else ", ".join(f"{k} {v}" for k, v in value.items())
    return str(value)


def states(con: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """State and mechanisms of each measurement."""
    found = con.execute(
        "SELECT measurement_id, state, mechanisms FROM verdicts "
        "WHERE layer = 'all' AND list_contains($ids, measurement_id)",
        {"ids": list(ids)},
    ).fetchall()
    return {id_: (state, tuple(mechanisms or ())) for id_, state, mechanisms in found}
