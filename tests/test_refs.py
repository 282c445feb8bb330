"""Reference data: where lists come from, what of them counts, and history judged anew by them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from console import run
from judge_worlds import World
from wallwatch import pipeline, refs, rejudge
from wallwatch._errors import WallwatchError
from wallwatch.engine import Workspace
from wallwatch.judge import References
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints

AS_OF = datetime(2027, 1, 1, tzinfo=UTC)
HEAD = "name,scope,other_names,location_found,pattern_type,pattern,confidence_no_fp,expected_countries,source,exp_url,notes\n"
NOTICE = "The minister regrets that this page is closed by order 17"


def row(name: str, scope: str, pattern: str, countries: str = "") -> str:
    return f'{name},{scope},,body,contains,"{pattern}",5,"{countries}",,,\n'


@contextmanager
def published(pages: dict[str, bytes]) -> Iterator[str]:
    """A server on this computer that gives these pages, and 404 for others."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = pages.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def measurement(body: str, host: str, number: int) -> dict[str, object]:
    url = f"http://{host}/"
    exchange = {
        "failure": None,
        "request": {"url": url, "method": "GET"},
        "response": {"code": 200, "body": body, "headers_list": [["Content-Type", "text/html"]]},
    }
    return {
        "test_name": "web_connectivity",
        "test_version": "0.4.3",
        "software_name": "ooniprobe",
        "software_version": "3.20.0",
        "measurement_start_time": "2026-03-04 12:00:00",
        "test_start_time": "2026-03-04 12:00:00",
        "probe_cc": "XW",
        "probe_asn": "AS64500",
        "report_id": f"20260304T120000Z_webconnectivity_XW_64500_n1_{number}",
        "input": url,
        "test_keys": {"requests": [exchange]},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [
        json.dumps(measurement(f"<html>{NOTICE}</html>", "shut.example", 1)),
        json.dumps(measurement("<html>A page like any other</html>", "open.example", 2)),
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n")
    pipeline.run([tmp_path / "in.jsonl"], tmp_path / "W", as_of=AS_OF, workers=1)
    return tmp_path


def test_a_list_from_an_address_judges_what_was_read_before_it_came(folder: Path) -> None:
    pages = {"/http.csv": (HEAD + row("notice", "nat", NOTICE, "XW")).encode()}
    with published(pages) as address:
        ran = run(["refs", "update", "-w", "W", "--url", f"{address}/http.csv", "-q"], folder)
        assert ran.returncode == 0, ran.stderr
        assert "1 fingerprints" in ran.stdout
        assert "wallwatch rejudge" in ran.stderr
        assert "1 of 1 files were searched" in run(["refs", "show", "-w", "W"], folder).stdout
        before = json.loads(run(["rejudge", "-w", "W", "--format", "json", "-q"], folder).stdout)
        assert (before["read_again"], before["changed"]) == (1, 1)
        assert before["states"] == [
            {"before": "insufficient", "after": "blocked", "measurements": 1, "targets": 1, "networks": 1}
        ]
        assert {"rule": "http.block_page", "gained": 1, "lost": 0} in before["rules"]
        assert before["examples"][0]["target"] == "shut.example"
        assert before["before"]["verdicts"] != before["after"]["verdicts"]
        kept = json.loads(next((folder / "W" / "rejudged").glob("*.json")).read_text())
        assert kept["before"]["verdicts"] == before["before"]["verdicts"]
        # Nothing left to do.
        again = json.loads(run(["rejudge", "-w", "W", "--format", "json", "-q"], folder).stdout)
        assert (again["read_again"], again["changed"]) == (0, 0)
        assert again["before"] == again["after"]
        # The list changes where it is published: what it no longer holds no longer counts.
        pages["/http.csv"] = (HEAD + row("other", "nat", "Something else that nobody wrote", "XW")).encode()
        assert (
            run(["refs", "update", "-w", "W", "--url", f"{address}/http.csv", "-q"], folder).returncode == 0
        )
    assert len(list((folder / "W/references/fingerprints/past").glob("*.csv"))) == 1
    text = run(["rejudge", "-w", "W", "-q"], folder).stdout
    assert "blocked → insufficient: 1 measurements" in text
    assert "http.block_page: +0 −1" in text


def test_rejudging_is_the_same_as_having_known_before(folder: Path, tmp_path: Path) -> None:
    list_ = tmp_path / "list.csv"
    list_.write_text(HEAD + row("notice", "nat", NOTICE, "XW"))
    rejudge.rejudge(folder / "W", as_of=AS_OF, fingerprints=[list_], workers=1)
    pipeline.run([folder / "in.jsonl"], folder / "V", as_of=AS_OF, workers=1, fingerprints=[list_])
    for table in ("observations", "verdicts", "cells"):
        (one,), (other,) = ((folder / w / "tables" / table).glob("*.parquet") for w in ("W", "V"))
        assert one.read_bytes() == other.read_bytes(), table


def test_a_list_that_cannot_be_had_changes_nothing(folder: Path) -> None:
    good = (HEAD + row("notice", "nat", NOTICE, "XW")).encode()
    layout = Workspace.open(folder / "W").layout
    for bad in (
        None,
        b"",
        b"<html>not a list</html>",
        HEAD.encode(),
        HEAD.encode() + b"a,nat,,body,glob,x,,,,,\n",
    ):
        pages = {"/good.csv": good} | ({} if bad is None else {"/bad.csv": bad})
        with published(pages) as address:
            arguments = ["--url", f"{address}/good.csv", "--url", f"{address}/bad.csv"]
            ran = run(["refs", "update", "-w", "W", *arguments, "-q"], folder)
        assert ran.returncode != 0
        assert "Traceback" not in ran.stderr
        assert refs.files(layout) == []


@pytest.mark.parametrize(
    "url", ["http://lists.example/a.csv", "ftp://lists.example/a.csv", "/etc/passwd", "s3://a/b"]
)
def test_lists_do_not_come_over_ways_on_which_they_could_be_altered(folder: Path, url: str) -> None:
    layout = Workspace.open(folder / "W").layout
    with pytest.raises(WallwatchError, match="refused"):
        refs.update(layout, [url], lambda address, into: pytest.fail("asked"), now=AS_OF)


def test_the_lists_in_use_can_be_read(folder: Path) -> None:
    shown = json.loads(run(["refs", "show", "-w", "W", "--format", "json"], folder).stdout)
    assert shown["fingerprints"]["lists"][0]["source"] == "packaged"
    assert shown["files_searched_for_others"] == 0
    listed = run(["refs", "list", "-w", "W", "--country", "IR", "--scope", "nat"], folder).stdout
    assert "10.10.34.35" in listed
    assert "CN" not in listed


def test_rejudging_what_is_no_workspace_is_said(tmp_path: Path) -> None:
    ran = run(["rejudge", "-w", "nowhere"], tmp_path)
    assert (ran.returncode, "not a Wallwatch workspace" in ran.stderr) == (2, True)


def judged(*hits: str, country: str = "XW") -> object:
    known = Fingerprints(
        [
            Fingerprint("order", "nat", "body", "contains", NOTICE, ("XW",)),
            Fingerprint("gate", "prod", "body", "contains", "Access Denied"),
            Fingerprint("move", "fp", "body", "contains", "redirect"),
            Fingerprint(
                "cdn", "fp", "body", "contains", "<title>Access Denied by the site's own shield</title>"
            ),
            Fingerprint("tiny", "nat", "body", "contains", "x y z", ("XW",)),
        ]
    )
    references = References.load(None, known.expected_countries(), known.version, known.strengths())
    world = World()
    m = world.measure(country=country)
    m.dns().tcp(port=80).helper(port=80)
    m.http(
        url="http://site.example/",
        http_fingerprint=list(hits),
        http_body_length=900,
        http_title="Closed",
        port=80,
    )
    return world.judge(references)["m00000"]


@pytest.mark.parametrize(
    ("hits", "blocked", "why"),
    [
        (("nat:order",), True, "a national notice"),
        (("nat:order", "fp:move"), True, "a word as broad as “redirect” does not hide it"),
        (("prod:gate",), False, "“Access Denied” alone is no artefact"),
        (("prod:gate", "fp:cdn"), False, "the site's own page"),
        (("fp:cdn",), False, "a page that only looks like it"),
        (("nat:tiny", "fp:cdn"), False, "the more specific counts"),
        (("nat:unknown",), True, "a fingerprint of an export whose list is not here"),
        (("nat:unknown", "fp:unknown"), False, "in doubt for the page"),
    ],
)
def test_the_more_specific_knowledge_counts(hits: tuple[str, ...], blocked: bool, why: str) -> None:
    found = judged(*hits)
    assert (found.state == "blocked") == blocked, why  # type: ignore[attr-defined]


def test_a_notice_of_another_country_is_no_evidence_here() -> None:
    assert judged("nat:order", country="XQ").state != "blocked"  # type: ignore[attr-defined]
