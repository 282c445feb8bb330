"""What still works: one row for each country or network and way to get through."""

from __future__ import annotations

from wallwatch.schema.columns import Column, Table

ROUTES = Table(
    "routes",
    "one way to get through (a circumvention transport, a messaging service, an encrypted resolver) in a country or network",
    (
        Column("country", "label", "the country", "ISO 3166-1 alpha-2", "measurements", True),
        Column("network", "int64", "the network; null for the country as a whole", "ASN", "measurements"),
        Column("network_name", "label", "its name", "", "measurements"),
        Column(
            "route",
            "label",
            "the way's id, public and append-only: `tor.obfs4`, `whatsapp`",
            "",
            "routes",
            True,
        ),
        Column(
            "route_kind",
            "label",
            "`circumvention`, `messaging`, `resolver` or `protocol`",
            "",
            "routes",
            True,
        ),
        Column(
            "grade",
            "label",
            "how good the evidence is: `good`, `fair`, `weak`, or `insufficient`: then nothing is said",
            "",
            "routes",
            True,
        ),
        Column("rate", "double", "estimated share of tries that work now", "0–1", "routes"),
        Column(
            "rate_low", "double", "start of the interval that holds it with probability 0.9", "0–1", "routes"
        ),
        Column("rate_high", "double", "end of that interval", "0–1", "routes"),
        Column(
            "score",
            "double",
            "what the order goes by: the share that is exceeded with probability 0.8, at the time of the last data",
            "0–1",
            "routes",
        ),
        Column(
            "rank", "int32", "place among the circumvention (or other) ways, best first", "from 1", "routes"
        ),
        Column("rate_week_ago", "double", "what would have been said a week before", "0–1", "routes"),
        Column(
            "trend",
            "label",
            "`better`, `worse` or `steady` against a week ago; `new` where nothing could be said then",
            "",
            "routes",
        ),
        Column(
            "start_seconds",
            "double",
            "median time until it was ready, where the test measures it; null under the floor",
            "s",
            "routes",
        ),
        Column(
            "last_success", "timestamp", "the last day on which it worked", "UTC, start of the day", "routes"
        ),
        Column(
            "sessions_at_least",
            "int32",
            "independent sessions of the last four weeks, rounded down so that no single user shows: 5, 10, 20, 50 …",
            "",
            "routes",
        ),
        Column(
            "networks",
            "int32",
            "for a country: networks that have enough evidence of their own; null for a network",
            "",
            "routes",
        ),
        Column("networks_working", "int32", "of these, networks where it mostly works", "", "routes"),
        Column("as_of", "timestamp", "the moment of which it is said: the last data", "UTC", "routes", True),
        Column("reasons", "list<string>", "what the estimate rests on, in sentences", "", "routes", True),
    ),
    ("country", "network", "route"),
)
