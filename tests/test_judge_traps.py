"""Each trap of judging one measurement, as a small built world."""

from __future__ import annotations

from typing import Any

import pytest

from judge_worlds import SITE, START, TRUE, World
from wallwatch.judge import References

BLOCK = "198.51.100.7"


def peers(world: World, networks: int = 4, **who: Any) -> None:
    """The same target, fine in other networks on the same day."""
    for number in range(networks):
        world.measure(network=64700 + number, country="XX", **who).works()


def test_j1_a_failure_without_any_control_is_insufficient() -> None:
    for failure in ("connection_reset", "generic_timeout_error", "eof_error"):
        world = World()
        world.measure().dns().tcp().tls(failure)
        assert world.verdict().state == "insufficient"
        world = World()
        world.measure().dns().tcp(failure)
        assert world.verdict().state == "insufficient"
    world = World()
    world.measure().dns(None, "dns_nxdomain_error")
    assert world.verdict().state == "insufficient"


def test_j1_other_networks_are_the_control_where_there_is_none() -> None:
    world = World()
    peers(world)
    world.measure().dns().tcp().tls("connection_reset")
    verdict = world.verdict()
    assert (verdict.state, verdict.mechanisms, verdict.evidence) == ("likely_blocked", ["tls.reset"], "peers")


def test_j1_one_other_network_or_two_sessions_are_too_few() -> None:
    for networks in (0, 1, 2):
        world = World()
        peers(world, networks)
        world.measure().dns().tcp().tls("connection_reset")
        assert world.verdict().state == "insufficient"


def test_j2_a_cdn_that_answers_differently_by_place_is_fine() -> None:
    world = World()
    near = "203.0.113.9"
    world.measure().dns(near).tcp(ip=near).tls(ip=near).page(ip=near).helper()
    assert world.verdict().state == "ok"
    world = World()
    world.measure().dns(near, ip_network=64999).tcp(ip=near).http(
        url=f"http://{SITE}/", ip=near, http_title="The site", ip_network=64999
    ).helper()
    assert not world.verdict().accuses


def test_j2_a_different_answer_alone_is_no_evidence() -> None:
    world = World()
    near = "203.0.113.9"
    world.measure().dns(near).tcp("generic_timeout_error", ip=near).helper()
    assert not world.verdict().accuses


def test_j3_down_for_everybody() -> None:
    world = World()
    world.measure().dns().tcp("generic_timeout_error").helper(
        tcp="generic_timeout_error", tls=None, status=None
    )
    assert (world.verdict().state, world.verdict().locus) == ("down", "server_side")
    world = World()
    world.measure().dns(None, "dns_nxdomain_error").helper(None, "dns_nxdomain_error", None, None, None)
    assert world.verdict().state == "down"


def test_j3_down_in_other_countries_where_there_is_no_control() -> None:
    world = World()
    for number in range(5):
        world.measure(network=64600 + number, country=f"X{'ABCDE'[number]}").dns().tcp(
            "generic_timeout_error"
        )
    world.measure().dns().tcp("generic_timeout_error")
    assert world.verdict().state == "down"


def test_a_national_block_is_seen_by_what_opens_abroad() -> None:
    world = World()
    for number in range(6):
        world.measure(network=64600 + number).dns().tcp("generic_timeout_error")
    peers(world, 4)
    world.measure().dns().tcp("generic_timeout_error")
    assert world.verdict().state == "likely_blocked"


def test_a_national_block_is_not_taken_for_a_site_that_is_down() -> None:
    world = World()
    for number in range(6):
        world.measure(network=64600 + number).dns().tcp("generic_timeout_error")
    assert world.verdict().state == "insufficient"


def test_j4_down_and_injected() -> None:
    world = World()
    world.measure().dns("127.0.0.1", ip_kind="loopback").helper(
        tcp="generic_timeout_error", tls=None, status=None
    )
    assert (world.verdict().state, world.verdict().mechanisms) == ("blocked", ["dns.injection.bogon"])


@pytest.mark.parametrize(
    ("ip", "kind"),
    [
        ("10.10.34.35", "private"),
        ("127.0.0.1", "loopback"),
        ("0.0.0.0", "unspecified"),  # noqa: S104
        ("100.64.1.1", "shared"),
    ],
)
def test_j5_bogons(ip: str, kind: str) -> None:
    world = World()
    world.measure().dns(ip, ip_kind=kind).tcp("generic_timeout_error", ip=ip, ip_kind=kind).helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.mechanisms) == ("blocked", ["dns.injection.bogon"])
    assert verdict.layer("tcp")["state"] == "insufficient", (
        "what follows from the lie is not a block of its own"
    )


def test_j5_known_injected_addresses_count_in_their_countries_only() -> None:
    references = References.load(expected={"nat:page": ("XW",)})
    for country, state in (("XW", "blocked"), ("XX", "ok")):
        world = World()
        world.measure(country=country).dns(BLOCK, dns_fingerprint=["nat:page"]).tcp(ip=BLOCK).tls(
            "ssl_invalid_hostname", ip=BLOCK
        )
        found = world.judge(references)["m00000"]
        assert (found.state == "blocked") == (state == "blocked")
        if state == "blocked":
            assert found.mechanisms == ["dns.injection.blockpage"]


def test_j6_the_site_publishes_the_bogon_itself() -> None:
    world = World()
    world.measure().dns("127.0.0.1", ip_kind="loopback").helper(
        "127.0.0.1", ip_kind="loopback", tcp=None, tls=None, status=None
    )
    assert (world.verdict().state, world.verdict().locus) == ("down", "server_side")


def test_j7_only_the_systems_resolver_lies() -> None:
    world = World()
    world.measure(resolver_network=64900, resolver_kind="public").dns("10.0.0.1", ip_kind="private").dns(
        engine="udp"
    ).dns(engine="doh").tcp().tls().page().helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.locus) == ("blocked", "resolver")
    assert verdict.layer("tcp")["state"] == verdict.layer("tls")["state"] == "ok"


def test_j8_a_public_resolver_is_never_accused() -> None:
    world = World()
    world.measure(resolver_network=15169, resolver_kind="public_service").dns(
        "10.0.0.1", ip_kind="private"
    ).dns(engine="doh").helper()
    assert (world.verdict().state, world.verdict().locus) == ("blocked", "network")


def test_j9_an_honest_proxy_is_fine_and_noted() -> None:
    world = World()
    world.measure().dns(BLOCK).dns(BLOCK, engine="udp").tcp(ip=BLOCK).tls(ip=BLOCK).page(ip=BLOCK).helper()
    verdict = world.verdict()
    assert verdict.state == "ok"
    assert {"dns.answers_differ_from_control", "dns.clear_text_intercepted"} <= set(verdict.rules)


@pytest.mark.parametrize("failure", ["dns_nxdomain_error", "dns_no_answer", "android_dns_cache_no_data"])
def test_j10_no_such_name_for_a_name_that_resolves(failure: str) -> None:
    world = World()
    world.measure().dns(None, failure).helper()
    assert (world.verdict().state, world.verdict().mechanisms) == ("likely_blocked", ["dns.nxdomain"])


def test_j11_the_name_is_the_trigger_only_where_it_is_shown() -> None:
    world = World()
    world.measure().dns().tcp().tls("connection_reset").helper()
    assert world.verdict().mechanisms == ["tls.reset"]
    world = World()
    world.measure().dns().tcp().tls("connection_reset").tls(
        host="other.example", tls_server_name="other.example"
    ).helper()
    assert world.verdict().mechanisms == ["tls.reset.sni"]


def test_j12_a_handshake_that_stalls_is_not_a_matter_of_tcp() -> None:
    world = World()
    world.measure().dns().tcp().tls("generic_timeout_error", read_count=3).helper()
    verdict = world.verdict()
    assert verdict.mechanisms == ["tls.timeout"]
    assert verdict.layer("tcp")["state"] == "ok"
    assert "tls.reads_before_failure" in verdict.rules


@pytest.mark.parametrize(
    ("status", "path"),
    [(200, "http.blockpage"), (403, "http.blockpage"), (302, "http.redirect"), (301, "http.redirect")],
)
def test_j13_block_pages_in_clear_text(status: int, path: str) -> None:
    world = World()
    world.measure().dns().tcp(port=80).http(
        status, url=f"http://{SITE}/", http_fingerprint=["isp:page"]
    ).helper(port=80)
    assert (world.verdict().state, world.verdict().mechanisms) == ("blocked", [path])


@pytest.mark.parametrize("status", [403, 451, 503, 429])
def test_j14_the_site_itself_refuses(status: int) -> None:
    world = World()
    world.measure().dns().tcp().tls().http(status, http_title="Access denied", http_body_length=900).helper()
    assert (world.verdict().state, world.verdict().locus) == ("ok", "server_side")
    world = World()
    world.measure().dns().tcp().tls().http(
        status, http_fingerprint=["nat:page"], http_title="Access denied"
    ).helper()
    assert world.verdict().state == "ok", "what comes over valid TLS does not come from the network"
    world = World()
    world.measure().dns().tcp(port=80).http(
        status,
        url=f"http://{SITE}/",
        http_title="Access Denied",
        http_server="AkamaiGHost",
        http_body_length=300,
    ).helper(port=80)
    assert not world.verdict().accuses


def test_j15_language_login_and_length() -> None:
    for more in (
        {"http_title": "Die Seite", "http_body_length": 20_500, "http_header_names": "date etag server x-a"},
        {"http_title": "Log in", "http_body_length": 3_000, "http_header_names": "date etag server x-a"},
        {"http_title": "The site", "http_body_length": 90_000, "http_header_names": "date"},
    ):
        world = World()
        world.measure().dns().tcp(port=80).http(url=f"http://{SITE}/", **more).helper(port=80)
        assert world.verdict().state == "ok", more


def test_j16_a_broken_certificate_that_the_helper_sees_too() -> None:
    world = World()
    world.measure().dns().tcp().tls("ssl_invalid_certificate").helper(
        tls="ssl_invalid_certificate", status=None
    )
    assert (world.verdict().state, world.verdict().locus) == ("down", "server_side")


@pytest.mark.parametrize(
    ("self_signed", "path"), [(True, "tls.mitm.self_signed"), (False, "tls.mitm.ca_signed")]
)
def test_j17_forged_certificates(self_signed: bool, path: str) -> None:
    world = World()
    world.measure().dns().tcp().tls(
        "ssl_unknown_authority", tls_self_signed=self_signed, tls_certificate_sha256="ab", tls_issuer="X"
    ).helper()
    assert (world.verdict().state, world.verdict().mechanisms) == ("blocked", [path])


def test_j17_an_old_helper_that_makes_no_handshakes() -> None:
    world = World()
    world.measure().dns().tcp().tls("ssl_unknown_authority", tls_self_signed=True).helper(tls=None)
    assert (world.verdict().state, world.verdict().mechanisms) == ("blocked", ["tls.mitm.self_signed"])


def test_j23_a_location_without_a_host_needs_no_control() -> None:
    for location in ("https:///nowhere", "http://", "https://?x"):
        world = World()
        world.measure().dns().tcp().tls().http(
            302, "http_invalid_redirect_location_host", http_location=location
        )
        assert world.verdict().state == "down", location


def test_j18_a_filter_of_a_school_says_nothing_of_the_network() -> None:
    world = World()
    world.measure().dns().tcp(port=80).http(
        403, url=f"http://{SITE}/", http_fingerprint=["inst:school"]
    ).helper(port=80)
    verdict = world.verdict()
    assert not verdict.accuses
    assert verdict.flags == ["local_filter"]


@pytest.mark.parametrize("failure", ["network_unreachable", "host_unreachable"])
def test_j19_a_probe_without_ipv6(failure: str) -> None:
    world = World()
    six = "2001:db8::10"
    world.measure().dns().dns(six, dns_query_type="AAAA").tcp(failure, ip=six).tcp().tls().page().helper()
    verdict = world.verdict()
    assert verdict.state == "ok"
    assert "tcp.ipv6_missing_at_probe" in verdict.rules


def test_j20_a_probe_that_goes_offline() -> None:
    world = World()
    world.measure(helper_failure="generic_timeout_error").dns().tcp("generic_timeout_error")
    peers(world)
    verdict = world.judge()["m00000"]
    assert (verdict.state, verdict.flags) == ("insufficient", ["probe_offline"])


def test_j20_a_session_that_ends_in_failures_of_everything() -> None:
    world = World()
    world.measure("first.example", session="s").works()
    for number in range(5):
        world.measure(f"site{number}.example", session="s").dns(None, "generic_timeout_error").helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.flags) == ("insufficient", ["probe_offline"])


def test_j21_a_version_that_fails_on_every_network() -> None:
    world = World()
    for number in range(5):
        world.measure(network=64600 + number, country="XX").works()
        world.measure(network=64600 + number, country="XX", software="old 1.0").dns().tcp().tls(
            "ssl_unknown_authority"
        ).helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.flags) == ("insufficient", ["instrument"])


def test_j22_the_second_host_of_a_chain_is_blocked() -> None:
    world = World()
    second = {"host": "second.example", "depth": 1, "ip": "203.0.113.4"}
    world.measure().dns().tcp().tls().http(302, http_location="https://second.example/").dns(**second).tcp(
        **second
    ).tls("connection_reset", **second).helper()
    verdict = world.verdict()
    assert (verdict.state, verdict.host, verdict.mechanisms) == (
        "likely_blocked",
        "second.example",
        ["tls.reset"],
    )


def test_j23_endless_and_broken_redirects() -> None:
    for failure, text in (
        ("unknown_failure", "unknown_failure: stopped after too many redirects"),
        ("http_invalid_redirect_location_host", None),
    ):
        world = World()
        world.measure().dns().tcp().tls().http(
            302, failure, failure_text=text, http_location="https://"
        ).helper()
        assert world.verdict().state == "down"


def telegram(
    world: World, failing: int, network: int = 64500, country: str = "XW", web: str | None = None
) -> None:
    m = world.measure(
        "telegram", network, country=country, nettest="telegram", nettest_version="0.3.1", input=None
    )
    for number in range(6):
        ip = f"198.51.100.{number + 1}"
        for port in (80, 443):
            failure = "generic_timeout_error" if number < failing else None
            m.tcp(failure, ip=ip, port=port, host=ip)
            m.http(None if failure else 501, failure, f"http://{ip}:{port}/", host=ip, ip=ip)
    w = {"host": "web.telegram.org", "ip": "203.0.113.99"}
    m.dns(**w).tcp(**w).tls(web, **w)
    m.http(None if web else 200, web, "https://web.telegram.org/", **w)


def test_j24_one_of_many_endpoints_fails() -> None:
    world = World()
    for number in range(4):
        telegram(world, 0, 64600 + number, "XX")
    telegram(world, 1)
    assert world.verdict().state == "ok"


def test_j24_all_endpoints_fail_or_the_required_web_part() -> None:
    for failing, web, path in ((6, None, "tcp.timeout"), (0, "generic_timeout_error", "tls.timeout")):
        world = World()
        for number in range(4):
            telegram(world, 0, 64600 + number, "XX")
        telegram(world, failing, web=web)
        verdict = world.verdict()
        assert (verdict.state, verdict.mechanisms) == ("likely_blocked", [path])
        assert verdict.layer("service")["mechanisms"] == [path]


def test_j24_both_parts_are_reported() -> None:
    world = World()
    for number in range(4):
        telegram(world, 0, 64600 + number, "XX")
    telegram(world, 6, web="connection_reset")
    assert world.verdict().mechanisms == ["tcp.timeout", "tls.reset"]


def test_j25_what_fails_everywhere_does_not_count() -> None:
    world = World()
    for number in range(5):
        telegram(world, 6, 64600 + number, f"X{'ABCDE'[number]}")
    telegram(world, 6)
    assert world.verdict().state == "down"


def slow_world(slow: dict[str, float], networks: int = 4) -> World:
    """Eight sites on some networks, three sessions each; `slow` says what takes long on the first one."""
    world = World()
    for network in range(networks):
        for number in range(8):
            for _ in range(3):
                target = f"site{number}.example"
                seconds = slow.get(target, slow.get("*", 0.1)) if network == 0 else 0.1
                m = world.measure(target, network=64600 + network).dns().tcp(duration_seconds=0.05)
                m.tls(duration_seconds=seconds).page().helper()
    return world


def test_j26_slowed_for_one_host_in_one_network() -> None:
    found = slow_world({"site3.example": 6.0}).judge().values()
    slowed = {(v.target, v.network): v for v in found if v.state != "ok"}
    assert set(slowed) == {("site3.example", 64600)}
    verdict = slowed["site3.example", 64600]
    assert (verdict.state, verdict.mechanisms) == ("impaired", ["tls.throttle"])


def test_j26_slow_for_everything_is_congestion() -> None:
    assert {v.state for v in slow_world({"*": 6.0}).judge().values()} == {"ok"}


def test_j27_a_hop_without_a_control_is_no_suspicion() -> None:
    world = World()
    second = {"host": "second.example", "depth": 1, "ip": "203.0.113.4"}
    world.measure().dns().tcp().tls().http(302, http_location="https://second.example/").dns(**second).tcp(
        **second
    ).tls(**second).page(**second).helper()
    assert world.verdict().state == "ok"
    world = World()
    world.measure(helper_failure="connection_refused").dns().tcp().tls().http(
        302, http_location="https://second.example/"
    ).dns(**second).tcp(**second).tls("connection_reset", **second)
    assert world.verdict().state == "insufficient"


def test_j29_the_helper_is_out_of_reach() -> None:
    world = World()
    world.measure(helper_failure="connection_reset").dns().tcp().tls().page()
    assert world.verdict().state == "ok"
    world = World()
    world.measure(helper_failure="connection_reset").dns().tcp().tls("connection_reset")
    assert world.verdict().state == "insufficient"


def test_j29_an_empty_control_of_a_failed_helper_says_nothing() -> None:
    world = World()
    world.measure(helper_failure="connection_refused").dns().tcp("generic_timeout_error").helper(
        None, "dns_no_answer", None, None, None
    )
    assert world.verdict().state == "insufficient"


def test_j30_a_missing_aaaa_record_hides_nothing() -> None:
    world = World()
    world.measure().dns(None, "dns_no_answer", dns_query_type="AAAA").works()
    assert world.verdict().state == "ok"
    world = World()
    world.measure().dns(None, "dns_no_answer", dns_query_type="AAAA").dns(None, "dns_refused_error").helper()
    assert world.verdict().mechanisms == ["dns.refused"]


def test_timeouts_resets_and_refusals_of_connections() -> None:
    for failure, path in (
        ("generic_timeout_error", "tcp.timeout"),
        ("connection_reset", "tcp.reset"),
        ("connection_refused", "tcp.refused"),
        ("host_unreachable", "ip.unreachable"),
    ):
        world = World()
        world.measure().dns().tcp(failure).helper()
        assert (world.verdict().state, world.verdict().mechanisms) == ("likely_blocked", [path])


def test_one_page_for_unrelated_sites_is_a_block_page() -> None:
    world = World()
    for number in range(5):
        target = f"site{number}.example{number}"
        world.measure(target).dns().tcp(port=80).http(
            url=f"http://{target}/",
            http_body_sha256="ab",
            http_body_length=700,
            http_title="Notice",
            http_header_names="via",
        ).helper(port=80)
    assert (world.verdict().state, world.verdict().mechanisms) == ("likely_blocked", ["http.blockpage"])


def test_one_landing_for_unrelated_sites_is_a_block_page() -> None:
    world = World()
    for number in range(5):
        target = f"site{number}.example{number}"
        land = {"host": "notice.example", "depth": 1, "ip": BLOCK}
        m = (
            world.measure(target)
            .dns()
            .tcp(port=80)
            .http(302, url=f"http://{target}/", http_location="http://notice.example/")
        )
        m.http(
            200,
            url="http://notice.example/",
            http_body_length=700,
            http_title="Hinweis",
            http_header_names="via",
            **land,
        ).helper(port=80)
    assert (world.verdict().state, world.verdict().mechanisms) == ("likely_blocked", ["http.redirect"])


def test_c3_a_forged_row_changes_no_one_elses_verdict() -> None:
    def build(forged: int) -> World:
        world = World()
        for number in range(4):
            world.measure(network=64600 + number, country="XX", session=f"p{number}").works()
        world.measure(session="a").dns(BLOCK).tcp(ip=BLOCK).tls("ssl_invalid_hostname", ip=BLOCK).helper()
        world.measure(session="b").dns().tcp().tls("connection_reset")
        world.measure(session="c").works()
        for number in range(forged):
            world.measure(session=f"f{number}", network=64500).dns(BLOCK).tcp(ip=BLOCK).tls(ip=BLOCK).page(
                ip=BLOCK
            )
        return world

    honest = build(0).judge()
    for forged in (1, 3):
        with_forged = build(forged).judge()
        assert {id_: with_forged[id_].whole for id_ in honest} == {id_: v.whole for id_, v in honest.items()}


def test_measurements_without_anything_have_a_verdict_too() -> None:
    world = World()
    world.measure()
    assert (world.verdict().state, world.verdict().rules, world.verdict().host) == ("insufficient", [], None)


def test_x4_a_time_that_is_not_trusted_is_flagged() -> None:
    world = World()
    world.measure(time_flag="future", time=START).works()
    assert world.verdict().flags == ["time_future"]


def test_true_addresses_are_those_of_the_helper() -> None:
    world = World()
    world.measure().dns(TRUE).tcp("generic_timeout_error").helper()
    assert world.verdict().layer("dns")["state"] == "ok"
