"""Events against the simulated truth: found, false, doubled and merged, and how well they are placed in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from wallwatch.evaluate.numbers import Errors, Share, expand, outside

#: Kinds that accuse; the others are notes that something is no restriction.
ACCUSING = frozenset({"blocking", "throttling"})
#: A restriction that fewer sessions met in every network could hardly be seen by anybody.
_LEAST_SESSIONS = 3
#: What an event may begin early or end late and still be of the same time.
_TOLERANCE = timedelta(hours=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TrueEvent:
    """A restriction of the truth.

    Attributes:
        onset_seen: When the first measurement met it.
        end_seen: When the last one did.
        networks_seen: Networks in which at least three sessions met it.
        required: Whether missing it is a fault.
    """

    key: str
    kind: str
    country: str
    service: str
    targets: frozenset[str]
    networks: frozenset[int]
    mechanisms: frozenset[str]
    onset: datetime | None
    onset_seen: datetime | None
    end_seen: datetime | None
    end: datetime | None
    recurring: bool
    traps: tuple[str, ...]
    sessions: int
    networks_seen: frozenset[int]
    required: bool = True

    @property
    def visible(self) -> bool:
        """Whether volunteers met it often enough for anybody to see it."""
        return self.sessions >= _LEAST_SESSIONS and bool(self.networks_seen)


@dataclass(frozen=True, slots=True)
class Claim:
    """An event that was claimed."""

    event_id: str
    kind: str
    country: str
    service: str
    targets: frozenset[str]
    networks: frozenset[int]
    mechanisms: tuple[str, ...]
    onset: datetime | None
    onset_earliest: datetime | None
    onset_latest: datetime | None
    end: datetime | None
    end_latest: datetime | None
    recurring: bool

    def meets(self, truth: TrueEvent) -> bool:
        """Whether it is about the same: country, service or targets, a network, and a time in common."""
        if self.country != truth.country or not (
            self.service == truth.service or self.targets & truth.targets
        ):
            return False
        if self.networks and truth.networks and not self.networks & truth.networks:
            return False
        return self._at_the_time_of(truth)

    def notes(self, truth: TrueEvent) -> bool:
        """Whether it is about the same service and time: what is no restriction has no country of its own."""
        same = self.service == truth.service or bool(self.targets & truth.targets)
        return same and self._at_the_time_of(truth)

    def _at_the_time_of(self, truth: TrueEvent) -> bool:
        begins = truth.onset or _FIRST
        first, last = self.onset or self.onset_earliest or _FIRST, self.end or _LAST
        return last >= begins and (truth.end is None or first <= truth.end + _TOLERANCE)

    def __str__(self) -> str:
        """What it claims, on one line."""
        networks = ", ".join(f"AS{number}" for number in sorted(self.networks))
        first = "before the data" if self.onset is None else f"{self.onset:%Y-%m-%d %H:%M}"
        last = "lasting" if self.end is None else f"{self.end:%Y-%m-%d %H:%M}"
        return f"{self.kind} of {self.service} in {self.country} ({networks}), {first} – {last}, {', '.join(self.mechanisms)}"


@dataclass(frozen=True, slots=True)
class Placed:
    """How one restriction was found.

    Attributes:
        claims: Events that meet it.
        onset_hours: How far off its onset is; null where it or the claim has none.
        end_hours: How far off its end is; null where it or the claim has none.
    """

    claims: int
    onset_hours: float | None = None
    end_hours: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "claims": self.claims,
            "onset_error_hours": self.onset_hours,
            "end_error_hours": self.end_hours,
        }


@dataclass(frozen=True, slots=True)
class EventScore:
    """How well the claimed restrictions agree with the truth.

    Attributes:
        false: Claimed restrictions that meet none of the truth, of all claimed.
        false_claims: Which these are.
        precision: Claimed restrictions that meet one of the truth, of all claimed.
        recall: Restrictions of the truth that volunteers could see and that were found, of all such.
        missed: Which were not found.
        hardly_seen: Restrictions that too few sessions met; in no recall.
        doubled: Restrictions of the truth that several claims meet, with how many.
        merged: Claims that meet several restrictions of the truth, with which.
        networks_right: Networks claimed that are of the restriction, of all claimed by events that meet one.
        networks_found: Networks in which it could be seen and that are claimed, of all such.
        onset: Hours between the best guess and the time from onset to the first measurement that met it.
        end: Hours between the best guess and the time from the last measurement that met it to its end.
        open_onset: Restrictions from before the data that are said to be so, of those found.
        open_end: Restrictions that last and are said to last, of those found.
        recurring: Recurring restrictions found as recurring, of those found.
        mechanisms: By true mechanism: restrictions found, and mechanism paths named.
        traps: By trap: restrictions found.
        each: By restriction that could be seen: how many events found it, and how far off they are placed.
        notes: Events that say that something is no restriction, by kind: those that are right, of all.
    """

    false: Share
    false_claims: tuple[str, ...]
    precision: Share
    recall: Share
    missed: tuple[str, ...]
    hardly_seen: tuple[str, ...]
    doubled: Mapping[str, int]
    merged: Mapping[str, tuple[str, ...]]
    networks_right: Share
    networks_found: Share
    onset: Errors
    end: Errors
    open_onset: Share
    open_end: Share
    recurring: Share
    mechanisms: Mapping[str, tuple[Share, Share]]
    traps: Mapping[str, Share]
    each: Mapping[str, Placed]
    notes: Mapping[str, Share]

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "false": self.false.as_dict() | {"claims": list(self.false_claims)},
            "precision": self.precision.as_dict(),
            "recall": self.recall.as_dict() | {"missed": list(self.missed)},
            "hardly_seen": list(self.hardly_seen),
            "doubled": dict(self.doubled),
            "merged": {claim: list(keys) for claim, keys in self.merged.items()},
            "networks_right": self.networks_right.as_dict(),
            "networks_found": self.networks_found.as_dict(),
            "onset_error": self.onset.as_dict(),
            "end_error": self.end.as_dict(),
            "open_onset": self.open_onset.as_dict(),
            "open_end": self.open_end.as_dict(),
            "recurring": self.recurring.as_dict(),
            "mechanisms": {
                name: {"found": found.as_dict(), "named": named.as_dict()}
                for name, (found, named) in self.mechanisms.items()
            },
            "traps": {name: share.as_dict() for name, share in self.traps.items()},
            "each": {key: placed.as_dict() for key, placed in self.each.items()},
            "notes": {kind: share.as_dict() for kind, share in self.notes.items()},
        }


def claims(con: duckdb.DuckDBPyConnection) -> list[Claim]:
    """The events that the connection shows, in the order of their ids."""
    rows = con.sql(
        """
        SELECT event_id, kind, country, service, targets, networks, mechanisms,
          onset_best, onset_earliest, onset_latest, end_best, end_latest, recurrence IS NOT NULL
        FROM events ORDER BY event_id
        """
    ).fetchall()
    return [
        Claim(
            row[0],
            row[1],
            row[2],
            row[3],
            frozenset(row[4]),
            frozenset(row[5]),
            tuple(row[6]),
            _utc(row[7]),
            _utc(row[8]),
            _utc(row[9]),
            _utc(row[10]),
            _utc(row[11]),
            row[12],
        )
        for row in rows
    ]


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.astimezone(UTC)


def truths(rows: Iterable[Mapping[str, str]]) -> list[TrueEvent]:
    """The lines of `events.csv`."""
    return [
        TrueEvent(
            row["event"],
            row["kind"],
            row["country"],
            row["service"],
            frozenset(_split(row["targets"])),
            frozenset(map(int, _split(row["networks"]))),
            frozenset(_split(row["mechanisms"])),
            parse(row["onset"]),
            parse(row["onset_seen"]),
            parse(row["end_seen"]),
            parse(row["end"]),
            bool(row["recurrence"]),
            tuple(_split(row["trap"])),
            int(row["sessions_blocked"]),
            frozenset(map(int, _split(row["networks_seen"]))),
            row["required"] == "yes",
        )
        for row in rows
    ]


def parse(text: str) -> datetime | None:
    """A time of the truth; null where it is empty."""
    return datetime.fromisoformat(text) if text else None


def _split(text: str) -> list[str]:
    return [part for part in text.split(";") if part]


def score(claimed: Sequence[Claim], true: Sequence[TrueEvent]) -> EventScore:
    """The score of claims against the truth."""
    accusing = [claim for claim in claimed if claim.kind in ACCUSING]
    real = [truth for truth in true if truth.kind in ACCUSING]
    met = {claim.event_id: [truth for truth in real if claim.meets(truth)] for claim in accusing}
    found: defaultdict[str, list[Claim]] = defaultdict(list)
    for claim in accusing:
        for truth in met[claim.event_id]:
            found[truth.key].append(claim)
    wanted = [truth for truth in real if truth.required and truth.visible]
    hits = [truth for truth in wanted if found[truth.key]]
    false = [claim for claim in accusing if not met[claim.event_id]]
    each = {truth.key: _placed(truth, found[truth.key], met) for truth in wanted}
    open_onset, open_end = _open(hits, found)
    claimed_networks = true_networks = 0
    for claim in accusing:
        of_truth = frozenset(n for truth in met[claim.event_id] for n in truth.networks)
        if of_truth:
            claimed_networks += len(claim.networks)
            true_networks += len(claim.networks & of_truth)
    seen = [(truth, n) for truth in wanted for n in truth.networks_seen]
    recurring = [truth for truth in hits if truth.recurring]
    return EventScore(
        Share(len(false), len(accusing)),
        tuple(str(claim) for claim in false),
        Share(len(accusing) - len(false), len(accusing)),
        Share(len(hits), len(wanted)),
        tuple(truth.key for truth in wanted if not found[truth.key]),
        tuple(truth.key for truth in real if truth.required and not truth.visible),
        {truth.key: len(found[truth.key]) for truth in real if len(found[truth.key]) > 1},
        {
            str(claim): tuple(truth.key for truth in met[claim.event_id])
            for claim in accusing
            if sum(truth.required for truth in met[claim.event_id]) > 1
        },
        Share(true_networks, claimed_networks),
        Share(sum(any(n in claim.networks for claim in found[truth.key]) for truth, n in seen), len(seen)),
        Errors(tuple(placed.onset_hours for placed in each.values() if placed.onset_hours is not None)),
        Errors(tuple(placed.end_hours for placed in each.values() if placed.end_hours is not None)),
        open_onset,
        open_end,
        Share(sum(any(claim.recurring for claim in found[truth.key]) for truth in recurring), len(recurring)),
        _by_mechanism(wanted, found),
        _by_trap(wanted, found),
        each,
        _notes(claimed, true),
    )


def _first(claims: Sequence[Claim]) -> Claim:
    """Of several claims for one restriction, the one that says when it began."""
    return min(claims, key=lambda claim: claim.onset or _FIRST)


def _last(claims: Sequence[Claim]) -> Claim:
    """And the one that says when it ended."""
    return max(claims, key=lambda claim: claim.end or _LAST)


def _placed(truth: TrueEvent, mine: Sequence[Claim], met: Mapping[str, Sequence[TrueEvent]]) -> Placed:
    """An event that merges several restrictions has the onset of the first and the end of the last of them."""
    if not mine:
        return Placed(0)
    first, last = _first(mine), _last(mine)
    onset = end = None
    if truth.onset and first.onset and all((t.onset or _FIRST) >= truth.onset for t in met[first.event_id]):
        onset = round(outside(first.onset, truth.onset, truth.onset_seen or truth.onset), 2)
    if truth.end and last.end and all((t.end or _LAST) <= truth.end for t in met[last.event_id]):
        end = round(outside(last.end, truth.end_seen or truth.end, truth.end), 2)
    return Placed(len(mine), onset, end)


def _open(hits: Sequence[TrueEvent], found: Mapping[str, Sequence[Claim]]) -> tuple[Share, Share]:
    onset = [_first(found[truth.key]).onset is None for truth in hits if truth.onset is None]
    end = [_last(found[truth.key]).end is None for truth in hits if truth.end is None]
    return Share(sum(onset), len(onset)), Share(sum(end), len(end))


def _notes(claimed: Sequence[Claim], true: Sequence[TrueEvent]) -> dict[str, Share]:
    kinds = sorted({claim.kind for claim in claimed} - ACCUSING)
    groups = {kind: [claim for claim in claimed if claim.kind == kind] for kind in kinds}
    return {
        kind: Share(
            sum(any(truth.kind == kind and claim.notes(truth) for truth in true) for claim in group),
            len(group),
        )
        for kind, group in groups.items()
    }


def _by_mechanism(
    wanted: Sequence[TrueEvent], found: Mapping[str, Sequence[Claim]]
) -> dict[str, tuple[Share, Share]]:
    groups: defaultdict[str, list[TrueEvent]] = defaultdict(list)
    for truth in wanted:
        for mechanism in truth.mechanisms or {"(none)"}:
            groups[mechanism].append(truth)
    return {
        name: (
            Share(sum(bool(found.get(truth.key)) for truth in group), len(group)),
            Share(
                sum(
                    len(
                        expand([name])
                        & expand(m for claim in found.get(truth.key, ()) for m in claim.mechanisms)
                    )
                    for truth in group
                ),
                sum(len(expand([name])) for _ in group),
            ),
        )
        for name, group in sorted(groups.items())
    }


def _by_trap(wanted: Sequence[TrueEvent], found: Mapping[str, Sequence[Claim]]) -> dict[str, Share]:
    groups: defaultdict[str, list[TrueEvent]] = defaultdict(list)
    for truth in wanted:
        for trap in truth.traps:
            groups[trap].append(truth)
    return {
        trap: Share(sum(bool(found.get(truth.key)) for truth in groups[trap]), len(groups[trap]))
        for trap in sorted(groups)
    }
