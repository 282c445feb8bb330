"""Single values of OONI's data in the forms that the tables want. Pure, and cached: values repeat."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

import idna

from wallwatch.schema.words import FAILURE_ALIASES, FAILURES

_CACHE = 65_536
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
#: No host name has more octets, length bytes and all (RFC 1035, 2.3.4); what is longer is no name.
LONGEST_NAME = 255
_DIGITS = re.compile(r"^[0-9]+$")
_ALL_FAILED = re.compile(r"all endpoints failed: \[([^\]]{1,400})\]")
_LABEL_SEPARATORS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})  # UTS 46, 2.3


@lru_cache(_CACHE)
def address(text: str | None) -> str | None:
    """The IP address in canonical text form (RFC 5952), without brackets or zone; null where it is none."""
    if not text:
        return None
    text = text.strip().strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found)


@lru_cache(_CACHE)
def host_name(text: str | None) -> str | None:
    """The host name in lower case and punycode (UTS 46), no trailing dot; an address in canonical form.

    A name that IDNA refuses (underscores, mixed scripts) is given in lower case; trap J28. Null where it is longer than
    any name can be (RFC 1035, 2.3.4).
    """
    if not text:
        return None
    text = text.strip()
    if (as_address := address(text)) is not None:
        return as_address
    text = text.translate(_LABEL_SEPARATORS).rstrip(".")
    if len(text) > LONGEST_NAME:
        return None
    if text.isascii():
        return text.lower() or None
    name = _punycode(text)
    return name if size(name) <= LONGEST_NAME else None


def size(text: str | None) -> int:
    """The bytes of a text in UTF-8."""
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _punycode(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        pass
    try:
        return text.lower().encode("idna").decode().lower()
    except (UnicodeError, ValueError):
        return text.lower()


@lru_cache(_CACHE)
def split_endpoint(text: str | None) -> tuple[str | None, int | None]:
    """Host and port of `host:port`, `[v6]:port`, or a host alone; either is null where it is missing."""
    if not text:
        return None, None
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host or None, port_number(rest.removeprefix(":"))
    if text.count(":") > 1:  # an IPv6 address without brackets, or with its port behind the last colon
        if address(text) is not None:
            return text, None
        host, _, tail = text.rpartition(":")
        return host or None, port_number(tail)
    host, _, tail = text.partition(":")
    return host or None, port_number(tail)


def port_number(text: str) -> int | None:
    """The number, where it is one that a port can have."""
    if len(text) > 5 or not _DIGITS.match(text):
        return None
    number = int(text)
    return number if 0 < number < 65_536 else None


@lru_cache(_CACHE)
def split_url(text: str | None) -> tuple[str | None, str | None, int | None]:
    """Scheme, host (canonical) and port of a URL; of a text without a scheme, only the host and port.

    Written out rather than left to `urllib`: inputs of measurements need not be valid URLs.
    """
    if not text:
        return None, None, None
    text = text.strip()
    scheme = None
    if match := _SCHEME.match(text):
        scheme = match[0][:-3].lower()
        text = text[match.end() :]
    authority = re.split(r"[/?#\\]", text, maxsplit=1)[0].rpartition("@")[2]
    host, port = split_endpoint(authority)
    if port is None:
        port = {"http": 80, "https": 443}.get(scheme or "")
    return scheme, host_name(host), port


@lru_cache(4_096)
def failure_word(text: str | None) -> tuple[str | None, str | None]:
    """The failure in the vocabulary of df-007, and the text as written where that differs (trap J31).

    No failure is null. A word that no table knows becomes `unknown_failure`; where all of several servers failed
    in one way (`…: all endpoints failed: [ connection_reset; connection_reset;]`), that is the word.
    """
    if text is None or text == "":
        return None, None
    if text in FAILURES:
        return text, None
    word = text.strip()
    if (several := _ALL_FAILED.search(word)) and len(
        words := set(several[1].replace(" ", "").split(";")) - {""}
    ) == 1:
        word = words.pop()
    mapped = FAILURE_ALIASES.get(word) or (word if word in FAILURES else None)
    return mapped or "unknown_failure", text[:1_000]


@lru_cache(4_096)
def network_number(value: str | int | float | None) -> int | None:
    """The number of an autonomous system written as `AS123`, `123` or 123; null for AS0 and what is none."""
    if value is None:
        return None
    if isinstance(value, str):
        digits = value.strip().upper().removeprefix("AS").removesuffix(".0")
        if not _DIGITS.match(digits) or len(digits) > 10:
            return None
        value = int(digits)
    number = whole(value)
    return number if number is not None and 0 < number < 2**32 else None


def whole(number: float) -> int | None:
    """A number without its fraction; null where a column of 64 bits cannot hold it."""
    return int(number) if -(2.0**63) <= number < 2.0**63 else None


@lru_cache(1_024)
def country_code(text: str | None) -> str | None:
    """The country in capitals; null where it is missing or OONI's `ZZ` (unknown)."""
    if not text or len(text) != 2 or not text.isascii() or not text.isalpha():
        return None
    text = text.upper()
    return None if text == "ZZ" else text


#: Open resolvers that anybody may use. Their operators publish the addresses:
#: developers.google.com/speed/public-dns, developers.cloudflare.com/1.1.1.1/ip-addresses, quad9.net/service,
#: opendns.com/about, adguard-dns.io, cleanbrowsing.org/filters, controld.com/free-dns, dns.yandex.com,
#: dns.sb, alidns.com, dnspod.cn (public DNS), support.opendns.com.
_PUBLIC_SERVICES = tuple(
    ipaddress.ip_network(text)
    for text in (
        "8.8.8.8/32 8.8.4.4/32 2001:4860:4860::/48 1.1.1.0/29 1.0.0.0/29 2606:4700:4700::/48 "
        "9.9.9.0/24 149.112.112.0/24 2620:fe::/48 208.67.216.0/21 2620:119:35::/48 2620:119:53::/48 "
        "94.140.14.0/24 94.140.15.0/24 2a10:50c0::/32 185.228.168.0/24 185.228.169.0/24 76.76.2.0/24 "
        "76.76.10.0/24 77.88.8.0/28 2a02:6b8::feed:0/112 185.222.222.222/32 45.11.45.11/32 "
        "223.5.5.5/32 223.6.6.6/32 119.29.29.29/32 114.114.114.114/32 114.114.115.115/32"
    ).split()
)


@lru_cache(_CACHE)
def resolver_kind(text: str | None) -> str:
    """`public_service`, `private`, `public` or `unknown`, of a resolver's address as reported."""
    found = address(text)
    if found is None:
        return "unknown"
    kind = address_kind(found)
    if kind == "global":
        parsed = ipaddress.ip_address(found)
        return (
            "public_service"
            if any(parsed in network for network in _PUBLIC_SERVICES if network.version == parsed.version)
            else "public"
        )
    return "private" if kind in ("private", "loopback", "link_local", "shared") else "unknown"


_SPECIAL = tuple(
    (ipaddress.ip_network(block), kind)
    for block, kind in (
        ("0.0.0.0/32", "unspecified"),
        ("0.0.0.0/8", "reserved"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link_local"),
        ("172.16.0.0/12", "private"),
        ("192.0.2.0/24", "documentation"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("100::/64", "reserved"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link_local"),
        ("ff00::/8", "multicast"),
    )
)


_MASK = "[scrubbed"


def mask(secret: str) -> str:
    """What is written in place of the probe's own address: its kind stays known where it is not public.

    A resolver that answers with a private address lies about the site even where that is the probe's own.
    """
    kind = address_kind(address(secret))
    return f"{_MASK} {kind}]" if kind not in (None, "global", "documentation") else f"{_MASK}]"


@lru_cache(_CACHE)
def address_kind(text: str | None) -> str | None:
    """`global`, or the special purpose of a canonical address (IANA special-purpose registries, RFC 6890)."""
    if text is None:
        return None
    if text.startswith(_MASK):
        return text.removeprefix(_MASK).partition("]")[0].strip() or None
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return None
    for network, kind in _SPECIAL:
        if network.version == parsed.version and parsed in network:
            return kind
    return "global"
