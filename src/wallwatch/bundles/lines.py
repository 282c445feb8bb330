"""Raw lines taken out of the files that a workspace keeps, cleaned, and written to the files of a bundle."""

from __future__ import annotations

import csv
import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedReader
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from wallwatch._errors import WallwatchError
from wallwatch.bundles.selection import Wanted
from wallwatch.evidence import bag, seals
from wallwatch.evidence.crate import Origin
from wallwatch.evidence.removal import PROBE, REMOVED, Cleaned, clean_json, clean_row
from wallwatch.schema.layout import Layout
from wallwatch.sources import obs_web
from wallwatch.sources.containers import head, is_document, open_stream, stretches
from wallwatch.sources.ooni.values import resolver_kind
from wallwatch.sources.recognise import OONI
from wallwatch.sources.stretch import Limits, Line

#: Folder of the raw lines within a bundle's payload.
RAW = "raw"
#: With at most so many distinct values cut out of a file that is enclosed whole, they could be guessed from its hash.
_FEW = 2


@dataclass(frozen=True, slots=True)
class Known:
    """A file as the workspace knows it.

    Attributes:
        file_id: Its id.
        sha256: Its hash.
        name: The name under which it was taken in.
        size: In bytes.
        kind: What its content is.
        lines: How many lines of it were read or set aside.
    """

    file_id: str
    sha256: str
    name: str
    size: int
    kind: str
    lines: int


@dataclass(slots=True)
class Taken:
    """One enclosed line, or one whole file.

    Attributes:
        file: The enclosed file, below the payload's folder.
        line: Its line, or the position of the member in a tar file; 0 for a whole file.
        offset: Where it begins in the enclosed file, in bytes.
        size: Its bytes.
        original: The file that it came from.
        original_line: The line there.
        original_sha256: Hash of the line as it came, or the sealed one.
        measurement: Its measurement's id in the workspace; empty for signals.
        claim: Whether the claim is about it; else it is what the claim is compared with.
        cleaned: What was cut out.
    """

    file: str
    line: int
    offset: int
    size: int
    original: Known
    original_line: int
    original_sha256: str
    measurement: str
    claim: bool
    cleaned: Cleaned


@dataclass(slots=True)
class Extracted:
    """The raw part of a bundle.

    Attributes:
        taken: Every line, in the order of files and lines.
        origins: File id to what is said of the file that lines came from.
        enclosed: Enclosed file to the id of the file that its lines came from.
    """

    taken: list[Taken] = field(default_factory=list)
    origins: dict[str, Origin] = field(default_factory=dict)
    enclosed: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all lines."""
        return sum(one.size for one in self.taken)


def _is_public_service(address: str) -> bool:
    return resolver_kind(address) == "public_service"


def missing(layout: Layout, files: Sequence[Known]) -> list[str]:
    """What is wrong with the raw files that a workspace should have: gone, or no more as they came."""
    found = []
    for file in files:
        path = layout.raw(file.sha256)
        if not path.is_file():
            found.append(f"{file.name} is no longer at {path}")
        elif bag.digest(path) != file.sha256:
            found.append(f"{file.name} at {path} is no longer as it was taken in: its SHA-256 is another")
    return found


def extract(
    layout: Layout, known: Mapping[str, Known], files: Mapping[str, Wanted], into: Path, key: str
) -> Extracted:
    """Writes the wanted lines to files below `into`.

    Args:
        layout: The workspace.
        known: File id to the file.
        files: File id to what is wanted of it.
        into: The payload's folder; gains the folder `raw`.
        key: The workspace's key, with which hashes of changed lines are sealed.

    Raises:
        WallwatchError: A wanted line is not in its file any more.
        OSError: A file cannot be read or written.
    """
    found = Extracted()
    (into / RAW).mkdir(parents=True)
    ordered = sorted(files.values(), key=lambda wanted: (known[wanted.file_id].name, wanted.file_id))
    for number, wanted in enumerate(ordered, 1):
        file = known[wanted.file_id]
        writer = _Writer(into, f"{number:04d}-{_plain(file.name)}", file, wanted, key)
        path = layout.raw(file.sha256)
        if wanted.whole or (file.kind not in (OONI, obs_web.KIND) and not _has_lines(path)):
            writer.whole(path)
        elif file.kind == OONI:
            writer.measurements(path)
        elif file.kind == obs_web.KIND:
            writer.export(path)
        else:
            writer.table_lines(path)
        whole = any(not one.line for one in writer.taken)
        if len(writer.taken) < len(wanted.lines) and not whole and file.kind != obs_web.KIND:
            raise WallwatchError(
                f"{file.name} has {len(writer.taken)} of the {len(wanted.lines)} lines that the workspace read from it",
                status=1,
            )
        found.taken += writer.taken
        found.enclosed |= dict.fromkeys(dict.fromkeys(one.file for one in writer.taken), file.file_id)
        found.origins[file.file_id] = Origin(file.name, writer.file_hash(), file.size)
    return found


def _has_lines(path: Path) -> bool:
    """Whether a file of signals is a table of lines, and no JSON document."""
    return not head(path, 64, Limits()).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def _plain(name: str) -> str:
    """A file's name without folders and compression, in letters that every file system has."""
    base = name.rpartition("/")[2]
    for suffix in (
        ".gz",
        ".zst",
        ".bz2",
        ".xz",
        ".tar",
        ".tgz",
        ".jsonl",
        ".json",
        ".csv",
        ".parquet",
        ".txt",
    ):
        base = base.removesuffix(suffix)
    return re.sub("[^A-Za-z0-9_-]+", "-", base).strip("-")[:60] or "file"


class _Writer:
    """Writes what is wanted of one file."""

    def __init__(self, into: Path, stem: str, file: Known, wanted: Wanted, key: str) -> None:
        self._into, self._stem, self._file, self._wanted, self._key = into, f"{RAW}/{stem}", file, wanted, key
        self.taken: list[Taken] = []
        self._values: set[str] = set()

    def file_hash(self) -> str:
        """The file's hash; sealed where what was cut out of its lines could be guessed from it."""
        cut = {removal.what for one in self.taken for removal in one.cleaned.removals}
        guessable = PROBE in cut or (
            bool(cut) and len(self._values) <= _FEW and len(self.taken) >= self._file.lines
        )
        return seals.of_digest(self._file.sha256, guessable, self._key)

    def _add(
        self, name: str, line: int, offset: int, cleaned: Cleaned, original: bytes, at: int, id_: str
    ) -> None:
        self._values |= cleaned.values
        changed = bool(cleaned.removals)
        self.taken.append(
            Taken(
                name,
                line,
                offset,
                len(cleaned.content),
                self._file,
                at,
                seals.of_original(original, changed, self._key),
                id_,
                at in self._wanted.claim,
                cleaned,
            )
        )

    def whole(self, path: Path) -> None:
        """The file as it is; none that has volunteers' addresses is wanted whole."""
        with open_stream(path, Limits()) as stream:
            content = stream.readall() or b""
        suffix = "json" if content.lstrip()[:1] in (b"{", b"[") else "csv"
        name = f"{self._stem}.{suffix}"
        (self._into / name).write_bytes(content)
        self._add(name, 0, 0, Cleaned(content), content, 0, "")

    def measurements(self, path: Path) -> None:
        """Lines and documents of OONI's raw files: named ones in a tar file, as the name is their id."""
        named: list[tuple[Line, Cleaned]] = []
        plain: list[tuple[Line, Cleaned]] = []
        for stretch in stretches(path, Limits()):
            for line in stretch.lines():
                if line.number not in self._wanted.lines:
                    continue
                try:
                    cleaned = clean_json(line.content, _is_public_service)
                except ValueError as error:
                    raise WallwatchError(
                        f"{self._file.name}, line {line.number} cannot be cleaned of addresses, so it is not passed "
                        f"on: {error}",
                        status=1,
                    ) from None
                id_ = self._wanted.ids.get(line.number, "")
                (named if line.name is not None and line.name == id_ else plain).append((line, cleaned))
        if named:
            self._tar(named)
        if not plain:
            return
        if all(b"\n" not in cleaned.content.strip() for _, cleaned in plain):
            self._joined(f"{self._stem}.jsonl", plain, b"", b"\n", b"\n", strip=True)
        elif len(plain) == 1 and is_document(plain[0][1].content):
            self._joined(f"{self._stem}.json", plain, b"", b"", b"")
        else:
            self._joined(f"{self._stem}.json", plain, b"[\n", b",\n", b"\n]\n")

    def _joined(
        self,
        name: str,
        lines: Sequence[tuple[Line, Cleaned]],
        before: bytes,
        between: bytes,
        after: bytes,
        *,
        strip: bool = False,
    ) -> None:
        with (self._into / name).open("wb") as file:
            file.write(before)
            for number, (line, cleaned) in enumerate(lines, 1):
                if number > 1:
                    file.write(between)
                # A carriage return or a blank around a line is no part of its document.
                original = line.content.strip() if strip else line.content
                kept = replace(cleaned, content=cleaned.content.strip()) if strip else cleaned
                at = file.tell()
                file.write(kept.content)
                id_ = self._wanted.ids.get(line.number, "")
                self._add(name, number, at, kept, original, line.number, id_)
            file.write(after)

    def _tar(self, lines: Sequence[tuple[Line, Cleaned]]) -> None:
        name = f"{self._stem}.tar"
        with tarfile.open(self._into / name, "w", format=tarfile.PAX_FORMAT) as archive:
            for number, (line, cleaned) in enumerate(lines, 1):
                member = tarfile.TarInfo(f"{line.name}.json")
                member.size = len(cleaned.content)
                archive.addfile(member, io.BytesIO(cleaned.content))
                offset = archive.offset - (-(-member.size // 512)) * 512
                self._add(
                    name,
                    number,
                    offset,
                    cleaned,
                    line.content,
                    line.number,
                    self._wanted.ids.get(line.number, ""),
                )

    def export(self, path: Path) -> None:
        """Rows of an `obs_web` export: all that a wanted measurement has."""
        with path.open("rb") as file:
            parquet = file.read(4) == b"PAR1"
        if parquet:
            self._parquet(path)
            return
        ids = set(self._wanted.ids.values())
        claimed = {id_ for line, id_ in self._wanted.ids.items() if line in self._wanted.claim}
        name = f"{self._stem}.csv"
        with open_stream(path, Limits()) as stream, (self._into / name).open("wb") as out:
            records = _csv_records(BufferedReader(stream, 1 << 20))
            _, header = next(records)
            out.write(header)
            names = _row(header.removeprefix(b"\xef\xbb\xbf"))
            uid = names.index("measurement_uid")
            number = 1
            for at, record in records:
                fields = _row(record)
                if len(fields) != len(names) or fields[uid] not in ids:
                    continue
                number += 1
                end = record[len(record.rstrip(b"\r\n")) :] or b"\n"
                original = record[: len(record) - len(end)] if record.endswith(end) else record
                cleaned = clean_row(original, fields, names, _is_public_service)
                offset = out.tell()
                out.write(cleaned.content + end)
                self._add(name, number, offset, cleaned, original, at, fields[uid])
                self.taken[-1].claim = fields[uid] in claimed

    def _parquet(self, path: Path) -> None:
        """Rows of an export in Parquet, which has no lines: they are told by their position."""
        ids = set(self._wanted.ids.values())
        claimed = {id_ for line, id_ in self._wanted.ids.items() if line in self._wanted.claim}
        table = pq.read_table(path)
        uids = table.column("measurement_uid").to_pylist()
        chosen = [i for i, uid in enumerate(uids) if uid in ids]
        rows = table.take(chosen)
        name = f"{self._stem}.parquet"
        texts = [i for i, type_ in enumerate(rows.schema.types) if pa.types.is_string(type_)]
        names = [rows.schema.names[i] for i in texts]
        columns = [rows.column(i).to_pylist() for i in texts]
        for number, position in enumerate(chosen):
            fields = [column[number] or "" for column in columns]
            cleaned = clean_row(b"", fields, names, _is_public_service)
            for removal in cleaned.removals:
                at = names.index(removal.path)
                columns[at][number] = REMOVED
            self._add(name, number + 1, 0, cleaned, b"", position + 1, uids[position])
            self.taken[-1].claim = uids[position] in claimed
            self.taken[-1].original_sha256 = ""  # a row of Parquet has no bytes of its own
        for i, column in zip(texts, columns, strict=True):
            rows = rows.set_column(i, rows.schema.field(i), pa.array(column, pa.string()))
        pq.write_table(rows.replace_schema_metadata(None), self._into / name, compression="zstd")

    def table_lines(self, path: Path) -> None:
        """Physical lines of a table of signals or statements, below all lines before its first row."""
        name = f"{self._stem}.csv"
        first = min(self._wanted.lines)
        with open_stream(path, Limits()) as stream, (self._into / name).open("wb") as out:
            buffered = BufferedReader(stream, 1 << 20)
            above = _head_lines(buffered, first)
            for line in above:
                out.write(line)
            number = kept = len(above)
            for line in buffered:
                number += 1
                if number in self._wanted.lines:
                    kept += 1
                    content = line.rstrip(b"\r\n")
                    offset = out.tell()
                    out.write(content + b"\n")
                    self._add(name, kept, offset, Cleaned(content), content, number, "")


def _head_lines(stream: IO[bytes], first: int) -> list[bytes]:
    """The comments and the header of a table, which end where its first row may begin."""
    head: list[bytes] = []
    while len(head) < first - 1 and (line := stream.readline()):
        head.append(line)
        if line.strip() and not line.lstrip(b"\xef\xbb\xbf").startswith(b"#"):
            break
    return head


def _csv_records(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The records of a CSV file with their numbers, from 1: a record may have line ends within quotes."""
    number, held = 0, b""
    for line in stream:
        held += line
        if held.count(b'"') % 2 == 0 or len(held) > 1 << 24:
            number += 1
            yield number, held
            held = b""
    if held:
        yield number + 1, held


def _row(record: bytes) -> list[str]:
    text = record.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
    try:
        return next(csv.reader([text] if "\n" not in text else io.StringIO(text)), [])
    except csv.Error:
        return []
