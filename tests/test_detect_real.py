"""Real data: Telegram in Kenya during the national exams of November 2023, from exports to the event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from console import run

WINDOWS = {5, 6, 7, 11, 12, 13}


@pytest.fixture(scope="module")
def events(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("kenya")
    ran = run(["run", str(shared_data / "ooni/export"), "--workspace", "w"], folder)
    assert ran.returncode == 0, ran.stderr
    shown = run(["show", "events", "--workspace", "w", "--format", "json"], folder)
    assert shown.returncode == 0, shown.stderr
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found


def day(number: int) -> datetime:
    return datetime(2023, 11, number, tzinfo=UTC)


def part(event: dict[str, Any], network: int) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in event["details"] if one["network"] == network)
    return found


def when(interval: dict[str, str], which: str) -> datetime:
    return datetime.fromisoformat(interval[which])


def test_it_is_one_event(events: list[dict[str, Any]]) -> None:
    (event,) = events
    assert (event["kind"], event["country"]) == ("blocking", "KE")
    assert {12455, 33771} <= set(event["networks"])
    # Measured often, and at most stray failures.
    assert {36866, 30844, 15399, 329014} <= set(event["networks_ok"])
    assert event["probability"] >= 0.99
    assert day(7) <= when(event["onset"], "earliest")
    assert when(event["end"], "latest") <= day(27)


def test_the_continuous_block_has_its_dates(events: list[dict[str, Any]]) -> None:
    block = part(events[0], 12455)
    assert "tcp" in block["layers"]
    assert "tcp.timeout" in block["mechanisms"]
    assert block["recurrence"] is None
    assert day(7) <= when(block["onset"], "earliest") <= when(block["onset"], "latest") < day(10)
    assert day(24) <= when(block["end"], "earliest") <= when(block["end"], "latest") < day(27)


def test_the_exam_hours_are_a_pattern(events: list[dict[str, Any]]) -> None:
    exams = part(events[0], 33771)
    assert "tls.timeout" in exams["mechanisms"]
    assert day(12) <= when(exams["onset"], "earliest") <= when(exams["onset"], "latest") < day(14)
    assert day(23) <= when(exams["end"], "earliest") <= when(exams["end"], "latest") < day(25)
    pattern = exams["recurrence"]
    assert pattern["weekdays"] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
    hours = set(pattern["hours_utc"])
    assert len(hours & WINDOWS) / len(hours | WINDOWS) >= 0.7
    assert pattern["rate_inside"] > 5 * pattern["rate_outside"]
