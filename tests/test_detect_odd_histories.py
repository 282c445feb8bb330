"""Histories of other shapes than the simulator makes: uneven crowds, one busy probe, flickers, slow growth."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest

from detect_worlds import World, at, between
from wallwatch import detect

KINDS = (("probe 1", 0.5, None), ("probe 2", 0.2, 15169), ("probe 3", 0.2, None), ("probe 4", 0.1, 13335))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(77)


def crowd(
    world: World,
    rng: np.random.Generator,
    per_hour: float,
    blocked: Callable[[datetime], bool] | None = None,
    *,
    strength: float = 1.0,
    first: float = 0,
    last: float = 30,
    network: int = 64500,
) -> None:
    """Several kinds of probe, some of them behind public resolvers."""
    for software, share, resolver in KINDS:
        world.regularly(
            rng,
            per_hour * share,
            at(first),
            at(last),
            blocked,
            strength,
            software=software,
            resolver=resolver,
            network=network,
        )


def found(world: World) -> list[dict[str, object]]:
    with world.connect() as con:
        events: list[dict[str, object]] = detect.events_and_doubts(con)[0].to_pylist()
        return events


def evenings(rng: np.random.Generator, share: Callable[[datetime], float]) -> World:
    """Nearly all measure in the evening, and some days hardly anybody does."""
    world = World()
    for hour in range(30 * 24):
        usual = 0.2 * np.exp(3 * np.cos((hour - 20) / 12 * np.pi)) * rng.gamma(0.5, 2)
        for _ in range(rng.poisson(max(usual, 0.02))):
            time = at(0, hour + float(rng.random()))
            bad = rng.random() < share(time)
            world.measure(time, "likely_blocked" if bad else "ok", software=KINDS[int(rng.integers(4))][0])
    return world


def test_c2_c18_crowded_evenings_that_fail_more_often_are_no_restriction(rng: np.random.Generator) -> None:
    assert found(evenings(rng, lambda time: 0.2 if 18 <= time.hour <= 22 else 0.03)) == []


def test_a_block_is_found_among_crowded_evenings(rng: np.random.Generator) -> None:
    blocked = between(at(12, 3), at(14, 9))
    (event,) = found(evenings(rng, lambda time: 1.0 if blocked(time) else 0.02))
    assert at(11, 12) <= event["onset_earliest"] <= at(12, 3)  # type: ignore[operator]
    assert at(12, 3) <= event["onset_latest"]  # type: ignore[operator]


def test_c18_a_probe_that_makes_nearly_all_measurements_and_breaks_is_no_event(
    rng: np.random.Generator,
) -> None:
    world = World()
    world.regularly(rng, 6, at(0), at(30), between(at(10), at(11)), software="busy 1")
    crowd(world, rng, 0.3)
    assert found(world) == []


def test_a_block_that_the_busy_probe_and_the_others_meet_is_one(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 6, at(0), at(30), between(at(10), at(13)), software="busy 1")
    crowd(world, rng, 0.3, between(at(10), at(13)))
    assert len(found(world)) == 1


def test_c17_what_is_measured_weekly_speaks_after_enough_weeks(rng: np.random.Generator) -> None:
    def weekly(blocked_from: int, stray: float) -> World:
        world = World()
        for day in range(0, 200, 7):
            for software, _, _ in KINDS[:3]:
                bad = day >= blocked_from or rng.random() < stray
                state = "likely_blocked" if bad else "ok"
                world.measure(at(day, float(rng.uniform(0, 24))), state, software=software)
        return world

    (event,) = found(weekly(100, 0.0))
    assert at(98) <= event["onset_best"] <= at(106)  # type: ignore[operator]
    assert event["end_best"] is None
    assert found(weekly(1000, 0.1)) == []


def test_flickers_are_one_event(rng: np.random.Generator) -> None:
    """An hour in four, for ten days."""
    world = World()
    crowd(world, rng, 8, lambda time: at(10) <= time < at(20) and time.hour % 4 == 0)
    assert len(found(world)) == 1


def test_c11_a_block_that_grows_network_by_network_over_weeks_is_one_event(rng: np.random.Generator) -> None:
    world = World()
    for number in range(6):
        blocked = between(at(8 + 4 * number), at(38))
        crowd(world, rng, 0.5, blocked, last=40, network=64500 + number)
    (event,) = found(world)
    assert event["networks"] == [64500 + number for number in range(6)]


def test_people_who_measure_more_because_of_a_partial_block_do_not_hide_it(rng: np.random.Generator) -> None:
    world = World()
    crowd(world, rng, 1, between(at(10), at(12)), strength=0.6)
    crowd(world, rng, 2, between(at(10), at(12)), strength=0.6, first=10, last=12)
    assert len(found(world)) == 1
    calm = World()
    crowd(calm, rng, 0.2)
    crowd(calm, rng, 5, first=10, last=10.25)
    assert found(calm) == []


def test_probes_that_each_find_both_many_times_are_a_partial_block(rng: np.random.Generator) -> None:
    """What they find counts by the vote: of each probe's share alone none would differ from one that often fails."""
    world = World()
    blocked = between(at(12), at(18))
    for number in range(12):
        who = {"probe_id": f"p{number}", "software": KINDS[number % 4][0]}
        world.regularly(rng, 0.09, at(0), at(30), blocked, 0.45, noise=0.16, **who)
    (event,) = found(world)
    assert event["probability"] >= 0.9  # type: ignore[operator]
