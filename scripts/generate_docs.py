"""Writes the pages of docs/ that are made from the code: the tables, and the commands' help."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from wallwatch.schema import TABLES
from wallwatch.schema.words import EVENT_KINDS, EVIDENCE, LAYERS, LOCI, MECHANISMS, OUTAGE_KINDS, STATES

DOCS = Path(__file__).resolve().parents[1] / "docs"
COMMANDS = ("", "run", "show", "explain", "report", "demo", "evaluate", "bench", "fetch ooni")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables() -> str:
    """docs/tables.md."""
    lines = [
        "# The tables",
        "",
        "Made from `src/wallwatch/schema` by `make docs`; do not edit. Every stage of the data's way is a table of",
        "Parquet files (zstd) under `tables/<name>/` in a workspace, so any tool can read it. A `label` is text with",
        "few different values (dictionary-encoded). Times are UTC with microseconds. **Bold** columns are never null.",
        "",
    ]
    for table in TABLES.values():
        lines += [f"## {table.name}", "", f"One row is {table.row}. Rows are in the order of: {', '.join(f'`{k}`' for k in table.key)}.", ""]
        lines += ["| column | type | unit or format | meaning | source |", "|---|---|---|---|---|"]
        for c in table.columns:
            name = f"**`{c.name}`**" if c.required else f"`{c.name}`"
            lines.append(f"| {name} | {c.type} | {_cell(c.unit)} | {_cell(c.meaning)} | {_cell(c.source)} |")
        lines.append("")
    lines += ["# The words", ""]
    for title, words in (
        ("States", STATES),
        ("Mechanisms", MECHANISMS),
        ("Loci", LOCI),
        ("Kinds of evidence", EVIDENCE),
        ("Layers", LAYERS),
        ("Kinds of event", EVENT_KINDS),
        ("Kinds of outage", OUTAGE_KINDS),
    ):
        lines += [f"## {title}", "", "| word | meaning |", "|---|---|"]
        lines += [f"| `{word}` | {_cell(meaning)} |" for word, meaning in words.items()]
        lines.append("")
    return "\n".join(lines)


def commands() -> str:
    """docs/commands.md."""
    lines = [
        "# The commands",
        "",
        "Made from the commands' own help by `make docs`; do not edit. Data goes to standard output, progress and",
        "messages to standard error. Exit status: 0 done, 1 finished but something was set aside, 2 wrong use.",
        "",
    ]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb", "TERMINAL_WIDTH": "100"}
    for command in COMMANDS:
        ran = subprocess.run(
            [sys.executable, "-m", "wallwatch", *command.split(), "--help"],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        text = re.sub(r"[ \t]+$", "", ran.stdout, flags=re.MULTILINE).strip("\n")
        text = text.replace("python -m wallwatch", "wallwatch")
        lines += [f"## wallwatch {command}".rstrip(), "", "```text", text, "```", ""]
    return "\n".join(lines)


PAGES = {"tables.md": tables, "commands.md": commands}


def main() -> None:
    """Writes each page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    main()
