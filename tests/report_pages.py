"""Pages as tests read them: parsed strictly, with their links, ids and texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
SVG_VOID = frozenset(("path", "rect"))
INLINE = frozenset("a b bdi code em i small span strong".split())
SILENT = frozenset(("style", "title", "desc"))


@dataclass
class Page(HTMLParser):
    """One page.

    Attributes:
        links: Every `href` and `src`, as (element, attribute, value, relation).
        ids: Every id.
        elements: Every element's name with its attributes.
        text: What a reader sees, with one space between words.
        unbalanced: End tags that close nothing, and elements that are never closed.
    """

    links: list[tuple[str, str, str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    open_: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @classmethod
    def of(cls, text: str) -> Page:
        page = cls()
        page.feed(text)
        page.close()
        page.unbalanced += page.open_
        return page

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._between(tag)
        self.elements.append((tag, found))
        if found.get("id"):
            self.ids.append(found["id"] or "")
        for name in ("href", "src", "action", "data", "poster", "srcset"):
            if name in found:
                self.links.append((tag, name, found[name] or "", found.get("rel") or ""))
        if tag not in VOID:
            self.open_.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open_.pop()

    def handle_endtag(self, tag: str) -> None:
        self._between(tag)
        if not self.open_ or self.open_[-1] != tag:
            self.unbalanced.append(f"/{tag}")
        else:
            self.open_.pop()

    def _between(self, tag: str) -> None:
        if tag not in INLINE:
            self.pieces.append(" ")

    def handle_data(self, data: str) -> None:
        if not SILENT & set(self.open_):
            self.pieces.append(data)


def pages(folder: Path) -> dict[str, str]:
    """Path to text of every page of a report."""
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.html"))
    }
