"""Rules of connecting. Features: `judge/steps/tcp.py`."""

from __future__ import annotations

from wallwatch.judge.rules.base import (
    DF007,
    EYEBALLS,
    OONI_WEB,
    Rule,
    fails_for_all_but_helper,
    lossy_network,
    shared_trouble,
)

_KINDS = (
    ("timeout", "tcp.timeout", "Connection attempts get no answer;"),
    ("refused", "tcp.refused", "Connection attempts are refused;"),
    ("reset", "tcp.reset", "Connections are reset while they are set up;"),
    ("unreachable", "ip.unreachable", "The addresses are unreachable;"),
)

RULES: tuple[Rule, ...] = (
    Rule(
        "tcp.connects",
        "tcp",
        "ports_ok > 0 AND ports_failed = 0",
        10,
        "A connection to the host was set up.",
        OONI_WEB,
        "ok",
        evidence="control",
    ),
    Rule(
        "tcp.fails_in_control",
        "tcp",
        "ports_failed_control_failed > 0 AND ports_failed_control_ok = 0",
        20,
        "The control cannot connect to the same address and port either.",
        OONI_WEB,
        "down",
        locus="server_side",
        evidence="control",
    ),
    Rule(
        "tcp.fails_in_other_countries",
        "tcp",
        "ports_failed > 0 AND NOT has_control AND peers_down",
        22,
        "The host fails in networks of several other countries, too.",
        OONI_WEB,
        "down",
        locus="server_side",
        evidence="peers",
    ),
    fails_for_all_but_helper("tcp", "ports_failed_control_ok > 0", 24),
    lossy_network("tcp", "failure_kind = 'timeout'", 26),
    *(
        Rule(
            f"tcp.{word}_{source}",
            "tcp",
            f"failure_kind = '{word}' AND {contrast}",
            priority + step,
            f"{sentence} {but}",
            f"{OONI_WEB}; {DF007}",
            "likely_blocked",
            mechanism,
            "network",
            evidence,
        )
        for step, (word, mechanism, sentence) in enumerate(_KINDS)
        for priority, source, contrast, evidence, but in (
            (30, "control_ok", "ports_failed_control_ok > 0", "control", "the control connects."),
            (
                40,
                "helper_followed",
                "ports_failed > 0 AND NOT has_control AND helper_followed",
                "control",
                "the test helper followed the redirect to this host and got its page.",
            ),
            (
                50,
                "peers_ok",
                "ports_failed > 0 AND NOT has_control AND NOT helper_followed AND peers_fine",
                "peers",
                "in other networks the host is reached.",
            ),
        )
    ),
    Rule(
        "tcp.one_family_fails",
        "tcp",
        "family_failed_control_ok > 0 AND ports_failed = 0",
        9,
        "All connections over one of IPv4 and IPv6 fail although the control connects; over the other the host is "
        "reached.",
        EYEBALLS,
        "impaired",
        "tcp",
        "unknown",
        "control",
    ),
    Rule(
        "tcp.ipv6_missing_at_probe",
        "tcp",
        "ipv6_missing > 0",
        900,
        "The probe has no IPv6: connections over it failed at once as unreachable and are left out.",
        EYEBALLS,
        doubt=True,
    ),
    Rule(
        "tcp.some_addresses_fail",
        "tcp",
        "ports_ok > 0 AND endpoints_failed > 0",
        901,
        "Some connections to the host failed, others were set up.",
        OONI_WEB,
    ),
    Rule(
        "tcp.address_not_trusted",
        "tcp",
        "untrusted > 0",
        902,
        "Connections to addresses that the resolver seems to have made up are left out: what fails there follows "
        "from the answer.",
        OONI_WEB,
    ),
    Rule(
        "tcp.no_control",
        "tcp",
        "ports_failed > 0 AND NOT has_control AND NOT peers_fine AND NOT peers_down AND NOT helper_followed",
        903,
        "It fails, and nothing shows whether it works elsewhere.",
        OONI_WEB,
        doubt=True,
    ),
    shared_trouble("tcp", "ports_failed > 0"),
)
