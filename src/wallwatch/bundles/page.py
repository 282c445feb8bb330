"""The page of a bundle that people read: no script, no request, nothing but the finding and how to check it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from wallwatch._text import safe_text
from wallwatch.report.embed import Charts
from wallwatch.report.environment import policy, style
from wallwatch.report.language import Language, foreign, marked

#: Charts that are shown.
_CHARTS: Final = 4

_PAGE = Markup("""<!DOCTYPE html>
<html lang="{lang}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{patterns}
<main id="main" class="page">
<h1>{title}</h1>
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

#: Headings of `wallwatch explain`, which the catalogues have.
TITLES: Final = (
    marked("What was found"),
    marked("By which mechanism"),
    marked("On which networks"),
    marked("Measured at the time and found fine"),
    marked("Measured too little to say"),
    marked("Why this is claimed"),
    marked("Why this kind"),
    marked("What speaks against it"),
    marked("How to check by hand"),
    marked("How it was judged"),
    marked("What the probe saw, in order"),
    marked("What the control saw"),
    marked("Rules that fired"),
    marked("What would change it"),
)
#: What `make` says of whether the finding follows.
FOLLOWS: Final = (
    marked("The finding follows from the enclosed lines: they were judged again when this was made."),
    marked("THE FINDING DOES NOT FOLLOW from the enclosed lines alone."),
)
#: Names of facts, which they have too.
NAMES: Final = (
    marked("Networks"),
    marked("Mechanisms"),
    marked("Depth"),
    marked("Signals"),
    marked("Measured"),
    marked("State"),
    marked("Raw lines"),
    marked("Which lines"),
    marked("Rules"),
    marked("Signed by"),
)


def page(
    heading: object,
    follows: str,
    facts: Sequence[tuple[str, str]],
    explanation: Sequence[str],
    differs: Sequence[str],
    statements: Sequence[dict[str, Any]],
    files: Sequence[tuple[str, str, int]],
    commands: Sequence[str],
    taken: Charts | None,
    language: Language,
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
        taken: The charts of the finding, drawn from the enclosed lines.
        language: Of the words; what the catalogue does not have stays English, and is marked so.
    """
    _ = language.gettext
    sections = [_SECTION.format(_("In short"), _table(facts, language))]
    if taken is not None and taken.figures:
        sections.append(_SECTION.format(_("How it went"), Markup("\n").join(taken.figures[:_CHARTS])))
    for title, lines in _sections(explanation):
        sections.append(_SECTION.format(_titled(title, language), _list(lines, language)))
    if differs:
        title = _("What is not the same when made again from these lines")
        sections.append(_SECTION.format(title, _list(differs, language)))
    if statements:
        said = [
            f"{row['speaker']}, {row['date'] or 'undated'}: “{row['quotation']}” ({row['kind']}; {row['place']}"
            f"{', ' + row['lag'] if row['lag'] else ''}; tied by {', '.join(row['why']) or 'nothing that was noted'})"
            for row in statements
        ]
        note = Markup("<p>{}</p>\n").format(_("Each is its speaker’s statement, and no measurement."))
        sections.append(
            _SECTION.format(_("Statements of the record that concern it"), note + _list(said, language))
        )
    sections.append(_SECTION.format(_("How to check it"), _steps(commands, language)))
    sections.append(_SECTION.format(_("The files"), _files(files, language)))
    shown = heading if isinstance(heading, Markup) else foreign(heading, 2000)
    filled = _PAGE.format(
        lang=language.code,
        direction=language.direction,
        policy=policy(),
        title=_("Evidence: %(heading)s", heading=shown.striptags()),
        patterns=Markup() if taken is None else taken.patterns,
        style=style(),
        follows=_titled(follows, language),
        sections=Markup("").join(sections),
    )
    return filled.encode()


def _titled(words: str, language: Language) -> Markup:
    """A heading, a name or a known sentence, translated where it is one of those that do not come from data."""
    return language.gettext(words) if words in (*TITLES, *NAMES, *FOLLOWS) else language.sentence(words, 2000)


def _table(rows: Sequence[tuple[str, str]], language: Language) -> Markup:
    return Markup("<table>\n<tbody>\n{}</tbody>\n</table>").format(
        Markup("").join(
            _ROW.format(_titled(name, language), language.sentence(value, 2000)) for name, value in rows
        )
    )


def _list(items: Sequence[str], language: Language) -> Markup:
    return Markup("<ul>\n{}</ul>").format(
        Markup("").join(_ITEM.format(language.sentence(item, 2000)) for item in items)
    )


def _files(files: Sequence[tuple[str, str, int]], language: Language) -> Markup:
    _ = language.gettext
    head = Markup(
        '<thead><tr><th scope="col">{}</th><th scope="col">{}</th><th scope="col">{}</th></tr></thead>'
    ).format(_("File"), _("What it holds"), _("Bytes"))
    rows = Markup("").join(
        _FILE.format(path, path, language.sentence(says, 2000), language.number(size))
        for path, says, size in files
    )
    return Markup("<table>\n{}\n<tbody>\n{}</tbody>\n</table>").format(head, rows)


def _steps(commands: Sequence[str], language: Language) -> Markup:
    return Markup('<p>{}</p>\n<pre dir="ltr" tabindex="0">{}</pre>').format(
        language.gettext(
            "The file README.txt one folder above says how to check with sha256sum and ssh-keygen that nothing was "
            "changed and who signed it. To make the finding again:"
        ),
        "\n".join(safe_text(command, 2000) for command in commands),
    )


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
