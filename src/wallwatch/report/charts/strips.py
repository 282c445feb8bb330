"""How much was blocked over time: one network large (`strip`), or many beside each other (`matrix`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from wallwatch.detect.episodes import ENOUGH
from wallwatch.report.charts.axis import Axis, drawn
from wallwatch.report.charts.svg import label, line, path, place, rect, svg, text
from wallwatch.report.language import Language

_WIDTH = 720.0
_LEFT = 44.0
_RIGHT = 712.0


@dataclass(frozen=True, slots=True)
class Bin:
    """What one network showed in one stretch of time.

    Attributes:
        start: When the stretch begins.
        sessions: Independent sessions that said something.
        blocked: The part of these that found it blocked.
        measurements: Measurements that said something.
        measurements_blocked: Of these, found blocked.
    """

    start: datetime
    sessions: float
    blocked: float
    measurements: int
    measurements_blocked: int

    @property
    def enough(self) -> bool:
        """Whether it is enough to show a share: as many votes as carry a finding alone (trap C13)."""
        return self.sessions >= ENOUGH

    @property
    def share(self) -> float:
        """The share that found it blocked, 0–1."""
        return self.blocked / self.sessions if self.sessions else 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """A network's bins, under its name."""

    name: str
    bins: Sequence[Bin]


def _cells(
    bins: Sequence[Bin], axis: Axis, step: timedelta, top: float, height: float, gap: float
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"none": [], "fine": [], "few": [], "blocked": []}
    for one in bins:
        x = axis.x(one.start)
        width = max(axis.x(one.start + step) - x - gap, 0.6)
        if not one.sessions:
            continue
        if not one.enough:
            found["few"].append(rect(x, top, width, height))
            continue
        found["fine"].append(rect(x, top, width, height))
        filled = round(height * one.share, 1)
        if filled:
            found["blocked"].append(rect(x, top + height - filled, width, filled))
    return found


def _drawn(found: dict[str, list[str]]) -> str:
    return "".join(path(f"c-{name}", found[name]) for name in ("fine", "few", "blocked"))


def strip(
    name: str,
    bins: Sequence[Bin],
    start: datetime,
    stop: datetime,
    step: timedelta,
    event: tuple[datetime, datetime],
    title: object,
    description: object,
    language: Language,
) -> Markup:
    """One network's share blocked over time, with the number of sessions below.

    Args:
        name: Unique on the page.
        bins: The stretches that have data; the others stay empty.
        start: Where the axis begins.
        stop: Where it ends.
        step: Length of a stretch.
        event: The span that was found to be the event, marked by a bracket above.
        title: What it shows.
        description: What is to be seen in it.
        language: Of the labels.
    """
    axis = Axis(start, stop, _LEFT, _RIGHT)
    top, height, lane = 14.0, 90.0, 24.0
    bottom = top + height
    low = bottom + 8 + lane
    most = max((one.sessions for one in bins), default=0.0)
    body = [drawn(axis, top, low, language)]
    for share, words in ((0.0, "0 %"), (0.5, "50 %"), (1.0, "100 %")):
        y = bottom - share * height
        body.append(line(_LEFT, y, _RIGHT, y, "rule"))
        body.append(label(_LEFT - 5, y + 3.5, words, "tick", "end"))
    body.append(_drawn(_cells(bins, axis, step, top, height, 1.0)))
    counts = []
    for one in bins:
        if one.sessions:
            x, tall = axis.x(one.start), lane * one.sessions / most
            counts.append(rect(x, low - tall, max(axis.x(one.start + step) - x - 1, 0.6), tall))
    body.append(path("c-count", counts))
    body.append(label(_LEFT - 5, low, language.gettext("n"), "tick", "end"))
    body.append(label(_LEFT - 5, low - lane + 9, language.number(round(most)), "tick", "end"))
    first, last = axis.x(event[0]), axis.x(event[1])
    body.append(
        f'<path class="bracket" d="M{place(first)} {place(top - 2)}V{place(top - 8)}'
        f'H{place(max(last, first + 1))}V{place(top - 2)}"/>'
    )
    body += _hover(bins, axis, step, top, low - top, language)
    return svg(name, _WIDTH, low + 18, title, description, body)


def _hover(
    bins: Sequence[Bin], axis: Axis, step: timedelta, top: float, height: float, language: Language
) -> list[str]:
    """Invisible places that say their numbers when pointed at; the table below says them to everybody."""
    found = []
    for one in bins:
        if one.sessions:
            x = axis.x(one.start)
            width = axis.x(one.start + step) - x
            words = language.gettext(
                "%(when)s: %(blocked)s of %(n)s sessions",
                when=escape(
                    language.day(one.start)
                    if step >= timedelta(days=1)
                    else f"{language.short_day(one.start)} {language.clock(one.start)}"
                ),
                blocked=round(one.blocked, 1),
                n=round(one.sessions, 1),
            )
            found.append(
                f'<rect class="hover" x="{place(x)}" y="{place(top)}" width="{place(max(width, 0.6))}" '
                f'height="{place(height)}"><title>{text(words)}</title></rect>'
            )
    return found


def matrix(
    name: str,
    rows: Sequence[Row],
    start: datetime,
    stop: datetime,
    step: timedelta,
    event: tuple[datetime, datetime] | None,
    title: object,
    description: object,
    language: Language,
) -> Markup:
    """Many networks or countries below each other, each cell filled by the share that found it blocked."""
    left, pitch, height, top = 190.0, 18.0, 13.0, 12.0
    axis = Axis(start, stop, left, _RIGHT)
    bottom = top + pitch * len(rows)
    body = [drawn(axis, top - 4, bottom, language, most=6)]
    cells: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        y = top + pitch * number
        body.append(label(left - 8, y + 10.5, row.name, "name", "end"))
        for kind, pieces in _cells(row.bins, axis, step, y, height, 0.8).items():
            cells.setdefault(kind, []).extend(pieces)
    if cells:
        body.append(_drawn(cells))
    if event is not None:
        first, last = axis.x(event[0]), axis.x(event[1])
        body.append(
            f'<path class="bracket" d="M{place(first)} {place(top - 3)}V{place(top - 8)}'
            f'H{place(max(last, first + 1))}V{place(top - 3)}"/>'
        )
    return svg(name, _WIDTH, bottom + 18, title, description, body)
