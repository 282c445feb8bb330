"""Outages against the simulated truth: found as what, and how well they are placed in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from wallwatch.evaluate.events import parse
from wallwatch.evaluate.numbers import Errors, Share, outside

_TOLERANCE = timedelta(hours=2)
_LAST = datetime.max.replace(tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Loss:
    """An outage, true or claimed.

    Attributes:
        key: Its name in the truth, or its id.
        parent: The national outage that it is part of, if any.
        onset_latest: Until when it can be said to have begun, in the truth; null where that is its onset.
        end_earliest: From when it can be said to be over, in the truth; null where that is its end.
        required: Whether missing it is a fault.
    """

    key: str
    kind: str
    scope: str
    country: str
    region: str | None
    network: int | None
    onset: datetime | None
    end: datetime | None
    depth: float
    parent: str | None = None
    trap: str = ""
    required: bool = True
    onset_latest: datetime | None = None
    end_earliest: datetime | None = None

    def meets(self, other: Loss) -> bool:
        """Whether both are of the same country, of places that lie in each other, and of a time in common."""
        if self.country != other.country:
            return False
        if self.region and other.region and self.region != other.region:
            return False
        if self.network and other.network and self.network != other.network:
            return False
        return (self.onset or _FIRST) <= (other.end or _LAST - _TOLERANCE) + _TOLERANCE and (
            other.onset or _FIRST
        ) <= (self.end or _LAST - _TOLERANCE) + _TOLERANCE

    def __str__(self) -> str:
        """What it says, on one line."""
        place = self.region or (f"AS{self.network}" if self.network else self.country)
        first = "before the data" if self.onset is None else f"{self.onset:%Y-%m-%d %H:%M}"
        last = "lasting" if self.end is None else f"{self.end:%Y-%m-%d %H:%M}"
        return f"{self.kind} of {place}, {first} – {last}, {self.depth:.0%} lost"


@dataclass(frozen=True, slots=True)
class OutageScore:
    """How well the claimed outages agree with the truth.

    Attributes:
        false: Claimed outages that meet none of the truth, of all claimed (parts of a national one left out).
        false_claims: Which these are.
        shutdowns_wrongly: Claimed shutdowns where the truth has another kind or nothing.
        recall: Outages of the truth that were found, under whichever kind, of all.
        missed: Which were not found.
        kind_right: Outages found under their own kind, of those found.
        kinds: Outages found under another kind only: as which.
        onset: Hours between the claimed onset and the time in which the true one lies.
        end: The same of the ends.
        depth: Greatest difference of the depth, 0 to 1; null where none was found.
        traps: By trap: outages found under their own kind.
    """

    false: Share
    false_claims: tuple[str, ...]
    shutdowns_wrongly: tuple[str, ...]
    recall: Share
    missed: tuple[str, ...]
    kind_right: Share
    kinds: Mapping[str, tuple[str, ...]]
    onset: Errors
    end: Errors
    depth: float | None
    traps: Mapping[str, Share]

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "false": self.false.as_dict() | {"claims": list(self.false_claims)},
            "shutdowns_wrongly": list(self.shutdowns_wrongly),
            "recall": self.recall.as_dict() | {"missed": list(self.missed)},
            "kind_right": self.kind_right.as_dict(),
            "kinds": {key: list(kinds) for key, kinds in self.kinds.items()},
            "onset_error": self.onset.as_dict(),
            "end_error": self.end.as_dict(),
            "depth_error": None if self.depth is None else round(self.depth, 3),
            "traps": {name: share.as_dict() for name, share in self.traps.items()},
        }


def claims(con: duckdb.DuckDBPyConnection) -> list[Loss]:
    """The outages that the connection shows, in the order of their ids."""
    rows = con.sql(
        """
        SELECT outage_id, kind, scope, country, region, network, onset_best, end_best, depth, parent
        FROM outages ORDER BY outage_id
        """
    ).fetchall()
    return [
        Loss(row[0], row[1], row[2], row[3], row[4], row[5], _utc(row[6]), _utc(row[7]), row[8], row[9])
        for row in rows
    ]


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.astimezone(UTC)


def truths(rows: Iterable[Mapping[str, str]]) -> list[Loss]:
    """The lines of `outages.csv`."""
    return [
        Loss(
            row["outage"],
            row["kind"],
            row["scope"],
            row["country"],
            row["region"] or None,
            int(row["network"]) if row["network"] else None,
            parse(row["onset"]),
            parse(row["end"]),
            float(row["depth"]),
            None,
            row["trap"],
            row["required"] == "yes",
            parse(row["onset_latest"]),
            parse(row["end_earliest"]),
        )
        for row in rows
    ]


def score(claimed: Sequence[Loss], true: Sequence[Loss]) -> OutageScore:
    """The score of claims against the truth."""
    whole = [claim for claim in claimed if claim.parent is None]
    false = [claim for claim in whole if not any(claim.meets(truth) for truth in true)]
    shutdowns = [
        claim
        for claim in whole
        if claim.kind == "shutdown" and not any(t.kind == "shutdown" and claim.meets(t) for t in true)
    ]
    wanted = [truth for truth in true if truth.required]
    best: dict[str, Loss] = {}
    kinds: dict[str, tuple[str, ...]] = {}
    for truth in wanted:
        met = [claim for claim in claimed if claim.meets(truth)]
        if not met:
            continue
        best[truth.key] = min(met, key=lambda claim: _distance(claim, truth))
        if best[truth.key].kind != truth.kind:
            kinds[f"{truth.key}: {truth}"] = tuple(sorted({claim.kind for claim in met}))
    hits = [truth for truth in wanted if truth.key in best]
    right = [truth for truth in hits if best[truth.key].kind == truth.kind]
    onset = [_off(best[t.key].onset, t.onset, t.onset_latest or t.onset) for t in right]
    end = [_off(best[t.key].end, t.end_earliest or t.end, t.end) for t in right]
    depths = [abs(best[t.key].depth - t.depth) for t in right if t.kind != "instrument"]
    return OutageScore(
        Share(len(false), len(whole)),
        tuple(str(claim) for claim in false),
        tuple(str(claim) for claim in shutdowns),
        Share(len(hits), len(wanted)),
        tuple(f"{truth.key}: {truth}" for truth in wanted if truth.key not in best),
        Share(len(right), len(hits)),
        kinds,
        Errors(tuple(hours for hours in onset if hours is not None)),
        Errors(tuple(hours for hours in end if hours is not None)),
        max(depths, default=None),
        _by_trap(wanted, right),
    )


def _distance(claim: Loss, truth: Loss) -> tuple[bool, bool, bool, float, str]:
    """Sorts claims by how well they fit: kind, scope, then onset."""
    apart = _apart(claim.onset, truth.onset)
    return (
        claim.kind != truth.kind,
        claim.scope != truth.scope,
        claim.region != truth.region,
        1e9 if apart is None else apart,
        claim.key,
    )


def _apart(one: datetime | None, other: datetime | None) -> float | None:
    return None if one is None or other is None else abs((one - other).total_seconds()) / 3600


def _off(when: datetime | None, first: datetime | None, last: datetime | None) -> float | None:
    return None if when is None or first is None or last is None else outside(when, first, last)


def _by_trap(true: Sequence[Loss], right: Sequence[Loss]) -> dict[str, Share]:
    traps = sorted({trap for truth in true for trap in truth.trap.split(";") if trap})
    keys = {truth.key for truth in right}
    return {
        trap: Share(
            sum(t.key in keys for t in true if trap in t.trap.split(";")),
            sum(trap in t.trap.split(";") for t in true),
        )
        for trap in traps
    }
