"""A version under rehearsal: warmed up without beginning anything, with what journeys start and want in the log."""

from __future__ import annotations

from pathlib import Path

from tests.property.test_backtest_equals_replay import LogHistory
from tests.unit.core import START_US, definitions
from tidings.backtest.narrow import narrowed
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.clock import DAY_US, HOUR_US, SECOND_US
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call
from tidings.workspace import Definitions

BOUGHT = Bought(names=frozenset({"Bought"}), within_us=DAY_US, revenue="worth")
GREET = "entry: {event: Asked}\nsteps:\n  - {id: hello, send: {template: hello}}"
RAISE = """
entry: {event: Asked}
steps:
  - id: raise_her
    update: {tier: gold}
  - id: raised
    branch: {if: {trait: tier, equals: gold}, else: exit}
  - id: hello
    send: {template: hello}
  - id: greets
    start: {journey: greet}
"""


def did(name: str, number: int, at_us: int, user: str = "ann") -> tuple[int, LogRecord]:
    return at_us, call("track", f"{name}-{number}", at_us, event=name, user=user)


def taken(*events: tuple[int, LogRecord], known: Definitions, alone: bool = False) -> Simulator:
    """A log of these events, and of what came back of them unless `alone`."""
    simulator = Simulator(known, answering=None) if alone else Simulator(known)
    email = call("identify", "who", START_US, user="ann", traits={"email": "ann@x.example"})
    for at_us, record in [(START_US, email), *events]:
        simulator.take([record], at_us)
    simulator.run()
    return simulator


def rehearse(known: Definitions, simulator: Simulator, *names: str, from_us: int = 0, to_us: int = 0) -> Version:
    version = Version("draft", known, names, BOUGHT)
    asked = Asked(from_us=from_us, to_us=to_us, bought=BOUGHT)
    Backtest(LogHistory(simulator.log, 2), [version], asked).run()
    return version


def test_what_a_step_wants_in_the_log_comes_back_and_a_started_journey_runs(tmp_path: Path) -> None:
    known = definitions(tmp_path, raise_=RAISE, greet=GREET.replace("Asked", "Never"))
    events = [did("Asked", 1, START_US + HOUR_US), did("Looked", 2, START_US + 2 * HOUR_US)]
    live = taken(*events, known=known).sink.sends.values()
    found = rehearse(known, taken(*events, known=known, alone=True), "raise_").result(0)
    assert sorted(one.journey for one in live) == ["greet", "raise_"]
    assert [(one.journey, one.started) for one in found.journeys] == [("raise_", 1), ("greet", 1)]
    assert found.messages == len(live) == 2


def test_before_the_beginning_all_is_remembered_and_nobody_enters(tmp_path: Path) -> None:
    known = definitions(
        tmp_path,
        traits="asked: {count: {event: Asked}}",
        segments="asked_twice: {rule: {trait: asked, at_least: 2}}\nquiet: {rule: {last: {event: Asked, older_than: 2h}}}",
        greet=GREET,
        slow="entry: {event: Asked}\nsteps:\n  - {id: rest, wait: 4h}\n  - {id: hello, send: {template: hello}}",
        twice="entry: {segment: asked_twice}\nsteps:\n  - {id: hello, send: {template: hello}}",
        silent="entry: {segment: quiet}\nsteps:\n  - {id: hello, send: {template: hello}}",
    )
    asked = [did("Asked", number, START_US + number * HOUR_US) for number in (1, 2, 5, 6)]
    simulator = taken(*asked, did("Looked", 9, START_US + 12 * HOUR_US), known=known)
    names = ["greet", "twice", "silent", "slow"]
    every = rehearse(known, simulator, *names).result(0)
    late = rehearse(known, simulator, *names, from_us=START_US + 5 * HOUR_US + SECOND_US).result(0)
    assert [one.started for one in every.journeys] == [4, 1, 2, 2]
    assert [one.started for one in late.journeys] == [1, 0, 1, 1]


def test_at_the_end_the_clock_stops(tmp_path: Path) -> None:
    known = definitions(
        tmp_path,
        greet="entry: {event: Asked}\nsteps:\n  - {id: rest, wait: 1h}\n  - {id: hello, send: {template: hello}}",
    )
    simulator = taken(did("Asked", 1, START_US + HOUR_US), did("Looked", 2, START_US + 9 * HOUR_US), known=known)
    for to_us, messages in ((START_US + 2 * HOUR_US, 0), (START_US + 2 * HOUR_US + 1, 1)):
        found = rehearse(known, simulator, "greet", to_us=to_us).result(0)
        assert found.messages == messages
        assert found.journeys[0].steps[0].waiting == 1 - messages


def test_only_what_is_needed_remembers(tmp_path: Path) -> None:
    known = definitions(
        tmp_path,
        traits="asked: {count: {event: Asked}}\nlooked: {count: {event: Looked}}",
        segments="keen: {rule: {trait: looked, at_least: 3}}",
        greet=GREET + "\n  - {id: often, branch: {if: {trait: asked, at_least: 2}, then: exit}}",
    )
    narrow = narrowed(known, ["greet"], late=True)
    assert list(narrow.layout.feeds()) == ["Asked"]
    assert not narrow.segments.by_name
    assert set(known.layout.feeds()) == {"Asked", "Looked"}
