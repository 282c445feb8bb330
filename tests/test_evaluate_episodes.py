"""Visible episodes: what anybody sees in the measurements, and what is found of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from console import run
from detect_worlds import World, at, between
from wallwatch._errors import WallwatchError
from wallwatch.evaluate.calendar import read
from wallwatch.evaluate.episodes import evaluate_episodes, visible


def test_two_failing_measurements_in_a_row_are_visible_and_single_ones_are_not() -> None:
    measured = [(1, False), (2, True), (2, False), (3, True), (3, True), (9, True), (10, False), (11, True)]
    assert visible(measured) == [(3, 9)]
    assert visible([(5, True), (5, True)]) == [(5, 5)]
    assert visible([]) == []


def test_what_is_found_is_counted_by_layer() -> None:
    rng = np.random.default_rng(1)
    world = World()
    world.regularly(rng, 2, at(0), at(20), between(at(5), at(6)), noise=0.002)
    world.regularly(
        rng, 2, at(0), at(20), between(at(11), at(12)), noise=0.002, network=64501, mechanism="tcp.timeout"
    )
    with world.connect() as con:
        scores = evaluate_episodes(con)
    assert set(scores.visible) == {"tcp", "tls"}
    for method in ("likely (0.9)", "sure (0.99)", "in an event"):
        assert scores.found[method] == scores.visible
        assert scores.false[method] == 0
    assert "VISIBLE EPISODES" in scores.as_text()
    json.dumps(scores.as_dict())


def exams() -> str:
    """The timetable that was published: weekdays of four weeks, two windows a day."""
    days = (*range(1, 4), *range(6, 11), *range(13, 18), *range(20, 25))
    windows = [
        f"2023-11-{day:02d}T{a}:00Z,2023-11-{day:02d}T{b}:00Z"
        for day in days
        for a, b in (("05", "08"), ("11", "14"))
    ]
    return "\n".join(["start,end", *windows])


def test_kenya_2023_nine_of_ten_visible_episodes_are_found(shared_data: Path, tmp_path: Path) -> None:
    ran = run(["run", str(shared_data / "ooni/export"), "--workspace", "w", "--quiet"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    (tmp_path / "exams.csv").write_text(exams())
    ran = run(["evaluate", "--episodes", "w", "--calendar", "exams.csv", "--format", "json"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    scores = json.loads(ran.stdout)
    by_network = {overlap["network"]: overlap for overlap in scores["calendar"]}
    recurring, continuous = by_network[33771], by_network[12455]
    assert recurring["covered"]["share"] >= 0.9
    assert recurring["in_calendar"]["share"] >= 0.7
    assert recurring["inside"]["share"] > 5 * recurring["outside"]["share"]
    assert continuous["pattern"] is None
    assert continuous["outside"]["share"] > 0.9
    methods = scores["methods"]
    assert methods["in an event"]["found"]["share"] >= 0.9
    assert methods["in an event"]["false"] == methods["likely (0.9)"]["false"] == 0
    assert methods["published cumulative sum"]["found"]["share"] < 0.3


def test_a_workspace_that_is_not_there_is_named(tmp_path: Path) -> None:
    ran = run(["evaluate", "--episodes", "nowhere"], tmp_path)
    assert ran.returncode != 0
    assert "nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        "start,end\n",
        "from,to\n2023-11-01,2023-11-02\n",
        "start,end\n2023-11-02,2023-11-01\n",
        "start,end\nnever,ever\n",
    ],
)
def test_a_calendar_that_says_nothing_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "calendar.csv"
    path.write_text(text)
    with pytest.raises(WallwatchError, match=r"calendar\.csv"):
        read(path)


def test_a_calendar_touches_every_hour_it_has_a_part_of(tmp_path: Path) -> None:
    path = tmp_path / "calendar.csv"
    path.write_text("start,end\n1970-01-01T01:30Z,1970-01-01T03:10Z\n1970-01-02 00:00,1970-01-02 01:00\n")
    assert read(path) == {1, 2, 3, 24}
