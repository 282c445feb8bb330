"""Proposals: the statements that a document may hold. A person confirms them, or does not."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from wallwatch.record import subjects
from wallwatch.record.services import find_services
from wallwatch.record.text import lexicon as lex
from wallwatch.record.text.attribution import (
    Attribution,
    after_quote,
    before_quote,
    leading_subject,
    subject_before,
    where_published,
)
from wallwatch.record.text.dates import DateMention, find_dates
from wallwatch.record.text.names import Speaker, bare, tokens
from wallwatch.record.text.people import People
from wallwatch.record.text.quotes import find_quotes
from wallwatch.record.text.sentences import MASK, Paragraph, Sentence, paragraphs
from wallwatch.schema.statements import write_date

#: A quotation of fewer words is a name, a term, or somebody else's word held at arm's length.
FEWEST_WORDS: Final = 3
#: No document gives more proposals.
MOST: Final = 2000

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
_COLON: Final = re.compile(r":\s*$")


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
class _State:
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
    state = _State(text, base, country or subjects.main_country(text), outlet, People())
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


def _paragraph(state: _State, block: Paragraph, before: Paragraph | None) -> None:
    previous = ""
    lead, state.lead = state.lead, ""
    text = state.text[block.start : block.end]
    if lead and not any(sentence.quotes for sentence in block.sentences[:1]):
        # A block quotation without marks, led in by "… said:" at the end of the paragraph before.
        stripped = re.match(r"[>\s•–—-]*", text)
        start = block.start + (stripped.end() if stripped else 0)
        attribution = before_quote(lead, direct=True)
        if attribution is not None and block.end - start >= 12:
            _propose(state, start, block.end, attribution, lead, direct=True, why="speech", sentence=lead)
            for sentence in block.sentences:
                state.people.read(sentence.masked)
            return
    if text.lstrip().startswith(">") and not any(sentence.quotes for sentence in block.sentences):
        start = block.start + len(text) - len(text.lstrip("> \t"))
        if block.end - start >= 12:
            _propose(state, start, block.end, None, "", direct=True, why="speech", sentence="")
        return
    first_sentence = True
    for sentence in block.sentences:
        outside, count = sentence.masked, len(state.found)
        if sentence.quotes:
            _quotations(
                state, sentence, lead if first_sentence else "", previous, first_in_paragraph=first_sentence
            )
        else:
            colon = _unmarked_speech(state, sentence)
            if not colon:
                _reported(state, sentence)
        _acts_and_facts(state, sentence)
        state.people.read(outside)
        if len(state.found) == count:
            state.last = _kept(state, sentence)
        previous = outside
        first_sentence = False
    if block.sentences and _COLON.search(block.sentences[-1].masked):
        state.lead = block.sentences[-1].masked


def _kept(state: _State, sentence: Sentence) -> tuple[Speaker, str, DateMention | None, int] | None:
    """The last attribution, as far as a sentence between leaves it: what speaks of others breaks the thread."""
    if state.last is None:
        return None
    subject = leading_subject(sentence.masked)
    if subject is not None and subject.sort == "pronoun":
        return state.last
    return None


def _quotations(
    state: _State, sentence: Sentence, lead: str, previous: str, *, first_in_paragraph: bool
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
        _propose(
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


def _from_sentence_before(state: _State, previous: str) -> Attribution | None:
    """A quotation that stands alone after a sentence in which one person reacts: "Jane Doe rejected that."."""
    subject = leading_subject(previous)
    if subject is None or subject.sort not in ("person", "pronoun", "body", "outlet"):
        return None
    verbs = [word.lower() for word, _, _ in tokens(previous)]
    return Attribution(subject, "", 0, "before") if any(word in lex.SAYING for word in verbs[:30]) else None


def _unmarked_speech(state: _State, sentence: Sentence) -> bool:
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
    _propose(state, start, sentence.end, attribution, prefix, direct=False, why="speech", sentence=prefix)
    return True


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


def _reported(state: _State, sentence: Sentence) -> None:
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
            _propose(
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
        _propose(
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
                _propose(state, start, end, named, text, direct=False, why="reported", sentence=text)


def _may_report(state: _State, speaker: Speaker) -> bool:
    if speaker.sort == "pronoun":
        return state.people.resolve(speaker) is not None
    if speaker.sort == "unnamed":
        words = [bare(word) for word, _, _ in tokens(speaker.name)]
        return not any(word in lex.VAGUE for word in words) and any(
            word in lex.AUTHORITIES | lex.TITLES | lex.BODY for word in words
        )
    return True


def _acts_and_facts(state: _State, sentence: Sentence) -> None:
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
            _propose(state, start, end, actor, masked, direct=False, why="act", sentence=masked, kind=kind)
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
    _propose(
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


def _overlaps(state: _State, sentence: Sentence) -> bool:
    return any(one.start < sentence.end and sentence.start < one.end for one in state.found[-6:])


def _propose(
    state: _State,
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
    state: _State, frame: str, attribution: Attribution | None, left: int | None, right: int | None
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
