"""Explanations and timelines of events: where the numbers come from."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from detect_worlds import World, at, between
from wallwatch import detect


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(11)
    made = World()
    made.regularly(rng, 1, at(0), at(10), between(at(4), at(7)))
    made.regularly(rng, 1, at(0), at(10), noise=0, network=64501)
    return made


def test_explain_gives_the_numbers_behind(world: World) -> None:
    with world.connect() as con:
        con.register("events", detect.events_and_doubts(con)[0])
        (event,) = con.sql("SELECT * FROM events").to_arrow_table().to_pylist()
        told = detect.explain(con, event["event_id"])
        with pytest.raises(KeyError):
            detect.explain(con, "ev-none")
    assert told["against"] == event["against"]
    days = told["networks"]["64500"]
    assert [day["day"] for day in days] == ["2031-03-07", "2031-03-08", "2031-03-09"]
    assert sum(day["blocked"] for day in days) == event["measurements_blocked"]
    assert all(day["probability"] > 0.99 for day in days)
    assert told["rules"]["test.likely_blocked"] == event["measurements_blocked"]
    assert any("independent sessions" in said for said in told["why"])
    json.dumps(told)


def test_timeline_has_every_hour_with_votes(world: World) -> None:
    with world.connect() as con:
        (event,) = detect.events_and_doubts(con)[0].to_pylist()
        table = detect.timeline(con, event)
    rows = [row for row in table.to_pylist() if row["layer"] == "all"]
    # A network without any vote against the target has nothing to show.
    assert {row["network"] for row in rows} == {64500}
    assert sum(row["measurements"] for row in rows) == sum(
        row["layer"] == "all" and row["network"] == 64500 for row in world.rows
    )
    inside = [row for row in rows if at(4) <= row["hour"] < at(7)]
    assert min(row["probability"] for row in inside) > 0.9
    assert max(row["probability"] for row in rows if not at(3, 22) <= row["hour"] < at(7, 2)) < 0.5
    assert pa.types.is_timestamp(table.schema.field("hour").type)
