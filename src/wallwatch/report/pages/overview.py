"""The overview: what is restricted now, what changed, how much is known about which country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
from markupsafe import Markup

from wallwatch.report import charts
from wallwatch.report.facts import FEW_SESSIONS, WEEK, Country, rows
from wallwatch.report.findings import Finding, by_weight, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import country_page, is_made_up
from wallwatch.report.shades import SHADES, shade


def totals(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many files were taken in, and how much was set aside.

    Args:
        con: Inside `counted`.
    """
    return rows(con, "SELECT * FROM report_totals")[0]


def world_map(table: Sequence[Mapping[str, Any]], language: Language) -> Markup | None:
    """The map of the countries that there are data about; null where none is on it."""
    places = {}
    words: list[Markup] = []
    for row in table:
        code = row["country"].code
        if not charts.maps.known(code):
            continue
        places[code] = row["shade"]
        if row["current"]:
            words.append(row["name"])
    if not places:
        return None
    description = language.gettext(
        "%(n)s countries have data; restrictions now in: %(names)s. The table of countries below says the same.",
        n=len(places),
        names=", ".join(name.striptags() for name in words[:40]) or language.gettext("none"),
    )
    return charts.maps.world("world", places, language.gettext("Restrictions by country"), description)


def context(
    con: duckdb.DuckDBPyConnection,
    known: Mapping[str, Country],
    findings: Sequence[Finding],
    now: datetime | None,
    language: Language,
) -> dict[str, Any]:
    """What `overview.html` shows."""
    national = [one for one in findings if one.row.get("parent") is None]
    restrictions = [one for one in national if one.restriction]
    table = []
    for code, country in known.items():
        mine = [one for one in restrictions if one.country == code]
        table.append(
            {
                "country": country,
                "name": place_name(code, language),
                "page": country_page(code),
                "current": sum(one.current for one in mine),
                "found": len(mine),
                "shade": (shaded := shade(country, mine, now)),
                "shade_words": language.gettext(SHADES[shaded]),
                "stale": now is not None and country.last <= now - WEEK,
            }
        )
    return {
        "world": world_map(table, language),
        "now": now,
        "week": None if now is None else now - WEEK,
        "current": sorted((one for one in restrictions if one.current), key=by_weight),
        "going_on": sum(one.status == "ongoing" for one in restrictions),
        "left_open": sorted((one for one in restrictions if one.status == "left_open"), key=by_weight),
        "began": [one for one in restrictions if one.new],
        "ended": [one for one in restrictions if one.status == "ended_lately"],
        "past": [one for one in restrictions if one.status == "past"],
        "others": [one for one in national if not one.restriction],
        "countries": table,
        "made_up": [code for code in known if is_made_up(code)],
        "few": FEW_SESSIONS,
        "totals": totals(con),
    }
