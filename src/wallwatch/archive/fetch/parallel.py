"""Many files at once: what fails does not keep the others from coming."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

from wallwatch._progress import Progress
from wallwatch._text import safe_text
from wallwatch.archive.fetch.download import BrokenError, Item, RefusedError, download, safe_path
from wallwatch.archive.fetch.objects import Bucket
from wallwatch.archive.fetch.summary import Summary


def first_line(error: BaseException) -> str:
    """The first line of an error's text, made safe: the clients append pages of details."""
    lines = str(error).strip().splitlines()
    return safe_text(lines[0] if lines else type(error).__name__, 300)


def listed(
    bucket: Bucket, prefixes: Sequence[str], workers: int, progress: Progress
) -> tuple[list[Item], list[str]]:
    """The objects below each prefix, sorted by key, and what could not be listed."""
    progress.stage("Listing", len(prefixes))

    def one(prefix: str) -> tuple[list[Item], str]:
        try:
            return list(bucket.list(prefix)), ""
        except Exception as error:
            # The client's own classes are not all public; a prefix that fails must not end the rest.
            return [], f"listing {safe_text(prefix, 200)}: {first_line(error)}"

    items: dict[str, Item] = {}
    failed: list[str] = []
    with ThreadPoolExecutor(workers) as pool:
        for found, reason in pool.map(one, prefixes):
            items |= {item.key: item for item in found}
            failed += [reason] if reason else []
            progress.advance()
    return [items[key] for key in sorted(items)], failed


def fetched(
    bucket: Bucket,
    items: Iterable[Item],
    into: Path,
    *,
    workers: int,
    progress: Progress,
    summary: Summary,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Downloads items, each to its key's path below `into`; fills the summary."""
    ordered = list(items)
    progress.stage("Fetching", len(ordered))

    def one(item: Item) -> tuple[Path | None, int, str]:
        try:
            target = safe_path(into, item.key)
            return target, download(item, target, lambda at: bucket.read(item, at), pause=pause), ""
        except (RefusedError, BrokenError) as error:
            return None, 0, str(error)
        except OSError as error:
            return None, 0, f"{safe_text(item.key, 200)}: {first_line(error)}"

    with ThreadPoolExecutor(workers) as pool:
        waiting = iter(ordered)
        running: set[Future[tuple[Path | None, int, str]]] = {
            pool.submit(one, item) for item in islice(waiting, 2 * workers)
        }
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                path, came, reason = future.result()
                if path is None:
                    summary.failed.append(reason)
                else:
                    summary.paths.append(str(path))
                    summary.bytes_fetched += came
                    summary.fetched += bool(came)
                    summary.present += not came
                progress.advance()
            running |= {pool.submit(one, item) for item in islice(waiting, len(done))}
    summary.paths.sort()
    summary.failed.sort()
