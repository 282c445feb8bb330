"""The live pages and the HTTP API over a workspace: read-only, on the loopback address unless told otherwise."""

from wallwatch.web import api
from wallwatch.web.app import create_app
from wallwatch.web.server import serve

__all__ = ["api", "create_app", "serve"]
