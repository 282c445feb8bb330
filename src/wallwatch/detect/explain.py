"""The numbers behind an event: what was counted, why it is this sure, what was too little to say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import duckdb

from wallwatch.detect import calibration, levels, one_probe, smooth
from wallwatch.detect.episodes import LEAST_VOTES
from wallwatch.detect.forging import FORGED, UNFORGEABLE
from wallwatch.detect.restrictions import CLAIMED
from wallwatch.detect.timeline import timeline
from wallwatch.detect.votes import AGAINST


def explain(con: duckdb.DuckDBPyConnection, event_id: str, *, days: bool = True) -> dict[str, Any]:
    """What lies behind an event, for people and scripts.

    Args:
        con: Shows `events` and `verdicts`.
        event_id: The event's whole id.
        days: Whether the verdicts are read again, for `networks` and `rules`; else both are null.

    Returns:
        `why`: sentences that say why it is claimed; `against`: sentences that speak against it; `networks`: for each
        network its days, with measurements, votes and the greatest probability; `rules`: how many measurements each
        rule of the judge fired in; `insufficient`: networks measured too little; `model`: what the probability rests
        on.

    Raises:
        KeyError: There is no such event.
    """
    found = con.sql("SELECT * FROM events WHERE event_id = $id", params={"id": event_id}).to_arrow_table()
    if not found.num_rows:
        raise KeyError(f"no event {event_id}")
    event: dict[str, Any] = found.to_pylist()[0]
    details = json.loads(event["details"])
    return {
        "event_id": event_id,
        "why": _why(event, details),
        "against": event["against"],
        "networks": _days(con, event) if days else None,
        "rules": _rules(con, event) if days else None,
        "insufficient": event["networks_insufficient"],
        "model": {
            "levels": levels.LEVELS.tolist(),
            "restricted_from_level": levels.LEVELS[levels.NULL].item(),
            "correlation_of_votes_in_an_hour": levels.RHO,
            "onset_hazard_per_hour": smooth.ONSET,
            "end_hazard_per_hour": smooth.END,
            "raised_by_own_past": smooth.OWN_PAST,
            "raised_by_other_networks": smooth.OTHERS,
            "claimed_from_probability": CLAIMED,
            "claimed_from_votes": LEAST_VOTES,
            "share_that_could_be_forged": FORGED,
            "share_with_credentials": UNFORGEABLE,
            "chance_that_a_look_is_broken": one_probe.BROKEN,
            "calibration": {
                name: dict(zip(("constant", "per_log_ratio", "per_log_votes"), weights, strict=True))
                for name, weights in (
                    ("of_several_looks", calibration.SEVERAL),
                    ("of_one_look", calibration.ALIKE),
                )
            },
        },
    }


def _why(event: Mapping[str, Any], details: list[dict[str, Any]]) -> list[str]:
    if event["kind"] not in AGAINST:
        return list(event["against"])
    said = [
        (
            f"{event['sessions_blocked']:,} independent sessions on {len(event['networks'])} "
            f"{'network' if len(event['networks']) == 1 else 'networks'} found it blocked, "
            f"of {event['sessions']:,} that measured it there in that time"
        )
    ]
    for part in details:
        share = part["measurements_blocked"] / max(part["measurements"], 1)
        repeats = part["recurrence"]
        name = f"AS{part['network']}"
        if repeats:
            said.append(
                f"{name}: {repeats['rate_inside']:.0%} found it blocked inside a pattern ({repeats['text']}) seen on "
                f"{repeats['days']} days, {repeats['rate_outside']:.0%} outside it; probability {part['probability']:.3f}"
            )
        else:
            said.append(
                f"{name}: {part['measurements_blocked']:,} of {part['measurements']:,} measurements ({share:.0%}) between "
                f"{part['first_seen']} and {part['last_seen']} found it blocked; probability {part['probability']:.3f}"
            )
    if event["networks_ok"]:
        said.append(
            f"it works on {len(event['networks_ok'])} other networks of the country at the time: not the service's fault"
        )
    return said


def _days(con: duckdb.DuckDBPyConnection, event: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Network to its days within the event; of each target and day the layer that is surest."""
    con.register("detect_timeline", timeline(con, event))
    days = con.execute(
        """
        WITH daily AS (
          SELECT network, target, layer, strftime(hour AT TIME ZONE 'UTC', '%Y-%m-%d') AS day,
            sum(votes) AS votes, sum(votes_blocked) AS votes_blocked, sum(measurements) AS measurements,
            sum(blocked) AS blocked, max(probability) AS probability
          FROM detect_timeline WHERE list_contains($networks, network) AND hour >= $first AND hour < $last
          GROUP BY ALL
        )
        SELECT network, day, target, layer, round(votes, 2), round(votes_blocked, 2), measurements, blocked,
          round(probability, 4)
        FROM daily
        QUALIFY row_number() OVER (PARTITION BY network, day, target ORDER BY probability DESC, votes_blocked DESC,
          layer) = 1
        ORDER BY network, day, target
        """,
        {"networks": event["networks"], **_window(event)},
    ).fetchall()
    con.unregister("detect_timeline")
    found: dict[str, list[dict[str, Any]]] = {}
    keys = "day target layer votes votes_blocked measurements blocked probability".split()
    for network, *values in days:
        found.setdefault(str(network), []).append(
            {k: int(v) if k in ("measurements", "blocked") else v for k, v in zip(keys, values, strict=True)}
        )
    return found


def _window(event: Mapping[str, Any]) -> dict[str, str]:
    parts = json.loads(event["details"])
    first = min(
        (part["first_seen"] for part in parts if "first_seen" in part), default="1970-01-01T00:00:00Z"
    )
    last = max((part["last_seen"] for part in parts if "last_seen" in part), default="1970-01-01T00:00:00Z")
    return {"first": first, "last": last}


def _rules(con: duckdb.DuckDBPyConnection, event: Mapping[str, Any]) -> dict[str, int]:
    """Rule to measurements of the event in which it fired, most first."""
    fired = con.execute(
        """
        SELECT rule, count(DISTINCT measurement_id) AS seen FROM (
          SELECT measurement_id, unnest(rules) AS rule FROM verdicts
          WHERE len(flags) = 0 AND country = $country AND service = $service AND list_contains($networks, network)
            AND time >= $first AND time < $last
        ) GROUP BY rule ORDER BY seen DESC, rule
        """,
        {
            "country": event["country"],
            "service": event["service"],
            "networks": event["networks"],
            **_window(event),
        },
    ).fetchall()
    return dict(fired)
