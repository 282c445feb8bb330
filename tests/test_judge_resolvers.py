"""What a resolver does is told from what a network does, in measurements as probes upload them (traps J7, J18, J20)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from judge_worlds import Verdict, judged, read_json
from raw_worlds import web

NOON = datetime(2025, 5, 13, 11, 40, tzinfo=UTC)
SITES = tuple(
    f"{word}.{end}"
    for end in ("example.org", "example.net")
    for word in ("radio", "shop", "party", "bank", "union", "maps", "poetry", "water", "chess", "letters")
)


def _verdicts(documents: list[dict[str, Any]]) -> list[Verdict]:
    """One for each document, in their order."""
    found = judged(read_json(documents))
    return sorted(found.values(), key=lambda verdict: (verdict.time, verdict.input))


def _session(fails: str, failure: str = "generic_timeout_error", **more: Any) -> list[dict[str, Any]]:
    """One session: `.` for each site whose name is answered, `x` for each that is asked for in vain."""
    return [
        web(
            SITES[number],
            NOON + timedelta(seconds=20 * number),
            "20250513T114000Z_web",
            failure=failure if mark == "x" else None,
            **more,
        )
        for number, mark in enumerate(fails)
    ]


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("failure", ["generic_timeout_error", "dns_refused_error", "dns_servfail_error"])
@pytest.mark.parametrize(
    "fails", [".........xxxxxxxxxxx", ".x.......xxxxxxxxxxx", "xxxxxxx.............", ".....xxxxxxxx......."]
)
def test_j20_a_resolver_that_dies_within_a_session_accuses_no_site(
    fails: str, failure: str, second: bool
) -> None:
    found = _verdicts(_session(fails, failure, probe=("BR", 64520), second=second))
    longest = max(fails.split("."), key=len)
    dead = found[fails.index(longest) :][: len(longest)]
    assert not any(verdict.accuses for verdict in dead)
    if not second:
        assert {(v.state, v.locus, tuple(v.flags)) for v in dead} == {
            ("insufficient", "resolver", ("resolver_silent",))
        }
    alone = [
        verdict for verdict, mark in zip(found, fails, strict=True) if mark == "." or verdict not in dead
    ]
    assert all(verdict.flags == [] for verdict in alone)


@pytest.mark.parametrize("fails", ["..xxx.xx..x.xxx.x..x", "xxxxx.xxxxx.xxxxx.xx", "...xxxxx............"])
def test_j10_a_resolver_that_drops_certain_names_blocks_them(fails: str) -> None:
    """Names asked in between are answered."""
    found = _verdicts(_session(fails, probe=("TG", 64521)))
    assert [v.state for v in found] == ["likely_blocked" if mark == "x" else "ok" for mark in fails]
    assert {m for v in found for m in v.mechanisms} == {"dns.timeout"}
