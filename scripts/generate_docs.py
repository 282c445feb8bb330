"""Writes what docs/ and README.md say from the code: the tables, the commands' help, what the examples print.

With `--examples`, a demo is made in a temporary folder and every example of README.md and docs/guide.md that begins
with `$ wallwatch` is run in it; what it prints replaces what the page says.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from wallwatch.detect import BESIDE, RULES
from wallwatch.schema import TABLES
from wallwatch.schema.words import EVENT_KINDS, EVIDENCE, LAYERS, LOCI, MECHANISMS, OUTAGE_KINDS, STATES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
#: What an example shows of a long answer: so many lines, so many characters of a line; the rest is an ellipsis.
LINES, CHARACTERS = 40, 320
COMMANDS = (
    "",
    "run",
    "watch",
    "show",
    "explain",
    "rejudge",
    "refs update",
    "refs show",
    "refs list",
    "report",
    "routes",
    "record",
    "record draft",
    "record add",
    "record confirm",
    "record validate",
    "record list",
    "record verify",
    "record link",
    "check",
    "serve",
    "demo",
    "evaluate",
    "bench",
    "fetch ooni",
)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def tables() -> str:
    """docs/tables.md."""
    lines = [
        "# The tables",
        "",
        "Made from `src/wallwatch/schema` by `make docs`; do not edit. Every stage of the data's way is a table of",
        "Parquet files (zstd, small ones Snappy) under `tables/<name>/` in a workspace (`history/<name>/` for `publications` and `revisions`),",
        "so any tool can read it. A `label` is text with few different values (dictionary-encoded). Times are UTC with",
        "microseconds. **Bold** columns are never null.",
        "",
    ]
    for table in TABLES.values():
        lines += [
            f"## {table.name}",
            "",
            f"One row is {table.row}. Rows are in the order of: {', '.join(f'`{k}`' for k in table.key)}.",
            "",
        ]
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
    lines += [
        "## How the kind of an outage is decided",
        "",
        "The first line that holds decides; `outages.rule` names it, and `wallwatch explain` tells what it looked at.",
        "",
        "| line | kind | it holds when |",
        "|---|---|---|",
        *(f"| {n} `{rule.id}` | `{rule.kind}` | {_cell(rule.reason)} |" for n, rule in enumerate(RULES, 1)),
        *(f"| beside: `{name}` | `{kind}` | {_cell(reason)} |" for name, kind, reason in BESIDE),
        "",
    ]
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


def _run(arguments: list[str], folder: Path) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "wallwatch", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    if ran.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(arguments)}: {ran.stderr}")
    return ran.stdout


def _shown(printed: str) -> list[str]:
    lines = [
        line.rstrip() if len(line.rstrip()) <= CHARACTERS else line[:CHARACTERS] + "…"
        for line in printed.splitlines()
    ]
    return lines if len(lines) <= LINES else [*lines[: LINES - 1], "…"]


def examples() -> None:
    """Rewrites what the examples print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        demo = _run(["demo", "--out", "demo", "--quiet"], folder)
        for page in (ROOT / "README.md", DOCS / "guide.md"):

            def fill(fence: re.Match[str]) -> str:
                command, *rest = fence[1].splitlines()
                if command == "$ make demo":
                    rest = demo.splitlines()
                elif command.startswith("$ wallwatch"):
                    rest = _shown(_run(shlex.split(command[2:])[1:], folder))
                return "\n".join(["```console", command, *rest, "```"])

            text = page.read_text(encoding="utf-8")
            text = re.sub(r"^```console\n(.*?)^```$", fill, text, flags=re.MULTILINE | re.DOTALL)
            page.write_text(text, encoding="utf-8")


PAGES = {"tables.md": tables, "commands.md": commands}


def main() -> None:
    """Writes each page."""
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
    if "--examples" in sys.argv[1:]:
        examples()


if __name__ == "__main__":
    main()
