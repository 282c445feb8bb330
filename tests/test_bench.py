"""The bench: a corpus that is always the same, a limit, and results that can be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.testclient import TestClient

from conftest import Demo
from wallwatch import judge, web
from wallwatch._errors import WallwatchError
from wallwatch.archive import take_in
from wallwatch.bench import (
    Report,
    commands,
    compare,
    corpus,
    detection,
    large,
    limit,
    measure,
    scale,
    serving,
)
from wallwatch.engine import Workspace
from wallwatch.sources.readers import read_file


def test_the_corpus_is_the_same_every_time_and_as_long_as_asked() -> None:
    for size in (50_000, 7_500):
        lines = list(corpus.make_lines(6, size))
        assert lines == list(corpus.make_lines(6, size))
        assert lines != list(corpus.make_lines(6, size, seed=2))
        assert all(line.isascii() and b"</" not in line for line in lines)  # as the collector writes them
        assert all(0.8 * size < len(line) < 1.3 * size for line in lines)
    mixed = sorted(len(line) for line in corpus.make_lines(60, (5_000, 60_000)))
    assert mixed[0] < 9_000
    assert 12_000 < mixed[30] < 25_000
    assert 45_000 < mixed[-1] < 70_000


def test_the_corpus_is_read_without_a_loss_and_matches_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.gz"
    size = corpus.write(path, 20, 8_000)
    assert limit.decompress(path) == size
    assert limit.decode(path) == 20
    kind, batches = read_file(path, "0" * 16, as_of=measure.AS_OF, matcher=measure.fingerprints())
    tables = next(batches).tables
    assert kind == "ooni"
    assert "quarantine" not in tables
    assert set(tables["measurements"]["time_flag"].to_pylist()) == {None}
    assert set(tables["measurements"]["notes"].to_pylist()) == {None}
    observed = tables["observations"].to_pylist()
    assert {row["layer"] for row in observed} == {"dns", "tcp", "tls", "http"}
    assert all(row["http_fingerprint"] is None for row in observed)
    assert all(row["http_body_sha256"] for row in observed if row["layer"] == "http")
    assert all(row["tls_matches_name"] for row in observed if row["layer"] == "tls")


def test_a_small_bench_measures_everything() -> None:
    result = commands.run(lines=10, repeats=1, series=40, observations=5_000)
    data = result.as_dict()
    assert [row["lines"] for row in data["reading"]] == [10, 60]
    assert all(row["ratio"] > 0 for row in data["reading"])
    assert data["run"]["measurements"] == 750
    assert 15_000 < data["run"]["line_bytes"] < 30_000
    for stage in ("take_in", "judge", "detect", "report"):
        assert data["run"][f"{stage}_seconds"] > 0
        assert data["run"][f"{stage}_cpu_seconds"] > 0
    run = data["run"]
    # What grows and what does not are all of it.
    grown = run["limit_cpu_seconds"] / run["run_marginal_ratio"]
    assert grown + run["run_fixed_cpu_seconds"] == pytest.approx(run["run_cpu_seconds"])
    assert 0 < run["run_ratio"] < 1
    assert data["together"]["all_cpu_seconds"] > 0
    assert (data["several"]["files"], data["several"]["measurements"]) == (16, 2_240)
    judged = data["judging"]
    assert judged["observations"] >= 5_000
    assert judged["controls"] > 0
    assert judged["verdicts"] > judged["measurements"] > 100
    assert 0 < judged["blocked_share"] < 0.3
    assert data["peak_mb"] > 10
    assert [row["files"] for row in data["added"]] == [1, 2, 5, 10, 20]
    assert all(row["take_in_cpu_seconds"] > 0 < row["others_cpu_seconds"] for row in data["added"])
    assert [(row["series"], row["hours"]) for row in data["detection"]] == [
        (10, 720),
        (20, 720),
        (40, 720),
        (40, 180),
        (40, 360),
        (10, 720),
    ]
    assert [(row["series"], row["hours"], row["one_loss_in"]) for row in data["connectivity"]] == [
        (10, 960, 10),
        (20, 960, 10),
        (40, 960, 10),
        (40, 240, 10),
        (40, 480, 10),
        (10, 960, 1),
    ]
    assert data["connectivity"][-1]["outages"] >= 10
    assert "ratio" in result.as_text()
    json.dumps(data)


def test_results_are_compared_number_by_number(tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    before.write_text(json.dumps({"reading": [{"ratio": 0.5}], "run": {"judge_seconds": 1.0}}))
    text = compare(Report({"reading": [{"ratio": 0.4}], "run": {"judge_seconds": 1.0}}), before)
    lines = {line.split()[0]: line for line in text.splitlines()[1:]}
    assert lines["reading.0.ratio"].endswith("slower")
    assert not lines["run.judge_seconds"].endswith("slower")
    before.write_text("no JSON")
    with pytest.raises(WallwatchError, match="no result"):
        compare(Report({}), before)


def test_series_to_scan_are_the_same_every_time_and_have_votes_against() -> None:
    (once,), (again,) = (list(detection.make(30, 100)) for _ in range(2))
    assert once.keys == again.keys
    assert (once.k == again.k).all()
    assert 0 < len(once) <= 30
    assert all(once.k[a:b].sum() > 0 for a, b in zip(once.start[:-1], once.start[1:], strict=True))
    assert (once.n > 0).all()


def test_a_corpus_is_the_same_file_whenever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for now in (1_700_000_000.0, 1_800_000_000.0):
        monkeypatch.setattr("time.time", lambda now=now: now)
        path = tmp_path / f"{now}.gz"
        corpus.write(path, 3, 7_500)
        made.append(path.read_bytes())
    assert made[0] == made[1]


def test_copies_of_a_corpus_are_measurements_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "c.gz"
    corpus.write(path, 40, 7_500)
    base = Workspace.create(tmp_path / "base")
    take_in([path], base.layout, workers=1, fingerprints=None, as_of=measure.AS_OF)
    for shape, countries in (("history", 1), ("countries", 3)):
        grown = scale.grow(base, tmp_path / shape, 3, shape)
        with grown.connect() as con:
            (found,) = con.sql(
                "SELECT count(DISTINCT measurement_id), count(DISTINCT session), count(DISTINCT time), "
                "count(DISTINCT country), count(DISTINCT file_id) FROM measurements"
            ).fetchall()
            times = 120 if shape == "history" else 40
            assert found == (120, 48, times, countries, 3)
            failed = con.sql(
                "SELECT count(*) FROM observations WHERE failure = 'connection_reset'"
            ).fetchall()
            verdicts = judge.verdicts(con, judge.References.load())
            assert len(verdicts.filter("layer = 'all'").fetchall()) == 120
        assert 0 < failed[0][0] < 40
        with scale.first(grown, tmp_path / f"two of {shape}", 2).connect() as con:
            assert con.sql("SELECT count(DISTINCT session) FROM measurements").fetchall() == [(32,)]
    row = {"engine": "duckdb", "measurements": 120}
    row |= {
        f"{stage}_{of}": 0.5
        for stage in ("reading", "judge", "cells", "events")
        for of in ("seconds", "cpu_seconds")
    }
    row["made"] = dict.fromkeys(("verdicts", "cells", "events"), (7, f"{3:016x}"))
    assert "4,167 (4,167)" in scale.Scale({"rows": [row]}).as_text()


def test_a_digest_of_a_table_knows_its_rows_and_not_their_order() -> None:
    with duckdb.connect() as con:
        rows = "SELECT i, 'a' || i AS t, [i] AS l FROM range(9) r(i)"
        made = []
        for number, query in enumerate(
            (rows, f"{rows} ORDER BY i DESC", f"{rows} WHERE i < 8 UNION ALL SELECT 8, 'b8', [8]")
        ):
            con.execute(f"CREATE TABLE t{number} AS {query}")
            made.append(scale.digest(con, f"t{number}"))
    assert made[0] == made[1] != made[2]
    assert [count for count, _ in made] == [9, 9, 9]


class Asked:
    """Stands in for a server in a process of its own."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def get(self, path: str) -> tuple[int, bytes]:
        answer = self.client.get(path)
        return answer.status_code, answer.content

    records = serving.Server.records


def test_a_large_workspace_is_a_small_one_many_times_and_every_address_that_is_measured_is_there(
    demo: Demo, tmp_path: Path
) -> None:
    base = demo.folder / "workspace"

    def counts(root: Path) -> dict[str, Any]:
        with Workspace.open(root).connect() as con:
            names = ("measurements", "observations", "controls", "verdicts", "signals")
            found: dict[str, Any] = {
                name: con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0] for name in names
            }
            found["ids"] = con.execute("SELECT count(DISTINCT measurement_id) FROM verdicts").fetchall()[0][0]
            found["where"] = con.execute(
                "SELECT count(DISTINCT country), count(DISTINCT network) FROM measurements"
            ).fetchall()[0]
            found["events"] = con.execute("SELECT count(*) FROM events WHERE kind = 'blocking'").fetchall()[
                0
            ][0]
            return found

    one = counts(base)
    assert large.write(tmp_path / "large", one["observations"] + 1, base=base) == 2
    two = counts(tmp_path / "large")
    assert two == {
        name: tuple(2 * n for n in value) if name == "where" else 2 * value for name, value in one.items()
    }
    with TestClient(web.create_app(tmp_path / "large"), base_url="http://localhost") as client:
        for kind, paths in serving.kinds(Asked(client)).items():  # type: ignore[arg-type]
            assert paths, kind
            for path in paths[:2]:
                assert client.get(path).status_code == 200, path
