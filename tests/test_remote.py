"""A workspace in object storage: an S3 API on loopback, and the commands that open an address."""

import json
from pathlib import Path

import boto3
import pytest

from console import run
from object_store import object_store
from wallwatch._errors import WallwatchError
from wallwatch.archive.remote import Remote
from wallwatch.cluster import Cluster

QA = Path(__file__).parent / "data"


@pytest.fixture
def store(tmp_path):
    with object_store() as (address, patch):
        patch.setenv("AWS_ENDPOINT_URL", address)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lab")
        yield client
        client.close()


def keys(store, prefix):
    found = store.list_objects_v2(Bucket="lab", Prefix=prefix).get("Contents", [])
    return {one["Key"]: one["Size"] for one in found}


def test_a_run_writes_to_the_bucket_and_other_machines_open_it(store, tmp_path, monkeypatch):
    source = tmp_path / "lines.jsonl"
    source.write_bytes(b"not a line\n")
    ran = run(["run", str(source), "-w", "s3://lab/ws", "-q", "--format", "json"], tmp_path)
    assert ran.returncode == 1, ran.stderr  # a line was set aside
    assert {"ws/wallwatch.json", "ws/tables/events/0.parquet", "ws/tables/events/stage.json"} <= set(
        keys(store, "ws/")
    )
    assert [size for key, size in keys(store, "ws/").items() if key.startswith("ws/raw/")] == [11]
    # Another machine, with nothing there yet.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    shown = run(["show", "quarantine", "-w", "s3://lab/ws", "-f", "jsonl"], tmp_path)
    assert json.loads(shown.stdout)["line"] == 1, shown.stderr
    # Goes on where the first stopped: nothing is new, and nothing is lost.
    before = keys(store, "ws/")
    again = run(["run", str(source), "-w", "s3://lab/ws", "-q", "--format", "json"], tmp_path)
    assert json.loads(again.stdout)["new"] == 0
    assert set(before) <= set(keys(store, "ws/"))


def test_what_the_bucket_no_longer_has_goes_here_too(store, tmp_path):
    folder = tmp_path / "folder"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "a").write_text("1")
    (folder / "tables" / "b").write_text("2")
    (folder / ".lock").touch()
    remote = Remote("s3://lab/deep/ws")
    remote.push(folder)
    assert set(keys(store, "deep/")) == {"deep/ws/tables/a", "deep/ws/tables/b"}
    (folder / "tables" / "a").unlink()
    (folder / "tables" / "b").write_text("3")
    remote.push(folder)
    assert set(keys(store, "deep/")) == {"deep/ws/tables/b"}
    other = tmp_path / "other"
    (other / "tables").mkdir(parents=True)
    (other / "tables" / "c").touch()
    remote.pull(other)
    assert {path.name: path.read_text() for path in (other / "tables").iterdir()} == {"b": "3"}


def test_a_single_object_is_a_place_too(store):
    store.put_object(Bucket="lab", Key="in/one.jsonl", Body=b"{}")
    (file,) = Remote("s3://lab/in/one.jsonl").files()
    assert (file.name, file.size, file.address) == ("one.jsonl", 2, "s3://lab/in/one.jsonl")
    with pytest.raises(WallwatchError, match="nothing at"):
        Remote("s3://lab/elsewhere").files()


def test_an_address_that_cannot_be_used_is_named(tmp_path):
    refused = run(["watch", "x", "-w", "s3://lab/ws", "--once"], tmp_path)
    assert refused.returncode == 2
    assert "cannot write" in refused.stderr
    refused = run(["run", "x", "-w", "ws", "--scratch", "y"], tmp_path)
    assert refused.returncode == 2
    assert "only --engine spark has a scratch" in refused.stderr
    assert not list(tmp_path.iterdir())
    with pytest.raises(WallwatchError, match="no address of an object store"):
        Remote("ftp://lab/ws").files()
    with pytest.raises(WallwatchError, match="--scratch"):
        Cluster("local[1]", remote=Remote("s3://lab/ws"))
