"""Runs the examples of a page: what stands behind `$` is executed, what follows is what it must print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: In an example a line of just this stands for any number of lines, and within a line for any text.
ELLIPSIS = "…"


@dataclass(frozen=True)
class Example:
    """One command of a page, with what it prints."""

    command: str
    expected: str
    place: str


def examples(page: Path) -> Iterator[Example]:
    """The commands of a page, in order."""
    text = page.read_text(encoding="utf-8")
    for fence in _FENCE.finditer(text):
        first = text.count("\n", 0, fence.start(1)) + 1
        command, expected, at = "", [], first
        for number, line in enumerate(fence[1].splitlines(), first):
            if line.startswith("$ "):
                if command:
                    yield Example(command, "\n".join(expected), f"{page.name}:{at}")
                command, expected, at = line[2:], [], number
            elif command.endswith("\\"):
                command = command[:-1] + line.strip()
            else:
                expected.append(line)
        if command:
            yield Example(command, "\n".join(expected), f"{page.name}:{at}")


def run(arguments: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Runs `wallwatch` with these arguments in a folder, its output captured."""
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", **more}
    return subprocess.run(
        [sys.executable, "-m", "wallwatch", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def arguments(command: str) -> list[str]:
    """The arguments of a command line that begins with `wallwatch`."""
    name, *rest = shlex.split(command)
    if name != "wallwatch":
        raise ValueError(f"only wallwatch is run from examples, not {name}")
    return rest


def matches(expected: str, printed: str) -> bool:
    """Whether a command printed what its example shows."""
    pattern = "".join(
        r"(?:.*\n)*"
        if line.strip() == ELLIPSIS
        else ".*".join(re.escape(part) for part in line.rstrip().split(ELLIPSIS)) + r"\n"
        for line in expected.strip("\n").splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{line.rstrip()}\n" for line in printed.splitlines())) is not None
