"""Small worlds of verdicts with a known truth, for the tests of detection."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch.schema import VERDICTS

START = datetime(2031, 3, 3, tzinfo=UTC)  # a Monday


def at(day: float, hour: float = 0) -> datetime:
    return START + timedelta(days=day, hours=hour)


@dataclass
class World:
    """Measurements one by one, each with its verdict."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def measure(
        self,
        time: datetime,
        state: str = "ok",
        *,
        country: str = "XA",
        network: int = 64500,
        target: str = "news.example",
        service: str | None = None,
        layers: dict[str, str] | None = None,
        mechanism: str = "tls.timeout",
        session: str | None = None,
        probe_id: str | None = None,
        software: str = "probe 3.1",
        resolver: int | None = None,
        flags: Iterable[str] = (),
        count: int = 1,
        evidence: str = "control",
    ) -> None:
        """Adds `count` measurements; `layers` are its other verdicts (the mechanism's layer where not given)."""
        for _ in range(count):
            number = len(self.rows)
            id_ = f"m{number:07d}"
            bad = state in ("blocked", "likely_blocked", "impaired")
            others = {mechanism.split(".", maxsplit=1)[0]: state} if layers is None else layers
            base: dict[str, Any] = {
                "measurement_id": id_,
                "host": target,
                "locus": "network" if bad else "unknown",
                "rules": [f"test.{state}"],
                "evidence": evidence,
                "against": [],
                "flags": list(flags),
                "time": time,
                "country": country,
                "network": network,
                "network_name": f"Network {network}",
                "resolver_network": resolver if resolver is not None else network,
                "nettest": "web_connectivity",
                "software": software,
                "session": session or f"s{number}",
                "probe_id": probe_id,
                "input": f"https://{target}/",
                "target": target,
                "service": service or target,
                "received": time + timedelta(minutes=2),
                "file_id": "f",
                "line": number + 1,
                "rule_set": "r",
                "reference_set": "r",
            }
            for layer, verdict in {"all": state, **others}.items():
                wrong = verdict in ("blocked", "likely_blocked", "impaired")
                self.rows.append(
                    {**base, "layer": layer, "state": verdict, "mechanisms": [mechanism] if wrong else []}
                )

    def regularly(
        self,
        rng: np.random.Generator,
        per_hour: float,
        first: datetime,
        last: datetime,
        blocked: Any = None,
        strength: float = 1.0,
        noise: float = 0.01,
        found: str = "likely_blocked",
        **more: Any,
    ) -> None:
        """Measurements at random times; where `blocked(time)` holds, so many of them find it so."""
        hours = (last - first) / timedelta(hours=1)
        for offset in np.sort(rng.uniform(0, hours, rng.poisson(per_hour * hours))):
            time = first + timedelta(hours=float(offset))
            share = strength if blocked is not None and blocked(time) else noise
            self.measure(time, found if rng.random() < share else "ok", **more)

    def table(self) -> pa.Table:
        return VERDICTS.from_rows(self.rows)

    def connect(self, table: pa.Table | None = None) -> duckdb.DuckDBPyConnection:
        con = duckdb.connect(config={"threads": 1, "temp_directory": tempfile.gettempdir()})
        con.execute("SET TimeZone = 'UTC'")
        con.register("verdicts_rows", self.table() if table is None else table)
        con.execute("CREATE VIEW verdicts AS SELECT * FROM verdicts_rows")
        return con


def between(first: datetime, last: datetime) -> Any:
    return lambda time: first <= time < last


def many_countries() -> World:
    """What is told from several countries together, beside what is told of each.

    A service that fails everywhere, software that fails where other software does not, a short failure that only
    another country contradicts, a restriction of several weeks, and a session that names two countries.
    """
    world, rng = World(), np.random.default_rng(11)
    for country in ("XA", "XB", "XC", "XD", "XE"):
        world.regularly(rng, 1, at(0), at(8), between(at(4), at(4, 8)), country=country, service="chat")
        for number in range(6):
            world.regularly(rng, 0.1, at(0), at(8), country=country, target=f"site{number}.example")
    for network in (64500, 64501, 64502):
        world.regularly(rng, 1, at(0), at(8), network=network, target="map.example", software="probe 3.1")
        broken = between(at(4), at(8))
        world.regularly(
            rng, 1, at(4), at(8), broken, network=network, target="map.example", software="probe 3.2"
        )
        failed = between(at(5), at(5, 1))
        world.regularly(
            rng, 3, at(0), at(8), failed, network=network, target="forum.example", evidence="peers"
        )
    world.regularly(rng, 1, at(0), at(8), noise=0, country="XB", target="forum.example")
    world.regularly(rng, 2, at(0), at(8), between(at(3), at(8)), country="XC", target="news.example")
    for number in range(6):
        for country in ("XD", "XE"):
            world.measure(
                at(6), "likely_blocked", country=country, target=f"site{number}.example", session="two"
            )
    return world
