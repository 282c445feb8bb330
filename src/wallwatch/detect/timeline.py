"""An event hour by hour: votes, measurements and the probability of a restriction, by network and layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch.detect import rows
from wallwatch.detect.find import twice
from wallwatch.detect.votes import AGAINST, UNITS, votes

TIMELINE = pa.schema(
    [
        ("network", pa.int64()),
        ("target", pa.string()),
        ("layer", pa.string()),
        ("hour", pa.timestamp("us", tz="UTC")),
        ("votes", pa.float64()),
        ("votes_blocked", pa.float64()),
        ("measurements", pa.int64()),
        ("blocked", pa.int64()),
        ("probability", pa.float64()),
    ]
)


def timeline(con: duckdb.DuckDBPyConnection, event: Mapping[str, Any]) -> pa.Table:
    """What the filter saw and said, for every network, target and layer that has a vote against the target.

    Args:
        con: Shows `verdicts`.
        event: A row of `events`; its `kind`, `country` and `service` are used.

    Returns:
        Columns as `TIMELINE`, sorted by network, target, layer and hour, from all of the data and not only the event's
        span. Empty for events of other kinds than `blocking` and `throttling`.
    """
    if event["kind"] not in AGAINST:
        return TIMELINE.empty_table()
    # A country's rows are all that its series rest on, but for what all countries tell of faulty software.
    rows.prepare(con, trusted=True, faulty=rows.find_faulty(con), countries=[event["country"]])
    series = votes(con, event["kind"], event["country"], event["service"])
    smoothed = twice(series)
    of = series.series
    con.register(
        "detect_hours",
        pa.table(
            {
                "network": pa.array(
                    np.array([key[3] for key in series.keys], dtype=np.int64)[of], pa.int64()
                ),
                "target": pa.array([series.keys[i][2] for i in of], pa.string()),
                "layer": pa.array([series.keys[i][4] for i in of], pa.string()),
                "hour_index": pa.array(series.hour, pa.int64()),
                "votes": pa.array(series.n / UNITS, pa.float64()),
                "votes_blocked": pa.array(series.k / UNITS, pa.float64()),
                "probability": pa.array(smoothed.blocked, pa.float64()),
            }
        ),
    )
    query = f"""
        SELECT h.network, h.target, h.layer, make_timestamptz(h.hour_index * 3600000000) AS hour, h.votes,
          h.votes_blocked, count(*) FILTER (r.rank <= 5) AS measurements,
          count(*) FILTER ({AGAINST[event["kind"]]}) AS blocked, h.probability
        FROM detect_hours h JOIN detect_rows r
          ON r.country = $country AND r.service = $service AND r.network = h.network AND r.target = h.target
          AND r.layer = h.layer AND r.hour_index = h.hour_index
        GROUP BY ALL ORDER BY h.network, h.target, h.layer, hour
    """
    got = con.sql(query, params={"country": event["country"], "service": event["service"]}).to_arrow_table()
    con.unregister("detect_hours")
    return got.cast(TIMELINE)
