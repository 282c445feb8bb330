"""Accuracy as numbers: against the simulated truth and against truth files."""
