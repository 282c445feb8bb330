"""Why one measurement was judged as it was, in plain words: seen, control, rules, doubts, what would change it."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import quote

import duckdb

from wallwatch._text import safe_text
from wallwatch.judge.rules import BY_ID
from wallwatch.judge.rules.base import Rule
from wallwatch.schema.words import is_made_up

_UID = re.compile(r"\d{14}\.\d+_[A-Z]{2}_[a-z0-9]+_[0-9a-f]{16}")
_LAYERS = {
    "dns": "name resolution",
    "tcp": "connecting",
    "tls": "the TLS handshake",
    "quic": "the QUIC handshake",
    "http": "the HTTP exchange",
    "part": "the parts of the service",
    "service": "the service as a whole",
}
_ORDER = {layer: place for place, layer in enumerate(_LAYERS)}
_ACCUSED = ("blocked", "likely_blocked")
#: Tests that OONI Probe groups under a name; others are run by their own name.
_SUITES = {
    "circumvention": ("tor", "torsf", "vanilla_tor", "psiphon", "riseupvpn"),
    "im": ("telegram", "whatsapp", "signal", "facebook_messenger"),
    "middlebox": ("http_invalid_request_line", "http_header_field_manipulation"),
}
_MIDDLEBOX = _SUITES["middlebox"]
_LONGEST_URL = 300
#: More sentences than a person reads: the rest is counted.
_MOST = 60


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that fired, as a person reads it.

    Attributes:
        id: Its id.
        layer: The layer that it is about.
        host: The host, pool or part that it is about.
        says: What it says of it.
        decides: Whether it is the one that decided the layer's state.
        sentence: What it means.
        because: What was seen there, a sentence each: the failures, where it speaks of one.
        when: What has to hold for it, over the features of the layer (`judge/steps`).
        source: What it rests on.
    """

    id: str
    layer: str
    host: str | None
    says: str
    decides: bool
    sentence: str
    because: list[str]
    when: str
    source: str


@dataclass(frozen=True, slots=True)
class JudgedLayer:
    """One layer of one host: what was found, and the rule that decided it."""

    host: str | None
    layer: str
    state: str
    mechanisms: list[str]
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One measurement's verdict and what it rests on.

    Attributes:
        measurement_id: The measurement.
        summary: The verdict in a sentence.
        state: Of the whole measurement.
        mechanisms: Mechanism paths.
        host: The host that decided.
        at: The layers of that host that decided.
        evidence: The strongest kind of evidence.
        layers: Every layer of every host, in the order in which a connection comes about.
        seen: What the probe saw, in order, a sentence each.
        control: What was seen from where no censor is.
        rules: Every rule that fired.
        against: What speaks against the verdict.
        flags: Doubts about the measurement itself.
        would_change: What further evidence would change the verdict.
        check: Commands to check by hand, from the network concerned and from another one.
        link: The original measurement, where it is public.
        rule_set: Version of the rules.
        reference_set: Version of the reference data.
    """

    measurement_id: str
    summary: str
    state: str
    mechanisms: list[str]
    host: str | None
    evidence: str
    at: list[str] = field(default_factory=list)
    layers: list[JudgedLayer] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    control: list[str] = field(default_factory=list)
    rules: list[FiredRule] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    would_change: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    link: str | None = None
    rule_set: str = ""
    reference_set: str = ""

    def as_json(self) -> dict[str, Any]:
        """The same as plain objects, for JSON."""
        return asdict(self)


_FLAGS = {
    "probe_offline": "The probe seems to have lost its own connection: nothing is concluded from it.",
    "instrument": "This version of the probe fails wherever it runs: a fault of the instrument.",
    "local_filter": "The page of a local filter (a company, school or hotel) was seen: nothing is said of the network at large.",
    "captive_portal": "In this session unrelated hosts, maybe the test helper among them, all met the same thing, which other sessions of the network did not: a portal, filter or security software of the probe's own place. Nothing is said of the network.",
    "resolver_silent": "At that time the resolver answered this session for no name at all, of six sites or more in a row: a resolver out of order, which says nothing of any of them.",
    "implausible": "It says what cannot be: something worked through an endpoint to which every connect failed, or a certificate was taken as valid that is not the host's. It has no voice in what is said of others.",
    "geolocation_doubtful": "It claims another country than nearly all measurements of its network.",
    "clock_wrong": "The probe's clock seems wrong, so that certificates look invalid to it.",
    "time_missing": "The measurement does not say when it was made.",
    "time_future": "The measurement claims to be from the future.",
    "time_before_2012": "The measurement claims to be older than the first probes.",
    "time_shifted": "The probe's clock is hours away from the collector's.",
}

#: Doubts with which nothing is concluded from what a measurement saw.
_INVALID = frozenset(
    {"probe_offline", "instrument", "local_filter", "captive_portal", "resolver_silent", "clock_wrong"}
)

#: What would show the trigger of a mechanism that is named without it.
_TRIGGERS = {
    "tls.reset": "The same address answering for another name would show that the name is the trigger (tls.reset.sni).",
    "http.reset": "Another Host header getting through would show that the name is the trigger (http.reset.host).",
}

_STATES = {
    "blocked": "blocked: something was seen that only interference leaves behind",
    "likely_blocked": "likely blocked: it fails in a way that fits blocking, and works from elsewhere",
    "impaired": "impaired: it does not work properly, for an unclear cause",
    "down": "down: it does not work from elsewhere either, or the site itself is at fault",
    "ok": "working",
    "insufficient": "undecided: there is too little evidence",
}


def explain(con: duckdb.DuckDBPyConnection, measurement_id: str) -> Explanation:
    """What the verdict of a measurement rests on.

    Args:
        con: Shows `verdicts`, `observations` and `controls`.
        measurement_id: The measurement.

    Raises:
        KeyError: There is no verdict of that measurement.
    """
    rows = _rows(con, "verdicts", measurement_id, "layer, host")
    whole = next((row for row in rows if row["layer"] == "all"), None)
    if whole is None:
        raise KeyError(measurement_id)
    observed = _rows(con, "observations", measurement_id, "obs")
    controls = _rows(con, "controls", measurement_id, "obs")
    parts = sorted(
        (row for row in rows if row["layer"] != "all"),
        key=lambda row: (_place(row, observed), _ORDER.get(row["layer"], 9), row["host"] or ""),
    )
    fired = [
        FiredRule(
            id_,
            row["layer"],
            row["host"],
            _says(BY_ID[id_]),
            id_ == _decider(row),
            BY_ID[id_].sentence,
            _because(BY_ID[id_], row, observed),
            BY_ID[id_].when,
            BY_ID[id_].source,
        )
        for row in parts
        for id_ in row["rules"]
        if id_ in BY_ID
    ]
    at = _at(whole, parts)
    against = [BY_ID[id_].sentence for id_ in whole["against"] if id_ in BY_ID] + _caveats(whole)
    flags = [_FLAGS.get(flag, flag) for flag in whole["flags"]]
    if "tcp.ipv6_missing_at_probe" in whole["rules"]:
        flags.append(BY_ID["tcp.ipv6_missing_at_probe"].sentence)
    return Explanation(
        measurement_id=measurement_id,
        summary=_summary(whole, at),
        state=whole["state"],
        mechanisms=list(whole["mechanisms"]),
        host=whole["host"],
        evidence=whole["evidence"],
        at=at,
        layers=[
            JudgedLayer(row["host"], row["layer"], row["state"], list(row["mechanisms"]), _decider(row))
            for row in parts
        ],
        seen=_some([observation(row) for row in sorted(observed, key=lambda row: _seen_at(row, observed))]),
        control=(_some([observation(row) for row in controls]) or _no_control(con, whole))
        + _beside(con, whole, parts),
        rules=fired,
        against=against,
        flags=flags,
        would_change=_would_change(whole, parts),
        check=_check(whole, observed, controls),
        link=_link(whole),
        rule_set=whole["rule_set"],
        reference_set=whole["reference_set"],
    )


def observation(row: dict[str, Any]) -> str:
    """One observation or control row as a sentence; hostile text is made safe."""
    host = safe_text(row["host"] or row["ip"] or "?", 120)
    place = safe_text(row["ip"] or "", 60)
    if row["port"] is not None:
        place = f"[{place}]:{row['port']}" if ":" in place else f"{place}:{row['port']}"
    outcome = f"failed: {safe_text(row['failure'], 80)}" if row["failure"] else "succeeded"
    layer = row["layer"]
    if layer == "dns":
        engine = row.get("dns_engine")
        asker = {None: "the resolver", "system": "the system's resolver"}.get(
            engine, f"{safe_text(row.get('dns_resolver') or 'a resolver', 80)} over {engine}"
        )
        if engine == "udp_again":
            asker = (
                f"a second response to the query to {safe_text(row.get('dns_resolver') or 'a resolver', 80)}"
            )
        if row["dns_answer"]:
            kind = row["ip_kind"]
            odd = f", which is {kind.replace('_', '-')}" if kind and kind != "global" else ""
            network = f" (AS{row['ip_network']})" if row["ip_network"] else ""
            hits = ", a known injected answer" if row["dns_fingerprint"] else ""
            if row.get("dns_answer_type") == "CNAME":
                return f"DNS: {asker} said {host} stands for {safe_text(row['dns_answer'], 120)}{hits}."
            return f"DNS: {asker} said {host} is {safe_text(row['dns_answer'], 80)}{network}{odd}{hits}."
        return f"DNS: {asker} gave no address for {host} ({safe_text(row['failure'] or 'no answer', 60)})."
    if layer == "tcp":
        return f"TCP: connecting {f'to {place} for' if row['ip'] else 'for'} {host} {outcome}{_time(row)}."
    if layer in ("tls", "quic"):
        extra = ""
        if row["failure"] and row.get("read_count") is not None:
            extra = f" after {row['read_count']} reads"
        if row.get("tls_issuer") and row["failure"]:
            extra += f"; the certificate was issued by {safe_text(row['tls_issuer'], 80)}"
        with_ = f"with {place} for" if row["ip"] else "for"
        return f"{layer.upper()}: the handshake {with_} {host} {outcome}{extra}{_time(row)}."
    if layer == "http":
        url = safe_text(row["http_url"] or host, _LONGEST_URL)
        status = f" with status {row['http_status']}" if row["http_status"] else ""
        title = f", titled “{safe_text(row['http_title'], 100)}”" if row["http_title"] else ""
        length = f", {row['http_body_length']} bytes" if row["http_body_length"] else ""
        move = f", sending on to {safe_text(row['http_location'], 120)}" if row["http_location"] else ""
        known = row.get("http_fingerprint") or []
        hits = f"; matches {', '.join(safe_text(hit, 60) for hit in known[:3])}" if known else ""
        return f"HTTP: {url} {outcome}{status}{title}{length}{move}{hits}{_time(row)}."
    value = safe_text(row.get("step_value"), 80)
    of = f" of {safe_text(row.get('step_target'), 40)}" if row.get("step_target") else ""
    failure = f" failed: {safe_text(row['failure'], 60)}" if row["failure"] else ""
    return f"Step: {safe_text(row.get('step'), 60)}{of}{f' {value}' if value else ''}{failure}{_time(row)}."


def _time(row: dict[str, Any]) -> str:
    took, ended = row.get("duration_seconds"), row.get("t_seconds")
    if took:
        return f" (took {took:.2f} s)"
    return f" (at {ended:.2f} s)" if ended and ended >= 0.005 else ""


def _rows(con: duckdb.DuckDBPyConnection, table: str, id_: str, order: str) -> list[dict[str, Any]]:
    cursor = con.execute(f"SELECT * FROM {table} WHERE measurement_id = ? ORDER BY {order}", [id_])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _place(part: dict[str, Any], observed: list[dict[str, Any]]) -> int:
    """Where a host comes in the measurement: the first hop of a redirect chain first, whole services last."""
    if part["host"] is None:
        return 2_000_000
    return next(
        ((row["depth"] or 0) * 100_000 + row["obs"] for row in observed if row["host"] == part["host"]),
        1_000_000 if part["layer"] != "part" else 1_500_000,
    )


def _seen_at(row: dict[str, Any], observed: list[dict[str, Any]]) -> tuple[int, int]:
    """Hop by hop; within one in the order of the layers, as they were read."""
    depths = [
        other["depth"] for other in observed if other["host"] == row["host"] and other["depth"] is not None
    ]
    return (row["depth"] if row["depth"] is not None else min(depths, default=0), row["obs"])


def _decider(part: dict[str, Any]) -> str | None:
    """The rule that decided a layer."""
    found = [BY_ID[id_] for id_ in part["rules"] if id_ in BY_ID and BY_ID[id_].state is not None]
    return min(found, key=lambda rule: rule.priority).id if found else None


def _because(rule: Rule, part: dict[str, Any], observed: list[dict[str, Any]]) -> list[str]:
    """What of the measurement a rule speaks of, at most three sentences."""
    rows = [row for row in observed if row["layer"] == part["layer"] and row["host"] == part["host"]]
    if part["layer"] in ("part", "service"):
        steps = [row for row in observed if row["layer"] == "step"]
        own = [
            row
            for row in steps
            if part["host"] and row.get("step_target") and part["host"].endswith(f".{row['step_target']}")
        ]
        rows = own or steps
    if part["layer"] == "dns" and rule.accuses:
        # What the system's resolver said is what is in question, an answer before the lack of one.
        asked = [row for row in rows if row.get("dns_engine") in (None, "system")] or rows
        return [observation(row) for row in sorted(asked, key=lambda row: row["failure"] is not None)[:3]]
    failed = [row for row in rows if row["failure"] is not None]
    worked = [row for row in rows if row["failure"] is None]
    wanted = worked if rule.state == "ok" else failed or worked
    return [observation(row) for row in wanted[:3]]


def _at(whole: dict[str, Any], parts: list[dict[str, Any]]) -> list[str]:
    """The layers that decided, of the host that decided."""
    same = _ACCUSED if whole["state"] in _ACCUSED else (whole["state"],)
    rows = [part for part in parts if part["state"] in same and part["layer"] not in ("part", "service")]
    named = [part for part in rows if part["host"] == whole["host"]] or rows
    return sorted({part["layer"] for part in named}, key=lambda layer: _ORDER.get(layer, 9))


def _some(sentences: list[str]) -> list[str]:
    if len(sentences) <= _MOST:
        return sentences
    return [*sentences[:_MOST], f"… and {len(sentences) - _MOST} more."]


def _says(rule: Rule) -> str:
    if rule.state is None:
        return "speaks against interference" if rule.doubt else "noted"
    path = f", {rule.mechanism}" if rule.mechanism else ""
    return f"{rule.state}{path}"


def _summary(whole: dict[str, Any], at: list[str]) -> str:
    target = safe_text(whole["target"], 120)
    network = f"AS{whole['network']}" if whole["network"] is not None else "an unknown network"
    by = f" ({', '.join(whole['mechanisms'])})" if whole["mechanisms"] else ""
    host = whole["host"]
    where = ""
    if host and at and whole["state"] != "ok":
        where = f" Seen at {safe_text(host, 120)}: {', '.join(_LAYERS[layer] for layer in at)}."
    elif host and host != whole["target"] and whole["state"] != "ok":
        where = f" Seen at {safe_text(host, 120)}."
    return f"{target} on {network}: {_STATES[whole['state']]}{by}.{where}"


def _no_control(con: duckdb.DuckDBPyConnection, whole: dict[str, Any]) -> list[str]:
    """What other networks saw of the same target on the days around, as counts."""
    if whole["time"] is None:
        return ["There is no control, and no time by which other networks' results could be found."]
    ((networks, fine, bad),) = con.execute(
        """
        SELECT count(DISTINCT network), count(DISTINCT network) FILTER (state = 'ok'),
          count(DISTINCT network) FILTER (state IN ('blocked', 'likely_blocked'))
        FROM verdicts
        WHERE layer = 'all' AND target = ? AND nettest = ? AND network IS DISTINCT FROM ?
          AND time BETWEEN ? - INTERVAL 1 DAY AND ? + INTERVAL 1 DAY
        """,
        [whole["target"], whole["nettest"], whole["network"], whole["time"], whole["time"]],
    ).fetchall()
    if not networks:
        return [
            "The measurement has no control of its own, and no other network measured the same within a day."
        ]
    return [
        (
            "The measurement has no control of its own. "
            f"Of {networks} other networks that measured the same within a day, {fine} found it working and {bad} blocked."
        )
    ]


def _beside(con: duckdb.DuckDBPyConnection, whole: dict[str, Any], parts: list[dict[str, Any]]) -> list[str]:
    """For tests that look for devices on the path: how pages in clear text fared on the network that day."""
    if whole["nettest"] not in _MIDDLEBOX or whole["time"] is None or whole["network"] is None:
        return []
    ((pages, bad),) = con.execute(
        """
        SELECT count(DISTINCT measurement_id), count(DISTINCT measurement_id) FILTER (state IN ('blocked', 'likely_blocked'))
        FROM verdicts
        WHERE layer = 'http' AND nettest = 'web_connectivity' AND network = ?
          AND time BETWEEN ? - INTERVAL 1 DAY AND ? + INTERVAL 1 DAY
        """,
        [whole["network"], whole["time"], whole["time"]],
    ).fetchall()
    return [
        f"Of {pages} pages measured on this network within a day, {bad} were found blocked in the HTTP exchange."
    ]


def _caveats(whole: dict[str, Any]) -> list[str]:
    """What weakens a claim of interference by the kind of evidence that it rests on."""
    if whole["state"] not in ("blocked", "likely_blocked"):
        return []
    if whole["evidence"] == "peers":
        return ["The contrast is with other networks, not with a control made for this measurement."]
    if whole["evidence"] == "control":
        return ["It is one measurement: a stray failure of the probe's own connection looks the same."]
    return []


def _would_change(whole: dict[str, Any], parts: list[dict[str, Any]]) -> list[str]:
    state = whole["state"]
    layers = {part["layer"] for part in parts if part["state"] == state}
    trigger = [sentence for path, sentence in _TRIGGERS.items() if path in whole["mechanisms"]]
    if state == "blocked":
        return [
            "The same artefact seen from a network without censorship would make it the site's own doing.",
            *(
                ["A valid certificate for the name at the answered address would clear it."]
                if "dns" in layers
                else []
            ),
            *(
                [
                    "Other sessions of the network that get the host's own certificate would make it the probe's own place."
                ]
                if "tls" in layers
                else []
            ),
        ]
    if state == "likely_blocked":
        return [
            "The same failure from other countries at the time would make it down.",
            "Other measurements of the network at the time that succeed would make it a stray failure.",
            "An artefact (a block page, a forged answer or certificate) would settle it as blocked.",
            *trigger,
        ]
    if state == "insufficient" and _INVALID & set(whole["flags"] or ()):
        return ["A measurement of the same target and network without that doubt would decide it."]
    if state == "insufficient":
        return ["A control, or results of the same target from at least two other networks, would decide it."]
    if state == "impaired":
        return ["Repeated measurements, and the same network's speed to other targets, would tell the cause."]
    if state == "down":
        return ["A network from which it works at the same time would make it a matter of this network."]
    return ["A failure that repeats from other sessions of this network would put it in doubt."]


def _check(
    whole: dict[str, Any], observed: list[dict[str, Any]], controls: list[dict[str, Any]]
) -> list[str]:
    """Commands for a shell; what comes from the measurement is quoted, and cannot pass for an option."""
    suite = next((name for name, tests in _SUITES.items() if whole["nettest"] in tests), None)
    commands = [] if suite is None else [f"ooniprobe run {suite}"]
    if suite in ("circumvention", "middlebox"):
        return commands
    if whole["nettest"] in ("openvpn", "stunreachability", "dnscheck", "echcheck"):
        given = f" -i {_quoted(whole['input'])}" if _shown(whole["input"]) else ""
        commands = [f"miniooni{given} {whole['nettest']}"]
    hosts = [whole["host"], whole["target"], *(row["host"] for row in observed)]
    if isinstance(whole["host"], str) and whole["host"].endswith(".endpoint"):
        return (
            commands
            + [
                f"nc -vz -w 10 {shlex.quote(row['ip'])} {row['port']}"
                for row in observed
                if row["layer"] == "tcp" and row["ip"] and row["port"] and row["failure"]
            ][:3]
        )
    parts = f"{whole['nettest']}."
    host = next(
        (
            host
            for host in hosts
            if _shown(host) and "." in host and not {"/", ":"} & set(host) and not host.startswith(parts)
        ),
        None,
    )
    if host is None or whole["nettest"] == "openvpn":
        return commands
    true = next(
        (row["ip"] for row in controls if row["layer"] == "dns" and row["ip"] and row["host"] == host), None
    )
    commands += [f"dig +short -q {_quoted(host)}", f"dig +short @1.1.1.1 -q {_quoted(host)}"]
    if true is not None:
        place = f"[{true}]:443" if ":" in true else f"{true}:443"
        commands.append(
            f"openssl s_client -connect {shlex.quote(place)} -servername {_quoted(host)} </dev/null"
        )
    url = next((row["http_url"] for row in observed if row["layer"] == "http" and row["host"] == host), None)
    address = url if isinstance(url, str) and _shown(url) and len(url) <= _LONGEST_URL else f"https://{host}/"
    commands.append(f"curl -sv -o /dev/null --url {_quoted(address)}")
    return commands


def _shown(text: object) -> bool:
    """Whether a text can be printed as it is: what a terminal would obey is not offered to be typed."""
    return isinstance(text, str) and bool(text) and safe_text(text) == text


def _quoted(text: str) -> str:
    """The text as one word of a shell; a leading dash is kept from looking like an option by what stands before it."""
    return shlex.quote(text)


def _link(whole: dict[str, Any]) -> str | None:
    if not _UID.fullmatch(whole["measurement_id"]) or is_made_up(whole["measurement_id"].split("_")[1]):
        return None
    return f"https://explorer.ooni.org/m/{quote(whole['measurement_id'])}"
