"""Pieces of SQL that several steps share."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(text: str) -> str:
    """The text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def any_like(column: str, patterns: Iterable[str]) -> str:
    """A predicate: the column is like one of the patterns; false where there are none."""
    tests = [f"{column} LIKE {quoted(pattern)}" for pattern in patterns]
    return "(" + " OR ".join(tests) + ")" if tests else "false"


#: Kinds of addresses that cannot host anything public. Documentation addresses are not among them: nobody injects
#: them, and made-up countries live on them. 64:ff9b::/96 (NAT64, RFC 6052) stands for public addresses, and
#: 198.18.0.0/15 (RFC 2544) is what local proxies answer with: neither is the network's doing.
BOGON = (
    "(ip_kind IN ('loopback', 'private', 'link_local', 'shared', 'reserved', 'multicast', 'unspecified') "
    "AND ip NOT LIKE '64:ff9b:%' AND ip NOT LIKE '198.18.%' AND ip NOT LIKE '198.19.%')"
)

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


def trusted(row: str, context: str) -> str:
    """A predicate: an address is one of the host's, as far as control, encrypted DNS or a certificate can tell.

    Without any of them every public address that is not known to be injected is taken as the host's.

    Args:
        row: Alias of the relation with `ip`, `ip_network`, `ip_kind`.
        context: Alias of `judge_context`.
    """
    bogon = BOGON.replace("ip_kind", f"{row}.ip_kind").replace("ip NOT", f"{row}.ip NOT")

    def held(names: str, value: str = "ip") -> str:
        return f"coalesce(list_contains({context}.{names}, {row}.{value}), false)"

    proofs = " OR ".join(
        (
            held("proved_ips"),
            held("control_ips"),
            held("control_networks", "ip_network"),
            held("encrypted_ips"),
            held("helper_proved_ips"),
        )
    )
    return (
        f"({row}.ip IS NULL OR {held('proved_ips')} OR (NOT {bogon} AND ({proofs} OR NOT ("
        f"{context}.control_global OR {context}.control_nxdomain OR {context}.system_known))))"
    )
