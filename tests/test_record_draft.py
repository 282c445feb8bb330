"""Drafts of articles in several styles: what was said, by whom, when; and what only looks like it."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallwatch.evaluate import record as scoring
from wallwatch.record.draft import draft
from wallwatch.record.text.dates import find_dates
from wallwatch.record.text.names import understood
from wallwatch.record.text.quotes import find_quotes

ARTICLES = Path(__file__).parent / "data" / "record"


def quoted(text):
    return [text[one.start : one.end] for one in find_quotes(text)]


def said(text, base=date(2021, 6, 16), **more):
    return [(one.speaker, one.date, one.quotation) for one in draft(text, base=base, **more)]


def test_the_article_of_the_real_record(shared_data):
    score = scoring.evaluate(shared_data / "record" / "statements.csv", base=date(2020, 8, 31))
    assert score.found.part >= 10
    assert score.speakers.part >= 9
    assert score.dates.part >= 8
    assert score.offsets.part == score.offsets.whole
    assert len(score.spurious) <= 3


def test_articles_of_sixteen_countries_and_styles():
    score = scoring.evaluate(ARTICLES / "truth.csv")
    assert len(score.matches) == 93
    assert score.found.part >= 89
    assert score.speakers.part >= 86
    assert score.dates.part >= 86
    assert score.offsets.part == score.offsets.whole
    assert len(score.spurious) <= 3


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('He said, “one ‘two’ three.” And "four five" ends.', ["one ‘two’ three.", "four five"]),
        (
            "‘We won’t cut the users’ internet,’ he said. It's 'fake news'.",
            ["We won’t cut the users’ internet,", "fake news"],
        ),
        ("«ما اینترنت را قطع نمی‌کنیم»، گفت", ["ما اینترنت را قطع نمی‌کنیم"]),
        ("„Das Netz bleibt offen“, sagte er", ["Das Netz bleibt offen"]),
        ('"A "nested" quote here," he said', ['A "nested" quote here,']),
        ('a 6" screen and a 5" pipe', []),
        ("rock and roll in the '90s isn't dead", []),
        ("“Para one goes on\n\n“Para two ends.” she said", ["Para one goes on", "Para two ends."]),
    ],
)
def test_quotation_marks_of_all_kinds(text, found):
    assert quoted(text) == found


@pytest.mark.parametrize(
    ("text", "since", "precision"),
    [
        ("on Saturday warned", "2020-08-29", "day"),
        ("on Monday", "2020-08-31", "day"),
        ("last Monday", "2020-08-24", "day"),
        ("on August 23, he", "2020-08-23", "day"),
        ("on 5 December", "2019-12-05", "day"),
        ("protests in November, which", "2019-11-01", "month"),
        ("in Nov. 2019", "2019-11-01", "month"),
        ("recently said", "2020-08-01", "month"),
        ("last week", "2020-08-24", "week"),
        ("two days ago", "2020-08-29", "day"),
        ("three months ago", "2020-05-01", "month"),
        ("earlier this year", "2020-01-01", "year"),
        ("in the summer of 2019", "2019-06-01", "season"),
        ("1 Shahrivar 1399", "2020-08-22", "day"),
        ("۱ شهریور ۱۳۹۹", "2020-08-22", "day"),
        ("1399/06/01", "2020-08-22", "day"),
        ("in Aban 1398", "2019-10-23", "month"),
        ("on 16 November 2019 at 21:00 UTC", "2019-11-16T21:00", "minute"),
        ("at 9 pm GMT on 16 Nov. 2019", "2019-11-16T21:00", "hour"),
        ("on Monday, August 24, he", "2020-08-24", "day"),
        ("23.08.2020", "2020-08-23", "day"),
        ("03/04/2020", "2020-01-01", "year"),
    ],
)
def test_a_date_keeps_the_precision_that_remains(text, since, precision):
    (found,) = find_dates(text, date(2020, 8, 31), past=True)
    assert found.since is not None
    assert (found.since.strftime("%Y-%m-%dT%H:%M")[: len(since)], found.precision) == (since, precision)


@pytest.mark.parametrize(
    "text",
    [
        "the Friday Prayer Leader",
        "the Sunday Times reported",
        "the Mehr News Agency",
        "they may march on",
        "in the 1990s",
        "2,019 people",
        "AS2019",
        "February 30",
        "Black Friday",
    ],
)
def test_words_that_only_look_like_dates(text):
    assert find_dates(text, date(2020, 8, 31)) == []


def test_a_relative_date_without_a_day_to_count_from_is_found_and_not_resolved():
    (found,) = find_dates("on Saturday", None)
    assert (found.since, found.precision) == (None, "unknown")
    assert said("“The internet was cut here,” said Jane Doe on Saturday.", base=None) == [
        ("Jane Doe", "", "The internet was cut here,")
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "“We will not cut it,” said Deputy Communications Minister Jane Doe on Tuesday.",
            ("Jane Doe", "2021-06-15"),
        ),
        (
            "Jane Doe, minister of information, told Reuters on Tuesday: “We will not cut it.”",
            ("Jane Doe", "2021-06-15"),
        ),
        ("According to Jane Doe, a lawyer, “nobody has asked a court”.", ("Jane Doe", "")),
        (
            "“Nobody has asked a court,” the state news agency SANA quoted Jane Doe as saying.",
            ("Jane Doe", ""),
        ),
        ("Jane Doe was quoted by SANA as saying “nobody has asked a court”.", ("Jane Doe", "")),
        ("The ministry shut the network down, citing “threats to public order”.", ("ministry", "")),
        ("Jane Doe met John Roe on Monday. “It is a mistake,” he said.", ("", "")),
        ("“It is a mistake and nothing else.”", ("", "")),
        ("John Roe opposed the law. “It is a mistake,” he said.", ("John Roe", "")),
        ("Ms Jane Doe opposed the law. “It is a mistake,” he said.", ("", "")),
    ],
)
def test_a_speaker_is_named_where_the_grammar_settles_it_and_nobody_else(text, found):
    ((speaker, day, _),) = said(text)
    assert (speaker, day) == found


@pytest.mark.parametrize(
    "text",
    [
        "The so-called “digital peace” is here to stay.",
        "The film “The Night We Went Dark” was shown in March.",
        "A book titled “How the net was lost” sold well.",
        "(Photo by Jane Doe: a sign reads “give us our internet back”)",
        "‘We will cut the internet’, minister warns\n\nNothing was cut in the end.",
        "The minister will block the internet if the protests go on.",
        "Should they shut down the internet in May?",
    ],
)
def test_what_only_looks_like_a_statement_is_not_proposed(text):
    assert draft(text, base=date(2021, 6, 16)) == []


@pytest.mark.parametrize(
    ("phrase", "name", "role"),
    [
        ("Deputy Communications Minister Jane Doe", "Jane Doe", "Deputy Communications Minister"),
        ("the state-run Hamdeli daily", "Hamdeli", "state-run daily"),
        ("Ursula von der Leyen", "Ursula von der Leyen", ""),
        (
            "Minister of Posts and Telecommunications Minette Libom",
            "Minette Libom",
            "Minister of Posts and Telecommunications",
        ),
        ("Kenya's Communications Authority", "Communications Authority", "Kenya's"),
        ("a spokesman for Safaricom", "spokesman for Safaricom", ""),
        ("Safaricom chief executive Peter Ndegwa", "Peter Ndegwa", "Safaricom chief executive"),
    ],
)
def test_names_and_roles(phrase, name, role):
    found = understood(phrase)
    assert (found.name, found.role) == (name, role)


@pytest.mark.parametrize("text", ["“", '"a ', "'a ", "Minister of ", "in May ", "A, "])
def test_hostile_prose_takes_no_more_than_its_length(text):
    assert draft(text * 20_000, base=date(2021, 6, 16)) == []


@given(
    st.lists(
        st.sampled_from(
            [
                "“",
                "”",
                '"',
                "'",
                "«",
                "»",
                "‘",
                "’",
                "\n",
                "\n\n",
                ". ",
                ", ",
                ": ",
                "Jane Doe",
                "he",
                "said",
                "the ministry",
                "on Monday",
                "in November",
                "the internet was cut",
                "told Reuters",
                "who",
                "according to",
                "\u202e",
                "\x1b[31m",
                "<b>",
                "27 Mordad 1400",
            ]
        ),
        max_size=40,
    )
)
@settings(max_examples=150, deadline=None)
def test_every_place_holds_exactly_its_words(parts):
    text = " ".join(parts)
    for one in draft(text, base=date(2021, 6, 16)):
        assert text[one.start : one.end] == one.quotation
        assert one.quotation.strip()
