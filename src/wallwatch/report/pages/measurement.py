"""One measurement: how it was judged, and why; on served pages only, for there are too many for a folder."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

from wallwatch.report.findings import mechanism, place_name
from wallwatch.report.language import Language, foreign, marked
from wallwatch.report.places import country_page, is_country, network_page

_STATES: Final = {
    "blocked": marked("blocked"),
    "likely_blocked": marked("likely blocked"),
    "impaired": marked("impaired"),
    "down": marked("down"),
    "ok": marked("ok"),
    "insufficient": marked("too little evidence"),
}


def context(
    found: Mapping[str, Any],
    countries: AbstractSet[str],
    networks: AbstractSet[tuple[str, int]],
    language: Language,
) -> dict[str, Any]:
    """What `measurement.html` shows.

    Args:
        found: The record of `wallwatch explain`.
        countries: Those that there is a page for.
        networks: (Country, network) that there is a page for.
        language: Of the words.
    """
    verdict = found["verdict"]
    code, network = verdict["probe_cc"], verdict["probe_asn"]

    def state(name: str) -> object:
        return language.gettext(_STATES[name]) if name in _STATES else foreign(name)

    return {
        "found": {**found, "layers": [{**row, "words": state(row["state"])} for row in found["layers"]]},
        "state": state(found["state"]),
        "target": foreign(verdict["target"], 120),
        "time": datetime.fromisoformat(verdict["time"]) if verdict["time"] else None,
        "mechanisms": [(path, mechanism(path, language)) for path in found["mechanisms"]],
        "country_name": place_name(code, language) if is_country(code) else foreign(code or "?"),
        "country_page": country_page(code) if code in countries else None,
        "network_page": network_page(code, network) if (code, network) in networks else None,
    }
