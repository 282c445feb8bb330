"""Writing the Parquet parts of one file: all of them or none, the row of `files` last (trap X6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._files import atomic_path
from wallwatch.archive.threads import Behind
from wallwatch.schema import FILES, TABLES
from wallwatch.schema.columns import TYPES
from wallwatch.schema.layout import PER_FILE, Layout
from wallwatch.sources.batch import Batch

#: Rows in a row group: fixed, so that a part's bytes depend on its rows alone and memory stays bounded.
ROW_GROUP = 65_536


#: Parts of fewer rows are packed with Snappy, which halves what writing them costs: seventy columns of a few hundred
#: bytes each, of which zstd would make hardly less.
_FEW = 4_096


#: Does something, at once or behind what goes on meanwhile.
Do = Callable[..., None]


def at_once(work: Callable[..., None], *arguments: object) -> None:
    """Does it now."""
    work(*arguments)


class PartWriter:
    """One table's part: rows come in any amounts and go out in row groups of `ROW_GROUP`.

    Args:
        name: The table.
        path: Where to.
        do: Writes each row group.
    """

    def __init__(self, name: str, path: Path, do: Do = at_once) -> None:
        self._table, self._path, self._do = TABLES[name], path, do
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.Table] = []
        self._held = 0
        self.rows = 0

    def add(self, rows: pa.Table) -> None:
        """Adds rows; whole row groups are written at once."""
        self.rows += rows.num_rows
        while self._held + rows.num_rows >= ROW_GROUP:
            cut = ROW_GROUP - self._held
            self._write([*self._waiting, rows.slice(0, cut)])
            rows, self._waiting, self._held = rows.slice(cut), [], 0
        if rows.num_rows:
            self._waiting.append(rows)
            self._held += rows.num_rows

    def flush(self) -> None:
        """Writes what is left."""
        if self._waiting:
            self._write(self._waiting)
            self._waiting = []

    def close(self) -> None:
        """Writes what is left, and the file's end."""
        self.flush()
        self.abandon()

    def abandon(self) -> None:
        """Closes the file without caring for its content."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, parts: Sequence[pa.Table]) -> None:
        whole = pa.concat_tables(parts)
        arrays = []
        for column in self._table.columns:
            values = whole.column(column.name)
            if pa.types.is_dictionary(TYPES[column.type]):
                # Encoded anew: the dictionary then is that of the row group, in the order of its rows,
                # however the rows were cut into batches. By code, which is faster than by text.
                one = values.unify_dictionaries().combine_chunks()
                codes = one.indices.dictionary_encode()
                values = pa.DictionaryArray.from_arrays(codes.indices, one.dictionary.take(codes.dictionary))
            arrays.append(values)
        if self._writer is None:
            packed: dict[str, Any] = {"compression": "snappy"}
            if whole.num_rows >= _FEW:
                packed = {"compression": "zstd", "compression_level": 1}
            self._writer = pq.ParquetWriter(self._path, self._table.arrow, **packed)
        self._do(self._writer.write_table, pa.Table.from_arrays(arrays, schema=self._table.arrow), ROW_GROUP)


class Parts:
    """The parts of one file while they are written.

    Attributes:
        writers: Table name to its writer; a table without rows has none.
    """

    def __init__(self, layout: Layout, file_id: str, stack: ExitStack, do: Do) -> None:
        self._layout, self._file_id, self._stack, self._do = layout, file_id, stack, do
        self.writers: dict[str, PartWriter] = {}

    def add(self, batch: Batch) -> None:
        """Adds a batch's rows."""
        for name, rows in batch.tables.items():
            if rows.num_rows == 0:
                continue
            if name not in self.writers:
                path = self._stack.enter_context(atomic_path(self._layout.part(name, self._file_id)))
                self.writers[name] = PartWriter(name, path, self._do)
            self.writers[name].add(rows)

    def rows(self, name: str) -> int:
        """How many rows a table got so far."""
        return self.writers[name].rows if name in self.writers else 0


@contextmanager
def parts_of(layout: Layout, file_id: str, behind: Behind | None = None) -> Iterator[Parts]:
    """Parts to fill; put in their places when the block ends well, and forgotten otherwise.

    What an earlier run left of this file without having finished is replaced.

    Args:
        layout: The workspace.
        file_id: The file.
        behind: Writes row groups while others are made; they are written at once where it is not given.
    """
    with ExitStack() as stack:
        parts = Parts(layout, file_id, stack, behind.do if behind else at_once)
        try:
            yield parts
            for writer in parts.writers.values():
                writer.flush()
            if behind:
                behind.wait()
            for writer in parts.writers.values():
                writer.close()
        except BaseException:
            if behind:
                behind.forget()
            for writer in parts.writers.values():
                writer.abandon()
            raise
        for name in PER_FILE[:-1]:
            if name not in parts.writers:
                layout.part(name, file_id).unlink(missing_ok=True)


def write_files_row(layout: Layout, rows: pa.Table) -> None:
    """Writes a file's rows of `files`, which says that it was taken in; sorted by its names."""
    file_id = rows["file_id"][0].as_py()
    ordered = rows.sort_by("path")
    with atomic_path(layout.part("files", file_id)) as path:
        writer = PartWriter("files", path)
        writer.add(FILES.from_columns({name: ordered[name] for name in FILES.names}, ordered.num_rows))
        writer.close()
