"""Situations of other networks and homes than those of the traps: what looks like interference there, and is none."""

from __future__ import annotations

import ipaddress
import random
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from judge_worlds import SITE, TRUE, Measured, World, connection, judged, read_json
from wallwatch.judge import References
from wallwatch.judge.steps.words import servers_behind

GATEWAY = "64:ff9b::c000:20a"  # TRUE through a NAT64 gateway
HOME = "10.0.0.5"
CLEAR = f"http://{SITE}/"


def _clear(m: Measured, ip: str, **more: object) -> Measured:
    return m.tcp(ip=ip, port=80).page(url=CLEAR, ip=ip, **more)


def test_an_address_of_a_nat64_gateway_is_the_one_behind_it() -> None:
    """A network of IPv6 only: the site has IPv4, and answers in clear text through the gateway."""
    world = World()
    m = world.measure().dns(GATEWAY, dns_query_type="AAAA").dns(None, "dns_no_answer")
    _clear(m, GATEWAY).helper(port=80)
    verdict = world.verdict()
    assert (verdict.state, verdict.layer("dns")["state"]) == ("ok", "ok")
    assert "dns.answer_matches_control" in verdict.rules


@pytest.mark.parametrize(
    "ip", ["64:ff9b::c000:20a", "64:ff9b::a", "64:ff9b::1:0", "64:ff9b::ff", "2001:db8::1", "192.0.2.1"]
)
def test_what_a_gateways_address_stands_for(ip: str) -> None:
    """RFC 6052 2.1, for the well-known prefix."""
    six = int(ipaddress.ip_address(ip))
    known = ":" in ip and ipaddress.ip_address(ip) in ipaddress.ip_network("64:ff9b::/96")
    wanted = [(ip, str(ipaddress.ip_address(six & 0xFFFFFFFF)))] if known else []
    assert duckdb.sql(servers_behind(f"SELECT '{ip}' AS ip")).fetchall() == wanted


def test_a_network_without_ipv4_is_not_impaired() -> None:
    six = "2001:db8::10"
    world = World()
    m = (
        world.measure()
        .dns()
        .dns(six, dns_query_type="AAAA")
        .tcp("network_unreachable")
        .tcp(ip=six)
        .tls(ip=six)
        .page(ip=six)
    )
    m.helper()
    assert (world.verdict().state, world.verdict().layer("tcp")["state"]) == ("ok", "ok")


def test_a_name_that_means_another_server_at_home_and_gives_the_same_page() -> None:
    """Split-horizon DNS: the resolver of a company leads to its inner server."""
    world = World()
    _clear(world.measure().dns(HOME, ip_kind="private"), HOME).helper(port=80)
    assert (world.verdict().state, world.verdict().mechanisms) == ("ok", [])


def test_another_page_from_a_private_address_is_no_relay() -> None:
    world = World()
    m = world.measure().dns(HOME, ip_kind="private")
    _clear(m, HOME, http_title="Access blocked", http_body_length=900).helper(port=80)
    assert world.verdict().state == "blocked"


def test_a_page_elsewhere_in_one_country_only_is_told_by_its_title() -> None:
    """A delivery network serves a country from another network, in clear text."""
    world = World()
    _clear(world.measure().dns("203.0.113.9", ip_network=200), "203.0.113.9").helper(port=80)
    assert (world.verdict().state, world.verdict().layer("dns")["state"]) == ("ok", "ok")


@pytest.mark.parametrize(("resolver", "says"), [(36692, "insufficient"), (64499, "blocked")])
def test_a_filter_that_a_user_chose_with_an_open_resolver(resolver: int, says: str) -> None:
    """It alone deviates. A resolver of a network that is no open service is not one that people choose."""
    world = World()
    m = world.measure(resolver_network=resolver).dns("0.0.0.0", ip_kind="unspecified")  # noqa: S104
    m.dns(engine="udp").helper()
    assert world.verdict().state == says
    assert world.verdict().layer("dns")["locus"] == "resolver"


@pytest.mark.parametrize(
    ("country", "resolver", "on_path", "says"),
    [
        ("XX", 64900, False, "insufficient"),  # a tunnel that leaves names to the resolver at home
        (
            "XX",
            64900,
            True,
            "blocked",
        ),  # the same lie for a public resolver: it is told on the probe's own path
        ("XX", 64500, False, "blocked"),  # the network's own resolver
        ("XW", 64900, False, "blocked"),  # where such answers are at home
    ],
)
def test_j5_names_asked_at_home_through_a_tunnel_accuse_no_network_abroad(
    country: str, resolver: int, on_path: bool, says: str
) -> None:
    world = World()
    lie: dict[str, object] = {"ip_kind": "private", "dns_fingerprint": ["nat:page"]}
    m = world.measure(country=country, resolver_network=resolver).dns("10.10.34.35", **lie)
    m.dns(*(("10.10.34.35",) if on_path else ()), engine="udp", **(lie if on_path else {})).helper()
    verdict = world.judge(References.load(expected={"nat:page": ("XW",)}))["m00000"]
    assert verdict.state == says
    assert ("dns.known_injected_elsewhere" in verdict.rules) is (says == "insufficient")


@pytest.mark.parametrize(
    ("failure", "sites", "answered", "says"),
    [
        ("generic_timeout_error", 6, 0, "insufficient"),
        ("dns_refused_error", 6, 0, "insufficient"),
        ("generic_timeout_error", 6, 1, "likely_blocked"),
        ("generic_timeout_error", 4, 0, "likely_blocked"),  # perhaps only what is blocked was looked at
        ("dns_nxdomain_error", 6, 0, "likely_blocked"),  # who denies a name answers
    ],
)
def test_a_resolver_that_answers_nobody_says_nothing_of_any_site(
    failure: str, sites: int, answered: int, says: str
) -> None:
    """An operator's resolver is out of order for some hours; helper and encrypted DNS are in reach."""
    world = World()
    for number in range(answered):
        world.measure(f"fine{number}.example", session="evening").works()
    for number in range(sites):
        m = world.measure(f"site{number}.example", session="evening").dns(None, failure)
        m.dns(None, "dns_no_answer", dns_query_type="AAAA").helper()
    verdict = world.verdict()
    assert verdict.state == says
    silent = says == "insufficient"
    assert ("dns.resolver_answers_nobody" in verdict.rules) is silent
    assert verdict.flags == (["resolver_silent"] if silent else [])
    assert (verdict.locus == "resolver") is silent


def test_the_hosts_of_one_service_may_all_be_blocked() -> None:
    world = World()
    for network in range(64600, 64604):
        m = world.measure("signal", network, nettest="signal", country="XX", input=None)
        for number in range(7):
            host = f"cdn{number}.signal.org"
            m.dns(host=host).tcp(host=host).tls(host=host)
    m = world.measure("signal", nettest="signal", input=None)
    for number in range(7):
        m.dns(None, "generic_timeout_error", host=f"cdn{number}.signal.org")
    assert "dns.resolver_answers_nobody" not in world.verdict().rules
    assert world.verdict().layer("dns", "cdn2.signal.org")["state"] == "likely_blocked"


def test_j8_an_open_resolver_whose_answers_are_injected_is_not_the_cause() -> None:
    world = World()
    m = world.measure(resolver_network=15169).dns(HOME, ip_kind="private")
    m.dns(HOME, engine="udp", ip_kind="private").helper()
    assert (world.verdict().state, world.verdict().layer("dns")["locus"]) == ("blocked", "network")


@pytest.mark.parametrize("sites", [1, 6])
@pytest.mark.parametrize("others", [0, 3])
def test_software_that_replaces_certificates_on_one_machine(others: int, sites: int) -> None:
    """The data hold no certificate. Without other sessions nobody can tell it from the network."""
    world = World()
    for number in range(sites):
        for session in range(others):
            world.measure(f"site{number}.example", session=f"o{session}").works()
        m = world.measure(f"site{number}.example", session="machine").dns().tcp()
        m.tls("ssl_unknown_authority").helper()
    state = world.verdict().state
    assert state == ("insufficient" if others else "blocked")


def test_j17_most_of_a_networks_sessions_meet_it() -> None:
    world = World()
    for session in range(4):
        m = world.measure(session=f"s{session}").dns().tcp()
        m.tls("ssl_unknown_authority", tls_certificate_sha256="cd" * 32).helper()
        if session % 2:
            world.measure(session=f"o{session}").works()
    assert {v.state for v in world.judge().values()} == {"blocked", "ok"}


@pytest.mark.parametrize(("length", "says"), [(20_000, "insufficient"), (0, "ok")])
def test_an_empty_page_is_not_called_fine_where_others_get_one(length: int, says: str) -> None:
    world = World()
    m = (
        world.measure()
        .dns()
        .tcp(port=80)
        .http(url=CLEAR, http_body_length=0, http_header_names="date etag server x-a")
    )
    m.helper(port=80, http_title="", http_body_length=length)
    assert world.verdict().state == says


@pytest.mark.parametrize("everywhere", [True, False])
def test_j14_a_legal_refusal_by_the_site(everywhere: bool) -> None:
    world = World()
    m = world.measure().dns().tcp().tls().page(status=451)
    m.helper(status=451 if everywhere else 200)
    assert (world.verdict().state, world.verdict().locus) == ("ok", "server_side")
    assert TRUE in {row.get("ip") for row in m.seen}


_INT32, _INT64 = (-(2**31), 2**31 - 1, -1, 0), (-(2**63), 2**63 - 1, -1, 0)
_EXTREMES = {
    pa.int32(): _INT32,
    pa.int64(): _INT64,
    pa.float64(): (float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 0.0),
    pa.timestamp("us", "UTC"): (
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ),
}
#: Written by the reader, not by who sent the measurement.
_OURS = ("line", "obs", "observations", "controls")


@pytest.fixture(scope="module")
def real_rows(shared_data: Path) -> dict[str, pa.Table]:
    folder = shared_data / "ooni"
    files = [*sorted(folder.glob("webconnectivity_qa/*.json")), *sorted(folder.glob("nettests/*.json"))]
    con = read_json(files)
    return {
        name: con.sql(f"SELECT * FROM {name}").to_arrow_table()
        for name in ("measurements", "observations", "controls")
    }


@pytest.mark.parametrize("seed", range(4))
def test_no_number_that_somebody_sends_stops_a_run(real_rows: dict[str, pa.Table], seed: int) -> None:
    """The least and greatest of every type, in place of what real measurements say: of a third of the values, or of all."""
    chance = random.Random(seed)
    share = 1.0 if seed == 0 else 0.3
    tables = {}
    for name, table in real_rows.items():
        columns = {}
        for field in table.schema:
            values = table[field.name]
            if field.type in _EXTREMES and field.name not in _OURS:
                extremes = _EXTREMES[field.type]
                sent = [
                    chance.choice(extremes) if old is not None and chance.random() < share else old
                    for old in values.to_pylist()
                ]
                values = pa.array(sent, field.type)
            columns[field.name] = values
        tables[name] = pa.table(columns)
    verdicts = judged(connection(tables))
    assert len(verdicts) == tables["measurements"].num_rows
