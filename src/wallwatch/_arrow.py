"""Arrow without pandas, in processes that have no use for it."""

from __future__ import annotations

import sys

import pyarrow as pa


class _Refused:
    """Says of pandas that it is not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


def without_pandas() -> None:
    """Lets Arrow find, once and for this process, that pandas is not there: for processes that are Wallwatch's own.

    Arrow loads pandas, where it is installed, as soon as it is given any Python list, to see whether that is a series: for
    60 MB and a quarter of a second. Afterwards pandas can be imported as ever, and Arrow's `to_pandas` does so; only
    series are no longer known where arrays are made.
    """
    if "pandas" in sys.modules:
        return
    refused = _Refused()
    sys.meta_path.insert(0, refused)
    try:
        pa.array([], pa.null())
    finally:
        sys.meta_path.remove(refused)
