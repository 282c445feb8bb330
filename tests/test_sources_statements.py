"""Statements are taken in as what somebody said, with the precision that their date has."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallwatch.schema.statements import parse_date
from wallwatch.sources import statements_csv


def read(text, file_id="f"):
    (batch,) = statements_csv.read(io.BytesIO(text if isinstance(text, bytes) else text.encode()), file_id)
    return batch.tables["statements"].to_pylist(), batch.tables["quarantine"].to_pylist()


def test_the_twelve_statements_of_a_real_article(shared_data):
    raw = (shared_data / "record" / "statements.csv").read_bytes()
    assert statements_csv.recognise(raw[:65536])
    rows, aside = read(raw)
    assert (len(rows), aside) == (12, [])
    assert rows[0]["speaker"] == "Nasser Rafie"
    assert (rows[0]["said"].isoformat(), rows[0]["said_precision"]) == ("2020-08-01T00:00:00+00:00", "month")
    assert len({row["statement_id"] for row in rows}) == 12


@pytest.mark.parametrize(
    ("date", "said", "precision"),
    [
        ("2020", "2020-01-01", "year"),
        ("2020-08-23", "2020-08-23", "day"),
        ("2020-08-23T14:05Z", "2020-08-23", "minute"),
        ("", None, "unknown"),
    ],
)
def test_a_date_keeps_the_precision_that_it_has(date, said, precision):
    moment, found = parse_date(date)
    assert (moment and moment.date().isoformat(), found) == (said, precision)


def test_a_row_that_says_nothing_is_set_aside_with_its_line_and_reason():
    rows, aside = read('speaker,date,quote\nA,2020-13-01,"no\nsuch month"\n,2020,words\nB,2020,words\n')
    assert [row["speaker"] for row in rows] == ["B"]
    assert [(row["line"], row["reason"]) for row in aside] == [
        (2, "statement: month must be in 1..12"),
        (4, "statement: no speaker"),
    ]


def test_other_csv_files_are_not_taken_for_statements():
    assert not statements_csv.recognise(b"time,region,value\n")


@given(st.lists(st.lists(st.text(max_size=8), min_size=3, max_size=3), max_size=8))
def test_no_row_is_lost(rows):
    import csv

    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["speaker", "date", "quotation"])
    writer.writerows(rows)
    found, aside = read(out.getvalue().encode("utf-8", "surrogatepass"))
    assert len(found) + len(aside) == sum(any(field.strip() for field in row) for row in rows)
