"""Judging day by day: only days whose verdicts can have changed are judged anew, and all bytes are those of judging all.

A verdict rests on what others saw within four days, on everything of its own session, and on facts without a time
(`_FACTS`). What these facts are made of is kept for each day beside its verdicts, so that they are made anew from small
tables; where a fact has changed, the days whose rows meet it are judged anew as well.
"""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wallwatch._files import link, sha256_of
from wallwatch._memory import held_to
from wallwatch._shares import in_shares
from wallwatch._text import quoted
from wallwatch.judge.assemble import plain
from wallwatch.judge.judging import ROWS_AT_ONCE, Elsewhere, Judging, cut, even, looked_at
from wallwatch.judge.references import References
from wallwatch.judge.steps.units import LASTING_NUMBER, Chunk, Source
from wallwatch.judge.steps.words import IS_BOGON, SYSTEM
from wallwatch.schema.columns import apart, groups

#: Days within which what others saw bears on a verdict.
REACH = 4

#: What is kept of a day. `kind` says what a row is; the others are named for what most kinds have there.
KEPT = pa.schema(
    [
        ("kind", pa.string()),
        ("network", pa.int64()),
        ("what", pa.string()),
        ("name", pa.string()),
        ("s", pa.int64()),
        ("yes", pa.bool_()),
        ("no", pa.bool_()),
        ("first", pa.int32()),
        ("last", pa.int32()),
        ("times", pa.int32()),
    ]
)
_FIELDS = ", ".join(f'"{name}"' for name in KEPT.names)

#: The folder of what is kept, in that of the verdicts; hidden from those who read tables.
_FOLDER = ".kept"
_ROW_GROUP = 65_536
#: What DuckDB may hold where there are more, and nobody says: beside it are verdicts that wait to be written.
_MEMORY = "500MB"
#: Chunks of which all may be written at the same time: what was gathered of so few leaves room in memory.
_FEW_CHUNKS = 2
#: Files whose measurements are gone through at once, where a single day does not have more.
_FILES_AT_ONCE = 400
#: Rows of what is kept that each core sorts at once, where a single day does not have more: and at most half of all.
_SORTED_AT_ONCE = 500_000

#: For each chunk: what the facts are asked for, by day. A row that none of these names meets no fact.
_KEYS = (
    """
INSERT INTO judge_keys
SELECT w.g, 'by certificate', NULL, o.tls_certificate_sha256 FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE o.failure LIKE 'ssl_%' AND o.tls_certificate_sha256 IS NOT NULL GROUP BY ALL
""",
    f"""
INSERT INTO judge_keys
SELECT w.g, 'by address', w.network, o.ip FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.known & {SYSTEM} <> 0 AND o.known & {IS_BOGON} = 0 AND w.network IS NOT NULL GROUP BY ALL
""",
    """
INSERT INTO judge_keys
SELECT w.g, 'by page', w.network, o.http_body_sha256 FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE o.clear AND o.http_body_sha256 IS NOT NULL AND w.network IS NOT NULL GROUP BY ALL
""",
    """
INSERT INTO judge_keys
SELECT w.g, 'by landing', w.network, o.landing FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE o.landing <> '' AND w.network IS NOT NULL GROUP BY ALL
""",
    """
INSERT INTO judge_keys
SELECT g, 'by software', NULL, software FROM judge_this WHERE software IS NOT NULL GROUP BY ALL
""",
)

#: What is kept of what was gathered: the table, and its columns with what they are called among kept rows; units, which
#: have other numbers in the next run, by their names.
_GATHERED: dict[str, tuple[str, dict[str, str]]] = {
    "certificate": (
        "judge_certificates",
        {"network": "network", "tls_certificate_sha256": "what", "s": "s", "proved": "yes", "refused": "no"},
    ),
    "root": (
        "judge_roots",
        {"network": "network", "software": "what", "u": "name", "s": "s", "ok": "yes", "bad": "no"},
    ),
    "answer": ("judge_answered", {"network": "network", "ip": "what", "u": "name", "s": "s"}),
    "page": ("judge_pages", {"network": "network", "http_body_sha256": "what", "u": "name", "s": "s"}),
    "move": ("judge_moves", {"network": "network", "landing": "what", "target": "name", "s": "s"}),
    "confirmed": ("judge_confirmed", {"ip": "what", "host": "name", "s": "s"}),
    "home": (
        "judge_homes_said",
        {
            "network": "network",
            "country": "what",
            "nettest": "name",
            "s": "s",
            "first": "first",
            "last": "last",
            "times": "times",
        },
    ),
}
_NAMED = tuple(kind for kind, (_, columns) in _GATHERED.items() if "u" in columns)

#: Facts without a time: the query of each, with the columns `network`, `what` and `name`, and the kind of kept rows that
#: meet it, with the columns in which they must be alike.
_FACTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "genuine": (
        "SELECT NULL, tls_certificate_sha256, NULL FROM judge_genuine",
        "by certificate",
        ("what",),
    ),
    "old roots": ("SELECT NULL, software, NULL FROM judge_old_roots", "by software", ("what",)),
    "sink": ("SELECT network, ip, NULL FROM judge_sinks", "by address", ("network", "what")),
    "answer abroad": (
        "SELECT NULL, k.ip, n.unit FROM judge_answered_abroad k JOIN judge_names n ON n.u = k.u",
        "by address",
        ("what",),
    ),
    "shared page": (
        "SELECT network, http_body_sha256, NULL FROM judge_shared_pages",
        "by page",
        ("network", "what"),
    ),
    "landing": ("SELECT network, landing, NULL FROM judge_landings", "by landing", ("network", "what")),
    "home": ("SELECT network, country, NULL FROM judge_homes", "home", ("network",)),
    "alone": ("SELECT network, mark, kind FROM judge_alone", "compared", ("network", "what", "name")),
}


@dataclass(frozen=True, slots=True)
class Day:
    """The files whose first measurement is of one day.

    Attributes:
        files: Their ids.
        parts: The parts of the tables that their rows are in.
        key: What these rows are, as a digest.
    """

    files: tuple[str, ...]
    parts: tuple[str, ...]
    key: str


@dataclass(frozen=True, slots=True)
class _Before:
    """What an earlier judging left: its folder, and for each day key, days on which its measurements were, and rows."""

    folder: Path
    days: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, folder: Path, version: str) -> _Before:
        """What is there, if it was made by that version."""
        try:
            found = json.loads((folder / _FOLDER / "days.json").read_bytes())
            there = {path.name for path in folder.glob("*.parquet") if found["days"][path.stem]["rows"]}
            kept = {path.name for path in (folder / _FOLDER).glob("*.parquet")}
            names = {f"{day}.parquet" for day in found["days"]}
            whole = {f"{day}.parquet" for day, one in found["days"].items() if one["rows"]} == there
            whole = whole and names | {"facts.parquet"} == kept
            return cls(folder, found["days"] if found["version"] == version and whole else {})
        except (OSError, ValueError, KeyError, TypeError):
            return cls(folder, {})

    def kept(self, days: Iterable[str]) -> str:
        """A query of the rows that are kept of some days, with the `day` of each."""
        files = [str(self.folder / _FOLDER / f"{day}.parquet") for day in sorted(days)]
        if not files:
            return f"(SELECT {_row({})}, NULL::VARCHAR AS day WHERE false)"
        listed = ", ".join(map(quoted, files))
        return (
            f"(SELECT {_FIELDS}, parse_filename(filename, true) AS day "
            f"FROM read_parquet([{listed}], filename = true))"
        )


_SQL = {
    pa.string(): "VARCHAR",
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.bool_(): "BOOLEAN",
}


def judge_days(
    con: duckdb.DuckDBPyConnection,
    references: References,
    source: Source,
    days: Mapping[str, Day],
    before: Path,
    after: Path,
    write: Callable[[Path, Iterator[pa.Table]], int],
    *,
    version: str,
    rows_at_once: int = ROWS_AT_ONCE,
    elsewhere: Elsewhere | None = None,
) -> int:
    """Judges the days whose verdicts can have changed since an earlier judging, and takes the others from it.

    Args:
        con: A connection to a database of its own.
        references: What is known beforehand.
        source: Where rows are read from.
        days: Every day that has measurements, by its name, which is fit for that of a file.
        before: The folder of an earlier judging; may be missing, or of another kind.
        after: An empty folder: gets a Parquet file for each day, and what is kept of it.
        write: Writes a day's verdicts, which come in pieces, to a file; says how many rows they are.
        version: What all verdicts are made by, as a digest; where it differs, all is judged anew.
        rows_at_once: About how many rows are judged at a time. Verdicts do not depend on it, but their order does where
            a day has more.
        elsewhere: Who looks at chunks and judges them, in place of this connection.

    Returns:
        The number of verdicts.

    Raises:
        duckdb.Error: A table is missing a column.
        OSError: Something cannot be read or written.
    """
    (after / _FOLDER).mkdir()
    state = _State(
        con,
        references,
        source,
        dict(days),
        _Before.of(before, version),
        after / _FOLDER,
        rows_at_once,
        elsewhere,
    )
    rows: dict[str, int] = {}
    # Rows take many times the memory while they are written: by one thread at a time, where more of them wait.
    writing: AbstractContextManager[Any] = threading.Lock()

    def left(chunk: Chunk, table: pa.Table) -> list[pa.Table]:
        """What is left to write: days that lie in a chunk as a whole are written by the thread that judged it."""
        if chunk.first_file is not None:
            return [table]
        with writing:
            rows.update(write_days([table], state.day_of, after, write))
            pa.default_memory_pool().release_unused()  # else each thread's share of it stays with the process
        return []

    with state.judged() as (judging, chunks, anew, facts):
        state.keep_compared(anew)
        if len(chunks) <= _FEW_CHUNKS:
            writing = nullcontext()
        if elsewhere is None:
            tables = chain.from_iterable(judging.judge(chunks, left))
            rows.update(write_days(tables, state.day_of, after, write))
        else:
            rows.update(elsewhere.judge(con, chunks, state.day_of, after, write))
    for (table,) in con.sql(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'days_')"
    ).fetchall():
        con.execute(f"DROP TABLE {table}")
    noted: dict[str, dict[str, Any]] = {}
    for name, day in sorted(days.items()):
        if name in anew:
            sha256 = sha256_of(after / f"{name}.parquet")[:16] if name in rows else ""
            noted[name] = {
                "key": day.key,
                "days": state.on[name],
                "rows": rows.get(name, 0),
                "sha256": sha256,
            }
            continue
        noted[name] = state.before.days[name]
        link(before / f"{name}.parquet", after / f"{name}.parquet")
        link(before / _FOLDER / f"{name}.parquet", after / _FOLDER / f"{name}.parquet")
    pq.write_table(facts, after / _FOLDER / "facts.parquet", compression="zstd")
    text = json.dumps({"version": version, "days": noted}, sort_keys=True, separators=(",", ":"))
    (after / _FOLDER / "days.json").write_text(text + "\n")
    return sum(int(one["rows"]) for one in noted.values())


def write_days(
    tables: Iterable[pa.Table],
    day_of: Mapping[str, str],
    folder: Path,
    write: Callable[[Path, Iterator[pa.Table]], int],
) -> dict[str, int]:
    """Writes the verdicts of chunks to a Parquet file for each day; see `Elsewhere.judge`."""
    return {
        day: write(folder / f"{day}.parquet", (table for _, table in pieces))
        for day, pieces in groupby(_by_day(tables, day_of), itemgetter(0))
    }


def _by_day(tables: Iterable[pa.Table], day_of: Mapping[str, str]) -> Iterator[tuple[str, pa.Table]]:
    for table in tables:
        ids = table["file_id"].combine_chunks().dictionary_encode()
        days = pa.array([day_of[id_] for id_ in ids.dictionary.to_pylist()], pa.string()).dictionary_encode()
        of, rows = days.indices.take(ids.indices), table
        if len(pc.run_end_encode(of).values) > len(days.dictionary):
            # Each row is moved once, and not looked at once for each day.
            order = pc.sort_indices(of)
            of, rows = of.take(order), table.take(order)
        runs = pc.run_end_encode(of)
        spans = pairwise([0, *runs.run_ends.to_pylist()])
        for name, (first, end) in sorted(
            zip(days.dictionary.take(runs.values).to_pylist(), spans, strict=True)
        ):
            yield name, plain(rows.slice(first, end - first))


@dataclass(frozen=True, slots=True)
class Judged:
    """A Parquet file of verdicts.

    Attributes:
        digest: Of what it holds.
        days: Since 1970-01-01, sorted, on which its measurements were.
        rows: How many it has.
    """

    digest: str
    days: list[int]
    rows: int


def judged_days(folder: Path) -> dict[str, Judged]:
    """The Parquet files of verdicts that were judged day by day, by their names; none where they were made in another way.

    Args:
        folder: Of the verdicts.
    """
    try:
        days = json.loads((folder / _FOLDER / "days.json").read_bytes())["days"]
        return {
            name: Judged(day["sha256"], day["days"], day["rows"]) for name, day in days.items() if day["rows"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        return {}


class _State:
    """One judging day by day.

    Attributes:
        on: Name of each day to the days since 1970-01-01 on which its measurements were, sorted.
        day_of: File id to the name of its day.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        references: References,
        source: Source,
        days: dict[str, Day],
        before: _Before,
        folder: Path,
        rows_at_once: int,
        elsewhere: Elsewhere | None,
    ) -> None:
        self.before, self._folder = before, folder
        self._elsewhere = elsewhere
        self._con, self._references, self._source = con, references, source
        self._days, self._rows_at_once = days, rows_at_once
        self._names = sorted(days)
        self._number = {name: number for number, name in enumerate(self._names)}
        old = before.days
        self._changed = {name for name, day in days.items() if old.get(name, {}).get("key") != day.key}
        self.on: dict[str, list[int]] = {
            name: [] if name in self._changed else old[name]["days"] for name in self._names
        }
        files = [(id_, self._number[name]) for name in self._names for id_ in days[name].files]
        self._put(
            "days_files",
            {"file_id": pa.array([f for f, _ in files], pa.string()), "g": pa.array([g for _, g in files])},
        )
        self.day_of = {id_: self._names[number] for id_, number in files}
        self._find_spans()

    @contextmanager
    def judged(self) -> Iterator[tuple[Judging, list[Chunk], set[str], pa.Table]]:
        """Everything ready for judging: with what, the chunks, the days that are to be judged, and the facts."""
        more: set[str] = set()
        while True:
            anew = self._anew() | more
            with self._looked(anew) as (judging, chunks):
                facts = self._facts()
                more = anew | self._meeting(facts, anew)
                if more == anew:
                    yield judging, chunks, anew, facts
                    return

    def keep(self, judging: Judging, anew: set[str]) -> None:
        """Writes what is kept of the days that are judged, one file each, from what was gathered: before that is concluded."""
        keys = _row({"kind": "kind", "network": "network", "what": "what"})
        kinds = [f"SELECT DISTINCT g, {keys} FROM judge_keys"]
        for kind, (table, columns) in _GATHERED.items():
            fields = {kept: "i.unit" if name == "u" else f"t.{name}" for name, kept in columns.items()}
            named = " JOIN judge_names i ON i.u = t.u" if "u" in columns else ""
            kinds.append(f"SELECT g, {_row({'kind': quoted(kind), **fields})} FROM {table} t{named}")

        def write(con: duckdb.DuckDBPyConnection, share: list[int]) -> set[str]:
            within = f"g BETWEEN {share[0]} AND {share[-1]} AND g IN ({', '.join(map(str, share))})"
            every = " UNION ALL ".join(f"({kind} WHERE {within})" for kind in kinds)
            rows = con.sql(f"SELECT g, {_FIELDS} FROM ({every}) ORDER BY ALL").to_arrow_reader(_ROW_GROUP)
            found = set()
            for number, pieces in groupby(apart(rows, "g"), itemgetter(0)):
                found.add(self._names[number])
                _write_kept(self._kept_of(number), (piece for _, piece in pieces))
            return found

        written = set().union(*judging.cursors.each(write, self._shares()))
        for day in anew - written:
            _write_kept(self._kept_of(self._number[day]), ())

    def keep_compared(self, anew: set[str]) -> None:
        """Adds to what is kept of these days what came of comparing their sessions, which is known once all was concluded."""
        fields = {"network": "c.network", "what": "c.mark", "name": "c.kind", "s": "c.s", "yes": "c.alone"}
        rows = self._con.sql(
            f"SELECT DISTINCT p.g, {_row({'kind': quoted('compared'), **fields})} FROM judge_compared c "
            "JOIN days_spans p ON p.s = c.s SEMI JOIN days_anew n ON n.g = p.g ORDER BY ALL"
        ).to_arrow_reader(_ROW_GROUP)
        for number, pieces in groupby(apart(rows, "g"), itemgetter(0)):
            path = self._kept_of(number)
            _write_kept(path, [pq.read_table(path), *(piece for _, piece in pieces)])

    def _kept_of(self, number: int) -> Path:
        return self._folder / f"{self._names[number]}.parquet"

    def _shares(self) -> list[list[int]]:
        """The numbers of days of which what is kept is sorted at once: of a day, or of some small ones."""
        every = " UNION ALL ".join(
            f"(SELECT g FROM {table})"
            for table in ("judge_keys", *(table for table, _ in _GATHERED.values()))
        )
        sizes = self._con.sql(
            f"SELECT g, count(*) FROM ({every}) SEMI JOIN days_anew USING (g) GROUP BY g ORDER BY g"
        ).fetchall()
        return in_shares(sizes, min(_SORTED_AT_ONCE, -(-sum(rows for _, rows in sizes) // 2)))

    def _put(self, name: str, columns: dict[str, pa.Array]) -> None:
        self._con.register("days_given", pa.table(columns))
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM days_given")
        self._con.unregister("days_given")

    def _parts(self, names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({part for name in names for part in self._days[name].parts}))

    def _measured(self, names: Iterable[str]) -> Iterator[str]:
        """Queries of the measurements of some days, with the number `g` of each: of so many files, in their order."""
        sizes = ((name, len(self._days[name].parts)) for name in sorted(names))
        for share in in_shares(sizes, _FILES_AT_ONCE):
            rows = self._source("measurements", self._parts(share), None, None)
            numbers = ", ".join(str(self._number[name]) for name in share)
            yield f"(SELECT * FROM ({rows}) JOIN days_files USING (file_id) WHERE g IN ({numbers}))"

    def _find_spans(self) -> None:
        """Makes `days_spans`, on which days each session was in the files of each day, and `days_spans_before`."""
        con, old = self._con, self.before
        spans = "day_number AS g, s, min(first) AS first, max(last) AS last"
        self._put(
            "days_numbers",
            {
                "day": pa.array(self._names, pa.string()),
                "day_number": pa.array(range(len(self._names)), pa.int64()),
            },
        )
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE days_spans AS SELECT {spans} FROM "
            f"{old.kept(set(self._names) - self._changed)} JOIN days_numbers USING (day) WHERE kind = 'home' GROUP BY ALL"
        )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE days_spans_before AS SELECT s, min(first) AS first, max(last) AS last FROM "
            f"{old.kept(old.days.keys() - (set(self._names) - self._changed))} WHERE kind = 'home' GROUP BY s"
        )
        for rows in self._measured(self._changed):
            con.execute(
                f"CREATE OR REPLACE TEMP TABLE days_new AS SELECT g, {LASTING_NUMBER} AS s, "
                f"CAST(floor(epoch(time) / 86400) AS INTEGER) AS day FROM {rows}"
            )
            con.execute("INSERT INTO days_spans SELECT g, s, min(day), max(day) FROM days_new GROUP BY g, s")
            for g, day in con.sql(
                "SELECT DISTINCT g, day FROM days_new WHERE day IS NOT NULL ORDER BY g, day"
            ).fetchall():
                self.on[self._names[g]].append(day)
            con.execute("DROP TABLE days_new")
        con.execute(
            "CREATE OR REPLACE TEMP TABLE days_sessions AS SELECT s, min(first) AS first, max(last) AS last "
            "FROM (SELECT s, first, last FROM days_spans UNION ALL SELECT * FROM days_spans_before) GROUP BY s"
        )

    def _anew(self) -> set[str]:
        """The days whose verdicts can have changed by what others saw, or by their sessions' other rows."""
        if len(self._changed) == len(self._names):
            return set(self._names)
        old = self.before.days
        gone = old.keys() - (set(self._names) - self._changed)
        direct = _spans([day for name in self._changed for day in self.on[name]])
        direct += _spans([day for name in gone for day in old[name]["days"]])
        touched = "SELECT s FROM days_spans_before"
        sessions, days = self._sessions(self._changed, _near(direct, 1), touched)
        return days | self._changed | self._within(_near(direct, REACH) + _near(sessions, 1))

    def _looked_at(self, anew: set[str]) -> set[str]:
        """The days that have to be looked at so that others can be judged."""
        if len(anew) == len(self._names):
            return set(anew)
        own = _spans([day for name in anew for day in self.on[name]])
        sessions, days = self._sessions(anew, _near(own, 1))
        return days | anew | self._within(_near(own, REACH) + _near(sessions, REACH))

    def _sessions(
        self, names: set[str], near: list[tuple[int, int]], more: str = "SELECT NULL::BIGINT AS s WHERE false"
    ) -> tuple[list[tuple[int, int]], set[str]]:
        """The spans of sessions that are in the files of some days, or were on some days; and the days they are in."""
        self._put(
            "days_near",
            {
                "lo": pa.array([lo for lo, _ in near], pa.int64()),
                "hi": pa.array([hi for _, hi in near], pa.int64()),
            },
        )
        self._put("days_named", {"g": pa.array([self._number[name] for name in sorted(names)], pa.int64())})
        self._con.execute(
            "CREATE OR REPLACE TEMP TABLE days_touched AS SELECT s FROM days_spans SEMI JOIN days_named USING (g) UNION "
            "SELECT s FROM days_sessions e SEMI JOIN days_near n ON e.first <= n.hi AND e.last >= n.lo UNION "
            f"{more}"
        )
        spans = self._con.sql(
            "SELECT DISTINCT first, last FROM days_sessions SEMI JOIN days_touched USING (s) "
            "WHERE first IS NOT NULL ORDER BY ALL"
        ).fetchall()
        days = self._con.sql("SELECT DISTINCT g FROM days_spans SEMI JOIN days_touched USING (s)").fetchall()
        return spans, {self._names[g] for (g,) in days}

    def _within(self, spans: list[tuple[int, int]]) -> set[str]:
        """The days with measurements in one of some spans."""
        merged = _merged(spans)
        ends = [hi for _, hi in merged]

        def meets(day: int) -> bool:
            at = bisect_left(ends, day)
            return at < len(merged) and merged[at][0] <= day

        return {name for name in self._names if any(map(meets, self.on[name]))}

    @contextmanager
    def _looked(self, anew: set[str]) -> Iterator[tuple[Judging, list[Chunk]]]:
        """Looks at what is needed for judging some days, and concludes; gives their chunks."""
        looked = self._looked_at(anew)
        others = set(self._names) - looked
        chunks = self._chunks(anew, 0)
        every = [*chunks, *self._chunks(looked - anew, self._measurements)]
        con, parts = self._con, self._parts(looked)
        self._put("days_anew", {"g": pa.array([self._number[name] for name in sorted(anew)], pa.int64())})
        self._put("days_looked", {"g": pa.array([self._number[name] for name in sorted(looked)], pa.int64())})
        kept = self.before.kept(others)
        named = ", ".join(map(quoted, _NAMED))
        for table in ("measurements", "observations", "controls"):
            rows = self._source(table, parts, None, None)
            con.execute(f"CREATE OR REPLACE TEMP VIEW {table} AS {rows}")
        prepare = (
            "CREATE OR REPLACE TABLE judge_keys (g BIGINT, kind VARCHAR, network BIGINT, what VARCHAR)",
            "INSERT INTO judge_files SELECT f.file_id, f.g FROM days_files f SEMI JOIN days_looked l ON l.g = f.g",
            f"INSERT INTO judge_kept_names SELECT DISTINCT name FROM {kept} WHERE kind IN ({named})",
        )
        held = nullcontext() if len(every) <= _FEW_CHUNKS else held_to(con, _MEMORY)
        try:
            with (
                held,
                looked_at(
                    con,
                    self._references,
                    self._source,
                    every,
                    prepare=prepare,
                    keep=_KEYS,
                    elsewhere=self._elsewhere,
                ) as judging,
            ):
                self.keep(judging, anew)
                self._put_back(anew, kept)
                judging.conclude()
                yield judging, chunks
        finally:
            for table in ("measurements", "observations", "controls"):
                con.execute(f"DROP VIEW IF EXISTS temp.{table}")

    def _put_back(self, anew: set[str], kept: str) -> None:
        """Puts back what was kept of days that are not looked at."""
        con = self._con
        for kind, (table, columns) in _GATHERED.items():
            back = ", ".join("i.u" if name == "u" else f'k."{kept}"' for name, kept in columns.items())
            con.execute(
                f"INSERT INTO {table} ({', '.join(columns)}) SELECT {back} FROM {kept} k "
                f"{'JOIN judge_names i ON i.unit = k.name ' if 'u' in columns else ''}WHERE k.kind = {quoted(kind)}"
            )
        # Of a session that is in no day that is judged, what it met is known from before.
        con.execute(
            "INSERT INTO judge_elsewhere SELECT DISTINCT p.s FROM days_spans p ANTI JOIN "
            "(SELECT s FROM days_spans SEMI JOIN days_anew USING (g)) j ON j.s = p.s"
        )
        known = self.before.kept(set(self._names) - anew)
        con.execute(
            "INSERT INTO judge_compared_kept SELECT DISTINCT k.s, k.network, k.name, k.what, k.yes "
            f"FROM {known} k SEMI JOIN judge_elsewhere e ON e.s = k.s WHERE k.kind = 'compared'"
        )

    def _facts(self) -> pa.Table:
        queries = [
            f"SELECT {quoted(kind)} AS fact, t.* FROM ({query}) t(network, what, name)"
            for kind, (query, _, _) in _FACTS.items()
        ]
        return self._con.sql(f"{' UNION ALL '.join(queries)} ORDER BY ALL").to_arrow_table()

    def _meeting(self, facts: pa.Table, anew: set[str]) -> set[str]:
        """The days with rows that meet a fact which has changed."""
        others = set(self._names) - anew
        if not others:
            return set()
        con = self._con
        con.register("days_given", facts)
        before = f"SELECT * FROM read_parquet({quoted(str(self.before.folder / _FOLDER / 'facts.parquet'))})"
        con.execute(
            "CREATE OR REPLACE TEMP TABLE days_facts AS "
            f"(SELECT * FROM days_given EXCEPT {before}) UNION ALL ({before} EXCEPT SELECT * FROM days_given)"
        )
        con.unregister("days_given")
        found: set[str] = set()
        if con.sql("SELECT 1 FROM days_facts LIMIT 1").fetchall():
            kept = self.before.kept(others)
            for fact, (_, kind, columns) in _FACTS.items():
                alike = " AND ".join(f"f.{name} = k.{name}" for name in columns)
                met = con.sql(
                    f"SELECT DISTINCT k.day, k.s FROM {kept} k JOIN days_facts f ON f.fact = {quoted(fact)} AND {alike} "
                    f"WHERE k.kind = {quoted(kind)}"
                ).fetchall()
                found |= {day for day, _ in met}
                if fact == "alone":
                    found |= self._in_the_time_of([s for _, s in met])
        return found

    def _in_the_time_of(self, sessions: list[int]) -> set[str]:
        """The days on which some sessions went on: other tests of the same software there are their place's, too."""
        self._put("days_touched", {"s": pa.array(sessions, pa.int64())})
        spans = self._con.sql(
            "SELECT DISTINCT first, last FROM days_sessions SEMI JOIN days_touched USING (s) WHERE first IS NOT NULL"
        ).fetchall()
        return self._within(_near(spans, 1))

    def _chunks(self, names: set[str], before: int) -> list[Chunk]:
        """The measurements of some days as chunks: small days whole and together, large ones cut, each for itself."""
        self._measurements = before
        sizes = [
            size
            for rows in self._measured(names)
            for size in self._con.sql(
                f"SELECT g, sum(observations + controls), count(*) FROM {rows} GROUP BY g ORDER BY g"
            ).fetchall()
        ]
        most, chunks = self._rows_at_once, []
        small = even(sum(int(size) for _, size, _ in sizes if size <= most), most)
        held: dict[int, tuple[list[str], int]] = {}
        filled = 0
        for number, size, count in sizes:
            name = self._names[number]
            if size > most:
                cuts = cut(self._con, self._source, self._days[name].parts, most, self._measurements)
                chunks += cuts
                self._measurements += count
                continue
            together = held.setdefault(filled // small if small else 0, ([], 0))
            held[filled // small if small else 0] = ([*together[0], name], together[1] + count)
            filled += int(size)
        for inside, count in held.values():
            chunks.append(Chunk(self._measurements, self._parts(inside)))
            self._measurements += count
        return chunks


def _row(fields: Mapping[str, str]) -> str:
    """The columns of kept rows, of which some are given as expressions; the others are null."""
    return ", ".join(
        f'{fields.get(column.name, f"NULL::{_SQL[column.type]}")} AS "{column.name}"' for column in KEPT
    )


def _write_kept(path: Path, pieces: Iterable[pa.Table]) -> None:
    """Writes what is kept of a day, which comes in order; row groups are as large whatever the pieces are."""
    with pq.ParquetWriter(path, KEPT, compression="zstd") as writer:
        for group in groups((piece.cast(KEPT) for piece in pieces), _ROW_GROUP):
            writer.write_table(pa.concat_tables(group).combine_chunks())


def _spans(days: Iterable[int]) -> list[tuple[int, int]]:
    return [(day, day) for day in days]


def _near(spans: Iterable[tuple[int, int]], by: int) -> list[tuple[int, int]]:
    """Spans of days, longer by so many on both sides, merged where they meet."""
    return _merged([(lo - by, hi + by) for lo, hi in spans])


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for lo, hi in sorted(spans):
        if found and lo <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], hi))
        else:
            found.append((lo, hi))
    return found
