"""Items without an address get one from the pattern; those that have one keep it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tidings.recommend.base import Recommendation
from tidings.recommend.linked import Linked


def item(item_id: str, url: str = "", image: str = "") -> Recommendation:
    return Recommendation(item_id=item_id, name="Mug", price=1, url=url, image=image, reason="popular", score=1)


class Fixed:
    def recommend(self, seeds: Sequence[str], exclude: Collection[str], count: int) -> list[Recommendation]:
        return [item("85 123/A"), item("2", "https://own.example/2", "https://own.example/2.png")][:count]


def test_a_missing_page_and_picture_come_from_the_pattern() -> None:
    linked = Linked(Fixed(), item_url="https://s.example/p/{item_id}", item_image="https://s.example/i/{item_id}.svg")
    first, second = linked.recommend([], [], 2)
    assert (first.url, first.image) == ("https://s.example/p/85%20123%2FA", "https://s.example/i/85%20123%2FA.svg")
    assert (second.url, second.image) == ("https://own.example/2", "https://own.example/2.png")


def test_without_a_pattern_nothing_is_made_up() -> None:
    first, _ = Linked(Fixed(), item_url="", item_image="").recommend([], [], 2)
    assert (first.url, first.image) == ("", "")
