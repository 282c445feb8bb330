"""Statements beside the events and outages that they concern: announced, begun, admitted, ended, with lags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.record import calendars, evidence
from wallwatch.record.countries import name as country_name
from wallwatch.schema.statement_fields import fields
from wallwatch.schema.statements import last_moment, windows_from_json

#: A statement that names no time it is about is taken to be about what is so near to when it was said.
NEAR: Final = timedelta(days=30)
#: A statement that says of a time that it is about concerns what lies within a day of it.
_DAY: Final = timedelta(days=1)

#: Where a statement stands in the course of what it concerns.
PLACES: Final = {
    "before": "said before it began",
    "around the onset": "said within the time in which it began",
    "during": "said while it lasted",
    "around the end": "said within the time in which it ended",
    "after": "said after it had ended",
    "unknown": "when it was said is not known well enough",
}


@dataclass(frozen=True, slots=True)
class Link:
    """A statement and something that it concerns.

    Attributes:
        statement: A row of the table of statements.
        sort: `event` or `outage`.
        finding: The id.
        place: A key of `PLACES`.
        lag: How long before or after, in words.
        why: What ties them: country, kind, target, network, time.
        agreement: For a published calendar: how well it agrees.
    """

    statement: Mapping[str, Any]
    sort: str
    finding: str
    place: str
    lag: str
    why: tuple[str, ...]
    agreement: calendars.Agreement | None = None

    def as_dict(self) -> dict[str, Any]:
        """As a plain object."""
        text = fields(self.statement)
        return {
            "statement_id": self.statement["statement_id"],
            "speaker": self.statement["speaker"],
            "date": text.get("date"),
            "precision": self.statement["said_precision"],
            "kind": self.statement["kind"],
            "quotation": self.statement["quotation"],
            "confirmed_by": self.statement.get("confirmed_by"),
            "finding": self.finding,
            "sort": self.sort,
            "place": self.place,
            "lag": self.lag,
            "why": list(self.why),
            "calendar": self.agreement.as_dict() if self.agreement else None,
        }


def statements(con: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The statements of a workspace, each once and no draft; one that was corrected only as its correction says.

    Args:
        con: A connection with the workspace's views.
    """
    return evidence.rows(
        con,
        """
        WITH once AS (
            SELECT * FROM statements QUALIFY row_number() OVER (
                PARTITION BY statement_id ORDER BY confirmed_by IS NULL, file_id, line) = 1
        )
        SELECT * FROM once WHERE statement_id NOT IN (SELECT corrects FROM once WHERE corrects IS NOT NULL)
        ORDER BY said NULLS LAST, statement_id
        """,
    )


def links(con: duckdb.DuckDBPyConnection) -> list[Link]:
    """Every statement with every event and outage that it concerns.

    Args:
        con: A connection with the workspace's views.
    """
    rows = statements(con)
    if not rows:
        return []
    con.execute("SET TimeZone = 'UTC'")
    events = evidence.rows(
        con, "SELECT * FROM events WHERE kind IN ('blocking', 'throttling') ORDER BY event_id"
    )
    outages = evidence.rows(
        con, "SELECT * FROM outages WHERE kind <> 'instrument' ORDER BY parent IS NOT NULL, outage_id"
    )
    found: list[Link] = []
    for row in rows:
        for event in events:
            one = _to_event(con, row, event)
            found += [one] if one else []
        for outage in outages:
            one = _to_outage(con, row, outage, outages)
            found += [one] if one else []
    return found


def _to_event(con: duckdb.DuckDBPyConnection, row: Mapping[str, Any], event: dict[str, Any]) -> Link | None:
    if row["country"] != event["country"] or row["restriction"] == "shutdown":
        return None
    why = [f"about {country_name(event['country'])}"]
    targets = list(row["targets"] or ())
    if targets:
        names = {name for target in targets for name in evidence.names_of(target)}
        mine = {event["service"], *event["targets"]}
        if not names & mine:
            return None
        why.append(f"about {', '.join(targets)}")
    networks = set(row["networks"] or ())
    if networks:
        if not networks & set(event["networks"]):
            return None
        why.append("about a network on which it was found")
    if row["windows"]:
        windows = windows_from_json(row["windows"])
        fit = calendars.of_event(con, event, windows)
        return Link(row, "event", event["event_id"], *_placed(row, event), tuple(why), fit) if fit else None
    if not targets and row["restriction"] is None:
        return None
    if not _near(row, event):
        return None
    return Link(row, "event", event["event_id"], *_placed(row, event), (*why, _time_words(row)))


def _to_outage(
    con: duckdb.DuckDBPyConnection,
    row: Mapping[str, Any],
    outage: dict[str, Any],
    outages: Sequence[dict[str, Any]],
) -> Link | None:
    if (
        row["country"] != outage["country"]
        or row["restriction"] in ("blocking", "throttling")
        or outage["parent"]
    ):
        return None
    why = [f"about {country_name(outage['country'])}"]
    networks = set(row["networks"] or ())
    if networks and outage["network"] is not None and outage["network"] not in networks:
        return None
    if row["windows"]:
        if row["targets"]:
            return None
        same = [
            one
            for one in outages
            if (one["country"], one["scope"], one["region"], one["network"])
            == (outage["country"], outage["scope"], outage["region"], outage["network"])
        ]
        fit = calendars.of_outage(con, same, windows_from_json(row["windows"]))
        return (
            Link(row, "outage", outage["outage_id"], *_placed(row, outage), tuple(why), fit) if fit else None
        )
    if row["restriction"] != "shutdown" or row["targets"] or not _near(row, outage):
        return None
    return Link(
        row,
        "outage",
        outage["outage_id"],
        *_placed(row, outage),
        (*why, "about a shutdown", _time_words(row)),
    )


def _time_words(row: Mapping[str, Any]) -> str:
    if row["about_since"] or row["about_until"]:
        return "about the time in which it lasted"
    return f"said within {NEAR.days} days of it"


def _ends(finding: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    return (
        finding["onset_earliest"] or finding["onset_best"],
        finding["end_latest"] or finding["end_best"] if finding["end_best"] else None,
    )


def _near(row: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    """Whether the time that a statement is about, or else when it was said, is that of the finding or near it."""
    first, last = _ends(finding)
    since, until = row["about_since"], row["about_until"]
    margin = _DAY
    if since is None and until is None:
        since, until = _said(row)
        margin = NEAR
        if since is None:
            return False
    starts = since is None or last is None or since < last + margin
    return bool(starts and (until is None or first is None or until > first - margin))


def _said(row: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment at which it may have been said."""
    said, precision = row["said"], row["said_precision"]
    if said is None or precision == "unknown":
        return None, None
    return said, last_moment(said, precision)


def _placed(row: Mapping[str, Any], finding: Mapping[str, Any]) -> tuple[str, str]:
    """Where the statement stands in the course of the finding, and the lag in words."""
    first, last = _said(row)
    if first is None or last is None:
        return "unknown", ""
    onset, end = finding["onset_best"], finding["end_best"]
    early, late = finding["onset_earliest"] or onset, finding["onset_latest"] or onset
    if onset is None or early is None or late is None:
        return (
            ("unknown", "it began before the data")
            if end is None or first < end
            else ("after", _lag(end, end, first, last, "after it ended"))
        )
    if last <= early:
        return "before", _lag(first, last, early, late, "before it began")
    if first < late and last > early:
        return "around the onset", "about when it began"
    if end is None:
        return "during", _lag(early, late, first, last, "after it began")
    end_early, end_late = finding["end_earliest"] or end, finding["end_latest"] or end
    if last <= end_early:
        return "during", _lag(early, late, first, last, "after it began")
    if first >= end_late:
        return "after", _lag(end_early, end_late, first, last, "after it ended")
    return "around the end", "about when it ended"


def _lag(first: datetime, first_last: datetime, second: datetime, second_last: datetime, words: str) -> str:
    """`between 2 h and 26 h before it began`: all that both times leave open."""
    least, most = max(second - first_last, timedelta(0)), max(second_last - first, timedelta(0))
    if least <= timedelta(hours=48) and most <= timedelta(days=7):
        low, high = (f"{round(one / timedelta(hours=1))} h" for one in (least, most))
    else:
        low, high = duration(least), duration(most)
    if low == high:
        return f"{low} {words}"
    if least < timedelta(hours=1):
        return f"up to {high} {words}"
    return f"between {low} and {high} {words}"


def duration(span: timedelta) -> str:
    """A length of time in its natural unit: hours up to two days, days after."""
    hours = round(span / timedelta(hours=1))
    if hours <= 48:
        return f"{hours} h"
    return f"{round(span / timedelta(days=1))} days"


def in_words(found: Sequence[Link]) -> list[str]:
    """The links in lines for people."""
    lines: list[str] = []
    for one in found:
        text = fields(one.statement)
        words = " ".join(str(one.statement["quotation"]).split())
        lines += [
            f"{one.finding}  {one.statement['statement_id']}  {text.get('date', 'date unknown')}  {one.statement['speaker']} ({one.statement['kind']})",
            f"  “{words[:160]}{'…' if len(words) > 160 else ''}”",
        ]
        if one.agreement is not None:
            lines.append(f"  {'LINKED' if one.agreement.linked else 'not linked'}: {one.agreement.because}")
        else:
            lines.append(f"  {PLACES[one.place]}{': ' + one.lag if one.lag else ''}; {', '.join(one.why)}")
    return lines
