"""Events told country by country are those that are told of all countries together."""

import numpy as np
import pyarrow as pa
import pytest

from detect_worlds import World, at, between, many_countries
from wallwatch import detect
from wallwatch.detect import by_country, rows
from wallwatch.detect.votes import votes


def test_country_by_country_is_the_same_as_all_together() -> None:
    world = many_countries()
    whole = world.connect()
    expected, doubted = detect.events_and_doubts(whole)
    kinds = expected["kind"].to_pylist()
    assert sorted(set(kinds)) == ["blocking", "instrument", "service_outage"]
    assert "forum.example" in expected["service"].to_pylist()  # contradicted by another country alone

    verdicts = world.table()
    names = pa.array(verdicts["country"].to_pylist())

    class Apart:
        """Each share is looked at by a connection that sees the verdicts of its countries alone."""

        def each(self, work, shares):
            for share in shares:
                seen = verdicts.filter(pa.compute.is_in(names, pa.array(share)))
                yield work(world.connect(seen), share)

        def queries(self, prepare, shares):
            def told(con, share):
                return [con.sql(query).to_arrow_table() for query in prepare(con, share)]

            for tables in self.each(told, shares):
                for table in tables:
                    whole.register("told", table)
                    yield "SELECT * FROM told"

    found = detect.events_and_doubts(whole, rows_at_once=1, hands=Apart())
    assert [table.to_pylist() for table in found] == [expected.to_pylist(), doubted.to_pylist()]


@pytest.mark.parametrize("rows_at_once", [1, 3_000])
def test_countries_are_looked_at_one_after_the_other_where_all_are_too_many(rows_at_once: int) -> None:
    con = many_countries().connect()
    expected = detect.events_and_doubts(con)
    found = by_country.events_and_doubts(con, rows_at_once)
    assert [table.to_pylist() for table in found] == [table.to_pylist() for table in expected]
    assert not con.sql("SELECT table_name FROM duckdb_tables() WHERE table_name = 'detect_said'").fetchall()


def test_a_countrys_votes_need_only_its_own_rows_and_what_is_known_of_software() -> None:
    con = many_countries().connect()
    for country, service in (("XA", "map.example"), ("XC", "news.example"), ("XA", "forum.example")):
        rows.prepare(con, trusted=True)
        whole = votes(con, "blocking", country, service)
        rows.prepare(con, trusted=True, faulty=rows.find_faulty(con), countries=[country])
        alone = votes(con, "blocking", country, service)
        assert alone.keys == whole.keys
        assert [alone.hour.tolist(), alone.k.tolist(), alone.n.tolist()] == [
            whole.hour.tolist(),
            whole.k.tolist(),
            whole.n.tolist(),
        ]
    assert con.sql("SELECT count(*) FROM detect_faulty").fetchall() == [(1,)]
    assert len(whole)


@pytest.mark.parametrize("rows_at_once", [1, 400])
def test_a_country_that_is_too_large_is_told_by_days_and_services_as_it_is_at_once(rows_at_once: int) -> None:
    world, rng = World(), np.random.default_rng(17)
    night = between(at(4, -3), at(4, 5))  # nothing gets through, on both sides of midnight (traps S1 to S4)
    for number in range(10):
        for network in (64500, 64501):
            world.regularly(
                rng, 0.4, at(0), at(9), night, evidence="peers", network=network, target=f"s{number}.example"
            )
    blocked = between(at(2), at(6))
    world.regularly(rng, 1, at(0), at(9), blocked, target="news.example", evidence="artefact")
    world.regularly(
        rng, 1, at(0), at(9), blocked, target="chat.example", mechanism="tls.throttle", found="impaired"
    )
    for day in range(7):  # one that finds everything blocked, a service a day (trap C18)
        world.measure(at(day), "likely_blocked", target=f"s{day}.example", session="sick")
        world.measure(at(day), "likely_blocked", target=f"s{day}.example", session="not so")
        world.measure(at(day, 1), "ok", target=f"s{day + 3}.example", session="not so")
    for day in (0, 2, 4):  # a service that it finds blocked again and again is one of seven
        for number in range(5):
            world.measure(at(day), "likely_blocked", target=f"s{number}.example", session="again")
    for number in (5, 6):
        world.measure(at(1), "ok", target=f"s{number}.example", session="again")
    con = world.connect()
    expected = by_country.events_and_doubts(con)
    asked = [f"FROM {name} ORDER BY ALL" for name in ("detect_lost", "detect_sick")]
    kept = [con.sql(query).fetchall() for query in asked]
    assert all(kept)
    assert ("XA", "sick") in kept[1]
    assert not {("XA", "not so"), ("XA", "again")} & set(kept[1])
    assert "news.example" in expected[0]["service"].to_pylist()

    found = by_country.events_and_doubts(con, rows_at_once)
    assert [table.to_pylist() for table in found] == [table.to_pylist() for table in expected]
    assert [con.sql(query).fetchall() for query in asked] == kept
    assert con.sql("SELECT count(*) FROM verdicts").fetchall() == [(len(world.rows),)]
