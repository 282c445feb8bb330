"""What other networks saw of the same host at the time: controls where the test helper gave none.

Independence is counted by session and by network, never by row; the measurement's own network is left out of its
own control (traps C1 to C3, J1, J27, J29).
"""

from __future__ import annotations

from wallwatch.judge.services import TOOLS
from wallwatch.judge.steps.words import BOGON, NO_ROUTE, quoted

_TOOLS = ", ".join(quoted(tool) for tool in TOOLS)
_STEP_OK = (
    "layer = 'step' AND ((step = 'success' AND step_value = 'true') OR "
    "(step = 'bootstrap_time' AND step_number > 0) OR (step = 'failure' AND failure IS NULL AND step_value = 'none'))"
)

#: Whether each measurement got through to each unit. Days are of UTC.
SEEN = f"""
CREATE OR REPLACE TEMP TABLE judge_seen AS
SELECT m, unit, max(nettest) AS nettest,
  max(CAST(time AT TIME ZONE 'UTC' AS DATE)) AS day, max(CAST(floor(epoch(time) / 3600) AS BIGINT)) AS hour, max(country) AS country, max(network) AS network,
  max(session) AS session, max(software) AS software, max(nettest_version) AS nettest_version,
  coalesce(bool_or(layer = 'tls' AND failure IS NULL AND NOT coalesce(tls_no_verify, false)), false)
    OR coalesce(bool_or(layer = 'http' AND failure IS NULL AND http_fingerprint IS NULL), false)
    OR (count(*) FILTER (layer IN ('tls', 'http')) = 0
        AND coalesce(bool_or(layer = 'tcp' AND failure IS NULL), false))
    OR coalesce(bool_or({_STEP_OK}), false) AS opened,
  coalesce(bool_or(failure IS NOT NULL
    AND NOT (layer = 'dns' AND dns_query_type = 'AAAA')
    AND NOT (layer = 'tcp' AND ip LIKE '%:%' AND failure IN {NO_ROUTE})), false)
    OR coalesce(bool_or(layer = 'step' AND step = 'success' AND step_value = 'false'), false) AS failed
FROM judge_units
WHERE unit IS NOT NULL AND network IS NOT NULL AND time IS NOT NULL AND time_flag IS NULL
GROUP BY m, unit
"""

#: Sessions of each network that got through to each unit, or did not, on the day or the one before or after.
BY_NETWORK = """
CREATE OR REPLACE TEMP TABLE judge_by_network AS
SELECT unit, day + shift AS day, network, coalesce(max(country), 'ZZ') AS country,
  count(DISTINCT session) FILTER (opened) AS sessions_ok,
  count(DISTINCT session) FILTER (failed AND NOT opened) AS sessions_bad
FROM judge_seen, (VALUES (-1), (0), (1)) AS shifts(shift)
WHERE opened OR failed
GROUP BY unit, day + shift, network
"""

#: A network speaks with one voice: that of most of its sessions.
TOTALS = """
CREATE OR REPLACE TEMP TABLE judge_totals AS
SELECT unit, day,
  count(*) FILTER (sessions_ok > sessions_bad) AS networks_ok,
  count(*) FILTER (sessions_bad > sessions_ok) AS networks_bad,
  count(DISTINCT country) FILTER (sessions_bad > sessions_ok) AS countries_bad,
  sum(sessions_ok) FILTER (sessions_ok > sessions_bad) AS sessions_ok,
  sum(sessions_bad) FILTER (sessions_bad > sessions_ok) AS sessions_bad
FROM judge_by_network
GROUP BY unit, day
"""

#: The same within three hours: a service that breaks for an hour is fine over the day.
THAT_HOUR = """
CREATE OR REPLACE TEMP TABLE judge_that_hour AS
WITH by_network AS (
  SELECT unit, hour + shift AS hour, network, max(coalesce(country, 'ZZ')) AS country,
    count(DISTINCT session) FILTER (opened) AS ok, count(DISTINCT session) FILTER (failed AND NOT opened) AS bad
  FROM judge_seen, (VALUES (-3), (-2), (-1), (0), (1), (2), (3)) AS shifts(shift)
  WHERE opened OR failed
  GROUP BY unit, hour + shift, network
)
SELECT unit, hour, count(DISTINCT country) FILTER (bad > ok) >= 3
  AND count(*) FILTER (ok > 0) = 0 AS down
FROM by_network
GROUP BY unit, hour
HAVING count(DISTINCT country) FILTER (bad > ok) >= 2 AND count(*) FILTER (bad > ok) >= count(*) FILTER (ok >= bad)
"""

#: The same within each country.
AT_HOME = """
CREATE OR REPLACE TEMP TABLE judge_at_home AS
SELECT unit, day, country,
  count(*) FILTER (sessions_ok > sessions_bad) AS networks_ok,
  count(*) FILTER (sessions_bad > sessions_ok) AS networks_bad
FROM judge_by_network
GROUP BY unit, day, country
"""

#: Per measurement's network: the totals without it. Fine: it opens in at least two other networks, by at least
#: three sessions, and hardly fails in other countries; failures of the same country's other networks may be of the
#: same cause and weigh less. Down: it fails in all others, of which at least two are in other countries.
PEERS = """
CREATE OR REPLACE TEMP TABLE judge_peers AS
WITH others AS (
  SELECT o.unit, o.day, o.network,
    t.networks_ok - CASE WHEN o.sessions_ok > o.sessions_bad THEN 1 ELSE 0 END AS networks_ok,
    t.networks_bad - CASE WHEN o.sessions_bad > o.sessions_ok THEN 1 ELSE 0 END AS networks_bad,
    t.networks_ok - h.networks_ok AS networks_ok_abroad,
    t.networks_bad - h.networks_bad AS networks_bad_abroad,
    coalesce(t.sessions_ok, 0) - CASE WHEN o.sessions_ok > o.sessions_bad THEN o.sessions_ok ELSE 0 END
      AS sessions_ok,
    coalesce(t.sessions_bad, 0) - CASE WHEN o.sessions_bad > o.sessions_ok THEN o.sessions_bad ELSE 0 END
      AS sessions_bad,
    t.countries_bad
  FROM judge_by_network o
  JOIN judge_totals t ON t.unit = o.unit AND t.day = o.day
  JOIN judge_at_home h ON h.unit = o.unit AND h.day = o.day AND h.country = o.country
)
SELECT unit, day, network, networks_ok, networks_bad, sessions_ok, sessions_bad,
  networks_ok >= 2 AND sessions_ok >= 3 AND networks_ok >= 3 * networks_bad_abroad
    AND (networks_ok >= networks_bad OR networks_ok_abroad >= 2) AS fine,
  networks_ok = 0 AND networks_bad >= 2 AND sessions_bad >= 3 AND countries_bad >= 3 AS down
FROM others
"""

#: Versions of a test that fail wherever they run while other versions work, on the same networks too (trap J21).
FAULTY = """
CREATE OR REPLACE TEMP TABLE judge_faulty AS
WITH versions AS (
  SELECT unit, nettest, day + shift AS day, software, network,
    bool_or(opened) AS ok, bool_or(failed AND NOT opened) AS bad
  FROM judge_seen, (VALUES (-1), (0), (1)) AS shifts(shift)
  WHERE (opened OR failed) AND software IS NOT NULL
  GROUP BY unit, nettest, day + shift, software, network
),
each_version AS (
  SELECT unit, nettest, day, software, count(*) FILTER (bad) AS bad, count(*) FILTER (ok) AS ok
  FROM versions GROUP BY unit, nettest, day, software
),
contrast AS (
  SELECT a.unit, a.nettest, a.day, a.software, count(DISTINCT b.network) AS same_networks
  FROM versions a JOIN versions b
    ON b.unit = a.unit AND b.nettest = a.nettest AND b.day = a.day AND b.network = a.network
  WHERE a.bad AND NOT a.ok AND b.ok AND NOT b.bad AND b.software <> a.software
  GROUP BY a.unit, a.nettest, a.day, a.software
)
SELECT v.unit, v.nettest, v.day, v.software
FROM each_version v JOIN contrast c USING (unit, nettest, day, software)
WHERE v.bad >= 3 AND v.ok = 0 AND c.same_networks >= 3
"""

#: Leaf certificates that proved valid in at least two networks, to at least three sessions.
GENUINE = """
CREATE OR REPLACE TEMP TABLE judge_genuine AS
WITH refused AS (
  SELECT DISTINCT tls_certificate_sha256 FROM judge_units
  WHERE layer = 'tls' AND failure LIKE 'ssl_%' AND tls_certificate_sha256 IS NOT NULL
)
SELECT u.tls_certificate_sha256
FROM judge_units u JOIN refused r ON r.tls_certificate_sha256 = u.tls_certificate_sha256
WHERE u.layer = 'tls' AND u.failure IS NULL AND NOT coalesce(u.tls_no_verify, false) AND u.network IS NOT NULL
GROUP BY u.tls_certificate_sha256
HAVING count(DISTINCT u.session) >= 3 AND count(DISTINCT u.network) >= 2
"""

#: Versions of the software that refuse the certificates of several hosts on several networks which other versions
#: accept, and accept hardly any (trap J21: an old root store).
OLD_ROOTS = """
CREATE OR REPLACE TEMP TABLE judge_old_roots AS
WITH handshakes AS (
  SELECT software, unit, network,
    bool_or(failure IS NULL AND NOT coalesce(tls_no_verify, false)) AS ok,
    bool_or(failure = 'ssl_unknown_authority') AS bad
  FROM judge_units
  WHERE layer = 'tls' AND software IS NOT NULL AND network IS NOT NULL
  GROUP BY software, unit, network
),
accepted AS (
  SELECT DISTINCT unit, software FROM handshakes WHERE ok
),
refused AS (
  SELECT h.software, h.network, h.unit,
    max(CASE WHEN a.unit IS NOT NULL THEN 1 ELSE 0 END) AS accepted_by_others
  FROM handshakes h LEFT JOIN accepted a ON a.unit = h.unit AND a.software <> h.software
  WHERE h.bad AND NOT h.ok
  GROUP BY h.software, h.network, h.unit
),
fine AS (
  SELECT software, count(DISTINCT unit) AS units FROM handshakes WHERE ok GROUP BY software
)
SELECT r.software
FROM refused r LEFT JOIN fine f ON f.software = r.software
GROUP BY r.software, f.units
HAVING count(DISTINCT r.network) >= 3 AND count(DISTINCT r.unit) >= 3
  AND count(DISTINCT r.unit) FILTER (r.accepted_by_others = 1) >= 3
  AND count(DISTINCT r.unit) >= 2 * coalesce(f.units, 0)
"""

#: Addresses that one network's resolvers give for several unrelated names, by at least three sessions.
SINKS = f"""
CREATE OR REPLACE TEMP TABLE judge_sinks AS
WITH answers AS (
  SELECT a.network, a.ip, a.session, a.unit, max(a.ip_network) AS ip_network
  FROM judge_units a
  WHERE a.layer = 'dns' AND a.ip IS NOT NULL AND a.network IS NOT NULL AND a.nettest = 'web_connectivity'
    AND coalesce(a.dns_engine, 'system') = 'system' AND NOT {BOGON.replace("ip_kind", "a.ip_kind").replace("ip NOT", "a.ip NOT")}
  GROUP BY a.network, a.ip, a.session, a.unit
),
crowded AS (
  SELECT network, ip FROM answers
  GROUP BY network, ip
  HAVING count(DISTINCT unit) >= 4 AND count(DISTINCT session) >= 3
),
known AS (
  SELECT c.network, c.ip, count(DISTINCT k.host) AS hosts
  FROM crowded c JOIN judge_controls k ON k.ip = c.ip AND k.layer = 'dns'
  GROUP BY c.network, c.ip
)
SELECT c.network, c.ip FROM crowded c LEFT JOIN known k USING (network, ip)
WHERE k.hosts IS NULL
"""

STEPS = (SEEN, BY_NETWORK, TOTALS, THAT_HOUR, AT_HOME, PEERS, FAULTY, GENUINE, OLD_ROOTS, SINKS)
