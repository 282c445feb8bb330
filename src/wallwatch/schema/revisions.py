"""What was published when: the states of events and outages that a workspace has shown, one after the other."""

from __future__ import annotations

from wallwatch.schema.columns import Column, Table

PUBLICATIONS = Table(
    "publications",
    "one run after which the workspace showed events and outages made from other data or by other rules",
    (
        Column("publication", "int64", "its number", "from 1", "history", True),
        Column("published", "timestamp", "when it was published", "UTC", "clock", True),
        Column("files", "int64", "files that it rests on", "", "archive", True),
        Column("inputs", "string", "digest of the ids of all these files", "SHA-256, hex", "history", True),
        Column(
            "files_added",
            "list<string>",
            "of these, the ids of those that the publication before did not rest on",
            "",
            "history",
            True,
        ),
        Column(
            "files_removed",
            "list<string>",
            "ids of files that only the publication before rested on",
            "",
            "history",
            True,
        ),
        Column("rule_set", "label", "version of the judging rules", "", "judge", True),
        Column("reference_set", "label", "version of the reference data", "", "judge", True),
        Column("code", "label", "digest of the code that judges and detects", "", "history", True),
        Column("revisions", "int64", "revisions published with it", "", "history", True),
        Column(
            "revisions_sha256",
            "string",
            "SHA-256 of the file that holds these revisions; null where there are none",
            "hex",
            "history",
        ),
        Column(
            "previous_sha256",
            "string",
            "SHA-256 of the file of the publication before; null for the first",
            "hex",
            "history",
        ),
    ),
    ("publication",),
)

REVISIONS = Table(
    "revisions",
    "one published state of one event or outage; never changed, never removed",
    (
        Column("what", "label", "`event` or `outage`", "", "history", True),
        Column("id", "string", "the id under which it was first published", "", "history", True),
        Column(
            "revision", "int64", "number of the state, in order of publication", "from 1", "history", True
        ),
        Column("publication", "int64", "the publication that it came with", "", "history", True),
        Column("published", "timestamp", "when it was published", "UTC", "clock", True),
        Column(
            "change",
            "label",
            "`began`, `spread`, `ended`, `revised` or `withdrawn`: the greatest change to the state before",
            "",
            "history",
            True,
        ),
        Column(
            "material",
            "bool",
            "whether it says something else than before, and not just rests on more measurements",
            "",
            "history",
            True,
        ),
        Column("changes", "list<string>", "what changed, in sentences", "", "history", True),
        Column("why", "list<string>", "why, in sentences: new files, other rules …", "", "history", True),
        Column(
            "computed_id",
            "string",
            "the id that it had in the tables of that day, which are made from the data alone; null when withdrawn",
            "",
            "detector",
        ),
        Column(
            "superseded_by", "string", "id of what it became a part of, when it was withdrawn", "", "history"
        ),
        Column("split_from", "string", "id of what it was a part of before", "", "history"),
        Column("country", "label", "the country", "ISO 3166-1 alpha-2", "detector", True),
        Column("inputs", "string", "digest of the files that it rests on", "SHA-256, hex", "history", True),
        Column(
            "state", "string", "the whole record as it was shown; when withdrawn, the last", "JSON", "", True
        ),
    ),
    ("what", "id", "revision"),
)
