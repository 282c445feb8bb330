"""Judging history anew under the present rules and reference data, and telling what changed by it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from wallwatch import archive, pipeline, refs
from wallwatch._files import link, write_atomic
from wallwatch._progress import Progress, Silent
from wallwatch._text import quoted, safe_text
from wallwatch.engine import Workspace

_BEFORE = ".rejudged-before.tmp"


@dataclass(frozen=True, slots=True)
class Basis:
    """Verdicts by what they rest on.

    Attributes:
        verdicts: SHA-256 of the table; null where there was none.
        measurements: How many measurements it judges.
        rule_sets: Versions of the rules, as the verdicts name them.
        reference_sets: Versions of the reference data, likewise.
    """

    verdicts: str | None
    measurements: int
    rule_sets: list[str]
    reference_sets: list[str]


@dataclass(frozen=True, slots=True)
class Rejudged:
    """What a rejudgement changed.

    Attributes:
        before: What stood.
        after: What stands.
        read_again: Files whose bodies were searched again, for other fingerprints than before.
        set_aside: Lines set aside in them.
        changed: Measurements whose state, mechanisms, host or locus differ.
        judged_first: Measurements that had no verdict before.
        gone: Measurements that had one and have none now.
        states: State before, state after, number of measurements; only where they differ.
        mechanisms: Mechanism path, in how many measurements it was newly claimed, and in how many no more.
        rules: Rule id, in how many measurements it fires newly, and in how many no more.
        examples: Some of the changed measurements, of each change of state the first by id.
        events: Events before and after.
    """

    before: Basis
    after: Basis
    read_again: int = 0
    set_aside: int = 0
    changed: int = 0
    judged_first: int = 0
    gone: int = 0
    states: list[dict[str, Any]] = field(default_factory=list)
    mechanisms: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    examples: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain objects, for JSON."""
        return asdict(self)


def rejudge(
    root: Path,
    *,
    as_of: datetime,
    published: datetime | None = None,
    fingerprints: Sequence[Path] = (),
    workers: int | None = None,
    examples: int = 3,
    progress: Progress | None = None,
) -> Rejudged:
    """Judges everything in a workspace anew and compares the verdicts with those that stood.

    Bodies of pages are in the kept files alone: where the fingerprints have changed since a file was read, it is read
    again. The record of what changed is kept in the workspace, by the hash of the table of verdicts that it replaced.

    Args:
        root: The workspace.
        as_of: Measurements that start after it are flagged as from the future.
        published: The time that is put on new states of events and outages; `as_of` where not given.
        fingerprints: Files of fingerprints to add first.
        workers: Processes that read; the machine's cores where not given.
        examples: Of each change of state so many measurements.
        progress: Hears how far it is.

    Raises:
        WallwatchError: There is no such workspace, or a file in it cannot be read.
    """
    progress = progress or Silent()
    workspace = Workspace.open(root)
    with workspace.lock():
        layout = workspace.layout
        before_path = root / _BEFORE
        stood = _linked(layout.parts("verdicts"), before_path)
        try:
            with workspace.connect() as con:
                before = _basis(con, stood)
                events_before = _count(con, "events")
            refs.keep(layout, fingerprints)
            known = refs.load(layout)
            searched = refs.matched(layout)
            behind = [id_ for id_ in layout.taken_in() if searched.get(id_) != known.version]
            summary = archive.read_again(
                behind,
                layout,
                workers=workers or os.cpu_count() or 1,
                fingerprints=known,
                as_of=as_of,
                progress=progress,
            )
            refs.note_matched(layout, behind, known.version)
            pipeline.bring_up_to_date(workspace, summary, known, progress, published or as_of)
            progress.stage("Comparing")
            with workspace.connect() as con:
                table = layout.parts("verdicts")
                after = _basis(con, table)
                found = _compared(con, stood, table, examples) if stood and table else {}
                events = {"before": events_before, "after": _count(con, "events")}
        finally:
            shutil.rmtree(before_path, ignore_errors=True)
        done = Rejudged(
            before, after, read_again=len(behind), set_aside=summary.set_aside, events=events, **found
        )
        if before.verdicts is not None and before.verdicts != after.verdicts:
            write_atomic(
                root / "rejudged" / f"{before.verdicts[:16]}-{after.verdicts and after.verdicts[:16]}.json",
                json.dumps(done.as_dict(), indent=1, sort_keys=True, ensure_ascii=True) + "\n",
            )
        return done


def _linked(parts: Sequence[Path], before: Path) -> list[Path]:
    """The files of a table, kept in a folder of their own."""
    shutil.rmtree(before, ignore_errors=True)
    before.mkdir()
    for part in parts:
        link(part, before / part.name)
    return [before / part.name for part in parts]


def _basis(con: duckdb.DuckDBPyConnection, parts: Sequence[Path]) -> Basis:
    if not parts:
        return Basis(None, 0, [], [])
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    count, rule_sets, reference_sets = con.execute(
        "SELECT count(*) FILTER (layer = 'all'), list_sort(list(DISTINCT rule_set)), "
        "list_sort(list(DISTINCT reference_set)) FROM read_parquet($1)",
        [list(map(str, parts))],
    ).fetchall()[0]
    return Basis(digest.hexdigest(), count, rule_sets or [], reference_sets or [])


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(con.sql(f"SELECT count(*) FROM {table}").fetchall()[0][0])


def _compared(
    con: duckdb.DuckDBPyConnection, before: Sequence[Path], after: Sequence[Path], examples: int
) -> dict[str, Any]:
    wanted = "measurement_id, state, mechanisms, host, locus, rules, country, network, target, nettest"
    for name, parts in (("before", before), ("after", after)):
        files = ", ".join(quoted(str(part)) for part in parts)
        con.execute(
            f"CREATE TEMP VIEW {name}_all AS SELECT {wanted} FROM read_parquet([{files}]) WHERE layer = 'all'"
        )
    con.execute(
        """
        CREATE TEMP TABLE pairs AS
        SELECT coalesce(a.measurement_id, b.measurement_id) AS measurement_id, b.state AS old, a.state AS new,
          b.mechanisms AS old_mechanisms, a.mechanisms AS new_mechanisms, b.rules AS old_rules, a.rules AS new_rules,
          b.host AS old_host, a.host AS new_host, b.locus IS DISTINCT FROM a.locus AS moved,
          coalesce(a.country, b.country) AS country, coalesce(a.network, b.network) AS network,
          coalesce(a.target, b.target) AS target, coalesce(a.nettest, b.nettest) AS nettest
        FROM before_all b FULL JOIN after_all a ON a.measurement_id = b.measurement_id
        WHERE a.state IS DISTINCT FROM b.state OR a.mechanisms IS DISTINCT FROM b.mechanisms
          OR a.rules IS DISTINCT FROM b.rules OR a.host IS DISTINCT FROM b.host OR a.locus IS DISTINCT FROM b.locus
        """
    )
    differs = (
        "(old <> new OR old_mechanisms <> new_mechanisms OR old_host IS DISTINCT FROM new_host OR moved)"
    )
    changed, first, gone = con.sql(
        f"SELECT count(*) FILTER (old IS NOT NULL AND new IS NOT NULL AND {differs}), "
        "count(*) FILTER (old IS NULL), count(*) FILTER (new IS NULL) FROM pairs"
    ).fetchall()[0]
    states = con.sql(
        "SELECT old, new, count(*), count(DISTINCT target), count(DISTINCT network) FROM pairs "
        "WHERE old <> new GROUP BY old, new ORDER BY 3 DESC, old, new"
    ).fetchall()

    def gained(column: str) -> list[tuple[Any, ...]]:
        return con.sql(
            f"""
            SELECT word, sum(gained), sum(lost) FROM (
              SELECT unnest(list_filter(new_{column}, lambda x: NOT list_contains(old_{column}, x))) AS word,
                1 AS gained, 0 AS lost FROM pairs WHERE old IS NOT NULL AND new IS NOT NULL
              UNION ALL
              SELECT unnest(list_filter(old_{column}, lambda x: NOT list_contains(new_{column}, x))), 0, 1
              FROM pairs WHERE old IS NOT NULL AND new IS NOT NULL
            ) GROUP BY word ORDER BY sum(gained) + sum(lost) DESC, word
            """
        ).fetchall()

    told = con.execute(
        f"""
        SELECT measurement_id, country, network, nettest, target, old, new, old_mechanisms, new_mechanisms,
          list_sort(list_filter(new_rules, lambda x: NOT list_contains(old_rules, x))),
          list_sort(list_filter(old_rules, lambda x: NOT list_contains(new_rules, x)))
        FROM pairs WHERE old IS NOT NULL AND new IS NOT NULL AND {differs}
        QUALIFY row_number() OVER (PARTITION BY old, new ORDER BY measurement_id) <= $1
        ORDER BY old, new, measurement_id
        """,
        [examples],
    ).fetchall()
    names = (
        "measurement_id country network nettest target before after mechanisms_before mechanisms_after rules_gained "
        "rules_lost"
    ).split()
    return {
        "changed": changed,
        "judged_first": first,
        "gone": gone,
        "states": [
            {"before": old, "after": new, "measurements": count, "targets": targets, "networks": networks}
            for old, new, count, targets, networks in states
        ],
        "mechanisms": [{"mechanism": w, "gained": g, "lost": n} for w, g, n in gained("mechanisms")],
        "rules": [{"rule": w, "gained": g, "lost": n} for w, g, n in gained("rules")],
        "examples": [dict(zip(names, row, strict=True)) for row in told],
    }


def in_words(found: Rejudged) -> list[str]:
    """A rejudgement in lines for people."""
    before, after = found.before, found.after
    if before.verdicts is None:
        return [f"judged for the first time: {after.measurements:,} measurements", *_named("now", after)]
    lines = [
        *_named("before", before),
        *_named("now", after),
        (
            f"{found.changed:,} of {after.measurements:,} measurements are judged otherwise; "
            f"events: {found.events.get('before', 0):,} before, {found.events.get('after', 0):,} now"
        ),
    ]
    if found.read_again:
        lines.append(f"{found.read_again:,} files were read again, for other fingerprints than before")
    if found.set_aside:
        lines.append(f"set aside in them: {found.set_aside:,} (see: wallwatch show quarantine)")
    if found.judged_first or found.gone:
        lines.append(f"judged for the first time: {found.judged_first:,}; no longer there: {found.gone:,}")
    if found.states:
        lines += ["", "States, before → now"]
        lines += [
            f"  {row['before']} → {row['after']}: {row['measurements']:,} measurements, {row['targets']:,} targets, "
            f"{row['networks']:,} networks"
            for row in found.states
        ]
    for title, rows, key in (
        ("Mechanisms", found.mechanisms, "mechanism"),
        ("Rules", found.rules, "rule"),
    ):
        if rows:
            lines += ["", f"{title}, measurements gained and lost"]
            lines += [f"  {row[key]}: +{row['gained']:,} −{row['lost']:,}" for row in rows[:20]]
            if len(rows) > 20:
                lines.append(f"  … and {len(rows) - 20} more")
    if found.examples:
        lines += ["", "Examples"]
        for row in found.examples:
            why = ", ".join([*(f"+{r}" for r in row["rules_gained"]), *(f"−{r}" for r in row["rules_lost"])])
            lines.append(
                f"  {row['measurement_id']}: {safe_text(row['target'], 80)}, AS{row['network'] or '?'}: {row['before']} → "
                f"{row['after']} ({safe_text(why, 200) or 'the same rules'})"
            )
    return lines


def _named(when: str, basis: Basis) -> list[str]:
    rules, data = ", ".join(basis.rule_sets) or "none", ", ".join(basis.reference_sets) or "none"
    return [f"{when + ':':<8}verdicts {(basis.verdicts or '')[:16]}, rules {rules}, reference data {data}"]
