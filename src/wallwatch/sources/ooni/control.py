"""What the test helper saw (Web Connectivity's `control`), as control rows with the same layers."""

from __future__ import annotations

from typing import Any

import msgspec

from wallwatch.sources.ooni import http
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.parts import NO_JSON, Number
from wallwatch.sources.ooni.rows import DNS, HTTP, QUIC, TCP, TLS, TLS_PLACES, Rows
from wallwatch.sources.ooni.values import (
    address,
    failure_word,
    host_name,
    network_number,
    split_endpoint,
    split_url,
)

#: What the helper does not say of a handshake: the places of `TLS_PLACES` behind the first.
_NOTHING = (None,) * (len(TLS_PLACES) - 1)


class HelperDNS(Lenient, gc=False):
    """What the helper resolved."""

    failure: str | None = None
    addrs: list[str] | None = None


class HelperEndpoint(Lenient, gc=False):
    """How the helper's connect or handshake ended."""

    status: bool | None = None
    failure: str | None = None
    server_name: str | None = None


class HelperHTTP(Lenient, gc=False):
    """What the helper's request gave, after all redirects."""

    body_length: Number | None = None
    failure: str | None = None
    title: str | None = None
    status_code: int | None = None
    headers: msgspec.Raw = NO_JSON


class HelperAddress(Lenient, gc=False):
    """What the helper knows of an address."""

    asn: Number | None = None


class Control(Lenient, gc=False):
    """The helper's answer."""

    dns: HelperDNS | None = None
    tcp_connect: dict[str, HelperEndpoint | None] | None = None
    tls_handshake: dict[str, HelperEndpoint | None] | None = None
    quic_handshake: dict[str, HelperEndpoint | None] | None = None
    http_request: HelperHTTP | None = None
    http3_request: HelperHTTP | None = None
    ip_info: dict[str, HelperAddress | None] | None = None


def control_rows(rows: Rows, measurement: int, host: str | None, url: str | None, control: Control) -> None:
    """Adds the rows of one measurement's control.

    Args:
        rows: Where to.
        measurement: Its number.
        host: The host of its input.
        url: The input, which the helper requested too.
        control: The helper's answer.
    """
    networks = {
        ip: network_number(info.asn)
        for text, info in (control.ip_info or {}).items()
        if info is not None and (ip := address(text)) is not None
    }

    add = rows.seen.append

    def seen(layer: int, name: str | None, ip: str | None, port: int | None, failed: str | None) -> None:
        failure, text = failure_word(failed) if failed else (None, None)
        network = networks.get(ip) if ip else None
        add((measurement, layer, name, ip, port, network, None, failure, text, None, None, None, None))

    if control.dns is not None:
        _dns(control.dns, host, seen, rows)
    for layer, endpoints in (
        (TCP, control.tcp_connect),
        (TLS, control.tls_handshake),
        (QUIC, control.quic_handshake),
    ):
        for endpoint, outcome in (endpoints or {}).items():
            if outcome is None:
                continue
            raw, port = split_endpoint(endpoint)
            failed = outcome.failure or ("unknown_failure" if outcome.status is False else None)
            server_name = host_name(outcome.server_name)
            seen(layer, server_name or host, address(raw), port, failed)
            if layer != TCP:
                rows.tls.append((server_name, *_NOTHING))
    if control.http_request is not None:
        _http(control.http_request, host, url, None, seen, rows)
    if control.http3_request is not None:
        _http(control.http3_request, host, url, "h3", seen, rows)


def _dns(found: HelperDNS, host: str | None, seen: Any, rows: Rows) -> None:
    # An empty list without a failure is how the helper says that the name has no address.
    addresses = found.addrs or []
    if not addresses:
        seen(DNS, host, None, None, found.failure or "dns_no_answer")
        rows.dns.append((None, None, None, None, None, None, None, None))
        return
    for text in addresses:
        ip = address(text)
        kind = "CNAME" if ip is None else "AAAA" if ":" in ip else "A"
        seen(DNS, host, ip, None, found.failure)
        rows.dns.append((None, None, None, kind, ip or host_name(text), None, None, None))


def _http(
    found: HelperHTTP, host: str | None, url: str | None, alpn: str | None, seen: Any, rows: Rows
) -> None:
    status = found.status_code if found.status_code and found.status_code > 0 else None
    if status is None and not found.failure:
        return  # the helper was not asked, or had nothing to connect to
    names, values = http.other_forms(found.headers)
    at = http.layout(names)
    length = int(found.body_length) if found.body_length is not None and found.body_length >= 0 else None
    location = http.as_text(values[at.location]) if at.location >= 0 else None
    server = http.as_text(values[at.server]) if at.server >= 0 else None
    title = (found.title or "").strip()[:200] or None
    seen(HTTP, host, None, split_url(url)[2], found.failure)
    rows.http.append(
        ("GET", url, status, length, None, None, title, location, server, at.names or None, alpn, None)
    )
