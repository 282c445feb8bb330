"""The stages of a run as jobs of a Spark session; driver and executors reach files and workspace by the same paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch import detect, judge
from wallwatch.archive import Done, Task
from wallwatch.cluster import countries, reading, writing
from wallwatch.engine import Workspace
from wallwatch.engine.spark import SparkTables, schema, session
from wallwatch.schema import CELLS, EVENTS, VERDICTS
from wallwatch.sources.ooni.known import Matcher

#: Files are handed out in so many portions at most: a task for each where there are fewer.
_PORTIONS = 10_000


class Cluster:
    """A Spark session that does the work of a run; stopped when it is left.

    Args:
        master: A Spark master (`local[2]`, `spark://host:7077`, `yarn`); what `spark-submit` says where not given.
        options: More settings of Spark.

    Raises:
        WallwatchError: PySpark or Java is missing, or Spark does not start.
    """

    def __init__(self, master: str | None = None, options: dict[str, str] | None = None) -> None:
        self.spark = session(master, options)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.spark.stop()

    def hashes(self, paths: Sequence[Path]) -> list[str]:
        """The hash of each file's content.

        Raises:
            WallwatchError: A file cannot be read.
        """
        asked = pa.table({"number": range(len(paths)), "path": [str(path.absolute()) for path in paths]})
        return reading.hashes(self._handed_out(asked))

    def take(self, tasks: Sequence[Task], fingerprints: Matcher | None) -> Iterator[Done]:
        """Takes files in, each by one task: a task that is run again for a lost executor writes the same bytes.

        Raises:
            WallwatchError: A file changed meanwhile, or something cannot be read or written.
        """
        # The longest first, so that none is waited for at the end.
        ordered = sorted(tasks, key=lambda task: (-task.size, task.sha256))
        known = self.spark.sparkContext.broadcast(fingerprints)
        try:
            yield from reading.take(self._handed_out(reading.as_rows(ordered)), known)
        finally:
            known.destroy()

    def judge(self, workspace: Workspace, references: judge.References, stage: str) -> int:
        """Judges all measurements, and replaces the table `verdicts`; the number of its rows."""
        with self._tables(workspace, "measurements", "observations", "controls") as tables:
            judging = judge.program(references, tables.rows)
            for name, rows in judging.tables.items():
                tables.put(name, rows)
            found = tables.run(judging.statements, judging.verdicts)
            return workspace.replace_by("verdicts", partial(writing.write, found, VERDICTS), stage)

    def cells(self, workspace: Workspace, stage: str) -> int:
        """Counts cells, and replaces the table `cells`; the number of its rows."""
        with self._tables(workspace, "verdicts") as tables:
            found = tables.run(*detect.cells_program())
            return workspace.replace_by("cells", partial(writing.write, found, CELLS), stage)

    def events(self, workspace: Workspace, con: duckdb.DuckDBPyConnection) -> pa.Table:
        """The events, with the columns of schema `EVENTS`, in the order of its key: country by country.

        Args:
            workspace: The workspace.
            con: Its views; what is told from all countries together is told here.
        """
        with self._tables(workspace, "verdicts") as tables:
            faulty = tables.run(*detect.by_country.FAULTY).toArrow()
            verdicts = (
                self.spark.table("verdicts").select(*detect.by_country.COLUMNS).where("country IS NOT NULL")
            )
            grouped = verdicts.groupBy("country")
            said = tables.written(grouped.applyInArrow(countries.said(faulty), countries.SAID), "said")
            with _shown(con, said):
                outages, fine, rows = detect.by_country.together(con, faulty)
            known = self.spark.sparkContext.broadcast((faulty, outages, fine))
            found = grouped.applyInArrow(countries.restrictions(known), schema(EVENTS)).toArrow()
            return detect.in_order([*rows, *found.to_pylist()])

    @contextmanager
    def _tables(self, workspace: Workspace, *names: str) -> Iterator[SparkTables]:
        with SparkTables(self.spark, workspace.layout.root.absolute() / ".spill") as tables:
            tables.show(workspace, names)
            yield tables

    def _handed_out(self, rows: pa.Table) -> Any:
        """The rows as a frame of many small portions."""
        portions = max(1, min(rows.num_rows, _PORTIONS))
        return self.spark.createDataFrame(rows).repartition(portions)


@contextmanager
def _shown(con: duckdb.DuckDBPyConnection, said: Path) -> Iterator[None]:
    """The files of a folder as `detect_rows`."""
    con.execute(f"CREATE OR REPLACE TEMP VIEW detect_rows AS SELECT * FROM read_parquet('{said}/*.parquet')")
    try:
        yield
    finally:
        con.execute("DROP VIEW detect_rows")
