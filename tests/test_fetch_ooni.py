"""Fetching from a bucket: a real S3 API on loopback, files byte for byte, and nothing trusted."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest

from object_store import object_store
from wallwatch._errors import WallwatchError
from wallwatch.archive import fetch
from wallwatch.archive.fetch.download import BrokenError, Item, RefusedError, download, safe_path

BUCKET = "ooni-data-eu-fra"
FILES = {
    f"raw/202311{day:02d}/{hour:02d}/{cc}/{test}/202311{day:02d}{hour:02d}_{cc}_{test}.n1.0.jsonl.gz": gzip.compress(
        f"{day} {hour} {cc} {test}\n".encode() * 3000 + bytes(range(256)), mtime=0
    )
    for day, hour, cc, test in [
        (1, 5, "KE", "telegram"),
        (1, 5, "KE", "webconnectivity"),
        (1, 6, "UG", "telegram"),
        (2, 23, "KE", "telegram"),
        (4, 0, "KE", "facebookmessenger"),
    ]
}
TAR = "raw/20231101/05/KE/telegram/2023110105_KE_telegram.n1.0.tar.gz"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with object_store() as (address, _):
        yield address


@pytest.fixture(scope="module")
def client(server: str) -> Any:
    made = boto3.client(
        "s3",
        endpoint_url=server,
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    made.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    for key, body in {**FILES, TAR: b"the same again"}.items():
        made.put_object(Bucket=BUCKET, Key=key, Body=body, ACL="public-read")
    return made


@pytest.fixture
def go(server: str, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Fetches into `tmp_path`, without an account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)

    def run(countries: list[str] | None = None, until: int = 2, **options: Any) -> fetch.Summary:
        return fetch.fetch_ooni(
            countries or ["KE"],
            date(2023, 11, 1),
            date(2023, 11, until),
            into=tmp_path,
            endpoint=server,
            retries=1,
            pause=lambda seconds: None,
            **options,
        )

    return run


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_country_and_days_come_byte_for_byte_under_their_keys(go: Any, tmp_path: Path) -> None:
    summary = go()
    assert files(tmp_path) == {
        key: body for key, body in FILES.items() if "/KE/" in key and "20231104" not in key.split("/")[1]
    }
    assert (summary.fetched, summary.present, summary.failed) == (3, 0, [])
    assert summary.paths == sorted(str(tmp_path / key) for key in files(tmp_path))
    assert "3 files fetched" in summary.lines()[0]


def test_c15_days_after_the_last_are_looked_at_for_late_uploads(go: Any, tmp_path: Path) -> None:
    go(late_days=2)
    assert any("20231104" in key for key in files(tmp_path))


@pytest.mark.parametrize("name", ["web_connectivity", "webconnectivity", "Web-Connectivity"])
def test_nettests_are_named_with_or_without_underscores(go: Any, tmp_path: Path, name: str) -> None:
    go(nettests=[name])
    assert [key.split("/")[4] for key in files(tmp_path)] == ["webconnectivity"]


def test_post_cans_hold_the_same_again_and_come_only_when_asked_for(go: Any, tmp_path: Path) -> None:
    go()
    assert TAR not in files(tmp_path)
    go(post_cans=True)
    assert TAR in files(tmp_path)


def test_a_second_run_downloads_nothing(go: Any, tmp_path: Path) -> None:
    go()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.gz")}
    summary = go()
    assert (summary.fetched, summary.present, summary.bytes_fetched) == (0, 3, 0)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.gz")}


def test_a_torn_file_is_continued_and_a_changed_byte_is_found(go: Any, tmp_path: Path) -> None:
    go()
    torn, changed = sorted(tmp_path.rglob("*.gz"))[:2]
    whole, other = torn.read_bytes(), changed.read_bytes()
    torn.write_bytes(whole[:100])
    changed.write_bytes(other[:50] + b"?" + other[51:])
    summary = go()
    assert (summary.fetched, summary.present, summary.failed) == (2, 1, [])
    assert summary.bytes_fetched == len(whole) - 100 + len(other)
    assert (torn.read_bytes(), changed.read_bytes()) == (whole, other)
    assert not list(tmp_path.rglob("*.part"))


def test_the_order_of_workers_changes_nothing(go: Any, tmp_path: Path) -> None:
    one = go(countries=["UG", "KE"], workers=1)
    again = go(countries=["ke", "ug"], workers=7)
    assert one.paths == again.paths
    assert again.present == 4


def test_nothing_there_is_no_failure(go: Any) -> None:
    summary = go(countries=["XW"])
    assert (summary.fetched, summary.failed) == (0, [])


def test_x2_keys_that_could_leave_the_folder_never_do(go: Any, client: Any, tmp_path: Path) -> None:
    odd = "raw/20231101/07/KE/../../../../../escaped.jsonl.gz"
    dashed = "raw/20231101/08/KE/telegram/-rf.jsonl.gz"
    for key in (odd, dashed):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"x", ACL="public-read")
    try:
        summary = go()
    finally:
        for key in (odd, dashed):
            client.delete_object(Bucket=BUCKET, Key=key)
    assert len(summary.failed) == 2
    assert summary.fetched == 3
    assert set(files(tmp_path)) <= set(FILES)
    assert not list(tmp_path.parent.glob("escaped*"))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "a/../b",
        "a//b",
        "./a",
        "a/\x00",
        "a/\x1b[31m",
        "a\\..\\b",
        "a/-rf",
        "a/.ssh",
        "a/b.",
        "a/" + "x" * 300,
    ],
)
def test_x2_hostile_names_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(RefusedError):
        safe_path(tmp_path, key)


def test_content_that_never_fits_its_checksum_is_refused_in_the_end(tmp_path: Path) -> None:
    item = Item("raw/x.gz", 3, '"900150983cd24fb0d6963f7d28e17f72"')  # the MD5 of b"abc"
    target = tmp_path / "x.gz"
    pauses: list[float] = []
    with pytest.raises(BrokenError, match="checksum"):
        download(item, target, lambda at: iter([b"abX"[at:]]), pause=pauses.append)
    assert not target.exists()
    assert len(pauses) == 3
    assert download(item, target, lambda at: iter([b"abc"[at:]]), pause=pauses.append) == 3
    assert target.read_bytes() == b"abc"


def test_a_connection_that_breaks_is_continued_where_it_broke(tmp_path: Path) -> None:
    body, asked = bytes(range(200)), []

    def open_at(offset: int) -> Iterator[bytes]:
        asked.append(offset)
        yield body[offset : offset + 90]
        if offset + 90 < len(body):
            raise RuntimeError("connection reset")

    item = Item("a.gz", len(body), '"no-md5-2"')
    download(item, tmp_path / "a.gz", open_at, pause=lambda seconds: None)
    assert asked == [0, 90, 180]
    assert (tmp_path / "a.gz").read_bytes() == body


def test_more_bytes_than_promised_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(BrokenError, match="more bytes"):
        download(Item("a", 5, ""), tmp_path / "a", lambda at: iter([b"x" * 10]), pause=lambda seconds: None)


@pytest.mark.parametrize(
    ("countries", "since", "until"),
    [
        ([], date(2023, 1, 1), date(2023, 1, 2)),
        (["KEN"], date(2023, 1, 1), date(2023, 1, 2)),
        (["KE"], date(2023, 1, 2), date(2023, 1, 1)),
        (["KE"], date(2003, 1, 1), date(2003, 1, 2)),
        (["KE"], date(2021, 1, 1), date(2099, 1, 2)),
    ],
)
def test_mistakes_are_named(countries: list[str], since: date, until: date, tmp_path: Path) -> None:
    with pytest.raises(WallwatchError):
        fetch.fetch_ooni(countries, since, until, into=tmp_path)


def test_a_store_that_does_not_answer_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    summary = fetch.fetch_ooni(
        ["KE"],
        date(2023, 11, 1),
        date(2023, 11, 1),
        into=tmp_path,
        endpoint="http://127.0.0.1:9",
        retries=0,
        pause=lambda seconds: None,
    )
    assert len(summary.failed) == 24
    assert all("\n" not in line for line in summary.lines())


def test_s3_addresses_name_a_prefix_or_one_object(go: Any, server: str, client: Any, tmp_path: Path) -> None:
    paths = fetch.download_inputs(f"s3://{BUCKET}/raw/20231101/05/KE", tmp_path, endpoint=server)
    assert [path.read_bytes() for path in paths] == [
        body for key, body in sorted({**FILES, TAR: b"the same again"}.items()) if "20231101/05/KE" in key
    ]
    (key, body), *_ = FILES.items()
    (path,) = fetch.download_inputs(f"s3://{BUCKET}/{key}", tmp_path, endpoint=server)
    assert path.read_bytes() == body
    with pytest.raises(WallwatchError, match="nothing"):
        fetch.download_inputs(f"s3://{BUCKET}/raw/1999", tmp_path, endpoint=server)


class _Web(BaseHTTPRequestHandler):
    tries = 0

    def do_GET(self) -> None:
        body = b"iso,name_1\n"
        where = {"/loop": "/loop", "/file": "file:///etc/passwd", "/moved": "/signals.csv"}.get(self.path)
        if where:
            self.send_response(302)
            self.send_header("Location", where)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path == "/flaky" and type(self).tries < 2:
            type(self).tries += 1
            self.send_error(503)
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(10**15 if self.path == "/endless" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Web) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/signals.csv", "/moved", "/flaky", "/a%2F..%2F..%2Fb", "/"])
def test_one_file_of_the_web(web: str, tmp_path: Path, path: str) -> None:
    for _ in range(2):
        (found,) = fetch.download_inputs(web + path, tmp_path, pause=lambda seconds: None)
        assert found.parent == tmp_path
        assert found.read_bytes() == b"iso,name_1\n"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", ["/loop", "/file", "/missing", "/endless"])
def test_web_addresses_that_lead_astray_are_refused(web: str, tmp_path: Path, path: str) -> None:
    with pytest.raises(WallwatchError):
        fetch.download_inputs(web + path, tmp_path, pause=lambda seconds: None)
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith(".")]


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://example.org/x", "gopher://example.org", "s3://"]
)
def test_only_a_few_schemes_are_read(address: str, tmp_path: Path) -> None:
    assert fetch.is_address(address)
    with pytest.raises(WallwatchError):
        fetch.download_inputs(address, tmp_path)


def test_paths_are_no_addresses() -> None:
    assert not fetch.is_address("folder/file.jsonl.gz")
    assert not fetch.is_address("C:\\files")
