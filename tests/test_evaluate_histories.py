"""Simulated histories and the published rules they are compared to: what each says of series made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from console import run
from wallwatch._progress import Silent
from wallwatch.evaluate import baselines, histories
from wallwatch.evaluate.baselines import Alarm, Hourly
from wallwatch.evaluate.histories import Line
from wallwatch.evaluate.history_scores import evaluate_histories


def hours_of(*found: tuple[int, int]) -> Hourly:
    """One measurement an hour: (so many hours, 0 fine or 1 blocked)."""
    k = np.repeat([state for _, state in found], [count for count, _ in found])
    return Hourly(np.arange(len(k)), np.ones(len(k), dtype=np.int64), k.astype(np.int64))


def test_the_cumulative_sum_needs_six_blocked_hours_and_eleven_fine_ones() -> None:
    assert baselines.cusum(hours_of((48, 0), (5, 1), (48, 0))) == []
    assert baselines.cusum(hours_of((48, 0), (6, 1), (48, 0))) == [Alarm(53, 64)]
    assert baselines.cusum(hours_of((48, 0), (30, 1))) == [Alarm(53, 77)]


def test_the_cumulative_sum_forgets_after_ten_days() -> None:
    series = hours_of((48, 0), (10, 1), (5, 0))
    late = series.hour + np.where(np.arange(len(series.hour)) < 58, 0, 241)
    assert baselines.cusum(Hourly(late, series.n, series.k)) == [Alarm(53, 57)]


def test_the_trailing_median_alarms_at_every_dip() -> None:
    assert baselines.trailing_median(hours_of((48, 0), (1, 1), (3, 0), (2, 1), (3, 0)), 0.8) == [
        Alarm(48, 48),
        Alarm(52, 53),
    ]
    # What lasts longer than half of the seven days becomes the usual.
    (alarm,) = baselines.trailing_median(hours_of((168, 0), (200, 1)), 0.8)
    assert alarm.first == 168
    assert alarm.last < 168 + 100


def test_a_small_share_is_seen_by_one_rule_and_not_the_other() -> None:
    series = Hourly(np.arange(50), np.full(50, 10), np.where(np.arange(50) == 40, 1, 0))
    assert baselines.trailing_median(series, 0.80) == []
    assert baselines.trailing_median(series, 0.99) == [Alarm(40, 40)]


def test_a_history_is_made_from_its_seed_and_name() -> None:
    lines = histories.blocked(3, 4)
    whole, alone = histories.measure(lines, 3), histories.measure(lines[2:3], 3)
    assert np.array_equal(whole.hours[whole.line == 2], alone.hours)
    assert np.array_equal(whole.blocked[whole.line == 2], alone.blocked)
    assert not np.array_equal(histories.measure(lines, 4).hours, whole.hours)


def test_a_restriction_of_a_history_stops_its_share() -> None:
    line = Line("XA", "site.example", 64500, 5.0, True, 480.0, 960.0, 0.75)
    made = histories.measure([line], 1)
    inside = (made.hours >= 480) & (made.hours < 960)
    assert made.blocked[inside].mean() == pytest.approx(0.75, abs=0.1)
    assert made.blocked[~inside].mean() < 0.3


@pytest.mark.parametrize("say", [True, False])
def test_c2_forged_rows_are_three_tenths(say: bool) -> None:
    line = Line("XA", "site.example", 64500, 5.0, True, forged=0.3, forged_say=say)
    made = histories.measure([line], 1)
    assert (made.probe == -1).mean() == pytest.approx(0.3, abs=0.03)
    assert (made.blocked[made.probe == -1] == say).all()
    table = histories.verdicts([line], made).to_pylist()
    assert {row["probe_id"] is None for row in table if row["time"]} == {True, False}
    assert len({row["session"] for row in table}) == len(table)


@pytest.mark.parametrize("follow", [False, True])
def test_c2_forgers_are_three_tenths_of_the_sessions_however_many_rows_each_has(follow: bool) -> None:
    line = Line("XA", "site.example", 64500, 5.0, True, forged=0.3, forged_follow=follow, forged_rows=6)
    made = histories.measure([line], 1)
    sessions = {True: set(), False: set()}
    for probe, session in zip(made.probe.tolist(), made.session.tolist(), strict=True):
        sessions[probe == -1].add(session)
    assert not sessions[True] & sessions[False]
    assert len(sessions[True]) == pytest.approx(0.3 * (len(sessions[True]) + len(sessions[False])), rel=0.1)
    assert (made.probe == -1).sum() == 6 * len(sessions[True])
    # Those who follow come in the hours of the others.
    honest, forged = (
        np.bincount(made.hours[part].astype(int) // 6, minlength=240)
        for part in (made.probe >= 0, made.probe < 0)
    )
    alike = np.corrcoef(honest, forged)[0, 1]
    assert alike > 0.9 if follow else alike < 0.3


def test_scores_are_the_same_for_the_same_seed_and_ahead_of_both_rules() -> None:
    scores = evaluate_histories(seed=11, series=100, progress=Silent())
    found = scores.as_dict()["methods"]
    ours, cusum, rule = found["wallwatch"], found["CUSUM"], found["0.80 x 7 d"]
    assert ours["recall_7d"]["share"] > 0.8
    assert ours["told_whole"]["share"] > rule["told_whole"]["share"]
    assert ours["false_per_1000_series_years"] < rule["false_per_1000_series_years"] / 100
    assert ours["onset_error_median_hours"] < cusum["onset_error_median_hours"]
    assert ours["most_alerts_for_a_national_block"] <= 2
    assert ours["created_by_forgers"]["part"] == 0
    assert ours["kept_in_spite_of_forgers"]["share"] == 1
    assert evaluate_histories(seed=11, series=100, progress=Silent()).as_dict() == scores.as_dict()


def test_the_command_prints_one_table(tmp_path: Path) -> None:
    ran = run(["evaluate", "--histories", "--series", "40", "--seed", "2", "--quiet"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "false events per 1,000 series-years" in ran.stdout
    ran = run(["evaluate", "--histories", "--series", "40", "--seed", "2", "--format", "json"], tmp_path)
    told = json.loads(ran.stdout)
    methods = told["methods"]
    assert [*methods][:4] == ["wallwatch", "CUSUM", "0.80 x 7 d", "0.99 x 7 d"]
    # Both baselines again, as rare as is allowed: a rule that is always on meets everything.
    rarer = [*methods.values()][4:]
    assert len(rarer) == 2
    assert all(found["false_per_1000_series_years"] <= 50 for found in rarer)
    # Each restriction that was missed is listed with the reason.
    recall = methods["wallwatch"]["recall_24h"]
    missed = [row for row in told["missed"] if row["hours"] == 24]
    assert len(missed) == recall["whole"] - recall["part"] > 0
    assert all(row["measurements"] <= 3 for row in missed if row["reason"] == "measurements")
    assert {row["reason"] for row in missed} >= {"measurements", "failures"}
