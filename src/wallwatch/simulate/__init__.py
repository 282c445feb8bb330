"""A made-up country with a known truth, writing real OONI files."""

from wallwatch.simulate.scenarios import SCENARIOS, Scenario
from wallwatch.simulate.write import Written, write, write_plan

__all__ = ["SCENARIOS", "Scenario", "Written", "write", "write_plan"]
