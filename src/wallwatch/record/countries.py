"""Countries as texts name them: CLDR's names, other names in use, and adjectives."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale

#: Territories of CLDR that are no country or are not said as one.
_NOT_COUNTRIES: Final = frozenset("AC AN CP CQ DG EA EU EZ IC QO QU TA UN XA XB ZZ".split())
#: Names that are common words, first names or places elsewhere: only their adjectives, or beside other signs.
_DOUBTFUL: Final = frozenset(
    {"Jersey", "Georgia", "Chad", "Jordan", "Turkey", "Guernsey", "Niger", "Guinea", "Dominica", "Congo"}
)


@dataclass(frozen=True, slots=True)
class CountryMention:
    """A country in a text.

    Attributes:
        code: ISO 3166-1 alpha-2.
        start: Place of its first character.
        end: Place after its last.
        adjective: Whether it is named by its adjective ("Kenyan").
    """

    code: str
    start: int
    end: int
    adjective: bool


@cache
def _names() -> dict[str, tuple[str, bool]]:
    """Every name and adjective to the country's code and whether it is an adjective."""
    found: dict[str, tuple[str, bool]] = {}
    for code, name in Locale("en").territories.items():
        if re.fullmatch("[A-Z]{2}", code) and code not in _NOT_COUNTRIES:
            for one in {name, name.replace("’", "'"), name.replace("&", "and"), re.sub(r" \(.*\)", "", name)}:
                found[one] = (code, False)
    text = files("wallwatch.record").joinpath("data/countries.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        for adjective, column in ((False, "names"), (True, "adjectives")):
            for one in filter(None, row[column].split("|")):
                found[one] = (row["code"], adjective)
    return found


@cache
def _pattern() -> re.Pattern[str]:
    names = sorted(_names(), key=lambda name: (-len(name), name))
    return re.compile(r"(?<![\w-])(?:" + "|".join(re.escape(name) for name in names) + r")(?!\w)")


@cache
def name(code: str) -> str:
    """The country's English name; the code where there is none."""
    found = Locale("en").territories.get(code)
    return found if found and code not in _NOT_COUNTRIES else code


def find_countries(text: str) -> list[CountryMention]:
    """The countries that a text names, in order; those of the same name as a part of another are not found twice."""
    found = []
    for match in _pattern().finditer(text):
        code, adjective = _names()[match[0]]
        before = text[max(match.start() - 20, 0) : match.start()]
        after = text[match.end() : match.end() + 20]
        if match[0] in _DOUBTFUL and (
            (
                re.search(r"[A-Z][\w.]*\s$", before)
                and not re.search(r"\b(?:In|And|But|From|To|With|Across)\s$", before)
            )
            or re.match(r" [A-Z][a-z]", after)
        ):
            continue  # "Michael Jordan", "Jordan Peele"
        if not adjective and re.match(r"-[A-Z]", after):
            continue  # "the Iran-Iraq war" is about neither alone
        found.append(CountryMention(code, match.start(), match.end(), adjective))
    return found


def is_place(text: str) -> bool:
    """Whether the text is the name or the adjective of a country, and nothing else."""
    return text in _names()
