"""Episodes: the runs of one service on one network that are one restriction, whatever layer shows it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from wallwatch.detect.runs import Moment, Run

#: Hours of quiet, or of nobody measuring, that one restriction may have within it: a week.
PAUSE = 168

#: The same, where the next run begins at the same time of day: what comes once a week leaves nearly as much between.
PAUSE_BY_THE_CLOCK = 8 * 24

#: Independent sessions that say something of an hour, a day, a network; fewer are too little to say (trap C13).
ENOUGH = 4.0

#: Votes against the target from which an episode may be claimed: more than three (trap C13); repeats count less than one.
LEAST_VOTES = 3.2

#: Three are enough where the network had so many votes in the week before, so that it is known how rarely it fails.
LEAST_VOTES_KNOWN = 2.9
KNOWN = 20.0


@dataclass(frozen=True)
class Episode:
    """One restriction of one service on one network.

    Attributes:
        country: The country.
        service: The service.
        network: The network.
        runs: Its runs, by their first hour: of a long history very many, so that what is told of them is told once.
    """

    country: str
    service: str
    network: int
    runs: tuple[Run, ...]

    def __hash__(self) -> int:
        return hash((self.country, self.service, self.network, self.first, self.last, len(self.runs)))

    @cached_property
    def first(self) -> int:
        """First hour with votes in it."""
        return min(run.first for run in self.runs)

    @cached_property
    def last(self) -> int:
        """Last hour with votes in it."""
        return max(run.last for run in self.runs)

    @cached_property
    def probability(self) -> float:
        """That of its surest run."""
        return max(run.probability for run in self.runs)

    @cached_property
    def speaks(self) -> tuple[str, str]:
        """Target and layer of the series that has most votes against the target."""
        return max((sums, key) for key, sums in self._by_series.items())[1]

    @cached_property
    def stretches(self) -> tuple[tuple[int, int], ...]:
        """First and last hour of each run of that series."""
        return tuple((run.first, run.last) for run in self._speaking)

    @cached_property
    def tells_most(self) -> tuple[float, float, float]:
        """Votes against the target, and all votes, in the series that has most of the first; and its `Run.beside`."""
        against, votes = self._by_series[self.speaks]
        return against, votes, max(run.beside for run in self._speaking)

    @cached_property
    def votes_beside(self) -> float:
        """Votes of that series outside all of its runs."""
        return max(run.votes_beside for run in self._speaking)

    @cached_property
    def votes_before(self) -> float:
        """Votes of that series in the `runs.WEEK` before one of its runs, where there were most."""
        return max(run.votes_before for run in self._speaking)

    @cached_property
    def against(self) -> float:
        """Independent votes against it: of each target those of the layer that has most."""
        best: dict[str, float] = {}
        for (target, _), (against, _) in self._by_series.items():
            best[target] = max(best.get(target, 0.0), against)
        return sum(best.values())

    @cached_property
    def alarm(self) -> int | None:
        """The hour in which the evidence so far was enough; null where it never was.

        Later data do not change it, so that an event's id can rest on it.
        """
        start = min(run.alarm for run in self.runs)
        known = max(run.votes_before for run in self.runs) >= KNOWN
        least = LEAST_VOTES_KNOWN if known else LEAST_VOTES
        tallies = heapq.merge(
            *([(hour, run.key[2], run.key[4], k) for hour, k in run.tally] for run in self.runs)
        )
        so_far: dict[tuple[str, str], float] = {}
        for hour, target, layer, k in tallies:
            so_far[target, layer] = so_far.get((target, layer), 0.0) + k
            best: dict[str, float] = {}
            for (name, _), against in so_far.items():
                best[name] = max(best.get(name, 0.0), against)
            if sum(best.values()) >= least:
                return max(hour, start)
        return None

    @cached_property
    def onset(self) -> Moment:
        """When it began: where several series began together, as narrow as all of them say."""
        bound = min(self.runs, key=lambda run: (_latest(run), -_earliest(run), run.key))
        low, high, best = _earliest(bound), _latest(bound), bound.onset.best
        for run in sorted(self.runs, key=lambda run: (_latest(run), run.key)):
            if _earliest(run) <= high and run.onset.best is not None:
                low = max(low, _earliest(run))
                best = run.onset.best if best is None else best
        if best is not None:
            best = min(max(best, low), high)
        return Moment(best, low if low >= 0 else None, high)

    @cached_property
    def end(self) -> Moment:
        """When it ended; `best` and `latest` null while it lasts, as far as votes tell."""
        bound = max(self.runs, key=lambda run: (run.end.earliest or run.last, -_until(run), run.key))
        low, high, best = bound.end.earliest or bound.last, _until(bound), bound.end.best
        for run in sorted(self.runs, key=lambda run: (_until(run), run.key)):
            if _until(run) >= low and run.end.best is not None:
                high = min(high, _until(run))
                best = run.end.best if best is None else best
        if best is not None:
            best = min(max(best, low), high)
        return Moment(best, low, high if high < _NEVER else None)

    @cached_property
    def _by_series(self) -> dict[tuple[str, str], tuple[float, float]]:
        """Target and layer to votes against and all votes."""
        sums: dict[tuple[str, str], tuple[float, float]] = {}
        for run in self.runs:
            against, votes = sums.get((run.key[2], run.key[4]), (0.0, 0.0))
            sums[run.key[2], run.key[4]] = (against + run.against, votes + run.votes)
        return sums

    @cached_property
    def _speaking(self) -> list[Run]:
        """The runs of the series that speaks."""
        return [run for run in self.runs if (run.key[2], run.key[4]) == self.speaks]


_NEVER = 1 << 40


def _earliest(run: Run) -> int:
    return -1 if run.onset.earliest is None else run.onset.earliest


def _latest(run: Run) -> int:
    return run.first + 1 if run.onset.latest is None else run.onset.latest


def _until(run: Run) -> int:
    return _NEVER if run.end.latest is None else run.end.latest


def episodes(runs: Sequence[Run]) -> list[Episode]:
    """The runs put together by network: those that overlap, are close in time, or repeat by the clock."""
    grouped: dict[tuple[str, str, int], list[Run]] = {}
    for run in runs:
        grouped.setdefault((run.key[0], run.key[1], run.key[3]), []).append(run)
    found: list[Episode] = []
    for (country, service, network), members in sorted(grouped.items()):
        members.sort(key=lambda run: (run.first, run.last, run.key))
        chain: list[Run] = []
        until = 0
        for run in members:
            if chain and not _belongs(chain, until, run):
                found.append(Episode(country, service, network, tuple(chain)))
                chain = []
            until = max(until, run.last) if chain else run.last
            chain.append(run)
        found.append(Episode(country, service, network, tuple(chain)))
    return found


def apart(episode: Episode) -> list[Episode]:
    """The stretches of an episode that have a pause between them, each as an episode of its own."""
    parts: list[list[Run]] = []
    until = 0
    for run in sorted(episode.runs, key=lambda run: (run.first, run.last, run.key)):
        if not parts or run.first > until + 1:
            parts.append([])
        parts[-1].append(run)
        until = max(until, run.last)
    return [replace(episode, runs=tuple(part)) for part in parts]


def _belongs(chain: Sequence[Run], until: int, run: Run) -> bool:
    pause = run.first - until
    if pause <= PAUSE:
        return True
    if pause > PAUSE_BY_THE_CLOCK or run.last - run.first > 24:
        return False
    apart = ((run.first - before.first) % 24 for before in chain if before.last - before.first <= 24)
    return any(min(hours, 24 - hours) <= 2 for hours in apart)
