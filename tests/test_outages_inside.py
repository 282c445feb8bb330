"""What measurements from inside a country add to signals: traps S3 and C7."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from wallwatch.detect.outages import outages
from wallwatch.detect.outages_inside import domestic_stretches
from wallwatch.schema import MEASUREMENTS, SIGNALS, VERDICTS

START = datetime(2024, 3, 4, tzinfo=UTC)
TARGETS = [f"site{n}.example" for n in range(8)]


class Inside:
    """Volunteers' sessions in a made-up country: who measured when, whether the helper answered, what worked."""

    def __init__(self, *, per_day: int = 60, days: int = 12, networks: int = 6) -> None:
        self.random = np.random.default_rng(11)
        self.per_day, self.days, self.networks = per_day, days, networks
        self.silent = (1e9, 1e9)
        self.cut = (1e9, 1e9)
        self.domestic = {"site0.example", "site1.example"}
        self.helper_down = (1e9, 1e9)
        self.answering = set(range(99))
        self.broken: set[str] = set()
        self.unjudged: set[str] = set()
        self.services = (1e9, 1e9)

    def connect(self, signals: pa.Table | None = None) -> duckdb.DuckDBPyConnection:
        """A connection with the views `measurements`, `verdicts` and `signals`."""
        measurements: list[dict[str, Any]] = []
        verdicts: list[dict[str, Any]] = []
        for number in range(self.per_day * self.days):
            hour = float(self.random.uniform(0, self.days * 24))
            if self.silent[0] <= hour < self.silent[1]:
                continue
            cut = self.cut[0] <= hour < self.cut[1]
            no_helper = cut or self.helper_down[0] <= hour < self.helper_down[1]
            network = 64500 + int(self.random.integers(self.networks))
            for target in self.random.choice(TARGETS, 4, replace=False).tolist():
                works = not cut or (target in self.domestic and network - 64500 in self.answering)
                works = works and target not in self.broken
                same = {
                    "measurement_id": f"{number}-{target}",
                    "time": START + timedelta(hours=hour),
                    "country": "XA",
                    "network": network,
                    "session": f"s{number}",
                    "target": target,
                    "nettest": "web_connectivity",
                    "file_id": "0" * 16,
                    "line": len(measurements) + 1,
                }
                failure = "connection_refused" if no_helper else None
                measurements.append(
                    {
                        **same,
                        "helper": "https://helper.example",
                        "helper_failure": failure,
                        "observations": 1,
                        "controls": 0,
                    }
                )
                state, flags = ("ok", []) if works else ("insufficient", ["probe_offline"])
                if target in self.broken:
                    state, flags = "down", []
                elif no_helper and target in self.unjudged:
                    state, flags = "insufficient", []
                verdicts.append(
                    {
                        **same,
                        "layer": "all",
                        "state": state,
                        "flags": flags,
                        "service": target,
                        "mechanisms": [],
                    }
                )
            if self.services[0] <= hour < self.services[1]:
                same = {**same, "measurement_id": f"{number}-chat", "target": "chat", "nettest": "chat"}
                measurements.append({**same, "observations": 1, "controls": 0})
                verdicts.append(
                    {**same, "layer": "all", "state": "ok", "flags": [], "service": "chat", "mechanisms": []}
                )
        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        con.register("measurements", pa.Table.from_pylist(measurements, _loose(MEASUREMENTS.arrow)))
        con.register("verdicts", pa.Table.from_pylist(verdicts, _loose(VERDICTS.arrow)))
        con.register("signals", SIGNALS.empty() if signals is None else signals)
        return con

    def find(self, signals: pa.Table | None = None) -> list[dict[str, Any]]:
        """The outages found."""
        rows: list[dict[str, Any]] = outages(self.connect(signals)).to_pylist()
        return rows


def _loose(schema: pa.Schema) -> pa.Schema:
    """The schema with plain strings, all nullable: enough for a view."""
    plain = [pa.field(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    return pa.schema(plain)


def national(begin: float, end: float, days: int = 12) -> pa.Table:
    """A national series that loses nearly everything from one hour to another."""
    hours = np.arange(days * 24)
    noise = np.random.default_rng(3).normal(0, 0.01, len(hours))
    value = 500 * np.where((hours >= begin) & (hours < end), 0.05, 1.0) * (1 + noise)
    size = len(hours)
    return SIGNALS.from_columns(
        {
            "file_id": ["1" * 16] * size,
            "line": list(range(1, size + 1)),
            "signal": ["ioda.ping-slash24"] * size,
            "country": ["XA"] * size,
            "time": [START + timedelta(hours=int(h)) for h in hours],
            "step_seconds": [3600] * size,
            "value": value,
            "unit": ["count"] * size,
        },
        size,
    )


def test_s3_domestic_targets_answer_and_foreign_ones_do_not() -> None:
    world = Inside()
    world.cut = (150, 210)
    (found,) = world.find()
    assert (found["kind"], found["scope"], found["parent"]) == ("domestic_only", "country", None)
    assert abs(found["onset_best"] - START - timedelta(hours=150)) < timedelta(hours=3)
    assert abs(found["end_best"] - START - timedelta(hours=210)) < timedelta(hours=3)
    assert found["onset_earliest"] <= START + timedelta(hours=150) <= found["onset_latest"]
    assert found["depth"] == pytest.approx(0.75, abs=0.06)
    assert any("site0.example" in sentence for sentence in found["reasons"])
    assert any("No signal from outside" in sentence for sentence in found["against"])


def test_s3_a_shutdown_that_was_domestic_only_all_along_is_of_that_kind() -> None:
    world = Inside()
    world.cut = (150, 210)
    (found,) = world.find(national(150, 210))
    assert found["kind"] == "domestic_only"
    assert "ioda.ping-slash24" in found["signals"]


def test_s3_a_later_phase_is_told_beside_the_shutdown() -> None:
    world = Inside()
    world.silent, world.cut = (130, 160), (160, 210)
    rows = {row["kind"]: row for row in world.find(national(130, 210))}
    assert set(rows) == {"shutdown", "domestic_only"}
    assert rows["domestic_only"]["parent"] == rows["shutdown"]["outage_id"]


def test_s3_stretches_are_the_same_however_many_measurements_are_looked_at_together() -> None:
    here, there = Inside(), Inside(networks=4)
    here.cut, there.cut = (150, 210), (80, 131)
    there.domestic, there.broken = {"site2.example"}, {"site5.example"}
    con = two_countries(here, there)
    together = domestic_stretches(con)
    assert [stretch.country for stretch in together] == ["XA", "XB"]
    assert [domestic_stretches(con, so_many) for so_many in (1, 200, 700)] == [together] * 3


def test_j29_a_helper_that_is_down_alone_is_no_outage() -> None:
    world = Inside()
    world.helper_down = (150, 210)
    assert world.find() == []


def test_j29_targets_that_cannot_be_judged_without_a_helper_are_not_targets_that_fail() -> None:
    world = Inside()
    world.helper_down, world.unjudged = (150, 210), set(TARGETS[2:])
    assert world.find() == []


def test_j29_targets_that_fail_all_the_time_say_nothing_of_the_time_without_a_helper() -> None:
    world = Inside()
    world.helper_down, world.broken = (150, 210), set(TARGETS[3:])
    assert world.find() == []


def test_j29_services_abroad_that_work_rule_out_that_only_domestic_targets_answer() -> None:
    world = Inside()
    world.cut = world.services = (150, 210)
    assert world.find() == []


def test_s3_one_network_with_answers_is_not_most() -> None:
    world = Inside()
    world.cut, world.answering = (150, 210), {3}
    assert world.find() == []


def test_s3_nothing_that_answers_is_no_intranet() -> None:
    world = Inside()
    world.cut, world.domestic = (150, 210), set()
    assert [row["kind"] for row in world.find()] == []


def test_s3_while_it_lasts_the_end_is_open() -> None:
    world = Inside()
    world.cut = (150, 1e9)
    (found,) = world.find()
    assert found["end_best"] is None


def test_c7_volunteers_who_fall_silent_support_a_shutdown_and_make_none() -> None:
    world = Inside(per_day=240)
    world.silent = (150, 200)
    assert world.find() == []
    (found,) = world.find(national(150, 200))
    assert found["kind"] == "shutdown"
    assert found["signals"] == ["ioda.ping-slash24", "measurements"]
    alone = Inside(per_day=4).find(national(150, 200))
    assert found["probability"] > alone[0]["probability"]
    assert any("One source only" in sentence for sentence in found["against"])


def two_countries(here: Inside, there: Inside) -> duckdb.DuckDBPyConnection:
    """One connection with the volunteers of two countries, XA and XB."""
    con, other = here.connect(), there.connect()
    for name in ("measurements", "verdicts"):
        more = other.sql(
            f"SELECT * REPLACE ('XB' AS country, 'XB-' || measurement_id AS measurement_id) FROM {name}"
        ).to_arrow_table()
        con.register("more", more)
        con.execute(f"CREATE TABLE both_{name} AS SELECT * FROM {name} UNION ALL BY NAME SELECT * FROM more")
        con.unregister(name)
        con.unregister("more")
        con.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM both_{name}")
    return con


def test_c7_nobody_uploads_while_others_do_and_a_shutdown_is_suspected() -> None:
    here = Inside(per_day=240)
    here.silent = (150, 200)
    (found,) = outages(two_countries(here, Inside(per_day=240))).to_pylist()
    assert (found["country"], found["kind"], found["rule"]) == ("XA", "disruption", "volunteers_silent")
    assert found["probability"] < 0.5
    assert abs(found["onset_best"] - (START + timedelta(hours=150))) <= timedelta(hours=3)
    assert any("suspicion of a shutdown" in sentence for sentence in found["against"])
    assert any("unblocked" in sentence for sentence in found["against"])


def test_c7_one_busy_volunteer_who_rests_is_no_suspicion() -> None:
    here = Inside(per_day=240, networks=2)
    here.silent = (150, 200)
    assert outages(two_countries(here, Inside(per_day=240))).to_pylist() == []


def test_s8_a_collector_that_takes_nothing_from_anybody_is_no_suspicion() -> None:
    here, there = Inside(per_day=240), Inside(per_day=240)
    here.silent = there.silent = (150, 200)
    assert outages(two_countries(here, there)).to_pylist() == []
