"""Connectivity by place from the Monash IP Observatory: CSV files whose columns differ from file to file.

Known columns, in any order: `iso` (country, three letters; without it all rows are of `ZZ`, unknown), `name_1` (region), `name_2` (place within it),
`id_1`, `id_2`, `lat`, `lon`, `time_e` or `time_e_utc` (epoch seconds UTC, perhaps with a fraction), a string
twin of the time, and one column with the value, usually `connectivity`. The value is an index of 0–100 or
0–10 (highest is normal), or a latency index around 100; which of these, the values of the file say.

    name       Monash IP Observatory (IP-Observatory, sodalabsio/shared_data)
    licence    see the file's origin
    example    IRN,1,Ardebil,1,Ardebil,1573430400,11-Nov-2019 00:00:00,38.43,48.33,100
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from wallwatch.sources import _signal_rows as common
from wallwatch.sources._countries import UNKNOWN
from wallwatch.sources._csv_blocks import Header, Rows, head_header, read_rows
from wallwatch.sources.batch import Batch

KIND = "signals.monash"

_TIMES = ("time_e_utc", "time_e")
_COUNTRIES = ("iso", "iso3", "iso_3", "iso2", "iso_2")
_OTHER = re.compile(r"iso.*|id(_\d+)?|name_\d+|time.*|date.*|lat|lon|lng|long|latitude|longitude|")
_LIKELY = ("connectivity", "latency", "value", "index")


def _value_column(header: Header) -> int | None:
    others = [i for i, name in enumerate(header.names) if not _OTHER.fullmatch(name)]
    for word in _LIKELY:
        for i in others:
            if word in header.names[i]:
                return i
    return others[0] if others else None


def _time_column(header: Header) -> int | None:
    return next((header.names.index(name) for name in _TIMES if name in header.names), None)


def _known(header: Header) -> bool:
    return "name_1" in header.names and _time_column(header) is not None and _value_column(header) is not None


def recognise(head: bytes) -> bool:
    """Whether the first line names a region (`name_1`), an epoch time (`time_e…`) and a value."""
    return _known(head_header(head))


def unit_of(values: np.ndarray, column: str) -> str:
    """The unit that a file's values are in.

    Args:
        values: All values; NaN where there is none.
        column: The name of their column.

    Returns:
        `index_10` where none exceeds 10, `index_100` where none exceeds 100, `latency_100` where they lie
        around 100 (median 50 to 200) or the column says so, else `count`.
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return "index_100"
    highest, middle = values.max(), float(np.median(values))
    if "latency" in column or "rtt" in column:
        return "latency_100"
    if values.min() < 0:
        return "count"
    if highest <= 10:
        return "index_10"
    if highest <= 100:
        return "index_100"
    return "latency_100" if 50 <= middle <= 200 else "count"


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The rows of one file: `name_1` as region, `name_2` as place."""
    header, stretches = read_rows(stream)
    value = _value_column(header)
    if not _known(header) or value is None:
        raise ValueError("not a connectivity file: its first line has no name_1, time_e and value")

    def settle(sample: pa.Table) -> dict[str, object]:
        if not sample.num_rows or "value" not in sample.column_names:
            return {"unit": "index_100", "signal": "monash.connectivity", "step_seconds": 3600}
        unit = unit_of(sample.column("value").to_numpy(), header.names[value])
        keys = [name for name in ("country", "region", "place") if name in sample.column_names]
        time = sample.column("time").cast(pa.int64()).to_numpy()
        step = common.modal_step(common.series_numbers(sample, keys), time)
        signal = "monash.latency" if unit == "latency_100" else "monash.connectivity"
        return {"unit": unit, "signal": signal, "step_seconds": step}

    return common.settled((_parse(rows, header, value) for rows in stretches), file_id, settle)


def _parse(rows: Rows, header: Header, value: int) -> common.Parsed:
    parsed = common.parsed_rows(rows)
    columns = parsed.rows.columns
    if not columns:
        return parsed
    named = dict(zip(header.names, columns, strict=True))
    time = _time_column(header)
    iso = next((name for name in _COUNTRIES if name in named), None)
    parsed.columns["country"] = (
        pa.repeat(UNKNOWN, len(parsed)) if iso is None else common.countries(parsed, named[iso])
    )
    parsed.columns["region"] = common.names(parsed, named["name_1"], "region name", required=True)
    if "name_2" in named:
        parsed.columns["place"] = common.names(parsed, named["name_2"], "place name")
    parsed.columns["time"] = common.times(parsed, columns[time or 0])
    parsed.columns["value"] = common.numbers(parsed, columns[value], "value")
    return parsed
