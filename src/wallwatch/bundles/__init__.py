"""Bundles of evidence: all that is needed to check one event, outage or measurement, in one file.

`make` gathers the raw lines, tries that the claim follows from them alone, and writes; `check` is the way back.
"""

from wallwatch.bundles.check import Report, verify
from wallwatch.bundles.make import Bundled, bundle, custody_key

__all__ = ["Bundled", "Report", "bundle", "custody_key", "verify"]
