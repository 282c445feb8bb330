"""Tests that provoke middleboxes: odd HTTP headers (ts-006) and broken request lines (ts-007)."""

from __future__ import annotations

from wallwatch.sources.ooni import http
from wallwatch.sources.ooni.envelope import Envelope
from wallwatch.sources.ooni.flatten import Flattener
from wallwatch.sources.ooni.nettests.base import Nettest, Outcome, named, standard
from wallwatch.sources.ooni.parts import Parts, Text

_HEADERS = "http_header_field_manipulation"
_LINES = "http_invalid_request_line"


class HeaderKeys(Parts, gc=False):
    """Test keys of the header test."""

    tampering: dict[str, bool | list[str] | str | None] | bool | None = None


class LineKeys(Parts, gc=False):
    """Test keys of the request-line test."""

    tampering: bool | list[bool | None] | None = None
    sent: list[Text | None] | None = None
    received: list[Text | None] | None = None
    failure_list: list[str | None] | None = None


def flatten_headers(flattener: Flattener, found: Envelope, keys: HeaderKeys) -> Outcome:
    """A step for each way in which headers were altered."""
    standard(flattener, found, keys)
    tampering = {"total": keys.tampering} if isinstance(keys.tampering, bool) else keys.tampering or {}
    for name, value in sorted(tampering.items()):
        flattener.step(f"tampering_{name}", value, target="headers")
    total = tampering.get("total")
    return Outcome(f"tampering={str(total).lower()}" if isinstance(total, bool) else None)


def flatten_lines(flattener: Flattener, found: Envelope, keys: LineKeys) -> Outcome:
    """A step for each line sent: whether it came back as it was; the probe's own flag is unreliable."""
    standard(flattener, found, keys)
    received, failures = keys.received or [], keys.failure_list or []
    for position, sent in enumerate(keys.sent or ()):
        failure = failures[position] if position < len(failures) else None
        came = received[position] if position < len(received) else None
        value = "no_answer" if failure is not None else _compared(http.decoded(sent), http.decoded(came))
        flattener.step("echoed_line", value, target="request_line", failure=failure)
    said = keys.tampering if isinstance(keys.tampering, bool) else None
    return Outcome(f"tampering={str(said).lower()}" if said is not None else None)


def _compared(sent: bytes | None, came: bytes | None) -> str:
    """How a line came back; one that was read only in part was not altered."""
    if not came:
        return "no_answer"
    if came == sent:
        return "same"
    return "cut" if (sent or b"").startswith(came) else "altered"


NETTESTS = (
    Nettest(_HEADERS, HeaderKeys, flatten_headers, named(_HEADERS)),
    Nettest(_LINES, LineKeys, flatten_lines, named(_LINES)),
)
