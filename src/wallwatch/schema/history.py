"""History: restrictions as events, signals and the outages found in them, statements."""

from __future__ import annotations

from wallwatch.schema.columns import Column, Table, columns


def _interval(name: str, what: str) -> tuple[Column, Column, Column]:
    null = "; null while it lasts" if name == "end" else "; null where it began before the data"
    return (
        Column(f"{name}_best", "timestamp", f"best guess of when it {what}{null}", "UTC", "detector"),
        Column(
            f"{name}_earliest",
            "timestamp",
            "start of the interval that holds it with probability 0.9",
            "UTC",
            "detector",
        ),
        Column(f"{name}_latest", "timestamp", "end of that interval", "UTC", "detector"),
    )


EVENTS = Table(
    "events",
    "one real-world restriction",
    columns(
        (
            Column("event_id", "string", "its id, stable while the event is extended", "", "detector", True),
            Column(
                "kind",
                "label",
                "`blocking`, `throttling`, `service_outage` or `instrument`",
                "",
                "detector",
                True,
            ),
            Column("country", "label", "the country", "ISO 3166-1 alpha-2", "cells", True),
            Column("service", "label", "the service or site", "", "cells", True),
            Column("networks", "list<int64>", "networks on which it was found", "ASN", "cells", True),
            Column(
                "networks_ok",
                "list<int64>",
                "networks that were measured enough at the time and found fine",
                "ASN",
                "cells",
                True,
            ),
            Column(
                "networks_insufficient",
                "list<int64>",
                "networks that were measured at the time, too little to say",
                "ASN",
                "cells",
                True,
            ),
            Column("targets", "list<string>", "the targets", "", "cells", True),
            Column("layers", "list<string>", "the layers", "", "cells", True),
            Column(
                "mechanisms", "list<string>", "mechanism paths, most frequent first", "", "verdicts", True
            ),
        ),
        _interval("onset", "began"),
        _interval("end", "ended"),
        (
            Column(
                "recurrence",
                "string",
                "its pattern in time: object with `text`, `hours_utc`, `weekdays`, `days`; null where it has none",
                "JSON",
                "detector",
            ),
            Column(
                "probability", "double", "probability that this is a restriction", "0–1", "detector", True
            ),
            Column(
                "measurements",
                "int64",
                "measurements made of the targets on the networks during the event",
                "",
                "cells",
                True,
            ),
            Column(
                "measurements_blocked",
                "int64",
                "of these, found `blocked` or `likely_blocked`",
                "",
                "cells",
                True,
            ),
            Column("sessions", "int64", "independent sessions among all of them", "", "verdicts", True),
            Column(
                "sessions_blocked",
                "int64",
                "independent sessions that found it blocked",
                "",
                "verdicts",
                True,
            ),
            Column(
                "witnesses",
                "list<string>",
                "ids of measurements that witness it, at most 200, spread over networks and days",
                "",
                "verdicts",
                True,
            ),
            Column("against", "list<string>", "what speaks against it, in sentences", "", "detector", True),
            Column(
                "details",
                "string",
                "per network: name, layers, mechanisms, onset, end, recurrence, probability, counts",
                "JSON array",
                "detector",
                True,
            ),
        ),
    ),
    ("country", "service", "onset_earliest", "event_id"),
)

DOUBTS = Table(
    "doubts",
    "one service on one network whose sessions contradict each other as forged ones would: no event was made of it",
    (
        Column("kind", "label", "`blocking` or `throttling`: what it would be", "", "detector", True),
        Column("country", "label", "the country", "ISO 3166-1 alpha-2", "cells", True),
        Column("network", "int64", "the network", "ASN", "cells", True),
        Column("service", "label", "the service or site", "", "cells", True),
        Column("target", "label", "the target that has most votes against it", "", "cells", True),
        Column("layer", "label", "the layer that has most votes against it", "", "cells", True),
        Column("first_seen", "timestamp", "first hour that may be forged", "UTC", "detector", True),
        Column("last_seen", "timestamp", "end of the last such hour", "UTC", "detector", True),
        Column("votes", "double", "independent votes in that time", "", "detector", True),
        Column("votes_blocked", "double", "of these, against the target", "", "detector", True),
        Column(
            "share_beside",
            "double",
            "share of votes against the target at all other times",
            "0–1",
            "detector",
            True,
        ),
        Column(
            "probability",
            "double",
            "what the probability of a restriction would be if nothing were forged",
            "0–1",
            "detector",
            True,
        ),
        Column(
            "reason",
            "label",
            "why no event was made: `share` (so many can be forged), `around` (it fails shortly before, shortly after "
            "or at other times, too), `pace` (as many an hour find it blocked, however many others measure); in older "
            "tables `uneven` (some kinds of probe always find it blocked, others never)",
            "",
            "detector",
            True,
        ),
    ),
    ("country", "service", "network", "first_seen", "kind"),
)

SIGNALS = Table(
    "signals",
    "one region × source × time",
    (
        Column("file_id", "label", "the file that it was read from", "", "archive", True),
        Column("line", "int64", "the line, or the position in the series", "from 1", "reader", True),
        Column(
            "signal",
            "label",
            "the series' source: `monash.connectivity`, `ioda.bgp`, `ioda.ping-slash24`, `tor.users.relay` …",
            "",
            "reader",
            True,
        ),
        Column("country", "label", "the country", "ISO 3166-1 alpha-2", "reader"),
        Column(
            "region", "string", "the region by the source's name; null for the whole country", "", "reader"
        ),
        Column("place", "string", "a place within the region, where the source has one", "", "reader"),
        Column("network", "int64", "the network, for a series about one", "ASN", "reader"),
        Column("time", "timestamp", "start of the bin", "UTC", "reader", True),
        Column("step_seconds", "int64", "length of the bin", "s", "reader", True),
        Column(
            "value",
            "double",
            "the value; null where the source gives the bin without one",
            "as `unit`",
            "reader",
        ),
        Column(
            "unit",
            "label",
            "`index_100` (100 is normal), `index_10`, `latency_100`, `count`, `share`, `users`",
            "",
            "reader",
            True,
        ),
        Column("quality", "label", "the source's own quality flag", "", "reader"),
    ),
    ("signal", "country", "region", "place", "network", "time", "file_id", "line"),
)

OUTAGES = Table(
    "outages",
    "one loss of connectivity of a country, a region or a network",
    columns(
        (
            Column(
                "outage_id", "string", "its id, stable while the outage is extended", "", "detector", True
            ),
            Column(
                "kind",
                "label",
                "`shutdown`, `partial`, `domestic_only`, `disruption` or `instrument`",
                "",
                "detector",
                True,
            ),
            Column("scope", "label", "`country`, `region` or `network`", "", "detector", True),
            Column("country", "label", "the country", "ISO 3166-1 alpha-2", "signals", True),
            Column(
                "region",
                "string",
                "the region by the source's name; null for the whole country",
                "",
                "signals",
            ),
            Column("network", "int64", "the network, where it is about one", "ASN", "signals"),
            Column("parent", "string", "id of the national outage that it is part of", "", "detector"),
        ),
        _interval("onset", "began"),
        _interval("end", "ended"),
        (
            Column(
                "depth",
                "double",
                "share of the normal level that was lost, at the lowest sustained level",
                "0–1",
                "detector",
                True,
            ),
            Column(
                "plateau",
                "double",
                "share of the normal level that was left at the end of the data or outage",
                "0–1",
                "detector",
            ),
            Column("signals", "list<string>", "the signals that show it", "", "signals", True),
            Column("regions", "int64", "regions or places affected", "", "detector", True),
            Column(
                "regions_measured", "int64", "regions or places with data at the time", "", "detector", True
            ),
            Column("recurrence", "string", "its pattern in time, as for events", "JSON", "detector"),
            Column(
                "probability", "double", "probability that connectivity was lost", "0–1", "detector", True
            ),
            Column("rule", "label", "the line of the table that decided the kind", "", "detector"),
            Column("reasons", "list<string>", "why this kind, in sentences", "", "detector", True),
            Column("against", "list<string>", "what speaks against it, in sentences", "", "detector", True),
        ),
    ),
    ("country", "scope", "region", "network", "onset_earliest", "outage_id"),
)

STATEMENTS = Table(
    "statements",
    "one act or utterance: what somebody said, which is their statement until measured",
    (
        Column("statement_id", "string", "its id", "", "record", True),
        Column("speaker", "string", "who said it: a person, a body or an outlet", "", "document", True),
        Column("role", "string", "in which role they spoke", "", "document"),
        Column(
            "kind",
            "label",
            "law, bill, order, official statement, press report, company notice, timetable, civil-society report, "
            "statement; a table made by hand may have others",
            "",
            "document",
            True,
        ),
        Column("said", "timestamp", "when it was said", "UTC", "document"),
        Column(
            "said_precision",
            "label",
            "`minute`, `hour`, `day`, `week`, `month`, `season`, `year` or `unknown`",
            "",
            "document",
            True,
        ),
        Column("published_in", "string", "where published", "", "document"),
        Column("document_sha256", "string", "the stored copy", "hex", "record"),
        Column("quotation", "string", "the exact words", "", "document", True),
        Column("start", "int64", "place of the first character in the stored text", "characters", "record"),
        Column("end", "int64", "place after the last character", "characters", "record"),
        Column("country", "label", "what country it is about", "ISO 3166-1 alpha-2", "document"),
        Column("subject", "string", "what restriction it is about", "", "document"),
        Column("collected", "timestamp", "when it was collected", "UTC", "record"),
        Column("collected_by", "string", "who collected it", "", "record"),
        Column("file_id", "label", "the file that it was read from", "", "archive", True),
        Column("line", "int64", "the line in that file", "from 1", "reader", True),
        Column("direct", "bool", "whether the quotation is the speaker's own words", "", "document"),
        Column("dated_how", "string", "what the date was read from", "", "record"),
        Column("language", "label", "language of the quotation", "BCP 47", "record"),
        Column(
            "translation", "string", "the quotation in English, where it is in another language", "", "record"
        ),
        Column("restriction", "label", "`shutdown`, `blocking` or `throttling`", "", "record"),
        Column("targets", "list<string>", "the sites or services that it is about", "", "record"),
        Column("networks", "list<int64>", "the networks that it is about", "ASN", "record"),
        Column("about_since", "timestamp", "first moment of the time that it is about", "UTC", "record"),
        Column("about_until", "timestamp", "first moment after that time", "UTC", "record"),
        Column("windows", "string", "the windows of a published calendar: pairs of times", "JSON", "record"),
        Column("url", "string", "where the document was published", "", "record"),
        Column(
            "fragment", "string", "text fragment that leads to the quotation in the page", "URL", "record"
        ),
        Column("collected_how", "string", "how the document was collected", "", "record"),
        Column("corrects", "string", "id of the earlier statement that this one corrects", "", "record"),
        Column("confirmed_by", "string", "the person who confirmed it against the document", "", "record"),
        Column("confirmed", "timestamp", "when they did", "UTC", "record"),
    ),
    ("statement_id", "file_id", "line"),
)
