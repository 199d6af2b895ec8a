"""The caller: tries, pauses, bounds, and one answer for each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tidings.clock import HOUR_US, MINUTE_US, SECOND_US, ManualClock
from tidings.collect.limits import MAX_INTERNAL_BYTES
from tidings.deliver import caller as calling
from tidings.deliver.caller import Caller
from tidings.deliver.calls import MAX_REPORT_BYTES, Calls
from tidings.deliver.memory_post import MemoryPoster, Sent
from tidings.deliver.post import Posted
from tidings.domain.event import Event
from tidings.domain.message import CallIntent, EventIntent
from tidings.domain.outward import Answer
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.errors import InputError
from tidings.process.webhooks import Webhook

NOW_US = 1_800_000_000_000_000
URL = "https://crm.example/"
HOOK = Webhook(name="crm", url=URL, per_minute=60_000, attempts=4)


def intent(number: int = 1, *, webhook: str = "crm", until_us: int = NOW_US + HOUR_US) -> CallIntent:
    return CallIntent(
        call_id=f"{number:032x}",
        profile_id="p1",
        webhook=webhook,
        journey="greet",
        journey_version="v1",
        run_id="r1",
        step="ask",
        values={"plan": "gold"},
        occurred_us=NOW_US - 1,
        known_us=NOW_US,
        until_us=until_us,
    )


@pytest.fixture
def calls(tmp_path: Path) -> Iterator[Calls]:
    store = Calls(tmp_path / "calls.db")
    yield store
    store.close()


class Play:
    """A caller over time, until nothing is queued."""

    def __init__(self, calls: Calls, answer: Callable[[Sent], Posted], *hooks: Webhook, keys: Any = None) -> None:
        self.clock = ManualClock(NOW_US)
        self.calls = calls
        self.poster = MemoryPoster(answer)
        self.at_s: list[float] = []
        known = {one.name: one for one in hooks or (HOOK,)}
        self.caller = Caller(calls, self.poster, lambda: known, keys or (lambda _: [b"k" * 32]), self.clock)

    async def _run(self, until_us: int) -> None:
        wake = asyncio.Event()
        while self.calls.queued() and self.clock.now_us() < until_us:
            before = len(self.poster.sent)
            await self.caller.step(wake, 0)
            await asyncio.sleep(0)
            await self.caller.step(wake, 0)
            if len(self.poster.sent) == before:
                self.clock.advance(SECOND_US)
            self.at_s += [(self.clock.now_us() - NOW_US) / SECOND_US] * (len(self.poster.sent) - before)
        await self.caller.settle()

    def run(self, until_us: int = NOW_US + 30 * HOUR_US) -> list[dict[str, Any]]:
        """Properties of the events that are ready for the log."""
        asyncio.run(self._run(until_us))
        return [msgspec.json.decode(one.event)["properties"] for one in self.calls.unreported(1_000)]


def in_turn(*answers: Posted) -> Callable[[Sent], Posted]:
    left = list(answers)
    return lambda _: left.pop(0)


def test_an_answer_becomes_an_event_that_the_log_takes(calls: Calls) -> None:
    calls.add([], [intent()])
    (said,) = Play(calls, in_turn(Posted(status=200, body=b'{"score":7}'))).run()
    assert (said["result"], said["body"]) == ("ok", {"score": 7})
    assert said["call_id"] == intent().call_id
    (ready,) = calls.unreported(10)
    event = normalise(LogRecord("tidings", "", 0, ready.event), 0, NOW_US + HOUR_US)
    assert isinstance(event, Event)
    assert (event.name, event.profile_id) == ("Webhook Answered", "p1")
    calls.mark_reported([ready])
    assert calls.unreported(10) == []


def test_every_try_has_the_same_id_and_body_and_a_fresh_signature(calls: Calls) -> None:
    calls.add([], [intent()])
    play = Play(calls, in_turn(Posted(status=503), Posted(error="timeout: x"), Posted(status=200)))
    (said,) = play.run()
    assert said["attempts"] == 3
    assert {one.headers["webhook-id"] for one in play.poster.sent} == {intent().call_id}
    assert len({one.body for one in play.poster.sent}) == 1
    assert len({one.headers["webhook-signature"] for one in play.poster.sent}) == 3
    assert 2.5 <= play.at_s[1] - play.at_s[0] <= 9
    assert 5 <= play.at_s[2] - play.at_s[1] <= 16


FAILED = {
    "no": (Posted(status=404), 1, "status: 404"),
    "a redirect": (Posted(status=301), 1, "redirect: 301"),
    "a private address": (Posted(error="private_address: x", final=True), 1, "private_address: x"),
    "always later": (Posted(status=500), 4, "status: 500"),
    "never there": (Posted(error="unreachable: x"), 4, "unreachable: x"),
}


@pytest.mark.parametrize(("answer", "tries", "error"), FAILED.values(), ids=FAILED)
def test_failures(answer: Posted, tries: int, error: str, calls: Calls) -> None:
    calls.add([], [intent()])
    play = Play(calls, lambda _: answer)
    (said,) = play.run()
    assert (said["result"], said["attempts"], said["error"], said["body"]) == ("failed", tries, error, None)
    assert len(play.poster.sent) == tries
    (state,) = calls.hooks()
    assert (state.failed, state.in_a_row, state.error) == (1, tries, error)


LEFT_OUT = {
    b"<html>": "not_json",
    b'{"a":' * 50 + b"1" + b"}" * 50: "not_json",  # the log would not take it
    b'{"a":99999999999999999999999}': "not_json",
    b'"' + b"x" * 4_000 + b'"': "too_large",
}


@pytest.mark.parametrize(("body", "why"), LEFT_OUT.items(), ids=lambda one: str(one)[:12])
def test_an_answer_that_cannot_be_kept_is_left_out_and_still_one(body: bytes, why: str, calls: Calls) -> None:
    calls.add([], [intent()])
    (said,) = Play(calls, lambda _: Posted(status=200, body=body)).run()
    assert (said["result"], said["body"], said["left_out"]) == ("ok", None, why)


def test_retry_after_is_kept_to_within_reason(calls: Calls) -> None:
    calls.add([], [intent()])
    play = Play(calls, in_turn(Posted(status=429, retry_after="120"), Posted(status=200)))
    play.run()
    assert 119 <= play.at_s[1] <= 121
    assert calling.asked_pause_us("Wed, 21 Oct 2015 07:28:00 GMT", 1_445_412_420 * SECOND_US) == MINUTE_US
    assert calling.asked_pause_us("99999999999", NOW_US) == HOUR_US
    assert [calling.asked_pause_us(one, NOW_US) for one in ("", "soon", "-3", "Wed, 99")] == [0] * 4


def test_no_try_begins_when_the_run_has_gone_on(calls: Calls) -> None:
    calls.add([], [intent(1, until_us=NOW_US + 30 * SECOND_US), intent(2, until_us=NOW_US)])
    play = Play(calls, lambda _: Posted(status=503), msgspec.structs.replace(HOOK, attempts=50))
    one, two = sorted(play.run(), key=lambda said: said["call_id"])
    assert max(play.at_s) < 30
    assert one["error"] == "status: 503"
    assert (two["error"].partition(":")[0], two["attempts"]) == ("expired", 0)


def test_calls_whose_time_is_over_hold_up_nobody(calls: Calls) -> None:
    calls.add([], [intent(n, until_us=NOW_US) for n in range(1, 151)])
    calls.add([], [intent(500)])
    play = Play(calls, lambda _: Posted(status=200), Webhook(name="crm", url=URL, per_minute=1))
    said = play.run(NOW_US + 10 * SECOND_US)
    assert sorted(one["result"] for one in said) == ["failed"] * 150 + ["ok"]
    assert len(play.poster.sent) == 1


def test_a_webhook_that_is_gone_or_has_no_secret(calls: Calls) -> None:
    def keys(name: str) -> Sequence[bytes]:
        raise InputError("no secret")

    calls.add([], [intent(1, webhook="gone"), intent(2)])
    play = Play(calls, lambda _: Posted(status=200), keys=keys)
    found = {said["webhook"]: said["error"] for said in play.run()}
    assert found["gone"].startswith("no_such_webhook")
    assert found["crm"] == "no_secret: tidings webhook-secret crm"
    assert play.poster.sent == []


def test_a_rate_is_kept(calls: Calls) -> None:
    calls.add([], [intent(n) for n in range(1, 31)])
    play = Play(calls, lambda _: Posted(status=200), Webhook(name="crm", url=URL, per_minute=30, concurrency=8))
    play.run()
    assert len(play.at_s) == 30
    assert 56 <= play.at_s[-1] <= 62
    assert all(later - first >= 1 for first, later in zip(play.at_s, play.at_s[1:], strict=False))


def test_one_that_hangs_holds_up_nobody_else(calls: Calls) -> None:
    class Hanging:
        def __init__(self) -> None:
            self.begun: list[str] = []

        async def post(self, url: str, headers: Any, body: bytes, timeout_s: float) -> Posted:
            self.begun.append(url)
            if "slow" in url:
                await asyncio.sleep(3_600)
            return Posted(status=200)

    hooks = {
        "slow": Webhook(name="slow", url="https://slow/", concurrency=3),
        "quick": Webhook(name="quick", url="https://quick/", per_minute=60_000),
    }
    calls.add([], [intent(n, webhook="slow") for n in range(1, 101)])
    calls.add([], [intent(n, webhook="quick") for n in range(101, 151)])
    poster = Hanging()

    async def run() -> None:
        caller = Caller(calls, poster, lambda: hooks, lambda _: [b"k" * 32], ManualClock(NOW_US))
        wake = asyncio.Event()
        for _ in range(200):
            await caller.step(wake, 0.001)
        await caller.settle()

    asyncio.run(run())
    assert poster.begun.count("https://slow/") == 3
    assert poster.begun.count("https://quick/") == 50
    assert calls.queued() == {"slow": 100}


def test_what_goes_to_the_log_at_once_is_bounded(calls: Calls) -> None:
    calls.add([], [intent(number) for number in range(400)])
    body = {"text": "x" * 3_900}
    for number in range(400):
        calls.finish(intent(number), Answer(result="ok", status=200, body=body), now_us=NOW_US)
    rounds = 0
    while ready := calls.unreported(500):
        assert sum(len(one.event) for one in ready) <= MAX_REPORT_BYTES < MAX_INTERNAL_BYTES
        calls.mark_reported(ready)
        rounds += 1
    assert rounds == 2


def test_copies_change_nothing(calls: Calls) -> None:
    event = EventIntent(
        event_id="e1", profile_id="p1", kind="identify", name="", properties={"a": 1}, journey="j", run_id="r",
        step="s", occurred_us=NOW_US, known_us=NOW_US,
    )  # fmt: skip
    for _ in range(3):
        calls.add([event], [intent()])
    assert len(calls.unreported(10)) == 1
    assert calls.queued() == {"crm": 1}
    asyncio.run(Play(calls, lambda _: Posted(status=200))._run(NOW_US + HOUR_US))
    assert [one.id for one in calls.unreported(10)] == ["e1", intent().call_id]
    calls.mark_reported(calls.unreported(10))
    calls.add([event], [intent()])
    assert calls.unreported(10) == []
    assert calls.queued() == {}
