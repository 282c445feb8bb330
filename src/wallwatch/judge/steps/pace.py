"""How long handshakes and transfers take: slowed for one host in one network (trap J26).

A handshake moves about the same number of bytes everywhere, and so does the transfer of one page in clear text: their
time is a measure of speed (OONI design dd-007). A host is slowed where it takes many times as long as the network's
other hosts, and as itself from other networks. Slow for everything in a network is congestion; slow for a host
everywhere is the host; slow once is chance.
"""

from __future__ import annotations

from wallwatch.judge.steps.peers import of_heard
from wallwatch.judge.steps.shares import InShares

#: The quickest good handshake, or transfer in clear text, of each measurement with each unit, of all chunks.
PACES = (
    "CREATE OR REPLACE TEMP TABLE judge_paces "
    "(m BIGINT, u BIGINT, network BIGINT, s BIGINT, day DATE, ip VARCHAR, clear BOOLEAN, seconds DOUBLE)"
)

_WHO = "w.network IS NOT NULL AND w.time IS NOT NULL AND w.time_flag IS NULL"
_BY = "GROUP BY t.m, t.u, w.network, w.s, w.day"

GATHER = f"""
INSERT INTO judge_paces
SELECT t.m, t.u, w.network, w.s, w.day, arg_min(t.ip, (t.duration_seconds, t.ip)), false, min(t.duration_seconds)
FROM judge_tls_units t JOIN judge_this w ON w.m = t.m
WHERE t.failure IS NULL AND t.duration_seconds > 0 AND {_WHO}
{_BY}
UNION ALL
SELECT t.m, t.u, w.network, w.s, w.day, arg_min(t.ip, (t.duration_seconds, t.ip)), true, min(t.duration_seconds)
FROM judge_http_units t JOIN judge_this w ON w.m = t.m
WHERE t.u IS NOT NULL AND t.clear AND t.failure IS NULL AND t.duration_seconds > 0 AND {_WHO}
{_BY}
"""

#: Each with the usual pace of its network's hosts, and of its host elsewhere, on the days around.
USUAL = InShares(
    "judge_usual",
    "judge_paces",
    "day",
    f"""
WITH here AS (
  SELECT network, u, clear, p.day + shift AS day, median(seconds) AS seconds
  FROM {of_heard("judge_paces")} p, (VALUES (-1), (0), (1)) AS shifts(shift)
  WHERE p.day BETWEEN $first - 1 AND $last + 1 AND p.day + shift BETWEEN $first AND $last
  GROUP BY network, u, clear, p.day + shift
),
networks AS (
  SELECT network, clear, day, median(seconds) AS seconds, count(*) AS units FROM here GROUP BY network, clear, day
),
elsewhere AS (
  SELECT u, clear, day, quantile_disc(seconds, 0.25) AS seconds, count(*) AS networks FROM here GROUP BY u, clear, day
)
SELECT n.network, e.u, n.clear, n.day, greatest(n.seconds, e.seconds) AS seconds
FROM networks n JOIN elsewhere e ON e.day = n.day AND e.clear = n.clear
WHERE n.units >= CASE WHEN n.clear THEN 3 ELSE 6 END AND e.networks >= 3
""",
)

#: A second at least, and eight times the usual.
SLOW = """
CREATE OR REPLACE TEMP TABLE judge_slow AS
SELECT p.m, p.u, p.network, p.s, p.day, p.ip, p.clear
FROM judge_paces p
JOIN judge_usual x ON x.network = p.network AND x.u = p.u AND x.clear = p.clear AND x.day = p.day
WHERE p.seconds >= 1 AND p.seconds >= 8 * x.seconds
"""

#: The measurements that met it: two sessions or more are slow, and most of those of the four days that end or begin with
#: its own, since the days before it began say nothing. It is for the name where the same session got another name from
#: the same address at the usual pace.
SLOWED = f"""
CREATE OR REPLACE TEMP TABLE judge_slowed AS
WITH units AS (
  SELECT DISTINCT network, u, clear FROM judge_slow
),
around AS (
  SELECT p.network, p.u, p.clear, p.day + shift AS day, side, count(DISTINCT p.s) AS sessions,
    count(DISTINCT p.s) FILTER (l.m IS NOT NULL) AS slow
  FROM {of_heard("judge_paces")} p
  JOIN units t ON t.network = p.network AND t.u = p.u AND t.clear = p.clear
  LEFT JOIN judge_slow l ON l.m = p.m AND l.u = p.u AND l.clear = p.clear,
  (VALUES (-3, -1), (-2, -1), (-1, -1), (0, -1), (0, 1), (1, 1), (2, 1), (3, 1)) AS shifts(shift, side)
  GROUP BY p.network, p.u, p.clear, p.day + shift, side
),
often AS (
  SELECT DISTINCT network, u, clear, day FROM around WHERE slow >= 2 AND slow * 5 >= sessions * 3
),
named AS (
  SELECT DISTINCT l.m, l.u, l.clear
  FROM judge_slow l
  JOIN judge_paces p ON p.s = l.s AND p.ip = l.ip AND p.clear = l.clear AND p.u <> l.u
  WHERE NOT EXISTS (SELECT 1 FROM judge_slow o WHERE o.m = p.m AND o.u = p.u AND o.clear = p.clear)
)
SELECT l.m, l.u, l.clear, n.m IS NOT NULL AS named
FROM judge_slow l
JOIN often w ON w.network = l.network AND w.u = l.u AND w.clear = l.clear AND w.day = l.day
LEFT JOIN named n ON n.m = l.m AND n.u = l.u AND n.clear = l.clear
"""

STEPS = (USUAL, SLOW, SLOWED, "DROP TABLE judge_paces", "DROP TABLE judge_usual", "DROP TABLE judge_slow")
