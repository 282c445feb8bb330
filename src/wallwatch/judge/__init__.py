"""Rules as data, and the verdicts that they give."""

from wallwatch.judge.days import Day, judge_days, judged_days, write_days
from wallwatch.judge.explain import Explanation, FiredRule, explain
from wallwatch.judge.judging import RULE_SET, Elsewhere, batches, verdicts
from wallwatch.judge.networks import digest
from wallwatch.judge.references import NETWORKS, References
from wallwatch.judge.rules import RULES
from wallwatch.judge.services import SERVICES, TOOLS

__all__ = [
    "NETWORKS",
    "RULES",
    "RULE_SET",
    "SERVICES",
    "TOOLS",
    "Day",
    "Elsewhere",
    "Explanation",
    "FiredRule",
    "References",
    "batches",
    "digest",
    "explain",
    "judge_days",
    "judged_days",
    "verdicts",
    "write_days",
]
