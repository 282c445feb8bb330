"""The report in other languages: complete catalogues, local digits and calendars, right to left."""

from __future__ import annotations

import importlib.util
import re
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest

import report_world as world
from conftest import Demo
from report_pages import Page
from wallwatch._progress import Silent
from wallwatch.engine import Workspace
from wallwatch.report.language import DIRECTIONS, Language
from wallwatch.report.write import render

OTHERS = sorted(set(DIRECTIONS) - {"en"})
KENYA = datetime(2023, 11, 9, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def messages() -> ModuleType:
    path = Path(__file__).resolve().parents[1] / "scripts" / "messages.py"
    spec = importlib.util.spec_from_file_location("messages", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("code", ["ar", "fa", "ru"])
def test_every_message_is_translated(messages: ModuleType, code: str) -> None:
    assert code in DIRECTIONS
    assert messages.missing(code) == []


@pytest.mark.parametrize("code", ["ar", "fa", "ru"])
def test_no_translation_drops_or_makes_up_a_value(messages: ModuleType, code: str) -> None:
    place = re.compile(r"%\((\w+)\)s")
    for message in messages.catalogue(code):
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        if not message.id:
            continue
        wanted = set().union(*(set(place.findall(text)) for text in ids))
        for text in texts:
            found = set(place.findall(text))
            # A plural form may say its number in a word.
            assert found <= wanted, message.id
            assert wanted - found <= ({"n"} if len(ids) > 1 else set()), message.id


@pytest.mark.parametrize("code", OTHERS)
def test_pages_are_wholly_in_their_language(code: str) -> None:
    """What stays English is data, code words, or marked as English."""
    with world.connect(world.rows()) as con:
        made = dict(render(con, country="KE", language=Language.of(code), progress=Silent()))
    for path, text in made.items():
        assert f'<html lang="{code}" dir="{DIRECTIONS[code]}">' in text, path
        page = Page.of(re.sub(r"<code>.*?</code>|<pre.*?</pre>|<bdi.*?</bdi>", " ", text, flags=re.S))
        words = set(re.findall(r"\b[a-z]{4,}\b", page.text))
        assert not words & {
            "measurements", "sessions", "networks", "blocked", "found", "data", "with", "from", "this", "that", "were",
        }, (path, sorted(words)[:40])  # fmt: skip


def test_persian_pages_have_the_solar_day_beside_the_gregorian() -> None:
    persian = Language.of("fa")
    assert persian.day(KENYA) == "۱۸ آبان ۱۴۰۲ (۹ نوامبر ۲۰۲۳)"
    assert persian.clock(KENYA) == "۰۵:۰۰"
    assert persian.number(12345.6) == "۱۲٬۳۴۵٫۶"
    assert persian.percent(0.93) == "۹۳٪"


def test_arabic_and_russian_write_numbers_and_dates_their_way() -> None:
    assert Language.of("ar").day(KENYA) == "٩ نوفمبر ٢٠٢٣"
    assert Language.of("ru").day(KENYA) == "9 ноября 2023"
    assert Language.of("ru").number(12345.6) == "12\N{NO-BREAK SPACE}345,6"
    assert Language.of("ru").ngettext("%(n)s day", "%(n)s days", 3) != Language.of("ru").ngettext(
        "%(n)s day", "%(n)s days", 5
    )


def test_patterns_in_time_are_told_in_the_readers_words() -> None:
    found = {"text": "weekdays, 22:00–02:00 UTC", "hours_utc": [22, 23, 0, 1], "weekdays": ["Mon", "Tue"]}
    assert Language.of("en").pattern(found) == "<bdi>weekdays, 22:00–02:00 UTC</bdi>"
    assert ">понедельник, вторник, 22:00–02:00 UTC<" in Language.of("ru").pattern(found)
    assert "۲۲:۰۰–۰۲:۰۰ UTC" in Language.of("fa").pattern(found)


@pytest.mark.parametrize("code", OTHERS)
def test_the_detectors_sentences_are_translated(code: str, demo: Demo) -> None:
    language = Language.of(code)
    with Workspace.open(demo.folder / "workspace").connect() as con:
        found = con.execute(
            "SELECT DISTINCT unnest(against) FROM events UNION "
            "SELECT DISTINCT unnest(list_concat(reasons, against)) FROM outages"
        ).fetchall()
    assert found
    left = [text for (text,) in found if 'lang="en"' in language.sentence(text)]
    assert left == []


def test_a_hostile_name_in_a_sentence_stays_a_name() -> None:
    """Trap X3."""
    text = "only 3 sessions on <script>%(n)s</script> found it blocked"
    for code in DIRECTIONS:
        shown = Language.of(code).sentence(text)
        assert "<script>" not in shown
        assert "%(n)s" in shown
