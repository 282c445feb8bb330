"""A plan comes about: sessions in the order of time, files, signals, and the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from wallwatch._files import write_atomic
from wallwatch._progress import Progress, Silent
from wallwatch.simulate import country, names, signals
from wallwatch.simulate.collector import Collector
from wallwatch.simulate.plan import Network, Plan, Volunteer
from wallwatch.simulate.session import Session, World
from wallwatch.simulate.truth import Record

#: A Monday; long enough ago that nothing in it is in the future.
START = datetime(2025, 3, 3, tzinfo=UTC)

#: When people measure, by the hour of the local day.
_ACTIVE = np.array([2, 1, 1, 1, 1, 2, 3, 5, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6, 7, 8, 8, 7, 5, 3], float)
_UTC_OFFSET = 3


@dataclass(frozen=True, slots=True)
class Written:
    """What was written, and where.

    Attributes:
        raw: The folder of measurements; give it to `wallwatch run`.
        signals: The folder of signals; give it to `wallwatch run`.
        truth: The folder of `verdicts.csv`, `events.csv` and `outages.csv`.
        measurements: How many measurements there are.
        files: In how many files.
    """

    raw: Path
    signals: Path
    truth: Path
    measurements: int
    files: int

    @property
    def inputs(self) -> list[Path]:
        """What `wallwatch run` is to be given; signals only where there are any."""
        return [folder for folder in (self.raw, self.signals) if folder.is_dir()]


def write(
    out: Path,
    *,
    seed: int,
    days: int = 30,
    scale: float = 1.0,
    start: datetime = START,
    progress: Progress | None = None,
) -> Written:
    """Writes the Example Republic's raw files, its signals and its truth.

    Args:
        out: The folder; gains `raw/`, `signals/` and `truth/`.
        seed: The same seed gives the same bytes.
        days: How long the country is watched, from 7.
        scale: How much is measured; 1 gives some 20,000 measurements in 30 days.
        start: The first moment.
        progress: Hears how far it is.

    Raises:
        ValueError: Fewer than 7 days, or a scale that is not positive.
    """
    if days < 7 or scale <= 0:
        raise ValueError(f"a simulation needs at least 7 days and a positive scale, not {days} and {scale}")
    return write_plan(out, country.republic(start, days, scale), seed=seed, progress=progress)


def write_plan(out: Path, plan: Plan, *, seed: int, progress: Progress | None = None) -> Written:
    """Writes what a plan describes."""
    progress = progress or Silent()
    progress.stage("Simulating", plan.days)
    world = World.of(plan, seed)
    record = Record(plan)
    sink = Collector(out, plan.start.date(), _days_a_file)
    for day in range(plan.days):
        for start, volunteer, network, key in _sessions(world, day):
            Session(world, volunteer, network, start, key, sink, record).run()
        _bursts(world, day, sink, record)
        sink.flush((plan.start + timedelta(days=day + 1)).date())
        progress.advance()
    sink.flush()
    _signals(out, plan, seed)
    for name, text in (
        ("verdicts.csv", record.verdicts()),
        ("events.csv", record.events()),
        ("outages.csv", record.outages()),
    ):
        write_atomic(out / "truth" / name, text)
    return Written(out / "raw", out / "signals", out / "truth", record.measurements, sink.files)


def _days_a_file(country: str, nettest: str) -> int:
    """So many that a file is worth opening."""
    if country != names.COUNTRY:
        return 10
    return 1 if nettest == "web_connectivity" else 3


def _sessions(world: World, day: int) -> list[tuple[datetime, Volunteer, Network, str]]:
    """The sessions of a day, in the order of time."""
    found = []
    midnight = world.plan.start + timedelta(days=day)
    for volunteer in world.plan.volunteers:
        rng = np.random.default_rng([world.seed, day, volunteer.number])
        for number in range(int(rng.poisson(volunteer.rate))):
            local = int(rng.choice(24, p=_ACTIVE / _ACTIVE.sum()))
            hour = (local - _UTC_OFFSET) % 24
            start = midnight + timedelta(hours=hour, seconds=int(rng.integers(0, 3600)))
            away = len(volunteer.networks) > 1 and rng.random() < 0.2
            network = world.networks[volunteer.networks[1 if away else 0]]
            silent = rng.random()
            if world.outage(network.country, start, "domestic_only"):
                # Few have patience, and the probe keeps what it cannot upload.
                if silent < 0.4:
                    continue
            elif world.outage(network.country, start, "shutdown"):
                continue
            found.append((start, volunteer, network, f"{day}/{volunteer.number}/{number}"))
    return sorted(found, key=lambda item: (item[0], item[3]))


def _bursts(world: World, day: int, sink: Collector, record: Record) -> None:
    midnight = world.plan.start + timedelta(days=day)
    by_number = {volunteer.number: volunteer for volunteer in world.plan.volunteers}
    for number, burst in enumerate(world.plan.bursts):
        if midnight <= burst.when < midnight + timedelta(days=1):
            volunteer = by_number[burst.volunteer]
            network = world.networks[volunteer.networks[0]]
            session = Session(world, volunteer, network, burst.when, f"burst/{number}", sink, record)
            session.burst(world.sites[burst.target], burst.times, burst.trap)


def _signals(out: Path, plan: Plan, seed: int) -> None:
    if not plan.regions:
        return
    folder = out / "signals"
    rng = np.random.default_rng([seed, 1 << 30])
    write_atomic(folder / "observatory.csv", signals.observatory(plan, rng))
    for code in sorted({region.country for region in plan.regions}):
        name = f"ioda_raw_country_{code}.json"
        write_atomic(
            folder / name, signals.ioda(plan, np.random.default_rng([seed, 1 << 30, *code.encode()]), code)
        )
