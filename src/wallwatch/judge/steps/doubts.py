"""Doubts about a measurement itself: what its own place does to it, and what cannot be so (traps J18, C3).

They are flags, kept apart from what is said of the network.
"""

from __future__ import annotations

from wallwatch.judge.steps.peers import of_heard
from wallwatch.judge.steps.shares import InShares
from wallwatch.judge.steps.words import IS_BOGON, SYSTEM

TABLES = (
    (
        "CREATE OR REPLACE TEMP TABLE judge_marks "
        "(s BIGINT, network BIGINT, day DATE, u BIGINT, kind VARCHAR, mark VARCHAR)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_places "
        "(s BIGINT, day DATE, network BIGINT, country VARCHAR, software VARCHAR, nettest VARCHAR, without_helper BOOLEAN, "
        "helped BOOLEAN, helper_forged BOOLEAN, first TIMESTAMPTZ, last TIMESTAMPTZ, received TIMESTAMPTZ, "
        "all_received TIMESTAMPTZ)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_homes_said (network BIGINT, country VARCHAR, nettest VARCHAR, s BIGINT, "
        "first BIGINT, last BIGINT, times BIGINT, g BIGINT)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_compared_kept "
        "(s BIGINT, network BIGINT, kind VARCHAR, mark VARCHAR, alone BOOLEAN)"
    ),
    "CREATE OR REPLACE TEMP TABLE judge_elsewhere (s BIGINT)",
    "CREATE OR REPLACE TEMP TABLE judge_implausible (m BIGINT)",
)

#: Measurements that say what cannot be: a handshake or page through an endpoint to which every connect failed, or a
#: certificate that was found valid and, as the data hold it, is for another name or signed by itself. What they say
#: of a host is no voice among its peers.
IMPLAUSIBLE = """
INSERT INTO judge_implausible
WITH failed AS (
  SELECT m, ip, port FROM judge_units
  WHERE layer = 'tcp' AND ip IS NOT NULL AND port IS NOT NULL AND failure IS NOT NULL
  GROUP BY m, ip, port
)
SELECT m FROM (
  SELECT o.m FROM judge_units o JOIN failed f ON f.m = o.m AND f.ip = o.ip AND f.port = o.port
  WHERE o.failure IS NULL AND o.layer IN ('tcp', 'tls', 'http')
  GROUP BY o.m, o.ip, o.port HAVING NOT bool_or(o.layer = 'tcp')
)
UNION
SELECT m FROM judge_tls_units
WHERE failure IS NULL AND NOT no_verify AND tls_certificate_sha256 IS NOT NULL AND (other_name OR self_signed)
"""

#: Where each session was, and what a place does to everything there: the same mark on unrelated hosts.
GATHER = (
    """
INSERT INTO judge_places
SELECT s, day, network, country, software, nettest, bool_and(helper_failure IS NOT NULL),
  bool_or(helped),
  coalesce(bool_or(helper_failure IN ('ssl_unknown_authority', 'ssl_invalid_hostname')
    AND nettest = 'web_connectivity'), false),
  min(time) FILTER (time_flag IS NULL), max(time) FILTER (time_flag IS NULL),
  min(coalesce(received, time)), max(coalesce(received, time))
FROM judge_this
GROUP BY s, day, network, country, software, nettest
""",
    """
INSERT INTO judge_homes_said
SELECT network, country, nettest, s, CAST(floor(min(hour) / 24) AS BIGINT), CAST(floor(max(hour) / 24) AS BIGINT),
  count(*), g
FROM judge_this GROUP BY network, country, nettest, s, g
""",
    f"""
INSERT INTO judge_marks
SELECT w.s, w.network, w.day, o.u, 'dns', o.ip FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.asked = {SYSTEM} AND o.known & {IS_BOGON} <> 0 AND o.u > 0 AND w.nettest = 'web_connectivity'
GROUP BY w.s, w.network, w.day, o.u, o.ip
""",
    """
INSERT INTO judge_marks
SELECT w.s, w.network, w.day, o.u, 'tls', coalesce(o.tls_issuer, o.tls_certificate_sha256, o.failure)
FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE o.failure IN ('ssl_unknown_authority', 'ssl_invalid_hostname') AND w.nettest = 'web_connectivity'
GROUP BY w.s, w.network, w.day, o.u, coalesce(o.tls_issuer, o.tls_certificate_sha256, o.failure)
""",
    # And what else such sessions tried over TLS.
    """
INSERT INTO judge_marks
SELECT w.s, w.network, w.day, o.u, 'tls', '' FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE w.s IN (SELECT s FROM judge_marks WHERE kind = 'tls') AND w.nettest = 'web_connectivity'
GROUP BY w.s, w.network, w.day, o.u
""",
    """
INSERT INTO judge_marks
SELECT DISTINCT s, network, day, u, 'clear',
  CASE WHEN place <> '' AND strpos(http_url, place) > 0 THEN '' ELSE coalesce(place, http_body_sha256, '') END
FROM (
  SELECT w.s, w.network, w.day, o.u, o.http_url, o.http_body_sha256,
    CASE WHEN o.http_status BETWEEN 300 AND 399 AND o.http_location LIKE 'http%://%' THEN
      lower(split_part(split_part(split_part(o.http_location, '://', 2), '/', 1), ':', 1)) END AS place
  FROM judge_http_units o JOIN judge_this w ON w.m = o.m
  WHERE o.clear AND o.failure IS NULL AND o.u IS NOT NULL AND o.depth = 0 AND w.nettest = 'web_connectivity'
)
""",
)

#: Sessions in which unrelated hosts, and most of those that were looked at, bear one mark, while either other sessions
#: of the network, no fewer than a third of all, got through to half of them, or nothing at all opened and no test helper
#: was in reach: a captive portal, a filter or security software of the probe's own place (trap J18). The test helper is
#: such a host, too: where a session is shown certificates that are not the helper's, which most sessions of its network
#: on those days are not, what it meets elsewhere is of its own place as well. Other tests that the same software made
#: there at the time are its, too, where it looked at four targets at least and is heard of others, in a few hours.
CROWDED = InShares(
    "judge_crowded",
    "judge_measured",
    "s",
    """
WITH measured AS (
  SELECT d.s, count(DISTINCT d.target) FILTER (d.worked) AS targets, bool_and(p.without_helper) AS without_helper
  FROM judge_measured d LEFT JOIN judge_places p ON p.s = d.s
  WHERE d.s IN (SELECT s FROM judge_marks) AND d.s BETWEEN $first AND $last GROUP BY d.s
),
looked AS (
  SELECT s, kind, count(DISTINCT u) AS units FROM judge_marks
  WHERE kind IN ('clear', 'tls') AND s BETWEEN $first AND $last GROUP BY s, kind
),
crowded AS (
  SELECT a.s, a.kind, a.mark, count(DISTINCT a.u) AS units FROM judge_marks a
  WHERE a.mark <> '' AND a.s BETWEEN $first AND $last GROUP BY a.s, a.kind, a.mark HAVING count(DISTINCT a.u) >= 4
)
SELECT c.s, c.kind, c.mark, d.without_helper FROM crowded c JOIN measured d ON d.s = c.s LEFT JOIN looked l ON l.s = c.s AND l.kind = c.kind
WHERE c.units * 10 >= 6 * coalesce(l.units, d.targets)
""",
)

#: Each with whether the other sessions of its network got through.
COMPARED = """
CREATE OR REPLACE TEMP TABLE judge_compared AS
WITH others AS (
  SELECT DISTINCT a.s, a.network, a.kind, a.mark, a.u,
    coalesce(n.sessions_ok >= 2 AND 2 * n.sessions_ok >= n.sessions_bad, false) AS opens
  FROM judge_marks a JOIN judge_crowded c ON c.s = a.s AND c.kind = a.kind AND c.mark = a.mark
  LEFT JOIN judge_by_network n ON n.u = a.u AND n.day = a.day AND n.network = a.network
)
SELECT s, network, kind, mark, count(DISTINCT u) FILTER (opens) >= 3
  AND 2 * count(DISTINCT u) FILTER (opens) >= count(DISTINCT u) AS alone
FROM others GROUP BY s, network, kind, mark
"""

#: What is one place's doing on most days is so on all of them.
ALONE = """
CREATE OR REPLACE TEMP TABLE judge_alone AS
SELECT network, kind, mark
FROM (
  SELECT c.s, c.network, c.kind, c.mark, c.alone FROM judge_compared c
  LEFT JOIN judge_elsewhere e ON e.s = c.s WHERE e.s IS NULL
  UNION ALL
  SELECT s, network, kind, mark, alone FROM judge_compared_kept
)
GROUP BY network, kind, mark HAVING 2 * count(DISTINCT s) FILTER (alone) >= count(DISTINCT s)
"""

PORTALS = f"""
CREATE OR REPLACE TEMP TABLE judge_portals AS
WITH helped AS (
  SELECT network, day + shift AS day, count(DISTINCT s) FILTER (helped) AS helped,
    count(DISTINCT s) FILTER (helper_forged AND NOT helped) AS forged
  FROM {of_heard("judge_places")}, (VALUES (-1), (0), (1)) AS shifts(shift)
  WHERE network IN (SELECT network FROM judge_places WHERE helper_forged)
  GROUP BY network, day + shift
),
contradicted AS (
  SELECT c.s FROM judge_compared c
  JOIN judge_alone o ON o.network = c.network AND o.kind = c.kind AND o.mark = c.mark
),
-- What opened without the mark.
opened AS (
  SELECT DISTINCT c.s, c.kind, c.mark
  FROM judge_crowded c
  JOIN judge_votes v ON v.s = c.s AND v.opened
  LEFT JOIN judge_marks a ON a.s = c.s AND a.kind = c.kind AND a.mark = c.mark AND a.u = v.u
  WHERE a.s IS NULL
),
found AS (
  SELECT DISTINCT s FROM contradicted
  UNION
  SELECT DISTINCT p.s FROM judge_places p LEFT JOIN helped h ON h.network = p.network AND h.day = p.day
  WHERE p.helper_forged AND NOT p.helped AND (coalesce(h.forged, 0) <= 1 OR h.helped >= h.forged)
  UNION
  SELECT DISTINCT c.s FROM judge_crowded c
  WHERE c.without_helper AND NOT EXISTS (
    SELECT 1 FROM opened o WHERE o.s = c.s AND o.kind = c.kind AND o.mark = c.mark
  )
)
SELECT p.s, p.network, p.software, p.nettest, min(d.time) - INTERVAL 10 MINUTE AS first,
  max(d.time) + INTERVAL 10 MINUTE AS last,
  p.s IN (SELECT s FROM judge_voices) AND count(DISTINCT d.target) >= 4
    AND max(d.time) - min(d.time) <= INTERVAL 3 HOUR AS reaches_others
FROM judge_places p JOIN found f ON f.s = p.s JOIN judge_measured d ON d.s = p.s
GROUP BY p.s, p.network, p.software, p.nettest
"""

#: Where a network is, by the word of nearly all of its sessions.
HOMES = """
CREATE OR REPLACE TEMP TABLE judge_homes AS
SELECT network, arg_max(country, sessions) AS country FROM judge_by_country
GROUP BY network HAVING max(sessions) >= 10 AND max(sessions) * 20 >= sum(sessions) * 19 AND count(*) > 1
"""

STEPS = (
    CROWDED,
    COMPARED,
    ALONE,
    PORTALS,
    HOMES,
    "DROP TABLE judge_crowded",
    "DROP TABLE judge_by_country",
    "DROP TABLE judge_homes_said",
    "DROP TABLE judge_marks",
    "DROP TABLE judge_places",
    "DROP TABLE judge_votes",
    "DROP TABLE judge_standing",
    "DROP TABLE judge_voices",
    "DROP TABLE judge_heard",
    "DROP TABLE judge_measured",
)
