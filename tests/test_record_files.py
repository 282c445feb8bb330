"""Files of statements, documents and the log: round trips, errors with their place, provenance, changed bytes."""

import gzip
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console import run
from wallwatch._errors import WallwatchError
from wallwatch.record import documents, files
from wallwatch.record.fragments import fragment
from wallwatch.record.store import Record
from wallwatch.schema.layout import Layout
from wallwatch.schema.statement_fields import fields, row
from wallwatch.schema.statements import parse_date, parse_windows, write_date

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
WORDS = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), min_size=1, max_size=60
).filter(lambda text: text.strip() == text)
PLAIN = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp")),
    min_size=1,
    max_size=60,
).filter(lambda text: text.strip() == text)
DATES = st.sampled_from(
    [
        "",
        "2020",
        "2020-08",
        "2020-summer",
        "2020-W34",
        "2020-08-23",
        "2020-08-23T14Z",
        "2020-08-23T14:05Z",
        "unknown",
    ]
)


def statements(words):
    return st.fixed_dictionaries(
        {"speaker": words, "quotation": words, "date": DATES},
        optional={
            "role": words,
            "published_in": words,
            "subject": words,
            "language": st.just("fa"),
            "country": st.sampled_from(["NO", "ir"]),
            "networks": st.just("AS33771, 37061"),
            "targets": st.just("t.me; telegram"),
            "windows": st.just("2023-11-01/2023-11-03 05:00-08:00,11:00-14:00; 2023-11-06"),
            "about_since": st.just("2023-11-01"),
            "about_until": st.just("2023-11-24"),
        },
    )


@given(st.lists(statements(WORDS), max_size=5))
@settings(max_examples=60, deadline=None)
def test_yaml_gives_back_every_statement(listed):
    rows = [row(one) for one in listed]
    text = files.write_yaml(rows, {"file": "a: #b"}, draft=True)
    read = files.read(text.encode(), "f.yaml")
    assert read.problems == ()
    assert [dict(one.row) for one in read.entries] == rows
    assert all(one.draft for one in read.entries)


@given(st.lists(statements(PLAIN), max_size=5))
@settings(max_examples=60, deadline=None)
def test_csv_gives_back_every_statement_and_no_formula(listed):
    rows = [row(one) for one in listed]
    text = files.write_csv(rows, draft=True)
    read = files.read(text.encode(), "f.csv")
    assert read.problems == ()
    assert [dict(one.row) for one in read.entries] == rows


@given(statements(WORDS))
@settings(max_examples=60, deadline=None)
def test_fields_of_a_row_give_the_row_back(given_fields):
    found = row(given_fields)
    assert row(fields(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "2020",
        "2020-08",
        "2020-summer",
        "2020-winter",
        "2020-W34",
        "2020-08-23",
        "2020-08-23T14Z",
        "2020-08-23T14:05Z",
    ],
)
def test_a_date_is_written_as_it_was_read(text):
    assert write_date(*parse_date(text)) == text


YAML = """\
document: {sha}
statements:
  - speaker: Jane Doe
    date: 2020-08-23
    quotation: "one two three"
  - speaker: John Roe
    date: 2020-13-01
    quotation: x
  - speaker: ""
    quotation: y
  - speaker: Jane Doe
    quotation: z
    kind: rumour
  - speaker: Jane Doe
    quotation: z
    wrods: 4
  - just text
  - speaker: Jane Doe
    quotation: z
    windows: [2023-11-01 25:00-26:00]
""".replace("{sha}", "a" * 64)


def test_what_is_wrong_is_said_with_file_line_and_field():
    read = files.read(YAML.encode(), "s.yaml")
    assert [(one.line, one.field) for one in read.problems] == [
        (7, "date"),
        (9, "speaker"),
        (13, "kind"),
        (16, "wrods"),
        (3, ""),
        (20, "windows"),
    ]
    assert len(read.entries) == 1
    assert read.entries[0].row["document_sha256"] == "a" * 64


def test_a_csv_error_names_its_line_too():
    read = files.read(b'speaker,date,quotation\nA,2020,"x\ny"\nB,2020-02-30,z\nC,2020,z,too,many\n', "s.csv")
    assert [(one.line, one.field) for one in read.problems] == [(4, "date"), (5, "")]


@pytest.mark.parametrize(
    "text",
    [
        "statements: &a [*a]",
        "[" * 50,
        "statements:\n  - speaker: !!python/object/apply:os.system ['true']\n    quotation: x\n    speaker: twice",
        "a: b\n---\nc: d",
        "\t- x: [",
        "statements: text",
    ],
)
def test_hostile_yaml_is_refused_with_a_line_and_nothing_is_built_from_it(text):
    read = files.read(text.encode(), "s.yaml")
    assert read.problems
    assert read.entries == ()


def test_norway_is_a_country_and_no_is_not_false():
    (entry,) = files.read(b"- speaker: A\n  quotation: b\n  country: NO\n", "s.yaml").entries
    assert entry.row["country"] == "NO"


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_statements_or_problems_and_no_traceback(content):
    files.read(content, "s")


def test_windows_of_a_timetable():
    windows = parse_windows("2023-11-01/2023-11-03 05:00-08:00,11:00-14:00; 2023-11-06 22:00-02:00")
    assert len(windows) == 7
    assert (windows[-1].end - windows[-1].start).total_seconds() == 4 * 3600
    for wrong in ("2023-11-03/2023-11-01", "2023-11-01 25:00-26:00", "soon"):
        with pytest.raises(ValueError, match=r"is not|before"):
            parse_windows(wrong)


def test_a_text_fragment_leads_to_the_words():
    assert fragment("dangers of the cyberspace.", "https://example.org/a#b") == (
        "https://example.org/a#b:~:text=dangers%20of%20the%20cyberspace."
    )
    assert fragment("a-b, c") == "#:~:text=a%2Db%2C%20c"


HTML = b"""<!doctype html><html><head><title>Net cut</title><meta property="article:published_time" content="2021-01-14"/>
<script>alert("x")</script></head><body><nav><a href=/>Home</a></nav><article><h1>Net cut</h1>
<p>Uganda ordered operators to block social media on Tuesday, two days before the vote was due to be held there.</p>
<p>&#8220;You are directed to suspend any access,&#8221; said Irene Sewankambo, the regulator&#8217;s director, in a letter that
operators published later the same day on their own pages.</p></article></body></html>"""


def test_html_gives_its_words_its_date_and_no_script():
    found = documents.read(HTML, "a.html")
    assert found.media_type == "text/html"
    assert "You are directed to suspend any access" in found.text
    assert "alert" not in found.text
    assert found.date == "2021-01-14"


def test_pdf_gives_its_words():
    pypdf = pytest.importorskip("pypdf")
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(300, 300)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    stream = DecodedStreamObject()
    stream.set_data(b"BT /F1 12 Tf 20 200 Td (The network was shut down.) Tj ET")
    page[NameObject("/Contents")] = stream
    out = io.BytesIO()
    writer.write(out)
    found = documents.read(out.getvalue(), "a.pdf")
    assert (found.media_type, found.text.strip()) == ("application/pdf", "The network was shut down.")


def warc(body):
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + body
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0>\r\n"
        "WARC-Target-URI: https://example.org/a\r\nWARC-Date: 2021-01-15T00:00:00Z\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


def test_a_web_archive_gives_its_page_and_address():
    found = documents.read(warc(HTML), "a.warc.gz")
    assert (found.media_type, found.url, found.date) == (
        "application/warc",
        "https://example.org/a",
        "2021-01-14",
    )
    assert "directed to suspend" in found.text


def test_documents_that_expand_without_end_are_refused(monkeypatch):
    monkeypatch.setattr(documents, "MOST_UNPACKED", 1 << 20)
    with pytest.raises(WallwatchError, match="unpacks to more"):
        documents.read(warc(b"<p>" + b"0" * (4 << 20)), "a.warc.gz")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"%PDF-1.7 broken",
        b"PK\x03\x04rest",
        gzip.compress(b"not a web archive", mtime=0),
        b"\x00" * 5000,
        b"WARC/1.0\r\nbroken",
    ],
)
def test_what_is_no_document_is_refused_in_a_sentence(content):
    with pytest.raises(WallwatchError):
        documents.read(content, "a")


def test_a_changed_byte_of_a_document_is_noticed(tmp_path):
    record = Record(Layout(tmp_path))
    content = "Jane Doe said: “one two three four.”\n".encode()
    document = documents.read(content)
    kept = record.add(content, document, {"name": "a.txt", "collected_by": "R"})
    start = document.text.index("one")
    good = row(
        {
            "speaker": "Jane Doe",
            "quotation": "one two three four.",
            "date": "2020",
            "document": kept.sha256,
            "start": str(start),
            "end": str(start + 19),
        }
    )
    assert record.document_path(kept.sha256).read_bytes() == content
    assert not record.add(content, document, {"name": "other"}).new
    assert (record.notes(kept.sha256) or {})["name"] == "a.txt"
    record.confirm([good], by="R", at=AT, file_id="f")
    assert record.verify() == []

    path = record.document_path(kept.sha256)
    path.write_bytes(content.replace(b"three", b"throe"))
    assert [one.what for one in record.verify()] == [f"document {kept.sha256[:12]}"]
    with pytest.raises(WallwatchError, match="was changed"):
        record.add(content, document, {})
    path.write_bytes(content)
    text = path.with_name(path.name + ".txt")
    text.write_text(text.read_text().replace("two", "too"))
    assert record.verify() != []


def test_a_quotation_that_is_not_in_its_document_is_not_confirmed(tmp_path):
    record = Record(Layout(tmp_path))
    content = b"Jane Doe said nothing of the kind."
    kept = record.add(content, documents.read(content), {})
    wrong = row(
        {"speaker": "Jane Doe", "quotation": "all of it", "document": kept.sha256, "start": "0", "end": "9"}
    )
    with pytest.raises(WallwatchError, match="does not stand"):
        record.confirm([wrong], by="R", at=AT, file_id="f")
    assert record.confirmed() == []


def test_nothing_is_overwritten_and_a_correction_points_to_what_it_corrects(tmp_path):
    record = Record(Layout(tmp_path))
    old = row({"speaker": "Jane Doe", "quotation": "the cut began", "date": "2020-08-23"})
    record.confirm([old], by="R", at=AT, file_id="f")
    new = row(
        {
            "speaker": "Jane Doe",
            "quotation": "the cut began",
            "date": "2020-08-24",
            "corrects": old["statement_id"],
        }
    )
    added, _ = record.confirm([new, old], by="S", at=AT, file_id="f")
    assert [one["statement_id"] for one in added] == [new["statement_id"]]
    assert [(one["statement_id"], one["corrects"], one["confirmed_by"]) for one in record.confirmed()] == [
        (old["statement_id"], None, "R"),
        (new["statement_id"], old["statement_id"], "S"),
    ]
    with pytest.raises(WallwatchError, match="not in the record"):
        record.confirm(
            [row({"speaker": "A", "quotation": "b", "corrects": "st-" + "0" * 12})],
            by="R",
            at=AT,
            file_id="f",
        )


def test_from_a_document_to_the_record_with_the_commands(tmp_path):
    (tmp_path / "a.txt").write_text(
        "“We will shut down the internet on Monday,” said Jane Doe, the minister, on 3 May 2021.\n",
        encoding="utf-8",
    )
    drafted = run(
        ["record", "draft", "a.txt", "-w", "W", "--date", "2021-05-04", "--out", "d.yaml"], tmp_path
    )
    assert drafted.returncode == 0, drafted.stderr
    assert run(["show", "statements", "-w", "W", "-f", "jsonl"], tmp_path).stdout == ""
    assert "1 drafts that wait" in run(["record", "list", "-w", "W"], tmp_path).stdout
    assert run(["record", "validate", "d.yaml", "-w", "W"], tmp_path).returncode == 0
    confirmed = run(
        ["record", "confirm", "d.yaml", "-w", "W", "--by", "R. Eader", "--at", "2026-11-24T08:00"], tmp_path
    )
    assert confirmed.stdout == "d.yaml: 1 confirmed\n", confirmed.stderr
    shown = run(["show", "statements", "-w", "W", "-f", "jsonl"], tmp_path).stdout
    assert '"confirmed_by": "R. Eader"' in shown
    assert '"confirmed": "2026-11-24T08:00:00Z"' in shown
    assert run(["record", "verify", "-w", "W"], tmp_path).returncode == 0
    (stored,) = (tmp_path / "W" / "record" / "documents").glob("??/" + "[0-9a-f]" * 64)
    stored.write_bytes(stored.read_bytes() + b" ")
    verified = run(["record", "verify", "-w", "W"], tmp_path)
    assert verified.returncode == 1
    assert "was changed" in verified.stdout


def test_a_table_of_drafts_is_not_taken_for_record(tmp_path):
    (tmp_path / "s.csv").write_text(
        "status,speaker,date,quotation\ndraft,A,2020,b\n,C,2020,d\n", encoding="utf-8"
    )
    ran = run(["run", "s.csv", "-w", "W", "-q"], tmp_path)
    assert ran.returncode == 1
    aside = run(["show", "quarantine", "-w", "W"], tmp_path).stdout
    assert "a draft; confirm it first" in aside
    shown = run(["show", "statements", "-w", "W", "-f", "jsonl"], tmp_path).stdout
    assert '"speaker": "C"' in shown
    assert '"speaker": "A"' not in shown
