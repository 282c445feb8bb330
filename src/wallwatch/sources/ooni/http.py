"""HTTP exchanges: bodies, headers and titles in the forms that real probes wrote them."""

from __future__ import annotations

import base64
import binascii
import html
import re
from functools import lru_cache

import msgspec

from wallwatch.sources.ooni.parts import Binary, Got, Text

Header = tuple[str, str]

_AS_OBJECT = msgspec.json.Decoder(dict[str, Text | list[Text] | None])
_AS_LIST = msgspec.json.Decoder(list[list[Text]])
_SPACE = re.compile(r"\s+")
_TITLE_SEARCH = 262_144
_TITLE_LONGEST = 2_000


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


def headers(response: Got) -> list[Header]:
    """Names and values of the response's headers, from the list, or the object where there is no list."""
    listed = response.headers_list
    if listed:
        return [(as_text(pair[0]), as_text(pair[1])) for pair in listed if len(pair) == 2]
    raw = response.headers
    if raw is None or len(raw) <= 4:
        return []
    return other_forms(raw)


def other_forms(raw: msgspec.Raw) -> list[Header]:
    """Headers given as an object of texts, base64 objects or lists of these, or as a list of pairs."""
    try:
        found = _AS_OBJECT.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        try:
            return [(as_text(p[0]), as_text(p[1])) for p in _AS_LIST.decode(raw) if len(p) == 2]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return []
    result: list[Header] = []
    for name, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            result.append((name, "" if one is None else as_text(one)))
    return result


@lru_cache(65_536)
def header_names(names: tuple[str, ...]) -> str:
    """The names in lower case, sorted, each once, one space between."""
    return " ".join(sorted({name.lower() for name in names}))


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
        return _SPACE.sub(" ", html.unescape(text)).strip()[:200] or None
    return None
