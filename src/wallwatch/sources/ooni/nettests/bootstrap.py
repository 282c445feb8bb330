"""Circumvention tools that bootstrap or do not: Tor as such (ts-016), over Snowflake (ts-030), Psiphon (ts-015)."""

from __future__ import annotations

from typing import Any

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, Status, add_statuses, named, with_statuses
from wallwatch.sources.ooni.parts import Number, Parts

_STATUSES = (
    Status("tor_progress", "bootstrap"),
    Status("tor_progress_tag", "bootstrap"),
    Status("transport_name", "bootstrap"),
    Status("rendezvous_method", "bootstrap"),
    Status("timeout", "bootstrap"),
    Status("max_runtime", "bootstrap"),
)


class Bootstrap(Parts, gc=False):
    """What all of them have."""

    bootstrap_time: Number | None = None
    success: bool | None = None


def flatten(flattener: Flattener, found: Envelope, keys: Any) -> Outcome:
    """The step `bootstrap_time`: its number in seconds where the tool came up, its failure where it did not."""
    flattener.parts(keys)
    failure = keys.failure if isinstance(keys.failure, str) else None
    took = keys.bootstrap_time
    if failure is None and (keys.success is False or (keys.success is None and not took)):
        # Before `success` existed, a time of zero meant that it never came up.
        failure = "unknown_failure"
    flattener.step(
        "bootstrap_time",
        took if failure is None else None,
        target=_rendezvous(keys) or "bootstrap",
        failure=failure,
        t=float(took) if took and failure is None else None,
    )
    add_statuses(flattener, keys, _STATUSES)
    return Outcome(f"success={str(keys.success).lower()}" if keys.success is not None else None)


def _rendezvous(keys: Any) -> str | None:
    """How Snowflake finds its proxies, where the probe says it: each way is blocked on its own."""
    method = keys.rendezvous_method
    return method.lower()[:40] if isinstance(method, str) and method.isidentifier() else None


NETTESTS = tuple(
    Nettest(name, with_statuses("Keys", _STATUSES, Bootstrap), flatten, named(name))
    for name in ("torsf", "vanilla_tor", "psiphon")
)
