"""What every measurement says of itself, whatever its test (df-000): who, where, when, with what."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from wallwatch.schema.measurements import UNREPORTED
from wallwatch.sources.ooni.clock import clock_flag, leading_time, parse_time
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.parts import Number
from wallwatch.sources.ooni.values import address, country_code, failure_word, network_number, resolver_kind

_SCRUBBED = ("[scrubbed]", "[REDACTED]")
_UID = re.compile(r"^[0-9]{14}\.[0-9]{6}_[A-Z]{2}_[a-z0-9]+_[0-9a-f]{16}$")


class Annotations(Lenient, gc=False):
    """What the app noted."""

    platform: str | None = None
    network_type: str | None = None
    ooni_run_link_id: str | int | None = None


class Envelope(Lenient, gc=False):
    """The common keys; each test adds its own `test_keys`."""

    test_name: str | None = None
    test_version: str | None = None
    input: str | None = None
    report_id: str | None = None
    measurement_uid: str | None = None
    measurement_start_time: str | None = None
    test_start_time: str | None = None
    test_runtime: Number | None = None
    probe_asn: str | Number | None = None
    probe_cc: str | None = None
    probe_ip: str | None = None
    probe_id: str | None = None
    probe_network_name: str | None = None
    resolver_asn: str | Number | None = None
    resolver_ip: str | None = None
    software_name: str | None = None
    software_version: str | None = None
    annotations: Annotations | None = None
    test_helpers: dict[str, Any] | None = None


#: The columns with one value a measurement that all tables share, in the order of `who`.
WHO = (
    "measurement_id",
    "time",
    "time_flag",
    "country",
    "network",
    "network_name",
    "network_type",
    "resolver_network",
    "resolver_kind",
    "platform",
    "nettest",
    "nettest_version",
    "software",
    "session",
    "probe_id",
    "input",
    "target",
)
#: Those of `measurements` alone, in the order of `measured`.
MEASURED = ("runtime_seconds", "received", "helper", "helper_failure", "peer_verdict", "annotation_run")


def who(
    found: Envelope,
    nettest: str,
    target: str,
    digest: Callable[[], str],
    name: str | None,
    as_of: datetime,
) -> tuple[Any, ...]:
    """The values of `WHO`, and as a last one when the collector received it.

    Args:
        found: The measurement.
        nettest: Its test's name.
        target: What it measured.
        digest: Gives a digest of its line in hex, from which an id is made where it has none.
        name: The uid that its container gives it (a post-can's member name); null where it gives none.
        as_of: No measurement can be later than this.
    """
    time = parse_time(found.measurement_start_time)
    country = country_code(found.probe_cc)
    network = network_number(found.probe_asn)
    software = " ".join(part for part in (found.software_name, found.software_version) if part) or None
    uid = found.measurement_uid or (name if name and _UID.match(name) else None)
    received = leading_time(uid) if uid and _UID.match(uid) else None
    flag = clock_flag(
        time,
        parse_time(found.test_start_time),
        leading_time(found.report_id),
        received,
        found.test_runtime,
        as_of,
    )
    if not uid:
        uid = made_id(time, country, nettest, digest())
    annotations = found.annotations
    return (
        uid,
        time,
        flag,
        country,
        network,
        _unscrubbed(found.probe_network_name),
        (annotations.network_type or None) if annotations is not None else None,
        network_number(found.resolver_asn),
        resolver_kind(found.resolver_ip),
        (annotations.platform or None) if annotations is not None else None,
        nettest,
        found.test_version or None,
        software,
        found.report_id or made_session(time, country, network, software),
        found.probe_id or None,
        found.input,
        target,
        received,
    )


def measured(
    found: Envelope, received: datetime | None, control_failure: str | None, peer_verdict: str | None
) -> tuple[Any, ...]:
    """The values of `MEASURED`."""
    run = found.annotations.ooni_run_link_id if found.annotations is not None else None
    runtime = found.test_runtime
    return (
        float(runtime) if runtime is not None else None,
        received,
        _helper(found.test_helpers),
        failure_word(control_failure)[0],
        peer_verdict,
        str(run) if run else None,
    )


def made_id(time: datetime | None, country: str | None, nettest: str, digest: str) -> str:
    """An id of the upstream's form, from the content alone: the same line always gives the same."""
    stamp = "0" * 14
    if time is not None:  # several times faster than `strftime`
        stamp = f"{time.year:04}{time.month:02}{time.day:02}{time.hour:02}{time.minute:02}{time.second:02}"
    return f"{stamp}_{country or 'ZZ'}_{nettest.replace('_', '')}_{digest[:16]}"


def made_session(
    time: datetime | None, country: str | None, network: int | None, software: str | None
) -> str:
    """One session for all of a network's measurements of a day by one software.

    Without a report id nothing tells two volunteers from one, so independence is not assumed.
    """
    day = time.strftime("%Y%m%d") if time is not None else "unknown"
    return f"{UNREPORTED}{day}_{country or 'ZZ'}_{network or 0}_{(software or 'unknown').replace(' ', '_')}"


def probe_secret(found: Envelope) -> str | None:
    """The probe's address where it was not replaced by a loopback address before upload (trap X9)."""
    given = address(found.probe_ip)
    return None if given is None or given.startswith("127.") or given == "::1" else found.probe_ip


def _unscrubbed(text: str | None) -> str | None:
    return None if not text or text in _SCRUBBED else text


def _helper(helpers: dict[str, Any] | None) -> str | None:
    """The address of the test helper: an object with `address`, or the address itself."""
    for name in sorted(helpers or ()):
        given = (helpers or {})[name]
        if isinstance(given, dict):
            given = given.get("address")
        if isinstance(given, str) and given:
            return given
    return None
