"""The commands as people and scripts use them: output, messages, exit status."""

import csv
import gzip
import hashlib
import io
import json
import re
import sys
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest

from console import run
from wallwatch import show


def lines(ran):
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def nettests(tmp_path_factory, shared_data):
    """A workspace of the single real measurements, some odd, some damaged."""
    folder = tmp_path_factory.mktemp("nettests")
    ran = run(
        ["run", str(shared_data / "ooni" / "nettests"), "--workspace", "W", "--format", "json", "-q"], folder
    )
    assert ran.returncode in (0, 1), ran.stderr
    return folder, json.loads(ran.stdout)


def test_every_real_file_is_read_or_set_aside_with_a_reason(nettests, shared_data):
    folder, summary = nettests
    files = {path.name for path in (shared_data / "ooni" / "nettests").iterdir()}
    verdicts = lines(run(["show", "verdicts", "--workspace", "W", "--format", "jsonl"], folder))
    aside = lines(run(["show", "quarantine", "--workspace", "W", "--format", "jsonl"], folder))
    assert {v["source"].rsplit(":", 1)[0] for v in verdicts} | {q["path"] for q in aside} == files
    assert all(q["reason"] for q in aside)
    assert summary["set_aside"] == len(aside)


def test_a_line_of_verdicts_has_the_fields_that_scripts_count_on(nettests):
    folder, _ = nettests
    for verdict in lines(run(["show", "verdicts", "--workspace", "W", "--format", "jsonl"], folder)):
        assert {
            "measurement_id", "source", "report_id", "input", "target", "probe_cc", "probe_asn", "time", "state",
            "mechanisms", "locus", "rules", "evidence", "layers",
        } <= verdict.keys()  # fmt: skip
        assert isinstance(verdict["layers"], dict)
        assert isinstance(verdict["mechanisms"], list)
        assert verdict["time"] is None or verdict["time"].endswith("Z")


def test_all_formats_show_the_same_rows(nettests):
    folder, _ = nettests
    expected = lines(run(["show", "verdicts", "--workspace", "W", "--format", "jsonl"], folder))
    assert (
        json.loads(run(["show", "verdicts", "--workspace", "W", "--format", "json"], folder).stdout)
        == expected
    )
    table = list(
        csv.DictReader(
            io.StringIO(run(["show", "verdicts", "--workspace", "W", "--format", "csv"], folder).stdout)
        )
    )
    assert [row["measurement_id"] for row in table] == [v["measurement_id"] for v in expected]
    import subprocess
    import sys

    raw = subprocess.run(
        [sys.executable, "-m", "wallwatch", "show", "verdicts", "--workspace", "W", "--format", "parquet"],
        cwd=folder, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert pq.read_table(io.BytesIO(raw)).column("measurement_id").to_pylist() == [
        v["measurement_id"] for v in expected
    ]


def test_filters(nettests):
    folder, _ = nettests
    iranian = lines(
        run(["show", "verdicts", "--workspace", "W", "--country", "ir", "--format", "jsonl"], folder)
    )
    assert iranian
    assert {v["probe_cc"] for v in iranian} == {"IR"}
    by_day = lines(
        run(
            ["show", "verdicts", "-w", "W", "--since", "2022-08-15", "--until", "2022-08-15", "-f", "jsonl"],
            folder,
        )
    )
    assert by_day
    assert {v["time"][:10] for v in by_day} == {"2022-08-15"}
    by_service = lines(run(["show", "verdicts", "-w", "W", "--target", "Signal", "-f", "jsonl"], folder))
    assert len(by_service) == 3


def test_x1_a_torn_gzip_keeps_the_lines_before_the_tear_and_the_exit_status_says_so(tmp_path, shared_data):
    line = (shared_data / "ooni" / "nettests" / "whatsapp.json").read_bytes().strip() + b"\n"
    other = (shared_data / "ooni" / "nettests" / "signal_679.json").read_bytes().strip() + b"\n"
    whole = gzip.compress(line + other * 3)
    (tmp_path / "torn.jsonl.gz").write_bytes(whole[: len(whole) * 3 // 4])
    ran = run(["run", "torn.jsonl.gz", "--workspace", "W"], tmp_path)
    assert ran.returncode == 1
    assert "set aside: 1" in ran.stdout
    assert len(lines(run(["show", "verdicts", "-w", "W", "-f", "jsonl"], tmp_path))) >= 1
    (aside,) = lines(run(["show", "quarantine", "-w", "W", "-f", "jsonl"], tmp_path))
    assert aside["path"] == "torn.jsonl.gz"


def digests(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((folder / "tables").rglob("*"))
        if path.is_file()
    }


def test_c14_twice_in_pieces_or_with_other_workers_gives_the_same_bytes(tmp_path, shared_data):
    source = shared_data / "ooni" / "nettests"
    once = run(["run", str(source), "--workspace", "one", "--workers", "1", "-q"], tmp_path)
    assert (
        run(["run", str(source), "--workspace", "one", "--workers", "2", "-q"], tmp_path).returncode
        == once.returncode
    )
    pieces = sorted(source.iterdir(), reverse=True)
    for piece in (pieces[:9], pieces[9:]):
        run(["run", *map(str, piece), "--workspace", "two", "--workers", "2", "-q"], tmp_path)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_second_run_takes_in_only_what_is_new(tmp_path, shared_data):
    source = shared_data / "ooni" / "nettests"
    for number, expected in ((1, {"new": 1, "skipped": 0}), (2, {"new": 1, "skipped": 1})):
        paths = [str(source / name) for name in ("whatsapp.json", "tor.json")[:number]]
        ran = run(["run", *paths, "--workspace", "W", "--format", "json", "-q"], tmp_path)
        assert expected.items() <= json.loads(ran.stdout).items()
    ran = run(["run", *paths, "--workspace", "W", "--format", "json", "-q"], tmp_path)
    assert json.loads(ran.stdout)["made"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "events", "--workspace", "nowhere"], "not a Wallwatch workspace"),
        (["run", "missing.jsonl.gz", "--workspace", "W"], "missing.jsonl.gz"),
        (["show", "events", "--workspace", "W", "--since", "yesterday"], "is not a date"),
        (["show", "events", "--workspace", "W", "--country", "Kenya"], "two-letter"),
        (["show", "everything", "--workspace", "W"], "everything"),
        (["explain", "no-such-id", "--workspace", "W"], "no-such-id"),
    ],
)
def test_a_persons_mistake_is_a_sentence_and_status_2(tmp_path, shared_data, arguments, message):
    if arguments[0] != "run":
        run(["run", str(shared_data / "ooni" / "nettests" / "tor.json"), "--workspace", "W", "-q"], tmp_path)
    ran = run(arguments, tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr


def test_progress_is_on_standard_error_and_json_is_clean(tmp_path, shared_data):
    ran = run(
        ["run", str(shared_data / "ooni" / "nettests"), "--workspace", "W", "--format", "json"], tmp_path
    )
    json.loads(ran.stdout)
    assert "Judging" in ran.stderr


def test_statements_are_a_stage_of_their_own(tmp_path, shared_data):
    ran = run(["run", str(shared_data / "record" / "statements.csv"), "--workspace", "W", "-q"], tmp_path)
    assert ran.returncode == 0
    found = lines(run(["show", "statements", "-w", "W", "-f", "jsonl"], tmp_path))
    assert len(found) == 12
    assert {"speaker", "quotation", "said", "said_precision"} <= found[0].keys()


def test_ids_stay_whole_where_a_table_is_wider_than_the_terminal(monkeypatch, capsys):
    event = {"event_id": "ev-0123456789abcdef", "networks": range(64500, 64505)}
    columns = (
        ("event", lambda record: record["event_id"]),
        ("networks", lambda record: ", ".join(f"AS{number}" for number in record["networks"])),
        ("ended", lambda record: ""),
    )
    monkeypatch.setattr(show, "LISTINGS", {"events": SimpleNamespace(columns=columns)})
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    printed = []
    for width in ("40", "80"):
        monkeypatch.setenv("COLUMNS", width)
        assert show.write_table("events", [event, event, event], limit=2) == 1
        printed.append(
            [line.rstrip() for line in re.sub("\x1b\\[[0-9;]*m", "", capsys.readouterr().out).splitlines()]
        )
    narrow, wide = printed
    assert narrow == [
        "event     ev-0123456789abcdef",
        "networks  AS64500, AS64501, AS64502,",
        "          AS64503, AS64504",
        "",
        "event     ev-0123456789abcdef",
        "networks  AS64500, AS64501, AS64502,",
        "          AS64503, AS64504",
    ]
    assert wide[0].split() == ["event", "networks", "ended"]
    assert wide[1].split(maxsplit=1)[0] == "ev-0123456789abcdef"
