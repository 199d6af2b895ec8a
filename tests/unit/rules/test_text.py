"""The text form of a rule: what people write, what it means, and what is said when it is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rules.build import build
from tidings.errors import DefinitionError
from tidings.rules import text
from tidings.rules.tokens import MAX_CHARS, MAX_TOKENS
from tidings.rules.write import write

PAIRS: dict[str, Any] = {
    'did "Order Completed" at least 3 where revenue at least 100 and currency is "GBP" within 60d': {
        "did": {
            "event": "Order Completed",
            "at_least": 3,
            "where": {"revenue": {"at_least": 100}, "currency": "GBP"},
            "within": "60d",
        }
    },
    'did_not [Page, "Order Completed"] since 2026-01-01': {
        "did_not": {"event": ["Page", "Order Completed"], "since": "2026-01-01"}
    },
    'did Page since event (Email_Sent where campaign is "x")': {
        "did": {"event": "Page", "since_event": {"event": "Email_Sent", "where": {"campaign": "x"}}}
    },
    'trait plan is "gold" or trait revenue at least 1000 and less than 5000': {
        "any": [{"trait": "plan", "equals": "gold"}, {"trait": "revenue", "at_least": 1000, "less_than": 5000}]
    },
    "(trait a exists true and trait b is not null) or not (trait c in [1, 2] or in_segment vip)": {
        "any": [
            {"all": [{"trait": "a", "exists": True}, {"trait": "b", "not_equals": None}]},
            {"not": {"any": [{"trait": "c", "in": [1, 2]}, {"in_segment": "vip"}]}},
        ]
    },
    "all (any (trait a exists false))": {"all": [{"any": [{"trait": "a", "exists": False}]}]},
    "sum revenue of Order at least 250 within 90d": {
        "sum": {"event": "Order", "property": "revenue", "within": "90d", "at_least": 250}
    },
    "last Order older than 90d after 2025-12-01T09:30Z": {
        "last": {"event": "Order", "older_than": "90d", "after": "2025-12-01T09:30Z"}
    },
    'sequence (A then B within 2h then not C where x is not "y" within 1d) within 30d': {
        "sequence": {
            "steps": [
                {"event": "A"},
                {"event": "B", "within": "2h"},
                {"not": {"event": "C", "where": {"x": {"not_equals": "y"}}}, "within": "1d"},
            ],
            "within": "30d",
        }
    },
    "local_time from 09:00 to 17:30 weekdays [mon, fri]": {
        "local_time": {"from": "09:00", "to": "17:30", "weekdays": ["mon", "fri"]}
    },
    "engaged opened category marketing at least 2 within 90d": {
        "engaged": {"with": "opened", "category": "marketing", "at_least": 2, "within": "90d"}
    },
    'in_list "spring preview" and consent marketing': {
        "all": [{"in_list": "spring preview"}, {"consent": "marketing"}]
    },
    'did A where "is" is 1 and x equals {"a": 1.0}': {
        "did": {"event": "A", "where": {"is": 1, "x": {"equals": {"a": 1.0}}}}
    },
}
"""A text in its normal form, and its tree."""


@pytest.mark.parametrize(("line", "tree"), PAIRS.items(), ids=list(PAIRS))
def test_a_text_and_its_tree(line: str, tree: Any) -> None:
    assert text.read(line, "rule").tree == tree
    assert write(tree) == line


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("did not Page", "did_not Page"),
        ("in segment vip", "in_segment vip"),
        ("did Page within 1d at_least 2", "did Page at least 2 within 1d"),
        ("did Page at least 2 and at most 5", "did Page at least 2 at most 5"),
        ("((trait a is 1))", "trait a is 1"),
        ("trait a is 1 and trait b is 2 or trait c is 3", "(trait a is 1 and trait b is 2) or trait c is 3"),
        ("not trait a is 1 and trait b is 2", "not trait a is 1 and trait b is 2"),
        ("trait a equals 1", "trait a is 1"),
        ("did A where x equals 1", "did A where x equals 1"),
        ("trait plan in [gold, silver]", 'trait plan in ["gold", "silver"]'),
        ("did A\n  where x is 1\n", "did A where x is 1"),
    ],
)
def test_what_may_be_written_in_several_ways_has_one_normal_form(written: str, normal: str) -> None:
    assert write(text.read(written, "rule").tree) == normal


@pytest.mark.parametrize(
    ("line", "property_"),
    [("did A where x is 1 and size is 3", "size"), ("did A where x is 1 and trait is 3", "trait")],
)
def test_a_property_may_have_the_name_of_a_word(line: str, property_: str) -> None:
    assert text.read(line, "rule").tree["did"]["where"] == {"x": 1, property_: 3}


def test_after_a_property_and_the_next_condition_begins_where_it_does_not_read_as_a_comparison() -> None:
    found = text.read('did A where x is 1 and trait plan is "gold" and did B', "rule").tree
    assert [next(iter(one)) for one in found["all"]] == ["did", "trait", "did"]


WRONG = {
    "": "rule: column 1: no condition; got 'the end'; wanted a condition: one of did, did_not",
    "did": "rule: column 4: needs a value here; got 'the end'; wanted a name, a text in quotes",
    'did "Order': "rule: column 5: cannot be read; got '\"Order'; close the quotes",
    "did A at least 3x": "rule: column 16: neither a number nor a time; got '3x'; wanted a number, a span",
    "did A within 3 d": "rule: column 16: cannot go on so; got 'd'; wanted `and`, `or`",
    "did A atleast 3": "rule: column 7: cannot go on so; got 'atleast'; wanted `and`, `or`, a setting, a comparison or the end; did you mean at least?",
    "did A at lest 3": "rule: column 7: cannot go on so; got 'at'; wanted `and`, `or`, a setting, a comparison or the end; did you mean at least?",
    "did A at 3": "rule: column 7: cannot go on so; got 'at'; wanted `and`, `or`, a setting, a comparison or the end",
    "did A and insegment x": "rule: column 11: no condition; got 'insegment'; wanted",
    "did A where x": "rule: column 14: no comparison; got 'the end'; wanted one of equals",
    "did A where x is gold": "rule: column 15: no comparison; got 'is'",
    "did A where x is 1 and y": "rule: column 24: no condition; got 'y'; wanted a condition",
    "trait plan is gold": "rule: column 12: no comparison; got 'is'; wanted one of equals",
    "did A where at least is 2": "rule: column 16: no comparison; got 'least'",
    "did A within 1d within 2d": "rule: column 17: `within` comes twice; leave one out",
    "did A where x is 1 and x is 2": "rule: column 24: `x` comes twice",
    "(did A": "rule: column 7: needs `)` here; got 'the end'; wanted ); close the parenthesis",
    "did A $": "rule: column 7: cannot be read; got '$'",
    "did A and\ndid B or or": "rule: line 2, column 10: no condition; got 'or'",
    'trait x is {"a": 1, "a": 2}': "rule: column 21: `a` comes twice",
    "trait x is 1e999": "rule: column 12: a number must be finite; got '1e999'",
    "trait x is " + "9" * 5_000: "rule: column 12: a number must be shorter",
    'trait x is "\\x"': "rule: column 12: no text; got",
    "sum revenue Order at least 3": "rule: column 13: needs `of` here; got 'Order'",
    "sequence A then B": "rule: column 10: needs `(` here; got 'A'; wanted (; put the steps in parentheses",
    "x" * (MAX_CHARS + 1): f"rule: too long; got {MAX_CHARS + 1}; wanted at most 20,000 characters; use in_segment",
    "( " * (MAX_TOKENS + 1): "rule: too many words; wanted at most 5,000",
    "(" * 100: "rule: column 65: nested deeper than 64",
    "not " * 100: "rule: column 257: nested deeper than 64",
    "trait x is " + "[" * 100: "rule: column 76: nested deeper than 64",
    "trait a at least " + "9" * 400: "rule: column 18: a number must be shorter",
    'trait a is "\\ud800"': "rule: column 12: no text",
}


@pytest.mark.parametrize(("line", "says"), WRONG.items(), ids=[line[:30] for line in WRONG])
def test_what_is_wrong_is_said_with_its_column(line: str, says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        text.read(line, "rule")
    assert str(problem.value).startswith(says)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("did A and did B at least 0", "s.rule.all[1].did, column 17: `at_least` is out of range; got 0"),
        ("not trait a within 0s", "s.rule.not.within, column 13: out of range"),
        ('did A where x is 1 and y at least "b" and at most "a"', "s.rule.did.where.y, column 24: can never hold"),
        ("sequence (A then B within x then C)", "s.rule.sequence.steps[1].within, column 20: not a duration: got 'x'"),
        ("did A or local_time from 09:00", "s.rule.any[1].local_time, column 21: needs both `from` and `to`"),
    ],
)
def test_a_text_that_reads_and_makes_no_sense_is_told_its_column_too(line: str, says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build(line)
    assert str(problem.value).startswith(f"segments.yml: {says}")


def test_a_text_may_stand_wherever_a_condition_does() -> None:
    condition, _ = build({"all": ["did A", {"not": "did B at least 2"}]})
    same, _ = build({"all": [{"did": {"event": "A"}}, {"not": {"did": {"event": "B", "at_least": 2}}}]})
    assert condition == same


def test_texts_in_a_tree_are_read() -> None:
    raw = {"all": ["did A", {"not": "did B"}, {"any": ["trait a is 1", {"in_segment": "x"}]}]}
    assert text.tree(raw, "rule") == text.read("did A and not did B and (trait a is 1 or in_segment x)", "rule").tree


@pytest.mark.parametrize(
    "tree",
    [
        7,
        {},
        {"did": 3},
        {"did": {"at_least": 2}},
        {"did": {"event": "A", "color": 3}},
        {"did": {"event": "A"}, "x": 1},
        {"all": []},
        {"did": {"event": "A", "where": {"x": {"near": 3}}}},
        {"sequence": {"steps": [{"event": "A"}, {"not": "B", "event": "C"}]}},
    ],
)
def test_what_is_no_rule_is_not_written(tree: Any) -> None:
    with pytest.raises(DefinitionError, match="rule"):
        write(tree)


def test_a_rule_too_long_for_a_text_is_not_written() -> None:
    tree = {"any": [{"trait": "x", "equals": "y" * 300} for _ in range(100)]}
    with pytest.raises(DefinitionError, match="too long"):
        write(tree)


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("didnt A", "did you mean did not?"),
        ("did A wihtin 3d", "did you mean within?"),
        ({"sequenz": {}}, "did you mean sequence?"),
        ({"did": {"event": "A", "at_leest": 3}}, "did you mean at_least?"),
        ({"did": {"event": "A", "where": {"x": {"at_leest": 3}}}}, "did you mean at_least?"),
    ],
)
def test_a_slip_is_told_the_word_that_was_meant(raw: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build(raw)
    assert str(problem.value).endswith(says)
