"""The same happening elsewhere has the same verdict: nothing hangs on a name, an address, a network or a date."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from judge_worlds import Verdict, judged, read_json
from mutation import mutated

FOLDER = Path("ooni") / "webconnectivity_qa"
CASES = 32


def _one(document: dict[str, Any] | Path) -> Verdict:
    (found,) = judged(read_json([document])).values()
    return found


@cache
def _as_it_was(path: Path) -> Verdict:
    return _one(path)


def _cases(shared_data: Path) -> list[Path]:
    found = sorted((shared_data / FOLDER).glob("*.json"))
    assert len(found) == CASES
    return found


def _differences(case: str, there: Verdict, elsewhere: Verdict, host: str | None) -> list[tuple[Any, ...]]:
    """What is not the same of two verdicts; the host is the one that the first one's became."""
    found = [
        (case, name, getattr(there, name), getattr(elsewhere, name))
        for name in ("state", "mechanisms", "locus", "evidence", "flags")
        if getattr(there, name) != getattr(elsewhere, name)
    ]
    if host != elsewhere.host:
        found.append((case, "host", host, elsewhere.host))
    layers = [sorted((p["layer"], p["state"], *p["mechanisms"]) for p in v.parts) for v in (there, elsewhere)]
    if layers[0] != layers[1]:
        found.append((case, "layers", *layers))
    return found


@pytest.mark.parametrize("seed", [1])
def test_a_case_elsewhere_and_at_another_time_has_the_same_verdict(seed: int, shared_data: Path) -> None:
    differ = []
    for number, path in enumerate(_cases(shared_data)):
        document, named = mutated(json.loads(path.read_bytes()), 100 * seed + number)
        there = _as_it_was(path)
        differ += _differences(path.stem, there, _one(document), named(there.host))
    assert not differ


@pytest.mark.parametrize("seed", range(2, 7))
def test_cases_that_happen_in_different_places_do_not_touch_each_other(seed: int, shared_data: Path) -> None:
    """All of them in one world, in other networks, with other names: each is judged as if it were alone."""
    paths = _cases(shared_data)
    changed = [mutated(json.loads(path.read_bytes()), 100 * seed + n) for n, path in enumerate(paths)]
    con = read_json([document for document, _ in changed])
    lines = dict(con.sql("SELECT line, measurement_id FROM measurements").fetchall())
    found = judged(con)
    differ = []
    for line, (path, (_, named)) in enumerate(zip(paths, changed, strict=True), 1):
        there = _as_it_was(path)
        differ += _differences(path.stem, there, found[lines[line]], named(there.host))
    assert not differ


def test_a_mutation_changes_what_it_says(shared_data: Path) -> None:
    """The test above would mean nothing if names and addresses stayed."""
    source = json.loads((shared_data / FOLDER / "dnsBlockingBOGON.json").read_bytes())
    changed, named = mutated(source, 7)
    text = json.dumps(changed)
    for old in ("www.example.com", "93.184.216.34", "10.10.34.35", '"AS137"', "2024-02-12", "15133"):
        assert old in json.dumps(source)
        assert old not in text
    assert named("www.example.com") in text
    assert list(changed) != list(source)
    idn = json.loads(
        (shared_data / FOLDER / "idnaWithoutCensorshipWithFirstLetterUppercase.json").read_bytes()
    )
    changed, named = mutated(idn, 7)
    assert named("xn--d1acpjx3f.xn--p1ai") in json.dumps(changed)
    assert changed["input"][7].isupper()
