"""Work that the tasks of a cluster do with DuckDB, each with a database of its own and the files that it needs."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch._text import quoted
from wallwatch.archive.remote import at_hand
from wallwatch.engine import Parts, database, views
from wallwatch.judge import elsewhere, write_days
from wallwatch.judge.steps.units import Chunk
from wallwatch.schema import TABLES

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

#: Work is handed out in so many portions at most: a task for each item where there are fewer.
_PORTIONS = 10_000
#: Rows of a piece of a table that are read at once.
_ROWS = 65_536


def each(spark: Any, work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """What some work gives for each item, in their order; a task does it again when its executor is lost.

    Args:
        spark: The session.
        work: What is done; it and what it gives are handed from process to process.
        items: On what.

    Raises:
        WallwatchError: The work raised it, which is not tried again.
    """

    def one(item: _Item) -> tuple[_Result | None, str | None]:
        pa.set_cpu_count(1)
        try:
            return work(item), None
        except WallwatchError as error:
            return None, str(error)

    if not items:
        return []
    handed = spark.sparkContext.parallelize(items, min(len(items), _PORTIONS))
    found = handed.map(one).collect()
    for _, error in found:
        if error is not None:
            raise WallwatchError(error, status=1)
    return [result for result, _ in found]


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks find the files of a workspace.

    Attributes:
        root: Its folder, of which paths here are told.
        address: Where it lies in object storage; null where tasks reach the folder by its path.
    """

    root: Path
    address: str | None

    @contextmanager
    def brought(self, paths: Sequence[Path]) -> Iterator[Callable[[Path], Path]]:
        """Some files as long as the block lasts: a function of each path to where it is found."""
        with ExitStack() as stack:
            at = {
                path: stack.enter_context(
                    at_hand(f"{self.address.rstrip('/')}/{path.relative_to(self.root).as_posix()}")
                )
                if self.address
                else path
                for path in paths
            }
            yield at.__getitem__


@contextmanager
def empty_database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database for one task: on one thread, with no more of it in memory than elsewhere."""
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        con = database(Path(folder), threads=1)
        try:
            yield con
        finally:
            con.close()


def look(item: tuple[Chunk, Parts], *, place: Place, told: Path, into: Path, keep: Sequence[str]) -> Path:
    """Looks at a chunk; the folder with what it says."""
    chunk, parts = item
    found = Path(tempfile.mkdtemp(dir=into))
    with empty_database() as con, _at(place, parts) as rows:
        elsewhere.look_at(con, rows.source(con), chunk, told, found, keep)
    return found


def judge(
    item: tuple[Chunk, Parts],
    *,
    place: Place,
    told: Path,
    into: Path,
    day_of: Any,
    reference_set: str,
    write: Callable[[Path, Iterator[pa.Table]], int],
) -> tuple[Path, dict[str, int]]:
    """Judges a chunk; the folder with a file of verdicts for each of its days, and how many they are."""
    chunk, parts = item
    found = Path(tempfile.mkdtemp(dir=into))
    with empty_database() as con, _at(place, parts) as rows:
        verdicts = elsewhere.judge(con, rows.source(con), chunk, told, reference_set)
    return found, write_days([verdicts], day_of.value, found, write)


def join(
    item: tuple[str, Sequence[Path]], *, into: Path, write: Callable[[Path, Iterator[pa.Table]], int]
) -> tuple[Path, dict[str, int]]:
    """Puts a day together that was judged in several chunks; the folder with its file, and how many verdicts it has."""
    day, pieces = item
    found = Path(tempfile.mkdtemp(dir=into))

    def tables() -> Iterator[pa.Table]:
        for path in pieces:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS):
                    yield pa.Table.from_batches([batch])

    return found, {day: write(found / f"{day}.parquet", tables())}


def write(
    item: tuple[Any, Sequence[Path]],
    *,
    place: Place,
    into: Path,
    work: Callable[[duckdb.DuckDBPyConnection, Any, Sequence[Path], Path], Mapping[str, int]],
) -> tuple[Path, dict[str, int]]:
    """Makes files from files; the folder with them, and how many rows each has."""
    what, files = item
    found = Path(tempfile.mkdtemp(dir=into))
    with empty_database() as con, place.brought(files) as at:
        return found, dict(work(con, what, [at(path) for path in files], found))


def told(
    countries: Sequence[str],
    *,
    place: Place,
    files: Sequence[Path],
    work: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], _Result],
) -> _Result:
    """What some work tells of some countries, from files of verdicts."""
    with _verdicts(place, files) as con:
        return work(con, countries)


def query(
    countries: Sequence[str],
    *,
    place: Place,
    files: Sequence[Path],
    into: Path,
    prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], Iterator[str]],
) -> list[Path]:
    """Parquet files of the rows that queries give, once each was prepared for some countries."""
    folder, found = Path(tempfile.mkdtemp(dir=into)), list[Path]()
    with _verdicts(place, files) as con:
        for number, query in enumerate(prepare(con, countries)):
            found.append(folder / f"{number:06d}.parquet")
            con.execute(f"COPY ({query}) TO {quoted(str(found[-1]))} (FORMAT parquet)")
    return found


@contextmanager
def _at(place: Place, parts: Parts) -> Iterator[Parts]:
    paths = [path for spans in parts.spans.values() for path, _, _ in spans.values()]
    with place.brought([*paths, *([parts.repeated] if parts.repeated else [])]) as at:
        yield parts.moved(at)


@contextmanager
def _verdicts(place: Place, files: Sequence[Path]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that shows `verdicts`."""
    with empty_database() as con, place.brought(files) as at:
        con.execute(
            f"CREATE VIEW verdicts AS {views.select(TABLES['verdicts'], [at(path) for path in files])}"
        )
        yield con
