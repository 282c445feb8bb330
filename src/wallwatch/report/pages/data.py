"""The data: what was taken in, what was set aside and why, what was kept out of the counts."""

from __future__ import annotations

from typing import Any, Final

import duckdb

from wallwatch.report.facts import rows
from wallwatch.report.pages.overview import totals

_MOST: Final = 200

#: What a flag on a measurement's time means.
TIME_FLAGS: Final = {
    "missing": "it does not say when it was made",
    "before_2012": "it claims to be older than the first probes",
    "future": "it claims to be from the future",
    "shifted": "the probe's clock is hours away from the collector's",
}

#: What a flag on a measurement itself means.
FLAGS: Final = {
    "probe_offline": "the probe lost its own connection",
    "instrument": "this version of the probe fails wherever it runs",
    "local_filter": "a filter of a company, a school or a hotel was seen, which says nothing of the network",
    "captive_portal": "unrelated sites all met the same thing in one session only: a portal or filter of its own place",
    "implausible": "it says what cannot be, and has no voice in what is said of others",
    "geolocation_doubtful": "it claims another country than nearly all measurements of its network",
    "clock_wrong": "the probe's clock is wrong",
    "time_missing": "it does not say when it was made",
    "time_before_2012": "it claims to be older than the first probes",
    "time_future": "it claims to be from the future",
    "time_shifted": "the probe's clock is hours away from the collector's",
}


def context(con: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """What `data.html` shows."""
    return {
        "totals": totals(con),
        "files": rows(
            con,
            f"""
            SELECT min(path) AS path, file_id, kind, max(size) AS size, max(measurements) AS measurements,
              max(signals) AS signals, max(set_aside) AS set_aside, count(*) AS names
            FROM files GROUP BY file_id, kind ORDER BY set_aside DESC, path, file_id LIMIT {_MOST}
            """,
        ),
        "kinds": rows(
            con,
            """
            SELECT kind, count(DISTINCT file_id) AS files, sum(measurements)::BIGINT AS measurements,
              sum(signals)::BIGINT AS signals, sum(set_aside)::BIGINT AS set_aside
            FROM (SELECT DISTINCT file_id, kind, measurements, signals, set_aside FROM files)
            GROUP BY kind ORDER BY kind
            """,
        ),
        "reasons": rows(
            con,
            f"""
            SELECT reason, count(*) AS n, count(DISTINCT file_id) AS files FROM quarantine
            GROUP BY reason ORDER BY n DESC, reason LIMIT {_MOST}
            """,
        ),
        "quarantine": rows(
            con,
            f"""
            SELECT coalesce(n.path, q.file_id) AS path, q.line, q.byte_offset, q.reason, q.excerpt
            FROM quarantine q LEFT JOIN (SELECT file_id, min(path) AS path FROM files GROUP BY file_id) n
              USING (file_id)
            ORDER BY ALL LIMIT {_MOST}
            """,
        ),
        "nettests": rows(
            con,
            f"""
            SELECT nettest, count(*) AS measurements, count(DISTINCT session) AS sessions,
              count(DISTINCT target) AS targets, count(DISTINCT country) AS countries,
              count(*) FILTER (observations = 0) AS empty,
              count(*) FILTER (helper_failure IS NOT NULL) AS no_control,
              min(time) FILTER (time_flag IS NULL) AS first, max(time) FILTER (time_flag IS NULL) AS last
            FROM measurements GROUP BY nettest ORDER BY measurements DESC, nettest LIMIT {_MOST}
            """,
        ),
        "times": rows(
            con,
            """
            SELECT CASE WHEN time IS NULL THEN 'missing' ELSE time_flag END AS flag, count(*) AS n
            FROM measurements WHERE time_flag IS NOT NULL OR time IS NULL GROUP BY flag ORDER BY n DESC, flag
            """,
        ),
        "flags": rows(
            con,
            """
            SELECT flag, count(DISTINCT measurement_id) AS n
            FROM (SELECT measurement_id, unnest(flags) AS flag FROM verdicts WHERE layer = 'all')
            GROUP BY flag ORDER BY n DESC, flag
            """,
        ),
        "signals": rows(
            con,
            """
            SELECT signal, sum(rows)::BIGINT AS rows, count(DISTINCT country) AS countries,
              sum(places)::BIGINT AS places, min(first) AS first, max(last) AS last
            FROM report_signals GROUP BY signal ORDER BY signal
            """,
        ),
        "time_flags": TIME_FLAGS,
        "flag_words": FLAGS,
        "most": _MOST,
    }
