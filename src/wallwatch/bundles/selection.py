"""Which raw lines a claim needs: first those that it is about and what they are compared with, then ever more.

What a claim rests on cannot be told beforehand: a verdict may hang on what other networks saw, an onset on weeks
before it. So selections are tried, the smallest first, until the claim follows from the selected lines alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb

from wallwatch.bundles.subjects import Subject

#: Days before and after an event that are selected at first.
AROUND_DAYS = 14


@dataclass(slots=True)
class Wanted:
    """What is wanted of one file.

    Attributes:
        file_id: The file.
        lines: Lines of measurements or signals; of these …
        claim: … those that the claim is about; the others are what it is compared with.
        ids: The id of the measurement of each line; empty for signals.
        whole: Whether all of it is wanted, as it is.
    """

    file_id: str
    lines: set[int] = field(default_factory=set)
    claim: set[int] = field(default_factory=set)
    ids: dict[int, str] = field(default_factory=dict)
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Raw lines from which a claim may follow.

    Attributes:
        says: Which they are, for people.
        files: What is wanted of each file, by its id.
    """

    says: str
    files: Mapping[str, Wanted]


def selections(con: duckdb.DuckDBPyConnection, subject: Subject) -> Iterator[Selection]:
    """The selections to try for a claim, the smallest first, the last one everything.

    Args:
        con: A connection with the workspace's views.
        subject: The claim.
    """
    seen: set[tuple[tuple[str, int, bool], ...]] = set()
    for says, where, signals in _steps(subject):
        files: dict[str, Wanted] = {}
        if where is not None:
            _measurements(con, subject, where, files)
        if signals is not None:
            _signals(con, subject, signals, files)
        size = tuple(sorted((w.file_id, len(w.lines), w.whole) for w in files.values()))
        if files and size not in seen:
            seen.add(size)
            yield Selection(says, files)


_EVERYTHING = "all lines of the workspace"


def _steps(subject: Subject) -> Iterator[tuple[str, str | None, str | None]]:
    """What it is called, which verdicts' measurements (SQL), and which signals (SQL, `whole` for whole files)."""
    if subject.kind == "event":
        around = f"from {AROUND_DAYS} days before to {AROUND_DAYS} days after"
        near = f"time >= $first - INTERVAL {AROUND_DAYS} DAY AND time < $last + INTERVAL {AROUND_DAYS} DAY"
        of_both = f"in the country, and of {subject.service} elsewhere"
        service, both = "service = $service", "(service = $service OR country = $country)"
        yield (
            f"all measurements of {subject.service} in every country, {around}",
            f"{service} AND {near}",
            None,
        )
        yield f"all measurements {of_both}, {around}", f"{both} AND {near}", None
        yield f"all measurements {of_both}", both, None
        yield "all measurements of the workspace", "true", None
    elif subject.kind == "outage":
        signals = "country = $country"
        if not subject.from_measurements:
            yield "all lines of signals about the country", None, signals
            yield "all files with signals about the country", None, f"whole:{signals}"
        together = "all files with signals about the country, and all measurements in it"
        yield together, "country = $country", f"whole:{signals}"
    else:
        near = "time >= $first - INTERVAL 1 DAY AND time < $last + INTERVAL 1 DAY"
        own = "SELECT DISTINCT {} FROM verdicts WHERE measurement_id = $id"
        beside = f"(target IN ({own.format('target')}) OR host IN ({own.format('host')})) AND {near}"
        said = "the measurement, its session, and what others measured of the same targets within a day"
        yield said, f"measurement_id = $id OR session = $session OR {beside}", None
        wider = f"(service = $service OR country = $country) AND {near}"
        said = "all measurements in the country, and of the same service elsewhere, within a day"
        yield said, f"measurement_id = $id OR session = $session OR {wider}", None
        yield "all measurements of the workspace", "true", None
    yield _EVERYTHING, "true", "whole:true"


def _measurements(
    con: duckdb.DuckDBPyConnection, subject: Subject, where: str, files: dict[str, Wanted]
) -> None:
    claim = {
        "event": "country = $country AND service = $service AND time >= $first AND time < $last",
        "outage": "country = $country AND time >= $first AND time < $last",
        "verdict": "measurement_id = $id",
    }[subject.kind]
    query = f"""
        WITH chosen AS (
            SELECT measurement_id, coalesce(bool_or({claim}), false) AS claim
            FROM verdicts WHERE {where} GROUP BY measurement_id
        )
        SELECT m.file_id, m.line, m.measurement_id, c.claim
        FROM measurements AS m JOIN chosen AS c USING (measurement_id)
        ORDER BY m.file_id, m.line
    """
    for file_id, line, id_, claimed in con.execute(query, subject.parameters(query)).fetchall():
        wanted = files.setdefault(file_id, Wanted(file_id))
        wanted.lines.add(line)
        wanted.ids[line] = id_
        if claimed:
            wanted.claim.add(line)


def _signals(con: duckdb.DuckDBPyConnection, subject: Subject, where: str, files: dict[str, Wanted]) -> None:
    whole = where.startswith("whole:")
    condition = where.removeprefix("whole:")
    columns = "DISTINCT file_id, 0" if whole else "file_id, line"
    query = f"SELECT {columns} FROM signals WHERE {condition} ORDER BY ALL"
    for file_id, line in con.execute(query, subject.parameters(query)).fetchall():
        wanted = files.setdefault(file_id, Wanted(file_id))
        wanted.whole = wanted.whole or whole
        if not whole:
            wanted.lines.add(line)
            wanted.claim.add(line)


def total(files: Mapping[str, Wanted]) -> dict[str, Any]:
    """How many lines are wanted, and how many of them are about the claim."""
    return {
        "lines": sum(len(wanted.lines) for wanted in files.values()),
        "claim": sum(len(wanted.claim) for wanted in files.values()),
        "whole_files": sum(wanted.whole for wanted in files.values()),
    }
