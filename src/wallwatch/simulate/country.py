"""The Example Republic (XW): its networks, sites and volunteers, and everything that happens to it in a month."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wallwatch.simulate import names
from wallwatch.simulate.plan import (
    Burst,
    Mishap,
    Network,
    Outage,
    Plan,
    Region,
    Restriction,
    Site,
    Span,
    Trouble,
    Volunteer,
)

_NAMES = (
    ("Republic Telecom", False, 3.0),
    ("Capital Mobile", True, 2.6),
    ("Northern Cable", False, 1.6),
    ("Harbour Net", False, 1.3),
    ("Valley Wireless", True, 1.2),
    ("Plateau Fibre", False, 1.0),
    ("Delta Broadband", False, 0.9),
    ("Islands Online", True, 0.8),
)
#: The made-up country's networks, largest first.
NETWORKS: tuple[Network, ...] = tuple(
    Network(
        names.PROBE_NETWORKS[n],
        name,
        mobile=mobile,
        share=share,
        ipv6=n != 4,
        relay=n == 5,
        # One network is bad at everything.
        stray=0.06 if n == 7 else 0.015 if mobile else 0.008,
    )
    for n, (name, mobile, share) in enumerate(_NAMES)
)
#: Networks in other countries, two in each.
PEERS: tuple[Network, ...] = tuple(
    Network(names.PROBE_NETWORKS[8 + n], f"Peer Net {n + 1}", names.ELSEWHERE[n // 2], share=0.5, stray=0.01)
    for n in range(8)
)
ASN = tuple(network.number for network in NETWORKS)

_TOPICS = (
    "news daily herald forum chatter video radio library rights vote health weather market sport film "
    "music travel maps mail search photo blog wiki school museum union charity science poetry games"
).split()
#: Sites that are on the server of another.
_SHARED = {
    "opposition.test": "www.union.example",
    "protest.test": "www.poetry.example",
    "satire.test": "www.blog.example",
}
#: Of the topics, the ones over plain HTTP only.
_CLEAR_TEXT = (6, 11, 14, 17, 21)
#: So many volunteers forge what they send in.
_FORGERS = 6


class _Addresses:
    """Hands out addresses one after the other."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, count: int = 1, six: bool = False) -> tuple[str, ...]:
        found = tuple(names.site_address(self._next + n) for n in range(count))
        self._next += count
        return (*found, names.site_address_6(self._next)) if six else found


def sites(start: datetime, weight: float = 1.0) -> list[Site]:
    """The test list: ordinary sites, and those of which each makes a trap."""
    give = _Addresses()
    hosting = names.SERVER_NETWORKS

    def plain(host: str, number: int, **changes: Any) -> Site:
        # Domestic sites stand in the country's own networks.
        network = ASN[number % 3] if changes.get("domestic") else hosting[number % 8]
        made = Site(host, give(1 + number % 2, six=number % 3 == 0), network, weight=weight)
        return replace(made, **changes)

    found = [
        plain(f"www.{topic}.example", n, domestic=n % 5 == 4, scheme="http" if n in _CLEAR_TEXT else "https")
        for n, topic in enumerate(_TOPICS)
    ]
    watched: dict[str, dict[str, Any]] = {
        "opposition.test": {},
        "exile-news.test": {},
        "banned-books.test": {},
        "uncensored.test": {},
        "messenger.test": {},
        "gambling.test": {"scheme": "http"},
        "dating.test": {"scheme": "http"},
        "satire.test": {"scheme": "http"},
        "minority.test": {},
        "leaks.test": {},
        "protest.test": {},
        "livestream.test": {},
        "proxy-list.test": {},
        "journal.test": {},
        "archive.test": {},
        "debate.test": {},
        "webmail.test": {},
    }
    for n, (host, changes) in enumerate(watched.items()):
        found.append(plain(host, n + 1, weight=2.5 * weight, **changes))

    # Some share a server with an innocent site: what tells a name that is filtered from an address.
    homes = {site.host: (site.addresses, site.network) for site in found}
    for n, site in enumerate(found):
        if site.host in _SHARED:
            addresses, network = homes[_SHARED[site.host]]
            found[n] = replace(site, addresses=addresses, network=network)

    def odd(host: str, trap: str, **changes: Any) -> None:
        found.append(plain(host, len(found), trap=trap, **changes))

    for n in range(3):
        home, away, helper = give(2), give(2), give(2)
        odd(f"cdn{n + 1}.invalid", "J2", addresses=helper, by_country={names.COUNTRY: home, "XA": away})
    odd("broken.invalid", "J3", trouble=(Trouble("refused", _days(start, 3, 9)),))
    odd("gone.invalid", "J3", trouble=(Trouble("nxdomain"),), scheme="http")
    odd("forbidden-and-gone.invalid", "J4", trouble=(Trouble("nxdomain"),), scheme="http", weight=2 * weight)
    odd("loop.invalid", "J6", trouble=(Trouble("loopback"),))
    odd("relayed.invalid", "J9")
    odd("challenge.invalid", "J14", status=403)
    odd("region.invalid", "J14", status=503)
    odd("challenge-http.invalid", "J14", status=403, scheme="http")
    odd("languages.invalid", "J15", scheme="http", by_language=True)
    odd("dynamic.invalid", "J15", scheme="http", dynamic=0.5)
    odd("expired.invalid", "J16", trouble=(Trouble("tls"),))
    odd("short.invalid", "J22", location="https://opposition.test/", weight=1.5 * weight)
    odd("moved.invalid", "J27", location="https://www.library.example/")
    odd("nowhere.invalid", "J23", location="https:///nowhere")
    # An internationalised name, once in capitals as written.
    odd(
        "xn--d1abbgf6aiiy.invalid",
        "J28",
        spelling="https://\u041f\u0440\u0435\u0437\u0438\u0434\u0435\u043d\u0442.invalid/",
    )
    return found


def _days(start: datetime, first: float, last: float | None = None) -> Span:
    return Span(start + timedelta(days=first), None if last is None else start + timedelta(days=last))


def restrictions(start: datetime, days: int) -> list[Restriction]:
    """What the country's networks do, in shares of the month."""

    def day(number: float) -> float:
        return round(number * days / 30 * 24) / 24

    def span(first: float, last: float | None = None) -> Span:
        return _days(start, day(first), None if last is None else day(last))

    always = Span()
    rollout = {
        ASN[n]: start + timedelta(days=day(8 + offset), hours=6)
        for n, offset in ((0, 0), (4, 0.6), (1, 1), (5, 2), (2, 2.5), (3, 4))
    }
    exams = Span(
        start + timedelta(days=day(7)), start + timedelta(days=day(26)), ((5, 8), (11, 14)), (0, 1, 2, 3, 4)
    )
    return [
        Restriction(
            "dns-bogon",
            ("exile-news.test", "banned-books.test"),
            ASN,
            "dns.injection.bogon",
            always,
            trap="J5",
        ),
        Restriction(
            "dns-block-page",
            ("uncensored.test", "proxy-list.test", "leaks.test", "satire.test"),
            (ASN[1], ASN[2]),
            "dns.injection.blockpage",
            always,
            resolver_only=True,
            trap="J7",
        ),
        Restriction(
            "dns-nxdomain",
            ("journal.test",),
            (ASN[3],),
            "dns.nxdomain",
            span(6),
            resolver_only=True,
            trap="J10",
        ),
        Restriction(
            "sni-order",
            ("opposition.test", "protest.test"),
            tuple(rollout),
            "tls.reset.sni",
            Span(),
            rollout,
            trap="C11",
        ),
        Restriction(
            "tls-timeout", ("debate.test",), (ASN[2], ASN[0]), "tls.timeout", span(12, 22), trap="J12"
        ),
        Restriction("block-page", ("gambling.test",), (ASN[4], ASN[0]), "http.blockpage", always, trap="J13"),
        Restriction("redirect", ("dating.test",), (ASN[5], ASN[1]), "http.redirect", span(4), trap="J13"),
        Restriction("host-reset", ("satire.test",), (ASN[0],), "http.reset.host", span(9)),
        Restriction("ip-drop", ("archive.test",), (ASN[6], ASN[7], ASN[1]), "tcp.timeout", span(5, 15)),
        Restriction(
            "mitm", ("webmail.test",), (ASN[6], ASN[3]), "tls.mitm.self_signed", span(11), trap="J17"
        ),
        Restriction(
            "throttle",
            ("livestream.test",),
            (ASN[7], ASN[0]),
            "tls.throttle.sni",
            span(10),
            trap="J26",
            kind="throttling",
        ),
        Restriction(
            "down-and-injected",
            ("forbidden-and-gone.invalid",),
            (ASN[0], ASN[1]),
            "dns.injection.bogon",
            always,
            trap="J4",
        ),
        Restriction("telegram-ban", ("telegram",), (ASN[0], ASN[1], ASN[4]), "tcp.timeout", span(10, 25)),
        Restriction("signal-ban", ("signal",), (ASN[3], ASN[1]), "tls.reset", span(20)),
        Restriction("exam-hours", ("whatsapp", "messenger.test"), ASN[:6], "tls.timeout", exams, trap="C12"),
        Restriction("tor", ("vanilla_tor",), (ASN[2], ASN[0]), "", always),
        # Devices on some of the paths only.
        Restriction("half-reset", ("minority.test",), (ASN[1], ASN[0]), "tls.reset", span(14), strength=0.5),
    ]


def _volunteers(scale: float) -> list[Volunteer]:
    """Volunteers by network, their activity by Zipf's law."""
    platforms = (("android", "3.24.0"), ("ios", "3.24.0"), ("linux", "3.23.0"), ("windows", "3.23.0"))
    found: list[Volunteer] = []
    for networks, people, total in ((NETWORKS, 5, 22.0), (PEERS, 2, 6.0)):
        shares = sum(network.share for network in networks)
        weights = [1 / (rank + 1) ** 0.8 for rank in range(people)]
        for place, network in enumerate(networks):
            for rank in range(people):
                number = len(found)
                platform, version = platforms[number % 4]
                other = networks[(place + 1 + rank) % len(networks)]
                away = (other.number,) if rank % 2 and other.country == network.country else ()
                found.append(
                    Volunteer(
                        number,
                        (network.number, *away),
                        scale * total * network.share / shares * weights[rank] / sum(weights),
                        platform,
                        version,
                        ipv6=number % 5 != 3,
                        old_web=number % 9 == 4,
                        public_resolver=(0.0, 0.0, 0.3, 1.0)[number % 4] if number % 3 == 0 else 0.0,
                    )
                )
    # Fresh sessions that send in forged failures of a site (trap C2).
    for _ in range(_FORGERS):
        found.append(Volunteer(len(found), (NETWORKS[1].number,), 0.12 * scale, "linux", "3.24.0"))
    # A release that trusts no authority, in the hands of a few, here and elsewhere.
    for network in (NETWORKS[0], NETWORKS[1], NETWORKS[3], PEERS[0], PEERS[3]):
        found.append(
            Volunteer(len(found), (network.number,), 0.25 * scale, "linux", "3.99.0-alpha", faulty=True)
        )
    return found


def outages(start: datetime, days: int) -> list[Outage]:
    """A shutdown of three days of which the later part is domestic only, a power cut, and an instrument's fault."""

    def at(number: float, hour: int) -> datetime:
        return start + timedelta(days=round(number * days / 30), hours=hour)

    cut = at(17, 13)
    open_again = cut + timedelta(days=min(3.0, days / 7))
    power = at(13, 17)
    glitch = at(24, 9)
    return [
        Outage("shutdown", "country", names.COUNTRY, Span(cut, open_again), 0.95, trap="S1;S2"),
        Outage(
            "domestic_only",
            "country",
            names.COUNTRY,
            Span(cut + timedelta(hours=12), open_again),
            0.95,
            signals=(),
            trap="S3",
        ),
        Outage(
            "disruption",
            "region",
            names.COUNTRY,
            Span(power, power + timedelta(hours=7)),
            0.75,
            region="Lowmarsh",
            recovery_hours=24,
            ragged_hours=4,
            trap="S6",
        ),
        *(
            Outage(
                "instrument",
                "country",
                country,
                Span(glitch, glitch + timedelta(hours=3)),
                0.9,
                signals=("monash",),
                trap="S8",
            )
            for country in (names.COUNTRY, *names.ELSEWHERE[:2])
        ),
    ]


REGIONS: tuple[Region, ...] = (
    *(
        Region(names.COUNTRY, name, (f"{name} City", f"{name} Shire"))
        for name in (
            "Capital",
            "Northmoor",
            "Harbourland",
            "Lowmarsh",
            "Plateau",
            "Delta",
            "Islands",
            "Eastvale",
        )
    ),
    *(
        Region(code, f"{code} {side}", (f"{code} {side} Town",))
        for code in ("XA", "XB")
        for side in ("North", "South", "West")
    ),
)


def republic(start: datetime, days: int, scale: float) -> Plan:
    """The whole country.

    Args:
        start: The first moment, a midnight UTC.
        days: How long it is watched; restrictions and outages keep their places in it.
        scale: How much is measured; 1 gives some 20,000 measurements in 30 days.
    """

    def span(first: float, hour: int, hours: float) -> Span:
        begins = start + timedelta(days=round(first * days / 30), hours=hour)
        return Span(begins, begins + timedelta(hours=hours))

    volunteers = _volunteers(scale)

    forgers = tuple(v.number for v in volunteers if not v.faulty)[-_FORGERS:]

    def people(network: int) -> list[int]:
        return [volunteer.number for volunteer in volunteers if volunteer.networks[0] == network]

    return Plan(
        start,
        days,
        (*NETWORKS, *PEERS),
        sites(start),
        volunteers,
        restrictions(start, days),
        (
            Mishap("offline", share=0.02, trap="J20"),
            Mishap("helper", share=0.02, trap="J29"),
            Mishap("portal", share=0.01, trap="J18"),
            Mishap("filter", span(8, 0, 96), volunteers=tuple(people(ASN[1])[2:3]), trap="J18"),
            Mishap("helper", span(22, 8, 5), trap="J1"),
            Mishap("late", share=0.05, trap="C8"),
            Mishap("own_firewall", targets=("www.health.example",), volunteers=forgers, trap="C2"),
            Mishap("bad_line", span(3, 0, 72), 0.3, volunteers=tuple(people(ASN[2])[:1])),
            Mishap("bad_line", span(19, 0, 96), 0.25, volunteers=tuple(people(ASN[4])[:1])),
            Mishap("service_down", span(15, 14, 6), targets=("facebook_messenger",), trap="C10"),
            Mishap(
                "own_firewall",
                span(27, 0, 24),
                targets=("www.radio.example", "www.school.example"),
                volunteers=tuple(people(ASN[6])[:1]),
                trap="C18",
            ),
            Mishap(
                "own_firewall",
                span(5, 0, 48),
                targets=("www.games.example",),
                volunteers=tuple(people(ASN[3])[1:2]),
                trap="C1",
            ),
        ),
        (
            Burst(
                people(ASN[3])[1],
                "www.games.example",
                start + timedelta(days=round(5 * days / 30), hours=15),
                max(10, round(1000 * min(scale, 1.0))),
            ),
        ),
        outages(start, days),
        REGIONS,
        services=("telegram", "whatsapp", "signal", "facebook_messenger"),
        tools=("tor", "vanilla_tor", "torsf", "psiphon", "openvpn"),
    )
