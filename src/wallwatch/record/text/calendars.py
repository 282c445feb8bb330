"""The words of calendars: months, weekdays, seasons; Gregorian and Solar Hijri."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import jdatetime

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        1,
    )
    for name in names.split()
}
#: Months whose names are common words or first names too.
DOUBTFUL: Final = frozenset({"may", "march", "mar", "april", "june", "august", "jan"})

WEEKDAYS: Final = {
    name: number
    for number, name in enumerate("monday tuesday wednesday thursday friday saturday sunday".split())
}

#: Season to its first month in the northern half of the world, where the sources of this record mostly write.
SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}

NUMBERS: Final = {
    word: number
    for number, words in enumerate(
        (
            "",
            "one a an",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
    for word in words.split()
} | {"couple": 2}

#: Months of the Solar Hijri calendar, transliterated and in Persian.
SOLAR: Final = {
    name: number
    for number, names in enumerate(
        (
            "farvardin فروردین",
            "ordibehesht اردیبهشت",
            "khordad خرداد",
            "tir تیر",
            "mordad amordad مرداد",
            "shahrivar شهریور",
            "mehr مهر",
            "aban آبان",
            "azar آذر",
            "dey دی",
            "bahman بهمن",
            "esfand اسفند",
        ),
        1,
    )
    for name in names.split()
}
#: Of these, words with other uses (a news agency, a first name): a month only beside a number.
SOLAR_DOUBTFUL: Final = frozenset({"mehr", "tir", "azar", "dey", "bahman", "مهر", "تیر", "آذر", "دی", "بهمن"})

#: Persian and Arabic-Indic digits to ASCII ones; one character to one, so that places in a text stay.
DIGITS: Final = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩", "01234567890123456789")

#: Years that are read as Solar Hijri.
SOLAR_YEARS: Final = range(1280, 1500)


def solar(year: int, month: int, day: int = 1) -> date | None:
    """The day of the Gregorian calendar; null where there is no such day.

    Args:
        year: In the Solar Hijri calendar.
        month: 1 is Farvardin.
        day: Of the month.
    """
    try:
        found: date = jdatetime.date(year, month, day).togregorian()
    except ValueError:
        return None
    return found


def solar_month(year: int, month: int) -> tuple[date, date] | None:
    """First day of the month, and the first after it; null where there is no such month."""
    first = solar(year, month)
    after = solar(year + month // 12, month % 12 + 1)
    return (first, after) if first and after else None


def solar_year_of(day: date) -> int:
    """The Solar Hijri year that the day lies in."""
    return int(jdatetime.date.fromgregorian(date=day).year)


def gregorian(year: int, month: int, day: int) -> date | None:
    """The day; null where there is no such day."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def month_after(day: date) -> date:
    """The first day of the next month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_before(day: date, months: int) -> date:
    """The first day of the month so many months before."""
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)
