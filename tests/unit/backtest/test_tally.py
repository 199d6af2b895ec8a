"""What is counted: days of the workspace's zone, ways, the busiest week of each person, purchases within their span."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tidings.backtest import tally
from tidings.backtest.tally import MAX_OPEN, OTHERWISE, Bought, Counting
from tidings.clock import DAY_US, HOUR_US, parse_instant
from tidings.domain.event import Event
from tidings.domain.message import Intents, SendIntent
from tidings.domain.output import Fact, FactKind, OutputBlock

NOON_US = parse_instant("2026-03-02T12:00:00Z")
BOUGHT = Bought(names=frozenset({"Bought"}), within_us=DAY_US, revenue="worth")


def counting(zone: str = "UTC") -> Counting:
    made = Counting(BOUGHT, zone)
    made.open = True
    return made


def put(sink: Counting, *things: Fact | SendIntent) -> None:
    facts = [one for one in things if isinstance(one, Fact)]
    sends = [one for one in things if isinstance(one, SendIntent)]
    sink.put(OutputBlock(1, 0, [], facts, []), Intents(sends, [], [], []))


def fact(kind: str, at_us: int, who: str = "ann", **data: Any) -> Fact:
    return Fact(kind, who, "cart", at_us, at_us, "event:1", data)


def message(at_us: int, who: str = "ann", **more: Any) -> SendIntent:
    about = {"address": "a@x.example", "journey": "cart", "journey_version": "v", "run_id": "r", "step": "remind"}
    kind = {"template": "reminder", "category": "marketing", "mode": "at_most_once"}
    return SendIntent(
        message_id=f"{who}-{at_us}", profile_id=who, occurred_us=at_us, decided_us=at_us, **about, **kind, **more
    )


def buy(sink: Counting, at_us: int, who: str = "ann", worth: float = 10) -> None:
    event = Event(
        event_id="b",
        kind="track",
        name="Bought",
        occurred_us=at_us,
        received_us=at_us,
        offset=9,
        properties={"worth": worth},
    )
    sink.purchase(who, event)


def test_days_and_hours_are_those_of_the_zone() -> None:
    sink = counting("Asia/Tokyo")
    put(sink, fact(FactKind.RUN_STARTED, NOON_US + 4 * HOUR_US, step="wait"), message(NOON_US + 4 * HOUR_US))
    journey = sink.tally.journeys["cart"]
    assert journey.days == {"2026-03-03": 1}
    assert journey.hours[1] == 1
    assert sink.tally.days == {"2026-03-03": {"marketing": 1}}


def test_nothing_is_counted_before_and_after() -> None:
    sink = counting()
    sink.open = False
    put(sink, fact(FactKind.RUN_STARTED, NOON_US, step="wait"), message(NOON_US))
    assert not sink.tally.journeys
    assert not sink.tally.messages


def test_ways_lead_from_step_to_step_and_waiting_is_none() -> None:
    sink = counting()
    steps = [("wait", ""), ("wait", ""), ("wait", "branch"), ("branch", "exit"), ("branch", "branch")]
    put(sink, *(fact(FactKind.RUN_STEP, NOON_US, step=step, next=following, outcome="") for step, following in steps))
    assert sink.tally.journeys["cart"].ways == {"wait": {"branch": 1}, "branch": {"exit": 1}}


def test_a_purchase_follows_within_the_span_and_not_at_the_instant_itself() -> None:
    for after_us, followed in ((0, 0), (1, 1), (DAY_US, 1), (DAY_US + 1, 0)):
        sink = counting()
        put(sink, message(NOON_US))
        buy(sink, NOON_US + after_us)
        assert (sink.tally.followed, sink.tally.purchases) == (followed, followed)


def test_two_purchases_follow_one_message_and_one_purchase_follows_two() -> None:
    sink = counting()
    put(sink, message(NOON_US), message(NOON_US + HOUR_US))
    buy(sink, NOON_US + 2 * HOUR_US, worth=0.1)
    buy(sink, NOON_US + 3 * HOUR_US, worth=0.2)
    assert (sink.tally.followed, sink.tally.purchases, sink.tally.revenue_micro) == (2, 2, 300_000)


def test_the_busiest_week_slides() -> None:
    sink = counting()
    for day in (0, 6, 7, 8, 20):
        put(sink, message(NOON_US + day * DAY_US))
    ann = sink.tally.people["ann"]
    assert (ann.messages, ann.peak, ann.peak_us) == (5, 3, NOON_US + 8 * DAY_US)


def test_refusals_are_no_messages() -> None:
    sink = counting()
    put(sink, message(NOON_US, suppressed="no_consent"))
    assert sink.tally.refused == {"marketing": {"no_consent": 1}}
    assert not sink.tally.people


def test_what_was_counted_of_two_who_are_one_is_hers_also_in_the_block_in_which_it_turns_out() -> None:
    sink = counting()
    put(sink, message(NOON_US, "ann"))
    merge = Fact(FactKind.PROFILE_MERGED, "ann", "anonymous", NOON_US, NOON_US, "event:2")
    put(sink, merge, message(NOON_US - HOUR_US, "anonymous"))
    buy(sink, NOON_US + 1)
    assert sink.tally.people.keys() == {"ann"}
    assert sink.tally.followed == 2


def test_its_size_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_OUTCOMES", 50)
    sink = counting()
    for number in range(2 * MAX_OPEN):
        put(sink, message(NOON_US + number))
    for number in range(100):
        put(sink, fact(FactKind.RUN_ENDED, NOON_US, step="s", outcome=f"her value is {number}"))
    outcomes = sink.tally.journeys["cart"].outcomes
    assert len(sink.tally.people["ann"].open) == MAX_OPEN
    assert len(outcomes) == 51
    assert outcomes[OTHERWISE] == 50
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(sink.tally), type=type(sink.tally)) == sink.tally


def test_what_a_journey_in_shadow_would_send_counts_as_sent() -> None:
    sink = counting()
    put(sink, message(NOON_US, suppressed="shadow"), message(NOON_US, who="bob", suppressed="no_consent"))
    assert sink.tally.messages == 1
    assert sink.tally.refused == {"marketing": {"no_consent": 1}}
