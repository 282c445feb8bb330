"""What the server reads: the workspace as it is now, a connection for each request, the pages made from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from wallwatch import report
from wallwatch.engine import Workspace
from wallwatch.schema.layout import DERIVED

#: A query that takes longer is ended.
SECONDS: Final = 30.0


class BusyError(Exception):
    """A query took too long, or the workspace changed under it."""


@dataclass(slots=True)
class _Opened:
    state: str
    con: duckdb.DuckDBPyConnection


class Live:
    """One workspace that is served while others may write to it.

    Raises:
        WallwatchError: The folder is no workspace.
    """

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace.open(root)
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._making = threading.Lock()
        self._made_by: duckdb.DuckDBPyConnection | None = None
        self._stopped = False
        self._pages: dict[tuple[str, str], Path] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="wallwatch-serve-"))

    def stop(self) -> None:
        """Ends the making of pages; whoever waits for them is told that the server is busy."""
        self._stopped = True
        if self._made_by is not None:
            self._made_by.interrupt()

    def close(self) -> None:
        """Ends every query and removes the pages."""
        with self._lock:
            if self._opened is not None:
                self._opened.con.interrupt()
                self._opened.con.close()
                self._opened = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def state(self) -> str:
        """A digest that changes when, and only when, what the workspace holds has changed."""
        layout = self.workspace.layout
        found = hashlib.sha256()
        for name in DERIVED:
            try:
                found.update((layout.table(name) / "stage.json").read_bytes())
            except OSError:
                found.update(b"-")
        for name in ("files", "revisions", "statements", "publications"):
            folder = layout.table(name)
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    listed = sorted(entry.name for entry in entries if not entry.name.startswith("."))
                found.update("\n".join(listed).encode())
        return found.hexdigest()[:16]

    @contextmanager
    def connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of one's own, whose queries are ended after `SECONDS`.

        Raises:
            BusyError: They were, or the tables were replaced while they were read.
        """
        state = self.state()
        with self._lock:
            if self._opened is None or self._opened.state != state:
                # Cursors of requests under way keep the old one alive until they end.
                self._opened = _Opened(state, self.workspace.connect())
            cursor = self._opened.con.cursor()
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

    def pages(self, lang: str) -> Path:
        """The folder of the report in that language, made when it is first asked for, and anew when data change.

        Raises:
            WallwatchError: There is no such language.
            BusyError: The workspace changed while it was read.
        """
        key = (self.state(), lang)
        with self._making:
            if key not in self._pages:
                folder = self._folder / f"{lang}-{key[0]}"
                self._made_by = con = self.workspace.connect()
                try:
                    if self._stopped:
                        raise BusyError("stopped")
                    report.write(con, folder, lang=lang)
                except (duckdb.IOException, duckdb.InterruptException) as error:
                    raise BusyError(str(error)) from error
                finally:
                    self._made_by = None
                    con.close()
                for old in [old for old in self._pages if old[1] == lang]:
                    shutil.rmtree(self._pages.pop(old), ignore_errors=True)
                self._pages[key] = folder
            return self._pages[key]
