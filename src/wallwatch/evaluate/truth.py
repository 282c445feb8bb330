"""Accuracy against truth files: hand-adjudicated verdicts of single measurements, each a world of its own.

A truth file is a CSV with the columns `case`, `truth_verdict`, `truth_accept` (accepted verdicts, `|` between) and
`truth_mechanisms` (taxonomy paths, `;` between), and may have `input`, `truth_locus`, `truth_reason` and `trap`; beside
it lies `<case>.json` for each case (or `.jsonl`, either gzipped). Its vocabulary of verdicts is coarser than that of the tables: `blocked` there means
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
from wallwatch._text import safe_text
from wallwatch.schema.words import LOCI, is_mechanism

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
_MORE = ("input", "truth_locus", "truth_reason", "trap")
_ENDINGS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")
#: Said of a case whose file gave no measurement.
UNREAD = "unread"


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
    true_locus: str = ""
    trap: str = ""

    @property
    def right_locus(self) -> bool | None:
        """Whether the cause is placed where the truth has it; null where either says nothing of it."""
        if not self.true_locus or self.judged.state in ("ok", "insufficient", UNREAD):
            return None
        return self.judged.locus == self.true_locus

    @property
    def missed(self) -> list[str]:
        """True mechanism paths, with their ancestors, that were not claimed."""
        return sorted(expand(self.true_mechanisms) - expand(self.judged.mechanisms))

    @property
    def wrong(self) -> list[str]:
        """Claimed mechanism paths, with their ancestors, that are not true."""
        return sorted(expand(self.judged.mechanisms) - expand(self.true_mechanisms))

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

    @property
    def loci(self) -> tuple[int, int]:
        """Cases whose cause is placed rightly, and cases of which that can be said."""
        found = [case.right_locus for case in self.cases if case.right_locus is not None]
        return sum(found), len(found)

    @property
    def traps(self) -> dict[str, tuple[int, int]]:
        """Trap to accepted cases and cases; in the order of their numbers."""
        found: dict[str, tuple[int, int]] = {}
        for case in self.cases:
            if case.trap:
                good, all_ = found.get(case.trap, (0, 0))
                found[case.trap] = good + case.accepted, all_ + 1
        return dict(sorted(found.items(), key=lambda item: _trap_order(item[0])))

    def as_dict(self) -> dict[str, Any]:
        """The score as plain objects, for JSON."""
        return {
            "accepted": self.accepted,
            "cases": len(self.cases),
            "false_alarms": self.false_alarms,
            "loci_right": self.loci[0],
            "loci": self.loci[1],
            "by_trap": [
                {"trap": trap, "accepted": good, "cases": cases} for trap, (good, cases) in self.traps.items()
            ],
            "mechanism_precision": self.precision,
            "mechanism_recall": self.recall,
            "confusion": [
                {"truth": truth, "verdict": said, "cases": count}
                for (truth, said), count in sorted(self.confusion.items())
            ],
            "by_case": [
                {
                    "case": case.name,
                    "trap": case.trap or None,
                    "accepted": case.accepted,
                    "false_alarm": case.false_alarm,
                    "accepts": list(case.accepts),
                    "state": case.judged.state,
                    "mechanisms": list(case.judged.mechanisms),
                    "true_mechanisms": list(case.true_mechanisms),
                    "not_named": case.missed,
                    "not_so": case.wrong,
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
            f"loci right            {self.loci[0]} of {self.loci[1]}",
            "",
            "truth → verdict",
            *(f"  {truth} → {said}: {count}" for (truth, said), count in sorted(self.confusion.items())),
        ]
        if self.traps:
            lines += ["", "by trap"]
            lines += [f"  {trap}: {good} of {cases} accepted" for trap, (good, cases) in self.traps.items()]
        for case in self.cases:
            faults = [
                *([f"accepted {'|'.join(case.accepts)}"] if not case.accepted else []),
                *([f"not so: {', '.join(case.wrong)}"] if case.wrong else []),
                *([f"not named: {', '.join(case.missed)}"] if case.missed else []),
                *(
                    [f"locus {case.judged.locus}, true {case.true_locus}"]
                    if case.right_locus is False
                    else []
                ),
            ]
            if faults:
                trap = f" ({case.trap})" if case.trap else ""
                lines += ["", f"{case.name}{trap}: {case.judged.state}; {'; '.join(faults)}"]
                if case.reason:
                    lines.append(f"  {case.reason}")
        return "\n".join(safe_text(line) for line in lines)


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
    for line, row in _read(truth):
        found = [path for ending in _ENDINGS if (path := truth.parent / f"{row['case']}{ending}").is_file()]
        if not found:
            raise WallwatchError(
                f"{truth}, line {line}: it names the case {row['case']}, but {truth.parent / row['case']}.json does not "
                "exist"
            )
        with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
            judged = run([found[0]], Path(folder) / "workspace")
        cases.append(
            Case(
                row["case"],
                row["truth_verdict"],
                tuple(_split(row["truth_accept"] or row["truth_verdict"], "|")),
                tuple(_split(row["truth_mechanisms"], ";")),
                row["truth_reason"],
                judged,
                row["truth_locus"],
                row["trap"],
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


def _read(truth: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with the lines they begin on, each field checked; a field that is not there is empty."""
    try:
        with truth.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            names = reader.fieldnames or ()
            missing = [name for name in _COLUMNS if name not in names]
            if missing:
                raise WallwatchError(f"{truth} is not a truth file: it has no column {', '.join(missing)}")
            rows, line = [], reader.line_num + 1
            for row in reader:
                rows.append((line, _checked(truth, line, row)))
                line = reader.line_num + 1
    except csv.Error as error:
        raise WallwatchError(f"{truth}, line {reader.line_num}: {error}") from error
    except UnicodeDecodeError as error:
        raise WallwatchError(f"{truth} is not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise WallwatchError(f"{truth} cannot be read: {error.strerror}") from error
    if not rows:
        raise WallwatchError(f"{truth} names no case")
    seen: dict[str, int] = {}
    for line, row in rows:
        if row["case"] in seen:
            raise WallwatchError(
                f"{truth}, line {line}, field case: “{row['case']}” is also on line {seen[row['case']]}"
            )
        seen[row["case"]] = line
    return rows


def _checked(truth: Path, line: int, row: dict[str | Any, Any]) -> dict[str, str]:
    """One row.

    Raises:
        WallwatchError: A field is not what it has to be; file, line and field are named.
    """

    def fault(field: str, what: str) -> WallwatchError:
        return WallwatchError(f"{truth}, line {line}, field {field}: {what}")

    if row.get(None):
        raise WallwatchError(f"{truth}, line {line}: there are more fields than columns")
    values = {name: (row.get(name) or "").strip() for name in (*_COLUMNS, *_MORE)}
    case = values["case"]
    if not case or Path(case).name != case or case in (".", ".."):
        raise fault("case", f"“{safe_text(case, 80)}” cannot name a case")
    for name, words in (
        ("truth_verdict", [values["truth_verdict"]]),
        ("truth_accept", _split(values["truth_accept"], "|")),
    ):
        for word in words:
            if word not in ACCEPTS:
                known = ", ".join(ACCEPTS)
                raise fault(name, f"“{safe_text(word, 80)}” is no verdict; there are {known}")
    for path in _split(values["truth_mechanisms"], ";"):
        if not is_mechanism(path):
            raise fault("truth_mechanisms", f"“{safe_text(path, 80)}” is no mechanism path")
    if values["truth_locus"] and values["truth_locus"] not in LOCI:
        raise fault(
            "truth_locus",
            f"“{safe_text(values['truth_locus'], 80)}” is no locus; there are {', '.join(LOCI)}",
        )
    return values


def _trap_order(trap: str) -> tuple[str, int, str]:
    digits = "".join(character for character in trap if character.isdigit())
    return (trap[:1], int(digits) if digits.isascii() and digits else 0, trap)


def _split(text: str | None, separator: str) -> list[str]:
    return [part.strip() for part in (text or "").split(separator) if part.strip()]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
