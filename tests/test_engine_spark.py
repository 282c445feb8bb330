"""What DuckDB's statements are called in Spark."""

import pytest

from wallwatch import detect, judge
from wallwatch.detect import by_country
from wallwatch.engine.spark import translate


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        (
            "SELECT len(string_split(a, ' ')) FROM t",
            "SELECT SIZE(SPLIT(a, CONCAT('\\\\Q', ' ', '\\\\E'))) FROM t",
        ),
        ("SELECT a SIMILAR TO '(x|y).*' FROM t", "SELECT a RLIKE '^(?:(x|y).*)$' FROM t"),
        (
            "SELECT a, row_number() OVER () AS n FROM t",
            "SELECT a, (MONOTONICALLY_INCREASING_ID() + 1) AS n FROM t",
        ),
        (
            "INSERT INTO s SELECT 7 + row_number() OVER (ORDER BY b.x, c) AS n, a, b.y AS z FROM t AS b",
            """INSERT INTO s SELECT 7 + (MONOTONICALLY_INCREASING_ID() + 1) AS n, a, z FROM
            (SELECT a, b.y AS z FROM t AS b ORDER BY b.x NULLS LAST, c NULLS LAST) AS sorted_rows""",
        ),
        (
            "SELECT a, count(*), row_number() OVER () AS n FROM t GROUP BY a",
            "SELECT a, COUNT(*), ROW_NUMBER() OVER (ORDER BY 1 NULLS LAST) AS n FROM t GROUP BY a",
        ),
        (
            "SELECT quantile_disc(a, 0.25) FROM t",
            "SELECT PERCENTILE_DISC(0.25) WITHIN GROUP (ORDER BY a NULLS LAST) FROM t",
        ),
        ("SELECT list(a ORDER BY a) FROM t", "SELECT ARRAY_SORT(COLLECT_LIST(a)) FROM t"),
        ("SELECT epoch_us(a) FROM t", "SELECT UNIX_MICROS(a) FROM t"),
    ],
)
def test_what_spark_says_differently(duckdb, spark):
    assert translate(duckdb).sql(dialect="spark") == " ".join(spark.split())


def test_every_statement_can_be_said_to_spark():
    judging = judge.program(judge.References.load(), lambda query: [])
    programs = ((judging.statements, judging.verdicts), detect.cells_program(), by_country.FAULTY)
    said = [
        translate(statement).sql(dialect="spark")
        for statements, query in programs
        for statement in (*statements, query)
    ]
    assert len(said) > 100
    for unknown in (
        "HASH(",
        "EPOCH",
        "QUALIFY",
        "LIST_INTERSECT",
        "SIMILAR TO",
        "OVER ()",
        "PERCENTILE_APPROX",
        "ARRAY_LENGTH",
    ):
        assert not [statement for statement in said if unknown in statement]
