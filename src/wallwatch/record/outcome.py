"""What an answer to a claim is, what a contradiction takes, and words that all answers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wallwatch.record import evidence
from wallwatch.record.claims import Claim, Known

#: The answers, and what each means.
VERDICTS: Final = {
    "supported": "measurements show what is claimed",
    "contradicted": "enough measurements show the opposite",
    "partly": "measurements show a part of what is claimed, or something near it",
    "not measured": "the data do not reach there: neither for nor against",
    "not checkable": "nothing that is measured here could decide it",
}

#: A network counts as found fine with so many independent sessions …
FINE_SESSIONS: Final = 5
#: … of which no greater share found it blocked, …
FINE_SHARE: Final = 0.1
#: … on at least this share of the days asked for.
FINE_DAYS: Final = 0.5
#: So many fine networks contradict a claim about a country.
FINE_NETWORKS: Final = 3
#: A network takes part in blocking with so many sessions that found it in the time asked for.
SEEN: Final = 1.0
#: Of the networks with enough measurements, the share that makes "nationwide" true.
WIDE_SHARE: Final = 0.9
#: A signal contradicts a blackout when it has this share of its bins in the time …
COVERED: Final = 0.9
#: … and none of them is below this share of the usual level.
NORMAL: Final = 0.7
#: Measurements from inside contradict a national blackout of so many hours when no half of that passes without a success …
STRETCH_HOURS: Final = 6
#: … from this many networks.
STRETCH_NETWORKS: Final = 3
#: From this probability of a finding on, it is taken as shown.
SHOWN: Final = 0.9

FLOOR: Final = (
    (
        f"blocking is contradicted on a network by {FINE_SESSIONS} or more independent sessions on at least "
        f"{FINE_DAYS:.0%} of the days, of which at most {FINE_SHARE:.0%} found it blocked; in a country by "
        f"{FINE_NETWORKS} or more such networks and no network that was blocked or is in doubt"
    ),
    (
        f"a shutdown is contradicted by a signal with values for at least {COVERED:.0%} of the time, none below "
        f"{NORMAL:.0%} of the usual level of its hour; or by successful measurements from {STRETCH_NETWORKS} or more "
        f"networks in every {STRETCH_HOURS // 2} hours (then none of {STRETCH_HOURS} hours is missed)"
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a claim.

    Attributes:
        claim: The claim.
        verdict: A key of `VERDICTS`.
        because: Why, in one sentence.
        evidence: What it rests on: objects with `kind`, `text` and, where there is one, `id`.
        limits: What the data cannot say.
        parts: The answers for each country and target, where there are several.
    """

    claim: Claim
    verdict: str
    because: str
    evidence: tuple[dict[str, Any], ...] = ()
    limits: tuple[str, ...] = ()
    parts: tuple[Answer, ...] = field(default=())


def when(moment: datetime | None) -> str:
    """A time as answers write it."""
    return "?" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def span_words(span: tuple[datetime, datetime], claim: Claim) -> str:
    """The time of a claim in words."""
    if claim.since is None and claim.until is None:
        return "in the data"
    if claim.since is None:
        return f"until {when(span[1])}"
    if claim.until is None:
        return f"since {when(span[0])}"
    return f"from {when(span[0])} to {when(span[1])}"


def general_limits(claim: Claim, known: Known) -> list[str]:
    """What the data cannot say, whatever the claim is about."""
    limits = []
    if claim.since is None and claim.until is None:
        limits.append(
            f"The claim names no time; all data were looked at, {when(known.first)} to {when(known.last)}."
        )
    else:
        limits.append("Days and months are taken in UTC; local days may begin hours earlier or later.")
    if claim.causal:
        limits.append("Who ordered it and why is not measured; only whether it happened is.")
    return limits


def open_end(known: Known, claim: Claim) -> tuple[datetime, datetime]:
    """The time to look at: for "since …" it goes on to the end of the data."""
    first, last = evidence.window(claim)
    if claim.aspect == "began" and claim.since is not None and known.last is not None:
        last = max(last, known.last)
    return first, last


def began(verdict: str, why: str, events: Sequence[dict[str, Any]], claim: Claim) -> tuple[str, str]:
    """The answer and its reason, given when the claim says that it began."""
    event = min(events, key=lambda one: one["onset_earliest"] or datetime.min.replace(tzinfo=UTC))
    if event["onset_best"] is None and event["onset_earliest"] is None:
        return "partly", why + " It was there before the data begin, so when it began is not measured."
    day = timedelta(days=1)
    first, last = evidence.window(claim)
    earliest = event["onset_earliest"] or event["onset_best"]
    latest = event["onset_latest"] or event["onset_best"]
    if latest < first - day:
        return "partly", why + " It began earlier than claimed."
    if earliest >= min(last, first + timedelta(days=400)) + day:
        return "partly", why + " It began later than claimed."
    return verdict, why
