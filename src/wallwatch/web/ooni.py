"""OONI's API as far as the data allow: `/api/v1/aggregation` and `/api/v1/measurements`, so that scripts go on working.

OONI's words are older than ours and are mapped, not used inside: *confirmed* is our `blocked`; *anomaly* our
`likely_blocked` and `impaired`; *failure* is `insufficient` and `down`, of which nothing can be said about the network;
*ok* the rest. As there, a measurement that is confirmed is not counted as an anomaly too.
"""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Final

import duckdb
from fastapi import APIRouter, Depends, Query, Request, Response

from wallwatch import show
from wallwatch._errors import WallwatchError
from wallwatch.report.links import measurement as public_page
from wallwatch.schema.measurements import UNREPORTED
from wallwatch.web import answers, described
from wallwatch.web.state import Live

_CONFIRMED: Final = "state = 'blocked'"
_ANOMALY: Final = "state IN ('likely_blocked', 'impaired')"
_FAILURE: Final = "state IN ('insufficient', 'down')"
_OK: Final = "state = 'ok'"


class Axis(StrEnum):
    """By what counts are taken apart."""

    measurement_start_day = "measurement_start_day"
    domain = "domain"
    input = "input"
    probe_cc = "probe_cc"
    probe_asn = "probe_asn"
    test_name = "test_name"
    blocking_type = "blocking_type"


class Grain(StrEnum):
    """How long a step of time is."""

    auto = "auto"
    hour = "hour"
    day = "day"
    week = "week"
    month = "month"
    year = "year"


class Order(StrEnum):
    """What measurements are ordered by."""

    measurement_start_time = "measurement_start_time"
    input = "input"
    probe_cc = "probe_cc"
    probe_asn = "probe_asn"
    test_name = "test_name"


class Direction(StrEnum):
    """Which comes first."""

    asc = "asc"
    desc = "desc"
    ASC = "ASC"
    DESC = "DESC"


class AnswerFormat(StrEnum):
    """In which form counts are sent."""

    JSON = "JSON"
    CSV = "CSV"


_EXPRESSIONS: Final = {
    Axis.domain: "target",
    Axis.input: "input",
    Axis.probe_cc: "country",
    Axis.probe_asn: "network",
    Axis.test_name: "nettest",
    Axis.blocking_type: "split_part(mechanisms[1], '.', 1)",
}
_FORMS: Final = {
    "hour": "%Y-%m-%dT%H:00:00Z",
    "day": "%Y-%m-%d",
    "week": "%Y-%m-%d",
    "month": "%Y-%m-01",
    "year": "%Y-01-01",
}

Cc = Annotated[str | None, Query(max_length=800, description="countries, comma-separated")]
Asn = Annotated[str | None, Query(max_length=800, description="networks: AS1234 or 1234, comma-separated")]
Text = Annotated[str | None, Query(max_length=2000)]
Day = Annotated[str | None, Query(max_length=30, description="a date or time, UTC")]
Flag = Annotated[bool | None, Query()]


def router(live: Live) -> APIRouter:
    """The routes of `/api/v1`."""
    made = APIRouter(prefix="/api/v1", tags=["ooni"])
    made.add_api_route(
        "/aggregation",
        partial(_aggregation, live),
        name="aggregation",
        summary="Counts of measurements, with the parameters and fields of OONI's API",
        response_class=Response,
        responses=described.AGGREGATION,
    )
    made.add_api_route(
        "/measurements",
        partial(_measurements, live),
        name="measurements",
        summary="Measurements, with the parameters and fields of OONI's API",
        response_class=Response,
        responses=described.MEASUREMENTS,
    )
    return made


class _Where:
    """The predicate that the parameters ask for, with its values apart from its text."""

    def __init__(self) -> None:
        self.clauses = ["time IS NOT NULL", "NOT time_future"]
        self.values: list[Any] = []

    def add(self, clause: str, value: Any) -> None:
        self.values.append(value)
        self.clauses.append(clause.replace("?", f"${len(self.values)}"))

    def among(self, column: str, text: str | None) -> None:
        if text:
            self.any(column, [part.strip() for part in text.split(",") if part.strip()])

    def any(self, column: str, values: list[Any]) -> None:
        # One value alone is compared as such: then statistics of the table tell where it cannot be.
        if len(values) == 1:
            self.add(f"{column} = ?", values[0])
        else:
            self.add(f"list_contains(?, {column})", values)

    def countries(self, text: str | None) -> None:
        self.among("country", text.upper() if text else None)

    def networks(self, text: str | None) -> None:
        if not text:
            return
        try:
            numbers = [int(part.strip().upper().removeprefix("AS")) for part in text.split(",")]
        except ValueError:
            raise WallwatchError("probe_asn must be like AS1234") from None
        self.any("network", numbers)

    def times(self, since: str | None, until: str | None) -> None:
        # As there, `until` is the first moment after: a date stands for its beginning.
        if since:
            self.add("time >= ?", show.parse_time(since))
        if until:
            self.add("time < ?", show.parse_time(until))

    def flag(self, wanted: bool | None, predicate: str) -> None:
        if wanted is not None:
            self.clauses.append(f"({predicate})" if wanted else f"NOT ({predicate})")

    @property
    def text(self) -> str:
        return " AND ".join(self.clauses)


def _common(
    probe_cc: Cc = None,
    probe_asn: Asn = None,
    test_name: Text = None,
    input: Text = None,  # noqa: A002 - the name of OONI's parameter
    domain: Text = None,
    since: Day = None,
    until: Day = None,
) -> _Where:
    """The parameters that both answers have."""
    where = _Where()
    where.countries(probe_cc)
    where.networks(probe_asn)
    where.among("nettest", test_name)
    where.among("input", input)
    where.among("target", domain)
    where.times(since, until)
    return where


Common = Annotated[_Where, Depends(_common)]


def _aggregation(
    live: Live,
    request: Request,
    where: Common,
    axis_x: Annotated[Axis | None, Query()] = None,
    axis_y: Annotated[Axis | None, Query()] = None,
    time_grain: Annotated[Grain, Query()] = Grain.auto,
    format_: Annotated[AnswerFormat, Query(alias="format")] = AnswerFormat.JSON,
) -> Response:
    if axis_x is not None and axis_x is axis_y:
        raise WallwatchError("axis_x and axis_y cannot be the same")
    axes = [axis for axis in (axis_x, axis_y) if axis is not None]
    return answers.answer(live, request, lambda: _counts(live, where, axes, time_grain, format_))


def _counts(
    live: Live, where: _Where, axes: list[Axis], time_grain: Grain, format_: AnswerFormat
) -> Response:
    with live.connection() as con:
        grain = _grain(con, where, time_grain) if Axis.measurement_start_day in axes else "day"
        names = [axis.value for axis in axes]
        keys = ", ".join(f"{_expression(axis, grain)} AS {axis.value}" for axis in axes)
        said = ", ".join(
            f"strftime({axis.value}, '{_FORMS[grain]}') AS {axis.value}"
            for axis in axes
            if axis is Axis.measurement_start_day
        )
        counts = ", ".join(
            f"count(*) FILTER ({predicate})::BIGINT AS {name}_count"
            for name, predicate in (
                ("anomaly", _ANOMALY),
                ("confirmed", _CONFIRMED),
                ("failure", _FAILURE),
                ("ok", _OK),
            )
        )
        query = (
            f"SELECT {keys + ', ' if keys else ''}{counts}, count(*)::BIGINT AS measurement_count FROM judged "
            f"WHERE {where.text} {'GROUP BY ALL' if names else ''}"
        )
        if names:  # Times are written out once for each group.
            query = (
                f"SELECT * {f'REPLACE ({said})' if said else ''} FROM ({query}) ORDER BY {', '.join(names)}"
            )
        found = con.sql(query, params=where.values).to_arrow_table().to_pylist()
    if format_ is AnswerFormat.CSV:
        return _csv(found, names)
    result: Any = found if axes else found[0]
    answer = {"dimension_count": len(axes), "result": result, "v": 0}
    return answers.json_response(answer, {})


def _expression(axis: Axis, grain: str) -> str:
    if axis is Axis.measurement_start_day:
        return f"date_trunc('{grain}', make_timestamp(epoch_us(time)))"
    return _EXPRESSIONS[axis]


def _grain(con: duckdb.DuckDBPyConnection, where: _Where, wanted: Grain) -> str:
    if wanted is not Grain.auto:
        return wanted.value
    first, last = con.execute(
        f"SELECT min(time), max(time) FROM judged WHERE {where.text}", where.values
    ).fetchall()[0]
    length = last - first if first else timedelta()
    return "hour" if length < timedelta(days=8) else "day" if length < timedelta(days=31) else "week"


def _csv(found: list[dict[str, Any]], names: list[str]) -> Response:
    out = io.StringIO()
    counts = ["anomaly_count", "confirmed_count", "failure_count", "measurement_count", "ok_count"]
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*counts, *names])
    for row in found:
        writer.writerow([row[name] if name in counts else _cell(row[name]) for name in [*counts, *names]])
    return Response(out.getvalue(), 200, media_type="text/csv; charset=utf-8")


def _cell(value: Any) -> Any:
    from wallwatch._text import csv_text

    return csv_text(value) if isinstance(value, str) else value


def _measurements(
    live: Live,
    request: Request,
    where: Common,
    report_id: Text = None,
    measurement_uid: Text = None,
    software_version: Text = None,
    anomaly: Flag = None,
    confirmed: Flag = None,
    failure: Flag = None,
    order_by: Annotated[Order, Query()] = Order.measurement_start_time,
    order: Annotated[Direction, Query()] = Direction.desc,
    limit: Annotated[int, Query(ge=1, le=answers.MOST)] = 100,
    offset: Annotated[int, Query(ge=0, le=answers.FURTHEST)] = 0,
) -> Response:
    where.among("session", report_id)
    where.among("measurement_id", measurement_uid)
    if software_version:
        where.add("ends_with(software, ' ' || ?)", software_version)
    # A confirmed measurement is an anomaly there as well.
    where.flag(anomaly, f"{_ANOMALY} OR {_CONFIRMED}")
    where.flag(confirmed, _CONFIRMED)
    where.flag(failure, _FAILURE)
    column = "time" if order_by is Order.measurement_start_time else _EXPRESSIONS[Axis(order_by.value)]
    by = f"{column} {order.value} NULLS LAST, measurement_id"
    newest = column == "time" and order.value.lower() == "desc"
    return answers.answer(live, request, lambda: _listed(live, request, where, by, newest, limit, offset))


def _page(where: _Where, by: str, limit: int, offset: int) -> str:
    fields = "measurement_id, session, input, country, network, nettest, time, state, mechanisms"
    ordered = f"FROM judged WHERE {where.text} ORDER BY {by} LIMIT {limit + 1} OFFSET {offset}"
    if not offset:
        return f"SELECT {fields} {ordered}"
    # Rows are wide: only times and ids are sorted so far.
    return f"""
        WITH page AS MATERIALIZED (SELECT time, measurement_id {ordered})
        SELECT {fields} FROM judged SEMI JOIN page
          ON judged.time = page.time AND judged.measurement_id = page.measurement_id
        ORDER BY {by}
    """


def _listed(
    live: Live, request: Request, where: _Where, by: str, newest: bool, limit: int, offset: int
) -> Response:
    with live.connection() as con:
        if newest:  # Rows before the last that is wanted need not be looked at.
            ((oldest,),) = con.execute(
                f"SELECT min(time) FROM (SELECT time FROM judged WHERE {where.text} ORDER BY time DESC "
                f"LIMIT {limit + 1 + offset})",
                where.values,
            ).fetchall()
            where.add("time >= ?", oldest)
        found = con.sql(_page(where, by, limit, offset), params=where.values).to_arrow_table().to_pylist()
    metadata = {
        "count": -1,
        "current_page": offset // limit + 1,
        "limit": limit,
        "next_url": answers.next_page(request, len(found), limit, offset),
        "offset": offset,
        "pages": -1,
        "query_time": 0.0,
    }
    return answers.json_response(
        {"metadata": metadata, "results": [_result(row) for row in found[:limit]]}, {}
    )


def _result(row: dict[str, Any]) -> dict[str, Any]:
    state, session = row["state"], row["session"]
    return {
        "anomaly": state in ("blocked", "likely_blocked", "impaired"),
        "confirmed": state == "blocked",
        "failure": state in ("insufficient", "down"),
        "input": row["input"],
        "measurement_start_time": show.iso(row["time"]),
        "measurement_uid": row["measurement_id"],
        "measurement_url": public_page(row["measurement_id"]),
        "probe_asn": f"AS{row['network']}" if row["network"] is not None else "AS0",
        "probe_cc": row["country"] or "ZZ",
        "report_id": "" if session.startswith(UNREPORTED) else session,
        "scores": {"analysis": {"state": state, "mechanisms": row["mechanisms"]}},
        "test_name": row["nettest"],
    }
