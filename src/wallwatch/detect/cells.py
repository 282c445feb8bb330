"""Cells: verdicts counted by target, network, layer and hour, one vote a session."""

from __future__ import annotations

import duckdb

from wallwatch.detect import rows

# Parts of votes are added as whole millionths: the sum of fractions would depend on the order of the rows.
CELLS = """
WITH counted AS (
  SELECT *, CASE WHEN layer = 'dns' THEN resolver_network END AS resolver,
    date_trunc('hour', time) AS hour
  FROM detect_rows WHERE bucket = $bucket
),
shares AS (
  SELECT country, network, service, target, layer, resolver, hour, session,
    count(*) FILTER (rank <= 5) AS spoke,
    count(*) FILTER (rank = 1) AS forbidden,
    count(*) FILTER (rank <= 2) AS blocked
  FROM counted GROUP BY ALL
),
votes AS (
  SELECT country, network, service, target, layer, resolver, hour,
    count(*) FILTER (spoke > 0) AS sessions,
    coalesce(sum(CAST(round(1e6 * blocked / greatest(spoke, 1)) AS BIGINT)) FILTER (spoke > 0), 0) / 1e6 AS votes_blocked,
    coalesce(sum(CAST(round(1e6 * forbidden / greatest(spoke, 1)) AS BIGINT)) FILTER (spoke > 0), 0) / 1e6 AS votes_artefact
  FROM shares GROUP BY ALL
),
states AS (
  SELECT country, network, service, target, layer, resolver, hour,
    count(*) FILTER (rank = 1) AS blocked,
    count(*) FILTER (rank = 2) AS likely_blocked,
    count(*) FILTER (rank = 3) AS impaired,
    count(*) FILTER (rank = 4) AS down,
    count(*) FILTER (rank = 5) AS ok,
    count(*) FILTER (rank = 6) AS insufficient,
    count(DISTINCT probe_id) AS credentialed,
    median(epoch_us(received) - epoch_us(time)) / 1e6 AS lag_seconds
  FROM counted GROUP BY ALL
),
paths AS (
  SELECT country, network, service, target, layer, resolver, hour,
    list_transform(list_sort(list(struct_pack(less := -seen, path := path))), lambda p: p.path) AS mechanisms
  FROM (
    SELECT country, network, service, target, layer, resolver, hour, path, count(*) AS seen
    FROM (SELECT country, network, service, target, layer, resolver, hour, unnest(mechanisms) AS path FROM counted
      WHERE rank <= 3)
    GROUP BY ALL
  ) GROUP BY ALL
),
fired AS (
  SELECT country, network, service, target, layer, resolver, hour,
    '{' || array_to_string(list_sort(list('"' || rule || '":' || CAST(seen AS VARCHAR))), ',') || '}' AS rule_counts
  FROM (
    SELECT country, network, service, target, layer, resolver, hour, rule, count(*) AS seen
    FROM (SELECT country, network, service, target, layer, resolver, hour, unnest(rules) AS rule FROM counted)
    GROUP BY ALL
  ) GROUP BY ALL
)
SELECT s.country, s.network, s.service, s.target, s.layer, s.resolver AS resolver_network, s.hour,
  CAST(s.blocked AS INTEGER) AS blocked, CAST(s.likely_blocked AS INTEGER) AS likely_blocked,
  CAST(s.impaired AS INTEGER) AS impaired, CAST(s.down AS INTEGER) AS down, CAST(s.ok AS INTEGER) AS ok,
  CAST(s.insufficient AS INTEGER) AS insufficient,
  CAST(v.sessions AS INTEGER) AS sessions, CAST(v.sessions AS DOUBLE) AS votes,
  CAST(v.votes_blocked AS DOUBLE) AS votes_blocked, CAST(v.votes_artefact AS DOUBLE) AS votes_artefact,
  CAST(s.credentialed AS INTEGER) AS credentialed,
  coalesce(p.mechanisms, CAST([] AS VARCHAR[])) AS mechanisms,
  coalesce(f.rule_counts, '{}') AS rule_counts,
  CAST(s.lag_seconds AS DOUBLE) AS lag_seconds
FROM states s
JOIN votes v ON KEYS(v)
LEFT JOIN paths p ON KEYS(p)
LEFT JOIN fired f ON KEYS(f)
"""

_KEYS = "country network service target layer resolver hour".split()


def _query() -> str:
    query = CELLS
    for name in "vpf":
        same = " AND ".join(
            # The resolver is null but for layer `dns`, and null is a value of the key.
            f"{name}.{key} IS NOT DISTINCT FROM s.{key}" if key == "resolver" else f"{name}.{key} = s.{key}"
            for key in _KEYS
        )
        query = query.replace(f"KEYS({name})", same)
    return query


def cells(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """The cells, with the columns of schema `CELLS`, in no particular order.

    Only verdicts without flags, with a time, a country and a network count. A session has one vote in a cell,
    shared among the states of its measurements; `insufficient` is counted and carries no vote. Layer `dns` has a
    cell for each network of a resolver.

    Args:
        con: Shows `verdicts`; gains the temporary table `detect_cells`.

    Raises:
        duckdb.Error: `verdicts` is missing, or lacks a column.
    """
    buckets = rows.prepare(con)
    query = _query()
    for bucket in range(buckets):
        into = (
            f"INSERT INTO detect_cells {query}"
            if bucket
            else f"CREATE OR REPLACE TEMP TABLE detect_cells AS {query}"
        )
        con.execute(into, {"bucket": bucket})
    con.execute("DROP TABLE detect_rows")
    return con.sql("SELECT * FROM detect_cells")
