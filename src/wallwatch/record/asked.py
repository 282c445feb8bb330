"""What `wallwatch check` is asked: a claim typed in, a statement of the record, a document, or a file of statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from wallwatch._errors import WallwatchError
from wallwatch.record import documents, evidence, files
from wallwatch.record.answers import Checked
from wallwatch.record.check import check
from wallwatch.record.claims import Claim, Known, networks_named, of_statement, parse
from wallwatch.record.services import services
from wallwatch.schema.statements import RESTRICTIONS


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of the command say; they go before what is read in the words.

    Attributes:
        kind: `shutdown`, `blocking` or `throttling`.
        country: Code.
        target: A service or host.
        network: An ASN or a name.
        since: First moment.
        until: First moment after.
        base: The day on which the claim was made.
    """

    kind: str = ""
    country: str = ""
    target: str = ""
    network: str = ""
    since: datetime | None = None
    until: datetime | None = None
    base: date | None = None


def answer(
    con: duckdb.DuckDBPyConnection, asked: str, options: Options, *, path: Path | None = None
) -> list[Checked]:
    """The answers to what was asked.

    Args:
        con: A connection with the workspace's views.
        asked: Words, a statement's id, a document's hash, or nothing where the options say all.
        options: What they say.
        path: The file that `asked` names, where there is one.

    Raises:
        WallwatchError: There is nothing to check.
    """
    known = evidence.known(con)
    rows = _statements(con, asked, path)
    if rows is None:
        claim = _with_options(parse(asked, known, base=options.base), options, known)
        return [Checked(check(con, claim, known))]
    found = []
    for row in rows:
        claim = _with_options(of_statement(row, known), options, known)
        found.append(Checked(check(con, claim, known), row, bool(row.get("confirmed_by"))))
    return found


def _statements(con: duckdb.DuckDBPyConnection, asked: str, path: Path | None) -> list[dict[str, Any]] | None:
    """The statements that were asked for; null for words that are a claim themselves."""
    query = (
        "SELECT * FROM statements WHERE {where} QUALIFY row_number() OVER "
        "(PARTITION BY statement_id ORDER BY confirmed_by IS NULL, file_id, line) = 1 ORDER BY start NULLS FIRST, statement_id"
    )
    if path is not None:
        content = path.read_bytes() if path.stat().st_size <= documents.MOST_BYTES else b""
        if files.is_statements(content):
            read = files.read(content, str(path), strict=False)
            if read.problems:
                raise WallwatchError(str(read.problems[0]))
            drafts = [one for one in read.entries if one.marked_draft]
            rows = [dict(one.row) for one in read.entries if not one.marked_draft]
            known = {row["statement_id"] for row in evidence.rows(con, query.format(where="true"))}
            rows += [dict(one.row) for one in drafts if one.row["statement_id"] in known]
            if not rows:
                raise WallwatchError(
                    f"{path}: {len(drafts)} drafts, none confirmed; confirm them first: wallwatch record confirm {path}"
                )
            return rows
        sha256 = documents.read(content, path.name).sha256
        rows = evidence.rows(con, query.format(where="document_sha256 = ?"), [sha256])
        if not rows:
            raise WallwatchError(
                f"no confirmed statement was read out of {path}; make drafts with: wallwatch record draft {path}"
            )
        return rows
    word = asked.strip()
    if word.startswith("st-") and " " not in word:
        rows = evidence.rows(con, query.format(where="starts_with(statement_id, ?)"), [word])
        if len(rows) != 1:
            raise WallwatchError(f"{len(rows)} statements have an id that begins with {word}")
        return rows
    if len(word) >= 8 and all(one in "0123456789abcdef" for one in word):
        rows = evidence.rows(con, query.format(where="starts_with(document_sha256, ?)"), [word])
        if not rows:
            raise WallwatchError(f"no confirmed statement was read out of a document {word}")
        return rows
    return None


def _with_options(claim: Claim, options: Options, known: Known) -> Claim:
    """The claim with what the options say; what they say is no longer a reason not to check it."""
    changed = claim
    if options.kind:
        if options.kind not in RESTRICTIONS:
            raise WallwatchError(
                f"{options.kind!r} is not a kind of restriction; there are {', '.join(RESTRICTIONS)}"
            )
        changed = replace(changed, restriction=options.kind)
    if options.country:
        changed = replace(changed, countries=(options.country,))
    if options.target:
        names = {name.lower(): one.name for one in services().values() for name in one.names}
        target = options.target.lower().removeprefix("https://").removeprefix("http://").strip("/")
        changed = replace(changed, targets=(names.get(target, target),), social=False)
    if options.network:
        text = options.network.upper().removeprefix("AS")
        numbers = (
            {int(text)}
            if text.isdigit() and len(text) <= 10
            else networks_named(options.network, changed.countries, known)
        )
        changed = replace(
            changed,
            networks=tuple(sorted(numbers)),
            network_words=(options.network,),
            unknown_networks=() if numbers else (options.network,),
        )
    if options.since or options.until:
        changed = replace(changed, since=options.since, until=options.until)
    if changed == claim:
        return claim
    problem = claim.problem
    if not claim.text.strip() or not problem.startswith("it speaks"):
        problem = ""
        if not changed.restriction:
            problem = "no kind of restriction is named; name one with --kind"
        elif not changed.countries:
            problem = "no country is named; name one with --country"
        elif changed.since is None and changed.until is None and "no year" in claim.problem:
            problem = claim.problem
    return replace(changed, problem=problem)


def exit_words(found: Sequence[Checked]) -> str:
    """How many claims got which answer, in a line."""
    counts: dict[str, int] = {}
    for one in found:
        counts[one.answer.verdict] = counts.get(one.answer.verdict, 0) + 1
    return f"{len(found)} claims: " + ", ".join(
        f"{count} {verdict}" for verdict, count in sorted(counts.items())
    )
