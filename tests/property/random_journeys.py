"""Random workspaces with random journeys of every kind of step and entry, and random histories for them.

Everything is drawn from a seed, so a case that fails is called by its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, iso
from tidings.domain import called, item
from tidings.domain.everybody import Asked, Cancel, Pause, Resume, Start, record_of
from tidings.domain.message import CallIntent, SendIntent
from tidings.domain.outward import FAILED, OK, Answer
from tidings.domain.record import BACKFILL, LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import DefinitionError
from tidings.hosts.outside import Reply
from tidings.testing.histories import Advance, Crash, Define, Item, Take, call
from tidings.workspace import Definitions

START_US = 1_800_000_000_000_000
SPAN_US = 5 * DAY_US
EVENTS = ("Product Viewed", "Product Added", "Product Removed", "Order Completed", "Search Done")
TRAITS = """
spent: {sum: {event: Order Completed, property: revenue}}
first_order: {first: {event: Order Completed}}
last_order: {last: {event: Order Completed}}
items_seen: {distinct: {event: Product Viewed, property: product_id}}
cart: {cart: {added: Product Added, removed: Product Removed, emptied: Order Completed}}
"""
RULES_BY_SEGMENT = """
spender: {rule: {trait: spent, at_least: 100}}
lapsed: {rule: {all: [{did: {event: Order Completed}}, {did_not: {event: Order Completed, within: 2d}}]}}
new_buyer: {rule: {trait: first_order, within: 1d}}
keen: {rule: {did: {event: Product Viewed, at_least: 3, within: 3h}}}
gold: {rule: {trait: plan, equals: gold}}
left_it: {rule: {sequence: {steps: [{event: Product Added}, {not: {event: Order Completed}, within: 30m}], within: 2d}}}
old_buyer: {rule: {trait: last_order, older_than: 36h}}
"""
MORE = "idle: {rule: {did_not: {event: Product Viewed, within: 1d}}}\n"
"""A segment that one of two versions has."""
SEGMENTS = ("spender", "lapsed", "new_buyer", "keen", "gold", "left_it", "old_buyer")
RULES: tuple[Any, ...] = (
    {"trait": "cart", "empty": False},
    {"trait": "plan", "equals": "gold"},
    {"trait": "spent", "at_least": 50},
    {"did": {"event": "Product Viewed", "at_least": 2, "within": "3h"}},
    {"did_not": {"event": "Order Completed", "within": "1d"}},
    {"in_segment": "keen"},
)
SPANS = ("10s", "7m", "1h", "9h", "2d", "4d")
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "Nowhere/AtAll", "")
TOGETHER_US = HOUR_US
"""What the log takes within so long comes as one block."""
TRIES = 200
"""Draws until a journey is found that may be: what leads round in a circle or nowhere is refused."""
Draw = random.Random
Made = dict[str, Any]


class Sketch:
    """A journey that is being drawn."""

    def __init__(self, rng: Draw, count: int, others: Sequence[str]) -> None:
        self.rng = rng
        self.ids = [f"s{number}" for number in range(count)]
        self.others = others
        self.kinds: dict[str, str] = {}

    def ahead(self, number: int) -> str:
        """A step below, mostly the next; or the end."""
        below = [*self.ids[number + 1 : number + 4], "exit"]
        return below[0] if self.rng.random() < 0.6 else self.rng.choice(below)

    def before(self, number: int, kind: str) -> str:
        """An earlier step of a kind; empty when there is none."""
        found = [one for one in self.ids[:number] if self.kinds.get(one) == kind]
        return self.rng.choice(found) if found else ""


def wait(sketch: Sketch, number: int) -> Any:
    rng = sketch.rng
    until = {"until": rng.choice(("09:00", "01:30", "23:59"))}
    if rng.random() < 0.5:
        until["weekdays"] = rng.sample(["mon", "wed", "sat", "sun"], 2)  # type: ignore[assignment]
    return rng.choice((rng.choice(SPANS), until, {"until_trait": "due_at", "before": rng.choice(SPANS)}))


def wait_until(sketch: Sketch, number: int) -> Any:
    rng = sketch.rng
    if rng.random() < 0.4:
        come = [{"rule": rng.choice(RULES), "fresh": rng.random() < 0.5}, {"segment": rng.choice(SEGMENTS)}]
        come.append({"event": rng.choice(EVENTS)})
        ways = [{**one, "then": sketch.ahead(number)} for one in rng.sample(come, 2)]
        return {"any": ways, "timeout": rng.choice(SPANS), "else": sketch.ahead(number)}
    message = sketch.before(number, "send")
    if message and rng.random() < 0.4:
        words = rng.sample(["opened", "clicked", "accepted", "suppressed"], 2)
        return {"message": message, "is": words, "timeout": rng.choice(SPANS), "on_event": sketch.ahead(number)}
    made = {"event": rng.sample(EVENTS, 2), "timeout": rng.choice(SPANS), "on_event": sketch.ahead(number)}
    if rng.random() < 0.4:
        made["restart_on"] = rng.choice(EVENTS)
    return made


def branch(sketch: Sketch, number: int) -> Any:
    rng = sketch.rng
    asked = sketch.before(number, "send")
    if asked and rng.random() < 0.4:
        return {"of": asked, "ways": {"clicked": sketch.ahead(number), "suppressed": sketch.ahead(number)}}
    called = sketch.before(number, "webhook")
    if called and rng.random() < 0.5:
        where = {"score": {"at_least": 2}}
        return {"answer": called, "where": where, "then": sketch.ahead(number), "else": sketch.ahead(number)}
    return {"if": rng.choice(RULES), "then": sketch.ahead(number), "else": sketch.ahead(number)}


def split(sketch: Sketch, number: int) -> Any:
    ways = {sketch.ahead(number), sketch.ahead(number), "exit"}
    weights = [100 // len(ways)] * (len(ways) - 1)
    return dict(zip(sorted(ways), [*weights, 100 - sum(weights)], strict=True)) if len(ways) > 1 else None


def send(sketch: Sketch, number: int) -> Any:
    rng = sketch.rng
    made: Made = {
        "template": rng.choice(("welcome", "abandoned_cart")),
        "category": rng.choice(("marketing", "transactional")),
    }
    if made["category"] == "marketing" and rng.random() < 0.5:
        made["value"] = rng.randint(1, 9)
    return made


def parallel(sketch: Sketch, number: int) -> Any:
    below = sketch.ids[number + 1 :]
    if len(below) < 3:
        return None
    paths = dict(zip(("left", "right"), sketch.rng.sample(below, 2), strict=True))
    return {"paths": paths, "join": below[-1], "until": sketch.rng.choice(("all", "any"))}


def start(sketch: Sketch, number: int) -> Any:
    if not sketch.others:
        return None
    return {"journey": sketch.rng.choice(sketch.others), "with": {"product_id": {"event": "product_id"}}}


STEPS: dict[str, Callable[[Sketch, int], Any]] = {
    "wait": wait,
    "wait_until": wait_until,
    "branch": branch,
    "split": split,
    "send": send,
    "update": lambda sketch, _: {"tier": sketch.rng.choice(("a", "b")), "seen": {"trait": "items_seen"}},
    "list": lambda sketch, _: {sketch.rng.choice(("add", "remove")): "vip"},
    "webhook": lambda sketch, _: {"name": "crm", "body": {"who": {"trait": "plan"}}, "timeout": "1h"},
    "holdout": lambda sketch, _: sketch.rng.choice((10, 50, 90)),
    "parallel": parallel,
    "start": start,
    "send_time": lambda sketch, _: {"within": sketch.rng.choice(("6h", "24h")), "fallback": "10:00"},
    "exit": lambda sketch, number: f"ends at {number}",
}
"""Each kind of step to how its settings are drawn; None when it does not fit there."""

OFTEN = ("send", "send", "send", "wait", "wait_until", "wait_until")
"""Kinds that are drawn more often."""

ENTRIES: dict[str, Callable[[Draw], Made]] = {
    "event": lambda rng: {"event": rng.choice(EVENTS)},
    "segment": lambda rng: {"segment": rng.choice(SEGMENTS), "when": rng.choice(("enter", "leave"))},
    "item": lambda rng: {
        "item": {"change": rng.choice(("price_drop", "back_in_stock"))},
        "who": {"did": ["Product Viewed", "Product Added"], "within": "3d"},
    },
    "date": lambda rng: {"date": {"trait": "due_at", "at": "09:00", rng.choice(("before", "after")): "1d"}},
    "schedule": lambda rng: {"schedule": {"at": rng.choice(("07:00", "18:30")), "rule": rng.choice(RULES)}},
    "call": lambda _: {"call": {}},
}


def journey(rng: Draw, name: str, others: Sequence[str]) -> Made:
    """A journey that may not be allowed."""
    sketch = Sketch(rng, rng.randint(1, 7), others)
    steps: list[Made] = []
    for number, step in enumerate(sketch.ids):
        kind, settings = "", None
        while settings is None:
            kind = rng.choice((*sorted(STEPS), *OFTEN))
            settings = STEPS[kind](sketch, number)
        sketch.kinds[step] = kind
        steps.append({"id": step, kind: settings})
    entries = [ENTRIES[kind](rng) for kind in rng.sample(sorted(ENTRIES), rng.randint(1, 2))]
    made: Made = {"journey": name, "entry": entries if len(entries) > 1 else entries[0], "steps": steps}
    return {**made, **about(rng)}


def about(rng: Draw) -> Made:
    """What holds for a whole journey."""
    made: Made = {"reentry": rng.choice(("always", "once", {"after": "6h"}))}
    if rng.random() < 0.3:
        made["exit_on"] = rng.choice(EVENTS)
    if rng.random() < 0.3:
        made["priority"] = rng.choice(("high", "low"))
    if rng.random() < 0.2:
        made["holdout"] = 30
    if rng.random() < 0.2:
        made["goal"] = rng.choice(({"event": "Order Completed"}, {"rule": rng.choice(RULES)}))
    if rng.random() < 0.2:
        made["exit_if"] = [rng.choice(RULES)]
    if rng.random() < 0.2:
        made["per"] = "product_id"
    if rng.random() < 0.15:
        made["shadow"] = True
    if rng.random() < 0.2:
        made["limit"] = {"at_most": 2, "per": "2d"}
    if rng.random() < 0.15:
        made["shadow"] = True
    return made


def policy(rng: Draw) -> Made:
    """Message categories, and what holds across them."""
    marketing: Made = {"consent": "required", "cap": {"at_most": rng.randint(1, 3), "per": "1d"}}
    if rng.random() < 0.5:
        marketing |= {"when_capped": "wait", "patience": "2d"}
    made: Made = {"marketing": marketing, "transactional": {"consent": "not_needed"}}
    if rng.random() < 0.5:
        made["quiet"] = {"from": "21:00", "to": "08:00", "then": rng.choice(("wait", "drop"))}
    if rng.random() < 0.15:
        made["holdout"] = {"percent": 40}
    if rng.random() < 0.5:
        made["arbitration"] = {"window": "1h", "hold": "10m", "losers": rng.choice(("retry", "drop"))}
    return made


def make(seed: int, folder: Path) -> Definitions:
    """A random workspace, written to a folder and loaded."""
    rng = random.Random(seed)
    return _made(rng, folder, "")


def _made(rng: Draw, folder: Path, segments: str) -> Definitions:
    (folder / "journeys").mkdir(parents=True)
    (folder / "broadcasts").mkdir()
    (folder / "traits.yml").write_text(TRAITS, "utf-8")
    (folder / "segments.yml").write_text(RULES_BY_SEGMENT + segments, "utf-8")
    (folder / "settings.yml").write_text("timezone: Europe/London\n", "utf-8")
    (folder / "policy.yml").write_text(yaml.safe_dump(policy(rng)), "utf-8")
    (folder / "webhooks.yml").write_text("crm: {url: 'https://crm.example/hook'}\n", "utf-8")
    for name in ("b0", "b1")[: rng.randint(0, 2)]:
        (folder / "broadcasts" / f"{name}.yml").write_text(yaml.safe_dump(broadcast(rng, name)), "utf-8")
    names = [f"j{number}" for number in range(rng.randint(1, 3))]
    for name in names:
        found = _allowed(rng, name, names[: names.index(name)], folder)
    return found


def broadcast(rng: Draw, name: str) -> Made:
    """A broadcast to some of them."""
    made: Made = {"broadcast": name, "template": "welcome"}
    made |= rng.choice(({"segment": rng.choice(SEGMENTS)}, {"rule": {"did": {"event": "Product Viewed"}}}))
    if rng.random() < 0.5:
        made |= {"at": "2027-01-16 10:00"}
        made |= rng.choice(({}, {"local": True, "passed": rng.choice(("now", "skip", "next_day"))}))
    return made | rng.choice(({"over": "5h"}, {"rate": "4/h"}, {}))


def changed(seed: int, folder: Path) -> Definitions:
    """What comes after the workspace of a seed: some of its journeys stay, some are others, and say where runs go on."""
    rng = random.Random(seed + 3)
    before = {one.stem: yaml.safe_load(one.read_text("utf-8")) for one in sorted((folder / "a/journeys").iterdir())}
    found = _made(rng, folder / "b", MORE if rng.random() < 0.5 else "")
    for name in [one for one in before if one in found.journeys]:
        path = folder / "b" / "journeys" / f"{name}.yml"
        drawn = path.read_text("utf-8")
        kept = before[name] if rng.random() < 0.3 else yaml.safe_load(drawn)
        if rng.random() < 0.7:
            kept |= {"moves": _moves(rng, before[name], kept), "description": "again"}
        path.write_text(yaml.safe_dump(kept, sort_keys=False), "utf-8")
        try:
            found = workspace.load(folder / "b")
        except DefinitionError:  # an old journey may start one that is not there any more
            path.write_text(drawn, "utf-8")
    return found


def _moves(rng: Draw, before: Made, after: Made) -> Made:
    there = [one["id"] for one in after["steps"]] + ["exit", "stay"]
    return {"*": rng.choice(("same", {one["id"]: rng.choice(there) for one in before["steps"]}))}


def _allowed(rng: Draw, name: str, others: Sequence[str], folder: Path) -> Definitions:
    """Draw until the workspace with this journey may be."""
    problem = ""
    for _ in range(TRIES):
        made = journey(rng, name, others)
        (folder / "journeys" / f"{name}.yml").write_text(yaml.safe_dump(made, sort_keys=False), "utf-8")
        try:
            return workspace.load(folder)
        except DefinitionError as error:
            problem = str(error)
    msg = f"no journey of {TRIES} drawn may be; the last one: {problem}"
    raise AssertionError(msg)


# Histories


def records(seed: int, most: int = 40) -> list[tuple[int, LogRecord]]:
    """(taken, record) of some people's days, in the order in which the log takes them; some are late, some come twice."""
    rng = random.Random(seed + 1)
    found = [one for user in "abc" for one in _known(rng, user)]
    for number in range(rng.randint(10, most)):
        occurred_us = START_US + rng.randrange(SPAN_US // SECOND_US) * SECOND_US
        taken_us = occurred_us + (rng.randrange(60 * HOUR_US) if rng.random() < 0.15 else 0)
        one = _one(rng, number, occurred_us)
        if rng.random() < 0.08:  # history that is loaded
            one = LogRecord(one.source, one.kind, one.sent_us, one.body, BACKFILL)
        found.append((taken_us, one))
        if rng.random() < 0.1:
            found.append((taken_us + rng.randrange(DAY_US), one))
    return sorted(found, key=lambda pair: pair[0])


def _known(rng: Draw, user: str) -> list[tuple[int, LogRecord]]:
    """Most people can be written to from the beginning."""
    at_us = START_US - HOUR_US
    traits = {
        "email": f"{user}@x.example",
        "timezone": rng.choice(ZONES),
        "due_at": f"2027-01-{rng.randint(16, 20)}T12:00:00Z",
    }
    consent = {"purpose": "marketing"}
    made = [
        call("identify", f"known-{user}", at_us, user=user, traits=traits),
        call("track", f"agreed-{user}", at_us, user=user, event="Consent Given", properties=consent),
    ]
    return [(at_us, one) for one in made if rng.random() < 0.8]


def _said(rng: Draw, at_us: int) -> LogRecord:
    """Something that the shop's own system says: of an item, or that a run shall begin."""
    if rng.random() < 0.3:
        asked = called.Call(userId=rng.choice("abc"), properties={"product_id": rng.choice("pqr")})
        return called.record(f"j{rng.randrange(3)}", msgspec.structs.replace(asked, messageId=f"c{at_us}"))
    said = {
        "product_id": rng.choice("pqr"),
        "timestamp": iso(at_us),
        "price": rng.randint(1, 9),
        "available": rng.random() < 0.5,
    }
    return LogRecord("items", item.KIND, 0, msgspec.json.encode(said))


def _one(rng: Draw, number: int, at_us: int) -> LogRecord:
    if rng.random() < 0.25:
        return _said(rng, at_us)
    user = rng.choice("abc")
    device = {"a": "d1", "b": "d2", "c": "d3"}[user]
    who = rng.choice(({"user": user}, {"user": user}, {"anonymous": device}, {"user": user, "anonymous": device}))
    name = f"e{number}"
    chance = rng.random()
    if chance < 0.2 and "user" in who:
        traits = {
            "email": f"{user}@x.example",
            "plan": rng.choice(("gold", "free")),
            "timezone": rng.choice(ZONES),
            "due_at": f"2027-01-{rng.randint(15, 22)}T12:00:00Z",
        }
        return call("identify", name, at_us, traits=traits, **who)
    if chance < 0.3:
        return call("alias", name, at_us, user=rng.choice("abc"), previousId=rng.choice("abc"))
    if chance < 0.43:
        event = rng.choice(("Consent Given", "Consent Given", "Consent Given", "Unsubscribed"))
        return call(
            "track", name, at_us, event=event, properties={"purpose": "marketing", "category": "marketing"}, **who
        )
    properties = {"product_id": rng.choice("pqr"), "price": rng.choice((10, 60)), "revenue": rng.choice((5, 70, 120))}
    return call("track", name, at_us, event=rng.choice(EVENTS), properties=properties, **who)


def feedback(seed: int, sends: Sequence[SendIntent]) -> list[tuple[int, LogRecord]]:
    """(taken, record) of what comes back from some messages."""
    rng = random.Random(seed + 2)
    found = []
    for number, sent in enumerate(sends[:20]):
        at_us = sent.decided_us + rng.randrange(1, 4 * HOUR_US)
        name = rng.choice(("Email Sent", "Email Opened", "Email Link Clicked", "Unsubscribed"))
        body = {
            "type": "track",
            "event": name,
            "messageId": f"f{number}",
            "context": {"profile_id": sent.profile_id},
            "properties": {"message_id": sent.message_id, "journey": sent.journey, "category": sent.category},
        }
        found.append((at_us, LogRecord(INTERNAL_SOURCE, "", 0, msgspec.json.encode(body))))
    return found


def asked(seed: int, definitions: Definitions) -> list[tuple[int, LogRecord]]:
    """What an operator does with the broadcasts, whether it fits or not."""
    rng = random.Random(seed + 4)
    found = []
    for number in range(rng.randint(0, 3) if definitions.broadcasts else 0):
        name = rng.choice(sorted(definitions.broadcasts))
        version, again = definitions.broadcasts[name].version, rng.random() < 0.5
        told: list[Asked] = [Start(broadcast=name, version=version, start=f"s{number}", audience=3, again=again)]
        while rng.random() < 0.7:
            told.append(rng.choice([Pause, Resume, Pause, Resume, Cancel])(broadcast=name))
        at_us = START_US + rng.randrange(SPAN_US // MINUTE_US) * MINUTE_US
        for one in told:
            found.append((at_us, record_of(one)))
            at_us += rng.randrange(600) * MINUTE_US
    return found


def change(seed: int) -> list[Define]:
    """A change of definitions from ``a`` to ``b``, somewhere in the middle."""
    rng = random.Random(seed + 5)
    prepare_us, switch_us = sorted(START_US + rng.randrange(SPAN_US // MINUTE_US) * MINUTE_US for _ in range(2))
    enter = rng.random() < 0.3
    return [Define(prepare_us, "prepare", "b", "a"), Define(switch_us, "switch", "b", "a", enter=enter)]


def remembering(parse: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
    """`plain.parse` that reads each text once: a case loads the same files many times, and that is most of its cost."""
    known: dict[str, bytes] = {}

    def again(text: str, where: str) -> Any:
        if text not in known:
            known[text] = msgspec.msgpack.encode(parse(text, where))
        return msgspec.msgpack.decode(known[text])

    return again


def history(
    taken: Sequence[tuple[int, LogRecord]], crashes: Draw | None = None, changes: Sequence[Define] = ()
) -> list[Item]:
    """The items of a run: each record is taken at its instant; with `crashes` the process dies at every one.

    What is taken within `TOGETHER_US` comes as one block, as from a phone that was offline. Where definitions change, the process dies
    then and at some others: to start anew is dear there, as it reads them again.
    """
    items: list[Item] = []
    block: list[LogRecord] = []
    blocks: list[tuple[int, list[LogRecord]]] = []
    for at_us, record in sorted(taken, key=lambda pair: pair[0]):
        if blocks and block and at_us - blocks[-1][0] < TOGETHER_US:
            block.append(record)
            continue
        block = [record]
        blocks.append((at_us, block))
    every: list[tuple[int, Define | list[LogRecord]]] = [*blocks, *((one.at_us, one) for one in changes)]
    for at_us, what in sorted(every, key=lambda pair: pair[0]):
        if crashes is not None and (not changes or isinstance(what, Define) or crashes.random() < 0.15):
            items.append(Crash(crashes.choice(("before_commit", "after_commit", "after_sink"))))
        items += [what if isinstance(what, Define) else Take(at_us, what), Advance(at_us)]
    return [*items, Advance(START_US + 3 * SPAN_US)]


def answering(call: CallIntent) -> Reply | None:
    """The webhook: by the call's id it answers at once or late, fails, or says nothing."""
    turn = int(call.call_id[:2], 16) % 4
    if turn == 0:
        return None
    answer = Answer(result=OK, status=200, body={"score": turn}) if turn < 3 else Answer(result=FAILED, error="500")
    return Reply(answer=answer, after_us=turn * turn * 10 * MINUTE_US)
