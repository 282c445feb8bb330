"""What the pages say of findings: denominators, too little data, plain words, and never more than the evidence."""

from __future__ import annotations

import re

import pytest

import report_world as world
from report_pages import Page, pages
from wallwatch import report
from wallwatch.report import links


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("report") / "out"
    with world.connect(world.rows()) as con:
        report.write(con, out)
    return pages(out)


def text(found: dict[str, str], path: str) -> str:
    return Page.of(found[path]).text


def facts(page: str) -> list[str]:
    """The lines of a page's box of facts."""
    box = re.search(r'<dl class="facts">(.*?)</dl>', page, re.S)
    assert box is not None
    return [Page.of(line).text for line in re.findall(r"<dt>.*?</dd>", box[1], re.S)]


def test_an_event_in_plain_words(found: dict[str, str]) -> None:
    """The golden fragment: what a journalist copies."""
    page = found[f"event/{world.EVENT_ID}.html"]
    headline = re.search(r"<h1>(.*?)</h1>", page, re.S)
    assert headline is not None
    assert Page.of(headline[1]).text == (
        "news.example was blocked on 1 of 2 measured networks in Kenya (KE) from 6 March 2024 to 20 March 2024"
    )
    assert facts(page) == [
        "Began 6 March 2024, 05:00 UTC (between 03:00 and 06:00)",
        "Ended 20 March 2024, 08:00 UTC (between 07:00 and 12:00)",
        "Repeats weekdays, 05:00–08:00 UTC",
        "Where found on 1 of 2 networks with enough measurements; 1 more was measured too little to say",
        "How the TLS handshake is reset because of the server name",
        "Measured 165 of 1,720 measurements found it; 165 of 1,720 independent sessions",
        "How sure almost certain (probability 0.999+)",
    ]


def test_an_outage_in_plain_words(found: dict[str, str]) -> None:
    page = found[f"outage/{world.OUTAGE_ID}.html"]
    assert (
        "Kenya (KE) has been cut off from the internet since 23 March 2024: about 93 % of its connectivity was lost"
        in text(found, f"outage/{world.OUTAGE_ID}.html")
    )
    assert facts(page) == [
        "Kind internet shut down: connectivity was cut on purpose or as sharply: signals fall together",
        "Began 23 March 2024, 21:00 UTC (between 20:00 and 22:00)",
        "Ended not seen to end; the data go to 25 March 2024, 00:00 UTC",
        "Depth 93 % of the usual level was lost at the lowest lasting level; 5 % of it was left at the end",
        "Where 2 of 3 regions or places with data",
        "Seen in ioda.ping-slash24",
        "How sure almost certain (probability 0.999) that connectivity was lost",
    ]


def test_an_outage_shows_what_volunteers_inside_measured(found: dict[str, str]) -> None:
    """S3, C7: what answered inside, and how many still measured, beside the signals."""
    page = text(found, f"outage/{world.OUTAGE_ID}.html")
    assert re.search(
        r"In the time of the outage, 0 of [1-9][\d,]* results were that the target did not work;", page
    )
    assert "What volunteers inside measured" not in text(found, "outage/ou-coast.html")


def test_c4_networks_are_counted_and_never_averaged(found: dict[str, str]) -> None:
    """C4: found, fine, and too little to say stand beside each other, with their own numbers."""
    page = text(found, f"event/{world.EVENT_ID}.html")
    assert re.search(r"AS64500 Savanna Online found 165 / 1,720 165 / 1,720 0", page)
    assert re.search(r"AS64501 Rift Telecom fine 0 / 1,1[0-9]0 0 / 1,1[0-9]0 0", page)
    assert re.search(r"AS64502 Lake Mobile too little data 1 / 3 1 / 3 0", page)


def test_c13_three_measurements_in_a_week_are_too_few(found: dict[str, str]) -> None:
    """C13: in the tables, in the charts (hatched, never a share), and on the network's own page."""
    assert "AS64502 Lake Mobile too little" in text(found, "country/KE.html")
    assert "Too little was measured in this network to say anything about it." in text(
        found, "network/KE-64502.html"
    )
    assert "Nothing can be said." in text(found, "network/KE-64502.html")
    matrix = re.search(
        r'<svg class="chart"[^>]*others-t.*?</svg>', found[f"event/{world.EVENT_ID}.html"], re.S
    )
    assert matrix is not None
    assert "c-few" in matrix[0]
    assert "c-blocked" not in matrix[0]


def test_a_week_shows_the_hours(found: dict[str, str]) -> None:
    """C12: the table under the chart of the week has the pattern."""
    page = found[f"event/{world.EVENT_ID}.html"]
    table = re.search(r"Sessions that found it blocked, of all, by weekday and hour.*?</table>", page, re.S)
    assert table is not None
    by_day = {}
    for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", table[0], re.S):
        day, *hours = Page.of(row.replace("</td>", " </td>")).text.split()
        by_day[day] = hours
    assert by_day["Monday"][4:9] == ["0/10", "10/10", "10/10", "10/10", "0/10"]
    assert by_day["Sunday"][4:9] == ["0/10"] * 5


def test_charts_have_titles_descriptions_and_tables(found: dict[str, str]) -> None:
    for path, page in found.items():
        charts = re.findall(r'<svg class="chart.*?</svg>', page, re.S)
        for chart in charts:
            assert 'role="img"' in chart
            assert re.search(r"<title [^>]*>[^<]+</title><desc [^>]*>[^<]+</desc>", chart), path
        if charts and not path.startswith("event"):
            assert page.count("as a table") >= 1, path


def test_what_is_no_restriction_is_told_apart(found: dict[str, str]) -> None:
    index = text(found, "index.html")
    now, apart = index.split("Not restrictions")[0], index.split("Not restrictions")[1]
    assert "down" not in re.findall(r"news\.example (\w+)", now)
    assert "news.example down" in apart
    assert "connectivity disrupted" in apart
    assert "This is not a restriction" in text(found, "outage/ou-probe.html")
    assert "not counted as a restriction" in text(found, "outage/ou-storm.html")
    assert "shut down" not in text(found, "outage/ou-storm.html")


def test_now_is_the_newest_moment_of_the_data(found: dict[str, str]) -> None:
    index = text(found, "index.html")
    assert "“Now” on this page is 25 March 2024, 00:00 UTC, the newest moment in the data." in index
    # 2099 is not believed (trap X4).
    assert "2099" not in "".join(found.values())


def test_what_is_restricted_now_and_what_changed(found: dict[str, str]) -> None:
    index = text(found, "index.html")
    current = index.split("Restricted now")[1].split("What changed")[0]
    changed = index.split("What changed in the last week of the data")[1].split("Earlier")[0]
    assert "news.example was blocked on 1 of 2 measured networks in Kenya (KE)" in current
    assert "Kenya (KE) has been cut off from the internet since 23 March 2024" in current
    assert "internet shut down KE 2 of 3 regions or places 23 March 2024 no end seen" in changed
    assert (
        "news.example blocked KE 1 of 2 networks, 1 with too little data 6 March 2024 20 March 2024"
        in changed
    )


def test_less_than_certain_is_called_likely(found: dict[str, str]) -> None:
    page = text(found, "event/ev-hostile.html")
    assert (
        "has likely been blocked on 1 of 1 measured network in Kenya (KE) throughout the data, with no end seen"
        in page
    )
    assert "likely (probability 0.930)" in page
    assert "before the data begin, at the latest 8 March 2024, 02:00 UTC" in page


def test_a_country_counts_everything_with_its_denominator(found: dict[str, str]) -> None:
    lines = facts(found["country/KE.html"])
    assert re.fullmatch(r"Measurements 4,\d+, in 4,\d+ independent sessions, of \d+ targets", lines[0])
    assert lines[1] == "Networks 4 measured, 1 of them too little to say anything"


def test_made_up_countries_are_called_so(found: dict[str, str]) -> None:
    assert "XW is a code that belongs to no country" in text(found, "country/XW.html")
    assert "belongs to no country" not in text(found, "country/KE.html")


def test_only_public_measurements_are_linked(found: dict[str, str]) -> None:
    page = found[f"event/{world.EVENT_ID}.html"]
    assert f'href="https://explorer.ooni.org/m/{world.UID}"' in page
    assert "m/made-from-content" not in page
    assert page.count("explorer.ooni.org/m/") == 1


def test_made_up_measurements_are_never_linked() -> None:
    assert links.measurement(world.UID) is not None
    assert links.measurement(world.UID.replace("KE", "XW")) is None
    assert links.measurement(world.UID + "/../x") is None


@pytest.mark.parametrize(
    "host",
    [
        "a.example; rm -rf /",
        "$(id).example",
        "-oProxy.example",
        "telegram.endpoint",
        "tor.obfs4",
        "openvpn.udp",
        "x",
        "a b.example",
        "é.example",
    ],
)
def test_x3_nothing_odd_gets_into_a_command(host: str) -> None:
    assert links.commands([host], ["dns", "tcp", "tls"]) == []


def test_the_rules_that_fired_are_explained(found: dict[str, str]) -> None:
    page = text(found, f"event/{world.EVENT_ID}.html").split("How it was judged")[1]
    assert re.search(r"tls\.reset_control_ok .* for 9", page)
    assert re.search(r"tcp\.connects A connection to the host was set up\. against 9", page)


def test_the_data_page_says_what_was_set_aside(found: dict[str, str]) -> None:
    page = text(found, "data.html")
    assert "2 lines or parts could not be read" in page
    assert "not JSON 2 1" in page
    assert "1 measurement: it claims to be from the future" in page
