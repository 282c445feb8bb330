"""Restrictions: the episodes of one service in one country that are one event, growing over networks (trap C11)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.special import betainc

from wallwatch.detect.episodes import ENOUGH, PAUSE, Episode
from wallwatch.detect.runs import Moment

#: So large a share of the votes can be forged (trap C2). The share against the target must be larger, with confidence
#: `CONFIDENCE`, unless the votes keep to a pattern in time; and larger still by `CONTRAST` times what the share at
#: other times is above `USUAL`: who forges, or fails, all the time does so in some hours more than in others.
FORGED = 0.35
USUAL = 0.05
CONTRAST = 2.0
CONFIDENCE = 0.95

#: What could be one probe that fails for hours, in many sessions, needs a larger share (trap C18), while it has fewer
#: votes than a restriction on a network that is measured much.
ONE_PROBE = 0.6
ONE_PROBE_VOTES = 30

#: What lasts no longer, with nobody in any country who found it working and no control, may be the service's own
#: failure (trap C10).
SHORT = 24

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
        alike: Whether all of it could be one probe in many sessions.
    """

    sources: int
    alone: bool
    patterned: bool
    everywhere: bool = False
    alike: bool = False


@dataclass(frozen=True, slots=True)
class Restriction:
    """One event.

    Attributes:
        kind: A key of `schema.words.EVENT_KINDS`.
        country: The country.
        service: The service.
        episodes: One or more for each network, by first hour.
        alarm: The hour in which the evidence for the first of them was enough.
    """

    kind: str
    country: str
    service: str
    episodes: tuple[Episode, ...]
    alarm: int

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
    def probability(self) -> float:
        """That of its surest episode."""
        return max(episode.probability for episode in self.episodes)

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


def outweighs_forgery(episode: Episode, share: float = FORGED) -> bool:
    """Whether more of the votes are against the target than can be forged: a beta posterior with Jeffreys' prior."""
    against, votes, beside = episode.tells_most
    bar = min(share + CONTRAST * max(beside - USUAL, 0.0), 1.0)
    return bool(betainc(against + 0.5, votes - against + 0.5, bar) <= 1 - CONFIDENCE)


def claimable(episode: Episode, support: Support) -> bool:
    """Whether an episode may be claimed on its own evidence."""
    one_probe = support.alike and episode.against < ONE_PROBE_VOTES
    return (
        episode.alarm is not None
        and support.sources >= 2
        and not support.alone
        and not (support.everywhere and episode.last - episode.first < SHORT)
        and (outweighs_forgery(episode, ONE_PROBE if one_probe else FORGED) or support.patterned)
    )


def joins(episode: Episode, support: Support) -> bool:
    """Whether an episode may join a restriction that others show."""
    return (
        support.sources >= 2
        and episode.against >= ENOUGH / 2
        and (outweighs_forgery(episode) or support.patterned)
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
            found.append(Restriction(kind, country, service, tuple(group), alarm))
    return found
