"""When in the week: weekday by hour of the day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from markupsafe import Markup

from wallwatch.detect.episodes import ENOUGH
from wallwatch.report.charts.svg import label, path, rect, svg
from wallwatch.report.language import Language

#: (weekday, Monday as 0; hour in UTC) to (independent sessions, the part of them that found it blocked).
Hours: TypeAlias = Mapping[tuple[int, int], tuple[float, float]]


def heat(name: str, hours: Hours, title: object, description: object, language: Language) -> Markup:
    """The share blocked for each hour of the week; cells with too few sessions are hatched."""
    left, top, width, height = 44.0, 6.0, 27.6, 17.0
    fine, few, blocked = [], [], []
    for (weekday, hour), (sessions, found) in sorted(hours.items()):
        x, y = left + hour * width, top + weekday * height
        if not sessions:
            continue
        if sessions < ENOUGH:
            few.append(rect(x, y, width - 2, height - 2))
            continue
        fine.append(rect(x, y, width - 2, height - 2))
        filled = round((height - 2) * found / sessions, 1)
        if filled:
            blocked.append(rect(x, y + height - 2 - filled, width - 2, filled))
    body = [
        path(
            "c-frame",
            (
                rect(left + h * width, top + d * height, width - 2, height - 2)
                for d in range(7)
                for h in range(24)
            ),
        ),
        path("c-fine", fine),
        path("c-few", few),
        path("c-blocked", blocked),
    ]
    for weekday in range(7):
        body.append(
            label(left - 6, top + weekday * height + 12, language.short_weekday(weekday), "tick", "end")
        )
    for hour in range(0, 24, 3):
        body.append(
            label(left + hour * width, top + 7 * height + 12, language.digits(f"{hour:02d}:00"), "tick")
        )
    return svg(name, 720, top + 7 * height + 18, title, description, body)
