"""Probes' clocks: reading their times, and telling those that cannot be right (trap X4)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

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
