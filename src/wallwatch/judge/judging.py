"""Verdicts of all measurements that a connection shows: set by set, so many rows at a time, on several cores."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb
import pyarrow as pa

from wallwatch.judge.assemble import ASSEMBLED, assemble, plain
from wallwatch.judge.networks import networks
from wallwatch.judge.references import References
from wallwatch.judge.rules import RULES
from wallwatch.judge.steps import (
    bits,
    context,
    decide,
    dns,
    doubts,
    early,
    gather,
    http,
    names,
    own,
    pace,
    peers,
    quic,
    service,
    shares,
    tcp,
    tls,
    units,
)
from wallwatch.judge.steps.shares import InShares
from wallwatch.judge.steps.units import Chunk, Source, from_views
from wallwatch.schema import VERDICTS

_Work = TypeVar("_Work")
_Result = TypeVar("_Result")

#: Rows of `observations` and `controls` that are judged at a time on each core: some three hundred megabytes in memory.
#: What verdicts say does not depend on it.
ROWS_AT_ONCE = 700_000

#: Where there are no more chunks than cores, nor than this many, each stays in memory until it is judged: what was gathered
#: of so few leaves room. Else each is read twice.
STAYING = 2

#: Addresses that were answered without their network.
_UNPLACED = """
SELECT DISTINCT ip FROM (
  SELECT ip FROM observations WHERE layer = 'dns' AND ip IS NOT NULL AND ip_network IS NULL
  UNION ALL
  SELECT ip FROM controls WHERE ip IS NOT NULL AND ip_network IS NULL
)
"""

#: Once, before anything is judged.
_FIRST: tuple[str, ...] = (
    *units.DAYS,
    units.NAMES,
    units.GATEWAYS,
    *gather.TABLES,
    *service.TABLES,
)

#: After every chunk was looked at: what they say together. After `peers.FIRST` these two may be made at the same time;
#: neither reads what the other makes.
_APART: tuple[tuple[str | InShares, ...], ...] = (
    peers.STEPS,
    (
        *peers.ASIDE,
        *pace.STEPS,
        *quic.TOGETHER,
        *early.STEPS,
        *names.STEPS,
        service.DEVICES_KNOWN,
    ),
)
_TOGETHER: tuple[str | InShares, ...] = (*peers.FIRST, *chain.from_iterable(_APART), *doubts.STEPS)

#: For each chunk, once it was read: in this order each step finds what it reads.
_JUDGE: tuple[str, ...] = (
    own.ADDRESSES,
    own.AGREEMENT,
    context.KNOWN,
    context.HELPER,
    context.HELPER_PAGE,
    context.CONTEXT,
    own.UNTRUSTED,
    *tcp.STEPS,
    *tls.STEPS,
    *quic.STEPS,
    *http.STEPS,
    early.RESPONSES,
    *dns.STEPS,
    decide.PARTS,
    service.MARK_DEVICES,
    service.PART,
    decide.SERVICE_PARTS,
    service.PART_MECHANISMS,
    service.SERVICE,
    decide.SERVICE_WHOLE,
    decide.FLAGS,
    decide.WHOLE,
    decide.FOUND,
    decide.ADD,
    decide.TARGETS,
    decide.FLAG_LISTS,
    bits.RULE_LISTS,
    bits.MECHANISM_LISTS,
)


def _version() -> str:
    any_chunk = Chunk(0)
    steps = [
        _FIRST,
        units.this(any_chunk),
        units.read(any_chunk),
        units.of_tests(any_chunk),
        units.fingerprints(any_chunk),
        units.controls(any_chunk),
        own.OWN,
        gather.STEPS,
        (units.confirmed(any_chunk), *gather.ONE_VOICE),
        (
            service.TRIED,
            service.ENDPOINTS,
            service.POOLS,
            service.VOTES,
            service.DEVICES,
            service.GATHER_DEVICES,
        ),
        _TOGETHER,
        _JUDGE,
    ]
    rules = [asdict(rule) for rule in RULES]
    content = json.dumps([rules, steps, decide.IN_ORDER], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


#: Version of the rules and of how they are combined: first 12 hex digits of the SHA-256 of both.
RULE_SET: str = _version()


def batches(
    con: duckdb.DuckDBPyConnection,
    references: References,
    *,
    source: Source = from_views,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[pa.Table]:
    """The verdicts, with the columns of schema `VERDICTS`, some hundred thousand at a time.

    Each chunk of measurements is read twice, since what other networks saw of a host has to be known before the first
    is judged; very few are read once (`STAYING`). As many chunks are judged at a time as the connection has threads; the
    tables come in the order of the files' ids, their rows in the order of their key.

    Args:
        con: Shows `measurements`, `observations` and `controls`, in a database of its own, which gains tables named
            `judge_…` while this runs.
        references: What is known beforehand.
        source: Where the rows of some files are read from.
        rows_at_once: About how many rows are judged at a time.

    Raises:
        duckdb.Error: One of the three is missing a column.
    """
    chunks = cut(con, source, (), rows_at_once) or [Chunk(0)]
    with looked_at(con, references, source, chunks) as judging:
        judging.conclude()
        yield from judging.judge(chunks, lambda _, table: plain(table))


class Elsewhere(Protocol):
    """Other processes, each of which looks at some chunks and judges some; see `judge/elsewhere.py`."""

    def look(self, con: duckdb.DuckDBPyConnection, chunks: Sequence[Chunk], keep: Sequence[str]) -> None:
        """Fills the connection's tables with what chunks say, as `look` does for each."""

    def judge(
        self,
        con: duckdb.DuckDBPyConnection,
        chunks: Sequence[Chunk],
        day_of: Mapping[str, str],
        folder: Path,
        write: Callable[[Path, Iterator[pa.Table]], int],
    ) -> dict[str, int]:
        """Writes the verdicts of chunks to a Parquet file for each day, after the connection's tables were concluded.

        Args:
            con: Has the tables.
            chunks: Which; those of a day follow each other.
            day_of: File id to the name of its day.
            folder: Where the files come to lie.
            write: Writes a day's verdicts, which come in pieces; says how many rows they are.

        Returns:
            Name of each day to its number of rows.
        """


@contextmanager
def looked_at(
    con: duckdb.DuckDBPyConnection,
    references: References,
    source: Source,
    chunks: Sequence[Chunk],
    *,
    prepare: Sequence[str] = (),
    keep: Sequence[str] = (),
    elsewhere: Elsewhere | None = None,
) -> Iterator[Judging]:
    """Looks at chunks: what they say is gathered when the block begins; all tables are dropped when it ends.

    Args:
        con: Shows `measurements`, `observations` and `controls`, of these chunks alone, in a database of its own.
        references: What is known beforehand.
        source: Where the rows are read from.
        chunks: All of them.
        prepare: Statements that are run before anything is read.
        keep: Statements that are run for each chunk beside those that gather.
        elsewhere: Who looks at the chunks; cursors of the connection where not given.
    """
    _put(con, "judge_expected", _expected(references))
    _put(con, "judge_networks", _networks(references, lambda query: con.sql(query).fetchall()))
    _run(con, *map(_shared, units.DAYS))
    for statement in prepare:
        con.execute(statement)
    _run(con, *map(_shared, _FIRST[len(units.DAYS) :]))
    one_at_a_time = threading.Lock()
    staying: dict[Chunk, duckdb.DuckDBPyConnection] = {}

    with _Cursors(con, len(chunks)) as cursors:
        again = len(chunks) > min(STAYING, len(cursors))

        def look_at(own_con: duckdb.DuckDBPyConnection, chunk: Chunk) -> None:
            begin(own_con, source, chunk)
            look(own_con, keep, again=again, naming=one_at_a_time)
            if not again:
                staying[chunk] = own_con

        if elsewhere is not None:
            elsewhere.look(con, chunks, keep)
        else:
            for _ in cursors.each(look_at, chunks):
                pass
        yield Judging(con, references, source, cursors, staying)
    for (name,) in con.sql(
        "SELECT table_name FROM duckdb_tables() WHERE starts_with(table_name, 'judge_')"
    ).fetchall():
        con.execute(f"DROP TABLE {name}")


@dataclass(frozen=True, slots=True)
class Judging:
    """Chunks that were looked at.

    Attributes:
        con: The connection, which has the tables that were gathered.
        references: What is known beforehand.
        source: Where the rows are read from.
        cursors: Of the connection.
        staying: The chunks that need not be read again, each with the cursor that has its rows.
    """

    con: duckdb.DuckDBPyConnection
    references: References
    source: Source
    cursors: _Cursors
    staying: Mapping[Chunk, duckdb.DuckDBPyConnection]

    def conclude(self) -> None:
        """Makes what chunks say together of what was gathered."""
        conclude(self.con, (*gather.ONE_VOICE, *peers.FIRST))
        for _ in self.cursors.each(conclude, _APART):
            pass
        conclude(self.con, doubts.STEPS)

    def judge(self, chunks: Sequence[Chunk], then: Callable[[Chunk, pa.Table], _Result]) -> Iterator[_Result]:
        """Begins to judge some of the chunks, after `conclude`.

        Args:
            chunks: Which.
            then: What is done with each and its verdicts, which are in the order of their key; in several threads.

        Returns:
            What that gives, in the order of the chunks.
        """

        def judge_it(own_con: duckdb.DuckDBPyConnection, chunk: Chunk) -> _Result:
            again = chunk not in self.staying
            if again:
                begin(own_con, self.source, chunk)
            return then(chunk, judged(own_con, self.references.version, again=again))

        return self.cursors.each(judge_it, chunks, self.staying)


def begin(con: duckdb.DuckDBPyConnection, source: Source, chunk: Chunk) -> None:
    """Makes views of a chunk's rows, and numbers its measurements: `look` and `judged` are then of this chunk."""
    for statement in (*_views(chunk, source), units.this(replace(_HERE, before=chunk.before), _here)):
        con.execute(statement)


def look(
    con: duckdb.DuckDBPyConnection,
    keep: Sequence[str] = (),
    *,
    again: bool = True,
    naming: AbstractContextManager[Any] | None = None,
) -> None:
    """Gathers what the chunk that was begun says, in tables that chunks share; see `looked_at`.

    Args:
        con: Where it was begun.
        keep: More statements.
        again: Whether it will be read again to be judged.
        naming: Held while endpoints get their numbers, which cursors of one database must not do at once.
    """
    before, naming_step, after = looking(tuple(keep), again)
    _run(con, *before)
    with naming or nullcontext():
        _run(con, naming_step)
    _run(con, *after)


def judged(con: duckdb.DuckDBPyConnection, reference_set: str, *, again: bool = True) -> pa.Table:
    """The verdicts of the chunk that was begun, after all was concluded, in the order of their key.

    Args:
        con: Where it was begun.
        reference_set: Version of the reference data.
        again: Whether it was left since it was looked at, and is read again.
    """
    _run(con, *judging(again))
    found = assemble(con, RULE_SET, reference_set)
    _run(con, *(f"DROP TABLE {name}" for name in ASSEMBLED))  # or they stay while the verdicts are written
    return found


@cache
def looking(keep: tuple[str, ...], again: bool) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """The statements of `look`: before endpoints get their numbers, that one, and after it."""
    return (
        (
            *units.read(_HERE, _here, looking=again),
            own.SEEN if again else own.OWN,
            *gather.STEPS,
            units.confirmed(_HERE, _here),
            *keep,
            units.of_tests(_HERE, _here),
            service.TRIED,
        ),
        service.ENDPOINT_NAMES,
        (service.ENDPOINTS, service.POOLS, service.VOTES, service.DEVICES, service.GATHER_DEVICES),
    )


@cache
def judging(again: bool) -> tuple[str, ...]:
    """The statements of `judged`."""
    rows, handshakes, exchanges = units.read(_HERE, _here, again=again)
    there = (units.this(_HERE, _here), rows, own.OWN, handshakes, exchanges)
    steps = (*there, units.fingerprints(_HERE, _here), units.controls(_HERE, _here), *_JUDGE)
    return tuple(_dropping(steps))[1 if again else len(there) :]


def verdicts(
    con: duckdb.DuckDBPyConnection, references: References, rows_at_once: int = ROWS_AT_ONCE
) -> duckdb.DuckDBPyRelation:
    """The verdicts of not too many measurements, with the columns of schema `VERDICTS`; see `batches`."""
    names = ", ".join(VERDICTS.names)
    return con.from_arrow(
        pa.concat_tables(batches(con, references, rows_at_once=rows_at_once), promote_options="permissive")
    ).project(names)


def cut(
    con: duckdb.DuckDBPyConnection, source: Source, parts: Sequence[str], rows_at_once: int, before: int = 0
) -> list[Chunk]:
    """Parts, or all rows where none is named, as chunks of about so many rows; none where there are no measurements.

    Args:
        con: The connection.
        source: Where the rows are read from.
        parts: Which; see `Source`.
        rows_at_once: Of observations and controls.
        before: How many measurements come before.
    """
    held = f"({source('measurements', parts, None, None)})"
    rows = con.sql(f"SELECT coalesce(sum(observations + controls), 0) FROM {held}").fetchall()[0][0]
    found = [
        Chunk(before + row[0], tuple(parts), *row[1:])
        for row in con.sql(units.chunks(even(int(rows), rows_at_once), held)).fetchall()
    ]
    for n, chunk in enumerate(found):
        if chunk.last_line is not None:
            ends = con.sql(units.rows_end(chunk, source)).fetchall()[0][0]
            found[n] = replace(chunk, rows_end=max(ends or 0, chunk.last_line))
    return found


def even(rows: int, most: int) -> int:
    """Rows of each chunk, so that chunks are alike and, but for a single one, of an even number.

    A short one at the end would keep one of two cores waiting. How many cores there are does not matter: chunks, and
    with them the order of verdicts, are the same everywhere.
    """
    count = -(-rows // most)
    return most if count <= 1 else -(-rows // (count + count % 2))


def _shared(step: str) -> str:
    """The step with its table for all cursors of a connection: a temporary one is for the cursor that makes it."""
    return step.replace("CREATE OR REPLACE TEMP TABLE", "CREATE OR REPLACE TABLE")


def _expected(references: References) -> pa.Table:
    strengths = dict(references.strengths)
    countries = dict(references.expected)
    hits = sorted({*strengths, *countries})
    return pa.table(
        {
            "hit": pa.array(hits, pa.string()),
            "countries": pa.array([list(countries.get(hit, ())) for hit in hits], pa.list_(pa.string())),
            "strength": pa.array([strengths.get(hit) for hit in hits], pa.int64()),
        }
    )


def _networks(references: References, rows: Callable[[str], list[tuple[Any, ...]]]) -> pa.Table:
    """The networks of addresses for which a probe reported none."""
    found: dict[str, int] = {}
    if references.networks is not None:
        found = networks(references.networks, (ip for (ip,) in rows(_UNPLACED)))
    return pa.table(
        {"ip": pa.array(list(found), pa.string()), "network": pa.array(list(found.values()), pa.int64())}
    )


def _put(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    con.register("judge_given", rows)
    con.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM judge_given")
    con.unregister("judge_given")


def _views(chunk: Chunk, source: Source) -> Iterator[str]:
    """Statements that make views of a chunk's rows: what reads them is the same text for every chunk."""
    yield f"CREATE OR REPLACE TEMP VIEW judge_here_measurements AS {chunk.measurements(source)}"
    for table in ("observations", "controls"):
        yield f"CREATE OR REPLACE TEMP VIEW judge_here_{table} AS {chunk.rows(source, table)}"


#: What those views show, as a chunk and its source.
_HERE = Chunk(0)


def _here(table: str, parts: Sequence[str], first: str | None, last: str | None) -> str:
    return f"SELECT * FROM judge_here_{table}"


#: Steps, parsed: what is a quarter of their cost beside rows is paid for once, and not for each chunk.
_PARSED: dict[str, duckdb.Statement] = {}


def _run(con: duckdb.DuckDBPyConnection, *steps: str, **given: Any) -> None:
    """Runs steps whose text is the same whatever is judged, with what is given for the parameters of each."""
    for step in steps:
        if step not in _PARSED:
            (_PARSED[step],) = con.extract_statements(step)
        con.execute(_PARSED[step], given or None)


def conclude(
    con: duckdb.DuckDBPyConnection, steps: Sequence[str | InShares], rows_at_once: int | None = None
) -> None:
    """Runs steps that make what chunks say together, for cursors that see each other's tables.

    Args:
        con: Has the tables that were gathered.
        steps: Which.
        rows_at_once: Rows of a share; `shares.ROWS_AT_ONCE` where not given.
    """
    for step in steps:
        if isinstance(step, str):
            _run(con, _shared(step))
            continue
        for number, (first, last) in enumerate(step.shares(con, rows_at_once or shares.ROWS_AT_ONCE)):
            _run(con, step.add if number else step.make, first=first, last=last)


def _dropping(steps: Sequence[str]) -> Iterator[str]:
    """The steps, each followed by those that drop what none after it reads: so more rows fit into memory."""
    reads = [set(re.findall(r"\bjudge_\w+", step)) for step in steps]
    last = {name: place for place, names in enumerate(reads) for name in names}
    temporary = {
        found[1] for step in steps if (found := re.match(r"\s*CREATE OR REPLACE TEMP TABLE (\w+)", step))
    }
    for place, step in enumerate(steps):
        yield step
        yield from (
            f"DROP TABLE {name}"
            for name in sorted(reads[place] & temporary)
            if last[name] == place and name not in ASSEMBLED
        )


class _Cursors:
    """Cursors of a connection, which see its tables and have temporary ones of their own; closed at the end.

    Where there are several, each has one thread, and so has the connection: queries that share threads cost a quarter more.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, most: int) -> None:
        self._con = con
        self._threads = int(con.sql("SELECT current_setting('threads')").fetchall()[0][0])
        self._all = [con.cursor() for _ in range(max(1, min(self._threads, most)))]
        for cursor in self._all:
            cursor.execute("SET TimeZone = 'UTC'")
        self._free = deque(self._all)
        self._choosing = threading.Lock()
        self._pool = ThreadPoolExecutor(len(self._all))

    def __len__(self) -> int:
        return len(self._all)

    def __enter__(self) -> _Cursors:
        if len(self._all) > 1:
            self._con.execute("SET threads = 1")
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        for cursor in self._all:
            cursor.close()
        self._con.execute(f"SET threads = {self._threads}")

    def each(
        self,
        work: Callable[[duckdb.DuckDBPyConnection, _Work], _Result],
        pieces: Iterable[_Work],
        on: Mapping[_Work, duckdb.DuckDBPyConnection] | None = None,
    ) -> Iterator[_Result]:
        """Begins pieces of work; gives the results in their order. No more are made ahead than there are cursors.

        Args:
            work: What is done with each, on a cursor of its own.
            pieces: No more at a time than there are cursors, each on the one that has been free for longest.
            on: Those that need a certain cursor; where given, one for each piece, and another for each.
        """
        left = iter(pieces)

        def begin(piece: _Work) -> Future[_Result]:
            return self._pool.submit(self._on_a_cursor, work, piece, on[piece] if on else None)

        waiting = deque(begin(piece) for piece in islice(left, len(self._all) + 1))

        def results() -> Iterator[_Result]:
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(begin(piece) for piece in islice(left, 1))
                yield found

        return results()

    def _on_a_cursor(
        self,
        work: Callable[[duckdb.DuckDBPyConnection, _Work], _Result],
        piece: _Work,
        cursor: duckdb.DuckDBPyConnection | None,
    ) -> _Result:
        with self._choosing:
            if cursor is None:
                cursor = self._free[0]
            self._free.remove(cursor)
        try:
            return work(cursor, piece)
        finally:
            with self._choosing:
                self._free.append(cursor)
