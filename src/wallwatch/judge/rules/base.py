"""What a rule is. A new one goes into the file of its layer, beside its like."""

from __future__ import annotations

from dataclasses import dataclass

#: Layers whose features a rule may speak of, in the order in which a connection comes about.
LAYERS = ("dns", "tcp", "tls", "quic", "http", "part", "service")


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to be noticed about a host in a measurement, and what follows from it.

    Attributes:
        id: Public and stable: `layer.what_was_seen`.
        layer: The layer whose features it reads.
        when: SQL predicate over the columns of that layer's features (`judge/steps/<layer>.py`).
        priority: Of the rules of a layer that hold, the one with the smallest number decides.
        sentence: What it means, for people.
        source: What it rests on: a paper, a specification, a published rule.
        state: What it says of the host at that layer; null for a remark that decides nothing.
        mechanism: The deepest mechanism path that it supports; empty where nothing is wrong.
        locus: Where the cause lies; `dns_locus` takes the column of that name, which tells the resolver from
            the path.
        evidence: The kind of evidence.
        doubt: Whether it speaks against interference even where it does not decide.
    """

    id: str
    layer: str
    when: str
    priority: int
    sentence: str
    source: str
    state: str | None = None
    mechanism: str = ""
    locus: str = "unknown"
    evidence: str = "none"
    doubt: bool = False

    @property
    def accuses(self) -> bool:
        """Whether it speaks for interference."""
        return self.state in ("blocked", "likely_blocked")

    @property
    def against(self) -> bool:
        """Whether it speaks against interference."""
        return self.doubt or self.state in ("ok", "down")


#: Sources that several rules rest on.
OONI_WEB = "OONI spec ts-017-web-connectivity"
OONI_LTE = "OONI Web Connectivity LTE design (probe-cli docs/design/dd-008)"
DESIGN = "Wallwatch docs: states and mechanisms (schema/words.py)"
SATELLITE = "Scott et al., Satellite: Joint Analysis of CDNs and Network-Level Interference (USENIX ATC 2016)"
IRIS = "Pearce et al., Global Measurement of DNS Manipulation (USENIX Security 2017)"
HOLD_ON = "Duan et al., Hold-On: Protecting Against On-Path DNS Poisoning (SATIN 2012)"
QUACK = "VanderSloot et al., Quack: Scalable Remote Measurement of Application-Layer Censorship (USENIX Security 2018)"
JONES = "Jones et al., Automated Detection and Fingerprinting of Censorship Block Pages (IMC 2014)"
FINGERPRINTS = "ooni/blocking-fingerprints"
DF007 = "OONI data format df-007-errors"
IANA = "IANA special-purpose address registries (RFC 6890)"
EYEBALLS = "RFC 8305 (Happy Eyeballs): address families are tried apart"
TLS_MITM = "Carnavalet & Mannan, Killed by Proxy: Analyzing Client-end TLS Interception (NDSS 2016)"
THROTTLING = "OONI design dd-007 (throttling); Xue et al., Throttling Twitter (IMC 2021)"
HTTP3 = "Elmenhorst et al., Web Censorship Measurements of HTTP/3 over QUIC (IMC 2021)"
LOSS = (
    "Chernoff's bound on a binomial tail, at one in a thousand (Annals of Mathematical Statistics 23, 1952)"
)
CDN = "McDonald et al., 403 Forbidden: A Global View of CDN Geoblocking (IMC 2018)"


def fails_for_all_but_helper(layer: str, fails: str, priority: int) -> Rule:
    """The rule of a layer for a host that nobody but the test helper gets through to."""
    return Rule(
        f"{layer}.fails_for_all_but_helper",
        layer,
        f"{fails} AND has_control AND shunned",
        priority,
        "The control gets through, but in nearly all networks of several countries the host fails as well: it may turn probes "
        "away, or homes.",
        CDN,
        "insufficient",
        evidence="peers",
        doubt=True,
    )


def lossy_network(layer: str, times_out: str, priority: int) -> Rule:
    """The rule of a layer for a timeout in a network that loses a part of everything."""
    return Rule(
        f"{layer}.lossy_network",
        layer,
        f"{times_out} AND lossy",
        priority,
        "In these days the network loses a part of all that is asked, even of hosts that mostly answer there; this host fails "
        "hardly more often than that.",
        LOSS,
        "insufficient",
        evidence="peers",
        doubt=True,
    )


def shared_trouble(layer: str, fails: str) -> Rule:
    """The rule of a layer that says why what others saw of a host is no contrast to its failure."""
    return Rule(
        f"{layer}.shared_trouble",
        layer,
        f"{fails} AND NOT has_control AND NOT helper_followed AND NOT peers_down AND peers_troubled",
        920,
        "On these days the host works elsewhere, but at this time others failed with it as well, or nobody else got through "
        "to it: trouble of its own explains the failure, too.",
        OONI_WEB,
        doubt=True,
    )
