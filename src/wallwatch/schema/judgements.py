"""The judgement: verdicts of single measurements, and the hourly cells made of them."""

from __future__ import annotations

from wallwatch.schema.columns import Column, Table

VERDICTS = Table(
    "verdicts",
    "one measurement × host × layer, and one for the whole measurement (layer `all`)",
    (
        Column("measurement_id", "string", "the measurement", "", "observations", True),
        Column(
            "host",
            "string",
            "the host that the row is about: in a redirect chain each has its own; for layer `all` the host that decided",
            "",
            "judge",
        ),
        Column(
            "layer",
            "label",
            "`dns`, `tcp`, `tls`, `quic`, `http`, `part` (of a service or tool: `telegram.app`, `tor.obfs4`; named in "
            "`host`), `service` (its own rule), or `all`",
            "",
            "judge",
            True,
        ),
        Column(
            "state",
            "label",
            "`blocked`, `likely_blocked`, `impaired`, `down`, `ok` or `insufficient`",
            "",
            "judge",
            True,
        ),
        Column(
            "mechanisms",
            "list<string>",
            "deepest mechanism paths that the evidence supports; empty unless something is wrong",
            "",
            "rules",
            True,
        ),
        Column(
            "locus",
            "label",
            "where the cause lies: `network`, `resolver`, `server_side`, `unknown`",
            "",
            "rules",
            True,
        ),
        Column("rules", "list<string>", "every rule that fired, sorted", "rule id", "rules", True),
        Column(
            "evidence",
            "label",
            "strongest kind of evidence among the rules that decided: `artefact`, `control`, `peers`, `pattern`, `none`",
            "",
            "rules",
            True,
        ),
        Column(
            "against",
            "list<string>",
            "rules that fired and speak against the state",
            "rule id",
            "rules",
            True,
        ),
        Column(
            "flags",
            "list<string>",
            "doubts about the measurement itself (`probe_offline`, `instrument`, `local_filter`, `captive_portal`, `resolver_silent`, `clock_wrong`, `implausible`, `geolocation_doubtful`, `time_…`): flagged rows stay out of cells",
            "",
            "judge",
            True,
        ),
        Column("time", "timestamp", "when the measurement started", "UTC", "observations"),
        Column("country", "label", "country of the vantage point", "ISO 3166-1 alpha-2", "observations"),
        Column("network", "int64", "network of the vantage point", "ASN", "observations"),
        Column("network_name", "label", "its name", "", "observations"),
        Column("resolver_network", "int64", "network of the system's resolver", "ASN", "observations"),
        Column("nettest", "label", "the test", "", "observations", True),
        Column("software", "label", "the probe's software and version", "", "observations"),
        Column("session", "string", "the independent session", "", "observations", True),
        Column("probe_id", "string", "the probe's credential", "", "observations"),
        Column("input", "string", "what the test was asked to measure", "", "observations"),
        Column("target", "string", "what was measured", "", "observations", True),
        Column(
            "service",
            "label",
            "the service that the target belongs to (`telegram` for t.me), or the target's registrable name",
            "",
            "services data",
            True,
        ),
        Column("received", "timestamp", "when the collector received it", "UTC", "measurements"),
        Column("file_id", "label", "the file that it was read from", "", "observations", True),
        Column("line", "int64", "the line in that file", "from 1", "observations", True),
        Column("rule_set", "label", "version of the rules", "first 12 hex digits of SHA-256", "judge", True),
        Column(
            "reference_set",
            "label",
            "version of the reference data",
            "first 12 hex digits of SHA-256",
            "judge",
            True,
        ),
    ),
    ("measurement_id", "layer", "host"),
)

CELLS = Table(
    "cells",
    "one target × network × layer × hour",
    (
        Column("country", "label", "country of the vantage points", "ISO 3166-1 alpha-2", "verdicts", True),
        Column("network", "int64", "network of the vantage points", "ASN", "verdicts", True),
        Column("service", "label", "the service that the target belongs to", "", "verdicts", True),
        Column("target", "string", "what was measured", "", "verdicts", True),
        Column(
            "layer", "label", "the layer, `service`, or `all` for the whole measurement", "", "verdicts", True
        ),
        Column(
            "resolver_network", "int64", "network of the resolver, for layer `dns` only", "ASN", "verdicts"
        ),
        Column(
            "hour",
            "timestamp",
            "start of the hour in which the measurements started",
            "UTC",
            "verdicts",
            True,
        ),
        Column("blocked", "int32", "measurements found `blocked`", "", "verdicts", True),
        Column("likely_blocked", "int32", "measurements found `likely_blocked`", "", "verdicts", True),
        Column("impaired", "int32", "measurements found `impaired`", "", "verdicts", True),
        Column("down", "int32", "measurements found `down`", "", "verdicts", True),
        Column("ok", "int32", "measurements found `ok`", "", "verdicts", True),
        Column("insufficient", "int32", "measurements with too little evidence", "", "verdicts", True),
        Column(
            "sessions",
            "int32",
            "distinct sessions that said `blocked`, `likely_blocked`, `impaired`, `down` or `ok`",
            "",
            "verdicts",
            True,
        ),
        Column(
            "votes",
            "double",
            "independent votes: each such session has one, shared among its states",
            "sessions",
            "cells",
            True,
        ),
        Column(
            "votes_blocked",
            "double",
            "the part of the votes that says `blocked` or `likely_blocked`",
            "sessions",
            "cells",
            True,
        ),
        Column(
            "votes_artefact", "double", "the part of the votes that says `blocked`", "sessions", "cells", True
        ),
        Column("credentialed", "int32", "distinct probes with a credential", "", "verdicts", True),
        Column("mechanisms", "list<string>", "mechanisms seen, most frequent first", "", "verdicts", True),
        Column(
            "rule_counts",
            "string",
            "how many measurements each rule fired in",
            "JSON object, keys sorted",
            "verdicts",
            True,
        ),
        Column(
            "lag_seconds", "double", "median time from start to arrival; null where unknown", "s", "verdicts"
        ),
    ),
    ("country", "service", "target", "network", "layer", "resolver_network", "hour"),
)
