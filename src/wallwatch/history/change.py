"""What one published state says that the one before did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]

#: Changes, the one that matters most first.
CHANGES = ("withdrawn", "began", "ended", "spread", "revised")

#: A probability or depth that moves by this much says something else.
_MOVED = 0.1
#: So does a probability that passes this line.
_LINE = 0.9


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between two states.

    Attributes:
        word: One of `CHANGES`.
        material: Whether it says something else, and not just rests on more.
        sentences: What changed.
    """

    word: str
    material: bool
    sentences: tuple[str, ...]


def change(before: Record, after: Record) -> Change | None:
    """What changed between two states of one event or outage; null where nothing did."""
    if before == after:
        return None
    said: list[tuple[str, str]] = []
    for look in (_kind, _onset, _end, _networks, _places, _mechanisms, _recurrence, _numbers, _signals):
        said += look(before, after)
    if not said:
        names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
        return Change("revised", False, (f"Only what it rests on changed: {', '.join(names)}.",))
    words = {word for word, _ in said}
    word = next(word for word in CHANGES if word in words)
    return Change(word, True, tuple(sentence for _, sentence in said))


def _kind(before: Record, after: Record) -> list[tuple[str, str]]:
    if before["kind"] == after["kind"]:
        return []
    return [("revised", f"It is called {after['kind']} now; before: {before['kind']}.")]


def _onset(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before["onset"], after["onset"]
    if not _moved(old, new):
        return []
    return [
        ("revised", f"It began {_when(new, 'before the data')}; before: {_when(old, 'before the data')}.")
    ]


def _end(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before["end"], after["end"]
    if not _moved(old, new):
        return []
    if old is None:
        return [("ended", f"It ended {_when(new, '')}.")]
    if new is None:
        return [("revised", f"It is not seen to end; before: ended {_when(old, '')}.")]
    return [("revised", f"It ended {_when(new, '')}; before: {_when(old, '')}.")]


def _moved(old: Record | None, new: Record | None) -> bool:
    """Whether the best guess lies outside the interval that was published."""
    past, now = (old or {}).get("best"), (new or {}).get("best")
    if old is None or past is None or now is None:
        return past != now
    return not (old["earliest"] or past) <= now <= (old["latest"] or past)


def _when(interval: Record | None, missing: str) -> str:
    if not interval or not interval.get("best"):
        return missing
    best, earliest, latest = interval["best"], interval["earliest"], interval["latest"]
    return f"{best} (between {earliest} and {latest})" if earliest != latest else str(best)


def _networks(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before.get("networks"), after.get("networks")
    if old is None or new is None:
        return []
    return _set(old, new, lambda network: f"AS{network}", "on")


def _mechanisms(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before.get("mechanisms"), after.get("mechanisms")
    if old is None or new is None or set(old) == set(new):
        return []
    return [("revised", f"Mechanisms: {', '.join(new) or 'unclear'}; before: {', '.join(old) or 'unclear'}.")]


def _set(old: Sequence[Any], new: Sequence[Any], name: Any, word: str) -> list[tuple[str, str]]:
    added = [one for one in new if one not in old]
    gone = [one for one in old if one not in new]
    said = []
    if added:
        said.append(("spread", f"Now also found {word} {', '.join(map(name, added))}."))
    if gone:
        said.append(("revised", f"No longer found {word} {', '.join(map(name, gone))}."))
    return said


def _places(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before.get("regions"), after.get("regions")
    if old is None or new is None or abs(new - old) < max(1, 0.1 * max(after["regions_measured"], 1)):
        return []
    text = f"{new} of {after['regions_measured']} places are hit; before: {old}."
    return [("spread" if new > old else "revised", text)]


def _recurrence(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before.get("recurrence"), after.get("recurrence")
    if bool(old) == bool(new):
        return []
    return [
        (
            "revised",
            f"It comes by the clock: {new.get('text', '')}." if new else "It has no pattern any more.",
        )
    ]


def _numbers(before: Record, after: Record) -> list[tuple[str, str]]:
    said = []
    old, new = before["probability"], after["probability"]
    if abs(new - old) >= _MOVED or (old >= _LINE) != (new >= _LINE):
        said.append(("revised", f"Probability {new:.3f}; before: {old:.3f}."))
    lost, now = before.get("depth"), after.get("depth")
    if lost is not None and now is not None and abs(now - lost) >= _MOVED:
        said.append(("revised", f"{now:.0%} of the ordinary level lost; before: {lost:.0%}."))
    return said


def _signals(before: Record, after: Record) -> list[tuple[str, str]]:
    old, new = before.get("signals"), after.get("signals")
    if old is None or new is None or set(old) == set(new):
        return []
    return [("revised", f"Signals that show it: {', '.join(new)}; before: {', '.join(old)}.")]
