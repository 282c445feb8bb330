"""The stages that are measured: reading against the limit on one core, then writing, judging, detecting."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from wallwatch import detect, judge
from wallwatch.archive import take_in
from wallwatch.archive.parts import parts_of
from wallwatch.bench import limit
from wallwatch.engine import Workspace
from wallwatch.schema.layout import Layout
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints
from wallwatch.sources.readers import read_file

#: After every time in the corpus.
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)
_FILE_ID = "0" * 16


def fingerprints(count: int = 1_300) -> Fingerprints:
    """As many body patterns as the community's list has, none of which occurs in the corpus."""
    return Fingerprints(
        Fingerprint(
            f"bench_{n}", "isp", "body", "contains", f'<h{n % 6}>Access denied ({n * 7_919}) by "{n}"'
        )
        for n in range(count)
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor seconds of this process that the work takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def reading(path: Path, repeats: int, known: Fingerprints) -> dict[str, float]:
    """Median processor seconds of decompressing, of the limit, and of reading; runs alternate.

    Reading means every column of the tables as Arrow tables, bodies hashed and matched.
    """

    def read() -> None:
        for _ in read_file(path, _FILE_ID, as_of=AS_OF, matcher=known)[1]:
            pass

    work: dict[str, Callable[[], object]] = {
        "decompress": lambda: limit.decompress(path),
        "limit": lambda: limit.decode(path),
        "read": read,
    }
    read()  # the automata build their states as they go; a long run does this once
    found: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, one in work.items():
            found[name].append(cpu_seconds(one))
    return {name: statistics.median(values) for name, values in found.items()}


def writing(path: Path, folder: Path, known: Fingerprints) -> float:
    """Processor seconds of writing the Parquet parts of a file's rows, reading left out."""
    batches = list(read_file(path, _FILE_ID, as_of=AS_OF, matcher=known)[1])

    def write() -> None:
        with parts_of(Layout(folder), _FILE_ID) as parts:
            for batch in batches:
                parts.add(batch)

    return cpu_seconds(write)


def whole(paths: list[Path], root: Path, known: Fingerprints, workers: int) -> dict[str, float]:
    """Wall seconds of taking in, judging and detecting in a new workspace, and its numbers of rows."""
    workspace = Workspace.create(root)
    found: dict[str, float] = {}
    with workspace.lock():
        start = time.perf_counter()
        taken = take_in(paths, workspace.layout, workers=workers, fingerprints=known, as_of=AS_OF)
        found["take_in_seconds"] = time.perf_counter() - start
        found["measurements"] = taken.measurements
        con = workspace.connect(threads=workers)
        try:
            found["observations"] = _count(con, "observations")
            references = judge.References.load(workspace.layout.references)
            start = time.perf_counter()
            judged = judge.batches(con, references, source=workspace.source(con))
            workspace.replace("verdicts", judged, "bench")
            found["judge_seconds"] = time.perf_counter() - start
            workspace.refresh(con)
            found["verdicts"] = _count(con, "verdicts")
            start = time.perf_counter()
            workspace.replace("cells", detect.cells(con), "bench")
            workspace.refresh(con)
            found["cells"] = _count(con, "cells")
            workspace.replace("events", detect.events(con), "bench")
            found["detect_seconds"] = time.perf_counter() - start
        finally:
            con.close()
    return found


def peak_bytes() -> int:
    """The most memory that this process or one of its workers has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1_024
    return unit * max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])
