"""What a file is, by its content: the readers say so themselves, in turn."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, Protocol, cast

from wallwatch.sources.batch import Batch

#: How many decompressed bytes a reader may look at to recognise its format.
HEAD = 65_536


class Reader(Protocol):
    """What a module `signals_*.py` or `statements_*.py` of this folder has; being there is all that plugs it in.

    Attributes:
        KIND: What `files.kind` says of its files (`signals.csv`, `signals.ioda`, `tor_users` …).
    """

    KIND: str

    def recognise(self, head: bytes) -> bool:
        """Whether a file that begins with these bytes (at most `HEAD`, decompressed) is of its kind."""

    def read(self, stream: BinaryIO, file_id: str) -> Iterator[Batch]:
        """The rows of a decompressed file, a bounded number at a time; bad lines as `quarantine` rows."""


@lru_cache(maxsize=1)
def readers() -> tuple[Reader, ...]:
    """The signal and statement readers of this folder, in the order of their module names."""
    import wallwatch.sources as room

    names = sorted(m.name for m in pkgutil.iter_modules(room.__path__) if m.name.startswith(("signals_", "statements_")))
    return tuple(cast(Reader, importlib.import_module(f"{room.__name__}.{name}")) for name in names)


def signal_reader(head: bytes) -> Reader | None:
    """The first signal reader that knows a file beginning with `head`; null where none does."""
    return next((reader for reader in readers() if reader.recognise(head)), None)
