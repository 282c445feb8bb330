"""A small world for the tests of pages: findings of every kind, too little data, and text that fights back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.schema import TABLES
from wallwatch.schema.statement_fields import row

#: Monday.
START = datetime(2024, 3, 4, tzinfo=UTC)
DAYS = 21
#: Newest moment of the data.
NOW = START + timedelta(days=DAYS) - timedelta(minutes=15)

SCRIPT = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
OVERRIDE = "\u202egnp.exe\u2066"
ESCAPES = "\x1b[31mred\x00\u2028"
FORMULA = '=HYPERLINK("http://evil.example")'
HOSTILE = (SCRIPT, OVERRIDE, ESCAPES, FORMULA, "{{ 7 * 7 }}", "javascript:alert(1)", "</style></svg>")

#: A volunteer's address and credential: in the observations, never on a page (trap X9).
ADDRESS = "198.51.100.77"
CREDENTIAL = "credential-of-a-volunteer"

UID = "20240305060708.123456_KE_webconnectivity_0123456789abcdef"

EVENT_ID = "ev-0123456789abcdef"
OUTAGE_ID = "ou-aaaaaaaaaaaa"

#: Weekday hours in which news.example is blocked on AS64500.
HOURS = (5, 6, 7)

Row = dict[str, Any]


def at(day: float, hour: float = 0) -> datetime:
    """That many days and hours after the start."""
    return START + timedelta(days=day, hours=hour)


def cell(network: int, hour: datetime, sessions: int, blocked: int, **other: Any) -> Row:
    """One hour of news.example on a Kenyan network."""
    return {
        "country": "KE",
        "network": network,
        "service": "news.example",
        "target": "news.example",
        "layer": "all",
        "hour": hour,
        "blocked": 0,
        "likely_blocked": blocked,
        "impaired": 0,
        "down": 0,
        "ok": sessions - blocked,
        "insufficient": 0,
        "sessions": sessions,
        "votes": float(sessions),
        "votes_blocked": float(blocked),
        "votes_artefact": 0.0,
        "credentialed": 0,
        "mechanisms": ["tls.reset.sni"] if blocked else [],
        "rule_counts": "{}",
    } | other


def event(event_id: str = EVENT_ID, **other: Any) -> Row:
    """news.example blocked in the mornings on one of two Kenyan networks, from the 3rd to the 17th day."""
    return {
        "event_id": event_id,
        "kind": "blocking",
        "country": "KE",
        "service": "news.example",
        "networks": [64500],
        "networks_ok": [64501],
        "networks_insufficient": [64502],
        "targets": ["news.example"],
        "layers": ["tls"],
        "mechanisms": ["tls.reset.sni"],
        "onset_best": at(2, 5),
        "onset_earliest": at(2, 3),
        "onset_latest": at(2, 6),
        "end_best": at(16, 8),
        "end_earliest": at(16, 7),
        "end_latest": at(16, 12),
        "recurrence": json.dumps(
            {
                "text": "weekdays, 05:00–08:00 UTC",
                "hours_utc": list(HOURS),
                "weekdays": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
                "days": 11,
            }
        ),
        "probability": 0.9995,
        "measurements": 1720,
        "measurements_blocked": 165,
        "sessions": 1720,
        "sessions_blocked": 165,
        "witnesses": [UID, "made-from-content-0001", SCRIPT],
        "against": ["AS64501 was measured 1,120 times and found fine", OVERRIDE],
        "details": json.dumps(
            [
                {
                    "network": 64500,
                    "name": "Savanna Online",
                    "layers": ["tls"],
                    "mechanisms": ["tls.reset.sni"],
                    "mechanisms_seen": [
                        {
                            "path": "tls.reset.sni",
                            "first": "2024-03-06T05:00:00Z",
                            "last": "2024-03-20T07:00:00Z",
                            "measurements": 165,
                        }
                    ],
                    "onset": {"best": "2024-03-06T05:00:00Z"},
                    "end": {"best": "2024-03-20T08:00:00Z"},
                    "recurrence": {"text": "weekdays, 05:00–08:00 UTC"},
                    "probability": 0.9995,
                    "measurements": 1720,
                    "measurements_blocked": 165,
                    "sessions": 1720,
                    "sessions_blocked": 165,
                    "insufficient": 0,
                }
            ]
        ),
    } | other


def outage(outage_id: str = OUTAGE_ID, **other: Any) -> Row:
    """All of Kenya cut off on the 19th day, and not yet back."""
    return {
        "outage_id": outage_id,
        "kind": "shutdown",
        "scope": "country",
        "country": "KE",
        "region": None,
        "network": None,
        "parent": None,
        "onset_best": at(19, 21),
        "onset_earliest": at(19, 20),
        "onset_latest": at(19, 22),
        "end_best": None,
        "end_earliest": None,
        "end_latest": None,
        "depth": 0.93,
        "plateau": 0.05,
        "signals": ["ioda.ping-slash24"],
        "regions": 2,
        "regions_measured": 3,
        "recurrence": None,
        "probability": 0.999,
        "reasons": ["Nearly everything was lost within two hours."],
        "against": ["One source only."],
    } | other


def _cells() -> Iterable[Row]:
    for hour in range(24 * DAYS):
        moment = at(0, hour)
        inside = moment.weekday() < 5 and moment.hour in HOURS and at(2, 5) <= moment < at(16, 8)
        yield cell(64500, moment, 5, 5 if inside else 0)
        if hour % 3 == 0:
            yield cell(64501, moment, 10, 0)
    # Three measurements in a week (trap C13), of which one failed.
    for day, blocked in ((3, 0), (5, 1), (8, 0)):
        yield cell(64502, at(day, 6), 1, blocked)
    for number, text in enumerate(HOSTILE):
        yield cell(64503, at(4, number), 2, 0, service=text, target=text)


def _measurements() -> Iterable[Row]:
    names = {64500: "Savanna Online", 64501: "Rift Telecom", 64502: "Lake Mobile", 64503: SCRIPT}
    for number, one in enumerate(_cells()):
        for session in range(one["sessions"]):
            yield {
                "file_id": "00" * 8,
                "line": number * 100 + session + 1,
                "measurement_id": f"m{number}-{session}",
                "time": one["hour"] + timedelta(minutes=15 + session),
                "country": one["country"],
                "network": one["network"],
                "network_name": names[one["network"]],
                "nettest": "web_connectivity",
                "session": f"s{number}-{session}",
                "probe_id": CREDENTIAL,
                "input": one["target"],
                "target": one["target"],
                "observations": 4,
                "controls": 1,
            }
    yield {
        "file_id": "00" * 8,
        "line": 999_999,
        "measurement_id": "odd",
        "time": datetime(2099, 1, 1, tzinfo=UTC),
        "time_flag": "future",
        "country": "KE",
        "nettest": SCRIPT,
        "session": "odd",
        "target": OVERRIDE,
        "observations": 0,
        "controls": 0,
    }
    # A country whose code is no code: counted, never a page or a file name.
    yield {
        "file_id": "00" * 8,
        "line": 1_000_000,
        "measurement_id": "nowhere",
        "time": at(1),
        "country": "../x",
        "network": 64501,
        "nettest": "web_connectivity",
        "session": "nowhere",
        "target": "news.example",
        "observations": 1,
        "controls": 0,
    }
    # A made-up country with one measurement, long ago.
    yield {
        "file_id": "00" * 8,
        "line": 1_000_001,
        "measurement_id": "old",
        "time": at(-100),
        "country": "XW",
        "network": 64496,
        "nettest": "web_connectivity",
        "session": "old",
        "target": "news.example",
        "observations": 1,
        "controls": 0,
    }


def _verdicts() -> Iterable[Row]:
    for number, hour in enumerate(at(day, hour) for day in (2, 3, 4) for hour in HOURS):
        for layer, rules in (
            ("tls", ["tls.reset_control_ok"]),
            ("all", ["tcp.connects", "tls.reset_control_ok", SCRIPT]),
        ):
            yield {
                "measurement_id": f"v{number}",
                "host": "news.example",
                "layer": layer,
                "state": "likely_blocked",
                "mechanisms": ["tls.reset.sni"],
                "locus": "network",
                "rules": rules,
                "evidence": "control",
                "against": [],
                "flags": [],
                "time": hour,
                "country": "KE",
                "network": 64500,
                "nettest": "web_connectivity",
                "session": f"s{number}",
                "target": "news.example",
                "service": "news.example",
                "file_id": "00" * 8,
                "line": number + 1,
                "rule_set": "aaaaaaaaaaaa",
                "reference_set": "bbbbbbbbbbbb",
            }


def _signals() -> Iterable[Row]:
    for region in (None, "Coast", SCRIPT, "Rift"):
        for hour in range(24 * DAYS):
            lost = hour >= 19 * 24 + 21 and region != "Rift"
            yield {
                "file_id": "11" * 8,
                "line": hour + 1,
                "signal": "ioda.ping-slash24",
                "country": "KE",
                "region": region,
                "time": at(0, hour),
                "step_seconds": 3600,
                "value": (30.0 if lost else 600.0 + hour % 24),
                "unit": "count",
            }


def rows() -> dict[str, list[Row]]:
    """The world, table by table."""
    return {
        "files": [
            {
                "file_id": "00" * 8,
                "sha256": "00" * 32,
                "path": f"raw/{SCRIPT}{OVERRIDE}.jsonl.gz",
                "size": 123456,
                "kind": "ooni",
                "measurements": 1000,
                "signals": 0,
                "set_aside": 2,
            },
            {
                "file_id": "11" * 8,
                "sha256": "11" * 32,
                "path": "signals.json",
                "size": 1000,
                "kind": "signals.ioda",
                "measurements": 0,
                "signals": 2016,
                "set_aside": 0,
            },
        ],
        "quarantine": [
            {"file_id": "00" * 8, "line": 7, "byte_offset": 99, "reason": "not JSON", "excerpt": text}
            for text in (SCRIPT, ESCAPES)
        ],
        "measurements": list(_measurements()),
        "observations": [
            {
                "file_id": "00" * 8,
                "line": 1,
                "measurement_id": "m0-0",
                "nettest": "web_connectivity",
                "session": "s0-0",
                "probe_id": CREDENTIAL,
                "target": "news.example",
                "obs": 1,
                "layer": "tcp",
                "ip": ADDRESS,
            }
        ],
        "verdicts": list(_verdicts()),
        "cells": list(_cells()),
        "events": [
            event(),
            event(
                "ev-hostile",
                service=SCRIPT,
                targets=[SCRIPT, OVERRIDE],
                networks=[64503],
                networks_ok=[],
                networks_insufficient=[64502, 99999],
                mechanisms=["dns", SCRIPT],
                recurrence="not JSON",
                details=json.dumps([{"network": 64503, "recurrence": {"text": SCRIPT}, "onset": {"best": "soon"}}, 3]),
                probability=0.93,
                onset_best=None,
                onset_earliest=None,
                onset_latest=at(4, 2),
                end_best=None,
                end_earliest=None,
                end_latest=None,
            ),
            event("../../../evil", kind="service_outage", networks_insufficient=[]),
            event("ev-throttled", kind="throttling", mechanisms=["tls.throttle.sni"], end_best=None, end_earliest=None, end_latest=None),
            event("ev-nowhere", country="<b"),
            event("ev-without-data", country="ZW"),
        ],
        "signals": list(_signals()),
        "statements": [
            {**row({"speaker": speaker, "quotation": quotation, "country": "KE", "date": date, "kind": "order", "targets": "news.example", "restriction": "blocking"}), "file_id": "22" * 8, "line": number}
            for number, (speaker, quotation, date) in enumerate(
                (
                    ("The regulator", "access to the site is suspended", at(2).date().isoformat()),
                    (SCRIPT, f"{SCRIPT}{OVERRIDE}", at(3).date().isoformat()),
                ),
                1,
            )
        ],
        "outages": [
            outage(),
            outage("ou-coast", scope="region", region="Coast", parent=OUTAGE_ID, regions=1, regions_measured=1),
            outage("ou-hostile", scope="region", region=SCRIPT, parent=OUTAGE_ID, regions=1, regions_measured=1),
            outage("ou-storm", kind="disruption", onset_best=at(6), onset_earliest=at(5, 23), onset_latest=at(6, 1), end_best=at(7), end_earliest=at(7), end_latest=at(7, 2), depth=0.4, reasons=[SCRIPT]),
            outage("ou-probe", kind="instrument", onset_best=at(9), onset_earliest=at(9), onset_latest=at(9), end_best=at(9, 3), end_earliest=at(9, 3), end_latest=at(9, 3), probability=0.05),
        ],
    }  # fmt: skip


def connect(world: Mapping[str, list[Row]]) -> duckdb.DuckDBPyConnection:
    """A connection that shows the world as a workspace does: one table for each of the schema."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name, table in TABLES.items():
        found: pa.Table = table.from_rows(world.get(name, []))
        con.register("given", found)
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM given")
        con.unregister("given")
    return con
