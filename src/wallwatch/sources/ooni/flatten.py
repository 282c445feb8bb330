"""The shared parts of a measurement (df-001 … df-008) as rows of the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from wallwatch.sources.ooni import certificates, http
from wallwatch.sources.ooni.parts import (
    Connect,
    Exchange,
    Got,
    Handshake,
    NetworkEvent,
    Parts,
    Query,
    Status,
    Text,
)
from wallwatch.sources.ooni.rows import DNS, HTTP, QUIC, STEP, TCP, TLS, Rows
from wallwatch.sources.ooni.traffic import handshake_traffic
from wallwatch.sources.ooni.values import (
    address,
    failure_word,
    host_name,
    mask,
    network_number,
    port_number,
    split_endpoint,
    split_url,
)

#: Facts of so many different bodies are remembered: block pages and front pages repeat.
_BODIES = 8_192
#: So many answers likewise.
_ANSWERS = 65_536
_LONGEST_TEXT = 4_000
#: Room for one target's transactions.
_TARGET = 1_000_000
_DEPTHS = {f"depth={n}": n for n in range(64)}


class Matcher(Protocol):
    """What finds fingerprints; see `wallwatch.sources.fingerprints.Fingerprints`."""

    @property
    def header_names(self) -> frozenset[str]:
        """The headers that any fingerprint is about, in lower case."""

    def match_body(self, body: bytes) -> list[str]:
        """Names of the fingerprints that a body matches, as `scope:name`."""

    def match_header(self, name: str, value: str) -> list[str]:
        """The same of one header."""

    def match_dns(self, answer: str) -> list[str]:
        """The same of one DNS answer."""


class NoFingerprints:
    """Finds none."""

    header_names: frozenset[str] = frozenset()

    def match_body(self, body: bytes) -> list[str]:
        """None."""
        return []

    def match_header(self, name: str, value: str) -> list[str]:
        """None."""
        return []

    def match_dns(self, answer: str) -> list[str]:
        """None."""
        return []


class Known:
    """What was found out about bodies and answers before; it saves work and never changes what is read."""

    def __init__(self, matcher: Matcher) -> None:
        self.matcher = matcher
        self.telling_headers = matcher.header_names
        self._bodies: dict[bytes, tuple[str, str | None, list[str]]] = {}
        self._answers: dict[str, list[str] | None] = {}

    def body(self, body: bytes) -> tuple[str, str | None, list[str]]:
        """A body's hash in hex, its title, and the fingerprints that it matches."""
        digest = hashlib.sha256(body).digest()
        facts = self._bodies.get(digest)
        if facts is None:
            facts = digest.hex(), http.title(body), self.matcher.match_body(body)
            if len(self._bodies) >= _BODIES:
                self._bodies.clear()
            self._bodies[digest] = facts
        return facts

    def answer(self, value: str) -> list[str] | None:
        """Fingerprints that a DNS answer matches; null where none does."""
        answers = self._answers
        if value not in answers:
            if len(answers) >= _ANSWERS:
                answers.clear()
            answers[value] = self.matcher.match_dns(value) or None
        return answers[value]


class Flattener:
    """Gathers the rows of one measurement after the other.

    Attributes:
        rows: Where observations go.
        controls: Where what the test helper saw goes.
        measurement: The number of the present measurement.
        notes: What had to be skipped or repaired in it.
        first_host: The host that its input names; null where it names none.
        redirects: Whether its requests are one chain of redirects, newest first.
        hashes: By the `id` of each of its responses the SHA-256 of the body, in hex.
    """

    def __init__(self, known: Known) -> None:
        self.rows = Rows()
        self.controls = Rows()
        self.measurement = -1
        self.notes: list[str] = []
        self.first_host: str | None = None
        self.redirects = False
        self.hashes: dict[int, str] = {}
        self._known = known
        self._hosts: dict[Any, str] = {}
        self._networks: dict[str, tuple[int | None, str | None]] = {}
        self._depth_hosts: dict[int | None, str] = {}
        self._hits: list[str] | None = None
        self._secret: str | None = None
        self._starts: list[int] = []

    def start(
        self, measurement: int, first_host: str | None, redirects: bool, notes: list[str], secret: str | None
    ) -> None:
        """A new measurement begins.

        Args:
            measurement: Its number.
            first_host: See the attribute.
            redirects: See the attribute.
            notes: See the attribute.
            secret: The probe's own address, where the file gives it away; it is cut out of every text.
        """
        self.measurement, self.first_host, self.redirects = measurement, first_host, redirects
        self.notes, self._secret = notes, secret
        if secret is not None:
            self._starts = [len(rows) for rows in self._lists()]
        self._hosts, self._networks, self._depth_hosts, self.hashes = {}, {}, {}, {}

    def parts(self, keys: Parts) -> None:
        """All shared parts of the test keys, in the order in which a connection comes about."""
        if keys.queries:
            self.queries(keys.queries)
        handshakes, requests = keys.tls_handshakes, keys.requests
        if handshakes:
            self._remember_transactions(handshakes, requests or ())
        elif requests:
            self._remember_transactions((), requests)
        if keys.tcp_connect:
            self.connects(keys.tcp_connect)
        if handshakes:
            self.handshakes(handshakes, keys.network_events, TLS)
        if keys.quic_handshakes:
            self.handshakes(keys.quic_handshakes, keys.network_events, QUIC)
        if requests:
            self.exchanges(requests)

    def nested(self, keys: Parts, position: int, *, host: str | None = None, hidden: bool = False) -> None:
        """Shared parts that a test repeats for each of its targets.

        Args:
            keys: Of one target.
            position: Which one; its transactions are numbered on their own, and are kept apart by it.
            host: What stands for the target where only its address is known.
            hidden: Whether addresses must not be told: they are left out of every row.
        """
        seen = self.rows.seen
        starts = [len(rows) for rows in self._lists()]
        self.parts(keys)
        for place in range(starts[0], len(seen)):
            row = seen[place]
            transaction = row[-1] + position * _TARGET if row[-1] is not None else None
            named = host if host is not None and row[2] in (None, row[3]) else row[2]
            seen[place] = (*row[:2], named, *row[3:-1], transaction)
        if hidden:
            self._hide(starts)

    def _hide(self, starts: list[int]) -> None:
        """Takes addresses out of the rows that came since."""
        seen = self.rows.seen
        secrets = {row[3] for row in seen[starts[0] :] if row[3] is not None}
        for place in range(starts[0], len(seen)):
            row = seen[place]
            host = None if row[2] in secrets else row[2]
            seen[place] = (*row[:2], host, None, None, None, None, *row[7:])
        for secret in sorted(secrets):
            for rows, start in zip(self._lists(), starts, strict=True):
                for place in range(start, len(rows)):
                    rows[place] = tuple(_without(secret, "[bridge]", value) for value in rows[place])

    def queries(self, queries: Iterable[Query]) -> None:
        """One row for each answer; one for a query that failed or got none."""
        measurement, seen, dns = self.measurement, self.rows.seen, self.rows.dns
        known_answer = self._known.answer
        for query in queries:
            host = host_name(query.hostname)
            failure, text = failure_word(query.failure)
            depth = self._depth(query.tags, host)
            t, duration = _times(query.t0, query.t)
            transaction = query.transaction_id or None
            if host is not None and depth not in self._depth_hosts:
                self._depth_hosts[depth] = host
            engine = _engine(query.engine)
            resolver = (query.resolver_address or None) if engine != "system" else None
            rcode, kind = query.rcode, query.query_type
            answers = query.answers
            if not answers:
                if failure is None:
                    failure = "dns_no_answer"
                seen.append(
                    (
                        measurement,
                        DNS,
                        host,
                        None,
                        None,
                        None,
                        None,
                        failure,
                        text,
                        t,
                        duration,
                        depth,
                        transaction,
                    )
                )
                dns.append((engine, kind, resolver, None, None, rcode, None, None))
                continue
            for answer in answers:
                ip = address(answer.ipv4 or answer.ipv6)
                network, name = network_number(answer.asn), answer.as_org_name or None
                if ip is not None:
                    value: str | None = ip
                    if host is not None:
                        self._hosts.setdefault(ip, host)
                        self._hosts.setdefault((ip, depth), host)
                    self._networks.setdefault(ip, (network, name))
                else:
                    value = host_name(answer.hostname) or answer.ipv4 or answer.ipv6
                    network = name = None
                hits = known_answer(value) if value else None
                ttl = answer.ttl
                seen.append(
                    (
                        measurement,
                        DNS,
                        host,
                        ip,
                        None,
                        network,
                        name,
                        failure,
                        text,
                        t,
                        duration,
                        depth,
                        transaction,
                    )
                )
                dns.append(
                    (
                        engine,
                        kind,
                        resolver,
                        answer.answer_type,
                        value,
                        rcode,
                        int(ttl) if ttl is not None else None,
                        hits,
                    )
                )

    def connects(self, connects: Iterable[Connect]) -> None:
        """One row for each TCP connect."""
        measurement, seen = self.measurement, self.rows.seen
        for connect in connects:
            ip = address(connect.ip)
            port = connect.port
            if isinstance(port, str):
                port = port_number(port)
            if connect.status is None:
                self.note("tcp_connect: no status")
                continue
            failure, text = _outcome(connect.status)
            transaction = connect.transaction_id or None
            host, depth = self._host(ip or host_name(connect.ip), connect.tags, transaction)
            network, name = self._networks.get(ip, (None, None)) if ip else (None, None)
            t, duration = _times(connect.t0, connect.t)
            seen.append(
                (
                    measurement,
                    TCP,
                    host,
                    ip,
                    port,
                    network,
                    name,
                    failure,
                    text,
                    t,
                    duration,
                    depth,
                    transaction,
                )
            )

    def handshakes(
        self, handshakes: Sequence[Handshake], events: Sequence[NetworkEvent] | None, layer: int
    ) -> None:
        """One row for each TLS or QUIC handshake."""
        measurement, seen, tls = self.measurement, self.rows.seen, self.rows.tls
        traffic = handshake_traffic(handshakes, events)
        for position, handshake in enumerate(handshakes):
            raw_host, port = split_endpoint(handshake.address)
            ip = address(raw_host)
            transaction = handshake.transaction_id or None
            server_name = host_name(handshake.server_name)
            host, depth = self._host(ip or host_name(raw_host), handshake.tags, transaction, server_name)
            failure, text = failure_word(handshake.failure)
            network, name = self._networks.get(ip, (None, None)) if ip else (None, None)
            t, duration = _times(handshake.t0, handshake.t)
            chain = handshake.peer_certificates
            leaf = self._leaf(chain) if chain else None
            seen.append(
                (
                    measurement,
                    layer,
                    host,
                    ip,
                    port,
                    network,
                    name,
                    failure,
                    text,
                    t,
                    duration,
                    depth,
                    transaction,
                )
            )
            tls.append(
                (
                    server_name,
                    host_name(handshake.outer_server_name),
                    _ech(handshake.echconfig),
                    handshake.tls_version or None,
                    handshake.negotiated_protocol or None,
                    handshake.no_tls_verify,
                    leaf,
                    len(chain) if chain else None,
                    certificates.matches(leaf.names, server_name)
                    if leaf is not None and leaf.names
                    else None,
                    *traffic[position],
                )
            )

    def exchanges(self, requests: Sequence[Exchange]) -> None:
        """One row for each HTTP exchange, the first one first."""
        last = len(requests) - 1
        for position in range(last, -1, -1):
            # The list has the newest first: in a chain of redirects, place says how many came before.
            self.exchange(requests[position], last - position if self.redirects else None)

    def exchange(self, request: Exchange, depth: int | None = None) -> None:
        """The row of one HTTP exchange; `depth` is used where it has no tag that says it."""
        asked, response = request.request, request.response
        url = asked.url if asked is not None else None
        _, host, port = split_url(url)
        if url is None and asked is not None:
            # Some probes of 2019 left the URL out: the Host header still says whom they asked.
            names, values = http.other_forms(asked.headers)
            named = dict(zip(http.layout(names).lower, values, strict=True)).get("host")
            raw_host, port = split_endpoint(http.as_text(named) if named else None)
            host = host_name(raw_host)
        raw_ip, address_port = split_endpoint(request.address)
        ip = address(raw_ip)
        if ip is None and host is not None:
            ip = address(host)
        transaction = request.transaction_id or None
        tagged = _tagged_depth(request.tags)
        failure, text = failure_word(request.failure)
        t, duration = _times(request.t0, request.t)
        network, name = self._networks.get(ip, (None, None)) if ip else (None, None)
        self.rows.seen.append(
            (
                self.measurement,
                HTTP,
                host or self.first_host,
                ip,
                address_port or port,
                network,
                name,
                failure,
                text,
                t,
                duration,
                tagged if tagged is not None else depth,
                transaction,
            )
        )
        self.rows.http.append(
            (
                (asked.method or "").upper() or None if asked is not None else None,
                url[:_LONGEST_TEXT] if url else None,
                *self._response(response),
                request.alpn or None,
                self._hits,
            )
        )

    def step(
        self,
        step: str,
        value: object = None,
        *,
        target: str | None = None,
        failure: str | None = None,
        endpoint: str | None = None,
        host: str | None = None,
        t: float | None = None,
    ) -> None:
        """A row for a step or a status of the test's own.

        Args:
            step: Its name.
            value: What it came to: text, a number, true or false, a list of texts, or null.
            target: The part of the service that it belongs to.
            failure: The failure string; null where it succeeded or the step cannot fail.
            endpoint: `host:port` that it concerns.
            host: The host name that it concerns, where the endpoint is an address.
            t: When it ended, in seconds since the measurement started.
        """
        raw_host, port = split_endpoint(endpoint)
        ip = address(raw_host)
        word, text = failure_word(failure)
        network, name = self._networks.get(ip, (None, None)) if ip else (None, None)
        self.rows.seen.append(
            (
                self.measurement,
                STEP,
                host or ip or host_name(raw_host),
                ip,
                port,
                network,
                name,
                word,
                text,
                t,
                None,
                None,
                None,
            )
        )
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        self.rows.step.append((step, _as_text(value), number, target))

    def _remember_transactions(self, handshakes: Iterable[Handshake], requests: Iterable[Exchange]) -> None:
        """Which host each transaction is about: connects do not say it themselves."""
        hosts = self._hosts
        for handshake in handshakes:
            if handshake.transaction_id and (name := host_name(handshake.server_name)):
                hosts[handshake.transaction_id] = name
        for request in requests:
            if request.transaction_id and request.request is not None:
                host = split_url(request.request.url)[1]
                if host is not None:
                    hosts[request.transaction_id] = host

    def _host(
        self,
        address_or_name: str | None,
        tags: list[str] | None,
        transaction: int | None,
        known: str | None = None,
    ) -> tuple[str | None, int | None]:
        """The host that a connection to an address is about, and its depth."""
        hosts = self._hosts
        depth = _tagged_depth(tags)
        host = known
        if host is None and transaction is not None:
            host = hosts.get(transaction)
        if host is None:
            host = hosts.get((address_or_name, depth)) or hosts.get(address_or_name)
        if host is None and depth is not None:
            host = self._depth_hosts.get(depth)
        if host is None:
            host = self.first_host if self.redirects else address_or_name
        if depth is None and self.redirects and host == self.first_host:
            depth = 0
        return host, depth

    def _depth(self, tags: list[str] | None, host: str | None) -> int | None:
        depth = _tagged_depth(tags)
        if depth is None and self.redirects and host is not None and host == self.first_host:
            return 0
        return depth

    def _leaf(self, chain: list[Text]) -> certificates.Leaf | None:
        """The facts of a chain's first certificate."""
        first = chain[0]
        text = first if isinstance(first, str) else first.data
        leaf = certificates.leaf(text) if text else None
        if leaf is None:
            self.note("peer_certificates: not base64")
        return leaf

    def _response(self, response: Got | None) -> tuple[Any, ...]:
        """The values from `http_status` to `http_header_names`; leaves the fingerprints in `_hits`."""
        self._hits = None
        if response is None:
            return (None, None, None, None, None, None, None, None)
        status = response.code if response.code and response.code > 0 else None
        length = sha256 = found_title = location = server = names = None
        hits: list[str] = []
        body = http.decoded(response.body) if response.body is not None else None
        if body is not None and (body or status is not None):
            length = len(body)
        if body:
            sha256, found_title, body_hits = self._known.body(body)
            hits = body_hits
            self.hashes[id(response)] = sha256
        header_names, values = http.headers(response)
        if header_names:
            at = http.layout(header_names)
            names = at.names
            if at.location >= 0:
                location = http.as_text(values[at.location])[:_LONGEST_TEXT]
            if at.server >= 0:
                server = http.as_text(values[at.server])[:300]
            told = self._known.telling_headers
            for place, lower in enumerate(at.lower):
                if lower in told:
                    hits = hits + self._known.matcher.match_header(lower, http.as_text(values[place]))
        self._hits = hits or None
        return (status, length, sha256, response.body_is_truncated, found_title, location, server, names)

    def finish(self) -> None:
        """The measurement is complete: its own address is cut out of every text (trap X9).

        Portals put it into redirects and titles, and some resolvers answer with it.
        """
        secret = self._secret
        if secret is None:
            return
        shown = mask(secret)
        for rows, start in zip(self._lists(), self._starts, strict=True):
            for place in range(start, len(rows)):
                rows[place] = tuple(_without(secret, shown, value) for value in rows[place])

    def _lists(self) -> tuple[list[tuple[Any, ...]], ...]:
        rows = self.rows
        return rows.seen, rows.dns, rows.tls, rows.http, rows.step

    def note(self, text: str) -> None:
        """Adds a note, once."""
        if text not in self.notes and len(self.notes) < 32:
            self.notes.append(text)


def _without(secret: str, shown: str, value: Any) -> Any:
    """A value of a row without an address."""
    if isinstance(value, str):
        return value.replace(secret, shown)
    if isinstance(value, certificates.Leaf):
        return value.without(secret, shown)
    return value


def _times(t0: float | None, t: float | None) -> tuple[float | None, float | None]:
    """When it ended and how long it took, in seconds."""
    if t is None:
        return None, None
    if t0 is None:
        return float(t), None
    return float(t), float(t - t0)


def _tagged_depth(tags: list[str] | None) -> int | None:
    if tags:
        for tag in tags:
            depth = _DEPTHS.get(tag)
            if depth is not None:
                return depth
    return None


def _engine(engine: str | None) -> str | None:
    # Probes before the engine field existed asked the system's resolver over UDP by themselves or through
    # the C library; all of them mean "the resolver that the system is configured with".
    if not engine:
        return "system"
    engine = engine.lower()
    return {"getaddrinfo": "system", "golang_net_resolver": "system"}.get(engine, engine)


def _outcome(status: Status) -> tuple[str | None, str | None]:
    """The failure of a connect; one that says only that it did not succeed has an unknown failure."""
    if status.failure:
        return failure_word(status.failure)
    if status.success is False:
        return "unknown_failure", None
    return None, None


def _ech(config: str | None) -> str | None:
    if not config:
        return None
    return "GREASE" if config.upper() == "GREASE" else "real"


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(sorted(str(item) for item in value))[:_LONGEST_TEXT]
    return str(value)[:_LONGEST_TEXT]
