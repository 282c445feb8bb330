"""What each host of each measurement comes with: answers, proofs, the helper's control and that of peers."""

from __future__ import annotations

from wallwatch.judge.services import SERVICES
from wallwatch.judge.steps.words import BOGON, any_like, quoted

_SYSTEM = "coalesce(dns_engine, 'system') = 'system'"
_ENCRYPTED = "dns_engine IN ('doh', 'dot')"
_PLAIN = "dns_engine IN ('udp', 'tcp')"


def _answers(name: str, engine: str) -> str:
    here = f"layer = 'dns' AND {engine}"
    return f"""
  list(ip) FILTER ({here} AND ip IS NOT NULL) AS {name}_ips,
  list(ip_network) FILTER ({here} AND ip_network IS NOT NULL) AS {name}_networks,
  coalesce(bool_or({here} AND {BOGON}), false) AS {name}_bogon,
  coalesce(bool_or({here} AND ip IS NOT NULL AND NOT {BOGON}), false) AS {name}_global,
  min(failure) FILTER ({here} AND ip IS NULL AND coalesce(dns_query_type, 'A') <> 'AAAA') AS {name}_failure_4,
  min(failure) FILTER ({here} AND ip IS NULL AND dns_query_type = 'AAAA') AS {name}_failure_6"""


#: One row for each measurement and unit, from its own observations.
OWN = f"""
CREATE OR REPLACE TEMP TABLE judge_own AS
SELECT m, unit AS host, min(depth) AS depth, min(obs) AS first_obs,
  count(*) FILTER (layer = 'dns') AS dns_rows,
  count(*) FILTER (layer = 'dns' AND {_SYSTEM}) AS system_rows,
  {_answers("system", _SYSTEM)},
  {_answers("encrypted", _ENCRYPTED)},
  {_answers("udp", _PLAIN)},
  list(ip) FILTER (layer = 'tls' AND failure IS NULL AND NOT coalesce(tls_no_verify, false) AND ip IS NOT NULL)
    AS proved_ips,
  list(ip) FILTER (layer = 'tls' AND failure IN ('ssl_unknown_authority', 'ssl_invalid_hostname')
    AND ip IS NOT NULL) AS refuted_ips,
  list(ip) FILTER (layer = 'tls' AND failure = 'ssl_unknown_authority') AS refused_ips,
  list(ip) FILTER (layer IN ('tcp', 'http') AND failure IS NULL AND ip IS NOT NULL) AS reached_ips,
  count(*) FILTER (layer = 'tls') AS tls_rows,
  coalesce(bool_or(layer = 'tls' AND failure IS NULL AND NOT coalesce(tls_no_verify, false)), false) AS tls_proved,
  coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false) AS tcp_ok,
  count(*) FILTER (layer = 'tcp') AS tcp_rows,
  count(*) FILTER (layer = 'quic') AS quic_rows,
  count(*) FILTER (layer = 'quic' AND failure IS NOT NULL) AS quic_failures,
  count(*) FILTER (layer = 'http') AS http_rows
FROM judge_units
WHERE unit IS NOT NULL AND layer <> 'step'
GROUP BY m, unit
"""

#: Hosts for which the system's resolver gave an address that is known to be injected in that country.
KNOWN = f"""
CREATE OR REPLACE TEMP TABLE judge_known AS
WITH hits AS (
  SELECT m, unit AS host, country, unnest(dns_fingerprint) AS hit
  FROM judge_units
  WHERE layer = 'dns' AND {_SYSTEM} AND len(dns_fingerprint) > 0
)
SELECT h.m, h.host
FROM hits h LEFT JOIN judge_expected r ON r.hit = h.hit
WHERE split_part(h.hit, ':', 1) IN ('nat', 'isp', 'prod')
  AND (r.countries IS NULL OR len(r.countries) = 0 OR list_contains(r.countries, h.country))
GROUP BY h.m, h.host
"""

#: One row for each measurement and host that the test helper looked at.
HELPER = f"""
CREATE OR REPLACE TEMP TABLE judge_helper AS
SELECT measurement_id AS m, host,
  list(ip) FILTER (layer = 'dns' AND ip IS NOT NULL) AS control_ips,
  list(ip_network) FILTER (layer = 'dns' AND ip_network IS NOT NULL) AS control_networks,
  coalesce(bool_or(layer = 'dns' AND {BOGON}), false) AS control_bogon,
  coalesce(bool_or(layer = 'dns' AND ip IS NOT NULL AND NOT {BOGON}), false) AS control_global,
  coalesce(bool_or(layer = 'dns' AND ip IS NULL AND failure IS NOT NULL), false) AS control_dns_failure,
  coalesce(bool_or(layer = 'dns' AND ip IS NULL
    AND failure IN ('dns_nxdomain_error', 'dns_no_answer')), false) AS control_no_name,
  list(ip) FILTER (layer = 'tls' AND failure IS NULL) AS helper_proved_ips,
  list(ip) FILTER (layer IN ('tcp', 'tls') AND failure IS NOT NULL) AS helper_failed_ips,
  coalesce(bool_or(layer = 'tls' AND failure IS NULL), false) AS helper_tls_ok,
  coalesce(bool_or(layer = 'tls' AND failure IS NOT NULL), false) AS helper_tls_failed,
  coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false) AS helper_tcp_ok,
  coalesce(bool_or(layer = 'tcp' AND failure IS NOT NULL), false) AS helper_tcp_failed
FROM judge_controls
WHERE host IS NOT NULL
GROUP BY measurement_id, host
"""

#: What the helper got for the input's URL after all redirects, one row for each measurement.
HELPER_PAGE = """
CREATE OR REPLACE TEMP TABLE judge_helper_page AS
SELECT measurement_id AS m,
  coalesce(bool_or(failure IS NULL AND http_status IS NOT NULL), false) AS page_ok,
  coalesce(bool_or(failure IS NOT NULL), false) AS page_failed,
  max(http_status) FILTER (failure IS NULL) AS page_status,
  max(http_body_length) FILTER (failure IS NULL) AS page_length,
  max(http_title) FILTER (failure IS NULL) AS page_title,
  max(http_header_names) FILTER (failure IS NULL) AS page_headers
FROM judge_controls
WHERE layer = 'http' AND coalesce(http_alpn, '') <> 'h3'
GROUP BY measurement_id
"""

_OPTIONAL = " OR ".join(
    f"(w.nettest = {quoted(service.nettest)} AND {any_like('o.host', service.optional)})"
    for service in SERVICES
    if service.optional
)

#: All of it together.
CONTEXT = f"""
CREATE OR REPLACE TEMP TABLE judge_context AS
SELECT o.*, k.m IS NOT NULL AS system_known,
  h.m IS NOT NULL OR (p.m IS NOT NULL AND o.host = w.target) AS has_control,
  h.control_ips, h.control_networks, h.helper_proved_ips, h.helper_failed_ips,
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
  p.page_status, p.page_length, p.page_title, p.page_headers,
  h.m IS NULL AND coalesce(o.depth, 0) > 0 AND coalesce(p.page_ok, false) AND p.page_status < 400
    AS helper_followed,
  coalesce(e.fine, t.networks_ok >= 2 AND t.sessions_ok >= 3 AND t.networks_ok >= 3 * t.networks_bad, false)
    AND b.unit IS NULL AS peers_fine,
  coalesce(e.down, false) OR coalesce(b.down, false) AS peers_down,
  f.software IS NOT NULL AS faulty,
  g.software IS NOT NULL AS old_roots,
  w.nettest, w.target, w.network, w.resolver_network, w.resolver_kind, w.received, w.time,
  NOT ({_OPTIONAL or "false"}) AS required
FROM judge_own o
JOIN judge_who w ON w.m = o.m
LEFT JOIN judge_known k ON k.m = o.m AND k.host = o.host
LEFT JOIN judge_helper h ON h.m = o.m AND h.host = o.host
LEFT JOIN judge_helper_page p ON p.m = o.m
LEFT JOIN judge_peers e ON e.unit = o.host AND e.day = w.day AND e.network = w.network
LEFT JOIN judge_totals t ON t.unit = o.host AND t.day = w.day
LEFT JOIN judge_that_hour b ON b.unit = o.host AND b.hour = w.hour
LEFT JOIN judge_old_roots g ON g.software = w.software
  AND len(o.refused_ips) > 0 AND NOT o.tls_proved
LEFT JOIN judge_faulty f
  ON f.unit = o.host AND f.day = w.day AND f.software = w.software AND f.nettest = w.nettest
"""

STEPS = (OWN, KNOWN, HELPER, HELPER_PAGE, CONTEXT)
