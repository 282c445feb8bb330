"""Visible episodes: what anybody sees in the measurements, and what is found of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from console import run
from detect_worlds import World, at, between
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


def test_kenya_2023_nine_of_ten_visible_episodes_are_found(shared_data: Path, tmp_path: Path) -> None:
    ran = run(["run", str(shared_data / "ooni/export"), "--workspace", "w", "--quiet"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    ran = run(["evaluate", "--episodes", "w", "--format", "json"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    methods = json.loads(ran.stdout)["methods"]
    assert methods["in an event"]["found"]["share"] >= 0.9
    assert methods["in an event"]["false"] == methods["likely (0.9)"]["false"] == 0
    assert methods["published cumulative sum"]["found"]["share"] < 0.3


def test_a_workspace_that_is_not_there_is_named(tmp_path: Path) -> None:
    ran = run(["evaluate", "--episodes", "nowhere"], tmp_path)
    assert ran.returncode != 0
    assert "nowhere" in ran.stderr
    assert "Traceback" not in ran.stderr
