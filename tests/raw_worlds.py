"""OONI measurements written by hand, as probes upload them: worlds that no simulator of ours shaped."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

#: Networks in which the test helper places sites.
HOSTING = 64496


def address_of(host: str) -> str:
    """The address that the test helper gets for a host."""
    return f"203.0.113.{1 + int(hashlib.sha256(host.encode()).hexdigest(), 16) % 250}"


def web(
    host: str,
    when: datetime,
    report: str,
    *,
    lie: str | None = None,
    failure: str | None = None,
    probe: tuple[str, int] = ("QA", 64510),
    resolver: int | None = None,
    software: tuple[str, str] = ("ooniprobe-android", "3.8.3"),
    second: bool = False,
) -> dict[str, Any]:
    """A test of a site: all well, or the system's resolver gives a `lie` or a `failure`.

    Args:
        host: Of the site.
        when: It began.
        report: Id of its session.
        lie: The address that the resolver gives in place of the true one.
        failure: How the resolver fails.
        probe: Country and network.
        resolver: Network of the resolver; the probe's where not given.
        software: Name and version.
        second: Whether a public resolver was asked over HTTPS as well, which answers rightly.
    """
    true = address_of(host)
    answered = None if failure else lie or true
    queries = [
        {
            "engine": "getaddrinfo",
            "hostname": host,
            "query_type": kind,
            "failure": (failure if kind == "A" else failure or "dns_no_answer"),
            "answers": [{"answer_type": "A", "ipv4": answered, "ttl": None}]
            if answered and kind == "A"
            else None,
            "resolver_address": "",
            "t": 0.1,
        }
        for kind in ("A", "AAAA")
    ]
    if second:
        right = [{"answer_type": "A", "ipv4": true, "ttl": None}]
        queries.append(
            {
                "engine": "doh",
                "hostname": host,
                "query_type": "A",
                "failure": None,
                "answers": right,
                "resolver_address": "https://dns.google/dns-query",
                "t": 0.2,
            }
        )
    tried = [ip for ip in dict.fromkeys((answered, true if second else None)) if ip]
    works = true in tried
    page = {"body": f"<title>{host}</title>" + host * 40, "code": 200, "headers": {"Server": "nginx"}}
    network = probe[1] if resolver is None else resolver
    return {
        "data_format_version": "0.2.0",
        "input": f"https://{host}/",
        "measurement_start_time": when.strftime("%Y-%m-%d %H:%M:%S"),
        "test_start_time": when.strftime("%Y-%m-%d %H:%M:%S"),
        "probe_asn": f"AS{probe[1]}",
        "probe_cc": probe[0],
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Example Telecom",
        "report_id": report,
        "resolver_asn": f"AS{network}",
        "resolver_ip": "198.51.100.53",
        "resolver_network_name": "Example",
        "software_name": software[0],
        "software_version": software[1],
        "test_name": "web_connectivity",
        "test_version": "0.4.2" if not second else "0.5.28",
        "test_runtime": 2.5,
        "test_helpers": {"backend": {"address": "https://th.example", "type": "https"}},
        "test_keys": {
            "queries": queries,
            "tcp_connect": [
                {
                    "ip": ip,
                    "port": 443,
                    "status": {
                        "failure": None if ip == true else "connection_refused",
                        "success": ip == true,
                    },
                    "t": 0.3,
                }
                for ip in tried
            ],
            "tls_handshakes": [
                {
                    "address": f"{true}:443",
                    "failure": None,
                    "server_name": host,
                    "no_tls_verify": False,
                    "peer_certificates": None,
                    "t": 0.4,
                }
            ]
            if works
            else [],
            "requests": [
                {
                    "failure": None if works else failure or "connection_refused",
                    "request": {"url": f"https://{host}/", "method": "GET", "headers": {}},
                    "response": page if works else {},
                    "address": f"{true}:443" if works else "",
                    "t": 0.6,
                }
            ],
            "control": {
                "tcp_connect": {f"{true}:443": {"status": True, "failure": None}},
                "tls_handshake": {f"{true}:443": {"server_name": host, "status": True, "failure": None}},
                "http_request": {
                    "failure": None,
                    "status_code": 200,
                    "title": host,
                    "body_length": len(page["body"]),  # type: ignore[arg-type]
                    "headers": {"Server": "nginx"},
                },
                "dns": {"failure": None, "addrs": [true]},
                "ip_info": {true: {"asn": HOSTING, "flags": 3}},
            },
            "control_failure": None,
        },
    }
