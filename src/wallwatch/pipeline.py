"""The stages one after the other over a workspace: take in, judge, count, detect."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from wallwatch import archive, detect, history, judge, refs, routes
from wallwatch._progress import Progress, Silent
from wallwatch._shares import in_shares
from wallwatch._text import safe_text
from wallwatch.archive import Summary, packs
from wallwatch.archive.remote import Remote
from wallwatch.engine import Workspace, by_day, views, write_parts, write_rows
from wallwatch.report import facts
from wallwatch.schema import TABLES
from wallwatch.schema.layout import HISTORY
from wallwatch.show import Filters, iso, records
from wallwatch.sources.fingerprints import Fingerprints

if TYPE_CHECKING:
    from wallwatch.cluster import Cluster


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Verdicts whose cells are counted at once: those of a larger day in pieces, and not side by side.
_VERDICTS_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a run did.

    Attributes:
        taken_in: What the archive took in, skipped and set aside.
        rows: Derived table to its number of rows; only what was made anew.
        repeated: Copies of measurements in other files, left out of all counts.
        revisions: States of events and outages that were published anew.
    """

    taken_in: Summary
    rows: dict[str, int] = field(default_factory=dict)
    repeated: int = 0
    revisions: int = 0


def run(
    inputs: Sequence[Path],
    root: Path,
    *,
    as_of: datetime,
    published: datetime | None = None,
    workers: int | None = None,
    fingerprints: Sequence[Path] = (),
    mmdb: Path | None = None,
    progress: Progress | None = None,
    wanted: Callable[[Path], bool] | None = None,
    cluster: Cluster | None = None,
    listed: Sequence[archive.Given] = (),
) -> RunSummary:
    """Takes files in and brings every later table up to date.

    Args:
        inputs: Files and folders; their kinds are recognised by content.
        root: The workspace, made where there is none.
        as_of: Measurements that start after it are flagged as from the future.
        published: The time that is put on new states of events and outages; `as_of` where not given.
        workers: Processes that read; the machine's cores where not given. The tables do not depend on it.
        fingerprints: Files of block-page fingerprints in the community format, used beside the packaged ones.
        mmdb: A database of the networks of addresses (MMDB), used where a probe reported none, and kept.
        progress: Hears how far it is.
        wanted: Says of each file whether it is looked at; every one where not given.
        cluster: A Spark cluster that reads, judges, counts and detects in place of this machine; it reaches inputs and
            workspace by the same paths. The tables' rows do not depend on it.
        listed: Files in object storage, which the cluster reads there.

    Raises:
        WallwatchError: The workspace cannot be used, or an input does not exist.
    """
    progress = progress or Silent()
    workspace = Workspace.create(root)
    with workspace.lock():
        refs.keep(workspace.layout, fingerprints)
        if mmdb is not None:
            refs.keep_networks(workspace.layout, mmdb)
        known = refs.load(workspace.layout)
        before = set(workspace.layout.taken_in())
        taken_in = archive.take_in(
            inputs,
            workspace.layout,
            workers=workers or os.cpu_count() or 1,
            fingerprints=known,
            as_of=as_of,
            progress=progress,
            wanted=wanted,
            elsewhere=cluster,
            listed=listed,
        )
        refs.note_matched(workspace.layout, set(workspace.layout.taken_in()) - before, known.version)
        return bring_up_to_date(workspace, taken_in, known, progress, published or as_of, cluster)


def bring_up_to_date(
    workspace: Workspace,
    taken_in: Summary,
    known: Fingerprints,
    progress: Progress,
    published: datetime,
    cluster: Cluster | None = None,
) -> RunSummary:
    """Makes every derived table anew whose inputs, rules or code have changed since it was made, and publishes.

    A run that was killed after it had made the tables left nothing published: the next one publishes what they say.
    """
    rows: dict[str, int] = {}
    references = refs.references(workspace.layout, known)
    con = workspace.connect()
    try:
        wanted = stages(workspace, con, known)
        if workspace.stage("verdicts") != wanted["verdicts"]:
            if workspace.find_repeated():
                workspace.refresh(con, "measurements", "observations", "controls")
            progress.stage("Judging")
            rows["verdicts"] = judge_workspace(workspace, con, known, wanted["verdicts"], cluster)
            workspace.refresh(con, "verdicts")
        if workspace.stage("cells") != wanted["cells"]:
            progress.stage("Counting by hour")
            rows["cells"] = count_cells(workspace, con, wanted["cells"], cluster)
            workspace.refresh(con, "cells")
        if any(workspace.stage(name) != wanted[name] for name in ("events", "doubts")):
            progress.stage("Looking for restrictions")
            events, doubts = find_events(workspace, con, cluster)
            rows["doubts"] = workspace.replace("doubts", doubts, wanted["doubts"])
            rows["events"] = workspace.replace("events", events, wanted["events"])
        if workspace.stage("outages") != wanted["outages"]:
            progress.stage("Looking for outages")
            rows["outages"] = workspace.replace("outages", detect.outages(con), wanted["outages"])
        workspace.refresh(con, "events", "doubts", "outages")
        basis = history.Basis(
            tuple(workspace.layout.taken_in()),
            judge.RULE_SET,
            references.version,
            program(),
        )
        revisions = history.publish(con, workspace.layout, findings(con), basis, published)
        if workspace.stage("routes") != wanted["routes"]:
            progress.stage("Looking for what still works")
            rows["routes"] = workspace.replace("routes", routes.routes(con), wanted["routes"])
        workspace.refresh(con, "routes")
        if not facts.are_stored(con):
            progress.stage("Summing up")
            facts.store(workspace, con)
    finally:
        con.close()
    return RunSummary(taken_in, rows, workspace.repeated(), revisions)


def judge_workspace(
    workspace: Workspace,
    con: duckdb.DuckDBPyConnection,
    known: Fingerprints,
    stage: str,
    cluster: Cluster | None = None,
) -> int:
    """Judges what can have changed since the verdicts were made, and replaces them; the number of their rows.

    Args:
        workspace: The workspace; copies of its measurements are found already.
        con: Its views.
        known: The fingerprints.
        stage: What the verdicts are made from; see `stages`.
        cluster: Judges in place of this machine.
    """
    references = refs.references(workspace.layout, known)
    searched, repeated = refs.matched(workspace.layout), workspace.repeated_of_files()
    folder = workspace.layout.table("verdicts")
    held: dict[str, list[tuple[str, str]]] = {}
    for id_, (day, part) in packs.days(workspace.layout, _with_rows(con, "measurements")).items():
        held.setdefault(day, []).append((id_, part))
    days = {
        day: judge.Day(
            tuple(id_ for id_, _ in files),
            tuple(sorted({part for _, part in files})),
            _digest(*(f"{id_} {searched.get(id_, '')} {repeated.get(id_, '')}" for id_, _ in files)),
        )
        for day, files in held.items()
    }

    def write(into: Path) -> int:
        with cluster.judges(workspace, references.version) if cluster else nullcontext() as elsewhere:
            return judge.judge_days(
                con,
                references,
                workspace.source(con),
                days,
                folder,
                into,
                _write_verdicts,
                version=_judged_by(references),
                elsewhere=elsewhere,
            )

    return workspace.replace_by("verdicts", write, stage)


def _write_verdicts(path: Path, pieces: Iterable[pa.Table]) -> int:
    return write_rows(path, TABLES["verdicts"], pieces)


def count_cells(
    workspace: Workspace, con: duckdb.DuckDBPyConnection, stage: str, cluster: Cluster | None = None
) -> int:
    """Counts the cells of days whose verdicts have changed, and replaces them; the number of their rows.

    Args:
        workspace: The workspace.
        con: Its views.
        stage: What the cells are made from; see `stages`.
        cluster: Counts in place of this machine.
    """
    folder = workspace.layout.table("verdicts")
    judged = judge.judged_days(folder)
    if not judged:  # they were made in another way
        return workspace.replace("cells", detect.cells(con), stage)
    on: dict[int, list[str]] = {}
    for name, one in judged.items():
        for day in one.days:
            on.setdefault(day, []).append(name)
    days = {(_EPOCH + timedelta(day)).strftime("%Y-%m-%d"): (day, sorted(on[day])) for day in sorted(on)}
    code = (_source("detect"), _source("engine"))
    keys = {
        name: _digest(*code, *(f"{part} {judged[part].digest}" for part in parts))
        for name, (_, parts) in days.items()
    }

    def make(names: list[str], into: Path) -> dict[str, int]:
        sizes = ((name, sum(judged[part].rows for part in days[name][1])) for name in names)
        tasks = []
        for share in in_shares(sizes, _VERDICTS_AT_ONCE):
            parts = sorted({part for name in share for part in days[name][1]})
            of = tuple(days[name][0] for name in share)
            tasks.append((of, tuple(folder / f"{part}.parquet" for part in parts)))
        if cluster:
            return cluster.write(workspace, _write_cells, tasks, into)
        made: dict[str, int] = {}
        for task in tasks:
            made |= _write_cells(con, *task, into)
        return made

    return workspace.replace_parts("cells", keys, make, stage)


def _write_cells(
    con: duckdb.DuckDBPyConnection, days: Sequence[int], files: Sequence[Path], into: Path
) -> dict[str, int]:
    """Writes the cells of some days, from the files of verdicts that have any on them; the number of rows of each day."""
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW verdicts AS SELECT * FROM ({views.select(TABLES['verdicts'], files)}) "
        f"WHERE CAST(floor(epoch(time) / 86400) AS BIGINT) IN ({', '.join(map(str, days))})"
    )
    try:
        return write_parts(into, TABLES["cells"], by_day(detect.cells(con), TABLES["cells"], "hour"))
    finally:
        con.execute("DROP VIEW temp.verdicts")


def find_events(
    workspace: Workspace, con: duckdb.DuckDBPyConnection, cluster: Cluster | None = None
) -> tuple[pa.Table, pa.Table]:
    """The rows of `events` and of `doubts`.

    Args:
        workspace: The workspace.
        con: Its views.
        cluster: Looks at countries in place of this machine.
    """
    with cluster.countries(workspace) if cluster else nullcontext() as hands:
        return detect.events_and_doubts(con, hands=hands)


def _judged_by(references: judge.References) -> str:
    """A digest of what all verdicts are made by."""
    return _digest(
        judge.RULE_SET, references.version, _source("judge"), _source("engine"), duckdb.__version__
    )


def _with_rows(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The ids of the files that gave rows of a table; no other file can change what is made of it."""
    return [
        row[0]
        for row in con.sql(f"SELECT DISTINCT file_id FROM files WHERE {table} > 0 ORDER BY ALL").fetchall()
    ]


def stages(workspace: Workspace, con: duckdb.DuckDBPyConnection, known: Fingerprints) -> dict[str, str]:
    """Derived table to what it is to be made from, as a digest: the files, the rules and the code."""
    references = refs.references(workspace.layout, known)
    searched = refs.matched(workspace.layout)
    read = _digest(*(f"{id_} {searched.get(id_, '')}" for id_ in _with_rows(con, "measurements")))
    verdicts = _digest(read, _judged_by(references))
    cells = _digest(verdicts, _source("detect"), _source("engine"))
    return {
        "verdicts": verdicts,
        "cells": cells,
        "events": cells,
        "doubts": cells,
        "outages": _digest(cells, *_with_rows(con, "signals")),
        "routes": _digest(verdicts, _source("routes"), _source("engine")),
    }


def program() -> str:
    """A digest of the code that judges and detects: findings of another one may differ."""
    return _digest(_source("judge"), _source("detect"), _source("engine"))


def findings(con: duckdb.DuckDBPyConnection) -> list[history.Finding]:
    """Every event and outage of the tables, in the shape in which it is shown."""
    return [
        history.Finding(what, record[f"{what}_id"], record)
        for what in ("event", "outage")
        for record in records(con, f"{what}s", Filters())
    ]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _source(room: str) -> str:
    """A digest of a room's code: a changed detector must not leave its old findings standing."""
    found = hashlib.sha256()

    def walk(folder: Traversable) -> None:
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.is_dir():
                walk(entry)
            elif not entry.name.endswith(".pyc"):
                found.update(entry.name.encode() + b"\0" + entry.read_bytes())

    walk(files(f"wallwatch.{room}"))
    return found.hexdigest()


def local_inputs(inputs: Sequence[str], root: Path, progress: Progress) -> list[Path]:
    """The inputs as paths: what an address names is downloaded into the workspace first.

    Args:
        inputs: Paths, or `s3://` and `https://` addresses.
        root: The workspace; downloads are kept in its folder `downloads`, and not made twice.
        progress: Hears how far it is.

    Raises:
        WallwatchError: An address cannot be read.
    """
    from wallwatch.archive import fetch

    paths: list[Path] = []
    for given in inputs:
        if fetch.is_address(given):
            workspace = Workspace.create(root)
            paths.extend(fetch.download_inputs(given, workspace.layout.root / "downloads", progress=progress))
        else:
            paths.append(Path(given))
    return paths


def told_apart(
    inputs: Sequence[str], root: Path, progress: Progress, *, on_cluster: bool
) -> tuple[list[Path], list[archive.Given]]:
    """The inputs as paths, and those that a cluster reads where they lie: in object storage.

    Args:
        inputs: Paths, or `s3://` and `https://` addresses.
        root: The workspace; what has to be downloaded is kept in its folder `downloads`.
        progress: Hears how far it is.
        on_cluster: Whether a cluster reads.

    Raises:
        WallwatchError: An address cannot be read.
    """
    far = [given for given in inputs if on_cluster and given.startswith(("s3://", "s3a://"))]
    near = [given for given in inputs if given not in far]
    return local_inputs(near, root, progress), [file for given in far for file in Remote(given).files()]


@contextmanager
def kept_in(remote: Remote | None, root: Path, progress: Progress) -> Iterator[None]:
    """Brings a workspace from object storage, and puts it back when the block ends well.

    Args:
        remote: Where it lies; nothing is done where not given.
        root: The folder to which it is brought.
        progress: Hears how far it is.

    Raises:
        WallwatchError: Something cannot be read or written.
    """
    if remote is not None:
        remote.pull(root, progress)
    yield
    if remote is not None:
        remote.push(root)


def describe(summary: RunSummary, root: Path) -> dict[str, Any]:
    """A run as a record: what was taken in, what the workspace holds now."""
    taken = summary.taken_in
    with Workspace.open(root).connect() as con:
        holds = {
            name: con.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0]
            for name in TABLES
            if name not in ("files", "quarantine", *HISTORY)
        }
        holds["countries"], holds["networks"], first, last = con.sql(
            "SELECT count(DISTINCT country), count(DISTINCT (country, network)) FILTER (network IS NOT NULL), "
            "min(time) FILTER (time_flag IS NULL), max(time) FILTER (time_flag IS NULL) FROM measurements"
        ).fetchall()[0]
    return {
        "files": taken.files,
        "new": taken.new,
        "skipped": taken.skipped,
        "set_aside": taken.set_aside,
        "reasons": taken.reasons,
        "repeated": summary.repeated,
        "made": summary.rows,
        "revisions": summary.revisions,
        "holds": holds,
        "first": iso(first),
        "last": iso(last),
    }


def in_words(record: dict[str, Any]) -> list[str]:
    """The record of `describe` in lines for people."""
    holds = record["holds"]
    before = f", {record['skipped']:,} already there" if record["skipped"] else ""
    lines = [f"{_many(record['files'], 'file')}: {record['new']:,} new{before}"]
    if record["set_aside"]:
        lines.append(f"set aside: {record['set_aside']:,} (see: wallwatch show quarantine)")
        lines += [
            f"  {count:,} × {safe_text(reason, 120)}" for reason, count in list(record["reasons"].items())[:5]
        ]
    if record["repeated"]:
        lines.append(f"copies of measurements in other files, counted once: {record['repeated']:,}")
    if holds["measurements"]:
        span = f", {record['first'][:10]} to {record['last'][:10]}" if record["first"] else ""
        lines.append(
            f"{_many(holds['measurements'], 'measurement')} from {_many(holds['networks'], 'network')} in "
            f"{_many(holds['countries'], 'country', 'countries')}{span}"
        )
        lines.append(
            f"{_many(holds['observations'], 'observation')}, {_many(holds['verdicts'], 'verdict')}, "
            f"{_many(holds['cells'], 'hourly cell')}"
        )
    if holds["signals"]:
        lines.append(_many(holds["signals"], "value of signals", "values of signals"))
    if holds["statements"]:
        lines.append(_many(holds["statements"], "statement"))
    lines.append(f"found: {_many(holds['events'], 'event')}, {_many(holds['outages'], 'outage')}")
    return lines


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
