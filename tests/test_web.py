"""The server: pages and API over a workspace, read-only, bounded, and like OONI's for those who have scripts."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pyarrow.parquet as pq
import pytest
from starlette.responses import Response
from starlette.testclient import TestClient

from conftest import Demo
from report_pages import Page
from wallwatch import web
from wallwatch._errors import WallwatchError
from wallwatch._progress import Silent
from wallwatch.engine import Workspace
from wallwatch.report import facts
from wallwatch.report.language import Language
from wallwatch.report.write import render
from wallwatch.schema import TABLES
from wallwatch.web import server
from wallwatch.web.state import Kept

V1 = "/api/wallwatch/v1"


@pytest.fixture(scope="module")
def workspace(demo: Demo) -> Path:
    return demo.folder / "workspace"


@pytest.fixture(scope="module")
def client(workspace: Path) -> Iterator[TestClient]:
    with TestClient(web.create_app(workspace), base_url="http://localhost") as found:
        yield found


def rows(client: TestClient, path: str) -> list[dict[str, Any]]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


def test_events_are_those_of_show_page_by_page(client: TestClient, workspace: Path) -> None:
    with Workspace.open(workspace).connect() as con:
        ids = {row[0] for row in con.execute("SELECT event_id FROM events").fetchall()}
    found: list[str] = []
    path: str | None = f"{V1}/events?limit=7"
    while path:
        answer = client.get(path).json()
        found += [row["event_id"] for row in answer["results"]]
        path = answer["metadata"]["next"]
    assert len(found) == len(ids)
    assert set(found) == ids


@pytest.mark.parametrize("what", sorted(web.api.LISTED))
def test_everything_can_be_listed_in_every_form(client: TestClient, what: str) -> None:
    whole = client.get(f"{V1}/{what}?format=jsonl&until=2025-03-05").text.splitlines()
    table = list(csv.reader(io.StringIO(client.get(f"{V1}/{what}?format=csv&until=2025-03-05").text)))
    parquet = pq.read_table(io.BytesIO(client.get(f"{V1}/{what}?format=parquet&until=2025-03-05").content))
    assert len(whole) == max(len(table) - 1, 0) == parquet.num_rows
    if whole:
        first = rows(client, f"{V1}/{what}?until=2025-03-05&limit=1")[0]
        assert json.loads(whole[0]) == first
        assert list(first) == table[0]


def test_filters_are_those_of_show(client: TestClient) -> None:
    found = rows(
        client, f"{V1}/verdicts?country=xw&target=telegram&since=2025-03-13&until=2025-03-14&limit=1000"
    )
    assert found
    assert {row["probe_cc"] for row in found} == {"XW"}
    assert {row["service"] for row in found} == {"telegram"}
    assert {row["time"][:10] for row in found} == {"2025-03-13", "2025-03-14"}


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    for path in (
        f"{V1}/events",
        "/en/index.html",
        "/api/v1/aggregation",
        "/feed.atom",
        f"{V1}/routes?format=csv",
    ):
        first = client.get(path)
        again = client.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b""), path
    assert client.get(f"{V1}/events").headers["etag"] != client.get(f"{V1}/outages").headers["etag"]


def test_explanations_name_what_speaks_against(client: TestClient) -> None:
    event = rows(client, f"{V1}/events?limit=1")[0]
    found = client.get(f"{V1}/explain/{event['event_id']}").json()
    assert event["event_id"] in json.dumps(found)
    assert client.get(f"{V1}/explain/no-such-id").status_code == 404


def test_counts_have_the_fields_of_oonis_api(client: TestClient) -> None:
    whole = client.get("/api/v1/aggregation?probe_cc=XW").json()
    assert (whole["dimension_count"], whole["v"]) == (0, 0)
    total = whole["result"]
    parts = ("anomaly_count", "confirmed_count", "failure_count", "ok_count")
    assert total["measurement_count"] == sum(total[name] for name in parts) > 0
    assert total["confirmed_count"] > 0
    by_day = client.get("/api/v1/aggregation?probe_cc=XW&axis_x=measurement_start_day&time_grain=day").json()
    assert by_day["dimension_count"] == 1
    assert sum(row["measurement_count"] for row in by_day["result"]) == total["measurement_count"]
    assert by_day["result"][0]["measurement_start_day"] == "2025-03-03"
    both = client.get("/api/v1/aggregation?axis_x=probe_cc&axis_y=test_name&format=CSV")
    heading = both.text.splitlines()[0].split(",")
    assert heading == [*sorted((*parts, "measurement_count")), "probe_cc", "test_name"]
    one = client.get("/api/v1/aggregation?probe_asn=AS64496,64497&test_name=telegram&axis_x=probe_asn").json()
    assert {row["probe_asn"] for row in one["result"]} == {64496, 64497}
    since = client.get("/api/v1/aggregation?since=2025-03-10&until=2025-03-11&axis_x=measurement_start_day")
    assert {row["measurement_start_day"][:10] for row in since.json()["result"]} == {"2025-03-10"}


def test_measurements_have_the_fields_of_oonis_api(client: TestClient) -> None:
    path = "/api/v1/measurements?probe_cc=XW&test_name=web_connectivity&confirmed=true&order=asc&limit=5"
    answer = client.get(path).json()
    metadata = answer["metadata"]
    assert (metadata["limit"], metadata["offset"], metadata["current_page"]) == (5, 0, 1)
    times = [row["measurement_start_time"] for row in answer["results"]]
    assert times == sorted(times)
    for row in answer["results"]:
        assert row["confirmed"] is row["anomaly"] is True
        assert row["failure"] is False
        assert row["probe_asn"].startswith("AS")
        assert row["probe_cc"] == "XW"
    following = client.get(metadata["next_url"]).json()
    assert {row["measurement_uid"] for row in following["results"]}.isdisjoint(
        row["measurement_uid"] for row in answer["results"]
    )


def test_the_openapi_document_is_valid_and_names_every_route(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    openapi_spec_validator.validate(document)
    assert {"/api/v1/aggregation", "/api/v1/measurements", f"{V1}/events", f"{V1}/explain/{{id}}"} <= set(
        document["paths"]
    )


def _main(page: str) -> str:
    return page[page.index("<main") : page.index("</main>")]


def test_the_pages_are_those_of_the_report(client: TestClient, demo: Demo) -> None:
    assert client.get("/", follow_redirects=False).headers["location"] == "/en/index.html"
    found = client.get("/en/index.html")
    written = (demo.folder / "report" / "index.html").read_text(encoding="utf-8")
    assert _main(found.text) == _main(written)
    page = Page.of(found.text)
    for link in sorted({link for _, _, link, _ in page.links if link.endswith(".html")})[:16]:
        assert client.get(link if link.startswith("/") else f"/en/{link}").status_code == 200, link


def test_the_feed_is_atom(client: TestClient) -> None:
    root = ET.fromstring(client.get("/feed.atom").text)  # noqa: S314 - our own feed
    assert root.tag == "{http://www.w3.org/2005/Atom}feed"
    assert root.findall("{http://www.w3.org/2005/Atom}entry")


def test_a_chart_can_be_framed_elsewhere_and_nothing_else_can(client: TestClient) -> None:
    event = rows(client, f"{V1}/events?limit=1&country=XW")[0]
    chart = client.get(f"/embed/event/{event['event_id']}")
    assert "frame-ancestors *" in chart.headers["content-security-policy"]
    assert "x-frame-options" not in chart.headers
    assert Page.of(chart.text).unbalanced == []
    assert "<svg" in chart.text
    whole = client.get("/en/index.html")
    assert "frame-ancestors 'none'" in whole.headers["content-security-policy"]
    assert whole.headers["x-frame-options"] == "DENY"
    for answer in (chart, whole, client.get(f"{V1}/events"), client.get("/nowhere")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "script-src" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/en/../../../../etc/passwd", 404),
        ("/en/..%2f..%2f..%2fetc%2fpasswd", 404),
        ("/en/%2e%2e/wallwatch-report.json", 404),
        ("/en/wallwatch-report.json", 404),
        ("/xx/index.html", 404),
        (f"{V1}/events?country=X'--", 400),
        (f"{V1}/events?since=yesterday", 400),
        (f"{V1}/events?limit=100000", 400),
        (f"{V1}/events?offset=-1", 400),
        (f"{V1}/nothing", 404),
        ("/api/v1/aggregation?axis_x=country;DROP", 400),
        ("/api/v1/aggregation?axis_x=domain&axis_y=domain", 400),
        ("/api/v1/measurements?probe_asn=DROP", 400),
        ("/api/v1/measurements?order_by=1;--", 400),
        ("/" + "a" * 2000, 414),
        ("/?" + "a" * 5000, 414),
    ],
)
def test_tricks_are_refused_in_words(client: TestClient, path: str, status: int) -> None:
    """Trap X8."""
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert "Traceback" not in answer.text


def test_injection_is_text(client: TestClient) -> None:
    """Trap X8."""
    before = rows(client, f"{V1}/events")
    for text in ("' OR 1=1 --", "x') UNION SELECT * FROM files --", "{0}", "$1", "%", "\x00"):
        for path in (f"{V1}/events", f"{V1}/verdicts", "/api/v1/measurements"):
            name = "domain" if path.startswith("/api/v1/m") else "target"
            assert client.get(path, params={name: text}).json()["results"] == [], (path, text)
    assert rows(client, f"{V1}/events") == before


def test_it_only_reads_and_only_under_its_own_name(client: TestClient) -> None:
    """Trap X8: and no page elsewhere can read a workspace by a name that is made to point here."""
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
        assert client.request(method, f"{V1}/events").status_code == 405
    assert client.get(f"{V1}/events", headers={"host": "evil.example"}).status_code == 421
    assert client.get(f"{V1}/events", headers={"host": "127.0.0.1:8080"}).status_code == 200
    assert client.get(f"{V1}/events", headers={"host": "[::1]:8080"}).status_code == 200
    assert client.request("GET", f"{V1}/events", content=b"x" * 100).status_code == 413
    answer = client.get(f"{V1}/events", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_pages_of_a_named_origin_may_read(workspace: Path) -> None:
    app = web.create_app(workspace, hosts=["watch.example"], origins=["https://friend.example"])
    with TestClient(app, base_url="http://watch.example") as client:
        answer = client.get(f"{V1}/events", headers={"origin": "https://friend.example"})
        assert answer.headers["access-control-allow-origin"] == "https://friend.example"
        answer = client.get(f"{V1}/events", headers={"origin": "https://other.example"})
        assert "access-control-allow-origin" not in answer.headers


def test_giant_ranges_are_not_followed(client: TestClient) -> None:
    """Trap X8."""
    ranges = "bytes=" + ",".join(f"{n}-" for n in range(500))
    answer = client.get("/en/index.html", headers={"range": ranges})
    assert answer.status_code == 200


def test_a_folder_that_is_no_workspace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WallwatchError, match="not a Wallwatch workspace"):
        web.create_app(tmp_path)


@contextmanager
def listening(workspace: Path) -> Iterator[int]:
    """A real server on a free port of the loopback address."""
    ready, found = threading.Event(), []
    running = server.Running(workspace, host="127.0.0.1", port=0)

    def started(address: str) -> None:
        found.append(int(address.rstrip("/").rpartition(":")[2]))
        ready.set()

    thread = threading.Thread(target=running.run, args=(started,))
    thread.start()
    assert ready.wait(60)
    yield found[0]
    running.stop()
    thread.join(60)
    assert not thread.is_alive()


def test_a_slow_client_is_cut_off_and_others_are_served(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap X8."""
    monkeypatch.setattr(server, "PATIENCE", 0.3)
    with listening(workspace) as port:
        slow = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(20)]
        for one in slow:
            one.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        with socket.create_connection(("127.0.0.1", port), timeout=60) as quick:
            request = f"GET {V1}/files?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            quick.sendall(request.encode())
            assert quick.recv(12) == b"HTTP/1.1 200"
        for one in slow:
            assert one.recv(1000) == b""  # closed by the server
            one.close()
        with socket.create_connection(("127.0.0.1", port), timeout=60) as long:
            long.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100_000)
            assert long.recv(12) in (b"HTTP/1.1 400", b"")


def test_pages_from_stored_summaries_are_those_counted_anew(workspace: Path) -> None:
    with Workspace.open(workspace).connect() as con:
        assert facts.are_stored(con)
        stored = dict(render(con, country="XB", language=Language.of("en"), progress=Silent()))
        for (name,) in con.execute(
            "SELECT view_name FROM duckdb_views() WHERE starts_with(view_name, 'report_')"
        ).fetchall():
            con.execute(f"DROP VIEW {name}")
        assert not facts.are_stored(con)
        counted = dict(render(con, country="XB", language=Language.of("en"), progress=Silent()))
    assert stored == counted


def test_summaries_of_other_tables_are_not_read(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace, tmp_path / "w", ignore=shutil.ignore_patterns("raw"))
    changed = Workspace.open(tmp_path / "w")
    with changed.connect() as con:
        assert facts.are_stored(con)
    changed.replace("events", TABLES["events"].from_rows([]), "another")
    with changed.connect() as con:
        assert not facts.are_stored(con)
    with TestClient(web.create_app(tmp_path / "w"), base_url="http://localhost") as client:
        assert client.get("/en/services.html").text.count("<tr>") == 0
        assert rows(client, f"{V1}/verdicts?limit=1")


def test_a_measurement_has_a_page_that_says_why(client: TestClient) -> None:
    event = rows(client, f"{V1}/events?limit=1&country=XW")[0]
    id_ = event["witnesses"][0]
    assert f"../measurement/{id_}.html" in client.get(f"/en/event/{event['event_id']}.html").text
    for lang in ("en", "fa"):
        page = Page.of(client.get(f"/{lang}/measurement/{id_}.html").text)
        assert page.unbalanced == []
        assert id_ in page.text
    explained = client.get(f"{V1}/explain/{id_}").json()
    whole = Page.of(client.get(f"/en/measurement/{id_}.html").text).text
    assert all(sentence in whole for sentence in explained["seen"][:3])
    assert client.get(f"/en/measurement/{id_[:-3]}.html").status_code == 404
    assert client.get("/en/measurement/nothing.html").status_code == 404


def test_answers_are_kept_until_the_data_change(workspace: Path, tmp_path: Path) -> None:
    shutil.copytree(workspace, tmp_path / "w", ignore=shutil.ignore_patterns("raw"))
    with TestClient(web.create_app(tmp_path / "w"), base_url="http://localhost") as client:
        first = client.get(f"{V1}/events")
        assert client.get(f"{V1}/events").content == first.content
        assert first.json()["results"]
        Workspace.open(tmp_path / "w").replace("events", TABLES["events"].from_rows([]), "another")
        later = client.get(f"{V1}/events")
        assert later.json()["results"] == []
        assert later.headers["etag"] != first.headers["etag"]


def test_what_is_kept_stays_within_its_bounds() -> None:
    kept = Kept(10_000)
    for number in range(20):
        kept.put(str(number), Response(b"x" * 1_000))
    assert kept.get("0") is None
    assert kept.get("19") is not None
    assert sum(kept.get(str(number)) is not None for number in range(20)) == 3
    kept.put("large", Response(b"x" * (5 << 20)))
    assert kept.get("large") is None
