"""Answers as people and machines read them: text, JSON, and schema.org's ClaimReview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wallwatch import __version__
from wallwatch.record.claims import ASPECTS, Claim
from wallwatch.record.countries import name as country_name
from wallwatch.record.outcome import FLOOR, VERDICTS, Answer
from wallwatch.schema.statement_fields import fields
from wallwatch.schema.statements import write_date


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim, whose it is, and the answer.

    Attributes:
        answer: The answer.
        statement: The statement that makes the claim; null for one that was typed in.
        confirmed: Whether that statement is confirmed.
    """

    answer: Answer
    statement: Mapping[str, Any] | None = None
    confirmed: bool = False


def understood(claim: Claim) -> dict[str, Any]:
    """How a claim was understood, as a plain object."""
    return {
        "restriction": claim.restriction or None,
        "countries": list(claim.countries),
        "targets": list(claim.targets) or (["social media"] if claim.social else []),
        "networks": list(claim.networks),
        "network_names": list(claim.network_words),
        "region": claim.region or None,
        "since": write_date(claim.since, "minute") or None,
        "until": write_date(claim.until, "minute") or None,
        "says": ASPECTS[claim.aspect],
        "whole_country": claim.wide,
        "denies": claim.negated,
    }


def as_record(checked: Checked) -> dict[str, Any]:
    """The answer as a plain object."""
    answer = checked.answer
    statement = checked.statement
    return {
        "claim": answer.claim.text,
        "statement": None
        if statement is None
        else {
            **fields(statement),
            "confirmed": checked.confirmed,
            "confirmed_at": fields(statement).get("confirmed"),
        },
        "understood": understood(answer.claim),
        "verdict": answer.verdict,
        "meaning": VERDICTS[answer.verdict],
        "because": answer.because,
        "evidence": list(answer.evidence),
        "cannot_say": list(answer.limits),
        "floor": list(FLOOR),
        "parts": [
            {"understood": understood(one.claim), "verdict": one.verdict, "because": one.because}
            for one in answer.parts
        ],
    }


def in_words(checked: Checked) -> list[str]:
    """The answer in lines for people."""
    answer, claim = checked.answer, checked.answer.claim
    lines = []
    if checked.statement is not None:
        row = checked.statement
        said = fields(row).get("date") or "date unknown"
        state = "" if checked.confirmed else "; not confirmed by a person"
        lines.append(f"{row['statement_id']}: {row['speaker']}, {said}{state}")
    if claim.text:
        lines.append(f"claim: {claim.text}")
    if not claim.problem:
        lines.append(f"understood as: {_understood_words(claim)}")
    lines += [f"answer: {answer.verdict.upper()} – {VERDICTS[answer.verdict]}", f"  {answer.because}"]
    if answer.evidence:
        lines.append("evidence:")
        shown = [one for one in answer.evidence if one["kind"] != "network"]
        networks = [one for one in answer.evidence if one["kind"] == "network"]
        for one in [*shown, *networks[:12]]:
            id_ = f"{one['id']}: " if one.get("id") and one["kind"] in ("event", "outage") else ""
            lines.append(f"  - {id_}{one['text']}")
            lines += [f"      against: {text}" for text in one.get("against", ())[:3]]
        if len(networks) > 12:
            lines.append(f"  … and {len(networks) - 12} more networks; --format json has all")
    if answer.limits:
        lines.append("what the data cannot say:")
        lines += [f"  - {one}" for one in answer.limits]
    if answer.verdict in ("contradicted", "not measured"):
        lines.append("what a contradiction takes:")
        lines += [f"  - {one}" for one in FLOOR]
    return lines


def _understood_words(claim: Claim) -> str:
    what = {"shutdown": "a shutdown", "blocking": "blocking", "throttling": "slowing"}[claim.restriction]
    of = " of " + ", ".join(claim.targets) if claim.targets else (" of social media" if claim.social else "")
    where = ", ".join(country_name(code) for code in claim.countries)
    parts = [f"{'no ' if claim.negated else ''}{what}{of} in {where}"]
    if claim.region:
        parts.append(f"region {claim.region}")
    if claim.networks:
        parts.append("on " + ", ".join(f"AS{one}" for one in claim.networks))
    if claim.wide:
        parts.append("the whole country")
    if claim.since or claim.until:
        parts.append(
            f"{write_date(claim.since, 'minute') or '…'} to {write_date(claim.until, 'minute') or '…'}"
        )
    parts.append(ASPECTS[claim.aspect])
    return "; ".join(parts)


def claim_review(
    checked: Checked, *, reviewer: str = "", url: str = "", reviewed: str = ""
) -> dict[str, Any]:
    """The answer as a schema.org ClaimReview (JSON-LD).

    The rating has words and no number: these answers are no scale from false to true.

    Args:
        checked: The claim and its answer.
        reviewer: Who publishes the review.
        url: Where it is published.
        reviewed: The day of the review.
    """
    answer, statement = checked.answer, checked.statement
    item: dict[str, Any] = {"@type": "Claim", "text": answer.claim.text}
    if statement is not None:
        text = fields(statement)
        sort = "Organization" if statement["kind"] in ("press report", "company notice") else "Person"
        item["author"] = {"@type": sort, "name": statement["speaker"]}
        if statement.get("role") and sort == "Person":
            item["author"]["jobTitle"] = statement["role"]
        if text.get("date") and statement["said_precision"] in ("day", "hour", "minute", "month", "year"):
            item["datePublished"] = text["date"]
        if statement.get("url"):
            item["appearance"] = {"@type": "CreativeWork", "url": statement["fragment"] or statement["url"]}
    review: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "ClaimReview",
        "claimReviewed": answer.claim.text or _understood_words(answer.claim),
        "itemReviewed": item,
        "author": {"@type": "Organization", "name": reviewer}
        if reviewer
        else {"@type": "SoftwareApplication", "name": f"Wallwatch {__version__}"},
        "reviewRating": {
            "@type": "Rating",
            "alternateName": answer.verdict,
            "ratingExplanation": answer.because,
        },
        "reviewBody": " ".join([answer.because, *answer.limits]),
        "isBasedOn": [
            {"@type": "Dataset", "identifier": one["id"], "name": one["text"]}
            for one in answer.evidence
            if one.get("id")
        ][:50],
    }
    if url:
        review["url"] = url
    if reviewed:
        review["datePublished"] = reviewed
    return review


def written(checked: Sequence[Checked], form: str, **review: str) -> Any:
    """All answers as one object for JSON: a single one as itself, several as a list.

    Args:
        checked: The answers.
        form: `json` or `claimreview`.
        review: For `claimreview`: as `claim_review` takes them.
    """
    listed = [claim_review(one, **review) if form == "claimreview" else as_record(one) for one in checked]
    return listed[0] if len(listed) == 1 else listed
