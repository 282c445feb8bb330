"""What a bundle says of itself for machines: RO-Crate 1.1 metadata with terms of W3C PROV."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

METADATA: Final = "ro-crate-metadata.json"
_PROV: Final = "http://www.w3.org/ns/prov#"
#: JSON-LD: the crate's own vocabulary, and the terms of PROV that it lacks.
_CONTEXT: Final = [
    "https://w3id.org/ro/crate/1.1/context",
    {
        "prov": _PROV,
        "wasDerivedFrom": {"@id": _PROV + "wasDerivedFrom", "@type": "@id"},
        "wasGeneratedBy": {"@id": _PROV + "wasGeneratedBy", "@type": "@id"},
        "used": {"@id": _PROV + "used", "@type": "@id"},
        "wasAssociatedWith": {"@id": _PROV + "wasAssociatedWith", "@type": "@id"},
        "sha256": "https://w3id.org/ro/terms/workflow-run#sha256",
    },
]

ENCODINGS: Final = {
    "csv": "text/csv",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
    "html": "text/html",
    "txt": "text/plain",
    "tar": "application/x-tar",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """A file that raw lines were taken from; it is not in the bundle.

    Attributes:
        name: The name under which it was taken in.
        sha256: Its hash, or the sealed one.
        size: In bytes.
    """

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file of the bundle.

    Attributes:
        path: Below the payload's folder.
        size: In bytes.
        sha256: Its hash.
        says: What it holds.
        derived_from: Hashes of the origins, or paths of the files, that it was made from.
        raw: Whether it holds raw lines.
    """

    path: str
    size: int
    sha256: str
    says: str
    derived_from: Sequence[str] = ()
    raw: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """How the bundle came about.

    Attributes:
        name: What it is about, in a sentence.
        description: What can be done with it.
        created: When, as ISO 8601.
        licence: What may be done with the data.
        version: Wallwatch's.
        rules: Version of the rules, and of the reference data.
        commands: Commands that repeat it.
        about: The claim, as an identifier.
    """

    name: str
    description: str
    created: str
    licence: str
    version: str
    rules: str
    commands: Sequence[str] = ()
    about: str = ""
    software: Mapping[str, str] = field(default_factory=dict)


def metadata(made: Made, files: Sequence[File], origins: Sequence[Origin]) -> bytes:
    """The metadata document.

    Args:
        made: How the bundle came about.
        files: All files of the payload but this document.
        origins: Where the raw lines come from.
    """
    ids = {origin.sha256: f"#original-{i}" for i, origin in enumerate(origins, 1)}
    software = "#wallwatch"
    taking, judging = "#taking-lines", "#judging"
    raw = [{"@id": file.path} for file in files if file.raw]
    results = [{"@id": file.path} for file in files if not file.raw and file.path.startswith("tables/")]
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            "about": {"@id": "./"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "identifier": made.about,
            "name": made.name,
            "description": made.description,
            "datePublished": made.created,
            "license": {"@id": "#licence"},
            "hasPart": [{"@id": file.path} for file in files],
            "mentions": [{"@id": taking}, {"@id": judging}],
        },
        {
            "@id": "#licence",
            "@type": "CreativeWork",
            "name": "Licence of the data",
            "description": made.licence,
        },
        {
            "@id": software,
            "@type": ["SoftwareApplication", "prov:SoftwareAgent"],
            "name": "Wallwatch",
            "version": made.version,
            "softwareVersion": made.version,
            "softwareRequirements": [f"{name} {version}" for name, version in sorted(made.software.items())],
        },
        {
            "@id": taking,
            "@type": ["CreateAction", "prov:Activity"],
            "name": "Lines taken from the files as they came, addresses of volunteers removed",
            "endTime": made.created,
            "instrument": {"@id": software},
            "wasAssociatedWith": {"@id": software},
            "object": [{"@id": id_} for id_ in ids.values()],
            "used": [{"@id": id_} for id_ in ids.values()],
            "result": raw,
        },
        {
            "@id": judging,
            "@type": ["CreateAction", "prov:Activity"],
            "name": f"Judged and detected by {made.rules}",
            "description": "\n".join(made.commands),
            "endTime": made.created,
            "instrument": {"@id": software},
            "wasAssociatedWith": {"@id": software},
            "object": raw,
            "used": raw,
            "result": results,
        },
    ]
    for file in files:
        entity: dict[str, Any] = {
            "@id": file.path,
            "@type": ["File", "prov:Entity"],
            "name": file.path,
            "description": file.says,
            "contentSize": str(file.size),
            "encodingFormat": ENCODINGS.get(file.path.rpartition(".")[2], "application/octet-stream"),
            "sha256": file.sha256,
        }
        if file.derived_from:
            entity["wasDerivedFrom"] = [{"@id": ids.get(one, one)} for one in file.derived_from]
        if file.raw:
            entity["wasGeneratedBy"] = {"@id": taking}
        elif file.path.startswith("tables/"):
            entity["wasGeneratedBy"] = {"@id": judging}
        graph.append(entity)
    for origin in origins:
        graph.append(
            {
                "@id": ids[origin.sha256],
                "@type": ["CreativeWork", "prov:Entity"],
                "name": origin.name,
                "description": "A file as it was taken in; only the lines concerned are enclosed.",
                "sha256": origin.sha256,
                "size": f"{origin.size} bytes",
            }
        )
    document = {"@context": _CONTEXT, "@graph": graph}
    return (json.dumps(document, ensure_ascii=True, indent=1) + "\n").encode()
