"""What of judging and detection is handed to the tasks of a cluster, and put together here."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from wallwatch._text import quoted
from wallwatch.cluster import tasks
from wallwatch.engine import Parts
from wallwatch.judge import elsewhere
from wallwatch.judge.steps.units import Chunk

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Work:
    """Tasks that work on one workspace.

    Attributes:
        spark: The session.
        place: Where they find its files.
        scratch: A folder that driver and executors reach, for what is made on the way.
    """

    spark: Any
    place: tasks.Place
    scratch: Path

    def each(self, work: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
        """What the work gives for each item; see `tasks.each`."""
        return tasks.each(self.spark, work, items)

    def folder(self) -> Path:
        """A new name in the scratch."""
        return self.scratch / uuid.uuid4().hex

    def new_folder(self) -> Path:
        """A new, empty folder in the scratch."""
        folder = self.folder()
        folder.mkdir()
        return folder

    def moved(
        self, work: Callable[..., tuple[Path, dict[str, int]]], items: Sequence[Any], folder: Path
    ) -> dict[str, int]:
        """Does work that writes Parquet files `into` a folder, and moves them; name of each to its number of rows."""
        into = self.new_folder()
        rows: dict[str, int] = {}
        for made_in, made in self.each(partial(work, into=into), items):
            for name in made:
                shutil.move(made_in / f"{name}.parquet", folder / f"{name}.parquet")
            rows |= made
        shutil.rmtree(into)
        return rows


@dataclass(frozen=True, slots=True)
class Judges:
    """Tasks that look at chunks and judge them (`judge.Elsewhere`).

    Attributes:
        work: The tasks.
        rows: Where the rows lie.
        reference_set: Version of the reference data.
    """

    work: Work
    rows: Parts
    reference_set: str

    def look(self, con: duckdb.DuckDBPyConnection, chunks: Sequence[Chunk], keep: Sequence[str]) -> None:
        """Fills the connection's tables with what chunks say, each looked at by one task."""
        told, into = self.work.folder(), self.work.new_folder()
        elsewhere.tell(con, told, concluded=False)
        look = partial(tasks.look, place=self.work.place, told=told, into=into, keep=tuple(keep))
        elsewhere.hear(con, self.work.each(look, self._items(chunks)), keep)
        shutil.rmtree(told)
        shutil.rmtree(into)

    def judge(
        self,
        con: duckdb.DuckDBPyConnection,
        chunks: Sequence[Chunk],
        day_of: Mapping[str, str],
        folder: Path,
        write: Callable[[Path, Iterator[pa.Table]], int],
    ) -> dict[str, int]:
        """Writes the verdicts of chunks to a Parquet file for each day, each chunk judged by one task.

        A day that was judged in several chunks is put together by one more.
        """
        told, into = self.work.folder(), self.work.new_folder()
        elsewhere.tell(con, told, concluded=True)
        days = self.work.spark.sparkContext.broadcast(dict(day_of))
        judge = partial(
            tasks.judge,
            place=self.work.place,
            told=told,
            into=into,
            day_of=days,
            reference_set=self.reference_set,
            write=write,
        )
        pieces: dict[str, list[Path]] = {}
        rows: dict[str, int] = {}
        for made_in, made in self.work.each(judge, self._items(chunks)):
            for day in made:
                pieces.setdefault(day, []).append(made_in / f"{day}.parquet")
            rows |= made
        days.destroy()
        for day, paths in pieces.items():
            if len(paths) == 1:
                shutil.move(paths[0], folder / f"{day}.parquet")
        cut = [(day, paths) for day, paths in pieces.items() if len(paths) > 1]
        rows |= self.work.moved(partial(tasks.join, write=write), cut, folder)
        shutil.rmtree(told)
        shutil.rmtree(into)
        return rows

    def _items(self, chunks: Sequence[Chunk]) -> list[tuple[Chunk, Parts]]:
        return [(chunk, self.rows.of(chunk.parts, chunk.first_file, chunk.last_file)) for chunk in chunks]


@dataclass(frozen=True, slots=True)
class Countries:
    """Tasks that look at shares of the countries (`detect.Hands`).

    Attributes:
        work: The tasks.
        files: The Parquet files of verdicts.
    """

    work: Work
    files: Sequence[Path]

    def each(
        self,
        work: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], _Result],
        shares: Sequence[Sequence[str]],
    ) -> Iterable[_Result]:
        """What some work gives for each share, in their order."""
        return self.work.each(
            partial(tasks.told, place=self.work.place, files=self.files, work=work), list(shares)
        )

    def queries(
        self,
        prepare: Callable[[duckdb.DuckDBPyConnection, Sequence[str]], Iterator[str]],
        shares: Sequence[Sequence[str]],
    ) -> Iterator[str]:
        """Queries of what is prepared for each share."""
        into = self.work.new_folder()
        query = partial(tasks.query, place=self.work.place, files=self.files, into=into, prepare=prepare)
        for path in chain.from_iterable(self.work.each(query, list(shares))):
            yield f"SELECT * FROM read_parquet({quoted(str(path))})"
