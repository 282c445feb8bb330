"""Small built worlds for tests of the judge: measurements row by row, judged in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.judge import References, verdicts
from wallwatch.schema import TABLES
from wallwatch.sources.ooni import OONIReader
from wallwatch.sources.stretch import Line

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
TRUE = "192.0.2.10"
SITE = "site.example"
_WHO = (
    "measurement_id time time_flag country network network_name resolver_network resolver_kind nettest "
    "nettest_version software session input target"
).split()


@dataclass
class Measured:
    """One measurement of a world, to which rows are added."""

    who: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    control: list[dict[str, Any]] = field(default_factory=list)

    def _add(self, rows: list[dict[str, Any]], layer: str, values: dict[str, Any]) -> Measured:
        rows.append({"layer": layer, "obs": len(rows), "host": self.who["target"], "depth": 0, **values})
        return self

    def dns(
        self, ip: str | None = TRUE, failure: str | None = None, engine: str = "system", **more: Any
    ) -> Measured:
        kind = None if ip is None else more.pop("ip_kind", "global")
        answer = {"dns_answer": ip, "dns_answer_type": "AAAA" if ip and ":" in ip else "A"} if ip else {}
        values = {"ip": ip, "ip_kind": kind, "failure": failure, "dns_engine": engine, "dns_query_type": "A"}
        return self._add(self.seen, "dns", {**values, **answer, **more})

    def tcp(self, failure: str | None = None, ip: str = TRUE, port: int = 443, **more: Any) -> Measured:
        values = {"ip": ip, "port": port, "failure": failure, "ip_kind": "global"}
        return self._add(self.seen, "tcp", {**values, **more})

    def tls(self, failure: str | None = None, ip: str = TRUE, port: int = 443, **more: Any) -> Measured:
        values = {"ip": ip, "port": port, "failure": failure, "ip_kind": "global"}
        return self._add(self.seen, "tls", {**values, **more})

    def http(
        self, status: int | None = 200, failure: str | None = None, url: str | None = None, **more: Any
    ) -> Measured:
        url = url or f"https://{more.get('host', self.who['target'])}/"
        port = 443 if url.startswith("https") else 80
        values = {
            "ip": TRUE,
            "port": port,
            "ip_kind": "global",
            "http_url": url,
            "http_status": status,
            "failure": failure,
        }
        return self._add(self.seen, "http", {**values, **more})

    def step(self, step: str, value: Any = None, failure: str | None = None, **more: Any) -> Measured:
        number = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        text = str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
        values = {"step": step, "step_value": text, "step_number": number, "failure": failure, "host": None}
        return self._add(self.seen, "step", {**values, **more})

    def page(self, **more: Any) -> Measured:
        """A page of the site as the control gets it."""
        return self.http(
            **{
                "http_title": "The site",
                "http_body_length": 20_000,
                "http_header_names": "date etag server x-a",
                **more,
            }
        )

    def helper(
        self,
        ip: str | None = TRUE,
        dns_failure: str | None = None,
        tcp: str | None = "ok",
        tls: str | None = "ok",
        status: int | None = 200,
        port: int = 443,
        ip_kind: str = "global",
        **page: Any,
    ) -> Measured:
        """What the test helper saw; `ok`, a failure string, or null for no row."""
        self._add(self.control, "dns", {"ip": ip, "ip_kind": ip_kind if ip else None, "failure": dns_failure})
        for layer, outcome in (("tcp", tcp), ("tls", tls)):
            if outcome is not None:
                failed = None if outcome == "ok" else outcome
                self._add(self.control, layer, {"ip": ip, "port": port, "failure": failed})
        found = {
            "http_title": "The site",
            "http_body_length": 20_000,
            "http_header_names": "date etag server x-a",
        }
        failed = None if status else page.pop("failure", "generic_timeout_error")
        self._add(
            self.control,
            "http",
            {"http_status": status, "failure": failed, **(found if status else {}), **page},
        )
        return self

    def works(self) -> Measured:
        """Everything works, and the helper agrees."""
        return self.dns().tcp().tls().page().helper()


class World:
    """Measurements that are judged together."""

    def __init__(self) -> None:
        self.measurements: list[Measured] = []

    def measure(self, target: str = SITE, network: int = 64500, **who: Any) -> Measured:
        number = len(self.measurements)
        measured = {name: who.pop(name) for name in ("helper_failure", "received") if name in who}
        found = Measured(
            {
                "measurement_id": f"m{number:05}",
                "time": START + timedelta(minutes=number % 600),
                "country": "XW",
                "network": network,
                "nettest": "web_connectivity",
                "nettest_version": "0.5.28",
                "software": "ooniprobe-cli 3.20",
                "session": f"s{number:05}",
                "input": f"https://{target}/",
                "target": target,
                "resolver_network": network,
                **who,
            },
            measured,
        )
        self.measurements.append(found)
        return found

    def connection(self, order: int = 1) -> duckdb.DuckDBPyConnection:
        """The world as tables; `order` −1 turns the rows round."""
        tables: dict[str, list[dict[str, Any]]] = {"measurements": [], "observations": [], "controls": []}
        for line, m in enumerate(self.measurements, 1):
            where = {"file_id": "0" * 16, "line": line}
            tables["measurements"].append(
                {
                    **where,
                    **m.who,
                    **m.measured,
                    "observations": len(m.seen),
                    "controls": len(m.control),
                    "notes": [],
                }
            )
            tables["observations"] += [{**where, **m.who, **row} for row in m.seen]
            tables["controls"] += [
                {**where, **m.who, "control_origin": "test_helper", **row} for row in m.control
            ]
        return connection({name: TABLES[name].from_rows(rows[::order]) for name, rows in tables.items()})

    def judge(self, references: References | None = None, order: int = 1) -> dict[str, Verdict]:
        """Measurement id to its verdict."""
        return judged(self.connection(order), references)

    def verdict(self) -> Verdict:
        """The verdict of the last measurement."""
        return self.judge()[self.measurements[-1].who["measurement_id"]]


@dataclass
class Verdict:
    """All rows of one measurement's verdict."""

    whole: dict[str, Any]
    parts: list[dict[str, Any]]

    def __getattr__(self, name: str) -> Any:
        return self.whole[name]

    @property
    def accuses(self) -> bool:
        return self.whole["state"] in ("blocked", "likely_blocked")

    def layer(self, layer: str, host: str | None = None) -> dict[str, Any]:
        return next(p for p in self.parts if p["layer"] == layer and (host is None or p["host"] == host))


def connection(tables: dict[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    for name in ("measurements", "observations", "controls"):
        con.register("given", tables.get(name, TABLES[name].empty()))
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        con.unregister("given")
    return con


def judged(con: duckdb.DuckDBPyConnection, references: References | None = None) -> dict[str, Verdict]:
    found: dict[str, Verdict] = {}
    rows = verdicts(con, references or References.load()).to_arrow_table().to_pylist()
    for row in sorted(rows, key=lambda row: (row["measurement_id"], row["layer"], row["host"] or "")):
        entry = found.setdefault(row["measurement_id"], Verdict({}, []))
        if row["layer"] == "all":
            assert not entry.whole, "one row `all` a measurement"
            entry.whole = row
        else:
            entry.parts.append(row)
    return found


def read_json(documents: Iterable[dict[str, Any] | Path]) -> duckdb.DuckDBPyConnection:
    """Raw measurements, each given as an object or a file, in one world."""
    reader = OONIReader(datetime(2027, 1, 1, tzinfo=UTC))
    lines = []
    for number, document in enumerate(documents, 1):
        content = document.read_bytes() if isinstance(document, Path) else json.dumps(document).encode()
        lines.append(Line(number, 0, json.dumps(json.loads(content)).encode()))
    return connection(reader.read(lines, "0" * 16).tables)
