"""Rows that no loss in a signal makes: domestic targets alone, volunteers who fall silent, faults of instruments."""

from __future__ import annotations

from typing import Any

from wallwatch.detect.outages_families import NOT_AGAINST, family
from wallwatch.detect.outages_fuse import Outage
from wallwatch.detect.outages_inside import SESSIONS, Stretch
from wallwatch.detect.outages_kinds import beside
from wallwatch.detect.outages_world import Course, Ids, World, sentence, times


def covers(stretch: Stretch, outage: Outage) -> bool:
    """Whether domestic targets answered for nearly the whole of an outage: then that is its kind, not a phase."""
    overlap = min(stretch.last, outage.ends) - max(stretch.first, outage.begins)
    return overlap >= 0.9 * (outage.ends - outage.begins)


def domestic_rows(
    country: str, world: World, nation: list[Outage], listed: list[dict[str, Any]], ids: Ids
) -> list[dict[str, Any]]:
    """Times in which domestic targets alone answered, unless a national outage has that kind already."""
    found = []
    kind, reason = beside("domestic_stretch")
    for stretch in world.domestic.get(country, []):
        over = [i for i, one in enumerate(nation) if one.begins < stretch.last and stretch.first < one.ends]
        if any(covers(stretch, nation[i]) for i in over):
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
                "kind": kind,
                "scope": "country",
                "country": country,
                "parent": listed[over[0]]["outage_id"] if over else None,
                **times(onset, end, stretch.first, stretch.last),
                "depth": round(1 - share, 4),
                "signals": ["measurements"],
                "regions": 1,
                "regions_measured": 1,
                "probability": 0.9 if stretch.networks_ok >= 3 else 0.75,
                "rule": "domestic_stretch",
                "reasons": [sentence(reason), seen],
                "against": [
                    "Where the targets that answered are hosted was not looked at.",
                    *(["No signal from outside shows a loss at the time."] if not over else []),
                ],
            }
        )
    return found


#: Sessions must fall by so much, on so many networks at least.
_SILENT, _SILENT_NETWORKS = 0.85, 3
#: How sure the silence of volunteers alone makes: they have many reasons to rest.
_SILENT_PROBABILITY = 0.4


def silence_rows(country: str, world: World, nation: list[Outage], ids: Ids) -> list[dict[str, Any]]:
    """Times in which volunteers fell silent and nothing else says why (trap C7): a suspicion, and no more.

    None where a source from outside measured all the while: it knows better. None where no other country's volunteers
    are in the data at the time: files that are missing look the same.
    """
    found = []
    kind, reason = beside("volunteers_silent")
    for silence in world.silences.get(country, []):
        loss = silence.loss
        known = any(one.begins < loss.ends and loss.begins < one.ends for one in nation) or any(
            one.first < loss.ends and loss.begins < one.last for one in world.domestic.get(country, [])
        )
        outside = any(
            family(course.signal, course.unit) not in NOT_AGAINST
            and len(course.between(loss.begins, loss.ends)) * course.step >= 0.5 * (loss.ends - loss.begins)
            for course in world.courses.get((country, None, None), [])
        )
        others = sum(
            scope[0] != country and _went_on(course, loss.begins, loss.ends)
            for scope, courses in world.courses.items()
            if scope[1:] == (None, None)
            for course in courses
        )
        if known or outside or not others or loss.depth < _SILENT or silence.silent < _SILENT_NETWORKS:
            continue
        if silence.silent < 0.8 * silence.networks:
            continue
        found.append(
            {
                "outage_id": ids.make((country, "\x1fvolunteers", None), loss.begins),
                "kind": kind,
                "scope": "country",
                "country": country,
                **times(loss.onset, loss.end, loss.begins, loss.ends),
                "depth": loss.depth,
                "plateau": loss.plateau,
                "signals": [SESSIONS],
                "regions": 1,
                "regions_measured": 1,
                "probability": _SILENT_PROBABILITY,
                "rule": "volunteers_silent",
                "reasons": [
                    sentence(reason),
                    f"{silence.silent} of {silence.networks} networks that were measured in the week before fell silent.",
                ],
                "against": [
                    "No source from outside measured the country at the time.",
                    "Volunteers have many reasons to rest; this is a suspicion of a shutdown, and no finding of one.",
                    "What they measured may arrive late: silence does not say that anything was unblocked.",
                ],
            }
        )
    return found


def _went_on(course: Course, begins: int, ends: int) -> bool:
    """Whether the volunteers of a country measured on as usual."""
    values = course.between(begins, ends)
    return course.signal == SESSIONS and len(values) > 0 and float(values.mean()) >= 0.5


def fault_rows(country: str, world: World, ids: Ids) -> list[dict[str, Any]]:
    """Stretches in which an instrument speaks of itself; not the silence that follows a loss."""
    found = []
    kind, reason = beside("instrument_fault")
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
                "kind": kind,
                "scope": "country",
                "country": country,
                **times(onset, end, fault.begins, fault.ends),
                "depth": 0.0,
                "signals": [fault.signal],
                "regions": 0,
                "regions_measured": len({s[1] for s in world.courses if s[0] == country and s[1]}) or 1,
                "probability": 0.02,
                "rule": "instrument_fault",
                "reasons": [sentence(f"{fault.what}: {reason}")],
                "against": ["No loss was measured: values that are not there are not values of zero."],
            }
        )
    return found
