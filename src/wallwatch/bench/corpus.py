"""A corpus to measure speed on: Web Connectivity lines as real ones are, made from a seed.

Each line has what a probe of 2023 (0.4.2) or 2024 (0.5.28) writes: queries, connects, handshakes with
certificate chains, network events, exchanges with headers and bodies, and the helper's view. It is written as OONI's
collector writes it, with `ujson` and its defaults (`api_uploader.py` of github.com/ooni/backend): compact, all ASCII, every
slash escaped, without a uid. Names and addresses are reserved ones (RFC 2606, RFC 5737).
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID
from isal import igzip

_SITES = 300
_SYLLABLES = "ka lo mi ter an so vel in dar po re chi ton us el ba ri no fa gu".split()
_START = datetime(2024, 3, 1, tzinfo=UTC)
_NETWORKS = tuple(range(64_496, 64_512))


#: How long each line is, in bytes; or the shortest and the longest, between which lengths lie evenly by their logarithm.
Length = int | tuple[int, int]


def write(
    path: Path, lines: int, line_bytes: Length, seed: int = 1, sites: int = _SITES, first: int = 0
) -> int:
    """Writes a gzip file of lines.

    Args:
        path: Where to.
        lines: How many.
        line_bytes: About how long they are: the bodies are made to fit.
        seed: The same seed gives the same lines.
        sites: How many targets they measure.
        first: The number of the first line; each is three seconds later than the one before.

    Returns:
        Their length in bytes, line ends included.
    """
    total = 0
    # Without name and time, so that the file, and with it all ids, are the same every time.
    with path.open("wb") as raw, igzip.IGzipFile("", "wb", 1, raw, mtime=0) as file:  # type: ignore[no-untyped-call]
        for line in make_lines(lines, line_bytes, seed, sites, first):
            file.write(line + b"\n")  # type: ignore[no-untyped-call]
            total += len(line) + 1
    return total


def make_lines(
    lines: int, line_bytes: Length, seed: int = 1, sites: int = _SITES, first: int = 0
) -> Iterator[bytes]:
    """The lines; see `write`."""
    rng = random.Random(seed)  # noqa: S311 - a corpus must be repeatable
    words = ["".join(rng.choices(_SYLLABLES, k=rng.randint(1, 4))) for _ in range(4_000)]
    for number in range(first, first + lines):
        wanted = line_bytes if isinstance(line_bytes, int) else _between(rng, *line_bytes)
        site = rng.randrange(sites)
        record = _measurement(rng, words, number, site, 3 if wanted > 20_000 else 1, "")
        bare = len(_written(record))
        body = _page(rng, words, site, max(wanted - bare, 200))
        record["test_keys"]["requests"][0]["response"]["body"] = body
        yield _written(record)


def _between(rng: random.Random, least: int, most: int) -> int:
    return int(least * (most / least) ** rng.random())


def _written(value: Any) -> bytes:
    """JSON as the collector writes it."""
    return json.dumps(value, separators=(",", ":")).replace("/", "\\/").encode()


def _measurement(
    rng: random.Random, words: list[str], number: int, site: int, chain: int, body: str
) -> dict[str, Any]:
    host = f"site{site}.example"
    time = _START + timedelta(seconds=number * 3)
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    asn = _NETWORKS[number % len(_NETWORKS)]
    newer = number % 2 == 1
    ips = [f"203.0.113.{site % 250 + 1}", f"198.51.100.{site % 250 + 1}"]
    endpoint = f"{ips[0]}:443"
    tags = ["classic", "depth=0", "fetch_body=true"] if newer else ["tcptls_experiment"]
    own: dict[str, Any] = {"transaction_id": 3} if newer else {}
    headers = {
        "Cache-Control": "max-age=600",
        "Content-Type": "text/html; charset=utf-8",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        "Etag": f'"{rng.getrandbits(64):016x}"',
        "Server": "nginx",
        "Set-Cookie": f"session={rng.getrandbits(128):032x}; Path=/; HttpOnly; Secure",
        "Strict-Transport-Security": "max-age=31536000",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    handshake = {
        "network": "tcp",
        "address": endpoint,
        "cipher_suite": "TLS_AES_128_GCM_SHA256",
        "failure": None,
        "negotiated_protocol": "h2",
        "no_tls_verify": False,
        "peer_certificates": [{"data": text, "format": "base64"} for text in _chain(site)[:chain]],
        "server_name": host,
        "t0": 0.21,
        "t": 0.27,
        "tags": tags,
        "tls_version": "TLSv1.3",
        **own,
    }
    answers = [
        {"answer_type": "A", "ipv4": ip, "asn": 64_500, "as_org_name": "Example Networks", "ttl": None}
        for ip in ips
    ]
    events = [
        {"address": endpoint, "failure": None, "operation": "connect", "proto": "tcp", "t": 0.2, **own},
        {"failure": None, "operation": "tls_handshake_start", "t": 0.21, "tags": tags, **own},
    ]
    for step in range(6):
        operation = "read" if step % 2 else "write"
        events.append(
            {
                "address": endpoint,
                "failure": None,
                "num_bytes": rng.randint(40, 4_000),
                "operation": operation,
                "proto": "tcp",
                "t": 0.22 + step / 200,
                "tags": tags,
                **own,
            }
        )
    events.append({"failure": None, "operation": "tls_handshake_done", "t": 0.27, "tags": tags, **own})
    asked = {
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "en-US,en;q=0.9",
        "Host": host,
        "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome Safari/537.36",
    }
    return {
        "annotations": {
            "architecture": "arm64",
            "engine_name": "ooniprobe-engine",
            "engine_version": "3.20.1",
            "network_type": "mobile" if number % 3 else "wifi",
            "platform": "android",
        },
        "data_format_version": "0.2.0",
        "input": f"https://{host}/",
        "measurement_start_time": stamp,
        "probe_asn": f"AS{asn}",
        "probe_cc": "XW",
        "probe_ip": "127.0.0.1",
        "probe_network_name": f"Example Telecom {asn}",
        "report_id": f"{time.strftime('%Y%m%dT%H')}0000Z_webconnectivity_XW_{asn}_n1_{number // 50:016d}",
        "resolver_asn": f"AS{asn}",
        "resolver_ip": "192.0.2.53",
        "resolver_network_name": f"Example Telecom {asn}",
        "software_name": "ooniprobe-android",
        "software_version": "3.8.5",
        "test_helpers": {"backend": {"address": "https://helper.example", "type": "https"}},
        "test_keys": {
            "agent": "redirect",
            "client_resolver": "192.0.2.53",
            "retries": None,
            "socksproxy": None,
            "network_events": events,
            "tls_handshakes": [handshake],
            "queries": [
                {
                    "answers": answers,
                    "engine": engine,
                    "failure": None,
                    "hostname": host,
                    "query_type": "A",
                    "resolver_hostname": None,
                    "resolver_port": None,
                    "resolver_address": "" if engine == "system" else "https://dns.example/dns-query",
                    "t": 0.03,
                    "tags": tags[1:],
                    **({"transaction_id": place} if newer else {}),
                }
                for place, engine in enumerate(("system", "doh") if newer else ("system",), 1)
            ],
            "dns_experiment_failure": None,
            "dns_consistency": "consistent",
            "control_failure": None,
            "control": {
                "tcp_connect": {f"{ip}:443": {"status": True, "failure": None} for ip in ips},
                "tls_handshake": {endpoint: {"server_name": host, "status": True, "failure": None}},
                "http_request": {
                    "body_length": len(body),
                    "failure": None,
                    "title": words[site],
                    "headers": headers,
                    "status_code": 200,
                },
                "dns": {"failure": None, "addrs": ips},
                "ip_info": {ip: {"asn": 64_500, "flags": 11} for ip in ips},
            },
            "tcp_connect": [
                {
                    "ip": ip,
                    "port": 443,
                    "status": {"blocked": False, "failure": None, "success": True},
                    "t": 0.2,
                    "tags": tags,
                    **({"transaction_id": 3 + place} if newer else {}),
                }
                for place, ip in enumerate(ips)
            ],
            "requests": [
                {
                    "network": "tcp",
                    "address": endpoint,
                    "alpn": "h2",
                    "failure": None,
                    "request": {
                        "body": "",
                        "body_is_truncated": False,
                        "headers_list": [list(pair) for pair in asked.items()],
                        "headers": asked,
                        "method": "GET",
                        "tor": {"exit_ip": None, "exit_name": None, "is_tor": False},
                        "url": f"https://{host}/",
                        "x_transport": "tcp",
                    },
                    "response": {
                        "body": body,
                        "body_is_truncated": False,
                        "code": 200,
                        "headers_list": [list(pair) for pair in headers.items()],
                        "headers": headers,
                    },
                    "t": 0.6,
                    "tags": tags,
                    **own,
                }
            ],
            "http_experiment_failure": None,
            "body_length_match": True,
            "headers_match": True,
            "status_code_match": True,
            "title_match": True,
            "accessible": True,
            "blocking": False,
        },
        "test_name": "web_connectivity",
        "test_runtime": 1.2 + rng.random(),
        "test_start_time": stamp,
        "test_version": "0.5.28" if newer else "0.4.2",
    }


def _page(rng: random.Random, words: list[str], site: int, size: int) -> str:
    """A page of about so many bytes of JSON: markup, script, text and a nonce; half of the sites are all ASCII."""
    parts = [
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{words[site]} news</title>\n',
        f'<script nonce="{rng.getrandbits(128):032x}">var cfg = {{"id": {site}, "t": {rng.random()}}};</script>\n',
    ]
    have = sum(map(len, parts)) + 80
    while have < size:
        text = " ".join(rng.choices(words, k=rng.randint(20, 60)))
        kind = rng.randrange(8)
        if kind == 0:
            part = f'<div class="{words[site]}-block"><a href="/{words[have % 4_000]}?id={have}">{text}</a></div>\n'
        elif kind == 1:
            part = f'<script>window.__d.push(["{text}", {have}, {{"k": "v"}}]);</script>\n'
        elif kind == 2 and site % 2:
            part = f"<p>Новости дня — {text[:80]} — подробнее на странице</p>\n"
        else:
            part = f"<p>{text}</p>\n"
        parts.append(part)
        have += len(_written(part)) - 2
    return "".join(parts) + "</body></html>"


@lru_cache(_SITES)
def _chain(site: int) -> tuple[str, ...]:
    """A leaf and two authorities, base64 of DER; signatures of Ed25519 are the same every time."""
    return _certificate(f"site{site}.example", site, 40), *_authorities()


@lru_cache(1)
def _authorities() -> tuple[str, str]:
    return _certificate("Example Authority R1", 1_001, 20), _certificate("Example Root X1", 1_002, 20)


def _certificate(name: str, number: int, names: int) -> str:
    key = Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big"))
    issuer = Ed25519PrivateKey.from_private_bytes((2_000).to_bytes(32, "big"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Example Authority R1")]))
        .public_key(key.public_key())
        .serial_number(number + 1)
        .not_valid_before(_START - timedelta(days=30))
        .not_valid_after(_START + timedelta(days=60))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName(name.replace(" ", "-").lower())]
                + [x509.DNSName(f"host{n}.{name.replace(' ', '-').lower()}") for n in range(names)]
            ),
            critical=False,
        )
        .sign(issuer, None)
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
