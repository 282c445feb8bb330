"""Judging on a Spark cluster of processes of this machine: the same rows as on DuckDB."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wallwatch import judge, simulate
from wallwatch.archive import take_in
from wallwatch.engine import Workspace
from wallwatch.engine.spark import SparkTables, session, translate
from wallwatch.schema import TABLES
from wallwatch.sources.fingerprints import Fingerprints

#: Few rows: compiling queries and planning them anew would take longer than running them.
QUICK = {
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spark")
    written = simulate.write(folder / "raw", seed=5, days=7, scale=0.03)
    workspace = Workspace.create(folder / "workspace")
    as_of = datetime(2100, 1, 1, tzinfo=UTC)
    take_in(written.inputs, workspace.layout, workers=1, fingerprints=Fingerprints.load([]), as_of=as_of)
    workspace.find_repeated()
    return workspace


def sorted_rows(rows):
    rows = rows.select(TABLES["verdicts"].names).to_pylist()
    return sorted(rows, key=lambda row: (row["measurement_id"], row["layer"], row["host"] or ""))


def test_a_cluster_of_two_workers_gives_the_same_verdicts(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("SPARK_WORKER_DIR", str(tmp_path))
    references = judge.References.load(expected={"nat:xw": ["XW"]})
    spark = session("local-cluster[2,1,1024]", QUICK)
    try:
        with SparkTables(spark, workspace.layout.root / ".spill") as tables:
            tables.show(workspace, ("measurements", "observations", "controls"))
            program = judge.program(references, tables.rows)
            for name, rows in program.tables.items():
                tables.put(name, rows)
            there = pq.read_table(tables.run(program.statements, program.verdicts))
        assert spark.sparkContext.master == "local-cluster[2,1,1024]"
    finally:
        spark.stop()
    with workspace.connect() as con:
        here = pa.concat_tables(judge.batches(con, references, source=workspace.source(con)))
    assert here.num_rows > 300
    for one, other in zip(sorted_rows(there), sorted_rows(here), strict=True):
        assert one == other


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        (
            "SELECT len(string_split(a, ' ')) FROM t",
            "SELECT SIZE(SPLIT(a, CONCAT('\\\\Q', ' ', '\\\\E'))) FROM t",
        ),
        ("SELECT a SIMILAR TO '(x|y).*' FROM t", "SELECT a RLIKE '^(?:(x|y).*)$' FROM t"),
        ("SELECT row_number() OVER () FROM t", "SELECT ROW_NUMBER() OVER (ORDER BY 1 NULLS LAST) FROM t"),
        (
            "SELECT quantile_disc(a, 0.25) FROM t",
            "SELECT PERCENTILE_DISC(0.25) WITHIN GROUP (ORDER BY a NULLS LAST) FROM t",
        ),
        ("SELECT list(a ORDER BY a) FROM t", "SELECT ARRAY_SORT(COLLECT_LIST(a)) FROM t"),
    ],
)
def test_what_spark_says_differently(duckdb, spark):
    assert translate(duckdb).sql(dialect="spark") == spark


def test_every_statement_of_the_judge_can_be_said_to_spark():
    program = judge.program(judge.References.load(), lambda query: [])
    said = [
        translate(statement).sql(dialect="spark") for statement in (*program.statements, program.verdicts)
    ]
    assert len(said) > 100
    for unknown in ("LIST_INTERSECT", "SIMILAR TO", "OVER ()", "PERCENTILE_APPROX", "ARRAY_LENGTH"):
        assert not [statement for statement in said if unknown in statement]
