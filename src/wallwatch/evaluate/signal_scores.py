"""Outages found in simulated series of connectivity: recall, false alarms, onset; ours beside the rule of IODA."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from wallwatch._progress import Progress
from wallwatch.detect import outages
from wallwatch.evaluate.numbers import Share
from wallwatch.evaluate.signal_rules import alarms, rule_of
from wallwatch.evaluate.signal_series import DAYS, KINDS, LOSSES, START, Series, table, world

METHODS = ("wallwatch", "IODA warning", "IODA critical")
_YEAR = 365.25 / DAYS
#: Seconds by which a claim may lie beside a loss and still be of it.
_BESIDE = 3600.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A stretch that a method calls a loss; epoch seconds, null where open or not said.

    Attributes:
        onset: Best guess of its beginning.
        earliest, latest: The interval around it.
        ends: Its end.
        probability: How sure it is.
        depth: Share lost, as it says.
    """

    onset: float | None
    earliest: float | None
    latest: float | None
    ends: float | None
    probability: float | None = None
    depth: float | None = None

    def meets(self, one: Series) -> bool:
        """Whether it has time in common with the loss of a series."""
        first = self.onset if self.onset is not None else self.latest
        if not one.depth:
            return False
        return (first is None or first <= one.ends + _BESIDE) and (
            self.ends is None or self.ends >= one.begins - _BESIDE
        )


@dataclass(slots=True)
class _Tally:
    """What is counted for one method and kind of source."""

    found: dict[tuple[float, int], list[bool]] = field(default_factory=lambda: defaultdict(list))
    false: int = 0
    errors: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    depths: list[float] = field(default_factory=list)
    sure: list[bool] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SignalScores:
    """How well each method found the simulated losses.

    Attributes:
        seed: Of the simulation.
        years: Series-years by kind of source.
        tallies: What was counted, by method and kind of source.
    """

    seed: int
    years: Mapping[str, float]
    tallies: Mapping[tuple[str, str], _Tally]

    def as_dict(self) -> dict[str, Any]:
        """The numbers by method and kind of source."""
        return {
            "seed": self.seed,
            "series_years": {name: round(years, 2) for name, years in self.years.items()},
            "methods": {
                method: {kind: self._numbers(method, kind) for kind in self.years} for method in METHODS
            },
        }

    def _numbers(self, method: str, kind: str) -> dict[str, Any]:
        tally = self.tallies[method, kind]
        return {
            "recall": {
                f"{depth:.0%} {hours} h": _share(tally.found[depth, hours]).as_dict()
                for depth, hours in LOSSES
            },
            "false_per_series_year": round(tally.false / self.years[kind], 3),
            "onset_error_hours": _quantiles(tally.errors),
            "onset_interval_holds": _share(tally.held).as_dict(),
            "onset_interval_hours": _quantiles(tally.widths),
            "end_error_hours": _quantiles(tally.ends),
            "depth_error": _quantiles(tally.depths),
            "true_of_those_at_0.9": _share(tally.sure).as_dict(),
        }

    def as_text(self) -> str:
        """Two tables: recall by depth and length, and the rest."""
        out = io.StringIO()
        console = Console(file=out, width=150, color_system=None)
        years = sum(self.years.values())
        console.print(
            f"Simulated connectivity, seed {self.seed}: {years:.1f} series-years of {DAYS} days, hourly\n"
        )
        recall = Table(title="Recall by share lost and hours", title_justify="left", box=None, pad_edge=False)
        for name in ("source", "method", *(f"{depth:.0%}/{hours}h" for depth, hours in LOSSES)):
            recall.add_column(name, justify="left" if name in ("source", "method") else "right")
        rest = Table(title="\nThe rest", title_justify="left", box=None, pad_edge=False)
        for name in (
            "source", "method", "false/series-year", "onset error h (90 %)", "interval holds", "wide h",
            "end error h", "depth error",
        ):  # fmt: skip
            rest.add_column(name, justify="left" if name in ("source", "method") else "right")
        for kind in self.years:
            for method in METHODS:
                tally = self.tallies[method, kind]
                source = kind if method == METHODS[0] else ""
                recall.add_row(source, method, *(_percent(tally.found[loss]) for loss in LOSSES))
                onset, wide = _quantiles(tally.errors), _quantiles(tally.widths)
                rest.add_row(
                    source,
                    method,
                    f"{tally.false / self.years[kind]:.2f}",
                    "–" if onset is None else f"{onset['median']:.2f} ({onset['90']:.2f})",
                    str(_share(tally.held)) if tally.held else "–",
                    "–" if wide is None else f"{wide['median']:.1f}",
                    _middle(tally.ends),
                    _middle(tally.depths),
                )
        console.print(recall)
        console.print(rest)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip()


def _share(of: Iterable[bool]) -> Share:
    listed = list(of)
    return Share(sum(listed), len(listed))


def _percent(of: Sequence[bool]) -> str:
    return f"{sum(of) / len(of):.2f}" if of else "–"


def _quantiles(of: Sequence[float]) -> dict[str, float] | None:
    if not of:
        return None
    return {"median": round(float(np.median(of)), 3), "90": round(float(np.quantile(of, 0.9)), 3)}


def _middle(of: Sequence[float]) -> str:
    return f"{float(np.median(of)):.2f}" if of else "–"


def evaluate_signals(*, seed: int, series: int, progress: Progress) -> SignalScores:
    """Simulates series of connectivity, looks for outages in them, and scores what was found.

    Args:
        seed: The same seed gives the same numbers.
        series: Series of each kind of source, half of them quiet.
        progress: Hears how far it is.
    """
    progress.stage("Simulating connectivity")
    made = world(seed, series)
    progress.stage("Looking for outages")
    claims = {"wallwatch": ours(made)}
    progress.stage("Applying published rules")
    for name, pick in (
        ("IODA warning", lambda rule: rule.warning),
        ("IODA critical", lambda rule: rule.critical),
    ):
        claims[name] = _threshold(made, pick)
    years: dict[str, float] = defaultdict(float)
    for one in made:
        years[KINDS[one.kind].name] += 1 / _YEAR
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    for method in METHODS:
        for one, claimed in zip(made, claims[method], strict=True):
            _count(tallies[method, KINDS[one.kind].name], one, claimed)
    return SignalScores(seed, dict(years), tallies)


def ours(made: Sequence[Series]) -> list[list[Claim]]:
    """What `detect.outages` says of each series; faults of instruments claim no loss."""
    con = duckdb.connect()
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.register("signals", table(made))
        rows = outages(con).to_pylist()
    finally:
        con.close()
    by_country: dict[str, list[Claim]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "instrument":
            continue
        best, earliest, latest, ends = (
            None if row[name] is None else row[name].timestamp()
            for name in ("onset_best", "onset_earliest", "onset_latest", "end_best")
        )
        by_country[row["country"]].append(
            Claim(best, earliest, latest, ends, row["probability"], row["depth"])
        )
    return [by_country[one.country] for one in made]


def _threshold(made: Sequence[Series], pick: Callable[[Any], float]) -> list[list[Claim]]:
    found: list[list[Claim]] = [[] for _ in made]
    for kind, source in enumerate(KINDS):
        rule = rule_of(source.signal)
        chosen = [i for i, one in enumerate(made) if one.kind == kind]
        values = np.array([made[i].values for i in chosen])
        for i, alarmed in zip(chosen, alarms(values, pick(rule), rule.days * 24), strict=True):
            found[i] = [Claim(START + a * 3600.0, None, None, START + (b + 1) * 3600.0) for a, b in alarmed]
    return found


def _count(tally: _Tally, one: Series, claimed: Sequence[Claim]) -> None:
    hits = [claim for claim in claimed if claim.meets(one)]
    tally.false += len(claimed) - len(hits)
    tally.sure += [claim in hits for claim in claimed if (claim.probability or 0) >= 0.9]
    if not one.depth:
        return
    tally.found[one.depth, round((one.ends - one.begins) / 3600)].append(bool(hits))
    if not hits:
        return
    best = min(hits, key=lambda claim: abs((claim.onset or 0.0) - one.begins))
    if best.onset is not None:
        tally.errors.append(abs(best.onset - one.begins) / 3600)
    if best.earliest is not None and best.latest is not None:
        tally.held.append(best.earliest <= one.begins <= best.latest)
        tally.widths.append((best.latest - best.earliest) / 3600)
    last = max(hits, key=lambda claim: claim.ends or float("inf"))
    if last.ends is not None:
        tally.ends.append(abs(last.ends - one.ends) / 3600)
    if best.depth is not None:
        tally.depths.append(abs(best.depth - one.depth))
