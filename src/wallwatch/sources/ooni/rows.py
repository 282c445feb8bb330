"""Rows gathered layer by layer, turned into Arrow tables a batch at a time.

The hot path of reading. A row is never put together in Python: what takes a decision is gathered in tuples, what is
only copied in whole columns, what is known of the measurement once for it; Arrow brings them into the order in which
they were added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.schema import Table
from wallwatch.schema.columns import TYPES
from wallwatch.sources.ooni.certificates import Leaf
from wallwatch.sources.ooni.values import address, address_kind, failure_word

DNS, TCP, TLS, QUIC, HTTP, STEP = range(6)
LAYER_NAMES = ("dns", "tcp", "tls", "quic", "http", "step")

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
#: Columns that more than one layer has. Besides, `failed` (the failure as written), `t` and `t0` (when it ended and
#: began, in seconds) stand for two columns each.
_SHARED = ("host", "ip", "port", "ip_network", "ip_network_name", "depth", "transaction")

_Integers = np.ndarray[Any, Any]


class Level:
    """Values of the same number of things.

    Attributes:
        rows: Values found one thing after the other, which are not in the columns yet.
        columns: Values by name, those of `rows` in the order of their places first.
    """

    __slots__ = ("_settled", "columns", "rows")

    def __init__(self, places: Sequence[str], columns: Sequence[str] = ()) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.columns: dict[str, list[Any]] = {name: [] for name in (*places, *columns)}
        self._settled = [self.columns[name] for name in places]

    def settle(self) -> None:
        """Brings the rows into the columns."""
        if self.rows:
            for settled, values in zip(self._settled, zip(*self.rows, strict=True), strict=True):
                settled.extend(values)
            self.rows.clear()

    def size(self) -> int:
        """How many things are in the columns."""
        return len(self._settled[0])


class Layer:
    """Rows of one layer, or of two that have the same columns.

    Attributes:
        codes: Which.
        rows: One thing a row.
        groups: Things that each stand for one row or several that follow each other; null where there are none.
        sizes: How many rows each of them stands for.
    """

    __slots__ = ("codes", "groups", "rows", "sizes")

    def __init__(self, codes: Sequence[int], rows: Level, groups: Level | None = None) -> None:
        self.codes, self.rows, self.groups = tuple(codes), rows, groups
        self.sizes: list[int] = []


class Mark(NamedTuple):
    """Where rows end: how many runs of them there are, and how much every level holds."""

    runs: int
    sizes: list[int]


class Rows:
    """Rows of one table.

    Attributes:
        keys: For each run of rows that one layer got at once, eight times the number of its measurement, and its layer.
        counts: How many rows each run has.
        repeated: Bytes of text that stand in more rows than the line has them, besides those that stand in all.
    """

    __slots__ = ("_layers", "_levels", "counts", "keys", "repeated")

    def __init__(self, *layers: Layer) -> None:
        self.keys: list[int] = []
        self.counts: list[int] = []
        self.repeated = 0
        self._layers = layers
        self._levels = [
            level for layer in layers for level in (layer.rows, layer.groups) if level is not None
        ]

    def settle(self) -> None:
        """Brings rows into columns: to be called now and then, while they still are in the processor's cache."""
        for level in self._levels:
            level.settle()

    def sizes(self) -> list[int]:
        """How much every level holds."""
        return [level.size() for level in self._levels]

    def mark(self) -> Mark:
        """Where the rows end by now."""
        return Mark(len(self.keys), [level.size() + len(level.rows) for level in self._levels])

    def since(self, mark: Mark) -> int:
        """How many rows came since."""
        return sum(self.counts[mark.runs :])

    def drop(self, mark: Mark) -> None:
        """Forgets the rows that came since; all must be in columns."""
        del self.keys[mark.runs :], self.counts[mark.runs :]
        for level, size in zip(self._levels, mark.sizes, strict=True):
            for values in level.columns.values():
                del values[size:]
        for layer in self._layers:
            if layer.groups is not None:
                del layer.sizes[layer.groups.size() :]

    def scrub(self, starts: Sequence[int], secret: str, shown: str) -> None:
        """Replaces an address in every text that came since `sizes` was asked."""
        for level, start in zip(self._levels, starts, strict=True):
            for values in level.columns.values():
                values[start:] = [_without(secret, shown, value) for value in values[start:]]

    def name(self, starts: Sequence[int], host: str) -> None:
        """Gives a name to the host of every row that came since and has none but its address."""
        for level, start in zip(self._levels, starts, strict=True):
            if (hosts := level.columns.get("host")) is not None:
                given = hosts[start:]
                # Names that were asked for have no address beside them; they are their own where they are one.
                addresses = level.columns["ip"][start:] if "ip" in level.columns else map(address, given)
                hosts[start:] = [
                    host if one is None or one == ip else one
                    for one, ip in zip(given, addresses, strict=True)
                ]

    def hide(self, starts: Sequence[int]) -> None:
        """Takes addresses out of the rows that came since."""
        secrets = self._addresses(starts)
        for level, start in zip(self._levels, starts, strict=True):
            for name in ("ip", "port", "ip_network", "ip_network_name"):
                if (values := level.columns.get(name)) is not None:
                    values[start:] = [None] * (len(values) - start)
            if (hosts := level.columns.get("host")) is not None:
                hosts[start:] = [None if one in secrets else one for one in hosts[start:]]
        for secret in sorted(secrets):
            self.scrub(starts, secret, "[bridge]")

    def _addresses(self, starts: Sequence[int]) -> set[str]:
        return {
            ip
            for level, start in zip(self._levels, starts, strict=True)
            for ip in level.columns.get("ip", ())[start:]
            if ip is not None
        }

    def table(
        self, table: Table, who: dict[str, pa.Array], extra: dict[str, str], measurements: int
    ) -> tuple[pa.Table, _Integers]:
        """The rows as an Arrow table, in the order of their turns, and how many each measurement has.

        Args:
            table: `OBSERVATIONS` or `CONTROLS`.
            who: Columns with one value a measurement.
            extra: Labels with one value for all rows.
            measurements: How many measurements there are.
        """
        runs, keys = np.array(self.counts, np.int64), np.array(self.keys, np.int64)
        codes, measurement = (np.repeat(of, runs).astype(np.int32) for of in (keys & 7, keys >> 3))
        size = len(codes)
        if not size:
            return table.empty(), np.zeros(measurements, np.int64)
        types = {column.name: column.type for column in table.columns}
        nulls = _Nulls(size)
        arrays: dict[str, pa.Array] = {}
        each = pa.array(measurement)
        for name, values in who.items():
            arrays[name] = spread(values, each, nulls[types[name]])
        for name, value in extra.items():
            arrays[name] = label(value, size)
        counts = np.bincount(measurement, minlength=measurements)
        arrays["obs"] = _positions(measurement, counts)
        arrays["layer"] = labels(pa.array(codes), pa.array(LAYER_NAMES))
        shared: dict[str, list[pa.Array]] = {name: [] for name in (*_SHARED, "failed", "t", "t0")}
        order = np.empty(size, np.int32)
        start = 0
        for layer in self._layers:
            here = codes == layer.codes[0]
            for code in layer.codes[1:]:
                here |= codes == code
            own = int(np.count_nonzero(here))
            if not own:
                continue
            elsewhere = ~here
            # For each row of the table its place in this layer, or that of the one before.
            places = np.cumsum(here, dtype=np.int32) - 1
            order[here] = np.arange(start, start + own, dtype=np.int32)
            start += own
            levels: list[tuple[Level, _Integers | None]] = [(layer.rows, None)]
            if layer.groups is not None:
                levels.append(
                    (layer.groups, np.repeat(np.arange(len(layer.sizes), dtype=np.int32), layer.sizes))
                )
            common: dict[str, pa.Array] = {}
            for level, group in levels:
                index = pa.array(places if group is None else group[places], mask=elsewhere)
                for name, values in level.columns.items():
                    if values[0] is None and values.count(None) == len(values):
                        continue
                    if name in shared:
                        found = _common(types, name, values)
                        common[name] = found if group is None else _take(found, pa.array(group))
                    elif name == "leaf":
                        arrays.update(_leaves(types, values, index, nulls))
                    elif name in types:
                        arrays[name] = spread(_array(types[name], values), index, nulls[types[name]])
            for name, parts in shared.items():
                parts.append(common[name] if name in common else pa.nulls(own, _type(types, name)))
        index = pa.array(order)
        for name, parts in shared.items():
            found = _take(pa.concat_arrays(parts), index)
            if name == "failed":
                arrays.update(_failures(found))
            elif name == "t":
                arrays["t_seconds"] = found
            elif name == "t0":
                arrays["duration_seconds"] = pc.subtract(arrays["t_seconds"], found)
            elif types[name] == "label":
                arrays[name] = found.dictionary_encode()
            else:
                arrays[name] = found
        arrays["ip_kind"] = _kinds(arrays["ip"])
        return pa.Table.from_arrays(
            [arrays[name] if name in arrays else nulls[type_] for name, type_ in types.items()],
            schema=table.arrow,
        ), counts


class _Nulls(dict[str, pa.Array]):
    """A column of nulls for each type, made once: most columns of most rows are empty."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __missing__(self, type_: str) -> pa.Array:
        self[type_] = found = pa.nulls(self._size, TYPES[type_])
        return found


def column(table: Table, name: str, values: Sequence[Any]) -> pa.Array:
    """The values as an array of the column's type; a number that the type cannot hold is null."""
    return _array(table[name].type, values)


def _array(type_: str, values: Sequence[Any]) -> pa.Array:
    if type_ == "label":
        return pa.array(values, pa.string()).dictionary_encode()
    try:
        return pa.array(values, TYPES[type_])
    except (pa.ArrowInvalid, OverflowError):
        if type_ not in ("int32", "int64"):
            raise
        bound = 1 << (31 if type_ == "int32" else 63)
        return pa.array([v if v is None or -bound <= v < bound else None for v in values], TYPES[type_])


def _type(types: dict[str, str], name: str) -> pa.DataType:
    """The type of a shared column while it is put together: labels are still texts."""
    if name in ("t", "t0"):
        return pa.float64()
    if name == "failed" or types[name] == "label":
        return pa.string()
    return TYPES[types[name]]


def _common(types: dict[str, str], name: str, values: Sequence[Any]) -> pa.Array:
    type_ = _type(types, name)
    return _array(types[name], values) if pa.types.is_integer(type_) else pa.array(values, type_)


def _failures(failed: pa.Array) -> dict[str, pa.Array]:
    """The columns `failure` and `failure_text` of failures as written."""
    encoded = failed.dictionary_encode()
    found = [failure_word(text) for text in encoded.dictionary.to_pylist()]
    words = _take(pa.array([word for word, _ in found], pa.string()), encoded.indices)
    texts = _take(pa.array([text for _, text in found], pa.string()), encoded.indices)
    return {"failure": words.dictionary_encode(), "failure_text": texts}


_UNCHECKED = pc.TakeOptions(boundscheck=False)


def _take(values: pa.Array, indices: pa.Array) -> pa.Array:
    """The values at these places, which are known to be there; null where a place is null."""
    return pc.call_function("array_take", [values, indices], _UNCHECKED)


def _take_lists(values: pa.ListArray, indices: pa.Array) -> pa.Array:
    """The same of lists, which Arrow takes value by value, ten times as slowly as their texts at once."""
    places = pc.fill_null(indices, 0).to_numpy()
    given = _take(values.is_valid(), indices).fill_null(False).to_numpy(zero_copy_only=False)
    ends = values.offsets.to_numpy()
    lengths = np.where(given, np.diff(ends)[places], 0)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    inner = np.repeat(ends[:-1][places] - offsets[:-1], lengths) + np.arange(offsets[-1], dtype=np.int32)
    return pa.ListArray.from_arrays(
        pa.array(offsets), _take(values.values, pa.array(inner)), mask=pa.array(~given)
    )


def labels(codes: pa.Array, names: pa.Array) -> pa.Array:
    """A label column of codes that are known to be those of the names."""
    return pa.DictionaryArray.from_arrays(codes, names, safe=False)


def spread(values: pa.Array, indices: pa.Array, nulls: pa.Array) -> pa.Array:
    """The values at these places; `nulls` where there are none at all, as in most columns of most batches."""
    if values.null_count == len(values):
        return nulls
    if isinstance(values, pa.DictionaryArray):
        return labels(_take(values.indices, indices), values.dictionary)
    return _take_lists(values, indices) if isinstance(values, pa.ListArray) else _take(values, indices)


def _leaves(
    types: dict[str, str], values: Sequence[Leaf | None], where: pa.Array, nulls: _Nulls
) -> dict[str, pa.Array]:
    """The columns of certificates, each certificate's values made once: the same few come again and again."""
    leaves = {id(leaf): leaf for leaf in values if leaf is not None}
    if not leaves:
        return {}
    codes = {key: code for code, key in enumerate(leaves)}
    places = _take(
        pa.array([None if leaf is None else codes[id(leaf)] for leaf in values], pa.int32()), where
    )
    found = {}
    for name, field in LEAF:
        if name in types:
            # No names are null, as no subject is.
            facts = [None if (value := getattr(leaf, field)) == () else value for leaf in leaves.values()]
            found[name] = spread(_array(types[name], facts), places, nulls[types[name]])
    return found


def _positions(measurement: _Integers, counts: _Integers) -> pa.Array:
    """Each row's position among the rows of its measurement; rows of one are adjacent."""
    starts = np.cumsum(counts) - counts
    return pa.array((np.arange(len(measurement)) - starts[measurement]).astype(np.int32))


def _kinds(ips: pa.Array) -> pa.Array:
    encoded = ips.dictionary_encode()
    kinds = pa.array([address_kind(ip) for ip in encoded.dictionary.to_pylist()], pa.string())
    return _take(kinds, encoded.indices).dictionary_encode()


def _without(secret: str, shown: str, value: Any) -> Any:
    """A value without an address."""
    if isinstance(value, str):
        return value.replace(secret, shown)
    if isinstance(value, Leaf):
        return value.without(secret, shown)
    return value


def label(value: str | None, size: int) -> pa.Array:
    """A label column with the same value in every row."""
    if value is None:
        return pa.nulls(size, TYPES["label"])
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(size, np.int32)), pa.array([value]))


def integers(values: np.ndarray[Any, Any]) -> pa.Array:
    """An int32 column."""
    return pc.cast(pa.array(values), pa.int32())
