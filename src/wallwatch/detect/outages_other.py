"""Rows of outages that no loss in a signal makes: times of domestic targets alone, and faults of instruments."""

from __future__ import annotations

from typing import Any

from wallwatch.detect.outages_fuse import Outage
from wallwatch.detect.outages_inside import Stretch
from wallwatch.detect.outages_world import Ids, World, sentence, times


def covers(stretch: Stretch, outage: Outage) -> bool:
    """Whether domestic targets answered for nearly the whole of an outage: then that is its kind, not a phase."""
    overlap = min(stretch.last, outage.ends) - max(stretch.first, outage.begins)
    return overlap >= 0.9 * (outage.ends - outage.begins)


def domestic_rows(
    country: str, world: World, nation: list[Outage], listed: list[dict[str, Any]], ids: Ids
) -> list[dict[str, Any]]:
    """Times in which domestic targets alone answered, unless a national outage has that kind already."""
    found = []
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
                "kind": "domestic_only",
                "scope": "country",
                "country": country,
                "parent": listed[over[0]]["outage_id"] if over else None,
                **times(onset, end, stretch.first, stretch.last),
                "depth": round(1 - share, 4),
                "signals": ["measurements"],
                "regions": 1,
                "regions_measured": 1,
                "probability": 0.9 if stretch.networks_ok >= 3 else 0.75,
                "reasons": [
                    sentence(
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


def fault_rows(country: str, world: World, ids: Ids) -> list[dict[str, Any]]:
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
                **times(onset, end, fault.begins, fault.ends),
                "depth": 0.0,
                "signals": [fault.signal],
                "regions": 0,
                "regions_measured": len({s[1] for s in world.courses if s[0] == country and s[1]}) or 1,
                "probability": 0.02,
                "reasons": [sentence(f"{fault.what}: what connectivity was then, this source does not say")],
                "against": ["No loss was measured: values that are not there are not values of zero."],
            }
        )
    return found
