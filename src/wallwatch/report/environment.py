"""The templates' environment: everything escaped, every value made safe to show (trap X3)."""

from __future__ import annotations

import base64
import hashlib
import posixpath
from collections.abc import Callable, Mapping, Sequence, Set
from functools import cache
from importlib.resources import files
from itertools import islice
from typing import Any, Final

from babel import Locale
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from wallwatch import __version__
from wallwatch._text import safe_text
from wallwatch.report import charts
from wallwatch.report.language import DIRECTIONS, Language, foreign
from wallwatch.report.places import service_page

#: The greatest size of a page.
MOST_BYTES: Final = 200_000

#: Shares of a table's rows to try until the page is small enough.
_SHARES: Final = (1.0, 0.5, 0.25, 0.1, 0.02)


@cache
def style() -> Markup:
    """The style sheet, which every page carries so that it can be passed on alone."""
    text = files("wallwatch.report").joinpath("templates/style.css").read_text(encoding="utf-8")
    if "</" in text:
        raise ValueError("the style sheet would end its own element")
    return Markup(text)  # noqa: S704 - our own file


@cache
def policy(forms: bool = False) -> str:
    """The pages' content policy: nothing is loaded, nothing runs, only our own style applies.

    Args:
        forms: Whether forms may be sent, to where the page comes from.
    """
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    sent = "'self'" if forms else "'none'"
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action {sent}"
    )


def _finalize(value: Any) -> Any:
    if isinstance(value, Markup):
        return value
    return "" if value is None else safe_text(value, 2000)


def _bare(value: Any) -> Markup:
    """Text without its elements, for titles and labels; our own words keep their joiners (U+200C in Persian)."""
    return escape(value.striptags() if isinstance(value, Markup) else safe_text(value, 2000))


class Pages:
    """Renders pages in one language.

    Attributes:
        language: The language.
    """

    def __init__(
        self,
        language: Language,
        about: Mapping[str, Any],
        services: Set[str],
        *,
        live: bool = False,
        feed: str | None = None,
    ) -> None:
        """`about` is what every page says of the data: its range and the versions of rules.

        `services` have a page; `live` pages are served; `feed` is the Atom feed's path from the report's folder.
        """
        self.language, self._feed = language, feed
        self._environment = Environment(
            loader=PackageLoader("wallwatch.report", "templates"),
            autoescape=True,
            finalize=_finalize,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            _=language.gettext,
            ngettext=language.ngettext,
            language=language,
            comma="،" if language.direction == "rtl" else ",",
            semicolon="؛" if language.direction == "rtl" else ";",
            style=style(),
            policy=policy(live),
            patterns=charts.patterns(),
            version=__version__,
            about=about,
            live=live,
            languages=[(code, Locale(code).display_name.capitalize()) for code in DIRECTIONS],
            services_known=services,
            service_page=service_page,
        )
        self._environment.filters.update(
            foreign=foreign,
            number=language.number,
            percent=language.percent,
            day=language.day,
            moment=language.moment,
            shown=language.shown,
            said=language.sentence,
            striptags=_bare,
        )

    def render(self, template: str, path: str, context: Mapping[str, Any]) -> str:
        """A page, its tables shortened as far as its size asks.

        Args:
            template: Its template's name.
            path: Where it will lie below the report's folder.
            context: What the template shows.
        """
        root = "../" * path.count("/")
        feed = None if self._feed is None else posixpath.normpath(root + self._feed)
        found = self._environment.get_template(template)
        page = ""
        for share in _SHARES:
            page = found.render(context, root=root, path=path, feed=feed, most=_most(share))
            if len(page.encode()) < MOST_BYTES:
                break
        return page


def _most(share: float) -> Callable[[Sequence[Any], int], list[Any]]:
    """The first rows of a table: at most so many, and fewer on a page that grew too large."""
    return lambda rows, count: list(islice(rows, max(int(count * share), 1)))
