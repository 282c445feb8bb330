"""Features of services and tools: what each part is made of, what of it works here, and what works elsewhere.

Endpoints are compared one by one with themselves in other networks: a bridge that is dead everywhere, or a server
that moved, says nothing of a network (traps J24, J25).
"""

from __future__ import annotations

from collections.abc import Iterable

from wallwatch._text import quoted
from wallwatch.judge.services import MIDDLEBOX_TESTS, SERVICES, TOOLS, Service
from wallwatch.judge.steps import bits
from wallwatch.judge.steps.peers import of_heard, of_these_days
from wallwatch.judge.steps.words import NO_ROUTE, any_like


def _listed(names: Iterable[str]) -> str:
    return ", ".join(quoted(name) for name in names)


_SERVICE_TESTS = _listed(service.nettest for service in SERVICES)
_TOOL_TESTS = _listed(tool.nettest for tool in TOOLS)
_POOLED = [service for service in SERVICES if service.pools]
_POOLS = [pool.name for service in _POOLED for pool in service.pools]


def _bit(mechanism: str) -> int:
    return 1 << bits.MECHANISMS.index(mechanism)


def _part_of(nettest: str, name: str, services: Iterable[Service] = SERVICES) -> str:
    """The part to which a unit of a test of one of the services belongs; null where the test names none."""
    cases = [
        f"WHEN {nettest} = {quoted(service.nettest)} AND {any_like(name, part.units)} THEN {quoted(part.name)}"
        for service in services
        for part in service.parts
    ]
    return f"CASE {' '.join(cases)} END"


def _claims() -> str:
    """Queries: each row that says of an endpoint whether it worked, or of a name whether its owner answered."""
    found = [
        f"""SELECT m, {tool.part} AS part, {tool.endpoint} AS endpoint, false AS is_name,
    coalesce({tool.works}, false) AS ok, NOT coalesce({tool.works}, false) AS failed
  FROM judge_test_rows WHERE nettest = {quoted(tool.nettest)} AND ({tool.when})"""
        for tool in TOOLS
    ]
    found.append(
        f"""SELECT m, {_part_of("nettest", "unit", _POOLED)}, ip || ':' || coalesce(port, 0), false, failure IS NULL,
    failure IS NOT NULL AND NOT coalesce(ip LIKE '%:%' AND failure IN {NO_ROUTE}, false)
  FROM judge_test_rows WHERE unit IN ({_listed(_POOLS)}) AND layer = 'tcp'"""
    )
    found += [
        f"""SELECT m, {_part_of("nettest", "unit", [service])}, 'name ' || host, true,
    coalesce(ip_network IN ({", ".join(str(number) for number in service.own_networks)}), false),
    ip_network IS NOT NULL AND ip_network NOT IN ({", ".join(str(number) for number in service.own_networks)})
  FROM judge_test_rows WHERE nettest = {quoted(service.nettest)} AND layer = 'dns' AND ip IS NOT NULL
    AND {" AND ".join(f"unit NOT LIKE {quoted(like)}" for like in service.optional) or "true"}"""
        for service in SERVICES
        if service.own_networks
    ]
    return "\n  UNION ALL\n  ".join(found)


#: What is found in the rows of tests, which are read once: for all chunks.
TABLES = (
    (
        "CREATE OR REPLACE TEMP TABLE judge_endpoints "
        "(m BIGINT, part VARCHAR, is_name BOOLEAN, u BIGINT, ok BOOLEAN, failed BOOLEAN)"
    ),
    "CREATE OR REPLACE TEMP TABLE judge_pools (m BIGINT, part VARCHAR, mechanisms BIGINT)",
    "CREATE OR REPLACE TEMP TABLE judge_device (m BIGINT, device_seen BOOLEAN, device_absent BOOLEAN)",
    "CREATE OR REPLACE TEMP TABLE judge_devices (network BIGINT, day DATE, s BIGINT, seen BOOLEAN)",
)

#: What the tests say of each endpoint; an endpoint's name is for comparing and is never told.
TRIED = f"""
CREATE OR REPLACE TEMP TABLE judge_tried AS
SELECT m, part, is_name, part || ' ' || coalesce(endpoint, '') AS name, bool_or(ok) AS ok,
  bool_or(failed) AND NOT bool_or(ok) AS failed
FROM (
  {_claims()}
)
WHERE part IS NOT NULL
GROUP BY m, part, is_name, name
HAVING bool_or(ok) OR bool_or(failed)
"""

#: Adds the endpoints of one chunk that none before it had, one chunk at a time. No verdict depends on their order.
ENDPOINT_NAMES = """
INSERT INTO judge_names
SELECT (SELECT count(*) FROM judge_names) + row_number() OVER (), unit
FROM (SELECT DISTINCT name AS unit FROM judge_tried) new
WHERE NOT EXISTS (SELECT 1 FROM judge_names n WHERE n.unit = new.unit)
"""

#: The same with the numbers of the endpoints.
ENDPOINTS = """
INSERT INTO judge_endpoints
SELECT e.m, e.part, e.is_name, n.u, e.ok, e.failed FROM judge_tried e JOIN judge_names n ON n.unit = e.name
"""

#: Where every connection of a pool fails in one way, that is how its part is kept from working.
POOLS = f"""
INSERT INTO judge_pools
SELECT m, part, mechanisms FROM (
  SELECT m, {_part_of("nettest", "unit", _POOLED)} AS part,
    CASE WHEN bool_and(failure = 'generic_timeout_error') THEN {_bit("tcp.timeout")}
      WHEN bool_and(failure IN ('connection_reset', 'connection_aborted')) THEN {_bit("tcp.reset")}
      WHEN bool_and(failure = 'connection_refused') THEN {_bit("tcp.refused")} ELSE 0 END AS mechanisms
  FROM judge_test_rows
  WHERE unit IN ({_listed(_POOLS)}) AND layer = 'tcp' AND NOT coalesce(ip LIKE '%:%' AND failure IN {NO_ROUTE}, false)
  GROUP BY m, part
  HAVING bool_and(failure IS NOT NULL)
)
WHERE mechanisms > 0
"""

#: Whether each session got through to each endpoint; beside the votes on units (`judge/steps/gather.py`).
VOTES = """
INSERT INTO judge_votes
SELECT n.u, w.hour, w.day, w.network, max(w.country), w.s, w.software, w.nettest, bool_or(e.ok),
  bool_or(e.failed) AND NOT bool_or(e.ok)
FROM judge_tried e
JOIN judge_names n ON n.unit = e.name
JOIN judge_this w ON w.m = e.m
WHERE w.network IS NOT NULL AND w.time IS NOT NULL AND w.time_flag IS NULL
GROUP BY n.u, w.hour, w.day, w.network, w.s, w.software, w.nettest
"""

_SEEN = " OR ".join(f"(r.nettest = {quoted(test)} AND {shows})" for test, shows, _ in MIDDLEBOX_TESTS)
_CLEAN = " OR ".join(f"(r.nettest = {quoted(test)} AND {clean})" for test, _, clean in MIDDLEBOX_TESTS)

#: What one measurement of such a test says. A test whose own server did not answer says nothing.
DEVICES = f"""
INSERT INTO judge_device
SELECT r.m, coalesce(bool_or({_SEEN}), false) AND NOT coalesce(bool_and(r.failure IS NOT NULL)
    FILTER (r.layer = 'http'), false) AS device_seen, coalesce(bool_or({_CLEAN}), false) AS device_absent
FROM judge_test_rows r
WHERE r.nettest IN ({_listed(test for test, _, _ in MIDDLEBOX_TESTS)})
GROUP BY r.m
"""

#: Sessions of each network that met a device which alters what passes, or met none.
GATHER_DEVICES = """
INSERT INTO judge_devices
SELECT w.network, w.day, w.s, bool_or(d.device_seen)
FROM judge_device d JOIN judge_this w ON w.m = d.m
WHERE w.network IS NOT NULL AND w.day IS NOT NULL AND w.time_flag IS NULL
GROUP BY w.network, w.day, w.s
"""

#: Networks and days on which two sessions or more met one, and no fewer than met none.
DEVICES_KNOWN = f"""
CREATE OR REPLACE TEMP TABLE judge_devices_known AS
SELECT network, day + shift AS day
FROM {of_heard("judge_devices")}, (VALUES (-1), (0), (1)) AS shifts(shift)
GROUP BY network, day + shift
HAVING count(DISTINCT s) FILTER (seen) >= 2 AND 2 * count(DISTINCT s) FILTER (seen) >= count(DISTINCT s)
"""

#: Of redundant endpoints with names, a name that is lied about is no loss where others lead on.
_COUNTS = f"NOT (p.layer = 'dns' AND i.unit IN ({_listed(_POOLS)}) AND c.tcp_ok)"

#: Per part: the states of the hosts and pools that it needs, and how its endpoints fare beside elsewhere.
PART = f"""
CREATE OR REPLACE TEMP TABLE judge_part AS
WITH units AS (
  SELECT p.m, {_part_of("c.nettest", "i.unit")} AS part, p.u, min(c.place) AS place,
    bool_or(p.rank = 1 AND {_COUNTS}) AS blocked,
    bool_or(p.rank = 2 AND {_COUNTS}) AS likely,
    bool_or(p.rank = 4 AND {_COUNTS}) AS down,
    bool_or(p.rank = 3 AND p.layer <> 'quic' AND {_COUNTS}) AS impaired,
    bool_or(p.rank = 5 AND p.layer IN ('tcp', 'tls', 'http')) AS ok,
    bool_or(CASE p.layer WHEN 'dns' THEN p.rank = 6 AND c.system_failure_4 IS NOT NULL
        AND NOT c.system_global AND NOT c.system_bogon
      ELSE {bits.holds(bits.ending(".no_control"), "p.rules_")} END) AS failing,
    bool_or({bits.holds(["tls.own_root_not_known"], "p.rules_")}) OR bool_or(c.faulty) AS faulty,
    bit_or(CASE WHEN p.rank <= 3 THEN p.mechanisms ELSE 0 END) AS mechanisms
  FROM judge_parts p
  JOIN judge_context c ON c.m = p.m AND c.u = p.u AND c.required AND c.nettest IN ({_SERVICE_TESTS})
  JOIN judge_names i ON i.u = p.u
  GROUP BY p.m, part, p.u
),
hosts AS (
  SELECT m, part, min(place) AS place,
    count(*) FILTER (blocked AND NOT faulty) AS units_blocked,
    count(*) FILTER (likely AND NOT blocked AND NOT faulty) AS units_likely,
    count(*) FILTER (down AND NOT likely AND NOT blocked) AS units_down,
    count(*) FILTER (impaired AND NOT likely AND NOT blocked AND NOT down) AS units_impaired,
    count(*) FILTER (failing AND NOT likely AND NOT blocked AND NOT down AND NOT faulty) AS units_failing,
    count(*) FILTER (ok AND NOT likely AND NOT blocked) AS units_ok,
    count(*) FILTER (faulty) AS units_faulty,
    bit_or(mechanisms) AS mechanisms
  FROM units GROUP BY m, part
),
compared AS (
  SELECT t.m, t.part, t.is_name, true AS failed, false AS ok, w.nettest,
    coalesce(p.fine, false) AND b.u IS NULL AND r.u IS NULL AND f.u IS NULL AS fine,
    coalesce(p.down, false) OR coalesce(b.down, false) AS down,
    f.u IS NOT NULL AS faulty,
    coalesce(k.sessions_bad >= 2 AND k.sessions_bad > 2 * k.sessions_ok, false) AS network_fails
  FROM judge_endpoints t
  JOIN judge_this w ON w.m = t.m
  LEFT JOIN {of_these_days("judge_peers")} p ON p.u = t.u AND p.day = w.day AND p.network = w.network AND w.time_flag IS NULL
  LEFT JOIN {of_these_days("judge_by_network")} k ON k.u = t.u AND k.day = w.day AND k.network = w.network AND w.time_flag IS NULL
  LEFT JOIN judge_that_hour b ON b.u = t.u AND b.hour = w.hour
  LEFT JOIN judge_troubled r ON r.u = t.u AND r.hour = w.hour AND r.network = w.network
  LEFT JOIN judge_faulty f ON f.u = t.u AND f.day = w.day AND f.software = w.software AND f.nettest = w.nettest
  WHERE t.failed
  UNION ALL
  SELECT t.m, t.part, t.is_name, false, t.ok, w.nettest, false, false, false, false
  FROM judge_endpoints t JOIN judge_this w ON w.m = t.m
  WHERE NOT t.failed
),
endpoints AS (
  SELECT m, part, any_value(nettest) AS nettest,
    count(*) FILTER (ok AND NOT is_name) AS works,
    count(*) FILTER (failed AND NOT is_name) AS fails,
    count(*) FILTER (fine AND NOT is_name) AS fails_here,
    count(*) FILTER (down AND NOT is_name) AS fails_elsewhere,
    count(*) FILTER (faulty AND NOT is_name) AS fails_in_version,
    coalesce(bool_or(network_fails AND fine AND NOT is_name), false) AS network_fails,
    count(*) FILTER (is_name AND fine) AS names_lost,
    count(*) FILTER (is_name AND ok) AS names_kept
  FROM compared GROUP BY m, part
),
tool_mechanisms AS (
  -- What the connections of a tool show belongs to the part that they are named for, else to its only part.
  SELECT e.m, e.part, bit_or(p.mechanisms) AS mechanisms
  FROM endpoints e
  JOIN judge_parts p ON p.m = e.m AND p.rank <= 3
  JOIN judge_names i ON i.u = p.u
  WHERE e.nettest IN ({_TOOL_TESTS}) AND (i.unit = e.part OR e.nettest IN ({_listed(t.nettest for t in TOOLS if t.own_units)}))
  GROUP BY e.m, e.part
)
SELECT m, n.u, coalesce(h.place, 0) + 9 AS place, part,
  coalesce(h.units_blocked, 0) AS units_blocked, coalesce(h.units_likely, 0) AS units_likely,
  coalesce(h.units_down, 0) AS units_down, coalesce(h.units_impaired, 0) AS units_impaired,
  coalesce(h.units_failing, 0) AS units_failing, coalesce(h.units_ok, 0) AS units_ok,
  coalesce(h.units_faulty, 0) AS units_faulty, h.m IS NULL AS tool,
  coalesce(e.works, 0) AS works, coalesce(e.fails, 0) AS fails, coalesce(e.fails_here, 0) AS fails_here,
  coalesce(e.fails_elsewhere, 0) AS fails_elsewhere, coalesce(e.fails_in_version, 0) AS fails_in_version,
  coalesce(e.network_fails, false) AS network_fails, coalesce(e.names_lost, 0) AS names_lost,
  coalesce(e.names_kept, 0) AS names_kept, coalesce(h.mechanisms, 0) | coalesce(t.mechanisms, 0)
    | CASE WHEN coalesce(e.works, 0) = 0 AND coalesce(e.fails_here, 0) > 0 THEN coalesce(q.mechanisms, 0) ELSE 0 END
    AS mechanisms
FROM hosts h
FULL JOIN endpoints e USING (m, part)
LEFT JOIN tool_mechanisms t USING (m, part)
LEFT JOIN judge_pools q USING (m, part)
JOIN judge_names n ON n.unit = part
"""

#: A part's mechanisms are those of what it is made of.
PART_MECHANISMS = """
UPDATE judge_parts SET mechanisms = judge_parts.mechanisms | p.mechanisms
FROM judge_part p
WHERE judge_parts.layer = 'part' AND judge_parts.rank <= 3 AND p.m = judge_parts.m AND p.u = judge_parts.u
"""

#: Services as wholes: the states of their parts.
SERVICE = f"""
CREATE OR REPLACE TEMP TABLE judge_service AS
WITH counted AS (
  SELECT p.m,
    count(*) FILTER (p.rank = 1) AS parts_blocked,
    count(*) FILTER (p.rank = 2) AS parts_likely,
    count(*) FILTER (p.rank = 3) AS parts_impaired,
    count(*) FILTER (p.rank = 4) AS parts_down,
    count(*) FILTER (p.rank = 5) AS parts_ok,
    count(*) FILTER (p.rank = 6 AND {bits.holds(["part.fails_unconfirmed"], "p.rules_")}) AS parts_failing,
    count(*) FILTER ({bits.holds(["part.instrument_fault"], "p.rules_")}) AS parts_faulty,
    bool_and(f.tool) AS tool
  FROM judge_parts p JOIN judge_part f ON f.m = p.m AND f.u = p.u
  WHERE p.layer = 'part'
  GROUP BY p.m
)
SELECT m, CAST(NULL AS BIGINT) AS u, 0 AS place, parts_blocked, parts_likely, parts_impaired, parts_down, parts_ok,
  parts_failing, parts_faulty, tool, false AS device_seen, false AS device_absent
FROM counted
UNION ALL
SELECT d.m, NULL, 0, 0, 0, 0, 0, 0, 0, 0, false, d.device_seen, d.device_absent
FROM judge_device d JOIN judge_this w ON w.m = d.m
"""

#: Pages in clear text of networks in which a device is known to alter what passes are marked with it.
MARK_DEVICES = f"""
UPDATE judge_parts SET {", ".join(f"rules_{word} = rules_{word} | {bits.mask(['http.device_in_network'], word)}" for word in bits.WORDS)}
FROM judge_this w JOIN judge_devices_known d ON d.network = w.network AND d.day = w.day
WHERE judge_parts.m = w.m AND judge_parts.layer = 'http' AND w.nettest = 'web_connectivity'
"""
