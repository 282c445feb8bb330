"""Plain lines of Web Connectivity, read into Arrow columns by the extension `_native` where it is installed.

It gives the rows that the reader in Python gives, and leaves every line to it that is odd in any way
(docs/decisions/native-reader.md). What texts mean, it asks here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from wallwatch.schema import Table
from wallwatch.schema.columns import TYPES
from wallwatch.sources.ooni import http
from wallwatch.sources.ooni.certificates import Leaf
from wallwatch.sources.ooni.clock import LEADING, STAMPED, to_microseconds
from wallwatch.sources.ooni.envelope import (
    UID,
    Envelope,
    envelope_arrays,
    made_id,
    probe_secret,
    shown_name,
    software,
)
from wallwatch.sources.ooni.flatten import LONGEST_TEXT, ech_word, engine_word
from wallwatch.sources.ooni.identity import Body, digest
from wallwatch.sources.ooni.known import Known
from wallwatch.sources.ooni.parts import Binary
from wallwatch.sources.ooni.remembered import ADDRESSES, ENDPOINTS, HOSTS, NETWORKS, URLS
from wallwatch.sources.ooni.rows import LAYER_NAMES, Rows, label, labels, spread
from wallwatch.sources.ooni.values import (
    address_kind,
    country_code,
    failure_word,
    port_number,
    resolver_kind,
)

try:
    from wallwatch.sources.ooni import _native
except ImportError:  # no compiler where Wallwatch was installed
    _native = None  # type: ignore[assignment]

#: The only test that it reads.
WEB = "web_connectivity"
#: Texts that are kept from one batch to the next.
_TEXTS = 300_000


def installed() -> bool:
    """Whether the extension is there, and not turned off by `WALLWATCH_NATIVE=0`."""
    return _native is not None and os.environ.get("WALLWATCH_NATIVE") != "0"


class Piece(NamedTuple):
    """Columns of some measurements that the extension has read.

    Attributes:
        who: One value a measurement: those of `Envelopes`, and `measurement`, its number in the batch.
        rows: Columns of observations, but for those of `who`, and `measurement`.
        controls: The same of what the helper saw.
    """

    who: dict[str, pa.Array]
    rows: dict[str, pa.Array]
    controls: dict[str, pa.Array]


class NativeReader:
    """Reads plain lines; keeps what it found out of texts between them, which never changes what is read.

    Args:
        known: What was found out of bodies, answers and certificates.
        texts: How many texts are kept from one batch to the next.

    Attributes:
        taken: How many lines it has read.
    """

    def __init__(self, known: Known, texts: int = _TEXTS) -> None:
        self._reader = _native.Reader(_works(known), texts)
        self.taken = self._waiting = 0

    def add(self, line: bytes, number: int, name: str | None) -> bool:
        """Reads a line, or leaves it to the reader in Python.

        Args:
            line: Without space around it.
            number: Of the measurement in the batch.
            name: The uid that its container gives it; null where it gives none.

        Returns:
            Whether it was read.
        """
        found: bool = self._reader.add(line, number, name if name and UID.match(name) else None)
        self._waiting += found
        return found

    def take(self) -> Piece | None:
        """What was read since the last time; null where that is nothing."""
        if not self._waiting:
            return None
        self.taken += self._waiting
        self._waiting = 0
        return Piece(
            *(
                {name: _array(size, *one) for name, one in columns.items()}
                for size, columns in self._reader.take()
            )
        )


def _works(known: Known) -> dict[str, Callable[..., Any]]:
    """What the extension asks of texts. Each answer depends on what it is asked about and nothing else."""
    matcher = known.matcher
    return {
        "address": ADDRESSES.__getitem__,
        "host_name": HOSTS.__getitem__,
        "address_kind": address_kind,
        "engine": engine_word,
        "ech": ech_word,
        "upper": str.upper,
        "cut_url": itemgetter(slice(LONGEST_TEXT)),
        "cut_server": itemgetter(slice(http.LONGEST_SERVER)),
        "helper_title": http.short_title,
        "country_code": country_code,
        "resolver_kind": resolver_kind,
        "shown_name": shown_name,
        "failure_word": lambda text: failure_word(text)[0],
        "failure_text": lambda text: failure_word(text)[1],
        "network_number": NETWORKS.__getitem__,
        "port_number": port_number,
        "leading": LEADING.__getitem__,
        "received": lambda uid: LEADING[uid] if UID.match(uid) else None,
        "stamped": lambda text: STAMPED[text][0],
        "is_secret": lambda text: int(probe_secret(Envelope(probe_ip=text)) is not None),
        "endpoint": ENDPOINTS.__getitem__,
        "url": URLS.__getitem__,
        "leaf": lambda text: _facts(known.leaves[text][0]),
        "answer_hits": known.answers.__getitem__,
        "software": lambda name, version: software((name, version)),
        "matches": lambda text, name: known.leaves[text][1][name],
        "layout": lambda names: _layout(known, names),
        "body": known.body,
        "from_base64": lambda text: http.decoded(Binary(data=text.decode())),
        "header_hits": matcher.match_header,
        "made_id": _made_id,
    }


def _facts(leaf: Leaf | None) -> tuple[Any, ...] | None:
    if leaf is None:
        return None
    return (
        leaf.sha256,
        leaf.subject,
        leaf.issuer,
        leaf.names,
        to_microseconds(leaf.not_before),
        to_microseconds(leaf.not_after),
        leaf.self_signed,
    )


def _layout(known: Known, names: tuple[str, ...]) -> tuple[Any, ...]:
    at = http.layout(names)
    return at.names, at.location, at.server, known.telling[at.lower]


def _made_id(
    time: str | None,
    stamp: str | None,
    country: str | None,
    line: bytes,
    bodies: Sequence[tuple[int, int, int, str | None]],
) -> str:
    """The id of a measurement that has none.

    Args:
        time: When it started, as written.
        stamp: The fourteen digits of that, where it is known that it is a time.
        country: As written.
        line: The line.
        bodies: Of each long body the place of its request, its begin and end, and its hash where it is known.
    """
    known = {request: sha256 for request, _, _, sha256 in bodies if sha256 is not None}
    places = [Body(request, start, end) for request, start, end, _ in bodies]
    return made_id(stamp or STAMPED[time][1], country, WEB, digest(line, places, known))


def _array(size: int, type_: str, nulls: int, given: bytes | None, data: Any) -> pa.Array:
    """A column as the extension gives it; without data all are null."""
    if data is None:
        return pa.nulls(size, TYPES[type_])
    valid = None if given is None else pa.py_buffer(given)
    if type_ == "string":
        return _strings(size, data, valid, nulls)
    if type_ == "label":
        codes, many, texts = data
        return labels(
            pa.Array.from_buffers(pa.int32(), size, [valid, pa.py_buffer(codes)], nulls),
            _strings(many, texts),
        )
    if type_ == "list<string>":
        ends, many, texts = data
        return pa.Array.from_buffers(
            TYPES[type_], size, [valid, pa.py_buffer(ends)], nulls, children=[_strings(many, texts)]
        )
    return pa.Array.from_buffers(TYPES[type_], size, [valid, pa.py_buffer(data)], nulls)


def _strings(
    size: int, data: tuple[bytes, bytes], valid: pa.Buffer | None = None, nulls: int = 0
) -> pa.Array:
    ends, texts = data
    return pa.StringArray.from_buffers(size, pa.py_buffer(ends), pa.py_buffer(texts), valid, nulls)


def _table(
    schema: Table, columns: Mapping[str, pa.Array], who: Mapping[str, pa.Array], extra: Mapping[str, str]
) -> pa.Table:
    measurement, size = columns["measurement"], len(columns["measurement"])
    nulls: dict[str, pa.Array] = {}
    arrays: list[pa.Array] = []
    for column in schema.columns:
        name, type_ = column.name, column.type
        if name in who:
            if type_ not in nulls:
                nulls[type_] = pa.nulls(size, TYPES[type_])
            arrays.append(spread(who[name], measurement, nulls[type_]))
        elif name == "layer":
            arrays.append(labels(columns[name], pa.array(LAYER_NAMES)))
        elif name in columns:
            found = columns[name]
            arrays.append(found if found.type == TYPES[type_] else found.view(TYPES[type_]))
        elif name in extra:
            arrays.append(label(extra[name], size))
        else:
            arrays.append(pa.nulls(size, TYPES[type_]))
    return pa.Table.from_arrays(arrays, schema=schema.arrow)


def together(
    parts: Sequence[pa.Array], order: np.ndarray[Any, Any], *, same_labels: bool = False
) -> pa.Array:
    """Arrays of one column one after the other, then brought into an order.

    Labels are numbered in the order in which they then come first, as where one reader read all of them.

    Args:
        parts: At least one.
        order: For each value of the result its place among all of them.
        same_labels: Whether the labels are the same in all parts, and stay as they are.
    """
    first = parts[0]
    if not pa.types.is_dictionary(first.type):
        return pa.concat_arrays(parts).take(pa.array(order))
    if same_labels:
        return labels(
            pa.concat_arrays([part.indices for part in parts]).take(pa.array(order)), first.dictionary
        )
    return (
        pa.concat_arrays([part.cast(pa.string()) for part in parts]).take(pa.array(order)).dictionary_encode()
    )


def joined(
    schema: Table,
    rows: Rows,
    pieces: Sequence[Mapping[str, pa.Array]],
    who: dict[str, pa.Array],
    extra: dict[str, str],
    size: int,
) -> tuple[pa.Table, np.ndarray[Any, Any]]:
    """Rows that were read here and there, in the order of their measurements, and how many each measurement has.

    Args:
        schema: `OBSERVATIONS` or `CONTROLS`.
        rows: Those that were read in Python.
        pieces: Columns of those that the extension has read.
        who: Columns with one value for each measurement of the batch.
        extra: Labels with one value for all rows.
        size: How many measurements there are.
    """
    parts = [_table(schema, columns, who, extra) for columns in pieces if len(columns["measurement"])]
    numbers = [columns["measurement"].to_numpy() for columns in pieces if len(columns["measurement"])]
    if not parts or rows.counts:
        found, counts = rows.table(schema, who, extra, size)
        if not parts:
            return found, counts
        if found.num_rows:
            parts.append(found)
            numbers.append(np.repeat(np.arange(size, dtype=np.int32), counts))
    numbered = np.concatenate(numbers)
    counts = np.bincount(numbered, minlength=size)
    if len(parts) == 1:
        return parts[0], counts
    order = np.argsort(numbered, kind="stable")
    same = {"layer", *who, *extra}
    return pa.Table.from_arrays(
        [
            together([part[name].combine_chunks() for part in parts], order, same_labels=name in same)
            for name in schema.names
        ],
        schema=schema.arrow,
    ), counts


def envelopes(piece: Piece, as_of: datetime) -> dict[str, pa.Array]:
    """What the measurements of a piece say of themselves, as `Envelopes.arrays` gives it."""
    return envelope_arrays({**piece.who, "nettest": label(WEB, len(piece.who["measurement"]))}, as_of)
