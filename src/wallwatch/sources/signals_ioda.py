"""Outage signals from IODA (Georgia Tech): answers of its API v2, `/v2/signals/raw/<type>/<code>`.

An answer is one JSON document: `{"data": [[{entityType, entityCode, entityName, entityFqid, datasource,
from, until, step, values: [...]}, …]], …}`. `values` has one item a bin of `step` seconds from `from`: a
number, null where there is none, or, for some datasources, an object: these are set aside, in one line a series.

    name       IODA, https://api.ioda.inetintel.cc.gatech.edu/v2/
    licence    see https://ioda.inetintel.cc.gatech.edu/
    example    /v2/signals/raw/country/IR?from=1573430400&until=1574208000&datasource=bgp
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
import numpy as np
import pyarrow as pa

from wallwatch._text import safe_bytes, safe_text
from wallwatch.schema import SIGNALS
from wallwatch.sources._countries import alpha_2
from wallwatch.sources._csv_blocks import Aside
from wallwatch.sources._signal_rows import quarantine
from wallwatch.sources.batch import Batch

KIND = "signals.ioda"

#: A larger answer is refused: the API's own limits keep answers far below it.
LARGEST = 256 << 20

_LARGEST_TIME = 4_102_444_800  # 2100-01-01


class _Series(msgspec.Struct, rename="camel"):
    entity_type: str
    entity_code: str
    datasource: str
    from_: int = msgspec.field(name="from")
    step: int
    values: list[Any]
    entity_name: str | None = None
    entity_fqid: str | None = None
    subtype: str | None = None
    attrs: dict[str, Any] | None = None


def recognise(head: bytes) -> bool:
    """Whether it is a JSON object that speaks of an `entityType` with a `datasource`."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return start in (b"{", b"[") and b'"entityType"' in head and b'"datasource"' in head


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The series of one answer; `line` is the position of the bin in the order of the document."""
    data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        reason = f"an answer of more than {LARGEST >> 20} MiB"
        yield Batch({"quarantine": quarantine([Aside(1, 0, reason, safe_bytes(data))], file_id)}, len(data))
        return
    try:
        document = msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        reason = f"not JSON: {error}"
        yield Batch({"quarantine": quarantine([Aside(1, 0, reason, safe_bytes(data))], file_id)}, len(data))
        return
    size, line = len(data), 1
    for raw in _flat(document.get("data") if isinstance(document, dict) else document):
        batch, used = _series(raw, file_id, line)
        yield Batch(batch, size)
        size, line = 0, line + max(used, 1)


def _flat(data: object) -> Iterator[object]:
    """Series in lists of lists, or in one list, or alone."""
    if isinstance(data, list):
        for item in data:
            if isinstance(item, list):
                yield from item
            else:
                yield item
    elif data is not None:
        yield data


def _series(raw: object, file_id: str, line: int) -> tuple[dict[str, pa.Table], int]:
    try:
        series = msgspec.convert(raw, _Series, strict=False)
        if not (0 < series.step <= 31 * 86_400 and 0 <= series.from_ <= _LARGEST_TIME):
            raise ValueError(f"step {series.step} or start {series.from_} out of range")
        where = _where(series)
    except (msgspec.ValidationError, ValueError) as error:
        aside = Aside(line, 0, f"series: {error}", safe_text(raw, 200))
        return {"quarantine": quarantine([aside], file_id)}, 1
    values = [_number(value) for value in series.values]
    odd = [i for i, value in enumerate(series.values) if value is not None and values[i] is None]
    kept = np.ones(len(values), bool)
    kept[odd] = False
    tables: dict[str, pa.Table] = {}
    rows = int(kept.sum())
    if rows:
        position = np.flatnonzero(kept)
        time = (series.from_ + position * series.step) * 1_000_000
        same: dict[str, object] = {"file_id": file_id, "unit": "count", "step_seconds": series.step, **where}
        columns: dict[str, pa.Array] = {
            name: _repeated(value, name, rows) for name, value in same.items() if value is not None
        }
        columns["line"] = pa.array(position + line)
        columns["time"] = pa.array(time).cast(pa.timestamp("us", tz="UTC"))
        columns["value"] = pa.array([values[i] for i in position.tolist()], pa.float64())
        tables["signals"] = SIGNALS.from_columns(columns, rows)
    if odd:
        first = odd[0]
        reason = f"{len(odd):,} of {len(values):,} values are not numbers"
        aside = Aside(line + first, 0, reason, safe_text(series.values[first], 200))
        tables["quarantine"] = quarantine([aside], file_id)
    return tables, len(values)


def _repeated(value: object, name: str, rows: int) -> pa.Array:
    column = pa.repeat(pa.scalar(value), rows)
    return column.dictionary_encode() if SIGNALS[name].type == "label" else column


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value) if abs(value) < 1e300 else float("inf")
    return number if np.isfinite(number) else None


def _where(series: _Series) -> dict[str, object]:
    """Country, region and network of a series, as far as its answer says them.

    Raises:
        ValueError: An entity of a kind that is not known here, or a code that is none.
    """
    kind, code = series.entity_type.lower(), series.entity_code.strip()
    name = safe_text(series.entity_name or code, 200)
    source = re.sub(r"[^a-z0-9.-]+", "-", series.datasource.lower())[:60]
    if series.subtype:
        source += "." + re.sub(r"[^a-z0-9.-]+", "-", series.subtype.lower())[:60]
    where: dict[str, object] = {"signal": f"ioda.{source}"}
    if kind == "country":
        where["country"] = alpha_2(code)
        if where["country"] is None:
            raise ValueError(f"{safe_text(code)!r} is not a country code")
    elif kind in ("region", "county"):
        where |= {"country": _country_of(series), "region": name}
    elif kind in ("asn", "geoasn"):
        number, _, place = code.upper().removeprefix("AS").partition("-")
        if not re.fullmatch(r"\d{1,10}", number) or not 0 < int(number) < 1 << 32:
            raise ValueError(f"{safe_text(code)!r} is not a network number")
        where |= {"network": int(number), "country": alpha_2(place) if place else _country_of(series)}
    elif kind == "continent":
        where["region"] = name
    else:
        raise ValueError(f"entities of type {safe_text(kind)!r} are not known here")
    return where


def _country_of(series: _Series) -> str | None:
    """The country in the answer's attributes, or in an id such as `geo.netacuity.AS.IR.123`."""
    for key in ("country_code", "fqid"):
        value = (series.attrs or {}).get(key)
        if key == "country_code" and isinstance(value, str) and alpha_2(value):
            return alpha_2(value)
    parts = (series.entity_fqid or str((series.attrs or {}).get("fqid") or "")).split(".")
    if len(parts) >= 4 and parts[0] == "geo" and re.fullmatch("[A-Z]{2}", parts[3]):
        return parts[3]
    return None
