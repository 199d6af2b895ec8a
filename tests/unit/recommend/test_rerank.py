"""Reranking rules, one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings.recommend.base import Recommendation
from tidings.recommend.rerank import in_order, name_words, rerank, says_the_same


def item(item_id: str, name: str = "", score: float = 1.0) -> Recommendation:
    return Recommendation(item_id=item_id, name=name or item_id * 3, price=1, url="", image="", reason="", score=score)


def ids(chosen: list[Recommendation]) -> list[str]:
    return [one.item_id for one in chosen]


def test_the_order_of_candidates_is_kept_and_cut() -> None:
    assert ids(rerank([item("a"), item("b"), item("c")], seeds=(), exclude=(), count=2)) == ["a", "b"]


def test_neither_seeds_nor_excluded_items_nor_the_same_item_twice() -> None:
    candidates = [item("a"), item("b"), item("c"), item("c"), item("d")]
    assert ids(rerank(candidates, seeds={"a"}, exclude=["d"], count=9)) == ["b", "c"]


def test_of_near_identical_names_only_the_best_when_others_are_there() -> None:
    candidates = [item("a", "Set of 6 tea plates"), item("b", "SET OF 12 TEA PLATES"), item("c", "Cake stand")]
    assert ids(rerank(candidates, seeds=(), exclude=(), count=2)) == ["a", "c"]


def test_near_identical_names_fill_up_when_nothing_else_is_left() -> None:
    candidates = [item("a", "Tea plate, small"), item("b", "tea plate (small)"), item("c", "Cake stand")]
    assert ids(rerank(candidates, seeds=(), exclude=(), count=3)) == ["a", "c", "b"]


def test_colours_of_one_thing_are_not_near_identical() -> None:
    pink, green = name_words("PINK REGENCY TEACUP AND SAUCER"), name_words("GREEN REGENCY TEACUP AND SAUCER")
    assert not says_the_same(pink, green)


def test_names_without_words_are_never_alike() -> None:
    assert ids(rerank([item("a", "123"), item("b", "456")], seeds=(), exclude=(), count=2)) == ["a", "b"]


def test_equal_scores_go_by_item_id() -> None:
    assert ids(in_order([item("b"), item("a"), item("z", score=2)])) == ["z", "a", "b"]


IDS = st.text("abcdef", min_size=1, max_size=2)


@given(st.lists(IDS), st.sets(IDS), st.sets(IDS), st.integers(0, 9))
def test_it_never_adds_repeats_or_gives_too_many(found: list[str], seeds: set[str], exclude: set[str], n: int) -> None:
    chosen = ids(rerank([item(one) for one in found], seeds=seeds, exclude=exclude, count=n))
    allowed = set(found) - seeds - exclude
    assert set(chosen) <= allowed
    assert len(chosen) == len(set(chosen)) == min(n, len(allowed))
