"""Records as answers: JSON in pages, or the whole as JSON lines, CSV or Parquet; with an ETag, and read as it is sent."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from enum import StrEnum
from itertools import islice
from typing import Any, Final

import duckdb
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from wallwatch import __version__, show
from wallwatch._text import safe_json
from wallwatch.show import Record
from wallwatch.web.state import Live

#: The greatest number of records of one page of JSON.
MOST: Final = 1000

#: The greatest offset of a page of JSON: whoever wants more is better served by the whole as JSON lines or CSV.
FURTHEST: Final = 100_000

#: The greatest number of rows of a Parquet file, which is made before it is sent.
MOST_PARQUET: Final = 1_000_000

_BATCH: Final = 500


class Format(StrEnum):
    """In which form records are sent."""

    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


_TYPES: Final = {
    Format.json: "application/json",
    Format.jsonl: "application/jsonl",
    Format.csv: "text/csv; charset=utf-8",
    Format.parquet: "application/vnd.apache.parquet",
}

#: Opens a connection, and gives the records that it reads.
Opens = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
Reads = Callable[[duckdb.DuckDBPyConnection, int | None, int], Iterable[Record]]


def answer(live: Live, request: Request, make: Callable[[], Response]) -> Response:
    """The answer to a request: 304 where the asker has it, what was made before, or what is made now.

    Args:
        live: The workspace; of each state of it every answer is made once, as long as there is room.
        request: The request.
        make: Makes it. Only what was found (200) is kept and tagged.
    """
    asked = f"{live.state()}\n{request.url.path}\n{request.url.query}\n{__version__}"
    tag = f'W/"{hashlib.sha256(asked.encode()).hexdigest()[:24]}"'
    known = [given.strip() for given in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"etag": tag})
    kept = live.kept()
    found = kept.get(str(request.url))
    if found is None:
        found = make()
        if found.status_code == 200:
            found.headers.update({"etag": tag, "cache-control": "no-cache"})
            kept.put(str(request.url), found)
    return found


def json_response(value: Any, headers: dict[str, str], status: int = 200) -> Response:
    """A value as JSON, hostile characters escaped."""
    return Response(safe_json(value) + "\n", status, headers, "application/json")


def records(live: Live, request: Request, reads: Reads, format_: Format, limit: int, offset: int) -> Response:
    """A list of records.

    Args:
        live: The workspace.
        request: The request.
        reads: Gives the records: (connection, limit or null for all, offset).
        format_: JSON comes in pages, the other forms whole.
        limit: Records of a page.
        offset: Records before the page.
    """
    if format_ is Format.json:
        with live.connection() as con:
            found = list(reads(con, limit + 1, offset))
        following = next_page(request, len(found), limit, offset)
        headers = {"link": f'<{following}>; rel="next"'} if following else {}
        page = {"limit": limit, "offset": offset, "next": following, "state": live.state()}
        return json_response({"metadata": page, "results": found[:limit]}, headers)
    name = request.url.path.rsplit("/", 1)[-1]
    headers = {"content-disposition": f'attachment; filename="{name}.{format_.value}"'}
    if format_ is Format.parquet:
        return _parquet(live.connection, reads, headers)
    return StreamingResponse(_text(live.connection, reads, format_), 200, headers, _TYPES[format_])


def next_page(request: Request, found: int, limit: int, offset: int) -> str | None:
    """The address of the following page; null where more than `limit` were asked for, and not found."""
    if found <= limit or offset + limit > FURTHEST:
        return None
    return str(request.url.include_query_params(limit=limit, offset=offset + limit))


def _text(opens: Opens, reads: Reads, format_: Format) -> Iterator[bytes]:
    with opens() as con:
        found = iter(reads(con, None, 0))
        first = True
        while batch := list(islice(found, _BATCH)):
            out = io.StringIO()
            if format_ is Format.jsonl:
                show.write_jsonl(batch, out)
            else:
                show.write_csv(batch, out, heading=first)
            first = False
            yield out.getvalue().encode()


def _parquet(opens: Opens, reads: Reads, headers: dict[str, str]) -> Response:
    file = tempfile.SpooledTemporaryFile(max_size=8 << 20)  # noqa: SIM115 - closed when it was sent
    with opens() as con:
        show.write_parquet(islice(reads(con, MOST_PARQUET, 0), MOST_PARQUET), file)
    headers["content-length"] = str(file.tell())
    file.seek(0)

    def sent() -> Iterator[bytes]:
        with file:
            while block := file.read(1 << 18):
                yield block

    return StreamingResponse(sent(), 200, headers, _TYPES[Format.parquet])
