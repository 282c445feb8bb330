"""Real measurements: Kenya's Telegram in 2023, and Web Connectivity files that are known to be hard."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from judge_worlds import connection, judged, read_json
from wallwatch.judge import References, verdicts
from wallwatch.sources import obs_web


@pytest.fixture(scope="module")
def kenya(shared_data: Path) -> duckdb.DuckDBPyConnection:
    path = shared_data / "ooni" / "export" / "2023-KE-telegram.csv.gz"
    found: dict[str, list[pa.Table]] = {}
    with gzip.open(path) as file:
        for batch in obs_web.read(file, "0" * 16, datetime(2027, 1, 1, tzinfo=UTC)):
            for name, table in batch.tables.items():
                found.setdefault(name, []).append(table)
    con = connection(
        {
            name: pa.concat_tables(tables, promote_options="permissive").unify_dictionaries()
            for name, tables in found.items()
        }
    )
    con.register("verdicts", verdicts(con, References.load()).to_arrow_table())
    return con


def counts(con: duckdb.DuckDBPyConnection, where: str) -> tuple[int, int]:
    """Measurements found blocked or likely blocked, and all."""
    row = con.execute(
        "SELECT count(*) FILTER (state IN ('blocked', 'likely_blocked')), count(*) FROM verdicts "
        f"WHERE layer = 'all' AND {where}"
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def test_every_measurement_has_one_verdict(kenya: duckdb.DuckDBPyConnection) -> None:
    assert counts(kenya, "true")[1] == 2344


def test_as12455_all_day_every_day_at_tcp(kenya: duckdb.DuckDBPyConnection) -> None:
    blocked, total = counts(kenya, "network = 12455 AND time BETWEEN '2023-11-09' AND '2023-11-25'")
    assert total == blocked > 70
    blocked, total = counts(kenya, "network = 12455 AND time >= '2023-11-26'")
    assert (blocked, total) == (0, 20)
    path = kenya.execute(
        "SELECT count(*) FILTER (list_contains(mechanisms, 'tcp.timeout')) / count(*) FROM verdicts WHERE layer = "
        "'all' AND network = 12455 AND time BETWEEN '2023-11-09' AND '2023-11-25'"
    ).fetchone()
    assert path == (1.0,)


def test_as33771_on_exam_days_at_tls(kenya: duckdb.DuckDBPyConnection) -> None:
    days = kenya.execute(
        "SELECT CAST(time AS DATE), count(*) FILTER (list_contains(mechanisms, 'tls.timeout')) FROM verdicts "
        "WHERE layer = 'all' AND network = 33771 AND time >= '2023-11-13' AND time < '2023-11-25' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    found = {day.day: count for day, count in days}
    assert all(found[day] >= 2 for day in (13, 14, 15, 16, 17, 20, 21, 22, 23))
    assert found[18] == found[19] == 0


def test_quiet_networks_and_days_have_stray_failures_at_most(kenya: duckdb.DuckDBPyConnection) -> None:
    for network in (36866, 30844, 15399, 329014, 328977, 15808):
        blocked, total = counts(kenya, f"network = {network}")
        assert blocked <= 0.02 * total + 1, network
    blocked, total = counts(kenya, "time < '2023-11-05'")
    assert blocked <= 0.02 * total


def test_both_parts_of_the_service_are_rows_of_their_own(kenya: duckdb.DuckDBPyConnection) -> None:
    hosts = {
        row[0] for row in kenya.execute("SELECT DISTINCT host FROM verdicts WHERE layer = 'tcp'").fetchall()
    }
    assert hosts == {"telegram.endpoint", "web.telegram.org"}


REAL = {
    "8844": "ok",
    "dnsgoogle80": "down",
    "firefoxcom": "ok",
    "issue-2456": "ok",
    "noipv6": "ok",
    "youtube": "ok",
}


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_web_measurements(name: str, shared_data: Path) -> None:
    (found,) = judged(read_json([shared_data / "ooni" / "webconnectivity_real" / f"{name}.json"])).values()
    assert found.state == REAL[name]
    assert not [part for part in found.parts if part["state"] in ("blocked", "likely_blocked")]


def test_j19_missing_ipv6_is_said(shared_data: Path) -> None:
    for name in ("noipv6", "issue-2456"):
        (found,) = judged(
            read_json([shared_data / "ooni" / "webconnectivity_real" / f"{name}.json"])
        ).values()
        assert "tcp.ipv6_missing_at_probe" in found.rules


NETTESTS = {
    "signal_022": "ok",
    "signal_2627": "insufficient",
    "signal_679": "insufficient",
    "telegram_nourl": "ok",
    "whatsapp": "ok",
    "openvpn": "ok",
    "tor": "ok",
    "torsf_1": "insufficient",
    "torsf_2": "ok",
    "vanilla_tor": "insufficient",
    "vanilla_tor_ok": "ok",
    "riseupvpn": "insufficient",
    "web_connectivity_ir_fp": "blocked",
    "bug_352": "blocked",
    "bug_351": "insufficient",
    "web_connectivity_null": "insufficient",
    "test_keys_none": "insufficient",
    "browser_web": "insufficient",
}


def test_other_tests_by_their_own_models(shared_data: Path) -> None:
    """Also J21: Signal's old root store is a fault of the instrument."""
    names = sorted(NETTESTS)
    files = [shared_data / "ooni" / "nettests" / f"{name}.json" for name in names]
    found = {
        name: next(iter(judged(read_json([file])).values())) for name, file in zip(names, files, strict=True)
    }
    assert {name: verdict.state for name, verdict in found.items()} == NETTESTS
    assert found["signal_2627"].flags == ["instrument"]


def test_every_nettest_file_gets_a_verdict(shared_data: Path) -> None:
    files = sorted((shared_data / "ooni" / "nettests").glob("*.json"))
    found = judged(read_json(files))
    states = Counter(verdict.state for verdict in found.values())
    assert sum(states.values()) == len(files)
    accused = {v.nettest for v in found.values() if v.state in ("blocked", "likely_blocked")}
    assert accused == {"web_connectivity"}
