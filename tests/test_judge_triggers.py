"""What triggers interference: a name is claimed only where the same address serves other names (traps J11, J26, C3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from judge_worlds import START, TRUE, Verdict, World

OTHER = "other.example"


def _reset(world: World, session: str, network: int = 64500) -> Verdict:
    m = world.measure(session=session, network=network).dns().tcp().tls("connection_reset").helper()
    return world.judge()[m.who["measurement_id"]]


def test_j11_another_name_of_the_same_session_shows_the_trigger() -> None:
    world = World()
    world.measure(OTHER, session="s").dns().tcp().tls().page().helper()
    verdict = _reset(world, "s")
    assert (verdict.state, verdict.mechanisms) == ("likely_blocked", ["tls.reset.sni"])
    assert "tls.reset_for_name_control_ok" in verdict.rules


def test_j11_a_handshake_with_another_name_shows_it_though_the_certificate_is_not_for_it() -> None:
    world = World()
    m = world.measure().dns().tcp().tls("connection_reset").tls("ssl_invalid_hostname", host=OTHER).helper()
    assert world.judge()[m.who["measurement_id"]].mechanisms == ["tls.reset.sni"]


@pytest.mark.parametrize(("others", "path"), [(1, "tls.reset"), (2, "tls.reset"), (3, "tls.reset.sni")])
def test_c3_other_sessions_show_it_when_there_are_several(others: int, path: str) -> None:
    world = World()
    for number in range(others):
        world.measure(OTHER, session=f"o{number}").dns().tcp().tls().page().helper()
    assert _reset(world, "s").mechanisms == [path]


def test_j11_other_networks_and_other_addresses_show_nothing() -> None:
    world = World()
    for number in range(4):
        world.measure(OTHER, session=f"o{number}", network=64600).dns().tcp().tls().page().helper()
        m = world.measure(OTHER, session=f"p{number}").dns("203.0.113.9").tcp(ip="203.0.113.9")
        m.tls(ip="203.0.113.9").helper("203.0.113.9")
    assert _reset(world, "s").mechanisms == ["tls.reset"]


def test_the_host_in_clear_text_is_the_trigger_where_the_session_shows_it() -> None:
    world = World()
    world.measure(OTHER, session="s").dns().tcp(port=80).page(url=f"http://{OTHER}/").helper(port=80)
    m = world.measure(session="s").dns().tcp(port=80)
    m.http(None, "connection_reset", "http://site.example/").helper(port=80)
    assert world.judge()[m.who["measurement_id"]].mechanisms == ["http.reset.host"]


def _slow(layer: str, shared: bool, sessions: int, seconds: float = 6.0) -> dict[tuple[str, int], Verdict]:
    """Eight sites on four networks; one is slowed on the first, and may share its address with a quick one."""
    world = World()
    for network in range(64600, 64604):
        for number in range(8):
            for session in range(sessions):
                ip = TRUE if number == 3 or (shared and number == 4) else f"203.0.113.{number + 1}"
                takes = seconds if number == 3 and network == 64600 else 0.1
                m = world.measure(f"site{number}.example", network, session=f"s{network}-{session}").dns(ip)
                if layer == "tls":
                    m.tcp(ip=ip).tls(ip=ip, duration_seconds=takes).page(ip=ip).helper(ip)
                else:
                    m.tcp(ip=ip, port=80)
                    m.page(url=f"http://site{number}.example/", ip=ip, duration_seconds=takes).helper(
                        ip, port=80
                    )
    return {(v.target, v.network): v for v in world.judge().values() if v.state != "ok"}


@pytest.mark.parametrize(
    ("layer", "shared", "path"),
    [
        ("tls", False, "tls.throttle"),
        ("tls", True, "tls.throttle.sni"),
        ("http", False, "http.throttle"),
        ("http", True, "http.throttle.host"),
    ],
)
def test_j26_slowed_in_two_sessions(layer: str, shared: bool, path: str) -> None:
    found = _slow(layer, shared, 2)
    assert {key: (v.state, v.mechanisms) for key, v in found.items()} == {
        ("site3.example", 64600): ("impaired", [path])
    }


def test_j26_slow_once_is_chance_and_a_little_slower_is_nothing() -> None:
    assert _slow("tls", True, 1) == {}
    assert _slow("tls", True, 3, 0.7) == {}


def test_j26_the_first_day_of_slowing_counts() -> None:
    """Six sessions were quick on the days before; from then on four are slow."""
    world = World()
    for network in range(64600, 64604):
        for number in range(8):
            for session, day in enumerate((-3, -3, -2, -2, -1, -1, 0, 0, 1, 1)):
                takes = 6.0 if number == 3 and network == 64600 and day >= 0 else 0.1
                m = world.measure(
                    f"site{number}.example",
                    network,
                    session=f"s{network}-{session}",
                    time=START + timedelta(days=day, minutes=session),
                )
                m.dns().tcp().tls(duration_seconds=takes).page().helper()
    slowed = [v for v in world.judge().values() if v.state == "impaired"]
    assert len(slowed) == 4
