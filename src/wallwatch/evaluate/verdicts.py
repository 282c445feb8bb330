"""Verdicts against the simulated truth: false accusations first, then what was missed, then how it was named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from wallwatch.evaluate.numbers import Share, expand

#: States that accuse.
ACCUSING = frozenset({"blocked", "likely_blocked"})


@dataclass(frozen=True, slots=True)
class Pair:
    """One measurement: what is true of it, and what was said.

    Attributes:
        accept: The states that the truth accepts.
        said: The state given; `none` where the measurement has no verdict.
        where: Target and network, for people.
    """

    measurement_id: str
    truth: str
    accept: frozenset[str]
    mechanisms: frozenset[str]
    traps: tuple[str, ...]
    said: str
    said_mechanisms: frozenset[str]
    where: str

    @property
    def accepted(self) -> bool:
        """Whether what was said is right."""
        return self.said in self.accept

    @property
    def guilty(self) -> bool:
        """Whether only an accusation is right."""
        return self.accept <= ACCUSING

    @property
    def innocent(self) -> bool:
        """Whether every accusation is wrong."""
        return not self.accept & ACCUSING

    @property
    def accused(self) -> bool:
        """Whether it was said to be blocked, with certainty or likely."""
        return self.said in ACCUSING


@dataclass(frozen=True, slots=True)
class TrapScore:
    """How measurements that make one trap were judged."""

    accepted: Share
    accused_wrongly: int
    missed: int
    said: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "accepted": self.accepted.as_dict(),
            "accused_wrongly": self.accused_wrongly,
            "missed": self.missed,
            "said": dict(self.said),
        }


@dataclass(frozen=True, slots=True)
class VerdictScore:
    """How well the verdicts agree with the truth.

    Attributes:
        accused_wrongly: Innocent measurements that were accused, of all innocent ones.
        wrongly_by: Of these: trap (or true state), target and network, to how many.
        precision: Of the accusations that are right or wrong for certain, the right ones.
        recall: Of the measurements that met a restriction for certain, the accused ones.
        accepted: Measurements whose state the truth accepts, of all.
        open: Measurements of which the evidence leaves open whether to accuse; in no precision or recall.
        without_verdict: Measurements that got no verdict.
        confusion: True state and said state, to how many.
        mechanism_precision: Of the paths claimed of rightly accused measurements, with their ancestors, the true ones.
        mechanism_recall: Of the true paths of measurements that met a restriction, the claimed ones.
        mechanisms: By true mechanism: how many were accused, and how many of the true paths were named.
        traps: By trap.
    """

    accused_wrongly: Share
    wrongly_by: Mapping[str, int]
    precision: Share
    recall: Share
    accepted: Share
    open: int
    without_verdict: int
    confusion: Mapping[tuple[str, str], int]
    mechanism_precision: Share
    mechanism_recall: Share
    mechanisms: Mapping[str, tuple[Share, Share]]
    traps: Mapping[str, TrapScore] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As plain objects."""
        return {
            "accused_wrongly": self.accused_wrongly.as_dict() | {"by": dict(self.wrongly_by)},
            "precision": self.precision.as_dict(),
            "recall": self.recall.as_dict(),
            "accepted": self.accepted.as_dict(),
            "open": self.open,
            "without_verdict": self.without_verdict,
            "confusion": [
                {"truth": truth, "said": said, "measurements": count}
                for (truth, said), count in self.confusion.items()
            ],
            "mechanism_precision": self.mechanism_precision.as_dict(),
            "mechanism_recall": self.mechanism_recall.as_dict(),
            "mechanisms": {
                name: {"accused": accused.as_dict(), "named": named.as_dict()}
                for name, (accused, named) in self.mechanisms.items()
            },
            "traps": {name: trap.as_dict() for name, trap in self.traps.items()},
        }


def pairs(con: duckdb.DuckDBPyConnection, truth: Iterable[Mapping[str, str]]) -> list[Pair]:
    """Each measurement of the truth beside its verdict (layer `all` of view `verdicts`).

    Raises:
        duckdb.Error: The connection shows no verdicts.
    """
    said = {
        measurement: (state, mechanisms)
        for measurement, state, mechanisms in con.sql(
            "SELECT measurement_id, state, mechanisms FROM verdicts WHERE layer = 'all'"
        ).fetchall()
    }
    found = []
    for row in truth:
        state, mechanisms = said.get(row["measurement_id"], ("none", []))
        found.append(
            Pair(
                row["measurement_id"],
                row["truth_state"],
                frozenset(row["accept"].split("|")),
                frozenset(filter(None, row["mechanisms"].split(";"))),
                tuple(filter(None, row["trap"].split(";"))),
                state,
                frozenset(mechanisms),
                f"{row['target']} on AS{row['network']}",
            )
        )
    return found


def score(found: Iterable[Pair]) -> VerdictScore:
    """The score of measurements that were judged."""
    found = list(found)
    guilty = [pair for pair in found if pair.guilty]
    innocent = [pair for pair in found if pair.innocent]
    wrong = [pair for pair in innocent if pair.accused]
    right = [pair for pair in guilty if pair.accused]
    by = Counter(f"{'+'.join(pair.traps) or pair.truth}: {pair.where}" for pair in wrong)
    claimed = sum(len(expand(pair.said_mechanisms)) for pair in right)
    true = sum(len(expand(pair.mechanisms)) for pair in guilty)
    both = sum(len(_common(pair)) for pair in right)
    return VerdictScore(
        Share(len(wrong), len(innocent)),
        dict(sorted(by.items(), key=lambda item: (-item[1], item[0]))),
        Share(len(right), len(right) + len(wrong)),
        Share(len(right), len(guilty)),
        Share(sum(pair.accepted for pair in found), len(found)),
        len(found) - len(guilty) - len(innocent),
        sum(pair.said == "none" for pair in found),
        dict(sorted(Counter((pair.truth, pair.said) for pair in found).items())),
        Share(both, claimed),
        Share(both, true),
        _by_mechanism(found),
        _by_trap(found),
    )


def _common(pair: Pair) -> frozenset[str]:
    return expand(pair.said_mechanisms) & expand(pair.mechanisms)


def _by_mechanism(found: Iterable[Pair]) -> dict[str, tuple[Share, Share]]:
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in found:
        if pair.guilty or pair.truth == "impaired":
            for mechanism in pair.mechanisms or {"(none)"}:
                groups[mechanism].append(pair)
    return {
        name: (
            Share(sum(pair.accepted for pair in group), len(group)),
            Share(
                sum(len(expand(pair.said_mechanisms) & expand([name])) for pair in group if pair.accepted),
                sum(len(expand([name])) for _ in group),
            ),
        )
        for name, group in sorted(groups.items())
    }


def trap_order(trap: str) -> tuple[str, int]:
    """A sorting key that puts J2 before J10."""
    return trap[:1], int(trap[1:]) if trap[1:].isdigit() else 0


def _by_trap(found: Iterable[Pair]) -> dict[str, TrapScore]:
    groups: defaultdict[str, list[Pair]] = defaultdict(list)
    for pair in found:
        for trap in pair.traps:
            groups[trap].append(pair)
    return {
        trap: TrapScore(
            Share(sum(pair.accepted for pair in groups[trap]), len(groups[trap])),
            sum(pair.innocent and pair.accused for pair in groups[trap]),
            sum(pair.guilty and not pair.accused for pair in groups[trap]),
            dict(sorted(Counter(pair.said for pair in groups[trap]).items())),
        )
        for trap in sorted(groups, key=trap_order)
    }
