"""How it is done: the way of the data, the words, the rules, the limits."""

from __future__ import annotations

from typing import Any

from wallwatch.detect.episodes import ENOUGH
from wallwatch.judge.rules import RULES
from wallwatch.report.facts import FEW_SESSIONS
from wallwatch.report.findings import SURE
from wallwatch.schema import words


def context() -> dict[str, Any]:
    """What `method.html` shows."""
    return {
        "states": words.STATES,
        "mechanisms": words.MECHANISMS,
        "loci": words.LOCI,
        "evidence": words.EVIDENCE,
        "layers": words.LAYERS,
        "event_kinds": words.EVENT_KINDS,
        "outage_kinds": words.OUTAGE_KINDS,
        "rules": RULES,
        "enough": ENOUGH,
        "few": FEW_SESSIONS,
        "sure": SURE,
    }
