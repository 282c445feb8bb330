"""Containers: recognised by content, bounded, and torn ones keep what came before the tear."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import resource
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wallwatch.sources.containers import stretches
from wallwatch.sources.readers import read_file
from wallwatch.sources.recognise import recognise
from wallwatch.sources.stretch import Aside, Limits, Line

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
SMALL = Limits(line=2_000, stretch=1_000, ratio=20, ratio_from=100_000, members=50)


def measurement(number: int) -> bytes:
    return json.dumps(
        {
            "test_name": "web_connectivity",
            "input": f"https://site{number}.example/",
            "probe_cc": "XW",
            "probe_asn": "AS64500",
            "report_id": "r",
            "measurement_start_time": "2024-01-01 00:00:00",
            "test_keys": {},
        }
    ).encode()


LINES = [measurement(number) for number in range(40)]
TEXT = b"\n".join(LINES) + b"\n"


def lines_of(path: Path, limits: Limits = SMALL) -> tuple[list[Line], list[Aside]]:
    """All lines and all that was set aside, in order."""
    lines: list[Line] = []
    aside: list[Aside] = []
    for stretch in stretches(path, limits):
        lines += stretch.lines()
        aside += stretch.aside
    return lines, aside


def write(folder: Path, content: bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def counts(path: Path, limits: Limits | None = None) -> tuple[str, int, list[str]]:
    """Kind, measurements, and reasons for setting aside."""
    kind, batches = read_file(path, "0" * 16, as_of=AS_OF, limits=limits)
    found = list(batches)
    reasons = [
        reason
        for batch in found
        if "quarantine" in batch.tables
        for reason in batch.tables["quarantine"]["reason"].to_pylist()
    ]
    return kind, sum(batch.rows("measurements") for batch in found), reasons


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl", "a.zst", "a.txt"])
@pytest.mark.parametrize(
    "compress",
    [bytes, gzip.compress, zstandard.ZstdCompressor().compress, bz2.compress, lzma.compress],
    ids=["plain", "gzip", "zstd", "bzip2", "xz"],
)
def test_compression_is_recognised_by_content_never_by_name(
    tmp_path: Path, name: str, compress: object
) -> None:
    """X1: also a `.gz` that is not gzipped."""
    path = write(tmp_path, compress(TEXT), name)  # type: ignore[operator]
    lines, aside = lines_of(path, Limits())
    assert [line.content for line in lines] == LINES
    assert not aside
    assert recognise(path, Limits()) == ("ooni", "")


def test_several_gzip_members_and_padding(tmp_path: Path) -> None:
    half = TEXT.index(b"\n", len(TEXT) // 2) + 10
    content = gzip.compress(TEXT[:half]) + gzip.compress(b"") + gzip.compress(TEXT[half:]) + b"\0" * 512
    lines, aside = lines_of(write(tmp_path, content), Limits())
    assert [line.content for line in lines] == LINES
    assert not aside


@pytest.mark.parametrize("limits", [SMALL, Limits(), Limits(stretch=1), Limits(stretch=177)])
def test_lines_have_their_numbers_and_offsets(tmp_path: Path, limits: Limits) -> None:
    lines, _ = lines_of(write(tmp_path, b"\xef\xbb\xbf" + TEXT), limits)
    content = b"\xef\xbb\xbf" + TEXT
    assert [line.number for line in lines] == list(range(1, 41))
    assert all(content[line.offset :].startswith(line.content) for line in lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.01, 0.999))
def test_a_truncated_gzip_keeps_the_lines_before_the_tear(tmp_path: Path, share: float) -> None:
    """X1: and sets the rest aside, once."""
    whole = gzip.compress(TEXT)
    cut = max(int(len(whole) * share), 12)
    lines, aside = lines_of(write(tmp_path, whole[:cut]))
    assert [line.content for line in lines] == LINES[: len(lines)]
    assert len(aside) == 1
    assert aside[0].reason.startswith("torn: ")
    assert aside[0].number == len(lines) + 1


def test_damage_in_the_middle_keeps_what_came_before(tmp_path: Path) -> None:
    """X1."""
    noise = [measurement(number) + b" " * (number % 7) for number in range(3_000)]
    whole = bytearray(gzip.compress(b"\n".join(noise) + b"\n"))
    middle = len(whole) // 2
    whole[middle : middle + 40] = bytes(40)
    lines, aside = lines_of(write(tmp_path, bytes(whole)), Limits())
    assert [line.content for line in lines[:1_000]] == noise[:1_000]
    assert aside
    assert "torn" in aside[-1].reason


def test_a_line_beyond_the_limit_is_set_aside_and_the_others_kept(tmp_path: Path) -> None:
    """X1: wherever it stands, and however long it is."""
    for length in (2_001, 5_000_000):
        long = b'{"a": "' + b"x" * length + b'"}'
        for lines_in in ([long, *LINES], [*LINES[:7], long, *LINES[7:]], [*LINES, long]):
            lines, aside = lines_of(write(tmp_path, b"\n".join(lines_in) + b"\n"))
            assert [line.content for line in lines] == LINES
            assert [line.number for line in lines] == [n for n, c in enumerate(lines_in, 1) if c is not long]
            assert [entry.number for entry in aside] == [lines_in.index(long) + 1]
            assert f"{len(long):,} bytes" in aside[0].reason


def test_a_very_long_first_line_does_not_hide_the_others(tmp_path: Path) -> None:
    """X1: the kind is recognised further on."""
    path = write(tmp_path, b"x" * 300_000 + b"\n" + TEXT)
    assert counts(path, Limits(line=100_000)) == (
        "ooni",
        40,
        ["a line of 300,000 bytes; the limit is 100,000"],
    )


@pytest.mark.parametrize(
    "compress", [gzip.compress, zstandard.ZstdCompressor().compress], ids=["gzip", "zstd"]
)
def test_a_bomb_is_refused_and_memory_stays_bounded(tmp_path: Path, compress: object) -> None:
    """X2."""
    bomb = write(tmp_path, compress(TEXT + bytes(400 << 20)))  # type: ignore[operator]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines, aside = lines_of(bomb, Limits(line=1 << 20, ratio_from=64 << 20))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert [line.content for line in lines] == LINES
    assert any("compressed size" in entry.reason for entry in aside)
    assert after - before < 100_000


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"PK\x03\x04 and so on", "zip"),
        (b"\x04\x22\x4d\x18 and so on", "LZ4"),
        (b"7z\xbc\xaf\x27\x1c and so on", "7z"),
        (b"", "an empty file"),
        (b"\x89PNG\r\n", "no reader"),
        (b"---\nreport_id: x\ntest_name: http_requests\n", "YAML"),
        (b"PAR1 broken", "damaged Parquet"),
    ],
)
def test_what_is_not_read_is_set_aside_whole_with_a_reason(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    """X2: no container is opened that has no limits here."""
    kind, measurements, reasons = counts(write(tmp_path, content))
    assert (kind, measurements, len(reasons)) == ("unknown", 0, 1)
    assert reason in reasons[0]


def test_a_bomb_of_nothing_is_named(tmp_path: Path) -> None:
    """X2."""
    path = write(tmp_path, gzip.compress(bytes(8 << 20)))
    kind, measurements, reasons = counts(path, Limits(ratio_from=1 << 20))
    assert (kind, measurements, len(reasons)) == ("unknown", 0, 1)
    assert "compressed size" in reasons[0]


def test_a_huge_line_that_shrinks_like_a_bomb_costs_only_itself(tmp_path: Path) -> None:
    """X1: the lines behind it are kept, in bounded memory."""
    path = write(tmp_path, gzip.compress(TEXT + b"x" * (300 << 20) + b"\n" + TEXT, 1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kind, measurements, reasons = counts(path)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (kind, measurements, len(reasons)) == ("ooni", 80, 1)
    assert after - before < 300_000


def test_a_zip_bomb_is_not_even_opened(tmp_path: Path) -> None:
    """X2."""
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", bytes(10 << 20))
    assert counts(tmp_path / "z")[0] == "unknown"


def tar(*entries: tuple[tarfile.TarInfo, bytes], compressed: bool = True) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w:gz" if compressed else "w", format=tarfile.PAX_FORMAT
    ) as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = "/etc/passwd" if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE) else ""
    return info, content


UID = "20240101000003.123456_XW_webconnectivity_0123456789abcdef"


@pytest.mark.parametrize("compressed", [True, False], ids=["gzipped", "not gzipped despite its name"])
def test_post_cans_carry_the_uid_in_the_members_name(tmp_path: Path, compressed: bool) -> None:
    post = b'{"format": "json", "content": ' + measurement(1) + b"}"
    long_name = "d" * 120 + f"/{UID}.post"
    content = tar(entry("x", kind=tarfile.DIRTYPE), entry(long_name, post), compressed=compressed)
    path = write(tmp_path, content, "2024010100_XW_webconnectivity.n0.0.tar.gz")
    kind, batches = read_file(path, "0" * 16, as_of=AS_OF)
    rows = next(iter(batches)).tables["measurements"].to_pylist()
    assert kind == "ooni"
    assert [row["measurement_id"] for row in rows] == [UID]
    assert rows[0]["received"] == datetime(2024, 1, 1, 0, 0, 3, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hostile", "reason"),
    [
        (entry("../../etc/cron.d/x", b"{}"), "leads out"),
        (entry("/etc/cron.d/x", b"{}"), "leads out"),
        (entry("a\\..\\..\\x", b"{}"), "leads out"),
        (entry("link", kind=tarfile.SYMTYPE), "symbolic link"),
        (entry("link", kind=tarfile.LNKTYPE), "hard link"),
        (entry("null", kind=tarfile.CHRTYPE), "device"),
        (entry("pipe", kind=tarfile.FIFOTYPE), "pipe"),
        (entry("big", b"x" * 3_000), "the limit is 2,000"),
    ],
)
def test_hostile_members_are_refused_and_the_others_kept(
    tmp_path: Path, hostile: tuple[tarfile.TarInfo, bytes], reason: str
) -> None:
    """X2."""
    content = tar(entry("d/a.post", measurement(1)), hostile, entry("d/b.post", measurement(2)))
    kind, measurements, reasons = counts(write(tmp_path, content), SMALL)
    assert (kind, measurements, len(reasons)) == ("ooni", 2, 1)
    assert reason in reasons[0]


def test_an_archive_of_too_many_members_is_cut_off(tmp_path: Path) -> None:
    """X2."""
    content = tar(*(entry(f"{n}.post", measurement(n)) for n in range(60)))
    _kind, measurements, reasons = counts(write(tmp_path, content), SMALL)
    assert measurements == 50
    assert "more than 50 members" in reasons[0]


def test_a_torn_archive_keeps_its_first_members(tmp_path: Path) -> None:
    """X1."""
    content = tar(*(entry(f"{n}.post", measurement(n)) for n in range(10)), compressed=False)
    _kind, measurements, reasons = counts(write(tmp_path, content[:5_300]))
    assert measurements == 5
    assert len(reasons) == 1


def test_old_reports_in_an_archive_have_one_entry_a_line(tmp_path: Path) -> None:
    content = tar(entry("2016/report.json", TEXT), entry("2016/index.yaml", b"---\na: 1\n"))
    _kind, measurements, reasons = counts(write(tmp_path, content))
    assert measurements == 40
    assert reasons


def test_json_over_many_lines_is_one_measurement(tmp_path: Path) -> None:
    pretty = json.dumps(json.loads(measurement(1)), indent=2).encode()
    lines, _ = lines_of(write(tmp_path, pretty + b"\n"))
    assert [(line.number, line.offset) for line in lines] == [(1, 0)]
    several = b"\n".join([pretty, pretty, pretty])
    lines, aside = lines_of(write(tmp_path, several))
    assert len(lines) == 3
    assert not aside
    assert [line.content.strip() for line in lines] == [pretty] * 3
    assert counts(write(tmp_path, several))[1] == 3


def test_an_array_is_its_elements(tmp_path: Path) -> None:
    items = [json.loads(line) for line in LINES[:3]]
    for indent in (None, 2):
        path = write(tmp_path, json.dumps(items, indent=indent).encode())
        assert counts(path)[1] == 3
        lines, _ = lines_of(path, Limits())
        assert [json.loads(line.content) for line in lines] == items
        assert len({line.number for line in lines}) == 3
    assert "not a valid JSON array" in counts(write(tmp_path, b"[" + TEXT))[2][0]


def test_a_torn_document_is_set_aside(tmp_path: Path) -> None:
    """X1."""
    pretty = json.dumps(json.loads(measurement(1)), indent=2).encode()
    kind, measurements, reasons = counts(write(tmp_path, pretty + b"\n" + pretty[:-30]))
    assert (kind, measurements, len(reasons)) == ("ooni", 1, 1)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3_000), compressed=st.booleans())
def test_any_bytes_end_well(tmp_path: Path, content: bytes, compressed: bool) -> None:
    """X1: garbage is set aside, whatever it looks like."""
    _kind, measurements, reasons = counts(
        write(tmp_path, gzip.compress(content) if compressed else content), SMALL
    )
    assert measurements or reasons or not content.strip()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.binary(max_size=300), max_size=60), stretch=st.integers(1, 2_000))
def test_stretches_hold_every_byte(tmp_path: Path, parts: list[bytes], stretch: int) -> None:
    """Lines and what is set aside add up to the file, however it is cut."""
    content = b"x" + b"\n".join(part.replace(b"\n", b"") for part in parts)
    path = write(tmp_path, content)
    lines, aside = lines_of(path, Limits(line=200, stretch=stretch))
    assert len(lines) + len(aside) in (content.count(b"\n"), content.count(b"\n") + 1)
    for line in lines:
        assert content[line.offset : line.offset + len(line.content)] == line.content
