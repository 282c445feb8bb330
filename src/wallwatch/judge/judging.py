"""Verdicts of all measurements that a connection shows: the steps one after the other, set by set."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import duckdb
import pyarrow as pa

from wallwatch.judge.references import References
from wallwatch.judge.rules import RULES
from wallwatch.judge.steps import context, decide, dns, http, pace, peers, tcp, tls, units

#: In this order each step finds what it reads.
STEPS: tuple[str, ...] = (
    *units.STEPS,
    *peers.STEPS,
    *pace.STEPS,
    *context.STEPS,
    *tcp.STEPS,
    *tls.STEPS,
    *http.STEPS,
    *dns.STEPS,
    *(decide.layer(name) for name in ("dns", "tcp", "tls", "quic", "http")),
    decide.PARTS,
    decide.SERVICE,
    decide.layer("service"),
    decide.SERVICE_PARTS,
    decide.OFFLINE,
    decide.FLAGS,
    decide.WHOLE,
    decide.TARGETS,
)


def _version() -> str:
    rules = [asdict(rule) for rule in RULES]
    content = json.dumps([rules, STEPS, decide.verdicts("", "")], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


#: Version of the rules and of how they are combined: first 12 hex digits of the SHA-256 of both.
RULE_SET: str = _version()


def prepare(con: duckdb.DuckDBPyConnection, references: References) -> None:
    """Makes the judge's temporary tables on the connection, from `measurements`, `observations` and `controls`."""
    expected = pa.table(
        {
            "hit": pa.array([hit for hit, _ in references.expected], pa.string()),
            "countries": pa.array([list(c) for _, c in references.expected], pa.list_(pa.string())),
        }
    )
    con.register("judge_expected_rows", expected)
    con.execute("CREATE OR REPLACE TEMP TABLE judge_expected AS SELECT * FROM judge_expected_rows")
    con.unregister("judge_expected_rows")
    for step in STEPS:
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
