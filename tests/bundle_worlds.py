"""Small workspaces for the tests of bundles, and the keys that they are signed with."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wallwatch import bundles, pipeline
from wallwatch.bundles.make import Bundled

#: Later than anything measured.
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)

#: A volunteer's address, and the resolver at home; both from ranges that are nobody's example range.
VOLUNTEER = "41.90.64.123"
RESOLVER = "41.90.77.9"


def ssh_key(folder: Path, name: str = "key") -> Path:
    path = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "jane@example.org", "-f", str(path)], check=True
    )
    return path


def workspace(root: Path, *inputs: Path) -> Path:
    pipeline.run(list(inputs), root, as_of=AS_OF, workers=1)
    return root


def bundle(root: Path, id_: str, out: Path, **options: Any) -> Bundled:
    return bundles.bundle(root, id_, out, key=bundles.custody_key(root), **options)


def measurement(number: int, *, blocked: bool, probe_ip: str = "127.0.0.1", **more: Any) -> dict[str, Any]:
    """A web_connectivity measurement of a site whose name a network answers with a bogon, or with the truth."""
    time = datetime(2024, 5, 1, 8, tzinfo=UTC) + timedelta(minutes=11 * number)
    start = time.strftime("%Y-%m-%d %H:%M:%S")
    answer = "10.10.34.35" if blocked else "93.184.216.34"
    control = {
        "tcp_connect": {"93.184.216.34:443": {"status": True, "failure": None}},
        "http_request": {
            "body_length": 20_000,
            "failure": None,
            "title": "News",
            "headers": {},
            "status_code": 200,
        },
        "dns": {"failure": None, "addrs": ["93.184.216.34"]},
    }
    return {
        "test_name": "web_connectivity",
        "test_version": "0.4.3",
        "software_name": "ooniprobe-android",
        "software_version": "3.8.0",
        "report_id": f"{time:%Y%m%dT%H%M%SZ}_webconnectivity_XW_64500_n1_{number:016d}",
        "measurement_start_time": start,
        "test_start_time": start,
        "test_runtime": 2.5,
        "probe_asn": "AS64500",
        "probe_cc": "XW",
        "probe_ip": probe_ip,
        "probe_network_name": "Example Net",
        "resolver_asn": "AS64500",
        "resolver_ip": RESOLVER,
        "input": "https://news.example.com/",
        "annotations": {"platform": "android", "network_type": "wifi"},
        "test_helpers": {"backend": {"address": "https://wcth.example", "type": "https"}},
        "test_keys": {
            "client_resolver": RESOLVER,
            "queries": [
                {
                    "engine": "system",
                    "hostname": "news.example.com",
                    "query_type": "A",
                    "failure": None,
                    "answers": [{"answer_type": "A", "ipv4": answer, "ttl": None}],
                    "resolver_address": "",
                    "t": 0.1,
                }
            ],
            "control": control,
            "requests": [],
            "tcp_connect": [],
            **more,
        },
    }


def write_lines(path: Path, measurements: list[dict[str, Any]]) -> list[bytes]:
    """Writes one measurement a line; gives the lines."""
    lines = [json.dumps(one).encode() for one in measurements]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return lines
