"""The loop: look, take in what has settled, tell what is new, wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from wallwatch import pipeline
from wallwatch._errors import WallwatchError
from wallwatch._files import sha256_of, write_atomic
from wallwatch._progress import Progress, Silent
from wallwatch.archive.inputs import given_files
from wallwatch.engine import Workspace
from wallwatch.watch.atom import feed
from wallwatch.watch.news import Record, last_publication, last_told, note_told, untold

#: A measurement may start so long after the clock: clocks of probes and of this machine differ.
_AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Options:
    """How it watches.

    Attributes:
        every: Seconds between two looks.
        settle: Seconds that a file must have been left alone before it is taken in: it may still be written.
        once: Whether to look once only.
        workers: Processes that read; the machine's cores where not given.
        fingerprints: Files of block-page fingerprints, used beside the packaged ones.
        feed: The file of the Atom feed; none is written where not given.
        link: The address at which the feed will be found.
    """

    every: float = 60.0
    settle: float = 5.0
    once: bool = False
    workers: int | None = None
    fingerprints: tuple[Path, ...] = ()
    feed: Path | None = None
    link: str | None = None


@dataclass(slots=True)
class _Seen:
    """Which files were looked at, by what their folder says of them, so that none is hashed at every look."""

    now: datetime
    settle: float
    before: dict[Path, tuple[int, int]] = field(default_factory=dict)
    waiting: int = 0

    def wanted(self, path: Path) -> bool:
        """Whether the file is new or changed, and left alone for long enough; a file that vanished is not."""
        try:
            stat = path.stat()
        except OSError:
            return False
        if self.before.get(path) == (stat.st_size, stat.st_mtime_ns):
            return False
        if -self.settle <= self.now.timestamp() - stat.st_mtime < self.settle:
            self.waiting += 1
            return False
        return True

    def remember(self, paths: Sequence[Path]) -> None:
        """Notes that the files were looked at; to be called before they are read, so that no later change is missed."""
        for path in paths:
            try:
                stat = path.stat()
            except OSError:
                continue
            self.before[path] = (stat.st_size, stat.st_mtime_ns)


def watch(
    inputs: Sequence[str],
    root: Path,
    options: Options,
    *,
    clock: Callable[[], datetime],
    wait: Callable[[float], None],
    tell: Callable[[Sequence[Record]], None],
    say: Callable[[str], None],
    progress: Progress | None = None,
) -> int:
    """Runs again and again as files arrive, and tells what is new.

    Args:
        inputs: Files, folders and addresses, as for a run.
        root: The workspace, made where there is none.
        options: How to watch.
        clock: The time; read once at every look.
        wait: Waits so many seconds; it is called between two looks, and may raise to end the watch.
        tell: Takes what is new, oldest first; what it has taken is not told again.
        say: Takes messages for the person who watches.
        progress: Hears how far a run is.

    Returns:
        How many lines and parts of lines were set aside.

    Raises:
        WallwatchError: Something cannot be used; what may pass, as another run in the same workspace, only with
            `once`.
    """
    seen = _Seen(clock(), options.settle)
    set_aside = 0
    first = True
    while True:
        try:
            set_aside += _look(inputs, root, options, seen, first, tell, say, progress or Silent())
            first = False
        except WallwatchError as error:
            if options.once or error.status != 1:
                raise
            say(f"{error}; trying again in {options.every:g} s")
        if options.once:
            if seen.waiting:
                say(f"{seen.waiting} changed less than {options.settle:g} s ago, left for the next time")
            return set_aside
        wait(options.every)
        seen.now, seen.waiting = clock(), 0


def _look(
    inputs: Sequence[str],
    root: Path,
    options: Options,
    seen: _Seen,
    first: bool,
    tell: Callable[[Sequence[Record]], None],
    say: Callable[[str], None],
    progress: Progress,
) -> int:
    """One look; returns what was set aside."""
    paths = pipeline.local_inputs(inputs, root, progress)
    workspace = Workspace.create(root)
    new = [file.path for file in given_files(paths, root, seen.wanted)]
    set_aside = 0
    if new or first:
        chosen = set(new)
        before = dict(seen.before)
        seen.remember(new)
        try:
            summary = pipeline.run(
                paths,
                root,
                as_of=seen.now + _AHEAD,
                published=seen.now,
                workers=options.workers,
                fingerprints=options.fingerprints,
                progress=progress,
                wanted=chosen.__contains__,
            )
        except WallwatchError:
            seen.before = before  # they are to be looked at again
            raise
        set_aside = summary.taken_in.set_aside
        if set_aside:
            say(f"set aside: {set_aside:,} (see: wallwatch show quarantine)")
    _tell(workspace, options, tell)
    return set_aside


def _tell(workspace: Workspace, options: Options, tell: Callable[[Sequence[Record]], None]) -> None:
    """Tells what is new, brings the feed up to date, and notes what was told: last, so that nothing is lost."""
    layout = workspace.layout
    with workspace.connect() as con:
        number, published = last_publication(con)
        if published is None:
            return
        told = last_told(layout)
        stale = options.feed is not None and not options.feed.exists()
        if told >= number and not stale:
            return
        every = untold(con, 0)
    news = [record for record in every if record["publication"] > told]
    if news:
        tell(news)
    if options.feed is not None:
        origin = sha256_of(layout.publication("publications", 1))
        try:
            write_atomic(options.feed, feed(every, origin=origin, updated=published, link=options.link))
        except OSError as error:
            raise WallwatchError(f"cannot write the feed {options.feed}: {error.strerror}") from error
    note_told(layout, number)
