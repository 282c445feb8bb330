"""Packs: the parts of many small files in few, whatever the order in which the files came."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from history_worlds import signals
from wallwatch import pipeline
from wallwatch.archive import packs, read_again, take_in
from wallwatch.engine import Workspace
from wallwatch.schema.layout import PER_FILE
from wallwatch.sources.fingerprints import Fingerprints

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = Fingerprints.builtin()
module = __import__(take_in.__module__, fromlist=["_"])


@pytest.fixture
def hours(tmp_path: Path) -> list[Path]:
    """Files of two networks within 36 hours, and one with a bad line."""
    folder = tmp_path / "in"
    folder.mkdir()
    found = []
    for number in range(48):
        start = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(minutes=45 * number)
        record = {
            "test_name": "web_connectivity",
            "input": f"https://site{number}.example/",
            "probe_cc": "XW",
            "probe_asn": f"AS{64500 + number % 2}",
            "report_id": f"r{number}",
            "measurement_start_time": start.strftime("%Y-%m-%d %H:%M:%S"),
            "test_keys": {"queries": [{"hostname": "a.example", "failure": "dns_nxdomain_error"}]},
        }
        path = folder / f"{number:02}.jsonl"
        path.write_text(json.dumps(record) + "\n" + ("{broken\n" if number == 7 else ""))
        found.append(path)
    return found


def go(inputs: list[Path], root: Path) -> Workspace:
    workspace = Workspace.create(root)
    with workspace.lock():
        take_in(inputs, workspace.layout, workers=1, fingerprints=KNOWN, as_of=AS_OF)
    return workspace


def content(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((root / "tables").rglob("*"))
        if path.is_file()
    }


def rows(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    with workspace.connect() as con:
        return {name: con.sql(f"SELECT * FROM {name} ORDER BY ALL").fetchall() for name in PER_FILE}


@pytest.mark.parametrize("most", [1_024, 20])
def test_c14_any_order_and_slicing_gives_the_same_packs(
    hours: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """By day; or by hour, where a day has too many files for being packed again with each."""
    monkeypatch.setattr(packs, "MOST", most)
    monkeypatch.setattr(packs, "LEAST", 2)
    whole = go(hours, tmp_path / "whole")
    assert len(whole.layout.packs()) == (2 if most == 1_024 else 8 + 1)
    for seed in range(2):
        shuffled = random.Random(seed).sample(hours, len(hours))
        root = tmp_path / f"pieces{seed}"
        while shuffled:
            size = random.Random(len(shuffled)).randint(1, 30)
            go(shuffled[:size], root)
            shuffled = shuffled[size:]
        assert content(root) == content(tmp_path / "whole")


def test_packing_changes_no_row(hours: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does reading many files at once: signals, torn files and unknown ones between others."""
    text = "".join(path.read_text() for path in hours[:3])
    torn, many = tmp_path / "torn.jsonl.gz", tmp_path / "two.jsonl"
    torn.write_bytes(gzip.compress(text.encode(), mtime=0)[:-30])
    many.write_text(text.replace("a.example", "b.example") + "no JSON\n\n" + text)
    (tmp_path / "notes.txt").write_text("nothing that is known\n")
    odd = [torn, many, tmp_path / "notes.txt", signals(tmp_path / "s.csv", range(5))]
    packed = go([*hours, *odd], tmp_path / "packed")
    monkeypatch.setattr(packs, "LEAST", 1_000)
    alone = go([*hours, *odd], tmp_path / "alone")
    assert packed.layout.packs()
    assert not alone.layout.packs()
    assert packed.layout.taken_in() == alone.layout.taken_in()
    found = rows(packed)
    assert found == rows(alone)
    assert len(found["files"]) == 52
    assert len(found["measurements"]) == 48 + 6 + 1  # of the torn one, one can be read
    assert len(found["signals"]) == 20
    assert len(found["quarantine"]) == 4


def test_queries_of_some_files_get_theirs_alone(hours: list[Path], tmp_path: Path) -> None:
    workspace = go(hours, tmp_path / "w")
    first, *_, last = workspace.layout.taken_in()[10:20]
    with workspace.connect() as con:
        query = workspace.source(con)("measurements", (), first, last)
        ids = [row[0] for row in con.sql(f"SELECT file_id FROM ({query}) ORDER BY file_id").fetchall()]
    assert ids == workspace.layout.taken_in()[10:20]


def test_one_measurement_of_a_packed_file_is_found_with_its_rows(hours: list[Path], tmp_path: Path) -> None:
    pipeline.run(hours, tmp_path / "w", as_of=AS_OF, workers=1)
    workspace = Workspace.open(tmp_path / "w")
    assert workspace.layout.packs()
    with workspace.connect() as con:
        ((wanted,),) = con.sql("SELECT measurement_id FROM measurements LIMIT 1").fetchall()
        workspace.narrow(con, wanted)
        assert con.sql("SELECT measurement_id FROM measurements").fetchall() == [(wanted,)]
        assert con.sql("SELECT DISTINCT measurement_id FROM observations").fetchall() == [(wanted,)]


def test_a_packed_file_is_known_again_and_read_again(hours: list[Path], tmp_path: Path) -> None:
    workspace = go(hours, tmp_path / "w")
    before = content(tmp_path / "w")
    ids = workspace.layout.taken_in()[3:5]
    with workspace.lock():
        read_again(ids, workspace.layout, workers=1, fingerprints=KNOWN, as_of=AS_OF)
    assert content(tmp_path / "w") == before
    again = tmp_path / "again.jsonl"
    again.write_bytes(hours[0].read_bytes())
    go([again, *hours], tmp_path / "w")
    names = [path for _, _, path, *_ in rows(workspace)["files"]]
    assert sorted(names) == sorted(["again.jsonl", *(path.name for path in hours)])
    assert len(workspace.layout.taken_in()) == 48


@pytest.mark.parametrize("moment", [0, 2, 4, 5, 7])
def test_x6_packing_that_dies_loses_and_doubles_nothing(
    hours: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Whichever file is the last one that it writes or removes."""
    go(hours, tmp_path / "whole")
    go(hours[:30], tmp_path / "torn")
    calls = iter(range(10_000))

    def dying(real: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if next(calls) == moment:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        return call

    workspace = Workspace.open(tmp_path / "torn")
    with monkeypatch.context() as patch:
        for name in ("atomic_path", "write_atomic"):
            patch.setattr(packs, name, dying(getattr(packs, name)))
        patch.setattr(Path, "unlink", dying(Path.unlink))
        with pytest.raises(KeyboardInterrupt):
            go(hours, tmp_path / "torn")
    found = rows(workspace)
    ids = [row[0] for row in found["files"]]
    assert len(ids) == len(set(ids)) >= 30
    assert [
        row for row in rows(Workspace.open(tmp_path / "whole"))["measurements"] if row[0] in ids
    ] == found["measurements"]
    go(hours, tmp_path / "torn")
    assert content(tmp_path / "torn") == content(tmp_path / "whole")


def test_small_files_are_read_by_all_workers_with_the_same_result(
    hours: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a file is small as it came and has too many rows for a pack."""
    many = tmp_path / "in" / "many.jsonl.gz"
    lines = b"".join(path.read_bytes() for path in hours)
    many.write_bytes(
        gzip.compress(b"".join(lines.replace(b".example/", b".example/%d" % n) for n in range(50)), mtime=0)
    )
    go([*hours, many], tmp_path / "one")
    assert len(Workspace.open(tmp_path / "one").layout.taken_in()) == 49
    assert len(list((tmp_path / "one" / "tables" / "measurements").glob("[!p]*.parquet"))) == 1
    monkeypatch.setattr(module, "_WORTH_PROCESSES", 1)
    workspace = Workspace.create(tmp_path / "two")
    take_in([*hours, many], workspace.layout, workers=2, fingerprints=KNOWN, as_of=AS_OF)
    assert content(tmp_path / "two") == content(tmp_path / "one")
    # And where each came alone.
    for path in (many, *hours):
        take_in(
            [path], Workspace.create(tmp_path / "three").layout, workers=1, fingerprints=KNOWN, as_of=AS_OF
        )
    assert content(tmp_path / "three") == content(tmp_path / "one")
