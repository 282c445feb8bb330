"""Simulated series of connectivity with a known truth: six kinds of source, quiet ones and ones with a single loss.

Each kind follows people's days and weeks as much as the real ones do, and has what fools detectors: growth, a change of
the clock, holidays, missing hours and stretches, hours in which the instrument shows nonsense, lasting shifts of a few
parts of a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from wallwatch.schema import SIGNALS

Floats = npt.NDArray[np.float64]

#: The first hour, a Monday.
START = int(datetime(2030, 1, 7, tzinfo=UTC).timestamp())
DAYS = 40
#: No loss begins earlier: what is ordinary has to be learned first.
LEARNING_DAYS = 8

#: Share of the level that a loss takes, and for how many hours.
LOSSES = tuple((depth, hours) for depth in (0.2, 0.35, 0.6, 0.95) for hours in (3, 12, 48))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of source.

    Attributes:
        name: What it is called in tables.
        signal: The source's name in `signals`.
        unit: Its unit.
        level: Least and greatest ordinary value.
        night: Least and greatest share of the level that the night takes.
        weekend: Least and greatest share that the weekend takes.
        scatter: Least and greatest standard deviation of what is seen, as a share of the level.
        memory: Correlation of one hour's scatter with the next.
        holiday: Greatest share that a holiday takes.
        drift: Greatest growth or decline a day, as a share.
    """

    name: str
    signal: str
    unit: str
    level: tuple[float, float]
    night: tuple[float, float]
    weekend: tuple[float, float]
    scatter: tuple[float, float]
    memory: float
    holiday: float
    drift: float


KINDS = (
    Kind("probing, index", "monash.connectivity", "index_100", (85, 98), (0.02, 0.12), (0, 0.02), (0.012, 0.03), 0.3, 0.03, 0.0),
    Kind("probing, blocks", "ioda.ping-slash24", "count", (150, 4000), (0.01, 0.08), (0, 0.03), (0.008, 0.02), 0.4, 0.04, 0.002),
    Kind("traffic", "ioda.gtr", "count", (2000, 9000), (0.3, 0.6), (0.05, 0.2), (0.02, 0.05), 0.5, 0.25, 0.008),
    Kind("telescope", "ioda.merit-nt", "count", (300, 2000), (0.1, 0.3), (0, 0.1), (0.2, 0.35), 0.5, 0.15, 0.004),
    Kind("routes", "ioda.bgp", "count", (200, 5000), (0, 0), (0, 0), (0.0008, 0.002), 0.8, 0.0, 0.001),
    Kind("sparse counts", "probing", "count", (6, 15), (0.1, 0.3), (0, 0.1), (0.05, 0.1), 0.3, 0.1, 0.002),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """One series.

    Attributes:
        kind: Index into `KINDS`.
        country: The country it is about, of which it is the only series.
        values: One an hour; NaN where there is none.
        depth: Share lost; 0 in a quiet series.
        begins: Seconds since the epoch at which the loss begins; not bound to an hour.
        ends: The same of its end.
    """

    kind: int
    country: str
    values: Floats
    depth: float
    begins: float
    ends: float


def make(kind: int, country: str, depth: float, hours: int, rng: np.random.Generator) -> Series:
    """One series of `DAYS` days.

    Args:
        kind: Index into `KINDS`.
        country: The country it is about.
        depth: Share that the loss takes; 0 for a quiet series.
        hours: How long it takes it.
        rng: Where all chance comes from.
    """
    source, bins = KINDS[kind], DAYS * 24
    now = np.arange(bins, dtype=float)
    level = math.exp(rng.uniform(*np.log(source.level)))
    expected = level * _ordinary(source, now, rng)
    begins = rng.uniform(LEARNING_DAYS * 24, bins - hours - 24)
    ends = begins + hours
    if depth:
        inside = np.clip(np.minimum(now + 1, ends) - np.maximum(now, begins), 0, 1)
        expected = expected * (1 - depth * inside)
    values = _seen(source, expected, level, rng)
    values = _flaws(values, rng, (begins, ends) if depth else None)
    return Series(kind, country, values, depth, START + begins * 3600, START + ends * 3600)


def _ordinary(source: Kind, now: Floats, rng: np.random.Generator) -> Floats:
    """The share of the level that each hour has on ordinary days, and on holidays."""
    days = DAYS
    local = now + rng.integers(0, 24)
    change = days * 24 * 2 if rng.random() < 0.5 else rng.integers(10, days - 5) * 24  # of the clock
    clock = local + (now >= change) * rng.choice([-1, 1])
    apart = np.minimum((clock - 4) % 24, (4 - clock) % 24)
    shape = 1 - rng.uniform(*source.night) * np.exp(-(apart**2) / 18)
    weekday = (local // 24 + rng.integers(0, 7)) % 7
    shape = shape * np.where(weekday >= 5, 1 - rng.uniform(*source.weekend), 1.0)
    shape = shape * np.exp(rng.uniform(-source.drift, source.drift) * now / 24)
    today = clock // 24
    for _ in range(rng.integers(0, 3)):
        first = today[0] + rng.integers(LEARNING_DAYS, days - 1)
        holiday = (today >= first) & (today < first + rng.integers(1, 3))
        daytime = 1 - np.exp(-(apart**2) / 18)
        shape = shape * (1 - holiday * rng.uniform(0, source.holiday) * daytime)
    if rng.random() < 0.5:  # providers move addresses: a lasting shift of a little
        shape = shape * np.where(now >= rng.uniform(0, days * 24), 1 + rng.uniform(-0.05, 0.05), 1.0)
    found: Floats = shape
    return found


def _seen(source: Kind, expected: Floats, level: float, rng: np.random.Generator) -> Floats:
    sigma = rng.uniform(*source.scatter)
    shocks = rng.standard_t(4, len(expected)) / math.sqrt(2)
    noise = np.empty_like(shocks)
    last = 0.0
    for i, shock in enumerate(shocks):
        last = noise[i] = source.memory * last + math.sqrt(1 - source.memory**2) * shock
    if source.unit == "index_100":
        return np.clip(
            np.round(expected + noise * sigma * level * np.sqrt(np.maximum(expected / level, 0.02)), 1),
            0,
            100,
        )
    wave = np.exp(np.clip(noise * sigma, -3, 3))
    if source.signal.startswith("ioda.merit"):  # scans come in bursts
        wave = wave * np.where(rng.random(len(wave)) < 0.01, rng.uniform(2, 6, len(wave)), 1.0)
    if source.signal == "ioda.bgp":
        return np.round(expected * wave)
    counts: Floats = rng.poisson(expected * wave).astype(float)
    return counts


def _flaws(values: Floats, rng: np.random.Generator, keep: tuple[float, float] | None) -> Floats:
    """The same with missing hours and stretches, and with hours of nonsense; not where a loss begins or ends."""
    bins = len(values)
    seen = values.copy()
    seen[rng.random(bins) < rng.uniform(0, 0.03)] = np.nan
    for _ in range(rng.poisson(1.0)):
        first = int(rng.integers(0, bins))
        seen[first : first + int(rng.integers(2, 15))] = np.nan
    for _ in range(rng.poisson(1.0)):
        seen[int(rng.integers(0, bins))] *= rng.uniform(0, 0.6)
    if keep is not None:
        for edge in keep:
            around = slice(max(int(edge) - 3, 0), int(edge) + 4)
            seen[around] = values[around]
    return seen


def world(seed: int, series: int) -> list[Series]:
    """Series of every kind: as many quiet ones as ones with a loss of each of `LOSSES`.

    Args:
        seed: The same seed gives the same series.
        series: How many there are of each kind, at least; a multiple of twice the number of losses.
    """
    each = max(1, -(-series // (2 * len(LOSSES))))
    found = []
    for kind in range(len(KINDS)):
        plan = [loss for loss in LOSSES for _ in range(each)]
        plan += [(0.0, 12)] * len(plan)
        for number, (depth, hours) in enumerate(plan):
            rng = np.random.default_rng([seed, kind, number])
            # Two letters do not name enough of them: nothing here asks for real countries.
            found.append(make(kind, f"{kind}{number:04d}", depth, hours, rng))
    return found


def table(world_: Sequence[Series]) -> pa.Table:
    """The series as rows of `SIGNALS`."""
    parts = []
    seconds = START + np.arange(DAYS * 24) * 3600
    for one in world_:
        known = ~np.isnan(one.values)
        rows = int(known.sum())
        source = KINDS[one.kind]
        parts.append(
            SIGNALS.from_columns(
                {
                    "file_id": ["0" * 16] * rows,
                    "line": np.arange(1, rows + 1),
                    "signal": [source.signal] * rows,
                    "country": [one.country] * rows,
                    "time": pa.array(seconds[known] * 1_000_000).cast(pa.timestamp("us", tz="UTC")),
                    "step_seconds": np.full(rows, 3600),
                    "value": one.values[known],
                    "unit": [source.unit] * rows,
                },
                rows,
            )
        )
    return pa.concat_tables(parts).unify_dictionaries()
