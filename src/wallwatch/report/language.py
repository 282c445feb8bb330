"""What the pages say and how they write numbers and times, in one language.

All text that a reader sees goes through `gettext` and `ngettext`, so that a catalogue can translate it;
all values that come from data go through `shown`, so that hostile text stays text (trap X3).
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from typing import Any, Final, Literal

import jdatetime
from babel import Locale
from babel.dates import format_date, get_day_names
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from markupsafe import Markup, escape

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.report.sentences import translate
from wallwatch.schema.words import is_made_up

#: No text from data is shown longer than this.
LONGEST: Final = 200

#: The languages that there are catalogues for, each with the direction of its script.
DIRECTIONS: Final = {"en": "ltr", "ar": "rtl", "fa": "rtl", "ru": "ltr"}

#: Their own names.
NAMES: Final = {"en": "English", "fa": "فارسی", "ar": "العربية", "ru": "Русский"}

#: Digits of languages that do not write with ASCII ones.
_DIGITS: Final = {
    "fa": str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"),
    "ar": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"),
}

#: A number that is no part of a name such as AS36866, IPv4 or a host's.
_NUMBER: Final = re.compile(r"(?<![\w.-])[0-9]+(?:[.,:][0-9]+)*(?![\w-])")


_DAYS: Final = {name: n for n, name in enumerate(("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"))}


def _listed(found: Mapping[str, object], name: str) -> list[Any]:
    value = found.get(name)
    return value if isinstance(value, list) else []


def _spans(hours: Sequence[int]) -> list[tuple[int, int]]:
    """Hours of the day as spans (first, after the last), one that goes over midnight as one."""
    known = set(hours)
    starts = [hour for hour in sorted(known) if (hour - 1) % 24 not in known]
    found = []
    for start in starts:
        end = start
        while end % 24 in known and end - start < 24:
            end += 1
        found.append((start, end))
    return found


def foreign(value: object, limit: int = LONGEST) -> Markup:
    """Text from data: spelled out where it is unsafe, shortened, and of its own direction."""
    return Markup("<bdi>{}</bdi>").format(safe_text(value, limit))


#: Digits that are no part of a Latin word or of a placeholder.
_NUMBERS: Final = re.compile(r"(?<![A-Za-z0-9])[0-9]+")


def marked(message: str) -> str:
    """Marks a message for the catalogues; it is translated where it is used."""
    return message


@cache
def catalogue(code: str) -> NullTranslations:
    """The translations into a language; English needs none.

    The catalogues are kept as text (`locale/*.po`), which people can read and review, and compiled when first used.
    """
    if code == "en":
        return NullTranslations()
    text = files("wallwatch.report").joinpath(f"locale/{code}.po").read_bytes()
    compiled = io.BytesIO()
    write_mo(compiled, read_po(io.BytesIO(text), locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its words, its numbers, its times.

    Attributes:
        code: BCP 47 tag.
        direction: `ltr` or `rtl`.
        catalogue: The translations.
    """

    code: str
    direction: str
    catalogue: NullTranslations = field(default_factory=NullTranslations)

    @classmethod
    def of(cls, code: str) -> Language:
        """The language of that code.

        Raises:
            WallwatchError: There is no catalogue for it.
        """
        if code not in DIRECTIONS:
            raise WallwatchError(
                f"there are no pages in {code!r}; languages: {', '.join(sorted(DIRECTIONS))}"
            )
        return cls(code, DIRECTIONS[code], catalogue(code))

    def gettext(self, message: str, **values: object) -> Markup:
        """The message in this language, with `%(name)s` replaced by safe values."""
        return self._fill(self.digits(self.catalogue.gettext(message)), values)

    def ngettext(self, one: str, many: str, n: int, **values: object) -> Markup:
        """The message for that number of things; `%(n)s` is the number."""
        return self._fill(self.digits(self.catalogue.ngettext(one, many, n)), {"n": n, **values})

    def _fill(self, text: str, values: dict[str, object]) -> Markup:
        return escape(text) % {name: self.shown(value) for name, value in values.items()}

    def shown(self, value: object) -> Markup:
        """A value as a reader sees it: numbers and times in the language's form, text as foreign text."""
        if value is None:
            return Markup()
        if isinstance(value, Markup):
            return value
        if isinstance(value, bool | int | float):
            return escape(self.number(value))
        if isinstance(value, datetime):
            return escape(self.moment(value))
        return foreign(value)

    @property
    def _locale(self) -> str:
        """The language whose forms of numbers and dates are used."""
        return self.code if self.code in DIRECTIONS else "en"

    def digits(self, text: str) -> str:
        """Text of our own making, its digits in the language's form."""
        digits = _DIGITS.get(self.code)
        # AS64500 and IPv4 are names: their digits stay.
        return text if digits is None else _NUMBERS.sub(lambda number: number[0].translate(digits), text)

    def number(self, value: float) -> str:
        """A number with its thousands apart; at most one digit after the point."""
        value = round(value, 1) if isinstance(value, float) and not value.is_integer() else int(value)
        if self._locale == "en":
            return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"
        return self.digits(format_decimal(value, "#,##0.#", locale=self._locale, numbering_system="default"))

    def decimal(self, value: float, places: int) -> str:
        """A number with so many digits after the point."""
        if self._locale == "en":
            return f"{value:.{places}f}"
        pattern = "0." + "0" * places
        return self.digits(format_decimal(value, pattern, locale=self._locale, numbering_system="default"))

    def probability(self, value: float, places: int = 3) -> str:
        """A probability, never rounded to certainty."""
        limit = 1 - 10**-places
        if value > limit + 10**-places / 2:
            return self.decimal(limit, places) + "+"
        return self.decimal(value, places)

    def percent(self, share: float) -> str:
        """A share as a percentage, never rounded to all or nothing.

        Args:
            share: 0–1.
        """
        whole = round(share * 100)
        if whole == 0 and share > 0:
            return self.digits(self.catalogue.gettext("under 1 %"))
        if whole == 100 and share < 1:
            return self.digits(self.catalogue.gettext("over 99 %"))
        # By each language's own custom (CLDR); in Russian the sign must not be left alone on the next line.
        sign = {"fa": "٪", "ar": "٪", "ru": "\N{NO-BREAK SPACE}%"}.get(self.code, " %")
        return self.digits(f"{whole}{sign}")

    def _date(self, moment: datetime, pattern: str, solar: str) -> str:
        """A date by a pattern of CLDR; where Solar Hijri is in use, by that calendar's pattern."""
        moment = moment.astimezone(UTC)
        if self.code == "fa" and solar:
            day = jdatetime.date.fromgregorian(date=moment.date(), locale="fa_IR")
            return self.digits(day.strftime(solar).lstrip("0"))
        return self.digits(format_date(moment, pattern, locale=self._locale))

    def day(self, moment: datetime) -> str:
        """The day: `9 November 2023`; in Persian by the Solar Hijri calendar with the Gregorian day beside it."""
        gregorian = self._date(moment, "d MMMM y", "")
        if self.code == "fa":
            return f"{self._date(moment, '', '%d %B %Y')} ({gregorian})"
        return gregorian

    def short_day(self, moment: datetime) -> str:
        """The day for a chart's axis: `9 Nov`."""
        return self._date(moment, "d MMM", "%d %B")

    def month(self, moment: datetime) -> str:
        """The month for a chart's axis: `Nov 2023`."""
        return self._date(moment, "MMM y", "%B %Y")

    def clock(self, moment: datetime) -> str:
        """The time of day: `05:00`."""
        return self.digits(f"{moment.astimezone(UTC):%H:%M}")

    def moment(self, moment: datetime) -> str:
        """The day and time: `9 November 2023, 05:00 UTC`."""
        comma = "،" if self.direction == "rtl" else ","
        return f"{self.day(moment)}{comma} {self.clock(moment)} UTC"

    def brief(self, moment: datetime) -> str:
        """The day without its year, and the time: `9 November 05:00`."""
        return f"{self._date(moment, 'd MMMM', '%d %B')} {self.clock(moment)}"

    def days(self, first: datetime, last: datetime) -> str:
        """Two days, said once where they are the same."""
        if first.astimezone(UTC).date() == last.astimezone(UTC).date():
            return self.day(first)
        return f"{self.day(first)} – {self.day(last)}"

    def weekday(self, number: int) -> str:
        """The name of a weekday, Monday as 0."""
        names = get_day_names("wide", "stand-alone", self._locale)
        return escape(str(names[number]))

    def short_weekday(self, number: int) -> str:
        """The name of a weekday for a chart's axis: `Mon`; one letter in scripts that are not cut at the third."""
        width: Literal["narrow", "abbreviated"] = "narrow" if self.direction == "rtl" else "abbreviated"
        return escape(str(get_day_names(width, "stand-alone", self._locale)[number]))

    def pattern(self, found: Mapping[str, object]) -> Markup:
        """A pattern in time, as the detectors write it down: `on weekdays, 05:00–08:00 UTC`.

        Args:
            found: `text`, `hours_utc`, `weekdays` (`Mon` or `Monday` …), `networks`; what is missing is left out.
        """
        if self._locale == "en":
            return foreign(found.get("text") or "", 400)
        days = [_DAYS[day] for day in (str(one)[:3] for one in _listed(found, "weekdays")) if day in _DAYS]
        hours = [hour for hour in _listed(found, "hours_utc") if isinstance(hour, int) and 0 <= hour < 24]
        comma = "، " if self.direction == "rtl" else ", "
        parts = []
        if 0 < len(days) < 7:
            parts.append(comma.join(map(self.weekday, days)))
        else:
            parts.append(self.catalogue.gettext("every day"))
        if 0 < len(hours) < 24:
            spans = [f"{first:02d}:00–{last % 24:02d}:00" for first, last in _spans(hours)]
            parts.append(self.digits(comma.join(spans)) + " UTC")
        networks = comma.join(f"AS{one}" for one in _listed(found, "networks")[:12] if isinstance(one, int))
        said = f"{networks}: " if networks else ""
        return Markup('<bdi dir="{}">{}</bdi>').format(self.direction, said + comma.join(parts))

    def country(self, code: str, english: str) -> str:
        """The country's name in this language; the English one where there is none."""
        # Babel names two of the codes that belong to nobody after ways to test pages (`XA`, `XB`).
        if self._locale == "en" or is_made_up(code):
            return english
        name = Locale(self._locale).territories.get(code)
        return english if name is None else escape(str(name))

    def sentence(self, text: str, limit: int = 500) -> Markup:
        """A sentence that a rule or a detector wrote in English: translated where the catalogue has it.

        What it does not have stays English, and is marked as such.
        """
        if self.code == "en":
            return foreign(text, limit)
        # Made safe before it is translated: the catalogue's own joiners (U+200C in Persian) have to stay as they are.
        found = translate(safe_text(text, limit), self.catalogue)
        if found is not None:
            numbers = _NUMBER.sub(lambda number: self.digits(number[0]), found)
            return Markup('<bdi dir="{}">{}</bdi>').format(self.direction, numbers)
        return Markup('<bdi lang="en" dir="ltr">{}</bdi>').format(safe_text(text, limit))
