"""The outages of one country as rows: national ones, their regions, regional and network ones, and faults."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from wallwatch.detect.outages_episodes import BACK, Interval, Loss
from wallwatch.detect.outages_families import NOT_AGAINST, SUPPORT, family, words
from wallwatch.detect.outages_fuse import Outage, fuse
from wallwatch.detect.outages_inside import Stretch
from wallwatch.detect.outages_kinds import Traits, decide
from wallwatch.detect.outages_tracks import Scope

#: How much one family of sources can be trusted by itself.
_TRUST = {"latency": 0.6, "telescope": 0.85, "users": 0.5, "measurements": 0.5}
_TRUST_OTHERS = 0.97

#: A national outage reaches at least this share of the places.
NATIONAL = 0.5

_SHUTDOWN_DOUBT = (
    "connectivity alone does not tell an ordered cut from a failure of power or of a shared path: "
    "statements and other sources have to"
)


@dataclass(frozen=True, slots=True)
class Course:
    """How one scope went in one source: enough to say whether a source saw nothing.

    Attributes:
        signal: The source.
        unit: The unit of its values.
        start: Epoch seconds of the first bin.
        step: Length of a bin.
        share: Share of the ordinary that was left in each bin; NaN where unknown.
    """

    signal: str
    unit: str
    start: int
    step: int
    share: np.ndarray

    def between(self, begins: int, ends: int) -> np.ndarray:
        """The known shares from one moment to another."""
        first = max((begins - self.start) // self.step, 0)
        last = max(-(-(ends - self.start) // self.step), 0)
        some = self.share[first:last]
        known: np.ndarray = some[~np.isnan(some)]
        return known


@dataclass(frozen=True, slots=True)
class Fell:
    """Where a source stood still or spoke nonsense: begin and end in epoch seconds, and the sentence."""

    signal: str
    begins: int
    ends: int
    what: str
    silent: bool


@dataclass(slots=True)
class World:
    """What all sources say about all countries.

    Attributes:
        losses: Country to its losses.
        courses: Scope to how it went in each source.
        faults: Country to the faults of its sources.
        national: Source to country to the begins of its national losses.
        measured: Source to the countries that it measures.
        domestic: Country to stretches in which domestic targets alone answered.
    """

    losses: dict[str, list[Loss]] = field(default_factory=dict)
    courses: dict[Scope, list[Course]] = field(default_factory=dict)
    faults: dict[str, list[Fell]] = field(default_factory=dict)
    national: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    measured: dict[str, set[str]] = field(default_factory=dict)
    domestic: dict[str, list[Stretch]] = field(default_factory=dict)


def rows(country: str, world: World) -> list[dict[str, Any]]:
    """The rows of `outages` for one country."""
    found = fuse(world.losses.get(country, []))
    nation = [one for one in found if one.scope[1:] == (None, None)]
    nation = [one for one in nation if _reach(one.main) >= NATIONAL]
    listed: list[dict[str, Any]] = []
    ids = _Ids()
    parents: list[tuple[Outage, str, str]] = []
    for outage in nation:
        part = _row(outage, world, "", None, ids)
        regions = [one for one in found if one.scope[1] is not None and _within(one, outage)]
        if regions:
            part["regions"] = len({one.scope[1] for one in regions})
            part["regions_measured"] = len(_regions(country, world, outage))
        listed.append(part)
        parents.append((outage, part["outage_id"], part["kind"]))
    grouped: dict[tuple[str, int, str], list[Outage]] = {}
    for outage in found:
        if outage.scope[1:] == (None, None):
            continue
        above = next((p for p in parents if _within(outage, p[0])), None)
        if above is not None and above[2] == "instrument":
            continue
        if above is None:
            listed.append(_row(outage, world, "", None, ids))
        else:
            key = (outage.scope[1] or "", outage.scope[2] or -1, above[1])
            grouped.setdefault(key, []).append(outage)
    kinds = {id_: kind for _, id_, kind in parents}
    for key in sorted(grouped):
        listed.append(_row(_joined(grouped[key]), world, kinds[key[2]], key[2], ids))
    listed += _domestic_rows(country, world, [one for one, _, _ in parents], listed, ids)
    listed += _fault_rows(country, world, ids)
    return listed


class _Ids:
    """Ids from country, scope and day of onset; a second outage of a scope on one day gets its own."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def make(self, scope: Scope, begins: int) -> str:
        """An id that does not change when the outage is extended."""
        day = datetime.fromtimestamp(begins, UTC).strftime("%Y-%m-%d")
        identity = "\x1f".join([scope[0], scope[1] or "", str(scope[2] or ""), day])
        number = self._given[identity] = self._given.get(identity, 0) + 1
        if number > 1:
            identity += f"\x1f{number}"
        return "ou-" + hashlib.sha256(identity.encode()).hexdigest()[:12]


def _within(part: Outage, whole: Outage) -> bool:
    """Whether a regional loss is a part of a national one: they overlap by half of the shorter."""
    overlap = min(part.ends, whole.ends) - max(part.begins, whole.begins)
    return overlap > 0 and overlap >= 0.5 * min(part.ends - part.begins, whole.ends - whole.begins)


def _joined(parts: list[Outage]) -> Outage:
    """A region's losses within one national outage, as one."""
    if len(parts) == 1:
        return parts[0]
    ordered = sorted(parts, key=lambda one: one.begins)
    deepest = max(ordered, key=lambda one: (one.main.depth, -one.begins))
    return Outage(
        deepest.scope,
        deepest.losses,
        ordered[0].onset,
        ordered[-1].end,
        ordered[0].begins,
        ordered[-1].ends,
        deepest.recurrence,
        sum(one.occurrences for one in ordered),
    )


def _regions(country: str, world: World, outage: Outage) -> list[str]:
    return sorted(
        region
        for (code, region, network), courses in world.courses.items()
        if code == country
        and region is not None
        and network is None
        and any(len(course.between(outage.begins, outage.ends)) for course in courses)
    )


def _reach(loss: Loss) -> float:
    return loss.places_hit / loss.places if loss.places else 1.0


def _flat(outage: Outage, world: World) -> list[Course]:
    """The sources that measured the scope all the while and saw nothing."""
    showing = {loss.signal for loss in outage.losses}
    found = []
    for course in world.courses.get(outage.scope, []):
        values = course.between(outage.begins, outage.ends)
        expected = max((outage.ends - outage.begins) // course.step, 1)
        if (
            course.signal not in showing
            and len(values) >= 0.7 * expected
            and np.quantile(values, 0.25) >= BACK
        ):
            found.append(course)
    return found


def _countries(loss: Loss, world: World) -> tuple[int, int]:
    """In how many countries the same source fell in the same hour, and how many it measures."""
    slack = max(3600, loss.step)
    begun = world.national.get(loss.signal, {})
    hit = sum(any(abs(begins - loss.begins) <= slack for begins in times) for times in begun.values())
    return max(hit, 1), len(world.measured.get(loss.signal, {loss.scope[0]}))


def _row(outage: Outage, world: World, part_of: str, parent: str | None, ids: _Ids) -> dict[str, Any]:
    main, flat = outage.main, _flat(outage, world)
    denying = [one for one in flat if family(one.signal, one.unit) not in NOT_AGAINST]
    denying = [one for one in denying if family(one.signal, one.unit) not in outage.families]
    country, region, network = outage.scope
    hit, measured = _countries(main, world)
    traits = Traits(
        depth=main.depth,
        hours=(outage.ends - outage.begins) / 3600 if outage.occurrences == 1 else main.hours,
        ended=outage.end is not None,
        sharp=main.sharp,
        slow_return=main.slow_return,
        at_once=main.at_once,
        reach=_reach(main),
        places=main.places,
        alike=main.alike,
        bins=round(main.hours * 3600 / main.step),
        country=region is None and network is None,
        recurring=outage.recurrence is not None,
        families=len(set(outage.families) - set(SUPPORT)),
        denied=bool(denying),
        countries_hit=hit,
        countries_measured=measured,
        latency_only=all(
            loss.latency_up for loss in outage.losses if family(loss.signal, loss.unit) not in SUPPORT
        ),
        domestic_ok=any(_covers(stretch, outage) for stretch in world.domestic.get(country, [])),
        part_of=part_of,
    )
    kind, reason = decide(traits)
    return {
        "outage_id": ids.make(outage.scope, outage.onset[0] if outage.onset else outage.begins),
        "kind": kind,
        "scope": "country" if traits.country else "network" if network is not None else "region",
        "country": country,
        "region": region,
        "network": network,
        "parent": parent,
        **_times(outage.onset, outage.end, outage.begins, outage.ends),
        "depth": main.depth,
        "plateau": main.plateau,
        "signals": sorted({loss.signal for loss in outage.losses}),
        "regions": main.places_hit,
        "regions_measured": main.places,
        "recurrence": outage.recurrence,
        "probability": _probability(outage, kind, bool(denying)),
        "reasons": [_sentence(reason), *_reasons(outage, flat)],
        "against": _against(outage, kind, denying, hit, traits),
    }


def _times(
    onset: Interval | None, end: Interval | None, begins: int, ends: int
) -> dict[str, datetime | None]:
    def moment(seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    found: dict[str, datetime | None] = {}
    for name, interval in (("onset", onset), ("end", end)):
        parts = (None, None, None) if interval is None else tuple(moment(second) for second in interval)
        found |= dict(zip((f"{name}_best", f"{name}_earliest", f"{name}_latest"), parts, strict=True))
    if onset is None:  # it began before the data do: no later than their first bin
        found["onset_latest"] = moment(begins)
    return found


def _probability(outage: Outage, kind: str, denied: bool) -> float:
    """One minus the chance that every family that shows it is wrong; far less where the instrument is to blame."""
    doubt = 1.0
    for name in outage.families:
        best = max(loss.probability for loss in outage.losses if family(loss.signal, loss.unit) == name)
        doubt *= 1 - best * _TRUST.get(name, _TRUST_OTHERS)
    sure = min(1 - doubt, 0.999)
    if kind == "instrument":
        return 0.05
    return round(sure * (0.6 if denied else 1.0), 4)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _reasons(outage: Outage, flat: Sequence[Course]) -> list[str]:
    main = outage.main
    said = []
    if main.places > 1:
        said.append(
            f"{main.places_hit} of {main.places} places lost at least half as much as the whole; "
            f"{main.at_once:.0%} of these fell within the same two hours."
        )
    if main.sharp:
        within = "one bin" if main.fall_hours == 0 else f"{main.fall_hours + main.step / 3600:g} hours"
        said.append(f"Most of the fall came within {within}.")
    if outage.occurrences > 1:
        said.append(f"It came {outage.occurrences} times.")
    elif outage.end is None and main.plateau >= 1 - main.depth + 0.15:
        said.append(
            f"It has come back to {main.plateau:.0%} of the ordinary level from {1 - main.depth:.0%}; "
            "the old level has not been reached."
        )
    for course in flat:
        if family(course.signal, course.unit) == "routes":
            said.append(f"Routes stayed announced all the while ({course.signal}): dark, but not withdrawn.")
    return said


def _against(outage: Outage, kind: str, denying: Sequence[Course], hit: int, traits: Traits) -> list[str]:
    said = []
    strong = [name for name in outage.families if name not in SUPPORT]
    if len(strong) == 1:
        said.append(f"One source only: {words(strong[0])}; no other kind of source confirms it.")
    for course in denying:
        said.append(
            f"{_sentence(words(family(course.signal, course.unit)))[:-1]} stayed at the ordinary level ({course.signal})."
        )
    if outage.main.history_days < 3:
        said.append(f"Only {outage.main.history_days} ordinary days lie before it to compare with.")
    if hit >= 3 and traits.country:
        said.append(f"{hit} of {traits.countries_measured} countries of this source fell in the same hour.")
    if kind in ("shutdown", "domestic_only"):
        said.append(_sentence(_SHUTDOWN_DOUBT))
    return said


def _covers(stretch: Stretch, outage: Outage) -> bool:
    """Whether domestic targets answered for nearly the whole of an outage: then that is its kind, not a phase."""
    overlap = min(stretch.last, outage.ends) - max(stretch.first, outage.begins)
    return overlap >= 0.9 * (outage.ends - outage.begins)


def _domestic_rows(
    country: str, world: World, nation: list[Outage], listed: list[dict[str, Any]], ids: _Ids
) -> list[dict[str, Any]]:
    """Times in which domestic targets alone answered, unless a national outage has that kind already."""
    found = []
    for stretch in world.domestic.get(country, []):
        over = [i for i, one in enumerate(nation) if one.begins < stretch.last and stretch.first < one.ends]
        if any(_covers(stretch, nation[i]) for i in over):
            continue
        onset = (stretch.first, stretch.first if stretch.before is None else stretch.before, stretch.first)
        end = None if stretch.after is None else (stretch.after, stretch.last, stretch.after)
        share = stretch.ok / stretch.measurements
        seen = (
            f"{stretch.ok:,} of {stretch.measurements:,} measurements found their target working, on "
            f"{stretch.networks_ok} of {stretch.networks} networks, among them {', '.join(stretch.targets_ok)}."
        )
        found.append(
            {
                "outage_id": ids.make((country, "\x1fdomestic", None), stretch.first),
                "kind": "domestic_only",
                "scope": "country",
                "country": country,
                "parent": listed[over[0]]["outage_id"] if over else None,
                **_times(onset, end, stretch.first, stretch.last),
                "depth": round(1 - share, 4),
                "signals": ["measurements"],
                "regions": 1,
                "regions_measured": 1,
                "probability": 0.9 if stretch.networks_ok >= 3 else 0.75,
                "reasons": [
                    _sentence(
                        "no test helper abroad could be reached, and most targets did not answer, while some worked"
                    ),
                    seen,
                ],
                "against": [
                    "Where the targets that answered are hosted was not looked at.",
                    *(["No signal from outside shows a loss at the time."] if not over else []),
                ],
            }
        )
    return found


def _fault_rows(country: str, world: World, ids: _Ids) -> list[dict[str, Any]]:
    """Stretches in which an instrument speaks of itself; not the silence that follows a loss."""
    found = []
    for fault in sorted(world.faults.get(country, []), key=lambda one: (one.begins, one.signal)):
        after_loss = fault.silent and any(
            loss.signal == fault.signal
            and loss.begins <= fault.begins
            and loss.ends + 2 * loss.step >= fault.begins
            for loss in world.losses.get(country, [])
        )
        if after_loss:
            continue
        onset, end = (fault.begins,) * 3, (fault.ends,) * 3
        found.append(
            {
                "outage_id": ids.make((country, f"\x1f{fault.signal}", None), fault.begins),
                "kind": "instrument",
                "scope": "country",
                "country": country,
                **_times(onset, end, fault.begins, fault.ends),
                "depth": 0.0,
                "signals": [fault.signal],
                "regions": 0,
                "regions_measured": len({s[1] for s in world.courses if s[0] == country and s[1]}) or 1,
                "probability": 0.02,
                "reasons": [_sentence(f"{fault.what}: what connectivity was then, this source does not say")],
                "against": ["No loss was measured: values that are not there are not values of zero."],
            }
        )
    return found
