"""Laws 6 and 7 over random histories: crashes and answers in any order, suppressions at any moment, power cuts.

A history is a list of things that happen, a crash among them. `World` is the server on the other side: it remembers
what it really took, which the ledger may not know.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.power import PowerLossDisk
from tests.unit.deliver.messages import FROZEN, NOW_US, intent, message_id, suppression
from tidings.deliver.ledger import Ledger

PEOPLE = 2  # few, so that much happens to each
ENDS = {"accepted", "refused", "suppressed", "in_doubt"}
ANSWERS = ("took", "took_but_silent", "refused", "later", "lost_before_data")

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("attempt"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("answer"), st.integers(0, PEOPLE - 1), st.sampled_from(ANSWERS)),
        st.tuples(st.just("taken_unanswered"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("suppress"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("lift"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("attempt_in_quiet_hours"), st.integers(0, PEOPLE - 1)),
        st.tuples(st.just("crash")),
    ),
    max_size=60,
)


class World:
    """The deliver role reduced to its moves, and the server that it talks to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = Ledger(path)
        self.now_us = NOW_US
        self.added: set[int] = set()
        self.in_flight: dict[int, bool] = {}  # message -> did the server take this copy already
        self.taken: Counter[int] = Counter()
        self.stopped: set[int] = set()
        self.crashes = 0
        self.silent: Counter[int] = Counter()

    def add(self, n: int) -> None:
        mode = "at_most_once" if n % 2 else "at_least_once"
        self.ledger.add([intent(n, mode=mode)], [])
        self.added.add(n)

    def attempt(self, n: int) -> None:
        refusal = self.ledger.begin_attempt(message_id(n), self.now_us, FROZEN)
        if refusal is None:
            assert n not in self.stopped, "went out after the suppression was committed"
            assert n not in self.in_flight, "two hand-overs at once"
            self.in_flight[n] = False

    def attempt_in_quiet_hours(self, n: int) -> None:
        until_us = self.now_us + 1_000
        refusal = self.ledger.begin_attempt(message_id(n), self.now_us, FROZEN, quiet_until_us=until_us)
        assert refusal is not None, "went out in quiet hours"
        if refusal == "quiet_hours":
            assert self.ledger.begin_attempt(message_id(n), until_us - 1, FROZEN) == "not_due"
            self.now_us = until_us

    def taken_unanswered(self, n: int) -> None:
        if self.in_flight.get(n) is False:
            self.in_flight[n] = True
            self.taken[n] += 1

    def answer(self, n: int, what: str) -> None:
        if n not in self.in_flight:
            return
        if self.in_flight[n] and what not in ("took", "took_but_silent"):
            what = "took"  # the server has it already: it cannot answer otherwise
        already = self.in_flight.pop(n)
        self.taken[n] += what in ("took", "took_but_silent") and not already
        self.finish(n, what)

    def finish(self, n: int, what: str) -> None:
        at_least_once = n % 2 == 0
        if what == "took":
            state = "accepted"
        elif what == "refused":
            state = "refused"
        elif what == "took_but_silent":
            self.silent[n] += 1
            state = "queued" if at_least_once else "in_doubt"
        else:
            state = "queued"
        self.ledger.finish(message_id(n), state, now_us=self.now_us, next_us=self.now_us)

    def suppress(self, n: int) -> None:
        self.now_us += 1
        self.ledger.add([], [suppression(f"p{n}@x.example", known_us=self.now_us)])
        self.stopped.add(n)

    def lift(self, n: int) -> None:
        self.now_us += 1
        self.ledger.add([], [suppression(f"p{n}@x.example", active=False, known_us=self.now_us)])
        self.stopped.discard(n)

    def crash(self) -> None:
        self.crashes += 1
        self.silent.update(n for n, taken in self.in_flight.items() if taken)
        self.in_flight.clear()
        self.ledger.close()
        self.ledger = Ledger(self.path)
        self.ledger.recover(self.now_us)

    def drain(self) -> None:
        for n in list(self.in_flight):
            self.answer(n, "took")
        while due := self.ledger.due(self.now_us, 100):
            for one in due:
                n = int(one.intent.message_id, 16)
                self.attempt(n)
                self.answer(n, "took")


@settings(max_examples=200, deadline=None)
@given(steps)
def test_each_decision_ends_in_one_state_and_at_most_once_never_hands_over_twice(history):
    with TemporaryDirectory() as folder:
        world = World(Path(folder) / "ledger.db")
        for name, *arguments in history:
            getattr(world, name)(*arguments)
        world.drain()
        rows = {n: world.ledger.message(message_id(n)) for n in world.added}
        assert world.ledger.queued() == 0
        assert sum(world.ledger.counts().values()) == len(world.added)
        for n, row in rows.items():
            assert row.state in ENDS
            assert row.finished_us is not None
            if n % 2:  # at most once
                assert world.taken[n] <= 1
                assert row.state == "in_doubt" or world.taken[n] == (row.state == "accepted")
            else:
                assert row.state != "in_doubt"
                assert world.taken[n] >= (row.state == "accepted")
                assert world.taken[n] <= 1 + world.silent[n]
        world.ledger.close()


def power_cut_run(folder: Path, seed: int, synchronous: str) -> tuple[int, int, int]:
    """(acknowledged writes, acknowledged writes lost, hand-overs without an attempt on the disk) over 12 power cuts."""
    disk = PowerLossDisk(f"power-{synchronous}-{seed}")
    rng = random.Random(seed)
    handed: set[int] = set()
    acked = lost = forgotten = added = 0
    for _ in range(12):
        ledger = Ledger(folder / "ledger.db", connect=lambda path: disk.connect(str(path), synchronous))
        lost += sum(ledger.message(message_id(n)) is None for n in range(added))
        forgotten += sum(1 for n in handed if (row := ledger.message(message_id(n))) and row.attempts == 0)
        if lost or forgotten:
            ledger.close()
            break
        ledger.recover(NOW_US)
        for _ in range(rng.randrange(1, 15)):
            count = rng.randrange(1, 4)
            ledger.add([intent(added + k, values={"x": "y" * rng.randrange(3000)}) for k in range(count)], [])
            added, acked = added + count, acked + 1
            n = rng.randrange(added)
            if ledger.begin_attempt(message_id(n), NOW_US, FROZEN) is None:
                assert n not in handed, "at-most-once message handed over again after a power cut"
                handed.add(n)
                acked += 1
                if rng.random() < 0.7:
                    ledger.finish(message_id(n), "accepted", now_us=NOW_US)
        disk.cut(rng)
        disk.abandon(ledger.close)
    return acked, lost, forgotten


def test_a_power_cut_loses_no_acknowledged_decision_and_no_attempt(tmp_path):
    results = [power_cut_run(tmp_path, seed, "FULL") for seed in range(12)]
    assert sum(acked for acked, _, _ in results) > 500
    assert [(lost, forgotten) for _, lost, forgotten in results] == [(0, 0)] * 12


def test_the_power_cut_test_can_fail_because_without_full_synchronisation_it_does(tmp_path):
    results = [power_cut_run(tmp_path, seed, "NORMAL") for seed in range(4)]
    assert all(lost or forgotten for _, lost, forgotten in results)
