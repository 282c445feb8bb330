"""Every finding can say where it came from."""

import json

import pytest

from console import run
from wallwatch.engine import Workspace


def lines(ran):
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(scope="module")
def found(demo):
    """The demo's events and outages, as a script sees them."""
    where = ["--workspace", str(demo.folder / "workspace"), "--format", "jsonl"]
    return {what: lines(run(["show", what, *where], demo.folder)) for what in ("events", "outages")}


def explained(demo, id_, *more):
    return run(["explain", id_, "--workspace", str(demo.folder / "workspace"), *more], demo.folder)


def test_an_event_says_where_it_was_found_and_where_not(demo, found):
    event = max(found["events"], key=lambda event: len(event["networks_ok"]))
    text = explained(demo, event["event_id"]).stdout
    for network in event["networks"] + event["networks_ok"]:
        assert f"AS{network}" in text
    assert (
        f"{len(event['networks'])} of {len(event['networks']) + len(event['networks_ok'])} networks" in text
    )
    assert "What speaks against it" in text
    record = json.loads(explained(demo, event["event_id"], "--format", "json").stdout)
    assert (record["explains"], record["event_id"]) == ("event", event["event_id"])


def test_what_lasts_is_not_said_to_end(demo, found):
    event = next(event for event in found["events"] if event["end"] is None)
    assert "ended not seen to end" in explained(demo, event["event_id"]).stdout


def test_an_outage_names_its_parts_and_the_reasons_for_its_kind(demo, found):
    outage = next(
        outage for outage in found["outages"] if outage["kind"] == "shutdown" and outage["parent"] is None
    )
    text = explained(demo, outage["outage_id"]).stdout
    for reason in outage["reasons"] + outage["against"]:
        assert reason in text
    parts = [other for other in found["outages"] if other["parent"] == outage["outage_id"]]
    assert all(part["outage_id"] in text for part in parts)


def test_an_outage_that_comes_and_goes_says_when(tmp_path):
    """From the first night to the last is not what was lost."""
    values = (
        (day, hour, 40 if day > 9 and 1 <= hour < 5 else 1000 + hour)
        for day in range(20)
        for hour in range(24)
    )
    rows = [f"XA,,2024-05-{day + 1:02}T{hour:02}:00:00Z,{value}" for day, hour, value in values]
    (tmp_path / "pings.csv").write_text("\n".join(["country,region,time,value", *rows]))
    where = ["--workspace", str(tmp_path / "workspace")]
    assert run(["run", "pings.csv", *where], tmp_path).returncode == 0
    (outage,) = lines(run(["show", "outages", *where, "--format", "jsonl"], tmp_path))
    said = run(["explain", outage["outage_id"], *where], tmp_path).stdout
    assert "it came and went: daily, about 01:00 to 05:00 UTC, on 10 days" in said


def test_what_is_no_restriction_is_not_said_to_be_blocked(demo, found):
    event = next(event for event in found["events"] if event["kind"] not in ("blocking", "throttling"))
    said = explained(demo, event["event_id"]).stdout
    assert "found it blocked" not in said
    for line in event["against"]:
        assert said.count(line) == 1


def test_a_measurement_names_its_rules_their_sources_and_a_way_to_check(demo, found):
    event = found["events"][0]
    answer = explained(demo, event["witnesses"][0], "--format", "json")
    record = json.loads(answer.stdout)
    assert record["explains"] == "verdict"
    assert record["seen"]
    assert record["check"]
    assert {rule["id"] for rule in record["rules"]} <= set(record["verdict"]["rules"])
    assert all(rule["source"] and rule["sentence"] for rule in record["rules"])
    assert record["verdict"]["source"].rsplit(":", 1)[1].isdigit()


def test_the_beginning_of_an_id_will_do_and_an_unclear_one_is_said_to_be(demo, found):
    event = found["events"][0]["event_id"]
    assert explained(demo, event[:10]).stdout.startswith(f"Event {event}")
    unclear = explained(demo, "ev-")
    assert (unclear.returncode, unclear.stdout) == (2, "")
    assert "several ids begin with ev-" in unclear.stderr


def test_no_explanation_holds_what_a_terminal_would_obey(demo, found):
    with Workspace.open(demo.folder / "workspace").connect() as con:
        (id_,) = con.sql("SELECT min(measurement_id) FROM verdicts").fetchall()[0]
    assert "\x1b" not in explained(demo, id_).stdout
