"""Maps: the world with what was found where, and a country among its neighbours.

Outlines are Natural Earth's (public domain), made by `scripts/make_map.py`: borders as they are held in fact, without a
position of ours. What a map shows stands in words in its description and in the table beside it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from markupsafe import Markup

from wallwatch.report.charts.svg import svg

_WIDTH, _HEIGHT = 1000, 480
_STEP: Final = re.compile(r"[MlLz]|-?(?:\d+\.?\d*|\.\d+)")

#: What a country can be on the map, as a class of the style sheet; all others have no data.
SHADES: Final = ("blocked", "lost", "fine", "few", "old")


@cache
def _outlines(name: str) -> tuple[tuple[str, str], ...]:
    source = files("wallwatch.report").joinpath(f"data/{name}.csv").read_text(encoding="utf-8")
    return tuple((row["code"], row["path"]) for row in csv.DictReader(source.splitlines()))


def known(code: str) -> bool:
    """Whether the country has an outline."""
    return code in dict(_outlines("borders"))


def world(name: str, places: Mapping[str, str], title: object, description: object) -> Markup:
    """The map of the world. It is a picture: the table beside it has the links.

    Args:
        name: Unique on its page.
        places: Country code to one of `SHADES`.
        title: What the map shows.
        description: What is to be seen in it.
    """
    land, shown = [], []
    drawn = set()
    for code, outline in _outlines("world"):
        place = places.get(code)
        if place is None:
            land.append(outline)
            continue
        drawn.add(code)
        shape = f'<path class="m-{place}" d="{outline}"/>'
        shown.append(shape)
    # Countries too small for this map are dots in their middle.
    for code, outline in _outlines("borders"):
        place = places.get(code)
        if place is not None and code not in drawn:
            left, top, right, bottom = _box(outline)
            dot = f'<circle class="m-{place}" cx="{(left + right) / 2:.1f}" cy="{(top + bottom) / 2:.1f}" r="4"/>'
            shown.append(dot)
    body = [f'<path class="m-none" d="{"".join(land)}"/>', *shown]
    return svg(name, _WIDTH, _HEIGHT, title, description, body, "map")


def country(name: str, code: str, shade: str, title: object, description: object) -> Markup | None:
    """A country among its neighbours; null where there is no outline of it.

    Args:
        name: Unique on its page.
        code: ISO 3166-1 alpha-2.
        shade: One of `SHADES`.
        title: What the map shows.
        description: What is to be seen in it.
    """
    outlines = _outlines("borders")
    own = dict(outlines).get(code)
    if own is None:
        return None
    left, top, right, bottom = _main_box(own)
    margin = 0.12 * max(right - left, bottom - top) + 0.5
    left, top, right, bottom = left - margin, top - margin, right + margin, bottom + margin
    width, height = right - left, bottom - top
    scale = min(600 / width, 360 / height)
    around = []
    for other, outline in outlines:
        if other == code:
            continue
        a, b, c, d = _box(outline)
        if a < right and c > left and b < bottom and d > top:
            around.append(_cut(outline, left, top, right, bottom))
    placed = f'transform="scale({scale:.3f}) translate({-left:.2f} {-top:.2f})"'
    shape = _cut(own, left, top, right, bottom)
    body = [
        f'<g {placed}><path class="m-none" d="{"".join(around)}"/><path class="m-{shade}" d="{shape}"/></g>'
    ]
    return svg(name, width * scale, height * scale, title, description, body, "map small")


@cache
def _rings(outline: str) -> tuple[tuple[str, float, float, float, float], ...]:
    """Each ring of a path with its box: left, top, right, bottom."""
    found = []
    for ring in outline.split("z"):
        if not ring:
            continue
        numbers = [float(part) for part in _STEP.findall(ring) if part not in "MlLz"]
        x, y = numbers[0], numbers[1]
        xs, ys = [x], [y]
        for n in range(2, len(numbers) - 1, 2):
            x, y = x + numbers[n], y + numbers[n + 1]
            xs.append(x)
            ys.append(y)
        found.append((ring + "z", min(xs), min(ys), max(xs), max(ys)))
    return tuple(found)


def _box(outline: str) -> tuple[float, float, float, float]:
    rings = _rings(outline)
    return (
        min(ring[1] for ring in rings),
        min(ring[2] for ring in rings),
        max(ring[3] for ring in rings),
        max(ring[4] for ring in rings),
    )


def _main_box(outline: str) -> tuple[float, float, float, float]:
    """The box of the largest part and of what lies near it: far islands do not shrink a country to a dot."""
    rings = sorted(_rings(outline), key=lambda ring: -(ring[3] - ring[1]) * (ring[4] - ring[2]))
    _, left, top, right, bottom = rings[0]
    reach = 0.6 * max(right - left, bottom - top)
    for _, a, b, c, d in rings[1:]:
        if a > left - reach and c < right + reach and b > top - reach and d < bottom + reach:
            left, top, right, bottom = min(left, a), min(top, b), max(right, c), max(bottom, d)
    return left, top, right, bottom


def _cut(outline: str, left: float, top: float, right: float, bottom: float) -> str:
    """Only the rings that can be seen."""
    return "".join(
        ring for ring, a, b, c, d in _rings(outline) if a < right and c > left and b < bottom and d > top
    )
