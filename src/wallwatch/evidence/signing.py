"""Signatures of manifests with SSH keys, by OpenSSH's own `ssh-keygen -Y` (PROTOCOL.sshsig)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from wallwatch._errors import WallwatchError

#: What signatures are made for; one made for another purpose does not count.
NAMESPACE: Final = "wallwatch"
#: Who signs, in the enclosed list of signers. No name: who somebody is, the key's fingerprint must tell.
PRINCIPAL: Final = "signer"
SIGNERS: Final = "allowed_signers"


@dataclass(frozen=True, slots=True)
class Key:
    """A public key.

    Attributes:
        text: Type and base64, as in a `.pub` file, without comment.
        fingerprint: `SHA256:…`, as `ssh-keygen -l` prints it.
    """

    text: str
    fingerprint: str

    @classmethod
    def of(cls, text: str) -> Key:
        """The key in a line of a `.pub` file.

        Raises:
            ValueError: There is none.
        """
        parts = text.split()
        if len(parts) < 2:
            raise ValueError("no public key")
        return cls(f"{parts[0]} {parts[1]}", fingerprint(base64.b64decode(parts[1], validate=True)))


def fingerprint(blob: bytes) -> str:
    """A public key's fingerprint as OpenSSH prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def public_key(private: Path) -> Key:
    """The public half of a key.

    Args:
        private: The private key's file, or the public one of a key that an agent holds.

    Raises:
        WallwatchError: It is no key, or cannot be read.
    """
    beside = private if private.suffix == ".pub" else private.with_name(private.name + ".pub")
    try:
        if beside.is_file():
            return Key.of(beside.read_text(encoding="utf-8"))
        return Key.of(_run(["ssh-keygen", "-y", "-f", str(private)], b"").decode())
    except (OSError, ValueError, binascii.Error) as error:
        raise WallwatchError(f"{private} is no SSH key that can be used: {error}") from None


def sign(message: bytes, key: Path) -> bytes:
    """An armoured signature. Ed25519 and RSA keys give the same bytes each time.

    Raises:
        WallwatchError: `ssh-keygen` is missing, or cannot sign with the key.
    """
    try:
        return _run(["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)], message)
    except ValueError as error:
        raise WallwatchError(f"cannot sign with {key}: {error}") from None


def signers(key: Key) -> str:
    """The list of signers (`man ssh-keygen`, ALLOWED SIGNERS) that names one key."""
    return f'{PRINCIPAL} namespaces="{NAMESPACE}" {key.text}\n'


def signing_key(signature: bytes) -> Key | None:
    """The key that a signature says it was made with; null where it has none."""
    try:
        lines = signature.decode("ascii").strip().splitlines()
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
        if not blob.startswith(b"SSHSIG\0\0\0\1"):
            return None
        size = int.from_bytes(blob[10:14])
        key = blob[14 : 14 + size]
        name = key[4 : 4 + int.from_bytes(key[:4])].decode("ascii")
        return Key(f"{name} {base64.b64encode(key).decode()}", fingerprint(key))
    except (ValueError, binascii.Error):
        return None


def verify(message: bytes, signature: Path, allowed: Path) -> str | None:
    """Checks a signature against a list of signers.

    Args:
        message: What was signed.
        signature: The signature's file.
        allowed: The list of signers.

    Returns:
        Null where one of them signed it, else why not.

    Raises:
        WallwatchError: `ssh-keygen` is missing.
    """
    try:
        found = _run(["ssh-keygen", "-Y", "find-principals", "-s", str(signature), "-f", str(allowed)], b"")
        principals = found.decode("utf-8", "replace").split("\n")[0].strip()
    except ValueError:
        key = signing_key(signature.read_bytes())
        return f"signed by another key: {key.fingerprint if key else 'none that can be read'} is not among the signers"
    # A list may name several principals of a key by pattern; the first literal one is enough.
    principal = principals.split(",")[0]
    try:
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), "-I", principal, "-n", NAMESPACE]
        _run([*command, "-s", str(signature)], message)
    except ValueError as error:
        return f"the signature does not fit: {error}"
    return None


def keys_in(path: Path) -> list[str]:
    """The keys that a list of signers or a `.pub` file names, each as type and base64.

    Raises:
        WallwatchError: It cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[:10_000]
    except OSError as error:
        raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error
    found = []
    for line in lines:
        parts = line.split()
        for kind, blob in pairwise(parts):
            if kind.startswith(("ssh-", "ecdsa-", "sk-")) and not line.startswith("#"):
                found.append(f"{kind} {blob}")
                break
    return found


def fingerprint_of(key: str) -> str:
    """The fingerprint of a key given as type and base64.

    Raises:
        ValueError: It is none.
    """
    return Key.of(key).fingerprint


def _run(command: list[str], message: bytes) -> bytes:
    """What a command prints.

    Raises:
        ValueError: It failed; with what it said.
        WallwatchError: It is missing.
    """
    if shutil.which(command[0]) is None:
        raise WallwatchError(f"{command[0]} is missing; it comes with OpenSSH (8.1 or newer)", status=1)
    with tempfile.TemporaryFile() as given:
        given.write(message)
        given.seek(0)
        done = subprocess.run(command, stdin=given, capture_output=True, check=False, timeout=300)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise ValueError(said[-1][:300] if said else f"{command[0]} failed")
    return done.stdout
