"""Could forgers have made it? How many find it blocked, what goes on around it, and at whose pace (trap C2).

Where probes carry no credentials, three tenths of the sessions may be forged, in every hour and by every kind of
software. What forgers cannot do is stop the measurements of others from working. An order does: failures follow what is
measured, and what worked before fails. Forged failures keep to their own pace: in hours in which few others measure they
are most of the votes, and before and after these hours there are as many of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from wallwatch.detect.episodes import Episode

Floats = npt.NDArray[np.float64]

#: So large a share of the votes can be forged, where they carry no credentials. The share against the target must be
#: larger, with confidence `CONFIDENCE`, unless the votes keep to a pattern in time; and larger still by `CONTRAST` times
#: what the share at other times is above `USUAL`, and by `CONTRAST_NEARBY` times what that shortly before, after or
#: between is. What lasts longer than `GAP_HOURS` is less likely to be a gap that forgers filled, in proportion.
FORGED = 0.4
UNFORGEABLE = 0.25
USUAL = 0.1
CONTRAST = 2.0
CONTRAST_NEARBY = 6.0
GAP_HOURS = 96
CONFIDENCE = 0.6

#: Where there are many votes and less than half are against the target, a larger share of them must be, since a probe
#: that is broken while forgers are at work adds to theirs.
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

#: Hours before and after that are shortly before and after, from the first of these numbers to the second: what is nearer
#: can be part of it. The share there is pulled to nothing as if so many more votes were fine.
NEARBY_HOURS = (12, 60)
PULL = 10.0

#: What goes on around it at a pace is taken off: failures by the hour, less this share of the votes (stray failures),
#: in not less than so many hours.
STRAY = 0.05
PACE_HOURS = 24

#: Failures follow their own pace where that makes their numbers in pieces of so many hours so much likelier than that
#: they follow what is measured, in natural logarithms.
PIECE_HOURS = 12
OWN_PACE = 1.5

#: The densest part of an episode speaks for it where so many more votes than half are against the target, less what goes
#: on around that part at the same pace and thrice the deviation of that.
DENSE_VOTES = 15.0
DENSE_DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One way to read the votes of an episode.

    Attributes:
        against: Votes against the target, less those that go on around it at the same pace.
        votes: All votes, less the same.
        nearby: Greatest share against the target shortly before, after or between; pulled to nothing where few vote.
        own_pace: How much likelier it is that failures keep to a pace of their own than that they follow what is
            measured, in natural logarithms.
        dense: Whether this is its densest part only, chosen for that.
    """

    against: float
    votes: float
    nearby: float = 0.0
    own_pace: float = 0.0
    dense: bool = False


@dataclass(frozen=True, slots=True)
class Hourly:
    """The votes of one series.

    Attributes:
        hour: Hours with votes, since 1970-01-01 00:00 UTC; rising; [hours].
        k: Votes against the target; [hours].
        n: All votes; [hours].
    """

    hour: npt.NDArray[np.int32]
    k: Floats
    n: Floats

    def sums(self, edges: Sequence[int] | npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Votes against and all votes, between one edge and before the next."""
        at = np.searchsorted(self.hour, edges)
        k, n = (np.concatenate([[0.0], np.cumsum(part)])[at] for part in (self.k, self.n))
        return np.diff(k), np.diff(n)

    def count(self, first: int, stop: int) -> Floats:
        """Votes against, all votes, and hours, from `first` to before `stop`."""
        (k,), (n,) = self.sums([first, stop])
        return np.array([k, n, stop - first], dtype=np.float64)

    def sides(self, first: int, stop: int) -> list[Floats]:
        """The counts shortly before and after."""
        near, far = NEARBY_HOURS
        return [self.count(first - far, first - near), self.count(stop + near, stop + far)]


def traces(votes: Hourly, episode: Episode) -> tuple[Trace, ...]:
    """The ways to read an episode: its runs, where these leave pauses the whole from first to last, its densest part.

    Args:
        votes: Of the series that speaks for it (`Episode.speaks`), from 72 hours before it to 72 hours after it or more.
        episode: The episode.
    """
    first, stop = episode.first, episode.last + 1
    runs = sorted((a, b + 1) for a, b in episode.stretches)
    sides = votes.sides(first, stop)
    pauses = [votes.count(b, a) for (_, b), (a, _) in itertools.pairwise(runs) if a > b]
    found = [_trace(votes, runs, [*sides, *pauses])]
    if pauses:
        found.append(_trace(votes, [(first, stop)], sides))
    densest = _densest(votes, first, stop)
    if densest is not None:
        rest = votes.count(first, stop) - votes.count(*densest)
        found.append(_trace(votes, [densest], [*sides, rest, *votes.sides(*densest)], dense=True))
    return tuple(found)


def _trace(
    votes: Hourly, parts: Sequence[tuple[int, int]], around: Sequence[Floats], *, dense: bool = False
) -> Trace:
    k, n, hours = np.sum([votes.count(*part) for part in parts], axis=0).tolist()
    pace = max(max(a - STRAY * b, 0.0) / max(c, PACE_HOURS) for a, b, c in around)
    going_on = pace * hours
    if dense:
        going_on += DENSE_DEVIATIONS * math.sqrt(going_on)
    going_on = min(going_on, k)
    nearby = max(a / (b + PULL) for a, b, _ in around)
    return Trace(k - going_on, n - going_on, nearby, _own_pace(votes, parts), dense)


def _own_pace(votes: Hourly, parts: Sequence[tuple[int, int]]) -> float:
    """Poisson failures by the hour against Poisson failures by the vote, given how many there are."""
    pieces = []
    for first, stop in parts:
        inner = np.arange(first // PIECE_HOURS + 1, (stop - 1) // PIECE_HOURS + 1) * PIECE_HOURS
        edges = np.concatenate([[first], inner, [stop]])
        pieces.append((*votes.sums(edges), np.diff(edges)))
    k, n, hours = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    voted = n > 0
    by_hour = hours[voted] / hours.sum()
    by_vote = n[voted] / n.sum()
    return math.fsum((k[voted] * np.log(by_hour / by_vote)).tolist())


def _densest(votes: Hourly, first: int, stop: int) -> tuple[int, int] | None:
    """The part with most votes against the target above half of all (Bentley 1984); null where there is none."""
    lo, hi = np.searchsorted(votes.hour, [first, stop]).tolist()
    most, so_far, since, found = 0.0, 0.0, lo, None
    for at in range(lo, hi):
        if so_far <= 0:
            so_far, since = 0.0, at
        so_far += float(votes.k[at]) - 0.5 * float(votes.n[at])
        if so_far > most:
            most, found = so_far, (int(votes.hour[since]), int(votes.hour[at]) + 1)
    return found


def forgeable(episode: Episode, told: Sequence[Trace], *, credentialed: bool, one_look: bool) -> str | None:
    """Why forgers could have made an episode; null where one way to read it shows more than they can.

    Args:
        episode: The episode.
        told: The ways to read it (`traces`).
        credentialed: Whether most of those who found it blocked carry a credential.
        one_look: Whether all of those look like one probe, and no other network shows the same.

    Returns:
        `share`: so large a share can be forged; `around`: it can where the target fails shortly before or after, or at
        other times, as well; `pace`: failures keep to a pace of their own, whatever others measure.
    """
    if credentialed:
        against, votes, _ = episode.tells_most
        told = [Trace(against, votes)]
    reasons = [_reason(episode, trace, credentialed, one_look) for trace in told]
    return None if None in reasons else reasons[0]


def _reason(episode: Episode, trace: Trace, credentialed: bool, one_look: bool) -> str | None:
    against, votes = trace.against, trace.votes
    if trace.dense:
        if against - 0.5 * votes < DENSE_VOTES:
            return "share"
        return "pace" if trace.own_pace > OWN_PACE else None
    bar = UNFORGEABLE if credentialed else FORGED
    if not credentialed and votes >= MANY_VOTES and against < PARTIAL * votes:
        bar = FORGED_AND_BROKEN
    beside = episode.tells_most[2]
    gap = min(1.0, GAP_HOURS / (episode.last - episode.first + 1))
    around = CONTRAST * max(beside - USUAL, 0.0) + CONTRAST_NEARBY * gap * max(trace.nearby - USUAL, 0.0)
    if votes >= MOST * (votes + episode.votes_beside):
        bar, around = max(bar, MOSTLY), max(bar + around - MOSTLY, 0.0)
    confidence = CONFIDENCE
    if one_look and episode.against < ONE_LOOK_VOTES:
        bar, around = max(bar, ONE_LOOK), max(bar + around - ONE_LOOK, 0.0)
        confidence = ONE_LOOK_CONFIDENCE

    def exceeds(bar: float) -> bool:
        """By a beta posterior with Jeffreys' prior."""
        return bool(betainc(against + 0.5, votes - against + 0.5, min(bar, 1.0)) <= 1 - confidence)

    if not exceeds(bar + around):
        return "around" if exceeds(bar) else "share"
    return "pace" if trace.own_pace > OWN_PACE else None
