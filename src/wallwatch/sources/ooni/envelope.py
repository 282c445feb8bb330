"""What every measurement says of itself, whatever its test (df-000): who, where, when, with what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from wallwatch.schema import MEASUREMENTS
from wallwatch.schema.columns import TYPES
from wallwatch.schema.measurements import UNREPORTED
from wallwatch.sources.ooni.clock import LEADING, STAMPED, clock_flags, from_microseconds
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.parts import Number
from wallwatch.sources.ooni.remembered import ADDRESSES, NETWORKS, Remembered
from wallwatch.sources.ooni.rows import Level, column
from wallwatch.sources.ooni.values import country_code, failure_word, resolver_kind

_SCRUBBED = ("[scrubbed]", "[REDACTED]")
UID = re.compile(r"^[0-9]{14}\.[0-9]{6}_[A-Z]{2}_[a-z0-9]+_[0-9a-f]{16}$")


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


#: The columns with one value a measurement that all tables share.
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
#: Those of `measurements` alone.
MEASURED = ("runtime_seconds", "received", "helper", "helper_failure", "peer_verdict", "annotation_run")
#: What is needed to make others.
_BESIDES = ("test_start", "opened")
_ADDED = ("measurement_id", "nettest", "target", "received", "helper_failure", "peer_verdict")


class Envelopes:
    """What the measurements of a batch say of themselves, gathered in columns.

    Args:
        as_of: No measurement can be later than this.
    """

    def __init__(self, as_of: datetime) -> None:
        self._as_of = as_of
        self._held: list[Envelope] = []
        others = {*WHO, *MEASURED, *_BESIDES} - {*_ADDED, "time_flag"}
        self._level = Level(_ADDED, sorted(others))

    def __len__(self) -> int:
        return self._level.size() + len(self._level.rows)

    def add(
        self,
        found: Envelope,
        nettest: str,
        target: str,
        name: str | None,
        digest: Callable[[], str],
        helper_failure: str | None = None,
        peer_verdict: str | None = None,
    ) -> None:
        """One more measurement.

        Args:
            found: It.
            nettest: Its test's name.
            target: What it measured.
            name: The uid that its container gives it (a post-can's member name); null where it gives none.
            digest: Gives a digest of its line in hex, from which an id is made where it has none.
            helper_failure: Why its helper gave no control; null where it gave one.
            peer_verdict: The probe's own verdict.
        """
        uid = found.measurement_uid or (name if name and UID.match(name) else None)
        received = None
        if not uid:
            uid = made_id(STAMPED[found.measurement_start_time][1], found.probe_cc, nettest, digest())
        elif UID.match(uid):
            received = LEADING[uid]
        self._level.rows.append((uid, nettest, target, received, helper_failure, peer_verdict))
        self._held.append(found)

    def settle(self) -> None:
        """Makes columns of what is held: to be called now and then, while it still is in the processor's cache."""
        self._level.settle()
        held = self._held
        if not held:
            return
        add = self._level.columns
        times = [STAMPED[m.measurement_start_time][0] for m in held]
        countries = [_COUNTRIES[m.probe_cc] for m in held]
        networks = [NETWORKS[m.probe_asn] for m in held]
        programs = [_SOFTWARE[m.software_name, m.software_version] for m in held]
        add["time"] += times
        add["country"] += countries
        add["network"] += networks
        add["software"] += programs
        add["session"] += [
            m.report_id or _made_session(time, country, network, by)
            for m, time, country, network, by in zip(held, times, countries, networks, programs, strict=True)
        ]
        add["test_start"] += [STAMPED[m.test_start_time][0] for m in held]
        add["opened"] += [LEADING[m.report_id] for m in held]
        add["network_name"] += [_NAMES[m.probe_network_name] for m in held]
        add["resolver_network"] += [NETWORKS[m.resolver_asn] for m in held]
        add["resolver_kind"] += [_RESOLVERS[m.resolver_ip] for m in held]
        add["nettest_version"] += [m.test_version or None for m in held]
        add["probe_id"] += [m.probe_id or None for m in held]
        add["input"] += [m.input for m in held]
        noted = [m.annotations or _NOTHING_NOTED for m in held]
        add["network_type"] += [a.network_type or None for a in noted]
        add["platform"] += [a.platform or None for a in noted]
        add["annotation_run"] += [str(run) if (run := a.ooni_run_link_id) else None for a in noted]
        add["runtime_seconds"] += [_seconds(m.test_runtime) for m in held]
        add["helper"] += [_helper(m.test_helpers) for m in held]
        held.clear()

    def arrays(self) -> dict[str, pa.Array]:
        """Columns of all measurements: those of `WHO` and `MEASURED`."""
        self.settle()
        found = self._level.columns
        failures = [failure_word(text)[0] for text in found["helper_failure"]]
        return envelope_arrays({**found, "helper_failure": failures}, self._as_of)


def envelope_arrays(found: Mapping[str, Any], as_of: datetime) -> dict[str, pa.Array]:
    """What measurements say of themselves as Arrow columns: those of `WHO` and `MEASURED`.

    Args:
        found: Lists or arrays by name: these columns but for `time_flag`, times as microseconds; `test_start`, `opened`.
        as_of: No measurement can be later than this.
    """
    flags = clock_flags(
        found["time"],
        found["test_start"],
        found["opened"],
        found["received"],
        found["runtime_seconds"],
        as_of,
    )
    columns = {**found, "time_flag": flags}
    return {name: _column(name, columns[name]) for name in (*WHO, *MEASURED)}


def _column(name: str, values: Any) -> pa.Array:
    if MEASUREMENTS[name].type == "timestamp":
        return (values if isinstance(values, pa.Array) else pa.array(values, pa.int64())).view(
            TYPES["timestamp"]
        )
    return values if isinstance(values, pa.Array) else column(MEASUREMENTS, name, values)


_NOTHING_NOTED = Annotations()
_COUNTRIES: Remembered[str | None, str | None] = Remembered(country_code)
_RESOLVERS: Remembered[str | None, str] = Remembered(resolver_kind)


def shown_name(text: str | None) -> str | None:
    """A network's name; null where it was scrubbed."""
    return None if not text or text in _SCRUBBED else text


def software(parts: tuple[str | None, str | None]) -> str | None:
    """Name and version of the software, as far as they are told."""
    return " ".join(part for part in parts if part) or None


_NAMES: Remembered[str | None, str | None] = Remembered(shown_name)
_SOFTWARE: Remembered[tuple[str | None, str | None], str | None] = Remembered(software)


def _seconds(number: float | None) -> float | None:
    """A number of JSON as a float; null where it is too large for one."""
    try:
        return None if number is None else float(number)
    except OverflowError:
        return None


def made_id(stamp: str, country: str | None, nettest: str, digest: str) -> str:
    """An id of the upstream's form, from the content alone: the same line always gives the same.

    Args:
        stamp: Fourteen digits of when it started.
        country: As written.
        nettest: Its test's name.
        digest: Of its line, in hex.
    """
    name = nettest.replace("_", "")
    return f"{stamp}_{_COUNTRIES[country] or 'ZZ'}_{name}_{digest[:16]}"


def _made_session(time: int | None, country: str | None, network: int | None, software: str | None) -> str:
    """One session for all of a network's measurements of a day by one software.

    Without a report id nothing tells two volunteers from one, so independence is not assumed.
    """
    day = f"{from_microseconds(time):%Y%m%d}" if time is not None else "unknown"
    return f"{UNREPORTED}{day}_{country or 'ZZ'}_{network or 0}_{(software or 'unknown').replace(' ', '_')}"


def probe_secret(found: Envelope) -> str | None:
    """The probe's address where it was not replaced by a loopback address before upload (trap X9)."""
    given = ADDRESSES[found.probe_ip]
    return None if given is None or given.startswith("127.") or given == "::1" else found.probe_ip


def _helper(helpers: dict[str, Any] | None) -> str | None:
    """The address of the test helper: an object with `address`, or the address itself."""
    if not helpers:
        return None
    for name in sorted(helpers) if len(helpers) > 1 else helpers:
        given = helpers[name]
        if isinstance(given, dict):
            given = given.get("address")
        if isinstance(given, str) and given:
            return given
    return None
