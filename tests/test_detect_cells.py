"""Cells: counts by state, one vote a session, resolvers apart."""

from __future__ import annotations

import json
from typing import Any

from detect_worlds import World, at
from wallwatch import detect
from wallwatch.schema import CELLS


def cells(world: World, **where: Any) -> list[dict[str, Any]]:
    with world.connect() as con:
        table = detect.cells(con).order("hour, layer, resolver_network").to_arrow_table()
    assert table.column_names == list(CELLS.names)
    return [row for row in table.to_pylist() if all(row[name] == value for name, value in where.items())]


def test_states_and_rules_are_counted() -> None:
    world = World()
    for state in ("blocked", "likely_blocked", "impaired", "down", "ok", "ok", "insufficient"):
        world.measure(at(0, 1.5), state)
    (cell,) = cells(world, layer="all")
    counted = {
        state: cell[state]
        for state in ("blocked", "likely_blocked", "impaired", "down", "ok", "insufficient")
    }
    assert counted == {
        "blocked": 1,
        "likely_blocked": 1,
        "impaired": 1,
        "down": 1,
        "ok": 2,
        "insufficient": 1,
    }
    assert cell["hour"] == at(0, 1)
    assert (cell["sessions"], cell["votes"]) == (6, 6.0)
    assert (cell["votes_blocked"], cell["votes_artefact"]) == (2.0, 1.0)
    assert cell["mechanisms"] == ["tls.timeout"]
    assert json.loads(cell["rule_counts"])["test.ok"] == 2
    assert list(json.loads(cell["rule_counts"])) == sorted(json.loads(cell["rule_counts"]))
    assert cell["lag_seconds"] == 120


def test_c1_a_session_has_one_vote_shared_among_its_states() -> None:
    world = World()
    world.measure(at(0), "likely_blocked", session="one", count=750)
    world.measure(at(0), "ok", session="one", count=250)
    world.measure(at(0), "ok", session="other")
    world.measure(at(0), "insufficient", session="third")
    (cell,) = cells(world, layer="all")
    assert (cell["sessions"], cell["votes"], cell["votes_blocked"]) == (2, 2.0, 0.75)


def test_of_several_hosts_the_worst_counts_once() -> None:
    world = World()
    world.measure(at(0), "blocked", layers={"tls": "blocked"})
    second = {**world.rows[-1], "host": "other.example", "state": "ok", "mechanisms": []}
    world.rows.append(second)
    (cell,) = cells(world, layer="tls")
    assert (cell["blocked"], cell["ok"]) == (1, 0)


def test_c5_dns_is_counted_by_the_resolvers_network_and_other_layers_are_not() -> None:
    world = World()
    for resolver in (64500, 15169):
        world.measure(at(0), layers={"dns": "ok", "tls": "ok"}, resolver=resolver)
    assert [cell["resolver_network"] for cell in cells(world, layer="dns")] == [15169, 64500]
    (cell,) = cells(world, layer="tls")
    assert (cell["resolver_network"], cell["ok"]) == (None, 2)


def test_x4_flagged_untimed_and_unplaced_rows_stay_out() -> None:
    world = World()
    world.measure(at(0), flags=["time_future"])
    world.measure(at(0))
    world.rows[-1]["network"] = None
    world.rows[-2]["network"] = None
    assert cells(world) == []


def test_credentialed_probes_are_counted_once() -> None:
    world = World()
    for probe in ("a", "a", "b", None):
        world.measure(at(0), probe_id=probe)
    (cell,) = cells(world, layer="all")
    assert cell["credentialed"] == 2
