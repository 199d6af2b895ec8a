"""The shop's catalogue and its pictures."""

from __future__ import annotations

import json
from pathlib import Path
from xml.dom.minidom import parseString

import pytest

from tests.unit.demo_shop.shop import CATALOGUE, NAMES
from tidings.demo.shop import category
from tidings.demo.shop.catalogue import load
from tidings.demo.shop.picture import choose, svg
from tidings.errors import InputError


def test_items_are_listed_most_ordered_first_with_names_for_people() -> None:
    assert [item.orders for item in CATALOGUE.items] == sorted((orders for *_, orders in NAMES.values()), reverse=True)
    assert CATALOGUE.items[0].title == "White Hanging Heart T-Light Holder"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("LUNCH BAG RED RETROSPOT", "bags"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS", "christmas"),
        ("REGENCY CAKESTAND 3 TIER", "party"),
        ("HOT WATER BOTTLE KEEP CALM", "kitchen"),
        ("SOMETHING ELSE", "gifts"),
    ],
)
def test_a_name_tells_its_category(name: str, slug: str) -> None:
    assert category.of(name) == slug


def test_similar_items_share_words_and_are_others() -> None:
    bag = CATALOGUE.get("20725")
    assert bag is not None
    assert [other.item_id for other in CATALOGUE.similar(bag, 3)] == ["85099B"]


def test_a_catalogue_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(json.dumps({"items": [{"item_id": "1", "name": "MUG", "price": 2.5, "orders": 7}]}))

    assert load(file).items[0].price == 2.5


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("{", "cannot read the catalogue"),
        ('{"items": []}', "wanted 1 to"),
        ('{"items": [{"item_id": "../x", "name": "a", "price": 1}]}', "'../x'"),
        ('{"items": [{"item_id": "1", "name": "a", "price": 0}]}', "price > 0"),
    ],
)
def test_a_bad_catalogue_is_refused_with_what_was_wanted(tmp_path: Path, content: str, wanted: str) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(content)

    with pytest.raises(InputError, match=wanted.replace("(", r"\(")):
        load(file)


def test_every_shape_pattern_and_colour_draws_well_formed_svg_without_inline_style() -> None:
    nouns = [words.split("|")[0] for _, words in choose.SHAPES] + ["nothing in particular"]
    motifs = ["union jack", "retrospot", "gingham", "paisley", "skull", "apples", "strawberry", "owl", "vintage", ""]
    for number, noun in enumerate(nouns):
        for motif in (motifs[number % len(motifs)], "ivory", "red"):
            picture = svg(str(number), f"{motif} {noun}")
            parseString(picture)
            assert "style=" not in picture
            assert "<script" not in picture


def test_the_same_product_always_has_the_same_picture() -> None:
    assert svg("85123A", "PARTY BUNTING") == svg("85123A", "PARTY BUNTING")
    assert svg("85123A", "PARTY BUNTING") != svg("85123A", "BLUE PARTY BUNTING")


def test_what_a_thing_is_decides_its_shape() -> None:
    assert choose.shape("LUNCH BAG VINTAGE DOILY").__name__ == "lunch_bag"
    assert choose.shape("DOORMAT FAIRY CAKE").__name__ == "doormat"
    assert choose.shape("ALARM CLOCK BAKELIKE RED").__name__ == "clock"
    assert choose.shape("SOMETHING ODD").__name__ == "gift"
