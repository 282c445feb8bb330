"""Each trap that concerns judging, time, QUIC or signals has a small world of its own."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from wallwatch import simulate

#: X is about damaged files; each other trap has a world.
EXPECTED = (
    *(f"J{n}" for n in range(1, 32)),
    *(f"C{n}" for n in range(1, 19)),
    *(f"Q{n}" for n in range(1, 4)),
    *(f"S{n}" for n in range(1, 12)),
)


def lines(raw: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in sorted(raw.rglob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]


def truth(written: simulate.Written, name: str) -> list[dict[str, str]]:
    with (written.truth / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_trap_has_a_scenario() -> None:
    assert set(simulate.SCENARIOS) == set(EXPECTED)
    assert all(name == scenario.trap and scenario.title for name, scenario in simulate.SCENARIOS.items())


@pytest.mark.parametrize("trap", EXPECTED)
def test_every_scenario_can_be_planned(trap: str) -> None:
    plan = simulate.SCENARIOS[trap].plan()
    assert plan.days == 8
    hosts = {site.host for site in plan.sites}
    known = hosts | set(plan.services) | set(plan.tools)
    assert all(set(restriction.targets) <= known for restriction in plan.restrictions)


@pytest.mark.parametrize("trap", ["J2", "J4", "J8", "J21", "J28", "C3", "C6", "C16", "S10"])
def test_a_scenario_is_written_with_its_truth(trap: str, tmp_path: Path) -> None:
    written = simulate.SCENARIOS[trap].write(tmp_path, seed=2, days=4)
    found = lines(written.raw)
    assert len(found) == written.measurements > 100
    assert {row["measurement_id"] for row in truth(written, "verdicts.csv")} == {
        measurement["measurement_uid"] for measurement in found
    }


def test_c16_a_block_that_moves_is_one_event(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["C16"].write(tmp_path, seed=2)
    (event,) = truth(written, "events.csv")
    assert event["mechanisms"] == "tcp.timeout;tls.reset"
    assert event["end"] == ""


def test_c10_a_service_that_breaks_everywhere_is_no_restriction(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["C10"].write(tmp_path, seed=2)
    assert {row["kind"] for row in truth(written, "events.csv")} == {"service_outage"}
    states = {row["truth_state"] for row in truth(written, "verdicts.csv") if "C10" in row["trap"]}
    assert states == {"down"}


def test_c3_one_volunteer_says_that_it_works(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["C3"].write(tmp_path, seed=2)
    rows = [row for row in truth(written, "verdicts.csv") if row["target"] == "target.test"]
    in_network = [row["truth_state"] for row in rows if row["network"] == "64496"]
    assert 0 < in_network.count("ok") < in_network.count("likely_blocked")


def test_c6_a_site_is_listed_for_half_the_time(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["C6"].write(tmp_path, seed=2)
    times = {
        host: [row["time"] for row in truth(written, "verdicts.csv") if row["target"] == host]
        for host in ("target.test", "www0.example")
    }
    assert max(times["www0.example"]) < min(times["target.test"])


def test_j8_queries_go_to_a_public_resolver(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["J8"].write(tmp_path, seed=2, days=4)
    assert {m["resolver_asn"] for m in lines(written.raw)} == {"AS65550"}
    blocked = {row["locus"] for row in truth(written, "verdicts.csv") if row["restriction"]}
    assert blocked == {"network"}


def test_s11_a_shutdown_of_which_half_lasts_has_no_end(tmp_path: Path) -> None:
    written = simulate.SCENARIOS["S11"].write(tmp_path, seed=2)
    (outage,) = truth(written, "outages.csv")
    assert (outage["kind"], outage["end"]) == ("shutdown", "")
