"""What all sources say about all countries, and the small parts that all rows of outages share."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from wallwatch.detect.outages_episodes import Interval, Loss
from wallwatch.detect.outages_inside import Stretch
from wallwatch.detect.outages_tracks import Scope


@dataclass(frozen=True, slots=True)
class Course:
    """How one scope went in one source: enough to say whether a source saw nothing.

    Attributes:
        signal: The source.
        unit: The unit of its values.
        start: Epoch seconds of the first bin.
        step: Length of a bin.
        share: Share of the ordinary that was left in each bin; NaN where unknown.
    """

    signal: str
    unit: str
    start: int
    step: int
    share: np.ndarray

    def between(self, begins: int, ends: int) -> np.ndarray:
        """The known shares from one moment to another."""
        first = max((begins - self.start) // self.step, 0)
        last = max(-(-(ends - self.start) // self.step), 0)
        some = self.share[first:last]
        known: np.ndarray = some[~np.isnan(some)]
        return known


@dataclass(frozen=True, slots=True)
class Fell:
    """Where a source stood still or spoke nonsense: begin and end in epoch seconds, and the sentence."""

    signal: str
    begins: int
    ends: int
    what: str
    silent: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """A loss of volunteers' sessions, and on how many of the networks measured before it.

    Attributes:
        loss: The loss.
        networks: Networks that had sessions in the week before it.
        silent: Of these, on which at most a tenth went on.
    """

    loss: Loss
    networks: int
    silent: int


@dataclass(slots=True)
class World:
    """What all sources say about all countries.

    Attributes:
        losses: Country to its losses.
        courses: Scope to how it went in each source.
        faults: Country to the faults of its sources.
        national: Source to country to the begins of its national losses.
        measured: Source to the countries that it measures.
        domestic: Country to stretches in which domestic targets alone answered.
        silences: Country to times in which its volunteers fell silent.
    """

    losses: dict[str, list[Loss]] = field(default_factory=dict)
    courses: dict[Scope, list[Course]] = field(default_factory=dict)
    faults: dict[str, list[Fell]] = field(default_factory=dict)
    national: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    measured: dict[str, set[str]] = field(default_factory=dict)
    domestic: dict[str, list[Stretch]] = field(default_factory=dict)
    silences: dict[str, list[Silence]] = field(default_factory=dict)


class Ids:
    """Ids from country, scope and day of onset; a second outage of a scope on one day gets its own."""

    def __init__(self) -> None:
        self._given: dict[str, int] = {}

    def make(self, scope: Scope, begins: int) -> str:
        """An id that does not change when the outage is extended."""
        day = datetime.fromtimestamp(begins, UTC).strftime("%Y-%m-%d")
        identity = "\x1f".join([scope[0], scope[1] or "", str(scope[2] or ""), day])
        number = self._given[identity] = self._given.get(identity, 0) + 1
        if number > 1:
            identity += f"\x1f{number}"
        return "ou-" + hashlib.sha256(identity.encode()).hexdigest()[:12]


def times(onset: Interval | None, end: Interval | None, begins: int, ends: int) -> dict[str, datetime | None]:
    """The six columns of onset and end; an onset before the data is no later than their first bin.

    Args:
        onset: Best, earliest, latest, in epoch seconds; null where the data begin with the outage.
        end: The same; null while it lasts.
        begins: Start of the first bin.
        ends: End of the last.
    """

    def moment(seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    found: dict[str, datetime | None] = {}
    for name, interval in (("onset", onset), ("end", end)):
        parts = (None, None, None) if interval is None else tuple(moment(second) for second in interval)
        found |= dict(zip((f"{name}_best", f"{name}_earliest", f"{name}_latest"), parts, strict=True))
    if onset is None:  # it began before the data do: no later than their first bin
        found["onset_latest"] = moment(begins)
    return found


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    return text[:1].upper() + text[1:] + "."
