"""Networks of addresses by a database that the user gives (MaxMind DB file format), where a probe reported none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError
from wallwatch._files import sha256_of

#: Where databases keep the number: MaxMind's and OONI's, then others'.
_KEYS = ("autonomous_system_number", "asn", "as_number")
#: Databases of the world's networks have some ten megabytes.
_LARGEST = 1 << 30


def digest(path: Path) -> str:
    """SHA-256 of a database, hex.

    Raises:
        WallwatchError: It cannot be read, is too large, or is no database in that format.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise WallwatchError(f"{path} is larger than {_LARGEST:,} bytes; no database of networks is")
        found = sha256_of(path)
    except OSError as error:
        raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error
    with _opened(path):
        return found


def networks(path: Path, addresses: Iterable[str]) -> dict[str, int]:
    """The network numbers of those addresses that the database knows.

    Raises:
        WallwatchError: The database cannot be read.
    """
    found = {}
    with _opened(path) as reader:
        for text in addresses:
            try:
                number = _number(reader.get(text))
            except ValueError:  # no address, or one of a family that the database lacks
                continue
            if number is not None:
                found[text] = number
    return found


def _number(record: Any) -> int | None:
    if not isinstance(record, dict):
        return None
    value = next((record[key] for key in _KEYS if key in record), None)
    text = str(value).upper().removeprefix("AS")
    return int(text) if text.isdecimal() and 0 < int(text) < 1 << 32 else None


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        import maxminddb
    except ImportError as error:
        raise WallwatchError(
            "databases of networks need the package maxminddb: install wallwatch with the extra `geo`"
        ) from error
    try:
        with maxminddb.open_database(path) as reader:
            yield reader
    except (OSError, maxminddb.InvalidDatabaseError) as error:
        raise WallwatchError(f"{path} is no database of networks (MMDB): {error}") from error
