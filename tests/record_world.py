"""A few rows of the tables that claims are held against, made by hand."""

import json
from datetime import UTC, datetime, timedelta

import duckdb

from wallwatch.engine import views
from wallwatch.schema import CELLS, EVENTS, MEASUREMENTS, OUTAGES, SIGNALS, STATEMENTS, TABLES
from wallwatch.schema.statement_fields import row

DAY = timedelta(days=1)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def connect(**tables):
    """A connection with a view for each table; those not given have no rows."""
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    for name, table in TABLES.items():
        if name in tables:
            rows = [{**_blank(table), **one} for one in tables[name]]
            con.register(f"given_{name}", table.from_rows(rows))
            con.execute(f"CREATE VIEW {name} AS SELECT * FROM given_{name}")
        else:
            con.execute(f"CREATE VIEW {name} AS {views.empty_select(table)}")
    return con


def _blank(table):
    empty = {
        "string": "",
        "label": "",
        "int32": 0,
        "int64": 0,
        "double": 0.0,
        "bool": False,
        "timestamp": at("2023-01-01"),
        "list<string>": [],
        "list<int64>": [],
    }
    return {column.name: empty[column.type] for column in table.columns if column.required}


def cells(
    network,
    first,
    days,
    *,
    blocked=0.0,
    per_day=5,
    service="telegram",
    target=None,
    country="KE",
    hours=(2, 6, 10, 14, 18),
):
    """Cells of one network: so many sessions a day, that share of them against the target."""
    return [
        {
            "country": country, "network": network, "service": service, "target": target or service, "layer": "all",
            "hour": at(first) + day * DAY + timedelta(hours=hours[number % len(hours)]), "ok": 1,
            "votes": 1.0, "votes_blocked": blocked, "sessions": 1,
        }
        for day in range(days)
        for number in range(per_day)
    ]  # fmt: skip


def measurement(network, name, when, country="KE"):
    return {
        "country": country,
        "network": network,
        "network_name": name,
        "time": at(when),
        "measurement_id": f"{network}{when}",
    }


def event(
    networks,
    onset,
    end,
    *,
    fine=(),
    service="telegram",
    kind="blocking",
    probability=0.999,
    country="KE",
    details=None,
    **more,
):
    return {
        "event_id": f"ev-{service}-{onset}", "kind": kind, "country": country, "service": service, "networks": list(networks),
        "networks_ok": list(fine), "targets": [service], "probability": probability,
        "onset_best": at(onset), "onset_earliest": at(onset), "onset_latest": at(onset) + timedelta(hours=1),
        "end_best": end and at(end), "end_earliest": end and at(end), "end_latest": end and at(end) + timedelta(hours=1),
        "details": json.dumps(details or []), **more,
    }  # fmt: skip


def outage(
    onset,
    end,
    *,
    country="IR",
    kind="shutdown",
    depth=0.95,
    region=None,
    scope=None,
    probability=0.97,
    **more,
):
    return {
        "outage_id": f"ou-{onset}-{region}", "kind": kind, "scope": scope or ("region" if region else "country"), "country": country,
        "region": region, "depth": depth, "regions": 30, "regions_measured": 30, "probability": probability, "signals": ["x.signal"],
        "onset_best": at(onset), "onset_earliest": at(onset), "onset_latest": at(onset) + timedelta(hours=1),
        "end_best": end and at(end), "end_earliest": end and at(end), "end_latest": end and at(end) + timedelta(hours=1), **more,
    }  # fmt: skip


def signal(first, hours, value=lambda hour: 95.0, country="IR"):
    return [
        {
            "signal": "x.signal", "country": country, "time": at(first) + timedelta(hours=hour), "step_seconds": 3600,
            "value": value(hour), "unit": "index_100",
        }
        for hour in range(hours)
    ]  # fmt: skip


def statement(**fields):
    return {**row(fields), "file_id": "f", "line": 1}


__all__ = [
    "CELLS",
    "EVENTS",
    "MEASUREMENTS",
    "OUTAGES",
    "SIGNALS",
    "STATEMENTS",
    "at",
    "cells",
    "connect",
    "event",
    "measurement",
    "outage",
    "signal",
    "statement",
]
