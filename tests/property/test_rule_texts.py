"""The text form of rules loses nothing: for every kind and comparison, what is written reads to the same tree, and the same judge."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.property.rule_cases import UNITS, Rules, traits_in
from tidings.accumulate import kinds
from tidings.domain.compare import OPERATORS
from tidings.errors import DefinitionError
from tidings.process.layout import Layout
from tidings.rules import form as forms
from tidings.rules import parse as rule_parse
from tidings.rules import text
from tidings.rules.kinds import KINDS
from tidings.rules.write import write

REST: tuple[Any, ...] = (
    {"in_segment": "vip"},
    {"in_list": "spring preview"},
    {"consent": "marketing"},
    {"subscribed": "weekly_news"},
    {"engaged": {"with": "opened", "journey": "cart", "category": "marketing", "template": "60d", "at_least": 2, "within": "90d"}},
    {"engaged": {"with": "clicked", "machine": True, "exactly": 0, "since": "2026-01-01T09:30+01:00"}},
    {"engaged": {"with": "sent", "journey": {"starts_with": "a"}, "at_most": 3}},
    {"local_time": {"from": "22:00", "to": "07:00"}},
    {"local_time": {"weekdays": ["mon", "sun"]}},
    {"anniversary": {"of": "birthday"}},
    {"score": "value", "recency": [4, 5], "monetary": 1},
    {"anniversary": {"of": "first order", "in_next": "7d"}},
)  # fmt: skip
"""Rules of the kinds that the random ones do not have."""

NAMES = st.sampled_from(["x", "is", "and", "at_least", "size", "a b", 'q"uote', "é", "60d", "true", "did", "of", "1", "x.y-z", "\\"]) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["60d", "true", "is", '"', "2026-01-01", ""])
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)
TESTS = st.dictionaries(st.sampled_from(sorted(OPERATORS)), VALUES, min_size=1, max_size=3)
WHERE = st.dictionaries(NAMES, TESTS | VALUES.filter(lambda value: not isinstance(value, dict)), min_size=1, max_size=3)
EVENT = NAMES | st.lists(NAMES, min_size=1, max_size=3)


PIECES = (
    "did", "not", "all", "any", "(", ")", "[", "]", "{", "}", ",", ":", '"a"', '"b', "60d", "2026-01-01", "3", "-4", "1e999", "x", "is",
    "at", "least", "where", "and", "or", "then", "sequence", "trait", "true", "of", "sum", "within", "since", "event", "between", "$", "é",
)  # fmt: skip


def same(one: Any, other: Any) -> bool:
    """Equal, and `1`, `1.0` and `true` are three things."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def back_and_forth(tree: Any) -> None:
    line = write(tree)
    again = text.read(line, "rule").tree
    assert same(again, tree), line
    assert write(again) == line


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(sorted(UNITS)), st.data())
def test_a_rule_that_is_written_reads_to_the_same_tree(seed: int, unit: str, data: st.DataObject) -> None:
    rng = Random(seed)
    tree: Any = Rules(rng, unit).rule()
    for _ in range(data.draw(st.integers(0, 3))):
        other = rng.choice([*REST, Rules(rng, unit).rule()])
        tree = rng.choice([{"all": [tree, other]}, {"any": [other, tree]}, {"not": tree}, {"all": [tree]}])
    back_and_forth(tree)


@settings(max_examples=300, deadline=None)
@given(EVENT, WHERE, WHERE, TESTS, NAMES)
@example("did", {"is": {"equals": {"a": 1}}}, {"size": "L"}, {"in": []}, "not")
def test_names_and_values_of_any_kind_come_through(event: Any, where: Any, more: Any, tests: Any, name: str) -> None:
    """Whether the rule makes sense or not; that is not for the text to say."""
    steps = [{"event": event, "where": where}, {"not": {"event": name, "where": more}, "within": "1d"}]
    parts = [
        {"did": {"event": event, "where": where, "since_event": {"event": name, "where": more}}},
        {"trait": name, **tests, "within": "3d"},
        {"sum": {"event": event, "property": name, "where": more, "at_least": 3}},
        {"sequence": {"steps": steps}},
        {"engaged": {"with": "opened", "journey": name}},
        {"in_segment": name},
    ]
    back_and_forth({"all": parts})


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("wanted", [3, "text", True, None, [1, "x"], {"a": 1}])
def test_every_comparison_has_a_text(operator: str, wanted: Any) -> None:
    back_and_forth({"did": {"event": "A", "where": {"x": {operator: wanted}}}})
    back_and_forth({"all": [{"trait": "x", operator: wanted}, {"trait": "y", operator: wanted, "at_least": 2}]})


def test_every_kind_has_a_text() -> None:
    """A kind that is new must say its form."""
    assert [kind for kind in KINDS if kind not in forms.JOINTS and forms.of(kind) is None] == []
    made = Rules(Random(1), "d")
    seen = {next(name for name in rule if name in KINDS) for rule in (*(made.rule() for _ in range(500)), *REST)}
    assert seen == set(KINDS)


@pytest.mark.parametrize("seed", range(60))
def test_a_text_is_judged_as_its_tree_is(seed: int) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    tree = Rules(rng, unit).rule()
    compiled = []
    for raw in (tree, write(tree)):
        layout = Layout()
        kinds.define(traits_in(unit), layout, "traits.yml")
        compiled.append((rule_parse.parse(raw, layout, "rule"), layout.keys()))
    assert compiled[0] == compiled[1]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(
        st.sampled_from(PIECES),
        max_size=25,
    ).map(" ".join)
)
def test_whatever_is_written_is_a_rule_or_an_error_with_its_column(line: str) -> None:
    try:
        tree = text.read(line, "rule").tree
    except DefinitionError as error:
        assert "column" in error.where  # noqa: PT017 - either way is right
    else:
        assert same(text.read(write(tree), "rule").tree, tree)
        assert msgspec.json.encode(tree)
