"""A made-up world as data: networks, sites, volunteers, restrictions, mishaps and outages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from wallwatch.simulate.names import COUNTRY


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time; `end` is not part of it, and null where it has none.

    Attributes:
        start: When it begins; null where it always was.
        hours: Hours of the day (UTC) as pairs of first and one past the last; empty for the whole day.
        weekdays: Days of the week from Monday as 0; empty for all.
    """

    start: datetime | None = None
    end: datetime | None = None
    hours: tuple[tuple[int, int], ...] = ()
    weekdays: tuple[int, ...] = ()

    def holds(self, when: datetime) -> bool:
        """Whether the moment is in it."""
        if (self.start and when < self.start) or (self.end and when >= self.end):
            return False
        if self.weekdays and when.weekday() not in self.weekdays:
            return False
        return not self.hours or any(first <= when.hour < last for first, last in self.hours)


@dataclass(frozen=True, slots=True)
class Network:
    """A network of probes.

    Attributes:
        mobile: Whether it is a mobile network.
        share: How much of the measuring happens in it, relative to others.
        ipv6: Whether its probes have IPv6.
        relay: Whether it sends all clear-text DNS through an honest relay of its own (trap J9).
        stray: Share of measurements that fail for no reason that anybody could know, as on every real network.
        udp: Whether it lets UDP through to port 443, which QUIC needs.
    """

    number: int
    name: str
    country: str = COUNTRY
    mobile: bool = False
    share: float = 1.0
    ipv6: bool = True
    relay: bool = False
    stray: float = 0.0
    udp: bool = True


@dataclass(frozen=True, slots=True)
class Trouble:
    """A site that does not work for anybody, for a while.

    Attributes:
        kind: `refused`, `timeout`, `nxdomain`, `loopback` or `tls` (its certificate has expired).
    """

    kind: str
    span: Span = Span()


@dataclass(frozen=True, slots=True)
class Site:
    """A web site.

    Attributes:
        addresses: Its addresses, IPv4 and IPv6.
        by_country: Other addresses that it answers with in a country (trap J2).
        network: The network of its addresses.
        status: The status that its server gives; 403 or 503 for challenges (trap J14).
        dynamic: Share of its page that differs at each visit (trap J15).
        by_language: Whether its page is in another language in each country (trap J15).
        location: Where its server redirects to; may be broken (trap J23).
        domestic: Whether it is hosted in the made-up country.
        weight: How often it is measured, relative to others.
        trap: The trap that it makes, if any.
        spelling: The input as written, where it is not simply scheme and host (trap J28).
        listed: When it is on the test list (trap C6).
        http3: Whether its server answers over QUIC, where that is tried (`Plan.quic`).
    """

    host: str
    addresses: tuple[str, ...]
    network: int
    scheme: str = "https"
    by_country: dict[str, tuple[str, ...]] = field(default_factory=dict)
    trouble: tuple[Trouble, ...] = ()
    status: int = 200
    dynamic: float = 0.0
    by_language: bool = False
    location: str | None = None
    domestic: bool = False
    weight: float = 1.0
    trap: str = ""
    spelling: str | None = None
    listed: Span = Span()
    http3: bool = True

    @property
    def url(self) -> str:
        """What a probe is asked to measure."""
        return self.spelling or f"{self.scheme}://{self.host}/"

    def ailing(self, when: datetime) -> str | None:
        """Its trouble at that moment, if any."""
        return next((trouble.kind for trouble in self.trouble if trouble.span.holds(when)), None)


@dataclass(frozen=True, slots=True)
class Restriction:
    """Interference: what, where, when, how, how strongly.

    Attributes:
        key: Its name in the truth.
        targets: Hosts, or names of services (`telegram`), or tests of tools (`vanilla_tor`).
        networks: Where it holds.
        mechanism: A mechanism path.
        span: When it holds.
        rollout: Networks that begin later than `span` does (trap C11).
        strength: Share of measurements that meet it.
        resolver_only: Whether only the network's own resolver lies (trap J7), not the path.
        parts: For services: which parts are cut (`endpoint`, `web`); empty for all.
        service: The service's name in the truth, where the targets are hosts of one.
        event: Whether the truth has an event of it; false for a single volunteer's own firewall.
        kind: Kind of the event.
    """

    key: str
    targets: tuple[str, ...]
    networks: tuple[int, ...]
    mechanism: str
    span: Span = Span()
    rollout: dict[int, datetime] = field(default_factory=dict)
    strength: float = 1.0
    resolver_only: bool = False
    parts: tuple[str, ...] = ()
    trap: str = ""
    event: bool = True
    kind: str = "blocking"

    def holds(self, target: str, network: int, when: datetime) -> bool:
        """Whether it is in force for the target on the network at that moment."""
        if target not in self.targets or network not in self.networks or not self.span.holds(when):
            return False
        begins = self.rollout.get(network)
        return begins is None or when >= begins


@dataclass(frozen=True, slots=True)
class Mishap:
    """Something that goes wrong and is no interference.

    Attributes:
        kind: `offline` (the probe loses its connection halfway), `helper` (the test helper does not answer),
            `late` (uploaded days later), `service_down` (a service fails everywhere), `own_firewall` (the
            volunteer's own machine resets connections to the targets), `bad_line` (a share of
            the measurements fails for no reason), `immune` (what the volunteer sends in
            says that restricted targets work, trap C3), `portal` and `filter` (what the volunteer's own place does to
            everything during a session, trap J18).
        span: When it can happen.
        share: Share of sessions (`offline`, `late`, `portal`, `filter`) or measurements (`helper`) that it happens to.
        targets: The services or hosts that it is about; empty for all.
        volunteers: To whom it happens; empty for all.
    """

    kind: str
    span: Span = Span()
    share: float = 1.0
    targets: tuple[str, ...] = ()
    volunteers: tuple[int, ...] = ()
    trap: str = ""


@dataclass(frozen=True, slots=True)
class Volunteer:
    """Somebody who measures.

    Attributes:
        networks: Where; the first one mostly.
        rate: Sessions a day.
        ipv6: Whether the machine has IPv6 (trap J19).
        faulty: Whether the software's version fails at every TLS handshake (trap J21).
        old_web: Whether it runs Web Connectivity 0.4.
        public_resolver: Share of sessions in which the machine asks a public resolver (traps J8, C5).
    """

    number: int
    networks: tuple[int, ...]
    rate: float
    platform: str = "android"
    version: str = "3.24.0"
    ipv6: bool = True
    faulty: bool = False
    old_web: bool = False
    public_resolver: float = 0.0


@dataclass(frozen=True, slots=True)
class Burst:
    """One volunteer who measures one target over and over in one session (trap C1)."""

    volunteer: int
    target: str
    when: datetime
    times: int
    trap: str = "C1"


@dataclass(frozen=True, slots=True)
class Outage:
    """A loss of connectivity, or of the instrument that watches it.

    Attributes:
        kind: As in `schema.words.OUTAGE_KINDS`.
        scope: `country`, `region` or `network`.
        depth: Share lost.
        recovery_hours: How long the level takes to come back; 0 for at once.
        ragged_hours: How far apart places begin to fall.
        signals: Sources of signals that show it (prefixes).
        continues: Whether it is a later phase of the outage before it in the plan: one loss, another level (trap S11).
    """

    kind: str
    scope: str
    country: str
    span: Span
    depth: float
    region: str | None = None
    network: int | None = None
    recovery_hours: float = 0.0
    ragged_hours: float = 0.0
    signals: tuple[str, ...] = ("monash", "ioda.ping-slash24", "ioda.gtr")
    trap: str = ""
    continues: bool = False


@dataclass(frozen=True, slots=True)
class Region:
    """A region whose connectivity is watched, and its places."""

    country: str
    name: str
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that happens.

    Attributes:
        quic: Hosts with which each session tries QUIC alone, by urlgetter; sites with a weight of 0 are tried so only.
    """

    start: datetime
    days: int
    networks: Sequence[Network]
    sites: Sequence[Site]
    volunteers: Sequence[Volunteer]
    restrictions: Sequence[Restriction] = ()
    mishaps: Sequence[Mishap] = ()
    bursts: Sequence[Burst] = ()
    outages: Sequence[Outage] = ()
    regions: Sequence[Region] = ()
    sites_a_session: int = 16
    services: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    quic: tuple[str, ...] = ()

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self.start + timedelta(days=self.days)
