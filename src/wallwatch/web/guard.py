"""What is refused before anything looks at a request, and what every answer says to browsers (trap X8)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wallwatch.report.environment import policy

_METHODS: Final = ("GET", "HEAD")
_LONGEST_PATH: Final = 1024
_LONGEST_QUERY: Final = 4096
_LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")

_ALWAYS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Guard:
    """Wraps an app: only reading, only under known names, nothing overlong; strict headers on every answer."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str]) -> None:
        """`hosts` are names beside those of the loopback address; `origins` may read the API from their pages."""
        self._app = app
        self._hosts = frozenset(host.lower() for host in (*_LOOPBACK, *hosts))
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers: dict[bytes, bytes] = dict(scope["headers"])
        embedded = scope["path"].startswith("/embed/")
        origin = headers.get(b"origin", b"").decode("latin-1")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name, value) for name, value in message["headers"] if name.lower() != b"server"]
                own += _ALWAYS
                frames = "*" if embedded else "'none'"
                own.append(
                    (
                        b"content-security-policy",
                        f"{policy(forms=not embedded)}; frame-ancestors {frames}".encode(),
                    )
                )
                if not embedded:
                    own.append((b"x-frame-options", b"DENY"))
                shared = b"cross-origin" if embedded or origin in self._origins else b"same-origin"
                own.append((b"cross-origin-resource-policy", shared))
                if origin and origin in self._origins:
                    own += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"vary", b"Origin")]
                message = {**message, "headers": own}
            await send(message)

        refused = self._refused(scope, headers)
        if refused:
            await _plain(answer, *refused)
        else:
            await self._app(scope, receive, answer)

    def _refused(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[int, str] | None:
        if scope["method"] not in _METHODS:
            return 405, "this server only reads: GET and HEAD"
        # A page elsewhere whose name is made to point here must not read a workspace (DNS rebinding).
        name = headers.get(b"host", b"").decode("latin-1").lower()
        name = name.rpartition(":")[0] if not name.endswith("]") and ":" in name else name
        if name not in self._hosts and "*" not in self._hosts:
            return 421, "unknown host name; name it with: wallwatch serve --host-name NAME"
        if len(scope["raw_path"]) > _LONGEST_PATH or len(scope["query_string"]) > _LONGEST_QUERY:
            return 414, "the address is too long"
        if headers.get(b"content-length", b"0") not in (b"0", b"") or b"transfer-encoding" in headers:
            return 413, "requests have no body here"
        return None


async def _plain(send: Any, status: int, words: str) -> None:
    body = json.dumps({"error": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"GET, HEAD"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
