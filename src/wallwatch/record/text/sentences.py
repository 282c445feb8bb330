"""Paragraphs and sentences, with quotations masked: a full stop inside a quotation ends no sentence outside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from wallwatch.record.text.lexicon import SAYING
from wallwatch.record.text.quotes import Quote

#: Stands for each character of a quotation, its marks included; text has none (private use).
MASK: Final = "\ue000"

_ABBREVIATION = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Gen|Col|Lt|Maj|Capt|Gov|Sen|Rep|Sgt|St|Jr|Sr|No|Inc|Ltd|Co|Corp|vs|etc|approx|est|Fig"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|a\.m|p\.m|U\.S|U\.K|U\.N|E\.U|i\.e|e\.g|Rev|Hon)|\b[A-Z])\.$"
)
_END = re.compile(r"[.?!…]+[)\]]?(?=\s|$|" + MASK + r")|" + MASK + r"(?=\s)|[:;](?=\s*$)")
_CAPTION = re.compile(
    r"^\s*(?:\(?(?:file )?(?:photo|image|picture|caption|credit|video|watch|illustration|screenshot|graphic|map)s?\b"
    r"(?:\s*(?:by|:|/|–|—|-|credit|courtesy)|\s*\()|\[(?:photo|image|caption|video)|FILE\s*[-–—])",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence outside quotations.

    Attributes:
        start: Place of its first character in the document.
        end: Place after its last.
        masked: Its text, every character of a quotation replaced by `MASK`.
        quotes: The quotations in it.
    """

    start: int
    end: int
    masked: str
    quotes: tuple[Quote, ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph.

    Attributes:
        start: Place of its first character.
        end: Place after its last.
        sort: `body`, `heading` or `caption`.
        sentences: In order.
    """

    start: int
    end: int
    sort: str
    sentences: tuple[Sentence, ...] = field(default=())


def paragraphs(text: str, quotes: Sequence[Quote]) -> list[Paragraph]:
    """The paragraphs of a text, lines of one block that was wrapped counted as one.

    Args:
        text: The document.
        quotes: Its quotations, in order.
    """
    masked = _masked(text, quotes)
    found: list[Paragraph] = []
    lines = [match.span() for match in re.finditer(r"[^\n]*\S[^\n]*", text)]
    repeated: dict[str, int] = {}
    for start, end in lines:
        repeated[text[start:end].strip()] = repeated.get(text[start:end].strip(), 0) + 1
    blocks = _unwrapped(text, lines)
    for number, (start, end) in enumerate(blocks):
        whole = text[start:end].strip()
        sort = _sort(whole, masked[start:end], number, repeated.get(whole, 1) > 1, end == lines[-1][1])
        inside = [one for one in quotes if start <= one.outer_start and one.outer_end <= end]
        found.append(Paragraph(start, end, sort, tuple(_sentences(masked, start, end, inside))))
    return found


def _masked(text: str, quotes: Sequence[Quote]) -> str:
    parts, at = [], 0
    for one in quotes:
        parts += [text[at : one.outer_start], MASK * (one.outer_end - one.outer_start)]
        at = one.outer_end
    return "".join([*parts, text[at:]])


def _unwrapped(text: str, lines: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Lines put together where a text was wrapped at a fixed width."""
    blocks: list[tuple[int, int]] = []
    for start, end in lines:
        if blocks:
            first, last = blocks[-1]
            previous = text[text.rfind("\n", 0, last) + 1 : last].rstrip()
            single = text.count("\n", last, start) == 1
            if (
                single
                and 50 <= len(previous) <= 100
                and not previous.endswith((".", "!", "?", ":", "”", '"', "»"))
                and (text[start].islower() or previous.endswith((",", "-")) or len(previous) >= 60)
                and not text[start : start + 1].isspace()
                and first >= 0
                and _wrapped(text, start)
            ):
                blocks[-1] = (first, end)
                continue
            if (
                single
                and 60 <= len(previous) <= 100
                and previous.endswith((".", "”", '"'))
                and _wrapped(text, start)
                and text[start].islower()
            ):
                blocks[-1] = (first, end)
                continue
        blocks.append((start, end))
    return blocks


def _wrapped(text: str, at: int) -> bool:
    """Whether the line that begins here is short enough to be one of a wrapped paragraph."""
    end = text.find("\n", at)
    return (len(text) if end < 0 else end) - at <= 100


def _sort(whole: str, masked: str, number: int, repeated: bool, last: bool) -> str:
    """Whether a line is a heading: short, without a sentence's end, at the top or repeated."""
    if _CAPTION.match(whole):
        return "caption"
    if whole.startswith("#"):
        return "heading"
    ended = whole.rstrip("”\"’'»)").endswith((".", "!", "?", ":", ",", ";", "…"))
    outside = masked.replace(MASK, "").strip()
    if not ended and len(whole) <= 160 and outside and (number == 0 or repeated or len(whole) <= 90):
        return "heading"
    if number == 0 and len(whole) <= 160 and outside and not whole.rstrip("”\"’'»").endswith((".", ":", ",")):
        return "heading"
    return "body"


def _sentences(masked: str, start: int, end: int, quotes: list[Quote]) -> list[Sentence]:
    found: list[Sentence] = []
    at = start
    for match in _END.finditer(masked, start, end):
        stop = match.end()
        if stop <= at or not _ends(masked, match, at, end, quotes):
            continue
        found.append(_sentence(masked, at, stop, quotes))
        at = stop
    if masked[at:end].strip():
        found.append(_sentence(masked, at, end, quotes))
    return found


def _ends(masked: str, match: re.Match[str], at: int, end: int, quotes: list[Quote]) -> bool:
    after = masked[match.end() : min(match.end() + 120, end)].lstrip()
    if match[0] == MASK:
        quote = next((one for one in quotes if one.outer_end == match.end()), None)
        if quote is None or not after:
            return quote is not None
        return quote.ending in ".?!…" and not _goes_on(after, quote.ending)
    if match[0] in ":;":
        return True
    if _ABBREVIATION.search(masked[max(at, match.end() - 8) : match.end()]) and after[:1] != "":
        return False
    return not after or after[0].isupper() or after[0] in f"{MASK}([«“‘\"'•-–—" or after[0].isdigit()


def _goes_on(after: str, last: str) -> bool:
    """Whether what follows a quotation belongs to its sentence: "he said", "Jane Doe asked"."""
    if after[0].islower() or after[0] in ",;:–—-(":
        return True
    words = re.findall(r"[\w’'-]+|[.,;:]", after)[:8]
    before_stop = []
    for word in words:
        if word in (".", ";", ":"):
            break
        before_stop.append(word)
    verb = next((i for i, word in enumerate(before_stop) if word.lower() in SAYING), None)
    return verb is not None and (last in "?!" and verb <= 5)


def _sentence(masked: str, start: int, end: int, quotes: list[Quote]) -> Sentence:
    text = masked[start:end]
    lead = len(text) - len(text.lstrip())
    trail = len(text) - len(text.rstrip())
    start, end = start + lead, end - trail
    inside = tuple(one for one in quotes if start <= one.outer_start and one.outer_end <= end)
    return Sentence(start, end, masked[start:end], inside)
