"""Statements beside what was measured: lags that claim no more than is known, and calendars that may be coincidences."""

from datetime import timedelta

import numpy as np
import pytest

from console import run
from record_world import at, cells, connect, event, outage, signal, statement
from wallwatch.record import calendars, links
from wallwatch.schema.statements import Window, parse_windows

TIMETABLE = (
    "2023-11-01/2023-11-03 05:00-08:00,11:00-14:00; 2023-11-06/2023-11-10 05:00-08:00,11:00-14:00; "
    "2023-11-13/2023-11-17 05:00-08:00,11:00-14:00; 2023-11-20/2023-11-24 05:00-08:00,11:00-14:00"
)
EVENT = event([11], "2023-11-08T09:00", "2023-11-24T14:00")


def said(date, **more):
    fields = {
        "speaker": "A",
        "quotation": "q",
        "country": "KE",
        "targets": "telegram",
        "restriction": "blocking",
        **more,
    }
    return connect(
        events=[EVENT], cells=cells(11, "2023-11-01", 30), statements=[statement(date=date, **fields)]
    )


@pytest.mark.parametrize(
    ("date", "place", "lag"),
    [
        ("2023-11-07", "before", "between 9 h and 34 h before it began"),
        ("2023-11-08T06:00Z", "before", "between 3 h and 4 h before it began"),
        ("2023-11-08", "around the onset", "about when it began"),
        ("2023-11-10T09:30Z", "during", "between 2 days and 2 days after it began"),
        ("2023-11-26", "after", "between 33 h and 58 h after it ended"),
        ("2023-11", "around the onset", "about when it began"),
    ],
)
def test_a_lag_says_all_that_both_times_leave_open(date, place, lag):
    (found,) = links.links(said(date))
    assert found.place == place
    if place != "during":
        assert found.lag == lag


@pytest.mark.parametrize(
    "fields",
    [
        {"country": "UG"},
        {"targets": "whatsapp"},
        {"networks": "AS99"},
        {"restriction": "shutdown"},
        {"targets": "", "restriction": ""},
    ],
)
def test_a_statement_about_something_else_is_not_put_beside_it(fields):
    assert links.links(said("2023-11-10", **fields)) == []


def test_a_statement_of_another_time_is_not_put_beside_it():
    assert links.links(said("2022-11-10")) == []
    assert links.links(said("")) == []
    assert len(links.links(said("2024-05-01", about_since="2023-11-10", about_until="2023-11-12"))) == 1


def test_a_corrected_statement_gives_way_to_its_correction():
    old = statement(speaker="A", quotation="q", date="2023-11-07", country="KE", targets="telegram")
    new = statement(
        speaker="A",
        quotation="q",
        date="2023-11-26",
        country="KE",
        targets="telegram",
        corrects=old["statement_id"],
    )
    found = links.links(connect(events=[EVENT], cells=cells(11, "2023-11-01", 30), statements=[old, new]))
    assert [one.statement["statement_id"] for one in found] == [new["statement_id"]]


def test_a_statement_about_a_shutdown_stands_beside_the_national_outage():
    con = connect(
        outages=[
            outage("2019-11-16T21:00", None),
            outage("2019-11-16T21:00", None, region="Qom", parent="ou-2019-11-16T21:00-None"),
        ],
        signals=signal("2019-11-11", 200),
        statements=[
            statement(speaker="A", date="2019-11-18", quotation="q", country="IR", restriction="shutdown")
        ],
    )
    (found,) = links.links(con)
    assert (found.sort, found.place) == ("outage", "during")


def hours(windows, days=46, inside=0.9, outside=0.02, start="2023-10-15", seed=1):
    """Votes of three sessions an hour, and those against, at these rates."""
    rng = np.random.default_rng(seed)
    first = at(start)
    votes = np.full(days * 24, 3.0)
    rate = np.full(days * 24, outside)
    for one in windows:
        low = int((one.start - first) / timedelta(hours=1))
        high = int((one.end - first) / timedelta(hours=1))
        rate[max(low, 0) : max(high, 0)] = inside
    return first, votes, rng.binomial(3, rate).astype(float)


def moved(windows, **by):
    return [Window(one.start + timedelta(**by), one.end + timedelta(**by)) for one in windows]


def test_a_timetable_that_is_kept_to_is_linked_and_a_shifted_one_is_not():
    windows = parse_windows(TIMETABLE)
    data = hours(windows)
    kept = calendars.agreement(*data, windows, ended=at("2023-11-24T14:00"))
    assert kept.linked
    assert kept.p_value < 0.01
    for by in (
        {"days": 7},
        {"days": -7},
        {"days": 1},
        {"hours": 12},
        {"hours": 3},
        {"hours": -3},
        {"days": 14},
    ):
        assert not calendars.agreement(*data, moved(windows, **by), ended=at("2023-11-24T14:00")).linked, by


@pytest.mark.parametrize("seed", range(8))
def test_blocking_at_other_times_is_called_a_coincidence(seed):
    nightly = parse_windows("2023-10-20/2023-11-20 22:00-04:00")
    found = calendars.agreement(*hours(nightly, seed=seed), parse_windows(TIMETABLE))
    assert found is None or not found.linked


def test_blocking_day_and_night_is_not_tied_to_hours():
    found = calendars.agreement(*hours(parse_windows("2023-11-08/2023-11-24")), parse_windows(TIMETABLE))
    assert not found.linked


def test_one_election_day_is_too_few_to_tell():
    windows = parse_windows("2023-11-08")
    found = calendars.agreement(*hours(windows), windows)
    assert not found.linked
    assert "too few" in found.because


def test_a_timetable_of_another_year_has_nothing_in_common():
    assert (
        calendars.agreement(*hours(parse_windows(TIMETABLE)), parse_windows("2022-11-01/2022-11-20")) is None
    )


def test_kenyas_timetable_and_the_event_of_the_real_data(tmp_path, shared_data):
    ran = run(["run", str(shared_data / "ooni" / "export"), "-w", "W", "-q"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    for name, windows in (
        ("published", TIMETABLE),
        ("a week late", TIMETABLE_LATER),
        ("in the evening", TIMETABLE.replace("05:00-08:00,11:00-14:00", "17:00-20:00,23:00-02:00")),
    ):
        (tmp_path / "t.csv").write_text(
            f'speaker,kind,date,quotation,country,windows\nthe council,timetable,2023-03,"timetable, {name}",KE,"{windows}"\n',
            encoding="utf-8",
        )
        ran = run(["record", "confirm", "t.csv", "-w", "W", "--by", "R", "--at", "2026-11-24"], tmp_path)
        assert ran.returncode == 0, ran.stderr
    printed = run(["record", "link", "-w", "W"], tmp_path).stdout
    parts = printed.split("ev-")[1:]
    assert len(parts) == 3
    linked = {part.split("timetable, ")[1].split("”")[0]: "  LINKED" in part for part in parts}
    assert linked == {"published": True, "a week late": False, "in the evening": False}
    assert "p = 0.00" in next(part for part in parts if "published" in part)

    ran = run(["report", "-w", "W", "-o", "R", "-q"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    (page,) = (tmp_path / "R" / "event").glob("*.html")
    text = page.read_text(encoding="utf-8")
    assert "What was said" in text
    assert "keeps to this calendar" in text
    assert "not linked to this calendar" in text


TIMETABLE_LATER = (
    "2023-11-08/2023-11-10 05:00-08:00,11:00-14:00; 2023-11-13/2023-11-17 05:00-08:00,11:00-14:00; "
    "2023-11-20/2023-11-24 05:00-08:00,11:00-14:00; 2023-11-27/2023-12-01 05:00-08:00,11:00-14:00"
)
