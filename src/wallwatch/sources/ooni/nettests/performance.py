"""Tests of speed: NDT (ts-022) and DASH streaming (ts-021)."""

from __future__ import annotations

from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.lenient import Lenient
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, Scalar, named, standard
from wallwatch.sources.ooni.parts import Parts

#: Units: `download`, `upload` and `median_bitrate` in kbit/s; `ping` and round-trip times in ms;
#: `connect_latency` and `min_playout_delay` in s; `retransmit_rate` is a share.
_WANTED = (
    "download upload ping min_rtt avg_rtt max_rtt retransmit_rate mss "
    "median_bitrate connect_latency min_playout_delay"
).split()


class Server(Lenient, gc=False):
    """The measurement server."""

    hostname: str | None = None
    site: str | None = None


class Keys(Parts, gc=False):
    """What both tests have: a server and a summary, which DASH and early NDT call `simple`."""

    server: Server | None = None
    summary: dict[str, Scalar | list[float] | None] | None = None
    simple: dict[str, Scalar | list[float] | None] | None = None
    protocol: Scalar | None = None


def flatten(flattener: Flattener, found: Envelope, keys: Keys) -> Outcome:
    """A step for each number of the summary."""
    standard(flattener, found, keys)
    if keys.server is not None and keys.server.hostname:
        flattener.step("server", keys.server.site, endpoint=keys.server.hostname)
    summary = keys.summary or keys.simple or {}
    for name in _WANTED:
        value = summary.get(name)
        if isinstance(value, int | float):
            flattener.step(name, value)
    return Outcome()


NETTESTS = tuple(Nettest(name, Keys, flatten, named(name)) for name in ("ndt", "dash"))
