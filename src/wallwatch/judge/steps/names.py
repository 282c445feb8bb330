"""Whether an address that cuts a host's connections answers for other names: what ties the cut to the name (trap J11).

Shown by the same session, or, for the word of others, by several sessions of the same network on the same day, no
fewer than those that were cut: a few forged rows tie nothing (trap C3).
"""

from __future__ import annotations

TABLES = (
    (
        "CREATE OR REPLACE TEMP TABLE judge_served "
        "(s BIGINT, network BIGINT, day DATE, ip VARCHAR, u BIGINT, clear BOOLEAN)"
    ),
    (
        "CREATE OR REPLACE TEMP TABLE judge_cut "
        "(s BIGINT, network BIGINT, day DATE, ip VARCHAR, u BIGINT, clear BOOLEAN)"
    ),
)

_CUT = "('connection_reset', 'connection_aborted', 'network_reset')"
#: A certificate was shown, whether or not it is the name's: the handshake was let through.
_SHOWN = "(o.failure IS NULL OR o.failure IN ('ssl_invalid_hostname', 'ssl_unknown_authority', 'ssl_invalid_certificate'))"

GATHER = (
    f"""
INSERT INTO judge_served
SELECT w.s, w.network, w.day, o.ip, o.u, false FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE o.ip IS NOT NULL AND {_SHOWN}
GROUP BY w.s, w.network, w.day, o.ip, o.u
UNION ALL
SELECT w.s, w.network, w.day, o.ip, o.u, true FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE o.ip IS NOT NULL AND o.u IS NOT NULL AND o.clear AND o.failure IS NULL
GROUP BY w.s, w.network, w.day, o.ip, o.u
""",
    f"""
INSERT INTO judge_cut
SELECT w.s, w.network, w.day, o.ip, o.u, false FROM judge_tls_units o JOIN judge_this w ON w.m = o.m
WHERE o.ip IS NOT NULL AND o.failure IN {_CUT}
GROUP BY w.s, w.network, w.day, o.ip, o.u
UNION ALL
SELECT w.s, w.network, w.day, o.ip, o.u, true FROM judge_http_units o JOIN judge_this w ON w.m = o.m
WHERE o.ip IS NOT NULL AND o.u IS NOT NULL AND o.clear AND o.failure IN {_CUT}
GROUP BY w.s, w.network, w.day, o.ip, o.u
""",
)

#: Cut connections of a session to an address that let other names through.
TIED = """
CREATE OR REPLACE TEMP TABLE judge_tied AS
WITH heard AS (
  SELECT DISTINCT s, day FROM judge_voices
),
by_network AS (
  SELECT c.network, c.day, c.ip, c.u, c.clear, count(DISTINCT o.s) AS served
  FROM (SELECT DISTINCT network, day, ip, u, clear FROM judge_cut WHERE network IS NOT NULL AND day IS NOT NULL) c
  JOIN judge_served o
    ON o.network = c.network AND o.day = c.day AND o.ip = c.ip AND o.clear = c.clear AND o.u <> c.u
  JOIN heard h ON h.s = o.s AND h.day = o.day
  GROUP BY c.network, c.day, c.ip, c.u, c.clear
),
cut AS (
  SELECT c.network, c.day, c.ip, c.u, c.clear, count(DISTINCT h.s) AS sessions
  FROM judge_cut c LEFT JOIN heard h ON h.s = c.s AND h.day = c.day
  WHERE c.network IS NOT NULL AND c.day IS NOT NULL GROUP BY c.network, c.day, c.ip, c.u, c.clear
)
SELECT DISTINCT c.s, c.ip, c.u, c.clear
FROM judge_cut c JOIN judge_served o ON o.s = c.s AND o.ip = c.ip AND o.clear = c.clear AND o.u <> c.u
UNION
SELECT c.s, c.ip, c.u, c.clear
FROM judge_cut c
JOIN cut n ON n.network = c.network AND n.day = c.day AND n.ip = c.ip AND n.u = c.u AND n.clear = c.clear
JOIN by_network b ON b.network = c.network AND b.day = c.day AND b.ip = c.ip AND b.u = c.u AND b.clear = c.clear
WHERE b.served >= 3 AND b.served >= n.sessions
"""

STEPS = (TIED, "DROP TABLE judge_served", "DROP TABLE judge_cut")
