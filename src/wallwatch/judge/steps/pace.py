"""How long handshakes take: slowed for one host in one network, against its other hosts and other networks (trap J26).

A handshake moves about the same number of bytes everywhere, so its time is a measure of speed (OONI design dd-007).
Slow for everything in a network is congestion; slow for a host everywhere is the host.
"""

from __future__ import annotations

#: The quickest good handshake of each measurement with each unit, of all chunks.
HANDSHAKES = (
    "CREATE OR REPLACE TEMP TABLE judge_handshakes "
    "(m BIGINT, u BIGINT, network BIGINT, s BIGINT, day DATE, seconds DOUBLE)"
)

GATHER = """
INSERT INTO judge_handshakes
SELECT t.m, t.u, w.network, w.s, w.day, min(t.duration_seconds)
FROM judge_tls_units t JOIN judge_this w ON w.m = t.m
WHERE t.failure IS NULL AND t.duration_seconds > 0 AND w.network IS NOT NULL AND w.time IS NOT NULL
  AND w.time_flag IS NULL
GROUP BY t.m, t.u, w.network, w.s, w.day
"""

#: Units that take eight times as long as the network's others and as themselves elsewhere, in three sessions or more.
SLOW = """
CREATE OR REPLACE TEMP TABLE judge_slow AS
WITH here AS (
  SELECT network, u, day + shift AS day, median(seconds) AS seconds, count(DISTINCT s) AS sessions
  FROM judge_handshakes, (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY network, u, day + shift
),
networks AS (
  SELECT network, day, median(seconds) AS seconds, count(*) AS units FROM here GROUP BY network, day
),
elsewhere AS (
  SELECT u, day, quantile_disc(seconds, 0.25) AS seconds, count(*) AS networks FROM here GROUP BY u, day
)
SELECT h.network, h.u, h.day, n.seconds AS usual_seconds
FROM here h
JOIN networks n ON n.network = h.network AND n.day = h.day
JOIN elsewhere e ON e.u = h.u AND e.day = h.day
WHERE h.sessions >= 3 AND n.units >= 6 AND e.networks >= 3 AND h.seconds >= 1
  AND h.seconds >= 8 * n.seconds AND h.seconds >= 8 * e.seconds
"""

#: The measurements that met it.
SLOWED = """
CREATE OR REPLACE TEMP TABLE judge_slowed AS
SELECT a.m, a.u
FROM judge_handshakes a
JOIN judge_slow s ON s.network = a.network AND s.u = a.u AND s.day = a.day
WHERE a.seconds >= 5 * s.usual_seconds
"""

STEPS = (SLOW, SLOWED)
