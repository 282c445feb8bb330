"""From features to verdicts: fired rules, the rule that decides each layer, the layer that decides the whole."""

from __future__ import annotations

from wallwatch.judge.references import KNOWN_FAULTS
from wallwatch.judge.rules import LAYERS, RULES, Rule
from wallwatch.judge.services import CATALOGUE, SECOND_LEVEL, SERVICES, TOOLS
from wallwatch.judge.steps.words import any_like, quoted

#: From strongest to weakest, as in the words of the schema; the first that a part has is what the whole has,
#: except that a page that opened outweighs what is merely impaired or down beside it.
_RANK = (
    "CASE state WHEN 'blocked' THEN 1 WHEN 'likely_blocked' THEN 2 WHEN 'impaired' THEN 3 WHEN 'down' THEN 4 "
    "WHEN 'ok' THEN 5 ELSE 6 END"
)


def _texts(rules: list[Rule]) -> str:
    """An expression: the ids of the rules among these that fired, sorted, one space between; null where none."""
    if not rules:
        return "CAST(NULL AS VARCHAR)"
    parts = ", ".join(
        f"CASE WHEN r{RULES.index(rule)} THEN {quoted(rule.id)} END"
        for rule in sorted(rules, key=lambda r: r.id)
    )
    return f"nullif(concat_ws(' ', {parts}), '')"


def layer(name: str) -> str:
    """The table `judge_layer_<name>`: one row for each host that has features of the layer."""
    rules = [rule for rule in RULES if rule.layer == name]
    deciding = sorted((rule for rule in rules if rule.state), key=lambda rule: rule.priority)
    fired = ",\n    ".join(f"coalesce({rule.when}, false) AS r{RULES.index(rule)}" for rule in rules)
    decided = " ".join(f"WHEN r{RULES.index(rule)} THEN {RULES.index(rule)}" for rule in deciding)
    locus = "dns_locus" if name == "dns" else "CAST(NULL AS VARCHAR) AS dns_locus"
    return f"""
CREATE OR REPLACE TEMP TABLE judge_layer_{name} AS
WITH fired AS (
  SELECT m, host, {locus},
    {fired}
  FROM judge_{name}
)
SELECT m, host, {quoted(name)} AS layer, dns_locus,
  CASE {decided} ELSE -1 END AS decided,
  {_texts(rules)} AS rules,
  {_texts([rule for rule in rules if rule.accuses])} AS accusing,
  {_texts([rule for rule in rules if rule.against])} AS doubting
FROM fired
"""


def _decisions() -> str:
    rows = ", ".join(
        f"({i}, {quoted(rule.state)}, {quoted(rule.mechanism)}, {quoted(rule.locus)}, {quoted(rule.evidence)})"
        for i, rule in enumerate(RULES)
        if rule.state
    )
    return f"(VALUES {rows}) AS d(decided, state, mechanism, locus, evidence)"


#: Layers of hosts with their states.
PARTS = f"""
CREATE OR REPLACE TEMP TABLE judge_parts AS
SELECT l.m, l.host, l.layer,
  coalesce(d.state, 'insufficient') AS state,
  nullif(d.mechanism, '') AS mechanism,
  CASE WHEN d.locus = 'dns_locus' THEN l.dns_locus ELSE coalesce(d.locus, 'unknown') END AS locus,
  coalesce(d.evidence, 'none') AS evidence,
  l.rules,
  CASE WHEN d.state IN ('blocked', 'likely_blocked', 'impaired') THEN l.doubting
    WHEN d.state IN ('ok', 'down') THEN l.accusing END AS against
FROM (
  {" UNION ALL ".join(f"SELECT * FROM judge_layer_{name}" for name in LAYERS if name != "service")}
) l
LEFT JOIN {_decisions()} ON d.decided = l.decided
"""

_TOOL_TESTS = ", ".join(quoted(tool) for tool in TOOLS)
_SERVICE_TESTS = ", ".join(quoted(service.nettest) for service in SERVICES)

#: Services as wholes: their parts' states, and whether tools start.
SERVICE = f"""
CREATE OR REPLACE TEMP TABLE judge_service AS
WITH by_part AS (
  SELECT p.m, p.host,
    bool_or(p.state = 'blocked') AS blocked,
    bool_or(p.state = 'likely_blocked') AS likely,
    bool_or(p.state = 'down') AS down,
    bool_or(p.state = 'impaired' AND p.layer <> 'quic') AS impaired,
    bool_or(p.state = 'ok' AND p.layer IN ('tcp', 'tls', 'http')) AS ok,
    bool_or(p.rules LIKE '%.no_control%' AND p.layer <> 'dns') AS failing,
    bool_or(p.rules LIKE '%tls.own_root_not_known%') OR max(c.faulty) AS faulty
  FROM judge_parts p
  JOIN (SELECT m, host, CAST(faulty AS BOOLEAN) AS faulty, nettest FROM judge_context
        WHERE nettest IN ({_SERVICE_TESTS}) AND required) c ON c.m = p.m AND c.host = p.host
  GROUP BY p.m, p.host
),
services AS (
  SELECT m,
    count(*) FILTER (blocked AND NOT faulty) AS parts_blocked,
    count(*) FILTER (likely AND NOT blocked AND NOT faulty) AS parts_likely,
    count(*) FILTER (down AND NOT likely AND NOT blocked) AS parts_down,
    count(*) FILTER (impaired AND NOT likely AND NOT blocked AND NOT down) AS parts_impaired,
    count(*) FILTER (failing AND NOT likely AND NOT blocked AND NOT down) AS parts_failing,
    count(*) FILTER (ok AND NOT likely AND NOT blocked) AS parts_ok,
    count(*) FILTER (faulty) AS parts_faulty
  FROM by_part GROUP BY m
),
tools AS (
  SELECT s.m, bool_or(s.opened) AS tool_ok, bool_or(s.failed AND NOT s.opened) AS tool_failed,
    bool_or(coalesce(e.fine, false)) AS peers_fine, bool_or(coalesce(e.down, false)) AS peers_down,
    bool_or(n.sessions_bad >= 2 AND n.sessions_bad > 2 * n.sessions_ok) AS network_fails
  FROM judge_seen s
  LEFT JOIN judge_peers e ON e.unit = s.unit AND e.day = s.day AND e.network = s.network
  LEFT JOIN judge_by_network n ON n.unit = s.unit AND n.day = s.day AND n.network = s.network
  WHERE s.unit IN ({_TOOL_TESTS})
  GROUP BY s.m
)
SELECT m, CAST(NULL AS VARCHAR) AS host, parts_blocked, parts_likely, parts_down, parts_impaired, parts_failing,
  parts_ok, parts_faulty, false AS tool_ok, false AS tool_failed, false AS peers_fine, false AS peers_down,
  false AS network_fails
FROM services
UNION ALL
SELECT m, NULL, 0, 0, 0, 0, 0, 0, 0, tool_ok, tool_failed, peers_fine, peers_down, network_fails
FROM tools
"""

#: The service row takes its mechanisms and locus from the parts that it rests on.
SERVICE_PARTS = f"""
CREATE OR REPLACE TEMP TABLE judge_service_parts AS
SELECT l.m, l.host, l.layer, coalesce(d.state, 'insufficient') AS state, CAST(NULL AS VARCHAR) AS mechanism,
  coalesce(d.locus, 'unknown') AS locus, coalesce(d.evidence, 'none') AS evidence, l.rules,
  CASE WHEN d.state IN ('blocked', 'likely_blocked', 'impaired') THEN l.doubting
    WHEN d.state IN ('ok', 'down') THEN l.accusing END AS against
FROM judge_layer_service l
LEFT JOIN {_decisions()} ON d.decided = l.decided
"""

_KNOWN_FAULTS = " OR ".join(
    f"(w.nettest = {quoted(nettest)} AND {any_like('w.nettest_version', versions)} AND w.day >= DATE {quoted(since)})"
    for nettest, versions, since in KNOWN_FAULTS
)

#: Sessions that end in a run of measurements in which nothing worked, of at least three targets (trap J20).
OFFLINE = """
CREATE OR REPLACE TEMP TABLE judge_offline AS
WITH measured AS (
  SELECT session, m, max(target) AS target, max(time) AS time,
    bool_or(failure IS NULL AND (layer IN ('tcp', 'tls', 'http') OR (layer = 'dns' AND ip IS NOT NULL)
      OR (step = 'bootstrap_time' AND step_number > 0))) AS ok
  FROM judge_units
  WHERE time IS NOT NULL
  GROUP BY session, m
),
last AS (
  SELECT session, max(time) FILTER (ok) AS last_ok FROM measured GROUP BY session
)
SELECT l.session, l.last_ok
FROM last l JOIN measured d ON d.session = l.session AND d.time > l.last_ok AND NOT d.ok
WHERE l.last_ok IS NOT NULL
GROUP BY l.session, l.last_ok
HAVING count(DISTINCT d.target) >= 3
"""

#: Doubts about measurements themselves (traps J18, J20, J21, X4).
FLAGS = f"""
CREATE OR REPLACE TEMP TABLE judge_flags AS
WITH network AS (
  SELECT m,
    count(*) FILTER (tcp_ok OR tls_proved OR system_global OR udp_global OR encrypted_global) AS working,
    bool_or(faulty) AS faulty, bool_or(old_roots) AS old_roots
  FROM judge_context GROUP BY m
),
accused AS (
  SELECT m FROM judge_parts WHERE state IN ('blocked', 'likely_blocked') GROUP BY m
),
filters AS (
  SELECT m FROM judge_http WHERE local_filter GROUP BY m
),
clocks AS (
  SELECT m FROM judge_tls WHERE clock_wrong GROUP BY m
),
failures AS (
  SELECT m,
    count(*) FILTER (failure IS NULL AND layer IN ('tcp', 'tls', 'http')) AS fine,
    count(*) FILTER (failure IN ('network_down', 'network_unreachable', 'host_unreachable', 'generic_timeout_error',
      'dns_temporary_failure', 'dns_non_recoverable_failure', 'dns_nxdomain_error')) AS lost,
    count(*) FILTER (failure IN ('network_down', 'network_unreachable') AND ip NOT LIKE '%:%') AS no_network,
    count(*) FILTER (layer = 'dns' AND ip IS NOT NULL) AS answers,
    count(*) FILTER (failure = 'dns_temporary_failure') AS no_resolver
  FROM judge_units
  WHERE layer <> 'step'
  GROUP BY m
)
SELECT w.m, nullif(concat_ws(' ',
    CASE WHEN {_KNOWN_FAULTS} OR n.faulty
      OR (n.old_roots AND a.m IS NULL) THEN 'instrument' END,
    CASE WHEN l.m IS NOT NULL THEN 'local_filter' END,
    CASE WHEN k.m IS NOT NULL THEN 'clock_wrong' END,
    CASE WHEN f.fine = 0 AND ((w.helper_failure IN ('generic_timeout_error', 'network_down', 'network_unreachable',
          'host_unreachable', 'dns_nxdomain_error', 'dns_temporary_failure', 'dns_lookup_error') AND f.lost > 0)
        OR f.no_network > 0 OR (f.answers = 0 AND f.no_resolver >= 2) OR o.session IS NOT NULL)
      THEN 'probe_offline' END,
    CASE WHEN w.time_flag IS NOT NULL THEN 'time_' || w.time_flag END
  ), '') AS flags
FROM judge_who w
LEFT JOIN network n ON n.m = w.m
LEFT JOIN accused a ON a.m = w.m
LEFT JOIN filters l ON l.m = w.m
LEFT JOIN clocks k ON k.m = w.m
LEFT JOIN failures f ON f.m = w.m
LEFT JOIN judge_offline o ON o.session = w.session AND w.time > o.last_ok
"""

#: The whole: the strongest of its parts; what is wrong with the measurement itself comes first.
WHOLE = f"""
CREATE OR REPLACE TEMP TABLE judge_whole AS
WITH ranked AS (
  SELECT p.m, p.host, p.layer, p.state, p.mechanism, p.locus, p.evidence, p.rules, p.against,
    {_RANK} AS rank,
    CASE p.layer WHEN 'dns' THEN 1 WHEN 'tcp' THEN 2 WHEN 'tls' THEN 3 WHEN 'http' THEN 4 WHEN 'quic' THEN 5 ELSE 0
      END AS place,
    coalesce(c.depth, 0) AS depth, coalesce(c.first_obs, 0) AS first_obs
  FROM (SELECT * FROM judge_parts UNION ALL SELECT * FROM judge_service_parts) p
  LEFT JOIN judge_context c ON c.m = p.m AND c.host = p.host
),
redirected AS (
  -- The page at the end of a redirect to a block page is no second mechanism.
  SELECT m FROM judge_parts WHERE mechanism = 'http.redirect' GROUP BY m
),
opened AS (
  SELECT h.m FROM judge_http h
  JOIN judge_parts p ON p.m = h.m AND p.host = h.host AND p.layer = 'http' AND p.state = 'ok'
  WHERE h.is_last AND h.answered AND h.failure_kind IS NULL AND NOT h.ends_in_redirect
  GROUP BY h.m
),
summed AS (
  SELECT r.m,
    min(rank) AS rank,
    min(rank) FILTER (layer = 'service') AS service_rank,
    min(rank) FILTER (layer IN ('tls', 'http', 'service')) AS carried_rank,
    min(rank) FILTER (layer = 'http') AS http_rank,
    max(CASE WHEN o.m IS NOT NULL THEN 1 ELSE 0 END) AS opened,
    count(*) FILTER (mechanism LIKE '%throttle%') AS throttled
  FROM ranked r LEFT JOIN opened o ON o.m = r.m
  GROUP BY r.m
),
decided AS (
  SELECT m, opened,
    CASE WHEN service_rank IS NOT NULL THEN service_rank
      WHEN rank <= 2 THEN rank
      WHEN throttled > 0 THEN 3
      WHEN opened = 1 AND http_rank = 5 THEN 5
      WHEN rank <= 4 THEN rank
      WHEN rank = 5 AND carried_rank = 5 AND http_rank IS NULL THEN 5
      ELSE 6 END AS rank
  FROM summed
)
SELECT d.m, d.rank, d.opened,
  arg_min(r.host, r.depth * 100000000 + r.first_obs * 10 + r.place)
    FILTER (r.host IS NOT NULL AND (r.rank = d.rank OR (d.rank <= 2 AND r.rank <= 2))) AS host,
  arg_min(r.locus, (CASE WHEN r.locus = 'unknown' THEN 1 ELSE 0 END) * 1000000000000000
      + r.depth * 100000000 + r.first_obs * 10 + r.place)
    FILTER (r.rank = d.rank OR (d.rank <= 2 AND r.rank <= 2)) AS locus,
  min(CASE r.evidence WHEN 'artefact' THEN 1 WHEN 'control' THEN 2 WHEN 'peers' THEN 3 WHEN 'pattern' THEN 4 ELSE 5
    END) FILTER (r.rank = d.rank AND (r.layer <> 'service' OR d.rank > 2)) AS evidence,
  string_agg(DISTINCT r.mechanism, ' ' ORDER BY r.mechanism)
    FILTER (r.mechanism IS NOT NULL AND NOT (x.m IS NOT NULL AND r.mechanism = 'http.blockpage' AND r.depth > 0) AND ((d.rank <= 2 AND r.rank <= 2) OR (d.rank = 3 AND r.rank = 3)))
    AS mechanisms,
  string_agg(r.rules, ' ') AS rules,
  string_agg(r.against, ' ') FILTER (r.against IS NOT NULL AND (r.rank = d.rank OR (d.rank <= 2 AND r.rank <= 2)))
    AS against,
  string_agg(r.rules, ' ') FILTER (d.rank IN (4, 5) AND r.rank <= 2) AS accusations
FROM decided d
JOIN ranked r ON r.m = d.m
LEFT JOIN redirected x ON x.m = d.m
GROUP BY d.m, d.rank, d.opened
"""


def _service_name() -> str:
    nettests = " ".join(
        f"WHEN w.nettest = {quoted(service.nettest)} THEN {quoted(service.service)}" for service in SERVICES
    )
    hosts = " ".join(f"WHEN w.target LIKE {quoted(like)} THEN {quoted(name)}" for like, name in CATALOGUE)
    second = ", ".join(quoted(label) for label in SECOND_LEVEL)
    labels = "string_split(w.target, '.')"
    count = f"len({labels})"
    return (
        f"CASE {nettests} {hosts} "
        f"WHEN w.target NOT LIKE '%.%' OR w.target LIKE '%:%' OR w.target SIMILAR TO '[0-9.]+' THEN w.target "
        f"WHEN {count} > 2 AND {labels}[{count} - 1] IN ({second}) AND length({labels}[{count}]) = 2 THEN "
        f"{labels}[{count} - 2] || '.' || {labels}[{count} - 1] || '.' || {labels}[{count}] "
        f"ELSE {labels}[{count} - 1] || '.' || {labels}[{count}] END"
    )


#: A target has one service: found once for each, not for each measurement.
TARGETS = f"""
CREATE OR REPLACE TEMP TABLE judge_targets AS
SELECT w.nettest, w.target, {_service_name()} AS service
FROM (SELECT DISTINCT nettest, target FROM judge_who) w
"""


def _list(column: str) -> str:
    return f"CASE WHEN {column} IS NULL THEN CAST([] AS VARCHAR[]) ELSE list_sort(list_distinct(string_split({column}, ' '))) END"


def verdicts(rule_set: str, reference_set: str) -> str:
    """The query of the verdicts, with the columns of the schema."""
    return f"""
WITH parts AS (
  SELECT m, host, layer, state, mechanism AS mechanisms, locus, rules, evidence, against FROM judge_parts
  UNION ALL
  SELECT s.m, s.host, s.layer,
    CASE WHEN f.flags LIKE '%instrument%' AND s.state IN ('blocked', 'likely_blocked', 'impaired', 'down')
      THEN 'insufficient' ELSE s.state END,
    CASE WHEN s.state IN ('blocked', 'likely_blocked', 'impaired') THEN w.mechanisms END,
    coalesce(CASE WHEN s.state IN ('blocked', 'likely_blocked') THEN w.locus END, s.locus), s.rules, s.evidence, s.against
  FROM judge_service_parts s
  LEFT JOIN judge_whole w ON w.m = s.m
  LEFT JOIN judge_flags f ON f.m = s.m
  UNION ALL
  SELECT q.m, w.host, 'all',
    CASE WHEN w.rank IS NULL THEN 'insufficient'
      WHEN f.flags LIKE '%probe_offline%' THEN 'insufficient'
      WHEN f.flags LIKE '%instrument%' AND w.rank <= 4 THEN 'insufficient'
      WHEN f.flags LIKE '%clock_wrong%' AND w.rank <= 4 THEN 'insufficient'
      ELSE CASE w.rank WHEN 1 THEN 'blocked' WHEN 2 THEN 'likely_blocked' WHEN 3 THEN 'impaired'
        WHEN 4 THEN 'down' WHEN 5 THEN 'ok' ELSE 'insufficient' END END,
    CASE WHEN f.flags IS NULL OR f.flags NOT SIMILAR TO '.*(probe_offline|instrument|clock_wrong).*'
      THEN w.mechanisms END,
    coalesce(w.locus, 'unknown'), w.rules,
    CASE w.evidence WHEN 1 THEN 'artefact' WHEN 2 THEN 'control' WHEN 3 THEN 'peers' WHEN 4 THEN 'pattern'
      ELSE 'none' END,
    concat_ws(' ', w.against, w.accusations)
  FROM judge_who q
  LEFT JOIN judge_whole w ON w.m = q.m
  LEFT JOIN judge_flags f ON f.m = q.m
)
SELECT p.m AS measurement_id, p.host, p.layer, p.state,
  {_list("nullif(p.mechanisms, '')")} AS mechanisms,
  p.locus,
  {_list("nullif(p.rules, '')")} AS rules,
  p.evidence,
  {_list("nullif(p.against, '')")} AS against,
  {_list("f.flags")} AS flags,
  w.time, w.country, w.network, w.network_name, w.resolver_network, w.nettest, w.software, w.session, w.probe_id,
  w.input, w.target, t.service, w.received, w.file_id, w.line,
  {quoted(rule_set)} AS rule_set, {quoted(reference_set)} AS reference_set
FROM parts p
JOIN judge_who w ON w.m = p.m
JOIN judge_targets t ON t.nettest = w.nettest AND t.target = w.target
LEFT JOIN judge_flags f ON f.m = p.m
"""
