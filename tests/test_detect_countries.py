"""Events told country by country are those that are told of all countries together."""

import pyarrow as pa
import pytest

from detect_worlds import many_countries
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

    for statement in by_country.FAULTY[0]:
        whole.execute(statement)
    faulty = whole.sql(by_country.FAULTY[1]).to_arrow_table()
    verdicts = world.table()
    names = pa.array(verdicts["country"].to_pylist())
    apart = [
        world.connect(verdicts.filter(pa.compute.equal(names, country)).select(by_country.COLUMNS))
        for country in ("XA", "XB", "XC", "XD", "XE")
    ]
    said = pa.concat_tables(by_country.said(con, faulty).read_all() for con in apart)
    assert said.schema == by_country.SAID
    whole.execute("DROP TABLE detect_rows")
    whole.register("detect_rows", said)
    outages, fine, found = by_country.together(whole, faulty)
    doubts = []
    for con in apart:
        events, more = by_country.restrictions(con, faulty, outages, fine)
        found, doubts = found + events, doubts + more
    assert [table.to_pylist() for table in detect.in_order(found, doubts)] == [
        expected.to_pylist(),
        doubted.to_pylist(),
    ]


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
