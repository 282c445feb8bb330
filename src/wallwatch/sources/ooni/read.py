"""Lines of raw OONI measurements to rows of the tables: a typed fast way, a lenient way, or set aside."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from wallwatch._text import safe_bytes
from wallwatch.schema import CONTROLS, MEASUREMENTS, OBSERVATIONS, QUARANTINE
from wallwatch.sources.batch import Batch
from wallwatch.sources.ooni.envelope import MEASURED, WHO, Envelope, Envelopes, probe_secret
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.identity import LONG_LINE, Body, digest, long_bodies, outside
from wallwatch.sources.ooni.known import Known, Matcher, NoFingerprints
from wallwatch.sources.ooni.lenient import Lenient, coerce
from wallwatch.sources.ooni.native import WEB, NativeReader, Piece, envelopes, installed, joined, together
from wallwatch.sources.ooni.nettests import NO_OUTCOME, OTHER, Nettest, nettest
from wallwatch.sources.ooni.remembered import URLS
from wallwatch.sources.ooni.rows import integers
from wallwatch.sources.ooni.values import size as text_size
from wallwatch.sources.stretch import Aside, Line


class _Head(Lenient, gc=False):
    test_name: str | None = None


class UnreadableError(ValueError):
    """Why a line is set aside."""


#: Measurements whose parts are held before whole columns are made of them: few enough that they are still in the
#: processor's cache.
TOGETHER = 32

#: How many times a line's own length may be taken by texts that several of its rows repeat: real ones come to three. A
#: column of a batch, lines of 96 MB at most, then stays below the two gigabytes that Arrow's offsets can tell.
MOST_REPEATED = 20

_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
_HEAD = msgspec.json.Decoder(_Head)
_ANY = msgspec.json.Decoder()


class OONIReader:
    """Reads stretches of lines; keeps caches between them, which never change what is read.

    Args:
        as_of: No measurement can be later than this.
        matcher: What finds fingerprints; none are looked for without it.
        native: Whether plain lines are read by the extension; where not given, if it is installed. The rows are the same.

    Attributes:
        as_of: See above.
        known: What was found out before.
        native: What reads plain lines; null where the extension is not used.
    """

    def __init__(
        self, as_of: datetime, matcher: Matcher | None = None, *, native: bool | None = None
    ) -> None:
        self.as_of = as_of
        self.known = Known(matcher or NoFingerprints())
        self.native = NativeReader(self.known) if native or (native is None and installed()) else None
        self._reading: Gathered | None = None
        self._decoders: dict[str, tuple[Nettest, msgspec.json.Decoder[Any]]] = {}
        self._guess = WEB

    def read(self, lines: Iterable[Line], file_id: str) -> Batch:
        """The rows of some lines: each gives a measurement, a quarantine row, or is blank.

        Args:
            lines: In the order of the file.
            file_id: The file.
        """
        gathered = self.gather()
        gathered.add(lines, file_id)
        return gathered.batch()

    def gather(self) -> Gathered:
        """Takes lines of one file or several, and gives the rows of all in one batch."""
        return Gathered(self)

    def release(self, gathered: Gathered) -> None:
        """What was read for it by the extension is its own."""
        if self._reading is gathered:
            self._reading = None
            gathered.take()

    def _read(self, lines: Iterable[Line], into: Gathered, file_id: str) -> None:
        flattener, envelopes, numbers = into.flattener, into.envelopes, into.numbers
        native = self.native
        if native is not None and self._reading is not into:
            if self._reading is not None:
                self._reading.take()
            self._reading = into
        size = 0
        for number, offset, whole, name_given in lines:
            content = whole.strip()
            size += len(whole)
            if not content:
                continue
            if native is not None and self._guess == WEB and native.add(content, len(numbers), name_given):
                numbers.append(number)
                into.notes.append(None)
                continue
            own_notes: list[str] = []
            try:
                found = self._decode(content, own_notes)
            except UnreadableError as error:
                into.aside.append((file_id, number, offset, str(error), safe_bytes(content)))
                continue
            test, record = found.test, found.record
            keys = record.test_keys
            if keys is None:
                own_notes.append("test_keys: missing")
            flattener.start(
                len(numbers), URLS[record.input][0], test.redirects, own_notes, probe_secret(record)
            )
            outcome = test.flatten(flattener, record, keys) if keys is not None else NO_OUTCOME
            target = test.target(record, keys)
            repeated = flattener.repeats(_everywhere(record, target))
            if repeated > MOST_REPEATED * len(content):
                flattener.drop()
                reason = f"its rows would repeat far more text than it has: {repeated / 1e6:,.1f} MB"
                into.aside.append((file_id, number, offset, reason, safe_bytes(content)))
                continue
            flattener.finish()
            envelopes.add(
                record,
                record.test_name or "unknown",
                target,
                name_given,
                partial(_digest, found, flattener.hashes),
                outcome.control_failure,
                outcome.peer_verdict,
            )
            record.test_keys = None
            into.notes.append(own_notes or None)
            into.slowly.append(len(numbers))
            numbers.append(number)
            if len(into.slowly) % TOGETHER == 0:
                flattener.complete()
                envelopes.settle()
        into.size += size

    def _decode(self, content: bytes, notes: list[str]) -> _Found:
        """The measurement.

        Raises:
            UnreadableError: It is none.
        """
        bodies = long_bodies(content) if len(content) >= LONG_LINE else []
        test, decoder = self._decoder(self._guess)
        try:
            record = decoder.decode(content)
        except _UNREADABLE:
            record = None
        # Decoding passes over fields that are not needed, so the whole line is checked, except for the
        # bodies, which have been decoded.
        if not content.isascii() and not (
            bodies and record is not None and all(map(bytes.isascii, outside(content, bodies)))
        ):
            _check_utf8(content)
        if record is not None and (record.test_name or "unknown") == self._guess:
            return _Found(test, record, content, bodies, True)
        return self._decode_slowly(content, bodies, notes)

    def _decode_slowly(self, content: bytes, bodies: list[Body], notes: list[str]) -> _Found:
        try:
            name = _HEAD.decode(content).test_name
        except _UNREADABLE:
            name = None
        if name:
            self._guess = name
            test, decoder = self._decoder(name)
            try:
                return _Found(test, decoder.decode(content), content, bodies, True)
            except _UNREADABLE:
                pass
        value = _any_json(content)
        if isinstance(value, dict) and "test_keys" not in value and isinstance(value.get("content"), dict):
            content = msgspec.json.encode(value["content"])
            return self._decode(content, notes)
        if not isinstance(value, dict):
            raise UnreadableError("JSON, but not an object")
        if not looks_like_measurement(value):
            raise UnreadableError("a JSON object, but not a measurement: it has no test_name")
        name = value.get("test_name")
        test, _ = self._decoder(name if isinstance(name, str) else "unknown")
        return _Found(test, coerce(value, test.record, notes), content, bodies, False)

    def _decoder(self, name: str) -> tuple[Nettest, msgspec.json.Decoder[Any]]:
        found = self._decoders.get(name)
        if found is None:
            test = nettest(name)
            found = test, msgspec.json.Decoder(test.record)
            if test is OTHER and len(self._decoders) > 256:
                return found
            self._decoders[name] = found
        return found


class Gathered:
    """What was read of one file or several and is not a batch yet.

    Args:
        reader: Reads the lines.

    Attributes:
        flattener: Holds rows.
        envelopes: Hold what measurements say of themselves.
        notes: What was repaired, by measurement.
        numbers: The line of each measurement.
        slowly: Which measurements were read in Python.
        aside: What was set aside: file, line, byte offset, reason, excerpt.
        size: Bytes of lines.
    """

    def __init__(self, reader: OONIReader) -> None:
        self._reader = reader
        self.flattener = Flattener(reader.known)
        self.envelopes = Envelopes(reader.as_of)
        self.notes: list[list[str] | None] = []
        self.numbers: list[int] = []
        self.slowly: list[int] = []
        self._pieces: list[Piece] = []
        self.aside: list[tuple[str, int, int, str, str]] = []
        self.size = 0
        self._files: list[tuple[str, int]] = []

    def add(self, lines: Iterable[Line], file_id: str, refused: Sequence[Aside] = ()) -> None:
        """Reads lines.

        Args:
            lines: In the order of the file.
            file_id: The file.
            refused: What its container could not give, looked at once the lines are used up.
        """
        before, aside = len(self.numbers), len(self.aside)
        with _uncollected():
            self._reader._read(lines, self, file_id)
        if refused:
            self.aside += [(file_id, a.number, a.offset, a.reason, safe_bytes(a.excerpt)) for a in refused]
            self.aside[aside:] = sorted(self.aside[aside:], key=itemgetter(1, 2))
        self._files.append((file_id, len(self.numbers) - before))

    def take(self) -> None:
        """Takes over what the extension has read for it."""
        if self._reader.native is not None and (piece := self._reader.native.take()) is not None:
            self._pieces.append(piece)

    def batch(self) -> Batch:
        """The rows of all, file by file in the order in which they were added."""
        tables: dict[str, pa.Table] = {}
        with _uncollected():
            self.flattener.complete()
            if self.numbers:
                self._reader.release(self)
                tables = self._tables()
            if self.aside:
                tables["quarantine"] = set_aside(self.aside)
        return Batch(tables, self.size)

    def _tables(self) -> dict[str, pa.Table]:
        size, pieces, flattener = len(self.numbers), self._pieces, self.flattener
        ids = list(dict.fromkeys(file_id for file_id, _ in self._files))
        places = {file_id: place for place, file_id in enumerate(ids)}
        codes = np.repeat(
            [places[file_id] for file_id, _ in self._files], [count for _, count in self._files]
        )
        said = self._envelopes()
        shared = {
            "file_id": pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), ids),
            "line": pa.array(self.numbers, pa.int64()),
            **{name: said[name] for name in WHO},
        }
        tables, counts = {}, {}
        for schema, rows, origin, columns in (
            (OBSERVATIONS, flattener.rows, {}, [piece.rows for piece in pieces]),
            (
                CONTROLS,
                flattener.controls,
                {"control_origin": "test_helper"},
                [piece.controls for piece in pieces],
            ),
        ):
            found, counts[schema.name] = joined(schema, rows, columns, shared, origin, size)
            if found.num_rows:
                tables[schema.name] = found
        measurements = MEASUREMENTS.from_columns(
            {
                **shared,
                **{name: said[name] for name in MEASURED},
                "observations": integers(counts[OBSERVATIONS.name]),
                "controls": integers(counts[CONTROLS.name]),
                "notes": pa.array(self.notes, pa.list_(pa.string())),
            },
            size,
        )
        return {MEASUREMENTS.name: measurements, **tables}

    def _envelopes(self) -> dict[str, pa.Array]:
        """What all measurements say of themselves, in their order."""
        as_of = self._reader.as_of
        parts = [envelopes(piece, as_of) for piece in self._pieces]
        if self.slowly:
            parts.append(self.envelopes.arrays())
        if len(parts) == 1:
            return parts[0]
        numbers = [piece.who["measurement"].to_numpy() for piece in self._pieces]
        order = np.argsort(np.concatenate([*numbers, np.array(self.slowly, np.int32)]), kind="stable")
        return {name: together([part[name] for part in parts], order) for name in parts[0]}


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the collector away: rows are many small things without cycles, which it would walk again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            if not gc.get_freeze_count():
                # Without it being walked, what is there by now becomes old, which is looked at seldom.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class _Found(NamedTuple):
    """A line's measurement, its long bodies, and whether its parts are all and as they stand in the line."""

    test: Nettest
    record: Any
    content: bytes
    bodies: list[Body]
    straight: bool


def _everywhere(record: Envelope, target: str) -> int:
    """Bytes of the texts that stand in each row of a measurement."""
    texts = (
        record.input,
        target,
        # Where there is no session, one is made of the software's name.
        record.report_id or (record.software_name or "") + (record.software_version or ""),
        record.measurement_uid,
        record.probe_id,
    )
    return sum(map(text_size, texts))


def _digest(found: _Found, hashes: dict[int, str]) -> str:
    """The digest of a line whose bodies were hashed already, by the `id` of their responses."""
    known = {}
    if found.straight and found.record.test_keys is not None:
        requests = found.record.test_keys.requests
        for body in found.bodies:
            if (sha256 := hashes.get(id(requests[body.request].response))) is not None:
                known[body.request] = sha256
    return digest(found.content, found.bodies, known)


def _check_utf8(content: bytes) -> None:
    """Passes where the line is UTF-8.

    Raises:
        UnreadableError: It is not UTF-8.
    """
    if len(content) >= LONG_LINE:
        # Arrow checks three times as fast as Python decodes.
        ends = pa.array([0, len(content)], pa.int32()).buffers()[1]
        try:
            pa.StringArray.from_buffers(1, ends, pa.py_buffer(content)).validate(full=True)
            return
        except pa.ArrowInvalid:
            pass  # Python says where
    try:
        content.decode()
    except UnicodeDecodeError as error:
        raise UnreadableError(f"not valid UTF-8 at byte {error.start} of the line") from None


def looks_like_measurement(value: dict[str, Any]) -> bool:
    """Whether a JSON object is a measurement: it names its test, or has two other keys of every measurement."""
    if isinstance(value.get("test_name"), str) and value["test_name"]:
        return True
    return (
        sum(key in value for key in ("test_keys", "report_id", "probe_cc", "probe_asn", "software_name")) >= 2
    )


def _any_json(content: bytes) -> Any:
    """Any JSON, also with what strict readers refuse: lone surrogates, NaN, huge numbers.

    Raises:
        UnreadableError: It is none.
    """
    try:
        return _ANY.decode(content)
    except _UNREADABLE as error:
        first = str(error)
    if "recursion" in first:
        raise UnreadableError("JSON nested too deeply")
    try:
        text = content.decode()
        return _without_surrogates(json.loads(text, parse_int=_whole, parse_constant=lambda name: None))
    except (ValueError, RecursionError, OverflowError):
        raise UnreadableError(f"not valid JSON: {first}") from None


def _whole(digits: str) -> int | None:
    return int(digits) if len(digits) < 19 else None


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def set_aside(rows: Sequence[tuple[str, int, int, str, str]]) -> pa.Table:
    """Quarantine rows of (file id, line, byte offset, reason, excerpt)."""
    ids, lines, offsets, reasons, excerpts = (list(values) for values in zip(*rows, strict=True))
    return QUARANTINE.from_columns(
        {"file_id": ids, "line": lines, "byte_offset": offsets, "reason": reasons, "excerpt": excerpts},
        len(rows),
    )
