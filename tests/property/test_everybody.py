"""Broadcasts in random histories, paused and resumed and given up at random instants, with crashes at every point.

Whoever is reached by an event, by a timer or in her turn, and whenever: facts and intents are the same (law 2), nobody is
skipped and nobody gets it twice.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest

from tidings import workspace
from tidings.clock import DAY_US, MINUTE_US, iso
from tidings.domain import item
from tidings.domain.everybody import Asked, Cancel, Pause, Resume, Start, record_of
from tidings.domain.message import SendIntent
from tidings.domain.record import LogRecord
from tidings.hosts import sweep
from tidings.hosts.simulator import Simulator
from tidings.pipeline import Pipeline
from tidings.testing import histories
from tidings.testing.histories import POINTS, Advance, Crash, Take, call
from tidings.workspace import Definitions

CASES = 150
START_US = 1_800_000_000_000_000
SPAN_US = 2 * DAY_US
USERS = [f"u{number}" for number in range(8)]
ZONES = ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Mars/Base", ""]

Items = list[Take | Advance | Crash]


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    folder = tmp_path_factory.mktemp("everybody")
    for name in ("journeys", "broadcasts"):
        (folder / name).mkdir()
    (folder / "segments.yml").write_text("gold: {rule: {trait: plan, equals: gold}}\nlately: {rule: did X within 6h}\n")
    (folder / "policy.yml").write_text("marketing: {consent: not_needed, cap: {at_most: 2, per: 12h}}\n")
    (folder / "journeys" / "x.yml").write_text(
        "journey: x\nentry: {segment: lately}\nsteps: [{id: w, wait: 90m}, {id: s, send: {template: x}}]\n"
    )
    for change in ("price_drop", "back_in_stock"):
        (folder / "journeys" / f"{change}.yml").write_text(
            f"journey: {change}\nentry: {{item: {{change: {change}}}, who: {{did: [X, Y], within: 12h}}}}\n"
            f"reentry: {{after: 3h}}\nsteps: [{{id: w, wait: 20m}}, {{id: s, send: {{template: x}}}}]\n"
        )
    written = {
        "spread": "segment: gold\nover: 5h",
        "once": "rule: did X within 6h",
        "local": "segment: gold\nat: 2027-01-16 10:00\nlocal: true\nrate: 4/h",
        "timed": "segment: lately\nat: 2027-01-15 20:00\nover: 1h",
    }
    for name, text in written.items():
        (folder / "broadcasts" / f"{name}.yml").write_text(f"broadcast: {name}\ntemplate: t\n{text}\n")
    return workspace.load(folder)


def at_random(rng: Random, span_us: int = SPAN_US) -> int:
    return START_US + rng.randrange(span_us // MINUTE_US) * MINUTE_US


def happens(rng: Random, number: int) -> tuple[int, LogRecord]:
    """Something that somebody does, perhaps known a day later."""
    at_us, who, kind = at_random(rng), rng.choice(USERS), rng.randrange(12)
    known_us = at_us + rng.choice([0, 0, 0, 30 * MINUTE_US, DAY_US])
    if kind < 5:
        traits = {"plan": rng.choice(["gold", "gold", "free"]), "email": f"{who}@x.example"}
        if zone := rng.choice(ZONES):
            traits["timezone"] = zone
        return known_us, call("identify", f"e{number}", at_us, user=who, traits=traits)
    if kind in (5, 6, 7):
        return known_us, call("alias", f"e{number}", at_us, user=who, previousId=rng.choice(USERS))
    properties = {"product_id": rng.choice("pqr")} if rng.random() < 0.8 else {}
    return known_us, call("track", f"e{number}", at_us, user=who, event=rng.choice("XY"), properties=properties)


def item_changes(rng: Random) -> tuple[int, LogRecord]:
    """Something that is said of an item, perhaps late."""
    at_us = at_random(rng)
    said = {"product_id": rng.choice("pqr"), "timestamp": iso(at_us)}
    said |= {"price": rng.randint(1, 9)} if rng.random() < 0.6 else {"available": rng.random() < 0.5}
    known_us = at_us + rng.choice([0, 0, 40 * MINUTE_US])
    return known_us, LogRecord("items", item.KIND, 0, msgspec.json.encode(said))


def asked(rng: Random, definitions: Definitions, number: int) -> list[tuple[int, LogRecord]]:
    """What an operator does with one broadcast, whether it fits or not."""
    name, at_us = rng.choice(list(definitions.broadcasts)), at_random(rng, SPAN_US // 2)
    version, again = definitions.broadcasts[name].version, rng.random() < 0.5
    found: list[Asked] = [Start(broadcast=name, version=version, start=f"s{number}", audience=8, again=again)]
    while rng.random() < 0.7:
        found.append(rng.choice([Pause, Resume, Pause, Resume, Cancel])(broadcast=name))
    records = []
    for one in found:
        records.append((at_us, record_of(one)))
        at_us += rng.randrange(240) * MINUTE_US
    return records


def history(rng: Random, definitions: Definitions) -> Items:
    """What is lived: known things in order, some in one block, with time passing and crashes in between."""
    known = [happens(rng, number) for number in range(rng.randint(5, 40))]
    known += [one for number in range(rng.randint(1, 5)) for one in asked(rng, definitions, number)]
    known += [item_changes(rng) for _ in range(rng.randint(0, 25))]
    items: Items = []
    for at_us, record in sorted(known, key=lambda one: one[0]):
        if items and isinstance(items[-1], Take) and rng.random() < 0.3:
            items[-1] = Take(at_us, [*items[-1].records, record])
            continue
        items.append(Take(at_us, [record]))
        if rng.random() < 0.5:
            items.append(Crash(rng.choice(POINTS)))
        if rng.random() < 0.5:
            items.append(Advance(at_us + rng.choice([0, 1, 60 * MINUTE_US])))
    return [*items, Advance(START_US + 2 * SPAN_US)]


def left_waiting(simulator: Simulator) -> list[str]:
    """Runs that neither ended nor are paused, when all is over."""
    return [run.journey for state in simulator.people() for run in state.runs if not run.paused_us]


def doubled(simulator: Simulator) -> list[tuple[str, str]]:
    """(person, broadcast) that got more than one message of a start; two who turn out to be one each get it before, at most."""
    got: dict[tuple[str, str, str], int] = {}
    found = []
    merges = [(one.known_us, 0, one) for one in simulator.sink.facts if one.kind == "profile_merged"]
    sends = [one for one in simulator.sink.sends.values() if one.bulk and not one.suppressed]
    for _, _, one in sorted([*merges, *((one.decided_us, 1, one) for one in sends)], key=lambda found: found[:2]):
        if isinstance(one, SendIntent):
            key = (one.profile_id, one.journey, str(one.values["event"]["start"]))
            got[key] = got.get(key, 0) + 1
            found += [key[:2]] if got[key] > 1 else []
        else:
            theirs = {key: n for key, n in got.items() if key[0] == one.subject}
            got |= {(one.profile_id, *key[1:]): 1 for key in theirs}
    return found


def sent_while_held(simulator: Simulator) -> list[str]:
    """Broadcasts of which a message was decided on while they were paused, or after they were given up."""
    found = []
    for one in simulator.sink.sends.values():
        told = [hold for hold in simulator.sink.holds if hold.journey == one.journey and hold.known_us < one.decided_us]
        if one.bulk and told[-1:] and told[-1].state != "open":
            found.append(one.journey)
    return found


def listed(simulator: Simulator) -> set[tuple[str, str]]:
    """(item, person) as the state lists them."""
    return {(name, who) for name in "pqr" for who in simulator.state.interested(name, "", 100)}


def interested(simulator: Simulator, definitions: Definitions) -> set[tuple[str, str]]:
    """The same as people's own states say."""
    pipeline = Pipeline(definitions)
    return {(name, state.profile_id) for state in simulator.people() for name in pipeline.items_of(state)}


@pytest.mark.parametrize("seed", range(CASES))
def test_whoever_is_reached_when_and_however_often_it_crashes_everybody_hears_the_same(
    seed: int, definitions: Definitions, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    monkeypatch.setattr(sweep, "LOOK", rng.choice([1, 2, 3, 1_000]))
    monkeypatch.setattr(sweep, "TOUCH", rng.choice([1, 2, 100]))
    simulator = histories.run(definitions, history(rng, definitions), max_batch=rng.choice([1, 3, 100]))
    for batch in (1, 5_000):
        replayed = histories.replay(definitions, simulator, max_batch=batch)
        assert histories.facts_by_person(replayed) == histories.facts_by_person(simulator.sink)
        assert histories.intents(replayed) == histories.intents(simulator.sink)
        assert replayed.holds == simulator.sink.holds
    assert left_waiting(simulator) == []
    assert doubled(simulator) == []
    assert sent_while_held(simulator) == []
    assert simulator.driver._everybody.standing.active == ()
    assert listed(simulator) == interested(simulator, definitions)


def test_the_histories_are_not_empty(definitions: Definitions) -> None:
    found: Counter[str] = Counter()
    for seed in range(30):
        simulator = histories.run(definitions, history(Random(seed), definitions))
        found.update(fact.data["outcome"].split(" ")[0] for fact in simulator.sink.facts if fact.kind == "run_step")
        found.update(one.journey for one in simulator.sink.sends.values() if one.bulk)
        found.update(one.journey for one in simulator.sink.sends.values())
    assert set(definitions.broadcasts) | {"price_drop", "back_in_stock"} | {"paused", "goes", "its"} <= set(found), (
        found
    )
