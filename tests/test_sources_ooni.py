"""OONI's raw measurements become rows; odd ones too, and none is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallwatch.schema import CONTROLS, MEASUREMENTS, OBSERVATIONS
from wallwatch.schema.words import FAILURES
from wallwatch.sources.ooni import OONIReader
from wallwatch.sources.ooni.clock import clock_flag, clock_flags, from_microseconds, leading_time, parse_time
from wallwatch.sources.ooni.lenient import coerce
from wallwatch.sources.ooni.nettests import nettest
from wallwatch.sources.ooni.rows import _take_lists
from wallwatch.sources.ooni.values import (
    address,
    address_kind,
    failure_word,
    host_name,
    network_number,
    resolver_kind,
    split_endpoint,
    split_url,
)
from wallwatch.sources.stretch import Line

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
FILE = "0" * 16


def read(*contents: bytes) -> dict[str, list[dict[str, Any]]]:
    """The rows of some lines, by table."""
    lines = [Line(number, 0, content) for number, content in enumerate(contents, 1)]
    tables = OONIReader(AS_OF).read(lines, FILE).tables
    return {name: tables[name].to_pylist() if name in tables else [] for name in ALL}


ALL = ("measurements", "observations", "controls", "quarantine")


def line(**changes: Any) -> bytes:
    """A small Web Connectivity measurement with some keys changed."""
    record = {
        "input": "https://www.example.org/",
        "measurement_start_time": "2024-02-12 20:33:47",
        "test_start_time": "2024-02-12 20:33:40",
        "probe_asn": "AS64500",
        "probe_cc": "XW",
        "probe_ip": "127.0.0.1",
        "report_id": "20240212T203340Z_webconnectivity_XW_64500_n1_aaaa",
        "resolver_asn": "AS64501",
        "resolver_ip": "8.8.8.8",
        "software_name": "ooniprobe",
        "software_version": "3.20.0",
        "test_name": "web_connectivity",
        "test_version": "0.4.3",
        "test_keys": {
            "queries": [
                {
                    "engine": "system",
                    "hostname": "www.example.org",
                    "query_type": "A",
                    "failure": None,
                    "answers": [{"answer_type": "A", "ipv4": "203.0.113.7", "asn": 64510}],
                }
            ],
            "tcp_connect": [{"ip": "203.0.113.7", "port": 443, "status": {"success": True, "failure": None}}],
            "control": {"dns": {"addrs": ["203.0.113.7"], "failure": None}},
            "blocking": False,
            "accessible": True,
        },
    }
    return json.dumps({**record, **changes}).encode()


def of_layer(rows: dict[str, list[dict[str, Any]]], layer: str) -> list[dict[str, Any]]:
    return [row for row in rows["observations"] if row["layer"] == layer]


def real(shared_data: Path, folder: str) -> list[Path]:
    return sorted((shared_data / "ooni" / folder).glob("*.json"))


@pytest.mark.parametrize("folder", ["nettests", "webconnectivity_qa", "webconnectivity_real"])
def test_every_real_file_gives_one_measurement_with_the_tables_schema(shared_data: Path, folder: str) -> None:
    """X1: whatever real probes wrote is read, null bodies, broken base64 and missing test keys included."""
    files = real(shared_data, folder)
    assert files
    for path in files:
        batch = OONIReader(AS_OF).read([Line(1, 0, path.read_bytes())], FILE)
        assert batch.rows("measurements") == 1, path
        assert batch.rows("quarantine") == 0, path
        for name, table in (
            ("measurements", MEASUREMENTS),
            ("observations", OBSERVATIONS),
            ("controls", CONTROLS),
        ):
            if name in batch.tables:
                assert batch.tables[name].schema.equals(table.arrow), path
                batch.tables[name].validate(full=True)
        measured = batch.tables["measurements"].to_pylist()[0]
        assert measured["observations"] == batch.rows("observations")
        assert measured["controls"] == batch.rows("controls")
        if "observations" in batch.tables:
            failures = batch.tables["observations"]["failure"].to_pylist()
            assert {failure for failure in failures if failure} <= FAILURES, path


def test_null_test_keys_are_still_a_measurement(shared_data: Path) -> None:
    rows = read((shared_data / "ooni/nettests/test_keys_none.json").read_bytes())
    assert rows["measurements"][0]["target"] == "mail.google.com"
    assert rows["measurements"][0]["notes"] == ["test_keys: missing"]
    assert rows["observations"] == []


def test_a_redirect_chain_is_read_in_order_with_depths(shared_data: Path) -> None:
    path = (
        shared_data / "ooni/webconnectivity_qa/redirectWithConsistentDNSAndThenConnectionResetForHTTPS.json"
    )
    rows = read(path.read_bytes())
    assert [(row["depth"], row["host"], row["failure"]) for row in of_layer(rows, "tls")] == [
        (0, "bit.ly", None),
        (1, "www.example.com", "connection_reset"),
    ]
    http = of_layer(rows, "http")
    assert [(row["depth"], row["http_status"], row["http_location"]) for row in http] == [
        (0, 308, "https://www.example.com/")
    ]


def test_rows_of_one_connection_share_host_and_transaction(shared_data: Path) -> None:
    path = (
        shared_data / "ooni/webconnectivity_qa/redirectWithConsistentDNSAndThenConnectionResetForHTTPS.json"
    )
    rows = read(path.read_bytes())
    by_transaction: dict[int, set[str]] = {}
    for row in rows["observations"]:
        if row["layer"] in ("tcp", "tls", "http"):
            by_transaction.setdefault(row["transaction"], set()).add(row["host"])
    assert by_transaction
    assert all(len(hosts) == 1 for hosts in by_transaction.values())


def test_old_requests_have_the_newest_first(shared_data: Path) -> None:
    path = next((shared_data / "ooni/nettests").glob("20250527*_ID_*.json"))
    rows = read(path.read_bytes())
    assert [(row["depth"], row["host"]) for row in of_layer(rows, "http")] == [
        (0, "archive.org"),
        (1, "lamanlabuh.aduankonten.id"),
    ]
    assert of_layer(rows, "tcp")[0]["host"] == "archive.org"


def test_the_helper_speaks_the_same_words(shared_data: Path) -> None:
    """J31: `dns_name_error` of the helper is what probes call `dns_nxdomain_error`."""
    rows = read((shared_data / "ooni/nettests/web_connectivity_odd_hdr.json").read_bytes())
    dns = [row for row in rows["controls"] if row["layer"] == "dns"]
    assert [(row["failure"], row["failure_text"]) for row in dns] == [
        ("dns_nxdomain_error", "dns_name_error")
    ]
    assert {row["control_origin"] for row in rows["controls"]} == {"test_helper"}


def test_an_empty_answer_of_the_helper_is_no_address() -> None:
    keys = {"control": {"dns": {"addrs": [], "failure": None}}}
    assert read(line(test_keys=keys))["controls"][0]["failure"] == "dns_no_answer"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("connection_refused_error", "connection_refused"),
        ("dns_name_error", "dns_nxdomain_error"),
        ("unknown_error", "unknown_failure"),
        ("Une connexion existante a dû être fermée", "unknown_failure"),
        ("unknown_failure: dial tcp [scrubbed]: connect: cannot allocate memory", "unknown_failure"),
        (
            "unknown_failure: httpapi: all endpoints failed: [ connection_reset; connection_reset;]",
            "connection_reset",
        ),
        ("httpapi: all endpoints failed: [ connection_reset; eof_error;]", "unknown_failure"),
        ("generic_timeout_error", "generic_timeout_error"),
        ("", None),
        (None, None),
    ],
)
def test_one_vocabulary_of_failures(text: str | None, word: str | None) -> None:
    """J31."""
    found, kept = failure_word(text)
    assert found == word
    assert kept == (text if text and text != word else None)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("ЯНДЕКС.рф", "xn--d1acpjx3f.xn--p1ai"),
        ("яндекс.рф.", "xn--d1acpjx3f.xn--p1ai"),
        ("XN--D1ACPJX3F.xn--p1ai", "xn--d1acpjx3f.xn--p1ai"),
        ("bücher。example", "xn--bcher-kva.example"),
        ("WWW.Example.ORG.", "www.example.org"),
        ("under_score.example", "under_score.example"),
        ("[2001:DB8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("", None),
    ],
)
def test_one_form_of_a_name(given: str, wanted: str | None) -> None:
    """J28: Unicode or punycode, any letter case, with a trailing dot or without."""
    assert host_name(given) == wanted


def test_an_internationalised_input_finds_its_control(shared_data: Path) -> None:
    """J28: the target, the queries and the control have one name, whatever the input's letter case."""
    for name in ("idnaWithoutCensorshipLowercase", "idnaWithoutCensorshipWithFirstLetterUppercase"):
        rows = read((shared_data / f"ooni/webconnectivity_qa/{name}.json").read_bytes())
        target = rows["measurements"][0]["target"]
        assert target == "xn--d1acpjx3f.xn--p1ai"
        assert target in {row["host"] for row in of_layer(rows, "dns")}
        assert {row["host"] for row in rows["controls"] if row["layer"] == "dns"} == {target}


def test_values_in_their_other_forms() -> None:
    assert [network_number(v) for v in ("AS123", "as0", 123, "123.0", "x", None)] == [
        123,
        None,
        123,
        123,
        None,
        None,
    ]
    assert split_endpoint("[2001:db8::1]:443") == ("2001:db8::1", 443)
    assert split_endpoint("192.0.2.1:99999") == ("192.0.2.1", None)
    assert split_url("HTTPS://User@Example.org:8443/x?y") == ("https", "example.org", 8443)
    assert split_url("http://192.0.2.1") == ("http", "192.0.2.1", 80)
    assert address("not an address") is None
    assert [address_kind(a) for a in ("10.10.34.35", "127.0.0.1", "8.8.8.8", "fe80::1", "100.64.1.1")] == [
        "private",
        "loopback",
        "global",
        "link_local",
        "shared",
    ]
    assert [resolver_kind(a) for a in ("8.8.8.8", "192.168.1.1", "203.0.114.9", None)] == [
        "public_service",
        "private",
        "public",
        "unknown",
    ]


def test_services_give_their_own_statuses_as_steps(shared_data: Path) -> None:
    rows = read((shared_data / "ooni/nettests/whatsapp.json").read_bytes())
    steps = {row["step"]: row for row in of_layer(rows, "step")}
    assert steps["registration_server_status"]["step_value"] == "ok"
    assert steps["whatsapp_web_status"]["failure"] == "http_unexpected_status_code"
    assert steps["whatsapp_web_status"]["step_target"] == "web"
    assert rows["measurements"][0]["target"] == "whatsapp"
    assert "whatsapp_web_status=blocked" in rows["measurements"][0]["peer_verdict"]


def test_tor_targets_are_steps_with_their_protocol(shared_data: Path) -> None:
    content = (shared_data / "ooni/nettests/tor.json").read_bytes()
    steps = of_layer(read(content), "step")
    assert [(row["step_target"], row["ip"], row["port"]) for row in steps] == [
        ("or_port", "66.111.2.131", 9001),
        ("dir_port", "66.111.2.131", 9030),
        ("obfs4", None, None),
    ]
    # Early probes wrote a list.
    record = json.loads(content)
    record["test_keys"]["targets"] = list(record["test_keys"]["targets"].values())
    assert len(of_layer(read(json.dumps(record).encode()), "step")) == 3


def test_no_address_of_a_bridge_is_in_any_row() -> None:
    secret = "192.0.2.77"
    bridge = {
        "target_protocol": "obfs4",
        "target_address": f"{secret}:443",
        "target_name": "",
        "failure": f"unknown_failure: dial tcp {secret}:443: odd",
        "tcp_connect": [{"ip": secret, "port": 443, "status": {"success": True, "failure": None}, "t": 1.0}],
        "network_events": [{"operation": "connect", "address": f"{secret}:443", "t": 1.0, "failure": None}],
        "requests": [{"failure": f"odd: {secret}", "request": {"url": f"http://{secret}:443/"}}],
    }
    for targets in ({f"{secret}:443": bridge}, {"cafe": bridge}, [bridge]):
        rows = read(line(test_name="tor", input=None, test_keys={"targets": targets}))
        assert secret not in str(rows)
        assert [(row["layer"], row["host"]) for row in rows["observations"]][:2] == [
            ("step", "tor.obfs4"),
            ("tcp", "tor.obfs4"),
        ]


def test_a_tor_target_that_was_not_tried_did_not_fail() -> None:
    target = {"target_protocol": "obfs4", "target_address": "192.0.2.1:80", "failure": False}
    rows = read(line(test_name="tor", input=None, test_keys={"targets": {"a": target}}))
    assert rows["observations"] == []
    assert rows["measurements"][0]["notes"] == ["targets: some were not tried"]


@pytest.mark.parametrize(
    ("name", "failure", "number"),
    [
        ("torsf_1", "generic_timeout_error", None),
        ("torsf_2", None, 78.980935917),
        ("vanilla_tor", "generic_timeout_error", None),
        ("vanilla_tor_ok", None, 87.502183514),
    ],
)
def test_bootstraps(shared_data: Path, name: str, failure: str | None, number: float | None) -> None:
    rows = read((shared_data / f"ooni/nettests/{name}.json").read_bytes())
    step = next(row for row in of_layer(rows, "step") if row["step"] == "bootstrap_time")
    assert (step["failure"], step["step_number"]) == (failure, number)


def test_psiphon_that_never_came_up_has_a_time_of_zero() -> None:
    keys = {"failure": None, "bootstrap_time": 0, "max_runtime": 60}
    rows = read(line(test_name="psiphon", input=None, test_keys=keys))
    assert of_layer(rows, "step")[0]["failure"] == "unknown_failure"


def test_the_targets_of_dns_check_keep_their_transactions_apart() -> None:
    lookup = {
        "failure": None,
        "queries": [
            {"engine": "doh", "hostname": "example.org", "failure": None, "transaction_id": 1, "answers": []}
        ],
    }
    keys = {"bootstrap": None, "lookups": {"https://192.0.2.1/": lookup, "https://192.0.2.2/": lookup}}
    rows = read(line(test_name="dnscheck", input="https://Dns.Example/query", test_keys=keys))
    assert rows["measurements"][0]["target"] == "https://dns.example/query"
    assert len({row["transaction"] for row in of_layer(rows, "dns")}) == 2


def test_a_request_line_that_comes_back_altered() -> None:
    keys = {"sent": ["GET / HTTP/1.1\n", "X"], "received": ["GET / HTTP/1.0\n", "X"], "tampering": False}
    rows = read(line(test_name="http_invalid_request_line", input=None, test_keys=keys))
    assert [row["step_value"] for row in of_layer(rows, "step")] == ["altered", "same"]


def test_a_test_that_nobody_knows_is_read_by_its_shared_parts() -> None:
    rows = read(line(test_name="brand_new", input="https://www.example.org/"))
    assert {row["layer"] for row in rows["observations"]} == {"dns", "tcp"}
    assert rows["measurements"][0]["nettest"] == "brand_new"


def test_handshakes_have_certificates_and_traffic(shared_data: Path) -> None:
    rows = read((shared_data / "ooni/nettests/signal_022.json").read_bytes())
    tls = of_layer(rows, "tls")
    assert len(tls) == 6
    assert all(row["tls_certificate_sha256"] and row["tls_names"] for row in tls)
    assert all(row["read_bytes"] > 0 and row["write_count"] > 0 for row in tls)
    assert {row["tls_matches_name"] for row in tls} == {True}


def test_broken_forms_of_headers_and_bodies() -> None:
    """X1: base64 that is none, headers as text, list or object, a response that is missing."""
    exchanges = [
        {"request": {"url": "http://a.example/"}, "failure": "eof_error"},
        {"request": {"url": "http://b.example/"}, "response": {"body": {"format": "base64", "data": "aGk"}}},
        {
            "request": {"url": "http://c.example/"},
            "response": {
                "code": 301,
                "body": None,
                "headers": {"LOCATION": {"format": "base64", "data": "aHR0cDovL2QuZXhhbXBsZS8="}},
            },
        },
        {
            "request": {"url": "http://d.example/"},
            "response": {
                "code": 200,
                "body": "<TITLE> Caf&eacute;\n x</TITLE>",
                "headers": [["Server", "s"]],
            },
        },
        {
            "request": {"url": "http://e.example/"},
            "response": {"code": 200, "headers_list": [["x"], ["Server", "t"]]},
        },
    ]
    http = of_layer(read(line(test_keys={"requests": exchanges})), "http")
    by_host = {row["host"]: row for row in http}
    assert by_host["a.example"]["failure"] == "eof_error"
    assert by_host["b.example"]["http_body_length"] == 2
    assert by_host["c.example"]["http_location"] == "http://d.example/"
    assert by_host["d.example"]["http_title"] == "Café x"
    assert by_host["d.example"]["http_server"] == "s"
    assert by_host["e.example"]["http_server"] == "t"


def test_wrong_types_lose_a_field_and_not_the_measurement() -> None:
    """X1."""
    keys = {
        "queries": [
            7,
            {"hostname": 5, "engine": "system", "failure": None, "answers": "none", "t": "0.5"},
            {"hostname": "www.example.org", "failure": "dns_nxdomain_error", "answers": None},
        ],
        "tcp_connect": {"ip": "203.0.113.7", "port": "443", "status": {"success": True, "failure": None}},
        "requests": "none",
        "control": [],
    }
    rows = read(line(test_keys=keys, test_runtime="1.5", annotations=[], probe_asn=64500.0))
    measured = rows["measurements"][0]
    assert measured["network"] == 64500
    assert measured["runtime_seconds"] == 1.5
    assert any(note.startswith("queries:") for note in measured["notes"])
    assert [row["failure"] for row in of_layer(rows, "dns")] == ["dns_no_answer", "dns_nxdomain_error"]
    assert [row["port"] for row in of_layer(rows, "tcp")] == [443]


@pytest.mark.parametrize(
    "number", ["99999999999", "1e300", "1e999", "-1e999", "9223372036854775807", "1" + "0" * 400]
)
def test_numbers_that_no_column_holds_do_not_stop_the_reader(number: str) -> None:
    """X1: the number is lost, the measurement and its neighbours are not."""
    keys = """{
        "control": {"http_request": {"status_code": 200, "body_length": N}, "ip_info": {"192.0.2.1": {"asn": N}}},
        "queries": [{"hostname": "a.example", "t": N, "t0": N, "rcode": N, "transaction_id": N, "answers": [
            {"answer_type": "A", "ipv4": "192.0.2.1", "asn": N, "ttl": N}]}],
        "tcp_connect": [{"ip": "192.0.2.1", "port": N, "status": {"success": true}, "transaction_id": N}],
        "tls_handshakes": [{"address": "192.0.2.1:443", "t": 0.5, "transaction_id": 1},
            {"address": "192.0.2.1:443", "t": N, "transaction_id": N}],
        "network_events": [{"operation": "read", "t": 0.1, "num_bytes": N, "transaction_id": 1}],
        "requests": [{"request": {"url": "https://a.example/"}, "response": {"code": N}, "t": N, "t0": 0}]
    }""".replace("N", number)
    odd = line(test_keys=5, test_runtime=6).replace(b'"test_keys": 5', b'"test_keys": ' + keys.encode())
    assert odd.count(number.encode()) >= 10
    odd = odd.replace(b"\n", b"").replace(b'"test_runtime": 6', b'"test_runtime": ' + number.encode())
    rows = read(line(), odd, line(input="https://b.example/"))
    assert [row["line"] for row in rows["measurements"]] == [1, 2, 3]
    assert {row["layer"] for row in rows["observations"] if row["line"] == 2} == {"dns", "tcp", "tls", "http"}


def test_a_null_where_a_text_must_be_does_not_stop_the_reader() -> None:
    """X1: the header without a value is left out, whatever sends the line the slow way."""
    response = {"code": 200, "headers_list": [["Location", None], ["Server", "x"]], "body": 7}
    rows = read(
        line(test_keys={"requests": [{"request": {"url": "https://a.example/"}, "response": response}]})
    )
    assert [row["http_server"] for row in of_layer(rows, "http")] == ["x"]
    assert "headers_list: unexpected null" in rows["measurements"][0]["notes"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not valid JSON"),
        (b'{"test_name": "x\x00"}', "not valid JSON"),
        (b'{"test_name": "web_connectivity", "extra": "\xff\xfe"}', "not valid UTF-8"),
        (b"[1, 2]", "not an object"),
        (b"null", "not an object"),
        (b'{"a": 1}', "not a measurement"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (line()[:-20], "not valid JSON"),
        (b"\x00" * 50, "not valid JSON"),
    ],
)
def test_bad_lines_are_set_aside_and_the_others_kept(content: bytes, reason: str) -> None:
    """X1."""
    rows = read(line(), content, line(input="https://b.example/"))
    assert [row["line"] for row in rows["measurements"]] == [1, 3]
    assert [row["line"] for row in rows["quarantine"]] == [2]
    assert reason in rows["quarantine"][0]["reason"]


ROWS = 1_000
LONG = "x" * 2_000


@pytest.mark.parametrize(
    ("changes", "keys"),
    [
        ({"input": f"https://a.example/{LONG}"}, {}),
        ({"report_id": LONG}, {}),
        ({"report_id": None, "software_name": LONG}, {}),
        ({"measurement_uid": LONG}, {}),
        ({"probe_id": "\u00e9" * 700}, {}),
        ({}, {"queries": [{"hostname": LONG, "answers": [{}] * ROWS}]}),
        ({}, {"queries": [{"failure": LONG, "answers": [{}] * ROWS}]}),
        ({}, {"queries": [{"engine": "udp", "resolver_address": LONG, "answers": [{}] * ROWS}]}),
        ({}, {"x_dns_duplicate_responses": [{"failure": LONG, "answers": [{}] * ROWS}]}),
        ({}, {"control": {"dns": {"failure": LONG, "addrs": [""] * ROWS}}}),
        (
            {"test_name": "tor"},
            {"targets": {"a": {"target_protocol": LONG, "queries": [{"failure": "x"}] * ROWS}}},
        ),
    ],
)
def test_a_line_whose_rows_would_repeat_far_more_than_it_has_is_set_aside(
    changes: dict[str, Any], keys: dict[str, Any]
) -> None:
    """X1, X2: a text of some kilobytes in each of thousands of rows would fill a column, and the run would end."""
    connects = [{"ip": "192.0.2.1", "status": {}}] * ROWS
    hostile = line(**{**changes, "test_keys": {**keys, "tcp_connect": connects if not keys else []}})
    rows = read(line(), hostile, line())
    assert [row["line"] for row in rows["measurements"]] == [1, 3]
    assert [(row["line"], row["reason"].partition(":")[0]) for row in rows["quarantine"]] == [
        (2, "its rows would repeat far more text than it has")
    ]
    alone = read(line(), line())
    for name in ("observations", "controls"):
        assert [{**row, "line": 0} for row in rows[name]] == [{**row, "line": 0} for row in alone[name]]


def test_names_longer_than_any_name_are_none() -> None:
    """X2, RFC 1035: connections to one address repeat the name that was asked for, and the network's."""
    answers = [{"answer_type": "A", "ipv4": "192.0.2.1", "as_org_name": "n" * 256}]
    query = {
        "engine": "udp",
        "resolver_address": "r" * 256,
        "hostname": f"{'a' * 256}.example",
        "answers": answers,
    }
    connect = {"ip": "192.0.2.1", "port": 443, "status": {}}
    rows = read(line(input=f"https://{'a' * 256}/", test_keys={"queries": [query], "tcp_connect": [connect]}))
    assert rows["measurements"][0]["target"] == "unknown"
    assert {(row["host"], row["ip_network_name"], row["dns_resolver"]) for row in rows["observations"]} == {
        (None,) * 3
    }
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    assert host_name(longest) == longest
    assert host_name("\u00fc" * 250) is None  # its punycode is longer


def test_what_strict_readers_refuse_is_still_read() -> None:
    """X1: lone surrogates, NaN, huge numbers, duplicate keys (the last one counts)."""
    odd = line().replace(b'"probe_cc": "XW"', b'"probe_cc": "XX", "x": NaN, "y": 1e999, "probe_cc": "XW"')
    surrogate = line(probe_network_name="\ud800 net")
    rows = read(odd, surrogate)
    assert [row["country"] for row in rows["measurements"]] == ["XW", "XW"]
    assert rows["quarantine"] == []


def test_a_missing_input_is_no_crash() -> None:
    """X1."""
    record = json.loads(line())
    del record["input"]
    assert read(json.dumps(record).encode())["measurements"][0]["target"] == "unknown"


def test_no_address_of_the_volunteer_in_any_column() -> None:
    """X9: nor the resolver's; portals put the client's address into redirects."""
    own, resolver = "198.51.100.77", "198.51.100.78"
    keys = {
        "client_resolver": resolver,
        "requests": [
            {
                "request": {"url": f"http://portal.example/?ip={own}"},
                "response": {
                    "code": 302,
                    "headers_list": [["Location", f"http://x.example/{own}"]],
                    "body": f"<title>You are {own}</title>",
                },
            }
        ],
    }
    rows = read(line(probe_ip=own, resolver_ip=resolver, test_keys=keys))
    assert own not in str(rows)
    assert resolver not in str(rows)
    assert rows["measurements"][0]["resolver_kind"] == "unknown"  # documentation range


def test_an_answer_that_is_the_probes_own_private_address_stays_a_bogon() -> None:
    own = "10.77.0.9"
    answers = [{"answer_type": "A", "ipv4": own}]
    query = {"engine": "system", "hostname": "a.example", "query_type": "A", "answers": answers}
    rows = read(line(probe_ip=own, test_keys={"queries": [query]}))
    assert own not in str(rows)
    (found,) = rows["observations"]
    assert (found["ip"], found["ip_kind"]) == ("[scrubbed private]", "private")


def test_ids_come_from_the_content_where_there_is_none() -> None:
    first, again, other = read(line(), line(), line(test_runtime=1.0))["measurements"]
    assert first["measurement_id"] == again["measurement_id"] != other["measurement_id"]
    assert first["measurement_id"].startswith("20240212203347_XW_webconnectivity_")
    named = read(line(measurement_uid="20240212203350.123456_XW_webconnectivity_0123456789abcdef"))
    assert named["measurements"][0]["received"] == datetime(2024, 2, 12, 20, 33, 50, 123456, tzinfo=UTC)


def test_without_report_ids_a_networks_day_is_one_session() -> None:
    """C1: independence is never overstated."""
    rows = read(
        line(report_id=""),
        line(report_id="", measurement_start_time="2024-02-12 01:00:00", input="https://b.example/"),
        line(report_id="", measurement_start_time="2024-02-13 01:00:00"),
        line(report_id=None, probe_asn="AS64501"),
    )
    sessions = [row["session"] for row in rows["measurements"]]
    assert sessions[0] == sessions[1]
    assert len(set(sessions)) == 3


def at(text: str) -> datetime:
    found = parse_time(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("time", "start", "report", "received", "flag"),
    [
        ("2024-02-12 20:33:47", "2024-02-12 20:33:40", "2024-02-12 20:33:41", "2024-02-12 20:33:50", None),
        (
            "2024-02-12 23:33:47",
            "2024-02-12 23:33:40",
            "2024-02-12 20:33:41",
            "2024-02-12 20:33:50",
            "shifted",
        ),
        (
            "2024-02-12 17:03:47",
            "2024-02-12 17:03:40",
            "2024-02-12 20:33:41",
            "2024-02-12 20:33:50",
            "shifted",
        ),
        ("2024-02-12 23:33:47", "2024-02-12 23:33:40", "2024-02-12 20:33:41", None, "shifted"),
        # Uploaded days later, in a new report: the clock was right (C15).
        ("2024-02-09 11:02:10", "2024-02-09 11:02:00", "2024-02-12 20:33:41", "2024-02-12 20:33:50", None),
        # A long session: the report was opened hours before.
        ("2024-02-12 23:30:00", "2024-02-12 20:33:40", "2024-02-12 20:33:41", "2024-02-12 23:30:10", None),
        (
            "2024-04-12 20:33:47",
            "2024-04-12 20:33:40",
            "2024-02-12 20:33:41",
            "2024-02-12 20:33:50",
            "future",
        ),
        ("2027-02-12 20:33:47", None, None, None, "future"),
        ("1970-01-01 00:00:10", None, "2024-02-12 20:33:41", None, "before_2012"),
    ],
)
def test_clocks_that_cannot_be_right_are_flagged(
    time: str, start: str | None, report: str | None, received: str | None, flag: str | None
) -> None:
    """X4."""
    moments = [parse_time(text) for text in (time, start, report, received)]
    assert clock_flag(*moments, runtime=2.0, as_of=AS_OF) == flag


_NOON = 1_700_000_000_000_000
_CLOCKS = st.none() | st.one_of(
    *(
        st.integers(-spread, spread).map(lambda seconds: _NOON + seconds * 1_000_000)
        for spread in (90, 4_000, 100_000, 500_000_000)
    )
)


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(
        st.tuples(_CLOCKS, _CLOCKS, _CLOCKS, _CLOCKS, st.none() | st.floats(-1.0, 90_000.0)), max_size=12
    )
)
def test_many_clocks_are_told_as_each_of_them_is(rows: list[tuple[Any, ...]]) -> None:
    """X4: looking at many measurements at once says of each what looking at it alone does."""
    as_of = datetime(2025, 1, 1, tzinfo=UTC)
    alone = [
        clock_flag(*(None if time is None else from_microseconds(time) for time in row[:4]), row[4], as_of)
        for row in rows
    ]
    columns = [list(values) for values in zip(*rows, strict=True)] or [[], [], [], [], []]
    assert clock_flags(*columns, as_of) == alone


@given(
    lists=st.lists(st.none() | st.lists(st.none() | st.text(max_size=3), max_size=4), min_size=1, max_size=8),
    data=st.data(),
)
def test_names_of_certificates_go_to_every_row_that_has_them(
    lists: list[list[str | None] | None], data: st.DataObject
) -> None:
    """A row that has no certificate has no names; one of a certificate without names has none either."""
    places = data.draw(st.lists(st.none() | st.integers(0, len(lists) - 1), max_size=20))
    given_ = pa.array(lists, pa.list_(pa.string()))
    taken = _take_lists(given_, pa.array(places, pa.int32()))
    taken.validate(full=True)
    assert taken.to_pylist() == [None if place is None else lists[place] for place in places]


def test_times_in_their_other_forms() -> None:
    """X4: missing and broken times are flagged, other notations read."""
    assert clock_flag(None, None, None, None, None, AS_OF) == "missing"
    wanted = datetime(2024, 2, 12, 20, 33, 47, tzinfo=UTC)
    for text in ("2024-02-12 20:33:47", "2024-02-12T20:33:47Z", "2024-02-12T23:33:47+03:00"):
        assert parse_time(text) == wanted
    assert at("2024-02-12 20:33:47.250").microsecond == 250_000
    assert parse_time("yesterday") is None
    assert parse_time("2024-02-30 00:00:00") is None
    assert leading_time("20240212T203347Z_x") == wanted
    assert leading_time("20240212203347.5_x") == wanted.replace(microsecond=500_000)
    assert leading_time("20241312203347.5_x") is None
    flagged = read(
        line(measurement_start_time="tomorrow"), line(measurement_start_time="2031-01-01 00:00:00")
    )
    assert [row["time_flag"] for row in flagged["measurements"]] == ["missing", "future"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)
KEYS = st.sampled_from(
    "queries tcp_connect tls_handshakes requests network_events control control_failure blocking targets "
    "lookups bootstrap sent received tampering summary server endpoint openvpn_handshake failure "
    "bootstrap_time transport_status".split()
)
TESTS = st.sampled_from(
    "web_connectivity whatsapp telegram signal facebook_messenger tor torsf psiphon dnscheck stunreachability "
    "openvpn riseupvpn echcheck urlgetter http_header_field_manipulation http_invalid_request_line "
    "browser_web ndt dash other".split()
)


@settings(max_examples=150, deadline=None)
@given(
    name=TESTS,
    keys=st.dictionaries(KEYS, JSON, max_size=6),
    common=st.dictionaries(
        st.sampled_from(
            "input report_id probe_asn probe_cc annotations test_helpers test_runtime resolver_ip".split()
        ),
        JSON,
        max_size=4,
    ),
)
def test_any_json_in_any_field_is_a_measurement(
    name: str, keys: dict[str, Any], common: dict[str, Any]
) -> None:
    """X1: whatever the types, no crash, and the line is counted."""
    rows = read(line(**{**common, "test_name": name, "test_keys": keys}))
    assert len(rows["measurements"]) == 1


@settings(max_examples=150, deadline=None)
@given(
    data=st.data(),
    cut=st.integers(0, 60),
    junk=st.binary(max_size=40).filter(lambda junk: b"\n" not in junk),
)
def test_lines_never_vanish(data: st.DataObject, cut: int, junk: bytes) -> None:
    """X1: lines in are measurements, set aside, or blank, wherever bytes are changed."""
    good = line()
    place = data.draw(st.integers(0, len(good)))
    mutated = good[:place] + junk + good[place + cut :]
    rows = read(good, mutated, junk, b"  ", good)
    blank = sum(not content.strip() for content in (mutated, junk, b"  "))
    assert len(rows["measurements"]) + len(rows["quarantine"]) + blank == 5


@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_lenient_reading_keeps_what_fits(value: Any) -> None:
    notes: list[str] = []
    found = coerce({"test_keys": value, "probe_cc": "XW"}, nettest("web_connectivity").record, notes)
    assert found.probe_cc == "XW"
    assert msgspec.json.encode(notes)


def test_the_order_of_tests_in_a_file_does_not_matter(shared_data: Path) -> None:
    """C14: a reader that has seen other tests reads the same."""
    contents = [path.read_bytes() for path in real(shared_data, "nettests")]
    forward = read(*contents)["measurements"]
    backward = read(*reversed(contents))["measurements"]
    drop = {"line"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in forward] == [
        {k: v for k, v in row.items() if k not in drop} for row in reversed(backward)
    ]
