"""Takes files in: by content hash, once, atomically; bad lines set aside with file, line and reason."""

from wallwatch.archive.take_in import Summary, read_again, take_in

__all__ = ["Summary", "read_again", "take_in"]
