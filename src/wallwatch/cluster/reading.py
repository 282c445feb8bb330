"""Files taken in by the tasks of a cluster, each wholly by one, through `mapInArrow`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from wallwatch._errors import WallwatchError
from wallwatch.archive import Done, Task, hash_of, take_file
from wallwatch.archive.remote import at_hand, put_at

_HASHES = "number BIGINT, hash STRING, error STRING"
_DONE = "measurements BIGINT, signals BIGINT, set_aside BIGINT, reasons STRING, error STRING"


def as_rows(tasks: Sequence[Task]) -> pa.Table:
    """Tasks as a table, a row each."""
    return pa.table(
        {
            "root": [task.root for task in tasks],
            "path": [task.path for task in tasks],
            "sha256": [task.sha256 for task in tasks],
            "names": pa.array([list(task.names) for task in tasks], pa.list_(pa.string())),
            "size": pa.array([task.size for task in tasks], pa.int64()),
            "as_of": [task.as_of.isoformat() for task in tasks],
        }
    )


def hashes(files: Any) -> list[str]:
    """The hashes of files, in the order of their numbers.

    Args:
        files: A frame with the columns `number` and `place`.

    Raises:
        WallwatchError: A file cannot be read.
    """

    def work(row: dict[str, Any]) -> dict[str, Any]:
        with at_hand(row["place"]) as path:
            return {"number": row["number"], "hash": hash_of(path)}

    found = _done(files.mapInArrow(_each(work, ("number", "hash", "error")), _HASHES))
    return [row["hash"] for row in sorted(found, key=lambda row: int(row["number"]))]


def take(tasks: Any, fingerprints: Any) -> Iterator[Done]:
    """What each task did.

    Args:
        tasks: A frame of `as_rows`.
        fingerprints: What finds block pages, broadcast.

    Raises:
        WallwatchError: A file changed meanwhile, or something cannot be read or written.
    """

    def work(row: dict[str, Any]) -> dict[str, Any]:
        fields = {**row, "names": tuple(row["names"]), "as_of": datetime.fromisoformat(row["as_of"])}
        with at_hand(row["path"]) as path, put_at(row["root"]) as root:
            done = take_file(Task(**fields | {"path": str(path), "root": str(root)}), fingerprints.value)
        return {
            "measurements": done.measurements,
            "signals": done.signals,
            "set_aside": done.set_aside,
            "reasons": json.dumps(done.reasons),
        }

    names = ("measurements", "signals", "set_aside", "reasons", "error")
    for row in _done(tasks.mapInArrow(_each(work, names), _DONE)):
        yield Done(row["measurements"], row["signals"], row["set_aside"], json.loads(row["reasons"]))


def _each(
    work: Callable[[dict[str, Any]], dict[str, Any]], names: Sequence[str]
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Work on rows one by one; what a person can mend is handed back as text, so that Spark does not try again."""

    def every(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        pa.set_cpu_count(1)
        for batch in batches:
            for row in batch.to_pylist():
                try:
                    found = work(row)
                except WallwatchError as error:
                    found = {"error": str(error)}
                text = ("hash", "reasons", "error")
                yield pa.RecordBatch.from_pydict(
                    {
                        name: pa.array([found.get(name)], pa.string() if name in text else pa.int64())
                        for name in names
                    }
                )

    return every


def _done(frame: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = frame.toArrow().to_pylist()
    for row in rows:
        if row["error"] is not None:
            raise WallwatchError(row["error"], status=1)
    return rows
