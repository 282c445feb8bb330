"""HTTP exchanges: bodies, headers and titles in the forms that real probes wrote them."""

from __future__ import annotations

import base64
import binascii
import html
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import msgspec

from wallwatch.sources.ooni.parts import Binary, Got, Text

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_AS_TEXTS = msgspec.json.Decoder(dict[str, str])
_AS_OBJECT = msgspec.json.Decoder(dict[str, Text | list[Text] | None])
_AS_LIST = msgspec.json.Decoder(list[list[Text]])
_TITLE_SEARCH = 262_144
_TITLE_LONGEST = 2_000
#: Characters of a server's name for itself.
LONGEST_SERVER = 300


def decoded(value: Text | None) -> bytes:
    """The bytes of a text or of a base64 object; broken base64 gives the text itself, so nothing is lost."""
    if value is None:
        return b""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return _from_base64(value)


def _from_base64(value: Binary) -> bytes:
    text = value.data or ""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return text.encode("utf-8", "surrogatepass")


def as_text(value: Text) -> str:
    """A header's value as text; bytes that are no UTF-8 as Latin-1 (RFC 9110, 5.5)."""
    if isinstance(value, str):
        return value
    raw = _from_base64(value)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def headers(response: Got) -> tuple[tuple[str, ...], list[Text]]:
    """Names and values of the response's headers, from the list, or the object where there is no list."""
    listed = response.headers_list
    if not listed:
        return other_forms(response.headers)
    try:
        names = tuple([pair[0] for pair in listed])
        values = [pair[1] for pair in listed]
    except IndexError:
        listed = [pair for pair in listed if len(pair) >= 2]
        names, values = tuple([pair[0] for pair in listed]), [pair[1] for pair in listed]
    return _as_texts(names), values


def _as_texts(names: tuple[Text, ...]) -> tuple[str, ...]:
    for name in names:
        if not isinstance(name, str):
            return tuple(as_text(one) for one in names)
    return cast(tuple[str, ...], names)


def other_forms(raw: msgspec.Raw) -> tuple[tuple[str, ...], list[Text]]:
    """Headers given as an object of texts, base64 objects or lists of these, or as a list of pairs."""
    if len(raw) <= 4:  # nothing, `{}`, `[]` or `null`
        return (), []
    try:
        simple = _AS_TEXTS.decode(raw)
        return tuple(simple), list(simple.values())
    except _UNREADABLE:
        pass
    try:
        found = _AS_OBJECT.decode(raw)
    except _UNREADABLE:
        try:
            pairs = [pair for pair in _AS_LIST.decode(raw) if len(pair) >= 2]
        except _UNREADABLE:
            return (), []
        return _as_texts(tuple([pair[0] for pair in pairs])), [pair[1] for pair in pairs]
    names: list[str] = []
    values: list[Text] = []
    for name, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            names.append(name)
            values.append("" if one is None else one)
    return tuple(names), values


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are among a response's headers, known from their names alone.

    Attributes:
        names: The names in lower case, sorted, each once, one space between.
        location: The place of the `Location` header; -1 where there is none.
        server: The place of the `Server` header; -1 where there is none.
        lower: Each name in lower case.
    """

    names: str
    location: int
    server: int
    lower: tuple[str, ...]


@lru_cache(65_536)
def layout(names: tuple[str, ...]) -> Layout:
    """The layout of headers with these names, in their order; servers send the same sets again and again."""
    lower = tuple(name.lower() for name in names)
    return Layout(
        " ".join(sorted(set(lower))),
        lower.index("location") if "location" in lower else -1,
        lower.index("server") if "server" in lower else -1,
        lower,
    )


def short_title(text: str) -> str | None:
    """A title as the helper gives it, without space around it, at most 200 characters."""
    return text.strip()[:200] or None


def title(body: bytes) -> str | None:
    """The text of the first title element, at most 200 characters; looked for in the first 256 KiB."""
    for opening, closing in ((b"<title", b"</title"), (b"<TITLE", b"</TITLE"), (b"<Title", b"</Title")):
        start = body.find(opening, 0, _TITLE_SEARCH)
        if start < 0:
            continue
        start = body.find(b">", start, start + _TITLE_LONGEST) + 1
        if start == 0:
            continue
        end = body.find(closing, start, start + _TITLE_LONGEST)
        text = body[start : end if end >= 0 else start + 800].decode("utf-8", "replace")
        return " ".join(html.unescape(text).split())[:200] or None
    return None
