"""Statements that a person read out of documents and wrote into a CSV file.

One row is one act or utterance. The columns are found by name, in any order; `wallwatch.schema.statement_fields`
has them all. Those most used:

    speaker                      who said it                                     required
    quotation                    the words (also `quote`, `quote_or_paraphrase`) required
    date                         2020-08-23, 2020-08, 2020 or a time; empty where unknown (also `said`)
    precision                    minute to year, or unknown; by default that of the date (also `date_precision`)
    role                         in which role (also `role_or_outlet`)
    kind                         law, order, official statement, press report …
    published_in                 where (also `outlet`)
    country                      ISO 3166-1 alpha-2
    subject                      what it is about (also `about`)
    windows                      of a published calendar: 2023-11-01/2023-11-03 05:00-08:00,11:00-14:00; …
    status                       `draft` where nobody has confirmed it yet

A row without speaker or quotation, or with a date that is none, is set aside. So is a draft: it is no record
before a person has confirmed it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from wallwatch._text import safe_text
from wallwatch.schema import QUARANTINE, STATEMENTS
from wallwatch.schema.statement_fields import NAMES, row
from wallwatch.sources.batch import Batch

KIND = "statements"

_LONGEST = 1_000_000


def _header(line: str) -> dict[str, int] | None:
    try:
        names = [name.strip().lower() for name in next(csv.reader([line]), [])]
    except csv.Error:  # a lone carriage return, for one
        return None
    found = {
        field: names.index(alias)
        for field, aliases in NAMES.items()
        for alias in reversed(aliases)
        if alias in names
    }
    return found if {"speaker", "quotation", "date"} <= found.keys() else None


def recognise(head: bytes) -> bool:
    """Whether the first line names a speaker, a quotation and a date."""
    line = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0]
    return len(line) < 4096 and _header(line.decode("utf-8", "replace")) is not None


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
            values = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            aside.append(_aside(file_id, line, str(error), ""))
            line = rows.line_num + 1
            continue
        if any(field.strip() for field in values):
            value = {name: values[i].strip() if i < len(values) else "" for name, i in fields.items()}
            try:
                if value.get("status", "").lower() == "draft":
                    raise ValueError("a draft; confirm it first: wallwatch record confirm")
                found.append({**row(value), "file_id": file_id, "line": line})
            except ValueError as error:
                aside.append(_aside(file_id, line, str(error), ",".join(values)))
        line = rows.line_num + 1
    yield Batch({"statements": STATEMENTS.from_rows(found), "quarantine": QUARANTINE.from_rows(aside)})


def _aside(file_id: str, line: int, reason: str, text: str) -> dict[str, object]:
    return {
        "file_id": file_id,
        "line": line,
        "reason": f"statement: {reason}",
        "excerpt": safe_text(text, 200),
    }
