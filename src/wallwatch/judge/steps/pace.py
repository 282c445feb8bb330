"""How long handshakes take: slowed for one host in one network, against its other hosts and other networks (trap J26).

A handshake moves about the same number of bytes everywhere, so its time is a measure of speed (OONI design dd-007).
Slow for everything in a network is congestion; slow for a host everywhere is the host.
"""

from __future__ import annotations

#: The quickest good handshake of each measurement with each unit.
HANDSHAKES = """
CREATE OR REPLACE TEMP TABLE judge_handshakes AS
SELECT m, unit, max(network) AS network, max(session) AS session,
  max(CAST(time AT TIME ZONE 'UTC' AS DATE)) AS day, min(duration_seconds) AS seconds
FROM judge_units
WHERE layer = 'tls' AND failure IS NULL AND duration_seconds > 0 AND unit IS NOT NULL AND network IS NOT NULL
  AND time IS NOT NULL AND time_flag IS NULL
GROUP BY m, unit
"""

#: Units that take eight times as long as the network's others and as themselves elsewhere, in three sessions or more.
SLOW = """
CREATE OR REPLACE TEMP TABLE judge_slow AS
WITH here AS (
  SELECT network, unit, day + shift AS day, median(seconds) AS seconds, count(DISTINCT session) AS sessions
  FROM judge_handshakes, (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY network, unit, day + shift
),
networks AS (
  SELECT network, day, median(seconds) AS seconds, count(*) AS units FROM here GROUP BY network, day
),
elsewhere AS (
  SELECT unit, day, quantile_disc(seconds, 0.25) AS seconds, count(*) AS networks FROM here GROUP BY unit, day
)
SELECT h.network, h.unit, h.day, n.seconds AS usual_seconds
FROM here h
JOIN networks n ON n.network = h.network AND n.day = h.day
JOIN elsewhere e ON e.unit = h.unit AND e.day = h.day
WHERE h.sessions >= 3 AND n.units >= 6 AND e.networks >= 3 AND h.seconds >= 1
  AND h.seconds >= 8 * n.seconds AND h.seconds >= 8 * e.seconds
"""

#: The measurements that met it.
SLOWED = """
CREATE OR REPLACE TEMP TABLE judge_slowed AS
SELECT a.m, a.unit AS host
FROM judge_handshakes a
JOIN judge_slow s ON s.network = a.network AND s.unit = a.unit AND s.day = a.day
WHERE a.seconds >= 5 * s.usual_seconds
"""

STEPS = (HANDSHAKES, SLOW, SLOWED)
