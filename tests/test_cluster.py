"""A whole run on a Spark cluster of processes of this machine: the tables that DuckDB makes here."""

import os
import shutil
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import boto3
import pytest

from detect_worlds import many_countries
from object_store import object_store
from wallwatch import detect, judge, pipeline, simulate
from wallwatch._errors import WallwatchError
from wallwatch.archive import take_in
from wallwatch.archive.remote import Remote
from wallwatch.cluster import Cluster, failures_in_words
from wallwatch.engine import Workspace
from wallwatch.schema.layout import DERIVED, PER_FILE
from wallwatch.sources.fingerprints import Fingerprints
from workers_for_tests import Deadly, DeadlyWriter

pytestmark = pytest.mark.xdist_group("spark")  # one cluster for all of them

AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
MASTER = "local-cluster[2,1,1024]"
#: Few rows: compiling queries and planning them anew would take longer than running them, and so would the best code
#: of the Java machine.
_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=256m"
QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.driver.extraJavaOptions": _JAVA,
    "spark.executor.extraJavaOptions": _JAVA,
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, store):
    folder = tmp_path_factory.mktemp("cluster")
    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_WORKER_DIR", str(folder))
        patch.setenv("PYTHONPATH", f"{here.parent / 'src'}{os.pathsep}{here}")
        with Cluster(MASTER, QUICK) as cluster:
            assert cluster.spark.sparkContext.master == MASTER
            yield cluster


@pytest.fixture(scope="module")
def store():
    """An S3 API on loopback, which the environment of all processes names."""
    with object_store() as (address, patch):
        patch.setenv("AWS_ENDPOINT_URL", address)
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="atlas")
        yield client
        client.close()


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A week of a small country, with lines that nobody can read, and a file whose measurements came before."""
    folder = tmp_path_factory.mktemp("inputs")
    written = simulate.write(folder / "world", seed=5, days=7, scale=0.03)
    longest = max(written.raw.rglob("*.gz"), key=lambda path: path.stat().st_size)
    odd = folder / "odd"
    odd.mkdir()
    (odd / "broken.jsonl").write_bytes(b'{"measurement_start_time": \nnot a line\n')
    (odd / "empty.jsonl").touch()
    shutil.copy(longest, odd / "again.jsonl.gz")
    with (odd / "again.jsonl.gz").open("ab") as file:
        file.write(b"\x1f\x8b\x08\x00torn")
    return [*written.inputs, odd]


def rows(workspace: Workspace, names):
    with workspace.connect() as con:
        return {name: con.sql(f"SELECT * FROM {name} ORDER BY ALL").to_arrow_table() for name in names}


def test_a_whole_run_gives_the_same_tables(cluster, inputs, tmp_path):
    here = pipeline.run(inputs, tmp_path / "here", as_of=AS_OF)
    there = pipeline.run(inputs, tmp_path / "there", as_of=AS_OF, cluster=cluster)
    assert there.taken_in == here.taken_in
    assert there.rows == here.rows
    assert there.repeated == here.repeated > 0
    assert here.taken_in.set_aside > 0
    assert here.rows["verdicts"] > 300
    expected, found = (
        rows(Workspace.open(tmp_path / name), [*PER_FILE, *DERIVED, "revisions"])
        for name in ("here", "there")
    )
    for name, table in expected.items():
        assert found[name].equals(table), name
        if name != "files":
            folders = (Workspace.open(tmp_path / place).layout.table(name) for place in ("here", "there"))
            assert len({frozenset(bytes_of(folder).items()) for folder in folders}) == 1, name
    # What nothing has changed since is not done again, by whatever engine.
    again = pipeline.run(inputs, tmp_path / "there", as_of=AS_OF)
    assert (again.taken_in.new, again.rows) == (0, {})
    assert not list((tmp_path / "there").glob(".spill/*"))


def test_events_of_several_countries_are_the_same(cluster, tmp_path):
    workspace = Workspace.create(tmp_path / "workspace")
    world = many_countries()
    workspace.replace("verdicts", world.table(), "made up")
    with workspace.connect() as con:
        expected, doubted = detect.events_and_doubts(con)
    for rows_at_once in (1, 1_000_000):  # each country by a task of its own; all by one
        with workspace.connect() as con, cluster.countries(workspace) as hands:
            found, doubts = detect.events_and_doubts(con, rows_at_once, hands)
        assert found.num_rows == expected.num_rows > 3
        assert found.to_pylist() == expected.to_pylist()
        assert doubts.equals(doubted)


def test_an_executor_that_is_killed_while_it_reads_changes_nothing(cluster, inputs, tmp_path):
    here, there = (Workspace.create(tmp_path / name) for name in ("here", "there"))
    expected = take_in(inputs, here.layout, workers=1, fingerprints=None, as_of=AS_OF)
    found = take_in(
        inputs, there.layout, workers=1, fingerprints=Deadly(tmp_path), as_of=AS_OF, elsewhere=cluster
    )
    assert (tmp_path / "killed").exists()
    assert found == expected
    assert bytes_of(there.layout.root) == bytes_of(here.layout.root)


def test_an_executor_that_is_killed_while_it_judges_changes_nothing(cluster, inputs, tmp_path, monkeypatch):
    """Chunks are so small that days are cut, and put together again."""
    here = Workspace.create(tmp_path / "here")
    take_in(inputs, here.layout, workers=1, fingerprints=None, as_of=AS_OF)
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    there = Workspace.open(tmp_path / "there")
    with here.connect() as con:
        ((day,),) = con.sql(
            "SELECT max(n) FROM (SELECT sum(observations + controls) AS n FROM measurements GROUP BY time::DATE)"
        ).fetchall()
    monkeypatch.setattr(pipeline.judge, "judge_days", partial(judge.judge_days, rows_at_once=int(day) // 2))
    for workspace, elsewhere in ((here, None), (there, cluster)):
        if elsewhere:
            monkeypatch.setattr(pipeline, "_write_verdicts", DeadlyWriter(pipeline._write_verdicts, tmp_path))
        with workspace.connect() as con:
            pipeline.judge_workspace(workspace, con, Fingerprints.load([]), "any", elsewhere)
    assert (tmp_path / "killed").exists()
    assert bytes_of(there.layout.table("verdicts")) == bytes_of(here.layout.table("verdicts"))


def test_what_fails_is_said_in_a_line(cluster, tmp_path):
    with pytest.raises(WallwatchError, match=r"gone\.jsonl cannot be read: No such file"):
        cluster.hashes([str(tmp_path / "gone.jsonl")])

    def fail(batches):
        raise OSError("no space left")

    with pytest.raises(WallwatchError, match=r"^Spark gave up: OSError: no space left$"), failures_in_words():
        cluster.spark.range(1).mapInArrow(fail, "id LONG").collect()
    with pytest.raises(ZeroDivisionError), failures_in_words():
        raise ZeroDivisionError


def test_files_and_tables_in_object_storage_are_read_and_written_there(
    cluster, store, inputs, tmp_path, monkeypatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for number, folder in enumerate(inputs):
        for path in folder.rglob("*.*"):
            store.upload_file(str(path), "atlas", f"in/{number}/{path.relative_to(folder)}")
    remote = Remote("s3://atlas/workspace")
    far = Cluster(MASTER, QUICK, remote=remote, scratch=tmp_path)  # the session that is there
    here, there = Workspace.create(tmp_path / "here"), Workspace.create(remote.cache)
    given = [path for folder in inputs for path in folder.rglob("*.*")]
    expected = take_in(given, here.layout, workers=1, fingerprints=None, as_of=AS_OF)
    listed = Remote("s3://atlas/in").files()
    assert {file.name for file in listed} == {path.name for path in given}
    found = take_in([], there.layout, workers=1, fingerprints=None, as_of=AS_OF, elsewhere=far, listed=listed)
    assert found == expected
    # Raw files went from bucket to bucket, and what was read came here.
    expected = bytes_of(here.layout.root)
    raw = {name: content for name, content in expected.items() if name.startswith("raw/")}
    assert bytes_of(remote.cache) == {name: expected[name] for name in expected if name not in raw}
    objects = store.list_objects_v2(Bucket="atlas", Prefix="workspace/raw/")["Contents"]
    assert {one["Key"]: one["Size"] for one in objects} == {
        f"workspace/{name}": len(content) for name, content in raw.items()
    }
    # Executors read the tables from the bucket.
    known = Fingerprints.load([])
    for workspace, elsewhere in ((here, None), (there, far)):
        assert workspace.find_repeated()
        with workspace.connect() as con:
            assert pipeline.judge_workspace(workspace, con, known, "any", elsewhere) > 300
            workspace.refresh(con, "verdicts")
            assert pipeline.count_cells(workspace, con, "any", elsewhere) > 200
    for name in ("verdicts", "cells"):
        assert bytes_of(there.layout.table(name)) == bytes_of(here.layout.table(name))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
