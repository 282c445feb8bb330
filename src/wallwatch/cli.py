"""The commands; thin."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def root() -> None:
    """An observatory of internet restrictions."""


def main() -> None:
    """The entry point of `wallwatch`."""
    app()
