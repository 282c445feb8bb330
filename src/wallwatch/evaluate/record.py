"""Proposals of statements scored against statements that a person read out of the same document.

The truth is a CSV with `speaker`, `date`, `date_precision` and `quote_or_paraphrase` (or other names of these fields,
see `schema.statement_fields`). A column `document` may name each row's document beside the file, and `document_date`
its date; without it there is one document: the one given, or the only other text beside the file.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError
from wallwatch.evaluate.numbers import Share
from wallwatch.record import documents
from wallwatch.record.proposal import Proposal
from wallwatch.record.propose import propose
from wallwatch.schema.statement_fields import FIELDS
from wallwatch.schema.statements import parse_date, write_date

_DOCUMENTS = (".txt", ".html", ".htm", ".pdf", ".warc", ".gz")


@dataclass(frozen=True, slots=True)
class Match:
    """One true statement and the proposal that found it, where one did."""

    document: str
    truth: Mapping[str, str]
    found: Proposal | None

    @property
    def speaker_right(self) -> bool:
        """Whether the speaker is the true one: one name holds all words of the other, or both are nobody."""
        return self.found is not None and _same_speaker(self.found.speaker, self.truth.get("speaker", ""))

    @property
    def date_right(self) -> bool:
        """Whether the date and its precision are the true ones."""
        if self.found is None:
            return False
        said, precision = parse_date(self.truth.get("date", ""))
        precision = self.truth.get("precision", "") or precision
        if precision == "unknown" or self.found.precision == "unknown":
            return precision == self.found.precision
        return precision == self.found.precision and self.found.date == write_date(
            said, _form(said, precision)
        )


def _form(said: Any, precision: str) -> str:
    return "day" if precision in ("month", "season", "year") and said.day != 1 else precision


@dataclass(frozen=True, slots=True)
class RecordScore:
    """How well proposals agree with statements read out by hand.

    Attributes:
        matches: One for each true statement.
        spurious: Proposals that are no true statement, with the document's name.
        offsets: Proposals whose place in the text holds exactly their words, of all.
    """

    matches: tuple[Match, ...]
    spurious: tuple[tuple[str, Proposal], ...]
    offsets: Share

    @property
    def found(self) -> Share:
        """True statements that were proposed."""
        return Share(sum(one.found is not None for one in self.matches), len(self.matches))

    @property
    def speakers(self) -> Share:
        """True statements proposed with the right speaker or outlet."""
        return Share(sum(one.speaker_right for one in self.matches), len(self.matches))

    @property
    def dates(self) -> Share:
        """True statements proposed with the right date and precision."""
        return Share(sum(one.date_right for one in self.matches), len(self.matches))

    def as_dict(self) -> dict[str, Any]:
        """As plain objects, for JSON."""
        return {
            "found": self.found.as_dict(),
            "speakers_right": self.speakers.as_dict(),
            "dates_right": self.dates.as_dict(),
            "offsets_exact": self.offsets.as_dict(),
            "spurious": len(self.spurious),
            "by_statement": [
                {
                    "document": one.document,
                    "quotation": one.truth.get("quotation", ""),
                    "found": one.found is not None,
                    "speaker": one.found.speaker if one.found else None,
                    "true_speaker": one.truth.get("speaker", ""),
                    "speaker_right": one.speaker_right,
                    "date": one.found.date if one.found else None,
                    "precision": one.found.precision if one.found else None,
                    "true_date": one.truth.get("date", ""),
                    "date_right": one.date_right,
                }
                for one in self.matches
            ],
            "spurious_statements": [
                {"document": name, "speaker": one.speaker, "quotation": one.quotation}
                for name, one in self.spurious
            ],
        }

    def as_text(self) -> str:
        """As lines for people."""
        lines = [
            f"statements found              {self.found}",
            f"with the right speaker        {self.speakers}",
            f"with the right date           {self.dates}",
            f"places in the text exact      {self.offsets}",
            f"spurious                      {len(self.spurious)}",
        ]
        for one in self.matches:
            words = " ".join(one.truth.get("quotation", "").split())[:70]
            if one.found is None:
                lines.append(f"missed: {one.document}: {words}")
                continue
            if not one.speaker_right:
                lines.append(
                    f"speaker: {one.document}: {one.found.speaker or 'nobody'}, truly {one.truth.get('speaker', '')}: {words}"
                )
            if not one.date_right:
                lines.append(
                    f"date: {one.document}: {one.found.date or 'unknown'} ({one.found.precision}), truly "
                    f"{one.truth.get('date') or 'unknown'} ({one.truth.get('precision') or 'as written'}): {words}"
                )
        lines += [f"spurious: {name}: {' '.join(one.quotation.split())[:70]}" for name, one in self.spurious]
        return "\n".join(lines)


def is_truth(path: Path) -> bool:
    """Whether a file's first line names a speaker, a quotation and a date."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return {"speaker", "quotation", "date"} <= {FIELDS.get(name.strip().lower(), "") for name in names}


def evaluate(truth: Path, *, document: Path | None = None, base: date | None = None) -> RecordScore:
    """Proposes statements of every document of a truth file, and scores them.

    Args:
        truth: The truth file.
        document: The document, where the file names none.
        base: Its date, where the file names none.

    Raises:
        WallwatchError: The file or a document cannot be read, or it is not clear which document is meant.
    """
    rows = _rows(truth)
    groups: dict[tuple[Path, date | None], list[dict[str, str]]] = {}
    for line, one in rows:
        named = one.get("document", "")
        day = one.get("document_date", "")
        try:
            when = date.fromisoformat(day) if day else base
            parse_date(one.get("date", ""))
        except ValueError as error:
            raise WallwatchError(f"{truth}:{line}: {error}") from error
        path = truth.parent / Path(named).name if named else document or _beside(truth)
        groups.setdefault((path, when), []).append(one)
    matches: list[Match] = []
    spurious: list[tuple[str, Proposal]] = []
    exact = proposed = 0
    for (path, when), statements in groups.items():
        try:
            read = documents.read(path.read_bytes(), path.name)
        except OSError as error:
            raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error
        found = list(propose(read, name=path.name, base=when).proposals)
        exact += sum(read.text[one.start : one.end] == one.quotation for one in found)
        proposed += len(found)
        pairs, left = matched(statements, found)
        matches += [Match(path.name, one, proposal) for one, proposal in pairs]
        spurious += [(path.name, one) for one in left]
    return RecordScore(tuple(matches), tuple(spurious), Share(exact, proposed))


def matched(
    truth: Sequence[Mapping[str, str]], found: Sequence[Proposal]
) -> tuple[list[tuple[Mapping[str, str], Proposal | None]], list[Proposal]]:
    """Each true statement with the proposal whose words are most like its own, and the proposals left over.

    A proposal that goes on from one that is true ("…", he said. "…") is part of it, and not left over.

    Args:
        truth: Statements by field.
        found: Proposals of the same document, in its order.
    """
    scores = sorted(
        (
            (-_alike(one.get("quotation", ""), proposal.quotation), i, j)
            for i, one in enumerate(truth)
            for j, proposal in enumerate(found)
        ),
    )
    of_truth: dict[int, int] = {}
    taken: set[int] = set()
    for score, i, j in scores:
        if score < -0.5 and i not in of_truth and j not in taken:
            of_truth[i] = j
            taken.add(j)
    parts = set(taken)
    for j, proposal in enumerate(found):
        if proposal.continues and j - 1 in parts:
            parts.add(j)
    pairs = [(one, found[of_truth[i]] if i in of_truth else None) for i, one in enumerate(truth)]
    return pairs, [proposal for j, proposal in enumerate(found) if j not in parts]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _alike(one: str, two: str) -> float:
    """Share of the shorter text's words that the other has too, 0–1."""
    first, second = _words(one), _words(two)
    if not first or not second:
        return 0.0
    shorter, longer = sorted((first, second), key=len)
    have = set(longer)
    share = sum(word in have for word in shorter) / len(shorter)
    return share if len(shorter) > 2 or shorter == longer else 0.0


def _same_speaker(said: str, true: str) -> bool:
    leave = {"the", "a", "an", "of", "some", "about", "s"}
    first, second = set(_words(said)) - leave, set(_words(true)) - leave
    if true.strip().lower() in ("", "unknown"):
        return said.strip().lower() in ("", "unknown")
    return bool(first and second) and (first <= second or second <= first)


def _rows(truth: Path) -> list[tuple[int, dict[str, str]]]:
    try:
        with truth.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            found = []
            for one in reader:
                plain = {str(name).strip().lower(): str(value or "") for name, value in one.items() if name}
                fields = {FIELDS.get(name, name): value.strip() for name, value in plain.items()}
                found.append((reader.line_num, {**fields, "document_date": plain.get("document_date", "")}))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WallwatchError(f"{truth} cannot be read: {error}") from error
    if not found:
        raise WallwatchError(f"{truth} holds no statements")
    return found


def _beside(truth: Path) -> Path:
    others = [path for path in sorted(truth.parent.iterdir()) if path.suffix in _DOCUMENTS and path != truth]
    if len(others) != 1:
        raise WallwatchError(
            f"{len(others)} documents lie beside {truth.name}; name the one meant with --document"
        )
    return others[0]
