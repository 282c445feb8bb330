"""Cells, blocking events and outages."""

from wallwatch.detect.cells import cells
from wallwatch.detect.events import events
from wallwatch.detect.explain import explain
from wallwatch.detect.find import claims
from wallwatch.detect.outages import outage_timeline, outages
from wallwatch.detect.outages_kinds import BESIDE, RULES, kind_rule
from wallwatch.detect.timeline import timeline

__all__ = [
    "BESIDE",
    "RULES",
    "cells",
    "claims",
    "events",
    "explain",
    "kind_rule",
    "outage_timeline",
    "outages",
    "timeline",
]
