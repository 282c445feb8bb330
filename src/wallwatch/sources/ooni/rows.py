"""Rows gathered measurement by measurement, turned into Arrow tables a stretch at a time.

The hot path of reading: what all layers have goes to one list of tuples, what a layer alone has to another;
what is known of the measurement is built once for it and spread over its rows by Arrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.schema import Table
from wallwatch.schema.columns import TYPES
from wallwatch.sources.ooni.certificates import Leaf
from wallwatch.sources.ooni.values import address_kind

DNS, TCP, TLS, QUIC, HTTP, STEP = range(6)
LAYER_NAMES = ("dns", "tcp", "tls", "quic", "http", "step")

#: The places of a tuple in `Rows.seen`; `measurement` and `layer` are numbers, for speed.
SEEN = (
    "measurement",
    "layer",
    "host",
    "ip",
    "port",
    "ip_network",
    "ip_network_name",
    "failure",
    "failure_text",
    "t_seconds",
    "duration_seconds",
    "depth",
    "transaction",
)
#: The places of a tuple in each list that belongs to a layer.
DNS_PLACES = (
    "dns_engine",
    "dns_query_type",
    "dns_resolver",
    "dns_answer_type",
    "dns_answer",
    "dns_rcode",
    "dns_ttl",
    "dns_fingerprint",
)
TLS_PLACES = (
    "tls_server_name",
    "tls_outer_server_name",
    "tls_ech",
    "tls_version",
    "tls_alpn",
    "tls_no_verify",
    "leaf",
    "tls_chain_length",
    "tls_matches_name",
    "read_bytes",
    "read_count",
    "write_bytes",
    "write_count",
)
#: The columns that a `leaf` (`certificates.Leaf`) stands for, and its attributes.
LEAF = (
    ("tls_certificate_sha256", "sha256"),
    ("tls_subject", "subject"),
    ("tls_issuer", "issuer"),
    ("tls_names", "names"),
    ("tls_not_before", "not_before"),
    ("tls_not_after", "not_after"),
    ("tls_self_signed", "self_signed"),
)
HTTP_PLACES = (
    "http_method",
    "http_url",
    "http_status",
    "http_body_length",
    "http_body_sha256",
    "http_body_truncated",
    "http_title",
    "http_location",
    "http_server",
    "http_header_names",
    "http_alpn",
    "http_fingerprint",
)
STEP_PLACES = ("step", "step_value", "step_number", "step_target")


class Rows:
    """Rows of one table, in the order in which they were added.

    Attributes:
        seen: For every row a tuple with the places of `SEEN`.
        dns: For each row of the layer, in the same order, a tuple with the places of `DNS_PLACES`;
            likewise `tls` (of TLS and QUIC rows together), `http` and `step`.
    """

    __slots__ = ("dns", "http", "seen", "step", "tls")

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.dns: list[tuple[Any, ...]] = []
        self.tls: list[tuple[Any, ...]] = []
        self.http: list[tuple[Any, ...]] = []
        self.step: list[tuple[Any, ...]] = []

    def table(self, table: Table, who: dict[str, pa.Array], extra: dict[str, pa.Array]) -> pa.Table:
        """The rows as an Arrow table.

        Args:
            table: `OBSERVATIONS` or `CONTROLS`.
            who: Columns with one value a measurement.
            extra: Columns of one value, for all rows.
        """
        size = len(self.seen)
        found = dict(zip(SEEN, zip(*self.seen, strict=True), strict=True)) if size else {}
        if not size:
            return table.empty()
        measurement = np.fromiter(found["measurement"], np.int64, size)
        layer = np.fromiter(found["layer"], np.int32, size)
        arrays: dict[str, pa.Array] = {}
        spread = pa.array(measurement)
        for name, values in who.items():
            arrays[name] = _spread(values, spread)
        for name, values in extra.items():
            arrays[name] = _spread(values, pa.array(np.zeros(size, np.int32)))
        arrays["obs"] = pa.array(_positions(measurement))
        arrays["layer"] = pa.DictionaryArray.from_arrays(pa.array(layer), pa.array(LAYER_NAMES))
        for name in SEEN[2:]:
            arrays[name] = column(table, name, found[name])
        arrays["ip_kind"] = _kinds(arrays["ip"])
        wanted = frozenset(table.names)
        for places, rows, codes in (
            (DNS_PLACES, self.dns, (DNS,)),
            (TLS_PLACES, self.tls, (TLS, QUIC)),
            (HTTP_PLACES, self.http, (HTTP,)),
            (STEP_PLACES, self.step, (STEP,)),
        ):
            if not rows:
                continue
            where = _where(layer, codes)
            for name, values in zip(places, zip(*rows, strict=True), strict=True):
                if name == "leaf":
                    arrays.update(_leaves(table, values, where))
                elif name in wanted:
                    arrays[name] = _spread(column(table, name, values), where)
        nulls = _Nulls(size)
        return pa.Table.from_arrays(
            [arrays[c.name] if c.name in arrays else nulls[c.type] for c in table.columns],
            schema=table.arrow,
        )

    def counts(self, measurements: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """How many rows each of so many measurements has."""
        which = np.fromiter(map(itemgetter(0), self.seen), np.int64, len(self.seen))
        return np.bincount(which, minlength=measurements)


class _Nulls(dict[str, pa.Array]):
    """A column of nulls for each type, made once: most columns of most rows are empty."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __missing__(self, type_: str) -> pa.Array:
        self[type_] = found = pa.nulls(self._size, TYPES[type_])
        return found


def column(table: Table, name: str, values: Sequence[Any]) -> pa.Array:
    """The values as an array of the column's type."""
    type_ = table[name].type
    if type_ == "label":
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, TYPES[type_])


def _spread(values: pa.Array, indices: pa.Array) -> pa.Array:
    if isinstance(values, pa.DictionaryArray):
        return pa.DictionaryArray.from_arrays(values.indices.take(indices), values.dictionary)
    return values.take(indices)


def _leaves(table: Table, values: Sequence[Leaf | None], where: pa.Array) -> dict[str, pa.Array]:
    """The columns of certificates, each certificate's values made once: the same few come again and again."""
    leaves = {id(leaf): leaf for leaf in values if leaf is not None}
    if not leaves:
        return {}
    codes = {key: code for code, key in enumerate(leaves)}
    places = pa.array([None if leaf is None else codes[id(leaf)] for leaf in values], pa.int32()).take(where)
    wanted = frozenset(table.names)
    found = {}
    for name, field in LEAF:
        if name in wanted:
            # No names are null, as no subject is.
            facts = [None if (value := getattr(leaf, field)) == () else value for leaf in leaves.values()]
            found[name] = _spread(column(table, name, facts), places)
    return found


def _positions(measurement: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Each row's position among the rows of its measurement; rows of one are adjacent."""
    size = len(measurement)
    starts = np.flatnonzero(np.r_[True, measurement[1:] != measurement[:-1]])
    lengths = np.diff(np.r_[starts, size])
    return (np.arange(size) - np.repeat(starts, lengths)).astype(np.int32)


def _where(layer: np.ndarray[Any, Any], codes: tuple[int, ...]) -> pa.Array:
    """For each row its position among the rows of these layers, null for the other rows."""
    chosen = layer == codes[0]
    for code in codes[1:]:
        chosen |= layer == code
    return pa.array(np.cumsum(chosen, dtype=np.int32) - 1, mask=~chosen)


def _kinds(ips: pa.Array) -> pa.Array:
    encoded = ips.dictionary_encode()
    kinds = pa.array([address_kind(ip) for ip in encoded.dictionary.to_pylist()], pa.string())
    return kinds.take(encoded.indices).dictionary_encode()


def label(value: str | None, size: int) -> pa.Array:
    """A label column with the same value in every row."""
    if value is None:
        return pa.nulls(size, TYPES["label"])
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([value]))


def integers(values: np.ndarray[Any, Any]) -> pa.Array:
    """An int32 column."""
    return pc.cast(pa.array(values), pa.int32())
