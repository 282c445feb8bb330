"""Steps that are taken for some days, or some sessions, at a time: what they need does not grow with how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import duckdb

from wallwatch._shares import in_shares

#: Rows of what is gathered that a step takes at once, where a single day does not have more: some hundred bytes each.
ROWS_AT_ONCE = 1_500_000

#: Days before the first and after the last with rows, on which a step may find something.
_AROUND = 7

#: Numbers of sessions are below this, and spread evenly.
_SESSIONS = 1 << 63


class InShares(NamedTuple):
    """A step that makes a table, some days or some sessions at a time.

    Attributes:
        table: Its name.
        of: What tells by its rows how many days or sessions are taken at once: a table, or a query in brackets.
        by: `day`, or `s`, the number of the session.
        query: Gives the rows for the days or sessions from `$first` to `$last`, both included: the same whatever else is
            gathered that is not within the reach of the rules.
    """

    table: str
    of: str
    by: Literal["day", "s"]
    query: str

    @property
    def make(self) -> str:
        """A statement that makes the table with the rows of the first share."""
        return f"CREATE OR REPLACE TABLE {self.table} AS {self.query}"

    @property
    def add(self) -> str:
        """A statement that adds those of another."""
        return f"INSERT INTO {self.table} {self.query}"

    def shares(self, con: duckdb.DuckDBPyConnection, most: int) -> Iterator[tuple[Any, Any]]:
        """The first and the last day, or session, of each share: no gap is between them; at least one.

        Args:
            con: Has the tables.
            most: Rows of a share, where a single day has no more.
        """
        if self.by == "day":
            yield from _days(
                con.sql(
                    f"SELECT day, count(*) FROM {self.of} WHERE day IS NOT NULL GROUP BY day ORDER BY day"
                ).fetchall(),
                most,
            )
            return
        ((rows,),) = con.sql(f"SELECT count(*) FROM {self.of}").fetchall()
        count = max(1, -(-rows // most))
        ends = [_SESSIONS * number // count for number in range(count + 1)]
        yield from ((first, end - 1) for first, end in pairwise(ends))


def one_voice(table: str, query: str) -> tuple[InShares | str, ...]:
    """Steps that put in place of a table what a query makes of its rows, each session by itself."""
    return (
        InShares("judge_one_voice", table, "s", query),
        f"DROP TABLE {table}",
        f"ALTER TABLE judge_one_voice RENAME TO {table}",
    )


def _days(sizes: list[tuple[date, int]], most: int) -> Iterator[tuple[date, date]]:
    """The outer ones reach a week further; a single one of one day where there are no rows."""
    shares = in_shares(sizes, most) or [[date(1970, 1, 1)]]
    begins = [_moved(shares[0][0], -_AROUND), *(share[0] for share in shares[1:])]
    ends = [*(_moved(begin, -1) for begin in begins[1:]), _moved(shares[-1][-1], _AROUND)]
    yield from zip(begins, ends, strict=True)


def _moved(day: date, by: int) -> date:
    """So many days later, as far as there are dates."""
    return date.fromordinal(min(max(day.toordinal() + by, 1), date.max.toordinal()))
