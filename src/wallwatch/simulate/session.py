"""One volunteer's session: which tests run, what each meets, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from wallwatch.simulate import collector, names, quic, services, tools, truth
from wallwatch.simulate.internet import Internet, Path
from wallwatch.simulate.plan import Mishap, Network, Plan, Restriction, Site, Volunteer
from wallwatch.simulate.truth import Record, Truth, down, fine, met, unclear
from wallwatch.simulate.web import Web

_ARCHITECTURE = {"android": "arm64", "ios": "arm64", "linux": "amd64", "windows": "amd64", "macos": "arm64"}
_ANY_ACCUSATION = ("likely_blocked", "blocked")
#: How a connection fails for no reason.
_STRAY = ("dns.timeout", "tcp.timeout", "tcp.timeout", "tls.timeout", "tls.reset.other", "http.timeout")
#: Mechanisms that only a visit in clear text meets, and those that only an encrypted one does.
_CLEAR_TEXT = ("http.",)
_ENCRYPTED = ("tls.",)


@dataclass(frozen=True, slots=True)
class World:
    """What all sessions share.

    Attributes:
        sites: All sites, those of services too, by host.
        measured: Sites that are on the test list.
        weights: How likely each of `measured` is to be chosen; sums to 1.
        networks: By number.
        seed: Of the whole simulation.
    """

    plan: Plan
    sites: Mapping[str, Site]
    measured: tuple[Site, ...]
    weights: np.ndarray
    networks: Mapping[int, Network]
    internet: Internet
    seed: int

    @classmethod
    def of(cls, plan: Plan, seed: int) -> World:
        """The world that a plan describes."""
        notice = Internet.notice()
        sites = {site.host: site for site in plan.sites} | services.sites() | {notice.host: notice}
        measured = tuple(site for site in plan.sites if site.weight > 0)
        weights = np.array([site.weight for site in measured])
        return cls(
            plan,
            sites,
            measured,
            weights / weights.sum(),
            {network.number: network for network in plan.networks},
            Internet(sites),
            seed,
        )

    def outage(self, country: str, when: datetime, kind: str) -> bool:
        """Whether a national outage of that kind is on."""
        return any(
            o.kind == kind and o.scope == "country" and o.country == country and o.span.holds(when)
            for o in self.plan.outages
        )


class Session:
    """A run of the probe: some sites, the messaging tests, a tool or two."""

    def __init__(
        self,
        world: World,
        volunteer: Volunteer,
        network: Network,
        start: datetime,
        key: str,
        sink: collector.Collector,
        record: Record,
    ) -> None:
        self.world, self.volunteer, self.network, self.start = world, volunteer, network, start
        self.key, self.sink, self.record = key, sink, record
        self.rng = np.random.default_rng([world.seed, *key.encode()])
        self.now = start
        self.count = 0
        self.cut_off = world.outage(network.country, start, "domestic_only")
        self.upload = self._upload_time()
        self.offline_from = self._offline_from()
        self.lost = ""
        self.place = self._place()
        self.immune = any(volunteer.number in mishap.volunteers for mishap in self._mishaps("immune"))
        self.public = bool(volunteer.public_resolver) and self.rng.random() < volunteer.public_resolver

    def run(self) -> None:
        """Runs everything."""
        plan = self.world.plan
        count = min(plan.sites_a_session, len(self.world.measured))
        listed = np.array([site.listed.holds(self.start) for site in self.world.measured])
        weights = self.world.weights * listed / (self.world.weights * listed).sum()
        count = min(count, int(listed.sum()))
        chosen = self.rng.choice(len(self.world.measured), count, replace=False, p=weights)
        self._test("web_connectivity", [self.world.measured[number] for number in chosen])
        for service in plan.services:
            self._test(service, [None])
        if plan.tools:
            self._test(str(self.rng.choice(plan.tools)), [None])
        if plan.quic:
            self._test("urlgetter", [self.world.sites[host] for host in plan.quic])

    def burst(self, site: Site, times: int, trap: str) -> None:
        """Measures one site over and over in one report (trap C1)."""
        self._test("web_connectivity", [site] * times, trap)

    def _upload_time(self) -> datetime | None:
        """When a session that cannot upload at once does; null where it can."""
        if self.cut_off:
            ends = [o.span.end for o in self.world.plan.outages if o.kind == "domestic_only" and o.span.end]
            hours = 13 + float(self.rng.random()) * 30
            return max(ends) + timedelta(hours=hours)
        for mishap in self._mishaps("late"):
            if self.rng.random() < mishap.share:
                return self.start + timedelta(hours=16 + float(self.rng.random()) * 100)
        return None

    def _offline_from(self) -> int | None:
        """The number of measurements after which the probe has no connection; null where it keeps it."""
        for mishap in self._mishaps("offline"):
            if self.rng.random() < mishap.share:
                return int(self.rng.integers(4, 12))
        return None

    def _place(self) -> str:
        """What the place does to everything in this session; empty for nothing."""
        for kind in ("portal", "filter"):
            for mishap in self._mishaps(kind):
                if self.rng.random() < mishap.share:
                    return kind
        return ""

    def _mishaps(self, kind: str, target: str | None = None) -> list[Mishap]:
        return [
            mishap
            for mishap in self.world.plan.mishaps
            if mishap.kind == kind
            and mishap.span.holds(self.now)
            and (not mishap.volunteers or self.volunteer.number in mishap.volunteers)
            and (target is None or not mishap.targets or target in mishap.targets)
        ]

    def _restrictions(self, target: str) -> tuple[Restriction, ...]:
        """What is in force for a target here and now; a weak one hits some measurements only."""
        if self.immune:
            return ()
        return tuple(
            restriction
            for restriction in self.world.plan.restrictions
            if restriction.holds(target, self.network.number, self.now)
            and not (restriction.resolver_only and self.public)
            and (restriction.strength >= 1 or self.rng.random() < restriction.strength)
        )

    def _stray(self, hosts: list[str]) -> dict[str, tuple[Restriction, ...]]:
        """A failure of one host for no reason, now and then."""
        bad = [m.share for m in self._mishaps("bad_line") if self.volunteer.number in m.volunteers]
        if self.rng.random() >= max(self.network.stray, *bad, 0.0):
            return {}
        host = hosts[int(self.rng.integers(len(hosts)))]
        mechanism = str(self.rng.choice(_STRAY))
        if not _shows(mechanism, self.world.sites[host].scheme):
            return {}
        stray = Restriction(
            "stray", (host,), (self.network.number,), mechanism, resolver_only=True, event=False, trap="stray"
        )
        return {host: (stray,)}

    def _path(self, hosts: list[str], service: str | None = None) -> Path:
        effects: dict[str, tuple[Restriction, ...]] = {}
        whole = self._restrictions(service) if service else ()
        for host in hosts:
            found = whole or self._restrictions(host)
            if found:
                effects[host] = found
        if not effects:
            effects = self._stray(hosts)
        firewall = frozenset(
            host for host in hosts for mishap in self._mishaps("own_firewall", host) if host in mishap.targets
        )
        return Path(
            self.network.country,
            self.network,
            effects,
            {host: self.world.sites[host].ailing(self.now) for host in hosts},
            ipv6=self.volunteer.ipv6 and self.network.ipv6,
            offline=self.lost,
            domestic_only=self.cut_off,
            faulty=self.volunteer.faulty,
            own_firewall=firewall,
            place=self.place,
            salt=f"{self.key}/{self.count}",
        )

    def _test(self, nettest: str, sites: list[Any], trap: str = "") -> None:
        """Runs one test over its inputs: one report."""
        begun = self.now
        opened = self.upload + timedelta(seconds=self.count) if self.upload else begun
        report = collector.report_id(
            opened,
            self.network.country,
            self.network.number,
            nettest,
            f"{self.world.seed}/{self.key}/{nettest}",
        )
        for site in sites:
            self.count += 1
            if self.offline_from is not None and self.count > self.offline_from:
                self.lost = "all" if self.lost else "late"
            keys, version, found, given, target, runtime = self._measure(nettest, site)
            if trap:
                found = replace(found, traps=(*found.traps, trap))
            if self.upload and self.upload - self.now > timedelta(hours=13):
                found = replace(found, traps=(*found.traps, "C15"))
            self._hand_in(nettest, version, keys, given, target, found, report, begun, runtime)
            self.now += timedelta(seconds=round(runtime + 0.5 + float(self.rng.random()), 3))

    def _measure(
        self, nettest: str, site: Site | None
    ) -> tuple[dict[str, Any], str, Truth, str | None, str, float]:
        date = self.now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        if site is not None:
            return self._quic(site) if nettest == "urlgetter" else self._web(site, date)
        if nettest in services.SERVICES:
            return self._service(nettest, date)
        return self._tool(nettest)

    def _web(self, site: Site, date: str) -> tuple[dict[str, Any], str, Truth, str | None, str, float]:
        hosts = _chain(site, self.world.sites)
        path = self._path(hosts)
        helper = not any(self.rng.random() < mishap.share for mishap in self._mishaps("helper", site.host))
        made = Web(self.world.internet, path, site, date, self.volunteer.old_web, helper)
        keys = made.run()
        helper = helper and not (path.offline or path.domestic_only or path.place)
        version = "0.4.3" if self.volunteer.old_web else "0.5.28"
        found = self._web_truth(site, hosts, path, helper)
        return keys, version, found, site.url, site.host, made.clock + 0.4

    def _web_truth(self, site: Site, hosts: list[str], path: Path, helper: bool) -> Truth:
        if path.offline:
            return unclear("J20")
        if path.domestic_only and not all(self.world.sites[host].domestic for host in hosts):
            return unclear("S3", also=("impaired", "likely_blocked"))
        if path.place:
            # A place that takes nothing away leaves what it does not touch as it is.
            return unclear("J18", also=("ok", "down", "impaired"))
        seen = [
            effect
            for host in hosts
            for effect in path.effects.get(host, ())
            if _shows(effect.mechanism, self.world.sites[host].scheme)
        ]
        if any(effect.key == "stray" for effect in seen):
            return _for_no_reason()
        if seen:
            traps = ["J22"] if site.host not in path.effects else []
            if path.faulty and site.scheme == "https":
                # What such a probe says of handshakes is worth nothing; a forged answer still shows.
                return replace(
                    met(seen, False, ["J21"]), accept=(*_ANY_ACCUSATION, "impaired", "insufficient")
                )
            return met(seen, helper, [*traps, *([] if helper else ["J29"])])
        if path.own_firewall & set(hosts):
            traps = [m.trap for host in hosts for m in self._mishaps("own_firewall", host) if m.trap]
            return unclear(*dict.fromkeys(traps), also=("likely_blocked", "impaired"))
        if path.faulty and site.scheme == "https":
            return unclear("J21", also=("ok", "down", "impaired"))
        trouble = next((path.ailing[host] for host in hosts if path.ailing[host]), None)
        without = () if helper else ("insufficient", "impaired")
        if trouble is not None:
            trap = site.trap or {"loopback": "J6", "tls": "J16"}.get(trouble, "J3")
            return down(trap, *(["J29"] if not helper else []), also=without)
        if site.trap == "J23":
            return down("J23", also=("ok", "insufficient"))
        traps = [site.trap] if site.trap else []
        if not path.ipv6 and any(":" in address for address in site.addresses):
            traps.append("J19")
        if site.status != 200:
            return fine(*traps, also=("down", "insufficient"), locus="server_side")
        if not helper:
            clear_text = any(self.world.sites[host].scheme == "http" for host in hosts)
            return fine(*traps, "J29", also=("insufficient",) if clear_text else ())
        return fine(*traps)

    def _quic(self, site: Site) -> tuple[dict[str, Any], str, Truth, str | None, str, float]:
        path = self._path([site.host])
        keys, runtime = quic.measure(self.world.internet, path, site.host)
        effects = [effect for effect in path.effects.get(site.host, ()) if effect.mechanism == "quic.timeout"]
        if path.offline:
            found = unclear("J20")
        elif path.domestic_only and not site.domestic:
            found = unclear("S3", also=("impaired", "likely_blocked"))
        elif path.place:
            found = unclear("J18", also=("impaired",))
        elif not site.http3:
            found = down(site.trap, also=("insufficient", "impaired"))
        elif not path.network.udp:
            # The network has no UDP for anybody: works badly, and is about no host.
            found = Truth("impaired", ("impaired", "insufficient"), ("quic",), "network", ("Q2",))
        elif effects:
            found = met(effects, True)
        elif path.effects or path.own_firewall or path.faulty:
            found = _for_no_reason()
        elif path.ailing[site.host] is not None:
            found = down("J3", also=("insufficient", "impaired"))
        else:
            found = fine(*([site.trap] if site.trap else []))
        return keys, quic.VERSION, found, quic.given(site.host), site.host, runtime

    def _service(self, service: str, date: str) -> tuple[dict[str, Any], str, Truth, str | None, str, float]:
        hosts = list(services.HOSTS[service])
        path = self._path(hosts, service)
        stray = any(effect.key == "stray" for found in path.effects.values() for effect in found)
        effects = () if stray else path.effects.get(hosts[0], ())
        cut = None
        if service in services.ENDPOINTS and any(not e.parts or "endpoint" in e.parts for e in effects):
            cut = "generic_timeout_error"
        if path.place == "portal" and service in services.ENDPOINTS:
            cut = "generic_timeout_error"
        if any(e.parts and "web" not in e.parts for e in effects):
            path = replace(path, effects={})
        dead: frozenset[str] = frozenset()
        traps: list[str] = []
        if service == "whatsapp" and self.rng.random() < 0.2:
            # One of sixteen answers nobody for a moment.
            dead, traps = frozenset({services.ENDPOINTS[service][5][0]}), ["J24"]
        failing = bool(self._mishaps("service_down", service)) and any(
            service in mishap.targets for mishap in self._mishaps("service_down", service)
        )
        if failing and not path.offline:
            cut = cut or ("generic_timeout_error" if service in services.ENDPOINTS else None)
            path = replace(path, ailing=dict.fromkeys(path.ailing, "timeout"))
        keys = services.measure(self.world.internet, path, service, date, cut, dead)
        runtime = 16.0 if cut else 2.5
        if path.offline:
            found = unclear("J20")
        elif path.domestic_only:
            found = unclear("S3", also=("impaired", "likely_blocked", "down"))
        elif path.place:
            found = unclear("J18", also=("ok", "down", "impaired"))
        elif stray:
            found = _for_no_reason()
        elif effects and path.faulty:
            found = unclear("J21", also=("impaired", *_ANY_ACCUSATION))
        elif effects:
            found = met(effects, True)
            if cut and not any(mechanism.startswith("tcp.") for mechanism in found.mechanisms):
                found = replace(found, mechanisms=("tcp.timeout", *found.mechanisms))
        elif failing:
            found = down("C10", also=("insufficient", "impaired"))
        elif path.faulty:
            found = unclear("J21", also=("ok", "down", "impaired"))
        else:
            found = fine(*traps)
        return keys, services.VERSIONS[service], found, None, service, runtime

    def _tool(self, tool: str) -> tuple[dict[str, Any], str, Truth, str | None, str, float]:
        effects = self._restrictions(tool)
        stray = self.rng.random() < self.network.stray
        cut = bool(effects) or self.cut_off or stray
        keys, runtime = tools.measure(tool, cut, bool(self.lost), 3 + 20 * float(self.rng.random()))
        if self.lost:
            found = unclear("J20", also=_ANY_ACCUSATION if effects else ())
        elif self.cut_off:
            found = unclear("S3", also=("impaired", "likely_blocked", "down"))
        elif effects:
            # A tool that does not start says little of why.
            found = replace(met(effects, True), accept=(*_ANY_ACCUSATION, "impaired"))
        elif stray:
            found = _for_no_reason()
        else:
            found = fine(*(["J25"] if tool == "tor" else []))
        return keys, tools.VERSIONS[tool], found, tools.target(tool), tool, runtime

    def _hand_in(
        self,
        nettest: str,
        version: str,
        keys: dict[str, Any],
        given: str | None,
        target: str,
        found: Truth,
        report: str,
        begun: datetime,
        runtime: float,
    ) -> None:
        country, number = self.network.country, self.network.number
        took = timedelta(seconds=round(runtime, 6))
        delay = timedelta(microseconds=int(self.rng.integers(600_000, 2_500_000)))
        received = self.now + took + delay
        if self.upload:
            received = self.upload + timedelta(seconds=self.count) + delay
        uid = collector.measurement_uid(
            received, country, nettest, f"{self.world.seed}/{self.key}/{self.count}"
        )
        platform = self.volunteer.platform
        software = f"ooniprobe-{platform}" if platform in ("android", "ios") else "ooniprobe-cli"
        measurement: dict[str, Any] = {
            "annotations": {
                "architecture": _ARCHITECTURE[platform],
                "engine_name": "ooniprobe-engine",
                "engine_version": self.volunteer.version,
                "flavor": "stableFull",
                "network_type": "mobile" if self.network.mobile else "wifi",
                "origin": "autorun",
                "platform": platform,
            },
            "data_format_version": "0.2.0",
            "extensions": {
                "dnst": 0,
                "httpt": 0,
                "netevents": 0,
                "tcpconnect": 0,
                "tlshandshake": 0,
                "tunnel": 0,
            },
            "input": given,
            "measurement_start_time": f"{self.now:%Y-%m-%d %H:%M:%S}",
            "probe_asn": f"AS{number}",
            "probe_cc": country,
            "probe_ip": "127.0.0.1",
            "probe_network_name": self.network.name,
            "report_id": report,
            "resolver_asn": f"AS{names.PUBLIC_RESOLVER_NETWORK if self.public else number}",
            "resolver_ip": names.UDP_RESOLVER.partition(":")[0]
            if self.public
            else names.resolver_address(number),
            "resolver_network_name": "Example Public Resolver" if self.public else self.network.name,
            "software_name": software,
            "software_version": self.volunteer.version,
        }
        if nettest == "web_connectivity":
            measurement["test_helpers"] = {"backend": {"address": names.HELPER_URL, "type": "https"}}
        measurement |= {
            "test_keys": keys,
            "test_name": nettest,
            "test_runtime": round(runtime, 6),
            "test_start_time": f"{begun:%Y-%m-%d %H:%M:%S}",
            "test_version": version,
            "measurement_uid": uid,
        }
        self.sink.take(measurement, uid, received)
        self.record.add(
            uid,
            found,
            country=country,
            network=number,
            nettest=nettest,
            target=target,
            service=truth.service_of(target),
            session=report,
            when=self.now.replace(microsecond=0),
        )


def _for_no_reason() -> Truth:
    """One failure by itself looks as a restriction's does; only many of them tell the difference."""
    return unclear("stray", also=("likely_blocked", "impaired", "down", "ok"))


def _chain(site: Site, sites: Mapping[str, Site]) -> list[str]:
    """The hosts that a visit leads through."""
    hosts = [site.host]
    while site.location is not None:
        host = site.location.partition("://")[2].partition("/")[0]
        if host not in sites or host in hosts:
            break
        hosts.append(host)
        site = sites[host]
    return hosts


def _shows(mechanism: str, scheme: str) -> bool:
    """Whether a mechanism can be met by a visit over that scheme."""
    if mechanism.startswith("quic."):
        return False  # visits are made over TCP
    if mechanism.startswith(_CLEAR_TEXT):
        return scheme == "http"
    return scheme == "https" if mechanism.startswith(_ENCRYPTED) else True
