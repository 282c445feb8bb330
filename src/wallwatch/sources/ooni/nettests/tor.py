"""Tor (ts-023): whether directory authorities, relays and bridges can be reached.

Addresses of authorities and relays are in Tor's public consensus. A bridge is told by its protocol and a few digits
that name it within a day's measurements; its address is in no table (do no harm).
"""

from __future__ import annotations

import hashlib

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, Status, add_statuses, named, with_statuses
from wallwatch.sources.ooni.parts import Parts
from wallwatch.sources.ooni.values import split_endpoint

_PROTOCOLS = ("dir_port", "or_port", "or_port_dirauth", "obfs4")
#: What Tor publishes itself.
_PUBLIC = frozenset({"dir_port", "or_port", "or_port_dirauth"})
_TOTALS = tuple(
    Status(f"{protocol}_{what}", protocol) for protocol in _PROTOCOLS for what in ("total", "accessible")
)


class Target(Parts, gc=False):
    """One relay, authority or bridge."""

    target_address: str | None = None
    target_name: str | None = None
    target_protocol: str | None = None
    target_source: str | None = None


class Targets(Parts, gc=False):
    """Its own test keys; early probes wrote the targets as a list."""

    targets: dict[str, Target | None] | list[Target] | None = None


def flatten(flattener: Flattener, found: Envelope, keys: Targets) -> Outcome:
    """A step for each target that was tried, and the shared parts of each."""
    flattener.parts(keys)
    targets = keys.targets or {}
    listed = (
        [(name, target) for name, target in targets.items() if target is not None]
        if isinstance(targets, dict)
        else [(target.target_address or "", target) for target in targets]
    )
    for position, (name, target) in enumerate(listed, 1):
        if target.failure is False:
            flattener.note("targets: some were not tried")
            continue
        protocol = target.target_protocol or "unknown"
        endpoint = target.target_address or name
        raw, _ = split_endpoint(endpoint)
        public = protocol in _PUBLIC
        failure = target.failure if isinstance(target.failure, str) else None
        flattener.step(
            "tor_target",
            (target.target_name or target.target_source or name) if public else _digits(name),
            target=protocol,
            # What the probe has no word for may name the address.
            failure=failure.replace(raw, "[bridge]") if failure and raw and not public else failure,
            endpoint=endpoint if public else None,
            host=f"tor.{protocol}",
        )
        flattener.nested(target, position, host=f"tor.{protocol}", hidden=not public)
    return Outcome(add_statuses(flattener, keys, _TOTALS))


def _digits(name: str) -> str:
    """So few of a digest that no address follows from it."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:6]


NETTESTS = (Nettest("tor", with_statuses("Keys", _TOTALS, Targets), flatten, named("tor")),)
