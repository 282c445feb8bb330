"""Verdicts as detection counts them: one row a measurement and layer, unflagged, timed and placed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

#: Which of a measurement's rows of a layer counts; of the whole it has one.
_WORST = "QUALIFY row_number() OVER (PARTITION BY measurement_id, layer ORDER BY rank, throttled DESC, contrasted DESC, host) = 1"


def _rows(last: str, within: str, whole: bool) -> str:
    """The statement that makes `detect_rows`: its last columns, and which verdicts it is made of, of the whole or all.

    Where a measurement has several hosts on a layer, its worst counts; `insufficient` only where all are. Parts of
    services are told by the service's own row, which knows what it needs. `source` is whom a vote belongs to: the probe
    where it has a credential, else the session (trap C1). `contrasted`: what is wrong rests on an artefact or on a
    control of the moment.
    """
    return f"""
CREATE OR REPLACE TEMP TABLE detect_rows AS
SELECT measurement_id, layer, country, network, service, target, session, probe_id, resolver_network, software,
  time, received, coalesce(probe_id, session) AS source,
  CAST(floor(epoch(time) / 3600) AS BIGINT) AS hour_index,
  CASE state WHEN 'blocked' THEN 1 WHEN 'likely_blocked' THEN 2 WHEN 'impaired' THEN 3 WHEN 'down' THEN 4
    WHEN 'ok' THEN 5 ELSE 6 END AS rank,
  CASE WHEN state = 'impaired' AND array_to_string(mechanisms, ' ') LIKE '%.throttle%' THEN 1 ELSE 0 END AS throttled,
  CASE WHEN state IN ('blocked', 'likely_blocked', 'impaired') AND evidence IN ('artefact', 'control')
    THEN 1 ELSE 0 END AS contrasted,
  {last}
FROM verdicts
WHERE {within}{" AND layer = 'all'" if whole else ""} AND len(flags) = 0 AND layer <> 'part' AND time IS NOT NULL AND country IS NOT NULL
  AND network IS NOT NULL
{"" if whole else _WORST}
"""


#: Rows that are counted at once.
ROWS_A_BUCKET = 400_000

#: Splits series evenly, so that what cannot be spilled to disk is made piece by piece.
_BUCKET = "hash(country, network, target) % BUCKETS AS bucket"

#: What each version of software says of each target, by network and day.
DAILY = """
SELECT country, network, target, hour_index // 24 AS day, software,
  count(DISTINCT session) AS n, count(DISTINCT session) FILTER (rank <= 4) AS k
FROM detect_rows WHERE layer = 'all' AND rank <= 5 AND software IS NOT NULL GROUP BY ALL
"""

#: Software that finds a target failing nearly everywhere, while others on the same networks, days and target find it
#: fine: the failure follows the instrument, not the network (traps C6, J21).
FAULTY = """
CREATE OR REPLACE TEMP TABLE detect_faulty AS
WITH known AS (
  SELECT target, software FROM detect_daily GROUP BY target, software HAVING sum(n) >= 5 AND sum(k) >= 0.7 * sum(n)
),
beside AS (
  SELECT d.target, d.software, d.country, d.network, sum(o.n) AS n, sum(o.k) AS k
  FROM detect_daily d JOIN known USING (target, software)
  JOIN detect_daily o ON o.target = d.target AND o.country = d.country AND o.network = d.network AND o.day = d.day
    AND o.software <> d.software
  WHERE d.k > 0
  GROUP BY ALL
)
SELECT target, software FROM beside
GROUP BY target, software
HAVING sum(n) >= 5 AND sum(k) <= 0.1 * sum(n) AND count(*) FILTER (k <= 0.1 * n) >= 2
"""


#: Hours in which nearly all that usually works on a network, or in a country, is met with silence: connectivity is lost
#: there, and silence says nothing of the single target. That is for the outages (traps S1 to S4).
#:
#: Windows of so many hours are looked at, each half a window after the one before, so that no edge is missed; what is
#: mute in the hour before or after one is of it, too.
LOST_HOURS = (4, 12)
#: At least so many services must be measured. In so large a share of them most measurements are mute; or in nearly as
#: large a share, where nearly all measurements are: domestic services that work are measured no more than others.
LOST_SERVICES = 8
LOST_SHARE = 0.7
LOST_OR = (0.6, 0.8)

#: What is mute: nothing came back. An artefact, a reset or a refusal is an answer, and where a control of the moment
#: was fine the probe reached the world outside: many such failures at once are many restrictions.
_MUTE = (
    "(rank IN (3, 4, 6) OR rank = 2 AND contrasted = 0) AND "
    "len(list_filter(mechanisms, lambda m: NOT (m LIKE '%.timeout' OR m LIKE 'ip.%' OR m NOT LIKE '%.%'))) = 0"
)

_IS_LOST = f"""count(*) >= {LOST_SERVICES} AND (
    count(*) FILTER (2 * mute >= n) >= {LOST_SHARE} * count(*)
    OR count(*) FILTER (2 * mute >= n) >= {LOST_OR[0]} * count(*) AND sum(mute) >= {LOST_OR[1]} * sum(n))"""

#: Hours in which somebody, on whatever network of whatever country, found a service working.
FINE = """
SELECT DISTINCT service, hour_index FROM detect_rows WHERE layer = 'all' AND rank = 5
"""

#: Services that usually work in a country.
WORKING = """
CREATE OR REPLACE TEMP TABLE detect_working AS
SELECT country, service FROM detect_rows WHERE layer = 'all' GROUP BY country, service
HAVING count(*) >= 10 AND count(*) FILTER (rank = 5) > 0.6 * count(*)
"""

_USUAL = f"""
CREATE OR REPLACE TEMP TABLE detect_usual AS
SELECT country, network, service, hour_index, count(*) AS n, count(*) FILTER ({_MUTE}) AS mute
FROM detect_rows SEMI JOIN detect_working USING (country, service) WHERE layer = 'all' GROUP BY ALL
"""

#: What sessions say of services, and its columns.
HEARD_COLUMNS = "country VARCHAR, session VARCHAR, service VARCHAR, failed INTEGER"
HEARD = """
SELECT country, session, service, max(CASE WHEN rank <= 2 THEN 1 ELSE 0 END) AS failed
FROM detect_rows WHERE layer = 'all' AND rank <= 5 GROUP BY ALL
"""

#: A session that finds nearly everything blocked, over many services, says more of itself than of the network (trap C18).
SICK_SERVICES = 5
SICK_SHARE = 0.8


def sick(heard: str = HEARD) -> str:
    """The statement that makes `detect_sick`, of a query of what sessions say."""
    return f"""
CREATE OR REPLACE TEMP TABLE detect_sick AS
SELECT country, session FROM ({heard})
GROUP BY country, session HAVING count(*) >= {SICK_SERVICES} AND sum(failed) > {SICK_SHARE} * count(*)
"""


#: The columns of `detect_lost`; where the network is null, all of the country's are meant.
LOST = "country VARCHAR, network BIGINT, hour_index BIGINT"

_LOST = f"""
WITH binned AS (
  SELECT country, network, hour_index // HOURS AS bin, service, sum(n) AS n, sum(mute) AS mute
  FROM (SELECT * REPLACE (hour_index + OFFSET AS hour_index) FROM detect_usual) GROUP BY ALL
),
nationwide AS (
  SELECT country, bin, service, sum(n) AS n, sum(mute) AS mute FROM binned GROUP BY ALL
),
lost AS (
  SELECT country, network, bin FROM binned GROUP BY country, network, bin
  HAVING {_IS_LOST}
  UNION ALL
  SELECT country, NULL AS network, bin FROM nationwide GROUP BY country, bin
  HAVING {_IS_LOST}
)
INSERT INTO detect_lost
SELECT country, network, bin * HOURS - OFFSET + hour AS hour_index FROM lost, range(-1, HOURS + 1) AS hours(hour)
"""

FORGET = f"""
DELETE FROM detect_rows AS r
WHERE (r.software IS NOT NULL AND (r.target, r.software) IN (SELECT (target, software) FROM detect_faulty))
  OR (rank <= 4 AND {_MUTE} AND EXISTS (
    SELECT 1 FROM detect_lost l WHERE l.country = r.country AND l.hour_index = r.hour_index
      AND (l.network IS NULL OR l.network = r.network)))
"""


def find_lost(con: duckdb.DuckDBPyConnection) -> None:
    """Makes the temporary table `detect_lost`: country, network (null: all of them) and hours without connectivity.

    Of the services in `detect_working`, from the rows that are there.
    """
    con.execute(_USUAL)
    con.execute(f"CREATE OR REPLACE TEMP TABLE detect_lost ({LOST})")
    for hours in LOST_HOURS:
        for offset in (0, hours // 2):
            con.execute(_LOST.replace("HOURS", str(hours)).replace("OFFSET", str(offset)))
    con.execute("CREATE OR REPLACE TEMP TABLE detect_lost AS SELECT DISTINCT * FROM detect_lost")
    con.execute("DROP TABLE detect_usual")


def put_faulty(con: duckdb.DuckDBPyConnection, faulty: pa.Table) -> None:
    """Makes the temporary table `detect_faulty` of rows that are known already."""
    con.register("detect_faulty_given", faulty)
    con.execute("CREATE OR REPLACE TEMP TABLE detect_faulty AS SELECT * FROM detect_faulty_given")
    con.unregister("detect_faulty_given")


def daily(con: duckdb.DuckDBPyConnection, countries: Sequence[str] | None = None) -> str:
    """Prepares what `detect_faulty` rests on in some countries, or in all; the query of it.

    Args:
        con: Shows `verdicts`; its temporary table `detect_rows` is made anew, and holds only what is needed for this.
        countries: Which.
    """
    make_rows(con, countries, whole=True)
    return DAILY


def find_faulty(con: duckdb.DuckDBPyConnection, queries: Iterable[str] = ()) -> pa.Table:
    """The rows of `detect_faulty`, found without preparing more than they rest on.

    Args:
        con: Shows `verdicts`; its temporary table `detect_rows` is made anew.
        queries: Those of `daily`, of all countries; it is asked of all together where none is given.
    """
    gather(con, "detect_daily", queries or [daily(con)])
    _conclude_faulty(con)
    return con.sql("SELECT * FROM detect_faulty").to_arrow_table()


def gather(con: duckdb.DuckDBPyConnection, name: str, queries: Iterable[str]) -> None:
    """Makes a temporary table of what queries give, one after the other."""
    for number, query in enumerate(queries):
        con.execute(
            f"INSERT INTO {name} {query}" if number else f"CREATE OR REPLACE TEMP TABLE {name} AS {query}"
        )


def _conclude_faulty(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(FAULTY)
    con.execute("DROP TABLE detect_daily")


def make_rows(
    con: duckdb.DuckDBPyConnection,
    countries: Sequence[str] | None,
    last: str = "mechanisms",
    within: str = "true",
    *,
    whole: bool = False,
) -> None:
    """Makes `detect_rows`, of some countries alone where they are given.

    Args:
        con: Shows `verdicts`.
        countries: Which.
        last: Its last columns.
        within: A condition that verdicts meet.
        whole: Only the verdicts on measurements as wholes.
    """
    if countries is None:
        con.execute(_rows(last, within, whole))
    else:
        within = f"{within} AND country IN (SELECT unnest($countries))"
        con.execute(_rows(last, within, whole), {"countries": list(countries)})


def prepare(
    con: duckdb.DuckDBPyConnection,
    *,
    trusted: bool = False,
    faulty: pa.Table | None = None,
    countries: Sequence[str] | None = None,
) -> int:
    """Makes the temporary table `detect_rows` from the view `verdicts`.

    Args:
        con: Shows `verdicts`.
        trusted: Leave out what faulty software says of a target (it is then in the temporary table `detect_faulty`),
            and mute failures in hours without connectivity (`detect_lost`); `detect_fine` and `detect_sick` are made then, too.
        faulty: The rows of `detect_faulty` where `verdicts` shows some countries only, or one is wanted: it is told
            from all of them.
        countries: Only their rows are wanted.

    Returns:
        The number of buckets.

    Raises:
        duckdb.Error: There is no view `verdicts`, or it lacks a column of its schema.
    """
    count = con.sql("SELECT count(*) FROM verdicts").fetchall()[0][0]
    buckets = 1 + int(count) // ROWS_A_BUCKET
    # Rules are needed for counting only, and are the widest column.
    last = "mechanisms" if trusted else f"mechanisms, rules, {_BUCKET.replace('BUCKETS', str(buckets))}"
    make_rows(con, countries, last)
    if trusted:
        if faulty is None:
            gather(con, "detect_daily", [DAILY])
            _conclude_faulty(con)
        else:
            put_faulty(con, faulty)
        con.execute(WORKING)
        find_lost(con)
        for statement in (FORGET, f"CREATE OR REPLACE TEMP TABLE detect_fine AS {FINE}", sick()):
            con.execute(statement)
    return buckets
