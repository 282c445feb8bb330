"""Charts: places, marks and shares, and what they do where there is little or nothing to draw."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallwatch.report import charts
from wallwatch.report.charts.axis import Axis, ticks
from wallwatch.report.charts.lines import _ceiling, _thin
from wallwatch.report.language import Language

ENGLISH = Language.of("en")
START = datetime(2024, 3, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def strip(*bins: charts.Bin, days: int = 10) -> str:
    """A chart of so many days with these bins."""
    end = START + days * DAY
    return str(charts.strip("x", bins, START, end, DAY, (START, end), "title", "description", ENGLISH))


def test_a_share_fills_its_part_of_the_cell() -> None:
    """Half of the sessions fill half of the height; the number is said, too."""
    drawn = strip(charts.Bin(START, 10, 5, 20, 10))
    full = re.search(r'c-fine" d="M44 14h[\d.]+v90h', drawn)
    half = re.search(r'c-blocked" d="M44 59h[\d.]+v45h', drawn)
    assert full is not None
    assert half is not None
    assert "<title>4 March 2024: 5 of 10 sessions</title>" in drawn


def test_c13_too_few_sessions_are_hatched_and_have_no_share() -> None:
    """C13: three of three found it, and that is still too little."""
    drawn = strip(charts.Bin(START, 3, 3, 3, 3))
    assert "c-few" in drawn
    assert "c-blocked" not in drawn
    assert "c-fine" not in drawn


def test_no_data_draws_nothing() -> None:
    drawn = strip(charts.Bin(START, 0, 0, 0, 0))
    assert not re.search("c-(few|fine|blocked|count)", drawn)


def test_the_same_chart_has_the_same_bytes() -> None:
    bins = [charts.Bin(START + n * DAY, n * 1.5, n / 3, n, n // 3) for n in range(10)]
    assert strip(*bins) == strip(*bins)


@given(
    st.integers(0, 28 * 365 * 24 * 60).map(
        lambda minutes: datetime(2012, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.integers(1, 24 * 365 * 12),
    st.integers(2, 10),
)
def test_marks_stand_within_and_in_order(start: datetime, hours: int, most: int) -> None:
    stop = start + timedelta(hours=hours)
    marks = ticks(start, stop, most, ENGLISH)
    moments = [moment for moment, _ in marks]
    assert moments == sorted(set(moments))
    assert all(start <= moment <= stop for moment in moments)
    assert len(marks) <= most + 1
    axis = Axis(start, stop, 10, 90)
    assert all(10 <= axis.x(moment) <= 90 for moment in moments)


def test_marks_of_months_skip_evenly() -> None:
    marks = ticks(START, START + 800 * DAY, 8, ENGLISH)
    assert [words for _, words in marks[:3]] == ["May 2024", "Sep 2024", "Jan 2025"]


@given(st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=2000), st.integers(10, 400))
def test_no_fall_is_thinned_away(values: list[float | None], most: int) -> None:
    times = [START + n * timedelta(minutes=10) for n in range(len(values))]
    thin = _thin(charts.Series(times, values, [50.0] * len(values)), most)
    assert len(thin.times) == len(thin.values) == len(thin.usual) <= max(most, 1)
    known = [value for value in values if value is not None]
    assert min((v for v in thin.values if v is not None), default=None) == min(known, default=None)


@pytest.mark.parametrize(
    ("highest", "ceiling"), [(100, 100), (101, 120), (7, 8), (0.9, 1), (0, 1), (2734, 3000)]
)
def test_the_axis_is_round_and_just_above(highest: float, ceiling: float) -> None:
    assert _ceiling([charts.Series([START], [highest], [None])]) == pytest.approx(ceiling)


def test_a_gap_stays_a_gap() -> None:
    times = [START + n * DAY for n in range(5)]
    drawn = str(
        charts.lines(
            "x",
            charts.Series(times, [90, 80, None, 10, 95], [90.0] * 5),
            (times[1], times[3]),
            "title",
            "description",
            ENGLISH,
        )
    )
    line = re.search(r'class="l-value" d="([^"]*)"', drawn)
    assert line is not None
    assert line[1].count("M") == 2


def test_a_bar_of_states_has_a_piece_for_each() -> None:
    drawn = str(charts.state_bar({"blocked": 1, "ok": 3, "insufficient": 0}))
    assert re.findall(r'class="(s-\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', drawn) == [
        ("s-blocked", "0", "25"),
        ("s-ok", "25", "75"),
    ]
    assert "s-" not in str(charts.state_bar({}))


def test_x3_titles_are_text() -> None:
    """X3: a title from data cannot end its element."""
    end = START + DAY
    drawn = str(
        charts.volume("x", [(START, 3)], DAY, "</title><script>", "\u202e</svg>", ENGLISH)
        + charts.matrix("y", [charts.Row("<b>", [])], START, end, DAY, (START, end), "t", "d", ENGLISH)
    )
    assert "<script" not in drawn
    assert "<b>" not in drawn
    assert "\u202e" not in drawn


def test_percentages_never_round_to_all_or_nothing() -> None:
    assert [ENGLISH.percent(share) for share in (0, 0.001, 0.5, 0.999, 1)] == [
        "0 %",
        "under 1 %",
        "50 %",
        "over 99 %",
        "100 %",
    ]


def test_a_single_moment_can_be_drawn() -> None:
    for value in (5.0, None, 0.0):
        drawn = str(
            charts.lines("x", charts.Series([START], [value], [None]), (START, START), "t", "d", ENGLISH)
            + charts.small_lines(
                "y", charts.Series([START], [value], [7.0]), (START, START), "t", "d", ENGLISH
            )
        )
        assert drawn.count("<svg") == 2
        assert "nan" not in drawn
