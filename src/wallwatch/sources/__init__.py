"""Readers: one module per upstream format, raw bytes to observations, controls or signals."""
