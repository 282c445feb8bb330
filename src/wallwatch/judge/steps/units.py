"""What is judged at a time: measurements with numbers, and their rows by unit.

A unit is a host, or the pool of endpoints that a service test's row belongs to. Measurements, sessions and units
have numbers here: text is compared once, and put back into the verdicts at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from wallwatch._text import quoted
from wallwatch.judge.services import MIDDLEBOX_TESTS, SERVICES, TOOLS
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
    servers_behind,
)

_TOOL_TESTS = ", ".join(quoted(tool.nettest) for tool in TOOLS if not tool.own_units)


def _tests(*nettests: str) -> str:
    return f"w.nettest IN ({', '.join(quoted(nettest) for nettest in nettests)})"


#: Rows of a service's test that say something of its endpoints or of who answers for its names; all rows of others.
_OF_TESTS = " OR ".join(
    (
        _tests(*(tool.nettest for tool in TOOLS), *(nettest for nettest, _, _ in MIDDLEBOX_TESTS)),
        f"(o.layer = 'tcp' AND {_tests(*(service.nettest for service in SERVICES if service.pools))})",
        f"(o.layer = 'dns' AND {_tests(*(service.nettest for service in SERVICES if service.own_networks))})",
    )
)


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
#: Gives a query of the rows of a table (`measurements`, `observations`, `controls`) that some parts of it hold, all where
#: none is named; of these only what is of files from one id to another, where they are given. Where tables are many
#: files, only those have to be opened.
Source = Callable[[str, Sequence[str], str | None, str | None], str]


def from_views(table: str, parts: Sequence[str], first: str | None, last: str | None) -> str:
    """A query of the rows of a table that has no parts, in the files from one id to another; see `Source`."""
    if first is None or last is None:
        return f"SELECT * FROM {table}"
    return f"SELECT * FROM {table} WHERE file_id BETWEEN {quoted(first)} AND {quoted(last)}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Measurements that are judged at a time: some parts, or a stretch of their files in the order of their ids, and of lines.

    Attributes:
        before: How many measurements come before it.
        parts: The parts of the tables that its rows are in; see `Source`.
        first_file: The id of the first file; null where it is all files of these parts.
        last_file: The id of the last file, likewise.
        first_line: The first line that belongs to it in its first file; null where that is wholly in it.
        last_line: The last line that a measurement of it begins on in its last file; null where that is wholly in it.
        rows_end: The last line that its observations and controls are on, since a measurement may go on after others.
    """

    before: int
    parts: tuple[str, ...] = ()
    first_file: str | None = None
    last_file: str | None = None
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
            within.append(f"(file_id <> {quoted(self.first_file or '')} OR line >= {self.first_line})")
        if last_line is not None:
            within.append(f"(file_id <> {quoted(self.last_file or '')} OR line <= {last_line})")
        query = f"({source(table, self.parts, self.first_file, self.last_file)})"
        return f"(SELECT * FROM {query} WHERE {' AND '.join(within)})" if within else query


#: Sessions as numbers, which are the same in every run and process: 63 bits of a hash.
LASTING_NUMBER = "CAST(hash(session) >> 1 AS BIGINT)"

#: What measurements are told apart by, where they are judged day by day: the day of each file. Names of units that are
#: in kept rows alone.
DAYS = (
    "CREATE OR REPLACE TEMP TABLE judge_files (file_id VARCHAR, g BIGINT)",
    "CREATE OR REPLACE TEMP TABLE judge_kept_names (unit VARCHAR)",
)

#: Addresses of gateways, each with the server's that is reached through it, for all chunks.
GATEWAYS = f"""
CREATE OR REPLACE TEMP TABLE judge_gateways AS
{servers_behind("SELECT DISTINCT ip FROM observations")}
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
  UNION
  SELECT unit FROM judge_kept_names
)
WHERE unit IS NOT NULL
"""


def pieces(rows_at_once: int, measurements: str = "measurements") -> str:
    """A query of the files, or of lines of those files that hold more rows than that, each with its chunk."""
    return f"""
WITH files AS (
  SELECT file_id, count(*) AS measurements, sum(observations + controls) AS size
  FROM {measurements} GROUP BY file_id
),
pieces AS (
  SELECT file_id, CAST(NULL AS BIGINT) AS line, measurements, size FROM files WHERE size <= {int(rows_at_once)}
  UNION ALL
  SELECT m.file_id, m.line, count(*), sum(m.observations + m.controls)
  FROM {measurements} m JOIN files f ON f.file_id = m.file_id AND f.size > {int(rows_at_once)}
  GROUP BY m.file_id, m.line
),
placed AS (
  SELECT *, sum(size) OVER (ORDER BY file_id, line ROWS UNBOUNDED PRECEDING) - size AS rows_before FROM pieces
)
SELECT CAST(rows_before // {int(rows_at_once)} AS BIGINT) AS chunk, file_id, line, measurements FROM placed
"""


def chunks(rows_at_once: int, measurements: str = "measurements") -> str:
    """A query of the chunks of about so many rows: the fields of `Chunk` but its parts and the last one.

    Files that are no larger than a chunk stay whole, so that each is read for one chunk only.

    Args:
        rows_at_once: Of observations and controls.
        measurements: What is cut: a table, or a query in brackets.
    """
    return f"""
WITH pieces AS ({pieces(rows_at_once, measurements)}),
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
    file = chunk.last_file or ""
    first = chunk.first_line or 0 if chunk.first_file == file else 0
    rows = " UNION ALL ".join(
        f"SELECT measurement_id, line FROM ({source(table, chunk.parts, file, file)})"
        for table in ("observations", "controls")
    )
    return f"""
SELECT max(line) FROM ({rows}) WHERE measurement_id IN (
  SELECT measurement_id FROM ({source("measurements", chunk.parts, file, file)}) WHERE line BETWEEN {first} AND {chunk.last_line}
)
"""


def this(chunk: Chunk, source: Source = from_views) -> str:
    """The measurements of one chunk, numbered."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_this AS
SELECT {chunk.before} + row_number() OVER (ORDER BY w.measurement_id, w.file_id, w.line) AS m, w.measurement_id, {LASTING_NUMBER} AS s,
  DATE '1970-01-01' + CAST(floor(epoch(w.time) / 86400) AS INTEGER) AS day,
  CAST(floor(epoch(w.time) / 3600) AS BIGINT) AS hour, w.time, w.time_flag,
  w.country, w.network, w.network_name, w.resolver_network, w.resolver_kind, w.nettest, w.nettest_version, w.software,
  w.session, w.probe_id, w.input, w.target, w.received, w.helper_failure,
  w.controls > 0 AND w.helper_failure IS NULL AS helped, w.nettest IN ({_TOOL_TESTS}) AS tool, w.file_id, w.line, f.g
FROM {chunk.measurements(source)} w
LEFT JOIN judge_files f ON f.file_id = w.file_id
"""


def _rows(chunk: Chunk, source: Source, which: str, of: str = "judge_this") -> str:
    """Rows `r` of a chunk, each with the number of its measurement and the name of its unit.

    Args:
        chunk: Which.
        source: Where rows are read from.
        which: SQL predicate over a row `o` of observations and its measurement `w`.
        of: The measurements; a table or a query in parentheses.
    """
    return f"""(
  SELECT *, {unit()} AS unit
  FROM (
    SELECT w.m, w.nettest, w.target, w.tool, o.* EXCLUDE (nettest, target), b.server
    FROM {chunk.rows(source, "observations")} o JOIN {of} w ON w.measurement_id = o.measurement_id
    LEFT JOIN judge_gateways b ON b.ip = o.ip
    WHERE {which}
  )
) r"""


_ENGINE = "coalesce(r.dns_engine, 'system')"
_ASKED = f"""CASE WHEN {_ENGINE} = 'system' THEN {SYSTEM} WHEN r.dns_engine = 'doh' OR r.dns_engine = 'dot' THEN {ENCRYPTED}
      WHEN r.dns_engine = 'udp' OR r.dns_engine = 'tcp' THEN {PLAIN} WHEN r.dns_engine = 'udp_again' THEN {AGAIN} ELSE 0 END"""
_STEP_OK = (
    "(r.step = 'success' AND r.step_value = 'true') OR (r.step = 'bootstrap_time' AND r.step_number > 0) OR "
    "(r.step = 'failure' AND r.failure IS NULL AND r.step_value = 'none')"
)

#: What a row says, as bits of one number, so that its layer is looked at once: below `_WHO` what is known of its address,
#: from there on who was asked for the name, then the others.
_WHO = 1 << 11
_OPENED, _FAILED, _STARTED, _ASKED_6 = (1 << bit for bit in range(22, 26))


def _bit(bit: int, condition: str) -> str:
    return f"CASE WHEN {condition} THEN {bit} ELSE 0 END"


_SAYS = f"""CASE r.layer
    WHEN 'dns' THEN {_ASKED} * CASE WHEN r.ip IS NULL THEN {_WHO} ELSE {_WHO + 1} END
      + CASE WHEN coalesce(r.dns_query_type = 'AAAA', false) THEN {_ASKED_6} WHEN r.failure IS NULL THEN 0 ELSE {_FAILED} END
    WHEN 'tcp' THEN CASE WHEN r.failure IS NULL THEN {REACHED}
      WHEN coalesce(r.ip LIKE '%:%' AND r.failure IN {NO_ROUTE}, false) THEN 0 ELSE {_FAILED} END
    WHEN 'http' THEN CASE WHEN r.failure IS NULL THEN {REACHED} + {_bit(_OPENED, "r.http_fingerprint IS NULL")} ELSE {_FAILED} END
    WHEN 'tls' THEN CASE WHEN r.failure IS NULL THEN {_bit(PROVED, "NOT coalesce(r.tls_no_verify, false)")}
      WHEN r.failure = 'ssl_unknown_authority' OR r.failure = 'ssl_invalid_hostname' THEN {_FAILED + REFUTED} ELSE {_FAILED} END
    WHEN 'step' THEN {_bit(_OPENED, _STEP_OK)}
      + CASE WHEN r.failure IS NOT NULL THEN {_FAILED} ELSE {_bit(_FAILED, "r.step = 'success' AND r.step_value = 'false'")}
        + {_bit(_STARTED, "r.step = 'bootstrap_time' AND r.step_number > 0")} END
    ELSE {_bit(_FAILED, "r.failure IS NOT NULL")} END
  + {_bit(IS_BOGON, bogon("r"))}"""
_UNIT_COLUMNS = f"""r.layer, coalesce(r.server, r.ip) AS ip,
  CASE WHEN r.tool OR r.unit IN ({_POOLS}) THEN NULL ELSE r.port END AS port, r.failure,
  r.says & {_WHO - 1} AS known, nullif(r.says // {_WHO} & {_WHO - 1}, 0) AS asked,
  CASE WHEN (r.layer = 'dns' AND r.dns_engine = 'udp' AND r.ip IS NOT NULL) OR (r.layer = 'tcp' AND r.failure IS NULL)
    THEN r.duration_seconds END AS seconds,
  r.says & {_OPENED} <> 0 AS opened, r.says & {_FAILED} <> 0 AS failed, r.says & {_STARTED} <> 0 AS started"""
#: What only the judging of a chunk asks of every layer, of TLS and of HTTP.
_UNIT_LATER = f""",
  r.obs, r.depth, r.ip_network, r.says & {_ASKED_6} <> 0 AS asked_6"""
_TLS_COLUMNS = """coalesce(r.server, r.ip) AS ip, r.port, r.failure, coalesce(r.tls_no_verify, false) AS no_verify, r.tls_certificate_sha256,
  r.tls_issuer, coalesce(r.tls_self_signed, false) AS self_signed, coalesce(NOT r.tls_matches_name, false) AS other_name,
  r.duration_seconds"""
_TLS_LATER = """,
  r.tls_not_before, r.tls_not_after, r.read_count, coalesce(r.tls_matches_name, false) AS matches_name"""
_HTTP_COLUMNS = """coalesce(r.depth, 0) AS depth, coalesce(r.server, r.ip) AS ip, r.failure, r.http_url, r.http_status, r.http_body_length,
  r.http_body_sha256, r.http_location, r.duration_seconds, coalesce(r.http_url LIKE 'http:%', false) AS clear,
  CASE WHEN r.http_url LIKE 'http:%' AND r.http_location LIKE 'http:%' THEN
    lower(split_part(split_part(split_part(split_part(r.http_location, '://', 2), '/', 1), '?', 1), ':', 1)) END AS landing"""
_HTTP_LATER = """,
  r.obs, r.failure_text, r.http_title, r.http_server, r.http_header_names,
  r.http_body_length = 0 AND NOT coalesce(r.http_body_truncated, false) AS empty,
  coalesce(r.http_url LIKE 'https:%', false) AS encrypted"""


#: Measurements in which not every host proved to be itself in every handshake.
_DOUBTFUL = """(
  SELECT * FROM judge_this WHERE m IN (SELECT m FROM judge_own WHERE tls_rows > 0 AND (tls_failed OR NOT tls_proved))
)"""


def read(
    chunk: Chunk, source: Source = from_views, *, looking: bool = False, again: bool = False
) -> tuple[str, str, str]:
    """The rows of one chunk: what every layer has, then those of TLS and of HTTP with what only they have.

    Tables with few columns are what costs least: writing one into memory is dearer than reading it once more.

    Args:
        chunk: Which.
        source: Where rows are read from.
        looking: Whether only what is gathered for all chunks is read.
        again: Whether all of it was gathered: of TLS only what is in doubt is read, once `own.OWN` is made of the first.
    """

    def columns(always: str, later: str) -> str:
        return always if looking else always + later

    return (
        f"""
CREATE OR REPLACE TEMP TABLE judge_units AS
SELECT r.m, coalesce(n.u, 0) AS u, {columns(_UNIT_COLUMNS, _UNIT_LATER)}
FROM (SELECT *, {_SAYS} AS says FROM {_rows(chunk, source, "o.layer <> 'step' OR w.tool")}) r
LEFT JOIN judge_names n ON n.unit = r.unit
""",
        f"""
CREATE OR REPLACE TEMP TABLE judge_tls_units AS
SELECT r.m, n.u, {columns(_TLS_COLUMNS, _TLS_LATER)}
FROM {_rows(chunk, source, "o.layer = 'tls'", _DOUBTFUL if again else "judge_this")} JOIN judge_names n ON n.unit = r.unit
""",
        f"""
CREATE OR REPLACE TEMP TABLE judge_http_units AS
SELECT r.m, n.u, {columns(_HTTP_COLUMNS, _HTTP_LATER)}
FROM {_rows(chunk, source, "o.layer = 'http'")} LEFT JOIN judge_names n ON n.unit = r.unit
""",
    )


def of_tests(chunk: Chunk, source: Source = from_views) -> str:
    """Rows of the tests of services, of tools and of devices that something is told by."""
    return f"""
CREATE OR REPLACE TEMP TABLE judge_test_rows AS
SELECT r.m, r.nettest, r.target, r.layer, r.host, r.ip, r.port, r.ip_network, r.failure, r.step, r.step_value,
  r.step_number, r.step_target, r.tls_ech, r.unit
FROM {_rows(chunk, source, _OF_TESTS)}
"""


def fingerprints(chunk: Chunk, source: Source = from_views) -> str:
    """The fingerprints that were found in the rows of a chunk, each of them."""
    found = "(o.layer = 'dns' AND o.dns_fingerprint IS NOT NULL) OR (o.layer = 'http' AND o.http_fingerprint IS NOT NULL)"
    return f"""
CREATE OR REPLACE TEMP TABLE judge_fingerprints AS
SELECT r.m, n.u, r.obs, r.layer, w.country, {_ENGINE} = 'system' AS system,
  unnest(CASE r.layer WHEN 'dns' THEN r.dns_fingerprint ELSE r.http_fingerprint END) AS hit
FROM {_rows(chunk, source, found)} JOIN judge_names n ON n.unit = r.unit JOIN judge_this w ON w.m = r.m
"""


def confirmed(chunk: Chunk, source: Source = from_views) -> str:
    """Adds the addresses that test helpers got, for which names and sessions."""
    return f"""
INSERT INTO judge_confirmed
SELECT c.ip, w.s, c.host, w.g
FROM {chunk.rows(source, "controls")} c
JOIN judge_this w ON w.measurement_id = c.measurement_id AND w.helper_failure IS NULL
WHERE c.layer = 'dns' AND c.ip IS NOT NULL
GROUP BY c.ip, w.s, c.host, w.g
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
