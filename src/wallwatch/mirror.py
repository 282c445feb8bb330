"""A full copy of what a workspace says, for any static host or a USB stick: pages, feed, tables, digests, check sums."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wallwatch import show
from wallwatch._errors import WallwatchError
from wallwatch._files import atomic_folder
from wallwatch._progress import Progress, Silent
from wallwatch.engine import Workspace
from wallwatch.evidence import bag
from wallwatch.report.compact import write_one_file
from wallwatch.report.digest import digest
from wallwatch.report.facts import counted, countries
from wallwatch.report.language import DIRECTIONS, Language
from wallwatch.report.write import render
from wallwatch.show import Filters, records
from wallwatch.watch import atom
from wallwatch.watch.news import last_publication, untold

#: Says that a folder is a mirror, which may be replaced.
_MARKER: Final = "wallwatch-mirror.json"
#: What goes along as tables: findings, and nothing that is about a single volunteer.
_TABLES: Final = ("events", "outages", "routes", "statements")
SUMS: Final = "SHA256SUMS"
#: Bytes of a country's digest.
_DIGEST: Final = 1_000


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A mirror that was written.

    Attributes:
        index: Its first page.
        files: How many files it has.
        size: Their bytes.
    """

    index: Path
    files: int
    size: int


def mirror(
    root: Path,
    out: Path,
    *,
    lang: str = "en",
    link: str | None = None,
    progress: Progress | None = None,
) -> Mirrored:
    """Writes a mirror, in the place of an older one.

    Args:
        root: The workspace.
        out: The folder; new, empty, or a mirror from before.
        lang: Language of the pages at the top; those in the others lie in folders named after them.
        link: The address at which the feed will be found; relative to nothing where not given.
        progress: Hears how far it is.

    Raises:
        WallwatchError: The folder holds other things, or cannot be written; the language is unknown.
    """
    progress = progress or Silent()
    Language.of(lang)
    workspace = Workspace.open(root)
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / _MARKER).exists())):
        raise WallwatchError(f"{out} is not empty and not a mirror; name a new folder")
    try:
        with atomic_folder(out) as folder, workspace.connect() as con:
            for code in sorted(DIRECTIONS):
                language = Language.of(code)
                below = folder if code == lang else folder / code
                feed_path = "feed.atom" if code == lang else "../feed.atom"
                for path, page in render(
                    con, country=None, language=language, progress=progress, feed=feed_path
                ):
                    target = below / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(page.encode())
                with counted(con, None):
                    known = sorted(countries(con))
                for country in known:
                    target = below / "digest" / f"{country}.txt"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(digest(con, country, language, _DIGEST))
            write_one_file(con, folder / "report.zip", lang=lang, progress=progress)
            for name in _TABLES:
                _table(folder / "tables", name, [_public(record) for record in records(con, name, Filters())])
            origin = json.loads(workspace.layout.marker.read_bytes()).get("id") or "mirror"
            _, updated = last_publication(con)
            feed = atom.feed(
                untold(con, 0, most=atom.ENTRIES),
                origin=origin,
                updated=updated or "1970-01-01T00:00:00Z",
                link=link,
            )
            (folder / "feed.atom").write_bytes(feed)
            (folder / _MARKER).write_text(json.dumps({"format": 1, "lang": lang}) + "\n", encoding="utf-8")
            files = sorted(path for path in folder.rglob("*") if path.is_file())
            sums = "".join(f"{bag.digest(path)}  {path.relative_to(folder).as_posix()}\n" for path in files)
            (folder / SUMS).write_text(sums, encoding="utf-8")
            size = sum(path.stat().st_size for path in files)
    except OSError as error:
        raise WallwatchError(f"cannot write the mirror to {out}: {error.strerror}") from error
    return Mirrored(out / "index.html", len(files) + 1, size)


def _public(record: show.Record) -> show.Record:
    """A record without the names of those who collected it, who may be at risk."""
    return {name: value for name, value in record.items() if name not in ("collected_by", "confirmed_by")}


def _table(folder: Path, name: str, found: Sequence[show.Record]) -> None:
    """Records as JSON lines, CSV and Parquet; none where there are no rows."""
    if not found:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.jsonl").open("w", encoding="utf-8", newline="") as file:
        show.write_jsonl(found, file)
    with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
        show.write_csv(found, file)
    show.write_parquet(found, folder / f"{name}.parquet")
