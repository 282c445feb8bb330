"""OONI's own QA measurements against simulated censors, hand-adjudicated; each file is a world of its own."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from judge_worlds import Verdict, judged, read_json
from wallwatch._errors import WallwatchError
from wallwatch.evaluate.truth import Case, Judged, TruthScore, evaluate_truth, expand, score
from wallwatch.judge import explain, verdicts
from wallwatch.judge.references import References

FOLDER = Path("ooni") / "webconnectivity_qa"


@cache
def truth(data: Path) -> list[dict[str, str]]:
    with (data / FOLDER / "truth.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def judge_one(document: dict[str, Any] | Path) -> Verdict:
    (found,) = judged(read_json([document])).values()
    return found


def as_judged(verdict: Verdict) -> Judged:
    return Judged(verdict.state, tuple(verdict.mechanisms), verdict.host, verdict.locus)


@pytest.fixture(scope="module")
def result(shared_data: Path) -> TruthScore:
    def run(files: Sequence[Path], folder: Path) -> Judged:
        assert not folder.exists(), "every case is a world of its own"
        return as_judged(judge_one(files[0]))

    return evaluate_truth(shared_data / FOLDER / "truth.csv", run)


def test_every_state_is_accepted(result: TruthScore) -> None:
    assert (result.accepted, len(result.cases)) == (32, 32), str(result)
    assert result.false_alarms == 0


def test_no_mechanism_is_claimed_that_is_not_so(result: TruthScore) -> None:
    assert result.precision == 1.0, str(result)
    assert result.recall is not None
    assert result.recall >= 0.80


def test_the_score_reads_well(result: TruthScore) -> None:
    assert "states accepted       32 of 32" in result.as_text()
    assert "blocked → likely_blocked" in result.as_text()


def test_where_interference_lies(result: TruthScore, shared_data: Path) -> None:
    where = {row["case"]: row["truth_locus"] for row in truth(shared_data)}
    wrong = [
        case.name
        for case in result.cases
        if case.judged.state not in ("ok", "insufficient") and case.judged.locus != where[case.name]
    ]
    assert not wrong


def test_j22_the_deciding_host_is_the_one_that_the_reason_means(result: TruthScore) -> None:
    for case in result.cases:
        if case.name.startswith("redirectWithConsistentDNS"):
            assert case.judged.host == "www.example.com", case.name


def test_explanations_name_host_layer_and_what_was_seen(shared_data: Path) -> None:
    for case, host, words in (
        (
            "redirectWithConsistentDNSAndThenConnectionResetForHTTPS",
            "www.example.com",
            ("TLS", "connection_reset"),
        ),
        ("dnsBlockingBOGON", "www.example.com", ("10.10.34.35", "which is private")),
        ("tcpBlockingConnectTimeout", "www.example.com", ("TCP", "generic_timeout_error")),
    ):
        con = read_json([shared_data / FOLDER / f"{case}.json"])
        table = verdicts(con, References.load()).to_arrow_table()
        con.register("verdicts", table)
        id_ = table.column("measurement_id")[0].as_py()
        told = explain(con, id_)
        assert told.host == host
        assert all(any(word in line for line in told.seen) for word in words)
        assert told.rules
        assert told.control
        assert told.check
        assert host in " ".join(told.check)
        assert json.loads(json.dumps(told.as_json()))["state"] == told.state
        assert all(rule.source for rule in told.rules)


def test_explaining_what_is_not_there(shared_data: Path) -> None:
    con = read_json([shared_data / FOLDER / "successWithHTTP.json"])
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    with pytest.raises(KeyError):
        explain(con, "nothing")


def case(state: str, accept: str, said: tuple[str, ...] = (), true: tuple[str, ...] = ()) -> Case:
    return Case(
        "a", accept.split("|", maxsplit=1)[0], tuple(accept.split("|")), true, "why", Judged(state, said)
    )


def test_truth_files_accept_by_their_own_words() -> None:
    assert case("likely_blocked", "blocked").accepted
    assert case("insufficient", "down|unknown").accepted
    assert case("ok", "ok|interference_without_blocking").accepted
    assert not case("impaired", "blocked").accepted
    assert case("blocked", "down|ok").false_alarm
    assert not case("blocked", "blocked").false_alarm


def test_mechanisms_are_compared_with_their_ancestors() -> None:
    assert expand(["tls.reset.sni", "http"]) == {"tls", "tls.reset", "tls.reset.sni", "http"}
    found = score([case("blocked", "blocked", ("tls.reset",), ("tls.reset.sni",))])
    assert (found.precision, found.recall) == (1.0, 2 / 3)
    assert score([case("ok", "ok")]).precision is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("case,truth_verdict\n", "no column truth_accept"),
        ("case,truth_verdict,truth_accept,truth_mechanisms\nx,ok,ok,\n", "does not exist"),
        ("case,truth_verdict,truth_accept,truth_mechanisms\n../x,ok,ok,\n", "cannot name a case"),
    ],
)
def test_truth_files_that_are_wrong_say_so(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "truth.csv"
    path.write_text(text)
    with pytest.raises(WallwatchError, match=message):
        evaluate_truth(path, lambda files, folder: Judged("ok", ()))
