"""OONI's own QA measurements against simulated censors, hand-adjudicated; each file is a world of its own."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from judge_worlds import Verdict, World, judged, read_json
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


#: The host and the layer that each case's reason names, read from `truth.csv`; for pages that open, the layer that
#: proves it.
REASONS = {
    "badSSLWithExpiredCertificate": ("expired.badssl.com", "tls"),
    "badSSLWithUnknownAuthorityWithConsistentDNS": ("untrusted-root.badssl.com", "tls"),
    "cloudflareCAPTCHAWithHTTPS": ("www.cloudflare-cache.com", "http"),
    "controlFailureWithSuccessfulHTTPSWebsite": ("www.example.org", "tls"),
    "dnsBlockingBOGON": ("www.example.com", "dns"),
    "dnsBlockingNXDOMAIN": ("www.example.com", "dns"),
    "dnsHijackingToLocalhostWithHTTPS": ("www.example.com", "dns"),
    "dnsHijackingToProxyWithHTTPSURL": ("www.example.com", "dns"),
    "ghostDNSBlockingWithHTTP": ("itsat.info", "dns"),
    "httpBlockingConnectionReset": ("www.example.com", "http"),
    "httpDiffWithConsistentDNS": ("www.example.com", "http"),
    "idnaWithoutCensorshipLowercase": ("xn--d1acpjx3f.xn--p1ai", "http"),
    "idnaWithoutCensorshipWithFirstLetterUppercase": ("xn--d1acpjx3f.xn--p1ai", "http"),
    "largeFileWithHTTP": ("largefile.com", "http"),
    "localhostWithHTTP": ("www.example.com", "dns"),
    "localhostWithHTTPS": ("www.example.com", "dns"),
    "redirectWithBrokenLocationForHTTP": ("httpbin.com", "http"),
    "redirectWithBrokenLocationForHTTPS": ("httpbin.com", "http"),
    "redirectWithConsistentDNSAndThenConnectionRefusedForHTTPS": ("www.example.com", "tcp"),
    "redirectWithConsistentDNSAndThenConnectionResetForHTTP": ("www.example.com", "http tls"),
    "redirectWithConsistentDNSAndThenConnectionResetForHTTPS": ("www.example.com", "tls"),
    "redirectWithConsistentDNSAndThenEOFForHTTP": ("www.example.com", "http tls"),
    "redirectWithConsistentDNSAndThenNXDOMAIN": ("www.example.com", "dns"),
    "redirectWithConsistentDNSAndThenTimeoutForHTTPS": ("www.example.com", "tls"),
    "redirectWithMoreThanTenRedirectsAndHTTP": ("httpbin.com", "http"),
    "successWithHTTP": ("www.example.com", "http"),
    "successWithHTTPS": ("www.example.com", "http"),
    "tcpBlockingConnectTimeout": ("www.example.com", "tcp"),
    "throttlingWithHTTPS": ("largefile.com", "http"),
    "tlsBlockingConnectionResetWithConsistentDNS": ("www.example.com", "tls"),
    "websiteDownNXDOMAIN": ("www.example.xyz", "dns"),
    "websiteDownTCPConnect": ("www.example.com", "tcp"),
}
#: What each layer is called in a sentence.
SPOKEN = {"dns": "name resolution", "tcp": "connecting", "tls": "TLS handshake", "http": "HTTP exchange"}
#: How the layer's observations begin.
HEADS = {"dns": "DNS: ", "tcp": "TCP: ", "tls": "TLS: ", "http": "HTTP: "}


def explained(document: dict[str, Any] | Path) -> Any:
    con = read_json([document])
    table = verdicts(con, References.load()).to_arrow_table()
    con.register("verdicts", table)
    return explain(con, table.column("measurement_id")[0].as_py())


def test_the_explanation_names_the_host_and_the_layer_of_the_reason(shared_data: Path) -> None:
    rows = {row["case"]: row for row in truth(shared_data)}
    assert set(rows) == set(REASONS)
    for case, (host, layers) in REASONS.items():
        told = explained(shared_data / FOLDER / f"{case}.json")
        where = rows[case]["truth_verdict"]
        assert told.host == host, case
        for layer in layers.split():
            assert layer in told.at, (case, told.at)
            rules = [rule for rule in told.rules if (rule.host, rule.layer) == (host, layer)]
            assert any(rule.decides for rule in rules), case
            said = [line for line in told.seen if line.startswith(HEADS[layer]) and host in line]
            assert said, (case, told.seen)
            if where != "ok":
                assert host in told.summary, case
                assert SPOKEN[layer] in told.summary, (case, told.summary)
        if where != "ok":
            # No layer is named beside those that the reason names, but what follows from them.
            assert told.at[0] in layers.split(), (case, told.at)
        if rows[case]["truth_mechanisms"]:
            assert {path.split(".")[0] for path in told.mechanisms} <= {
                path.split(".")[0] for path in rows[case]["truth_mechanisms"].split(";")
            }, case
        assert all(rule.source and rule.sentence and rule.when for rule in told.rules)
        assert told.would_change
        assert told.check
        assert host in " ".join(told.check)
        assert json.loads(json.dumps(told.as_json()))["state"] == told.state


def test_an_explanation_shows_what_was_seen_and_what_decided(shared_data: Path) -> None:
    for case, rule, words in (
        (
            "redirectWithConsistentDNSAndThenConnectionResetForHTTPS",
            "tls.reset_helper_followed",
            ("TLS", "connection_reset"),
        ),
        ("dnsBlockingBOGON", "dns.bogon_not_in_control", ("10.10.34.35", "which is private")),
        ("tcpBlockingConnectTimeout", "tcp.timeout_control_ok", ("TCP", "generic_timeout_error")),
    ):
        told = explained(shared_data / FOLDER / f"{case}.json")
        assert told.control
        decided = next(one for one in told.rules if one.id == rule)
        assert decided.decides
        assert all(any(word in line for line in decided.because) for word in words), decided.because
    # Hop by hop: nothing of the second host before the first host's page.
    told = explained(shared_data / FOLDER / "redirectWithConsistentDNSAndThenConnectionResetForHTTP.json")
    hops = ["www.example.com" in line and "bit.ly" not in line for line in told.seen]
    assert hops == sorted(hops)
    assert any("tls.reset.sni" in line for line in told.would_change)


def hostile(host: str) -> World:
    world = World()
    m = world.measure(target=host)
    m.dns(host=host).tcp("generic_timeout_error", host=host).helper()
    return world


@pytest.mark.parametrize(
    "host",
    [
        "$(reboot).example",
        "-froot.example",
        "a;b.example",
        "it's.example",
        "`id`.example",
        "a b.example",
        "@8.8.8.8.example",
    ],
)
def test_x3_commands_for_hostile_hosts_are_words_of_a_shell(host: str, tmp_path: Path) -> None:
    """Run with programs that only say what they were given: the host arrives as one word after its option."""
    con = hostile(host).connection()
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    told = explain(con, "m00000")
    assert told.check
    for name in ("dig", "curl", "openssl"):
        program = tmp_path / name
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
        program.chmod(0o755)
    ran = 0
    for command in told.check:
        found = subprocess.run(
            ["/bin/sh", "-c", command],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": str(tmp_path)},
        ).stdout.splitlines()
        given = [word for word in found if host in word]
        assert len(given) == 1, command
        before = found[found.index(given[0]) - 1]
        assert before in ("-q", "-servername", "--url"), command
        ran += 1
    assert ran == len(told.check)


@pytest.mark.parametrize("host", ["a\x1b[2Jb.example", "a\u202eb.example", "a\nb.example"])
def test_x3_what_a_terminal_would_obey_is_not_offered_to_be_typed(host: str) -> None:
    con = hostile(host).connection()
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    told = explain(con, "m00000")
    assert told.check == []
    assert not any(character in str(told.as_json()) for character in ("\x1b", "\u202e"))


def test_the_original_is_linked_where_its_id_is_upstreams() -> None:
    for id_, link in (
        (
            "20250527233111.802678_ID_webconnectivity_5a37ec909dbf14e3",
            "https://explorer.ooni.org/m/20250527233111.802678_ID_webconnectivity_5a37ec909dbf14e3",
        ),
        ("20250527233108_ID_webconnectivity_7463fe95b903ca88", None),
        ("../../x", None),
    ):
        world = World()
        world.measure(measurement_id=id_).works()
        con = world.connection()
        con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
        assert explain(con, id_).link == link


def test_every_nettest_can_be_explained_and_no_bridge_is_named(shared_data: Path) -> None:
    for file in sorted((shared_data / "ooni" / "nettests").glob("*.json")):
        told = explained(file)
        assert told.summary, file
        assert "38.229.1.78" not in str(told.as_json())
    told = explained(shared_data / "ooni" / "nettests" / "tor.json")
    assert {layer.host for layer in told.layers if layer.layer == "part"} == {
        "tor.dir_port",
        "tor.obfs4",
        "tor.or_port",
    }
    assert told.check == ["ooniprobe run circumvention"]


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
