"""Speed, measured as ratios to a limit that is measured in the same run."""

from wallwatch.bench.commands import Report, compare, run

__all__ = ["Report", "compare", "run"]
