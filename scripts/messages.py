"""Brings the report's catalogues up to date: every message that pages can show, what was translated kept.

`python scripts/messages.py` writes src/wallwatch/report/locale/*.po; `--missing fa` lists what is not translated yet.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir, extract_from_file
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "src" / "wallwatch" / "report"
LOCALE = REPORT / "locale"
#: Pages that are made in another room.
ELSEWHERE = ("src/wallwatch/bundles/page.py",)
LANGUAGES = ("ar", "fa", "ru")
KEYWORDS = {"gettext": None, "_": None, "marked": None, "ngettext": (1, 2)}
HEADER = """\
# What the report's pages say in another language.
# Made and read by the maintainers with care, not yet reviewed by native speakers who work in this field:
# corrections are very welcome. One message is one entry; placeholders such as %(name)s stay as they are.
#"""


def data_messages() -> Iterator[tuple[str, str]]:
    """Messages that come from tables of words, rules and known forms: (where, message)."""
    from wallwatch.detect.outages_kinds import BESIDE
    from wallwatch.detect.outages_kinds import RULES as KINDS
    from wallwatch.detect.outages_world import sentence
    from wallwatch.judge.rules import RULES
    from wallwatch.report.pages.data import DOUBTS, FLAGS, TIME_FLAGS
    from wallwatch.report.sentences import FORMS, split
    from wallwatch.schema import words

    for name in ("STATES", "MECHANISMS", "LOCI", "EVIDENCE", "LAYERS", "OUTAGE_KINDS", "EVENT_KINDS"):
        for meaning in getattr(words, name).values():
            yield "schema/words.py", meaning
    for table in (DOUBTS, FLAGS, TIME_FLAGS):
        for meaning in table.values():
            yield "report/pages/data.py", meaning
    for rule in RULES:
        for part in split(rule.sentence):
            yield "judge/rules", part
    for kind in KINDS:
        yield "detect/outages_kinds.py", sentence(kind.reason)
    for _, _, reason in BESIDE:
        yield "detect/outages_kinds.py", sentence(reason)
    for form in FORMS:
        yield "report/sentences.py", form


def template() -> Catalog:
    """Every message, without translations."""
    found = Catalog(project="Wallwatch", charset="utf-8")
    methods = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
    for path, _line, message, _comments, _context in extract_from_dir(REPORT, methods, keywords=KEYWORDS):
        if "language.py" not in path or isinstance(message, str):
            found.add(message, locations=[(path, 0)])
    for path in ELSEWHERE:
        for _line, message, _comments, _context in extract_from_file(
            "python", ROOT / path, keywords=KEYWORDS
        ):
            found.add(message, locations=[(path.removeprefix("src/wallwatch/"), 0)])
    for place, message in data_messages():
        found.add(message, locations=[(place, 0)])
    return found


def catalogue(code: str) -> Catalog:
    """A language's catalogue as it is kept."""
    path = LOCALE / f"{code}.po"
    if not path.exists():
        return Catalog(locale=code, project="Wallwatch")
    return read_po(io.BytesIO(path.read_bytes()), locale=code)


def written(code: str) -> bytes:
    """A language's catalogue brought up to date, as its file's bytes."""
    known, wanted = catalogue(code), template()
    made = Catalog(locale=code, project="Wallwatch", charset="utf-8", fuzzy=False, header_comment=HEADER)
    for message in sorted((m for m in wanted if m.id), key=lambda m: str(m.id)):
        old = known.get(message.id[0] if isinstance(message.id, tuple) else message.id)
        kept = (
            old.string
            if old is not None and isinstance(old.id, tuple) == isinstance(message.id, tuple)
            else None
        )
        locations = sorted({(path, 0) for path, _ in message.locations})
        made.add(message.id, kept, locations=locations)
    out = io.BytesIO()
    write_po(out, made, width=0, include_lineno=False, ignore_obsolete=True, omit_header=False)
    stable = [
        line
        for line in out.getvalue().splitlines(keepends=True)
        if not line.startswith((b'"POT-Creation', b'"PO-Revision', b'"Generated-By'))
    ]
    return b"".join(stable)


def missing(code: str) -> list[str]:
    """Messages that are not translated, or whose placeholders differ."""
    return [
        str(message.id)
        for message in read_po(io.BytesIO(written(code)), locale=code)
        if message.id and (not message.string or not all(_strings(message.string)) or list(message.check()))
    ]


def _strings(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (str(value or ""),)


if __name__ == "__main__":
    if "--missing" in sys.argv:
        print("\n".join(missing(sys.argv[-1])))
    else:
        LOCALE.mkdir(exist_ok=True)
        for code in LANGUAGES:
            (LOCALE / f"{code}.po").write_bytes(written(code))
            print(f"{code}: {len(missing(code))} to translate")
