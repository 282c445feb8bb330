"""Making a bundle: lines selected, cleaned, judged again, and only then written, sealed and signed."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from wallwatch import __version__
from wallwatch._errors import WallwatchError
from wallwatch._progress import Progress, Silent
from wallwatch._text import safe_text
from wallwatch.bundles import tables
from wallwatch.bundles.compare import Outcome, compare, states
from wallwatch.bundles.lines import RAW, Extracted, Known, extract, missing
from wallwatch.bundles.page import page
from wallwatch.bundles.rebuild import REFERENCES, Rebuilt, as_of, rebuilt
from wallwatch.bundles.selection import Selection, selections
from wallwatch.bundles.subjects import Subject, find
from wallwatch.engine import Workspace
from wallwatch.evidence import bag, crate, onefile, signing, stamping
from wallwatch.evidence.readme import Told, readme
from wallwatch.explain import PUBLISHED, explain
from wallwatch.judge import RULE_SET
from wallwatch.judge.references import BLOCK_WORDS, DELIVERY_NETWORKS, KNOWN_FAULTS
from wallwatch.judge.rules import RULES
from wallwatch.judge.services import CATALOGUE, SERVICES, TOOLS
from wallwatch.pipeline import program
from wallwatch.report.book import Book
from wallwatch.report.embed import Charts, charts
from wallwatch.report.facts import counted
from wallwatch.report.language import Language
from wallwatch.report.places import event_page, outage_page
from wallwatch.show import iso

#: More bytes of raw lines than this are not put into one bundle.
MOST_RAW = 1 << 30
#: The file of a workspace that holds the key of its seals; it never leaves it.
_KEY = "custody.key"
#: Libraries that the numbers depend on.
_LIBRARIES = ("duckdb", "pyarrow", "numpy", "scipy", "msgspec", "google-re2", "cryptography", "idna")
_LICENCES = {
    "ooni": "OONI data: Creative Commons Attribution-NonCommercial-ShareAlike 4.0 (CC BY-NC-SA 4.0)",
    "obs_web": "OONI data: Creative Commons Attribution-NonCommercial-ShareAlike 4.0 (CC BY-NC-SA 4.0)",
    "tor_users": "Tor Metrics: public domain (CC0 1.0)",
}


@dataclass(frozen=True, slots=True)
class Bundled:
    """A bundle that was written.

    Attributes:
        out: The file.
        kind: `event`, `outage` or `verdict`.
        id: The claim's id in the bundle.
        files: Files in its payload.
        size: Its bytes.
        lines: Raw lines in it.
        removed: Lines that something was cut out of.
        selection: Which lines they are, for people.
        outcome: Whether the claim follows from them.
        fingerprint: Of the signer's key; empty where it is not signed.
        stamped: Whether it has a time stamp.
    """

    out: Path
    kind: str
    id: str
    files: int
    size: int
    lines: int
    removed: int
    selection: str
    outcome: Outcome
    fingerprint: str
    stamped: bool

    def as_record(self) -> dict[str, Any]:
        """As a record for scripts."""
        return {
            "bundle": str(self.out),
            "kind": self.kind,
            "id": self.id,
            "files": self.files,
            "bytes": self.size,
            "lines": self.lines,
            "lines_with_removals": self.removed,
            "selection": self.selection,
            "follows": self.outcome.follows,
            "broken": self.outcome.broken,
            "differs": self.outcome.differs,
            "signed_by": self.fingerprint or None,
            "time_stamp": self.stamped,
        }

    def in_words(self) -> list[str]:
        """In lines for people."""
        lines = [
            f"{self.out}: {self.files:,} files, {self.size:,} bytes",
            f"{self.lines:,} raw lines: {self.selection}",
        ]
        if self.removed:
            lines.append(f"addresses were cut out of {self.removed:,} of them (see removals.csv in it)")
        lines.append(_follows(self.outcome))
        lines += [f"  {sentence}" for sentence in self.outcome.broken]
        lines += [f"  not the same: {sentence}" for sentence in self.outcome.differs]
        lines.append(
            f"signed by {self.fingerprint}" if self.fingerprint else "not signed; name a key with --sign"
        )
        if self.stamped:
            lines.append("with a time stamp")
        return lines


def custody_key(root: Path) -> str:
    """The key of a workspace's seals; made at the first call, readable by its owner alone.

    Raises:
        WallwatchError: It cannot be read or made.
    """
    path = root / _KEY
    try:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_hex(32) + "\n")
        except FileExistsError:
            pass
        found = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise WallwatchError(f"the key of the workspace's seals, {path}: {error.strerror}") from error
    if not re.fullmatch("[0-9a-f]{64}", found):
        raise WallwatchError(f"{path} holds no key; a killed run may have left it so: remove it")
    return found


def bundle(
    root: Path,
    id_: str,
    out: Path,
    *,
    key: str,
    created: datetime | None = None,
    signer: Path | None = None,
    stamp_url: str | None = None,
    lang: str = "en",
    progress: Progress | None = None,
) -> Bundled:
    """Writes all that is needed to check one claim into one file.

    The smallest selection of lines is taken from which the claim follows when they are judged again; where it follows
    from none, the largest is written, and the outcome says what is missing.

    Args:
        root: The workspace.
        id_: An event, outage or measurement id, or its unique beginning.
        out: The file.
        key: Of the seals: `custody_key`; empty where the original files are public, so that nothing is sealed.
        created: When the bundle is made; by default the time of the last datum, so that bytes depend on data alone.
        signer: An SSH key to sign with.
        stamp_url: A time-stamp authority to ask.
        lang: Language of the page for people.
        progress: Hears how far it is.

    Raises:
        WallwatchError: There is no such claim; raw files are gone or changed; a key or the authority fails.
    """
    progress = progress or Silent()
    workspace, language = Workspace.open(root), Language.of(lang)
    public = signing.public_key(signer) if signer is not None else None
    with tempfile.TemporaryDirectory(prefix="wallwatch-") as folder, workspace.connect() as con:
        subject = find(con, id_)
        moment = as_of(con)
        known = _known(con)
        references = Path(folder) / REFERENCES
        _references(workspace, references)
        attempt = _Attempt(
            Path(folder), workspace, con, subject, known, key, moment, references, language, progress
        )
        draft = attempt.smallest()
        payload = Path(folder) / "bag" / "data"
        shutil.move(str(draft.payload), payload)
        shutil.move(str(references), payload / REFERENCES)
        bagged = payload.parent
        when = created or subject.last or moment
        _write_rest(bagged, subject, draft, moment, when, public, stamp_url is not None, bool(key), language)
        if signer is not None:
            tagged = (bagged / bag.TAG_MANIFEST).read_bytes()
            (bagged / bag.SIGNATURE).write_bytes(signing.sign(tagged, signer))
        if stamp_url is not None:
            stamped, stamp = (
                (bag.SIGNATURE, bag.STAMP_OF_SIGNATURE)
                if signer is not None
                else (bag.TAG_MANIFEST, bag.STAMP_OF_MANIFEST)
            )
            (bagged / stamp).write_bytes(stamping.request((bagged / stamped).read_bytes(), stamp_url))
        try:
            onefile.pack(bagged, f"evidence-{_plain(draft.id)}", out)
        except onefile.RefusedError as error:
            raise WallwatchError(f"the bundle cannot be written as one file: {error}", status=1) from None
        except OSError as error:
            raise WallwatchError(f"cannot write {out}: {error.strerror}") from error
        return Bundled(
            out,
            subject.kind,
            draft.id,
            sum(path.is_file() for path in payload.rglob("*")),
            out.stat().st_size,
            len(draft.extracted.taken),
            sum(bool(one.cleaned.removals) for one in draft.extracted.taken),
            draft.selection.says,
            draft.outcome,
            public.fingerprint if public else "",
            stamp_url is not None,
        )


def _plain(id_: str) -> str:
    return re.sub("[^A-Za-z0-9_.-]+", "-", id_).strip(".-")[:80] or "claim"


def _known(con: duckdb.DuckDBPyConnection) -> dict[str, Known]:
    rows = con.execute(
        "SELECT file_id, any_value(sha256), min(path), any_value(size), any_value(kind), "
        "any_value(measurements) + any_value(set_aside) FROM files GROUP BY file_id"
    ).fetchall()
    return {row[0]: Known(*row) for row in rows}


def _references(workspace: Workspace, into: Path) -> None:
    """The reference data: those of the package, those of the workspace, and what the judge knows by heart."""
    into.mkdir(parents=True)
    packaged = resources.files("wallwatch.sources").joinpath("data/fingerprints.csv")
    (into / "packaged-fingerprints.csv").write_bytes(packaged.read_bytes())
    # Only lists of fingerprints: what else a workspace notes there is about its own files, by their hashes.
    own = workspace.layout.references
    listed = [*own.glob("*.csv"), *(own / "fingerprints").rglob("*")]
    for path in sorted(path for path in listed if path.is_file() and not path.is_symlink()):
        target = into / "workspace" / path.relative_to(own)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    judged = {
        "services": SERVICES,
        "tools": TOOLS,
        "catalogue": CATALOGUE,
        "block_words": BLOCK_WORDS,
        "delivery_networks": DELIVERY_NETWORKS,
        "known_faults": KNOWN_FAULTS,
    }
    (into / "judge.json").write_bytes(_json(judged))


def _json(value: object) -> bytes:
    return (
        json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, default=_plain_value) + "\n"
    ).encode()


def _plain_value(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else list(value)


@dataclass(slots=True)
class _Draft:
    """A selection that was judged again."""

    payload: Path
    selection: Selection
    extracted: Extracted
    outcome: Outcome
    claim: dict[str, Any]
    id: str
    ids: Mapping[str, str]
    explanation: list[str]
    tables: list[str]
    heading: object
    charts: Charts | None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Tries selections."""

    folder: Path
    workspace: Workspace
    con: duckdb.DuckDBPyConnection
    subject: Subject
    known: Mapping[str, Known]
    key: str
    as_of: datetime
    references: Path
    language: Language
    progress: Progress

    def smallest(self) -> _Draft:
        """The smallest selection from which the claim comes out the same; else the smallest from which it follows.

        Where it follows from none, the largest that fits.
        """
        follows: _Draft | None = None
        last: _Draft | None = None
        too_large = ""
        for number, selection in enumerate(selections(self.con, self.subject), 1):
            needed = [self.known[file_id] for file_id in sorted(selection.files)]
            if wrong := missing(self.workspace.layout, needed):
                raise WallwatchError(
                    "the raw files that this rests on are not there any more; bring them back and take them in "
                    "again:\n  " + "\n  ".join(safe_text(one, 400) for one in wrong),
                    status=1,
                )
            payload = self.folder / f"try-{number}"
            self.progress.stage(f"Taking out {selection.says}")
            extracted = extract(self.workspace.layout, self.known, selection.files, payload, self.key)
            if extracted.size > MOST_RAW:
                too_large = f"{selection.says} are more than {MOST_RAW >> 20} MiB, too many for one bundle"
                break
            with rebuilt(payload / RAW, self.references, self.as_of, self.progress) as again:
                last = self._judged(payload, selection, extracted, again)
            if last.outcome.follows and not last.outcome.differs:
                return last
            if last.outcome.follows and follows is None:
                follows = last
        if (chosen := follows or last) is None:
            raise WallwatchError(too_large or "the workspace has no raw lines about this", status=1)
        if too_large and follows is None:
            chosen.outcome.broken.append(too_large)
        return chosen

    def _judged(self, payload: Path, selection: Selection, extracted: Extracted, again: Rebuilt) -> _Draft:
        ids = _ids(again.con, payload, extracted)
        record, subject = dict(self.subject.record), self.subject
        id_ = subject.id
        if subject.kind == "verdict":
            id_ = record["measurement_id"] = ids.get(subject.id, subject.id)
            source = again.con.execute(
                "SELECT f.path || ':' || m.line FROM measurements AS m JOIN files AS f USING (file_id) "
                "WHERE m.measurement_id = ?",
                [id_],
            ).fetchall()
            record["source"] = source[0][0] if source else ""
        elif subject.kind == "event":
            record["witnesses"] = [ids.get(witness, witness) for witness in record["witnesses"]]
        outcome = compare(again.con, subject.kind, record)
        if again.set_aside:
            outcome.differs.append(f"{again.set_aside} enclosed lines cannot be read")
        if subject.kind == "event":
            self._witnesses(again, ids, outcome)
        found = None
        explanation: list[str] = []
        if outcome.record is not None:
            found = outcome.record.get(f"{subject.kind}_id", id_)
            explanation = _without_history(explain(again.con, found).lines)
        claimed = [ids[one.measurement] for one in extracted.taken if one.claim and one.measurement in ids]
        kept = tables.write(again.con, self.con, subject, found, claimed, payload / "tables")
        heading, drawn = self._drawn(again.con, found)
        return _Draft(
            payload, selection, extracted, outcome, record, id_, ids, explanation, kept, heading, drawn
        )

    def _drawn(self, con: duckdb.DuckDBPyConnection, found: str | None) -> tuple[object, Charts | None]:
        """What the report says of an event or outage that follows from these lines: its headline and charts."""
        subject = self.subject
        if found is None or subject.kind == "verdict":
            return subject.heading, None
        path = event_page(found) if subject.kind == "event" else outage_page(found)
        with counted(con, subject.country):
            book = Book(con, self.language, subject.country)
            page = book.page(con, path)
            headline = next((one.headline for one in book.findings if one.page == path), subject.heading)
        return headline, None if page is None else charts(page)

    def _witnesses(self, again: Rebuilt, ids: Mapping[str, str], outcome: Outcome) -> None:
        """Holds the verdicts of an event's witnesses against those of the workspace."""
        witnesses = self.subject.record["witnesses"]
        before = states(self.con, witnesses)
        after = states(again.con, [ids.get(witness, witness) for witness in witnesses])
        changed = [w for w in witnesses if before.get(w) != after.get(ids.get(w, w))]
        if changed:
            outcome.broken.append(
                f"{len(changed)} of {len(witnesses)} witnesses are judged otherwise from these lines alone"
            )


def _ids(con: duckdb.DuckDBPyConnection, payload: Path, extracted: Extracted) -> dict[str, str]:
    """Ids in the workspace to ids in the bundle: a line that lost something has another id where it was made of it."""
    found: dict[str, str] = {}
    by_file: dict[str, list[str]] = {}
    for one in extracted.taken:
        if one.measurement and one.measurement not in by_file.setdefault(one.file, [])[-1:]:
            by_file[one.file].append(one.measurement)
    for file, before in by_file.items():
        file_id = bag.digest(payload / file)[:16]
        rows = con.execute(
            "SELECT measurement_id FROM measurements WHERE file_id = ? ORDER BY line, measurement_id",
            [file_id],
        ).fetchall()
        after = [row[0] for row in rows]
        same = set(after)
        found |= {id_: id_ for id_ in before if id_ in same}
        if len(before) == len(after):
            found |= {
                old: new
                for old, new in zip(before, after, strict=True)
                if old not in found
            }  # fmt: skip
    return found


def _without_history(lines: list[str]) -> list[str]:
    """An explanation without when it was published: that is of the workspace which was made just now."""
    return lines[: lines.index(PUBLISHED) - 1] if PUBLISHED in lines else lines


def _follows(outcome: Outcome) -> str:
    if outcome.follows:
        return "The finding follows from the enclosed lines: they were judged again when this was made."
    return "THE FINDING DOES NOT FOLLOW from the enclosed lines alone."


def _write_rest(
    bagged: Path,
    subject: Subject,
    draft: _Draft,
    moment: datetime,
    created: datetime,
    public: signing.Key | None,
    stamped: bool,
    sealed: bool,
    language: Language,
) -> None:
    """Everything but the raw lines and the tables, then the manifests."""
    payload = bagged / "data"
    commands = _commands(payload, subject, draft, moment)
    kinds = sorted({one.original.kind for one in draft.extracted.taken})
    licence = "; ".join(
        dict.fromkeys(_LICENCES.get(kind, "Signals and statements: as their sources say") for kind in kinds)
    )
    software = {name: metadata.version(name) for name in _LIBRARIES} | {"Python": platform.python_version()}
    (payload / "claim.json").write_bytes(_json(_claim(subject, draft, moment)))
    (payload / "explanation.txt").write_bytes(
        ("\n".join(safe_text(line, 4000) for line in draft.explanation) + "\n").encode()
    )
    (payload / "software.json").write_bytes(
        _json(
            {
                "wallwatch": __version__,
                "rule_set": RULE_SET,
                "reference_set": _reference_set(draft),
                "libraries": software,
            }
        )
    )
    (payload / "rules").mkdir()
    (payload / "rules" / "rules.json").write_bytes(_json([asdict(rule) for rule in RULES]))
    _write_lines(payload, draft)
    said = _says(payload, draft)
    listed = [
        (path, says, (payload / path).stat().st_size) for path, says in said.items() if path != "index.html"
    ]
    (payload / "index.html").write_bytes(
        page(
            draft.heading,
            _follows(draft.outcome),
            _facts(subject, draft, public),
            draft.explanation,
            [*draft.outcome.broken, *draft.outcome.differs],
            [one.as_dict() for one in subject.links],
            listed,
            commands,
            draft.charts,
            language,
        )
    )
    made = crate.Made(
        f"Evidence: {subject.heading}",
        "The raw measurement lines that a finding rests on, what was read and judged of them, and how to repeat it. "
        + _follows(draft.outcome),
        iso(created) or "",
        licence,
        __version__,
        f"Wallwatch {__version__}, rules {RULE_SET}",
        commands,
        draft.id,
        software,
    )
    origins = list(draft.extracted.origins.values())
    (payload / crate.METADATA).write_bytes(crate.metadata(made, _files(payload, said, draft), origins))
    fingerprint = public.fingerprint if public else ""
    if public is not None:
        (bagged / signing.SIGNERS).write_bytes(signing.signers(public).encode())
    told = Told(
        safe_text(subject.heading, 200),
        _follows(draft.outcome),
        fingerprint,
        stamped,
        commands,
        __version__,
        licence,
        sealed,
    )
    (bagged / "README.txt").write_bytes(readme(told).encode())
    bag.seal(
        bagged,
        {
            "Bag-Software-Agent": f"Wallwatch {__version__}",
            "Bagging-Date": (iso(created) or "")[:10],
            "External-Identifier": safe_text(draft.id, 200),
            "External-Description": safe_text(f"Evidence: {subject.heading}", 400),
        },
    )


def _reference_set(draft: _Draft) -> str | None:
    """The version of the reference data, as the verdicts name it."""
    path = draft.payload.parent / "bag" / "data" / "tables" / "verdicts.parquet"
    if not path.exists():
        return None
    found = pq.read_table(path, columns=["reference_set"]).column(0).to_pylist()
    return str(found[0]) if found else None


def _commands(payload: Path, subject: Subject, draft: _Draft, moment: datetime) -> list[str]:
    """Commands that repeat the finding, from the bag's folder."""
    own = sorted(
        path.relative_to(payload).as_posix()
        for path in (payload / REFERENCES / "workspace" / "fingerprints").glob("*.csv")
    )
    known = "".join(f" --fingerprints data/{name}" for name in own)
    what = LISTING[subject.kind]
    country = f" --country {subject.country}" if subject.country else ""
    found = draft.outcome.record
    id_ = draft.id if found is None else found.get(f"{subject.kind}_id", draft.id)
    again = "../again.ww"
    return [
        f"wallwatch run data/{RAW} --workspace {again} --as-of {moment.isoformat().replace('+00:00', 'Z')}{known}",
        f"wallwatch show {what} --workspace {again}{country}",
        f"wallwatch explain {_plain(id_)} --workspace {again}",
    ]


LISTING = {"event": "events", "outage": "outages", "verdict": "verdicts"}


def _claim(subject: Subject, draft: _Draft, moment: datetime) -> dict[str, Any]:
    outcome = draft.outcome
    return {
        "format": 1,
        "kind": subject.kind,
        "id": draft.id,
        "heading": subject.heading,
        "claim": draft.claim,
        "follows": outcome.follows,
        "broken": outcome.broken,
        "differs": outcome.differs,
        "selection": draft.selection.says,
        "as_of": moment.isoformat(),
        "wallwatch": __version__,
        "rule_set": RULE_SET,
        "program": program(),
        "statements": [one.as_dict() for one in subject.links],
    }


def _facts(subject: Subject, draft: _Draft, public: signing.Key | None) -> list[tuple[str, str]]:
    record = subject.record
    facts = [("What", subject.heading), ("Id", draft.id)]
    if subject.kind != "verdict":
        onset, end = record["onset"], record["end"]
        facts += [
            ("Began", onset["best"] or "before the data"),
            ("Ended", end["best"] if end else "not seen to end"),
            ("Probability", f"{record['probability']:.3f}"),
        ]
    if subject.kind == "event":
        facts += [
            ("Networks", ", ".join(f"AS{network}" for network in record["networks"])),
            ("Mechanisms", ", ".join(record["mechanisms"]) or "unclear"),
            ("What speaks against it", "; ".join(record["against"]) or "nothing that was looked for"),
        ]
    elif subject.kind == "outage":
        facts += [
            ("Depth", f"{record['depth']:.0%} of the normal level lost"),
            ("Signals", ", ".join(record["signals"])),
            ("What speaks against it", "; ".join(record["against"]) or "nothing that was looked for"),
        ]
    else:
        facts += [
            ("Measured", record["time"] or "at an unknown time"),
            ("State", record["state"]),
            ("Mechanisms", ", ".join(record["mechanisms"]) or "none"),
        ]
    taken = draft.extracted.taken
    facts += [
        ("Raw lines", f"{len(taken):,}, of which {sum(one.claim for one in taken):,} are about it"),
        ("Which lines", draft.selection.says),
        ("Rules", RULE_SET),
        ("Signed by", public.fingerprint if public else "nobody"),
    ]
    return facts


def _write_lines(payload: Path, draft: _Draft) -> None:
    """The list of lines, and of what was cut out of them."""
    taken = draft.extracted.taken
    origins = draft.extracted.origins
    (payload / "lines.csv").write_bytes(
        tables.csv_of(
            "file line offset bytes about original_file original_file_sha256 original_line original_sha256 "
            "measurement_id removed rewritten".split(),
            (
                (
                    one.file,
                    one.line or "whole",
                    one.offset,
                    one.size,
                    "claim" if one.claim else "comparison",
                    one.original.name,
                    origins[one.original.file_id].sha256,
                    one.original_line or "whole",
                    one.original_sha256,
                    draft.ids.get(one.measurement, one.measurement),
                    sum(removal.times for removal in one.cleaned.removals),
                    "yes" if one.cleaned.rewritten else "no",
                )
                for one in taken
            ),
        )
    )
    (payload / "removals.csv").write_bytes(
        tables.csv_of(
            "file line field what times".split(),
            (
                (one.file, one.line, removal.path, removal.what, removal.times)
                for one in taken
                for removal in one.cleaned.removals
            ),
        )
    )


_SAYS = {
    "index.html": "the finding, for people",
    "claim.json": "the finding, for machines",
    "explanation.txt": "how it was judged, as `wallwatch explain` says it",
    "lines.csv": "each raw line: where it came from and its hash",
    "removals.csv": "what was cut out of raw lines, field by field",
    "software.json": "versions of all software",
    "rules/rules.json": "every rule: what it looks for, what it means, and what it rests on",
    "reference/judge.json": "services, words and known faults that the rules refer to",
    "reference/packaged-fingerprints.csv": "fingerprints of block pages that come with Wallwatch",
}


def _says(payload: Path, draft: _Draft) -> dict[str, str]:
    """Every file of the payload but the metadata, with what it holds."""
    found = {"index.html": _SAYS["index.html"]}
    for path in sorted(path for path in payload.rglob("*") if path.is_file()):
        name = path.relative_to(payload).as_posix()
        if name in draft.extracted.enclosed:
            origin = draft.extracted.origins[draft.extracted.enclosed[name]]
            found[name] = f"raw lines of {safe_text(origin.name, 200)}"
        elif name.startswith("tables/"):
            found[name] = tables.SAYS[path.stem]
        else:
            found[name] = _SAYS.get(name, "reference data of the workspace")
    return found


def _files(payload: Path, said: Mapping[str, str], draft: _Draft) -> list[crate.File]:
    raw = sorted(draft.extracted.enclosed)
    found = []
    for name, says in said.items():
        path = payload / name
        derived: Sequence[str] = ()
        if name in draft.extracted.enclosed:
            derived = [draft.extracted.origins[draft.extracted.enclosed[name]].sha256]
        elif name.startswith("tables/") and path.stem != "statements":
            derived = raw
        found.append(
            crate.File(
                name, path.stat().st_size, bag.digest(path), says, derived, name in draft.extracted.enclosed
            )
        )
    return found
