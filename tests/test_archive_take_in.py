"""Taking in: once, atomically, and always the same bytes."""

from __future__ import annotations

import errno
import gc
import gzip
import hashlib
import json
import multiprocessing
import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures.process import BrokenProcessPool
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import workers_for_tests
from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_path
from wallwatch.archive import Summary, parts, take_in
from wallwatch.archive import take_in as take_in_function
from wallwatch.archive.shared import Opened, Placed, Room
from wallwatch.archive.threads import ahead
from wallwatch.archive.workers import Workers
from wallwatch.bench import corpus
from wallwatch.schema.layout import PER_FILE, Layout
from wallwatch.sources.fingerprints import Fingerprints
from wallwatch.sources.stretch import Limits, Line, Stretch

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
module = __import__(take_in_function.__module__, fromlist=["_"])


def measurement(number: int, **changes: Any) -> bytes:
    record = {
        "test_name": "web_connectivity",
        "input": f"https://site{number}.example/",
        "probe_cc": "XW",
        "probe_asn": "AS64500",
        "report_id": "r",
        "measurement_start_time": "2024-01-01 00:00:00",
        "test_keys": {"queries": [{"hostname": f"site{number}.example", "failure": "dns_nxdomain_error"}]},
    }
    return json.dumps({**record, **changes}).encode()


def fill(folder: Path) -> Path:
    """A folder as the bucket has it, with one bad line."""
    hour = folder / "raw" / "20240101" / "00" / "XW" / "webconnectivity"
    hour.mkdir(parents=True)
    (hour / "a.jsonl.gz").write_bytes(gzip.compress(b"\n".join(measurement(n) for n in range(20)), mtime=0))
    (hour / "b.jsonl").write_bytes(b"\n".join([measurement(30), b"{broken", measurement(31)]) + b"\n")
    (folder / "notes.txt").write_text("nothing that is known\n")
    (folder / ".hidden").write_text("left alone\n")
    return folder


def go(inputs: list[Path], root: Path, workers: int = 1) -> Summary:
    return take_in(inputs, Layout(root), workers=workers, fingerprints=Fingerprints.builtin(), as_of=AS_OF)


def tables(root: Path) -> dict[str, str]:
    """Path below the workspace to hash, of all files that it holds."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def rows(root: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a table, in parts of one file or in packs, in the order of their files and lines."""
    found = [row for part in Layout(root).parts(name) for row in pq.read_table(part).to_pylist()]
    return sorted(found, key=lambda row: (row["file_id"], row.get("line", 0)))


def files(root: Path) -> list[dict[str, Any]]:
    return sorted(rows(root, "files"), key=lambda row: row["path"])


def test_a_folder_is_taken_in_with_its_bad_lines_set_aside(tmp_path: Path) -> None:
    """X1: place and reason of each."""
    summary = go([fill(tmp_path / "in")], tmp_path / "w")
    assert (summary.files, summary.new, summary.skipped) == (3, 3, 0)
    assert (summary.measurements, summary.set_aside) == (22, 2)
    assert summary.reasons == {"no reader knows this content": 1, "not valid JSON": 1}
    names = {row["path"]: row for row in files(tmp_path / "w")}
    assert set(names) == {
        "notes.txt",
        "raw/20240101/00/XW/webconnectivity/a.jsonl.gz",
        "raw/20240101/00/XW/webconnectivity/b.jsonl",
    }
    b = names["raw/20240101/00/XW/webconnectivity/b.jsonl"]
    assert (b["kind"], b["measurements"], b["set_aside"]) == ("ooni", 2, 1)
    aside = [row for row in rows(tmp_path / "w", "quarantine") if row["file_id"] == b["file_id"]]
    assert [(row["line"], row["byte_offset"], row["excerpt"]) for row in aside] == [
        (2, len(measurement(30)) + 1, "{broken")
    ]


@pytest.mark.parametrize("native", ["0", "1"])
def test_a_text_repeated_in_thousands_of_rows_ends_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: str
) -> None:
    """X1, X2: 1 MB of host name for each of 3,000 connects is more than a column of text can hold."""
    monkeypatch.setenv("WALLWATCH_NATIVE", native)
    connects = [{"ip": "192.0.2.1", "status": {}}] * 3_000
    hostile = measurement(1, input=f"https://{'a' * 1_000_000}.example/", test_keys={"tcp_connect": connects})
    path = tmp_path / "hostile.jsonl"
    path.write_bytes(b"\n".join([measurement(0), hostile, measurement(2)]))
    summary = go([path], tmp_path / "w")
    assert (summary.measurements, summary.set_aside) == (2, 1)
    assert summary.reasons == {"its rows would repeat far more text than it has": 1}
    assert [row["line"] for row in rows(tmp_path / "w", "quarantine")] == [2]


def test_raw_bytes_are_kept_as_they_came(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in")
    go([folder], tmp_path / "w")
    for row in files(tmp_path / "w"):
        kept = Layout(tmp_path / "w").raw(row["sha256"]).read_bytes()
        assert kept == (folder / row["path"]).read_bytes()
        assert hashlib.sha256(kept).hexdigest() == row["sha256"]


def test_a_second_run_takes_in_only_what_is_new(tmp_path: Path) -> None:
    """C14."""
    folder = fill(tmp_path / "in")
    go([folder], tmp_path / "w")
    before = tables(tmp_path / "w")
    held = {name: rows(tmp_path / "w", name) for name in PER_FILE}
    again = go([folder], tmp_path / "w")
    assert (again.new, again.skipped, again.measurements) == (0, 3, 0)
    assert tables(tmp_path / "w") == before
    (folder / "c.jsonl").write_bytes(measurement(50))
    third = go([folder], tmp_path / "w")
    assert (third.new, third.skipped, third.measurements) == (1, 3, 1)
    known = {row["file_id"] for row in held["files"]}
    for name, there in held.items():
        assert [row for row in rows(tmp_path / "w", name) if row["file_id"] in known] == there
    assert len(rows(tmp_path / "w", "measurements")) == 23


def test_the_same_file_under_two_names_is_read_once(tmp_path: Path) -> None:
    """C14: the second name is added, whether it comes together with the first or later."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("b.jsonl", "a.jsonl"):
        (folder / name).write_bytes(measurement(1))
    assert go([folder], tmp_path / "w").measurements == 1
    assert [row["path"] for row in files(tmp_path / "w")] == ["a.jsonl", "b.jsonl"]
    later = tmp_path / "c.jsonl"
    later.write_bytes(measurement(1))
    assert go([later], tmp_path / "w").measurements == 0
    assert [row["path"] for row in files(tmp_path / "w")] == ["a.jsonl", "b.jsonl", "c.jsonl"]


def test_any_order_pieces_and_workers_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C14: file by file, all at once, with one process or several, small files and large ones."""
    folder = fill(tmp_path / "in")
    corpus.write(folder / "large.jsonl.gz", 120, 8_000)
    every = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    monkeypatch.chdir(tmp_path)
    for path in reversed(every):
        go([path], tmp_path / "one")
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    go(every, tmp_path / "two", workers=2)
    go(every, tmp_path / "four", workers=3)
    go([every[1]], tmp_path / "three")
    go([*every, folder / "notes.txt"], tmp_path / "three")
    for other in ("two", "three", "four"):
        assert tables(tmp_path / other) == tables(tmp_path / "one")


class PowerFailure(BaseException):
    """Stands for `kill -9`: nothing catches it on purpose."""


@pytest.mark.parametrize("moment", range(8))
def test_a_run_that_dies_is_completed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """X6: whichever write is the last one, no file counts as taken in by half, and a rerun gives the same bytes."""
    folder = fill(tmp_path / "in")
    go([folder], tmp_path / "whole")
    calls = iter(range(100))

    def dies(path: Path, later: list[Path] | None = None) -> Any:
        if next(calls) == moment:
            # What a killed process leaves: a temporary file beside the place.
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / f".{path.name}.x1y2.tmp").write_bytes(b"half")
            raise PowerFailure
        return atomic_path(path, later)

    with monkeypatch.context() as patch:
        patch.setattr(module, "atomic_path", dies)
        patch.setattr(parts, "atomic_path", dies)
        with pytest.raises(PowerFailure):
            go([folder], tmp_path / "torn")
    layout = Layout(tmp_path / "torn")
    for row in files(tmp_path / "torn"):
        if row["measurements"]:
            assert pq.read_table(layout.part("measurements", row["file_id"])).num_rows == row["measurements"]
    go([folder], tmp_path / "torn")
    assert tables(tmp_path / "torn") == tables(tmp_path / "whole")


def test_a_reader_that_fails_in_the_middle_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X6."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(measurement(1))

    def fails(*args: Any, **options: Any) -> tuple[str, Iterator[Any]]:
        kind, batches = real(*args, **options)

        def some() -> Iterator[Any]:
            yield from batches
            raise PowerFailure

        return kind, some()

    real = module.read_file
    monkeypatch.setattr(module, "read_file", fails)
    with pytest.raises(PowerFailure):
        go([path], tmp_path / "w")
    assert [name for name in tables(tmp_path / "w") if name.startswith("tables")] == []
    assert files(tmp_path / "w") == []


def test_a_full_disk_is_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """X6."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(measurement(1))

    def full(*args: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "parts_of", full)
    with pytest.raises(WallwatchError, match="no space left"):
        go([path], tmp_path / "w")


def test_names_never_say_more_than_was_given(tmp_path: Path) -> None:
    """X9: no home folders in the tables."""
    folder = fill(tmp_path / "home" / "someone" / "in")
    go([folder, folder / "notes.txt"], tmp_path / "w")
    assert all("someone" not in row["path"] for row in files(tmp_path / "w"))


def test_the_workspace_is_never_its_own_input(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in")
    workspace = folder / "w"
    go([folder], workspace)
    before = tables(workspace)
    assert go([folder], workspace).files == 3
    assert tables(workspace) == before
    for own in (workspace, workspace / "raw", workspace / "tables" / "files"):
        with pytest.raises(WallwatchError, match="own"):
            go([own], workspace)


def test_an_input_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(WallwatchError, match="does not exist"):
        go([tmp_path / "nothing"], tmp_path / "w")


def test_the_shared_ooni_data_are_taken_in(shared_data: Path, tmp_path: Path) -> None:
    """X1: every file of real nettests is read or set aside, none lost, none crashing."""
    folder = shared_data / "ooni" / "nettests"
    summary = go([folder], tmp_path / "w")
    assert summary.files == len(list(folder.iterdir()))
    assert summary.measurements == summary.files
    assert summary.set_aside == 0


def test_a_worker_killed_in_mid_job_is_replaced_and_the_results_are_the_same(tmp_path: Path) -> None:
    """X6: by a person, or for want of memory; each process dies once."""
    with Workers(2, workers_for_tests.start, str(tmp_path)) as pool:
        found = list(pool.ordered(workers_for_tests.square, ((n,) for n in range(40)), 8))
    assert found == [n * n for n in range(40)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died-13", "died-5"]


def test_processes_that_are_killed_again_and_again_end_the_job(tmp_path: Path) -> None:
    with Workers(1, workers_for_tests.start, str(tmp_path)) as pool, pytest.raises(BrokenProcessPool):
        list(pool.ordered(workers_for_tests.die, [(1,)], 2))


def test_files_whose_reader_was_killed_are_read_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X6: the tables are byte for byte those of an undisturbed run."""
    folder = tmp_path / "in"
    folder.mkdir()
    for part in range(6):
        lines = [measurement(100 * part + n) for n in range(50)]
        (folder / f"{part}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    go([folder], tmp_path / "alone")
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    count, killed = module._count, []

    def kill_one(*arguments: Any) -> None:
        if not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()
        count(*arguments)

    monkeypatch.setattr(module, "_count", kill_one)
    summary = go([folder], tmp_path / "killed", workers=2)
    assert killed
    assert summary.measurements == 300
    assert tables(tmp_path / "killed") == tables(tmp_path / "alone")


@pytest.mark.parametrize("kill", [False, True])
def test_a_large_file_is_read_by_all_workers_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: bool
) -> None:
    """X6, C14: bad and blank lines between, and where one of the workers is killed in the middle of it."""
    large = tmp_path / "large.jsonl"
    lines = list(corpus.make_lines(90, 7_500))
    lines[40:40] = [b"{broken", b"", b"[1]", b"\xff" * 50]
    large.write_bytes(b"\n".join(lines))
    go([large], tmp_path / "alone")
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(module, "_TOGETHER", Limits(stretch=20_000, batch=60_000))
    add, killed, batches = parts.Parts.add, [], []

    def kill_one(self: parts.Parts, batch: Any) -> None:
        batches.append(batch)
        if kill and not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()
        add(self, batch)

    monkeypatch.setattr(parts.Parts, "add", kill_one)
    summary = go([large], tmp_path / "together", workers=3)
    assert (summary.measurements, summary.set_aside) == (90, 3)
    assert len(batches) > 5
    assert tables(tmp_path / "together") == tables(tmp_path / "alone")


def test_a_file_that_threads_unpack_and_write_gives_the_same_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C14: on two cores one file needs no second process."""
    large = tmp_path / "large.jsonl"
    lines = [*corpus.make_lines(90, 7_500), b"{broken"]
    large.write_bytes(b"\n".join(lines))
    monkeypatch.setattr(parts, "ROW_GROUP", 100)
    go([large], tmp_path / "alone")
    summary = go([large], tmp_path / "threads", workers=2)
    assert (summary.measurements, summary.set_aside) == (90, 1)
    assert tables(tmp_path / "threads") == tables(tmp_path / "alone")


def test_what_goes_wrong_in_a_thread_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """X6: no space, met by the thread that writes; a later run completes it."""
    large = tmp_path / "large.jsonl"
    large.write_bytes(b"\n".join(corpus.make_lines(60, 7_500)))

    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(parts, "ROW_GROUP", 100)
        patched.setattr(pq.ParquetWriter, "write_table", full)
        with pytest.raises(WallwatchError, match="no space left"):
            go([large], tmp_path / "w", workers=2)
    assert not list((tmp_path / "w" / "tables").rglob("*.parquet*"))
    go([large], tmp_path / "w", workers=2)
    go([large], tmp_path / "alone")
    assert tables(tmp_path / "w") == tables(tmp_path / "alone")


def test_things_made_ahead_come_in_order_and_their_trouble_at_its_place() -> None:
    def some() -> Iterator[int]:
        yield from range(20)
        raise ValueError("torn")

    found = []
    with pytest.raises(ValueError, match="torn"):
        for one in ahead(some(), 3):
            found.append(one)
    assert found == list(range(20))
    ended = []

    def endless() -> Iterator[int]:
        try:
            yield from count()
        finally:
            ended.append(True)

    taken = ahead(endless(), 3)
    assert [next(taken), next(taken)] == [0, 1]
    taken.close()
    gc.collect()
    assert ended == [True]
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]


@pytest.mark.parametrize("nameless", [True, False])
def test_shared_memory_gives_lines_and_takes_tables_as_far_as_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nameless: bool
) -> None:
    """Linux has memory without a name; elsewhere it is a temporary file, which is gone in the end."""
    if not nameless:
        monkeypatch.delattr(os, "memfd_create", raising=False)
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stretch = Stretch(7, 100, [b"one", b"", b"three"], [Line(3, 9, b"document", "name")])
    room = Room(4_096, 65_536)
    try:
        places = room.fill([stretch, Stretch(10, 110, [b"four"])])
        opened = Opened(room.key)
        found = [line for place in places for line in Placed(place, opened.memory).lines()]
        assert found == [*stretch.lines(), Line(10, 110, b"four")]
        table = pa.table({"a": pa.array(["x", "y"]).dictionary_encode(), "b": [1, 2]})
        assert room.taken(opened.put({"rows": table, "others": table}, room.lines) or []) == {
            "rows": table,
            "others": table,
        }
        assert opened.put({"rows": pa.table({"a": ["x" * 100_000]})}, room.lines) is None
        opened.close()
    finally:
        room.close()
    assert list(tmp_path.iterdir()) == []
