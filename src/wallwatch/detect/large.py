"""A country whose verdicts are too many to be looked at together: its days one after the other, then its services.

What rests on all services of an hour, or of a session, is told from measurements as wholes, some days at a time:
hours without connectivity (`detect_lost`), and sessions that find nearly everything failing (`detect_sick`). A
restriction rests on the verdicts of one service, so that after this some services are looked at after others, and only
those of which anything speaks against a target.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from wallwatch._shares import in_shares
from wallwatch._text import quoted
from wallwatch.detect import rows
from wallwatch.detect.votes import LEAST

#: Verdicts whose days are looked at together, for each that may be where only wholes are: a measurement has several.
_WHOLES = 3

#: The columns of verdicts that restrictions rest on.
_READ = (
    "measurement_id, layer, country, network, network_name, service, target, host, session, probe_id, resolver_network, "
    "software, time, received, state, mechanisms, evidence, flags"
)

#: Services of which so much speaks against a target that there may be something to find.
_ACCUSED = f"""
SELECT DISTINCT service FROM (
  SELECT service FROM verdicts
  WHERE country = $country AND time IS NOT NULL AND network IS NOT NULL AND len(flags) = 0
    AND layer NOT IN ('part', 'service')
    AND (state IN ('blocked', 'likely_blocked')
      OR state = 'impaired' AND array_to_string(mechanisms, ' ') LIKE '%.throttle%')
  GROUP BY service, target, network, layer HAVING count(*) >= {LEAST}
)
"""

#: `rows.WORKING`, of all days.
_WORKING = """
CREATE OR REPLACE TEMP TABLE detect_working AS
SELECT country, service FROM verdicts
WHERE country = $country AND layer = 'all' AND len(flags) = 0 AND time IS NOT NULL AND network IS NOT NULL
GROUP BY country, service HAVING count(*) >= 10 AND count(*) FILTER (state = 'ok') > 0.6 * count(*)
"""

#: Rows in a row group of the files in which services are apart: few, so that others are passed over.
_ROW_GROUP = 8192

_SECONDS = 86_400


def _days(con: duckdb.DuckDBPyConnection, country: str, most: int) -> list[tuple[int, int]]:
    """First and last of days since 1970-01-01 that are looked at together."""
    sizes: list[tuple[int, int]] = con.execute(
        f"SELECT CAST(floor(epoch(time) / {_SECONDS}) AS BIGINT) AS day, count(*) FROM verdicts "
        "WHERE country = $country AND time IS NOT NULL GROUP BY day ORDER BY day",
        {"country": country},
    ).fetchall()
    return [(share[0], share[-1]) for share in in_shares(sizes, most)]


def _on(first: int, last: int) -> str:
    """A condition: verdicts of days from one to another."""
    return f"time >= to_timestamp({first * _SECONDS}) AND time < to_timestamp({(last + 1) * _SECONDS})"


def daily(con: duckdb.DuckDBPyConnection, country: str, rows_at_once: int) -> Iterator[str]:
    """Queries of what `detect_faulty` rests on in a country; see `rows.daily`.

    Args:
        con: Shows `verdicts`.
        country: Which.
        rows_at_once: About how many verdicts are looked at together.
    """
    for first, last in _days(con, country, _WHOLES * rows_at_once):
        rows.make_rows(con, [country], within=_on(first, last), whole=True)
        yield rows.DAILY


def trusted(con: duckdb.DuckDBPyConnection, country: str, rows_at_once: int) -> Iterator[None]:
    """Makes `detect_rows` of measurements as wholes, some days at a time, without what is not trusted.

    After the last, `detect_lost` is that of all days.

    Args:
        con: Shows `verdicts`, and has the table `detect_faulty`.
        country: Which.
        rows_at_once: About how many verdicts are looked at together.
    """
    con.execute(_WORKING, {"country": country})
    con.execute(f"CREATE OR REPLACE TEMP TABLE detect_lost_before ({rows.LOST})")
    for first, last in _days(con, country, _WHOLES * rows_at_once):
        # Connectivity is lost in windows of hours, which reach into the days around.
        rows.make_rows(con, [country], within=_on(first - 1, last + 1), whole=True)
        rows.find_lost(con)
        inside = f"hour_index BETWEEN {24 * first} AND {24 * last + 23}"
        con.execute(f"INSERT INTO detect_lost_before SELECT * FROM detect_lost WHERE {inside}")
        con.execute(f"DELETE FROM detect_rows WHERE NOT ({inside})")
        con.execute(rows.FORGET)
        yield
    con.execute("DROP TABLE IF EXISTS detect_lost")
    con.execute("ALTER TABLE detect_lost_before RENAME TO detect_lost")


def _prepare(con: duckdb.DuckDBPyConnection, country: str, rows_at_once: int) -> None:
    """Makes `detect_lost` and `detect_sick` of a country.

    Args:
        con: Shows `verdicts`, and has the table `detect_faulty`.
        country: Which.
        rows_at_once: About how many verdicts are looked at together.
    """
    con.execute(f"CREATE OR REPLACE TEMP TABLE detect_heard ({rows.HEARD_COLUMNS})")
    for _ in trusted(con, country, rows_at_once):
        con.execute(f"INSERT INTO detect_heard SELECT * FROM ({rows.HEARD}) WHERE failed = 1")
    # Who found few services failing did not find nearly all of many so; of the others it is asked what they found fine.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE detect_suspects AS SELECT session FROM detect_heard GROUP BY session "
        f"HAVING count(DISTINCT service) > {rows.SICK_SHARE} * {rows.SICK_SERVICES}"
    )
    con.execute("DELETE FROM detect_heard")
    if con.sql("SELECT 1 FROM detect_suspects LIMIT 1").fetchall():
        for first, last in _days(con, country, _WHOLES * rows_at_once):
            within = f"{_on(first, last)} AND session IN (SELECT session FROM detect_suspects)"
            rows.make_rows(con, [country], within=within, whole=True)
            con.execute(rows.FORGET)
            con.execute(f"INSERT INTO detect_heard {rows.HEARD}")
    con.execute(
        rows.sick("SELECT country, session, service, max(failed) AS failed FROM detect_heard GROUP BY ALL")
    )
    for name in ("detect_heard", "detect_suspects"):
        con.execute(f"DROP TABLE {name}")


def by_service(con: duckdb.DuckDBPyConnection, country: str, rows_at_once: int) -> Iterator[None]:
    """Makes `detect_rows` of some services of a country at a time, which `verdicts` then shows alone.

    What can be told of them is told by then; services of which nothing speaks against a target are passed over.

    Args:
        con: Shows `verdicts`, and has the table `detect_faulty`.
        country: Which.
        rows_at_once: About how many verdicts are looked at together.
    """
    _prepare(con, country, rows_at_once)
    sizes: list[tuple[str, int]] = con.execute(
        f"SELECT service, count(*) FROM verdicts WHERE country = $country AND service IN ({_ACCUSED}) "
        "GROUP BY service ORDER BY service",
        {"country": country},
    ).fetchall()
    shares = in_shares(sizes, rows_at_once)
    with tempfile.TemporaryDirectory(prefix=".services.", suffix=".tmp", dir=_scratch(con)) as folder:
        if shares:
            _write(con, country, shares, Path(folder), rows_at_once)
        for share in range(len(shares)):
            files = quoted(f"{folder}/*.parquet")
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW verdicts AS SELECT * FROM read_parquet({files}) WHERE share = {share}"
            )
            try:
                rows.make_rows(con, None)
                con.execute(rows.FORGET)
                yield
            finally:
                con.execute("DROP VIEW temp.verdicts")


def _write(
    con: duckdb.DuckDBPyConnection, country: str, shares: Sequence[Sequence[str]], folder: Path, most: int
) -> None:
    """Writes the verdicts of some services to a file for some days each, in which those of a share lie together."""
    con.register(
        "detect_shares_given",
        pa.table(
            {
                "service": pa.array([service for share in shares for service in share], pa.string()),
                "share": pa.array([n for n, share in enumerate(shares) for _ in share], pa.int32()),
            }
        ),
    )
    con.execute("CREATE OR REPLACE TEMP TABLE detect_shares AS SELECT * FROM detect_shares_given")
    con.unregister("detect_shares_given")
    for number, (first, last) in enumerate(_days(con, country, most)):
        con.execute(
            f"COPY (SELECT {_READ}, share FROM verdicts JOIN detect_shares USING (service) "
            f"WHERE country = {quoted(country)} AND network IS NOT NULL AND {_on(first, last)} ORDER BY share) "
            f"TO {quoted(f'{folder}/{number:06d}.parquet')} (FORMAT parquet, ROW_GROUP_SIZE {_ROW_GROUP})"
        )
    con.execute("DROP TABLE detect_shares")


def _scratch(con: duckdb.DuckDBPyConnection) -> Path:
    """The folder to which the connection spills."""
    folder = Path(con.sql("SELECT current_setting('temp_directory')").fetchall()[0][0])
    folder.mkdir(parents=True, exist_ok=True)
    return folder
