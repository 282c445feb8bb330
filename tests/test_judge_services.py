"""Every service and tool by its own model (traps J21, J24, J25): one mould, each test a row of the table below.

A way of measuring adds what a probe writes when the things named in `broken` fail: `redundant` is an endpoint that has
others beside it, `part` something that the service needs, `all` everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from judge_worlds import Measured, Verdict, World, judged, read_json
from wallwatch.judge.services import MIDDLEBOX_TESTS, SERVICES, TOOLS

TIMEOUT = "generic_timeout_error"


def _host(
    m: Measured, host: str, failure: str | None, ip: str = "192.0.2.10", asn: int | None = None
) -> None:
    m.dns(ip, host=host, ip_network=asn)
    m.tcp(ip=ip, host=host)
    m.tls(failure, ip=ip, host=host)
    m.http(None if failure else 200, failure, host=host, ip=ip)


def _pool(m: Measured, broken: set[str], ports: tuple[int, ...]) -> None:
    for number in range(8):
        for port in ports:
            gone = "all" in broken or "pool" in broken or ("redundant" in broken and number == 3)
            m.tcp(TIMEOUT if gone else None, ip=f"198.51.100.{number}", port=port, host=None)


def telegram(m: Measured, broken: set[str]) -> None:
    _pool(m, broken, (80, 443))
    _host(m, "web.telegram.org", TIMEOUT if broken & {"all", "part"} else None)


def whatsapp(m: Measured, broken: set[str]) -> None:
    for number in range(1, 17):
        gone = "all" in broken or ("redundant" in broken and number == 5)
        m.dns(f"198.51.100.{number}", host=f"e{number}.whatsapp.net", ip_network=32934)
        for port in (443, 5222):
            m.tcp(
                TIMEOUT if gone else None,
                ip=f"198.51.100.{number}",
                port=port,
                host=f"e{number}.whatsapp.net",
            )
    _host(m, "v.whatsapp.net", TIMEOUT if broken & {"all", "part"} else None, "192.0.2.11", 32934)
    _host(m, "web.whatsapp.com", TIMEOUT if "all" in broken else None, "192.0.2.12", 32934)


def signal(m: Measured, broken: set[str]) -> None:
    hosts = (
        "chat.signal.org",
        "storage.signal.org",
        "cdn.signal.org",
        "cdn2.signal.org",
        "sfu.voip.signal.org",
    )
    for number, host in enumerate(hosts):
        gone = "all" in broken or ("part" in broken and number == 2)
        _host(m, host, TIMEOUT if gone else None, f"192.0.2.{20 + number}")
    if "redundant" in broken:
        m.dns(None, "dns_nxdomain_error", host="uptime.signal.org")


def facebook_messenger(m: Measured, broken: set[str]) -> None:
    hosts = ("b-api.facebook.com", "b-graph.facebook.com", "edge-mqtt.facebook.com", "external.xx.fbcdn.net")
    for number, host in enumerate(hosts):
        ip = f"198.51.100.{number}"
        m.dns(ip, host=host, ip_network=32934)
        gone = "all" in broken or ("part" in broken and number == 3)
        m.tcp(TIMEOUT if gone else None, ip=ip, host=host)
        if "redundant" in broken and number == 0:
            m.tcp(TIMEOUT, ip="198.51.100.77", host=host)


def tor(m: Measured, broken: set[str]) -> None:
    for protocol, many in (("or_port_dirauth", 5), ("obfs4", 6)):
        for number in range(many):
            gone = "all" in broken or ("part" in broken and protocol == "obfs4")
            gone = gone or ("redundant" in broken and number == 1)
            failure = TIMEOUT if gone else None
            ip = f"198.51.100.{number}" if protocol == "or_port_dirauth" else None
            m.step(
                "tor_target",
                f"{protocol}{number}",
                failure,
                step_target=protocol,
                host=f"tor.{protocol}",
                ip=ip,
            )
            m.tcp(failure, ip=ip, host=f"tor.{protocol}", port=None)


def torsf(m: Measured, broken: set[str]) -> None:
    failed = bool(broken & {"all", "part"})
    m.step("bootstrap_time", None if failed else 40.5, TIMEOUT if failed else None, step_target="amp_cache")


def _bootstraps(m: Measured, broken: set[str]) -> None:
    failed = bool(broken & {"all", "part"})
    m.step("bootstrap_time", None if failed else 12.5, TIMEOUT if failed else None, step_target="bootstrap")


def openvpn(m: Measured, broken: set[str]) -> None:
    failed = bool(broken & {"all", "part"})
    m.tcp(TIMEOUT if failed else None, ip="198.51.100.9", port=1194, host=None)
    m.step("bootstrap_time", None if failed else 2.5, TIMEOUT if failed else None, step_target="tunnel")


def riseupvpn(m: Measured, broken: set[str]) -> None:
    _host(m, "api.black.riseup.example", TIMEOUT if "all" in broken else None)
    m.step("api_status", "blocked" if "all" in broken else "ok", step_target="api")
    m.step("transport_status", "blocked" if broken & {"all", "part"} else "ok", step_target="obfs4")
    m.step("transport_status", "blocked" if "all" in broken else "ok", step_target="openvpn")


def stunreachability(m: Measured, broken: set[str]) -> None:
    failed = bool(broken & {"all", "part"})
    m.dns(host="stun.example")
    m.step("stun", "failed" if failed else "ok", TIMEOUT if failed else None)


def dnscheck(m: Measured, broken: set[str]) -> None:
    m.dns("192.0.2.53", host="dns.example")
    for number in range(3):
        gone = broken & {"all", "part"} or ("redundant" in broken and number == 1)
        failure = TIMEOUT if gone else None
        m.step("lookup", f"https://192.0.2.{number}/", failure, step_target="resolver")
        m.tls(failure, ip=f"192.0.2.{number}", host="dns.example")


def echcheck(m: Measured, broken: set[str]) -> None:
    m.dns()
    m.tcp()
    m.tls(TIMEOUT if "all" in broken else None)
    m.tls("connection_reset" if broken & {"all", "part"} else None, tls_ech="GREASE")


@dataclass(frozen=True)
class Mould:
    """A test, how it is measured, and which row of layer `part` is lost where `part` is broken."""

    measure: Callable[[Measured, set[str]], None]
    target: str
    lost: str
    others: tuple[str, ...] = ()
    redundant: bool = True


MOULDS = {
    "telegram": Mould(telegram, "telegram", "telegram.web", ("telegram.app",)),
    "whatsapp": Mould(whatsapp, "whatsapp", "whatsapp.app", ("whatsapp.web",)),
    "signal": Mould(signal, "signal", "signal.media", ("signal.app", "signal.calls")),
    "facebook_messenger": Mould(
        facebook_messenger, "facebook_messenger", "facebook_messenger.media", ("facebook_messenger.app",)
    ),
    "tor": Mould(tor, "tor", "tor.obfs4", ("tor.or_port_dirauth",)),
    "torsf": Mould(torsf, "torsf", "torsf.amp_cache", redundant=False),
    "vanilla_tor": Mould(_bootstraps, "vanilla_tor", "vanilla_tor", redundant=False),
    "psiphon": Mould(_bootstraps, "psiphon", "psiphon", redundant=False),
    "openvpn": Mould(openvpn, "198.51.100.9:1194/udp", "openvpn.udp", redundant=False),
    "riseupvpn": Mould(
        riseupvpn, "riseupvpn", "riseupvpn.obfs4", ("riseupvpn.api", "riseupvpn.openvpn"), redundant=False
    ),
    "stunreachability": Mould(stunreachability, "stun.example:3478", "stunreachability", redundant=False),
    "dnscheck": Mould(dnscheck, "https://dns.example/dns-query", "dnscheck.doh"),
    "echcheck": Mould(echcheck, "site.example", "echcheck.grease", ("echcheck.plain",), redundant=False),
}
EACH = pytest.mark.parametrize("nettest", sorted(MOULDS))


def measured(world: World, nettest: str, broken: set[str], **who: object) -> None:
    mould = MOULDS[nettest]
    m = world.measure(
        target=mould.target,
        nettest=nettest,
        nettest_version="9.9",
        **{"input": None, **who},  # type: ignore[arg-type]
    )
    mould.measure(m, broken)


def elsewhere(world: World, nettest: str, broken: set[str], **who: object) -> None:
    """Two sessions in each of five networks of four countries."""
    for number in range(10):
        country = ("XA", "XB", "XC", "XD", "XA")[number % 5]
        measured(world, nettest, broken, network=64600 + number % 5, country=country, **who)


def here(nettest: str, broken: set[str], there: set[str] | None) -> Verdict:
    """The verdict of the last of three sessions in one network; `there` is what is broken elsewhere."""
    world = World()
    if there is not None:
        elsewhere(world, nettest, there)
    for _ in range(3):
        measured(world, nettest, broken)
    return world.verdict()


def parts(found: Verdict) -> dict[str, str]:
    return {row["host"]: row["state"] for row in found.parts if row["layer"] == "part"}


def test_every_test_that_has_a_model_is_in_the_mould() -> None:
    assert {s.nettest for s in SERVICES} | {t.nettest for t in TOOLS} == set(MOULDS)


@EACH
@pytest.mark.parametrize("peers", [None, set()], ids=["alone", "with peers"])
def test_what_works_is_ok(nettest: str, peers: set[str] | None) -> None:
    found = here(nettest, set(), peers)
    mould = MOULDS[nettest]
    assert found.state == "ok"
    assert parts(found) == dict.fromkeys((mould.lost, *mould.others), "ok")


@pytest.mark.parametrize("nettest", sorted(name for name, mould in MOULDS.items() if mould.redundant))
def test_j24_one_redundant_endpoint_is_no_loss(nettest: str) -> None:
    found = here(nettest, {"redundant"}, set())
    assert found.state == "ok"
    assert set(parts(found).values()) == {"ok"}


@EACH
def test_j24_a_part_that_is_needed_fails_here_and_is_named(nettest: str) -> None:
    found = here(nettest, {"part"}, set())
    mould = MOULDS[nettest]
    assert found.state == "likely_blocked"
    assert parts(found) == {mould.lost: "likely_blocked"} | dict.fromkeys(mould.others, "ok")
    assert found.locus == "network"


@EACH
def test_all_fails_here_and_works_elsewhere(nettest: str) -> None:
    found = here(nettest, {"all"}, set())
    assert found.state == "likely_blocked"
    assert set(parts(found).values()) == {"likely_blocked"}


@EACH
def test_j25_what_fails_everywhere_is_down(nettest: str) -> None:
    found = here(nettest, {"all"}, {"all"})
    assert found.state == "down"
    assert not found.mechanisms


@EACH
def test_j25_what_fails_everywhere_is_never_blocking_whatever_part(nettest: str) -> None:
    for broken in ({"part"}, {"redundant"}):
        assert not here(nettest, broken, broken).accuses


@EACH
def test_j1_what_fails_and_nobody_else_measured_is_undecided(nettest: str) -> None:
    found = here(nettest, {"all"}, None)
    assert found.state == "insufficient"


@EACH
def test_j21_a_version_that_fails_wherever_it_runs_is_at_fault(nettest: str) -> None:
    world = World()
    elsewhere(world, nettest, set())
    elsewhere(world, nettest, {"all"}, software="ooniprobe-cli 9.9.9")
    found = world.verdict()
    assert found.state == "insufficient"
    assert found.flags == ["instrument"]


def test_j25_bridges_that_are_dead_everywhere_say_nothing_of_the_others() -> None:
    """Here only the dead half was tried: nothing that works elsewhere fails."""
    world = World()

    def bridges(numbers: range, alive: range, **who: object) -> None:
        m = world.measure(target="tor", nettest="tor", input=None, **who)  # type: ignore[arg-type]
        for number in numbers:
            failure = None if number in alive else TIMEOUT
            m.step("tor_target", f"b{number}", failure, step_target="obfs4", host="tor.obfs4", ip=None)

    for number in range(10):
        country = ("XA", "XB", "XC", "XD", "XA")[number % 5]
        bridges(range(6), range(3), network=64600 + number % 5, country=country)
    bridges(range(3, 6), range(3))
    found = world.verdict()
    assert found.state == "down"
    assert "part.endpoint_fails_everywhere" in found.rules
    bridges(range(6), range(0))
    bridges(range(6), range(0))
    found = world.verdict()
    assert found.state == "likely_blocked"
    assert parts(found) == {"tor.obfs4": "likely_blocked"}


def test_most_endpoints_fail_and_one_gets_through() -> None:
    world = World()
    elsewhere(world, "telegram", set())
    m = world.measure(target="telegram", nettest="telegram", input=None)
    for number in range(8):
        m.tcp(None if number == 7 else TIMEOUT, ip=f"198.51.100.{number}", host=None)
    _host(m, "web.telegram.org", None)
    found = world.verdict()
    assert parts(found) == {"telegram.app": "impaired", "telegram.web": "ok"}
    assert found.state == "impaired"


def test_j10_a_name_that_is_denied_is_no_matter_of_http_too() -> None:
    """Probes write down the request that was never sent as well, with the resolver's failure."""
    world = World()
    elsewhere(world, "signal", set())
    m = world.measure(target="signal", nettest="signal", input=None)
    for host in ("chat.signal.org", "storage.signal.org", "cdn.signal.org", "cdn2.signal.org"):
        m.dns(None, "dns_nxdomain_error", host=host)
        m.http(None, "dns_nxdomain_error", host=host, ip=None)
    found = world.verdict()
    assert (found.state, found.mechanisms) == ("likely_blocked", ["dns.nxdomain"])
    assert found.layer("http", "cdn.signal.org")["state"] == "insufficient"


def test_a_name_that_others_answer_for_is_a_forged_answer() -> None:
    """Facebook Messenger's test only connects: whoever answers at a forged address looks like a success."""
    world = World()
    elsewhere(world, "facebook_messenger", set())
    m = world.measure(target="facebook_messenger", nettest="facebook_messenger", input=None)
    for number, host in enumerate(("b-api.facebook.com", "edge-mqtt.facebook.com")):
        m.dns(f"203.0.113.{number}", host=host, ip_network=64500)
        m.tcp(ip=f"203.0.113.{number}", host=host)
    found = world.verdict()
    assert (found.state, found.mechanisms) == ("likely_blocked", ["dns.injection.other"])
    # An owner that moves to another network does so for everybody.
    moved = World()
    for number in range(10):
        m = moved.measure(
            target="facebook_messenger",
            nettest="facebook_messenger",
            network=64600 + number,
            country=f"X{number}",
        )
        m.dns("203.0.113.1", host="b-api.facebook.com", ip_network=64500)
        m.tcp(ip="203.0.113.1", host="b-api.facebook.com")
    assert moved.verdict().state == "ok"


def _devices(world: World, nettest: str, seen: bool, **who: object) -> None:
    m = world.measure(target=nettest, nettest=nettest, input=None, **who)  # type: ignore[arg-type]
    if nettest == "http_invalid_request_line":
        m.step("echoed_line", "altered" if seen else "same", step_target="request_line")
    else:
        m.http(200, host="192.0.2.99", url="http://192.0.2.99/")
        m.step("tampering_total", False, step_target="headers")
        m.step("tampering_header_name_capitalization", seen, step_target="headers")


@pytest.mark.parametrize("nettest", [test for test, _, _ in MIDDLEBOX_TESTS])
def test_j9_a_device_on_the_path_is_noted_and_blocks_nothing(nettest: str) -> None:
    world = World()
    for _ in range(2):
        _devices(world, nettest, seen=True)
    world.measure().works()
    found = world.judge()
    device, page = found["m00001"], found["m00002"]
    assert (device.state, "service.device_seen" in device.rules) == ("ok", True)
    assert (page.state, "http.device_in_network" in page.rules) == ("ok", True)
    # Not of another network, and not on the word of one session.
    world.measure(network=64501).works()
    assert "http.device_in_network" not in world.verdict().rules
    alone = World()
    _devices(alone, nettest, seen=True)
    alone.measure().works()
    assert "http.device_in_network" not in alone.verdict().rules
    clean = World()
    _devices(clean, nettest, seen=False)
    assert clean.verdict().state == "ok"
    assert "service.no_device_seen" in clean.verdict().rules


def test_a_header_test_whose_own_server_is_gone_shows_no_device() -> None:
    world = World()
    m = world.measure(target="http_header_field_manipulation", nettest="http_header_field_manipulation")
    m.http(None, "connection_refused", host="192.0.2.99", url="http://192.0.2.99/")
    m.step("tampering_total", True, step_target="headers")
    assert world.verdict().state == "insufficient"


def test_what_a_tool_prints_holds_no_address_of_an_endpoint(shared_data: Path) -> None:
    found = judged(read_json([shared_data / "ooni" / "nettests" / "tor.json"]))
    rows = [row for verdict in found.values() for row in (verdict.whole, *verdict.parts)]
    assert {row["host"] for row in rows} == {"tor.obfs4", "tor.or_port", "tor.dir_port", None}
    assert "38.229.1.78" not in str(rows)
