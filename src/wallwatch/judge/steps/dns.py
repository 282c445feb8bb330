"""Features of name resolution: the system's resolver beside encrypted DNS, plain queries and the control."""

from __future__ import annotations

from wallwatch.judge.references import OPEN_RESOLVERS
from wallwatch.judge.steps.words import SYSTEM

_OPEN = ", ".join(map(str, OPEN_RESOLVERS))

FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_dns AS
WITH sunk AS (
  SELECT a.m, a.u FROM judge_addresses a
  JOIN judge_this w ON w.m = a.m
  JOIN judge_sinks s ON s.network = w.network AND s.ip = a.ip
  WHERE a.known & {SYSTEM} <> 0
  GROUP BY a.m, a.u
),
abroad AS (
  SELECT DISTINCT a.m, a.u FROM judge_addresses a
  JOIN judge_answered_abroad k ON k.u = a.u AND k.ip = a.ip
  WHERE a.known & {SYSTEM} <> 0
),
compared AS (
  SELECT c.m, c.u, c.place, c.has_control, c.helper_followed, c.peers_fine, c.peers_down, c.shunned, c.lossy, c.peers_troubled,
    c.system_bogon, c.system_known, c.system_known_elsewhere, c.udp_bogon, c.encrypted_global,
    c.control_bogon, c.control_global, c.control_nxdomain, c.control_dns_failed,
    coalesce(a.system_answers, false) AS system_answers,
    coalesce(c.system_failure_4, CASE WHEN NOT coalesce(a.system_answers, false) THEN c.system_failure_6 END)
      AS system_failure,
    coalesce(a.control_same, false) AS control_same,
    coalesce(a.control_same_network, false) AS control_same_network,
    coalesce(a.encrypted_same, false) AS encrypted_same,
    coalesce(a.encrypted_same_network, false) AS encrypted_same_network,
    coalesce(a.udp_same, false) AS udp_same,
    coalesce(a.udp_right, false) AS udp_right,
    coalesce(c.encrypted_failure_4 IN ('dns_nxdomain_error', 'dns_no_answer') AND NOT c.encrypted_global, false)
      AS encrypted_nxdomain,
    c.tls_proved,
    coalesce(a.true_6 AND NOT a.true_4, false) AS only_ipv6,
    coalesce(a.system_proved, false)
      -- A page whose address is not said may have come by a second answer, where the first is a lie by itself.
      OR (coalesce(p.page_proved, false) AND NOT c.system_bogon AND NOT c.system_known) AS system_proved,
    coalesce(a.system_refuted, false) AS system_refuted,
    coalesce(a.system_works, false) AS system_works,
    coalesce(a.system_helper_proved, false) AS system_helper_proved,
    coalesce(a.system_helper_refuted, false) AS system_helper_refuted,
    s.m IS NOT NULL AS system_sink,
    d.m IS NOT NULL AS answered_abroad,
    coalesce(r.again, false) AND NOT coalesce(a.again_same OR a.again_same_network, false) AS two_answers,
    coalesce(r.early, false) AS early,
    f.s IS NOT NULL AS deaf,
    coalesce(p.page_at_lie, false) AS page_at_lie,
    coalesce(p.relayed, false) AS page_relayed,
    coalesce(c.resolver_network <> c.network
      AND (c.resolver_kind = 'public_service' OR c.resolver_network IN ({_OPEN})), false) AS resolver_open,
    coalesce(c.resolver_network <> c.network, false) AS resolver_of_others,
    coalesce(c.resolver_network <> c.network AND coalesce(c.resolver_kind, 'unknown') <> 'public_service', false)
      AS resolver_elsewhere
  FROM judge_context c
  LEFT JOIN judge_agreement a ON a.m = c.m AND a.u = c.u
  LEFT JOIN sunk s ON s.m = c.m AND s.u = c.u
  LEFT JOIN abroad d ON d.m = c.m AND d.u = c.u
  LEFT JOIN judge_http p ON p.m = c.m AND p.u = c.u
  LEFT JOIN judge_responses r ON r.m = c.m AND r.u = c.u
  JOIN judge_this w ON w.m = c.m
  LEFT JOIN judge_deaf f ON f.s = w.s AND w.time BETWEEN f.first AND f.last
  WHERE c.system_rows > 0
)
SELECT *,
  udp_right AND (system_bogon OR system_known OR (NOT system_answers AND system_failure IS NOT NULL)
    OR NOT (control_same OR control_same_network OR encrypted_same)) AS only_system_lies,
  CASE WHEN udp_right AND NOT two_answers AND resolver_elsewhere THEN 'resolver' ELSE 'network' END AS dns_locus
FROM compared
"""

STEPS = (FEATURES,)
