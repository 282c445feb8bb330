"""How much was measured over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from wallwatch.report.charts.axis import Axis, drawn
from wallwatch.report.charts.svg import label, line, path, rect, svg
from wallwatch.report.language import Language


def volume(
    name: str,
    counts: Sequence[tuple[datetime, int]],
    step: timedelta,
    title: object,
    description: object,
    language: Language,
) -> Markup:
    """A bar for each stretch of time; a stretch without a bar had nothing.

    Args:
        name: Unique on the page.
        counts: Start of a stretch and how much was measured in it, sorted; at least one.
        step: Length of a stretch.
        title: What it shows.
        description: What is to be seen in it.
        language: Of the labels.
    """
    left, right, top, height = 52.0, 712.0, 8.0, 96.0
    axis = Axis(counts[0][0], counts[-1][0] + step, left, right)
    most = max(*(count for _, count in counts), 1)
    bottom = top + height
    body = [drawn(axis, top, bottom, language)]
    for share in (0.0, 1.0):
        y = bottom - share * height
        body.append(line(left, y, right, y, "rule"))
        body.append(label(left - 5, y + 3.5, language.number(most * share), "tick", "end"))
    pieces = []
    for moment, count in counts:
        if count:
            x, tall = axis.x(moment), height * count / most
            pieces.append(rect(x, bottom - tall, max(axis.x(moment + step) - x - 1, 0.6), tall))
    body.append(path("c-count", pieces))
    return svg(name, 720, bottom + 18, title, description, body)
