"""The filter's algebra: the vectorised pass against the textbook, one state at a time."""

from __future__ import annotations

import numpy as np
import pytest

from wallwatch.detect import calibration, levels, smooth
from wallwatch.detect.find import KEPT_SURPRISE
from wallwatch.detect.levels import LEVELS, NULL, START_BLOCKED, START_NULL, likelihoods
from wallwatch.detect.one_probe import Look, log_ratio
from wallwatch.detect.recurrence import recurrence
from wallwatch.detect.runs import runs
from wallwatch.detect.votes import UNITS, Series


def series(*parts: list[tuple[int, float, float]]) -> Series:
    """Series from lists of hour, votes against, all votes."""
    rows = [row for part in parts for row in part]
    return Series(
        [("XA", "site", f"t{i}", 64500 + i, "all") for i in range(len(parts))],
        np.cumsum([0, *(len(part) for part in parts)]),
        np.array([hour for hour, _, _ in rows], dtype=np.int32),
        np.array([round(UNITS * n) for _, _, n in rows], dtype=np.int32),
        np.array([round(UNITS * k) for _, k, _ in rows], dtype=np.int32),
    )


def textbook(part: list[tuple[int, float, float]]) -> np.ndarray:
    """Probability of restriction by forward-backward with whole transition matrices, without excitation."""
    size = len(LEVELS)
    usual = smooth.ONSET / (smooth.ONSET + smooth.END)
    start = np.concatenate([START_NULL * (1 - usual), START_BLOCKED * usual])
    table, index = likelihoods(
        np.array([round(UNITS * k) for _, k, _ in part]), np.array([round(UNITS * n) for _, _, n in part])
    )
    like = table.T[index].astype(np.float64)
    steps, forward = [], [start * like[0]]
    usually = START_NULL
    for (before, _, _), (now, _, _), row in zip(part, part[1:], like[1:], strict=False):
        state = forward[-1] / forward[-1].sum()
        usually = usually * state[NULL:].sum() + state[:NULL]
        returns = smooth.RETURNS * usually + (1 - smooth.RETURNS) * START_NULL
        gap = now - before
        both = smooth.ONSET + smooth.END
        on, off = (rate * (1 - (1 - both) ** gap) / both for rate in (smooth.ONSET, smooth.END))
        stay = (1 - smooth.DRIFT) ** gap
        step = np.zeros((size, size))
        for i in range(size):
            own, other = (START_NULL, START_BLOCKED) if i < NULL else (START_BLOCKED, returns)
            leave = on if i < NULL else off
            own_at, other_at = (slice(0, NULL), slice(NULL, size))[:: 1 if i < NULL else -1]
            step[i, own_at] = (1 - leave) * (1 - stay) * own
            step[i, other_at] = leave * other
            step[i, i] += (1 - leave) * stay
        steps.append(step)
        forward.append(state @ step * row)
    ahead = [np.ones(size)]
    for step, row in zip(steps[::-1], like[:0:-1], strict=True):
        ahead.append(step @ (row * ahead[-1] / ahead[-1].sum()))
    both_ways = np.array(forward) * np.array(ahead[::-1])
    return both_ways[:, NULL:].sum(axis=1) / both_ways.sum(axis=1)


def test_it_is_forward_backward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smooth, "OWN_PAST", 0.0)
    rng = np.random.default_rng(3)
    parts = []
    for length in (1, 2, 40, 17):
        hours = np.cumsum(rng.integers(1, 30, length))
        parts.append([(int(h), float(rng.integers(0, 3)), 3.0) for h in hours])
    together = smooth.smooth(series(*parts)).blocked
    np.testing.assert_allclose(together, np.concatenate([textbook(part) for part in parts]), atol=1e-5)


@pytest.mark.parametrize(("hours", "width"), [(12, 1024), (750_000, 1), (750_000, 3), (300, 17)])
def test_batches_and_company_do_not_matter(monkeypatch: pytest.MonkeyPatch, hours: int, width: int) -> None:
    """Bit for bit: else the same files in other slices would give other events (C14)."""
    rng = np.random.default_rng(4)
    parts = [
        [(hour, float(rng.random() < 0.3), 1.0) for hour in range(int(rng.integers(1, 50)))]
        for _ in range(40)
    ]
    every = series(*parts)
    others = rng.random(len(every.hour)).astype(np.float32)
    whole = smooth.smooth(every, others)
    monkeypatch.setattr(smooth, "_BATCH", hours)
    monkeypatch.setattr(smooth, "_WIDTH", width)
    again = smooth.smooth(every, others)
    some, inside = every.only(np.array([0, 3, 17, 39]))
    alone = smooth.smooth(some, others[inside])
    for name in ("blocked", "so_far", "began", "ended"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(whole, name)[inside], getattr(alone, name))


def test_many_kinds_of_votes_give_the_same_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(1, 900, 200).astype(np.int32)
    k = rng.binomial(n, 0.3).astype(np.int32)
    table, index = likelihoods(k, n)
    monkeypatch.setattr(levels, "_MARKED", 0)
    sorted_table, sorted_index = likelihoods(k, n)
    np.testing.assert_array_equal(table[:, index], sorted_table[:, sorted_index])


def test_what_was_known_at_the_time_does_not_change() -> None:
    part = [(hour, 3.0 * (50 <= hour < 60), 3.0) for hour in range(100)]
    early = smooth.smooth(series(part[:55])).so_far
    np.testing.assert_allclose(smooth.smooth(series(part)).so_far[:55], early, rtol=0)


def test_a_short_block_stands_out_of_what_often_fails() -> None:
    """After it, stray failures are as frequent as before: that is no news, and speaks against no block."""
    stray = [(hour, float(hour % 7 == 0), 6.0) for hour in range(600)]
    part = [(hour, 6.0, 6.0) if 300 <= hour < 303 else (hour, k, n) for hour, k, n in stray]
    blocked = smooth.smooth(series(part)).blocked
    assert blocked[300:303].min() > 0.99
    assert blocked[310:].max() < 0.05


def test_other_networks_help() -> None:
    one = [(hour, float(50 <= hour < 53), 1.0) for hour in range(100)]
    other = [(hour, 3.0 * (49 <= hour < 55), 3.0) for hour in range(100)]
    alone, both = series(one), series(one, other)
    first = smooth.smooth(both)
    pushed = smooth.smooth(both, smooth.others_at_the_time(both, first.so_far))
    assert pushed.blocked[50] > smooth.smooth(alone).blocked[50]


def test_bounds_of_onset_hold_the_gap() -> None:
    # Fine until hour 20, nothing until hour 40, blocked from then on.
    part = [(hour, 0.0, 3.0) for hour in range(20)] + [(hour, 3.0, 3.0) for hour in range(40, 60)]
    both = series(part)
    (run,) = runs(both, smooth.smooth(both))
    assert run.onset.earliest is not None
    assert run.onset.latest is not None
    assert 18 <= run.onset.earliest <= 22
    assert 38 <= run.onset.latest <= 41
    assert run.end.best is None


def test_c18_one_failing_look_among_others_that_work_is_no_restriction() -> None:
    broken = [Look(1, 12, 12), Look(1, 0, 9), Look(1, 1, 8), Look(2, 0, 5)]
    blocked = [Look(1, 6, 12), Look(1, 4, 9), Look(1, 5, 8), Look(2, 2, 5)]
    assert log_ratio(broken, 0.02, 18) < 0
    assert log_ratio(blocked, 0.02, 18) > 10


def test_c18_what_fails_for_weeks_is_hardly_one_broken_probe() -> None:
    alone = [Look(1, 40, 40)]
    assert log_ratio(alone, 0.02, 18) < log_ratio(alone, 0.02, 240) - 4


def test_c5_a_restriction_may_keep_to_the_networks_own_resolver() -> None:
    own = [Look(1, 9, 9), Look(1, 7, 7), Look(1, 4, 5)]
    public = [Look(8, 0, 9), Look(8, 0, 7), Look(8, 0, 6)]
    mixed = [*own[:2], *public, Look(1, 0, 8)]
    assert log_ratio([*own, *public], 0.02, 24) > 5
    assert log_ratio([*own, *public], 0.02, 24) > log_ratio(mixed, 0.02, 24) + 3


def test_c2_forgers_who_call_it_working_do_not_hide_that_all_others_find_it_blocked() -> None:
    honest = [Look(1, 120, 140), Look(1, 60, 80), Look(2, 25, 35), Look(2, 20, 30)]
    forged = [Look(1, 0, 16), Look(2, 0, 9), Look(1, 0, 7), Look(2, 0, 6)]
    assert log_ratio([*honest, *forged], 0.02, 72) > 3


def test_c12_hours_chosen_at_will_are_no_pattern_and_a_clock_is_one() -> None:
    """A third of the votes of five days fail by chance: some hours always fail more, and that is worth nothing."""
    rng = np.random.default_rng(3)
    hour = np.arange(5 * 24)
    fits = []
    for _ in range(200):
        n = rng.poisson(1.2, len(hour)) * UNITS
        k = rng.binomial(n // UNITS, 0.35) * UNITS
        found = recurrence(hour, k, n)
        fits += [] if found is None else [found]
    assert max(found.gain for found in fits) > 16
    assert max(found.surprise for found in fits) < KEPT_SURPRISE
    exams = np.isin(hour % 24, (5, 6, 7, 11, 12, 13))
    n = np.full(len(hour), UNITS)
    clock = recurrence(hour, np.where(exams, n, 0), n)
    assert clock is not None
    assert clock.surprise > 3 * KEPT_SURPRISE


def test_no_votes_say_nothing() -> None:
    assert log_ratio([], 0.02, 24) == 0


def test_surer_with_more_votes_and_more_company() -> None:
    sure = [calibration.probability(ratio, 8, patterned=False) for ratio in (-20, 0, 3, 6, 12, 50)]
    assert sure == sorted(sure)
    assert sure[0] < 0.01
    assert sure[-1] > 0.99
    assert calibration.probability(6, 4, patterned=False) < calibration.probability(6, 40, patterned=False)
    assert calibration.probability(3, 8, patterned=False) < calibration.probability(3, 8, patterned=True)


def test_c18_where_all_votes_have_one_look_the_votes_must_speak() -> None:
    few, many = (
        [calibration.probability(6, votes, patterned=False, alike=alike) for alike in (False, True)]
        for votes in (6, 200)
    )
    assert few[1] < 0.5 < few[0]
    assert calibration.probability(3, 300, patterned=False) < 0.6
    assert calibration.probability(3, 300, patterned=False, more=100) > 0.9
    assert many[1] > 0.9
