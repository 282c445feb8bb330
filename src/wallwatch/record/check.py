"""Claims held against what was measured: supported, contradicted, partly, not measured, not checkable.

Nothing is supported from an absence of data, and nothing contradicted from one: a contradiction needs measurements
that show the thing working in that place and time, and enough of them (`FLOOR`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb

from wallwatch.record import evidence
from wallwatch.record.claims import Claim, Known
from wallwatch.record.countries import name as country_name
from wallwatch.record.evidence import NetworkSeen
from wallwatch.record.services import shown as service_name

#: The answers, and what each means.
VERDICTS: Final = {
    "supported": "measurements show what is claimed",
    "contradicted": "enough measurements show the opposite",
    "partly": "measurements show a part of what is claimed, or something near it",
    "not measured": "the data do not reach there: neither for nor against",
    "not checkable": "nothing that is measured here could decide it",
}

#: A network counts as found fine with so many independent sessions …
FINE_SESSIONS: Final = 5
#: … of which no greater share found it blocked, …
FINE_SHARE: Final = 0.1
#: … on at least this share of the days asked for.
FINE_DAYS: Final = 0.5
#: So many fine networks contradict a claim about a country.
FINE_NETWORKS: Final = 3
#: A network takes part in blocking with so many sessions that found it in the time asked for.
SEEN: Final = 1.0
#: Of the networks with enough measurements, the share that makes "nationwide" true.
WIDE_SHARE: Final = 0.9
#: A signal contradicts a blackout when it has this share of its bins in the time …
COVERED: Final = 0.9
#: … and none of them is below this share of the usual level.
NORMAL: Final = 0.7
#: Measurements from inside contradict a national blackout of so many hours when no half of that passes without a success …
STRETCH_HOURS: Final = 6
#: … from this many networks.
STRETCH_NETWORKS: Final = 3
#: From this probability of a finding on, it is taken as shown.
SHOWN: Final = 0.9

FLOOR: Final = (
    (
        f"blocking is contradicted on a network by {FINE_SESSIONS} or more independent sessions on at least "
        f"{FINE_DAYS:.0%} of the days, of which at most {FINE_SHARE:.0%} found it blocked; in a country by "
        f"{FINE_NETWORKS} or more such networks and no network that was blocked or is in doubt"
    ),
    (
        f"a shutdown is contradicted by a signal with values for at least {COVERED:.0%} of the time, none below "
        f"{NORMAL:.0%} of the usual level of its hour; or by successful measurements from {STRETCH_NETWORKS} or more "
        f"networks in every {STRETCH_HOURS // 2} hours (then none of {STRETCH_HOURS} hours is missed)"
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a claim.

    Attributes:
        claim: The claim.
        verdict: A key of `VERDICTS`.
        because: Why, in one sentence.
        evidence: What it rests on: objects with `kind`, `text` and, where there is one, `id`.
        limits: What the data cannot say.
        parts: The answers for each country and target, where there are several.
    """

    claim: Claim
    verdict: str
    because: str
    evidence: tuple[dict[str, Any], ...] = ()
    limits: tuple[str, ...] = ()
    parts: tuple[Answer, ...] = field(default=())


def check(con: duckdb.DuckDBPyConnection, claim: Claim, known: Known) -> Answer:
    """Holds a claim against the tables of a workspace.

    Args:
        con: A connection with the workspace's views.
        claim: What is claimed.
        known: What the data name (`evidence.known`).
    """
    if claim.problem:
        return Answer(claim, "not checkable", _sentence(claim.problem))
    shutdown = claim.restriction == "shutdown"
    parts = [
        (_shutdown(con, claim, country, known) if shutdown else _blocking(con, claim, country, target, known))
        for country in claim.countries
        for target in ([None] if shutdown or not claim.targets else claim.targets)
    ]
    if len(parts) == 1:
        return parts[0]
    verdicts = [one.verdict for one in parts]
    if len(set(verdicts)) == 1:
        verdict = verdicts[0]
    elif "supported" in verdicts or "partly" in verdicts:
        verdict = "partly"
    else:
        verdict = "not measured"
    limits = tuple(dict.fromkeys(limit for one in parts for limit in one.limits))
    return Answer(
        claim,
        verdict,
        " ".join(one.because for one in parts),
        tuple(e for one in parts for e in one.evidence),
        limits,
        tuple(parts),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def when(moment: datetime | None) -> str:
    """A time as answers write it."""
    return "?" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _span_words(span: tuple[datetime, datetime], claim: Claim) -> str:
    if claim.since is None and claim.until is None:
        return "in the data"
    if claim.since is None:
        return f"until {when(span[1])}"
    if claim.until is None:
        return f"since {when(span[0])}"
    return f"from {when(span[0])} to {when(span[1])}"


def _general_limits(claim: Claim, known: Known) -> list[str]:
    limits = []
    if claim.since is None and claim.until is None:
        limits.append(
            f"The claim names no time; all data were looked at, {when(known.first)} to {when(known.last)}."
        )
    else:
        limits.append("Days and months are taken in UTC; local days may begin hours earlier or later.")
    if claim.causal:
        limits.append("Who ordered it and why is not measured; only whether it happened is.")
    return limits


def _open_end(known: Known, claim: Claim) -> tuple[datetime, datetime]:
    first, last = evidence.window(claim)
    if claim.aspect == "began" and claim.since is not None and known.last is not None:
        last = max(last, known.last)
    return first, last


# ---------------------------------------------------------------- blocking and slowing


def _blocking(
    con: duckdb.DuckDBPyConnection, claim: Claim, country: str, target: str | None, known: Known
) -> Answer:
    what = service_name(target) if target else ("social media" if claim.social else "anything")
    place = country_name(country)
    limits = _general_limits(claim, known)
    if claim.unknown_networks and not claim.networks:
        names = ", ".join(claim.unknown_networks)
        return Answer(
            claim,
            "not measured",
            f"No network in the data from {place} is called {names}.",
            limits=tuple(limits),
        )
    span = _open_end(known, claim)
    events = [
        one
        for one in evidence.events(con, claim, country, target)
        if one["kind"] in ("blocking", "throttling")
    ]
    faults = [
        one
        for one in evidence.events(con, claim, country, target)
        if one["kind"] in ("service_outage", "instrument") and evidence.overlaps(one, span)
    ]
    inside = [one for one in events if evidence.overlaps(one, span)]
    seen = evidence.networks(con, claim, country, target, span)
    asked = set(claim.networks)
    if asked:
        seen = {network: one for network, one in seen.items() if network in asked}
    found, doubtful = _taking_part(inside, seen, asked, span)
    fine = _fine(seen, found, span, claim, known)
    proof = [_event_evidence(one, claim) for one in inside]
    proof += [
        _network_evidence(seen[network], network in found, network in fine, known, country)
        for network in sorted(seen)
    ][:60]
    proof += [_event_evidence(one, claim) for one in faults]
    limits += _blocking_limits(seen, found, fine, asked)
    span_words = _span_words(span, claim)
    if claim.aspect == "ended":
        return _ended(claim, what, place, events, seen, fine, span, proof, limits)
    if not seen and not inside:
        return Answer(
            claim,
            "not measured",
            f"There is no measurement of {what} {_where(claim, place, known, country)} {span_words}: that says nothing for or against.",
            tuple(proof),
            tuple(limits),
        )
    positive, why = _positive(claim, what, place, country, inside, found, fine, doubtful, asked, span, known)
    if positive is None and faults and not found:
        one = faults[0]
        positive, why = (
            "partly",
            (
                f"{what} did not work at the time, but {'for nobody anywhere' if one['kind'] == 'service_outage' else 'because the probe failed'}: "
                "that is no restriction."
            ),
        )
    if positive is None:
        enough = (asked and asked & set(seen) <= fine and bool(fine)) or (
            not asked and len(fine) >= FINE_NETWORKS
        )
        if enough and not doubtful and _reaches(claim, span, known):
            positive = "contradicted"
            why = (
                f"{what} was found working on {len(fine)} network{'' if len(fine) == 1 else 's'} {_where(claim, place, known, country)} {span_words}, "
                "with enough measurements, and blocked on none."
            )
        else:
            few = len(seen) - len(fine)
            positive = "not measured"
            why = (
                f"No blocking of {what} was found {_where(claim, place, known, country)} {span_words}, but the measurements are too "
                f"few to say that there was none: {len(fine)} network{'' if len(fine) == 1 else 's'} fine with enough of them"
                + (f", {few} with too few or in doubt" if few else "")
                + "."
            )
            spanned = sorted(doubtful - set(seen))
            if spanned:
                listed = ", ".join(f"AS{one}" for one in spanned[:8])
                why += f" On {listed} a blocking that was seen before and after lies over that time, in which nothing was measured there."
    if not claim.negated:
        return Answer(claim, positive, why, tuple(proof), tuple(limits))
    turned = {"supported": "contradicted", "contradicted": "supported"}.get(positive, positive)
    return Answer(claim, turned, f"The claim is that it was not so. {why}", tuple(proof), tuple(limits))


def _where(claim: Claim, place: str, known: Known, country: str) -> str:
    if claim.networks:
        listed = ", ".join(f"AS{one}" for one in claim.networks[:6])
        return f"on {listed} in {place}"
    return f"in {place}"


def _reaches(claim: Claim, span: tuple[datetime, datetime], known: Known) -> bool:
    """Whether the data reach over nearly all of the time asked for: the rest cannot be contradicted."""
    if known.first is None or known.last is None or (claim.since is None) != (claim.until is None):
        return False
    if claim.since is None:
        return True
    held = min(span[1], known.last) - max(span[0], known.first)
    return held >= COVERED * (span[1] - span[0])


def _taking_part(
    inside: Sequence[dict[str, Any]],
    seen: dict[int, NetworkSeen],
    asked: set[int],
    span: tuple[datetime, datetime],
) -> tuple[dict[int, dict[str, Any]], set[int]]:
    """The networks on which an event was seen in the time, and those on which one lies over it unmeasured."""
    found: dict[int, dict[str, Any]] = {}
    doubtful: set[int] = set()
    for event in inside:
        details = evidence.per_network(event)
        for network in event["networks"]:
            if asked and network not in asked:
                continue
            first, last = evidence.interval(details.get(network, {}), event)
            if not (first < span[1] and span[0] < last):
                continue
            one = seen.get(network)
            if one is not None and one.against >= SEEN:
                found.setdefault(network, event)
            elif one is None or one.votes < FINE_SESSIONS:
                doubtful.add(network)
    for network, one in seen.items():
        if (
            network not in found
            and one.votes >= FINE_SESSIONS
            and one.against > FINE_SHARE * one.votes
            and one.against >= 2
        ):
            doubtful.add(network)
    return found, doubtful - set(found)


def _fine(
    seen: dict[int, NetworkSeen],
    found: dict[int, dict[str, Any]],
    span: tuple[datetime, datetime],
    claim: Claim,
    known: Known,
) -> set[int]:
    first = max(span[0], known.first) if known.first else span[0]
    last = min(span[1], known.last) if known.last else span[1]
    if claim.since is not None:
        first = span[0]
    if claim.until is not None:
        last = span[1]
    days = max((last - first) / timedelta(days=1), 1.0)
    return {
        network
        for network, one in seen.items()
        if network not in found
        and one.votes >= FINE_SESSIONS
        and one.against <= FINE_SHARE * one.votes
        and one.days >= FINE_DAYS * days
    }


def _positive(
    claim: Claim,
    what: str,
    place: str,
    country: str,
    inside: Sequence[dict[str, Any]],
    found: dict[int, dict[str, Any]],
    fine: set[int],
    doubtful: set[int],
    asked: set[int],
    span: tuple[datetime, datetime],
    known: Known,
) -> tuple[str | None, str]:
    """`supported` or `partly` with its reason; null where no event bears the claim out."""
    if not found:
        return None, ""
    events = list({one["event_id"]: one for one in found.values()}.values())
    best = max(events, key=lambda one: (one["probability"], one["event_id"]))
    measured = len(found) + len(fine)
    slowed = all(one["kind"] == "throttling" for one in events)
    verb = "slowed" if slowed else "blocked"
    names = sorted({one["service"] for one in events})
    subject = (
        what
        if what not in ("anything", "social media")
        else ", ".join(service_name(one) for one in names[:6])
    )
    first = min((one["onset_best"] for one in events if one["onset_best"]), default=None)
    last = None if any(one["end_best"] is None for one in events) else max(one["end_best"] for one in events)
    course = f"began {when(first)}" if first else "began before the data"
    course += f", ended {when(last)}" if last else ", not seen to end"
    why = (
        f"{subject} was {verb} on {len(found)} of {measured} network{'' if measured == 1 else 's'} with enough measurements "
        f"in {place} {_span_words(span, claim)} ({course})."
    )
    listed = ", ".join(f"AS{one}" for one in sorted(found)[:8])
    why += f" On: {listed}{' …' if len(found) > 8 else ''}."
    pattern = _pattern(best)
    if pattern:
        why += f" {pattern}"
    verdict = "supported"
    if best["probability"] < SHOWN:
        verdict, why = (
            "partly",
            why + f" The probability is {best['probability']:.2f}: it is likely, not shown.",
        )
    if slowed and claim.restriction == "blocking":
        verdict, why = "partly", why + " It was slowed, not blocked."
    elif not slowed and claim.restriction == "throttling":
        verdict, why = "partly", why + " It was blocked, which is more than slowed."
    if claim.wide and not asked:
        if measured < FINE_NETWORKS:
            verdict, why = (
                "partly",
                why
                + f" Fewer than {FINE_NETWORKS} networks were measured enough to speak of the whole country.",
            )
        elif len(found) < WIDE_SHARE * measured:
            verdict, why = "partly", why + " That is not the whole country."
    if asked and fine & asked:
        missing = ", ".join(f"AS{one}" for one in sorted(fine & asked))
        verdict, why = "partly", why + f" It was found working on {missing}."
    if claim.social and len(names) < 2:
        verdict, why = "partly", why + " Of other social media nothing of the kind was found or measured."
    if claim.aspect == "throughout" and not _covers(events, found, span):
        verdict, why = "partly", why + " It did not last all that time."
    if claim.aspect == "began" and claim.since is not None:
        verdict, why = _began(verdict, why, events, claim)
    if claim.present and last is not None and known.last is not None:
        verdict, why = "partly", why + f" It had ended when the data end, {when(known.last)}."
    return verdict, why


def _pattern(event: dict[str, Any]) -> str:
    import json

    try:
        found = json.loads(event["recurrence"] or "null")
    except (TypeError, ValueError):
        return ""
    text = found.get("text") if isinstance(found, dict) else None
    return f"It kept to a pattern: {text}." if isinstance(text, str) and text else ""


def _covers(
    events: Sequence[dict[str, Any]], found: dict[int, dict[str, Any]], span: tuple[datetime, datetime]
) -> bool:
    for event in events:
        if event["recurrence"]:
            continue
        details = evidence.per_network(event)
        for network in found:
            first, last = evidence.interval(details.get(network, {}), event)
            held = (min(last, span[1]) - max(first, span[0])) / (span[1] - span[0])
            if held >= 0.9:
                return True
    return False


def _began(verdict: str, why: str, events: Sequence[dict[str, Any]], claim: Claim) -> tuple[str, str]:
    event = min(events, key=lambda one: one["onset_earliest"] or datetime.min.replace(tzinfo=UTC))
    if event["onset_best"] is None and event["onset_earliest"] is None:
        return "partly", why + " It was there before the data begin, so when it began is not measured."
    day = timedelta(days=1)
    first, last = evidence.window(claim)
    earliest = event["onset_earliest"] or event["onset_best"]
    latest = event["onset_latest"] or event["onset_best"]
    if latest < first - day:
        return "partly", why + " It began earlier than claimed."
    if earliest >= min(last, first + timedelta(days=400)) + day:
        return "partly", why + " It began later than claimed."
    return verdict, why


def _ended(
    claim: Claim,
    what: str,
    place: str,
    events: Sequence[dict[str, Any]],
    seen: dict[int, NetworkSeen],
    fine: set[int],
    span: tuple[datetime, datetime],
    proof: list[dict[str, Any]],
    limits: list[str],
) -> Answer:
    day = timedelta(days=1)
    for event in events:
        end = event["end_best"] or event["end_latest"]
        if end is None:
            continue
        earliest, latest = event["end_earliest"] or end, event["end_latest"] or end
        if earliest - day < span[1] and span[0] < latest + day:
            proof.append(_event_evidence(event, claim))
            exact = earliest < span[1] and span[0] < latest
            return Answer(
                claim,
                "supported" if exact else "partly",
                f"Blocking of {what} in {place} ended {when(end)} (between {when(earliest)} and {when(latest)})."
                + ("" if exact else " That is within a day of what is claimed."),
                tuple(proof),
                tuple(limits),
            )
    lasting = [
        one
        for one in events
        if evidence.overlaps(one, span) and any(s.against >= SEEN for s in seen.values())
    ]
    if lasting and span[1] < datetime(2190, 1, 1, tzinfo=UTC):
        after = [one for one in lasting if one["end_best"] is None or one["end_best"] > span[1] + day]
        if after:
            return Answer(
                claim,
                "contradicted",
                f"{what} was still found blocked in {place} at the end of that time.",
                tuple(proof),
                tuple(limits),
            )
    return Answer(
        claim,
        "not measured",
        f"No end of a blocking of {what} in {place} was seen near that time.",
        tuple(proof),
        tuple(limits),
    )


def _event_evidence(event: dict[str, Any], claim: Claim) -> dict[str, Any]:
    end = when(event["end_best"]) if event["end_best"] else "not seen to end"
    return {
        "kind": "event",
        "id": event["event_id"],
        "text": (
            f"{event['kind']} of {service_name(event['service'])} on {len(event['networks'])} networks, {len(event['networks_ok'])} fine: "
            f"{when(event['onset_best']) if event['onset_best'] else 'before the data'} to {end}, probability {event['probability']:.3f}, "
            f"{event['sessions_blocked']} of {event['sessions']} sessions"
        ),
        "against": list(event["against"] or ())[:6],
    }


def _network_evidence(
    one: NetworkSeen, found: bool, fine: bool, known: Known, country: str
) -> dict[str, Any]:
    name = known.networks.get((country, one.network), "")
    state = "blocked" if found else "working" if fine else "too little, or in doubt"
    return {
        "kind": "network",
        "id": f"AS{one.network}",
        "name": name,
        "state": state,
        "text": f"AS{one.network} {name}: {state}; {one.against:.0f} of {one.votes:.0f} sessions found it blocked, on {one.days} days",
    }


def _blocking_limits(
    seen: dict[int, NetworkSeen], found: dict[int, dict[str, Any]], fine: set[int], asked: set[int]
) -> list[str]:
    limits = []
    few = len(set(seen) - set(found) - fine)
    if few:
        limits.append(f"{few} network{'' if few == 1 else 's'} had too few measurements, or are in doubt.")
    if not asked:
        limits.append("Networks from which nobody measured are not known.")
    missing = sorted(asked - set(seen))
    if missing:
        limits.append(f"Nothing was measured on {', '.join(f'AS{one}' for one in missing)} in that time.")
    limits.append(
        "Volunteers measure when and where they can: what happened between two measurements is not seen."
    )
    return limits


# ---------------------------------------------------------------- shutdowns


def _shutdown(con: duckdb.DuckDBPyConnection, claim: Claim, country: str, known: Known) -> Answer:
    place = country_name(country) + (f" ({claim.region})" if claim.region else "")
    span = _open_end(known, claim)
    limits = _general_limits(claim, known)
    first, last = evidence.signal_range(con, country)
    every = evidence.outages(con, country)
    mine = [one for one in every if _concerns(one, claim)]
    if claim.aspect == "ended":
        return _restored(claim, place, mine, span, last, limits)
    inside = [one for one in mine if evidence.overlaps(one, span) and one["kind"] != "instrument"]
    # The regions of a national outage are a part of it; only what stands by itself, or was asked for, is listed.
    listed = [one for one in inside if not one["parent"] or (claim.region and one["region"] == claim.region)]
    proof = [_outage_evidence(one, last) for one in listed[:12]]
    limits += _signal_limits(first, last, span, claim, country_name(country))
    verdict, why = _shown(claim, place, inside, every, span, last)
    if verdict is None:
        verdict, why, more = _normal(con, claim, country, place, span, known, first, last)
        proof += more
    if claim.negated:
        verdict = {"supported": "contradicted", "contradicted": "supported"}.get(verdict, verdict)
        why = f"The claim is that it was not so. {why}"
    return Answer(claim, verdict, why, tuple(proof), tuple(limits))


def _concerns(row: dict[str, Any], claim: Claim) -> bool:
    if claim.region:
        return bool(row["region"] == claim.region or row["scope"] == "country")
    if claim.networks:
        return row["network"] in claim.networks or row["scope"] == "country"
    return True


def _shown(
    claim: Claim,
    place: str,
    inside: Sequence[dict[str, Any]],
    every: Sequence[dict[str, Any]],
    span: tuple[datetime, datetime],
    last: datetime | None,
) -> tuple[str | None, str]:
    order = {"shutdown": 0, "domestic_only": 1, "partial": 2, "disruption": 3}
    own = [
        one
        for one in inside
        if (claim.region and one["region"] == claim.region)
        or (claim.networks and one["network"] in claim.networks)
    ]
    national = [one for one in inside if one["scope"] == "country"]
    local = [one for one in inside if one["scope"] != "country"]
    best = min(
        own or national or local,
        key=lambda one: (order.get(one["kind"], 9), -one["probability"], one["outage_id"]),
        default=None,
    )
    if best is None:
        return None, ""
    part = best["scope"] != "country" and not own
    ended = (
        f"It ended {when(best['end_best'])}."
        if best["end_best"]
        else (f"The data end {when(last)}, before connectivity came back: its end is not measured.")
    )
    began = (
        f"began {when(best['onset_best'])} (between {when(best['onset_earliest'])} and {when(best['onset_latest'])})"
        if best["onset_best"]
        else "began before the data"
    )
    words = {
        "shutdown": "was cut off from the internet",
        "domestic_only": "was cut off from foreign sites while domestic ones answered",
        "partial": "lost a part of its connectivity",
        "disruption": "lost connectivity, in a way that nothing here tells from a power cut or a cut cable",
    }
    where = place if not part else f"{best['region'] or ('AS' + str(best['network']))} in {place}"
    why = f"{where} {words.get(best['kind'], 'lost connectivity')}: it {began}; {best['depth']:.0%} of the usual level was lost, in {best['regions']} of {best['regions_measured']} places. {ended}"
    verdict = "supported" if best["kind"] in ("shutdown", "domestic_only") else "partly"
    if part:
        count = len({(one["region"], one["network"]) for one in local})
        verdict, why = (
            "partly",
            why
            + f" That is {count} region{'' if count == 1 else 's'} or network{'' if count == 1 else 's'}, not the country.",
        )
    if best["probability"] < SHOWN:
        verdict, why = (
            "partly",
            why + f" The probability is {best['probability']:.2f}: it is likely, not shown.",
        )
    if claim.total and best["depth"] < 0.9:
        verdict, why = (
            "partly",
            why + f" It was not total: {1 - best['depth']:.0%} of the usual level was left.",
        )
    if claim.aspect == "began" and claim.since is not None:
        verdict, why = _began(verdict, why, [best], claim)
    if claim.present and best["end_best"]:
        verdict, why = "partly", why + f" It had ended when the data end, {when(last)}."
    if claim.aspect == "throughout" and claim.since is not None:
        end = best["end_best"] or last or span[1]
        held = (min(end, span[1]) - max(best["onset_best"] or span[0], span[0])) / (span[1] - span[0])
        if held < 0.9:
            verdict, why = "partly", why + " It was not there, or not measured, all that time."
    return verdict, why


def _normal(
    con: duckdb.DuckDBPyConnection,
    claim: Claim,
    country: str,
    place: str,
    span: tuple[datetime, datetime],
    known: Known,
    first: datetime | None,
    last: datetime | None,
) -> tuple[str, str, list[dict[str, Any]]]:
    """Whether signals or measurements show that there was connectivity; else that nothing is known."""
    proof: list[dict[str, Any]] = []
    words = _span_words(span, claim)
    bounded = claim.since is not None and claim.until is not None
    if not bounded and first is not None and last is not None:
        span = (max(span[0], first), min(span[1], last))
    partly_seen = False
    for level in evidence.levels(con, country, claim.region, span) if span[1] > span[0] else ():
        share = level.bins / level.wanted
        partly_seen = True
        proof.append(
            {
                "kind": "signal",
                "id": level.signal,
                "text": f"{level.signal}: values for {share:.0%} of the time; the lowest was {level.lowest:.0%} of the usual, {when(level.lowest_at)}",
            }
        )
        if share >= COVERED and level.lowest >= NORMAL:
            return (
                "contradicted",
                (
                    f"Connectivity of {place} was normal {words}: {level.signal} has values for {min(share, 1):.0%} of "
                    f"the time and never fell below {level.lowest:.0%} of the usual level."
                ),
                proof,
            )
    if bounded and not claim.region and not claim.networks:
        fewest, stretches = evidence.quietest(con, country, span, STRETCH_HOURS // 2)
        if fewest:
            proof.append(
                {
                    "kind": "measurements",
                    "text": f"in every {STRETCH_HOURS // 2} hours of that time, {fewest} or more networks in {country_name(country)} had a successful measurement",
                }
            )
        if stretches and fewest >= STRETCH_NETWORKS:
            return (
                "contradicted",
                (
                    f"A blackout of {STRETCH_HOURS} hours or more in {place} would have shown: in every {STRETCH_HOURS // 2} "
                    f"hours {words}, volunteers on {fewest} or more networks measured successfully."
                ),
                proof,
            )
    if partly_seen:
        return (
            "not measured",
            f"No shutdown of {place} was found {words}, but the signals do not show normal connectivity for all that time either.",
            proof,
        )
    if any(one["kind"] == "measurements" for one in proof):
        return (
            "not measured",
            f"There is no signal of connectivity of {place} {words}, and measurements from inside are too few to say that it was there all the time.",
            proof,
        )
    return (
        "not measured",
        f"There is no signal of connectivity of {place} {words}: that says nothing for or against.",
        proof,
    )


def _restored(
    claim: Claim,
    place: str,
    mine: Sequence[dict[str, Any]],
    span: tuple[datetime, datetime],
    last: datetime | None,
    limits: list[str],
) -> Answer:
    day = timedelta(days=1)
    for one in mine:
        end = one["end_best"]
        if (
            one["scope"] == "country"
            and end is not None
            and (one["end_earliest"] or end) - day < span[1]
            and span[0] < (one["end_latest"] or end) + day
        ):
            return Answer(
                claim,
                "supported",
                f"Connectivity of {place} came back {when(end)}.",
                (_outage_evidence(one, last),),
                tuple(limits),
            )
    lasting = [one for one in mine if one["scope"] == "country" and one["end_best"] is None]
    if lasting and last is not None:
        one = lasting[0]
        if last >= span[1] and (one["onset_best"] or span[0]) < span[1]:
            return Answer(
                claim,
                "contradicted",
                f"Connectivity of {place} had not come back by {when(last)}, when the data end.",
                (_outage_evidence(one, last),),
                tuple(limits),
            )
        return Answer(
            claim,
            "not measured",
            f"The data end {when(last)}, before connectivity of {place} came back.",
            (_outage_evidence(one, last),),
            tuple(limits),
        )
    return Answer(
        claim,
        "not measured",
        f"No shutdown of {place} whose end could be seen is in the data.",
        (),
        tuple(limits),
    )


def _outage_evidence(row: dict[str, Any], last: datetime | None) -> dict[str, Any]:
    where = row["region"] or (f"AS{row['network']}" if row["network"] else "whole country")
    end = when(row["end_best"]) if row["end_best"] else f"not seen to end (data to {when(last)})"
    return {
        "kind": "outage",
        "id": row["outage_id"],
        "text": f"{row['kind']}, {where}: {when(row['onset_best'])} to {end}, depth {row['depth']:.0%}, probability {row['probability']:.2f}; {', '.join(row['signals'])}",
        "against": list(row["against"] or ())[:6],
    }


def _signal_limits(
    first: datetime | None, last: datetime | None, span: tuple[datetime, datetime], claim: Claim, place: str
) -> list[str]:
    if first is None or last is None:
        return [f"There are no signals of connectivity of {place} in these data."]
    limits = [f"Signals of {place} cover {when(first)} to {when(last)}."]
    if claim.since is not None and span[0] < first:
        limits.append("The time that is claimed begins before them.")
    if claim.until is not None and span[1] > last:
        limits.append("The time that is claimed goes on after them.")
    limits.append(
        "Connectivity alone does not tell an ordered cut from a failure of power or of a shared path."
    )
    return limits
