"""What `wallwatch show` prints: records of the tables in the shapes that people and scripts count on."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch._text import csv_text, safe_json, safe_text
from wallwatch.history import as_published, headline
from wallwatch.schema.measurements import UNREPORTED

Record = dict[str, Any]

FORMATS: Final = ("table", "json", "jsonl", "csv", "parquet")

_BATCH = 10_000


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records are wanted.

    Attributes:
        country: ISO 3166-1 alpha-2, upper case.
        target: A host, an input or a service, lower case.
        since: First moment.
        until: First moment after.
        id: Just the record with this id.
    """

    country: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """How one kind of record is queried and shown.

    Attributes:
        query: Gives the rows; `{where}` takes the filters.
        country, target, start, end: SQL expressions that the filters apply to.
        record: One row to the record.
        columns: What a table for people shows: heading and how to make it from a record.
        key: The column that an id is looked for in; empty where records have none.
        paged: The same for a part of the rows, and takes `{limit}` too: where rows are wide, sorting them is slow.
    """

    query: str
    country: str
    target: str
    start: str
    end: str
    record: Callable[[Record], Record]
    columns: tuple[tuple[str, Callable[[Record], str]], ...]
    key: str = ""
    paged: str = "{query} {limit}"


def parse_time(text: str, *, last: bool = False) -> datetime:
    """A date or time as a person types it, in UTC.

    Args:
        text: `2023-11-09`, `2023-11-09T05:00` or with seconds and `Z`.
        last: For an upper bound: a bare date then means the end of that day.

    Raises:
        WallwatchError: It is neither.
    """
    try:
        if len(text) <= 10:
            day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return day + timedelta(days=1) if last else day
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WallwatchError(f"{text!r} is not a date; write it as 2023-11-09 or 2023-11-09T05:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def iso(moment: datetime | None) -> str | None:
    """A time as ISO 8601 in UTC, seconds precision: `2019-11-16T21:00:00Z`."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _interval(row: Record, name: str) -> Record | None:
    """An interval as an object; the end of what is not seen to end is null, whatever its earliest may be."""
    found = {part: iso(row[f"{name}_{part}"]) for part in ("best", "earliest", "latest")}
    return found if found["best"] or (name == "onset" and any(found.values())) else None


def _verdict(row: Record) -> Record:
    session = row["session"] or ""
    return {
        "measurement_id": row["measurement_id"],
        "source": f"{row['path']}:{row['line']}",
        "report_id": "" if session.startswith(UNREPORTED) else session,
        "input": row["input"],
        "target": row["target"],
        "host": row["host"],
        "service": row["service"],
        "test_name": row["nettest"],
        "probe_cc": row["country"],
        "probe_asn": row["network"],
        "time": iso(row["time"]),
        "state": row["state"],
        "mechanisms": row["mechanisms"],
        "locus": row["locus"],
        "rules": row["rules"],
        "evidence": row["evidence"],
        "against": row["against"],
        "flags": row["flags"],
        "layers": dict(sorted(zip(row["layer_names"] or [], row["layer_states"] or [], strict=True))),
        "rule_set": row["rule_set"],
        "reference_set": row["reference_set"],
    }


def _event(row: Record) -> Record:
    return {
        "event_id": row["event_id"],
        "kind": row["kind"],
        "country": row["country"],
        "service": row["service"],
        "networks": row["networks"],
        "networks_ok": row["networks_ok"],
        "networks_insufficient": row["networks_insufficient"],
        "targets": row["targets"],
        "layers": row["layers"],
        "mechanisms": row["mechanisms"],
        "onset": _interval(row, "onset") or {"best": None, "earliest": None, "latest": None},
        "end": _interval(row, "end"),
        "recurrence": json.loads(row["recurrence"]) if row["recurrence"] else None,
        "probability": row["probability"],
        "measurements": row["measurements"],
        "measurements_blocked": row["measurements_blocked"],
        "sessions": row["sessions"],
        "sessions_blocked": row["sessions_blocked"],
        "witnesses": row["witnesses"],
        "against": row["against"],
        "details": json.loads(row["details"]) if row["details"] else [],
    }


def _outage(row: Record) -> Record:
    return {
        "outage_id": row["outage_id"],
        "kind": row["kind"],
        "scope": row["scope"],
        "country": row["country"],
        "region": row["region"],
        "network": row["network"],
        "parent": row["parent"],
        "onset": _interval(row, "onset") or {"best": None, "earliest": None, "latest": None},
        "end": _interval(row, "end"),
        "depth": row["depth"],
        "plateau": row["plateau"],
        "signals": row["signals"],
        "regions": row["regions"],
        "regions_measured": row["regions_measured"],
        "recurrence": json.loads(row["recurrence"]) if row["recurrence"] else None,
        "probability": row["probability"],
        "rule": row["rule"],
        "reasons": row["reasons"],
        "against": row["against"],
    }


def _revision(row: Record) -> Record:
    state = json.loads(row["state"])
    names = (
        "what",
        "id",
        "revision",
        "change",
        "material",
        "changes",
        "why",
        "computed_id",
        "superseded_by",
        "split_from",
    )
    return {
        "published": iso(row["published"]),
        **{name: row[name] for name in names},
        "country": row["country"],
        "publication": row["publication"],
        "inputs": row["inputs"],
        "says": headline(row["what"], state),
        "state": state,
    }


def _route(row: Record) -> Record:
    """A way that works, or of which nothing is said; days and rounded counts only, so that no user shows."""
    return {
        "country": row["country"],
        "network": row["network"],
        "network_name": row["network_name"],
        "route": row["route"],
        "kind": row["route_kind"],
        "rank": row["rank"],
        "grade": row["grade"],
        "rate": _rounded(row["rate"]),
        "rate_low": _rounded(row["rate_low"]),
        "rate_high": _rounded(row["rate_high"]),
        "score": _rounded(row["score"]),
        "rate_week_ago": _rounded(row["rate_week_ago"]),
        "trend": row["trend"],
        "start_seconds": row["start_seconds"],
        "last_success": row["last_success"].date().isoformat() if row["last_success"] else None,
        "sessions_at_least": row["sessions_at_least"],
        "networks": row["networks"],
        "networks_working": row["networks_working"],
        "as_of": iso(row["as_of"]),
        "reasons": row["reasons"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _works(record: Record) -> str:
    if record["grade"] == "insufficient":
        return "too little to say"
    return f"{record['rate']:.0%} ({record['rate_low']:.0%}–{record['rate_high']:.0%})"


def _plain(row: Record) -> Record:
    shaped = {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
    if "rule_counts" in shaped:
        shaped["rule_counts"] = json.loads(shaped["rule_counts"] or "{}")
    return shaped


def _short(moment: str | None) -> str:
    return moment[:16].replace("T", " ") if moment else ""


def _when(interval: Record | None, missing: str) -> str:
    return _short(interval["best"]) or missing if interval else missing


def _networks(record: Record) -> str:
    networks = record["networks"]
    named = ", ".join(f"AS{network}" for network in networks[:4])
    return named + (f" and {len(networks) - 4} more" if len(networks) > 4 else "")


def _measured(record: Record) -> str:
    found = len(record["networks"])
    return f"{found} of {found + len(record['networks_ok'])}"


LISTINGS: Final[Mapping[str, Listing]] = {
    "events": Listing(
        "SELECT * FROM events WHERE true {where} ORDER BY onset_earliest NULLS FIRST, country, service, event_id",
        "country",
        "list_contains(targets, {0}) OR service = {0}",
        "coalesce(onset_earliest, TIMESTAMPTZ '-infinity')",
        "coalesce(end_latest, TIMESTAMPTZ 'infinity')",
        _event,
        (
            ("event", lambda r: r["event_id"]),
            ("kind", lambda r: r["kind"]),
            ("country", lambda r: r["country"]),
            ("service", lambda r: r["service"]),
            ("networks", _networks),
            ("of measured", _measured),
            ("mechanisms", lambda r: ", ".join(r["mechanisms"][:3])),
            ("began (UTC)", lambda r: _when(r["onset"], "before the data")),
            ("ended (UTC)", lambda r: _when(r["end"], "not seen to end")),
            ("pattern", lambda r: (r["recurrence"] or {}).get("text", "")),
            ("probability", lambda r: f"{r['probability']:.3f}"),
            ("sessions", lambda r: f"{r['sessions_blocked']} of {r['sessions']}"),
        ),
        "event_id",
    ),
    "doubts": Listing(
        "SELECT * FROM doubts WHERE true {where} ORDER BY country, service, network, first_seen, kind",
        "country",
        "target = {0} OR service = {0} OR 'as' || network = {0} OR CAST(network AS VARCHAR) = {0}",
        "last_seen",
        "first_seen",
        _plain,
        (
            ("kind", lambda r: r["kind"]),
            ("country", lambda r: r["country"]),
            ("network", lambda r: f"AS{r['network']}"),
            ("service", lambda r: r["service"]),
            ("from (UTC)", lambda r: r["first_seen"]),
            ("until (UTC)", lambda r: r["last_seen"]),
            ("votes against it", lambda r: f"{r['votes_blocked']:g} of {r['votes']:g}"),
            ("why no event", lambda r: r["reason"]),
        ),
    ),
    "outages": Listing(
        "SELECT * FROM outages WHERE true {where}"
        " ORDER BY country, parent IS NOT NULL, onset_earliest NULLS FIRST, scope, region, outage_id",
        "country",
        "lower(region) = {0} OR 'as' || network = {0} OR CAST(network AS VARCHAR) = {0}",
        "coalesce(onset_earliest, TIMESTAMPTZ '-infinity')",
        "coalesce(end_latest, TIMESTAMPTZ 'infinity')",
        _outage,
        (
            ("outage", lambda r: r["outage_id"]),
            ("kind", lambda r: r["kind"]),
            ("country", lambda r: r["country"]),
            ("where", lambda r: r["region"] or (f"AS{r['network']}" if r["network"] else "whole country")),
            ("began (UTC)", lambda r: _when(r["onset"], "before the data")),
            ("ended (UTC)", lambda r: _when(r["end"], "not seen to end")),
            ("depth", lambda r: f"{r['depth']:.0%}"),
            ("places", lambda r: f"{r['regions']} of {r['regions_measured']}"),
            ("probability", lambda r: f"{r['probability']:.3f}"),
        ),
        "outage_id",
    ),
    "verdicts": Listing(
        "SELECT * FROM judged WHERE true {where} ORDER BY time NULLS FIRST, measurement_id",
        "country",
        "target = {0} OR host = {0} OR service = {0} OR lower(input) = {0}",
        "time",
        "time",
        _verdict,
        (
            ("time (UTC)", lambda r: _short(r["time"])),
            ("country", lambda r: r["probe_cc"] or "?"),
            ("network", lambda r: f"AS{r['probe_asn']}" if r["probe_asn"] else "?"),
            ("test", lambda r: r["test_name"]),
            ("target", lambda r: r["target"]),
            ("state", lambda r: r["state"]),
            ("mechanisms", lambda r: ", ".join(r["mechanisms"])),
            ("host", lambda r: r["host"] if r["host"] != r["target"] else ""),
            ("evidence", lambda r: r["evidence"]),
            ("measurement", lambda r: r["measurement_id"]),
        ),
        "measurement_id",
        """
        WITH page AS MATERIALIZED (
            SELECT time, measurement_id FROM judged WHERE true {where}
            ORDER BY time NULLS FIRST, measurement_id {limit}
        )
        SELECT judged.* FROM judged SEMI JOIN page
          ON judged.time IS NOT DISTINCT FROM page.time AND judged.measurement_id = page.measurement_id
        ORDER BY time NULLS FIRST, measurement_id
        """,
    ),
    "cells": Listing(
        "SELECT * FROM cells WHERE true {where} ORDER BY hour, country, service, target, network, layer, resolver_network NULLS FIRST",
        "country",
        "target = {0} OR service = {0}",
        "hour",
        "hour",
        _plain,
        (
            ("hour (UTC)", lambda r: _short(r["hour"])),
            ("country", lambda r: r["country"]),
            ("network", lambda r: f"AS{r['network']}"),
            ("target", lambda r: r["target"]),
            ("layer", lambda r: r["layer"]),
            ("blocked", lambda r: str(r["blocked"] + r["likely_blocked"])),
            ("impaired", lambda r: str(r["impaired"])),
            ("down", lambda r: str(r["down"])),
            ("ok", lambda r: str(r["ok"])),
            ("insufficient", lambda r: str(r["insufficient"])),
            ("sessions", lambda r: str(r["sessions"])),
        ),
    ),
    "routes": Listing(
        "SELECT * FROM routes WHERE true {where} ORDER BY country, network NULLS FIRST, route_kind, rank NULLS LAST, route",
        "country",
        "route = {0} OR starts_with(route, {0} || '.') OR 'as' || network = {0} OR CAST(network AS VARCHAR) = {0}",
        "coalesce(last_success, as_of)",
        "as_of",
        _route,
        (
            ("country", lambda r: r["country"]),
            ("network", lambda r: f"AS{r['network']}" if r["network"] else "whole country"),
            ("kind", lambda r: r["kind"]),
            ("place", lambda r: "" if r["rank"] is None else str(r["rank"])),
            ("way", lambda r: r["route"]),
            ("works", _works),
            ("evidence", lambda r: r["grade"]),
            ("trend", lambda r: r["trend"] or ""),
            ("last worked", lambda r: r["last_success"] or ""),
            ("sessions", lambda r: f"{r['sessions_at_least']}+" if r["sessions_at_least"] else ""),
        ),
    ),
    "statements": Listing(
        "SELECT * FROM statements WHERE true {where} ORDER BY said NULLS FIRST, statement_id",
        "country",
        "lower(subject) LIKE '%' || {0} || '%'",
        "said",
        "said",
        _plain,
        (
            ("statement", lambda r: r["statement_id"]),
            ("said", lambda r: _short(r["said"]) or r["said_precision"]),
            ("speaker", lambda r: r["speaker"]),
            ("kind", lambda r: r["kind"]),
            ("quotation", lambda r: r["quotation"] or ""),
        ),
        "statement_id",
    ),
    "revisions": Listing(
        "SELECT * FROM revisions WHERE true {where} ORDER BY publication, what, id",
        "country",
        "id = {0} OR lower(json_extract_string(state, '$.service')) = {0} OR lower(json_extract_string(state, '$.region')) = {0}",
        "published",
        "published",
        _revision,
        (
            ("published (UTC)", lambda r: _short(r["published"])),
            ("id", lambda r: r["id"]),
            ("revision", lambda r: str(r["revision"])),
            ("change", lambda r: r["change"] if r["material"] else "(more data)"),
            ("it says", lambda r: r["says"]),
            ("what changed", lambda r: " ".join(r["changes"])),
            ("why", lambda r: " ".join(r["why"])),
        ),
        "id",
    ),
    "files": Listing(
        "SELECT * FROM files WHERE true {where} ORDER BY path, file_id",
        "'' || {0}",
        "lower(path) LIKE '%' || {0} || '%'",
        "NULL::TIMESTAMPTZ",
        "NULL::TIMESTAMPTZ",
        _plain,
        (
            ("file", lambda r: r["path"]),
            ("kind", lambda r: r["kind"]),
            ("bytes", lambda r: f"{r['size']:,}"),
            ("measurements", lambda r: f"{r['measurements']:,}"),
            ("signals", lambda r: f"{r['signals']:,}"),
            ("set aside", lambda r: f"{r['set_aside']:,}"),
        ),
    ),
    "quarantine": Listing(
        "SELECT q.*, n.path FROM quarantine q LEFT JOIN (SELECT file_id, min(path) AS path FROM files GROUP BY file_id) n"
        " USING (file_id) WHERE true {where} ORDER BY n.path, q.line, q.byte_offset, q.reason",
        "'' || {0}",
        "lower(n.path) LIKE '%' || {0} || '%'",
        "NULL::TIMESTAMPTZ",
        "NULL::TIMESTAMPTZ",
        _plain,
        (
            ("place", lambda r: f"{r['path'] or r['file_id']}:{r['line']}"),
            ("byte", lambda r: "" if r["byte_offset"] is None else f"{r['byte_offset']:,}"),
            ("reason", lambda r: r["reason"]),
            ("begins with", lambda r: safe_text(r["excerpt"], 60)),
        ),
    ),
}


def records(
    con: duckdb.DuckDBPyConnection,
    what: str,
    filters: Filters,
    *,
    limit: int | None = None,
    offset: int = 0,
) -> Iterator[Record]:
    """The records of one kind, in a fixed order, as they are read: memory stays bounded.

    Args:
        con: A connection with the workspace's views.
        what: A key of `LISTINGS`.
        filters: Which of them.
        limit: The greatest number of records; all where not given.
        offset: How many to leave out before the first.
    """
    listing = LISTINGS[what]
    clauses: list[str] = []
    values: list[Any] = []

    def add(clause: str, value: object) -> None:
        values.append(value)
        clauses.append(clause.replace("{0}", f"${len(values)}"))

    if filters.country and "{0}" not in listing.country:
        add(f"{listing.country} = {{0}}", filters.country)
    if filters.target:
        add(f"({listing.target})", filters.target)
    if filters.id and listing.key:
        add(f"{listing.key} = {{0}}", filters.id)
    if filters.since:
        add(f"{listing.end} >= {{0}}", filters.since)
    if filters.until:
        add(f"{listing.start} < {{0}}", filters.until)
    where = "".join(f" AND {clause}" for clause in clauses)
    query = listing.query
    if limit is not None or offset:
        part = f"LIMIT {2**62 if limit is None else int(limit)} OFFSET {int(offset)}"
        # The first rows alone are found without sorting the others.
        query = (
            f"{query} {part}"
            if not offset
            else listing.paged.replace("{query}", query).replace("{limit}", part)
        )
    query = query.replace("{where}", where)
    reader = con.sql(query, params=values).to_arrow_reader(_BATCH)
    for batch in reader:
        rows: list[Record] = batch.to_pylist() or []
        yield from map(listing.record, rows)


def published(
    con: duckdb.DuckDBPyConnection, what: str, when: datetime, filters: Filters
) -> Iterator[Record]:
    """Events or outages as they were published at a time, under their published ids.

    Args:
        con: A connection with the workspace's views.
        what: `events` or `outages`.
        when: States published later are left out.
        filters: Which of them.

    Raises:
        WallwatchError: Of that kind nothing is published.
    """
    if what not in ("events", "outages"):
        raise WallwatchError(f"only events and outages are published, not {what}")
    for record in as_published(con, what.removesuffix("s"), when):
        onset, end = record["onset"]["earliest"], (record["end"] or {}).get("latest")
        names = [record.get("service"), *record.get("targets", ()), (record.get("region") or "").lower()]
        names += [f"as{record['network']}", str(record["network"])] if record.get("network") else []
        if (
            (filters.country and record["country"] != filters.country)
            or (filters.target and filters.target not in names)
            or (filters.since and end and parse_time(end) < filters.since)
            or (filters.until and onset and parse_time(onset) >= filters.until)
        ):
            continue
        yield record


def _flat(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value


def write_json(found: Iterable[Record], out: IO[str]) -> None:
    """Writes a JSON array, one record a line."""
    out.write("[")
    for number, record in enumerate(found):
        out.write(("," if number else "") + "\n" + safe_json(record))
    out.write("\n]\n")


def write_jsonl(found: Iterable[Record], out: IO[str]) -> None:
    """Writes one JSON object a line."""
    for record in found:
        out.write(safe_json(record) + "\n")


def write_csv(found: Iterable[Record], out: IO[str], *, heading: bool = True) -> None:
    """Writes CSV (RFC 4180) that no spreadsheet takes for formulas; nested values are JSON."""
    writer = csv.writer(out, lineterminator="\n")
    for number, record in enumerate(found):
        if heading and not number:
            writer.writerow(record)
        writer.writerow(
            [csv_text(flat) if isinstance(flat := _flat(value), str) else flat for value in record.values()]
        )


def write_parquet(found: Iterable[Record], path: Path | IO[bytes]) -> None:
    """Writes Parquet; nested values are JSON text."""
    rows = [{name: _flat(value) for name, value in record.items()} for record in found]
    pq.write_table(pa.Table.from_pylist(rows), path, compression="zstd")


def write_table(what: str, found: Iterable[Record], *, limit: int | None) -> int:
    """Prints a table for people on standard output; on a terminal too narrow for it, one field below another.

    Args:
        what: A key of `LISTINGS`.
        found: The records.
        limit: The greatest number of rows to print; all where not given.

    Returns:
        How many records there were beyond the limit.
    """
    from rich.console import Console

    listing = LISTINGS[what]
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False, emoji=False)
    headings = [heading for heading, _ in listing.columns]
    rows: list[list[Any]] = []
    more = 0
    for record in found:
        if limit is not None and len(rows) >= limit:
            more += 1
        else:
            rows.append([_cell(make(record)) for _, make in listing.columns])
    if rows:
        table = _side_by_side(headings, rows)
        wanted = table.__rich_measure__(console, console.options.update(width=100_000)).maximum
        if sys.stdout.isatty() and wanted > console.width:
            for number, row in enumerate(rows):
                console.print(*[""] * bool(number), _one_below_another(headings, row), sep="\n")
        else:
            console.print(table)
    return more


def _side_by_side(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table


def _one_below_another(headings: Sequence[str], row: Sequence[Any]) -> Any:
    """A record where rows do not fit the terminal: ids stay whole, to be copied."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for heading, cell in zip(headings, row, strict=True):
        if cell.plain:
            table.add_row(heading, cell)
    return table


def _cell(text: Any) -> Any:
    from rich.text import Text

    return Text(safe_text(text))


def write(what: str, found: Iterable[Record], format_: str, *, limit: int | None) -> int:
    """Writes records to standard output in one of `FORMATS`; see the functions above.

    Raises:
        WallwatchError: Parquet was asked for on a terminal.
    """
    if format_ == "table":
        return write_table(what, found, limit=limit)
    if format_ == "parquet":
        if sys.stdout.isatty():
            raise WallwatchError(
                "Parquet is not for a terminal; send it to a file: wallwatch show … --format parquet > events.parquet"
            )
        write_parquet(found, sys.stdout.buffer)
        return 0
    writers: dict[str, Callable[[Iterable[Record], IO[str]], None]] = {
        "json": write_json,
        "jsonl": write_jsonl,
        "csv": write_csv,
    }
    writers[format_](found, sys.stdout)
    return 0


def kinds() -> Sequence[str]:
    """What can be shown."""
    return tuple(LISTINGS)


def write_routes(con: duckdb.DuckDBPyConnection, as_: str, *, country: str | None, floor: int) -> None:
    """Writes what still works to standard output, in a form that other tools read.

    Args:
        con: A connection with the workspace's views.
        as_: `tor-map`, `helpdesk` or `json`.
        country: Only this country.
        floor: Rows from fewer sessions are left out.
    """
    from wallwatch.routes import helpdesk, tor_map

    found = con.sql(
        "SELECT * FROM routes WHERE ($country IS NULL OR country = $country) AND sessions_at_least >= $floor "
        "ORDER BY country, network NULLS FIRST, route",
        params={"country": country, "floor": floor},
    )
    rows: list[Record] = found.to_arrow_table().to_pylist()
    if as_ == "json":
        write_json(map(_route, rows), sys.stdout)
    elif as_ == "tor-map":
        sys.stdout.write(json.dumps(tor_map(rows), indent=2) + "\n")
    else:
        heading, lines = helpdesk(rows)
        write_csv((dict(zip(heading, line, strict=True)) for line in lines), sys.stdout)
