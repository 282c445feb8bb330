"""Truth files that other people write: scored case by case, and refused with file, line and field where they are wrong."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from console import run
from wallwatch._errors import WallwatchError
from wallwatch.evaluate.truth import UNREAD, Judged, evaluate_truth

COLUMNS = (
    "case",
    "input",
    "truth_verdict",
    "truth_accept",
    "truth_mechanisms",
    "truth_locus",
    "truth_reason",
    "trap",
)


def document(
    host: str, answer: str, true: str, failure: str | None = None, control: str | None = None
) -> dict[str, object]:
    """A measurement: what the system's resolver answered, how the handshake went, and what the helper got."""
    queries = [
        {
            "engine": "getaddrinfo",
            "hostname": host,
            "query_type": "A",
            "failure": None,
            "answers": [{"answer_type": "A", "ipv4": answer}],
        }
    ]
    shaken = {"server_name": host, "address": f"{true}:443", "failure": failure, "peer_certificates": []}
    connect = {"ip": true, "port": 443, "status": {"success": True, "failure": None}}
    return {
        "test_name": "web_connectivity",
        "test_version": "0.5.28",
        "software_name": "ooniprobe-cli",
        "software_version": "3.21.0",
        "measurement_start_time": "2025-02-03 04:05:06",
        "test_start_time": "2025-02-03 04:05:00",
        "probe_cc": "XQ",
        "probe_asn": "AS64511",
        "input": f"https://{host}/",
        "test_keys": {
            "queries": queries,
            "tcp_connect": [connect],
            "tls_handshakes": [shaken],
            "requests": [],
            "control": {
                "dns": {"addrs": [true], "failure": None},
                "tcp_connect": {f"{true}:443": {"status": True, "failure": None}},
                "tls_handshake": {f"{true}:443": {"status": control is None, "failure": control}},
                "http_request": {
                    "status_code": 200,
                    "body_length": 9000,
                    "title": "T",
                    "headers": {},
                    "failure": None,
                },
            },
        },
    }


def write(folder: Path, rows: Sequence[dict[str, str]], columns: Sequence[str] = COLUMNS) -> Path:
    path = folder / "mine.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def row(
    case: str, verdict: str, mechanisms: str = "", locus: str = "", trap: str = "", **more: str
) -> dict[str, str]:
    base = {
        "case": case,
        "truth_verdict": verdict,
        "truth_mechanisms": mechanisms,
        "truth_locus": locus,
        "trap": trap,
    }
    return {**dict.fromkeys(COLUMNS, ""), **base, **more}


def test_a_truth_file_of_other_cases_is_scored(tmp_path: Path) -> None:
    bogon = document("shut.test", "10.1.2.3", "203.0.113.9")
    reset = document("cut.test", "203.0.113.9", "203.0.113.9", failure="connection_reset")
    broken = document(
        "old.test", "203.0.113.9", "203.0.113.9", "ssl_invalid_certificate", "ssl_invalid_certificate"
    )
    (tmp_path / "lie.json").write_text(json.dumps(bogon, indent=1))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(reset).encode() + b"\n"))
    (tmp_path / "expired.json").write_text(json.dumps(broken))
    (tmp_path / "torn.json").write_text('{"test_name": "web_connectivity", "inp')
    truth = write(
        tmp_path,
        [
            row("lie", "blocked", "dns.injection.bogon", "network", "J5"),
            row("cut", "blocked", "tls.reset.sni", "network", "J11", truth_reason="reset after ClientHello"),
            row("expired", "ok", "", "", "J16", truth_reason="a truth that does not hold"),
            row("torn", "down", "", "", "X1"),
        ],
    )
    ran = run(["evaluate", "--truth", str(truth), "--format", "json", "-q"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    assert (found["accepted"], found["cases"], found["false_alarms"]) == (2, 4, 0)
    assert (found["loci_right"], found["loci"]) == (2, 2)
    # dns.injection.bogon: 3 of 3 named; tls.reset.sni: 2 of 3, and nothing else was claimed.
    assert (found["mechanism_precision"], found["mechanism_recall"]) == (1.0, 5 / 6)
    assert {one["trap"]: one["accepted"] for one in found["by_trap"]} == {
        "J5": 1,
        "J11": 1,
        "J16": 0,
        "X1": 0,
    }
    assert [one["trap"] for one in found["by_trap"]] == ["J5", "J11", "J16", "X1"]
    cases = {one["case"]: one for one in found["by_case"]}
    assert cases["cut"]["not_named"] == ["tls.reset.sni"]
    assert cases["torn"]["state"] == UNREAD
    text = run(["evaluate", "--truth", str(truth), "-q"], tmp_path).stdout
    for line in (
        "states accepted       2 of 4",
        "ok → down: 1",
        "J5: 1 of 1 accepted",
        "cut (J11): likely_blocked; not named: tls.reset.sni",
        "reset after ClientHello",
        "expired (J16): down; accepted ok",
        "torn (X1): unread; accepted down",
    ):
        assert line in text, line


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", "censored")], "line 2, field truth_verdict: “censored” is no verdict"),
        ([row("a", "ok"), row("b", "")], "line 3, field truth_verdict: “” is no verdict"),
        ([row("a", "ok", truth_accept="ok|fine")], "line 2, field truth_accept: “fine” is no verdict"),
        (
            [row("a", "blocked", "dns.magic")],
            "line 2, field truth_mechanisms: “dns.magic” is no mechanism path",
        ),
        ([row("a", "blocked", locus="moon")], "line 2, field truth_locus: “moon” is no locus"),
        ([row("a", "ok"), row("../b", "ok")], "line 3, field case: “../b” cannot name a case"),
        ([row("a", "ok"), row("a", "ok")], "line 3, field case: “a” is also on line 2"),
        ([row("a", "ok", truth_reason="two\nlines"), row("", "ok")], "line 4, field case"),
        ([row("a", "ok"), row("gone", "ok")], "line 3: it names the case gone"),
        ([], "names no case"),
    ],
)
def test_a_wrong_truth_file_is_refused_with_file_line_and_field(
    rows: list[dict[str, str]], message: str, tmp_path: Path
) -> None:
    truth = write(tmp_path, rows)
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(WallwatchError) as error:
        evaluate_truth(truth, lambda files, folder: Judged("ok", ()))
    assert str(error.value).startswith(str(truth))
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"case,truth_verdict\na,ok\n", "no column truth_accept, truth_mechanisms"),
        (
            b"case,truth_verdict,truth_accept,truth_mechanisms\na,ok,ok,,more,and more\n",
            "line 2: there are more fields",
        ),
        (b"case,truth_verdict,truth_accept,truth_mechanisms\n\xff\xfe,ok,,\n", "is not UTF-8"),
        (b'case,truth_verdict,truth_accept,truth_mechanisms\n"a,ok,,\n', "line"),
        (b"", "no column case"),
    ],
)
def test_what_is_no_truth_file_is_said_without_a_traceback(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    ran = run(["evaluate", "--truth", "t.csv", "-q"], tmp_path)
    assert ran.returncode == 2
    assert "t.csv" in ran.stderr
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
