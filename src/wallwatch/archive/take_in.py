"""Taking files in: hashed, kept as they came, read, and written as tables, each file once."""

from __future__ import annotations

import errno
import hashlib
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from wallwatch._arrow import WithoutPandas
from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_path, sha256_of, sweep, sync_all
from wallwatch._progress import Progress, Silent
from wallwatch.archive import packs
from wallwatch.archive.inputs import Given, given_files
from wallwatch.archive.packs import pack, rows_of_files, unpack
from wallwatch.archive.parts import parts_of, write_files_row
from wallwatch.archive.shared import Key, Opened, Place, Placed, Result, Room
from wallwatch.archive.threads import Behind, ahead
from wallwatch.archive.workers import Workers
from wallwatch.schema import FILES
from wallwatch.schema.layout import Layout
from wallwatch.sources.batch import Batch
from wallwatch.sources.ooni import OONIReader
from wallwatch.sources.ooni.known import Matcher
from wallwatch.sources.ooni.native import installed
from wallwatch.sources.readers import ReadPortions, read_file, read_portion, read_small_files
from wallwatch.sources.stretch import Limits, Stretch

#: Characters of a hash that name a file.
ID = 16
#: What is read at once when workers read a file together: less than otherwise, so that none waits long for the last one.
_TOGETHER = Limits(batch=16 << 20)
#: Below this many bytes in all, starting processes takes longer than reading.
_WORTH_PROCESSES = (24 if installed() else 8) << 20
#: Stretches that are unpacked before they are read.
_AHEAD = 8
#: Files of so many bytes are read into packs, so many at a time, where there are enough of them: what each would cost by
#: itself, its parts and their way to the disk, is then as good as nothing.
_SMALL = 64 << 10
_AT_ONCE = 64
_CHUNK = 1 << 20


@dataclass(slots=True)
class Summary:
    """What a run took in.

    Attributes:
        files: Files that were given.
        new: Files whose content was not there before.
        skipped: Files whose content was there already.
        measurements: Measurements read from the new files.
        signals: Signal rows read from them.
        set_aside: Lines and parts of them that were set aside.
        bytes: Bytes of the new files, as they came.
        reasons: Reason for setting aside to how often it occurred, most frequent first.
    """

    files: int = 0
    new: int = 0
    skipped: int = 0
    measurements: int = 0
    signals: int = 0
    set_aside: int = 0
    bytes: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


def take_in(
    inputs: Sequence[Path],
    layout: Layout,
    *,
    workers: int,
    fingerprints: Matcher | None,
    as_of: datetime,
    progress: Progress | None = None,
    wanted: Callable[[Path], bool] | None = None,
    elsewhere: Elsewhere | None = None,
    listed: Sequence[Given] = (),
) -> Summary:
    """Takes files and folders in; what was taken in before is passed over.

    Args:
        inputs: Files and folders.
        layout: The workspace.
        workers: Processes that read; the tables do not depend on it.
        fingerprints: What finds block pages; with several workers it is pickled to each.
        as_of: No measurement can be later than this.
        progress: What is told of the progress.
        wanted: Says of each file whether it is looked at; every one where not given.
        elsewhere: Machines that read the files in place of processes here.
        listed: More files, which they reach by their addresses.

    Raises:
        WallwatchError: An input is missing, or something cannot be read or written.
    """
    progress = progress or Silent()
    files = [*given_files(inputs, layout.root, wanted), *listed]
    summary = Summary(files=len(files))
    _sweep(layout)
    progress.stage("hashing", len(files))
    found: dict[str, list[Given]] = {}
    # Hashing lets other threads run.
    with ThreadPoolExecutor(workers) as threads:
        hashes: Iterable[str] = (
            elsewhere.hashes([file.place for file in files])
            if elsewhere
            else threads.map(hash_of, [file.path for file in files])
        )
        for file, hashed in zip(files, hashes, strict=True):
            found.setdefault(hashed, []).append(file)
            progress.advance()
    new: list[Task] = []
    there = set(layout.taken_in())
    more: dict[str, list[str]] = {}
    for hashed, copies in sorted(found.items()):
        names = sorted({copy.name for copy in copies})
        if hashed[:ID] in there:
            summary.skipped += len(copies)
            more[hashed[:ID]] = names
        else:
            summary.new += 1
            summary.skipped += len(copies) - 1
            summary.bytes += copies[0].size
            new.append(Task(str(layout.root), copies[0].place, hashed, tuple(names), copies[0].size, as_of))
    _add_names(layout, more)
    progress.stage("taking in", len(new))
    try:
        if elsewhere is None:
            _run(new, workers, fingerprints, summary, progress)
        elif new:
            for done in elsewhere.take(new, fingerprints):
                _count(summary, done, progress)
            _sweep(layout)
        if new or more:
            pack(layout)
    except BrokenProcessPool as error:
        raise WallwatchError(
            "reading processes were killed again and again, perhaps for want of memory; what was taken in stays: "
            "run again, with fewer workers",
            status=1,
        ) from error
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise WallwatchError(
                f"no space left for {layout.root}; what was taken in stays: make room and run again", status=1
            ) from error
        raise WallwatchError(
            f"{error.filename or layout.root}: {error.strerror or error}", status=1
        ) from error
    summary.reasons = dict(sorted(summary.reasons.items(), key=lambda item: (-item[1], item[0])))
    return summary


def read_again(
    ids: Sequence[str],
    layout: Layout,
    *,
    workers: int,
    fingerprints: Matcher | None,
    as_of: datetime,
    progress: Progress | None = None,
) -> Summary:
    """Reads files again that were taken in before, from the bytes that were kept; what they gave is replaced.

    Args:
        ids: Their ids.
        layout: The workspace.
        workers: Processes that read; the tables do not depend on it.
        fingerprints: What finds block pages.
        as_of: No measurement can be later than this.
        progress: What is told of the progress.

    Raises:
        WallwatchError: The bytes of a file are gone or are not what they were, or something cannot be written.
    """
    progress = progress or Silent()
    summary = Summary(files=len(ids))
    tasks = []
    for _, found in sorted(rows_of_files(layout, ids).items()):
        rows = found.to_pylist()
        stated = rows[0]["sha256"]
        raw = layout.raw(stated)
        if not raw.exists() or hash_of(raw) != stated:
            raise WallwatchError(
                f"{raw}: the bytes of {rows[0]['path']} are not there as they were taken in; take the file in anew",
                status=1,
            )
        names = tuple(sorted(row["path"] for row in rows))
        tasks.append(Task(str(layout.root), str(raw), stated, names, rows[0]["size"], as_of))
        summary.bytes += rows[0]["size"]
    unpack(layout, ids)
    progress.stage("reading again", len(tasks))
    try:
        _run(tasks, workers, fingerprints, summary, progress)
        pack(layout)
    except (OSError, BrokenProcessPool) as error:
        raise WallwatchError(f"{layout.root}: {error}; run again to complete it", status=1) from error
    return summary


@dataclass(frozen=True, slots=True)
class Task:
    """One file to take in.

    Attributes:
        root: The workspace's folder.
        path: Where the file lies.
        sha256: Its hash.
        names: What it is called.
        size: In bytes.
        as_of: No measurement can be later than this.
    """

    root: str
    path: str
    sha256: str
    names: tuple[str, ...]
    size: int
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What a file held: rows of its tables, and the reasons for setting lines aside, with how often each occurred."""

    measurements: int
    signals: int
    set_aside: int
    reasons: dict[str, int]


class Elsewhere(Protocol):
    """Machines that reach the files and the workspace."""

    def hashes(self, places: Sequence[str]) -> Iterable[str]:
        """What `hash_of` gives for each file."""
        ...

    def take(self, tasks: Sequence[Task], fingerprints: Matcher | None) -> Iterable[Done]:
        """What `take_file` gives for each task, in any order."""
        ...


def _run(
    tasks: Sequence[Task],
    workers: int,
    fingerprints: Matcher | None,
    summary: Summary,
    progress: Progress,
) -> None:
    little = [task for task in tasks if task.size <= _SMALL]
    if len(little) < packs.MANY:
        little = []
    # Few at a time where there are few, so that no worker waits long for the last one.
    size = min(_AT_ONCE, 1 + len(little) // (4 * workers))
    groups = [tuple(little[start : start + size]) for start in range(0, len(little), size)]
    others = [task for task in tasks if not groups or task.size > _SMALL]
    if workers <= 1 or sum(task.size for task in tasks) < _WORTH_PROCESSES:
        for group in groups:
            _count_group(summary, _take_group(group, fingerprints), group, progress)
        for task in others:
            _count(summary, take_file(task, fingerprints, threads=workers > 1), progress)
        return
    # What is more than half of a worker's share would be waited for: such a file is read on all cores.
    share = sum(task.size for task in others) / workers
    large = [task for task in others if task.size > max(share / 2, _WORTH_PROCESSES)]
    # The longest first, so that none waits long for the last one.
    small = sorted((task for task in others if task not in large), key=lambda task: -task.size)
    if installed() and workers == 2:
        # Two threads read a file as fast as two processes would that get its lines from a third.
        for task in large:
            _count(summary, take_file(task, fingerprints, threads=True), progress)
        large = []
    if not (groups or small or large):
        return
    # Files that need nothing of each other this process reads as well as the others do.
    alone = not groups and not large
    with Workers(workers - alone, _start_worker, fingerprints) as pool:
        calls = ((group,) for group in groups)
        for group, taken in zip(groups, pool.ordered(_take_group_in_worker, calls, 2 * workers), strict=True):
            _count_group(summary, taken, group, progress)
        each = [(task,) for task in small]
        for done in (
            pool.shared(_take_file_in_worker, each, partial(take_file, fingerprints=fingerprints))
            if alone
            else pool.ordered(_take_file_in_worker, each, len(each) or 1)
        ):
            _count(summary, done, progress)
        for task in large:
            together = _Together(pool, workers * 2, task.as_of)
            _count(summary, take_file(task, fingerprints, together), progress)
        if pool.restarts:
            _sweep(Layout(Path(tasks[0].root)))


def _count_group(
    summary: Summary, taken: tuple[str, dict[str, str], list[Done]], group: Sequence[Task], progress: Progress
) -> None:
    """Puts the pack of a group on the list, with which its files are taken in."""
    name, hours, done = taken
    packs.enlist(Layout(Path(group[0].root)), name, hours)
    for one in done:
        _count(summary, one, progress)


def _sweep(layout: Layout) -> None:
    """Removes what killed processes left."""
    for folder in (
        layout.root / "raw",
        *(layout.root / "raw").glob("??"),
        *(layout.root / "tables").glob("*"),
    ):
        sweep(folder)


def _count(summary: Summary, done: Done, progress: Progress) -> None:
    summary.measurements += done.measurements
    summary.signals += done.signals
    summary.set_aside += done.set_aside
    for reason, times in done.reasons.items():
        summary.reasons[reason] = summary.reasons.get(reason, 0) + times
    progress.advance()


class _Together:
    """Reads the portions of one file with all workers, a bounded number at a time, results in order."""

    def __init__(self, pool: Workers, ahead: int, as_of: datetime) -> None:
        self._pool, self._ahead, self._as_of = pool, ahead, as_of
        self._free: list[Room] = []
        self._taken: deque[Room] = deque()

    def __call__(self, portions: Iterator[Iterator[Stretch]], file_id: str) -> Iterator[Batch]:
        try:
            calls = ((*self._put(tuple(portion)), file_id, self._as_of) for portion in portions)
            for found, size in self._pool.ordered(_read_portion_in_worker, calls, self._ahead):
                room = self._taken.popleft()
                batch = found if isinstance(found, Batch) else Batch(room.taken(found), size)
                self._free.append(room)
                yield batch
        finally:
            for room in (*self._free, *self._taken):
                room.close()

    def _put(self, portion: tuple[Stretch, ...]) -> tuple[Key, int, list[Place]]:
        """Puts a portion's lines where a worker finds them."""
        needed = sum(stretch.size for stretch in portion)
        room = self._free.pop() if self._free else None
        if room is None or room.lines < needed:
            if room is not None:
                room.close()
            lines = max(needed, _TOGETHER.batch + _TOGETHER.stretch)
            room = Room(lines, 2 * lines)
        self._taken.append(room)
        return room.key, room.lines, room.fill(portion)


_worker_fingerprints: Matcher | None = None
_worker_readers: dict[datetime, OONIReader] = {}
_worker_rooms: dict[str, Opened] = {}


def _start_worker(fingerprints: Matcher | None) -> None:
    global _worker_fingerprints  # noqa: PLW0603 - a process pool has no other place for what a worker keeps
    _worker_fingerprints = fingerprints
    pa.set_cpu_count(1)
    sys.meta_path.insert(0, WithoutPandas())


def _take_group_in_worker(tasks: Sequence[Task]) -> tuple[str, dict[str, str], list[Done]]:
    return _take_group(tasks, _worker_fingerprints)


def _take_file_in_worker(task: Task) -> Done:
    return take_file(task, _worker_fingerprints, None)


def _read_portion_in_worker(
    key: Key, lines: int, places: Sequence[Place], file_id: str, as_of: datetime
) -> tuple[Batch | list[Result], int]:
    """Reads a portion; where its tables lie in the room, or they themselves where there is not room for them."""
    reader = _worker_readers.get(as_of)
    if reader is None:
        reader = _worker_readers[as_of] = OONIReader(as_of, _worker_fingerprints)
    room = _worker_rooms.get(key.name)
    if room is None or room.key != key:
        if room is not None:
            room.close()
        room = _worker_rooms[key.name] = Opened(key)
    batch = read_portion(reader, (Placed(place, room.memory) for place in places), file_id)
    found = room.put(batch.tables, lines)
    return (batch if found is None else found), batch.bytes_read


def take_file(
    task: Task,
    fingerprints: Matcher | None,
    together: ReadPortions | None = None,
    *,
    threads: bool = False,
) -> Done:
    """Keeps one file's bytes, reads them and writes its tables; the row of `files` last.

    Done again, it gives the same bytes.

    Args:
        task: The file.
        fingerprints: What finds block pages.
        together: Reads its portions, where several processes do.
        threads: Whether threads unpack and write beside this one, which reads.

    Raises:
        WallwatchError: The file changed meanwhile.
        OSError: Something cannot be read or written.
    """
    layout = Layout(Path(task.root))
    file_id = task.sha256[:ID]
    _keep(Path(task.path), layout.raw(task.sha256), task.sha256)
    reasons: dict[str, int] = {}
    with ExitStack() as stack:
        behind = stack.enter_context(Behind()) if threads else None
        parts = stack.enter_context(parts_of(layout, file_id, behind))
        kind, batches = read_file(
            layout.raw(task.sha256),
            file_id,
            as_of=task.as_of,
            matcher=fingerprints,
            limits=_TOGETHER if together is not None else None,
            read_portions=together,
            hand_on=partial(ahead, most=_AHEAD) if threads else iter,
        )
        for batch in batches:
            parts.add(batch)
            _add_reasons(reasons, batch)
    counts = {name: parts.rows(name) for name in ("measurements", "signals", "quarantine")}
    write_files_row(layout, _files_rows(task, kind, counts))
    return _done(counts, reasons)


def _take_group(
    tasks: Sequence[Task], fingerprints: Matcher | None
) -> tuple[str, dict[str, str], list[Done]]:
    """Keeps the bytes of small files, reads them, and writes their tables into one pack; its name, and what it holds.

    They are taken in when the pack is put on the list. Done again, it gives the same bytes.
    """
    layout = Layout(Path(tasks[0].root))
    by_id = {task.sha256[:ID]: task for task in tasks}
    kept: list[Path] = []
    done: list[Done] = []
    reasons: dict[str, int] = {}

    def files() -> Iterator[tuple[Path, str]]:
        for id_, task in by_id.items():
            raw = layout.raw(task.sha256)
            _keep(Path(task.path), raw, task.sha256, kept)
            yield raw, id_

    with packs.filling(layout, list(by_id)) as filling:
        for ended, batch in read_small_files(files(), as_of=tasks[0].as_of, matcher=fingerprints):
            for name, rows in batch.tables.items():
                filling.add(name, rows)
            _add_reasons(reasons, batch)
            for id_, kind in ended:
                filling.add("files", _files_rows(by_id[id_], kind, filling.counts[id_]))
                # The reasons are those of all files of the group.
                done.append(_done(filling.counts[id_], {} if done else reasons))
        sync_all(kept)
    return filling.name, filling.hours(), done


def _files_rows(task: Task, kind: str, counts: Mapping[str, int]) -> pa.Table:
    """A file's rows of `files`, one for each of its names."""
    size = len(task.names)
    return FILES.from_columns(
        {
            "file_id": [task.sha256[:ID]] * size,
            "sha256": [task.sha256] * size,
            "path": list(task.names),
            "size": [task.size] * size,
            "kind": [kind] * size,
            "measurements": [counts.get("measurements", 0)] * size,
            "signals": [counts.get("signals", 0)] * size,
            "set_aside": [counts.get("quarantine", 0)] * size,
        },
        size,
    )


def _done(counts: Mapping[str, int], reasons: dict[str, int]) -> Done:
    return Done(counts.get("measurements", 0), counts.get("signals", 0), counts.get("quarantine", 0), reasons)


def _add_reasons(reasons: dict[str, int], batch: Batch) -> None:
    """Counts the reasons of a batch's quarantine rows, without what differs from line to line."""
    rows = batch.tables.get("quarantine")
    for text in [] if rows is None else rows["reason"].to_pylist():
        reason = text.partition(":")[0]
        reasons[reason] = reasons.get(reason, 0) + 1


def hash_of(path: Path) -> str:
    """The hash of a file's content, in hexadecimal digits.

    Raises:
        WallwatchError: It cannot be read.
    """
    try:
        return sha256_of(path)
    except OSError as error:
        raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error


def _keep(source: Path, raw: Path, sha256: str, later: list[Path] | None = None) -> None:
    """Copies a file to its place, unless it is there with the same content; see `atomic_path` for `later`."""
    if raw.exists() and hash_of(raw) == sha256:
        return
    digest = hashlib.sha256()
    with source.open("rb") as given, atomic_path(raw, later) as temporary:
        with temporary.open("wb") as kept:
            while chunk := given.read(_CHUNK):
                digest.update(chunk)
                kept.write(chunk)
        if digest.hexdigest() != sha256:
            raise WallwatchError(
                f"{source} changed while it was read; run again when it is complete", status=1
            )


def _add_names(layout: Layout, names: Mapping[str, Sequence[str]]) -> None:
    """Adds names under which files came again, by their ids."""
    known = rows_of_files(layout, names)
    fresh = {id_: sorted(set(names[id_]) - set(rows["path"].to_pylist())) for id_, rows in known.items()}
    unpack(layout, (id_ for id_, added in fresh.items() if added))
    for id_, added in fresh.items():
        if added:
            rows = known[id_].to_pylist()
            write_files_row(layout, FILES.from_rows([*rows, *({**rows[0], "path": name} for name in added)]))
