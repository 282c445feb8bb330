"""What `wallwatch evaluate` runs: the whole way of the data, and scores of what it found."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

from wallwatch import pipeline
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.engine import Workspace
from wallwatch.evaluate import record
from wallwatch.evaluate.truth import UNREAD, Judged, evaluate_truth

#: Later than any measurement of a truth file or of the simulator: nothing here is judged by the clock.
_AS_OF = datetime(2100, 1, 1, tzinfo=UTC)


class Scores(Protocol):
    """What the command prints."""

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain objects, for JSON."""

    def as_text(self) -> str:
        """The scores as lines for people."""


def truth_file(
    path: Path, progress: Progress, *, document: Path | None = None, document_date: str | None = None
) -> Scores:
    """Scores against a truth file: verdicts of the cases beside it, or statements of a document.

    Args:
        path: Verdicts (each case is judged as a world of its own) or statements, told apart by the first line.
        progress: Hears how far it is.
        document: For statements: the document, where the file does not name it.
        document_date: Its day.

    Raises:
        WallwatchError: The file is missing or is no truth file.
    """
    if record.is_truth(path):
        try:
            base = date.fromisoformat(document_date) if document_date else None
        except ValueError:
            raise WallwatchError(f"{document_date!r} is not a day such as 2020-08-31") from None
        return record.evaluate(path, document=document, base=base)
    progress.stage("Judging cases")

    def judged(inputs: Sequence[Path], folder: Path) -> Judged:
        pipeline.run(inputs, folder, as_of=_AS_OF, workers=1, progress=Silent())
        with Workspace.open(folder).connect() as con:
            found = con.sql(
                "SELECT state, mechanisms, host, locus FROM verdicts WHERE layer = 'all' ORDER BY measurement_id LIMIT 1"
            ).fetchall()
        progress.advance()
        if not found:  # what could not be read was set aside, and counts as missed
            return Judged(UNREAD, ())
        state, mechanisms, host, locus = found[0]
        return Judged(state, tuple(mechanisms), host, locus)

    return evaluate_truth(path, judged)


def run_simulated(inputs: Sequence[Path], folder: Path) -> None:
    """Takes simulated files in, and brings every table up to date."""
    pipeline.run(inputs, folder, as_of=_AS_OF, progress=Silent())


def simulated(*, seed: int, days: int, scale: float, progress: Progress) -> Scores:
    """Makes a country with a known truth, runs the whole way of the data over its files, and scores it."""
    from wallwatch import evaluate

    with tempfile.TemporaryDirectory(prefix="wallwatch-evaluate-") as folder:
        return evaluate.simulated(
            seed=seed, days=days, scale=scale, workdir=Path(folder), run=run_simulated, progress=progress
        )


def trap(name: str, *, seed: int, progress: Progress) -> Scores:
    """Makes the small world of one trap, runs the whole way of the data over its files, and scores it.

    Raises:
        WallwatchError: There is no world for a trap of that name.
    """
    from wallwatch import evaluate, simulate

    if name not in simulate.SCENARIOS:
        raise WallwatchError(f"no world is simulated for {name!r}; there are {', '.join(simulate.SCENARIOS)}")
    with tempfile.TemporaryDirectory(prefix="wallwatch-evaluate-") as folder:
        return evaluate.scenario(
            trap=name, seed=seed, workdir=Path(folder), run=run_simulated, progress=progress
        )


def traps(which: str, *, seed: int, progress: Progress) -> Scores:
    """The same for several traps, each a world of its own: `all`, letters, or numbers with commas between them.

    Raises:
        WallwatchError: There is no world for one of them.
    """
    from wallwatch.evaluate.traps import chosen, evaluate_traps

    return evaluate_traps(chosen(which), seed=seed, run=run_simulated, progress=progress)


def histories(*, seed: int, series: int, progress: Progress) -> Scores:
    """Simulates series of measurements, and scores detection beside published rules on them."""
    from wallwatch.evaluate.history_scores import evaluate_histories

    return evaluate_histories(seed=seed, series=series, progress=progress)


def still_works(*, seed: int) -> Scores:
    """Scores the estimates of what still works against simulated shares."""
    from wallwatch.evaluate.routes import evaluate_routes

    return evaluate_routes(seed)


def signals(*, seed: int, series: int, progress: Progress) -> Scores:
    """Simulates series of connectivity, and scores the detection of outages beside a published rule on them."""
    from wallwatch.evaluate.signal_scores import evaluate_signals

    return evaluate_signals(seed=seed, series=series, progress=progress)


def episodes(workspace: Path, calendar: Path | None) -> Scores:
    """Scores detection on a workspace against the episodes that a reader of its measurements can see.

    Raises:
        WallwatchError: There is no such workspace, or the calendar cannot be read.
    """
    from wallwatch.evaluate.calendar import read
    from wallwatch.evaluate.episodes import evaluate_episodes

    hours = read(calendar) if calendar else frozenset[int]()
    with Workspace.open(workspace).connect() as con:
        return evaluate_episodes(con, hours)
