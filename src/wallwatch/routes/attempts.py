"""From measurements to tries: who tried which way on which day, and how often it worked."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

from wallwatch.routes.catalogue import ROUTES

#: One row is what one independent source found of one way on one day.
SCHEMA = pa.schema(
    [
        pa.field("country", pa.string(), nullable=False),
        pa.field("network", pa.int64(), nullable=False),
        pa.field("route", pa.string(), nullable=False),
        pa.field("day", pa.int64(), nullable=False),  # since 1970-01-01
        pa.field("source", pa.string(), nullable=False),  # the credential, or the session
        pa.field("worked", pa.float64(), nullable=False),  # share of the source's tries that got through
        pa.field("weight", pa.float64(), nullable=False),  # independent votes, at most 1
        pa.field("start_seconds", pa.float64()),
    ]
)

#: Measurements that count: sane in time and place, not flagged by the judge as saying nothing of the network.
_MEASURED = """
CREATE OR REPLACE TEMP TABLE routes_measured AS
SELECT m.measurement_id, m.file_id, m.line, m.country, m.network, m.nettest,
  CAST(floor(epoch(m.time) / 86400) AS BIGINT) AS day,
  coalesce(m.probe_id, m.session) AS source, m.probe_id IS NOT NULL AS credentialed,
  concat_ws('|', m.software, m.platform, m.resolver_network, m.network_type) AS alike,
  lower(m.target) AS target
FROM measurements m
JOIN verdicts v ON v.measurement_id = m.measurement_id AND v.layer = 'all'
WHERE m.time IS NOT NULL AND m.time_flag IS NULL AND m.country IS NOT NULL AND m.network IS NOT NULL
  AND coalesce(len(v.flags), 0) = 0 AND m.nettest IN ({nettests})
  AND m.time >= TIMESTAMPTZ '{since}' AND v.time >= TIMESTAMPTZ '{since}'
"""

_STEPS = """
CREATE OR REPLACE TEMP TABLE routes_rows AS
SELECT o.measurement_id, o.layer, o.step, o.step_value, o.step_number, o.step_target, o.failure, o.tls_ech
FROM observations o SEMI JOIN routes_measured m USING (measurement_id, file_id, line)
WHERE (o.layer = 'step' OR o.tls_ech IS NOT NULL) AND o.nettest IN ({nettests})
"""

_CHOICES = """
CREATE OR REPLACE TEMP TABLE routes_choices AS
SELECT m.measurement_id, m.country, m.network, m.nettest, m.day, m.source, m.credentialed, m.alike, m.target,
  coalesce(c.transport, '') AS transport, coalesce(c.rendezvous, '') AS rendezvous,
  coalesce(c.handshakes, 0) AS handshakes
FROM routes_measured m LEFT JOIN (
  SELECT measurement_id, max(lower(step_value)) FILTER (step = 'transport_name') AS transport,
    max(lower(step_value)) FILTER (step = 'rendezvous_method') AS rendezvous,
    count(*) FILTER (step = 'openvpn_handshake') AS handshakes
  FROM routes_rows GROUP BY measurement_id
) c USING (measurement_id)
"""

#: A judged state as a try: what is not seen to work, for whatever reason, does not work; what was too little says nothing.
_OUTCOME = (
    "CASE WHEN bool_or(v.state IN ('blocked', 'likely_blocked', 'impaired', 'down')) THEN 0.0 "
    "WHEN bool_or(v.state = 'ok') THEN 1.0 END"
)

_TOGETHER = """
WITH tries AS ({tries}),
by_source AS (
  SELECT c.country, c.network, t.route, c.day, c.source, c.credentialed, min(c.alike) AS alike,
    avg(t.worked) AS worked, median(t.start_seconds) FILTER (t.worked > 0.5) AS start_seconds
  FROM tries t JOIN routes_choices c USING (measurement_id)
  WHERE t.worked IS NOT NULL
  GROUP BY c.country, c.network, t.route, c.day, c.source, c.credentialed
)
SELECT country, network, route, day, source, worked,
  -- Sessions without a credential that look alike may be one volunteer: the r-th of a day counts r^-1/2.
  CASE WHEN credentialed THEN 1.0 ELSE pow(row_number() OVER (
    PARTITION BY country, network, route, day, credentialed, alike ORDER BY source), -0.5) END AS weight,
  start_seconds
FROM by_source
ORDER BY country, network, route, day, source
"""


def _tries() -> str:
    queries = []
    for route in ROUTES:
        if route.host:
            layer = (
                "v.layer = 'all'" if route.host == "%" else f"v.layer = 'part' AND v.host = '{route.host}'"
            )
            queries.append(
                f"SELECT c.measurement_id, '{route.id}' AS route, {_OUTCOME} AS worked, CAST(NULL AS DOUBLE) AS start_seconds "
                f"FROM routes_choices c JOIN verdicts v USING (measurement_id) "
                f"WHERE c.nettest = '{route.nettest}' AND {layer} GROUP BY c.measurement_id"
            )
            continue
        share = f"avg(CASE WHEN {route.worked} THEN 1.0 ELSE 0.0 END)"
        enough = f"{share} >= {route.least}" if route.least else f"{share} > 0"
        queries.append(
            f"SELECT c.measurement_id, '{route.id}' AS route, CASE WHEN {enough} THEN 1.0 ELSE 0.0 END AS worked, "
            "max(o.step_number) FILTER (o.step = 'bootstrap_time' AND o.failure IS NULL AND o.step_number > 0) AS start_seconds "
            f"FROM routes_choices c JOIN routes_rows o USING (measurement_id) "
            f"WHERE c.nettest = '{route.nettest}' AND ({route.when}) AND ({route.tried}) GROUP BY c.measurement_id"
        )
    return " UNION ALL ".join(queries)


def attempts(con: duckdb.DuckDBPyConnection, since: date = date.min) -> pa.Table:
    """Every try that the tables tell of, one row for each source, way and day.

    Args:
        con: Shows `measurements`, `observations` and `verdicts`; gains temporary tables named `routes_…`.
        since: The first day of interest, of UTC.

    Returns:
        A table of `SCHEMA`, in a fixed order.

    Raises:
        duckdb.Error: One of the three is missing a column.
    """
    nettests = ", ".join(f"'{name}'" for name in sorted({route.nettest for route in ROUTES}))
    for step in (_MEASURED, _STEPS, _CHOICES):
        con.execute(step.format(nettests=nettests, since=f"{since} 00:00:00+00"))
    found = con.sql(_TOGETHER.format(tries=_tries())).to_arrow_table().cast(SCHEMA)
    for name in ("measured", "rows", "choices"):
        con.execute(f"DROP TABLE routes_{name}")
    return found
