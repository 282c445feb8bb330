"""Where measurements arrive: ids, and files as in OONI's bucket (raw/YYYYMMDD/HH/CC/<nettest>/)."""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta
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
    """Keeps what has arrived until a file is full of days, then writes it.

    The real collector begins a file every hour. Of a small country such a file would hold a line or two, so here a
    file holds a day or more, and has the name of its last hour.

    Args:
        out: The folder in which `raw/` lies.
        first_day: The day from which files count their days.
        days: How many days of arrivals one file holds: (country, nettest) to a number.
    """

    def __init__(self, out: Path, first_day: date, days: Callable[[str, str], int]) -> None:
        self._out, self._first, self._days = out, first_day, days
        self._waiting: dict[date, dict[Path, list[tuple[str, bytes]]]] = {}
        self.files = 0

    def take(self, measurement: dict[str, Any], uid: str, received: datetime) -> None:
        """Takes one measurement in."""
        country, nettest = measurement["probe_cc"], measurement["test_name"]
        length = self._days(country, nettest)
        number = (received.date() - self._first).days
        last = self._first + timedelta(days=number // length * length + length - 1)
        name = nettest.replace("_", "")
        path = Path(f"raw/{last:%Y%m%d}/23/{country}/{name}/{last:%Y%m%d}23_{country}_{name}.n0.0.jsonl.gz")
        waiting = self._waiting.setdefault(last, {})
        waiting.setdefault(path, []).append((uid, _ENCODER.encode(measurement)))

    def flush(self, before: date | None = None) -> None:
        """Writes the files whose last day is before `before`; all files where it is null."""
        for day in sorted(self._waiting):
            if before is not None and day >= before:
                continue
            for path, lines in sorted(self._waiting.pop(day).items()):
                content = io.BytesIO()
                for _, line in sorted(lines):
                    content.write(line + b"\n")
                target = self._out / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(gzipped(content.getvalue()))
                self.files += 1
