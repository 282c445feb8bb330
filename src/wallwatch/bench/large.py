"""A large workspace, made cheaply: the tables of a simulated one, multiplied by queries.

Every copy is of another month, or of other countries, networks and (for half of them) hosts, with ids and sessions of
its own. Findings are multiplied like the rest; what was published and the summaries are made by the run itself.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from wallwatch import pipeline, refs, simulate
from wallwatch._progress import Progress, Silent
from wallwatch.archive import Summary
from wallwatch.engine import Workspace
from wallwatch.schema import TABLES
from wallwatch.schema.layout import DERIVED, PER_FILE

#: After every time in it.
AS_OF: Final = datetime(2027, 1, 1, tzinfo=UTC)
#: Whole weeks, so that weekdays stay what they are.
_DAYS: Final = 28
_PARTS: Final = 4
#: Codes that ISO 3166-1 leaves to users, five for each world.
_CODES: Final = [
    "AA",
    *(f"Q{letter}" for letter in "MNOPQRSTUVWXYZ"),
    *(f"X{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "ZZ",
]
_WORLDS: Final = 8
_HOST: Final = re.compile(r"\.(test|example|invalid)\b")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TEXTS: Final = ("target", "host", "service", "input", "http_url", "http_location", "tls_server_name")


def write(
    root: Path, observations: int, *, base: Path | None = None, progress: Progress | None = None
) -> int:
    """Writes a workspace with at least so many observations.

    Args:
        root: Its folder, new or empty.
        observations: How many, at least.
        base: The workspace whose tables are multiplied; one is simulated where not given.
        progress: Hears how far it is.

    Returns:
        How many copies it has.

    Raises:
        WallwatchError: The folder holds other things.
    """
    progress = progress or Silent()
    workspace = Workspace.create(root)
    with tempfile.TemporaryDirectory(prefix="wallwatch-large-") as name:
        if base is None:
            made = simulate.write(Path(name) / "world", seed=7, days=_DAYS, progress=progress)
            base = Path(name) / "workspace"
            pipeline.run(made.inputs, base, as_of=AS_OF, progress=progress)
        with Workspace.open(base).connect(memory="2GB") as con, workspace.lock():
            copies = _load(con, observations)
            progress.stage("Multiplying tables", copies)
            _write(con, workspace, copies, progress)
            known = refs.load(workspace.layout)
            refs.note_matched(workspace.layout, set(workspace.layout.taken_in()), known.version)
            with workspace.connect() as own:
                stages = pipeline.stages(workspace, own, known)
            workspace.replace("verdicts", _verdicts(con, copies), stages["verdicts"])
            workspace.replace("cells", _cells(con, copies), stages["cells"])
            found = _Findings(con, copies)
            for table, rows in (
                ("events", found.events()),
                ("outages", found.outages()),
                ("routes", found.routes()),
            ):
                workspace.replace(table, TABLES[table].from_rows(rows), stages[table])
        with workspace.lock():
            pipeline.bring_up_to_date(workspace, Summary(), known, progress, AS_OF)
    return copies


def _load(con: duckdb.DuckDBPyConnection, observations: int) -> int:
    """Holds the tables to multiply in memory; how many copies are needed."""
    for name in (*PER_FILE, *DERIVED):
        con.execute(f"CREATE TABLE base_{name} AS SELECT * FROM {name}")
    con.execute(
        f"""
        CREATE TABLE base_ids AS
        SELECT measurement_id AS old, received, time, country, nettest, part,
          row_number() OVER (PARTITION BY part ORDER BY time, measurement_id) AS line
        FROM (
          SELECT *, least((row_number() OVER (ORDER BY time, measurement_id) - 1) * {_PARTS} //
            (SELECT count(*) FROM base_measurements), {_PARTS - 1}) AS part
          FROM base_measurements
        )
        """
    )
    ((found,),) = con.execute("SELECT count(*) FROM base_observations").fetchall()
    return math.ceil(observations / int(found))


def _write(con: duckdb.DuckDBPyConnection, workspace: Workspace, copies: int, progress: Progress) -> None:
    """Writes the parts of every file."""
    layout = workspace.layout
    for name in PER_FILE:
        layout.table(name).mkdir(parents=True, exist_ok=True)
    for copy in range(copies):
        _ids(con, copy)
        for part in range(_PARTS):
            file_id = con.execute("SELECT file_id FROM ids WHERE part = ? LIMIT 1", [part]).fetchall()[0][0]
            for name in ("measurements", "observations", "controls"):
                order = "line" if name == "measurements" else "line, obs"
                query = f"SELECT * FROM ({_copied(name, copy)}) WHERE part = {part} ORDER BY {order}"
                _copy(con, query, layout.part(name, file_id), "EXCLUDE part")
            _copy(con, _file(copy, part, file_id, "'ooni'"), layout.part("files", file_id))
        signals = con.execute("SELECT left(md5('signals' || ?), 16)", [copy]).fetchall()[0][0]
        query = (
            f"SELECT s.* REPLACE ('{signals}' AS file_id, c.new AS country, "
            f"s.network + {_asn(copy)} AS network, s.time + {_shift(copy)} AS time) FROM base_signals s JOIN codes c ON s.country = c.old"
        )
        _copy(con, query, layout.part("signals", signals))
        _copy(con, _file(copy, -1, signals, "'ioda'"), layout.part("files", signals))
        progress.advance()


def _verdicts(con: duckdb.DuckDBPyConnection, copies: int) -> Iterator[pa.Table]:
    """The verdicts, sorted, month by month."""
    names = ", ".join(f'"{name}"' for name in TABLES["verdicts"].names)
    for month in range(0, copies, _WORLDS):
        con.execute("CREATE OR REPLACE TEMP TABLE month_verdicts AS FROM base_verdicts LIMIT 0")
        for copy in range(month, min(month + _WORLDS, copies)):
            _ids(con, copy)
            con.execute(f"INSERT INTO month_verdicts SELECT {names} FROM ({_copied('verdicts', copy)})")
        query = "SELECT * FROM month_verdicts ORDER BY measurement_id, layer, host NULLS FIRST"
        yield con.sql(query).to_arrow_table()


def _cells(con: duckdb.DuckDBPyConnection, copies: int) -> duckdb.DuckDBPyRelation:
    """The cells, in any order."""
    con.execute("CREATE TEMP TABLE all_cells AS FROM base_cells LIMIT 0")
    for copy in range(copies):
        _ids(con, copy)
        host = {name: _host(f"b.{name}", copy) for name in ("service", "target")}
        con.execute(
            f"""
            INSERT INTO all_cells SELECT b.* REPLACE (c.new AS country, b.network + {_asn(copy)} AS network,
              b.resolver_network + {_asn(copy)} AS resolver_network, {host["service"]} AS service,
              {host["target"]} AS target, b.hour + {_shift(copy)} AS hour)
            FROM base_cells b JOIN codes c ON b.country = c.old
            """
        )
    return con.table("all_cells")


class _Findings:
    """Events, outages and routes, copied row by row: their details are JSON."""

    def __init__(self, con: duckdb.DuckDBPyConnection, copies: int) -> None:
        self._base = {
            name: con.table(f"base_{name}").to_arrow_table().to_pylist()
            for name in ("events", "outages", "routes")
        }
        self._codes: list[dict[str, str]] = []
        self._witnesses: list[dict[str, str]] = []
        named = sorted({id_ for row in self._base["events"] for id_ in row["witnesses"]})
        for copy in range(copies):
            _ids(con, copy)
            self._codes.append(dict(con.execute("SELECT old, new FROM codes").fetchall()))
            found = con.execute("SELECT old, new FROM ids WHERE list_contains($named, old)", {"named": named})
            self._witnesses.append(dict(found.fetchall()))

    def events(self) -> list[dict[str, Any]]:
        """Every event of every copy."""
        return [self._copied(row, copy) for copy in range(len(self._codes)) for row in self._base["events"]]

    def outages(self) -> list[dict[str, Any]]:
        """Every outage of every copy."""
        return [self._copied(row, copy) for copy in range(len(self._codes)) for row in self._base["outages"]]

    def routes(self) -> list[dict[str, Any]]:
        """What works in each world's last month: there is one such row for a network and a way."""
        last = range(max(len(self._codes) - _WORLDS, 0), len(self._codes))
        return [self._copied(row, copy) for copy in last for row in self._base["routes"]]

    def _copied(self, row: dict[str, Any], copy: int) -> dict[str, Any]:
        return {name: self._value(name, value, copy) for name, value in row.items()}

    def _value(self, name: str, value: Any, copy: int) -> Any:
        shift = timedelta(days=copy // _WORLDS * _DAYS)
        if isinstance(value, dict):
            return {key: self._value(key, one, copy) for key, one in value.items()}
        if isinstance(value, list):
            return [self._value(name, one, copy) for one in value]
        if isinstance(value, datetime):
            return value + shift
        if name in ("details", "recurrence") and isinstance(value, str):
            return json.dumps(self._value("", json.loads(value), copy), sort_keys=True)
        if name == "country":
            return self._codes[copy].get(value, value)
        if name == "witnesses":
            return self._witnesses[copy].get(value, value)
        if name in ("event_id", "outage_id", "parent") and value is not None:
            return value[:3] + hashlib.sha256(f"{value}-{copy}".encode()).hexdigest()[:16]
        if name in ("network", "networks", "networks_ok", "networks_insufficient") and isinstance(value, int):
            return value + _asn(copy)
        if isinstance(value, str) and _TIME.fullmatch(value):
            return (datetime.fromisoformat(value) + shift).strftime("%Y-%m-%dT%H:%M:%SZ")
        if name in ("service", "target", "targets", "host") and copy % 2 and isinstance(value, str):
            return _HOST.sub(rf"-{copy % _WORLDS}.\1", value)
        return value


def _shift(copy: int) -> str:
    return f"to_days({copy // _WORLDS * _DAYS})"


def _asn(copy: int) -> int:
    return copy % _WORLDS * 1_000_000


def _host(column: str, copy: int) -> str:
    """The name in the world of a copy, in SQL: every other world has hosts of its own."""
    return (
        f"regexp_replace({column}, '{_HOST.pattern}', '-{copy % _WORLDS}.\\1', 'g')" if copy % 2 else column
    )


def _ids(con: duckdb.DuckDBPyConnection, copy: int) -> None:
    """What measurements and countries are called in a copy, and where the former stand."""
    listed = ", ".join(f"'{code}'" for code in _CODES)
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE codes AS
        SELECT old, [{listed}][(place - 1 + {copy % _WORLDS} * count(*) OVER ()) % {len(_CODES)} + 1] AS new
        FROM (SELECT country AS old, row_number() OVER (ORDER BY country) AS place
          FROM (SELECT DISTINCT country FROM base_ids))
        """
    )
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE ids AS
        SELECT i.old, i.part, i.line, c.new AS country, left(md5('file' || {copy} || '-' || i.part), 16) AS file_id,
          strftime(coalesce(i.received, i.time) + {_shift(copy)}, '%Y%m%d%H%M%S.%f') || '_' || c.new || '_' ||
            i.nettest || '_' || left(md5(i.old || '-{copy}'), 16) AS new
        FROM base_ids i JOIN codes c ON i.country = c.old
        """
    )


def _copied(name: str, copy: int) -> str:
    """The rows of a table as they are in a copy, with the column `part`."""
    table = TABLES[name]
    replaced = {
        "measurement_id": "i.new",
        "file_id": "i.file_id",
        "line": "i.line",
        "country": "i.country",
        "network": f"b.network + {_asn(copy)}",
        "resolver_network": f"b.resolver_network + {_asn(copy)}",
        "session": f"b.session || '-{copy}'",
        "probe_id": f"b.probe_id || '-{copy}'",
        "time": f"b.time + {_shift(copy)}",
        "received": f"b.received + {_shift(copy)}",
    }
    replaced |= {text: _host(f"b.{text}", copy) for text in _TEXTS}
    fields = ", ".join(f'{replaced.get(column, f"b.{column}")} AS "{column}"' for column in table.names)
    return f"SELECT {fields}, i.part FROM base_{name} b JOIN ids i ON b.measurement_id = i.old"


def _file(copy: int, part: int, file_id: str, kind: str) -> str:
    counts = (
        f"(SELECT count(*) FROM ids WHERE part = {part})" if part >= 0 else "0",
        "(SELECT count(*) FROM base_signals)" if part < 0 else "0",
    )
    return (
        f"SELECT '{file_id}' AS file_id, '{file_id}' || left(sha256('{file_id}'), 48) AS sha256, 'large/{copy:03d}/{part}.jsonl.gz' AS path, "
        f"1000000::BIGINT AS size, {kind} AS kind, {counts[0]}::BIGINT AS measurements, "
        f"{counts[1]}::BIGINT AS signals, 0::BIGINT AS set_aside"
    )


def _copy(con: duckdb.DuckDBPyConnection, query: str, path: Path, less: str = "") -> None:
    con.execute(f"COPY (SELECT * {less} FROM ({query})) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
