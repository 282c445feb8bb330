"""Events do not depend on the order or the slices of their input, and keep their ids when data are added (C8, C14)."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detect_worlds import World, at, between
from wallwatch import detect


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(7)
    made = World()
    for number in range(4):
        made.regularly(
            rng,
            1,
            at(0),
            at(20),
            between(at(5 + number), at(15)) if number < 3 else None,
            network=64500 + number,
        )
    made.regularly(rng, 2, at(0), at(20), between(at(16), at(17)), target="other.example")
    return made


def run(world: World, table: pa.Table, threads: int = 1) -> tuple[pa.Table, pa.Table]:
    with world.connect(table) as con:
        con.execute(f"SET threads = {threads}")
        cells = detect.cells(con).order("ALL").to_arrow_table()
        return cells, detect.events_and_doubts(con)[0]


def test_c14_any_order_gives_identical_tables(world: World) -> None:
    table = world.table()
    cells, events = run(world, table)
    assert events.num_rows == 2
    order = np.random.default_rng(1).permutation(table.num_rows)
    again = run(world, table.take(pa.array(order)))
    assert again[0].equals(cells)
    assert again[1].equals(events)


def test_c14_any_slicing_gives_identical_tables(world: World) -> None:
    table = world.table()
    parts = pa.concat_tables([table.slice(start, 611) for start in range(0, table.num_rows, 611)])
    cells, events = run(world, table)
    again = run(world, parts)
    assert again[0].equals(cells)
    assert again[1].equals(events)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_c14_any_window_in_any_order_and_slicing_gives_identical_events(
    world: World, data: st.DataObject
) -> None:
    """A window of the rows, cut into pieces anywhere and the pieces shuffled, on any number of threads."""
    table = world.table()
    first = data.draw(st.integers(0, 8))
    last = data.draw(st.integers(first + 6, 20))
    times = table["time"]
    window = table.filter(
        pc.and_(
            pc.greater_equal(times, pa.scalar(at(first), times.type)),
            pc.less(times, pa.scalar(at(last), times.type)),
        )
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, window.num_rows), max_size=6)))
    edges = [0, *cuts, window.num_rows]
    pieces = [window.slice(a, b - a) for a, b in itertools.pairwise(edges)]
    order = data.draw(st.permutations(range(len(pieces))))
    replayed = pa.concat_tables([pieces[number] for number in order])
    cells, events = run(world, window)
    again = run(world, replayed, threads=data.draw(st.integers(1, 4)))
    assert again[0].equals(cells)
    assert again[1].equals(events)


def test_c8_ids_stay_when_data_are_added(world: World) -> None:
    table = world.table()
    ids = []
    for days in (10, 12, 14, 16, 20):
        known = table.filter(pc.less(table["time"], pa.scalar(at(days), table["time"].type)))
        events = run(world, known)[1].to_pylist()
        ids.append({event["event_id"] for event in events if event["service"] == "news.example"})
    assert ids == [ids[0]] * len(ids)
    assert len(ids[0]) == 1


def test_no_verdicts_no_events() -> None:
    world = World()
    with world.connect() as con:
        assert detect.events_and_doubts(con)[0].num_rows == 0
        assert detect.cells(con).to_arrow_table().num_rows == 0
