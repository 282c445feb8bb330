"""The parts that OONI's tests share (specification df-001 … df-008), naming only the fields that are read.

Types are as the specification has them, with the odd forms that real probes wrote; whatever fits none of
them goes the slower way of `lenient`.
"""

from __future__ import annotations

import msgspec

from wallwatch.sources.ooni.lenient import Lenient

Number = int | float

#: A part that is decoded only where it is needed, and is not there. (A union of `Raw` with null decodes only null.)
NO_JSON = msgspec.Raw(b"")


class Binary(msgspec.Struct, gc=False):
    """Bytes that are no UTF-8 (df-001, MaybeBinaryData)."""

    format: str | None = None
    data: str | None = None


Text = str | Binary


class Answer(msgspec.Struct, gc=False):
    """One DNS answer (df-002)."""

    answer_type: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    asn: Number | None = None
    as_org_name: str | None = None
    ttl: Number | None = None


class Query(msgspec.Struct, gc=False):
    """One DNS query (df-002)."""

    engine: str | None = None
    resolver_address: str | None = None
    hostname: str | None = None
    query_type: str | None = None
    failure: str | None = None
    rcode: int | None = None
    answers: list[Answer] | None = None
    t0: float | None = None
    t: float | None = None
    tags: list[str] | None = None
    transaction_id: int | None = None


class Status(msgspec.Struct, gc=False):
    """How a connect ended (df-005)."""

    success: bool | None = None
    failure: str | None = None


class Connect(msgspec.Struct, gc=False):
    """One TCP connect (df-005)."""

    ip: str | None = None
    port: int | str | None = None
    status: Status | None = None
    t0: float | None = None
    t: float | None = None
    tags: list[str] | None = None
    transaction_id: int | None = None


class Handshake(msgspec.Struct, gc=False):
    """One TLS or QUIC handshake (df-006)."""

    address: str | None = None
    network: str | None = None
    server_name: str | None = None
    outer_server_name: str | None = None
    echconfig: str | None = None
    failure: str | None = None
    tls_version: str | None = None
    negotiated_protocol: str | None = None
    no_tls_verify: bool | None = None
    peer_certificates: list[Text] | None = None
    t0: float | None = None
    t: float | None = None
    tags: list[str] | None = None
    transaction_id: int | None = None


class Asked(msgspec.Struct, gc=False):
    """What was asked of an HTTP server (df-001)."""

    url: str | None = None
    method: str | None = None
    headers: msgspec.Raw = NO_JSON


class Got(msgspec.Struct, gc=False):
    """What an HTTP server answered (df-001)."""

    code: int | None = None
    headers_list: list[list[Text]] | None = None
    headers: msgspec.Raw = NO_JSON
    body: str | Binary | None = None
    body_is_truncated: bool | None = None


class Exchange(msgspec.Struct, gc=False):
    """One HTTP request and its response (df-001); lists have the newest first."""

    address: str | None = None
    alpn: str | None = None
    network: str | None = None
    failure: str | None = None
    request: Asked | None = None
    response: Got | None = None
    t0: float | None = None
    t: float | None = None
    tags: list[str] | None = None
    transaction_id: int | None = None


class NetworkEvent(msgspec.Struct, gc=False):
    """One event of a connection (df-008)."""

    operation: str | None = None
    address: str | None = None
    num_bytes: Number | None = None
    failure: str | None = None
    t: float | None = None
    transaction_id: int | None = None


class Parts(Lenient, gc=False):
    """The shared parts of test keys; every test's own keys are a class that adds to these."""

    queries: list[Query] | None = None
    tcp_connect: list[Connect] | None = None
    tls_handshakes: list[Handshake] | None = None
    quic_handshakes: list[Handshake] | None = None
    requests: list[Exchange] | None = None
    network_events: list[NetworkEvent] | None = None
    failure: str | bool | None = None
