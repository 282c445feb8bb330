"""Where each table and file lies in a workspace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

#: Written by the archive, one Parquet file for each file taken in, named by its `file_id`.
#: `files` comes last: a file whose row is not there was not taken in, whatever else is.
#: Those of small files are put together in packs (`Layout.packs`).
PER_FILE = ("measurements", "observations", "controls", "signals", "statements", "quarantine", "files")

#: Written by the stages after it, a folder replaced as a whole.
DERIVED = ("verdicts", "cells", "events", "doubts", "outages", "routes")

#: Written by each publication, one Parquet file each, named by its number, and never changed: what the tables above
#: said at a time. It depends on when a workspace was run, which no other table may, and so lies apart from them.
#: `publications` comes last: revisions whose publication is not there were not published.
HISTORY = ("revisions", "publications")


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one workspace."""

    root: Path

    @property
    def marker(self) -> Path:
        """The file that says that this folder is a workspace, and of which format."""
        return self.root / "wallwatch.json"

    def raw(self, sha256: str) -> Path:
        """Where the bytes of a file taken in are kept, unchanged."""
        return self.root / "raw" / sha256[:2] / sha256

    def table(self, name: str) -> Path:
        """The folder of a table's Parquet files."""
        return self.root / ("history" if name in HISTORY else "tables") / name

    def part(self, name: str, file_id: str) -> Path:
        """The rows of a table that one file gave; absent where it gave none, or where they are in a pack."""
        return self.table(name) / f"{file_id}.parquet"

    @property
    def packed(self) -> Path:
        """The list of packs."""
        return self.root / "tables" / "packs.json"

    def packs(self) -> dict[str, dict[str, str]]:
        """The parts of several files that are in one: its name to the ids of the files, and the hour of each."""
        try:
            found: dict[str, dict[str, str]] = json.loads(self.packed.read_bytes())
        except FileNotFoundError:
            return {}
        return found

    @property
    def record(self) -> Path:
        """The public record: documents, drafts, and the log of confirmed statements."""
        return self.root / "record"

    @property
    def recorded(self) -> Path:
        """The confirmed statements as rows, made from the log."""
        return self.root / "tables" / "recorded" / "0.parquet"

    @property
    def summaries(self) -> Path:
        """What was counted of the tables, so that pages and answers need not read them; may be deleted at any time."""
        return self.root / "summaries"

    @property
    def references(self) -> Path:
        """Reference data that the user updated; the defaults are in the package."""
        return self.root / "references"

    def taken_in(self) -> list[str]:
        """The ids of the files that were taken in wholly, sorted."""
        alone = (path.stem for path in self.table("files").glob("[0-9a-f]*.parquet"))
        return sorted({*alone, *(id_ for ids in self.packs().values() for id_ in ids)})

    def publication(self, name: str, number: int) -> Path:
        """The rows of a table of `HISTORY` that one publication gave; absent where it gave none."""
        return self.table(name) / f"{number:08d}.parquet"

    def parts(self, name: str) -> list[Path]:
        """The Parquet files of a table that may be read, sorted."""
        if name == "revisions":
            published = sorted(self.table("publications").glob("[0-9]*.parquet"))
            return [part for one in published if (part := self.table(name) / one.name).exists()]
        if name in PER_FILE:
            parts = [part for part, _, _ in self.spans(name)]
            recorded = name == "statements" and self.recorded.exists()
            return [*parts, self.recorded] if recorded else parts
        return sorted(self.table(name).glob("[!.]*.parquet"))

    def spans(self, name: str) -> list[tuple[Path, str, str]]:
        """The Parquet files of a table of `PER_FILE`, each with the least and the greatest id of the files it is of.

        Sorted, files that have their own behind the packs.
        """
        packs = self.packs()
        inside = {id_ for ids in packs.values() for id_ in ids}
        found = [
            (self.table(name) / f"{pack}.parquet", min(ids), max(ids)) for pack, ids in sorted(packs.items())
        ]
        found += [(self.part(name, id_), id_, id_) for id_ in self.taken_in() if id_ not in inside]
        return [one for one in found if one[0].exists()]
