"""Outages on simulated connectivity, beside the rule that IODA describes: the numbers that a change must not worsen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from wallwatch._progress import Silent
from wallwatch.evaluate.signal_rules import PROBING, ROUTES, TELESCOPE, alarms, rule_of, trailing_median
from wallwatch.evaluate.signal_scores import SignalScores, evaluate_signals
from wallwatch.evaluate.signal_series import DAYS, KINDS, START, make, world


@pytest.fixture(scope="module")
def scores() -> SignalScores:
    return evaluate_signals(seed=5, series=24, progress=Silent())


def test_deep_losses_are_found_in_every_kind_of_source(scores: SignalScores) -> None:
    for kind, numbers in scores.as_dict()["methods"]["wallwatch"].items():
        for loss in ("95% 12 h", "95% 48 h"):
            assert numbers["recall"][loss]["share"] == 1, (kind, loss)
    for kind in ("probing, index", "probing, blocks", "routes"):
        recall = scores.as_dict()["methods"]["wallwatch"][kind]["recall"]
        assert all(recall[loss]["share"] == 1 for loss in ("35% 12 h", "60% 12 h", "95% 3 h")), kind


def test_false_alarms_are_few_and_far_fewer_than_a_threshold_raises(scores: SignalScores) -> None:
    methods = scores.as_dict()["methods"]

    def false(method: str) -> float:
        return sum(
            numbers["false_per_series_year"] * scores.years[kind] for kind, numbers in methods[method].items()
        )

    years = sum(scores.years.values())
    assert false("wallwatch") / years <= 0.5
    assert false("IODA warning") > 20 * false("wallwatch")


def test_onsets_are_within_the_hour_and_their_intervals_hold_them(scores: SignalScores) -> None:
    held = of = 0
    for numbers in scores.as_dict()["methods"]["wallwatch"].values():
        assert numbers["onset_error_hours"]["median"] <= 1
        held += numbers["onset_interval_holds"]["part"]
        of += numbers["onset_interval_holds"]["whole"]
    assert held / of >= 0.85


def test_the_same_seed_gives_the_same_numbers_and_both_forms_are_told(scores: SignalScores) -> None:
    again = evaluate_signals(seed=5, series=24, progress=Silent())
    assert again.as_dict() == scores.as_dict()
    assert json.loads(json.dumps(scores.as_dict())) == scores.as_dict()
    text = scores.as_text()
    for name in (*(kind.name for kind in KINDS), "IODA warning", "false/series-year"):
        assert name in text


def test_a_world_has_quiet_series_and_losses_of_every_kind() -> None:
    made = world(3, 24)
    assert len(made) == 24 * len(KINDS)
    assert {one.kind for one in made} == set(range(len(KINDS)))
    assert sum(one.depth == 0 for one in made) == len(made) / 2
    assert len({one.country for one in made}) == len(made)


def test_a_loss_takes_the_share_that_it_says() -> None:
    for kind in range(len(KINDS)):
        one = make(kind, "x", 0.95, 48, np.random.default_rng(kind))
        first, last = (int((when - START) // 3600) for when in (one.begins, one.ends))
        inside = np.nanmedian(one.values[first + 2 : last - 2])
        assert len(one.values) == DAYS * 24
        assert inside < 0.2 * np.nanmedian(one.values[: first - 2])


def test_the_published_rule_looks_at_the_median_of_what_came_before() -> None:
    values = np.array([[10.0] * 30 + [np.nan] + [4.0, 4.0, 10.0, 7.9, 10.0]])
    usual = trailing_median(values, 24)
    assert np.isnan(usual[0, :12]).all()
    assert usual[0, 12:].tolist() == [10.0] * 24
    assert alarms(values, 0.8, 24) == [[(31, 32), (34, 34)]]
    assert alarms(values, 0.5, 24) == [[(31, 32)]]
    assert (rule_of("ioda.bgp"), rule_of("ioda.merit-nt")) == (ROUTES, TELESCOPE)
    assert rule_of("ioda.ping-slash24") == rule_of("anything") == PROBING
