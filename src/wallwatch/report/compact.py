"""The report as one compressed file that can be passed from phone to phone: its pages in a zip file, under a limit."""

from __future__ import annotations

import html
import posixpath
import re
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.evidence import onefile
from wallwatch.report.language import Language
from wallwatch.report.write import Written, render

#: The greatest size of the file.
MOST: Final = 1_000_000
#: What an entry costs beside its content.
_ENTRY: Final = 260
_LINK: Final = re.compile(r'<a\b[^>]*?\bhref="([^"#:?]+)(?:#[^"]*)?"[^>]*>(.*?)</a>', re.DOTALL)
#: In this order pages are kept where not all fit: first what leads to the others.
_FIRST: Final = (
    "index.html",
    "method.html",
    "country/",
    "works/",
    "outage/",
    "event/",
    "network/",
    "data.html",
)


def write_one_file(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    *,
    country: str | None = None,
    lang: str = "en",
    progress: Progress | None = None,
) -> tuple[Written, int]:
    """Writes the report as one zip file of at most `MOST` bytes.

    Where not all pages fit, the findings' pages are kept newest first, and what would lead to a page that is left
    out is no link.

    Args:
        con: A connection with a view for each table of the schema.
        out: The file.
        country: Only this country.
        lang: Language of the pages.
        progress: Hears how far it is.

    Returns:
        What was written, and how many pages were left out.

    Raises:
        WallwatchError: There is nothing about the country, the language is unknown, or the file cannot be written.
    """
    progress = progress or Silent()
    pages = list(render(con, country=country, language=Language.of(lang), progress=progress))
    kept = _chosen(pages)
    names = set(kept)
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        for name, text in kept.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_without_dead_links(text, name, names), encoding="utf-8")
        try:
            onefile.pack(Path(folder), "wallwatch", out)
        except OSError as error:
            raise WallwatchError(f"cannot write {out}: {error.strerror}") from error
    return Written(out, len(kept), out.stat().st_size), len(pages) - len(kept)


def _chosen(pages: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The pages that fit, in the order of what matters; each is counted as it is when compressed."""

    def place(item: tuple[int, tuple[str, str]]) -> tuple[int, int]:
        name = item[1][0]
        return next((i for i, first in enumerate(_FIRST) if name.startswith(first)), len(_FIRST)), item[0]

    chosen: dict[str, str] = {}
    left = MOST - 1_000
    for _, (name, text) in sorted(enumerate(pages), key=place):
        size = len(zlib.compress(text.encode(), 6)) + _ENTRY + 2 * len(name)
        if size <= left:
            chosen[name] = text
            left -= size
    return chosen


def _without_dead_links(text: str, name: str, names: set[str]) -> str:
    """A page in which nothing leads to a page that is not there."""

    def keep(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), html.unescape(match[1])))
        return match[0] if target in names else f"<span>{match[2]}</span>"

    return _LINK.sub(keep, text)
