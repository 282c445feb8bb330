"""The workspace: typed tables, written whole, the same bytes for the same rows."""

import datetime as dt
import hashlib
import json
import random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wallwatch._errors import WallwatchError
from wallwatch._memory import held_to
from wallwatch.engine import Workspace, database, views
from wallwatch.schema import CELLS, FILES, MEASUREMENTS, TABLES
from wallwatch.schema.measurements import UNREPORTED
from wallwatch.schema.words import FAILURE_ALIASES, FAILURES, MECHANISMS, is_mechanism

HOUR = dt.datetime(2023, 11, 9, 5, tzinfo=dt.UTC)


def cell(network, hour=0, **more):
    counts = dict.fromkeys(
        ("blocked", "likely_blocked", "impaired", "down", "ok", "insufficient", "sessions", "credentialed"), 0
    )
    return {
        "country": "XW", "network": network, "service": "shop.example", "target": "shop.example", "layer": "tls",
        "hour": HOUR + dt.timedelta(hours=hour), **counts, "votes": 0.0, "votes_blocked": 0.0, "votes_artefact": 0.0,
        "mechanisms": [], "rule_counts": "{}", **more,
    }  # fmt: skip


def digest(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_every_table_has_a_typed_view_before_anything_is_taken_in(tmp_path):
    with Workspace.create(tmp_path / "w").connect() as con:
        for name, table in TABLES.items():
            described = con.sql(f"DESCRIBE {name}").fetchall()
            assert tuple(row[0] for row in described) == table.names
            assert con.sql(f"SELECT count(*) FROM {name}").fetchall() == [(0,)]


@pytest.mark.parametrize("threads", [1, 2])
def test_c14_a_table_is_the_same_bytes_whatever_the_order_of_its_rows(tmp_path, threads):
    rows = [cell(network, hour) for network in range(64500, 64505) for hour in range(40)]
    seen = []
    for attempt in range(2):
        random.Random(attempt).shuffle(rows)
        workspace = Workspace.create(tmp_path / f"w{attempt}")
        workspace.replace("cells", CELLS.from_rows(rows), "made from")
        with workspace.connect(threads=threads) as con:
            workspace.replace("cells", con.sql("SELECT * FROM cells ORDER BY random()"), "made from")
        seen.append(digest(workspace.layout.table("cells")))
    assert seen[0] == seen[1]


def test_a_row_group_has_a_fixed_number_of_rows(tmp_path, monkeypatch):
    monkeypatch.setattr("wallwatch.engine.workspace.ROW_GROUP", 7)
    workspace = Workspace.create(tmp_path)
    assert workspace.replace("cells", CELLS.from_rows([cell(1, hour) for hour in range(31)]), "x") == 31
    file = pq.ParquetFile(workspace.layout.table("cells") / "0.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [7, 7, 7, 7, 3]
    assert file.schema_arrow == CELLS.arrow


def test_files_with_the_same_columns_share_what_is_known_of_them(tmp_path, monkeypatch):
    """However many are asked about at once: sets of their own took a hundred megabytes for four thousand files."""
    monkeypatch.setattr(views, "_FILES_AT_ONCE", 2)
    parts = [tmp_path / f"{n}.parquet" for n in range(7)]
    for n, part in enumerate(parts):
        pq.write_table(pa.table({"a": [1], "b": [2], **({"c": [3]} if n % 3 == 0 else {})}), part)
    found = views.columns_of(duckdb.connect(), parts)
    assert ["c" in found[part] for part in parts] == [n % 3 == 0 for n in range(7)]
    assert all({"a", "b"} <= found[part] for part in parts)
    assert len({id(columns) for columns in found.values()}) == 2
    assert views.columns_of(duckdb.connect(), []) == {}


def test_a_database_is_held_to_less_memory_unless_the_environment_says_how_much(tmp_path, monkeypatch):
    def limit(con):
        return con.sql("SELECT current_setting('memory_limit')").fetchall()[0][0]

    monkeypatch.delenv("WALLWATCH_MEMORY", raising=False)
    with database(tmp_path, memory="300MB") as con:
        with held_to(con, "200MB"):
            assert limit(con) == "190.7 MiB"
        assert limit(con).startswith("286.")  # as before, but for what its own words leave out
        with held_to(con, "400MB"):
            assert limit(con).startswith("286.")
        monkeypatch.setenv("WALLWATCH_MEMORY", "300MB")
        with held_to(con, "200MB"):
            assert limit(con).startswith("286.")


def measurement(id_, line):
    return {
        "file_id": "f",
        "line": line,
        "measurement_id": id_,
        "nettest": "telegram",
        "session": "s",
        "target": "telegram",
        "observations": 0,
        "controls": 0,
    }


def put(workspace, file_id, rows):
    for name, table in (
        ("measurements", MEASUREMENTS.from_rows([{**row, "file_id": file_id} for row in rows])),
        (
            "files",
            FILES.from_rows(
                [
                    {
                        "file_id": file_id,
                        "sha256": file_id,
                        "path": file_id,
                        "size": 1,
                        "kind": "ooni",
                        "measurements": len(rows),
                        "signals": 0,
                        "set_aside": 0,
                    }
                ]
            ),
        ),
    ):
        path = workspace.layout.part(name, file_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)


def test_c14_a_measurement_that_two_files_hold_counts_once(tmp_path):
    workspace = Workspace.create(tmp_path)
    put(workspace, "aa", [measurement("m1", 1), measurement("m2", 2), measurement("m2", 3)])
    put(workspace, "bb", [measurement("m2", 1), measurement("m3", 2)])
    assert workspace.find_repeated()
    assert not workspace.find_repeated()
    assert workspace.repeated() == 2
    with workspace.connect() as con:
        shown = con.sql("SELECT measurement_id, file_id, line FROM measurements ORDER BY ALL").fetchall()
    assert shown == [("m1", "aa", 1), ("m2", "aa", 2), ("m3", "bb", 2)]


def test_x6_parts_of_a_file_that_was_not_taken_in_wholly_are_not_read(tmp_path):
    workspace = Workspace.create(tmp_path)
    put(workspace, "aa", [measurement("m1", 1)])
    put(workspace, "bb", [measurement("m2", 1)])
    workspace.layout.part("files", "bb").unlink()
    with workspace.connect() as con:
        assert con.sql("SELECT measurement_id FROM measurements").fetchall() == [("m1",)]


def test_two_runs_cannot_write_at_once(tmp_path):
    workspace = Workspace.create(tmp_path)
    with (
        workspace.lock(),
        pytest.raises(WallwatchError, match="another run"),
        Workspace.open(tmp_path).lock(),
    ):
        pass


def test_a_folder_of_other_things_is_never_taken_for_a_workspace(tmp_path):
    (tmp_path / "thesis.doc").write_text("")
    with pytest.raises(WallwatchError, match="not empty"):
        Workspace.create(tmp_path)
    with pytest.raises(WallwatchError, match="not a Wallwatch workspace"):
        Workspace.open(tmp_path)


def test_a_workspace_of_another_format_is_refused_with_both_numbers(tmp_path):
    Workspace.create(tmp_path).layout.marker.write_text(json.dumps({"format": 99}))
    with pytest.raises(WallwatchError, match=r"99.*reads 2"):
        Workspace.open(tmp_path)


def test_every_column_says_what_it_means():
    for table in TABLES.values():
        assert len(set(table.names)) == len(table.names)
        assert set(table.key) <= set(table.names)
        for column in table.columns:
            assert len(column.meaning) > 5, (table.name, column.name)


def test_j31_the_vocabulary_is_closed_and_paths_have_prefixes():
    assert set(FAILURE_ALIASES.values()) <= FAILURES
    assert all(is_mechanism(path) for path in MECHANISMS)
    assert is_mechanism("tls.reset")
    assert not is_mechanism("tls.res")
    assert not is_mechanism("dns.blocked")


def test_c14_a_line_and_its_post_can_are_one_measurement(tmp_path):
    """Upstream publishes a measurement as a line without its uid, and as a post-can whose name is the uid."""
    workspace = Workspace.create(tmp_path)
    same = {
        "session": "20231101T001801Z_telegram_KE_15808_n1_z22APjAvT2jPkjoI",
        "time": HOUR,
        "runtime_seconds": 4.97,
        "observations": 27,
    }
    uid = "20231101001804.122100_KE_telegram_1a9d7a09d2948c64"
    put(workspace, "aa", [measurement("20231101001804_KE_telegram_aaaaaaaaaaaaaaaa", 1) | same])
    put(workspace, "bb", [measurement(uid, 1) | same, measurement("m2", 2) | same | {"runtime_seconds": 5.1}])
    assert workspace.find_repeated()
    assert workspace.repeated() == 1
    with workspace.connect() as con:
        assert con.sql("SELECT measurement_id FROM measurements ORDER BY 1").fetchall() == [(uid,), ("m2",)]


def test_measurements_without_a_report_id_are_never_taken_for_copies(tmp_path):
    workspace = Workspace.create(tmp_path)
    same = {
        "session": UNREPORTED + "20231101_KE_1_x",
        "time": HOUR,
        "runtime_seconds": 4.97,
        "observations": 27,
    }
    put(workspace, "aa", [measurement("m1", 1) | same])
    put(workspace, "bb", [measurement("m2", 1) | same])
    assert not workspace.find_repeated()
    assert workspace.repeated() == 0
