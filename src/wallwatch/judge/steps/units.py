"""What is judged at a time: measurements with numbers, and their rows by unit.

A unit is a host, or the pool of endpoints that a service test's row belongs to. Measurements, sessions and units
have numbers here: text is compared once, and put back into the verdicts at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

from wallwatch.judge.services import SERVICES, TOOLS
from wallwatch.judge.steps.words import (
    CONTROL,
    ENCRYPTED,
    HELPER_FAILED,
    HELPER_PROVED,
    IS_BOGON,
    NO_ROUTE,
    PLAIN,
    PROVED,
    REACHED,
    REFUTED,
    SYSTEM,
    any_like,
    bogon,
    quoted,
)

_TOOL_TESTS = ", ".join(quoted(tool.nettest) for tool in TOOLS if not tool.own_units)


def unit() -> str:
    """An SQL expression over a row of observations: the unit that it belongs to."""
    cases = []
    for service in SERVICES:
        for pool in service.pools:
            tests = []
            if pool.addresses:
                tests.append(
                    "host IS NULL OR host = ip OR host NOT SIMILAR TO '.*[a-z].*' OR host LIKE '%:%'"
                )
            if pool.hosts:
                tests.append(any_like("host", pool.hosts))
            cases.append(
                f"WHEN nettest = {quoted(service.nettest)} AND ({' OR '.join(tests)}) THEN {quoted(pool.name)}"
            )
    cases += [
        f"WHEN nettest = {quoted(tool.nettest)} THEN "
        f"coalesce({tool.part}, CASE WHEN starts_with(host, nettest || '.') THEN host END, nettest)"
        for tool in TOOLS
        if not tool.own_units
    ]
    return "CASE " + " ".join(cases) + " ELSE host END"


#: Redundant endpoints: whichever answers, on whatever port.
_POOLS = ", ".join(quoted(pool.name) for service in SERVICES for pool in service.pools)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Measurements that are judged at a time: a stretch of the files in the order of their ids, and of their lines.

    Attributes:
        number: Which one.
        first_file: The id of the file of the first.
        first_line: Its line.
        last_file: The id of the file of the last.
        last_line: Its line.
    """

    number: int
    first_file: str
    first_line: int
    last_file: str
    last_line: int

    def within(self, row: str) -> str:
        """A predicate over the rows of an alias; whole files are skipped by it."""
        first, last = quoted(self.first_file), quoted(self.last_file)
        return (
            f"{row}.file_id BETWEEN {first} AND {last} "
            f"AND ({row}.file_id > {first} OR {row}.line >= {int(self.first_line)}) "
            f"AND ({row}.file_id < {last} OR {row}.line <= {int(self.last_line)})"
        )


def who(rows_at_once: int) -> str:
    """All measurements, numbered, and in which chunk of about so many rows each is judged.

    Files that are no larger than a chunk stay whole, so that each is read for one chunk only.
    """
    order = "ORDER BY file_id, line, measurement_id"
    return f"""
CREATE OR REPLACE TEMP TABLE judge_who AS
WITH sessions AS (
  SELECT session, row_number() OVER () AS s FROM (SELECT DISTINCT session FROM measurements)
),
numbered AS (
  SELECT measurement_id, time, time_flag, country, network, network_name, resolver_network, resolver_kind, nettest,
    nettest_version, software, session, probe_id, input, target, received, helper_failure, file_id, line,
    row_number() OVER ({order}) AS m,
    sum(observations + controls) OVER (PARTITION BY file_id) AS file_rows,
    sum(observations + controls) OVER ({order} ROWS UNBOUNDED PRECEDING) - observations - controls AS rows_before
  FROM measurements
),
placed AS (
  SELECT *, CASE WHEN file_rows > {int(rows_at_once)} THEN rows_before
    ELSE min(rows_before) OVER (PARTITION BY file_id) END AS begin
  FROM numbered
)
SELECT n.* EXCLUDE (rows_before, file_rows, begin), CAST(begin // {int(rows_at_once)} AS BIGINT) AS chunk, s.s,
  CAST(time AT TIME ZONE 'UTC' AS DATE) AS day, CAST(floor(epoch(time) / 3600) AS BIGINT) AS hour
FROM placed n JOIN sessions s ON s.session = n.session
"""


#: The chunks, in order.
CHUNKS = """
SELECT chunk, arg_min(file_id, m), arg_min(line, m), arg_max(file_id, m), arg_max(line, m)
FROM judge_who GROUP BY chunk ORDER BY chunk
"""

#: Every unit once, for all chunks; 0 stands for rows that name none.
NAMES = "CREATE OR REPLACE TEMP TABLE judge_names (u BIGINT, unit VARCHAR)"

_ENGINE = "coalesce(o.dns_engine, 'system')"
_STEP_OK = (
    "(o.step = 'success' AND o.step_value = 'true') OR (o.step = 'bootstrap_time' AND o.step_number > 0) OR "
    "(o.step = 'failure' AND o.failure IS NULL AND o.step_value = 'none')"
)


def this(chunk: Chunk) -> str:
    """The measurements of one chunk."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_this AS
SELECT m, measurement_id, s, day, hour, time, time_flag, country, network, resolver_network, resolver_kind, nettest,
  nettest_version, software, target, received, helper_failure
FROM judge_who WHERE chunk = {chunk.number}
"""


def names(chunk: Chunk) -> str:
    """Adds the units of one chunk that none before it had."""
    own = unit()
    return f"""
INSERT INTO judge_names
SELECT (SELECT count(*) FROM judge_names) + row_number() OVER (), unit
FROM (
  SELECT DISTINCT {own} AS unit FROM observations o
  WHERE {chunk.within("o")} AND (layer <> 'step' OR nettest IN ({_TOOL_TESTS}))
) new
WHERE unit IS NOT NULL AND NOT EXISTS (SELECT 1 FROM judge_names n WHERE n.unit = new.unit)
"""


def read(chunk: Chunk) -> tuple[str, ...]:
    """The rows of one chunk: what every layer has, then what only TLS and HTTP have."""
    own = unit()
    named = (
        "(SELECT measurement_id, file_id, line, obs, layer, nettest, depth, host, ip, port, ip_network, ip_kind, "
        f"failure, failure_text, {own} AS unit, dns_engine, dns_query_type, tls_no_verify, http_fingerprint, step, "
        "step_value, step_number, tls_certificate_sha256, tls_issuer, tls_not_before, tls_not_after, "
        "tls_self_signed, tls_matches_name, read_count, duration_seconds, http_url, http_status, http_body_length, "
        "http_body_sha256, http_title, http_location, http_server, http_header_names FROM observations)"
    )
    joined = (
        f"FROM {named} o JOIN judge_this w ON w.measurement_id = o.measurement_id "
        "LEFT JOIN judge_names n ON n.unit = o.unit"
    )
    return (
        f"""
CREATE OR REPLACE TEMP TABLE judge_units AS
SELECT w.m, coalesce(n.u, 0) AS u, o.obs, o.layer, o.depth, o.ip,
  CASE WHEN o.unit IN ({_POOLS}) OR o.nettest IN ({_TOOL_TESTS}) THEN NULL ELSE o.port END AS port, o.ip_network, o.failure,
  CASE o.layer
    WHEN 'dns' THEN CASE WHEN o.ip IS NULL THEN 0
      WHEN {_ENGINE} = 'system' THEN {SYSTEM}
      WHEN o.dns_engine IN ('doh', 'dot') THEN {ENCRYPTED}
      WHEN o.dns_engine IN ('udp', 'tcp') THEN {PLAIN} ELSE 0 END
    WHEN 'tls' THEN CASE
      WHEN o.failure IS NULL AND NOT coalesce(o.tls_no_verify, false) THEN {PROVED}
      WHEN o.failure IN ('ssl_unknown_authority', 'ssl_invalid_hostname') THEN {REFUTED} ELSE 0 END
    WHEN 'tcp' THEN CASE WHEN o.failure IS NULL THEN {REACHED} ELSE 0 END
    WHEN 'http' THEN CASE WHEN o.failure IS NULL THEN {REACHED} ELSE 0 END
    ELSE 0 END + CASE WHEN {bogon("o")} THEN {IS_BOGON} ELSE 0 END
    AS known,
  CASE WHEN o.layer <> 'dns' THEN NULL WHEN {_ENGINE} = 'system' THEN {SYSTEM}
    WHEN o.dns_engine IN ('doh', 'dot') THEN {ENCRYPTED} WHEN o.dns_engine IN ('udp', 'tcp') THEN {PLAIN} END AS asked,
  o.layer = 'dns' AND coalesce(o.dns_query_type = 'AAAA', false) AS asked_6,
  CASE o.layer WHEN 'http' THEN o.failure IS NULL AND o.http_fingerprint IS NULL
    WHEN 'step' THEN coalesce({_STEP_OK}, false) ELSE false END AS opened,
  CASE o.layer WHEN 'step' THEN coalesce(o.step = 'success' AND o.step_value = 'false', false) OR o.failure IS NOT NULL
    WHEN 'tcp' THEN o.failure IS NOT NULL AND NOT coalesce(o.ip LIKE '%:%' AND o.failure IN {NO_ROUTE}, false)
    WHEN 'dns' THEN o.failure IS NOT NULL AND NOT coalesce(o.dns_query_type = 'AAAA', false)
    ELSE o.failure IS NOT NULL END AS failed,
  o.layer = 'step' AND coalesce(o.failure IS NULL AND o.step = 'bootstrap_time' AND o.step_number > 0, false) AS started
{joined}
WHERE {chunk.within("o")} AND (o.layer <> 'step' OR o.nettest IN ({_TOOL_TESTS}))
""",
        f"""
CREATE OR REPLACE TEMP TABLE judge_tls_units AS
SELECT w.m, n.u, o.ip, o.port, o.failure, coalesce(o.tls_no_verify, false) AS no_verify, o.tls_certificate_sha256,
  o.tls_issuer, o.tls_not_before, o.tls_not_after, coalesce(o.tls_self_signed, false) AS self_signed,
  coalesce(o.tls_matches_name, false) AS matches_name, o.read_count, o.duration_seconds
{joined}
WHERE o.layer = 'tls' AND n.u IS NOT NULL AND {chunk.within("o")}
""",
        f"""
CREATE OR REPLACE TEMP TABLE judge_http_units AS
SELECT w.m, n.u, o.obs, coalesce(o.depth, 0) AS depth, o.ip, o.port, o.failure, o.failure_text, o.http_url,
  o.http_status, o.http_body_length, o.http_body_sha256, o.http_title, o.http_location, o.http_server,
  o.http_header_names,
  coalesce(o.http_url LIKE 'https:%', false) AS encrypted, coalesce(o.http_url LIKE 'http:%', false) AS clear,
  CASE WHEN o.http_url LIKE 'http:%' AND o.http_location LIKE 'http:%' THEN
    lower(split_part(split_part(split_part(split_part(o.http_location, '://', 2), '/', 1), '?', 1), ':', 1)) END
    AS landing
{joined}
WHERE o.layer = 'http' AND {chunk.within("o")}
""",
        f"""
CREATE OR REPLACE TEMP TABLE judge_fingerprints AS
SELECT w.m, n.u, o.obs, o.layer, w.country, {_ENGINE} = 'system' AS system,
  unnest(CASE o.layer WHEN 'dns' THEN o.dns_fingerprint ELSE o.http_fingerprint END) AS hit
FROM (SELECT *, {own} AS unit FROM observations) o
JOIN judge_this w ON w.measurement_id = o.measurement_id
JOIN judge_names n ON n.unit = o.unit
WHERE (o.dns_fingerprint IS NOT NULL OR o.http_fingerprint IS NOT NULL) AND o.layer IN ('dns', 'http')
  AND {chunk.within("o")}
""",
    )


def controls(chunk: Chunk) -> str:
    """What test helpers saw, without the controls of helpers that failed."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_controls AS
SELECT w.m, n.u, c.layer, c.ip, c.port, c.ip_network, c.failure, c.http_status, c.http_body_length, c.http_title,
  c.http_header_names, coalesce(c.http_alpn, '') = 'h3' AS h3, {bogon("c")} AS bogon,
  CASE WHEN c.layer = 'dns' THEN {CONTROL} + CASE WHEN {bogon("c")} THEN {IS_BOGON} ELSE 0 END
    WHEN c.layer = 'tls' AND c.failure IS NULL THEN {HELPER_PROVED}
    WHEN c.layer IN ('tcp', 'tls') AND c.failure IS NOT NULL THEN {HELPER_FAILED}
    ELSE 0 END AS known
FROM controls c
JOIN judge_this w ON w.measurement_id = c.measurement_id AND w.helper_failure IS NULL
LEFT JOIN judge_names n ON n.unit = c.host
WHERE {chunk.within("c")}
"""
