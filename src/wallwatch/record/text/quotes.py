"""Quotations: what stands between quotation marks of any kind, the outermost marks only.

Curly, straight, low, angle and single marks; an apostrophe is none. A quotation that goes on over several
paragraphs opens anew in each and closes in the last; each paragraph of it is one quotation here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

#: Opening mark to those that may close it.
_PAIRS: Final = {
    "“": "”“",
    "«": "»",
    "„": "“”",
    "‟": "”",
    "‹": "›",
    "「": "」",
    "『": "』",
    "〝": "〞",
    "»": "«",
}
_PARAGRAPH = re.compile(r"[^\n]+")
#: No quotation is longer, in characters.
LONGEST: Final = 6000
#: After so many marks that nothing closes, a paragraph is taken for no prose: its length must not cost its square.
_MOST_FAILED: Final = 40


@dataclass(frozen=True, slots=True)
class Quote:
    """One quotation.

    Attributes:
        start: Place of the first character inside the marks.
        end: Place after the last character inside.
        outer_start: Place of the opening mark.
        outer_end: Place after the closing mark, or the paragraph's end where it goes on in the next.
        ending: The last character inside.
        continued: Whether it goes on from the paragraph before.
    """

    start: int
    end: int
    outer_start: int
    outer_end: int
    ending: str
    continued: bool = False


def find_quotes(text: str) -> list[Quote]:
    """The quotations of a text, in order."""
    found: list[Quote] = []
    going_on: str | None = None
    for match in _PARAGRAPH.finditer(text):
        quotes, left_open = _in_paragraph(text, match.start(), match.end())
        if quotes and going_on is not None and match[0].lstrip().startswith(going_on):
            first = quotes[0]
            quotes[0] = replace(first, continued=True)
        found += quotes
        going_on = left_open
    return found


def _in_paragraph(text: str, first: int, last: int) -> tuple[list[Quote], str | None]:
    """The quotations between two places, and the mark that was left open, where one was."""
    found: list[Quote] = []
    at, failed = first, 0
    while at < last and failed < _MOST_FAILED:
        mark = text[at]
        closed = None
        if mark in _PAIRS and not (mark == "»" and not _opens(text, at, first, last)):
            closed = _paired(text, at, last, mark)
        elif mark == '"' and _opens(text, at, first, last):
            closed = _straight(text, at, last)
        elif mark in "‘'" and _opens(text, at, first, last):
            closed = _single(text, at, last)
            if closed is None:
                at, failed = at + 1, failed + 1
                continue
        else:
            at += 1
            continue
        if closed is None:
            # Left open to the paragraph's end: a quotation that goes on in the next paragraph.
            before = text[first:at].rstrip()
            next_mark = text[last : last + 80].lstrip()[:1]
            led = not before or before.endswith((",", ":")) or next_mark == mark
            if mark in '“"«' and last - at - 1 <= LONGEST and led:
                inner_end = at + 1 + len(text[at + 1 : last].rstrip())
                if inner_end > at + 1:
                    found.append(Quote(at + 1, inner_end, at, inner_end, text[inner_end - 1]))
                return found, mark
            at, failed = at + 1, failed + 1
            continue
        inner = text[at + 1 : closed]
        start = at + 1 + len(inner) - len(inner.lstrip())
        end = closed - (len(inner) - len(inner.rstrip()))
        if end > start and closed - at <= LONGEST:
            found.append(Quote(start, end, at, closed + 1, text[end - 1]))
        at = closed + 1
    return found, None


def _opens(text: str, at: int, first: int, last: int) -> bool:
    """Whether a mark that is the same on both sides opens here."""
    before = text[at - 1] if at > first else " "
    after = text[at + 1] if at + 1 < last else " "
    return not (before.isalnum() or before in ".,!?…%)]’") and not after.isspace()


def _paired(text: str, at: int, last: int, mark: str) -> int | None:
    closing, depth = _PAIRS[mark], 0
    for place in range(at + 1, min(last, at + LONGEST + 2)):
        found = text[place]
        if found == mark and mark not in closing:
            depth += 1
        elif found in closing:
            if found == mark and not (
                place + 1 >= last or not text[place + 1].isalnum()
            ):  # “ closes only as in „…“; here it opens another
                depth += 1
                continue
            if found == mark and mark == "“":
                if (
                    depth == 0
                    and text[place - 1] in ".,!?…"
                    and (place + 1 >= last or text[place + 1].isspace())
                ):
                    return place
                continue
            if depth == 0:
                return place
            depth -= 1
    return None


def _straight(text: str, at: int, last: int) -> int | None:
    """The closing straight mark: one that no word follows, those of quotations inside left out."""
    depth = 0
    for place in range(at + 1, min(last, at + LONGEST + 2)):
        if text[place] not in '"”':
            continue
        before, after = text[place - 1], text[place + 1] if place + 1 < last else " "
        opening = (before.isspace() or before in "([—–-") and after.isalnum()
        if opening and text[place] == '"' and place > at + 1:
            depth += 1
        elif depth:
            depth -= 1
        else:
            return place
    return None


def _single(text: str, at: int, last: int) -> int | None:
    """The closing single mark; an apostrophe inside a word or of a plural's possessive is none."""
    closing = "’'" if text[at] == "‘" else "'’"
    candidates = []
    for place in range(at + 1, min(last, at + LONGEST)):
        if text[place] not in closing:
            continue
        before, after = text[place - 1], text[place + 1] if place + 1 < last else " "
        if after.isalnum() or before.isspace():
            continue
        if before in ".,!?…;":
            return place
        candidates.append(place)
        possessive = before in "sS" and re.match(r".\s+[a-z]", text[place : place + 4])
        if not possessive:
            # One or two words in single marks, or a phrase that a space or a full stop follows.
            return place
    return candidates[0] if candidates else None
