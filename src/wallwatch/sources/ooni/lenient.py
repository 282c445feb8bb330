"""Reading odd JSON into typed records: what fits is kept, what does not is left out and noted."""

from __future__ import annotations

import types
from functools import lru_cache
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec


class Lenient(msgspec.Struct, gc=False):
    """A record whose fields all have defaults, so that any of them can be left out."""


_MISSING = object()


def coerce(value: Any, wanted: Any, notes: list[str], where: str = "") -> Any:
    """The value as the wanted type as far as it fits.

    Numbers written as text become numbers, whole floats become integers, a single object where a list is
    wanted becomes a list of one. What does not fit becomes null, and its place is added to `notes`.

    Args:
        value: Decoded JSON.
        wanted: A struct type, `list`, `dict`, a union of these, or a scalar type.
        notes: Gets the name of each field that did not fit, each once.
        where: The name of the field.
    """
    result = _coerce(value, wanted, notes, where)
    if result is _MISSING:
        note = f"{where or 'measurement'}: unexpected {_kind(value)}"
        if note not in notes and len(notes) < 32:
            notes.append(note)
        return None
    return result


def _coerce(value: Any, wanted: Any, notes: list[str], where: str) -> Any:
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return _one_of(value, get_args(wanted), notes, where)
    if wanted is Any:
        return value
    if value is None:
        return None if wanted is type(None) else _MISSING
    if wanted is type(None):
        return _MISSING
    if origin is list:
        return _list(value, get_args(wanted)[0], notes, where)
    if origin is dict:
        return _dict(value, get_args(wanted)[1], notes, where)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return _struct(value, wanted, notes)
    return _scalar(value, wanted)


def _one_of(value: Any, choices: tuple[Any, ...], notes: list[str], where: str) -> Any:
    if value is None:
        return None if type(None) in choices else _MISSING
    for choice in sorted(choices, key=lambda choice: _rank(value, choice)):
        attempt: list[str] = []
        result = _coerce(value, choice, attempt, where)
        if result is not _MISSING:
            notes.extend(note for note in attempt if note not in notes)
            return result
    return _MISSING


def _rank(value: Any, choice: Any) -> int:
    """Choices of the value's own JSON kind are tried first; null is never chosen for a value."""
    if choice is type(value):
        return 0
    is_struct = isinstance(choice, type) and issubclass(choice, msgspec.Struct)
    if isinstance(value, dict) and (is_struct or get_origin(choice) is dict):
        return 0
    if isinstance(value, list) and get_origin(choice) is list:
        return 0
    return 1


def _list(value: Any, item: Any, notes: list[str], where: str) -> Any:
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return _MISSING
    kept = []
    for entry in value:
        found = _coerce(entry, item, notes, where)
        if found is _MISSING:
            coerce(entry, item, notes, where)  # notes it
        else:
            kept.append(found)
    return kept


def _dict(value: Any, item: Any, notes: list[str], where: str) -> Any:
    if not isinstance(value, dict):
        return _MISSING
    return {str(key): coerce(entry, item, notes, where) for key, entry in value.items()}


@lru_cache(256)
def _fields(wanted: type[msgspec.Struct]) -> tuple[tuple[str, str, Any], ...]:
    hints = get_type_hints(wanted)
    return tuple(
        (field, encoded, hints[field])
        for field, encoded in zip(wanted.__struct_fields__, wanted.__struct_encode_fields__, strict=True)
    )


def _struct(value: Any, wanted: type[msgspec.Struct], notes: list[str]) -> Any:
    if not isinstance(value, dict):
        return _MISSING
    given = {}
    for field, encoded, type_ in _fields(wanted):
        if encoded in value and value[encoded] is not None:
            found = coerce(value[encoded], type_, notes, encoded)
            if found is not None:
                given[field] = found
    return wanted(**given)


def _scalar(value: Any, wanted: Any) -> Any:
    if wanted is msgspec.Raw:
        return msgspec.Raw(msgspec.json.encode(value))
    if wanted is bool:
        return value if isinstance(value, bool) else _MISSING
    if wanted is str:
        return value if isinstance(value, str) else _MISSING
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _MISSING
    try:
        number = float(value) if not isinstance(value, int) else value
        if wanted is int:
            return int(number) if number == int(number) else _MISSING
        return float(number)
    except (ValueError, OverflowError):
        return _MISSING


def _kind(value: Any) -> str:
    kinds = {dict: "object", list: "list", str: "text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "number")
