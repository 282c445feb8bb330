"""From a document to proposals that a person can read, correct and confirm."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from wallwatch.record.documents import Document
from wallwatch.record.draft import draft
from wallwatch.record.fragments import fragment
from wallwatch.record.proposal import Proposal
from wallwatch.record.text.dates import find_dates
from wallwatch.schema.statement_fields import row
from wallwatch.schema.statements import write_date

_SCRIPTS = (
    ("fa", re.compile("[پچژگکی‌]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("my", re.compile("[\u1000-\u109f]")),
    ("am", re.compile("[\u1200-\u137f]")),
    ("hi", re.compile("[\u0900-\u097f]")),
)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a document gave.

    Attributes:
        rows: Rows of the table of statements, unconfirmed, in the order of the document.
        proposals: The same as they were found.
        head: What holds for all of them, for the head of a file.
        dated_by: Where the document's date comes from, in words; empty where it has none.
    """

    rows: tuple[dict[str, Any], ...]
    proposals: tuple[Proposal, ...]
    head: Mapping[str, str]
    dated_by: str


def propose(
    document: Document,
    *,
    name: str = "",
    base: date | None = None,
    url: str = "",
    outlet: str = "",
    country: str = "",
    notes: Mapping[str, str] | None = None,
) -> Proposed:
    """The statements that a document may hold, as rows.

    Args:
        document: What was read.
        name: Its file's name.
        base: Its date; where not given, the one that it names itself.
        url: Where it was published; where not given, as it says itself.
        outlet: Who published it; where not given, as it says itself.
        country: What it is about, as a code.
        notes: How, when and by whom it was collected (`collected`, `collected_by`, `collected_how`).
    """
    dated_by = "given"
    if base is None:
        base, dated_by = own_date(document)
    url, outlet = url or document.url, outlet or document.site
    found = draft(document.text, base=base, outlet=outlet, country=country)
    more = {name: value for name, value in (notes or {}).items() if value}
    rows = tuple(_row(one, document, url, more) for one in found)
    head = {
        "format": "wallwatch-statements-1",
        "note": "Drafts, proposed by rules. Correct them, delete what is wrong, then: wallwatch record confirm.",
        "file": name,
        "document": document.sha256,
        "document_date": base.isoformat() if base else "",
        "url": url,
        **more,
    }
    return Proposed(rows, tuple(found), {name: value for name, value in head.items() if value}, dated_by)


def _row(one: Proposal, document: Document, url: str, more: Mapping[str, str]) -> dict[str, Any]:
    about = one.about
    fields = {
        # Who said it is left to the person who confirms where it could not be told.
        "speaker": one.speaker or "unknown",
        "role": one.role,
        "kind": one.kind,
        "date": one.date,
        "precision": one.precision,
        "dated_how": one.dated_how,
        "quotation": one.quotation,
        "direct": "yes" if one.direct else "no",
        "language": language(one.quotation),
        "published_in": one.outlet,
        "url": url,
        "document": document.sha256,
        "start": str(one.start),
        "end": str(one.end),
        "fragment": fragment(one.quotation, url),
        "country": about.country,
        "subject": about.words,
        "restriction": about.restriction,
        "targets": ", ".join(about.targets),
        "about_since": write_date(about.since, "minute") if about.since else "",
        "about_until": write_date(about.until, "minute") if about.until else "",
        **more,
    }
    return row(fields)


def language(text: str) -> str:
    """The language that the script of a text tells; English else."""
    for code, signs in _SCRIPTS:
        if 3 * len(signs.findall(text)) > len(text.replace(" ", "")) or (
            code == "fa" and signs.search(text) and re.search("[\u0600-\u06ff]{3}", text)
        ):
            return code
    return "en"


def own_date(document: Document) -> tuple[date | None, str]:
    """The date that a document gives itself, and where: its metadata, or a full date near its top."""
    if document.date:
        try:
            return date.fromisoformat(document.date), "the page's metadata"
        except ValueError:
            pass
    lines = [line.strip() for line in document.text[:4000].splitlines() if line.strip()][:8]
    for number, line in enumerate(lines):
        for one in find_dates(line[:160], None):
            short = len(line) <= 90 and number
            if (
                one.since is not None
                and one.precision in ("day", "hour", "minute")
                and not one.span
                and (short or one.start < 40)
            ):
                return one.since.date(), f"its line {number + 1}: {one.how}"
    return None, ""
