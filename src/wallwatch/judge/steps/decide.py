"""From features to verdicts: fired rules, the rule that decides each layer, the layer that decides the whole."""

from __future__ import annotations

from wallwatch._text import quoted
from wallwatch.judge.references import KNOWN_FAULTS
from wallwatch.judge.rules import LAYERS, RULES
from wallwatch.judge.services import CATALOGUE, SECOND_LEVEL, SERVICES
from wallwatch.judge.steps import bits
from wallwatch.judge.steps.words import any_like

#: From strongest to weakest, as in the words of the schema; the first that a part has is what the whole has,
#: except that a page that opened outweighs what is merely impaired or down beside it.
STATES = ("blocked", "likely_blocked", "impaired", "down", "ok", "insufficient")
KINDS = ("artefact", "control", "peers", "pattern", "none")
_PLACES = {"dns": 1, "tcp": 2, "tls": 3, "http": 4, "quic": 5, "part": 0, "service": 0}
_ACCUSING = [rule for rule in RULES if rule.accuses]
_DOUBTING = [rule for rule in RULES if rule.against]
_REDIRECT = 1 << bits.MECHANISMS.index("http.redirect")
_BLOCK_PAGE = 1 << bits.MECHANISMS.index("http.blockpage")
_THROTTLE = sum(1 << place for place, path in enumerate(bits.MECHANISMS) if "throttle" in path)


def _decisions() -> str:
    rows = ", ".join(
        f"({i}, {STATES.index(rule.state) + 1}, {1 << bits.MECHANISMS.index(rule.mechanism) if rule.mechanism else 0}, "
        f"{quoted(rule.locus)}, {KINDS.index(rule.evidence) + 1})"
        for i, rule in enumerate(RULES)
        if rule.state
    )
    return f"(VALUES {rows}) AS d(decided, rank, mechanisms, locus, evidence)"


def _layer(name: str) -> str:
    """A query over the features of a layer: the rules that fired, and the one that decides."""
    rules = [rule for rule in RULES if rule.layer == name]
    deciding = sorted((rule for rule in rules if rule.state), key=lambda rule: rule.priority)
    fired = ",\n    ".join(f"({rule.when}) AS r{RULES.index(rule)}" for rule in rules)  # null fires nothing
    decided = " ".join(f"WHEN r{RULES.index(rule)} THEN {RULES.index(rule)}" for rule in deciding)

    def word(number: int) -> str:
        parts = [
            f"CASE WHEN r{RULES.index(rule)} THEN {bit} ELSE 0 END"
            for rule in rules
            if (bit := bits.mask([rule], number))
        ]
        return f"CAST({' + '.join(parts) or '0'} AS BIGINT) AS rules_{number}"

    locus = "dns_locus" if name == "dns" else "CAST(NULL AS VARCHAR)"
    opened = (
        "coalesce(is_last AND (answered OR relayed) AND failure_kind IS NULL AND NOT ends_in_redirect, false)"
        if name == "http"
        else "false"
    )
    return f"""
SELECT m, u, {quoted(name)} AS layer, place + {_PLACES[name]} AS place, dns_locus, page_opened, local_filter, clock_wrong,
  CASE {decided} ELSE -1 END AS decided, {", ".join(word(number) for number in bits.WORDS)}
FROM (
  SELECT m, u, place, {locus} AS dns_locus, {opened} AS page_opened,
    {"local_filter" if name == "http" else "false"} AS local_filter,
    {"clock_wrong" if name == "tls" else "false"} AS clock_wrong,
    {fired}
  FROM judge_{name}
)"""


def _parts(query: str) -> str:
    """A query of layers with their states."""
    against = ", ".join(
        f"CASE WHEN d.rank <= 3 THEN l.rules_{word} & {bits.mask(_DOUBTING, word)} "
        f"WHEN d.rank <= 5 THEN l.rules_{word} & {bits.mask(_ACCUSING, word)} ELSE 0 END AS against_{word}"
        for word in bits.WORDS
    )
    return f"""
SELECT l.m, l.u, l.layer, l.place, coalesce(d.rank, 6) AS rank, coalesce(d.mechanisms, 0) AS mechanisms,
  CASE WHEN d.locus = 'dns_locus' THEN l.dns_locus ELSE coalesce(d.locus, 'unknown') END AS locus,
  coalesce(d.evidence, 5) AS evidence, coalesce(l.page_opened AND d.rank = 5, false) AS page_opened,
  coalesce(l.local_filter, false) AS local_filter, coalesce(l.clock_wrong, false) AS clock_wrong,
  {bits.columns("l.rules_{n}")}, {against}
FROM ({query}) l
LEFT JOIN {_decisions()} ON d.decided = l.decided"""


#: Layers of hosts with their states.
PARTS = "CREATE OR REPLACE TEMP TABLE judge_parts AS" + _parts(
    " UNION ALL ".join(_layer(name) for name in LAYERS if name not in ("part", "service"))
)

#: The rows of a service's parts, made of those of its hosts; then that of the service, made of theirs.
SERVICE_PARTS = "INSERT INTO judge_parts " + _parts(_layer("part"))
SERVICE_WHOLE = "INSERT INTO judge_parts " + _parts(_layer("service"))

_KNOWN_FAULTS = " OR ".join(
    f"(w.nettest = {quoted(nettest)} AND {any_like('w.nettest_version', versions)} AND w.day >= DATE {quoted(since)})"
    for nettest, versions, since in KNOWN_FAULTS
)

#: Doubts about measurements themselves (traps J18, J20, J21, X4).
FLAGS = f"""
CREATE OR REPLACE TEMP TABLE judge_flags AS
WITH instruments AS (
  SELECT m, bool_or(faulty) AS faulty, bool_or(old_roots) AS old_roots
  FROM (
    SELECT m, faulty, old_roots FROM judge_context WHERE faulty OR old_roots
    UNION ALL
    SELECT m, true, false FROM judge_part WHERE fails_in_version > 0 AND works = 0
  )
  GROUP BY m
),
accused AS (
  SELECT m, bool_or(rank <= 2 AND layer NOT IN ('part', 'service')) AS accused, bool_or(local_filter) AS local_filter,
    bool_or(clock_wrong) AS clock_wrong
  FROM judge_parts
  WHERE rank <= 4 OR local_filter OR clock_wrong OR {bits.holds(["tls.forged_for_one_session"], "rules_")}
  GROUP BY m
),
failures AS (
  SELECT m, sum(lost) AS lost, sum(no_network) AS no_network, sum(answers) AS answers, sum(no_resolver) AS no_resolver
  FROM judge_own
  GROUP BY m
  HAVING sum(fine) = 0 AND NOT bool_or(worked AND own_rows = 0)
),
-- What was seen in spite of the resolver's silence stands.
silent AS (
  SELECT m FROM judge_parts SEMI JOIN (
    SELECT m FROM judge_parts WHERE layer = 'dns' AND {bits.holds(["dns.resolver_answers_nobody"], "rules_")}
  ) USING (m)
  GROUP BY m HAVING min(rank) IN (3, 6) AND NOT bool_or(page_opened)
),
portals AS (
  SELECT DISTINCT w.m FROM judge_this w JOIN judge_portals p
    ON p.s = w.s OR (p.reaches_others AND p.network = w.network AND p.software = w.software AND p.nettest <> w.nettest
      AND w.time BETWEEN p.first AND p.last)
)
SELECT m, flags FROM (
  SELECT w.m, nullif(concat_ws(' ',
    CASE WHEN a.clock_wrong THEN 'clock_wrong' END,
    CASE WHEN {_KNOWN_FAULTS} OR coalesce(n.faulty, false)
      OR (coalesce(n.old_roots, false) AND NOT coalesce(a.accused, false)) THEN 'instrument' END,
    CASE WHEN a.local_filter THEN 'local_filter' END,
    CASE WHEN r.m IS NOT NULL AND a.m IS NOT NULL THEN 'captive_portal' END,
    CASE WHEN x.m IS NOT NULL THEN 'implausible' END,
    CASE WHEN h.country <> w.country THEN 'geolocation_doubtful' END,
    CASE WHEN f.m IS NOT NULL AND ((w.helper_failure IN ('generic_timeout_error', 'network_down',
          'network_unreachable', 'host_unreachable', 'dns_nxdomain_error', 'dns_temporary_failure', 'dns_lookup_error')
          AND f.lost > 0)
        OR f.no_network > 0 OR (f.answers = 0 AND f.no_resolver >= 2) OR (o.s IS NOT NULL AND NOT (s.m IS NOT NULL AND w.helped)))
      THEN 'probe_offline' END,
    CASE WHEN s.m IS NOT NULL THEN 'resolver_silent' END,
    CASE WHEN w.time_flag IS NOT NULL THEN 'time_' || w.time_flag END
  ), '') AS flags
  FROM judge_this w
  LEFT JOIN instruments n ON n.m = w.m
  LEFT JOIN accused a ON a.m = w.m
  LEFT JOIN failures f ON f.m = w.m
  LEFT JOIN judge_offline o ON o.s = w.s AND w.time >= o.last_ok
  LEFT JOIN portals r ON r.m = w.m
  LEFT JOIN silent s ON s.m = w.m
  LEFT JOIN judge_implausible x ON x.m = w.m
  LEFT JOIN judge_homes h ON h.network = w.network
)
WHERE flags IS NOT NULL
"""

_DECIDES = "(r.rank = d.rank OR (d.rank <= 2 AND r.rank <= 2))"

#: The whole: the strongest of its parts; what is wrong with the measurement itself comes first.
WHOLE = f"""
CREATE OR REPLACE TEMP TABLE judge_whole AS
WITH summed AS (
  SELECT m,
    min(rank) AS rank,
    min(rank) FILTER (layer = 'service') AS service_rank,
    min(rank) FILTER (layer IN ('tls', 'quic', 'http', 'service')) AS carried_rank,
    min(rank) FILTER (layer = 'http') AS http_rank,
    bool_or(page_opened) AS opened,
    -- The page at the end of a redirect to a block page is no second mechanism.
    bit_or(mechanisms) & {_THROTTLE} <> 0 AS throttled, bit_or(mechanisms) & {_REDIRECT} <> 0 AS redirected
  FROM judge_parts
  GROUP BY m
),
decided AS (
  SELECT m, redirected,
    CASE WHEN service_rank IS NOT NULL THEN service_rank
      WHEN rank <= 2 THEN rank
      WHEN throttled THEN 3
      WHEN opened AND http_rank = 5 THEN 5
      WHEN rank <= 4 THEN rank
      WHEN rank = 5 AND carried_rank = 5 AND http_rank IS NULL THEN 5
      ELSE 6 END AS rank
  FROM summed
)
SELECT d.m, any_value(d.rank) AS rank,
  arg_min(r.u, (r.place, r.u)) FILTER (r.u IS NOT NULL AND {_DECIDES}) AS u,
  arg_min(r.locus, (CASE WHEN r.locus = 'unknown' THEN 1 ELSE 0 END, r.place, r.locus)) FILTER ({_DECIDES}) AS locus,
  min(r.evidence) FILTER (r.rank = d.rank AND (r.layer <> 'service' OR d.rank > 2)) AS evidence,
  coalesce(bit_or(CASE WHEN d.redirected AND r.place >= 100000000 THEN r.mechanisms & ~{_BLOCK_PAGE}
      ELSE r.mechanisms END)
    FILTER ((d.rank <= 2 AND r.rank <= 2) OR (d.rank = 3 AND r.rank = 3)), 0) AS mechanisms,
  {bits.columns("bit_or(r.rules_{n}) AS rules_{n}")},
  {bits.columns(f"bit_or(CASE WHEN {_DECIDES} THEN r.against_{{n}} WHEN d.rank IN (4, 5) AND r.rank <= 2 THEN r.rules_{{n}} ELSE 0 END) AS against_{{n}}")}
FROM decided d
JOIN judge_parts r ON r.m = d.m
GROUP BY d.m
"""

#: Verdicts of a chunk; names and what else the measurement says of itself are joined at the end.
FOUND = f"""
CREATE OR REPLACE TEMP TABLE judge_found (
  m BIGINT, u BIGINT, layer VARCHAR, rank TINYINT, mechanisms BIGINT, locus VARCHAR, evidence TINYINT, flags VARCHAR,
  {bits.columns("rules_{n} BIGINT")}, {bits.columns("against_{n} BIGINT")}
)
"""

ADD = f"""
INSERT INTO judge_found
SELECT s.m, s.u, s.layer,
  CASE WHEN s.layer IN ('part', 'service') AND f.flags LIKE '%instrument%' AND s.rank <= 4 THEN 6 ELSE s.rank END,
  CASE WHEN s.layer <> 'service' THEN s.mechanisms WHEN s.rank <= 3 THEN w.mechanisms ELSE 0 END,
  CASE WHEN s.layer = 'service' AND s.rank <= 2 THEN coalesce(w.locus, s.locus) ELSE s.locus END,
  s.evidence, f.flags, {bits.columns("s.rules_{n}")}, {bits.columns("s.against_{n}")}
FROM judge_parts s
LEFT JOIN judge_whole w ON w.m = s.m
LEFT JOIN judge_flags f ON f.m = s.m
UNION ALL
SELECT q.m, w.u, 'all',
  CASE WHEN w.rank IS NULL OR f.flags LIKE '%probe_offline%' THEN 6
    WHEN (f.flags LIKE '%instrument%' OR f.flags LIKE '%clock_wrong%' OR f.flags LIKE '%captive_portal%'
      OR f.flags LIKE '%resolver_silent%') AND w.rank <= 4 THEN 6
    ELSE w.rank END,
  CASE WHEN f.flags LIKE '%probe_offline%' OR f.flags LIKE '%instrument%' OR f.flags LIKE '%clock_wrong%'
      OR f.flags LIKE '%captive_portal%' OR f.flags LIKE '%resolver_silent%' THEN 0
    ELSE coalesce(w.mechanisms, 0) END,
  CASE WHEN f.flags LIKE '%probe_offline%' OR f.flags LIKE '%captive_portal%' THEN 'unknown'
    WHEN f.flags LIKE '%resolver_silent%' THEN 'resolver'
    ELSE coalesce(w.locus, 'unknown') END,
  coalesce(w.evidence, 5), f.flags,
  {bits.columns("coalesce(w.rules_{n}, 0)")}, {bits.columns("coalesce(w.against_{n}, 0)")}
FROM judge_this q
LEFT JOIN judge_whole w ON w.m = q.m
LEFT JOIN judge_flags f ON f.m = q.m
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
FROM (SELECT DISTINCT nettest, target FROM judge_this) w
"""

#: The flags that occur, as lists.
FLAG_LISTS = """
CREATE OR REPLACE TEMP TABLE judge_flag_lists AS
SELECT flags, list_sort(string_split(flags, ' ')) AS names, row_number() OVER () AS id
FROM (SELECT DISTINCT flags FROM judge_found WHERE flags IS NOT NULL)
"""


def _same(row: str, names: str) -> str:
    return " AND ".join(f"{names}.w{word} = {row}_{word}" for word in bits.WORDS)


#: The columns of verdicts that are those of the measurement.
OF_MEASUREMENT = (
    "measurement_id time country network network_name resolver_network nettest software session probe_id input target "
    "received file_id line"
).split()

#: The measurements of a chunk, whose numbers follow one another in the order of their ids, with the name of their service.
MEASURED = f"""
SELECT w.m, {", ".join(f"w.{name}" for name in OF_MEASUREMENT)}, t.service
FROM judge_this w LEFT JOIN judge_targets t ON t.nettest = w.nettest AND t.target = w.target
ORDER BY w.m
"""

_LISTS = f"""
LEFT JOIN judge_mechanism_lists k ON k.mechanisms = p.mechanisms
LEFT JOIN judge_rule_lists r ON {_same("p.rules", "r")}
LEFT JOIN judge_rule_lists a ON {_same("p.against", "a")}
LEFT JOIN judge_flag_lists f ON f.flags = p.flags"""

#: The verdicts of a chunk in the order of their key (units are numbered in the order of their names), with numbers in
#: place of what is long and comes over and over.
IN_ORDER = f"""
SELECT p.m, i.unit AS host, p.layer, p.rank, p.locus, p.evidence, coalesce(k.id, 0) AS mechanisms,
  coalesce(r.id, 0) AS rules, coalesce(a.id, 0) AS against, coalesce(f.id, 0) AS flags
FROM judge_found p
LEFT JOIN judge_names i ON i.u = p.u{_LISTS}
ORDER BY p.m, p.layer, p.u NULLS FIRST
"""

#: The lists that those numbers stand for, from 1 on.
LISTS = {
    "mechanisms": "SELECT names FROM judge_mechanism_lists ORDER BY id",
    "rules": "SELECT names FROM judge_rule_lists ORDER BY id",
    "flags": "SELECT names FROM judge_flag_lists ORDER BY id",
}
