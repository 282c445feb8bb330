"""Rules of the QUIC handshake, which fails for many reasons: nothing is concluded without contrast.

Where the site was reached over TCP as well, a filter of QUIC impairs it and no more, since everything falls back.
Features: `judge/steps/quic.py`.
"""

from __future__ import annotations

from wallwatch.judge.rules.base import HTTP3, OONI_LTE, Rule

_FAILS = "NOT proved AND failures > 0"
_CONTRASTS = (
    (0, "control_ok", "control_ok", "control", "the control's succeeds."),
    (1, "peers_ok", "NOT control_ok AND quic_peers_fine", "peers", "from other networks it succeeds."),
)

RULES: tuple[Rule, ...] = (
    Rule(
        "quic.handshake_succeeds",
        "quic",
        "proved",
        10,
        "A QUIC handshake with the host succeeded.",
        OONI_LTE,
        "ok",
        evidence="artefact",
    ),
    Rule(
        "quic.fails_in_control",
        "quic",
        f"{_FAILS} AND alone AND control_failed",
        12,
        "The control's QUIC handshake with the host fails, too.",
        HTTP3,
        "down",
        locus="server_side",
        evidence="control",
    ),
    Rule(
        "quic.fails_in_other_networks",
        "quic",
        f"{_FAILS} AND alone AND NOT control_ok AND NOT control_failed AND quic_nowhere",
        13,
        "QUIC with the host fails from other networks, too.",
        HTTP3,
        "down",
        locus="server_side",
        evidence="peers",
    ),
    Rule(
        "quic.not_offered",
        "quic",
        f"{_FAILS} AND NOT alone AND NOT control_ok AND (control_failed OR quic_nowhere)",
        14,
        "QUIC with the host fails from elsewhere, too: the site seems not to offer it.",
        HTTP3,
        "insufficient",
        locus="server_side",
        evidence="peers",
        doubt=True,
    ),
    *(
        Rule(
            f"quic.timeout_for_this_host_{source}",
            "quic",
            f"{_FAILS} AND failure_kind = 'timeout' AND NOT alone AND (tls_proved OR tcp_ok) AND others_here AND {contrast}",
            15 + step,
            "QUIC handshakes with the host get no answer, while other hosts answer over QUIC here, and the host does over "
            f"TCP; {but}",
            HTTP3,
            "impaired",
            "quic.timeout",
            "network",
            evidence,
        )
        for step, source, contrast, evidence, but in _CONTRASTS
    ),
    *(
        Rule(
            f"quic.timeout_{source}",
            "quic",
            f"{_FAILS} AND failure_kind = 'timeout' AND alone AND others_here AND {contrast}",
            17 + step,
            "QUIC handshakes with the host get no answer, while other hosts answer over QUIC here; only QUIC was tried; "
            f"{but}",
            HTTP3,
            "likely_blocked",
            "quic.timeout",
            "network",
            evidence,
        )
        for step, source, contrast, evidence, but in _CONTRASTS
    ),
    Rule(
        "quic.fails_for_all_hosts_here",
        "quic",
        f"{_FAILS} AND none_here AND (control_ok OR quic_peers_fine)",
        19,
        "QUIC fails in this network with every host that was tried, and works elsewhere: whether for want of UDP or on "
        "purpose cannot be told, and it is not about this host.",
        HTTP3,
        "impaired",
        "quic",
        "network",
        "peers",
    ),
    Rule(
        "quic.fails_where_tls_works",
        "quic",
        f"{_FAILS} AND tls_proved",
        20,
        "QUIC fails while TLS over TCP to the same host works: often the whole network has no UDP to port 443.",
        OONI_LTE,
        "impaired",
        locus="unknown",
        evidence="pattern",
    ),
    Rule(
        "quic.failure_unclear",
        "quic",
        f"{_FAILS} AND alone AND (control_ok OR quic_peers_fine)",
        25,
        "The QUIC handshake fails, and succeeds elsewhere; nothing shows whether QUIC works here at all.",
        HTTP3,
        "impaired",
        "quic",
        "unknown",
        "control",
    ),
    Rule(
        "quic.no_control",
        "quic",
        f"{_FAILS} AND alone AND NOT control_ok AND NOT control_failed AND NOT quic_peers_fine AND NOT quic_nowhere",
        900,
        "It fails, and nothing shows whether it works elsewhere.",
        HTTP3,
        doubt=True,
    ),
)
