"""The report as a whole: a folder that opens from disk, whatever is in the tables."""

from __future__ import annotations

import base64
import copy
import hashlib
import itertools
import random
import re
from gettext import NullTranslations
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import report_world as world
from conftest import Demo
from report_pages import Page, pages
from wallwatch import report
from wallwatch._errors import WallwatchError
from wallwatch._progress import Silent
from wallwatch.judge.rules import BY_ID
from wallwatch.report.language import Language
from wallwatch.report.write import render

#: What must never reach a reader's eye or terminal: controls and characters that change direction.
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the small world."""
    out = tmp_path_factory.mktemp("report") / "out"
    with world.connect(world.rows()) as con:
        report.write(con, out)
    return out


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, str]:
    return pages(folder)


def resolved(path: str, link: str) -> str:
    """Where a relative link of a page leads."""
    parts = path.split("/")[:-1]
    for part in link.split("/"):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_every_kind_of_page_is_there(found: dict[str, str]) -> None:
    assert {
        "index.html",
        "method.html",
        "data.html",
        "country/KE.html",
        "country/XW.html",
        "network/KE-64500.html",
        f"event/{world.EVENT_ID}.html",
        f"outage/{world.OUTAGE_ID}.html",
        "services.html",
        "service/news.example.html",
        "record.html",
        "record/KE.html",
    } <= set(found)


def test_a_service_has_its_countries_its_networks_its_history_and_how_it_is_blocked(
    found: dict[str, str],
) -> None:
    page = Page.of(found["service/news.example.html"])
    assert "Kenya (KE)" in page.text
    assert "1 of 2 networks" in page.text
    assert "the handshake is cut when it names the site" in page.text or "tls.reset.sni" in page.text
    links = {
        resolved("service/news.example.html", link) for _, _, link, _ in page.links if link.endswith(".html")
    }
    assert {f"event/{world.EVENT_ID}.html", "country/KE.html", "services.html"} <= links
    assert "<svg" in found["service/news.example.html"]
    for path in ("country/KE.html", f"event/{world.EVENT_ID}.html", "services.html"):
        links = {resolved(path, link) for _, _, link, _ in Page.of(found[path]).links}
        assert "service/news.example.html" in links, path
    hostile = hashlib.sha256(world.SCRIPT.encode()).hexdigest()[:16]
    assert f"service/{hostile}.html" in found


def test_the_record_leads_from_what_was_said_to_what_was_measured(found: dict[str, str]) -> None:
    page = Page.of(found["record/KE.html"])
    assert "The regulator" in page.text
    assert "access to the site is suspended" in page.text
    assert world.SCRIPT in page.text  # shown, not run
    links = {resolved("record/KE.html", link) for _, _, link, _ in page.links if link.endswith(".html")}
    assert {f"event/{world.EVENT_ID}.html", "country/KE.html", "record.html"} <= links
    assert "record/KE.html" in {
        resolved("record.html", link) for _, _, link, _ in Page.of(found["record.html"]).links
    }
    assert "record/KE.html" in {
        resolved("country/KE.html", link) for _, _, link, _ in Page.of(found["country/KE.html"]).links
    }


def test_x3_names_of_files_come_from_safe_ids_alone(folder: Path) -> None:
    """X3, X8: an id or a country code from the tables never becomes a path of its own."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    assert all(
        re.fullmatch(r"[a-z]+(/[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.html)?|[a-z-]+\.(html|json)", name)
        for name in names
    )
    assert not list(folder.parent.rglob("*evil*"))
    assert "event/" + hashlib.sha256(b"../../../evil").hexdigest()[:16] + ".html" in names


def test_pages_are_well_formed(found: dict[str, str]) -> None:
    for path, text in found.items():
        page = Page.of(text)
        assert text.startswith("<!doctype html>"), path
        assert page.unbalanced == [], path
        assert len(page.ids) == len(set(page.ids)), path
        names = [name for name, _ in page.elements]
        assert names.count("h1") == names.count("main") == names.count("title") - _titles(page) == 1, path
        html = next(attributes for name, attributes in page.elements if name == "html")
        assert (html["lang"], html["dir"]) == ("en", "ltr")


def _titles(page: Page) -> int:
    """Titles of charts and of places in charts."""
    return sum(name == "desc" or attributes.get("class") == "hover" for name, attributes in page.elements)


def test_a_screen_reader_finds_its_way(found: dict[str, str]) -> None:
    """Landmarks, headings without gaps, headers with scopes, names that lead to elements, links with words."""
    for path, text in found.items():
        page = Page.of(text)
        names = [name for name, _ in page.elements]
        assert {"header", "nav", "main", "footer"} <= set(names), path
        levels = [int(name[1]) for name in names if re.fullmatch("h[1-6]", name)]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in itertools.pairwise(levels)), path
        for name, attributes in page.elements:
            if name == "th":
                assert attributes.get("scope") in ("row", "col"), path
            for id_ in (attributes.get("aria-labelledby") or "").split():
                assert id_ in page.ids, (path, id_)
            if attributes.get("role") == "region":
                assert attributes.get("aria-label"), path
                assert attributes.get("tabindex") == "0", path
        links = re.findall(r"<a [^>]*>(.*?)</a>", text, re.S)
        assert all(Page.of(link).text for link in links), path


def test_nothing_is_loaded_and_nothing_runs(found: dict[str, str]) -> None:
    """No request, no script: the only addresses are links that a reader may follow."""
    for path, text in found.items():
        page = Page.of(text)
        names = {name for name, _ in page.elements}
        assert not names & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "video"}, (
            path
        )
        assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")], (
            path
        )
        assert not [key for _, attributes in page.elements for key in attributes if key == "style"], path
        style = re.search(r"<style>(.*?)</style>", text, re.S)
        assert style is not None
        assert "@import" not in style[1]
        assert set(re.findall(r"url\(([^)]*)\)", style[1])) == {"#hatch"}
        for name, attribute, link, relation in page.links:
            assert (name, attribute) == ("a", "href"), path
            if urlsplit(link).scheme:
                assert link.startswith("https://explorer.ooni.org/"), path
                assert "noreferrer" in relation, path


def test_the_policy_allows_the_pages_own_style_alone(found: dict[str, str]) -> None:
    for path, text in found.items():
        policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
        style = re.search(r"<style>(.*?)</style>", text, re.S)
        assert policy is not None
        assert style is not None, path
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert "default-src &#39;none&#39;" in policy[1]
        assert f"style-src &#39;sha256-{digest}&#39;" in policy[1]


def test_every_link_leads_somewhere(found: dict[str, str]) -> None:
    parsed = {path: Page.of(text) for path, text in found.items()}
    for path, page in parsed.items():
        for _, _, link, _ in page.links:
            if urlsplit(link).scheme:
                continue
            target, _, fragment = link.partition("#")
            to = resolved(path, target) if target else path
            assert to in parsed, (path, link)
            assert not fragment or fragment in parsed[to].ids, (path, link)


def test_every_page_can_be_reached(found: dict[str, str]) -> None:
    """From the overview, except what belongs to no country with data."""
    seen, waiting = {"index.html"}, ["index.html"]
    while waiting:
        path = waiting.pop()
        for _, _, link, _ in Page.of(found[path]).links:
            to = resolved(path, link.partition("#")[0])
            if not urlsplit(link).scheme and to in found and to not in seen:
                seen.add(to)
                waiting.append(to)
    assert set(found) <= seen


def test_x3_hostile_text_is_shown_as_text(found: dict[str, str]) -> None:
    """X3: markup, template code, escapes and overrides in any field."""
    joined = "".join(found.values())
    assert "<script" not in joined
    assert "<img" not in joined
    assert UNSAFE.search(joined) is None
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in joined
    assert "\\u202egnp.exe\\u2066" in joined
    assert "\\x1b[31mred\\x00\\u2028" in joined
    assert "{{ 7 * 7 }}" in joined
    assert not [
        link
        for text in found.values()
        for _, _, link, _ in Page.of(text).links
        if link.startswith("javascript")
    ]


def test_x3_foreign_text_keeps_its_direction_to_itself(found: dict[str, str]) -> None:
    page = found["country/KE.html"]
    assert "<bdi>&#34;&gt;&lt;script&gt;alert(1)" in page


def test_x9_no_volunteer_on_any_page(found: dict[str, str]) -> None:
    """X9: addresses and credentials are in the tables and on no page."""
    joined = "".join(found.values())
    assert world.ADDRESS not in joined
    assert world.CREDENTIAL not in joined


def test_pages_stay_small(found: dict[str, str]) -> None:
    assert max(len(text.encode()) for text in found.values()) < 200_000


def test_pages_stay_small_whatever_the_tables_hold(tmp_path: Path) -> None:
    rows = world.rows()
    long = "ᠠ<&>\u202e" * 200
    for number in range(600):
        rows["cells"].append(
            world.cell(70_000 + number, world.at(3, number % 24), 3, 0, target=f"{number}{long}")
        )
        rows["measurements"].append(
            rows["measurements"][0]
            | {
                "measurement_id": f"x{number}",
                "network": 70_000 + number,
                "network_name": long,
                "line": number,
            }
        )
        rows["files"].append(rows["files"][0] | {"file_id": f"{number:016x}", "path": f"{number}{long}"})
        rows["quarantine"].append(rows["quarantine"][0] | {"line": number, "reason": long, "excerpt": long})
    rows["events"] += [
        world.event(
            f"ev-{number:04}",
            service=long,
            targets=[f"{long}{n}" for n in range(300)],
            against=[long] * 200,
            witnesses=[long] * 200,
            networks=[64500, *range(70_000, 70_300)],
            networks_ok=list(range(70_300, 70_600)),
        )
        for number in range(3)
    ]
    with world.connect(rows) as con:
        written = report.write(con, tmp_path / "out")
    found = pages(tmp_path / "out")
    assert written.pages == len(found) > 600
    assert max(len(text.encode()) for text in found.values()) < 200_000
    assert "more." in Page.of(found["event/ev-0000.html"]).text


def test_c14_the_same_tables_give_the_same_bytes(found: dict[str, str], tmp_path: Path) -> None:
    """C14: in another order of rows, too; and there is no clock in them."""
    rows = copy.deepcopy(world.rows())
    for listed in rows.values():
        random.Random(5).shuffle(listed)
    with world.connect(rows) as con:
        con.execute("SET threads = 1")
        report.write(con, tmp_path / "out")
    assert pages(tmp_path / "out") == found


def test_one_country_alone(tmp_path: Path) -> None:
    with world.connect(world.rows()) as con:
        report.write(con, tmp_path / "out", country="XW")
    found = pages(tmp_path / "out")
    assert set(found) == {
        "index.html",
        "services.html",
        "record.html",
        "method.html",
        "data.html",
        "country/XW.html",
        "network/XW-64496.html",
    }
    assert "Kenya" not in Page.of(found["index.html"]).text
    for path, text in found.items():
        for _, _, link, _ in Page.of(text).links:
            assert resolved(path, link.partition("#")[0] or path.split("/")[-1]) in found


def test_a_country_without_data_is_said(tmp_path: Path) -> None:
    with world.connect(world.rows()) as con, pytest.raises(WallwatchError, match="no data about ZZ"):
        report.write(con, tmp_path / "out", country="ZZ")
    assert not (tmp_path / "out").exists()


def test_an_empty_workspace_has_a_report_that_says_so(tmp_path: Path) -> None:
    with world.connect({}) as con:
        written = report.write(con, tmp_path / "out")
    assert written.pages == 5
    text = Page.of(written.index.read_text(encoding="utf-8")).text
    assert "There are no data yet" in text
    assert "No restriction" not in text


def test_an_older_report_is_replaced_and_other_folders_are_not(tmp_path: Path) -> None:
    out, mine = tmp_path / "out", tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("two years of work")
    with world.connect({}) as con:
        report.write(con, out)
        (out / "left-over.html").write_text("old")
        report.write(con, out)
        with pytest.raises(WallwatchError, match="not a report"):
            report.write(con, mine)
    assert not (out / "left-over.html").exists()
    assert (mine / "thesis.txt").read_text() == "two years of work"


def test_an_unknown_language_is_refused(tmp_path: Path) -> None:
    with world.connect({}) as con, pytest.raises(WallwatchError, match="languages: ar, en, fa, ru"):
        report.write(con, tmp_path / "out", lang="tlh")


def test_nothing_is_left_in_the_connection(tmp_path: Path) -> None:
    with world.connect(world.rows()) as con:
        before = con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        report.write(con, tmp_path / "out")
        assert con.execute("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall() == before


def test_text_goes_through_the_catalogue(tmp_path: Path) -> None:
    """Every sentence that a reader sees can be translated: a catalogue of marks leaves no plain English words."""

    class Marks(NullTranslations):
        def gettext(self, message: str) -> str:
            return "⟦" + re.sub(r"(%\(\w+\)s)|[A-Za-z]", lambda m: m[1] or "x", message) + "⟧"

        def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
            return self.gettext(msgid2)

    rows = world.rows()
    rows["events"] = [
        world.event(against=[], witnesses=[], targets=["1.example"], recurrence=None, details="[]")
    ]
    rows["outages"], rows["statements"] = [], []
    with world.connect(rows) as con:
        made = dict(render(con, country="KE", language=Language("qx", "rtl", Marks()), progress=Silent()))
    left = Page.of(made[f"event/{world.EVENT_ID}.html"]).text
    while "⟦" in left:
        left, before = re.sub(r"⟦[^⟦⟧]*⟧", "", left), left
        assert left != before
    rules = " ".join(BY_ID[id_].sentence for id_ in ("tcp.connects", "tls.reset_control_ok"))
    data = (
        "Wallwatch Kenya UTC OONI abcdef news example tls reset sni control tcp connects script alert img src onerror "
        "Savanna Online Rift Telecom Lake Mobile aaaaaaaaaaaa bbbbbbbbbbbb dig short openssl client connect servername "
        "dev null curl https wallwatch explain workspace DIR"
    )
    assert set(re.findall(r"[A-Za-z]{3,}", left)) <= set(re.findall(r"[A-Za-z]{3,}", rules + " " + data))
    assert 'dir="rtl"' in made["index.html"]


def test_the_demo_has_a_report_without_a_loose_end(demo: Demo) -> None:
    """The whole way of the data, from raw files: well formed, small, every link inside leads somewhere."""
    found = pages(demo.folder / "report")
    parsed = {path: Page.of(text) for path, text in found.items()}
    assert len(found) > 30
    for path, page in parsed.items():
        assert page.unbalanced == [], path
        assert len(page.ids) == len(set(page.ids)), path
        assert len(found[path].encode()) < 200_000, path
        for _, _, link, _ in page.links:
            target, _, fragment = link.partition("#")
            to = resolved(path, target) if target else path
            assert to in parsed, (path, link)
            assert not fragment or fragment in parsed[to].ids, (path, link)
