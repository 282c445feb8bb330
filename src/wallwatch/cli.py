"""The commands; thin: each parses what a person typed, calls one function and prints what it gave."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wallwatch import __version__, cli_evidence
from wallwatch._arrow import WithoutPandas
from wallwatch._errors import WallwatchError
from wallwatch._text import safe_json, safe_text
from wallwatch.cli_options import (
    AsOfOption,
    CountryOption,
    FingerprintsOption,
    QuietOption,
    ReadWorkspaceOption,
    RunWorkspaceOption,
    SinceOption,
    TextFormat,
    TextFormatOption,
    UntilOption,
    WorkersOption,
    WorkspaceOption,
    country_code,
    indented,
    kept,
    progress_unless,
    say,
)
from wallwatch.cli_record import check, record_app

if TYPE_CHECKING:
    from wallwatch.archive.remote import Remote
    from wallwatch.cluster import Cluster

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An observatory of internet restrictions: from raw measurements to evidence that holds up.",
)
fetch_app = typer.Typer(no_args_is_help=True, help="Download public measurement files.")
app.add_typer(fetch_app, name="fetch")
refs_app = typer.Typer(no_args_is_help=True, help="The reference data that verdicts rest on.")
app.add_typer(refs_app, name="refs")
app.add_typer(record_app, name="record")
app.command()(check)


class What(StrEnum):
    """What `show` shows."""

    events = "events"
    doubts = "doubts"
    outages = "outages"
    verdicts = "verdicts"
    cells = "cells"
    routes = "routes"
    statements = "statements"
    revisions = "revisions"
    files = "files"
    quarantine = "quarantine"


class Format(StrEnum):
    """How it is shown."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class Shape(StrEnum):
    """How measurements lie: one country's history, one time in many countries, one target's history."""

    history = "history"
    countries = "countries"
    target = "target"


class Engine(StrEnum):
    """What does the work of a run."""

    duckdb = "duckdb"
    spark = "spark"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wallwatch {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """An observatory of internet restrictions: from raw measurements to evidence that holds up."""


def _as_of(text: str | None) -> datetime:
    """The moment after which a measurement is from the future: given, or a day from now.

    The clock is read here, at the edge, and passed in; no stage reads it.
    """
    from wallwatch.show import parse_time

    return parse_time(text) if text else datetime.now(UTC) + timedelta(days=1)


@app.command()
def run(
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders, or s3:// or https:// addresses; kinds are recognised by content.",
        ),
    ],
    workspace: RunWorkspaceOption,
    workers: WorkersOption = None,
    fingerprints: FingerprintsOption = None,
    mmdb: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A database of networks (MMDB, as GeoLite2-ASN) for addresses whose network no probe reported; kept.",
        ),
    ] = None,
    as_of: AsOfOption = None,
    engine: Annotated[
        Engine,
        typer.Option(
            "--engine", help="What reads, judges and detects: this machine with DuckDB, or a Spark cluster."
        ),
    ] = Engine.duckdb,
    master: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The Spark master (local[2], spark://host:7077, yarn), by default what spark-submit says.",
        ),
    ] = None,
    scratch: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder that all machines of the Spark cluster reach, for what is made on the way.",
        ),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Take files in, judge their measurements, and detect restrictions and outages."""
    from wallwatch import pipeline

    for name, value in (("--master", master), ("--scratch", scratch)):
        if value is not None and engine is not Engine.spark:
            raise typer.BadParameter(f"only --engine spark has a {name[2:]}", param_hint=name)
    remote, root = kept(workspace)
    with (
        progress_unless(quiet) as progress,
        _cluster(engine, master, remote, scratch) as cluster,
        pipeline.kept_in(remote, root, progress),
    ):
        paths, listed = pipeline.told_apart(inputs, root, progress, on_cluster=cluster is not None)
        summary = pipeline.run(
            paths,
            root,
            as_of=_as_of(as_of),
            published=datetime.now(UTC),
            workers=workers,
            fingerprints=fingerprints or (),
            mmdb=mmdb,
            progress=progress,
            cluster=cluster,
            listed=listed,
        )
    record = pipeline.describe(summary, root)
    if format_ is TextFormat.json:
        typer.echo(safe_json(record))
    else:
        for line in pipeline.in_words(record):
            typer.echo(line)
    if summary.taken_in.set_aside:
        raise typer.Exit(1)


@contextmanager
def _cluster(
    engine: Engine, master: str | None, remote: Remote | None, scratch: Path | None
) -> Iterator[Cluster | None]:
    if engine is Engine.duckdb:
        yield None
        return
    from wallwatch.cluster import Cluster, failures_in_words

    with Cluster(master, remote=remote, scratch=scratch) as cluster, failures_in_words():
        yield cluster


@app.command()
def watch(
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders or addresses in which files arrive."),
    ],
    workspace: WorkspaceOption,
    every: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="Between two looks.")] = 60,
    once: Annotated[
        bool,
        typer.Option("--once", help="Look once and stop, as for cron; what is new is told all the same."),
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            min=0, metavar="SECONDS", help="Leave a file that changed more recently for the next look."
        ),
    ] = 5,
    feed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The Atom feed to write; by default feed.atom in the workspace."),
    ] = None,
    feed_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address at which the feed will be found.")
    ] = None,
    workers: WorkersOption = None,
    fingerprints: FingerprintsOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run again as files arrive; print what is new as JSON lines, and keep an Atom feed of it.

    Each event and outage is told when it begins, spreads, ends, is revised or withdrawn, once.
    """
    import time

    from wallwatch.watch import Options
    from wallwatch.watch import watch as watching

    def tell(records: Sequence[Mapping[str, object]]) -> None:
        for record in records:
            typer.echo(safe_json(record))
        sys.stdout.flush()

    options = Options(
        every=every,
        settle=settle,
        once=once,
        workers=workers,
        fingerprints=tuple(fingerprints or ()),
        feed=feed or workspace / "feed.atom",
        link=feed_url,
    )
    with progress_unless(quiet) as progress:
        set_aside = watching(
            inputs,
            workspace,
            options,
            clock=lambda: datetime.now(UTC),
            wait=time.sleep,
            tell=tell,
            say=lambda text: say(f"wallwatch: {text}"),
            progress=progress,
        )
    if set_aside:
        raise typer.Exit(1)


@app.command()
def show(
    what: Annotated[What, typer.Argument(help="What to list.")],
    workspace: ReadWorkspaceOption,
    country: Annotated[str | None, typer.Option(metavar="CC", help="Two-letter country code.")] = None,
    target: Annotated[str | None, typer.Option(metavar="T", help="A host, a service or an input.")] = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_published: Annotated[
        str | None,
        typer.Option(
            "--as-published", metavar="TIME", help="Events or outages as they were published at that time."
        ),
    ] = None,
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to print it.")] = Format.table,
    limit: Annotated[int, typer.Option(min=0, help="Rows of a table on the terminal; 0 for all.")] = 100,
) -> None:
    """List events, doubts (what may be forged), outages, verdicts, cells, what still works (routes), statements, published states, files, or what was set aside."""
    from wallwatch import show as listing
    from wallwatch.engine import Workspace

    filters = listing.Filters(
        country=country_code(country),
        target=target.lower() if target else None,
        since=listing.parse_time(since) if since else None,
        until=listing.parse_time(until, last=True) if until else None,
    )
    with Workspace.open(workspace).connect() as con:
        if as_published:
            at = listing.parse_time(as_published, last=True)
            found = listing.published(con, what.value, at, filters)
        else:
            found = listing.records(con, what.value, filters)
        more = listing.write(what.value, found, format_.value, limit=limit or None)
    if more:
        say(f"… and {more:,} more; --limit 0 shows all, --format jsonl gives them to a script.")


@app.command()
def explain(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="A measurement, event or outage id, or its unique beginning.")
    ],
    workspace: ReadWorkspaceOption,
    revision: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="The state of an event or outage that was published as its Nth."
        ),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
) -> None:
    """Say how one verdict, event or outage was judged, and what speaks against it."""
    from wallwatch import explain as explaining
    from wallwatch.engine import Workspace

    with Workspace.open(workspace).connect() as con:
        answer = explaining.explain(con, id_) if revision is None else explaining.revision(con, id_, revision)
    if format_ is TextFormat.json:
        typer.echo(indented(answer.record))
    else:
        for line in answer.lines:
            typer.echo(safe_text(line))


@app.command()
def rejudge(
    workspace: WorkspaceOption,
    fingerprints: FingerprintsOption = None,
    workers: WorkersOption = None,
    as_of: AsOfOption = None,
    examples: Annotated[
        int, typer.Option(min=0, max=1000, help="Of each change of state so many measurements.")
    ] = 3,
    format_: TextFormatOption = TextFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Judge everything anew under the present rules and reference data, and print what changed."""
    from wallwatch import rejudge as rejudging

    with progress_unless(quiet) as progress:
        found = rejudging.rejudge(
            workspace,
            as_of=_as_of(as_of),
            published=datetime.now(UTC),
            fingerprints=fingerprints or (),
            workers=workers,
            examples=examples,
            progress=progress,
        )
    if format_ is TextFormat.json:
        typer.echo(safe_json(found.as_dict()))
    else:
        for line in rejudging.in_words(found):
            typer.echo(safe_text(line))
    if found.set_aside:
        raise typer.Exit(1)


@refs_app.command("update")
def refs_update(
    workspace: WorkspaceOption,
    url: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help="Where a list of fingerprints is published; may be repeated; by default the community's.",
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Renew the lists of fingerprints; all of them, or none where one cannot be had."""
    from wallwatch import refs
    from wallwatch.archive.fetch import download_inputs
    from wallwatch.engine import Workspace

    def fetched(address: str, into: Path) -> Path:
        return download_inputs(address, into, largest=refs.LARGEST)[0]

    with progress_unless(quiet) as progress, (made := Workspace.create(workspace)).lock():
        done = refs.update(
            made.layout, url or refs.COMMUNITY, fetched, now=datetime.now(UTC), progress=progress
        )
    for one in done:
        was = f", before {one.before[:16]}" if one.before and one.changed else ""
        typer.echo(
            f"{safe_text(one.url, 200)}: {one.rows:,} fingerprints, {one.sha256[:16]}"
            f"{was if one.changed else ', as it was'}"
        )
    if any(one.changed for one in done):
        say("What was taken in before is judged by them with: wallwatch rejudge")


@refs_app.command("show")
def refs_show(
    workspace: ReadWorkspaceOption,
    format_: TextFormatOption = TextFormat.text,
) -> None:
    """Say which lists, rules and models verdicts rest on, each with its version."""
    from wallwatch import refs
    from wallwatch.engine import Workspace

    record = refs.described(Workspace.open(workspace).layout)
    if format_ is TextFormat.json:
        typer.echo(safe_json(record))
    else:
        for line in refs.in_words(record):
            typer.echo(safe_text(line))


@refs_app.command("list")
def refs_list(
    workspace: ReadWorkspaceOption,
    country: Annotated[str | None, typer.Option(metavar="CC", help="Only those expected there.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="Only of this scope: nat, isp, prod, inst, vbw or fp.")
    ] = None,
    format_: TextFormatOption = TextFormat.text,
) -> None:
    """List the fingerprints in use."""
    from wallwatch import refs
    from wallwatch.engine import Workspace

    wanted = country_code(country)
    for one in refs.load(Workspace.open(workspace).layout).fingerprints:
        if (wanted and wanted not in one.countries) or (scope and one.scope != scope):
            continue
        if format_ is TextFormat.json:
            typer.echo(safe_json(asdict(one)))
        else:
            where = ",".join(one.countries) or "anywhere"
            typer.echo(
                f"{safe_text(one.hit, 60)}  {safe_text(one.location, 40)}  {one.pattern_type}  "
                f"{safe_text(one.pattern, 100)}  {safe_text(where, 60)}"
            )


@app.command()
def report(
    workspace: ReadWorkspaceOption,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="The folder to write; a file with --one-file.")
    ],
    country: CountryOption = None,
    lang: Annotated[str, typer.Option(help="Language of the pages.")] = "en",
    one_file: Annotated[
        bool,
        typer.Option("--one-file", help="One zip file of at most 1 MB, to be passed from phone to phone."),
    ] = False,
    quiet: QuietOption = False,
) -> None:
    """Write pages that open from disk, without JavaScript and without a network."""
    from wallwatch import report as reporting
    from wallwatch.engine import Workspace

    if one_file:
        from wallwatch.report.compact import write_one_file

        with progress_unless(quiet) as progress, Workspace.open(workspace).connect() as con:
            packed, left_out = write_one_file(
                con, out, country=country_code(country), lang=lang, progress=progress
            )
        more = f"; {left_out:,} pages did not fit" if left_out else ""
        typer.echo(f"{packed.pages:,} pages, {packed.size:,} bytes in {safe_text(packed.index)}{more}")
        return
    with progress_unless(quiet) as progress, Workspace.open(workspace).connect() as con:
        written = reporting.write(con, out, country=country_code(country), lang=lang, progress=progress)
    typer.echo(f"{written.pages:,} pages; open {written.index}")


class RoutesAs(StrEnum):
    """For whom what still works is written."""

    tor_map = "tor-map"
    helpdesk = "helpdesk"
    json = "json"


@app.command()
def routes(
    workspace: ReadWorkspaceOption,
    as_: Annotated[
        RoutesAs,
        typer.Option(
            "--as",
            help="tor-map: Tor's circumvention settings by country (JSON); helpdesk: a table (CSV); json: the rows.",
        ),
    ] = RoutesAs.helpdesk,
    country: CountryOption = None,
    floor: Annotated[
        int,
        typer.Option(
            min=5, help="Say nothing from fewer independent sessions; can be raised, never lowered."
        ),
    ] = 5,
) -> None:
    """Write what still works in each country and network for the tools of others."""
    from wallwatch import show as listing
    from wallwatch.engine import Workspace

    with Workspace.open(workspace).connect() as con:
        listing.write_routes(con, as_.value, country=country_code(country), floor=floor)


@app.command()
def serve(
    workspace: ReadWorkspaceOption,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to listen on; by default only this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = 8080,
    host_name: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name under which it may be asked; may be repeated; '*' for any."
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Pages from there may read the API (CORS); may be repeated."),
    ] = None,
) -> None:
    """The report's pages live, and an API with its OpenAPI document at /openapi.json; read-only."""
    try:
        from wallwatch import web
    except ModuleNotFoundError as error:
        raise WallwatchError(
            f"serving needs {error.name}; install it with: pip install 'wallwatch[web]'"
        ) from None
    web.serve(
        workspace,
        host=host,
        port=port,
        hosts=[host, *(host_name or ())],
        origins=allow_origin or (),
        started=lambda address: say(f"serving {workspace} at {address} (stop with Ctrl-C)"),
    )


@app.command()
def bundle(
    id_: Annotated[
        str, typer.Argument(metavar="ID", help="An event, outage or measurement id, or its unique beginning.")
    ],
    workspace: WorkspaceOption,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write, a zip file.")],
    sign: Annotated[
        Path | None,
        typer.Option(metavar="KEY", help="An SSH key to sign with (or the .pub of one in an agent)."),
    ] = None,
    timestamp: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="A time-stamp authority (RFC 3161) to ask; without it, no request is made."
        ),
    ] = None,
    public: Annotated[
        bool,
        typer.Option(
            "--public",
            help="The original files are public: record plain hashes of lines that addresses were cut out of.",
        ),
    ] = False,
    lang: Annotated[
        str, typer.Option(metavar="LANG", help="Language of the page for people: en, fa, ar or ru.")
    ] = "en",
    created: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it is made; by default the time of the last datum."),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Put all that is needed to check one finding into one file that opens without Wallwatch."""
    from wallwatch import bundles
    from wallwatch.show import parse_time

    with progress_unless(quiet) as progress:
        made = bundles.bundle(
            workspace,
            id_,
            out,
            key="" if public else bundles.custody_key(workspace),
            created=parse_time(created) if created else None,
            signer=sign,
            stamp_url=timestamp,
            lang=lang,
            progress=progress,
        )
    if format_ is TextFormat.json:
        typer.echo(safe_json(made.as_record()))
    else:
        for line in made.in_words():
            typer.echo(safe_text(line))
    if not made.outcome.follows:
        raise typer.Exit(1)


@app.command()
def verify(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A bundle, its unpacked folder, or a signed digest.")
    ],
    signers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Keys that you trust: a list of allowed signers, or one public key."
        ),
    ] = None,
    authorities: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificates (PEM) of time-stamp authorities that you trust."),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Check a bundle, judge its raw lines again, and say whether its claim follows; or check a signed digest."""
    from wallwatch import bundles

    if cli_evidence.signed_text(file, signers):
        return
    with progress_unless(quiet) as progress:
        report = bundles.verify(file, signers=signers, authorities=authorities, progress=progress)
    if format_ is TextFormat.json:
        typer.echo(safe_json(report.as_record()))
    else:
        for line in report.in_words():
            typer.echo(safe_text(line))
    if not report.holds:
        raise typer.Exit(1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where to put it; made anew.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another history.")] = 7,
    quiet: QuietOption = False,
) -> None:
    """A simulated country, from raw files to a report; nothing is downloaded."""
    from wallwatch import demo as demonstration

    with progress_unless(quiet) as progress:
        lines = demonstration.run(out, seed=seed, progress=progress)
    for line in lines:
        typer.echo(safe_text(line))


@app.command()
def evaluate(
    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A truth file of verdicts or statements; without it, the simulated country.",
        ),
    ] = None,
    document: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="For a truth file of statements: the document, where it names none."
        ),
    ] = None,
    date: Annotated[
        str | None, typer.Option(metavar="DATE", help="The day of that document, where it names none.")
    ] = None,
    trap: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Just the small world of one trap: J1 to J31, C1 to C18, Q1 to Q3, S1 to S11."
        ),
    ] = None,
    traps: Annotated[
        str | None,
        typer.Option(
            metavar="IDS",
            help="The small worlds of several traps, by number: `all`, a letter, or numbers with commas.",
        ),
    ] = None,
    routes: Annotated[
        bool, typer.Option("--routes", help="Just what still works, against simulated shares.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the simulation.")] = 1,
    days: Annotated[int, typer.Option(min=7, max=366, help="Length of its history.")] = 30,
    scale: Annotated[float, typer.Option(min=0.05, max=100, help="How much is measured in it.")] = 1.0,
    histories: Annotated[
        bool,
        typer.Option("--histories", help="Detection alone, beside published rules, on simulated series."),
    ] = False,
    signals: Annotated[
        bool,
        typer.Option("--signals", help="Outages alone, beside a published rule, on simulated connectivity."),
    ] = False,
    series: Annotated[
        int,
        typer.Option(
            min=40,
            max=100_000,
            help="Series of --histories (60 days), or of each source of --signals (40 days).",
        ),
    ] = 400,
    episodes: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A workspace: runs of failing measurements that anybody sees, and which are found.",
        ),
    ] = None,
    calendar: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="With --episodes: published times (CSV: start,end in UTC) to hold events against.",
        ),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
    quiet: QuietOption = False,
) -> None:
    """Print accuracy as numbers: against a simulated truth, or against a truth file."""
    from wallwatch.evaluate import commands

    with progress_unless(quiet) as progress:
        if truth:
            scores = commands.truth_file(truth, progress, document=document, document_date=date)
        elif routes:
            scores = commands.still_works(seed=seed)
        elif traps:
            scores = commands.traps(traps, seed=seed, progress=progress)
        elif trap:
            scores = commands.trap(trap.upper(), seed=seed, progress=progress)
        elif episodes:
            scores = commands.episodes(episodes, calendar)
        elif histories:
            scores = commands.histories(seed=seed, series=series, progress=progress)
        elif signals:
            scores = commands.signals(seed=seed, series=series, progress=progress)
        else:
            scores = commands.simulated(seed=seed, days=days, scale=scale, progress=progress)
    typer.echo(safe_json(scores.as_dict()) if format_ is TextFormat.json else scores.as_text())


@app.command()
def bench(
    lines: Annotated[
        int, typer.Option(min=50, help="Lines of 50 kB in the corpus; six times as many of 7.5 kB.")
    ] = 400,
    repeats: Annotated[int, typer.Option(min=1, max=99, help="Repeats; medians are printed.")] = 5,
    series: Annotated[
        int, typer.Option(min=40, max=1_000_000, help="Blocking series of 720 hours that are scanned.")
    ] = 4_000,
    serve_: Annotated[
        bool, typer.Option("--serve", help="Measure the server alone, on a large simulated workspace.")
    ] = False,
    observations: Annotated[
        int | None,
        typer.Option(
            min=1_000,
            help="Simulated observations, at least: that are judged (1,000,000), or with --serve those of that "
            "workspace (20,000,000).",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="With --serve: where that workspace is kept, to be used again."),
    ] = None,
    format_: TextFormatOption = TextFormat.text,
    compare: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An earlier result (JSON) to compare to.")
    ] = None,
    scale: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Measure how cost grows instead: at N times 10,000 measurements; may be repeated.",
        ),
    ] = None,
    shape: Annotated[
        Shape, typer.Option("--shape", help="How the measurements of --scale lie.")
    ] = Shape.history,
    on: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENGINE",
            help="What --scale is measured on: duckdb, as by default, or a Spark master; may be repeated.",
        ),
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Print speed as ratios to a limit that is measured in the same run, or how cost grows with size."""
    from wallwatch.bench import commands, serving

    with progress_unless(quiet) as progress:
        if serve_:
            found = serving.run(observations or 20_000_000, workspace=keep, progress=progress)
            typer.echo(safe_json(found) if format_ is TextFormat.json else serving.as_text(found))
            return
        if scale:
            grown = commands.grow(scale, on or ("duckdb",), shape.value, progress)
            typer.echo(safe_json(grown.as_dict()) if format_ is TextFormat.json else grown.as_text())
            return
        result = commands.run(
            lines=lines,
            repeats=repeats,
            series=series,
            observations=observations or 1_000_000,
            progress=progress,
        )
    if compare:
        typer.echo(commands.compare(result, compare))
    else:
        typer.echo(safe_json(result.as_dict()) if format_ is TextFormat.json else result.as_text())


@fetch_app.command("ooni")
def fetch_ooni(
    country: Annotated[
        list[str], typer.Option(metavar="CC", help="Two-letter country code; may be repeated.")
    ],
    since: Annotated[str, typer.Option(metavar="DATE", help="First day (of upload, UTC).")],
    until: Annotated[str, typer.Option(metavar="DATE", help="Last day (of upload, UTC).")],
    into: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder to fill; give it to `wallwatch run`.")
    ],
    nettest: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this test; may be repeated.")
    ] = None,
    late_days: Annotated[
        int, typer.Option(min=0, max=60, help="Days after the last to look at too: some arrive days late.")
    ] = 0,
    post_cans: Annotated[
        bool, typer.Option("--post-cans", help="Also the .tar.gz files, which hold the same measurements.")
    ] = False,
    endpoint: Annotated[
        str | None, typer.Option(metavar="URL", help="Another store that speaks S3; else AWS_ENDPOINT_URL.")
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(metavar="NAME", help="Another bucket of the same layout.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Downloads at once.")] = 8,
    quiet: QuietOption = False,
) -> None:
    """Download OONI's raw files from its public bucket; a second call goes on where the first stopped."""
    from wallwatch.archive import fetch
    from wallwatch.show import parse_time

    with progress_unless(quiet) as progress:
        summary = fetch.fetch_ooni(
            countries=[country_code(code) or "" for code in country],
            since=parse_time(since).date(),
            until=parse_time(until).date(),
            nettests=nettest or (),
            into=into,
            late_days=late_days,
            post_cans=post_cans,
            endpoint=endpoint,
            bucket=bucket or fetch.BUCKET,
            workers=workers,
            progress=progress,
        )
    for line in summary.lines():
        typer.echo(safe_text(line))
    if summary.failed:
        raise typer.Exit(1)


app.command("digest")(cli_evidence.digest)
app.command("mirror")(cli_evidence.mirror)


def main() -> None:
    """The entry point of `wallwatch`: a person's mistake is one line and status 2, never a traceback."""
    try:
        with WithoutPandas():
            app(standalone_mode=True)
    except WallwatchError as error:
        say(f"wallwatch: {error}")
        sys.exit(error.status)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        say("wallwatch: stopped; run the same command again to go on where it was")
        sys.exit(130)
