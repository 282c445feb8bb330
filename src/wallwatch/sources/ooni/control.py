"""What the test helper saw (Web Connectivity's `control`), as control rows with the same layers."""

from __future__ import annotations

import msgspec

from wallwatch.sources.ooni import http
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.parts import NO_JSON, Number
from wallwatch.sources.ooni.remembered import ADDRESSES, ENDPOINTS, HOSTS, NETWORKS, URLS
from wallwatch.sources.ooni.rows import DNS, HTTP, QUIC, TCP, TLS, Layer, Level, Rows
from wallwatch.sources.ooni.values import size, whole


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


class ControlRows(Rows):
    """What the helper saw, measurement by measurement."""

    __slots__ = ("_dns", "_http", "_tcp", "_tls")

    def __init__(self) -> None:
        self._dns = Level(("host", "ip", "ip_network", "failed", "dns_answer_type", "dns_answer"))
        self._tcp = Level(("host", "ip", "port", "ip_network", "failed"))
        self._tls = Level(("host", "ip", "port", "ip_network", "failed", "tls_server_name"))
        self._http = Level(_HTTP_PLACES)
        super().__init__(
            Layer((DNS,), self._dns),
            Layer((TCP,), self._tcp),
            Layer((TLS, QUIC), self._tls),
            Layer((HTTP,), self._http),
        )

    def add(self, measurement: int, host: str | None, url: str | None, control: Control) -> None:
        """Adds the rows of one measurement's control.

        Args:
            measurement: Its number.
            host: The host of its input.
            url: The input, which the helper requested too.
            control: The helper's answer.
        """
        networks: dict[str | None, int | None] = {}
        if control.ip_info:
            for text, info in control.ip_info.items():
                if info is not None and (ip := ADDRESSES[text]) is not None:
                    networks[ip] = NETWORKS[info.asn]
        keys, counts, key = self.keys, self.counts, 8 * measurement
        if control.dns is not None:
            keys.append(key + DNS)
            counts.append(self._answers(control.dns, host, networks))
        if control.tcp_connect:
            keys.append(key + TCP)
            counts.append(_outcomes(self._tcp, control.tcp_connect, host, networks, named=False))
        for code, endpoints in ((TLS, control.tls_handshake), (QUIC, control.quic_handshake)):
            if endpoints:
                keys.append(key + code)
                counts.append(_outcomes(self._tls, endpoints, host, networks, named=True))
        for alpn, found in ((None, control.http_request), ("h3", control.http3_request)):
            if found is not None and (row := _page(found, host, url, alpn)) is not None:
                self._http.rows.append(row)
                keys.append(key + HTTP)
                counts.append(1)

    def _answers(self, found: HelperDNS, host: str | None, networks: dict[str | None, int | None]) -> int:
        """Adds a row for each address; how many."""
        rows, failed = self._dns.rows, found.failure
        # An empty list without a failure is how the helper says that the name has no address.
        if not found.addrs:
            rows.append((host, None, None, failed or "dns_no_answer", None, None))
            return 1
        if failed:
            self.repeated += (len(found.addrs) - 1) * size(failed)
        for text in found.addrs:
            ip = ADDRESSES[text]
            if ip is None:
                rows.append((host, None, None, failed, "CNAME", HOSTS[text]))
            else:
                rows.append((host, ip, networks.get(ip), failed, "AAAA" if ":" in ip else "A", ip))
        return len(found.addrs)


def _outcomes(
    level: Level,
    endpoints: dict[str, HelperEndpoint | None],
    host: str | None,
    networks: dict[str | None, int | None],
    *,
    named: bool,
) -> int:
    """Adds a row for each connect or handshake, with the name that was asked for; how many."""
    rows = level.rows
    before = len(rows)
    for endpoint, outcome in endpoints.items():
        if outcome is None:
            continue
        _, ip, port = ENDPOINTS[endpoint]
        failed = outcome.failure or ("unknown_failure" if outcome.status is False else None)
        server_name = HOSTS[outcome.server_name]
        row = (server_name or host, ip, port, networks.get(ip), failed)
        rows.append((*row, server_name) if named else row)
    return len(rows) - before


_HTTP_PLACES = (
    "host",
    "port",
    "failed",
    "http_method",
    "http_url",
    "http_status",
    "http_body_length",
    "http_title",
    "http_location",
    "http_server",
    "http_header_names",
    "http_alpn",
)


def _page(
    found: HelperHTTP, host: str | None, url: str | None, alpn: str | None
) -> tuple[object, ...] | None:
    """The row of the helper's request; none where it was not asked, or had nothing to connect to."""
    status = code if (code := found.status_code) and code > 0 else None
    if status is None and not found.failure:
        return None
    names, values = http.other_forms(found.headers)
    at = http.layout(names)
    length = whole(found.body_length) if found.body_length is not None and found.body_length >= 0 else None
    location = http.as_text(values[at.location]) if at.location >= 0 else None
    server = http.as_text(values[at.server]) if at.server >= 0 else None
    title = http.short_title(found.title) if found.title else None
    port = URLS[url][2]
    return (
        host,
        port,
        found.failure,
        "GET",
        url,
        status,
        length,
        title,
        location,
        server,
        at.names or None,
        alpn,
    )
