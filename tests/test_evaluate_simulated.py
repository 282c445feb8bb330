"""Scores on tables made by hand, of which every number is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from wallwatch import evaluate
from wallwatch._errors import WallwatchError
from wallwatch.evaluate import events, outages, verdicts
from wallwatch.evaluate.events import Claim, TrueEvent
from wallwatch.evaluate.numbers import Errors, Share, expand, outside
from wallwatch.evaluate.outages import Loss
from wallwatch.evaluate.verdicts import Pair

DAY = datetime(2025, 3, 3, tzinfo=UTC)
BLOCKED = ("blocked", "likely_blocked")


def pair(said: str, *accept: str, mechanism: str = "", claimed: str = "", trap: str = "") -> Pair:
    return Pair(
        "m",
        accept[0],
        frozenset(accept),
        frozenset([mechanism] if mechanism else []),
        (trap,) if trap else (),
        said,
        frozenset([claimed] if claimed else []),
        "site.example on AS64496",
    )


def test_shares_say_of_what() -> None:
    assert Share(1, 4).as_dict() == {"share": 0.25, "part": 1, "whole": 4}
    assert Share(0, 0).value is None
    assert str(Share(0, 0)) == "– (0 of 0)"
    assert str(Errors(())) == "– (0)"
    assert Errors((1.0, 3.0, 8.0)).as_dict() == {"count": 3, "median_hours": 3.0, "greatest_hours": 8.0}


def test_paths_bring_their_ancestors() -> None:
    assert expand(["tls.reset.sni", ""]) == {"tls", "tls.reset", "tls.reset.sni"}


def test_hours_outside_an_interval() -> None:
    last = DAY + timedelta(hours=4)
    assert outside(DAY + timedelta(hours=1), DAY, last) == 0
    assert outside(DAY - timedelta(hours=2), DAY, last) == 2
    assert outside(DAY + timedelta(hours=7), DAY, last) == 3


def test_a_known_confusion() -> None:
    """Two of three restrictions found, one of four innocent sites accused, one case left open."""
    found = verdicts.score(
        [
            pair("likely_blocked", *BLOCKED, mechanism="tls.reset.sni", claimed="tls.reset", trap="J11"),
            pair("blocked", *BLOCKED, mechanism="dns.nxdomain", claimed="dns.nxdomain"),
            pair("ok", *BLOCKED, mechanism="tcp.timeout"),
            pair("ok", "ok"),
            pair("ok", "ok"),
            pair("down", "down"),
            pair("likely_blocked", "ok", claimed="http.blockpage", trap="J15"),
            pair("likely_blocked", "insufficient", "likely_blocked"),
            pair("none", "ok"),
        ]
    )
    assert found.accused_wrongly == Share(1, 5)
    assert found.wrongly_by == {"J15: site.example on AS64496": 1}
    assert found.precision == Share(2, 3)
    assert found.recall == Share(2, 3)
    assert found.open == 1
    assert found.without_verdict == 1
    assert found.accepted == Share(6, 9)
    # tls, tls.reset | dns, dns.nxdomain are claimed, all true; tls.reset.sni and tcp, tcp.timeout are not named.
    assert found.mechanism_precision == Share(4, 4)
    assert found.mechanism_recall == Share(4, 7)
    assert found.mechanisms["tls.reset.sni"] == (Share(1, 1), Share(2, 3))
    assert found.mechanisms["tcp.timeout"] == (Share(0, 1), Share(0, 2))
    assert found.confusion["blocked", "ok"] == 1
    assert found.traps["J15"].accused_wrongly == 1
    assert found.traps["J11"].accepted == Share(1, 1)


def true_event(**changes: object) -> TrueEvent:
    made = TrueEvent(
        "order/site.example",
        "blocking",
        "XW",
        "site.example",
        frozenset({"site.example"}),
        frozenset({64496, 64497}),
        frozenset({"tls.reset.sni"}),
        DAY,
        DAY + timedelta(hours=3),
        DAY + timedelta(days=4, hours=22),
        DAY + timedelta(days=5),
        False,
        ("C11",),
        20,
        frozenset({64496, 64497}),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def claim(**changes: object) -> Claim:
    made = Claim(
        "e1",
        "blocking",
        "XW",
        "site.example",
        frozenset({"site.example"}),
        frozenset({64496}),
        ("tls.reset",),
        DAY + timedelta(hours=2),
        DAY,
        DAY + timedelta(hours=3),
        DAY + timedelta(days=5, hours=6),
        DAY + timedelta(days=6),
        False,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_an_event_is_found_and_placed() -> None:
    found = events.score([claim()], [true_event()])
    assert found.false == Share(0, 1)
    assert found.recall == Share(1, 1)
    assert found.onset.hours == (0.0,)
    assert found.end.hours == (6.0,)
    assert found.each["order/site.example"].as_dict() == {
        "claims": 1,
        "onset_error_hours": 0.0,
        "end_error_hours": 6.0,
    }
    assert found.networks_right == Share(1, 1)
    assert found.networks_found == Share(1, 2)
    assert found.mechanisms["tls.reset.sni"] == (Share(1, 1), Share(2, 3))
    assert found.traps["C11"] == Share(1, 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "other.example", "targets": frozenset({"other.example"})},
        {"country": "XA"},
        {"networks": frozenset({64500})},
        {"onset": DAY + timedelta(days=9), "onset_earliest": None, "end": None},
        {"onset": None, "onset_earliest": None, "end": DAY - timedelta(hours=1)},
    ],
    ids=["another site", "another country", "another network", "after it", "before it"],
)
def test_an_event_where_the_truth_has_none_is_false(changes: dict[str, object]) -> None:
    found = events.score([claim(**changes)], [true_event()])
    assert found.false == Share(1, 1)
    assert len(found.false_claims) == 1
    assert found.recall == Share(0, 1)
    assert found.missed == ("order/site.example",)


def test_doubles_and_merges_are_named() -> None:
    twice = events.score([claim(), claim(event_id="e2")], [true_event()])
    assert twice.doubled == {"order/site.example": 2}
    assert twice.recall == Share(1, 1)
    both = events.score([claim()], [true_event(), true_event(key="other/site.example")])
    assert list(both.merged.values()) == [("order/site.example", "other/site.example")]
    later = true_event(key="later/site.example", onset=DAY + timedelta(days=2), end=DAY + timedelta(days=3))
    assert events.score([claim()], [true_event(), later]).onset.hours == (0.0,)
    redirecting = true_event(key="via/site.example", required=False)
    assert events.score([claim()], [true_event(), redirecting]).merged == {}


def test_what_nobody_could_see_is_not_missed() -> None:
    """C13: a restriction that two sessions met is not held against anybody; finding it is not false either."""
    rare = true_event(sessions=2, networks_seen=frozenset())
    assert events.score([], [rare]).recall == Share(0, 0)
    assert events.score([], [rare]).hardly_seen == ("order/site.example",)
    assert events.score([claim()], [rare]).false == Share(0, 1)


def test_open_ends_and_onsets() -> None:
    """C17: a restriction from before the data that lasts."""
    always = true_event(onset=None, end=None)
    right = events.score([claim(onset=None, onset_earliest=None, end=None, end_latest=None)], [always])
    assert (right.open_onset, right.open_end) == (Share(1, 1), Share(1, 1))
    wrong = events.score([claim()], [always])
    assert (wrong.open_onset, wrong.open_end) == (Share(0, 1), Share(0, 1))


def test_notes_accuse_nobody() -> None:
    """C10: a service outage that is noted is right; none of it counts as a false restriction."""
    outage = true_event(kind="service_outage", networks=frozenset(), required=False)
    found = events.score([claim(kind="service_outage"), claim(event_id="e2", kind="instrument")], [outage])
    assert found.false == Share(0, 0)
    assert found.notes == {"instrument": Share(0, 1), "service_outage": Share(1, 1)}
    assert events.score([claim()], [outage]).false == Share(1, 1)


def loss(**changes: object) -> Loss:
    made = Loss("shutdown-1", "shutdown", "country", "XW", None, None, DAY, DAY + timedelta(days=3), 0.95)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_outages_found_false_and_called_wrongly() -> None:
    right = outages.score([loss(key="o1", onset=DAY + timedelta(hours=1), depth=0.9)], [loss()])
    assert right.recall == right.kind_right == Share(1, 1)
    assert right.onset.hours == (1.0,)
    assert right.depth == pytest.approx(0.05)
    power = loss(key="disruption-1", kind="disruption", scope="region", region="Lowmarsh")
    called = outages.score([loss(key="o1", region="Lowmarsh", scope="region")], [power])
    assert called.recall == Share(1, 1)
    assert called.kind_right == Share(0, 1)
    assert len(called.shutdowns_wrongly) == 1
    elsewhere = outages.score([loss(key="o1", country="XA")], [loss()])
    assert elsewhere.false == Share(1, 1)
    assert elsewhere.recall == Share(0, 1)


def test_parts_of_a_national_outage_are_no_false_claims() -> None:
    part = loss(
        key="o2",
        region="Capital",
        scope="region",
        parent="o1",
        onset=DAY - timedelta(days=9),
        end=DAY - timedelta(days=8),
    )
    assert outages.score([loss(key="o1"), part], [loss()]).false == Share(0, 1)


def test_of_several_claims_the_one_of_the_right_kind_counts() -> None:
    true = [loss(), loss(key="domestic_only-2", kind="domestic_only", onset=DAY + timedelta(hours=12))]
    claimed = [loss(key="o1"), loss(key="o2", kind="domestic_only", onset=DAY + timedelta(hours=14))]
    found = outages.score(claimed, true)
    assert found.kind_right == Share(2, 2)
    assert found.onset.hours == (0.0, 2.0)


def test_a_folder_that_is_no_truth_is_refused(tmp_path: Path) -> None:
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE verdicts (measurement_id VARCHAR, state VARCHAR, mechanisms VARCHAR[], layer VARCHAR)"
        )
        with pytest.raises(WallwatchError, match=r"verdicts\.csv cannot be read"):
            evaluate.score(con, tmp_path)
        (tmp_path / "verdicts.csv").write_text("measurement,state\n1,ok\n")
        with pytest.raises(WallwatchError, match="no column"):
            evaluate.score(con, tmp_path)


def test_the_whole_way_on_a_small_country(tmp_path: Path) -> None:
    """The pipeline on a week of the made-up country: hardly anybody innocent is accused, most restrictions are seen."""
    from wallwatch.evaluate.commands import run_simulated

    scores = evaluate.simulated(seed=4, days=8, scale=0.5, workdir=tmp_path, run=run_simulated)
    found = scores.as_dict()
    assert found["verdicts"]["without_verdict"] == 0
    assert found["verdicts"]["accused_wrongly"]["share"] < 0.01
    assert found["verdicts"]["recall"]["share"] > 0.9
    assert found["events"]["false"]["part"] <= 3
    text = scores.as_text()
    assert text.index("accused wrongly") < text.index("precision")
    assert "BY TRAP" in text


@pytest.mark.parametrize("trap", ["J2", "J21", "C18", "Q2", "S6"])
def test_a_trap_fools_nobody(trap: str, tmp_path: Path) -> None:
    """One innocent world each of judging, instruments, time and signals: no restriction and no shutdown is claimed."""
    from wallwatch.evaluate.commands import run_simulated

    scores = evaluate.scenario(trap=trap, seed=3, workdir=tmp_path, run=run_simulated)
    assert scores.verdicts.accused_wrongly.part == 0
    assert scores.events.false_claims == ()
    assert scores.outages.false_claims == scores.outages.shutdowns_wrongly == ()


def test_quic_to_one_host_is_told_from_a_server_without_it(tmp_path: Path) -> None:
    """Two networks drop QUIC to one host, another host has none: the first is blocked there, the second is down."""
    from wallwatch.evaluate.commands import run_simulated

    scores = evaluate.scenario(trap="Q3", seed=3, workdir=tmp_path, run=run_simulated)
    assert scores.verdicts.accused_wrongly.part == 0
    assert scores.verdicts.recall.part == scores.verdicts.recall.whole > 20
    assert scores.verdicts.mechanisms["quic.timeout"][1].value == 1
    assert scores.verdicts.accepted.value == 1
    assert scores.events.false_claims == ()
    assert scores.events.recall == Share(1, 1)


def test_an_unknown_trap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WallwatchError, match="there is no scenario Q9"):
        evaluate.scenario(trap="Q9", seed=1, workdir=tmp_path, run=lambda inputs, folder: None)
