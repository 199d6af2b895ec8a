"""Who may enter a journey: one run per order, re-entry by order, how often at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.domain import profile as profiles
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import DefinitionError
from tidings.process import admission
from tidings.process.admission import MAX_KEYS, MAX_OTHERS, Limit

ORDERS = """
entry: {event: Ordered}
per: {property: order_id, in: {Arrived: reference}}
reentry: once
goal: {event: Arrived}
exit_on: Cancelled
steps:
  - {id: a_while, wait_until: {event: Shipped, timeout: 100s, then: shipped}}
  - {id: late, exit: late}
  - {id: shipped, wait: 1d}
"""


def world(folder: Path, journey: str) -> World:
    return World(definitions(folder, orders=journey))


def ends(one: World) -> dict[str, str]:
    """Key to the outcome of its run."""
    keys = {fact.data["run_id"]: fact.data["key"] for fact in one.facts("run_started")}
    return {keys[fact.data["run_id"]]: fact.data["outcome"] for fact in one.facts("run_ended")}


def order(one: World, at_s: float, event: str, key: object, name: str = "order_id", user: str = "ann") -> None:
    one.track(at_s, event, {name: key}, user=user)


def test_each_order_has_a_run_of_its_own(tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    for at_s, key in enumerate(("a", "b", 3, "d")):
        order(one, at_s, "Ordered", key)
    order(one, 5, "Ordered", "a")  # again: it is in it already
    order(one, 10, "Shipped", "b")
    order(one, 11, "Arrived", "3", "reference")
    order(one, 12, "Arrived", "a")  # Arrived has it as `reference`, so it speaks of nothing
    assert ends(one) == {"3": "goal reached: did Arrived", "a": "goal reached: did Arrived"} | dict.fromkeys(
        ("b", "d"), "goal reached: did Arrived"
    )


def test_what_speaks_of_another_order_is_not_heard(tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    order(one, 0, "Ordered", "a")
    order(one, 1, "Ordered", "b")
    order(one, 10, "Cancelled", "a")
    order(one, 11, "Shipped", "b")
    one.until(300)
    assert ends(one) == {"a": "did Cancelled"}
    assert [run.step for run in one.person().runs] == ["shipped"]


def test_what_speaks_of_no_order_is_heard_by_all(tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    order(one, 0, "Ordered", "a")
    order(one, 1, "Ordered", "b")
    one.track(2, "Cancelled")
    assert ends(one) == {"a": "did Cancelled", "b": "did Cancelled"}


@pytest.mark.parametrize("key", [None, "", True, [1], {"x": 1}])
def test_without_an_order_nothing_begins(key: object, tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    order(one, 0, "Ordered", key)
    assert one.facts("run_started") == []


def test_reentry_goes_by_the_order(tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    order(one, 0, "Ordered", "a")
    one.track(1, "Cancelled")
    order(one, 2, "Ordered", "a")
    order(one, 3, "Ordered", "b")
    assert [fact.data["key"] for fact in one.facts("run_started")] == ["a", "b"]


def test_of_two_people_who_are_one_each_order_goes_on_once(tmp_path: Path) -> None:
    one = world(tmp_path, ORDERS)
    order(one, 0, "Ordered", "a", user="ann")
    order(one, 1, "Ordered", "a", user="bob")
    order(one, 2, "Ordered", "b", user="bob")
    one.alias(10, "bob", "ann")
    assert sorted(run.key for run in one.person().runs) == ["a", "b"]
    assert [outcome for _, outcome in one.ends()] == ["merged with the other run of the same person"]


LIMITED = """
entry: {event: Hello}
limit: {at_most: 2, per: 100s}
steps:
  - {id: moment, wait: 1s}
"""


def test_one_enters_so_often_in_any_span(tmp_path: Path) -> None:
    one = world(tmp_path, LIMITED)
    for at_s in (0, 50, 60, 99.999999, 100, 101, 150, 151):
        one.track(at_s, "Hello")
    begun = [
        (fact.occurred_us - one.facts("run_started")[0].occurred_us) / 1_000_000 for fact in one.facts("run_started")
    ]
    assert begun == [0.0, 50.0, 100.0, 150.0]


def test_one_enters_so_often_at_all(tmp_path: Path) -> None:
    one = world(tmp_path, LIMITED.replace(", per: 100s", ""))
    for at_s in range(0, 1_000_000, 100_000):
        one.track(at_s, "Hello")
    assert len(one.facts("run_started")) == 2


def test_entries_of_both_count_after_a_merge(tmp_path: Path) -> None:
    one = world(tmp_path, LIMITED)
    one.track(0, "Hello", user="ann")
    one.track(1, "Hello", user="bob")
    one.alias(10, "bob", "ann")
    one.track(20, "Hello", user="ann")
    assert len(one.facts("run_started")) == 2


def test_what_is_remembered_of_keys_is_bounded() -> None:
    one, other = (profiles.new(name, "", 0) for name in ("one", "other"))
    for number in range(MAX_KEYS + 50):
        admission.note_end("j", f"k{number}", one, 1_000 + number, ["j"])
        admission.note_end("j", f"x{number}", other, 1_010 + number, ["j"])
    admission.note_end("j", "", one, 5, ["j"])
    assert len(one.ended) == MAX_KEYS + 1
    admission.absorb(one, other)
    assert len(one.ended) == MAX_KEYS + 1
    assert min(us for about, us in one.ended.items() if about != "j") > 1_100


def test_what_is_remembered_of_broadcasts_and_of_journeys_that_are_gone_is_bounded() -> None:
    state = profiles.new("ann", "", 0)
    admission.note_end("welcome", "", state, 1, ["welcome"])
    for number in range(3 * MAX_OTHERS):
        admission.note_end(f"news_{number}", "", state, 10 + number, ["welcome"])
    assert len(state.ended) == MAX_OTHERS + 1
    assert state.ended["welcome"] == 1
    assert f"news_{3 * MAX_OTHERS - 1}" in state.ended


def test_a_rule_is_about_the_person_whatever_an_event_speaks_of(tmp_path: Path) -> None:
    text = """
    entry: {event: Ordered}
    per: order_id
    exit_if: {did: {event: Returned, at_least: 2}}
    steps: [{id: a_while, wait: 9d}]
    """
    one = world(tmp_path, text)
    order(one, 0, "Ordered", "a")
    order(one, 1, "Returned", "b")
    order(one, 2, "Returned", "c")
    assert [fact.occurred_us - START_US for fact in one.facts("run_ended")] == [2_000_000]


def test_what_comes_back_of_a_message_is_heard_whatever_the_key_is_called(tmp_path: Path) -> None:
    text = """
    entry: {event: Viewed}
    per: category
    steps:
      - {id: mail, send: {template: welcome, category: transactional}}
      - {id: look, wait_until: {message: mail, is: opened, timeout: 1d, on_event: seen}}
      - {id: late, exit: late}
      - {id: seen, exit: seen}
    """
    one = world(tmp_path, text)
    one.identify(0, email="ann@x.example")
    one.track(1, "Viewed", {"category": "shoes"})
    (sent,) = one.sends()
    said = {"message_id": sent.message_id, "category": sent.category}
    opened = one.record("track", 2, "Email Opened", said, user="ann")
    one.take([LogRecord(INTERNAL_SOURCE, opened.kind, opened.sent_us, opened.body)], 2)
    assert one.ends() == [("orders", "seen")]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("per: 7", "per: needs the name of a property"),
        ("per: {propery: x}", "per: unknown setting; got 'propery'"),
        ("per: {property: x, in: {A: 1}}", "per.in: needs events"),
        ("per: x", "per: nobody would enter: no entry is by an event"),
        ("limit: 3", "limit: needs `at_most`"),
        ("limit: {at_most: 101}", "limit.at_most: out of range; got 101"),
        ("limit: {at_most: 1, per: often}", "limit.per: "),
    ],
)
def test_what_is_wrong_is_told_with_its_line(part: str, says: str, tmp_path: Path) -> None:
    entry = "{segment: s}" if part == "per: x" else "{event: Hello}"
    text = f"entry: {entry}\n{part}\nsteps:\n  - {{id: one, wait: 1d}}\n"
    with pytest.raises(DefinitionError) as problem:
        definitions(tmp_path, segments="s: {rule: {did: {event: A}}}", j=text)
    assert f"journeys/j.yml:3: {says}" in str(problem.value)


def test_a_limit_is_said_in_words() -> None:
    assert [Limit(3, 0).words(), Limit(1, 60_000_000).words()] == ["at most 3 ever", "at most 1 in 1m"]
