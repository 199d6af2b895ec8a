"""Why a message was or was not sent, in plain data for `tidings why`: the chain that the console shows, and its parts.

The ledger's row, the decision's evidence, and the events behind it, from the log. Reads beside whatever runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.clock import SystemClock, iso
from tidings.config import Config
from tidings.console import grounds, people
from tidings.console import why as chains
from tidings.console.grounds import Value
from tidings.console.store import Store
from tidings.console.why import Link
from tidings.decide import evidence
from tidings.domain.message import SendIntent
from tidings.domain.output import cause_offset
from tidings.errors import InputError
from tidings.process import path


class CausingEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event that the decision rests on."""

    offset: int
    name: str
    event_id: str
    occurred: str
    received: str
    properties: dict[str, Any]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one decision, in plain data."""

    message_id: str
    state: str
    reason: str
    subject: str
    profile_id: str
    journey: str
    journey_version: str
    run_id: str
    template: str
    template_version: str
    category: str
    mode: str
    decided: str
    finished: str
    definitions: dict[str, str]
    """Version of the definitions that decided and, as `tidings history` has it, when, by whom and why they were applied."""
    events: list[CausingEvent]
    steps: list[dict[str, str]]
    """Step, when (occurred and known), outcome, cause."""
    waits: list[dict[str, str]]
    """Step, from, until, known, what for, what ended it."""
    draws: list[dict[str, Any]]
    """What was drawn by hash: of what, the number out of 100, the arm."""
    values: list[dict[str, Any]]
    """Name, value, and who read it: what the journey's rules and the template read."""
    consent: dict[str, Any]
    """The consent entry that it rests on; empty when none was needed."""
    quiet: dict[str, Any]
    """The zone that was asked, and the quiet hours that it fell into; empty when there are none."""
    arbitration: dict[str, Any]
    """What it was worth, who went first, who else was there; empty when it competes with nobody."""
    caps: list[dict[str, Any]]
    """Each frequency cap, how many were counted against it, and which."""
    counted: list[dict[str, str]]
    """The messages that caps counted, and the one that went first."""
    segments: list[str]
    """Segments that the person was in."""
    items: list[dict[str, Any]]
    """Recommended items, each with its reason."""
    attempts: list[dict[str, Any]]
    """Tries to hand it over, with the server's answer."""
    digest: str
    """Of the bytes that were handed over; empty when none were. `--render` makes them again and compares."""
    chain: list[Link]
    """The whole story, oldest first; instants in microseconds."""

    def lines(self) -> list[str]:
        """For people: the verdict, then the chain, a line a fact."""
        verdict = f"{self.state}{f' ({self.reason})' if self.reason else ''}"
        lines = [f"Message {self.message_id}: {verdict}", f"  {self.subject or '(not rendered)'}"]
        lines.append(f"  decided {self.decided} by journey {self.journey} version {self.journey_version}")
        lines.append(f"  template {self.template} {self.template_version}, category {self.category}, {self.mode}")
        for link in self.chain:
            lines += chains.lines(link)
        if self.items:
            lines.append("Recommended")
            lines += [f"  {item['name']}: {item['reason']}" for item in self.items]
        return lines


def explain(config: Config, message_id: str) -> Explanation:
    """The explanation of one decision. Raises InputError when the ledger does not know it."""
    with Store(config, SystemClock()) as store:
        row = store.ledger.row("message", message_id)
        if row is None:
            msg = f"message: the ledger in {config.data} has no {message_id!r}; the console lists all messages"
            raise InputError(msg)
        return _explained(store, row, chains.unpack(row))


_COLUMNS = ("message_id", "state", "reason", "subject", "profile_id", "journey", "journey_version", "run_id", "template",
            "template_version", "category", "mode", "digest")  # fmt: skip


def _explained(store: Store, row: sqlite3.Row, intent: SendIntent) -> Explanation:
    steps, why = intent.why.get("steps", []), intent.why
    return Explanation(
        **{name: row[name] for name in _COLUMNS},
        decided=iso(row["decided_us"]),
        finished=iso(row["finished_us"]) if row["finished_us"] else "",
        definitions=_definitions(store, intent),
        events=_events(store, intent),
        steps=[_step(entry) for entry in steps],
        waits=[_wait(one) for one in path.waits(steps)],
        draws=[msgspec.to_builtins(one) for one in chains.drawn(intent)],
        values=[_value(one) for one in grounds.values(store, intent, grounds.template_of(store, row, intent))],
        consent=why.get("consent", {}),
        quiet=why.get("quiet", {}),
        arbitration=why.get("arbitration", {}),
        caps=why.get("caps", []),
        counted=[_counted(one) for one in grounds.named(store, _spoken_of(why))],
        segments=why.get("segments", []),
        items=[msgspec.to_builtins(item) for item in chains.items(row)],
        attempts=[
            {"n": one["n"], "started": iso(one["started_us"]), "reply": one["reply"] or "no answer yet"}
            for one in store.ledger.rows("attempts", row["message_id"])
        ],
        chain=chains.chain(store, row, intent),
    )


def _definitions(store: Store, intent: SendIntent) -> dict[str, str]:
    entry = grounds.applied(store, intent.definitions) if intent.definitions else None
    if entry is None:
        return {"version": intent.definitions} if intent.definitions else {}
    return {"version": entry.version, "applied": iso(entry.at_us), "who": entry.who, "why": entry.why}


def _step(entry: list[Any]) -> dict[str, str]:
    step, occurred_us, known_us, outcome, cause = entry
    return {"step": step, "occurred": iso(occurred_us), "known": iso(known_us), "outcome": outcome, "cause": cause}


def _wait(one: path.Waited) -> dict[str, str]:
    instants = {"from": iso(one.from_us), "until": iso(one.until_us), "known": iso(one.known_us)}
    return {"step": one.step, **instants, "for": one.words, "ended": one.ended}


def _value(one: Value) -> dict[str, Any]:
    return {"name": one.name, "value": one.value, "by": one.by}


def _spoken_of(why: Mapping[str, Any]) -> list[str]:
    """Ids of messages that the evidence names, each once."""
    return list(dict.fromkeys(message_id for one in evidence.checks(why) for message_id in one.messages))


def _counted(one: grounds.Named) -> dict[str, str]:
    return {
        "message_id": one.message_id, "template": one.template, "decided": iso(one.decided_us), "state": one.state
    }  # fmt: skip


def _events(store: Store, intent: SendIntent) -> list[CausingEvent]:
    causes = [intent.why.get("entry", ""), *(entry[4] for entry in intent.why.get("steps", []))]
    offsets = {offset for cause in causes if (offset := cause_offset(cause)) is not None}
    consent = intent.why.get("consent")
    if consent:
        offsets.add(int(consent["offset"]))
    found = [(offset, people.read_event(store, offset)) for offset in sorted(offsets)]
    return [
        CausingEvent(
            offset=offset,
            name=event.name,
            event_id=event.event_id,
            occurred=iso(event.occurred_us),
            received=iso(event.received_us),
            properties=event.properties,
        )
        for offset, event in found
        if event is not None  # trimmed by retention: the path still says what happened
    ]
