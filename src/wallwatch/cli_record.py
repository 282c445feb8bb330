"""The commands of the public record; thin, as those of `cli`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wallwatch._errors import WallwatchError
from wallwatch._text import safe_text
from wallwatch.cli_options import (
    MaybeWorkspace,
    SinceOption,
    TextFormat,
    TextFormatOption,
    UntilOption,
    WorkspaceOption,
    country_code,
    indented,
    say,
)

record_app = typer.Typer(
    no_args_is_help=True,
    help="The public record: documents, statements read out of them, and what they are held against.",
)


class DraftFormat(StrEnum):
    """How proposals are written."""

    yaml = "yaml"
    csv = "csv"
    json = "json"
    jsonl = "jsonl"
    text = "text"


UrlOption = Annotated[str, typer.Option(metavar="URL", help="Where the document was published.")]
OutletOption = Annotated[str, typer.Option(metavar="NAME", help="Who published it.")]
CollectedOption = Annotated[str, typer.Option(metavar="TIME", help="When it was collected (UTC).")]
CollectedByOption = Annotated[str, typer.Option(metavar="NAME", help="Who collected it.")]
CollectedHowOption = Annotated[
    str, typer.Option(metavar="WORDS", help="How: saved from a browser, sent by a reader, …")
]


def _bytes(path: Path, most: int) -> bytes:
    try:
        if path.stat().st_size > most:
            raise WallwatchError(f"{path} is larger than {most >> 20} MiB")
        return path.read_bytes()
    except OSError as error:
        raise WallwatchError(f"{path} cannot be read: {error.strerror}") from error


def _day(text: str | None) -> date | None:
    if not text:
        return None
    from wallwatch.schema.statements import parse_date

    try:
        moment, precision = parse_date(text)
    except ValueError as error:
        raise WallwatchError(str(error)) from None
    if moment is None or precision not in ("day", "hour", "minute"):
        raise WallwatchError(f"{safe_text(text)!r} is not a day; write it as 2020-08-31")
    return moment.date()


def _notes(collected: str, by: str, how: str) -> dict[str, str]:
    if collected:
        from wallwatch.schema.statements import parse_date

        try:
            parse_date(collected)
        except ValueError as error:
            raise WallwatchError(str(error)) from None
    return {"collected": collected, "collected_by": by, "collected_how": how}


@contextmanager
def _writing(root: Path) -> Iterator[Any]:
    """The record of a workspace, made where there is none, held against other writers."""
    from wallwatch.engine import Workspace
    from wallwatch.record.store import Record

    workspace = Workspace.create(root)
    with workspace.lock():
        yield Record(workspace.layout)


@record_app.command("draft")
def draft(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document: text, HTML, PDF or WARC.")],
    date: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="The document's date; by default the one that it names itself, if it does."
        ),
    ] = None,
    url: UrlOption = "",
    outlet: OutletOption = "",
    country: Annotated[
        str, typer.Option(metavar="CC", help="What it is about; by default the country that it names most.")
    ] = "",
    collected: CollectedOption = "",
    collected_by: CollectedByOption = "",
    collected_how: CollectedHowOption = "",
    format_: Annotated[
        DraftFormat, typer.Option("--format", "-f", help="How the proposals are written.")
    ] = DraftFormat.yaml,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Write them there and not to standard output."),
    ] = None,
    workspace: Annotated[
        Path | None,
        typer.Option(
            "--workspace",
            "-w",
            metavar="DIR",
            help="Keep the document and the proposals in the record of this workspace.",
        ),
    ] = None,
) -> None:
    """Propose the statements of a document: quotations with speakers, dates and subjects.

    Proposals are drafts. They become part of the record when a person confirms them.
    """
    from wallwatch._files import write_atomic
    from wallwatch.record import documents, files, listings
    from wallwatch.record.propose import propose

    content = _bytes(file, documents.MOST_BYTES)
    document = documents.read(content, file.name)
    notes = _notes(collected, collected_by, collected_how)
    proposed = propose(
        document,
        name=file.name,
        base=_day(date),
        url=url,
        outlet=outlet,
        country=country_code(country) or "",
        notes=notes,
    )
    if "document_date" not in proposed.head:
        say("the document has no date: relative dates stay unresolved; name its day with --date")
    elif proposed.dated_by != "given":
        say(f"document date {proposed.head['document_date']}, from {proposed.dated_by}")
    if workspace is not None:
        with _writing(workspace) as record:
            kept = record.add(
                content,
                document,
                {
                    "name": file.name,
                    "url": url,
                    "site": outlet,
                    "date": proposed.head.get("document_date", ""),
                    **notes,
                },
            )
            path = record.save_draft(
                f"{file.stem}-{kept.sha256[:12]}", files.write_yaml(proposed.rows, proposed.head, draft=True)
            )
        say(f"document {kept.sha256[:12]} kept; drafts in {path}")
    text = listings.write(proposed, format_.value)
    if out is not None:
        try:
            write_atomic(out, text)
        except OSError as error:
            raise WallwatchError(f"cannot write {out}: {error.strerror}") from error
        say(
            f"{len(proposed.rows)} drafts in {out}; read them, correct them, then: wallwatch record confirm {out}"
        )
    else:
        typer.echo(text, nl=False)


@record_app.command("add")
def add(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Documents (text, HTML, PDF, WARC), or files of statements (YAML, CSV)."
        ),
    ],
    workspace: WorkspaceOption,
    url: UrlOption = "",
    outlet: OutletOption = "",
    collected: CollectedOption = "",
    collected_by: CollectedByOption = "",
    collected_how: CollectedHowOption = "",
) -> None:
    """Keep documents by their hash, unchanged; files of statements become drafts until confirmed."""
    from wallwatch.record import documents, files

    notes = _notes(collected, collected_by, collected_how)
    failed = False
    with _writing(workspace) as record:
        for path in inputs:
            content = _bytes(path, documents.MOST_BYTES)
            if files.is_statements(content):
                read = files.read(content, str(path))
                for problem in read.problems:
                    say(str(problem))
                failed |= bool(read.problems)
                saved = record.save_draft(
                    path.stem,
                    files.write_yaml([one.row for one in read.entries], {"file": path.name}, draft=True),
                )
                typer.echo(f"{len(read.entries)} statements in {saved}: drafts until confirmed")
                continue
            kept = record.add(
                content,
                documents.read(content, path.name),
                {"name": path.name, "url": url, "site": outlet, **notes},
            )
            typer.echo(f"{kept.sha256}  {safe_text(path.name)}{'' if kept.new else '  (already there)'}")
    if failed:
        raise typer.Exit(1)


@record_app.command("confirm")
def confirm(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Files of statements (YAML, CSV), or names of drafts in the workspace."
        ),
    ],
    workspace: WorkspaceOption,
    by: Annotated[str, typer.Option(metavar="NAME", help="Who has read them against the document.")],
    at: Annotated[str | None, typer.Option(metavar="TIME", help="When (UTC); by default now.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only these statements; may be repeated.")
    ] = None,
) -> None:
    """Confirm statements: from then on they are part of the record, with who confirmed them and when."""
    import hashlib

    from wallwatch.record import files

    when = _when(at)
    if not by.strip():
        raise WallwatchError("say who confirms them: --by NAME")
    problems = 0
    with _writing(workspace) as record:
        for given in inputs:
            path = _draft_path(record, given)
            content = _bytes(path, files.MOST_BYTES)
            read = files.read(content, str(path))
            for problem in read.problems:
                say(str(problem))
            problems += len(read.problems)
            rows = [one.row for one in read.entries if not only or one.row["statement_id"] in only]
            unknown = [one["statement_id"] for one in rows if one["speaker"] == "unknown"]
            for id_ in unknown:
                say(f"{path}: {id_}: the speaker is unknown; kept as such")
            added, already = record.confirm(
                rows, by=by.strip(), at=when, file_id=hashlib.sha256(content).hexdigest()[:16]
            )
            typer.echo(
                f"{safe_text(path.name)}: {len(added)} confirmed"
                + (f", {len(already)} already in the record" if already else "")
            )
    if problems:
        raise typer.Exit(1)


def _draft_path(record: Any, given: str) -> Path:
    path = Path(given)
    if path.is_file():
        return path
    found = [one for one in record.drafts() if one.stem == given or one.stem.startswith(given)]
    if len(found) != 1:
        raise WallwatchError(
            f"{safe_text(given)} is neither a file nor the name of one draft; see: wallwatch record list"
        )
    draft_path: Path = found[0]
    return draft_path


def _when(text: str | None) -> datetime:
    """The moment of a confirmation: given, or now. The clock is read here, at the edge, and passed in."""
    if text is None:
        return datetime.now(UTC).replace(second=0, microsecond=0)
    from wallwatch.show import parse_time

    return parse_time(text)


@record_app.command("validate")
def validate(
    inputs: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of statements (YAML, CSV).")],
    document: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The document they were read from: each quotation must stand at its place."
        ),
    ] = None,
    workspace: MaybeWorkspace = None,
) -> None:
    """Check files of statements; what is wrong is said with file, line and field, and the exit status is 1."""
    from wallwatch.record import documents, files, listings

    problems = statements = 0
    text = documents.read(_bytes(document, documents.MOST_BYTES), document.name) if document else None
    for path in inputs:
        read = files.read(_bytes(path, files.MOST_BYTES), str(path))
        found = [*read.problems]
        if text is not None:
            found += listings.misplaced(read, str(path), text)
        elif workspace is not None:
            found += listings.misplaced_in(read, str(path), workspace)
        for problem in found:
            typer.echo(str(problem))
        problems += len(found)
        statements += len(read.entries)
    say(f"{statements} statements, {problems} problems")
    if problems:
        raise typer.Exit(1)


@record_app.command("list")
def list_(
    workspace: WorkspaceOption,
    format_: TextFormatOption = TextFormat.text,
) -> None:
    """List documents, drafts that wait for a person, and confirmed statements."""
    from wallwatch.engine import Workspace
    from wallwatch.record import listings
    from wallwatch.record.store import Record

    found = listings.listed(Record(Workspace.open(workspace).layout))
    if format_ is TextFormat.json:
        typer.echo(indented(found))
    else:
        for line in listings.listed_in_words(found):
            typer.echo(safe_text(line))


@record_app.command("verify")
def verify(workspace: WorkspaceOption) -> None:
    """Check that no byte of a kept document changed and every quotation stands at its place; else exit status 1."""
    from wallwatch.engine import Workspace
    from wallwatch.record.store import Record

    record = Record(Workspace.open(workspace).layout)
    faults = record.verify()
    for fault in faults:
        typer.echo(f"{safe_text(fault.what)}: {safe_text(fault.reason)}")
    typer.echo(
        f"{len(record.documents())} documents, {len(record.confirmed()) if not faults else '?'} statements: "
        + ("as they were" if not faults else f"{len(faults)} faults")
    )
    if faults:
        raise typer.Exit(1)


@record_app.command("link")
def link(
    workspace: WorkspaceOption,
    format_: TextFormatOption = TextFormat.text,
) -> None:
    """List statements beside the events and outages they concern, with lags, and how well calendars agree with them."""
    from wallwatch.engine import Workspace
    from wallwatch.record import links

    with Workspace.open(workspace).connect() as con:
        found = links.links(con)
    if format_ is TextFormat.json:
        typer.echo(indented([one.as_dict() for one in found]))
    else:
        for line in links.in_words(found):
            typer.echo(safe_text(line))
    say(f"{len(found)} statements beside findings")


class CheckFormat(StrEnum):
    """How answers are printed."""

    text = "text"
    json = "json"
    claimreview = "claimreview"


def check(
    asked: Annotated[
        str,
        typer.Argument(
            metavar="CLAIM-OR-DOCUMENT",
            help="A claim in English; or a statement's id, a document, or a file of statements, each claim of which is checked.",
        ),
    ] = "",
    *,
    workspace: WorkspaceOption,
    kind: Annotated[str, typer.Option(metavar="KIND", help="shutdown, blocking or throttling.")] = "",
    country: Annotated[str, typer.Option(metavar="CC", help="Two-letter country code.")] = "",
    target: Annotated[str, typer.Option(metavar="T", help="A service or a host.")] = "",
    network: Annotated[str, typer.Option(metavar="AS", help="A network: its number or its name.")] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    date: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The day on which it was said: “in November” is counted from it."),
    ] = None,
    format_: Annotated[
        CheckFormat, typer.Option("--format", "-f", help="How to print the answer.")
    ] = CheckFormat.text,
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="For claimreview: who publishes it.")] = "",
    review_url: Annotated[
        str, typer.Option(metavar="URL", help="For claimreview: where it is published.")
    ] = "",
    reviewed: Annotated[
        str, typer.Option(metavar="DATE", help="For claimreview: the day of the review.")
    ] = "",
) -> None:
    """Hold a claim against what was measured: supported, contradicted, partly, not measured, not checkable."""
    from wallwatch.engine import Workspace
    from wallwatch.record import answers
    from wallwatch.record.asked import Options, answer, exit_words
    from wallwatch.show import parse_time

    options = Options(
        kind=kind.lower(),
        country=country_code(country) or "",
        target=target,
        network=network,
        since=parse_time(since) if since else None,
        until=parse_time(until, last=True) if until else None,
        base=_day(date),
    )
    if not asked.strip() and not (kind and country):
        raise WallwatchError("nothing to check: write a claim, or at least --kind and --country")
    path = Path(asked) if asked and len(asked) < 1024 and "\n" not in asked else None
    try:
        path = path if path is not None and path.is_file() else None
    except (OSError, ValueError):
        path = None
    with Workspace.open(workspace).connect() as con:
        found = answer(con, asked, options, path=path)
    if format_ is CheckFormat.text:
        for number, one in enumerate(found):
            for line in ([""] if number else []) + answers.in_words(one):
                typer.echo(safe_text(line))
        if len(found) > 1:
            say(exit_words(found))
    else:
        review = (
            {"reviewer": reviewer, "url": review_url, "reviewed": reviewed}
            if format_ is CheckFormat.claimreview
            else {}
        )
        whole = answers.written(found, format_.value, **review)
        typer.echo(indented(whole))
