"""What a column and a table are: name, type, unit, meaning and source in one place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: The types a column may have. Low-cardinality text is dictionary-encoded: it is what makes
#: the dimension columns (country, network name, nettest …) of a hundred million rows cheap.
TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "label": pa.dictionary(pa.int32(), pa.string()),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "list<string>": pa.list_(pa.string()),
    "list<int64>": pa.list_(pa.int64()),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what it is called, what it holds, in which unit, and who says so.

    Attributes:
        name: Unique within its table; a unit is part of the name where it could be mistaken.
        type: A key of `TYPES`.
        meaning: One sentence for a reader who knows the field but not this code.
        unit: The unit of a number, or a format of a text; empty where neither applies.
        source: Where the value comes from (an upstream field, a rule, a computation).
        required: Whether null is an error.
    """

    name: str
    type: str
    meaning: str
    unit: str = ""
    source: str = ""
    required: bool = False

    @property
    def arrow(self) -> pa.Field:
        """The column as an Arrow field."""
        return pa.field(self.name, TYPES[self.type], nullable=not self.required)


@dataclass(frozen=True, slots=True)
class Table:
    """A stage of the data's way: its columns, what one row is, and the order of its rows.

    Attributes:
        name: Also the folder of its Parquet files in a workspace.
        row: What one row is.
        columns: In the order in which they are written.
        key: The columns that identify a row; also the order in which rows are written.
        arrow: The table as an Arrow schema.
        names: The column names, in order.
    """

    name: str
    row: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    arrow: pa.Schema = field(init=False, repr=False, compare=False)
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "arrow", pa.schema([column.arrow for column in self.columns]))
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def __getitem__(self, name: str) -> Column:
        """The column of that name; raises `KeyError` where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def empty(self) -> pa.Table:
        """A table of no rows."""
        return self.arrow.empty_table()

    def from_columns(self, data: Mapping[str, Any], rows: int) -> pa.Table:
        """A table from some columns; the others are null.

        Args:
            data: Column name to a list or an Arrow array of `rows` values.
            rows: The number of rows.

        Raises:
            KeyError: A name that the table does not have.
            pyarrow.ArrowInvalid: A value that does not fit its column.
        """
        unknown = set(data) - set(self.names)
        if unknown:
            raise KeyError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
        arrays: list[pa.Array] = []
        for column in self.columns:
            values, wanted = data.get(column.name), TYPES[column.type]
            if values is None:
                arrays.append(pa.nulls(rows, wanted))
            elif isinstance(values, pa.Array | pa.ChunkedArray):
                arrays.append(values if values.type == wanted else values.cast(wanted))
            elif pa.types.is_dictionary(wanted):
                arrays.append(pa.array(values, pa.string()).dictionary_encode())
            else:
                arrays.append(pa.array(values, wanted))
        return pa.Table.from_arrays(arrays, schema=self.arrow)

    def from_rows(self, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
        """A table from dictionaries; missing names are null. For small tables.

        Raises:
            KeyError: A name that the table does not have.
        """
        listed = list(rows)
        unknown = {name for row in listed for name in row} - set(self.names)
        if unknown:
            raise KeyError(f"table {self.name} has no column {', '.join(sorted(unknown))}")
        data = {name: [row.get(name) for row in listed] for name in self.names}
        return self.from_columns(data, len(listed))


def columns(*groups: Sequence[Column]) -> tuple[Column, ...]:
    """The groups one after the other, as one tuple."""
    return tuple(column for group in groups for column in group)


def apart(batches: Iterable[pa.RecordBatch], column: str) -> Iterator[tuple[Any, pa.Table]]:
    """Rows that are in the order of a column, which is never null, apart by it: its value, and rows without it.

    Those of one value follow each other, in as many pieces as batches hold them.
    """
    for batch in batches:
        rows = pa.Table.from_batches([batch])
        of, start = rows[column].combine_chunks(), 0
        for run in pc.run_end_encode(of).run_ends.to_pylist():
            yield of[start].as_py(), rows.slice(start, run - start).drop_columns(column)
            start = run


def groups(pieces: Iterable[pa.Table], rows: int) -> Iterator[list[pa.Table]]:
    """Tables that follow each other, cut and put together so that each has so many rows, and a last one has what is left.

    Args:
        pieces: The tables.
        rows: Of each.
    """
    waiting: list[pa.Table] = []
    held = 0
    for piece in pieces:
        part = piece
        while held + part.num_rows >= rows:
            cut = rows - held
            yield [*waiting, part.slice(0, cut)]
            part, waiting, held = part.slice(cut), [], 0
        if part.num_rows:
            waiting.append(part)
            held += part.num_rows
    if waiting:
        yield waiting
