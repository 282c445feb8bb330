"""An S3 API on loopback, for the tests of object storage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import moto.server
import pytest


@contextmanager
def object_store() -> Iterator[tuple[str, pytest.MonkeyPatch]]:
    """The address of a server of its own, with keys in the environment; and what else may be set there meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        server = moto.server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}", patch
        finally:
            server.stop()
