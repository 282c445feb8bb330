"""The stages that are measured: reading against the limit on one core, then writing, judging, detecting."""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb

from wallwatch import detect, pipeline, report
from wallwatch._progress import Silent
from wallwatch.archive import Summary, take_in
from wallwatch.archive.parts import parts_of
from wallwatch.bench import corpus, limit
from wallwatch.engine import Workspace
from wallwatch.schema.layout import Layout
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints
from wallwatch.sources.readers import read_file

#: After every time in the corpus.
AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
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
    """Median processor seconds of decompressing, of the limit, and of reading, and the median ratio of the last two.

    Runs alternate, so that what else the machine does bears on all alike.

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
    ratios = [least / took for least, took in zip(found["limit"], found["read"], strict=True)]
    return {
        **{name: statistics.median(values) for name, values in found.items()},
        "ratio": statistics.median(ratios),
    }


def writing(path: Path, folder: Path, known: Fingerprints) -> float:
    """Processor seconds of writing the Parquet parts of a file's rows, reading left out."""
    batches = list(read_file(path, _FILE_ID, as_of=AS_OF, matcher=known)[1])

    def write() -> None:
        with parts_of(Layout(folder), _FILE_ID) as parts:
            for batch in batches:
                parts.add(batch)

    return cpu_seconds(write)


class Spent:
    """Wall seconds, and processor seconds of this process and of the workers that it had, of a block.

    Workers are children of a process of their own (`archive.workers`), so that the system counts neither their time nor
    their memory as this one's: they are looked at twenty times a second, on systems that have `/proc`.
    """

    def __enter__(self) -> Spent:
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        self._wall, self._cpu = time.perf_counter(), _all_cpu_seconds()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = _all_cpu_seconds() - self._cpu
        self._over.set()
        self._watch.join()

    def named(self, stage: str) -> dict[str, float]:
        """Both numbers under the name of a stage."""
        return {f"{stage}_seconds": self.seconds, f"{stage}_cpu_seconds": self.cpu_seconds}

    def _look(self) -> None:
        while not self._over.wait(0.05):
            for worker in multiprocessing.active_children():
                try:
                    status = Path(f"/proc/{worker.pid}/status").read_text()
                except OSError:
                    continue  # it has ended
                _held[worker.pid or 0] = 1_024 * int(_field(status, "VmHWM:") or 0)
                _parents.add(int(_field(status, "PPid:")))


#: The most memory that each worker has held, and the processes that they were children of.
_held: dict[int, int] = {}
_parents: set[int] = set()


def _field(status: str, name: str) -> str:
    return (status.partition(name)[2].split(maxsplit=1) or [""])[0]


def _all_cpu_seconds() -> float:
    found = os.times()
    total = found.user + found.system + found.children_user + found.children_system
    for parent in _parents - {os.getpid()}:
        # Its own time and that of its children that have ended, in ticks; its name, in brackets, may hold anything.
        ticks = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[11:15]
        total += sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
    return total


def whole(paths: list[Path], root: Path, known: Fingerprints, workers: int) -> dict[str, float]:
    """What taking in, judging, detecting and reporting take in a new workspace, and its numbers of rows."""
    workspace = Workspace.create(root)
    found: dict[str, float] = {}
    with workspace.lock():
        with Spent() as spent:
            taken = take_in(paths, workspace.layout, workers=workers, fingerprints=known, as_of=AS_OF)
        found |= spent.named("take_in")
        found["measurements"] = taken.measurements
        con = workspace.connect(threads=workers)
        try:
            found["observations"] = _count(con, "observations")
            with Spent() as spent:
                pipeline.judge_workspace(workspace, con, known, "bench")
            found |= spent.named("judge")
            workspace.refresh(con, "verdicts")
            found["verdicts"] = _count(con, "verdicts")
            with Spent() as spent:
                pipeline.count_cells(workspace, con, "bench")
                workspace.refresh(con, "cells")
                found["cells"] = _count(con, "cells")
                workspace.replace("events", detect.events_and_doubts(con)[0], "bench")
                workspace.replace("outages", detect.outages(con), "bench")
            found |= spent.named("detect")
            workspace.refresh(con, "events", "outages")
            with Spent() as spent:
                report.write(con, root.with_name(f"{root.name}-report"))
            found |= spent.named("report")
        finally:
            con.close()
    return found


#: What a whole run is of: reading, judging and detecting.
RUN = ("take_in", "judge", "detect")
#: How long its lines are, in bytes: as OONI's are, from tests without a body to long pages.
RUN_BYTES = (5_000, 60_000)


def growing(lines: int, folder: Path, known: Fingerprints, workers: int) -> tuple[Path, dict[str, float]]:
    """A whole run of so many measurements, and how much of it does not grow with them.

    A quarter of them is run as well, after a few that load what is loaded once; what both took, against the limit for
    their lines, tells what each line costs and what is left where there are none.

    Returns:
        The file, and the numbers of `whole`; of every stage of it, and of the run, also the processor seconds that do not
        grow (`fixed_cpu_seconds`), the limit as a part of the time for one line more (`marginal_ratio`), and as a part of
        all (`ratio`).
    """
    folder.mkdir()
    runs, limits, bytes_ = [], [], 0
    for count in (max(lines // 50, 10), max(lines // 4, 20), lines):
        path = folder / f"{count}.jsonl.gz"
        bytes_ = corpus.write(path, count, RUN_BYTES, seed=2)
        runs.append(whole([path], folder / f"{count}", known, workers))
        limits.append(statistics.median(cpu_seconds(partial(limit.decode, path)) for _ in range(3)))
    found = {**runs[2], "line_bytes": bytes_ / lines, "limit_cpu_seconds": limits[2]}
    for stage in (*RUN, "report", "run"):
        small, large = (
            sum(one[f"{part}_cpu_seconds"] for part in (RUN if stage == "run" else (stage,)))
            for one in runs[1:]
        )
        slope = (large - small) / (limits[2] - limits[1])
        found |= {
            f"{stage}_cpu_seconds": large,
            f"{stage}_fixed_cpu_seconds": large - slope * limits[2],
            f"{stage}_marginal_ratio": 1 / max(slope, 1e-9),
            f"{stage}_ratio": limits[2] / max(large, 1e-9),
        }
    return path, found


def together(paths: Sequence[Path], root: Path, known: Fingerprints, workers: int) -> dict[str, float]:
    """Taking some files in with one process, and with all workers; files that are small come beside each other."""
    found: dict[str, float] = {"workers": workers, "files": len(paths)}
    for name, count in (("one", 1), ("all", workers)):
        layout = Workspace.create(root / name).layout
        with Spent() as spent:
            summary = take_in(paths, layout, workers=count, fingerprints=known, as_of=AS_OF)
        found |= {"measurements": summary.measurements, **spent.named(name)}
    found["speed_up_ratio"] = found["one_seconds"] / found["all_seconds"]
    return found


def several(lines: int, folder: Path) -> list[Path]:
    """Sixteen files of so many lines in all, one after the other in time, as a collector writes them."""
    folder.mkdir()
    paths = [folder / f"{number}.jsonl.gz" for number in range(16)]
    for number, path in enumerate(paths):
        corpus.write(path, lines // 16, RUN_BYTES, seed=3 + number, first=number * (lines // 16))
    return paths


def added(files: int, folder: Path, known: Fingerprints) -> list[dict[str, float]]:
    """What one more file costs in a workspace that grows from an eighth of so many files to twice as many, by one process.

    Each has thirty lines, three hours after those of the one before. Apart: taking it in, and bringing every later table up
    to date; also what each file of the history cost to take in, many at once.
    """
    folder.mkdir()
    found: list[dict[str, float]] = []
    there = 0
    workspace = Workspace.create(folder / "workspace")

    def take(count: int) -> Spent:
        nonlocal there
        paths = [folder / f"{number:05}.jsonl.gz" for number in range(there, there + count)]
        for number, path in enumerate(paths, there):
            corpus.write(path, 30, 7_500, seed=number, first=3_600 * number)
        there += count
        with Spent() as spent:
            take_in(paths, workspace.layout, workers=1, fingerprints=known, as_of=AS_OF)
        return spent

    with workspace.lock():
        for count in sorted({max(files // 8, 1), max(files // 4, 1), max(files // 2, 1), files, 2 * files}):
            new = count - there
            history = take(new) if new > 0 else None
            pipeline.bring_up_to_date(workspace, Summary(), known, Silent(), AS_OF)
            one = take(1)
            with Spent() as others:
                pipeline.bring_up_to_date(workspace, Summary(), known, Silent(), AS_OF)
            found.append(
                {
                    "files": count,
                    "history_file_cpu_seconds": history.cpu_seconds / new if history else one.cpu_seconds,
                    "take_in_cpu_seconds": one.cpu_seconds,
                    "others_cpu_seconds": others.cpu_seconds,
                }
            )
    return found


def peak_bytes() -> int:
    """The most memory that this process or one of its workers has held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1_024
    own = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(unit * own, *_held.values(), 0)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])
