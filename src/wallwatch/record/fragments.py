"""Links that lead to the words: text fragments (WICG, "URL Fragment Text Directives")."""

from __future__ import annotations

import re
from urllib.parse import quote

#: Words at either end of a long quotation.
_ENDS = 5


def fragment(quotation: str, url: str = "") -> str:
    """A link to the words in the page; the fragment alone where the page's address is not known.

    Args:
        quotation: The words, as they stand in the document.
        url: Where it was published.
    """
    words = quotation.split()
    if not words:
        return ""
    if len(words) <= 2 * _ENDS:
        text = _encoded(" ".join(words))
    else:
        text = f"{_encoded(' '.join(words[:_ENDS]))},{_encoded(' '.join(words[-_ENDS:]))}"
    base = re.sub(r":~:text=.*$", "", url) if url else ""
    joiner = "" if not base or base.endswith("#") else (":~:text=" if "#" in base else "#:~:text=")
    return f"{base}{joiner}{text}" if joiner else f"{base or '#'}:~:text={text}"


def _encoded(text: str) -> str:
    # `-`, `,` and `&` have a meaning of their own in the directive.
    return quote(text, safe="").replace("-", "%2D")
