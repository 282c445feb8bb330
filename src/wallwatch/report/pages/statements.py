"""What was said beside what was measured: statements on the page of the event or outage that they concern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import duckdb
from markupsafe import Markup, escape

from wallwatch.record.links import Link
from wallwatch.record.links import links as found_links
from wallwatch.report.language import Language
from wallwatch.schema.statements import write_date

#: The order on a page: as things went.
_COURSE: Final = ("before", "around the onset", "during", "around the end", "after", "unknown")
_SAFE: Final = ("https://", "http://")


def by_finding(con: duckdb.DuckDBPyConnection) -> dict[str, list[Link]]:
    """The statements that concern each event and outage, by its id.

    Args:
        con: A connection with the views of a workspace.
    """
    found: dict[str, list[Link]] = {}
    for one in found_links(con):
        found.setdefault(one.finding, []).append(one)
    return found


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
    shown = []
    for one in sorted(
        found,
        key=lambda one: (
            _COURSE.index(one.place),
            one.statement["said"] is None,
            one.statement["said"] or 0,
            one.statement["statement_id"],
        ),
    ):
        row = one.statement
        url = row["fragment"] if str(row["fragment"] or "").startswith(_SAFE) else row["url"]
        shown.append(
            {
                "row": row,
                "place": places[one.place],
                "lag": one.lag,
                "said": _said(row["said"], row["said_precision"], language),
                "url": url if str(url or "").startswith(_SAFE) else None,
                "agreement": one.agreement,
                "p_value": "" if one.agreement is None else f"{one.agreement.p_value:.4f}",
            }
        )
    return shown


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
