"""What a test's module gives: its own keys, what it measures, and how its keys become rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import msgspec

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.parts import Parts
from wallwatch.sources.ooni.remembered import URLS
from wallwatch.sources.ooni.values import host_name, split_url


class Outcome(NamedTuple):
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
        object.__setattr__(self, "record", cast(type[Envelope], record))


def standard(flattener: Flattener, found: Envelope, keys: Parts) -> Outcome:
    """Only the shared parts, and the test's failure as a step."""
    flattener.parts(keys)
    if isinstance(keys.failure, str):
        flattener.step("failure", "failed", failure=keys.failure)
    return Outcome()


def named(service: str) -> Target:
    """Targets of a test that measures one service: its name."""
    return lambda found, keys: service


def input_host(found: Envelope, keys: Any) -> str:
    """The host of the input URL; `unknown` where there is none."""
    return URLS[found.input][0] or "unknown"


def input_endpoint(found: Envelope, keys: Any) -> str:
    """Host and port of the input; the host alone where it names no port, the test's name without an input."""
    if not found.input:
        return found.test_name or "unknown"
    _, host, port = split_url(found.input)
    if host is None:
        return host_name(found.input) or "unknown"
    return f"[{host}]:{port}" if port and ":" in host else f"{host}:{port}" if port else host


#: What a status can be in JSON.
Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Status:
    """One of the statuses that a test computes itself: a key that becomes a step.

    Attributes:
        key: The test key, and the step's name.
        part: The part of the service that it is about.
        failure: The test key with the failure that explains it.
    """

    key: str
    part: str | None = None
    failure: str | None = None


def with_statuses(name: str, statuses: tuple[Status, ...], bases: type[Parts] = Parts) -> type[Parts]:
    """Test keys with a field for each status and each of their failures."""
    keys = [status.key for status in statuses] + [s.failure for s in statuses if s.failure]
    own = [key for key in dict.fromkeys(keys) if key not in bases.__struct_fields__]
    made = msgspec.defstruct(
        name, [(key, Scalar | list[Any] | None, None) for key in own], bases=(bases,), gc=False
    )
    return cast(type[Parts], made)


def add_statuses(flattener: Flattener, keys: Any, statuses: tuple[Status, ...]) -> str | None:
    """A step for each status that is there; returns all of them in one text, as the probe said them."""
    said = []
    for status in statuses:
        value = getattr(keys, status.key)
        failure = getattr(keys, status.failure) if status.failure else None
        if value in (None, []) and failure is None:
            continue
        flattener.step(
            status.key, value, target=status.part, failure=failure if isinstance(failure, str) else None
        )
        if isinstance(value, str | bool):
            said.append(f"{status.key}={str(value).lower() if isinstance(value, bool) else value}")
    return " ".join(said)[:300] or None


def service(name: str, *statuses: Status, target: Target | None = None) -> Nettest:
    """A test that is read by its shared parts and its own statuses."""

    def flatten(flattener: Flattener, found: Envelope, keys: Any) -> Outcome:
        standard(flattener, found, keys)
        return Outcome(add_statuses(flattener, keys, statuses))

    return Nettest(name, with_statuses(name, statuses), flatten, target or named(name))
