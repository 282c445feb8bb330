"""Bringing public measurement files here: checked, resumable, in parallel."""

from wallwatch.archive.fetch.addresses import download_inputs, is_address
from wallwatch.archive.fetch.ooni import BUCKET, fetch_ooni
from wallwatch.archive.fetch.summary import Summary

__all__ = ["BUCKET", "Summary", "download_inputs", "fetch_ooni", "is_address"]
