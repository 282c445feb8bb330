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

_UID = re.compile(r"\d{14}\.\d+_[A-Z]{2}_[a-z0-9]+_[0-9a-f]{16}")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")
_LONGEST_URL = 300
#: More sentences than a person reads: the rest is counted.
_MOST = 60


@dataclass(frozen=True, slots=True)
class FiredRule:
    """A rule that fired, as a person reads it."""

    id: str
    layer: str
    host: str | None
    says: str
    sentence: str
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One measurement's verdict and what it rests on.

    Attributes:
        measurement_id: The measurement.
        summary: The verdict in a sentence.
        state: Of the whole measurement.
        mechanisms: Mechanism paths.
        host: The host that decided.
        evidence: The strongest kind of evidence.
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
    "captive_portal": "In this session unrelated sites all met the same thing, which other sessions of the network did not: a portal, filter or security software of the probe's own place. Nothing is said of the network.",
    "implausible": "It says what cannot be: something worked through an endpoint to which every connect failed, or a certificate was taken as valid that is not the host's. It has no voice in what is said of others.",
    "geolocation_doubtful": "It claims another country than nearly all measurements of its network.",
    "clock_wrong": "The probe's clock seems wrong, so that certificates look invalid to it.",
    "time_missing": "The measurement does not say when it was made.",
    "time_future": "The measurement claims to be from the future.",
    "time_before_2012": "The measurement claims to be older than the first probes.",
    "time_shifted": "The probe's clock is hours away from the collector's.",
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
    parts = [row for row in rows if row["layer"] != "all"]
    fired = [
        FiredRule(id_, row["layer"], row["host"], _says(BY_ID[id_]), BY_ID[id_].sentence, BY_ID[id_].source)
        for row in sorted(parts, key=lambda row: (_order(row, observed), row["layer"], row["host"] or ""))
        for id_ in row["rules"]
        if id_ in BY_ID
    ]
    against = [BY_ID[id_].sentence for id_ in whole["against"] if id_ in BY_ID] + _caveats(whole)
    flags = [_FLAGS.get(flag, flag) for flag in whole["flags"]]
    if "tcp.ipv6_missing_at_probe" in whole["rules"]:
        flags.append(BY_ID["tcp.ipv6_missing_at_probe"].sentence)
    return Explanation(
        measurement_id=measurement_id,
        summary=_summary(whole),
        state=whole["state"],
        mechanisms=list(whole["mechanisms"]),
        host=whole["host"],
        evidence=whole["evidence"],
        seen=_some([observation(row) for row in observed]),
        control=_some([observation(row) for row in controls]) or _no_control(con, whole),
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
            return f"DNS: {asker} said {host} is {safe_text(row['dns_answer'], 80)}{network}{odd}{hits}."
        return f"DNS: {asker} gave no address for {host} ({safe_text(row['failure'] or 'no answer', 60)})."
    if layer == "tcp":
        return f"TCP: connecting to {place} for {host} {outcome}."
    if layer in ("tls", "quic"):
        extra = ""
        if row["failure"] and row.get("read_count") is not None:
            extra = f" after {row['read_count']} reads"
        if row.get("tls_issuer") and row["failure"]:
            extra += f"; the certificate was issued by {safe_text(row['tls_issuer'], 80)}"
        return f"{layer.upper()}: the handshake with {place} for {host} {outcome}{extra}."
    if layer == "http":
        url = safe_text(row["http_url"] or host, _LONGEST_URL)
        status = f" with status {row['http_status']}" if row["http_status"] else ""
        title = f", titled “{safe_text(row['http_title'], 100)}”" if row["http_title"] else ""
        length = f", {row['http_body_length']} bytes" if row["http_body_length"] else ""
        move = f", sending on to {safe_text(row['http_location'], 120)}" if row["http_location"] else ""
        known = row.get("http_fingerprint") or []
        hits = f"; matches {', '.join(safe_text(hit, 60) for hit in known[:3])}" if known else ""
        return f"HTTP: {url} {outcome}{status}{title}{length}{move}{hits}."
    value = safe_text(row.get("step_value"), 80)
    failure = f" ({safe_text(row['failure'], 60)})" if row["failure"] else ""
    return f"Step: {safe_text(row.get('step'), 60)} {value}{failure}."


def _rows(con: duckdb.DuckDBPyConnection, table: str, id_: str, order: str) -> list[dict[str, Any]]:
    cursor = con.execute(f"SELECT * FROM {table} WHERE measurement_id = ? ORDER BY {order}", [id_])
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _order(part: dict[str, Any], observed: list[dict[str, Any]]) -> int:
    return next((row["obs"] for row in observed if row["host"] == part["host"]), 1_000_000)


def _some(sentences: list[str]) -> list[str]:
    if len(sentences) <= _MOST:
        return sentences
    return [*sentences[:_MOST], f"… and {len(sentences) - _MOST} more."]


def _says(rule: Rule) -> str:
    if rule.state is None:
        return "speaks against interference" if rule.doubt else "noted"
    path = f", {rule.mechanism}" if rule.mechanism else ""
    return f"{rule.state}{path}"


def _summary(whole: dict[str, Any]) -> str:
    target = safe_text(whole["target"], 120)
    network = f"AS{whole['network']}" if whole["network"] is not None else "an unknown network"
    by = f" ({', '.join(whole['mechanisms'])})" if whole["mechanisms"] else ""
    host = whole["host"]
    where = f", at {safe_text(host, 120)}" if host and host != whole["target"] else ""
    return f"{target} on {network}: {_STATES[whole['state']]}{by}{where}."


def _no_control(con: duckdb.DuckDBPyConnection, whole: dict[str, Any]) -> list[str]:
    """What other networks saw of the same target on the days around, as counts."""
    if whole["time"] is None:
        return ["There is no control, and no time by which other networks' results could be found."]
    found = con.execute(
        """
        SELECT count(DISTINCT network), count(DISTINCT network) FILTER (state = 'ok'),
          count(DISTINCT network) FILTER (state IN ('blocked', 'likely_blocked'))
        FROM verdicts
        WHERE layer = 'all' AND target = ? AND nettest = ? AND network IS DISTINCT FROM ?
          AND time BETWEEN ? - INTERVAL 1 DAY AND ? + INTERVAL 1 DAY
        """,
        [whole["target"], whole["nettest"], whole["network"], whole["time"], whole["time"]],
    ).fetchall()
    networks, fine, bad = found[0]
    return [
        (
            "The measurement has no control of its own. "
            f"Of {networks} other networks that measured the same within a day, {fine} found it working and {bad} blocked."
        )
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
    if state == "blocked":
        return [
            "The same artefact seen from a network without censorship would make it the site's own doing.",
            *(
                ["A valid certificate for the name at the answered address would clear it."]
                if "dns" in layers
                else []
            ),
        ]
    if state == "likely_blocked":
        return [
            "The same failure from other countries at the time would make it down.",
            "Other measurements of the network at the time that succeed would make it a stray failure.",
            "An artefact (a block page, a forged answer or certificate) would settle it as blocked.",
        ]
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
    host = whole["host"] or whole["target"]
    if not isinstance(host, str) or not _HOST.fullmatch(host) or "." not in host:
        host = next((row["host"] for row in observed if row["host"] and _HOST.fullmatch(row["host"])), None)
    if host is None:
        return []
    name = shlex.quote(host)
    if host.endswith(".endpoint"):
        return [
            f"nc -vz -w 10 {shlex.quote(row['ip'])} {row['port']}"
            for row in observed
            if row["layer"] == "tcp" and row["ip"] and row["port"]
        ][:3]
    true = next((row["ip"] for row in controls if row["layer"] == "dns" and row["ip"]), None)
    commands = [f"dig +short {name}", f"dig +short {name} @1.1.1.1"]
    if true is not None:
        commands.append(
            f"openssl s_client -connect {shlex.quote(f'[{true}]:443' if ':' in true else f'{true}:443')} "
            f"-servername {name} </dev/null"
        )
    url = next((row["http_url"] for row in observed if row["layer"] == "http" and row["host"] == host), None)
    shown = url if url and safe_text(url) == url and len(url) <= _LONGEST_URL else f"https://{host}/"
    commands.append(f"curl -sv -o /dev/null {shlex.quote(shown)}")
    return commands


def _link(whole: dict[str, Any]) -> str | None:
    if not _UID.fullmatch(whole["measurement_id"]):
        return None
    return f"https://explorer.ooni.org/m/{quote(whole['measurement_id'])}"
