"""`wallwatch demo`: a simulated country, from raw files to a report, nothing downloaded."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

from wallwatch import evaluate, pipeline, report, simulate
from wallwatch._errors import WallwatchError
from wallwatch._files import write_atomic
from wallwatch._progress import Progress
from wallwatch._text import safe_text
from wallwatch.engine import Workspace
from wallwatch.show import Filters, Record, records

#: Marks a folder as the demo's own: only such a one is ever made anew.
_MARKER = "MADE-BY-WALLWATCH-DEMO"
_DAYS = 30
#: Later than anything simulated; the demo does not depend on today's date.
_AS_OF = datetime(2026, 1, 1, tzinfo=UTC)


def run(out: Path, *, seed: int, progress: Progress) -> list[str]:
    """Makes the country, runs the whole way of the data over its files, and writes the report.

    Args:
        out: The folder; gains `country` (raw files, signals, truth), `workspace` and `report`.
        seed: Of the simulation: the same seed gives the same bytes.
        progress: Hears how far it is.

    Returns:
        What to tell a person, line by line.

    Raises:
        WallwatchError: The folder holds other things.
    """
    _make_room(out)
    country = simulate.write(out / "country", seed=seed, days=_DAYS, progress=progress)
    summary = pipeline.run(country.inputs, out / "workspace", as_of=_AS_OF, progress=progress)
    with Workspace.open(out / "workspace").connect() as con:
        written = report.write(con, out / "report", progress=progress)
        scores = evaluate.score(con, country.truth)
        events = list(records(con, "events", Filters()))
        outages = [
            record
            for record in records(con, "outages", Filters())
            if record["scope"] == "country" and record["kind"] != "instrument"
        ]
    found = [record for record in events if record["kind"] == "blocking"]
    best = max(
        found, key=lambda record: (record["probability"], record["sessions_blocked"], record["event_id"])
    )
    described = pipeline.describe(summary, out / "workspace")
    return [
        f"A simulated country, seed {seed}: {_DAYS} days, made-up names and addresses, a known truth.",
        *pipeline.in_words(described),
        "",
        "Restricted, with most witnesses first:",
        *(
            _event_line(record)
            for record in sorted(found, key=lambda r: (-r["sessions_blocked"], r["event_id"]))[:5]
        ),
        *([f"  and {len(found) - 5} more"] if len(found) > 5 else []),
        "",
        "Cut off:",
        *(_outage_line(record) for record in outages),
        "",
        "Against the truth that the simulator wrote down:",
        f"  measurements accused wrongly   {scores.verdicts.accused_wrongly}",
        f"  blocked measurements found     {scores.verdicts.recall}",
        f"  events: false                  {scores.events.false}",
        f"  events: found                  {scores.events.recall}",
        f"  outages found                  {scores.outages.recall}",
        "",
        "Look at it:",
        f"  open {written.index}",
        f"  wallwatch show events --workspace {out / 'workspace'}",
        f"  wallwatch explain {best['event_id']} --workspace {out / 'workspace'}",
    ]


def _make_room(out: Path) -> None:
    marker = out / _MARKER
    try:
        if out.exists() and not marker.exists() and any(out.iterdir()):
            raise WallwatchError(f"{out} holds other things; name another folder with --out")
        if marker.exists():
            shutil.rmtree(out)
        write_atomic(marker, "This folder is made anew by every `wallwatch demo`.\n")
    except OSError as error:
        raise WallwatchError(f"cannot write to {out}: {error.strerror}") from error


def _event_line(record: Record) -> str:
    measured = len(record["networks"]) + len(record["networks_ok"])
    onset = record["onset"]["best"]
    since = f"since {onset[:10]}" if onset else "since before the data"
    until = "not seen to end" if record["end"] is None else f"until {record['end']['best'][:10]}"
    pattern = f"; {record['recurrence']['text']}" if record["recurrence"] else ""
    return safe_text(
        f"  {record['service']}: {', '.join(record['mechanisms'][:2])} on {len(record['networks'])} of {measured} "
        f"networks, {since}, {until}{pattern}"
    )


def _outage_line(record: Record) -> str:
    end = "not seen to end" if record["end"] is None else f"to {record['end']['best']}"
    return safe_text(
        f"  {record['country']}: {record['kind']}, {record['onset']['best'] or 'before the data'} {end}, "
        f"{record['depth']:.0%} lost"
    )
