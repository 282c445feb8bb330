"""The facts: files, what could not be read, measurements, observations and controls."""

from __future__ import annotations

from typing import Final

from wallwatch.schema.columns import Column, Table, columns

#: Sessions that a reader makes up, where the upstream has no report id, begin so.
UNREPORTED: Final = "none_"

_WHERE = (
    Column(
        "file_id",
        "label",
        "the file that it was read from",
        "first 16 hex digits of the file's SHA-256",
        "archive",
        True,
    ),
    Column(
        "line",
        "int64",
        "the line in that file; the position of the member in a tar archive",
        "from 1",
        "reader",
        True,
    ),
)

#: What every row about a measurement says of it.
_WHO = (
    Column(
        "measurement_id",
        "string",
        "the upstream's uid, or made from the content where there is none",
        "",
        "measurement_uid; the post-can's member name; a hash",
        True,
    ),
    Column(
        "time",
        "timestamp",
        "when the measurement started, by the probe's clock",
        "UTC",
        "measurement_start_time",
    ),
    Column(
        "time_flag",
        "label",
        "why the time is not trusted: `missing`, `before_2012`, `future`, `shifted` (off by hours from the collector's clock); null when it is",
        "",
        "reader",
    ),
    Column("country", "label", "country of the vantage point", "ISO 3166-1 alpha-2", "probe_cc"),
    Column("network", "int64", "network of the vantage point; null where unknown (AS0)", "ASN", "probe_asn"),
    Column(
        "network_name",
        "label",
        "name of that network, as reported",
        "",
        "probe_network_name, probe_as_org_name",
    ),
    Column(
        "network_type",
        "label",
        "kind of access: `wifi`, `mobile`, `wired_ethernet`, `vpn`, `no_internet`, `unknown`",
        "",
        "annotations.network_type",
    ),
    Column("resolver_network", "int64", "network of the system's resolver", "ASN", "resolver_asn"),
    Column(
        "resolver_kind",
        "label",
        "`public_service` (well-known open resolver), `private`, `public`, `unknown`; never the address, which can be a volunteer's",
        "",
        "resolver_ip",
    ),
    Column("platform", "label", "operating system of the probe", "", "annotations.platform"),
    Column("nettest", "label", "the test", "", "test_name", True),
    Column("nettest_version", "label", "its version", "", "test_version"),
    Column(
        "software",
        "label",
        "the probe's software and version, one space between",
        "",
        "software_name, software_version",
    ),
    Column(
        "session",
        "string",
        "the report id; where it is empty, one for all of a network's measurements of a day by one software, so that independence is never overstated",
        "",
        "report_id",
        True,
    ),
    Column("probe_id", "string", "the probe's credential, where it has one", "", "probe_id"),
    Column("input", "string", "what the test was asked to measure, as given", "", "input"),
    Column(
        "target",
        "string",
        "what was measured: a host name (lower case, punycode) for web tests, the service's name for service tests, the endpoint or resolver else",
        "",
        "input, nettest",
        True,
    ),
)

_MEASURED = (
    Column("runtime_seconds", "double", "how long the test ran", "s", "test_runtime"),
    Column(
        "received", "timestamp", "when the collector received it", "UTC", "measurement_uid, post-can name"
    ),
    Column("helper", "label", "address of the test helper", "", "test_helpers"),
    Column(
        "helper_failure",
        "label",
        "why there is no control from the helper; null when there is one or none was asked",
        "failure string",
        "control_failure",
    ),
    Column(
        "peer_verdict",
        "label",
        "what the probe itself said of the target, as it said it (its statement, never used to judge)",
        "",
        "blocking, *_blocking, *_status",
    ),
    Column(
        "annotation_run",
        "string",
        "id of the OONI Run link that asked for it",
        "",
        "annotations.ooni_run_link_id",
    ),
    Column("observations", "int32", "how many observations were read from it", "", "reader", True),
    Column("controls", "int32", "how many control rows were read from it", "", "reader", True),
    Column(
        "notes",
        "list<string>",
        "what the reader had to skip or repair, in short words with the field's name",
        "",
        "reader",
    ),
)

_SEEN = (
    Column("obs", "int32", "position among the rows of its measurement", "from 0", "reader", True),
    Column("layer", "label", "`dns`, `tcp`, `tls`, `quic`, `http` or `step`", "", "reader", True),
    Column(
        "host",
        "string",
        "the host name concerned (lower case, punycode); an address where the test names none",
        "",
        "hostname, server_name, request.url",
    ),
    Column(
        "ip",
        "string",
        "the address contacted, or answered for `dns`; canonical text form",
        "",
        "ipv4, ipv6, ip, address",
    ),
    Column("port", "int32", "the port contacted", "", "port, address"),
    Column(
        "ip_network",
        "int64",
        "network of the address, as reported by the probe or the helper",
        "ASN",
        "answers.asn, ip_info.asn",
    ),
    Column("ip_network_name", "label", "name of that network", "", "answers.as_org_name"),
    Column(
        "ip_kind",
        "label",
        "`global`, or why it is not: `loopback`, `private`, `link_local`, `shared` (RFC 6598), `documentation`, `reserved`, `multicast`, `unspecified`",
        "",
        "IANA special-purpose registries",
    ),
    Column(
        "failure",
        "label",
        "why it failed; null means that it succeeded",
        "failure string (words.py)",
        "failure, status.failure",
    ),
    Column("failure_text", "string", "the failure as the probe wrote it, where that differs", "", "failure"),
    Column("t_seconds", "double", "when it ended, since the measurement started", "s", "t"),
    Column("duration_seconds", "double", "how long it took, where the probe says", "s", "t, t0"),
    Column("depth", "int32", "how many redirects came before it", "from 0", "tags, order of requests"),
    Column(
        "transaction",
        "int64",
        "groups the rows of one connection: a connect, its handshake and its exchange share it",
        "",
        "transaction_id",
    ),
)

_DNS = (
    Column(
        "dns_engine",
        "label",
        "`system`, `udp`, `tcp`, `doh` or `dot` (`getaddrinfo` is `system`); `udp_again` for a further response to a query that was answered before",
        "",
        "engine",
    ),
    Column("dns_query_type", "label", "`A`, `AAAA`, `ANY` (both), `CNAME`, `NS` …", "", "query_type"),
    Column(
        "dns_resolver",
        "string",
        "address or URL of the resolver that the test chose; null for the system's own",
        "",
        "resolver_address",
    ),
    Column(
        "dns_answer_type", "label", "`A`, `AAAA`, `CNAME` …; null where there is no answer", "", "answer_type"
    ),
    Column(
        "dns_answer",
        "string",
        "the answer: an address or a name; one row an answer",
        "",
        "ipv4, ipv6, hostname",
    ),
    Column("dns_rcode", "int32", "the response code", "RFC 1035 4.1.1", "rcode"),
    Column("dns_ttl", "int64", "time to live of the answer", "s", "ttl"),
    Column(
        "dns_fingerprint",
        "list<string>",
        "fingerprints of known injected answers that match",
        "",
        "reference data",
    ),
)

_TLS = (
    Column("tls_server_name", "string", "the SNI that was sent", "", "server_name"),
    Column(
        "tls_outer_server_name",
        "string",
        "the outer SNI with Encrypted Client Hello",
        "",
        "outer_server_name",
    ),
    Column(
        "tls_ech",
        "label",
        "the Encrypted Client Hello configuration: `GREASE`, `real`, or null",
        "",
        "echconfig",
    ),
    Column("tls_version", "label", "protocol version agreed", "", "tls_version"),
    Column("tls_alpn", "label", "application protocol agreed", "", "negotiated_protocol"),
    Column(
        "tls_no_verify",
        "bool",
        "whether the probe was told not to verify the certificate",
        "",
        "no_tls_verify",
    ),
    Column(
        "tls_certificate_sha256", "string", "fingerprint of the leaf certificate", "hex", "peer_certificates"
    ),
    Column("tls_subject", "string", "common name of its subject", "", "peer_certificates"),
    Column(
        "tls_issuer",
        "string",
        "common name of its issuer, or the organisation where there is none",
        "",
        "peer_certificates",
    ),
    Column("tls_names", "list<string>", "the names it is for", "", "subjectAltName"),
    Column("tls_not_before", "timestamp", "start of its validity", "UTC", "peer_certificates"),
    Column("tls_not_after", "timestamp", "end of its validity", "UTC", "peer_certificates"),
    Column("tls_chain_length", "int32", "number of certificates sent", "", "peer_certificates"),
    Column("tls_self_signed", "bool", "whether the leaf is its own issuer", "", "peer_certificates"),
    Column(
        "tls_matches_name",
        "bool",
        "whether the leaf is for the server name (RFC 9525)",
        "",
        "peer_certificates, server_name",
    ),
    Column("read_bytes", "int64", "bytes read during the handshake", "B", "network_events"),
    Column("read_count", "int32", "reads during the handshake", "", "network_events"),
    Column("write_bytes", "int64", "bytes written during the handshake", "B", "network_events"),
    Column("write_count", "int32", "writes during the handshake", "", "network_events"),
)

_HTTP = (
    Column("http_method", "label", "request method", "", "request.method"),
    Column("http_url", "string", "the URL asked for", "", "request.url"),
    Column("http_status", "int32", "status code of the response", "RFC 9110 15", "response.code"),
    Column("http_body_length", "int64", "length of the body received", "B", "response.body"),
    Column(
        "http_body_sha256",
        "string",
        "hash of the body received; null where none was kept",
        "hex",
        "response.body",
    ),
    Column("http_body_truncated", "bool", "whether the probe cut it", "", "body_is_truncated"),
    Column(
        "http_title", "string", "text of the page's title element", "at most 200 characters", "response.body"
    ),
    Column("http_location", "string", "where a redirect points", "", "Location header"),
    Column("http_server", "string", "the server's own name", "", "Server header"),
    Column(
        "http_header_names",
        "string",
        "names of the response headers: lower case, sorted, one space between",
        "",
        "headers",
    ),
    Column("http_alpn", "label", "`http/1.1`, `h2`, `h3`", "", "alpn"),
    Column(
        "http_fingerprint",
        "list<string>",
        "block-page fingerprints that match, all of them, as `scope:name`",
        "",
        "reference data",
    ),
)

_STEP = (
    Column("step", "label", "name of the test's step or of the status it computed", "", "test_keys"),
    Column("step_value", "string", "its value as text", "", "test_keys"),
    Column(
        "step_number",
        "double",
        "its value, where it is a number (a bootstrap time, a bit rate)",
        "as the step's",
        "test_keys",
    ),
    Column(
        "step_target",
        "label",
        "the part of the service that the row belongs to: `endpoint`, `web`, `registration`, `or_port`, `obfs4` …",
        "",
        "nettest",
    ),
)

FILES = Table(
    "files",
    "one file taken in, under one of the names that it was given",
    (
        Column("file_id", "string", "the file", "first 16 hex digits of its SHA-256", "archive", True),
        Column("sha256", "string", "hash of its bytes as they came", "hex", "archive", True),
        Column(
            "path",
            "string",
            "its name: the path below the folder or address that was given, never more",
            "",
            "archive",
            True,
        ),
        Column("size", "int64", "its size", "B", "archive", True),
        Column(
            "kind",
            "label",
            "what its content is: `ooni`, `obs_web`, `signals.csv`, `signals.ioda`, `tor_users`, `unknown`",
            "",
            "sources",
            True,
        ),
        Column("measurements", "int64", "measurements read", "", "reader", True),
        Column("signals", "int64", "signal rows read", "", "reader", True),
        Column("set_aside", "int64", "lines or parts set aside", "", "reader", True),
    ),
    ("file_id", "path"),
)

QUARANTINE = Table(
    "quarantine",
    "one line, or rest of a file, that could not be read",
    columns(
        _WHERE,
        (
            Column("byte_offset", "int64", "where it begins in the decompressed file", "B", "reader"),
            Column("reason", "string", "why, in a sentence", "", "reader", True),
            Column("excerpt", "string", "its first 200 bytes, made safe to show", "", "reader", True),
        ),
    ),
    ("file_id", "line", "byte_offset", "reason"),
)

MEASUREMENTS = Table(
    "measurements",
    "one measurement, whether or not anything could be observed in it",
    columns(_WHERE, _WHO, _MEASURED),
    ("measurement_id", "file_id", "line"),
)

OBSERVATIONS = Table(
    "observations",
    "one thing that a probe saw: a DNS answer, a TCP connect, a TLS or QUIC handshake, an HTTP exchange, or a step of the test's own",
    columns(_WHERE, _WHO, _SEEN, _DNS, _TLS, _HTTP, _STEP),
    ("measurement_id", "file_id", "line", "obs"),
)

CONTROLS = Table(
    "controls",
    "the same target seen from where no censor is expected",
    columns(
        _WHERE,
        _WHO,
        (Column("control_origin", "label", "who saw it: `test_helper`", "", "reader", True),),
        _SEEN,
        _DNS,
        _TLS,
        _HTTP,
    ),
    ("measurement_id", "file_id", "line", "obs"),
)
