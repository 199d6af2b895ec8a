"""YAML as plain data: whatever a file holds, it is data within bounds, or what is wrong is said with its line."""

from __future__ import annotations

import pytest

from tidings.domain import plain
from tidings.errors import DefinitionError


def aliases(levels: int, first: str, joined: str) -> str:
    """A short text that grows tenfold with every line."""
    return f"a0: &a0 {first}\n" + "".join(
        f"a{one}: &a{one} {joined.format(', '.join([f'*a{one - 1}'] * 10))}\n" for one in range(1, levels)
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: " + "9" * 5000, "cannot be read as a whole number"),
        ("a: !!int abc", "cannot be read as a whole number"),
        ("a: !!int ''", "cannot be read as a whole number"),
        ("a: 0b_", "cannot be read as a whole number"),
        ("a: !!float abc", "cannot be read as a number"),
        ("a: !!bool abc", "cannot be read as true or false"),
        ("a: !!map abc", "not YAML: expected a mapping node"),
        ("a: .nan", "a number must be finite"),
        ("on: 2026-01-31", "a name must be text; got 'on'; put it in quotes"),
        ('a: "\\ud83d"', "half a character"),
        ("a: &x [*x]", "a part of itself"),
        ("a: &x {b: {<<: *x}}", "a part of itself"),
        ("a: " + "[" * 80 + "]" * 80, "too large: wanted at most 500,000 values, 60 deep"),
    ],
)
def test_what_is_no_plain_data_is_said_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        plain.parse(f"# first\n{text}\n", "f.yml")
    assert str(refused.value).startswith(f"f.yml:2: {problem}")


@pytest.mark.parametrize("text", [aliases(12, "[x]", "[{}]"), aliases(12, "{x: 1}", "{{<<: [{}]}}")])
def test_a_short_text_that_grows_without_end_is_refused_before_it_does(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"f\.yml:\d+: too large"):
        plain.parse(text, "f.yml")


def test_what_is_named_again_is_there_again() -> None:
    assert plain.parse("a: {b: &x [1], c: *x, d: [*x, *x]}", "f") == {"a": {"b": [1], "c": [1], "d": [[1], [1]]}}


def test_two_escapes_that_are_one_character_in_json_are_one() -> None:
    assert plain.parse('a: "\\ud83d\\ude00é"', "f") == {"a": "😀é"}
