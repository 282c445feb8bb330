"""Features of HTTP exchanges: what is known, what differs from the control, and whether the network could have made it."""

from __future__ import annotations

from wallwatch._text import quoted
from wallwatch.judge.references import BLOCK_WORDS, DELIVERY_NETWORKS
from wallwatch.judge.services import SERVICES
from wallwatch.judge.steps.words import PLAIN, SYSTEM, any_within, failure_kind

_POOLS = ", ".join(quoted(pool.name) for service in SERVICES for pool in service.pools) or "''"

#: Fingerprints found, with the countries in which they are to be expected. Of a page that is known both as a block page
#: and as one that only looks like it the more specific knowledge counts: the community's lists hold words as broad as
#: “redirect” on one side and “Access Denied” on the other.
HITS = """
CREATE OR REPLACE TEMP TABLE judge_hits AS
WITH known AS (
  SELECT h.m, h.obs, split_part(h.hit, ':', 1) AS scope, coalesce(r.strength, 1) AS strength,
    r.countries IS NULL OR len(r.countries) = 0 OR list_contains(r.countries, h.country) AS expected
  FROM judge_fingerprints h
  LEFT JOIN judge_expected r ON r.hit = h.hit
  WHERE h.layer = 'http'
),
weighed AS (
  SELECT m, obs,
    coalesce(max(strength) FILTER (scope IN ('nat', 'isp', 'prod') AND expected), 0) AS block_page,
    coalesce(max(strength) FILTER (scope = 'fp'), -1) AS false_positive,
    bool_or(scope IN ('nat', 'isp') AND NOT expected) AS foreign_page,
    bool_or(scope = 'inst') AS local_filter,
    bool_or(scope = 'vbw' OR (scope IN ('nat', 'isp', 'prod') AND strength = 0)) AS weak_words
  FROM known GROUP BY m, obs
)
SELECT m, obs, block_page > greatest(false_positive, 0) AS block_page, foreign_page, local_filter, weak_words,
  false_positive >= block_page AS false_positive
FROM weighed
"""

ROWS = f"""
CREATE OR REPLACE TEMP TABLE judge_http_rows AS
WITH numbered AS (
  SELECT m, max(depth) AS last_depth FROM judge_http_units GROUP BY m
),
-- Titles, servers and sets of headers come over and over: each is looked into once.
titles AS (
  SELECT http_title, {any_within("http_title", BLOCK_WORDS)} AS block_words
  FROM (SELECT DISTINCT http_title FROM judge_http_units WHERE http_title IS NOT NULL)
),
servers AS (
  SELECT http_server, {any_within("http_server", DELIVERY_NETWORKS, first=True)} AS delivery_network
  FROM (SELECT DISTINCT http_server FROM judge_http_units WHERE http_server IS NOT NULL)
),
headers AS (
  SELECT own, page_headers,
    coalesce(len(list_intersect(string_split(own, ' '), string_split(page_headers, ' '))), 0) * 2
      < len(string_split(coalesce(page_headers, ''), ' ')) AS few_in_common
  FROM (
    SELECT DISTINCT x.http_header_names AS own, p.page_headers
    FROM judge_http_units x JOIN judge_helper_page p ON p.m = x.m AND p.page_status < 400
    WHERE x.failure IS NULL
  )
),
-- Old probes do not say where a page came from: none of the addresses that they were answered is known to the control.
nowhere_else AS (
  SELECT a.m, a.u FROM judge_addresses a
  LEFT JOIN judge_untrusted z ON z.m = a.m AND z.u = a.u AND z.ip = a.ip
  WHERE a.known & {SYSTEM | PLAIN} <> 0 AND a.m IN (SELECT m FROM judge_untrusted)
  GROUP BY a.m, a.u HAVING bool_and(z.m IS NOT NULL)
),
compared AS (
  SELECT x.m, x.u, x.obs, x.depth, x.http_url, x.ip, x.http_status AS status, x.failure, x.failure_text,
    x.http_location, x.http_body_length, coalesce(x.empty, false) AS empty, x.http_title, x.encrypted, x.clear,
    coalesce(x.http_body_length, 0) < 30000 AND coalesce(t.block_words, false) AS block_words,
    coalesce(v.delivery_network, false) AS delivery_network, d.few_in_common,
    x.depth = n.last_depth AS is_last,
    coalesce(p.page_ok, false) AND x.depth = n.last_depth AND x.failure IS NULL AS comparable,
    x.http_header_names, p.page_status, p.page_length, p.page_title, p.page_headers,
    k.m IS NOT NULL AND k.block_page AS block_page, k.foreign_page, k.local_filter, k.weak_words, k.false_positive,
    s.http_body_sha256 IS NOT NULL AS shared_page,
    g.landing IS NOT NULL AND coalesce(p.page_ok, false) AS shared_landing,
    z.m IS NULL AS trusted, z.m IS NOT NULL OR (x.ip IS NULL AND y.m IS NOT NULL) AS of_answer
  FROM judge_http_units x
  JOIN numbered n ON n.m = x.m
  JOIN judge_this w ON w.m = x.m
  LEFT JOIN judge_helper_page p ON p.m = x.m
  LEFT JOIN judge_hits k ON k.m = x.m AND k.obs = x.obs
  LEFT JOIN judge_shared_pages s ON s.network = w.network AND s.http_body_sha256 = x.http_body_sha256 AND x.clear
  LEFT JOIN judge_landings g ON g.network = w.network AND g.landing = x.landing
  LEFT JOIN judge_untrusted z ON z.m = x.m AND z.u = x.u AND z.ip = x.ip
  LEFT JOIN nowhere_else y ON y.m = x.m AND y.u = x.u
  LEFT JOIN titles t ON t.http_title = x.http_title
  LEFT JOIN headers d ON d.own IS NOT DISTINCT FROM x.http_header_names
    AND d.page_headers IS NOT DISTINCT FROM p.page_headers AND p.m IS NOT NULL
  LEFT JOIN servers v ON v.http_server = x.http_server
  WHERE x.u IS NOT NULL
)
SELECT m, u, http_url, ip, status, failure, http_location, is_last, encrypted, trusted, of_answer,
  failure IS NULL AND encrypted AS authentic,
  CASE WHEN failure IS NULL AND NOT coalesce(failure_text LIKE '%too many redirects%', false) THEN NULL
    WHEN failure_text LIKE '%too many redirects%' OR (status BETWEEN 300 AND 399 AND failure IS NOT NULL
      AND (failure LIKE 'http_%' OR failure LIKE 'unknown%')
      AND coalesce(http_location SIMILAR TO '((https?:)?//([/:?#].*)?)?', true)) THEN 'redirect'
    WHEN failure = 'unknown_failure' AND failure_text LIKE '%codec%' THEN 'instrument'
    ELSE {failure_kind("failure")} END AS kind,
  coalesce(block_page, false) AND clear AND NOT coalesce(false_positive, false) AS block_page,
  coalesce(foreign_page, false) AS foreign_page,
  coalesce(local_filter, false) AS local_filter,
  coalesce(weak_words, false) AS weak_words,
  coalesce(false_positive, false) AS false_positive,
  block_words, delivery_network, shared_page, shared_landing,
  CASE WHEN comparable THEN coalesce(
    (length(http_title) > 4 AND http_title = page_title)
    OR (status = page_status AND http_body_length > 0 AND page_length > 0 AND
        least(http_body_length, page_length) >= 0.9 * greatest(http_body_length, page_length))
    OR (status = page_status AND http_header_names = page_headers AND coalesce(http_title, '') = coalesce(page_title, '')
        AND NOT (empty AND page_length >= 256)), false) ELSE false END AS same_as_control,
  coalesce(comparable AND length(http_title) > 4 AND http_title = page_title AND status = page_status, false) AS same_title,
  coalesce(comparable AND page_status < 300 AND status < 300 AND empty AND page_length >= 256, false) AS emptied,
  CASE WHEN comparable AND page_status < 400
    AND (coalesce(http_body_length, 0) < 0.7 * page_length OR coalesce(http_body_length, 0) * 0.7 > page_length)
    AND coalesce(http_title, '') <> coalesce(page_title, '')
    THEN few_in_common ELSE false END AS differs,
  CASE WHEN comparable AND page_status < 400 THEN coalesce(http_body_length < 0.7 * page_length
    AND http_title <> page_title, false) ELSE false END AS shorter
FROM compared
"""

#: By URL: one that worked at any address worked. What fails before the exchange is judged where it failed; so is an exchange
#: with a host whose name nobody answered, and to which nothing was tried.
FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_http AS
WITH urls AS (
  SELECT r.m, r.u, r.http_url,
    bool_or(r.failure IS NULL) AS ok,
    min(r.kind) FILTER (r.failure IS NOT NULL AND r.trusted
      AND NOT (c.system_rows > 0 AND (r.failure LIKE 'dns_%' OR r.failure LIKE 'android_dns_%' OR (c.nameless
        AND r.ip IS NULL))) AND (
      CASE WHEN r.encrypted THEN (c.tls_proved OR (c.tls_rows = 0 AND (c.tcp_ok OR c.tcp_rows = 0)))
        ELSE (c.tcp_ok OR c.tcp_rows = 0) END
      OR r.status IS NOT NULL)) AS kind,
    bool_or(r.encrypted) AS encrypted
  FROM judge_http_rows r JOIN judge_context c ON c.m = r.m AND c.u = r.u
  GROUP BY r.m, r.u, r.http_url
),
by_host AS (
  SELECT m, u, bool_and(NOT ok) AS all_failed, bool_or(NOT ok AND kind IS NOT NULL) AS any_failed,
    min(kind) FILTER (NOT ok) AS kind,
    bool_or(NOT ok AND kind IS NOT NULL AND NOT encrypted) AS clear_failed
  FROM urls GROUP BY m, u
),
-- Where an exchange fails in clear text, the other hosts that the same address answered for.
failed AS (
  SELECT DISTINCT m, u, ip FROM judge_http_rows WHERE failure IS NOT NULL AND ip IS NOT NULL
),
others AS (
  SELECT DISTINCT f.m, f.u FROM failed f
  JOIN judge_this w ON w.m = f.m
  JOIN judge_tied t ON t.s = w.s AND t.u = f.u AND t.ip = f.ip AND t.clear
),
-- Hosts under the name that the test was asked for, to which it may send its readers itself.
at_home AS (
  SELECT w.m, i.u FROM (SELECT DISTINCT m, u FROM judge_http_rows WHERE block_words AND authentic) r
  JOIN judge_this w ON w.m = r.m JOIN judge_names i ON i.u = r.u
  WHERE ends_with('.' || i.unit, '.' || regexp_replace(w.target, '^www[.]', ''))
),
landing AS (
  SELECT r.m, bool_or(r.is_last AND r.block_words AND NOT r.same_as_control AND r.failure IS NULL AND o.m IS NULL)
      AS on_block_words,
    bool_or(r.is_last AND r.block_page AND NOT r.same_as_control AND NOT r.encrypted) AS on_block_page
  FROM judge_http_rows r LEFT JOIN at_home o ON o.m = r.m AND o.u = r.u AND r.authentic
  GROUP BY r.m
),
hosts AS (
  SELECT m, u,
    coalesce(bool_or(failure IS NULL AND trusted), false) AS answered,
    coalesce(bool_or(NOT encrypted), false) AS clear_text,
    coalesce(CASE WHEN bool_or(is_last) THEN bool_or(authentic AND is_last) ELSE bool_or(authentic) END, false)
      AS authentic,
    max(status) FILTER (failure IS NULL) AS status,
    coalesce(bool_or(block_page AND trusted AND NOT same_as_control), false) AS block_page,
    coalesce(bool_or(block_page AND trusted AND status BETWEEN 300 AND 399), false) AS block_redirect,
    coalesce(bool_or(NOT trusted AND NOT encrypted AND failure IS NULL AND NOT same_as_control
      AND (block_page OR block_words OR shared_page)), false) AS page_at_lie,
    coalesce(bool_or(of_answer AND NOT encrypted AND failure IS NULL AND same_title AND NOT block_page
      AND NOT block_words), false) AS relayed,
    coalesce(bool_or(of_answer AND authentic AND ip IS NULL), false) AS page_proved,
    coalesce(bool_or(emptied AND NOT encrypted), false) AS emptied,
    coalesce(bool_or(foreign_page), false) AS foreign_page,
    coalesce(bool_or(local_filter AND NOT authentic), false) AS local_filter,
    coalesce(bool_or(weak_words), false) AS weak_words,
    coalesce(bool_or(false_positive), false) AS false_positive,
    coalesce(bool_or(block_words AND NOT encrypted AND trusted), false) AS block_words,
    coalesce(bool_or(delivery_network), false) AS delivery_network,
    coalesce(bool_or(shared_page AND trusted AND NOT delivery_network), false) AS shared_page,
    coalesce(bool_or(shared_landing AND trusted), false) AS shared_landing,
    coalesce(bool_or(same_as_control), false) AS same_as_control,
    coalesce(bool_or(differs AND NOT encrypted), false) AS differs,
    coalesce(bool_or(shorter AND block_words AND NOT encrypted AND trusted), false) AS short_block_words,
    coalesce(bool_or(is_last), false) AS is_last,
    coalesce(bool_or(NOT encrypted AND failure IS NULL AND status BETWEEN 300 AND 399
      AND (http_location LIKE 'http://10.%' OR http_location LIKE 'http://192.168.%'
        OR http_location LIKE 'http://127.%' OR http_location LIKE 'http://172.16.%')), false)
      AS redirect_to_bogon,
    coalesce(bool_or(NOT encrypted AND status BETWEEN 300 AND 399), false) AS redirects,
    coalesce(bool_or(is_last AND status IN (301, 302, 303, 307, 308)), false) AS ends_in_redirect
  FROM judge_http_rows
  GROUP BY m, u
),
pools AS (
  SELECT u FROM judge_names WHERE unit IN ({_POOLS})
)
SELECT h.* EXCLUDE (clear_text), c.place, c.has_control, c.page_ok, c.page_failed, c.helper_followed, c.peers_fine,
  c.peers_down, c.shunned, c.lossy, c.peers_troubled, c.tls_proved, c.tls_rows > 0 AS handshake_seen, c.tcp_ok,
  o.m IS NOT NULL AS other_host_ok,
  s.m IS NOT NULL AS slowed, coalesce(s.named, false) AS slowed_name,
  i.u IS NOT NULL AS is_pool,
  CASE WHEN b.any_failed THEN b.clear_failed ELSE h.clear_text END AS clear_text,
  c.page_ok AND (c.has_control OR h.is_last) AS control_ok,
  c.page_failed AND (c.has_control OR h.is_last) AS control_failed,
  h.redirects AND NOT h.is_last AS redirected_away,
  coalesce(l.on_block_words, false) AS landed_on_block_words,
  coalesce(l.on_block_page, false) AS landed_on_block_page,
  CASE WHEN i.u IS NOT NULL THEN (CASE WHEN b.all_failed THEN b.kind END)
    WHEN b.any_failed THEN b.kind END AS failure_kind
FROM hosts h
JOIN judge_context c ON c.m = h.m AND c.u = h.u
JOIN by_host b ON b.m = h.m AND b.u = h.u
JOIN landing l ON l.m = h.m
LEFT JOIN others o ON o.m = h.m AND o.u = h.u
LEFT JOIN pools i ON i.u = h.u
LEFT JOIN judge_slowed s ON s.m = h.m AND s.u = h.u AND s.clear
"""

STEPS = (HITS, ROWS, FEATURES)
