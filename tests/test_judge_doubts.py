"""Validity before verdict: what a probe's own place does, and what cannot be so, is flagged and kept from the network."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from judge_worlds import SITE, START, TRUE, Measured, Verdict, World, judged
from wallwatch.judge import explain, verdicts
from wallwatch.judge.references import References

SITES = tuple(f"www{number}.example" for number in range(8))
PORTAL = "192.168.1.1"


def _others(world: World, sessions: int = 4) -> None:
    """Other sessions of the same network, in which everything opens."""
    for session in range(sessions):
        for site in SITES:
            world.measure(site, session=f"o{session}").works()


def _hijacked(m: Measured) -> None:
    m.dns(PORTAL, ip_kind="private").tcp("generic_timeout_error", ip=PORTAL)


def _intercepted(m: Measured) -> None:
    m.dns().tcp().tls(
        "ssl_unknown_authority", tls_issuer="School Filter CA", tls_certificate_sha256="ab" * 32
    )


def _sent_away(m: Measured) -> None:
    place = "https://login.hotel.example/welcome"
    m.dns().tcp(port=80).http(
        302, url=f"http://{m.who['target']}/", http_location=place, http_fingerprint=["isp:x"]
    )


HOW = {"dns": _hijacked, "tls": _intercepted, "clear text": _sent_away}


def _place(world: World, how: str, helper: bool = True) -> None:
    for site in SITES:
        m = world.measure(site, session="place", **({} if helper else {"helper_failure": "eof_error"}))
        HOW[how](m)
        if helper:
            m.helper(port=80 if how == "clear text" else 443)


def _of(world: World, session: str = "place") -> list[Verdict]:
    return [v for v in world.judge().values() if v.session == session]


def test_j18_a_filter_of_one_place_that_looks_into_tls_leaves_clear_text_alone() -> None:
    world = World()
    _others(world)
    _place(world, "tls")
    for number in range(12):
        world.measure(f"clear{number}.example", session="place").dns().tcp(port=80).page(
            url=f"http://clear{number}.example/"
        ).helper(port=80, tls=None)
    assert not any(v.accuses for v in _of(world))


@pytest.mark.parametrize("how", HOW)
def test_j18_one_place_that_does_it_to_everything_is_not_the_network(how: str) -> None:
    world = World()
    _others(world)
    _place(world, how)
    assert {(v.state, tuple(v.flags)) for v in _of(world)} == {("insufficient", ("captive_portal",))}
    assert {v.locus for v in _of(world)} == {"unknown"}


@pytest.mark.parametrize("how", HOW)
def test_j18_the_same_in_most_sessions_is_the_network(how: str) -> None:
    world = World()
    for session in range(4):
        for site in SITES:
            m = world.measure(site, session=f"n{session}")
            HOW[how](m)
            m.helper(port=80 if how == "clear text" else 443)
    assert {(v.state, tuple(v.flags)) for v in world.judge().values()} == {("blocked", ())}


@pytest.mark.parametrize("how", ["dns", "tls"])
def test_j18_a_volunteer_who_measures_blocked_sites_only_is_believed(how: str) -> None:
    """Nobody else measures in the network, and the helper is in reach: a portal would have kept it away."""
    world = World()
    _place(world, how)
    assert {(v.state, tuple(v.flags)) for v in _of(world)} == {("blocked", ())}


def test_j18_a_portal_that_keeps_the_helper_away_needs_no_other_sessions() -> None:
    world = World()
    for number in range(4):
        for site in SITES:
            world.measure(site, network=64700 + number, country="XX").works()
    _place(world, "tls", helper=False)
    assert {(v.state, tuple(v.flags)) for v in _of(world)} == {("insufficient", ("captive_portal",))}


def test_j18_j20_a_portal_at_which_the_probe_goes_offline_is_still_a_portal() -> None:
    world = World()
    _others(world)
    for number, site in enumerate(SITES):
        m = world.measure(site, session="place", helper_failure="eof_error")
        if number < 4:
            _hijacked(m)
        else:
            m.dns(None, "dns_temporary_failure")
    assert not any(v.accuses for v in _of(world))


def test_j18_some_blocked_sites_among_many_are_no_portal() -> None:
    """A resolver that lies about half of the list; most others ask a public one, and everything opens for them."""
    world = World()
    for session in range(5):
        for site in SITES:
            m = world.measure(
                site, session=f"o{session}", resolver_network=15169, resolver_kind="public_service"
            )
            m.works()
    for number, site in enumerate(SITES):
        m = world.measure(site, session="place")
        if number % 2:
            m.works()
        else:
            _hijacked(m)
            m.helper()
    assert [v.state for v in _of(world)] == ["ok" if n % 2 else "blocked" for n in range(len(SITES))]


def test_what_works_through_a_dead_endpoint_is_implausible_and_has_no_voice() -> None:
    world = World()
    for number in range(4):
        m = world.measure(session=f"f{number}", network=64700 + number, country="XX")
        m.dns().tcp("generic_timeout_error").tls().page()
    world.measure().dns().tcp().tls("connection_reset")
    found = world.judge()
    assert all(found[f"m{n:05}"].flags == ["implausible"] for n in range(4))
    assert found["m00004"].state == "insufficient"


@pytest.mark.parametrize(
    "more", [{"tls_matches_name": False}, {"tls_matches_name": True, "tls_self_signed": True}]
)
def test_c3_a_certificate_that_is_not_the_hosts_proves_nothing_for_others(more: dict[str, Any]) -> None:
    world = World()
    for number in range(4):
        m = world.measure(session=f"f{number}", network=64700 + number, country="XX")
        m.dns().tcp().tls(tls_certificate_sha256="cd" * 32, **more).page()
    world.measure().dns().tcp().tls("connection_reset")
    found = world.judge()
    assert found["m00000"].flags == ["implausible"]
    assert found["m00004"].state == "insufficient"


def test_a_refused_try_before_a_connection_is_plausible() -> None:
    world = World()
    world.measure().dns().tcp("connection_refused").tcp().tls(
        tls_certificate_sha256="cd" * 32, tls_matches_name=True
    )
    world.measurements[-1].page().helper()
    assert (world.verdict().state, world.verdict().flags) == ("ok", [])


def test_a_country_that_the_network_contradicts_is_doubtful() -> None:
    world = World()
    for _ in range(40):
        world.measure(country="XW").works()
    world.measure(country="XX").works()
    assert (world.verdict().state, world.verdict().flags) == ("ok", ["geolocation_doubtful"])
    assert not any(v.flags for id_, v in world.judge().items() if id_ != "m00040")


def test_a_network_of_two_countries_is_in_both() -> None:
    world = World()
    for number in range(40):
        world.measure(country="XX" if number % 8 == 0 else "XW").works()
    assert not any(v.flags for v in world.judge().values())


def test_a_wrong_clock_is_not_a_forged_certificate() -> None:
    world = World()
    validity = {
        "tls_not_before": START,
        "tls_not_after": START + timedelta(days=90),
        "tls_matches_name": True,
    }
    m = world.measure(time=START - timedelta(days=700), received=START + timedelta(hours=1))
    m.dns().tcp().tls("ssl_invalid_certificate", tls_certificate_sha256="ef" * 32, **validity).helper()
    assert (world.verdict().state, world.verdict().flags) == ("insufficient", ["clock_wrong"])


def test_flags_are_told_with_their_reasons() -> None:
    world = World()
    six = "2001:db8::10"
    m = (
        world.measure(country="XX")
        .dns()
        .tcp("network_unreachable", ip=six)
        .tcp(ip=TRUE)
        .tls()
        .page()
        .helper()
    )
    for _ in range(40):
        world.measure(country="XW").works()
    con = world.connection()
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    told = explain(con, m.who["measurement_id"])
    assert told.state == "ok"
    assert any("another country than nearly all" in flag for flag in told.flags)
    assert any("The probe has no IPv6" in flag for flag in told.flags)
    assert judged(world.connection())[m.who["measurement_id"]].target == SITE


@pytest.mark.parametrize("others", [0, 4])
def test_j18_a_forged_certificate_of_the_helper_is_a_mark_too(others: int) -> None:
    """One site met it, and the helper, which nobody blocks for its content: what is met elsewhere is the place's."""
    world = World()
    _others(world, others)
    for number in range(12):  # without them nobody knows that the site opens elsewhere
        for site in SITES:
            world.measure(site, network=64600 + number // 2, session=f"e{number}").works()
    for number, site in enumerate(SITES[:5]):
        m = world.measure(site, session="place", helper_failure="ssl_unknown_authority")
        if number == 0:
            _hijacked(m)
        else:
            m.dns(None, "dns_server_misbehaving").dns(None, "dns_servfail_error", engine="udp")
    found = next(v for v in _of(world) if v.target == SITES[0])
    assert (found.state, "captive_portal" in found.flags) == ("insufficient", True)


def test_j18_a_network_that_forges_the_helper_for_everybody_is_no_place() -> None:
    world = World()
    for number in range(12):
        world.measure(SITES[0], network=64600 + number // 2, session=f"e{number}").works()
    for session in range(5):
        _hijacked(world.measure(SITES[0], session=f"n{session}", helper_failure="ssl_unknown_authority"))
    assert {v.state for v in world.judge().values() if v.network == 64500} == {"blocked"}


def test_j20_the_measurement_in_which_the_connection_was_lost_and_the_tools_after_it() -> None:
    """The last answer of a resolver comes, no connection works any more; the tool that the probe runs next fails."""
    world = World()
    for number in range(8):
        for target, nettest in ((SITES[1], "web_connectivity"), ("vanilla_tor", "vanilla_tor")):
            m = world.measure(
                target, network=64600 + number // 2, session=f"e{number}{nettest}", nettest=nettest
            )
            if nettest == "vanilla_tor":
                m.step("success", True)
            else:
                m.works()
    world.measure(SITES[0], session="s").works()
    world.measure(SITES[1], session="s", helper_failure="connection_reset").dns().tcp("generic_timeout_error")
    for site in SITES[2:5]:
        m = world.measure(site, session="s", helper_failure="network_unreachable")
        m.dns(None, "dns_temporary_failure")
    world.measure("vanilla_tor", session="t", nettest="vanilla_tor").step("success", False)
    found = {(v.session, v.target): v for v in world.judge().values()}
    assert found["s", SITES[0]].state == "ok"
    for key in (("s", SITES[1]), ("s", SITES[2]), ("t", "vanilla_tor")):
        assert (found[key].state, found[key].flags) == ("insufficient", ["probe_offline"]), key


def test_j20_names_that_a_resolver_denies_are_no_lost_connection() -> None:
    """The last sites of a session are blocked by NXDOMAIN; the helper was in reach all the time."""
    world = World()
    world.measure(SITES[0], session="s").works()
    for site in SITES[1:6]:
        world.measure(site, session="s").dns(None, "dns_nxdomain_error").helper()
    assert {v.state for v in world.judge().values() if v.target != SITES[0]} == {"likely_blocked"}


def test_j20_a_session_in_which_nothing_ever_worked() -> None:
    world = World()
    _others(world)
    for site in SITES[:4]:
        m = world.measure(site, session="s", helper_failure="generic_timeout_error")
        m.dns(None, "dns_server_misbehaving").dns(None, "generic_timeout_error", engine="udp")
    assert {(v.state, tuple(v.flags)) for v in _of(world, "s")} == {("insufficient", ("probe_offline",))}
