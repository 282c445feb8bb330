"""A proposal, and what was read up to it: who speaks, when, of what."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from wallwatch.record import subjects
from wallwatch.record.text.attribution import (
    Attribution,
)
from wallwatch.record.text.dates import DateMention, find_dates
from wallwatch.record.text.names import Speaker, bare, tokens
from wallwatch.record.text.people import People
from wallwatch.record.text.sentences import MASK
from wallwatch.schema.statements import write_date

#: No document gives more proposals.
MOST: Final = 2000


@dataclass(frozen=True, slots=True)
class Proposal:
    """A statement that a document may hold.

    Attributes:
        start: Place of the quotation's first character in the text.
        end: Place after its last.
        quotation: The text between them, as it stands.
        direct: Whether it stood between quotation marks or was set off as words said.
        speaker: Who; empty where that could not be told.
        role: In which role.
        outlet: Where they said it, or which outlet the document is.
        kind: One of `schema.statements.KINDS`.
        date: In the form of `schema.statements.write_date`; empty where unknown.
        precision: One of `schema.statements.PRECISIONS`.
        dated_how: What the date was read from.
        about: What it is about.
        continues: Whether it goes on from the proposal before, by the same speaker.
        why: Which rule proposed it, in a word: `quotation`, `speech`, `reported`, `act`, `fact`.
    """

    start: int
    end: int
    quotation: str
    direct: bool
    speaker: str
    role: str
    outlet: str
    kind: str
    date: str
    precision: str
    dated_how: str
    about: subjects.Subject
    continues: bool
    why: str


@dataclass(slots=True)
class State:
    """What was read so far."""

    text: str
    base: date | None
    country: str
    outlet: str
    people: People
    found: list[Proposal] = field(default_factory=list)
    facts: set[tuple[str, ...]] = field(default_factory=set)
    #: The last attribution, where the next quotation may go on from it.
    last: tuple[Speaker, str, DateMention | None, int] | None = None
    lead: str = ""
    online: bool = False


def propose(
    state: State,
    start: int,
    end: int,
    attribution: Attribution | None,
    frame: str,
    *,
    direct: bool,
    why: str,
    sentence: str,
    continues: bool = False,
    kind: str = "",
    left: int | None = None,
    right: int | None = None,
) -> None:
    """Adds a proposal to those found, dated and with its speaker resolved as far as what was read tells.

    Args:
        state: What was read so far.
        start: Place of the words.
        end: Place after them.
        attribution: Who said them; null where nobody is named.
        frame: The masked text that may date them.
        direct: Whether they are the speaker's own words.
        why: Which rule proposes it.
        sentence: The masked sentence around, for what it is about.
        continues: Whether it goes on from the proposal before.
        kind: One of `schema.statements.KINDS`; by the speaker where not given.
        left: Length of what stands before the quotation in its sentence.
        right: Place in the sentence of what stands after it.
    """
    speaker, outlet = None, ""
    if attribution is not None:
        outlet = attribution.outlet
        speaker = state.people.resolve(attribution.speaker)
    dated = _dated(state, frame, attribution, left, right)
    how = dated.how if dated else ""
    referred = attribution is not None and speaker is not None and attribution.speaker.name != speaker.name
    if dated is None and state.last is not None and speaker is not None and (continues or referred):
        before, _, earlier, place = state.last
        if before.name == speaker.name and earlier is not None and start - place < 1500:
            dated, how = earlier, f"as the words before: {earlier.how}"
    quotation = state.text[start:end]
    about = subjects.subject(quotation, sentence.replace(MASK, " "), state.country, state.base)
    if why == "fact" and dated is not None:
        about = replace(about, since=dated.since, until=dated.until)
    state.found.append(
        Proposal(
            start,
            end,
            quotation,
            direct,
            speaker.name if speaker else "",
            speaker.role if speaker else "",
            outlet
            or (speaker.name if speaker and speaker.sort == "outlet" and why != "fact" else state.outlet),
            kind or _kind(speaker),
            write_date(dated.since, _file_precision(dated)) if dated and dated.since else "",
            dated.precision if dated and dated.since else "unknown",
            how or "no date given",
            about,
            continues,
            why,
        )
    )
    if why in ("quotation", "speech", "reported"):
        state.last = (speaker, outlet, dated, start) if speaker is not None else None
        if speaker is not None:
            state.people.spoke(speaker)


def _file_precision(dated: DateMention) -> str:
    """The finest form that keeps the first day: a month of the Solar Hijri calendar begins inside one of ours."""
    if dated.since is not None and dated.precision in ("month", "season", "year") and dated.since.day != 1:
        return "day"
    return dated.precision


def _dated(
    state: State, frame: str, attribution: Attribution | None, left: int | None, right: int | None
) -> DateMention | None:
    """When it was said: the date beside the verb, else the one that the sentence begins with, else the only one."""
    dates = [one for one in find_dates(frame, state.base, past=True) if not one.loose and not one.span]
    if not dates:
        return None
    verb = attribution.verb if attribution is not None else None
    offset = 0
    if attribution is not None and attribution.how in ("after", "according", "quoted") and right is not None:
        offset = right
    if verb is not None:
        place = verb + offset
        near = [
            one
            for one in dates
            if not re.search(
                r"[,;]\s*(?:who|which|whose|after|before|when|while)\b",
                frame[min(one.end, place) : max(one.start, place)],
            )
        ]
        if near:
            return min(near, key=lambda one: (min(abs(one.start - place), abs(place - one.end)), one.start))
    if len(dates) == 1:
        return dates[0]
    return None


def _kind(speaker: Speaker | None) -> str:
    if speaker is None:
        return "statement"
    words = {bare(word) for word, _, _ in tokens(f"{speaker.name} {speaker.role}")}
    if speaker.sort == "outlet":
        return "press report"
    for kind, signs in _KINDS:
        if words & signs:
            return kind
    return "statement"


#: In this order, for an office says more than the word "spokesman".
_KINDS: Final = (
    (
        "official statement",
        frozenset(
            "minister ministry president government parliament regulator commission authority police court judge justice army "
            "military governor mayor cabinet premier senator lawmaker mp supreme chancellor ambassador commissioner "
            "prosecutor king queen prince general mullah ayatollah cleric prayer vice-president deputy undersecretary kremlin "
            "state roskomnadzor secretary".split()
        ),
    ),
    (
        "civil-society report",
        frozenset(
            "rights activist activists campaigner netblocks access amnesty article frontiers observatory ngo monitor "
            "foundation advocacy ooni union coalition civil".split()
        ),
    ),
    (
        "company notice",
        frozenset(
            "company ltd limited inc corp telecom operator provider ceo plc gmbh mobile carrier isp executive".split()
        ),
    ),
    (
        "official statement",
        frozenset("official officials agency council committee department member leader office".split()),
    ),
)
