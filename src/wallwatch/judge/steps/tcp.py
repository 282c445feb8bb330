"""Features of connecting: by endpoint, by port, by host; address families apart (traps J19, J30)."""

from __future__ import annotations

from wallwatch.judge.steps.words import NO_ROUTE, failure_kind

_COUNTED = "trusted AND NOT no_route"

#: Nearly all hosts have no connect that failed, and no address that is not theirs: they are settled without a look at
#: their addresses, and of their ports is only said that one works.
FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_tcp AS
WITH doubtful AS (
  SELECT m, u FROM judge_context WHERE tcp_failed
  UNION
  SELECT m, u FROM judge_untrusted
),
own AS (
  SELECT o.m, o.u, o.ip, o.port, bool_or(o.failure IS NULL) AS ok, min(o.failure) AS failure
  FROM judge_units o JOIN doubtful d ON d.m = o.m AND d.u = o.u
  WHERE o.layer = 'tcp'
  GROUP BY o.m, o.u, o.ip, o.port
),
helper AS (
  SELECT m, ip, port, bool_or(failure IS NULL) AS ok
  FROM judge_controls
  WHERE layer = 'tcp'
  GROUP BY m, ip, port
),
endpoints AS (
  SELECT o.m, o.u, o.port, o.ok, {failure_kind("o.failure")} AS kind, coalesce(o.ip LIKE '%:%', false) AS v6,
    coalesce(NOT o.ok AND o.ip LIKE '%:%' AND o.failure IN {NO_ROUTE}, false) AS no_route,
    x.m IS NULL AS trusted,
    h.ok AS helper_ok,
    coalesce(h.ok, c.page_ok OR c.helper_tcp_ok, false) AND c.has_control AS control_ok,
    (NOT h.ok OR (h.ok IS NULL AND c.page_failed AND NOT c.helper_tcp_ok)) AND c.has_control AS control_failed
  FROM own o
  JOIN judge_context c ON c.m = o.m AND c.u = o.u
  LEFT JOIN judge_untrusted x ON x.m = o.m AND x.u = o.u AND x.ip = o.ip
  LEFT JOIN helper h ON h.m = o.m AND h.ip = o.ip AND h.port = o.port
),
-- A port works where any trusted address answers on it.
ports AS (
  SELECT m, u, port,
    coalesce(bool_or(ok AND trusted), false) AS ok,
    count(*) FILTER (NOT ok AND {_COUNTED}) AS failed,
    coalesce(bool_or(NOT ok AND {_COUNTED} AND control_ok), false) AS failed_control_ok,
    coalesce(bool_or(NOT ok AND {_COUNTED} AND control_failed), false) AS failed_control_failed,
    count(*) FILTER (NOT ok AND {_COUNTED} AND kind = 'timeout') AS timeouts,
    count(*) FILTER (NOT ok AND {_COUNTED} AND kind = 'refused') AS refused,
    count(*) FILTER (NOT ok AND {_COUNTED} AND kind = 'reset') AS resets,
    count(*) FILTER (NOT ok AND {_COUNTED} AND kind = 'unreachable') AS unreachable,
    count(*) FILTER (no_route) AS no_route,
    count(*) FILTER (NOT trusted) AS untrusted,
    coalesce(bool_or(ok AND trusted AND v6), false) AS ok_6,
    coalesce(bool_or(ok AND trusted AND NOT v6), false) AS ok_4,
    count(*) FILTER (NOT ok AND {_COUNTED} AND v6 AND helper_ok) AS failed_6,
    count(*) FILTER (NOT ok AND {_COUNTED} AND NOT v6 AND helper_ok AND kind <> 'unreachable') AS failed_4
  FROM endpoints
  GROUP BY m, u, port
),
hosts AS (
  SELECT m, u,
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
  FROM ports
  GROUP BY m, u
)
SELECT t.*, c.place, c.has_control, c.helper_followed, c.peers_fine, c.peers_down,
  c.shunned, c.lossy, c.peers_troubled,
  CASE WHEN t.ports_failed = 0 THEN NULL
    WHEN t.resets >= greatest(t.timeouts, t.refused, t.unreachable, 1) THEN 'reset'
    WHEN t.refused >= greatest(t.timeouts, t.unreachable, 1) THEN 'refused'
    WHEN t.timeouts >= greatest(t.unreachable, 1) THEN 'timeout'
    WHEN t.unreachable > 0 THEN 'unreachable'
    ELSE 'other' END AS failure_kind
FROM hosts t JOIN judge_context c ON c.m = t.m AND c.u = t.u
UNION ALL
SELECT c.m, c.u, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, c.place, c.has_control, c.helper_followed, c.peers_fine,
  c.peers_down, c.shunned, c.lossy, c.peers_troubled, NULL
FROM judge_context c LEFT JOIN doubtful d ON d.m = c.m AND d.u = c.u
WHERE c.tcp_rows > 0 AND d.m IS NULL
"""

STEPS = (FEATURES,)
