"""An outage: what the signals showed, where, how deep, why this kind, and what speaks against it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
from markupsafe import Markup

from wallwatch.detect import outage_timeline
from wallwatch.report import charts
from wallwatch.report.charts import Series
from wallwatch.report.facts import Country
from wallwatch.report.findings import Finding, certainty, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import country_page, is_made_up
from wallwatch.report.timelines import inside
from wallwatch.schema.words import OUTAGE_KINDS

#: Regions or places with a chart of their own.
_SMALL: Final = 40
#: Signals with a large chart of their own.
_LARGE: Final = 4


def _series(con: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> dict[tuple[str, str | None], Series]:
    """(Signal, region or place; null for the outage's own scope) to its series."""
    table = outage_timeline(con, row, probabilities=False)
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    found: dict[tuple[str, str | None], tuple[list[Any], list[Any], list[Any]]] = {}
    own = row["region"]
    for signal, region, place, time, value, usual in zip(
        *(columns[name] for name in ("signal", "region", "place", "time", "value", "baseline")), strict=True
    ):
        part = place if place is not None else (region if region != own else None)
        lists = found.setdefault((signal, part), ([], [], []))
        for values, one in zip(lists, (time, _finite(value), _finite(usual)), strict=True):
            values.append(one)
    return {key: Series(*lists) for key, lists in found.items()}


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _lowest(
    series: Series, span: tuple[datetime, datetime]
) -> tuple[float | None, float | None, datetime | None]:
    """The lowest value inside the span, what was usual then, and when."""
    inside = [
        (value, usual, time)
        for time, value, usual in zip(series.times, series.values, series.usual, strict=True)
        if value is not None and span[0] <= time <= span[1]
    ]
    return min(inside, key=lambda one: (one[0], one[2]), default=(None, None, None))


def _inside(
    con: duckdb.DuckDBPyConnection,
    row: Mapping[str, Any],
    country: Country,
    span: tuple[datetime, datetime],
    language: Language,
) -> dict[str, Any] | None:
    """What volunteers inside measured meanwhile; null where they are not of this place, or were none."""
    if row["region"] is not None:
        return None
    margin = max(timedelta(days=3), (span[1] - span[0]) / 3)
    first, last = max(country.first, span[0] - margin), min(country.last, span[1] + margin)
    if first >= last:
        return None
    step, bins = inside(con, row["country"], row["network"], first, last)
    if not bins:
        return None
    meanwhile = [one for one in bins if span[0] <= one.start <= span[1]]
    others = [one for one in bins if not span[0] <= one.start <= span[1]]
    _ = language.gettext
    description = _(
        "In the time of the outage, %(failed)s of %(n)s results were that the target did not work; "
        "in the days around it, %(failed_else)s of %(n_else)s. "
        "A session has one result for each of its targets in an hour.",
        failed=round(sum(one.blocked for one in meanwhile), 1),
        n=round(sum(one.sessions for one in meanwhile), 1),
        failed_else=round(sum(one.blocked for one in others), 1),
        n_else=round(sum(one.sessions for one in others), 1),
    )
    title = _("Share of results from inside that the target did not work")
    start = min(first, bins[0].start)
    return {
        "description": description,
        "bins": bins,
        "step": step,
        "chart": charts.strip("inside", bins, start, last, step, span, title, description, language),
    }


def context(
    con: duckdb.DuckDBPyConnection,
    finding: Finding,
    country: Country | None,
    findings: Sequence[Finding],
    language: Language,
) -> dict[str, Any]:
    """What `outage.html` shows.

    Args:
        con: A connection with the views of a workspace.
        finding: The outage.
        country: Its country; null where there are no data about it any more.
        findings: All of them: parts of a national outage are found by their parent.
        language: Of the words.
    """
    _ = language.gettext
    row, code = finding.row, finding.country
    parts = {
        one.row["region"] or one.page: one
        for one in findings
        if one.sort == "outage" and one.row["parent"] == row["outage_id"]
    }
    series = _series(con, row) if row["signals"] else {}
    times = [moment for one in series.values() for moment in one.times]
    first = row["onset_earliest"] or row["onset_best"] or min(times, default=None)
    last = row["end_latest"] or row["end_best"] or max(times, default=None)
    large: list[dict[str, Any]] = []
    small: list[dict[str, Any]] = []
    if first is not None and last is not None:
        span = (first, max(first, last))
        for number, ((signal, part), one) in enumerate(series.items()):
            lowest, usual, when = _lowest(one, span)
            words = (
                _("No value in the time of the outage.")
                if lowest is None
                else _(
                    "Lowest in the time of the outage: %(lowest)s, at %(when)s, where %(usual)s was usual.",
                    lowest=float(lowest),
                    when=when,
                    usual=Markup("?") if usual is None else float(usual),
                )
            )
            if part is None:
                large.append(
                    {
                        "signal": signal,
                        "description": words,
                        "series": one,
                        "chart": charts.lines(
                            f"s{number}",
                            one,
                            span,
                            _("%(signal)s against what is usual", signal=signal),
                            words,
                            language,
                        ),
                    }
                )
            elif len(small) < _SMALL:
                small.append(
                    {
                        "part": part,
                        "signal": signal,
                        "lowest": lowest,
                        "usual": usual,
                        "when": when,
                        "finding": parts.get(part),
                        "chart": charts.small_lines(
                            f"s{number}",
                            one,
                            span,
                            _("%(part)s: %(signal)s", part=part, signal=signal),
                            words,
                            language,
                        ),
                    }
                )
    seen_inside = None
    if first is not None and country is not None:
        span = (first, max(first, last or country.last))
        seen_inside = _inside(con, row, country, span, language)
    return {
        "inside": seen_inside,
        "finding": finding,
        "row": row,
        "country": country,
        "country_name": place_name(code, language),
        "country_page": country_page(code) if country is not None else None,
        "made_up": is_made_up(code),
        "certainty": certainty(row["probability"], language),
        "kind": _(OUTAGE_KINDS[row["kind"]]) if row["kind"] in OUTAGE_KINDS else Markup(),
        "large": large[:_LARGE],
        "small": small,
        "small_more": max(sum(part is not None for _signal, part in series) - _SMALL, 0),
        "parts": list(parts.values()),
        "parent": next(
            (one for one in findings if one.sort == "outage" and one.row["outage_id"] == row["parent"]), None
        ),
    }
