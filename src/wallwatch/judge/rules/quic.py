"""Rules of the QUIC handshake: it decides nothing alone, since everything falls back to TCP."""

from __future__ import annotations

from wallwatch.judge.rules.base import OONI_LTE, Rule

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
        "quic.fails_where_tls_works",
        "quic",
        "NOT proved AND failures > 0 AND tls_proved",
        20,
        "QUIC fails while TLS over TCP to the same host works: often the whole network has no UDP to port 443.",
        OONI_LTE,
        "impaired",
        locus="unknown",
        evidence="pattern",
    ),
)
