"""Tests of circumvention tools as OONI Probe writes them: tor, vanilla_tor, torsf, psiphon, openvpn."""

from __future__ import annotations

from typing import Any

from wallwatch.simulate import names

VERSIONS = {
    "tor": "0.4.0",
    "vanilla_tor": "0.3.0",
    "torsf": "0.5.1",
    "psiphon": "0.6.0",
    "openvpn": "0.1.7",
}
TOOLS = tuple(VERSIONS)

_AUTHORITIES = tuple((names.service_address(80 + n), 443, "or_port_dirauth") for n in range(4))
_BRIDGES = tuple((names.service_address(90 + n), 9443, "obfs4") for n in range(6))
#: Targets of the tor test that answer nobody, anywhere (trap J25).
UNREACHABLE = frozenset({_AUTHORITIES[3][0], _BRIDGES[5][0]})
_VPN = names.service_address(100)


def measure(tool: str, cut: bool, offline: bool, seconds: float) -> tuple[dict[str, Any], float]:
    """The test keys and the run time of one measurement.

    Args:
        tool: One of `TOOLS`.
        cut: Whether the tool cannot get through.
        offline: Whether the probe has no connection.
        seconds: How long it takes to start, where it does.
    """
    failure = "network_unreachable" if offline else "generic_timeout_error"
    cut = cut or offline
    if tool == "tor":
        return _tor(cut, failure), 6.0
    if tool == "openvpn":
        return _openvpn(cut, failure, seconds), 8.0
    if tool == "psiphon":
        return {
            "agent": "",
            "bootstrap_time": 0 if cut else round(seconds, 6),
            "failed_operation": None,
            "failure": failure if cut else None,
            "max_runtime": 60,
            "network_events": None,
            "queries": None,
            "requests": None,
            "socksproxy": None,
            "tcp_connect": None,
            "tls_handshakes": None,
        }, 60.0 if cut else seconds
    limit = 600.0 if tool == "torsf" else 200.0
    progress = 10 if cut else 100
    keys: dict[str, Any] = {
        "bootstrap_time": 0 if cut else round(seconds, 6),
        "error": "timeout-reached" if cut else None,
        "failure": failure if cut else None,
        "success": not cut,
        "timeout": limit,
        "tor_logs": [
            "Mar 03 06:52:08.000 [notice] Bootstrapped 0% (starting): Starting",
            f"Mar 03 06:52:09.000 [notice] Bootstrapped {progress}% ({'conn_done' if cut else 'done'})",
        ],
        "tor_progress": progress,
        "tor_progress_tag": "conn_done" if cut else "done",
        "tor_progress_summary": "Connected to a relay" if cut else "Done",
        "tor_version": "0.4.8.10",
        "transport_name": "torsf" if tool == "torsf" else "vanilla",
    }
    if tool == "torsf":
        keys["rendezvous_method"] = "domain_fronting"
    return keys, limit if cut else seconds


def _tor(cut: bool, failure: str) -> dict[str, Any]:
    targets: dict[str, Any] = {}
    counts = {"or_port_dirauth": [0, 0], "obfs4": [0, 0]}
    for address, port, protocol in (*_AUTHORITIES, *_BRIDGES):
        failed = failure if cut or address in UNREACHABLE else None
        connect = {
            "ip": address,
            "port": port,
            "status": {"failure": failed, "success": failed is None},
            "t": 15.0 if failed else 0.08,
        }
        targets[f"{address}:{port}"] = {
            "agent": "redirect",
            "failure": failed,
            "network_events": None,
            "queries": None,
            "requests": None,
            "target_address": f"{address}:{port}",
            "target_name": "",
            "target_protocol": protocol,
            "tcp_connect": [connect],
            "tls_handshakes": None,
        }
        counts[protocol][0] += 1
        counts[protocol][1] += failed is None
    return {
        "dir_port_total": 0,
        "dir_port_accessible": 0,
        "obfs4_total": counts["obfs4"][0],
        "obfs4_accessible": counts["obfs4"][1],
        "or_port_dirauth_total": counts["or_port_dirauth"][0],
        "or_port_dirauth_accessible": counts["or_port_dirauth"][1],
        "or_port_total": 0,
        "or_port_accessible": 0,
        "targets": targets,
    }


def _openvpn(cut: bool, failure: str, seconds: float) -> dict[str, Any]:
    failed = failure if cut else None
    endpoint = f"{_VPN}:1194"
    return {
        "success": not cut,
        "failure": failed,
        "bootstrap_time": 0 if cut else round(seconds, 6),
        "network_events": [],
        "openvpn_handshake": [
            {
                "bootstrap_time": 0 if cut else round(seconds, 6),
                "endpoint": endpoint,
                "failure": failed,
                "handshake_time": 0 if cut else 0.4,
                "ip": _VPN,
                "openvpn_options": {"auth": "SHA512", "cipher": "AES-256-GCM", "compression": ""},
                "port": 1194,
                "provider": "example",
                "t": 0.5,
                "t0": 0.0,
                "tags": None,
                "transaction_id": 1,
                "transport": "tcp",
            }
        ],
        "tcp_connect": [
            {
                "ip": _VPN,
                "port": 1194,
                "status": {"failure": failed, "success": not cut},
                "t0": 0.0,
                "t": 15.0 if cut else 0.1,
                "transaction_id": 1,
            }
        ],
    }


def target(tool: str) -> str | None:
    """The input of the test, where it has one."""
    return f"openvpn://provider.example/?address={_VPN}:1194&transport=tcp" if tool == "openvpn" else None
