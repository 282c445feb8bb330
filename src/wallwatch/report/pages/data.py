"""The data: what was taken in, what was set aside and why, what was kept out of the counts."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from wallwatch.report.facts import MOST_LISTED, rows
from wallwatch.report.pages.overview import totals

#: What a flag on a measurement's time means.
TIME_FLAGS: Final = {
    "missing": "it does not say when it was made",
    "before_2012": "it claims to be older than the first probes",
    "future": "it claims to be from the future",
    "shifted": "the probe's clock is hours away from the collector's",
}

#: Why no event was made of what may be forged.
DOUBTS: Final = {
    "share": "so large a share of the sessions can be forged",
    "around": "it also fails at other times, when no restriction is in force",
    "pace": "as many sessions an hour find it blocked, however many others measure",
    "uneven": "some kinds of probe always find it blocked, others never",
}

#: What a flag on a measurement itself means.
FLAGS: Final = {
    "probe_offline": "the probe lost its own connection",
    "instrument": "this version of the probe fails wherever it runs",
    "local_filter": "a filter of a company, a school or a hotel was seen, which says nothing of the network",
    "captive_portal": "unrelated sites all met the same thing in one session only: a portal or filter of its own place",
    "resolver_silent": "the resolver answered for no name at all at that time, of six sites or more in a row",
    "implausible": "it says what cannot be, and has no voice in what is said of others",
    "geolocation_doubtful": "it claims another country than nearly all measurements of its network",
    "clock_wrong": "the probe's clock is wrong",
    "time_missing": "it does not say when it was made",
    "time_before_2012": "it claims to be older than the first probes",
    "time_future": "it claims to be from the future",
    "time_shifted": "the probe's clock is hours away from the collector's",
}


def context(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What `data.html` shows.

    Args:
        con: Inside `counted`.
    """
    order = {
        "files": "set_aside DESC, path, file_id",
        "kinds": "kind",
        "reasons": "n DESC, reason",
        "quarantine": "ALL",
        "nettests": "measurements DESC, nettest",
        "times": "n DESC, flag",
        "flags": "n DESC, flag",
    }
    return {
        "totals": totals(con),
        **{name: rows(con, f"SELECT * FROM report_{name} ORDER BY {by}") for name, by in order.items()},
        "signals": rows(
            con,
            """
            SELECT signal, sum(rows)::BIGINT AS rows, count(DISTINCT country) AS countries,
              sum(places)::BIGINT AS places, min(first) AS first, max(last) AS last
            FROM report_signals GROUP BY signal ORDER BY signal
            """,
        ),
        "doubts": rows(
            con,
            f"""
            SELECT country, network, service, first_seen, last_seen, votes, votes_blocked, reason FROM doubts
            ORDER BY country, service, network, first_seen LIMIT {MOST_LISTED}
            """,
        ),
        "doubt_words": DOUBTS,
        "time_flags": TIME_FLAGS,
        "flag_words": FLAGS,
        "most": MOST_LISTED,
    }
