"""What a session's queries say together: responses that an injector leaves behind, and resolvers that answer nobody.

An injector on the path leaves a second response to a query in clear text, or one too soon.

A resolver answers a query once. It cannot answer faster than it answers others, nor faster than the nearest host
answers a connect; what does was made on the way (Duan et al., Hold-On, SATIN 2012). Times are compared within one
session only: nobody else's word counts.
"""

from __future__ import annotations

from wallwatch.judge.steps.words import AGAIN, PLAIN, SYSTEM

TABLES = (
    "CREATE OR REPLACE TEMP TABLE judge_plain (s BIGINT, u BIGINT, seconds DOUBLE)",
    "CREATE OR REPLACE TEMP TABLE judge_connects (s BIGINT, u BIGINT, seconds DOUBLE)",
    "CREATE OR REPLACE TEMP TABLE judge_asked (s BIGINT, u BIGINT)",
)

#: What of a site's name the system's resolver says, be it that there is none.
_ANSWERS = "(o.ip IS NOT NULL OR (o.failed AND o.failure IN ('dns_nxdomain_error', 'dns_no_answer')))"

#: The quickest answer in clear text, and the quickest connect, of each session for each unit; the names that each asked
#: the system's resolver for in vain, and unit 0 where it was answered.
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
    f"""
INSERT INTO judge_asked
SELECT w.s, CASE WHEN {_ANSWERS} THEN 0 ELSE o.u END
FROM judge_units o JOIN judge_this w ON w.m = o.m
WHERE o.asked = {SYSTEM} AND o.u > 0 AND w.nettest = 'web_connectivity' AND (o.ip IS NOT NULL OR o.failed)
GROUP BY w.s, CASE WHEN {_ANSWERS} THEN 0 ELSE o.u END
""",
)

#: Below this no difference is told from noise.
_SHORTEST_SECONDS = 0.008

#: Names answered in less than a quarter of what a session's other names take, and of half its quickest connect.
EARLY = f"""
CREATE OR REPLACE TEMP TABLE judge_early AS
WITH plain AS (
  SELECT s, quantile_disc(seconds, 0.25) AS usual FROM judge_plain GROUP BY s HAVING count(DISTINCT u) >= 5
),
connects AS (
  SELECT s, min(seconds) AS quickest FROM judge_connects GROUP BY s HAVING count(DISTINCT u) >= 3
)
SELECT DISTINCT a.s, a.u
FROM judge_plain a JOIN plain p ON p.s = a.s JOIN connects c ON c.s = a.s
WHERE p.usual >= {_SHORTEST_SECONDS} AND 4 * a.seconds < p.usual AND 2 * a.seconds < c.quickest
"""

#: Sessions whose resolver answered for none of six sites or more: it is out of order, or cuts off everybody, and its silence
#: says nothing of any of them. The names of one service, which its own test asks for, may all be blocked.
DEAF = """
CREATE OR REPLACE TEMP TABLE judge_deaf AS
SELECT s FROM judge_asked GROUP BY s HAVING count(DISTINCT u) >= 6 AND NOT bool_or(u = 0)
"""

STEPS = (EARLY, DEAF, "DROP TABLE judge_plain", "DROP TABLE judge_connects", "DROP TABLE judge_asked")

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
