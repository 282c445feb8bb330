"""What a session's queries say together: responses that an injector leaves behind, and resolvers that answer nobody.

An injector on the path leaves a second response to a query in clear text, or one too soon.

A resolver answers a query once. It cannot answer faster than it answers others, nor faster than the nearest host
answers a connect; what does was made on the way (Duan et al., Hold-On, SATIN 2012). Times are compared within one
session only: nobody else's word counts.
"""

from __future__ import annotations

from wallwatch.judge.steps.shares import InShares
from wallwatch.judge.steps.words import AGAIN, PLAIN

TABLES = (
    "CREATE OR REPLACE TEMP TABLE judge_plain (s BIGINT, u BIGINT, seconds DOUBLE)",
    "CREATE OR REPLACE TEMP TABLE judge_connects (s BIGINT, u BIGINT, seconds DOUBLE)",
)

#: The quickest answer in clear text, and the quickest connect, of each session for each unit.
GATHER = (
    f"""
INSERT INTO judge_plain
SELECT w.s, o.u, min(o.seconds) FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.seconds > 0 AND o.u > 0 AND o.asked = {PLAIN}
GROUP BY w.s, o.u
""",
    """
INSERT INTO judge_connects
SELECT w.s, o.u, min(o.seconds) FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.seconds > 0 AND o.u > 0 AND o.layer = 'tcp'
GROUP BY w.s, o.u
""",
)

#: Below this no difference is told from noise.
_SHORTEST_SECONDS = 0.008

#: Names answered in less than a quarter of what a session's other names take, and of half its quickest connect.
EARLY = InShares(
    "judge_early",
    "judge_plain",
    "s",
    f"""
WITH plain AS (
  SELECT s, quantile_disc(seconds, 0.25) AS usual FROM judge_plain WHERE s BETWEEN $first AND $last GROUP BY s HAVING count(DISTINCT u) >= 5
),
connects AS (
  SELECT s, min(seconds) AS quickest FROM judge_connects WHERE s BETWEEN $first AND $last GROUP BY s HAVING count(DISTINCT u) >= 3
)
SELECT DISTINCT a.s, a.u
FROM judge_plain a JOIN plain p ON p.s = a.s JOIN connects c ON c.s = a.s
WHERE p.usual >= {_SHORTEST_SECONDS} AND 4 * a.seconds < p.usual AND 2 * a.seconds < c.quickest
""",
)

#: Stretches of sessions in which the resolver answered for none of six sites or more, one after the other: it is out of order,
#: or cuts off everybody, and its silence says nothing of any of them. Either it answered for nothing in the whole session,
#: or so many in a row are no chance where sites fail as often as in the rest of it: a resolver that drops some names answers
#: for others in between. The names of one service, which its own test asks for, may all be blocked.
DEAF = InShares(
    "judge_deaf",
    "judge_measured",
    "s",
    """
WITH since AS (
  SELECT s, target, time, resolved,
    max(time) FILTER (resolved) OVER (PARTITION BY s ORDER BY time RANGE UNBOUNDED PRECEDING) AS answered
  FROM judge_measured
  WHERE resolved IS NOT NULL AND s BETWEEN $first AND $last AND s IN (
    SELECT s FROM judge_measured WHERE NOT resolved AND s BETWEEN $first AND $last GROUP BY s HAVING count(DISTINCT target) >= 6
  )
),
sessions AS (
  SELECT s, count(*) AS n, count(*) FILTER (NOT resolved) AS k FROM since GROUP BY s
),
stretches AS (
  SELECT s, min(time) AS first, max(time) AS last, count(*) AS n, count(DISTINCT target) AS targets
  FROM since WHERE NOT resolved GROUP BY s, answered HAVING count(DISTINCT target) >= 6
)
SELECT t.s, t.first, t.last
FROM stretches t JOIN sessions a ON a.s = t.s
WHERE t.n = a.n OR t.targets * ln((a.k - t.n + 1) / (a.n - t.n + 2)) <= ln(0.001)
""",
)

STEPS = (EARLY, DEAF, "DROP TABLE judge_plain", "DROP TABLE judge_connects")

#: For each measurement and unit: whether there was a second response, and whether one came too soon.
RESPONSES = f"""
CREATE OR REPLACE TEMP TABLE judge_responses AS
SELECT m, u, bool_or(again) AS again, bool_or(early) AS early
FROM (
  SELECT m, u, true AS again, false AS early FROM judge_units WHERE asked = {AGAIN} AND ip IS NOT NULL AND u > 0
  UNION ALL
  SELECT w.m, e.u, false, true FROM judge_early e JOIN judge_this w ON w.s = e.s
)
GROUP BY m, u
"""
