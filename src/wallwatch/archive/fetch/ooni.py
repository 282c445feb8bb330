"""OONI's public bucket: raw measurement files by country, day of upload and nettest.

Keys are `raw/YYYYMMDD/HH/CC/<nettest>/<name>.jsonl.gz`; the hour is that of the upload, and beside each such
file lie the post-cans (`.tar.gz`) with the same measurements (docs.ooni.org, "OONI data").
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch.archive.fetch.download import Item
from wallwatch.archive.fetch.objects import bucket as open_bucket
from wallwatch.archive.fetch.parallel import fetched, listed
from wallwatch.archive.fetch.summary import Summary

BUCKET = "ooni-data-eu-fra"

#: The bucket's raw files begin with this day.
FIRST_DAY = date(2020, 10, 20)

_KEY = re.compile(r"raw/\d{8}/\d{2}/(?P<country>[A-Z]{2})/(?P<nettest>[a-z0-9]+)/[^/]+")
_MOST_DAYS = 3660


def fetch_ooni(
    countries: Sequence[str],
    since: date,
    until: date,
    nettests: Iterable[str] = (),
    into: Path = Path(),
    *,
    late_days: int = 0,
    post_cans: bool = False,
    workers: int = 8,
    progress: Progress | None = None,
    bucket: str = BUCKET,
    region: str | None = None,
    endpoint: str | None = None,
    retries: int = 5,
    pause: Callable[[float], None] = time.sleep,
) -> Summary:
    """Downloads raw files; each keeps its key as its path below `into`, byte for byte.

    Args:
        countries: Two-letter codes.
        since: First day of upload (UTC).
        until: Last day of upload.
        nettests: Names with or without underscores (`web_connectivity`); all where none is given.
        into: The folder to fill.
        late_days: Days after `until` to look at too: some measurements are uploaded days after they were made.
        post_cans: Whether to bring the `.tar.gz` files too, which hold the same measurements again.
        workers: Downloads at once.
        progress: Hears how far it is.
        bucket: Name of the bucket.
        region: Its region.
        endpoint: Address of another store that speaks S3.
        retries: Further tries of a request.
        pause: Waits so many seconds between tries of a file.

    Raises:
        WallwatchError: A code or a day that cannot be, or the optional client is not installed.
    """
    progress = progress or Silent()
    wanted = sorted({code.upper() for code in countries})
    if not wanted or not all(re.fullmatch("[A-Z]{2}", code) for code in wanted):
        raise WallwatchError("name at least one country by its two letters, such as KE")
    if until < since:
        raise WallwatchError(f"the last day, {until}, lies before the first, {since}")
    last = until + timedelta(days=max(late_days, 0))
    if (last - since).days >= _MOST_DAYS:
        raise WallwatchError(f"more than {_MOST_DAYS} days at once: name a shorter time")
    if last < FIRST_DAY:
        raise WallwatchError(f"the bucket's raw files begin with {FIRST_DAY}")
    tests = {re.sub("[^a-z0-9]", "", name.lower()) for name in nettests}
    days = [since + timedelta(days=n) for n in range((last - since).days + 1)]
    prefixes = [
        f"raw/{day:%Y%m%d}/{hour:02d}/{code}/" for day in days for hour in range(24) for code in wanted
    ]
    store = open_bucket(bucket, region=region, endpoint=endpoint, retries=retries)
    items, failed = listed(store, prefixes, workers, progress)
    summary = Summary(failed=failed)
    chosen = [item for item in items if _chosen(item, wanted, tests, post_cans)]
    fetched(store, chosen, into, workers=workers, progress=progress, summary=summary, pause=pause)
    return summary


def _chosen(item: Item, countries: Sequence[str], nettests: set[str], post_cans: bool) -> bool:
    """Whether an object is one of those asked for; a key of another shape is none of OONI's."""
    match = _KEY.fullmatch(item.key)
    if match is None or match["country"] not in countries:
        return False
    if nettests and match["nettest"] not in nettests:
        return False
    return item.key.endswith(".jsonl.gz") or (post_cans and item.key.endswith(".tar.gz"))
