"""What a test's module gives: its own keys, what it measures, and how its keys become rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.parts import Parts
from wallwatch.sources.ooni.values import host_name, split_url


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the test's own keys say of the whole measurement.

    Attributes:
        peer_verdict: The probe's own verdict, as it said it; null where it said none.
        control_failure: Why the helper gave no control; null where it gave one or there is no helper.
    """

    peer_verdict: str | None = None
    control_failure: str | None = None


#: Adds the rows of one measurement: (where to, the measurement, its test keys).
Flatten = Callable[[Flattener, Envelope, Any], Outcome]
#: What a measurement is of: (the measurement, its test keys or null).
Target = Callable[[Envelope, Any], str]


@dataclass(frozen=True, slots=True)
class Nettest:
    """How to read one test's measurements.

    Attributes:
        name: As in `test_name`.
        keys: Its test keys; null for tests that are read by their shared parts alone.
        flatten: Adds its rows.
        target: What it measures.
        redirects: Whether its requests are one chain of redirects from the input's URL.
        record: The whole measurement as a type, for decoding.
    """

    name: str
    keys: type[Parts]
    flatten: Flatten
    target: Target
    redirects: bool = False
    record: type[Envelope] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        record = msgspec.defstruct(
            "Measurement", [("test_keys", self.keys | None, None)], bases=(Envelope,), gc=False
        )
        object.__setattr__(self, "record", record)


def standard(flattener: Flattener, found: Envelope, keys: Parts) -> Outcome:
    """Only the shared parts, and the test's failure as a step."""
    flattener.parts(keys)
    if isinstance(keys.failure, str):
        flattener.step("failure", keys.failure, failure=keys.failure)
    return Outcome()


def named(service: str) -> Target:
    """Targets of a test that measures one service: its name."""
    return lambda found, keys: service


def input_host(found: Envelope, keys: Any) -> str:
    """The host of the input URL; `unknown` where there is none."""
    return split_url(found.input)[1] or "unknown"


def input_endpoint(found: Envelope, keys: Any) -> str:
    """Host and port of the input; the host alone where it names no port, the test's name without an input."""
    if not found.input:
        return found.test_name or "unknown"
    _, host, port = split_url(found.input)
    if host is None:
        return host_name(found.input) or "unknown"
    return f"[{host}]:{port}" if port and ":" in host else f"{host}:{port}" if port else host
