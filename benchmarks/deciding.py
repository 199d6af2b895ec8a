"""Deciding: what caps, quiet hours and arbitration cost, beside a policy that asks for consent alone.

The same events ask for the same messages under four policies, each in turn, several times; the limit is the first of them. See
docs/reference/benchmarks.md.

    python -m benchmarks.deciding [--people N] [--rounds N]
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidings import workspace
from tidings.clock import DAY_US, MINUTE_US, iso
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import Simulator
from tidings.workspace import Definitions

START_US = 1_767_225_600_000_000
DAYS = 60
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Sydney", "America/Sao_Paulo")
EVENTS = ("Cart", "Drop", "Back")
CATEGORY = "offers: {consent: required, when_capped: wait, patience: 1d}\n"
CAPS = "caps: [{at_most: 3, per: day}, {at_most: 8, per: 7d}]\n"
QUIET = 'quiet: {from: "21:00", to: "08:00"}\n'
ARBITRATION = "arbitration: {window: 1h, hold: 5m, retry_for: 6h}\n"
POLICIES = {
    "consent alone": CATEGORY,
    "and caps": CAPS + CATEGORY,
    "and quiet hours": CAPS + QUIET + CATEGORY,
    "and arbitration": CAPS + QUIET + ARBITRATION + CATEGORY,
}


class Run(NamedTuple):
    """What one policy made of the events."""

    cpu_s: float
    decisions: int
    asked: int
    """How often a step asked: a message that waits asks again."""


def definitions(folder: Path, policy: str) -> Definitions:
    """A workspace with a journey an event, each with one send step."""
    (folder / "journeys").mkdir(parents=True)
    (folder / "policy.yml").write_text(policy, "utf-8")
    for value, event in enumerate(EVENTS):
        send = f"{{template: t, category: offers, value: {value}}}"
        text = f"journey: {event.lower()}\nentry: {{event: {event}}}\nsteps:\n  - id: mail\n    send: {send}\n"
        (folder / "journeys" / f"{event.lower()}.yml").write_text(text, "utf-8")
    return workspace.load(folder)


def records(people: int) -> list[tuple[int, LogRecord]]:
    """Everybody says who she is and consents, and is wanted by several journeys in some busy hours."""
    draw = random.Random(1)
    found = []
    for number in range(people):
        found += _introduced(f"u{number}", draw.choice(ZONES), START_US + number)
        for _ in range(5):
            begins_us = START_US + DAY_US + draw.randrange(DAYS * DAY_US)
            found += [
                (begins_us + n * MINUTE_US, _call("track", f"u{number}", begins_us + n * MINUTE_US, event=event))
                for n, event in enumerate(EVENTS)
            ]
    found.sort(key=lambda one: one[0])
    return found


def _introduced(user: str, zone: str, at_us: int) -> Iterator[tuple[int, LogRecord]]:
    yield at_us, _call("identify", user, at_us, traits={"email": f"{user}@x.example", "timezone": zone})
    consent = {"purpose": "offers"}
    yield at_us + 1_000, _call("track", user, at_us + 1_000, event="Consent Given", properties=consent)


_IDS = iter(range(1 << 60))


def _call(kind: str, user: str, at_us: int, **more: object) -> LogRecord:
    body = {"type": kind, "messageId": f"b{next(_IDS)}", "userId": user, "timestamp": iso(at_us), **more}
    return LogRecord("bench", "", 0, msgspec.json.encode(body))


def measure(what: Definitions, happened: list[tuple[int, LogRecord]]) -> Run:
    """CPU for all of it: the whole core, memory state, no disk."""
    simulator = Simulator(what, start_us=START_US, keep_outcomes=False)
    gc.collect()
    begun = time.process_time()
    for number, (at_us, record) in enumerate(happened, 1):
        simulator.take([record], at_us)
        if number % 4_000 == 0:
            simulator.run()
    simulator.advance_to(happened[-1][0] + 7 * DAY_US)
    cpu_s = time.process_time() - begun
    steps = Counter(fact.data["outcome"] for fact in simulator.sink.facts if fact.kind == "run_step")
    return Run(cpu_s, len(simulator.sink.sends), sum(steps.values()) - steps["asks again"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    happened = records(asked.people)
    print(f"{asked.people:,} people, {len(happened):,} events; CPU of the whole core, median of {asked.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        whats = {name: definitions(Path(folder) / name, policy) for name, policy in POLICIES.items()}
        runs: dict[str, list[Run]] = {name: [] for name in whats}
        for _ in range(asked.rounds):
            for name, what in whats.items():
                runs[name].append(measure(what, happened))
    base = statistics.median(run.cpu_s for run in runs["consent alone"])
    for name, found in runs.items():
        cpu_s = statistics.median(run.cpu_s for run in found)
        run = found[0]
        print(
            f"{name:16} {cpu_s / run.decisions * 1e6:5.0f} us a decision with its event, {cpu_s / base:.2f} times consent alone;"
            f" {run.asked / run.decisions:.2f} questions a decision, {cpu_s / run.asked * 1e6:.0f} us a question"
        )


if __name__ == "__main__":
    main()
