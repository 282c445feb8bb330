"""Could forgers have made it? Failures that keep their own pace, and failures that follow what is measured (trap C2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detect_worlds import World, at
from wallwatch import detect
from wallwatch.detect import rows
from wallwatch.detect.episodes import Episode
from wallwatch.detect.find import kept
from wallwatch.detect.forging import Hourly, forgeable, traces
from wallwatch.detect.one_probe import Look, of_their_like
from wallwatch.detect.recurrence import Recurrence
from wallwatch.detect.restrictions import Support, doubt, in_company
from wallwatch.detect.runs import Moment, Run
from wallwatch.detect.votes import UNITS
from wallwatch.detect.votes import votes as votes_of

HOURS = 30 * 24
UNKNOWN = Moment(None, None, None)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def hourly(honest: np.ndarray, forged: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> Hourly:
    """Honest votes of which a share is against the target, and forged ones that all are."""
    n, more = rng.poisson(honest), rng.poisson(forged)
    k = rng.binomial(n, share) + more
    return Hourly(np.arange(HOURS, dtype=np.int32), k.astype(float), (n + more).astype(float))


def episode(votes: Hourly, *parts: tuple[int, int]) -> Episode:
    """What the filter would find in these hours, the last of each within."""
    found = []
    for first, last in parts:
        k, n, _ = votes.count(first, last + 1)
        key = ("XA", "news.example", "news.example", 64500, "all")
        found.append(Run(key, first, last, UNKNOWN, UNKNOWN, 0.999, first, k, n, (), 0.01, 5000.0))
    return Episode("XA", "news.example", 64500, tuple(found))


def why(votes: Hourly, *parts: tuple[int, int], credentialed: bool = False) -> str | None:
    one = episode(votes, *parts)
    return forgeable(one, traces(votes, one), credentialed=credentialed, one_look=False)


def steady(value: float, within: Callable[[int], bool] = lambda _: True) -> np.ndarray:
    return np.array([value if within(hour) else 0.0 for hour in range(HOURS)])


def test_a_block_is_none_however_loudly_forgers_call_it_fine(rng: np.random.Generator) -> None:
    inside = steady(0.6, lambda hour: 240 <= hour < 312)
    assert why(hourly(steady(5), steady(0), inside, rng), (240, 311)) is None


def test_forgers_are_most_where_nobody_else_measures(rng: np.random.Generator) -> None:
    """They go on as before and after; only the others pause."""
    honest = steady(5, lambda hour: not 300 <= hour < 390)
    forged = steady(2.1, lambda hour: 200 <= hour < 500)
    votes = hourly(honest, forged, steady(0.01), rng)
    k, n, _ = votes.count(300, 390)
    assert k > 0.9 * n
    assert why(votes, (300, 389)) is not None


def test_c2_forgers_fill_a_gap_and_stop_soon_after_it(rng: np.random.Generator) -> None:
    """Most of what is near is before and after they were at work, and shows no failures."""
    honest = steady(8, lambda hour: not 300 <= hour < 358)
    votes = hourly(honest, steady(3.5, lambda hour: 272 <= hour < 376), steady(0.01), rng)
    k, n, _ = votes.count(300, 358)
    assert k == n
    assert why(votes, (300, 357)) == "around"


def test_a_short_full_block_stands_out_of_failures_around_it(rng: np.random.Generator) -> None:
    """A broken probe fails for two days around it: the block has more than its pace."""
    share = steady(0.15, lambda hour: 276 <= hour < 324) + steady(0.85, lambda hour: 300 <= hour < 303)
    votes = hourly(steady(6), steady(0), share, rng)
    assert why(votes, (300, 302)) is None


def test_a_block_goes_on_while_fewer_measure(rng: np.random.Generator) -> None:
    honest = steady(5) - steady(3.5, lambda hour: 300 <= hour < 390)
    assert why(hourly(honest, steady(0), steady(1, lambda hour: 280 <= hour < 400), rng), (280, 399)) is None


def busy_days(rng: np.random.Generator) -> np.ndarray:
    """Five measurements an hour on the average, from one to twelve by the day."""
    return np.repeat(rng.permutation([1.0, 2.0, 3.0, 5.0, 7.0, 12.0] * 5), 24)


def test_failures_that_keep_their_own_pace_are_a_doubt_and_those_that_follow_are_none(
    rng: np.random.Generator,
) -> None:
    """Half of the votes of a week are against the target either way, and nothing before or after."""
    during = (240, 407)
    honest = busy_days(rng)
    inside = steady(1, lambda hour: during[0] <= hour <= during[1])
    partial = hourly(honest, steady(0), 0.5 * inside, rng)
    mean = honest[during[0] : during[1] + 1].mean()
    forged = hourly(0.5 * honest, 0.5 * mean * inside, steady(0.0), rng)
    for votes in (partial, forged):
        k, n, _ = votes.count(during[0], during[1] + 1)
        assert 0.44 < k / n < 0.56
    assert why(partial, during) is None
    assert why(forged, during) == "pace"


def test_hours_that_fail_most_between_others_that_fail_as_often_are_no_restriction(
    rng: np.random.Generator,
) -> None:
    """Forgers over ten days: the filter takes the hours in which few others measure."""
    honest = np.tile(np.repeat([0.6, 8.0], 36), HOURS // 72)
    votes = hourly(honest, steady(1.5, lambda hour: 216 <= hour < 456), steady(0.01), rng)
    quiet = [(first, first + 35) for first in range(216, 432, 72)]
    assert sum(votes.count(a, b + 1)[0] for a, b in quiet) > 0.6 * sum(
        votes.count(a, b + 1)[1] for a, b in quiet
    )
    assert why(votes, *quiet) is not None


def test_pauses_of_a_restriction_in_which_all_works_are_no_doubt(rng: np.random.Generator) -> None:
    blocked = steady(1, lambda hour: 216 <= hour < 432 and hour % 72 < 36)
    votes = hourly(steady(2), steady(0), blocked, rng)
    assert why(votes, *[(first, first + 35) for first in range(216, 432, 72)]) is None


def test_a_tail_of_stray_failures_does_not_undo_a_block(rng: np.random.Generator) -> None:
    """Three tenths of all call a full block fine, and the filter lets it go on into days of few failures."""
    share = steady(0.7, lambda hour: 240 <= hour < 312) + steady(0.12, lambda hour: 312 <= hour < 500)
    votes = hourly(steady(5), steady(0), share, rng)
    k, n, _ = votes.count(240, 500)
    assert k < 0.35 * n
    assert why(votes, (240, 499)) is None


def test_of_credentials_less_is_enough(rng: np.random.Generator) -> None:
    votes = hourly(steady(5), steady(0), steady(0.33, lambda hour: 240 <= hour < 312), rng)
    assert why(votes, (240, 311)) is not None
    assert why(votes, (240, 311), credentialed=True) is None


def test_forgers_who_come_when_others_measure_are_taken_off_by_the_vote(rng: np.random.Generator) -> None:
    """Three tenths of all for ten days, as busy as the others; for two of these a probe of the honest is broken."""
    busy = np.where((np.arange(HOURS) >= 300) & (np.arange(HOURS) < 348), 12.0, 4.0)
    share = steady(0.03) + steady(0.3, lambda hour: 300 <= hour < 348)
    forged = 0.43 * busy * steady(1, lambda hour: 216 <= hour < 456)
    found = hourly(busy, forged, share, rng)
    k, n, _ = found.count(300, 348)
    assert k > 0.48 * n
    assert why(found, (300, 347)) is not None
    # As many failures with nothing around them are a partial block.
    assert why(hourly(busy, steady(0), steady(0.56, lambda hour: 300 <= hour < 348), rng), (300, 347)) is None


def test_the_like_of_those_who_found_it_fine_must_fail_as_well() -> None:
    """Where less than half are against it, of two votes an hour: forgers and broken probes make as much."""
    hours = np.arange(HOURS, dtype=np.int32)
    inside = (hours >= 240) & (hours < 288)
    found = Hourly(hours, np.where(inside & (hours % 16 > 0), 1.0, 0.0), np.full(HOURS, 2.0))
    one = episode(found, (240, 287))
    k, n, _ = found.count(240, 288)
    assert (k, n) == (45, 96)

    def because(*looks: Look) -> str | None:
        assert sum(look.against for look in looks) == k
        assert sum(look.votes for look in looks) == n
        asked = of_their_like(looks)
        return forgeable(one, traces(found, one), credentialed=False, one_look=False, of_their_like=asked)

    assert because(Look(None, 24, 50), Look(None, 21, 46)) is None
    # Two broken looks and forgers, who speak for the software of the others too.
    assert because(Look(None, 14, 14), Look(None, 12, 12), Look(None, 13, 50), Look(15169, 6, 20)) == "share"
    # Forgers whose software nobody else has.
    assert because(Look(None, 40, 40), Look(15169, 5, 56)) == "share"


def test_a_block_for_those_behind_one_resolver_goes_on_after_a_gap() -> None:
    """Two thirds of all votes for three weeks are more than forgers and broken probes make, though all others are fine."""
    hours = np.arange(HOURS, dtype=np.int32)
    voted = np.where(hours // 24 % 4 == 0, hours % 24 < 12, hours % 24 == 20) & (hours < 612)
    blocked = voted & (hours >= 100) & (np.cumsum(voted) % 3 > 0)
    after = np.isin(hours, (630, 640, 650))
    found = Hourly(hours, np.where(blocked | after, 1.0, 0.0), np.where(voted | after, 1.0, 0.0))
    one = episode(found, (100, 600))
    told = traces(found, one)
    assert told[0].against < 0.5 * told[0].votes
    assert one.tells_most[0] > 0.6 * one.tells_most[1]
    assert forgeable(one, told, credentialed=False, one_look=False, of_their_like=(0.0, 28.0)) is None


def test_forgers_who_call_a_block_fine_by_the_clock_do_not_hide_it() -> None:
    """They outnumber the few who measure in it; but it is what they say that comes in every hour alike."""
    hours = np.arange(HOURS, dtype=np.int32)
    inside = (hours >= 240) & (hours < 312)
    awake = hours % 24 < 12

    def said(blocked: np.ndarray, fine: np.ndarray) -> str | None:
        k = np.where(inside, blocked, 0.0)
        found = Hourly(hours, k, np.where(inside, blocked + fine, 4.0))
        one = episode(found, (240, 311))
        assert 0.4 < one.tells_most[0] / one.tells_most[1] < 0.5
        return forgeable(
            one, traces(found, one), credentialed=False, one_look=False, of_their_like=(30.0, 100.0)
        )

    assert said(np.where(awake, 4.0, 1.0), np.full(HOURS, 2.75)) is None
    assert said(np.full(HOURS, 2.5), np.where(awake, 4.0, 1.6)) == "share"


def test_what_forgers_could_have_made_at_other_times_is_usual_there(rng: np.random.Generator) -> None:
    """They add three tenths for weeks; after a pause in which nobody measures, most of a few votes are theirs."""
    share = np.where(np.arange(HOURS) < 400, 0.3, np.where(np.arange(HOURS) >= 480, 0.65, 0.0))
    found = hourly(steady(2, lambda hour: not 400 <= hour < 480 and hour < 528), steady(0), share, rng)
    forged, later = episode(found, (0, 399)), episode(found, (480, 527))
    quiet = replace(later.runs[0], votes_beside=20.0)
    later = replace(later, runs=(quiet,))

    def supported(one: Episode) -> Support:
        return Support(
            sources=50, alone=False, patterned=False, traces=traces(found, one), of_their_like=(60.0, 120.0)
        )

    supports = {one: supported(one) for one in (forged, later)}
    assert doubt(later, in_company([later], supports)[later]) is None
    together = in_company([forged, later], supports)
    assert doubt(forged, together[forged]) is not None
    assert doubt(later, together[later]) == "around"


def test_forgers_who_are_all_who_measure_for_days_make_no_block(rng: np.random.Generator) -> None:
    """They begin with a pause of the others, where nothing before it tells of them."""
    honest = steady(1, lambda hour: not 340 <= hour < 400)
    found = hourly(honest, steady(0.25, lambda hour: 345 <= hour < 400), steady(0), rng)
    one = episode(found, (345, 399))
    told = traces(found, one)

    def because(before: float) -> str | None:
        runs = (replace(one.runs[0], votes_before=before),)
        return forgeable(replace(one, runs=runs), told, credentialed=False, one_look=False)

    assert because(168.0) == "share"
    # As many are a block where no more is measured in other weeks.
    assert because(40.0) is None


def test_a_full_block_after_a_busy_week_is_one(rng: np.random.Generator) -> None:
    """A campaign measured ten times as much the week before; nothing fails around it."""
    found = hourly(steady(1), steady(0), steady(1, lambda hour: 345 <= hour < 405), rng)
    one = episode(found, (345, 404))
    one = replace(one, runs=(replace(one.runs[0], votes_before=1680.0),))
    assert forgeable(one, traces(found, one), credentialed=False, one_look=False) is None


def test_forgers_crowd_by_chance_in_a_few_hours() -> None:
    """They come for a day, most of them first: of many stretches of hours, one is such. Alone, as many are a short block."""
    hours = np.arange(HOURS, dtype=np.int32)
    crowd = (hours >= 300) & (hours < 306)
    later = (hours >= 318) & (hours < 340)
    votes = np.full(HOURS, 3.0)
    assert why(Hourly(hours, np.where(crowd, 1.65, 0.0), votes), (300, 305)) is None
    assert why(Hourly(hours, np.where(crowd, 1.65, np.where(later, 0.9, 0.0)), votes), (300, 305)) == "share"


def test_c12_days_in_a_row_are_no_pattern_of_days() -> None:
    """Some votes of one week are on some of its days and at some hours of these: a pattern comes again."""
    hours = tuple(range(8, 16))
    weekend = Recurrence(hours, (5, 6, 0), 4, 1.0, 0.05, 40.0, 200.0)
    assert not kept(weekend, 7 * 24 + 3)
    assert kept(weekend, 16 * 24)
    assert kept(replace(weekend, weekdays=tuple(range(7))), 7 * 24 + 3)


def test_forgers_of_one_run_are_no_others_proof(rng: np.random.Generator) -> None:
    """They fill a gap and stop soon after it; days later, some failures of an hour make a second run."""
    honest = steady(5, lambda hour: not 300 <= hour < 360)
    forged = steady(1, lambda hour: 270 <= hour < 376)
    found = hourly(honest, forged, steady(0.005) + steady(0.5, lambda hour: 540 <= hour < 544), rng)
    assert why(found, (300, 359)) is not None
    assert why(found, (300, 359), (540, 543)) is not None


def test_a_session_is_heard_once_and_a_probe_again_each_time_less() -> None:
    """However many hours a session tells of: nothing shows that it was there."""
    world = World()
    for hour in range(8):
        bad = "likely_blocked" if hour < 4 else "ok"
        world.measure(at(1, hour), bad, session="one", target="a.example")
        world.measure(at(1, hour), bad, session=f"s{hour}", probe_id="p", target="b.example")
    with world.connect() as con:
        rows.prepare(con, trusted=True)
        series = votes_of(con)
    told = {
        key[2]: (series.k[a:b].sum() / UNITS, series.n[a:b].sum() / UNITS)
        for key, a, b in zip(series.keys, series.start, series.start[1:], strict=False)
        if key[4] == "all"
    }
    four = sum(rank**-0.5 for rank in range(1, 5))
    assert told["a.example"] == (1, 2)
    assert told["b.example"] == pytest.approx((four, 2 * four), abs=0.2)


def test_c2_few_sessions_of_many_rows_make_no_event(rng: np.random.Generator) -> None:
    """Three tenths of the sessions, each with a row in twelve hours, are four fifths of the rows."""
    world = World()
    kinds = [f"probe {number}" for number in range(4)]
    for day in range(30):
        for number in range(24):
            world.measure(at(day, float(rng.uniform(0, 24))), software=kinds[number % 4])
        for number in range(10 if 10 <= day < 20 else 0):
            first = float(rng.uniform(0, 12))
            for hour in range(12):
                world.measure(
                    at(day, first + hour),
                    "likely_blocked",
                    session=f"f{day}-{number}",
                    software=kinds[number % 4],
                )
    with world.connect() as con:
        assert detect.events_and_doubts(con)[0].num_rows == 0
