"""Wallwatch: an observatory of internet restrictions.

Raw measurement files become observations (facts), verdicts (judgement), cells (state),
events and outages (history), and a report that says how each was judged.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("wallwatch")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
