"""The stages of a run as jobs of a Spark session; driver and executors reach files and workspace by the same paths."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.archive import Done, Task
from wallwatch.archive.remote import Remote
from wallwatch.cluster import reading, tasks
from wallwatch.cluster.work import Countries, Judges, Work
from wallwatch.engine import Workspace
from wallwatch.engine.spark import session
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

    def take(self, given: Sequence[Task], fingerprints: Matcher | None) -> Iterator[Done]:
        """Takes files in, each by one task: a task that is run again for a lost executor writes the same bytes.

        Raises:
            WallwatchError: A file changed meanwhile, or something cannot be read or written.
        """
        here = Path(given[0].root)
        root = self.remote.address if self.remote else str(here.absolute())
        if self.remote:
            self.remote.push(here)
        # The longest first, so that none is waited for at the end.
        ordered = sorted((replace(task, root=root) for task in given), key=lambda t: (-t.size, t.sha256))
        known = self.spark.sparkContext.broadcast(fingerprints)
        try:
            yield from reading.take(self._handed_out(reading.as_rows(ordered)), known)
        finally:
            known.destroy()
        if self.remote:
            self.remote.pull(here)

    @contextmanager
    def judges(self, workspace: Workspace, reference_set: str) -> Iterator[Judges]:
        """Who looks at chunks of the workspace, and judges them, for `judge.judge_days`.

        Args:
            workspace: The workspace.
            reference_set: Version of the reference data.
        """
        with self._work_on(workspace) as work:
            yield Judges(work, workspace.rows().moved(Path.absolute), reference_set)

    @contextmanager
    def countries(self, workspace: Workspace) -> Iterator[Countries]:
        """Who looks at countries, for `detect.events_and_doubts`."""
        with self._work_on(workspace) as work:
            yield Countries(work, [path.absolute() for path in workspace.layout.parts("verdicts")])

    def write(
        self,
        workspace: Workspace,
        make: Callable[[duckdb.DuckDBPyConnection, Any, Sequence[Path], Path], Mapping[str, int]],
        given: Sequence[tuple[Any, Sequence[Path]]],
        folder: Path,
    ) -> dict[str, int]:
        """Makes Parquet files from files of the workspace, each by one task.

        Args:
            workspace: The workspace.
            make: Makes some, from what was given and the files, in a folder; says how many rows each has, by its name.
            given: What is handed to each task, and paths of the files that it reads.
            folder: Where the files come to lie.

        Returns:
            Name of each, without its ending, to its number of rows.
        """
        with self._work_on(workspace) as work:
            items = [(what, [path.absolute() for path in files]) for what, files in given]
            return work.moved(partial(tasks.write, work=make, place=work.place), items, folder)

    @contextmanager
    def _work_on(self, workspace: Workspace) -> Iterator[Work]:
        """Work on a workspace; what is new of it here is put where executors reach it."""
        root = workspace.layout.root.absolute()
        if self.remote:
            self.remote.push(root)
        scratch = (self._scratch or root / ".spill") / f"spark-{uuid.uuid4().hex}"
        scratch.mkdir(parents=True)
        try:
            yield Work(self.spark, tasks.Place(root, self.remote.address if self.remote else None), scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

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
