"""The report: a folder of pages that opens from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_folder
from wallwatch._progress import Progress, Silent
from wallwatch.report.book import Book
from wallwatch.report.facts import counted
from wallwatch.report.language import Language

#: Says that a folder is a report, which may be replaced.
_MARKER: Final = "wallwatch-report.json"


@dataclass(frozen=True, slots=True)
class Written:
    """A report that was written.

    Attributes:
        index: Its first page.
        pages: How many pages it has.
        size: Bytes of all pages.
    """

    index: Path
    pages: int
    size: int


def write(
    con: duckdb.DuckDBPyConnection,
    out: Path,
    *,
    country: str | None = None,
    lang: str = "en",
    progress: Progress | None = None,
) -> Written:
    """Writes the report of a workspace, in the place of an older one.

    Args:
        con: A connection with a view for each table of the schema.
        out: The folder; new, empty, or a report from before.
        country: Only this country.
        lang: Language of the pages.
        progress: Hears how far it is.

    Raises:
        WallwatchError: The folder holds other things, there is nothing about the country, or the language is
            unknown.
    """
    language = Language.of(lang)
    progress = progress or Silent()
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / _MARKER).exists())):
        raise WallwatchError(f"{out} is not empty and not a report; name a new folder")
    pages = size = 0
    try:
        with atomic_folder(out) as folder:
            for path, page in render(con, country=country, language=language, progress=progress):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                content = page.encode()
                target.write_bytes(content)
                pages += 1
                size += len(content)
            (folder / _MARKER).write_text(json.dumps({"format": 1, "lang": lang}) + "\n", encoding="utf-8")
    except OSError as error:
        raise WallwatchError(f"cannot write the report to {out}: {error.strerror}") from error
    return Written(out / "index.html", pages, size)


def render(
    con: duckdb.DuckDBPyConnection,
    *,
    country: str | None,
    language: Language,
    progress: Progress,
    feed: str | None = None,
) -> Iterator[tuple[str, str]]:
    """Every page, as its path below the report's folder and its text.

    Args:
        con: A connection with a view for each table of the schema.
        country: Only this country.
        language: Of the pages.
        progress: Hears how far it is.
        feed: Where the Atom feed lies, from the report's folder.

    Raises:
        WallwatchError: There is nothing about the country.
    """
    progress.stage("Counting for the report")
    with counted(con, country):
        book = Book(con, language, country, feed=feed)
        if country is not None and country not in book.known and not book.findings:
            raise WallwatchError(f"there are no data about {country}; see: wallwatch show files")
        paths = book.paths()
        progress.stage("Writing pages", len(paths))
        for path in paths:
            progress.advance()
            page = book.page(con, path)
            if page is not None:
                yield path, page
