"""Features of TLS handshakes."""

from __future__ import annotations

from wallwatch._text import quoted
from wallwatch.judge.services import SERVICES
from wallwatch.judge.steps.peers import of_these_days
from wallwatch.judge.steps.words import CONTROL, any_like, failure_kind

_OWN_ROOTS = " OR ".join(
    f"(c.nettest = {quoted(service.nettest)} AND {any_like('o.issuer', service.own_roots)})"
    for service in SERVICES
    if service.own_roots
)

#: Nearly all hosts prove to be themselves, and no handshake with them fails: they are settled without a look at their
#: addresses.
FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_tls AS
WITH doubtful AS (
  SELECT m, u FROM judge_context WHERE tls_rows > 0 AND (tls_failed OR NOT tls_proved)
),
handshakes AS (
  SELECT o.* FROM judge_tls_units o JOIN doubtful d ON d.m = o.m AND d.u = o.u
),
own AS (
  SELECT m, u, ip, port, bool_or(failure IS NULL AND NOT no_verify) AS proved,
    count(*) FILTER (failure IS NOT NULL) AS failures,
    min(failure) AS failure,
    bool_or(failure IS NOT NULL AND self_signed) AS self_signed,
    max(tls_certificate_sha256) FILTER (failure LIKE 'ssl_%') AS certificate,
    bool_or(failure = 'ssl_unknown_authority') AS unknown_authority,
    bool_or(failure IS NOT NULL AND tls_certificate_sha256 IS NOT NULL) AS certificate_seen,
    max(tls_issuer) FILTER (failure IS NOT NULL) AS issuer,
    min(tls_not_before) FILTER (failure = 'ssl_invalid_certificate' AND matches_name)
      AS not_before,
    max(tls_not_after) FILTER (failure = 'ssl_invalid_certificate' AND matches_name)
      AS not_after,
    coalesce(max(read_count) FILTER (failure IS NOT NULL), 0) AS reads
  FROM handshakes
  GROUP BY m, u, ip, port
),
helper AS (
  SELECT m, u, ip, port, bool_or(failure IS NULL) AS ok
  FROM judge_controls
  WHERE layer = 'tls'
  GROUP BY m, u, ip, port
),
tied AS (
  SELECT DISTINCT w.m, t.u, t.ip FROM judge_tied t JOIN judge_this w ON w.s = t.s WHERE NOT t.clear
),
judged AS (
  SELECT o.*, x.m IS NULL AS trusted,
    -- Helpers of old versions make no handshakes of their own: a page that they got proves the addresses they found.
    coalesce(h.ok, CASE WHEN c.page_ok AND NOT c.helper_tls_ok AND NOT c.helper_tls_failed
      AND a.known & {CONTROL} <> 0 THEN true END) AS helper_ok,
    n.m IS NOT NULL AS other_name_ok,
    {failure_kind("o.failure")} AS kind,
    v.tls_certificate_sha256 IS NOT NULL AS genuine,
    coalesce({_OWN_ROOTS or "false"}, false) AS service_root,
    c.received BETWEEN o.not_before AND o.not_after AND NOT c.time BETWEEN o.not_before AND o.not_after
      AS clock_wrong,
    o.failure = 'ssl_invalid_certificate' AND (NOT o.certificate_seen
      OR (NOT o.self_signed AND NOT c.time BETWEEN o.not_before AND o.not_after)) AS out_of_date
  FROM own o
  JOIN judge_context c ON c.m = o.m AND c.u = o.u
  LEFT JOIN judge_untrusted x ON x.m = o.m AND x.u = o.u AND x.ip = o.ip
  LEFT JOIN judge_addresses a ON a.m = o.m AND a.u = o.u AND a.ip = o.ip AND NOT o.proved
  LEFT JOIN helper h ON h.m = o.m AND h.u = o.u AND h.ip = o.ip AND h.port = o.port
  LEFT JOIN judge_genuine v ON v.tls_certificate_sha256 = o.certificate
  LEFT JOIN tied n ON n.m = o.m AND n.u = o.u AND n.ip = o.ip
),
hosts AS (
  SELECT m, u,
    coalesce(bool_or(proved), false) AS proved,
    coalesce(sum(failures) FILTER (trusted), 0) AS failures,
    count(*) FILTER (trusted AND NOT proved AND kind = 'reset') AS resets,
    count(*) FILTER (trusted AND NOT proved AND kind = 'closed') AS closed,
    count(*) FILTER (trusted AND NOT proved AND kind = 'timeout') AS timeouts,
    count(*) FILTER (trusted AND NOT proved AND kind = 'certificate') AS certificates,
    coalesce(bool_or(helper_ok AND NOT proved AND trusted), false) AS control_ok_same_address,
    coalesce(bool_or(NOT helper_ok AND NOT proved AND trusted), false) AS control_failed_same_address,
    coalesce(bool_or(self_signed AND trusted), false) AS self_signed,
    coalesce(bool_or(unknown_authority AND trusted), false) AS unknown_authority,
    coalesce(bool_or(certificate_seen AND trusted), false) AS certificate_seen,
    coalesce(bool_or(service_root), false) AS service_root,
    coalesce(bool_or(genuine AND NOT proved), false) AS genuine,
    coalesce(bool_or(other_name_ok AND NOT proved), false) AS other_name_ok,
    coalesce(bool_or(clock_wrong), false) AS clock_wrong,
    coalesce(bool_and(out_of_date) FILTER (trusted AND NOT proved AND kind = 'certificate'), false) AS out_of_date,
    max(reads) AS reads,
    count(*) FILTER (NOT trusted) AS untrusted
  FROM judged
  GROUP BY m, u
),
every AS (
  SELECT h.*, coalesce(d.sessions_ok >= 3 AND d.sessions_ok >= 3 * d.sessions_bad, false) AS opens_here
  FROM hosts h JOIN judge_this w ON w.m = h.m
  LEFT JOIN {of_these_days("judge_by_network")} d ON d.u = h.u AND d.network = w.network AND d.day = w.day
  UNION ALL
  SELECT m, u, true, 0, 0, 0, 0, 0, false, false, false, false, false, false, false, false, false, false, 0, 0, false
  FROM judge_context WHERE tls_proved AND NOT tls_failed
)
SELECT t.*, c.place, s.m IS NOT NULL AS slowed, coalesce(s.named, false) AS slowed_name, c.old_roots,
  c.has_control, c.helper_followed, c.peers_fine, c.peers_down, c.shunned, c.lossy, c.peers_troubled,
  t.control_ok_same_address OR (NOT t.control_failed_same_address
    AND (c.helper_tls_ok OR (NOT c.helper_tls_failed AND c.page_ok AND c.has_control))) AS control_ok,
  t.control_failed_same_address OR (NOT t.control_ok_same_address AND NOT c.helper_tls_ok
    AND (c.helper_tls_failed OR (c.page_failed AND c.has_control))) AS control_failed,
  CASE WHEN t.proved OR t.failures = 0 THEN NULL
    WHEN t.certificates > 0 THEN 'certificate'
    WHEN t.resets >= greatest(t.closed, t.timeouts, 1) THEN 'reset'
    WHEN t.closed >= greatest(t.timeouts, 1) THEN 'closed'
    WHEN t.timeouts > 0 THEN 'timeout'
    ELSE 'other' END AS failure_kind
FROM every t
JOIN judge_context c ON c.m = t.m AND c.u = t.u
LEFT JOIN judge_slowed s ON s.m = t.m AND s.u = t.u AND NOT s.clear
"""

STEPS = (FEATURES,)
