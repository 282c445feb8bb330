"""Watching a folder: what is new is told once, as JSON lines and as an Atom feed."""

from __future__ import annotations

import json
import os
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from console import run as wallwatch
from history_worlds import NOW, cut, query, signals
from wallwatch import pipeline
from wallwatch._errors import WallwatchError
from wallwatch.engine import Workspace
from wallwatch.watch import Options, watch
from wallwatch.watch.atom import feed

ATOM = {"a": "http://www.w3.org/2005/Atom"}


class StoryOverError(Exception):
    """Ends a watch, as a person's Ctrl-C does."""


class Watched:
    """A watch over a folder whose clock moves by what it waits, and in whose pauses a story goes on."""

    def __init__(self, folder: Path, *pauses: Callable[[], object], feed: Path | None = None) -> None:
        self.folder, self.pauses, self.feed = folder, list(pauses), feed
        self.now = NOW
        self.told: list[list[dict[str, Any]]] = []
        self.said: list[str] = []
        (folder / "in").mkdir(exist_ok=True)

    def wait(self, seconds: float) -> None:
        if not self.pauses:
            raise StoryOverError
        self.now += timedelta(seconds=seconds)
        self.pauses.pop(0)()

    def tell(self, records: Sequence[dict[str, Any]]) -> None:
        self.told.append(list(records))

    def go(self, **options: Any) -> list[tuple[str, str]]:
        """Watches until the story is over; what was told, as kind of finding and change."""
        with pytest.raises(StoryOverError):
            self.once(**options)
        return self.heard()

    def once(self, **options: Any) -> int:
        chosen = Options(every=60, feed=self.feed, workers=1, **options)
        return watch(
            [str(self.folder / "in")],
            self.folder / "w",
            chosen,
            clock=lambda: self.now,
            wait=self.wait,
            tell=self.tell,
            say=self.said.append,
        )

    def heard(self) -> list[tuple[str, str]]:
        return [(one["state"]["kind"], one["change"]) for some in self.told for one in some]


def arrive(
    folder: Path, file: str, hours: range, story: Callable[[int, int], float], **more: Any
) -> Callable[[], Path]:
    """A file that arrives in a pause; it was last written long before the clock of the watch."""

    def write() -> Path:
        path = signals(folder / "in" / file, hours, story, **more)
        moment = (NOW - timedelta(days=1)).timestamp()
        os.utime(path, (moment, moment))
        return path

    return write


def test_a_shutdown_is_told_when_it_begins_and_when_it_ends_and_no_more(tmp_path: Path) -> None:
    story = cut(140, 190)
    arrive(tmp_path, "1.csv", range(160), story)()
    watched = Watched(
        tmp_path,
        arrive(tmp_path, "2.csv", range(160, 170), story),  # it lasts: no news
        lambda: None,
        arrive(tmp_path, "3.csv", range(170, 220), story),
        arrive(tmp_path, "4.csv", range(220, 230), story),
        lambda: None,
    )
    assert watched.go() == [("shutdown", "began"), ("shutdown", "ended")]
    began, ended = (some[0] for some in watched.told)
    assert began["id"] == ended["id"]
    assert (began["published"], ended["published"]) == ("2024-04-01T12:00:00Z", "2024-04-01T12:03:00Z")
    assert began["why"] == ["1 new file."]
    assert ended["state"]["end"]["best"] == "2024-03-11T22:00:00Z"


def test_what_was_told_is_not_told_again_by_a_later_watch(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    assert Watched(tmp_path).go() == [("shutdown", "began")]
    assert Watched(tmp_path, lambda: None).go() == []


def test_c8_late_data_that_change_what_was_told_are_told_as_a_revision(tmp_path: Path) -> None:
    story = cut(140, 190)
    arrive(tmp_path, "1.csv", range(220), story, regions=4)()
    slow: Callable[[int, int], float] = lambda hour, region: 1.0  # noqa: E731
    watched = Watched(tmp_path, arrive(tmp_path, "late.csv", range(220), slow, regions=4, seed=2))
    # The late file measures the same places, and saw nothing: both together show half of the loss.
    heard = watched.go()
    assert heard[0] == ("shutdown", "began")
    assert len(heard) == 2
    assert watched.told[1][0]["change"] == "revised"
    assert watched.told[1][0]["changes"]


def test_a_file_that_is_still_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    path = arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    os.utime(path, (NOW.timestamp() - 2, NOW.timestamp() - 2))
    watched = Watched(tmp_path, lambda: None)
    assert watched.go() == [("shutdown", "began")]
    assert watched.told[0][0]["published"] == "2024-04-01T12:01:00Z"
    os.utime(path, (NOW.timestamp() - 2, NOW.timestamp() - 2))
    again = Watched(tmp_path)
    assert again.once(once=True) == 0
    assert again.heard() == []
    assert any("left for the next time" in text for text in again.said)


def test_a_file_is_read_once_and_again_only_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    real = pipeline.run

    def counted(*given: Any, **more: Any) -> Any:
        summary = real(*given, **more)
        looked.append(summary.taken_in.files)
        return summary

    monkeypatch.setattr(pipeline, "run", counted)
    arrive(tmp_path, "1.csv", range(100), cut(0, 0))()
    watched = Watched(
        tmp_path, lambda: None, lambda: None, arrive(tmp_path, "1.csv", range(110), cut(0, 0)), lambda: None
    )
    watched.go()
    assert looked == [1, 1]


def test_while_another_run_holds_the_workspace_the_watch_waits(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    workspace = Workspace.create(tmp_path / "w")
    holding = workspace.lock()
    holding.__enter__()
    watched = Watched(tmp_path, lambda: holding.__exit__(None, None, None))
    assert watched.go() == [("shutdown", "began")]
    assert any("another run" in text for text in watched.said)
    with workspace.lock(), pytest.raises(WallwatchError, match="another run"):
        Watched(tmp_path).once(once=True)


def test_x6_what_could_not_be_told_is_told_the_next_time(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    deaf = Watched(tmp_path)

    def broken(_: object) -> None:
        raise BrokenPipeError

    deaf.tell = broken  # type: ignore[method-assign]
    with pytest.raises(BrokenPipeError):
        deaf.once(once=True)
    assert Watched(tmp_path).go() == [("shutdown", "began")]


def parse(content: bytes) -> ET.Element:
    return ET.fromstring(content)  # noqa: S314 (it is ours)


def entries(path: Path) -> list[ET.Element]:
    return parse(path.read_bytes()).findall("a:entry", ATOM)


def text(element: ET.Element, name: str) -> str:
    found = element.findtext(f"a:{name}", namespaces=ATOM)
    assert found is not None, name
    return found


def test_the_feed_is_atom_with_ids_that_stay(tmp_path: Path) -> None:
    story = cut(140, 190)
    arrive(tmp_path, "1.csv", range(160), story)()
    path = tmp_path / "feed.atom"
    Watched(tmp_path, feed=path).go()
    (first,) = entries(path)
    Watched(tmp_path, arrive(tmp_path, "2.csv", range(160, 220), story), feed=path).go(
        link="https://example.org/f.atom"
    )
    newest, oldest = entries(path)
    assert text(oldest, "id") == text(first, "id")
    root = parse(path.read_bytes())
    for element in (root, newest, oldest):  # RFC 4287, 4.1.1 and 4.1.2
        assert uuid.UUID(text(element, "id").removeprefix("urn:uuid:"))
        assert text(element, "title")
        assert datetime.fromisoformat(text(element, "updated")).tzinfo is not None
    assert root.find("a:author/a:name", ATOM) is not None
    assert root.find("a:link[@rel='self']", ATOM) is not None
    assert len({text(root, "id"), text(newest, "id"), text(oldest, "id")}) == 3
    assert text(root, "updated") == text(newest, "updated") > text(oldest, "updated")
    assert newest.find("a:category[@term='ended']", ATOM) is not None
    assert "Against it:" in text(newest, "content")


def test_a_feed_that_was_lost_is_written_again_with_the_same_bytes(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    path = tmp_path / "feed.atom"
    Watched(tmp_path, feed=path).go()
    before = path.read_bytes()
    path.unlink()
    Watched(tmp_path, feed=path).go()
    assert path.read_bytes() == before


def test_x3_hostile_names_are_text_in_the_feed_and_in_the_lines(tmp_path: Path) -> None:
    name = "</title><script>alert(1)</script>\u202e\x1b[31m&amp;\ufffe"
    story = cut(140, 190, hit=lambda region: region == 1)
    arrive(tmp_path, "1.csv", range(200), story, name=name)()
    path = tmp_path / "feed.atom"
    watched = Watched(tmp_path, feed=path)
    assert watched.go() == [("shutdown", "began")]
    content = path.read_bytes()
    (entry,) = entries(path)
    assert "<script>alert(1)</script>" in text(entry, "title")
    assert b"<script>" not in content
    assert "\u202e".encode() not in content
    assert b"\x1b" not in content


def test_a_feed_of_nothing_is_a_feed() -> None:
    root = parse(feed([], origin="o", updated="2024-04-01T12:00:00Z"))
    assert root.tag.endswith("feed")
    assert text(root, "updated") == "2024-04-01T12:00:00Z"


def test_the_command_prints_json_lines_once(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    (tmp_path / "in" / "odd.csv").write_bytes(b"country,region,time,value\nXA,North,not a time,3\n")
    arguments = ["watch", "in", "--workspace", "w", "--once", "--settle", "0", "--quiet"]
    ran = wallwatch(arguments, tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert "set aside" in ran.stderr
    (line,) = ran.stdout.splitlines()
    record = json.loads(line)
    assert {"change", "what", "id", "revision", "published", "says", "state", "why"} <= record.keys()
    assert record["state"]["onset"]["best"] == "2024-03-09T20:00:00Z"
    assert entries(tmp_path / "w" / "feed.atom")
    again = wallwatch(arguments, tmp_path)
    assert again.stdout == ""
    missing = wallwatch(["watch", "nowhere", "-w", "w", "--once"], tmp_path)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert query(tmp_path / "w", "SELECT count(*) FROM publications") == [(1,)]


def test_no_time_is_read_but_the_clock_that_was_given(tmp_path: Path) -> None:
    arrive(tmp_path, "1.csv", range(200), cut(140, 190))()
    Watched(tmp_path).go()
    (published,) = query(tmp_path / "w", "SELECT DISTINCT published FROM revisions")
    assert published[0].astimezone(UTC) == NOW  # type: ignore[attr-defined]
