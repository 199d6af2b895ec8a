"""What is kept of a person is bounded, and what falls out never depends on the order of arrival or on other things."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.decide.caps import MAX_CAP
from tidings.domain.record import LogRecord
from tidings.process.profile import MAX_PURPOSES, MAX_TRAITS
from tidings.testing.histories import call

CAPPED = """
marketing: {consent: not_needed, cap: {at_most: 1, per: 30d}}
receipt: {consent: not_needed, cap: {at_most: 100, per: 1s}}
transactional: {consent: not_needed}
"""


def sending(event: str, category: str) -> str:
    return f"entry: {{event: {event}}}\nsteps:\n  - id: s\n    send: {{template: t, category: {category}}}\n"


def test_a_cap_counts_however_many_messages_of_other_categories_went_out(tmp_path: Path) -> None:
    kinds = {"news": ("News", "marketing"), "receipt": ("Order", "receipt"), "bill": ("Bill", "transactional")}
    files = {name: sending(*one) for name, one in kinds.items()}
    world = World(definitions(tmp_path, policy=CAPPED, **files))
    world.identify(0, email="ann@x.example")
    world.track(1, "News")
    for n in range(MAX_CAP + 5):
        world.track(2 + 2 * n, "Order")
        world.track(2 + 2 * n, "Bill")
    world.track(500, "News")
    assert [i.suppressed for i in world.sends() if i.category == "marketing"] == ["", "frequency_cap"]
    kept = Counter(one.category for one in world.person().sends)
    assert kept == {"marketing": 1, "receipt": MAX_CAP}  # no cap ever asks for bills


@pytest.mark.parametrize("reverse", [False, True])
def test_a_withdrawal_counts_however_many_other_purposes_there_are(reverse: bool, tmp_path: Path) -> None:
    world = World(definitions(tmp_path))
    world.identify(0, email="ann@x.example")
    purposes = [f"a{n:03}" for n in range(MAX_PURPOSES + 20)]
    records = [world.record("track", 1, "Consent Given", {"purpose": p}, user="ann", id=p) for p in purposes]
    records.append(world.record("track", 2, "Unsubscribed", {"category": "marketing"}, user="ann", id="u"))
    world.take(records[::-1] if reverse else records, 3)
    assert not world.person().consents["marketing"].granted
    assert sorted(world.person().consents) == [*purposes[: MAX_PURPOSES - 1], "marketing"]
    assert [entry.category for entry in world.simulator.sink.suppressions.values() if entry.active] == ["marketing"]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_address_stays_and_segments_follow_what_falls_out(reverse: bool, tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments="gold: {rule: {trait: plan, equals: gold}}"))
    records = [
        call("identify", "a", START_US, user="ann", traits={"plan": "gold", "email": "ann@x.example"}),
        call("identify", "b", START_US, user="ann", traits={f"cf_{n:03}": n for n in range(MAX_TRAITS + 50)}),
    ]
    for record in records[::-1] if reverse else records:
        world.take([record], 0)
    assert len(world.person().traits) == MAX_TRAITS
    assert "email" in world.person().traits
    assert world.person().segments == {}


def facts_of(source: str, value: int) -> list[LogRecord]:
    """The same ids and instants from each source, with another value: two sources may use the same ids."""
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("track", "x", {"event": "X", "properties": {"v": value}}),
        ("track", "a", {"event": "Added", "properties": {"product_id": "p", "quantity": value, "price": value}}),
        ("identify", "i", {"traits": {"plan": value}}),
    ]
    return [LogRecord(source, "", 0, call(kind, one, START_US, user="u", **more).body) for kind, one, more in calls]


def test_what_two_sources_say_under_one_id_at_one_instant_does_not_depend_on_who_came_first(tmp_path: Path) -> None:
    traits = """
        one: {first: {event: X, property: v}}
        two: {last: {event: X, property: v}}
        cart: {cart: {added: Added, emptied: Ordered}}
    """
    found = []
    records = [*facts_of("web", 1), *facts_of("app", 2)]
    for order in (records, records[::-1]):
        world = World(definitions(tmp_path, traits=traits))
        world.take(order, 0)
        found.append((world.person("u").values, world.person("u").traits["plan"].value))
    assert found[0] == found[1]
