"""The outbox: what each answer means for a message, when it is tried again, and what waits for what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from tests.unit.deliver.messages import NOW_US, intent, message_id, suppression
from tidings.clock import HOUR_US, MINUTE_US, SECOND_US, ManualClock
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.compose import Composer
from tidings.deliver.ledger import Ledger
from tidings.deliver.memory import MemoryTransport
from tidings.deliver.outbox import MAX_BACKOFF_US, Outbox, backoff_us
from tidings.domain.message import QuietTime
from tidings.feedback.tokens import Tokens
from tidings.recommend.base import Recommendation
from tidings.render.mail import Sender
from tidings.render.template import compile_template

SOURCE = """---
subject: "Hello {{ person.first_name }}"
slots: {items: 2}
---
<mjml><mj-body><mj-section><mj-column><mj-text>{% for i in items %}{{ i.name }} {% endfor %}
<a href="https://shop.example/">shop</a></mj-text></mj-column></mj-section></mj-body></mjml>
"""
TEMPLATE = compile_template("abandoned_cart", SOURCE)
SENDER = Sender(from_name="Shop", from_address="hello@shop.example", public_url="https://t.shop.example")


class Shelf:
    """A recommender whose wares change."""

    def __init__(self) -> None:
        self.names = ["Mug", "Lamp", "Chair"]

    def recommend(self, seeds, exclude, count):
        wares = [name for name in self.names if name not in exclude][:count]
        return [
            Recommendation(item_id=n, name=n, price=1.0, url="", image="", reason="popular: 1 orders", score=1.0)
            for n in wares
        ]


class World:
    def __init__(self, path, answer: Callable[[Handover], Outcome], *, max_attempts: int = 3) -> None:
        self.ledger = Ledger(path / "ledger.db")
        self.clock = ManualClock(NOW_US)
        self.transport = MemoryTransport(answer, connections=2)
        self.shelf = Shelf()
        self.composer = Composer(self.ledger, {"abandoned_cart": TEMPLATE}, SENDER, Tokens(bytes(32)), self.shelf)
        self.max_attempts = max_attempts
        self.outbox = Outbox(self.ledger, self.transport, self.composer, self.clock, max_attempts=max_attempts)

    def run(self) -> None:
        """Until there is nothing to do now."""

        async def whole() -> None:
            outbox = Outbox(self.ledger, self.transport, self.composer, self.clock, max_attempts=self.max_attempts)
            wake = asyncio.Event()
            await outbox.step(wake, 0)
            while not outbox.idle:
                await outbox.step(wake, 0.01)

        asyncio.run(whole())

    def row(self, number=1):
        return self.ledger.message(message_id(number))


def always(result: Result, reply: str = "") -> Callable[[Handover], Outcome]:
    return lambda _mail: Outcome(result, reply)


ACCEPT = always(Result.ACCEPTED, "250 ok")


@pytest.fixture
def world(tmp_path):
    worlds = []

    def make(answer=ACCEPT, **settings):
        worlds.append(World(tmp_path, answer, **settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.ledger.close()


def test_a_due_message_is_made_handed_over_and_recorded_with_the_answer(world):
    place = world()
    place.ledger.add([intent(1)], [])
    place.run()
    (mail,) = place.transport.taken
    row = place.row()
    assert (mail.sender, mail.recipient) == ("hello@shop.example", "p1@x.example")
    assert (row.state, row.reply, row.subject, row.attempts) == ("accepted", "250 ok", "Hello Ann", 1)
    assert place.ledger.links(message_id(1)) == ["https://shop.example/"]
    assert [item.name for item in place.ledger.items(message_id(1))] == ["Mug", "Lamp"]


@pytest.mark.parametrize(
    ("result", "mode", "state", "reason"),
    [
        (Result.REFUSED, "at_most_once", "refused", "refused by the server"),
        (Result.REFUSED, "at_least_once", "refused", "refused by the server"),
        (Result.LOST, "at_most_once", "in_doubt", "no answer after the data"),
        (Result.LOST, "at_least_once", "queued", ""),
        (Result.LATER, "at_most_once", "queued", ""),
        (Result.LATER, "at_least_once", "queued", ""),
    ],
)
def test_what_each_failure_means(world, result, mode, state, reason):
    place = world(always(result))
    place.ledger.add([intent(1, mode=mode)], [])
    place.run()
    row = place.row()
    assert (row.state, row.reason, row.attempts) == (state, reason, 1)
    if state == "queued":
        assert row.next_us == NOW_US + MINUTE_US


@pytest.mark.parametrize(
    ("result", "mode", "end"),
    [
        (Result.LATER, "at_most_once", "refused"),
        (Result.LATER, "at_least_once", "refused"),
        (Result.LOST, "at_least_once", "in_doubt"),
    ],
)
def test_it_tries_after_one_two_four_minutes_and_then_gives_up_by_name(world, result, mode, end):
    place = world(always(result), max_attempts=4)
    place.ledger.add([intent(1, mode=mode)], [])
    waits = []
    while place.row().state == "queued":
        place.clock.set(place.row().next_us)
        place.run()
        waits.append((place.row().next_us - place.clock.now_us()) // MINUTE_US)
    assert waits[:3] == [1, 2, 4]
    assert (place.row().state, place.row().reason, place.row().attempts) == (end, "gave up after 4 attempts", 4)
    assert len(place.ledger.attempts(message_id(1))) == 4


def test_pauses_double_and_stay_bounded():
    assert [backoff_us(n) // MINUTE_US for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert backoff_us(10_000) == MAX_BACKOFF_US


def test_a_retry_repeats_the_bytes_although_template_sender_and_wares_changed(world):
    answers = iter([Outcome(Result.LOST), Outcome(Result.ACCEPTED, "250")])
    place = world(lambda _mail: next(answers))
    place.ledger.add([intent(1, mode="at_least_once")], [])
    place.run()
    place.shelf.names = ["Vase", "Rug"]
    changed = compile_template("abandoned_cart", SOURCE.replace("Hello", "Goodbye"))
    other = Sender(from_name="New", from_address="new@shop.example", public_url="https://n.shop.example")
    place.composer = Composer(place.ledger, {"abandoned_cart": changed}, other, Tokens(bytes(32)), place.shelf)
    place.clock.advance(MINUTE_US)
    place.run()
    first, second = place.transport.taken
    assert first == second
    assert b"Mug" in first.data
    assert place.row().state == "accepted"


def test_a_message_can_be_made_again_from_the_ledger_alone_with_the_same_bytes(world):
    place = world()
    place.ledger.add([intent(1), intent(2, suppressed="no_consent")], [])
    place.run()
    again = Composer(place.ledger, {}, SENDER, Tokens(bytes(32)), None).again(message_id(1))
    assert again.mime == place.transport.taken[0].data
    assert again.digest == place.row().digest
    with pytest.raises(Exception, match="never rendered"):
        place.composer.again(message_id(2))


def test_a_person_who_unsubscribed_meanwhile_gets_nothing_and_costs_no_connection(world):
    asked = []

    def answer(mail):
        asked.append(mail.recipient)
        return Outcome(Result.ACCEPTED)

    place = world(answer)
    place.ledger.add([intent(1), intent(2)], [suppression("p1@x.example", "marketing")])
    place.run()
    assert asked == ["p2@x.example"], "connected for nothing"
    assert [mail.recipient for mail in place.transport.taken] == ["p2@x.example"]
    assert (place.row(1).state, place.row(1).reason) == ("suppressed", "unsubscribed")


def test_a_person_who_unsubscribes_while_the_server_makes_ready_gets_nothing(world):
    def answer(_mail):
        place.ledger.add([], [suppression("p1@x.example")])
        return Outcome(Result.ACCEPTED)

    place = world(answer)
    place.ledger.add([intent(1)], [])
    place.run()
    assert place.transport.taken == []
    assert (place.row(1).state, place.row(1).attempts) == ("suppressed", 0)


EVENING = QuietTime(17 * 3_600 + 60, 32 * 3_600, (0, 1, 2, 3, 4, 5, 6))  # it is five in the evening in Berlin
MORNING_US = NOW_US + 15 * HOUR_US


def test_a_retry_that_falls_into_quiet_hours_waits_for_their_end_and_costs_no_connection(world):
    asked = []

    def answer(mail):
        asked.append(mail.recipient)
        return Outcome(Result.LATER if len(asked) == 1 else Result.ACCEPTED, "")

    place = world(answer)
    place.ledger.add([intent(1, quiet=(EVENING,), zone="Europe/Berlin")], [])
    place.run()
    place.clock.set(place.row().next_us)
    place.run()
    assert len(asked) == 1, "connected for nothing"
    assert (place.row().state, place.row().reason, place.row().next_us) == ("queued", "quiet_hours", MORNING_US)
    assert (place.ledger.queued(), place.ledger.in_quiet(), place.ledger.in_quiet(bulk=True)) == (1, 1, 0)
    place.clock.set(MORNING_US - 1)
    place.run()
    assert len(asked) == 1
    place.clock.set(MORNING_US)
    place.run()
    assert (place.row().state, place.row().reason, place.row().attempts) == ("accepted", "", 2)
    assert place.ledger.in_quiet() == 0


def test_quiet_hours_that_begin_while_the_server_makes_ready_hold_the_message(world):
    def answer(_mail):
        place.clock.set(max(place.clock.now_us(), NOW_US + MINUTE_US))
        return Outcome(Result.ACCEPTED)

    place = world(answer)
    place.ledger.add([intent(1, quiet=(EVENING,), zone="Europe/Berlin"), intent(2)], [])
    place.run()
    assert [mail.recipient for mail in place.transport.taken] == ["p2@x.example"], "only what has no quiet hours"
    assert (place.row().state, place.row().attempts, place.row().next_us) == ("queued", 0, MORNING_US)
    place.clock.set(MORNING_US)
    place.run()
    assert place.row().state == "accepted"


def test_who_unsubscribes_while_a_message_is_held_gets_nothing(world):
    place = world()
    place.clock.advance(MINUTE_US)
    place.ledger.add([intent(1, quiet=(EVENING,), zone="Europe/Berlin")], [])
    place.run()
    place.ledger.add([], [suppression("p1@x.example", "marketing")])
    place.clock.set(MORNING_US)
    place.run()
    assert place.transport.taken == []
    assert (place.row().state, place.row().reason) == ("suppressed", "unsubscribed")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"address": "no at sign"}, "bad_address: not an address that mail can be sent to"),
        ({"template": "gone"}, "no_template: templates/gone.mjml is not in the workspace"),
    ],
)
def test_a_message_that_cannot_be_made_is_refused_and_does_not_hold_up_others(world, changes, reason):
    place = world()
    place.ledger.add([intent(1, **changes), intent(2)], [])
    place.run()
    assert (place.row(1).state, place.row(1).reason) == ("refused", reason)
    assert place.row(2).state == "accepted"


def test_when_nobody_is_there_messages_wait_untouched_and_the_pause_grows(world):
    there = False
    place = world(lambda _mail: Outcome(Result.ACCEPTED, "250") if there else Outcome(Result.UNREACHABLE, "refused"))
    place.ledger.add([intent(1), intent(2)], [])
    pauses = []

    async def whole():
        nonlocal there
        outbox, wake = place.outbox, asyncio.Event()
        for _ in range(9):
            before_us = place.clock.now_us()
            for _ in range(3):
                await outbox.step(wake, 0)
            place.clock.set(outbox._paused_until_us)
            pauses.append((outbox._paused_until_us - before_us) // SECOND_US)
        there = True
        while not outbox.idle:
            await outbox.step(wake, 0.01)

    asyncio.run(whole())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [place.row(n).attempts for n in (1, 2)] == [1, 1]
    assert place.ledger.counts() == {"accepted": 2}


def test_a_message_due_later_wakes_the_outbox_then_and_not_before(world):
    place = world()
    place.ledger.add([intent(1, decided_us=NOW_US + 90 * SECOND_US)], [])
    place.run()
    assert place.transport.taken == []
    assert place.outbox._wait_s() == 90
    place.clock.advance(90 * SECOND_US)
    place.run()
    assert len(place.transport.taken) == 1


def test_no_more_are_under_way_than_there_are_connections(world):
    most = 0

    class Slow(MemoryTransport):
        now = 0

        async def hand_over(self, mail, permit):
            nonlocal most
            Slow.now += 1
            most = max(most, Slow.now)
            await asyncio.sleep(0.001)
            outcome = await super().hand_over(mail, permit)
            Slow.now -= 1
            return outcome

    place = world()
    place.transport = Slow(connections=3)
    place.ledger.add([intent(n) for n in range(200)], [])
    place.run()
    assert most == 3
    assert place.ledger.counts() == {"accepted": 200}
    assert len(place.transport.taken) == 200


def test_stopping_waits_for_the_answer_under_way_and_starts_nothing_more(world):
    place = world()

    class Slow(MemoryTransport):
        async def hand_over(self, mail, permit):
            await asyncio.sleep(0.05)
            return await super().hand_over(mail, permit)

    transport = Slow(connections=2)

    async def whole():
        outbox = Outbox(place.ledger, transport, place.composer, place.clock)
        await outbox.step(asyncio.Event(), 0)
        await outbox.settle(5)

    place.ledger.add([intent(n) for n in range(5)], [])
    asyncio.run(whole())
    assert place.ledger.counts() == {"accepted": 2, "queued": 3}
    assert len(transport.taken) == 2


def test_a_fault_of_ours_ends_the_loop_instead_of_being_swallowed(world):
    def broken(_mail):
        msg = "a bug"
        raise RuntimeError(msg)

    place = world(broken)
    place.ledger.add([intent(1)], [])
    with pytest.raises(RuntimeError, match="a bug"):
        place.run()


class _Knows(MemoryTransport):
    """Another side that drops a second copy for `seconds`."""

    seconds = 15 * 60

    @property
    def capabilities(self):
        return msgspec.structs.replace(super().capabilities, idempotent=True, idempotent_s=self.seconds)


def with_knowing(world: World, answer: Callable[[Handover], Outcome]) -> World:
    world.transport = _Knows(answer, connections=2)
    return world


def test_where_the_other_side_knows_a_copy_a_lost_answer_is_asked_for_again_whatever_the_mode(world) -> None:
    answers = [Outcome(Result.LOST, "timeout"), Outcome(Result.ACCEPTED, "200 known")]
    it = with_knowing(world(), lambda _mail: answers.pop(0))
    it.ledger.add([intent()], [])
    it.run()
    assert it.row().state == "queued"
    it.clock.advance(2 * MINUTE_US)
    it.run()
    assert it.row().state == "accepted"
    assert len({mail.data for mail in it.transport.taken}) == 1, "the copy is not the same"


def test_once_the_other_side_has_forgotten_it_is_in_doubt(world) -> None:
    it = with_knowing(world(max_attempts=99), always(Result.LOST, "timeout"))
    it.ledger.add([intent()], [])
    for _ in range(6):
        it.run()
        it.clock.advance(8 * MINUTE_US)
    row = it.row()
    assert row.state == "in_doubt"
    assert row.attempts < 5


@pytest.mark.parametrize(("passed_us", "state"), [(MINUTE_US, "queued"), (16 * MINUTE_US, "in_doubt")])
def test_after_a_crash_it_is_asked_for_again_only_while_the_other_side_knows_it(world, passed_us, state) -> None:
    it = world()
    it.ledger.add([intent()], [])
    due = it.ledger.due(NOW_US, 10)[0]
    assert it.ledger.begin_attempt(message_id(1), NOW_US, it.composer.compose(due).frozen) is None
    it.ledger.recover(NOW_US + passed_us, idempotent_us=15 * MINUTE_US)
    assert it.row().state == state


class _KeyIsWrong(MemoryTransport):
    async def hand_over(self, mail, permit):
        assert await permit()
        return Outcome(Result.UNREACHABLE, "401 wrong key")


def test_a_wrong_key_uses_up_no_message_and_is_in_no_messages_end(world) -> None:
    it = world(max_attempts=2)
    it.transport = _KeyIsWrong(connections=2)
    it.ledger.add([intent()], [])
    for _ in range(5):
        it.run()
        it.clock.advance(2 * MINUTE_US)
    row = it.row()
    assert (row.state, row.reply) == ("queued", "401 wrong key")
    it.transport = MemoryTransport(ACCEPT, connections=2)
    it.run()
    assert it.row().state == "accepted"
