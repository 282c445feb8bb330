"""QUIC handshakes as OONI's urlgetter writes them, for inputs such as `quichandshake://host:443`.

OONI data formats df-005 (names), df-006 (handshakes; of QUIC under `quic_handshakes`) and df-008 (network events).
"""

from __future__ import annotations

from typing import Any

from wallwatch.simulate.internet import Internet, Path, Shaken

VERSION = "0.2.0"


def given(host: str) -> str:
    """The input for a host."""
    return f"quichandshake://{host}:443"


def measure(internet: Internet, path: Path, host: str) -> tuple[dict[str, Any], float]:
    """The test keys and the run time of one measurement: a name is looked up, and a handshake made with its address."""
    named = internet.resolve(path, host, "getaddrinfo")
    shaken = Shaken(named.failure, None, 0.0)
    address = f"{named.addresses[0]}:443" if named.addresses else None
    if address is not None:
        shaken = internet.shake_quic(path, host, named.addresses[0])
    operation = "resolve" if address is None else "quic_handshake"
    keys: dict[str, Any] = {
        "agent": "redirect",
        "failed_operation": operation if shaken.failure else None,
        "failure": shaken.failure,
        "network_events": _traffic(address, shaken) if address else [],
        "queries": [_query(host, named.failure, list(named.addresses))],
        "quic_handshakes": [_handshake(host, address, shaken)] if address else [],
        "requests": [],
        "socksproxy": None,
        "tcp_connect": [],
        "tls_handshakes": [],
    }
    return keys, 0.05 + shaken.seconds


def _query(host: str, failure: str | None, addresses: list[str]) -> dict[str, Any]:
    return {
        "answers": [
            {"answer_type": "A", "ipv4": address, "ttl": None} for address in addresses if ":" not in address
        ]
        or None,
        "engine": "system",
        "failure": failure,
        "hostname": host,
        "query_type": "A",
        "resolver_hostname": None,
        "resolver_port": None,
        "resolver_address": "",
        "t": 0.03,
        "tags": None,
    }


def _handshake(host: str, address: str, shaken: Shaken) -> dict[str, Any]:
    fine = shaken.certificates is not None
    return {
        "network": "udp",
        "address": address,
        "cipher_suite": "TLS_AES_128_GCM_SHA256" if fine else "",
        "failure": shaken.failure,
        "negotiated_protocol": "h3" if fine else "",
        "no_tls_verify": False,
        "peer_certificates": shaken.certificates or [],
        "server_name": host,
        "t0": 0.04,
        "t": round(0.04 + shaken.seconds, 6),
        "tags": [],
        "tls_version": "TLSv1.3" if fine else "",
        "transaction_id": 1,
    }


def _traffic(address: str, shaken: Shaken) -> list[dict[str, Any]]:
    end = round(0.04 + shaken.seconds, 6)
    events: list[dict[str, Any]] = [
        {"failure": None, "operation": "quic_handshake_start", "t0": 0.04, "t": 0.04},
        {"failure": None, "num_bytes": 1252, "operation": "write_to", "t0": 0.04, "t": 0.0401},
    ]
    if shaken.certificates is not None:
        events.append(
            {
                "failure": None,
                "num_bytes": 1252,
                "operation": "read_from",
                "t0": 0.05,
                "t": round(end - 0.01, 6),
            }
        )
    else:
        events.append({"failure": shaken.failure, "operation": "read_from", "t0": 0.05, "t": end})
    events.append({"failure": shaken.failure, "operation": "quic_handshake_done", "t0": end, "t": end})
    return [
        {"address": address, "proto": "udp", "tags": [], "transaction_id": 1, **event} for event in events
    ]
