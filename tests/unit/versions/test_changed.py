"""What a plan shows as changed: what means something else, not what is only written otherwise."""

from __future__ import annotations

import pytest

from tidings.versions.changed import ChangedDefinition, changed
from tidings.versions.files import Files, version_of

BEFORE = {
    "traits.yml": """
spent: {sum: {event: Order, property: revenue}}
orders: {count: {event: Order}}
""",
    "segments.yml": "big: {description: Big ones, rule: {trait: spent, at_least: 100}}",
    "settings.yml": "timezone: Europe/London",
    "policy.yml": "marketing: {consent: required, cap: 2 in 7d}",
    "journeys/greet.yml": """
journey: greet
entry: {event: Go}
steps:
  - {id: pause, wait: 2h}
  - {id: mail, send: {template: hello, category: marketing}}
""",
    "sources/shop.yml": "name: shop\nformat: csv",
    "templates/hello.mjml": "<mjml></mjml>",
    "README.md": "ours",
}
SAME = {
    "traits.yml": """
# counted first
orders:
  count:
    event: "Order"
spent:
  sum: {property: 'revenue', event: Order}  # of the order
""",
    "segments.yml": """
big:
  rule: {at_least: 100, trait: spent}
  description: Big ones
""",
    "settings.yml": "timezone: 'Europe/London' # home\n",
    "policy.yml": "marketing:\n  cap: '2 in 7d'\n  consent: required\n",
    "journeys/hello.yml": """
steps:
- wait: 2h
  id: pause
- id: mail
  send:
    category: marketing
    template: hello
entry:
  event: Go
journey: greet   # the same, in another file
""",
    "sources/shop.yml": "format: csv # so far\nname: shop",
    "templates/hello.mjml": "<mjml></mjml>",
    "README.md": "ours",
}


def files(texts: dict[str, str], **more: str) -> Files:
    return {path: text.encode() for path, text in {**texts, **more}.items()}


def what(found: list[ChangedDefinition]) -> list[tuple[str, str, str]]:
    return [(one.how, one.kind, one.name) for one in found]


def test_what_is_only_written_otherwise_is_no_change_of_a_definition() -> None:
    before, after = files(BEFORE), files(SAME)
    assert version_of(before) != version_of(after)
    assert {one.kind for one in changed(before, after)} == {"file"}
    assert changed(before, before) == []


def test_a_rule_written_as_a_text_is_no_change_either() -> None:
    journey = "journey: j\nentry: {event: Go}\nsteps: [{id: b, branch: {if: %s}}]"
    settings = {"segments.yml": "s: {rule: {trait: a, equals: 1}}", "journeys/j.yml": journey % "{did: {event: A}}"}
    texts = {"segments.yml": "s: {rule: trait a is 1}", "journeys/j.yml": journey % "did A"}
    assert {one.kind for one in changed(files(settings), files(texts))} == {"file"}
    other = files({**texts, "segments.yml": "s: {rule: trait a is 2}", "journeys/j.yml": journey % "did B"})
    assert what(changed(files(settings), other)) == [("changed", "segment", "s"), ("changed", "journey", "j")]


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("traits.yml", "revenue", "total", ("changed", "trait", "spent")),
        ("segments.yml", "100", "50", ("changed", "segment", "big")),
        ("segments.yml", "at_least: 100", "equals: true", ("changed", "segment", "big")),
        ("settings.yml", "London", "Paris", ("changed", "setting", "timezone")),
        ("policy.yml", "7d", "8d", ("changed", "policy", "marketing")),
        ("journeys/hello.yml", "2h", "3h", ("changed", "journey", "greet")),
        ("sources/shop.yml", "csv", "jsonl", ("changed", "source", "shop")),
        ("templates/hello.mjml", "<mjml>", "<mjml> ", ("changed", "template", "hello")),
        ("README.md", "ours", "mine", ("changed", "file", "README.md")),
    ],
)
def test_one_definition_that_means_something_else_is_shown_alone(
    path: str, old: str, new: str, expected: tuple[str, str, str]
) -> None:
    assert old in SAME[path]
    found = changed(files(BEFORE), files(SAME, **{path: SAME[path].replace(old, new)}))
    assert what(found) == [expected]


def test_true_is_not_one_and_a_text_is_not_a_number() -> None:
    for old, new in (("1", "true"), ("1", "'1'"), ("null", "''")):
        was, now = (files({"segments.yml": f"s: {{rule: {{trait: x, equals: {one}}}}}"}) for one in (old, new))
        assert what(changed(was, now)) == [("changed", "segment", "s")]


def test_the_diff_shows_what_differs_and_not_what_moved() -> None:
    after = SAME["journeys/hello.yml"].replace("2h", "3h")
    (found,) = changed(files(BEFORE), files(SAME, **{"journeys/hello.yml": after}))
    assert [line for line in found.diff.splitlines() if line[:1] in "+-"] == ["-- wait: 2h", "+- wait: 3h"]


def test_added_and_removed_are_said() -> None:
    assert what(changed({}, files({"traits.yml": "a: {count: {event: A}}"}))) == [("added", "trait", "a")]
    assert what(changed(files({"traits.yml": "a: {count: {event: A}}"}), {})) == [("removed", "trait", "a")]
