"""Verdicts as detection counts them: one row a measurement and layer, unflagged, timed and placed."""

from __future__ import annotations

import duckdb

#: Where a measurement has several hosts on a layer, its worst counts; `insufficient` only where all are.
#: `source` is whom a vote belongs to: the probe where it has a credential, else the session (trap C1).
ROWS = """
CREATE OR REPLACE TEMP VIEW detect_rows AS
SELECT measurement_id, layer, country, network, service, target, session, probe_id, resolver_network, software,
  nettest, time, received, coalesce(probe_id, session) AS source,
  date_trunc('hour', time) AS hour,
  CAST(floor(epoch(time) / 3600) AS BIGINT) AS hour_index,
  min(CASE state WHEN 'blocked' THEN 1 WHEN 'likely_blocked' THEN 2 WHEN 'impaired' THEN 3 WHEN 'down' THEN 4
    WHEN 'ok' THEN 5 ELSE 6 END) AS rank,
  max(CASE WHEN state = 'impaired' AND array_to_string(mechanisms, ' ') LIKE '%.throttle%'
    THEN 1 ELSE 0 END) AS throttled,
  list_sort(list_distinct(flatten(list(mechanisms)))) AS mechanisms,
  list_sort(list_distinct(flatten(list(rules)))) AS rules
FROM verdicts
WHERE len(flags) = 0 AND time IS NOT NULL AND country IS NOT NULL AND network IS NOT NULL
GROUP BY ALL
"""


#: Software that finds a target failing nearly everywhere, while others on the same networks, days and target find it
#: fine: the failure follows the instrument, not the network (traps C6, J21).
FAULTY = """
CREATE OR REPLACE TEMP TABLE detect_faulty AS
WITH daily AS (
  SELECT country, network, target, hour_index // 24 AS day, software,
    count(DISTINCT session) AS n, count(DISTINCT session) FILTER (rank <= 4) AS k
  FROM detect_rows WHERE layer = 'all' AND rank <= 5 AND software IS NOT NULL GROUP BY ALL
),
known AS (
  SELECT target, software FROM daily GROUP BY target, software HAVING sum(n) >= 5 AND sum(k) >= 0.7 * sum(n)
),
beside AS (
  SELECT d.target, d.software, d.country, d.network, sum(o.n) AS n, sum(o.k) AS k
  FROM daily d JOIN known USING (target, software)
  JOIN daily o ON o.target = d.target AND o.country = d.country AND o.network = d.network AND o.day = d.day
    AND o.software <> d.software
  WHERE d.k > 0
  GROUP BY ALL
)
SELECT target, software FROM beside
GROUP BY target, software
HAVING sum(n) >= 5 AND sum(k) <= 0.1 * sum(n) AND count(*) FILTER (k <= 0.1 * n) >= 2
"""


def prepare(con: duckdb.DuckDBPyConnection, *, trusted: bool = False) -> None:
    """Makes the temporary view `detect_rows` over the view `verdicts`.

    Args:
        con: Shows `verdicts`.
        trusted: Leave out what faulty software says of a target; it is then in the temporary table `detect_faulty`.

    Raises:
        duckdb.Error: There is no view `verdicts`, or it lacks a column of its schema.
    """
    con.execute(ROWS)
    if trusted:
        con.execute(FAULTY)
        left_out = "v.software IS NULL OR (v.target, v.software) NOT IN (SELECT (target, software) FROM detect_faulty)"
        con.execute(ROWS.replace("FROM verdicts\nWHERE", f"FROM verdicts v\nWHERE ({left_out}) AND"))
