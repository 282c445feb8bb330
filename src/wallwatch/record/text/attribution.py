"""Who said what a sentence reports: the subject of the verb of saying nearest to the words.

All of it looks at masked text, so nothing inside a quotation is taken for its frame. Where the grammar does not
settle it, the answer is nobody: a missing speaker is seen by the person who confirms, a wrong one may not be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from wallwatch.record.text import lexicon as lex
from wallwatch.record.text.dates import find_dates
from wallwatch.record.text.names import Speaker, bare, described, is_role, tokens, understood
from wallwatch.record.text.sentences import MASK

#: Between a subject and its verb.
_AUXILIARY: Final = frozenset(
    "has have had was were is are be been being also then later further often repeatedly again once now still even just "
    "did does do not never only both all publicly openly previously recently earlier reportedly allegedly instead "
    "himself herself itself themselves finally first last would will".split()
)
#: Small letters that may go on with a name.
_WITHIN: Final = (
    lex.JOINERS | lex.PARTICLES | lex.OUTLET_NOUNS | lex.TITLES | {"news", "at", "from", "state", "chief"}
)
#: A clause may begin after these.
_CLAUSE: Final = re.compile(
    r"(?:[;:—–]|\b(?:that|while|as|because|when|after|before|if|although|though|whereas|since|where|but|so|until|unless|how|why)\b"
    r"|,\s*and\b|\band\s+(?=(?:he|she|it|they|the|a|an|[A-Z])\b)|(?<=\s)-(?=\s))"
)
_ASIDE = re.compile(
    r"(?:who|whose|which|asked|speaking|writing|responding|reached|contacted|addressing|quoted|visiting|citing|seen|obtained|published|issued|reviewed|shared|posted|dated|sent|signed|released|based|founded)\b"
)
#: A description between commas that a verb follows: "VE sin Filtro, a group that documents censorship, (reported)".
_BETWEEN_COMMAS = re.compile(
    r",\s*(?P<role>(?:an?|the|its|his|her|one of|who|which|whose|asked|speaking|seen|obtained|published|issued|reviewed"
    r"|shared|posted|dated|sent|signed|released|based|founded)\b[^,]{2,140})$"
)
#: "Minister for Posts, Telecommunications and Information Technology": the comma ends no phrase.
_PORTFOLIO = re.compile(
    r"\b((?:Minister|Ministry|Secretary|Department|Committee)(?: for| of| on)? (?:[A-Z]\w+ ?)+), (?=[A-Z]\w+(?: [A-Z]\w+)*,? and [A-Z])"
)
_ACCORDING = re.compile(r"\b(?:[Aa]ccording to|[Ii]n the words of|[Aa]s told by)\s+")
_STATEMENT = re.compile(
    r"\b(?:statement|letter|notice|tweet|post|press release|communiqu[eé]|directive|memo|circular|order|message|email|report)"
    r"\s+(?:by|from|of|issued by|published by|signed by|released by|on behalf of)\s+(?P<who>[^,;:"
    + MASK
    + r"]{2,120}?)"
    r"(?=\s+(?:on|in|at|seen|sent|dated|to|that|and|which|said|says|read|reads|stated|states|warned|added|posted|published)\b|[,;:]|\s*$|\s*"
    + MASK
    + ")"
)
_QUOTED_AS = re.compile(
    r"\b(?P<outlet>[^,;:"
    + MASK
    + r"]{2,80}?)(?<!\bwas)(?<!\bwere)(?<!\bbeen)(?<!\bis)\s+(?:has\s+|have\s+)?(?:quoted|cited|reported)\s+(?P<who>(?!by\b)[^"
    + MASK
    + r"]{2,160}?)\s+as\s+(?:saying|telling|stating|writing|announcing)\b"
)
_WAS_QUOTED = re.compile(
    r"(?P<who>[^"
    + MASK
    + r"]{2,160}?)\s+(?:was|were|has been|is|been)\s+(?:quoted|cited|reported)(?:\s+by\s+(?P<outlet>[^,;"
    + MASK
    + r"]{2,80}?))?\s+as\s+(?:saying|telling|stating)\b"
)
_TOLD = re.compile(
    r"\b(?:told|informed|tells)\s+(?P<where>(?:the\s+)?[^,;"
    + MASK
    + r"]{2,60}?)(?=\s+(?:on|in|at|that|during|after|by|from|via|this|last|yesterday|today|when|while|[A-Z][a-z]+day)\b|[,.;:]|\s*"
    + MASK
    + r"|\s*$)"
)
_INTERVIEW = re.compile(
    r"\b(?:interview (?:with|to|published (?:by|in))|remarks (?:to|carried by|published by)|comments? to|speaking (?:to|on)|writing in|article (?:in|for)|published (?:in|by)|broadcast (?:by|on)|aired (?:by|on)|quoted by|posted on|post on|statement (?:on|posted on)|on)\s+"
    r"(?P<where>(?:the\s+)?(?:[A-Z][\w’'/.-]*)(?:\s+(?:[A-Z][\w’'/-]*|news|agency|television|TV|newspaper|daily))*|(?:state|national) (?:television|TV|radio))"
)


_SOMEBODY = re.compile(
    r"(?:an?|one|another|the)\s+(?P<who>[a-z][\w’'-]*(?:\s+[\w’'-]+){0,6}?)"
    r"(?=\s+(?:who|whose|which|that|on|at|during|after|before|while|when|as|and|to|via|by|this|last|yesterday|today)\b|[,.;:]|\s*"
    + MASK
    + r"|\s*$)"
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """Who said it, and where it was published.

    Attributes:
        speaker: Who, as the sentence names them.
        outlet: The outlet that carried it; empty where none is named.
        verb: Place of the verb in the text that was looked at.
        how: `before`, `after`, `according` or `quoted`.
    """

    speaker: Speaker
    outlet: str
    verb: int
    how: str


def before_quote(prefix: str, *, direct: bool) -> Attribution | None:
    """The attribution in what stands before a quotation in its sentence.

    Args:
        prefix: Masked text.
        direct: Whether the quotation is words of their own, and not a part of the sentence's grammar.
    """
    if not prefix.strip():
        return None
    for pattern in (_WAS_QUOTED, _QUOTED_AS):
        for match in pattern.finditer(prefix):
            who = subject_before(match["who"].strip()) or understood(match["who"])
            if who is not None:
                outlet = understood(_last_clause(match["outlet"] or "")) if match["outlet"] else None
                return Attribution(who, outlet.name if outlet else "", match.end(), "quoted")
    verbs = [
        (word, start, end)
        for word, start, end in tokens(prefix)
        if word in lex.SAYING or word in lex.PARTICIPLES
    ]
    for word, start, end in reversed(verbs):
        if word.lower() in lex.PARTICIPLES:
            found = _of_participle(prefix, start)
        else:
            found = subject_before(prefix[:start])
            if found is None and word.lower() not in lex.PARTICIPLES:
                found = _inverted(prefix[end:]) if direct else None
        if found is not None and not (found.sort == "pronoun" and found.name == "who"):
            return Attribution(found, where_published(prefix), start, "before")
        if found is not None:
            antecedent = _antecedent(prefix[:start])
            return Attribution(antecedent, where_published(prefix), start, "before") if antecedent else None
        if word.lower() not in (
            "posted",
            "read",
            "reads",
            "report",
            "reports",
            "posts",
            "called",
            "calls",
            "pointed",
            "described",
        ):
            break  # the verb nearest to the words has a subject that is not understood: do not guess another
    statement = _last_match(_STATEMENT, prefix)
    if statement is not None:
        who = understood(statement["who"])
        if who is not None:
            return Attribution(who, where_published(prefix), statement.start(), "before")
    return _according(prefix)


def after_quote(suffix: str) -> Attribution | None:
    """The attribution in what stands after a quotation in its sentence.

    Args:
        suffix: Masked text.
    """
    text = suffix
    lead = re.match(r"^[\s,.–—-]*", text)
    offset = lead.end() if lead else 0
    text = text[offset:]
    if not text:
        return None
    stop = text.find(MASK)
    clause = text if stop < 0 else text[:stop]
    quoted = re.match(
        r"(?P<outlet>[^,;]{2,60}?)\s+(?:quoted|cited)\s+(?P<who>[^,;]{2,120}?)\s+as\s+(?:saying|telling|stating)",
        clause,
    )
    if quoted:
        who, outlet = understood(quoted["who"]) or subject_before(quoted["who"]), understood(quoted["outlet"])
        if who is not None:
            return Attribution(who, outlet.name if outlet else "", offset, "quoted")
    passive = _WAS_QUOTED.match(clause)
    if passive:
        who = subject_before(passive["who"].strip())
        outlet = understood(passive["outlet"]) if passive["outlet"] else None
        if who is not None:
            return Attribution(who, outlet.name if outlet else "", offset, "quoted")
    words = tokens(clause)
    for number, (word, start, end) in enumerate(words[:40]):
        small = word
        if small in lex.SAYING:
            before = clause[:start].strip()
            if not before or all(bare(w) in _AUXILIARY or w.endswith("ly") for w, _, _ in words[:number]):
                found = _inverted(clause[end:])
                if found is None:
                    return None
                return Attribution(found, where_published(clause), offset + start, "after")
            found = subject_before(clause[:start])
            if found is not None and not (found.sort == "pronoun" and found.name == "who"):
                return Attribution(found, where_published(clause), offset + start, "after")
            return None
        if small == "according" and words[number + 1 : number + 2] and words[number + 1][0] == "to":
            return _according(clause, offset)
        if word in (".", ";"):
            break
    if lead and re.search(r"[–—-]", lead[0]):
        name = re.match(r"[^,.;:]{2,80}", clause)
        found = understood(name[0]) if name else None
        if found is not None and found.sort in ("person", "body", "outlet"):
            return Attribution(_with_role(found, clause[name.end() :] if name else ""), "", offset, "after")
    return None


def _according(text: str, offset: int = 0) -> Attribution | None:
    found = _last_match(_ACCORDING, text)
    if found is None:
        return None
    rest = text[found.end() :]
    who = _leading(rest)
    return Attribution(who, where_published(rest), offset + found.start(), "according") if who else None


def _last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text):
        found = match
    return found


def _leading(rest: str) -> Speaker | None:
    """Who a noun phrase at the beginning of a text names, with the role that follows between commas."""
    stop = re.search(
        r"[,;:.](?:\s|$)|"
        + MASK
        + r"|\s+(?:who|which|that|on|in|during|after|before|while|when|as|and|but|to|said|says|via|by|told|this|last|yesterday|today|because|if|since|until|at)\b|\s*$",
        rest,
    )
    phrase = rest[: stop.start()] if stop else rest
    found = understood(phrase)
    if found is None:
        longer = re.match(
            r"[^,;:"
            + MASK
            + r"]{2,120}?(?=\s+(?:on|during|after|while|who|said)\b|[,;:.](?:\s|$)|\s*"
            + MASK
            + r"|\s*$)",
            rest,
        )
        if longer and longer[0] != phrase:
            phrase = longer[0]
            found = understood(phrase)
        if found is None:
            return None
    return _with_role(found, rest[len(phrase) :])


def _with_role(found: Speaker, rest: str) -> Speaker:
    if found.role or not rest.startswith(","):
        return _of(found, rest)
    segment = re.match(r",\s*([^;:.!?" + MASK + r"]{3,160})", rest)
    if segment is None:
        return found
    part = re.split(
        r",(?=\s*(?:who|in|on|during|after|said|told|as|and|while)\b)|\s(?=(?:said|told|on [A-Z][a-z]+day|in an? (?:interview|statement))\b)|,",
        segment[1],
    )[0]
    return replace(found, role=described(part)) if is_role(part) else found


def _of(found: Speaker, rest: str) -> Speaker:
    """`Jane Doe of Access Now`: the body as the role, where none is given."""
    match = re.match(r"\s+((?:of|from|at)\s+[A-Z][^,;:.]{1,60})", rest)
    return (
        replace(found, role=match[1].strip())
        if match and not found.role and found.sort == "person"
        else found
    )


def _inverted(rest: str) -> Speaker | None:
    """The subject that follows its verb: "said Jane Doe, the minister"."""
    rest = rest.lstrip()
    while (match := re.match(r"(?:[a-z]+ly|also|then|later|earlier)\s+", rest)) is not None:
        rest = rest[match.end() :]
    if not rest or rest[0] in ",;:." or rest.startswith(MASK):
        return None
    if re.match(r"(?:that|in|on|at|to|during|after|while|when|how|why|if|there|as|by|with)\b", rest):
        return None
    found = _leading(rest)
    if found is None and (match := _SOMEBODY.match(rest)):
        # "said a hairdresser in Pikine": whatever they do, the words are theirs.
        return Speaker(match["who"].strip(), "", "unnamed")
    return found


def _stripped(text: str) -> str:
    """The text up to a verb, without what may stand between the subject and it."""
    before = None
    while before != text:
        before = text
        text = text.rstrip(" ,(")
        text = re.sub(
            r"(?:^|[\s,]+)(?:(?:in|on|at|during|through|via|from|to|by) (?:an? |the |his |her |its |their )?(?:[\w-]+ )?(?:statement|interview|tweet|post|press conference|news conference|press release|briefing|speech|report|letter|meeting|message|notice|circular|memo|note|video|recording|blog|column|editorial|Twitter|Facebook|Telegram|X|television|radio|TV)(?: (?:on|with|to|from) [\w’' ]{2,40})?)$",
            "",
            text,
        )
        word = re.search(r"(?:^|\s)([\w’'-]+)$", text)
        if (
            word
            and (word[1].lower() in _AUXILIARY or (word[1].endswith("ly") and word[1].islower()))
            and word[1].lower() not in ("he", "family", "assembly", "daily", "weekly", "monthly")
        ):
            text = text[: word.start()]
            continue
        dates = find_dates(text[-60:], None)
        if dates and dates[-1].end == len(text[-60:]):
            at = len(text) - len(text[-60:]) + dates[-1].start
            text = re.sub(r"(?:^|\s)(?:on|in|at|since|by|early|late|earlier)$", "", text[:at].rstrip())
            text = re.sub(r"(?:^|\s)(?:on|in)$", "", text.rstrip())
    return text


def subject_before(prefix: str) -> Speaker | None:
    """The subject of the verb that follows a text.

    Args:
        prefix: Masked text, up to the verb.
    """
    prefix = _PORTFOLIO.sub(r"\1 and ", prefix)
    text = _stripped(prefix)
    ends_with_comma = "," in prefix[len(text) :]
    if not text or text.endswith(MASK):
        return None
    between = _BETWEEN_COMMAS.search(text) if ends_with_comma else None
    if between is not None:
        head = re.split(r",", _last_clause(text[: between.start()]))[-1]
        found = _ending(head)
        if found is not None and (
            found.sort in ("person", "name", "body", "outlet") or not is_role(between["role"])
        ):
            if not is_role(between["role"]) or re.match(r"wh", between["role"]):
                return found
            role = ", ".join(filter(None, (found.role, described(between["role"]))))
            return replace(found, role=role)
    clause = _last_clause(text)
    segments = [part.strip() for part in re.split(r",", clause) if part.strip()]
    if not segments:
        return None
    # Straight before the verb, unless that is a description of whom the segments before name.
    last = segments[-1]
    if len(segments) == 1 or not ends_with_comma:
        found = _ending(last)
        if found is not None and not (len(segments) > 1 and _in_apposition(segments, found)):
            if (
                len(segments) > 1
                and not found.role
                and is_role(segments[-2])
                and found.sort in ("person", "name")
            ):
                head = understood(segments[-2])
                if head is None or head.sort == "unnamed":
                    found = replace(found, role=described(segments[-2]), sort="person")
            return found
    for number in range(len(segments) - 1, -1, -1):
        found = _ending(segments[number])
        following = segments[number + 1 :]
        if found is None or found.sort == "unnamed":
            continue
        if following and not (is_role(following[0]) or _ASIDE.match(following[0])):
            continue
        if number and _ASIDE.match(segments[number]):
            continue
        if number and is_role(segments[number]) and found.sort != "person":
            head = _ending(segments[number - 1])
            if head is not None and head.sort in ("person", "name"):
                continue  # a description of the one before
        if following and is_role(following[0]):
            more = described(", ".join(following))
            found = replace(found, role=", ".join(filter(None, (found.role, more))), sort=_as_person(found))
        elif number and not following and not found.role and is_role(segments[number - 1]):
            head = understood(segments[number - 1])
            if head is None or head.sort == "unnamed":  # "the minister, Jane Doe, said"
                found = replace(found, role=described(segments[number - 1]), sort="person")
        return found
    found = _ending(segments[-1] if not ends_with_comma else segments[0])
    return found if found is not None and found.sort in ("unnamed", "pronoun") else None


def _as_person(found: Speaker) -> str:
    return "person" if found.sort == "name" else found.sort


def _in_apposition(segments: list[str], found: Speaker) -> bool:
    """Whether the last segment describes the one before it: "Jane Doe, the minister (said)"."""
    before = _ending(segments[-2])
    return (
        found.sort in ("unnamed", "body", "name", "person")
        and before is not None
        and before.sort in ("person", "name")
        and is_role(segments[-1])
        and found.sort != "person"
    )


def _last_clause(text: str) -> str:
    start = 0
    for match in _CLAUSE.finditer(text):
        start = match.end()
    clause = text[start:]
    return re.sub(r"^\s*(?:and|but|or|meanwhile|however|,)\s+", "", clause).strip()


def _ending(segment: str) -> Speaker | None:
    """Who the noun phrase at the end of a segment names."""
    segment = re.sub(
        r"^(?:[Ii]n this regard|[Mm]eanwhile|[Hh]owever|[Bb]ut|[Aa]nd|[Yy]et|[Ss]till|[Nn]ow)\s*,?\s*",
        "",
        segment.strip(),
    )
    if not segment:
        return None
    pronoun = re.search(r"(?:^|\s)(he|she|they|it|we|I|who|He|She|They|It|We)$", segment)
    if pronoun:
        return Speaker(pronoun[1].lower(), "", "pronoun")
    whole = understood(segment)
    if whole is not None and len(segment) <= 120:
        return whole
    words = tokens(segment)
    # The longest phrase that ends here and is understood, from a determiner or a capital letter on.
    for number in range(max(len(words) - 14, 1), len(words)):
        word, start, _ = words[number]
        before = words[number - 1][0].lower()
        if before in ("of", "for", "by", "with", "from", "to", "at", "in", "on") or (
            before == "the" and word[0].isupper()
        ):
            continue
        if word.lower() in ("the", "a", "an", "one", "some") or word[0].isupper():
            found = understood(segment[start:])
            if found is not None:
                return found
    return None


def _of_participle(prefix: str, at: int) -> Speaker | None:
    """The subject of the clause that a participle hangs on: "The ministry cut access, citing …"."""
    text = prefix[:at].rstrip(" ,")
    nearest = None
    for word, start, _ in tokens(text):
        if word in lex.SAYING:
            nearest = start
    if nearest is not None:
        return subject_before(text[:nearest])
    return leading_subject(text)


def _antecedent(text: str) -> Speaker | None:
    """Whom "who" stands for: the phrase before it."""
    match = re.search(r"(?P<who>[^;:]{2,160}?),?\s+who\b[^;:]*$", text)
    found = _ending(_last_clause(match["who"])) if match else None
    return found if found is not None and found.sort in ("person", "body", "outlet") else None


def leading_subject(sentence: str) -> Speaker | None:
    """Who a sentence is about: the noun phrase that it begins with, after its introduction.

    Args:
        sentence: Masked text.
    """
    text = _PORTFOLIO.sub(r"\1 and ", sentence.strip())
    for _ in range(3):
        intro = re.match(
            r"(?:In|On|At|By|For|During|After|Before|Since|While|When|As|With|According|Above|Speaking|Despite|Under|Over|Following|Earlier|Later|Meanwhile|However|Moreover|But|And|Yet|Still|Now|Therefore|Also|Instead|Recently|Yesterday|Today|Last|This|Hours|Days|Weeks|Asked|Responding)\b[^,;]{0,120},\s*",
            text,
        )
        if intro is None:
            break
        text = text[intro.end() :]
    text = re.sub(r"^(?:But|And|Yet|Still|Meanwhile|However|Recently|recently|also)\s+", "", text)
    pronoun = re.match(r"(He|She|They|It|We|he|she|they|it)\b", text)
    if pronoun:
        return Speaker(pronoun[1].lower(), "", "pronoun")
    called = re.match(
        r"(?:An?|The|One) [\w’'-]+(?: [\w’'-]+){0,3} (?:called|named) (?:[A-Z][\w’'-]*)(?: [A-Z][\w’'-]*)*",
        text,
    )
    if called:
        return understood(called[0])
    words = tokens(text[:160])
    best = None
    for number, (word, _, end) in enumerate(words[:12]):
        if word in ",;:" or word in lex.SAYING or word.startswith(MASK):
            break
        if number and word.islower() and word.lower() in _AUXILIARY:
            break
        if best is not None and word.islower() and bare(word) not in _WITHIN:
            break
        if word[0].isupper() or bare(word) in lex.TITLES | lex.AUTHORITIES | lex.BODY | lex.OUTLET_NOUNS:
            found = understood(text[:end])
            if found is not None and found.sort != "pronoun":
                best = found
            elif best is not None and not word[0].isupper():
                break
    if best is not None and not best.role:
        match = re.search(re.escape(best.name) + r"(?=,)", text)
        if match:
            best = _with_role(best, text[match.end() :])
    return best


def where_published(text: str) -> str:
    """The outlet that carried the words: "told Reuters", "in an interview with the BBC"; empty where none is named."""
    for pattern in (_TOLD, _INTERVIEW):
        for match in pattern.finditer(text):
            who = understood(match["where"])
            where = " ".join(match["where"].split())
            if who is not None and (
                who.sort == "outlet" or where.lower() in lex.outlets() or who.name.lower() in lex.outlets()
            ):
                return who.name
            if re.match(r"(?:state|national) (?:television|tv|radio)", where, re.IGNORECASE):
                return where
            if pattern is _INTERVIEW and where in (
                "Twitter",
                "X",
                "Facebook",
                "Telegram",
                "Instagram",
                "YouTube",
            ):
                return where
            if (
                who is not None
                and who.sort == "body"
                and re.search(
                    r"\b(?:News|Times|Post|Radio|TV|Television|Press|Herald|Daily|Journal|Agency)\b", who.name
                )
            ):
                return who.name
    return ""
