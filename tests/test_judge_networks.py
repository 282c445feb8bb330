"""Networks of addresses by a database that the user gives: DNS consistency where probes reported no network."""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from console import run
from judge_worlds import TRUE, World
from wallwatch._errors import WallwatchError
from wallwatch.judge.networks import networks
from wallwatch.judge.references import References

NEAR = "203.0.113.9"


def _encoded(value: Any, name: str = "") -> bytes:
    """A value in the data section's form (MaxMind DB file format specification 2.0)."""
    if isinstance(value, dict):
        inner = b"".join(_encoded(key) + _encoded(one, key) for key, one in value.items())
        return bytes([0b111_00000 | len(value)]) + inner
    if isinstance(value, str):
        text = value.encode()
        head = (
            bytes([0b010_00000 | len(text)]) if len(text) < 29 else bytes([0b010_00000 | 29, len(text) - 29])
        )
        return head + text
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(_encoded, value))
    digits = int(value).to_bytes((int(value).bit_length() + 7) // 8, "big")
    if name == "build_epoch":
        return bytes([len(digits), 2]) + digits
    kind = 0b110_00000 if name in ("node_count", "autonomous_system_number") else 0b101_00000
    return bytes([kind | len(digits)]) + digits


def database(path: Path, entries: dict[str, dict[str, Any]]) -> Path:
    """A database of IPv4 networks: a binary tree of 24-bit records over a data section."""
    nodes: list[list[int | str | None]] = [[None, None]]
    for text in entries:
        network = ipaddress.ip_network(text)
        bits = f"{int(network.network_address):032b}"[: network.prefixlen]
        node = 0
        for bit in bits[:-1]:
            following = nodes[node][int(bit)]
            if not isinstance(following, int):
                nodes.append([None, None])
                following = nodes[node][int(bit)] = len(nodes) - 1
            node = following
        nodes[node][int(bits[-1])] = text
    data, places = b"", {}
    for text, record in entries.items():
        places[text] = len(data)
        data += _encoded(record)

    def pointer(record: int | str | None) -> bytes:
        if record is None:
            return len(nodes).to_bytes(3, "big")
        value = record if isinstance(record, int) else len(nodes) + 16 + places[record]
        return value.to_bytes(3, "big")

    tree = b"".join(pointer(left) + pointer(right) for left, right in nodes)
    metadata = {
        "node_count": len(nodes),
        "record_size": 24,
        "ip_version": 4,
        "database_type": "Example-ASN",
        "languages": [],
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1_700_000_000,
        "description": {"en": "made up"},
    }
    path.write_bytes(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _encoded(metadata))
    return path


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return database(
        tmp_path / "given.mmdb",
        {
            "203.0.113.0/24": {"autonomous_system_number": 64999, "autonomous_system_organization": "CDN"},
            "192.0.2.0/24": {"asn": "AS64999"},
            "198.51.100.0/24": {"asn": "none"},
        },
    )


def test_numbers_are_found_by_the_names_that_databases_give_them(given: Path) -> None:
    addresses = [NEAR, TRUE, "198.51.100.1", "10.0.0.1", "2001:db8::1", "no address"]
    assert networks(given, addresses) == {NEAR: 64999, TRUE: 64999}


def test_j2_an_answer_in_the_controls_network_is_consistent(given: Path, tmp_path: Path) -> None:
    world = World()
    world.measure().dns(NEAR).tcp("connection_refused", ip=NEAR).helper()
    without = world.judge(References.load())["m00000"]
    assert "dns.answers_differ_from_control" in without.rules
    (tmp_path / "networks.mmdb").write_bytes(given.read_bytes())
    references = References.load(tmp_path)
    found = world.judge(references)["m00000"]
    assert "dns.answer_in_control_network" in found.rules
    assert "dns.answers_differ_from_control" not in found.rules
    assert references.version != References.load().version


def test_a_network_that_a_probe_reported_is_kept(given: Path, tmp_path: Path) -> None:
    (tmp_path / "networks.mmdb").write_bytes(given.read_bytes())
    world = World()
    world.measure().dns(NEAR, ip_network=65001).tcp("connection_refused", ip=NEAR).helper()
    found = world.judge(References.load(tmp_path))["m00000"]
    assert "dns.answers_differ_from_control" in found.rules


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "networks.mmdb"
    path.write_bytes(b"not one")
    with pytest.raises(WallwatchError, match="no database of networks"):
        References.load(tmp_path)


def test_run_keeps_the_database(given: Path, tmp_path: Path, shared_data: Path) -> None:
    raw = shared_data / "ooni" / "webconnectivity_qa" / "successWithHTTPS.json"
    ran = run(["run", str(raw), "--workspace", "ws", "--mmdb", str(given), "--quiet"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "ws" / "references" / "networks.mmdb").read_bytes() == given.read_bytes()
    shown = run(["show", "verdicts", "--workspace", "ws", "--format", "jsonl"], tmp_path)
    assert json.loads(shown.stdout)["state"] == "ok"
    refused = run(["run", str(raw), "--workspace", "ws", "--mmdb", str(raw), "--quiet"], tmp_path)
    assert refused.returncode == 2
    assert "no database of networks" in refused.stderr
