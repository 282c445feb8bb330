"""The report in a browser: from disk, without JavaScript, on a phone, without a request."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import report_world as world
from conftest import arrived
from wallwatch import report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report") / "out"
    with world.connect(world.rows()) as con:
        report.write(con, out)
    return out


@pytest.fixture(params=[(1280, 900, "light"), (390, 844, "dark")], ids=["desk", "phone"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page without JavaScript that notes every request that does not stay on the disk."""
    width, height, scheme = request.param
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": width, "height": height}, color_scheme=scheme
    )
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda found: asked.append(found.url))
    complaints: list[str] = []
    opened.on("console", lambda found: complaints.append(found.text))
    yield opened
    context.close()
    assert [url for url in asked if not url.startswith("file://")] == []
    assert complaints == []


def _fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways but what scrolls by itself."""
    wide = page.locator("html").evaluate("e => e.scrollWidth - e.clientWidth")
    return bool(wide <= 0)


def test_a_reader_clicks_from_the_overview_to_an_event_and_its_country(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    assert page.get_by_role("heading", level=1).inner_text().endswith("going on")
    page.get_by_role("link", name="news.example was blocked on 1 of 2 measured networks in Kenya").click()
    arrived(page, f"event/{world.EVENT_ID}.html")
    assert page.get_by_role("img").count() >= 3
    page.get_by_role("navigation", name="Where this page is").get_by_role("link", name="Kenya").click()
    arrived(page, "country/KE.html")
    page.get_by_role("link", name="AS64500").click()
    arrived(page, "network/KE-64500.html")
    page.get_by_role("link", name="Overview").first.click()
    arrived(page, "index.html")


def test_tables_open_without_a_script(page: Page, folder: Path) -> None:
    page.goto((folder / f"event/{world.EVENT_ID}.html").as_uri())
    table = page.locator("details table").first
    assert not table.is_visible()
    page.locator("summary", has_text="The chart as a table").first.click()
    assert table.is_visible()


def test_no_page_is_wider_than_the_screen(page: Page, folder: Path) -> None:
    for path in sorted(folder.rglob("*.html")):
        page.goto(path.as_uri())
        assert _fits(page), path


def test_the_keyboard_reaches_the_content_first(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.locator("main :focus").count() == 1


def test_the_style_applies_and_is_the_only_one(page: Page, folder: Path) -> None:
    """The content policy lets the page's own style through."""
    page.goto((folder / "index.html").as_uri())
    assert page.locator(".card").first.evaluate("e => getComputedStyle(e).borderRadius") == "6px"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_rule_of_accessibility(browser: Browser, folder: Path, scheme: str) -> None:
    """By axe-core (WCAG 2.2, level AA, and its best practices), on one page of each kind."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 390, "height": 844}
    )
    opened = context.new_page()
    kinds = {path.parent.name: path for path in sorted(folder.rglob("*.html"))}
    looked = [*kinds.values(), *sorted(folder.glob("*.html"))]
    for path in looked:
        opened.goto(path.as_uri())
        found = Axe().run(opened)
        assert found.violations_count == 0, f"{path.name}: {found.generate_report()[:3000]}"
    context.close()


def test_the_maps_say_where_in_words_too(page: Page, folder: Path) -> None:
    page.goto((folder / "index.html").as_uri())
    world_map = page.get_by_role("img", name="Restrictions by country")
    assert world_map.is_visible()
    assert "restrictions now in: Kenya (KE)" in world_map.locator("desc").text_content()
    assert world_map.locator(".m-lost, .m-blocked").count() == 1
    page.goto((folder / "country" / "KE.html").as_uri())
    assert page.get_by_role("img", name="Where Kenya (KE) lies").is_visible()
