"""The tables of a bundle: what was read of the claim's measurements and what was made of them, as CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._text import csv_text
from wallwatch.bundles.subjects import Subject
from wallwatch.schema import TABLES
from wallwatch.show import iso

#: What each table holds, for people.
SAYS = {
    "measurements": "the measurements that the claim is about",
    "observations": "everything that was seen in them",
    "controls": "what was seen of the same targets from where no censor is expected",
    "verdicts": "how each of them was judged, layer by layer, with the rules that fired",
    "cells": "their states counted by hour and network",
    "events": "the finding",
    "outages": "the finding, and its parts",
    "signals": "the connectivity signals",
    "statements": "statements of the record that concern the claim: what somebody said, and no measurement",
}
_OF_MEASUREMENTS = ("measurements", "observations", "controls", "verdicts")
#: Rows that are turned into text at a time.
_AT_A_TIME = 20_000


def write(
    con: duckdb.DuckDBPyConnection,
    original: duckdb.DuckDBPyConnection,
    subject: Subject,
    found: str | None,
    ids: Sequence[str],
    into: Path,
) -> list[str]:
    """Writes the tables.

    Args:
        con: The workspace that was made from the enclosed lines.
        original: The workspace that the claim comes from: it has the statements.
        subject: The claim.
        found: Id of what was found in its place; null where nothing was.
        ids: The measurements that the claim is about.
        into: The folder.

    Returns:
        Names of the tables that have rows.
    """
    into.mkdir(parents=True)
    con.register("bundled_rows", pa.table({"measurement_id": pa.array(sorted(set(ids)), pa.string())}))
    con.execute("CREATE OR REPLACE TEMP TABLE bundled AS SELECT * FROM bundled_rows")
    con.unregister("bundled_rows")
    kept = []
    for name in SAYS:
        source, where, values = con, *_where(name, subject, found)
        if where is None:
            continue
        if name == "statements":
            source = original
        table = TABLES[name]
        columns = ", ".join(f'"{column}"' for column in table.names)
        order = ", ".join(f'"{column}" ASC NULLS FIRST' for column in table.key)
        query = f"SELECT {columns} FROM {name} WHERE {where} ORDER BY {order}"
        rows: pa.Table = source.sql(query, params=values).to_arrow_table()
        if not rows.num_rows:
            continue
        kept.append(name)
        typed = table.from_columns({column: rows.column(column) for column in table.names}, rows.num_rows)
        pq.write_table(typed, into / f"{name}.parquet", compression="zstd")
        write_csv(typed, into / f"{name}.csv")
    return kept


def _where(name: str, subject: Subject, found: str | None) -> tuple[str | None, dict[str, Any]]:
    """Which rows of a table belong into the bundle; null where none do."""
    if name in _OF_MEASUREMENTS:
        return "measurement_id IN (SELECT measurement_id FROM bundled)", {}
    if name == "cells":
        where = {
            "event": "country = $country AND service = $service AND hour >= $first - INTERVAL 1 HOUR AND hour < $last",
            "outage": None,
            "verdict": None,
        }[subject.kind]
        return where, subject.parameters(where or "")
    if name == "events":
        return ("event_id = $id" if subject.kind == "event" and found else None), {"id": found}
    if name == "outages":
        return ("outage_id = $id OR parent = $id" if subject.kind == "outage" and found else None), {
            "id": found
        }
    if name == "signals":
        where = "country = $country" if subject.kind == "outage" else None
        return where, subject.parameters(where or "")
    return ("list_contains($ids, statement_id)" if subject.statements else None), {
        "ids": list(subject.statements)
    }


def write_csv(rows: pa.Table, path: Path) -> None:
    """A table as CSV that no spreadsheet can misread; columns without any value are left out."""
    names = [name for name in rows.column_names if rows.column(name).null_count < rows.num_rows]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for begin in range(0, rows.num_rows, _AT_A_TIME):
            some = rows.slice(begin, _AT_A_TIME)
            columns = [[_text(value) for value in some.column(name).to_pylist()] for name in names]
            writer.writerows(zip(*columns, strict=True))


def csv_of(names: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as CSV that no spreadsheet can misread."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_text(value) for value in row] for row in rows)
    return out.getvalue().encode()


def _text(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, list):
        return csv_text(json.dumps(value, ensure_ascii=False))
    return csv_text(value)
