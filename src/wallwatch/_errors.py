"""A person's mistake, said without a traceback."""

from __future__ import annotations


class WallwatchError(Exception):
    """What was wrong, where, and what to do; the command line shows just that and exits with `status`."""

    def __init__(self, message: str, status: int = 2) -> None:
        super().__init__(message)
        self.status = status
