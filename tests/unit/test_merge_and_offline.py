"""What a phone that was offline sends at once, and what two people who turn out to be one have decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.domain.record import BACKFILL, LogRecord
from tidings.process.profile import MAX_ADDRESSES

CART = """
entry: {event: Product Added}
steps:
  - {id: quiet, wait_until: {event: Order Completed, timeout: 5m, restart_on: Product Added}}
  - {id: remind, send: {template: welcome, category: marketing}}
"""
VIP = "vip: {rule: {did: {event: Order Completed, at_least: 2}}}"
GREET = "entry: {segment: vip}\nsteps: [{id: greet, send: {template: welcome, category: marketing}}]"
QUIET_BUYER = "{all: [{did: {event: Order Completed, at_least: 2}}, {did_not: {event: Order Completed, within: 1d}}]}"
CONSENT = "marketing: {consent: required}"


@pytest.mark.parametrize("max_batch", [1, 5_000])
def test_an_order_sent_together_with_the_cart_stops_the_reminder(tmp_path: Path, max_batch: int) -> None:
    world = World(definitions(tmp_path, cart=CART), max_batch=max_batch)
    email = world.record("identify", 0, user="ann", traits={"email": "ann@x.example"})
    added = world.record("track", 10, "Product Added", user="ann")
    bought = world.record("track", 60, "Order Completed", user="ann")
    world.take([email, added, bought], 3_600)  # the phone was offline for an hour
    world.simulator.advance_to(START_US + 7_200_000_000)
    assert world.simulator.sink.sends == {}
    assert [fact.kind for fact in world.simulator.sink.facts if fact.subject == "cart"][-1] == "run_ended"


def test_a_cart_left_alone_while_offline_is_reminded_of_at_once(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, cart=CART))
    email = world.record("identify", 0, user="ann", traits={"email": "ann@x.example"})
    world.take([email, world.record("track", 10, "Product Added", user="ann")], 3_600)
    world.simulator.advance_to(START_US + 3_601_000_000)
    (sent,) = world.simulator.sink.sends.values()
    assert sent.occurred_us == START_US + 310_000_000
    assert sent.decided_us == START_US + 3_600_000_001


LAPSED = "lapsed: {rule: {all: [{did: {event: Order}}, {did_not: {event: Order, within: 90d}}]}}"
WIN_BACK = """
entry: {segment: lapsed}
reentry: once
steps:
  - {id: come_back, send: {template: welcome, category: transactional}}
"""
DAY_S = 86_400


@pytest.mark.parametrize("max_batch", [1, 5_000])
def test_a_segment_that_she_is_out_of_again_by_what_came_with_it_starts_nothing(tmp_path: Path, max_batch: int) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK), max_batch=max_batch)
    long_ago = world.record("track", -100 * DAY_S, "Order", user="ann")
    yesterday = world.record("track", -DAY_S, "Order", user="ann")
    world.take([long_ago, yesterday], 0)
    world.until(DAY_S)
    assert world.sends() == []
    assert world.ends() == [("win_back", "not in lapsed after all")]
    entered = [fact.occurred_us for fact in world.facts("segment_entered", "segment_left")]
    assert entered == [START_US - 10 * DAY_S * 1_000_000, START_US - DAY_S * 1_000_000], "the past is told as it was"
    world.until(90 * DAY_S)  # a run that was taken back was no run: once is still to come
    assert [intent.decided_us for intent in world.sends()] == [START_US + 89 * DAY_S * 1_000_000]


def test_a_segment_entered_before_we_knew_acts_once_all_that_came_with_it_is_heard(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK))
    told = world.record("identify", -DAY_S, user="ann", traits={"email": "ann@x.example"})
    world.take([world.record("track", -100 * DAY_S, "Order", user="ann"), told], 0)
    world.until(1)
    (intent,) = world.sends()
    assert (intent.occurred_us, intent.decided_us) == (START_US - 10 * DAY_S * 1_000_000, START_US + 1)
    assert (intent.address, intent.suppressed) == ("ann@x.example", "")
    assert [fact.known_us for fact in world.facts("run_started")] == [START_US]


@pytest.mark.parametrize("max_batch", [1, 5_000])
def test_a_run_that_begins_in_the_past_hears_what_came_with_it(tmp_path: Path, max_batch: int) -> None:
    ends = WIN_BACK.replace("steps:", "exit_on: Complained\nsteps:\n  - {id: breathe, wait: 1h}")
    world = World(definitions(tmp_path, segments=LAPSED, win_back=ends), max_batch=max_batch)
    ordered = world.record("track", -100 * DAY_S, "Order", user="ann")
    complained = world.record("track", -DAY_S, "Complained", user="ann")
    world.take([ordered, complained], 0)
    world.until(DAY_S)
    assert world.sends() == []
    assert world.ends() == [("win_back", "did Complained")]


def test_a_merge_that_crosses_a_threshold_starts_the_journey(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=VIP, greet=GREET))
    for number, anonymous in enumerate(["phone", "laptop"]):
        world.take([world.record("track", number, "Order Completed", anonymous=anonymous)], number)
        world.take([world.record("identify", 10, user="ann", anonymous=anonymous, traits={"email": "a@x.example"})], 10)
    world.until(11)
    assert [sent.journey for sent in world.simulator.sink.sends.values()] == ["greet"]


def two_devices(world: World) -> None:
    """One order on each, and nobody knows that they are one person's."""
    world.take([world.record("track", 0, "Order Completed", anonymous="phone")], 0)
    world.take([world.record("track", 1, "Order Completed", user="ann")], 1)


def test_a_journey_that_a_merge_starts_knows_what_the_merging_call_says(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=VIP, greet=GREET))
    two_devices(world)
    world.take([world.record("identify", 2, user="ann", anonymous="phone", traits={"email": "a@x.example"})], 2)
    world.until(3)
    assert [(sent.address, sent.occurred_us - START_US, sent.decided_us - START_US) for sent in world.sends()] == [
        ("a@x.example", 1_000_000, 2_000_001)
    ]


def test_a_merging_event_that_ends_the_membership_starts_no_journey(tmp_path: Path) -> None:
    content = "vip: {rule: {all: [{did: {event: Order Completed, at_least: 2}}, {did_not: {event: Returned}}]}}"
    world = World(definitions(tmp_path, segments=content, greet=GREET))
    two_devices(world)
    world.take([world.record("track", 2, "Returned", user="ann", anonymous="phone")], 2)
    world.until(3)
    assert world.sends() == []
    assert world.ends() == [("greet", "not in vip after all")]


def test_a_merge_by_loaded_history_starts_no_journey_by_way_of_an_alarm_either(tmp_path: Path) -> None:
    quiet = VIP.replace("{did: {event: Order Completed, at_least: 2}}", QUIET_BUYER)
    world = World(definitions(tmp_path, segments=quiet, greet=GREET))
    two_devices(world)
    merging = world.record("identify", 2, user="ann", anonymous="phone", traits={"email": "a@x.example"})
    world.take([LogRecord(merging.source, "", 0, merging.body, BACKFILL)], 3 * DAY_S)
    world.until(4 * DAY_S)
    assert "vip" in world.person().segments
    assert world.facts("run_started") == []


def test_a_run_that_began_in_the_past_is_taken_back_when_a_merge_shows_otherwise(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK))
    world.track(-DAY_S, "Order")
    lapsed = world.record("track", -100 * DAY_S, "Order", anonymous="phone")
    world.take([lapsed, world.record("identify", 0, user="ann", anonymous="phone")], 0)
    world.until(1)
    assert world.sends() == []
    assert world.ends() == [("win_back", "not in lapsed after all")]


def test_who_was_in_the_segment_before_the_merge_is_not_greeted_again(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=VIP, greet=GREET))
    world.take([world.record("identify", 0, anonymous="phone", traits={"email": "a@x.example"})], 0)
    for number in (1, 2):
        world.take([world.record("track", number, "Order Completed", anonymous="phone")], number)
    world.take([world.record("identify", 3, user="ann", anonymous="phone")], 3)
    assert len(world.simulator.sink.sends) == 1


def test_a_withdrawal_holds_for_both_addresses_after_a_merge(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, policy=CONSENT))
    world.take([world.record("identify", 0, anonymous="phone", traits={"email": "old@x.example"})], 0)
    world.take([world.record("track", 1, "Consent Given", anonymous="phone")], 1)
    world.take([world.record("identify", 2, user="ann", traits={"email": "new@x.example"})], 2)
    world.take([world.record("track", 3, "Consent Withdrawn", user="ann")], 3)
    before = set(world.simulator.sink.suppressions)
    world.take([world.record("identify", 4, user="ann", anonymous="phone")], 4)
    fresh = [one for key, one in world.simulator.sink.suppressions.items() if key not in before]
    assert [(one.address, one.category, one.active) for one in fresh] == [("old@x.example", "marketing", True)]


def test_a_later_grant_lifts_the_other_address_after_a_merge(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, policy=CONSENT))
    world.take([world.record("identify", 0, anonymous="phone", traits={"email": "old@x.example"})], 0)
    world.take([world.record("track", 1, "Consent Withdrawn", anonymous="phone")], 1)
    world.take([world.record("identify", 2, user="ann", traits={"email": "new@x.example"})], 2)
    world.take([world.record("track", 3, "Consent Given", user="ann")], 3)
    before = set(world.simulator.sink.suppressions)
    world.take([world.record("identify", 4, user="ann", anonymous="phone")], 4)
    fresh = [one for key, one in world.simulator.sink.suppressions.items() if key not in before]
    assert [(one.address, one.active) for one in fresh] == [("old@x.example", False)]


def words(world: World) -> list[tuple[str, bool]]:
    return sorted((one.address, one.active) for one in world.simulator.sink.suppressions.values())


def test_a_withdrawal_after_a_change_of_address_holds_for_what_is_queued_for_the_earlier_one(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, policy=CONSENT))
    world.take([world.record("identify", 0, user="ann", traits={"email": "Old@x.example"})], 0)
    world.take([world.record("identify", 1, user="ann", traits={"email": "new@x.example"})], 1)
    world.take([world.record("track", 2, "Consent Withdrawn", user="ann")], 2)
    assert words(world) == [("new@x.example", True), ("old@x.example", True)]
    world.take([world.record("track", 3, "Consent Given", user="ann")], 3)
    assert words(world)[::2] == [("new@x.example", False), ("old@x.example", False)], "a later word lifts both"


def test_a_withdrawal_after_a_merge_holds_for_the_addresses_of_both(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, policy=CONSENT))
    world.take([world.record("identify", 0, anonymous="phone", traits={"email": "old@x.example"})], 0)
    world.take([world.record("identify", 1, user="ann", traits={"email": "new@x.example"})], 1)
    world.take([world.record("identify", 2, user="ann", anonymous="phone")], 2)
    world.take([world.record("track", 3, "Unsubscribed", user="ann")], 3)
    assert words(world) == [("new@x.example", True), ("old@x.example", True)]


def test_addresses_are_bounded_whatever_their_order(tmp_path: Path) -> None:
    given = [f"a{number:02}@x.example" for number in range(MAX_ADDRESSES + 5)]
    kept = []
    for order in (given, given[::-1]):
        world = World(definitions(tmp_path, policy=CONSENT))
        for second, one in enumerate(order):
            world.take([world.record("identify", second, user="ann", traits={"email": one})], second)
        kept.append(world.person().addresses)
    assert kept == [given[:MAX_ADDRESSES]] * 2


MOVED_ON = """
entry: {segment: lapsed}
steps:
  - {id: look, wait_until: {event: Seen, timeout: 200d, on_event: STEP, else: OTHER}}
  - {id: mail, send: {template: welcome, category: transactional}}
  - {id: end, exit: done}
  - {id: both, parallel: {paths: {a: one, b: two}, join: after}}
  - {id: one, wait: 1h}
  - {id: one_done, branch: {if: {trait: x, exists: true}, then: after, else: after}}
  - {id: two, wait: 2h}
  - {id: after, exit: done}
"""


@pytest.mark.parametrize("step", ["mail", "both"])
@pytest.mark.parametrize("hers", [True, False])
def test_what_comes_with_it_may_move_a_run_on_and_it_acts_only_when_all_is_heard(
    step: str, hers: bool, tmp_path: Path
) -> None:
    other = "both" if step == "mail" else "mail"
    journey = MOVED_ON.replace("STEP", step).replace("OTHER", other)
    world = World(definitions(tmp_path, segments=LAPSED, moved_on=journey))
    world.track(-DAY_S, "Order")
    told = [("Order", -100 * DAY_S), ("Seen", 0)]
    phone = [world.record("track", at_s, name, anonymous="phone") for name, at_s in told]
    is_hers = [world.record("identify", 0, user="ann", anonymous="phone")] if hers else []
    world.take([*phone, *is_hers], 0)
    assert world.facts("lane_started") == world.sends() == []
    world.until(DAY_S / 2)
    assert len(world.sends()) == (step == "mail" and not hers)
    assert len(world.facts("lane_started")) == (2 if step == "both" and not hers else 0)
    assert world.ends() == [("moved_on", "not in lapsed after all" if hers else "done")]
