"""Sets of rules and of mechanisms as bits of integers: quick to gather, and written out once for each set."""

from __future__ import annotations

from collections.abc import Iterable

from wallwatch._text import quoted
from wallwatch.judge.rules import RULES, Rule

_PER_WORD = 62
_IDS = sorted(rule.id for rule in RULES)

#: How many integers hold a set of rules.
WORDS = range((len(_IDS) + _PER_WORD - 1) // _PER_WORD)

#: Mechanism paths, sorted; the bit of each is its place.
MECHANISMS = sorted({rule.mechanism for rule in RULES if rule.mechanism})


def mask(rules: Iterable[Rule | str], word: int) -> int:
    """The bits of the rules in that integer."""
    found = 0
    for rule in rules:
        place = _IDS.index(rule if isinstance(rule, str) else rule.id)
        if place // _PER_WORD == word:
            found |= 1 << place % _PER_WORD
    return found


def ending(text: str) -> list[str]:
    """The ids of rules that end so."""
    return [id_ for id_ in _IDS if id_.endswith(text)]


def columns(form: str) -> str:
    """The form once for each integer, `{n}` replaced by its number."""
    return ", ".join(form.replace("{n}", str(word)) for word in WORDS)


def holds(rules: Iterable[Rule | str], column: str) -> str:
    """A predicate: a set holds one of the rules; the column without its number."""
    rules = list(rules)
    tests = [f"{column}{word} & {bits} <> 0" for word in WORDS if (bits := mask(rules, word))]
    return "(" + " OR ".join(tests) + ")"


def _bits(names: list[str]) -> str:
    return ", ".join(
        f"({place // _PER_WORD}, {1 << place % _PER_WORD}, {quoted(name)})"
        for place, name in enumerate(names)
    )


#: Each set of rules that occurs, as the sorted list of their ids.
RULE_LISTS = f"""
CREATE OR REPLACE TEMP TABLE judge_rule_lists AS
WITH found AS (
  SELECT DISTINCT {columns("rules_{n} AS w{n}")} FROM judge_found
  UNION
  SELECT DISTINCT {columns("against_{n}")} FROM judge_found
)
SELECT {columns("f.w{n}")}, list(b.name ORDER BY b.name) AS names, row_number() OVER () AS id
FROM found f JOIN (VALUES {_bits(_IDS)}) AS b(word, bit, name)
  ON CASE b.word {" ".join(f"WHEN {word} THEN f.w{word}" for word in WORDS)} END & b.bit <> 0
GROUP BY {columns("f.w{n}")}
"""

#: Each set of mechanisms that occurs, as the sorted list of their paths.
MECHANISM_LISTS = f"""
CREATE OR REPLACE TEMP TABLE judge_mechanism_lists AS
SELECT f.mechanisms, list(b.name ORDER BY b.name) AS names, row_number() OVER () AS id
FROM (SELECT DISTINCT mechanisms FROM judge_found) f
JOIN (VALUES {_bits(MECHANISMS)}) AS b(word, bit, name) ON f.mechanisms & b.bit <> 0
GROUP BY f.mechanisms
"""
