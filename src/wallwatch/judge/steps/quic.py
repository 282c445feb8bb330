"""Features of QUIC handshakes: with whom they work from elsewhere, and what else the network lets through.

QUIC fails for many reasons that are nobody's aim: a site does not offer it, a network has no UDP to port 443. What
tells them from a filter is contrast (Elmenhorst et al., IMC 2021): the host from other networks, and other hosts from
this one. Sessions and networks count as in `peers`: nothing is concluded that would not be so without one session.
"""

from __future__ import annotations

from wallwatch.judge.steps.peers import of_heard
from wallwatch.judge.steps.shares import InShares
from wallwatch.judge.steps.words import failure_kind

TABLES = (
    "CREATE OR REPLACE TEMP TABLE judge_quic_votes (u BIGINT, day DATE, network BIGINT, country VARCHAR, s BIGINT, ok BOOLEAN)",
)

GATHER = """
INSERT INTO judge_quic_votes
SELECT o.u, w.day, w.network, coalesce(max(w.country), 'ZZ'), w.s, bool_or(o.failure IS NULL)
FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.layer = 'quic' AND o.u > 0 AND w.network IS NOT NULL AND w.time IS NOT NULL AND w.time_flag IS NULL
GROUP BY o.u, w.day, w.network, w.s
"""

_AROUND = f"""{of_heard("judge_quic_votes")} v, (VALUES (-1), (0), (1)) AS shifts(shift)
  WHERE v.day BETWEEN $first - 1 AND $last + 1 AND v.day + shift BETWEEN $first AND $last"""

#: For each host and network: whether QUIC with the host works from others, or fails from all of them.
PEERS = InShares(
    "judge_quic_peers",
    "judge_quic_votes",
    "day",
    f"""
WITH by_network AS (
  SELECT u, v.day + shift AS day, network, max(country) AS country, count(DISTINCT s) FILTER (ok) AS ok,
    count(DISTINCT s) FILTER (NOT ok) AS bad
  FROM {_AROUND}
  GROUP BY u, v.day + shift, network
),
others AS (
  SELECT a.u, a.day, a.network,
    count(*) FILTER (b.ok > b.bad) - max(CASE WHEN b.ok = b.bad + 1 THEN 1 ELSE 0 END) AS networks_ok,
    count(*) FILTER (b.bad > b.ok) - max(CASE WHEN b.bad = b.ok + 1 THEN 1 ELSE 0 END) AS networks_bad,
    coalesce(sum(least(b.ok, 5)) FILTER (b.ok > b.bad), 0) - 1 AS sessions_ok,
    coalesce(sum(least(b.bad, 5)) FILTER (b.bad > b.ok), 0) - 1 AS sessions_bad,
    coalesce(sum(least(b.bad, 5)) FILTER (b.bad > b.ok AND b.country <> a.country), 0) AS sessions_bad_abroad
  FROM by_network a JOIN by_network b ON b.u = a.u AND b.day = a.day AND b.network <> a.network
  GROUP BY a.u, a.day, a.network
)
SELECT u, day, network, networks_ok >= 2 AND sessions_ok >= greatest(3, 3 * sessions_bad_abroad) AS fine,
  networks_bad >= 2 AND sessions_bad >= greatest(3, 8 * (sessions_ok + 1)) AS nowhere
FROM others
""",
)

#: For each network: the hosts with which QUIC works, and does not, and the sessions that say so.
HERE = InShares(
    "judge_quic_here",
    "judge_quic_votes",
    "day",
    f"""
SELECT network, v.day + shift AS day, count(DISTINCT u) FILTER (ok) AS hosts_ok, count(DISTINCT u) FILTER (NOT ok) AS hosts_bad,
  count(DISTINCT s) FILTER (ok) AS sessions_ok, count(DISTINCT s) FILTER (NOT ok) AS sessions_bad
FROM {_AROUND}
GROUP BY network, v.day + shift
""",
)

#: The sessions that QUIC worked for.
SESSIONS = (
    "CREATE OR REPLACE TEMP TABLE judge_quic_sessions AS SELECT DISTINCT s FROM judge_quic_votes WHERE ok"
)

TOGETHER = (PEERS, HERE, SESSIONS, "DROP TABLE judge_quic_votes")

#: `alone`: nothing but QUIC was tried. `others_here`: other hosts answer over it, to the same session or to three of the
#: network's. `none_here`: it fails for three hosts and two sessions of the network, and works for none.
FEATURES = f"""
CREATE OR REPLACE TEMP TABLE judge_quic AS
WITH own AS (
  SELECT o.m, o.u, bool_or(o.failure IS NULL) AS proved,
    count(*) FILTER (o.failure IS NOT NULL AND x.m IS NULL) AS failures,
    min({failure_kind("o.failure")}) FILTER (x.m IS NULL) AS kind,
    max(CASE WHEN x.m IS NULL THEN {failure_kind("o.failure")} END) AS kind_too
  FROM judge_units o LEFT JOIN judge_untrusted x ON x.m = o.m AND x.u = o.u AND x.ip = o.ip
  WHERE o.layer = 'quic'
  GROUP BY o.m, o.u
),
helper AS (
  SELECT m, u, bool_or(failure IS NULL) AS ok FROM judge_controls WHERE layer = 'quic' AND u IS NOT NULL GROUP BY m, u
)
SELECT c.m, c.u, c.place, o.proved, o.failures, c.tls_proved, c.tcp_ok,
  c.tls_rows = 0 AND c.tcp_rows = 0 AS alone,
  CASE WHEN o.kind = o.kind_too THEN o.kind ELSE 'other' END AS failure_kind,
  coalesce(h.ok, false) AS control_ok,
  coalesce(NOT h.ok, false) AS control_failed,
  coalesce(p.fine, false) AS quic_peers_fine,
  coalesce(p.nowhere, false) AS quic_nowhere,
  t.s IS NOT NULL OR coalesce(n.sessions_ok >= 3, false) AS others_here,
  coalesce(n.hosts_ok = 0 AND n.hosts_bad >= 3 AND n.sessions_bad >= 2, false) AS none_here
FROM judge_context c
JOIN own o ON o.m = c.m AND o.u = c.u
JOIN judge_this w ON w.m = c.m
LEFT JOIN helper h ON h.m = c.m AND h.u = c.u
LEFT JOIN judge_quic_peers p ON p.u = c.u AND p.network = w.network AND p.day = w.day AND w.time_flag IS NULL
LEFT JOIN judge_quic_here n ON n.network = w.network AND n.day = w.day AND w.time_flag IS NULL
LEFT JOIN judge_quic_sessions t ON t.s = w.s
"""

STEPS = (FEATURES,)
