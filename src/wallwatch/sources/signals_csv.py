"""The general layout: a CSV file that anyone can write to bring a series of their own.

The first line names the columns, in any order; the delimiter is a comma, semicolon or tab:

    region     name of the region; empty for the whole country      required
    time       ISO 8601 (UTC where it names no zone) or epoch        required
    value      a number; empty where there is none                   required
    country    ISO 3166-1, two or three letters; without this column all rows are of `ZZ` (unknown)
    network    ASN, with or without `AS`
    place      a place within the region
    signal     name of the series' source; by default `csv`. A word in it says what kind of looking it is, so that two
               of a kind are one witness: bgp, ping, latency, telescope, traffic (`detect/outages_families.py`)
    unit       index_100, index_10, latency_100, count, share, users; by default told from the values
    step       length of a bin in seconds; by default the most frequent distance of two times

A row whose time, value, country or network cannot be read is set aside.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.sources import _signal_rows as common
from wallwatch.sources._countries import UNKNOWN
from wallwatch.sources._csv_blocks import Header, Rows, head_header, read_rows
from wallwatch.sources.batch import Batch

KIND = "signals.csv"

_REQUIRED = ("region", "time", "value")
_UNITS = ("index_100", "index_10", "latency_100", "count", "share", "users")
_KEYS = ("signal", "country", "region", "place", "network")


def recognise(head: bytes) -> bool:
    """Whether the first line names `region`, `time` and `value`."""
    return set(_REQUIRED) <= set(head_header(head).names)


def unit_of(values: np.ndarray) -> str:
    """The unit of values that come without one: by their greatest, `share`, `index_10`, `index_100` or `count`.

    Args:
        values: All values of one signal; NaN where there is none.
    """
    values = values[~np.isnan(values)]
    if not len(values) or values.min() < 0:
        return "count"
    for unit, highest in (("share", 1), ("index_10", 10), ("index_100", 100)):
        if values.max() <= highest:
            return unit
    return "count"


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The rows of one file."""
    header, stretches = read_rows(stream)
    if not set(_REQUIRED) <= set(header.names):
        raise ValueError("not a file of the general layout: its first line has no region, time and value")
    return common.settled((_parse(rows, header) for rows in stretches), file_id, _settle)


def _settle(sample: pa.Table) -> dict[str, object]:
    if "time" not in sample.column_names:
        return {}
    numbers = common.series_numbers(sample, [key for key in _KEYS if key in sample.column_names])
    signals = sample.column("signal").to_pylist()
    time = sample.column("time").cast(pa.int64()).to_numpy()
    value = sample.column("value").to_numpy()
    rows: dict[str, list[int]] = {}
    for row, signal in enumerate(signals):
        rows.setdefault(signal, []).append(row)
    steps = {name: common.modal_step(numbers[at], time[at]) for name, at in rows.items()}
    units = {name: unit_of(value[at]) for name, at in rows.items()}

    def by_signal(known: dict[str, object], default: object) -> object:
        def column(table: pa.Table) -> pa.Array:
            encoded = table.column("signal").combine_chunks().dictionary_encode()
            values = [known.get(name, default) for name in encoded.dictionary.to_pylist()]
            return pa.array(values).take(encoded.indices)

        return column

    return {"step_seconds": by_signal({**steps}, 3600), "unit": by_signal({**units}, "count")}


def _parse(rows: Rows, header: Header) -> common.Parsed:
    parsed = common.parsed_rows(rows)
    if not parsed.rows.columns:
        return parsed
    named = dict(zip(header.names, parsed.rows.columns, strict=True))
    found = parsed.columns
    found["region"] = common.names(parsed, named["region"], "region name")
    found["time"] = common.times(parsed, named["time"])
    found["value"] = common.numbers(parsed, named["value"], "value")
    found["signal"] = pa.repeat("csv", len(parsed))
    if "signal" in named:
        found["signal"] = pc.coalesce(common.names(parsed, named["signal"], "signal name"), found["signal"])
    if "place" in named:
        found["place"] = common.names(parsed, named["place"], "place name")
    found["country"] = (
        common.countries(parsed, named["country"], required=False)
        if "country" in named
        else pa.repeat(UNKNOWN, len(parsed))
    )
    if "network" in named:
        found["network"] = _networks(parsed, named["network"])
    if "unit" in named:
        words = pc.utf8_lower(common.text(named["unit"]))
        stated = pc.is_in(words, value_set=pa.array(_UNITS))
        parsed.refuse(pc.invert(pc.or_(stated, pc.equal(words, ""))), "{} is not a unit known here", words)
        found["unit"] = pc.if_else(stated, words, None)
    if "step" in named:
        step = common.numbers(parsed, named["step"], "step")
        usable = pc.fill_null(pc.and_(pc.greater_equal(step, 1), pc.less_equal(step, 31 * 86_400)), False)
        parsed.refuse(
            pc.and_(pc.is_valid(step), pc.invert(usable)), "step {} is not 1 s to 31 days", named["step"]
        )
        found["step_seconds"] = pc.cast(pc.round(pc.if_else(usable, step, None)), pa.int64())
    return parsed


def _networks(parsed: common.Parsed, column: pa.Array) -> pa.Array:
    words = common.text(column)
    matched = pc.extract_regex(words, r"^(?i:AS)?(?P<asn>\d{1,10})$")
    number = pc.cast(pc.struct_field(matched, "asn"), pa.int64())
    number = pc.if_else(pc.less(number, 1 << 32), number, None)
    parsed.refuse(pc.and_(pc.is_null(number), pc.not_equal(words, "")), "{} is not a network number", words)
    return pc.if_else(pc.equal(number, 0), None, number)
