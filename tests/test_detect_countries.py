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

    verdicts = world.table()
    names = pa.array(verdicts["country"].to_pylist())

    class Apart:
        """Each share is looked at by a connection that sees the verdicts of its countries alone."""

        def each(self, work, shares):
            for share in shares:
                seen = verdicts.filter(pa.compute.is_in(names, pa.array(share)))
                yield work(world.connect(seen), share)

        def queries(self, prepare, shares):
            for told in self.each(lambda con, share: con.sql(prepare(con, share)).to_arrow_table(), shares):
                whole.register("told", told)
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
