"""What a country is on a map: the worst that is found there now, or how well it is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from wallwatch.report.facts import WEEK, Country
from wallwatch.report.findings import Finding
from wallwatch.report.language import marked

#: A country's shade, and what it says.
SHADES: Final = {
    "blocked": marked("something restricted now or in the last week"),
    "lost": marked("cut off or partly cut off now or in the last week"),
    "fine": marked("measured, nothing found of the last week"),
    "few": marked("measured too little to say"),
    "old": marked("only older data"),
}


def shade(country: Country, restrictions: Sequence[Finding], now: datetime | None) -> str:
    """One of `SHADES`.

    Args:
        country: The country.
        restrictions: Its restrictions and outages, parts of national ones left out.
        now: The newest moment in all data: what is not known of the week before it is no news.
    """
    current = [one for one in restrictions if one.current]
    if any(one.sort == "outage" for one in current):
        return "lost"
    if current:
        return "blocked"
    if now is not None and country.last <= now - WEEK:
        return "old"
    if country.networks > country.networks_few or (not country.networks and country.signal_rows):
        return "fine"
    return "few"
