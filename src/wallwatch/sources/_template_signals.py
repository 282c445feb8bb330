"""A template for the next source of signals: copy to `signals_<name>.py`, and say here what the file is.

A module of that name in this folder is found by itself (`recognise.py`); nothing else has to be edited.
Give its tests the mould of `tests/test_signals_csv.py`. This example reads lines such as
`FR,2024-01-01T00:00Z,0.97` below a header `where,when,share`.

    name       who measures it, and where it is published
    licence    under which its data may be used
    example    one line of it
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa

from wallwatch.sources import _signal_rows as common
from wallwatch.sources._csv_blocks import Header, Rows, head_header, read_rows
from wallwatch.sources.batch import Batch

#: What `files.kind` says of such a file.
KIND = "signals.example"

_COLUMNS = {"where", "when", "share"}


def recognise(head: bytes) -> bool:
    """Whether the header has just this source's columns. Never by name: only by content, and only its own."""
    return set(head_header(head).names) == _COLUMNS


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The rows of one file: every line becomes a row of `signals` or one of `quarantine`."""
    header, stretches = read_rows(stream)
    filling = {"signal": "example.share", "unit": "share", "step_seconds": 3600}
    return common.settled((_parse(rows, header) for rows in stretches), file_id, lambda sample: dict(filling))


def _parse(rows: Rows, header: Header) -> common.Parsed:
    parsed = common.parsed_rows(rows)
    if parsed.rows.columns:
        named: dict[str, pa.Array] = dict(zip(header.names, parsed.rows.columns, strict=True))
        parsed.columns["country"] = common.countries(parsed, named["where"])
        parsed.columns["time"] = common.times(parsed, named["when"])
        parsed.columns["value"] = common.numbers(parsed, named["share"], "share")
    return parsed
