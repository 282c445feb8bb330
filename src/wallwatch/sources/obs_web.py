"""OONI's `obs_web` exports (CSV or Parquet): one row may hold DNS, TCP, TLS and HTTP facts of an endpoint.

Columns are taken by name (github.com/ooni/data, `WebObservation`); any may be absent. The export repeats
facts: a DNS answer on the row of each port, a handshake on the rows of both ports, and whole rows. Facts
that are the same within a measurement are one observation.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from wallwatch._text import safe_bytes
from wallwatch.schema import MEASUREMENTS, OBSERVATIONS
from wallwatch.sources.batch import Batch
from wallwatch.sources.ooni.certificates import matches
from wallwatch.sources.ooni.envelope import WHO, Annotations, Envelope, Envelopes
from wallwatch.sources.ooni.known import Matcher, NoFingerprints
from wallwatch.sources.ooni.nettests import nettest
from wallwatch.sources.ooni.read import set_aside
from wallwatch.sources.ooni.rows import label
from wallwatch.sources.ooni.values import address, address_kind, failure_word, host_name, network_number

KIND = "obs_web"

#: Columns of the export that are read; each becomes a text column of the working table, null where absent.
COLUMNS = """
    measurement_uid input report_id ooni_run_link_id measurement_start_time software_name software_version
    test_name test_version probe_asn probe_cc probe_as_org_name network_type platform resolver_ip
    resolver_asn probe_id hostname transaction_id ip port ip_asn ip_as_org_name dns_query_type dns_failure
    dns_engine dns_engine_resolver_address dns_answer_type dns_answer dns_t tcp_failure tcp_success tcp_t
    tls_failure tls_server_name tls_outer_server_name tls_echconfig tls_version tls_is_certificate_valid
    tls_end_entity_certificate_fingerprint tls_end_entity_certificate_subject_common_name
    tls_end_entity_certificate_subject tls_end_entity_certificate_issuer_common_name
    tls_end_entity_certificate_issuer tls_end_entity_certificate_san_list
    tls_end_entity_certificate_not_valid_after tls_end_entity_certificate_not_valid_before
    tls_certificate_chain_length tls_handshake_read_count tls_handshake_write_count
    tls_handshake_read_bytes tls_handshake_write_bytes tls_handshake_time tls_success tls_t
    http_request_url http_alpn http_failure http_request_method http_runtime http_response_body_length
    http_response_body_is_truncated http_response_status_code http_response_header_location
    http_response_header_server http_t probe_analysis
""".split()

_LAYER_COLUMNS = {
    "dns_engine",
    "dns_failure",
    "tcp_failure",
    "tls_failure",
    "http_failure",
    "http_request_url",
}
_NULLS = ["", "\\N", "NULL", "null", "nan", "NaN", "None", "<NA>"]
#: Measurements whose rows are built at a time.
_AT_A_TIME = 4_000


def is_obs_web(names: Sequence[str]) -> bool:
    """Whether a table with these columns is such an export."""
    found = set(names)
    return {"measurement_uid", "probe_asn", "test_name"} <= found and len(found & _LAYER_COLUMNS) >= 2


def recognise(head: bytes) -> bool:
    """Whether a decompressed file that begins with `head` is such an export in CSV."""
    line = head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0]
    try:
        return is_obs_web([name.strip().strip('"') for name in line.decode().split(",")])
    except UnicodeDecodeError:
        return False


def read(stream: BinaryIO, file_id: str, as_of: datetime, matcher: Matcher | None = None) -> Iterator[Batch]:
    """The rows of an export in CSV.

    Args:
        stream: The decompressed text.
        file_id: The file.
        as_of: No measurement can be later than this.
        matcher: What finds fingerprints in answers and headers; none are looked for without it.
    """
    yield from _read(lambda export: export.csv(stream), file_id, as_of, matcher)


def read_parquet(
    file: BinaryIO, file_id: str, as_of: datetime, matcher: Matcher | None = None
) -> Iterator[Batch]:
    """The same of an export in Parquet, from a file that can be sought in."""
    yield from _read(lambda export: export.parquet(file), file_id, as_of, matcher)


def _read(
    batches: Callable[[_Export], Iterator[pa.RecordBatch]],
    file_id: str,
    as_of: datetime,
    matcher: Matcher | None,
) -> Iterator[Batch]:
    # In memory as far as that goes; what does not fit spills to the system's folder for such files.
    spill = Path(tempfile.gettempdir()) / f"wallwatch-spill-{os.getpid()}"
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "400MB",
        "threads": "1",
        "temp_directory": str(spill),
    }
    with duckdb.connect(config=config) as con:
        con.execute("SET TimeZone = 'UTC'")
        export = _Export(con, file_id, as_of, matcher or NoFingerprints())
        yield from export.read(batches(export))


class _Export:
    """One export on its way through a temporary database, which sorts what memory might not hold."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, file_id: str, as_of: datetime, matcher: Matcher
    ) -> None:
        self._con, self._file_id, self._as_of, self._match = con, file_id, as_of, matcher
        self._aside: list[tuple[int, int, str, str]] = []
        self._first = 1

    def read(self, batches: Iterator[pa.RecordBatch]) -> Iterator[Batch]:
        """The rows of an export whose columns come in batches."""
        self._con.execute(f"CREATE TABLE given (line BIGINT, {', '.join(f'{c} VARCHAR' for c in COLUMNS)})")
        size = self._load(batches)
        missing = self._con.sql(
            "SELECT line FROM given WHERE measurement_uid IS NULL OR test_name IS NULL ORDER BY line"
        ).fetchall()
        self._aside += [(line, 0, "a row without measurement_uid or test_name", "") for (line,) in missing]
        self._con.execute("DELETE FROM given WHERE measurement_uid IS NULL OR test_name IS NULL")
        self._maps()
        self._con.execute(_MEASUREMENTS_SQL)
        self._con.execute(_FACTS_SQL)
        total = self._con.sql("SELECT count(*) FROM measured").fetchall()[0][0]
        for first in range(0, total, _AT_A_TIME):
            yield self._batch(first, min(first + _AT_A_TIME, total))
        if self._aside:
            yield Batch(
                {"quarantine": set_aside([(self._file_id, *row) for row in sorted(self._aside)])}, size
            )
        else:
            yield Batch({}, size)

    def _load(self, batches: Iterator[pa.RecordBatch]) -> int:
        """Copies the columns that are read to the working table, as text; returns their bytes."""
        line, total = 0, 0
        for batch in batches:
            line = line or self._first  # known when the first batch has come
            lines = pa.array(range(line, line + batch.num_rows), pa.int64())
            line += batch.num_rows
            size = batch.num_rows
            arrays = [lines] + [
                batch.column(c).cast(pa.string()) if c in batch.schema.names else pa.nulls(size, pa.string())
                for c in COLUMNS
            ]
            rows = self._valid(pa.table(arrays, names=["line", *COLUMNS]))
            self._con.register("arriving", rows)
            self._con.execute("INSERT INTO given SELECT * FROM arriving")
            self._con.unregister("arriving")
            total += batch.nbytes
        return total

    def csv(self, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        """The rows of a CSV file; those that do not fit its header are set aside."""
        self._first = 2  # the first line names the columns

        def bad(row: Any) -> str:
            text = (row.text or "").encode("utf-8", "surrogateescape")
            reason = f"a row of {row.actual_columns} columns where {row.expected_columns} are named"
            self._aside.append((int(row.number or 0), 0, reason, safe_bytes(text)))
            return "skip"

        names = {name: pa.string() for name in COLUMNS}
        try:
            reader = pa_csv.open_csv(
                stream,
                read_options=pa_csv.ReadOptions(use_threads=False, block_size=8 << 20),
                parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=bad),
                convert_options=pa_csv.ConvertOptions(
                    check_utf8=False, column_types=names, strings_can_be_null=True, null_values=_NULLS
                ),
            )
            yield from reader
        except (pa.ArrowInvalid, EOFError, OSError) as error:
            self._aside.append((0, 0, f"the rest of the file cannot be read: {error}", ""))

    def parquet(self, stream: BinaryIO) -> Iterator[pa.RecordBatch]:
        """The rows of a Parquet file, every column as text."""
        try:
            file = pq.ParquetFile(stream)
            names = [name for name in COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=65_536, columns=names):
                arrays = [_as_text(batch.column(name)) for name in names]
                yield pa.RecordBatch.from_arrays(arrays, names=names)
        except (pa.ArrowException, OSError) as error:
            self._aside.append((0, 0, f"the rest of the file cannot be read: {error}", ""))

    def _valid(self, rows: pa.Table) -> pa.Table:
        """The rows without those whose text is not UTF-8, which are set aside."""
        try:
            rows.validate(full=True)
        except pa.ArrowInvalid:
            keep = []
            for i in range(rows.num_rows):
                try:
                    rows.slice(i, 1).to_pylist()
                    keep.append(True)
                except UnicodeDecodeError:
                    keep.append(False)
                    self._aside.append((rows["line"][i].as_py(), 0, "not valid UTF-8", ""))
            return rows.filter(pa.array(keep))
        return rows

    def _maps(self) -> None:
        """Tables from each distinct value to its canonical form: Python once a value, not once a row."""
        for name, columns_, function in (
            (
                "hosts",
                ("hostname", "tls_server_name", "tls_outer_server_name"),
                lambda v: (host_name(v), address(v)),
            ),
            ("ips", ("ip", "dns_answer"), lambda v: (address(v),)),
            (
                "failures",
                ("dns_failure", "tcp_failure", "tls_failure", "http_failure"),
                failure_word,
            ),
        ):
            self._map(name, columns_, function)

    def _map(self, name: str, columns_: Sequence[str], function: Callable[[str], tuple[Any, ...]]) -> None:
        union = " UNION ".join(f"SELECT {c} AS v FROM given WHERE {c} IS NOT NULL" for c in columns_)
        values = [v for (v,) in self._con.sql(f"SELECT v FROM ({union}) ORDER BY v").fetchall()]
        mapped = [(*function(v), None)[:2] for v in values]
        table = pa.table(
            {
                "v": pa.array(values, pa.string()),
                "a": pa.array([m[0] for m in mapped], pa.string()),
                "b": pa.array([m[1] for m in mapped], pa.string()),
            }
        )
        self._con.register("mapping", table)
        self._con.execute(f"CREATE TABLE {name} AS SELECT * FROM mapping")
        self._con.unregister("mapping")

    def _batch(self, first: int, end: int) -> Batch:
        found = self._con.sql(
            f"SELECT * FROM measured WHERE m >= {first} AND m < {end} ORDER BY m"
        ).fetchall()
        names = [d[0] for d in self._con.sql("SELECT * FROM measured LIMIT 0").description]
        records = [dict(zip(names, row, strict=True)) for row in found]
        envelopes = Envelopes(self._as_of)
        for record in records:
            envelope = _envelope(record)
            name = envelope.test_name or "unknown"
            target = nettest(name).target(envelope, None)
            envelopes.add(envelope, name, target, None, str, None, record["probe_analysis"])
        size = len(records)
        said = envelopes.arrays()
        facts = self._con.sql(
            f"SELECT * FROM facts WHERE m >= {first} AND m < {end} ORDER BY m, obs"
        ).to_arrow_table()
        measurement = pc.subtract(facts["m"].combine_chunks(), first)
        counts = pc.value_counts(measurement)
        rows = dict(zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True))
        tables = {
            "measurements": MEASUREMENTS.from_columns(
                {
                    "file_id": label(self._file_id, size),
                    "line": [record["line"] for record in records],
                    **said,
                    "observations": [rows.get(i, 0) for i in range(size)],
                    "controls": [0] * size,
                },
                size,
            )
        }
        if facts.num_rows:
            tables["observations"] = self._observations(
                facts, measurement, {name: said[name] for name in WHO}
            )
        return Batch(tables)

    def _observations(self, facts: pa.Table, measurement: pa.Array, shared: dict[str, pa.Array]) -> pa.Table:
        size = facts.num_rows
        data: dict[str, Any] = {
            name: (
                pa.DictionaryArray.from_arrays(values.indices.take(measurement), values.dictionary)
                if isinstance(values, pa.DictionaryArray)
                else values.take(measurement)
            )
            for name, values in shared.items()
        }
        data["file_id"] = label(self._file_id, size)
        for name in facts.column_names:
            if name in OBSERVATIONS.names:
                data[name] = _labelled(facts[name].combine_chunks(), OBSERVATIONS[name].type)
        data["ip_kind"] = _each(data["ip"], address_kind)
        data["ip_network"] = pa.array(
            [network_number(value) for value in facts["ip_asn"].to_pylist()], pa.int64()
        )
        data["dns_fingerprint"] = _each_list(data["dns_answer"], self._match.match_dns)
        data["http_fingerprint"] = _joined_lists(
            _each_list(data["http_location"], lambda v: self._match.match_header("location", v)),
            _each_list(data["http_server"], lambda v: self._match.match_header("server", v)),
        )
        data["tls_matches_name"] = pa.array(
            [
                matches(tuple(names), name or host) if names else None
                for names, name, host in zip(
                    facts["tls_names"].to_pylist(),
                    facts["tls_server_name"].to_pylist(),
                    facts["host"].to_pylist(),
                    strict=True,
                )
            ],
            pa.bool_(),
        )
        return OBSERVATIONS.from_columns(data, size)


def _envelope(record: dict[str, Any]) -> Envelope:
    return Envelope(
        test_name=record["test_name"],
        test_version=record["test_version"],
        input=record["input"],
        report_id=record["report_id"],
        measurement_uid=record["measurement_uid"],
        measurement_start_time=record["measurement_start_time"],
        test_start_time=None,
        probe_asn=record["probe_asn"],
        probe_cc=record["probe_cc"],
        probe_id=(record["probe_id"] or "").strip("\0 ") or None,
        probe_network_name=record["probe_as_org_name"],
        resolver_asn=record["resolver_asn"],
        resolver_ip=record["resolver_ip"],
        software_name=record["software_name"],
        software_version=record["software_version"],
        annotations=Annotations(
            platform=record["platform"],
            network_type=record["network_type"],
            ooni_run_link_id=record["ooni_run_link_id"],
        ),
    )


def _as_text(values: pa.Array) -> pa.Array:
    """Any column as text; lists as `[a,b]`."""
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return pa.array(
            [
                None if v is None else "[" + ",".join(str(item) for item in v) + "]"
                for v in values.to_pylist()
            ],
            pa.string(),
        )
    if pa.types.is_binary(values.type) or pa.types.is_fixed_size_binary(values.type):
        return pa.array(
            [None if v is None else v.decode("utf-8", "replace") for v in values.to_pylist()], pa.string()
        )
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8()).cast(pa.string())
    return values.cast(pa.string())


def _labelled(values: pa.Array, type_: str) -> pa.Array:
    return values.cast(pa.string()).dictionary_encode() if type_ == "label" else values


def _each(values: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    encoded = values.cast(pa.string()).dictionary_encode()
    found = pa.array([function(v) for v in encoded.dictionary.to_pylist()], pa.string())
    return found.take(encoded.indices).dictionary_encode()


def _each_list(values: pa.Array, function: Callable[[str], list[str]]) -> pa.Array:
    encoded = values.cast(pa.string()).dictionary_encode()
    found = pa.array([function(v) or None for v in encoded.dictionary.to_pylist()], pa.list_(pa.string()))
    return found.take(encoded.indices)


def _joined_lists(left: pa.Array, right: pa.Array) -> pa.Array:
    if right.null_count == len(right):
        return left
    return pa.array(
        [(a or []) + (b or []) or None for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)],
        pa.list_(pa.string()),
    )


_MEASUREMENTS_SQL = """
CREATE TABLE measured AS
SELECT row_number() OVER (ORDER BY line, measurement_uid) - 1 AS m, *
FROM (
    SELECT measurement_uid, min(line) AS line,
        arg_min(test_name, line) AS test_name, arg_min(test_version, line) AS test_version,
        arg_min(input, line) AS input, arg_min(report_id, line) AS report_id,
        arg_min(measurement_start_time, line) AS measurement_start_time,
        arg_min(probe_asn, line) AS probe_asn, arg_min(probe_cc, line) AS probe_cc,
        arg_min(probe_id, line) AS probe_id, arg_min(probe_as_org_name, line) AS probe_as_org_name,
        arg_min(resolver_asn, line) AS resolver_asn, arg_min(resolver_ip, line) AS resolver_ip,
        arg_min(software_name, line) AS software_name,
        arg_min(software_version, line) AS software_version, arg_min(platform, line) AS platform,
        arg_min(network_type, line) AS network_type,
        arg_min(ooni_run_link_id, line) AS ooni_run_link_id,
        arg_min(probe_analysis, line) AS probe_analysis
    FROM given GROUP BY measurement_uid
)
"""

# Each layer's facts, each once, with the line that first states it. A handshake on the row of port 80 is that
# of port 443 repeated for the other port, wherever both rows are there (also with another duration, which
# the export computes from the row's own connect); only the one of port 443 is kept.
_FACTS_SQL = """
CREATE TABLE facts AS
WITH named AS (
    SELECT m, given.*, coalesce(h.a, i.a) AS host, i.a AS address, h.b AS host_address, a.a AS answer,
        sn.a AS server_name, osn.a AS outer_server_name,
        CAST(TRY_CAST(port AS DOUBLE) AS INTEGER) AS port_number,
        nullif(CAST(TRY_CAST(transaction_id AS DOUBLE) AS BIGINT), 0) AS "transaction"
    FROM given JOIN (SELECT m, measurement_uid FROM measured) USING (measurement_uid)
    LEFT JOIN hosts h ON h.v = given.hostname
    LEFT JOIN ips i ON i.v = given.ip
    LEFT JOIN ips a ON a.v = given.dns_answer
    LEFT JOIN hosts sn ON sn.v = given.tls_server_name
    LEFT JOIN hosts osn ON osn.v = given.tls_outer_server_name
), stated AS (
    SELECT m, min(line) AS line, 0 AS code, 'dns' AS layer, host, "transaction",
        answer AS ip,
        max(ip_asn) FILTER (answer = address) AS ip_asn,
        max(ip_as_org_name) FILTER (answer = address) AS ip_network_name,
        CASE WHEN dns_failure IS NULL AND dns_answer IS NULL THEN 'dns_no_answer' ELSE f.a END AS failure,
        f.b AS failure_text,
        TRY_CAST(dns_t AS DOUBLE) AS t_seconds,
        CASE dns_engine WHEN 'getaddrinfo' THEN 'system' ELSE dns_engine END AS dns_engine,
        dns_query_type,
        CASE WHEN dns_engine NOT IN ('system', 'getaddrinfo') THEN dns_engine_resolver_address END
            AS dns_resolver,
        coalesce(dns_answer_type, CASE WHEN answer LIKE '%:%' THEN 'AAAA' WHEN answer IS NOT NULL THEN 'A'
            WHEN dns_answer IS NOT NULL THEN 'CNAME' END) AS dns_answer_type,
        coalesce(answer, lower(rtrim(dns_answer, '.'))) AS dns_answer
    FROM named LEFT JOIN failures f ON f.v = dns_failure
    WHERE dns_engine IS NOT NULL OR dns_failure IS NOT NULL OR dns_answer IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT m, min(line) AS line, 1 AS code, 'tcp' AS layer, host, "transaction",
        address AS ip, port_number AS port, ip_asn, ip_as_org_name AS ip_network_name,
        CASE WHEN f.a IS NULL AND TRY_CAST(tcp_success AS DOUBLE) = 0 THEN 'unknown_failure' ELSE f.a END
            AS failure,
        f.b AS failure_text,
        TRY_CAST(tcp_t AS DOUBLE) AS t_seconds
    FROM named LEFT JOIN failures f ON f.v = tcp_failure
    WHERE tcp_success IS NOT NULL OR tcp_failure IS NOT NULL
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT m, min(line) AS line, 2 AS code, 'tls' AS layer, host, "transaction",
        address AS ip, max(port_number) AS port, ip_asn, ip_as_org_name AS ip_network_name,
        f.a AS failure, f.b AS failure_text,
        TRY_CAST(tls_t AS DOUBLE) AS t_seconds,
        CASE WHEN TRY_CAST(tls_handshake_time AS DOUBLE) >= 0 THEN TRY_CAST(tls_handshake_time AS DOUBLE) END
            AS duration_seconds,
        coalesce(server_name, CASE WHEN host_address IS NULL THEN host END) AS tls_server_name,
        outer_server_name AS tls_outer_server_name,
        CASE WHEN tls_echconfig IS NULL THEN NULL WHEN upper(tls_echconfig) = 'GREASE' THEN 'GREASE'
            ELSE 'real' END AS tls_ech,
        tls_version,
        tls_end_entity_certificate_fingerprint AS tls_certificate_sha256,
        coalesce(tls_end_entity_certificate_subject_common_name, tls_end_entity_certificate_subject)
            AS tls_subject,
        coalesce(tls_end_entity_certificate_issuer_common_name, tls_end_entity_certificate_issuer)
            AS tls_issuer,
        nullif(list_filter(string_split(
            regexp_replace(tls_end_entity_certificate_san_list, '[\\[\\]''" ]', '', 'g'), ','),
            lambda x: x <> ''), []) AS tls_names,
        TRY_CAST(tls_end_entity_certificate_not_valid_before AS TIMESTAMPTZ) AS tls_not_before,
        TRY_CAST(tls_end_entity_certificate_not_valid_after AS TIMESTAMPTZ) AS tls_not_after,
        CAST(TRY_CAST(tls_certificate_chain_length AS DOUBLE) AS INTEGER) AS tls_chain_length,
        tls_end_entity_certificate_subject = tls_end_entity_certificate_issuer AS tls_self_signed,
        CAST(TRY_CAST(tls_handshake_read_bytes AS DOUBLE) AS BIGINT) AS read_bytes,
        CAST(TRY_CAST(tls_handshake_read_count AS DOUBLE) AS INTEGER) AS read_count,
        CAST(TRY_CAST(tls_handshake_write_bytes AS DOUBLE) AS BIGINT) AS write_bytes,
        CAST(TRY_CAST(tls_handshake_write_count AS DOUBLE) AS INTEGER) AS write_count
    FROM named LEFT JOIN failures f ON f.v = tls_failure
    WHERE tls_failure IS NOT NULL OR tls_handshake_time IS NOT NULL
        OR tls_end_entity_certificate_subject IS NOT NULL OR TRY_CAST(tls_success AS DOUBLE) = 1
    GROUP BY ALL
    UNION ALL BY NAME
    SELECT m, min(line) AS line, 4 AS code, 'http' AS layer, host, "transaction",
        coalesce(address, host_address) AS ip, port_number AS port, ip_asn,
        ip_as_org_name AS ip_network_name,
        f.a AS failure, f.b AS failure_text,
        TRY_CAST(http_t AS DOUBLE) AS t_seconds,
        TRY_CAST(http_runtime AS DOUBLE) AS duration_seconds,
        http_request_method AS http_method, http_request_url AS http_url,
        nullif(CAST(TRY_CAST(http_response_status_code AS DOUBLE) AS INTEGER), 0) AS http_status,
        CAST(TRY_CAST(http_response_body_length AS DOUBLE) AS BIGINT) AS http_body_length,
        CAST(TRY_CAST(http_response_body_is_truncated AS DOUBLE) AS BOOLEAN) AS http_body_truncated,
        http_response_header_location AS http_location,
        http_response_header_server AS http_server,
        http_alpn
    FROM named LEFT JOIN failures f ON f.v = http_failure
    WHERE http_request_url IS NOT NULL OR http_failure IS NOT NULL
    GROUP BY ALL
)
SELECT * EXCLUDE (code),
    CAST(row_number() OVER (PARTITION BY m ORDER BY line, code, kept) - 1 AS INTEGER) AS obs
FROM (
    SELECT * FROM stated
    QUALIFY layer <> 'tls' OR port IS DISTINCT FROM 80
        OR count(*) FILTER (port = 443) OVER (PARTITION BY m, layer, host, ip, failure, "transaction") = 0
) AS kept
"""
