"""Networks that lose a part of everything, as over bad radio: congestion is no interference with a site (trap J26)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from judge_worlds import START, Measured, Verdict, World

TIMEOUT = "generic_timeout_error"
SITES = tuple(f"site{number}.example" for number in range(20))
LOST: dict[str, Callable[[Measured], Any]] = {
    "tcp": lambda m: m.dns().tcp(TIMEOUT).helper(),
    "tls": lambda m: m.dns().tcp().tls(TIMEOUT).helper(),
    "http": lambda m: m.dns().tcp(port=80).http(None, TIMEOUT, f"http://{m.who['target']}/").helper(tls=None),
    "dns": lambda m: m.dns(None, TIMEOUT).helper(),
}


def _measured(
    world: World, lost: Callable[[int, str], bool], how: Callable[[Measured], Any], sessions: int = 12
) -> None:
    """Sessions on one network, four a day, each of all sites."""
    for session in range(sessions):
        for number, site in enumerate(SITES):
            time = START + timedelta(hours=6 * session, seconds=20 * number)
            m = world.measure(site, session=f"s{session}", time=time)
            if lost(session, site):
                how(m)
            else:
                m.works()


def _by_chance(seed: int, share: float) -> Callable[[int, str], bool]:
    chance = random.Random(seed)
    return lambda session, site: chance.random() < share


def _accused(world: World) -> list[Verdict]:
    return [verdict for verdict in world.judge().values() if verdict.accuses]


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("share", [0.1, 0.25])
def test_j26_a_network_that_loses_a_part_of_everything_blocks_nothing(how: str, share: float) -> None:
    world = World()
    _measured(world, _by_chance(5, share), LOST[how])
    found = world.judge().values()
    lost = [verdict for verdict in found if verdict.state != "ok"]
    assert len(lost) > 12
    assert {verdict.state for verdict in lost} == {"insufficient"}
    assert {f"{how}.lossy_network"} <= set(lost[0].rules)


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_j26_what_always_fails_in_a_network_that_loses_a_part_is_blocked_all_the_same(share: float) -> None:
    world, chance = World(), _by_chance(6, share)
    _measured(world, lambda session, site: site == SITES[3] or chance(session, site), LOST["tcp"])
    accused = _accused(world)
    assert {verdict.whole["target"] for verdict in accused} == {SITES[3]}
    assert len(accused) == 12


def test_j26_one_timeout_in_a_network_that_loses_nothing_is_judged_as_ever() -> None:
    world = World()
    _measured(world, lambda session, site: (session, site) == (4, SITES[3]), LOST["tcp"])
    assert len(_accused(world)) == 1


def test_c12_sites_that_are_blocked_for_hours_are_no_losses() -> None:
    """Eight of twenty sites, in three of twelve sessions: nothing fails in the others."""
    world = World()
    _measured(world, lambda session, site: session % 4 == 1 and site in SITES[:8], LOST["tls"])
    assert len(_accused(world)) == 3 * 8
