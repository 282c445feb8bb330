"""What a probe meets on its way: names, connections, handshakes and pages, with what interferes in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from wallwatch.simulate import certificates, names, pages
from wallwatch.simulate.plan import Network, Restriction, Site

#: Mechanisms by the layer at which a connection meets them.
_AT_TCP = {
    "tcp.timeout": "generic_timeout_error",
    "tcp.reset": "connection_reset",
    "tcp.refused": "connection_refused",
    "ip.unreachable": "host_unreachable",
}
_AT_TLS = {
    "tls.reset": "connection_reset",
    "tls.reset.sni": "connection_reset",
    "tls.reset.other": "eof_error",
    "tls.timeout": "generic_timeout_error",
}
_AT_HTTP = {"http.reset.host": "connection_reset", "http.timeout": "generic_timeout_error"}
_AT_DNS = {
    "dns.nxdomain": "dns_nxdomain_error",
    "dns.refused": "dns_refused_error",
    "dns.timeout": "generic_timeout_error",
}
_INJECTED = {
    "dns.injection.bogon": names.BOGON,
    "dns.injection.other": names.NOBODY_ADDRESS,
    "dns.injection.blockpage": names.BLOCK_PAGE_ADDRESS,
}


@dataclass(frozen=True, slots=True)
class Path:
    """The way from one probe to everything, during one measurement.

    Attributes:
        effects: Host to the restrictions that it meets on this way.
        ailing: Host to the trouble that its site has at the moment.
        offline: Whether the probe has no connection: `all` the time, or `late`, after the names are resolved.
        domestic_only: Whether foreign addresses do not answer.
        faulty: Whether this software fails at every handshake.
        own_firewall: Hosts to which the volunteer's own machine resets connections.
        place: What the probe's own place does to everything: `portal` (every name leads to a page that asks for a
            room number), `filter` (every certificate is replaced); empty for nothing (trap J18).
        salt: What is different about this visit.
    """

    country: str
    network: Network
    effects: Mapping[str, tuple[Restriction, ...]]
    ailing: Mapping[str, str | None]
    ipv6: bool = True
    offline: str = ""
    domestic_only: bool = False
    faulty: bool = False
    own_firewall: frozenset[str] = frozenset()
    place: str = ""
    salt: str = ""

    def mechanisms(self, host: str) -> tuple[str, ...]:
        """The mechanisms that a host meets."""
        return tuple(effect.mechanism for effect in self.effects.get(host, ()))


@dataclass(frozen=True, slots=True)
class Named:
    """An answer to a name: a failure, or addresses."""

    failure: str | None
    addresses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shaken:
    """How a TLS handshake went."""

    failure: str | None
    certificates: list[dict[str, str]] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for an HTTP request."""

    failure: str | None
    status: int = 0
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False


class Internet:
    """All sites by name and address, and how paths to them behave."""

    def __init__(self, sites: Mapping[str, Site]) -> None:
        self.sites = sites
        self._networks: dict[str, int] = {}
        self._domestic: set[str] = set()
        for site in sites.values():
            for address in (*site.addresses, *(a for group in site.by_country.values() for a in group)):
                self._networks[address] = site.network
                if site.domestic:
                    self._domestic.add(address)
        self._domestic |= {names.BLOCK_PAGE_ADDRESS, names.RELAY_ADDRESS}

    @staticmethod
    def notice() -> Site:
        """The block page's own site, to which redirects lead."""
        return Site(
            names.BLOCK_PAGE_HOST,
            (names.BLOCK_PAGE_ADDRESS,),
            names.PROBE_NETWORKS[0],
            scheme="http",
            domestic=True,
            weight=0,
        )

    def network_of(self, address: str) -> int | None:
        """The network of a server's address; null for one that is nobody's."""
        if address in (names.BLOCK_PAGE_ADDRESS, names.RELAY_ADDRESS):
            return names.PROBE_NETWORKS[0]
        return self._networks.get(address)

    def resolve(self, path: Path, host: str, engine: str) -> Named:
        """What a query for a name's addresses gives.

        Args:
            path: The way.
            host: The name.
            engine: `getaddrinfo`, `udp` (clear text, to a public resolver) or `doh`.
        """
        site = self.sites[host]
        if path.offline == "all":
            return Named("dns_temporary_failure" if engine == "getaddrinfo" else "network_unreachable")
        if path.domestic_only and (engine != "getaddrinfo" or not site.domestic):
            return Named("generic_timeout_error" if engine != "getaddrinfo" else "dns_server_misbehaving")
        if path.place == "portal":
            return Named("ssl_unknown_authority") if engine == "doh" else Named(None, (names.PORTAL_ADDRESS,))
        for effect in path.effects.get(host, ()):
            if engine == "doh" or (engine == "udp" and effect.resolver_only):
                continue
            if effect.mechanism in _INJECTED:
                odd = effect.mechanism == "dns.injection.bogon" and path.network.number % 2 == 1
                return Named(None, (names.LOOPBACK if odd else _INJECTED[effect.mechanism],))
            if effect.mechanism in _AT_DNS:
                return Named(_AT_DNS[effect.mechanism])
        trouble = path.ailing.get(host)
        if trouble == "nxdomain":
            return Named("dns_nxdomain_error")
        if trouble == "loopback":
            return Named(None, (names.LOOPBACK,))
        if path.network.relay and engine != "doh" and site.trap == "J9":
            return Named(None, (names.RELAY_ADDRESS,))
        return Named(None, site.by_country.get(path.country, site.addresses))

    def connect(self, path: Path, host: str, address: str) -> str | None:
        """How a TCP connect to an address, meant for a host, fails; null where it succeeds."""
        if path.offline:
            return "network_unreachable" if path.offline == "all" else "generic_timeout_error"
        if ":" in address and not path.ipv6:
            return "network_unreachable"
        if address == names.PORTAL_ADDRESS:
            return None
        if address.startswith("127."):
            return "connection_refused"
        if address.startswith("10.") or address == names.NOBODY_ADDRESS:
            return "generic_timeout_error"
        if path.domestic_only and address not in self._domestic:
            return "generic_timeout_error"
        if address == names.BLOCK_PAGE_ADDRESS:
            return None
        for mechanism in path.mechanisms(host):
            if mechanism in _AT_TCP:
                return _AT_TCP[mechanism]
        trouble = path.ailing.get(host)
        if trouble == "timeout":
            return "generic_timeout_error"
        return "connection_refused" if trouble == "refused" else None

    def shake(self, path: Path, host: str, address: str) -> Shaken:
        """How a TLS handshake for a host on a connection to an address goes."""
        if address == names.BLOCK_PAGE_ADDRESS:
            return Shaken("ssl_invalid_hostname", certificates.chain(names.BLOCK_PAGE_HOST), 0.08)
        if path.place:
            shown = names.PORTAL_HOST if path.place == "portal" else host
            return Shaken("ssl_unknown_authority", certificates.chain(shown, certificates.PLACE), 0.02)
        if host in path.own_firewall:
            return Shaken("connection_reset", None, 0.002)
        seconds = 0.12
        for mechanism in path.mechanisms(host):
            if mechanism in _AT_TLS:
                slow = 10.0 if mechanism == "tls.timeout" else 0.05
                return Shaken(_AT_TLS[mechanism], None, slow)
            if mechanism == "tls.mitm.self_signed":
                return Shaken("ssl_unknown_authority", certificates.chain(host, None), seconds)
            if mechanism == "tls.mitm.ca_signed":
                return Shaken("ssl_unknown_authority", certificates.chain(host, certificates.FILTER), seconds)
            if mechanism == "tls.throttle.sni":
                seconds = 6.5
        if path.ailing.get(host) == "tls":
            return Shaken("ssl_invalid_certificate", certificates.chain(host, expired=True), seconds)
        if path.faulty:
            return Shaken("ssl_unknown_authority", certificates.chain(host), seconds)
        return Shaken(None, certificates.chain(host), seconds)

    def shake_quic(self, path: Path, host: str, address: str) -> Shaken:
        """How a QUIC handshake for a host with an address goes: where UDP is dropped, or nobody listens, none answers."""
        if path.offline == "all":
            return Shaken("network_unreachable", None, 0.0)
        if (
            path.offline
            or path.place
            or host in path.own_firewall
            or not path.network.udp
            or not self.sites[host].http3
            or "quic.timeout" in path.mechanisms(host)
            or path.ailing.get(host) in ("timeout", "refused")
            or (path.domestic_only and address not in self._domestic)
        ):
            return Shaken("generic_timeout_error", None, 10.0)
        failure = "ssl_unknown_authority" if path.faulty else None
        return Shaken(failure, certificates.chain(host), 0.09)

    def fetch(self, path: Path, host: str, address: str, clear_text: bool, when: str) -> Answered:
        """What a request for a host's page gives, on a connection that stands.

        Args:
            path: The way.
            host: The name in the request.
            address: Where the connection leads.
            clear_text: Whether it is sent without TLS, where its host can be read on the way.
            when: The date that the server writes.
        """
        if clear_text:
            if path.place == "portal":
                return _html(200, pages.PORTAL, when, server=None)
            if host in path.own_firewall:
                return Answered("connection_reset")
            for mechanism in path.mechanisms(host):
                if mechanism in _AT_HTTP:
                    return Answered(_AT_HTTP[mechanism])
                if mechanism == "http.redirect":
                    place = (("Content-Length", "0"), ("Location", f"http://{names.BLOCK_PAGE_HOST}/"))
                    return Answered(None, 302, "", place)
                if mechanism == "http.blockpage":
                    return _html(200, pages.BLOCK_PAGE, when, server=None)
            if address == names.BLOCK_PAGE_ADDRESS or host == names.BLOCK_PAGE_HOST:
                return _html(200, pages.BLOCK_PAGE, when, server=None)
        return self.served(self.sites[host], path.country, path.salt, when)

    def served(self, site: Site, country: str, salt: str, when: str) -> Answered:
        """What a site's own server sends to somebody in a country."""
        if site.location is not None:
            headers = (
                ("Content-Length", "0"),
                ("Date", when),
                ("Location", site.location),
                ("Server", "nginx"),
            )
            return Answered(None, 302, "", headers)
        if site.status in (403, 503) and country != names.HELPER_COUNTRY:
            return _html(site.status, pages.CHALLENGE, when, server="cloudfront-like")
        language = site.by_language and country != names.HELPER_COUNTRY
        return _html(200, pages.page(site.host, language, site.dynamic, salt), when, server="nginx")


def _html(status: int, body: str, when: str, server: str | None) -> Answered:
    """A page; a device on the way, which has no name, writes few headers."""
    length = ("Content-Length", str(len(body.encode())))
    if server is None:
        return Answered(None, status, body, (("Connection", "close"), length, ("Content-Type", "text/html")))
    headers = (
        ("Accept-Ranges", "bytes"),
        ("Cache-Control", "max-age=600"),
        length,
        ("Content-Type", "text/html; charset=utf-8"),
        ("Date", when),
        ("Last-Modified", "Sat, 01 Feb 2025 00:00:00 GMT"),
        ("Server", server),
        ("Vary", "Accept-Encoding"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "SAMEORIGIN"),
    )
    return Answered(None, status, body, headers)
