"""Reference data of a workspace: lists of fingerprints that are kept, renewed from where they are published, and shown.

A list is named by the hash of its content. One that came from an address takes the place of what came from there
before, which is put aside and kept, so that an earlier judgement can be repeated. Lists that a person gave stay until
that person takes them away.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wallwatch import judge
from wallwatch._errors import WallwatchError
from wallwatch._files import sha256_of, write_atomic
from wallwatch._progress import Progress, Silent
from wallwatch._text import safe_text
from wallwatch.schema.layout import Layout
from wallwatch.sources.fingerprints import Fingerprint, Fingerprints

#: Where the community publishes its lists.
COMMUNITY = tuple(
    f"https://raw.githubusercontent.com/ooni/blocking-fingerprints/main/fingerprints_{kind}.csv"
    for kind in ("http", "dns")
)

#: A list that is longer is refused: the community's has half a megabyte.
LARGEST = 32 << 20

_SOURCES = "sources.json"
_MATCHED = "matched.json"


@dataclass(frozen=True, slots=True)
class Updated:
    """What renewing a list did.

    Attributes:
        url: Where it came from.
        sha256: Hash of its content.
        rows: How many fingerprints it holds.
        before: Hash of what came from there before; null where nothing did.
    """

    url: str
    sha256: str
    rows: int
    before: str | None

    @property
    def changed(self) -> bool:
        """Whether it differs from what was there."""
        return self.sha256 != self.before


def _folder(layout: Layout) -> Path:
    return layout.references / "fingerprints"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WallwatchError(f"{path} cannot be read: {error}") from error
    return found if isinstance(found, dict) else {}


def files(layout: Layout) -> list[Path]:
    """The lists that are in use, sorted by the hash of their content."""
    return sorted(_folder(layout).glob("[0-9a-f]*.csv"))


def load(layout: Layout) -> Fingerprints:
    """The packaged fingerprints and those of the workspace.

    Raises:
        WallwatchError: A list cannot be read.
    """
    return Fingerprints.load(files(layout))


def keep(layout: Layout, given: Sequence[Path]) -> None:
    """Adds files of fingerprints for good: a later run must judge what an earlier one read by the same knowledge.

    Raises:
        WallwatchError: A file cannot be read, or is no list of fingerprints.
    """
    for path in given:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error
        Fingerprints.from_csv([path])  # a file that is none is refused before it is kept
        write_atomic(_folder(layout) / f"{hashlib.sha256(content).hexdigest()[:16]}.csv", content)


def keep_networks(layout: Layout, given: Path) -> None:
    """Keeps a database of the networks of addresses (MMDB) for good, in place of the one that was there.

    Raises:
        WallwatchError: It cannot be read, or is no such database.
    """
    judge.digest(given)
    write_atomic(layout.references / judge.NETWORKS, given.read_bytes())


def update(
    layout: Layout,
    urls: Sequence[str],
    fetch: Callable[[str, Path], Path],
    *,
    now: datetime,
    progress: Progress | None = None,
) -> list[Updated]:
    """Renews lists from where they are published: all of them, or none where one fails.

    Args:
        layout: The workspace.
        urls: Their addresses; https, or http on this computer.
        fetch: Brings what is at an address into a folder, and gives its path.
        now: The time that is noted beside them.
        progress: Hears how far it is.

    Raises:
        WallwatchError: An address is refused or cannot be read, or what it gives is no list of fingerprints.
    """
    progress = progress or Silent()
    for url in urls:
        _check(url)
    folder = _folder(layout)
    folder.mkdir(parents=True, exist_ok=True)
    sources = _read(folder / _SOURCES)
    _put_aside(folder, sources)
    progress.stage("Fetching lists", len(urls))
    came: dict[str, tuple[bytes, int]] = {}
    for url in urls:
        with tempfile.TemporaryDirectory(prefix=".update-", dir=folder) as temporary:
            path = fetch(url, Path(temporary))
            try:
                # Beside the packaged ones, since only together they can be seen to be too many.
                rows = len(Fingerprints.from_csv([path]).fingerprints)
            except WallwatchError as error:
                reason = str(error).replace(str(path), safe_text(url, 200))
                raise WallwatchError(f"nothing was changed: {reason}") from error
            if not rows:
                raise WallwatchError(f"nothing was changed: {safe_text(url, 200)} holds no fingerprint")
            came[url] = path.read_bytes(), rows
        progress.advance()
    done = []
    for url, (content, rows) in came.items():
        sha256 = hashlib.sha256(content).hexdigest()
        before = sources.get(url, {}).get("sha256")
        done.append(Updated(url, sha256, rows, before))
        write_atomic(folder / f"{sha256[:16]}.csv", content)
        past = [*sources.get(url, {}).get("past", ()), *([before] if before and before != sha256 else ())]
        sources[url] = {
            "sha256": sha256,
            "rows": rows,
            "bytes": len(content),
            "fetched": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "past": [one for one in dict.fromkeys(past) if one != sha256],
        }
    write_atomic(folder / _SOURCES, json.dumps(sources, indent=1, sort_keys=True) + "\n")
    _put_aside(folder, sources)
    return done


def _check(url: str) -> None:
    parts = urlsplit(url)
    local = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise WallwatchError(
            f"{safe_text(url, 200)!r} is refused: lists that verdicts rest on come over https, lest they be altered on "
            "the way"
        )


def _put_aside(folder: Path, sources: dict[str, Any]) -> None:
    """Moves superseded lists out of the way, also those that a killed update left."""
    current = {one["sha256"] for one in sources.values()}
    for past in {sha256 for one in sources.values() for sha256 in one.get("past", ())} - current:
        path = folder / f"{past[:16]}.csv"
        if path.exists():
            (folder / "past").mkdir(exist_ok=True)
            path.replace(folder / "past" / path.name)


def matched(layout: Layout) -> dict[str, str]:
    """File id to the version of the fingerprints that its bodies were searched for; files that are not there: unknown."""
    return {str(id_): str(version) for id_, version in _read(layout.references / _MATCHED).items()}


def note_matched(layout: Layout, ids: Iterable[str], version: str) -> None:
    """Notes that the bodies of files were searched for fingerprints of that version."""
    known = matched(layout)
    found = known | dict.fromkeys(ids, version)
    if found != known:
        write_atomic(layout.references / _MATCHED, json.dumps(found, indent=0, sort_keys=True) + "\n")


def references(layout: Layout, known: Fingerprints) -> judge.References:
    """What the judge knows beforehand in this workspace."""
    return judge.References.load(
        layout.references, known.expected_countries(), known.version, known.strengths()
    )


def described(layout: Layout) -> dict[str, Any]:
    """What a workspace's verdicts rest on beside its measurements: lists, rules, models, each with its version.

    Raises:
        WallwatchError: A list cannot be read.
    """
    sources = _read(_folder(layout) / _SOURCES)
    by_hash: dict[str, tuple[str | None, dict[str, Any]]] = {
        one["sha256"][:16]: (url, one) for url, one in sources.items()
    }
    packaged, known = Fingerprints.builtin(), load(layout)
    lists = [_one("packaged", packaged.fingerprints, packaged.version, None)]
    for path in files(layout):
        url, source = by_hash.get(path.stem, (None, {}))
        found = Fingerprints.from_csv([path]).fingerprints
        lists.append(
            _one(
                url or "given by hand", found, source.get("sha256") or sha256_of(path), source.get("fetched")
            )
        )
    versions = matched(layout)
    taken_in = layout.taken_in()
    behind = [id_ for id_ in taken_in if versions.get(id_) != known.version]
    return {
        "fingerprints": {"version": known.version, "rows": len(known.fingerprints), "lists": lists},
        "rule_set": judge.RULE_SET,
        "reference_set": references(layout, known).version,
        "rules": len(judge.RULES),
        "services": sorted(service.nettest for service in judge.SERVICES),
        "tools": sorted(tool.nettest for tool in judge.TOOLS),
        "files": len(taken_in),
        "files_searched_for_others": len(behind),
    }


def _one(source: str, found: Sequence[Fingerprint], version: str, fetched: str | None) -> dict[str, Any]:
    return {
        "source": source,
        "version": version,
        "fetched": fetched,
        "rows": len(found),
        "scopes": dict(sorted(Counter(one.scope for one in found).items())),
        "locations": dict(sorted(Counter(one.location.partition(".")[0] for one in found).items())),
        "countries": len({country for one in found for country in one.countries}),
    }


def in_words(record: dict[str, Any]) -> list[str]:
    """The record of `described` in lines for people."""
    found = record["fingerprints"]
    lines = [f"{found['rows']:,} fingerprints, version {found['version']}"]
    for one in found["lists"]:
        scopes = ", ".join(f"{scope} {count:,}" for scope, count in one["scopes"].items())
        when = f", fetched {one['fetched']}" if one["fetched"] else ""
        lines.append(
            f"  {safe_text(one['source'], 160)}: {one['rows']:,} ({safe_text(scopes, 200)}){when}, {one['version'][:16]}"
        )
    lines += [
        f"{record['rules']} rules, version {record['rule_set']}",
        f"reference data, version {record['reference_set']}",
        f"models of services: {', '.join(record['services'])}",
        f"models of tools: {', '.join(record['tools'])}",
    ]
    if record["files_searched_for_others"]:
        lines.append(
            f"{record['files_searched_for_others']:,} of {record['files']:,} files were searched for other fingerprints; "
            "judge them anew with: wallwatch rejudge"
        )
    return lines
