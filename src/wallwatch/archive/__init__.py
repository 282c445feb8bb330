"""Takes files in: by content hash, once, atomically; bad lines set aside with file, line and reason."""

from wallwatch.archive.take_in import Summary, take_in

__all__ = ["Summary", "take_in"]
