"""Rules of the TLS handshake. Features: `judge/steps/tls.py`."""

from __future__ import annotations

from wallwatch.judge.rules.base import DF007, IRIS, OONI_LTE, OONI_WEB, THROTTLING, TLS_MITM, Rule

_CONTRASTS = (
    (30, "control_ok", "control_ok", "control", "the control's handshake succeeds."),
    (
        40,
        "helper_followed",
        "NOT has_control AND helper_followed",
        "control",
        "the test helper followed the redirect to this host and got its page.",
    ),
    (
        50,
        "peers_ok",
        "NOT has_control AND NOT helper_followed AND peers_fine",
        "peers",
        "in other networks the host proves to be itself.",
    ),
)
_CUT = (
    (
        "reset_for_name",
        "failure_kind = 'reset' AND other_name_ok",
        "tls.reset.sni",
        "The handshake is reset after the server name was sent, and the same address answers for other names;",
    ),
    (
        "reset",
        "failure_kind = 'reset' AND NOT other_name_ok",
        "tls.reset",
        "The handshake is reset;",
    ),
    (
        "closed",
        "failure_kind = 'closed'",
        "tls.reset.other",
        "The connection is closed in the middle of the handshake;",
    ),
    (
        "timeout",
        "failure_kind = 'timeout'",
        "tls.timeout",
        "The connection is set up, then the handshake gets no or no complete answer;",
    ),
)

RULES: tuple[Rule, ...] = (
    Rule(
        "tls.slowed_for_this_name",
        "tls",
        "proved AND slowed_name",
        4,
        "Handshakes for the name take many times as long as this network's others, and as those for the name from "
        "other networks, in several sessions, while the same address is quick for other names.",
        THROTTLING,
        "impaired",
        "tls.throttle.sni",
        "network",
        "peers",
    ),
    Rule(
        "tls.slowed_for_this_host",
        "tls",
        "proved AND slowed AND NOT slowed_name",
        5,
        "Handshakes with the host take many times as long as with this network's other targets, and as with the host "
        "from other networks, in several sessions.",
        THROTTLING,
        "impaired",
        "tls.throttle",
        "network",
        "peers",
    ),
    Rule(
        "tls.certificate_valid",
        "tls",
        "proved",
        10,
        "A server proved with a valid certificate to be the host.",
        IRIS,
        "ok",
        evidence="artefact",
    ),
    Rule(
        "tls.own_root_not_known",
        "tls",
        "failure_kind = 'certificate' AND service_root",
        12,
        "The certificate is by the service's own authority, which this version of the probe does not know: a fault of "
        "the instrument.",
        "OONI probe issues #2344, #2459 (Signal's root certificates)",
        "insufficient",
        evidence="artefact",
        doubt=True,
    ),
    Rule(
        "tls.version_with_old_roots",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND old_roots",
        13,
        "This version of the probe refuses the certificates of several hosts on several networks that other versions "
        "accept: a fault of the instrument.",
        "OONI backend fastpath: versions with an old root store",
        "insufficient",
        evidence="peers",
        doubt=True,
    ),
    Rule(
        "tls.refused_certificate_is_genuine",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND genuine",
        14,
        "The very certificate that this probe refuses proved valid to several sessions in other networks: the probe "
        "is at fault, or its clock.",
        "OONI backend fastpath: versions with an old root store",
        "insufficient",
        evidence="peers",
        doubt=True,
    ),
    Rule(
        "tls.forged_for_one_session",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND opens_here",
        16,
        "The certificate that this probe refuses is not shown to three times as many sessions of the same network on those "
        "days: software or a filter of its own place explains it as well as the network.",
        TLS_MITM,
        "insufficient",
        evidence="peers",
        doubt=True,
    ),
    Rule(
        "tls.fails_in_control",
        "tls",
        "NOT proved AND failures > 0 AND control_failed",
        20,
        "The control's handshake with the same server fails, too.",
        OONI_LTE,
        "down",
        locus="server_side",
        evidence="control",
    ),
    Rule(
        "tls.fails_in_other_countries",
        "tls",
        "NOT proved AND failures > 0 AND NOT has_control AND peers_down",
        22,
        "The host fails in networks of several other countries, too.",
        OONI_WEB,
        "down",
        locus="server_side",
        evidence="peers",
    ),
    *(
        Rule(
            f"tls.{word}_{source}",
            "tls",
            f"NOT proved AND {when} AND {contrast}",
            priority + step,
            f"{sentence} {but}",
            f"{OONI_LTE}; {DF007}",
            "likely_blocked",
            mechanism,
            "network",
            evidence,
        )
        for step, (word, when, mechanism, sentence) in enumerate(_CUT)
        for priority, source, contrast, evidence, but in _CONTRASTS
    ),
    Rule(
        "tls.forged_self_signed",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND control_ok_same_address AND self_signed",
        60,
        "A self-signed certificate is shown for a host whose true certificate the control saw at this address.",
        TLS_MITM,
        "blocked",
        "tls.mitm.self_signed",
        "network",
        "artefact",
    ),
    Rule(
        "tls.forged_by_authority",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND control_ok_same_address AND NOT self_signed AND "
        "unknown_authority AND certificate_seen",
        61,
        "A certificate by an authority that nobody trusts is shown for a host whose true certificate the control saw "
        "at this address.",
        TLS_MITM,
        "blocked",
        "tls.mitm.ca_signed",
        "network",
        "artefact",
    ),
    Rule(
        "tls.forged",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND control_ok_same_address AND NOT clock_wrong",
        62,
        "The certificate is not the host's, while the control saw the true one at this address.",
        TLS_MITM,
        "blocked",
        "tls.mitm",
        "network",
        "artefact",
    ),
    Rule(
        "tls.forged_not_in_peers",
        "tls",
        "NOT proved AND failure_kind = 'certificate' AND NOT has_control AND peers_fine AND NOT clock_wrong AND "
        "certificate_seen AND (self_signed OR unknown_authority)",
        64,
        "The certificate is not by an authority that anybody trusts, while in other networks the host proves to be "
        "itself.",
        TLS_MITM,
        "likely_blocked",
        "tls.mitm",
        "network",
        "peers",
    ),
    Rule(
        "tls.failure_unclear",
        "tls",
        "NOT proved AND failures > 0 AND (control_ok OR helper_followed OR peers_fine)",
        80,
        "The handshake fails in a way that servers and probes have of themselves as well; elsewhere it succeeds.",
        DF007,
        "impaired",
        "tls",
        "unknown",
        "control",
    ),
    Rule(
        "tls.some_handshakes_fail",
        "tls",
        "proved AND failures > 0",
        900,
        "Some handshakes with the host failed, others succeeded.",
        OONI_LTE,
    ),
    Rule(
        "tls.reads_before_failure",
        "tls",
        "NOT proved AND failure_kind = 'timeout' AND reads > 0",
        901,
        "Something was read before the handshake stalled: the connection was slowed or cut, not refused.",
        "OONI design dd-007 (throttling)",
    ),
    Rule(
        "tls.no_control",
        "tls",
        "NOT proved AND failures > 0 AND NOT has_control AND NOT peers_fine AND NOT peers_down AND NOT "
        "helper_followed",
        902,
        "It fails, and nothing shows whether it works elsewhere.",
        OONI_WEB,
        doubt=True,
    ),
    Rule(
        "tls.clock_wrong",
        "tls",
        "clock_wrong",
        903,
        "The certificate is valid at the time at which the collector received the measurement, but not by the probe's "
        "clock.",
        "OONI spec df-000-base (measurement_start_time)",
        doubt=True,
    ),
)
