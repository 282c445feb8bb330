"""Losses of several sources that are one outage; outages that come back by the clock."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wallwatch.detect.outages_episodes import Interval, Loss
from wallwatch.detect.outages_families import SUPPORT, family
from wallwatch.detect.outages_tracks import Scope

_HOUR = 3600
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Outage:
    """One loss of connectivity in one scope, whatever the sources.

    Attributes:
        scope: Country, region, network.
        losses: What each source shows; the one that says most comes first.
        onset: Best, earliest, latest; null where the data begin with it.
        end: The same; null while it lasts.
        begins: Start of its first bin.
        ends: End of its last bin.
        recurrence: Its pattern as JSON; null where it has none.
        occurrences: How often it came.
    """

    scope: Scope
    losses: tuple[Loss, ...]
    onset: Interval | None
    end: Interval | None
    begins: int
    ends: int
    recurrence: str | None = None
    occurrences: int = 1

    @property
    def main(self) -> Loss:
        """The loss that says most."""
        return self.losses[0]

    @property
    def families(self) -> tuple[str, ...]:
        """The families of sources that show it."""
        return tuple(sorted({family(loss.signal, loss.unit) for loss in self.losses}))


def _rank(loss: Loss) -> tuple[object, ...]:
    kind = family(loss.signal, loss.unit)
    order = {"probing": 0, "traffic": 1, "telescope": 3, "routes": 4, "latency": 5}.get(kind, 2)
    return (
        kind in SUPPORT,
        kind == "latency",
        -round(loss.probability, 2),
        order,
        loss.step,
        -loss.depth,
        loss.signal,
    )


def fuse(losses: Sequence[Loss]) -> list[Outage]:
    """One outage for losses of one scope that overlap; recurring ones as one.

    Losses that only supporting families show make none.
    """
    scopes: dict[tuple[str, str, int], list[Loss]] = {}
    for loss in losses:
        country, region, network = loss.scope
        scopes.setdefault((country, region or "", network or -1), []).append(loss)
    found: list[Outage] = []
    for key in sorted(scopes):
        groups: list[list[Loss]] = []
        for loss in sorted(scopes[key], key=lambda one: (one.begins, one.ends, one.signal)):
            group = next((group for group in groups if any(_same(loss, other) for other in group)), None)
            if group is None:
                groups.append([loss])
            else:
                group.append(loss)
        outages = [_outage(group) for group in groups]
        found += _recurring([one for one in outages if set(one.families) - set(SUPPORT)])
    return found


def _same(one: Loss, other: Loss) -> bool:
    """Whether two losses of a scope are one: they overlap by a third of the shorter."""
    if one.signal == other.signal and one.unit == other.unit and one.step == other.step:
        return False
    overlap = min(one.ends, other.ends) - max(one.begins, other.begins)
    slack = max(one.step, other.step)
    return (
        overlap + slack > 0 and (overlap + slack) >= min(one.ends - one.begins, other.ends - other.begins) / 3
    )


def _outage(group: list[Loss]) -> Outage:
    ordered = tuple(sorted(group, key=_rank))
    main = ordered[0]
    finest = min(ordered, key=lambda loss: (loss.onset is None, loss.step, _rank(loss)))
    onset = finest.onset if finest.step <= main.step and finest.depth >= 0.5 * main.depth else main.onset
    return Outage(main.scope, ordered, onset, main.end, main.begins, main.ends)


def _recurring(outages: list[Outage]) -> list[Outage]:
    """Outages that begin at the same hour on at least three days, and last about as long, as one."""
    left = sorted(outages, key=lambda one: one.begins)
    found: list[Outage] = []
    while left:
        first = left.pop(0)
        chain = [first]
        if (first.ends - first.begins) <= 18 * _HOUR:
            for other in left:
                if _again(chain, other):
                    chain.append(other)
        if len(chain) >= 3:
            left = [one for one in left if one not in chain]
            torn = [
                one for one in found if _torn(one, chain[0])
            ]  # the data begin in the midst of a first one
            found = [one for one in found if one not in torn]
            found.append(_merged([*torn, *chain], len(torn)))
        else:
            found.append(first)
    return sorted(found, key=lambda one: one.begins)


def _torn(other: Outage, first: Outage) -> bool:
    """Whether an outage is the rest of one night before the first: shorter, and over at the same hour."""
    apart = (other.ends - first.ends) % _DAY
    slack = max(2 * _HOUR, other.main.step, first.main.step)
    shorter = other.ends - other.begins < first.ends - first.begins
    return shorter and min(apart, _DAY - apart) <= slack and 0 < first.begins - other.ends <= _DAY


def _again(chain: list[Outage], other: Outage) -> bool:
    length = float(np.median([one.ends - one.begins for one in chain]))
    step = max(other.main.step, chain[0].main.step)
    slack = max(2 * _HOUR, step)
    gap = other.begins - chain[-1].begins
    return (
        _DAY / 2 < gap <= 8 * _DAY
        and abs(other.main.depth - chain[0].main.depth) <= 0.5
        and any(_alike(chain[0].begins, length, begins, other, slack) for begins in _begins(other))
    )


def _begins(outage: Outage) -> tuple[int, ...]:
    """When it may have begun: as it was dated, or at the end of the interval around its onset (of few counts)."""
    return (outage.begins,) if outage.onset is None else (outage.begins, outage.onset[2] - outage.main.step)


def _alike(first: int, length: float, begins: int, other: Outage, slack: int) -> bool:
    apart, lasted = (begins - first) % _DAY, other.ends - begins
    return min(apart, _DAY - apart) <= slack and (
        abs(lasted - length) <= max(slack, 0.5 * length) or (other.end is None and lasted < length)
    )


def _day(begins: int, start: int) -> int:
    """The day of a night that usually begins at `start` seconds: that of the nearest start, if it is within four hours."""
    nearest = (begins - start + _DAY // 2) // _DAY
    return nearest if abs(begins - start - nearest * _DAY) <= 4 * _HOUR else begins // _DAY


def _merged(chain: list[Outage], torn: int) -> Outage:
    """The chain as one outage; its first `torn` members are not whole and tell nothing of the hours."""
    whole = chain[torn:]
    begins = [one.begins % _DAY for one in whole]
    reference = begins[0]
    start = (
        round(
            (reference + float(np.median([(b - reference + _DAY // 2) % _DAY - _DAY // 2 for b in begins])))
            / _HOUR
        )
        % 24
    )
    hours = max(1, round(float(np.median([one.ends - one.begins for one in whole])) / _HOUR))
    days = sorted({_day(one.begins, start * _HOUR) for one in chain})
    weekdays = sorted({(day + 3) % 7 for day in days})  # 1 January 1970 was a Thursday
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    covered = [(start + i) % 24 for i in range(min(hours, 24))]
    passed = {(day + 3) % 7 for day in range(days[0], days[-1] + 1)}
    daily = len(days) >= 0.7 * (days[-1] - days[0] + 1) and passed == set(weekdays)
    when = "daily" if daily else "on " + ", ".join(names[d] for d in weekdays)
    text = f"{when}, about {start:02d}:00 to {(start + hours) % 24:02d}:00 UTC, on {len(days)} days"
    pattern = {
        "text": text,
        "hours_utc": sorted(covered),
        "weekdays": [names[d] for d in weekdays],
        "days": len(days),
    }
    last = chain[-1]
    deepest = sorted((loss for one in chain for loss in one.losses), key=_rank)
    by_signal: dict[str, Loss] = {}
    for loss in deepest:
        by_signal.setdefault(loss.signal, loss)
    main = replace(whole[0].main, depth=round(float(np.median([one.main.depth for one in whole])), 4))
    losses = (main, *(loss for signal, loss in by_signal.items() if signal != main.signal))
    return Outage(
        chain[0].scope,
        losses,
        chain[0].onset,
        last.end,
        chain[0].begins,
        last.ends,
        json.dumps(pattern, ensure_ascii=False),
        len(chain),
    )
