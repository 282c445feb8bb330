"""Exports that other tools read: Tor's circumvention settings, and a table for helpdesks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from wallwatch.routes.catalogue import BY_ID

#: Bridge types that every Tor Browser carries; nothing else is ever exported.
BUILT_IN: Final = ("obfs4", "snowflake", "meek")

#: Below this share that is exceeded with probability 0.8, a transport is not proposed.
WORTH_TRYING: Final = 0.3

_COLUMNS: Final = (
    "country",
    "network",
    "network_name",
    "kind",
    "place",
    "way",
    "works",
    "works_at_least",
    "works_at_most",
    "evidence",
    "trend",
    "last_worked",
    "ready_after_seconds",
    "sessions_at_least",
    "as_of",
)


def tor_map(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Tor's circumvention map: country to bridge settings, in the order in which to try them.

    Only built-in bridges by type, only where the evidence for the whole country is good or fair, and only what is
    worth trying. A type that several ways use (Snowflake's rendezvous) stands by its best. A country about which
    nothing can be said is not in it.

    Args:
        rows: Rows of the table `routes`.

    Returns:
        Lower-case country code to `{"settings": [{"bridges": {"type": …, "source": "builtin"}}]}`, sorted by code
        (Tor's rdsys, `/moat/circumvention/map`).
    """
    best: dict[str, dict[str, float]] = {}
    for row in rows:
        bridge = BY_ID[row["route"]].bridge
        if row["network"] is not None or bridge not in BUILT_IN or row["grade"] not in ("good", "fair"):
            continue
        if row["score"] is None or row["score"] < WORTH_TRYING:
            continue
        country = best.setdefault(row["country"].lower(), {})
        country[bridge] = max(country.get(bridge, 0.0), round(row["score"], 6))
    return {
        country: {
            "settings": [
                {"bridges": {"type": bridge, "source": "builtin"}}
                for bridge, _ in sorted(found.items(), key=lambda item: (-item[1], BUILT_IN.index(item[0])))
            ]
        }
        for country, found in sorted(best.items())
    }


def helpdesk(rows: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """A table for a helpdesk: the heading, and a line for each way, best first, by country and network.

    Args:
        rows: Rows of the table `routes`.
    """
    told = [row for row in rows if row["grade"] != "insufficient"]
    told.sort(
        key=lambda row: (row["country"], row["network"] or 0, BY_ID[row["route"]].kind, row["rank"] or 0)
    )
    return _COLUMNS, [
        (
            row["country"],
            row["network"],
            row["network_name"],
            BY_ID[row["route"]].kind,
            row["rank"],
            BY_ID[row["route"]].name,
            round(row["rate"], 2),
            round(row["rate_low"], 2),
            round(row["rate_high"], 2),
            row["grade"],
            row["trend"],
            row["last_success"].date().isoformat() if row["last_success"] else "never",
            None if row["start_seconds"] is None else round(row["start_seconds"]),
            row["sessions_at_least"],
            row["as_of"].date().isoformat(),
        )
        for row in told
    ]
