"""What a run makes anew: what rests on what came, and nothing else."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from history_worlds import cut, signals
from wallwatch import pipeline
from wallwatch.bench import corpus
from wallwatch.engine import Workspace, views

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def run(inputs: list[Path], root: Path) -> set[str]:
    return set(pipeline.run(inputs, root, as_of=AS_OF, workers=1).rows)


def derived(root: Path) -> dict[str, str]:
    tables = root / "tables"
    return {
        path.relative_to(tables).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for name in ("verdicts", "cells", "events", "outages", "routes")
        for path in sorted((tables / name).rglob("*.parquet"))
    }


def test_signals_do_not_cause_measurements_to_be_judged_again(tmp_path: Path) -> None:
    measured = tmp_path / "m.jsonl.gz"
    corpus.write(measured, 60, 7_500)
    first = signals(tmp_path / "a.csv", range(100), cut(140, 190))
    later = signals(tmp_path / "b.csv", range(100, 250), cut(140, 190))
    everything = {"verdicts", "cells", "events", "doubts", "outages", "routes"}
    assert run([measured, first], tmp_path / "w") == everything
    assert run([later], tmp_path / "w") == {"outages"}
    assert run([later, measured], tmp_path / "w") == set()
    assert run([later, first, measured], tmp_path / "once") == everything
    assert derived(tmp_path / "w") == derived(tmp_path / "once")


def test_what_cannot_be_read_causes_nothing_to_be_made_again(tmp_path: Path) -> None:
    measured = tmp_path / "m.jsonl.gz"
    corpus.write(measured, 20, 7_500)
    assert "verdicts" in run([measured], tmp_path / "w")
    (tmp_path / "notes.txt").write_text("nothing that is known\n")
    assert run([tmp_path / "notes.txt"], tmp_path / "w") == set()


def test_a_new_file_leaves_the_tables_of_other_days_as_they_are(tmp_path: Path) -> None:
    """They are made anew only where they can have changed, and are then what all files at once give."""
    files = []
    for number in range(14):
        files.append(tmp_path / f"{number}.jsonl.gz")
        corpus.write(files[-1], 12, 7_500, seed=number, first=48 * 1_200 * number)
    run([*files[7:], *files[:6]], tmp_path / "w")
    tables = tmp_path / "w" / "tables"

    def places() -> dict[str, int]:
        return {
            path.relative_to(tables).as_posix(): path.stat().st_ino
            for name in ("verdicts", "cells")
            for path in tables.glob(f"{name}/2*.parquet")
        }

    before = places()
    assert run([files[6]], tmp_path / "w") == {"verdicts", "cells", "events", "doubts", "outages", "routes"}
    after = places()
    assert len(before) == 2 * 13
    assert len(after) == 2 * 14
    # Verdicts within four days were judged again; of them no other cell changed.
    assert len({name for name in before if name.startswith("verdicts/") and before[name] != after[name]}) == 4
    assert not {name for name in before if name.startswith("cells/") and before[name] != after[name]}
    run(files, tmp_path / "once")
    assert derived(tmp_path / "w") == derived(tmp_path / "once")


def test_a_new_file_leaves_the_summaries_of_other_months_as_they_are(tmp_path: Path) -> None:
    files = []
    for number, day in enumerate((0, 40, 41)):
        files.append(tmp_path / f"{number}.jsonl.gz")
        corpus.write(files[-1], 12, 7_500, seed=number, first=28_800 * day)
    run(files[:2], tmp_path / "w")

    def months(root: Path) -> dict[str, Path]:
        return {path.name: path for path in sorted(root.glob("summaries/judged_*/????-??.parquet"))}

    before = {name: path.stat().st_ino for name, path in months(tmp_path / "w").items()}
    assert len(before) == 2
    run(files[2:], tmp_path / "w")
    after = {name: path.stat().st_ino for name, path in months(tmp_path / "w").items()}
    assert [name for name in before if after[name] == before[name]] == [min(before)]
    run(files, tmp_path / "once")
    assert {name: path.read_bytes() for name, path in months(tmp_path / "w").items()} == {
        name: path.read_bytes() for name, path in months(tmp_path / "once").items()
    }


def test_a_large_month_is_summed_up_in_pieces_that_say_what_it_says_as_a_whole(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        files.append(tmp_path / f"{number}.jsonl.gz")
        corpus.write(files[-1], 12, 7_500, seed=number, first=28_800 * number)
    run(files, tmp_path / "w")
    workspace = Workspace.open(tmp_path / "w")

    def judged(rows_at_once: int) -> tuple[list[str], list[tuple[object, ...]]]:
        with workspace.connect() as con:
            workspace.keep(con, {}, {}, rows_at_once)
            pieces = workspace.layout.summaries.glob(f"{views.KEPT_JUDGED}/????-??*.parquet")
            return sorted(path.name for path in pieces), con.sql("FROM judged ORDER BY ALL").fetchall()

    whole, expected = judged(1_000)
    apart, found = judged(1)
    assert (len(whole), len(apart)) == (1, 3)
    assert len(expected) == 36
    assert found == expected
