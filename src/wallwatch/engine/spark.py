"""Programs of DuckDB statements run on Apache Spark: translated, with few differences that have names.

A program creates tables one from another. What is read more than once is written to a folder that all executors
reach, so that plans stay small and the loss of an executor costs its tasks only.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch.engine import views
from wallwatch.engine.workspace import Workspace
from wallwatch.schema import TABLES, Table

_TYPES = {
    pa.binary(): "BINARY",
    pa.string(): "STRING",
    pa.int32(): "INT",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.timestamp("us", tz="UTC"): "TIMESTAMP",
    pa.list_(pa.string()): "ARRAY<STRING>",
    pa.list_(pa.int64()): "ARRAY<BIGINT>",
}
_OWN_NUMBER = "MONOTONICALLY_INCREASING_ID"
_JAVAS = ("java-17-*", "java-21-*", "default-java")


def session(master: str | None = None, options: dict[str, str] | None = None) -> Any:
    """A Spark session in which the same query gives the same rows as in DuckDB.

    Args:
        master: A Spark master (`local[2]`, `spark://host:7077`, `yarn`); what `spark-submit` says where not given.
        options: More settings.

    Raises:
        WallwatchError: PySpark or Java is missing.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise WallwatchError(
            "Spark is not installed; install it with: pip install 'wallwatch[spark]'"
        ) from error
    _find_java()
    builder: Any = SparkSession.builder
    if master is not None:
        builder = builder.master(master)
        if master.startswith("local"):
            # Executors of this machine have what this process has, whatever PATH finds.
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    settings = {
        "spark.app.name": "wallwatch",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # Arithmetic and casts as DuckDB has them: sizes of nulls are null.
        "spark.sql.ansi.enabled": "false",
        "spark.sql.legacy.sizeOfNull": "false",
        # What Spark goes by are the sizes of files, and tables of numbers are twenty times as large in memory.
        "spark.sql.autoBroadcastJoinThreshold": "1MB",
        # Times as points in time, not as the wall clock of somewhere.
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        **(options or {}),
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        found = builder.getOrCreate()
    except Exception as error:
        raise WallwatchError(f"Spark does not start: {str(error).splitlines()[0]}", status=1) from error
    found.sparkContext.setLogLevel("FATAL")
    return found


def _find_java() -> None:
    if os.environ.get("JAVA_HOME") or shutil.which("java"):
        return
    for pattern in _JAVAS:
        for home in sorted(Path("/usr/lib/jvm").glob(pattern)):
            if (home / "bin" / "java").exists():
                os.environ["JAVA_HOME"] = str(home)
                return
    raise WallwatchError(
        "Spark needs Java 17 or 21: install openjdk-17-jre-headless (Debian, Ubuntu), or set JAVA_HOME"
    )


def translate(statement: str) -> Any:
    """A DuckDB statement as an expression of sqlglot whose text in Spark's dialect means the same.

    The differences, beyond those that sqlglot knows: lengths of lists, the order within gathered lists, patterns of
    `SIMILAR TO`, what lists share, quantiles, microseconds, and rows that are numbered.
    """
    import sqlglot
    from sqlglot import exp

    def differ(node: Any) -> Any:
        if isinstance(node, exp.SimilarTo):
            pattern = exp.Literal.string(f"^(?:{node.expression.name})$")
            return exp.RegexpLike(this=node.this, expression=pattern)
        if isinstance(node, exp.PercentileDisc) and not isinstance(node.parent, exp.WithinGroup):
            order = exp.Order(expressions=[exp.Ordered(this=node.this)])
            # sqlglot would make an approximation of it.
            quantile = exp.Anonymous(this="PERCENTILE_DISC", expressions=[node.args["expression"]])
            return exp.WithinGroup(this=quantile, expression=order)
        if isinstance(node, exp.Anonymous) and node.name.lower() == "epoch_us":
            return exp.Anonymous(this="UNIX_MICROS", expressions=node.expressions)
        if isinstance(node, exp.Anonymous) and node.name.lower() == "list_intersect":
            return exp.Anonymous(this="ARRAY_INTERSECT", expressions=node.expressions)
        return node

    text = re.sub(r"\blen\(", "array_length(", statement)
    text = re.sub(r"\blist\((\S+) ORDER BY \1\)", r"list_sort(list(\1))", text)
    return _numbered(sqlglot.parse_one(text, read="duckdb").transform(differ))


def _numbered(statement: Any) -> Any:
    """Rows numbered without `PARTITION BY`: by each task for itself, in the same order, where one would number all.

    The numbers have gaps, then. Where rows are gathered as well as numbered they are few, and numbered by one.
    """
    from sqlglot import exp

    for window in list(statement.find_all(exp.Window)):
        select = window.parent_select
        if not isinstance(window.this, exp.RowNumber) or window.args.get("partition_by"):
            continue
        order = window.args.get("order")
        if select.args.get("group") or isinstance(window.parent, exp.Qualify):
            window.set("order", order or exp.Order(expressions=[exp.Ordered(this=exp.Literal.number(1))]))
            continue
        window.replace(
            exp.Paren(this=exp.Add(this=exp.Anonymous(this=_OWN_NUMBER), expression=exp.Literal.number(1)))
        )
        if order is None:
            continue
        numbers = [one for one in select.expressions if _OWN_NUMBER in one.sql()]
        fields = [
            one.copy() if one in numbers else exp.column(one.alias_or_name) for one in select.expressions
        ]
        sorted_rows = select.copy()
        sorted_rows.set("expressions", [one.copy() for one in select.expressions if one not in numbers])
        sorted_rows.set("order", order.copy())
        select.replace(exp.select(*fields).from_(sorted_rows.subquery("sorted_rows")))
    return statement


class SparkTables:
    """Tables of a Spark session that programs read and make.

    Args:
        spark: The session.
        scratch: A folder that driver and executors reach, for what programs make on their way.
        read: Makes a frame of Parquet files of a workspace, which may lack columns of the schema; by default they are read
            where they lie.
    """

    def __init__(
        self, spark: Any, scratch: Path, read: Callable[[Sequence[Path], pa.Schema], Any] | None = None
    ) -> None:
        self._read = read or self._read_in_place
        self._spark, self._scratch = spark, scratch / f"spark-{uuid.uuid4().hex}"
        self._made = 0

    def __enter__(self) -> SparkTables:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def show(self, workspace: Workspace, names: Iterable[str]) -> None:
        """Shows tables of a workspace, without the copies of measurements that other files hold."""
        for name in names:
            frame = self._read(workspace.layout.parts(name), plain(TABLES[name]))
            repeated = workspace.layout.table("repeated") / "0.parquet"
            if repeated.exists() and name in views.REPEATED:
                keys = ["measurement_id", "file_id", "line"]
                again = self._read([repeated], pa.schema([plain(TABLES[name]).field(key) for key in keys]))
                frame = frame.join(again, keys, "left_anti")
            frame.select(*TABLES[name].names).createOrReplaceTempView(name)

    def put(self, name: str, rows: pa.Table) -> None:
        """Makes a small table of rows."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        path = self._scratch / f"{name}.parquet"
        pq.write_table(rows, path)
        self._spark.read.parquet(_address(path)).createOrReplaceTempView(name)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a small result."""
        return [tuple(row) for row in self._spark.sql(translate(query).sql(dialect="spark")).collect()]

    def run(self, statements: Sequence[str], query: str) -> Any:
        """Runs a program.

        Args:
            statements: `CREATE … AS`, `CREATE TABLE`, `INSERT`, `UPDATE … FROM` and `DROP`, in DuckDB's dialect.
            query: What is wanted of the tables at the end.

        Returns:
            A data frame with its rows, made as it is read, and not after this object is closed.
        """
        program = [translate(statement) for statement in statements]
        last = translate(query)
        for place, step in enumerate(program):
            self._step(step, _reads(step, [*program[place + 1 :], last]))
        return self._spark.sql(last.sql(dialect="spark"))

    def written(self, frame: Any, name: str) -> Path:
        """The folder of Parquet files with a frame's rows; it goes when this object is closed."""
        self._made += 1
        folder = self._scratch / f"{self._made}-{name}"
        frame.write.parquet(_address(folder))
        return folder

    def _read_in_place(self, files: Sequence[Path], fields: pa.Schema) -> Any:
        if not files:
            return self._spark.createDataFrame([], in_words(fields))
        return self._spark.read.schema(in_words(fields)).parquet(*map(_address, files))

    def _step(self, step: Any, reads: int) -> None:
        from sqlglot import exp

        if isinstance(step, exp.Drop):
            return
        name = _name(step)
        if isinstance(step, exp.Create):
            frame = self._spark.sql(_selected(step))
        elif isinstance(step, exp.Insert):
            held = self._spark.table(name)
            more = self._spark.sql(step.expression.sql(dialect="spark")).toDF(*held.columns)
            fields = [more[field.name].cast(field.dataType) for field in held.schema.fields]
            frame = held.union(more.select(*fields))
        elif isinstance(step, exp.Update):
            frame = self._spark.sql(_updated(step, self._spark.table(name).columns))
        else:
            raise ValueError(f"no statement of a program: {step.sql()[:80]}")
        # Numbers must not be given anew when a task is run again: they are written at once.
        numbered = reads > 0 and _OWN_NUMBER in step.sql(dialect="spark")
        if (reads > 1 or numbered) and step.args.get("kind") != "VIEW":
            made = frame.schema
            frame = self._spark.read.schema(made).parquet(_address(self.written(frame, name)))
        frame.createOrReplaceTempView(name)


def plain(table: Table) -> pa.Schema:
    """A table's schema with text where it has labels: Spark has no dictionaries."""
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in table.arrow]
    )


def in_words(fields: pa.Schema) -> str:
    """A schema in Spark's words."""
    return ", ".join(f"`{field.name}` {_TYPES[field.type]}" for field in fields)


def _address(path: Path) -> str:
    """A path as Spark names files of a file system, whatever its own is by default."""
    return f"file://{path.absolute()}"


def _name(step: Any) -> str:
    from sqlglot import exp

    return str((step.this.this if isinstance(step.this, exp.Schema) else step.this).name)


def _selected(step: Any) -> str:
    """The query that a table is created from; for one that is created empty, one without rows."""
    from sqlglot import exp

    if not isinstance(step.this, exp.Schema):
        return str(step.expression.sql(dialect="spark"))
    fields = ", ".join(
        f"CAST(NULL AS {column.args['kind'].sql(dialect='spark')}) AS {column.name}"
        for column in step.this.expressions
    )
    return f"SELECT {fields} WHERE false"


def _updated(step: Any, columns: Sequence[str]) -> str:
    """An update of a table from others, as a query: those have at most one row for each of its rows, and a column `m`."""
    name = _name(step)
    source = (step.args.get("from_") or step.args["from"]).this
    values = {one.this.name: one.expression.sql(dialect="spark") for one in step.expressions}
    met = f"{source.alias_or_name}.m IS NOT NULL"
    fields = ", ".join(
        f"CASE WHEN {met} THEN {values[column]} ELSE {name}.{column} END AS {column}"
        if column in values
        else f"{name}.{column}"
        for column in columns
    )
    where = step.args["where"].this.sql(dialect="spark")
    return f"SELECT {fields} FROM {name} LEFT JOIN ({source.sql(dialect='spark')}) ON {where}"


def _reads(step: Any, later: Sequence[Any]) -> int:
    """How often what a statement makes is read before it is made anew."""
    from sqlglot import exp

    if isinstance(step, exp.Drop):
        return 0
    name, reads = _name(step), 0
    for other in later:
        named = len([table for table in other.find_all(exp.Table) if table.name == name])
        if isinstance(other, exp.Create | exp.Insert | exp.Update) and _name(other) == name:
            return reads + named - (1 if isinstance(other, exp.Create) else 0)
        if not isinstance(other, exp.Drop):
            reads += named
    return reads
