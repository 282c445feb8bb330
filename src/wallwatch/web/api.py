"""Version 1 of Wallwatch's own API: the records of `wallwatch show` and `wallwatch explain`."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import duckdb
from fastapi import APIRouter, Path, Query, Request, Response

from wallwatch import show
from wallwatch._errors import WallwatchError
from wallwatch.web import answers, described
from wallwatch.web.answers import Format
from wallwatch.web.state import Live

#: What can be listed, and what a record is.
LISTED = {
    "events": "restrictions: one real-world restriction each",
    "doubts": "what looks like a restriction and may be forged: no event was made of it",
    "outages": "losses of connectivity of a country, region or network",
    "verdicts": "measurements, and how each was judged",
    "cells": "counts by target, network, layer and hour",
    "routes": "what still works, by country and network",
    "revisions": "published states of events and outages",
    "statements": "what somebody said, which is their statement until measured",
    "files": "files that were taken in",
    "quarantine": "lines that could not be read, with the reason",
}

Country = Annotated[str | None, Query(pattern="^[A-Za-z]{2}$", description="ISO 3166-1 alpha-2")]
Target = Annotated[str | None, Query(max_length=300, description="a host, a service, an input or a network")]
When = Annotated[str | None, Query(max_length=30, description="a date or time, UTC")]
FormatQuery = Annotated[Format, Query(alias="format", description="JSON comes in pages, the others whole")]
Limit = Annotated[int, Query(ge=1, le=answers.MOST)]
Offset = Annotated[int, Query(ge=0, le=answers.FURTHEST)]
Id = Annotated[str, Path(max_length=200, description="an id, or its unique beginning")]


def filters(country: str | None, target: str | None, since: str | None, until: str | None) -> show.Filters:
    """The filters of `wallwatch show`.

    Raises:
        WallwatchError: A date that is none.
    """
    return show.Filters(
        country=country.upper() if country else None,
        target=target.lower() if target else None,
        since=show.parse_time(since) if since else None,
        until=show.parse_time(until, last=True) if until else None,
    )


def router(live: Live) -> APIRouter:
    """The routes of `/api/wallwatch/v1`."""
    made = APIRouter(prefix="/api/wallwatch/v1", tags=["wallwatch"])

    def add(what: str, meaning: str) -> None:
        def listed(
            request: Request,
            country: Country = None,
            target: Target = None,
            since: When = None,
            until: When = None,
            format_: FormatQuery = Format.json,
            limit: Limit = 100,
            offset: Offset = 0,
        ) -> Response:
            wanted = filters(country, target, since, until)

            def reads(con: duckdb.DuckDBPyConnection, most: int | None, skip: int) -> Any:
                return show.records(con, what, wanted, limit=most, offset=skip)

            return answers.answer(
                live, request, lambda: answers.records(live, request, reads, format_, limit, offset)
            )

        made.add_api_route(
            f"/{what}",
            listed,
            name=what,
            summary=f"List {meaning}",
            response_class=Response,
            responses=described.RECORDS,
        )

    for what, meaning in LISTED.items():
        add(what, meaning)
    made.add_api_route(
        "/explain/{id}",
        partial(_explain, live),
        name="explain",
        summary="How one verdict, event or outage was judged, and what speaks against it",
        response_class=Response,
        responses=described.EXPLANATION,
    )
    return made


def _explain(
    live: Live,
    request: Request,
    id: Id,  # noqa: A002 - the name in the address
    days: Annotated[
        bool, Query(description="an event's days and rules too: all verdicts are read again")
    ] = False,
) -> Response:
    def make() -> Response:
        try:
            with live.connection() as con:
                return answers.json_response(live.explain(con, id, days=days).record, {})
        except WallwatchError as error:
            return answers.json_response({"error": str(error)}, {}, 404)

    return answers.answer(live, request, make)
