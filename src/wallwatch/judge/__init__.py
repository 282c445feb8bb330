"""Rules as data, and the verdicts that they give."""

from wallwatch.judge.explain import Explanation, FiredRule, explain
from wallwatch.judge.judging import RULE_SET, batches, verdicts
from wallwatch.judge.references import References
from wallwatch.judge.rules import RULES
from wallwatch.judge.services import SERVICES, TOOLS

__all__ = [
    "RULES",
    "RULE_SET",
    "SERVICES",
    "TOOLS",
    "Explanation",
    "FiredRule",
    "References",
    "batches",
    "explain",
    "verdicts",
]
