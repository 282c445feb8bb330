"""Features of HTTP exchanges: what is known, what differs from the control, and whether the network could have made it."""

from __future__ import annotations

from wallwatch.judge.references import BLOCK_WORDS, DELIVERY_NETWORKS
from wallwatch.judge.services import SERVICES
from wallwatch.judge.steps.words import failure_kind, quoted, trusted

_POOLS = ", ".join(quoted(pool.name) for service in SERVICES for pool in service.pools) or "''"
_WORDS = " OR ".join(f"lower(x.http_title) LIKE {quoted(f'%{word}%')}" for word in BLOCK_WORDS)
_DELIVERY = " OR ".join(f"lower(x.http_server) LIKE {quoted(f'{name}%')}" for name in DELIVERY_NETWORKS)

#: Fingerprints found in clear text, with the countries in which they are to be expected.
HITS = """
CREATE OR REPLACE TEMP TABLE judge_hits AS
WITH hits AS (
  SELECT m, obs, country, unnest(http_fingerprint) AS hit
  FROM judge_units
  WHERE layer = 'http' AND len(http_fingerprint) > 0
)
SELECT h.m, h.obs,
  bool_or(split_part(h.hit, ':', 1) IN ('nat', 'isp', 'prod') AND
    (r.countries IS NULL OR len(r.countries) = 0 OR list_contains(r.countries, h.country))) AS block_page,
  bool_or(split_part(h.hit, ':', 1) IN ('nat', 'isp') AND
    len(r.countries) > 0 AND NOT list_contains(r.countries, h.country)) AS foreign_page,
  bool_or(split_part(h.hit, ':', 1) = 'inst') AS local_filter,
  bool_or(split_part(h.hit, ':', 1) = 'vbw') AS weak_words,
  bool_or(split_part(h.hit, ':', 1) = 'fp') AS false_positive
FROM hits h
LEFT JOIN judge_expected r ON r.hit = h.hit
GROUP BY h.m, h.obs
"""

#: Pages that come in clear text for unrelated sites in one network, by several sessions.
SHARED = """
CREATE OR REPLACE TEMP TABLE judge_shared_pages AS
SELECT network, http_body_sha256
FROM judge_units
WHERE layer = 'http' AND http_body_sha256 IS NOT NULL AND network IS NOT NULL AND http_url LIKE 'http:%'
  AND failure IS NULL AND http_status IS NOT NULL AND http_body_length BETWEEN 64 AND 100000
GROUP BY network, http_body_sha256
HAVING count(DISTINCT unit) >= 4 AND count(DISTINCT session) >= 3
"""

#: Hosts to which one network's clear text sends the readers of unrelated sites, by several sessions.
LANDINGS = """
CREATE OR REPLACE TEMP TABLE judge_landings AS
WITH moved AS (
  SELECT network, session, target, http_url,
    lower(split_part(split_part(split_part(split_part(http_location, '://', 2), '/', 1), '?', 1), ':', 1)) AS landing
  FROM judge_units
  WHERE layer = 'http' AND network IS NOT NULL AND http_url LIKE 'http:%' AND http_location LIKE 'http:%'
    AND http_status BETWEEN 300 AND 399
)
SELECT network, landing FROM moved
WHERE landing <> '' AND strpos(http_url, landing) = 0
GROUP BY network, landing
HAVING count(DISTINCT target) >= 4 AND count(DISTINCT session) >= 3
"""

ROWS = f"""
CREATE OR REPLACE TEMP TABLE judge_http_rows AS
WITH numbered AS (
  SELECT m, max(coalesce(depth, 0)) AS last_depth FROM judge_units WHERE layer = 'http' GROUP BY m
)
SELECT x.m, x.unit AS host, x.obs, x.http_url, x.ip, x.port, x.http_status AS status, x.failure, x.http_location,
  coalesce(x.depth, 0) = n.last_depth AS is_last,
  coalesce(x.http_url LIKE 'https:%', false) AS encrypted,
  x.failure IS NULL AND coalesce(x.http_url LIKE 'https:%', false) AS authentic,
  {trusted("x", "c")} AS trusted,
  CASE WHEN x.failure_text LIKE '%too many redirects%' OR (x.http_status BETWEEN 300 AND 399 AND x.failure IS NOT NULL
      AND (x.failure LIKE 'http_%' OR x.failure LIKE 'unknown%')
      AND coalesce(x.http_location SIMILAR TO '((https?:)?//([/:?#].*)?)?', true)) THEN 'redirect'
    WHEN x.failure = 'unknown_failure' AND x.failure_text LIKE '%codec%' THEN 'instrument'
    ELSE {failure_kind("x.failure")} END AS kind,
  coalesce(k.block_page, false) AND coalesce(x.http_url LIKE 'http:%', false) AND NOT coalesce(k.false_positive, false) AS block_page,
  coalesce(k.foreign_page, false) AS foreign_page,
  coalesce(k.local_filter, false) AS local_filter,
  coalesce(k.weak_words, false) AS weak_words,
  coalesce(k.false_positive, false) AS false_positive,
  coalesce({_WORDS}, false) AND coalesce(x.http_body_length, 0) < 30000 AS block_words,
  coalesce({_DELIVERY}, false) AS delivery_network,
  s.http_body_sha256 IS NOT NULL AS shared_page,
  g.landing IS NOT NULL AND c.page_ok AS shared_landing,
  coalesce(c.page_ok AND coalesce(x.depth, 0) = n.last_depth AND x.failure IS NULL AND (
    (length(x.http_title) > 4 AND x.http_title = c.page_title)
    OR (x.http_status = c.page_status AND x.http_body_length > 0 AND c.page_length > 0 AND
        least(x.http_body_length, c.page_length) >= 0.9 * greatest(x.http_body_length, c.page_length))
    OR (x.http_status = c.page_status AND x.http_header_names = c.page_headers
        AND coalesce(x.http_title, '') = coalesce(c.page_title, ''))), false) AS same_as_control,
  coalesce(c.page_ok AND coalesce(x.depth, 0) = n.last_depth AND x.failure IS NULL AND c.page_status < 400
    AND (coalesce(x.http_body_length, 0) < 0.7 * c.page_length
      OR coalesce(x.http_body_length, 0) * 0.7 > c.page_length)
    AND coalesce(x.http_title, '') <> coalesce(c.page_title, '')
    AND coalesce(len(list_intersect(string_split(x.http_header_names, ' '), string_split(c.page_headers, ' '))), 0)
      * 2 < len(string_split(coalesce(c.page_headers, ''), ' ')), false) AS differs,
  coalesce(c.page_ok AND coalesce(x.depth, 0) = n.last_depth AND x.failure IS NULL AND c.page_status < 400
    AND x.http_body_length < 0.7 * c.page_length AND x.http_title <> c.page_title, false) AS shorter,
  c.page_title, c.has_control, c.page_ok, c.page_failed, c.helper_followed, c.peers_fine, c.peers_down,
  c.tls_proved, c.tls_rows, c.tcp_ok, c.tcp_rows
FROM judge_units x
JOIN judge_context c ON c.m = x.m AND c.host = x.unit
JOIN numbered n ON n.m = x.m
LEFT JOIN judge_hits k ON k.m = x.m AND k.obs = x.obs
LEFT JOIN judge_shared_pages s ON s.network = x.network AND s.http_body_sha256 = x.http_body_sha256
  AND x.http_url LIKE 'http:%'
LEFT JOIN judge_landings g ON g.network = x.network AND x.http_url LIKE 'http:%' AND x.http_location LIKE 'http:%'
  AND g.landing
    = lower(split_part(split_part(split_part(split_part(x.http_location, '://', 2), '/', 1), '?', 1), ':', 1))
WHERE x.layer = 'http' AND x.unit IS NOT NULL
"""

#: By URL: one that worked at any address worked. What fails before the exchange is judged where it failed.
FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_http AS
WITH urls AS (
  SELECT m, host, http_url,
    bool_or(failure IS NULL) AS ok,
    min(kind) FILTER (failure IS NOT NULL AND trusted AND (
      CASE WHEN encrypted THEN (tls_proved OR (tls_rows = 0 AND (tcp_ok OR tcp_rows = 0)))
        ELSE (tcp_ok OR tcp_rows = 0) END
      OR status IS NOT NULL)) AS kind,
    bool_or(encrypted) AS encrypted
  FROM judge_http_rows
  GROUP BY m, host, http_url
),
by_host AS (
  SELECT m, host, bool_and(NOT ok) AS all_failed, bool_or(NOT ok AND kind IS NOT NULL) AS any_failed,
    min(kind) FILTER (NOT ok) AS kind,
    bool_or(NOT ok AND kind IS NOT NULL AND NOT encrypted) AS clear_failed
  FROM urls GROUP BY m, host
),
others AS (
  SELECT m, ip, count(DISTINCT host) AS hosts FROM judge_http_rows
  WHERE failure IS NULL AND ip IS NOT NULL AND NOT encrypted
  GROUP BY m, ip
),
landing AS (
  SELECT m, bool_or(is_last AND block_words AND NOT same_as_control AND failure IS NULL) AS on_block_words,
    bool_or(is_last AND block_page AND NOT same_as_control AND NOT encrypted) AS on_block_page,
    max(host) FILTER (is_last) AS last_host
  FROM judge_http_rows GROUP BY m
),
hosts AS (
  SELECT r.m, r.host,
    coalesce(bool_or(r.failure IS NULL AND r.trusted), false) AS answered,
    coalesce(bool_or(NOT r.encrypted), false) AS clear_text,
    coalesce(CASE WHEN bool_or(r.is_last) THEN bool_or(r.authentic AND r.is_last) ELSE bool_or(r.authentic) END, false)
      AS authentic,
    max(r.status) FILTER (r.failure IS NULL) AS status,
    coalesce(bool_or(r.block_page AND r.trusted AND NOT r.same_as_control), false) AS block_page,
    coalesce(bool_or(r.block_page AND r.trusted AND r.status BETWEEN 300 AND 399), false) AS block_redirect,
    coalesce(bool_or(NOT r.trusted AND NOT r.encrypted AND r.failure IS NULL AND NOT r.same_as_control
      AND (r.block_page OR r.block_words OR r.shared_page)), false) AS page_at_lie,
    coalesce(bool_or(r.foreign_page), false) AS foreign_page,
    coalesce(bool_or(r.local_filter AND NOT r.authentic), false) AS local_filter,
    coalesce(bool_or(r.weak_words), false) AS weak_words,
    coalesce(bool_or(r.false_positive), false) AS false_positive,
    coalesce(bool_or(r.block_words AND NOT r.encrypted AND r.trusted), false) AS block_words,
    coalesce(bool_or(r.delivery_network), false) AS delivery_network,
    coalesce(bool_or(r.shared_page AND r.trusted AND NOT r.delivery_network), false) AS shared_page,
    coalesce(bool_or(r.shared_landing AND r.trusted), false) AS shared_landing,
    coalesce(bool_or(r.same_as_control), false) AS same_as_control,
    coalesce(bool_or(r.differs AND NOT r.encrypted), false) AS differs,
    coalesce(bool_or(r.shorter AND r.block_words AND NOT r.encrypted AND r.trusted), false) AS short_block_words,
    coalesce(bool_or(r.is_last), false) AS is_last,
    coalesce(bool_or(NOT r.encrypted AND r.failure IS NULL AND r.status BETWEEN 300 AND 399
      AND (r.http_location LIKE 'http://10.%' OR r.http_location LIKE 'http://192.168.%'
        OR r.http_location LIKE 'http://127.%' OR r.http_location LIKE 'http://172.16.%')), false)
      AS redirect_to_bogon,
    coalesce(bool_or(NOT r.encrypted AND r.status BETWEEN 300 AND 399), false) AS redirects,
    coalesce(bool_or(r.is_last AND r.status IN (301, 302, 303, 307, 308)), false) AS ends_in_redirect,
    bool_or(r.has_control) AS has_control, bool_or(r.page_ok) AS page_ok, bool_or(r.page_failed) AS page_failed,
    bool_or(r.helper_followed) AS helper_followed, bool_or(r.peers_fine) AS peers_fine,
    bool_or(r.peers_down) AS peers_down, bool_or(r.tls_proved) AS tls_proved, max(r.tls_rows) > 0 AS handshake_seen,
    bool_or(r.tcp_ok) AS tcp_ok,
    coalesce(bool_or(o.hosts > CASE WHEN r.failure IS NULL THEN 1 ELSE 0 END AND r.failure IS NOT NULL), false)
      AS other_host_ok
  FROM judge_http_rows r
  LEFT JOIN others o ON o.m = r.m AND o.ip = r.ip
  GROUP BY r.m, r.host
)
SELECT h.* EXCLUDE (clear_text), h.host IN ({_POOLS}) AS is_pool,
  CASE WHEN b.any_failed THEN b.clear_failed ELSE h.clear_text END AS clear_text,
  h.page_ok AND (h.has_control OR h.is_last) AS control_ok,
  h.page_failed AND (h.has_control OR h.is_last) AS control_failed,
  h.redirects AND l.last_host <> h.host AS redirected_away,
  coalesce(l.on_block_words, false) AS landed_on_block_words,
  coalesce(l.on_block_page, false) AS landed_on_block_page,
  CASE WHEN h.host IN ({_POOLS}) THEN (CASE WHEN b.all_failed THEN b.kind END)
    WHEN b.any_failed THEN b.kind END AS failure_kind
FROM hosts h
JOIN by_host b ON b.m = h.m AND b.host = h.host
JOIN landing l ON l.m = h.m
"""

STEPS = (HITS, SHARED, LANDINGS, ROWS, FEATURES)
