"""Messaging tests as OONI Probe writes them: telegram, whatsapp, signal, facebook_messenger (ts-018 to ts-029).

The real tests have the services' names and addresses built in; here they are reserved ones in the same places.
"""

from __future__ import annotations

from typing import Any

from wallwatch.simulate import certificates, names
from wallwatch.simulate.internet import Answered, Internet, Path, Shaken
from wallwatch.simulate.plan import Site
from wallwatch.simulate.web import handshake, request, response, traffic

#: Service to its endpoints' addresses and ports.
ENDPOINTS: dict[str, tuple[tuple[str, int], ...]] = {
    "telegram": tuple((names.service_address(n), port) for n in range(10) for port in (443, 80)),
    "whatsapp": tuple((names.service_address(16 + n), port) for n in range(16) for port in (443, 5222)),
}

#: Service to the hosts that it asks by name: (host, part, whether its status is a success however it is).
HOSTS: dict[str, tuple[str, ...]] = {
    "telegram": ("web.telegram.example",),
    "whatsapp": ("web.whatsapp.example", "v.whatsapp.example"),
    "signal": tuple(f"{name}.signal.example" for name in ("chat", "storage", "cdn", "cdn2", "sfu", "uptime")),
    "facebook_messenger": tuple(
        f"{name}.facebook.example"
        for name in ("b-api", "b-graph", "edge-mqtt", "external-cdn", "scontent-cdn", "star", "stun")
    ),
}

VERSIONS = {"telegram": "0.3.1", "whatsapp": "0.11.1", "signal": "0.2.5", "facebook_messenger": "0.2.1"}

#: What restrictions call the whole service; the hosts are cut with it.
SERVICES = tuple(HOSTS)

_FACEBOOK_KEYS = {
    "b-api": "b_api",
    "b-graph": "b_graph",
    "edge-mqtt": "edge",
    "external-cdn": "external_cdn",
    "scontent-cdn": "scontent_cdn",
    "star": "star",
    "stun": "stun",
}


def sites() -> dict[str, Site]:
    """The hosts of all services, as sites that an `Internet` can serve."""
    found: dict[str, Site] = {}
    number = 48
    for service, hosts in HOSTS.items():
        for host in hosts:
            network = names.SERVER_NETWORKS[8 + SERVICES.index(service)]
            found[host] = Site(host, (names.service_address(number),), network)
            number += 1
    return found


class _Service:
    """One measurement of a service in the making."""

    def __init__(
        self, internet: Internet, path: Path, service: str, date: str, endpoints_cut: str | None
    ) -> None:
        self.internet, self.path, self.service, self.date = internet, path, service, date
        self.endpoints_cut = endpoints_cut
        self.clock, self.transactions = 0.0, 0
        self.keys: dict[str, list[Any]] = {
            name: [] for name in ("network_events", "queries", "requests", "tcp_connect", "tls_handshakes")
        }

    def transaction(self) -> int:
        self.transactions += 1
        return self.transactions

    def connect(self, address: str, port: int, failure: str | None, transaction: int) -> None:
        started = self.clock
        # Endpoints are tried side by side: the clock moves little.
        took = 15.0 if failure == "generic_timeout_error" else 0.05
        self.keys["tcp_connect"].append(
            {
                "ip": address,
                "port": port,
                "status": {"failure": failure, "success": failure is None},
                "t0": round(started, 6),
                "t": round(started + took, 6),
                "tags": [],
                "transaction_id": transaction,
            }
        )

    def host(self, host: str, scheme: str = "https", own_authority: bool = False) -> str | None:
        """Resolves, connects, shakes hands and asks; the failure, if any."""
        transaction = self.transaction()
        named = self.internet.resolve(self.path, host, "getaddrinfo")
        answers = [
            {
                "asn": self.internet.network_of(address),
                "as_org_name": "Example Services",
                "answer_type": "A",
                "ipv4": address,
                "ttl": None,
            }
            for address in named.addresses
        ]
        self.keys["queries"].append(
            {
                "answers": answers or None,
                "engine": "getaddrinfo",
                "failure": named.failure,
                "hostname": host,
                "query_type": "ANY",
                "resolver_hostname": None,
                "resolver_port": None,
                "resolver_address": "",
                "t0": 0.0,
                "t": 0.04,
                "tags": None,
                "transaction_id": transaction,
            }
        )
        failure = named.failure
        answered = Answered(failure)
        endpoint = None
        if failure is None:
            address, port = named.addresses[0], 443 if scheme == "https" else 80
            endpoint = f"{address}:{port}"
            failure = self.internet.connect(self.path, host, address)
            self.connect(address, port, failure, transaction)
            if failure is None and scheme == "https":
                failure = self._shake(host, address, endpoint, transaction, own_authority)
            answered = Answered(failure)
        if failure is None:
            answered = self.internet.fetch(self.path, host, str(address), scheme == "http", self.date)
            failure = answered.failure
        self.keys["requests"].insert(
            0,
            {
                "network": "tcp",
                "address": endpoint or "",
                "alpn": "h2" if scheme == "https" else "",
                "failure": failure,
                "request": request(f"{scheme}://{host}/", host),
                "response": response(answered),
                "t0": 0.3,
                "t": 0.5,
                "tags": None,
                "transaction_id": transaction,
            },
        )
        return failure

    def _shake(
        self, host: str, address: str, endpoint: str, transaction: int, own_authority: bool
    ) -> str | None:
        shaken = self.internet.shake(self.path, host, address)
        if own_authority and shaken.certificates and shaken.failure in (None, "ssl_unknown_authority"):
            intercepted = any(m.startswith("tls.mitm") for m in self.path.mechanisms(host))
            if not intercepted:
                shaken = Shaken(shaken.failure, certificates.chain(host, certificates.OWN), shaken.seconds)
        self.keys["tls_handshakes"].append(handshake(host, endpoint, shaken, 0.1, transaction, []))
        self.keys["network_events"] += traffic(endpoint, shaken, 0.1, transaction, [])
        return shaken.failure

    def endpoints(self, dead: frozenset[str]) -> list[str]:
        """Connects to all endpoints; those that failed."""
        failed = []
        for address, port in ENDPOINTS[self.service]:
            failure = self.endpoints_cut
            if self.path.offline:
                failure = "network_unreachable" if self.path.offline == "all" else "generic_timeout_error"
            elif self.path.domestic_only or (failure is None and address in dead):
                failure = "generic_timeout_error"
            self.connect(address, port, failure, self.transaction())
            if failure is not None:
                failed.append(f"{address}:{port}")
        return failed


def measure(
    internet: Internet,
    path: Path,
    service: str,
    date: str,
    endpoints_cut: str | None = None,
    dead: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """The test keys of one measurement of a service.

    Args:
        internet: What answers.
        path: The way from the probe.
        service: One of `SERVICES`.
        date: The date that servers write.
        endpoints_cut: How connects to the service's endpoints fail; null where they do not.
        dead: Endpoints that answer nobody (trap J24).
    """
    made = _Service(internet, path, service, date, endpoints_cut)
    failures = {
        host: made.host(host, own_authority=service == "signal" and "uptime" not in host)
        for host in HOSTS[service]
    }
    failed = made.endpoints(dead) if service in ENDPOINTS else []
    keys: dict[str, Any] = {"agent": "redirect", "failed_operation": None, "failure": None}
    keys |= {name: rows or None for name, rows in made.keys.items()}
    first = next((failure for failure in failures.values() if failure is not None), None)
    if service == "telegram":
        whole = len(failed) == len(ENDPOINTS[service])
        keys |= {
            "telegram_tcp_blocking": whole,
            "telegram_http_blocking": whole,
            "telegram_web_failure": first,
            "telegram_web_status": "ok" if first is None else "blocked",
        }
    elif service == "whatsapp":
        whole = len(failed) == len(ENDPOINTS[service])
        web, registration = failures.values()
        keys |= {
            "registration_server_failure": registration,
            "registration_server_status": "ok" if registration is None else "blocked",
            "whatsapp_endpoints_blocked": [],
            "whatsapp_endpoints_dns_inconsistent": [],
            "whatsapp_endpoints_status": "blocked" if whole else "ok",
            "whatsapp_web_failure": web,
            "whatsapp_web_status": "ok" if web is None else "blocked",
        }
    elif service == "signal":
        first = next((f for host, f in failures.items() if f is not None and "uptime" not in host), None)
        keys |= {
            "signal_backend_failure": first,
            "signal_backend_status": "ok" if first is None else "blocked",
        }
    else:
        keys |= _facebook(failures)
    return keys


def _facebook(failures: dict[str, str | None]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    dns = tcp = False
    for host, failure in failures.items():
        name = _FACEBOOK_KEYS[host.partition(".")[0]]
        named = failure is None or not failure.startswith("dns_")
        keys[f"facebook_{name}_dns_consistent"] = named
        keys[f"facebook_{name}_reachable"] = (failure is None) if named else None
        dns, tcp = dns or not named, tcp or (named and failure is not None)
    return keys | {"facebook_dns_blocking": dns, "facebook_tcp_blocking": tcp}
