"""Inputs that are addresses: `s3://bucket/prefix` and `https://host/file`, brought into a folder."""

from __future__ import annotations

import hashlib
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import unquote, urlsplit

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch._text import is_address, safe_text
from wallwatch.archive.fetch.download import RefusedError, safe_path
from wallwatch.archive.fetch.objects import bucket as open_bucket
from wallwatch.archive.fetch.parallel import fetched, first_line, listed
from wallwatch.archive.fetch.summary import Summary

__all__ = ["LARGEST", "SCHEMES", "download_inputs", "is_address"]

SCHEMES = ("s3", "https", "http")

#: A file that is longer is not downloaded.
LARGEST = 64 << 30

_REDIRECTS = 5
_TIMEOUT = 60.0
_BLOCK = 1 << 20


def download_inputs(
    address: str,
    into: Path,
    *,
    progress: Progress | None = None,
    endpoint: str | None = None,
    region: str | None = None,
    workers: int = 8,
    largest: int = LARGEST,
    retries: int = 5,
    pause: Callable[[float], None] = time.sleep,
) -> list[Path]:
    """Brings what an address names; what is here already and whole is not brought again.

    Args:
        address: `s3://bucket/prefix` (all objects below it), or `https://…` or `http://…` (one file).
        into: The folder to fill.
        progress: Hears how far it is.
        endpoint: Address of another store that speaks S3.
        region: The bucket's region.
        workers: Downloads at once.
        largest: The greatest length of a file, in bytes.
        retries: Further tries of a request.
        pause: Waits so many seconds between tries.

    Returns:
        The files, sorted.

    Raises:
        WallwatchError: The address cannot be read, or not everything came.
    """
    progress = progress or Silent()
    parts = urlsplit(address)
    if parts.scheme.lower() not in SCHEMES or not parts.netloc:
        raise WallwatchError(f"{safe_text(address, 200)!r} is no address that can be read: s3:// or https://")
    if parts.scheme.lower() != "s3":
        return [_web(address, into, progress, largest, pause)]
    if not re.fullmatch("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc):
        raise WallwatchError(f"{safe_text(parts.netloc, 100)!r} is not the name of a bucket")
    anonymous = "AWS_ACCESS_KEY_ID" not in os.environ
    store = open_bucket(parts.netloc, region=region, endpoint=endpoint, anonymous=anonymous, retries=retries)
    prefix = unquote(parts.path).strip("/")
    items, failed = listed(store, [prefix], workers, progress)
    items = [item for item in items if item.size <= largest]
    if not failed and not items and prefix:  # a single object is no prefix of itself
        above, _, _ = prefix.rpartition("/")
        items, failed = listed(store, [above], workers, progress)
        items = [item for item in items if item.key == prefix and item.size <= largest]
    summary = Summary(failed=failed)
    folder = safe_path(into, parts.netloc)
    fetched(store, items, folder, workers=workers, progress=progress, summary=summary, pause=pause)
    if summary.failed:
        raise WallwatchError("; ".join(summary.failed[:5]), status=1)
    if not summary.paths:
        raise WallwatchError(f"there is nothing at {safe_text(address, 200)}")
    return [Path(path) for path in summary.paths]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects, a few, to the web alone, and never from https to http."""

    max_redirections = _REDIRECTS

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The next request, or an error that says what is wrong with it."""
        scheme = urlsplit(newurl).scheme.lower()
        if scheme != "https" and not (scheme == "http" and urlsplit(req.full_url).scheme == "http"):
            raise WallwatchError(f"refused: a redirect to {safe_text(newurl, 200)}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _web(address: str, into: Path, progress: Progress, largest: int, pause: Callable[[float], None]) -> Path:
    """One file of the web; its length is what the server says, and its name comes from the address."""
    parts = urlsplit(address)
    name = unquote(parts.path).rsplit("/", 1)[-1] or "index"
    mark = hashlib.sha256(address.encode()).hexdigest()[:8]
    try:
        target = safe_path(into, f"{mark}-{name}")
    except RefusedError:
        target = into / f"{mark}-file"
    progress.stage(f"Fetching {safe_text(name, 60)}")
    reason = ""
    for attempt in range(4):
        if attempt:
            pause(min(0.5 * 2**attempt, 30.0))
        try:
            return _take(address, target, largest)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code != 429:
                raise WallwatchError(f"{safe_text(address, 200)}: the server says {error.code}") from error
            reason = f"the server says {error.code}"
        except (OSError, HTTPException) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise WallwatchError(f"{target}: {error.strerror}", status=1) from error
            reason = first_line(error)
    raise WallwatchError(f"{safe_text(address, 200)}: {reason} (after 4 tries)", status=1)


def _take(address: str, target: Path, largest: int) -> Path:
    request = urllib.request.Request(  # noqa: S310 - the scheme was checked by the caller
        address, headers={"User-Agent": "wallwatch", "Accept-Encoding": "identity"}
    )
    opener = urllib.request.build_opener(_Redirects())
    with opener.open(request, timeout=_TIMEOUT) as answer:
        stated = answer.headers.get("Content-Length", "")
        size = int(stated) if stated.isascii() and stated.isdigit() else None
        if size is not None and size > largest:
            raise WallwatchError(f"{safe_text(address, 200)} has {size:,} bytes: more than {largest:,}")
        if size is not None and target.is_file() and target.stat().st_size == size:
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        came = 0
        with part.open("wb") as file:
            for block in _blocks(answer):
                came += len(block)
                if came > largest:
                    raise WallwatchError(f"{safe_text(address, 200)} has more than {largest:,} bytes")
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        if size is not None and came != size:
            raise HTTPException(f"{came:,} of {size:,} bytes came")
        part.replace(target)
        return target


def _blocks(answer: IO[bytes]) -> Iterator[bytes]:
    while block := answer.read(_BLOCK):
        yield block
