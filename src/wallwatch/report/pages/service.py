"""A service or host: where it is restricted, since when, how, and how that went, over all countries and networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.report import charts
from wallwatch.report.charts import Bin
from wallwatch.report.facts import Country, rows
from wallwatch.report.findings import OPEN, Finding, by_weight, mechanism, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import country_page, service_name, service_page
from wallwatch.schema.words import STATES

#: Countries in the chart of the history.
_MOST: Final = 40
#: Lengths of stretches that the chart may have, in weeks, and how many of them.
_WEEKS: Final = (1, 4, 13, 52)
_BINS: Final = 80


def measured(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The services that there are measurements of.

    Args:
        con: Inside `counted`.
    """
    return {name for (name,) in con.execute("SELECT DISTINCT service FROM report_states").fetchall()}


def listing(services: Mapping[str, Sequence[Finding]]) -> dict[str, Any]:
    """What `services.html` shows: those restricted now in most countries first."""
    table: list[dict[str, Any]] = [
        {
            "name": service_name(name),
            "page": service_page(name),
            "now": sorted({one.country for one in found if one.current}),
            "ever": len({one.country for one in found if one.restriction}),
            "events": sum(one.restriction for one in found),
            "since": min(
                (one.row["onset_best"] for one in found if one.current and one.row["onset_best"]),
                default=None,
            ),
        }
        for name, found in services.items()
        if any(one.restriction for one in found)
    ]
    table.sort(key=lambda row: (-len(row["now"]), -row["ever"], row["name"], row["page"]))
    return {"services": table}


def context(
    con: duckdb.DuckDBPyConnection,
    service: str,
    known: Mapping[str, Country],
    findings: Sequence[Finding],
    language: Language,
) -> dict[str, Any]:
    """What `service.html` shows.

    Args:
        con: Inside `counted`.
        service: As the tables name it.
        known: The countries with data.
        findings: Its events.
        language: Of the words.
    """
    states = ", ".join(f"sum({state})::BIGINT AS {state}" for state in STATES)
    table = rows(
        con,
        f"""
        SELECT country, count(DISTINCT network) AS networks, {states}, sum({" + ".join(STATES)})::BIGINT AS measurements,
          min(first) AS first, max(last) AS last
        FROM report_states WHERE service = ? GROUP BY country ORDER BY country
        """,
        [service],
    )
    table = [row for row in table if row["country"] in known]
    for row in table:
        mine = sorted(
            (one for one in findings if one.country == row["country"] and one.restriction), key=by_weight
        )
        row["name"], row["page"] = place_name(row["country"], language), country_page(row["country"])
        row["bar"] = charts.state_bar(row)
        row["finding"] = mine[0] if mine else None
        row["open"] = any(one.status in OPEN for one in mine)
    table.sort(
        key=lambda row: (not row["open"], row["finding"] is None, -row["measurements"], row["country"])
    )
    restrictions = sorted((one for one in findings if one.restriction), key=by_weight)
    ways: dict[str, set[str]] = {}
    for one in restrictions:
        for path in one.row["mechanisms"]:
            ways.setdefault(path, set()).add(one.country)
    targets = con.execute(
        "SELECT DISTINCT target FROM report_states WHERE service = ? ORDER BY target", [service]
    ).fetchall()
    return {
        "name": service_name(service),
        "countries": table,
        "current": sorted({one.country for one in restrictions if one.current}),
        "events": restrictions,
        "others": [one for one in findings if not one.restriction],
        "ways": [
            (path, mechanism(path, language), sorted(codes))
            for path, codes in sorted(ways.items(), key=lambda way: (-len(way[1]), way[0]))
        ],
        "targets": [target for (target,) in targets],
        "history": _history(con, service, known, [row["country"] for row in table], language),
    }


def _history(
    con: duckdb.DuckDBPyConnection,
    service: str,
    known: Mapping[str, Country],
    order: Sequence[str],
    language: Language,
) -> dict[str, Any] | None:
    """The chart of all weeks, a line for each country, and its table; null where nothing was measured."""
    found = con.execute(
        "SELECT min(week), max(week) FROM report_weeks WHERE service = ?", [service]
    ).fetchall()
    first, last = found[0]
    if first is None:
        return None
    weeks = next((n for n in _WEEKS if (last - first) / timedelta(weeks=n) <= _BINS), _WEEKS[-1])
    step = timedelta(weeks=weeks)
    lines: dict[str, list[Bin]] = {}
    for code, *values in con.execute(
        """
        SELECT country, time_bucket(to_days($days), week, $first) AS start, sum(sessions), sum(blocked),
          sum(measurements)::BIGINT, sum(measurements_blocked)::BIGINT
        FROM report_weeks WHERE service = $service GROUP BY ALL ORDER BY country, start
        """,
        {"days": 7 * weeks, "first": first, "service": service},
    ).fetchall():
        if code in known and values[1]:
            lines.setdefault(code, []).append(Bin(*values))
    shown = [code for code in order if code in lines][:_MOST]
    if not shown:
        return None
    stop: datetime = last + step
    description = language.gettext(
        "One line for each of %(n)s countries; the table below has the numbers of those in which something was found.",
        n=len(shown),
    )
    return {
        "unit": language.ngettext("%(n)s week", "%(n)s weeks", weeks),
        "chart": charts.matrix(
            "history",
            [charts.Row(place_name(code, language).striptags()[:26], lines[code]) for code in shown],
            first,
            stop,
            step,
            None,
            language.gettext("%(name)s: share of sessions that found it blocked", name=service_name(service)),
            description,
            language,
        ),
        "description": description,
        "table": [
            {"name": place_name(code, language), "bin": one}
            for code in shown
            for one in lines[code]
            if one.measurements_blocked
        ],
    }
