"""Restrictions: the episodes of one service in one country that are one event, growing over networks (trap C11)."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import betainc

from wallwatch.detect import calibration
from wallwatch.detect.episodes import LEAST_VOTES, PAUSE, Episode
from wallwatch.detect.runs import Moment

#: So large a share of the votes can be forged (trap C2), where they carry no credentials. The share against the target
#: must be larger, with confidence `CONFIDENCE`, unless the votes keep to a pattern in time; and larger still by
#: `CONTRAST` times what the share at other times is above `USUAL`: who forges, or fails, all the time does so in some
#: hours more than in others.
FORGED = 0.4
UNFORGEABLE = 0.25
USUAL = 0.1
CONTRAST = 2.0
CONFIDENCE = 0.6

#: The same for the share shortly before and after it: where forgers are at work, hours in which nobody else measures
#: are all theirs. What lasts longer than so many hours is less likely to be such a gap, in proportion.
CONTRAST_NEARBY = 6.0
GAP_HOURS = 96

#: A lesser share of votes without credentials is partial: all looks must then fail alike, and where there are many votes
#: a larger share of them, since a probe that is broken while forgers are at work adds to theirs.
PARTIAL = 0.5
FORGED_AND_BROKEN = 0.43
MANY_VOTES = 100

#: Of so large a share no prevalence at other times tells what is usual: half of the votes at least must be against the
#: target where three quarters of all votes are within the restriction.
MOSTLY = 0.5
MOST = 0.75

#: Where all who found it blocked have one look and few votes, and no other network shows the same, one person can be all
#: of them: a larger share must be against the target, with more confidence.
ONE_LOOK = 0.6
ONE_LOOK_CONFIDENCE = 0.8
ONE_LOOK_VOTES = 30
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
        log_ratio: How much likelier a restriction makes the votes than broken probes do (`one_probe.log_ratio`).
        others: How sure the surest episode of another network at the time is, by itself.
        alike: How much likelier one rate of failure for all looks is than one for each (`one_probe.alike`).
        nearby: Share of votes against the target shortly before or after it.
    """

    sources: int
    alone: bool
    patterned: bool
    everywhere: bool = False
    credentialed: bool = False
    one_look: bool = False
    log_ratio: float = math.inf
    others: float = 0.0
    alike: float = 0.0
    nearby: float = 0.0


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


def forgeable(episode: Episode, support: Support) -> str | None:
    """Why forgers could have made an episode; null where more of the votes are against the target than they can.

    A beta posterior with Jeffreys' prior is compared with a bar.

    Returns:
        `uneven`: the votes are partial, and some looks always fail, others never; `share`: so large a share can be
        forged; `around`: it can where the target fails shortly before or after, or at other times, as well.
    """
    bar = UNFORGEABLE if support.credentialed else FORGED
    against, votes, beside = episode.tells_most
    partial = not support.credentialed and against < PARTIAL * votes
    if partial and support.alike < 0:
        return "uneven"
    if partial and votes >= MANY_VOTES:
        bar = FORGED_AND_BROKEN
    around = CONTRAST * max(beside - USUAL, 0.0)
    if not support.credentialed:
        gap = min(1.0, GAP_HOURS / (episode.last - episode.first + 1))
        around += CONTRAST_NEARBY * gap * max(support.nearby - USUAL, 0.0)
    if votes >= MOST * (votes + episode.votes_beside):
        bar, around = max(bar, MOSTLY), max(bar + around - MOSTLY, 0.0)
    confidence = CONFIDENCE
    unsupported = support.one_look and support.others < ONE_LOOK_OTHERS
    if unsupported and episode.against < ONE_LOOK_VOTES:
        bar, around = max(bar, ONE_LOOK), max(bar + around - ONE_LOOK, 0.0)
        confidence = ONE_LOOK_CONFIDENCE

    def exceeds(bar: float) -> bool:
        return bool(betainc(against + 0.5, votes - against + 0.5, min(bar, 1.0)) <= 1 - confidence)

    if exceeds(bar + around):
        return None
    return "around" if exceeds(bar) else "share"


def outweighs_forgery(episode: Episode, support: Support) -> bool:
    """Whether more of the votes are against the target than can be forged."""
    return forgeable(episode, support) is None


def contradicted(episode: Episode, support: Support) -> bool:
    """Whether nothing but what forgers can make speaks against claiming an episode (trap C2)."""
    return _enough(episode, support) and not support.patterned and not outweighs_forgery(episode, support)


def probability(episode: Episode, support: Support) -> float:
    """How sure an episode is: no surer than the filter is of its votes, and than their company lets it be."""
    calibrated = calibration.probability(
        support.log_ratio,
        episode.against,
        patterned=support.patterned,
        credentialed=support.credentialed,
        others=support.others,
    )
    return min(episode.probability, calibrated)


def in_company(episodes: Sequence[Episode], supports: Mapping[Episode, Support]) -> dict[Episode, Support]:
    """The supports with what other networks of the country show of the same service at the time."""
    by_service: dict[tuple[str, str], list[Episode]] = {}
    for episode in episodes:
        by_service.setdefault((episode.country, episode.service), []).append(episode)
    found = {}
    for members in by_service.values():
        alone = {
            episode: probability(episode, supports[episode])
            for episode in members
            # Of one look each, several networks corroborate one another.
            if outweighs_forgery(episode, replace(supports[episode], one_look=False))
            and not supports[episode].alone
        }
        for episode in members:
            others = max(
                (
                    sure
                    for other, sure in alone.items()
                    if other.network != episode.network
                    and other.first <= episode.last
                    and other.last >= episode.first
                ),
                default=0.0,
            )
            found[episode] = replace(supports[episode], others=others)
    return found


def claimable(episode: Episode, support: Support) -> bool:
    """Whether an episode may be claimed on its own evidence."""
    return _enough(episode, support) and (support.patterned or outweighs_forgery(episode, support))


def _enough(episode: Episode, support: Support) -> bool:
    """Whether its votes would be enough to claim an episode, if none of them were forged."""
    return (
        episode.alarm is not None
        and support.sources >= 2
        and not support.alone
        and not (support.everywhere and episode.last - episode.first < SHORT)
        and probability(episode, support) >= CLAIMED
        and (support.patterned or support.log_ratio >= LEAST_RATIO)
    )


def joins(episode: Episode, support: Support) -> bool:
    """Whether an episode may join a restriction that others show."""
    return (
        support.sources >= 2
        and episode.against >= LEAST_VOTES / 2
        and support.log_ratio >= JOINS
        and (outweighs_forgery(episode, support) or support.patterned)
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
