"""The reader in C and the one in Python give the same rows, to the last bit: Python's defines what a line means."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import native_lines
import raw_worlds
from native_lines import STYLES, Written, difference, mutated, parsed, real_lines, written
from wallwatch.archive.parts import PartWriter
from wallwatch.bench import corpus
from wallwatch.sources.batch import Batch
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints
from wallwatch.sources.ooni import OONIReader
from wallwatch.sources.ooni.native import NativeReader
from wallwatch.sources.stretch import Aside, Line

AS_OF = datetime(2026, 1, 1, tzinfo=UTC)
FILE, OTHER_FILE = "0" * 16, "1" * 16


@pytest.fixture(scope="module", autouse=True)
def _extension() -> None:
    if os.environ.get("WALLWATCH_NATIVE") == "0":
        pytest.skip("WALLWATCH_NATIVE=0 turns the extension off")
    if importlib.util.find_spec("wallwatch.sources.ooni._native") is None:
        message = "the C part is not there: `make` compiles it where there is a C compiler"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@cache
def matcher() -> Fingerprints:
    """Finds something in bodies, headers and answers of many measurements."""
    return Fingerprints(
        [
            Fingerprint("nat.title", "nat", "body", "contains", "<title>"),
            Fingerprint("isp.e", "isp", "body", "regexp", "[Ee]xample"),
            Fingerprint("prod.server", "prod", "header.Server", "contains", "n"),
            Fingerprint("prod.location", "prod", "header.Location", "prefix", "http"),
            Fingerprint("nat.answer", "nat", "dns", "full", "10.10.34.35"),
            Fingerprint("fp.answer", "fp", "dns", "prefix", "93."),
        ]
    )


def pair() -> tuple[OONIReader, OONIReader]:
    """A reader in Python alone, and one that uses the extension."""
    return OONIReader(AS_OF, matcher(), native=False), OONIReader(AS_OF, matcher(), native=True)


def numbered(contents: Iterable[bytes], names: Sequence[str | None] = (None,)) -> list[Line]:
    """The lines of a file; names are given in turn."""
    lines, offset = [], 0
    for number, content in enumerate(contents, 1):
        lines.append(Line(number, offset, content, names[number % len(names)]))
        offset += len(content) + 1
    return lines


def same(contents: Sequence[bytes], readers: tuple[OONIReader, OONIReader] | None = None) -> Batch:
    """The batch of some lines, after it was seen that both readers give it."""
    defined, found = (reader.read(numbered(contents), FILE) for reader in readers or pair())
    assert difference(defined, found) is None
    return found


def parquet(batch: Batch, folder: Path) -> dict[str, bytes]:
    """The parts that a run writes of a batch."""
    parts = {}
    for name, rows in batch.tables.items():
        writer = PartWriter(name, folder / name)
        writer.add(rows)
        writer.close()
        parts[name] = (folder / name).read_bytes()
    return parts


def compact(line: bytes, style: str = "collector") -> bytes:
    """The line as collectors write it, or in another style."""
    return written(parsed(line), random.Random(1), style)


def reported(line: bytes) -> bytes:
    """The line with a report id where it has an empty one, as no line of a collector has."""
    document = parsed(line)
    for one in document:
        if one[0] == "report_id":
            one[1] = one[1] or "20240212T203340Z_webconnectivity_XW_64500_n1_aaaa"
    return written(document, random.Random(1))


@cache
def seeds(shared_data: Path) -> tuple[bytes, ...]:
    """Lines to be changed: short real ones of each generation, bench lines, with long bodies too, and one by hand."""
    found = map(reported, real_lines(shared_data, 25_000).values())
    made = raw_worlds.web("a.example", datetime(2024, 3, 1, tzinfo=UTC), "", second=True)
    return (*found, *corpus.make_lines(2, 2_500), *corpus.make_lines(2, 24_000), json.dumps(made).encode())


@cache
def others(shared_data: Path) -> tuple[bytes, ...]:
    """What stands between: measurements of other tests, blank lines, and what is no measurement."""
    paths = sorted((shared_data / "ooni" / "nettests").glob("*.json"))
    kept = [path.read_bytes() for path in paths if not path.name.startswith("web_connectivity")]
    return (
        *(line for line in kept if len(line) < 12_000),
        b"",
        b" \t",
        b"no JSON",
        b"{}",
        b'{"a":1}',
        b"[]",
        b"\xff",
    )


def test_every_real_measurement_in_every_style(shared_data: Path, tmp_path: Path) -> None:
    for name, line in real_lines(shared_data).items():
        forms = (
            [line, *(compact(line, style) for style in STYLES)]
            if len(line) < 100_000
            else [line, compact(line)]
        )
        defined, found = (reader.read(numbered(forms), FILE) for reader in pair())
        assert difference(defined, found) is None, name
        assert parquet(defined, tmp_path) == parquet(found, tmp_path), name


def test_all_real_measurements_in_one_batch(shared_data: Path, tmp_path: Path) -> None:
    """Tests of all kinds between each other, so that rows of both readers follow each other."""
    contents = [path.read_bytes() for path in sorted((shared_data / "ooni").glob("*/*.json"))]
    contents += [compact(line) for line in contents]
    random.Random(5).shuffle(contents)
    defined, found = (reader.read(numbered(contents), FILE) for reader in pair())
    assert difference(defined, found) is None
    assert parquet(defined, tmp_path) == parquet(found, tmp_path)


def test_nearly_all_plain_lines_are_taken(shared_data: Path) -> None:
    """What makes reading fast does not vanish unseen."""
    for size in (1_000, 7_500, 60_000):
        lines = list(corpus.make_lines(60, size))
        reader = OONIReader(AS_OF, matcher(), native=True)
        reader.read(numbered(lines), FILE)
        assert reader.native.taken >= 0.95 * len(lines), size
    real = list(map(reported, real_lines(shared_data).values()))
    reader = OONIReader(AS_OF, matcher(), native=True)
    reader.read(numbered(real), FILE)
    assert reader.native.taken >= 0.9 * len(real)


def test_off_at_the_users_wish() -> None:
    code = (
        "from datetime import UTC, datetime; from wallwatch.bench import corpus; from wallwatch.sources.ooni import OONIReader;"
        "from wallwatch.sources.stretch import Line; reader = OONIReader(datetime(2026, 1, 1, tzinfo=UTC));"
        "reader.read([Line(1, 0, *corpus.make_lines(1, 2_500))], '0' * 16); print(reader.native.taken if reader.native else 0)"
    )
    for value, taken in (("0", "0"), ("1", "1")):
        environment = {**os.environ, "WALLWATCH_NATIVE": value}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == taken


@settings(max_examples=400, deadline=None)
@given(rng=st.randoms(use_true_random=False), count=st.integers(1, 6))
def test_odd_lines_between_plain_ones(shared_data: Path, rng: random.Random, count: int) -> None:
    """X1: keys left out, repeated, escaped, in any order; any value at any place; any spaces; bytes changed, lines cut."""
    drawn = [
        mutated(rng, seeds(shared_data))
        if (kind := rng.random()) < 0.7
        else compact(rng.choice(seeds(shared_data)))
        if kind < 0.85
        else rng.choice(others(shared_data))
        for _ in range(count)
    ]
    same(drawn)


def test_every_field_with_what_it_does_not_expect() -> None:
    """A field that only one of the readers knows, or that one of them takes in another form, shows here."""
    document = native_lines.whole()
    present = {one[0] for one, _ in native_lines.slots(document) if one and isinstance(one[0], str)}
    assert present >= set(native_lines.fields()) - {"location", "host", "type"}
    plain = written(document, random.Random(1))
    readers = pair()
    same([plain], readers)
    assert readers[1].native.taken == 1
    values = [
        Written(b"null"),
        "1",
        Written(b"1"),
        Written(b"[]"),
        Written(b"{}"),
        Written(b"true"),
        Written(b"-2147483648"),
    ]
    values += [
        Written(b"1.0"),
        "",
        "\u00e9",
        Written(b'["a"]'),
        Written(b"1e999"),
        Written(b'"\\ud800"'),
        Written(b"1000000000000000000"),
    ]
    lines = list(native_lines.each_place(document, values))
    assert len(lines) > 3_000
    for start in range(0, len(lines), 60):
        same([plain, *lines[start : start + 60]], readers)


def test_what_hosts_and_traffic_are_told_from() -> None:
    """Where one of several things decides: depths, times, transactions, repeated addresses, texts written otherwise."""
    plain = written(native_lines.whole(), random.Random(1))
    answer = {"answer_type": "A", "ipv4": "192.0.2.1", "asn": 1}
    queries = [
        {"hostname": f"{name}.example", "tags": tags, "answers": [{**answer, "asn": asn}], **more}
        for name, tags, asn in (
            ("b", ["depth=1"], 1),
            ("c", ["depth=2"], 2),
            ("d", None, 3),
            ("b", ["depth=2"], 4),
        )
        for more in (
            {},
            {"engine": "udp", "transaction_id": 9},
            {"engine": "udp", "transaction_id": 9, "query_type": "A"},
        )
    ]
    connects = [
        {"ip": "192.0.2.1", "status": {}, "tags": tags, "transaction_id": transaction}
        for tags in (None, ["depth=0"], ["depth=1"], ["depth=2"], ["depth=3"])
        for transaction in (None, 0, 9)
    ]
    shakes = [
        {"address": "192.0.2.9:443", "server_name": f"{n}.example", "t": t}
        for n, t in enumerate((0.5, None, 0.2, 0.2, 0.0))
    ]
    events = [
        {"operation": operation, "num_bytes": n, "t": 0.1 * n}
        for n in range(5)
        for operation in ("tls_handshake_start", "write", "read", "tls_handshake_done")
    ]
    # One transaction of several handshakes, of which some do not say when they ended.
    again = [
        {"address": "192.0.2.9:443", "t": t, "transaction_id": transaction}
        for t, transaction in ((0.3, 9), (None, 9), (0.1, 9), (None, 8), (0.2, 7), (0.2, 6), (0.2, 0))
    ]
    counted = [
        {"operation": operation, "num_bytes": n, "t": 0.05 * n, "transaction_id": transaction}
        for transaction, operations in (
            (9, ("bytes_received_cumulative", "read", "bytes_received_cumulative", "write_to")),
            (8, ("read", "write")),
            (7, ("bytes_received_cumulative",)),
            (6, ("write", "read_from", "bytes_received_cumulative")),
            (5, ("read",)),
            (0, ("read",)),
        )
        for n in (3, 1, 2, 5)
        for operation in operations
    ]
    info = {"2001:db8::1": {"asn": 7}, "2001:DB8:0::1": {"asn": 8}, "[2001:db8::1]": None}
    control = {
        "ip_info": info,
        "tcp_connect": {"[2001:db8::1]:443": {"status": True}},
        "dns": {"addrs": ["2001:db8::1"]},
    }
    documents = [
        {"queries": queries, "tcp_connect": connects},
        {"queries": list(reversed(queries)), "tcp_connect": connects, "tls_handshakes": shakes},
        {"tls_handshakes": shakes, "network_events": events},
        {"tls_handshakes": shakes, "network_events": events + events[:4]},
        {"tls_handshakes": shakes, "network_events": events[:16]},
        {"tls_handshakes": shakes, "network_events": events[1:]},
        {"tls_handshakes": again, "network_events": counted},
        {"quic_handshakes": list(reversed(again)), "network_events": list(reversed(counted))},
        {"control": control},
    ]
    lines = []
    for keys in documents:
        record = json.loads(plain)
        record["test_keys"] = keys
        lines.append(json.dumps(record).encode())
    readers = pair()
    same(lines, readers)
    assert readers[1].native is not None
    assert readers[1].native.taken == len(lines)
    for old, new in (
        (b'"depth=1"', b'"\\u0064epth=1"'),
        (b'"depth=1"', b'"depth=\\u0031"'),
        (b'"192.0.2.1"', b'"\xed\xa0\x80"'),
        (b'"192.0.2.1"', b'"\xc3\xa9"'),
        (b'"asn": 1', b'"asn": -0'),
    ):
        same([line.replace(old, new) for line in lines], readers)


def test_many_batches_by_one_reader(shared_data: Path) -> None:
    """What a reader remembers changes nothing."""
    rng, readers = random.Random(11), pair()
    for _ in range(60):
        drawn = [
            mutated(rng, seeds(shared_data))
            if rng.random() < 0.5
            else compact(rng.choice(seeds(shared_data)))
            for _ in range(rng.randrange(5))
        ]
        same(drawn, readers)
    plain = [compact(line) for line in seeds(shared_data)]
    once = same(plain, readers)
    assert difference(once, same(plain, readers)) is None
    assert difference(once, same(plain)) is None


def test_files_and_what_their_containers_refused(shared_data: Path) -> None:
    rng = random.Random(13)
    refused = [Aside(2, 40, "too long", b"{\xff"), Aside(99, 7_000, "torn")]
    names = (None, "20240212203350.123456_XW_webconnectivity_0123456789abcdef", "no uid")
    gathered = [reader.gather() for reader in pair()]
    for file_id in (FILE, OTHER_FILE, FILE):
        lines = numbered([mutated(rng, seeds(shared_data)) for _ in range(9)], names)
        lines += [
            line._replace(number=20 + line.number)
            for line in numbered(map(compact, seeds(shared_data)), names)
        ]
        for into in gathered:
            into.add(iter(lines), file_id, refused)
    defined, found = (into.batch() for into in gathered)
    assert difference(defined, found) is None


def test_nothing_and_only_odd_lines(shared_data: Path) -> None:
    assert same([]).tables == {}
    assert same([b"", b"  "]).tables == {}
    assert list(same([b"no JSON", b"[]"]).tables) == ["quarantine"]
    lines = [compact(line)[:-1] + b',"test_helpers":NaN}' for line in seeds(shared_data)]
    assert same(lines).rows("measurements") == len(lines)


@pytest.mark.parametrize(
    "own",
    ["198.51.100.77", "10.77.0.9", "2001:db8::77", "2001:DB8:0::77", " 8.8.8.8", "9.9.9.9%en0", "[::2]"],
)
def test_the_probes_own_address_is_in_no_row(shared_data: Path, own: str) -> None:
    """X9: also where it is the answer to a query, and where lines without it stand around."""
    lines = []
    for line in seeds(shared_data):
        record = json.loads(line)
        keys = record["test_keys"] or {}
        address = {"ipv6" if ":" in own else "ipv4": own.strip(" []").partition("%")[0], "answer_type": "A"}
        query = {
            "engine": "udp",
            "hostname": f"x{own}.example",
            "query_type": "A",
            "failure": None,
            "answers": [address],
        }
        body = {
            "response": {
                "code": 302,
                "body": f"<title>{own}</title>",
                "headers": {"Location": f"http://a/?{own}"},
            }
        }
        shake = {"address": f"[{own}]:443", "server_name": own, "failure": f"no route to {own}"}
        keys["queries"] = [*(keys.get("queries") or []), query]
        keys["requests"] = [*(keys.get("requests") or []), {"request": {"url": f"http://{own}/"}, **body}]
        keys["tls_handshakes"] = [*(keys.get("tls_handshakes") or []), shake]
        lines += [
            compact(line),
            written(
                parsed(json.dumps({**record, "probe_ip": own, "test_keys": keys}).encode()), random.Random(1)
            ),
        ]
    batch = same(lines)
    told = [row for name in ("observations",) for row in batch.tables[name].to_pylist()]
    assert own not in str(told)
    assert "[scrubbed" in str(told)


def test_lines_that_repeat_too_much_or_nearly() -> None:
    """X2: at the bound both readers say the same; the rows of a line that is set aside are in no batch."""
    plain = written(native_lines.whole(), random.Random(1))
    readers, aside = pair(), 0
    for length in range(100, 4_000, 60):
        document = json.loads(plain)
        document["input"] = f"https://a.example/{'x' * length}"
        for place, row in (("queries", {}), ("tcp_connect", {"status": {}}), ("tls_handshakes", {"t": 0.5})):
            changed = json.loads(json.dumps(document))
            changed["test_keys"][place] = [row] * 100
            batch = same([plain, json.dumps(changed).encode(), plain], readers)
            aside += batch.rows("quarantine")
    assert 20 < aside < 180
    for length in (254, 255, 256, 300):
        for field in ("hostname", "resolver_address"):
            document = json.loads(plain)
            document["test_keys"]["queries"][0][field] = "n" * length
            document["test_keys"]["queries"][0]["answers"][0]["as_org_name"] = "\u00e9" * (length // 2)
            same([plain, json.dumps(document).encode()], readers)


def test_columns_that_cannot_be_given_are_dropped() -> None:
    """X6: what failed for one batch is not in the next."""
    reader = pair()[1]
    (line,) = corpus.make_lines(1, 2_500)
    once = reader.read(numbered([line]), FILE)
    assert reader.native is not None
    taking = reader.native._reader
    gathered = reader.gather()
    gathered.add(numbered([line] * 3), FILE)
    assert len(taking.take()) == 3  # as if it had been lost
    assert difference(once, reader.read(numbered([line]), FILE)) is None


def test_texts_that_the_extension_forgets(shared_data: Path) -> None:
    """What was worked out for texts is kept up to a bound, and is begun anew between batches."""
    lines = [compact(line) for line in seeds(shared_data)] * 2
    defined = OONIReader(AS_OF, matcher(), native=False).read(numbered(lines), FILE)
    for most in (1, 40, 300):
        reader = OONIReader(AS_OF, matcher(), native=True)
        reader.native = NativeReader(reader.known, texts=most)
        for _ in range(3):
            assert difference(defined, reader.read(numbered(lines), FILE)) is None


def test_differences_are_seen(shared_data: Path) -> None:
    """The comparison itself can fail."""
    one, other = (
        OONIReader(AS_OF, native=False).read(numbered(lines), FILE)
        for lines in ([*corpus.make_lines(1, 2_500)], [*corpus.make_lines(1, 9_000)])
    )
    assert "bytes" in (difference(one, other) or "")
    tables = dict(one.tables)
    place = tables["observations"].schema.get_field_index("t_seconds")
    changed = [None if t is None else -t for t in tables["observations"]["t_seconds"].to_pylist()]
    column = native_lines.pa.array(changed, native_lines.pa.float64())
    tables["observations"] = tables["observations"].set_column(
        place, tables["observations"].schema.field(place), column
    )
    assert "t_seconds" in (difference(one, Batch(tables, one.bytes_read)) or "")
