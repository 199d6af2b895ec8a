"""The send ledger: what is added stays, moves only along its arrows, and nothing leaves without permission."""

from __future__ import annotations

import multiprocessing

import msgspec
import pytest

from tests.unit.deliver.messages import FROZEN, NOW_US, intent, message_id, suppression
from tidings.deliver.database import named, statements
from tidings.deliver.ledger import IllegalMove, Ledger
from tidings.recommend.base import Recommendation

ITEM = Recommendation(item_id="1", name="Mug", price=2.5, url="", image="", reason="popular: 9 orders", score=1.0)


@pytest.fixture
def ledger(tmp_path):
    book = Ledger(tmp_path / "ledger.db")
    yield book
    book.close()


def attempt(ledger, number=1, now_us=NOW_US):
    return ledger.begin_attempt(message_id(number), now_us, FROZEN)


def state(ledger, number=1):
    row = ledger.message(message_id(number))
    return row.state, row.reason


def test_an_added_message_is_queued_and_due_with_its_whole_decision(ledger):
    ledger.add([intent(1)], [])
    (due,) = ledger.due(NOW_US, 10)
    assert due.intent == intent(1)
    assert (due.attempts, due.template_version, due.items) == (0, "", [])
    assert (ledger.queued(), ledger.counts(), ledger.next_due_us()) == (1, {"queued": 1}, NOW_US)


def test_adding_it_again_changes_nothing_whatever_became_of_it(ledger):
    ledger.add([intent(1)], [])
    attempt(ledger)
    ledger.finish(message_id(1), "accepted", now_us=NOW_US + 5, reply="250 ok")
    before = ledger.message(message_id(1))
    ledger.add([intent(1, address="other@x.example")], [])
    assert ledger.message(message_id(1)) == before
    assert ledger.counts() == {"accepted": 1}


def test_a_decision_not_to_send_lands_as_suppressed_with_its_reason_and_needs_no_report(ledger):
    ledger.add([intent(1, suppressed="frequency_cap"), intent(2, address="")], [])
    assert state(ledger, 1) == ("suppressed", "frequency_cap")
    assert state(ledger, 2) == ("suppressed", "no_address")
    assert (ledger.due(NOW_US, 10), ledger.unreported(10), ledger.queued()) == ([], [], 0)


def test_nothing_is_due_before_its_time_and_transactional_mail_goes_first(ledger):
    ledger.add([intent(1), intent(2, decided_us=NOW_US + 9), intent(3, category="transactional")], [])
    assert [due.intent.message_id for due in ledger.due(NOW_US, 10)] == [message_id(3), message_id(1)]
    assert [due.intent.message_id for due in ledger.due(NOW_US, 1)] == [message_id(3)]
    assert attempt(ledger, 2) == "not_due"


def test_permission_freezes_what_the_message_was_rendered_from_and_to(ledger):
    ledger.add([intent(1)], [])
    frozen = msgspec.structs.replace(FROZEN, items=[ITEM])
    assert ledger.begin_attempt(message_id(1), NOW_US, frozen) is None
    row = ledger.message(message_id(1))
    assert (row.state, row.subject, row.template_version, row.digest) == ("attempting", "Hello", "t1", "d")
    assert ledger.items(message_id(1)) == [ITEM]
    assert ledger.link(message_id(1), 0) == "https://shop.example/a"
    assert [a.started_us for a in ledger.attempts(message_id(1))] == [NOW_US]


@pytest.mark.parametrize("index", [1, -1, 65535])
def test_a_link_that_is_not_there_is_none(ledger, index):
    ledger.add([intent(1)], [])
    attempt(ledger)
    assert ledger.link(message_id(1), index) is None
    assert ledger.link(message_id(9), 0) is None


def test_permission_is_given_once(ledger):
    ledger.add([intent(1)], [])
    assert attempt(ledger) is None
    assert attempt(ledger) == "not_queued: attempting"
    assert attempt(ledger, 7) == "unknown_message"


@pytest.mark.parametrize(
    ("entry", "category", "goes"),
    [
        ("*", "marketing", False),
        ("marketing", "marketing", False),
        ("newsletter", "marketing", True),
        ("*", "transactional", False),
        ("transactional", "transactional", True),
        ("marketing", "transactional", True),
    ],
)
def test_a_never_send_entry_stops_its_category_and_a_star_stops_all(ledger, entry, category, goes):
    ledger.add([intent(1, category=category, address="Ann@X.example")], [suppression("ann@x.EXAMPLE", entry)])
    assert attempt(ledger) == (None if goes else "unsubscribed")
    assert state(ledger) == (("attempting", "") if goes else ("suppressed", "unsubscribed"))


def test_an_entry_that_was_lifted_no_longer_stops_and_an_older_word_changes_nothing(ledger):
    ledger.add([intent(1)], [suppression("p1@x.example", known_us=10)])
    ledger.add([], [suppression("p1@x.example", active=False, known_us=9)])
    assert [entry.known_us for entry in ledger.suppressions("P1@x.example")] == [10]
    ledger.add([], [suppression("p1@x.example", active=False, known_us=11)])
    assert ledger.suppressions("p1@x.example") == []
    assert attempt(ledger) is None


def test_what_is_suppressed_at_the_last_moment_is_reported(ledger):
    ledger.add([intent(1)], [suppression("p1@x.example")])
    attempt(ledger)
    (report,) = ledger.unreported(10)
    assert (report.state, report.reason, report.profile_id) == ("suppressed", "unsubscribed", "p1")
    ledger.mark_reported([report])
    assert ledger.unreported(10) == []


def test_later_queues_it_again_with_its_time_and_counts_the_attempt(ledger):
    ledger.add([intent(1)], [])
    attempt(ledger)
    ledger.finish(message_id(1), "queued", now_us=NOW_US + 5, reply="451 later", next_us=NOW_US + 60)
    assert ledger.due(NOW_US + 59, 10) == []
    (due,) = ledger.due(NOW_US + 60, 10)
    assert (due.attempts, due.template_version, due.sender_version) == (1, "t1", "s1")
    assert [(a.n, a.ended_us, a.reply) for a in ledger.attempts(message_id(1))] == [(1, NOW_US + 5, "451 later")]


def test_a_refusal_before_the_data_counts_as_an_attempt_too(ledger):
    ledger.add([intent(1)], [])
    ledger.finish(message_id(1), "refused", now_us=NOW_US + 5, reply="550 no such user", reason="no_such_user")
    row = ledger.message(message_id(1))
    assert (row.state, row.reason, row.attempts, row.finished_us) == ("refused", "no_such_user", 1, NOW_US + 5)
    assert len(ledger.attempts(message_id(1))) == 1


@pytest.mark.parametrize("end", ["accepted", "refused", "in_doubt", "queued"])
def test_an_ended_message_does_not_move_again(ledger, end):
    ledger.add([intent(1)], [])
    attempt(ledger)
    ledger.finish(message_id(1), "accepted", now_us=NOW_US)
    with pytest.raises(IllegalMove, match="'accepted'"):
        ledger.finish(message_id(1), end, now_us=NOW_US)
    assert attempt(ledger) == "not_queued: accepted"


def test_nothing_is_accepted_without_an_attempt(ledger):
    ledger.add([intent(1)], [])
    with pytest.raises(IllegalMove, match="'queued' to 'accepted'"):
        ledger.finish(message_id(1), "accepted", now_us=NOW_US)
    with pytest.raises(IllegalMove, match="unknown"):
        ledger.finish(message_id(2), "accepted", now_us=NOW_US)


def test_doubt_can_be_settled_when_evidence_comes(ledger):
    ledger.add([intent(1)], [])
    attempt(ledger)
    ledger.finish(message_id(1), "in_doubt", now_us=NOW_US, reason="connection lost")
    ledger.mark_reported(ledger.unreported(10))
    ledger.finish(message_id(1), "accepted", now_us=NOW_US + 9, reason="it was opened")
    assert [report.state for report in ledger.unreported(10)] == ["accepted"]
    assert len(ledger.attempts(message_id(1))) == 1


def test_after_a_crash_each_mode_does_what_it_says(ledger, tmp_path):
    ledger.add([intent(1), intent(2, mode="at_least_once"), intent(3), intent(4, mode="at_least_once")], [])
    attempt(ledger, 1)
    attempt(ledger, 2)
    ledger.close()
    ledger = Ledger(tmp_path / "ledger.db")
    found = ledger.recover(NOW_US + 5)
    assert (found.in_doubt, found.queued) == (1, 1)
    assert state(ledger, 1) == ("in_doubt", "crash before the answer")
    assert state(ledger, 2) == ("queued", "")
    assert ledger.message(message_id(2)).attempts == 1
    assert ledger.counts() == {"in_doubt": 1, "queued": 3}
    again = ledger.recover(NOW_US + 6)
    assert (again.in_doubt, again.queued) == (0, 0)
    ledger.close()


def test_a_message_that_crashes_the_role_each_time_is_not_tried_for_ever(ledger):
    ledger.add([intent(1, mode="at_least_once")], [])
    attempt(ledger)
    assert ledger.recover(NOW_US, max_attempts=1).in_doubt == 1
    assert state(ledger)[0] == "in_doubt"


def test_the_listing_pages_through_all_messages_and_filters(ledger):
    ledger.add([intent(n, decided_us=NOW_US + n // 3) for n in range(10)], [])
    ledger.add([intent(n, journey="welcome", suppressed="no_consent") for n in (20, 21)], [])
    pages, before = [], None
    while page := ledger.recent(4, before):
        pages += [row.message_id for row in page]
        before = (page[-1].decided_us, page[-1].message_id)
    assert len(pages) == len(set(pages)) == 12
    assert [row.message_id for row in ledger.recent(9, state="suppressed", journey="welcome")] == [
        message_id(21),
        message_id(20),
    ]
    assert [row.message_id for row in ledger.of_person("p3", 9)] == [message_id(3)]
    assert (ledger.counts(journey="welcome"), ledger.counts()) == ({"suppressed": 2}, {"queued": 10, "suppressed": 2})


def test_what_messages_are_rendered_from_is_kept_by_version(ledger):
    ledger.keep("v1", b"source")
    ledger.keep("v1", b"source")
    assert (ledger.kept("v1"), ledger.kept("v2")) == (b"source", None)


def test_a_failing_batch_leaves_nothing_behind(ledger):
    with pytest.raises(Exception, match="NOT NULL"):
        ledger.add([intent(1), intent(2, journey=None)], [])
    assert ledger.counts() == {}
    ledger.add([intent(3)], [])
    assert ledger.counts() == {"queued": 1}


def test_every_statement_is_named_and_triggers_stay_whole():
    assert statements("CREATE TABLE a (b);\n-- c;\nCREATE TRIGGER t AFTER INSERT ON a BEGIN\n SELECT 1;\nEND;\n")[
        1
    ].endswith("END;")
    assert named("-- name: x\nSELECT 1;\n\n-- name: y\nSELECT 2;\n") == {"x": "SELECT 1;", "y": "SELECT 2;"}


def test_writers_in_several_processes_take_turns_and_lose_nothing(tmp_path):
    """Two writers and a reader at once; small write-ahead log pages so that checkpoints come often."""
    path, each = tmp_path / "ledger.db", 300
    Ledger(path).close()
    start = multiprocessing.get_context("spawn")
    writers = [start.Process(target=write_many, args=(path, base, each)) for base in (0, 1_000_000)]
    for writer in writers:
        writer.start()
    reader = Ledger(path)
    while any(writer.is_alive() for writer in writers):
        assert sum(reader.counts().values()) <= 2 * each
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    assert reader.counts() == {"attempting": 2 * each}
    assert reader._db.row("PRAGMA integrity_check") == ("ok",)
    reader.close()


def write_many(path, base, count):
    book = Ledger(path)
    book._db.row("PRAGMA wal_autocheckpoint=20")
    for n in range(base, base + count):
        book.add([intent(n, values={"x": "y" * 2_000})], [])
        assert book.begin_attempt(message_id(n), NOW_US, FROZEN) is None
    book.close()
