"""QUIC is judged by contrast only: the host from elsewhere, and other hosts from here (Elmenhorst et al., IMC 2021)."""

from __future__ import annotations

import pytest

from judge_worlds import SITE, TRUE, Measured, World

OTHERS = ("other0.example", "other1.example", "other2.example")


def _quic(m: Measured, failure: str | None = None) -> Measured:
    m.seen.append(
        {"layer": "quic", "obs": len(m.seen), "host": m.who["target"], "depth": 0, "ip": TRUE, "port": 443,
         "ip_kind": "global", "failure": failure}
    )  # fmt: skip
    return m


def _elsewhere(world: World, failure: str | None = None, hosts: tuple[str, ...] = (SITE,)) -> None:
    for number in range(6):
        for host in hosts:
            m = world.measure(host, network=64600 + number // 2, country="XX", session=f"e{number}")
            _quic(m.dns().tcp().tls().page(), failure)


def _here(world: World, others: str | None, *, tcp: bool, sessions: int = 1) -> None:
    """The site's QUIC gets no answer here; other hosts' does or does not."""
    for session in range(sessions):
        for host in (*OTHERS, SITE):
            m = world.measure(host, session=f"s{session}").dns()
            if tcp:
                m.tcp().tls().page().helper()
            _quic(m, "generic_timeout_error" if host == SITE else others)


def test_quic_that_works_elsewhere_and_with_others_here_is_kept_from_the_host() -> None:
    """The site opens over TCP: it is no more than impaired at QUIC, and open as a whole."""
    world = World()
    _elsewhere(world)
    _here(world, None, tcp=True)
    verdict = world.verdict()
    quic = verdict.layer("quic")
    assert (quic["state"], quic["mechanisms"], quic["locus"]) == ("impaired", ["quic.timeout"], "network")
    assert (verdict.state, verdict.accuses) == ("ok", False)


def test_quic_alone() -> None:
    world = World()
    _elsewhere(world)
    _here(world, None, tcp=False)
    verdict = world.verdict()
    assert (verdict.state, verdict.mechanisms, verdict.evidence) == (
        "likely_blocked",
        ["quic.timeout"],
        "peers",
    )


def test_a_quic_handshake_that_succeeds_opens_the_host_where_nothing_else_is_tried() -> None:
    """Its certificate was verified, as that of TLS over TCP is."""
    world = World()
    _quic(world.measure().dns())
    verdict = world.verdict()
    assert (verdict.state, verdict.evidence) == ("ok", "artefact")


@pytest.mark.parametrize("tcp", [True, False])
def test_quic_that_fails_everywhere_is_the_sites_own_matter(tcp: bool) -> None:
    world = World()
    _elsewhere(world, "generic_timeout_error")
    _here(world, None, tcp=tcp)
    verdict = world.verdict()
    assert verdict.layer("quic")["state"] == ("insufficient" if tcp else "down")
    assert verdict.state == ("ok" if tcp else "down")
    assert verdict.layer("quic")["locus"] == "server_side" or tcp


def test_a_network_without_quic_is_not_about_the_host() -> None:
    world = World()
    _elsewhere(world, hosts=(SITE, *OTHERS))
    _here(world, "generic_timeout_error", tcp=False, sessions=3)
    verdict = world.verdict()
    assert (verdict.state, verdict.mechanisms) == ("impaired", ["quic"])
    assert "quic.fails_for_all_hosts_here" in verdict.rules


def test_j1_quic_without_contrast_says_nothing() -> None:
    world = World()
    _here(world, None, tcp=False)
    assert world.verdict().state == "insufficient"


def test_quic_to_an_injected_address_is_a_matter_of_dns() -> None:
    world = World()
    _elsewhere(world)
    m = world.measure(session="s").dns("10.1.1.1", ip_kind="private").helper()
    _quic(m, "generic_timeout_error").seen[-1].update({"ip": "10.1.1.1", "ip_kind": "private"})
    verdict = world.verdict()
    assert verdict.state == "blocked"
    assert verdict.mechanisms == ["dns.injection.bogon"]
    assert not verdict.layer("quic")["mechanisms"]


def test_c3_one_forged_row_makes_no_contrast() -> None:
    world = World()
    for number in range(2):
        _quic(world.measure(network=64600 + number, country="XX", session=f"e{number}").dns())
    _here(world, None, tcp=False)
    before = world.verdict().state
    id_ = world.measurements[-1].who["measurement_id"]
    _quic(world.measure(network=64700, country="XY", session="f").dns())
    assert (before, world.judge()[id_].state) == ("insufficient", "insufficient")
