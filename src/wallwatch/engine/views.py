"""The tables of a workspace as views of a DuckDB connection, typed even where they have no rows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from wallwatch._shares import in_shares
from wallwatch._text import quoted
from wallwatch.schema import TABLES, Table
from wallwatch.schema.layout import DERIVED

_TYPES = {
    "string": "VARCHAR",
    "label": "VARCHAR",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "double": "DOUBLE",
    "bool": "BOOLEAN",
    "timestamp": "TIMESTAMPTZ",
    "list<string>": "VARCHAR[]",
    "list<int64>": "BIGINT[]",
}

#: Files whose columns are asked for at once: all that are said of them is held meanwhile.
_FILES_AT_ONCE = 400

#: The tables whose rows are left out where another file holds their measurement.
REPEATED = ("measurements", "observations", "controls")


def empty_select(table: Table) -> str:
    """A query that gives the table's columns, typed, and no rows."""
    fields = ", ".join(f'CAST(NULL AS {_TYPES[c.type]}) AS "{c.name}"' for c in table.columns)
    return f"SELECT {fields} WHERE false"


def select(table: Table, parts: Sequence[Path]) -> str:
    """A query over the table's Parquet files.

    Columns that an older file lacks are null, so a table may gain columns without being written again. All files of a
    derived table are by one version, so that only the first has to be looked into beforehand.
    """
    if not parts:
        return empty_select(table)
    files = ", ".join(quoted(str(part)) for part in parts)
    by_name = "" if table.name in DERIVED else ", union_by_name = true"
    return f"({empty_select(table)}) UNION ALL BY NAME (SELECT * FROM read_parquet([{files}]{by_name}))"


def columns_of(con: duckdb.DuckDBPyConnection, parts: Sequence[Path]) -> dict[Path, frozenset[str]]:
    """The columns that each of the Parquet files has; files with the same columns share one set of them."""
    named = {str(part): part for part in parts}
    found: dict[Path, frozenset[str]] = {}
    alike: dict[frozenset[str], frozenset[str]] = {}
    for share in in_shares(((name, 1) for name in named), _FILES_AT_ONCE):
        rows = con.sql(
            "SELECT list(file_name), names FROM (SELECT file_name, list_sort(list(name)) AS names "
            f"FROM parquet_schema([{', '.join(map(quoted, share))}]) GROUP BY file_name) GROUP BY names"
        ).fetchall()
        for files, names in rows:
            columns = frozenset(names)
            found |= dict.fromkeys(map(named.__getitem__, files), alike.setdefault(columns, columns))
    return found


def select_from(table: Table, parts: Mapping[Path, frozenset[str]]) -> str:
    """The same as `select`, of files whose columns are known: cheaper to run over and over."""
    if not parts:
        return empty_select(table)
    there = frozenset.union(*parts.values())
    by_name = "" if all(columns == there for columns in parts.values()) else ", union_by_name = true"
    fields = ", ".join(
        f'"{c.name}"' if c.name in there else f'CAST(NULL AS {_TYPES[c.type]}) AS "{c.name}"'
        for c in table.columns
    )
    return f"SELECT {fields} FROM read_parquet([{', '.join(quoted(str(part)) for part in parts)}]{by_name})"


def without(query: str, repeated: Path) -> str:
    """The query's rows, without the copies that `repeated` names; see `create`."""
    return (
        f"SELECT * FROM ({query}) AS every ANTI JOIN read_parquet({quoted(str(repeated))}) AS again "
        "USING (measurement_id, file_id, line)"
    )


# Worst first; a list and not text, so that one state's name may be part of another's.
_STATE_ORDER = "['blocked', 'likely_blocked', 'impaired', 'down', 'ok', 'insufficient']"


def judged(verdicts: str = "verdicts") -> str:
    """A query with one row a measurement: the verdict of the whole, and what is told of it.

    That is each layer's worst state, the name of the file, and whether it claims to be from the future.

    Args:
        verdicts: What it is made of: a table, or a query in brackets.
    """
    return f"""
    WITH layers AS (
        SELECT measurement_id, layer, arg_min(state, list_position({_STATE_ORDER}, state)) AS state
        FROM {verdicts} WHERE layer <> 'all' GROUP BY measurement_id, layer
    ), by_measurement AS (
        SELECT measurement_id, list(layer ORDER BY layer) AS layer_names, list(state ORDER BY layer) AS layer_states
        FROM layers GROUP BY measurement_id
    ), names AS (
        SELECT file_id, min(path) AS path FROM files GROUP BY file_id
    )
    SELECT v.*, l.layer_names, l.layer_states, coalesce(n.path, v.file_id) AS path,
      list_contains(v.flags, 'time_future') AS time_future
    FROM {verdicts} AS v
    LEFT JOIN by_measurement AS l USING (measurement_id)
    LEFT JOIN names AS n USING (file_id)
    WHERE v.layer = 'all'
"""


#: What it is stored as: another query's result would have another name.
KEPT_JUDGED = f"judged_{hashlib.sha256(judged().encode()).hexdigest()[:8]}"


def create(
    con: duckdb.DuckDBPyConnection,
    parts: Mapping[str, Sequence[Path]],
    repeated: Path | None,
    kept: Mapping[str, Path],
) -> None:
    """Creates one view for each table that is named, `judged` (see there), and one for each stored summary.

    Args:
        con: The connection.
        parts: Table name to its Parquet files; there may be none.
        repeated: A Parquet file that names the measurements which several files hold, with the place of
            each copy but the first (`measurement_id`, `file_id`, `line`); those copies are left out. Upstream
            publishes some measurements twice (as lines and as post-cans), and none may count twice (trap C14).
        kept: Name to the Parquet file of a summary, or to a pattern of its files.
    """
    for name, files in parts.items():
        # Where it is not known that all files have the same columns, DuckDB opens every one of them for each query.
        query = (
            select(TABLES[name], files)
            if name in DERIVED
            else select_from(TABLES[name], columns_of(con, files))
        )
        if repeated is not None and name in REPEATED:
            query = without(query, repeated)
        con.execute(f"CREATE OR REPLACE VIEW {name} AS {query}")
    for name, path in kept.items():
        con.execute(f"CREATE OR REPLACE VIEW {name} AS SELECT * FROM read_parquet({quoted(str(path))})")
    query = f"SELECT * FROM {KEPT_JUDGED}" if KEPT_JUDGED in kept else judged()
    con.execute(f"CREATE OR REPLACE VIEW judged AS {query}")
