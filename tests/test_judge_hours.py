"""Trouble of some hours that others share accuses nobody, and hides no block that lasts (trap C10)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest

from judge_worlds import START, Measured, Verdict, World

COUNTRIES = ("XA", "XB", "XC", "XD")
#: Minutes at which it fails for everybody: fourteen hours from half past an hour on.
TROUBLE = range(36, 36 + 14 * 60)
BLOCKING = 64599


def _look(m: Measured, fails: bool, layer: str) -> None:
    """A site that opens, or fails in that layer."""
    if fails and layer == "dns":
        m.dns(None, "dns_nxdomain_error")
    elif fails and layer == "tcp":
        m.dns().tcp("generic_timeout_error")
    elif fails and layer == "http":
        m.dns().tcp(port=80).http(None, "connection_reset", f"http://{m.who['target']}/")
    elif layer == "http":
        m.dns().tcp(port=80).page(url=f"http://{m.who['target']}/")
    else:
        m.dns().tcp().tls("connection_reset" if fails else None)


def _world(every: int, *, trouble: bool = True, layer: str = "tls") -> dict[str, Verdict]:
    """Eight networks in four countries look at a site in turn, so many minutes apart, for three days; one blocks it.

    No test helper was in reach.
    """
    world = World()
    for number, minute in enumerate(range(-36 * 60, 36 * 60, every)):
        network = number % 9
        blocks = network == 8
        m = world.measure(
            session=f"s{number}",
            network=BLOCKING if blocks else 64500 + network,
            country=COUNTRIES[network // 2 % 4],
            time=START + timedelta(minutes=minute),
            helper_failure="generic_timeout_error",
        )
        fails = blocks or (trouble and minute in TROUBLE)
        _look(m, fails, layer)
    return world.judge()


def _accused(found: dict[str, Verdict], network: int | None = None) -> list[int]:
    """The minutes of those that are accused in that network, or in the others."""
    return [
        int((v.whole["time"] - START).total_seconds() // 60)
        for v in found.values()
        if v.accuses and (v.whole["network"] == network if network else v.whole["network"] != BLOCKING)
    ]


@pytest.mark.parametrize("every", [7, 23, 61])
def test_c10_a_service_that_breaks_for_hours_is_held_against_nobody_from_its_first_minute_on(
    every: int,
) -> None:
    """In the hour in which it begins, and in that in which it ends, most around still got through."""
    assert not _accused(_world(every))


@pytest.mark.parametrize("every", [23, 61])
def test_c10_a_network_that_blocks_before_and_after_is_told_so(every: int) -> None:
    found = _accused(_world(every), BLOCKING)
    assert any(minute < TROUBLE.start for minute in found)
    assert any(minute > TROUBLE.stop for minute in found)
    without = _accused(_world(every, trouble=False), BLOCKING)
    outside = {minute for minute in without if not -240 < minute < TROUBLE.stop + 240}
    assert outside <= set(found)


def test_c10_two_failures_within_the_hour_after_it_opened_are_no_lasting_block() -> None:
    """Where few measure: the first network to meet a trouble met it twice, and had got through once before."""
    world = World()
    looks = [
        (-350, 0),
        (-330, 2),
        (-310, 3),
        (-300, 4),
        (-290, 5),
        (-40, 6),
        (5, 0),
        (20, 1),
        (240, 4),
        (450, 5),
        (560, 3),
    ]
    looks += [(-95, 8), (1, 8), (41, 8), *((minute, minute % 7) for minute in range(-1600, -700, 60))]
    for number, (minute, network) in enumerate(looks):
        m = world.measure(
            session=f"s{number}",
            network=64500 + network,
            country=COUNTRIES[network // 2 % 4],
            time=START + timedelta(minutes=minute),
            helper_failure="generic_timeout_error",
        )
        _look(m, 0 <= minute < 360, "tcp")
    failed = [v for v in world.judge().values() if v.state != "ok"]
    assert len(failed) == 5
    assert all("tcp.shared_trouble" in v.whole["rules"] and not v.accuses for v in failed)


@pytest.mark.parametrize("layer", ["dns", "tcp", "tls", "http"])
def test_c10_the_reason_is_told(layer: str) -> None:
    """A failure that others share carries the rule that says so, and why nothing is concluded."""
    rule = f"{layer}.shared_trouble"
    shared = [v for v in _world(23, layer=layer).values() if rule in v.whole["rules"]]
    assert shared
    assert {v.state for v in shared} == {"insufficient"}
    assert not [v for v in _world(23, trouble=False, layer=layer).values() if rule in v.whole["rules"]]


def test_a_block_of_some_hours_in_one_country_is_told_by_what_opens_abroad_at_the_time() -> None:
    world = World()
    for number, minute in enumerate(range(-36 * 60, 36 * 60, 11)):
        network = number % 8
        country = COUNTRIES[network // 2]
        blocked = country == "XA" and 0 <= minute % (24 * 60) < 180
        m = world.measure(
            session=f"s{number}",
            network=64500 + network,
            country=country,
            time=START + timedelta(minutes=minute),
            helper_failure="generic_timeout_error",
        )
        m.dns().tcp().tls("connection_reset" if blocked else None)
    found = world.judge()
    states = {
        v.state for v in found.values() if v.whole["country"] == "XA" and v.layer("tls")["state"] != "ok"
    }
    assert states == {"likely_blocked"}


def test_c2_rows_of_new_sessions_are_not_heard_where_many_measure() -> None:
    """Whatever they say, and however many they are: others are told the same."""

    def build(forged: int, fails: bool) -> dict[str, Verdict]:
        world = World()
        who = {"helper_failure": "generic_timeout_error"}
        for session in range(12):
            for site in ("site0.example", "site1.example"):
                network, country = 64500 + session % 6, COUNTRIES[session % 3]
                m = world.measure(site, network=network, country=country, session=f"h{session}", **who)
                blocked = network == 64500 and site == "site0.example"
                m.dns().tcp().tls("connection_reset" if blocked else None)
        for number in range(forged):
            network, country = (64500 + number % 6, COUNTRIES[number % 3])
            m = world.measure("site0.example", network=network, country=country, session=f"f{number}", **who)
            m.dns().tcp().tls("connection_reset" if fails else None)
        return {id_: v for id_, v in world.judge().items() if v.whole["session"].startswith("h")}

    honest = build(0, False)
    assert {v.state for v in honest.values() if v.whole["network"] == 64500} >= {"likely_blocked"}
    for fails in (True, False):
        found = build(9, fails)
        assert {id_: v.whole for id_, v in found.items()} == {id_: v.whole for id_, v in honest.items()}


def _hours_of_exams(broken: bool) -> World:
    """Eight networks of one country look at a site now and then, for five days; four block it in the same hours each day.

    Abroad hardly anybody measures, and at other hours. Instead, the site may be broken on one of these days.
    """
    world = World()
    for day in range(5):
        for number, minute in enumerate(range(0, 24 * 60, 41)):
            network = (number + 3 * day) % 8
            in_hours = 12 * 60 <= minute < 15 * 60 + 30
            fails = in_hours and (day == 2 if broken else network < 4)
            who = {"session": f"s{day}-{number}", "helper_failure": "eof_error"}
            time = START.replace(hour=0) + timedelta(days=day, minutes=minute)
            m = world.measure(network=64500 + network, country="XA", time=time, **who)
            m.dns().tcp("generic_timeout_error" if fails else None)
        for network in (64601, 64602):
            time = START.replace(hour=20) + timedelta(days=day)
            m = world.measure(network=network, country="XB", time=time, session=f"a{day}-{network}")
            m.measured["helper_failure"] = "eof_error"
            m.dns().tcp()
    return world


def test_c12_what_comes_back_to_one_country_at_the_same_hours_is_no_trouble_of_the_service() -> None:
    world = _hours_of_exams(broken=False)
    found = {
        v.whole["time"].day - START.day: v.state
        for v in world.judge().values()
        if v.layer("tcp")["rules"] != ["tcp.connects"]
    }
    assert set(found) == set(range(5))
    assert {found[day] for day in (1, 2, 3)} == {"likely_blocked"}


def test_c10_what_breaks_once_is_held_against_nobody_though_nobody_abroad_measured_at_the_time() -> None:
    assert not [v for v in _hours_of_exams(broken=True).judge().values() if v.accuses]


def _one_failure(minutes: Iterable[int]) -> Verdict:
    """What is said of one failure, where four networks got through so many minutes after it or before."""
    world = World()
    for number, minute in enumerate(minutes):
        m = world.measure(network=64500 + number % 4, country=COUNTRIES[number % 4], session=f"s{number}")
        m.who["time"] = START + timedelta(minutes=minute)
        m.measured["helper_failure"] = "eof_error"
        m.dns().tcp().tls()
    world.measure(network=64500, country="XA", session="failed", time=START, helper_failure="eof_error")
    world.measurements[-1].dns().tcp().tls("generic_timeout_error")
    return world.verdict()


@pytest.mark.parametrize(("beside", "accused"), [(60, True), (400, False)])
def test_c10_one_failure_is_told_by_what_others_got_within_two_hours(beside: int, accused: bool) -> None:
    """The networks open before and after; the nearest that others saw was an hour away, or six."""
    minutes = [(-1 if number % 2 else 1) * (beside + 37 * number) for number in range(24)]
    assert _one_failure(minutes).accuses == accused


@pytest.mark.parametrize(("minutes", "accused"), [((60,), True), ((130,), False), ((130, 140), True)])
def test_c10_one_session_two_hours_later_does_not_tell_a_failure_from_an_outage(
    minutes: tuple[int, ...], accused: bool
) -> None:
    """All others looked half a day away and more. An hour of trouble is over when the one gets through."""
    found = _one_failure([*minutes, *range(-1400, -700, 60), *range(700, 1400, 60)])
    assert found.accuses == accused
