"""Digests, the report as one file, and mirrors: findings where lines are thin."""

from __future__ import annotations

import html
import posixpath
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import bundle_worlds as worlds
from console import run as run_in
from wallwatch._errors import WallwatchError
from wallwatch.engine import Workspace
from wallwatch.evidence import shortsign
from wallwatch.report import compact
from wallwatch.report.digest import _fitted, digest
from wallwatch.report.language import Language

DOCS = Path(__file__).resolve().parents[1] / "docs" / "sharing.md"
ENGLISH = Language.of("en")


@pytest.fixture(scope="module")
def iran(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    return worlds.workspace(tmp_path_factory.mktemp("iran") / "ww", shared_data / "signals")


@pytest.fixture(scope="module")
def kenya(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    given = shared_data / "ooni" / "export" / "2023-KE-telegram.csv.gz"
    return worlds.workspace(tmp_path_factory.mktemp("kenya") / "ww", given)


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return run_in(arguments, Path.cwd())


# Digests.


def test_a_digest_says_what_since_when_and_how_sure(iran: Path, kenya: Path) -> None:
    said = run(["digest", "-w", str(iran), "--country", "ir"]).stdout.splitlines()
    assert said[0] == "Iran (IR): data to 20 November 2019"
    assert re.fullmatch(r"(likely: )?internet shut down, \d+ % lost, since 16 November 2019", said[1])
    assert (
        len([line for line in said if "shut down" in line]) == 1
    )  # thirty provinces of one shutdown are one
    said = run(["digest", "-w", str(kenya), "--country", "KE"]).stdout.splitlines()
    assert re.fullmatch(
        r"Telegram blocked, \d of \d+ networks, since \d+ November 2023, ended \d+ November 2023", said[1]
    )


def test_where_nothing_is_found_it_does_not_say_that_all_is_well(tmp_path: Path) -> None:
    worlds.write_lines(tmp_path / "in" / "a.jsonl", [worlds.measurement(n, blocked=False) for n in range(3)])
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    said = run(["digest", "-w", str(root), "--country", "XW"]).stdout
    assert "No restriction found that stands, in measurements from 1 network. Others may have some." in said
    assert run(["digest", "-w", str(root), "--country", "ZW"]).returncode == 2


@pytest.mark.parametrize("most", [140, 141, 150, 163, 200, 300, 999, 5000])
def test_it_is_never_longer_and_ends_with_whole_lines(most: int) -> None:
    lines = ["ایران (IR): داده‌ها تا ۲۰ نوامبر"] + [f"تلگرام {n} مسدود از ۸ نوامبر ۲۰۲۳" for n in range(60)]
    lines.append("Still works: Tor")
    content = _fitted(lines, most, ENGLISH)
    assert len(content) <= most
    said = content.decode().splitlines()
    assert said[0] == lines[0]
    hidden = re.fullmatch(r"and (\d+) more", said[-2] if said[-1] == lines[-1] else said[-1])
    shown = [line for line in said if line in lines[1:-1]]
    assert (int(hidden[1]) if hidden else 0) + len(shown) + (said[-1] == lines[-1]) == len(lines) - 1


def test_a_single_long_line_is_cut_between_characters() -> None:
    content = _fitted(["ف" * 400], 141, ENGLISH)
    assert len(content) <= 141
    assert content.decode().endswith("…\n")


def test_hostile_names_stay_on_their_line(tmp_path: Path) -> None:
    """X3: a host cannot add a line, turn the text around or colour the terminal."""
    root = _hostile_world(tmp_path)
    with Workspace.open(root).connect() as con:
        con.execute(
            "CREATE OR REPLACE TEMP VIEW events AS SELECT * REPLACE (chr(8238) || '<b>x' || chr(10) || chr(27) || '[31m' "
            "AS service) FROM (SELECT * FROM memory.main.events)"
        )
        said = digest(con, "KE", ENGLISH, 1000).decode()
    assert len(said.splitlines()) == 2 + ("\nStill works" in said)
    assert not re.search("[\u202e\x1b]", said)


def _hostile_world(tmp_path: Path) -> Path:
    shared = Path(worlds.__file__).resolve().parents[2] / "shared" / "data" / "ooni" / "export"
    if not shared.is_dir():
        pytest.skip("the real test data are not there")
    return worlds.workspace(tmp_path / "ww", shared / "2023-KE-telegram.csv.gz")


def test_a_signed_digest_fits_and_is_verified_by_us_and_by_openssl_as_the_page_says(
    iran: Path, tmp_path: Path
) -> None:
    key = worlds.ssh_key(tmp_path)
    ran = run(["digest", "-w", str(iran), "--country", "IR", "--bytes", "240", "--sign", str(key)])
    text = tmp_path / "digest.txt"
    text.write_bytes(ran.stdout.encode())
    assert len(text.read_bytes()) <= 240
    assert run(["verify", str(text), "--signers", f"{key}.pub"]).returncode == 0
    block = re.search(r"^```bash\n(.*?)^```", DOCS.read_text(encoding="utf-8"), re.M | re.S)
    assert block is not None
    done = subprocess.run(
        ["bash", "-ec", block[1]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    text.write_bytes(re.sub(rb"[0-9]+ %", b"1 %", text.read_bytes(), count=1))
    assert run(["verify", str(text), "--signers", f"{key}.pub"]).returncode == 1
    assert (
        subprocess.run(["bash", "-ec", block[1]], cwd=tmp_path, capture_output=True, check=False).returncode
        != 0
    )


def test_signatures_survive_other_line_ends_and_no_other_key(tmp_path: Path) -> None:
    keys = [worlds.ssh_key(tmp_path, name) for name in ("a", "b")]
    public = [Path(f"{key}.pub").read_text() for key in keys]
    text = "Iran (IR): données\n".encode()
    content = text + shortsign.sign(text, keys[0])
    assert shortsign.signed_by(content, public) == public[0]
    assert shortsign.signed_by(content.replace(b"\n", b"\r\n") + b"\r\n", public) == public[0]
    assert shortsign.signed_by(content, public[1:]) is None
    assert shortsign.signed_by(text, public) is None
    assert len(content) - len(text) == shortsign.LENGTH
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(tmp_path / "r")], check=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(tmp_path / "p")], check=True
    )
    for name in ("r", "p", "none"):
        with pytest.raises(WallwatchError):
            shortsign.sign(text, tmp_path / name)


# The report as one file.


def _dead_links(folder: Path) -> list[str]:
    dead = []
    for page in folder.rglob("*.html"):
        name = page.relative_to(folder).as_posix()
        for link in re.findall(r'href="([^"#]+)', page.read_text(encoding="utf-8")):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), html.unescape(link)))
            if not link.startswith(("https:", "data:")) and not (folder / target).exists():
                dead.append(f"{name}: {link}")
    return dead


def test_the_report_is_one_file_below_a_megabyte_whose_links_lead_somewhere(
    iran: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r.zip"
    done = run(["report", "-w", str(iran), "--one-file", "--out", str(out), "-q"])
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size < 1_000_000
    with zipfile.ZipFile(out) as zipped:
        zipped.extractall(tmp_path / "u")
    folder = tmp_path / "u" / "wallwatch"
    assert (folder / "index.html").is_file()
    assert _dead_links(folder) == []
    again = tmp_path / "again.zip"
    run(["report", "-w", str(iran), "--one-file", "--out", str(again), "-q"])
    assert again.read_bytes() == out.read_bytes()


def test_what_does_not_fit_is_counted_and_nothing_leads_to_it(
    iran: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compact, "MOST", 80_000)
    out = tmp_path / "r.zip"
    with Workspace.open(iran).connect() as con:
        written, left_out = compact.write_one_file(con, out)
    assert left_out > 0
    assert out.stat().st_size <= 80_000
    with zipfile.ZipFile(out) as zipped:
        zipped.extractall(tmp_path / "u")
    assert written.pages == len(list((tmp_path / "u").rglob("*.html")))
    assert _dead_links(tmp_path / "u" / "wallwatch") == []


# Mirrors.


def test_a_mirror_is_a_whole_copy_with_its_feed(iran: Path, tmp_path: Path) -> None:
    out = tmp_path / "m"
    link = "https://mirror.example/feed.atom"
    done = run(["mirror", "-w", str(iran), "--out", str(out), "--link", link, "-q"])
    assert done.returncode == 0, done.stderr
    assert (
        subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=out, check=False).returncode
        == 0
    )
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    sums = {line.split("  ", 1)[1] for line in (out / "SHA256SUMS").read_text().splitlines()}
    assert files - sums == {"SHA256SUMS"}
    assert {"index.html", "report.zip", "feed.atom", "digest/IR.txt", "tables/outages.csv"} <= files
    assert _dead_links(out) == []
    for path, where in (
        ("index.html", "feed.atom"),
        ("country/IR.html", "../feed.atom"),
        ("fa/index.html", "../feed.atom"),
    ):
        link_ = re.search(
            r'<link rel="alternate" type="application/atom\+xml"[^>]* href="([^"]+)"',
            (out / path).read_text(),
        )
        assert link_ is not None
        assert link_[1] == where
    feed = ET.parse(out / "feed.atom").getroot()  # noqa: S314 - our own
    atom = "{http://www.w3.org/2005/Atom}"
    assert feed.find(f"{atom}link").get("href") == link  # type: ignore[union-attr]
    assert len(feed.findall(f"{atom}entry")) >= 1
    with Workspace.open(iran).connect() as con:
        outages = con.sql("SELECT count(*) FROM outages").fetchall()[0][0]
    assert pq.read_table(out / "tables" / "outages.parquet").num_rows == outages > 20
    before = {path: (out / path).read_bytes() for path in files}
    assert run(["mirror", "-w", str(iran), "--out", str(out), "--link", link, "-q"]).returncode == 0
    assert {path: (out / path).read_bytes() for path in files} == before


def test_a_folder_with_other_things_is_no_mirror(iran: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert run(["mirror", "-w", str(iran), "--out", str(tmp_path), "-q"]).returncode == 2
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert shutil.which("sha256sum")
