"""What the server reads: the workspace as it is now, a connection for each request, pages and answers made from it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
from fastapi import Response
from fastapi.responses import StreamingResponse

from wallwatch import explain as explaining
from wallwatch._errors import WallwatchError
from wallwatch.engine import Workspace
from wallwatch.explain import Answer
from wallwatch.report import facts
from wallwatch.report.book import Book
from wallwatch.report.language import Language
from wallwatch.schema.layout import DERIVED

#: A query that takes longer is ended.
SECONDS: Final = 30.0

#: DuckDB's part of the memory, above which it spills.
MEMORY: Final = "400MB"

#: Pages and answers that are kept, in bytes; and the greatest one that is.
KEPT: Final = 96 << 20
KEPT_EACH: Final = 4 << 20

#: What an answer takes beside its content.
_BESIDE: Final = 2_000

#: Small tables that every page or answer reads: held in memory.
_HELD: Final = ("events", "outages", "routes", "publications")


class BusyError(Exception):
    """A query took too long, or the workspace changed under it."""


class Kept:
    """Pages and answers by what was asked, those used least lately given up first."""

    def __init__(self, most: int = KEPT) -> None:
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Response] = OrderedDict()
        self._left = most

    def get(self, key: str) -> Response | None:
        """What was put under that name, where it is still there."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
            return self._found.get(key)

    def put(self, key: str, answer: Response) -> None:
        """Keeps it, unless it is large, or sent as it is made."""
        if isinstance(answer, StreamingResponse) or len(answer.body) > KEPT_EACH:
            return
        with self._lock:
            if key not in self._found:
                self._found[key] = answer
                self._left -= len(answer.body) + _BESIDE
            while self._left < 0:
                self._left += len(self._found.popitem(last=False)[1].body) + _BESIDE


@dataclass(slots=True)
class _Opened:
    """The workspace in one state of it: its tables, its pages by language, what was made of them."""

    state: str
    con: duckdb.DuckDBPyConnection
    making: threading.Lock = field(default_factory=threading.Lock)
    books: dict[str, Book] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)


class Live:
    """One workspace that is served while others may write to it.

    Raises:
        WallwatchError: The folder is no workspace.
    """

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.open(root)
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._opening: duckdb.DuckDBPyConnection | None = None
        self._stopped = False
        self._seen: tuple[tuple[int, ...], str] | None = None

    def stop(self) -> None:
        """Ends what is being counted; whoever waits for it is told that the server is busy."""
        self._stopped = True
        if self._opening is not None:
            self._opening.interrupt()

    def close(self) -> None:
        """Ends every query."""
        with self._lock:
            if self._opened is not None:
                self._opened.con.interrupt()
                self._opened.con.close()
                self._opened = None

    def state(self) -> str:
        """See `Workspace.state`; made anew only where a folder or file of it was touched."""
        layout = self.workspace.layout
        touched: list[int] = []
        for path in (
            *(layout.table(name) / "stage.json" for name in DERIVED),
            *(layout.table(name) for name in ("files", "revisions", "statements", "publications")),
        ):
            try:
                found = path.stat()
            except OSError:
                touched.append(0)
            else:
                touched += (found.st_mtime_ns, found.st_ino)
        seen = self._seen
        if seen is None or seen[0] != tuple(touched):
            self._seen = seen = tuple(touched), self.workspace.state()
        return seen[1]

    def _open(self) -> _Opened:
        """The workspace as it is now.

        Raises:
            BusyError: The tables were replaced while they were read.
        """
        state = self.state()
        with self._lock:
            if self._opened is not None and self._opened.state == state:
                return self._opened
            if self._stopped:
                raise BusyError("stopped")
            self._opening = con = self.workspace.connect(memory=MEMORY)
            try:
                con.execute("SET parquet_metadata_cache = true")
                for name in _HELD:
                    con.execute(f"CREATE TABLE held AS SELECT * FROM {name}")
                    con.execute(f"DROP VIEW {name}")
                    con.execute(f"ALTER TABLE held RENAME TO {name}")
                facts.count(con)
            except duckdb.Error as error:
                con.close()
                raise BusyError(str(error)) from error
            finally:
                self._opening = None
            # Cursors of requests under way keep the old one alive until they end.
            self._opened = _Opened(state, con)
            return self._opened

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of one's own, whose queries are ended after `SECONDS`.

        Raises:
            BusyError: They were, or the tables were replaced while they were read.
        """
        cursor = self._open().con.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        timer = threading.Timer(SECONDS, cursor.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield cursor
        except (duckdb.InterruptException, duckdb.IOException) as error:
            raise BusyError(str(error)) from error
        finally:
            timer.cancel()
            cursor.close()

    def kept(self) -> Kept:
        """What was answered of the workspace as it is now."""
        return self._open().kept

    def page(self, lang: str, path: str) -> str | None:
        """A page of the report; null where there is none of that path.

        Raises:
            WallwatchError: There is no such language.
            BusyError: The workspace changed while it was read.
        """
        with self.connection() as con:
            book = self.book(con, lang)
            if path.startswith("measurement/"):
                return self._measurement(con, book, path)
            return book.page(con, path)

    def _measurement(self, con: duckdb.DuckDBPyConnection, book: Book, path: str) -> str | None:
        id_ = path.removeprefix("measurement/").removesuffix(".html")
        try:
            found = self.explain(con, id_).record
        except WallwatchError:
            return None
        whole = found["explains"] == "verdict" and found["measurement_id"] == id_
        return book.measurement(path, found) if whole else None

    def book(self, con: duckdb.DuckDBPyConnection, lang: str) -> Book:
        """All pages in a language."""
        opened = self._open()
        with opened.making:
            if lang not in opened.books:
                opened.books[lang] = Book(con, Language.of(lang), live=True, feed="../feed.atom")
            return opened.books[lang]

    def explain(self, con: duckdb.DuckDBPyConnection, id_: str, *, days: bool = False) -> Answer:
        """How a measurement, event or outage was judged.

        Args:
            con: A connection, of which the views of what was observed then show one file alone.
            id_: Its id, or the unique beginning of one.
            days: See `explain.explain`.

        Raises:
            WallwatchError: Nothing has that id, or several things begin with it.
        """
        known = explaining.find(con, id_)
        if known is not None and known[0] == "verdict":
            self.workspace.narrow(con, known[1])
        return explaining.explain(con, id_ if known is None else known[1], days=days)
