"""Cells, blocking events and outages."""

from wallwatch.detect.by_country import Hands, events_and_doubts
from wallwatch.detect.cells import cells
from wallwatch.detect.explain import explain
from wallwatch.detect.find import claims
from wallwatch.detect.outages import outage_timeline, outages
from wallwatch.detect.outages_kinds import BESIDE, RULES, kind_rule
from wallwatch.detect.timeline import timeline

__all__ = [
    "BESIDE",
    "RULES",
    "Hands",
    "cells",
    "claims",
    "events_and_doubts",
    "explain",
    "kind_rule",
    "outage_timeline",
    "outages",
    "timeline",
]
