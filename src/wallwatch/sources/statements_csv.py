"""Statements that a person read out of documents and wrote into a CSV file.

One row is one act or utterance. The columns are found by name, in any order:

    speaker                      who said it                                     required
    quotation                    the words (also `quote`, `quote_or_paraphrase`) required
    date                         2020-08-23, 2020-08, 2020 or a time; empty where unknown (also `said`)
    date_precision               minute, hour, day, month, year or unknown; by default that of the date
    role                         in which role (also `role_or_outlet`)
    kind                         law, order, speech, press report …
    published_in                 where (also `outlet`)
    country                      ISO 3166-1 alpha-2
    subject                      what it is about (also `about`)
    id                           the file's own number of the row

A row without speaker or quotation, or with a date that is none, is set aside.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from wallwatch._text import safe_text
from wallwatch.schema import QUARANTINE, STATEMENTS
from wallwatch.sources.batch import Batch

KIND = "statements"

_NAMES = {
    "speaker": ("speaker",),
    "quotation": ("quotation", "quote", "quote_or_paraphrase"),
    "date": ("date", "said"),
    "precision": ("date_precision", "said_precision", "precision"),
    "role": ("role", "role_or_outlet"),
    "kind": ("kind",),
    "published_in": ("published_in", "outlet"),
    "country": ("country",),
    "subject": ("subject", "about"),
    "id": ("id", "statement_id"),
}
_PRECISIONS = ("minute", "hour", "day", "month", "year", "unknown")
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}):(\d{2})(?::\d{2})?Z?)?)?)?")
_LONGEST = 1_000_000


def _header(line: str) -> dict[str, int] | None:
    try:
        names = [name.strip().lower() for name in next(csv.reader([line]), [])]
    except csv.Error:  # a lone carriage return, for one
        return None
    found = {
        field: names.index(alias)
        for field, aliases in _NAMES.items()
        for alias in reversed(aliases)
        if alias in names
    }
    return found if {"speaker", "quotation", "date"} <= found.keys() else None


def recognise(head: bytes) -> bool:
    """Whether the first line names a speaker, a quotation and a date."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    return len(line) < 4096 and _header(line.decode("utf-8", "replace")) is not None


def parse_date(text: str) -> tuple[datetime | None, str]:
    """A date of any precision: the first moment that it may mean (UTC), and its precision.

    Raises:
        ValueError: It is not a date.
    """
    text = text.strip()
    if not text or text.lower() == "unknown":
        return None, "unknown"
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a date such as 2020-08-23, 2020-08 or 2020")
    year, month, day, hour, minute = (int(part) if part else None for part in match.groups())
    assert year is not None  # noqa: S101 - the expression has it in every alternative
    moment = datetime(year, month or 1, day or 1, hour or 0, minute or 0, tzinfo=UTC)
    precision = "minute" if hour is not None else "day" if day else "month" if month else "year"
    return moment, precision


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The statements of one file (at most 1 MB a row).

    Args:
        stream: The decompressed file.
        file_id: What its rows name it by.
    """
    text = io.TextIOWrapper(stream, "utf-8-sig", "backslashreplace", newline="")
    csv.field_size_limit(_LONGEST)
    rows = csv.reader(text)
    fields = _header(",".join(next(rows, []))) or {}
    found: list[dict[str, object]] = []
    aside: list[dict[str, object]] = []
    line = rows.line_num + 1
    while True:
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            aside.append(_aside(file_id, line, str(error), ""))
            line = rows.line_num + 1
            continue
        if any(field.strip() for field in row):
            value = {name: row[i].strip() if i < len(row) else "" for name, i in fields.items()}
            try:
                found.append(_statement(value, file_id, line))
            except ValueError as error:
                aside.append(_aside(file_id, line, str(error), ",".join(row)))
        line = rows.line_num + 1
    yield Batch({"statements": STATEMENTS.from_rows(found), "quarantine": QUARANTINE.from_rows(aside)})


def _statement(value: dict[str, str], file_id: str, line: int) -> dict[str, object]:
    for name in ("speaker", "quotation"):
        if not value[name]:
            raise ValueError(f"no {name}")
    said, precision = parse_date(value["date"])
    stated = value.get("precision", "").lower()
    if stated and stated not in _PRECISIONS:
        raise ValueError(f"{stated!r} is not a precision; it is one of {', '.join(_PRECISIONS)}")
    country = value.get("country", "").upper()
    if country and not re.fullmatch("[A-Z]{2}", country):
        raise ValueError(f"{country!r} is not a two-letter country code")
    identity = "\x1f".join(value[name] for name in ("speaker", "date", "quotation"))
    return {
        "statement_id": "st-" + hashlib.sha256(identity.encode()).hexdigest()[:12],
        "speaker": value["speaker"],
        "role": value.get("role") or None,
        "kind": (value.get("kind") or "statement").lower(),
        "said": said,
        "said_precision": stated or precision,
        "published_in": value.get("published_in") or None,
        "quotation": value["quotation"],
        "country": country or None,
        "subject": value.get("subject") or None,
        "file_id": file_id,
        "line": line,
    }


def _aside(file_id: str, line: int, reason: str, text: str) -> dict[str, object]:
    return {
        "file_id": file_id,
        "line": line,
        "reason": f"statement: {reason}",
        "excerpt": safe_text(text, 200),
    }
