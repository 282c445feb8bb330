"""From columns of text to rows of `signals`: what the signal readers that read CSV have in common."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.schema import QUARANTINE, SIGNALS
from wallwatch.sources._countries import alpha_2
from wallwatch.sources._csv_blocks import Aside, Rows
from wallwatch.sources.batch import Batch

#: Rows that are looked at before a file's unit and step are settled; a longer file is settled by its beginning.
SAMPLE_ROWS = 1_000_000

#: The longest name of a region or place that is taken for one.
LONGEST_NAME = 200

_NUMBER = r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_NO_VALUE = ("", "nan", "na", "n/a", "null", "none", "-")
_TIME = (
    r"^(?P<day>\d{4}-\d\d-\d\d)(?:[T ](?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?:[.,]\d+)?)? ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?)?$"
)
_EARLIEST = 631_152_000  # 1990-01-01: nobody measured connectivity before
_LATEST = 4_102_444_800  # 2100-01-01
_MILLISECONDS = 1e11  # epoch numbers above it are milliseconds: as seconds they lie past the year 5000


def text(column: pa.Array) -> pa.Array:
    """Bytes as trimmed text; what is not UTF-8 is read as Windows-1252, as files of that age are."""
    encoded = column.dictionary_encode()
    words = pa.array([_word(value) for value in encoded.dictionary.to_pylist()], pa.string())
    return words.take(encoded.indices)


def _word(value: bytes) -> str:
    try:
        decoded = value.decode("utf-8")
    except UnicodeDecodeError:
        decoded = value.decode("cp1252", "backslashreplace")
    return unicodedata.normalize("NFC", decoded.strip())


@dataclass(slots=True)
class Parsed:
    """Rows under way: columns of `signals` as far as the file says them, and what is wrong with which row.

    Attributes:
        rows: The lines that they were read from.
        columns: Column name to an array of one item a row.
        wrong: Row to the reason why it is set aside.
    """

    rows: Rows
    columns: dict[str, pa.Array] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows.lines)

    def refuse(self, where: np.ndarray | pa.Array, reason: str, values: pa.Array | None = None) -> None:
        """Sets rows aside; `{}` in the reason stands for the row's value."""
        mask = where if isinstance(where, np.ndarray) else where.to_numpy(zero_copy_only=False)
        for row in np.flatnonzero(mask).tolist():
            shown = "" if values is None else repr(values[row].as_py())[:80]
            self.wrong.setdefault(row, reason.format(shown))


def numbers(parsed: Parsed, column: pa.Array, what: str) -> pa.Array:
    """Text as numbers; empty and NaN are null, what is neither is refused."""
    words = text(column)
    is_number = pc.match_substring_regex(words, _NUMBER)
    is_none = pc.is_in(pc.utf8_lower(words), value_set=pa.array(_NO_VALUE))
    values = pc.cast(pc.if_else(is_number, words, None), pa.float64())
    parsed.refuse(pc.invert(pc.or_(is_number, is_none)), f"{what} {{}} is not a number", words)
    infinite = pc.fill_null(pc.is_inf(values), False)
    parsed.refuse(infinite, f"{what} {{}} is too large", words)
    return pc.if_else(infinite, None, values)


def times(parsed: Parsed, column: pa.Array) -> pa.Array:
    """ISO 8601 (UTC where it names no zone) or epoch seconds or milliseconds as microseconds UTC."""
    words = text(column)
    epoch = pc.cast(pc.if_else(pc.match_substring_regex(words, _NUMBER), words, None), pa.float64())
    seconds = epoch.to_numpy(zero_copy_only=False)
    seconds = np.where(np.abs(seconds) > _MILLISECONDS, seconds / 1000, seconds)
    seconds = np.where(np.isnan(seconds), _iso_seconds(words), seconds)
    with np.errstate(invalid="ignore"):
        outside = (seconds < _EARLIEST) | (seconds > _LATEST)
    parsed.refuse(np.isnan(seconds), "time {} is neither ISO 8601 nor epoch seconds", words)
    parsed.refuse(outside, "time {} lies before 1990 or after 2100", words)
    micro = np.where(np.isnan(seconds) | outside, 0, np.round(seconds)).astype(np.int64) * 1_000_000
    return pa.array(micro).cast(pa.timestamp("us", tz="UTC"))


def _iso_seconds(words: pa.Array) -> np.ndarray:
    parts = pc.extract_regex(words, _TIME)

    def part(name: str) -> pa.Array:
        return pc.struct_field(parts, name)

    def whole(name: str) -> np.ndarray:
        found = part(name)
        number = pc.cast(pc.if_else(pc.equal(found, ""), None, found), pa.float64())
        filled: np.ndarray = np.nan_to_num(number.to_numpy(zero_copy_only=False))
        return filled

    day = pc.strptime(part("day"), format="%Y-%m-%d", unit="s", error_is_null=True)
    seconds = pc.cast(pc.cast(day, pa.int64()), pa.float64()).to_numpy(zero_copy_only=False)
    hour, minute, second = whole("hour"), whole("minute"), whole("second")
    valid = (hour < 24) & (minute < 60) & (second < 61)
    # strptime takes 30 February for 1 March; a date that does not come back as it went in is none
    again = pc.fill_null(pc.equal(pc.strftime(day, format="%Y-%m-%d"), part("day")), False)
    valid &= again.to_numpy(zero_copy_only=False)
    zones = part("zone").dictionary_encode()
    shifts = np.array([_zone_seconds(zone) for zone in zones.dictionary.to_pylist()] + [0.0])
    shift: np.ndarray = shifts[pc.fill_null(zones.indices, -1).to_numpy(zero_copy_only=False)]
    found: np.ndarray = np.where(valid, seconds + hour * 3600 + minute * 60 + second - shift, np.nan)
    return found


def _zone_seconds(zone: str) -> float:
    if not zone or zone in ("Z", "UTC"):
        return 0.0
    sign = -1.0 if zone[0] == "-" else 1.0
    return sign * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)


def names(parsed: Parsed, column: pa.Array, what: str, *, required: bool = False) -> pa.Array:
    """Names of regions, places or sources; empty is null, or refused where one is required."""
    words = text(column)
    empty = pc.equal(words, "")
    if required:
        parsed.refuse(empty, f"no {what}")
    parsed.refuse(
        pc.greater(pc.utf8_length(words), LONGEST_NAME), f"a {what} of more than {LONGEST_NAME} characters"
    )
    return pc.if_else(empty, None, words)


def countries(parsed: Parsed, column: pa.Array, *, required: bool = True) -> pa.Array:
    """ISO 3166-1 codes of two or three letters as two letters."""
    words = text(column)
    encoded = words.dictionary_encode()
    known = pa.array([alpha_2(code) for code in encoded.dictionary.to_pylist()], pa.string())
    found = known.take(encoded.indices)
    unknown = pc.is_null(found)
    if not required:
        unknown = pc.and_(unknown, pc.not_equal(words, ""))
    parsed.refuse(unknown, "{} is not an ISO 3166-1 country code", words)
    return found


def modal_step(series: np.ndarray, time: np.ndarray) -> int:
    """The most frequent positive difference of consecutive times within a series, in seconds; an hour where none.

    Args:
        series: A number for each row that says which series it is of.
        time: The row's time in microseconds.
    """
    order = np.lexsort((time, series))
    difference = np.diff(time[order]) // 1_000_000
    difference = difference[(np.diff(series[order]) == 0) & (difference > 0)]
    if not len(difference):
        return 3600
    found, count = np.unique(difference, return_counts=True)
    return int(found[count.argmax()])


def series_numbers(table: pa.Table, keys: Iterable[str]) -> np.ndarray:
    """A number for each row: equal where all the named columns are equal."""
    number = np.zeros(table.num_rows, np.int64)
    for key in keys:
        codes = table.column(key).combine_chunks().dictionary_encode(null_encoding="encode").indices
        indices = codes.to_numpy(zero_copy_only=False).astype(np.int64)
        _, number = np.unique(number * (int(indices.max(initial=0)) + 1) + indices, return_inverse=True)
    return number


#: Fills columns of `signals` that only the file as a whole can tell (unit, step); given a sample of its rows.
Settle = Callable[[pa.Table], dict[str, object]]


def settled(parsed: Iterable[Parsed], file_id: str, settle: Settle) -> Iterator[Batch]:
    """Batches of `signals` and `quarantine`.

    Args:
        parsed: The file's rows, in order.
        file_id: What the rows name the file by.
        settle: Called once with the first rows (at most about `SAMPLE_ROWS`); what it returns fills the
            columns that the rows leave out, by value, or by a function from table to column.
    """
    waiting: list[tuple[pa.Table, list[Aside], int]] = []
    count, filling = 0, None
    for some in parsed:
        waiting.append(_finish(some))
        count += waiting[-1][0].num_rows
        if filling is None and count < SAMPLE_ROWS:
            continue
        if filling is None:
            filling = settle(_joined(waiting))
        yield from (_batch(item, file_id, filling) for item in waiting)
        waiting = []
    if waiting:
        filling = settle(_joined(waiting)) if filling is None else filling
        yield from (_batch(item, file_id, filling) for item in waiting)


def _joined(items: list[tuple[pa.Table, list[Aside], int]]) -> pa.Table:
    tables = [table for table, _, _ in items if table.num_columns > 1]
    return pa.concat_tables(tables) if tables else pa.table({"line": pa.array([], pa.int64())})


def _finish(parsed: Parsed) -> tuple[pa.Table, list[Aside], int]:
    rows = parsed.rows
    wrong = sorted(parsed.wrong)
    aside = [Aside(int(rows.lines[i]), int(rows.offsets[i]), parsed.wrong[i], rows.excerpt(i)) for i in wrong]
    table = pa.table({"line": pa.array(rows.lines), **parsed.columns})
    if wrong:
        keep = np.ones(len(parsed), bool)
        keep[wrong] = False
        table = table.filter(pa.array(keep))
    return table, sorted([*rows.aside, *aside], key=lambda one: one.line), rows.size


def _batch(item: tuple[pa.Table, list[Aside], int], file_id: str, filling: dict[str, object]) -> Batch:
    table, aside, size = item
    tables: dict[str, pa.Table] = {}
    if table.num_rows:
        columns = {name: table.column(name).combine_chunks() for name in table.column_names}
        columns["file_id"] = _same(file_id, table.num_rows)
        for name, value in filling.items():
            made = value(table) if callable(value) else _same(value, table.num_rows)
            columns[name] = made if name not in columns else pc.coalesce(columns[name], made)
        tables["signals"] = SIGNALS.from_columns(
            {name: _plain(column, SIGNALS[name].type) for name, column in columns.items()}, table.num_rows
        )
    if aside:
        tables["quarantine"] = quarantine(aside, file_id)
    return Batch(tables, size)


def _same(value: object, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(value), rows)


def _plain(column: pa.Array, wanted: str) -> pa.Array:
    return column.dictionary_encode() if wanted == "label" else column


def quarantine(aside: Iterable[Aside], file_id: str) -> pa.Table:
    """Lines set aside as rows of `quarantine`."""
    return QUARANTINE.from_rows(
        {
            "file_id": file_id,
            "line": one.line,
            "byte_offset": one.byte_offset,
            "reason": one.reason,
            "excerpt": one.excerpt,
        }
        for one in aside
    )


def blank(rows: Rows) -> np.ndarray:
    """Which rows have nothing in any field: they are lines without data, not damage."""
    empty = np.ones(len(rows.lines), bool)
    for column in rows.columns:
        empty &= pc.equal(pc.binary_length(column), 0).to_numpy(zero_copy_only=False)
    return empty


def parsed_rows(rows: Rows) -> Parsed:
    """The rows that hold anything, ready to be parsed."""
    keep = ~blank(rows)
    if keep.all():
        return Parsed(rows)
    columns = [column.filter(pa.array(keep)) for column in rows.columns]
    return Parsed(
        Rows(columns, rows.lines[keep], rows.offsets[keep], rows.data, rows.start, rows.aside, rows.size)
    )
