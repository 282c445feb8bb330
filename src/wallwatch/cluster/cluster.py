"""The stages of a run as jobs of a Spark session; driver and executors reach files and workspace by the same paths."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch import detect, judge
from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.archive import Done, Task
from wallwatch.archive.remote import Remote
from wallwatch.cluster import countries, reading, writing
from wallwatch.engine import Workspace, views
from wallwatch.engine.spark import SparkTables, in_words, session
from wallwatch.schema import CELLS, VERDICTS, Table
from wallwatch.sources.ooni.known import Matcher

#: Files are handed out in so many portions at most: a task for each where there are fewer.
_PORTIONS = 10_000


class Cluster:
    """A Spark session that does the work of a run; stopped when it is left.

    Args:
        master: A Spark master (`local[2]`, `spark://host:7077`, `yarn`); what `spark-submit` says where not given.
        options: More settings of Spark.
        remote: Where the workspace lies in object storage, of which the one that is worked on is what was brought here;
            where not given, executors reach that by its path.
        scratch: A folder that driver and executors reach, for what is made on the way; by default in the workspace.

    Raises:
        WallwatchError: PySpark or Java is missing, or Spark does not start; or a remote workspace has no scratch.
    """

    def __init__(
        self,
        master: str | None = None,
        options: dict[str, str] | None = None,
        *,
        remote: Remote | None = None,
        scratch: Path | None = None,
    ) -> None:
        if remote and not scratch:
            raise WallwatchError(
                "a workspace in object storage needs a folder that all machines reach, for what is made on the way: --scratch"
            )
        self.remote = remote
        self._scratch = scratch.absolute() if scratch else None
        self.spark = session(master, options)

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self.spark.stop()

    def hashes(self, places: Sequence[str]) -> list[str]:
        """The hash of each file's content.

        Raises:
            WallwatchError: A file cannot be read.
        """
        asked = pa.table({"number": range(len(places)), "place": pa.array(places, pa.string())})
        return reading.hashes(self._handed_out(asked))

    def take(self, tasks: Sequence[Task], fingerprints: Matcher | None) -> Iterator[Done]:
        """Takes files in, each by one task: a task that is run again for a lost executor writes the same bytes.

        Raises:
            WallwatchError: A file changed meanwhile, or something cannot be read or written.
        """
        here = Path(tasks[0].root)
        root = self.remote.address if self.remote else str(here.absolute())
        if self.remote:
            self.remote.push(here)
        # The longest first, so that none is waited for at the end.
        ordered = sorted((replace(task, root=root) for task in tasks), key=lambda t: (-t.size, t.sha256))
        known = self.spark.sparkContext.broadcast(fingerprints)
        try:
            yield from reading.take(self._handed_out(reading.as_rows(ordered)), known)
        finally:
            known.destroy()
        if self.remote:
            self.remote.pull(here)

    def judge(self, workspace: Workspace, references: judge.References, stage: str) -> int:
        """Judges all measurements, and replaces the table `verdicts`; the number of its rows."""
        with self.tables_of(workspace, "measurements", "observations", "controls") as tables:
            judging = judge.program(references, tables.rows)
            for name, rows in judging.tables.items():
                tables.put(name, rows)
            found = tables.run(judging.statements, judging.verdicts)
            return self._replaced(workspace, VERDICTS, found, stage)

    def cells(self, workspace: Workspace, stage: str) -> int:
        """Counts cells, and replaces the table `cells`; the number of its rows."""
        with self.tables_of(workspace, "verdicts") as tables:
            return self._replaced(workspace, CELLS, tables.run(*detect.cells_program()), stage)

    def events_and_doubts(
        self, workspace: Workspace, con: duckdb.DuckDBPyConnection
    ) -> tuple[pa.Table, pa.Table]:
        """What `detect.events_and_doubts` tells, country by country.

        Args:
            workspace: The workspace.
            con: Its views; what is told from all countries together is told here.
        """
        with self.tables_of(workspace, "verdicts") as tables:
            faulty = tables.run(*detect.by_country.FAULTY).toArrow()
            verdicts = (
                self.spark.table("verdicts").select(*detect.by_country.COLUMNS).where("country IS NOT NULL")
            )
            grouped = verdicts.groupBy("country")
            fields = in_words(detect.by_country.SAID)
            said = tables.written(grouped.applyInArrow(countries.said(faulty), fields), "said")
            with _shown(con, said):
                outages, fine, rows = detect.by_country.together(con, faulty)
            known = self.spark.sparkContext.broadcast((faulty, outages, fine))
            told = grouped.applyInArrow(countries.restrictions(known), in_words(countries.TOLD)).toArrow()
            events, doubts = (countries.unpacked(told.column(name)) for name in countries.TOLD.names)
            return detect.in_order([*rows, *events], doubts)

    @contextmanager
    def tables_of(self, workspace: Workspace, *names: str) -> Iterator[SparkTables]:
        """Some tables of the workspace; what is new of it here is put where executors reach it."""
        root, remote, read = workspace.layout.root, self.remote, None
        if remote:
            remote.push(root)

            def read(files: Sequence[Path], fields: pa.Schema) -> Any:
                below = [path.relative_to(root).as_posix() for path in files]
                return reading.tables(self.spark, remote, below, fields)

        with SparkTables(self.spark, self._scratch or root.absolute() / ".spill", read) as tables:
            tables.show(workspace, names)
            yield tables

    def _replaced(self, workspace: Workspace, table: Table, found: Any, stage: str) -> int:
        def write(folder: Path) -> int:
            with TemporaryDirectory(prefix=".written-", dir=self._scratch or folder) as name:
                return writing.write(found, table, Path(name).absolute(), folder)

        return workspace.replace_by(table.name, write, stage)

    def _handed_out(self, rows: pa.Table) -> Any:
        """The rows as a frame of many small portions."""
        portions = max(1, min(rows.num_rows, _PORTIONS))
        return self.spark.createDataFrame(rows).repartition(portions)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Says in one line what made Spark give up, after it has tried several times.

    Raises:
        WallwatchError: It gave up.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.")):
            raise
        lines = [line for line in str(error).splitlines() if line.strip()]
        # Of what failed in Python the last line says what; of all else the first.
        said = next((line for line in reversed(lines) if "Error:" in line), lines[0] if lines else "")
        raise WallwatchError(f"Spark gave up: {safe_text(said.strip(), 300)}", status=1) from error


@contextmanager
def _shown(con: duckdb.DuckDBPyConnection, said: Path) -> Iterator[None]:
    """The files of a folder as `detect_rows`."""
    files = views.quoted(f"{said}/*.parquet")
    con.execute(f"CREATE OR REPLACE TEMP VIEW detect_rows AS SELECT * FROM read_parquet({files})")
    try:
        yield
    finally:
        con.execute("DROP VIEW detect_rows")
