"""Every rule, by layer: data that the judge compiles into queries."""

from __future__ import annotations

from wallwatch.judge.rules import dns, http, part, quic, service, tcp, tls
from wallwatch.judge.rules.base import LAYERS, Rule

#: All rules, in the order of layers.
RULES: tuple[Rule, ...] = (
    *dns.RULES,
    *tcp.RULES,
    *tls.RULES,
    *quic.RULES,
    *http.RULES,
    *part.RULES,
    *service.RULES,
)

#: Rule id to rule.
BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}

__all__ = ["BY_ID", "LAYERS", "RULES", "Rule"]
