"""Outages told from what only looks like them: the traps S1 to S11, in small made-up countries."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from wallwatch.detect.outages import outage_timeline, outages
from wallwatch.detect.outages_faults import faults
from wallwatch.detect.outages_kinds import BESIDE, RULES, kind_rule
from wallwatch.detect.outages_series import Grid
from wallwatch.schema import OUTAGES, SIGNALS

START = datetime(2024, 3, 4, tzinfo=UTC)  # a Monday
Loss = Callable[[np.ndarray, int], np.ndarray]  # hours since START, number of the place → share left


def steady(hours: np.ndarray, place: int) -> np.ndarray:
    """Nothing is lost."""
    return np.ones_like(hours)


class World:
    """Made-up signals: places that follow a rhythm, scatter, and lose what a story takes from them."""

    def __init__(self, seed: int = 1, days: int = 14) -> None:
        self.random = np.random.default_rng(seed)
        self.days = days
        self.tables: list[pa.Table] = []

    def add(
        self,
        story: Loss = steady,
        *,
        country: str = "XA",
        regions: int = 8,
        places: int = 2,
        signal: str = "monash.connectivity",
        unit: str = "index_100",
        step: int = 3600,
        normal: float = 97.0,
        night: float = 0.08,
        noise: float = 0.02,
        quantum: float = 0.0,
        network: int | None = None,
        edit: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
        growth: float = 0.0,
        weekend: float = 0.0,
        national: bool = False,
    ) -> World:
        """Adds a source's series for a country."""
        hours = np.arange(0, self.days * 24, step / 3600)
        rows = []
        for region in range(1 if national else regions):
            for place in range(1 if national else places):
                rhythm = 1 - night * (0.5 + 0.5 * np.cos((hours - 3) / 24 * 2 * math.pi))
                rhythm *= 1 - weekend * np.isin((hours // 24) % 7, [5, 6])
                level = normal * rhythm * (1 + growth * hours / 24) * story(hours, region * places + place)
                if unit in ("count", "users"):
                    values = self.random.poisson(
                        level * np.exp(self.random.normal(0, noise, len(hours)))
                    ).astype(float)
                else:
                    values = level + self.random.standard_t(4, len(hours)) * noise * normal * np.sqrt(
                        np.maximum(level / normal, 0.02)
                    )
                    top = {"index_100": 100.0, "index_10": 10.0, "share": 1.0}.get(unit, np.inf)
                    values = np.clip(values, 0, top)
                if quantum:
                    values = np.round(values / quantum) * quantum
                if edit is not None:
                    values = edit(hours, values)
                rows.append(
                    (None if national else f"Région {region}", None if national else f"Place {place}", values)
                )
        length = len(hours)
        times = [START + timedelta(seconds=round(h * 3600)) for h in hours]
        for region_name, place_name, values in rows:
            self.tables.append(
                SIGNALS.from_columns(
                    {
                        "file_id": ["0" * 16] * length,
                        "line": list(range(2, length + 2)),
                        "signal": [signal] * length,
                        "country": [country] * length,
                        "region": [region_name] * length,
                        "place": [place_name] * length,
                        "network": [network] * length,
                        "time": times,
                        "step_seconds": [step] * length,
                        "value": pa.array(values, from_pandas=True),
                        "unit": [unit] * length,
                    },
                    length,
                )
            )
        return self

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection with the view `signals`."""
        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        con.register(
            "signals", pa.concat_tables(t.cast(SIGNALS.arrow) for t in self.tables).unify_dictionaries()
        )
        return con

    def find(self) -> list[dict[str, Any]]:
        """The outages found."""
        table = outages(self.connect())
        assert table.schema.equals(OUTAGES.arrow)
        rows: list[dict[str, Any]] = table.to_pylist()
        assert len({row["outage_id"] for row in rows}) == len(rows)
        for row in rows:
            assert 0 <= row["depth"] <= 1
            assert 0 <= row["probability"] <= 1
            assert row["reasons"]
            for name in ("onset", "end"):
                if row[f"{name}_best"] is not None:
                    assert row[f"{name}_earliest"] <= row[f"{name}_best"] <= row[f"{name}_latest"]
        return rows


def cut(
    begin: float, end: float, left: float = 0.03, hit: Callable[[int], bool] = lambda place: True
) -> Loss:
    """A sharp loss of some places from one hour to another."""

    def story(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where((hours >= begin) & (hours < end) & hit(place), left, 1.0)

    return story


def at(hour: float) -> datetime:
    """The moment so many hours after the start."""
    return START + timedelta(hours=hour)


def nationals(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["scope"] == "country"]


NORMALS: dict[str, dict[str, Any]] = {
    "index of 100": {},
    "index of 10 in whole steps": {"unit": "index_10", "normal": 9.6, "quantum": 1.0, "noise": 0.03},
    "three-hourly": {"step": 10_800},
    "counts": {"unit": "count", "normal": 400.0, "signal": "ioda.ping-slash24"},
    "ten minutes": {"step": 600, "regions": 3, "places": 1},
    "share": {"unit": "share", "normal": 0.97, "signal": "csv"},
}


@pytest.mark.parametrize("name", NORMALS)
def test_s1_a_national_shutdown_is_found_within_one_bin(name: str) -> None:
    options = NORMALS[name]
    step = timedelta(seconds=options.get("step", 3600))
    rows = World(days=10).add(cut(129, 180), **options).find()
    (nation,) = nationals(rows)
    assert nation["kind"] == "shutdown"
    assert abs(nation["onset_best"] - at(129)) <= step
    assert nation["onset_earliest"] <= at(129) + step
    assert nation["onset_latest"] >= at(129)
    assert abs(nation["end_best"] - at(180)) <= step
    assert nation["depth"] == pytest.approx(0.97, abs=0.04)
    regions = [row for row in rows if row["scope"] == "region"]
    assert len(regions) == options.get("regions", 8)
    assert {row["parent"] for row in regions} == {nation["outage_id"]}
    assert {row["kind"] for row in regions} == {"shutdown"}
    assert any("One source only" in sentence for sentence in nation["against"])


def test_s1_signals_that_fall_together_are_one_outage() -> None:
    story = cut(130, 180)
    world = (
        World(days=10)
        .add(story)
        .add(story, signal="ioda.gtr", unit="count", normal=9000, night=0.5, national=True)
    )
    (nation,) = nationals(world.find())
    assert nation["kind"] == "shutdown"
    assert nation["signals"] == ["ioda.gtr", "monash.connectivity"]
    assert nation["probability"] > 0.99
    assert not any("One source only" in sentence for sentence in nation["against"])


@pytest.mark.parametrize("routes", ["ioda.bgp", "bgp", "our-BGP_table"])
def test_s2_routes_that_stay_announced_do_not_speak_against_a_shutdown(routes: str) -> None:
    world = World(days=10).add(
        cut(130, 180), signal="ioda.ping-slash24", unit="count", normal=3000, national=True
    )
    world.add(signal=routes, unit="count", normal=5000, noise=0.002, night=0, national=True, step=600)
    (nation,) = nationals(world.find())
    assert nation["kind"] == "shutdown"
    assert any("stayed announced" in sentence for sentence in nation["reasons"])
    assert nation["probability"] > 0.9


def test_s4_one_province_is_no_nation() -> None:
    rows = World(days=10).add(cut(130, 170, hit=lambda place: place // 2 == 3)).find()
    assert [(row["scope"], row["region"], row["kind"]) for row in rows] == [
        ("region", "Région 3", "shutdown")
    ]
    assert rows[0]["parent"] is None


def test_s4_half_of_the_provinces_are_no_nation() -> None:
    rows = World(days=10).add(cut(130, 170, hit=lambda place: place < 8)).find()
    assert {row["scope"] for row in rows} == {"region"}
    assert len(rows) == 4


def test_s1_a_shutdown_that_rolls_over_the_regions_within_hours() -> None:
    def staged(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where(hours >= 150 + place // 2, 0.04, 1.0)

    (nation,) = nationals(World(days=12).add(staged).find())
    assert nation["kind"] == "shutdown"
    assert "one after the other" in nation["reasons"][0]


def test_every_outage_names_the_line_of_the_table_that_decided() -> None:
    ids = [rule.id for rule in RULES] + [name for name, _, _ in BESIDE]
    assert len(set(ids)) == len(ids)
    rows = World(days=10).add(cut(129, 180)).find()
    assert {row["rule"] for row in rows} == {"sharp_and_whole", "part_of_shutdown"}
    for row in rows:
        rule = next(rule for rule in RULES if rule.id == row["rule"])
        assert row["kind"] == rule.kind
        assert row["reasons"][0].lower().startswith(rule.reason[:40])
    assert "line 9 of 19" in kind_rule("sharp_and_whole")


def test_s6_a_power_cut_of_the_whole_country_is_no_shutdown() -> None:
    def power(hours: np.ndarray, place: int) -> np.ndarray:
        since = hours - 200 - (place % 5) * 0.4
        left = 1 - 0.8 * np.clip(since / 2.5, 0, 1) * np.exp(-np.maximum(since - 10, 0) / 16)
        return np.where(since > 0, left, 1.0)

    (nation,) = nationals(World(days=15).add(power).find())
    assert nation["kind"] == "disruption"


def test_s7_a_latency_index_alone_never_makes_a_shutdown() -> None:
    for left in (0.4, 1.8):
        options: dict[str, Any] = {
            "unit": "latency_100",
            "normal": 100,
            "night": 0.03,
            "signal": "monash.latency",
        }
        (nation,) = nationals(World(days=12).add(cut(150, 190, left=left), **options).find())
        assert nation["kind"] == "disruption"
        assert nation["probability"] <= 0.6
        assert ("rose" in nation["reasons"][0]) == (left > 1)


def test_s4_one_operator_is_named_as_such() -> None:
    world = World(days=10).add(national=True, signal="ioda.ping-slash24", unit="count", normal=3000)
    world.add(
        cut(130, 170), national=True, signal="ioda.ping-slash24", unit="count", normal=800, network=64500
    )
    world.add(national=True, signal="ioda.ping-slash24", unit="count", normal=900, network=64501)
    rows = world.find()
    assert [(row["scope"], row["network"], row["kind"]) for row in rows] == [("network", 64500, "shutdown")]


def holiday(hours: np.ndarray, place: int) -> np.ndarray:
    day = 1 + np.cos((hours - 13) / 24 * 2 * math.pi)
    return 1 - 0.22 * (hours // 24 == 9) * day / 2 - 0.05 * (hours // 24 == 9)


def clock_change(hours: np.ndarray, place: int) -> np.ndarray:
    def rhythm(shift: float) -> np.ndarray:
        return 1 - 0.5 * (0.5 + 0.5 * np.cos((hours + shift - 3) / 24 * 2 * math.pi))

    return np.where(hours >= 24 * 20, rhythm(1) / rhythm(0), 1.0)


CALM: dict[str, tuple[Loss, dict[str, Any]]] = {
    "a daily dip": (steady, {"night": 0.12}),
    "traffic that halves every night": (
        steady,
        {"night": 0.6, "unit": "count", "normal": 5000, "signal": "t"},
    ),
    "weekends": (steady, {"night": 0.5, "weekend": 0.25, "unit": "count", "normal": 5000, "signal": "t"}),
    "a holiday": (holiday, {"night": 0.5, "unit": "count", "normal": 5000, "signal": "t"}),
    "growth": (steady, {"growth": 0.02, "unit": "count", "normal": 3000, "night": 0.4, "signal": "t"}),
    "shrinking": (steady, {"growth": -0.006, "unit": "count", "normal": 3000, "night": 0.4, "signal": "t"}),
    "a change of the clock": (clock_change, {"night": 0.5, "unit": "count", "normal": 5000, "signal": "t"}),
    "an index in steps of ten": (steady, {"quantum": 10.0, "noise": 0.05}),
    "an index of ten, three-hourly": (
        steady,
        {"unit": "index_10", "normal": 9.5, "quantum": 1, "step": 10_800},
    ),
    "a latency index": (
        steady,
        {"unit": "latency_100", "normal": 100, "noise": 0.06, "signal": "monash.latency"},
    ),
    "few answers an hour": (steady, {"unit": "count", "normal": 8, "signal": "ping"}),
    "heavy scatter": (steady, {"noise": 0.12}),
}


@pytest.mark.parametrize("name", CALM)
@pytest.mark.parametrize("seed", [1, 2])
def test_s5_rhythms_holidays_growth_and_clock_changes_are_no_outages(name: str, seed: int) -> None:
    story, options = CALM[name]
    assert World(seed, days=28).add(story, **options).find() == []


def test_s5_what_weekends_take_is_learned_and_a_loss_of_two_weeks_is_not() -> None:
    options: dict[str, Any] = {"unit": "count", "normal": 5000, "signal": "t", "night": 0.3, "national": True}

    def half_week(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where((hours >= 24 * 18) & (hours < 24 * 32), 0.68, 1.0)

    rows = World(days=28).add(weekend=0.32, **options).find()
    # What the first weekend of a series takes, nothing says.
    assert [row for row in rows if row["onset_best"] > at(24 * 8)] == []
    (nation,) = World(days=38).add(half_week, **options).find()
    assert nation["kind"] == "partial"
    assert abs(nation["end_best"] - at(24 * 32)) <= timedelta(hours=2)


def test_s5_weeks_in_which_peoples_days_move_are_no_outages() -> None:
    """In Ramadan nights take what days lose, and all is still at the hour of the evening meal."""
    options: dict[str, Any] = {"unit": "count", "normal": 1e5, "signal": "radar.traffic", "national": True}

    def days(hours: np.ndarray, place: int) -> np.ndarray:
        ordinary = 1 + 0.5 * np.sin((hours - 6) / 24 * 2 * math.pi)
        moved = (1 + 0.4 * np.sin((hours - 12) / 24 * 2 * math.pi)) * np.where(hours % 24 == 15, 0.5, 1.0)
        return np.where(hours >= 24 * 21, moved, ordinary)

    assert World(days=42).add(days, **options).find() == []

    def dark(hours: np.ndarray, place: int) -> np.ndarray:
        """Where nothing makes up for it, it is a loss, also while people's days have moved."""
        return days(hours, place) * np.where((hours >= 24 * 30 + 9) & (hours < 24 * 30 + 18), 0.3, 1.0)

    (nation,) = World(days=42).add(dark, **options).find()
    assert at(24 * 30) < nation["onset_best"] < at(24 * 30 + 11)


@pytest.mark.parametrize("after", [1.0, 0.5])
def test_s5_the_end_of_a_rise_is_no_loss(after: float) -> None:
    """A source counts twice as much for some days: then as before, or half of what it ever was."""
    options: dict[str, Any] = {"unit": "count", "normal": 3000, "signal": "radar.ping", "national": True}

    def risen(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where(hours < 24 * 14, 1.0, np.where(hours < 24 * 24, 2.0, after))

    rows = World(days=36).add(risen, **options).find()
    assert [row["onset_best"] for row in rows] == ([] if after == 1 else [at(24 * 24)])


def test_a_partial_loss_of_traffic_alone_may_be_a_holiday_and_says_so() -> None:
    def feast(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where((hours >= 24 * 18) & (hours < 24 * 21), 0.68, 1.0)

    options: dict[str, Any] = {"unit": "count", "normal": 9e5, "night": 0.3, "national": True}
    for signal, said in (("ioda.gtr", True), ("ioda.ping-slash24", False)):
        (nation,) = World(days=28).add(feast, signal=signal, **options).find()
        assert nation["kind"] == "partial"
        assert any(line.startswith("Holidays take as much") for line in nation["against"]) is said


def test_a_source_that_scatters_is_believed_less() -> None:
    """Hours of chance below half of the level are ordinary where the level swings like that every day."""
    options: dict[str, Any] = {"unit": "count", "normal": 900, "signal": "ioda.merit-nt", "national": True}

    def waves(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
        swings = np.random.default_rng(3).normal(0, 0.35, len(hours) // 4 + 1)
        return np.round(values * np.exp(np.repeat(swings, 4)[: len(hours)]))

    assert World(days=30).add(edit=waves, **options).find() == []
    (nation,) = World(days=30).add(cut(400, 424), edit=waves, **options).find()
    assert nation["depth"] > 0.9


def test_one_hour_of_nonsense_does_not_deepen_a_loss() -> None:
    def odd(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.where(hours == 210, 0.0, values)

    rows = World(days=14).add(cut(200, 240, left=0.65), edit=odd).find()
    (nation,) = nationals(rows)
    assert nation["depth"] == pytest.approx(0.35, abs=0.04)


def test_s6_a_storm_is_ragged_and_recovers_slowly() -> None:
    random = np.random.default_rng(5)
    begins, depths = random.uniform(150, 175, 40), random.uniform(0.35, 0.9, 40)

    def storm(hours: np.ndarray, place: int) -> np.ndarray:
        if place // 2 not in (1, 2, 3):
            return np.ones_like(hours)
        since = hours - begins[place]
        fallen = np.clip(since / 5, 0, 1)
        recovered = np.exp(-np.maximum(since - 12, 0) / 14)
        return np.where(since > 0, 1 - depths[place] * fallen * recovered, 1.0)

    rows = World(days=14).add(storm).find()
    assert rows
    assert {row["kind"] for row in rows} == {"disruption"}
    assert {row["scope"] for row in rows} == {"region"}
    assert {row["region"] for row in rows} <= {"Région 1", "Région 2", "Région 3"}


def test_s7_a_cable_cut_slows_several_countries() -> None:
    world = World(days=12)
    for country in ("XA", "XB", "XC", "XD"):
        loss = cut(140.0, 220.0, left=0.62 if country != "XD" else 1.0)
        world.add(loss, country=country, regions=4, places=1)
        slow = cut(140.0, 220.0, left=1.7 if country != "XD" else 1.0)
        world.add(
            slow,
            country=country,
            signal="monash.latency",
            unit="latency_100",
            normal=100,
            night=0.02,
            regions=4,
            places=1,
        )
    found = nationals(world.find())
    assert {row["country"] for row in found} == {"XA", "XB", "XC"}
    assert {row["kind"] for row in found} == {"disruption"}


def test_s8_when_every_country_dips_the_collector_failed() -> None:
    world = World(days=12)
    for country in ("XA", "XB", "XC", "XD", "XE"):
        world.add(cut(140, 146, left=0.1), country=country, regions=3, places=1)
    found = world.find()
    assert len(found) == 5
    assert {row["kind"] for row in found} == {"instrument"}
    assert max(row["probability"] for row in found) < 0.2


def test_s8_one_source_that_dips_beside_another_that_does_not() -> None:
    world = World(days=12).add(cut(140, 146, left=0.02))
    world.add(signal="ioda.gtr", unit="count", normal=9000, night=0.5, national=True)
    found = world.find()
    assert {row["kind"] for row in found} == {"instrument"}
    assert any("stayed at the ordinary level" in sentence for sentence in found[0]["against"])


def freeze(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
    still = (hours >= 140) & (hours < 170)
    return np.where(still, values[140], values)


def repeat(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
    again = (hours >= 168) & (hours < 240)
    return np.where(again, np.roll(values, 24), values) if not again.any() else _copied(values)


def _copied(values: np.ndarray) -> np.ndarray:
    copied = values.copy()
    for day in (7, 8, 9):
        copied[day * 24 : day * 24 + 24] = values[6 * 24 : 7 * 24]
    return copied


def silence(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where((hours >= 140) & (hours < 160), np.nan, values)


@pytest.mark.parametrize("edit", [freeze, repeat, silence])
def test_s8_values_that_freeze_repeat_or_go_missing_are_no_outage(edit: Any) -> None:
    found = World(days=14).add(edit=edit).find()
    assert {row["kind"] for row in found} == {"instrument"}
    assert len(found) == 1
    assert found[0]["probability"] < 0.1


def test_s8_counts_that_repeat_by_chance_are_no_fault_and_hours_of_the_same_are() -> None:
    scatter = np.random.default_rng(820).normal(820.2, 0.8, (300, 30 * 288))
    counts = np.rint(scatter)
    counts[0, 5000:5060] = counts[0, 5000]
    keys = tuple((f"{number:03}", None, None, None) for number in range(len(counts)))
    grid = Grid("ioda.bgp", "prefixes", 300, int(START.timestamp()), keys, counts, counts.shape[1] - 1)
    (found,) = faults(grid, np.ones_like(counts))
    assert found.country == "000"
    assert 4990 <= found.first <= 5001
    assert 5059 <= found.last <= 5070


def test_s8_routes_that_rest_for_half_days_are_no_fault() -> None:
    random = np.random.default_rng(5)
    steps = random.random((40, 30 * 288)) < 1 / 60  # one change in five hours
    counts = 400 + np.cumsum(np.where(steps, random.choice([-1, 1], steps.shape), 0), axis=1)
    keys = tuple((f"{number:03}", None, None, None) for number in range(len(counts)))
    grid = Grid(
        "ioda.bgp", "prefixes", 300, int(START.timestamp()), keys, counts.astype(float), counts.shape[1] - 1
    )
    assert faults(grid, np.ones(counts.shape)) == []


def test_s8_a_frozen_instrument_hides_neither_what_came_before_nor_after() -> None:
    found = World(days=20).add(cut(260, 300), edit=freeze).find()
    assert sorted(row["kind"] for row in nationals(found)) == ["instrument", "shutdown"]


@pytest.mark.parametrize("left", [0.55, 0.75])
def test_s9_a_partial_fall_that_lasts_days(left: float) -> None:
    (nation,) = nationals(World(days=16).add(cut(150, 270, left=left)).find())
    assert nation["kind"] == "partial"
    assert nation["depth"] == pytest.approx(1 - left, abs=0.06)
    assert abs(nation["onset_best"] - at(150)) <= timedelta(hours=1)
    assert abs(nation["end_best"] - at(270)) <= timedelta(hours=1)


def test_s10_nightly_curfews_are_one_recurring_outage() -> None:
    def curfew(hours: np.ndarray, place: int) -> np.ndarray:
        night = (hours % 24 >= 1) & (hours % 24 < 9) & (hours >= 24 * 6) & (hours < 24 * 18)
        return np.where(night, 0.02, 1.0)

    rows = World(days=20).add(curfew).find()
    (nation,) = nationals(rows)
    assert nation["kind"] == "shutdown"
    assert '"days": 12' in nation["recurrence"]
    assert "01:00 to 09:00" in nation["recurrence"]
    assert nation["onset_best"] == at(24 * 6 + 1)
    assert nation["end_best"] == at(24 * 17 + 9)
    assert len(rows) == 9


def test_s10_curfews_that_began_before_the_data_are_one_outage_too() -> None:
    def curfew(hours: np.ndarray, place: int) -> np.ndarray:
        return np.where((hours % 24 >= 18) | (hours % 24 < 3), 0.02, 1.0)

    (nation,) = nationals(World(days=20).add(curfew).find())
    assert "daily, about 18:00 to 03:00 UTC" in nation["recurrence"]
    assert nation["onset_best"] is None


def test_s10_a_curfew_of_a_part_is_found_beside_weekends() -> None:
    """Mobile operators are cut in the evenings; what weekends take flickers about as many times as there are evenings."""

    def mobile(hours: np.ndarray, place: int) -> np.ndarray:
        evening = (hours % 24 >= 12.5) & (hours % 24 < 20.5) & (hours >= 24 * 20) & (hours < 24 * 33)
        friday = np.isin(((hours + 4) // 24) % 7, [4])
        return np.where(evening, 0.55, 1.0) * np.where(friday, 0.8, 1.0)

    options: dict[str, Any] = {"unit": "count", "normal": 4e6, "step": 1800, "noise": 0.04, "national": True}
    (nation,) = World(3, days=42).add(mobile, signal="ioda.gtr", night=0.6, **options).find()
    assert (nation["kind"], nation["rule"]) == ("partial", "part_by_the_clock")
    assert json.loads(nation["recurrence"])["days"] == 13
    assert not any("Holidays" in line for line in nation["against"])


def test_s10_a_night_that_begins_before_midnight_is_of_its_day() -> None:
    def curfew(hours: np.ndarray, place: int) -> np.ndarray:
        clock = (hours + 2) % 24 - 2
        begins = np.where(((hours + 2) // 24) % 7 == 4, -1, 1)  # earlier before Fridays
        return np.where((clock >= begins) & (clock < 4) & (hours >= 24 * 6 - 2), 0.02, 1.0)

    (nation,) = nationals(World(days=20).add(curfew).find())
    assert json.loads(nation["recurrence"])["text"] == "daily, about 01:00 to 04:00 UTC, on 14 days"


def test_s10_exam_hours_on_weekdays_are_told_as_such() -> None:
    def exams(hours: np.ndarray, place: int) -> np.ndarray:
        inside = (hours >= 192) & ((hours // 24) % 7 < 5) & (hours % 24 >= 5) & (hours % 24 < 8)
        return np.where(inside, 0.02, 1.0)

    (nation,) = nationals(World(days=22).add(exams).find())
    assert "on Mon, Tue, Wed, Thu, Fri, about 05:00 to 08:00 UTC" in nation["recurrence"]


def test_s10_sparse_counts_show_a_curfew_too() -> None:
    def curfew(hours: np.ndarray, place: int) -> np.ndarray:
        night = (hours % 24 >= 18) & (hours >= 24 * 6)
        return np.where(night, 0.0, 1.0)

    (nation,) = nationals(
        World(days=14).add(curfew, unit="count", normal=9, signal="pings", national=True, night=0.05).find()
    )
    assert nation["recurrence"] is not None
    assert nation["kind"] == "shutdown"


@pytest.mark.parametrize(("step", "normal"), [(3600, 40), (600, 7)])
def test_s10_a_curfew_of_ten_weeks_never_becomes_ordinary(step: int, normal: int) -> None:
    def curfew(hours: np.ndarray, place: int) -> np.ndarray:
        night = (hours % 24 >= 18.5) | (hours % 24 < 2.5)
        return np.where(night & (hours >= 24 * 8), 0.0, 1.0)

    options: dict[str, Any] = {"unit": "count", "signal": "pings", "national": True, "night": 0.05}
    (nation,) = World(5, days=80).add(curfew, normal=normal, step=step, **options).find()
    assert json.loads(nation["recurrence"])["days"] == 72
    assert nation["kind"] == "shutdown"


def test_routes_hardly_scatter_and_a_short_loss_of_them_is_told() -> None:
    options: dict[str, Any] = {
        "unit": "count",
        "signal": "ioda.bgp",
        "national": True,
        "night": 0,
        "noise": 0,
    }

    def steady_routes(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.where((hours >= 200) & (hours < 203), 90.0, 220.0 + (hours % 7 == 0))

    (nation,) = World(days=14).add(edit=steady_routes, **options).find()
    assert nation["onset_best"] == at(200)
    assert nation["end_best"] == at(203)


def test_s11_a_recovery_in_steps_keeps_the_end_open() -> None:
    def steps(hours: np.ndarray, place: int) -> np.ndarray:
        return np.select([hours < 140, hours < 200, hours < 260], [1.0, 0.03, 0.4], 0.7)

    (nation,) = nationals(World(days=14).add(steps).find())
    assert nation["kind"] == "shutdown"
    assert nation["end_best"] is None
    assert nation["depth"] == pytest.approx(0.97, abs=0.04)
    assert nation["plateau"] == pytest.approx(0.7, abs=0.05)
    assert any("old level has not been reached" in sentence for sentence in nation["reasons"])


def test_an_outage_keeps_its_id_while_it_is_extended() -> None:
    short = nationals(World(days=8).add(cut(150, 1e9)).find())
    longer = nationals(World(days=12).add(cut(150, 1e9)).find())
    assert short[0]["outage_id"] == longer[0]["outage_id"]
    assert short[0]["end_best"] is longer[0]["end_best"] is None


def test_what_is_lost_from_the_first_bin_on_has_an_open_onset_or_is_not_told() -> None:
    rows = World(days=10).add(cut(-1, 60, left=0.02)).find()
    (nation,) = nationals(rows)
    assert nation["onset_best"] is None
    assert nation["onset_latest"] == at(0)
    assert abs(nation["end_best"] - at(60)) <= timedelta(hours=1)


def test_a_month_of_darkness_does_not_become_the_ordinary() -> None:
    (nation,) = nationals(World(days=45).add(cut(200, 24 * 40), regions=3, places=1).find())
    assert abs(nation["end_best"] - at(24 * 40)) <= timedelta(hours=1)


def test_users_of_one_service_alone_make_no_outage() -> None:
    world = World(days=60).add(
        cut(24 * 40, 24 * 60, left=0.05),
        signal="tor.users.relay",
        unit="users",
        normal=60_000,
        night=0,
        step=86_400,
        national=True,
    )
    assert world.find() == []


def test_few_missing_bins_and_repeated_rows_change_nothing() -> None:
    def holes(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.where(np.random.default_rng(3).uniform(size=len(values)) < 0.1, np.nan, values)

    world = World(days=10).add(cut(130, 180), edit=holes)
    once = world.find()
    world.tables = world.tables * 2
    assert world.find() == once
    assert abs(nationals(once)[0]["onset_best"] - at(130)) <= timedelta(hours=1)


def test_the_order_of_rows_changes_nothing() -> None:
    world = World(days=9).add(cut(130, 180)).add(cut(150, 170), country="XB", regions=2)
    once = world.find()
    world.tables = world.tables[::-1]
    assert world.find() == once


def test_no_signals_no_outages() -> None:
    con = duckdb.connect()
    con.register("signals", SIGNALS.empty())
    assert outages(con).num_rows == 0


def test_absurd_times_and_values_are_survived() -> None:
    world = World(days=9).add(cut(130, 180), regions=2)
    odd = SIGNALS.from_rows(
        {
            "file_id": "1" * 16,
            "line": i,
            "signal": "monash.connectivity",
            "country": "XA",
            "region": "\u202eodd",
            "time": moment,
            "step_seconds": 3600,
            "value": value,
            "unit": "index_100",
        }
        for i, (moment, value) in enumerate(
            [
                (datetime(1990, 1, 1, tzinfo=UTC), 1.0),
                (datetime(2099, 1, 1, tzinfo=UTC), -1e300),
                (START, math.inf),
                (START + timedelta(hours=1), math.nan),
                (START + timedelta(hours=2), None),
            ]
        )
    )
    world.tables.append(odd)
    assert [row["kind"] for row in nationals(world.find())] == ["shutdown"]


def test_the_timeline_shows_value_baseline_and_probability() -> None:
    world = World(days=10).add(cut(130, 180), regions=3)
    con = world.connect()
    rows = outages(con).to_pylist()
    nation = next(row for row in rows if row["scope"] == "country")
    table = outage_timeline(con, nation)
    assert table.column_names == ["region", "place", "signal", "time", "value", "baseline", "probability"]
    lines = table.to_pylist()
    assert {line["region"] for line in lines} == {None, "Région 0", "Région 1", "Région 2"}
    own = {line["time"]: line for line in lines if line["region"] is None}
    assert own[at(150)]["value"] < 10
    assert own[at(150)]["baseline"] > 80
    assert own[at(150)]["probability"] > 0.99
    assert own[at(100)]["probability"] < 0.1
    cheap = outage_timeline(con, nation, probabilities=False)
    assert cheap.drop_columns("probability").equals(table.drop_columns("probability"))
    assert cheap.column("probability").null_count == cheap.num_rows
    region = next(row for row in rows if row["region"] == "Région 1")
    places = {line["place"] for line in outage_timeline(con, region).to_pylist()}
    assert places == {None, "Place 0", "Place 1"}


def test_what_is_found_in_a_country_does_not_depend_on_the_others_in_the_data() -> None:
    """Others may have begun earlier, and may end later: neither teaches this one what is ordinary."""
    options: dict[str, Any] = {"regions": 2, "places": 1, "country": "XB"}

    def shorter(hours: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.where((hours >= 100) & (hours < 400), values, np.nan)

    alone = World(7, days=24).add(cut(290, 330), edit=shorter, **options).find()
    both = World(7, days=24).add(cut(290, 330), edit=shorter, **options).add(country="XA", regions=2)
    assert [row for row in both.find() if row["country"] == "XB"] == alone
    assert {row["kind"] for row in alone} == {"shutdown"}


def test_c14_any_number_of_threads_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(3, days=12)
    for number in range(4):
        world.add(cut(150, 160 + number), country=f"X{number}", regions=6)
    found = world.find()
    monkeypatch.setattr("wallwatch.detect.outages_tracks._BLOCK", 5)
    monkeypatch.setattr("wallwatch.detect.outages_filter._WIDTH", 3)
    for cores in (1, 3):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        assert world.find() == found
