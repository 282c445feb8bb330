"""Forged measurements from fresh sessions change no other session's verdict (traps C2, C3)."""

from __future__ import annotations

from functools import cache

import pytest

from judge_worlds import Measured, Verdict, World

COUNTRIES = 5
NETWORKS = 4
SESSIONS = 5
SITES = tuple(f"site{number}.example" for number in range(6))
HONEST = COUNTRIES * NETWORKS * SESSIONS * len(SITES)


def _fails(site: str, country: int) -> bool:
    """The first site is blocked in one country, the second down everywhere; the others open."""
    return (site == SITES[0] and country == 0) or site == SITES[1]


def _measure(world: World, site: str, country: str, network: int, session: str, fails: bool) -> Measured:
    who = {
        "country": country,
        "network": network,
        "session": session,
        "helper_failure": "generic_timeout_error",
    }
    found = world.measure(site, **who).dns().tcp()
    return found.tls("connection_reset" if fails else None)


def _honest() -> World:
    world = World()
    for country in range(COUNTRIES):
        for network in range(NETWORKS):
            for session in range(SESSIONS):
                for site in SITES:
                    _measure(
                        world,
                        site,
                        f"X{chr(65 + country)}",
                        64500 + NETWORKS * country + network,
                        f"h{country}-{network}-{session}",
                        _fails(site, country),
                    )
    return world


def _forge(world: World, count: int, says: str, where: str) -> None:
    """Rows of fresh sessions that say of each site the opposite of what is so, or the same of all."""
    for number in range(count):
        site = SITES[number % len(SITES)]
        place = number // len(SITES) % (COUNTRIES * NETWORKS)
        country, network = f"X{chr(65 + place // NETWORKS)}", 64500 + place
        if where == "made-up networks":
            country, network = f"Y{chr(65 + number % 26)}", 65000 + number
        fails = {"blocked": True, "ok": False, "opposite": not _fails(site, place // NETWORKS)}[says]
        _measure(world, site, country, network, f"f{number}", fails)


@cache
def _without() -> dict[str, Verdict]:
    return _honest().judge()


def test_the_honest_world_is_told_by_peers() -> None:
    found = _without()
    states = {(v.whole["target"], v.whole["country"]): v.state for v in found.values()}
    assert states[SITES[0], "XA"] == "likely_blocked"
    assert states[SITES[0], "XB"] == "ok"
    assert {state for (site, _), state in states.items() if site == SITES[1]} == {"down"}
    assert {state for (site, _), state in states.items() if site in SITES[2:]} == {"ok"}


@pytest.mark.parametrize("where", ["their networks", "made-up networks"])
@pytest.mark.parametrize("says", ["blocked", "ok", "opposite"])
def test_c2_a_tenth_forged_changes_no_other_verdict(says: str, where: str) -> None:
    world = _honest()
    _forge(world, HONEST // 9, says, where)
    with_forged = world.judge()
    changed = {
        id_: with_forged[id_].state for id_, v in _without().items() if with_forged[id_].whole != v.whole
    }
    assert not changed


@pytest.mark.parametrize("where", ["their networks", "made-up networks"])
@pytest.mark.parametrize("says", ["blocked", "ok"])
def test_c2_three_in_ten_forged_at_most_leave_others_undecided(says: str, where: str) -> None:
    world = _honest()
    _forge(world, HONEST * 3 // 7, says, where)
    with_forged = world.judge()
    for id_, honest in _without().items():
        state = with_forged[id_].state
        assert state in (honest.state, "insufficient"), (honest.whole["target"], honest.state, state)


def test_c3_a_censors_certificate_is_not_made_genuine_by_forged_proofs() -> None:
    def build(forged: int) -> World:
        world = World()
        for number in range(6):
            found = world.measure(session=f"h{number}", network=64500 + number % 2).dns().tcp()
            found.tls(
                "ssl_unknown_authority", tls_certificate_sha256="f" * 64, tls_issuer="Ministry"
            ).helper()
        for number in range(forged):
            found = world.measure(session=f"f{number}", network=65000 + number).dns().tcp()
            found.tls(tls_certificate_sha256="f" * 64).helper()
        return world

    honest, with_forged = build(0).judge(), build(4).judge()
    assert {v.state for v in honest.values()} == {"blocked"}
    assert {id_: with_forged[id_].whole for id_ in honest} == {id_: v.whole for id_, v in honest.items()}


def test_c3_unrelated_names_at_one_address_by_forged_sessions_accuse_nobody() -> None:
    def build(forged: int) -> World:
        world = World()
        for number in range(9):
            found = world.measure(SITES[0], session=f"h{number}").dns("198.51.100.7").tcp(ip="198.51.100.7")
            found.page(url=f"http://{SITES[0]}/", ip="198.51.100.7").helper()
        for number in range(forged):
            for site in SITES:
                world.measure(site, session=f"f{number}").dns("198.51.100.7").helper()
        return world

    honest, with_forged = build(0).judge(), build(4).judge()
    assert not any(v.accuses for v in honest.values())
    assert {id_: with_forged[id_].state for id_ in honest} == {id_: v.state for id_, v in honest.items()}
