"""Tests of one endpoint: STUN (ts-025), Encrypted Client Hello (ts-039), URLGetter (ts-027)."""

from __future__ import annotations

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import (
    Nettest,
    Outcome,
    Status,
    input_endpoint,
    input_host,
    service,
)
from wallwatch.sources.ooni.parts import Connect, Handshake, Parts
from wallwatch.sources.ooni.rows import TLS


class StunKeys(Parts, gc=False):
    """Test keys of STUN reachability."""

    endpoint: str | None = None


class EchKeys(Parts, gc=False):
    """Test keys of the Encrypted Client Hello test; until 0.1.2 two handshakes, without a list."""

    tcp_connects: list[Connect] | None = None
    control: Handshake | None = None
    target: Handshake | None = None


def flatten_stun(flattener: Flattener, found: Envelope, keys: StunKeys) -> Outcome:
    """The step `stun`: whether the server answered."""
    flattener.parts(keys)
    failure = keys.failure if isinstance(keys.failure, str) else None
    flattener.step("stun", "failed" if failure else "ok", failure=failure, endpoint=keys.endpoint)
    return Outcome()


def flatten_ech(flattener: Flattener, found: Envelope, keys: EchKeys) -> Outcome:
    """The shared parts, under the names that this test has for them."""
    if keys.tcp_connects:
        flattener.connects(keys.tcp_connects)
    flattener.parts(keys)
    pair = [handshake for handshake in (keys.control, keys.target) if handshake is not None]
    if pair:
        flattener.handshakes(pair, keys.network_events, TLS)
    return Outcome()


def stun_endpoint(found: Envelope, keys: object) -> str:
    """The server: from the test keys in old files, from the input in others."""
    endpoint = keys.endpoint if isinstance(keys, StunKeys) else None
    return endpoint.lower() if endpoint else input_endpoint(found, keys)


NETTESTS = (
    Nettest("stunreachability", StunKeys, flatten_stun, stun_endpoint),
    Nettest("echcheck", EchKeys, flatten_ech, input_host),
    service("urlgetter", Status("failed_operation", None, "failure"), target=input_host),
)
