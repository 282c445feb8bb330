"""Tor (ts-023): whether directory authorities, relays and obfs4 bridges can be reached."""

from __future__ import annotations

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, Status, add_statuses, named, with_statuses
from wallwatch.sources.ooni.parts import Parts

_PROTOCOLS = ("dir_port", "or_port", "or_port_dirauth", "obfs4")
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
        flattener.step(
            "tor_target",
            target.target_name or target.target_source or name,
            target=target.target_protocol,
            failure=target.failure if isinstance(target.failure, str) else None,
            endpoint=target.target_address or name,
        )
        flattener.nested(target, position)
    return Outcome(add_statuses(flattener, keys, _TOTALS))


NETTESTS = (Nettest("tor", with_statuses("Keys", _TOTALS, Targets), flatten, named("tor")),)
