"""What the commands share: options with one meaning everywhere, and how they read and print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent, on_stderr
from wallwatch._text import is_address, safe_json, safe_text

if TYPE_CHECKING:
    from wallwatch.archive.remote import Remote


class TextFormat(StrEnum):
    """How a single answer is shown."""

    text = "text"
    json = "json"


def _folder(text: str) -> Path:
    if is_address(text):
        raise WallwatchError(
            f"{safe_text(text, 200)!r} is in object storage, where this command cannot write: name a folder"
        )
    return Path(text)


def _brought(text: str) -> Path:
    """The folder; where it is an address, the one on this machine to which the workspace there was brought."""
    remote, root = kept(text)
    if remote:
        remote.pull(root)
    return root


def kept(text: str) -> tuple[Remote | None, Path]:
    """The folder; where it is an address, that and the folder to which it is brought."""
    if not is_address(text):
        return None, Path(text)
    from wallwatch.archive.remote import Remote

    remote = Remote(text)
    return remote, remote.cache


_WORKSPACE_HELP = "The folder that holds what was taken in."
_WORKSPACE = typer.Option("--workspace", "-w", metavar="DIR", help=_WORKSPACE_HELP, parser=_folder)
_ADDRESS_HELP = f"{_WORKSPACE_HELP[:-1]}, or its address in object storage (s3://bucket/path)."
_FILE_OF_FINGERPRINTS = typer.Option(
    "--fingerprints",
    metavar="FILE",
    help="A CSV of block-page fingerprints in the community format; may be repeated.",
)

WorkspaceOption = Annotated[Path, _WORKSPACE]
#: Of commands that do not change it.
ReadWorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", metavar="DIR", help=_ADDRESS_HELP, parser=_brought)
]
#: Of the command that makes it; see `kept`.
RunWorkspaceOption = Annotated[str, typer.Option("--workspace", "-w", metavar="DIR", help=_ADDRESS_HELP)]
MaybeWorkspace = Annotated[Path | None, _WORKSPACE]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on standard error.")]
WorkersOption = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=256, help="Processes that read files; by default one a core."),
]
FingerprintsOption = Annotated[list[Path] | None, _FILE_OF_FINGERPRINTS]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="TIME",
        help="Measurements that start later are flagged as from the future; by default tomorrow.",
    ),
]
CountryOption = Annotated[str | None, typer.Option("--country", metavar="CC", help="Only this country.")]
SinceOption = Annotated[
    str | None, typer.Option("--since", metavar="DATE", help="Not before this date or time (UTC).")
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="DATE", help="Not after this date or time (UTC).")
]
TextFormatOption = Annotated[TextFormat, typer.Option("--format", "-f", help="How to print it.")]


@contextmanager
def progress_unless(quiet: bool) -> Iterator[Progress]:
    """Progress on standard error, or none."""
    if quiet:
        yield Silent()
    else:
        with on_stderr() as progress:
            yield progress


def say(message: str) -> None:
    """A line for a person, on standard error."""
    typer.echo(safe_text(message), err=True)


def indented(record: object) -> str:
    """JSON for eyes: indented, ASCII, nothing in it that a terminal would obey."""
    return json.dumps(json.loads(safe_json(record)), indent=2)


def country_code(text: str | None) -> str | None:
    """A country code in capitals; nothing where none was given.

    Raises:
        WallwatchError: It is not two letters.
    """
    if not text:
        return None
    if len(text) != 2 or not text.isascii() or not text.isalpha():
        raise WallwatchError(f"{safe_text(text)!r} is not a two-letter country code such as KE")
    return text.upper()
