"""What is new: the published states that say something else than before, and have not been told yet."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch._files import write_atomic
from wallwatch.history import headline
from wallwatch.schema.layout import Layout
from wallwatch.show import LISTINGS, iso

Record = dict[str, Any]


def untold(con: duckdb.DuckDBPyConnection, after: int, *, most: int = 2**31) -> list[Record]:
    """The material changes published after a publication, in order; of many the last.

    What is a part of a national outage is told with it and not by itself: one shutdown of thirty provinces is one.
    """
    found = con.sql(
        """
        SELECT * FROM revisions
        WHERE publication > $after AND material AND json_extract_string(state, '$.parent') IS NULL
        ORDER BY publication DESC, what DESC, id DESC LIMIT $most
        """,
        params={"after": after, "most": most},
    )
    rows: list[Record] = found.to_arrow_table().to_pylist()
    return [told(LISTINGS["revisions"].record(row)) for row in reversed(rows)]


def told(record: Record) -> Record:
    """A record of `show revisions` as it is told: what happened first, the whole state last."""
    names = ("published", "change", "what", "id", "revision", "country", "says", "changes", "why")
    more = ("superseded_by", "split_from", "publication", "inputs", "state")
    return {name: record[name] for name in (*names, *more)}


def last_told(layout: Layout) -> int:
    """The last publication of which everything was told; 0 where nothing was.

    Raises:
        WallwatchError: The note about it cannot be read.
    """
    path = layout.root / "history" / "told.json"
    try:
        return int(json.loads(path.read_bytes())["publication"])
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WallwatchError(
            f"{path} cannot be read: {error}; without it, everything is told again"
        ) from error


def note_told(layout: Layout, publication: int) -> None:
    """Notes that everything up to a publication was told."""
    write_atomic(layout.root / "history" / "told.json", json.dumps({"publication": publication}) + "\n")


def last_publication(con: duckdb.DuckDBPyConnection) -> tuple[int, str | None]:
    """The number and time of the last publication; 0 and null where there is none."""
    rows = con.execute(
        "SELECT publication, published FROM publications ORDER BY publication DESC LIMIT 1"
    ).fetchall()
    return (int(rows[0][0]), iso(rows[0][1])) if rows else (0, None)


def line(record: Record) -> str:
    """A change in one line for people."""
    return f"{record['published']} {record['change']}: {headline(record['what'], record['state'])} ({record['id']})"
