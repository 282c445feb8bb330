"""A workspace in object storage: brought here as far as queries need it, and put back when something has changed.

Raw files stay in the bucket: only what was read from them is brought. There is no lock: whoever starts two runs that write
to one workspace has to keep them apart.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch._text import safe_text
from wallwatch.archive.fetch.download import Item, digest, download
from wallwatch.archive.fetch.objects import Bucket, bucket
from wallwatch.archive.fetch.parallel import fetched, first_line, listed
from wallwatch.archive.fetch.summary import Summary
from wallwatch.archive.inputs import Given

_AT_ONCE = 8
#: What is not brought: bytes as they came, and what programs make on their way.
_STAYS = ("raw/", "downloads/", ".")


@dataclass(frozen=True, slots=True)
class Remote:
    """A place in a bucket.

    Attributes:
        address: `s3://bucket/prefix`; the store's own address and the keys to it come from the environment (`AWS_…`).
    """

    address: str

    @property
    def store(self) -> Bucket:
        """The place, its keys told from the prefix on.

        Raises:
            WallwatchError: It is no such address, or the client is not installed.
        """
        parts = urlsplit(self.address)
        if parts.scheme not in ("s3", "s3a") or not parts.netloc:
            raise WallwatchError(
                f"{safe_text(self.address, 200)!r} is no address of an object store: s3://bucket/path"
            )
        anonymous = "AWS_ACCESS_KEY_ID" not in os.environ
        return bucket(parts.netloc, anonymous=anonymous, prefix=unquote(parts.path).strip("/"))

    @property
    def cache(self) -> Path:
        """Where it is brought to on this machine."""
        home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(home) / "wallwatch" / hashlib.sha256(self.address.encode()).hexdigest()[:16]

    def below(self, name: str) -> Remote:
        """What lies there under a name."""
        return Remote(f"{self.address.rstrip('/')}/{name}")

    def files(self) -> list[Given]:
        """The files there, by their names; hidden ones are left out.

        Raises:
            WallwatchError: There is none, or it cannot be read.
        """
        found = [
            Given(Path(name), Path(name).name, item.size, self.below(name).address)
            for name, item in sorted(self._listed().items())
            if not any(part.startswith(".") for part in name.split("/"))
        ]
        if found:
            return found
        above, _, name = self.address.rpartition("/")
        item = Remote(above).store.find(name) if urlsplit(above).netloc else None
        if item is None:
            raise WallwatchError(f"there is nothing at {safe_text(self.address, 200)}")
        return [Given(Path(name), name, item.size, self.address)]

    def pull(self, root: Path, progress: Progress | None = None) -> None:
        """Brings what queries need into a folder, and removes there what the place no longer has.

        Raises:
            WallwatchError: Something cannot be read.
        """
        there = {name: item for name, item in self._listed().items() if not name.startswith(_STAYS)}
        summary = Summary()
        fetched(
            self.store,
            there.values(),
            root,
            workers=_AT_ONCE,
            progress=progress or Silent(),
            summary=summary,
        )
        if summary.failed:
            raise WallwatchError("; ".join(summary.failed[:5]), status=1)
        for name in set(_local(root)) - set(there):
            (root / name).unlink()

    def push(self, root: Path) -> None:
        """Puts there what a folder has and the place has not; what the folder lacks goes, raw files excepted.

        Raises:
            WallwatchError: Something cannot be written.
        """
        there = self._listed()

        def lacks(name: str) -> bool:
            item, path = there.get(name), root / name
            return item is None or item.size != path.stat().st_size or item.md5 != digest(path)

        here = set(_local(root))
        self.add(root, [name for name in here if lacks(name)])
        self.store.delete([n for n in there if n not in here and not n.startswith(_STAYS)])

    def add(self, root: Path, names: Iterable[str]) -> None:
        """Puts files of a folder there; what says of other files that they are whole last.

        Raises:
            WallwatchError: Something cannot be written.
        """
        store, ordered = self.store, sorted(names)
        lists = {name for name in ordered if name.endswith(".json")}
        files = {name for name in ordered if name.startswith("tables/files/")} - lists
        try:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                for some in (set(ordered) - files - lists, files, lists):
                    list(pool.map(lambda name: store.write(name, root / name), sorted(some)))
        except Exception as error:
            # The client's own classes are not all public.
            raise WallwatchError(f"{safe_text(self.address, 200)}: {first_line(error)}", status=1) from error

    def _listed(self) -> dict[str, Item]:
        items, failed = listed(self.store, [""], 1, Silent())
        if failed:
            raise WallwatchError(f"{safe_text(self.address, 200)}: {failed[0]}", status=1)
        return {item.key: item for item in items}


@contextmanager
def at_hand(place: str) -> Iterator[Path]:
    """A file as a path: one in object storage is brought for as long as the block lasts.

    Args:
        place: A path, or the address of an object.

    Raises:
        WallwatchError: There is no such object.
        BrokenError: It did not come whole.
    """
    if "://" not in place:
        yield Path(place)
        return
    above, _, name = place.rpartition("/")
    store = Remote(above).store
    item = store.find(name)
    if item is None:
        raise WallwatchError(f"there is nothing at {safe_text(place, 200)} any more", status=1)
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        path = Path(folder) / Path(name).name
        download(item, path, lambda at: store.read(item, at), pause=time.sleep)
        yield path


@contextmanager
def put_at(place: str) -> Iterator[Path]:
    """A folder to write to: for a place in object storage one here, whose files are put there when the block ends well.

    Args:
        place: A folder's path, or an address.
    """
    if "://" not in place:
        yield Path(place)
        return
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder:
        yield Path(folder)
        Remote(place).add(Path(folder), _local(Path(folder)))


def _local(root: Path) -> list[str]:
    """The names of the files of a folder, sorted, without hidden ones."""
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(name for name in names if not any(part.startswith(".") for part in name.split("/")))
