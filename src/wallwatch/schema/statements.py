"""What the fields of a statement may hold: dates of any precision, kinds, windows of a calendar, ids.

Every reader of statements (tables, hand-edited files, drafts) uses these, so that one field means one thing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

#: How exactly a time is known, the finest first.
PRECISIONS: Final = ("minute", "hour", "day", "week", "month", "season", "year", "unknown")

#: What a statement may be. `statement` is what none of the others fits.
KINDS: Final = {
    "law": "a law in force",
    "bill": "a law proposed",
    "order": "an order of an authority or a court",
    "official statement": "said by a person or body in office",
    "press report": "reported by an outlet as its own finding",
    "company notice": "said by an operator or another company",
    "timetable": "a published calendar: examinations, elections, anniversaries",
    "civil-society report": "said by a group outside state and market",
    "statement": "said by anybody else, or by somebody whose part is not known",
}

#: What kind of restriction a statement or a claim is about.
RESTRICTIONS: Final = {
    "shutdown": "connectivity was cut, wholly or for the most part",
    "blocking": "sites, apps or services were made unreachable",
    "throttling": "connections were slowed",
}

_DATE = re.compile(
    r"(\d{4})(?:-(?:W(\d{2})|(spring|summer|autumn|winter)|(\d{2})(?:-(\d{2})(?:[T ](\d{2})(?::(\d{2})(?::\d{2})?)?Z?)?)?))?"
)
_SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "winter": 12}
_WINDOW = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:/(\d{4}-\d{2}-\d{2}))?(?:\s+(\d{2}:\d{2}-\d{2}:\d{2}(?:\s*,\s*\d{2}:\d{2}-\d{2}:\d{2})*))?"
)
#: No calendar has more days than this.
MOST_DAYS: Final = 4000


def parse_date(text: str) -> tuple[datetime | None, str]:
    """A date of any precision: the first moment that it may mean (UTC), and its precision.

    Args:
        text: `2020-08-23T14:05Z`, `2020-08-23T14`, `2020-08-23`, `2020-W34`, `2020-08`, `2020-summer`, `2020`,
            `unknown`, or nothing.

    Raises:
        ValueError: It is not a date.
    """
    text = text.strip()
    if not text or text.lower() == "unknown":
        return None, "unknown"
    match = _DATE.fullmatch(text)
    if match is None or not text.isascii():
        raise ValueError(f"{text!r} is not a date such as 2020-08-23, 2020-08 or 2020")
    year, week, season, month, day, hour, minute = match.groups()
    if week:
        return datetime.combine(
            date.fromisocalendar(int(year), int(week), 1), datetime.min.time(), UTC
        ), "week"
    if season:
        return datetime(int(year), _SEASONS[season], 1, tzinfo=UTC), "season"
    moment = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), tzinfo=UTC)
    named = zip((minute, hour, day, month), ("minute", "hour", "day", "month"), strict=True)
    return moment, next((name for part, name in named if part is not None), "year")


def write_date(moment: datetime | None, precision: str) -> str:
    """The date in the form that `parse_date` reads, no finer than its precision."""
    if moment is None or precision == "unknown":
        return ""
    if precision == "week":
        year, week, _ = moment.isocalendar()
        return f"{year:04d}-W{week:02d}"
    if precision == "season":
        month = max(first for first in _SEASONS.values() if first <= moment.month) if moment.month > 2 else 12
        name = next(name for name, first in _SEASONS.items() if first == month)
        return f"{moment.year - (moment.month < 3):04d}-{name}"
    form = {"minute": 16, "hour": 13, "day": 10, "month": 7, "year": 4}[precision]
    text = moment.astimezone(UTC).isoformat()[:form]
    return text + "Z" if form > 10 else text


def last_moment(moment: datetime, precision: str) -> datetime:
    """The first moment after all that the date may mean.

    Args:
        moment: The first that it may mean.
        precision: One of `PRECISIONS`, but `unknown`.
    """
    if precision in ("month", "season"):
        month = moment.month - 1 + (1 if precision == "month" else 3)
        return _shifted(moment, month)
    if precision == "year":
        return _shifted(moment, moment.month - 1 + 12)
    steps = {
        "minute": timedelta(minutes=1),
        "hour": timedelta(hours=1),
        "day": timedelta(days=1),
        "week": timedelta(days=7),
    }
    return moment + steps[precision]


def _shifted(moment: datetime, month: int) -> datetime:
    """The moment in another month, counted from 0 in its year; a month of another calendar keeps its day."""
    year = moment.year + month // 12
    if year > 9999:
        return datetime.max.replace(tzinfo=UTC)
    day = min(moment.day, 28)
    return moment.replace(year=year, month=month % 12 + 1, day=day)


def statement_id(speaker: str, said: str, quotation: str) -> str:
    """The id of a statement: it stays while nobody changes who said what when."""
    identity = "\x1f".join((speaker, said, quotation))
    return "st-" + hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """A span of time of a calendar, UTC, the end excluded."""

    start: datetime
    end: datetime


def parse_windows(text: str) -> list[Window]:
    """The windows of a calendar, in order.

    Args:
        text: `2023-11-01/2023-11-03 05:00-08:00,11:00-14:00; 2023-11-06 05:00-08:00`: days or spans of days
            (both ends included), each with hours of the day in UTC or without, `;` between.

    Raises:
        ValueError: It is not of that form, or longer than any calendar.
    """
    found: set[Window] = set()
    for part in re.split(r"[;\n]", text):
        if not part.strip():
            continue
        match = _WINDOW.fullmatch(part.strip())
        if match is None:
            raise ValueError(
                f"{part.strip()!r} is not a window such as 2023-11-01/2023-11-03 05:00-08:00,11:00-14:00"
            )
        first = date.fromisoformat(match[1])
        last = date.fromisoformat(match[2] or match[1])
        if not 0 <= (last - first).days < MOST_DAYS:
            raise ValueError(f"{part.strip()!r} ends before it begins, or is too long")
        for offset in range((last - first).days + 1):
            day = datetime.combine(first + timedelta(days=offset), datetime.min.time(), UTC)
            for hours in re.split(r"\s*,\s*", match[3]) if match[3] else ["00:00-24:00"]:
                start, end = (_clock(clock) for clock in hours.split("-"))
                if end <= start:
                    end += timedelta(days=1)
                found.add(Window(day + start, day + end))
    return sorted(found)


def _clock(text: str) -> timedelta:
    hours, minutes = int(text[:2]), int(text[3:])
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise ValueError(f"{text!r} is not a time of day")
    return timedelta(hours=hours, minutes=minutes)


def windows_json(windows: Sequence[Window]) -> str | None:
    """The windows as the table keeps them: a JSON array of pairs of times; null where there are none."""
    if not windows:
        return None
    return json.dumps([[_iso(one.start), _iso(one.end)] for one in windows])


def windows_from_json(text: str | None) -> list[Window]:
    """The windows that the table keeps.

    Raises:
        ValueError: It is not what `windows_json` writes.
    """
    return [
        Window(datetime.fromisoformat(start), datetime.fromisoformat(end))
        for start, end in json.loads(text or "[]")
    ]


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
