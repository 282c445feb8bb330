"""One file of any kind, read: its kind, its stretches, and the batches that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from io import BufferedReader
from pathlib import Path

from wallwatch._text import safe_bytes
from wallwatch.sources import obs_web
from wallwatch.sources.batch import Batch
from wallwatch.sources.bytestream import RefusedError
from wallwatch.sources.containers import head, open_stream, stretches
from wallwatch.sources.ooni import Gathered, OONIReader, set_aside
from wallwatch.sources.ooni.known import Matcher
from wallwatch.sources.recognise import HEAD, OONI, UNKNOWN, recognise, signal_reader
from wallwatch.sources.stretch import Aside, Limits, Line, Lines, Stretch, portions

#: Hands on stretches, perhaps made ahead of time.
HandOn = Callable[[Iterator[Stretch]], Iterator[Stretch]]
#: Reads the portions of an OONI file's stretches, in order, by whatever workers there are.
ReadPortions = Callable[[Iterator[Iterator[Stretch]], str], Iterator[Batch]]


def read_portion(reader: OONIReader, stretches: Iterable[Lines], file_id: str) -> Batch:
    """The rows of some stretches of an OONI file, with a quarantine row for what the container set aside.

    Stretches are asked for one by one, as their lines are read.
    """
    gathered = reader.gather()
    _gather(gathered, stretches, file_id)
    return gathered.batch()


def _gather(into: Gathered, stretches: Iterable[Lines], file_id: str) -> None:
    aside: list[Aside] = []

    def lines() -> Iterator[Line]:
        for stretch in stretches:
            aside.extend(stretch.aside)
            yield from stretch.lines()

    into.add(lines(), file_id, aside)


def read_small_files(
    files: Iterable[tuple[Path, str]], *, as_of: datetime, matcher: Matcher | None = None
) -> Iterator[tuple[list[tuple[str, str]], Batch]]:
    """Reads many small files: what Arrow costs for each column is paid for once for many of them.

    Args:
        files: Where each lies, and its id.
        as_of: No measurement can be later than this.
        matcher: What finds fingerprints.

    Yields:
        The id and the kind of each file that is complete with this batch, and the batch: the rows of these files and of
        none that was complete before, file by file.

    Raises:
        OSError: One cannot be read.
    """
    limits, reader = Limits(), OONIReader(as_of, matcher)
    gathered, ended = reader.gather(), list[tuple[str, str]]()
    for path, file_id in files:
        try:
            kind, _ = recognise(path, limits)
        except RefusedError:
            kind = UNKNOWN
        if kind == OONI:
            for portion in portions(stretches(path, limits), limits.batch):
                _gather(gathered, portion, file_id)
                if gathered.size >= limits.batch:
                    yield ended, gathered.batch()
                    gathered, ended = reader.gather(), []
            ended.append((file_id, kind))
            continue
        if ended or gathered.size:
            yield ended, gathered.batch()
            gathered, ended = reader.gather(), []
        kind, batches = read_file(path, file_id, as_of=as_of, matcher=matcher, limits=limits)
        for batch in batches:
            yield [], batch
        yield [(file_id, kind)], Batch()
    if ended or gathered.size:
        yield ended, gathered.batch()


def read_file(
    path: Path,
    file_id: str,
    *,
    as_of: datetime,
    matcher: Matcher | None = None,
    limits: Limits | None = None,
    read_portions: ReadPortions | None = None,
    hand_on: HandOn = iter,
) -> tuple[str, Iterator[Batch]]:
    """A file's kind, and its rows a bounded number at a time. A file that no reader knows is set aside.

    Args:
        path: Where it lies.
        file_id: Its id.
        as_of: No measurement can be later than this.
        matcher: What finds fingerprints.
        limits: What it may ask of memory and time; the default limits where not given.
        read_portions: Reads the stretches of an OONI file; one after the other in this process where not given.
        hand_on: What stretches of an OONI file go through on their way from its container.

    Raises:
        OSError: It cannot be read.
    """
    limits = limits or Limits()
    try:
        kind, why_not = recognise(path, limits)
    except RefusedError as error:
        return UNKNOWN, iter([whole_aside(path, file_id, str(error))])
    if kind == OONI:
        found = portions(hand_on(stretches(path, limits)), limits.batch)
        if read_portions is None:
            reader = OONIReader(as_of, matcher)
            return kind, (read_portion(reader, portion, file_id) for portion in found)
        return kind, read_portions(found, file_id)
    if kind == obs_web.KIND:
        return kind, _obs_web(path, file_id, as_of, matcher, limits)
    if kind == UNKNOWN:
        return kind, iter([whole_aside(path, file_id, why_not)])
    return kind, _signals(path, file_id, limits)


def whole_aside(path: Path, file_id: str, reason: str) -> Batch:
    """A batch that sets a whole file aside."""
    with path.open("rb") as file:
        beginning = file.read(200)
    return Batch({"quarantine": set_aside([(file_id, 1, 0, reason, safe_bytes(beginning))])})


def _obs_web(
    path: Path, file_id: str, as_of: datetime, matcher: Matcher | None, limits: Limits
) -> Iterator[Batch]:
    with path.open("rb") as file:
        if file.read(4) == b"PAR1":
            file.seek(0)
            yield from obs_web.read_parquet(file, file_id, as_of, matcher)
            return
    stream = open_stream(path, limits)
    yield from obs_web.read(BufferedReader(stream, 1 << 20), file_id, as_of, matcher)
    yield from _torn(stream.trouble, file_id, stream.tell())


def _signals(path: Path, file_id: str, limits: Limits) -> Iterator[Batch]:
    reader = signal_reader(head(path, HEAD, limits))
    if reader is None:
        raise AssertionError("a file is of a kind that no reader has")
    stream = open_stream(path, limits)
    yield from reader.read(BufferedReader(stream, 1 << 20), file_id)
    yield from _torn(stream.trouble, file_id, stream.tell())


def _torn(trouble: str | None, file_id: str, offset: int) -> Iterator[Batch]:
    """A quarantine row for the rest of a file that ended too soon; line 0 stands for the rest."""
    if trouble is not None:
        yield Batch({"quarantine": set_aside([(file_id, 0, offset, f"torn: {trouble}", "")])})
