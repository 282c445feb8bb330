"""What is met alike in several countries is no network's doing, even where the test helper meets something else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from judge_worlds import START, Measured, Verdict, World

LEFT, SIX = "198.51.100.9", "2001:db8::10"
PARKED = {"http_title": "Related searches", "http_body_length": 900, "http_header_names": "via"}


def _in_countries(world: World, countries: int, target: str, do: Callable[[Measured], Any]) -> None:
    """Two sessions on a network of each country."""
    for number in range(countries):
        for session in range(2):
            who = {"network": 64_800 + number, "country": f"X{chr(65 + number)}"}
            do(world.measure(target, session=f"s{number}-{session}", **who))


def _accusing(world: World) -> list[Verdict]:
    return [verdict for verdict in world.judge().values() if verdict.accuses]


@pytest.mark.parametrize(
    "fail",
    [
        lambda m: m.dns().tcp("generic_timeout_error").helper(),
        lambda m: m.dns().tcp().tls("connection_reset").helper(),
        lambda m: (
            m.dns()
            .tcp(port=80)
            .http(None, "eof_error", f"http://{m.who['target']}/")
            .helper(port=80, tls=None)
        ),
        lambda m: m.dns(None, "dns_refused_error").helper(),
    ],
)
def test_j14_a_host_that_turns_all_probes_away_is_blocked_by_none(fail: Callable[[Measured], Any]) -> None:
    world = World()
    _in_countries(world, 6, "shy.example", fail)
    found = world.judge().values()
    assert {v.state for v in found} == {"insufficient"}
    assert all(any(rule.endswith("fails_for_all_but_helper") for rule in v.rules) for v in found)
    opened = World()  # where other countries get through, it is held against those that do not
    _in_countries(opened, 2, "shy.example", fail)
    for number in range(3):
        for _ in range(2):
            opened.measure("shy.example", network=64_900 + number, country=f"Y{number}").works()
    assert len(_accusing(opened)) == 4


def _sent_on(m: Measured) -> None:
    m.dns().tcp(port=80).http(302, url=f"http://{m.who['target']}/", http_location="http://parking.example/")
    m.http(200, url="http://parking.example/", host="parking.example", depth=1, ip=LEFT, **PARKED)
    m.helper(port=80, tls=None)


def _same_page(m: Measured) -> None:
    page = {**PARKED, "http_body_sha256": "ab"}
    m.dns().tcp(port=80).page(url=f"http://{m.who['target']}/", **page).helper(port=80, tls=None)


def _clear(m: Measured) -> None:
    m.dns().tcp(port=80).page(url=f"http://{m.who['target']}/").helper(port=80, tls=None)


@pytest.mark.parametrize("meet", [_sent_on, _same_page])
@pytest.mark.parametrize("countries", [1, 4])
def test_j13_parked_names_look_alike_in_every_country(
    meet: Callable[[Measured], Any], countries: int
) -> None:
    world = World()
    for number in range(8):
        for do, name in ((meet, "parked"), (_clear, "www"), (_clear, "home")):
            _in_countries(world, countries, f"{name}{number}.example", do)
            do(world.measure(f"{name}{number}.example", network=64_800, country="XA", session="third"))
    assert bool(_accusing(world)) is (countries == 1)


def _moved(m: Measured) -> None:
    m.dns(LEFT).tcp(ip=LEFT).tls("ssl_invalid_hostname", ip=LEFT).helper()


def _moved_and_gone(m: Measured) -> None:
    failed = "generic_timeout_error"
    m.dns(LEFT).tcp(failed, ip=LEFT).helper()
    m.control += [
        {"layer": "tcp", "obs": 9, "host": "moved.example", "ip": LEFT, "port": 443, "failure": failed}
    ]


@pytest.mark.parametrize("meet", [_moved, _moved_and_gone])
@pytest.mark.parametrize("countries", [2, 3])
def test_j2_an_address_that_a_site_has_left_is_still_given_in_several_countries(
    meet: Callable[[Measured], Any], countries: int
) -> None:
    world = World()
    _in_countries(world, countries, "moved.example", meet)
    assert bool(_accusing(world)) is (countries < 3)


def test_j10_a_site_without_ipv4_has_no_address_for_a_device_without_ipv6() -> None:
    for failure, state in (("dns_no_answer", "insufficient"), ("dns_nxdomain_error", "likely_blocked")):
        world = World()
        world.measure().dns(None, failure).helper(ip=SIX)
        assert world.verdict().state == state


@pytest.mark.parametrize("encrypted", [True, False])
def test_j10_name_servers_that_deny_a_site_to_a_place_deny_it_over_encrypted_dns_as_well(
    encrypted: bool,
) -> None:
    world = World()
    m = world.measure().dns(None, "dns_nxdomain_error").helper()
    if encrypted:
        m.dns(None, "dns_nxdomain_error", engine="doh")
    else:
        m.dns(engine="doh")
    assert world.verdict().accuses is not encrypted


@pytest.mark.parametrize(
    ("host", "ours"), [("www.shop.example", True), ("shop.example", True), ("notice.example", False)]
)
def test_j14_a_site_that_sends_readers_to_its_own_refusal_over_valid_tls(host: str, ours: bool) -> None:
    world = World()
    m = world.measure("shop.example").dns().tcp(port=80)
    m.http(302, url="http://shop.example/", http_location=f"https://{host}/denied")
    m.tls(host=host, depth=1).http(
        200, url=f"https://{host}/denied", host=host, depth=1, **{**PARKED, "http_title": "Access denied"}
    )
    m.helper(port=80, tls=None)
    assert world.verdict().accuses is not ours


@pytest.mark.parametrize("valid", [False, True])
def test_j16_a_certificate_that_is_only_out_of_date_is_no_forgery(valid: bool) -> None:
    """Where nothing tells when the measurement arrived, a probe's clock may be wrong by years."""
    world = World()
    begins = START - timedelta(days=1) if valid else START + timedelta(days=400)
    world.measure().dns().tcp().tls(
        "ssl_invalid_certificate",
        tls_certificate_sha256="ab" * 32,
        tls_matches_name=True,
        tls_issuer="Fair CA",
        tls_not_before=begins,
        tls_not_after=begins + timedelta(days=90),
    ).helper()
    assert world.verdict().accuses is valid


@pytest.mark.parametrize("title", ["The site", "Elsewhere"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_j2_a_page_came_from_the_only_answers_where_old_probes_do_not_say_from_where(
    title: str, scheme: str
) -> None:
    world = World()
    cache = "203.0.113.77"
    for number in range(5):
        for session in range(3):
            name = f"cdn{number}.example"
            m = world.measure(name, session=f"c{session}").dns(cache).tcp(ip=cache, port=80)
            m.page(url=f"{scheme}://{name}/", ip=None, http_title=title)
            m.helper(f"192.0.2.{20 + number}", port=80, tls=None)
    assert {v.layer("dns")["state"] for v in world.judge().values()} == {
        "ok" if title == "The site" or scheme == "https" else "likely_blocked"
    }


def test_j2_a_page_of_unknown_address_proves_no_answer_that_is_a_lie_by_itself() -> None:
    """An old probe's page over valid TLS came by another answer than the private one that its resolver gave."""
    world = World()
    m = world.measure("news.example").dns("10.10.34.35", ip_kind="private").tcp(ip="10.10.34.35")
    m.page(url="https://news.example/", ip=None).helper()
    (verdict,) = world.judge().values()
    assert verdict.state == "blocked"
    assert "dns.bogon_not_in_control" in verdict.rules
