"""A law that cannot fail proves nothing: each planted bug must turn its law's property test red.

Each case plants one bug, runs the law's own test with its own strategies, and wants it to fail.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import ExitStack, closing
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.property import test_laws as laws
from tests.property import test_ledger as ledger_law
from tests.property import test_outward_laws as outward_law
from tests.property import test_streaming_equals_sql as streaming
from tests.property import test_time_is_exact as exact
from tidings import workspace
from tidings.accumulate.cart import Cart
from tidings.accumulate.latest import Latest
from tidings.accumulate.recent import Recent
from tidings.accumulate.sum import Sum
from tidings.clock import DAY_US
from tidings.deliver import ledger
from tidings.domain import compare_sql, sql
from tidings.domain.message import EventIntent
from tidings.domain.output import REJECTED
from tidings.domain.profile import ConsentEntry, ProfileState, Run, TraitValue
from tidings.domain.sql import Query
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.lake.duck import open_duck
from tidings.pipeline import Pipeline, Step
from tidings.process import outside, profile, session, walk
from tidings.process.segment import Segments
from tidings.process.steps import asking, update
from tidings.process.walk import Walk
from tidings.rules import sequence
from tidings.rules import sql as rule_sql
from tidings.rules.base import Verdict
from tidings.rules.did import Did
from tidings.rules.moment import Moment
from tidings.rules.window import Window
from tidings.state.memory import MemoryState

Plant = Callable[[pytest.MonkeyPatch], None]


def forget_what_was_seen(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryState, "seen", lambda self, keys, at_us: [False] * len(keys))


def count_sessions_without_joining(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(session, "join", sorted)


def let_the_last_arrival_win(patch: pytest.MonkeyPatch) -> None:
    def wins(new: TraitValue, old: TraitValue | None) -> bool:
        return True

    patch.setattr(profile, "wins", wins)


def let_the_last_consent_arrival_win(patch: pytest.MonkeyPatch) -> None:
    def order(entry: ConsentEntry) -> tuple[int, bool, str]:
        return entry.offset, True, ""

    patch.setattr(profile, "_consent_order", order)


def add_floats(patch: pytest.MonkeyPatch) -> None:
    def fold(self: Sum, value: Any, event: Any) -> Any:
        amount = event.properties.get(self.name)
        return value if not isinstance(amount, int | float) else (value or 0.0) + amount

    patch.setattr(Sum, "fold", fold)
    patch.setattr(Sum, "merge", lambda self, one, other: one + other)
    patch.setattr(Sum, "read", lambda self, value: value or 0.0)


def keep_the_first_instants_not_the_latest(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Latest, "fold", lambda self, value, event: (value or []) + [event.occurred_us][: self.k])


def empty_the_cart_by_arrival(patch: pytest.MonkeyPatch) -> None:
    original = Cart.fold

    def fold(self: Cart, value: Any, event: Any) -> Any:
        return [0, {}] if event.name in self.emptied else original(self, value, event)

    patch.setattr(Cart, "fold", fold)


def let_events_overtake_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Driver, "_bring_up", lambda self, state, known_us, batch: None)
    original = Pipeline.on_event

    def on_event(self: Pipeline, state: ProfileState, event: Any) -> Step:
        due_us, state.next_due_us = state.next_due_us, 0
        del due_us
        return original(self, state, event)

    patch.setattr(Pipeline, "on_event", on_event)


def end_past_waits_at_the_instant_that_they_became_known(patch: pytest.MonkeyPatch) -> None:
    def wait(walk: Walk, run: Run, until_us: int) -> None:
        run.timer_us = until_us
        run.due_us = max(until_us, walk.known_us)

    patch.setattr(walk, "wait", wait)


def act_on_a_past_alarm_before_the_rest_is_heard(patch: pytest.MonkeyPatch) -> None:
    original = Pipeline._enter_by_segment

    def enter(self: Pipeline, walk: Walk, changed: Any) -> None:
        walk.late = False
        original(self, walk, changed)

    patch.setattr(Pipeline, "_enter_by_segment", enter)


def give_facts_the_instant_of_firing(patch: pytest.MonkeyPatch) -> None:
    original = Pipeline._walk
    clock = itertools.count()

    def walk(self: Pipeline, step: Step, known_us: int, cause: str) -> Any:
        return original(self, step, known_us + next(clock), cause)

    patch.setattr(Pipeline, "_walk", walk)


def put_outputs_twice_after_a_crash(patch: pytest.MonkeyPatch) -> None:
    original = MemorySink.put

    def put(self: MemorySink, block: Any, intents: Any) -> None:
        self._seq = 0  # forgets what it took
        original(self, block, intents)

    patch.setattr(MemorySink, "put", put)
    patch.setattr(MemorySink, "durable_seq", lambda self: 0)


def be_late_by_a_microsecond(patch: pytest.MonkeyPatch) -> None:
    original = Did.judge

    def judge(self: Did, state: ProfileState, at_us: int) -> Verdict:
        verdict = original(self, state, at_us)
        return Verdict(verdict.holds, verdict.next_us + 1) if verdict.next_us else verdict

    patch.setattr(Did, "judge", judge)
    patch.setattr(Did, "code", None)


def forget_the_alarm(patch: pytest.MonkeyPatch) -> None:
    original = Did.judge
    patch.setattr(Did, "code", None)
    patch.setattr(Did, "judge", lambda self, state, at_us: Verdict(original(self, state, at_us).holds))


def drop_rejected_events(patch: pytest.MonkeyPatch) -> None:
    original = MemorySink.put

    def put(self: MemorySink, block: Any, intents: Any) -> None:
        block.outcomes[:] = [one for one in block.outcomes if one.status != REJECTED]
        original(self, block, intents)

    patch.setattr(MemorySink, "put", put)


def never_look_again_at_a_window(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Recent, "next_us", lambda self, value, at_us, tests: 0)


def wake_for_a_window_a_microsecond_late(patch: pytest.MonkeyPatch) -> None:
    original = Recent.next_us

    def next_us(self: Recent, value: Any, at_us: int, tests: Any) -> int:
        found = original(self, value, at_us, tests)
        return found + 1 if found else found

    patch.setattr(Recent, "next_us", next_us)


def take_any_chain_not_the_latest_begun(patch: pytest.MonkeyPatch) -> None:
    original = sequence._followed

    def followed(chains: Any, instants: Any, span_us: int) -> Any:
        return original([(at, min(start for _, start in chains)) for at, _ in chains], instants, span_us)

    patch.setattr(sequence, "_followed", followed)


def let_what_comes_at_the_end_of_its_time_count(patch: pytest.MonkeyPatch) -> None:
    original = sequence._followed
    patch.setattr(sequence, "_followed", lambda chains, instants, span: original(chains, instants, span and span + 1))


def forget_that_a_moment_gets_old(patch: pytest.MonkeyPatch) -> None:
    original = Moment.judge
    patch.setattr(Moment, "judge", lambda self, state, at_us: Verdict(original(self, state, at_us).holds))


def miss_the_first_look(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Segments, "first_look", lambda self, touched, slots: touched)


def let_vain_looks_move_the_clock(patch: pytest.MonkeyPatch) -> None:
    original = Pipeline._judge

    def judge(self: Pipeline, walk: Any, touched: Any, at_us: int) -> Any:
        walk.state.clock_us = max(walk.state.clock_us, at_us)
        return original(self, walk, touched, at_us)

    patch.setattr(Pipeline, "_judge", judge)
    patch.setattr(Recent, "next_us", lambda self, value, at_us, tests: next(self.changes_us(value, at_us), 0))


def include_the_old_end_of_a_window_in_sql(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Query, "within", lambda self, span_us: self.since(self.at_us - span_us) if span_us else self)


def compare_numbers_as_texts_in_sql(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(
        compare_sql.TESTS, "at_least", lambda value, wanted: f"{sql.as_text(value)} >= {sql.text(str(wanted))}"
    )


def give_every_trait_from_its_first_word_in_sql(patch: pytest.MonkeyPatch) -> None:
    original = rule_sql.given
    patch.setattr(rule_sql, "given", lambda query, name: original(query, name).replace(" DESC", " ASC"))


def count_all_of_time_in_sql(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Window, "asked", lambda self, query: query)


def law_3() -> None:
    for seed in range(exact.BATCHES):
        exact.test_people_enter_and_leave_at_the_microsecond(seed)


def law_4() -> None:
    with closing(open_duck()) as db:
        for seed in range(streaming.DATABASES):
            streaming.test_live_members_are_those_of_the_sql(seed, db)


class Everything:
    """Equal to anything."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


def send_again_what_is_in_doubt(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ledger, "AT_LEAST_ONCE", Everything())
    patch.setattr(ledger_law, "Ledger", lambda path: OPENED.enter_context(closing(ledger.Ledger(path))))


OPENED = ExitStack()
"""Files that a law leaves open when it fails."""


def let_what_she_did_at_that_instant_win(patch: pytest.MonkeyPatch) -> None:
    def intent(**fields: Any) -> EventIntent:
        return EventIntent(**{**fields, "occurred_us": fields["occurred_us"] - 1})

    patch.setattr(outside, "EventIntent", intent)


def ask_under_another_id_each_time(patch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count()
    patch.setattr(outside, "ask_id", lambda *parts: f"ask{next(numbers)}")


def wait_for_ever_for_what_was_asked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(asking, "PATIENCE_US", 3_650 * DAY_US)
    patch.setattr(update, "PATIENCE_US", 3_650 * DAY_US)


PLANTED: list[tuple[Plant, Callable[[], None]]] = [
    (forget_what_was_seen, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (count_sessions_without_joining, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (let_the_last_arrival_win, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (let_the_last_consent_arrival_win, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (add_floats, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (keep_the_first_instants_not_the_latest, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (empty_the_cart_by_arrival, laws.test_law_1_state_is_a_function_of_the_set_of_events),
    (let_events_overtake_timers, laws.test_law_2_actions_are_a_function_of_the_log),
    (give_facts_the_instant_of_firing, laws.test_law_2_actions_are_a_function_of_the_log),
    (
        end_past_waits_at_the_instant_that_they_became_known,
        laws.test_law_2_what_was_taken_together_is_heard_before_anything_is_done_about_it,
    ),
    (
        act_on_a_past_alarm_before_the_rest_is_heard,
        laws.test_law_2_what_was_taken_together_is_heard_before_anything_is_done_about_it,
    ),
    (put_outputs_twice_after_a_crash, laws.test_law_2_actions_are_a_function_of_the_log),
    (be_late_by_a_microsecond, laws.test_law_3_membership_is_right_at_every_instant),
    (forget_the_alarm, laws.test_law_3_membership_is_right_at_every_instant),
    (be_late_by_a_microsecond, law_3),
    (never_look_again_at_a_window, law_3),
    (wake_for_a_window_a_microsecond_late, law_3),
    (take_any_chain_not_the_latest_begun, law_3),
    (let_what_comes_at_the_end_of_its_time_count, law_3),
    (forget_that_a_moment_gets_old, law_3),
    (miss_the_first_look, law_3),
    (let_vain_looks_move_the_clock, law_3),
    (include_the_old_end_of_a_window_in_sql, law_4),
    (compare_numbers_as_texts_in_sql, law_4),
    (give_every_trait_from_its_first_word_in_sql, law_4),
    (count_all_of_time_in_sql, law_4),
    (let_what_she_did_at_that_instant_win, outward_law.test_law_2_a_replay_asks_and_goes_the_same_ways),
    (ask_under_another_id_each_time, outward_law.test_law_2_a_replay_asks_and_goes_the_same_ways),
    (forget_what_was_seen, outward_law.test_law_2_a_replay_asks_and_goes_the_same_ways),
    (wait_for_ever_for_what_was_asked, outward_law.test_law_2_whenever_what_was_wanted_comes_back_and_however_often),
    (forget_what_was_seen, laws.test_law_5_every_event_is_accounted_for),
    (drop_rejected_events, laws.test_law_5_every_event_is_accounted_for),
    (
        send_again_what_is_in_doubt,
        ledger_law.test_each_decision_ends_in_one_state_and_at_most_once_never_hands_over_twice,
    ),
]


# The law's own strategies, more examples, the same ones each time, and no search for the smallest.
RELENTLESS = settings(
    max_examples=2_000,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    report_multiple_bugs=False,
)


@pytest.mark.parametrize(
    ("plant", "law"), PLANTED, ids=[f"{n} of {len(PLANTED)}: {p.__name__}" for n, (p, _) in enumerate(PLANTED, 1)]
)
def test_a_planted_bug_turns_its_law_red(plant: Plant, law: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(law, "_hypothesis_internal_use_settings"):
        monkeypatch.setattr(law, "_hypothesis_internal_use_settings", RELENTLESS)
    plant(monkeypatch)
    monkeypatch.setattr(
        laws, "DEFINITIONS", workspace.load(laws.WORKSPACE)
    )  # a layout binds its methods when it is made
    with OPENED, pytest.raises(AssertionError):
        law()
