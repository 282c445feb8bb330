"""Verdicts do not depend on how many measurements are judged at a time, on threads, or on where rows come from."""

from collections import Counter
from datetime import UTC, datetime

import duckdb
import pyarrow as pa
import pytest

from wallwatch import judge, simulate
from wallwatch.archive import take_in
from wallwatch.engine import Workspace, database
from wallwatch.judge import judging
from wallwatch.judge.steps import pace, shares
from wallwatch.judge.steps.units import chunks, from_views
from wallwatch.schema import TABLES
from wallwatch.sources.fingerprints import Fingerprints


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chunks")
    written = simulate.write(folder / "raw", seed=11, days=7, scale=0.15)
    workspace = Workspace.create(folder / "workspace")
    as_of = datetime(2100, 1, 1, tzinfo=UTC)
    take_in(written.inputs, workspace.layout, workers=1, fingerprints=Fingerprints.load([]), as_of=as_of)
    return workspace


def judged(workspace, *, threads=1, views=False, **how):
    with workspace.connect(threads=threads) as con:
        source = from_views if views else workspace.source(con)
        rows = pa.concat_tables(judge.batches(con, judge.References.load(), source=source, **how))
        assert not con.sql("SELECT table_name FROM duckdb_tables() WHERE table_name LIKE 'judge%'").fetchall()
    key = [(name, "ascending", "at_start") for name in TABLES["verdicts"].key]
    return rows.combine_chunks().sort_by(key).to_pylist()


def test_verdicts_are_the_same_in_one_chunk_and_in_many(workspace):
    with workspace.connect(threads=1) as con:
        total, most, largest = con.sql(
            "SELECT sum(n), max(n), arg_max(file_id, n) FROM "
            "(SELECT file_id, sum(observations + controls) AS n FROM measurements GROUP BY file_id)"
        ).fetchall()[0]
        few = max(int(most) * 2 // 3, int(total) // 12)
        found = con.sql(chunks(few)).fetchall()
    assert len(found) >= 4
    # A file larger than a chunk is judged in several.
    assert any(largest in row and (row[3] is not None or row[4] is not None) for row in found)
    at_once = judged(workspace)
    assert len({row["measurement_id"] for row in at_once}) > 100
    assert judged(workspace, threads=2, rows_at_once=few) == at_once


def test_two_chunks_that_stay_in_memory_give_the_verdicts_of_one(workspace, monkeypatch):
    """Each on a core of its own: it is not read again, whichever core is done first."""
    with workspace.connect(threads=1) as con:
        (total,) = con.sql("SELECT sum(observations + controls) FROM measurements").fetchall()[0]
        half = int(total) * 2 // 3
        assert len(con.sql(chunks(judging.even(int(total), half))).fetchall()) == 2
    begun = []
    begin = judging.begin
    monkeypatch.setattr(
        judging, "begin", lambda con, source, chunk: (begun.append(chunk), begin(con, source, chunk))
    )
    at_once = judged(workspace)
    assert judged(workspace, threads=2, rows_at_once=half) == at_once
    assert len(begun) == 3
    assert judged(workspace, threads=1, rows_at_once=half) == at_once
    assert len(begun) == 7


def test_verdicts_are_the_same_from_views_and_from_files(workspace):
    assert judged(workspace, views=True, rows_at_once=5_000) == judged(workspace)


def test_hosts_in_which_nothing_failed_are_settled_as_a_look_at_every_address_would(workspace, monkeypatch):
    every_address = {
        "WHERE tcp_failed\n": "WHERE tcp_rows > 0\n",
        "WHERE tls_rows > 0 AND (tls_failed OR NOT tls_proved)\n)": "WHERE tls_rows > 0\n)",
        "WHERE tls_proved AND NOT tls_failed\n": "WHERE false\n",
    }
    steps = [step for step in judging.judging(again=False) if not step.startswith("DROP")]
    settled = []

    def assemble(con, *versions):
        settled.extend(
            con.sql(
                "SELECT count(*) FILTER (NOT tcp_failed AND tcp_rows > 0), count(*) FILTER (NOT tls_failed AND tls_rows > 0), "
                "count(*) FILTER (tcp_failed OR tls_failed) FROM judge_context"
            ).fetchall()[0]
        )
        return assembled(con, *versions)

    assembled = judging.assemble
    monkeypatch.setattr(judging, "assemble", assemble)
    monkeypatch.setattr(judging, "judging", lambda again: steps)
    quick = judged(workspace)
    assert min(settled) > 100
    for settling, looking in every_address.items():
        assert sum(settling in step for step in steps) == 1
        steps = [step.replace(settling, looking) for step in steps]
    assert judged(workspace) == quick


def concluded(workspace, monkeypatch, most):
    """The tables that say what all chunks say together, with how many shares the steps of each took."""
    monkeypatch.setattr(shares, "ROWS_AT_ONCE", most)
    taken = Counter()
    in_shares = shares.InShares.shares

    def count(step, con, most):
        for share in in_shares(step, con, most):
            taken[step] += 1
            yield share

    monkeypatch.setattr(shares.InShares, "shares", count)
    with workspace.connect(threads=2) as con:
        source = workspace.source(con)
        chunks = judging.cut(con, source, (), 5_000)
        with judging.looked_at(con, judge.References.load(), source, chunks) as judge_them:
            judge_them.conclude()
            found = {}
            for (name,) in con.sql(
                "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'judge_')"
            ).fetchall():
                # Endpoints have other numbers each time: they go by their names.
                unit = "REPLACE (n.unit AS u)" if "u" in con.table(name).columns else ""
                join = "LEFT JOIN judge_names n ON n.u = t.u" if unit else ""
                found[name] = sorted(con.sql(f"SELECT t.* {unit} FROM {name} t {join}").fetchall(), key=repr)
    monkeypatch.undo()
    return found, taken


def test_what_all_say_together_is_the_same_concluded_some_days_and_sessions_at_a_time(workspace, monkeypatch):
    at_once, once = concluded(workspace, monkeypatch, 1_000_000)
    in_shares, often = concluded(workspace, monkeypatch, 100)
    assert set(once.values()) == {1}
    assert often.keys() == once.keys()
    assert {step.table for step, count in often.items() if count > 3} >= {
        "judge_voices",
        "judge_by_day",
        "judge_by_name",
        "judge_ends",
    }
    assert in_shares == at_once
    filled = {name for name, rows in at_once.items() if rows}
    assert filled >= {"judge_by_network", "judge_peers", "judge_offline", "judge_genuine"}


def test_what_a_step_needs_does_not_grow_with_the_days(tmp_path, monkeypatch):
    """The usual pace of a year, which is made of medians, in a database that has room for those of two months."""
    con = database(tmp_path, threads=1, memory="48MB")
    con.execute(pace.PACES)
    con.execute("CREATE TABLE judge_voices (s BIGINT, day DATE)")
    con.execute(
        "INSERT INTO judge_voices SELECT s, DATE '2024-01-01' + CAST(d AS INTEGER) FROM range(50) s(s), range(360) d(d)"
    )
    con.execute(
        "INSERT INTO judge_paces SELECT d * 5000 + i, i % 100, i % 7, i % 50, DATE '2024-01-01' + CAST(d AS INTEGER), "
        "NULL, false, (i * 7 % 11) / 10 + 0.1 FROM range(360) d(d), range(5000) i(i)"
    )
    monkeypatch.setattr(shares, "ROWS_AT_ONCE", 10_000_000)
    with pytest.raises(duckdb.OutOfMemoryException):
        judging.conclude(con, (pace.USUAL,))
    monkeypatch.undo()
    monkeypatch.setattr(shares, "ROWS_AT_ONCE", 300_000)
    judging.conclude(con, (pace.USUAL,))
    assert con.sql(
        "SELECT count(DISTINCT day), count(DISTINCT (network, u)) FROM judge_usual"
    ).fetchall() == [(362, 700)]
    con.close()
