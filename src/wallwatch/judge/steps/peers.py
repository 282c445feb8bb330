"""What other networks saw of the same host at the time: controls where the test helper gave none.

Independence is counted by session and by network, never by row; the measurement's own network is left out of its
own control (traps C1 to C3, J1, J27, J29). A network speaks where two of its sessions say the same and fewer say
otherwise; networks in which only one session looked speak by twos, and contradict by fours. Sessions that looked at few
targets, where others look at many, are not heard, and of tests that have one target those that belong to a session which
looked at several: so forged rows of new sessions turn nothing, one or every tenth.
"""

from __future__ import annotations

from wallwatch.judge.steps.shares import InShares

#: How many targets a session has to have looked at to be heard: the first of these that three sessions have, with a third
#: of all looks of those that looked at several, where these have a third of all.
_BARS = (8, 4, 2)

_SEVERAL = "coalesce(sum(looks) FILTER (targets >= 2), 0)"
_BARS_MET = " ".join(
    f"WHEN count(*) FILTER (targets >= {bar}) >= 3 AND 3 * sum(looks) FILTER (targets >= {bar}) >= {_SEVERAL} THEN {bar}"
    for bar in _BARS
)
_BAR = f"CASE WHEN 3 * {_SEVERAL} < sum(looks) THEN 1 {_BARS_MET} ELSE 1 END"

#: How long before it began, or after it ended, a run of the probe that looked at several targets made its tests of one.
_OF_A_RUN = "INTERVAL 30 MINUTE"
_DAY = "DATE '1970-01-01' + CAST(floor(epoch(time) / 86400) AS INTEGER)"
_HOUR = "CAST(floor(epoch({}) / 3600 {}) AS BIGINT)"
#: Seconds between a test and a run, by when the collector got them, which a forger cannot choose afterwards.
_APART = (
    "least(abs(epoch(h.received) - epoch(r.all_received)), abs(epoch(r.received) - epoch(h.all_received)))"
)

#: Sessions whose word counts for others, by test and day. Who looked at one target, or at a few where others look at
#: many, has no standing: a row from a new session neither adds to what is known of anything, nor takes from it, however
#: many there are. Where hardly any session looks at several, as in tests of services, those are heard that are of a run of
#: the probe: the same software looked at several targets in the same network within half an hour, and was heard. Each such
#: session speaks for one of each test, the next to it. On days on which hardly any such tests are of runs, those are heard
#: that are of a network in which somebody looked at several on the days around; where fewer than half are of such, all. That
#: is told of all such tests together, since most rows of a rare one may be forged, and rows in made-up networks do not move it.
VOICES = InShares(
    "judge_voices",
    f"(SELECT day FROM judge_places UNION ALL SELECT {_DAY} AS day FROM judge_measured)",
    "day",
    f"""
WITH days AS (
  SELECT s, day, count(*) AS targets
  FROM (
    SELECT DISTINCT s, target, {_DAY} AS day FROM judge_measured
    WHERE time >= $first - INTERVAL 1 DAY AND time < $last + INTERVAL 2 DAY
  )
  GROUP BY s, day
),
looked AS (
  SELECT v.* EXCLUDE (country), coalesce(a.targets, 1) AS targets, least(coalesce(a.targets, 1), 16) AS looks
  FROM judge_places v
  LEFT JOIN days a ON a.s = v.s AND a.day = v.day
  WHERE v.network IS NOT NULL AND v.first IS NOT NULL AND v.day BETWEEN $first - 1 AND $last + 1
),
bars AS (
  SELECT nettest, day + shift AS day,
    {_BAR} AS bar
  FROM (SELECT DISTINCT nettest, day, s, targets, looks FROM looked), (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY nettest, day + shift
),
places AS (
  SELECT DISTINCT network, day + shift AS day FROM looked, (VALUES (-1), (0), (1)) AS shifts(shift) WHERE targets >= 4
),
heard AS (
  SELECT l.*, b.bar, p.network IS NOT NULL AS placed
  FROM looked l JOIN bars b ON b.nettest = l.nettest AND b.day = l.day
  LEFT JOIN places p ON p.network = l.network AND p.day = l.day
  WHERE l.targets >= b.bar AND l.day BETWEEN $first AND $last
),
-- Runs, in each hour in which a test may be theirs.
runs AS (
  SELECT nettest, s, network, software, targets, first, last, received, all_received,
    unnest(generate_series({_HOUR.format("first", "- 0.5")}, {_HOUR.format("last", "+ 0.5")})) AS hour
  FROM looked WHERE targets >= 4
),
-- The run that is next to each test of one target, where it would be heard on that test's day.
of_runs AS (
  SELECT h.nettest, h.day, h.s, h.network, arg_min(r.s, ({_APART}, r.s)) AS run, min({_APART}) AS apart
  FROM heard h
  JOIN runs r ON r.network = h.network AND r.software = h.software AND r.hour = {_HOUR.format("h.first", "")}
    AND h.first BETWEEN r.first - {_OF_A_RUN} AND r.last + {_OF_A_RUN}
  JOIN bars b ON b.nettest = r.nettest AND b.day = h.day AND b.bar > 1 AND r.targets >= b.bar
  WHERE h.bar = 1
  GROUP BY h.nettest, h.day, h.s, h.network
),
told AS (
  SELECT nettest, day, network, arg_min(s, (apart, s)) AS s, true AS spoken FROM of_runs GROUP BY nettest, day, network, run
),
known AS (
  SELECT h.day, count(DISTINCT r.s) >= 3 AND 10 * count(DISTINCT r.s) >= count(DISTINCT h.s) FILTER (h.placed) AS by_run,
    2 * count(DISTINCT h.s) FILTER (h.placed) >= count(DISTINCT h.s) AS by_place
  FROM heard h LEFT JOIN of_runs r ON r.nettest = h.nettest AND r.day = h.day AND r.s = h.s AND r.network = h.network
  WHERE h.bar = 1 GROUP BY h.day
)
SELECT DISTINCT h.nettest, h.day, h.s, h.network
FROM heard h
LEFT JOIN known k ON k.day = h.day
LEFT JOIN told t ON t.nettest = h.nettest AND t.day = h.day AND t.s = h.s AND t.network = h.network
WHERE h.bar > 1 OR CASE WHEN k.by_run THEN t.spoken WHEN k.by_place THEN h.placed ELSE true END
""",
)

#: What they say.
HEARD = """
CREATE OR REPLACE TEMP TABLE judge_heard AS
SELECT v.u, v.hour, v.day, v.network, v.country, v.s, v.software, v.nettest, v.opened, v.failed
FROM judge_votes v JOIN judge_voices o ON o.s = v.s AND o.day = v.day AND o.nettest = v.nettest AND o.network = v.network
"""

#: Sessions that go on from one day to another, as few do.
LONG = InShares(
    "judge_long",
    "judge_heard",
    "s",
    "SELECT s FROM judge_heard WHERE s BETWEEN $first AND $last GROUP BY s HAVING min(day) <> max(day)",
)

#: Sessions of each network that got through to each unit, or did not, on each day; and how many of them were there on that
#: day only, as nearly all are.
BY_DAY = InShares(
    "judge_by_day",
    "judge_heard",
    "day",
    """
WITH sessions AS (
  SELECT u, day, network, s, max(country) AS country, bool_or(opened) AS opened, bool_or(failed) AS failed,
    min(hour) FILTER (failed) AS first_bad, max(hour) FILTER (failed) AS last_bad
  FROM judge_heard WHERE day BETWEEN $first AND $last GROUP BY u, day, network, s
)
SELECT e.u, e.day, e.network, max(e.country) AS country, count(*) FILTER (e.opened) AS ok, count(*) FILTER (e.failed) AS bad,
  count(*) FILTER (e.opened AND l.s IS NULL) AS ok_once, count(*) FILTER (e.failed AND l.s IS NULL) AS bad_once,
  min(e.first_bad) AS first_bad, max(e.last_bad) AS last_bad
FROM sessions e LEFT JOIN judge_long l ON l.s = e.s
GROUP BY e.u, e.day, e.network
""",
)

#: The same on the day or the one before or after, each session once, and whether the network speaks.
BY_NETWORK = """
CREATE OR REPLACE TEMP TABLE judge_by_network AS
WITH long AS (
  SELECT v.u, v.day + shift AS day, v.network, v.s, bool_or(v.opened) AS opened, bool_or(v.failed) AS failed
  FROM judge_heard v JOIN judge_long l ON l.s = v.s,
  (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY v.u, v.day + shift, v.network, v.s
),
counted AS (
  SELECT u, day, network, coalesce(max(country), 'ZZ') AS country, CAST(sum(ok) AS BIGINT) AS sessions_ok,
    CAST(sum(bad) AS BIGINT) AS sessions_bad
  FROM (
    SELECT u, day + shift AS day, network, country, ok_once AS ok, bad_once AS bad
    FROM judge_by_day, (VALUES (-1), (0), (1)) AS shifts(shift)
    UNION ALL
    SELECT u, day, network, NULL, CASE WHEN opened THEN 1 ELSE 0 END, CASE WHEN failed THEN 1 ELSE 0 END FROM long
  )
  GROUP BY u, day, network
)
SELECT u, day, network, country, sessions_ok, sessions_bad,
  CASE WHEN sessions_ok >= 2 AND sessions_ok > sessions_bad THEN 1 ELSE 0 END AS ok,
  CASE WHEN sessions_bad >= 2 AND sessions_bad > sessions_ok THEN 1 ELSE 0 END AS bad,
  CASE WHEN sessions_ok = 1 AND sessions_bad = 0 THEN 1 ELSE 0 END AS lone_ok,
  CASE WHEN sessions_bad = 1 AND sessions_ok = 0 THEN 1 ELSE 0 END AS lone_bad
FROM counted
"""

#: Networks in which it fails day after day: in the five days around, it only failed, or opened for one session and failed for
#: more, on two of them, or failed for six on three, as in the hours of exams; or in the three days that end or begin with
#: the day it failed for most, over a day at least.
LASTING = """
CREATE OR REPLACE TEMP TABLE judge_lasting AS
WITH days AS (
  SELECT u, network, day, ok, bad, first_bad, last_bad FROM judge_by_day
  WHERE (u, network) IN (SELECT u, network FROM judge_by_day WHERE bad > 0)
),
around AS (
  SELECT u, network, day + shift AS day, sum(ok) AS ok, sum(bad) AS bad, count(*) FILTER (bad > 0) AS days_bad,
    sum(ok) FILTER (shift >= 0) AS ok_before, sum(bad) FILTER (shift >= 0) AS bad_before,
    max(last_bad) FILTER (shift >= 0) - min(first_bad) FILTER (shift >= 0) AS hours_before,
    sum(ok) FILTER (shift <= 0) AS ok_after, sum(bad) FILTER (shift <= 0) AS bad_after,
    max(last_bad) FILTER (shift <= 0) - min(first_bad) FILTER (shift <= 0) AS hours_after
  FROM days, (VALUES (-2), (-1), (0), (1), (2)) AS shifts(shift)
  GROUP BY u, network, day + shift
)
SELECT u, network, day FROM around
WHERE (bad > ok AND (ok = 0 OR (ok = 1 AND days_bad >= 2))) OR (days_bad >= 3 AND bad >= 6 AND 6 * bad >= ok)
  OR (bad_before >= 3 AND bad_before > 2 * ok_before AND hours_before >= 24)
  OR (bad_after >= 3 AND bad_after > 2 * ok_after AND hours_after >= 24)
"""

#: Hours at which it comes back to one country: on two other days of the five around, networks in which it fails saw it
#: fail at the same time of day, give or take an hour, three times and more often than open; and in other countries hardly
#: anybody saw it fail in these days. A service that breaks does not keep hours.
BY_THE_CLOCK = """
CREATE OR REPLACE TEMP TABLE judge_by_the_clock AS
WITH failures AS (
  SELECT v.u, coalesce(v.country, 'ZZ') AS country, v.day, v.hour, bool_or(l.u IS NULL) AS asked
  FROM judge_heard v LEFT JOIN judge_lasting l ON l.u = v.u AND l.network = v.network AND l.day = v.day
  WHERE v.failed
  GROUP BY v.u, coalesce(v.country, 'ZZ'), v.day, v.hour
),
-- In networks in which it fails day after day nobody asks for hours; nor where it did not fail then on two other days.
asked AS (
  SELECT f.u, f.country, f.day, f.hour
  FROM (
    SELECT u, country, day, hour, hour + 24 * days + shift AS near
    FROM failures, (VALUES (-2), (-1), (1), (2)) AS days(days), (VALUES (-1), (0), (1)) AS shifts(shift) WHERE asked
  ) f
  JOIN failures o ON o.u = f.u AND o.country = f.country AND o.hour = f.near
  GROUP BY f.u, f.country, f.day, f.hour
  HAVING count(DISTINCT o.day) >= 2
),
near AS (
  SELECT u, country, day, hour, hour + 24 * days + shift AS near
  FROM asked, (VALUES (-2), (-1), (1), (2)) AS days(days), (VALUES (-1), (0), (1)) AS shifts(shift)
),
failing AS (
  SELECT u, network, day + shift AS day
  FROM judge_by_day, (VALUES (-2), (-1), (0), (1), (2)) AS shifts(shift) WHERE bad > 0
  GROUP BY u, network, day + shift
),
sessions AS (
  SELECT v.u, v.country, v.network, v.hour, v.s, bool_or(v.opened) AS opened, bool_or(v.failed) AS failed, min(v.day) AS day
  FROM (SELECT u, coalesce(country, 'ZZ') AS country, network, day, hour, s, opened, failed FROM judge_heard) v
  SEMI JOIN near n ON n.u = v.u AND n.country = v.country AND n.near = v.hour
  GROUP BY v.u, v.country, v.network, v.hour, v.s
),
hours AS (
  SELECT u, country, network, day, hour, count(*) FILTER (opened) AS ok, count(*) FILTER (failed) AS bad
  FROM sessions GROUP BY u, country, network, day, hour
),
others AS MATERIALIZED (
  SELECT f.u, f.country, f.hour, f.day, h.network, h.day AS other_day, h.ok, h.bad
  FROM near f JOIN hours h ON h.u = f.u AND h.country = f.country AND h.hour = f.near
),
days_back AS (
  SELECT o.u, o.country, o.hour, o.day, o.other_day, sum(o.ok) AS ok, sum(o.bad) AS bad
  FROM others o JOIN failing n ON n.u = o.u AND n.network = o.network AND n.day = o.day
  GROUP BY o.u, o.country, o.hour, o.day, o.other_day
),
back AS (
  SELECT u, country, hour, day FROM days_back GROUP BY u, country, hour, day
  HAVING sum(bad) >= 3 AND sum(bad) > sum(ok) AND count(*) FILTER (bad > 0) >= 2
),
days AS (
  SELECT u, coalesce(country, 'ZZ') AS country, day, sum(ok) AS ok, sum(bad) AS bad
  FROM judge_by_day WHERE u IN (SELECT u FROM back) GROUP BY u, coalesce(country, 'ZZ'), day
),
countries AS (
  SELECT u, country, day + shift AS day, sum(ok) AS ok, sum(bad) AS bad
  FROM days, (VALUES (-2), (-1), (0), (1), (2)) AS shifts(shift) GROUP BY u, country, day + shift
),
everywhere AS (
  SELECT u, day, sum(ok) AS ok, sum(bad) AS bad FROM countries GROUP BY u, day
)
SELECT b.u, b.country, b.hour
FROM back b
JOIN countries c ON c.u = b.u AND c.country = b.country AND c.day = b.day
JOIN everywhere e ON e.u = b.u AND e.day = b.day
WHERE e.ok - c.ok >= greatest(3, 8 * (e.bad - c.bad))
"""

#: How many networks say so within each country, and whether by more than one session that it fails, or by one, in networks
#: in which more than one was heard of anything, as half of all are.
AT_HOME = """
CREATE OR REPLACE TEMP TABLE judge_at_home AS
WITH networks AS (
  SELECT network, day + shift AS day, count(DISTINCT s) AS sessions
  FROM judge_voices, (VALUES (-1), (0), (1)) AS shifts(shift) GROUP BY network, day + shift
),
days AS (
  SELECT day, 2 * coalesce(sum(sessions) FILTER (sessions >= 2), 0) >= sum(sessions) AS usual FROM networks GROUP BY day
),
seen AS (
  SELECT n.network, n.day FROM networks n JOIN days d ON d.day = n.day WHERE n.sessions >= 2 OR NOT d.usual
)
SELECT u, day, country, sum(ok) AS ok, sum(bad) AS bad, sum(lone_ok) AS lone_ok, sum(lone_bad) AS lone_bad,
  CASE WHEN sum(sessions_bad) FILTER (seen AND sessions_bad > sessions_ok) >= 2 THEN 1 ELSE 0 END AS country_bad,
  CASE WHEN sum(sessions_bad) FILTER (seen AND sessions_bad > sessions_ok) = 1 THEN 1 ELSE 0 END AS country_lone_bad
FROM (
  SELECT n.*, h.network IS NOT NULL AS seen FROM judge_by_network n
  LEFT JOIN seen h ON h.network = n.network AND h.day = n.day
)
GROUP BY u, day, country
"""


def _voices(full: str, lone: str, together: int = 2) -> str:
    """So many networks speak, or so many together of those in which one session looked."""
    return f"({full} + CAST(floor(({lone}) / {together}) AS BIGINT))"


#: The same in all of them.
TOTALS = f"""
CREATE OR REPLACE TEMP TABLE judge_totals AS
SELECT u, day, sum(ok) AS ok, sum(bad) AS bad, sum(lone_ok) AS lone_ok, sum(lone_bad) AS lone_bad,
  {_voices("sum(country_bad)", "sum(country_lone_bad)")} AS countries_bad
FROM judge_at_home
GROUP BY u, day
"""

#: Where no network is left out.
FINE_IN_ALL = f"{_voices('t.ok', 't.lone_ok')} >= greatest(2, 3 * {_voices('t.bad', 't.lone_bad', 4)})"

#: What is looked at hour by hour: units that fail, without the networks in which they always do and the failures that keep
#: hours, in the six hours before and after each failure.
CHANGING = InShares(
    "judge_changing",
    "judge_heard",
    "day",
    """
WITH failing AS (
  SELECT v.u, v.hour FROM judge_heard v
  LEFT JOIN judge_lasting l ON l.u = v.u AND l.network = v.network AND l.day = v.day
  LEFT JOIN judge_by_the_clock c ON c.u = v.u AND c.country = coalesce(v.country, 'ZZ') AND c.hour = v.hour
  WHERE v.failed AND l.u IS NULL AND c.u IS NULL AND v.day BETWEEN $first - 1 AND $last + 1
  GROUP BY v.u, v.hour
),
near AS (
  SELECT u, hour + shift AS hour
  FROM failing, (VALUES (-6), (-5), (-4), (-3), (-2), (-1), (0), (1), (2), (3), (4), (5), (6)) AS shifts(shift)
  GROUP BY u, hour + shift
)
SELECT v.u, v.hour, v.network, v.s, max(coalesce(v.country, 'ZZ')) AS country, bool_or(v.opened) AS opened,
  bool_or(v.failed) AS failed
FROM judge_heard v
JOIN near n ON n.u = v.u AND n.hour = v.hour
LEFT JOIN judge_lasting l ON l.u = v.u AND l.network = v.network AND l.day = v.day
LEFT JOIN judge_by_the_clock c ON c.u = v.u AND c.country = coalesce(v.country, 'ZZ') AND c.hour = v.hour AND v.failed
WHERE l.u IS NULL AND c.u IS NULL AND v.day BETWEEN $first AND $last
GROUP BY v.u, v.hour, v.network, v.s
""",
)

#: The same within three hours, where it speaks against the day: a service that breaks for an hour is fine over the
#: day. Either it fails for most in several countries, even where the country that it fails most in is left out; or
#: networks in which it mostly opens fail together, and hardly anybody anywhere got through within the hour before and
#: after.
THAT_HOUR = """
CREATE OR REPLACE TEMP TABLE judge_that_hour AS
WITH failing AS (
  SELECT u, hour, network FROM judge_changing WHERE failed GROUP BY u, hour, network
),
around AS (
  SELECT u, hour + shift AS hour, network
  FROM failing, (VALUES (-3), (-2), (-1), (0), (1), (2), (3)) AS shifts(shift)
  GROUP BY u, hour + shift, network
),
suspected AS (
  SELECT u, hour FROM around GROUP BY u, hour HAVING count(*) >= 2
),
near AS (
  SELECT v.u, x.hour, v.network, v.s, max(v.country) AS country, bool_or(v.opened) AS ok, bool_or(v.failed) AS bad,
    bool_or(v.opened AND v.shift BETWEEN -1 AND 1) AS ok_near
  FROM suspected x
  JOIN (
    SELECT *, hour + shift AS hour_near FROM judge_changing, (VALUES (-3), (-2), (-1), (0), (1), (2), (3)) AS shifts(shift)
  ) v ON v.u = x.u AND v.hour_near = x.hour
  GROUP BY v.u, x.hour, v.network, v.s
),
by_network AS (
  SELECT u, hour, network, max(country) AS country, count(*) FILTER (ok) AS ok, count(*) FILTER (bad) AS bad,
    count(*) FILTER (ok_near) AS ok_near
  FROM near GROUP BY u, hour, network
),
by_country AS (
  SELECT h.u, h.hour, h.country, sum(h.ok) AS ok, sum(h.bad) AS bad, count(*) FILTER (h.bad > h.ok) AS networks_bad,
    count(*) FILTER (h.ok >= h.bad) AS networks_ok,
    sum(h.ok_near) AS ok_near,
    coalesce(sum(d.sessions_ok) FILTER (h.bad > h.ok), 0) AS usually_ok,
    coalesce(sum(d.sessions_bad) FILTER (h.bad > h.ok), 0) AS usually_bad
  FROM by_network h
  LEFT JOIN judge_by_network d ON d.u = h.u AND d.network = h.network
    AND d.day = DATE '1970-01-01' + CAST(floor(h.hour / 24) AS INTEGER)
  GROUP BY h.u, h.hour, h.country
)
SELECT u, hour, count(*) FILTER (networks_bad > 0) >= 3 AND sum(bad) >= 8 * sum(ok) AS down
FROM by_country
GROUP BY u, hour
HAVING (count(*) FILTER (networks_bad > 0) >= 2 AND sum(networks_bad) >= sum(networks_ok)
    AND sum(bad) >= sum(ok) AND sum(bad) - max(bad) >= sum(ok) - arg_max(ok, bad * 1000000 - ok))
  OR (sum(networks_bad) >= 2 AND 4 * sum(ok_near) <= sum(bad) AND sum(usually_ok) > sum(usually_bad))
"""


def _both_ways(of: str, hours: int, *sums: str, name: str = "") -> str:
    """Sums over so many hours up to each, and from each on."""
    sides = {"before": f"{hours} PRECEDING AND CURRENT ROW", "after": f"CURRENT ROW AND {hours} FOLLOWING"}
    return ",\n    ".join(
        f"sum({one}) OVER (PARTITION BY {of} ORDER BY hour RANGE BETWEEN {span}) AS {one}{name}_{side}"
        for side, span in sides.items()
        for one in sums
    )


#: Hours in which a network's failures are of a trouble that others share: those in the six hours up to it, or from it
#: on, fail no less often than they get through; or those of other countries do, in the three; or may be of one, since nobody
#: got through within an hour, nor two sessions within two. What fails there is held against nobody by the word of others. A
#: network in which it fails day after day neither shares in this nor adds to it, nor do failures that keep hours.
TROUBLED = f"""
CREATE OR REPLACE TEMP TABLE judge_troubled AS
WITH hours AS (
  SELECT u, hour, network, max(country) AS country, count(*) FILTER (opened) AS ok, count(*) FILTER (failed) AS bad
  FROM judge_changing GROUP BY u, hour, network
),
here AS (
  SELECT u, hour, network, country, bad,
    {_both_ways("u, network", 3, "bad")},
    {_both_ways("u, network", 6, "bad", name="_long")}
  FROM hours WHERE bad > 0
),
at_home AS (
  SELECT u, hour, country,
    {_both_ways("u, country", 3, "ok", "bad")}
  FROM (SELECT u, hour, country, sum(ok) AS ok, sum(bad) AS bad FROM hours GROUP BY u, hour, country)
),
everywhere AS (
  SELECT u, hour,
    {_both_ways("u", 3, "ok", "bad")},
    {_both_ways("u", 6, "ok", "bad", name="_long")},
    sum(ok) OVER (PARTITION BY u ORDER BY hour RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS ok_at_once,
    sum(ok) OVER (PARTITION BY u ORDER BY hour RANGE BETWEEN 2 PRECEDING AND 2 FOLLOWING) AS ok_near
  FROM (SELECT u, hour, sum(ok) AS ok, sum(bad) AS bad FROM hours GROUP BY u, hour)
)
SELECT o.u, o.hour, o.network
FROM here o
JOIN everywhere e ON e.u = o.u AND e.hour = o.hour
JOIN at_home h ON h.u = o.u AND h.hour = o.hour AND h.country = o.country
WHERE (e.bad_long_before > o.bad_long_before AND e.bad_long_before > e.ok_long_before)
  OR (e.bad_long_after > o.bad_long_after AND e.bad_long_after > e.ok_long_after)
  OR (e.bad_before > o.bad_before AND e.bad_before > e.ok_before)
  OR (e.bad_after > o.bad_after AND e.bad_after > e.ok_after)
  OR (e.bad_before > h.bad_before AND e.bad_before - h.bad_before >= e.ok_before - h.ok_before)
  OR (e.bad_after > h.bad_after AND e.bad_after - h.bad_after >= e.ok_after - h.ok_after)
  OR (e.ok_at_once = 0 AND e.ok_near < 2)
"""

#: Per measurement's network: what the others say. Fine: it opens in two at least, and in several times as many as it
#: fails in abroad; failures of the same country's other networks may be of the same cause and weigh less. Down: it fails
#: in nearly all others, in three countries at least; shunned: in five, so that it is not held against any of them that a
#: test helper gets through.
PEERS = f"""
CREATE OR REPLACE TEMP TABLE judge_peers AS
WITH others AS (
  SELECT o.u, o.day, o.network, t.countries_bad,
    {_voices("t.ok - o.ok", "t.lone_ok - o.lone_ok")} AS ok,
    t.ok - o.ok AS full_ok, t.lone_ok - o.lone_ok AS lone_ok,
    {_voices("t.ok - h.ok", "t.lone_ok - h.lone_ok")} AS ok_abroad,
    {_voices("t.bad - o.bad", "t.lone_bad - o.lone_bad")} AS bad,
    {_voices("t.bad - h.bad", "t.lone_bad - h.lone_bad", 4)} AS bad_abroad
  FROM judge_by_network o
  JOIN judge_totals t ON t.u = o.u AND t.day = o.day
  JOIN judge_at_home h ON h.u = o.u AND h.day = o.day AND h.country = o.country
)
SELECT u, day, network,
  ok >= greatest(2, 3 * bad_abroad) AND (ok >= bad OR ok_abroad >= 2) AS fine,
  bad >= greatest(2, 8 * full_ok, lone_ok) AND countries_bad >= 3 AS down,
  down AND countries_bad >= 5 AS shunned
FROM others
"""

#: Versions of a test that fail wherever they run while other versions work, on the same networks too (trap J21). Each
#: network speaks with the voice of most of its sessions, and a few sessions that say otherwise are not heard.
FAULTY = InShares(
    "judge_faulty",
    "judge_heard",
    "day",
    """
WITH failing AS (
  SELECT u, nettest, software, day, network FROM judge_heard
  WHERE failed AND software IS NOT NULL AND day BETWEEN $first - 1 AND $last + 1
  GROUP BY u, nettest, software, day, network
),
around AS (
  SELECT u, nettest, software, day + shift AS day, network FROM failing, (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY u, nettest, software, day + shift, network
),
suspected AS (
  SELECT u, nettest, software, day FROM around WHERE day BETWEEN $first AND $last
  GROUP BY u, nettest, software, day HAVING count(*) >= 3
),
sessions AS (
  SELECT x.u, x.nettest, x.software, x.day, v.network, v.s, bool_or(v.opened) AS ok, bool_or(v.failed) AS bad
  FROM (SELECT *, day + shift AS near FROM suspected, (VALUES (-1), (0), (1)) AS shifts(shift)) x
  JOIN judge_heard v ON v.u = x.u AND v.nettest = x.nettest AND v.software = x.software AND v.day = x.near
  WHERE v.day BETWEEN $first - 1 AND $last + 1
  GROUP BY x.u, x.nettest, x.software, x.day, v.network, v.s
),
networks AS (
  SELECT u, nettest, software, day, network, count(*) FILTER (ok) AS sessions_ok, count(*) FILTER (bad) AS sessions_bad
  FROM sessions GROUP BY u, nettest, software, day, network
),
fails AS (
  SELECT u, nettest, software, day FROM networks GROUP BY u, nettest, software, day
  HAVING count(*) FILTER (sessions_bad > sessions_ok) >= 3 AND 3 * sum(sessions_ok) <= sum(sessions_bad)
),
-- Where it fails most often, and what the other versions say there.
others AS (
  SELECT f.u, f.nettest, f.software, f.day, v.network, v.software AS other, v.s, bool_or(v.opened) AS ok,
    bool_or(v.failed) AS bad
  FROM (
    SELECT n.*, n.day + shift AS near FROM fails f
    JOIN networks n ON n.u = f.u AND n.nettest = f.nettest AND n.software = f.software AND n.day = f.day
      AND n.sessions_bad > n.sessions_ok,
    (VALUES (-1), (0), (1)) AS shifts(shift)
  ) f
  JOIN judge_heard v ON v.u = f.u AND v.nettest = f.nettest AND v.network = f.network AND v.day = f.near
    AND v.software <> f.software
  WHERE v.day BETWEEN $first - 1 AND $last + 1
  GROUP BY f.u, f.nettest, f.software, f.day, v.network, v.software, v.s
),
work AS (
  SELECT u, nettest, software, day, network FROM others GROUP BY u, nettest, software, day, network, other
  HAVING count(*) FILTER (ok) > count(*) FILTER (bad)
)
SELECT u, nettest, day, software FROM work
GROUP BY u, nettest, day, software HAVING count(DISTINCT network) >= 3
""",
)

#: Sessions whose word counts where no time is asked for: by the same measure, over all days.
STANDING = (
    InShares(
        "judge_looked",
        "judge_homes_said",
        "s",
        """
SELECT nettest, s, sum(times) AS targets, least(sum(times), 16) AS looks FROM judge_homes_said
WHERE s BETWEEN $first AND $last GROUP BY nettest, s
""",
    ),
    f"CREATE OR REPLACE TEMP TABLE judge_bars AS SELECT nettest, {_BAR} AS bar FROM judge_looked GROUP BY nettest",
    InShares(
        "judge_standing",
        "judge_looked",
        "s",
        """
SELECT l.s, bool_or(b.bar > 1) AS several FROM judge_looked l JOIN judge_bars b ON b.nettest = l.nettest
WHERE l.targets >= b.bar AND l.s BETWEEN $first AND $last
GROUP BY l.s
""",
    ),
    "DROP TABLE judge_looked",
    "DROP TABLE judge_bars",
)

#: What the others say of versions, addresses and pages is left out; of versions also what tests of one target do.
OF_STANDING = (
    *(
        f"DELETE FROM judge_{name} t WHERE NOT EXISTS (SELECT 1 FROM judge_standing h WHERE h.s = t.s)"
        for name in ("roots", "answered", "confirmed", "pages", "moves")
    ),
    """
DELETE FROM judge_roots t
WHERE NOT EXISTS (SELECT 1 FROM judge_standing h WHERE h.s = t.s AND h.several)
  AND (SELECT bool_or(several) FROM judge_standing)
""",
)

#: Leaf certificates that some refuse, and that proved valid in at least two networks, to at least three sessions and
#: many more than refused them. What several chunks say of one session is one voice.
GENUINE = (
    """
CREATE OR REPLACE TEMP TABLE judge_refused AS
SELECT tls_certificate_sha256
FROM judge_certificates SEMI JOIN (
  SELECT DISTINCT tls_certificate_sha256 FROM judge_certificates WHERE refused
) USING (tls_certificate_sha256)
WHERE proved AND network IS NOT NULL AND EXISTS (SELECT 1 FROM judge_standing h WHERE h.s = judge_certificates.s)
GROUP BY tls_certificate_sha256 HAVING min(network) <> max(network)
""",
    InShares(
        "judge_proofs",
        "judge_certificates",
        "s",
        """
WITH voices AS (
  SELECT tls_certificate_sha256, network, s, bool_or(proved) AS proved, bool_or(refused) AS refused
  FROM judge_certificates SEMI JOIN judge_standing USING (s) SEMI JOIN judge_refused USING (tls_certificate_sha256)
  WHERE s BETWEEN $first AND $last
  GROUP BY tls_certificate_sha256, network, s
),
sessions AS (
  SELECT tls_certificate_sha256, s, bool_or(proved AND network IS NOT NULL) AS proved,
    bool_or(refused AND NOT proved) AS refused
  FROM voices GROUP BY tls_certificate_sha256, s
)
SELECT tls_certificate_sha256, count(*) FILTER (proved) AS proved, count(*) FILTER (refused) AS refused
FROM sessions GROUP BY tls_certificate_sha256
""",
    ),
    """
CREATE OR REPLACE TEMP TABLE judge_genuine AS
SELECT tls_certificate_sha256 FROM judge_proofs
GROUP BY tls_certificate_sha256 HAVING sum(proved) >= greatest(3, 2 * sum(refused))
""",
    "DROP TABLE judge_refused",
    "DROP TABLE judge_proofs",
)

#: Versions of the software that refuse the certificates of several hosts on several networks which other versions
#: accept, and accept hardly any, each host by the word of most sessions (trap J21: an old root store).
OLD_ROOTS = (
    # By itself, so that it is known how few they are before what all say is joined to them.
    """
CREATE OR REPLACE TEMP TABLE judge_suspected AS
SELECT software FROM judge_roots WHERE bad GROUP BY software
HAVING count(DISTINCT network) >= 3 AND count(DISTINCT u) >= 3
""",
    """
CREATE OR REPLACE TEMP TABLE judge_old_roots AS
WITH sessions AS (
  SELECT r.software, r.u, r.network, r.s, bool_or(r.ok) AS ok, bool_or(r.bad) AS bad
  FROM judge_roots r SEMI JOIN judge_suspected x ON x.software = r.software
  GROUP BY r.software, r.u, r.network, r.s
),
units AS (
  SELECT software, u, count(DISTINCT s) FILTER (ok) AS sessions_ok, count(DISTINCT s) FILTER (bad AND NOT ok) AS sessions_bad
  FROM sessions GROUP BY software, u
),
refused AS (
  SELECT software, u FROM units WHERE sessions_bad > sessions_ok
),
accepted AS (
  SELECT DISTINCT f.software, f.u
  FROM refused f JOIN judge_roots r ON r.u = f.u AND r.ok AND r.software <> f.software
),
networks AS (
  SELECT f.software, count(DISTINCT e.network) AS networks
  FROM refused f JOIN sessions e ON e.software = f.software AND e.u = f.u AND e.bad AND NOT e.ok
  GROUP BY f.software
),
counted AS (
  SELECT t.software, count(*) FILTER (t.sessions_bad > t.sessions_ok) AS refused, count(a.u) AS accepted_by_others,
    count(*) FILTER (t.sessions_ok > 0 AND t.sessions_ok >= t.sessions_bad) AS fine
  FROM units t LEFT JOIN accepted a ON a.software = t.software AND a.u = t.u
  GROUP BY t.software
)
SELECT c.software
FROM counted c JOIN networks n ON n.software = c.software
WHERE n.networks >= 3 AND c.refused >= 3 AND c.accepted_by_others >= 3 AND c.refused >= 2 * c.fine
""",
    "DROP TABLE judge_suspected",
)


#: In which country the sessions of each network say that they are; and in which it is, by the word of most.
COUNTRIES = (
    InShares(
        "judge_said",
        "judge_homes_said",
        "s",
        """
SELECT network, country, count(*) AS sessions
FROM (
  SELECT DISTINCT network, country, s FROM judge_homes_said SEMI JOIN judge_standing USING (s)
  WHERE network IS NOT NULL AND country IS NOT NULL AND s BETWEEN $first AND $last
)
GROUP BY network, country
""",
    ),
    """
CREATE OR REPLACE TEMP TABLE judge_by_country AS
SELECT network, country, CAST(sum(sessions) AS BIGINT) AS sessions FROM judge_said GROUP BY network, country
""",
    """
CREATE OR REPLACE TEMP TABLE judge_countries AS
SELECT network, arg_max(country, (sessions, country)) AS country FROM judge_by_country GROUP BY network
""",
    "DROP TABLE judge_said",
)


def _abroad(table: str, what: str) -> str:
    """A query: what is met alike in three countries or more, by two sessions in each: no network's own doing."""
    return f"""
  SELECT {what}
  FROM (
    SELECT {what}, c.country FROM {table} t JOIN judge_countries c ON c.network = t.network
    GROUP BY {what}, c.country HAVING min(t.s) <> max(t.s)
  )
  GROUP BY {what} HAVING count(*) >= 3"""


def _shared(table: str, what: str, names: str) -> tuple[str | InShares, ...]:
    """Steps to `judge_alike`: what several names have in common in a network, by three sessions and a third of all.

    The commonest of the names is left out of that: it may have what is in question for good reasons, and others
    only by the word of a few. So is what is met in several countries, as pages and redirects of parked names are.
    Sessions are told apart only where there are enough names.
    """
    crowd = f"""
  SELECT DISTINCT network, {what}, {names} AS name, s FROM {table} SEMI JOIN judge_common USING (network, {what})
  WHERE s BETWEEN $first AND $last"""
    return (
        f"""
CREATE OR REPLACE TEMP TABLE judge_common AS
SELECT network, {what}
FROM (SELECT DISTINCT network, {what}, {names} AS name FROM {table})
GROUP BY network, {what} HAVING count(name) >= 4
""",
        InShares(
            "judge_by_name",
            table,
            "s",
            f"SELECT network, {what}, name, count(*) AS sessions FROM ({crowd}) GROUP BY network, {what}, name",
        ),
        f"""
CREATE OR REPLACE TEMP TABLE judge_commonest AS
SELECT network, {what}, arg_min(name, (-sessions, name)) AS name
FROM (SELECT network, {what}, name, sum(sessions) AS sessions FROM judge_by_name GROUP BY network, {what}, name)
GROUP BY network, {what}
""",
        InShares(
            "judge_others",
            table,
            "s",
            f"""
SELECT network, {what}, count(*) AS sessions
FROM (
  SELECT DISTINCT t.network, t.{what}, t.s
  FROM ({crowd}) t JOIN judge_commonest c ON c.network = t.network AND c.{what} = t.{what} AND c.name <> t.name
)
GROUP BY network, {what}
""",
        ),
        f"""
CREATE OR REPLACE TEMP TABLE judge_alike AS
SELECT network, {what}, sum(sessions) AS sessions FROM judge_others GROUP BY network, {what} HAVING sum(sessions) >= 3
""",
        InShares(
            "judge_looks",
            table,
            "s",
            f"""
SELECT network, count(*) AS sessions
FROM (
  SELECT DISTINCT network, s FROM {table} SEMI JOIN judge_alike USING (network) WHERE s BETWEEN $first AND $last
)
GROUP BY network
""",
        ),
        f"""
CREATE OR REPLACE TEMP TABLE judge_alike AS
SELECT o.network, o.{what}
FROM judge_alike o JOIN (SELECT network, sum(sessions) AS sessions FROM judge_looks GROUP BY network) n USING (network)
WHERE o.sessions * 3 > n.sessions
  AND o.{what} NOT IN ({_abroad(f"(SELECT * FROM {table} SEMI JOIN judge_alike USING ({what}))", what)})
""",
        *(f"DROP TABLE judge_{name}" for name in ("common", "by_name", "commonest", "others", "looks")),
    )


def _times(name: str, table: str, column: str) -> InShares:
    """How often each address of `judge_alike` is met: by each session for each name once."""
    return InShares(
        name,
        table,
        "s",
        f"""
SELECT ip, count(*) AS times
FROM (
  SELECT DISTINCT ip, s, {column} FROM {table} SEMI JOIN judge_alike USING (ip) WHERE s BETWEEN $first AND $last
)
GROUP BY ip
""",
    )


#: Addresses that one network's resolvers give for several unrelated names, and that test helpers hardly ever got for any
#: name: the word of a few makes no address genuine.
SINKS = (
    *_shared("judge_answered", "ip", "u"),
    _times("judge_given", "judge_answered", "u"),
    _times("judge_known", "judge_confirmed", "host"),
    """
CREATE OR REPLACE TEMP TABLE judge_sinks AS
SELECT c.network, c.ip
FROM judge_alike c
JOIN (SELECT ip, sum(times) AS times FROM judge_given GROUP BY ip) a ON a.ip = c.ip
LEFT JOIN (SELECT ip, sum(times) AS times FROM judge_known GROUP BY ip) k ON k.ip = c.ip
WHERE coalesce(k.times, 0) < 2 OR 6 * k.times < a.times
""",
    "DROP TABLE judge_given",
    "DROP TABLE judge_known",
)

#: Answers that no test helper got for the name, and that resolvers of several countries give: an address that the site
#: has left and that some still know, or one by place.
ANSWERED_ABROAD = f"""
CREATE OR REPLACE TEMP TABLE judge_answered_abroad AS
WITH abroad AS ({_abroad("judge_answered", "u, ip")}
)
SELECT a.u, a.ip FROM abroad a
ANTI JOIN (
  SELECT n.u, c.ip FROM (SELECT DISTINCT host, ip FROM judge_confirmed SEMI JOIN abroad USING (ip)) c
  JOIN judge_names n ON n.unit = c.host
) k ON k.u = a.u AND k.ip = a.ip
"""

#: Pages that come in clear text for unrelated sites in one network.
SHARED = (
    *_shared("judge_pages", "http_body_sha256", "u"),
    "CREATE OR REPLACE TEMP TABLE judge_shared_pages AS SELECT network, http_body_sha256 FROM judge_alike",
)

#: Hosts to which one network's clear text sends the readers of unrelated sites.
LANDINGS = (
    *_shared("judge_moves", "landing", "target"),
    "CREATE OR REPLACE TEMP TABLE judge_landings AS SELECT network, landing FROM judge_alike",
    "DROP TABLE judge_alike",
)

#: Sessions that end in a run of measurements in which nothing worked, of at least three targets, or are nothing else
#: (trap J20), and the last moment at which anything did: a measurement of that moment in which no connection worked is
#: the one in which it was lost. Other tests that the same software made there within ten minutes, and in which nothing
#: worked either, are the same probe's, where it looked at enough to be heard of others, in a few hours.
OFFLINE = (
    InShares(
        "judge_ends",
        "judge_measured",
        "s",
        """
SELECT s, max(time) FILTER (worked) AS last_ok, min(time) AS first, max(time) AS last FROM judge_measured
WHERE s BETWEEN $first AND $last GROUP BY s
""",
    ),
    InShares(
        "judge_lost",
        "judge_measured",
        "s",
        """
SELECT l.s, coalesce(l.last_ok, l.first) AS last_ok, l.last
FROM judge_ends l JOIN judge_measured d
  ON d.s = l.s AND NOT d.worked AND (l.last_ok IS NULL OR d.time > l.last_ok)
WHERE l.s BETWEEN $first AND $last AND d.s BETWEEN $first AND $last
GROUP BY l.s, l.last_ok, l.first, l.last
HAVING count(DISTINCT d.target) >= 3
""",
    ),
    """
CREATE OR REPLACE TEMP TABLE judge_offline AS
SELECT s, last_ok FROM judge_lost
UNION
SELECT n.s, min(l.last_ok)
FROM judge_lost l
SEMI JOIN judge_voices h ON h.s = l.s
JOIN judge_places a ON a.s = l.s
JOIN judge_places b ON b.network = a.network AND b.software = a.software AND b.nettest <> a.nettest
JOIN judge_ends n ON n.s = b.s AND n.last_ok IS NULL AND n.first >= l.last_ok
  AND n.last <= l.last + INTERVAL 10 MINUTE AND l.last <= l.last_ok + INTERVAL 3 HOUR
GROUP BY n.s
""",
    "DROP TABLE judge_ends",
    "DROP TABLE judge_lost",
)


#: Hosts that a network's losses explain: around the day, of what mostly opens there one look in twenty fails or more, of
#: several hosts, in half of the sessions that looked at some, as over bad radio; and the host fails no more often than
#: chance would have it once in a thousand times (Chernoff's bound on the binomial tail), in the five days around.
LOSSY = """
CREATE OR REPLACE TEMP TABLE judge_lossy AS
WITH networks AS (
  SELECT network, day, sum(sessions_bad) / sum(sessions_ok + sessions_bad) AS share
  FROM judge_by_network WHERE ok = 1 GROUP BY network, day
  HAVING sum(sessions_ok + sessions_bad) >= 20 AND 20 * sum(sessions_bad) >= sum(sessions_ok + sessions_bad)
    AND count(*) FILTER (sessions_bad > 0) >= 4
),
looks AS (
  SELECT n.network, n.day, v.s, count(DISTINCT v.u) FILTER (v.failed) AS lost
  FROM networks n
  JOIN judge_heard v ON v.network = n.network AND v.day BETWEEN n.day - 1 AND n.day + 1
  JOIN judge_by_network b ON b.network = n.network AND b.day = n.day AND b.u = v.u AND b.ok = 1
  GROUP BY n.network, n.day, v.s HAVING count(DISTINCT v.u) >= 4
),
losing AS (
  SELECT network, day FROM looks GROUP BY network, day
  HAVING count(*) FILTER (lost > 0) >= 2 AND 2 * count(*) FILTER (lost > 0) >= count(*)
),
around AS (
  SELECT d.u, d.network, d.day + shift AS day, sum(d.ok + d.bad) AS looks, sum(d.bad) / sum(d.ok + d.bad) AS failing
  FROM judge_by_day d, (VALUES (-2), (-1), (0), (1), (2)) AS shifts(shift)
  WHERE d.network IN (SELECT network FROM losing)
  GROUP BY d.u, d.network, d.day + shift HAVING sum(d.bad) > 0
)
SELECT a.u, a.network, a.day
FROM around a
JOIN losing l ON l.network = a.network AND l.day = a.day
JOIN networks n ON n.network = a.network AND n.day = a.day
WHERE a.failing <= n.share OR a.looks * (a.failing * ln(a.failing / n.share)
  + CASE WHEN a.failing < 1 THEN (1 - a.failing) * ln((1 - a.failing) / (1 - n.share)) ELSE 0 END) < ln(1000)
"""


def of_heard(table: str) -> str:
    """A query of the rows of a table that are of sessions whose word counts on the day."""
    return f"(SELECT * FROM {table} SEMI JOIN judge_voices USING (s, day))"


def of_these_days(table: str) -> str:
    """A query of the rows of a table that are of days of the chunk: most others are of other chunks."""
    return f"(SELECT * FROM {table} WHERE day IN (SELECT day FROM judge_this))"


#: Whose word counts: what follows, and what is made beside it, reads this.
FIRST = (VOICES, HEARD)

#: What the votes say together.
STEPS = (
    LONG,
    BY_DAY,
    BY_NETWORK,
    AT_HOME,
    TOTALS,
    LASTING,
    BY_THE_CLOCK,
    CHANGING,
    THAT_HOUR,
    TROUBLED,
    PEERS,
    LOSSY,
    "DROP TABLE judge_long",
    "DROP TABLE judge_by_day",
    "DROP TABLE judge_lasting",
    "DROP TABLE judge_by_the_clock",
    "DROP TABLE judge_changing",
)

#: What is told without them.
ASIDE = (
    FAULTY,
    *STANDING,
    *OF_STANDING,
    *GENUINE,
    *OLD_ROOTS,
    *COUNTRIES,
    *SINKS,
    ANSWERED_ABROAD,
    *SHARED,
    *LANDINGS,
    *OFFLINE,
    "DROP TABLE judge_countries",
    "DROP TABLE judge_answered",
    "DROP TABLE judge_confirmed",
    "DROP TABLE judge_pages",
    "DROP TABLE judge_moves",
    "DROP TABLE judge_certificates",
    "DROP TABLE judge_roots",
)
