"""The made-up country: the same bytes for the same seed, reserved names only, a truth that fits its files."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from wallwatch import simulate
from wallwatch.schema.words import OUTAGE_KINDS, STATES, is_mechanism
from wallwatch.simulate import names

DAYS, SCALE = 8, 0.35


@dataclass(frozen=True)
class Country:
    """What was written, read back."""

    folder: Path
    written: simulate.Written
    measurements: list[dict[str, Any]]
    truth: dict[str, dict[str, str]]


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))


@pytest.fixture(scope="module")
def country(tmp_path_factory: pytest.TempPathFactory) -> Country:
    folder = tmp_path_factory.mktemp("country")
    written = simulate.write(folder, seed=5, days=DAYS, scale=SCALE)
    measurements = [
        json.loads(line)
        for path in sorted(written.raw.rglob("*.jsonl.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    truth = {row["measurement_id"]: row for row in rows(written.truth / "verdicts.csv")}
    return Country(folder, written, measurements, truth)


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def test_same_seed_gives_same_bytes_and_another_seed_others(country: Country, tmp_path: Path) -> None:
    simulate.write(tmp_path / "again", seed=5, days=DAYS, scale=SCALE)
    assert digest(tmp_path / "again") == digest(country.folder)
    simulate.write(tmp_path / "other", seed=6, days=DAYS, scale=SCALE)
    assert digest(tmp_path / "other") != digest(country.folder)


def test_a_country_of_less_than_a_week_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 7 days"):
        simulate.write(tmp_path, seed=1, days=3)
    with pytest.raises(ValueError, match="positive scale"):
        simulate.write(tmp_path, seed=1, scale=0)


def test_files_lie_as_in_the_bucket(country: Country) -> None:
    pattern = re.compile(r"raw/(\d{8})/(\d\d)/(X[A-Z])/([a-z]+\d?)/\1\2_\3_\4\.n0\.0\.jsonl\.gz")
    paths = [path.relative_to(country.folder).as_posix() for path in country.written.raw.rglob("*.gz")]
    assert paths
    assert all(pattern.fullmatch(path) for path in paths)
    assert len(paths) == country.written.files


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


HOST_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://(\[[0-9a-f:]+\]|[^/\s\"'<>:?]+)", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3})(?![\d.])")
NAME = re.compile(r"^(?=.*[a-z])[a-z0-9-]+(\.[a-z0-9-]+)+$", re.IGNORECASE)


def test_every_name_is_reserved(country: Country) -> None:
    """RFC 2606: no name in any field, address or certificate can belong to anybody."""
    seen: set[str] = set()
    fields = ("hostname", "server_name", "Host")
    for measurement in country.measurements:
        for text in strings(measurement):
            seen.update(host.lower() for host in HOST_IN_URL.findall(text))
        for found in walk(measurement):
            seen.update(found[field] for field in fields if isinstance(found.get(field), str))
    hosts = {host for host in seen if NAME.match(host) and not IPV4.fullmatch(host)}
    assert len(hosts) > 60
    for host in hosts:
        assert names.is_reserved_name(host), host


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_every_address_is_reserved(country: Country) -> None:
    """RFC 5737, 3849: documentation addresses, and private ones where an answer is injected."""
    texts = {text for m in country.measurements for text in strings(m) if len(text) < 300}
    texts -= {m["software_version"] for m in country.measurements}
    versions = {"0.4.8.10"}  # of the Tor client
    found = {address for text in texts for address in IPV4.findall(text)} - versions
    assert len(found) > 60
    for address in found:
        assert names.is_reserved_address(address), address
    for text in texts:
        for six in re.findall(r"\[([0-9a-f:]+)\]:\d+", text):
            assert names.is_reserved_address(six), six
    for measurement in country.measurements:
        for found_object in walk(measurement):
            if isinstance(found_object.get("ipv6"), str):
                assert names.is_reserved_address(found_object["ipv6"])


def test_every_network_and_country_is_reserved(country: Country) -> None:
    """RFC 5398 networks; user-assigned countries of ISO 3166-1 (XA to XZ)."""
    for measurement in country.measurements:
        assert measurement["probe_cc"] in (names.COUNTRY, *names.ELSEWHERE)
        for field in ("probe_asn", "resolver_asn"):
            assert names.is_reserved_network(int(measurement[field].removeprefix("AS")))
        for found in walk(measurement["test_keys"]):
            if found.get("asn"):
                assert names.is_reserved_network(found["asn"])
        assert measurement["probe_ip"] == "127.0.0.1"


def test_signals_are_of_reserved_countries_only(country: Country) -> None:
    places = rows(country.written.signals / "observatory.csv")
    assert {row["iso"] for row in places} <= {names.COUNTRY, *names.ELSEWHERE}
    assert len(places) == 22 * DAYS * 24
    assert all(0 <= float(row["connectivity"]) <= 100 for row in places)
    answer = json.loads((country.written.signals / "ioda_raw_country_XW.json").read_text())
    for series in answer["data"][0]:
        assert len(series["values"]) == DAYS * 86_400 // series["step"]
        assert series["until"] - series["from"] == DAYS * 86_400


def test_certificates_are_real_and_signed(country: Country) -> None:
    seen: set[str] = set()
    for measurement in country.measurements:
        for shaken in measurement["test_keys"].get("tls_handshakes") or []:
            chain = shaken["peer_certificates"] or []
            if not chain or chain[0]["data"] in seen:
                continue
            seen.add(chain[0]["data"])
            leaf = x509.load_der_x509_certificate(base64.b64decode(chain[0]["data"]))
            issuer = x509.load_der_x509_certificate(base64.b64decode(chain[-1]["data"]))
            key = issuer.public_key()
            assert isinstance(key, Ed25519PublicKey)
            key.verify(leaf.signature, leaf.tbs_certificate_bytes)
            assert leaf.issuer == issuer.subject
    assert len(seen) > 40


def test_the_truth_names_every_measurement_once(country: Country) -> None:
    uids = [measurement["measurement_uid"] for measurement in country.measurements]
    assert len(uids) == len(set(uids)) == country.written.measurements
    assert set(uids) == set(country.truth)


def test_the_truth_speaks_the_words_of_the_field(country: Country) -> None:
    for row in country.truth.values():
        accept = row["accept"].split("|")
        assert row["truth_state"] in accept
        assert set(accept) <= set(STATES)
        for mechanism in filter(None, row["mechanisms"].split(";")):
            assert is_mechanism(mechanism)
    for row in rows(country.written.truth / "outages.csv"):
        assert row["kind"] in OUTAGE_KINDS
    for row in rows(country.written.truth / "events.csv"):
        assert row["kind"] in ("blocking", "throttling", "service_outage")


def test_what_met_a_restriction_shows_its_traces(country: Country) -> None:
    by_uid = {measurement["measurement_uid"]: measurement for measurement in country.measurements}
    checked: set[str] = set()
    for uid, row in country.truth.items():
        keys, host = by_uid[uid]["test_keys"], row["target"]
        if row["nettest"] != "web_connectivity" or "J21" in row["trap"] or not row["mechanisms"]:
            continue
        mechanism = row["mechanisms"]
        if mechanism == "dns.injection.bogon":
            system = [q for q in keys["queries"] if q["engine"] in ("getaddrinfo", "system")]
            addresses = [answer["ipv4"] for q in system for answer in q["answers"] or [] if "ipv4" in answer]
            assert any(
                ipaddress.ip_address(a).is_private and a.startswith(("10.", "127.")) for a in addresses
            )
        elif mechanism.startswith("tls.reset"):
            failures = {shaken["failure"] for shaken in keys["tls_handshakes"]}
            assert "connection_reset" in failures
        elif mechanism == "http.blockpage":
            assert any("blocked by order" in r["response"]["body"] for r in keys["requests"]), host
        elif mechanism == "tcp.timeout":
            assert any(c["status"]["failure"] == "generic_timeout_error" for c in keys["tcp_connect"])
        checked.add(mechanism)
    assert {"dns.injection.bogon", "tls.reset.sni", "http.blockpage"} <= checked


def test_nobody_measures_while_everything_is_cut(country: Country) -> None:
    """S1, S3: in the shutdown's first hours nothing is measured; later only what is uploaded afterwards."""
    outages = {
        row["kind"]: row for row in rows(country.written.truth / "outages.csv") if row["country"] == "XW"
    }
    cut, domestic = outages["shutdown"], outages["domestic_only"]
    inside = [
        row
        for row in country.truth.values()
        if row["country"] == "XW" and cut["onset"] <= row["time"] < domestic["onset"]
    ]
    # A session that began before may end in it.
    assert len(inside) < 60
    for uid, row in country.truth.items():
        if row["country"] == "XW" and domestic["onset"] <= row["time"] < cut["end"] and "S3" in row["trap"]:
            received = datetime.strptime(uid[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            assert received > datetime.fromisoformat(cut["end"])


def test_one_volunteer_measures_again_and_again(country: Country) -> None:
    """C1: many measurements, one report."""
    burst = {uid for uid, row in country.truth.items() if "C1" in row["trap"].split(";")}
    reports = {m["report_id"] for m in country.measurements if m["measurement_uid"] in burst}
    assert len(burst) >= 100
    assert len(reports) == 1


def test_the_reader_accepts_every_line(country: Country, tmp_path: Path) -> None:
    from wallwatch import archive
    from wallwatch.engine import Workspace
    from wallwatch.sources.fingerprints import Fingerprints

    workspace = Workspace.create(tmp_path / "workspace")
    archive.take_in(
        country.written.inputs,
        workspace.layout,
        workers=1,
        fingerprints=Fingerprints.load(()),
        as_of=datetime(2100, 1, 1, tzinfo=UTC),
    )
    with workspace.connect() as con:
        assert con.sql("SELECT * FROM quarantine").fetchall() == []
        assert con.sql("SELECT count(*) FROM measurements").fetchall() == [(country.written.measurements,)]
        assert con.sql("SELECT notes FROM measurements WHERE len(notes) > 0 LIMIT 5").fetchall() == []
        flagged = "SELECT DISTINCT time_flag FROM measurements WHERE time_flag IS NOT NULL"
        assert con.sql(flagged).fetchall() == []
        known = {row[0] for row in con.sql("SELECT measurement_id FROM measurements").fetchall()}
        assert known == set(country.truth)
        assert con.sql("SELECT count(DISTINCT country) FROM signals").fetchall() == [(3,)]
