"""Hostile text made safe to show: in a terminal, in CSV, in a log line (trap X3)."""

from __future__ import annotations

import json
import re

# Controls (C0, C1, DEL), bidirectional overrides and isolates, zero-width characters, line and
# paragraph separators, interlinear marks and surrogates: all can change what a reader sees around them.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "|", "%")


def is_address(text: str) -> bool:
    """Whether an input is an address and not a path. Any scheme counts, so that odd ones are named as such."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]{1,20}://", text) is not None


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def safe_text(value: object, limit: int | None = None) -> str:
    """The value as text on one line, every control or direction-changing character spelled out.

    Args:
        value: Anything; `None` becomes an empty string.
        limit: The greatest number of characters; longer text ends in `…`.
    """
    if value is None:
        return ""
    text = _UNSAFE.sub(_escape, str(value))
    if limit is not None and len(text) > limit:
        return text[: max(limit - 1, 0)] + "…"
    return text


def safe_bytes(value: bytes, limit: int = 200) -> str:
    """The first `limit` bytes as safe text: undecodable bytes are spelled out."""
    return safe_text(value[:limit].decode("utf-8", "backslashreplace"))


def csv_text(value: object) -> str:
    """Safe text that no spreadsheet takes for a formula: a leading `'` disarms it (OWASP, CSV injection)."""
    text = safe_text(value)
    return "'" + text if text.startswith(_FORMULA) else text


def safe_json(value: object) -> str:
    """The value as JSON on one line; characters that could change what a reader sees stay escaped.

    Raises:
        TypeError: A value that JSON has no form for.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def quoted(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"
