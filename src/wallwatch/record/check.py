"""Claims held against what was measured: supported, contradicted, partly, not measured, not checkable.

Nothing is supported from an absence of data, and nothing contradicted from one: a contradiction needs measurements
that show the thing working in that place and time, and enough of them (`FLOOR`).
"""

from __future__ import annotations

import duckdb

from wallwatch.record.check_blocking import blocking
from wallwatch.record.check_shutdown import shutdown
from wallwatch.record.claims import Claim, Known
from wallwatch.record.outcome import Answer


def check(con: duckdb.DuckDBPyConnection, claim: Claim, known: Known) -> Answer:
    """Holds a claim against the tables of a workspace.

    Args:
        con: A connection with the workspace's views.
        claim: What is claimed.
        known: What the data name (`evidence.known`).
    """
    if claim.problem:
        return Answer(claim, "not checkable", _sentence(claim.problem))
    cut = claim.restriction == "shutdown"
    parts = [
        (shutdown(con, claim, country, known) if cut else blocking(con, claim, country, target, known))
        for country in claim.countries
        for target in ([None] if cut or not claim.targets else claim.targets)
    ]
    if len(parts) == 1:
        return parts[0]
    verdicts = [one.verdict for one in parts]
    if len(set(verdicts)) == 1:
        verdict = verdicts[0]
    elif "supported" in verdicts or "partly" in verdicts:
        verdict = "partly"
    else:
        verdict = "not measured"
    limits = tuple(dict.fromkeys(limit for one in parts for limit in one.limits))
    return Answer(
        claim,
        verdict,
        " ".join(one.because for one in parts),
        tuple(e for one in parts for e in one.evidence),
        limits,
        tuple(parts),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
