"""The picture of exact time shows what really happens: the same orders, told to the simulator, give its facts and timers."""

from __future__ import annotations

import re
from pathlib import Path

from tests.docs.pages import text
from tests.unit.core import write
from tidings import workspace
from tidings.clock import DAY_US
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call

PICTURE = text("docs/images/exact-time.svg")
DRAWN = PICTURE.partition("</desc>")[2]
START_US = 1_790_000_000_000_000
SEGMENT = "regulars: {rule: {did: {event: Order Completed, at_least: 2, within: 30d}}}"


def day(number: int) -> int:
    return START_US + number * DAY_US


def test_the_facts_and_timers_of_the_picture_are_those_of_the_simulator(tmp_path: Path) -> None:
    ordered = [int(one) for one in re.findall(r">day (\d+)[<,]", DRAWN)]
    arrived = int(re.findall(r"arrives on day (\d+)", DRAWN)[0])
    assert len(ordered) == 4
    definitions = workspace.load(write(tmp_path / "workspace", segments=SEGMENT))
    simulator = Simulator(definitions, start_us=START_US)
    timers = []
    for number, at in enumerate(ordered):
        known = arrived if number == 3 else at
        simulator.advance_to(day(known))
        order = call("track", f"order-{number}", day(at), user="ann", event="Order Completed")
        simulator.take([order], day(known))
        simulator.run()
        ann = simulator.person("user_id", "ann")
        assert ann is not None
        verdict = definitions.segments.by_name["regulars"].rule.judge(ann, simulator.clock.now_us())
        timers += [(verdict.next_us - START_US) // DAY_US] if verdict.next_us else []
    simulator.advance_to(day(60))
    facts = [
        (fact.kind.removeprefix("segment_"), (fact.occurred_us - START_US) / DAY_US, fact.known_us // DAY_US)
        for fact in simulator.sink.facts
        if fact.subject == "regulars"
    ]
    drawn = re.findall(r'600">(\w+)</tspan><tspan[^>]*>(\d+), known (\d+)<', DRAWN)
    assert sorted(facts, key=lambda one: (one[2], one[1])) == [
        (word, float(occurred), day(int(known)) // DAY_US)
        for word, occurred, known in sorted(drawn, key=lambda one: (int(one[2]), int(one[1])))
    ]
    assert timers == [int(one) for one in re.findall(r"(?:for|to|at) day (\d+)[,<]", DRAWN)]


def test_the_picture_says_in_words_what_it_shows_and_can_be_read_in_the_dark() -> None:
    assert "<title" in PICTURE
    assert "<desc" in PICTURE
    assert "prefers-color-scheme: dark" in PICTURE
