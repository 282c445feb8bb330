"""Kinds of forgery, each against a world whose honest verdicts it tries to turn (traps C2, C3)."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from functools import cache

import pytest

from judge_worlds import START, Measured, Verdict, World

SITES = tuple(f"site{number}.example" for number in range(6))
SINK = "198.51.100.7"
OTHERS = tuple(f"open{number}.example" for number in range(12))
NETWORKS = tuple(range(64500, 64506))


def _sunk(world: World) -> None:
    """A network's resolver answers unrelated names with one address, at which nobody answers."""
    for session in range(10):
        for site in SITES:
            world.measure(site, session=f"h{session}").dns(SINK).tcp(
                "generic_timeout_error", ip=SINK
            ).helper()


def _faulty(world: World) -> None:
    """One version fails on every network, where another works."""
    for network in NETWORKS:
        for session in range(3):
            who = {"network": network, "country": "XX", "helper_failure": "eof_error"}
            world.measure(session=f"n{network}-{session}", **who).dns().tcp().tls()
            m = world.measure(session=f"o{network}-{session}", software="old 1.0", **who)
            m.dns().tcp().tls("ssl_unknown_authority")


def _blocked(world: World) -> None:
    """Blocked in one network, without controls; open in the others."""
    for network in NETWORKS:
        for session in range(6):
            m = world.measure(session=f"h{network}-{session}", network=network, helper_failure="eof_error")
            m.dns().tcp().tls("connection_reset" if network == NETWORKS[0] else None)


def _hour_of_trouble(world: World) -> None:
    """A service fails for an hour in all networks of one country; it opens before and after."""
    for network in NETWORKS:
        for hour in (-9, -7, -5, 0, 5, 7, 9):
            for session in range(2):
                time = START + timedelta(hours=hour, minutes=5 * session)
                m = world.measure(session=f"h{network}-{hour}-{session}", network=network, time=time)
                m.measured["helper_failure"] = "eof_error"
                m.dns().tcp().tls("connection_reset" if hour == 0 else None)


HONEST: dict[str, Callable[[World], None]] = {
    "one address for many names": _sunk,
    "a faulty version": _faulty,
    "a block told by peers": _blocked,
    "an hour of trouble": _hour_of_trouble,
}


def _control_of_the_sink(world: World, number: int) -> None:
    world.measure(SITES[number % 6], session=f"f{number}", network=65000 + number).dns().helper(SINK)


def _proof_at_the_sink(world: World, number: int) -> None:
    m = world.measure(SITES[number % 6], session=f"f{number}").dns(SINK).tcp(ip=SINK)
    m.tls(ip=SINK, tls_certificate_sha256="ab" * 32).helper(SINK)


def _good_old_version(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=65000 + number, country="XX", software="old 1.0")
    m.dns().tcp().tls().helper()


def _bad_new_version(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=NETWORKS[number % 6], country="XX")
    m.dns().tcp().tls("ssl_unknown_authority")


def _works(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=NETWORKS[0])
    m.dns().tcp().tls(tls_certificate_sha256="cd" * 32).page().helper()


def _fails_in_made_up_countries(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=65000 + number, country=f"Y{chr(65 + number % 26)}")
    m.dns().tcp().tls("connection_reset")


def _block_page(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=NETWORKS[number % 6]).dns().tcp(port=80)
    m.http(
        url="http://site.example/", http_fingerprint=["nat:page"], http_body_sha256="ee", http_body_length=800
    )


def _down_for_the_helper(world: World, number: int) -> None:
    m = world.measure(session=f"f{number}", network=65000 + number, country="YY")
    m.dns().tcp("connection_refused").helper(tcp="connection_refused", tls=None, status=None)


FORGERIES: dict[str, Callable[[World, int], None]] = {
    "controls that know the address": _control_of_the_sink,
    "proofs at the address": _proof_at_the_sink,
    "the faulty version works": _good_old_version,
    "the good version fails": _bad_new_version,
    "it works here": _works,
    "it fails in many countries": _fails_in_made_up_countries,
    "block pages": _block_page,
    "the helper cannot reach it": _down_for_the_helper,
}


#: Which forgeries concern a world.
AGAINST = {
    "one address for many names": ("controls that know the address", "proofs at the address"),
    "a faulty version": ("the faulty version works", "the good version fails"),
    "a block told by peers": ("it works here", "it fails in many countries", "the helper cannot reach it"),
    "an hour of trouble": ("the faulty version works", "it fails in many countries", "block pages"),
}


def _judged(honest: str, forgeries: tuple[str, ...], share: int = 0) -> dict[str, Verdict]:
    """Verdicts of the honest measurements, among one forged one of each kind, or that share of one kind."""
    world = World()
    HONEST[honest](world)
    count = len(world.measurements)
    for name in forgeries:
        for number in range(count // share if share else 1):
            FORGERIES[name](world, number)
            # Spread over the time of the honest ones.
            world.measurements[-1].who["time"] = world.measurements[number * max(share, 1)].who["time"]
    return {id_: v for id_, v in world.judge().items() if int(id_[1:]) < count}


@cache
def _without(honest: str) -> dict[str, Verdict]:
    return _judged(honest, ())


def _said(verdict: Verdict) -> tuple[object, ...]:
    return verdict.state, verdict.mechanisms, verdict.locus, verdict.flags


def _changed(honest: str, found: dict[str, Verdict]) -> list[tuple[object, ...]]:
    return [
        (id_, _said(verdict), _said(found[id_]))
        for id_, verdict in _without(honest).items()
        if _said(verdict) != _said(found[id_])
    ]


def test_the_honest_worlds_are_what_they_say() -> None:
    states = {name: {v.state for v in _without(name).values()} for name in HONEST}
    assert states["one address for many names"] == {"likely_blocked"}
    assert "insufficient" in states["a faulty version"]
    assert "likely_blocked" in states["a block told by peers"]
    assert not states["an hour of trouble"] & {"blocked", "likely_blocked"}


@pytest.mark.parametrize("honest", HONEST)
def test_c3_one_forged_row_of_every_kind_changes_nobody_elses_verdict(honest: str) -> None:
    assert not _changed(honest, _judged(honest, tuple(FORGERIES)))


@pytest.mark.parametrize(("honest", "forgery"), [(h, f) for h, kinds in AGAINST.items() for f in kinds])
def test_c2_a_tenth_forged_changes_nobody_elses_verdict(honest: str, forgery: str) -> None:
    assert not _changed(honest, _judged(honest, (forgery,), 9))


def _met(m: Measured, kind: str, helper: bool) -> None:
    if kind == "bogon":
        m.dns("10.1.1.9", ip_kind="private").tcp("generic_timeout_error", ip="10.1.1.9")
    elif kind == "nxdomain":
        m.dns(None, "dns_nxdomain_error")
    elif kind == "timeout":
        m.dns().tcp("generic_timeout_error")
    elif kind == "reset":
        m.dns().tcp().tls("connection_reset")
    elif kind == "forged":
        m.dns().tcp().tls("ssl_unknown_authority", tls_certificate_sha256="f" * 64, tls_issuer="CA")
    else:
        m.dns().tcp().tls(tls_certificate_sha256="ab" * 32).page()
    if helper:
        m.helper()


KINDS = ("ok", "bogon", "nxdomain", "timeout", "reset", "forged")


def _any_world(seed: int, sparse: bool, forged: float) -> tuple[int, dict[str, Verdict]]:
    """A random world, in which two or three sessions look at each site or many do, and forgers with new sessions.

    Returns how many measurements are honest, and all verdicts. The forgers mostly go for one site in one way.
    """
    chance = random.Random(f"{seed} {sparse}")
    world = World()
    networks = [
        (f"X{chr(65 + country)}", 64500 + 10 * country + number)
        for country in range(chance.randint(1, 4))
        for number in range(chance.randint(1, 3))
    ]
    sites = [f"site{number}.example" for number in range(5)]
    fates = {
        site: (chance.choice(KINDS), chance.sample(networks, chance.randint(1, len(networks))))
        for site in sites
    }
    no_helper = chance.random()

    def measure(site: str, where: tuple[str, int], session: str, kind: str) -> None:
        helped = chance.random() >= no_helper
        who = {} if helped else {"helper_failure": "generic_timeout_error"}
        time = START + timedelta(minutes=chance.randint(0, 4_000))
        _met(
            world.measure(site, country=where[0], network=where[1], session=session, time=time, **who),
            kind,
            helped,
        )

    for site in sites:
        for place in (
            [chance.choice(networks) for _ in range(chance.randint(2, 3))] if sparse else networks * 3
        ):
            kind, where = fates[site]
            session = f"h{place[1]}-{chance.randint(0, 5)}"
            measure(site, place, session, kind if place in where else "ok")
    honest = len(world.measurements)
    goal, way = chance.choice(sites), chance.choice(KINDS)
    for number in range(max(1, round(honest * forged)) if forged else 0):
        made_up = (f"Y{chr(65 + chance.randint(0, 25))}", 65000 + number)
        site = goal if chance.random() < 0.7 else chance.choice(sites)
        measure(site, chance.choice([*networks, made_up]), f"f{number}", way)
    return honest, world.judge()


@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_c2_forgers_in_any_world_change_nobody_elses_verdict(seed: int, sparse: bool) -> None:
    """Where two or three look at a site, a tenth of all rows may be most of those about it."""
    _, without = _any_world(seed, sparse, 0)
    for forged in (0.0001, 0.11):
        honest, found = _any_world(seed, sparse, forged)
        assert {id_: found[id_].state for id_ in without} == {id_: v.state for id_, v in without.items()}
        assert len(without) == honest


def _honest_of(world: World) -> dict[str, tuple[object, ...]]:
    found = world.judge()
    return {id_: _said(v) for id_, v in found.items() if v.whole["session"].startswith("h")}


def _alike(build: Callable[[int], World], forged: int) -> dict[str, tuple[object, ...]]:
    """What is said of the honest, having made sure that the forged rows change nothing."""
    honest = _honest_of(build(0))
    assert _honest_of(build(forged)) == honest
    return honest


@pytest.mark.parametrize("way", ["reset", "ok"])
def test_c2_a_site_that_few_measure_is_not_told_by_newcomers(way: str) -> None:
    """Two of many sessions looked at it: nine forged rows in other countries are most of what is said of it."""

    def build(forged: int) -> World:
        world = World()
        for session in range(12):
            for site in SITES[:1] * (session < 2) + SITES[1:]:
                m = world.measure(
                    site, network=NETWORKS[session % 6], session=f"h{session}", helper_failure="eof_error"
                )
                m.dns().tcp().tls("connection_reset" if site == SITES[0] else None)
        for number in range(forged):
            _fails_in_made_up_countries(world, number)
            world.measurements.pop()
            m = world.measure(
                SITES[0], session=f"f{number}", network=65000 + number, country=f"Y{chr(65 + number)}"
            )
            m.measured["helper_failure"] = "eof_error"
            m.dns().tcp().tls(None if way == "ok" else "connection_reset")
        return world

    states = {said[0] for said in _alike(build, 9).values()}
    assert states == {"ok", "insufficient"}


def test_c2_forgers_with_several_targets_silence_nobody_where_all_sessions_have_one() -> None:
    def build(forged: int) -> World:
        world = World()
        for session in range(36):
            network = NETWORKS[session % 6]
            m = world.measure(
                SITES[session % 2], network=network, session=f"h{session}", helper_failure="eof_error"
            )
            m.dns().tcp().tls("connection_reset" if network == NETWORKS[0] else None)
        for number in range(forged):
            session, network = number // 3, 65000 + number // 3
            m = world.measure(
                SITES[2 + number % 3], session=f"f{session}", network=network, helper_failure="eof_error"
            )
            m.dns().tcp().tls("connection_reset")
        return world

    states = {said[0] for said in _alike(build, 9).values()}
    assert states == {"ok", "likely_blocked"}


@pytest.mark.parametrize("made_up", [True, False])
def test_c2_newcomers_decide_nothing_where_tests_have_one_target_each(made_up: bool) -> None:
    """As tests of services do: they are too few."""

    def build(forged: int) -> World:
        world = World()
        for session in range(60):
            network, country = NETWORKS[session % 6], f"X{chr(65 + session % 3)}"
            m = world.measure(
                SITES[session % 5],
                network=network,
                country=country,
                session=f"h{session}",
                helper_failure="eof_error",
            )
            m.dns().tcp().tls("connection_reset" if session % 5 == 0 else None)
        for number in range(forged):
            network = 65000 + number if made_up else NETWORKS[number % 6]
            country = f"Y{chr(65 + number)}" if made_up else f"X{chr(65 + number % 3)}"
            m = world.measure(
                SITES[1], network=network, country=country, session=f"f{number}", helper_failure="eof_error"
            )
            m.dns().tcp().tls("connection_reset")
        return world

    assert {said[0] for said in _alike(build, 6).values()} == {"ok", "down"}


def test_c3_other_names_that_newcomers_got_from_an_address_tie_no_cut_to_the_name() -> None:
    def build(forged: int) -> World:
        world = World()
        for session in range(10):
            for number, site in enumerate(SITES[:4]):
                ip = f"192.0.2.{number + 1}"
                m = world.measure(site, session=f"h{session}").dns(ip).tcp(ip=ip)
                m.tls("connection_reset" if number == 0 and session < 3 else None, ip=ip).helper(ip)
        for number in range(forged):
            world.measure(SITES[5], session=f"f{number}").dns("192.0.2.1").tcp(ip="192.0.2.1").tls(
                ip="192.0.2.1"
            )
        return world

    said = _alike(build, 4).values()
    assert {mechanisms for _, mechanisms, *_ in map(_hashable, said)} == {(), ("tls.reset",)}


def _hashable(said: tuple[object, ...]) -> tuple[object, ...]:
    return tuple(tuple(part) if isinstance(part, list) else part for part in said)


def _many(world: World) -> None:
    """Thirty sessions in six networks that look at six sites each."""
    for session in range(30):
        for site in SITES:
            m = world.measure(site, network=NETWORKS[session % 6], session=f"h{session}")
            m.dns().tcp().tls().helper()


def test_c2_newcomers_that_claim_a_rare_version_do_not_hide_its_old_roots() -> None:
    def build(forged: int) -> World:
        world = World()
        _many(world)
        for session in range(3):
            for site in SITES:
                m = world.measure(
                    site, network=64600 + session, session=f"h-old{session}", software="old 1.0"
                )
                m.dns().tcp().tls("ssl_unknown_authority").helper()
        for number in range(forged):
            m = world.measure(
                SITES[number % 6], network=65000 + number, session=f"f{number}", software="old 1.0"
            )
            m.dns().tcp().tls().helper()
        return world

    states = {said[0] for said in _alike(build, 22).values()}
    assert states == {"ok", "insufficient"}


def test_c3_newcomers_make_no_certificate_genuine_that_few_refused() -> None:
    def build(forged: int) -> World:
        world = World()
        _many(world)
        for site in SITES[1:]:
            world.measure(site, network=64600, session="h-met").dns().tcp().tls().helper()
        m = world.measure(SITES[0], network=64600, session="h-met").dns().tcp()
        m.tls("ssl_unknown_authority", tls_certificate_sha256="f" * 64, tls_issuer="Ministry").helper()
        for number in range(forged):
            m = world.measure(SITES[0], network=65000 + number, session=f"f{number}").dns().tcp()
            m.tls(tls_certificate_sha256="f" * 64).helper()
        return world

    states = {said[0] for said in _alike(build, 20).values()}
    assert states == {"ok", "blocked"}


def test_c2_newcomers_who_were_answered_rightly_hide_no_address_of_many_names() -> None:
    """Five of twelve sessions get one address for unrelated names, more than a third."""

    def build(forged: int) -> World:
        world = World()
        for session in range(12):
            for site in SITES:
                m = world.measure(site, session=f"h{session}")
                if session < 5:
                    m.dns(SINK).tcp("generic_timeout_error", ip=SINK).helper()
                else:
                    m.works()
        for number in range(forged):
            world.measure(SITES[number % 6], session=f"f{number}").works()
        return world

    assert {said[0] for said in _alike(build, 8).values()} == {"ok", "likely_blocked"}


def test_c2_sessions_as_long_as_others_that_were_answered_rightly_change_no_refuted_answer() -> None:
    """Five of twelve sessions get one address for unrelated names, where no server proves to be the site.

    That many names share it is seen no more once as many sessions as others' do not get it. The certificate says enough.
    """

    def build(forged: int) -> World:
        world = World()
        for session in range(12):
            for site in (*SITES, *OTHERS):
                m = world.measure(site, session=f"h{session}")
                if session < 5 and site in SITES:
                    m.dns(SINK).tcp(ip=SINK).tls("ssl_invalid_hostname", ip=SINK).helper()
                else:
                    m.works()
        for session in range(forged):
            for site in (*SITES, *OTHERS):
                world.measure(site, session=f"f{session}").works()
        return world

    assert {said[0] for said in _alike(build, 8).values()} == {"ok", "blocked"}


@pytest.mark.parametrize("nettest", ["web_connectivity", "telegram"])
def test_j18_c3_a_forged_portal_beside_others_is_not_theirs(nettest: str) -> None:
    """One row that claims a forged helper, with the others' network and software, at the time of a block."""

    def build(forged: int) -> World:
        world = World()
        for session in range(3):
            for site in SITES:
                m = world.measure(site, session=f"h{session}")
                if site == SITES[0]:
                    m.dns("10.1.1.9", ip_kind="private").helper()
                else:
                    m.works()
        m = world.measure("web.telegram.org", session="h-telegram", nettest=nettest)
        m.dns("10.1.1.9", ip_kind="private").helper()
        for _ in range(forged):
            m = world.measure(SITES[1], session="f", helper_failure="ssl_unknown_authority")
            m.dns().tcp().tls("ssl_unknown_authority")
        return world

    assert "blocked" in {said[0] for said in _alike(build, 1).values()}


def test_j20_c2_a_forged_lost_connection_is_not_that_of_a_whole_day() -> None:
    """Its rows in the morning and in the evening enclose what others met in between, with the same software."""

    def build(forged: int) -> World:
        world = World()
        for session in range(6):
            for site in SITES:
                world.measure(site, session=f"h{session}").works()
        for network in range(64500, 64503):
            m = world.measure("tool.example", session=f"h-tool{network}", network=network, nettest="telegram")
            m.measured["helper_failure"] = "eof_error"
            if network == 64500:
                m.dns(None, "generic_timeout_error")
            else:
                m.dns().tcp()
        for number in range(forged):
            m = world.measure(SITES[number], session="f", time=START + timedelta(hours=4 * number - 8))
            m.dns(None, "generic_timeout_error")
        return world

    _alike(build, 4)


@pytest.mark.parametrize("fails", [True, False])
def test_c2_tests_of_services_from_networks_in_which_nobody_looks_at_several_targets_are_not_heard(
    fails: bool,
) -> None:
    """They hold one target each, so that the network has to be known by sessions that hold several."""

    def build(forged: int) -> World:
        world = World()
        _many(world)

        def test(session: str, number: int, network: int, country: str, fails: bool) -> None:
            time = START + timedelta(minutes=25 * number)
            m = world.measure(
                "chat.example", network=network, country=country, session=session, nettest="signal", time=time
            )
            m.measured["helper_failure"] = "eof_error"
            m.dns().tcp().tls("connection_reset" if fails else None)

        for number in range(24):
            test(f"h-chat{number}", number, NETWORKS[number % 6], "XW", number % 6 < (1 if fails else 6))
        for number in range(forged):
            test(f"f{number}", number, 65000 + number, f"Y{chr(65 + number)}", fails)
        return world

    expected = {"ok", "likely_blocked"} if fails else {"ok", "insufficient"}
    assert {said[0] for said in _alike(build, 20).values()} == expected


def test_c2_networks_of_one_session_make_no_site_down() -> None:
    """All sessions hold one target, so that all are heard; each forged one is the only one of its network."""

    def build(forged: int) -> World:
        world = World()
        for session in range(80):
            site = SITES[0] if session % 40 == 0 else SITES[1 + session % 5]
            m = world.measure(
                site, network=NETWORKS[session % 6], session=f"h{session}", helper_failure="eof_error"
            )
            m.dns().tcp().tls("connection_reset" if site == SITES[0] else None)
        for number in range(forged):
            m = world.measure(
                SITES[0],
                network=65000 + number,
                country=f"Y{chr(65 + number)}",
                session=f"f{number}",
                helper_failure="eof_error",
            )
            m.dns().tcp().tls("connection_reset")
        return world

    assert {said[0] for said in _alike(build, 8).values()} == {"ok", "insufficient"}


def test_j18_c2_tests_that_have_no_helper_make_no_portal_the_networks() -> None:
    """A place forges the helper and a site; rows of tests without a helper say that everybody's is forged."""

    def build(forged: int) -> World:
        world = World()
        _many(world)
        for site in SITES:
            m = world.measure(site, session="h-place", helper_failure="ssl_unknown_authority")
            if site == SITES[0]:
                m.dns("10.1.1.9", ip_kind="private").tcp("generic_timeout_error", ip="10.1.1.9")
            else:
                m.dns().tcp().tls()
        for number in range(forged):
            m = world.measure("chat.example", session=f"f{number}", nettest="signal")
            m.measured["helper_failure"] = "ssl_unknown_authority"
            m.dns().tcp().tls("ssl_unknown_authority")
        return world

    assert {said[0] for said in _alike(build, 16).values()} == {"ok", "insufficient"}


def test_c2_one_session_that_claims_many_networks_silences_nobody() -> None:
    """It looks at eight sites, one from each of eight networks; everybody else looks at one site."""

    def build(forged: int) -> World:
        world = World()
        _blocked(world)
        for number in range(forged):
            m = world.measure(f"any{number}.example", network=65000 + number, session="f")
            m.dns().tcp().tls()
        return world

    assert "likely_blocked" in {said[0] for said in _alike(build, 8).values()}
