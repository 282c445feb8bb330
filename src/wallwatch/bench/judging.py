"""How fast the judge is, on a corpus so large that what its statements cost to begin with is little.

The simulated country is watched for a week, with every kind of test, blocks and traps. Its measurements come again in
later weeks under other ids and sessions, those that are not judged `ok` in every eighth week only: so that about one in
twenty is of something blocked.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from wallwatch import judge, pipeline, simulate
from wallwatch._text import quoted
from wallwatch.archive import take_in
from wallwatch.bench.measure import Spent
from wallwatch.engine import Workspace
from wallwatch.sources.fingerprints import Fingerprints

_SEED = 20_250_303
_DAYS = 7
#: After every time in the corpus.
_AS_OF = datetime(2100, 1, 1, tzinfo=UTC)
_TABLES = {"measurements": "n", "observations": "n, obs", "controls": "n", "files": "file_id"}

#: What is not plainly fine comes in one week of so many.
_RARELY = 8

#: Measurements in their order, and whether they are plainly fine.
_PLACED = """
CREATE TEMP TABLE placed AS
SELECT m.measurement_id, row_number() OVER (ORDER BY m.file_id, m.line, m.measurement_id) AS n, v.state = 'ok' AS fine
FROM measurements m JOIN verdicts v ON v.measurement_id = m.measurement_id AND v.layer = 'all'
"""


def make(folder: Path, observations: int, scale: float = 1.0) -> Workspace:
    """A workspace of at least so many observations: one file a week.

    Args:
        folder: Where to; gains the simulated files beside it.
        observations: How many.
        scale: How much the simulated country measures; see `simulate.write`.
    """
    written = simulate.write(folder / "country", seed=_SEED, days=_DAYS, scale=scale)
    once, many = Workspace.create(folder / "once"), Workspace.create(folder / "many")
    take_in(written.inputs, once.layout, workers=1, fingerprints=Fingerprints.load([]), as_of=_AS_OF)
    with once.connect(threads=1) as con:
        con.execute("SET preserve_insertion_order = true")
        once.replace(
            "verdicts", judge.batches(con, judge.References.load(), source=once.source(con)), "bench"
        )
        once.refresh(con)
        con.execute(_PLACED)
        whole, fine = con.sql(
            "SELECT count(*), count(*) FILTER (fine) FROM observations JOIN placed USING (measurement_id)"
        ).fetchall()[0]
        week = had = 0
        while had < observations:
            file_id = hashlib.sha256(str(week).encode()).hexdigest()[:16]
            for name, order in _TABLES.items():
                path = many.layout.part(name, file_id)
                path.parent.mkdir(parents=True, exist_ok=True)
                query = _week(name, week, file_id, order)
                con.execute(f"COPY ({query}) TO {quoted(str(path))} (FORMAT parquet, COMPRESSION zstd)")
            had += fine if week % _RARELY else whole
            week += 1
    return many


def _week(name: str, week: int, file_id: str, order: str) -> str:
    """A query of the rows of a table in one week."""
    if name == "files":
        return f"SELECT * REPLACE ('{file_id}' AS file_id, 'week{week}' AS path) FROM files WHERE measurements > 0 ORDER BY {order} LIMIT 1"
    later = f"INTERVAL {week * _DAYS} DAY"
    received = f", received + {later} AS received" if name == "measurements" else ""
    return (
        f"SELECT t.* REPLACE ('{file_id}' AS file_id, n AS line, t.measurement_id || '_{week}' AS measurement_id, "
        f"session || '_{week}' AS session, time + {later} AS time{received}) "
        f"FROM {name} t JOIN placed p ON p.measurement_id = t.measurement_id "
        f"{'WHERE fine ' if week % _RARELY else ''}ORDER BY {order}"
    )


def run(folder: Path, observations: int, workers: int, scale: float = 1.0) -> dict[str, float]:
    """What judging so many observations takes, Parquet read and written, and the numbers of rows."""
    workspace = make(folder, observations, scale)
    found: dict[str, float] = {"workers": workers}
    with workspace.lock(), workspace.connect(threads=workers) as con:
        for name in ("measurements", "observations", "controls"):
            found[name] = con.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0]
        with Spent() as spent:
            found["verdicts"] = pipeline.judge_workspace(workspace, con, Fingerprints.load([]), "bench")
        found |= {"seconds": spent.seconds, "cpu_seconds": spent.cpu_seconds}
        found["observations_per_second"] = found["observations"] / spent.seconds
        found["observations_per_cpu_second"] = found["observations"] / spent.cpu_seconds
        workspace.refresh(con)
        found["blocked_share"] = con.sql(
            "SELECT avg(CASE WHEN state IN ('blocked', 'likely_blocked') THEN 1 ELSE 0 END) FROM verdicts WHERE layer = 'all'"
        ).fetchall()[0][0]
    return found
