"""What each host of each measurement comes with: answers, proofs, the helper's control and that of peers."""

from __future__ import annotations

from wallwatch._text import quoted
from wallwatch.judge.services import SERVICES
from wallwatch.judge.steps.peers import FINE_IN_ALL, of_these_days
from wallwatch.judge.steps.words import any_like

#: Hosts for which the system's resolver gave an address that is known to be injected, in that country or elsewhere.
KNOWN = """
CREATE OR REPLACE TEMP TABLE judge_known AS
SELECT h.m, h.u,
  bool_or(r.countries IS NULL OR len(r.countries) = 0 OR coalesce(list_contains(r.countries, h.country), false)) AS here
FROM judge_fingerprints h LEFT JOIN judge_expected r ON r.hit = h.hit
WHERE h.layer = 'dns' AND h.system AND split_part(h.hit, ':', 1) IN ('nat', 'isp', 'prod')
GROUP BY h.m, h.u
"""

#: One row for each measurement and host that the test helper looked at.
HELPER = """
CREATE OR REPLACE TEMP TABLE judge_helper AS
SELECT m, u,
  coalesce(bool_or(layer = 'dns' AND ip IS NOT NULL AND bogon), false) AS control_bogon,
  coalesce(bool_or(layer = 'dns' AND ip IS NOT NULL AND NOT bogon), false) AS control_global,
  coalesce(bool_or(layer = 'dns' AND ip IS NULL AND failure IS NOT NULL), false) AS control_dns_failure,
  coalesce(bool_or(layer = 'dns' AND ip IS NULL
    AND failure IN ('dns_nxdomain_error', 'dns_no_answer')), false) AS control_no_name,
  coalesce(bool_or(layer = 'tls' AND failure IS NULL), false) AS helper_tls_ok,
  coalesce(bool_or(layer = 'tls' AND failure IS NOT NULL), false) AS helper_tls_failed,
  coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false) AS helper_tcp_ok
FROM judge_controls
WHERE u IS NOT NULL
GROUP BY m, u
"""

#: What the helper got for the input's URL after all redirects, one row for each measurement.
HELPER_PAGE = """
CREATE OR REPLACE TEMP TABLE judge_helper_page AS
SELECT m,
  coalesce(bool_or(failure IS NULL AND http_status IS NOT NULL), false) AS page_ok,
  coalesce(bool_or(failure IS NOT NULL), false) AS page_failed,
  max(http_status) FILTER (failure IS NULL) AS page_status,
  max(http_body_length) FILTER (failure IS NULL) AS page_length,
  max(http_title) FILTER (failure IS NULL) AS page_title,
  max(http_header_names) FILTER (failure IS NULL) AS page_headers
FROM judge_controls
WHERE layer = 'http' AND NOT h3
GROUP BY m
"""

_OPTIONAL = " OR ".join(
    f"(w.nettest = {quoted(service.nettest)} AND {any_like('i.unit', service.optional)})"
    for service in SERVICES
    if service.optional
)

#: All of it together.
CONTEXT = f"""
CREATE OR REPLACE TEMP TABLE judge_context AS
SELECT o.m, o.u, o.depth, o.first_obs, CAST(o.depth AS BIGINT) * 100000000 + o.first_obs * 10 AS place, o.system_rows,
  o.system_bogon, o.system_global, o.system_failure_4, o.system_failure_6,
  o.encrypted_global, o.encrypted_failure_4, o.udp_bogon, o.udp_global,
  o.tls_proved, o.tls_failed, o.tls_rows, o.tcp_ok, o.tcp_failed, o.tcp_rows,
  o.answers = 0 AND o.tcp_rows = 0 AND o.tls_rows = 0 AS nameless,
  coalesce(k.here, false) AS system_known, coalesce(NOT k.here, false) AS system_known_elsewhere,
  h.m IS NOT NULL OR (p.m IS NOT NULL AND i.unit = w.target) AS has_control,
  coalesce(h.control_bogon, false) AS control_bogon,
  coalesce(h.control_global, false) AS control_global,
  coalesce(h.control_dns_failure, false) AND NOT coalesce(h.control_global, false)
    AND NOT coalesce(h.control_bogon, false) AS control_dns_failed,
  coalesce(h.control_no_name, false) AND NOT coalesce(h.control_global, false)
    AND NOT coalesce(h.control_bogon, false) AS control_nxdomain,
  coalesce(h.helper_tls_ok, false) AS helper_tls_ok,
  coalesce(h.helper_tls_failed, false) AS helper_tls_failed,
  coalesce(h.helper_tcp_ok, false) AS helper_tcp_ok,
  coalesce(p.page_ok, false) AS page_ok,
  coalesce(p.page_failed, false) AND NOT coalesce(p.page_ok, false) AS page_failed,
  h.m IS NULL AND o.depth > 0 AND coalesce(p.page_ok, false) AND p.page_status < 400 AS helper_followed,
  coalesce(e.fine, {FINE_IN_ALL}, false) AND b.u IS NULL AND r.u IS NULL AS peers_fine,
  coalesce(e.fine, {FINE_IN_ALL}, false) AND (b.u IS NOT NULL OR r.u IS NOT NULL) AS peers_troubled,
  coalesce(e.down, false) OR coalesce(b.down, false) AS peers_down,
  coalesce(e.shunned, false) AS shunned,
  y.u IS NOT NULL AS lossy,
  f.software IS NOT NULL AS faulty,
  g.software IS NOT NULL AS old_roots,
  w.nettest, w.network, w.resolver_network, w.resolver_kind, w.received, w.time,
  NOT ({_OPTIONAL or "false"}) AS required
FROM judge_own o
JOIN judge_this w ON w.m = o.m
JOIN judge_names i ON i.u = o.u
LEFT JOIN judge_known k ON k.m = o.m AND k.u = o.u
LEFT JOIN judge_helper h ON h.m = o.m AND h.u = o.u
LEFT JOIN judge_helper_page p ON p.m = o.m
LEFT JOIN {of_these_days("judge_peers")} e ON e.u = o.u AND e.day = w.day AND e.network = w.network
LEFT JOIN {of_these_days("judge_totals")} t ON t.u = o.u AND t.day = w.day
LEFT JOIN judge_that_hour b ON b.u = o.u AND b.hour = w.hour
LEFT JOIN judge_troubled r ON r.u = o.u AND r.hour = w.hour AND r.network = w.network
LEFT JOIN {of_these_days("judge_lossy")} y ON y.u = o.u AND y.day = w.day AND y.network = w.network
LEFT JOIN judge_old_roots g ON g.software = w.software AND o.refused AND NOT o.tls_proved
LEFT JOIN judge_faulty f
  ON f.u = o.u AND f.day = w.day AND f.software = w.software AND f.nettest = w.nettest
WHERE o.own_rows > 0
"""
