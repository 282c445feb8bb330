"""Parts of small files put together by day: one file of many rows is opened in the time of one of few.

What lies in which pack depends on the files that were taken in alone, not on when each of them came: a day of a country
in hourly files is packed again when an hour is added, and so has the same bytes as if it had come at once.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._files import atomic_path, write_atomic
from wallwatch.archive.parts import ROW_GROUP, PartWriter
from wallwatch.schema import TABLES
from wallwatch.schema.layout import PER_FILE, Layout

#: Rows that a small file has at most, of all tables.
SMALL = 4_096
#: A part of more bytes is not even looked into: the rows of a small file never take so many.
_LARGE = 4 << 20
#: So many small files of a day are packed, fewer stay as they are: opening a file costs more than writing its rows again.
LEAST = 2
#: So many small files that come at once are read into packs, and never have parts of their own.
MANY = 16
#: Of more of them, each hour has its own pack: what a new file causes to be written again stays bounded.
MOST = 1_024

_UNDATED = "undated"
#: Tables that say when a file is from, the first one first.
_TIMED = ("measurements", "signals")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def pack(layout: Layout) -> None:
    """Packs the parts of small files, by the day on which their first measurement or signal was made.

    Killed in its midst it leaves the workspace as it was, or as it should be: the list of packs is written last, and
    what it does not name is not read.

    Args:
        layout: The workspace, which this run holds for writing.

    Raises:
        OSError: Something cannot be read or written.
    """
    packs = layout.packs()
    hours = {id_: hour for ids in packs.values() for id_, hour in ids.items()}
    for id_ in layout.taken_in():
        if id_ not in hours:
            hours[id_] = _hour(layout, id_)
    _arrange(layout, _wanted({id_: hour for id_, hour in hours.items() if hour}))
    _tidy(layout)


def unpack(layout: Layout, ids: Iterable[str]) -> None:
    """Gives files their own parts again, so that these can be replaced."""
    away = set(ids)
    packs = layout.packs()
    left = {
        name: {id_: hour for id_, hour in held.items() if id_ not in away} for name, held in packs.items()
    }
    if left != packs:
        _arrange(layout, {_name(_key(name), held): held for name, held in left.items() if held})
        _tidy(layout)


def rows_of_files(layout: Layout, ids: Iterable[str]) -> dict[str, pa.Table]:
    """The rows of `files` of some files that were taken in, by their ids."""
    home = {id_: name for name, held in layout.packs().items() for id_ in held}
    sources: dict[str, set[str]] = {}
    for id_ in ids:
        sources.setdefault(home.get(id_, id_), set()).add(id_)
    found: dict[str, list[pa.Table]] = {}
    for source, wanted in sources.items():
        for id_, rows in _pieces("files", layout.table("files") / f"{source}.parquet", wanted):
            found.setdefault(id_, []).append(rows)
    return {id_: pa.concat_tables(rows) for id_, rows in found.items()}


def days(layout: Layout, ids: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Files with measurements to the day of the first one, and the name of the part or pack that their rows are in."""
    home = {id_: name for name, held in layout.packs().items() for id_ in held}
    return {
        id_: (_key(home[id_])[:10], home[id_]) if id_ in home else (_day(layout, id_), id_) for id_ in ids
    }


def _day(layout: Layout, file_id: str) -> str:
    time = _first_time(pq.read_metadata(layout.part("measurements", file_id)))
    return _hour_of(time)[:10] if time else _UNDATED


def _first_time(part: pq.FileMetaData) -> datetime | None:
    """The earliest time in the first row group; taken as the number it is, since to make a time of it Arrow loads pandas."""
    found = part.row_group(0).column(part.schema.names.index("time")).statistics
    return _EPOCH + timedelta(microseconds=found.min_raw) if found is not None and found.has_min_max else None


class Filling:
    """A pack that small files are read into, one after the other, by rising id.

    Attributes:
        name: Of the pack, which the list does not name yet.
        counts: How many rows each file has, by table.
    """

    def __init__(self, layout: Layout, ids: Sequence[str], stack: ExitStack) -> None:
        self.name = _name("incoming", ids)
        self.counts: dict[str, Counter[str]] = {id_: Counter() for id_ in ids}
        self._layout, self._stack = layout, stack
        self._writers: dict[str, PartWriter] = {}
        self._first: dict[str, dict[str, datetime]] = {table: {} for table in _TIMED}

    def add(self, table: str, rows: pa.Table) -> None:
        """Rows of one file or of several that follow each other."""
        if not rows.num_rows:
            return
        if table not in self._writers:
            path = self._stack.enter_context(atomic_path(self._layout.table(table) / f"{self.name}.parquet"))
            self._writers[table] = PartWriter(table, path)
        self._writers[table].add(rows)
        by_file = pa.table({"file_id": rows["file_id"].cast(pa.string())})
        if table in _TIMED:
            by_file = by_file.append_column("time", rows["time"])
        wanted = [([], "count_all"), *([("time", "min")] if table in _TIMED else [])]
        for row in by_file.group_by("file_id").aggregate(wanted).to_pylist():
            self.counts[row["file_id"]][table] += row["count_all"]
            if (time := row.get("time_min")) is not None:
                first = self._first[table]
                first[row["file_id"]] = min(time, first.get(row["file_id"], time))

    def hours(self) -> dict[str, str]:
        """The hour of each file, see `Layout.packs`; empty where it has too many rows for a pack."""
        found = {}
        for id_, counts in self.counts.items():
            times = [first[id_] for first in self._first.values() if id_ in first]
            small = counts.total() - counts["files"] <= SMALL
            found[id_] = "" if not small else _hour_of(times[0]) if times else _UNDATED
        return found

    def close(self) -> None:
        """No more files."""
        for writer in self._writers.values():
            writer.close()


@contextmanager
def filling(layout: Layout, ids: Sequence[str]) -> Iterator[Filling]:
    """A pack to fill; its files are in their places when the block ends well, and forgotten otherwise."""
    with ExitStack() as stack:
        found = Filling(layout, ids, stack)
        yield found
        found.close()


def enlist(layout: Layout, name: str, hours: dict[str, str]) -> None:
    """Puts a pack that was filled on the list: from now on its files are taken in."""
    _list(layout, {**layout.packs(), name: hours})


def _hour(layout: Layout, file_id: str) -> str:
    """The hour of a small file's first measurement or signal; empty for a file that is not small."""
    rows, times = 0, []
    for table in (*_TIMED, *(name for name in PER_FILE if name not in (*_TIMED, "files"))):
        part = layout.part(table, file_id)
        if not part.exists():
            continue
        if part.stat().st_size > _LARGE:
            return ""
        found = pq.read_metadata(part)
        rows += found.num_rows
        if rows > SMALL:
            return ""
        if table in _TIMED and (time := _first_time(found)):
            times.append(time)
    return _hour_of(times[0]) if times else _UNDATED


def _hour_of(time: datetime) -> str:
    return _in_utc(time).strftime("%Y-%m-%dT%H")


def _in_utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _wanted(hours: dict[str, str]) -> dict[str, dict[str, str]]:
    """Name of each pack to its files, and the hour of each."""
    days: dict[str, dict[str, str]] = {}
    for id_, hour in sorted(hours.items()):
        days.setdefault(hour[:10], {})[id_] = hour
    found = {}
    for day, held in days.items():
        groups = {day: held}
        if len(held) > MOST:
            groups = {hour: {} for hour in held.values()}
            for id_, hour in held.items():
                groups[hour][id_] = hour
        found.update({_name(key, ids): ids for key, ids in groups.items() if len(ids) >= LEAST})
    return found


def _name(key: str, ids: Iterable[str]) -> str:
    return f"pack-{key}-{hashlib.sha256(' '.join(sorted(ids)).encode()).hexdigest()[:16]}"


def _key(name: str) -> str:
    return name.removeprefix("pack-").rpartition("-")[0]


def _arrange(layout: Layout, wanted: dict[str, dict[str, str]]) -> None:
    """Writes the packs that are not there, and parts of what is in none any more; then the list of them."""
    packs = layout.packs()
    if wanted == packs:
        return
    home = {id_: name for name, held in packs.items() for id_ in held}
    for name, ids in wanted.items():
        if name not in packs:
            _write(layout, name, sorted(ids), home)
    for id_ in sorted(home.keys() - {id_ for ids in wanted.values() for id_ in ids}):
        _write(layout, id_, [id_], home)
    _list(layout, wanted)


def _list(layout: Layout, packs: dict[str, dict[str, str]]) -> None:
    if packs:
        write_atomic(layout.packed, json.dumps(packs, indent=0, sort_keys=True) + "\n")
    else:
        layout.packed.unlink(missing_ok=True)


def _write(layout: Layout, name: str, ids: Sequence[str], home: dict[str, str]) -> None:
    """Writes one Parquet file for each table that any of the files has rows of, in the order of their ids."""
    for table in PER_FILE:
        with ExitStack() as stack:
            writer: PartWriter | None = None
            for rows in _rows(layout, table, ids, home):
                if writer is None:
                    path = stack.enter_context(atomic_path(layout.table(table) / f"{name}.parquet"))
                    writer = PartWriter(table, path)
                writer.add(rows)
            if writer is not None:
                writer.close()


def _rows(layout: Layout, table: str, ids: Sequence[str], home: dict[str, str]) -> Iterator[pa.Table]:
    """The rows of files, in the order of their ids, from their own parts or the packs that they are in."""
    runs: dict[str, Iterator[tuple[str, Iterator[tuple[str, pa.Table]]]]] = {}
    heads: dict[str, tuple[str, Iterator[tuple[str, pa.Table]]] | None] = {}
    for id_ in ids:
        name = home.get(id_)
        if name is None:
            if (part := layout.part(table, id_)).exists():
                with pq.ParquetFile(part) as file:
                    yield _whole(table, file.read(use_threads=False))
            continue
        if name not in runs:
            within = {other for other in ids if home.get(other) == name}
            runs[name] = groupby(
                _pieces(table, layout.table(table) / f"{name}.parquet", within), itemgetter(0)
            )
            heads[name] = next(runs[name], None)
        if (head := heads[name]) is not None and head[0] == id_:
            yield from (rows for _, rows in head[1])
            heads[name] = next(runs[name], None)


def _pieces(table: str, path: Path, wanted: set[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of some files in a pack, file by file in the order of their ids; never all of them at once."""
    if not path.exists():
        return
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROW_GROUP):
            rows = _whole(table, pa.Table.from_batches([batch]))
            ids = rows["file_id"].combine_chunks()
            if not isinstance(ids, pa.DictionaryArray):
                ids = ids.dictionary_encode()
            codes, names = ids.indices.to_numpy(), ids.dictionary.to_pylist()
            starts = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
            for start, end in pairwise(starts):
                if (id_ := names[codes[start]]) in wanted:
                    yield id_, rows.slice(start, end - start)


def _whole(table: str, rows: pa.Table) -> pa.Table:
    """The rows with all columns of their table: one that was written by an earlier version may lack some."""
    known = TABLES[table]
    if rows.schema.equals(known.arrow):
        return rows
    return known.from_columns(
        {name: rows[name] for name in rows.column_names if name in known.names}, len(rows)
    )


def _tidy(layout: Layout) -> None:
    """Removes parts that a pack holds, and packs that are not listed: what an earlier moment, or a kill, left."""
    packs = layout.packs()
    inside = {id_ for held in packs.values() for id_ in held}
    for table in PER_FILE:
        for path in layout.table(table).glob("[!.]*.parquet"):
            if path.stem in inside or (path.stem.startswith("pack-") and path.stem not in packs):
                path.unlink()
