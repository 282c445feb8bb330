"""A country in a few hundred bytes of plain text: for SMS, radio, a slow tunnel.

Every phrase goes through the language, as those of the pages do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import duckdb
from markupsafe import Markup

from wallwatch._errors import WallwatchError
from wallwatch.report.facts import counted, countries, rows
from wallwatch.report.findings import SURE, Finding, by_weight, load, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import service_name
from wallwatch.routes import BY_ID

#: Fewer bytes hold nothing that could be understood.
FEWEST: Final = 140
#: From this share on something is said to work.
_WORKS: Final = 0.8


def digest(
    con: duckdb.DuckDBPyConnection,
    country: str,
    language: Language,
    most: int,
    signed: Callable[[bytes], bytes] | None = None,
    signature: int = 0,
) -> bytes:
    """What is restricted in a country, since when, and what still works; the weightiest first.

    Args:
        con: A connection with a view for each table of the schema.
        country: ISO 3166-1 alpha-2.
        language: Of the words.
        most: The greatest number of bytes, UTF-8, with the signature.
        signed: Gives the line of the signature of a text.
        signature: Its bytes.

    Raises:
        WallwatchError: There is nothing about the country, or too few bytes.
    """
    if most - signature < FEWEST:
        raise WallwatchError(f"a digest needs at least {FEWEST + signature} bytes")
    with counted(con, country):
        known = countries(con)
        now = max((one.last for one in known.values()), default=None)
        found = load(con, known, country, now, language)
        if country not in known and not found:
            raise WallwatchError(f"there are no data about {country}; see: wallwatch show files")
        last = known[country].last if country in known else None
        networks = known[country].networks if country in known else 0
    text = _fitted(_lines(con, country, found, last, networks, language), most - signature, language)
    return text + signed(text) if signed is not None else text


def _lines(
    con: duckdb.DuckDBPyConnection,
    country: str,
    found: list[Finding],
    last: datetime | None,
    networks: int,
    language: Language,
) -> list[str]:
    """The lines, the head first, then those that matter most."""
    _, ngettext = language.gettext, language.ngettext
    where = place_name(country, language)
    head = (
        _("%(where)s: data to %(day)s", where=where, day=Markup(language.day(last)))  # noqa: S704 - our words
        if last is not None
        else _("%(where)s: no dated data", where=where)
    )
    current = sorted((one for one in found if one.current and not one.row.get("parent")), key=by_weight)
    lines = [head]
    lines += [_line(one, language) for one in current]
    if not current:
        lines.append(
            ngettext(
                "No restriction found that stands, in measurements from %(n)s network. Others may have some.",
                "No restriction found that stands, in measurements from %(n)s networks. Others may have some.",
                networks,
            )
        )
    restricted = {str(one.row["service"]) for one in current if one.sort == "event"}
    working = _working(con, country, restricted)
    if working:
        lines.append(_("Still works: %(names)s", names=Markup("; ").join(working)))
    return [_plain(line) for line in lines]


def _line(one: Finding, language: Language) -> Markup:
    """`Telegram blocked, 4 of 13 networks, since 8 November 2023`."""
    _ = language.gettext
    row = one.row
    onset, end = row["onset_best"], row["end_best"]
    since = (
        _("since %(day)s", day=Markup(language.day(onset)))  # noqa: S704 - our words
        if onset is not None
        else _("since before the data")
    )
    if end is not None:
        until = Markup(language.day(end))  # noqa: S704 - our words
        since = _("%(since)s, ended %(until)s", since=since, until=until)
    elif one.status == "left_open":
        since = _("%(since)s, newer data are missing", since=since)
    if one.sort == "event":
        name, amount = service_name(row["service"]), len(row["networks"])
        sure = row["probability"] >= SURE
        if row["kind"] == "throttling":
            what = _("%(name)s slowed", name=name) if sure else _("%(name)s likely slowed", name=name)
        else:
            what = _("%(name)s blocked", name=name) if sure else _("%(name)s likely blocked", name=name)
        measured = amount + len(row["networks_ok"])
        return _(
            "%(what)s, %(found)s of %(n)s networks, %(since)s",
            what=what,
            found=amount,
            n=measured,
            since=since,
        )
    depth = Markup(language.percent(row["depth"]))  # noqa: S704 - our words
    place = row["region"] or (f"AS{row['network']}" if row["network"] is not None else None)
    sentence = (
        _("%(place)s: %(what)s", place=place, what=one.short) if place else _("%(what)s", what=one.short)
    )
    if row["probability"] < SURE:
        sentence = _("likely: %(what)s", what=sentence)
    return _("%(what)s, %(depth)s lost, %(since)s", what=sentence, depth=depth, since=since)


def _working(con: duckdb.DuckDBPyConnection, country: str, restricted: set[str]) -> list[Markup]:
    """Names of the ways to get through that mostly work in the country, best first; none without enough evidence.

    Args:
        con: A connection with the view `routes`.
        country: The country.
        restricted: Services that are said to be restricted: they, and their parts, are not said to work.
    """
    best = rows(
        con,
        "SELECT route FROM routes WHERE country = $country AND network IS NULL AND grade IN ('good', 'fair') "
        "AND rate_low >= $works AND route_kind IN ('circumvention', 'messaging') ORDER BY route_kind, rank, route",
        {"country": country, "works": _WORKS},
    )
    routes = [(row["route"], BY_ID[row["route"]]) for row in best]
    return [
        Markup("{}").format(route.name)
        for id_, route in routes
        if route.whole
        and id_.partition(".")[0] not in restricted
        and (route.kind == "circumvention" or "." not in id_)
    ]


def _plain(line: Markup) -> str:
    return " ".join(line.striptags().split())


def _fitted(lines: list[str], most: int, language: Language) -> bytes:
    """As many whole lines as fit, and how many do not; never a part of a character."""
    sizes = [len(line.encode()) + 1 for line in lines]
    if sum(sizes) <= most:
        return "".join(f"{line}\n" for line in lines).encode()
    for kept in range(len(lines) - 1, 0, -1):
        # What still works stands last, and is worth more than one more restriction.
        for last in ([lines[-1]], []) if kept < len(lines) - 1 and len(lines) > 2 else ([],):
            left = len(lines) - kept - len(last)
            more = _plain(language.ngettext("and %(n)s more", "and %(n)s more", left))
            text = "".join(f"{line}\n" for line in [*lines[:kept], more, *last]).encode()
            if len(text) <= most:
                return text
    return _cut(lines[0], most - 1) + b"\n"


def _cut(text: str, most: int) -> bytes:
    """The beginning of a text, ending in `…`, between characters."""
    content = text.encode()[: most - len("…".encode())]
    return (content.decode("utf-8", "ignore") + "…").encode()
