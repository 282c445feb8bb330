"""Probes' clocks: reading their times, and telling those that cannot be right (trap X4)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa

from wallwatch.sources.ooni.remembered import Remembered

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
#: So many different times are remembered: sessions repeat, starts of measurements hardly.
_TIMES = 4_096
#: OONI's first measurements are of December 2012.
_EARLIEST = datetime(2012, 1, 1, tzinfo=UTC)
#: How far ahead of the collector a probe's clock may run before it is not trusted.
_AHEAD = timedelta(minutes=15)
#: Ahead by more than this is no confusion of time zones any more.
_ZONES = timedelta(hours=26)
#: A clock set to local time lags by the zone's offset; these offsets are in use (IANA time zone database).
_OFFSETS = tuple(timedelta(hours=h) for h in (*range(1, 13), 3.5, 4.5, 5.5, 5.75, 6.5, 9.5, 10.5))
_NEAR = timedelta(seconds=90)
_LEAST = min(_OFFSETS) - _NEAR

_LEADING = re.compile(
    r"^([0-9]{4})([0-9]{2})([0-9]{2})T?([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]{1,6}))?[Z_]"
)


@lru_cache(4_096)
def parse_time(text: str | None) -> datetime | None:
    """A time such as `2019-11-16 21:00:00`, also with T, Z, an offset or fractions; null where it is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


@lru_cache(4_096)
def leading_time(text: str | None) -> datetime | None:
    """The time that a report id (`20191116T210000Z_…`) or uid (`20191116210000.123456_…`) begins with."""
    match = _LEADING.match(text) if text else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    try:
        return datetime(
            year, month, day, hour, minute, second, int((match[7] or "0").ljust(6, "0")), tzinfo=UTC
        )
    except ValueError:
        return None


def to_microseconds(time: datetime | None) -> int | None:
    """Microseconds since 1970 of a time; null of null."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """A time given in microseconds since 1970, in UTC."""
    return _EPOCH + value * _MICROSECOND


def _stamped(text: str | None) -> tuple[int | None, str]:
    time = parse_time(text)
    if time is None or text is None:
        return None, "0" * 14
    if len(text) == 19 and text[4] == text[7] == "-" and text[13] == ":":
        stamp = text[:4] + text[5:7] + text[8:10] + text[11:13] + text[14:16] + text[17:]
    else:  # several times faster than `strftime`
        stamp = f"{time.year:04}{time.month:02}{time.day:02}{time.hour:02}{time.minute:02}{time.second:02}"
    return to_microseconds(time), stamp


#: Of a time as text the microseconds since 1970 in UTC, null where it is none; and its fourteen digits.
STAMPED: Remembered[str | None, tuple[int | None, str]] = Remembered(_stamped, _TIMES)
#: Of a report id or a uid the time that it begins with, in microseconds since 1970; null where there is none.
LEADING: Remembered[str | None, int | None] = Remembered(
    lambda text: to_microseconds(leading_time(text)), _TIMES
)


def clock_flags(
    times: Sequence[int | None] | pa.Array,
    starts: Sequence[int | None] | pa.Array,
    opened: Sequence[int | None] | pa.Array,
    received: Sequence[int | None] | pa.Array,
    runtimes: Sequence[float | None] | pa.Array,
    as_of: datetime,
) -> list[str | None]:
    """What `clock_flag` says of each of many measurements; times are microseconds since 1970."""
    numbers = [
        values if isinstance(values, pa.Array) else pa.array(values, pa.int64())
        for values in (times, starts, opened, received)
    ]
    (time, timed), (start, started), (open_, reported), (came, arrived) = (
        (found.fill_null(0).to_numpy(), found.is_valid().to_numpy(zero_copy_only=False)) for found in numbers
    )
    earliest, ahead, zones, least, latest = (
        length // _MICROSECOND
        for length in (_EARLIEST - _EPOCH, _AHEAD, _ZONES, _LEAST, as_of + _AHEAD - _EPOCH)
    )
    both = started & reported
    before = np.where(arrived, time - came, np.where(both, start - open_, 0))
    right = timed & (time >= earliest) & (time <= latest)
    early = right & (before > ahead)
    flags = np.full(len(times), None, object)
    flags[~timed] = "missing"
    flags[timed & (time < earliest)] = "before_2012"
    flags[(timed & (time > latest)) | (early & (before > zones))] = "future"
    flags[early & (before <= zones)] = "shifted"
    # What is left is a clock that may lag, which few do.
    for place in np.flatnonzero(right & ~early & both & (np.abs(open_ - start) >= least)).tolist():
        one, two, three, four = (
            None if (value := values[place].as_py()) is None else from_microseconds(value)
            for values in numbers
        )
        runtime = runtimes[place]
        took = runtime.as_py() if isinstance(runtime, pa.Scalar) else runtime
        flags[place] = clock_flag(one, two, three, four, took, as_of)
    found_flags: list[str | None] = flags.tolist()
    return found_flags


def clock_flag(
    time: datetime | None,
    test_start: datetime | None,
    opened: datetime | None,
    received: datetime | None,
    runtime: float | None,
    as_of: datetime,
) -> str | None:
    """Why the start time is not trusted: `missing`, `before_2012`, `future` or `shifted`; null when it is.

    Measurements may arrive days late, so a time long before the collector's is normal. A time after it is not.
    A clock that lags by a zone's offset looks like a late upload, except that the report was opened just
    that offset after the test began, and the measurement arrived just that offset after it was made: an
    upload that was merely late would hardly be late by whole hours twice.

    Args:
        time: When the measurement started, by the probe.
        test_start: When the test started, by the probe.
        opened: When the report was opened, by the collector (from the report id).
        received: When the measurement arrived, by the collector (from the uid).
        runtime: How long the measurement took, in seconds.
        as_of: No measurement can be later than this.
    """
    if time is None:
        return "missing"
    if time < _EARLIEST:
        return "before_2012"
    if time > as_of + _AHEAD:
        return "future"
    if received is not None:
        ahead = time - received
    elif opened is not None and test_start is not None:
        ahead = test_start - opened
    else:
        return None
    if ahead > _AHEAD:
        return "future" if ahead > _ZONES else "shifted"
    if opened is None or test_start is None:
        return None
    lag = opened - test_start
    if abs(lag) < _LEAST or not any(abs(lag - offset) <= _NEAR for offset in _OFFSETS):
        return None
    if received is not None:
        took = timedelta(seconds=min(max(runtime or 0.0, 0.0), 86_400.0))
        if abs((received - time - took) - lag) > _NEAR:
            return None
    return "shifted"
