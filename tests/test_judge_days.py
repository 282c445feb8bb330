"""Judging day by day: whatever came when, the tables are those of judging everything at once."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from wallwatch import judge, pipeline, refs, simulate
from wallwatch.archive import take_in
from wallwatch.engine import Workspace
from wallwatch.judge import days
from wallwatch.sources.fingerprints import Fingerprints

AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
KNOWN = Fingerprints.builtin()


def go(inputs: Iterable[Path], root: Path, threads: int = 1) -> Workspace:
    """Takes files in and judges what can have changed."""
    workspace = Workspace.create(root)
    with workspace.lock():
        take_in(list(inputs), workspace.layout, workers=1, fingerprints=KNOWN, as_of=AS_OF)
        workspace.find_repeated()
        with workspace.connect(threads=threads) as con:
            pipeline.judge_workspace(workspace, con, KNOWN, "any")
    return workspace


def content(root: Path) -> dict[str, str]:
    folder = root / "tables" / "verdicts"
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def judged_days(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The days that each judging judged anew."""
    found: list[set[str]] = []
    real = days._State.keep_compared

    def keep(state: days._State, anew: set[str]) -> None:
        found.append(anew)
        real(state, anew)

    monkeypatch.setattr(days._State, "keep_compared", keep)
    return found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], Path]:
    """Files of seven weeks, and a workspace that took them all at once."""
    folder = tmp_path_factory.mktemp("history")
    written = simulate.write(folder / "raw", seed=17, days=49, scale=0.04)
    files = [
        path for given in written.inputs for path in sorted(given.rglob("*.gz")) or [given] if path.is_file()
    ]
    go(files, folder / "whole")
    return files, folder / "whole"


@pytest.mark.parametrize("seed", [1, 2])
def test_files_in_any_order_give_the_bytes_of_all_at_once(
    history: tuple[list[Path], Path], tmp_path: Path, judged_days: list[set[str]], seed: int
) -> None:
    files, whole = history
    rng = random.Random(seed)
    left, root = rng.sample(files, len(files)), tmp_path / "w"
    go(left[6:], root)
    for path in left[:5]:
        go([path], root, threads=rng.randint(1, 2))
    # Derived tables may be deleted, in part or as a whole.
    if seed == 1:
        next((root / "tables" / "verdicts" / ".kept").glob("2*.parquet")).unlink()
    go(left[5:6], root)
    assert content(root) == content(whole)
    every = len(content(whole)) // 2 - 1
    assert len(judged_days[0]) <= every
    assert all(0 < len(anew) < every / 2 for anew in judged_days[1:6])
    assert (len(judged_days[6]) >= every - 1) == (seed == 1)


def test_judging_day_by_day_says_what_judging_at_once_says(history: tuple[list[Path], Path]) -> None:
    workspace = Workspace.open(history[1])
    with workspace.connect() as con:
        references = refs.references(workspace.layout, KNOWN)
        expected = judge.verdicts(con, references)
        names = ", ".join(expected.columns)
        key = "ORDER BY measurement_id, layer, host NULLS FIRST"
        assert (
            con.sql(f"SELECT {names} FROM verdicts {key}").fetchall()
            == con.sql(f"SELECT {names} FROM expected {key}").fetchall()
        )


@pytest.mark.parametrize("rows", [1, 1_000])
def test_what_is_kept_is_the_same_however_much_of_it_is_sorted_at_once(
    history: tuple[list[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    files, whole = history
    monkeypatch.setattr(days, "_SORTED_AT_ONCE", rows)
    go(files, tmp_path / "w", threads=2)
    assert content(tmp_path / "w") == content(whole)


def test_verdicts_are_the_same_however_many_files_are_gone_through_at_once(
    history: tuple[list[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, whole = history
    monkeypatch.setattr(days, "_FILES_AT_ONCE", 3)
    go(files, tmp_path / "w")
    assert content(tmp_path / "w") == content(whole)


def test_other_rules_judge_everything_anew(
    history: tuple[list[Path], Path],
    tmp_path: Path,
    judged_days: list[set[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files, _ = history
    go(files[:60], tmp_path / "w")
    go([], tmp_path / "w")
    monkeypatch.setattr(pipeline, "_judged_by", lambda references: "other rules")
    go([], tmp_path / "w")
    first, unchanged, other = judged_days
    assert unchanged == set()
    assert other == first


def test_x6_judging_that_dies_leaves_what_was_there(
    history: tuple[list[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, whole = history
    go(files[1:], tmp_path / "w")
    before = content(tmp_path / "w")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(days._State, "keep_compared", die)
        go(files, tmp_path / "w")
    assert content(tmp_path / "w") == before
    go(files, tmp_path / "w")
    assert content(tmp_path / "w") == content(whole)


def line(day: float, report: str, target: str, country: str = "XW", **fields: Any) -> str:
    time = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(days=day)
    record = {
        "test_name": "web_connectivity",
        "input": f"https://{target}/",
        "probe_cc": country,
        "probe_asn": "AS64500",
        "report_id": report,
        "measurement_start_time": time.strftime("%Y-%m-%d %H:%M:%S"),
        "test_keys": {"queries": [{"hostname": target, "failure": "dns_nxdomain_error"}], **fields},
    }
    return json.dumps(record)


def write(path: Path, lines: Iterable[str]) -> Path:
    path.write_text("".join(one + "\n" for one in lines))
    return path


def flags(workspace: Workspace, day: str) -> set[str]:
    with workspace.connect() as con:
        rows = con.sql(
            f"SELECT DISTINCT unnest(flags) FROM verdicts WHERE time::DATE = DATE '{day}'"
        ).fetchall()
    return {flag for (flag,) in rows}


def quiet(folder: Path) -> list[Path]:
    """A file for each of sixty days, of another network's sessions."""
    return [
        write(folder / f"{day}.jsonl", [line(day, f"r{day}", f"site{day}.example").replace("64500", "64501")])
        for day in range(60)
    ]


def test_what_is_learnt_of_a_network_reaches_verdicts_of_long_ago(
    tmp_path: Path, judged_days: list[set[str]]
) -> None:
    """That a country is doubtful is known when nineteen in twenty of the network's sessions say so."""
    old = write(tmp_path / "old.jsonl", [line(3, "alone", "a.example", "XV")])
    new = write(tmp_path / "new.jsonl", [line(50, f"many{n}", "b.example") for n in range(20)])
    files = quiet(tmp_path)
    assert "geolocation_doubtful" not in flags(go([*files, old], tmp_path / "w"), "2024-03-04")
    assert "geolocation_doubtful" in flags(go([new], tmp_path / "w"), "2024-03-04")
    assert "2024-03-04" in judged_days[-1]
    assert len(judged_days[-1]) < 15
    go([new, *files, old], tmp_path / "once")
    assert content(tmp_path / "w") == content(tmp_path / "once")


def test_j20_what_a_session_does_later_reaches_what_it_did_before(
    tmp_path: Path, judged_days: list[set[str]]
) -> None:
    """A session in which nothing worked for three targets is offline, however long it lasts."""
    failed = {"queries": [{"hostname": "a.example", "failure": "generic_timeout_error"}]}
    old = write(tmp_path / "old.jsonl", [line(3, "long", "a.example", **failed)])
    new = write(tmp_path / "new.jsonl", [line(30, "long", f"{name}.example", **failed) for name in "bc"])
    files = quiet(tmp_path)
    assert "probe_offline" not in flags(go([*files, old], tmp_path / "w"), "2024-03-04")
    assert "probe_offline" in flags(go([new], tmp_path / "w"), "2024-03-04")
    assert "2024-03-04" in judged_days[-1]
    go([*files, new, old], tmp_path / "once")
    assert content(tmp_path / "w") == content(tmp_path / "once")


def test_c14_a_copy_that_comes_later_moves_the_verdict_to_the_file_that_stays(tmp_path: Path) -> None:
    """Which copy of a measurement counts depends on the files' ids; the day of the other one is judged again."""
    files = quiet(tmp_path)
    shared = line(10, "same", "same.example")
    first = write(tmp_path / "first.jsonl", [shared])
    second = write(tmp_path / "second.jsonl", [line(40, "other", "other.example"), shared])
    for order in ((first, second), (second, first)):
        root = tmp_path / order[0].stem
        for one in order:
            go([*files, one], root)
        with Workspace.open(root).connect() as con:
            assert con.sql(
                "SELECT count(*) FROM verdicts WHERE target = 'same.example' AND layer = 'all'"
            ).fetchall() == [(1,)]
    assert content(tmp_path / "first") == content(tmp_path / "second")
