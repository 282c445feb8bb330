"""The report's pages, live: made from the workspace as it is now; charts to embed; the Atom feed."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import RedirectResponse

from wallwatch.report.environment import style
from wallwatch.report.language import DIRECTIONS
from wallwatch.report.places import event_page, outage_page
from wallwatch.watch import atom
from wallwatch.watch.news import last_publication, untold
from wallwatch.web import answers
from wallwatch.web.state import Live

#: The only addresses that pages have; nothing else is looked for on the disk.
_PAGE: Final = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9_.-]{1,80}\.html")
_FIGURE: Final = re.compile(r"<figure\b.*?</figure>", re.S)
_DETAILS: Final = re.compile(r"<details\b.*?</details>", re.S)
_PATTERNS: Final = re.compile(r'<svg class="patterns".*?</svg>', re.S)
_TITLE: Final = re.compile(r"<title>(.*?)</title>", re.S)

Lang = Annotated[str, Path(max_length=20, description="a language of the pages")]


def router(live: Live) -> APIRouter:
    """The routes of the pages."""
    made = APIRouter(tags=["pages"])

    def add(path: str, handler: object, name: str, summary: str) -> None:
        made.add_api_route(path, handler, name=name, summary=summary, response_model=None)  # type: ignore[arg-type]

    add("/", lambda: RedirectResponse("/en/index.html", 307), "start", "The overview")
    add("/feed.atom", partial(_feed, live), "feed", "What is new, as an Atom feed")
    add("/embed/event/{id}", partial(_embed_event, live), "embed_event", "An event's chart, to be framed")
    add("/embed/outage/{id}", partial(_embed_outage, live), "embed_outage", "An outage's chart, to be framed")
    add("/{lang}/", _to_index, "index", "The overview in a language")
    add("/{lang}/{page:path}", partial(_page, live), "page", "A page of the report")
    return made


def _to_index(lang: Lang) -> Response:
    return RedirectResponse(f"/{lang}/index.html", 307) if lang in DIRECTIONS else _missing()


def _missing() -> Response:
    return answers.json_response({"error": "there is no such page"}, {}, 404)


def _read(folder: FilePath, page: str) -> str | None:
    if not _PAGE.fullmatch(page) or ".." in page:
        return None
    try:
        return (folder / page).read_text(encoding="utf-8")
    except OSError:
        return None


def _page(live: Live, request: Request, lang: Lang, page: str) -> Response:
    if lang not in DIRECTIONS:
        return _missing()
    tag = answers.etag(live.state(), request)
    if same := answers.unchanged(request, tag):
        return same
    found = _read(live.pages(lang), page)
    if found is None:
        return _missing()
    return Response(found, 200, {"etag": tag, "cache-control": "no-cache"}, "text/html; charset=utf-8")


def _embed_event(live: Live, request: Request, id: Annotated[str, Path(max_length=80)]) -> Response:  # noqa: A002
    return _embed(live, request, event_page(id))


def _embed_outage(live: Live, request: Request, id: Annotated[str, Path(max_length=80)]) -> Response:  # noqa: A002
    return _embed(live, request, outage_page(id))


def _embed(live: Live, request: Request, page: str) -> Response:
    """The first chart of a page as a page of its own, with a link to the whole."""
    tag = answers.etag(live.state(), request)
    if same := answers.unchanged(request, tag):
        return same
    found = _read(live.pages("en"), page)
    figure = _FIGURE.search(found) if found else None
    if found is None or figure is None:
        return _missing()
    title, patterns = _TITLE.search(found), _PATTERNS.search(found)
    chart = _DETAILS.sub("", figure[0])
    text = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title[1] if title else ""}</title>'
        f"<style>{style()}</style></head><body>{patterns[0] if patterns else ''}<main>{chart}"
        f'<p class="note"><a href="/en/{page}" target="_top">{title[1] if title else "Wallwatch"}</a></p></main>'
        "</body></html>\n"
    )
    return Response(text, 200, {"etag": tag, "cache-control": "no-cache"}, "text/html; charset=utf-8")


def _feed(live: Live, request: Request) -> Response:
    tag = answers.etag(live.state(), request)
    if same := answers.unchanged(request, tag):
        return same
    with live.connection() as con:
        changes = untold(con, 0)
        _, updated = last_publication(con)
    origin = json.loads(live.workspace.layout.marker.read_bytes()).get("id") or "served"
    link = str(request.url_for("feed"))
    content = atom.feed(changes, origin=origin, updated=updated or "1970-01-01T00:00:00Z", link=link)
    return Response(content, 200, {"etag": tag, "cache-control": "no-cache"}, "application/atom+xml")
