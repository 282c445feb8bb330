"""What works in a country: the ways to get through, best first, for the country and network by network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import duckdb

from wallwatch.report.facts import Country, rows
from wallwatch.report.findings import place_name
from wallwatch.report.language import Language
from wallwatch.report.places import country_page, is_made_up, network_page
from wallwatch.routes import BY_ID, FLOOR
from wallwatch.routes.estimate import RECENT

#: In the order of the page.
KINDS: Final = ("circumvention", "messaging", "resolver", "protocol")

#: From this share on it is said to work, below the other to hardly work.
WORKS: Final = 0.8
HARDLY: Final = 0.25

#: Ways of each kind that are listed for a network.
_BEST: Final = 3


def countries(con: duckdb.DuckDBPyConnection) -> set[str]:
    """The countries that something can be said of."""
    return {
        code
        for (code,) in con.execute(
            "SELECT DISTINCT country FROM routes WHERE grade <> 'insufficient'"
        ).fetchall()
    }


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    route = BY_ID[row["route"]]
    shown = {**row, "name": route.name, "whole": route.whole}
    if row["rate"] is not None:
        shown["level"] = "works" if row["rate"] >= WORKS else "hardly" if row["rate"] < HARDLY else "partly"
    return shown


def context(
    con: duckdb.DuckDBPyConnection, country: Country, names: Mapping[tuple[str, int], str], language: Language
) -> dict[str, Any]:
    """What `works.html` shows.

    Args:
        con: Inside `counted`.
        country: The country.
        names: Names of networks.
        language: Of the words.
    """
    found = [
        _shown(row)
        for row in rows(
            con,
            "SELECT * FROM routes WHERE country = ? ORDER BY network NULLS FIRST, rank NULLS LAST, route",
            [country.code],
        )
    ]
    nation = [row for row in found if row["network"] is None]
    told = [row for row in nation if row["grade"] != "insufficient"]
    networks = []
    for number in dict.fromkeys(row["network"] for row in found if row["network"] is not None):
        inside = [row for row in found if row["network"] == number]
        networks.append(
            {
                "network": number,
                "name": names.get((country.code, number), ""),
                "page": network_page(country.code, number),
                "best": {
                    kind: [row for row in inside if row["route_kind"] == kind][:_BEST] for kind in KINDS
                },
            }
        )
    return {
        "country": country,
        "name": place_name(country.code, language),
        "country_page": country_page(country.code),
        "made_up": is_made_up(country.code),
        "kinds": {kind: [row for row in told if row["route_kind"] == kind] for kind in KINDS},
        "unknown": [row["name"] for row in nation if row["grade"] == "insufficient"],
        "networks": networks,
        "as_of": found[0]["as_of"] if found else country.last,
        "floor": FLOOR,
        "recent": RECENT,
    }
