"""The shared parts of a measurement (df-001 … df-008) as rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from wallwatch.sources.ooni import http
from wallwatch.sources.ooni.control import ControlRows
from wallwatch.sources.ooni.known import Known
from wallwatch.sources.ooni.parts import (
    Answer,
    Connect,
    Exchange,
    Got,
    Handshake,
    NetworkEvent,
    Parts,
    Query,
    Text,
)
from wallwatch.sources.ooni.remembered import ADDRESSES, ENDPOINTS, HOSTS, NETWORKS, URLS
from wallwatch.sources.ooni.rows import DNS, HTTP, QUIC, STEP, TCP, TLS, Layer, Level, Rows
from wallwatch.sources.ooni.traffic import handshake_traffic
from wallwatch.sources.ooni.values import LONGEST_NAME, mask, port_number, size, whole

LONGEST_TEXT = 4_000
#: Room for one target's transactions.
_TARGET = 1_000_000
_DEPTHS = {f"depth={n}": n for n in range(64)}
_NO_ANSWER = Answer()
_NO_NETWORK: tuple[int | None, str | None] = (None, None)

_SEEN = ("host", "ip", "port", "ip_network", "ip_network_name", "depth", "transaction")
_TIMES = ("failed", "t", "t0")
_HTTP_PLACES = (
    "http_method",
    "http_url",
    "http_status",
    "http_body_length",
    "http_body_sha256",
    "http_body_truncated",
    "http_title",
    "http_location",
    "http_server",
    "http_header_names",
    "http_fingerprint",
    "http_alpn",
)
_STEP_PLACES = ("step", "step_value", "step_number", "step_target")
_TRAFFIC = ("read_bytes", "read_count", "write_bytes", "write_count")


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
        self._answered = Level(
            ("ip", "ip_network", "ip_network_name", "dns_answer", "dns_fingerprint"),
            ("dns_answer_type", "dns_ttl"),
        )
        self._asked = Level(
            ("host", "depth", "transaction"),
            (*_TIMES, "dns_engine", "dns_query_type", "dns_resolver", "dns_rcode"),
        )
        self._connected = Level(_SEEN, _TIMES)
        self._shook = Level(
            (*_SEEN, "tls_server_name", "leaf", "tls_matches_name", "tls_chain_length", *_TRAFFIC),
            (*_TIMES, "tls_outer_server_name", "tls_ech", "tls_version", "tls_alpn", "tls_no_verify"),
        )
        self._dns = Layer((DNS,), self._answered, self._asked)
        tcp, tls = Layer((TCP,), self._connected), Layer((TLS, QUIC), self._shook)
        self._exchanged = Level((*_SEEN, *_TIMES, *_HTTP_PLACES))
        self._stepped = Level((*_SEEN, *_TIMES, *_STEP_PLACES))
        http_, step = Layer((HTTP,), self._exchanged), Layer((STEP,), self._stepped)
        self.rows = Rows(self._dns, tcp, tls, http_, step)
        self.controls = ControlRows()
        self.measurement = -1
        self.notes: list[str] = []
        self.first_host: str | None = None
        self.redirects = False
        self.hashes: dict[int, str] = {}
        self._known = known
        self._hosts: dict[Any, str] = {}
        self._networks: dict[str | None, tuple[int | None, str | None]] = {}
        self._depth_hosts: dict[int | None, str] = {}
        self._secret: str | None = None
        self._sizes: list[int] = []
        self._marks = self.rows.mark(), self.controls.mark()
        self._offset = 0
        self._held_queries: list[Query] = []
        self._held_answers: list[Answer] = []
        self._held_connects: list[Connect] = []
        self._held_handshakes: list[Handshake] = []

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
            self.complete()
            self._sizes = self.rows.sizes()
        self._hosts, self._networks, self._depth_hosts, self.hashes = {}, {}, {}, {}
        self._marks = self.rows.mark(), self.controls.mark()
        self.rows.repeated = self.controls.repeated = 0

    def repeats(self, everywhere: int) -> int:
        """Bytes of text that stand in more rows of the measurement than they are written in.

        Args:
            everywhere: Bytes of the texts that stand in each of its rows.
        """
        rows, controls = self._marks
        count = self.rows.since(rows) + self.controls.since(controls)
        return count * everywhere + self.rows.repeated + self.controls.repeated

    def drop(self) -> None:
        """Forgets the rows of the measurement."""
        self.complete()
        for rows, mark in zip((self.rows, self.controls), self._marks, strict=True):
            rows.drop(mark)

    def finish(self) -> None:
        """The measurement is complete: its own address is cut out of every text (trap X9).

        Portals put it into redirects and titles, and some resolvers answer with it.
        """
        if self._secret is not None:
            self.complete()
            self.rows.scrub(self._sizes, self._secret, mask(self._secret))

    def complete(self) -> None:
        """Makes columns of what is held: to be called now and then, and before the rows are used."""
        self.controls.settle()
        if queries := self._held_queries:
            add = self._asked.columns
            add["failed"] += [q.failure or (None if q.answers else "dns_no_answer") for q in queries]
            add["t"] += [q.t for q in queries]
            add["t0"] += [q.t0 for q in queries]
            engines = [engine_word(q.engine) for q in queries]
            add["dns_engine"] += engines
            add["dns_query_type"] += [q.query_type for q in queries]
            add["dns_resolver"] += [
                _named(q.resolver_address) if engine != "system" else None
                for q, engine in zip(queries, engines, strict=True)
            ]
            add["dns_rcode"] += [q.rcode for q in queries]
            queries.clear()
            answers = self._held_answers
            add = self._answered.columns
            add["dns_answer_type"] += [a.answer_type for a in answers]
            add["dns_ttl"] += [None if (ttl := a.ttl) is None else whole(ttl) for a in answers]
            answers.clear()
        if connects := self._held_connects:
            add = self._connected.columns
            add["failed"] += [
                s.failure or ("unknown_failure" if s.success is False else None)
                for c in connects
                if (s := c.status) is not None
            ]
            add["t"] += [c.t for c in connects]
            add["t0"] += [c.t0 for c in connects]
            connects.clear()
        if shakes := self._held_handshakes:
            add = self._shook.columns
            add["failed"] += [h.failure for h in shakes]
            add["t"] += [h.t for h in shakes]
            add["t0"] += [h.t0 for h in shakes]
            add["tls_outer_server_name"] += [HOSTS[h.outer_server_name] for h in shakes]
            add["tls_ech"] += [ech_word(h.echconfig) for h in shakes]
            add["tls_version"] += [h.tls_version or None for h in shakes]
            add["tls_alpn"] += [h.negotiated_protocol or None for h in shakes]
            add["tls_no_verify"] += [h.no_tls_verify for h in shakes]
            shakes.clear()
        self.rows.settle()

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
        apart = hidden or host is not None
        if apart:
            self.complete()
            starts = self.rows.sizes()
        self._offset = position * _TARGET
        mark = self.rows.mark()
        self.parts(keys)
        self._offset = 0
        self.rows.repeated += self.rows.since(mark) * size(host)
        if apart:
            self.complete()
            if host is not None:
                self.rows.name(starts, host)
            if hidden:
                self.rows.hide(starts)

    def queries(self, queries: Sequence[Query]) -> None:
        """One row for each answer; one for a query that failed or got none."""
        first_host, offset = self.first_host if self.redirects else None, self._offset
        hosts, networks, depth_hosts = self._hosts, self._networks, self._depth_hosts
        hits = self._known.answers
        asked, answered, sizes = self._asked.rows, self._answered.rows, self._dns.sizes
        before = len(answered)
        for query in queries:
            host = HOSTS[query.hostname]
            depth = _tagged_depth(tags) if (tags := query.tags) else None
            if host is not None:
                if depth is None and host == first_host:
                    depth = 0
                if depth not in depth_hosts:
                    depth_hosts[depth] = host
            transaction = query.transaction_id
            asked.append((host, depth, transaction + offset if transaction else None))
            answers = query.answers
            if not answers:
                sizes.append(1)
                self._held_answers.append(_NO_ANSWER)
                answered.append((None, None, None, None, None))
                continue
            sizes.append(len(answers))
            if len(answers) > 1:
                texts = size(query.hostname) + size(query.resolver_address) + size(query.failure)
                self.rows.repeated += (len(answers) - 1) * texts
            self._held_answers += answers
            for answer in answers:
                ip = ADDRESSES[answer.ipv4 or answer.ipv6]
                if ip is not None:
                    network = NETWORKS[answer.asn], _named(answer.as_org_name)
                    if host is not None and ip not in hosts:
                        hosts[ip] = host
                    if host is not None and (ip, depth) not in hosts:
                        hosts[ip, depth] = host
                    if ip not in networks:
                        networks[ip] = network
                    answered.append((ip, *network, ip, hits[ip]))
                else:
                    value = HOSTS[answer.hostname] or answer.ipv4 or answer.ipv6
                    answered.append((None, None, None, value, hits[value] if value else None))
        self._held_queries += queries
        self.rows.keys.append(8 * self.measurement + DNS)
        self.rows.counts.append(len(answered) - before)

    def connects(self, connects: Iterable[Connect]) -> None:
        """One row for each TCP connect."""
        offset, networks, rows, held = (
            self._offset,
            self._networks,
            self._connected.rows,
            self._held_connects,
        )
        before = len(rows)
        for connect in connects:
            if connect.status is None:
                self.note("tcp_connect: no status")
                continue
            ip = ADDRESSES[connect.ip]
            port = connect.port
            if isinstance(port, str):
                port = port_number(port)
            transaction = connect.transaction_id
            host, depth = self._host(ip or HOSTS[connect.ip], connect.tags, transaction)
            network, name = networks.get(ip, _NO_NETWORK)
            rows.append((host, ip, port, network, name, depth, transaction + offset if transaction else None))
            held.append(connect)
        self.rows.keys.append(8 * self.measurement + TCP)
        self.rows.counts.append(len(rows) - before)

    def handshakes(
        self, handshakes: Sequence[Handshake], events: Sequence[NetworkEvent] | None, layer: int
    ) -> None:
        """One row for each TLS or QUIC handshake."""
        offset, networks, rows, leaves = (
            self._offset,
            self._networks,
            self._shook.rows,
            self._known.leaves,
        )
        for handshake, traffic in zip(handshakes, handshake_traffic(handshakes, events), strict=True):
            place, ip, port = ENDPOINTS[handshake.address]
            transaction = handshake.transaction_id
            server_name = HOSTS[handshake.server_name]
            host, depth = self._host(place, handshake.tags, transaction, server_name)
            network, name = networks.get(ip, _NO_NETWORK)
            leaf = matched = length = None
            if chain := handshake.peer_certificates:
                length = len(chain)
                if text := _certificate(chain):
                    leaf, for_name = leaves[text]
                    matched = for_name[server_name]
                if leaf is None:
                    self.note("peer_certificates: not base64")
            rows.append(
                (
                    host,
                    ip,
                    port,
                    network,
                    name,
                    depth,
                    transaction + offset if transaction else None,
                    server_name,
                    leaf,
                    matched,
                    length,
                    *traffic,
                )
            )
        self._held_handshakes += handshakes
        self.rows.keys.append(8 * self.measurement + layer)
        self.rows.counts.append(len(handshakes))

    def exchanges(self, requests: Sequence[Exchange]) -> None:
        """One row for each HTTP exchange, the first one first."""
        # The list has the newest first: in a chain of redirects, place says how many came before.
        for position, request in enumerate(reversed(requests)):
            self._exchange(request, position if self.redirects else None)
        self.rows.keys.append(8 * self.measurement + HTTP)
        self.rows.counts.append(len(requests))

    def _exchange(self, request: Exchange, depth: int | None) -> None:
        """The row of one HTTP exchange; `depth` is used where it has no tag that says it."""
        asked = request.request
        url = method = None
        if asked is not None:
            url, method = asked.url, asked.method
        host, host_ip, port = URLS[url]
        if url is None and asked is not None:
            # Some probes of 2019 left the URL out: the Host header still says whom they asked.
            names, values = http.other_forms(asked.headers)
            named = dict(zip(http.layout(names).lower, values, strict=True)).get("host")
            host, host_ip, port = ENDPOINTS[http.as_text(named) if named else None]
        _, ip, address_port = ENDPOINTS[request.address]
        if ip is None:
            ip = host_ip
        tags, transaction = request.tags, request.transaction_id
        if tags and (tagged := _tagged_depth(tags)) is not None:
            depth = tagged
        network, name = self._networks.get(ip, _NO_NETWORK)
        self._exchanged.rows.append(
            (
                host or self.first_host,
                ip,
                address_port or port,
                network,
                name,
                depth,
                transaction + self._offset if transaction else None,
                request.failure,
                request.t,
                request.t0,
                method.upper() or None if method else None,
                url[:LONGEST_TEXT] if url else None,
                *self._response(request.response),
                request.alpn or None,
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
        place, ip, port = ENDPOINTS[endpoint]
        network, name = self._networks.get(ip, _NO_NETWORK)
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        self._stepped.rows.append(
            (
                host or place,
                ip,
                port,
                network,
                name,
                None,
                None,
                failure,
                t,
                None,
                step,
                _as_text(value),
                number,
                target,
            )
        )
        self.rows.keys.append(8 * self.measurement + STEP)
        self.rows.counts.append(1)

    def _remember_transactions(self, handshakes: Iterable[Handshake], requests: Iterable[Exchange]) -> None:
        """Which host each transaction is about: connects do not say it themselves."""
        hosts = self._hosts
        for handshake in handshakes:
            if handshake.transaction_id and (name := HOSTS[handshake.server_name]):
                hosts[handshake.transaction_id] = name
        for request in requests:
            if request.transaction_id and request.request is not None:
                host = URLS[request.request.url][0]
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
        depth = _tagged_depth(tags) if tags else None
        host = known
        if host is None and transaction:
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

    def _response(self, response: Got | None) -> tuple[Any, ...]:
        """The values from `http_status` to `http_fingerprint`."""
        if response is None:
            return _NO_RESPONSE
        status = code if (code := response.code) and code > 0 else None
        length = sha256 = found_title = location = server = names = None
        hits: list[str] = []
        if response.body is not None:
            body = http.decoded(response.body)
            if body:
                length = len(body)
                sha256, found_title, hits = self._known.body(body)
                self.hashes[id(response)] = sha256
            elif status is not None:
                length = 0
        header_names, values = http.headers(response)
        if header_names:
            at = http.layout(header_names)
            names = at.names
            if at.location >= 0:
                location = http.as_text(values[at.location])[:LONGEST_TEXT]
            if at.server >= 0:
                server = http.as_text(values[at.server])[: http.LONGEST_SERVER]
            for place, lower in self._known.telling[at.lower]:
                hits = hits + self._known.matcher.match_header(lower, http.as_text(values[place]))
        return (
            status,
            length,
            sha256,
            response.body_is_truncated,
            found_title,
            location,
            server,
            names,
            hits or None,
        )

    def note(self, text: str) -> None:
        """Adds a note, once."""
        if text not in self.notes and len(self.notes) < 32:
            self.notes.append(text)


_NO_RESPONSE = (None,) * 9


def _named(text: str | None) -> str | None:
    """A resolver's or a network's name, which many rows may repeat; null where there is none, or no such name."""
    return text if text and size(text) <= LONGEST_NAME else None


def _certificate(chain: list[Text]) -> str | None:
    """A chain's first certificate in base64."""
    first = chain[0]
    return first if isinstance(first, str) else first.data


def _tagged_depth(tags: list[str]) -> int | None:
    for tag in tags:
        if tag in _DEPTHS:
            return _DEPTHS[tag]
    return None


def engine_word(engine: str | None) -> str:
    """The engine of a query, in the words of the tables."""
    # Probes before the engine field existed asked the system's resolver over UDP by themselves or through
    # the C library; all of them mean "the resolver that the system is configured with".
    if not engine:
        return "system"
    engine = engine.lower()
    return {"getaddrinfo": "system", "golang_net_resolver": "system"}.get(engine, engine)


def ech_word(config: str | None) -> str | None:
    """What stood in a handshake's Encrypted Client Hello: `GREASE` or `real`; null where there was none."""
    if not config:
        return None
    return "GREASE" if config.upper() == "GREASE" else "real"


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return " ".join(sorted(str(item) for item in value))[:LONGEST_TEXT]
    return str(value)[:LONGEST_TEXT]
