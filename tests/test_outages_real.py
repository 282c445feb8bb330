"""The blackout of November 2019 in the Monash IP Observatory's file: the whole way from bytes to outages."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from wallwatch.detect.outages import outages
from wallwatch.sources import signals_monash


@pytest.fixture(scope="module")
def found(shared_data: Path) -> list[dict[str, Any]]:
    data = (shared_data / "signals" / "irn-2019-11-11_gif.csv").read_bytes()
    batches = signals_monash.read(io.BytesIO(data), "0" * 16)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("signals", pa.concat_tables(b.tables["signals"] for b in batches).unify_dictionaries())
    rows: list[dict[str, Any]] = outages(con).to_pylist()
    return rows


def moment(day: int, hour: int) -> datetime:
    return datetime(2019, 11, day, hour, tzinfo=UTC)


def test_one_national_shutdown_with_its_onset_and_an_open_end(found: list[dict[str, Any]]) -> None:
    (nation,) = [row for row in found if row["scope"] == "country"]
    assert (nation["kind"], nation["country"]) == ("shutdown", "IR")
    assert moment(16, 20) <= nation["onset_best"] <= moment(16, 22)
    assert moment(16, 19) <= nation["onset_earliest"]
    assert nation["onset_latest"] <= moment(16, 22)
    assert nation["end_best"] is None
    assert nation["depth"] == pytest.approx(0.92, abs=0.03)
    assert (nation["regions"], nation["regions_measured"]) == (30, 30)
    assert any("One source only" in sentence for sentence in nation["against"])


def test_every_province_with_a_depth_of_its_own(found: list[dict[str, Any]]) -> None:
    nation = next(row for row in found if row["scope"] == "country")
    depth = {row["region"]: row["depth"] for row in found if row["parent"] == nation["outage_id"]}
    assert len(depth) == 30
    assert min(depth[name] for name in ("Sistan and Baluchestan", "Yazd", "South Khorasan")) > 0.98
    assert depth["Kerman"] == pytest.approx(0.75, abs=0.07)
    assert depth["Hormozgan"] == pytest.approx(0.8, abs=0.07)


def test_s5_the_dips_of_every_morning_are_no_outages(found: list[dict[str, Any]]) -> None:
    """Before the 16th nothing is told, but perhaps a local loss in the night before."""
    before = [row for row in found if row["parent"] is None and row["scope"] != "country"]
    assert [row for row in before if row["onset_earliest"] < moment(15, 18)] == []
    assert len(before) <= 1


def test_every_county_that_fell_is_found_within_the_hour_and_little_else(shared_data: Path) -> None:
    """Each place by itself, where noise does not average out: 73 counties, of which 72 lose half and more."""
    data = (shared_data / "signals" / "irn-2019-11-11_gif.csv").read_bytes()
    batches = signals_monash.read(io.BytesIO(data), "0" * 16)
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    con.register("given", pa.concat_tables(b.tables["signals"] for b in batches).unify_dictionaries())
    con.execute(
        "CREATE VIEW signals AS SELECT * REPLACE (region || '/' || place AS region, NULL AS place) FROM given"
    )
    fell = con.sql(
        """
        WITH usual AS (SELECT region, median(value) AS level FROM signals WHERE time < '2019-11-16 18:00Z' GROUP BY ALL)
        SELECT region, min(time) FROM signals JOIN usual USING (region)
        WHERE time >= '2019-11-16 12:00Z' AND value < 0.5 * level
        GROUP BY region HAVING count(*) > 40
        """
    ).fetchall()
    rows = [row for row in outages(con).to_pylist() if row["scope"] == "region"]
    lasting = {row["region"]: row for row in rows if row["end_best"] is None}
    assert len(fell) == 72
    assert sum(region in lasting for region, _ in fell) >= 0.98 * len(fell)
    off = sorted(
        abs((lasting[region]["onset_best"] - when).total_seconds()) / 3600
        for region, when in fell
        if region in lasting
    )
    assert off[len(off) // 2] <= 1
    assert off[int(0.9 * len(off))] <= 2
    # Ahvaz, and Dezful in the same province, in the night to the 16th: where the first press reports came from.
    other = [row for row in rows if row["end_best"] is not None and row["end_best"] < moment(16, 18)]
    assert {row["region"] for row in other} <= {"Khuzestan/Ahvaz", "Khuzestan/Dezful"}
