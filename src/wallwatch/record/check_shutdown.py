"""Claims about shutdowns, held against outages, signals, and measurements from inside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import duckdb

from wallwatch.record import evidence
from wallwatch.record.claims import Claim, Known
from wallwatch.record.countries import name as country_name
from wallwatch.record.outcome import (
    COVERED,
    NORMAL,
    SHOWN,
    STRETCH_HOURS,
    STRETCH_NETWORKS,
    Answer,
    began,
    general_limits,
    open_end,
    span_words,
    when,
)


def shutdown(con: duckdb.DuckDBPyConnection, claim: Claim, country: str, known: Known) -> Answer:
    """The answer to a claim about a shutdown of one country, or of a region or network in it.

    Args:
        con: A connection with the workspace's views.
        claim: The claim.
        country: Code.
        known: What the data name.
    """
    place = country_name(country) + (f" ({claim.region})" if claim.region else "")
    span = open_end(known, claim)
    limits = general_limits(claim, known)
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
    onset = (
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
    why = f"{where} {words.get(best['kind'], 'lost connectivity')}: it {onset}; {best['depth']:.0%} of the usual level was lost, in {best['regions']} of {best['regions_measured']} places. {ended}"
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
        verdict, why = began(verdict, why, [best], claim)
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
    words = span_words(span, claim)
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
