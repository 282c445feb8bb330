"""A network: what was found on it, how much was measured, of which targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from wallwatch.report.facts import Country
from wallwatch.report.findings import Finding, by_weight, place_name
from wallwatch.report.language import Language
from wallwatch.report.pages.country import targets, volume_chart
from wallwatch.report.places import country_page, is_made_up


def context(
    con: duckdb.DuckDBPyConnection,
    country: Country,
    network: Mapping[str, Any],
    findings: Sequence[Finding],
    language: Language,
) -> dict[str, Any]:
    """What `network.html` shows.

    Args:
        con: Inside `counted`.
        country: Its country.
        network: Its row of the country's table of networks.
        findings: All of them.
        language: Of the words.
    """
    number = network["network"]
    mine = sorted((one for one in findings if one.country == country.code and not one.fault), key=by_weight)
    listed, every = targets(con, country.code, number)
    return {
        "country": country,
        "country_name": place_name(country.code, language),
        "country_page": country_page(country.code),
        "made_up": is_made_up(country.code),
        "network": network,
        "events": [one for one in mine if one.sort == "event" and number in one.row["networks"]],
        "outages": [one for one in mine if one.sort == "outage" and one.row["network"] == number],
        "fine": [one for one in mine if one.sort == "event" and number in one.row["networks_ok"]],
        "unknown": [
            one for one in mine if one.sort == "event" and number in one.row["networks_insufficient"]
        ],
        "targets": listed,
        "targets_every": every,
        "volume": volume_chart(con, country, number, language),
    }
