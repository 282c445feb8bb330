"""Verdicts of all measurements that a connection shows: set by set, so many rows at a time."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import duckdb
import pyarrow as pa

from wallwatch.judge.references import References
from wallwatch.judge.rules import RULES
from wallwatch.judge.steps import (
    bits,
    context,
    decide,
    dns,
    gather,
    http,
    own,
    pace,
    peers,
    service,
    tcp,
    tls,
    units,
)
from wallwatch.judge.steps.units import Chunk

#: Rows of `observations` and `controls` that are judged at a time: some hundred megabytes in memory.
ROWS_AT_ONCE = 700_000

#: Once, before anything is read.
_EMPTY: tuple[str, ...] = (units.NAMES, decide.FOUND, *gather.TABLES, service.MIDDLEBOXES)

#: After every chunk was looked at: what they say together.
_TOGETHER: tuple[str, ...] = (*peers.STEPS, *pace.STEPS, service.DEVICES_KNOWN)

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
    *http.STEPS,
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
    decide.ADD,
)

#: After the last chunk.
_NAMES: tuple[str, ...] = (decide.TARGETS, decide.FLAG_LISTS, bits.RULE_LISTS, bits.MECHANISM_LISTS)

#: What a chunk needs and the verdicts do not.
_CHUNK_TABLES = (
    "this units tls_units http_units fingerprints controls own addresses agreement known helper helper_page context "
    "untrusted tcp tls quic hits http_rows http dns parts part service flags whole test_rows endpoints device"
).split()


def _version() -> str:
    any_chunk = Chunk(0, "", 0, "", 0)
    steps = [
        units.who(1),
        units.names(any_chunk),
        units.read(any_chunk),
        units.controls(any_chunk),
        own.OWN,
        gather.STEPS,
        service.read(any_chunk),
        (service.VOTES, service.DEVICES, service.GATHER_DEVICES),
        _TOGETHER,
        _JUDGE,
    ]
    rules = [asdict(rule) for rule in RULES]
    content = json.dumps([rules, steps, _NAMES, decide.verdicts("", "")], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


#: Version of the rules and of how they are combined: first 12 hex digits of the SHA-256 of both.
RULE_SET: str = _version()


def prepare(con: duckdb.DuckDBPyConnection, references: References, rows_at_once: int = ROWS_AT_ONCE) -> None:
    """Makes the judge's temporary tables on the connection, from `measurements`, `observations` and `controls`.

    Each chunk is read twice, since what other networks saw of a host has to be known before the first is judged; a
    single one is read once.
    """
    strengths = dict(references.strengths)
    countries = dict(references.expected)
    hits = sorted({*strengths, *countries})
    expected = pa.table(
        {
            "hit": pa.array(hits, pa.string()),
            "countries": pa.array([list(countries.get(hit, ())) for hit in hits], pa.list_(pa.string())),
            "strength": pa.array([strengths.get(hit) for hit in hits], pa.int64()),
        }
    )
    con.register("judge_expected_rows", expected)
    con.execute("CREATE OR REPLACE TEMP TABLE judge_expected AS SELECT * FROM judge_expected_rows")
    con.unregister("judge_expected_rows")
    _run(con, units.who(rows_at_once), *_EMPTY)
    chunks = [Chunk(*row) for row in con.sql(units.CHUNKS).fetchall()]
    several = len(chunks) > 1
    for chunk in chunks:
        _run(con, units.this(chunk), units.names(chunk), *units.read(chunk))
        _run(con, own.SEEN if several else own.OWN, *gather.STEPS)
        _run(con, *service.read(chunk), service.VOTES, service.DEVICES, service.GATHER_DEVICES)
    _run(con, *_TOGETHER)
    for chunk in chunks:
        if several:
            _run(con, units.this(chunk), *units.read(chunk), own.OWN, *service.read(chunk), service.DEVICES)
        _run(con, units.controls(chunk), *_JUDGE)
    _run(con, *(f"DROP TABLE IF EXISTS judge_{name}" for name in _CHUNK_TABLES))
    _run(con, *_NAMES)


def _run(con: duckdb.DuckDBPyConnection, *steps: str) -> None:
    for step in steps:
        con.execute(step)


def verdicts(con: duckdb.DuckDBPyConnection, references: References) -> duckdb.DuckDBPyRelation:
    """The verdicts, with the columns of schema `VERDICTS`, in no particular order.

    Args:
        con: Shows `measurements`, `observations` and `controls`; gains temporary tables named `judge_…`.
        references: What is known beforehand.

    Raises:
        duckdb.Error: One of the three is missing a column.
    """
    prepare(con, references)
    return con.sql(decide.verdicts(RULE_SET, references.version))
