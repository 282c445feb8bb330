"""Features of name resolution: the system's resolver beside encrypted DNS, plain queries and the control."""

from __future__ import annotations

FEATURES = """
CREATE OR REPLACE TEMP TABLE judge_dns AS
WITH sinks AS (
  SELECT network, list(ip) AS ips FROM judge_sinks GROUP BY network
),
compared AS (
  SELECT c.m, c.host, c.has_control, c.helper_followed, c.peers_fine, c.peers_down,
    c.system_bogon, c.system_known, c.udp_bogon, c.encrypted_global,
    c.control_bogon, c.control_global, c.control_nxdomain, c.control_dns_failed,
    len(c.system_ips) > 0 AS system_answers,
    coalesce(c.system_failure_4, CASE WHEN coalesce(len(c.system_ips), 0) = 0 THEN c.system_failure_6 END)
      AS system_failure,
    list_has_any(c.system_ips, c.control_ips) AS control_same,
    list_has_any(c.system_networks, c.control_networks) AS control_same_network,
    list_has_any(c.system_ips, c.encrypted_ips) AS encrypted_same,
    list_has_any(c.system_networks, c.encrypted_networks) AS encrypted_same_network,
    list_has_any(c.system_ips, c.udp_ips) AS udp_same,
    list_has_any(c.udp_ips, c.control_ips) OR list_has_any(c.udp_networks, c.control_networks)
      OR list_has_any(c.udp_ips, c.encrypted_ips) AS udp_right,
    c.encrypted_failure_4 IN ('dns_nxdomain_error', 'dns_no_answer') AND NOT c.encrypted_global AS encrypted_nxdomain,
    c.tls_proved,
    list_has_any(c.system_ips, c.proved_ips) AS system_proved,
    list_has_any(c.system_ips, c.refuted_ips) AS system_refuted,
    list_has_any(c.system_ips, c.reached_ips) AS system_works,
    list_has_any(c.system_ips, c.helper_proved_ips) AS system_helper_proved,
    list_has_any(c.system_ips, c.helper_failed_ips) AS system_helper_refuted,
    list_has_any(c.system_ips, s.ips) AS system_sink,
    p.page_at_lie AS page_at_lie,
    c.resolver_network <> c.network AND coalesce(c.resolver_kind, 'unknown') <> 'public_service' AS resolver_elsewhere
  FROM judge_context c
  LEFT JOIN sinks s ON s.network = c.network
  LEFT JOIN judge_http p ON p.m = c.m AND p.host = c.host
  WHERE c.system_rows > 0
),
filled AS (
  SELECT m, host, has_control, helper_followed, peers_fine, peers_down, system_bogon, system_known, udp_bogon, encrypted_global,
    control_bogon, control_global, control_nxdomain, control_dns_failed, system_failure,
    coalesce(system_answers, false) AS system_answers,
    coalesce(control_same, false) AS control_same,
    coalesce(control_same_network, false) AS control_same_network,
    coalesce(encrypted_same, false) AS encrypted_same,
    coalesce(encrypted_same_network, false) AS encrypted_same_network,
    coalesce(udp_same, false) AS udp_same,
    coalesce(udp_right, false) AS udp_right,
    coalesce(encrypted_nxdomain, false) AS encrypted_nxdomain, tls_proved,
    coalesce(system_proved, false) AS system_proved,
    coalesce(system_refuted, false) AS system_refuted,
    coalesce(system_works, false) AS system_works,
    coalesce(system_helper_proved, false) AS system_helper_proved,
    coalesce(system_helper_refuted, false) AS system_helper_refuted,
    coalesce(system_sink, false) AS system_sink,
    coalesce(page_at_lie, false) AS page_at_lie,
    coalesce(resolver_elsewhere, false) AS resolver_elsewhere
  FROM compared
)
SELECT *,
  udp_right AND (system_bogon OR system_known OR (NOT system_answers AND system_failure IS NOT NULL)
    OR NOT (control_same OR control_same_network OR encrypted_same)) AS only_system_lies,
  CASE WHEN udp_right AND resolver_elsewhere THEN 'resolver' ELSE 'network' END AS dns_locus
FROM filled
"""

STEPS = (FEATURES,)
