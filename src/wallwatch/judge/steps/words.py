"""Pieces of SQL that several steps share."""

from __future__ import annotations

import re
from collections.abc import Iterable

from wallwatch._text import quoted


def any_like(column: str, patterns: Iterable[str]) -> str:
    """A predicate: the column is like one of the patterns; false where there are none."""
    tests = [f"{column} LIKE {quoted(pattern)}" for pattern in patterns]
    return "(" + " OR ".join(tests) + ")" if tests else "false"


def any_within(column: str, words: Iterable[str], *, first: bool = False) -> str:
    """A predicate: the text in lower case holds one of the words, or begins with it; each text is read once.

    Args:
        column: The text.
        words: In lower case.
        first: Whether the text has to begin with the word.
    """
    pattern = "|".join(re.escape(word).replace("\\-", "-") for word in words)
    return f"regexp_matches(lower({column}), {quoted(f'^({pattern})' if first else pattern)})"


#: What is known of an address of a host in a measurement, as bits: who answered it, who reached or proved it.
SYSTEM, ENCRYPTED, PLAIN, PROVED, REFUTED, REACHED, CONTROL, HELPER_PROVED, HELPER_FAILED, IS_BOGON, AGAIN = (
    1 << bit for bit in range(11)
)


def bogon(row: str) -> str:
    """A predicate over `ip` and `ip_kind` of an alias: an address that cannot host anything public; never null.

    Documentation addresses are not among them: nobody injects them, and made-up countries live on them. 64:ff9b::/96
    (NAT64, RFC 6052) stands for public addresses, and 198.18.0.0/15 (RFC 2544) is what local proxies answer with:
    neither is the network's doing.
    """
    kinds = "'loopback', 'private', 'link_local', 'shared', 'reserved', 'multicast', 'unspecified'"
    return (  # nearly all are global: settled first
        f"CASE WHEN {row}.ip_kind IS NULL OR {row}.ip_kind = 'global' THEN false "
        f"ELSE coalesce({row}.ip_kind IN ({kinds}) AND {row}.ip NOT LIKE '64:ff9b:%' "
        f"AND {row}.ip NOT LIKE '198.18.%' AND {row}.ip NOT LIKE '198.19.%', false) END"
    )


def servers_behind(addresses: str) -> str:
    """A query: of addresses, those of NAT64's well-known prefix, with the IPv4 `server` that each stands for (RFC 6052 2.1).

    Args:
        addresses: A query with the column `ip`, text in canonical form (RFC 5952).
    """
    rest = "substr(ip, 10)"
    first = f"CASE WHEN {rest} LIKE '%:%' THEN split_part({rest}, ':', 1) ELSE '0' END"
    last = f"CASE WHEN {rest} LIKE '%:%' THEN split_part({rest}, ':', 2) ELSE {rest} END"

    def digit(at: int) -> str:
        return f"(strpos('0123456789abcdef', substr(digits, {at}, 1)) - 1)"

    dotted = " || '.' || ".join(f"CAST(16 * {digit(at)} + {digit(at + 1)} AS VARCHAR)" for at in (1, 3, 5, 7))
    return f"""SELECT ip, {dotted} AS server FROM (
  SELECT ip, lpad({first}, 4, '0') || lpad({last}, 4, '0') AS digits FROM ({addresses}) WHERE ip LIKE '64:ff9b::%'
)"""


#: What a connect over IPv6 fails with where the probe has none (trap J19).
NO_ROUTE = (
    "('network_unreachable', 'host_unreachable', 'network_down', 'address_not_available', "
    "'address_family_not_supported')"
)


def failure_kind(column: str) -> str:
    """A failure string as one of a few kinds; null where it is null."""
    return (
        f"CASE WHEN {column} IS NULL THEN NULL "
        f"WHEN {column} IN ('connection_reset', 'connection_aborted', 'network_reset') THEN 'reset' "
        f"WHEN {column} = 'generic_timeout_error' THEN 'timeout' "
        f"WHEN {column} = 'connection_refused' THEN 'refused' "
        f"WHEN {column} IN {NO_ROUTE} THEN 'unreachable' "
        f"WHEN {column} IN ('eof_error', 'connection_already_closed') THEN 'closed' "
        f"WHEN {column} LIKE 'ssl_%' AND {column} <> 'ssl_failed_handshake' THEN 'certificate' "
        "ELSE 'other' END"
    )
