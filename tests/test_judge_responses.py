"""What an injector on the path leaves behind in DNS: a second response, or one that came too soon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from judge_worlds import TRUE, Verdict, World, judged, read_json
from wallwatch.judge import explain, verdicts
from wallwatch.judge.references import References

LIE = "198.51.100.7"
OTHER_LIE = "203.0.113.77"


def test_two_different_answers_to_one_query_are_an_artefact() -> None:
    world = World()
    m = world.measure().dns(LIE).dns(LIE, engine="udp").dns(TRUE, engine="udp_again").dns(TRUE, engine="doh")
    m.tcp("generic_timeout_error", ip=LIE).tcp().tls().helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.mechanisms, verdict.locus) == ("blocked", ["dns.injection"], "network")
    assert "dns.two_different_answers" in verdict.rules


def test_a_repeated_answer_is_none() -> None:
    """Packets are doubled on networks by themselves, and answers rotate within a service's own network."""
    for again, network in ((LIE, None), (OTHER_LIE, 64999)):
        world = World()
        m = world.measure().dns(LIE, ip_network=64999).dns(LIE, engine="udp", ip_network=64999)
        m.dns(again, engine="udp_again", ip_network=network).tcp(ip=LIE).helper()
        assert not world.verdict().accuses
        assert "dns.two_different_answers" not in world.verdict().rules


def test_two_answers_of_which_the_right_one_is_used_block_nothing() -> None:
    world = World()
    world.measure().dns().dns(LIE, engine="udp").dns(TRUE, engine="udp_again").tcp().tls().page().helper()
    verdict = world.verdict()
    assert verdict.state == "ok"
    assert "dns.two_different_answers_beside_right_one" in verdict.rules


def test_j1_two_answers_without_any_control() -> None:
    world = World()
    m = world.measure(helper_failure="connection_reset").dns(LIE).dns(LIE, engine="udp")
    m.dns(OTHER_LIE, engine="udp_again").tcp("generic_timeout_error", ip=LIE)
    assert (world.verdict().state, world.verdict().mechanisms) == ("likely_blocked", ["dns.injection"])


def _session(early: dict[str, float], slow: float = 0.04) -> World:
    """One session: eight names whose answers take 40 ms, as connects do; some come early and lead nowhere."""
    world = World()
    for number in range(8):
        site = f"site{number}.example"
        m = world.measure(site, session="s", nettest_version="0.5.28")
        if site in early:
            m.dns(LIE).dns(LIE, engine="udp", duration_seconds=early[site]).dns(TRUE, engine="doh")
            m.tcp("generic_timeout_error", ip=LIE).helper(tls=None)
        else:
            m.dns().dns(engine="udp", duration_seconds=slow).dns(engine="doh")
            m.tcp(duration_seconds=0.03).tls().page().helper()
    return world


def test_an_answer_before_any_could_come_was_made_on_the_way() -> None:
    found = _by_target(_session({"site3.example": 0.002}))
    verdict = found.pop("site3.example")
    assert (verdict.state, verdict.mechanisms, verdict.locus) == (
        "likely_blocked",
        ["dns.injection"],
        "network",
    )
    assert {"dns.answer_before_any_could_come", "dns.answered_too_fast"} <= set(verdict.rules)
    assert {v.state for v in found.values()} == {"ok"}


def test_a_deviating_answer_at_the_usual_speed_is_no_evidence() -> None:
    assert not _by_target(_session({"site3.example": 0.035}))["site3.example"].accuses


def test_j9_a_relay_nearby_that_answers_everything_quickly_accuses_nobody() -> None:
    found = _by_target(_session({"site3.example": 0.002}, slow=0.003))
    assert not any(verdict.accuses for verdict in found.values())


def test_j2_j9_a_quick_answer_that_works_is_no_evidence() -> None:
    world = _session({})
    m = world.measure("near.example", session="s").dns(LIE).dns(LIE, engine="udp", duration_seconds=0.002)
    m.dns(TRUE, engine="doh").tcp(port=80, ip=LIE)
    m.http(url="http://near.example/", ip=LIE, http_title="The site", http_body_length=20_000).helper(port=80)
    assert not world.verdict().accuses


def _by_target(world: World) -> dict[str, Verdict]:
    return {v.target: v for v in world.judge().values()}


def _raw(shared_data: Path, late: list[dict[str, Any]], both: bool = False) -> dict[str, Any]:
    """OONI's own case of a lying proxy, in which a second response came; `both` has it among the queries."""
    path = shared_data / "ooni" / "webconnectivity_qa" / "dnsHijackingToProxyWithHTTPSURL.json"
    found: dict[str, Any] = json.loads(path.read_bytes())
    keys = found["test_keys"]
    if both:
        keys["queries"] += late
    else:
        keys["x_dns_duplicate_responses"] = late
    return found


@pytest.mark.parametrize("both", [False, True])
def test_second_responses_are_read_from_raw_measurements(both: bool, shared_data: Path) -> None:
    plain = next(q for q in _raw(shared_data, [])["test_keys"]["queries"] if q["engine"] == "udp")
    late = {**plain, "t": plain["t"] + 0.08, "answers": [{"answer_type": "A", "ipv4": "93.184.216.34"}]}
    con = read_json([_raw(shared_data, [late], both)])
    (found,) = judged(con).values()
    assert "dns.clear_text_intercepted" in found.rules
    rows = con.sql("SELECT ip FROM observations WHERE dns_engine = 'udp_again'").fetchall()
    assert rows == [("93.184.216.34",)]
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    told = explain(con, found.measurement_id)
    assert any("a second response to the query to" in sentence for sentence in told.seen)
