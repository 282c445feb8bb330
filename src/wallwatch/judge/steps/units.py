"""Observations by unit: the host, or the pool of endpoints that a service test's row belongs to."""

from __future__ import annotations

from wallwatch.judge.services import SERVICES, TOOLS
from wallwatch.judge.steps.words import any_like, quoted


def _unit() -> str:
    cases = []
    for service in SERVICES:
        for pool in service.pools:
            tests = []
            if pool.addresses:
                tests.append(
                    "host IS NULL OR host = ip OR host NOT SIMILAR TO '.*[a-z].*' OR host LIKE '%:%'"
                )
            if pool.hosts:
                tests.append(any_like("host", pool.hosts))
            cases.append(
                f"WHEN nettest = {quoted(service.nettest)} AND ({' OR '.join(tests)}) THEN {quoted(pool.name)}"
            )
    tools = ", ".join(quoted(tool) for tool in TOOLS)
    cases.append(f"WHEN nettest IN ({tools}) THEN nettest")
    return "CASE " + " ".join(cases) + " ELSE host END"


#: Columns that the judge reads, once: every step after it works on these rows.
_COLUMNS = """
  obs, layer, host, ip, port, ip_network, ip_kind, failure, failure_text, duration_seconds, depth, time, time_flag, country, network,
  nettest, nettest_version, software, session, target, dns_engine, dns_query_type, dns_fingerprint, tls_no_verify,
  tls_certificate_sha256, tls_issuer, tls_not_before, tls_not_after, tls_self_signed, tls_matches_name, read_count,
  http_url, http_status, http_body_length, http_body_sha256, http_title, http_location, http_server,
  http_header_names, http_fingerprint, step, step_value, step_number
"""

#: Observations that name what they are about; `unit` is what is judged.
UNITS = f"""
CREATE OR REPLACE TEMP TABLE judge_units AS
SELECT measurement_id AS m, {_unit()} AS unit, {_COLUMNS}
FROM observations
WHERE layer <> 'step' OR nettest IN ({", ".join(quoted(tool) for tool in TOOLS)})
"""

#: What test helpers saw, without the controls of helpers that failed.
HELPERS = """
CREATE OR REPLACE TEMP TABLE judge_controls AS
SELECT c.measurement_id, c.layer, c.host, c.ip, c.port, c.ip_network, c.ip_kind, c.failure, c.http_status,
  c.http_body_length, c.http_title, c.http_header_names, c.http_alpn
FROM controls c JOIN judge_who w ON w.m = c.measurement_id AND w.helper_failure IS NULL
"""

#: The measurements, with short names.
WHO = """
CREATE OR REPLACE TEMP TABLE judge_who AS
SELECT measurement_id AS m, measurement_id, time, time_flag, country, network, network_name, resolver_network,
  resolver_kind, nettest, nettest_version, software, session, probe_id, input, target, received, helper_failure,
  file_id, line, CAST(time AT TIME ZONE 'UTC' AS DATE) AS day, CAST(floor(epoch(time) / 3600) AS BIGINT) AS hour
FROM measurements
"""

STEPS = (WHO, UNITS, HELPERS)
