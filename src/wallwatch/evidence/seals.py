"""What is recorded of a line as it came: its hash, or a sealed hash where something was cut out of it.

An address has so few values that whoever has the rest of a line could try all of them against the line's hash. So of
a line that lost something only a keyed hash is passed on (HMAC, RFC 2104). Who holds the workspace holds the key, and
can open the seal to a court: `printf %s "$LINE" | openssl dgst -sha256 -hmac KEY`.
"""

from __future__ import annotations

import hashlib
import hmac

#: How a sealed hash begins.
SEALED = "hmac-sha256:"


def sha256(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def of_original(content: bytes, changed: bool, key: str) -> str:
    """The record of a line as it came.

    Args:
        content: Its bytes.
        changed: Whether something was cut out of it.
        key: The workspace's key; empty where the originals are public, so that there is nothing to seal.
    """
    if not changed or not key:
        return sha256(content)
    return SEALED + hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


def of_digest(digest: str, guessable: bool, key: str) -> str:
    """The record of a hash of more than a line: sealed where what was cut out could be guessed from it.

    Args:
        digest: The hash in hex.
        guessable: Whether all else that it covers is passed on.
        key: The workspace's key; empty where the originals are public.
    """
    if not guessable or not key:
        return digest
    return SEALED + hmac.new(key.encode(), digest.encode(), hashlib.sha256).hexdigest()
