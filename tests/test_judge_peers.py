"""What several sessions say together is counted by session, however often and under however many hours one measures."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from wallwatch.judge import judging
from wallwatch.judge.steps import gather, peers

START = date(2026, 3, 4)
VOTES = st.lists(
    st.fixed_dictionaries(
        {
            "u": st.integers(1, 2),
            "hour": st.integers(0, 95),
            "network": st.integers(1, 5),
            "s": st.integers(1, 12),
            "software": st.sampled_from(["old 1", "new 2", None]),
            "opened": st.booleans(),
        }
    ),
    max_size=120,
)


def counted(votes, table, *statements, rows_at_once=None):
    """The rows that statements make of the votes; a session is in one network, and fails where it does not open."""
    with duckdb.connect() as con:
        con.execute(next(sql for sql in gather.TABLES if "judge_votes" in sql))
        rows = [
            {
                **vote,
                "day": START + timedelta(days=vote["hour"] // 24),
                "country": f"C{vote['network'] % 3}",
                "s": 100 * vote["network"] + vote["s"],
                "nettest": "web_connectivity",
                "failed": not vote["opened"],
            }
            for vote in votes
        ]
        if rows:
            con.register("given_votes", pa.Table.from_pylist(rows))
            con.execute("INSERT INTO judge_votes BY NAME SELECT * FROM given_votes")
        con.execute("CREATE TABLE judge_heard AS SELECT * FROM judge_votes")
        judging.conclude(con, statements, rows_at_once)
        return rows, con.sql(f"SELECT * FROM {table}").to_arrow_table().to_pylist()


def sessions(rows, *by):
    """For each value of those columns and each day around: the sessions that opened, and those that failed."""
    found = defaultdict(lambda: (set(), set()))
    for row in rows:
        for shift in (-1, 0, 1):
            key = (*(row[name] for name in by), row["day"] + timedelta(days=shift))
            found[key][0 if row["opened"] else 1].add(row["s"])
    return found


@settings(max_examples=25, deadline=None)
@given(VOTES)
def test_c1_each_network_counts_its_sessions_of_three_days_once(votes):
    counting = (peers.LONG, peers.BY_DAY, peers.BY_NETWORK)
    rows, found = counted(votes, "judge_by_network", *counting)
    assert {
        (row["u"], row["network"], row["day"]): (row["sessions_ok"], row["sessions_bad"]) for row in found
    } == {key: (len(ok), len(bad)) for key, (ok, bad) in sessions(rows, "u", "network").items()}
    assert all(row["country"] == f"C{row['network'] % 3}" for row in found)
    _, in_shares = counted(votes, "judge_by_network", *counting, rows_at_once=9)
    assert sorted(in_shares, key=repr) == sorted(found, key=repr)


def fails_everywhere(rows):
    """Versions that fail in three networks in which another version works, and hardly ever open (trap J21)."""
    by_version = sessions([row for row in rows if row["software"]], "u", "software", "network")
    for u, software, day in {(u, software, day) for u, software, _, day in by_version}:
        own = {n: both for (v, s, n, d), both in by_version.items() if (v, s, d) == (u, software, day)}
        bad = {n for n, (ok, failed) in own.items() if len(failed) > len(ok)}
        others = {
            n
            for (v, s, n, d), (ok, failed) in by_version.items()
            if (v, d) == (u, day) and s != software and n in bad and len(ok) > len(failed)
        }
        opened, failed = (sum(len(both[place]) for both in own.values()) for place in (0, 1))
        if len(others) >= 3 and 3 * opened <= failed:
            yield u, software, day


@settings(max_examples=25, deadline=None)
@given(VOTES, st.integers(3, 5))
def test_j21_versions_are_faulty_where_others_work_in_the_same_networks(votes, networks):
    contrast = [
        {"u": 1, "hour": 30, "network": n + 1, "s": s, "software": software, "opened": software == "new 2"}
        for n in range(networks)
        for s, software in ((20, "old 1"), (21, "new 2"))
    ]
    rows, found = counted(votes + contrast, "judge_faulty", peers.FAULTY)
    assert {(row["u"], row["software"], row["day"]) for row in found} == set(fails_everywhere(rows))
    _, in_shares = counted(votes + contrast, "judge_faulty", peers.FAULTY, rows_at_once=9)
    assert sorted(in_shares, key=repr) == sorted(found, key=repr)
    rows, found = counted(contrast, "judge_faulty", peers.FAULTY)
    assert {(row["software"], row["day"]) for row in found} == {
        ("old 1", START + timedelta(days=days)) for days in (0, 1, 2)
    }
