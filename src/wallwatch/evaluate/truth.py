"""Accuracy against truth files: hand-adjudicated verdicts of single measurements, each a world of its own.

A truth file is a CSV with the columns `case`, `input`, `truth_verdict`, `truth_accept` (accepted verdicts, `|`
between), `truth_mechanisms` (taxonomy paths, `;` between), `truth_locus`, `truth_reason`; beside it lies
`<case>.json` for each case. Its vocabulary of verdicts is coarser than that of the tables: `blocked` there means
that the network interferes and does not tell how strong the evidence is, so it accepts `likely_blocked` as well.
"""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError

#: What a truth file's verdicts accept of the tables' states.
ACCEPTS: Mapping[str, frozenset[str]] = {
    "blocked": frozenset({"blocked", "likely_blocked"}),
    "likely_blocked": frozenset({"blocked", "likely_blocked"}),
    "impaired": frozenset({"impaired"}),
    "down": frozenset({"down"}),
    "ok": frozenset({"ok"}),
    "insufficient": frozenset({"insufficient"}),
    "unknown": frozenset({"insufficient"}),
    "interference_without_blocking": frozenset({"ok"}),
}

_COLUMNS = ("case", "truth_verdict", "truth_accept", "truth_mechanisms")


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict of one case's measurement: state, mechanism paths, host and locus of layer `all`."""

    state: str
    mechanisms: tuple[str, ...]
    host: str | None = None
    locus: str | None = None


#: Takes files in, judges them in the given empty folder, and gives the verdict of the one measurement.
Run = Callable[[Sequence[Path], Path], Judged]


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what is true and what was said."""

    name: str
    truth: str
    accepts: tuple[str, ...]
    true_mechanisms: tuple[str, ...]
    reason: str
    judged: Judged

    @property
    def accepted(self) -> bool:
        """Whether the state is one that the truth accepts."""
        return any(self.judged.state in ACCEPTS.get(word, {word}) for word in self.accepts)

    @property
    def false_alarm(self) -> bool:
        """Whether blocking was claimed where the truth accepts none."""
        return self.judged.state in ACCEPTS["blocked"] and not self.accepted


@dataclass(frozen=True, slots=True)
class TruthScore:
    """How well the verdicts agree with a truth file.

    Attributes:
        cases: In the order of the file.
        precision: Share of the claimed mechanism paths, expanded by their ancestors, that are true; null where
            none were claimed.
        recall: Share of the true ones that were claimed; null where there are none.
    """

    cases: tuple[Case, ...]
    precision: float | None
    recall: float | None
    confusion: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Cases whose state the truth accepts."""
        return sum(case.accepted for case in self.cases)

    @property
    def false_alarms(self) -> int:
        """Cases in which blocking was claimed wrongly."""
        return sum(case.false_alarm for case in self.cases)

    def as_dict(self) -> dict[str, Any]:
        """The score as plain objects, for JSON."""
        return {
            "accepted": self.accepted,
            "cases": len(self.cases),
            "false_alarms": self.false_alarms,
            "mechanism_precision": self.precision,
            "mechanism_recall": self.recall,
            "confusion": [
                {"truth": truth, "verdict": said, "cases": count}
                for (truth, said), count in sorted(self.confusion.items())
            ],
            "by_case": [
                {
                    "case": case.name,
                    "accepted": case.accepted,
                    "accepts": list(case.accepts),
                    "state": case.judged.state,
                    "mechanisms": list(case.judged.mechanisms),
                    "true_mechanisms": list(case.true_mechanisms),
                    "host": case.judged.host,
                    "locus": case.judged.locus,
                }
                for case in self.cases
            ],
        }

    def as_text(self) -> str:
        """The score as lines of text."""
        lines = [
            f"states accepted       {self.accepted} of {len(self.cases)}",
            f"false alarms          {self.false_alarms}",
            f"mechanism precision   {_share(self.precision)}",
            f"mechanism recall      {_share(self.recall)}",
            "",
            "truth → verdict",
            *(f"  {truth} → {said}: {count}" for (truth, said), count in sorted(self.confusion.items())),
        ]
        for case in self.cases:
            extra = sorted(expand(case.judged.mechanisms) - expand(case.true_mechanisms))
            if not case.accepted or extra:
                wrong = f", not so: {', '.join(extra)}" if extra else ""
                lines += ["", f"{case.name}: {case.judged.state}, accepted {'|'.join(case.accepts)}{wrong}"]
                lines.append(f"  {case.reason}")
        return "\n".join(lines)


def expand(paths: Iterable[str]) -> set[str]:
    """The paths with all their ancestors: `tls.reset.sni` brings `tls.reset` and `tls`."""
    return {
        ".".join(labels[:depth])
        for labels in (path.split(".") for path in paths)
        for depth in range(1, len(labels) + 1)
    }


def evaluate_truth(truth: Path, run: Run) -> TruthScore:
    """Judges every case of a truth file by itself and scores the verdicts.

    Args:
        truth: The truth file.
        run: Takes files in and judges them; called once a case with an empty folder.

    Raises:
        WallwatchError: The file lacks a column, or a case's measurement is missing.
    """
    cases = []
    for row in _read(truth):
        source = truth.parent / f"{row['case']}.json"
        if not source.is_file():
            raise WallwatchError(f"{truth} names the case {row['case']}, but {source} does not exist")
        with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
            judged = run([source], Path(folder) / "workspace")
        cases.append(
            Case(
                row["case"],
                row["truth_verdict"],
                tuple(_split(row["truth_accept"] or row["truth_verdict"], "|")),
                tuple(_split(row["truth_mechanisms"], ";")),
                row.get("truth_reason") or "",
                judged,
            )
        )
    return score(cases)


def score(cases: Sequence[Case]) -> TruthScore:
    """The score of cases that were judged."""
    claimed = true = both = 0
    for case in cases:
        said, is_so = expand(case.judged.mechanisms), expand(case.true_mechanisms)
        claimed, true, both = claimed + len(said), true + len(is_so), both + len(said & is_so)
    return TruthScore(
        tuple(cases),
        both / claimed if claimed else None,
        both / true if true else None,
        dict(Counter((case.truth, case.judged.state) for case in cases)),
    )


def _read(truth: Path) -> list[dict[str, str]]:
    try:
        with truth.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise WallwatchError(f"{truth} is not a truth file: it has no column {', '.join(missing)}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WallwatchError(f"{truth} cannot be read: {error}") from error
    for line, row in enumerate(rows, 2):
        if not row["case"] or Path(row["case"]).name != row["case"]:
            raise WallwatchError(f"{truth}, line {line}: “{row['case']}” cannot name a case")
    return rows


def _split(text: str | None, separator: str) -> list[str]:
    return [part.strip() for part in (text or "").split(separator) if part.strip()]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
