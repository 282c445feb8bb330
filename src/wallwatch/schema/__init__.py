"""The tables: names, types, units, meanings and sources of every column, in one place."""

from wallwatch.schema.columns import Column, Table
from wallwatch.schema.history import DOUBTS, EVENTS, OUTAGES, SIGNALS, STATEMENTS
from wallwatch.schema.judgements import CELLS, VERDICTS
from wallwatch.schema.measurements import CONTROLS, FILES, MEASUREMENTS, OBSERVATIONS, QUARANTINE
from wallwatch.schema.revisions import PUBLICATIONS, REVISIONS
from wallwatch.schema.routes import ROUTES

#: Every table, in the order of the data's way.
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        FILES,
        QUARANTINE,
        MEASUREMENTS,
        OBSERVATIONS,
        CONTROLS,
        VERDICTS,
        CELLS,
        EVENTS,
        DOUBTS,
        SIGNALS,
        OUTAGES,
        STATEMENTS,
        PUBLICATIONS,
        REVISIONS,
        ROUTES,
    )
}

__all__ = [
    "CELLS",
    "CONTROLS",
    "DOUBTS",
    "EVENTS",
    "FILES",
    "MEASUREMENTS",
    "OBSERVATIONS",
    "OUTAGES",
    "PUBLICATIONS",
    "QUARANTINE",
    "REVISIONS",
    "ROUTES",
    "SIGNALS",
    "STATEMENTS",
    "TABLES",
    "VERDICTS",
    "Column",
    "Table",
]
