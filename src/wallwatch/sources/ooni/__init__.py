"""OONI's raw measurements (github.com/ooni/spec, data formats df-000 to df-008) to rows of the tables."""

from wallwatch.sources.ooni.read import Gathered, OONIReader, looks_like_measurement, set_aside

__all__ = ["Gathered", "OONIReader", "looks_like_measurement", "set_aside"]
