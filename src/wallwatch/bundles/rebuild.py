"""The whole way of the data again, from a bundle's raw lines alone, in a workspace that is thrown away."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from wallwatch import pipeline
from wallwatch._progress import Progress
from wallwatch.engine import Workspace

#: Folder of the reference data within a bundle's payload.
REFERENCES = "reference"
#: Later than anything measured: where no measurement says until when the data go.
_NO_TIME = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """A workspace made from a bundle's raw lines.

    Attributes:
        con: A connection with its views.
        set_aside: Lines that could not be read.
    """

    con: duckdb.DuckDBPyConnection
    set_aside: int


@contextmanager
def rebuilt(raw: Path, references: Path, as_of: datetime, progress: Progress) -> Iterator[Rebuilt]:
    """Takes raw lines in, judges and detects.

    Args:
        raw: Their folder.
        references: The reference data that the workspace had beside the packaged ones.
        as_of: Measurements that start later are from the future.
        progress: Hears how far it is.

    Raises:
        WallwatchError: They cannot be taken in.
    """
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        root = Path(folder) / "workspace"
        workspace = Workspace.create(root)
        kept = references / "workspace"
        if kept.is_dir():
            shutil.copytree(kept, workspace.layout.references)
        summary = pipeline.run([raw], root, as_of=as_of, workers=1, progress=progress)
        con = workspace.connect()
        try:
            yield Rebuilt(con, summary.taken_in.set_aside)
        finally:
            con.close()


def as_of(con: duckdb.DuckDBPyConnection) -> datetime:
    """The time after which measurements are from the future, as far as a workspace shows it: its last trusted one."""
    found: list[tuple[datetime | None]] = con.execute(
        "SELECT max(time) FROM measurements WHERE time_flag IS DISTINCT FROM 'future'"
    ).fetchall()
    return found[0][0] or _NO_TIME
