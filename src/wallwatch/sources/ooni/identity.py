"""A digest of a line that binds all of it, without hashing long bodies a second time."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa

from wallwatch.sources.ooni.parts import NO_JSON

#: Bytes from which a line is looked through for bodies …
LONG_LINE = 16_384
#: … and from which a body counts as one.
_LONG_BODY = 4_096


class _Got(msgspec.Struct, gc=False):
    body: msgspec.Raw = NO_JSON


class _Exchange(msgspec.Struct, gc=False):
    response: _Got | None = None


class _Keys(msgspec.Struct, gc=False):
    requests: list[_Exchange] | None = None


class _Line(msgspec.Struct, gc=False):
    test_keys: _Keys | None = None


_LINE = msgspec.json.Decoder(_Line)
_TEXT = msgspec.json.Decoder(str)
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)


class Body(NamedTuple):
    """Where a long body stands in a line.

    Attributes:
        request: Its place among the requests.
        start: Where the text with its quotes begins, in bytes …
        end: … and ends.
    """

    request: int
    start: int
    end: int


def long_bodies(line: bytes) -> list[Body]:
    """The long texts at `test_keys.requests[].response.body`, by place; none of short lines and odd shapes."""
    if len(line) < LONG_LINE:
        return []
    try:
        keys = _LINE.decode(line).test_keys
    except _UNREADABLE:
        return []
    if keys is None or not keys.requests:
        return []
    begin = pa.py_buffer(line).address
    found = []
    for place, exchange in enumerate(keys.requests):
        got = exchange.response
        if got is None or len(got.body) < _LONG_BODY:
            continue
        literal = memoryview(got.body)
        if literal[0] == 0x22:
            start = pa.py_buffer(got.body).address - begin
            found.append(Body(place, start, start + len(literal)))
    return found


def outside(line: bytes, bodies: Sequence[Body]) -> list[bytes]:
    """The pieces of a line before, between and behind the bodies."""
    pieces, at = [], 0
    for body in bodies:
        pieces.append(line[at : body.start])
        at = body.end
    pieces.append(line[at:])
    return pieces


def digest(line: bytes, bodies: Sequence[Body], known: Mapping[int, str]) -> str:
    """SHA-256 in hex of the line in which `sha256:` and the hash of its text stands for each long body.

    That is no JSON, so no other line has the same form. It is the same whether hashes are known or not.

    Args:
        line: The line.
        bodies: Those of `long_bodies`.
        known: By the place of its request a body's SHA-256 in hex, where it is known already.
    """
    if not bodies:
        return hashlib.sha256(line).hexdigest()
    pieces = outside(line, bodies)
    form = [pieces[0]]
    try:
        for body, piece in zip(bodies, pieces[1:], strict=True):
            sha256 = known.get(body.request) or _of_text(line[body.start : body.end])
            form += (b"sha256:", sha256.encode(), piece)
    except _UNREADABLE:  # a lone surrogate, for one
        return hashlib.sha256(line).hexdigest()
    return hashlib.sha256(b"".join(form)).hexdigest()


def _of_text(literal: bytes) -> str:
    return hashlib.sha256(_TEXT.decode(literal).encode()).hexdigest()
