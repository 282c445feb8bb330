"""Proposals: the statements that a document may hold. A person confirms them, or does not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Final

from wallwatch.record import subjects
from wallwatch.record.proposal import MOST, Proposal, State, propose
from wallwatch.record.reported import acts_and_facts, reported, unmarked_speech
from wallwatch.record.services import find_services
from wallwatch.record.text import lexicon as lex
from wallwatch.record.text.attribution import (
    Attribution,
    after_quote,
    before_quote,
    leading_subject,
)
from wallwatch.record.text.dates import DateMention
from wallwatch.record.text.names import Speaker, bare, tokens
from wallwatch.record.text.people import People
from wallwatch.record.text.quotes import find_quotes
from wallwatch.record.text.sentences import MASK, Paragraph, Sentence, paragraphs

#: A quotation of fewer words is a name, a term, or somebody else's word held at arm's length.
FEWEST_WORDS: Final = 3
#: So few words in the middle of a sentence that nobody is said to have said are none.
SHORT: Final = 4


_COLON: Final = re.compile(r":\s*$")


def draft(text: str, *, base: date | None = None, outlet: str = "", country: str = "") -> list[Proposal]:
    """The statements that a text may hold, in the order of the text.

    Args:
        text: The document's text.
        base: Its date; without it, "on Saturday" and "in November" stay unresolved.
        outlet: Who published it.
        country: What it is about, as a code; where not given, the country that it names most.
    """
    quotes = find_quotes(text)
    blocks = paragraphs(text, quotes)
    state = State(text, base, country or subjects.main_country(text), outlet, People())
    mentions = re.findall(r"\b(?:internet|mobile data|social media)\b", text, re.IGNORECASE)
    state.online = len(mentions) + len(find_services(text)) >= 2
    for number, block in enumerate(blocks):
        if block.sort != "body":
            if block.sort == "heading":
                state.last = None
            continue
        _paragraph(state, block, blocks[number - 1] if number else None)
        if len(state.found) > MOST:
            break
    return state.found[:MOST]


def _paragraph(state: State, block: Paragraph, before: Paragraph | None) -> None:
    previous = ""
    lead, state.lead = state.lead, ""
    text = state.text[block.start : block.end]
    if lead and not any(sentence.quotes for sentence in block.sentences[:1]):
        # A block quotation without marks, led in by "… said:" at the end of the paragraph before.
        stripped = re.match(r"[>\s•–—-]*", text)
        start = block.start + (stripped.end() if stripped else 0)
        attribution = before_quote(lead, direct=True)
        if attribution is not None and block.end - start >= 12:
            propose(state, start, block.end, attribution, lead, direct=True, why="speech", sentence=lead)
            for sentence in block.sentences:
                state.people.read(sentence.masked)
            return
    if text.lstrip().startswith(">") and not any(sentence.quotes for sentence in block.sentences):
        start = block.start + len(text) - len(text.lstrip("> \t"))
        if block.end - start >= 12:
            propose(state, start, block.end, None, "", direct=True, why="speech", sentence="")
        return
    first_sentence = True
    for sentence in block.sentences:
        outside, count = sentence.masked, len(state.found)
        if sentence.quotes:
            _quotations(
                state, sentence, lead if first_sentence else "", previous, first_in_paragraph=first_sentence
            )
        else:
            colon = unmarked_speech(state, sentence)
            if not colon:
                reported(state, sentence)
        acts_and_facts(state, sentence)
        state.people.read(outside)
        if len(state.found) == count:
            state.last = _kept(state, sentence)
        previous = outside
        first_sentence = False
    if block.sentences and _COLON.search(block.sentences[-1].masked):
        state.lead = block.sentences[-1].masked


def _kept(state: State, sentence: Sentence) -> tuple[Speaker, str, DateMention | None, int] | None:
    """The last attribution, as far as a sentence between leaves it: what speaks of others breaks the thread."""
    if state.last is None:
        return None
    subject = leading_subject(sentence.masked)
    if subject is not None and subject.sort == "pronoun":
        return state.last
    return None


def _quotations(
    state: State, sentence: Sentence, lead: str, previous: str, *, first_in_paragraph: bool
) -> None:
    masked = sentence.masked
    shared: Attribution | None = None
    for number, quote in enumerate(sentence.quotes):
        words = state.text[quote.start : quote.end]
        count = len(re.findall(r"\w+(?:[’'-]\w+)*", words))
        left = masked[: quote.outer_start - sentence.start]
        right = masked[quote.outer_end - sentence.start :]
        # Only what stands between this quotation and its neighbours, where there are several.
        own_left = left.rsplit(MASK, 1)[-1] if MASK in left else left
        led_in = own_left.rstrip().endswith(":") or words.endswith(("!", "?"))
        if count < FEWEST_WORDS and not (count == 2 and led_in and _is_said(own_left, right)):
            continue
        if _is_title(words, own_left, right):
            continue
        attribution = _attribution(own_left, right, lead if not left.strip() else "", shared)
        if attribution is None and MASK in left and shared is not None and _is_list(own_left):
            attribution = shared
        if attribution is None and count <= SHORT and re.match(r"\s+[a-z]", right) and left.strip():
            continue  # 'the spread of "hateful and subversive" messages': the words are a part of another's sentence
        if (
            attribution is not None
            and attribution.how == "according"
            and attribution.speaker.sort == "outlet"
        ):
            subject = leading_subject(left)
            if subject is not None and subject.sort in ("person", "body"):
                # "The chamber puts it at “…”, according to the newspaper": the words are the chamber's.
                attribution = replace(attribution, speaker=subject, outlet=attribution.speaker.name)
        continues = False
        speaker_known = attribution is not None
        if (
            number
            and attribution is not None
            and shared is not None
            and words[:1].islower()
            and attribution.speaker.name == shared.speaker.name
            and state.found
            and state.found[-1].end == sentence.quotes[number - 1].end
        ):
            continues = True  # “…,” she said, “…”
        if (
            attribution is None
            and not own_left.strip(" ,")
            and state.last is not None
            and (quote.continued or not first_in_paragraph or number)
        ):
            who, outlet, _, _ = state.last
            attribution, continues = Attribution(who, outlet, 0, "before"), True
        elif attribution is None and not left.strip() and previous:
            led = _from_sentence_before(state, previous)
            attribution = led
        around = masked if not lead or left.strip() else lead + " " + masked
        propose(
            state,
            quote.start,
            quote.end,
            attribution,
            around,
            direct=True,
            why="quotation",
            sentence=masked,
            continues=continues,
            left=len(left),
            right=len(masked) - len(right),
        )
        if speaker_known:
            shared = attribution


def _attribution(left: str, right: str, lead: str, shared: Attribution | None) -> Attribution | None:
    before = before_quote(left, direct=left.rstrip().endswith((",", ":"))) if left.strip() else None
    colon = left.rstrip().endswith((":", ","))
    after = after_quote(right)
    if before is not None and (
        colon or after is None or (after.how == "after" and left.strip() and not _starts_clause(right))
    ):
        return before
    if after is not None:
        return after
    if before is not None:
        return before
    if lead:
        return before_quote(lead, direct=True)
    return None


def _starts_clause(right: str) -> bool:
    """Whether an attribution follows at once: a comma inside the quotation, then "he said"."""
    match = re.match(r"\s*,?\s*([\w’'-]+(?:\s+[\w’'-]+){0,5})", right)
    return match is not None and any(word.lower() in lex.SAYING for word in match[1].split())


def _is_said(left: str, right: str) -> bool:
    return bool(left.strip() and before_quote(left, direct=True)) or after_quote(right) is not None


def _is_list(between: str) -> bool:
    return (
        re.fullmatch(r"[\s,;]*(?:and|or|but|that|also|as well as)?[\s,]*(?:that|the|to|of)?\s*", between)
        is not None
    )


#: Verbs of naming: what follows at once is a name, unless it is an opinion in small letters.
_NAMING: Final = frozenset(
    "titled entitled called named dubbed nicknamed codenamed termed labelled headlined".split()
)


def _is_title(words: str, left: str, right: str) -> bool:
    """Whether quotation marks hold the title of a work, a name or a term, and not words said."""
    before = [bare(word) for word, _, _ in tokens(left)][-2:]
    if before and before[-1] in _NAMING:
        return words[:1].isupper() or len(words.split()) <= FEWEST_WORDS
    ended = words.rstrip().endswith((".", "!", "?", ","))
    if any(word in lex.TITLED - _NAMING for word in before) and not ended:
        return True
    after = [bare(word) for word, _, _ in tokens(right)][:2]
    if after and after[0] in lex.TITLED - {"word", "term", "play", "show"}:
        return True
    capital = [word for word in re.findall(r"[^\W\d_][\w’'-]*", words) if len(word) > 3]
    return (
        len(capital) >= 2
        and all(word[0].isupper() for word in capital)
        and not words.endswith((".", "!", ","))
    )


def _from_sentence_before(state: State, previous: str) -> Attribution | None:
    """A quotation that stands alone after a sentence in which one person reacts: "Jane Doe rejected that."."""
    subject = leading_subject(previous)
    if subject is None or subject.sort not in ("person", "pronoun", "body", "outlet"):
        return None
    verbs = [word.lower() for word, _, _ in tokens(previous)]
    return Attribution(subject, "", 0, "before") if any(word in lex.SAYING for word in verbs[:30]) else None
