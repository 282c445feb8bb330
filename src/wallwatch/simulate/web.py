"""Web Connectivity measurements as OONI Probe writes them: 0.5 (OONI spec ts-017, LTE) and 0.4."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from wallwatch.simulate import names
from wallwatch.simulate.internet import Answered, Internet, Path, Shaken
from wallwatch.simulate.plan import Network, Site

_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/[scrubbed] Safari/537.3"
)
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_LANGUAGE = "en-US,en;q=0.9"
_HOPS = 10

#: The helper speaks older words for failures.
_HELPER_WORDS = {
    "dns_nxdomain_error": "dns_name_error",
    "connection_refused": "connection_refused_error",
    "ssl_invalid_certificate": "ssl_invalid_certificate",
}

_HELPER_NETWORK = Network(names.SERVER_NETWORKS[-1], "Helper", names.HELPER_COUNTRY)


def request(url: str, host: str) -> dict[str, Any]:
    """The request for a page, as OONI writes it."""
    headers = {
        "Accept": _ACCEPT,
        "Accept-Language": _LANGUAGE,
        "Host": host,
        "Referer": "",
        "User-Agent": _AGENT,
    }
    return {
        "body": "",
        "body_is_truncated": False,
        "headers_list": [[name, value] for name, value in headers.items()],
        "headers": headers,
        "method": "GET",
        "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
        "x_transport": "tcp",
        "url": url,
    }


def response(answered: Answered) -> dict[str, Any]:
    """What came back, as OONI writes it."""
    if answered.failure is not None and not answered.status:
        return {"body": "", "body_is_truncated": False, "code": 0, "headers_list": None, "headers": None}
    return {
        "body": answered.body,
        "body_is_truncated": False,
        "code": answered.status,
        "headers_list": [list(pair) for pair in answered.headers],
        "headers": dict(answered.headers),
    }


def handshake(
    host: str, address: str, shaken: Shaken, t0: float, transaction: int, tags: list[str]
) -> dict[str, Any]:
    """A TLS handshake, as OONI writes it."""
    fine = shaken.failure is None
    return {
        "network": "tcp",
        "address": address,
        "cipher_suite": "TLS_AES_128_GCM_SHA256" if fine else "",
        "failure": shaken.failure,
        "negotiated_protocol": "h2" if fine else "",
        "no_tls_verify": False,
        "peer_certificates": shaken.certificates,
        "server_name": host,
        "t0": round(t0, 6),
        "t": round(t0 + shaken.seconds, 6),
        "tags": tags,
        "tls_version": "TLSv1.3" if fine else "",
        "transaction_id": transaction,
    }


def traffic(
    address: str, shaken: Shaken, t0: float, transaction: int, tags: list[str]
) -> list[dict[str, Any]]:
    """The network events of a handshake: what was written and read, and when."""
    common = {"transaction_id": transaction, "tags": tags}
    wire = {"address": address, "proto": "tcp"}
    end = t0 + shaken.seconds
    events: list[dict[str, Any]] = [
        {"failure": None, "operation": "tls_handshake_start", "t0": t0, "t": t0, **common},
        {
            "failure": None,
            "num_bytes": 287,
            "operation": "write",
            "t0": t0,
            "t": t0 + 0.0001,
            **wire,
            **common,
        },
    ]
    read = t0 + shaken.seconds * 0.9
    if shaken.certificates is not None:
        for number, size in enumerate((517, 1460, 802)):
            at = t0 + shaken.seconds * (0.5 + 0.15 * number)
            events.append(
                {"failure": None, "num_bytes": size, "operation": "read", "t0": at, "t": at, **wire, **common}
            )
    else:
        events.append(
            {"failure": shaken.failure, "operation": "read", "t0": read, "t": end, **wire, **common}
        )
    events.append(
        {"failure": shaken.failure, "operation": "tls_handshake_done", "t0": end, "t": end, **common}
    )
    for event in events:
        event["t0"], event["t"] = round(event["t0"], 6), round(event["t"], 6)
    return events


@dataclass(slots=True)
class Web:
    """One measurement of a site in the making."""

    internet: Internet
    path: Path
    site: Site
    date: str
    old: bool = False
    helper: bool = True
    keys: dict[str, list[Any]] = field(default_factory=dict)
    clock: float = 0.0
    transactions: int = 0
    endpoints: list[str] = field(default_factory=list)
    failure: str | None = None
    final: Answered | None = None
    dns_failure: str | None = None

    def run(self) -> dict[str, Any]:
        """The test keys."""
        self.keys = {
            name: [] for name in ("network_events", "queries", "requests", "tcp_connect", "tls_handshakes")
        }
        scheme, host = self.site.scheme, self.site.host
        for depth in range(_HOPS):
            onward = self._hop(scheme, host, depth)
            if onward is None:
                break
            scheme, host = onward
        self.keys["requests"].reverse()
        return self._finish()

    def _transaction(self) -> int:
        self.transactions += 1
        return self.transactions

    def _hop(self, scheme: str, host: str, depth: int) -> tuple[str, str] | None:
        addresses = self._resolve(host, depth)
        port = 443 if scheme == "https" else 80
        fetched = False
        onward: tuple[str, str] | None = None
        first_failure: str | None = None
        for address in addresses:
            endpoint = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            if depth == 0:
                self.endpoints.append(endpoint)
            transaction = self._transaction()
            tags = [] if self.old else ["classic", "tcptls_experiment", f"depth={depth}", "fetch_body=true"]
            failure = self._connect(host, address, port, transaction, tags)
            shaken = None
            if failure is None and scheme == "https":
                shaken = self._shake(host, address, endpoint, transaction, tags)
                failure = shaken.failure
            if failure is not None:
                first_failure = first_failure or failure
                continue
            if fetched:
                continue
            fetched = True
            answered = self.internet.fetch(self.path, host, address, scheme == "http", self.date)
            self._request(scheme, host, endpoint, answered, transaction, tags)
            self.final, self.failure = answered, answered.failure
            onward = self._onward(answered)
        if not fetched:
            self.final, self.failure = None, first_failure or self.dns_failure
            if self.old and (first_failure or self.dns_failure):
                # 0.4 writes the request that could not be made, with the failure of the step below it.
                self._request(scheme, host, None, Answered(self.failure), 0, [])
        return onward

    def _onward(self, answered: Answered) -> tuple[str, str] | None:
        place = dict(answered.headers).get("Location")
        if answered.status not in (301, 302) or place is None:
            return None
        parts = urlsplit(place)
        if not parts.hostname or parts.hostname not in self.internet.sites:
            self.failure = "http_invalid_redirect_location_host"
            self.keys["requests"][-1]["failure"] = self.failure
            return None
        return parts.scheme, parts.hostname

    def _resolve(self, host: str, depth: int) -> list[str]:
        found: list[str] = []
        engines = ("getaddrinfo",) if self.old else ("getaddrinfo", "udp", "doh")
        started = self.clock
        for engine in engines:
            named = self.internet.resolve(self.path, host, engine)
            transaction = self._transaction()
            if engine == "getaddrinfo":
                self.dns_failure = named.failure
            takes = 4.0 if named.failure == "generic_timeout_error" else 0.02 + 0.03 * len(engine) / 10
            self.clock = max(self.clock, started + takes)
            kinds = ("A", "AAAA") if engine != "getaddrinfo" else ("ANY",)
            for kind in kinds:
                mine = [a for a in named.addresses if kind == "ANY" or (":" in a) == (kind == "AAAA")]
                failure = named.failure or (None if mine else "dns_no_answer")
                self.keys["queries"].append(
                    self._query(host, engine, kind, failure, mine, started, takes, transaction, depth)
                )
            found += [address for address in named.addresses if address not in found]
        return found

    def _query(
        self,
        host: str,
        engine: str,
        kind: str,
        failure: str | None,
        addresses: list[str],
        started: float,
        takes: float,
        transaction: int,
        depth: int,
    ) -> dict[str, Any]:
        answers = []
        for address in addresses:
            network = self.internet.network_of(address)
            answer: dict[str, Any] = {}
            if network is not None:
                answer |= {"asn": network, "as_org_name": f"Example Network {network}"}
            six = ":" in address
            answer |= {"answer_type": "AAAA" if six else "A", "ipv6" if six else "ipv4": address, "ttl": None}
            answers.append(answer)
        resolver = {"udp": names.UDP_RESOLVER, "doh": names.DOH_URL}.get(engine, "")
        query: dict[str, Any] = {
            "answers": answers or None,
            "engine": "system" if self.old else engine,
            "failure": failure,
            "hostname": host,
            "query_type": "A" if self.old and kind == "ANY" else kind,
            "resolver_hostname": None,
            "resolver_port": None,
            "resolver_address": resolver,
            "t": round(started + takes, 6),
        }
        if not self.old:
            query["t0"] = round(started, 6)
            query["tags"] = ["classic", f"depth={depth}"] if engine == "getaddrinfo" else [f"depth={depth}"]
            query["transaction_id"] = transaction
        return query

    def _connect(self, host: str, address: str, port: int, transaction: int, tags: list[str]) -> str | None:
        failure = self.internet.connect(self.path, host, address)
        started = self.clock
        self.clock += 15.0 if failure == "generic_timeout_error" else 0.06
        status: dict[str, Any] = {"failure": failure, "success": failure is None}
        connect: dict[str, Any] = {"ip": address, "port": port, "status": status}
        if self.old:
            status["blocked"] = False
            connect["t"] = round(self.clock, 6)
        else:
            connect |= {
                "t0": round(started, 6),
                "t": round(self.clock, 6),
                "tags": tags,
                "transaction_id": transaction,
            }
        self.keys["tcp_connect"].append(connect)
        return failure

    def _shake(self, host: str, address: str, endpoint: str, transaction: int, tags: list[str]) -> Shaken:
        shaken = self.internet.shake(self.path, host, address)
        found = handshake(host, endpoint, shaken, self.clock, transaction, tags)
        if self.old:
            for name in ("t0", "tags", "transaction_id", "network"):
                found.pop(name)
        else:
            self.keys["network_events"] += traffic(endpoint, shaken, self.clock, transaction, tags)
        self.keys["tls_handshakes"].append(found)
        self.clock += shaken.seconds
        return shaken

    def _request(
        self,
        scheme: str,
        host: str,
        endpoint: str | None,
        answered: Answered,
        transaction: int,
        tags: list[str],
    ) -> None:
        started = self.clock
        throttled = any(m.endswith(("throttle.sni", "throttle.host")) for m in self.path.mechanisms(host))
        self.clock += 9.0 if throttled else 10.0 if answered.failure == "generic_timeout_error" else 0.2
        url = self.site.url if host == self.site.host else f"{scheme}://{host}/"
        found: dict[str, Any] = {
            "failure": answered.failure,
            "request": request(url, host),
            "response": response(answered),
            "t": round(self.clock, 6),
        }
        if not self.old:
            found = {
                "network": "tcp",
                "address": endpoint,
                "alpn": "h2" if scheme == "https" else "",
                **found,
            }
            found |= {"t0": round(started, 6), "tags": tags, "transaction_id": transaction}
        self.keys["requests"].append(found)

    def _finish(self) -> dict[str, Any]:
        control = (
            self._control()
            if self.helper and not (self.path.domestic_only or self.path.offline or self.path.place)
            else None
        )
        control_failure = (
            None if control else ("generic_timeout_error" if self.helper else "connection_reset")
        )
        if self.path.place:
            control_failure = "ssl_unknown_authority"
        if self.path.offline == "all":
            control_failure = "network_unreachable"
        keys: dict[str, Any] = {
            "agent": "redirect",
            "client_resolver": names.resolver_address(self.path.network.number),
            "retries": None,
            "socksproxy": None,
            "network_events": self.keys["network_events"] or None,
        }
        if not self.old:
            keys |= {"x_dns_whoami": None, "x_doh": None, "x_do53": None, "x_dns_duplicate_responses": None}
        keys |= {
            "queries": self.keys["queries"],
            "requests": self.keys["requests"],
            "tcp_connect": self.keys["tcp_connect"],
            "tls_handshakes": self.keys["tls_handshakes"],
            "control": control or {},
            "control_failure": control_failure,
        }
        return keys | self._conclusions(control)

    def _control(self) -> dict[str, Any]:
        """What the helper sees: names, the probe's endpoints and its own, and the page after redirects."""
        path = replace(
            self.path,
            country=names.HELPER_COUNTRY,
            network=_HELPER_NETWORK,
            effects={},
            ipv6=True,
            faulty=False,
            place="",
            own_firewall=frozenset(),
            salt=self.path.salt + " helper",
        )
        host, scheme = self.site.host, self.site.scheme
        named = self.internet.resolve(path, host, "doh")
        port = 443 if scheme == "https" else 80
        endpoints = list(self.endpoints)
        for address in named.addresses:
            endpoint = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            if endpoint not in endpoints:
                endpoints.append(endpoint)
        connects: dict[str, Any] = {}
        shakes: dict[str, Any] = {}
        information: dict[str, Any] = {}
        for endpoint in endpoints:
            address = endpoint.rpartition(":")[0].strip("[]")
            failure = self.internet.connect(path, host, address)
            connects[endpoint] = {
                "status": failure is None,
                "failure": _HELPER_WORDS.get(failure or "", failure),
            }
            if failure is None and scheme == "https":
                shaken = self.internet.shake(path, host, address)
                shakes[endpoint] = {
                    "server_name": host,
                    "status": shaken.failure is None,
                    "failure": shaken.failure,
                }
            flags = (1 if address in self._asked() else 0) | (2 if address in named.addresses else 0)
            if address.startswith(("10.", "127.")):
                flags |= 4
            elif failure is None and shakes.get(endpoint, {}).get("status"):
                flags |= 8
            information[address] = {"asn": self.internet.network_of(address) or 0, "flags": flags}
        control: dict[str, Any] = {"tcp_connect": connects}
        if not self.old:
            control |= {"tls_handshake": shakes, "quic_handshake": {}}
        control["http_request"] = self._helper_fetch(path)
        if not self.old:
            control["http3_request"] = None
        control["dns"] = {
            "failure": _HELPER_WORDS.get(named.failure or "", named.failure),
            "addrs": list(named.addresses),
        }
        if not self.old:
            control["ip_info"] = information
        return control

    def _asked(self) -> set[str]:
        return {endpoint.rpartition(":")[0].strip("[]") for endpoint in self.endpoints}

    def _helper_fetch(self, path: Path) -> dict[str, Any]:
        failed = {
            "body_length": -1,
            "failure": "unknown_error",
            "title": "",
            "headers": {},
            "status_code": -1,
        }
        if not self.old:
            failed["discovered_h3_endpoint"] = ""
        host, scheme = self.site.host, self.site.scheme
        for _ in range(_HOPS):
            named = self.internet.resolve(path, host, "doh")
            if named.failure is not None:
                return failed | {"failure": _HELPER_WORDS.get(named.failure, named.failure)}
            address = named.addresses[0]
            failure = self.internet.connect(path, host, address)
            if failure is None and scheme == "https":
                failure = self.internet.shake(path, host, address).failure
            if failure is not None:
                return failed | {"failure": _HELPER_WORDS.get(failure, failure)}
            answered = self.internet.fetch(path, host, address, scheme == "http", self.date)
            place = dict(answered.headers).get("Location")
            if answered.status == 302 and place is not None:
                parts = urlsplit(place)
                if not parts.hostname or parts.hostname not in self.internet.sites:
                    return failed
                scheme, host = parts.scheme, parts.hostname
                continue
            found = {
                "body_length": len(answered.body.encode()),
                "failure": None,
                "title": _title(answered.body),
                "headers": dict(answered.headers),
                "status_code": answered.status,
            }
            if not self.old:
                found["discovered_h3_endpoint"] = ""
            return found
        return failed

    def _conclusions(self, control: dict[str, Any] | None) -> dict[str, Any]:
        """What the probe itself makes of it (its own statement; simplified)."""
        final, fetched = self.final, (control or {}).get("http_request") or {}
        reached = final is not None and final.failure is None and self.failure is None
        same_status = same_title = same_length = None
        proportion = 0.0
        blocking: bool | str | None = None
        accessible: bool | None = None
        consistent = None
        if control is not None:
            answers = set(control["dns"]["addrs"])
            consistent = "consistent" if (not answers or answers & self._asked()) else "inconsistent"
            if reached and final is not None and fetched.get("failure") is None:
                length, theirs = len(final.body.encode()), fetched["body_length"]
                proportion = min(length, theirs) / max(length, theirs, 1)
                same_status, same_length = final.status == fetched["status_code"], proportion > 0.7
                same_title = _title(final.body) == fetched["title"]
                fine = self.site.scheme == "https" or same_length or (same_status and same_title)
                blocking, accessible = (False, True) if fine else ("http-diff", False)
            elif not reached:
                down = fetched.get("failure") is not None
                word = "dns" if consistent == "inconsistent" or self.dns_failure else "http-failure"
                if not down and not any(c["status"]["success"] for c in self.keys["tcp_connect"]):
                    word = "dns" if word == "dns" else "tcp_ip"
                blocking, accessible = (False if down else word), False
        found: dict[str, Any] = {
            "dns_experiment_failure": self.dns_failure,
            "dns_consistency": consistent,
            "http_experiment_failure": self.failure,
            "body_proportion": round(proportion, 6),
            "body_length_match": same_length,
            "headers_match": same_status,
            "status_code_match": same_status,
            "title_match": same_title,
            "blocking": blocking,
            "accessible": accessible,
        }
        if not self.old:
            found |= {
                "x_dns_flags": 0,
                "x_blocking_flags": 32 if blocking is False else 0,
                "x_null_null_flags": 0,
            }
        return found


def _title(body: str) -> str:
    _, _, rest = body.partition("<title>")
    return rest.partition("</title>")[0] if rest else ""
