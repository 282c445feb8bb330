"""Statements without quotation marks: speech after a colon, reported speech, acts, restrictions told as facts."""

from __future__ import annotations

import re
from typing import Final

from wallwatch.record import subjects
from wallwatch.record.proposal import State, propose
from wallwatch.record.text import lexicon as lex
from wallwatch.record.text.attribution import (
    Attribution,
    after_quote,
    before_quote,
    leading_subject,
    subject_before,
    where_published,
)
from wallwatch.record.text.dates import find_dates
from wallwatch.record.text.names import Speaker, bare, tokens
from wallwatch.record.text.sentences import Sentence

#: Acts that are statements themselves: what was done with a bill, law or order.
_ACT: Final = re.compile(
    r"\b(?P<verb>submitted|introduced|proposed|tabled|drafted|passed|approved|adopted|ratified|signed|enacted|issued|published|gazetted|promulgated|filed|handed down|granted)\s+"
    r"(?:[\w’'-]+\s+){0,6}?(?P<what>bill|draft law|law|act|decree|order|regulations?|directive|amendments?|motion|resolution|ordinance|ruling|injunction|circular)\b",
    re.IGNORECASE,
)

_ACT_KINDS: Final = {
    "bill": "bill",
    "draft law": "bill",
    "motion": "bill",
    "law": "law",
    "act": "law",
    "amendment": "bill",
    "amendments": "bill",
    "ordinance": "law",
}

#: A restriction told as a fact of the past.
_FACT: Final = re.compile(
    r"\b(?P<verb>imposed|ordered|blocked|shut down|cut off|cut|restricted|throttled|disrupted|banned|suspended|disabled|filtered|unblocked|restored|lifted|severed|disconnected|switched off|slowed|shut off|turned off|censored|went dark|went offline|fell)\b"
)

_HYPOTHETICAL: Final = re.compile(
    r"\b(?:will|would|could|should|might|may|shall|if|unless|plans?|planned|threat\w*|propos\w*|going to|want\w*|seek\w*|intend\w*|prevent\w*|whether|possible|fear\w*|risk|likely to|not|never|without)\b|\?",
    re.IGNORECASE,
)

_DATELINE: Final = re.compile(
    r"[A-Z][A-Z .,’'-]+(?:, [A-Z][a-z]+\.? \d{1,2})?(?: \([^)]{1,30}\))?\s*[-–—:]\s+"
)

#: What may stand between a verb of saying and the words reported.
_BETWEEN: Final = re.compile(
    r"\s*(?:in an? (?:[\w-]+ )?(?:statement|interview|tweet|post|letter|report|message|briefing|speech)(?: (?:to|with|on|by|from|issued|published|posted|seen)\b[^,;:]{0,50}?)?(?=,|\s(?:that|on|it|he|she|they|the)\b)|"
    r"(?:on|via) (?:Twitter|Facebook|Telegram|X|state television|television)\b|"
    r"(?:to )?(?:reporters|journalists|parliament|lawmakers|customers|(?:the )?[A-Z][\w’'.-]*(?: [A-Z][\w’'.-]*)*(?: news agency| television| TV| newspaper)?)(?=\s(?:on|in|that|at|late|last)\b)|"
    r"(?:late|early|on|in|at|by|this|last)\b(?= )|,)",
)


def _clause(rest: str) -> int | None:
    """Where the reported words begin after the verb; null where something else follows."""
    at = 0
    for _ in range(6):
        that = re.match(r"[\s,]*\bthat\b\s+", rest[at:])
        if that:
            return at + that.end()
        dates = find_dates(rest[at : at + 60], None)
        if dates and re.fullmatch(
            r"[\s,]*(?:(?:late|early|on|in|at|by) ){0,3}", rest[at : at + dates[0].start]
        ):
            at += dates[0].end
            continue
        between = _BETWEEN.match(rest, at)
        if between is None or between.end() == at:
            break
        at = between.end()
    lead = len(rest[at:]) - len(rest[at:].lstrip(" ,"))
    if re.match(
        r"(?:to|on|in|at|by|with|of|for|against|about|and|or|but|as|from|after)\b", rest[at + lead :]
    ):
        return None
    return at + lead


def unmarked_speech(state: State, sentence: Sentence) -> bool:
    """Words after "said:" that no quotation marks set off."""
    match = re.search(r"\b(\w+):\s+(?=\S)", sentence.masked)
    if match is None or match[1].lower() not in lex.SAYING:
        return False
    start = sentence.start + match.end()
    if sentence.end - start < 12:
        return False
    prefix = sentence.masked[: match.end()]
    attribution = before_quote(prefix, direct=True)
    if attribution is None:
        return False
    propose(state, start, sentence.end, attribution, prefix, direct=False, why="speech", sentence=prefix)
    return True


def reported(state: State, sentence: Sentence) -> None:
    """Reported speech about a restriction, by somebody named or in office."""
    text = state.text[sentence.start : sentence.end]
    if not subjects.restriction(text, about_online=state.online):
        return
    trailing = re.search(
        r",\s(?P<who>[^,;:]{2,90}(?:,[^,;:]{2,90},)?)\s(?P<verb>[a-z]+)(?P<rest>\s[^,;:]{0,80})?\.?$", text
    )
    if trailing and trailing["verb"] in lex.REPORTING and trailing.start() > 15:
        who = subject_before(trailing["who"] + ("," if trailing["who"].endswith(",") else ""))
        if (
            who is not None
            and _may_report(state, who)
            and subjects.restriction(text[: trailing.start()], about_online=state.online)
        ):
            told = Attribution(who, where_published(trailing[0]), trailing.start("verb"), "before")
            propose(
                state,
                sentence.start,
                sentence.start + trailing.start(),
                told,
                text,
                direct=False,
                why="reported",
                sentence=text[: trailing.start()],
            )
            return
    before = ""
    for word, start, end in tokens(text):
        noun = before in lex.SAYING or before in ("the", "such", "these", "those", "no", "media", "of", "any")
        before = word
        if word not in lex.REPORTING or noun:
            continue
        attribution = before_quote(text[:end] + " ", direct=False)
        if attribution is None or attribution.verb != start or not _may_report(state, attribution.speaker):
            continue
        begin = _clause(text[end:])
        if begin is None:
            continue
        clause = end + begin
        if len(text) - clause < 15 or not subjects.restriction(text[clause:], about_online=state.online):
            continue
        propose(
            state,
            sentence.start + clause,
            sentence.end,
            attribution,
            text[:clause],
            direct=False,
            why="reported",
            sentence=text[:clause],
        )
        return
    according = re.search(r"(?:^|,\s)[Aa]ccording to\b", text)
    if according:
        named = before_quote(text[according.start() :], direct=False) or after_quote(
            text[according.start() :]
        )
        if named is not None and _may_report(state, named.speaker):
            if according.start() == 0:
                comma = text.find(", ", 12)
                if comma < 0:
                    return
                start, end = sentence.start + comma + 2, sentence.end
            else:
                start, end = sentence.start, sentence.start + according.start()
            if subjects.restriction(state.text[start:end]):
                propose(state, start, end, named, text, direct=False, why="reported", sentence=text)


def _may_report(state: State, speaker: Speaker) -> bool:
    if speaker.sort == "pronoun":
        return state.people.resolve(speaker) is not None
    if speaker.sort == "unnamed":
        words = [bare(word) for word, _, _ in tokens(speaker.name)]
        return not any(word in lex.VAGUE for word in words) and any(
            word in lex.AUTHORITIES | lex.TITLES | lex.BODY for word in words
        )
    return True


def acts_and_facts(state: State, sentence: Sentence) -> None:
    """Bills, laws and orders that somebody made, and restrictions that the document itself tells as facts, once each."""
    masked = sentence.masked
    act = _ACT.search(masked)
    if act and not _HYPOTHETICAL.search(masked[: act.end()]):
        what = subjects.restriction(masked[act.start() :]) or subjects.restriction(
            state.text[sentence.start : sentence.end]
        )
        if what and not _overlaps(state, sentence):
            who = subject_before(masked[: act.start()])
            actor = Attribution(who, "", act.start(), "before") if who else _lead(masked)
            noun = act["what"].lower()
            kind = _ACT_KINDS.get(noun, "order")
            start = sentence.start + _object_start(masked, act)
            end = sentence.end - (masked[-1] in ".!")
            propose(state, start, end, actor, masked, direct=False, why="act", sentence=masked, kind=kind)
            return
    fact = _FACT.search(masked)
    if fact is None or _overlaps(state, sentence):
        return
    around = masked[max(fact.start() - 80, 0) : fact.end() + 120]
    kind = subjects.restriction(around)
    dates = find_dates(masked, state.base, past=True)
    if not kind or not dates or _HYPOTHETICAL.search(masked[: fact.end()]) or masked.endswith("?"):
        return
    if before_quote(masked[: fact.start()], direct=False) is not None:
        return  # somebody said it: that is reported speech, whoever they are
    told = subjects.subject(around, masked, state.country, state.base)
    key = (kind, told.country, ",".join(told.targets), dates[0].how)
    if key in state.facts:
        return
    state.facts.add(key)
    speaker = Speaker(state.outlet or "the article", "", "outlet")
    end = sentence.end - (masked[-1:] in ".!")
    dateline = _DATELINE.match(masked)
    propose(
        state,
        sentence.start + (dateline.end() if dateline else 0),
        end,
        Attribution(speaker, state.outlet, 0, "before"),
        masked,
        direct=False,
        why="fact",
        sentence=masked,
        kind="press report",
    )


def _object_start(masked: str, act: re.Match[str]) -> int:
    match = re.search(r"\S", masked[act.end("verb") :])
    return act.end("verb") + (match.start() if match else 0)


def _lead(masked: str) -> Attribution | None:
    subject = leading_subject(masked)
    return Attribution(subject, "", 0, "before") if subject else None


def _overlaps(state: State, sentence: Sentence) -> bool:
    return any(one.start < sentence.end and sentence.start < one.end for one in state.found[-6:])
