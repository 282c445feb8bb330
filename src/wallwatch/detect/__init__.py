"""Cells, blocking events and outages."""

from wallwatch.detect.outages import outage_timeline, outages

__all__ = ["outage_timeline", "outages"]
