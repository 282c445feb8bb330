"""Signal readers: files whose columns differ, and files that fight back."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wallwatch.schema import QUARANTINE, SIGNALS
from wallwatch.sources import _template_signals, signals_csv, signals_ioda, signals_monash, signals_tor
from wallwatch.sources.recognise import readers, signal_reader

HOUR = 1_573_430_400  # 2019-11-11T00:00:00Z
READERS = (signals_csv, signals_ioda, signals_monash, signals_tor)


def read(module: ModuleType, data: bytes) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All rows and all lines set aside."""
    batches = list(module.read(io.BytesIO(data), "00" * 8))
    assert sum(batch.bytes_read for batch in batches) <= len(data)
    found: dict[str, list[dict[str, Any]]] = {"signals": [], "quarantine": []}
    for batch in batches:
        for name, table in batch.tables.items():
            assert table.schema.equals({"signals": SIGNALS, "quarantine": QUARANTINE}[name].arrow)
            found[name] += table.to_pylist()
    return found["signals"], found["quarantine"]


def only_reader(data: bytes) -> ModuleType:
    """The reader that knows the file; just one may."""
    known = [module for module in READERS if module.recognise(data[:65_536])]
    assert len(known) == 1
    assert signal_reader(data[:65_536]) is known[0]
    return known[0]


def test_the_readers_are_found_by_being_there() -> None:
    assert set(READERS) <= set(readers())


def test_the_observatorys_file_of_november_2019(shared_data: Path) -> None:
    data = (shared_data / "signals" / "irn-2019-11-11_gif.csv").read_bytes()
    assert only_reader(data) is signals_monash
    rows, aside = read(signals_monash, data)
    assert (len(rows), aside) == (16_279, [])
    assert {row["country"] for row in rows} == {"IR"}
    assert {row["unit"] for row in rows} == {"index_100"}
    assert {row["step_seconds"] for row in rows} == {3600}
    assert len({row["region"] for row in rows}) == 30
    assert len({(row["region"], row["place"]) for row in rows}) == 73
    assert rows[0]["time"] == datetime(2019, 11, 11, tzinfo=UTC)
    assert rows[0]["line"] == 2


def test_no_place_epoch_utc_with_fraction_three_hourly_index_of_ten_and_windows_line_ends() -> None:
    lines = ["\ufeffISO,name_1,time_e_utc,connectivity"]
    lines += [f"CHL,Ñuble,{HOUR + i * 10_800}.0,{10 - i % 3}" for i in range(20)]
    data = ("\r\n".join(lines) + "\r\n").encode()
    assert only_reader(data) is signals_monash
    rows, aside = read(signals_monash, data)
    assert (len(rows), aside) == (20, [])
    assert (rows[0]["region"], rows[0]["place"], rows[0]["country"]) == ("Ñuble", None, "CL")
    assert {row["unit"] for row in rows} == {"index_10"}
    assert {row["step_seconds"] for row in rows} == {10_800}
    assert rows[1]["time"] == datetime(2019, 11, 11, 3, tzinfo=UTC)


def test_a_latency_index_around_100_is_told_from_its_values() -> None:
    lines = ["iso,name_1,name_2,time_e,time_e_str,lat,lon,index"]
    lines += [f"VEN,Zulia,Maracaibo,{HOUR + i * 3600},x,1.5,2.5,{100 + i % 30 - 10}" for i in range(60)]
    rows, aside = read(signals_monash, "\n".join(lines).encode())
    assert (len(rows), aside) == (60, [])
    assert {(row["unit"], row["signal"]) for row in rows} == {("latency_100", "monash.latency")}


def test_accents_in_windows_encoding_are_the_same_region() -> None:
    rows = "iso,name_1,time_e,connectivity\n" + f"PER,Junín,{HOUR},90\n"
    one, _ = read(signals_monash, rows.encode("cp1252"))
    two, _ = read(signals_monash, rows.encode("utf-8"))
    three, _ = read(signals_monash, rows.replace("í", "i\u0301").encode())
    assert {one[0]["region"], two[0]["region"], three[0]["region"]} == {"Junín"}


def test_empty_and_nan_values_are_kept_as_missing_and_words_are_set_aside() -> None:
    data = b"iso,name_1,time_e,connectivity\n" + b"".join(
        b"IRN,Qom,%d,%s\n" % (HOUR + i * 3600, value)
        for i, value in enumerate([b"100", b"", b"NaN", b"null", b"lots", b"1e999", b"90"])
    )
    rows, aside = read(signals_monash, data)
    assert [row["value"] for row in rows] == [100.0, None, None, None, 90.0]
    assert [row["line"] for row in aside] == [6, 7]
    assert "lots" in aside[0]["reason"]
    assert data[aside[0]["byte_offset"] :].startswith(b"IRN,Qom,%d,lots" % (HOUR + 4 * 3600))


def test_x1_torn_lines_odd_quotes_and_nul_bytes_cost_only_themselves() -> None:
    good = [f"IRN,Qom,{HOUR + i * 3600},100" for i in range(6)]
    bad = ["IRN,Qom", 'IRN,"Qo"m,1573430400,1', "IRN,Qom,soon,1", "QQQ,Qom,1573430400,1", "IRN,,1573430400,1"]
    lines = [
        "iso,name_1,time_e,connectivity",
        good[0],
        bad[0],
        good[1],
        bad[1],
        "",
        good[2],
        *bad[2:],
        *good[3:],
    ]
    rows, aside = read(signals_monash, "\n".join(lines).encode())
    assert len(rows) == 6
    assert [row["line"] for row in aside] == [3, 5, 8, 9, 10]
    assert rows[2]["line"] == 7


def test_x1_a_line_without_end_is_set_aside_and_memory_stays_bounded() -> None:
    data = f"iso,name_1,time_e,connectivity\nIRN,Qom,{HOUR},100\n".encode()
    long = b"x" * (9 << 20)
    rows, aside = read(signals_monash, data + long + b"\n" + f"IRN,Qom,{HOUR + 3600},90\n".encode())
    assert [row["value"] for row in rows] == [100.0, 90.0]
    assert [(row["line"], len(row["excerpt"])) for row in aside] == [(3, 200)]
    assert rows[1]["line"] == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_general_layout_with_every_column(delimiter: str) -> None:
    header = "time,VALUE,region,country,network,place,signal,unit,step"
    line = "2024-02-29T10:30:00+03:30,7.5,Nord,FRA,AS64500,Lille,probe,count,600"
    data = f"{header}\n{line}\n".replace(",", delimiter).encode()
    assert only_reader(data) is signals_csv
    rows, aside = read(signals_csv, data)
    assert aside == []
    assert rows == [
        {
            "file_id": "00" * 8,
            "line": 2,
            "signal": "probe",
            "country": "FR",
            "region": "Nord",
            "place": "Lille",
            "network": 64500,
            "time": datetime(2024, 2, 29, 7, tzinfo=UTC),
            "step_seconds": 600,
            "value": 7.5,
            "unit": "count",
            "quality": None,
        }
    ]


@pytest.mark.parametrize(
    ("time", "hour"),
    [
        ("2024-01-02", 0),
        ("2024-01-02 05:00", 5),
        ("2024-01-02T05:00:00.250Z", 5),
        ("2024-01-02T05:00-0300", 8),
        ("1704186000", 9),
        ("1704186000000", 9),
    ],
)
def test_times_of_the_general_layout(time: str, hour: int) -> None:
    rows, _ = read(signals_csv, f"region,time,value\nA,{time},1\n".encode())
    assert rows[0]["time"] == datetime(2024, 1, 2, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "time", ["2024-02-30", "2024-01-02T24:30", "yesterday", "1", "9e99", "", "٢٠٢٤-01-02"]
)
def test_x4_times_that_are_none_are_set_aside(time: str) -> None:
    rows, aside = read(signals_csv, f"region,time,value\nA,{time},1\n".encode())
    assert (len(rows), len(aside)) == (0, 1)


def test_step_and_unit_are_told_apart_for_each_signal() -> None:
    lines = ["region,time,value,signal"]
    lines += [f"A,{HOUR + i * 600},{i % 90},fast" for i in range(50)]
    lines += [f"A,{HOUR + i * 86_400},{1000 + i},slow" for i in range(9)]
    rows, _ = read(signals_csv, "\n".join(lines).encode())
    assert {(r["signal"], r["step_seconds"], r["unit"]) for r in rows} == {
        ("fast", 600, "index_100"),
        ("slow", 86_400, "count"),
    }


TOR = b"""# The Tor Project
#
# URL: https://metrics.torproject.org/userstats-relay-country.csv?start=2019-11-15&end=2019-11-17
#
date,country,users,lower,upper,frac
2019-11-15,ir,61043,48233,101255,82
2019-11-16,ir,8000,48233,101255,81
2019-11-16,,2000000,,,81
2019-11-16,??,3000,,,81
2019-11-16,zzz,3000,,,81
"""


def test_tor_users_keep_the_sources_own_expectation_and_small_numbers() -> None:
    assert only_reader(TOR) is signals_tor
    rows, aside = read(signals_tor, TOR)
    assert [(r["country"], r["region"], r["value"], r["quality"]) for r in rows] == [
        ("IR", None, 61043.0, None),
        ("IR", None, 8000.0, "below_expected"),
        (None, None, 2_000_000.0, None),
        (None, "??", 3000.0, None),
    ]
    assert {(r["signal"], r["unit"], r["step_seconds"]) for r in rows} == {
        ("tor.users.relay", "users", 86_400)
    }
    assert [(row["line"]) for row in aside] == [10]
    bridges, _ = read(signals_tor, TOR.replace(b"-relay-", b"-bridge-"))
    assert {row["signal"] for row in bridges} == {"tor.users.bridge"}


def test_tor_users_in_the_older_layout_tell_nodes_and_transports_apart() -> None:
    data = (
        b"date,node,country,transport,version,lower,upper,clients,frac\n"
        b"2014-01-01,relay,ir,,,1,9,5,80\n2014-01-01,bridge,ir,,,,,7,80\n2014-01-01,bridge,,obfs3,,,,3,80\n"
        b"2014-01-01,bridge,,,v6,,,2,80\n"
    )
    assert only_reader(data) is signals_tor
    rows, aside = read(signals_tor, data)
    assert aside == []
    assert [row["signal"] for row in rows] == [
        "tor.users.relay",
        "tor.users.bridge",
        "tor.users.bridge.obfs3",
        "tor.users.bridge.v6",
    ]


def ioda(**changes: Any) -> dict[str, Any]:
    """One series as the API gives it."""
    return {
        "entityType": "country",
        "entityCode": "IR",
        "entityName": "Iran (Islamic Republic Of)",
        "entityFqid": "geo.netacuity.AS.IR",
        "datasource": "bgp",
        "from": HOUR,
        "until": HOUR + 900,
        "step": 300,
        "nativeStep": 300,
        "values": [40, None, 41.5],
    } | changes


def test_ioda_answers_give_country_region_and_network() -> None:
    series = [
        ioda(),
        ioda(
            entityType="region", entityCode="1226", entityName="Tehran", entityFqid="geo.netacuity.AS.IR.1226"
        ),
        ioda(
            entityType="region", entityCode="9", entityName="X", entityFqid=None, attrs={"country_code": "KE"}
        ),
        ioda(entityType="asn", entityCode="64500", entityFqid="asn.64500", datasource="ping-slash24"),
        ioda(entityType="geoasn", entityCode="64500-IR"),
        ioda(entityType="continent", entityCode="AS", entityName="Asia", entityFqid="geo.netacuity.AS"),
    ]
    data = json.dumps({"type": "signals", "data": [series[:2], series[2:]]}).encode()
    assert only_reader(data) is signals_ioda
    rows, aside = read(signals_ioda, data)
    assert aside == []
    assert [(r["country"], r["region"], r["network"]) for r in rows[::3]] == [
        ("IR", None, None),
        ("IR", "Tehran", None),
        ("KE", "X", None),
        (None, None, 64500),
        ("IR", None, 64500),
        (None, "Asia", None),
    ]
    assert [row["value"] for row in rows[:3]] == [40.0, None, 41.5]
    assert [row["line"] for row in rows] == list(range(1, 19))
    assert rows[2]["time"] == datetime(2019, 11, 11, 0, 10, tzinfo=UTC)
    assert {row["signal"] for row in rows} == {"ioda.bgp", "ioda.ping-slash24"}


def test_ioda_objects_in_place_of_numbers_and_broken_series_are_set_aside() -> None:
    nested = ioda(datasource="gtr-sarima", values=[1, {"predicted": 3}, {"predicted": 4}, True])
    broken = ioda(step=0), ioda(entityCode="Nowhere"), ioda(entityType="planet"), {"values": 3}, None
    rows, aside = read(signals_ioda, json.dumps({"data": [[nested, *broken]]}).encode())
    assert [row["value"] for row in rows] == [1.0]
    assert len(aside) == 6
    assert "3 of 4 values" in aside[0]["reason"]


@pytest.mark.parametrize(
    "data", [b"{", b'{"data": 3}', b"[" * 100_000, b'{"data": [[1, "x", []]]}', b"\xff\x00"]
)
def test_x1_an_answer_that_is_none_never_crashes(data: bytes) -> None:
    rows, _ = read(signals_ioda, data)
    assert rows == []


def test_the_template_is_a_working_reader() -> None:
    data = b"where,when,share\nFR,2024-01-01T00:00Z,0.97\nFR,never,1\n"
    assert _template_signals.recognise(data)
    rows, aside = read(_template_signals, data)
    assert (rows[0]["country"], rows[0]["value"], len(aside)) == ("FR", 0.97, 1)


HEADERS = {
    signals_monash: b"iso,name_1,name_2,time_e,connectivity\n",
    signals_csv: b"region,time,value,country,network,unit,step\n",
    signals_tor: b"date,country,users,lower,upper,frac\n",
}
CELL = st.one_of(
    st.sampled_from(
        [b"IRN", b"ir", b"1573430400", b"2019-11-11", b"100", b"", b"nan", b'"', b'"a,b"', b"\xff", b"\r"]
    ),
    st.binary(max_size=8),
)
LINE = st.lists(CELL, max_size=8).map(b",".join)


@settings(max_examples=150, deadline=None)
@given(
    module=st.sampled_from(sorted(HEADERS, key=str)),
    lines=st.lists(LINE, max_size=12),
    end=st.sampled_from([b"\n", b"\r\n"]),
)
def test_garbage_never_crashes_and_no_line_is_lost(module: Any, lines: list[bytes], end: bytes) -> None:
    """X1: rows in = signals + set aside + blank."""
    data = HEADERS[module] + end.join(lines)
    rows, aside = read(module, data)
    physical = data.split(b"\n")[1:]
    places = [row["line"] for row in rows] + [row["line"] for row in aside]
    assert len(set(places)) == len(places)
    filled = {i for i, line in enumerate(physical, 2) if line.strip()}
    nothing = {
        i for i, line in enumerate(physical, 2) if not line.replace(b",", b"").replace(b'"', b"").strip()
    }
    assert filled - nothing <= set(places) <= filled | nothing


def test_rows_do_not_depend_on_where_blocks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"IRN,Qom,{HOUR + i * 3600},{i % 100}" for i in range(500)]
    data = ("iso,name_1,time_e,connectivity\n" + "\n".join(lines)).encode()
    whole, _ = read(signals_monash, data)
    monkeypatch.setattr("wallwatch.sources._csv_blocks.BLOCK", 97)
    pieces, _ = read(signals_monash, data)
    assert pieces == whole
    assert pa.Table.from_pylist(whole).num_rows == 500


def test_a_file_that_names_no_country_is_of_an_unknown_one() -> None:
    rows, _ = read(signals_csv, b"region,time,value\nA,2024-01-02,1\n")
    assert rows[0]["country"] == "ZZ"
    rows, _ = read(signals_monash, b"name_1,time_e,connectivity\nA,%d,1\n" % HOUR)
    assert rows[0]["country"] == "ZZ"
