"""How good "what still works" is: tries made up from known shares, and what is estimated from them.

Networks of three countries try eight ways, some of them many times a day, some once a month. A way works mostly,
hardly, or now and then; a country decides for most of its networks, each network deviates now and then, and every
few weeks something changes. The truth of the last day is then held against the estimates of that day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.stats import spearmanr

from wallwatch.routes import estimate
from wallwatch.routes.attempts import SCHEMA

_WAYS = (
    "tor",
    "tor.obfs4.default",
    "tor.snowflake.domain_fronting",
    "tor.meek",
    "psiphon",
    "openvpn.tcp",
    "signal",
    "whatsapp",
)
_COUNTRIES = ("XA", "XB", "XC")
_FIRST = datetime(2025, 1, 1, tzinfo=UTC)
_FIRST_DAY = (_FIRST - datetime(1970, 1, 1, tzinfo=UTC)).days


@dataclass(frozen=True, slots=True)
class RouteScores:
    """What came out.

    Attributes:
        rows: Estimates for networks that could be held against the truth.
        good: Of these, with evidence of grade `good`.
        rank_correlation: Spearman's, of estimate and truth, where the grade is `good`.
        coverage: Share of all intervals of 0.9 that hold the truth.
        coverage_countries: The same for countries, whose truth is the mean of their measured networks.
        mean_error: Mean distance of estimate and truth.
        dropped_within_a_day: Share of ways that worked and were blocked for everybody on the last day, of which at
            least four tries of that day tell, that are said to work in less than half of tries that evening.
        blocked_yesterday: How many such there were.
    """

    rows: int
    good: int
    rank_correlation: float
    coverage: float
    coverage_countries: float
    mean_error: float
    dropped_within_a_day: float
    blocked_yesterday: int

    def as_dict(self) -> dict[str, Any]:
        """The scores as plain objects, for JSON."""
        return asdict(self)

    def as_text(self) -> str:
        """The scores as lines for people."""
        return "\n".join(
            (
                "What still works, against simulated shares:",
                f"  estimates                           {self.rows:,} ({self.good:,} with good evidence)",
                f"  rank correlation with the truth     {self.rank_correlation:.3f} where the evidence is good",
                f"  intervals of 0.9 hold the truth     {self.coverage:.3f} (countries {self.coverage_countries:.3f})",
                f"  mean error                          {self.mean_error:.3f}",
                f"  blocked a day ago, told the same day {self.dropped_within_a_day:.1%} of {self.blocked_yesterday}",
            )
        )


def evaluate_routes(seed: int, *, networks: int = 24, days: int = 90) -> RouteScores:
    """Makes tries, estimates from them, and scores the estimates.

    Args:
        seed: Of the truth and of the tries.
        networks: In each of three countries.
        days: Length of the history.
    """
    random = np.random.default_rng(seed)
    truth: dict[tuple[str, int, str], np.ndarray[Any, Any]] = {}
    for country in _COUNTRIES:
        for way in _WAYS:
            nation = _history(random, days, 60)
            for network in range(networks):
                own = _history(random, days, 60)
                deviates = random.random() < 0.15
                level = own if deviates else nation
                truth[country, 64500 + network, way] = np.clip(level + random.normal(0, 0.02), 0.001, 0.999)
    rates = {network: float(np.exp(random.uniform(np.log(0.05), np.log(6)))) for network in range(networks)}
    as_of = _FIRST + timedelta(days=days - 1, hours=20)
    tries = _tries(random, truth, rates, days)
    errors, inside, good_said, good_true = [], [], [], []
    nations: list[bool] = []
    for row in estimate(tries, as_of).to_pylist():
        if row["grade"] == "insufficient":
            continue
        if row["network"] is None:
            true = _nation(truth, rates, row["country"], row["route"])
            nations.append(row["rate_low"] <= true <= row["rate_high"])
            continue
        true = float(truth[row["country"], row["network"], row["route"]][-1])
        errors.append(abs(row["rate"] - true))
        inside.append(row["rate_low"] <= true <= row["rate_high"])
        if row["grade"] == "good":
            good_said.append(row["rate"])
            good_true.append(true)
    dropped = _dropped(random, truth, rates, days, as_of)
    return RouteScores(
        len(errors),
        len(good_said),
        float(spearmanr(good_said, good_true).statistic) if len(good_said) > 2 else float("nan"),
        float(np.mean(inside)),
        float(np.mean(nations)),
        float(np.mean(errors)),
        float(np.mean(dropped)) if dropped else float("nan"),
        len(dropped),
    )


def _level(random: np.random.Generator) -> float:
    kind = random.random()
    if kind < 0.35:
        return float(random.beta(1, 20))
    return float(random.beta(14, 1.5) if kind < 0.8 else random.uniform(0.1, 0.9))


def _history(random: np.random.Generator, days: int, every: int) -> np.ndarray[Any, Any]:
    found = np.empty(days)
    level = _level(random)
    for day in range(days):
        if random.random() < 1 / every:
            level = _level(random)
        found[day] = level
    return found


def _tries(
    random: np.random.Generator,
    truth: dict[tuple[str, int, str], np.ndarray[Any, Any]],
    rates: dict[int, float],
    days: int,
) -> pa.Table:
    rows: list[dict[str, Any]] = []
    for (country, network, way), level in truth.items():
        for day in range(days):
            for number in range(random.poisson(rates[network - 64500])):
                rows.append(
                    {
                        "country": country,
                        "network": network,
                        "route": way,
                        "day": _FIRST_DAY + day,
                        "source": f"{country}-{network}-{way}-{day}-{number}",
                        "worked": float(random.random() < level[day]),
                        "weight": 1.0,
                        "start_seconds": None,
                    }
                )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def _nation(
    truth: dict[tuple[str, int, str], np.ndarray[Any, Any]], rates: dict[int, float], country: str, way: str
) -> float:
    """The mean over the country's networks, each weighing as much as the evidence that it is expected to give."""
    found = [
        (float(level[-1]), 28 * rates[network - 64500])
        for (home, network, route), level in truth.items()
        if home == country and route == way
    ]
    weights = np.array([votes / (votes + 4) for _, votes in found])
    return float(np.average([level for level, _ in found], weights=weights))


def _dropped(
    random: np.random.Generator,
    truth: dict[tuple[str, int, str], np.ndarray[Any, Any]],
    rates: dict[int, float],
    days: int,
    as_of: datetime,
) -> list[bool]:
    """Of ways that worked all the time and are blocked on the last day: whether each is told so that evening."""
    changed = {}
    for key, level in truth.items():
        working = np.full(days, 0.95)
        working[-1] = 0.02
        changed[key] = working if level[-1] > 0.5 and random.random() < 0.3 else level
    tries = _tries(random, changed, rates, days)
    last = _FIRST_DAY + days - 1
    on_last: dict[tuple[str, int, str], int] = {}
    for country, network, way, day in zip(
        *(tries.column(name).to_pylist() for name in ("country", "network", "route", "day")), strict=True
    ):
        if day == last:
            on_last[country, network, way] = on_last.get((country, network, way), 0) + 1
    return [
        row["rate"] < 0.5
        for row in estimate(tries, as_of).to_pylist()
        if row["network"] is not None
        and row["grade"] != "insufficient"
        and changed[key := (row["country"], row["network"], row["route"])] is not truth[key]
        and on_last.get(key, 0) >= 4
    ]
