"""Messages of broadcasts in the ledger: last out of the outbox, held while theirs is paused, ended once it is given up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.deliver.messages import FROZEN, NOW_US, intent, message_id
from tests.unit.deliver.test_outbox import ACCEPT, World
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.ledger import Ledger
from tidings.domain.message import HoldIntent, SendIntent


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = Ledger(tmp_path / "ledger.db")
    yield book
    book.close()


def news(number: int, **more: Any) -> SendIntent:
    return intent(number, **{"journey": "news", "bulk": True, "decided_us": NOW_US - 1_000_000, **more})


def stands(state: str, number: int, *, journey: str = "news", known_us: int = NOW_US - 500_000) -> list[HoldIntent]:
    return [HoldIntent(journey=journey, state=state, number=number, known_us=known_us)]


def due(ledger: Ledger, limit: int = 10) -> list[str]:
    return [one.intent.message_id.lstrip("0") for one in ledger.due(NOW_US, limit)]


def test_all_others_go_first_however_long_those_of_a_broadcast_wait(ledger: Ledger) -> None:
    ledger.add([news(1), news(2), intent(3), intent(4, category="transactional"), news(5)], [], stands("open", 0))
    assert due(ledger) == ["4", "3", "1", "2", "5"]
    assert due(ledger, 3) == ["4", "3", "1"]
    assert (ledger.queued(), ledger.queued_bulk()) == (2, 3)


def test_those_of_a_paused_one_stay_and_go_when_it_goes_on(ledger: Ledger) -> None:
    ledger.add([news(1), intent(2, decided_us=NOW_US + 5)], [], stands("open", 0))
    ledger.add([], [], stands("held", 1))
    assert (due(ledger), ledger.next_due_us()) == ([], NOW_US + 5)
    assert ledger.begin_attempt(message_id(1), NOW_US, FROZEN) == "paused"
    ledger.add([], [], stands("open", 2))
    assert (due(ledger), ledger.next_due_us()) == (["1"], NOW_US - 1_000_000)
    assert ledger.begin_attempt(message_id(1), NOW_US, FROZEN) is None


def test_other_broadcasts_go_on_meanwhile(ledger: Ledger) -> None:
    ledger.add([news(1), news(2, journey="sale")], [], [*stands("held", 1), *stands("open", 0, journey="sale")])
    assert due(ledger) == ["2"]


def test_what_is_handed_on_again_or_late_does_not_undo_a_later_one(ledger: Ledger) -> None:
    ledger.add([news(1)], [], stands("open", 2))
    ledger.add([], [], stands("held", 1))
    assert due(ledger) == ["1"]


def test_given_up_those_that_wait_are_ended_and_those_of_a_new_start_go(ledger: Ledger) -> None:
    ledger.add([news(1), news(2)], [], stands("open", 0))
    ledger.add([], [], stands("cancelled", 1))
    assert ledger.begin_attempt(message_id(1), NOW_US, FROZEN) == "cancelled"
    ledger.add([news(3, decided_us=NOW_US)], [], stands("open", 2, known_us=NOW_US - 1))
    assert (ledger.drop_cancelled(NOW_US, 10), ledger.drop_cancelled(NOW_US, 10)) == (1, 0)
    rows = [ledger.message(message_id(number)) for number in (1, 2, 3)]
    assert [(row.state, row.reason) for row in rows if row] == [
        ("suppressed", "cancelled"),
        ("suppressed", "cancelled"),
        ("queued", ""),
    ]
    assert {one.message_id for one in ledger.unreported(10)} == {message_id(1), message_id(2)}


def test_a_ledger_of_before_there_were_broadcasts_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        asking = db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '%bulk%'").fetchall()
        for (index,) in asking:
            db.execute(f"DROP INDEX {index}")
        db.execute("ALTER TABLE messages DROP COLUMN bulk")
        db.execute("DROP TABLE broadcasts")
        db.execute("CREATE INDEX messages_due ON messages (next_us) WHERE state = 'queued'")
    db.close()
    ledger = Ledger(path)
    ledger.add([intent(1), news(2)], [], stands("open", 0))
    assert due(ledger) == ["1", "2"]
    ledger.close()


def test_what_comes_while_a_broadcast_goes_out_does_not_wait_behind_it(tmp_path: Path) -> None:
    def answer(mail: Handover) -> Outcome:
        if mail.recipient == "p3@x.example":
            place.ledger.add([intent(99)], [])
        return ACCEPT(mail)

    place = World(tmp_path, answer)
    place.ledger.add([news(number, template="abandoned_cart") for number in range(1, 41)], [], stands("open", 0))
    place.run()
    order = [mail.recipient for mail in place.transport.taken]
    assert len(order) == 41
    assert order.index("p99@x.example") <= 6
    place.ledger.close()


def test_paused_while_it_goes_out_nothing_more_of_it_goes(tmp_path: Path) -> None:
    def answer(mail: Handover) -> Outcome:
        if mail.recipient == "p3@x.example":
            place.ledger.add([], [], stands("held", 1))
        return Outcome(Result.ACCEPTED, "250 ok")

    place = World(tmp_path, answer)
    place.ledger.add([news(number, template="abandoned_cart") for number in range(1, 41)], [], stands("open", 0))
    place.run()
    assert len(place.transport.taken) <= 5
    place.ledger.add([], [], stands("open", 2))
    place.run()
    assert sorted(mail.message_id for mail in place.transport.taken) == [message_id(number) for number in range(1, 41)]
    place.ledger.close()
