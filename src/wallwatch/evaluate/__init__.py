"""Accuracy as numbers: against the simulated truth and against truth files."""

from wallwatch.evaluate.scores import Scores, scenario, score, simulated

__all__ = ["Scores", "scenario", "score", "simulated"]
