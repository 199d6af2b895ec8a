"""Laws 1, 2, 3 and 5 over random histories: shuffled, doubled, late, with crashes as items of the list."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings import workspace
from tidings.clock import DAY_US, MINUTE_US
from tidings.domain.output import FactKind
from tidings.domain.profile import ProfileState
from tidings.domain.record import REFUSED, LogRecord
from tidings.hosts.simulator import Simulator
from tidings.testing import histories
from tidings.testing.histories import POINTS, Advance, Crash, Take, call

WORKSPACE = Path(__file__).resolve().parents[1] / "data/workspaces/laws"
DEFINITIONS = workspace.load(WORKSPACE)
START_US = 1_800_000_000_000_000
SPAN_US = 6 * DAY_US  # within the lateness window of sessions
CASES = 500

# Each device belongs to one person, which is what identity resolution promises to get right in any order.
DEVICES = {"d0": "u0", "d1": "u0", "d2": "u1", "d3": "u2"}
NAMES = [
    "Product Viewed",
    "Product Viewed",
    "Product Added",
    "Product Removed",
    "Order Completed",
    "Consent Given",
    "Unsubscribed",
    "Email Opened",
]


@st.composite
def events(draw: st.DrawFn) -> list[tuple[int, LogRecord]]:
    """(occurred, record) of a random history of a few people."""
    count = draw(st.integers(1, 30))
    return [one_event(draw, number) for number in range(count)]


def one_event(draw: st.DrawFn, number: int) -> tuple[int, LogRecord]:
    at_us = START_US + draw(st.integers(0, SPAN_US // MINUTE_US)) * MINUTE_US
    device = draw(st.sampled_from(sorted(DEVICES)))
    who: dict[str, str] = draw(
        st.sampled_from(
            [{"anonymous": device}, {"anonymous": device, "user": DEVICES[device]}, {"user": DEVICES[device]}]
        )
    )
    if draw(st.integers(0, 9)) == 0 and "user" in who:
        traits = {"plan": draw(st.sampled_from(["gold", "free"])), "email": f"{who['user']}@x.example"}
        return at_us, call("identify", f"e{number}", at_us, traits=traits, **who)
    name = draw(st.sampled_from(NAMES))
    properties: dict[str, Any] = {
        "product_id": draw(st.sampled_from("pqr")),
        "price": draw(st.sampled_from([10, 50, 99.5])),
        "revenue": draw(st.sampled_from([0.1, 0.2, 33.33, 100])),
        "quantity": draw(st.integers(1, 3)),
    }
    if name in ("Consent Given", "Unsubscribed"):
        properties = {"purpose": "marketing", "category": "marketing"}
    return at_us, call("track", f"e{number}", at_us, event=name, properties=properties, **who)


def arrive(simulator: Simulator, records: list[LogRecord], sizes: list[int]) -> None:
    """The log takes the records, all after the last of them occurred, in blocks of these sizes."""
    at_us = START_US + SPAN_US
    while records:
        size = sizes[len(records) % len(sizes)]
        simulator.take(records[:size], at_us)
        records = records[size:]
        at_us += 1_000
        simulator.run()


def essence(state: ProfileState) -> Any:
    """What law 1 speaks of: profile, sessions, segments; not what depends on when we knew."""
    consents = {p: (e.granted, e.occurred_us, e.event_id) for p, e in state.consents.items()}
    ids = [one for one in state.identifiers if one[0] != "profile"]
    return msgspec.json.encode(
        [
            ids,
            state.first_us,
            state.last_us,
            state.events,
            sorted(state.traits.items()),
            state.values,
            state.sessions,
            sorted(state.segments),
            sorted(consents.items()),
        ],
        order="sorted",
    )


def people(simulator: Simulator) -> list[Any]:
    return sorted(essence(state) for state in simulator.people())


@settings(max_examples=CASES, deadline=None)
@given(events(), st.randoms(use_true_random=False), st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_law_1_state_is_a_function_of_the_set_of_events(history: Any, rng: Any, sizes: list[int]) -> None:
    in_order = Simulator(DEFINITIONS)
    arrive(in_order, [record for _, record in sorted(history, key=lambda pair: pair[0])], [5])
    shuffled = [record for _, record in history for _ in range(rng.randint(1, 3))]
    rng.shuffle(shuffled)
    other = Simulator(DEFINITIONS, max_batch=rng.choice([1, 3, 100]))
    arrive(other, shuffled, sizes)
    end_us = START_US + 2 * SPAN_US
    in_order.advance_to(end_us)
    other.advance_to(end_us)
    assert people(other) == people(in_order)
    assert other.sink.counts[0] == in_order.sink.counts[0] == len(history)


@st.composite
def lives(draw: st.DrawFn) -> list[Take | Advance | Crash]:
    """A history as it is lived: events arrive late, together or doubled, time passes, the process is killed."""
    history = draw(events())
    arrivals = sorted(
        (at_us + draw(st.sampled_from([0, 0, MINUTE_US, DAY_US])), number) for number, (at_us, _) in enumerate(history)
    )
    items: list[Take | Advance | Crash] = []
    for at_us, number in arrivals:
        records = [history[number][1]] * draw(st.sampled_from([1, 1, 1, 2]))
        if items and isinstance(items[-1], Take) and draw(st.booleans()):  # a phone that was offline sends all at once
            items[-1] = Take(at_us, [*items[-1].records, *records])
            continue
        items.append(Take(at_us, records))
        if draw(st.integers(0, 4)) == 0:  # a retry comes later, as a block of its own
            items.append(Take(at_us + draw(st.integers(0, 5)) * MINUTE_US, [history[number][1]]))
        if draw(st.booleans()):
            items.append(Crash(draw(st.sampled_from(POINTS))))
        if draw(st.booleans()):
            items.append(Advance(at_us + draw(st.integers(0, 10)) * MINUTE_US))
    return [*items, Advance(START_US + 2 * SPAN_US)]


@settings(max_examples=CASES, deadline=None)
@given(lives(), st.sampled_from([1, 4, 5_000]), st.sampled_from([1, 7, 5_000]))
def test_law_2_actions_are_a_function_of_the_log(items: Any, live_batch: int, replay_batch: int) -> None:
    lived = histories.run(DEFINITIONS, items, max_batch=live_batch)
    replayed = histories.replay(DEFINITIONS, lived, max_batch=replay_batch)
    assert histories.facts_by_person(replayed) == histories.facts_by_person(lived.sink)
    assert histories.intents(replayed) == histories.intents(lived.sink)


def heard(simulator: Simulator) -> dict[str, list[tuple[int, bool]]]:
    """By person, what timers did and what came of events, in order: (known, whether an event taken then did it)."""
    taken = {
        f"event:{block.first_offset + index}": block.taken_us
        for block in simulator.log.read(0, simulator.log.head())
        for index in range(len(block.records))
    }
    found: dict[str, list[tuple[int, bool]]] = {}
    for fact in simulator.sink.facts:
        by_event = taken.get(fact.cause) == fact.known_us
        acts = fact.kind == FactKind.RUN_ENDED or (fact.kind == FactKind.RUN_STEP and fact.data["next"])
        if by_event or acts:  # to begin a wait is no act
            found.setdefault(fact.profile_id, []).append((fact.known_us, by_event))
    return found


@settings(max_examples=CASES, deadline=None)
@given(lives(), st.sampled_from([1, 4, 5_000]))
def test_law_2_what_was_taken_together_is_heard_before_anything_is_done_about_it(items: Any, batch: int) -> None:
    """At one instant timers come first, then all events; and no timer acts between two of them."""
    simulator = histories.run(DEFINITIONS, items, max_batch=batch)
    for order in heard(simulator).values():
        assert order == sorted(order)


WINDOWS_US = [30 * MINUTE_US, 3 * 60 * MINUTE_US, DAY_US, 36 * 60 * MINUTE_US, 2 * DAY_US]


@settings(max_examples=CASES // 3, deadline=None)
@given(events(), st.lists(st.tuples(st.integers(0, 29), st.sampled_from(WINDOWS_US), st.integers(-1, 1)), max_size=8))
def test_law_3_membership_is_right_at_every_instant(history: Any, looks: list[tuple[int, int, int]]) -> None:
    """Looks exactly at the ends of windows, and a microsecond before and after."""
    in_order = sorted(history, key=lambda pair: pair[0])
    instants = {in_order[n % len(in_order)][0] + window_us + off_us for n, window_us, off_us in looks}
    simulator = Simulator(DEFINITIONS)
    for at_us in sorted(instants | {START_US + 2 * SPAN_US}):
        while in_order and in_order[0][0] <= at_us:
            occurred_us, record = in_order.pop(0)
            simulator.take([record], occurred_us)
        simulator.advance_to(at_us)
        for state in simulator.people():
            for segment in DEFINITIONS.segments.all():
                holds = segment.rule.judge(state, simulator.clock.now_us()).holds
                assert holds == (segment.name in state.segments), segment.name


BAD = st.sampled_from(
    [
        LogRecord("test", "", 0, b"not json"),
        LogRecord("test", "", 0, b'{"type":"track","event":"x"}'),
        LogRecord("test", "", 0, b'{"type":"dance","userId":"u"}'),
        LogRecord("test", "track", 0, b'{"userId":"u"}'),
        LogRecord("test", "", 0, b'{"type":"page","userId":"u","timestamp":"yesterday"}'),
        LogRecord("file", "", 0, b"a;b;c", REFUSED, "missing_customer: the line names no customer"),
    ]
)


@settings(max_examples=CASES // 3, deadline=None)
@given(lives(), st.lists(BAD, max_size=6), st.sampled_from([1, 3, 5_000]))
def test_law_5_every_event_is_accounted_for(items: Any, bad: list[LogRecord], batch: int) -> None:
    simulator = histories.run(DEFINITIONS, [Take(START_US, bad), *items], max_batch=batch)
    outcomes = simulator.sink.outcomes
    received = simulator.log.head()
    assert sorted(outcome.offset for outcome in outcomes) == list(range(received))
    assert sum(simulator.sink.counts) == received == simulator.driver.offset
    distinct = {record.body for item in items if isinstance(item, Take) for record in item.records}
    assert simulator.sink.counts == [len(distinct), received - len(bad) - len(distinct), len(bad)]
    assert all(outcome.reason for outcome in outcomes if outcome.status == 2)
    assert Counter(outcome.status for outcome in outcomes)[0] == sum(state.events for state in simulator.people())
