"""Small histories of connectivity as files: what arrives when is the story."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from wallwatch import pipeline
from wallwatch.engine import Workspace

START = datetime(2024, 3, 4, tzinfo=UTC)
#: When the first run publishes.
NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)


def signals(
    path: Path,
    hours: Iterable[int],
    left: Callable[[int, int], float] = lambda hour, region: 1.0,
    *,
    country: str = "XA",
    regions: int = 4,
    name: str = "Region",
    seed: int = 1,
) -> Path:
    """Writes hourly connectivity of some regions: what of the ordinary is left is the story's to say."""
    noise = np.random.default_rng(seed).normal(0, 1.5, (24 * 60, regions))
    lines = ["country,region,time,value,unit,signal"]
    for hour in hours:
        rhythm = 96 - 4 * math.cos((hour - 3) / 24 * 2 * math.pi)
        when = (START + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
        for region in range(regions):
            value = min(max((rhythm + noise[hour, region]) * left(hour, region), 0), 100)
            lines.append(f'{country},"{name} {region}",{when},{value:.2f},index_100,probing')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def cut(
    begin: int, end: int, left: float = 0.03, hit: Callable[[int], bool] = lambda region: True
) -> Callable[[int, int], float]:
    """A sharp loss of some regions from one hour to another."""
    return lambda hour, region: left if begin <= hour < end and hit(region) else 1.0


def run(workspace: Path, *inputs: Path, day: int = 0) -> pipeline.RunSummary:
    """A run that publishes so many days after the first."""
    when = NOW + timedelta(days=day)
    return pipeline.run(inputs, workspace, as_of=when + timedelta(days=1), published=when, workers=1)


def query(workspace: Path, sql: str) -> list[tuple[object, ...]]:
    """What a workspace answers."""
    with Workspace.open(workspace).connect() as con:
        found: list[tuple[object, ...]] = con.sql(sql).fetchall()
        return found
