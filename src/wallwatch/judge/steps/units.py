"""What is judged at a time: measurements with numbers, and their rows by unit.

A unit is a host, or the pool of endpoints that a service test's row belongs to. Measurements, sessions and units
have numbers here: text is compared once, and put back into the verdicts at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wallwatch.judge.services import SERVICES, TOOLS
from wallwatch.judge.steps.words import (
    AGAIN,
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
    cases = ["WHEN nettest = 'web_connectivity' THEN host"]  # nearly all rows: settled first
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
#: Gives a query of the rows of a table (`measurements`, `observations`, `controls`) that the files from one id to
#: another hold: where tables are many files, only those have to be opened.
Source = Callable[[str, str, str], str]


def from_views(table: str, first: str, last: str) -> str:
    """A query of the rows of a table in the files from one id to another; see `Source`."""
    return f"SELECT * FROM {table} WHERE file_id BETWEEN {quoted(first)} AND {quoted(last)}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Measurements that are judged at a time: a stretch of the files in the order of their ids, and of their lines.

    Attributes:
        before: How many measurements come before it.
        first_file: The id of the first file.
        last_file: The id of the last file.
        first_line: The first line that belongs to it in its first file; null where that is wholly in it.
        last_line: The last line that a measurement of it begins on in its last file; null where that is wholly in it.
        rows_end: The last line that its observations and controls are on, since a measurement may go on after others.
    """

    before: int
    first_file: str
    last_file: str
    first_line: int | None = None
    last_line: int | None = None
    rows_end: int | None = None

    def measurements(self, source: Source) -> str:
        """A query of its measurements."""
        return self._query(source, "measurements", self.last_line)

    def rows(self, source: Source, table: str) -> str:
        """A query of its rows of a table, and maybe of some more: they are to be joined to its measurements."""
        return self._query(source, table, self.rows_end)

    def _query(self, source: Source, table: str, last_line: int | None) -> str:
        within = []
        if self.first_line is not None:
            within.append(f"(file_id <> {quoted(self.first_file)} OR line >= {self.first_line})")
        if last_line is not None:
            within.append(f"(file_id <> {quoted(self.last_file)} OR line <= {last_line})")
        query = f"({source(table, self.first_file, self.last_file)})"
        return f"(SELECT * FROM {query} WHERE {' AND '.join(within)})" if within else query


#: Sessions as numbers, for all chunks.
SESSIONS = """
CREATE OR REPLACE TEMP TABLE judge_sessions AS
SELECT session, row_number() OVER () AS s FROM (SELECT DISTINCT session FROM measurements)
"""

_OWN_UNITS = [tool for tool in TOOLS if tool.own_units]

#: Every unit and every part of a service once, numbered in the order of names, for all chunks; 0 stands for rows that
#: name none.
NAMES = f"""
CREATE OR REPLACE TEMP TABLE judge_names AS
SELECT row_number() OVER (ORDER BY unit) AS u, unit
FROM (
  SELECT DISTINCT {unit()} AS unit FROM observations WHERE layer <> 'step' OR nettest IN ({_TOOL_TESTS})
  UNION
  SELECT DISTINCT CASE {" ".join(f"WHEN nettest = {quoted(tool.nettest)} THEN {tool.part}" for tool in _OWN_UNITS)} END
  FROM observations WHERE nettest IN ({", ".join(quoted(tool.nettest) for tool in _OWN_UNITS)})
  UNION
  SELECT unit FROM (VALUES {", ".join(f"({quoted(part.name)})" for service in SERVICES for part in service.parts)}) AS parts(unit)
)
WHERE unit IS NOT NULL
"""


def pieces(rows_at_once: int) -> str:
    """A query of the files, or of lines of those files that hold more rows than that, each with its chunk."""
    return f"""
WITH files AS (
  SELECT file_id, count(*) AS measurements, sum(observations + controls) AS size
  FROM measurements GROUP BY file_id
),
pieces AS (
  SELECT file_id, CAST(NULL AS BIGINT) AS line, measurements, size FROM files WHERE size <= {int(rows_at_once)}
  UNION ALL
  SELECT m.file_id, m.line, count(*), sum(m.observations + m.controls)
  FROM measurements m JOIN files f ON f.file_id = m.file_id AND f.size > {int(rows_at_once)}
  GROUP BY m.file_id, m.line
),
placed AS (
  SELECT *, sum(size) OVER (ORDER BY file_id, line ROWS UNBOUNDED PRECEDING) - size AS rows_before FROM pieces
)
SELECT CAST(rows_before // {int(rows_at_once)} AS BIGINT) AS chunk, file_id, line, measurements FROM placed
"""


def chunks(rows_at_once: int) -> str:
    """A query of the chunks of about so many rows: the fields of `Chunk` but the last one.

    Files that are no larger than a chunk stay whole, so that each is read for one chunk only.
    """
    return f"""
WITH pieces AS ({pieces(rows_at_once)}),
found AS (
  SELECT chunk, sum(measurements) AS measurements, min(file_id) AS first_file, max(file_id) AS last_file,
    arg_min(line, (file_id, coalesce(line, 0))) FILTER (line IS NOT NULL) AS first_line,
    arg_max(line, (file_id, coalesce(line, 0))) FILTER (line IS NOT NULL) AS last_line,
    arg_min(file_id, (file_id, coalesce(line, 0))) FILTER (line IS NOT NULL) AS first_cut,
    arg_max(file_id, (file_id, coalesce(line, 0))) FILTER (line IS NOT NULL) AS last_cut
  FROM pieces GROUP BY chunk
)
SELECT CAST(sum(measurements) OVER (ORDER BY chunk ROWS UNBOUNDED PRECEDING) - measurements AS BIGINT),
  first_file, last_file, CASE WHEN first_cut = first_file THEN first_line END,
  CASE WHEN last_cut = last_file THEN last_line END
FROM found ORDER BY chunk
"""


def rows_end(chunk: Chunk, source: Source) -> str:
    """A query: the last line in the chunk's last file that a row of its measurements is on."""
    file = chunk.last_file
    first = chunk.first_line or 0 if chunk.first_file == file else 0
    rows = " UNION ALL ".join(
        f"SELECT measurement_id, line FROM ({source(table, file, file)})"
        for table in ("observations", "controls")
    )
    return f"""
SELECT max(line) FROM ({rows}) WHERE measurement_id IN (
  SELECT measurement_id FROM ({source("measurements", file, file)}) WHERE line BETWEEN {first} AND {chunk.last_line}
)
"""


_ENGINE = "coalesce(o.dns_engine, 'system')"
_STEP_OK = (
    "(o.step = 'success' AND o.step_value = 'true') OR (o.step = 'bootstrap_time' AND o.step_number > 0) OR "
    "(o.step = 'failure' AND o.failure IS NULL AND o.step_value = 'none')"
)


def this(chunk: Chunk, source: Source = from_views) -> str:
    """The measurements of one chunk, numbered."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_this AS
SELECT {chunk.before} + row_number() OVER (ORDER BY w.file_id, w.line, w.measurement_id) AS m, w.measurement_id, s.s,
  CAST(w.time AT TIME ZONE 'UTC' AS DATE) AS day, CAST(floor(epoch(w.time) / 3600) AS BIGINT) AS hour, w.time, w.time_flag,
  w.country, w.network, w.network_name, w.resolver_network, w.resolver_kind, w.nettest, w.nettest_version, w.software,
  w.session, w.probe_id, w.input, w.target, w.received, w.helper_failure,
  w.controls > 0 AND w.helper_failure IS NULL AS helped, w.file_id, w.line
FROM {chunk.measurements(source)} w JOIN judge_sessions s ON s.session = w.session
"""


#: Columns of observations that only the judging of a chunk reads, by what stands for them before.
_LATER = {
    "failure_text": "VARCHAR",
    "tls_not_before": "TIMESTAMPTZ",
    "tls_not_after": "TIMESTAMPTZ",
    "read_count": "BIGINT",
    "http_title": "VARCHAR",
    "http_server": "VARCHAR",
    "http_header_names": "VARCHAR",
    "dns_fingerprint": "VARCHAR[]",
}


def read(chunk: Chunk, source: Source = from_views, *, looking: bool = False) -> str:
    """The rows of one chunk, each part opened once.

    Args:
        chunk: Which.
        source: Where rows are read from.
        looking: Whether only what is gathered for all chunks is read.
    """

    def later(column: str) -> str:
        return f"CAST(NULL AS {_LATER[column]}) AS {column}" if looking else f"o.{column}"

    return f"""
CREATE OR REPLACE TEMP TABLE judge_rows AS
SELECT w.m, n.u, o.obs, o.layer, o.depth, o.ip, o.port,
  o.unit IN ({_POOLS}) OR o.nettest IN ({_TOOL_TESTS}) AS any_port, o.ip_network, o.failure,
  o.layer <> 'step' OR o.nettest IN ({_TOOL_TESTS}) AS counts,
  CASE o.layer
    WHEN 'dns' THEN CASE WHEN o.ip IS NULL THEN 0
      WHEN {_ENGINE} = 'system' THEN {SYSTEM}
      WHEN o.dns_engine IN ('doh', 'dot') THEN {ENCRYPTED}
      WHEN o.dns_engine IN ('udp', 'tcp') THEN {PLAIN} WHEN o.dns_engine = 'udp_again' THEN {AGAIN} ELSE 0 END
    WHEN 'tls' THEN CASE
      WHEN o.failure IS NULL AND NOT coalesce(o.tls_no_verify, false) THEN {PROVED}
      WHEN o.failure IN ('ssl_unknown_authority', 'ssl_invalid_hostname') THEN {REFUTED} ELSE 0 END
    WHEN 'tcp' THEN CASE WHEN o.failure IS NULL THEN {REACHED} ELSE 0 END
    WHEN 'http' THEN CASE WHEN o.failure IS NULL THEN {REACHED} ELSE 0 END
    ELSE 0 END + CASE WHEN {bogon("o")} THEN {IS_BOGON} ELSE 0 END
    AS known,
  CASE WHEN o.layer <> 'dns' THEN NULL WHEN {_ENGINE} = 'system' THEN {SYSTEM}
    WHEN o.dns_engine IN ('doh', 'dot') THEN {ENCRYPTED} WHEN o.dns_engine IN ('udp', 'tcp') THEN {PLAIN}
    WHEN o.dns_engine = 'udp_again' THEN {AGAIN} END AS asked,
  CASE WHEN (o.layer = 'dns' AND o.dns_engine = 'udp' AND o.ip IS NOT NULL) OR (o.layer = 'tcp' AND o.failure IS NULL)
    THEN o.duration_seconds END AS seconds,
  o.layer = 'dns' AND coalesce(o.dns_query_type = 'AAAA', false) AS asked_6,
  CASE o.layer WHEN 'http' THEN o.failure IS NULL AND o.http_fingerprint IS NULL
    WHEN 'step' THEN coalesce({_STEP_OK}, false) ELSE false END AS opened,
  CASE o.layer WHEN 'step' THEN coalesce(o.step = 'success' AND o.step_value = 'false', false) OR o.failure IS NOT NULL
    WHEN 'tcp' THEN o.failure IS NOT NULL AND NOT coalesce(o.ip LIKE '%:%' AND o.failure IN {NO_ROUTE}, false)
    WHEN 'dns' THEN o.failure IS NOT NULL AND NOT coalesce(o.dns_query_type = 'AAAA', false)
    ELSE o.failure IS NOT NULL END AS failed,
  o.layer = 'step' AND coalesce(o.failure IS NULL AND o.step = 'bootstrap_time' AND o.step_number > 0, false) AS started,
  {_ENGINE} = 'system' AS system, coalesce(o.tls_no_verify, false) AS no_verify, o.tls_certificate_sha256, o.tls_issuer,
  {later("tls_not_before")}, {later("tls_not_after")}, o.tls_self_signed, o.tls_matches_name,
  {later("read_count")}, o.duration_seconds, {later("failure_text")}, o.http_url, o.http_status, o.http_body_length,
  o.http_body_sha256, {later("http_title")}, o.http_location, {later("http_server")}, {later("http_header_names")},
  {later("dns_fingerprint")}, o.http_fingerprint, o.step, o.step_value, o.step_number, o.step_target, o.tls_ech,
  CASE WHEN o.nettest <> 'web_connectivity' THEN o.host END AS host,
  CASE WHEN o.nettest <> 'web_connectivity' THEN o.unit END AS unit
FROM (SELECT *, {unit()} AS unit FROM {chunk.rows(source, "observations")}) o
JOIN judge_this w ON w.measurement_id = o.measurement_id
LEFT JOIN judge_names n ON n.unit = o.unit
"""


#: The same by what they are: what every layer has, then what only TLS and HTTP have. Nothing is computed that the steps
#: do not ask for.
VIEWS: tuple[str, ...] = (
    """
CREATE OR REPLACE TEMP VIEW judge_units AS
SELECT m, coalesce(u, 0) AS u, obs, layer, depth, ip, CASE WHEN any_port THEN NULL ELSE port END AS port, ip_network,
  failure, known, asked, seconds, asked_6, opened, failed, started
FROM judge_rows WHERE counts
""",
    """
CREATE OR REPLACE TEMP VIEW judge_tls_units AS
SELECT m, u, ip, port, failure, no_verify, tls_certificate_sha256, tls_issuer, tls_not_before, tls_not_after,
  coalesce(tls_self_signed, false) AS self_signed, coalesce(tls_matches_name, false) AS matches_name,
  coalesce(NOT tls_matches_name, false) AS other_name, read_count,
  duration_seconds
FROM judge_rows WHERE layer = 'tls' AND u IS NOT NULL
""",
    """
CREATE OR REPLACE TEMP VIEW judge_http_units AS
SELECT m, u, obs, coalesce(depth, 0) AS depth, ip, port, failure, failure_text, http_url, http_status, http_body_length,
  http_body_sha256, http_title, http_location, http_server, http_header_names, duration_seconds,
  coalesce(http_url LIKE 'https:%', false) AS encrypted, coalesce(http_url LIKE 'http:%', false) AS clear,
  CASE WHEN http_url LIKE 'http:%' AND http_location LIKE 'http:%' THEN
    lower(split_part(split_part(split_part(split_part(http_location, '://', 2), '/', 1), '?', 1), ':', 1)) END AS landing
FROM judge_rows WHERE layer = 'http'
""",
)

FINGERPRINTS = """
CREATE OR REPLACE TEMP TABLE judge_fingerprints AS
SELECT o.m, o.u, o.obs, o.layer, w.country, o.system,
  unnest(CASE o.layer WHEN 'dns' THEN o.dns_fingerprint ELSE o.http_fingerprint END) AS hit
FROM judge_rows o JOIN judge_this w ON w.m = o.m
WHERE (o.dns_fingerprint IS NOT NULL OR o.http_fingerprint IS NOT NULL) AND o.layer IN ('dns', 'http')
  AND o.u IS NOT NULL
"""


def controls(chunk: Chunk, source: Source = from_views) -> str:
    """What test helpers saw, without the controls of helpers that failed."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_controls AS
SELECT w.m, n.u, c.layer, c.ip, c.port, c.ip_network, c.failure, c.http_status, c.http_body_length, c.http_title,
  c.http_header_names, coalesce(c.http_alpn, '') = 'h3' AS h3, {bogon("c")} AS bogon,
  CASE WHEN c.layer = 'dns' THEN {CONTROL} + CASE WHEN {bogon("c")} THEN {IS_BOGON} ELSE 0 END
    WHEN c.layer = 'tls' AND c.failure IS NULL THEN {HELPER_PROVED}
    WHEN c.layer IN ('tcp', 'tls') AND c.failure IS NOT NULL THEN {HELPER_FAILED}
    ELSE 0 END AS known
FROM {chunk.rows(source, "controls")} c
JOIN judge_this w ON w.measurement_id = c.measurement_id AND w.helper_failure IS NULL
LEFT JOIN judge_names n ON n.unit = c.host
"""
