"""Outages: losses of connectivity of a country, a region or a network, found in signals.

The way: series to matrices (`outages_series`), what is ordinary for each (`outages_baseline`), places to
regions and countries and the probability of loss (`outages_tracks`, `outages_filter`), losses with onset,
end and depth (`outages_episodes`), faults of instruments (`outages_faults`), several sources and nights as
one (`outages_fuse`), and a table that decides the kind (`outages_kinds`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch.detect.outages_country import rows
from wallwatch.detect.outages_episodes import losses
from wallwatch.detect.outages_inside import SESSIONS, domestic_stretches, session_counts, silent_networks
from wallwatch.detect.outages_series import grids
from wallwatch.detect.outages_tracks import Look, look
from wallwatch.detect.outages_world import Course, Fell, Silence, World
from wallwatch.schema import OUTAGES

_TIMELINE = pa.schema(
    [
        ("region", pa.string()),
        ("place", pa.string()),
        ("signal", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),
        ("value", pa.float64()),
        ("baseline", pa.float64()),
        ("probability", pa.float64()),
    ]
)


def outages(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The outages in the view `signals`: rows of `OUTAGES`, sorted by its key.

    Where the views `measurements` and `verdicts` are there too, they add what can be told from inside a country.

    Args:
        con: A connection with the views of a workspace.
    """
    world = World()
    for grid in chain(grids(con), session_counts(con)):
        _take_in(world, look(grid))
    for stretch in domestic_stretches(con):
        world.domestic.setdefault(stretch.country, []).append(stretch)
    for country, losses_ in sorted(world.losses.items()):
        for loss in losses_:
            if loss.signal == SESSIONS:
                networks, silent = silent_networks(con, country, loss.begins, loss.ends)
                world.silences.setdefault(country, []).append(Silence(loss, networks, silent))
    found = [
        row
        for country in sorted({*world.losses, *world.faults, *world.domestic})
        for row in rows(country, world)
    ]
    earliest = datetime.min.replace(tzinfo=UTC)
    found.sort(
        key=lambda row: (
            row["country"],
            row["scope"],
            row.get("region") or "",
            row.get("network") or -1,
            row["onset_earliest"] or earliest,
            row["outage_id"],
        )
    )
    return OUTAGES.from_rows(found)


def _take_in(world: World, seen: Look) -> None:
    grid = seen.grid
    for track in seen.tracks:
        course = Course(grid.signal, grid.unit, grid.start, grid.step, track.share.astype(np.float32))
        world.courses.setdefault(track.scope, []).append(course)
        if track.scope[1:] == (None, None):
            world.measured.setdefault(grid.signal, set()).add(track.scope[0])
    for loss in losses(seen):
        world.losses.setdefault(loss.scope[0], []).append(loss)
        if loss.scope[1:] == (None, None):
            world.national.setdefault(loss.signal, {}).setdefault(loss.scope[0], []).append(loss.begins)
    for fault in seen.faults if grid.signal != SESSIONS else []:
        fell = Fell(
            grid.signal, grid.seconds(fault.first), grid.seconds(fault.last + 1), fault.what, fault.silent
        )
        world.faults.setdefault(fault.country, []).append(fell)


#: How much of the signals before an outage, and after it, charts of it are drawn from.
_BEFORE = timedelta(days=90)
_AFTER = timedelta(days=14)


def outage_timeline(
    con: duckdb.DuckDBPyConnection, outage: Mapping[str, Any], *, probabilities: bool = True
) -> pa.Table:
    """How an outage's scope went, from three days before it to two days after: for charts.

    Args:
        con: A connection with the view `signals`.
        outage: A row of `outages`; its country, region, network, signals, onset and end are used.
        probabilities: Whether to compute the probabilities, which take most of the time; null without.

    Returns:
        `region`, `place`, `signal`, `time`, `value`, `baseline`, `probability` (of loss), sorted. The scope
        itself comes with null `place` (and null `region` for a country): means over its places of value and
        baseline. A country is followed by its regions, a region by its places; places have no probability.
    """
    region, network = outage.get("region"), outage.get("network")
    where = ["country = ?", "signal IN (SELECT unnest(?))"]
    values: list[object] = [outage["country"], list(outage["signals"])]
    if region is not None:
        where.append("region = ?")
        values.append(region)
    where.append("network IS NULL" if network is None else "network = ?")
    if network is not None:
        values.append(network)
    onset = outage.get("onset_best") or outage.get("onset_latest")
    begin = None if onset is None else (onset - timedelta(days=3)).timestamp()
    end = outage.get("end_best")
    finish = None if end is None else (end + timedelta(days=2)).timestamp()
    # What is usual is told from weeks, not from years.
    if onset is not None:
        where.append("time >= ?")
        values.append(onset - _BEFORE)
    if end is not None:
        where.append("time <= ?")
        values.append(end + _AFTER)
    parts = [
        _lines(look(grid, probabilities=probabilities), outage["country"], region, network, begin, finish)
        for grid in grids(con, " AND ".join(where), values)
    ]
    table = pa.concat_tables([_TIMELINE.empty_table(), *(part for some in parts for part in some)])
    order = [(name, "ascending") for name in ("signal", "region", "place", "time")]
    return table.sort_by(order)


def _lines(
    seen: Look,
    country: str,
    region: str | None,
    network: int | None,
    begin: float | None,
    finish: float | None,
) -> list[pa.Table]:
    grid = seen.grid
    first = 0 if begin is None else max(int((begin - grid.start) // grid.step), 0)
    last = (
        grid.last + 1 if finish is None else min(int((finish - grid.start) // grid.step) + 1, grid.last + 1)
    )
    if first >= last:
        return []
    seconds = grid.start + np.arange(first, last) * grid.step
    time = pa.array(seconds * 1_000_000).cast(pa.timestamp("us", tz="UTC"))
    middle = seen.usual.middle

    def line(of: str | None, place: str | None, rows_: np.ndarray, lost: np.ndarray | None) -> pa.Table:
        value = _mean(grid.values[rows_, first:last])
        usual = _mean(np.where(np.isnan(grid.values[rows_, first:last]), np.nan, middle[rows_, first:last]))
        usual = np.where(np.isnan(usual), _mean(middle[rows_, first:last]), usual)
        columns = [
            pa.repeat(pa.scalar(of, pa.string()), len(time)),
            pa.repeat(pa.scalar(place, pa.string()), len(time)),
            pa.repeat(grid.signal, len(time)),
            time,
            pa.array(value, from_pandas=True),
            pa.array(usual, from_pandas=True),
            pa.nulls(len(time), pa.float64())
            if lost is None
            else pa.array(lost[first:last], pa.float64(), from_pandas=True),
        ]
        return pa.Table.from_arrays(columns, schema=_TIMELINE)

    found = []
    for track in seen.tracks:
        if track.scope == (country, region, network):
            found.append(line(region, None, track.rows, track.lost))
            if region is not None and network is None:
                found += [
                    line(region, grid.keys[row][2], track.rows[i : i + 1], None)
                    for i, row in enumerate(track.rows)
                    if grid.keys[row][2]
                ]
        elif region is None and network is None and track.scope[2] is None:
            found.append(line(track.scope[1], None, track.rows, track.lost))
    return found


def _mean(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, values, 0).sum(axis=0) / np.maximum(count, 1), np.nan)
