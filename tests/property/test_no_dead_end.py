"""No run is ever stuck: a model check of the machine that a run is, over all kinds of steps and small journeys made of them.

Journeys are enumerated. Of one and two steps: all. Of three, four and five: a covering set, in which every two of the twenty forms stand in every
two places, wherever any journey with them there is allowed; the test counts that itself. Each journey has its ways leading on, to the end, or back
to the beginning. With TIDINGS_EVERY_JOURNEY=1 it is every three forms in every three places (all journeys of three steps): some twenty minutes.

Of each journey, every state is explored that some order of these inputs leads to: the next
timer, the event that steps wait for, what comes back from outside, what becomes of a message, the goal, an exit, a merge. In each state each run
must wait for a timer that is set, or for lanes that do; and timers alone must bring it to its end, or at least further in time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import msgspec
import pytest

from tidings import workspace
from tidings.clock import HOUR_US, SECOND_US
from tidings.domain import feedback
from tidings.domain import profile as states
from tidings.domain.event import Event
from tidings.domain.message import CallIntent, EventIntent, SendIntent
from tidings.domain.profile import ProfileState, Run, TraitValue
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import DefinitionError
from tidings.pipeline import Pipeline, Step
from tidings.process import graph, journey_parse
from tidings.process.journey import Journey
from tidings.process.steps import kinds
from tidings.workspace import Definitions

START_US = 1_800_000_000_000_000
FORMS: dict[str, tuple[str, Any]] = {
    "send": ("send", {"template": "x", "category": "transactional"}),
    "send that waits for its turn": ("send", {"template": "x", "category": "offers"}),
    "wait": ("wait", "1h"),
    "wait until a time": ("wait", {"until": "09:00"}),
    "wait for a date": ("wait", {"until_trait": "t"}),
    "wait_until": ("wait_until", {"event": "E", "timeout": "2h", "then": "WAY"}),
    "wait for a rule": ("wait_until", {"rule": {"trait": "t", "exists": True}, "timeout": "2h", "then": "WAY"}),
    "wait for a click": ("wait_until", {"message": "SENT", "is": "clicked", "timeout": "2h", "on_event": "WAY"}),
    "branch": ("branch", {"if": {"trait": "t", "exists": True}, "then": "WAY"}),
    "branch on a click": ("branch", {"of": "SENT", "is": "clicked", "then": "WAY"}),
    "split": ("split", {"WAY": 50, "NEXT": 50}),
    "holdout": ("holdout", 50),
    "parallel": ("parallel", {"paths": {"a": "NEXT", "b": "WAY"}, "join": "JOIN"}),
    "parallel any": ("parallel", {"paths": {"a": "NEXT", "b": "WAY"}, "join": "JOIN", "until": "any"}),
    "start": ("start", {"journey": "other"}),
    "send_time": ("send_time", {"within": "3h"}),
    "update": ("update", {"t": 1}),
    "list": ("list", {"add": "vip"}),
    "webhook": ("webhook", {"name": "crm", "timeout": "1h"}),
    "exit": ("exit", "done"),
}
"""Each kind, in forms that behave differently, with as little as it needs. `NEXT`, `WAY`, `JOIN`, `SENT` become steps."""
POLICY = """
caps: [{at_most: 1, per: 90m}]
quiet: {from: "09:00", to: "11:00"}
arbitration: {window: 30m, hold: 5m}
offers: {consent: not_needed, when_capped: wait, patience: 12h}
transactional: {consent: not_needed}
"""
ASK_OF_MAIL = ("wait for a click", "branch on a click")
ADDRESS = TraitValue("ann@x.example", 1, "e")
KINDS = tuple(FORMS)
PRIME = 23
"""The smallest one that is no smaller than the number of forms: lines (or parabolas) over so many numbers meet every two (three) of them in
every two (three) places."""
FILLERS = ("send", "wait", "branch")
"""What may stand between two forms that no journey of the lines has."""
STRENGTH = 3 if os.environ.get("TIDINGS_EVERY_JOURNEY") else 2
"""So many forms stand in so many places."""
WAYS = ("on", "end", "back")
"""Where ways that are not the next step lead: one further, to the end, to the beginning."""
MOST_STATES = 50_000
"""States of one journey that are explored; none has as many. Nearly all have some ten; one whose paths lead back before their fork, as deep as
may be, has 18,674."""
MOST_TIMERS = 60
"""Timers until the end, or within an hour where there is none; no journey here has so many."""


Placed = tuple[tuple[int, str], ...]
"""(place, form) of some steps of a journey."""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    folder = tmp_path_factory.mktemp("model")
    (folder / "journeys").mkdir()
    (folder / "policy.yml").write_text(POLICY, "utf-8")
    (folder / "webhooks.yml").write_text("crm: {url: 'https://crm.example/x'}\n", "utf-8")
    other = (
        "journey: other\nentry: {event: Never}\nsteps:\n  - {id: a, send_time: {within: 3h}}\n  - {id: b, wait: 1h}\n"
    )
    (folder / "journeys/other.yml").write_text(other, "utf-8")
    return workspace.load(folder)


def test_every_kind_of_step_is_looked_at() -> None:
    """A new kind has to be added to `FORMS`."""
    assert {kind for kind, _ in FORMS.values()} == set(kinds.KINDS)


def journeys(found: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The journeys of these steps, one for each place where ways may lead."""
    forks = any("WAY" in str(FORMS[form]) for form in found)
    for way in WAYS if forks else WAYS[:1]:
        taken = [(n, *FORMS[form]) for n, form in enumerate(found)]
        sends = [n for n, kind, _ in taken if kind == "send"]
        sent = [max((one for one in sends if one < n), default=0) for n in range(len(found))]
        steps = [{"id": f"s{n}", kind: _led(settings, n, len(found), way, sent[n])} for n, kind, settings in taken]
        yield {
            "journey": "j",
            "entry": {"event": "Go"},
            "goal": {"event": "Goal"},
            "exit_on": "Stop",
            "steps": steps,
        }


def _led(settings: Any, n: int, count: int, way: str, sent: int) -> Any:
    def step(number: int) -> str:
        return f"s{number}" if number < count else "exit"

    names = {
        "NEXT": step(n + 1),
        "WAY": {"on": step(n + 2), "end": "exit", "back": "s0"}[way],
        "JOIN": step(n + 3),
        "SENT": f"s{sent}",
    }
    if not isinstance(settings, dict):
        return settings
    if "NEXT" in settings and names["NEXT"] == names["WAY"]:  # a split of one way
        return {names["NEXT"]: 50, "s0" if names["NEXT"] == "exit" else "exit": 50}
    return {names.get(key, key): _named(value, names) for key, value in settings.items()}


def _named(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _named(one, names) for key, one in value.items()}
    return names.get(value, value) if isinstance(value, str) else value


class Explorer:
    """All states of one journey."""

    def __init__(self, base: Definitions, journey: Journey) -> None:
        found = {"j": journey, "other": base.journeys["other"]}
        versions = {(one.name, one.version): one for one in found.values()}
        self.pipeline = Pipeline(msgspec.structs.replace(base, journeys=found, versions=versions))
        self.base = base
        self.back = any(step in (journey.first,) for one in journey.steps.values() for step in one.targets())
        self.seen: set[bytes] = set()
        self.timed: dict[bytes, bytes] = {}
        """Which state the next timer leads to."""
        self.example: dict[bytes, bytes] = {}
        """One such state."""

    def explore(self) -> int:
        """The number of states."""
        start = self.somebody("p0")
        step = self.pipeline.on_event(start, event("Go", START_US))
        ahead = [(states.encode(step.state), step.intents)]
        while ahead:
            data, intents = ahead.pop()
            state = states.decode(data)
            self.check(state)
            key = essence(state)
            if key in self.seen:
                continue
            self.seen.add(key)
            self.example[key] = data
            assert len(self.seen) < MOST_STATES, "the states of this journey are without end"
            if state.runs and self.back:
                self.goes_on(states.decode(data))
            for number, after in enumerate(self.inputs(data, intents) if state.runs else ()):
                if number == 0:
                    self.timed[key] = essence(after.state)
                ahead.append((states.encode(after.state), [*intents[-6:], *after.intents]))
        if not self.back:
            self.ends()
        return len(self.seen)

    def somebody(self, profile_id: str) -> ProfileState:
        """A person with an address, who did nothing yet."""
        state = states.new(profile_id, self.base.layout.layout_id, len(self.base.layout.accumulators))
        state.traits["email"] = ADDRESS
        return state

    def check(self, state: ProfileState) -> None:
        """Each run waits for something that comes."""
        parents = {run.parent for run in state.runs}
        ids = {run.run_id for run in state.runs}
        assert parents - {""} <= ids, "a lane belongs to nobody"
        for run in state.runs:
            assert run.due_us or run.run_id in parents, f"stuck at {run.step}: {run.path}"
        dues = [due for run in state.runs for due in (run.due_us, run.look_due_us) if due]
        assert state.next_due_us == min(dues, default=0)

    def ends(self) -> None:
        """From each state timers alone lead to one in which nothing is waited for any more."""
        good: set[bytes] = {key for key in self.seen if key not in self.timed}
        for key in self.seen:
            came = [key]
            while came[-1] not in good and self.timed[came[-1]] not in came:
                came.append(self.timed[came[-1]])
            if came[-1] not in good:  # it looks like a state before it, as when a send asks again and has to wait again
                self.comes_to_an_end(states.decode(self.example[key]))
            good |= {*came}

    def comes_to_an_end(self, state: ProfileState) -> None:
        """Timers alone end every run."""
        for _ in range(MOST_TIMERS):
            if not state.runs:
                return
            state = self.pipeline.on_timer(state, state.next_due_us).state
        pytest.fail(f"never ends: {[(run.journey, run.step) for run in state.runs]}")

    def goes_on(self, state: ProfileState) -> None:
        """Timers alone bring a journey that goes back further in time."""
        begun_us = state.next_due_us
        for _ in range(MOST_TIMERS):
            if not state.runs or state.next_due_us > begun_us + HOUR_US:
                return
            state = self.pipeline.on_timer(state, state.next_due_us).state
        pytest.fail(f"goes round without time passing: {[(run.journey, run.step) for run in state.runs]}")

    def inputs(self, data: bytes, intents: list[Any]) -> Iterator[Step]:
        """What may happen next."""

        def now() -> tuple[ProfileState, int]:
            state = states.decode(data)
            return state, min(state.next_due_us - 1, max(run.since_us for run in state.runs) + 60 * SECOND_US)

        state = states.decode(data)
        yield self.pipeline.on_timer(state, state.next_due_us)
        for name in ("E", "Goal", "Stop", "Go"):
            state, at_us = now()
            yield self.pipeline.on_event(state, event(name, at_us))
        for intent in intents[-6:]:
            state, at_us = now()
            came = comes_back(intent, at_us)
            if came is not None:
                yield self.pipeline.on_event(state, came)
        state, at_us = now()
        other = self.somebody(f"p{len(state.identifiers) + 1}")
        other = self.pipeline.on_event(other, event("Go", at_us - 30 * SECOND_US)).state
        yield self.pipeline.on_merge(state, other, event("Identify", at_us, kind="identify"))


def event(name: str, at_us: int, **more: Any) -> Event:
    return Event(
        event_id=more.pop("event_id", f"{name}-{at_us}"),
        kind=more.pop("kind", "track"),
        name=name,
        occurred_us=at_us,
        received_us=at_us,
        offset=(at_us - START_US) // SECOND_US + 1,
        **more,
    )


def comes_back(intent: Any, at_us: int) -> Event | None:
    """What the outside says to an intent."""
    if isinstance(intent, EventIntent):
        name = intent.name or "Identify"
        return event(
            name, at_us, event_id=intent.event_id, kind=intent.kind, source=INTERNAL_SOURCE, traits=intent.properties
        )
    if isinstance(intent, CallIntent):
        said = {"call_id": intent.call_id, "result": "ok", "status": 200, "body": {"a": 1}, "attempts": 1}
        return event(feedback.WEBHOOK_ANSWERED, at_us, source=INTERNAL_SOURCE, properties=said)
    if isinstance(intent, SendIntent):
        return event(feedback.EMAIL_CLICKED, at_us, properties={"message_id": intent.message_id})
    return None


def essence(state: ProfileState) -> bytes:
    """What tells states apart: where runs wait, not when it is, nor who they are, nor in which order they came."""
    by_id = {run.run_id: run for run in state.runs}

    def name(run: Run) -> str:
        return f"{name(by_id[run.parent])}/{run.lane}" if run.parent else run.journey

    def waits(run: Run) -> list[Any]:
        timers = [bool(run.due_us), run.timer_us > run.since_us, bool(run.look_due_us)]
        return [name(run), run.step, timers, run.held, bool(run.bid), sorted(run.results.items())]

    arms = sorted((key, drawn[0]) for key, drawn in state.arms.items())
    runs = sorted(waits(run) for run in state.runs)
    return msgspec.json.encode([runs, sorted(state.ended), sorted(state.traits), arms, bool(state.sends)])


class Found:
    """What was looked at so far."""

    def __init__(self, base: Definitions) -> None:
        self._base = base
        self.sequences: dict[tuple[str, ...], bool] = {}
        """Whether any journey of these steps is allowed."""
        self.journeys = self.refused = self.states = 0

    def explore(self, sequence: tuple[str, ...]) -> bool:
        """Explore all journeys of these steps; whether any is allowed."""
        if sequence not in self.sequences:
            taken = [journey for raw in journeys(sequence) if (journey := self._read(raw)) is not None]
            self.states += sum(Explorer(self._base, journey).explore() for journey in taken)
            self.journeys += len(taken)
            self.sequences[sequence] = bool(taken)
        return self.sequences[sequence]

    def _read(self, raw: dict[str, Any]) -> Journey | None:
        journey = read(self._base, raw)
        self.refused += journey is None
        return journey

    def covered(self) -> set[Placed]:
        """What stands where in an allowed journey."""
        return {one for sequence, allowed in self.sequences.items() if allowed for one in placed(sequence)}

    def words(self) -> str:
        return f"{self.journeys:,} journeys, {self.refused:,} refused, {self.states:,} states"


def placed(sequence: tuple[str, ...]) -> Iterator[Placed]:
    """Every so many of its forms, and the places where they stand."""
    yield from combinations(enumerate(sequence), STRENGTH)


def lines(length: int) -> Iterator[tuple[str, ...]]:
    """Journeys in which every `STRENGTH` forms stand in every so many places."""
    for line in product(range(PRIME), repeat=STRENGTH):
        numbers = [sum(factor * place**power for power, factor in enumerate(line)) % PRIME for place in range(length)]
        yield tuple(KINDS[number % len(KINDS)] for number in numbers)


def filled(length: int, found: Placed) -> Iterator[tuple[str, ...]]:
    """Journeys with these in their places and something simple in all others."""
    for filler in product(FILLERS, repeat=length - len(found)):
        others = iter(filler)
        yield tuple(dict(found).get(place) or next(others) for place in range(length))


def read(base: Definitions, raw: dict[str, Any]) -> Journey | None:
    """The journey; None when it is refused for its graph."""
    try:
        journey = journey_parse.parse(raw, "v", base.layout, "j")
        graph.check(journey, "j")
    except DefinitionError as error:
        if not any(
            why in str(error)
            for why in ("nothing leads to", "circle", "result of step", "nothing comes of", "paths within paths")
        ):
            raise
        return None
    return journey


@pytest.mark.parametrize("length", [1, 2])
def test_no_dead_end_in_any_small_journey(length: int, base: Definitions) -> None:
    found = Found(base)
    for sequence in product(FORMS, repeat=length):
        found.explore(sequence)
    print(f"{length} steps: {found.words()}")
    assert found.journeys > 0


@pytest.mark.parametrize("length", [3, 4, 5])
def test_no_dead_end_in_longer_journeys(length: int, base: Definitions) -> None:
    found = Found(base)
    for sequence in lines(length):
        found.explore(sequence)
    every = {
        tuple(zip(places, forms, strict=True))
        for places in combinations(range(length), STRENGTH)
        for forms in product(FORMS, repeat=STRENGTH)
    }
    covered = found.covered()
    for one in sorted(every - covered):
        if one not in covered and any(found.explore(sequence) for sequence in filled(length, one)):
            covered |= found.covered()
    never = every - covered
    print(f"{length} steps: {found.words()}; {len(covered):,} of {len(every):,} in places, others are never allowed")
    assert found.journeys > 0
    if STRENGTH == 2:  # three may be in each other's way for more reasons
        assert all(impossible(one) for one in never), [one for one in never if not impossible(one)][:5]


def impossible(found: Placed) -> bool:
    """Whether no journey has these in these places: nothing comes after an exit that nothing leads past, nobody clicks what was not sent."""
    return any(form == "exit" or (form in ASK_OF_MAIL and place <= 1) for place, form in found)
