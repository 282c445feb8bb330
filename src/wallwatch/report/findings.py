"""Events and outages in plain words: what, where, since when, until when, how sure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import duckdb
from markupsafe import Markup, escape

from wallwatch.report.facts import WEEK, Country, rows
from wallwatch.report.language import Language, foreign, marked
from wallwatch.report.places import country_name, event_page, is_country, outage_page, service_name
from wallwatch.schema.words import MECHANISMS

#: From this probability on, a finding is stated without "likely".
SURE: Final = 0.99

#: Kinds that are faults of a service or an instrument: told so that nobody takes them for censorship.
FAULTS: Final = ("service_outage", "instrument")

#: Kinds that are no restriction, as far as can be told.
NO_RESTRICTION: Final = (*FAULTS, "disruption")


#: Not seen to end.
OPEN: Final = ("ongoing", "left_open")


@dataclass(frozen=True, eq=False)
class Finding:
    """An event or an outage; what it is in words is put together when a page asks for it.

    Attributes:
        row: Its row in the table.
        sort: `event` or `outage`.
        page: Its page's path from the report's folder.
        status: `ongoing`, `ended_lately`, `left_open` (open where the country's data end early) or `past`.
        new: Whether it began in the last week of the data.
        restriction: Whether it is one, as far as can be told.
        fault: Whether it is a fault of a service or an instrument.
        last: The newest data of its country.
        language: Of the words.
    """

    row: Mapping[str, Any]
    sort: str
    page: str
    status: str
    new: bool
    restriction: bool
    fault: bool
    last: datetime | None
    language: Language

    @cached_property
    def headline(self) -> Markup:
        """What it is, in one sentence."""
        say = _event_headline if self.sort == "event" else _outage_headline
        return say(self.row, self.status, self.language)

    @cached_property
    def short(self) -> Markup:
        """What it is, in a few words, for tables."""
        return (_event_short if self.sort == "event" else _outage_short)(self.row, self.language)

    @cached_property
    def began(self) -> Markup:
        """When it began, in words."""
        return _began(self.row, self.language)

    @cached_property
    def ended(self) -> Markup:
        """When it ended, in words."""
        return _ended(self.row, self.language, self.last)

    @cached_property
    def pattern(self) -> Mapping[str, Any]:
        """Its pattern in time: `text`, `hours_utc`, `weekdays`, `days`; empty where it has none."""
        return _object(self.row["recurrence"])

    @cached_property
    def details(self) -> tuple[Mapping[str, Any], ...]:
        """Per network, as the detector says; empty for an outage."""
        return _details(self.row["details"]) if self.sort == "event" else ()

    @property
    def country(self) -> str:
        """The country's code."""
        return str(self.row["country"])

    @property
    def repeats(self) -> str:
        """Its pattern in time, as the detector puts it; empty where it has none."""
        text = self.pattern.get("text")
        return text if isinstance(text, str) else ""

    @property
    def current(self) -> bool:
        """Whether it belongs to what is restricted now."""
        return self.restriction and self.status in ("ongoing", "ended_lately")


def mechanism(path: str, language: Language) -> Markup:
    """A mechanism path in words; an unknown path as it is."""
    if path in MECHANISMS:
        return language.gettext(MECHANISMS[path])
    return language.gettext(_PARTS[path]) if path in _PARTS else foreign(path)


def _object(text: object) -> dict[str, Any]:
    """A JSON object; empty for anything else, for a page must not fail on one row."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _details(text: object) -> tuple[Mapping[str, Any], ...]:
    try:
        found = json.loads(text) if isinstance(text, str) else []
    except ValueError:
        return ()
    return tuple(one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _status(row: Mapping[str, Any], now: datetime | None, last: datetime | None) -> str:
    end = row["end_best"] or row["end_latest"]
    if end is not None:
        return "ended_lately" if now is not None and end > now - WEEK else "past"
    return "ongoing" if now is None or last is None or last > now - WEEK else "left_open"


def _began(row: Mapping[str, Any], language: Language) -> Markup:
    best, first, last = row["onset_best"], row["onset_earliest"], row["onset_latest"]
    _ = language.gettext
    if best is None:
        if last is not None:
            return _("before the data begin, at the latest %(last)s", last=last)
        return _("before the data begin")
    if first is not None and last is not None and last > first:
        return _("%(best)s (between %(span)s)", best=best, span=_span(best, first, last, language))
    return _("%(best)s", best=best)


def _ended(row: Mapping[str, Any], language: Language, last: datetime | None) -> Markup:
    best, first, latest = row["end_best"], row["end_earliest"], row["end_latest"]
    _ = language.gettext
    if best is None and latest is None:
        if last is not None:
            return _("not seen to end; the data go to %(last)s", last=last)
        return _("not seen to end")
    if best is None:
        return _("at the latest %(last)s", last=latest)
    if first is not None and latest is not None and latest > first:
        return _("%(best)s (between %(span)s)", best=best, span=_span(best, first, latest, language))
    return _("%(best)s", best=best)


def _span(best: datetime, first: datetime, last: datetime, language: Language) -> Markup:
    """`20:00 and 22:00` where all is on one day; the days, too, where it is not."""
    if best.date() == first.date() == last.date():
        first_words, last_words = language.clock(first), language.clock(last)
    else:
        first_words, last_words = language.brief(first), language.brief(last)
    return language.gettext("%(first)s and %(last)s", first=escape(first_words), last=escape(last_words))


def place_name(code: str, language: Language) -> Markup:
    """`Kenya (KE)`; the code alone where the country has no name."""
    name = language.country(code, country_name(code))
    if name == code:
        return foreign(code, 8)
    return language.gettext("%(name)s (%(code)s)", name=name, code=code)


def _when(row: Mapping[str, Any], status: str, language: Language) -> Markup:
    onset = row["onset_best"] or row["onset_latest"]
    end = row["end_best"] or row["end_latest"]
    _ = language.gettext
    day = {
        name: escape(language.day(value))
        for name, value in (("onset", onset), ("end", end))
        if value is not None
    }
    known = row["onset_best"] is not None
    if "end" in day:
        if known and onset is not None and onset.date() == end.date():
            return _("on %(day)s", day=day["onset"])
        if known:
            return _("from %(onset)s to %(end)s", **day)
        return _("until %(end)s, since before the data begin", end=day["end"])
    if not known:
        return _("throughout the data, with no end seen")
    if status == "left_open":
        return _("since %(onset)s, with no end seen in the data", onset=day["onset"])
    return _("since %(onset)s", onset=day["onset"])


def _event_short(row: Mapping[str, Any], language: Language) -> Markup:
    _ = language.gettext
    name = service_name(row["service"])
    sure = row["probability"] >= SURE
    if row["kind"] == "throttling":
        return _("%(name)s slowed", name=name) if sure else _("%(name)s likely slowed", name=name)
    if row["kind"] == "service_outage":
        return _("%(name)s down", name=name)
    if row["kind"] == "instrument":
        return _("%(name)s: fault of the probe", name=name)
    return _("%(name)s blocked", name=name) if sure else _("%(name)s likely blocked", name=name)


def _event_headline(row: Mapping[str, Any], status: str, language: Language) -> Markup:
    """`Telegram was blocked on 2 of 11 measured networks in Kenya (KE) from … to …`."""
    _, ngettext = language.gettext, language.ngettext
    name = service_name(row["service"])
    where, when = place_name(row["country"], language), _when(row, status, language)
    if row["kind"] == "service_outage":
        return _(
            "%(name)s did not work for anybody, in %(where)s as elsewhere, %(when)s: no restriction",
            name=name,
            where=where,
            when=when,
        )
    if row["kind"] == "instrument":
        return _(
            "The probe failed to measure %(name)s in %(where)s %(when)s: a fault of the instrument, no restriction",
            name=name,
            where=where,
            when=when,
        )
    found = len(row["networks"])
    measured = found + len(row["networks_ok"])
    over = row["end_best"] is not None or row["end_latest"] is not None
    sure = row["probability"] >= SURE
    slowed = row["kind"] == "throttling"
    if over:
        verb = (
            (_("was slowed") if sure else _("was likely slowed"))
            if slowed
            else (_("was blocked") if sure else _("was likely blocked"))
        )
    else:
        verb = (
            (_("has been slowed") if sure else _("has likely been slowed"))
            if slowed
            else (_("has been blocked") if sure else _("has likely been blocked"))
        )
    on = ngettext(
        "%(found)s of %(n)s measured network",
        "%(found)s of %(n)s measured networks",
        measured,
        found=found,
    )
    return _(
        "%(name)s %(verb)s on %(on)s in %(where)s %(when)s",
        name=name,
        verb=verb,
        on=on,
        where=where,
        when=when,
    )


def _outage_place(row: Mapping[str, Any], language: Language) -> Markup:
    _ = language.gettext
    where = place_name(row["country"], language)
    if row["network"] is not None:
        network = Markup("AS{}").format(int(row["network"]))
        if row["region"] is not None:
            return _(
                "%(network)s in %(region)s, %(where)s", network=network, region=row["region"], where=where
            )
        return _("%(network)s in %(where)s", network=network, where=where)
    if row["region"] is not None:
        return _("%(region)s, %(where)s", region=row["region"], where=where)
    return where


def _outage_short(row: Mapping[str, Any], language: Language) -> Markup:
    _ = language.gettext
    words = {
        "shutdown": _("internet shut down"),
        "partial": _("connectivity partly lost"),
        "domestic_only": _("foreign sites cut off"),
        "disruption": _("connectivity disrupted"),
        "instrument": _("signal failed"),
    }
    return words.get(row["kind"], foreign(row["kind"]))


#: Mechanisms that are prefixes of those in the schema, in words.
_PARTS: Final = {
    "dns": marked("interference with name resolution"),
    "dns.injection": marked("a forged DNS answer"),
    "tcp": marked("interference with connecting"),
    "tls": marked("interference with the TLS handshake"),
    "tls.reset": marked("the TLS handshake is cut"),
    "tls.mitm": marked("a forged certificate"),
    "tls.throttle": marked("TLS is slowed"),
    "http": marked("interference with HTTP"),
    "http.reset": marked("the connection is reset during HTTP"),
    "http.throttle": marked("HTTP is slowed"),
    "ip": marked("interference with the address"),
}

#: Kind to the sentences of what is over and of what is not, each surely and likely.
_OUTAGES: Final = {
    "shutdown": (
        (
            marked(
                "%(where)s was cut off from the internet %(when)s: about %(depth)s of its connectivity was lost"
            ),
            marked(
                "%(where)s was likely cut off from the internet %(when)s: about %(depth)s of its connectivity was lost"
            ),
        ),
        (
            marked(
                "%(where)s has been cut off from the internet %(when)s: about %(depth)s of its connectivity was lost"
            ),
            marked(
                "%(where)s has likely been cut off from the internet %(when)s: about %(depth)s of its connectivity was lost"
            ),
        ),
    ),
    "partial": (
        (
            marked("%(where)s lost about %(depth)s of its connectivity %(when)s"),
            marked("%(where)s likely lost about %(depth)s of its connectivity %(when)s"),
        ),
        (
            marked("%(where)s has been without about %(depth)s of its connectivity %(when)s"),
            marked("%(where)s has likely been without about %(depth)s of its connectivity %(when)s"),
        ),
    ),
    "domestic_only": (
        (
            marked("%(where)s was cut off from foreign sites, while domestic ones answered, %(when)s"),
            marked("%(where)s was likely cut off from foreign sites, while domestic ones answered, %(when)s"),
        ),
        (
            marked("%(where)s has been cut off from foreign sites, while domestic ones answer, %(when)s"),
            marked(
                "%(where)s has likely been cut off from foreign sites, while domestic ones answer, %(when)s"
            ),
        ),
    ),
    "disruption": (
        (
            marked("Connectivity of %(where)s was disrupted %(when)s: about %(depth)s of it was lost"),
            marked("Connectivity of %(where)s was likely disrupted %(when)s: about %(depth)s of it was lost"),
        ),
        (
            marked("Connectivity of %(where)s has been disrupted %(when)s: about %(depth)s of it was lost"),
            marked(
                "Connectivity of %(where)s has likely been disrupted %(when)s: about %(depth)s of it was lost"
            ),
        ),
    ),
}


def _outage_headline(row: Mapping[str, Any], status: str, language: Language) -> Markup:
    _ = language.gettext
    where, when = _outage_place(row, language), _when(row, status, language)
    depth = escape(language.percent(row["depth"]))
    if row["kind"] == "instrument":
        return _(
            "The signal for %(where)s failed %(when)s: a fault of the instrument, no restriction",
            where=where,
            when=when,
        )
    over, going_on = _OUTAGES.get(row["kind"], _OUTAGES["disruption"])
    sentences = over if row["end_best"] is not None or row["end_latest"] is not None else going_on
    return _(sentences[row["probability"] < SURE], where=where, when=when, depth=depth)


def certainty(probability: float, language: Language) -> Markup:
    """How sure, in words; the number stands beside it."""
    _ = language.gettext
    for least, words in ((0.999, _("almost certain")), (SURE, _("very likely")), (0.9, _("likely"))):
        if probability >= least:
            return words
    return _("possible")


def load(
    con: duckdb.DuckDBPyConnection,
    known: Mapping[str, Country],
    country: str | None,
    now: datetime | None,
    language: Language,
) -> list[Finding]:
    """Every event and outage, the newest first.

    Args:
        con: A connection with the views of a workspace.
        known: The countries with data.
        country: Only this country, or every one.
        now: The newest time in the data.
        language: Of the words.
    """
    found = []
    for sort, key in (("event", "event_id"), ("outage", "outage_id")):
        for row in rows(
            con,
            f"SELECT * FROM {sort}s WHERE $country IS NULL OR country = $country ORDER BY {key}",
            {"country": country},
        ):
            if not is_country(row["country"]):
                continue
            last = known[row["country"]].last if row["country"] in known else None
            onset = row["onset_best"]
            found.append(
                Finding(
                    row=row,
                    sort=sort,
                    page=event_page(row[key]) if sort == "event" else outage_page(row[key]),
                    status=_status(row, now, last),
                    new=now is not None and onset is not None and onset > now - WEEK,
                    restriction=row["kind"] not in NO_RESTRICTION,
                    fault=row["kind"] in FAULTS,
                    last=last,
                    language=language,
                )
            )
    found.sort(key=_newest_first)
    return found


def by_weight(finding: Finding) -> tuple[bool, bool, int, int, str]:
    """What a reader should see first: what goes on, the whole country, more networks, more witnesses."""
    row = finding.row
    if finding.sort == "outage":
        return (finding.status not in OPEN, False, -int(row["regions"]), 0, finding.page)
    return (
        finding.status not in OPEN,
        True,
        -len(row["networks"]),
        -int(row["sessions_blocked"]),
        finding.page,
    )


def _newest_first(finding: Finding) -> tuple[float, str, str]:
    onset = finding.row["onset_best"] or finding.row["onset_latest"]
    return (-onset.timestamp() if onset else float("inf"), finding.sort, finding.page)
