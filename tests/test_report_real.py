"""Pages about real history: Kenya's Telegram in November 2023, and Iran's shutdown of November 2019."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from report_pages import Page, pages
from wallwatch import pipeline, report
from wallwatch.engine import Workspace


@pytest.fixture(scope="module")
def found(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("real")
    pipeline.run(
        [shared_data / "ooni" / "export", shared_data / "signals"],
        folder / "workspace",
        as_of=datetime(2024, 1, 1, tzinfo=UTC),
    )
    with Workspace.open(folder / "workspace").connect() as con:
        report.write(con, folder / "report")
    return pages(folder / "report")


def _about(found: dict[str, str], headline: str) -> str:
    """The one page of an event or outage whose headline fits the pattern."""
    texts = [
        text
        for path, text in found.items()
        if path.startswith(("event/", "outage/"))
        and re.match(headline, Page.of(text.split("<h1>")[1].split("</h1>")[0]).text)
    ]
    assert len(texts) == 1, (headline, len(texts))
    return texts[0]


def test_telegram_in_kenya(found: dict[str, str]) -> None:
    page = _about(found, r"Telegram .* in Kenya \(KE\)")
    text = Page.of(page).text
    assert re.search(r"Telegram was (likely )?blocked on \d+ of \d+ measured networks in Kenya", text)
    networks = text.split("Every network that was measured at the time of the event")[1]
    for network in (12455, 33771):
        assert re.search(rf"AS{network} [^/]* found \d+ / \d+", networks)
    for network in (36866, 30844, 15399):
        assert re.search(rf"AS{network} [^/]* fine \d / \d+", networks)


def test_the_hours_of_the_exams_on_as33771(found: dict[str, str]) -> None:
    """Its page says how it repeats by hour and weekday: in a sentence, a chart and a table."""
    page = _about(found, r"Telegram .* in Kenya \(KE\)")
    part = page.split('aria-labelledby="week"')[1]
    assert "weekdays" in part
    assert "UTC" in part
    figure = next(one for one in re.findall(r"<figure>.*?</figure>", part, re.S) if "AS33771" in one)
    assert "<svg" in figure
    blocked, every = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
    for row in re.findall(r'<tr><th scope="row">.*?</tr>', figure, re.S):
        day, *hours = re.findall(r">([^<>]+)</t[hd]>", row)
        for hour, cell in enumerate(hours):
            inside = day not in ("Saturday", "Sunday") and hour in (5, 6, 7, 11, 12, 13)
            if "/" in cell:
                some, of = cell.split("/")
                blocked[inside] += float(some)
                every[inside] += float(of)
    assert blocked[True] / every[True] > 0.5
    assert blocked[False] / every[False] < 0.2


def test_the_shutdown_of_november_2019(found: dict[str, str]) -> None:
    page = _about(found, r"Iran \(IR\) has (likely )?been cut off from the internet since 16 November 2019")
    text = Page.of(page).text
    assert "not seen to end; the data go to 20 November 2019" in text
    assert re.search(r"Depth (8[5-9]|9\d) % of the usual level was lost", text)
    for province in ("Tehran", "Kerman", "Yazd", "Khuzestan"):
        assert province in text
    assert page.count("<svg") > 30


def test_old_data_are_not_now(found: dict[str, str]) -> None:
    """A shutdown without an end in data of 2019 is no restriction of 2023."""
    text = Page.of(found["index.html"]).text
    current = text.split("Restricted now")[1].split("Open where the data end")[0]
    assert "Iran" not in current
    assert "Iran (IR) has" in text.split("Open where the data end")[1]
