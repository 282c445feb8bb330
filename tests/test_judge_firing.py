"""Every rule of the layers fires somewhere: rules are SQL, which nothing but a measurement that meets them can check."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from itertools import count
from typing import Any

import pytest

from judge_worlds import START, TRUE, Measured, World
from wallwatch.judge import References
from wallwatch.judge.rules import RULES

LAYERS = ("dns", "tcp", "tls", "quic", "http")
#: Need a test of another kind on the network, hours of trouble, or several countries; tested with services, in
#: `test_judge_hours.py`, in `test_judge_abroad.py` and in `test_judge_lossy.py`.
ELSEWHERE = {
    "http.device_in_network",
    *(f"{layer}.fails_for_all_but_helper" for layer in ("dns", "tcp", "tls", "http")),
    *(f"{layer}.lossy_network" for layer in ("dns", "tcp", "tls", "http")),
    "dns.answered_so_abroad",
    "dns.only_ipv6_elsewhere",
    "dns.denied_over_encrypted_too",
    "tls.certificate_out_of_date",
    *(f"{layer}.shared_trouble" for layer in ("dns", "tcp", "tls", "http")),
}
LIE, NEAR, SECOND = "198.51.100.7", "203.0.113.9", "203.0.113.4"
_BACKGROUND = 4
_number = count()


def _site(world: World, **who: Any) -> Measured:
    """A measurement of a site that nobody else measures, in a network of its own."""
    number = next(_number)
    return world.measure(f"site{number}.example", network=70_000 + number, **who)


def _opens_elsewhere(world: World, target: str, clear: bool = False) -> None:
    for n in range(_BACKGROUND):
        m = world.measure(target, network=64_700 + n, country="XX", helper_failure="eof_error").dns().tcp()
        m.page(url=f"http://{target}/") if clear else m.tls()


def _fails_elsewhere(world: World, target: str, fail: Callable[[Measured], Any]) -> None:
    for n in range(10):  # two sessions in each of five countries
        country = f"X{chr(65 + n % 5)}"
        fail(world.measure(target, network=64_800 + n % 5, country=country, helper_failure="eof_error"))


def _in_each_contrast(world: World, fail: Callable[..., Any], clear: bool = False) -> None:
    """The failure where the control is fine, at a hop that only the helper followed, and where peers are fine."""
    m = _site(world)
    fail(m)
    m.helper(port=80 if clear else 443, tls=None if clear else "ok")
    m = _site(world)
    place = {"host": f"second.{m.who['target']}", "depth": 1, "ip": SECOND}
    m.dns().tcp().tls().http(302, http_location=f"https://{place['host']}/")
    fail(m, **place)
    m.page(host="third.example", depth=2, ip=NEAR).helper()
    m = _site(world, helper_failure="eof_error")
    fail(m)
    _opens_elsewhere(world, m.who["target"], clear)


def _named(where: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in where.items() if name != "ip"}


def _failures() -> World:
    world = World()
    for failure in (
        "dns_nxdomain_error",
        "dns_refused_error",
        "generic_timeout_error",
        "dns_server_misbehaving",
    ):
        _in_each_contrast(world, lambda m, failure=failure, **w: m.dns(None, failure, **_named(w)))
        _site(world, helper_failure="eof_error").dns(None, failure).dns(engine="doh")
    for failure in ("generic_timeout_error", "connection_refused", "connection_reset", "host_unreachable"):
        _in_each_contrast(world, lambda m, failure=failure, **w: m.dns(**w).tcp(failure, **w))
    for failure in ("connection_reset", "eof_error", "generic_timeout_error", "ssl_failed_handshake"):
        _in_each_contrast(
            world, lambda m, failure=failure, **w: m.dns(**w).tcp(**w).tls(failure, **w, read_count=2)
        )

    def for_name(m: Measured, **where: Any) -> None:
        m.dns(**where).tcp(**where).tls("connection_reset", **where)
        m.tls("ssl_invalid_hostname", **{**where, "host": "another.example"})

    _in_each_contrast(world, for_name)

    def clear_cut(m: Measured, failure: str, other: bool, **where: Any) -> None:
        host = where.get("host", m.who["target"])
        m.dns(**where).tcp(port=80, **where).http(None, failure, f"http://{host}/", **where)
        if other:
            m.http(url="http://another.example/", **{**where, "host": "another.example"})

    for failure in ("connection_reset", "eof_error", "generic_timeout_error"):
        _in_each_contrast(
            world, lambda m, failure=failure, **w: clear_cut(m, failure, False, **w), clear=True
        )
    _in_each_contrast(world, lambda m, **w: clear_cut(m, "connection_reset", True, **w), clear=True)
    for connects in (True, False):

        def encrypted_cut(m: Measured, connects: bool = connects, **where: Any) -> None:
            m.dns(**where)
            if connects:
                m.tcp(**where)
            m.http(None, "connection_reset", f"https://{where.get('host', m.who['target'])}/", **where)

        _in_each_contrast(world, encrypted_cut)
    _site(world).dns().tcp().tls().http(None, "generic_timeout_error").helper()
    for layer in ("tcp", "tls", "http", "dns"):

        def fail(m: Measured, layer: str = layer) -> None:
            if layer == "dns":
                m.dns(None, "dns_nxdomain_error")
                return
            m.dns().tcp("connection_refused" if layer == "tcp" else None)
            if layer == "tls":
                m.tls("connection_reset")
            if layer == "http":
                m.http(None, "connection_reset", f"http://{m.who['target']}/", port=80)

        m = _site(world, helper_failure="eof_error", country="XQ")
        fail(m)
        m = _site(world, helper_failure="eof_error", country="XQ")
        fail(m)
        _fails_elsewhere(world, m.who["target"], fail)
        m = _site(world)
        fail(m)
        if layer == "dns":
            m.helper(None, "dns_nxdomain_error", None, None, None)
        else:
            failed = "generic_timeout_error"
            m.helper(
                tcp=failed if layer == "tcp" else "ok", tls=failed if layer == "tls" else None, status=None
            )
    return world


def _answers() -> World:
    world = World()

    def bogon(m: Measured) -> Measured:
        return m.dns("10.0.0.1", ip_kind="private")

    none: dict[str, Any] = {"tcp": None, "tls": None, "status": None}
    away = {"helper_failure": "eof_error"}
    bogon(_site(world)).helper("10.0.0.1", ip_kind="private", **none)
    bogon(_site(world)).tls(ip="10.0.0.1").helper()
    m = bogon(_site(world)).tcp(ip="10.0.0.1", port=80)
    m.page(ip="10.0.0.1", url=f"http://{m.who['target']}/").helper(port=80)
    bogon(_site(world, resolver_network=15169)).dns(engine="udp").helper()
    bogon(_site(world)).helper()
    bogon(_site(world, **away)).dns(engine="doh")
    m = bogon(_site(world, **away))
    _opens_elsewhere(world, m.who["target"])
    bogon(_site(world)).helper(None, "dns_nxdomain_error", **none)
    _site(world).dns("10.0.0.1", ip_kind="private", dns_fingerprint=["nat:lie"])
    _site(world).dns(LIE, dns_fingerprint=["nat:lie"]).helper()
    _site(world, resolver_network=64_999).dns(LIE, dns_fingerprint=["nat:foreign"]).helper()
    for _ in range(6):
        _site(world, session="deaf").dns(None, "generic_timeout_error").helper()
    m = _site(world).dns(LIE)
    m.http(url=f"http://{m.who['target']}/", ip=LIE, http_fingerprint=["nat:page"]).helper()
    for n in range(5):
        m = world.measure(f"sunk{n}.example", network=65_100, session=f"sunk{n}").dns(LIE)
        m.tcp("generic_timeout_error", ip=LIE).helper()
    m = _site(world).dns(LIE).dns(LIE, engine="udp").dns(engine="udp_again").dns(engine="doh").helper()
    _site(world, **away).dns(LIE).dns(LIE, engine="udp").dns(NEAR, engine="udp_again")
    _site(world).dns().dns(LIE, engine="udp").dns(engine="udp_again").helper()
    for n in range(8):
        m = world.measure(f"early{n}.example", network=65_101, session="early")
        if n == 3:
            m.dns(LIE).dns(LIE, engine="udp", duration_seconds=0.002).dns(engine="doh")
            m.tcp("generic_timeout_error", ip=LIE).helper(tls=None)
        else:
            m.dns().dns(engine="udp", duration_seconds=0.04).tcp(duration_seconds=0.03).tls().helper()
    _site(world).dns(LIE).tls("ssl_invalid_hostname", ip=LIE).helper()
    _site(world, **away).dns(LIE).dns(engine="doh").tls("ssl_invalid_hostname", ip=LIE).tls()
    _site(world).dns(NEAR, ip_network=64999).helper().control[0]["ip_network"] = 64999
    m = _site(world).dns(NEAR).helper()
    m.control.append({"layer": "tls", "obs": 9, "host": m.who["target"], "ip": NEAR, "port": 443})
    m = _site(world).dns(NEAR).tcp("generic_timeout_error", ip=NEAR).helper()
    m.control.append(
        {
            "layer": "tcp",
            "obs": 9,
            "host": m.who["target"],
            "ip": NEAR,
            "port": 443,
            "failure": "connection_refused",
        }
    )
    _site(world, **away).dns().dns(engine="doh")
    _site(world).dns(LIE).helper(None, "dns_nxdomain_error", **none)
    _site(world).dns().dns("10.0.0.1", engine="udp", ip_kind="private").helper()
    _site(world).dns("10.0.0.1", ip_kind="private").dns("10.0.0.1", engine="udp", ip_kind="private").helper()
    _site(world).dns("10.0.0.1", ip_kind="private").dns(engine="udp").helper()
    return world


def _connections() -> World:
    world = World()
    six = "2001:db8::10"
    m = _site(world).dns().tcp("generic_timeout_error", ip=six).tcp().tls().helper()
    for layer in ("dns", "tcp"):
        m.control.append({"layer": layer, "obs": 9, "host": m.who["target"], "ip": six, "port": 443})
    _site(world).dns().tcp("network_unreachable", ip=six).tcp().helper()
    _site(world).dns().tcp("connection_refused", ip=NEAR).tcp().helper().helper(NEAR)
    _site(world).dns(LIE).tcp("connection_refused", ip=LIE).helper()
    signed = {"tls_certificate_sha256": "ab" * 32, "tls_issuer": "X"}
    for self_signed in (True, False):
        _site(world).dns().tcp().tls("ssl_unknown_authority", tls_self_signed=self_signed, **signed).helper()
    _site(world).dns().tcp().tls("ssl_invalid_hostname").helper()
    m = _site(world, helper_failure="eof_error").dns().tcp().tls("ssl_unknown_authority", **signed)
    _opens_elsewhere(world, m.who["target"])
    m = _site(world).dns().tcp().tls("ssl_unknown_authority", tls_certificate_sha256="cd" * 32)
    for n in range(4):
        world.measure(m.who["target"], network=64_900 + n).dns().tcp().tls(tls_certificate_sha256="cd" * 32)
    for session in range(4):
        m = world.measure("one.example", network=65_100, session=f"one{session}").dns().tcp()
        m.tls("ssl_unknown_authority" if session == 0 else None).helper()
    _site(world).dns().tcp().tls("connection_reset", ip=NEAR).tls().helper()
    valid = {"tls_not_before": START.replace(year=2027), "tls_not_after": START.replace(year=2028)}
    m = _site(world, received=START.replace(year=2027, month=9)).dns().tcp()
    m.tls("ssl_invalid_certificate", tls_matches_name=True, **valid).helper()
    for failure in (None, "generic_timeout_error"):
        m = _site(world).dns().tcp().tls().helper()
        m.seen.append(
            {"layer": "quic", "obs": 9, "host": m.who["target"], "ip": TRUE, "port": 443, "failure": failure}
        )
    signal = world.measure("signal", network=65_200, nettest="signal", nettest_version="0.2.5", input=None)
    place = {"host": "chat.signal.org", "ip": NEAR}
    signal.dns(**place).tcp(**place).tls("ssl_unknown_authority", **place, tls_issuer="Signal Messenger CA")
    for n in range(4):
        for site in range(4):
            world.measure(f"root{site}.example", network=65_300 + n).dns().tcp().tls()
            m = world.measure(f"root{site}.example", network=65_300 + n, software="old 1.0").dns().tcp()
            m.tls("ssl_unknown_authority")
    return world


def _slow() -> World:
    """Eight sites on some networks, two sessions each; the first network slows two of them."""
    world = World()
    for network in range(4):
        for number in range(8):
            for session in range(2):
                slow = network == 0 and number in (2, 3)
                seconds = 6.0 if slow else 0.1
                # One of the slow ones is at the address of a quick one.
                ip = {2: NEAR, 1: NEAR, 3: SECOND}.get(number, f"192.0.2.{20 + number}")
                m = world.measure(
                    f"pace{number}.example", network=66_000 + network, session=f"p{network}-{session}"
                )
                m.dns(ip).tcp(ip=ip).tls(ip=ip, duration_seconds=seconds)
                m.http(url=f"http://pace{number}.example/", ip=ip, duration_seconds=seconds).helper(ip)
    return world


def _pages() -> World:
    world = World()

    def clear(**more: Any) -> Measured:
        m = _site(world, **more.pop("who", {}))
        return m.dns().tcp(port=80).http(url=f"http://{m.who['target']}/", **more)

    for more in (
        {"http_fingerprint": ["nat:page"]},
        {"status": 302, "http_fingerprint": ["nat:page"], "http_location": "http://x.example/"},
        {"status": 302, "http_location": "http://10.1.1.1/"},
        {"http_fingerprint": ["inst:school"]},
        {"http_fingerprint": ["vbw:words", "fp:harmless"]},
        {"http_title": "Access denied", "http_body_length": 500, "http_header_names": "via"},
        {"http_body_length": 0},
        {"http_title": "The site", "http_body_length": 20_000},
        {"http_title": "Die Seite", "http_body_length": 19_000, "http_header_names": "date etag server x-a"},
        {"status": 403, "http_title": "No", "http_body_length": 90},
        {"status": 302, "failure": "unknown_failure", "failure_text": "stopped after too many redirects"},
        {"status": None, "failure": "connection_refused"},
    ):
        clear(**more).helper(port=80, tls=None)
    clear(http_fingerprint=["nat:foreign"]).helper(port=80, tls=None)
    m = _site(world).dns().tcp(port=80).tcp().tls()
    m.http(None, "connection_reset", f"http://{m.who['target']}/", port=80).helper(port=80)
    _site(world).dns().tcp().tls().http(403).helper()
    _site(world).works()
    for title, hits in (("Hinweis", ["nat:page"]), ("Access denied", None)):
        m = clear(status=302, http_location="http://notice.example/")
        place = {
            "host": "notice.example",
            "depth": 1,
            "ip": LIE,
            "http_fingerprint": hits,
            "http_title": title,
        }
        m.http(200, url="http://notice.example/", http_body_length=700, http_header_names="via", **place)
        m.helper(port=80, tls=None)
    for n in range(5):
        who = {"network": 65_400, "session": f"same{n}"}
        m = world.measure(f"same{n}.example", **who).dns().tcp(port=80)
        page = {
            "http_body_sha256": "ab",
            "http_body_length": 700,
            "http_title": "N",
            "http_header_names": "via",
        }
        m.http(url=f"http://same{n}.example/", **page).helper(port=80, tls=None)
        m = world.measure(f"sent{n}.example", **who).dns().tcp(port=80)
        m.http(302, url=f"http://sent{n}.example/", http_location="http://land.example/")
        m.http(200, url="http://land.example/", host="land.example", depth=1, ip=LIE, **page)
        m.helper(port=80, tls=None)
    telegram = world.measure(
        "telegram", network=65_500, nettest="telegram", nettest_version="0.3.1", input=None
    )
    telegram.tcp(ip=LIE, host=LIE).http(501, url=f"http://{LIE}:80/", host=LIE, ip=LIE)
    return world


def _quic_handshakes() -> World:
    """Hosts that are tried over QUIC, some over TCP as well: they fail here, elsewhere or in the control."""
    world = World()

    def shake(target: str, network: int, session: str, failure: str | None, tcp: bool = False) -> Measured:
        m = world.measure(
            target, network=network, session=session, country="XW" if network < 67_100 else "XX"
        ).dns()
        if tcp:
            m.tcp().tls()
        values = {
            "layer": "quic",
            "obs": len(m.seen),
            "host": target,
            "ip": TRUE,
            "port": 443,
            "ip_kind": "global",
        }
        m.seen.append({**values, "failure": failure})
        return m

    def helped(m: Measured, failure: str | None) -> None:
        m.helper(tcp=None, tls=None, status=None)
        values = {"layer": "quic", "host": m.who["target"], "ip": TRUE, "port": 443, "failure": failure}
        m.control.append({**values, "obs": len(m.control)})

    lost = "generic_timeout_error"
    for number in range(6):
        for target, failure in (("fine.example", None), ("gone.example", lost)):
            shake(target, 67_100 + number // 2, f"e{number}", failure)
    for tcp in (False, True):
        for target in ("fine.example", "gone.example"):
            shake("other.example", 67_000, f"s{target}{tcp}", None)
            shake(target, 67_000, f"s{target}{tcp}", lost, tcp)
        for failure in (None, lost):
            shake("other.example", 67_000, f"h{failure}{tcp}", None)
            helped(shake("helped.example", 67_000, f"h{failure}{tcp}", lost, tcp), failure)
    for session in range(2):
        for target in ("fine.example", "gone.example", "helped.example"):
            shake(target, 67_001, f"n{session}", lost)
    shake("fine.example", 67_002, "alone", lost)
    shake("unknown.example", 67_002, "unknown", lost)
    return world


WORLDS = (_failures, _answers, _connections, _slow, _pages, _quic_handshakes)


def _fired() -> Iterator[str]:
    references = References.load(expected={"nat:foreign": ["YY"]})
    for build in WORLDS:
        for verdict in build().judge(references).values():
            for part in verdict.parts:
                yield from part["rules"]


@cache
def fired() -> frozenset[str]:
    return frozenset(_fired())


@pytest.mark.parametrize(
    "rule", [rule.id for rule in RULES if rule.layer in LAYERS and rule.id not in ELSEWHERE]
)
def test_a_measurement_makes_it_fire(rule: str) -> None:
    assert rule in fired()
