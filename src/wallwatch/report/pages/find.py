"""Events and outages that a reader looks for; on served pages only, for a folder cannot be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from wallwatch.report.facts import Country
from wallwatch.report.findings import Finding, by_weight, place_name
from wallwatch.report.language import Language, marked

#: The most that are listed.
_MOST: Final = 300
_LONGEST: Final = 200

STATUSES: Final = {
    "now": marked("going on, or ended in the last week"),
    "past": marked("over"),
}


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError:
        return None


def _names(finding: Finding) -> list[str]:
    row = finding.row
    if finding.sort == "event":
        return [row["service"], *row["targets"], *(f"as{network}" for network in row["networks"])]
    return [(row["region"] or "").lower(), f"as{row['network']}" if row["network"] is not None else ""]


def context(
    asked: Mapping[str, str], known: Mapping[str, Country], findings: Sequence[Finding], language: Language
) -> dict[str, Any]:
    """What `find.html` shows.

    Args:
        asked: `country`, `text` (a part of a service, target or region, or a network as AS64500), `status` (a key of
            `STATUSES`), `since` and `until` (days); what is empty, or no such thing, narrows nothing.
        known: The countries with data.
        findings: All of them.
        language: Of the words.
    """
    given = {name: asked.get(name, "")[:_LONGEST] for name in ("country", "text", "status", "since", "until")}
    since, until, text = _day(given["since"]), _day(given["until"]), given["text"].strip().lower()
    given |= {name: "" for name, day in (("since", since), ("until", until)) if day is None}
    found = []
    for one in findings:
        row = one.row
        onset, end = row["onset_earliest"] or row["onset_best"], row["end_latest"] or row["end_best"]
        if (
            (given["country"] and one.country != given["country"])
            or (text and not any(text in name for name in _names(one)))
            or (given["status"] == "now" and not one.current)
            or (given["status"] == "past" and one.status != "past")
            or (since and end and end < since)
            or (until and onset and onset >= until + timedelta(days=1))
            or row.get("parent") is not None
        ):
            continue
        found.append(one)
    return {
        "given": given,
        "asking": any(given.values()),
        "countries": [(code, place_name(code, language)) for code in known],
        "statuses": [(key, language.gettext(words)) for key, words in STATUSES.items()],
        "found": sorted(found, key=by_weight),
        "limit": _MOST,
    }
