"""Connectivity as others measure it: the IP Observatory's hourly files, and answers of IODA's API v2."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import numpy as np

from wallwatch.simulate.plan import Outage, Plan, Region

#: The local clock of the made-up country, for daily rhythms.
_UTC_OFFSET = 3


def level(
    plan: Plan, hours: int, source: str, country: str, region: str | None, place: int = 0
) -> np.ndarray:
    """The share of the normal level that outages leave, hour by hour.

    Args:
        plan: What happens.
        hours: How many hours, from the plan's start.
        country: The country.
        source: The signal; outages name the sources that show them.
        region: Null for the whole country.
        place: The number of the place in its region: places begin to fall apart where an outage is ragged.
    """
    left = np.ones(hours)
    for outage in plan.outages:
        if outage.country != country or not source.startswith(outage.signals):
            continue
        if outage.scope == "network" or (outage.scope == "region" and outage.region != region):
            continue
        left = np.minimum(left, 1 - outage.depth * _shape(plan, hours, outage, place))
    return left


def _shape(plan: Plan, hours: int, outage: Outage, place: int) -> np.ndarray:
    """How much of an outage's depth is in force, 0 to 1, hour by hour."""
    first = 0.0 if outage.span.start is None else _hours(plan.start, outage.span.start)
    last = float(hours) if outage.span.end is None else _hours(plan.start, outage.span.end)
    first += outage.ragged_hours * (place % 3) / 2
    now = np.arange(hours, dtype=float)
    # The hour in which it begins or ends is cut in part.
    shape = np.clip(now + 1 - first, 0, 1) * np.clip(last - now, 0, 1)
    if outage.recovery_hours:
        after = now + 1 > last
        shape = np.where(after, np.exp(-(now + 1 - last) / (outage.recovery_hours / 3)), shape)
        shape[now + 1 <= first] = 0
    if outage.span.hours or outage.span.weekdays:
        holds = [outage.span.holds(plan.start + timedelta(hours=hour)) for hour in range(hours)]
        shape = shape * np.array(holds, float)
    return shape


def _hours(start: datetime, when: datetime) -> float:
    return (when - start).total_seconds() / 3600


def _rhythm(plan: Plan, hours: int, daily: float, weekly: float) -> np.ndarray:
    """A factor around 1: lower at night and at the weekend."""
    local = (np.arange(hours) + plan.start.hour + _UTC_OFFSET) % 24
    night = np.exp(-(np.minimum((local - 4) % 24, (4 - local) % 24) ** 2) / 18)
    weekday = ((np.arange(hours) + plan.start.hour) // 24 + plan.start.weekday()) % 7
    return (1 - daily * night) * np.where(weekday >= 5, 1 - weekly, 1.0)


def observatory(plan: Plan, rng: np.random.Generator) -> str:
    """The IP Observatory's columns: an index of 0 to 100 for each place and hour.

    Args:
        plan: What happens, and the regions.
        rng: Noise.
    """
    hours = plan.days * 24
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["iso", "id_1", "name_1", "id_2", "name_2", "time_e", "time_e_str", "lat", "lon", "connectivity"]
    )
    epoch = int(plan.start.timestamp())
    texts = [
        datetime.fromtimestamp(epoch + hour * 3600, plan.start.tzinfo).strftime("%d-%b-%Y %H:%M:%S")
        for hour in range(hours)
    ]
    rhythm = _rhythm(plan, hours, 0.06, 0.01)
    number = 0
    for index, region in enumerate(plan.regions):
        for place, name in enumerate(region.places):
            number += 1
            left = level(plan, hours, "monash", region.country, region.name, place)
            noise = rng.normal(0, 0.018, hours)
            value = np.clip(100 * (rhythm * 0.985 + noise) * left + rng.random(hours) * 1.5, 0, 100)
            for hour in range(hours):
                writer.writerow(
                    [
                        region.country,
                        index + 1,
                        region.name,
                        number,
                        name,
                        epoch + hour * 3600,
                        texts[hour],
                        f"{10 + index:.4f}",
                        f"{20 + place:.4f}",
                        f"{value[hour]:.2f}",
                    ]
                )
    return out.getvalue()


#: IODA's sources: name, seconds between values, usual count, daily and weekly rhythm, noise.
_SOURCES = (
    ("bgp", 300, 820.0, 0.0, 0.0, 0.001),
    ("ping-slash24", 600, 640.0, 0.03, 0.01, 0.012),
    ("gtr", 1800, 5200.0, 0.45, 0.08, 0.03),
)


def ioda(plan: Plan, rng: np.random.Generator, country: str) -> bytes:
    """An answer of `/v2/signals/raw/country/XX`, with the regions' active probing beside the country's series."""
    hours = plan.days * 24
    series = [
        _series(plan, rng, "country", country, f"Country {country}", None, source, hours)
        for source in _SOURCES
    ]
    for number, region in enumerate(_of(plan.regions, country)):
        series.append(
            _series(plan, rng, "region", str(4400 + number), region.name, region, _SOURCES[1], hours)
        )
    document = {
        "type": "signals",
        "metadata": {"requestTime": plan.end.strftime("%Y-%m-%dT%H:%M:%S+00:00")},
        "requestParameters": {"entityType": "country", "entityCode": country},
        "error": None,
        "data": [series],
    }
    return msgspec.json.encode(document)


def _of(regions: Sequence[Region], country: str) -> list[Region]:
    return [region for region in regions if region.country == country]


def _series(
    plan: Plan,
    rng: np.random.Generator,
    kind: str,
    code: str,
    name: str,
    region: Region | None,
    source: tuple[str, int, float, float, float, float],
    hours: int,
) -> dict[str, object]:
    datasource, step, usual, daily, weekly, noise = source
    country = region.country if region else code
    left = level(plan, hours, f"ioda.{datasource}", country, region.name if region else None)
    usual = usual / 8 if region else usual
    expected = usual * _rhythm(plan, hours, daily, weekly) * left
    fine = np.repeat(expected, 3600 // step)
    values = np.maximum(np.rint(fine * (1 + rng.normal(0, noise, len(fine)))), 0).astype(int)
    start = int(plan.start.timestamp())
    return {
        "entityType": kind,
        "entityCode": code,
        "entityName": name,
        "entityFqid": f"geo.netacuity.XX.{country}" + (f".{code}" if region else ""),
        "datasource": datasource,
        "from": start,
        "until": start + len(values) * step,
        "step": step,
        "nativeStep": step,
        "values": values.tolist(),
    }
