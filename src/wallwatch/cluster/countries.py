"""What is told of one country at a time, as grouped maps: a country's rows stream to a database on the executor's disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import duckdb
import pyarrow as pa

from wallwatch.detect import by_country
from wallwatch.schema import DOUBTS, EVENTS

Grouped = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]


def said(faulty: pa.Table) -> Grouped:
    """What each country says to all: `by_country.said` as a grouped map over its verdicts."""

    def tell(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        with _verdicts(batches) as con:
            for batch in by_country.said(con, faulty):
                yield batch.cast(by_country.SAID)

    return _typed(tell)


#: What a country tells of itself: its rows of `EVENTS` and of `DOUBTS`, each as a stream of Arrow's.
TOLD = pa.schema([("events", pa.binary()), ("doubts", pa.binary())])


def restrictions(known: Any) -> Grouped:
    """Each country's restrictions: `by_country.restrictions` as a grouped map over its verdicts; one row of `TOLD`.

    Args:
        known: What is faulty, failures of services, and hours in which they were fine, broadcast.
    """

    def tell(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        faulty, outages, fine = known.value
        with _verdicts(batches) as con:
            events, doubts = by_country.restrictions(con, faulty, outages, fine)
            streams = [_packed(EVENTS.from_rows(events)), _packed(DOUBTS.from_rows(doubts))]
            yield pa.RecordBatch.from_arrays([pa.array([one], pa.binary()) for one in streams], schema=TOLD)

    return _typed(tell)


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


def unpacked(streams: pa.ChunkedArray) -> list[dict[str, Any]]:
    """The rows in a column of `TOLD`."""
    return [row for one in streams.to_pylist() for row in pa.ipc.open_stream(one).read_all().to_pylist()]


def _typed(tell: Grouped) -> Grouped:
    """The map with the annotations by which Spark knows that it takes and gives iterators."""
    tell.__annotations__ = {
        "batches": Iterator[pa.RecordBatch],
        "return": Iterator[pa.RecordBatch],
    }
    return tell


@contextmanager
def _verdicts(batches: Iterator[pa.RecordBatch]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the table `verdicts`, no more of which is in memory than elsewhere."""
    pa.set_cpu_count(1)
    first = next(batches)
    given = pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "memory_limit": os.environ.get("WALLWATCH_MEMORY", "700MB"),
            "temp_directory": f"{folder}/spill",
            "preserve_insertion_order": "false",
            "threads": 1,
        }
        con = duckdb.connect(f"{folder}/country.duckdb", config=config)
        try:
            con.execute("SET TimeZone = 'UTC'")
            con.register("given", given)
            con.execute("CREATE TABLE verdicts AS SELECT * FROM given")
            con.unregister("given")
            yield con
        finally:
            con.close()
