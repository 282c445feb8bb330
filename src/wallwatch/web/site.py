"""The report's pages, live: made from the workspace as it is now; charts to embed; the Atom feed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from markupsafe import Markup

from wallwatch.report.embed import charts, without_tables
from wallwatch.report.environment import style
from wallwatch.report.language import DIRECTIONS
from wallwatch.report.places import event_page, outage_page
from wallwatch.watch import atom
from wallwatch.watch.news import last_publication, untold
from wallwatch.web import answers, described
from wallwatch.web.state import Live

#: The only addresses that pages have.
_PAGE: Final = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9_.-]{1,80}\.html")
_HTML: Final = "text/html; charset=utf-8"

Lang = Annotated[str, Path(max_length=20, description="a language of the pages")]


def router(live: Live) -> APIRouter:
    """The routes of the pages."""
    made = APIRouter(tags=["pages"])

    def add(
        path: str,
        handler: Callable[..., Response],
        name: str,
        summary: str,
        found: dict[int | str, dict[str, Any]] = described.PAGE,
    ) -> None:
        made.add_api_route(
            path,
            handler,
            name=name,
            summary=summary,
            response_class=Response,
            responses=found,
            status_code=int(next(iter(found))),
        )

    add("/", lambda: RedirectResponse("/en/index.html", 307), "start", "The overview", described.ELSEWHERE)
    add("/feed.atom", partial(_feed, live), "feed", "What is new, as an Atom feed", described.FEED)
    add("/embed/event/{id}", partial(_embed_event, live), "embed_event", "An event's chart, to be framed")
    add("/embed/outage/{id}", partial(_embed_outage, live), "embed_outage", "An outage's chart, to be framed")
    add("/{lang}/", _to_index, "index", "The overview in a language", described.ELSEWHERE)
    add("/{lang}/find.html", partial(_find, live), "find", "Events and outages that a reader looks for")
    add("/{lang}/api.html", partial(_api, live), "api", "What the API offers")
    add("/{lang}/{page:path}", partial(_page, live), "page", "A page of the report")
    return made


def _to_index(lang: Lang) -> Response:
    return RedirectResponse(f"/{lang}/index.html", 307) if lang in DIRECTIONS else _missing()


def _missing() -> Response:
    return answers.json_response({"error": "there is no such page"}, {}, 404)


def _read(live: Live, lang: str, page: str) -> str | None:
    return live.page(lang, page) if _PAGE.fullmatch(page) else None


def _page(live: Live, request: Request, lang: Lang, page: str) -> Response:
    def make() -> Response:
        found = _read(live, lang, page)
        return _missing() if found is None else Response(found, 200, media_type=_HTML)

    return _missing() if lang not in DIRECTIONS else answers.answer(live, request, make)


def _find(
    live: Live,
    request: Request,
    lang: Lang,
    country: Annotated[str, Query(max_length=200)] = "",
    text: Annotated[str, Query(max_length=200)] = "",
    status: Annotated[str, Query(max_length=200)] = "",
    since: Annotated[str, Query(max_length=200)] = "",
    until: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    asked = {"country": country, "text": text, "status": status, "since": since, "until": until}

    def make() -> Response:
        with live.connection() as con:
            return Response(live.book(con, lang).find(asked), 200, media_type=_HTML)

    return _missing() if lang not in DIRECTIONS else answers.answer(live, request, make)


def _api(live: Live, request: Request, lang: Lang) -> Response:
    def make() -> Response:
        document = request.app.openapi()
        operations = [
            _operation(path, found["get"])
            for path, found in document["paths"].items()
            if path.startswith("/api/") and "get" in found
        ]
        with live.connection() as con:
            page = live.book(con, lang).api(document["info"]["description"].replace("`", ""), operations)
        return Response(page, 200, media_type=_HTML)

    return _missing() if lang not in DIRECTIONS else answers.answer(live, request, make)


def _operation(path: str, found: dict[str, Any]) -> dict[str, Any]:
    """An address of the API as a page shows it."""
    return {
        "path": path,
        "summary": found["summary"],
        "example": None if "{" in path else path,
        "parameters": [
            {
                "name": one["name"],
                "takes": _values(one.get("schema", {})),
                "meaning": one.get("description", ""),
            }
            for one in found.get("parameters", ())
        ],
    }


def _values(schema: dict[str, Any]) -> str:
    """What a parameter may be, in a few words."""
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = []
    for one in kinds:
        if "enum" in one:
            words.append(", ".join(str(value) for value in one["enum"]))
        else:
            bounds = [
                f"{name} {one[key]}" for name, key in (("from", "minimum"), ("to", "maximum")) if key in one
            ]
            words.append(" ".join([str(one.get("type", "one of the listed")), *bounds]))
    return "; ".join(words)


def _embed_event(live: Live, request: Request, id: Annotated[str, Path(max_length=80)]) -> Response:  # noqa: A002
    return answers.answer(live, request, partial(_embed, live, event_page(id)))


def _embed_outage(live: Live, request: Request, id: Annotated[str, Path(max_length=80)]) -> Response:  # noqa: A002
    return answers.answer(live, request, partial(_embed, live, outage_page(id)))


def _embed(live: Live, page: str) -> Response:
    """The first chart of a page as a page of its own, with a link to the whole."""
    found = _read(live, "en", page)
    taken = charts(found) if found else None
    if taken is None or not taken.figures:
        return _missing()
    text = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{0}</title><style>{1}</style></head>'
        '<body>{2}<main class="page">{3}<p class="note"><a href="/en/{4}" target="_top">{0}</a></p></main></body>'
        "</html>\n"
    ).format(taken.title, style(), taken.patterns, without_tables(taken.figures[0]), page)
    return Response(text, 200, media_type=_HTML)


def _feed(live: Live, request: Request) -> Response:
    def make() -> Response:
        with live.connection() as con:
            changes = untold(con, 0, most=atom.ENTRIES)
            _, updated = last_publication(con)
        origin = json.loads(live.workspace.layout.marker.read_bytes()).get("id") or "served"
        link = str(request.url_for("feed"))
        content = atom.feed(changes, origin=origin, updated=updated or "1970-01-01T00:00:00Z", link=link)
        return Response(content, 200, media_type="application/atom+xml")

    return answers.answer(live, request, make)
