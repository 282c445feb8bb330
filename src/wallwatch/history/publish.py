"""Publishing: what a run found is compared to what was published last, and every new state is added.

The files of a publication are written once and never changed. Each names the hash of the one before, so that a state
that was taken away or rewritten leaves a trace.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._files import atomic_path, sha256_of
from wallwatch._text import safe_json
from wallwatch.history.change import Change, change
from wallwatch.history.match import Finding, nearest, pairs
from wallwatch.schema import PUBLICATIONS, REVISIONS, Table
from wallwatch.schema.layout import Layout

_FIRST = Change("began", True, ("First published.",))
_OTHER_ID = Change("revised", False, ("Only its id in the tables changed.",))

#: Fields of a record that name another finding.
_REFERS = ("parent",)


@dataclass(frozen=True, slots=True)
class Basis:
    """What findings rest on.

    Attributes:
        files: Ids of the files taken in, sorted.
        rule_set: Version of the judging rules.
        reference_set: Version of the reference data.
        code: Digest of the code that judges and detects.
    """

    files: tuple[str, ...]
    rule_set: str
    reference_set: str
    code: str

    @property
    def inputs(self) -> str:
        """The digest of the files' ids."""
        return hashlib.sha256("\n".join(self.files).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Published:
    """The last published state of one finding."""

    finding: Finding
    revision: int
    computed: str | None
    withdrawn: bool
    text: str


def publish(
    con: duckdb.DuckDBPyConnection,
    layout: Layout,
    found: Sequence[Finding],
    basis: Basis,
    published: datetime,
) -> int:
    """Adds a publication, unless the last one rests on the same files, rules and code.

    Args:
        con: A connection with the views `publications` and `revisions`.
        layout: The workspace, held for writing.
        found: All events and outages of today.
        basis: What they rest on.
        published: The time to put on it.

    Returns:
        How many revisions were published.
    """
    last = _last(con)
    if last is not None and (last["inputs"], last["rule_set"], last["reference_set"], last["code"]) == (
        basis.inputs,
        basis.rule_set,
        basis.reference_set,
        basis.code,
    ):
        return 0
    number = 1 if last is None else int(last["publication"]) + 1
    before = files_at(con, number - 1)
    added, removed = sorted(set(basis.files) - before), sorted(before - set(basis.files))
    why = _why(last, basis, added, removed)
    shared = {"publication": number, "published": published, "why": why, "inputs": basis.inputs}
    rows = [row | shared for row in _revisions(_state_of_all(con), found)]
    path = layout.publication("revisions", number)
    path.unlink(missing_ok=True)  # of a run that was killed before it had published
    if rows:
        _write(path, REVISIONS, rows)
    _write(
        layout.publication("publications", number),
        PUBLICATIONS,
        [
            {
                "publication": number,
                "published": published,
                "files": len(basis.files),
                "inputs": basis.inputs,
                "files_added": added,
                "files_removed": removed,
                "rule_set": basis.rule_set,
                "reference_set": basis.reference_set,
                "code": basis.code,
                "revisions": len(rows),
                "revisions_sha256": sha256_of(path) if rows else None,
                "previous_sha256": None
                if last is None
                else sha256_of(layout.publication("publications", number - 1)),
            }
        ],
    )
    return len(rows)


def files_at(con: duckdb.DuckDBPyConnection, publication: int) -> set[str]:
    """The ids of the files that a publication rests on.

    Args:
        con: A connection with the view `publications`.
        publication: Its number; none before the first.
    """
    files: set[str] = set()
    for added, removed in con.execute(
        "SELECT files_added, files_removed FROM publications WHERE publication <= ? ORDER BY publication",
        [publication],
    ).fetchall():
        files = (files - set(removed)) | set(added)
    return files


def _last(con: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = (
        con.sql("SELECT * FROM publications ORDER BY publication DESC LIMIT 1").to_arrow_table().to_pylist()
    )
    return rows[0] if rows else None


def _state_of_all(con: duckdb.DuckDBPyConnection) -> list[_Published]:
    rows = con.sql(
        "SELECT what, id, revision, computed_id, change, state FROM revisions "
        "QUALIFY row_number() OVER (PARTITION BY what, id ORDER BY revision DESC) = 1 ORDER BY what, id"
    ).fetchall()
    return [
        _Published(Finding(what, id_, json.loads(state)), revision, computed, word == "withdrawn", state)
        for what, id_, revision, computed, word, state in rows
    ]


def _revisions(known: list[_Published], found: Sequence[Finding]) -> list[dict[str, Any]]:
    """The rows of what is new, without what all rows of a publication share."""
    by_id = {one.finding.id: one for one in known}
    computed = {one.finding.id: one.computed for one in known}
    live = [one.finding for one in known if not one.withdrawn]
    matched = pairs(live, found, computed)
    left = [one for one in found if one.id not in set(matched.values())]
    matched |= pairs([one.finding for one in known if one.withdrawn], left, computed)
    names = {new: old for old, new in matched.items()}  # id of today to published id
    used = set(by_id)
    parts: dict[str, str | None] = {}
    for one in found:
        if one.id not in names:
            whole = nearest(one, [old.finding for old in known if not old.withdrawn])
            parts[one.id] = whole.id if whole else None
            names[one.id] = _unused(one.id, used)
            used.add(names[one.id])
    rows: list[dict[str, Any]] = []
    for one in (_renamed(one, names) for one in found):
        text, name = safe_json(one.record), names[one.id]
        if one.id in parts:
            rows.append(_row(one, name, 1, _FIRST, text) | {"split_from": parts[one.id]})
            continue
        old = by_id[name]
        how = _returned(change(old.finding.record, json.loads(text)), old)
        if how is None and one.id != old.computed:
            how = _OTHER_ID
        if how is not None:
            rows.append(_row(one, name, old.revision + 1, how, text))
    today = [Finding(one.what, names[one.id], one.record) for one in found]
    for finding in live:
        if finding.id in matched:
            continue
        taken_in = nearest(finding, today) or nearest(finding, today, loosely=True)
        told = f"It is a part of {taken_in.id} now." if taken_in else "It is not found any more."
        old = by_id[finding.id]
        row = _row(finding, finding.id, old.revision + 1, Change("withdrawn", True, (told,)), old.text)
        rows.append(row | {"computed_id": None, "superseded_by": taken_in.id if taken_in else None})
    return rows


def _renamed(one: Finding, names: Mapping[str, str]) -> Finding:
    """The finding with what it refers to under its published name."""
    names_of = {
        name: names.get(one.record[name], one.record[name]) for name in _REFERS if one.record.get(name)
    }
    own = f"{one.what}_id"
    return Finding(one.what, one.id, {**one.record, **names_of, own: names[one.id]})


def _returned(how: Change | None, old: _Published) -> Change | None:
    if not old.withdrawn:
        return how
    return Change(
        "revised", True, ("It had been withdrawn, and is found again.", *(how.sentences if how else ()))
    )


def _unused(id_: str, used: set[str]) -> str:
    """The id, with a number where another finding was published under it."""
    number, name = 1, id_
    while name in used:
        number += 1
        name = f"{id_}-{number}"
    return name


def _row(one: Finding, id_: str, revision: int, how: Change, text: str) -> dict[str, Any]:
    return {
        "what": one.what,
        "id": id_,
        "revision": revision,
        "change": how.word,
        "material": how.material,
        "changes": list(how.sentences),
        "computed_id": one.id,
        "country": one.record["country"],
        "state": text,
    }


def _why(last: dict[str, Any] | None, basis: Basis, added: list[str], removed: list[str]) -> list[str]:
    said = []
    if added:
        said.append(f"{len(added):,} new file{'s' if len(added) > 1 else ''}.")
    if removed:
        said.append(f"{len(removed):,} file{'s' if len(removed) > 1 else ''} no longer there.")
    if last is not None:
        for name, words in (("rule_set", "Rules"), ("reference_set", "Reference data")):
            if last[name] != getattr(basis, name):
                said.append(f"{words} changed: {getattr(basis, name)}; before: {last[name]}.")
        if last["code"] != basis.code:
            said.append("The code that judges and detects changed.")
    return said


def _write(path: Path, table: Table, rows: list[dict[str, Any]]) -> None:
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in table.key))
    columns: pa.Table = table.from_rows(ordered)
    with atomic_path(path) as temporary:
        pq.write_table(columns, temporary, compression="zstd")
