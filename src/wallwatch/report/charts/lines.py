"""A signal against what is ordinary for it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from markupsafe import Markup

from wallwatch.report.charts.axis import Axis, drawn
from wallwatch.report.charts.svg import label, line, path, place, svg
from wallwatch.report.language import Language

#: More points than this are not to be told apart in a chart.
_MOST: Final = 360


@dataclass(frozen=True, slots=True)
class Series:
    """A signal over time.

    Attributes:
        times: Sorted.
        values: As many; null where there is none.
        usual: As many: what was to be expected; null where that is not known.
    """

    times: Sequence[datetime]
    values: Sequence[float | None]
    usual: Sequence[float | None]


def _thin(series: Series, most: int) -> Series:
    """The same in at most so many points, each the lowest of its stretch: no fall is thinned away."""
    count = len(series.times)
    if count <= most:
        return series
    size = math.ceil(count / most)
    chosen = []
    for first in range(0, count, size):
        stretch = range(first, min(first + size, count))
        known = [i for i in stretch if series.values[i] is not None]
        chosen.append(min(known, key=lambda i: (series.values[i] or 0.0, i)) if known else first)
    return Series(
        [series.times[i] for i in chosen],
        [series.values[i] for i in chosen],
        [series.usual[i] for i in chosen],
    )


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _runs(points: Sequence[tuple[float, float] | None]) -> list[list[tuple[float, float]]]:
    runs: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if point is None:
            if runs[-1]:
                runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _traced(run: Sequence[tuple[float, float]]) -> str:
    joined = "L".join(f"{place(x)} {place(y)}" for x, y in run)
    return f"M{joined}" if len(run) > 1 else f"M{joined}h.1"


def _plotted(
    series: Series, axis: Axis, top: float, height: float, ceiling: float, most: int
) -> tuple[str, str, str]:
    """The paths of the area lost, of what is ordinary, and of the values."""
    series = _thin(series, most)

    def point(moment: datetime, value: float | None) -> tuple[float, float] | None:
        if value is None or not math.isfinite(value):
            return None
        return axis.x(moment), top + height * (1 - min(max(value / ceiling, 0.0), 1.0))

    values = [point(t, v) for t, v in zip(series.times, series.values, strict=True)]
    usual = [point(t, v) for t, v in zip(series.times, series.usual, strict=True)]
    lost: list[str] = []
    pairs = [
        (v, (u[0], min(u[1], v[1]))) if v is not None and u is not None else None
        for v, u in zip(values, usual, strict=True)
    ]
    run: list[tuple[tuple[float, float], tuple[float, float]]] = []
    for pair in [*pairs, None]:
        if pair is not None:
            run.append(pair)
            continue
        if len(run) > 1:
            outline = [v for v, _ in run] + [u for _, u in reversed(run)]
            lost.append(_traced(outline) + "z")
        run = []
    return (
        path("c-lost", lost),
        path("l-usual", map(_traced, _runs(usual))),
        path("l-value", map(_traced, _runs(values))),
    )


def _ceiling(series: Sequence[Series]) -> float:
    highest = max(
        (v for s in series for v in (*s.values, *s.usual) if v is not None and math.isfinite(v)), default=0
    )
    if highest <= 0:
        return 1.0
    unit = 10 ** math.floor(math.log10(highest))
    return float(
        next(
            step * unit for step in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * unit >= highest * 0.999
        )
    )


def lines(
    name: str,
    series: Series,
    event: tuple[datetime, datetime],
    title: object,
    description: object,
    language: Language,
) -> Markup:
    """One signal, large: values, what is ordinary, and the area that was lost."""
    left, right, top, height = 52.0, 712.0, 16.0, 170.0
    axis = Axis(series.times[0], max(series.times[-1], event[1]), left, right)
    ceiling = _ceiling([series])
    body = [drawn(axis, top, top + height, language)]
    for share in (0.0, 0.5, 1.0):
        y = top + height * (1 - share)
        body.append(line(left, y, right, y, "rule"))
        body.append(label(left - 5, y + 3.5, language.number(ceiling * share), "tick", "end"))
    body += _plotted(series, axis, top, height, ceiling, _MOST)
    body.append(_bracket(axis, event, top))
    return svg(name, 720, top + height + 18, title, description, body)


def small_lines(
    name: str,
    series: Series,
    event: tuple[datetime, datetime],
    title: object,
    description: object,
    language: Language,
) -> Markup:
    """One signal, small, to stand beside others of its kind."""
    left, right, top, height = 4.0, 236.0, 10.0, 56.0
    axis = Axis(series.times[0], max(series.times[-1], event[1]), left, right)
    body = [
        drawn(axis, top, top + height, language, most=3),
        line(left, top + height, right, top + height, "rule"),
    ]
    body += _plotted(series, axis, top, height, _ceiling([series]), 110)
    body.append(_bracket(axis, event, top))
    return svg(name, 240, top + height + 16, title, description, body, "small")


def _bracket(axis: Axis, event: tuple[datetime, datetime], top: float) -> str:
    first, last = axis.x(event[0]), axis.x(event[1])
    return (
        f'<path class="bracket" d="M{place(first)} {place(top - 2)}V{place(top - 8)}'
        f'H{place(max(last, first + 1))}V{place(top - 2)}"/>'
    )
