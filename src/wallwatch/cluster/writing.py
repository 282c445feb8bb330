"""A derived table written by the tasks of a cluster: a Parquet file each, its rows in the order of the key."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch.engine.workspace import ROW_GROUP, row_groups
from wallwatch.schema import Table

_WRITTEN = "number INT, name STRING, rows BIGINT"


def write(frame: Any, table: Table, staging: Path, folder: Path) -> int:
    """Writes a frame's rows to files of a folder.

    A task that is run twice writes two files, one of which is kept.

    Args:
        frame: Has the table's columns.
        table: The table.
        staging: An empty folder that all executors reach.
        folder: Where the files come to lie, named `00000.parquet` and so on.

    Returns:
        The number of rows.
    """
    from pyspark.sql import functions as F  # noqa: N812

    order = [F.col(name).asc_nulls_first() for name in table.key]
    sorted_rows = frame.select(*table.names).repartition(table.key[0]).sortWithinPartitions(*order)
    written = sorted_rows.mapInArrow(_into(table, staging), _WRITTEN).collect()
    for number, row in enumerate(sorted(written, key=lambda row: int(row["number"]))):
        shutil.move(staging / row["name"], folder / f"{number:05d}.parquet")
    return sum(int(row["rows"]) for row in written)


def _into(table: Table, staging: Path) -> Any:
    def put(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from pyspark import TaskContext

        pa.set_cpu_count(1)
        task = TaskContext.get()
        number = task.partitionId() if task else 0
        rows = 0
        handle, path = tempfile.mkstemp(suffix=".parquet", dir=staging)
        with (
            os.fdopen(handle, "wb") as file,
            pq.ParquetWriter(file, table.arrow, compression="zstd") as writer,
        ):
            pieces = (pa.Table.from_batches([batch]) for batch in batches)
            for group in row_groups(table, pieces):
                writer.write_table(group, row_group_size=ROW_GROUP)
                rows += group.num_rows
        Path(path).chmod(0o644)
        if rows:
            yield pa.RecordBatch.from_pydict(
                {
                    "number": pa.array([number], pa.int32()),
                    "name": [Path(path).name],
                    "rows": pa.array([rows], pa.int64()),
                }
            )

    return put
