"""What is true of each measurement, and of the country: what an ideal judge could know, never more."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from wallwatch.simulate.plan import Outage, Plan, Restriction

_BLOCKED = ("blocked", "likely_blocked")
#: Mechanisms that leave behind something that only interference leaves.
_ARTEFACTS = ("dns.injection", "http.blockpage", "http.redirect", "tls.mitm")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one measurement.

    Attributes:
        state: The state that an ideal judge gives.
        accept: States that are right, too: what the evidence leaves open.
        mechanisms: Mechanism paths.
        locus: Where the cause lies; empty where nothing is wrong.
        traps: Trap numbers that it makes.
        restriction: The restriction that it met.
    """

    state: str
    accept: tuple[str, ...]
    mechanisms: tuple[str, ...] = ()
    locus: str = ""
    traps: tuple[str, ...] = ()
    restriction: str = ""


def met(restrictions: Sequence[Restriction], control: bool, traps: Iterable[str] = ()) -> Truth:
    """The truth of a measurement that met restrictions.

    Args:
        restrictions: Those that it met, in the order in which it did.
        control: Whether there is a control for it, or for its like.
        traps: Other traps that it makes.
    """
    first = restrictions[0]
    mechanisms = tuple(dict.fromkeys(r.mechanism for r in restrictions if r.mechanism))
    found = tuple(dict.fromkeys([*(r.trap for r in restrictions if r.trap), *traps]))
    locus = "resolver" if first.resolver_only else "network"
    if any("throttle" in mechanism for mechanism in mechanisms):
        return Truth("impaired", ("impaired",), mechanisms, locus, found, first.key)
    artefact = any(m.startswith(_ARTEFACTS) for m in mechanisms)
    state = "blocked" if artefact else "likely_blocked"
    accept = _BLOCKED if control or artefact else (*_BLOCKED, "impaired", "insufficient")
    return Truth(state, accept, mechanisms, locus, found, first.key)


def fine(*traps: str, also: Sequence[str] = (), locus: str = "") -> Truth:
    """The truth of a measurement of something that works."""
    return Truth("ok", ("ok", *also), (), locus, traps)


def down(*traps: str, also: Sequence[str] = ()) -> Truth:
    """The truth of a measurement of something that works for nobody."""
    return Truth("down", ("down", *also), (), "server_side", traps)


def unclear(*traps: str, also: Sequence[str] = ()) -> Truth:
    """The truth of a measurement that can say nothing."""
    return Truth("insufficient", ("insufficient", *also), (), "", traps)


@dataclass(slots=True)
class _Seen:
    """What a volunteer could see of an event."""

    first: datetime | None = None
    last: datetime | None = None
    measurements: int = 0
    sessions: set[str] = field(default_factory=set)
    networks: dict[int, set[str]] = field(default_factory=dict)
    mechanisms: set[str] = field(default_factory=set)


VERDICT_COLUMNS = (
    "measurement_id",
    "trap",
    "truth_state",
    "accept",
    "mechanisms",
    "locus",
    "restriction",
    "country",
    "network",
    "nettest",
    "target",
    "time",
)
EVENT_COLUMNS = (
    "event",
    "kind",
    "country",
    "service",
    "targets",
    "networks",
    "mechanisms",
    "onset",
    "onset_seen",
    "end_seen",
    "end",
    "recurrence",
    "trap",
    "measurements_blocked",
    "sessions_blocked",
    "networks_seen",
    "required",
)
OUTAGE_COLUMNS = (
    "outage",
    "kind",
    "scope",
    "country",
    "region",
    "network",
    "onset",
    "onset_latest",
    "end_earliest",
    "end",
    "depth",
    "trap",
    "required",
)


#: Stands for no single country (ISO 3166-1, user-assigned).
SEVERAL_COUNTRIES = "ZZ"


def stamp(when: datetime | None) -> str:
    """A time as ISO 8601 in UTC; empty where there is none."""
    return "" if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Record:
    """The truth as it comes about."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rows: list[tuple[str, ...]] = []
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._cut_off: dict[str, tuple[datetime, datetime]] = {}

    @property
    def measurements(self) -> int:
        """How many measurements it knows."""
        return len(self._rows)

    def add(
        self,
        measurement_id: str,
        truth: Truth,
        *,
        country: str,
        network: int,
        nettest: str,
        target: str,
        service: str,
        session: str,
        when: datetime,
    ) -> None:
        """Takes in the truth of one measurement."""
        self._rows.append(
            (
                measurement_id,
                ";".join(dict.fromkeys(truth.traps)),
                truth.state,
                "|".join(truth.accept),
                ";".join(truth.mechanisms),
                truth.locus,
                truth.restriction,
                country,
                str(network),
                nettest,
                target,
                stamp(when),
            )
        )
        if "S3" in truth.traps:
            first, last = self._cut_off.get(country, (when, when))
            self._cut_off[country] = (min(first, when), max(last, when))
        if not truth.restriction:
            return
        seen = self._seen.setdefault((truth.restriction, service), _Seen())
        seen.first = when if seen.first is None else min(seen.first, when)
        seen.last = when if seen.last is None else max(seen.last, when)
        seen.measurements += 1
        seen.mechanisms.update(truth.mechanisms)
        seen.sessions.add(session)
        seen.networks.setdefault(network, set()).add(session)

    def verdicts(self) -> str:
        """`verdicts.csv`: one line a measurement."""
        return _csv(VERDICT_COLUMNS, sorted(self._rows))

    def events(self) -> str:
        """`events.csv`: one line a restriction and service; `_seen` columns say what volunteers could see."""
        rows = []
        country = {network.number: network.country for network in self._plan.networks}
        for (key, service), parts in self._events().items():
            seen = self._seen.get((key, service), _Seen())
            starts = [part.span.start or min(part.rollout.values(), default=None) for part in parts]
            ends = [part.span.end for part in parts]
            known = [start for start in starts if start and start >= self._plan.start]
            over = [end for end in ends if end and end < self._plan.end]
            targets = {t for part in parts for t in part.targets if service_of(t) == service}
            first = parts[0]
            pattern = ""
            if first.span.hours or first.span.weekdays:
                pattern = json.dumps({"hours_utc": first.span.hours, "weekdays": first.span.weekdays})
            rows.append(
                (
                    f"{key}/{service}",
                    first.kind,
                    country[first.networks[0]],
                    service,
                    ";".join(sorted(targets or {service})),
                    ";".join(str(number) for number in sorted({n for part in parts for n in part.networks})),
                    ";".join(sorted(seen.mechanisms)) or first.mechanism,
                    stamp(min(known) if len(known) == len(starts) else None),
                    stamp(seen.first),
                    stamp(seen.last),
                    stamp(max(over) if len(over) == len(ends) else None),
                    pattern,
                    ";".join(dict.fromkeys(part.trap for part in parts if part.trap)),
                    str(seen.measurements),
                    str(len(seen.sessions)),
                    ";".join(str(n) for n, who in sorted(seen.networks.items()) if len(who) >= 3),
                    "yes" if targets else "no",
                )
            )
        return _csv(EVENT_COLUMNS, sorted([*rows, *self._notes()]))

    def _events(self) -> dict[tuple[str, str], list[Restriction]]:
        """Restrictions by key and service. Those of one key are one order, however its means change (trap C16)."""
        found: dict[tuple[str, str], list[Restriction]] = {}
        for restriction in self._plan.restrictions:
            if restriction.event:
                for service in dict.fromkeys(map(service_of, restriction.targets)):
                    found.setdefault((restriction.key, service), []).append(restriction)
        by_key = {
            restriction.key: restriction for restriction in self._plan.restrictions if restriction.event
        }
        for key, service in sorted(self._seen):
            # A site that redirects to a restricted one fails as well: right to report, not to be missed.
            if key in by_key and (key, service) not in found:
                found[key, service] = [by_key[key]]
        return found

    def _notes(self) -> list[tuple[str, ...]]:
        """Services and sites that failed everywhere at once: worth a note, and no restriction (traps C10, J3)."""
        found = [
            (target, mishap.span, mishap.trap)
            for mishap in self._plan.mishaps
            if mishap.kind == "service_down"
            for target in mishap.targets
        ]
        found += [
            (site.host, trouble.span, site.trap) for site in self._plan.sites for trouble in site.trouble
        ]
        return [
            (
                f"service-outage/{target}",
                "service_outage",
                SEVERAL_COUNTRIES,
                service_of(target),
                target,
                "",
                "",
                stamp(span.start),
                "",
                "",
                stamp(span.end),
                "",
                trap,
                "0",
                "0",
                "",
                "no",
            )
            for target, span, trap in found
        ]

    def outages(self) -> str:
        """`outages.csv`: one line a loss of connectivity, or of the instrument.

        It begins between `onset` and `onset_latest` and is over between `end_earliest` and `end`.
        """
        whole: list[Outage] = []
        for outage in self._plan.outages:
            if outage.continues:
                whole[-1] = replace(whole[-1], span=replace(whole[-1].span, end=outage.span.end))
            else:
                whole.append(outage)
        watched = bool(self._plan.regions)
        return _csv(
            OUTAGE_COLUMNS,
            [
                _outage(n, outage, watched, self._cut_off.get(outage.country))
                for n, outage in enumerate(whole)
            ],
        )


def _outage(
    number: int, outage: Outage, watched: bool, seen: tuple[datetime, datetime] | None
) -> tuple[str, ...]:
    """One line.

    Args:
        number: Its place in the plan.
        outage: What happens.
        watched: Whether a signal tells of it. A cut of which none does can be suspected, and is not held against
            anybody (trap C7).
        seen: When the first and the last measurement met it, where only measurements tell of it.
    """
    start, end = outage.span.start, outage.span.end
    latest, earliest = start, end
    if start and outage.ragged_hours:
        latest = start + timedelta(hours=outage.ragged_hours)
    if end and outage.recovery_hours:
        end += timedelta(hours=outage.recovery_hours)
    if seen and not outage.signals:
        latest, earliest = seen
    return (
        f"{outage.kind}-{number + 1}",
        outage.kind,
        outage.scope,
        outage.country,
        outage.region or "",
        str(outage.network or ""),
        stamp(start),
        stamp(latest),
        stamp(earliest),
        stamp(end),
        f"{outage.depth:g}",
        outage.trap,
        "yes" if watched or outage.kind == "domestic_only" else "no",
    )


def service_of(target: str) -> str:
    """The service that a target belongs to: its last two labels, or itself for a service's own name."""
    return ".".join(target.split(".")[-2:])


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
