"""Proposals and files of statements as people see them: written out, listed, held against their document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_json, safe_text
from wallwatch.record import files
from wallwatch.record.documents import Document
from wallwatch.record.propose import Proposed
from wallwatch.record.store import Record
from wallwatch.schema.layout import Layout
from wallwatch.schema.statement_fields import fields


def write(proposed: Proposed, form: str) -> str:
    """The proposals as text.

    Args:
        proposed: What a document gave.
        form: `yaml`, `csv`, `json`, `jsonl` or `text`.
    """
    if form == "yaml":
        return files.write_yaml(proposed.rows, proposed.head, draft=True)
    if form == "csv":
        return files.write_csv(proposed.rows, draft=True)
    if form == "text":
        return "".join(f"{safe_text(line)}\n" for line in in_words(proposed))
    found = [as_record(one) for one in proposed.rows]
    if form == "jsonl":
        return "".join(safe_json(one) + "\n" for one in found)
    whole = {**proposed.head, "statements": found}
    return json.dumps(json.loads(safe_json(whole)), indent=2) + "\n"


def as_record(row: Mapping[str, Any], *, draft: bool = True) -> dict[str, Any]:
    """A statement as a plain object: every field, null where unknown, places and networks as numbers."""
    text = fields(row)
    found: dict[str, Any] = {"status": "draft" if draft else "confirmed"}
    for name in (
        "id",
        "speaker",
        "role",
        "kind",
        "date",
        "precision",
        "dated_how",
        "quotation",
        "language",
        "translation",
        "published_in",
        "url",
        "document",
    ):
        found[name] = text.get(name)
    found |= {
        "direct": row.get("direct"),
        "start": row.get("start"),
        "end": row.get("end"),
        "fragment": row.get("fragment"),
        "country": row.get("country"),
        "subject": row.get("subject"),
        "restriction": row.get("restriction"),
        "targets": list(row.get("targets") or ()),
        "networks": list(row.get("networks") or ()),
    }
    for name in (
        "about_since",
        "about_until",
        "windows",
        "collected",
        "collected_by",
        "collected_how",
        "corrects",
        "confirmed_by",
        "confirmed",
    ):
        found[name] = text.get(name)
    return found


def in_words(proposed: Proposed) -> list[str]:
    """The proposals in lines for people."""
    lines = [f"{len(proposed.rows)} drafts; none is part of the record before a person confirms it"]
    for row in proposed.rows:
        text = fields(row)
        when = text.get("date") or "date unknown"
        role = f", {row['role']}" if row["role"] else ""
        lines += [
            "",
            f"{row['statement_id']}  {when} ({row['said_precision']}; {row['dated_how']})",
            f"  {row['speaker']}{role} – {row['kind']}"
            + (f" – in {row['published_in']}" if row["published_in"] else ""),
            f"  {'“' if row['direct'] else ''}{' '.join(row['quotation'].split())}{'”' if row['direct'] else ''}",
            f"  characters {row['start']}–{row['end']}"
            + (f"; about {row['subject']}" if row["subject"] else "")
            + (f"; {row['country']}" if row["country"] else ""),
        ]
    return lines


def misplaced(read: files.Read, name: str, document: Document) -> list[files.Problem]:
    """Entries whose quotation does not stand at its place in the document, or that were read from another.

    Args:
        read: The file.
        name: Its name.
        document: The document.
    """
    found = []
    for one in read.entries:
        row = one.row
        if row["document_sha256"] and row["document_sha256"] != document.sha256:
            found.append(
                files.Problem(
                    name, one.line, "document", "read from another document, or that one was changed"
                )
            )
        elif row["start"] is not None and document.text[row["start"] : row["end"]] != row["quotation"]:
            found.append(
                files.Problem(
                    name, one.line, "quotation", f"does not stand at characters {row['start']}–{row['end']}"
                )
            )
    return found


def misplaced_in(read: files.Read, name: str, root: Path) -> list[files.Problem]:
    """The same against the documents of a workspace's record."""
    record = Record(Layout(root))
    found = []
    for one in read.entries:
        sha256 = one.row["document_sha256"]
        if not sha256:
            continue
        if record.notes(sha256) is None:
            found.append(files.Problem(name, one.line, "document", f"{sha256[:12]} is not in the record"))
            continue
        try:
            text = record.text(sha256)
        except WallwatchError as error:
            found.append(files.Problem(name, one.line, "document", str(error)))
            continue
        if one.row["start"] is not None and text[one.row["start"] : one.row["end"]] != one.row["quotation"]:
            found.append(
                files.Problem(
                    name,
                    one.line,
                    "quotation",
                    f"does not stand at characters {one.row['start']}–{one.row['end']}",
                )
            )
    return found


def listed(record: Record) -> dict[str, Any]:
    """What the record holds: documents, drafts that wait, confirmed statements."""
    confirmed = record.confirmed()
    known = {one["statement_id"] for one in confirmed}
    corrected = {one["corrects"]: one["statement_id"] for one in confirmed if one["corrects"]}
    drafts = []
    for path in record.drafts():
        read = files.read(path.read_bytes(), path.name)
        waiting = [one.row for one in read.entries if one.row["statement_id"] not in known]
        drafts.append(
            {
                "draft": path.stem,
                "file": str(path),
                "waiting": [as_record(one) for one in waiting],
                "problems": [str(one) for one in read.problems],
            }
        )
    return {
        "documents": [{"sha256": one, **(record.notes(one) or {})} for one in record.documents()],
        "drafts": drafts,
        "statements": [
            {**as_record(one, draft=False), "corrected_by": corrected.get(one["statement_id"])}
            for one in confirmed
        ],
    }


def listed_in_words(found: Mapping[str, Any]) -> list[str]:
    """The same in lines for people."""
    lines = [f"{len(found['documents'])} documents"]
    for one in found["documents"]:
        lines.append(f"  {one['sha256'][:12]}  {one.get('name', '')}  {one.get('url', '')}".rstrip())
    waiting = sum(len(one["waiting"]) for one in found["drafts"])
    lines.append(f"{waiting} drafts that wait for a person")
    for one in found["drafts"]:
        if one["waiting"]:
            lines.append(f"  {one['draft']}: {len(one['waiting'])}")
    lines.append(f"{len(found['statements'])} confirmed statements")
    for one in found["statements"]:
        words = " ".join(one["quotation"].split())
        lines.append(
            f"  {one['id']}  {one['date'] or 'date unknown'}  {one['speaker']}: {words[:80]}{'…' if len(words) > 80 else ''}"
            + (f"  (corrected by {one['corrected_by']})" if one["corrected_by"] else "")
            + f"  – confirmed by {one['confirmed_by']}, {one['confirmed']}"
        )
    return lines
