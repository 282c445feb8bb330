"""All pages of a report by their paths, each made when it is asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import duckdb

from wallwatch.report.environment import Pages
from wallwatch.report.facts import countries, measured_networks, network_names, rows
from wallwatch.report.findings import Finding, load
from wallwatch.report.language import Language
from wallwatch.report.pages import (
    country,
    data,
    event,
    find,
    measurement,
    method,
    network,
    outage,
    overview,
    service,
    statements,
    works,
)
from wallwatch.report.places import country_page, network_page, record_page, service_page, works_page

_NETWORK: Final = re.compile(r"network/([A-Z]{2})-(\d+)\.html")


class Book:
    """The pages in one language.

    Attributes:
        known: The countries with data.
        findings: Every event and outage, the newest first.
    """

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        language: Language,
        only: str | None = None,
        *,
        live: bool = False,
        feed: str | None = None,
    ) -> None:
        """`con` is inside `counted`; `only` is the country that it is about; `live` pages lead to single measurements."""
        self._language, self._live = language, live
        self.known = countries(con)
        self._now = max((one.last for one in self.known.values()), default=None)
        self.findings = load(con, self.known, only, self._now, language)
        self._of_country: dict[str, list[Finding]] = {}
        for one in self.findings:
            self._of_country.setdefault(one.country, []).append(one)
        self._by_page = {one.page: one for one in self.findings}
        self._names, self._measured = network_names(con), measured_networks(con)
        self._record = statements.Record(con, only, {one.row[f"{one.sort}_id"]: one for one in self.findings})
        self._of_service: dict[str, list[Finding]] = {}
        for one in self.findings:
            if one.sort == "event":
                self._of_service.setdefault(one.row["service"], []).append(one)
        # In a folder, pages of services that nothing was found of would be many and say little.
        services = sorted(service.measured(con) | set(self._of_service) if live else self._of_service)
        self._services = {service_page(name): name for name in services}
        working = works.countries(con)
        self._countries = {country_page(code): code for code in self.known}
        self._works = {works_page(code): code for code in self.known if code in working}
        self._records = {record_page(code): code for code in self._record.countries}
        self._pages = Pages(language, self._about(con), frozenset(services), live=live, feed=feed)
        self._single: dict[str, Callable[[duckdb.DuckDBPyConnection], dict[str, Any]]] = {
            "index.html": lambda con: overview.context(con, self.known, self.findings, self._now, language),
            "services.html": lambda _: service.listing(self._of_service),
            "record.html": lambda _: self._record.overview(language),
            "method.html": lambda _: method.context(),
            "data.html": data.context,
        }

    def paths(self) -> list[str]:
        """Every page, in a fixed order."""
        found = list(self._single)
        for code in self.known:
            found.append(country_page(code))
            found += [works_page(code)] if works_page(code) in self._works else []
            found += [network_page(code, n) for n in sorted(n for c, n in self._measured if c == code)]
        return found + list(self._services) + list(self._records) + list(self._by_page)

    def page(self, con: duckdb.DuckDBPyConnection, path: str) -> str | None:
        """One page; null where there is none of that path.

        Args:
            con: As the book was made with, or a cursor of it.
            path: From the report's folder.
        """
        kind = path.partition("/")[0].removesuffix(".html")
        if path in self._single:
            return self._render("overview" if kind == "index" else kind, path, self._single[path](con))
        if code := self._countries.get(path):
            return self._render("country", path, self._country(con, code))
        if code := self._works.get(path):
            shown = works.context(con, self.known[code], self._names, self._language)
            return self._render("works", path, shown)
        if (name := self._services.get(path)) is not None:
            mine = self._of_service.get(name, ())
            return self._render("service", path, service.context(con, name, self.known, mine, self._language))
        if code := self._records.get(path):
            shown = self._record.country(code, self._language)
            shown["page"] = country_page(code) if code in self.known else None
            return self._render("statements_country", path, shown)
        if finding := self._by_page.get(path):
            return self._render(finding.sort, path, self._finding(con, finding))
        if found := _NETWORK.fullmatch(path):
            return self._network(con, path, found[1], int(found[2]))
        return None

    def measurement(self, path: str, explained: Mapping[str, Any]) -> str:
        """The page of one measurement, where pages are live.

        Args:
            path: From the report's folder.
            explained: The record of `wallwatch explain`.
        """
        return self._render(
            "measurement",
            path,
            measurement.context(explained, self.known.keys(), self._measured, self._language),
        )

    def find(self, asked: Mapping[str, str]) -> str:
        """The page of what a reader looks for, where pages are live; see `pages/find.py`."""
        return self._render(
            "find", "find.html", find.context(asked, self.known, self.findings, self._language)
        )

    def api(self, about: str, operations: Sequence[Mapping[str, Any]]) -> str:
        """The page about the API, where pages are live.

        Args:
            about: What it is.
            operations: `path`, `summary`, `example` and `parameters` (`name`, `takes`, `meaning`) of each address.
        """
        return self._render("api", "api.html", {"about_api": about, "operations": operations})

    def _render(self, template: str, path: str, context: dict[str, Any]) -> str:
        return self._pages.render(f"{template}.html", path, context)

    def _of(self, code: str) -> Sequence[Finding]:
        return self._of_country.get(code, ())

    def _country(self, con: duckdb.DuckDBPyConnection, code: str) -> dict[str, Any]:
        shown = country.context(con, self.known[code], self._of(code), self._names, self._language, self._now)
        shown["record_page"] = record_page(code) if record_page(code) in self._records else None
        shown["works_page"] = works_page(code) if works_page(code) in self._works else None
        return shown

    def _network(self, con: duckdb.DuckDBPyConnection, path: str, code: str, number: int) -> str | None:
        if (code, number) not in self._measured or path != network_page(code, number):
            return None
        row = country.networks(con, code, self._of(code), self._names, number)[0]
        return self._render(
            "network", path, network.context(con, self.known[code], row, self._of(code), self._language)
        )

    def _finding(self, con: duckdb.DuckDBPyConnection, finding: Finding) -> dict[str, Any]:
        home, language = self.known.get(finding.country), self._language
        id_ = finding.row[f"{finding.sort}_id"]
        if finding.sort == "event":
            shown = event.context(con, finding, home, self._names, self._measured, language, live=self._live)
        else:
            shown = outage.context(con, finding, home, self._of(finding.country), language)
        shown["statements"] = statements.context(self._record.by_finding.get(id_, ()), language)
        return shown

    def _about(self, con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
        versions = rows(con, "SELECT * FROM report_versions ORDER BY ALL")
        return {
            "first": min((one.first for one in self.known.values()), default=None),
            "last": self._now,
            "rule_sets": sorted({row["rule_set"] for row in versions}),
            "reference_sets": sorted({row["reference_set"] for row in versions}),
        }
