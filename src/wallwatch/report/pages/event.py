"""An event: what, where, when, how sure, what speaks against it, and how to check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
from markupsafe import Markup, escape

from wallwatch._text import safe_text
from wallwatch.detect.episodes import ENOUGH
from wallwatch.judge.rules import BY_ID
from wallwatch.report import charts, links
from wallwatch.report.facts import Country, rows
from wallwatch.report.findings import Finding, certainty, mechanism, place_name
from wallwatch.report.language import Language
from wallwatch.report.places import (
    country_page,
    is_made_up,
    measurement_page,
    network_page,
    service_name,
    service_page,
)
from wallwatch.report.timelines import Course, Timeline, course
from wallwatch.schema.words import LAYERS

#: Networks with a chart of their own; the others stand in one.
_LARGE: Final = 8
#: Networks in the chart of others.
_SMALL: Final = 30
#: Networks whose week is shown.
_WEEKS: Final = 6


def _unit(step: timedelta, language: Language) -> Markup:
    if step < timedelta(days=1):
        return language.ngettext("%(n)s hour", "%(n)s hours", int(step / timedelta(hours=1)))
    return language.ngettext("%(n)s day", "%(n)s days", step.days)


def _named(network: int, names: Mapping[tuple[str, int], str], country: str) -> str:
    name = names.get((country, network), "")
    return f"AS{network} {safe_text(name, 60)}".strip()


def _layer(layer: str, language: Language) -> Markup:
    return language.gettext(
        {**LAYERS, "service": "the service as a whole", "all": "the measurement as a whole"}.get(layer, layer)
    )


def _moment(detail: Mapping[str, Any], name: str, otherwise: datetime) -> datetime:
    """The best guess of when it began or ended on a network, as the detector says."""
    interval = detail.get(name)
    best = interval.get("best") if isinstance(interval, Mapping) else None
    try:
        return datetime.fromisoformat(best) if isinstance(best, str) else otherwise
    except ValueError:
        return otherwise


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _repeats(detail: Mapping[str, Any]) -> str:
    recurrence = detail.get("recurrence")
    text = recurrence.get("text") if isinstance(recurrence, Mapping) else None
    return text if isinstance(text, str) else ""


def _counts(line: Timeline | None, detail: Mapping[str, Any]) -> dict[str, Any]:
    """A network's counts: in its own part of the event where the detector says them, else in the event's time."""
    names = ("sessions", "sessions_blocked", "measurements", "measurements_blocked", "insufficient")
    if all(isinstance(detail.get(name), int | float) for name in names):
        return {name: detail[name] for name in names}
    if line is None:
        return {}
    one = line.inside
    values = (one.sessions, one.blocked, one.measurements, one.measurements_blocked, line.insufficient)
    return dict(zip(names, values, strict=True))


def _figure(
    line: Timeline,
    whole: Course,
    finding: Finding,
    detail: Mapping[str, Any],
    name: str,
    unit: Markup,
    language: Language,
) -> dict[str, Any]:
    _ = language.gettext
    told = sum(one.enough for one in line.bins)
    span = (_moment(detail, "onset", whole.span[0]), _moment(detail, "end", whole.span[1]))
    counts = _counts(line, detail)
    description = _(
        "%(first)s to %(last)s: found in %(blocked)s of %(n)s sessions. "
        "Of the stretches with data, %(told)s of %(bins)s have enough sessions for a share.",
        first=escape(language.day(span[0])),
        last=escape(language.day(max(span))),
        blocked=round(counts["sessions_blocked"], 1),
        n=round(counts["sessions"], 1),
        told=told,
        bins=len(line.bins),
    )
    chart = charts.strip(
        f"n{line.network}",
        line.bins,
        whole.first,
        whole.last,
        whole.step,
        (span[0], max(span)),
        _(
            "%(service)s on %(name)s: share of sessions that found it, in stretches of %(unit)s",
            service=service_name(finding.row["service"]),
            name=name,
            unit=unit,
        ),
        description,
        language,
    )
    return {
        "line": line,
        "name": name,
        "layers": _texts(detail.get("layers")),
        "chart": chart,
        "description": description,
        "mechanisms": _texts(detail.get("mechanisms")),
        "pattern": language.pattern(detail["recurrence"]) if _repeats(detail) else "",
    }


def _seen(details: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Which mechanism was seen on which network, from when to when (trap C16)."""
    found = []
    for detail in details:
        listed = detail.get("mechanisms_seen")
        for one in listed if isinstance(listed, list) else []:
            if isinstance(one, Mapping) and isinstance(detail.get("network"), int):
                found.append(
                    {
                        "network": detail["network"],
                        "path": one.get("path"),
                        "first": _instant(one.get("first")),
                        "last": _instant(one.get("last")),
                        "measurements": one.get("measurements"),
                    }
                )
    return found


def _instant(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _week(line: Timeline, finding: Finding, name: str, language: Language) -> dict[str, Any]:
    _ = language.gettext
    known = {key: pair for key, pair in line.hours.items() if pair[0] >= ENOUGH}
    worst = max(known, key=lambda key: (known[key][1] / known[key][0], known[key][0], key), default=None)
    description = _("%(n)s of 168 hours of the week have enough sessions for a share.", n=len(known))
    if worst is not None and known[worst][1]:
        description += " " + _(
            "The most was found on %(day)s at %(hour)s UTC: %(blocked)s of %(n)s sessions.",
            day=escape(language.weekday(worst[0])),
            hour=escape(language.digits(f"{worst[1]:02d}:00")),
            blocked=round(known[worst][1], 1),
            n=round(known[worst][0], 1),
        )
    return {
        "line": line,
        "name": name,
        "chart": charts.heat(
            f"w{line.network}",
            line.hours,
            _(
                "%(service)s on %(name)s by hour and weekday",
                service=service_name(finding.row["service"]),
                name=name,
            ),
            description,
            language,
        ),
        "description": description,
        "days": [(day, [line.hours.get((day, hour), (0.0, 0.0)) for hour in range(24)]) for day in range(7)],
    }


def _rules(fired: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for one in fired:
        rule = BY_ID.get(one["rule"])
        found.append(
            {
                "id": one["rule"],
                "measurements": one["measurements"],
                "sentence": rule.sentence if rule else "",
                "source": rule.source if rule else "",
                "for": rule is not None and (rule.accuses or ".throttle" in rule.mechanism),
                "against": rule is not None and rule.against,
            }
        )
    found.sort(key=lambda one: 0 if one["for"] else 1 if one["against"] else 2)
    return found


def context(
    con: duckdb.DuckDBPyConnection,
    finding: Finding,
    country: Country | None,
    names: Mapping[tuple[str, int], str],
    measured: AbstractSet[tuple[str, int]],
    language: Language,
    *,
    live: bool = False,
) -> dict[str, Any]:
    """What `event.html` shows.

    Args:
        con: Inside `counted`.
        finding: The event.
        country: Its country; null where there are no data about it any more.
        names: Names of networks.
        measured: Networks that there is a page for.
        live: Whether single measurements have pages.
        language: Of the words.
    """
    row, code = finding.row, finding.country
    whole = course(con, finding, country) if country is not None else None
    lines = {} if whole is None else whole.networks
    unit = _unit(whole.step, language) if whole is not None else Markup()
    affected = [network for network in row["networks"] if network in lines]
    affected.sort(key=lambda network: (-lines[network].inside.sessions, network))
    details = {one["network"]: one for one in finding.details if isinstance(one.get("network"), int)}
    figures = [
        _figure(lines[n], whole, finding, details.get(n, {}), _named(n, names, code), unit, language)
        for n in affected[:_LARGE]
        if whole is not None
    ]
    repeating = [n for n in affected if _repeats(details.get(n, {}))] or (affected if finding.pattern else [])
    weeks = [_week(lines[n], finding, _named(n, names, code), language) for n in repeating[:_WEEKS]]
    beside = [
        n for n in (*affected[_LARGE:], *row["networks_ok"], *row["networks_insufficient"]) if n in lines
    ]
    beside.sort(key=lambda network: (-lines[network].inside.sessions, network))
    others = None
    if beside and whole is not None:
        others = charts.matrix(
            "others",
            [charts.Row(safe_text(_named(n, names, code), 26), lines[n].bins) for n in beside[:_SMALL]],
            whole.first,
            whole.last,
            whole.step,
            whole.span,
            language.gettext("The other networks: share found blocked"),
            language.gettext(
                "One line for each network, %(n)s in all; the table below has their numbers.",
                n=min(len(beside), _SMALL),
            ),
            language,
        )
    table = [
        {
            "network": n,
            "name": names.get((code, n), ""),
            "page": network_page(code, n) if (code, n) in measured else None,
            "status": status,
            "counts": _counts(lines.get(n), details.get(n, {})),
        }
        for status, numbers in (
            ("found", affected + [n for n in row["networks"] if n not in lines]),
            ("fine", row["networks_ok"]),
            ("few", row["networks_insufficient"]),
        )
        for n in numbers
    ]
    onset = row["onset_earliest"] or (country.first if country else None)
    finish = row["end_latest"] or (country.last if country else None)
    fired, hosts = (
        rows(
            con,
            f"SELECT * FROM report_{name} WHERE event_id = ? ORDER BY measurements DESC, {order}",
            [row["event_id"]],
        )
        for name, order in (("rules", "rule"), ("hosts", "host, layer"))
    )
    found_hosts = [one["host"] for one in hosts]
    return {
        "finding": finding,
        "row": row,
        "country": country,
        "country_name": place_name(code, language),
        "country_page": country_page(code) if country is not None else None,
        "made_up": is_made_up(code),
        "service": service_name(row["service"]),
        "certainty": certainty(row["probability"], language),
        "mechanisms": [(path, mechanism(path, language)) for path in row["mechanisms"]],
        "layers": [(layer, _layer(layer, language)) for layer in row["layers"]],
        "found_words": language.gettext("filled by the share of sessions that found it slowed")
        if row["kind"] == "throttling"
        else "",
        "figures": figures,
        "unit": unit,
        "whole": whole,
        "enough": ENOUGH,
        "weeks": weeks,
        "others": others,
        "others_more": max(len(beside) - _SMALL, 0),
        "networks": table,
        "hosts": hosts,
        "seen": _seen(finding.details),
        "rules": _rules(fired),
        "witnesses": [
            (id_, measurement_page(id_) if live else None, links.measurement(id_)) for id_ in row["witnesses"]
        ],
        "service_page": service_page(row["service"]),
        "search": None
        if onset is None or finish is None
        else links.search(code, row["service"], row["targets"], onset.date(), finish.date()),
        "commands": links.commands([*found_hosts, *row["targets"]], row["layers"]),
    }
