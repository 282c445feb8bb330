"""Cells, blocking events and outages."""

from wallwatch.detect import by_country
from wallwatch.detect.by_country import events_and_doubts
from wallwatch.detect.cells import cells
from wallwatch.detect.cells import program as cells_program
from wallwatch.detect.events import in_order
from wallwatch.detect.explain import explain
from wallwatch.detect.find import claims
from wallwatch.detect.outages import outage_timeline, outages
from wallwatch.detect.outages_kinds import BESIDE, RULES, kind_rule
from wallwatch.detect.timeline import timeline

__all__ = [
    "BESIDE",
    "RULES",
    "by_country",
    "cells",
    "cells_program",
    "claims",
    "events_and_doubts",
    "explain",
    "in_order",
    "kind_rule",
    "outage_timeline",
    "outages",
    "timeline",
]
