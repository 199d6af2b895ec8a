"""The messages that a state remembers: the latest of each category, as many as are asked for, also of two who are one."""

from __future__ import annotations

import msgspec

from tidings.domain import profile as profiles
from tidings.domain.profile import ProfileState, Sent
from tidings.process import sends

KEEP = {"news": 2, "offers": 3}


def person(*sent: tuple[int, str]) -> ProfileState:
    state = profiles.new("p", "", 0)
    for at_us, category in sent:
        sends.note(state, Sent(at_us, category), KEEP)
    return state


def kept(state: ProfileState) -> list[tuple[int, str]]:
    return [(one.decided_us, one.category) for one in state.sends]


def test_the_latest_of_each_category_are_kept_and_what_nobody_asks_for_is_not() -> None:
    state = person((1, "news"), (2, "bills"), (3, "news"), (4, "offers"), (5, "news"), (6, "offers"))
    assert kept(state) == [(3, "news"), (4, "offers"), (5, "news"), (6, "offers")]


def test_two_who_are_one_have_the_latest_of_both() -> None:
    state, other = person((1, "news"), (4, "news"), (6, "offers")), person((2, "offers"), (3, "news"), (5, "news"))
    sends.absorb(state, other, KEEP)
    assert kept(state) == [(2, "offers"), (4, "news"), (5, "news"), (6, "offers")]


def test_a_state_of_before_is_read_without_ids() -> None:
    """It had the instant and the category alone."""
    raw = msgspec.msgpack.decode(profiles.encode(person((1, "news"))))
    raw[ProfileState.__struct_fields__.index("sends")] = [[1, "news"]]
    assert profiles.decode(msgspec.msgpack.encode(raw)).sends == [Sent(1, "news", "", "", 0)]
