"""How much memory a database may have for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb


@contextmanager
def held_to(con: duckdb.DuckDBPyConnection, memory: str) -> Iterator[None]:
    """Lets a database have no more memory than that while the block lasts, unless the environment says how much it may.

    For what holds much beside DuckDB.

    Args:
        con: To the database.
        memory: In DuckDB's words (`500MB`); nothing changes where it has less.
    """
    ((before,),) = con.sql("SELECT current_setting('memory_limit')").fetchall()
    ((less,),) = con.execute(
        "SELECT parse_formatted_bytes(?) > parse_formatted_bytes(?)", [before, memory]
    ).fetchall()
    if not less or "WALLWATCH_MEMORY" in os.environ:
        yield
        return
    con.execute(f"SET memory_limit = '{memory}'")
    try:
        yield
    finally:
        con.execute(f"SET memory_limit = '{before}'")
