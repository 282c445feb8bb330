"""Bags (BagIt, RFC 8493): a folder whose manifests name every file with its hash."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
DECLARATION: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
SIGNATURE: Final = TAG_MANIFEST + ".sig"
#: A time stamp of the signature, or of the manifest where there is none.
STAMP_OF_SIGNATURE: Final = SIGNATURE + ".tsr"
STAMP_OF_MANIFEST: Final = TAG_MANIFEST + ".tsr"
#: Files that no manifest can name, because they are made from it.
UNLISTED: Final = frozenset({TAG_MANIFEST, SIGNATURE, STAMP_OF_SIGNATURE, STAMP_OF_MANIFEST})

DECLARED: Final = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

#: A longer manifest, or one of more lines, is refused.
LARGEST_MANIFEST: Final = 32 << 20
MOST_FILES: Final = 50_000

_LINE = re.compile(r"^([0-9a-f]{64}) [ *](\S.*)$")
_CONTROL = re.compile("[\x00-\x1f\x7f]")


class BagError(Exception):
    """What is wrong with a bag's form."""


def seal(folder: Path, info: Mapping[str, str]) -> None:
    """Makes a folder with `data/` and tag files a bag: writes the declaration, the information and the manifests.

    Args:
        folder: Has `data/`, and any tag files beside it.
        info: The fields of `bag-info.txt`, without the payload's sum, which is added.
    """
    payload = _files(folder / "data", "data/")
    total = sum((folder / name).stat().st_size for name in payload)
    (folder / DECLARATION).write_bytes(DECLARED.encode())
    fields = {**info, "Payload-Oxum": f"{total}.{len(payload)}"}
    (folder / INFO).write_bytes("".join(f"{name}: {value}\n" for name, value in fields.items()).encode())
    _write_manifest(folder, MANIFEST, payload)
    tags = [name for name in _files(folder, "") if not name.startswith("data/") and name not in UNLISTED]
    _write_manifest(folder, TAG_MANIFEST, sorted(tags))


def _files(folder: Path, prefix: str) -> list[str]:
    return sorted(
        prefix + path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def _write_manifest(folder: Path, name: str, files: list[str]) -> None:
    lines = [f"{digest(folder / file)}  {file}\n" for file in files]
    (folder / name).write_bytes("".join(lines).encode())


def digest(path: Path) -> str:
    """SHA-256 of a file in hex.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def unsafe_name(name: str) -> str | None:
    """Why a file's name is refused; null where it is not."""
    parts = name.split("/")
    if not name or _CONTROL.search(name):
        return "has control characters or is empty"
    if name.startswith("/") or "\\" in name or re.match(r"^[A-Za-z]:", name):
        return "is absolute, or has a drive or backslashes"
    if any(part in ("", ".", "..") for part in parts):
        return "leads out of its folder"
    if len(name.encode("utf-8", "replace")) > 1024 or len(parts) > 32:
        return "is too long"
    return None


def folded(name: str) -> str:
    """A name as file systems that ignore case and composition see it."""
    return unicodedata.normalize("NFC", name).casefold()


def read_manifest(path: Path) -> dict[str, str]:
    """The files that a manifest names, with their hashes.

    Raises:
        BagError: It is missing, too large, names a file twice or by a name that leads out of the bag, or has a line
            of another form.
    """
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BagError(f"{path.name} is larger than {LARGEST_MANIFEST >> 20} MiB")
        text = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise BagError(f"{path.name} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BagError(f"{path.name} cannot be read: {error}") from None
    found: dict[str, str] = {}
    seen: dict[str, str] = {}
    lines = text.split("\n")
    if lines[-1]:
        raise BagError(f"{path.name} ends within a line")
    for number, line in enumerate(lines[:-1], 1):
        match = _LINE.match(line.removesuffix("\r"))
        if match is None:
            raise BagError(f"{path.name}, line {number}: not a hash and a name")
        name = re.sub("%(0A|0D|25)", lambda m: chr(int(m[1], 16)), match[2], flags=re.IGNORECASE)
        if (why := unsafe_name(name)) is not None:
            raise BagError(f"{path.name}, line {number}: the name {name!r} {why}")
        if (other := seen.get(folded(name))) is not None:
            raise BagError(
                f"{path.name}, line {number}: {name!r} is named a second time (as {other!r} before)"
            )
        seen[folded(name)] = name
        found[name] = match[1]
        if len(found) > MOST_FILES:
            raise BagError(f"{path.name} names more than {MOST_FILES:,} files")
    return found


@dataclass(slots=True)
class Checked:
    """What a look at a bag's files found.

    Attributes:
        files: How many files its manifests name.
        wrong: What does not fit, in sentences that name the file.
    """

    files: int = 0
    wrong: list[str] = field(default_factory=list)


def check(folder: Path) -> Checked:
    """Compares a bag's files with its manifests: each is there, unchanged, and there is no other."""
    found = Checked()
    try:
        payload = read_manifest(folder / MANIFEST)
        tags = read_manifest(folder / TAG_MANIFEST)
    except BagError as error:
        found.wrong.append(str(error))
        return found
    for name in payload:
        if not name.startswith("data/"):
            found.wrong.append(f"{MANIFEST} names {name}, which does not lie below data/")
    for name in tags:
        if name.startswith("data/") or name in UNLISTED:
            found.wrong.append(f"{TAG_MANIFEST} names {name}, which cannot be in it")
    for needed in (DECLARATION, INFO, MANIFEST):
        if needed not in tags:
            found.wrong.append(f"{TAG_MANIFEST} does not name {needed}")
    named = {**payload, **tags}
    found.files = len(named)
    there: dict[str, str] = {}
    links: set[str] = set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            links.add(name)
            found.wrong.append(f"{name} is a link or no regular file")
        elif path.is_file() and name not in UNLISTED:
            there[name] = digest(path)
    missing = [name for name in named if name not in there and name not in links]
    added = [name for name in there if name not in named]
    for name in missing:
        same = next((other for other in added if there[other] == named[name]), None)
        if same is not None:
            added.remove(same)
            found.wrong.append(f"renamed: {name} is now {same}")
        else:
            found.wrong.append(f"missing: {name}")
    found.wrong += [f"added: {name} is in no manifest" for name in added]
    found.wrong += [
        f"changed: {name} has not the SHA-256 of the manifest"
        for name, expected in named.items()
        if name in there and there[name] != expected
    ]
    if not found.wrong:
        if (folder / DECLARATION).read_bytes() != DECLARED.encode():
            found.wrong.append(f"{DECLARATION} is not that of a bag of version 1.0 in UTF-8")
        found.wrong += _oxum(folder, payload)
    return found


def _oxum(folder: Path, payload: Mapping[str, str]) -> list[str]:
    fields = read_info(folder)
    total = sum((folder / name).stat().st_size for name in payload)
    if fields.get("Payload-Oxum") != f"{total}.{len(payload)}":
        return [f"{INFO}: Payload-Oxum does not fit the payload"]
    return []


def read_info(folder: Path) -> dict[str, str]:
    """The fields of `bag-info.txt`; lines that continue others are not used by us and left out."""
    text = (folder / INFO).read_bytes()[: 1 << 20].decode("utf-8", "replace")
    pairs = (
        line.partition(":") for line in text.splitlines() if ":" in line and not line.startswith((" ", "\t"))
    )
    return {name.strip(): value.strip() for name, _, value in pairs}
