"""Dates in English prose, resolved against the document's date, with the precision that remains.

"on Saturday" is a day, "last week" a week, "in November" a month, "earlier this year" a year. A date that needs
another to be understood (no year, "yesterday") and has none is found all the same, and not resolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

from wallwatch.record.text import calendars as cal

#: Days ahead at which a day without a year is still taken for the coming one.
_AHEAD: Final = 31


@dataclass(frozen=True, slots=True)
class DateMention:
    """A date in a text.

    Attributes:
        start: Place of its first character.
        end: Place after its last.
        since: The first moment that it may mean, UTC; null where it cannot be resolved.
        until: The first moment after.
        precision: One of `schema.statements.PRECISIONS`.
        how: What it was read from, in words.
        loose: Whether it is a bare year that says what something is called ("the 2018 protests").
        span: Whether it names a first and a last day or month ("from 25 to 27 January").
    """

    start: int
    end: int
    since: datetime | None
    until: datetime | None
    precision: str
    how: str
    loose: bool = False
    span: bool = False


@dataclass(frozen=True, slots=True)
class _Span:
    first: date
    after: date
    precision: str
    relative: bool = False


_MONTH = (
    r"(?P<month>January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?"
)
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?\b"
_YEAR = r"(?P<year>(?:19|20)\d\d)\b(?!-)"
_SOLAR = "(?P<solar>" + "|".join(sorted(cal.SOLAR, key=lambda name: -len(name))) + r")\b"
_WEEKDAY = r"(?P<weekday>Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
_NUMBER = "(?P<number>" + "|".join(sorted(cal.NUMBERS, key=lambda name: -len(name))) + r"|\d{1,3})"
_PART = r"(?:(?:early|mid|late|the (?:start|beginning|middle|end) of)[ -])?"
_PREPOSITION = r"(?:in|since|during|until|till|through|throughout|by|from|of|before|after|last|this|next|late|early|mid|between|and|for)"

_Reader = Callable[["re.Match[str]", date | None, bool, bool], "_Span | None"]


def _day(day: date | None, *, relative: bool = False) -> _Span | None:
    return _Span(day, day + timedelta(days=1), "day", relative) if day else None


def _month(first: date, *, relative: bool = False) -> _Span:
    return _Span(first, cal.month_after(first), "month", relative)


def _year(year: int, *, relative: bool = False) -> _Span:
    return _Span(date(year, 1, 1), date(year + 1, 1, 1), "year", relative)


def _week(day: date) -> _Span:
    monday = day - timedelta(days=day.weekday())
    return _Span(monday, monday + timedelta(days=7), "week", relative=True)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else cal.NUMBERS[text.lower()]


def _full(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    return _day(cal.gregorian(int(match["year"]), cal.MONTHS[match["month"].lower()], int(match["day"])))


def _numeric(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    year, one, two = int(match["y"]), int(match["a"]), int(match["b"])
    if match["sep"] == "." or one > 12 or one == two:
        return _day(cal.gregorian(year, two, one))
    if two > 12:
        return _day(cal.gregorian(year, one, two))
    return _year(year)  # day or month first: it cannot be told


def _iso(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    if year in cal.SOLAR_YEARS:
        return _day(cal.solar(year, month, day))
    return _day(cal.gregorian(year, month, day))


def _nearest(base: date, month: int, day: int, past: bool, future: bool) -> date | None:
    """The last such day until the base; the coming one where the text speaks of the future, or it is near."""
    options = [
        one for year in range(base.year - 4, base.year + 5) if (one := cal.gregorian(year, month, day))
    ]
    before = max((one for one in options if one <= base), default=None)
    after = min((one for one in options if one > base), default=None)
    if after is not None and (
        (future and not past) or (not past and after - base <= timedelta(days=_AHEAD)) or before is None
    ):
        return after
    return before


def _no_year(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    month = cal.MONTHS[match["month"].lower()]
    return _day(_nearest(base, month, int(match["day"]), past, future), relative=True)


def _month_year(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    return _month(date(int(match["year"]), cal.MONTHS[match["month"].lower()], 1))


def _bare_month(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    month = cal.MONTHS[match["month"].lower()]
    word = (match["word"] or "").lower()
    year = base.year
    if word == "next" or (future and not past):
        year += month <= base.month if word == "next" else month < base.month
    elif word == "last":
        year -= month >= base.month
    elif month > base.month:
        year -= 1
    return _month(date(year, month, 1), relative=True)


def _solar_full(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    year, month = int(match["sy"]), cal.SOLAR[match["solar"].lower()]
    if year not in cal.SOLAR_YEARS:
        return None
    return _day(cal.solar(year, month, int(match["day"])))


def _solar_month(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    year = int(match["sy"])
    span = cal.solar_month(year, cal.SOLAR[match["solar"].lower()]) if year in cal.SOLAR_YEARS else None
    return _Span(*span, "month") if span else None


def _solar_no_year(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    month, this = cal.SOLAR[match["solar"].lower()], cal.solar_year_of(base)
    found = [day for year in (this - 1, this, this + 1) if (day := cal.solar(year, month, int(match["day"])))]
    return _day(max((day for day in found if day <= base), default=None), relative=True)


def _solar_bare(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    month = cal.SOLAR[match["solar"].lower()]
    if base is None or match["solar"].lower() in cal.SOLAR_DOUBTFUL:
        return None
    this = cal.solar_year_of(base)
    spans = [span for year in (this - 1, this) if (span := cal.solar_month(year, month)) and span[0] <= base]
    return _Span(*max(spans), "month", relative=True) if spans else None


def _weekday(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    word, number = (match["word"] or "").lower(), cal.WEEKDAYS[match["weekday"].lower()]
    back = (base.weekday() - number) % 7
    if word in ("next", "coming") or (future and not past and word != "last"):
        return _day(base + timedelta(days=(-back % 7) or 7), relative=True)
    return _day(base - timedelta(days=back or (7 if word == "last" else 0)), relative=True)


def _ago(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    number, unit = _number(match["number"]), match["unit"].lower()
    try:
        if unit.startswith("day"):
            return _day(base - timedelta(days=number), relative=True)
        if unit.startswith("week"):
            return _week(base - timedelta(days=7 * number))
        if unit.startswith("month"):
            return _month(cal.months_before(base, number), relative=True)
        if unit.startswith("year"):
            return _year(base.year - number, relative=True)
    except (ValueError, OverflowError):
        return None
    return _day(base - timedelta(hours=0), relative=True) if number < 24 else None


def _named_day(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    word = " ".join(match[0].lower().split())
    if "day before" in word:
        return _day(base - timedelta(days=2), relative=True)
    if word.startswith(("yesterday", "last night")):
        return _day(base - timedelta(days=1), relative=True)
    return _day(base + timedelta(days=word.startswith("tomorrow")), relative=True)


def _period(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    back = {"this": 0, "last": 1, "past": 0, "previous": 1, "next": -1}[match["which"].lower()]
    unit = match["unit"].lower()
    if unit == "week":
        return _week(base - timedelta(days=7 * back))
    if unit == "weekend":
        saturday = base - timedelta(
            days=(base.weekday() - 5) % 7
            + (7 if match["which"].lower() == "last" and base.weekday() >= 5 else 0)
        )
        return _Span(saturday, saturday + timedelta(days=2), "week", relative=True)
    if unit == "month":
        return _month(cal.months_before(base, back), relative=True)
    return _year(base.year - back, relative=True)


def _weekend(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    if base is None:
        return None
    saturday = base - timedelta(days=(base.weekday() - 5) % 7)
    return _Span(saturday, saturday + timedelta(days=2), "week", relative=True)


def _lately(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    return _month(base.replace(day=1), relative=True) if base else None


def _season(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    month, year = cal.SEASONS[match["season"].lower()], match["year"]
    relative = not year
    if year:
        first = date(int(year), month, 1)
    elif base is None:
        return None
    else:
        which = (match["word"] or "").lower()
        first = date(base.year, month, 1)
        if first > base or (which == "last" and cal.months_before(first, -3) > base):
            first = date(base.year - 1, month, 1)
    return _Span(first, cal.months_before(first, -3), "season", relative)


def _bare_year(match: re.Match[str], base: date | None, past: bool, future: bool) -> _Span | None:
    return _year(int(match["year"]))


#: In this order: what is longer and says more comes first, and a later one may not overlap it.
_PATTERNS: Final[tuple[tuple[re.Pattern[str], _Reader], ...]] = (
    (
        re.compile(
            r"(?<![\d.-])(?P<y>1[234]\d\d|(?:19|20)\d\d)[-/](?P<m>\d{1,2})[-/](?P<d>\d{1,2})(?![\d-])"
        ),
        _iso,
    ),
    (re.compile(rf"\b{_DAY}(?: of)? {_MONTH},? {_YEAR}"), _full),
    (re.compile(rf"\b{_MONTH} (?:the )?{_DAY},? {_YEAR}"), _full),
    (re.compile(rf"(?<!\d){_DAY}(?: of)? {_SOLAR},? (?P<sy>1[234]\d\d)\b", re.IGNORECASE), _solar_full),
    (re.compile(rf"\b{_SOLAR} {_DAY},? (?P<sy>1[234]\d\d)\b", re.IGNORECASE), _solar_full),
    (re.compile(rf"\b{_SOLAR},?(?: of)? (?P<sy>1[234]\d\d)\b", re.IGNORECASE), _solar_month),
    (
        re.compile(
            r"(?<![\d./])(?P<a>\d{1,2})(?P<sep>[./])(?P<b>\d{1,2})(?P=sep)(?P<y>(?:19|20)\d\d)(?![\d./])"
        ),
        _numeric,
    ),
    (re.compile(rf"\b{_MONTH},?(?: of)? {_YEAR}"), _month_year),
    (re.compile(rf"(?<!\d){_DAY}(?: of)? {_SOLAR}", re.IGNORECASE), _solar_no_year),
    (re.compile(rf"\b{_SOLAR} {_DAY}", re.IGNORECASE), _solar_no_year),
    (re.compile(rf"(?<![\d.,]){_DAY}(?: of)? {_MONTH}"), _no_year),
    (re.compile(rf"\b{_MONTH} (?:the )?{_DAY}(?![\d%]|[.,:]\d)"), _no_year),
    (
        re.compile(
            rf"\b(?P<word>(?:in |of |since |during |last |this )?(?:the )?(?:last |this )?)(?P<season>spring|summer|autumn|fall|winter)(?: of)?,? {_YEAR}",
            re.IGNORECASE,
        ),
        _season,
    ),
    (
        re.compile(
            r"\b(?P<word>last|this) (?P<season>spring|summer|autumn|fall|winter)\b(?P<year>)?", re.IGNORECASE
        ),
        _season,
    ),
    (
        re.compile(
            r"\bin the (?P<word>)(?P<season>spring|summer|autumn|fall|winter)\b(?P<year>)?", re.IGNORECASE
        ),
        _season,
    ),
    (re.compile(rf"\b(?:(?P<word>last|this|next|coming)\s+)?{_WEEKDAY}", re.ASCII), _weekday),
    (
        re.compile(
            r"\b(?:today|tonight|yesterday|tomorrow|last night|the day before yesterday|this (?:morning|afternoon|evening))\b",
            re.IGNORECASE,
        ),
        _named_day,
    ),
    (
        re.compile(
            rf"\b{_NUMBER}(?: of)? (?P<unit>hours?|days?|weeks?|months?|years?) (?:ago|earlier|before)\b",
            re.IGNORECASE,
        ),
        _ago,
    ),
    (
        re.compile(
            r"\b(?:(?:earlier|later|late|early|the) )?(?P<which>this|last|past|previous|next) (?P<unit>weekend|week|month|year)\b",
            re.IGNORECASE,
        ),
        _period,
    ),
    (re.compile(r"\b(?:over|at|during|on) the weekend\b", re.IGNORECASE), _weekend),
    (
        re.compile(
            r"\b(?:recently|lately|in recent (?:days|weeks)|in the (?:past|last) few (?:days|weeks))\b",
            re.IGNORECASE,
        ),
        _lately,
    ),
    (re.compile(rf"\b(?:(?P<word>{_PREPOSITION})[ -])+(?:the )?{_PART}{_MONTH}", re.IGNORECASE), _bare_month),
    (re.compile(rf"\b(?P<word>){_SOLAR}(?=['’]s|[ ,.;)]|$)", re.IGNORECASE), _solar_bare),
    (
        re.compile(rf"\b(?P<word>){_MONTH}(?=['’]s\b| (?:protests|elections?|uprising|blackout|shutdown)\b)"),
        _bare_month,
    ),
    (
        re.compile(
            rf"\b(?:in|since|during|by|until|before|after|from|of|throughout|year)\s+(?:early |late |mid-?)?{_YEAR}",
            re.IGNORECASE,
        ),
        _bare_year,
    ),
    (re.compile(r"(?<![\w.,/-])(?P<year>(?:19|20)\d\d)(?![\d.,]\d|[-/]\d|\w)"), _bare_year),
)
_LOOSE: Final = len(_PATTERNS) - 1
#: Days of one month, the month named once.
_DAYS: Final = (
    re.compile(
        rf"(?<![\d.,])(?P<first>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?\s?(?:-|–|to|until|through|and)\s?{_DAY}(?: of)? {_MONTH}(?:,? {_YEAR})?"
    ),
    re.compile(
        rf"\b{_MONTH} (?P<first>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?\s?(?:-|–|to|until|through|and)\s?{_DAY}(?:,? {_YEAR})?(?!\d)"
    ),
)
_BETWEEN = re.compile(r"\s*(?:to|until|till|through|and|–|-)\s+(?:the )?", re.IGNORECASE)
_FROM = re.compile(r"\b(?:from|between)\s(?:the )?$", re.IGNORECASE)
_PAPERS = re.compile(
    r"[ -](?:[Pp]rayers?|[Ss]ermons?|[Mm]osque|Times|Mail|Mirror|Telegraph|Post|Standard|Nation|Express|Agreement|Massacre|Club|Group)\b"
)

_CLOCK = re.compile(
    r"\b(?P<hour>[01]?\d|2[0-3])(?:[:.](?P<minute>[0-5]\d))?\s*(?P<half>[ap]\.?m\b\.?)?\s*(?P<zone>UTC|GMT)\b",
    re.IGNORECASE,
)
_FUTURE = re.compile(
    r"\b(?:will|shall|scheduled|upcoming|due to|is to|are to|plans? to|going to|set to|expected to)\b",
    re.IGNORECASE,
)


def find_dates(text: str, base: date | None, *, past: bool = False) -> list[DateMention]:
    """The dates in a text, in order.

    Args:
        text: Plain text, a sentence or more.
        base: The day from which relative ones are counted: that of the document.
        past: Whether they must lie before it: when something was said, and not what it is about.
    """
    ascii_text = text.translate(cal.DIGITS)
    future = _FUTURE.search(ascii_text) is not None
    found = [
        mention
        for pattern in _DAYS
        for match in pattern.finditer(ascii_text)
        if (mention := _days(match, text, base, past, future)) is not None
    ]
    taken = [(one.start, one.end) for one in found]
    for number, (pattern, read) in enumerate(_PATTERNS):
        for match in pattern.finditer(ascii_text):
            start, end = match.span()
            if any(start < b and a < end for a, b in taken) or not _is_date(match, ascii_text):
                continue
            span = read(match, base, past, future)
            taken.append((start, end))
            if span is None and base is not None:
                continue  # no such day, or no date after all
            mention = _mention(text[start:end], start, end, span, base, loose=number == _LOOSE)
            if mention is not None:
                found.append(_with_clock(mention, ascii_text))
    joined = _joined(sorted(found, key=lambda one: one.start), text, past, future)
    if past and base is not None:
        today = _utc(base) + timedelta(days=1)
        joined = [one for one in joined if one.since is None or one.since < today]
    return joined


def _days(match: re.Match[str], text: str, base: date | None, past: bool, future: bool) -> DateMention | None:
    """From one day of a month to another."""
    month, first, last = cal.MONTHS[match["month"].lower()], int(match["first"]), int(match["day"])
    if first >= last:
        return None
    if match["year"]:
        until = cal.gregorian(int(match["year"]), month, last)
    elif base is not None:
        until = _nearest(base, month, last, past, future)
    else:
        until = None
    since = cal.gregorian(until.year, month, first) if until else None
    words = " ".join(text[match.start() : match.end()].split())
    if since is None or until is None:
        return DateMention(match.start(), match.end(), None, None, "unknown", f"“{words}”, without a year")
    after = _utc(until + timedelta(days=1))
    return DateMention(match.start(), match.end(), _utc(since), after, "day", f"“{words}”", span=True)


def _joined(found: list[DateMention], text: str, past: bool, future: bool) -> list[DateMention]:
    """Weekdays beside their date left out, and "from … to …" as one."""
    kept: list[DateMention] = []
    for one in found:
        before = kept[-1] if kept else None
        if before is not None and one.precision in ("day", "hour", "minute"):
            between = text[before.end : one.start]
            weekday = text[before.start : before.end].rsplit(maxsplit=1)[-1].lower() in cal.WEEKDAYS
            if weekday and between.strip(" ,(") == "":
                kept[-1] = replace(one, start=before.start)
                continue
            if text[one.start : one.end].lower() in cal.WEEKDAYS and between.strip(" ,(") == "":
                continue  # "24 August, Monday"
        if (
            before is not None
            and one.since is not None
            and one.until is not None
            and _BETWEEN.fullmatch(text[before.end : one.start])
            and (
                _FROM.search(text[max(before.start - 16, 0) : before.start])
                or re.match(r"(?:from|between)\b", text[before.start : before.end], re.IGNORECASE)
            )
        ):
            # A first date without a year takes that of the last.
            again = find_dates(text[before.start : before.end], one.since.date(), past=True)
            since = again[0].since if again else before.since
            if since is not None and since < one.until:
                words = " ".join(text[before.start : one.end].split())
                kept[-1] = DateMention(
                    before.start, one.end, since, one.until, one.precision, f"“{words}”", span=True
                )
                continue
        kept.append(one)
    return kept


def _is_date(match: re.Match[str], text: str) -> bool:
    """Whether the words around it leave it a date: no "Friday Prayer Leader", no "May" that is a verb."""
    groups = match.groupdict()
    after = text[match.end() : match.end() + 24]
    before = text[max(match.start() - 16, 0) : match.start()]
    if groups.get("weekday"):
        if _PAPERS.match(after):
            return False
        led = (
            re.search(
                r"\b(?:[Oo]n|[Ss]ince|[Bb]y|[Uu]ntil|[Ll]ate|[Ee]arly|[Tt]his|[Ll]ast|[Nn]ext),?\s$", before
            )
            or groups["word"]
        )
        if not led and re.match(r" (?!I\b|[A-Z]{2})[A-Z]", after) and not re.match(rf" {_MONTH}", after):
            return False
        return not re.search(r"\b(?:Black|Bloody|Good|Ash|Cyber|Super|Palm|Easter|Holy)\s$", before)
    word = groups.get("month")
    if word and groups.get("day") is None and groups.get("year") is None:
        if not word[0].isupper():
            return False
        if word.lower() in cal.DOUBTFUL and re.match(r" [a-z]+(?:ed|s)\b(?! protests)| [A-Z][a-z]+\b", after):
            return word.lower() not in ("may", "april", "june", "jan", "august") or not re.match(
                r" [A-Z][a-z]+", after
            )
    solar = groups.get("solar")
    return not solar or solar[0].isupper() or not solar.isascii()


def _mention(
    words: str, start: int, end: int, span: _Span | None, base: date | None, *, loose: bool
) -> DateMention | None:
    words = " ".join(words.split())
    if span is None:
        return DateMention(
            start, end, None, None, "unknown", f"“{words}”, without a year or a day to count from"
        )
    how = f"“{words}” counted from {base}" if span.relative and base else f"“{words}”"
    return DateMention(start, end, _utc(span.first), _utc(span.after), span.precision, how, loose)


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _with_clock(mention: DateMention, text: str) -> DateMention:
    """The mention with the time of day beside it, where that is in UTC: another zone would have to be guessed."""
    if mention.precision != "day" or mention.since is None:
        return mention
    first, last = max(mention.start - 28, 0), mention.end + 28
    for match in _CLOCK.finditer(text[first:last]):
        start, end = match.start() + first, match.end() + first
        between = text[end : mention.start] if end <= mention.start else text[mention.end : start]
        if (start < mention.end and mention.start < end) or re.search(r"[.!?;]\s|\band\b", between):
            continue
        hour, half = int(match["hour"]), (match["half"] or "").lower()[:1]
        if half and (hour > 12 or hour == 0):
            continue
        hour = hour % 12 + (12 if half == "p" else 0) if half else hour
        since = mention.since.replace(hour=hour, minute=int(match["minute"] or 0))
        fine = "minute" if match["minute"] else "hour"
        step = timedelta(minutes=1) if match["minute"] else timedelta(hours=1)
        how = mention.how + f" and “{' '.join(match[0].split())}”"
        return replace(mention, since=since, until=since + step, precision=fine, how=how)
    return mention
