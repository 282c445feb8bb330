"""Short signatures for short texts: 86 letters of an Ed25519 key (RFC 8032), where an SSH signature would not fit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key

from wallwatch._errors import WallwatchError

#: Goes before the text when it is signed, so that no signature made for another purpose fits.
PURPOSE: Final = b"wallwatch digest\n"
#: How the line of the signature begins.
MARK: Final = "sig "
#: Bytes of that line, with its end.
LENGTH: Final = len(MARK) + 88 + 1


def sign(text: bytes, key: Path) -> bytes:
    """The line that follows a text, signed.

    Args:
        text: The lines before it, each with its end.
        key: An Ed25519 key of SSH, without passphrase.

    Raises:
        WallwatchError: It is no such key.
    """
    try:
        private = load_ssh_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise WallwatchError(f"{key} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WallwatchError(f"{key} is no SSH key that can be used without a passphrase: {error}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise WallwatchError(f"{key} is no Ed25519 key; only these have signatures that are short enough")
    return MARK.encode() + base64.b64encode(private.sign(PURPOSE + text)) + b"\n"


def split(content: bytes) -> tuple[bytes, bytes] | None:
    """A signed text and its signature; null where it has none. Line ends of another system are set right."""
    content = content.replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    text, mark, line = content.rpartition(b"\n" + MARK.encode())
    if not mark:
        return None
    try:
        return text + b"\n", base64.b64decode(line.strip(), validate=True)
    except (ValueError, binascii.Error):
        return None


def signed_by(content: bytes, keys: Iterable[str]) -> str | None:
    """Which of some public keys (lines of type and base64) signed a text; null where none did."""
    parts = split(content)
    if parts is None:
        return None
    text, signature = parts
    for key in keys:
        try:
            public = load_ssh_public_key(key.encode())
            if isinstance(public, Ed25519PublicKey):
                public.verify(signature, PURPOSE + text)
                return key
        except (InvalidSignature, ValueError, UnsupportedAlgorithm):
            continue
    return None
