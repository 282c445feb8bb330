"""A workspace: a folder with the raw files, and a table for each stage of the data's way."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_folder, link, sha256_of, sweep, write_atomic
from wallwatch._shares import in_shares
from wallwatch._text import quoted
from wallwatch.engine import views
from wallwatch.schema import TABLES, Table
from wallwatch.schema.columns import TYPES, apart, groups
from wallwatch.schema.layout import DERIVED, PER_FILE, Layout
from wallwatch.schema.measurements import UNREPORTED

#: The layout of a workspace; raised when an older Wallwatch could not read it any more.
FORMAT = 2
#: Formats that can be read; writing makes them the present one.
_KNOWN = (1, FORMAT)

#: Rows in a row group: fixed, so that a table's bytes depend on its rows alone.
ROW_GROUP = 131_072
#: Beside keys, the columns whose least and greatest values are noted, so that readers can pass row groups over.
_ASKED_FOR = ("time", "file_id", "target", "country")

#: Verdicts of which it is summed up at once what was judged of each measurement: some hundreds of megabytes.
_JUDGED_AT_ONCE = 1_000_000

#: Rows in a row group of a summary: few, so that statistics tell which of them a look-up needs.
SMALL_GROUP = 16_384

_STAGE = "stage.json"
#: What each part of a table was made from.
_PARTS = "parts.json"

#: An id that the collector gave: the time of receipt with microseconds comes first.
_UID = r"^\d{14}\.\d{6}_"


class Workspace:
    """One workspace on disk.

    Raises:
        WallwatchError: The folder is not a workspace, or one of a newer format.
    """

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """The workspace in that folder, made where there is none.

        Raises:
            WallwatchError: The folder holds other things, or cannot be written.
        """
        workspace = cls(root)
        if workspace.layout.marker.exists():
            return cls.open(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            if any(not entry.name.startswith(".") for entry in root.iterdir()):
                raise WallwatchError(
                    f"{root} is not empty and not a Wallwatch workspace; name a new or an empty folder"
                )
            write_atomic(workspace.layout.marker, json.dumps({"format": FORMAT}) + "\n")
        except OSError as error:
            raise WallwatchError(f"cannot make a workspace in {root}: {error.strerror}") from error
        return workspace

    @classmethod
    def open(cls, root: Path) -> Workspace:
        """The workspace in that folder.

        Raises:
            WallwatchError: There is none, or it is of a newer format.
        """
        workspace = cls(root)
        try:
            found = json.loads(workspace.layout.marker.read_bytes())["format"]
        except FileNotFoundError:
            raise WallwatchError(
                f"{root} is not a Wallwatch workspace; make one with: wallwatch run INPUT --workspace {root}"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WallwatchError(f"{workspace.layout.marker} cannot be read: {error}") from error
        if found not in _KNOWN:
            raise WallwatchError(f"{root} has the workspace format {found}; this Wallwatch reads {FORMAT}")
        return workspace

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the workspace for writing, and sweeps away what a killed run left.

        Raises:
            WallwatchError: Another run holds it.
        """
        with (self.layout.root / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise WallwatchError(
                    f"another run is writing to {self.layout.root}; wait until it has ended", status=1
                ) from None
            for folder in (
                self.layout.root,
                self.layout.root / ".spill",
                *self.layout.root.glob("tables"),
                *self.layout.root.glob("tables/*"),
                *self.layout.root.glob("history/*"),
            ):
                sweep(folder)
            marked = json.dumps({"format": FORMAT}) + "\n"
            if self.layout.marker.read_text() != marked:
                write_atomic(self.layout.marker, marked)
            yield

    def connect(self, *, threads: int | None = None, memory: str | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with a view for each table of the schema.

        Args:
            threads: Worker threads; the machine's cores where not given.
            memory: DuckDB's memory limit (`600MB`), above which it spills to the workspace's disk; the
                environment variable `WALLWATCH_MEMORY` where not given.
        """
        con = self._connect(threads, memory)
        self.refresh(con)
        return con

    def _connect(self, threads: int | None = None, memory: str | None = None) -> duckdb.DuckDBPyConnection:
        return database(self.layout.root / ".spill", threads=threads, memory=memory)

    def refresh(self, con: duckdb.DuckDBPyConnection, *names: str) -> None:
        """Makes the views of some tables, or of all, show what the workspace holds now."""
        views.create(
            con, {name: self.layout.parts(name) for name in names or TABLES}, self._repeated(), self._kept()
        )

    def narrow(self, con: duckdb.DuckDBPyConnection, measurement_id: str) -> None:
        """Makes this connection's `measurements`, `observations` and `controls` those of one measurement's file alone."""
        found = con.execute(
            "SELECT file_id FROM verdicts WHERE measurement_id = ? LIMIT 1", [measurement_id]
        ).fetchall()
        if not found:
            return
        rows = self.source(con)
        for name in ("measurements", "observations", "controls"):
            con.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {rows(name, (), found[0][0], found[0][0])}")

    def _repeated(self) -> Path | None:
        path = self.layout.table("repeated") / "0.parquet"
        return path if path.exists() else None

    def rows(self) -> Parts:
        """Where the rows of measurements lie."""
        return Parts(
            {
                name: {span[0].stem: span for span in self.layout.spans(name)}
                for name in ("measurements", "observations", "controls")
            },
            self._repeated(),
        )

    def source(
        self, con: duckdb.DuckDBPyConnection
    ) -> Callable[[str, Sequence[str], str | None, str | None], str]:
        """Gives queries of the rows of some files; see `Parts.source`."""
        return self.rows().source(con)

    def replace(
        self, name: str, rows: duckdb.DuckDBPyRelation | pa.Table | Iterable[pa.Table], stage: str
    ) -> int:
        """Writes a derived table as a whole, its rows in the order of its key.

        Args:
            name: A table of `DERIVED`.
            rows: Its rows, in any order, with the table's columns; or its pieces, each of which is in order by
                itself: for tables that are larger than memory.
            stage: What the rows were made from, as a digest; see `stage`.

        Returns:
            The number of rows.
        """
        return self.replace_by(
            name, lambda folder: write_rows(folder / "0.parquet", TABLES[name], rows), stage
        )

    def replace_by(self, name: str, write: Callable[[Path], int], stage: str) -> int:
        """Replaces a derived table by what a function writes: any number of Parquet files, named in their order.

        Args:
            name: A table of `DERIVED`.
            write: Fills a folder, and says how many rows it wrote.
            stage: What the rows were made from; see `stage`.

        Returns:
            The number of rows.
        """
        if name not in DERIVED:
            raise ValueError(f"{name} is not a derived table")
        with atomic_folder(self.layout.table(name)) as folder:
            count = write(folder)
            write_atomic(folder / _STAGE, json.dumps({"made_from": stage, "rows": count}) + "\n")
        return count

    def replace_parts(
        self,
        name: str,
        keys: Mapping[str, str],
        make: Callable[[list[str], Path], Mapping[str, int]],
        stage: str,
    ) -> int:
        """Replaces a derived table that has a file for each of some parts; parts that are made from the same stay.

        Args:
            name: A table of `DERIVED`.
            keys: Name of each part, which is fit for that of a file, to what it is made from, as a digest.
            make: Writes some parts to a folder, and says how many rows each has that has any; see `write_parts`.
            stage: What the rows are made from; see `stage`.

        Returns:
            The number of rows.
        """
        before = self.layout.table(name)
        try:
            old = json.loads((before / _PARTS).read_bytes())
        except (OSError, ValueError):
            old = {}

        def write(folder: Path) -> int:
            found: dict[str, dict[str, Any]] = {}
            for part in sorted(keys):
                if old.get(part, {}).get("key") == keys[part] and (
                    link(before / f"{part}.parquet", folder / f"{part}.parquet") or not old[part]["rows"]
                ):
                    found[part] = old[part]
            anew = sorted(keys.keys() - found.keys())
            made = make(anew, folder) if anew else {}
            found |= {part: {"key": keys[part], "rows": made.get(part, 0)} for part in anew}
            (folder / _PARTS).write_text(json.dumps(found, sort_keys=True, separators=(",", ":")) + "\n")
            return sum(int(part["rows"]) for part in found.values())

        return self.replace_by(name, write, stage)

    def state(self) -> str:
        """A digest that changes when, and only when, what the workspace holds has changed."""
        found = hashlib.sha256()
        for name in DERIVED:
            try:
                found.update((self.layout.table(name) / _STAGE).read_bytes())
            except OSError:
                found.update(b"-")
        for name in ("files", "revisions", "statements", "publications"):
            folder = self.layout.table(name)
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    listed = sorted(entry.name for entry in entries if not entry.name.startswith("."))
                found.update("\n".join(listed).encode())
        return found.hexdigest()[:16]

    def keep(
        self,
        con: duckdb.DuckDBPyConnection,
        queries: Mapping[str, str],
        digests: Mapping[str, str],
        rows_at_once: int = _JUDGED_AT_ONCE,
    ) -> None:
        """Stores summaries for as long as no table changes: what queries give, and what was judged of each measurement.

        The latter is stored by the months of the files of verdicts, a large one in several pieces: what these files say
        decides whether one is written again.

        Args:
            con: A connection with the workspace's views.
            queries: Name to query, whose rows are shown as a view of that name, in their order.
            digests: Name of a file of verdicts to what it holds, where that is known already.
            rows_at_once: Verdicts of a piece, unless a single file has more.
        """

        def write(query: str, path: Path) -> None:
            con.execute(
                f"COPY ({query}) TO {quoted(str(path))} "
                f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {SMALL_GROUP}, PRESERVE_ORDER true)"
            )

        months: dict[str, list[Path]] = {"none": []}
        for part in self.layout.parts("verdicts"):
            months.setdefault(part.stem[:7], []).append(part)
        pieces: dict[str, list[Path]] = {}
        for month, parts in months.items():
            shares = in_shares(((part, pq.read_metadata(part).num_rows) for part in parts), rows_at_once)
            pieces |= {f"{month}.{n}" if n else month: share for n, share in enumerate(shares or [[]])}
        before = self.layout.summaries / views.KEPT_JUDGED
        try:
            old = json.loads((before / _PARTS).read_bytes())
        except (OSError, ValueError):
            old = {}
        with atomic_folder(self.layout.summaries) as folder:
            for name, query in queries.items():
                write(query, folder / f"{name}.parquet")
            judged = folder / views.KEPT_JUDGED
            judged.mkdir()
            keys: dict[str, str] = {}
            # What the files are called whose verdicts each part has, which `judged` tells: asked of all at once.
            every = [str(part) for parts in months.values() for part in parts]
            named = dict(
                con.sql(
                    "SELECT part, sum(hash(file_id, path)) FROM (SELECT file_id, min(path) AS path FROM files GROUP BY file_id) "
                    "JOIN (SELECT DISTINCT parse_filename(filename, true) AS part, file_id "
                    f"FROM read_parquet([{', '.join(map(quoted, every))}], filename = true)) USING (file_id) GROUP BY part"
                ).fetchall()
                if every
                else ()
            )
            for piece, parts in pieces.items():
                found = [
                    f"{digests.get(part.stem) or sha256_of(part)} {named.get(part.stem)}" for part in parts
                ]
                keys[piece] = hashlib.sha256("\n".join(found).encode()).hexdigest()[:16]
                name = f"{piece}.parquet"
                if old.get(piece) != keys[piece] or not link(before / name, judged / name):
                    verdicts = f"({views.select(TABLES['verdicts'], parts)})"
                    write(
                        f"{views.judged(verdicts)} ORDER BY time NULLS FIRST, measurement_id", judged / name
                    )
            (judged / _PARTS).write_text(json.dumps(keys, sort_keys=True) + "\n")
            write_atomic(folder / _STAGE, json.dumps({"made_from": self.state()}) + "\n")
        views.create(con, {}, None, self._kept())

    def _kept(self) -> dict[str, Path]:
        folder = self.layout.summaries
        try:
            if json.loads((folder / _STAGE).read_bytes())["made_from"] != self.state():
                return {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}
        kept = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
        if (folder / views.KEPT_JUDGED / _PARTS).exists():
            kept[views.KEPT_JUDGED] = folder / views.KEPT_JUDGED / "*.parquet"
        return kept

    def stage(self, name: str) -> str | None:
        """What a derived table was made from, as a digest; null where it was not made yet."""
        try:
            made_from = json.loads((self.layout.table(name) / _STAGE).read_bytes())["made_from"]
        except (OSError, ValueError, KeyError):
            return None
        return str(made_from)

    def repeated_of_files(self) -> dict[str, list[tuple[str, int]]]:
        """File id to the copies in it that are left out, each by its id and line; see `find_repeated`."""
        path, found = self._repeated(), dict[str, list[tuple[str, int]]]()
        for row in pq.read_table(path).to_pylist() if path is not None else ():
            found.setdefault(row["file_id"], []).append((row["measurement_id"], row["line"]))
        return found

    def repeated(self) -> int:
        """How many copies of measurements in other files are left out; see `find_repeated`."""
        path = self._repeated()
        return 0 if path is None else int(pq.read_metadata(path).num_rows)

    def find_repeated(self) -> bool:
        """Notes which measurements several files hold, so that the views show each of them once.

        Upstream publishes many measurements twice, as lines and as post-cans, whose names alone carry the uid: two
        rows are the same measurement when they have one id, or when session, test, input, start, run time and
        number of observations are equal in different files. The copy with the uid stays, else that of the file
        whose id is smallest. Sessions that were made up for want of a report id are never compared.

        Returns:
            Whether others are left out than before.
        """
        folder, before = self.layout.table("repeated"), self._repeated()
        with self._connect() as con:
            # Where it is not known that all have the same columns, DuckDB holds every file open.
            parts = views.columns_of(con, self.layout.parts("measurements"))
            source = views.select_from(TABLES["measurements"], parts)
            # Few rows can be copies; those are told by hashes, and only they are sorted.
            alike = "hash(session, nettest, input, time, runtime_seconds, observations, country, network)"
            con.execute(
                f"CREATE TEMP TABLE hashes AS SELECT hash(measurement_id) AS one, {alike} AS other, file_id, line "
                f"FROM ({source})"
            )
            con.execute(
                "CREATE TEMP TABLE lines AS SELECT file_id, line FROM hashes WHERE "
                "one IN (SELECT one FROM hashes GROUP BY one HAVING count(*) > 1) OR "
                "other IN (SELECT other FROM hashes GROUP BY other HAVING count(*) > 1)"
            )
            con.execute(
                f"CREATE TEMP TABLE seen AS SELECT * FROM ({source}) SEMI JOIN lines USING (file_id, line)"
            )
            found = con.sql(
                f"""
                WITH named AS (
                    SELECT measurement_id, file_id, line, row_number() OVER (
                        PARTITION BY measurement_id ORDER BY file_id, line) AS copy
                    FROM seen
                ), alike AS (
                    SELECT measurement_id, file_id, line,
                        dense_rank() OVER (
                            PARTITION BY session, nettest, input, time, runtime_seconds, observations, country, network
                            ORDER BY NOT regexp_matches(measurement_id, '{_UID}'), file_id
                        ) AS copy
                    FROM seen
                    WHERE NOT starts_with(session, '{UNREPORTED}') AND time IS NOT NULL AND runtime_seconds > 0
                )
                SELECT measurement_id, file_id, line FROM named WHERE copy > 1
                UNION
                SELECT measurement_id, file_id, line FROM alike WHERE copy > 1
                ORDER BY ALL
                """
            ).to_arrow_table()
        if before is None and not found.num_rows:
            return False
        if before is not None and pq.read_table(before).equals(found):
            return False
        if found.num_rows:
            with atomic_folder(folder) as temporary:
                pq.write_table(found, temporary / "0.parquet", compression="zstd")
        else:
            (folder / "0.parquet").unlink(missing_ok=True)
        return True


def database(
    spill: Path, *, threads: int | None = None, memory: str | None = None
) -> duckdb.DuckDBPyConnection:
    """An empty DuckDB database in memory, which spills to a folder; see `Workspace.connect`."""
    config: dict[str, Any] = {
        # Nothing is ever downloaded behind the user's back.
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "memory_limit": memory or os.environ.get("WALLWATCH_MEMORY", "600MB"),
        "temp_directory": str(spill),
        "preserve_insertion_order": "false",
    }
    if threads:
        config["threads"] = threads
    con = duckdb.connect(config=config)
    con.execute("SET TimeZone = 'UTC'")
    return con


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the rows of tables lie that have a part for each file: fit to be handed to another process.

    Attributes:
        spans: Table name to the name of each part and its Parquet file, with the least and the greatest id of the files
            it is of.
        repeated: What names the copies that are left out; null where there are none.
    """

    spans: Mapping[str, Mapping[str, tuple[Path, str, str]]]
    repeated: Path | None

    def of(self, parts: Sequence[str], first: str | None, last: str | None) -> Parts:
        """Where those rows lie that are asked of `source` by the same names and ids."""
        return Parts(
            {
                name: {span[0].stem: span for span in self._within(name, parts, first, last)}
                for name in self.spans
            },
            self.repeated,
        )

    def moved(self, place: Callable[[Path], Path]) -> Parts:
        """The same elsewhere."""
        return Parts(
            {
                name: {stem: (place(path), low, high) for stem, (path, low, high) in spans.items()}
                for name, spans in self.spans.items()
            },
            self.repeated and place(self.repeated),
        )

    def source(
        self, con: duckdb.DuckDBPyConnection
    ) -> Callable[[str, Sequence[str], str | None, str | None], str]:
        """Gives queries of the rows of some files, which open these files only.

        Returns:
            A function of a table that has one part for each file, the names of its parts (all where there is none), and
            the ids of the first and of the last file, or null where all of these parts are wanted; it may be called from
            several threads.
        """
        asking, one_at_a_time = con.cursor(), threading.Lock()
        known: dict[Path, frozenset[str]] = {}

        def query(name: str, parts: Sequence[str], first: str | None, last: str | None) -> str:
            within = self._within(name, parts, first, last)
            with one_at_a_time:
                files = [path for path, _, _ in within]
                known.update(views.columns_of(asking, [path for path in files if path not in known]))
            rows = views.select_from(TABLES[name], {path: known[path] for path in files})
            least, most = _ends(first, last)
            if any(low < least or high > most for _, low, high in within):
                rows += f" WHERE file_id BETWEEN {quoted(least)} AND {quoted(most)}"
            return views.without(rows, self.repeated) if self.repeated is not None else rows

        return query

    def _within(
        self, name: str, parts: Sequence[str], first: str | None, last: str | None
    ) -> list[tuple[Path, str, str]]:
        spans, (least, most) = self.spans[name], _ends(first, last)
        named = [spans[part] for part in parts if part in spans] if parts else spans.values()
        return [span for span in named if span[1] <= most and span[2] >= least]


def _ends(first: str | None, last: str | None) -> tuple[str, str]:
    return first or "", last or "~"  # ids are hexadecimal


def by_day(rows: duckdb.DuckDBPyRelation, table: Table, time: str) -> Iterator[tuple[str, pa.Table]]:
    """Rows apart by the day of a column, which is never null: each day's in the order of the table's key, in pieces."""
    named = f"strftime({time}, '%Y-%m-%d')"
    ordered = ", ".join(f'"{name}" ASC NULLS FIRST' for name in table.key)
    names = ", ".join(f'"{name}"' for name in table.names)
    ordered_rows = rows.project(f"{named} AS part, {names}").order(f"part, {ordered}")
    yield from apart(ordered_rows.to_arrow_reader(ROW_GROUP), "part")


def write_parts(folder: Path, table: Table, pieces: Iterable[tuple[str, pa.Table]]) -> dict[str, int]:
    """Writes a Parquet file for each part of a derived table, and says how many rows each has.

    Args:
        folder: Where.
        table: The table.
        pieces: Name of the part, and some of its rows; those of a part follow each other, in the order of the key.
    """
    return {
        part: write_rows(folder / f"{part}.parquet", table, (piece for _, piece in of_it))
        for part, of_it in groupby(pieces, itemgetter(0))
    }


def write_rows(
    path: Path, table: Table, rows: duckdb.DuckDBPyRelation | pa.Table | Iterable[pa.Table]
) -> int:
    """Writes a Parquet file of the rows of a derived table, and says how many they are; see `Workspace.replace`."""
    count = 0
    told = [name for name in table.names if name in table.key or name in _ASKED_FOR]
    with pq.ParquetWriter(path, table.arrow, compression="zstd", write_statistics=told) as writer:
        for group in _row_groups(table, rows):
            writer.write_table(group, row_group_size=ROW_GROUP)
            count += group.num_rows
    return count


def _row_groups(
    table: Table, rows: duckdb.DuckDBPyRelation | pa.Table | Iterable[pa.Table]
) -> Iterator[pa.Table]:
    """The rows in the order of the key, in tables of `ROW_GROUP` rows and a last one of fewer; see `replace`."""
    pieces: Iterable[pa.Table]
    if isinstance(rows, duckdb.DuckDBPyRelation):
        ordered = ", ".join(f'"{name}" ASC NULLS FIRST' for name in table.key)
        names = ", ".join(f'"{name}"' for name in table.names)
        batches = rows.project(names).order(ordered).to_arrow_reader(ROW_GROUP)
        pieces = (pa.Table.from_batches([batch]) for batch in batches)
    else:
        pieces = [_sorted(table, rows)] if isinstance(rows, pa.Table) else rows
    for group in groups(pieces, ROW_GROUP):
        yield _fit(table, group)


def _sorted(table: Table, rows: pa.Table) -> pa.Table:
    """The rows in the order of the key; column by column, which needs a fraction of the time of rows as wholes."""
    keys = pa.table({name: _plain(rows[name]) for name in table.key})
    order = pc.sort_indices(keys, sort_keys=[(name, "ascending", "at_start") for name in table.key])
    return pa.table({name: rows[name].combine_chunks().take(order) for name in table.names})


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _fit(table: Table, parts: list[pa.Table]) -> pa.Table:
    """The parts as one table with exactly the table's schema."""
    whole = pa.concat_tables(parts, promote_options="permissive").combine_chunks()
    arrays: list[Any] = []
    for column in table.columns:
        values, wanted = whole.column(column.name), TYPES[column.type]
        if pa.types.is_dictionary(wanted):
            values = _encoded(values)
        arrays.append(values.cast(wanted))
    return pa.Table.from_arrays(arrays, schema=table.arrow)


def _encoded(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The values with a dictionary of those that occur, in the order in which they do."""
    if isinstance(values, pa.ChunkedArray):
        values = values.unify_dictionaries().combine_chunks()
    if not pa.types.is_dictionary(values.type):
        return values.cast(pa.string()).dictionary_encode()
    used = values.indices.unique().drop_null()
    new = pc.index_in(pa.array(range(len(values.dictionary)), values.indices.type), used)
    return pa.DictionaryArray.from_arrays(
        new.take(values.indices), values.dictionary.take(used).cast(pa.string())
    )


__all__ = ["FORMAT", "PER_FILE", "ROW_GROUP", "Parts", "Workspace", "by_day", "write_parts", "write_rows"]
