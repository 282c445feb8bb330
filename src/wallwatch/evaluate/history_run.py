"""Runs detection and the baselines over simulated histories: what each claims of each series."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import duckdb
import numpy as np

from wallwatch.detect import claims as detected
from wallwatch.detect.episodes import Episode
from wallwatch.detect.restrictions import Support, doubt, lacks
from wallwatch.evaluate import baselines, histories
from wallwatch.evaluate.histories import START, Line

#: What is compared, in the order of the table.
METHODS = ("wallwatch", "CUSUM", "0.80 x 7 d", "0.99 x 7 d")

#: Hours by which a claim may lie beside a restriction and still be of it.
_BESIDE = 1.0

#: The same baselines made rarer, so that they can be compared at one rate of false alarms: the expected delay of the
#: cumulative sum in hours, and the fraction and the measured hours for which the other rule must hold.
DELAYS = (15.0, 20.0, 30.0, 45.0)
FRACTIONS = (0.8, 0.5)
HOURS = (2, 3, 4, 6, 8, 12, 16, 24, 36, 48)
RARER = (
    tuple(f"CUSUM, {delay:.0f} h" for delay in DELAYS),
    tuple(f"{fraction:.2f} x 7 d, {hours} h" for fraction in FRACTIONS for hours in HOURS),
)


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


@dataclass(frozen=True, slots=True)
class Miss:
    """A restriction of which nothing was claimed.

    Attributes:
        line: Index of the line.
        measurements: Measurements in it.
        against: Those that found it blocked.
        reason: `measurements`: three or fewer; `failures`: too few of them failed to stand out; what `lacks` says of the
            episode that was found (`votes`, `sources`, `probes`, `elsewhere`); or that forgers could have made it, by
            their `share`, by what fails `around` it, or by its `pace`.
    """

    line: int
    measurements: int
    against: int
    reason: str


def run(lines: Sequence[Line], seed: int) -> tuple[dict[str, list[Claim]], list[Miss]]:
    """Measures the lines; says for each method what it claims, and why ours claims nothing of a restriction."""
    measured = histories.measure(lines, seed)
    ours, misses = _ours(lines, measured)
    found: dict[str, list[Claim]] = {METHODS[0]: ours}
    bounds = np.searchsorted(measured.line, np.arange(len(lines) + 1))
    rules: dict[str, Callable[[baselines.Hourly], list[baselines.Alarm]]] = {
        METHODS[1]: baselines.cusum,
        METHODS[2]: partial(baselines.trailing_median, fraction=0.80),
        METHODS[3]: partial(baselines.trailing_median, fraction=0.99),
    }
    for delay, name in zip(DELAYS, RARER[0], strict=True):
        rules[name] = partial(baselines.cusum, edd=delay)
    lasting = {f"{fraction:.2f} x 7 d": fraction for fraction in FRACTIONS}
    rules |= {
        name: partial(baselines.trailing_median, fraction=fraction) for name, fraction in lasting.items()
    }
    every = [
        (number, baselines.hourly(measured.hours[lo:hi], measured.blocked[lo:hi]))
        for number, (lo, hi) in enumerate(itertools.pairwise(bounds.tolist()))
        if lo < hi
    ]
    for name, rule in rules.items():
        found[name] = []
        for hours in HOURS if name in lasting else ():
            found[f"{name}, {hours} h"] = []
        for number, series in every:
            for alarm in rule(series):
                claim = Claim(number, f"{number}/{alarm.first}", 1, alarm.first, alarm.last + 1, alarm.first)
                found[name].append(claim)
                if name in lasting:
                    held = np.searchsorted(series.hour, [alarm.first, alarm.last + 1])
                    for hours in HOURS:
                        if held[1] - held[0] >= hours:
                            found[f"{name}, {hours} h"].append(claim)
    return {name: found[name] for name in (*METHODS, *(name for names in RARER for name in names))}, misses


def _ours(lines: Sequence[Line], measured: histories.Measured) -> tuple[list[Claim], list[Miss]]:
    index = {(line.country, line.service, line.network): number for number, line in enumerate(lines)}
    con = duckdb.connect(config={"threads": 2})
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("verdicts_rows", histories.verdicts(lines, measured))
        con.execute("CREATE VIEW verdicts AS SELECT * FROM verdicts_rows")
        found = detected(con, "blocking")
    finally:
        con.close()
    claims = []
    for restriction in found.restrictions:
        networks = {episode.network for episode in restriction.episodes}
        for network in sorted(networks):
            own = [episode for episode in restriction.episodes if episode.network == network]
            onset = own[0].onset
            claims.append(
                Claim(
                    index[restriction.country, restriction.service, network],
                    restriction.event_id,
                    len(networks),
                    own[0].first - START,
                    max(episode.last for episode in own) + 1 - START,
                    _since(onset.best),
                    _since(onset.earliest),
                    _since(onset.latest),
                    restriction.probability,
                )
            )
    met = {claim.line for claim in claims if overlaps(claim.first, claim.last, lines[claim.line])}
    episodes: dict[int, list[Episode]] = defaultdict(list)
    for episode in found.episodes:
        number = index[episode.country, episode.service, episode.network]
        if overlaps(episode.first - START, episode.last + 1 - START, lines[number]):
            episodes[number].append(episode)
    misses = []
    for number, line in enumerate(lines):
        if line.restricted and number not in met:
            within = (
                (measured.line == number) & (measured.hours >= line.begins) & (measured.hours < line.ends)
            )
            count, against = int(within.sum()), int(measured.blocked[within].sum())
            reason = _reason(count, [(one, found.supports[one]) for one in episodes[number]])
            misses.append(Miss(number, count, against, reason))
    return claims, misses


def overlaps(first: float, last: float, line: Line) -> bool:
    """Whether what is seen from one hour to another is of a line's restriction, or at most an hour beside it."""
    return last >= line.begins - _BESIDE and first <= line.ends + _BESIDE


def _reason(measurements: int, episodes: Sequence[tuple[Episode, Support]]) -> str:
    """Why nothing was claimed; of several episodes the one with most votes against the target speaks."""
    if measurements <= 3:
        return "measurements"
    if not episodes:
        return "failures"
    episode, support = max(episodes, key=lambda one: (one[0].against, one[0].first))
    return lacks(episode, support) or doubt(episode, support) or "failures"


def _since(hour: int | None) -> float | None:
    return None if hour is None else float(hour - START)
