"""A year of people whom many journeys want to write to: zones, clock changes, merges, withdrawals, crashes.

The world knows what happened (`Person`) by itself, so that the oracle needs nothing of the code that it judges.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, MINUTE_US
from tidings.domain.record import LogRecord
from tidings.testing.histories import POINTS, Advance, Crash, Take, call
from tidings.workspace import Definitions

START_US = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z: the year has both changes of the clocks."""
DEFAULT_ZONE = "Europe/Berlin"
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland", "Mars/Olympus")
POLICY = """
caps:
  - {at_most: 2, per: day}
  - {at_most: 6, per: 7d, categories: [offers, tips]}
quiet: {from: "21:00", to: "08:00"}
arbitration: {categories: [offers, tips], window: 1h, hold: 10m, losers: retry, retry_for: 6h}
offers: {consent: required, when_capped: wait, patience: 2d}
tips: {consent: not_needed, cap: {at_most: 1, per: 48h}}
news:
  consent: not_needed
  quiet: [{from: "20:00", to: "09:00"}, {from: "00:00", to: "24:00", weekdays: [sun], then: drop}]
transactional: {consent: not_needed}
"""
CATEGORIES = {
    "cart": "offers",
    "drop": "offers",
    "back": "offers",
    "advice": "tips",
    "weekly": "news",
    "bill": "transactional",
}
"""Category by journey."""
RANKS = {"cart": (1, None), "drop": (1, 2.0), "back": (2, 0.5), "advice": (0, 9.0)}
"""Priority and value by journey of those that compete; the cart's value is predicted by a trait."""
ENTRIES = {"Cart": "cart", "Drop": "drop", "Back": "back", "Advice": "advice", "Weekly": "weekly", "Order": "bill"}
PRIORITIES = ("low", "normal", "high")


@dataclass
class Person:
    """Somebody under one id, as the world knows her: (instant, value) lists in order of time."""

    user: str
    device: str
    predicted: float
    since_us: int = 0
    """When she said who she is."""
    zones: list[tuple[int, str]] = field(default_factory=list)
    consent: list[tuple[int, bool]] = field(default_factory=list)


def definitions(folder: Path) -> Definitions:
    """The workspace."""
    (folder / "journeys").mkdir(parents=True)
    (folder / "policy.yml").write_text(POLICY, "utf-8")
    (folder / "settings.yml").write_text(f"timezone: {DEFAULT_ZONE}\n", "utf-8")
    for event, name in ENTRIES.items():
        (folder / "journeys" / f"{name}.yml").write_text(_journey(name, event), "utf-8")
    return workspace.load(folder)


def _journey(name: str, event: str) -> str:
    rank, value = RANKS.get(name, (1, 1.0))
    worth = value if value is not None else "{trait: predicted, times: 2}"
    wait = "  - id: pause\n    wait: 1h\n" if name == "cart" else ""
    return (
        f"journey: {name}\nentry: {{event: {event}}}\npriority: {PRIORITIES[rank]}\nexit_on: Left\nsteps:\n{wait}"
        f"  - id: mail\n    send: {{template: t, category: {CATEGORIES[name]}, value: {worth}}}\n"
    )


class World:
    """Everything that happens to so many people in so many days."""

    def __init__(self, people: int, days: int, seed: int) -> None:
        self.draw = random.Random(seed)
        self.end_us = START_US + days * DAY_US
        self.people: dict[str, Person] = {}
        """By identifier, ``user_id:…`` or ``anonymous_id:…``; the same person once she is known to be one."""
        self._count = 0
        self._days = days
        happened = [one for number in range(people) for one in self._life(number)]
        happened.sort(key=lambda one: one[0])
        self.happened = happened

    def items(self) -> Iterator[Take | Advance | Crash]:
        """The history as the simulator takes it: one record a block, a few thousand between two looks, with crashes."""
        for start in range(0, len(self.happened), 4_000):
            part = self.happened[start : start + 4_000]
            yield from (Take(at_us, [record]) for at_us, record in part)
            if self.draw.random() < 0.5:
                yield Crash(self.draw.choice(POINTS))
            yield Advance(part[-1][0])
        yield Advance(self.end_us + 4 * DAY_US)

    def _life(self, number: int) -> Iterator[tuple[int, LogRecord]]:
        user = Person(f"u{number}", "", self.draw.choice([0.1, 1.0, 4.0, 20.0]))
        yield from self._introduce(user, START_US + number)
        if self.draw.random() < 0.15:
            yield from self._second_life(number, user)
        yield from self._bursts(user, START_US + DAY_US, self.end_us, 7 * self._days // 365)

    def _second_life(self, number: int, user: Person) -> Iterator[tuple[int, LogRecord]]:
        """She is somebody else, by her phone, until she logs in there."""
        device = Person("", f"d{number}", self.draw.choice([0.1, 5.0]))
        meets_us = START_US + self.draw.randrange(2 * DAY_US, max(self.end_us - START_US, 3 * DAY_US))
        yield from self._introduce(device, START_US + 1_000_000 + number)
        yield from self._bursts(device, START_US + DAY_US, meets_us, 3 * self._days // 365)
        for person, from_us in ((device, meets_us - DAY_US), (user, meets_us - DAY_US), (user, meets_us)):
            yield from self._burst(person, from_us, from_us + DAY_US)
        known_us = meets_us + 30_000_007  # no timer is due at that very instant, so that it is clear which came first
        yield known_us, call("identify", f"m{number}", known_us, user=user.user, anonymous=device.device, traits={})

    def _introduce(self, person: Person, at_us: int) -> Iterator[tuple[int, LogRecord]]:
        name = person.user or person.device
        self.people[name], person.since_us = person, at_us
        traits: dict[str, Any] = {"email": f"{name}@x.example", "predicted": person.predicted}
        if self.draw.random() < 0.8:
            zone = self.draw.choice(ZONES)
            person.zones.append((at_us, zone))
            traits["timezone"] = zone
        yield at_us, self._call("identify", at_us, person, traits=traits)
        if self.draw.random() < 0.8:
            yield self._word(person, at_us + 10_000_000, given=True)
        if self.draw.random() < 0.2:
            moves_us = self.draw.randrange(START_US, self.end_us)
            zone = self.draw.choice(ZONES)
            person.zones.append((moves_us, zone))
            yield moves_us, self._call("identify", moves_us, person, traits={"timezone": zone})
        if self.draw.random() < 0.1:
            yield self._word(person, self.draw.randrange(START_US + DAY_US, self.end_us), given=False)

    def _word(self, person: Person, at_us: int, *, given: bool) -> tuple[int, LogRecord]:
        person.consent.append((at_us, given))
        name = "Consent Given" if given else "Consent Withdrawn"
        return at_us, self._call("track", at_us, person, event=name, properties={"purpose": "offers"})

    def _bursts(self, person: Person, from_us: int, to_us: int, most: int) -> Iterator[tuple[int, LogRecord]]:
        """Busy times, in which several journeys begin within minutes, hours or a day."""
        for _ in range(self.draw.randint(1, max(most, 1)) if to_us > from_us else 0):
            begins_us = self.draw.randrange(from_us, to_us)
            within_us = self.draw.choice([MINUTE_US, 30 * MINUTE_US, 6 * HOUR_US, DAY_US])
            yield from self._burst(person, begins_us, min(begins_us + within_us, to_us))

    def _burst(self, person: Person, from_us: int, to_us: int) -> Iterator[tuple[int, LogRecord]]:
        for _ in range(self.draw.randint(1, 6)):
            at_us = from_us + self.draw.randrange(to_us - from_us) // MINUTE_US * MINUTE_US
            event = self.draw.choice([*ENTRIES, "Cart", "Drop"]) if self.draw.random() < 0.97 else "Left"
            yield at_us, self._call("track", at_us, person, event=event, properties={})

    def _call(self, kind: str, at_us: int, person: Person, **more: Any) -> LogRecord:
        self._count += 1
        return call(kind, f"e{self._count}", at_us, user=person.user, anonymous=person.device, **more)
