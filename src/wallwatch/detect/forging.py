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
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import betainc, gammaln

from wallwatch.detect.episodes import Episode
from wallwatch.detect.runs import WEEK

Floats = npt.NDArray[np.float64]

#: So large a share of the votes can be forged, where they carry no credentials. The share against the target must be
#: larger, with confidence `CONFIDENCE`, unless the votes keep to a pattern in time; and larger still by `CONTRAST` times
#: what the share at other times is above `USUAL`.
FORGED = 0.4
UNFORGEABLE = 0.25
USUAL = 0.1
CONTRAST = 2.0
CONFIDENCE = 0.6

#: Where less than half of the votes are against the target, a larger share of them must be, since a probe that is broken
#: while forgers are at work adds to theirs; less in what lasts longer than such a probe is broken, and where there are
#: too few votes to tell so much from half.
PARTIAL = 0.5
FORGED_AND_BROKEN = 0.48
BROKEN_HOURS = 48
MANY_VOTES = 400

#: Of so large a share no prevalence at other times tells what is usual: half of the votes at least must be against the
#: target where three quarters of all votes are within the restriction.
MOSTLY = 0.5
MOST = 0.75

#: Where all who found it blocked have one look and few votes, and no other network shows the same, one person can be all
#: of them: a larger share must be against the target, with more confidence.
ONE_LOOK = 0.6
ONE_LOOK_CONFIDENCE = 0.8
ONE_LOOK_VOTES = 30

#: Forgers and broken probes together make no restriction: where less than half of the votes are against the target, once
#: what goes on around is taken off, the like of those in whose favour it is must likelier than not fail more often than
#: forgers make them, unless of all votes more than half are against it with this confidence. But where the votes in its
#: favour keep to the clock so much better than those against it, in natural logarithms and by so large a factor, it is they
#: that are forged.
SURELY = 0.95
FINE_BY_THE_CLOCK = 3.0
FINE_BY_THE_CLOCK_TIMES = 2.0

#: In so many hours or more, forgers can be all who measure. Where so large a share of the votes is against the target, there
#: must be more of them than three tenths of the sessions make of as many votes as were usual in the week before.
PAUSE_HOURS = 36
PAUSE_SHARE = 0.9
ADDED = 0.3 / 0.7

#: Hours before and after that are shortly before and after, from the first of these numbers to the second: what is nearer
#: can be part of it.
NEARBY_HOURS = (12, 60)

#: What goes on around it is taken off: failures by the hour, or by the vote where forgers come when others measure, less
#: this share of the votes (stray failures), in not less than so many hours and votes.
STRAY = 0.05
PACE_HOURS = 24
PACE_VOTES = 24

#: Failures follow their own pace where that makes their numbers in pieces of so many hours so much likelier than that
#: they follow what is measured, in natural logarithms.
PIECE_HOURS = 12
OWN_PACE = 1.5

#: Forgers were at work around it where their pace, over whatever stretch up to so many hours before and after suits it
#: best, makes what fails in it and around it so much likelier than a restriction beside stray failures does, in natural
#: logarithms. Stray failures are this share of the votes, and in a piece of hours at this chance any share.
REACH_HOURS = 72
AT_WORK = 3.0
BESIDE = 0.03
ANY_SHARE = 0.05

#: It is shown in spite of them by so many votes more than their pace and so many of its deviations.
LEFT = 3.2
LEFT_DEVIATIONS = 4.0

#: There are many stretches of so few hours in which forgers may crowd by chance: there so many deviations of what goes on
#: around are taken off as well.
SHORT_HOURS = 24
SHORT_DEVIATIONS = 2.0

#: The densest part of an episode speaks for it where so many more votes than half are against the target, less what goes
#: on around that part at the same pace and thrice the deviation of that.
DENSE_VOTES = 15.0
DEVIATIONS = 3.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One way to read the votes of an episode.

    Attributes:
        against: Votes against the target, less those that go on around it at the same pace.
        votes: All votes, less the same.
        own_pace: How much likelier it is that failures keep to a pace of their own than that they follow what is
            measured, in natural logarithms.
        at_work: How much likelier forgers who were at work around it as well make what fails in it and around it, in
            natural logarithms.
        spared: What their pace and `LEFT_DEVIATIONS` of it leave of the votes against the target.
        dense: Whether this is its densest part only, chosen for that.
        fine_by_the_clock: Whether votes in favour of the target keep to the clock, and those against it do not.
    """

    against: float
    votes: float
    own_pace: float = 0.0
    at_work: float = 0.0
    spared: float = 0.0
    dense: bool = False
    fine_by_the_clock: bool = False


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

    Forgers who explain one of several runs need not have been at work around the others: such an episode is convincing in
    its stretches only (`episodes.apart`), unless all of them look so and together do not.

    Args:
        votes: Of the series that speaks for it (`Episode.speaks`), from 72 hours before it to 72 hours after it or more.
        episode: The episode.
    """
    first, stop = episode.first, episode.last + 1
    runs = sorted((a, b + 1) for a, b in episode.stretches)
    sides = votes.sides(first, stop)
    pauses = [votes.count(b, a) for (_, b), (a, _) in itertools.pairwise(runs) if a > b]
    found = [_trace(votes, runs, [*sides, *pauses])]
    each = [_at_work(votes, [run])[0] for run in runs] if pauses else []
    if each and min(each) <= AT_WORK < max(each):
        found = [replace(found[0], at_work=max(each), spared=0.0)]
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
    going_on = max(
        max(a - STRAY * b, 0.0) * max(hours / max(c, PACE_HOURS), 0.0 if dense else n / max(b, PACE_VOTES))
        for a, b, c in around
    )
    at_work, pace = _at_work(votes, parts)
    forged = hours * pace
    if dense:
        going_on = max(going_on, forged) if at_work > AT_WORK else going_on
        going_on += DEVIATIONS * math.sqrt(going_on)
    elif hours <= SHORT_HOURS:
        going_on += SHORT_DEVIATIONS * math.sqrt(going_on)
    going_on = min(going_on, k)
    spared = max(k - forged - LEFT_DEVIATIONS * math.sqrt(forged), 0.0)
    failed, fine = _own_pace(votes, parts)
    by_the_clock = fine - failed > FINE_BY_THE_CLOCK and FINE_BY_THE_CLOCK_TIMES * fine > failed
    return Trace(k - going_on, n - going_on, failed, at_work, spared, dense, by_the_clock)


def _at_work(votes: Hourly, parts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """How much likelier forgers around it make all failures, in natural logarithms; and their pace by the hour.

    Both ways to explain them are Poisson in pieces of hours: at one pace in one stretch that holds all parts, and beside
    it stray; or by the vote in the parts, and beside them stray.
    """
    first, stop = parts[0][0] - REACH_HOURS, parts[-1][1] + REACH_HOURS
    bounds = [edge for part in parts for edge in part]
    pieces = range((first // PIECE_HOURS + 1) * PIECE_HOURS, stop, PIECE_HOURS)
    edges = np.unique([first, *pieces, *bounds, stop])
    k, n = votes.sums(edges)
    inside = np.searchsorted(bounds, edges[:-1], side="right") % 2 == 1
    voted = n > 0
    k, n, hours, inside = k[voted], n[voted], np.diff(edges)[voted], inside[voted]
    within = np.flatnonzero(inside)
    stray = np.logaddexp(
        math.log1p(-ANY_SHARE) + _poisson(k, BESIDE * n), math.log(ANY_SHARE) - np.log1p(n) + gammaln(k + 1)
    )
    by_vote = _poisson(k, n * (k[inside].sum() / n[inside].sum()))
    restricted = float(np.where(inside, by_vote, stray).sum())
    # Every stretch from one of the pieces up to the first part to one of those from the last on.
    starts, stops = np.arange(within[0] + 1), np.arange(within[-1] + 1, len(k) + 1)
    k_sum, n_sum, hours_sum, stray_sum = (
        np.concatenate([[0.0], np.cumsum(column)]) for column in (k, n, hours, stray)
    )

    def total(sums: Floats) -> Floats:
        return np.asarray(sums[stops] - sums[starts][:, None])

    pace = np.maximum(total(k_sum) - BESIDE * total(n_sum), 1e-6) / total(hours_sum)
    held = (np.arange(len(k)) >= starts[:, None, None]) & (np.arange(len(k)) < stops[:, None])
    at_pace = np.where(held, _poisson(k, pace[:, :, None] * hours + BESIDE * n), 0.0).sum(axis=2)
    forged = at_pace + stray_sum[-1] - total(stray_sum)
    best = int(forged.argmax())
    return float(forged.flat[best]) - restricted, float(pace.flat[best])


def _poisson(k: Floats, mean: Floats) -> Floats:
    """Logarithm of the Poisson probability of k failures, but for the number of orders, which all ways share."""
    return np.asarray(k * np.log(np.maximum(mean, 1e-9)) - mean)


def _own_pace(votes: Hourly, parts: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """Poisson failures by the hour against Poisson failures by the vote, given how many there are; the same of the rest."""
    pieces = []
    for first, stop in parts:
        inner = np.arange(first // PIECE_HOURS + 1, (stop - 1) // PIECE_HOURS + 1) * PIECE_HOURS
        edges = np.concatenate([[first], inner, [stop]])
        pieces.append((*votes.sums(edges), np.diff(edges)))
    k, n, hours = (np.concatenate(columns) for columns in zip(*pieces, strict=True))
    voted = n > 0
    k, n, hours = k[voted], n[voted], hours[voted] / hours.sum()
    gain = np.log(hours / (n / n.sum()))
    return math.fsum((k * gain).tolist()), math.fsum(((n - k) * gain).tolist())


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


def forgeable(
    episode: Episode,
    told: Sequence[Trace],
    *,
    credentialed: bool,
    one_look: bool,
    usual: float = 0.0,
    of_their_like: tuple[float, float] = (0.0, 0.0),
) -> str | None:
    """Why forgers could have made an episode; null where one way to read it shows more than they can.

    Args:
        episode: The episode.
        told: The ways to read it (`traces`).
        credentialed: Whether most of those who found it blocked carry a credential.
        one_look: Whether all of those look like one probe, and no other network shows the same.
        usual: Share of the votes that is against the target at other times.
        of_their_like: How often the like of those who found it working found it blocked (`one_probe.of_their_like`).

    Returns:
        `share`: so large a share can be forged; `around`: it can where the target fails shortly before or after, at the
        same pace, or at other times, as well; `pace`: failures keep to a pace of their own, whatever others measure.
    """
    against, votes, _ = episode.tells_most
    if credentialed:
        told = [Trace(against, votes)]
    partial = not credentialed and not _exceeds(against, votes, PARTIAL, SURELY)
    unlike = partial and not _exceeds(*of_their_like, FORGED, 0.5)
    hours = sum(last - first + 1 for first, last in episode.stretches)
    paused = not credentialed and hours >= PAUSE_HOURS and against >= PAUSE_SHARE * votes
    if paused and against < ADDED * episode.votes_before / WEEK * hours:
        told = [trace for trace in told if trace.dense]
    reasons = [_reason(episode, trace, usual, credentialed, one_look, unlike) for trace in told]
    return None if None in reasons else next(iter(reasons), "share")


def _exceeds(against: float, votes: float, bar: float, confidence: float) -> bool:
    """Whether the share of votes against the target is above a bar, by a beta posterior with Jeffreys' prior."""
    return bool(betainc(against + 0.5, votes - against + 0.5, min(bar, 1.0)) <= 1 - confidence)


def _reason(
    episode: Episode, trace: Trace, usual: float, credentialed: bool, one_look: bool, unlike: bool
) -> str | None:
    against, votes = trace.against, trace.votes
    if trace.dense:
        if against - 0.5 * votes < DENSE_VOTES:
            return "share"
        return "pace" if trace.own_pace > OWN_PACE else None
    bar = UNFORGEABLE if credentialed else FORGED
    partial = not credentialed and against < PARTIAL * votes
    if partial and unlike and not trace.fine_by_the_clock:
        return "share"
    if partial:
        lasting = min(1.0, BROKEN_HOURS / (episode.last - episode.first + 1))
        bar += (FORGED_AND_BROKEN - FORGED) * lasting * min(1.0, votes / MANY_VOTES)
    around = CONTRAST * max(usual - USUAL, 0.0)
    if votes >= MOST * (votes + episode.votes_beside):
        bar, around = max(bar, MOSTLY), max(bar + around - MOSTLY, 0.0)
    confidence = CONFIDENCE
    if one_look and episode.against < ONE_LOOK_VOTES:
        bar, around = max(bar, ONE_LOOK), max(bar + around - ONE_LOOK, 0.0)
        confidence = ONE_LOOK_CONFIDENCE

    if not _exceeds(against, votes, bar + around, confidence):
        return "around" if _exceeds(against, votes, bar, confidence) else "share"
    if trace.own_pace > OWN_PACE:
        return "pace"
    in_spite = trace.spared >= LEFT and _exceeds(
        trace.spared, trace.spared + votes - against, bar + around, confidence
    )
    return None if trace.at_work <= AT_WORK or in_spite else "around"
