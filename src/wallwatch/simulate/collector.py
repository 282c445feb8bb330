"""Where measurements arrive: ids, and files as in OONI's bucket (raw/YYYYMMDD/HH/CC/<nettest>/)."""

from __future__ import annotations

import hashlib
import io
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

_ENCODER = msgspec.json.Encoder()


def gzipped(content: bytes) -> bytes:
    """The content as a gzip file that is the same on every machine and day (RFC 1952, no time, no name)."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(content) + packer.flush()
    check = zlib.crc32(content).to_bytes(4, "little") + (len(content) & 0xFFFFFFFF).to_bytes(4, "little")
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + body + check


def measurement_uid(received: datetime, country: str, nettest: str, key: str) -> str:
    """The id that the collector gives: when it came, from where, which test, and 16 hex digits of a hash."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{received:%Y%m%d%H%M%S.%f}_{country}_{nettest.replace('_', '')}_{digest}"


def report_id(opened: datetime, country: str, network: int, nettest: str, key: str) -> str:
    """The id of a report: when it was opened, which test, from where, and 16 characters."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{opened:%Y%m%dT%H%M%SZ}_{nettest.replace('_', '')}_{country}_{network}_n1_{digest}"


class Collector:
    """Keeps what has arrived until its day is over, then writes the day's files.

    Args:
        out: The folder in which `raw/` lies.
        hours: How many hours of arrivals one file holds, by country; 24 where not named. The real collector
            writes a file an hour; a small country's would hold a line or two each.
    """

    def __init__(self, out: Path, hours: dict[str, int]) -> None:
        self._out, self._hours = out, hours
        self._waiting: dict[str, dict[Path, list[tuple[str, bytes]]]] = {}
        self.files = 0

    def take(self, measurement: dict[str, Any], uid: str, received: datetime) -> None:
        """Takes one measurement in."""
        country, nettest = measurement["probe_cc"], measurement["test_name"]
        length = self._hours.get(country, 24) if nettest == "web_connectivity" else 24
        hour = received.hour // length * length + length - 1
        name = nettest.replace("_", "")
        folder = Path(f"raw/{received:%Y%m%d}/{hour:02}/{country}/{name}")
        path = folder / f"{received:%Y%m%d}{hour:02}_{country}_{name}.n0.0.jsonl.gz"
        day = self._waiting.setdefault(f"{received:%Y%m%d}", {})
        day.setdefault(path, []).append((uid, _ENCODER.encode(measurement)))

    def flush(self, before: datetime | None = None) -> None:
        """Writes the files of all days before that of `before`; of all days where it is null."""
        limit = None if before is None else f"{before:%Y%m%d}"
        for day in sorted(self._waiting):
            if limit is not None and day >= limit:
                continue
            for path, lines in sorted(self._waiting.pop(day).items()):
                content = io.BytesIO()
                for _, line in sorted(lines):
                    content.write(line + b"\n")
                target = self._out / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(gzipped(content.getvalue()))
                self.files += 1
