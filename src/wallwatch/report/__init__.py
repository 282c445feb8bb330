"""Pages, charts and tables for people."""

from wallwatch.report.write import Written, write

__all__ = ["Written", "write"]
