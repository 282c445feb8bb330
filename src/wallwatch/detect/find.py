"""From votes to restrictions: the filter twice, runs, episodes, and what lies behind them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from wallwatch.detect import rows
from wallwatch.detect.common_mode import ServiceOutage, service_outages
from wallwatch.detect.episodes import Episode, apart, episodes
from wallwatch.detect.forging import Hourly, traces
from wallwatch.detect.one_probe import Look, log_ratio, of_their_like
from wallwatch.detect.recurrence import Recurrence, recurrence
from wallwatch.detect.restrictions import Restriction, Support, claimable, in_company, restrictions
from wallwatch.detect.runs import Run, runs
from wallwatch.detect.smooth import Smoothed, others_at_the_time, smooth
from wallwatch.detect.spans import Part, Sources, Span, looks, sources
from wallwatch.detect.votes import UNITS, Series, votes

#: Votes keep to a pattern where at most so large a share of those outside it is against the target, and it is so much
#: likelier than none, in natural logarithms, the choice of hours and days paid for (`Recurrence.surprise`): by chance
#: alone some hours have more than others, and of a thousand sets of hours one fits well.
KEPT = 0.15
KEPT_SURPRISE = 10.0

#: Days of the week are kept to where they come again: in about a week, some days in a row look like a choice of them.
KEPT_DAYS_HOURS = 8 * 24

#: Rows whose votes are smoothed at once: bounds the memory.
ROWS_A_PIECE = 20_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one signal.

    Attributes:
        series: The votes on networks and services that have episodes.
        runs: All runs.
        episodes: All episodes that are looked into.
        supports: What lies behind each.
        restrictions: The events that they make.
    """

    series: Series
    runs: list[Run]
    episodes: list[Episode]
    supports: dict[Episode, Support]
    restrictions: list[Restriction]


def twice(series: Series) -> Smoothed:
    """The filter, run a second time on what other networks of the country say something about."""
    result = smooth(series)
    others = others_at_the_time(series, result.so_far)
    touched = np.unique(series.series[others > 0])
    if len(touched):
        part, inside = series.only(touched)
        again = smooth(part, others[inside])
        for name in ("blocked", "so_far", "began", "ended"):
            getattr(result, name)[inside] = getattr(again, name)
    return result


def scan(series: Series) -> tuple[list[Run], Series]:
    """The runs in some series, and the series of the networks and services that have any."""
    found = runs(series, twice(series))
    touched = {(run.key[:2], run.key[3]) for run in found}
    kept = [index for index, key in enumerate(series.keys) if (key[:2], key[3]) in touched]
    return found, series.only(np.array(kept, dtype=np.int64))[0]


def find(
    con: duckdb.DuckDBPyConnection,
    kind: str,
    outages: Sequence[ServiceOutage],
    country: str | None = None,
    service: str | None = None,
) -> Found:
    """What a signal shows.

    Args:
        con: Has the table `detect_rows` (`rows.prepare`).
        kind: `blocking` or `throttling`.
        outages: Failures of services everywhere: what they explain is no restriction.
        country: Only this country.
        service: Only this service.
    """
    count = int(con.sql("SELECT count(*) FROM detect_rows").fetchall()[0][0])
    pieces = 1 + count // ROWS_A_PIECE
    scanned = [scan(votes(con, kind, country, service, (number, pieces))) for number in range(pieces)]
    series = Series.together([kept for _, kept in scanned])
    seen = [run for part, _ in scanned for run in part]
    restricted = [
        run for run in seen if not any(o.explains(*run.key[:2], run.first, run.last) for o in outages)
    ]
    found = episodes(restricted)
    # Too few votes to be claimed or to join: not looked into.
    found = [episode for episode in found if episode.against >= 1.0]
    supports = in_company(found, _supports(con, kind, series, found))
    # Where the whole can not be claimed, a stretch of it may: what is beside a restriction does not undo it.
    whole = {episode: apart(episode) for episode in found if not claimable(episode, supports[episode])}
    parts = [part for parts in whole.values() if len(parts) > 1 for part in parts]
    if parts:
        every = found + parts
        of_all = in_company(every, {**supports, **_supports(con, kind, series, parts)})
        found = [
            one
            for episode in found
            for one in (
                whole[episode]
                if any(claimable(part, of_all[part]) for part in whole.get(episode, ()))
                else (episode,)
            )
        ]
        supports = in_company(found, of_all)
    return Found(series, seen, found, supports, restrictions(kind, found, supports))


def _supports(
    con: duckdb.DuckDBPyConnection, kind: str, series: Series, found: Sequence[Episode]
) -> dict[Episode, Support]:
    """What lies behind each episode, but for its company."""
    if not found:
        return {}
    behind = sources(
        con, kind, [Span(i, e.country, e.service, e.network, e.first, e.last) for i, e in enumerate(found)]
    )
    parts = [
        Part(i, e.country, e.service, e.network, *e.speaks, first, last)
        for i, e in enumerate(found)
        for first, last in e.stretches
    ]
    seen_by = looks(con, kind, parts)
    return {
        episode: _support(series, episode, behind.get(i, Sources()), seen_by.get(i, []))
        for i, episode in enumerate(found)
    }


def claims(con: duckdb.DuckDBPyConnection, kind: str) -> Found:
    """What a kind shows, without the counts and witnesses of `events`; the table `detect_rows` stays.

    Args:
        con: Shows `verdicts`; gains temporary views and tables named `detect_…`.
        kind: `blocking` or `throttling`.
    """
    rows.prepare(con, trusted=True)
    return find(con, kind, service_outages(con))


def _support(series: Series, episode: Episode, behind: Sources, seen_by: list[Look]) -> Support:
    hours = sum(last - first + 1 for first, last in episode.stretches)
    support = Support(
        sources=behind.count,
        alone=behind.alone,
        patterned=False,
        everywhere=behind.everywhere,
        credentialed=behind.credentialed,
        one_look=behind.one_look,
        down=behind.down,
        log_ratio=log_ratio(seen_by, episode.tells_most[2], hours),
        traces=traces(_hourly(series, episode), episode),
        alike=sum(look.votes > 0 for look in seen_by) < 2,
        of_their_like=of_their_like(seen_by),
    )
    if claimable(episode, support):
        return support
    found = pattern(series, episode)
    return replace(support, patterned=found is not None and kept(found, episode.last - episode.first + 1))


def kept(found: Recurrence, hours: int) -> bool:
    """Whether votes keep to a pattern so that neither chance nor forgers explain it, in so many hours from first to last."""
    again = len(found.weekdays) == 7 or hours >= KEPT_DAYS_HOURS
    return again and found.rate_outside <= KEPT and found.surprise >= KEPT_SURPRISE


def _hourly(series: Series, episode: Episode) -> Hourly:
    """The votes of the series that speaks for an episode, with some days before and after."""
    index = bisect_left(
        series.keys, (episode.country, episode.service, episode.speaks[0], episode.network, episode.speaks[1])
    )
    start, stop = int(series.start[index]), int(series.start[index + 1])
    days = [episode.first - 72, episode.last + 73]
    lo, hi = (start + np.searchsorted(series.hour[start:stop], days)).tolist()
    return Hourly(series.hour[lo:hi], series.k[lo:hi] / UNITS, series.n[lo:hi] / UNITS)


def pattern(series: Series, *episodes: Episode) -> Recurrence | None:
    """The pattern in time of episodes together, from the votes of their networks on the service's targets.

    Of each network only the time from its first to its last hour counts: what was before a beginning or after an end
    is no pause. Of each network and target the layer with most votes against it speaks.
    """
    if max(episode.last - episode.first for episode in episodes) < 48:
        return None
    best: dict[tuple[int, str], tuple[int, slice]] = {}
    for episode in episodes:
        for index in _of(series, episode):
            lo, hi = series.start[index], series.start[index + 1]
            lo, hi = lo + np.searchsorted(series.hour[lo:hi], [episode.first, episode.last + 1])
            against = int(series.k[lo:hi].sum())
            key = (episode.network, series.keys[index][2])
            if against > best.get(key, (0, None))[0]:
                best[key] = (against, slice(int(lo), int(hi)))
    if not best:
        return None
    chosen = [best[key][1] for key in sorted(best)]
    hour = np.concatenate([series.hour[part] for part in chosen])
    k = np.concatenate([series.k[part] for part in chosen])
    n = np.concatenate([series.n[part] for part in chosen])
    return recurrence(hour, k, n)


def _of(series: Series, episode: Episode) -> list[int]:
    # Keys are sorted: those of one country and service are found by bisection.
    at = bisect_left(series.keys, (episode.country, episode.service, "", -1, ""))
    found = []
    while at < len(series.keys) and series.keys[at][:2] == (episode.country, episode.service):
        if series.keys[at][3] == episode.network:
            found.append(at)
        at += 1
    return found
