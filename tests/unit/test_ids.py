"""Ids and draws: a hash of what they stand for, so that a replay makes the same ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tidings.ids import digest, draw, message_id, profile_id, run_id

PARTS = st.lists(st.text(st.characters(), max_size=5), max_size=4)


@given(PARTS, PARTS)
def test_different_parts_never_run_together(one: list[str], other: list[str]) -> None:
    assert (digest("purpose", *one) == digest("purpose", *other)) == (one == other)


def test_ids_have_their_lengths_and_are_always_the_same() -> None:
    assert profile_id("user_id", "17850") == profile_id("user_id", "17850")
    assert profile_id("user_id", "7") != profile_id("anonymous_id", "7")
    assert (len(profile_id("a", "b")), len(run_id("a", "b", "c")), len(message_id("a", "b", 0))) == (24, 24, 32)


def test_an_id_once_given_never_changes() -> None:
    assert profile_id("user_id", "ann") == "c528110a38006b174ec47b8d"


def test_draws_are_uniform_and_independent_by_purpose() -> None:
    draws = [draw("holdout", str(n)) for n in range(10_000)]
    assert all(0 <= one < 1 for one in draws)
    assert abs(sum(one < 0.1 for one in draws) - 1_000) < 150  # five standard errors
    both = sum(one < 0.5 and draw("split", str(n)) < 0.5 for n, one in enumerate(draws))
    assert abs(both - 2_500) < 220
