"""Claims held against measurements: never supported from an absence of data, never contradicted from one."""

import json

import pytest

from console import run
from record_world import at, cells, connect, event, measurement, outage, signal, statement
from wallwatch.record import answers, evidence
from wallwatch.record.asked import Options, answer


def verdict(con, claim, **options):
    (found,) = answer(con, claim, Options(**options))
    return found.answer.verdict


FINE = [one for network in range(101, 139) for one in cells(network, "2023-11-01", 30)]
NAMES = [
    measurement(101, "Acme Kenya Limited", "2023-11-01T00:00"),
    measurement(11, "Safaricom Limited", "2023-11-30T23:00"),
]


def world(*, networks=(11, 12, 13), blocked=1.0, extra=(), **more):
    rows = [one for network in networks for one in cells(network, "2023-11-10", 10, blocked=blocked)]
    return connect(
        cells=[*FINE, *rows, *extra],
        events=[event(networks, "2023-11-10T00:00", "2023-11-20T00:00", fine=range(101, 139), **more)],
        measurements=NAMES,
    )


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("Telegram was blocked in Kenya in November 2023", "supported"),
        ("Telegram was blocked nationwide in Kenya in November 2023", "partly"),
        ("Telegram was blocked on all networks in Kenya in November 2023", "partly"),
        ("Telegram was blocked in Kenya on Safaricom in November 2023", "supported"),
        ("Telegram was blocked in Kenya on AS11 in November 2023", "supported"),
        ("Telegram was blocked in Kenya on Acme in November 2023", "contradicted"),
        ("Telegram was blocked in Kenya on Vodacom in November 2023", "not measured"),
        ("Telegram was not blocked in Kenya in November 2023", "contradicted"),
        ("Telegram was accessible in Kenya in November 2023", "contradicted"),
        ("Telegram was not blocked on Acme in Kenya in November 2023", "supported"),
        ("Telegram was blocked in Kenya on 3 November 2023", "contradicted"),
        ("Telegram was blocked in Kenya in October 2023", "not measured"),
        ("Telegram was blocked in Kenya in December 2023", "not measured"),
        ("Telegram was blocked in Uganda in November 2023", "not measured"),
        ("WhatsApp was blocked in Kenya in November 2023", "not measured"),
        ("WhatsApp and Telegram were blocked in Kenya in November 2023", "partly"),
        ("Telegram was throttled in Kenya in November 2023", "partly"),
        ("Telegram has been blocked in Kenya since 10 November 2023", "supported"),
        ("Telegram has been blocked in Kenya since 2 November 2023", "partly"),
        ("Telegram was blocked throughout November 2023 in Kenya", "partly"),
        ("Telegram was restored in Kenya on 20 November 2023", "supported"),
        ("Telegram is blocked in Kenya", "partly"),
        ("Kenya will block Telegram in December 2023", "not checkable"),
        ("Blocking Telegram in Kenya in November 2023 was unconstitutional", "not checkable"),
        ("Telegram was blocked in Kenya in November", "not checkable"),
        ("Telegram was blocked in November 2023", "not checkable"),
        ("The minister is a good man", "not checkable"),
        ("", "not checkable"),
    ],
)
def test_a_claim_about_blocking(claim, said):
    assert verdict(world(), claim) == said


def test_three_of_forty_one_networks_are_not_the_country_and_the_answer_says_so():
    (found,) = answer(world(), "Telegram was blocked nationwide in Kenya in November 2023", Options())
    assert "3 of 41 networks" in found.answer.because


def test_blocking_on_nearly_all_measured_networks_is_nationwide():
    con = connect(
        cells=[one for network in range(1, 11) for one in cells(network, "2023-11-10", 10, blocked=1.0)],
        events=[event(range(1, 11), "2023-11-10T00:00", None)],
        measurements=NAMES,
    )
    assert verdict(con, "Telegram was blocked nationwide in Kenya in November 2023") == "supported"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probability": 0.7}, "partly"),
        ({"kind": "throttling"}, "partly"),
        ({"kind": "service_outage"}, "partly"),
    ],
)
def test_what_is_only_likely_or_something_else_is_never_simply_supported(change, said):
    assert verdict(world(**change), "Telegram was blocked in Kenya in November 2023") == said


def test_few_measurements_contradict_nothing():
    con = connect(
        cells=[one for network in (1, 2, 3, 4) for one in cells(network, "2023-11-10", 2, per_day=1)],
        measurements=NAMES,
    )
    assert verdict(con, "Telegram was blocked in Kenya in November 2023") == "not measured"
    assert verdict(con, "Telegram was not blocked in Kenya in November 2023") == "not measured"


def test_two_fine_networks_do_not_speak_for_a_country():
    con = connect(cells=[*cells(1, "2023-11-01", 30), *cells(2, "2023-11-01", 30)], measurements=NAMES)
    assert verdict(con, "Telegram was blocked in Kenya in November 2023") == "not measured"
    assert verdict(con, "Telegram was blocked on AS1 in Kenya in November 2023") == "contradicted"


def test_a_network_in_doubt_keeps_a_claim_from_being_contradicted():
    doubt = cells(77, "2023-11-01", 30, blocked=0.4)
    con = connect(cells=[*FINE, *doubt], measurements=NAMES)
    assert verdict(con, "Telegram was blocked in Kenya in November 2023") == "not measured"


def test_a_day_without_measurements_inside_an_event_is_neither_supported_nor_contradicted():
    rows = [*cells(11, "2023-11-10", 3, blocked=1.0), *cells(11, "2023-11-15", 5, blocked=1.0)]
    con = connect(
        cells=[*FINE, *rows], events=[event([11], "2023-11-10T00:00", "2023-11-20T00:00")], measurements=NAMES
    )
    assert verdict(con, "Telegram was blocked in Kenya on 14 November 2023") == "not measured"
    assert verdict(con, "Telegram was blocked in Kenya on 16 November 2023") == "supported"


BLACKOUT = outage("2019-11-16T21:00", None)
IRAN = signal("2019-11-11", 24 * 9, lambda hour: 95.0 if hour < 5 * 24 + 21 else 4.0)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("a nationwide blackout in Iran in November 2019", "supported"),
        ("The regime imposed an internet blackout in Iran in Aban 1398", "supported"),
        ("a blackout in Iran in October 2019", "not measured"),
        ("a blackout in Kenya in November 2019", "not measured"),
        ("The internet was shut down in Iran on 13 November 2019", "contradicted"),
        ("The internet was shut down in Iran from 9 to 13 November 2019", "not measured"),
        ("There was no blackout in Iran in November 2019", "contradicted"),
        ("The internet was working in Iran on 17 November 2019", "contradicted"),
        ("The internet was working in Iran on 13 November 2019", "supported"),
        ("Internet access was restored in Iran on 18 November 2019", "contradicted"),
        ("Internet access was restored in Iran on 23 November 2019", "not measured"),
        ("The internet has been cut in Iran since 16 November 2019", "supported"),
        ("The internet has been cut in Iran since 12 November 2019", "partly"),
    ],
)
def test_a_claim_about_a_shutdown(claim, said):
    assert verdict(connect(outages=[BLACKOUT], signals=IRAN), claim) == said


def test_the_answer_has_the_hour_the_depth_and_that_the_data_end_before_recovery():
    (found,) = answer(
        connect(outages=[BLACKOUT], signals=IRAN), "a blackout in Iran in November 2019", Options()
    )
    assert "2019-11-16 21:00 UTC" in found.answer.because
    assert "95%" in found.answer.because
    assert "before connectivity came back" in found.answer.because


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"kind": "disruption"}, "partly"),
        ({"kind": "partial", "depth": 0.4}, "partly"),
        ({"kind": "instrument"}, "not measured"),
        ({"region": "Khuzestan"}, "partly"),
        ({"probability": 0.6}, "partly"),
        ({"kind": "domestic_only"}, "supported"),
    ],
)
def test_another_kind_of_outage_is_not_simply_a_shutdown(found, said):
    con = connect(outages=[outage("2019-11-16T21:00", "2019-11-19T00:00", **found)], signals=IRAN)
    assert verdict(con, "The internet was shut down in Iran in November 2019") == said


def test_measurements_from_inside_contradict_a_long_blackout_only_where_none_so_long_would_be_missed():
    dense = [
        one for network in (1, 2, 3) for one in cells(network, "2023-11-15", 1, per_day=24, hours=range(24))
    ]
    assert (
        verdict(connect(cells=dense), "The internet was shut down in Kenya on 15 November 2023")
        == "contradicted"
    )
    gap = [one for one in dense if not 8 <= one["hour"].hour < 14]
    assert (
        verdict(connect(cells=gap), "The internet was shut down in Kenya on 15 November 2023")
        == "not measured"
    )


def test_options_say_what_words_leave_open():
    con = world()
    assert (
        verdict(con, "Telegram was blocked", country="KE", since=at("2023-11-01"), until=at("2023-12-01"))
        == "supported"
    )
    assert (
        verdict(
            con,
            "",
            kind="blocking",
            country="KE",
            target="telegram",
            since=at("2023-11-12"),
            until=at("2023-11-13"),
        )
        == "supported"
    )
    assert (
        verdict(con, "", kind="blocking", country="KE", target="telegram", network="Acme") == "contradicted"
    )


def test_statements_are_checked_as_they_were_meant_at_their_time():
    con = connect(
        outages=[BLACKOUT],
        signals=IRAN,
        statements=[
            statement(
                speaker="the article",
                date="2019-11",
                quotation="Hours after the nationwide protests in November, the regime imposed an internet blackout",
                country="IR",
            ),
            statement(speaker="A", date="2019-11-20", quotation="The enemy is afraid.", country="IR"),
        ],
    )
    found = [
        answer(con, row["statement_id"], Options())[0].answer.verdict
        for row in evidence.rows(con, "SELECT * FROM statements ORDER BY speaker DESC")
    ]
    assert found == ["supported", "not checkable"]


def test_a_claim_review_has_what_schema_org_asks_for_and_rates_nobody():
    (found,) = answer(world(), "Telegram was blocked in Kenya in November 2023", Options())
    review = answers.claim_review(found, reviewer="A Lab", url="https://example.org/1", reviewed="2026-11-24")
    assert review["@type"] == "ClaimReview"
    assert review["reviewRating"]["alternateName"] == "supported"
    assert "ratingValue" not in review["reviewRating"]
    assert review["datePublished"] == "2026-11-24"
    assert json.loads(json.dumps(review)) == review


def test_hostile_words_in_a_claim_stay_words(tmp_path):
    (tmp_path / "s.csv").write_text("speaker,date,quotation\nA,2020,b\n", encoding="utf-8")
    run(["run", "s.csv", "-w", "W", "-q"], tmp_path)
    ran = run(["check", "\x1b[31mTelegram\u202e was blocked in <b>Kenya</b> in 2023", "-w", "W"], tmp_path)
    assert ran.returncode == 0
    assert "\x1b" not in ran.stdout
    assert "\u202e" not in ran.stdout
    assert "NOT MEASURED" in ran.stdout


def test_statement_8_of_the_real_record_against_the_real_signals(tmp_path, shared_data):
    signals = shared_data / "signals" / "irn-2019-11-11_gif.csv"
    ran = run(["run", str(signals), "-w", "W", "-q"], tmp_path)
    assert ran.returncode == 0, ran.stderr
    ran = run(
        ["check", str(shared_data / "record" / "statements.csv"), "-w", "W", "--format", "json"], tmp_path
    )
    found = {one["statement"]["speaker"]: one for one in json.loads(ran.stdout)}
    eighth = found["the article"]
    assert eighth["verdict"] == "supported"
    for words in ("2019-11-16 21:00 UTC", "% of the usual level was lost", "The data end 2019-11-20"):
        assert words in eighth["because"]
    assert {one["verdict"] for name, one in found.items() if name != "the article"} == {"not checkable"}
    for claim in ("a blackout in Iran in October 2019", "a blackout in Kenya in November 2019"):
        ran = run(["check", claim, "-w", "W", "--format", "json"], tmp_path)
        assert json.loads(ran.stdout)["verdict"] == "not measured"
