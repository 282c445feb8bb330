"""A workspace in a notebook: the page's examples run, and what is shown cannot bring markup with it."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

import bundle_worlds as worlds
import wallwatch as ww
from wallwatch._errors import WallwatchError
from wallwatch.schema import TABLES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "notebooks.md"


@pytest.fixture(scope="module")
def kenya(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    given = shared_data / "ooni" / "export" / "2023-KE-telegram.csv.gz"
    return worlds.workspace(tmp_path_factory.mktemp("kenya") / "ww", given)


@pytest.fixture
def opened(kenya: Path) -> Iterator[Any]:
    with ww.open(kenya) as workspace:
        yield workspace


def test_the_examples_of_the_page_run(kenya: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S):
        exec(block.replace('"kenya.ww"', repr(str(kenya))), names)  # noqa: S102 - our own page
    assert names["table"].num_rows == len(names["frame"]) == len(names["shaped"]) >= 1
    assert names["failures"].num_rows > 1
    assert names["handshakes"][0][0] > 1000
    assert "What speaks against it" in capsys.readouterr().out
    names["w"].close()


def test_rows_have_the_types_of_the_schema(opened: Any) -> None:
    for name in ("events", "outages", "verdicts", "cells", "statements"):
        assert getattr(opened, name)().arrow().column_names == list(TABLES[name].names)
    for name in TABLES:
        assert opened.table(name).arrow().column_names == list(TABLES[name].names)


def test_filters_are_those_of_show(opened: Any) -> None:
    whole = opened.cells(country="ke", target="TELEGRAM")
    day = opened.cells(country="KE", target="telegram", since="2023-11-09", until="2023-11-09")
    assert 0 < len(day) < len(whole)
    assert len(day) == len(opened.cells(since=date(2023, 11, 9), until=datetime(2023, 11, 10, tzinfo=UTC)))
    assert {row["hour"][:10] for row in day} == {"2023-11-09"}
    assert len(opened.events(country="IR")) == 0
    assert len(opened.verdicts()) == len({row["measurement_id"] for row in opened.verdicts().records()})


def test_findings_draw_themselves(opened: Any) -> None:
    id_ = opened.events().records()[0]["event_id"]
    finding = opened.explain(id_)
    drawn = ET.fromstring(finding._repr_svg_())  # noqa: S314 - our own
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}rect")) > 20
    assert "<svg" in finding._repr_html_()
    assert "telegram" in repr(finding)
    verdict = opened.explain(opened.verdicts().records()[0]["measurement_id"])
    assert verdict._repr_svg_() is None
    assert "<pre>" in verdict._repr_html_()


def test_hostile_text_is_text(opened: Any) -> None:
    """X3: in headings, in cells, in charts."""
    rows = opened.sql("SELECT '<script>alert(1)</script>' || chr(8238) AS \"<b>x\", ['<i>', 'y'] AS z")
    shown = rows._repr_html_()
    assert "<script" not in shown
    assert "<b>" not in shown
    assert "<i>" not in shown
    assert "\u202e" not in shown
    opened._con.execute(
        "CREATE OR REPLACE TEMP VIEW events AS SELECT * REPLACE ('<script>x' AS service) FROM memory.main.events"
    )
    finding = opened.explain(opened.events().records()[0]["event_id"])
    assert "<script" not in finding._repr_html_()


def test_long_tables_are_shown_in_part_and_counted(opened: Any) -> None:
    shown = opened.verdicts()._repr_html_()
    assert "the first 20 are shown" in shown
    assert shown.count("<tr>") == 21
    assert "observations" in opened._repr_html_()


def test_what_is_missing_is_said(opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WallwatchError, match="not a Wallwatch workspace"):
        ww.open(tmp_path)
    with pytest.raises(WallwatchError, match="no table"):
        opened.table("passwords")
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(WallwatchError, match="pip install polars"):
        opened.events().polars()
