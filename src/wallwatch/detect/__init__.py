"""Cells, blocking events and outages."""

from wallwatch.detect.cells import cells
from wallwatch.detect.events import events
from wallwatch.detect.explain import explain
from wallwatch.detect.find import claims
from wallwatch.detect.outages import outage_timeline, outages
from wallwatch.detect.timeline import timeline

__all__ = ["cells", "claims", "events", "explain", "outage_timeline", "outages", "timeline"]
