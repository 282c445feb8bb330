"""Detection on real data without a truth file: against the episodes that anybody sees in the measurements.

A visible episode is a run of two or more failing measurements, one after the other, of one target on one network and
layer. Single failing measurements between working ones are left open: what holds only such is no hit, and false where
they are fewer than a third of the measurements in it. This truth comes from the measurements that
detection sees, too: it tells what is overlooked and what is made up, and not what the measurements themselves miss.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any

import duckdb
import numpy as np

from wallwatch.detect import claims
from wallwatch.evaluate.baselines import Hourly, cusum, hourly
from wallwatch.evaluate.calendar import Overlap, overlaps
from wallwatch.evaluate.numbers import Share

Key = tuple[str, str, str, int, str]

#: From what probability on a stretch of the filter counts as found.
_LIKELY, _SURE = 0.9, 0.99

_MEASURED = """
SELECT country, service, target, network, layer, hour_index, rank <= 2 AS failing
FROM detect_rows
WHERE rank IN (1, 2, 5) AND layer NOT IN ('all', 'service')
ORDER BY country, service, target, network, layer, time, measurement_id
"""


@dataclass(frozen=True, slots=True)
class EpisodeScores:
    """How many visible episodes are found, by layer.

    Attributes:
        visible: Episodes by layer.
        found: For each method, which of them it finds; [episodes of the layer].
        open: For each method, stretches that meet no visible episode, but failing measurements between working ones.
        false: For each method, such in which more than two thirds of the measurements work.
        delays: Hours from the first failing measurement of an episode to the filter's alarm.
        years: Series-years, in hours that were measured.
        calendar: What the events have in common with a calendar.
    """

    visible: Mapping[str, int]
    found: Mapping[str, Mapping[str, int]]
    open: Mapping[str, int]
    false: Mapping[str, int]
    delays: Sequence[float]
    years: float
    calendar: Sequence[Overlap] = ()

    def as_dict(self) -> dict[str, Any]:
        """Shares by method and layer."""
        return {
            "visible": dict(self.visible),
            "methods": {
                name: {
                    "found": Share(sum(by.values()), sum(self.visible.values())).as_dict(),
                    "by_layer": {
                        layer: Share(by.get(layer, 0), count).as_dict()
                        for layer, count in self.visible.items()
                    },
                    "open": self.open[name],
                    "false": self.false[name],
                }
                for name, by in self.found.items()
            },
            "median_delay_hours": median(self.delays) if self.delays else None,
            "series_years": round(self.years, 2),
            "calendar": [overlap.as_dict() for overlap in self.calendar],
        }

    def as_text(self) -> str:
        """The same as lines."""
        text = [f"VISIBLE EPISODES, {self.years:.2f} series-years", ""]
        layers = list(self.visible)
        text.append(
            f"{'':<28}{'all':>20}" + "".join(f"{layer:>20}" for layer in layers) + f"{'open':>8}{'false':>8}"
        )
        for name, by in self.found.items():
            cells = [Share(sum(by.values()), sum(self.visible.values()))]
            cells += [Share(by.get(layer, 0), self.visible[layer]) for layer in layers]
            text.append(
                f"{name:<28}"
                + "".join(f"{cell!s:>20}" for cell in cells)
                + f"{self.open[name]:>8}{self.false[name]:>8}"
            )
        if self.delays:
            text += ["", f"alarm after the first failing measurement: median {median(self.delays):.0f} h"]
        for overlap in self.calendar:
            text += ["", overlap.as_text()]
        return "\n".join(text)


def _series(con: duckdb.DuckDBPyConnection) -> Iterator[tuple[Key, list[tuple[int, bool]]]]:
    rows = con.sql(_MEASURED).fetchall()
    for key, group in groupby(rows, key=lambda row: tuple(row[:5])):
        yield key, [(int(row[5]), bool(row[6])) for row in group]


def visible(measured: Sequence[tuple[int, bool]]) -> list[tuple[int, int]]:
    """First and last hour of each run of two or more failing measurements; (hour, failing) in the order of time."""
    found = []
    for failing, group in groupby(measured, key=lambda item: item[1]):
        hours = [hour for hour, _ in group]
        if failing and len(hours) >= 2:
            found.append((hours[0], hours[-1]))
    return found


def evaluate_episodes(
    con: duckdb.DuckDBPyConnection, calendar: frozenset[int] = frozenset()
) -> EpisodeScores:
    """Scores the filter, the events and the published cumulative sum on the measurements of a workspace.

    Args:
        con: Shows `verdicts` and, for a calendar, `events`; gains temporary tables named `detect_…`.
        calendar: Hours since 1970-01-01 00:00 UTC that events are held against.
    """
    detected = claims(con, "blocking")
    claimed = {run for r in detected.restrictions for episode in r.episodes for run in episode.runs}
    methods: dict[str, defaultdict[Key, list[tuple[int, int]]]] = {
        "likely (0.9)": defaultdict(list),
        "sure (0.99)": defaultdict(list),
        "in an event": defaultdict(list),
        "published cumulative sum": defaultdict(list),
    }
    alarms: defaultdict[Key, list[int]] = defaultdict(list)
    for run in detected.runs:
        spans = [("likely (0.9)", run.probability >= _LIKELY), ("sure (0.99)", run.probability >= _SURE)]
        for name, counts in [*spans, ("in an event", run in claimed)]:
            if counts:
                methods[name][run.key].append((run.first, run.last))
        alarms[run.key].append(run.alarm)
    count: defaultdict[str, int] = defaultdict(int)
    found: dict[str, defaultdict[str, int]] = {name: defaultdict(int) for name in methods}
    left_open, false = dict.fromkeys(methods, 0), dict.fromkeys(methods, 0)
    delays: list[float] = []
    years = 0.0
    for key, measured in _series(con):
        years += len({hour for hour, _ in measured}) / 8766
        episodes = visible(measured)
        count[key[4]] += len(episodes)
        methods["published cumulative sum"][key] = [
            (alarm.first, alarm.last) for alarm in cusum(_hourly(measured))
        ]
        for first, last in episodes:
            for name, spans_of in methods.items():
                found[name][key[4]] += any(a <= last and b >= first for a, b in spans_of.get(key, []))
            later = sorted(alarm for alarm in alarms.get(key, []) if first <= alarm <= last + 24)
            delays += [float(later[0] - first)] if later else []
        for name, spans_of in methods.items():
            for a, b in spans_of.get(key, []):
                at = bisect_left(episodes, (a, a))
                near = episodes[max(at - 1, 0) : at + 1]
                if any(first <= b and last >= a for first, last in near):
                    continue
                inside = [failing for hour, failing in measured if a <= hour <= b]
                told = 3 * sum(inside) >= len(inside)
                left_open[name] += told
                false[name] += not told
    layers = sorted(layer for layer, episodes_of in count.items() if episodes_of)
    return EpisodeScores(
        {layer: count[layer] for layer in layers},
        {name: dict(by) for name, by in found.items()},
        left_open,
        false,
        delays,
        years,
        overlaps(con, calendar) if calendar else (),
    )


def _hourly(measured: Sequence[tuple[int, bool]]) -> Hourly:

    return hourly(
        np.array([hour for hour, _ in measured], dtype=np.float64), np.array([bad for _, bad in measured])
    )
