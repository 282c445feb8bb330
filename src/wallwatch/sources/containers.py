"""One file as stretches of whole lines: plain, compressed, a tar archive of documents, or JSON over many lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import msgspec

from wallwatch.sources.bytestream import BombError, Pieces, RefusedError, TornError, pieces
from wallwatch.sources.stretch import Aside, Limits, Line, Stretch, split_lines
from wallwatch.sources.tar import Member, is_tar, members

_BOM = b"\xef\xbb\xbf"
_EXCERPT = 200


def open_stream(path: Path, limits: Limits) -> Pieces:
    """The decompressed file as a stream; why it ended too soon, if it did, is in its `trouble`.

    Raises:
        OSError: It cannot be read.
    """
    return Pieces(pieces(path, limits))


def head(path: Path, size: int, limits: Limits) -> bytes:
    """The first `size` decompressed bytes, or as many as there are before the file's end or tear.

    Raises:
        RefusedError: It is a container that is not read.
        OSError: It cannot be read.
    """
    found: list[bytes] = []
    have = 0
    try:
        for piece in pieces(path, limits):
            found.append(piece)
            have += len(piece)
            if have >= size:
                break
    except (TornError, BombError):
        pass
    return b"".join(found)[:size]


def mentions(path: Path, words: tuple[bytes, ...], limits: Limits) -> bool:
    """Whether any of the words occurs anywhere in the decompressed file.

    Raises:
        BombError: It expands beyond the limits, without them before.
    """
    longest = max(map(len, words))
    tail = b""
    try:
        for piece in pieces(path, limits):
            text = tail + piece
            if any(word in text for word in words):
                return True
            tail = text[-longest:]
    except (TornError, RefusedError):
        pass
    return False


def stretches(path: Path, limits: Limits) -> Iterator[Stretch]:
    """The file's lines or documents, in order; whatever could not be given is in `aside`.

    Raises:
        RefusedError: It is a container that is not read.
        OSError: It cannot be read.
    """
    beginning = head(path, 65_536, limits)
    stream = open_stream(path, limits)
    if is_tar(beginning):
        yield from _from_tar(stream, limits)
    elif is_document(beginning):
        yield from _from_documents(stream, limits)
    else:
        yield from _from_lines(stream, limits)


def is_document(beginning: bytes) -> bool:
    """Whether the text is JSON laid out over many lines, or one array, rather than one object a line."""
    text = beginning.removeprefix(_BOM).lstrip()
    first, _, rest = text.partition(b"\n")
    return text.startswith(b"[") or (first.strip() == b"{" and rest.lstrip()[:1] in (b'"', b"}"))


def _from_lines(stream: Pieces, limits: Limits) -> Iterator[Stretch]:
    """A stretch ends with the line that fills it, so that only the content decides where."""
    number, offset = 1, 0
    piece = stream.piece()
    while 0 < len(piece) < len(_BOM) and (more := stream.piece()):
        piece += more
    if piece.startswith(_BOM):
        piece, offset = piece[len(_BOM) :], len(_BOM)
    lines: list[bytes] = []
    filled = 0
    begun: list[bytes] = []  # pieces of a line whose end has not come yet
    length = 0
    while piece:
        parts = split_lines(piece)
        if len(parts) > 1:
            begun.append(parts[0])
            parts[0] = b"".join(begun) if len(begun) > 1 else parts[0]
            begun, length = [], 0
            last = parts.pop()
            for line in parts:
                if len(line) > limits.line:
                    # Short enough to have come in one piece, and too long all the same.
                    yield Stretch(number, offset, lines)
                    number, offset = number + len(lines), offset + filled
                    yield _aside(number, offset, len(line), line, limits)
                    number, offset, lines, filled = number + 1, offset + len(line) + 1, [], 0
                    continue
                lines.append(line)
                filled += len(line) + 1
                if filled >= limits.stretch:
                    yield Stretch(number, offset, lines)
                    number, offset, lines, filled = number + len(lines), offset + filled, [], 0
        else:
            last = piece
        if last:
            begun.append(last)
            length += len(last)
        if length > limits.line:
            yield Stretch(number, offset, lines)
            number, offset, lines, filled = number + len(lines), offset + filled, [], 0
            length, piece = _pass_over(stream, length)
            yield _aside(number, offset, length, begun[0], limits)
            number, offset, begun, length = number + 1, offset + length + 1, [], 0
            if piece:
                continue
        piece = stream.piece()
    if lines:
        yield Stretch(number, offset, lines)
    yield from _the_end(stream, b"".join(begun), number + len(lines), offset + filled)


def _aside(number: int, offset: int, length: int, begin: bytes, limits: Limits) -> Stretch:
    reason = _too_long(length, limits)
    return Stretch(number, offset, aside=(Aside(number, offset, reason, begin[:_EXCERPT]),))


def _too_long(length: int, limits: Limits) -> str:
    return f"a line of {length:,} bytes; the limit is {limits.line:,}"


def _pass_over(stream: Pieces, length: int) -> tuple[int, bytes]:
    """Reads to the end of a line without keeping it: its length, and what follows it."""
    while piece := stream.piece():
        end = piece.find(b"\n")
        if end >= 0:
            return length + end, piece[end + 1 :]
        length += len(piece)
    return length, b""


def _the_end(stream: Pieces, rest: bytes, number: int, offset: int) -> Iterator[Stretch]:
    """What follows the last line end, or the last object; where the file is torn, it is set aside."""
    if stream.trouble is not None:
        reason = f"torn: {stream.trouble}"
        yield Stretch(number, offset, aside=(Aside(number, offset, reason, rest[:_EXCERPT]),))
    elif rest.strip():
        yield Stretch(number, offset, documents=(Line(number, offset, rest),))


def _from_tar(stream: Pieces, limits: Limits) -> Iterator[Stretch]:
    documents: list[Line] = []
    aside: list[Aside] = []
    size, number = 0, 0
    for member in members(stream, limits):
        if isinstance(member, Aside):
            number += 1
            aside.append(Aside(number, member.offset, member.reason, member.excerpt))
            continue
        found = _documents_of(member, number)
        number += max(len(found), 1)
        documents += found
        size += len(member.content)
        if size >= limits.stretch or len(aside) >= 10_000:
            yield Stretch(1, 0, documents=tuple(documents), aside=tuple(aside))
            documents, aside, size = [], [], 0
    if stream.trouble is not None:
        aside.append(Aside(number + 1, stream.tell(), f"torn: {stream.trouble}"))
    if documents or aside:
        yield Stretch(1, 0, documents=tuple(documents), aside=tuple(aside))


def _documents_of(member: Member, before: int) -> list[Line]:
    """A member is one document, or, in old archives of report files, one a line."""
    name = PurePosixPath(member.name).name
    name = name.removesuffix(".gz").removesuffix(".post").removesuffix(".json")
    content = member.content
    if b"\n" not in content.strip() or is_document(content):
        return [Line(before + 1, member.offset, content, name)]
    lines = Stretch.of_block(before + 1, member.offset, content).lines()
    return [line for line in lines if line.content.strip()]


def _from_documents(stream: Pieces, limits: Limits) -> Iterator[Stretch]:
    """Objects laid out over many lines, one after the other; or one array of objects."""
    text = bytearray(stream.read(1 << 16))
    if text.removeprefix(_BOM).lstrip()[:1] != b"[":
        yield from _from_objects(text, stream, limits)
        return
    while len(text) <= limits.line and (piece := stream.read(1 << 20)):
        text += piece
    if len(text) > limits.line:
        reason = f"a JSON array of more than {limits.line:,} bytes; give one object a line instead"
        yield Stretch(1, 0, aside=(Aside(1, 0, reason, bytes(text[:_EXCERPT])),))
    else:
        yield from _from_array(bytes(text), stream)


def _from_array(text: bytes, stream: Pieces) -> Iterator[Stretch]:
    lead = len(_BOM) if text.startswith(_BOM) else 0
    try:
        items = msgspec.json.decode(text[lead:], type=list[msgspec.Raw])
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        reason = f"torn: {stream.trouble}" if stream.trouble else f"not a valid JSON array: {error}"
        yield Stretch(1, 0, aside=(Aside(1, 0, reason, text[:_EXCERPT]),))
        return
    documents = []
    at = lead
    line, counted = 1, 0
    for item in items:
        content = bytes(item)
        at = text.find(content, at)
        line += text.count(b"\n", counted, at)
        counted = at
        documents.append(Line(line, at, content))
        at += len(content)
    yield Stretch(1, 0, documents=tuple(_numbered(documents)))


def _numbered(documents: list[Line]) -> Iterator[Line]:
    """Documents that share a line get numbers of their own: their positions."""
    if len({line.number for line in documents}) == len(documents):
        yield from documents
    else:
        for position, line in enumerate(documents, 1):
            yield Line(position, line.offset, line.content, line.name)


def _from_objects(text: bytearray, stream: Pieces, limits: Limits) -> Iterator[Stretch]:
    """An object ends behind a `}` that begins a line; what comes behind the last one is one object, too."""
    number, offset = 1, 0
    if text.startswith(_BOM):
        del text[: len(_BOM)]
        offset = len(_BOM)
    begin = searched = 0
    while True:
        end = text.find(b"\n}", searched)
        if 0 <= end < len(text) - 2:
            content = bytes(text[begin : end + 2])
            yield Stretch(number, offset, documents=(Line(number, offset, content),))
            number += content.count(b"\n")
            offset += len(content)
            begin = searched = end + 2
            continue
        searched = max(begin, len(text) - 2)
        if len(text) - begin > limits.line:
            reason = f"a JSON object of more than {limits.line:,} bytes; the rest of the file is not read"
            excerpt = bytes(text[begin : begin + _EXCERPT])
            yield Stretch(number, offset, aside=(Aside(number, offset, reason, excerpt),))
            return
        piece = stream.read(1 << 20)
        if not piece:
            break
        del text[:begin]
        searched, begin = searched - begin, 0
        text += piece
    rest = bytes(text[begin:])
    blank = len(rest) - len(rest.lstrip())
    number, offset = number + rest.count(b"\n", 0, blank), offset + blank
    yield from _the_end(stream, rest[blank:], number, offset)
