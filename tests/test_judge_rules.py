"""Rules are data that can be trusted: known words, unique ids, sentences and sources, and a version by content."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from judge_worlds import SITE, World, connection
from wallwatch.judge import RULE_SET, References, verdicts
from wallwatch.judge.rules import RULES, Rule
from wallwatch.schema import VERDICTS
from wallwatch.schema.words import EVIDENCE, LAYERS, LOCI, STATES, is_mechanism


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_speaks_in_the_fields_words(rule: Rule) -> None:
    assert rule.id.startswith(rule.layer + ".")
    assert rule.layer in {*LAYERS, "part", "service"}
    assert rule.state is None or rule.state in STATES
    assert not rule.mechanism or is_mechanism(rule.mechanism)
    assert rule.locus in {*LOCI, "dns_locus"}
    assert rule.evidence in EVIDENCE
    assert rule.sentence.endswith(".")
    assert rule.source
    if rule.state == "blocked":
        assert rule.evidence == "artefact", "only an artefact settles it"
    if rule.accuses:
        assert "NOT has_control" not in rule.when or any(
            word in rule.when
            for word in ("peers_fine", "helper_followed", "encrypted_global", "encrypted_nxdomain")
        ), "absence of a control is never evidence (J1)"


def test_ids_are_unique_and_decisions_have_an_order() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for layer in {rule.layer for rule in RULES}:
        order = [rule.priority for rule in RULES if rule.layer == layer and rule.state]
        assert len(set(order)) == len(order), f"two rules of {layer} have the same priority"


def test_verdicts_have_the_schemas_columns_and_name_their_versions() -> None:
    world = World()
    world.measure().works()
    relation = verdicts(world.connection(), References.load())
    assert relation.columns == list(VERDICTS.names)
    rows = relation.to_arrow_table().to_pylist()
    assert {row["rule_set"] for row in rows} == {RULE_SET}
    assert {row["reference_set"] for row in rows} == {References.load().version}
    assert len(RULE_SET) == len(References.load().version) == 12
    required = [column.name for column in VERDICTS.columns if column.required]
    assert not [name for row in rows for name in required if row[name] is None]


def test_the_reference_version_follows_the_content() -> None:
    other = References.load(expected={"nat:x": ("XW",)})
    assert other.version != References.load().version
    assert other.version == References.load(expected={"nat:x": ["XW"]}).version
    assert json.dumps(other.expected)
    assert replace(other, expected=()).version == References.load().version


def test_nothing_to_judge_gives_no_verdicts() -> None:
    assert verdicts(connection({}), References.load()).fetchall() == []


def test_the_order_of_rows_does_not_matter() -> None:
    world = World()
    for number in range(12):
        world.measure(network=64500 + number % 5).works()
    world.measure().dns("10.0.0.1", ip_kind="private").helper()
    world.measure().dns().tcp().tls("connection_reset").helper()
    forth, back = world.judge(), world.judge(order=-1)
    assert {id_: (v.whole, v.parts) for id_, v in forth.items()} == {
        id_: (v.whole, v.parts) for id_, v in back.items()
    }


@pytest.mark.parametrize(
    ("target", "service"),
    [
        (SITE, SITE),
        ("www.site.example", "site.example"),
        ("a.b.news.co.ke", "news.co.ke"),
        ("t.me", "telegram"),
        ("web.telegram.org", "telegram"),
        ("notelegram.org", "notelegram.org"),
        ("www.youtube.com", "youtube"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("localhost", "localhost"),
    ],
)
def test_hosts_belong_to_services(target: str, service: str) -> None:
    world = World()
    world.measure(target).works()
    assert world.verdict().service == service
