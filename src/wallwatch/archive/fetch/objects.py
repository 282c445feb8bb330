"""Buckets: listing and reading objects without an account."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from wallwatch._errors import WallwatchError
from wallwatch.archive.fetch.download import Item

#: Buckets whose region is known; for others the environment says it.
_REGIONS = {"ooni-data-eu-fra": "eu-central-1"}

_STREAM = 1 << 20


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a store that speaks S3."""

    store: Any

    def list(self, prefix: str) -> Iterator[Item]:
        """The objects whose keys begin with a prefix that ends at a slash, sorted by key."""
        import obstore

        found = [
            Item(str(meta["path"]), int(meta["size"]), str(meta["e_tag"] or ""))
            for chunk in obstore.list(self.store, prefix=prefix)
            for meta in chunk
        ]
        return iter(sorted(found, key=lambda item: item.key))

    def read(self, item: Item, offset: int) -> Iterator[bytes]:
        """The content of an object from a byte on, if it is still the one that was listed."""
        import obstore

        options: Any = {"if_match": item.etag} if item.etag else {}
        if offset:
            options["range"] = {"offset": offset}
        for block in obstore.get(self.store, item.key, options=options).stream(min_chunk_size=_STREAM):
            yield bytes(block)

    def find(self, key: str) -> Item | None:
        """The object of that key; null where there is none."""
        import obstore

        try:
            meta = obstore.head(self.store, key)
        except FileNotFoundError:
            return None
        return Item(str(meta["path"]), int(meta["size"]), str(meta["e_tag"] or ""))

    def write(self, key: str, path: Path) -> None:
        """Puts a file's content in place of an object: readers see the old one or the new."""
        import obstore

        obstore.put(self.store, key, path)

    def delete(self, keys: Sequence[str]) -> None:
        """Removes objects."""
        import obstore

        for key in keys:
            obstore.delete(self.store, key)


def bucket(
    name: str,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    anonymous: bool = True,
    retries: int = 5,
    prefix: str | None = None,
) -> Bucket:
    """A bucket by its name.

    Args:
        name: The bucket.
        prefix: What all keys begin with; they are told without it.
        region: Where it is; by default as known for the bucket, or as the environment says (`AWS_REGION`).
        endpoint: Address of the store; by default Amazon's, or as the environment says (`AWS_ENDPOINT_URL`).
        anonymous: Whether to ask without an account.
        retries: Further tries of a request that failed for a passing reason.

    Raises:
        WallwatchError: The optional client is not installed, or the name is no bucket's.
    """
    try:
        from obstore.store import S3Store
    except ImportError as error:
        raise WallwatchError(
            "reading from object stores needs an optional part: pip install 'wallwatch[fetch]'"
        ) from error
    environment = os.environ
    endpoint = endpoint or environment.get("AWS_ENDPOINT_URL")
    region = region or _REGIONS.get(name) or environment.get("AWS_REGION") or "us-east-1"
    options: dict[str, Any] = {"region": region, "skip_signature": anonymous}
    client: Any = {"connect_timeout": "20s", "timeout": "600s"}
    if endpoint:
        options |= {"endpoint": endpoint, "virtual_hosted_style_request": False}
        client["allow_http"] = endpoint.startswith("http://")
    retry: Any = {"max_retries": retries, "retry_timeout": timedelta(seconds=120)}
    try:
        return Bucket(
            S3Store(name, prefix=prefix or None, client_options=client, retry_config=retry, **options)
        )
    except Exception as error:
        # The client's own classes are not all public.
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WallwatchError(f"the bucket {name!r} cannot be used: {first}") from error
