"""Running the application: on the loopback address, with limits on what a client may hold (trap X8)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from wallwatch.web.app import create_app

#: Seconds within which a request must have come in whole.
PATIENCE: Final = 15.0

#: Requests under way at once; more are answered with 503.
AT_ONCE: Final = 64


class Impatient(H11Protocol):
    """Closes connections whose request does not come in time: a slow client holds nothing for long."""

    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the clock."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(PATIENCE, self._give_up)

    def handle_events(self) -> None:
        """Stops the clock once a request is there."""
        super().handle_events()
        if self.scope is not None and self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clock."""
        if self._waiting is not None:
            self._waiting.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        self.transport.close()


class Running:
    """One server, which can be stopped from another thread."""

    def __init__(
        self, root: Path, *, host: str, port: int, hosts: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> None:
        """See `serve`."""
        config = uvicorn.Config(
            create_app(root, hosts=hosts, origins=origins),
            host=host,
            port=port,
            http=Impatient,
            ws="none",
            log_level="warning",
            access_log=False,  # who asked for what is nobody's business
            server_header=False,
            limit_concurrency=AT_ONCE,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=16_384,
            proxy_headers=False,
        )
        self._server = _Server(config)

    def run(self, started: Callable[[str], None] | None = None) -> None:
        """Serves until it is stopped or interrupted; calls `started` with the address once it listens."""
        self._server.tell = started
        self._server.run()

    def stop(self) -> None:
        """Ends it soon."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    tell: Callable[[str], None] | None = None

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.tell is not None and self.started:
            bound = self.servers[0].sockets[0].getsockname()
            name = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
            self.tell(f"http://{name}:{bound[1]}/")


def serve(
    root: Path,
    *,
    host: str,
    port: int,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
    started: Callable[[str], None] | None = None,
) -> None:
    """Serves a workspace until it is interrupted.

    Args:
        root: The workspace.
        host: The address to listen on.
        port: The port; 0 for any that is free.
        hosts: Names under which it may be asked, beside those of the loopback address.
        origins: Origins whose pages may read the API.
        started: Called with the address once it listens.

    Raises:
        WallwatchError: The folder is no workspace.
    """
    Running(root, host=host, port=port, hosts=hosts, origins=origins).run(started)
