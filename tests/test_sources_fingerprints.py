"""Fingerprints: the community's format, all hits, in linear time."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wallwatch._errors import WallwatchError
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints

SOME = (
    Fingerprint("page", "nat", "body", "contains", "Access (denied)", ("XW",)),
    Fingerprint("start", "isp", "body", "prefix", "<blocked"),
    Fingerprint("whole", "prod", "body", "full", "blocked"),
    Fingerprint("shape", "fp", "body", "regexp", "<b>.*denied"),
    Fingerprint("gate", "isp", "header.location", "prefix", "http://block.example/"),
    Fingerprint("server", "inst", "header.server", "full", "Gate"),
    Fingerprint("address", "nat", "dns", "full", "2001:DB8:0::1"),
)


def test_every_kind_of_pattern_is_found_where_it_belongs() -> None:
    known = Fingerprints(SOME)
    assert known.match_body(b"<b>\xff Access (denied)") == ["nat:page", "fp:shape"]
    assert known.match_body(b"<blocked>") == ["isp:start"]
    assert known.match_body(b" <blocked>") == []
    assert known.match_body(b"blocked") == ["prod:whole"]
    assert known.match_header("location", "http://block.example/?x") == ["isp:gate"]
    assert known.match_header("location", "see http://block.example/") == []
    assert known.match_header("server", "Gate") == ["inst:server"]
    assert known.match_header("x-other", "Gate") == []
    assert known.match_dns("2001:db8::1") == ["nat:address"]
    assert known.header_names == {"location", "server"}
    assert known.expected_countries()["nat:page"] == ("XW",)


def test_the_version_follows_the_content_and_travels_between_processes() -> None:
    known = Fingerprints(SOME)
    assert known.version == Fingerprints(SOME).version == pickle.loads(pickle.dumps(known)).version  # noqa: S301
    assert known.version != Fingerprints(SOME[1:]).version


def test_the_packaged_facts_are_known_and_sourced() -> None:
    known = Fingerprints.builtin()
    assert known.match_dns("10.10.34.35") == ["nat:ir.national_35"]
    assert known.match_dns("192.0.2.1") == []
    assert known.match_dns("93.46.8.89") == ["nat:cn.injected_93_46_8_89"]
    assert known.match_dns("2001::1f0d:5321") == ["nat:cn.injected_v6"]
    assert known.match_dns("2001:db8::1") == []
    assert known.match_header("location", "http://warning.rt.ru/?id=1") == ["isp:ru.rostelecom"]
    assert all(len(one.countries) == 1 for one in known.fingerprints)
    assert len({one.name for one in known.fingerprints}) == len(known.fingerprints)


def test_the_communitys_files_are_read_whole(shared_data: Path) -> None:
    paths = sorted((shared_data / "reference").glob("fingerprints_*.csv"))
    known = Fingerprints.load(paths)
    assert len(known.fingerprints) >= 1_729 + 226
    assert "nat:ooni.ir_5" in known.match_dns("10.10.34.35")
    for one in known.fingerprints:
        if one.location == "body" and one.pattern_type == "contains":
            assert one.hit in known.match_body(f"<html>{one.pattern}</html>".encode()), one
    # A page that only looks like one says so.
    assert any(
        hit.startswith("fp:") for hit in known.match_body(b"<p><em>Thank you for using nginx.</em></p>")
    )


def test_hostile_patterns_and_bodies_stay_linear() -> None:
    """X5."""
    known = Fingerprints(
        [Fingerprint(f"x{n}", "isp", "body", "regexp", f"(a*)*(a|aa)+b{n}$") for n in range(20)]
    )
    bodies = [b"a" * 100_000, b"ab" * 50_000]
    start = time.process_time()
    assert [known.match_body(body) for body in bodies] == [[], []]
    assert time.process_time() - start < 2


@given(st.binary(max_size=2_000))
def test_any_body_can_be_matched(body: bytes) -> None:
    known = Fingerprints(SOME)
    assert ("nat:page" in known.match_body(body)) == (b"Access (denied)" in body)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "are missing"),
        ("name,scope,location_found,pattern_type,pattern\nx,nat,body,glob,y\n", "line 2: pattern_type"),
        ("name,scope,location_found,pattern_type,pattern\nx,nat,body,contains,\n", "must not be empty"),
        ("name,scope,location_found,pattern_type,pattern\nx,nat,body,regexp,(\n", "not one that RE2 knows"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "fingerprints.csv"
    path.write_text(content)
    with pytest.raises(WallwatchError, match=message):
        Fingerprints.from_csv([path])


def both(fingerprints: Sequence[Fingerprint]) -> tuple[Fingerprints, Fingerprints]:
    pytest.importorskip("hyperscan")
    return Fingerprints(fingerprints, fast=False), Fingerprints(fingerprints, fast=True)


def test_both_engines_find_the_same_of_the_communitys_files(shared_data: Path) -> None:
    paths = sorted((shared_data / "reference").glob("fingerprints_*.csv"))
    slow, fast = both(Fingerprints.load(paths).fingerprints)
    rng = random.Random(1)
    texts = [one.pattern.encode() for one in slow.fingerprints if one.location == "body"]
    # Regular expressions are met by themselves, once their dots stand for something.
    texts += [text.replace(b".*", b"\n \xff").replace(b"\\", b"") for text in texts]
    bodies = [
        *texts,
        *(b" ".join(rng.choices(texts, k=9)) for _ in range(200)),
        *(text[1:] for text in texts),
    ]
    found = [slow.match_body(body) for body in bodies]
    assert [fast.match_body(body) for body in bodies] == found
    assert {hit for hits in found for hit in hits} >= {
        one.hit for one in slow.fingerprints if one.location == "body" and one.pattern_type == "contains"
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["full", "prefix", "contains", "regexp"]),
            st.text('ab.*{}1,é"\\?|$^[]()\n\0+-', min_size=1, max_size=8),
        ),
        max_size=12,
    ),
    st.lists(st.text('ab{}1,é"\n\0+-.*', max_size=30), max_size=6),
)
def test_both_engines_find_the_same_of_any_patterns(given_: list[tuple[str, str]], texts: list[str]) -> None:
    rows = []
    for place, (kind, pattern) in enumerate(given_):
        one = Fingerprint(f"n{place}", "isp", "body", kind, pattern)
        try:
            Fingerprints([one])
        except WallwatchError:
            continue  # no pattern that RE2 knows
        rows.append(one)
    slow, fast = both(rows)
    for text in [*texts, *(pattern for _, pattern in given_), "".join(texts)]:
        for body in (text.encode(), text.encode("latin-1")):
            assert fast.match_body(body) == slow.match_body(body)
