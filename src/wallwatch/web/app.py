"""The application: pages, API, and what goes wrong said in JSON."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from wallwatch import __version__
from wallwatch._errors import WallwatchError
from wallwatch.web import answers, api, described, ooni, site
from wallwatch.web.guard import Guard
from wallwatch.web.state import BusyError, Live

_ABOUT = (
    "What a Wallwatch workspace holds, read-only. `/api/wallwatch/v1` lists the records of `wallwatch show`; "
    "`/api/v1` answers like OONI's API as far as the data allow. Every answer has an ETag; JSON comes in pages, "
    "JSON lines, CSV and Parquet whole."
)


def create_app(root: Path, *, hosts: Iterable[str] = (), origins: Iterable[str] = ()) -> FastAPI:
    """The server's application over a workspace.

    Args:
        root: The workspace.
        hosts: Names under which it may be asked, beside those of the loopback address; `*` for any.
        origins: Origins whose pages may read the API (CORS).

    Raises:
        WallwatchError: The folder is no workspace.
    """
    live = Live(root)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        # The first reader should not wait for the tables to be opened.
        warming = threading.Thread(target=_warm, args=(live,))
        warming.start()
        yield
        live.stop()
        warming.join()
        live.close()

    # No page that explains the API by scripts from elsewhere; the document itself is at /openapi.json.
    app = FastAPI(
        title="Wallwatch",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        responses=described.OTHERWISE,
    )
    app.include_router(api.router(live))
    app.include_router(ooni.router(live))
    app.include_router(site.router(live))
    app.add_middleware(Guard, hosts=tuple(hosts), origins=tuple(origins))

    @app.exception_handler(WallwatchError)
    def wrong_use(_: Request, error: WallwatchError) -> Response:
        return answers.json_response({"error": str(error)}, {}, 400)

    @app.exception_handler(RequestValidationError)
    def invalid(_: Request, error: RequestValidationError) -> Response:
        said = [f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors()]
        return answers.json_response({"error": "; ".join(said)}, {}, 400)

    @app.exception_handler(HTTPException)
    def refused(_: Request, error: HTTPException) -> Response:
        return answers.json_response(
            {"error": str(error.detail)}, dict(error.headers or {}), error.status_code
        )

    @app.exception_handler(BusyError)
    def busy(_: Request, __: BusyError) -> Response:
        words = "the question took too long, or the data changed meanwhile; ask for less, or again"
        return answers.json_response({"error": words}, {"retry-after": "5"}, 503)

    return app


def _warm(live: Live) -> None:
    with suppress(BusyError):
        live.page("en", "index.html")
