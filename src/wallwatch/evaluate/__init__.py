"""Accuracy as numbers: against the simulated truth and against truth files."""

from wallwatch.evaluate.simulated import Scores, score, simulated

__all__ = ["Scores", "score", "simulated"]
