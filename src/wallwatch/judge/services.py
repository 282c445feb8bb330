"""Service models as data: which rows of a test belong to which part, and which parts a service needs.

A new service is one `Service` here, a new tool one `Tool`. A service's pools (`any_of`) are judged like one host with
many addresses: one that works is enough. Every other host that the test contacts is a unit of its own and required by
the part that names it, unless the service does without it (OONI specs ts-018, ts-019, ts-020 and ts-029). A tool says
itself, step by step, what worked: its parts are pools of endpoints, and an endpoint that fails counts only where it
works elsewhere (trap J25).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pool:
    """Redundant endpoints: the pool works where one of them does.

    Attributes:
        name: Its name in the `host` column of verdicts.
        hosts: SQL `LIKE` patterns of host names that belong to it.
        addresses: Whether rows that name no host, only an address, belong to it.
    """

    name: str
    hosts: tuple[str, ...] = ()
    addresses: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """What a service consists of for the person who uses it: the app, the web page, calls.

    Attributes:
        name: Its name in the `host` column of verdicts of layer `part`.
        means: What it is, for people.
        units: SQL `LIKE` patterns of the hosts and pools that it needs, all of them.
    """

    name: str
    means: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """How a service test is judged as a whole.

    Attributes:
        nettest: The test.
        service: The service's name.
        parts: Its parts, all needed; a host is of the first that names it.
        pools: Its redundant endpoints.
        optional: Hosts that the test contacts and the service does not need.
        own_roots: Issuers (SQL `LIKE`) that only the service's own clients trust.
        own_networks: Networks that answer for its hosts, where all of them lie in its owner's own.
    """

    nettest: str
    service: str
    parts: tuple[Part, ...]
    pools: tuple[Pool, ...] = ()
    optional: tuple[str, ...] = ()
    own_roots: tuple[str, ...] = field(default=())
    own_networks: tuple[int, ...] = ()


#: Meta's own networks (RIPE and ARIN: AS32934 Facebook, AS54115 and AS63293 its offices and edge).
_META = (32934, 54115, 63293)

SERVICES: tuple[Service, ...] = (
    Service(
        "telegram",
        "telegram",
        parts=(
            Part("telegram.app", "the app's data centres", ("telegram.endpoint",)),
            Part("telegram.web", "Telegram on the web", ("%",)),
        ),
        # Sixteen and more data-centre addresses; the app tries one after the other (ts-020, 4).
        pools=(Pool("telegram.endpoint", addresses=True),),
    ),
    Service(
        "whatsapp",
        "whatsapp",
        parts=(
            Part(
                "whatsapp.app",
                "the app: its registration server and one of its endpoints",
                ("whatsapp.endpoint", "v.whatsapp.%"),
            ),
            Part("whatsapp.web", "WhatsApp on the web", ("%",)),
        ),
        # e1.whatsapp.net to e16.whatsapp.net, each on 443 and 5222 (ts-018, 4).
        pools=(Pool("whatsapp.endpoint", hosts=("e_.whatsapp.net", "e__.whatsapp.net"), addresses=True),),
        own_networks=_META,
    ),
    Service(
        "signal",
        "signal",
        parts=(
            Part("signal.media", "attachments", ("cdn%",)),
            Part("signal.calls", "calls", ("sfu.%", "turn%")),
            Part("signal.app", "messages, storage and registration", ("%",)),
        ),
        optional=("uptime.signal.org",),
        own_roots=("%Signal Messenger%", "%TextSecure%", "%Open Whisper Systems%"),
    ),
    Service(
        "facebook_messenger",
        "facebook_messenger",
        parts=(
            Part("facebook_messenger.calls", "calls", ("stun.%",)),
            Part("facebook_messenger.media", "pictures and films", ("external%", "scontent%")),
            Part("facebook_messenger.app", "messages", ("%",)),
        ),
        own_networks=_META,
    ),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """How a test is judged that says itself what worked, over the columns of its observations.

    Attributes:
        nettest: The test.
        when: SQL predicate: rows that say whether something worked.
        works: SQL predicate over such a row: it did. One that does outweighs the others of its endpoint.
        part: SQL expression: the part that the row is about, as in the `host` column of verdicts.
        endpoint: SQL expression: what was tried, which is compared to itself elsewhere; it is never printed.
        own_units: Whether the hosts that it contacts are judged one by one and not as the part.
        means: What a part is, for people; `{}` stands for what follows the first dot of its name.
    """

    nettest: str
    when: str
    works: str
    part: str
    endpoint: str = "''"
    own_units: bool = False
    means: str = "the tool"


_STARTED = "failure IS NULL AND coalesce(step_number, 0) > 0"

#: Tests of tools, of resolvers and of single endpoints.
TOOLS: tuple[Tool, ...] = (
    Tool(
        "tor",
        when="step = 'tor_target' AND step_target IS NOT NULL",
        works="failure IS NULL",
        part="'tor.' || step_target",
        endpoint="coalesce(ip || ':' || port, step_value)",
        means="Tor by its {}",
    ),
    Tool(
        "torsf",
        when="step = 'bootstrap_time'",
        works=_STARTED,
        # Before it was told apart, the only way to meet was behind another domain (ts-030).
        part="'torsf.' || CASE WHEN step_target IS NULL OR step_target = 'bootstrap' THEN 'domain_fronting' ELSE step_target END",
        means="Tor over Snowflake, meeting by {}",
    ),
    Tool(
        "vanilla_tor",
        when="step = 'bootstrap_time'",
        works=_STARTED,
        part="'vanilla_tor'",
        means="Tor as such",
    ),
    Tool("psiphon", when="step = 'bootstrap_time'", works=_STARTED, part="'psiphon'", means="Psiphon"),
    Tool(
        "openvpn",
        when="step = 'bootstrap_time' OR step = 'success' OR step = 'openvpn_handshake'",
        works=(
            "failure IS NULL AND CASE step WHEN 'success' THEN step_value = 'true' ELSE coalesce(step_number, 0) > 0 END"
        ),
        part="concat_ws('.', 'openvpn', nullif(regexp_extract(target, '/(tcp|udp)$', 1), ''))",
        endpoint="target",
        means="OpenVPN over {}",
    ),
    Tool(
        "riseupvpn",
        when="step = 'api_status' OR step = 'transport_status' OR (layer = 'tls' AND failure IS NULL)",
        works="CASE WHEN step IS NULL THEN true ELSE step_value = 'ok' END",
        part="'riseupvpn.' || CASE WHEN step = 'transport_status' THEN step_target ELSE 'api' END",
        means="RiseupVPN by its {}",
    ),
    Tool(
        "stunreachability",
        when="step = 'stun'",
        works="failure IS NULL",
        part="'stunreachability'",
        endpoint="target",
        own_units=True,
        means="the STUN server, by which calls find their way",
    ),
    Tool(
        "dnscheck",
        when="step = 'lookup' OR (step = 'bootstrap' AND failure IS NOT NULL)",
        works="failure IS NULL",
        part="'dnscheck.' || CASE WHEN target LIKE 'https:%' OR target LIKE 'http3:%' THEN 'doh' "
        "WHEN target LIKE 'dot:%' THEN 'dot' ELSE 'dns' END",
        endpoint="target",
        own_units=True,
        means="the resolver over {}",
    ),
    Tool(
        "echcheck",
        when="layer = 'tls'",
        works="failure IS NULL",
        part="'echcheck.' || CASE lower(coalesce(tls_ech, '')) WHEN '' THEN 'plain' WHEN 'grease' THEN 'grease' ELSE 'ech' END",
        endpoint="target",
        own_units=True,
        means="the TLS handshake, {}",
    ),
)

#: Tests that provoke devices on the path: what shows one, as an SQL predicate over the rows of observations.
MIDDLEBOX_TESTS: tuple[tuple[str, str, str], ...] = (
    (
        "http_invalid_request_line",
        "step = 'echoed_line' AND step_value = 'altered'",
        "step = 'echoed_line' AND step_value = 'same'",
    ),
    (
        "http_header_field_manipulation",
        "step LIKE 'tampering_%' AND step_value NOT IN ('false', '', '[]')",
        "step = 'tampering_total' AND step_value = 'false'",
    ),
)

#: Host names (SQL `LIKE`) to well-known services, by their own published domains. First match wins.
CATALOGUE: tuple[tuple[str, str], ...] = tuple(
    (pattern, service)
    for service, domains in (
        ("telegram", "telegram.org t.me telegram.me telegra.ph tdesktop.com telegram.dog"),
        ("whatsapp", "whatsapp.com whatsapp.net wa.me"),
        ("signal", "signal.org whispersystems.org signal.me"),
        ("facebook", "facebook.com fb.com fbcdn.net facebook.net fb.me"),
        ("messenger", "messenger.com m.me"),
        ("instagram", "instagram.com cdninstagram.com"),
        ("youtube", "youtube.com youtu.be ytimg.com googlevideo.com youtube-nocookie.com"),
        ("twitter", "twitter.com x.com t.co twimg.com"),
        ("tiktok", "tiktok.com tiktokv.com tiktokcdn.com"),
        ("wikipedia", "wikipedia.org wikimedia.org wikidata.org"),
        ("tor", "torproject.org"),
        ("reddit", "reddit.com redd.it"),
        ("discord", "discord.com discordapp.com discord.gg"),
        ("skype", "skype.com"),
        ("viber", "viber.com"),
        ("linkedin", "linkedin.com lnkd.in licdn.com"),
        ("snapchat", "snapchat.com"),
        ("pinterest", "pinterest.com pinimg.com"),
        ("vk", "vk.com vkontakte.ru"),
        ("medium", "medium.com"),
        ("psiphon", "psiphon.ca psiphon3.com"),
    )
    for domain in domains.split()
    for pattern in (domain, f"%.{domain}")
)

#: Second-level labels under which country registries let others register (a short list in place of the Public
#: Suffix List, publicsuffix.org: it only groups hosts by owner for counting, and never judges).
SECOND_LEVEL: tuple[str, ...] = (
    "ac",
    "co",
    "com",
    "edu",
    "gob",
    "gov",
    "go",
    "ltd",
    "me",
    "mil",
    "net",
    "ne",
    "nom",
    "or",
    "org",
    "sch",
)
