"""What a message carries along is bounded: the largest given traits give way, and what the send needs stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.core import World, definitions
from tidings.deliver.ledger import MAX_INTENT_BYTES
from tidings.domain.message import SendIntent
from tidings.process.profile import LEAST_TRAITS_BYTES, MAX_VALUES_BYTES

GREET = "entry: {event: Hello}\nsteps: [{id: greet, send: {template: welcome, category: transactional}}]"
TRAITS = "cart: {cart: {added: Product Added, emptied: Order Completed}}\nhellos: {count: {event: Hello}}"
TEXT = {"name", "url", "image_url"}


def size(value: Any) -> int:
    return len(msgspec.json.encode(value))


def greeted(folder: Path, traits: dict[str, Any], *, items: int = 0, letter: str = "x") -> SendIntent:
    """The greeting of somebody with these traits and so many items in the cart, everything in it as long as it may be."""
    world = World(definitions(folder, traits=TRAITS, greet=GREET))
    world.identify(0, email="ann@x.example", first_name="Ann")
    names = sorted(traits)
    for part in range(0, len(names), 2):
        world.identify(1, **{name: traits[name] for name in names[part : part + 2]})
    for number in range(items):
        world.track(
            2, "Product Added", {"product_id": f"{number:03}" + letter * 297, **dict.fromkeys(TEXT, letter * 300)}
        )
    world.track(3, "Hello", {"said": "y" * 3_900})
    (intent,) = world.sends()
    return intent


def many(length: int, count: int = 190, letter: str = "\u20ac") -> dict[str, str]:
    return {f"t{number:03}": letter * length for number in range(count)}


def test_what_fits_is_carried_whole(tmp_path: Path) -> None:
    intent = greeted(tmp_path, many(50, letter="x"), items=5)
    assert len(intent.values["person"]) == 2 + 190 + 2  # the two she gave, the many, hellos and sessions
    assert "left_out" not in intent.why


def test_the_whole_of_it_is_bounded_and_says_what_was_left_out(tmp_path: Path) -> None:
    intent = greeted(tmp_path, many(2_000), items=10)
    person = intent.values["person"]
    assert MAX_VALUES_BYTES - 10_000 < size(intent.values) <= MAX_VALUES_BYTES
    assert person["email"] == "ann@x.example"
    assert (person["first_name"], person["hellos"]) == ("Ann", 1)
    assert len(intent.values["cart"]) == len(intent.seeds) == 10
    assert set(intent.why["left_out"]) == set(many(2_000)) - set(person)
    assert intent.why["left_out"] == sorted(intent.why["left_out"])


def test_the_largest_go_first_and_the_first_name_of_equal_ones(tmp_path: Path) -> None:
    intent = greeted(tmp_path, {**many(100), "large": ["x" * 900] * 2, **many(2_000, count=20)})
    gone = intent.why["left_out"]
    assert gone == [f"t{number:03}" for number in range(len(gone))]
    assert 0 < len(gone) < 20
    assert "large" in intent.values["person"]


def test_a_computed_trait_and_the_address_stay_however_large_the_given_ones_of_these_names_are(tmp_path: Path) -> None:
    intent = greeted(tmp_path, {**many(2_000), "hellos": "z" * 2_000, "sessions": "z" * 2_000})
    assert intent.values["person"]["hellos"] == intent.values["person"]["sessions"] == 1
    assert not {"hellos", "sessions", "email"} & set(intent.why["left_out"])


@pytest.mark.parametrize("letter", ["x", "\u20ac", "\x01"])
def test_a_full_cart_stays_and_leaves_small_traits_some_room(letter: str, tmp_path: Path) -> None:
    intent = greeted(tmp_path, many(2_000, letter=letter), items=60, letter=letter)
    assert len(intent.values["cart"]) == 50
    assert intent.values["person"]["first_name"] == "Ann"
    beside = size({**intent.values, "person": {}})
    assert size(intent.values) <= max(MAX_VALUES_BYTES, beside + LEAST_TRAITS_BYTES + 200)
    assert size(intent) < MAX_INTENT_BYTES * 3 // 4
