"""How a target's measurements came out, as one bar."""

from __future__ import annotations

from collections.abc import Mapping

from markupsafe import Markup

from wallwatch.report.charts.svg import place
from wallwatch.schema.words import STATES


def state_bar(counts: Mapping[str, int]) -> Markup:
    """The share of each state as a stretch of a bar; the numbers stand in the table beside it.

    Args:
        counts: State to its number of measurements.
    """
    total = sum(counts.get(state, 0) for state in STATES)
    pieces, x = [], 0.0
    for state in STATES:
        width = 100 * counts.get(state, 0) / total if total else 0.0
        if width:
            pieces.append(
                f'<rect class="s-{state}" x="{place(x)}" y="0" width="{place(max(width, 0.5))}" height="9"/>'
            )
            x += width
    body = "".join(pieces)
    return Markup(  # noqa: S704 - made of numbers and the schema's own words
        f'<svg class="bar" viewBox="0 0 100 9" preserveAspectRatio="none" aria-hidden="true">{body}</svg>'
    )
