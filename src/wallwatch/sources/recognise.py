"""What a file is, by its content: the readers say so themselves, in turn."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch.sources import obs_web
from wallwatch.sources.batch import Batch
from wallwatch.sources.bytestream import BombError
from wallwatch.sources.containers import head, mentions
from wallwatch.sources.stretch import Limits
from wallwatch.sources.tar import is_tar

#: How many decompressed bytes a reader may look at to recognise its format.
HEAD = 65_536

OONI = "ooni"
UNKNOWN = "unknown"

_PARQUET = b"PAR1"
#: Keys that every measurement has; two of them in a text make it one.
_OONI_KEYS = tuple(
    f'"{key}"'.encode()
    for key in (
        "test_keys",
        "probe_asn",
        "probe_cc",
        "measurement_start_time",
        "report_id",
        "software_name",
        "test_name",
    )
)


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
    """The signal readers of this folder, in the order of their module names."""
    import wallwatch.sources as room

    names = sorted(
        m.name for m in pkgutil.iter_modules(room.__path__) if m.name.startswith(("signals_", "statements_"))
    )
    return tuple(cast(Reader, importlib.import_module(f"{room.__name__}.{name}")) for name in names)


def signal_reader(beginning: bytes) -> Reader | None:
    """The first signal reader that knows a file with this beginning; null where none does."""
    return next((reader for reader in readers() if reader.recognise(beginning)), None)


def recognise(path: Path, limits: Limits) -> tuple[str, str]:
    """What a file is: its kind, and where that is `unknown`, why it is not read.

    Raises:
        RefusedError: It is a container that is not read.
        OSError: It cannot be read.
    """
    beginning = head(path, HEAD, limits)
    if beginning.startswith(_PARQUET):
        return _parquet_kind(path)
    if is_tar(beginning) or sum(key in beginning for key in _OONI_KEYS) >= 2:
        return OONI, ""
    if obs_web.recognise(beginning):
        return obs_web.KIND, ""
    if (reader := signal_reader(beginning)) is not None:
        return reader.KIND, ""
    if not beginning.strip():
        return UNKNOWN, "an empty file"
    if beginning.startswith((b"---", b"#######")) and (
        b"report_id" in beginning or b"test_name" in beginning
    ):
        return UNKNOWN, "a report in YAML (OONI before 2016), which is not read"
    # A damaged or very long first line may hide that the others are measurements.
    try:
        if mentions(path, (b'"test_keys"', b'"measurement_start_time"'), limits):
            return OONI, ""
    except BombError as error:
        return UNKNOWN, str(error)
    return UNKNOWN, "no reader knows this content"


def _parquet_kind(path: Path) -> tuple[str, str]:
    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        return UNKNOWN, f"a damaged Parquet file: {error}"
    if obs_web.is_obs_web(names):
        return obs_web.KIND, ""
    return UNKNOWN, "a Parquet file with columns that no reader knows"
