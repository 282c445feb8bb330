"""What servers send: pages of the sites, challenges, and the block page."""

from __future__ import annotations

import hashlib
from functools import lru_cache

_WORDS = (
    "river lamp market window garden letter bridge morning paper harbour winter music kitchen street story "
    "meadow ticket engine mountain pocket village corner mirror island signal basket copper feather"
).split()
_OTHER_WORDS = (
    "reka svetilka trg okno vrt pismo most jutro papir luka zima glasba kuhinja ulica zgodba travnik "
    "vozovnica motor gora zep vas kot zrcalo otok znak kosara baker pero"
).split()

BLOCK_PAGE = (
    "<!doctype html>\n<html>\n<head><title>Access denied</title></head>\n<body>\n<h1>Access denied</h1>\n"
    "<p>Access to this site has been blocked by order of the Authority of the Example Republic "
    "under article 7 of the Act on Examples.</p>\n<p>notice.example</p>\n</body>\n</html>\n"
)
BLOCK_PAGE_TITLE = "Access denied"

PORTAL = (
    "<!doctype html>\n<html>\n<head><title>Welcome to the Example Hotel</title></head>\n<body>\n"
    '<form id="room"><p>Please enter the number of your room to use the internet.</p></form>\n'
    "</body>\n</html>\n"
)

CHALLENGE = (
    "<!doctype html>\n<html>\n<head><title>Just a moment...</title></head>\n<body>\n"
    '<form id="challenge"><p>Please complete the CAPTCHA to prove that you are human.</p></form>\n'
    "</body>\n</html>\n"
)


def _paragraphs(key: str, words: list[str], count: int) -> str:
    seed = hashlib.sha256(key.encode()).digest()
    numbers = [seed[i % 32] ^ (i * 7 & 0xFF) for i in range(count)]
    text = " ".join(words[number % len(words)] for number in numbers)
    return "\n".join(f"<p>{text[i : i + 240]}</p>" for i in range(0, len(text), 240))


def title(host: str, language: bool = False) -> str:
    """The title of a site's page; in the other language where asked."""
    words = _OTHER_WORDS if language else _WORDS
    seed = hashlib.sha256(host.encode()).digest()
    return " ".join(words[byte % len(words)] for byte in seed[:3]).capitalize()


@lru_cache(maxsize=4096)
def _steady(host: str, language: bool) -> str:
    length = 120 + hashlib.sha256(f"length {host}".encode()).digest()[0]
    return _paragraphs(f"{host} {language}", _OTHER_WORDS if language else _WORDS, length)


def page(host: str, language: bool = False, dynamic: float = 0.0, salt: str = "") -> str:
    """A site's page, 1 to 3 kB.

    Args:
        host: The site.
        language: Whether it is in the other language.
        dynamic: Share that differs with `salt`: from visit to visit.
        salt: What the differing part is made from.
    """
    text = _steady(host, language)
    if dynamic:
        words = 60 + hashlib.sha256(salt.encode()).digest()[0] * dynamic * 2
        text += _paragraphs(salt, _OTHER_WORDS if language else _WORDS, int(words * dynamic * 4))
    return (
        f'<!doctype html>\n<html lang="{"x-other" if language else "en"}">\n<head>\n'
        f"<title>{title(host, language)}</title>\n</head>\n<body>\n{text}\n</body>\n</html>\n"
    )
