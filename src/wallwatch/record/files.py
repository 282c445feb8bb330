"""Statements in files that a person edits: YAML or CSV, validated with file, line and field.

YAML is read from its events and not built into objects: no tags, no anchors, no implicit types, so that `NO` is
Norway and a hostile file is text. A file is a list of statements, or a mapping with `statements` and, above them,
fields that hold for all (`document`, `url`, `collected_by` …).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wallwatch._errors import WallwatchError
from wallwatch._text import csv_text, safe_text
from wallwatch.schema.statement_fields import FIELDS, NAMES, FieldError, fields, row

#: No file is larger, in bytes.
MOST_BYTES: Final = 20 << 20
#: No file has more statements.
MOST: Final = 50_000
_DEEPEST: Final = 8
#: Above the statements of a YAML file: fields that hold for all of them, and what a person may note.
_HEAD: Final = frozenset(
    {*FIELDS, "statements", "format", "file", "note", "notes", "document_date", "text_sha256"}
)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file.

    Attributes:
        file: Its name.
        line: From 1.
        field: The field; empty where the whole entry is meant.
        message: What is wrong.
    """

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        """`FILE:LINE: FIELD: MESSAGE`, safe to print."""
        where = f"{safe_text(self.file)}:{self.line}"
        return (
            f"{where}: {self.field}: {safe_text(self.message)}"
            if self.field
            else f"{where}: {safe_text(self.message)}"
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of a file.

    Attributes:
        row: As the table of statements has it, without `file_id` and `line`.
        line: Where it begins.
        draft: Whether nobody has confirmed it.
        marked_draft: Whether the file itself calls it a draft.
    """

    row: Mapping[str, Any]
    line: int
    draft: bool
    marked_draft: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A file that was read: what is right in it, and what is not."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def is_statements(content: bytes) -> bool:
    """Whether the bytes are a file of statements: a CSV with its columns, or YAML with its fields."""
    head = content[:65_536].decode("utf-8-sig", "replace")
    first = head.split("\n", 1)[0]
    if "," in first:
        try:
            names = [name.strip().lower() for name in next(csv.reader([first]), [])]
        except csv.Error:
            names = []
        if {"speaker", "date", "quotation"} <= {FIELDS.get(name, "") for name in names}:
            return True
    lines = [line.strip().lstrip("- ") for line in head.splitlines()]
    keys = {line.split(":", 1)[0].strip("\"' ,{") for line in lines if ":" in line}
    return {"speaker"} < keys and bool(keys & set(NAMES["quotation"]))


def read(content: bytes, name: str, *, strict: bool = True) -> Read:
    """The statements of a file, and what is wrong in it.

    Args:
        content: Its bytes.
        name: How messages call it.
        strict: Whether each kind must be one of `schema.statements.KINDS`.
    """
    if len(content) > MOST_BYTES:
        return Read((), (Problem(name, 1, "", f"larger than {MOST_BYTES >> 20} MiB"),))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Read((), (Problem(name, line, "", "not UTF-8"),))
    first = text.split("\n", 1)[0]
    if (
        "," in first
        and not first.lstrip().startswith(("-", "#", "{", "["))
        and ":" not in first.split(",", 1)[0]
    ):
        return _csv(text, name, strict)
    return _yaml(text, name, strict)


def _entry(
    values: Mapping[str, str],
    places: Mapping[str, int],
    line: int,
    name: str,
    problems: list[Problem],
    strict: bool,
) -> Entry | None:
    status = values.get("status", "").strip().lower()
    if status not in ("", "draft", "confirmed"):
        problems.append(
            Problem(name, places.get("status", line), "status", f"{status!r} is neither draft nor confirmed")
        )
        return None
    try:
        found = row(values, strict=strict)
    except FieldError as error:
        problems.append(Problem(name, places.get(error.field, line), error.field, str(error)))
        return None
    if status == "confirmed" and not found["confirmed_by"]:
        problems.append(Problem(name, line, "confirmed_by", "confirmed, but not by whom and when"))
        return None
    return Entry(found, line, status == "draft" or not found["confirmed_by"], status == "draft")


def _csv(text: str, name: str, strict: bool) -> Read:
    csv.field_size_limit(1_000_000)
    rows = csv.reader(io.StringIO(text, newline=""))
    entries: list[Entry] = []
    problems: list[Problem] = []
    header: list[str] | None = None
    line = 1
    while True:
        try:
            values = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            problems.append(Problem(name, line, "", str(error)))
            line = rows.line_num + 1
            continue
        if header is None:
            header = [value.strip().lower() for value in values]
            problems += _unknown(header, name, dict.fromkeys(header, 1))
        elif any(value.strip() for value in values):
            if len(values) > len(header):
                problems.append(
                    Problem(name, line, "", f"{len(values)} fields, where the first line names {len(header)}")
                )
            else:
                found = {
                    FIELDS[key]: _disarmed(value)
                    for key, value in zip(header, values, strict=False)
                    if key in FIELDS
                }
                entry = _entry(found, {}, line, name, problems, strict)
                entries += [entry] if entry else []
        line = rows.line_num + 1
        if len(entries) > MOST:
            problems.append(Problem(name, line, "", f"more than {MOST:,} statements"))
            break
    return Read(tuple(entries), tuple(problems))


def _disarmed(value: str) -> str:
    """A value without the mark that keeps a spreadsheet from taking it for a formula (see `_guarded`)."""
    return value[1:] if value[:1] == "'" and value[1:2] and _guarded(value[1:2]) != value[1:2] else value


def _unknown(keys: Iterable[str], name: str, places: Mapping[str, int]) -> list[Problem]:
    return [
        Problem(name, places.get(key, 1), key, "not a field of a statement")
        for key in keys
        if key not in FIELDS and key
    ]


def _yaml(text: str, name: str, strict: bool) -> Read:
    problems: list[Problem] = []
    try:
        tree = _tree(text)
    except _YamlError as error:
        return Read((), (Problem(name, error.line, "", str(error)),))
    head: dict[str, str] = {}
    head_places: dict[str, int] = {}
    listed: Any = tree
    if isinstance(tree, _Mapping):
        if "statements" in tree.values or not {"speaker", "quotation"} & set(tree.values):
            listed = tree.values.get("statements", _Sequence(tree.line, []))
            for key, value in tree.values.items():
                if key not in _HEAD:
                    problems.append(
                        Problem(name, tree.places[key], key, "not a field of a file of statements")
                    )
                elif key in FIELDS and isinstance(value, str):
                    head[FIELDS[key]] = value
                    head_places[FIELDS[key]] = tree.places[key]
        else:
            listed = _Sequence(tree.line, [tree])
    if listed is None:
        listed = _Sequence(1, [])
    if not isinstance(listed, _Sequence):
        return Read((), (*problems, Problem(name, 1, "statements", "not a list of statements")))
    entries: list[Entry] = []
    for item in listed.items[:MOST]:
        if not isinstance(item, _Mapping):
            problems.append(Problem(name, listed.line, "", "an entry that is no statement"))
            continue
        values, places = dict(head), dict(head_places)
        wrong = _unknown(item.values, name, item.places)
        for key, given in item.values.items():
            field, value = FIELDS.get(key), given
            if field is None:
                continue
            if isinstance(value, _Sequence) and field in ("targets", "networks", "windows"):
                if not all(isinstance(one, str) for one in value.items):
                    wrong.append(Problem(name, item.places[key], key, "a list of anything but text"))
                    continue
                value = ("; " if field == "windows" else ", ").join(str(one) for one in value.items)
            if value is not None and not isinstance(value, str):
                wrong.append(Problem(name, item.places[key], key, "neither text nor a list of text"))
                continue
            values[field], places[field] = value or "", item.places[key]
        problems += wrong
        if not wrong:
            entry = _entry(values, places, item.line, name, problems, strict)
            entries += [entry] if entry else []
    return Read(tuple(entries), tuple(problems))


class _YamlError(ValueError):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


@dataclass(slots=True)
class _Mapping:
    line: int
    values: dict[str, Any]
    places: dict[str, int]


@dataclass(slots=True)
class _Sequence:
    line: int
    items: list[Any]


def _tree(text: str) -> Any:
    """Mappings, sequences and text, each with its line."""
    try:
        import yaml
    except ImportError:
        raise WallwatchError(
            "YAML needs the extra `record`: pip install 'wallwatch[record]'; CSV does not"
        ) from None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    stack: list[_Mapping | _Sequence] = []
    keys: list[tuple[str, int] | None] = []
    root: Any = None
    documents = 0

    def add(value: Any, line: int) -> None:
        nonlocal root
        if not stack:
            root = value
        elif isinstance(stack[-1], _Sequence):
            stack[-1].items.append(value)
        elif keys[-1] is None:
            if not isinstance(value, str):
                raise _YamlError("a key that is no text", line)
            keys[-1] = (value.strip().lower(), line)
        else:
            key, place = keys[-1]
            if key in stack[-1].values:
                raise _YamlError(f"the field {key!r} twice", place)
            stack[-1].values[key], stack[-1].places[key] = value, place
            keys[-1] = None

    try:
        for event in yaml.parse(text, Loader=loader):
            line = event.start_mark.line + 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _YamlError("anchors and aliases are not read", line)
            if isinstance(event, yaml.ScalarEvent):
                plain = not event.style
                empty = plain and event.value in ("", "~", "null", "Null", "NULL")
                key = bool(stack) and isinstance(stack[-1], _Mapping) and keys[-1] is None
                add(None if empty and not key else event.value, line)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                if len(stack) >= _DEEPEST:
                    raise _YamlError("nested too deeply", line)
                mapping = isinstance(event, yaml.MappingStartEvent)
                found = _Mapping(line, {}, {}) if mapping else _Sequence(line, [])
                add(found, line)
                stack.append(found)
                keys.append(None)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                stack.pop()
                keys.pop()
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _YamlError("more than one YAML document", line)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        raise _YamlError(f"not YAML: {problem}", mark.line + 1 if mark else 1) from error
    return root


def write_csv(rows: Sequence[Mapping[str, Any]], *, draft: bool) -> str:
    """The statements as CSV that `read` reads back; no spreadsheet takes a field for a formula.

    Args:
        rows: Rows of the table of statements.
        draft: Whether they are marked as drafts.
    """
    listed = [{"status": "draft" if draft else "confirmed", **fields(one)} for one in rows]
    used = [
        name
        for name in NAMES
        if any(name in one for one in listed) or name in ("speaker", "date", "quotation")
    ]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(used)
    for one in listed:
        writer.writerow([_guarded(one.get(name, "")) for name in used])
    return out.getvalue()


def _guarded(text: str) -> str:
    """The text with a leading `'` where a spreadsheet would take it for a formula; its line ends stay.

    Other control characters are spelled out, which a quotation with such characters does not survive: use YAML.
    """
    text = "".join(one if one in "\n\r\t" else safe_text(one) for one in text)
    return "'" + text if text[:1] == "'" or csv_text(text[:1])[:1] == "'" else text


def write_yaml(rows: Sequence[Mapping[str, Any]], head: Mapping[str, str], *, draft: bool) -> str:
    """The statements as YAML that `read` reads back.

    Args:
        rows: Rows of the table of statements.
        head: Fields that hold for all of them, and notes, put above.
        draft: Whether they are marked as drafts.
    """
    lines = [f"{name}: {_scalar(value)}" for name, value in head.items() if value]
    lines.append("statements:" if rows else "statements: []")
    for one in rows:
        found = {"status": "draft" if draft else "confirmed", **fields(one)}
        first = "  - "
        for name in NAMES:
            if name in found and not (name in head and head[name] == found[name]):
                lines.append(f"{first}{name}: {_scalar(found[name])}")
                first = "    "
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_./+()")


def _scalar(text: str) -> str:
    """Text as a YAML scalar: plain where nothing can be mistaken, else between double quotes (YAML 1.2, 7.3.1)."""
    if (
        text
        and set(text) <= _PLAIN
        and text[0].isalnum()
        and text == text.strip()
        and text.lower() not in ("null", "true", "false", "yes", "no")
    ):
        return text
    escaped = (
        text.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\t", "\\t")
    )
    return '"' + "".join(one if _shown(one) else _code(one) for one in escaped) + '"'


def _shown(one: str) -> bool:
    return " " <= one != "\x7f" and not ("\x80" <= one <= "\x9f") and safe_text(one) == one


def _code(one: str) -> str:
    code = ord(one)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
