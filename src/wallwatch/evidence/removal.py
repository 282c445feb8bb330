"""What is cut out of raw lines before they are passed on: volunteers' addresses, private bridges (trap X9).

All other bytes stay as they are. What was cut is recorded by its field; the cut value is recorded nowhere, and neither
is any hash that it could be guessed from (see `seals`).
"""

from __future__ import annotations

import base64
import binascii
import csv
import io
import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What stands where something was cut out.
REMOVED = "[removed]"

PROBE = "address of the probe"
RESOLVER = "address of the resolver"
BRIDGE = "address of a bridge"
PLACE = "place of the probe"
REPEATED = "a key that occurs again later in its object"

#: Keys whose value is an address of the volunteer's, at any depth, in lower case without underscores.
_PROBE_KEYS = {"probeip", "clientip", "publicip", "externalip", "realip", "truerealip"}
#: Keys that name the resolver which the volunteer's machine uses.
_RESOLVER_KEYS = {"resolverip", "clientresolver"}
_PLACE_KEYS = {"probecity", "probelatitude", "probelongitude"}
_BRIDGE_LINE = re.compile(
    r"\b(?:obfs[234]|scramblesuit|meek(?:_lite)?|snowflake|webtunnel|conjure)\s+(\[[0-9a-fA-F:]+\]:\d+|\d+(?:\.\d+){3}:\d+)\s"
)


@dataclass(frozen=True, slots=True)
class Removal:
    """One thing that was cut out.

    Attributes:
        path: The field: `test_keys.requests[0].response.body`, or a column's name.
        what: What it was: one of the words above.
        times: How often it was cut out of that field.
    """

    path: str
    what: str
    times: int


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A line that may be passed on.

    Attributes:
        content: Its bytes.
        removals: What was cut out, in the order of the fields.
        rewritten: Whether the line had to be written anew, so that more than the cut values differs in its bytes.
        values: The values that were cut out, to be counted and forgotten.
    """

    content: bytes
    removals: tuple[Removal, ...] = ()
    rewritten: bool = False
    values: frozenset[str] = frozenset()


#: Tells whether an address is that of a well-known public resolver, which says nothing of a volunteer.
IsPublicService = Callable[[str], bool]


def clean_json(line: bytes, is_public_service: IsPublicService) -> Cleaned:
    """A measurement without what must not be passed on.

    Args:
        line: One JSON document.
        is_public_service: Which resolvers may be named.

    Raises:
        ValueError: It is no JSON object, so that nothing can be said of what it holds.
    """
    repeated: list[str] = []
    document = _parse(line, repeated)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    secrets = _secrets(document, is_public_service)
    removals: dict[tuple[str, str], int] = {}
    # Of keys that occur twice only the last is read, and so only the last is passed on.
    for name in repeated:
        removals[name, REPEATED] = removals.get((name, REPEATED), 0) + 1
    cleaned = _walk(document, "", secrets, removals) if secrets else document
    found = tuple(Removal(path, what, times) for (path, what), times in removals.items())
    if not found:
        return Cleaned(line)
    edited = None if repeated else _edit(line, document, cleaned)
    values = frozenset(secret.value for secret in secrets)
    if edited is not None:
        return Cleaned(edited, found, values=values)
    text = json.dumps(cleaned, ensure_ascii=True, separators=(",", ":"))
    return Cleaned(text.encode(), found, rewritten=True, values=values)


def clean_row(
    record: bytes, fields: Sequence[str], names: Sequence[str], is_public_service: IsPublicService
) -> Cleaned:
    """A row of a CSV table without what must not be passed on.

    Args:
        record: Its bytes, without the line end.
        fields: Its values.
        names: The columns' names.
        is_public_service: Which resolvers may be named.
    """
    document = dict(zip(names, fields, strict=False))
    secrets = _secrets(document, is_public_service)
    if not secrets:
        return Cleaned(record)
    removals: dict[tuple[str, str], int] = {}
    cleaned = _walk(document, "", secrets, removals)
    found = tuple(Removal(path, what, times) for (path, what), times in removals.items())
    if not found:
        return Cleaned(record)
    values = frozenset(secret.value for secret in secrets)
    edited = record
    for secret in secrets:
        # Where a value occurs once it is cut out in place; else the row is written anew.
        value = secret.value.encode("utf-8", "surrogateescape")
        edited = edited.replace(value, REMOVED.encode()) if edited.count(value) == 1 else b""
    after = [cleaned[name] for name in names[: len(fields)]]
    if edited and _fields(edited) == after:
        return Cleaned(edited, found, values=values)
    return Cleaned(row_text(after), found, rewritten=True, values=values)


def _fields(record: bytes) -> list[str]:
    return next(csv.reader([record.decode("utf-8", "surrogateescape")]), [])


def row_text(fields: Sequence[str]) -> bytes:
    """A row as CSV, without its line end."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(fields)
    return out.getvalue().encode("utf-8", "surrogateescape")


def _parse(line: bytes, repeated: list[str] | None = None) -> Any:
    """The document; the names of keys that an object has twice are added to `repeated`."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs) and repeated is not None:
            names = [name for name, _ in pairs]
            repeated.extend(sorted({name for name in names if names.count(name) > 1}))
        return found

    text = line.decode("utf-8", "surrogatepass")
    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=members)
    except RecursionError:
        raise ValueError("nested too deeply") from None


@dataclass(frozen=True, slots=True)
class _Secret:
    """A value to be cut out.

    Attributes:
        value: As it stands.
        what: What it is.
        everywhere: Whether it is looked for in all texts, or only in the fields that are about it.
        pattern: Finds it in texts, in each usual way of writing it.
        packed: Its bytes, for binary bodies; empty where it is no address.
    """

    value: str
    what: str
    everywhere: bool
    pattern: re.Pattern[str] | None
    packed: bytes


def _key(name: str) -> str:
    return name.replace("_", "").replace("-", "").lower()


def _address(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if not isinstance(text, str):
        return None
    bare = text.strip().strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        return None


def _host(text: str) -> str:
    """The address in `address:port` or `[address]:port`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _secrets(document: Mapping[str, Any], is_public_service: IsPublicService) -> list[_Secret]:
    found: dict[tuple[str, str], _Secret] = {}

    def add(value: str, what: str, everywhere: bool) -> None:
        if value and value != REMOVED:
            address = _address(value)
            pattern = _pattern(address, value) if everywhere or address is not None else None
            found.setdefault(
                (value, what),
                _Secret(value, what, everywhere, pattern, address.packed if address is not None else b""),
            )

    for parent, name, value in _members(document):
        if not isinstance(value, str) or not value:
            continue
        key = _key(name)
        if key in _PROBE_KEYS or (key == "client" and _key(parent) == "connectioninfo"):
            address = _address(_host(value)) or _address(value)
            if address is None:
                if not value.startswith("["):  # `[scrubbed]`, `[REDACTED]`
                    add(value, PROBE, everywhere=False)
            elif not address.is_loopback and not address.is_unspecified:
                add(str(address) if _address(value) is None else value, PROBE, everywhere=True)
        elif key in _RESOLVER_KEYS:
            address = _address(value)
            if address is not None and address.is_global and not is_public_service(str(address)):
                # Not looked for in answers: a resolver that forges them may well give its own address.
                add(value, RESOLVER, everywhere=False)
        elif key in _PLACE_KEYS:
            add(value, PLACE, everywhere=False)
        elif _BRIDGE_LINE.search(value):
            for match in _BRIDGE_LINE.finditer(value):
                add(_host(match[1]), BRIDGE, everywhere=True)
    for target in _targets(document):
        given = target.get("target_address")
        if target.get("target_source") and isinstance(given, str) and _address(_host(given)) is not None:
            add(_host(given), BRIDGE, everywhere=True)
    return list(found.values())


def _targets(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a test of bridges tried; those with a source are private (OONI spec ts-023-tor)."""
    keys = document.get("test_keys")
    targets = keys.get("targets") if isinstance(keys, dict) else None
    listed = targets.values() if isinstance(targets, dict) else targets if isinstance(targets, list) else ()
    yield from (target for target in listed if isinstance(target, dict))


def _members(value: Any, parent: str = "") -> Iterator[tuple[str, str, Any]]:
    """Every (name of the object's own key, key, value), at any depth."""
    waiting: list[tuple[Any, str]] = [(value, parent)]
    while waiting:
        current, above = waiting.pop()
        if isinstance(current, dict):
            for name, item in current.items():
                yield above, name, item
                waiting.append((item, name))
        elif isinstance(current, list):
            waiting.extend((item, above) for item in current)


def _pattern(address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, value: str) -> re.Pattern[str]:
    """Finds an address however it is written, and nothing that is longer."""
    if address is None:
        return re.compile(re.escape(value))
    if address.version == 4:
        parts = str(address).split(".")
        forms = [".".join(parts), "-".join(parts), ".".join(reversed(parts)), "-".join(reversed(parts))]
        forms += ["%2E".join(parts), "".join(f"{int(part):02x}" for part in parts)]
        either = "|".join(re.escape(form) for form in dict.fromkeys(forms))
        return re.compile(rf"(?<![0-9])(?<![0-9]\.)(?:{either})(?![0-9])(?!\.[0-9])", re.IGNORECASE)
    forms = [str(address), address.exploded, value, address.reverse_pointer.removesuffix(".ip6.arpa")]
    forms += ["-".join(address.exploded.split(":")), str(address).replace(":", "%3A")]
    groups = [group.lstrip("0") or "0" for group in address.exploded.split(":")]
    forms += [":".join(groups), "-".join(groups)]
    either = "|".join(
        re.escape(form) for form in sorted(dict.fromkeys(forms), key=lambda form: (-len(form), form))
    )
    return re.compile(rf"(?<![0-9a-f:])(?:{either})(?![0-9a-f:])", re.IGNORECASE)


def _about(secret: _Secret, name: str, text: str) -> bool:
    """Whether a field is about what is to be cut out, so that its whole value goes."""
    key = _key(name)
    if secret.what == RESOLVER:
        return (key in _RESOLVER_KEYS and text == secret.value) or (
            key == "resolveraddress" and _address(_host(text)) == _address(secret.value)
        )
    if secret.what == PLACE:
        return key in _PLACE_KEYS and text == secret.value
    return key in _PROBE_KEYS and text == secret.value


def _cut(text: str, name: str, secrets: Sequence[_Secret]) -> tuple[str, list[tuple[str, int]]]:
    """A text without the secrets, and what was cut how often."""
    cut: list[tuple[str, int]] = []
    for secret in secrets:
        if _about(secret, name, text):
            return REMOVED, [(secret.what, 1)]
        if secret.everywhere and secret.pattern is not None:
            text, times = secret.pattern.subn(REMOVED, text)
            if times:
                cut.append((secret.what, times))
    return text, cut


def _cut_binary(text: str, secrets: Sequence[_Secret]) -> tuple[str, list[tuple[str, int]]]:
    """The same within base64; what is no base64 is left as it is."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text, []
    cut: list[tuple[str, int]] = []
    for secret in secrets:
        if not secret.everywhere or secret.pattern is None:
            continue
        within, times = secret.pattern.subn(REMOVED, data.decode("latin-1"))
        data = within.encode("latin-1")
        if secret.packed and secret.packed in data:
            times += data.count(secret.packed)
            data = data.replace(secret.packed, b"\0" * len(secret.packed))
        if times:
            cut.append((secret.what, times))
    return (base64.b64encode(data).decode(), cut) if cut else (text, [])


def _walk(
    value: Any,
    path: str,
    secrets: Sequence[_Secret],
    removals: dict[tuple[str, str], int],
    name: str = "",
) -> Any:
    """The value without the secrets; what was cut is counted by path."""
    if isinstance(value, str):
        text, cut = _cut(value, name, secrets)
        for what, times in cut:
            removals[path, what] = removals.get((path, what), 0) + times
        return text
    if isinstance(value, list):
        return [_walk(item, f"{path}[{i}]", secrets, removals, name) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    binary = value.get("format") == "base64"
    found: dict[str, Any] = {}
    for key, item in value.items():
        below = f"{path}.{key}" if path else key
        if isinstance(item, str) and ((binary and key == "data") or key in ("raw_response", "raw_query")):
            found[key], cut = _cut_binary(item, secrets)
            for what, times in cut:
                removals[below, what] = removals.get((below, what), 0) + times
            if cut:
                continue
        clean_key, cut = _cut(key, "", secrets)
        for what, times in cut:
            removals[below.replace(key, clean_key), what] = times
        found[clean_key] = _walk(item, f"{path}.{clean_key}" if path else clean_key, secrets, removals, key)
    return found


def _edit(line: bytes, before: Any, after: Any) -> bytes | None:
    """The line with just the changed texts replaced, byte for byte; null where that does not give `after`."""
    edits: dict[str, str] = {}
    if not _differences(before, after, edits):
        return None
    text = line.decode("utf-8", "surrogatepass")
    pattern = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
    memory: dict[str, str] = {}

    def replace(match: re.Match[str]) -> str:
        literal = match[0]
        found = memory.get(literal)
        if found is None:
            try:
                value = json.loads(literal, strict=False)
            except ValueError:
                value = None
            new = edits.get(value) if isinstance(value, str) else None
            found = literal if new is None else json.dumps(new, ensure_ascii=literal.isascii())
            if len(literal) < 512:
                memory[literal] = found
        return found

    edited = pattern.sub(replace, text).encode("utf-8", "surrogatepass")
    try:
        return edited if _parse(edited) == after else None
    except ValueError:
        return None


def _differences(before: Any, after: Any, edits: dict[str, str]) -> bool:
    """Gathers which texts became which; false where one text became two, or keys changed."""
    if isinstance(before, str):
        if before != after:
            if edits.setdefault(before, after) != after:
                return False
        elif before in edits:
            return False
        return True
    if isinstance(before, list):
        return all(_differences(b, a, edits) for b, a in zip(before, after, strict=True))
    if isinstance(before, dict):
        return list(before) == list(after) and all(_differences(before[k], after[k], edits) for k in before)
    return True
