"""Time stamps (RFC 3161) from a time-stamp authority that runs here, on the loopback interface."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import bundle_worlds as worlds
from wallwatch import bundles
from wallwatch._errors import WallwatchError
from wallwatch.evidence import bag

_CONFIG = """
[tsa]
default_tsa = here
[here]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass(frozen=True)
class Authority:
    """A time-stamp authority: its address, and the certificate that a reader may trust."""

    url: str
    root: Path
    asked: list[bytes]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    folder = tmp_path_factory.mktemp("tsa")
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "ext.cnf").write_text("extendedKeyUsage=critical,timeStamping\n")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/CN=Root")  # fmt: skip
    openssl(
        "req",
        "-new",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "tsa.key",
        "-out",
        "tsa.csr",
        "-subj",
        "/CN=TSA",
    )
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "tsa.pem", "-days", "3650", "-extfile", "ext.cnf")  # fmt: skip
    asked: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(query)
            (folder / "query").write_bytes(query)
            openssl(
                "ts",
                "-reply",
                "-queryfile",
                "query",
                "-out",
                "answer",
                "-config",
                "tsa.cnf",
                "-section",
                "here",
            )
            answer = (folder / "answer").read_bytes() if self.path == "/" else b"no stamp"
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Says nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Authority(f"http://127.0.0.1:{server.server_port}/", folder / "ca.pem", asked)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("world")
    worlds.write_lines(folder / "in" / "a.jsonl", [worlds.measurement(1, blocked=True)])
    root = worlds.workspace(folder / "ww", folder / "in")
    return root, "20240501081100_XW_webconnectivity"


@pytest.mark.parametrize("signed", [True, False])
def test_a_stamp_is_kept_and_checked_as_the_readme_says(
    signed: bool, authority: Authority, world: tuple[Path, str], tmp_path: Path
) -> None:
    root, id_ = world
    out = tmp_path / "a.zip"
    key = worlds.ssh_key(tmp_path) if signed else None
    made = worlds.bundle(root, id_, out, signer=key, stamp_url=authority.url)
    assert made.stamped
    report = bundles.verify(out, authorities=authority.root)
    assert report.holds, report.failed
    assert report.stamped
    open_ = bundles.verify(out)  # whose stamp it is stays open without certificates that the reader trusts
    assert open_.holds
    assert any("--authorities" in sentence for sentence in open_.open)
    subprocess.run(["unzip", "-q", str(out), "-d", str(tmp_path / "u")], check=True)
    folder = next((tmp_path / "u").iterdir())
    command = next(
        line[4:]
        for line in (folder / "README.txt").read_text().splitlines()
        if line.startswith("  $ openssl")
    )
    (folder / "tsa.pem").write_bytes(authority.root.read_bytes())
    subprocess.run(["bash", "-c", command], cwd=folder, check=True, capture_output=True)
    (folder / "tsa.pem").unlink()
    stamp = folder / (bag.STAMP_OF_SIGNATURE if signed else bag.STAMP_OF_MANIFEST)
    content = bytearray(stamp.read_bytes())
    content[-20] ^= 1  # in the authority's signature
    stamp.write_bytes(content)
    for trusted in (authority.root, None):
        assert any(
            "time stamp" in sentence for sentence in bundles.verify(folder, authorities=trusted).failed
        )


def test_nobody_is_asked_unless_one_says_so(
    authority: Authority, world: tuple[Path, str], tmp_path: Path
) -> None:
    before = len(authority.asked)
    worlds.bundle(*world, tmp_path / "a.zip")
    assert len(authority.asked) == before
    assert bundles.verify(tmp_path / "a.zip", authorities=authority.root).failed == ["it has no time stamp"]


def test_an_authority_that_gives_no_stamp_is_an_error_and_no_bundle(
    authority: Authority, world: tuple[Path, str], tmp_path: Path
) -> None:
    for url in (authority.url + "broken", "http://127.0.0.1:9/", "ftp://127.0.0.1/"):
        with pytest.raises(WallwatchError, match=r"time stamp|time-stamp"):
            worlds.bundle(*world, tmp_path / "a.zip", stamp_url=url)
    assert not (tmp_path / "a.zip").exists()
