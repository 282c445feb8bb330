"""Which of the findings of today is which of those that were published: ids stay, whatever late data move.

The tables are made from the data alone, ids and all. An id is made from where and when a finding began, and
measurements that come late can move that. Here what is found is matched to what was published by what it is about
and when it was: the greatest agreement first, each published finding to one of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

#: Findings that lie further apart than this are not one, in seconds.
_SLACK = 3600.0
#: How far beyond all known times an onset before the data or a missing end is put, in seconds.
_OPEN = 86_400.0

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """An event or outage in the shape in which it is shown.

    Attributes:
        what: `event` or `outage`.
        id: Its id.
        record: The record that `show` gives.
    """

    what: str
    id: str
    record: Record

    @property
    def about(self) -> tuple[Any, ...]:
        """What it is about; findings of which this differs are never one."""
        if self.what == "event":
            return self.what, self.record["kind"], self.record["country"], self.record["service"]
        return (
            self.what,
            self.record["country"],
            self.record["region"],
            self.record["network"],
            # A fault of one instrument takes nothing away, and is no loss that is seen in another.
            tuple(self.record["signals"]) if not self.record["depth"] else None,
        )

    @property
    def loosely(self) -> tuple[Any, ...]:
        """What a finding is about that may have taken this one in."""
        if self.what == "event":
            return self.what, self.record["service"]
        return self.what, self.record["country"], self.record["region"], self.record["network"]

    @property
    def span(self) -> tuple[float | None, float | None]:
        """Epoch seconds of its beginning and end; null where open."""
        onset, end = self.record["onset"] or {}, self.record["end"] or {}
        return _seconds(onset.get("earliest")), _seconds(end.get("latest"))


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def overlap(one: Finding, other: Finding) -> float | None:
    """The share of time that both have in common of the time that either has; null where they lie apart."""
    (a, b), (c, d) = one.span, other.span
    known = [moment for moment in (a, b, c, d) if moment is not None]
    low, high = min(known, default=0.0) - _OPEN, max(known, default=0.0) + _OPEN
    first, second = (
        (low if a is None else a, high if b is None else b),
        (
            low if c is None else c,
            high if d is None else d,
        ),
    )
    common = min(first[1], second[1]) - max(first[0], second[0])
    if common < -_SLACK:
        return None
    whole = max(first[1], second[1]) - min(first[0], second[0])
    return max(common, 0.0) / whole if whole > 0 else 1.0


def agreement(published: Finding, found: Finding, computed: str | None) -> float | None:
    """How well a finding of today fits a published one; null where it cannot be the same.

    Args:
        published: The published one.
        found: The one of today.
        computed: The id that the published one had in the tables last.
    """
    if published.about != found.about:
        return None
    shared, same_id = overlap(published, found), found.id in (computed, published.id)
    if shared is None:
        return 0.1 if same_id and published.record["kind"] == found.record["kind"] else None
    parts: list[float] = [
        shared,
        0.3 * (published.record["kind"] == found.record["kind"]),
        0.2 * same_id,
        0.5 * _common(published.record.get("networks") or (), found.record.get("networks") or ()),
        0.1 * _common(published.record.get("signals") or (), found.record.get("signals") or ()),
    ]
    return 0.2 + sum(parts)


def _common(one: Iterable[Any], other: Iterable[Any]) -> float:
    first, second = set(one), set(other)
    return len(first & second) / len(first | second) if first | second else 0.0


def pairs(
    published: Sequence[Finding], found: Sequence[Finding], computed: Mapping[str, str | None]
) -> dict[str, str]:
    """Published id to id of today, each at most once, the greatest agreement first.

    Args:
        published: What was published.
        found: What is found today.
        computed: Published id to the id that it had in the tables last.
    """
    by_subject: dict[tuple[Any, ...], list[Finding]] = {}
    for one in found:
        by_subject.setdefault(one.about, []).append(one)
    ranked = sorted(
        (-fits, old.id, new.id)
        for old in published
        for new in by_subject.get(old.about, [])
        if (fits := agreement(old, new, computed.get(old.id))) is not None
    )
    result: dict[str, str] = {}
    taken: set[str] = set()
    for _, old, new in ranked:
        if old not in result and new not in taken:
            result[old] = new
            taken.add(new)
    return result


def nearest(one: Finding, others: Iterable[Finding], *, loosely: bool = False) -> Finding | None:
    """Of the others that are about the same and have time in common, the one with most; null where there is none."""
    best: tuple[float, str] | None = None
    chosen: Finding | None = None
    for other in others:
        alike = one.loosely == other.loosely if loosely else one.about == other.about
        shared = overlap(one, other) if alike else None
        if shared is not None and (best is None or (-shared, other.id) < best):
            best, chosen = (-shared, other.id), other
    return chosen
