"""Chunks that other processes look at and judge: what passes between them are small tables, in a folder that all reach.

The way: `tell` what is known to all, `look_at` each chunk apart, `hear` what all of them say, conclude as of chunks of one
process, `tell` what came of it, `judge` each chunk apart. What a process writes is named for the call, so that one that is
made again for a lost process leaves nothing half done.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from wallwatch._text import quoted
from wallwatch.judge import judging
from wallwatch.judge.steps import units
from wallwatch.judge.steps.units import Chunk, Source

#: Tables of which a chunk is judged by the rows alone that share this column with one of its measurements: what reads them
#: asks for it to be equal. All others are told whole.
_OF_CHUNK = {
    "judge_by_network": "day",
    "judge_deaf": "s",
    "judge_device": "m",
    "judge_devices_known": "day",
    "judge_early": "s",
    "judge_endpoints": "m",
    "judge_faulty": "day",
    "judge_implausible": "m",
    "judge_lossy": "day",
    "judge_offline": "s",
    "judge_peers": "day",
    "judge_pools": "m",
    "judge_quic_here": "day",
    "judge_quic_peers": "day",
    "judge_quic_sessions": "s",
    "judge_slowed": "m",
    "judge_that_hour": "hour",
    "judge_tied": "s",
    "judge_totals": "day",
    "judge_troubled": "hour",
}
#: Rows in a row group of what is told, in the order of that column: few, so that only those that are asked for are read.
_ROW_GROUP = 16_384
_TABLES = "tables.json"


def tell(con: duckdb.DuckDBPyConnection, folder: Path, *, concluded: bool) -> None:
    """Writes what is to be known by all who look at chunks, or once all is `concluded`, by all who judge them.

    Args:
        con: Has the tables.
        folder: A new folder.
        concluded: Whether chunks will be judged by it.
    """
    folder.mkdir(parents=True)
    known = dict(
        con.sql(
            "SELECT table_name, sql FROM duckdb_tables() WHERE starts_with(table_name, 'judge_')"
        ).fetchall()
    )
    if concluded:
        asked = _named(r"judge_\w+", (units.this(Chunk(0)), *judging.judging(again=True)))
        known = {name: sql for name, sql in known.items() if name in asked}
    for name in known:
        if con.sql(f"SELECT 1 FROM {name} LIMIT 1").fetchall():
            order = f"ORDER BY {_OF_CHUNK[name]}" if name in _OF_CHUNK else ""
            con.execute(
                f"COPY (SELECT * FROM {name} {order}) TO {quoted(str(folder / name))} "
                f"(FORMAT parquet, ROW_GROUP_SIZE {_ROW_GROUP})"
            )
    (folder / _TABLES).write_text(json.dumps(known))


def look_at(
    con: duckdb.DuckDBPyConnection,
    source: Source,
    chunk: Chunk,
    told: Path,
    into: Path,
    keep: Sequence[str] = (),
) -> None:
    """Looks at a chunk, and writes what it says: a Parquet file for each table to which it adds rows.

    Args:
        con: To an empty database.
        source: Where its rows are read from.
        chunk: Which.
        told: What `tell` wrote.
        into: An empty folder.
        keep: More statements; see `judging.looked_at`.
    """
    _begin(con, source, chunk, told)
    ((known,),) = con.sql("SELECT count(*) FROM judge_names").fetchall()
    judging.look(con, keep)
    for name in _gathered(tuple(keep)):
        # Endpoints have numbers of this chunk's own: they go by their names.
        rows = f"SELECT t.* FROM {name} t"
        if name == "judge_names":
            rows += f" WHERE t.u > {known}"
        elif "u" in con.table(name).columns:
            rows = f"SELECT t.*, n.unit AS endpoint FROM {name} t LEFT JOIN judge_names n ON n.u = t.u AND n.u > {known}"
        if con.sql(f"SELECT 1 FROM ({rows}) LIMIT 1").fetchall():
            con.execute(f"COPY ({rows}) TO {quoted(str(into / name))} (FORMAT parquet)")


def hear(con: duckdb.DuckDBPyConnection, folders: Sequence[Path], keep: Sequence[str] = ()) -> None:
    """Adds to the connection's tables what all chunks say, as if it had looked at them.

    Args:
        con: Has the tables that were told.
        folders: Those that `look_at` filled.
        keep: The same as there.
    """
    names = _gathered(tuple(keep))
    found: dict[str, list[str]] = {name: [] for name in names}
    for folder in folders:
        for path in folder.iterdir():
            found[path.name].append(quoted(str(path)))
    for name in sorted(names, key=lambda name: name != "judge_names"):
        if not found[name]:
            continue
        rows = f"read_parquet([{', '.join(found[name])}])"
        if name == "judge_names":
            query = (
                "SELECT (SELECT count(*) FROM judge_names) + row_number() OVER (ORDER BY unit), unit "
                f"FROM (SELECT DISTINCT unit FROM {rows} ANTI JOIN judge_names USING (unit))"
            )
        elif "u" in con.table(name).columns:
            query = (
                f"SELECT t.* EXCLUDE (endpoint) REPLACE (coalesce(n.u, t.u) AS u) FROM {rows} t "
                "LEFT JOIN judge_names n ON n.unit = t.endpoint"
            )
        else:
            query = f"SELECT * FROM {rows}"
        con.execute(f"INSERT INTO {name} {query}")


def judge(
    con: duckdb.DuckDBPyConnection, source: Source, chunk: Chunk, told: Path, reference_set: str
) -> pa.Table:
    """The verdicts of a chunk, in the order of their key.

    Args:
        con: To an empty database.
        source: Where its rows are read from.
        chunk: Which.
        told: What `tell` wrote once all was concluded.
        reference_set: Version of the reference data.
    """
    _begin(con, source, chunk, told)
    return judging.judged(con, reference_set)


def _begin(con: duckdb.DuckDBPyConnection, source: Source, chunk: Chunk, told: Path) -> None:
    """Makes the tables that were told, and begins the chunk."""
    known: dict[str, str] = json.loads((told / _TABLES).read_bytes())
    for sql in known.values():
        con.execute(sql)
    filled = [name for name in sorted(known) if (told / name).exists()]
    for name in filled:
        if name not in _OF_CHUNK:
            con.execute(f"INSERT INTO {name} SELECT * FROM read_parquet({quoted(str(told / name))})")
    judging.begin(con, source, chunk)
    for name in filled:
        if name in _OF_CHUNK:
            con.execute(
                f"INSERT INTO {name} SELECT * FROM read_parquet({quoted(str(told / name))}) "
                f"SEMI JOIN judge_this USING ({_OF_CHUNK[name]})"
            )


@cache
def _gathered(keep: tuple[str, ...]) -> tuple[str, ...]:
    """The tables that chunks share, to which looking adds."""
    before, naming, after = judging.looking(keep, again=True)
    return tuple(sorted(_named(r"INSERT INTO (\w+)", (*before, naming, *after))))


def _named(pattern: str, steps: Sequence[str]) -> set[str]:
    return {name for step in steps for name in re.findall(pattern, step)}
