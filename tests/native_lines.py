"""Web Connectivity lines made odd in every way in which a probe, a hostile one too, can make them odd; batches compared.

All is drawn from a `random.Random`, so that hypothesis can drive it, and a longer run as well.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pyarrow as pa

from wallwatch.sources.batch import Batch
from wallwatch.sources.ooni.nettests import nettest


class Written(bytes):
    """JSON, or what is none, that stands in the line as it is."""


class Pairs(list[list[Any]]):
    """An object: its keys, which may repeat, and values; in order."""


#: A value's container and its place there.
Slot = tuple[list[Any], int]
Mutation = Callable[[random.Random, Pairs], None]

_BASE64 = "PHRpdGxlPsOpIDwvdGl0bGU+AP/+"
#: Values that no field expects, or only some do.
HOSTILE: tuple[Any, ...] = (
    *map(
        Written,
        (
            b"null true false 0 -0 1 -1 7 0.0 -0.0 1.0 1.5 -1.5 1e0 1E+2 1e-2 1e5 1.0e1 200.0 443.0 "
            b"1e999 -1e999 1e308 1e309 1e-400 5e-324 2.2250738585072014e-308 1e22 1e23 NaN Infinity "
            b"2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 65535 65536 "
            b"9007199254740993 9007199254740993.0 999999999999999999 1000000000000000000 "
            b"9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 "
            b"18446744073709551615 18446744073709551616 9223372036854775807.0 -9223372036854775808.0 "
            b"0.1000000000000000055511151231257827 123456789012345678.5 0.30000000000000004 00 01 +1 .5 "
            b"1. 1e 1e+ - -- 0x10 tru nul nulll truefalse 'a' undefined -Infinity 1_000 \xd9\xa1 "
        ).split(),
    ),
    Written(b"1" + b"0" * 400),
    Written(b"0." + b"0" * 400 + b"1"),
    Written(b"0." + b"3" * 80),
    Written(b"12345678901234567.5"),
    *(
        Written(b'"' + b + b'"')
        for b in (
            b"",
            b" ",
            b"\\u0000",
            b"\\ud800",
            b"\\udc00",
            b"a\\ud83d\\ude00b",
            b"\\ude00\\ud83d",
            b"\\ud83d\\u0041",
            b"\\ud83dx",
            b"\\uD83D\\uDE00",
            b"\\u00e9",
            b"\\u12g4",
            b"\\u12",
            b"\\x41",
            b"\xc3\xa9",
            b"\xff",
            b"\xc3",
            b"\xed\xa0\x80",
            b"\xc0\x80",
            b"\xf4\x90\x80\x80",
            b"\xf0\x9f\x98\x80",
            b"a\tb",
            b"a\x00b",
            b"a\x1fb",
            b"a\x7fb",
            b"\xef\xbb\xbfa",
            b"\xe2\x80\xa8",
            b'\\/\\b\\f\\n\\r\\t\\\\\\"',
        )
    ),
    Written(b'"unended'),
    Written(b'"\\'),
    Written(b'"' + b"long " * 14_000 + b'"'),
    Written(b'"' + b"\\u00e9\\/" * 3_000 + b'"'),
    Written(b"{}"),
    Written(b"[]"),
    Written(b"[null]"),
    Written(b"[[]]"),
    Written(b"[{}]"),
    Written(b"[[],{}]"),
    Written(b"[1,]"),
    Written(b"[,1]"),
    Written(b"[1 2]"),
    Written(b'{"a":1,}'),
    Written(b'{"a" 1}'),
    Written(b'{"":null}'),
    Written(b'{"a":{"b":[1,{"c":null}]}}'),
    Written(b"{1:2}"),
    Written(b'["a",null]'),
    Written(b'[["Server",null]]'),
    Written(b'[["Server"]]'),
    Written(b'[["Location","a","b"],[],["server",{"format":"base64","data":"AP8="}]]'),
    Written(b'{"Location":["a","b"],"server":null}'),
    Written(b'{"format":"base64","data":"%s"}' % _BASE64.encode()),
    Written(b'{"format":"base64","data":"AA="}'),
    Written(b'{"format":"base64","data":"A"}'),
    Written(b'{"format":"base64","data":" A A=="}'),
    Written(b'{"format":"base64","data":"!!!!"}'),
    Written(b'{"format":"base64","data":"\\u00e9A=="}'),
    Written(b'{"format":"base64","data":"A_-A"}'),
    Written(b'{"format":"hex","data":"00"}'),
    Written(b'{"format":null,"data":null}'),
    Written(b'{"data":"AAAA","data":"BBBB"}'),
    Written(b'{"data":1}'),
    *(Written(b"[" * n + b"]" * n) for n in (30, 60, 63, 64, 65, 70, 2_000)),
    *(Written(b'{"a":' * n + b"1" + b"}" * n) for n in (60, 64, 65, 2_000)),
    *(
        "web_connectivity telegram AS0 AS1 as64500 AS4294967296 64500 ZZ zz XW xw K xyz 127.0.0.1 127.1 ::1 10.0.0.1 8.8.8.8 "
        "[::1]:443 ::ffff:192.0.2.1 [::ffff:192.0.2.1]:443 fe80::1%eth0 2001:db8::1 2001:DB8:0::1:443 192.0.2.1:0 192.0.2.1:65535 "
        "192.0.2.1:65536 192.0.2.1:+80 192.0.2.1: :443 192.0.2.01 example.org example.org. EXAMPLE.org example.org:443 "
        "http://example.org:8080/a?b#c HTTPS://user@Example.org\\x //example.org/ ftp://[2001:db8::1]:21/ a_b.example "
        "https://bücher.example/ bücher.example xn--bcher-kva.example ß.example İ.example a\u3002example \u0661.example "
        "depth=0 depth=1 depth=63 depth=64 depth=01 depth=-1 depth=\u0661 GREASE grease dns_no_answer connection_reset generic_timeout_error "
        "unknown_failure [scrubbed] [REDACTED] udp UDP doh getaddrinfo golang_net_resolver udp_again system A AAAA CNAME h3 get GET "
        "TLSv1.3 read write read_from write_to bytes_received_cumulative connect tls_handshake_start tls_handshake_done http-diff "
        "2024-02-12T20:33:47Z 2024-02-30 0001-01-01T00:00:00+14:00 9999-12-31T23:59:59-14:00 20240212 2024-W07-1 1960-01-01 "
        "20240212203350.123456_XW_webconnectivity_0123456789abcdef 20240212T203340Z_webconnectivity_XW_64500_n1_aaaa "
        "99999999T999999Z_x 20240212203350.123456_XW_webconnectivity_0123456789abcdeF"
    ).split(),
    "2024-02-12 20:33:47",
    "2024-02-12 20:33:47.123456789",
    " 2024-02-12 20:33:47 ",
    "2024-02-12 20:33:47\u2003",
    "web_connectivity: all endpoints failed: [ connection_reset; connection_reset;]",
    " x ",
    "\u2003",
    "\x1c",
    "<title>a &amp; b</title>",
    "<title>&#0;&#xd800;\x00</title",
    "x" * 300 + "é" * 4_000,
)


@cache
def fields() -> tuple[str, ...]:
    """The name of every field that is read anywhere in a Web Connectivity measurement."""
    found: set[str] = {"location", "Server", "host", "Host", "backend", "address", "type"}

    def look(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            found.update(kind.__struct_encode_fields__)
            for inner in get_type_hints(kind).values():
                look(inner)
        for inner in get_args(kind):
            look(inner)

    look(nettest("web_connectivity").record)
    return tuple(sorted(found))


def parsed(line: bytes) -> Pairs:
    """A line's object, to be changed."""
    found: Pairs = json.loads(line, object_pairs_hook=lambda pairs: Pairs([list(pair) for pair in pairs]))
    return found


def written(value: Any, rng: random.Random, style: str = "collector") -> bytes:
    """The value as JSON.

    Args:
        value: Of `parsed`, perhaps changed.
        rng: Draws spaces where the style has them.
        style: `collector` (compact, ASCII, slashes escaped: as nearly all lines are), `python` (its defaults), `utf8`
            (compact, what is not ASCII as it is), or `spaced` (spaces of all kinds between all tokens).
    """
    if isinstance(value, Written):
        return value
    space = (
        (lambda: rng.choice((b"", b"", b" ", b"\t", b"\r", b"\n", b"  \n "))) if style == "spaced" else bytes
    )
    comma, colon = (b", ", b": ") if style == "python" else (b",", b":")
    if isinstance(value, Pairs):
        pairs = [
            space()
            + written(key, rng, style)
            + space()
            + colon
            + space()
            + written(inner, rng, style)
            + space()
            for key, inner in value
        ]
        return b"{" + (comma.join(pairs) or space()) + b"}"
    if isinstance(value, list):
        return (
            b"["
            + (comma.join(space() + written(inner, rng, style) + space() for inner in value) or space())
            + b"]"
        )
    text = json.dumps(value, ensure_ascii=style != "utf8")
    return (text.replace("/", "\\/") if style == "collector" else text).encode("utf-8", "surrogatepass")


STYLES = ("collector", "python", "utf8", "spaced")


def slots(value: Any) -> Iterator[Slot]:
    """Every place in a value at which another one stands; of a pair, the place of its value."""
    for place, inner in enumerate(value):
        if isinstance(value, Pairs):
            yield inner, 1
            inner = inner[1]  # noqa: PLW2901
        else:
            yield value, place
        if isinstance(inner, list):
            yield from slots(inner)


def _walk(rng: random.Random, document: Pairs) -> tuple[list[Slot], Slot]:
    """A way into the measurement: kinds of fields come about equally often, however many values of one there are."""
    trail: list[Slot] = []
    value: Any = document
    if rng.random() < 0.75:
        for pair in document:
            if pair[0] == "test_keys" and isinstance(pair[1], list) and pair[1]:
                trail.append((pair, 1))
                value = pair[1]
                if rng.random() < 0.3:
                    for inner in value:
                        if (
                            isinstance(value, Pairs)
                            and inner[0] == "control"
                            and isinstance(inner[1], list)
                            and inner[1]
                        ):
                            trail.append((inner, 1))
                            value = inner[1]
                            break
                break
    while True:
        place = rng.randrange(len(value))
        slot: Slot = (value[place], 1) if isinstance(value, Pairs) else (value, place)
        trail.append(slot)
        inner = slot[0][slot[1]]
        if not isinstance(inner, list) or not inner or rng.random() < 0.15:
            return trail, slot
        value = inner


def _hostile(rng: random.Random) -> Any:
    return rng.choice(HOSTILE)


def _replace(rng: random.Random, document: Pairs) -> None:
    _, (holder, place) = _walk(rng, document)
    holder[place] = _hostile(rng)


def _container(rng: random.Random, document: Pairs) -> list[Any]:
    trail, _ = _walk(rng, document)
    inner = [holder[place] for holder, place in trail if isinstance(holder[place], list) and holder[place]]
    return rng.choice(inner) if inner else document


def _delete(rng: random.Random, document: Pairs) -> None:
    container = _container(rng, document)
    del container[rng.randrange(len(container))]


def _repeat(rng: random.Random, document: Pairs) -> None:
    """A key, or a member of a list, twice, or very often."""
    container = _container(rng, document)
    again = container[rng.randrange(len(container))]
    if isinstance(container, Pairs):
        again = [again[0], rng.choice((again[1], _hostile(rng)))]
    for _ in range(rng.choice((1, 1, 1, 2, 70))):
        container.insert(rng.randrange(len(container) + 1), again)


def _shuffle(rng: random.Random, document: Pairs) -> None:
    rng.shuffle(_container(rng, document))


def _graft(rng: random.Random, document: Pairs) -> None:
    """A value that stands elsewhere in the measurement."""
    _, (holder, place) = _walk(rng, document)
    _, (other, there) = _walk(rng, document)
    # A copy, so that no value holds itself.
    moved = written(other[there], rng)
    holder[place] = Written(moved)


def _wrap(rng: random.Random, document: Pairs) -> None:
    _, (holder, place) = _walk(rng, document)
    value = holder[place]
    holder[place] = rng.choice(
        ([value], [value, value], Pairs([["data", value]]), Pairs([["failure", value]]))
    )


def _rename(rng: random.Random, document: Pairs) -> None:
    container = _container(rng, document)
    if isinstance(container, Pairs):
        pair = rng.choice(container)
        key = str(pair[0])
        hostile = [value for value in HOSTILE if isinstance(value, str) or value[:1] == b'"']
        pair[0] = rng.choice(
            (
                rng.choice(fields()),
                _escaped(key, rng),
                key.upper(),
                key + "\x00",
                key[:-1],
                rng.choice(hostile),
            )
        )


def _add(rng: random.Random, document: Pairs) -> None:
    """A key that is read somewhere, with a value from there or any."""
    container = _container(rng, document)
    if isinstance(container, Pairs):
        key = rng.choice(fields())
        values = [
            pair[1] for pair, _ in slots(document) if isinstance(pair, list) and pair and pair[0] == key
        ]
        value = Written(written(rng.choice(values), rng)) if values and rng.random() < 0.5 else _hostile(rng)
        container.insert(rng.randrange(len(container) + 1), [key, value])


def _escaped(text: str, rng: random.Random) -> Written:
    """The same text, some or all of it as escapes."""
    units = text.encode("utf-16-be", "surrogatepass")
    every = rng.random() < 0.5
    form = rng.choice(("\\u%04x", "\\u%04X"))
    out = ""
    for at in range(0, len(units), 2):
        unit = units[at] << 8 | units[at + 1]
        plain = 0x20 <= unit < 0x7F and chr(unit) not in '"\\' and not (every or at == 0)
        out += chr(unit) if plain else form % unit
    return Written(f'"{out}"'.encode())


def _spell(rng: random.Random, document: Pairs) -> None:
    """The same value, or nearly, spelled otherwise."""
    _, (holder, place) = _walk(rng, document)
    value = holder[place]
    if isinstance(value, bool) or value is None:
        holder[place] = Written(rng.choice((b"0", b"1", b'"true"', b"False", b"NULL", b"null ", b"t")))
    elif isinstance(value, int | float):
        holder[place] = Written(
            rng.choice(
                (
                    f"{value}.0",
                    f"{value}e0",
                    f"{value:e}",
                    f"{value}0",
                    f'"{value}"',
                    f"-{value}",
                    f"{value:.17g}",
                    f"0{value}",
                    f"{value:.25f}",
                )
            ).encode()
        )
    elif isinstance(value, str) and not isinstance(value, Written):
        holder[place] = rng.choice(
            (
                _escaped(value, rng), value.upper(), value.title(), f" {value}", f"{value}\t", f"{value}.", f"{value}\x00",
                f"é{value}", f"{value}\ud800", value[:-1], value * 40, f"{value}\u2003", value.replace("e", "é"), f"[{value}]", f"{value}:443",
            )
        )  # fmt: skip


def _number(rng: random.Random, document: Pairs) -> None:
    """A number near a border, where a number is."""
    found = [slot for slot in slots(document) if isinstance(slot[0][slot[1]], int | float)]
    if found:
        holder, place = rng.choice(found)
        border = rng.choice(
            (0, 1 << 31, 1 << 32, 1 << 53, 1 << 62, 1 << 63, 1 << 64, 10**18, 10**19, 65_536, 999, 86_400)
        )
        number = rng.choice((1, -1)) * border + rng.randint(-2, 2)
        holder[place] = rng.choice((number, float(number), number / 8, number * 1e-7))


def _private(rng: random.Random, document: Pairs) -> None:
    """The probe's address given away: one that occurs in the measurement, or not (trap X9)."""
    found = ["10.0.0.1", "192.0.2.77", "2001:db8::77", " 8.8.8.8", "::ffff:1.2.3.4", "a", "127.0.0.2"]
    for holder, place in slots(document):
        if holder and holder[0] in ("ip", "ipv4", "ipv6") and isinstance(holder[place], str):
            found.append(holder[place])
    document[:] = [pair for pair in document if pair[0] != "probe_ip"]
    document.append(["probe_ip", rng.choice(found)])


MUTATIONS: tuple[Mutation, ...] = (
    *((_replace,) * 6), _delete, _delete, _repeat, _repeat, _shuffle, _graft, _graft, _wrap, _rename, _rename, _add, _add, _spell, _spell,
    _spell, _number, _number, _private,
)  # fmt: skip


def _bytes(rng: random.Random, line: bytes) -> bytes:
    """Bytes of a line changed, wherever they stand."""
    out = bytearray(line)
    for _ in range(rng.choice((1, 1, 1, 2, 5, 20))):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(7)
        length = rng.choice((1, 1, 2, 4, 16, 100))
        if kind == 0:
            del out[at:]
        elif kind == 1:
            del out[at : at + length]
        elif kind == 2:
            out[at:at] = out[at : at + length]
        elif kind == 3:
            out[at:at] = bytes([rng.choice(b'\x00\t\n\x0b\x1f "\\/{}[],:0-9.eEtfnu\x7f\x80\xc3\xe2\xff\xef')])
        elif kind == 4 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif kind == 5 and at < len(out):
            out[at] = rng.randrange(256)
        elif kind == 6:
            other = rng.randrange(len(out) + 1)
            out[at:at] = out[other : other + length]
    return bytes(out).replace(b"\n", b" ")


def mutated(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of the lines, changed in one way or in several."""
    document = parsed(rng.choice(seeds))
    for _ in range(rng.choice((0, 1, 1, 1, 1, 2, 2, 3, 6))):
        if document:
            rng.choice(MUTATIONS)(rng, document)
    line = written(document, rng, rng.choice(("collector", *STYLES)))
    if rng.random() < 0.12:
        line = _bytes(rng, line)
    if rng.random() < 0.05:
        line = (
            rng.choice((b" ", b"\t", b"\x0b", b"\xef\xbb\xbf", b"[", b"\x00"))
            + line
            + rng.choice((b"", b" ", b"\r", b"x", b"\x00", b"}"))
        )
    return line


def whole() -> Pairs:
    """A plain measurement that has every field of `fields` where it belongs."""
    seen = {
        "t0": 0.1,
        "t": 0.3,
        "tags": ["depth=1"],
        "transaction_id": 3,
        "failure": None,
        "address": "192.0.2.1:443",
    }
    query = {
        "engine": "udp",
        "resolver_address": "1.1.1.1:53",
        "hostname": "a.example",
        "query_type": "A",
        "rcode": 0,
    }
    cname = {"answer_type": "CNAME", "hostname": "b.example", "ttl": 1.5}
    answer = {
        "answer_type": "A",
        "ipv4": "192.0.2.1",
        "ipv6": None,
        "hostname": None,
        "asn": 5,
        "as_org_name": "O",
        "ttl": 7,
    }
    shake = {
        "network": "tcp",
        "server_name": "a.example",
        "outer_server_name": "o.example",
        "echconfig": "GREASE",
        "tls_version": "TLSv1.3",
        "negotiated_protocol": "h2",
        "no_tls_verify": True,
        "peer_certificates": [{"format": "base64", "data": "AAAA"}, "x"],
    }
    got = {
        "code": 200,
        "headers_list": [["Server", "n"], ["Location", "http://b/"]],
        "headers": {"Server": "n"},
    }
    page = {
        "body_length": 10,
        "failure": None,
        "title": " T ",
        "status_code": 200,
        "headers": {"Location": "n"},
    }
    outcome = {
        "192.0.2.1:443": {"server_name": "a.example", "status": True, "failure": None},
        "192.0.2.2:443": None,
    }
    request = {"url": "https://a.example/x", "method": "get", "headers": {"Host": "a"}}
    keys = {
        "failure": None,
        "blocking": "dns",
        "accessible": False,
        "control_failure": None,
        "x_dns_duplicate_responses": None,
        "queries": [
            {**seen, **query, "answers": [answer, cname]},
            {**query, "failure": "x", "transaction_id": 3},
        ],
        "tcp_connect": [
            {**seen, "ip": "192.0.2.1", "port": 443, "status": {"success": True, "failure": None}}
        ],
        "tls_handshakes": [{**seen, **shake}],
        "quic_handshakes": [{**seen, **shake, "address": "[2001:db8::1]:443", "transaction_id": 4}],
        "network_events": [
            {**seen, "operation": operation, "num_bytes": 2.5, "transaction_id": transaction}
            for operation in ("read", "write", "bytes_received_cumulative", "connect")
            for transaction in (3, 4)
        ],
        "requests": [
            {
                "request": {**request, "url": "http://a.example/"},
                "response": {**got, "headers_list": None, "body": "x"},
            },
            {
                **seen,
                "alpn": "h2",
                "network": "tcp",
                "request": request,
                "response": {**got, "body": "<title>\u00e9</title>", "body_is_truncated": False},
            },
        ],
        "control": {
            "dns": {"failure": None, "addrs": ["192.0.2.1", "2001:db8::1", "c.example"]},
            "tcp_connect": outcome,
            "tls_handshake": outcome,
            "quic_handshake": outcome,
            "http_request": page,
            "http3_request": {**page, "status_code": -1, "failure": "y"},
            "ip_info": {"192.0.2.1": {"asn": 5, "flags": 1}, "x": None},
        },
    }
    record = {
        "input": "https://a.example/",
        "probe_cc": "XW",
        "probe_asn": "AS5",
        "probe_ip": "127.0.0.1",
        "probe_id": "p",
        "probe_network_name": "N",
        "report_id": "20240212T203340Z_webconnectivity_XW_64500_n1_aaaa",
        "measurement_uid": "20240212203350.123456_XW_webconnectivity_0123456789abcdef",
        "measurement_start_time": "2024-02-12 20:33:47",
        "test_start_time": "2024-02-12 20:33:40",
        "test_runtime": 1.5,
        "test_name": "web_connectivity",
        "test_version": "0.5.28",
        "software_name": "ooniprobe",
        "software_version": "3",
        "resolver_asn": "AS6",
        "resolver_ip": "9.9.9.9",
        "annotations": {"platform": "linux", "network_type": "wifi", "ooni_run_link_id": "7", "x": 1},
        "test_helpers": {"backend": {"address": "https://th.example", "type": "https"}},
        "test_keys": keys,
    }
    return parsed(json.dumps(record).encode())


def each_place(document: Pairs, values: Sequence[Any]) -> Iterator[bytes]:
    """The document with each value at each place in turn, and with each key or member left out, twice, and written otherwise."""
    rng = random.Random(1)
    for holder, place in list(slots(document)):
        before = holder[place]
        for holder[place] in values:
            yield written(document, rng)
        holder[place] = before
    for container in [document, *(held[at] for held, at in slots(document) if isinstance(held[at], list))]:
        for place, one in enumerate(list(container)):
            del container[place]
            yield written(document, rng)
            container[place:place] = [one, one]
            yield written(document, rng)
            if isinstance(container, Pairs):
                container[place] = [_escaped(one[0], rng), one[1]]
                yield written(document, rng)
                for value in values[:4]:
                    container[place] = [one[0], value]
                    yield written(document, rng)
            del container[place]


def real_lines(shared_data: Path, longest: int = 1 << 20) -> dict[str, bytes]:
    """Real Web Connectivity measurements of every generation, 0.0.1 to 0.5.28, by file."""
    found = {}
    for path in sorted((shared_data / "ooni").glob("*/*.json")):
        content = path.read_bytes()
        if len(content) <= longest and json.loads(content).get("test_name") == "web_connectivity":
            found[f"{path.parent.name}/{path.name}"] = content
    return found


def difference(one: Batch, other: Batch) -> str | None:
    """Where two batches are not the same to the last bit, dictionaries of labels included; null where they are."""
    if list(one.tables) != list(other.tables) or one.bytes_read != other.bytes_read:
        return f"{list(one.tables)}, {one.bytes_read} bytes; {list(other.tables)}, {other.bytes_read} bytes"
    for name, table in one.tables.items():
        found = other.tables[name]
        if not table.schema.equals(found.schema, check_metadata=True) or table.num_rows != found.num_rows:
            return f"{name}: {table.num_rows} rows, {found.num_rows} rows, or another schema"
        found.validate(full=True)
        for column in table.schema.names:
            sides = [_plain(side[column]) for side in (table, found)]
            if not all(a.equals(b) for a, b in zip(*sides, strict=True)):
                first, second = (side[column].to_pylist() for side in (table, found))
                at = next(
                    (at for at, (a, b) in enumerate(zip(first, second, strict=True)) if repr(a) != repr(b)),
                    None,
                )
                if at is None:
                    return f"{name}.{column}: labels in another order: {sides[0][1]}, {sides[1][1]}"
                return f"{name}.{column}, row {at}: {first[at]!r}, {second[at]!r}"
    return None


def _plain(values: pa.ChunkedArray) -> tuple[pa.Array, ...]:
    """Arrays that are equal where the columns are the same, bit by bit."""
    whole = values.unify_dictionaries().combine_chunks()
    if pa.types.is_dictionary(whole.type):
        return whole.indices, whole.dictionary
    if pa.types.is_floating(whole.type):  # of which zeros of both signs are equal, and no NaN is
        return whole.is_valid(), whole.fill_null(0.0).view(pa.int64())
    return (whole,)
