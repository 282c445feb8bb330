"""Features of connecting: by endpoint, by port, by host; address families apart (traps J19, J30)."""

from __future__ import annotations

from wallwatch.judge.steps.words import NO_ROUTE, failure_kind, trusted

ENDPOINTS = f"""
CREATE OR REPLACE TEMP TABLE judge_tcp_endpoints AS
WITH own AS (
  SELECT m, unit AS host, ip, port, max(ip_network) AS ip_network, max(ip_kind) AS ip_kind,
    bool_or(failure IS NULL) AS ok, min(failure) AS failure
  FROM judge_units
  WHERE layer = 'tcp' AND unit IS NOT NULL
  GROUP BY m, unit, ip, port
),
helper AS (
  SELECT measurement_id AS m, ip, port, bool_or(failure IS NULL) AS ok
  FROM judge_controls
  WHERE layer = 'tcp'
  GROUP BY measurement_id, ip, port
)
SELECT o.m, o.host, o.port, o.ok, o.failure, o.ip LIKE '%:%' AS v6,
  NOT o.ok AND o.ip LIKE '%:%' AND o.failure IN {NO_ROUTE} AS no_route,
  {trusted("o", "c")} AS trusted,
  h.ok AS helper_ok,
  coalesce(h.ok, c.page_ok OR c.helper_tcp_ok, false) AND c.has_control AS control_ok,
  (NOT h.ok OR (h.ok IS NULL AND c.page_failed AND NOT c.helper_tcp_ok)) AND c.has_control AS control_failed
FROM own o
JOIN judge_context c ON c.m = o.m AND c.host = o.host
LEFT JOIN helper h ON h.m = o.m AND h.ip = o.ip AND h.port = o.port
"""

_COUNTED = "trusted AND NOT no_route"

#: A port works where any trusted address answers on it.
PORTS = f"""
CREATE OR REPLACE TEMP TABLE judge_tcp_ports AS
SELECT m, host, port,
  coalesce(bool_or(ok AND trusted), false) AS ok,
  count(*) FILTER (NOT ok AND {_COUNTED}) AS failed,
  coalesce(bool_or(NOT ok AND {_COUNTED} AND control_ok), false) AS failed_control_ok,
  coalesce(bool_or(NOT ok AND {_COUNTED} AND control_failed), false) AS failed_control_failed,
  count(*) FILTER (NOT ok AND {_COUNTED} AND {failure_kind("failure")} = 'timeout') AS timeouts,
  count(*) FILTER (NOT ok AND {_COUNTED} AND {failure_kind("failure")} = 'refused') AS refused,
  count(*) FILTER (NOT ok AND {_COUNTED} AND {failure_kind("failure")} = 'reset') AS resets,
  count(*) FILTER (NOT ok AND {_COUNTED} AND {failure_kind("failure")} = 'unreachable') AS unreachable,
  count(*) FILTER (no_route) AS no_route,
  count(*) FILTER (NOT trusted) AS untrusted,
  coalesce(bool_or(ok AND trusted AND v6), false) AS ok_6,
  coalesce(bool_or(ok AND trusted AND NOT v6), false) AS ok_4,
  count(*) FILTER (NOT ok AND {_COUNTED} AND v6 AND helper_ok) AS failed_6,
  count(*) FILTER (NOT ok AND {_COUNTED} AND NOT v6 AND helper_ok) AS failed_4
FROM judge_tcp_endpoints
GROUP BY m, host, port
"""

FEATURES = """
CREATE OR REPLACE TEMP TABLE judge_tcp AS
WITH hosts AS (
  SELECT m, host,
    count(*) FILTER (ok) AS ports_ok,
    count(*) FILTER (NOT ok AND failed > 0) AS ports_failed,
    count(*) FILTER (NOT ok AND failed > 0 AND failed_control_ok) AS ports_failed_control_ok,
    count(*) FILTER (NOT ok AND failed > 0 AND failed_control_failed AND NOT failed_control_ok)
      AS ports_failed_control_failed,
    coalesce(sum(timeouts) FILTER (NOT ok), 0) AS timeouts,
    coalesce(sum(refused) FILTER (NOT ok), 0) AS refused,
    coalesce(sum(resets) FILTER (NOT ok), 0) AS resets,
    coalesce(sum(unreachable) FILTER (NOT ok), 0) AS unreachable,
    sum(failed) AS endpoints_failed, sum(no_route) AS ipv6_missing, sum(untrusted) AS untrusted,
    count(*) FILTER ((ok_4 AND NOT ok_6 AND failed_6 > 0) OR (ok_6 AND NOT ok_4 AND failed_4 > 0))
      AS family_failed_control_ok
  FROM judge_tcp_ports
  GROUP BY m, host
)
SELECT t.*, c.has_control, c.helper_followed, c.peers_fine, c.peers_down,
  CASE WHEN t.ports_failed = 0 THEN NULL
    WHEN t.resets >= greatest(t.timeouts, t.refused, t.unreachable, 1) THEN 'reset'
    WHEN t.refused >= greatest(t.timeouts, t.unreachable, 1) THEN 'refused'
    WHEN t.timeouts >= greatest(t.unreachable, 1) THEN 'timeout'
    WHEN t.unreachable > 0 THEN 'unreachable'
    ELSE 'other' END AS failure_kind
FROM hosts t JOIN judge_context c ON c.m = t.m AND c.host = t.host
"""

STEPS = (ENDPOINTS, PORTS, FEATURES)
