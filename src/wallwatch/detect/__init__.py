"""Cells, blocking events and outages."""
