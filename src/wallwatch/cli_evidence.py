"""The commands that make findings travel light; thin, as those of `cli`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.cli_options import QuietOption, WorkspaceOption, country_code, progress_unless


def digest(
    workspace: WorkspaceOption,
    country: Annotated[str, typer.Option(metavar="CC", help="Two-letter country code.")],
    lang: Annotated[str, typer.Option(help="Language of the text.")] = "en",
    most: Annotated[
        int, typer.Option("--bytes", min=140, max=1_000_000, help="At most so many bytes (UTF-8).")
    ] = 1000,
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="An Ed25519 SSH key; adds a short signature, within the bytes."),
    ] = None,
) -> None:
    """What is restricted, since when, and what still works, in a few hundred bytes of plain text."""
    from wallwatch.engine import Workspace
    from wallwatch.evidence import shortsign
    from wallwatch.report.digest import digest as make
    from wallwatch.report.language import Language

    with Workspace.open(workspace).connect() as con:
        text = make(
            con,
            country_code(country) or "",
            Language.of(lang),
            most,
            None if sign is None else lambda content: shortsign.sign(content, sign),
            0 if sign is None else shortsign.LENGTH,
        )
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def mirror(
    workspace: WorkspaceOption,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="DIR", help="The folder to write.")],
    lang: Annotated[str, typer.Option(help="Language of the pages at the top.")] = "en",
    link: Annotated[
        str | None, typer.Option(metavar="URL", help="The address at which the feed will be found.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Write a full copy for any static host or USB stick: pages, Atom feed, tables, digests, check sums."""
    from wallwatch.mirror import mirror as make

    with progress_unless(quiet) as progress:
        made = make(workspace, out, lang=lang, link=link, progress=progress)
    typer.echo(safe_text(f"{made.files:,} files, {made.size:,} bytes; open {made.index}"))


def signed_text(file: Path, signers: Path | None) -> bool:
    """Says whether a digest was signed by a key that the reader trusts; false where the file is no signed text.

    Raises:
        WallwatchError: It was not, or no trusted keys were named.
    """
    from wallwatch.evidence import shortsign
    from wallwatch.evidence.signing import fingerprint_of, keys_in

    if not file.is_file() or file.stat().st_size > 1 << 20:
        return False
    content = file.read_bytes()
    if content.startswith(b"PK") or shortsign.split(content) is None:
        return False
    if signers is None:
        raise WallwatchError(
            "a signed digest is verified against keys that you trust: name them with --signers"
        )
    key = shortsign.signed_by(content, keys_in(signers))
    if key is None:
        raise WallwatchError(f"NOT VERIFIED: none of the keys in {signers} signed {file} as it is", status=1)
    typer.echo(f"VERIFIED: signed by {fingerprint_of(key)}")
    return True
