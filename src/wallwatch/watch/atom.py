"""The last changes as an Atom feed (RFC 4287): made anew from the history, the same bytes for the same history."""

from __future__ import annotations

import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from wallwatch import __version__
from wallwatch._text import safe_text

_ATOM = "http://www.w3.org/2005/Atom"
#: What XML 1.0 has no form for, and `safe_text` leaves.
_NO_XML = re.compile("[\ufffe\uffff\U0001fffe\U0001ffff]")
#: The name space of the ids, made from the project's name.
_IDS = uuid.uuid5(uuid.NAMESPACE_DNS, "wallwatch.invalid")

#: Entries of a feed: the last so many changes.
ENTRIES = 200


def feed(changes: Sequence[dict[str, Any]], *, origin: str, updated: str, link: str | None = None) -> bytes:
    """The feed as XML.

    Args:
        changes: What was told, oldest first; see `news.told`.
        origin: What tells this workspace's feed from others for good: goes into all ids.
        updated: When the last publication was, ISO 8601.
        link: The address at which the feed will be found.
    """
    ET.register_namespace("", _ATOM)
    root = ET.Element(_tag("feed"))
    name = uuid.uuid5(_IDS, origin)
    _add(root, "id", name.urn)
    _add(root, "title", "Wallwatch: internet restrictions and outages")
    _add(root, "updated", updated)
    author = ET.SubElement(root, _tag("author"))
    _add(author, "name", "Wallwatch")
    _add(root, "generator", "Wallwatch", version=__version__)
    if link:
        _add(root, "link", None, rel="self", type="application/atom+xml", href=_text(link))
    for change in reversed(changes[-ENTRIES:]):
        root.append(_entry(change, name))
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"


def _entry(change: dict[str, Any], feed_name: uuid.UUID) -> ET.Element:
    entry = ET.Element(_tag("entry"))
    _add(entry, "id", uuid.uuid5(feed_name, f"{change['id']}/{change['revision']}").urn)
    _add(entry, "title", f"{change['change'].capitalize()}: {change['says']}")
    _add(entry, "updated", change["published"])
    _add(entry, "published", change["published"])
    _add(entry, "category", None, term=change["change"])
    _add(entry, "category", None, term=change["state"]["kind"])
    state = change["state"]
    against = [f"Against it: {sentence}" for sentence in state.get("against", [])]
    command = f"wallwatch explain {change['id']} --revision {change['revision']}"
    _add(entry, "content", "\n".join([*change["changes"], *change["why"], *against, command]), type="text")
    return entry


def _tag(name: str) -> str:
    return f"{{{_ATOM}}}{name}"


def _text(text: str) -> str:
    return "\n".join(_NO_XML.sub("\N{REPLACEMENT CHARACTER}", safe_text(part)) for part in text.split("\n"))


def _add(parent: ET.Element, name: str, text: str | None, **attributes: str) -> None:
    element = ET.SubElement(parent, _tag(name), {key: _text(value) for key, value in attributes.items()})
    if text is not None:
        element.text = _text(text)
