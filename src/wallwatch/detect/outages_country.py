"""The outages of one country as rows: national ones, their regions, regional and network ones, and faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from wallwatch.detect.outages_episodes import BACK, Loss
from wallwatch.detect.outages_families import NOT_AGAINST, SUPPORT, family, words
from wallwatch.detect.outages_fuse import Outage, fuse
from wallwatch.detect.outages_kinds import Traits, decide
from wallwatch.detect.outages_other import covers, domestic_rows, fault_rows, silence_rows
from wallwatch.detect.outages_world import Course, Ids, World, sentence, times

#: How much one family of sources can be trusted by itself.
_TRUST = {"latency": 0.6, "telescope": 0.85, "users": 0.5, "measurements": 0.5}
_TRUST_OTHERS = 0.97

#: What a holiday takes from a source that follows people's days, at most.
_HOLIDAY = 0.5

#: A national outage reaches at least this share of the places.
NATIONAL = 0.6

_SHUTDOWN_DOUBT = (
    "connectivity alone does not tell an ordered cut from a failure of power or of a shared path: "
    "statements and other sources have to"
)


def rows(country: str, world: World) -> list[dict[str, Any]]:
    """The rows of `outages` for one country."""
    found = fuse(world.losses.get(country, []))
    nation = [one for one in found if one.scope[1:] == (None, None)]
    nation = [one for one in nation if _reach(one.main) >= NATIONAL]
    listed: list[dict[str, Any]] = []
    ids = Ids()
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
    listed += domestic_rows(country, world, [one for one, _, _ in parents], listed, ids)
    listed += silence_rows(country, world, [one for one, _, _ in parents], ids)
    listed += fault_rows(country, world, ids)
    return listed


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


def _row(outage: Outage, world: World, part_of: str, parent: str | None, ids: Ids) -> dict[str, Any]:
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
        strokes=main.strokes,
        fall_hours=main.fall_hours,
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
        latency_fell=not main.latency_up and not set(outage.families) - {"latency", *SUPPORT},
        domestic_ok=any(covers(stretch, outage) for stretch in world.domestic.get(country, [])),
        part_of=part_of,
    )
    rule = decide(traits)
    kind = rule.kind
    return {
        "outage_id": ids.make(outage.scope, outage.onset[0] if outage.onset else outage.begins),
        "kind": kind,
        "scope": "country" if traits.country else "network" if network is not None else "region",
        "country": country,
        "region": region,
        "network": network,
        "parent": parent,
        **times(outage.onset, outage.end, outage.begins, outage.ends),
        "depth": main.depth,
        "plateau": main.plateau,
        "signals": sorted({loss.signal for loss in outage.losses}),
        "regions": main.places_hit,
        "regions_measured": main.places,
        "recurrence": outage.recurrence,
        "probability": _probability(outage, kind, bool(denying)),
        "rule": rule.id,
        "reasons": [sentence(rule.reason), *_reasons(outage, flat)],
        "against": _against(outage, kind, denying, hit, traits),
    }


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
    if strong == ["traffic"] and outage.main.depth < _HOLIDAY and outage.recurrence is None:
        said.append("Holidays take as much from a source that follows people's days.")
    if outage.scope[2] is not None and outage.end is None:
        said.append("A network that hands its users over to another one looks the same.")
    for course in denying:
        said.append(
            f"{sentence(words(family(course.signal, course.unit)))[:-1]} stayed at the ordinary level ({course.signal})."
        )
    if outage.main.history_days < 3:
        said.append(f"Only {outage.main.history_days} ordinary days lie before it to compare with.")
    if hit >= 3 and traits.country:
        said.append(f"{hit} of {traits.countries_measured} countries of this source fell in the same hour.")
    if kind in ("shutdown", "domestic_only"):
        said.append(sentence(_SHUTDOWN_DOUBT))
    return said
