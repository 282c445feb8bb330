"""What was said beside what was measured: statements on the page of the event or outage that they concern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb
from markupsafe import Markup, escape

from wallwatch.record.links import Link
from wallwatch.record.links import links as found_links
from wallwatch.record.links import statements as every_statement
from wallwatch.report.findings import Finding, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import is_country, is_made_up, record_page
from wallwatch.schema.statements import write_date

#: The order on a page: as things went.
_COURSE: Final = ("before", "around the onset", "during", "around the end", "after", "unknown")
_SAFE: Final = ("https://", "http://")


def context(found: Sequence[Link], language: Language) -> list[dict[str, Any]]:
    """What `statements.html` shows, as things went.

    Args:
        found: The statements of one event or outage.
        language: Of the words.
    """
    _ = language.gettext
    places = {
        "before": _("before it began"),
        "around the onset": _("about when it began"),
        "during": _("while it lasted"),
        "around the end": _("about when it ended"),
        "after": _("after it had ended"),
        "unknown": _("time not known"),
    }
    return [
        {
            **_shown(one.statement, language),
            "place": places[one.place],
            "lag": one.lag,
            "agreement": one.agreement,
        }
        for one in sorted(found, key=lambda one: (_COURSE.index(one.place), _order(one.statement)))
    ]


def _order(row: Mapping[str, Any]) -> tuple[bool, float, str]:
    said = row["said"]
    return said is None, 0.0 if said is None else said.timestamp(), row["statement_id"]


def _shown(row: Mapping[str, Any], language: Language) -> dict[str, Any]:
    url = row["fragment"] if str(row["fragment"] or "").startswith(_SAFE) else row["url"]
    return {
        "row": row,
        "said": _said(row["said"], row["said_precision"], language),
        "url": url if str(url or "").startswith(_SAFE) else None,
        "place": None,
        "lag": "",
        "agreement": None,
        "findings": [],
    }


class Record:
    """The statements of a workspace, by country, with the events and outages that each concerns."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, only: str | None, pages: Mapping[str, Finding]
    ) -> None:
        """`con` shows a workspace; `only` is the country that is wanted; `pages` has every finding by its id."""
        self.by_finding: dict[str, list[Link]] = {}
        self._of: dict[str, list[Finding]] = {}
        for one in found_links(con):
            self.by_finding.setdefault(one.finding, []).append(one)
            if one.finding in pages:
                self._of.setdefault(one.statement["statement_id"], []).append(pages[one.finding])
        self._rows: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(every_statement(con), key=_order):
            code = row["country"] if is_country(row["country"]) else ""
            if only is None or code == only:
                self._rows.setdefault(code, []).append(row)

    @property
    def countries(self) -> list[str]:
        """The codes of countries that there are statements about."""
        return sorted(code for code in self._rows if code)

    def overview(self, language: Language) -> dict[str, Any]:
        """What `record.html` shows."""
        table = [
            {
                "name": place_name(code, language),
                "page": record_page(code),
                "statements": len(self._rows[code]),
                "linked": sum(row["statement_id"] in self._of for row in self._rows[code]),
                "last": _said(self._rows[code][-1]["said"], self._rows[code][-1]["said_precision"], language),
            }
            for code in self.countries
        ]
        return {"countries": table, "statements": self._listed("", language)}

    def country(self, code: str, language: Language) -> dict[str, Any]:
        """What `statements_country.html` shows."""
        return {
            "name": place_name(code, language),
            "made_up": is_made_up(code),
            "code": code,
            "statements": self._listed(code, language),
        }

    def _listed(self, code: str, language: Language) -> list[dict[str, Any]]:
        """The newest first."""
        return [
            {**_shown(row, language), "findings": self._of.get(row["statement_id"], [])}
            for row in reversed(self._rows.get(code, []))
        ]


def _said(said: Any, precision: str, language: Language) -> Markup:
    """When it was said, no finer than it is known."""
    if said is None or precision == "unknown":
        return language.gettext("date not known")
    if precision in ("minute", "hour"):
        return escape(language.moment(said))
    if precision == "day":
        return escape(language.day(said))
    if precision == "month" and said.day == 1:
        return escape(language.month(said))
    words = {
        "week": language.gettext("week from %(day)s", day=escape(language.day(said))),
        "month": language.gettext("month from %(day)s", day=escape(language.day(said))),
    }
    return words.get(precision) or escape(write_date(said, precision))
