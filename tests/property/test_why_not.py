"""Law 8 for what did not come: after any history, `why-not` says what the core did, for every person and every journey.

What was done is told by the facts and intents that the core put out, and by what the test itself has told; the answer is made
from serving copy, ledger, log and live state alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from tests.acceptance.installation import TEMPLATE, write
from tests.unit.console.build import World
from tidings import workspace
from tidings.clock import HOUR_US, MINUTE_US, ManualClock
from tidings.console import standing, why_not
from tidings.console.store import Store
from tidings.domain.output import Fact, cause_offset
from tidings.domain.record import BACKFILL
from tidings.state import snapshot

START_US = 1_800_000_000_000_000
PEOPLE = ("ann", "bob", "cid")
HISTORIES = 60
FILES = {
    "traits_yml": "bought: {count: {event: Buy}}\n",
    "segments_yml": "big: {rule: {trait: bought, at_least: 2}}\nquiet: {rule: {did_not: {event: Buy, within: 3h}}}\n",
    "policy_yml": """
marketing: {consent: required, cap: {at_most: 1, per: 24h}}
transactional: {consent: not_needed}
news: {consent: not_needed}
calm: {consent: not_needed, quiet: {from: "00:00", to: "23:00", then: drop}}
""",
    "templates__t_mjml": TEMPLATE,
    "journeys__filtered_yml": """journey: filtered
entry: {event: Go, where: {price: {at_least: 5}}}
reentry: {after: 2h}
exit_on: Buy
steps:
  - {id: pause, wait: 1h}
  - {id: mail, send: {template: t, category: marketing}}
  - {id: rest, wait: 1h}
""",
    "journeys__once_yml": """journey: once
entry: {event: Go}
reentry: once
steps:
  - {id: left, wait_until: {event: Buy, timeout: 30m, on_event: exit}}
  - {id: mail, send: {template: t, category: transactional}}
""",
    "journeys__thanks_yml": """journey: thanks
entry: {segment: big}
reentry: {after: 4h}
steps:
  - {id: pause, wait: 10m}
  - {id: mail, send: {template: t, category: marketing}}
""",
    "journeys__again_yml": """journey: again
entry: {segment: quiet}
steps:
  - {id: mail, send: {template: t, category: marketing}}
""",
    "journeys__limited_yml": """journey: limited
entry: {event: Go}
limit: {at_most: 2, per: 30d}
steps: [{id: mail, send: {template: t, category: transactional}}]
""",
    "journeys__aiming_yml": """journey: aiming
entry: {event: Go}
goal: {event: Buy}
steps: [{id: pause, wait: 2h}, {id: mail, send: {template: t, category: transactional}}]
""",
    "journeys__held_yml": """journey: held
entry: {event: Go}
holdout: 50
steps: [{id: mail, send: {template: t, category: news}}]
""",
    "journeys__calm_yml": """journey: calm
entry: {event: Go}
steps: [{id: mail, send: {template: t, category: calm}}]
""",
    "journeys__ghostly_yml": """journey: ghostly
shadow: true
entry: {event: Go}
steps: [{id: mail, send: {template: t, category: news}}]
""",
    "journeys__forked_yml": """journey: forked
entry: {event: Go}
reentry: once
steps:
  - {id: both, parallel: {paths: {mail: one, later: two}, join: end}}
  - {id: one, send: {template: t, category: news}}
  - {id: end_one, exit: sent}
  - {id: two, wait: 1h}
  - {id: end, exit: both}
""",
}
GO = ("forked", "once", "limited", "aiming", "held", "calm", "ghostly")
ENTRY = {"filtered": "Go", "once": "Go", "thanks": "big", "again": "quiet"}


class Told(NamedTuple):
    """An event as the test told it."""

    known_us: int
    offset: int
    who: str
    name: str
    price: int
    loaded: bool


class History:
    """A random one, told to a real data directory under a virtual clock."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.world = World(folder, START_US, write(folder / "source", **FILES))
        self.world.note_layouts()
        self.told: list[Told] = []
        self._random = Random(seed)
        for _ in range(self._random.randint(3, 40)):
            self._happens()

    def _happens(self) -> None:
        draw, world = self._random, self.world
        step = draw.choice([0, 1, 7, 30, 60, 90, 200])
        world.clock.set(world.clock.now_us() + step * MINUTE_US)
        who, name = (
            draw.choice(PEOPLE),
            draw.choice(["Go", "Go", "Go", "Buy", "Consent Given", "Consent Given", "Consent Withdrawn", "Hi", "Hi"]),
        )
        ids: dict[str, Any] = {"userId": who}
        if name == "Hi":
            world.tell("identify", ids, traits={"email": f"{who}@x.example"})
        else:
            price, loaded = draw.choice([1, 9]), draw.random() < 0.15
            said = {"price": price, "purpose": "marketing"}
            offset = world.tell("track", ids, event=name, properties=said, flags=BACKFILL if loaded else 0)
            self.told.append(Told(world.log.horizon_us(world.clock.now_us()), offset, who, name, price, loaded))
        if step or draw.random() < 0.5:  # else the next one comes at the same instant
            world.run()
            if draw.random() < 0.3:
                world.deliver()
        world.run()

    def facts(self, *kinds: str) -> list[Fact]:
        return [fact for block in self.world.outputs.read(0, 1_000_000) for fact in block.facts if fact.kind in kinds]


def actual(history: History, journey: str, who: str, profile_id: str) -> tuple[str, str]:
    """(kind, because) of what the core did, from its facts and intents."""
    started = [one for one in history.facts("run_started") if (one.subject, one.profile_id) == (journey, profile_id)]
    if not started:
        return "never_entered", not_entered(history, journey, who, profile_id)
    last = started[-1].data["run_id"]
    end = next((one for one in history.facts("run_ended") if one.data["run_id"] == last), None)
    if end is not None and (refused := refused_since(history, journey, who, profile_id, end)):
        return "not_again", refused
    began_us = started[-1].known_us
    rows = [row for row in history.world.ledger.of_person(profile_id, 1_000) if row.journey == journey]
    rows = [row for row in rows if row.run_id == last or (journey == "forked" and row.decided_us >= began_us)]
    if rows:
        row = max(rows, key=lambda one: one.decided_us)
        return ("not_sent", row.reason) if row.state == "suppressed" else (row.state, row.reason)
    return ("running", "") if end is None else ("ended", end.data["outcome"])


def not_entered(history: History, journey: str, who: str, profile_id: str) -> str:
    if journey in ("thanks", "again"):
        return "loaded" if entered(history, ENTRY[journey], profile_id) else "not_in_segment"
    goes = [one for one in history.told if (one.who, one.name) == (who, "Go")]
    if not goes:
        return "never_came"
    assert all(one.loaded or (journey == "filtered" and one.price < 5) for one in goes)
    return "loaded" if any(one.loaded for one in goes) else "filter"


def entered(history: History, segment: str, profile_id: str) -> list[Fact]:
    return [one for one in history.facts("segment_entered") if (one.subject, one.profile_id) == (segment, profile_id)]


def refused_since(history: History, journey: str, who: str, profile_id: str, end: Fact) -> str:
    """The last refusal of a chance that came after the run had ended."""
    after_us = {"filtered": 2 * HOUR_US, "thanks": 4 * HOUR_US}.get(journey, 0)
    if journey in ("thanks", "again"):
        loaded = {one.offset for one in history.told if one.loaded}
        entries = entered(history, ENTRY[journey], profile_id)
        found = [place(one) for one in entries if cause_offset(one.cause) not in loaded]
    else:
        found = [
            (history_known(history, one), one.offset)
            for one in history.told
            if (one.who, one.name, one.loaded) == (who, "Go", False) and (journey in GO or one.price >= 5)
        ]
    started = [one for one in history.facts("run_started") if (one.subject, one.profile_id) == (journey, profile_id)]
    later = [one for one in found if one >= place(end) and one != place(started[-1])]
    if not later:
        return ""
    assert journey in ("once", "forked", "limited") or later[-1][0] < end.known_us + after_us
    return {"once": "once", "forked": "once", "limited": "limit"}.get(journey, "too_soon")


def place(fact: Fact) -> tuple[int, int]:
    """When and where in the log it was done; timers fire before events."""
    offset = cause_offset(fact.cause)
    return fact.known_us, -1 if offset is None else offset


def history_known(history: History, told: Told) -> int:
    """When the log took it."""
    return history.world.log.read(told.offset, 1)[0].taken_us


def answers(history: History) -> Iterator[tuple[str, str, tuple[str, str], str]]:
    """(who, journey, what why-not says, its sentence)."""
    world = history.world
    definitions = workspace.load(world.config.workspace)
    now_us = world.clock.now_us() + 1_000  # the log tells blocks of one instant apart by a microsecond each
    with Store(world.config, ManualClock(now_us)) as store, snapshot.opened(world.config.data / "state") as state:
        for who in PEOPLE:
            found = store.serving.rows("by_identifier", "user_id", who, who + "\0", 1)
            for row in found:
                (person,) = standing.people(state, definitions, [row["profile_id"]])
                for journey in definitions.journeys:
                    said = why_not.why_not(store, definitions, journey, row["profile_id"], now_us, person)
                    assert said.lines()
                    verdict = said.verdict
                    because = "" if verdict.kind == "running" else verdict.because
                    yield who, journey, (verdict.kind, because), verdict.sentence


SEEN: dict[tuple[str, str], str] = {}


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_why_not_says_what_the_core_did(seed: int, tmp_path: Path) -> None:
    history = History(tmp_path, seed)
    try:
        for who, journey, said, sentence in answers(history):
            (row,) = _profile(history, who)
            assert said == actual(history, journey, who, row), f"{who}, {journey}: {sentence}"
            SEEN[said] = sentence
    finally:
        history.world.close()


def _profile(history: History, who: str) -> list[str]:
    with Store(history.world.config, ManualClock(START_US)) as store:
        return [row["profile_id"] for row in store.serving.rows("by_identifier", "user_id", who, who + "\0", 1)]


def test_the_histories_had_every_kind_of_end() -> None:
    if len(SEEN) < 3:
        pytest.skip("the histories were not told in this run")
    kinds = {f"{kind}: {because}" for kind, because in SEEN}
    assert {
        "never_entered: never_came", "never_entered: filter", "never_entered: loaded", "never_entered: not_in_segment",
        "not_again: once", "not_again: too_soon", "not_sent: no_consent", "not_sent: frequency_cap", "running: ",
        "ended: did Buy", "ended: goal reached: did Buy", "accepted: ", "queued: ", "not_again: limit", "not_sent: holdout",
        "not_sent: quiet_hours", "not_sent: shadow",
    } <= kinds  # fmt: skip
