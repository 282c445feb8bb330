"""Published calendars beside recurring restrictions: how likely is it that they agree by chance?

The calendar is laid over the measurements as published, and then shifted by every number of hours around the measured
time (the classic circular-shift test, which keeps the rhythm of both: runs of days, nights, weekends). The p-value is
the share of the shifts that fit as well, the published one among them, so it is never zero. For calendars of days
alone the shifts are whole days.

Source: Besag & Clifford, Biometrika 76 (1989), section 2, for the exact test; circular shifts as for point processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
import numpy as np
import numpy.typing as npt

from wallwatch.record import evidence
from wallwatch.schema.statements import Window

#: A link is claimed below this p-value …
ALPHA: Final = 0.05
#: … where the restriction was seen on so many days of the calendar, …
FEWEST_DAYS: Final = 3
#: … at least this share of what was found blocked lies inside its windows, …
INSIDE: Final = 0.5
#: … and, after the restriction had ended, no more than this share of the calendar's measured days was still to come.
AFTER_END: Final = 0.1

#: No other shift may fit so much better (natural logarithms of the likelihood): then the calendar is another's.
BETTER: Final = 12.0

_HOUR: Final = timedelta(hours=1)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well a calendar and a restriction agree.

    Attributes:
        linked: Whether a link is claimed.
        p_value: Share of the shifts that agree as well or better.
        shifts: How many there are, the published one included.
        rate_inside: Share of sessions inside the windows that found it blocked.
        rate_outside: The same outside.
        share_inside: Share of what was found blocked that lies inside.
        days: Days of the calendar that were measured inside its windows.
        days_blocked: Of these, days on which it was found blocked inside.
        days_after: Of these, days after the restriction had ended.
        because: Why it is linked, or why not, in a sentence.
    """

    linked: bool
    p_value: float
    shifts: int
    rate_inside: float
    rate_outside: float
    share_inside: float
    days: int
    days_blocked: int
    days_after: int
    because: str

    def as_dict(self) -> dict[str, Any]:
        """As a plain object."""
        return {
            "linked": self.linked,
            "p_value": round(self.p_value, 5),
            "shifts": self.shifts,
            "rate_inside": round(self.rate_inside, 3),
            "rate_outside": round(self.rate_outside, 3),
            "share_inside": round(self.share_inside, 3),
            "days_measured": self.days,
            "days_blocked": self.days_blocked,
            "days_after_end": self.days_after,
            "because": self.because,
        }


def agreement(
    start: datetime,
    votes: Floats,
    against: Floats,
    windows: Sequence[Window],
    *,
    ended: datetime | None = None,
) -> Agreement | None:
    """How well a calendar agrees with what was measured; null where they have no time in common.

    Args:
        start: The first hour.
        votes: Independent sessions in each hour from there on.
        against: Of these, those that found it blocked.
        windows: The calendar.
        ended: When the restriction ended; null where it did not, or that is not known.
    """
    hours = len(votes)
    inside = _laid(start, hours, windows)
    if not inside.any() or inside.sum() >= 0.9 * hours or not against.any():
        return None
    whole_days = all((one.end - one.start) % timedelta(days=1) == timedelta(0) for one in windows)
    step = 24 if whole_days else 1
    observed = _fit(votes, against, inside)
    fits = np.array([_fit(votes, against, np.roll(inside, shift)) for shift in range(0, hours, step)])
    p_value = float(np.mean(fits >= observed - 1e-12))
    better = _better(fits, observed, step, hours)
    n_in, k_in = float(votes[inside].sum()), float(against[inside].sum())
    n_out, k_out = float(votes[~inside].sum()), float(against[~inside].sum())
    first = int(((start - datetime(1970, 1, 1, tzinfo=UTC)) // _HOUR) % 24)
    day = (np.arange(hours) + first) // 24
    measured = {int(one) for one in np.unique(day[inside & (votes > 0)])}
    blocked = {int(one) for one in np.unique(day[inside & (against > 0.5)])}
    last = int((ended - start) / _HOUR + first) // 24 if ended is not None else int(day[-1])
    after = {one for one in measured if one > last}
    share = k_in / (k_in + k_out)
    because, linked = _judged(
        f"p = {p_value:.4f}: {round(p_value * len(fits))} of {len(fits)} shifts of the calendar, it included, fit as well",
        p_value,
        share,
        blocked,
        after,
        measured,
        k_in / n_in if n_in else 0.0,
        k_out / n_out if n_out else 0.0,
        better,
    )
    return Agreement(
        linked,
        p_value,
        len(fits),
        k_in / n_in if n_in else 0.0,
        k_out / n_out if n_out else 0.0,
        share,
        len(measured),
        len(blocked),
        len(after),
        because,
    )


def _better(fits: Floats, observed: float, step: int, hours: int) -> str:
    """The shift that fits clearly better, in words; empty where none does. An hour to either side is the same time."""
    shifts = np.arange(len(fits)) * step
    far = np.minimum(shifts, hours - shifts) > 1
    if not far.any():
        return ""
    best = int(np.argmax(np.where(far, fits, -np.inf)))
    if fits[best] <= observed + BETTER:
        return ""
    shift = int(shifts[best]) if shifts[best] <= hours / 2 else int(shifts[best]) - hours
    days, rest = round(shift / 24), shift - 24 * round(shift / 24)
    parts = [f"{days:+d} day{'' if abs(days) == 1 else 's'}"] if days else []
    parts += [f"{rest:+d} hour{'' if abs(rest) == 1 else 's'}"] if rest else []
    return " and ".join(parts)


def _judged(
    p_words: str,
    p_value: float,
    share: float,
    blocked: set[int],
    after: set[int],
    measured: set[int],
    rate_in: float,
    rate_out: float,
    better: str,
) -> tuple[str, bool]:
    if len(blocked) < FEWEST_DAYS:
        return (
            f"It was found blocked in the windows of {len(blocked)} days only: too few to tell a link from a coincidence ({p_words}).",
            False,
        )
    if p_value > ALPHA or rate_in <= rate_out:
        return f"Other times fit as well: that they agree may be a coincidence ({p_words}).", False
    if better:
        return (
            f"The same calendar moved by {better} would fit clearly better: this one is not the one kept to ({p_words}).",
            False,
        )
    if share < INSIDE:
        return (
            f"Only {share:.0%} of what was found blocked lies inside the windows, less than {INSIDE:.0%} ({p_words}).",
            False,
        )
    if len(after) > 1 and len(after) > AFTER_END * len(measured):
        return (
            (
                f"{len(after)} of the {len(measured)} measured days of the calendar came after the restriction had ended: what is tied to a "
                f"calendar ends with it ({p_words})."
            ),
            False,
        )
    return (
        (
            f"It keeps to the calendar: {rate_in:.0%} of the sessions inside the windows found it blocked, {rate_out:.0%} outside, and "
            f"{share:.0%} of what was found lies inside ({p_words}). That is timing, and no proof of a cause."
        ),
        True,
    )


def _laid(start: datetime, hours: int, windows: Sequence[Window]) -> npt.NDArray[np.bool_]:
    """Which hours lie in a window, by half or more."""
    found = np.zeros(hours)
    for one in windows:
        first, last = (one.start - start) / _HOUR, (one.end - start) / _HOUR
        low, high = max(int(np.floor(first)), 0), min(int(np.ceil(last)), hours)
        for hour in range(low, high):
            found[hour] += max(min(last, hour + 1) - max(first, hour), 0.0)
    return np.asarray(found >= 0.5)


def _fit(votes: Floats, against: Floats, inside: npt.NDArray[np.bool_]) -> float:
    """Binomial log-likelihood ratio of one rate inside and one outside against a single rate; negative where it is lower inside."""
    n_in, k_in = float(votes[inside].sum()), float(against[inside].sum())
    n_out, k_out = float(votes[~inside].sum()), float(against[~inside].sum())
    if not n_in or not n_out:
        return -np.inf
    gain = _likelihood(k_in, n_in) + _likelihood(k_out, n_out) - _likelihood(k_in + k_out, n_in + n_out)
    return gain if k_in / n_in > k_out / n_out else -gain


def _likelihood(k: float, n: float) -> float:
    if k <= 0 or k >= n:
        return 0.0
    return float(k * np.log(k / n) + (n - k) * np.log(1 - k / n))


def of_event(
    con: duckdb.DuckDBPyConnection, event: dict[str, Any], windows: Sequence[Window]
) -> Agreement | None:
    """How well a calendar agrees with an event, over all time in which its networks were measured.

    Where the event keeps to a pattern on some of its networks, those are looked at, whatever the calendar says.

    Args:
        con: A connection with the workspace's views.
        event: A row of the table of events.
        windows: The calendar.
    """
    details = evidence.per_network(event)
    patterned = [network for network, one in details.items() if one.get("recurrence")]
    networks = sorted(patterned or event["networks"])
    found = evidence.rows(
        con,
        """
        SELECT hour, sum(votes) AS votes, sum(votes_blocked) AS against FROM cells
        WHERE layer = 'all' AND country = ? AND service = ? AND list_contains(?, network) AND list_contains(?, target) AND votes > 0
        GROUP BY hour ORDER BY hour
        """,
        [event["country"], event["service"], networks, list(event["targets"])],
    )
    if not found:
        return None
    first = found[0]["hour"].astimezone(UTC).replace(hour=0)
    last = found[-1]["hour"].astimezone(UTC).replace(hour=0) + timedelta(days=1)
    hours = int((last - first) / _HOUR)
    votes, against = np.zeros(hours), np.zeros(hours)
    for one in found:
        place = int((one["hour"] - first) / _HOUR)
        votes[place], against[place] = one["votes"], one["against"]
    return agreement(first, votes, against, windows, ended=event["end_best"])


def of_outage(
    con: duckdb.DuckDBPyConnection, outages: Sequence[dict[str, Any]], windows: Sequence[Window]
) -> Agreement | None:
    """How well a calendar agrees with the outages of one place, over all time in which its signals were measured.

    Args:
        con: A connection with the workspace's views.
        outages: Rows of the table of outages: those of one country, region or network.
        windows: The calendar.
    """
    if not outages:
        return None
    one = outages[0]
    first, last = evidence.signal_range(con, one["country"])
    if first is None or last is None:
        return None
    start = first.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = int(np.ceil((last - start) / _HOUR))
    if not 0 < hours <= 24 * 366 * 5:
        return None
    votes, against = np.ones(hours), np.zeros(hours)
    for row in outages:
        onset, end = row["onset_best"] or first, row["end_best"] or last
        against[_laid(start, hours, [Window(onset, max(end, onset + _HOUR))])] = 1.0
    return agreement(start, votes, against, windows)
