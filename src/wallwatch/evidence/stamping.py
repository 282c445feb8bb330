"""Time stamps by a third party (RFC 3161): that a file existed at a time. Asked for only when a person says so."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from wallwatch._errors import WallwatchError

#: A larger answer is no time stamp.
_LARGEST: Final = 1 << 20
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a time stamp says.

    Attributes:
        time: When the authority saw the file, in UTC.
        problem: Why it does not hold; null where it does.
        trusted: Whether it was held against certificates that the reader trusts.
    """

    time: datetime | None
    problem: str | None
    trusted: bool


def request(message: bytes, url: str) -> bytes:
    """A time stamp of a message; the authority sees its hash and nothing else.

    Args:
        message: What is stamped.
        url: The authority's address, `https://` or `http://` (stamps are signed, so that either will do).

    Raises:
        WallwatchError: The package `rfc3161-client` is missing, or the authority gives no time stamp.
    """
    if not url.startswith(("https://", "http://")):
        raise WallwatchError(
            f"{url!r} is no address of a time-stamp authority; it begins with https:// or http://"
        )
    try:
        from rfc3161_client import (
            HashAlgorithm,
            TimestampRequestBuilder,
            decode_timestamp_response,
        )
    except ImportError:
        raise WallwatchError(
            "time stamps need the package rfc3161-client: pip install 'wallwatch[evidence]'"
        ) from None
    asked = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    posted = urllib.request.Request(  # noqa: S310 - the scheme was looked at above
        url, asked.as_bytes(), {"Content-Type": "application/timestamp-query"}
    )
    try:
        with urllib.request.urlopen(posted, timeout=_SECONDS) as answer:  # noqa: S310
            content: bytes = answer.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError("an answer of more than 1 MiB")
        found = decode_timestamp_response(content)
        if found.tst_info.message_imprint.message != hashlib.sha256(message).digest():
            raise ValueError("a stamp of something else")
        if asked.nonce is not None and found.tst_info.nonce != asked.nonce:
            raise ValueError("an answer to another request")
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise WallwatchError(f"no time stamp from {url}: {error}", status=1) from None
    return content


def check(stamp: Path, stamped: Path, trusted: Path | None) -> Stamp:
    """Checks a time stamp as its bundle's README does, with OpenSSL.

    Args:
        stamp: The authority's answer.
        stamped: The file that it is about.
        trusted: Certificates (PEM) of authorities that the reader trusts; without them only the stamp's own
            signature and hash are checked, and whose it is stays open.

    Raises:
        WallwatchError: OpenSSL is missing.
    """
    if shutil.which("openssl") is None:
        raise WallwatchError(
            "openssl is missing; the bundle has a time stamp that only it can check", status=1
        )
    content = stamp.read_bytes()[: _LARGEST + 1]
    try:
        from rfc3161_client import decode_timestamp_response

        info = decode_timestamp_response(content).tst_info
        time: datetime | None = info.gen_time
        imprint, algorithm = info.message_imprint.message, info.message_imprint.hash_algorithm.dotted_string
    except ImportError:
        raise WallwatchError(
            "time stamps need the package rfc3161-client: pip install 'wallwatch[evidence]'"
        ) from None
    except ValueError as error:
        return Stamp(None, f"it cannot be read: {error}", trusted=False)
    hashes = {
        "2.16.840.1.101.3.4.2.1": "sha256",
        "2.16.840.1.101.3.4.2.2": "sha384",
        "2.16.840.1.101.3.4.2.3": "sha512",
    }
    if algorithm not in hashes or imprint != hashlib.new(hashes[algorithm], stamped.read_bytes()).digest():
        return Stamp(time, "it is of something else", trusted=False)
    if trusted is not None:
        done = _openssl("ts", "-verify", "-data", str(stamped), "-in", str(stamp), "-CAfile", str(trusted))
        return Stamp(time, done, trusted=done is None)
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token.der"
        problem = _openssl("ts", "-reply", "-in", str(stamp), "-token_out", "-out", str(token)) or _openssl(
            "cms",
            "-verify",
            "-noverify",
            "-inform",
            "DER",
            "-in",
            str(token),
            "-out",
            str(Path(folder) / "out"),
        )
    return Stamp(time, problem, trusted=False)


def _openssl(*arguments: str) -> str | None:
    """Runs OpenSSL; null where it is content, else what it says."""
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, timeout=120)
    if not done.returncode:
        return None
    said = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return "OpenSSL says: " + (said[-1][:200] if said else "not valid")
