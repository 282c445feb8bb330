"""OONI's `obs_web` exports: facts once each, whatever the layout of their rows."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from wallwatch.schema import OBSERVATIONS
from wallwatch.sources.readers import read_file

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
UID = "20240101000003.123456_XW_telegram_0123456789abcdef"
COLUMNS = (
    "measurement_uid test_name probe_cc probe_asn measurement_start_time report_id hostname ip port ip_asn "
    "dns_engine dns_failure dns_answer tcp_success tcp_failure tls_success tls_failure tls_handshake_time "
    "tls_end_entity_certificate_san_list tls_is_certificate_valid http_request_url http_failure"
).split()


def row(**values: Any) -> dict[str, Any]:
    return {
        "measurement_uid": UID,
        "test_name": "telegram",
        "probe_cc": "XW",
        "probe_asn": "64500",
        "measurement_start_time": "2024-01-01 00:00:00+00:00",
        "report_id": "r",
        "tls_success": "0",
        "tls_end_entity_certificate_san_list": "[]",
        **values,
    }


def text(*rows: dict[str, Any]) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def read(path: Path) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    kind, batches = read_file(path, "0" * 16, as_of=AS_OF)
    found: dict[str, list[dict[str, Any]]] = {"measurements": [], "observations": [], "quarantine": []}
    for batch in batches:
        for name, table in batch.tables.items():
            found[name] += table.to_pylist()
    return kind, found


def write(folder: Path, content: bytes) -> Path:
    path = folder / "export"
    path.write_bytes(content)
    return path


ENDPOINT = row(
    hostname="web.telegram.org",
    ip="149.154.167.99",
    port="443.0",
    ip_asn="62041.0",
    dns_engine="system",
    dns_answer="149.154.167.99",
    tcp_success="1.0",
    tls_success="1",
    tls_handshake_time="0.25",
    tls_end_entity_certificate_san_list="['*.web.telegram.org', 'web.telegram.org']",
    tls_is_certificate_valid="1.0",
)


def test_one_row_gives_an_observation_for_each_layer(tmp_path: Path) -> None:
    kind, found = read(write(tmp_path, text(ENDPOINT)))
    assert kind == "obs_web"
    dns, tcp, tls = found["observations"]
    assert [dns["layer"], tcp["layer"], tls["layer"]] == ["dns", "tcp", "tls"]
    assert (dns["dns_answer"], dns["dns_engine"], dns["ip_network"]) == ("149.154.167.99", "system", 62041)
    assert (tcp["port"], tcp["failure"]) == (443, None)
    assert (tls["tls_names"], tls["tls_matches_name"]) == (["*.web.telegram.org", "web.telegram.org"], True)
    assert tls["duration_seconds"] == 0.25
    assert [entry["obs"] for entry in found["observations"]] == [0, 1, 2]
    measured = found["measurements"][0]
    assert (measured["target"], measured["network"], measured["observations"]) == ("telegram", 64500, 3)


def test_repeated_facts_are_one_observation_each(tmp_path: Path) -> None:
    other_port = {**ENDPOINT, "port": "80.0", "tls_handshake_time": "0.5"}
    between = row(
        measurement_uid=UID.replace("telegram_0", "telegram_1"), http_request_url="http://192.0.2.1/"
    )
    _, found = read(write(tmp_path, text(ENDPOINT, between, ENDPOINT, other_port)))
    layers = Counter((entry["measurement_id"], entry["layer"]) for entry in found["observations"])
    assert layers == {
        (UID, "dns"): 1,
        (UID, "tcp"): 2,
        (UID, "tls"): 1,
        (between["measurement_uid"], "http"): 1,
    }
    assert [entry["line"] for entry in found["measurements"]] == [2, 3]


def test_addresses_as_hosts_and_failures(tmp_path: Path) -> None:
    """J31: failure strings in one vocabulary here, too."""
    rows = (
        row(
            hostname="149.154.175.50",
            ip="149.154.175.50",
            port="443.0",
            tcp_success="0.0",
            tcp_failure="generic_timeout_error",
        ),
        row(
            hostname="149.154.175.50",
            http_request_url="http://149.154.175.50/",
            http_failure="unknown_failure: cannot allocate memory",
        ),
        row(hostname="web.telegram.org", dns_engine="system", dns_failure="dns_name_error"),
        row(hostname="web.telegram.org", dns_engine="system"),
        row(hostname="web.telegram.org", tcp_success="0"),
    )
    _, found = read(write(tmp_path, text(*rows)))
    by_line = {entry["line"]: entry for entry in found["observations"]}
    assert (by_line[2]["failure"], by_line[2]["host"]) == ("generic_timeout_error", "149.154.175.50")
    assert (by_line[3]["failure"], by_line[3]["ip"]) == ("unknown_failure", "149.154.175.50")
    assert by_line[4]["failure"] == "dns_nxdomain_error"
    assert by_line[5]["failure"] == "dns_no_answer"
    assert by_line[6]["failure"] == "unknown_failure"


def test_bad_rows_are_set_aside_and_the_others_kept(tmp_path: Path) -> None:
    """X1."""
    good = text(ENDPOINT)
    header, line, _ = good.split(b"\r\n")
    content = b"\r\n".join(
        [
            header,
            line,
            b"too,few",
            line.replace(b"telegram_0", b"telegram_2").replace(b",XW,", b",\xff,"),
            line.replace(b"telegram_0", b"telegram_3"),
            line.replace(UID.encode(), b""),
            line[:20],
        ]
    )
    _, found = read(write(tmp_path, content))
    assert len(found["measurements"]) == 2
    reasons = sorted(entry["reason"] for entry in found["quarantine"])
    assert len(reasons) == 4
    assert any("UTF-8" in reason for reason in reasons)
    assert any("columns" in reason for reason in reasons)
    assert any("measurement_uid" in reason for reason in reasons)


def test_a_torn_export_keeps_its_first_rows(tmp_path: Path) -> None:
    """X1."""
    rows = [{**ENDPOINT, "measurement_uid": UID.replace("0123", f"{n:04d}")} for n in range(2_000)]
    whole = gzip.compress(text(*rows))
    _, found = read(write(tmp_path, whole[: len(whole) // 2]))
    assert 0 < len(found["measurements"]) < 2_000
    assert any("torn" in entry["reason"] for entry in found["quarantine"])


def test_no_resolver_address_in_any_column(tmp_path: Path) -> None:
    """X9."""
    header = ",".join([*COLUMNS, "resolver_ip", "resolver_asn"])
    values = ",".join(
        [
            *(str(ENDPOINT.get(c, "")) if "[" not in str(ENDPOINT.get(c, "")) else "" for c in COLUMNS),
            "198.51.100.99",
            "64502",
        ]
    )
    _, found = read(write(tmp_path, f"{header}\n{values}\n".encode()))
    assert found["measurements"][0]["resolver_network"] == 64502
    assert "198.51.100.99" not in str(found)


@pytest.mark.parametrize("name", ["2023-KE-telegram", "2023-KE-web_connectivity-telegram.org"])
def test_real_exports_as_csv_and_parquet_say_the_same(shared_data: Path, tmp_path: Path, name: str) -> None:
    source = shared_data / "ooni" / "export" / f"{name}.csv.gz"
    kind, batches = read_file(source, "0" * 16, as_of=AS_OF)
    from_csv = pa.concat_tables(b.tables["observations"] for b in batches if "observations" in b.tables)
    assert kind == "obs_web"
    assert from_csv.schema.equals(OBSERVATIONS.arrow)
    given = pa_csv.read_csv(source, convert_options=pa_csv.ConvertOptions(strings_can_be_null=True))
    pq.write_table(given, tmp_path / "export.parquet")
    kind, batches = read_file(tmp_path / "export.parquet", "0" * 16, as_of=AS_OF)
    from_parquet = pa.concat_tables(b.tables["observations"] for b in batches if "observations" in b.tables)
    assert kind == "obs_web"
    left = from_csv.drop_columns(["line"]).to_pylist()[:20_000]
    right = from_parquet.drop_columns(["line"]).to_pylist()[:20_000]
    assert from_csv.num_rows == from_parquet.num_rows
    assert left == right


def test_the_kenyan_export_has_each_measurement_once(shared_data: Path) -> None:
    _, found = read(shared_data / "ooni" / "export" / "2023-KE-telegram.csv.gz")
    assert len(found["measurements"]) == 2_344
    assert len({entry["measurement_id"] for entry in found["measurements"]}) == 2_344
    assert len({entry["network"] for entry in found["measurements"]}) == 26
    assert found["quarantine"] == []
    blocked = [
        entry
        for entry in found["observations"]
        if entry["network"] == 12455
        and entry["layer"] == "tcp"
        and entry["failure"] == "generic_timeout_error"
    ]
    days = {entry["time"].day for entry in blocked if entry["time"].month == 11}
    assert {9, 24} <= days
    assert not days & {26, 27, 28, 29}
