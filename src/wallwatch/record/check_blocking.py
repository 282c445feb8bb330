"""Claims about blocking and slowing, held against events and cells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

from wallwatch.record import evidence
from wallwatch.record.claims import Claim, Known
from wallwatch.record.countries import name as country_name
from wallwatch.record.evidence import NetworkSeen
from wallwatch.record.outcome import (
    COVERED,
    FINE_DAYS,
    FINE_NETWORKS,
    FINE_SESSIONS,
    FINE_SHARE,
    SEEN,
    SHOWN,
    WIDE_SHARE,
    Answer,
    began,
    general_limits,
    open_end,
    span_words,
    when,
)
from wallwatch.record.services import shown as service_name


def blocking(
    con: duckdb.DuckDBPyConnection, claim: Claim, country: str, target: str | None, known: Known
) -> Answer:
    """The answer to a claim about blocking or slowing of one target in one country.

    Args:
        con: A connection with the workspace's views.
        claim: The claim.
        country: Code.
        target: A service or host; null for any.
        known: What the data name.
    """
    what = service_name(target) if target else ("social media" if claim.social else "anything")
    place = country_name(country)
    limits = general_limits(claim, known)
    if claim.unknown_networks and not claim.networks:
        names = ", ".join(claim.unknown_networks)
        return Answer(
            claim,
            "not measured",
            f"No network in the data from {place} is called {names}.",
            limits=tuple(limits),
        )
    span = open_end(known, claim)
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
    time = span_words(span, claim)
    if claim.aspect == "ended":
        return _ended(claim, what, place, events, seen, fine, span, proof, limits)
    if not seen and not inside:
        return Answer(
            claim,
            "not measured",
            f"There is no measurement of {what} {_where(claim, place, known, country)} {time}: that says nothing for or against.",
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
                f"{what} was found working on {len(fine)} network{'' if len(fine) == 1 else 's'} {_where(claim, place, known, country)} {time}, "
                "with enough measurements, and blocked on none."
            )
        else:
            few = len(seen) - len(fine)
            positive = "not measured"
            why = (
                f"No blocking of {what} was found {_where(claim, place, known, country)} {time}, but the measurements are too "
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
        f"in {place} {span_words(span, claim)} ({course})."
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
        verdict, why = began(verdict, why, events, claim)
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
