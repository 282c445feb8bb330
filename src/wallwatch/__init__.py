"""Wallwatch: an observatory of internet restrictions.

Raw measurement files become observations (facts), verdicts (judgement), cells (state),
events and outages (history), and a report that says how each was judged.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from os import PathLike, environ
from typing import Any

# Arrow's own allocator keeps huge pages for tables that come and go, and clears them over and over: a hundred megabytes,
# and a twentieth of the time, while verdicts are written. What a person has set stays.
environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

try:
    __version__ = version("wallwatch")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"


def open(root: str | PathLike[str]) -> Any:  # noqa: A001 - `ww.open(...)` is what a person types
    """Opens a workspace in a notebook or script; see `wallwatch.notebook.Opened`.

    Raises:
        WallwatchError: The folder is not a workspace.
    """
    # Not imported above: every room imports this package, and none may import what lies above it.
    return import_module("wallwatch.notebook").open_workspace(root)


__all__ = ["__version__", "open"]
