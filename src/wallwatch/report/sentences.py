"""Sentences that rules and detectors write in English into the tables, recognised so that pages can translate them.

The tables stay in one language, which scripts and citations count on. A page in another one finds a sentence here by its
form, takes its numbers and names out, and puts them into the translation. What is not found stays English.
"""

from __future__ import annotations

import re
from functools import cache
from gettext import NullTranslations
from typing import Any, Final

import re2

_PLACE: Final = re.compile(r"%\((\w+)\)s")

#: The forms. `%(name)s` stands for anything within a line; longer forms are tried first.
FORMS: Final = (
    # detect/events.py: what speaks against an event
    "%(network)s was measured %(count)s time and found fine",
    "%(network)s was measured %(count)s times and found fine",
    "%(count)s more network measured and found fine",
    "%(count)s more networks measured and found fine",
    "%(count)s network measured too little, or with too mixed results, to say",
    "%(count)s networks measured too little, or with too mixed results, to say",
    "only %(count)s session on %(network)s found it blocked",
    "only %(count)s sessions on %(network)s found it blocked",
    "%(share)s of the measurements on %(network)s in that time found it blocked, not all",
    "no measurement on %(network)s shows what only interference leaves behind, such as a block page",
    "on %(network)s nothing after %(time)s tells whether it ended",
    "%(count)s measurement on %(network)s left out for doubts about them",
    "%(count)s measurements on %(network)s left out for doubts about them",
    "it failed in %(count)s of %(measured)s countries where it usually works and was measured then (%(countries)s): no national restriction",
    "it began in them together and ended in them together, as when a server or a path that they share fails",
    "the failures follow %(software)s: other software on the same networks and days finds it fine",
    "%(count)s session on %(network)s found it working in the same time, and no probe carries a credential: that forged sessions are among either kind cannot be ruled out",
    "%(count)s sessions on %(network)s found it working in the same time, and no probe carries a credential: that forged sessions are among either kind cannot be ruled out",
    "it was there when the data begin: when it started is unknown",
    "a server that itself cuts the connections of a whole country would look the same: no network there was found fine, and nothing shows that a name is what is acted upon",
    # detect/outages_*.py: why an outage is of its kind, and what speaks against it
    "%(count)s of %(all)s places lost at least half as much as the whole; %(share)s of these fell within the same two hours.",
    "Most of the fall came within one bin.",
    "Most of the fall came within %(hours)s hours.",
    "It came %(count)s times.",
    "It has come back to %(level)s of the ordinary level from %(lowest)s; %(rest)s",
    "Routes stayed announced all the while (%(signal)s): dark, but not withdrawn.",
    "One source only: %(source)s; no other kind of source confirms it.",
    "Holidays take as much from a source that follows people's days.",
    "A network that hands its users over to another one looks the same.",
    "%(source)s stayed at the ordinary level (%(signal)s).",
    "Only %(count)s ordinary days lie before it to compare with.",
    "%(count)s of %(all)s countries of this source fell in the same hour.",
    "%(count)s of %(all)s measurements found their target working, on %(ok)s of %(networks)s networks, among them %(targets)s.",
    "%(count)s of %(all)s networks that were measured in the week before fell silent.",
    "No source from outside measured the country at the time.",
    "Volunteers have many reasons to rest; this is a suspicion of a shutdown, and no finding of one.",
    "What they measured may arrive late: silence does not say that anything was unblocked.",
    "Connectivity alone does not tell an ordered cut from a failure of power or of a shared path: statements and other sources have to.",
    "No value changes in any region for %(bins)s bins: %(reason)s",
    "The values of the day before come again, in every region, for %(bins)s bins: %(reason)s",
    "Where the targets that answered are hosted was not looked at.",
    "No signal from outside shows a loss at the time.",
    "No loss was measured: values that are not there are not values of zero.",
)


def split(text: str) -> list[str]:
    """The parts of a sentence that are translated apart: up to and with each semicolon."""
    parts = text.split("; ")
    return [*(part + ";" for part in parts[:-1]), parts[-1]]


@cache
def _compiled() -> tuple[tuple[Any, str], ...]:
    found = []
    for form in sorted(FORMS, key=lambda form: (-len(_PLACE.sub("", form)), form)):
        parts = _PLACE.split(form)
        pattern = "".join(
            re.escape(part).replace("\\ ", " ").replace("\\-", "-") if n % 2 == 0 else "(.+)"
            for n, part in enumerate(parts)
        )
        found.append((re2.compile(pattern), form))
    return tuple(found)


def translate(text: str, catalogue: NullTranslations) -> str | None:
    """The sentence in the catalogue's language; null where its form is not known or not translated.

    Args:
        text: A sentence of a rule or detector; RE2 matches it in linear time, whatever names it holds.
        catalogue: The translations.
    """
    whole = catalogue.gettext(text) if text else ""
    if whole != text:
        return whole
    if "; " in text:
        # A rule's sentence of two parts: what was seen; what it is held against.
        parts = [catalogue.gettext(part) for part in split(text)]
        if all(found != part for found, part in zip(parts, split(text), strict=True)):
            return " ".join(parts)
    for pattern, form in _compiled():
        match = pattern.fullmatch(text)
        if match is None:
            continue
        wanted = catalogue.gettext(form)
        if wanted == form:
            return None
        return _filled(wanted, dict(zip(_PLACE.findall(form), match.groups(), strict=True)))
    return None


def _filled(text: str, values: dict[str, str]) -> str:
    return _PLACE.sub(lambda place: values.get(place[1], place[0]), text)
