"""The record of a workspace: documents by hash, drafts, and a log of confirmed statements that only grows.

    record/documents/ab/<sha256>        the bytes, as they came
    record/documents/ab/<sha256>.json   where and when published, how and by whom collected
    record/documents/ab/<sha256>.txt    the text that places refer to
    record/drafts/<name>.yaml           proposals and hand-made files, until a person confirms them
    record/statements.jsonl             confirmed statements, one a line, in the order in which they were confirmed

Nothing is overwritten: a statement that turns out wrong gets a new one that corrects it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_path, sha256_of, write_atomic
from wallwatch.record import documents
from wallwatch.schema import STATEMENTS
from wallwatch.schema.layout import Layout
from wallwatch.schema.statement_fields import fields, row

#: What is kept about a document beside its bytes.
NOTES: Final = (
    "name",
    "media_type",
    "url",
    "date",
    "title",
    "site",
    "collected",
    "collected_by",
    "collected_how",
    "text_sha256",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A document of the record.

    Attributes:
        sha256: Of its bytes.
        notes: What is kept about it, by the names of `NOTES`.
        new: Whether it was not there before.
    """

    sha256: str
    notes: Mapping[str, str]
    new: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as the record says."""

    what: str
    reason: str


class Record:
    """The record below a workspace's folder.

    Args:
        layout: The workspace's folders.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._root = layout.record

    def document_path(self, sha256: str) -> Path:
        """Where the bytes of a document are."""
        return self._root / "documents" / sha256[:2] / sha256

    @property
    def log(self) -> Path:
        """The log of confirmed statements."""
        return self._root / "statements.jsonl"

    def add(self, content: bytes, document: documents.Document, notes: Mapping[str, str]) -> Kept:
        """Keeps a document's bytes, unchanged, once; what is known about it stays as it was first noted.

        Args:
            content: The bytes.
            document: What was read in them.
            notes: More about it, by the names of `NOTES`.
        """
        path = self.document_path(document.sha256)
        known = self.notes(document.sha256)
        if known is not None:
            self._intact(document.sha256)
            return Kept(document.sha256, known, new=False)
        found = {
            "media_type": document.media_type,
            "url": document.url,
            "date": document.date,
            "title": document.title,
            "site": document.site,
            "text_sha256": document.text_sha256,
            **{name: value for name, value in notes.items() if value},
        }
        ordered = {name: found[name] for name in NOTES if found.get(name)}
        write_atomic(path, content)
        write_atomic(path.with_name(path.name + ".txt"), document.text)
        # The notes come last: a document without them was not taken in wholly.
        write_atomic(
            path.with_name(path.name + ".json"), json.dumps(ordered, ensure_ascii=False, indent=1) + "\n"
        )
        return Kept(document.sha256, ordered, new=True)

    def notes(self, sha256: str) -> dict[str, str] | None:
        """What is kept about a document; null where it is not in the record."""
        path = self.document_path(sha256)
        try:
            found = json.loads(path.with_name(path.name + ".json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise WallwatchError(f"{path}.json cannot be read: {error}") from error
        return {str(name): str(value) for name, value in found.items()}

    def text(self, sha256: str) -> str:
        """The text of a document.

        Raises:
            WallwatchError: It is not in the record, or was changed.
        """
        self._intact(sha256)
        path = self.document_path(sha256)
        content = path.with_name(path.name + ".txt").read_bytes()
        noted = (self.notes(sha256) or {}).get("text_sha256")
        if hashlib.sha256(content).hexdigest() != noted:
            raise WallwatchError(f"the text of document {sha256[:12]} was changed", status=1)
        return content.decode()

    def _intact(self, sha256: str) -> None:
        path = self.document_path(sha256)
        try:
            found = sha256_of(path)
        except OSError as error:
            raise WallwatchError(f"document {sha256[:12]} is not in the record: {error.strerror}") from error
        if found != sha256:
            raise WallwatchError(
                f"document {sha256[:12]} was changed: its bytes have the SHA-256 {found[:12]}…", status=1
            )

    def documents(self) -> list[str]:
        """The hashes of all documents, sorted."""
        folder = self._root / "documents"
        return sorted(path.stem for path in folder.glob("??/*.json"))

    def find_document(self, beginning: str) -> str | None:
        """The document whose hash begins so; null where none or several do."""
        found = [one for one in self.documents() if one.startswith(beginning.lower())]
        return found[0] if len(found) == 1 and len(beginning) >= 6 else None

    def save_draft(self, name: str, content: str) -> Path:
        """Keeps a file of proposals under a name made safe; a former one of that name is replaced."""
        safe = (
            "".join(one if one.isalnum() or one in "-_." else "-" for one in name).strip(".-")[:100]
            or "draft"
        )
        path = self._root / "drafts" / f"{safe}.yaml"
        write_atomic(path, content)
        return path

    def drafts(self) -> list[Path]:
        """The files of proposals, sorted."""
        return sorted((self._root / "drafts").glob("*.yaml"))

    def confirmed(self) -> list[dict[str, Any]]:
        """The confirmed statements as rows of the table of statements, in the order of the log.

        Raises:
            WallwatchError: A line of the log cannot be read.
        """
        try:
            lines = self.log.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        found = []
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                found.append({**row(entry), "file_id": entry.get("file_id", "record"), "line": number})
            except (ValueError, TypeError, AttributeError) as error:
                raise WallwatchError(f"{self.log}:{number}: {error}", status=1) from error
        return found

    def confirm(
        self, rows: Sequence[Mapping[str, Any]], *, by: str, at: datetime, file_id: str
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Adds statements to the log, with who confirmed them and when.

        Args:
            rows: Rows of the table of statements; what is confirmed already keeps by whom and when.
            by: The person.
            at: When, UTC.
            file_id: The file that they were read from.

        Returns:
            What was added, and the ids of those that were there already.

        Raises:
            WallwatchError: A quotation is not at its place in its document, or a correction names none.
        """
        before = self.confirmed()
        known = {one["statement_id"] for one in before}
        corrected = {(one["statement_id"], one.get("corrects")) for one in before}
        added: list[dict[str, Any]] = []
        already: list[str] = []
        for given in rows:
            one = dict(given)
            if not one.get("confirmed_by"):
                one |= {"confirmed_by": by, "confirmed": at}
            self._check_place(one)
            corrects = one.get("corrects")
            if corrects and corrects not in known | {other["statement_id"] for other in added}:
                raise WallwatchError(f"{one['statement_id']} corrects {corrects}, which is not in the record")
            if (one["statement_id"], corrects) in corrected or one["statement_id"] in {
                o["statement_id"] for o in added
            }:
                already.append(one["statement_id"])
                continue
            if one["statement_id"] in known:
                already.append(one["statement_id"])
                continue
            added.append(one)
        if added:
            old = self.log.read_text(encoding="utf-8") if self.log.exists() else ""
            lines = [json.dumps({**fields(one), "file_id": file_id}, ensure_ascii=False) for one in added]
            write_atomic(self.log, old + "".join(f"{line}\n" for line in lines))
            self.tabulate()
        return added, already

    def _check_place(self, one: Mapping[str, Any]) -> None:
        """Raises where a quotation does not stand at its place in the stored document."""
        sha256, start, end = one.get("document_sha256"), one.get("start"), one.get("end")
        if not sha256 or start is None or end is None or self.notes(sha256) is None:
            return
        if self.text(sha256)[start:end] != one["quotation"]:
            raise WallwatchError(
                f"{one['statement_id']}: the quotation does not stand at {start}–{end} of document {sha256[:12]}",
                status=1,
            )

    def tabulate(self) -> None:
        """Makes the rows of the log readable to every query of the workspace."""
        rows = self.confirmed()
        if not rows:
            self._layout.recorded.unlink(missing_ok=True)
            return
        table = STATEMENTS.from_rows(sorted(rows, key=lambda one: (one["statement_id"], one["line"])))
        with atomic_path(self._layout.recorded) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def verify(self) -> list[Fault]:
        """What of the record is not as it was: changed documents, and quotations not at their place."""
        faults: list[Fault] = []
        for sha256 in self.documents():
            try:
                self.text(sha256)
            except (WallwatchError, OSError, UnicodeDecodeError) as error:
                faults.append(Fault(f"document {sha256[:12]}", str(error)))
        bad = {fault.what for fault in faults}
        try:
            rows: Iterable[Mapping[str, Any]] = self.confirmed()
        except WallwatchError as error:
            return [*faults, Fault("statements", str(error))]
        for one in rows:
            named = one.get("document_sha256")
            sha256 = str(named or "")
            if sha256 and f"document {sha256[:12]}" not in bad:
                if self.notes(sha256) is None:
                    faults.append(
                        Fault(one["statement_id"], f"its document {sha256[:12]} is not in the record")
                    )
                    continue
                try:
                    self._check_place(one)
                except WallwatchError as error:
                    faults.append(Fault(one["statement_id"], str(error)))
        return faults
