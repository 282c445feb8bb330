"""Service models as data: which rows of a test belong to which part, and which parts a service needs.

A new service is one `Service` here. Parts that are pools (`any_of`) are judged like one host with many addresses:
one that works is enough. Every other host that the test contacts is a part of its own and required, unless it is
named as optional (OONI specs ts-018, ts-019, ts-020, ts-023 and ts-029).
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
class Service:
    """How a service test is judged as a whole.

    Attributes:
        nettest: The test.
        service: The service's name.
        pools: Its redundant parts.
        optional: Hosts that the test contacts and the service does not need.
        ignores_status: Whether an HTTP status is no failure (the test asks for nothing that exists).
        own_roots: Issuers (SQL `LIKE`) that only the service's own clients trust.
    """

    nettest: str
    service: str
    pools: tuple[Pool, ...] = ()
    optional: tuple[str, ...] = ()
    own_roots: tuple[str, ...] = field(default=())


SERVICES: tuple[Service, ...] = (
    Service(
        "telegram",
        "telegram",
        # Sixteen and more data-centre addresses; the app tries one after the other (ts-020, 4).
        pools=(Pool("telegram.endpoint", addresses=True),),
    ),
    Service(
        "whatsapp",
        "whatsapp",
        # e1.whatsapp.net to e16.whatsapp.net, each on 443 and 5222 (ts-018, 4).
        pools=(Pool("whatsapp.endpoint", hosts=("e_.whatsapp.net", "e__.whatsapp.net"), addresses=True),),
    ),
    Service(
        "signal",
        "signal",
        optional=("uptime.signal.org",),
        own_roots=("%Signal Messenger%", "%TextSecure%", "%Open Whisper Systems%"),
    ),
    Service("facebook_messenger", "facebook_messenger"),
)

#: Tests of tools that connect by themselves: judged by whether they start.
TOOLS: tuple[str, ...] = (
    "vanilla_tor",
    "torsf",
    "psiphon",
    "openvpn",
    "riseupvpn",
    "stunreachability",
    "tor",
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
