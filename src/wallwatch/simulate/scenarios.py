"""A small world for each trap: three or four networks, a dozen sites, a week, and the one thing that fools systems.

`SCENARIOS` maps the trap's number to it. A new one is a function here that changes the quiet week.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from wallwatch.simulate import names
from wallwatch.simulate.country import REGIONS
from wallwatch.simulate.plan import (
    Burst,
    Mishap,
    Network,
    Outage,
    Plan,
    Restriction,
    Site,
    Span,
    Trouble,
    Volunteer,
)
from wallwatch.simulate.write import START, Written, write_plan

_A, _B, _C, _D = names.PROBE_NETWORKS[:4]
_HOME = (_A, _B, _C, _D)
_TARGET = "target.test"
_HOST = names.SERVER_NETWORKS[0]

Change = Callable[[Plan], Plan]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One trap as a world.

    Attributes:
        trap: Its number.
        title: What happens.
        change: Puts it into the quiet week.
    """

    trap: str
    title: str
    change: Change

    def plan(self, start: datetime = START, days: int = 8) -> Plan:
        """The world, from a midnight on."""
        return self.change(quiet(start, days))

    def write(self, out: Path, *, seed: int, start: datetime = START, days: int = 8) -> Written:
        """Writes its raw files, signals and truth."""
        return write_plan(out, self.plan(start, days), seed=seed)


#: Trap number to scenario.
SCENARIOS: dict[str, Scenario] = {}


def _scenario(trap: str, title: str) -> Callable[[Change], Change]:
    def register(change: Change) -> Change:
        SCENARIOS[trap] = Scenario(trap, title, change)
        return change

    return register


def quiet(start: datetime, days: int) -> Plan:
    """A week in which nothing happens: four networks at home, four elsewhere, a dozen sites, `target.test` among them."""
    networks = [Network(n, f"Home Net {i + 1}", mobile=i == 1) for i, n in enumerate(_HOME)]
    for i, number in enumerate(names.PROBE_NETWORKS[8:12]):
        networks.append(Network(number, f"Peer Net {i + 1}", names.ELSEWHERE[i]))
    volunteers = [
        Volunteer(number, (network.number,), 1.5 if rank == 0 else 0.8, ipv6=rank != 2)
        for number, (network, rank) in enumerate((network, rank) for network in networks for rank in range(3))
    ]
    sites = [
        Site(f"www{n}.example", (names.site_address(n),), _A if n % 4 == 3 else _HOST, domestic=n % 4 == 3)
        for n in range(9)
    ]
    sites.append(Site("clear.example", (names.site_address(20),), _HOST, scheme="http"))
    sites.append(Site(_TARGET, (names.site_address(30),), _HOST))
    return Plan(start, days, networks, sites, volunteers, sites_a_session=11)


def _site(plan: Plan, which: str = _TARGET, **changes: object) -> Plan:
    sites = [replace(site, **changes) if site.host == which else site for site in plan.sites]  # type: ignore[arg-type]
    return replace(plan, sites=sites)


def _restrict(plan: Plan, trap: str, mechanism: str, first: float | None = 2, **changes: object) -> Plan:
    span = Span() if first is None else Span(plan.start + timedelta(days=first))
    made = Restriction(f"{trap}-restriction", (_TARGET,), (_A, _B), mechanism, span, trap=trap)
    return replace(plan, restrictions=(*plan.restrictions, replace(made, **changes)))  # type: ignore[arg-type]


def _at(plan: Plan, day: float, hours: float | None = None) -> Span:
    start = plan.start + timedelta(days=day)
    return Span(start, None if hours is None else start + timedelta(hours=hours))


def _volunteers(plan: Plan, change: Callable[[Volunteer], Volunteer]) -> Plan:
    return replace(plan, volunteers=[change(volunteer) for volunteer in plan.volunteers])


# Judging one measurement.


@_scenario("J1", "the helper never answers for a site; it is blocked in one network")
def _j1(plan: Plan) -> Plan:
    return _restrict(
        replace(plan, mishaps=(Mishap("helper", targets=(_TARGET,), trap="J1"),)),
        "J1",
        "tls.reset",
        None,
        networks=(_A,),
    )


@_scenario("J2", "a delivery network answers differently by country")
def _j2(plan: Plan) -> Plan:
    by_country = {names.COUNTRY: (names.site_address(40),), "XA": (names.site_address(41),)}
    return _site(plan, by_country=by_country, trap="J2")


@_scenario("J3", "a site is down for everybody")
def _j3(plan: Plan) -> Plan:
    return _site(plan, trouble=(Trouble("refused", _at(plan, 3)),), trap="J3")


@_scenario("J4", "a site is gone, and one network still injects DNS for it")
def _j4(plan: Plan) -> Plan:
    return _restrict(
        _site(plan, trouble=(Trouble("nxdomain"),), scheme="http"), "J4", "dns.injection.bogon", None
    )


@_scenario("J5", "injected addresses that are private or loopback")
def _j5(plan: Plan) -> Plan:
    return _restrict(plan, "J5", "dns.injection.bogon")


@_scenario("J6", "a site publishes a loopback address itself")
def _j6(plan: Plan) -> Plan:
    return _site(plan, trouble=(Trouble("loopback"),), trap="J6")


@_scenario("J7", "only the networks' own resolvers lie")
def _j7(plan: Plan) -> Plan:
    return _restrict(plan, "J7", "dns.injection.blockpage", resolver_only=True)


@_scenario("J8", "injection on the path hits queries to a public resolver")
def _j8(plan: Plan) -> Plan:
    return _restrict(
        _volunteers(plan, lambda v: replace(v, public_resolver=1.0)), "J8", "dns.injection.bogon"
    )


@_scenario("J9", "a network relays DNS and pages honestly through an address of its own")
def _j9(plan: Plan) -> Plan:
    networks = [replace(network, relay=network.number == _A) for network in plan.networks]
    return _site(replace(plan, networks=networks), trap="J9")


@_scenario("J10", "a resolver says that an existing name does not exist")
def _j10(plan: Plan) -> Plan:
    return _restrict(plan, "J10", "dns.nxdomain", resolver_only=True)


@_scenario("J11", "resets for a name, while another name on the address is fine")
def _j11(plan: Plan) -> Plan:
    return _restrict(_site(plan, addresses=(names.site_address(0),)), "J11", "tls.reset.sni")


@_scenario("J12", "handshakes that time out")
def _j12(plan: Plan) -> Plan:
    return _restrict(plan, "J12", "tls.timeout")


@_scenario("J13", "a block page in clear text, and a redirect to one")
def _j13(plan: Plan) -> Plan:
    plan = _site(plan, scheme="http")
    plan = _restrict(plan, "J13", "http.blockpage", networks=(_A,))
    return _restrict(plan, "J13", "http.redirect", networks=(_B,), key="J13-redirect")


@_scenario("J14", "the site itself answers with a challenge")
def _j14(plan: Plan) -> Plan:
    return _site(plan, status=403, scheme="http", trap="J14")


@_scenario("J15", "the page differs by language and from visit to visit")
def _j15(plan: Plan) -> Plan:
    return _site(plan, scheme="http", by_language=True, dynamic=0.4, trap="J15")


@_scenario("J16", "an expired certificate, for everybody")
def _j16(plan: Plan) -> Plan:
    return _site(plan, trouble=(Trouble("tls"),), trap="J16")


@_scenario("J17", "forged certificates, self-signed and by a filter's authority")
def _j17(plan: Plan) -> Plan:
    plan = _restrict(plan, "J17", "tls.mitm.self_signed", networks=(_A,))
    return _restrict(plan, "J17", "tls.mitm.ca_signed", networks=(_B,), key="J17-authority")


@_scenario(
    "J18", "a hotel's portal leads everything to itself, and a school's filter replaces every certificate"
)
def _j18(plan: Plan) -> Plan:
    mishaps = (
        Mishap("portal", share=0.4, volunteers=(1,), trap="J18"),
        Mishap("filter", volunteers=(4,), trap="J18"),
    )
    return replace(plan, services=("telegram",), mishaps=mishaps)


@_scenario("J19", "probes without IPv6 and sites with it")
def _j19(plan: Plan) -> Plan:
    plan = _site(plan, addresses=(names.site_address(30), names.site_address_6(30)), trap="J19")
    return _volunteers(plan, lambda v: replace(v, ipv6=v.number % 2 == 0))


@_scenario("J20", "probes that lose their connection halfway")
def _j20(plan: Plan) -> Plan:
    return replace(plan, mishaps=(Mishap("offline", share=0.3, trap="J20"),))


@_scenario("J21", "a release that trusts no authority")
def _j21(plan: Plan) -> Plan:
    def change(volunteer: Volunteer) -> Volunteer:
        faulty = volunteer.number % 3 == 1
        return replace(volunteer, faulty=faulty, version="3.99.0-alpha" if faulty else volunteer.version)

    return _volunteers(plan, change)


@_scenario("J22", "a site redirects to one that is blocked")
def _j22(plan: Plan) -> Plan:
    plan = _site(plan, "www0.example", location=f"https://{_TARGET}/")
    return _restrict(plan, "J22", "tls.reset")


@_scenario("J23", "a redirect that leads nowhere")
def _j23(plan: Plan) -> Plan:
    return _site(plan, location="https:///nowhere", trap="J23")


@_scenario("J24", "one of a service's sixteen endpoints fails")
def _j24(plan: Plan) -> Plan:
    return replace(plan, services=("whatsapp",))


@_scenario("J25", "some Tor targets are unreachable everywhere")
def _j25(plan: Plan) -> Plan:
    return replace(plan, tools=("tor",))


@_scenario("J26", "handshakes and transfers that are slowed for one name")
def _j26(plan: Plan) -> Plan:
    return _restrict(plan, "J26", "tls.throttle.sni", kind="throttling")


@_scenario("J27", "a working site that redirects to another domain, which has no control")
def _j27(plan: Plan) -> Plan:
    return _site(plan, location="https://www0.example/", trap="J27")


@_scenario("J28", "an internationalised name, written in capitals")
def _j28(plan: Plan) -> Plan:
    host = "xn--d1abbgf6aiiy.test"
    return _site(
        plan,
        host=host,
        spelling="https://\u041f\u0440\u0435\u0437\u0438\u0434\u0435\u043d\u0442.test/",
        trap="J28",
    )


@_scenario("J29", "the helper cannot be reached")
def _j29(plan: Plan) -> Plan:
    return _site(replace(plan, mishaps=(Mishap("helper", share=0.6, trap="J29"),)), trap="J29")


@_scenario("J30", "names without IPv6 addresses, some of them blocked")
def _j30(plan: Plan) -> Plan:
    return _restrict(plan, "J30", "tcp.timeout")


@_scenario("J31", "old probes and the helper speak older words")
def _j31(plan: Plan) -> Plan:
    plan = _site(plan, "www1.example", trouble=(Trouble("nxdomain"),), trap="J31")
    plan = _site(plan, trouble=(Trouble("refused"),), trap="J31")
    return _volunteers(plan, lambda v: replace(v, old_web=v.number % 2 == 0))


# Putting measurements together.


@_scenario("C1", "one volunteer with a firewall measures one site a thousand times")
def _c1(plan: Plan) -> Plan:
    wall = Mishap("own_firewall", _at(plan, 3, 24), targets=(_TARGET,), volunteers=(0,), trap="C1")
    burst = Burst(0, _TARGET, plan.start + timedelta(days=3, hours=9), 1000)
    return replace(plan, mishaps=(wall,), bursts=(burst,))


@_scenario("C2", "forged failures from fresh sessions")
def _c2(plan: Plan) -> Plan:
    count = len(plan.volunteers)
    forgers = tuple(range(count, count + 5))
    people = [*plan.volunteers, *(Volunteer(number, (_A,), 0.25) for number in forgers)]
    wall = Mishap("own_firewall", targets=(_TARGET,), volunteers=forgers, trap="C2")
    return replace(plan, volunteers=people, mishaps=(wall,))


@_scenario("C3", "one volunteer sends in that a blocked site works")
def _c3(plan: Plan) -> Plan:
    immune = Mishap("immune", volunteers=(1,), trap="C3")
    return _restrict(replace(plan, mishaps=(immune,)), "C3", "tls.reset", None)


@_scenario("C4", "one of four networks blocks")
def _c4(plan: Plan) -> Plan:
    return _restrict(plan, "C4", "tls.reset", networks=(_C,))


@_scenario("C5", "probes move between resolvers")
def _c5(plan: Plan) -> Plan:
    return _volunteers(plan, lambda v: replace(v, public_resolver=0.5))


@_scenario("C6", "the test list gains one site and loses another")
def _c6(plan: Plan) -> Plan:
    middle = plan.start + timedelta(days=plan.days / 2)
    plan = _site(plan, listed=Span(middle), trap="C6")
    return _site(plan, "www0.example", listed=Span(None, middle), trap="C6")


@_scenario("C7", "nobody can upload for a day")
def _c7(plan: Plan) -> Plan:
    outage = Outage("shutdown", "country", names.COUNTRY, _at(plan, 5, 24), 0.97, trap="C7")
    return replace(_restrict(plan, "C7", "tls.reset", None), outages=(outage,))


@_scenario("C8", "a third of the sessions arrive days late")
def _c8(plan: Plan) -> Plan:
    return _restrict(replace(plan, mishaps=(Mishap("late", share=0.35, trap="C8"),)), "C8", "tls.reset")


@_scenario("C9", "DNS blocking begins over blocking by server name")
def _c9(plan: Plan) -> Plan:
    early = _restrict(plan, "C9", "dns.injection.bogon", 4, networks=(_A, _C))
    return _restrict(early, "C9", "tls.reset", 1, networks=(_A, _C))


@_scenario("C10", "a service breaks everywhere in the same hour")
def _c10(plan: Plan) -> Plan:
    broken = Mishap("service_down", _at(plan, 4.4, 14), targets=("telegram",), trap="C10")
    return replace(plan, services=("telegram",), mishaps=(broken,))


@_scenario("C11", "an order that is carried out operator by operator")
def _c11(plan: Plan) -> Plan:
    rollout = {network: plan.start + timedelta(days=1.5 + n) for n, network in enumerate(_HOME)}
    return _restrict(plan, "C11", "tls.reset", None, networks=_HOME, rollout=rollout)


@_scenario("C12", "blocking in the hours of exams")
def _c12(plan: Plan) -> Plan:
    span = Span(plan.start + timedelta(days=1), None, ((5, 9), (11, 15)), (0, 1, 2, 3, 4))
    plan = _volunteers(plan, lambda v: replace(v, rate=v.rate * 2))
    return _restrict(plan, "C12", "tls.reset", span=span, networks=_HOME)


@_scenario("C13", "a site that is measured three times a week")
def _c13(plan: Plan) -> Plan:
    plan = _restrict(plan, "C13", "tcp.timeout", None, networks=(_D,))
    return replace(_site(plan, weight=0.02), sites_a_session=6)


@_scenario("C14", "a quiet week, to be taken in twice")
def _c14(plan: Plan) -> Plan:
    return plan


@_scenario("C15", "sessions of one day that arrive in files of another")
def _c15(plan: Plan) -> Plan:
    late = Mishap("late", _at(plan, 3, 24), share=1.0, trap="C15")
    return _restrict(replace(plan, mishaps=(late,)), "C15", "tls.reset", 3)


@_scenario("C16", "blocking moves from the address to the server name")
def _c16(plan: Plan) -> Plan:
    middle = plan.start + timedelta(days=4, hours=6)
    first = Span(plan.start + timedelta(days=1), middle)
    plan = _restrict(plan, "C16", "tcp.timeout", span=first)
    return _restrict(plan, "C16", "tls.reset", span=Span(middle))


@_scenario("C17", "blocked since before the data begin, measured once a day")
def _c17(plan: Plan) -> Plan:
    plan = _volunteers(plan, lambda v: replace(v, rate=v.rate * 0.4))
    return _restrict(plan, "C17", "tls.reset", None)


@_scenario("C18", "one probe is broken for a day")
def _c18(plan: Plan) -> Plan:
    wall = Mishap("own_firewall", _at(plan, 4, 24), targets=(_TARGET,), volunteers=(0,), trap="C18")
    return replace(plan, mishaps=(wall,))


# QUIC, which is judged by contrast alone.


def _quic(plan: Plan) -> Plan:
    """Five hosts are tried over QUIC."""
    made = [
        Site(f"quic{n}.test", (names.site_address(50 + n),), names.SERVER_NETWORKS[n], weight=0)
        for n in range(5)
    ]
    return replace(plan, sites=[*plan.sites, *made], quic=tuple(site.host for site in made))


@_scenario("Q1", "two networks drop QUIC packets to two of five hosts")
def _q1(plan: Plan) -> Plan:
    return _restrict(_quic(plan), "Q1", "quic.timeout", targets=("quic1.test", "quic2.test"))


@_scenario("Q2", "a network lets no UDP through to port 443, whichever host it is for")
def _q2(plan: Plan) -> Plan:
    plan = _quic(plan)
    return replace(plan, networks=[replace(n, udp=n.number != _B) for n in plan.networks])


@_scenario("Q3", "a server that does not offer HTTP/3, and two networks that drop QUIC to another")
def _q3(plan: Plan) -> Plan:
    plan = _site(_quic(plan), "quic0.test", http3=False, trap="Q3")
    return _restrict(plan, "Q3", "quic.timeout", targets=("quic3.test",))


# Signals and outages.


def _outage(plan: Plan, *outages: Outage) -> Plan:
    return replace(plan, outages=outages, regions=REGIONS)


@_scenario("S1", "a national shutdown")
def _s1(plan: Plan) -> Plan:
    signals = ("monash", "ioda.bgp", "ioda.ping-slash24", "ioda.gtr")
    return _outage(
        plan,
        Outage("shutdown", "country", names.COUNTRY, _at(plan, 5.5, 30), 0.95, signals=signals, trap="S1"),
    )


@_scenario("S2", "dark, but the routes stay announced")
def _s2(plan: Plan) -> Plan:
    return _outage(plan, Outage("shutdown", "country", names.COUNTRY, _at(plan, 5.5, 30), 0.95, trap="S2"))


@_scenario("S3", "domestic sites answer, foreign ones do not")
def _s3(plan: Plan) -> Plan:
    return _outage(plan, Outage("domestic_only", "country", names.COUNTRY, _at(plan, 5, 48), 0.9, trap="S3"))


@_scenario("S4", "a shutdown of one region")
def _s4(plan: Plan) -> Plan:
    return _outage(
        plan,
        Outage("shutdown", "region", names.COUNTRY, _at(plan, 5.5, 30), 0.97, region="Northmoor", trap="S4"),
    )


@_scenario("S5", "nothing but the rhythm of days and weeks")
def _s5(plan: Plan) -> Plan:
    return _outage(plan)


@_scenario("S6", "a power cut: ragged, regional, recovering gradually")
def _s6(plan: Plan) -> Plan:
    cut = Outage(
        "disruption",
        "region",
        names.COUNTRY,
        _at(plan, 5.3, 7),
        0.75,
        region="Lowmarsh",
        recovery_hours=24,
        ragged_hours=4,
        trap="S6",
    )
    return _outage(plan, cut)


@_scenario("S7", "a cable cut that takes several countries along")
def _s7(plan: Plan) -> Plan:
    return _outage(
        plan,
        *(
            Outage("disruption", "country", country, _at(plan, 5.3, 20), 0.45, recovery_hours=18, trap="S7")
            for country in (names.COUNTRY, *names.ELSEWHERE[:2])
        ),
    )


@_scenario("S8", "the collector fails: every country dips at once")
def _s8(plan: Plan) -> Plan:
    return _outage(
        plan,
        *(
            Outage("instrument", "country", country, _at(plan, 5.4, 3), 0.9, signals=("monash",), trap="S8")
            for country in (names.COUNTRY, *names.ELSEWHERE[:2])
        ),
    )


@_scenario("S9", "a third of the connectivity is lost for days")
def _s9(plan: Plan) -> Plan:
    return _outage(plan, Outage("partial", "country", names.COUNTRY, _at(plan, 4.5, 60), 0.35, trap="S9"))


@_scenario("S10", "nightly curfews")
def _s10(plan: Plan) -> Plan:
    span = Span(plan.start + timedelta(days=3), None, ((22, 24), (0, 4)))
    return _outage(plan, Outage("shutdown", "country", names.COUNTRY, span, 0.95, trap="S10"))


@_scenario("S11", "a shutdown from which only half comes back")
def _s11(plan: Plan) -> Plan:
    first = _at(plan, 4, 24)
    return _outage(
        plan,
        Outage("shutdown", "country", names.COUNTRY, first, 0.95, trap="S11"),
        Outage("partial", "country", names.COUNTRY, Span(first.end), 0.45, continues=True),
    )
