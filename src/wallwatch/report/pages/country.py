"""A country: its restrictions and outages, how much was measured, on which networks, of which targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.report import charts
from wallwatch.report.facts import FEW_SESSIONS, Country, rows
from wallwatch.report.findings import OPEN, Finding, by_weight, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import is_made_up, network_page, service_name
from wallwatch.report.shades import SHADES, shade
from wallwatch.schema.words import STATES

#: More targets or networks than this are counted and not listed.
_MOST: Final = 150
_MOST_BARS: Final = 120


def volume(
    con: duckdb.DuckDBPyConnection, country: Country, network: int | None
) -> tuple[timedelta, list[tuple[datetime, int]]]:
    """How many measurements were made, by day, or by week or month where days are too many."""
    length = country.last - country.first
    days = next((n for n in (1, 7, 28) if length / timedelta(days=n) <= _MOST_BARS), 91)
    found = con.execute(
        """
        SELECT time_bucket(to_days($days), day, TIMESTAMPTZ '1970-01-05') AS start, sum(n)::BIGINT AS n
        FROM report_days
        WHERE country = $country AND ($network IS NULL OR network = $network)
        GROUP BY ALL ORDER BY start
        """,
        {"days": days, "country": country.code, "network": network},
    ).fetchall()
    step = timedelta(days=days)
    counts = dict(found)
    if not counts:
        return step, []
    moment, filled = min(counts), []
    while moment <= max(counts):
        filled.append((moment, counts.get(moment, 0)))
        moment += step
    return step, filled


def volume_chart(
    con: duckdb.DuckDBPyConnection, country: Country, network: int | None, language: Language
) -> dict[str, Any] | None:
    """The chart of how much was measured, and the table under it; null where nothing was."""
    step, counts = volume(con, country, network)
    if not counts:
        return None
    unit = {1: language.gettext("a day"), 7: language.gettext("a week")}.get(
        step.days, language.ngettext("in %(n)s day", "in %(n)s days", step.days)
    )
    busiest = max(counts, key=lambda pair: pair[1])
    empty = sum(not count for _, count in counts)
    chart = charts.volume(
        "volume",
        counts,
        step,
        language.gettext("Measurements %(unit)s", unit=unit),
        language.gettext(
            "%(total)s measurements; at most %(most)s %(unit)s, from %(day)s; %(empty)s of %(n)s stretches have none.",
            total=sum(count for _, count in counts),
            most=busiest[1],
            unit=unit,
            day=busiest[0],
            empty=empty,
            n=len(counts),
        ),
        language,
    )
    return {"chart": chart, "rows": counts, "unit": unit}


def targets(
    con: duckdb.DuckDBPyConnection, country: str, network: int | None
) -> tuple[list[dict[str, Any]], int]:
    """The targets measured most, with how their measurements came out; and how many there are."""
    states = ", ".join(f"sum({state})::BIGINT AS {state}" for state in STATES)
    total = " + ".join(STATES)
    found = rows(
        con,
        f"""
        SELECT service, target, {states}, sum({total})::BIGINT AS measurements, count(DISTINCT network) AS networks,
          count(*) OVER () AS every
        FROM report_states WHERE country = $country AND ($network IS NULL OR network = $network)
        GROUP BY service, target
        ORDER BY sum(blocked + likely_blocked) > 0 DESC, measurements DESC, target, service
        LIMIT {_MOST}
        """,
        {"country": country, "network": network},
    )
    for row in found:
        row["bar"] = charts.state_bar(row)
        row["name"] = service_name(row["target"])
    return found, int(found[0]["every"]) if found else 0


def networks(
    con: duckdb.DuckDBPyConnection,
    country: str,
    findings: Sequence[Finding],
    names: Mapping[tuple[str, int], str],
    only: int | None = None,
) -> list[dict[str, Any]]:
    """Every network that was measured, or one alone, the most measured first."""
    found = rows(
        con,
        """
        WITH states AS (
          SELECT network, sum(blocked + likely_blocked)::BIGINT AS blocked,
            sum(blocked + likely_blocked + impaired + down + ok)::BIGINT AS judged,
            sum(insufficient)::BIGINT AS insufficient
          FROM report_states WHERE country = $country GROUP BY network
        )
        SELECT m.*, coalesce(s.blocked, 0) AS blocked, coalesce(s.judged, 0) AS judged,
          coalesce(s.insufficient, 0) AS insufficient, f.network IS NOT NULL AS few
        FROM report_measured m LEFT JOIN states s USING (network)
          LEFT JOIN report_few f ON f.country = m.country AND f.network = m.network
        WHERE m.country = $country AND m.network IS NOT NULL AND ($only IS NULL OR m.network = $only)
        ORDER BY m.measurements DESC, m.network
        """,
        {"country": country, "only": only},
    )
    for row in found:
        row["name"] = names.get((country, row["network"]), "")
        row["page"] = network_page(country, row["network"])
        row["events"] = sum(
            one.restriction and row["network"] in one.row["networks"]
            for one in findings
            if one.sort == "event" and one.country == country
        )
    return found


def context(
    con: duckdb.DuckDBPyConnection,
    country: Country,
    findings: Sequence[Finding],
    names: Mapping[tuple[str, int], str],
    language: Language,
    now: datetime | None,
) -> dict[str, Any]:
    """What `country.html` shows; `now` is the newest moment in the data of all countries."""
    mine = [one for one in findings if one.country == country.code]
    listed, every = targets(con, country.code, None)
    shaded = shade(country, [one for one in mine if one.restriction and one.row.get("parent") is None], now)
    return {
        "map": charts.maps.country(
            "map",
            country.code,
            shaded,
            language.gettext("Where %(name)s lies", name=place_name(country.code, language)),
            language.gettext(SHADES[shaded]),
        ),
        "shade": language.gettext(SHADES[shaded]),
        "country": country,
        "name": place_name(country.code, language),
        "made_up": is_made_up(country.code),
        "open": [one for one in mine if one.restriction and one.status in OPEN],
        "events": sorted((one for one in mine if one.restriction and one.sort == "event"), key=by_weight),
        "outages": [
            one for one in mine if not one.fault and one.sort == "outage" and one.row["parent"] is None
        ],
        "parts": [
            one for one in mine if not one.fault and one.sort == "outage" and one.row["parent"] is not None
        ],
        "others": [one for one in mine if one.fault],
        "networks": networks(con, country.code, mine, names),
        "few": FEW_SESSIONS,
        "targets": listed,
        "targets_every": every,
        "volume": volume_chart(con, country, None, language),
        "signals": rows(
            con, "SELECT * FROM report_signals WHERE country = ? ORDER BY signal", [country.code]
        ),
    }
