"""A made-up country with a known truth, writing real OONI files."""
