"""The live pages in a browser: clicked through with scripts on and off, on a phone, in Persian; nothing leaves the machine."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Queue
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from conftest import Demo, arrived
from wallwatch.web import server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(demo: Demo) -> Iterator[str]:
    """A server over the demo, on a port of its own."""
    running = server.Running(demo.folder / "workspace", host="127.0.0.1", port=0)
    started: Queue[str] = Queue()
    thread = threading.Thread(target=running.run, args=(started.put,))
    thread.start()
    yield started.get(timeout=60).rstrip("/")
    running.stop()
    thread.join()


@contextmanager
def phone(
    browser: Browser, address: str, *, scripts: bool, scheme: str = "light", width: int = 360
) -> Iterator[Page]:
    """A page that fails the test where anything but this machine is asked, or where the browser complains."""
    context = browser.new_context(
        java_script_enabled=scripts, viewport={"width": width, "height": 740}, color_scheme=scheme
    )
    opened = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda found: asked.append(found.url))
    opened.on("console", lambda found: complaints.append(found.text))
    opened.on("pageerror", lambda found: complaints.append(str(found)))
    yield opened
    context.close()
    assert asked
    assert {urlsplit(url).hostname for url in asked} == {urlsplit(address).hostname}
    assert [text for text in complaints if "favicon" not in text] == []


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways but what scrolls by itself."""
    return bool(page.locator("html").evaluate("e => e.scrollWidth <= e.clientWidth"))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
@pytest.mark.parametrize("lang", ["en", "fa"])
def test_a_reader_gets_from_the_overview_to_why_one_measurement_was_judged(
    browser: Browser, address: str, lang: str, scripts: bool
) -> None:
    with phone(browser, address, scripts=scripts) as page:
        page.goto(f"{address}/{lang}/index.html")
        assert page.locator("html").get_attribute("dir") == ("rtl" if lang == "fa" else "ltr")
        assert fits(page)
        page.locator("main table a[href='country/XW.html']").first.click()
        arrived(page, "/country/XW.html")
        assert fits(page)
        page.locator(".card.event .title a", has_text="banned-books.test").first.click()
        arrived(page, "/event/")
        assert fits(page)
        page.locator("#witnesses ~ details summary").click()
        witness = page.locator("#witnesses ~ details a").first
        id_ = witness.inner_text().strip()
        witness.click()
        arrived(page, f"/{lang}/measurement/{id_}.html")
        assert id_ in page.locator(".facts").inner_text()
        assert page.locator("#seen ~ ol li").count() > 2
        assert page.locator("#judged ~ dl dt").count() > 1
        assert fits(page)
        page.locator("nav.crumbs a").last.click()
        arrived(page, "/country/XW.html")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_a_form_narrows_to_what_a_reader_looks_for(browser: Browser, address: str, scripts: bool) -> None:
    with phone(browser, address, scripts=scripts) as page:
        page.goto(f"{address}/en/find.html")
        every = page.locator("tbody tr").count()
        page.get_by_label("A service, target").fill("telegram")
        page.get_by_role("button", name="Find").click()
        arrived(page, "text=telegram")
        assert 0 < page.locator("tbody tr").count() < every
        assert page.get_by_label("A service, target").input_value() == "telegram"
        page.locator("tbody a").first.click()
        arrived(page, "/event/")
        assert "Telegram" in page.get_by_role("heading", level=1).inner_text()
        page.get_by_role("link", name="Telegram in all countries").click()
        arrived(page, "/service/telegram.html")
        page.goto(f"{address}/en/find.html?text=<script>alert(1)</script>&country='--&since=never")
        assert page.locator("tbody tr").count() == 0
        assert page.get_by_label("A service, target").input_value() == "<script>alert(1)</script>"


def test_languages_and_navigation_lead_everywhere(browser: Browser, address: str) -> None:
    with phone(browser, address, scripts=True, scheme="dark") as page:
        page.goto(f"{address}/")
        for name in ("Services", "The record", "How it is done", "The data", "Find", "The API"):
            page.get_by_role("navigation").get_by_role("link", name=name, exact=True).click()
            page.locator("nav a[aria-current=page]", has_text=name).wait_for()
            page.wait_for_load_state()
            assert fits(page), name
        page.locator(".languages a[lang=fa]").click()
        arrived(page, "/fa/api.html")
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert fits(page)


def test_the_page_about_the_api_names_every_address_and_its_examples_work(
    browser: Browser, address: str
) -> None:
    with phone(browser, address, scripts=False) as page:
        document = page.request.get(f"{address}/openapi.json").json()
        page.goto(f"{address}/en/api.html")
        shown = page.locator("main").inner_text()
        for path in document["paths"]:
            assert not path.startswith("/api/") or f"GET {path}" in shown
        assert "built-in" not in shown
        links = [one.get_attribute("href") for one in page.locator("main section > p a").all()]
        assert len(links) > 8
        for link in links:
            assert page.request.get(f"{address}{link}").ok, link


def test_an_embedded_chart_shows_in_a_frame_elsewhere(browser: Browser, address: str) -> None:
    with phone(browser, address, scripts=False) as page:
        events = page.request.get(f"{address}/api/wallwatch/v1/events?limit=5&country=XW").json()["results"]
        frame = (
            f'<iframe src="{address}/embed/event/{events[0]["event_id"]}" width="320" height="300"></iframe>'
        )

        class Elsewhere(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.end_headers()
                self.wfile.write(frame.encode())

            def log_message(self, *_: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Elsewhere) as other:
            thread = threading.Thread(target=other.serve_forever)
            thread.start()
            try:
                page.goto(f"http://127.0.0.1:{other.server_port}/")
                inside = page.frame_locator("iframe")
                inside.locator("figure svg").first.wait_for()
                link = inside.locator(".note a").get_attribute("href")
            finally:
                other.shutdown()
                thread.join()
        assert re.fullmatch(r"/en/event/.+\.html", link or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "fa"])
def test_no_live_page_breaks_a_rule_of_accessibility(
    browser: Browser, address: str, lang: str, scheme: str
) -> None:
    """By axe-core, on the kinds of pages that a folder does not have, and on those of services."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": 360, "height": 740}
    )
    page = context.new_page()
    event = page.request.get(f"{address}/api/wallwatch/v1/events?limit=1&country=XW").json()["results"][0]
    for path in (
        "find.html?country=XW",
        "api.html",
        "services.html",
        "service/telegram.html",
        "record.html",
        f"measurement/{event['witnesses'][0]}.html",
    ):
        page.goto(f"{address}/{lang}/{path}")
        found = Axe().run(page)
        assert found.violations_count == 0, f"{path}: {found.generate_report()[:3000]}"
    context.close()
