"""The charts of a page, taken out of it to stand elsewhere: in a frame, or on the page of a bundle."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

_FIGURE: Final = re.compile(r"<figure\b.*?</figure>", re.S)
_DETAILS: Final = re.compile(r"<details\b.*?</details>", re.S)
_PATTERNS: Final = re.compile(r'<svg class="patterns".*?</svg>', re.S)
_TITLE: Final = re.compile(r"<title>(.*?)</title>", re.S)


@dataclass(frozen=True, slots=True)
class Charts:
    """What was taken out of a page.

    Attributes:
        title: The page's title.
        patterns: What the charts are filled with; stands once on a page, before them.
        figures: The charts with their captions and tables, in the order of the page.
    """

    title: Markup
    patterns: Markup
    figures: Sequence[Markup]


def charts(page: str) -> Charts:
    """The charts of a page that the report rendered."""
    title, patterns = _TITLE.search(page), _PATTERNS.search(page)
    return Charts(
        Markup(title[1] if title else "Wallwatch"),  # noqa: S704 - our own pages, escaped when they were made
        Markup(patterns[0] if patterns else ""),  # noqa: S704
        [Markup(figure) for figure in _FIGURE.findall(page)],  # noqa: S704
    )


def without_tables(figure: Markup) -> Markup:
    """A chart without the table under it, where the page that has it is a step away."""
    return Markup(_DETAILS.sub("", figure))  # noqa: S704
