"""What the pages say and how they write numbers and times, in one language.

All text that a reader sees goes through `gettext` and `ngettext`, so that a catalogue can translate it;
all values that come from data go through `shown`, so that hostile text stays text (trap X3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from gettext import NullTranslations
from typing import Final

from markupsafe import Markup, escape

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text

#: No text from data is shown longer than this.
LONGEST: Final = 200

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

#: The languages that there are catalogues for, each with the direction of its script.
DIRECTIONS: Final = {"en": "ltr"}


def foreign(value: object, limit: int = LONGEST) -> Markup:
    """Text from data: spelled out where it is unsafe, shortened, and of its own direction."""
    return Markup("<bdi>{}</bdi>").format(safe_text(value, limit))


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
        return cls(code, DIRECTIONS[code])

    def gettext(self, message: str, **values: object) -> Markup:
        """The message in this language, with `%(name)s` replaced by safe values."""
        return self._fill(self.catalogue.gettext(message), values)

    def ngettext(self, one: str, many: str, n: int, **values: object) -> Markup:
        """The message for that number of things; `%(n)s` is the number."""
        return self._fill(self.catalogue.ngettext(one, many, n), {"n": n, **values})

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

    def number(self, value: float) -> str:
        """A number with its thousands apart; at most one digit after the point."""
        if isinstance(value, float) and not value.is_integer():
            return f"{value:,.1f}"
        return f"{int(value):,}"

    def percent(self, share: float) -> str:
        """A share as a percentage, never rounded to all or nothing.

        Args:
            share: 0–1.
        """
        whole = round(share * 100)
        if whole == 0 and share > 0:
            return self.catalogue.gettext("under 1 %")
        if whole == 100 and share < 1:
            return self.catalogue.gettext("over 99 %")
        return f"{whole} %"

    def day(self, moment: datetime) -> str:
        """The day: `9 November 2023`."""
        moment = moment.astimezone(UTC)
        return f"{moment.day} {self.catalogue.gettext(_MONTHS[moment.month - 1])} {moment.year}"

    def short_day(self, moment: datetime) -> str:
        """The day for a chart's axis: `9 Nov`."""
        moment = moment.astimezone(UTC)
        return f"{moment.day} {self.catalogue.gettext(_MONTHS[moment.month - 1])[:3]}"

    def month(self, moment: datetime) -> str:
        """The month for a chart's axis: `Nov 2023`."""
        moment = moment.astimezone(UTC)
        return f"{self.catalogue.gettext(_MONTHS[moment.month - 1])[:3]} {moment.year}"

    def clock(self, moment: datetime) -> str:
        """The time of day: `05:00`."""
        return f"{moment.astimezone(UTC):%H:%M}"

    def moment(self, moment: datetime) -> str:
        """The day and time: `9 November 2023, 05:00 UTC`."""
        return f"{self.day(moment)}, {self.clock(moment)} UTC"

    def brief(self, moment: datetime) -> str:
        """The day without its year, and the time: `9 November 05:00`."""
        moment = moment.astimezone(UTC)
        return f"{moment.day} {self.catalogue.gettext(_MONTHS[moment.month - 1])} {self.clock(moment)}"

    def days(self, first: datetime, last: datetime) -> str:
        """Two days, said once where they are the same."""
        if first.astimezone(UTC).date() == last.astimezone(UTC).date():
            return self.day(first)
        return f"{self.day(first)} – {self.day(last)}"

    def weekday(self, number: int) -> str:
        """The name of a weekday, Monday as 0."""
        return self.catalogue.gettext(_WEEKDAYS[number])
