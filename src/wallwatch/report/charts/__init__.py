"""Charts as inline SVG: small, coloured by the page's style sheet, each with a title and a description.

A chart's meaning never rests on colour alone: how much is filled says how much was blocked, hatching says
too little to say, and an empty place says that there are no data.
"""

from wallwatch.report.charts import maps
from wallwatch.report.charts.bars import volume
from wallwatch.report.charts.heat import Hours, heat
from wallwatch.report.charts.lines import Series, lines, small_lines
from wallwatch.report.charts.states import state_bar
from wallwatch.report.charts.strips import Bin, Row, matrix, strip
from wallwatch.report.charts.svg import patterns

__all__ = [
    "Bin",
    "Hours",
    "Row",
    "Series",
    "heat",
    "lines",
    "maps",
    "matrix",
    "patterns",
    "small_lines",
    "state_bar",
    "strip",
    "volume",
]
