"""VPNs: OpenVPN handshakes (ts-040) and RiseupVPN (ts-026)."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, Status, add_statuses, named, with_statuses
from wallwatch.sources.ooni.parts import Number, Parts

_OPENVPN = (
    Status("success", "tunnel"),
    Status("success_handshake", "tunnel"),
    Status("success_urlgrab", "tunnel"),
    Status("success_icmp", "tunnel"),
)
_RISEUP = (Status("api_status", "api", "api_failure"), Status("ca_cert_status", "api"))


class OpenVPNHandshake(Lenient, gc=False):
    """One handshake."""

    endpoint: str | None = None
    ip: str | None = None
    port: int | str | None = None
    transport: str | None = None
    failure: str | None = None
    handshake_time: Number | None = None


class OpenVPN(Parts, gc=False):
    """Its own test keys; early probes wrote one handshake without a list."""

    bootstrap_time: Number | None = None
    openvpn_handshake: list[OpenVPNHandshake] | None = None
    remote: str | None = None


class Gateway(Lenient, gc=False):
    """One gateway that failed."""

    ip: str | None = None
    port: int | str | None = None
    transport_type: str | None = None


class RiseupVPN(Parts, gc=False):
    """Its own test keys."""

    transport_status: dict[str, str | None] | None = None
    failing_gateways: list[Gateway] | None = None


def flatten_openvpn(flattener: Flattener, found: Envelope, keys: Any) -> Outcome:
    """A step for the tunnel and for each handshake."""
    flattener.parts(keys)
    failure = keys.failure if isinstance(keys.failure, str) else None
    if failure is None and keys.success is False:
        failure = "unknown_failure"
    if keys.bootstrap_time is not None or failure is not None:
        flattener.step(
            "bootstrap_time",
            keys.bootstrap_time if failure is None else None,
            target="tunnel",
            failure=failure,
            endpoint=keys.remote,
        )
    for handshake in keys.openvpn_handshake or ():
        endpoint = handshake.endpoint
        if handshake.ip and handshake.port:
            endpoint = f"[{handshake.ip}]:{handshake.port}"
        flattener.step(
            "openvpn_handshake",
            handshake.handshake_time,
            target=handshake.transport,
            failure=handshake.failure,
            endpoint=endpoint.partition("://")[2] or endpoint if endpoint else None,
        )
    return Outcome(add_statuses(flattener, keys, _OPENVPN))


def flatten_riseupvpn(flattener: Flattener, found: Envelope, keys: Any) -> Outcome:
    """The API's status, each transport's, and each gateway that failed."""
    flattener.parts(keys)
    said = add_statuses(flattener, keys, _RISEUP)
    for transport, status in sorted((keys.transport_status or {}).items()):
        flattener.step("transport_status", status, target=transport)
    for gateway in keys.failing_gateways or ():
        flattener.step(
            "failing_gateway",
            gateway.transport_type,
            target=gateway.transport_type,
            failure="unknown_failure",
            endpoint=f"[{gateway.ip}]:{gateway.port}" if gateway.ip else None,
        )
    return Outcome(said)


def endpoint(found: Envelope, keys: Any) -> str:
    """The endpoint that an OpenVPN test was given, with its transport; the provider's name without one."""
    try:
        parsed = urlsplit(found.input or "")
        query = parse_qs(parsed.query)
        name = parsed.hostname
    except ValueError:
        return "openvpn"
    addresses = query.get("address") or query.get("addr")
    if not addresses:
        return (name or "openvpn").lower()
    transports = query.get("transport")
    return f"{addresses[0]}/{transports[0]}" if transports else addresses[0]


NETTESTS = (
    Nettest("openvpn", with_statuses("Keys", _OPENVPN, OpenVPN), flatten_openvpn, endpoint),
    Nettest("riseupvpn", with_statuses("Keys", _RISEUP, RiseupVPN), flatten_riseupvpn, named("riseupvpn")),
)
