"""The ways to get through, as data: which rows of which test are a try of a way, and which say that it worked.

A new way is one `Route` here. Ids are public and append-only. A bridge is only ever named by its type, and only types
that every Tor Browser carries are exported: no address of a bridge is in any row (see docs/do-no-harm.md).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One way, and how a test tells whether it works.

    Attributes:
        id: Public and stable.
        kind: `circumvention`, `messaging`, `resolver` or `protocol`.
        name: For people; a proper name, not translated.
        nettest: The test that tries it.
        when: SQL predicate over a measurement (`transport`, `rendezvous`, `target` in lower case, `handshakes`): whether it tries
            this way at all.
        tried: SQL predicate over a row of `observations`: whether the row is a try.
        worked: SQL predicate over such a row: whether that try got through.
        least: Share of the tries of one measurement that must get through; 0 stands for a single one.
        host: For services that are judged: the part, by the verdict's host in layer `part`; `%` for the whole.
        bridge: The built-in bridge type of Tor's settings that uses this way; empty where there is none.
        whole: Whether a success means that the tool was ready for use, not just that a part was reachable.
        sentence: What a try is, for people.
    """

    id: str
    kind: str
    name: str
    nettest: str
    when: str = "true"
    tried: str = ""
    worked: str = "o.failure IS NULL"
    least: float = 0.0
    host: str = ""
    bridge: str = ""
    whole: bool = True
    sentence: str = ""


_STARTS = "o.step = 'bootstrap_time'"
_TOR = "A try is a start of Tor over it up to the end of its bootstrap."


def _tor(id_: str, name: str, words: str, bridge: str = "", nettest: str = "vanilla_tor") -> Route:
    listed = ", ".join(f"'{word}'" for word in words.split())
    empty = " OR transport = ''" if "vanilla" in words else ""
    return Route(
        id_,
        "circumvention",
        name,
        nettest,
        f"(transport IN ({listed}){empty})",
        _STARTS,
        bridge=bridge,
        sentence=_TOR,
    )


def _snowflake(id_: str, name: str, words: str) -> Route:
    listed = ", ".join(f"'{word}'" for word in words.split())
    # Before the test could choose, there was domain fronting only.
    empty = " OR rendezvous = ''" if "domain_fronting" in words else ""
    return Route(
        id_,
        "circumvention",
        name,
        "torsf",
        f"(rendezvous IN ({listed}){empty})",
        _STARTS,
        bridge="snowflake",
        sentence=_TOR,
    )


def _resolver(id_: str, name: str, scheme: str, hosts: str) -> Route:
    listed = " OR ".join(
        f"target = '{scheme}://{host}' OR starts_with(target, '{scheme}://{host}/') "
        f"OR starts_with(target, '{scheme}://{host}:')"
        for host in hosts.split()
    )
    return Route(
        id_,
        "resolver",
        name,
        "dnscheck",
        f"({listed})",
        "o.step = 'lookup'",
        sentence="A try is a lookup of a name over the encrypted resolver.",
    )


#: Encrypted resolvers that are open to everybody: (id, name, host names). Others are not told of.
_RESOLVERS = (
    ("google", "Google", "dns.google"),
    ("cloudflare", "Cloudflare", "cloudflare-dns.com one.one.one.one 1dot1dot1dot1.cloudflare-dns.com mozilla.cloudflare-dns.com"),
    ("quad9", "Quad9", "dns.quad9.net dns9.quad9.net dns10.quad9.net dns11.quad9.net"),
    ("adguard", "AdGuard", "dns.adguard.com dns.adguard-dns.com"),
    ("opendns", "OpenDNS", "doh.opendns.com dns.opendns.com"),
    ("nextdns", "NextDNS", "dns.nextdns.io"),
    ("cleanbrowsing", "CleanBrowsing", "doh.cleanbrowsing.org"),
    ("dnssb", "DNS.SB", "dns.sb doh.dns.sb doh.sb dot.sb"),
    ("mullvad", "Mullvad", "dns.mullvad.net"),
)  # fmt: skip

ROUTES: tuple[Route, ...] = (
    _tor("tor", "Tor, direct", "vanilla"),
    Route(
        "tor.directories",
        "circumvention",
        "Tor's directory authorities",
        "tor",
        tried="o.step = 'tor_target' AND o.step_target IN ('or_port_dirauth', 'dir_port')",
        least=0.5,
        whole=False,
        sentence="A try connects to Tor's directory authorities; it worked where at least half of them answered. "
        "Tor itself is not started.",
    ),
    Route(
        "tor.obfs4.default",
        "circumvention",
        "Tor's built-in obfs4 bridges (reachable)",
        "tor",
        tried="o.step = 'tor_target' AND o.step_target = 'obfs4'",
        bridge="obfs4",
        whole=False,
        sentence="A try shakes hands with the bridges that every Tor Browser carries; it worked where one answered. "
        "Tor itself is not started.",
    ),
    _tor("tor.obfs4", "Tor over obfs4", "obfs4 lyrebird", "obfs4"),
    _tor("tor.meek", "Tor over meek", "meek meek_lite meek-azure", "meek"),
    _tor("tor.webtunnel", "Tor over WebTunnel", "webtunnel"),
    _tor("tor.snowflake", "Tor over Snowflake", "snowflake", "snowflake"),
    _snowflake("tor.snowflake.domain_fronting", "Tor over Snowflake (domain fronting)", "domain_fronting"),
    _snowflake("tor.snowflake.amp", "Tor over Snowflake (AMP cache)", "amp"),
    _snowflake("tor.snowflake.sqs", "Tor over Snowflake (SQS queue)", "sqs"),
    Route(
        "psiphon",
        "circumvention",
        "Psiphon",
        "psiphon",
        tried=_STARTS,
        sentence="A try starts Psiphon and fetches a page through it.",
    ),
    *(
        Route(
            f"openvpn.{transport}",
            "circumvention",
            f"OpenVPN over {transport.upper()}",
            "openvpn",
            tried=f"o.step = 'openvpn_handshake' AND lower(o.step_target) = '{transport}'",
            sentence="A try is a handshake with an OpenVPN server of a well-known provider.",
        )
        for transport in ("tcp", "udp")
    ),
    Route(
        "openvpn",
        "circumvention",
        "OpenVPN",
        "openvpn",
        # Early versions of the test had one tunnel and no list of handshakes.
        "handshakes = 0",
        tried="o.step = 'success' OR (o.step = 'bootstrap_time' AND o.failure IS NOT NULL)",
        worked="o.step = 'success' AND o.step_value = 'true'",
        sentence="A try sets up an OpenVPN tunnel.",
    ),
    *(
        Route(
            f"riseupvpn.{transport}",
            "circumvention",
            f"RiseupVPN over {name}",
            "riseupvpn",
            tried=f"(o.step = 'transport_status' AND lower(o.step_target) = '{transport}') "
            "OR (o.step = 'api_status' AND (o.failure IS NOT NULL OR lower(o.step_value) <> 'ok'))",
            worked="o.step = 'transport_status' AND lower(o.step_value) = 'ok'",
            sentence="A try asks RiseupVPN's service for its gateways and connects to them.",
        )
        for transport, name in (("openvpn", "OpenVPN"), ("obfs4", "obfs4"))
    ),
    Route("whatsapp", "messaging", "WhatsApp", "whatsapp", host="%"),
    Route("whatsapp.app", "messaging", "WhatsApp, the app", "whatsapp", host="whatsapp.app"),
    Route("signal", "messaging", "Signal", "signal", host="%"),
    Route("telegram", "messaging", "Telegram", "telegram", host="%"),
    Route("telegram.app", "messaging", "Telegram, the app", "telegram", host="telegram.app"),
    Route("telegram.web", "messaging", "Telegram in the browser", "telegram", host="telegram.web"),
    Route("whatsapp.web", "messaging", "WhatsApp in the browser", "whatsapp", host="whatsapp.web"),
    Route("facebook_messenger", "messaging", "Facebook Messenger", "facebook_messenger", host="%"),
    *(
        _resolver(f"{word}.{id_}", f"{name} over {label}", scheme, hosts)
        for id_, name, hosts in _RESOLVERS
        for word, label, scheme in (("doh", "HTTPS (DoH)", "https"), ("dot", "TLS (DoT)", "dot"))
    ),
    Route(
        "ech",
        "protocol",
        "Encrypted Client Hello",
        "echcheck",
        tried="o.layer = 'tls' AND o.tls_ech IS NOT NULL",
        sentence="A try is a TLS handshake with the Encrypted Client Hello extension.",
    ),
    Route(
        "stun",
        "protocol",
        "STUN (voice and video calls)",
        "stunreachability",
        tried="o.step = 'stun'",
        sentence="A try asks a STUN server, which calls need, for one's own address.",
    ),
)

#: Way's id to the way.
BY_ID: dict[str, Route] = {route.id: route for route in ROUTES}

#: What a try of a judged service is, for people.
JUDGED = "A try is a whole test of the service; what the judge calls `insufficient` is not counted."
