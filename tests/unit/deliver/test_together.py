"""Group commit: one transaction for all who ask at the same time, and to each of them as if alone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.unit.deliver.messages import FROZEN, NOW_US, intent, message_id, suppression
from tidings.deliver.ledger import IllegalMove, Ledger
from tidings.deliver.records import Begin, End
from tidings.deliver.together import Together
from tidings.domain.message import DeliveryState as State


class Counting(Ledger):
    """Counts commits."""

    commits = 0

    def move(self, begins: Sequence[Begin], ends: Sequence[End]) -> list[str | None]:
        self.commits += 1
        return super().move(begins, ends)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Counting]:
    made = Counting(tmp_path / "ledger.db")
    made.add([intent(number) for number in range(1, 31)], [suppression("p7@x.example")])
    yield made
    made.close()


def begin(number: int) -> Begin:
    return Begin(message_id=message_id(number), now_us=NOW_US, frozen=FROZEN)


def end(number: int, state: str = State.ACCEPTED) -> End:
    return End(message_id=message_id(number), state=state, now_us=NOW_US + 1, reply="250 ok")


def test_all_who_ask_at_once_share_one_commit_and_each_gets_its_own_answer(ledger: Counting) -> None:
    async def whole() -> list[str | None]:
        together = Together(ledger)
        answers = await asyncio.gather(*(together.begin(begin(number)) for number in range(1, 33)))
        await asyncio.gather(*(together.finish(end(n)) for n in range(1, 11) if n != 7), together.begin(begin(1)))
        return list(answers)

    answers = asyncio.run(whole())
    assert answers == [None] * 6 + ["unsubscribed"] + [None] * 23 + ["unknown_message"] * 2
    assert ledger.commits == 2
    assert ledger.counts() == {State.ACCEPTED: 9, State.SUPPRESSED: 1, State.ATTEMPTING: 20}
    assert [attempt.reply for attempt in ledger.attempts(message_id(1))] == ["250 ok"]


def test_one_who_stopped_waiting_for_permission_has_none(ledger: Counting) -> None:
    async def whole() -> None:
        together = Together(ledger)
        gone = asyncio.ensure_future(together.begin(begin(1)))
        stayed = asyncio.ensure_future(together.begin(begin(2)))
        asyncio.get_running_loop().call_soon(gone.cancel)
        await asyncio.gather(gone, stayed, return_exceptions=True)

    asyncio.run(whole())
    assert ledger.counts()[State.ATTEMPTING] == 1


def test_an_end_is_recorded_even_if_nobody_waits_for_it_any_more(ledger: Counting) -> None:
    async def whole() -> None:
        together = Together(ledger)
        await together.begin(begin(1))
        gone = asyncio.ensure_future(together.finish(end(1)))
        asyncio.get_running_loop().call_soon(gone.cancel)
        await asyncio.sleep(0.01)

    asyncio.run(whole())
    assert ledger.counts()[State.ACCEPTED] == 1


def test_a_fault_reaches_all_who_wait_and_nothing_is_half_done(ledger: Counting) -> None:
    async def whole() -> list[object]:
        together = Together(ledger)
        return list(await asyncio.gather(together.begin(begin(1)), together.finish(end(2)), return_exceptions=True))

    assert [type(answer) for answer in asyncio.run(whole())] == [IllegalMove, IllegalMove]
    assert ledger.counts() == {State.QUEUED: 30}
