"""Arrow without pandas, in processes that have no use for it."""

from __future__ import annotations

import sys


class WithoutPandas:
    """Says of pandas that it is not installed, while a block runs, or for as long as it is among `sys.meta_path`.

    Arrow loads pandas, where it is installed, as soon as it is given a Python list or makes an array for NumPy: for 60 MB
    and a quarter of a second. Afterwards pandas can be imported as ever, and Arrow's `to_pandas` does so.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Refuses pandas, and leaves everything else to others.

        Raises:
            ModuleNotFoundError: It is pandas.
        """
        if name == "pandas":
            raise ModuleNotFoundError(name=name)

    def __enter__(self) -> None:
        sys.meta_path.insert(0, self)

    def __exit__(self, *_: object) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


def let_pandas() -> None:
    """Ends every block of `WithoutPandas`: what needs pandas, as PySpark does, calls this before it is imported."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, WithoutPandas)]
