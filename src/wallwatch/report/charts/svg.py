"""The pieces that all charts are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from markupsafe import Markup, escape

from wallwatch._text import safe_text

#: Letters of Persian and Arabic.
_RIGHT_TO_LEFT: Final = re.compile("[\u0620-\u065f\u066e-\u06d5]")


def text(value: object, limit: int = 120) -> Markup:
    """Text for a chart: safe to show, and no element of its own."""
    if isinstance(value, Markup):
        # Our own words keep their joiners (U+200C in Persian); what they hold of data was spelled out before.
        words = "\u200c".join(safe_text(part) for part in value.striptags().split("\u200c"))
        return escape(words if len(words) <= limit else words[: limit - 1] + "…")
    return escape(safe_text(value, limit))


def place(value: float) -> str:
    """A coordinate, to a tenth."""
    return f"{value:.1f}".removesuffix(".0")


def rect(x: float, y: float, width: float, height: float) -> str:
    """A rectangle as a piece of a path: many share one element, which keeps pages small."""
    return f"M{place(x)} {place(y)}h{place(width)}v{place(height)}h{place(-width)}z"


def path(class_: str, pieces: Iterable[str]) -> str:
    """A path of a class, or nothing where it has no pieces."""
    joined = "".join(pieces)
    return f'<path class="{class_}" d="{joined}"/>' if joined else ""


def label(x: float, y: float, value: object, class_: str = "", anchor: str = "start") -> str:
    """A line of text."""
    names = f' class="{class_}"' if class_ else ""
    words = text(value)
    if _RIGHT_TO_LEFT.search(words):
        # The text begins at its right, and still stands on the same side of its place.
        names += ' direction="rtl"'
        anchor = {"start": "end", "end": "start"}.get(anchor, anchor)
    place_ = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{place(x)}" y="{place(y)}"{names}{place_}>{words}</text>'


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return f'<path class="{class_}" d="M{place(x1)} {place(y1)}L{place(x2)} {place(y2)}"/>'


def svg(
    name: str,
    width: float,
    height: float,
    title: object,
    description: object,
    body: Iterable[str],
    class_: str = "",
) -> Markup:
    """A chart.

    Args:
        name: Unique on its page; ASCII letters, digits and `-`.
        width: In user units; the page scales it.
        height: In user units.
        title: What it shows.
        description: What is to be seen in it, for those who cannot see it.
        body: Its elements, made by this module or escaped by it.
        class_: Further classes.
    """
    names = f"chart {class_}".strip()
    return Markup(  # noqa: S704 - all text in it went through `text`
        f'<svg class="{names}" viewBox="0 0 {place(width)} {place(height)}" role="img" direction="ltr" '
        f'aria-labelledby="{name}-t {name}-d"><title id="{name}-t">{text(title, 300)}</title>'
        f'<desc id="{name}-d">{text(description, 600)}</desc>{"".join(body)}</svg>'
    )


def patterns() -> Markup:
    """The hatching that charts of a page share; once a page."""
    return Markup(
        '<svg class="patterns" width="0" height="0" aria-hidden="true" focusable="false"><defs>'
        '<pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path class="hatch-line" d="M0 0V4"/></pattern></defs></svg>'
    )
