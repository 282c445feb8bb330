"""Every trap by its number: the small world of each, and what was said in it."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from wallwatch import simulate
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.evaluate.scores import Run, Scores, scenario


@dataclass(frozen=True, slots=True)
class TrapScores:
    """The scores of the worlds of traps, by trap number.

    Attributes:
        worlds: Trap number to the scores of its world, in the order of numbers.
    """

    worlds: Mapping[str, Scores]

    def as_dict(self) -> dict[str, Any]:
        """As plain objects, for JSON."""
        return {
            trap: {"title": simulate.SCENARIOS[trap].title, **scores.as_dict()}
            for trap, scores in self.worlds.items()
        }

    def as_text(self) -> str:
        """As a table for people; wrong accusations are named below it."""
        table = Table(title="TRAPS", title_justify="left", box=None, pad_edge=False)
        table.add_column("trap")
        table.add_column("what happens", max_width=44)
        for name in (
            "verdicts right",
            "accused wrongly",
            "missed",
            "false events",
            "events",
            "false outages",
        ):
            table.add_column(name, justify="right")
        wrong = []
        for trap, scores in self.worlds.items():
            said, events, outages = scores.verdicts, scores.events, scores.outages
            table.add_row(
                trap,
                simulate.SCENARIOS[trap].title,
                str(said.accepted),
                str(said.accused_wrongly.part),
                str(said.recall.whole - said.recall.part),
                str(len(events.false_claims)),
                f"{events.recall.part} of {events.recall.whole}",
                str(len(outages.false_claims)),
            )
            wrong += [
                f"{trap}: accused wrongly {count} times: {name}" for name, count in said.wrongly_by.items()
            ]
            wrong += [f"{trap}: no such event: {claim}" for claim in events.false_claims]
            wrong += [f"{trap}: no such outage: {claim}" for claim in outages.false_claims]
        out = io.StringIO()
        console = Console(file=out, width=150, color_system=None)
        for item in (table, "", *wrong):
            console.print(item, markup=False, highlight=False)
        return "\n".join(line.rstrip() for line in out.getvalue().splitlines()).strip()


def chosen(which: str) -> list[str]:
    """The traps that are meant: numbers or letters with commas between them, or `all`; in the order of scenarios.

    Raises:
        WallwatchError: One of them has no world.
    """
    wanted = [part.strip().upper() for part in which.split(",") if part.strip()]
    found = {
        trap
        for trap in simulate.SCENARIOS
        if any(part in ("ALL", trap) or (len(part) == 1 and trap.startswith(part)) for part in wanted)
    }
    for part in wanted:
        if part != "ALL" and not any(trap == part or (len(part) == 1 and trap[0] == part) for trap in found):
            raise WallwatchError(
                f"no world is simulated for {part!r}; there are {', '.join(simulate.SCENARIOS)}"
            )
    return [trap for trap in simulate.SCENARIOS if trap in found]


def evaluate_traps(
    traps: Sequence[str], *, seed: int, run: Run, progress: Progress | None = None
) -> TrapScores:
    """Makes the world of each trap, runs the whole way of the data over its files, and scores it.

    Args:
        traps: Their numbers, keys of `simulate.SCENARIOS`.
        seed: Of the simulations.
        run: The way of the data.
        progress: Hears how far it is.
    """
    progress = progress or Silent()
    progress.stage("Traps", len(traps))
    worlds = {}
    for trap in traps:
        with tempfile.TemporaryDirectory(prefix="wallwatch-evaluate-") as folder:
            worlds[trap] = scenario(trap=trap, seed=seed, workdir=Path(folder), run=run)
        progress.advance()
    return TrapScores(worlds)
