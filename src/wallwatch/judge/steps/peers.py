"""What other networks saw of the same host at the time: controls where the test helper gave none.

Independence is counted by session and by network, never by row; the measurement's own network is left out of its
own control (traps C1 to C3, J1, J27, J29). What is concluded would be so without any one of the sessions, too: a single
forged row makes nobody's verdict say more than the honest ones do. It stays the same when every tenth
row is forged: nothing rests on a single network that says otherwise, and networks that nobody else measured from
weigh no more than their sessions.
"""

from __future__ import annotations

#: Sessions of each network that got through to each unit, or did not, on the day or the one before or after.
BY_NETWORK = """
CREATE OR REPLACE TEMP TABLE judge_by_network AS
WITH sessions AS (
  SELECT u, day, network, s, max(country) AS country, bool_or(opened) AS opened, bool_or(failed) AS failed
  FROM judge_votes GROUP BY u, day, network, s
),
around AS (
  SELECT u, day + shift AS day, network, s, max(country) AS country, bool_or(opened) AS opened, bool_or(failed) AS failed
  FROM sessions, (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY u, day + shift, network, s
)
SELECT u, day, network, coalesce(max(country), 'ZZ') AS country, count(*) FILTER (opened) AS sessions_ok,
  count(*) FILTER (failed) AS sessions_bad
FROM around
GROUP BY u, day, network
"""

#: Sessions of one network that are counted at most: it weighs more than a single visitor, and never for others.
_WEIGHT = 5

#: A network speaks with one voice: that of most of its sessions. `…_by_one`: of those networks, the ones that would not
#: say so without one session.
TOTALS = f"""
CREATE OR REPLACE TEMP TABLE judge_totals AS
SELECT u, day,
  count(*) FILTER (sessions_ok > sessions_bad) AS networks_ok,
  count(*) FILTER (sessions_bad > sessions_ok) AS networks_bad,
  count(*) FILTER (sessions_ok = sessions_bad + 1) AS networks_ok_by_one,
  count(*) FILTER (sessions_bad = sessions_ok + 1) AS networks_bad_by_one,
  count(DISTINCT country) FILTER (sessions_bad > sessions_ok) AS countries_bad,
  coalesce(sum(least(sessions_ok, {_WEIGHT})) FILTER (sessions_ok > sessions_bad), 0) AS sessions_ok,
  coalesce(sum(least(sessions_bad, {_WEIGHT})) FILTER (sessions_bad > sessions_ok), 0) AS sessions_bad
FROM judge_by_network
GROUP BY u, day
"""

#: The same within three hours, where it speaks against the day: a service that breaks for an hour is fine over the
#: day. Either it fails for most in several countries, even where the country that it fails most in is left out; or
#: networks in which it mostly opens fail together, and hardly anybody anywhere got through within the hour before and
#: after.
THAT_HOUR = """
CREATE OR REPLACE TEMP TABLE judge_that_hour AS
WITH failing AS (
  SELECT u, hour, network FROM judge_votes WHERE failed GROUP BY u, hour, network
),
around AS (
  SELECT u, hour + shift AS hour, network
  FROM failing, (VALUES (-3), (-2), (-1), (0), (1), (2), (3)) AS shifts(shift)
  GROUP BY u, hour + shift, network
),
suspected AS (
  SELECT u, hour FROM around GROUP BY u, hour HAVING count(*) >= 2
),
sessions AS (
  SELECT u, hour, network, s, max(coalesce(country, 'ZZ')) AS country, bool_or(opened) AS opened, bool_or(failed) AS failed
  FROM judge_votes WHERE u IN (SELECT u FROM suspected) GROUP BY u, hour, network, s
),
near AS (
  SELECT v.u, x.hour, v.network, v.s, max(v.country) AS country, bool_or(v.opened) AS ok, bool_or(v.failed) AS bad,
    bool_or(v.opened AND v.shift BETWEEN -1 AND 1) AS ok_near
  FROM suspected x
  JOIN (
    SELECT *, hour + shift AS hour_near FROM sessions, (VALUES (-3), (-2), (-1), (0), (1), (2), (3)) AS shifts(shift)
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

#: The same within each country.
AT_HOME = f"""
CREATE OR REPLACE TEMP TABLE judge_at_home AS
SELECT u, day, country,
  count(*) FILTER (sessions_ok > sessions_bad) AS networks_ok,
  count(*) FILTER (sessions_bad > sessions_ok) AS networks_bad,
  coalesce(max(sessions_bad - sessions_ok) FILTER (sessions_bad > sessions_ok), 0) = 1
    AND count(*) FILTER (sessions_bad > sessions_ok) = 1 AS bad_by_one,
  coalesce(sum(least(sessions_bad, {_WEIGHT})) FILTER (sessions_bad > sessions_ok), 0) AS sessions_bad
FROM judge_by_network
GROUP BY u, day, country
"""

#: Per measurement's network: the totals without it. Fine: it opens in at least two other networks, by at least
#: three sessions, and fails in few other countries; failures of the same country's other networks may be of the
#: same cause and weigh less. Down: it fails in nearly all others, in at least three countries. Either holds without any
#: one of the sessions.
PEERS = f"""
CREATE OR REPLACE TEMP TABLE judge_peers AS
WITH countries AS (
  SELECT u, day, max(CASE WHEN bad_by_one THEN 1 ELSE 0 END) AS bad_by_one FROM judge_at_home GROUP BY u, day
),
others AS (
  SELECT o.u, o.day, o.network,
    t.networks_ok - CASE WHEN o.sessions_ok > o.sessions_bad THEN 1 ELSE 0 END AS networks_ok,
    CASE WHEN t.networks_ok_by_one > CASE WHEN o.sessions_ok = o.sessions_bad + 1 THEN 1 ELSE 0 END THEN 1 ELSE 0 END
      AS one_ok,
    CASE WHEN t.networks_bad_by_one > CASE WHEN o.sessions_bad = o.sessions_ok + 1 THEN 1 ELSE 0 END THEN 1 ELSE 0 END
      AS one_bad,
    t.networks_bad - CASE WHEN o.sessions_bad > o.sessions_ok THEN 1 ELSE 0 END AS networks_bad,
    t.networks_ok - h.networks_ok AS networks_ok_abroad,
    t.sessions_ok - CASE WHEN o.sessions_ok > o.sessions_bad THEN least(o.sessions_ok, {_WEIGHT}) ELSE 0 END
      AS sessions_ok,
    t.sessions_bad - CASE WHEN o.sessions_bad > o.sessions_ok THEN least(o.sessions_bad, {_WEIGHT}) ELSE 0 END
      AS sessions_bad,
    t.sessions_bad - h.sessions_bad AS sessions_bad_abroad,
    t.countries_bad - c.bad_by_one AS countries_bad
  FROM judge_by_network o
  JOIN judge_totals t ON t.u = o.u AND t.day = o.day
  JOIN judge_at_home h ON h.u = o.u AND h.day = o.day AND h.country = o.country
  JOIN countries c ON c.u = o.u AND c.day = o.day
)
SELECT u, day, network,
  networks_ok - one_ok >= 2 AND sessions_ok - 1 >= greatest(3, 3 * sessions_bad_abroad)
    AND (networks_ok - one_ok >= networks_bad OR networks_ok_abroad - one_ok >= 2) AS fine,
  networks_bad - one_bad >= 2 AND sessions_bad - 1 >= greatest(3, 8 * sessions_ok) AND countries_bad >= 3 AS down
FROM others
"""

#: Versions of a test that fail wherever they run while other versions work, on the same networks too (trap J21). Each
#: network speaks with the voice of most of its sessions, and a few sessions that say otherwise are not heard.
FAULTY = """
CREATE OR REPLACE TEMP TABLE judge_faulty AS
WITH failing AS (
  SELECT u, nettest, software, day, network FROM judge_votes WHERE failed AND software IS NOT NULL
  GROUP BY u, nettest, software, day, network
),
around AS (
  SELECT u, nettest, software, day + shift AS day, network FROM failing, (VALUES (-1), (0), (1)) AS shifts(shift)
  GROUP BY u, nettest, software, day + shift, network
),
suspected AS (
  SELECT u, nettest, software, day FROM around GROUP BY u, nettest, software, day HAVING count(*) >= 3
),
sessions AS (
  SELECT x.u, x.nettest, x.software, x.day, v.network, v.s, bool_or(v.opened) AS ok, bool_or(v.failed) AS bad
  FROM (SELECT *, day + shift AS near FROM suspected, (VALUES (-1), (0), (1)) AS shifts(shift)) x
  JOIN judge_votes v ON v.u = x.u AND v.nettest = x.nettest AND v.software = x.software AND v.day = x.near
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
  JOIN judge_votes v ON v.u = f.u AND v.nettest = f.nettest AND v.network = f.network AND v.day = f.near
    AND v.software <> f.software
  GROUP BY f.u, f.nettest, f.software, f.day, v.network, v.software, v.s
),
work AS (
  SELECT u, nettest, software, day, network FROM others GROUP BY u, nettest, software, day, network, other
  HAVING count(*) FILTER (ok) > count(*) FILTER (bad)
)
SELECT u, nettest, day, software FROM work
GROUP BY u, nettest, day, software HAVING count(DISTINCT network) >= 3
"""

#: Leaf certificates that some refuse, and that proved valid in at least two networks, to at least three sessions and
#: many more than refused them.
GENUINE = """
CREATE OR REPLACE TEMP TABLE judge_genuine AS
SELECT tls_certificate_sha256
FROM judge_certificates
GROUP BY tls_certificate_sha256
HAVING bool_or(refused) AND count(DISTINCT network) FILTER (proved) >= 2
  AND count(DISTINCT s) FILTER (proved AND network IS NOT NULL)
    >= greatest(3, 2 * count(DISTINCT s) FILTER (refused AND NOT proved))
"""

#: Versions of the software that refuse the certificates of several hosts on several networks which other versions
#: accept, and accept hardly any (trap J21: an old root store).
OLD_ROOTS = """
CREATE OR REPLACE TEMP TABLE judge_old_roots AS
WITH handshakes AS (
  SELECT software, u, network, bool_or(ok) AS ok, bool_or(bad) AS bad
  FROM judge_roots GROUP BY software, u, network
),
accepted AS (
  SELECT DISTINCT u, software FROM handshakes WHERE ok
),
refused AS (
  SELECT h.software, h.network, h.u,
    max(CASE WHEN a.u IS NOT NULL THEN 1 ELSE 0 END) AS accepted_by_others
  FROM handshakes h LEFT JOIN accepted a ON a.u = h.u AND a.software <> h.software
  WHERE h.bad AND NOT h.ok
  GROUP BY h.software, h.network, h.u
),
fine AS (
  SELECT software, count(DISTINCT u) AS units FROM handshakes WHERE ok GROUP BY software
)
SELECT r.software
FROM refused r LEFT JOIN fine f ON f.software = r.software
GROUP BY r.software, f.units
HAVING count(DISTINCT r.network) >= 3 AND count(DISTINCT r.u) >= 3
  AND count(DISTINCT r.u) FILTER (r.accepted_by_others = 1) >= 3
  AND count(DISTINCT r.u) >= 2 * coalesce(f.units, 0)
"""


def _shared(table: str, what: str, names: str) -> str:
    """A query: what several names have in common in a network, by three sessions and a third of all that looked.

    The commonest of the names is left out of that: it may have what is in question for good reasons, and others
    only by the word of a few.
    """
    return f"""
  WITH by_name AS (
    SELECT network, {what}, {names} AS name, count(DISTINCT s) AS sessions FROM {table}
    WHERE (network, {what}) IN (
      SELECT network, {what} FROM {table} GROUP BY network, {what}
      HAVING count(DISTINCT {names}) >= 4 AND count(DISTINCT s) >= 3
    )
    GROUP BY network, {what}, {names}
  ),
  commonest AS (
    SELECT network, {what}, arg_min(name, (-sessions, name)) AS name FROM by_name GROUP BY network, {what}
  ),
  others AS (
    SELECT c.network, c.{what}, count(DISTINCT t.s) AS sessions
    FROM commonest c JOIN {table} t ON t.network = c.network AND t.{what} = c.{what} AND t.{names} <> c.name
    GROUP BY c.network, c.{what}
  )
  SELECT o.network, o.{what}
  FROM others o
  JOIN (SELECT network, count(DISTINCT s) AS sessions FROM {table} GROUP BY network) n ON n.network = o.network
  WHERE o.sessions >= 3 AND o.sessions * 3 > n.sessions"""


#: Addresses that one network's resolvers give for several unrelated names, and that test helpers hardly ever got for any
#: name: the word of a few makes no address genuine.
SINKS = f"""
CREATE OR REPLACE TEMP TABLE judge_sinks AS
WITH crowded AS ({_shared("judge_answered", "ip", "u")}
),
answered AS (
  SELECT ip, count(DISTINCT (s, u)) AS times FROM judge_answered WHERE ip IN (SELECT ip FROM crowded) GROUP BY ip
),
known AS (
  SELECT ip, count(DISTINCT (s, host)) AS times FROM judge_confirmed WHERE ip IN (SELECT ip FROM crowded) GROUP BY ip
)
SELECT c.network, c.ip
FROM crowded c JOIN answered a ON a.ip = c.ip LEFT JOIN known k ON k.ip = c.ip
WHERE coalesce(k.times, 0) < 2 OR 6 * k.times < a.times
"""

#: Pages that come in clear text for unrelated sites in one network.
SHARED = (
    f"CREATE OR REPLACE TEMP TABLE judge_shared_pages AS {_shared('judge_pages', 'http_body_sha256', 'u')}"
)

#: Hosts to which one network's clear text sends the readers of unrelated sites.
LANDINGS = f"CREATE OR REPLACE TEMP TABLE judge_landings AS {_shared('judge_moves', 'landing', 'target')}"

#: Sessions that end in a run of measurements in which nothing worked, of at least three targets, or are nothing else
#: (trap J20), and the last moment at which anything did: a measurement of that moment in which no connection worked is
#: the one in which it was lost. Other tests that the same software made there within ten minutes, and in which nothing
#: worked either, are the same probe's.
OFFLINE = """
CREATE OR REPLACE TEMP TABLE judge_offline AS
WITH sessions AS (
  SELECT s, max(time) FILTER (worked) AS last_ok, min(time) AS first, max(time) AS last FROM judge_measured GROUP BY s
),
lost AS (
  SELECT l.s, coalesce(l.last_ok, l.first) AS last_ok, l.last
  FROM sessions l JOIN judge_measured d
    ON d.s = l.s AND NOT d.worked AND (l.last_ok IS NULL OR d.time > l.last_ok)
  GROUP BY l.s, l.last_ok, l.first, l.last
  HAVING count(DISTINCT d.target) >= 3
)
SELECT s, last_ok FROM lost
UNION
SELECT n.s, min(l.last_ok)
FROM lost l
JOIN judge_places a ON a.s = l.s
JOIN judge_places b ON b.network = a.network AND b.software = a.software
JOIN sessions n ON n.s = b.s AND n.last_ok IS NULL AND n.first >= l.last_ok
  AND n.last <= l.last + INTERVAL 10 MINUTE
GROUP BY n.s
"""

STEPS = (
    BY_NETWORK,
    TOTALS,
    THAT_HOUR,
    AT_HOME,
    PEERS,
    FAULTY,
    GENUINE,
    OLD_ROOTS,
    SINKS,
    SHARED,
    LANDINGS,
    OFFLINE,
    "DROP TABLE judge_answered",
    "DROP TABLE judge_confirmed",
    "DROP TABLE judge_pages",
    "DROP TABLE judge_moves",
    "DROP TABLE judge_certificates",
    "DROP TABLE judge_roots",
)
