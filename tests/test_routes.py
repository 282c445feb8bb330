"""What still works: told network by network, with doubt, and without helping a censor."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from report_pages import Page
from wallwatch import pipeline, report, routes
from wallwatch.engine import Workspace
from wallwatch.evaluate.routes import evaluate_routes
from wallwatch.routes.attempts import SCHEMA
from wallwatch.routes.estimate import FLOOR

AS_OF = datetime(2025, 6, 30, 20, tzinfo=UTC)
TODAY = (AS_OF - datetime(1970, 1, 1, tzinfo=UTC)).days
NEVER = datetime(2100, 1, 1, tzinfo=UTC)
TOR_MAP = json.loads(files("wallwatch.routes").joinpath("data/tor-map.schema.json").read_text("utf-8"))


def tries(*groups: tuple[int, str, int, int, float]) -> pa.Table:
    """Tries of (network, way, days ago, how many sessions, share that works)."""
    rows = [
        {
            "country": "XW",
            "network": network,
            "route": route,
            "day": TODAY - ago,
            "source": f"{network}-{route}-{ago}-{number}",
            "worked": 1.0 if number < sessions * share else 0.0,
            "weight": 1.0,
            "start_seconds": 12.0,
        }
        for network, route, ago, sessions, share in groups
        for number in range(sessions)
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def told(found: pa.Table, network: int | None, route: str) -> dict[str, Any]:
    rows = [row for row in found.to_pylist() if (row["network"], row["route"]) == (network, route)]
    assert len(rows) == 1, rows
    return rows[0]


def run(lines: list[dict[str, Any]], folder: Path) -> Workspace:
    source = folder / "measured.jsonl"
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    pipeline.run([source], folder / "ws", as_of=NEVER, workers=1)
    return Workspace.open(folder / "ws")


def measured(number: int, test: str, keys: dict[str, Any], **other: Any) -> dict[str, Any]:
    start = f"2025-06-{20 + number % 5} 10:00:00"
    return {
        "report_id": f"202506{20 + number % 5}T100000Z_{test}_XW_64500_n1_session{number}",
        "measurement_start_time": start,
        "test_start_time": start,
        "probe_asn": "AS64500",
        "probe_cc": "XW",
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Example Net",
        "resolver_asn": "AS64500",
        "resolver_ip": "192.0.2.53",
        "software_name": "ooniprobe-android",
        "software_version": "3.9.0",
        "test_name": test,
        "test_version": "0.5.1",
        "test_runtime": 20.0,
        "annotations": {"platform": ("android", "ios", "linux")[number % 3]},
        "input": None,
        "test_keys": keys,
        **other,
    }


@pytest.mark.parametrize("seed", [101, 202, 303])
def test_estimates_follow_the_truth_and_their_intervals_hold_it(seed: int) -> None:
    found = evaluate_routes(seed)
    assert found.good >= 100
    assert found.rank_correlation >= 0.9
    assert 0.85 <= found.coverage <= 0.95
    assert found.dropped_within_a_day >= 0.8 or found.blocked_yesterday < 4


def test_a_transport_blocked_yesterday_drops_within_a_day() -> None:
    before = [(64500, "tor.obfs4", ago, 4, 1.0) for ago in range(1, 60)]
    assert told(routes.estimate(tries(*before), AS_OF), 64500, "tor.obfs4")["rate"] > 0.9
    row = told(routes.estimate(tries(*before, (64500, "tor.obfs4", 0, 5, 0.0)), AS_OF), 64500, "tor.obfs4")
    assert row["rate"] < 0.2
    assert row["trend"] == "worse"
    assert row["last_success"].date() == (AS_OF - timedelta(days=1)).date()


def test_old_evidence_widens_and_falls_behind_fresh_evidence() -> None:
    groups = [(64500, "psiphon", ago, 3, 1.0) for ago in range(20, 27)]
    groups += [(64500, "signal", ago, 3, 1.0) for ago in range(7)]
    groups += [(64500, "tor", ago, 3, 1.0) for ago in range(7)]
    found = routes.estimate(tries(*groups), AS_OF)
    old, fresh = told(found, 64500, "psiphon"), told(found, 64500, "tor")
    assert old["rate_high"] - old["rate_low"] > fresh["rate_high"] - fresh["rate_low"]
    assert (fresh["rank"], old["rank"]) == (1, 2)


def test_a_sparse_network_borrows_from_networks_that_fare_alike() -> None:
    ways = ("tor", "psiphon", "signal", "whatsapp")
    groups: list[tuple[int, str, int, int, float]] = []
    for network, share in ((64500, 1.0), (64501, 1.0), (64502, 0.0), (64503, 0.0)):
        groups += [(network, way, ago, 3, share) for way in ways for ago in range(10)]
        groups += [(network, "tor.meek", ago, 3, share) for ago in range(10)]
    # Measured enough for other ways, and hardly for this one: 3 of 6 tries.
    for network, share in ((64510, 1.0), (64511, 0.0)):
        groups += [(network, way, ago, 3, share) for way in ways for ago in range(10)]
        groups += [(network, "tor.meek", 3, 6, 0.5)]
    found = routes.estimate(tries(*groups), AS_OF)
    assert told(found, 64510, "tor.meek")["rate"] > told(found, 64511, "tor.meek")["rate"]


def test_nothing_is_said_below_the_floor() -> None:
    found = routes.estimate(tries((64500, "tor", 1, FLOOR - 1, 1.0)), AS_OF)
    assert [(row["network"], row["grade"], row["rate"]) for row in found.to_pylist()] == [
        (None, "insufficient", None)
    ]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 40), st.integers(0, 12), st.floats(0, 1)), max_size=8
    )
)
def test_no_row_is_below_the_floor_and_no_count_is_exact(groups: list[tuple[int, int, int, float]]) -> None:
    made = tries(*((64500 + n, "tor", ago, count, share) for n, ago, count, share in groups))
    found = routes.estimate(made, AS_OF).to_pylist()
    for row in found:
        if row["grade"] == "insufficient":
            assert row["network"] is None
            assert row["rate"] is row["rank"] is row["sessions_at_least"] is None
        else:
            assert row["sessions_at_least"] in (5, 10, 20, 50, 100)
            assert 0 <= row["rate_low"] <= row["rate"] <= row["rate_high"] <= 1
    shuffled = made.take(pa.array(range(made.num_rows - 1, -1, -1), pa.int64()))
    assert routes.estimate(shuffled, AS_OF).to_pylist() == found


def test_one_volunteer_who_tries_a_thousand_times_is_one_session(tmp_path: Path) -> None:
    """Trap C1."""
    lines = [
        measured(3, "psiphon", {"bootstrap_time": 0, "failure": "generic_timeout_error"}) for _ in range(300)
    ]
    lines += [measured(n, "psiphon", {"bootstrap_time": 4.5, "failure": None}) for n in range(10, 22)]
    with run(lines, tmp_path).connect() as con:
        row = told(con.sql("SELECT * FROM routes").to_arrow_table(), 64500, "psiphon")
    assert row["rate"] > 0.6


def test_the_real_files_become_sensible_tries(shared_data: Path, tmp_path: Path) -> None:
    names = (
        "tor torsf_1 torsf_2 torsf_383 vanilla_tor vanilla_tor_ok openvpn riseupvpn signal_022 signal_2627"
    )
    folder = shared_data / "ooni" / "nettests"
    inputs = [folder / f"{name}.json" for name in names.split()]
    inputs += sorted(folder.glob("whatsapp*.json"))
    pipeline.run(inputs, tmp_path / "ws", as_of=NEVER, workers=1)
    with Workspace.open(tmp_path / "ws").connect() as con:
        con.register("tries", routes.attempts(con))
        found = set(con.sql("SELECT country, route, worked, start_seconds FROM tries").fetchall())
        assert con.sql("SELECT * FROM routes WHERE grade <> 'insufficient'").fetchall() == []  # trap C13
    assert ("IT", "tor.snowflake.domain_fronting", 0.0, None) in found
    assert ("IT", "tor.snowflake.domain_fronting", 1.0, 78.980935917) in found
    assert ("TH", "tor.snowflake.domain_fronting", 0.0, None) in found
    assert ("CN", "tor", 0.0, None) in found
    assert ("BR", "tor", 1.0, 87.502183514) in found
    assert {route for country, route, *_ in found if country == "RO"} == {"openvpn"}
    assert [worked for country, _, worked, _ in found if country == "RO"] == [1.0]
    assert ("AF", "riseupvpn.openvpn", 0.0, None) in found
    # A probe that does not know the service's own root says nothing of the network.
    assert not [row for row in found if row[1] == "signal" and row[2] == 0.0]


def test_the_tor_map_is_in_tors_layout_and_stable(tmp_path: Path, demo: Any) -> None:
    command = [
        sys.executable,
        "-m",
        "wallwatch",
        "routes",
        "--workspace",
        str(demo.folder / "workspace"),
        "--as",
    ]
    first, second = (
        subprocess.run([*command, "tor-map"], capture_output=True, text=True, check=True).stdout for _ in "ab"
    )
    assert first == second
    found = json.loads(first)
    jsonschema.validate(found, TOR_MAP)
    assert "snowflake" in [setting["bridges"]["type"] for setting in found["xw"]["settings"]]


def test_the_tor_map_tries_the_best_first_and_leaves_out_what_fails() -> None:
    groups = [(64500 + n, "tor.snowflake.amp", ago, 10, 1.0) for n in range(3) for ago in range(14)]
    groups += [(64500 + n, "tor.snowflake.sqs", ago, 3, 0.0) for n in range(3) for ago in range(14)]
    groups += [(64500 + n, "tor.obfs4.default", ago, 10, 0.7) for n in range(3) for ago in range(14)]
    groups += [(64500 + n, "tor.meek", ago, 3, 0.0) for n in range(3) for ago in range(14)]
    groups += [(64500 + n, "tor.webtunnel", ago, 3, 1.0) for n in range(3) for ago in range(14)]
    rows = routes.estimate(tries(*groups), AS_OF).to_pylist()
    found = routes.tor_map(rows)
    jsonschema.validate(found, TOR_MAP)
    assert [setting["bridges"]["type"] for setting in found["xw"]["settings"]] == ["snowflake", "obfs4"]


PRIVATE = "203.0.113.77"
VOLUNTEER = "198.51.100.23"
RESOLVER = "203.0.113.99"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


def test_no_bridge_and_no_volunteer_is_in_any_output(tmp_path: Path) -> None:
    """Trap X9, with measurements that are made to leak."""
    line = f"obfs4 {PRIVATE}:9443 {FINGERPRINT} cert=c2VjcmV0 iat-mode=0"
    lines: list[dict[str, Any]] = []
    for n in range(12):
        lines.append(
            measured(
                n,
                "tor",
                {
                    "obfs4_total": 1,
                    "obfs4_accessible": 1,
                    "targets": {
                        line: {
                            "failure": None,
                            "target_address": f"{PRIVATE}:9443",
                            "target_name": line,
                            "target_protocol": "obfs4",
                            "target_source": line,
                        }
                    },
                },
                probe_ip=VOLUNTEER,
            )
        )
        lines.append(
            measured(
                n,
                "vanilla_tor",
                {
                    "bootstrap_time": 9.0,
                    "success": True,
                    "failure": None,
                    "transport_name": line,
                    "tor_logs": [line, f"from {VOLUNTEER}"],
                },
                probe_ip=VOLUNTEER,
            )
        )
        lines.append(
            measured(
                n,
                "dnscheck",
                {"lookups": {f"https://{RESOLVER}/dns-query": {"failure": None}}, "domain": "example.org"},
                input=f"https://{RESOLVER}/dns-query",
                probe_ip=VOLUNTEER,
            )
        )
    workspace = run(lines, tmp_path)
    with workspace.connect() as con:
        found = con.sql("SELECT * FROM routes").to_arrow_table().to_pylist()
        assert {row["route"] for row in found} == {"tor.obfs4.default"}
        report.write(con, tmp_path / "report")
    outputs = [json.dumps(found, default=str), json.dumps(routes.tor_map(found)), str(routes.helpdesk(found))]
    outputs += [
        path.read_text(encoding="utf-8") for path in (tmp_path / "report").rglob("*") if path.is_file()
    ]
    for command in (["routes", "--as", "json"], ["show", "routes", "--format", "json"], ["routes"]):
        ran = subprocess.run(
            [sys.executable, "-m", "wallwatch", *command, "--workspace", str(tmp_path / "ws")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "tor.obfs4.default" in ran.stdout or "obfs4 bridges" in ran.stdout
        outputs.append(ran.stdout)
        assert RESOLVER not in ran.stdout
    for text in outputs:
        for secret in (PRIVATE, VOLUNTEER, FINGERPRINT, "c2VjcmV0"):
            assert secret not in text


def test_the_floor_can_be_raised_and_not_lowered(demo: Any) -> None:
    def rows(*more: str) -> subprocess.CompletedProcess[str]:
        workspace = str(demo.folder / "workspace")
        command = [
            sys.executable,
            "-m",
            "wallwatch",
            "routes",
            "--workspace",
            workspace,
            "--as",
            "json",
            *more,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    some, fewer = json.loads(rows().stdout), json.loads(rows("--floor", "50").stdout)
    assert 0 < len(fewer) < len(some)
    assert {"telegram.app", "telegram.web", "whatsapp.app", "whatsapp.web", "tor"} <= {
        row["route"] for row in some
    }
    assert min(row["sessions_at_least"] for row in fewer) >= 50
    assert rows("--floor", "4").returncode == 2


def test_the_page_of_a_country_can_be_read_and_passed_on(demo: Any) -> None:
    page = Page.of((demo.folder / "report" / "works" / "XW.html").read_text(encoding="utf-8"))
    assert page.unbalanced == []
    assert "What works in XW" in page.text
    assert "not what is safe for you" in page.text
    assert "Tor over Snowflake (domain fronting) works" in page.text
    country = (demo.folder / "report" / "country" / "XW.html").read_text(encoding="utf-8")
    assert "works/XW.html" in country


def test_later_measurements_than_asked_for_are_left_out() -> None:
    made = tries(*((64500, "tor", ago, 3, 1.0 if ago >= 5 else 0.0) for ago in range(20)))
    assert told(routes.estimate(made, AS_OF), 64500, "tor")["rate"] < 0.1
    assert told(routes.estimate(made, AS_OF - timedelta(days=5)), 64500, "tor")["rate"] > 0.9
