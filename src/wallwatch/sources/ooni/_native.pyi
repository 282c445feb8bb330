"""The extension, written in C (`native/`)."""

from collections.abc import Callable, Mapping
from typing import Any

_Columns = Mapping[str, tuple[str, int, bytes | None, Any]]

class Reader:
    def __init__(self, works: dict[str, Callable[..., Any]], most: int) -> None: ...
    def add(self, line: bytes, number: int, name: str | None, /) -> bool: ...
    def take(self) -> tuple[tuple[int, _Columns], tuple[int, _Columns], tuple[int, _Columns]]: ...
