"""Messaging services: WhatsApp (ts-018), Facebook Messenger (ts-019), Telegram (ts-020), Signal (ts-029)."""

from __future__ import annotations

from wallwatch.sources.ooni.nettests.base import Status, service

_FACEBOOK = ("b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star", "stun")

NETTESTS = (
    service(
        "whatsapp",
        Status("registration_server_status", "registration", "registration_server_failure"),
        Status("whatsapp_web_status", "web", "whatsapp_web_failure"),
        Status("whatsapp_endpoints_status", "endpoint"),
        Status("whatsapp_endpoints_blocked", "endpoint"),
        Status("whatsapp_endpoints_dns_inconsistent", "endpoint"),
    ),
    service(
        "telegram",
        Status("telegram_tcp_blocking", "endpoint"),
        Status("telegram_http_blocking", "endpoint"),
        Status("telegram_web_status", "web", "telegram_web_failure"),
    ),
    service("signal", Status("signal_backend_status", "backend", "signal_backend_failure")),
    service(
        "facebook_messenger",
        Status("facebook_dns_blocking"),
        Status("facebook_tcp_blocking"),
        *(
            Status(f"facebook_{part}_{what}", part)
            for part in _FACEBOOK
            for what in ("dns_consistent", "reachable")
        ),
    ),
)
