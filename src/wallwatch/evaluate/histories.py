"""Simulated histories of single series: who measured when, what was found, and when a restriction was in force.

What the whole-country simulation cannot give in reasonable time: hundreds of series-years, so that rare false alarms
can be counted. Verdicts are made straight from the truth, with nothing judged and no files. The noise is of four kinds:
each series has its own rate of stray failures (beta(0.5, 25), cut at 0.15); each probe is broken in about one stretch
of 18 hours in 60 days, in which it finds everything blocked; a few probes make most measurements (Zipf); and there are
days with more, with fewer and with no measurements.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from wallwatch.schema import VERDICTS

Floats = npt.NDArray[np.float64]

#: The first hour of all histories, a Monday, in hours since 1970-01-01 00:00 UTC.
START = int(datetime(2030, 1, 7, tzinfo=UTC).timestamp()) // 3600

#: Length of a history.
DAYS = 60

#: Measurements an hour, from one a day to two hundred.
RATES = (1 / 24, 0.2, 1.0, 5.0, 200 / 24)
#: Hours that a restriction lasts, and the share of measurements that meets it.
DURATIONS = (3, 24, 168, 504)
STRENGTHS = (0.2, 0.25, 0.5, 0.75, 1.0)

#: The rates and strengths over which recall is averaged.
USUAL_RATES = (0.2, 1.0, 5.0)
USUAL_STRENGTHS = (0.5, 0.75, 1.0)

PROBES = 12
_BROKEN_EVERY_DAYS = 60
_BROKEN_HOURS = 18.0

_SOFTWARE = ("probe-android 3.9", "probe-android 3.8", "probe-cli 3.20", "probe-ios 3.9")
_SOFTWARE_SHARE = (0.5, 0.2, 0.2, 0.1)
#: 0 is the network's own resolver.
_RESOLVERS = (0, 15169, 13335)
_RESOLVER_SHARE = (0.65, 0.2, 0.15)


@dataclass(frozen=True, slots=True)
class Line:
    """One series to be: one service on one network.

    Attributes:
        country: The country.
        service: The service, and its only target.
        network: The network.
        rate: Measurements an hour.
        credentialed: Whether probes carry credentials.
        begins: Hour since `START` at which a restriction begins; never where there is none.
        ends: Hour since `START` at which it ends.
        strength: Share of the measurements that it stops.
        forged: Share of the sessions that forgers add.
        forged_say: What forged measurements say: that it is blocked, or that it is not.
        forged_from: Hour since `START` from which forgers are at work.
        forged_until: Hour until which they are.
        forged_follow: Whether their measurements come when others measure, and not by the clock.
        forged_rows: Measurements in each of their sessions.
    """

    country: str
    service: str
    network: int
    rate: float
    credentialed: bool
    begins: float = math.inf
    ends: float = math.inf
    strength: float = 0.0
    forged: float = 0.0
    forged_say: bool = True
    forged_from: float = 0.0
    forged_until: float = math.inf
    forged_follow: bool = False
    forged_rows: int = 1

    @property
    def restricted(self) -> bool:
        """Whether there is a restriction in it."""
        return self.begins < math.inf


@dataclass(frozen=True, slots=True)
class Measured:
    """The measurements of some lines, by line and time.

    Attributes:
        line: Index of the line; [measurements].
        hours: Hours since `START`; [measurements].
        blocked: What was found; [measurements].
        probe: Number of the probe within its line; -1 for forged ones; [measurements].
        session: Number of the session within its line; [measurements].
        software: Index into the kinds of software; [measurements].
        resolver: Network of the resolver, 0 for the line's own; [measurements].
    """

    line: npt.NDArray[np.int64]
    hours: Floats
    blocked: npt.NDArray[np.bool_]
    probe: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    software: npt.NDArray[np.int64]
    resolver: npt.NDArray[np.int64]


def _one(rng: np.random.Generator, line: Line, days: int) -> tuple[npt.NDArray[Any], ...]:
    total = 24.0 * days
    # Some days are busier than others, and for one or two stretches nobody measures.
    daily = rng.gamma(4.0, 0.25, days)
    counts = rng.poisson(line.rate * 24 * daily)
    hours = np.sort(np.repeat(np.arange(days) * 24.0, counts) + rng.uniform(0, 24, counts.sum()))
    for _ in range(rng.integers(0, 3)):
        gap = rng.uniform(0, total)
        hours = hours[(hours < gap) | (hours > gap + rng.exponential(24.0))]
    weights = 1.0 / np.arange(1, PROBES + 1)
    probe = rng.choice(PROBES, len(hours), p=weights / weights.sum())
    software = rng.choice(len(_SOFTWARE), PROBES, p=_SOFTWARE_SHARE)[probe]
    resolver = rng.choice(_RESOLVERS, PROBES, p=_RESOLVER_SHARE)[probe]
    share = np.full(len(hours), min(rng.beta(0.5, 25), 0.15))
    share[(hours >= line.begins) & (hours < line.ends)] = line.strength
    blocked = rng.random(len(hours)) < share
    for number in range(PROBES):
        for _ in range(rng.poisson(days / _BROKEN_EVERY_DAYS)):
            first = rng.uniform(0, total)
            last = first + rng.exponential(_BROKEN_HOURS)
            blocked |= (probe == number) & (hours >= first) & (hours < last)
    session = np.arange(len(hours))
    if line.forged:
        added = _forged(rng, line, hours, total)
        more = added.size
        hours = np.concatenate([hours, added.ravel()])
        blocked = np.concatenate([blocked, np.full(more, line.forged_say)])
        probe = np.concatenate([probe, np.full(more, -1)])
        session = np.concatenate([session, len(session) + np.repeat(np.arange(len(added)), line.forged_rows)])
        software, resolver = (
            np.concatenate([honest, np.repeat(rng.choice(words, len(added), p=share), line.forged_rows)])
            for honest, words, share in (
                (software, len(_SOFTWARE), _SOFTWARE_SHARE),
                (resolver, _RESOLVERS, _RESOLVER_SHARE),
            )
        )
    order = np.argsort(hours, kind="stable")
    return tuple(column[order] for column in (hours, blocked, probe, session, software, resolver))


def _forged(rng: np.random.Generator, line: Line, honest: Floats, total: float) -> Floats:
    """When forged measurements come; [sessions, rows of each]."""
    first, last = line.forged_from, min(line.forged_until, total)
    honest = honest[(honest >= first) & (honest < last)]
    sessions = rng.binomial(len(honest), line.forged / (1 - line.forged))
    if not line.forged_follow:
        begins = rng.uniform(first, last, sessions)
        return np.asarray(np.minimum(begins[:, None] + np.arange(line.forged_rows), total - 1e-6))
    # The first soon after one of the others, each further one soon after the next.
    after = rng.integers(0, max(len(honest), 1), sessions)
    after = np.minimum(after[:, None] + np.arange(line.forged_rows), len(honest) - 1)
    return np.asarray(np.minimum(honest[after] + rng.exponential(0.2, after.shape), total - 1e-6))


def measure(lines: Sequence[Line], seed: int, days: int = DAYS) -> Measured:
    """The measurements of lines; each line's are made from the seed and its name alone."""
    columns: list[tuple[npt.NDArray[Any], ...]] = []
    for number, line in enumerate(lines):
        rng = np.random.default_rng([seed, line.network, *line.service.encode(), *line.country.encode()])
        hours, *others = _one(rng, line, days)
        columns.append((np.full(len(hours), number), hours, *others))
    return Measured(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


def _named(words: Sequence[str | None], index: npt.NDArray[np.int64]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(index, pa.int32()), pa.array(words, pa.string())).cast(
        pa.string()
    )


def _numbered(prefix: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pa.array(numbers).cast(pa.string()), "")


def verdicts(lines: Sequence[Line], measured: Measured) -> pa.Table:
    """The measurements as verdicts, with the columns of schema `VERDICTS`, layer `all`."""
    size = len(measured.line)
    networks = np.array([line.network for line in lines], dtype=np.int64)[measured.line]
    credentialed = np.array([line.credentialed for line in lines])[measured.line]
    time = pa.array(((START + measured.hours) * 3.6e9).astype(np.int64)).cast(pa.timestamp("us", tz="UTC"))
    state = np.where(measured.blocked, 0, 1)
    ids = _numbered("m", np.arange(size))
    credential = _numbered("p", measured.line * PROBES + measured.probe)
    given = pa.array(credentialed & (measured.probe >= 0))
    wrong = np.concatenate([[0], np.cumsum(measured.blocked)])
    columns: dict[str, pa.Array] = {
        "measurement_id": ids,
        "host": _named([line.service for line in lines], measured.line),
        "layer": _named(["all"], np.zeros(size, dtype=np.int64)),
        "state": _named(["likely_blocked", "ok"], state),
        "mechanisms": pa.ListArray.from_arrays(
            pa.array(wrong, pa.int32()), pa.array(["tls.timeout"] * int(wrong[-1]), pa.string())
        ),
        "locus": _named(["network", "unknown"], state),
        "rules": pa.ListArray.from_arrays(
            pa.array(np.zeros(size + 1), pa.int32()), pa.array([], pa.string())
        ),
        "evidence": _named(["control", "none"], state),
        "time": time,
        "received": time,
        "country": _named([line.country for line in lines], measured.line),
        "network": pa.array(networks),
        "resolver_network": pa.array(np.where(measured.resolver == 0, networks, measured.resolver)),
        "nettest": _named(["web_connectivity"], np.zeros(size, dtype=np.int64)),
        "software": _named(_SOFTWARE, measured.software),
        "session": pc.binary_join_element_wise(
            _numbered("s", measured.line), _numbered("", measured.session), "-"
        ),
        "probe_id": pc.if_else(given, credential, pa.scalar(None, pa.string())),
        "target": _named([line.service for line in lines], measured.line),
        "service": _named([line.service for line in lines], measured.line),
    }
    columns["against"] = columns["flags"] = columns["rules"]
    blank = _named([""], np.zeros(size, dtype=np.int64))
    arrays = []
    for name, type_ in zip(VERDICTS.arrow.names, VERDICTS.arrow.types, strict=True):
        if name in columns:
            arrays.append(columns[name].cast(type_))
        elif pa.types.is_integer(type_):
            arrays.append(pa.array(np.zeros(size, dtype=np.int64)).cast(type_))
        else:
            arrays.append(blank.cast(type_))
    return pa.Table.from_arrays(arrays, schema=VERDICTS.arrow)


def quiet(seed: int, series: int) -> list[Line]:
    """Series without any restriction: services measured on four networks of a country, at all rates."""
    rng = np.random.default_rng([seed, 1])
    return [
        Line("XA", f"quiet{number // 4:05d}.example", 64500 + number % 4, float(rate), bool(number // 4 % 2))
        for number, rate in enumerate(rng.choice(RATES, series))
    ]


def blocked(seed: int, series: int) -> list[Line]:
    """Series with one restriction each, of every rate, length and strength, on one network of each service."""
    kinds = [(rate, hours, strength) for rate in RATES for hours in DURATIONS for strength in STRENGTHS]
    return _restricted(np.random.default_rng([seed, 2]), "XB", "blocked", kinds, series)


def named(seed: int, series: int) -> list[Line]:
    """As many series again as make recall sure where it is told as one number: a few hundred for some hundreds.

    Restrictions of a day and of a week at each usual rate and strength, and as many full ones of three hours, measured
    five times an hour.
    """
    usual = [
        (rate, hours, strength) for rate in USUAL_RATES for strength in USUAL_STRENGTHS for hours in (24, 168)
    ]
    short = [(5.0, 3, 1.0)] * (len(usual) // 2)
    kinds = usual + short
    rounds = max(series // 75, 1)
    return _restricted(np.random.default_rng([seed, 5]), "XD", "named", kinds, rounds * len(kinds))


def _restricted(
    rng: np.random.Generator,
    country: str,
    name: str,
    kinds: Sequence[tuple[float, int, float]],
    series: int,
) -> list[Line]:
    """Series of each kind (rate, hours, strength) in turn; every other round of the kinds carries credentials."""
    found = []
    for number in range(series):
        rate, hours, strength = kinds[number % len(kinds)]
        begins = float(rng.uniform(7 * 24, DAYS * 24 - hours - 7 * 24))
        found.append(
            Line(
                country,
                f"{name}{number:05d}.example",
                64500 + number % 7,
                rate,
                bool(number // len(kinds) % 2),
                begins,
                begins + hours,
                strength,
            )
        )
    return found


def national(seed: int, countries: int) -> list[Line]:
    """One service in each country, measured on ten networks, of which about seven restrict it, hour by hour or at once."""
    rng = np.random.default_rng([seed, 3])
    found = []
    for number in range(countries):
        begins, hours = float(rng.uniform(10 * 24, 30 * 24)), float(rng.uniform(2 * 24, 20 * 24))
        spread = float(rng.choice([1.0, 24.0, 72.0]))
        strength = float(rng.choice([0.5, 0.75, 1.0]))
        for network in range(10):
            late = float(rng.uniform(0, min(spread, hours / 2)))
            guilty = rng.random() < 0.7
            found.append(
                Line(
                    f"{chr(65 + number // 26 % 26)}{chr(65 + number % 26)}",
                    f"national{number:04d}.example",
                    64500 + network,
                    float(rng.choice(RATES)),
                    bool(number % 2),
                    begins + late if guilty else math.inf,
                    begins + hours if guilty else math.inf,
                    strength if guilty else 0.0,
                )
            )
    return found


#: How forgers come: whether their measurements follow those of others, and how many each of their sessions has.
FORGERS = ((False, 1), (True, 1), (False, 6), (True, 6))


def forged(seed: int, series: int) -> list[Line]:
    """Series into which forgers put three tenths of the sessions: quiet ones called blocked, blocked ones called fine.

    Half of the quiet ones are forged all the time, the others for 3 to 14 days. Every four series forgers come in another
    of the ways of `FORGERS`.
    """
    rng = np.random.default_rng([seed, 4])
    found = []
    for number in range(series):
        rate = float(rng.choice(RATES[2:]))
        hours = float(rng.choice([72, 168]))
        begins = float(rng.uniform(10 * 24, DAYS * 24 - hours - 10 * 24))
        follow, rows = FORGERS[number // 4 % len(FORGERS)]
        line = Line(
            "XC",
            f"forged{number:05d}.example",
            64500,
            rate,
            False,
            forged=0.3,
            forged_follow=follow,
            forged_rows=rows,
        )
        if number % 2:
            line = replace(line, begins=begins, ends=begins + hours, strength=1.0, forged_say=False)
        elif number % 4:
            first = float(rng.uniform(10 * 24, 40 * 24))
            line = replace(line, forged_from=first, forged_until=first + float(rng.uniform(3 * 24, 14 * 24)))
        found.append(line)
    return found


def chunks(lines: Sequence[Line], measurements: int = 1_500_000) -> Iterator[list[Line]]:
    """The lines in pieces of about so many measurements; lines of one service stay together."""
    piece: list[Line] = []
    size = 0.0
    for index, line in enumerate(lines):
        if size > measurements and line.service != lines[index - 1].service:
            yield piece
            piece, size = [], 0.0
        piece.append(line)
        size += line.rate * 24 * DAYS
    if piece:
        yield piece
