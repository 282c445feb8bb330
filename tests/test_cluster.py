"""A whole run on a Spark cluster of processes of this machine: the tables that DuckDB makes here."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from detect_worlds import many_countries
from wallwatch import detect, pipeline, simulate
from wallwatch.archive import take_in
from wallwatch.cluster import Cluster
from wallwatch.engine import Workspace
from wallwatch.schema.layout import DERIVED, PER_FILE
from workers_for_tests import Deadly

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
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    here = Path(__file__).parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_WORKER_DIR", str(folder))
        patch.setenv("PYTHONPATH", f"{here.parent / 'src'}{os.pathsep}{here}")
        with Cluster(MASTER, QUICK) as cluster:
            assert cluster.spark.sparkContext.master == MASTER
            yield cluster


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
    # What nothing has changed since is not done again, by whatever engine.
    again = pipeline.run(inputs, tmp_path / "there", as_of=AS_OF)
    assert (again.taken_in.new, again.rows) == (0, {})
    assert not list((tmp_path / "there").glob(".spill/*"))


def test_events_of_several_countries_are_the_same(cluster, tmp_path):
    workspace = Workspace.create(tmp_path / "workspace")
    world = many_countries()
    workspace.replace("verdicts", world.table(), "made up")
    with workspace.connect() as con:
        expected = detect.events(con)
    with workspace.connect() as con:
        found = cluster.events(workspace, con)
    assert found.num_rows == expected.num_rows > 3
    assert found.to_pylist() == expected.to_pylist()
    with workspace.connect() as con:
        workspace.replace("cells", detect.cells(con), "here")
    expected = rows(workspace, ["cells"])["cells"]
    assert cluster.cells(workspace, "there") == expected.num_rows
    assert rows(workspace, ["cells"])["cells"].equals(expected)


def test_an_executor_that_is_killed_while_it_reads_changes_nothing(cluster, inputs, tmp_path):
    here, there = (Workspace.create(tmp_path / name) for name in ("here", "there"))
    expected = take_in(inputs, here.layout, workers=1, fingerprints=None, as_of=AS_OF)
    found = take_in(
        inputs, there.layout, workers=1, fingerprints=Deadly(tmp_path), as_of=AS_OF, elsewhere=cluster
    )
    assert (tmp_path / "killed").exists()
    assert found == expected
    assert bytes_of(there.layout.root) == bytes_of(here.layout.root)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
