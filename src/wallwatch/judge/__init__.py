"""Rules as data, and the verdicts that they give."""

from wallwatch.judge.explain import Explanation, explain
from wallwatch.judge.judging import RULE_SET, verdicts
from wallwatch.judge.references import References

__all__ = ["RULE_SET", "Explanation", "References", "explain", "verdicts"]
