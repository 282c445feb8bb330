"""The report: a folder of pages that opens from disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_folder
from wallwatch._progress import Progress, Silent
from wallwatch.report import timelines
from wallwatch.report.environment import Pages
from wallwatch.report.facts import Country, counted, countries, measured_networks, network_names
from wallwatch.report.findings import Finding, load
from wallwatch.report.language import Language
from wallwatch.report.pages import country as country_page
from wallwatch.report.pages import data as data_page
from wallwatch.report.pages import event as event_page
from wallwatch.report.pages import method as method_page
from wallwatch.report.pages import network as network_page
from wallwatch.report.pages import outage as outage_page
from wallwatch.report.pages import overview as overview_page
from wallwatch.report.pages import statements as statements_part
from wallwatch.report.pages import works as works_page
from wallwatch.report.places import country_page as page_of_country
from wallwatch.report.places import works_page as page_of_works

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
    con: duckdb.DuckDBPyConnection, *, country: str | None, language: Language, progress: Progress
) -> Iterator[tuple[str, str]]:
    """Every page, as its path below the report's folder and its text.

    Args:
        con: A connection with a view for each table of the schema.
        country: Only this country.
        language: Of the pages.
        progress: Hears how far it is.

    Raises:
        WallwatchError: There is nothing about the country.
    """
    progress.stage("Counting for the report")
    with counted(con, country):
        known = countries(con)
        now = max((one.last for one in known.values()), default=None)
        findings = load(con, known, country, now, language)
        if country is not None and country not in known and not findings:
            raise WallwatchError(f"there are no data about {country}; see: wallwatch show files")
        pages = Pages(language, _about(con, known, now))
        with timelines.prepared(con, findings, known):
            yield from _pages(con, pages, known, findings, now, progress)


def _pages(
    con: duckdb.DuckDBPyConnection,
    pages: Pages,
    known: dict[str, Country],
    findings: list[Finding],
    now: datetime | None,
    progress: Progress,
) -> Iterator[tuple[str, str]]:
    language = pages.language

    def page(template: str, path: str, context: dict[str, Any]) -> tuple[str, str]:
        progress.advance()
        return path, pages.render(template, path, context)

    names, measured = network_names(con), measured_networks(con)
    working = works_page.countries(con)
    progress.stage("Writing pages", 3 + len(known) + len(measured) + len(findings))
    yield page("overview.html", "index.html", overview_page.context(con, known, findings, now, language))
    yield page("method.html", "method.html", method_page.context())
    yield page("data.html", "data.html", data_page.context(con))
    for code, one in known.items():
        shown = country_page.context(con, one, findings, names, language, now)
        shown["works_page"] = page_of_works(code) if code in working else None
        yield page("country.html", page_of_country(code), shown)
        if code in working:
            yield page("works.html", page_of_works(code), works_page.context(con, one, names, language))
        for network in shown["networks"]:
            context = network_page.context(con, one, network, findings, language)
            yield page("network.html", network["page"], context)
    rules, hosts = timelines.rules_fired(con), timelines.hosts_found(con)
    said = statements_part.by_finding(con)
    for finding in findings:
        home = known.get(finding.country)
        if finding.sort == "event":
            id_ = finding.row["event_id"]
            context = event_page.context(
                con, finding, home, names, measured, rules.get(id_, []), hosts.get(id_, []), language
            )
            context["statements"] = statements_part.context(said.get(id_, ()), language)
            yield page("event.html", finding.page, context)
        else:
            context = outage_page.context(con, finding, home, findings, language)
            context["statements"] = statements_part.context(said.get(finding.row["outage_id"], ()), language)
            yield page("outage.html", finding.page, context)


def _about(con: duckdb.DuckDBPyConnection, known: dict[str, Country], now: datetime | None) -> dict[str, Any]:
    versions = con.execute(
        "SELECT DISTINCT rule_set, reference_set FROM verdicts ORDER BY ALL LIMIT 5"
    ).fetchall()
    return {
        "first": min((one.first for one in known.values()), default=None),
        "last": now,
        "rule_sets": sorted({rules for rules, _ in versions}),
        "reference_sets": sorted({references for _, references in versions}),
    }
