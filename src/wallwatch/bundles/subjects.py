"""What a bundle is about: one event, outage or measurement, with its record as the workspace has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb

from wallwatch import explain, history
from wallwatch._errors import WallwatchError
from wallwatch.record.links import Link, links
from wallwatch.show import Filters, Record, parse_time, records

#: Kind of claim to the listing that has its record.
LISTINGS = {"event": "events", "outage": "outages", "verdict": "verdicts"}


@dataclass(frozen=True, slots=True)
class Subject:
    """One claim.

    Attributes:
        kind: `event`, `outage` or `verdict`.
        id: Its whole id.
        record: As `wallwatch show` gives it.
        country: Its country.
        service: Its service; empty for outages.
        session: The session of a measurement; empty for others.
        first: Where it begins …
        last: … and ends, or the data do.
        links: The statements of the record that concern it, and what ties them to it.
    """

    kind: str
    id: str
    record: Record
    country: str | None
    service: str
    session: str
    first: datetime | None
    last: datetime | None
    links: Sequence[Link] = ()

    @property
    def from_measurements(self) -> bool:
        """Whether an outage was found in volunteers' measurements rather than in signals alone."""
        return self.kind == "outage" and (
            self.record["kind"] == "domestic_only"
            or any("measurements" in one for one in self.record["signals"])
        )

    @property
    def statements(self) -> list[str]:
        """Ids of the statements that concern it."""
        return [one.statement["statement_id"] for one in self.links]

    @property
    def heading(self) -> str:
        """What it is, in one line."""
        record = self.record
        if self.kind == "event":
            return f"{record['kind']} of {record['service']} in {record['country']}"
        if self.kind == "outage":
            place = record["region"] or (
                f"AS{record['network']}" if record["network"] else "the whole country"
            )
            return f"{record['kind']} in {record['country']}, {place}"
        network = f"AS{record['probe_asn']}" if record["probe_asn"] else "an unknown network"
        return f"measurement of {record['target']} in {record['probe_cc'] or 'an unknown country'}, {network}: {record['state']}"

    def parameters(self, query: str) -> dict[str, Any]:
        """The values of the parameters that a query names."""
        values = {
            "id": self.id,
            "country": self.country,
            "service": self.service,
            "session": self.session,
            "first": self.first,
            "last": self.last,
        }
        return {name: value for name, value in values.items() if f"${name}" in query}


def find(con: duckdb.DuckDBPyConnection, id_: str) -> Subject:
    """The claim that an id, or the unique beginning of one, stands for.

    Args:
        con: A connection with the workspace's views.
        id_: A measurement, event or outage id.

    Raises:
        WallwatchError: Nothing has that id, or several things begin with it.
    """
    known = explain.find(con, id_)
    if known is None:
        states = history.revisions_of(con, id_)
        if not states or states[-1]["change"] == "withdrawn":
            raise WallwatchError(
                f"nothing that stands has the id {id_}; `wallwatch show events` and `wallwatch show revisions` list ids"
            )
        known = states[-1]["what"], states[-1]["computed_id"]
    return of(con, *known)


def of(con: duckdb.DuckDBPyConnection, kind: str, id_: str) -> Subject:
    """The claim of that kind and whole id.

    Raises:
        WallwatchError: There is none.
    """
    record = next(records(con, LISTINGS[kind], Filters(id=id_)), None)
    if record is None:
        raise WallwatchError(f"there is no {kind} {id_}")
    if kind == "verdict":
        session, service = con.execute(
            "SELECT session, service FROM verdicts WHERE measurement_id = ? AND layer = 'all'", [id_]
        ).fetchall()[0]
        time = parse_time(record["time"]) if record["time"] else None
        return Subject(kind, id_, record, record["probe_cc"], service, session, time, time)
    onset, end = record["onset"], record["end"]
    first = onset["earliest"] or onset["best"] or onset["latest"]
    begins = _bound(con, "min") if first is None or onset["best"] is None else parse_time(first)
    ends = _bound(con, "max") if end is None else parse_time(end["latest"] or end["best"])
    if ends is not None:
        ends += timedelta(seconds=1)
    country = record["country"]
    said = tuple(one for one in links(con) if one.sort == kind and one.finding == id_)
    return Subject(kind, id_, record, country, record.get("service", ""), "", begins, ends, said)


def _bound(con: duckdb.DuckDBPyConnection, which: str) -> datetime | None:
    """The first or last moment of the data."""
    found: list[tuple[datetime | None]] = con.execute(
        f"SELECT {which}(time) FROM (SELECT {which}(time) AS time FROM measurements WHERE time_flag IS NULL "
        f"UNION ALL SELECT {which}(time) FROM signals)"
    ).fetchall()
    return found[0][0]
