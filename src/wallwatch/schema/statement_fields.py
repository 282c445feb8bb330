"""From the fields that a person wrote to a row of the table of statements.

Fields are found by name, in any order; a name may have others that mean the same. What is wrong is said with the
field's name, so that a reader of files can add the line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from wallwatch.schema.statements import (
    KINDS,
    PRECISIONS,
    RESTRICTIONS,
    last_moment,
    parse_date,
    parse_windows,
    statement_id,
    windows_json,
    write_date,
)

#: Field to the names that it may have in a file, the usual one first.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id", "statement_id"),
    "status": ("status",),
    "speaker": ("speaker",),
    "role": ("role", "role_or_outlet"),
    "kind": ("kind",),
    "date": ("date", "said"),
    "precision": ("precision", "date_precision", "said_precision"),
    "dated_how": ("dated_how", "how_dated"),
    "quotation": ("quotation", "quote", "quote_or_paraphrase"),
    "direct": ("direct", "is_direct_quote"),
    "language": ("language",),
    "translation": ("translation",),
    "published_in": ("published_in", "outlet"),
    "url": ("url",),
    "document": ("document", "document_sha256"),
    "start": ("start",),
    "end": ("end",),
    "fragment": ("fragment",),
    "country": ("country",),
    "subject": ("subject", "about"),
    "restriction": ("restriction",),
    "targets": ("targets", "target"),
    "networks": ("networks", "network"),
    "about_since": ("about_since", "since"),
    "about_until": ("about_until", "until"),
    "windows": ("windows",),
    "collected": ("collected",),
    "collected_by": ("collected_by",),
    "collected_how": ("collected_how",),
    "corrects": ("corrects",),
    "confirmed_by": ("confirmed_by",),
    "confirmed": ("confirmed", "confirmed_at"),
}
#: Every name to its field.
FIELDS: Final = {name: field for field, names in NAMES.items() for name in names}
#: No field is longer, in characters.
LONGEST: Final = 100_000

_SHA256 = re.compile("[0-9a-f]{64}")
_ID = re.compile("st-[0-9a-f]{12}")
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


class FieldError(ValueError):
    """What is wrong with one field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def row(fields: Mapping[str, str], *, strict: bool = False) -> dict[str, Any]:
    """A row of the table of statements, without `file_id` and `line`.

    Args:
        fields: Field, by its name in `NAMES`, to its text; what is absent or empty is unknown.
        strict: Whether the kind must be one of `KINDS`.

    Raises:
        FieldError: A field is missing or wrong.
    """
    text = {name: fields.get(name, "").strip() for name in NAMES}
    for name, value in text.items():
        if len(value) > LONGEST:
            raise FieldError(name, f"longer than {LONGEST:,} characters")
        if "\x00" in value:
            raise FieldError(name, "it holds a NUL character")
    for name in ("speaker", "quotation"):
        if not text[name]:
            raise FieldError(name, f"no {name}")
    said, precision = _said(text["date"], text["precision"].lower())
    country = text["country"].upper()
    if country and not re.fullmatch("[A-Z]{2}", country):
        raise FieldError("country", f"{country!r} is not a two-letter country code")
    kind = text["kind"].lower() or "statement"
    if strict and kind not in KINDS:
        raise FieldError("kind", f"{kind!r} is not a kind; it is one of {', '.join(KINDS)}")
    restriction = text["restriction"].lower()
    if restriction and restriction not in RESTRICTIONS:
        raise FieldError(
            "restriction", f"{restriction!r} is not a restriction; it is one of {', '.join(RESTRICTIONS)}"
        )
    for name, form in (("document", _SHA256), ("corrects", _ID)):
        if text[name] and not form.fullmatch(text[name]):
            raise FieldError(name, f"{text[name]!r} is not {'a SHA-256' if name == 'document' else 'an id'}")
    start, end = _place(text["start"], "start"), _place(text["end"], "end")
    if (start is None) != (end is None) or (start is not None and end is not None and end <= start):
        raise FieldError("end", "start and end must both be there, the end after the start")
    since, until = _span(text)
    windows = _tried("windows", lambda: parse_windows(text["windows"]))
    confirmed = _moment(text["confirmed"], "confirmed")
    if (confirmed is None) != (not text["confirmed_by"]):
        raise FieldError("confirmed_by", "who confirmed it and when must both be there")
    return {
        "statement_id": statement_id(text["speaker"], _written(said, precision), text["quotation"]),
        "speaker": text["speaker"],
        "role": text["role"] or None,
        "kind": kind,
        "said": said,
        "said_precision": precision,
        "published_in": text["published_in"] or None,
        "document_sha256": text["document"] or None,
        "quotation": text["quotation"],
        "start": start,
        "end": end,
        "country": country or None,
        "subject": text["subject"] or None,
        "collected": _moment(text["collected"], "collected"),
        "collected_by": text["collected_by"] or None,
        "direct": _choice(text["direct"]),
        "dated_how": text["dated_how"] or None,
        "language": text["language"] or None,
        "translation": text["translation"] or None,
        "restriction": restriction or None,
        "targets": [one.lower() for one in _listed(text["targets"])] or None,
        "networks": [_network(one) for one in _listed(text["networks"])] or None,
        "about_since": since,
        "about_until": until,
        "windows": windows_json(windows),
        "url": text["url"] or None,
        "fragment": text["fragment"] or None,
        "collected_how": text["collected_how"] or None,
        "corrects": text["corrects"] or None,
        "confirmed_by": text["confirmed_by"] or None,
        "confirmed": confirmed,
    }


def _said(text: str, stated: str) -> tuple[datetime | None, str]:
    said, precision = _tried("date", lambda: parse_date(text))
    if stated and stated not in PRECISIONS:
        raise FieldError("precision", f"{stated!r} is not a precision; it is one of {', '.join(PRECISIONS)}")
    if stated and said is not None and PRECISIONS.index(stated) < PRECISIONS.index(precision):
        raise FieldError("precision", f"{text!r} is a {precision}: not known to the {stated}")
    if said is None and stated not in ("", "unknown"):
        raise FieldError("precision", f"there is no date, so it is not known to the {stated}")
    return said, stated or precision


def _span(text: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    since, _ = _tried("about_since", lambda: parse_date(text["about_since"]))
    until, precision = _tried("about_until", lambda: parse_date(text["about_until"]))
    if until is not None:
        until = last_moment(until, precision) if precision not in ("minute", "hour") else until
    if since is not None and until is not None and until <= since:
        raise FieldError("about_until", "it is before about_since")
    return since, until


def _tried(field: str, parse: Callable[[], Any]) -> Any:
    try:
        return parse()
    except (ValueError, OverflowError) as error:
        raise FieldError(field, str(error)) from None


def _moment(text: str, field: str) -> datetime | None:
    moment, _ = _tried(field, lambda: parse_date(text))
    assert moment is None or isinstance(moment, datetime)  # noqa: S101 - what parse_date gives
    return moment


def _place(text: str, field: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,12}", text):
        raise FieldError(field, f"{text!r} is not a place in a text: a number of characters from 0")
    return int(text)


def _choice(text: str) -> bool | None:
    if not text:
        return None
    if text.lower() not in (*_YES, *_NO):
        raise FieldError("direct", f"{text!r} is neither yes nor no")
    return text.lower() in _YES


def _listed(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"[;,\n]", text) if one.strip()]


def _network(text: str) -> int:
    match = re.fullmatch(r"(?:AS)?([0-9]{1,10})", text, re.IGNORECASE)
    if match is None or int(match[1]) >= 1 << 32:
        raise FieldError("networks", f"{text!r} is not a network such as AS33771")
    return int(match[1])


def fields(row: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a row as text, as a file has them; `row` reads them back. What is unknown is left out.

    Args:
        row: A row of the table of statements.
    """
    last = row.get("about_until")
    found = {
        "id": row["statement_id"],
        "speaker": row["speaker"],
        "role": row.get("role"),
        "kind": row["kind"],
        "date": _written(row.get("said"), row["said_precision"]),
        "precision": row["said_precision"],
        "dated_how": row.get("dated_how"),
        "quotation": row["quotation"],
        "direct": {True: "yes", False: "no", None: None}[row.get("direct")],
        "language": row.get("language"),
        "translation": row.get("translation"),
        "published_in": row.get("published_in"),
        "url": row.get("url"),
        "document": row.get("document_sha256"),
        "start": row.get("start"),
        "end": row.get("end"),
        "fragment": row.get("fragment"),
        "country": row.get("country"),
        "subject": row.get("subject"),
        "restriction": row.get("restriction"),
        "targets": ", ".join(row.get("targets") or ()),
        "networks": ", ".join(f"AS{one}" for one in row.get("networks") or ()),
        "about_since": _minute(row.get("about_since")),
        "about_until": _minute(last),
        "windows": _windows(row.get("windows")),
        "collected": _minute(row.get("collected")),
        "collected_by": row.get("collected_by"),
        "collected_how": row.get("collected_how"),
        "corrects": row.get("corrects"),
        "confirmed_by": row.get("confirmed_by"),
        "confirmed": _minute(row.get("confirmed")),
    }
    return {name: str(value) for name, value in found.items() if value not in (None, "")}


def _written(said: datetime | None, precision: str) -> str:
    # A month of another calendar begins on some day of ours, which must not be lost.
    if said is not None and precision in ("week", "month", "season", "year"):
        exact = write_date(said, precision)
        return exact if parse_date(exact)[0] == said else write_date(said, "day")
    return write_date(said, precision)


def _minute(moment: datetime | None) -> str:
    return write_date(moment, "minute")


def _windows(text: str | None) -> str:
    from wallwatch.schema.statements import windows_from_json

    found = []
    for one in windows_from_json(text):
        day, end = one.start.date(), f"{one.end:%H:%M}"
        whole = one.end.date() != day and end == "00:00"
        found.append(f"{day} {one.start:%H:%M}-{'24:00' if whole else end}")
    return "; ".join(found)
