"""The whole way of the data scored against a simulated truth."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from wallwatch import simulate
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.engine import Workspace
from wallwatch.evaluate import events, outages, verdicts
from wallwatch.evaluate.events import EventScore
from wallwatch.evaluate.outages import OutageScore
from wallwatch.evaluate.verdicts import VerdictScore, trap_order

#: Takes files in and brings a workspace up to date: (inputs, workspace).
Run = Callable[[Sequence[Path], Path], None]


@dataclass(frozen=True, slots=True)
class Scores:
    """How well a workspace agrees with the truth of what it was made from."""

    verdicts: VerdictScore
    events: EventScore
    outages: OutageScore

    def as_dict(self) -> dict[str, Any]:
        """As plain objects, for JSON."""
        return {
            "verdicts": self.verdicts.as_dict(),
            "events": self.events.as_dict(),
            "outages": self.outages.as_dict(),
        }

    def as_text(self) -> str:
        """As lines and tables for people, the worst kind of error first."""
        out = io.StringIO()
        console = Console(file=out, width=110, color_system=None)
        for part in (_verdict_text, _event_text, _outage_text, _trap_text):
            for item in part(self):
                console.print(item, markup=False, highlight=False)
            console.print()
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip()


def score(con: duckdb.DuckDBPyConnection, truth: Path) -> Scores:
    """The scores of a workspace against a folder of truth.

    Args:
        con: Shows `verdicts`, `events` and `outages`.
        truth: Holds `verdicts.csv`, `events.csv` and `outages.csv`, as `simulate.write` writes them.

    Raises:
        WallwatchError: One of the files is missing or lacks a column.
    """
    try:
        return Scores(
            verdicts.score(verdicts.pairs(con, _rows(truth / "verdicts.csv"))),
            events.score(events.claims(con), events.truths(_rows(truth / "events.csv"))),
            outages.score(outages.claims(con), outages.truths(_rows(truth / "outages.csv"))),
        )
    except KeyError as error:
        raise WallwatchError(f"{truth} is not the truth of a simulation: no column {error}") from error


def simulated(
    *,
    seed: int,
    days: int,
    scale: float,
    workdir: Path,
    run: Run,
    progress: Progress | None = None,
) -> Scores:
    """Simulates a country, runs the whole way of the data over its files, and scores it.

    Args:
        seed: Of the simulation.
        days: How long the country is watched.
        scale: How much is measured in it.
        workdir: An empty folder to work in.
        run: The way of the data.
        progress: Hears how far it is.
    """
    progress = progress or Silent()
    written = simulate.write(workdir / "country", seed=seed, days=days, scale=scale, progress=progress)
    return _run_and_score(written, workdir, run, progress)


def scenario(*, trap: str, seed: int, workdir: Path, run: Run, progress: Progress | None = None) -> Scores:
    """The same for the small world of one trap.

    Args:
        trap: Its number, a key of `simulate.SCENARIOS`.
        seed: Of the simulation.
        workdir: An empty folder to work in.
        run: The way of the data.
        progress: Hears how far it is.

    Raises:
        WallwatchError: There is no such scenario.
    """
    if trap not in simulate.SCENARIOS:
        raise WallwatchError(f"there is no scenario {trap}; there are {', '.join(simulate.SCENARIOS)}")
    written = simulate.SCENARIOS[trap].write(workdir / "country", seed=seed)
    return _run_and_score(written, workdir, run, progress or Silent())


def _run_and_score(written: simulate.Written, workdir: Path, run: Run, progress: Progress) -> Scores:
    progress.stage("Judging and detecting")
    run(written.inputs, workdir / "workspace")
    progress.stage("Scoring")
    con = Workspace.open(workdir / "workspace").connect()
    try:
        return score(con, written.truth)
    finally:
        con.close()


def _rows(path: Path) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)
    except OSError as error:
        raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    return table


def _verdict_text(scores: Scores) -> Iterator[object]:
    found = scores.verdicts
    yield "VERDICTS"
    yield f"accused wrongly       {found.accused_wrongly}"
    for name, count in list(found.wrongly_by.items())[:20]:
        yield f"    {count:>5}  {name}"
    if len(found.wrongly_by) > 20:
        yield f"           and {len(found.wrongly_by) - 20} more"
    yield f"precision             {found.precision}"
    yield f"recall                {found.recall}"
    yield f"state accepted        {found.accepted}"
    yield f"mechanism precision   {found.mechanism_precision}"
    yield f"mechanism recall      {found.mechanism_recall}"
    yield f"left open by truth    {found.open:,}"
    yield f"without a verdict     {found.without_verdict:,}"
    said = sorted({said for _, said in found.confusion})
    table = _table("\nTruth (rows) and verdict (columns)", "truth", *said)
    for truth in sorted({truth for truth, _ in found.confusion}):
        table.add_row(truth, *(f"{found.confusion.get((truth, name), 0):,}" for name in said))
    yield table
    table = _table("\nBy mechanism", "mechanism", "right state", "path named")
    for name, (accused, named) in found.mechanisms.items():
        table.add_row(name, str(accused), str(named))
    yield table


def _event_text(scores: Scores) -> Iterator[object]:
    found = scores.events
    yield "EVENTS"
    yield f"false                 {found.false}"
    for claim in found.false_claims:
        yield f"           {claim}"
    yield f"precision             {found.precision}"
    yield f"recall                {found.recall}"
    for name in found.missed:
        yield f"           missed: {name}"
    for name in found.hardly_seen:
        yield f"           hardly seen by anybody, not counted: {name}"
    for name, count in found.doubled.items():
        yield f"           {count} events for one restriction: {name}"
    for name, keys in found.merged.items():
        yield f"           one event for {', '.join(keys)}: {name}"
    yield f"networks right        {found.networks_right}"
    yield f"networks found        {found.networks_found}"
    yield f"onset error           {found.onset}"
    yield f"end error             {found.end}"
    yield f"open onset said       {found.open_onset}"
    yield f"open end said         {found.open_end}"
    yield f"recurrence said       {found.recurring}"
    for kind, right in found.notes.items():
        yield f"noted as {kind}: right {right}"
    table = _table("\nBy mechanism", "mechanism", "found", "path named")
    for name, (hits, named) in found.mechanisms.items():
        table.add_row(name, str(hits), str(named))
    yield table


def _outage_text(scores: Scores) -> Iterator[object]:
    found = scores.outages
    yield "OUTAGES"
    yield f"false                 {found.false}"
    for claim in found.false_claims:
        yield f"           {claim}"
    for claim in found.shutdowns_wrongly:
        yield f"           no shutdown: {claim}"
    yield f"recall                {found.recall}"
    for name in found.missed:
        yield f"           missed: {name}"
    yield f"kind right            {found.kind_right}"
    for name, kinds in found.kinds.items():
        yield f"           called {', '.join(kinds)}: {name}"
    yield f"onset error           {found.onset}"
    yield f"end error             {found.end}"
    yield f"depth error           {'–' if found.depth is None else f'at most {found.depth:.2f}'}"


def _trap_text(scores: Scores) -> Iterator[object]:
    table = _table(
        "BY TRAP", "trap", "verdicts right", "accused wrongly", "missed", "events found", "outages right"
    )
    traps = {*scores.verdicts.traps, *scores.events.traps, *scores.outages.traps}
    for trap in sorted(traps, key=trap_order):
        judged = scores.verdicts.traps.get(trap)
        event, outage = scores.events.traps.get(trap), scores.outages.traps.get(trap)
        table.add_row(
            trap,
            str(judged.accepted) if judged else "",
            str(judged.accused_wrongly) if judged else "",
            str(judged.missed) if judged else "",
            str(event) if event else "",
            str(outage) if outage else "",
        )
    yield table
