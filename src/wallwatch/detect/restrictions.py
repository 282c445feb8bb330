"""Restrictions: the episodes of one service in one country that are one event, growing over networks (trap C11)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from wallwatch.detect import calibration
from wallwatch.detect.episodes import LEAST_VOTES, PAUSE, Episode
from wallwatch.detect.forging import Trace, forgeable
from wallwatch.detect.runs import Moment

#: Another network that is so surely under the same restriction corroborates those who all have one look.
ONE_LOOK_OTHERS = 0.3

#: An episode is claimed from this probability on (`calibration`); the report's words go with the number.
CLAIMED = 0.6

#: However many votes one busy probe has: so much likelier must a restriction make them than broken probes do, in natural
#: logarithms, unless they keep to a pattern.
LEAST_RATIO = 2.5

#: What lasts no longer, with nobody in any country who found it working and no control, may be the service's own
#: failure (trap C10).
SHORT = 24

#: How much likelier a restriction must make the votes of a network that joins, in natural logarithms.
JOINS = 3.0

#: Hours before and after a restriction in which a network with little evidence joins it.
NEARBY = 24


@dataclass(frozen=True, slots=True)
class Support:
    """What lies behind an episode besides votes.

    Attributes:
        sources: Distinct sources that found it blocked.
        alone: Whether all of them look like one probe, and another kind of probe saw nothing.
        patterned: Whether its votes keep to a pattern in time.
        everywhere: Whether nobody, on any network of any country, found it working in that time, and nothing but the
            comparison with others speaks for it.
        credentialed: Whether most of those who found it blocked carry a credential.
        one_look: Whether all of those have one software and resolver, and no two credentials are among them.
        down: Whether most find it failing as it fails elsewhere: few who do not are stray failures.
        log_ratio: How much likelier a restriction makes the votes than broken probes do (`one_probe.log_ratio`).
        others: How sure the surest episode of another network at the time is, by itself.
        usual: Share of the votes that is against the target at other times, with what forgers could have made there.
        traces: The ways to read its votes, less what goes on around it (`forging.traces`).
        alike: Whether all votes, for and against, have one look.
        of_their_like: How often the like of those who found it working found it blocked (`one_probe.of_their_like`).
    """

    sources: int
    alone: bool
    patterned: bool
    everywhere: bool = False
    credentialed: bool = False
    one_look: bool = False
    down: bool = False
    log_ratio: float = math.inf
    others: float = 0.0
    usual: float = 0.0
    traces: tuple[Trace, ...] = ()
    alike: bool = True
    of_their_like: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Restriction:
    """One event.

    Attributes:
        kind: A key of `schema.words.EVENT_KINDS`.
        country: The country.
        service: The service.
        episodes: One or more for each network, by first hour.
        alarm: The hour in which the evidence for the first of them was enough.
        probability: That one of those that are claimed alone is a restriction.
        each: The probability of each episode.
    """

    kind: str
    country: str
    service: str
    episodes: tuple[Episode, ...]
    alarm: int
    probability: float
    each: tuple[float, ...]

    @property
    def event_id(self) -> str:
        """Made of what data added later leave as it is: kind, country, service and the hour of the alarm."""
        return event_id(self.kind, self.country, self.service, self.alarm)

    @property
    def first(self) -> int:
        """First hour with votes in it."""
        return min(episode.first for episode in self.episodes)

    @property
    def last(self) -> int:
        """Last hour with votes in it."""
        return max(episode.last for episode in self.episodes)

    @property
    def onset(self) -> Moment:
        """That of the episode that surely began first."""
        return min(self.episodes, key=lambda e: (e.onset.latest or e.first, e.network)).onset

    @property
    def end(self) -> Moment:
        """That of the episode that surely lasted longest."""
        return max(self.episodes, key=lambda e: (e.end.earliest or e.last, e.network)).end


def event_id(kind: str, country: str, service: str, hour: int) -> str:
    """An event's id: 16 hex digits of the SHA-256 of what it is, where, and the hour in which it was first sure."""
    text = f"{kind}\n{country}\n{service}\n{hour}"
    return "ev-" + hashlib.sha256(text.encode()).hexdigest()[:16]


def doubt(episode: Episode, support: Support) -> str | None:
    """Why forgers could have made an episode (`forging.forgeable`); null where they could not."""
    return forgeable(
        episode,
        support.traces,
        credentialed=support.credentialed,
        one_look=support.one_look and support.others < ONE_LOOK_OTHERS,
        usual=max(support.usual, episode.tells_most[2]),
        of_their_like=support.of_their_like,
    )


def contradicted(episode: Episode, support: Support) -> bool:
    """Whether nothing but what forgers can make speaks against claiming an episode (trap C2)."""
    return lacks(episode, support) is None and not support.patterned and doubt(episode, support) is not None


def probability(episode: Episode, support: Support) -> float:
    """How sure an episode is: no surer than the filter is of its votes, and than their company lets it be."""
    against, votes, _ = episode.tells_most
    calibrated = calibration.probability(
        support.log_ratio,
        episode.against,
        patterned=support.patterned,
        more=2 * against - votes,
        alike=support.alike,
        others=support.others,
    )
    return min(episode.probability, calibrated)


def in_company(episodes: Sequence[Episode], supports: Mapping[Episode, Support]) -> dict[Episode, Support]:
    """The supports with what else fails of the same service: on other networks at the time, on its own at other times."""
    by_service: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes:
        by_service.setdefault((episode.country, episode.service), []).append(episode)
    found = {}
    for members in by_service.values():
        # Of one look each, several networks corroborate one another.
        doubtful = {
            episode: doubt(episode, replace(supports[episode], one_look=False, usual=0.0)) is not None
            for episode in members
        }
        alone = {
            episode: probability(episode, supports[episode])
            for episode in members
            if not doubtful[episode] and not supports[episode].alone
        }
        for episode in members:
            others = max(
                (
                    sure
                    for other, sure in alone.items()
                    if other.network != episode.network and _overlap(other, episode)
                ),
                default=0.0,
            )
            forged = [
                other
                for other in members
                if doubtful[other]
                and (other.network, other.speaks) == (episode.network, episode.speaks)
                and not _overlap(other, episode)
            ]
            found[episode] = replace(supports[episode], others=others, usual=_usual(episode, forged))
    return found


def _overlap(one: Episode, other: Episode) -> bool:
    return one.first <= other.last and other.first <= one.last


def _usual(episode: Episode, forged: Sequence[Episode]) -> float:
    """Share of the votes against the target at other times and in what forgers could have made; 0 where there is none."""
    if not forged:
        return 0.0
    beside, votes = episode.tells_most[2], episode.votes_beside
    against = beside * votes + math.fsum(other.tells_most[0] for other in forged)
    return against / (votes + math.fsum(other.tells_most[1] for other in forged))


def claimable(episode: Episode, support: Support) -> bool:
    """Whether an episode may be claimed on its own evidence."""
    return lacks(episode, support) is None and (support.patterned or doubt(episode, support) is None)


def lacks(episode: Episode, support: Support) -> str | None:
    """What an episode lacks to be claimed, if none of its votes were forged; null where nothing.

    Returns:
        `votes`: they are too few; `sources`: all are of one source; `probes`: broken probes explain it as well;
        `elsewhere`: it fails as it does elsewhere, or nobody found it working.
    """
    if episode.alarm is None:
        return "votes"
    if support.sources < 2:
        return "sources"
    if support.down or (support.everywhere and episode.last - episode.first < SHORT):
        return "elsewhere"
    likely = support.patterned or support.log_ratio >= LEAST_RATIO
    if support.alone or not likely or probability(episode, support) < CLAIMED:
        return "probes"
    return None


def joins(episode: Episode, support: Support) -> bool:
    """Whether an episode may join a restriction that others show."""
    return (
        support.sources >= 2
        and not support.down
        and episode.against >= LEAST_VOTES / 2
        and support.log_ratio >= JOINS
        and (doubt(episode, support) is None or support.patterned)
    )


def restrictions(
    kind: str, episodes: Sequence[Episode], supports: Mapping[Episode, Support]
) -> list[Restriction]:
    """The events that the episodes make.

    Args:
        kind: Of what kind they are.
        episodes: All of them.
        supports: What lies behind each.
    """
    by_service: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes:
        by_service.setdefault((episode.country, episode.service), []).append(episode)
    found: list[Restriction] = []
    for (country, service), members in sorted(by_service.items()):
        members.sort(key=lambda e: (e.first, e.last, e.network))
        groups: list[list[Episode]] = []
        until = 0
        for episode in members:
            if not claimable(episode, supports[episode]):
                # What may join shows that it went on.
                if groups and episode.first - until <= PAUSE and joins(episode, supports[episode]):
                    until = max(until, episode.last)
                continue
            if not groups or episode.first - until > PAUSE:
                groups.append([])
                until = episode.last
            groups[-1].append(episode)
            until = max(until, episode.last)
        for group in groups:
            first, last = min(e.first for e in group), max(e.last for e in group)
            alarm = min(e.alarm for e in group if e.alarm is not None)
            for episode in members:
                near = episode.first <= last + NEARBY and episode.last >= first - NEARBY
                if near and not claimable(episode, supports[episode]) and joins(episode, supports[episode]):
                    group.append(episode)
            group.sort(key=lambda e: (e.first, e.last, e.network))
            each = tuple(probability(episode, supports[episode]) for episode in group)
            sure = 1 - math.prod(1 - p for p, e in zip(each, group, strict=True) if claimable(e, supports[e]))
            found.append(Restriction(kind, country, service, tuple(group), alarm, sure, each))
    return found
