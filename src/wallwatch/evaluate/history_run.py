"""Runs detection and the baselines over simulated histories: what each claims of each series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np

from wallwatch.detect import claims as detected
from wallwatch.evaluate import baselines, histories
from wallwatch.evaluate.histories import START, Line

#: What is compared, in the order of the table.
METHODS = ("wallwatch", "CUSUM", "0.80 x 7 d", "0.99 x 7 d")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a method says of one line: restricted, when, how sure.

    Attributes:
        line: Index of the line.
        event: Claims that a reader sees as one event share it.
        networks: How many networks that event is on.
        first: First hour since `START` in which it is seen.
        last: Last such hour.
        onset: Best guess of the onset.
        earliest: Start of the interval of 90 %; null where the method gives none, or it is open.
        latest: End of that interval.
        probability: How sure; null where the method does not say.
    """

    line: int
    event: str
    networks: int
    first: float
    last: float
    onset: float | None
    earliest: float | None = None
    latest: float | None = None
    probability: float | None = None


def run(lines: Sequence[Line], seed: int) -> dict[str, list[Claim]]:
    """Measures the lines and says for each method what it claims."""
    measured = histories.measure(lines, seed)
    found: dict[str, list[Claim]] = {METHODS[0]: _ours(lines, measured)}
    bounds = np.searchsorted(measured.line, np.arange(len(lines) + 1))
    rules: dict[str, Callable[[baselines.Hourly], list[baselines.Alarm]]] = {
        METHODS[1]: baselines.cusum,
        METHODS[2]: partial(baselines.trailing_median, fraction=0.80),
        METHODS[3]: partial(baselines.trailing_median, fraction=0.99),
    }
    for name, rule in rules.items():
        found[name] = []
        for number in range(len(lines)):
            lo, hi = bounds[number], bounds[number + 1]
            if lo == hi:
                continue
            series = baselines.hourly(measured.hours[lo:hi], measured.blocked[lo:hi])
            found[name] += [
                Claim(number, f"{number}/{alarm.first}", 1, alarm.first, alarm.last + 1, alarm.first)
                for alarm in rule(series)
            ]
    return found


def _ours(lines: Sequence[Line], measured: histories.Measured) -> list[Claim]:
    index = {(line.country, line.service, line.network): number for number, line in enumerate(lines)}
    con = duckdb.connect(config={"threads": 2})
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("verdicts_rows", histories.verdicts(lines, measured))
        con.execute("CREATE VIEW verdicts AS SELECT * FROM verdicts_rows")
        restrictions = detected(con, "blocking").restrictions
    finally:
        con.close()
    return [
        Claim(
            index[episode.country, episode.service, episode.network],
            restriction.event_id,
            len({other.network for other in restriction.episodes}),
            episode.first - START,
            episode.last + 1 - START,
            _since(episode.onset.best),
            _since(episode.onset.earliest),
            _since(episode.onset.latest),
            restriction.probability,
        )
        for restriction in restrictions
        for episode in restriction.episodes
    ]


def _since(hour: int | None) -> float | None:
    return None if hour is None else float(hour - START)
