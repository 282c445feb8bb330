"""Estimated daily users of the Tor network by country, from Tor Metrics.

Two layouts: `userstats-relay-country.csv` and `userstats-bridge-country.csv` (comments first, then
`date,country,users,lower,upper,frac`), and the older `clients.csv`
(`date,node,country,transport,version,lower,upper,clients,frac`). `lower` and `upper` are the range that the
source's own detector expects; `frac` is the percentage of relays or bridges that reported.

They are public aggregates by country and day, rounded by the source; they are kept as published.

    name       Tor Metrics, https://metrics.torproject.org/stats.html
    licence    CC0
    example    2019-11-16,ir,61043,48233,101255,82
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.sources import _signal_rows as common
from wallwatch.sources._countries import alpha_2
from wallwatch.sources._csv_blocks import Header, Rows, head_header, read_rows
from wallwatch.sources.batch import Batch

KIND = "signals.tor_users"

_DAY = 86_400
#: Two-letter codes that geolocation gives to what is no country (proxies, satellites, Europe, Asia-Pacific, other).
_NO_COUNTRIES = ("a1", "a2", "ap", "eu", "o1", "??")


def _known(header: Header) -> bool:
    names = set(header.names)
    return {"date", "country", "frac"} <= names and ("users" in names or {"node", "clients"} <= names)


def recognise(head: bytes) -> bool:
    """Whether its header has `date`, `country`, `frac` and either `users` or `node` and `clients`."""
    return _known(head_header(head, comment=b"#"))


def read(stream: BinaryIO, file_id: str) -> Iterator[Batch]:
    """The rows of one file; `??` and the total over all countries have no country."""
    peeked = _Peeked(stream)
    header, stretches = read_rows(peeked, comment=b"#")
    if not _known(header):
        raise ValueError(
            "not a Tor user file: it has no header with date, country, frac and users or clients"
        )
    kind = "tor.users"
    if b"userstats-bridge-country" in peeked.head:
        kind = "tor.users.bridge"
    elif b"userstats-relay-country" in peeked.head:
        kind = "tor.users.relay"
    filling = {"unit": "users", "step_seconds": _DAY}
    return common.settled(
        (_parse(rows, header, kind) for rows in stretches), file_id, lambda _: dict(filling)
    )


class _Peeked:
    """A stream that remembers its first bytes: the comments say which file it is."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.head = b""

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        data = self._stream.read(size)
        if not self.head:
            self.head = data[:4096]
        return data


def _parse(rows: Rows, header: Header, kind: str) -> common.Parsed:
    parsed = common.parsed_rows(rows)
    if not parsed.rows.columns:
        return parsed
    named = dict(zip(header.names, parsed.rows.columns, strict=True))
    found = parsed.columns
    found["time"] = common.times(parsed, named["date"])
    users = common.numbers(parsed, named["users" if "users" in named else "clients"], "number of users")
    found["value"] = users
    found["signal"] = pa.repeat(kind, len(parsed)) if "node" not in named else _signals(parsed, named)
    code = pc.utf8_lower(common.text(named["country"])).dictionary_encode()
    codes = code.dictionary.to_pylist()
    known = pa.array([None if c in _NO_COUNTRIES else alpha_2(c) for c in codes], pa.string())
    found["country"] = known.take(code.indices)
    nowhere = pa.array([c if c in _NO_COUNTRIES else None for c in codes], pa.string())
    found["region"] = nowhere.take(code.indices)
    wrong = pa.array([bool(c) and c not in _NO_COUNTRIES and alpha_2(c) is None for c in codes], pa.bool_())
    parsed.refuse(wrong.take(code.indices), "{} is not a country code", common.text(named["country"]))
    if {"lower", "upper"} <= set(named):
        lower = common.numbers(parsed, named["lower"], "lower bound")
        upper = common.numbers(parsed, named["upper"], "upper bound")
        below = pc.if_else(pc.less(users, lower), "below_expected", None)
        above = pc.if_else(pc.greater(users, upper), "above_expected", None)
        found["quality"] = pc.coalesce(below, above)
    return parsed


def _signals(parsed: common.Parsed, named: dict[str, pa.Array]) -> pa.Array:
    """`tor.users.<node>`, and the transport or IP version of rows that are a part of that."""
    node = common.names(parsed, named["node"], "node", required=True)
    signal = pc.binary_join_element_wise("tor.users", pc.fill_null(node, ""), ".")
    for part in ("transport", "version"):
        if part in named:
            word = common.names(parsed, named[part], part)
            joined = pc.binary_join_element_wise(signal, pc.fill_null(word, ""), ".")
            signal = pc.if_else(pc.is_null(word), signal, joined)
    return signal
