"""Whose tests of one target are heard: those of runs of the probe that looked at several targets (traps C2, C3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from judge_worlds import START, Verdict, World
from wallwatch.judge.services import MIDDLEBOX_TESTS

SITES = tuple(f"site{number}.example" for number in range(6))
NETWORKS = tuple(range(64500, 64506))
RUNS = tuple((network, run) for run in range(2) for network in NETWORKS)
#: Rows of the honest runs: six sites and one service each.
HONEST = len(RUNS) * (len(SITES) + 1)

Forge = Callable[[World, int], None]


def _time(network: int, run: int) -> timedelta:
    return timedelta(hours=3 * run, minutes=20 * (network - NETWORKS[0]))


def _test(
    world: World, network: int, session: str, at: timedelta, fails: bool, *, late: float = 0, **who: object
) -> None:
    """A test of a service, without a control."""
    more = {"country": f"X{chr(65 + network % 3)}", "received": START + at + timedelta(minutes=late), **who}
    m = world.measure(
        "chat.example", network, session=session, time=START + at, **{"nettest": "signal", **more}
    )
    m.measured["helper_failure"] = "eof_error"
    m.dns().tcp().tls("connection_reset" if fails else None)


def _run(world: World, network: int, run: int, fails: bool) -> None:
    """What one probe does in some minutes."""
    at = _time(network, run)
    for number, site in enumerate(SITES):
        time = START + at + timedelta(seconds=10 * number)
        who = {"country": f"X{chr(65 + network % 3)}", "time": time, "received": time}
        world.measure(site, network, session=f"h{network}-{run}", **who).works()
    _test(world, network, f"h-chat{network}-{run}", at + timedelta(minutes=2), fails)


def _runs(world: World, blocks: tuple[int, ...]) -> None:
    for network, run in RUNS:
        _run(world, network, run, network in blocks)


def _judged(blocks: tuple[int, ...], forge: Forge | None = None, forged: int = 0) -> dict[str, Verdict]:
    """Verdicts of the honest rows, in a world in which some networks block the service."""
    world = World()
    _runs(world, blocks)
    for number in range(forged):
        assert forge is not None
        forge(world, number)
    return {id_: v for id_, v in world.judge().items() if int(id_[1:]) < HONEST}


def _said(found: dict[str, Verdict]) -> dict[str, tuple[object, ...]]:
    return {id_: (v.state, v.mechanisms, v.locus, v.flags) for id_, v in found.items()}


def _copy(fails: bool, networks: tuple[int, ...], late: float) -> Forge:
    """A copy of what honest runs sent in, in a new session, which says so."""

    def forge(world: World, number: int) -> None:
        network = networks[number % len(networks)]
        at = _time(network, number // len(networks) % 2) + timedelta(minutes=2)
        _test(world, network, f"f{number}", at, fails, late=late)

    return forge


def _states(found: dict[str, Verdict]) -> dict[int, set[str]]:
    states: dict[int, set[str]] = {}
    for v in found.values():
        if v.whole["target"] == "chat.example":
            states.setdefault(v.whole["network"], set()).add(v.state)
    return states


def test_the_honest_runs_are_heard() -> None:
    blocked = _states(_judged(NETWORKS[:1]))
    assert blocked == {NETWORKS[0]: {"likely_blocked"}, **{n: {"ok"} for n in NETWORKS[1:]}}
    down = _states(_judged(NETWORKS))
    assert down == {network: {"down"} for network in NETWORKS}


@pytest.mark.parametrize("late", [1, 45, 600], ids=lambda late: f"{late} minutes later")
@pytest.mark.parametrize(
    ("blocks", "fails", "networks"),
    [
        (NETWORKS[:1], True, NETWORKS[1:]),
        (NETWORKS[:1], False, NETWORKS[:1]),
        (NETWORKS, False, NETWORKS),
        (NETWORKS[:3], False, NETWORKS[:3]),
        ((), True, NETWORKS[:2]),
    ],
    ids=["fails where it opens", "opens where it is blocked", "opens where it is down", "opens", "fails"],
)
def test_c2_a_tenth_of_forged_tests_of_services_changes_no_other_verdict(
    blocks: tuple[int, ...], fails: bool, networks: tuple[int, ...], late: float
) -> None:
    """New sessions of one test each, in networks, of software and at times of honest runs."""
    forged = _judged(blocks, _copy(fails, networks, late), HONEST // 9)
    assert _said(forged) == _said(_judged(blocks))


def test_c2_one_forged_test_completes_no_network() -> None:
    """A network with one honest run: a second session that says the same would make it speak."""

    def world(forged: int) -> dict[str, Verdict]:
        world = World()
        for network in NETWORKS[:3]:
            for run in range(2 if network == NETWORKS[0] else 1):
                _run(world, network, run, network == NETWORKS[0])
        honest = len(world.measurements)
        for _ in range(forged):
            _test(world, NETWORKS[1], "f", _time(NETWORKS[1], 0) + timedelta(minutes=3), False, late=5)
        return {id_: v for id_, v in world.judge().items() if int(id_[1:]) < honest}

    without = world(0)
    assert "insufficient" in {v.state for v in without.values()}
    assert _said(world(1)) == _said(without)


@pytest.mark.parametrize("who", [{"software": "other 1.0"}, {"network": 65000}, {"hours": 1}], ids=str)
def test_c2_a_test_of_another_place_software_or_time_is_of_no_run(who: dict[str, object]) -> None:
    def forge(world: World, number: int) -> None:
        network = NETWORKS[1 + number % 5]
        at = _time(network, number % 2) + timedelta(hours=int(str(who.get("hours", 0))), minutes=3)
        more = {"software": who["software"]} if "software" in who else {}
        _test(world, int(str(who.get("network", network))), f"f{number}", at, True, **more)

    assert _said(_judged(NETWORKS[:1], forge, HONEST // 9)) == _said(_judged(NETWORKS[:1]))


def test_c2_most_rows_of_a_rare_test_that_are_forged_turn_nothing() -> None:
    """They are the only ones of that test but for a few, in networks that nobody else is in."""

    def judged(forged: int) -> dict[str, Verdict]:
        world = World()
        _runs(world, ())
        for network in NETWORKS[:2]:
            at = _time(network, 0) + timedelta(minutes=3)
            _test(world, network, f"h-rare{network}", at, network == NETWORKS[0], nettest="riseupvpn")
        honest = len(world.measurements)
        for number in range(forged):
            at = _time(NETWORKS[0], 0) + timedelta(minutes=3)
            _test(
                world, 65000 + number, f"f{number}", at, False, nettest="riseupvpn", country=f"Y{number % 4}"
            )
        return {id_: v for id_, v in world.judge().items() if int(id_[1:]) < honest}

    without = judged(0)
    assert "insufficient" in {v.state for v in without.values()}
    assert _said(judged(9)) == _said(without)


def test_tests_of_services_are_heard_where_nobody_looks_at_several_targets() -> None:
    """As in archives of one test alone."""
    world = World()
    for network, run in RUNS:
        _test(world, network, f"h{network}-{run}", _time(network, run), network == NETWORKS[0])
    states = _states(world.judge())
    assert states == {NETWORKS[0]: {"likely_blocked"}, **{network: {"ok"} for network in NETWORKS[1:]}}


@pytest.mark.parametrize("nettest", [test for test, _, _ in MIDDLEBOX_TESTS])
def test_j9_c2_newcomers_put_no_device_into_a_network(nettest: str) -> None:
    def judged(forged: int) -> list[list[str]]:
        world = World()
        _runs(world, ())
        for network, run in RUNS:
            time = START + _time(network, run) + timedelta(minutes=4)
            m = world.measure(nettest, network, nettest=nettest, time=time, received=time, input=None)
            m.step("echoed_line", "same", step_target="request_line")
        for number in range(forged):
            time = START + _time(NETWORKS[0], 0) + timedelta(minutes=4)
            late = time + timedelta(minutes=9)
            m = world.measure(
                nettest,
                NETWORKS[0],
                nettest=nettest,
                session=f"f{number}",
                time=time,
                received=late,
                input=None,
            )
            m.step("echoed_line", "altered", step_target="request_line")
            m.step("tampering_header_name_capitalization", True, step_target="headers")
        honest = HONEST + len(RUNS)
        return [v.rules for id_, v in world.judge().items() if int(id_[1:]) < honest]

    assert judged(9) == judged(0)


def test_c2_newcomers_turn_no_verdict_on_quic() -> None:
    """Sessions of one host each, where others try several."""

    def judged(forged: int) -> dict[str, Verdict]:
        world = World()

        def quic(site: str, network: int, session: str, failure: str | None) -> None:
            m = world.measure(
                site, network, session=session, nettest="urlgetter", country=f"X{network % 3}"
            ).dns()
            m.seen.append(
                {"layer": "quic", "obs": 1, "host": site, "depth": 0, "ip": "192.0.2.10", "port": 443,
                 "ip_kind": "global", "failure": failure}
            )  # fmt: skip

        for network, run in RUNS:
            for site in SITES[:4]:
                fails = site == SITES[0] and network == NETWORKS[0]
                quic(site, network, f"h{network}-{run}", "generic_timeout_error" if fails else None)
        honest = len(world.measurements)
        for number in range(forged):
            quic(SITES[0], NETWORKS[1 + number % 5], f"f{number}", "generic_timeout_error")
        return {id_: v for id_, v in world.judge().items() if int(id_[1:]) < honest}

    without = judged(0)
    assert {v.state for v in without.values()} == {"ok", "likely_blocked"}
    assert _said(judged(10)) == _said(without)
