"""The limit that reading is compared to: decompressing, and decoding just the needed fields, results dropped."""

from __future__ import annotations

from pathlib import Path

import msgspec
from isal import igzip

from wallwatch.sources.ooni.nettests import nettest


def decompress(path: Path) -> int:
    """Decompresses a gzip file; returns the bytes."""
    total = 0
    with igzip.open(path, "rb") as file:  # type: ignore[no-untyped-call]
        while piece := file.read(1 << 20):
            total += len(piece)
    return total


def decode(path: Path) -> int:
    """Decompresses a gzip file of Web Connectivity lines and decodes each into the needed fields; how many."""
    decoder = msgspec.json.Decoder(nettest("web_connectivity").record)
    lines = 0
    with igzip.open(path, "rb") as file:  # type: ignore[no-untyped-call]
        for line in file:
            decoder.decode(line)
            lines += 1
    return lines
