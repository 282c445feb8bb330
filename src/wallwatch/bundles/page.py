"""The page of a bundle that people read: no script, no request, nothing but the finding and how to check it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from wallwatch._text import safe_text
from wallwatch.report.environment import policy, style

_PAGE = Markup("""<!DOCTYPE html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Evidence: {heading}</title>
<style>{style}</style>
</head>
<body>
<main id="main" class="page">
<h1>Evidence: {heading}</h1>
<p>{follows}</p>
{sections}
</main>
</body>
</html>
""")

_SECTION = Markup("<section>\n<h2>{}</h2>\n{}\n</section>\n")
_ITEM = Markup("<li>{}</li>\n")
_ROW = Markup('<tr><th scope="row">{}</th><td>{}</td></tr>\n')
_FILE = Markup('<tr><td><a href="{}">{}</a></td><td>{}</td><td>{}</td></tr>\n')


def page(
    heading: str,
    follows: str,
    facts: Sequence[tuple[str, str]],
    explanation: Sequence[str],
    differs: Sequence[str],
    statements: Sequence[dict[str, Any]],
    files: Sequence[tuple[str, str, int]],
    commands: Sequence[str],
) -> bytes:
    """The page.

    Args:
        heading: What it is about.
        follows: In one sentence, whether the claim followed from the enclosed lines.
        facts: Names and values for the table at the top.
        explanation: The lines of `wallwatch explain`: an empty line stands before each heading.
        differs: What is not the same when it is made again from the enclosed lines.
        statements: Statements of the record that concern it, as `Link.as_dict` gives them.
        files: Path, what it holds, and size of each file.
        commands: Commands that repeat the finding.
    """
    sections = [_SECTION.format("In short", _table(facts))]
    for title, lines in _sections(explanation):
        sections.append(_SECTION.format(_shown(title), _list(lines)))
    if differs:
        sections.append(
            _SECTION.format("What is not the same when made again from these lines", _list(differs))
        )
    if statements:
        said = [
            f"{row['speaker']}, {row['date'] or 'undated'}: “{row['quotation']}” ({row['kind']}; {row['place']}"
            f"{', ' + row['lag'] if row['lag'] else ''}; tied by {', '.join(row['why']) or 'nothing that was noted'})"
            for row in statements
        ]
        note = Markup("<p>Each is its speaker’s statement, and no measurement.</p>\n")
        sections.append(_SECTION.format("Statements of the record that concern it", note + _list(said)))
    sections.append(_SECTION.format("How to check it", _steps(commands)))
    sections.append(_SECTION.format("The files", _files(files)))
    filled = _PAGE.format(
        policy=policy(), heading=_shown(heading), style=style(), follows=_shown(follows), sections=Markup("").join(sections)
    )  # fmt: skip
    return filled.encode()


def _shown(text: object) -> str:
    return safe_text(text, 2000)


def _table(rows: Sequence[tuple[str, str]]) -> Markup:
    return Markup("<table>\n<tbody>\n{}</tbody>\n</table>").format(
        Markup("").join(_ROW.format(_shown(name), _shown(value)) for name, value in rows)
    )


def _list(items: Sequence[str]) -> Markup:
    return Markup("<ul>\n{}</ul>").format(Markup("").join(_ITEM.format(_shown(item)) for item in items))


def _files(files: Sequence[tuple[str, str, int]]) -> Markup:
    head = Markup(
        '<thead><tr><th scope="col">file</th><th scope="col">what it holds</th><th scope="col">bytes</th></tr></thead>'
    )
    rows = Markup("").join(_FILE.format(path, path, _shown(says), f"{size:,}") for path, says, size in files)
    return Markup("<table>\n{}\n<tbody>\n{}</tbody>\n</table>").format(head, rows)


def _steps(commands: Sequence[str]) -> Markup:
    text = Markup(
        "<p>The file README.txt one folder above says how to check with <code>sha256sum</code> and "
        "<code>ssh-keygen</code> that nothing was changed and who signed it. To make the finding again:</p>\n<pre>{}</pre>"
    )
    return text.format("\n".join(_shown(command) for command in commands))


def _sections(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The lines of an explanation by heading."""
    found: list[tuple[str, list[str]]] = [("What was found", [])]
    heading = False
    for line in lines:
        if not line:
            heading = True
        elif heading and not line.startswith(" "):
            found.append((line, []))
            heading = False
        else:
            found[-1][1].append(line.strip().removeprefix("- "))
            heading = False
    return [(title, items) for title, items in found if items]
