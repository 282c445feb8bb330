"""Looking back: what was published of an event or outage, and what stood there at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.history.publish import files_at

Record = dict[str, Any]


def as_published(con: duckdb.DuckDBPyConnection, what: str, when: datetime) -> list[Record]:
    """The records as they were published at a time, under their published ids.

    Args:
        con: A connection with the view `revisions`.
        what: `event` or `outage`.
        when: States published later are not looked at.
    """
    rows = con.execute(
        """
        SELECT state FROM (
            SELECT * FROM revisions WHERE what = $what AND published <= $at
            QUALIFY row_number() OVER (PARTITION BY id ORDER BY revision DESC) = 1
        )
        WHERE change <> 'withdrawn'
        """,
        {"what": what, "at": when},
    ).fetchall()
    found = [json.loads(state) for (state,) in rows]
    return sorted(found, key=lambda one: (one["country"], one["onset"]["earliest"] or "", one[f"{what}_id"]))


def revisions_of(con: duckdb.DuckDBPyConnection, id_: str) -> list[Record]:
    """Every published state of what an id stands for, in order; none where it was not published.

    Args:
        con: A connection with the view `revisions`.
        id_: A published id, one that the tables had for it at some time, or the unique beginning of the first.
    """
    found: pa.Table = con.sql(
        """
            SELECT * FROM revisions WHERE id = coalesce(
                (SELECT min(id) FROM revisions WHERE id = $id),
                (SELECT arg_max(id, publication) FROM revisions WHERE computed_id = $id),
                (SELECT CASE WHEN count(DISTINCT id) = 1 THEN min(id) END FROM revisions WHERE starts_with(id, $id))
            ) ORDER BY revision
            """,
        params={"id": id_},
    ).to_arrow_table()
    rows: list[Record] = found.to_pylist()
    return rows


def revision_of(con: duckdb.DuckDBPyConnection, id_: str, number: int) -> Record | None:
    """One published state with the files that it rested on and by what rules; null where there is none.

    Returns:
        The row of `revisions`, its `state` as an object, with `files` (ids), `rule_set`, `reference_set` and `code`.
    """
    row = next((row for row in revisions_of(con, id_) if row["revision"] == number), None)
    if row is None:
        return None
    basis: pa.Table = con.sql(
        "SELECT rule_set, reference_set, code FROM publications WHERE publication = $number",
        params={"number": row["publication"]},
    ).to_arrow_table()
    by: list[Record] = basis.to_pylist()
    files = sorted(files_at(con, row["publication"]))
    return row | {"state": json.loads(row["state"]), "files": files} | by[0]


def headline(what: str, record: Mapping[str, Any]) -> str:
    """An event or outage in one line."""
    onset, end = record["onset"] or {}, record["end"]
    since = f"from {_minute(onset['best'])}" if onset.get("best") else "from before the data"
    until = f"to {_minute(end['best'])}" if end else "not seen to end"
    if what == "event":
        about = f"{record['kind']} of {record['service']} in {record['country']}"
        more = f"on {len(record['networks'])} network{'' if len(record['networks']) == 1 else 's'}"
    else:
        place = record["region"] or (f"AS{record['network']}" if record["network"] else "whole country")
        about = f"{record['kind']} in {record['country']}, {place}"
        more = f"{record['depth']:.0%} lost"
    return f"{about}, {since} {until}, {more}, probability {record['probability']:.3f}"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ") + " UTC"
