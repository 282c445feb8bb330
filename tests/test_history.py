"""What was published stays retrievable, with what it rested on (trap C8)."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from console import run as wallwatch
from history_worlds import NOW, cut, query, run, signals
from wallwatch import history
from wallwatch.engine import Workspace
from wallwatch.history.change import change
from wallwatch.history.match import Finding, pairs
from wallwatch.schema.layout import Layout


def states(workspace: Path, what: str = "outage") -> list[dict[str, Any]]:
    """The revisions of the findings that are neither part of another nor an instrument's fault, in order."""
    rows = query(
        workspace,
        "SELECT id, revision, change, material, changes, why, computed_id, superseded_by, split_from, state "
        f"FROM revisions WHERE what = '{what}' ORDER BY publication, id",
    )
    names = (
        "id",
        "revision",
        "change",
        "material",
        "changes",
        "why",
        "computed_id",
        "superseded_by",
        "split_from",
        "state",
    )
    found = [dict(zip(names, row, strict=True)) for row in rows]
    for one in found:
        one["state"] = json.loads(str(one["state"]))
    return [one for one in found if not one["state"]["parent"] and one["state"]["kind"] != "instrument"]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shutdown of which the first hours arrive a week late: they move its onset to the day before."""
    folder = tmp_path_factory.mktemp("late")
    story = cut(140, 190)  # from the evening of the sixth day
    early = signals(folder / "a.csv", [*range(135), *range(150, 200)], story)
    gap = signals(folder / "b.csv", range(135, 150), story)
    workspace = folder / "w"
    run(workspace, early)
    run(workspace, gap, day=7)
    return workspace


def test_c8_late_data_revise_an_outage_and_the_earlier_state_stays(late: Path) -> None:
    first, second = states(late)
    assert (first["change"], first["revision"]) == ("began", 1)
    assert second["id"] == first["id"]
    assert second["revision"] == 2
    assert second["why"] == ["1 new file."]
    assert first["state"]["onset"] != second["state"]["onset"]
    assert second["state"]["onset"]["best"] == "2024-03-09T20:00:00Z"
    with Workspace.open(late).connect() as con:
        before = history.revision_of(con, first["id"], 1)
        after = history.revision_of(con, first["id"], 2)
        assert before is not None
        assert after is not None
        assert len(before["files"]) == 1
        assert len(after["files"]) == 2
        assert set(before["files"]) < set(after["files"])
        assert before["state"] == first["state"]
        assert all(before[name] for name in ("rule_set", "reference_set", "code"))


def test_c8_what_stood_there_on_a_day_is_shown_as_it_was(late: Path) -> None:
    first, second = states(late)
    for day, state in ((1, first), (8, second)):
        when = (NOW + timedelta(days=day)).strftime("%Y-%m-%d")
        arguments = ["show", "outages", "-w", "w", "--as-published", when, "--format", "jsonl"]
        shown = [json.loads(line) for line in wallwatch(arguments, late.parent).stdout.splitlines()]
        assert [one for one in shown if not one["parent"] and one["kind"] != "instrument"] == [state["state"]]
        assert {one["parent"] for one in shown if one["parent"]} == {state["id"]}
    none = wallwatch(["show", "outages", "-w", "w", "--as-published", "2024-03-31"], late.parent)
    assert (none.returncode, none.stdout) == (0, "")


def test_c8_an_id_that_was_cited_still_explains_what_it_has_become(late: Path) -> None:
    first, second = states(late)
    assert second["computed_id"] != first["computed_id"], "the story moves the id that is made from the data"
    now = wallwatch(["explain", first["id"], "-w", "w"], late.parent)
    assert now.returncode == 0
    assert "2024-03-09T20:00:00Z" in now.stdout
    assert f"published as {first['id']}" in now.stdout
    then = wallwatch(["explain", first["id"], "-w", "w", "--revision", "1"], late.parent)
    assert first["state"]["onset"]["best"] in then.stdout
    assert "1 file(s);" in then.stdout
    missing = wallwatch(["explain", first["id"], "-w", "w", "--revision", "7"], late.parent)
    assert missing.returncode == 2
    assert "it has 2" in missing.stderr


def test_c14_the_tables_know_nothing_of_the_runs_that_made_them(late: Path, tmp_path: Path) -> None:
    at_once = tmp_path / "once"
    run(at_once, late.parent / "b.csv", late.parent / "a.csv")

    def digests(workspace: Path) -> dict[str, str]:
        tables = workspace / "tables"
        return {
            str(path.relative_to(tables)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(tables.rglob("*"))
            if path.is_file()
        }

    assert digests(late) == digests(at_once)
    assert len(states(late)) == 2
    assert len(states(at_once)) == 1


def test_a_run_without_anything_new_publishes_nothing(late: Path) -> None:
    before = sorted((late / "history").rglob("*"))
    assert run(late, late.parent / "a.csv", day=9).revisions == 0
    assert run(late, day=10).revisions == 0
    assert sorted((late / "history").rglob("*")) == before


def test_more_data_that_change_nothing_are_noted_and_are_no_news(tmp_path: Path) -> None:
    story = cut(140, 150)
    run(tmp_path / "w", signals(tmp_path / "a.csv", range(200), story))
    run(tmp_path / "w", signals(tmp_path / "b.csv", range(200, 230), story), day=1)
    assert query(tmp_path / "w", "SELECT files, revisions FROM publications ORDER BY publication")[1][0] == 2
    assert [one["material"] for one in states(tmp_path / "w")][1:] in ([], [False])


def test_x6_a_run_that_is_killed_before_it_publishes_is_made_good_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = signals(tmp_path / "a.csv", range(200), cut(140, 190))

    def killed(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(history, "publish", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "w", given)
    assert query(tmp_path / "w", "SELECT count(*) FROM outages")[0][0]
    assert query(tmp_path / "w", "SELECT count(*) FROM revisions") == [(0,)]
    assert run(tmp_path / "w", given, day=1).revisions > 0
    assert [one["change"] for one in states(tmp_path / "w")] == ["began"]


def test_x6_revisions_without_their_publication_were_never_published(tmp_path: Path) -> None:
    given = signals(tmp_path / "a.csv", range(200), cut(140, 190))
    run(tmp_path / "w", given)
    layout = Layout(tmp_path / "w")
    layout.publication("publications", 1).unlink()  # killed between the two
    assert query(tmp_path / "w", "SELECT count(*) FROM revisions") == [(0,)]
    run(tmp_path / "w", given, day=1)
    assert [one["revision"] for one in states(tmp_path / "w")] == [1]
    assert query(tmp_path / "w", "SELECT count(*) FROM publications") == [(1,)]


def test_each_publication_names_the_hash_of_the_one_before(late: Path) -> None:
    layout = Layout(late)
    rows = query(late, "SELECT previous_sha256, revisions_sha256 FROM publications ORDER BY publication")
    first = hashlib.sha256(layout.publication("publications", 1).read_bytes()).hexdigest()
    assert [row[0] for row in rows] == [None, first]
    for number, row in enumerate(rows, 1):
        part = layout.publication("revisions", number).read_bytes()
        assert row[1] == hashlib.sha256(part).hexdigest()


def test_a_part_that_becomes_national_is_no_longer_news_of_its_own(tmp_path: Path) -> None:
    one = signals(tmp_path / "a.csv", range(160), cut(140, 190, hit=lambda region: region == 2))
    run(tmp_path / "w", one)
    assert [found["state"]["region"] for found in states(tmp_path / "w")] == ["Region 2"]
    rest = signals(tmp_path / "b.csv", range(160, 200), cut(140, 190))
    run(tmp_path / "w", rest, day=1)
    assert [(found["change"], found["state"]["scope"]) for found in states(tmp_path / "w")][1:] == [
        ("began", "country")
    ]


def outage(begin: int, end: int | None, id_: str, **more: Any) -> Finding:
    """An outage by its first and last hour of a day in March."""

    def hour(number: int) -> dict[str, str]:
        text = f"2024-03-{1 + number // 24:02d}T{number % 24:02d}:00:00Z"
        return {"best": text, "earliest": text, "latest": text}

    record = {
        "outage_id": id_, "kind": "shutdown", "scope": "country", "country": "XA", "region": None, "network": None,
        "parent": None, "onset": hour(begin), "end": None if end is None else hour(end), "depth": 0.9, "signals": ["a"],
        "regions": 4, "regions_measured": 4, "recurrence": None, "probability": 0.97,
    }  # fmt: skip
    return Finding("outage", id_, record | more)


def test_ids_follow_what_happened_and_not_the_number_that_a_day_gives() -> None:
    """Late data reveal an earlier loss of the same day, which takes over the id of the one that was known."""
    published = [outage(14, 20, "ou-1")]
    today = [outage(2, 6, "ou-1"), outage(14, 20, "ou-2")]
    assert pairs(published, today, {"ou-1": "ou-1"}) == {"ou-1": "ou-2"}


def test_what_lies_apart_or_elsewhere_is_never_the_same() -> None:
    published = [outage(2, 6, "ou-1")]
    assert pairs(published, [outage(14, 20, "ou-9")], {}) == {}
    assert pairs(published, [outage(2, 6, "ou-9", country="XB")], {}) == {}
    assert pairs(published, [outage(2, 6, "ou-9", region="North")], {}) == {}
    assert pairs(published, [outage(2, 6, "ou-9", kind="disruption")], {}) == {"ou-1": "ou-9"}


def publish(folder: Path, number: int, *found: Finding) -> list[dict[str, Any]]:
    """Publishes findings as the numberth run; the rows of that publication."""
    workspace = Workspace.create(folder)
    basis = history.Basis(tuple(f"{n:016d}" for n in range(number)), "r", "d", "c")
    with workspace.connect() as con:
        history.publish(con, workspace.layout, found, basis, NOW + timedelta(days=number))
    return states(folder)


def test_two_that_turn_out_to_be_one_are_kept_as_one_and_the_other_says_where_it_went(tmp_path: Path) -> None:
    publish(tmp_path, 1, outage(2, 6, "ou-1"), outage(9, 20, "ou-2"))
    rows = publish(tmp_path, 2, outage(2, 20, "ou-1"))[2:]
    assert [(row["id"], row["change"], row["superseded_by"]) for row in rows] == [
        ("ou-1", "withdrawn", "ou-2"),
        ("ou-2", "revised", None),
    ]
    with Workspace.open(tmp_path).connect() as con:
        now = history.as_published(con, "outage", NOW + timedelta(days=2))
        then = history.as_published(con, "outage", NOW + timedelta(days=1))
    assert [one["outage_id"] for one in now] == ["ou-2"]
    assert [one["outage_id"] for one in then] == ["ou-1", "ou-2"]


def test_one_that_falls_into_two_says_of_the_new_one_what_it_was_a_part_of(tmp_path: Path) -> None:
    publish(tmp_path, 1, outage(2, 20, "ou-1"))
    rows = publish(tmp_path, 2, outage(2, 6, "ou-a"), outage(9, 20, "ou-b"))[1:]
    assert [(row["id"], row["computed_id"], row["change"], row["split_from"]) for row in rows] == [
        ("ou-1", "ou-b", "revised", None),
        ("ou-a", "ou-a", "began", "ou-1"),
    ]


def test_what_is_withdrawn_and_found_again_goes_on_under_its_id(tmp_path: Path) -> None:
    publish(tmp_path, 1, outage(2, None, "ou-1"))
    publish(tmp_path, 2)
    rows = publish(tmp_path, 3, outage(2, None, "ou-1"))
    assert [(row["revision"], row["change"]) for row in rows] == [
        (1, "began"),
        (2, "withdrawn"),
        (3, "revised"),
    ]
    assert "found again" in rows[2]["changes"][0]


def test_another_finding_never_takes_a_published_id(tmp_path: Path) -> None:
    publish(tmp_path, 1, outage(2, 6, "ou-1"))
    publish(tmp_path, 2)
    rows = publish(tmp_path, 3, outage(200, 220, "ou-1", kind="partial"))
    assert rows[-1]["id"] == "ou-1-2"
    assert rows[-1]["computed_id"] == "ou-1"


@pytest.mark.parametrize(
    ("after", "word", "material"),
    [
        ({"end": {"best": "2024-03-01T20:00:00Z", "earliest": None, "latest": None}}, "ended", True),
        ({"regions": 9, "regions_measured": 10}, "spread", True),
        ({"kind": "disruption"}, "revised", True),
        ({"depth": 0.6}, "revised", True),
        ({"depth": 0.88, "signals": ["a"]}, "revised", False),
        ({"signals": ["a", "b"]}, "revised", True),
        ({"probability": 0.8}, "revised", True),
    ],
)
def test_the_change_is_named_by_what_matters_most(after: dict[str, Any], word: str, material: bool) -> None:
    before = dict(outage(2, None, "ou-1").record)
    found = change(before, before | after)
    assert found is not None
    assert (found.word, found.material) == (word, material)
    assert found.sentences
    assert change(before, dict(before)) is None


def test_a_blocking_that_reaches_another_network_has_spread() -> None:
    before = {
        "kind": "blocking", "onset": {"best": "a", "earliest": "a", "latest": "b"}, "end": None, "networks": [1],
        "mechanisms": ["tls.reset"], "recurrence": None, "probability": 0.99,
    }  # fmt: skip
    found = change(before, before | {"networks": [1, 2]})
    assert found is not None
    assert (found.word, found.sentences) == ("spread", ("Now also found on AS2.",))
    more = change(before, before | {"networks": [1, 2], "end": {"best": "c", "earliest": "c", "latest": "c"}})
    assert more is not None
    assert more.word == "ended"
    assert len(more.sentences) == 2
