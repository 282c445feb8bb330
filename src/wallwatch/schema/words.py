"""The field's words: states, mechanisms, loci, kinds of evidence, layers, failure strings.

Public and append-only: a published word keeps its meaning for good.
"""

from __future__ import annotations

import re
from typing import Final

#: What is said of a target on a network. The order is from strongest to weakest claim.
STATES: Final = {
    "blocked": "an artefact settles it: a block page, a bogon or known injected address, a forged certificate",
    "likely_blocked": "the pattern of failure fits blocking and the control was fine",
    "impaired": "not working or slowed, cause unclear",
    "down": "not working for everybody",
    "ok": "works",
    "insufficient": "too little evidence; never to be read as working, never as weakly blocked",
}

#: Any prefix is a valid path too (`dns`, `tls.reset`): the deepest that the evidence supports is given.
MECHANISMS: Final = {
    "dns.injection.blockpage": "a forged DNS answer that leads to a block page",
    "dns.injection.bogon": "a forged DNS answer with an address that cannot host anything public",
    "dns.injection.other": "a forged DNS answer of another kind",
    "dns.nxdomain": "the resolver says that an existing name does not exist",
    "dns.refused": "the resolver refuses to answer for the name",
    "dns.timeout": "DNS queries for the name get no answer",
    "tcp.reset": "the connection is reset while it is set up",
    "tcp.timeout": "connection attempts get no answer",
    "tcp.refused": "connection attempts are refused",
    "tls.reset.sni": "the TLS handshake is reset because of the server name",
    "tls.reset.other": "the TLS handshake is cut by other means or for another reason",
    "tls.timeout": "the TLS handshake gets no answer",
    "tls.mitm.self_signed": "a forged, self-signed certificate",
    "tls.mitm.ca_signed": "a forged certificate signed by an unexpected authority",
    "tls.throttle.sni": "TLS to the server name is slowed",
    "quic.timeout": "QUIC handshakes get no answer",
    "http.blockpage": "a block page in place of the site",
    "http.redirect": "a redirect to a block page",
    "http.error": "an HTTP error made by the network",
    "http.timeout": "HTTP exchanges get no or no complete answer",
    "http.reset.host": "the connection is reset because of the Host header",
    "http.throttle.host": "HTTP to the host is slowed",
    "ip.unreachable": "the address is unreachable",
    "ip.prefix_null_route": "the address's whole prefix is dropped",
}

#: Where the cause lies.
LOCI: Final = {
    "network": "in the probe's network or on its path",
    "resolver": "in the resolver that the probe uses",
    "server_side": "at the site or service itself",
    "unknown": "cannot be told",
}

#: What a verdict rests on.
EVIDENCE: Final = {
    "artefact": "something that only interference leaves behind",
    "control": "a contrast with the test helper",
    "peers": "a contrast with other networks or countries at the time",
    "pattern": "the pattern of the failure alone",
    "none": "nothing that would carry a verdict",
}

LAYERS: Final = {
    "dns": "name resolution",
    "tcp": "connecting",
    "tls": "the TLS handshake",
    "quic": "the QUIC handshake",
    "http": "the HTTP exchange",
    "step": "a step of the test's own (a bootstrap, a status it computed)",
}

#: Of what an outage is said.
OUTAGE_KINDS: Final = {
    "shutdown": "connectivity was cut on purpose or as sharply: signals fall together",
    "partial": "a lasting fall of part of the connectivity",
    "domestic_only": "domestic sites answer, foreign ones do not",
    "disruption": "ragged, local or gradual: storms, power and cable cuts are of this kind",
    "instrument": "the measuring system failed, not the network",
}

#: Of what a blocking event is said.
EVENT_KINDS: Final = {
    "blocking": "targets were blocked on networks",
    "throttling": "targets were slowed on networks",
    "service_outage": "targets were down everywhere at once: no restriction",
    "instrument": "an instrument failed: no restriction",
}

#: Old and foreign failure strings to the vocabulary of OONI's df-007 (trap J31). A string that is
#: neither here nor in `FAILURES` is kept as `unknown_failure` with its text beside it.
FAILURE_ALIASES: Final = {
    "dns_name_error": "dns_nxdomain_error",
    "dns_lookup_error": "dns_lookup_error",
    "dns_server_failure": "dns_servfail_error",
    "address_family_not_supported_error": "address_family_not_supported",
    "connection_refused_error": "connection_refused",
    "connect_error": "connect_error",
    "unknown_error": "unknown_failure",
    "tcp_timed_out_error": "generic_timeout_error",
    "deferred_timeout_error": "generic_timeout_error",
    "task_timed_out": "generic_timeout_error",
    "timed_out": "generic_timeout_error",
    "response_never_received": "eof_error",
    "connection_lost_error": "eof_error",
    "network_unreachable_error": "network_unreachable",
    "host_unreachable_error": "host_unreachable",
    "no_route_to_host_error": "host_unreachable",
    "connection_reset_error": "connection_reset",
}

#: Failure strings that are kept as they are (df-007 and what its table above maps to).
FAILURES: Final = frozenset(
    """
    address_family_not_supported address_in_use address_not_available already_connected
    android_dns_cache_no_data bad_address bad_file_descriptor connect_error connection_aborted
    connection_already_closed connection_already_in_progress connection_refused connection_reset
    destination_address_required dns_bogon_error dns_lookup_error dns_no_answer
    dns_non_recoverable_failure dns_nxdomain_error dns_refused_error dns_reply_with_wrong_query_id
    dns_server_misbehaving dns_servfail_error dns_temporary_failure eof_error generic_timeout_error
    host_unreachable http_invalid_redirect_location_host http_request_failed
    http_unexpected_redirect_url http_unexpected_status_code interrupted invalid_argument
    json_parse_error message_size network_down network_reset network_unreachable
    no_buffer_space no_protocol_option not_connected not_a_socket operation_canceled
    operation_would_block permission_denied protocol_not_supported quic_incompatible_version
    socks_error ssl_failed_handshake ssl_invalid_certificate ssl_invalid_hostname
    ssl_unknown_authority unknown_failure value_too_large wrong_protocol_type
    """.split()
)


#: Codes that ISO 3166-1 leaves to users; Kosovo's (XK) is in common use for a real place.
_USER_ASSIGNED: Final = re.compile(r"AA|Q[M-Z]|X[A-JL-Z]|ZZ")


def is_made_up(country: str) -> bool:
    """Whether a country code is one that ISO 3166-1 leaves to users: no real country has it."""
    return _USER_ASSIGNED.fullmatch(country) is not None


def is_mechanism(path: str) -> bool:
    """Whether a path is one of `MECHANISMS` or a prefix of one, at a dot."""
    return any(known == path or known.startswith(path + ".") for known in MECHANISMS)
