"""Bundles of evidence: checked by a stranger with stock tools, rebuilt by `verify`, refused when tampered with (X7)."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import html
import io
import json
import os
import random
import re
import shutil
import stat
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import bundle_worlds as worlds
from console import run as run_in
from report_pages import Page
from wallwatch import bundles
from wallwatch._errors import WallwatchError
from wallwatch.evidence import bag, onefile, signing
from wallwatch.sources.ooni.values import resolver_kind


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Runs a command whose paths are absolute."""
    return run_in(arguments, Path.cwd())


@dataclass(frozen=True)
class Made:
    """A workspace, a signed bundle of it, and the key."""

    workspace: Path
    file: Path
    key: Path
    bundled: bundles.Bundled


@pytest.fixture(scope="module")
def iran(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Made:
    """The national shutdown of November 2019, bundled and signed."""
    folder = tmp_path_factory.mktemp("iran")
    root = worlds.workspace(folder / "ww", shared_data / "signals")
    key = worlds.ssh_key(folder)
    out = folder / "iran.zip"
    return Made(root, out, key, worlds.bundle(root, _national(root), out, signer=key))


def _national(root: Path) -> str:
    shown = run(["show", "outages", "-w", str(root), "--format", "json"])
    return next(
        r["outage_id"]
        for r in json.loads(shown.stdout)
        if r["scope"] == "country" and r["kind"] == "shutdown"
    )


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One measurement of a bogon answer, in the volunteer's own file, bundled and signed."""
    folder = tmp_path_factory.mktemp("one")
    lines = [worlds.measurement(n, blocked=n < 6, probe_ip=worlds.VOLUNTEER) for n in range(8)]
    worlds.write_lines(folder / "in" / "2024.jsonl", lines)
    root = worlds.workspace(folder / "ww", folder / "in")
    key = worlds.ssh_key(folder)
    out = folder / "one.zip"
    return Made(root, out, key, worlds.bundle(root, _blocked(root), out, signer=key))


def _verdicts(root: Path) -> list[dict[str, object]]:
    shown = run(["show", "verdicts", "-w", str(root), "--format", "jsonl"])
    return [json.loads(line) for line in shown.stdout.splitlines()]


def _blocked(root: Path) -> str:
    return next(str(r["measurement_id"]) for r in _verdicts(root) if r["state"] == "blocked")


def unzipped(file: Path, into: Path) -> Path:
    with zipfile.ZipFile(file) as zipped:
        zipped.extractall(into)  # noqa: S202 - our own
    return next(into.iterdir())


def told(folder: Path) -> list[str]:
    """The commands of a bundle's README, in their order."""
    return re.findall(r"^  \$ (.+)$", (folder / "README.txt").read_text(encoding="utf-8"), re.MULTILINE)


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    bin_ = folder.parent / "bin"
    bin_.mkdir(exist_ok=True)
    (bin_ / "wallwatch").write_text(f'#!/bin/sh\nexec {sys.executable} -m wallwatch "$@"\n')
    (bin_ / "wallwatch").chmod(0o755)
    path = f"{bin_}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False, env=env, timeout=300
    )


# What a stranger does.


@pytest.mark.parametrize("world", ["iran", "one"])
def test_every_command_of_the_readme_does_what_it_says(
    world: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made: Made = request.getfixturevalue(world)
    folder = unzipped(made.file, tmp_path / "u")
    commands = told(folder)
    assert [command.split()[0] for command in commands[:4]] == [
        "sha256sum",
        "sha256sum",
        "test",
        "ssh-keygen",
    ]
    for command in commands:
        done = shell(command, folder)
        assert done.returncode == 0, (command, done.stderr)
    assert made.bundled.fingerprint in shell(commands[4], folder).stdout
    again = shell(commands[-1], folder).stdout  # `wallwatch explain` on what was rebuilt
    assert "probability" in again or "blocked" in again


def test_the_readme_s_commands_see_what_was_changed_added_or_signed_by_another(
    iran: Made, tmp_path: Path
) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    tags, manifest, count, signature = told(folder)[:4]
    (folder / "data" / "more.txt").write_text("added")
    assert shell(count, folder).returncode != 0
    (folder / "data" / "more.txt").unlink()
    claim = folder / "data" / "claim.json"
    claim.write_bytes(claim.read_bytes().replace(b'"depth": 0.9', b'"depth": 0.8', 1))
    assert shell(manifest, folder).returncode != 0
    bag.seal(folder, bag.read_info(folder))  # the forger writes new manifests
    assert shell(manifest, folder).returncode == 0
    assert shell(tags, folder).returncode == 0
    assert shell(signature, folder).returncode != 0


def test_it_is_a_valid_bag_and_a_research_object(iran: Made, tmp_path: Path) -> None:
    bagit = pytest.importorskip("bagit")
    rocrate = pytest.importorskip("rocrate.rocrate")
    folder = unzipped(iran.file, tmp_path / "u")
    assert bagit.Bag(str(folder)).is_valid()
    crate = rocrate.ROCrate(str(folder / "data"))
    entities = {entity.id: entity for entity in crate.get_entities()}
    files = {f.relative_to(folder / "data").as_posix() for f in (folder / "data").rglob("*") if f.is_file()}
    assert files - set(entities) == set()
    raw = next(entity for id_, entity in entities.items() if id_.startswith("raw/"))
    origin = raw["wasDerivedFrom"]
    origin = origin[0] if isinstance(origin, list) else origin
    assert origin["name"] == "irn-2019-11-11_gif.csv"
    assert len(origin["sha256"]) == 64
    assert crate.root_dataset["license"] is not None


def test_two_builds_give_the_same_bytes(iran: Made, tmp_path: Path) -> None:
    again = tmp_path / "again.zip"
    worlds.bundle(iran.workspace, iran.bundled.id, again, signer=iran.key)
    assert again.read_bytes() == iran.file.read_bytes()


# What `verify` says.


def test_verify_judges_the_lines_again_and_says_so(iran: Made) -> None:
    done = run(["verify", str(iran.file), "--signers", f"{iran.key}.pub", "--quiet"])
    assert done.returncode == 0, done.stderr
    assert "the claim follows from the enclosed lines" in done.stdout
    assert "signed by a key that you trust" in done.stdout
    assert done.stdout.endswith("VERIFIED\n")
    folder = json.loads(run(["verify", str(iran.file), "--format", "json", "--quiet"]).stdout)
    assert folder["verified"]
    assert any("compare its fingerprint" in sentence for sentence in folder["open"])


def test_a_list_of_signers_as_openssh_has_it_is_taken(iran: Made, tmp_path: Path) -> None:
    other = worlds.ssh_key(tmp_path, "other")
    keys = [signing.public_key(key).text for key in (other, iran.key)]
    listed = tmp_path / "signers"
    listed.write_text(f'bob@example.org {keys[0]}\n*@example.org namespaces="wallwatch" {keys[1]}\n')
    assert bundles.verify(iran.file, signers=listed).holds


def test_another_key_is_named(iran: Made, tmp_path: Path) -> None:
    other = worlds.ssh_key(tmp_path, "other")
    report = bundles.verify(iran.file, signers=Path(f"{other}.pub"))
    assert not report.holds
    assert iran.bundled.fingerprint in report.failed[0]


def test_a_bundle_signed_again_by_another_key_is_not_the_signers(iran: Made, tmp_path: Path) -> None:
    other = worlds.ssh_key(tmp_path, "other")
    folder = unzipped(iran.file, tmp_path / "u")
    (folder / bag.SIGNATURE).write_bytes(signing.sign((folder / bag.TAG_MANIFEST).read_bytes(), other))
    report = bundles.verify(folder)
    assert any("another key" in sentence for sentence in report.failed)
    (folder / signing.SIGNERS).write_text(signing.signers(signing.public_key(other)))
    bag.seal(folder, bag.read_info(folder))
    (folder / bag.SIGNATURE).write_bytes(signing.sign((folder / bag.TAG_MANIFEST).read_bytes(), other))
    assert bundles.verify(folder).signed_by == signing.public_key(other).fingerprint
    assert not bundles.verify(folder, signers=Path(f"{iran.key}.pub")).holds


def test_a_signature_that_was_taken_away_is_missed(iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    (folder / bag.SIGNATURE).unlink()
    assert any(bag.SIGNATURE in sentence for sentence in bundles.verify(folder).failed)


def test_a_signature_made_for_another_purpose_does_not_count(iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    (folder / bag.SIGNATURE).unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(iran.key), str(folder / bag.TAG_MANIFEST)],
        check=True,
        capture_output=True,
    )
    assert not bundles.verify(folder).holds


@pytest.mark.parametrize("at", range(24))
def test_no_byte_of_the_file_can_be_changed(at: int, one: Made, tmp_path: Path) -> None:
    content = bytearray(one.file.read_bytes())
    # Some in the headers and the list at the end, the others anywhere.
    chance = random.Random(at)
    place = (
        chance.randrange(60)
        if at < 6
        else -chance.randrange(1, 600)
        if at < 12
        else chance.randrange(len(content))
    )
    content[place] ^= 1 << chance.randrange(8)
    changed = tmp_path / "changed.zip"
    changed.write_bytes(content)
    report = bundles.verify(changed)
    assert not report.holds
    assert report.failed


@pytest.mark.parametrize("name", ["data/claim.json", "bag-info.txt", "README.txt", "data/lines.csv"])
def test_a_changed_file_is_named(name: str, iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    out = tmp_path / "changed.zip"
    onefile.pack(folder, folder.name, out)
    for given in (folder, out):
        assert f"changed: {name} has not the SHA-256 of the manifest" in bundles.verify(given).failed


def test_files_added_removed_and_renamed_are_named(iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    (folder / "data" / "tables" / "more.csv").write_text("a,b\n")
    (folder / "notes.txt").write_text("not ours")
    (folder / "data" / "software.json").unlink()
    (folder / "data" / "explanation.txt").rename(folder / "data" / "explained.txt")
    failed = bundles.verify(folder).failed
    assert "added: data/tables/more.csv is in no manifest" in failed
    assert "added: notes.txt is in no manifest" in failed
    assert "missing: data/software.json" in failed
    assert "renamed: data/explanation.txt is now data/explained.txt" in failed


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{hash}  data/claim.json\n", "a second time"),
        ("{hash}  data/CLAIM.json\n", "a second time"),
        ("{hash}  ../../etc/passwd\n", "leads out of its folder"),
        ("{hash}  /etc/passwd\n", "absolute"),
        ("{hash}  data/..%2f\\x\n", "backslashes"),
        ("{hash}  data/a%0Ab\n", "control characters"),
        ("what is this\n", "not a hash and a name"),
        ("{hash}  data/torn", "ends within a line"),
    ],
)
def test_hostile_manifests_are_refused(line: str, says: str, iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    manifest = folder / bag.MANIFEST
    manifest.write_text(manifest.read_text() + line.format(hash="0" * 64))
    failed = bundles.verify(folder).failed
    assert any(says in sentence for sentence in failed), failed


def _hostile(path: Path, kind: str) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("evidence/bagit.txt", bag.DECLARED)
        if kind == "climbs":
            zipped.writestr("evidence/../../outside.txt", "x")
        elif kind == "absolute":
            zipped.writestr("/tmp/outside.txt", "x")  # noqa: S108 - a hostile name
        elif kind == "link":
            entry = zipfile.ZipInfo("evidence/data/link")
            entry.create_system = 3
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            zipped.writestr(entry, "/etc/passwd")
        elif kind == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                zipped.writestr("evidence/bagit.txt", "other")
        elif kind == "case":
            zipped.writestr("evidence/BAGIT.txt", "other")
        elif kind == "two folders":
            zipped.writestr("other/bagit.txt", "x")
        elif kind == "bomb":
            zipped.writestr("evidence/data/bomb", bytes(80 << 20))
        elif kind == "folder":
            zipped.writestr("evidence/data/", "")


@pytest.mark.parametrize(
    "kind", ["climbs", "absolute", "link", "twice", "case", "two folders", "bomb", "folder"]
)
def test_hostile_containers_are_refused_and_write_nothing_outside(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    _hostile(path, kind)
    into = tmp_path / "into"
    into.mkdir()
    with pytest.raises(onefile.RefusedError):
        onefile.unpack(path, into)
    assert not list(into.rglob("*"))
    assert not (tmp_path / "outside.txt").exists()
    report = bundles.verify(path)
    assert not report.holds
    assert report.failed[0].startswith("refused: ")


def test_a_container_whose_sizes_lie_is_stopped_while_it_is_unpacked(one: Made, tmp_path: Path) -> None:
    limits = onefile.Limits(total=50_000)
    with pytest.raises(onefile.RefusedError, match="unpack"):
        onefile.unpack(one.file, tmp_path, limits)


@pytest.mark.parametrize("where", ["before", "behind"])
def test_nothing_hides_before_or_behind_the_archive(where: str, one: Made, tmp_path: Path) -> None:
    content = one.file.read_bytes()
    path = tmp_path / "more.zip"
    path.write_bytes(b"#!/bin/sh\n" + content if where == "before" else content + b"more")
    assert not bundles.verify(path).holds


def test_no_zip_file_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "not.zip"
    path.write_bytes(b"PK\3\4 but no more")
    assert not bundles.verify(path).holds
    assert run(["verify", str(tmp_path / "none.zip")]).returncode == 2


def test_a_bundle_packed_again_by_another_program_is_verified_unpacked(one: Made, tmp_path: Path) -> None:
    folder = unzipped(one.file, tmp_path / "u")
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(again, "w") as zipped:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            zipped.write(path, f"{folder.name}/{path.relative_to(folder)}")
    assert "unpack it" in bundles.verify(again).failed[0]
    assert bundles.verify(folder).holds


# Whether the claim follows.


def _forged(made: Made, tmp_path: Path, name: str, before: bytes, after: bytes) -> Path:
    """The bundle with something replaced, and manifests that fit; the forger has no key."""
    folder = unzipped(made.file, tmp_path / "u")
    path = next(folder.glob(name))
    content = path.read_bytes()
    assert before in content
    path.write_bytes(content.replace(before, after))
    for gone in (bag.SIGNATURE, signing.SIGNERS):
        (folder / gone).unlink()
    bag.seal(folder, bag.read_info(folder))
    return folder


def test_a_claim_that_says_more_than_its_lines_does_not_follow(iran: Made, tmp_path: Path) -> None:
    folder = _forged(iran, tmp_path, "data/claim.json", b'"region": null', b'"region": "Atlantis"')
    report = bundles.verify(folder)
    assert report.follows is False
    assert "Atlantis" in report.failed[0]


def test_a_verdict_does_not_follow_from_lines_that_say_otherwise(one: Made, tmp_path: Path) -> None:
    folder = _forged(one, tmp_path, "data/raw/*.jsonl", b"10.10.34.35", b"93.184.216.34")
    report = bundles.verify(folder)
    assert report.follows is False


def test_a_bundle_of_another_version_says_so(iran: Made, tmp_path: Path) -> None:
    with zipfile.ZipFile(iran.file) as zipped:
        claim = json.loads(zipped.read(f"evidence-{iran.bundled.id}/data/claim.json"))
    folder = _forged(iran, tmp_path, "data/claim.json", claim["program"].encode(), b"0123456789abcdef")
    report = bundles.verify(folder)
    assert report.holds
    assert any("0123456789abcdef" in sentence and "judge otherwise" in sentence for sentence in report.open)


def test_a_bundle_without_raw_lines_proves_nothing(iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    shutil.rmtree(folder / "data" / "raw")
    bag.seal(folder, bag.read_info(folder))
    (folder / bag.SIGNATURE).write_bytes(signing.sign((folder / bag.TAG_MANIFEST).read_bytes(), iran.key))
    report = bundles.verify(folder)
    assert not report.holds
    assert any("no raw lines" in sentence for sentence in report.failed)


@pytest.mark.parametrize(
    "claim", [b"[]", b"{}", b'{"kind": "event", "claim": {}, "as_of": "2024-01-01"}', b"\xff"]
)
def test_a_damaged_claim_is_said_to_be_one(claim: bytes, iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    (folder / "data" / "claim.json").write_bytes(claim)
    bag.seal(folder, bag.read_info(folder))
    (folder / bag.SIGNATURE).write_bytes(signing.sign((folder / bag.TAG_MANIFEST).read_bytes(), iran.key))
    assert any("claim.json" in sentence for sentence in bundles.verify(folder).failed)


# What is in it.


def _lines(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / "data" / "lines.csv").read_text(encoding="utf-8"))))


def test_each_signal_line_is_there_as_it_came(iran: Made, shared_data: Path, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u")
    original = (shared_data / "signals" / "irn-2019-11-11_gif.csv").read_bytes()
    lines = original.split(b"\n")
    rows = _lines(folder)
    assert len(rows) == 16_279
    for row in rows[:: len(rows) // 50]:
        came = lines[int(row["original_line"]) - 1].rstrip(b"\r")
        assert row["original_sha256"] == hashlib.sha256(came).hexdigest()
        assert row["original_file_sha256"] == hashlib.sha256(original).hexdigest()
        enclosed = (folder / "data" / row["file"]).read_bytes()
        assert enclosed[int(row["offset"]) : int(row["offset"]) + int(row["bytes"])] == came


def test_tables_are_there_as_csv_and_parquet_with_the_same_rows(iran: Made, tmp_path: Path) -> None:
    folder = unzipped(iran.file, tmp_path / "u") / "data" / "tables"
    for path in folder.glob("*.parquet"):
        table = pq.read_table(path)
        with path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert len(rows) - 1 == table.num_rows
        assert set(rows[0]) <= set(table.column_names)


def test_the_page_has_no_script_and_asks_for_nothing(one: Made, tmp_path: Path) -> None:
    text = (unzipped(one.file, tmp_path / "u") / "data" / "index.html").read_text(encoding="utf-8")
    assert "<script" not in text
    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "default-src 'none'" in html.unescape(text)
    assert "dns.injection.bogon" in text


def test_the_page_shows_the_charts_in_the_language_asked_for(iran: Made, tmp_path: Path) -> None:
    """Drawn from the enclosed lines; what has no translation is marked as English."""
    for lang, direction, word in (("en", "ltr", "How it went"), ("fa", "rtl", "روند در گذر زمان")):
        out = tmp_path / f"{lang}.zip"
        ran = run(
            [
                "bundle",
                _national(iran.workspace),
                "-w",
                str(iran.workspace),
                "-o",
                str(out),
                "--lang",
                lang,
                "-q",
            ]
        )
        assert ran.returncode == 0, ran.stderr
        text = (unzipped(out, tmp_path / f"u-{lang}") / "data" / "index.html").read_text(encoding="utf-8")
        page = Page.of(text)
        assert page.unbalanced == []
        assert f'<html lang="{lang}" dir="{direction}">' in text
        assert word in page.text
        assert "<figure" in text
        assert 'class="patterns"' in text
    assert '<bdi lang="en" dir="ltr">' in text


def _everything(folder: Path) -> bytes:
    """Every byte of a bundle, those of compressed tables unpacked."""
    parts = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        parts.append(path.read_bytes())
        if path.suffix == ".parquet":
            parts.append(repr(pq.read_table(path).to_pylist()).encode())
    return b"\n".join(parts)


def test_no_volunteer_s_address_leaves_and_each_removal_is_recorded(tmp_path: Path) -> None:
    """X9: in fields, pages, names and binary bodies, however it is written."""
    packed = bytes(int(part) for part in worlds.VOLUNTEER.split("."))
    body = base64.b64encode(b"\0\1your address is " + worlds.VOLUNTEER.encode() + b"\xff" + packed).decode()
    requests = [
        {
            "request": {"url": "https://news.example.com/", "method": "GET", "headers": {}},
            "response": {
                "code": 200,
                "headers": {"X-Client": worlds.VOLUNTEER, "Server": f"host-{worlds.VOLUNTEER.replace('.', '-')}.isp"},
                "body": {"format": "base64", "data": body},
            },
            "failure": None,
        },
        {
            "request": {"url": f"https://news.example.com/?ip={worlds.VOLUNTEER}", "method": "GET", "headers": {}},
            "response": {"code": 200, "headers": {}, "body": f"You are {worlds.VOLUNTEER}, not 41.90.64.12 or 141.90.64.123"},
            "failure": None,
        },
    ]  # fmt: skip
    measurement = worlds.measurement(1, blocked=True, probe_ip=worlds.VOLUNTEER, requests=requests)
    measurement["probe_city"] = "Kisumu"
    lines = worlds.write_lines(tmp_path / "in" / "a.jsonl", [measurement])
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    out = tmp_path / "a.zip"
    made = worlds.bundle(root, _blocked(root), out)
    assert made.outcome.follows
    folder = unzipped(out, tmp_path / "u")
    everything = _everything(folder)
    reversed_ = ".".join(reversed(worlds.VOLUNTEER.split(".")))
    assert not re.search(rb"(?<!1)41\.90\.64\.123", everything)
    for form in (worlds.VOLUNTEER.replace(".", "-"), reversed_, worlds.RESOLVER, "Kisumu"):
        assert form.encode() not in everything
    enclosed = json.loads(next((folder / "data" / "raw").glob("*.jsonl")).read_bytes())
    kept = enclosed["test_keys"]["requests"]
    assert kept[1]["response"]["body"] == "You are [removed], not 41.90.64.12 or 141.90.64.123"
    assert packed not in base64.b64decode(kept[0]["response"]["body"]["data"])
    recorded = {
        (row["field"], row["what"])
        for row in csv.DictReader((folder / "data" / "removals.csv").read_text(encoding="utf-8").splitlines())
    }
    assert recorded == {
        ("probe_ip", "address of the probe"),
        ("resolver_ip", "address of the resolver"),
        ("probe_city", "place of the probe"),
        ("test_keys.client_resolver", "address of the resolver"),
        ("test_keys.requests[0].response.headers.X-Client", "address of the probe"),
        ("test_keys.requests[0].response.headers.Server", "address of the probe"),
        ("test_keys.requests[0].response.body.data", "address of the probe"),
        ("test_keys.requests[1].request.url", "address of the probe"),
        ("test_keys.requests[1].response.body", "address of the probe"),
    }
    # Nothing that the address could be found from by trying: neither the line's hash nor the file's.
    for secret in (hashlib.sha256(lines[0]).hexdigest(), hashlib.sha256(lines[0] + b"\n").hexdigest()):
        assert secret.encode() not in everything
        assert secret[:16].encode() not in everything
    key = (root / "custody.key").read_text().strip()
    assert stat.S_IMODE((root / "custody.key").stat().st_mode) == 0o600
    assert key.encode() not in everything
    seal = hmac.new(key.encode(), lines[0], hashlib.sha256).hexdigest()
    assert _lines(folder)[0]["original_sha256"] == f"hmac-sha256:{seal}"


def test_of_public_files_the_plain_hash_of_each_line_is_recorded_where_one_says_so(tmp_path: Path) -> None:
    lines = worlds.write_lines(tmp_path / "in" / "a.jsonl", [worlds.measurement(1, blocked=True)])
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    done = run(["bundle", _blocked(root), "-w", str(root), "-o", str(tmp_path / "a.zip"), "--public", "-q"])
    assert done.returncode == 0, done.stderr
    (row,) = _lines(unzipped(tmp_path / "a.zip", tmp_path / "u"))
    assert row["original_sha256"] == hashlib.sha256(lines[0]).hexdigest()
    assert row["removed"] == "2"


def test_a_line_that_loses_nothing_is_enclosed_byte_for_byte(tmp_path: Path) -> None:
    measurement = worlds.measurement(1, blocked=True)
    measurement["resolver_ip"] = measurement["test_keys"]["client_resolver"] = "8.8.8.8"
    (tmp_path / "in").mkdir()
    line = json.dumps(measurement, indent=None).replace("Example Net", "Ex\\u0061mple  Net").encode()
    (tmp_path / "in" / "a.jsonl").write_bytes(line + b"\r\n")
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    worlds.bundle(root, _blocked(root), tmp_path / "a.zip")
    folder = unzipped(tmp_path / "a.zip", tmp_path / "u")
    assert next((folder / "data" / "raw").glob("*.jsonl")).read_bytes() == line + b"\n"
    assert _lines(folder)[0]["original_sha256"] == hashlib.sha256(line).hexdigest()


def test_members_of_a_post_can_keep_the_names_that_are_their_ids(tmp_path: Path) -> None:
    names = [f"20240501081100.{n:06d}_XW_webconnectivity_0123456789abcde{n}" for n in range(3)]
    (tmp_path / "in").mkdir()
    with tarfile.open(tmp_path / "in" / "can.tar.gz", "w:gz") as archive:
        for number, name in enumerate(names):
            content = json.dumps(worlds.measurement(number, blocked=True)).encode()
            entry = tarfile.TarInfo(f"{name}.post")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    made = worlds.bundle(root, names[1], tmp_path / "a.zip")
    assert made.outcome.follows
    assert made.id == names[1]
    assert bundles.verify(tmp_path / "a.zip").holds


@pytest.mark.parametrize("layout", ["pretty", "array", "many"])
def test_documents_over_many_lines_are_enclosed_too(layout: str, tmp_path: Path) -> None:
    two = [worlds.measurement(n, blocked=True) for n in range(2)]
    text = {
        "pretty": json.dumps(two[0], indent=2),
        "array": json.dumps(two, indent=2),
        "many": "\n".join(json.dumps(one, indent=2) for one in two),
    }[layout]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(text)
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    assert worlds.bundle(root, _blocked(root), tmp_path / "a.zip").outcome.follows
    assert bundles.verify(tmp_path / "a.zip").holds


def test_private_bridges_stay_private(tmp_path: Path) -> None:
    measurement = worlds.measurement(1, blocked=True)
    bridge = "51.15.200.77"
    measurement |= {"test_name": "tor", "input": ""}
    measurement["test_keys"] = {
        "targets": {
            "0123abcd": {
                "failure": "generic_timeout_error",
                "target_address": f"{bridge}:443",
                "target_protocol": "obfs4",
                "target_source": "bridgedb",
                "network_events": [{"address": f"{bridge}:443", "operation": "connect", "failure": "x", "t": 1.0}],
            },
            "66.111.2.131:9001": {"failure": None, "target_address": "66.111.2.131:9001", "target_protocol": "or_port"},
        },
        "log": f"Bridge obfs4 {bridge}:443 0123456789ABCDEF0123456789ABCDEF01234567 cert=x iat-mode=0",
    }  # fmt: skip
    worlds.write_lines(tmp_path / "in" / "a.jsonl", [measurement])
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    worlds.bundle(root, str(_verdicts(root)[0]["measurement_id"]), tmp_path / "a.zip")
    everything = _everything(unzipped(tmp_path / "a.zip", tmp_path / "u"))
    assert bridge.encode() not in everything
    assert b"66.111.2.131" in everything


def test_of_repeated_keys_only_the_one_that_was_read_is_passed_on(tmp_path: Path) -> None:
    line = json.dumps(worlds.measurement(1, blocked=True))
    line = line.replace(
        '"probe_ip": "127.0.0.1"', f'"probe_ip": "{worlds.VOLUNTEER}", "probe_ip": "127.0.0.1"'
    )
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_text(line + "\n")
    root = worlds.workspace(tmp_path / "ww", tmp_path / "in")
    worlds.bundle(root, _blocked(root), tmp_path / "a.zip")
    assert worlds.VOLUNTEER.encode() not in _everything(unzipped(tmp_path / "a.zip", tmp_path / "u"))


# What is missing is said.


@pytest.mark.parametrize("how", ["gone", "changed"])
def test_raw_files_that_are_gone_or_changed_are_named_and_nothing_is_written(
    how: str, one: Made, tmp_path: Path
) -> None:
    root = tmp_path / "ww"
    shutil.copytree(one.workspace, root)
    (raw,) = (path for path in (root / "raw").rglob("*") if path.is_file())
    if how == "gone":
        raw.unlink()
    else:
        raw.write_bytes(raw.read_bytes() + b" ")
    out = tmp_path / "x.zip"
    done = run(["bundle", _blocked(root), "-w", str(root), "-o", str(out), "-q"])
    assert done.returncode == 1
    assert "2024.jsonl" in done.stderr
    assert not out.exists()


def test_what_is_no_id_and_what_is_no_key(one: Made, tmp_path: Path) -> None:
    out = str(tmp_path / "x.zip")
    assert run(["bundle", "ev-none", "-w", str(one.workspace), "-o", out, "-q"]).returncode == 2
    (tmp_path / "no.key").write_text("nothing")
    done = run(
        [
            "bundle",
            one.bundled.id[:20],
            "-w",
            str(one.workspace),
            "-o",
            out,
            "--sign",
            str(tmp_path / "no.key"),
            "-q",
        ]
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_workspace_without_its_key_makes_one_and_a_damaged_key_is_refused(
    one: Made, tmp_path: Path
) -> None:
    (tmp_path / "custody.key").write_text("short")
    with pytest.raises(WallwatchError, match="no key"):
        bundles.custody_key(tmp_path)


# Events.


def test_an_event_of_the_simulated_country_follows_from_its_own_lines(demo: object, tmp_path: Path) -> None:
    root = demo.folder / "workspace"  # type: ignore[attr-defined]
    shown = json.loads(run(["show", "events", "-w", str(root), "--format", "json"]).stdout)
    event = max(
        (e for e in shown if e["kind"] == "blocking"), key=lambda e: (e["sessions_blocked"], e["event_id"])
    )
    out = tmp_path / "e.zip"
    made = bundles.bundle(root, event["event_id"], out, key="0" * 64)
    assert made.outcome.follows
    assert not made.outcome.differs
    folder = unzipped(out, tmp_path / "u")
    for command in told(folder)[:3]:
        assert shell(command, folder).returncode == 0
    assert bundles.verify(out).holds
    claim = json.loads((folder / "data" / "claim.json").read_bytes())
    assert claim["claim"]["networks"] == event["networks"]
    assert claim["claim"]["against"] == event["against"]


def test_kenya_s_telegram_event_follows_from_the_enclosed_rows(shared_data: Path, tmp_path: Path) -> None:
    root = worlds.workspace(tmp_path / "ww", shared_data / "ooni" / "export" / "2023-KE-telegram.csv.gz")
    event = json.loads(run(["show", "events", "-w", str(root), "--format", "json"]).stdout)[0]
    out = tmp_path / "ke.zip"
    made = worlds.bundle(root, event["event_id"], out, signer=worlds.ssh_key(tmp_path))
    assert made.outcome.follows
    folder = unzipped(out, tmp_path / "u")
    for command in told(folder)[:4]:
        done = shell(command, folder)
        assert done.returncode == 0, (command, done.stderr)
    assert bundles.verify(out).holds
    with next((folder / "data" / "raw").glob("*.csv")).open(encoding="utf-8", newline="") as file:
        resolvers = {row["resolver_ip"] for row in csv.DictReader(file)}
    # Only well-known public resolvers and private addresses are left, which say nothing of a volunteer.
    assert {resolver_kind(address) for address in resolvers} <= {"public_service", "private", "unknown"}
    assert "[removed]" in resolvers


def test_statements_that_concern_an_outage_go_along_as_statements(shared_data: Path, tmp_path: Path) -> None:
    said = tmp_path / "said.csv"
    said.write_text(
        "speaker,quotation,date,country,subject,restriction\n"
        "A minister,The internet will be restored when calm returns <b>soon</b>,2019-11-17,IR,internet shutdown,shutdown\n"
        "A company,Our network works,2011-01-01,IR,internet shutdown,shutdown\n"
    )
    root = worlds.workspace(tmp_path / "ww", shared_data / "signals", said)
    made = worlds.bundle(root, _national(root), tmp_path / "a.zip")
    assert made.outcome.follows
    folder = unzipped(tmp_path / "a.zip", tmp_path / "u") / "data"
    claim = json.loads((folder / "claim.json").read_bytes())
    assert [one["speaker"] for one in claim["statements"]] == ["A minister"]
    assert "A minister" in (folder / "tables" / "statements.csv").read_text(encoding="utf-8")
    shown = (folder / "index.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;soon" in shown
    assert bundles.verify(tmp_path / "a.zip").holds
