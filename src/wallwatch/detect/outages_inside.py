"""What measurements from inside a country add: how many come out, and which targets still answer.

Volunteers cannot upload from a country that is cut off: a collapse of their number supports what signals show
(trap C7), and makes no outage by itself, for volunteers have many reasons to rest. Where only domestic
targets answer (trap S3), the test helpers, which stand abroad, answer nobody, nor do most targets, on most
networks, while some targets work as ever. A helper that fails alone is no such thing: only targets that were
seen to fail count as not answering, and only where they work at other times; what could not be judged without
a helper counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from wallwatch._shares import in_shares
from wallwatch.detect.outages_series import Grid

#: The name of the number of volunteers' sessions among the signals.
SESSIONS = "measurements"

_DAY = 86_400
_HOUR = 3600

#: Lengths of a bin for counting sessions, in seconds; the shortest with enough sessions a bin is taken.
_STEPS = (_HOUR, 3 * _HOUR, 6 * _HOUR, _DAY)
_SESSIONS_A_BIN = 12.0
_LONGEST_DAYS = 3660
#: Sessions in a week from which on a network can fall silent.
_SESSIONS_BEFORE = 5

#: Hours that are looked at together for what answers.
_WINDOW = 6
_SPAN = _WINDOW * _HOUR
#: Measurements that are looked at together, of days that are not larger.
_MEASUREMENTS_AT_ONCE = 500_000
#: Measurements, as `m`, that say whether a helper could be reached, and when.
_COUNTED = "m.helper IS NOT NULL AND m.country IS NOT NULL AND m.time IS NOT NULL AND m.time_flag IS NULL"
#: In such a window: helpers that failed, targets that answered, at least and at most.
_HELPERS_FAIL, _FEWEST_OK, _MOST_OK = 0.8, 0.02, 0.5
#: Tests of services with servers all over the world: with as many that worked, and this share of them, the
#: world outside was within reach.
_SERVICES_OK, _SERVICES_SHARE = 3, 0.33
_LONGEST_SILENCE = 24

#: A target that was seen to fail: judged so, or in a measurement in which nothing at all could be reached.
_FAILED = """(
            (v.state IN ('blocked', 'likely_blocked', 'down')
             OR (v.state = 'impaired' AND NOT coalesce(array_to_string(v.mechanisms, ' ') LIKE '%throttle%', false))
             OR coalesce(list_contains(v.flags, 'probe_offline'), false))
            AND NOT coalesce(list_contains(v.flags, 'instrument'), false))"""

Row = tuple[Any, ...]


def _has(con: duckdb.DuckDBPyConnection, *views: str) -> bool:
    """Whether the connection has the views."""
    try:
        for view in views:
            con.execute(f"SELECT 1 FROM {view} LIMIT 0")
    except duckdb.CatalogException:
        return False
    return True


def session_counts(con: duckdb.DuckDBPyConnection) -> Iterator[Grid]:
    """Sessions of volunteers a bin, one grid a country; none where they are too few to miss any."""
    if not _has(con, "measurements"):
        return
    hours: pa.Table = con.sql(
        """
        SELECT country, CAST(epoch(date_trunc('hour', time)) AS BIGINT) AS second, count(DISTINCT session) AS sessions
        FROM measurements
        WHERE country IS NOT NULL AND time IS NOT NULL AND time_flag IS NULL
        GROUP BY ALL ORDER BY ALL
        """
    ).to_arrow_table()
    if not hours.num_rows:
        return
    countries = np.array(hours.column("country").cast(pa.string()).to_pylist())
    second, sessions = hours.column("second").to_numpy(), hours.column("sessions").to_numpy().astype(float)
    for country in sorted(set(countries.tolist())):
        mine = countries == country
        start = int(second[mine].min()) // _DAY * _DAY
        days = (int(second[mine].max()) - start) // _DAY + 1
        if not 5 <= days <= _LONGEST_DAYS:
            continue
        counts = np.bincount((second[mine] - start) // _HOUR, weights=sessions[mine], minlength=days * 24)
        for step in _STEPS:
            bins = counts.reshape(-1, step // _HOUR).sum(axis=1)
            if np.median(bins) >= _SESSIONS_A_BIN:
                last = int((second[mine].max() - start) // step)
                yield Grid(SESSIONS, "count", step, start, ((country, None, None, None),), bins[None], last)
                break


def silent_networks(con: duckdb.DuckDBPyConnection, country: str, begins: int, ends: int) -> tuple[int, int]:
    """Networks with sessions in the week before a time, and those of them on which at most a tenth went on.

    Args:
        con: A connection with the view `measurements`.
        country: The country.
        begins: Epoch seconds of the time's beginning.
        ends: Of its end.
    """
    rows = con.execute(
        """
        WITH counted AS (
            SELECT network,
                count(DISTINCT session) FILTER (epoch(time) < $begins) AS before,
                count(DISTINCT session) FILTER (epoch(time) >= $begins) AS inside
            FROM measurements
            WHERE country = $country AND network IS NOT NULL AND time_flag IS NULL
              AND epoch(time) >= $begins - $week AND epoch(time) < $ends
            GROUP BY network
        )
        SELECT count(*), count(*) FILTER (inside <= 0.1 * before * ($ends - $begins) / $week)
        FROM counted WHERE before >= $fewest
        """,
        {"country": country, "begins": begins, "ends": ends, "week": 7 * _DAY, "fewest": _SESSIONS_BEFORE},
    ).fetchall()
    return int(rows[0][0]), int(rows[0][1])


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which only some targets answered, and no helper.

    Attributes:
        country: The country.
        before: Epoch seconds of the last measurement that had a control from outside; null where there is none.
        first: Of the first that had none.
        last: Of the last that had none.
        after: Of the first that had one again; null where there is none.
        measurements: Measurements in it that say whether the target answered, of targets that usually do.
        ok: Of these, in which the target answered.
        networks: Networks measured in it.
        networks_ok: Of these, on which some target answered.
        targets_ok: Targets that answered, at most five, sorted.
    """

    country: str
    before: int | None
    first: int
    last: int
    after: int | None
    measurements: int
    ok: int
    networks: int
    networks_ok: int
    targets_ok: tuple[str, ...]


def domestic_stretches(
    con: duckdb.DuckDBPyConnection, measurements_at_once: int = _MEASUREMENTS_AT_ONCE
) -> list[Stretch]:
    """The stretches of each country in which domestic targets alone answered, by country and time.

    Measurements are looked at some days at a time, so that memory does not grow with the history; and what targets usually
    do is asked only of countries where helpers failed.

    Args:
        con: A connection with the views of a workspace.
        measurements_at_once: About how many are looked at together.
    """
    if not _has(con, "measurements", "verdicts"):
        return []
    days: list[tuple[int, int]] = con.sql(
        f"SELECT CAST(floor(epoch(time) / {_DAY}) AS BIGINT) AS day, count(*) FROM measurements AS m "
        f"WHERE {_COUNTED} GROUP BY day ORDER BY day"
    ).fetchall()
    shares = [(share[0], share[-1]) for share in in_shares(days, measurements_at_once)]
    windows: list[Row] = []
    for first, last in shares:
        windows += con.sql(
            f"""
            SELECT country, second // {_SPAN} AS span, count(*), count(*) FILTER (cut_off),
                   min(second) FILTER (cut_off), max(second) FILTER (cut_off),
                   min(second) FILTER (NOT cut_off), max(second) FILTER (NOT cut_off)
            FROM ({_judged(first, last)}) GROUP BY ALL
            """
        ).fetchall()
    cut = [(country, span) for country, span, total, cut_off, *_ in windows if _is_cut(total, cut_off)]
    answered = _what_answered(con, shares, cut) if cut else {}
    by_country: dict[str, list[Row]] = {}
    for country, span, *counted in sorted(windows):
        by_country.setdefault(country, []).append((span, *counted, answered.get((country, span))))
    found: list[Stretch] = []
    for country in sorted(by_country):
        found += [one for one in _stretches(country, by_country[country]) if not _services_opened(con, one)]
    return found


def _judged(first: int, last: int, more: str = "true") -> str:
    """A query of what was judged of measurements with a helper, on days since 1970-01-01 from one to another."""
    within = " AND ".join(
        f"{table}.time >= to_timestamp({first * _DAY}) AND {table}.time < to_timestamp({(last + 1) * _DAY})"
        for table in "mv"
    )
    return f"""
        SELECT m.country, m.network, m.session, v.target, m.helper_failure IS NOT NULL AS cut_off,
               v.state = 'ok' AS ok, {_FAILED} AS failed, CAST(floor(epoch(m.time)) AS BIGINT) AS second
        FROM measurements AS m JOIN verdicts AS v USING (measurement_id)
        WHERE v.layer = 'all' AND {_COUNTED} AND {within} AND {more}
    """


def _what_answered(
    con: duckdb.DuckDBPyConnection, shares: Sequence[tuple[int, int]], cut: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], Row]:
    """What answered in windows in which helpers failed, each by its country and number, of targets that usually answer.

    Those are: measurements in which such a target answered, networks, networks on which one did, the targets, sessions,
    and measurements.
    """
    con.execute("CREATE OR REPLACE TEMP TABLE detect_cut (country VARCHAR, span BIGINT)")
    con.execute(
        "INSERT INTO detect_cut SELECT unnest($1), unnest($2)", [[c for c, _ in cut], [s for _, s in cut]]
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE detect_usual "
        "(country VARCHAR, network BIGINT, target VARCHAR, ok BIGINT, measured BIGINT)"
    )
    here = "m.country IN (SELECT country FROM detect_cut)"
    for first, last in shares:
        con.execute(
            f"""
            INSERT INTO detect_usual SELECT country, network, target, count(*) FILTER (ok), count(*)
            FROM ({_judged(first, last, here)}) WHERE NOT cut_off AND (ok OR failed) GROUP BY ALL
            """
        )
    for name, keys in (
        ("detect_usual_here", "country, network, target"),
        ("detect_usual_all", "country, target"),
    ):
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {keys}, sum(ok) / sum(measured) AS share "
            "FROM detect_usual GROUP BY ALL"
        )
    # A target that is blocked or gone at other times too says nothing of this one.
    found: list[Row] = []
    days = {span * _SPAN // _DAY for _, span in cut}
    for first, last in shares:
        if any(first <= day <= last for day in days):
            found += con.sql(
                f"""
                WITH weighed AS (
                    SELECT j.*, cut_off AND (ok OR failed) AND coalesce(h.share, u.share, 1) >= 0.5 AS counts
                    FROM ({_judged(first, last, here)}) AS j
                    JOIN detect_cut AS c ON c.country = j.country AND c.span = j.second // {_SPAN}
                    LEFT JOIN detect_usual_here AS h
                      ON h.country = j.country AND h.target = j.target AND h.network IS NOT DISTINCT FROM j.network
                    LEFT JOIN detect_usual_all AS u ON u.country = j.country AND u.target = j.target
                )
                SELECT country, second // {_SPAN} AS span, count(*) FILTER (counts AND ok),
                       list(DISTINCT network) FILTER (counts), list(DISTINCT network) FILTER (counts AND ok),
                       list(DISTINCT target) FILTER (counts AND ok), count(DISTINCT session) FILTER (counts),
                       count(*) FILTER (counts)
                FROM weighed GROUP BY ALL
                """
            ).fetchall()
    for name in ("detect_cut", "detect_usual", "detect_usual_here", "detect_usual_all"):
        con.execute(f"DROP TABLE {name}")
    return {(row[0], row[1]): row[2:] for row in found}


def _services_opened(con: duckdb.DuckDBPyConnection, stretch: Stretch) -> bool:
    """Whether services with servers all over the world worked meanwhile.

    Their names have no dot: a target that is of no such service counts as its registrable name.
    """
    row = con.execute(
        f"""
        SELECT count(*) FILTER (v.state = 'ok'), count(*) FILTER (v.state = 'ok' OR {_FAILED})
        FROM measurements AS m JOIN verdicts AS v USING (measurement_id)
        WHERE v.layer = 'all' AND m.country = $country AND m.time_flag IS NULL
          AND v.service NOT LIKE '%.%' AND v.service NOT LIKE '%:%'
          AND epoch(m.time) BETWEEN $first AND $last
        """,
        {"country": stretch.country, "first": stretch.first, "last": stretch.last},
    ).fetchone()
    opened, judged = (0, 0) if row is None else (int(row[0]), int(row[1]))
    return opened >= _SERVICES_OK and opened >= _SERVICES_SHARE * judged


def _stretches(country: str, windows: list[Row]) -> Iterator[Stretch]:
    group: list[Row] = []
    before: int | None = None
    for row in [*windows, None]:
        cut = row is not None and _is_cut(row[1], row[2])
        gap = (
            bool(group) and row is not None and (int(row[0]) - int(group[-1][0])) * _WINDOW > _LONGEST_SILENCE
        )
        if group and (not cut or gap):
            after = None if row is None else _moment(row[5])
            if (stretch := _stretch(country, group, before, after)) is not None:
                yield stretch
            group = []
        if row is None:
            return
        if cut:
            group.append(row)
        if not cut and _moment(row[6]) is not None:
            before = _moment(row[6])


def _is_cut(total: int, cut_off: int) -> bool:
    return total > 0 and cut_off >= _HELPERS_FAIL * total


def _moment(value: Any) -> int | None:
    return None if value is None else int(value)


def _stretch(country: str, group: list[Row], before: int | None, after: int | None) -> Stretch | None:
    """The group's windows as one stretch; null unless some targets answered, and most did not, on most networks."""
    measured = ok = sessions = 0
    networks: set[int] = set()
    answered: set[int] = set()
    targets: set[str] = set()
    for *_, what in group:
        if what is not None:
            ok += what[0]
            networks |= set(what[1] or ())
            answered |= set(what[2] or ())
            targets |= set(what[3] or ())
            sessions += what[4]
            measured += what[5]
    share = ok / measured if measured else 0.0
    enough = (
        sessions >= 4 and len(networks) >= 2 and len(answered) >= 2 and 2 * len(answered) >= len(networks)
    )
    if not enough or not _FEWEST_OK <= share <= _MOST_OK:
        return None
    first, last = _moment(group[0][3]), _moment(group[-1][4])
    if first is None or last is None:
        return None
    return Stretch(
        country,
        before,
        first,
        last,
        after,
        measured,
        ok,
        len(networks),
        len(answered),
        tuple(sorted(targets)[:5]),
    )
