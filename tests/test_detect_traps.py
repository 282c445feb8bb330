"""Putting measurements together: the traps C1 to C18 as small worlds."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from detect_worlds import START, World, at, between
from wallwatch import detect


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20310303)


def found(world: World, table: Any = None) -> list[dict[str, Any]]:
    with world.connect(table) as con:
        return detect.events_and_doubts(con)[0].to_pylist()


def restrictions(world: World) -> list[dict[str, Any]]:
    return [event for event in found(world) if event["kind"] == "blocking"]


def hours_apart(a: datetime | None, b: datetime) -> float:
    assert a is not None
    return abs((a - b) / timedelta(hours=1))


def test_a_day_of_full_blocking_is_one_event_with_sharp_edges(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 5, at(0), at(14), between(at(6, 9), at(7, 9)))
    (event,) = restrictions(world)
    assert hours_apart(event["onset_best"], at(6, 9)) <= 1
    assert hours_apart(event["end_best"], at(7, 9)) <= 1
    assert event["onset_earliest"] <= at(6, 9) <= event["onset_latest"]
    assert event["end_earliest"] <= at(7, 9) <= event["end_latest"]
    assert event["probability"] >= 0.99
    assert event["networks"] == [64500]
    assert event["layers"] == ["tls"]
    assert event["mechanisms"] == ["tls.timeout"]
    assert 0 < len(event["witnesses"]) <= 200


def test_three_hours_of_full_blocking_at_five_an_hour_are_found(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 5, at(0), at(7), between(at(3, 9), at(3, 12)))
    (event,) = restrictions(world)
    assert hours_apart(event["onset_best"], at(3, 9)) <= 1
    assert hours_apart(event["end_best"], at(3, 12)) <= 1


def test_c1_one_volunteer_a_thousand_times_is_no_event(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 0.5, at(0), at(7))
    world.measure(at(3, 12), "likely_blocked", session="one volunteer", count=1000)
    assert restrictions(world) == []


def test_c1_one_credentialed_probe_over_many_sessions_is_no_event(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 0.5, at(0), at(7))
    for hour in range(48):
        world.measure(at(3, hour), "likely_blocked", probe_id="one probe", count=20)
    assert restrictions(world) == []


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3])
def test_c2_forged_sessions_create_no_event(rng: np.random.Generator, share: float) -> None:
    world = World()
    for network in (64500, 64501, 64502):
        world.regularly(rng, 2, at(0), at(14), noise=share, network=network)
    assert restrictions(world) == []


def test_c2_forged_sessions_are_reported_where_they_make_no_event(rng: np.random.Generator) -> None:
    """Honest probes of three kinds go on as ever; forgers add others that find it blocked, for five days."""
    world = World()
    for number in range(3):
        world.regularly(rng, 0.7, at(0), at(20), software=f"probe {number}")
    for number in range(6):
        world.regularly(
            rng,
            0.15,
            at(8),
            at(13),
            between(at(8), at(13)),
            software=f"forger {number}",
            found="likely_blocked",
        )
    world.regularly(rng, 2, at(0), at(20), target="quiet.example")
    with world.connect() as con:
        events, doubts = detect.events_and_doubts(con)
    assert events.num_rows == 0
    (doubt,) = doubts.to_pylist()
    assert (doubt["kind"], doubt["network"], doubt["service"]) == ("blocking", 64500, "news.example")
    assert doubt["reason"] in ("share", "around", "pace")
    assert hours_apart(doubt["first_seen"], at(8)) <= 12
    assert hours_apart(doubt["last_seen"], at(13)) <= 12


def test_c2_what_is_told_as_an_event_is_no_doubt(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(14), between(at(5), at(9)), strength=0.7)
    with world.connect() as con:
        events, doubts = detect.events_and_doubts(con)
    assert events.num_rows == 1
    assert doubts.num_rows == 0


def test_a_full_block_is_found_although_a_probe_was_broken_some_days_before(rng: np.random.Generator) -> None:
    world = World()
    for number in range(4):
        world.regularly(rng, 1.2, at(0), at(14), between(at(9), at(9, 4)), software=f"probe {number}")
    world.regularly(rng, 3, at(6), at(7), between(at(6), at(7)), software="broken 1")
    (event,) = restrictions(world)
    assert hours_apart(event["onset_best"], at(9)) <= 1
    assert hours_apart(event["end_best"], at(9, 4)) <= 1


def test_c2_forged_sessions_erase_no_event(rng: np.random.Generator) -> None:
    world = World()
    for network in (64500, 64501):
        world.regularly(rng, 2, at(0), at(14), between(at(5), at(9)), strength=0.7, network=network)
    (event,) = restrictions(world)
    assert event["networks"] == [64500, 64501]
    assert hours_apart(event["onset_best"], at(5)) <= 3
    assert hours_apart(event["end_best"], at(9)) <= 3
    # The suspicion is said: three in ten contradict, and nobody can be told from a forger.
    assert any("forged sessions" in said for said in event["against"])


def test_c2_several_people_with_the_same_probe_and_no_others_are_no_corroboration(
    rng: np.random.Generator,
) -> None:
    """Half of what little is measured, for days, all from one version behind one resolver."""
    world = World()
    for hour in range(0, 8 * 24, 8):
        bad = hour >= 24 and hour % 24 != 16
        world.measure(at(0, hour + float(rng.random())), "likely_blocked" if bad else "ok")
    assert restrictions(world) == []
    # The same from several kinds of probe is a partial restriction.
    mixed = World()
    for number in range(4):
        mixed.regularly(
            rng, 0.3, at(0), at(8), between(at(1), at(8)), strength=0.66, software=f"probe {number}"
        )
    assert len(restrictions(mixed)) == 1


def test_c2_without_contradiction_or_with_credentials_there_is_no_suspicion(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(14), between(at(5), at(9)))
    (event,) = restrictions(world)
    assert not any("forged" in said for said in event["against"])
    world = World()
    for number in range(8):
        world.regularly(
            rng, 0.3, at(0), at(14), between(at(5), at(9)), strength=0.7, probe_id=f"probe {number}"
        )
    (event,) = restrictions(world)
    assert not any("forged" in said for said in event["against"])


def test_c4_some_networks_block_and_others_are_named_as_fine(rng: np.random.Generator) -> None:
    world = World()
    for network in range(64500, 64506):
        guilty = between(at(4), at(10)) if network < 64502 else None
        world.regularly(rng, 0.5, at(0), at(14), guilty, network=network)
    for day in (5, 7):
        world.measure(at(day), network=64599)
    (event,) = restrictions(world)
    assert event["networks"] == [64500, 64501]
    assert event["networks_ok"] == [64502, 64503, 64504, 64505]
    assert event["networks_insufficient"] == [64599]
    assert any("AS64502 was measured" in said and "found fine" in said for said in event["against"])


@pytest.mark.parametrize(
    ("mechanism", "fine", "said"),
    [
        ("tls.reset", False, True),
        ("tcp.timeout", False, True),
        ("tls.reset", True, False),
        ("tls.reset.sni", False, False),
        ("dns.injection", False, False),
    ],
)
def test_j14_what_a_server_can_do_to_a_whole_country_is_said_against_an_event(
    mechanism: str, fine: bool, said: bool, rng: np.random.Generator
) -> None:
    """Sites that refuse a country cut its connections, too; they do not fail on some of its networks alone."""
    world = World()
    for network in (64500, 64501, 64502):
        guilty = None if fine and network == 64502 else between(at(4), at(10))
        world.regularly(rng, 0.5, at(0), at(14), guilty, network=network, mechanism=mechanism)
    (event,) = restrictions(world)
    assert any("a server that itself cuts" in line for line in event["against"]) is said


def test_c5_probes_that_move_between_resolvers_change_nothing(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(5), network=64500, resolver=64500, mechanism="dns.nxdomain")
    world.regularly(rng, 2, at(5), at(10), network=64500, resolver=15169, mechanism="dns.nxdomain")
    assert found(world) == []


def test_c6_inputs_that_come_and_go_are_no_events(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(5), target="old.example")
    world.regularly(rng, 2, at(5), at(10), target="new.example")
    assert found(world) == []


def test_c6_a_broken_release_is_an_instrument_fault(rng: np.random.Generator) -> None:
    world = World()
    for network in (64500, 64501, 64502):
        world.regularly(rng, 1, at(0), at(10), network=network, software="probe 3.1")
        world.regularly(rng, 1, at(5), at(10), between(at(5), at(10)), network=network, software="probe 3.2")
    events = found(world)
    assert [event["kind"] for event in events] == ["instrument"]
    assert "probe 3.2" in events[0]["against"][0]


def test_c7_silence_is_no_end(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 3, at(0), at(7), between(at(4), at(14)))
    world.regularly(rng, 3, at(0), at(14), target="other.example")
    (event,) = restrictions(world)
    assert event["end_best"] is None
    assert event["end_latest"] is None


def test_c9_dns_blocking_that_hides_tcp_is_no_end(rng: np.random.Generator) -> None:
    world = World()
    for hour in range(14 * 24):
        time = at(0, hour + float(rng.random()))
        if at(4) <= time < at(7):
            world.measure(
                time, "likely_blocked", mechanism="tcp.timeout", layers={"dns": "ok", "tcp": "likely_blocked"}
            )
        elif at(7) <= time < at(11):
            # No address, so nothing to connect to.
            world.measure(time, "blocked", mechanism="dns.injection.bogon", layers={"dns": "blocked"})
        else:
            world.measure(time, layers={"dns": "ok", "tcp": "ok"})
    (event,) = restrictions(world)
    assert hours_apart(event["onset_best"], at(4)) <= 1
    assert hours_apart(event["end_best"], at(11)) <= 1
    assert event["mechanisms"] == ["dns.injection.bogon", "tcp.timeout"]
    assert event["layers"] == ["dns", "tcp"]
    (part,) = json.loads(event["details"])
    seen = {path["path"]: path for path in part["mechanisms_seen"]}
    assert seen["tcp.timeout"]["last"] < seen["dns.injection.bogon"]["first"]


def test_c10_a_service_that_fails_in_many_countries_is_one_note(rng: np.random.Generator) -> None:
    world = World()
    for country in ("XA", "XB", "XC", "XD", "XE"):
        world.regularly(rng, 2, at(0), at(10), between(at(5), at(5, 8)), country=country, service="chat")
    events = found(world)
    assert [event["kind"] for event in events] == ["service_outage"]
    assert hours_apart(events[0]["onset_best"], at(5)) <= 1
    assert "no national restriction" in events[0]["against"][0]


@pytest.mark.parametrize(
    ("ends", "found_as", "kinds"),
    [
        ((8, 8, 8), "likely_blocked", ["service_outage"]),
        ((7, 8, 12), "likely_blocked", ["blocking", "blocking", "blocking"]),  # orders end when they end
        ((8, 8, 8), "blocked", ["blocking", "blocking", "blocking"]),  # no server makes block pages
    ],
)
def test_c10_what_begins_and_ends_together_in_some_of_many_countries_is_no_restriction(
    ends: tuple[int, int, int], found_as: str, kinds: list[str], rng: np.random.Generator
) -> None:
    """A server that serves three neighbours, or a path to it, fails for three days; the test helper stands elsewhere."""
    world = World()
    for number, country in enumerate(("XA", "XB", "XC", "XD", "XE", "XF", "XG", "XH")):
        failing = between(at(5), at(ends[number])) if number < 3 else None
        for network in (64500 + 10 * number, 64501 + 10 * number):
            world.regularly(
                rng, 0.3, at(0), at(14), failing, country=country, network=network, found=found_as
            )
    events = found(world)
    assert [event["kind"] for event in events] == kinds
    if kinds == ["service_outage"]:
        assert "(XA, XB, XC)" in events[0]["against"][0]
        assert "a path that they share" in events[0]["against"][1]
        assert abs(hours_apart(events[0]["onset_best"], at(5))) <= 8


def test_c10_failures_that_cannot_be_judged_support_a_note_and_make_none(rng: np.random.Generator) -> None:
    def said(states: dict[str, str]) -> list[dict[str, Any]]:
        world = World()
        for country in ("XA", "XB", "XC", "XD"):
            world.regularly(rng, 0.5, at(0), at(4), country=country)
            world.regularly(rng, 0.5, at(4, 12), at(8), country=country)
            for hour in range(1, 11, 2):
                world.measure(at(4, hour), states[country], country=country)
        return found(world)

    (note,) = said({"XA": "down", "XB": "down", "XC": "insufficient", "XD": "insufficient"})
    assert note["kind"] == "service_outage"
    # The helper may be what failed.
    assert said({"XA": "down", "XB": "insufficient", "XC": "insufficient", "XD": "insufficient"}) == []


def test_c10_a_service_outage_beside_a_broken_probe_is_still_no_restriction(rng: np.random.Generator) -> None:
    world = World()
    for country in ("XA", "XB", "XC"):
        failing = between(at(5), at(5, 6))
        world.regularly(rng, 4, at(0), at(9), failing, country=country, found="likely_blocked")
    for minute in range(0, 600, 50):
        world.measure(at(3, minute / 60), "likely_blocked", country="XA", software="probe 9")
    assert {event["kind"] for event in found(world)} == {"service_outage"}


def test_c10_a_national_restriction_is_not_hidden_by_other_countries(rng: np.random.Generator) -> None:
    world = World()
    for country in ("XA", "XB", "XC", "XD", "XE"):
        guilty = between(at(5), at(7)) if country == "XC" else None
        world.regularly(rng, 2, at(0), at(10), guilty, country=country, service="chat")
    (event,) = found(world)
    assert (event["kind"], event["country"]) == ("blocking", "XC")


def test_c11_an_order_that_rolls_out_over_days_is_one_event(rng: np.random.Generator) -> None:
    world = World()
    for number in range(5):
        world.regularly(rng, 1, at(0), at(20), between(at(5 + number), at(15)), network=64500 + number)
    (event,) = restrictions(world)
    assert event["networks"] == list(range(64500, 64505))
    assert event["recurrence"] is None
    assert hours_apart(event["onset_best"], at(5)) <= 3
    began = {part["network"]: part["onset"]["best"] for part in json.loads(event["details"])}
    assert [began[network] for network in sorted(began)] == sorted(began.values())


def test_c12_exam_hours_are_one_event_with_their_pattern(rng: np.random.Generator) -> None:
    def exams(time: datetime) -> bool:
        return time.weekday() < 5 and 7 <= (time - START).days < 21 and time.hour in (5, 6, 7)

    world = World()
    world.regularly(rng, 2, at(0), at(28), exams)
    (event,) = restrictions(world)
    pattern = json.loads(event["recurrence"])
    assert pattern["text"] == "weekdays, 05:00–08:00 UTC"
    assert pattern["hours_utc"] == [5, 6, 7]
    assert pattern["weekdays"] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    assert pattern["days"] == 10
    assert hours_apart(event["onset_best"], at(7, 5)) <= 1
    assert hours_apart(event["end_best"], at(18, 8)) <= 1


def test_c12_fridays_are_one_event(rng: np.random.Generator) -> None:
    def fridays(time: datetime) -> bool:
        return time.weekday() == 4 and 9 <= time.hour < 15

    world = World()
    world.regularly(rng, 2, at(0), at(42), fridays)
    (event,) = restrictions(world)
    pattern = json.loads(event["recurrence"])
    assert pattern["text"] == "Fridays, 09:00–15:00 UTC"
    assert pattern["days"] == 6


def test_c12_continuous_blocking_has_no_pattern(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 1, at(0), at(28), between(at(7), at(21)))
    (event,) = restrictions(world)
    assert event["recurrence"] is None


def test_c13_three_measurements_a_week_say_nothing() -> None:
    world = World()
    for day in (1, 3, 5):
        world.measure(at(day, 10), "likely_blocked")
    assert found(world) == []


def test_c13_three_measurements_do_not_become_more_by_their_layers() -> None:
    world = World()
    for number, hour in enumerate((0, 3, 6)):
        state = "likely_blocked"
        layers = {"tcp": state, "tls": state, "http": state}
        world.measure(at(3, hour), state, layers=layers, software=f"probe {number}")
    for hour in range(0, 72, 6):
        world.measure(at(0, hour), layers={"tcp": "ok", "tls": "ok", "http": "ok"})
        world.measure(at(4, hour), layers={"tcp": "ok", "tls": "ok", "http": "ok"})
    assert found(world) == []


def test_c16_two_layers_in_the_same_hour_are_one_event(rng: np.random.Generator) -> None:
    world = World()
    for hour in range(10 * 24):
        time = at(0, hour + float(rng.random()))
        bad = at(4) <= time < at(7)
        state = "likely_blocked" if bad else "ok"
        world.measure(time, state, mechanism="tls.reset", layers={"tcp": "ok", "tls": state, "http": state})
    (event,) = restrictions(world)
    assert event["layers"] == ["http", "tls"]


def test_c17_blocked_since_before_the_data(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 1, at(0), at(10), between(at(0), at(10)))
    (event,) = restrictions(world)
    assert event["onset_best"] is None
    assert event["onset_earliest"] is None
    assert event["onset_latest"] <= at(0, 12)
    assert event["end_best"] is None
    assert any("when the data begin" in said for said in event["against"])


def test_c17_one_measurement_a_day_speaks_after_enough_days() -> None:
    world = World()
    for day in range(30):
        world.measure(at(day, 10), "likely_blocked" if 10 <= day < 22 else "ok")
    (event,) = restrictions(world)
    assert event["onset_earliest"] <= at(10, 10) <= event["onset_latest"] + timedelta(hours=1)
    assert at(9, 9) <= event["onset_best"] <= at(10, 11)
    assert at(21, 10) <= event["end_best"] <= at(22, 11)


def test_c18_one_broken_probe_in_a_small_network_is_no_event(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 0.3, at(0), at(14), software="probe 3.1", resolver=64500)
    for hour in range(20):
        world.measure(at(6, hour), "likely_blocked", software="probe 2.9", resolver=15169)
    assert restrictions(world) == []


def test_c18_a_session_that_finds_everything_blocked_speaks_of_itself(rng: np.random.Generator) -> None:
    world = World()
    names = [f"site{number}.example" for number in range(8)]
    for name in names:
        world.regularly(rng, 0.2, at(0), at(14), target=name)
    for run in range(4):
        for name in names:
            world.measure(at(6, 4 * run), "likely_blocked", target=name, session=f"broken {run}")
    assert restrictions(world) == []


def test_stray_failures_are_no_events(rng: np.random.Generator) -> None:
    world = World()
    for network in range(64500, 64510):
        world.regularly(rng, 1, at(0), at(21), noise=0.05, network=network)
    assert found(world) == []


def test_flagged_measurements_do_not_count(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(7), between(at(3), at(4)), flags=["probe_offline"])
    assert found(world) == []


def test_throttling_is_its_own_kind(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 2, at(0), at(4))
    for hour in range(48):
        world.measure(at(4, hour), "impaired", mechanism="tls.throttle.sni")
    world.regularly(rng, 2, at(6), at(10))
    (event,) = found(world)
    assert event["kind"] == "throttling"
    assert event["mechanisms"] == ["tls.throttle.sni"]
    assert hours_apart(event["onset_best"], at(4)) <= 1


def test_c10_a_short_failure_that_nobody_contradicts_is_not_claimed(rng: np.random.Generator) -> None:
    world = World()
    for network in (64500, 64501, 64502):
        world.regularly(rng, 1, at(0), at(10), between(at(5), at(5, 6)), network=network, service="chat")
    for row in world.rows:
        row["evidence"] = "peers"
    assert restrictions(world) == []
    # One network on which it works at the time makes the difference.
    world.regularly(rng, 1, at(0), at(10), noise=0, network=64503, service="chat")
    (event,) = restrictions(world)
    assert event["networks"] == [64500, 64501, 64502]


def test_j3_j16_stray_failures_of_what_is_down_everywhere_are_no_restriction() -> None:
    def world(found: str, mechanism: str) -> World:
        made = World()
        for number in range(120):
            stray = number % 20 == 7
            looks = {"software": f"probe {number % 3}", "resolver": 64500 + number % 2}
            made.measure(at(number / 6), found if stray else "down", mechanism=mechanism, **looks)
        return made

    assert restrictions(world("likely_blocked", "tcp.timeout")) == []
    # What leaves an artefact behind is none of the failures that all others see, however often those come between.
    (event,) = restrictions(world("blocked", "http.blockpage"))
    assert event["networks"] == [64500]


MUTE: list[dict[str, Any]] = [
    {"mechanism": "tcp.timeout", "evidence": "peers"},
    {"mechanism": "dns.timeout", "evidence": "pattern"},
    {"mechanism": "tls.timeout", "evidence": "peers"},
    {"mechanism": "ip.unreachable", "evidence": "peers"},
    {"found": "down", "evidence": "peers"},
]


def cut_off(
    rng: np.random.Generator, lost: Any, *, domestic: int, networks: tuple[int, ...] = (64500,)
) -> World:
    """Twenty foreign sites that are mute in a time, by all the ways of being mute, and domestic ones that work."""
    world = World()
    for network in networks:
        for number in range(20):
            how = MUTE[number % len(MUTE)]
            world.regularly(
                rng, 0.5, at(0), at(14), lost, target=f"foreign{number}.example", network=network, **how
            )
        for number in range(domestic):
            world.regularly(rng, 0.5, at(0), at(14), noise=0, target=f"home{number}.example", network=network)
    return world


@pytest.mark.parametrize("domestic", [0, 3, 6])
@pytest.mark.parametrize(("first", "hours"), [(0, 48), (19, 14), (3, 60)])
def test_s3_where_nearly_everything_is_mute_no_target_is_restricted(
    rng: np.random.Generator, domestic: int, first: int, hours: int
) -> None:
    lost = between(at(6, first), at(6, first + hours))
    assert restrictions(cut_off(rng, lost, domestic=domestic, networks=(64500, 64501))) == []


def test_s3_a_restriction_outlasts_lost_connectivity(rng: np.random.Generator) -> None:
    world = cut_off(rng, between(at(6), at(8)), domestic=3)
    banned = between(at(3), at(11))
    world.regularly(rng, 0.5, at(0), at(14), banned, target="banned.example", mechanism="tcp.timeout")
    (event,) = restrictions(world)
    assert event["targets"] == ["banned.example"]
    assert hours_apart(event["onset_best"], at(3)) <= 3
    assert hours_apart(event["end_best"], at(11)) <= 3


def test_s3_a_tool_that_fails_only_without_connectivity_is_no_event(rng: np.random.Generator) -> None:
    """With no control to be had, most of what fails says too little, and only the tool's failure is a verdict."""
    world = World()
    lost = between(at(6, 9), at(9, 9))
    for network in (64500, 64501):
        for number in range(20):
            world.regularly(
                rng,
                0.5,
                at(0),
                at(14),
                lost,
                target=f"site{number}.example",
                network=network,
                found="insufficient",
            )
        world.regularly(
            rng,
            1,
            at(0),
            at(14),
            lost,
            target="tool",
            network=network,
            mechanism="tcp",
            layers={},
            evidence="peers",
        )
    assert restrictions(world) == []


def test_s3_services_whose_trouble_has_no_clear_cause_are_mute_too(rng: np.random.Generator) -> None:
    """Four messengers are tried by everybody, and domestic sites are half of what else gives a verdict."""
    world = World()
    lost = between(at(6, 9), at(9, 9))
    for network in range(64500, 64504):
        for name in ("chat", "talk"):
            world.regularly(
                rng,
                1,
                at(0),
                at(14),
                lost,
                target=name,
                network=network,
                mechanism="tcp.timeout",
                evidence="peers",
            )
        for name in ("post", "call"):
            world.regularly(
                rng, 1, at(0), at(14), lost, target=name, network=network, found="impaired", mechanism="dns"
            )
        for number in range(6):
            foreign: dict[str, Any] = {
                "target": f"site{number}.example",
                "network": network,
                "found": "insufficient",
            }
            world.regularly(rng, 0.1, at(0), at(14), lost, **foreign)
        for number in range(5):
            world.regularly(rng, 0.1, at(0), at(14), noise=0, target=f"home{number}.example", network=network)
    assert restrictions(world) == []


@pytest.mark.parametrize(
    ("found", "mechanism", "evidence"),
    [
        ("blocked", "dns.injection.blockpage", "artefact"),
        ("blocked", "http.blockpage", "artefact"),
        ("likely_blocked", "tls.reset.sni", "control"),
        ("likely_blocked", "tls.timeout", "control"),
        ("likely_blocked", "tcp.timeout", "control"),
        ("likely_blocked", "tls.reset.sni", "peers"),
    ],
)
@pytest.mark.parametrize("share", [0.6, 0.7, 0.95])
def test_a_mass_block_is_not_taken_for_lost_connectivity(
    rng: np.random.Generator, found: str, mechanism: str, evidence: str, share: float
) -> None:
    """An order that blocks most of what is measured, on one day, is as many restrictions."""
    world = World()
    ordered = between(at(5), at(9))
    for number in range(20):
        banned = number < share * 20
        for network in (64500, 64501):
            world.regularly(
                rng,
                0.5,
                at(0),
                at(14),
                ordered if banned else None,
                target=f"site{number:02d}.example",
                network=network,
                found=found,
                mechanism=mechanism,
                evidence=evidence,
            )
    events = restrictions(world)
    assert {event["service"] for event in events} == {
        f"site{number:02d}.example" for number in range(20) if number < share * 20
    }
    for event in events:
        assert hours_apart(event["onset_best"], at(5)) <= 6


def test_a_mass_block_without_controls_is_found_while_a_third_works(rng: np.random.Generator) -> None:
    world = World()
    for number in range(20):
        ordered = between(at(5), at(9)) if number < 13 else None
        world.regularly(
            rng,
            1,
            at(0),
            at(14),
            ordered,
            target=f"site{number}.example",
            mechanism="tls.timeout",
            evidence="peers",
        )
    assert len(restrictions(world)) == 13


def test_c12_networks_with_little_each_show_the_pattern_together(rng: np.random.Generator) -> None:
    def exams(time: datetime) -> bool:
        return time.weekday() < 5 and 7 <= (time - START).days < 19 and time.hour in (5, 6, 7)

    world = World()
    for network in range(64500, 64505):
        world.regularly(rng, 0.4, at(0), at(28), exams, network=network)
    (event,) = restrictions(world)
    pattern = json.loads(event["recurrence"])
    assert set(pattern["hours_utc"]) <= {4, 5, 6, 7, 8}
    assert "Saturday" not in pattern["weekdays"]


def test_c12_a_block_over_two_nights_is_no_pattern(rng: np.random.Generator) -> None:
    world = World()
    world.regularly(rng, 3, at(0), at(10), between(at(4, 20), at(6, 4)))
    (event,) = restrictions(world)
    assert event["recurrence"] is None
