"""How cost grows with the number of measurements, on DuckDB and on Spark: the same tables, made by copying rows.

A corpus is read once. Each copy of its rows has ids and sessions of its own and lies later in time, as an archive grows: by
SQL, which takes a hundredth of the time that reading as many lines would. What reading costs is measured on the corpus.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from wallwatch import __version__, pipeline
from wallwatch._files import link
from wallwatch._progress import Progress, Silent
from wallwatch.archive import take_in
from wallwatch.bench import corpus, measure
from wallwatch.cluster import Cluster
from wallwatch.engine import Workspace
from wallwatch.schema import TABLES
from wallwatch.sources.fingerprints import Fingerprints

#: Measurements of the corpus, in how many files, and their lines' length in bytes.
_LINES, _FILES, _LINE_BYTES = 10_000, 4, 7_500
#: By how much later each copy lies: two measurements of the corpus are three seconds apart.
_SECONDS = 9 * 3600

#: How the measurements lie: the history of one country; one time in many countries; the history of a single target.
SHAPES = ("history", "countries", "target")

_LATER = (
    "time + to_seconds({seconds} * {copy}) AS time, received + to_seconds({seconds} * {copy}) AS received"
)
_COPIED = {
    "history": _LATER,
    "countries": (
        "chr(65 + {copy} // 26 % 26) || chr(65 + {copy} % 26) AS country, network + 16 * {copy} AS network"
    ),
    "target": _LATER,
}
#: Every tenth target is reset in the second half of every four copies, so that there is something to judge and to find.
_RESET = "layer IN ('tls', 'http') AND host LIKE 'site%0.example' AND {copy} % 4 >= 2"
_FAILED = (
    f"CASE WHEN {_RESET} THEN 'connection_reset' ELSE failure END AS failure, "
    f"CASE WHEN NOT ({_RESET}) THEN http_status END AS http_status, "
    f"CASE WHEN NOT ({_RESET}) THEN tls_certificate_sha256 END AS tls_certificate_sha256"
)
_STAGES = ("judge", "cells", "events")
_MADE = ("verdicts", "cells", "events")


@dataclass(frozen=True, slots=True)
class Scale:
    """What was measured: `rows` with a row an engine and size, and the machine's `cpus`."""

    data: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The numbers."""
        return self.data

    def as_text(self) -> str:
        """The numbers as a table: microseconds a measurement, of processors and of the clock; and what was made of them."""
        text = [
            f"{'engine':<26} {'measurements':>12} "
            + "".join(f"{name:>20}" for name in ("reading", *_STAGES))
            + f"{'shuffled':>12}"
            + "".join(f"{name:>29}" for name in _MADE),
        ]
        for row in self.data["rows"]:
            cells = [
                f"{1e6 * row[f'{name}_cpu_seconds'] / count:,.0f} ({1e6 * row[f'{name}_seconds'] / count:,.0f})"
                for name, count in (("reading", _LINES), *((name, row["measurements"]) for name in _STAGES))
            ]
            shuffled = (
                f"{row['shuffled_bytes'] / row['measurements']:,.0f}" if "shuffled_bytes" in row else ""
            )
            text.append(
                f"{row['engine']:<26} {row['measurements']:>12,} "
                + "".join(f"{cell:>20}" for cell in cells)
                + f"{shuffled:>12}"
                + "".join(f"{count:>12,} {made}" for count, made in map(row["made"].get, _MADE))
            )
        text += [
            "",
            "µs of processors a measurement (of the clock in brackets); shuffled: bytes a measurement;",
            "rows of each table and a digest of them in whatever order: the same where the tables are",
        ]
        return "\n".join(text)


class Cost:
    """Wall seconds, and processor seconds of this process and everything that it has started."""

    def __enter__(self) -> Cost:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = _cpu_seconds() - self._cpu

    def named(self, stage: str) -> dict[str, float]:
        """Both numbers under the name of a stage."""
        return {f"{stage}_seconds": self.seconds, f"{stage}_cpu_seconds": self.cpu_seconds}


def _cpu_seconds() -> float:
    """Processor seconds of this process, and of all that descend from it (on Linux; elsewhere of those that ended)."""
    own = sum(os.times()[:4])
    parents: dict[int, list[tuple[int, float]]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        spent = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        parents.setdefault(int(fields[1]), []).append((int(entry.parent.name), spent))
    waiting = [os.getpid()]
    while waiting:
        for child, spent in parents.get(waiting.pop(), []):
            own += spent
            waiting.append(child)
    return own


def grow(base: Workspace, root: Path, copies: int, shape: str) -> Workspace:
    """A workspace with so many copies of another's measurements.

    Args:
        base: What is copied.
        root: Where to make it.
        copies: How many.
        shape: One of `SHAPES`.
    """
    grown = Workspace.create(root)
    with base.connect() as con:
        for copy in range(copies):
            for name in ("measurements", "observations", "controls", "files"):
                columns = TABLES[name].names
                replaced = [
                    f"'{copy:06x}' || file_id[7:] AS file_id" if "file_id" in columns else "",
                    f"measurement_id || '-{copy}' AS measurement_id" if "measurement_id" in columns else "",
                    f"session || '-{copy}' AS session" if "session" in columns else "",
                ]
                if name == "measurements":
                    replaced.append(_COPIED[shape].format(seconds=_SECONDS, copy=copy))
                if name == "observations":
                    replaced.append(_FAILED.format(copy=copy))
                fields = ", ".join(filter(None, replaced))
                folder = grown.layout.table(name)
                folder.mkdir(parents=True, exist_ok=True)
                for part in base.layout.parts(name):
                    path = folder / f"{copy:06x}{part.stem[6:]}.parquet"
                    con.execute(
                        f"COPY (SELECT * REPLACE ({fields}) FROM read_parquet('{part}')) TO '{path}' "
                        "(FORMAT parquet, COMPRESSION zstd)"
                    )
    return grown


def first(every: Workspace, root: Path, copies: int) -> Workspace:
    """A workspace with the first so many copies of another that `grow` made."""
    found = Workspace.create(root)
    for name in ("measurements", "observations", "controls", "files"):
        folder = found.layout.table(name)
        folder.mkdir(parents=True)
        for part in every.layout.parts(name):
            if int(part.stem[:6], 16) < copies:
                link(part, folder / part.name)
    return found


def curve(
    folder: Path,
    copies: Sequence[int],
    engines: Sequence[str] = ("duckdb",),
    shape: str = "history",
    progress: Progress | None = None,
) -> Scale:
    """What each stage costs at each size, on each engine.

    Args:
        folder: An empty folder, with room for the largest size.
        copies: Sizes, in copies of 10,000 measurements.
        engines: `duckdb`, and Spark masters.
        shape: How the measurements lie; one of `SHAPES`.
        progress: Hears how far it is.
    """
    progress = progress or Silent()
    paths = [folder / f"{number}.jsonl.gz" for number in range(_FILES)]
    for number, path in enumerate(paths):
        more = {"sites": 1} if shape == "target" else {}
        corpus.write(path, _LINES // _FILES, _LINE_BYTES, seed=number + 1, **more)
    rows: list[dict[str, Any]] = []
    for place, engine in enumerate(engines):
        with nullcontext() if engine == "duckdb" else Cluster(engine) as cluster:
            base = Workspace.create(folder / f"base-{place}")
            progress.stage(f"{engine}: reading")
            with Cost() as reading:
                take_in(
                    paths,
                    base.layout,
                    workers=1,
                    fingerprints=measure.fingerprints(),
                    as_of=measure.AS_OF,
                    elsewhere=cluster,
                )
            if not place:
                progress.stage(f"copying {max(copies) * _LINES:,} measurements")
                every = grow(base, folder / "copies", max(copies), shape)
            for size in copies:
                progress.stage(f"{engine}: {size * _LINES:,} measurements")
                grown = first(every, folder / "grown", size)
                found = _stages(grown, cluster)
                rows.append(
                    {"engine": engine, "measurements": size * _LINES, **reading.named("reading"), **found}
                )
                shutil.rmtree(grown.layout.root)
    return Scale({"version": __version__, "cpus": os.cpu_count(), "shape": shape, "rows": rows})


def _stages(workspace: Workspace, cluster: Cluster | None) -> dict[str, Any]:
    """What judging, counting and finding events cost, what Spark moved between executors, and what was `made`."""
    known = Fingerprints.load([])
    before = _shuffled(cluster) if cluster else 0
    found: dict[str, Any] = {}
    con = workspace.connect()
    try:
        with Cost() as cost:
            pipeline.judge_workspace(workspace, con, known, "bench", cluster)
        found |= cost.named("judge")
        workspace.refresh(con)
        with Cost() as cost:
            pipeline.count_cells(workspace, con, "bench", cluster)
        found |= cost.named("cells")
        with Cost() as cost:
            events, _ = pipeline.find_events(workspace, con, cluster)
        found |= cost.named("events")
        workspace.refresh(con)
        found["made"] = {name: digest(con, name) for name in ("verdicts", "cells")}
        con.register("told", events)
        found["made"]["events"] = digest(con, "told")
    finally:
        con.close()
    if cluster:
        found["shuffled_bytes"] = _shuffled(cluster) - before
    return found


def digest(con: duckdb.DuckDBPyConnection, table: str) -> tuple[int, str]:
    """The number of a table's rows, and what they add up to in whatever order they are."""
    ((rows, found),) = con.sql(f"SELECT count(*), sum(hash({table})) FROM {table}").fetchall()
    return rows, f"{(found or 0) % 2**64:016x}"


def _shuffled(cluster: Cluster) -> int:
    """Bytes that executors have written for others to read so far."""
    executors = cluster.spark.sparkContext._jsc.sc().statusStore().executorList(False)
    return sum(int(executors.apply(n).totalShuffleWrite()) for n in range(executors.size()))
