"""Takes files in: by content hash, once, atomically; bad lines set aside with file, line and reason."""

from wallwatch.archive.inputs import Given
from wallwatch.archive.take_in import Done, Summary, Task, hash_of, read_again, take_file, take_in

__all__ = ["Done", "Given", "Summary", "Task", "hash_of", "read_again", "take_file", "take_in"]
