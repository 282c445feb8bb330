"""X6: a reader sees the old content or the new one, never a part of either."""

import errno

import pytest

from wallwatch._files import atomic_folder, atomic_path, sweep, write_atomic


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table"
    write_atomic(path, "old")
    with pytest.raises(OSError, match="No space"), atomic_path(path) as temporary:
        temporary.write_text("half of the n")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["table"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "verdicts"
    for content in ("one", "two"):
        with atomic_folder(path) as folder:
            (folder / content).write_text(content)
    assert [entry.name for entry in path.iterdir()] == ["two"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdicts"]


def test_a_folder_that_fails_leaves_the_old_one(tmp_path):
    path = tmp_path / "verdicts"
    with atomic_folder(path) as folder:
        (folder / "rows").write_text("old")
    with pytest.raises(RuntimeError), atomic_folder(path) as folder:
        (folder / "rows").write_text("ne")
        raise RuntimeError
    assert (path / "rows").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["verdicts"]


def test_what_a_killed_run_left_is_swept_and_nothing_else(tmp_path):
    (tmp_path / ".cells.abc.tmp").mkdir()
    (tmp_path / ".cells.abc.tmp" / "half").write_text("")
    (tmp_path / ".events.old").mkdir()
    (tmp_path / ".x.parquet.1.tmp").write_text("")
    (tmp_path / ".keep").write_text("")
    (tmp_path / "cells").mkdir()
    sweep(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".keep", "cells"]
