"""Which kind an outage is: a table of conditions, the first that holds decides, each with its sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of an outage when its kind is decided.

    Attributes:
        depth: Share lost at the lowest sustained level.
        hours: How long it lasted, or has lasted.
        ended: Whether the old level came back.
        sharp: Whether it fell within two hours or one bin.
        slow_return: Whether it came back over many hours.
        at_once: Share of the places that fell together.
        reach: Share of the places or regions that were hit.
        places: Places measured.
        strokes: Share of the hit places that fell within two hours each, whenever that was.
        fall_hours: How long the whole took to fall.
        alike: Whether all places showed exactly one value.
        bins: Length in bins.
        country: Whether it is about a whole country.
        recurring: Whether it came back by the clock.
        families: Families of sources that show it.
        denied: Whether another family shows the ordinary level all the while.
        countries_hit: Countries in which the same source fell in the same hour, this one included.
        countries_measured: Countries that the source measured then.
        latency_only: Whether nothing but a risen latency shows it.
        latency_fell: Whether nothing but a fallen latency index shows it.
        domestic_ok: Whether domestic targets answered while foreign ones failed.
        part_of: Kind of the national outage that it is part of; empty where it is none.
    """

    depth: float
    hours: float
    ended: bool
    sharp: bool
    slow_return: bool
    at_once: float
    reach: float
    places: int
    strokes: float
    fall_hours: float
    alike: bool
    bins: int
    country: bool
    recurring: bool
    families: int
    denied: bool
    countries_hit: int
    countries_measured: int
    latency_only: bool
    latency_fell: bool
    domestic_ok: bool
    part_of: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table.

    Attributes:
        id: Its name, public and for good.
        kind: The kind that it decides for.
        holds: Whether it applies.
        reason: What it says, in a sentence.
    """

    id: str
    kind: str
    holds: Callable[[Traits], bool]
    reason: str


def _everywhere(t: Traits) -> bool:
    """At least three countries, and nearly all of those that the source measures, in the same hour."""
    return t.countries_hit >= 3 and t.countries_hit >= 0.8 * t.countries_measured


def _together(t: Traits) -> bool:
    return t.sharp and t.at_once >= 0.6


RULES: tuple[Rule, ...] = (
    Rule(
        "everywhere_at_once",
        "instrument",
        lambda t: (
            _everywhere(t)
            and t.families == 1
            and t.ended
            and t.sharp
            and t.hours <= 48
            and not t.latency_only
        ),
        "nearly every country that this source measures fell in the same hour, only in this source, and came back",
    ),
    Rule(
        "denied_by_others",
        "instrument",
        lambda t: (
            t.denied
            and t.families == 1
            and t.ended
            and t.sharp
            and t.depth >= 0.5
            and t.hours <= 48
            and not t.recurring
        ),
        "another kind of source saw no loss all the while, and this one came back as it had fallen",
    ),
    Rule(
        "one_value_everywhere",
        "instrument",
        lambda t: (
            t.alike and t.bins <= 2 and t.ended and t.families == 1 and t.places >= 3 and not t.recurring
        ),
        "every place showed exactly the same value for one or two bins, and then the ordinary one again",
    ),
    Rule(
        "latency_fell",
        "disruption",
        lambda t: t.latency_fell and t.depth < 0.85,
        "a latency index fell, which is no measure of how much was lost",
    ),
    Rule(
        "latency_rose",
        "disruption",
        lambda t: t.latency_only,
        "latency rose; no loss of connectivity was measured",
    ),
    Rule(
        "domestic_answers",
        "domestic_only",
        lambda t: t.domestic_ok and t.depth >= 0.5,
        "domestic targets answered while foreign ones failed, on most networks",
    ),
    Rule(
        "part_of_shutdown",
        "shutdown",
        lambda t: t.part_of == "shutdown" and t.depth >= 0.5,
        "it is part of a national shutdown",
    ),
    Rule(
        "several_countries",
        "disruption",
        lambda t: t.country and t.countries_hit >= 3 and t.depth < 0.85,
        "several countries fell in the same hour, as when a cable is cut that they share",
    ),
    Rule(
        "sharp_and_whole",
        "shutdown",
        lambda t: t.country and t.reach >= 0.6 and _together(t) and t.depth >= 0.85,
        "nearly everything was lost within two hours, in most places at once",
    ),
    Rule(
        "sharp_and_deep",
        "shutdown",
        lambda t: t.country and t.reach >= 0.6 and _together(t) and t.depth >= 0.5 and not t.slow_return,
        "most was lost within two hours, in most places at once, without the slow return of a power cut",
    ),
    Rule(
        "place_by_place",
        "shutdown",
        lambda t: (
            t.country
            and t.reach >= 0.8
            and t.depth >= 0.9
            and t.strokes >= 0.8
            and t.places >= 3
            and t.fall_hours <= 24
            and not t.slow_return
        ),
        "each place lost nearly everything at one stroke, one after the other within a day",
    ),
    Rule(
        "by_the_clock",
        "shutdown",
        lambda t: t.recurring and t.sharp and t.depth >= 0.5,
        "it came and went sharply at the same hours of several days, which accidents do not",
    ),
    Rule(
        "sharp_and_local",
        "shutdown",
        lambda t: (
            not t.country
            and t.sharp
            and t.at_once >= 0.6
            and t.reach >= 0.6
            and t.depth >= 0.85
            and not t.slow_return
            and t.hours >= 3
        ),
        "nearly everything was lost sharply, and did not come back slowly as after a power cut",
    ),
    Rule(
        "lasting_part",
        "partial",
        lambda t: t.depth < 0.6 and t.hours >= 24 and t.sharp and not t.slow_return,
        "a part was lost sharply, and stayed lost for a day or longer",
    ),
    Rule(
        "part_by_the_clock",
        "partial",
        lambda t: t.recurring and t.sharp and t.depth < 0.6,
        "a part was lost sharply, at the same hours of several days",
    ),
    Rule(
        "slow_return",
        "disruption",
        lambda t: t.slow_return,
        "it came back over many hours, as after storms and power cuts",
    ),
    Rule(
        "ragged",
        "disruption",
        lambda t: t.at_once < 0.6 or not t.sharp,
        "places fell one after the other or slowly, as in storms, power cuts and failures of networks",
    ),
    Rule(
        "lasting_part_slow",
        "partial",
        lambda t: t.hours >= 24 and t.depth < 0.6,
        "a part was lost for a day or longer",
    ),
    Rule(
        "undecided",
        "disruption",
        lambda t: True,
        "nothing in its shape tells a cut on purpose from an accident",
    ),
)


def decide(traits: Traits) -> Rule:
    """The first line of the table that holds: its kind is that of the outage."""
    return next(rule for rule in RULES if rule.holds(traits))


#: What decides about rows that no loss in a signal makes, in the order in which they are looked for.
BESIDE: tuple[tuple[str, str, str], ...] = (
    (
        "domestic_stretch",
        "domestic_only",
        "no test helper abroad could be reached, and most targets did not answer, while some worked",
    ),
    (
        "volunteers_silent",
        "disruption",
        (
            "measurements of volunteers all but stopped on several networks, as when nobody can upload, while those of "
            "other countries came in"
        ),
    ),
    ("instrument_fault", "instrument", "what connectivity was then, the source does not say"),
)


def beside(id_: str) -> tuple[str, str]:
    """Kind and sentence of a line of `BESIDE`."""
    return next((kind, reason) for name, kind, reason in BESIDE if name == id_)


def kind_rule(id_: str) -> str:
    """A line of the table in words: where it stands, what it says, and that the lines before it did not hold."""
    for number, rule in enumerate(RULES, 1):
        if rule.id == id_:
            before = f"; the {number - 1} lines before it did not hold" if number > 1 else ""
            return f"decided by line {number} of {len(RULES)} in the table of kinds, `{id_}` → {rule.kind}{before}"
    return f"decided beside the table of kinds, by `{id_}`"
